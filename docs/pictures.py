"""Take every picture of the documents anew, and write the tour.

``python -m docs.pictures`` starts the app on the shipped results, looks at it with
Chromium and takes ``PICTURES``; with names, it takes only those. It also writes
``docs/tour.md``, a page of the steps of ``TOUR``.
"""

import argparse
import io
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.error import URLError
from urllib.parse import urlsplit
from urllib.request import urlopen

import numpy as np
from PIL import Image
from playwright.sync_api import Browser, BrowserContext, Page, Route, sync_playwright

from core.runs import STORE_VARIABLE
from docs.blocks import ROOT

FOLDER = ROOT / "docs"
WIDTH = 1440
TOUR_HEIGHT = 900
TOUR_S = 120
# Chromium asks nobody for anything but what a page asks for.
QUIET = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
)
OURS = {"127.0.0.1", "localhost"}
# No other host has an address, whatever asks for it.
ALONE = "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"
START_S = 90
# Only a fault waits this long: the first photo loads the models.
PATIENCE_MS = 300_000
# So long must a page have been idle: Streamlit pauses between two runs of a script.
CALM_MS = 1_000
# The bar of pages hides as much at the top.
BAR_PX = 80
# A palette is good enough where it moves at most this share of the pixels by more
# than BAND levels: beyond, smooth colours show bands.
COLOURS, BAND, MOVED = 256, 6, 0.006
IDLE = """calm => {
    const find = selector => [...document.querySelectorAll(selector)];
    const app = document.querySelector('[data-testid="stApp"]');
    const busy = '[data-testid="stStatusWidget"], [data-testid="stSkeleton"], '
        + '[data-testid="stSpinner"], [data-stale="true"]';
    const idle = app?.dataset.testScriptState === 'notRunning'
        && document.fonts.status === 'loaded'
        && find(busy).length === 0
        && find('[data-testid="stPlotlyChart"]').every(
            chart => chart.querySelector('.main-svg'))
        && find('img').every(image => image.complete);
    // A page that still grows is not done.
    const size = find('*').length;
    if (!idle || window.docsSize !== size) {
        window.docsSize = size;
        window.docsSince = performance.now();
    }
    return performance.now() - window.docsSince >= calm;
}"""
TO_TOP = """(element, bar) => {
    element.style.scrollMarginTop = `${bar}px`;
    element.scrollIntoView({behavior: 'instant', block: 'start'});
}"""


@dataclass(frozen=True)
class Act:
    """What is done to a part of a page that has this role and name.

    It is clicked, or a key is pressed on it.
    """

    role: str
    name: str
    key: str = ""


@dataclass(frozen=True)
class Picture:
    """What a picture shows.

    Parameters
    ----------
    name : str
        Its file below ``docs/``, without the ending.
    address : str
        Page and parameters.
    height : int
        In pixels; all are as wide.
    awaits : str
        A selector: what has to be there before anything else is done.
    acts : tuple of Act
        What is done then, in this order.
    then_awaits : str
        A selector: what has to be there after that.
    scrolls_to : str
        A selector: what stands at the top; the top of the page by default.
    """

    name: str
    address: str
    height: int
    awaits: str = "h1"
    acts: tuple[Act, ...] = ()
    then_awaits: str = ""
    scrolls_to: str = ""

    @property
    def page(self) -> str:
        """Name of the page in its address; "" for the one that opens."""
        return urlsplit(self.address).path.strip("/")

    @property
    def path(self) -> Path:
        """Where it is saved."""
        return FOLDER / f"{self.name}.png"


@dataclass(frozen=True)
class Step:
    """A step of the tour: what one does, sees, and says in one sentence."""

    title: str
    does: str
    says: str
    picture: Picture


ASTRONAUT = (Act("button", "Astronaut"),)
ANSWERED = '[class*="st-key-predict_card_"] table'
GALLERY = ".st-key-errors_images"
SLIDE = "/defense?study=utkface&story=utkface&slide=3"
ON_STAGE = "[data-place]"
LOSSES = "/methods?study=utkface&task=ethnicity"

SINGLE = (
    Picture("overview", "/?study=utkface", 1250),
    Picture("cost", "/cost?study=utkface", 1250),
    Picture(
        "predict",
        "/predict?study=utkface",
        1580,
        acts=ASTRONAUT,
        then_awaits=ANSWERED,
    ),
    Picture("errors", "/errors?study=avatars", 1000, scrolls_to=GALLERY),
    Picture("fairness", "/fairness?study=utkface", 900),
    Picture("methods", LOSSES, 1250),
    Picture("defense", SLIDE, 1000),
    Picture("present", f"{SLIDE}&present=1", 810, awaits=ON_STAGE),
    Picture("present-fr", f"{SLIDE}&present=1&lang=fr", 810, awaits=ON_STAGE),
)

