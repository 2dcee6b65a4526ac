"""The app: time of a rerun, time to the first page, memory before and after Predict."""

import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil

from core.stores import CACHE_VARIABLE
from pages.shell.warm_up import VARIABLE as WARM_UP

ROOT = Path(__file__).resolve().parents[1]
STUDY = "utkface"
RESULT_PAGES = (
    "overview",
    "classification",
    "age",
    "fairness",
    "errors",
    "data",
    "runs",
)
RERUNS = 9
# Of Methods: study, methods drawn, view, the slider that moves and where it goes.
SLIDERS = (
    ("cifar10-lt-200", "hmloss", "loss", "hmloss_delta", (1.0, 1e3)),
    ("cifar10-lt-200", "ldam", "classes", "ldam_max_margin", (0.3, 0.8)),
    ("utkface", "denseweight", "classes", "denseweight_alpha", (0.5, 2.0)),
    ("utkface", "lds", "classes", "lds_kernel_size", (3, 9)),
)
# Of Errors: studies with drawn pictures, and with ten and a hundred classes.
IMAGES = 10_000
MANY_IMAGES = {
    "avatars": ("baseline", "ins", "undersample", "denseweight", "lmf"),
    "cifar10-lt-200": ("baseline", "csce", "focal", "ldam", "balanced-softmax"),
    "cifar100-lt-200": ("baseline", "csce", "focal", "ldam", "balanced-softmax"),
}
MB = 1024 * 1024
# What a person waits for on the first page: its table and its first chart, drawn.
# An axis with its ticks: the hidden chart that fetches the script has none.
CHART_DRAWN = "[data-testid=stPlotlyChart] .main-svg .xtick"
OVERVIEW_READY = ("[data-testid=stTable]", CHART_DRAWN)
# Asked at every frame: Playwright's own wait asks twice a second after a while.
ARE_SEEN = """
selectors => selectors.every(selector =>
  [...document.querySelectorAll(selector)].some(one => one.getClientRects().length))
"""
PATIENCE_S = 300


def measure_reruns() -> tuple[float, str]:
    """Median server time of a rerun of the slowest result page, in ms."""
    medians = {}
    for name in RESULT_PAGES:
        page = open_page(name, study=STUDY)
        seconds = [seconds_of_rerun(page) for _ in range(RERUNS)]
        medians[name] = 1000 * statistics.median(seconds)
    seen = ", ".join(f"{name} {ms:.0f} ms" for name, ms in medians.items())
    return max(medians.values()), f"slowest page; {seen}"


def measure_sliders() -> tuple[float, str]:
    """Median server time after a slider of Methods moved, in ms.

    The whole page runs again here; in the browser only its fragment does.
    """
    medians = {}
    for study, method, view, slider, places in SLIDERS:
        page = open_page("methods", study=study, method=method)
        page.segmented_control(key="methods_view").set_value(view).run()
        sliders = {item.key: item for item in (*page.slider, *page.select_slider)}
        seconds = []
        for index in range(RERUNS):
            sliders[f"methods_{slider}"].set_value(places[index % 2])
            seconds.append(seconds_of_rerun(page))
            sliders = {item.key: item for item in (*page.slider, *page.select_slider)}
        medians[slider] = 1000 * statistics.median(seconds)
    seen = ", ".join(f"{name} {ms:.0f} ms" for name, ms in medians.items())
    return max(medians.values()), f"slowest slider; {seen}"


def measure_errors() -> tuple[float, str]:
    """Seconds that the server takes to open Errors on many images, nothing cached."""
    import core.runs
    from core.data.readers import avatars
    from core.views.caching import clear_caches

    drawn: list[int] = []
    render = avatars.render

    def counted(index: int, *rest: Any) -> Any:
        drawn.append(index)
        return render(index, *rest)

    avatars.render = counted
    seconds, thumbnails = {}, []
    with tempfile.TemporaryDirectory() as folder:
        core.runs.shipped_store = lambda: Path(folder)
        for study in write_many_images(Path(folder)):
            # Once before, so that no module is imported while the clock runs.
            open_page("errors", study=study)
            clear_caches()
            drawn.clear()
            began = time.perf_counter()
            page = open_page("errors", study=study)
            seconds[study] = time.perf_counter() - began
            if page.exception:
                raise RuntimeError(page.exception[0].message)
            first = len(drawn)
            page.run()
            if first:
                thumbnails.append(f"{first} drawn, {len(drawn) - first} again")
    seen = ", ".join(f"{study} {s:.2f} s" for study, s in seconds.items())
    return max(seconds.values()), f"slowest study; {seen}; thumbnails: {thumbnails[0]}"