TOUR = (
    Step(
        "Which remedy?",
        "Open Equipoise.",
        "Every remedy stands against the baseline, with an interval and a verdict, and"
        " where the data cannot tell, the page says so.",
        Picture("tour/1-overview", "/?study=utkface", 1100),
    ),
    Step(
        "Which classes?",
        "Open *Classification*, scroll to each class and click *Recall*.",
        "Each class stands over the number of images that it was trained on, so that"
        " the rare one is seen and not averaged away.",
        Picture(
            "tour/2-classification",
            "/classification?study=utkface",
            1100,
            acts=(Act("radio", "Recall"),),
            scrolls_to="h3:has-text('each class beside its training images')",
        ),
    ),
    Step(
        "For everyone?",
        "Open *Fairness* and click *Gender* under *Task*.",
        "The same models are measured in every group, and a gap between groups has an"
        " interval of its own.",
        Picture(
            "tour/3-fairness",
            "/fairness?study=utkface",
            TOUR_HEIGHT,
            acts=(Act("radio", "Gender"),),
        ),
    ),
    Step(
        "Where does it fail?",
        "Open *Errors*, choose the study *Avatars*, scroll down to the images and click"
        " *Smallest margin*.",
        "These are the images on which the baseline hesitates most, each with its label"
        " and the answer of every method.",
        Picture(
            "tour/4-errors",
            "/errors?study=avatars",
            TOUR_HEIGHT,
            acts=(Act("radio", "Smallest margin"),),
            scrolls_to=GALLERY,
        ),
    ),
    Step(
        "What does it cost?",
        "Open *Cost* and scroll to the chart.",
        "Quality is drawn against training time, and each step along the front says"
        " whether paying more buys a difference that is certain.",
        Picture(
            "tour/5-cost",
            "/cost?study=utkface",
            1000,
            scrolls_to="h3:has-text('against training time')",
        ),
    ),
    Step(
        "How does it work?",
        "Open *Methods* and move the slider *delta*.",
        "The curves are computed by the losses that train; dotted is how they were"
        " before the slider was moved.",
        Picture(
            "tour/6-methods",
            LOSSES,
            TOUR_HEIGHT,
            acts=(Act("slider", "delta", "PageUp"),),
        ),
    ),
    Step(
        "And my photo?",
        "Open *Predict* and click *Astronaut*, or drop a photo of your own.",
        "All methods answer at once, say how sure they are, and where they disagree;"
        " the photo leaves neither the memory nor the machine.",
        Picture(
            "tour/7-predict",
            "/predict?study=utkface",
            TOUR_HEIGHT,
            acts=ASTRONAUT,
            then_awaits=ANSWERED,
            scrolls_to='[class*="st-key-predict_card_"]',
        ),
    ),
    Step(
        "Before the jury",
        "Open *Defense*, open the story, choose its third slide and click *Present*.",
        "A slide makes one claim, and the page has checked it against the verdicts"
        " before anybody says it aloud.",
        Picture(
            "tour/8-present",
            SLIDE,
            TOUR_HEIGHT,
            acts=(Act("button", "Present"),),
            then_awaits=ON_STAGE,
        ),
    ),
)

PICTURES = {
    picture.name: picture for picture in (*SINGLE, *(step.picture for step in TOUR))
}


def tour_page() -> str:
    """The tour as a document."""
    each = TOUR_S // len(TOUR)
    parts = [
        "# The tour in two minutes",
        f"This page answers: what does one see of Equipoise in {len(TOUR)} steps of"
        f" {each} seconds?",
        "`make demo` opens the app. Each step says what to do, then what to say. The"
        " page is written by `make pictures`, from the steps in `docs/pictures.py`.",
    ]
    for number, step in enumerate(TOUR, start=1):
        parts += [
            f"## {number}. {step.title}",
            step.does,
            f"> {step.says}",
            f"![{step.title} {step.says}]({step.picture.name}.png)",
        ]
    parts.append("Back to the [README](../README.md).")
    return "\n\n".join(parts) + "\n"


@contextmanager
def running_app() -> Iterator[str]:
    """The address of the app, on the shipped results alone, while the block runs."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "streamlit", "run", "streamlit_app.py"]
    command += [f"--server.port={port}", "--server.showEmailPrompt=false"]
    with tempfile.TemporaryDirectory() as empty:
        environment = {**os.environ, STORE_VARIABLE: empty}
        process = subprocess.Popen(
            command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL
        )
        try:
            address = f"http://127.0.0.1:{port}"
            _wait_for_answer(address, process)
            yield address
        finally:
            process.terminate()
            process.wait()


def _wait_for_answer(address: str, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + START_S
    while True:
        try:
            with urlopen(f"{address}/_stcore/health", timeout=2):
                return
        except (URLError, TimeoutError, ConnectionError):
            if process.poll() is not None or time.monotonic() > deadline:
                raise SystemExit("The app did not start.") from None
            time.sleep(0.2)


@contextmanager
def running_chromium() -> Iterator[Browser]:
    """Chromium while the block runs: the installed one, else Playwright's own."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=[*QUIET, ALONE]
        )
        yield browser
        browser.close()


def photograph(browser: Browser, address: str, picture: Picture) -> bytes:
    """A picture as PNG, of a visitor who has seen nothing yet."""
    context = browser.new_context(
        viewport={"width": WIDTH, "height": picture.height},
        color_scheme="light",
        locale="en-US",
        reduced_motion="reduce",
    )
    foreign = _refuse_other_hosts(context)
    page = context.new_page()
    page.set_default_timeout(PATIENCE_MS)
    page.goto(f"{address}{picture.address}")
    page.locator(picture.awaits).first.wait_for()
    _wait_until_idle(page)
    for act in picture.acts:
        _do(page, act)
        _wait_until_idle(page)
    if picture.then_awaits:
        page.locator(picture.then_awaits).first.wait_for()
        _wait_until_idle(page)
    if picture.scrolls_to:
        page.locator(picture.scrolls_to).first.evaluate(TO_TOP, BAR_PX)
        # Pictures further down are loaded when they come into sight.
        _wait_until_idle(page)
    if page.get_by_test_id("stException").count():
        raise SystemExit(f"{picture.name}: the page shows a fault.")
    taken = page.screenshot(animations="disabled", caret="hide")
    context.close()
    if foreign:
        raise SystemExit(f"{picture.name}: the page asked {sorted(foreign)}.")
    return taken


def _refuse_other_hosts(context: BrowserContext) -> set[str]:
    """Let no request leave the machine; returns the hosts, as they are asked."""
    foreign: set[str] = set()

    def answer(route: Route) -> None:
        host = urlsplit(route.request.url).hostname
        if host in OURS:
            route.continue_()
        else:
            foreign.add(str(host))
            route.abort()

    context.route(lambda url: not url.startswith(("data:", "blob:")), answer)
    return foreign


def _do(page: Page, act: Act) -> None:
    """Act on a page, then point at nothing and hold nothing in focus."""
    if act.key:
        # A slider's name goes on with its value.
        page.get_by_role(act.role, name=act.name).first.press(act.key)
    else:
        page.get_by_role(act.role, name=act.name, exact=True).first.click()
    page.mouse.move(0, 0)
    page.evaluate("document.activeElement.blur()")


def _wait_until_idle(page: Page) -> None:
    # Calm before an act is not calm after it.
    page.evaluate("window.docsSize = 0")
    page.wait_for_function(IDLE, arg=CALM_MS, polling=100)


def small_png(taken: bytes) -> bytes:
    """The picture with a palette, unless one sees that; as few bytes as Pillow can."""
    image = Image.open(io.BytesIO(taken)).convert("RGB")
    # Rare colours, as of the only orange line, are kept as well as frequent ones.
    palette = image.quantize(
        COLOURS, Image.Quantize.MAXCOVERAGE, kmeans=1, dither=Image.Dither.NONE
    )
    levels = np.abs(
        np.asarray(image, dtype=int) - np.asarray(palette.convert("RGB"), dtype=int)
    )
    is_seen = (levels.max(axis=-1) > BAND).mean() > MOVED
    file = io.BytesIO()
    (image if is_seen else palette).save(file, "PNG", optimize=True)
    return file.getvalue()


def take(names: Sequence[str]) -> None:
    """Take pictures and save them; says the size of each."""
    with running_app() as address, running_chromium() as browser:
        for name in names:
            picture = PICTURES[name]
            content = small_png(photograph(browser, address, picture))
            picture.path.parent.mkdir(exist_ok=True)
            picture.path.write_bytes(content)
            size = f"{WIDTH} x {picture.height}, {len(content) / 1024:.0f} KB"
            sys.stdout.write(f"docs/{name}.png  {size}\n")
            sys.stdout.flush()


def main() -> None:
    """Take the pictures that are named, or all, and write the tour."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "names",
        nargs="*",
        metavar="NAME",
        help=f"a picture; all by default. One of: {', '.join(PICTURES)}",
    )
    names = parser.parse_args().names
    if unknown := [name for name in names if name not in PICTURES]:
        parser.error(f"no such picture: {', '.join(unknown)}")
    take(names or list(PICTURES))
    (FOLDER / "tour.md").write_text(tour_page(), encoding="utf-8")


if __name__ == "__main__":
    main()