def write_many_images(store: Path) -> list[str]:
    """Write studies of many test images and several methods; give their names."""
    import pandas as pd

    from core.data.readers.avatars import IMAGE_ID
    from core.runs import STUDY_FILE
    from tests import synthetic

    for study, methods in MANY_IMAGES.items():
        written = synthetic.write_store(
            store, study, methods=methods, seeds=(0,), rows=IMAGES
        )
        if written.dataset.name != "avatars":
            continue
        # Pictures are drawn from their ids, up to as many as the study has.
        dataset = {"name": "avatars", "options": {"count": 2 * IMAGES}}
        own = {**written.model_dump(), "dataset": dataset}
        study_file = store / study / STUDY_FILE
        study_file.write_text(type(written).model_validate(own).model_dump_json())
        for path in store.glob(f"{study}/*/*/predictions.parquet"):
            table = pd.read_parquet(path)
            ids = [IMAGE_ID.format(index) for index in range(len(table))]
            table.assign(image_id=ids).to_parquet(path)
    return list(MANY_IMAGES)


def open_page(name: str, *, language: str = "", **address: str) -> Any:
    """Run a page once, as its address opens it; in English unless told otherwise."""
    from streamlit.testing.v1 import AppTest

    from pages.shell.patches import look_through_packages_once

    look_through_packages_once()
    page = AppTest.from_file(str(ROOT / "pages" / name / "page.py"))
    page.default_timeout = PATIENCE_S
    if language:
        page.session_state["language"] = language
    for key, value in address.items():
        page.query_params[key] = value
    return page.run()


def seconds_of_rerun(page: Any) -> float:
    """Seconds that the server takes to run a page again."""
    began = time.perf_counter()
    page.run()
    seconds = time.perf_counter() - began
    if page.exception:
        raise RuntimeError(page.exception[0].message)
    return seconds


def measure_first_page() -> tuple[float, str]:
    """Seconds from starting the server to Overview drawn in an open browser."""
    with tempfile.TemporaryDirectory() as cache:
        seconds = seconds_to_overview(Path(cache))
    return seconds, "server started, page opened, table and chart drawn; empty cache"


def measure_second_page() -> tuple[float, str]:
    """The same when the server was started before, and Overview opened."""
    with tempfile.TemporaryDirectory() as cache:
        seconds_to_overview(Path(cache))
        seconds = seconds_to_overview(Path(cache))
    return seconds, "results of the server before are in the cache"


def seconds_to_overview(cache: Path) -> float:
    """Seconds from starting the server to Overview drawn in an open browser."""
    with open_browser() as page:
        began = time.perf_counter()
        with serve(cache) as (_, address):
            page.goto(f"{address}/?study={STUDY}")
            wait_for(page, *OVERVIEW_READY)
            return time.perf_counter() - began


def measure_lazy_tensorflow() -> tuple[bool, str]:
    """Whether TensorFlow enters the server with Predict and not before."""
    with open_browser() as page, serve() as (server, address):
        visit_results(page, address)
        before = loads_tensorflow(server)
        predict(page, address)
        after = loads_tensorflow(server)
    seen = f"loaded after the result pages: {before}; after Predict: {after}"
    return not before and after, seen


def measure_first_photo() -> tuple[float, str]:
    """Seconds from opening Predict first, in a fresh server, to a photo's answers."""
    with open_browser() as page, serve() as (server, address):
        cpu, began = cpu_seconds(server), time.perf_counter()
        predict(page, address)
        seconds = time.perf_counter() - began
        cpu = cpu_seconds(server) - cpu
    return seconds, f"page opened, photo uploaded, table drawn; {cpu:.1f} s of CPU"


def cpu_seconds(server: psutil.Process) -> float:
    """Seconds of CPU that the server has taken."""
    used = server.cpu_times()
    return used.user + used.system


def measure_memory_before() -> tuple[float, str]:
    """Memory of the server after every result page was seen, in MB."""
    with open_browser() as page, serve() as (server, address):
        visit_results(page, address)
        return memory_mb(server), "resident, after every result page"


def measure_memory_after() -> tuple[float, str]:
    """Memory of the server after every page was seen and a photo answered, in GB."""
    with open_browser() as page, serve() as (server, address):
        visit_results(page, address)
        predict(page, address)
        return memory_mb(
            server
        ) / 1024, "resident, after every page, one photo answered"


@contextmanager
def serve(cache: Path | None = None) -> Iterator[tuple[psutil.Process, str]]:
    """Serve the app as ``make demo`` does; gives the process and the address.

    What is kept is kept in ``cache``, in place of the user's own cache. No page is
    visited before the bench does.
    """
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "streamlit", "run", "streamlit_app.py"]
    command += ["--server.showEmailPrompt=false", "--server.headless=true"]
    command += [f"--server.port={port}"]
    own = {} if cache is None else {CACHE_VARIABLE: str(cache)}
    server = subprocess.Popen(
        command,
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        env={**os.environ, WARM_UP: "off", **own},
    )
    address = f"http://127.0.0.1:{port}"
    try:
        wait_until_healthy(address)
        yield psutil.Process(server.pid), address
    finally:
        server.kill()
        server.wait()


def wait_until_healthy(address: str) -> None:
    """Return as soon as the server answers."""
    limit = time.monotonic() + PATIENCE_S
    while time.monotonic() < limit:
        try:
            with urllib.request.urlopen(f"{address}/_stcore/health", timeout=5):
                return
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            time.sleep(0.02)
    raise TimeoutError(f"no answer from {address} in {PATIENCE_S} s")


@contextmanager
def open_browser() -> Iterator[Any]:
    """Give an empty page in Debian's Chromium."""
    import shutil

    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox"]
        )
        try:
            yield browser.new_page(viewport={"width": 1440, "height": 2400})
        finally:
            browser.close()


def wait_for(page: Any, *selectors: str) -> None:
    """Wait until one of each is to be seen."""
    page.wait_for_function(
        ARE_SEEN, arg=selectors, polling="raf", timeout=1000 * PATIENCE_S
    )


def visit_results(page: Any, address: str) -> None:
    """Open every result page and wait for its first chart."""
    for name in RESULT_PAGES:
        place = "" if name == "overview" else name
        page.goto(f"{address}/{place}?study={STUDY}")
        wait_for(page, CHART_DRAWN)
        wait_until_idle(page)


def wait_until_idle(page: Any) -> None:
    """Wait until the script of the page has run to its end."""
    running = page.locator("[data-testid=stApp][data-test-script-state=running]")
    running.wait_for(state="detached", timeout=1000 * PATIENCE_S)


def predict(page: Any, address: str) -> None:
    """Upload a photo and wait for the methods' answers."""
    from PIL import Image
    from skimage.data import astronaut

    with tempfile.TemporaryDirectory() as folder:
        photo = Path(folder) / "astronaut.jpg"
        Image.fromarray(astronaut()).save(photo, quality=95)
        page.goto(f"{address}/predict?study={STUDY}")
        upload = page.locator("input[type=file]").first
        upload.wait_for(state="attached", timeout=1000 * PATIENCE_S)
        upload.set_input_files(photo)
        wait_for(page, "[data-testid=stTable]")
        wait_until_idle(page)


def loads_tensorflow(server: psutil.Process) -> bool:
    """Whether a library of TensorFlow is mapped into the server."""
    return any("tensorflow" in entry.path for entry in server.memory_maps())


def memory_mb(server: psutil.Process) -> float:
    """Resident memory of the server and of what it started, in MB."""
    family = [server, *server.children(recursive=True)]
    return sum(process.memory_info().rss for process in family) / MB


ROWS = [
    (
        "a result page, server time of a rerun, shipped study",
        "median under 250 ms",
        measure_reruns,
    ),
    (
        "a slider of Methods moved, server time, the whole page again",
        "median under 100 ms",
        measure_sliders,
    ),
    (
        "Errors opened on 10,000 images with five methods, server time, nothing cached",
        "under 1 s",
        measure_errors,
    ),
    (
        "from starting the installed app to a rendered Overview in Chromium",
        "under 5 s",
        measure_first_page,
    ),
    ("the same when it was started before", "under 5 s", measure_second_page),
    (
        "from opening Predict first, in a fresh server, to a photo answered in"
        " Chromium",
        "under 10 s",
        measure_first_photo,
    ),
    (
        "TensorFlow is loaded by Predict, and by no result page before it",
        "yes",
        measure_lazy_tensorflow,
    ),
    ("memory of the server before Predict", "under 500 MB", measure_memory_before),
    ("memory of the server after Predict", "under 1.5 GB", measure_memory_after),
]
