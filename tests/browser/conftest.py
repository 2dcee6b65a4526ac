"""The app on a port of its own, on runs with models, and Chromium to look at it."""

import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.error import URLError
from urllib.parse import urlsplit
from urllib.request import urlopen

import pandas as pd
import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from core.data.readers.avatars import IMAGE_ID, AvatarsOptions, sample_people
from core.tasks import Binary, Regression, Task
from docs.pictures import OURS, QUIET
from tests import synthetic

ROOT = Path(__file__).parents[2]
METHODS = ("baseline", "ins", "lmf")
SIDE = 96
START_S = 90
# Only a fault waits this long: the machine may be busy with other tests.
PATIENCE_MS = 120_000
expect.set_options(timeout=PATIENCE_MS)


@dataclass(frozen=True)
class App:
    """A running app: its address, what it wrote down, and where it may write."""

    url: str
    log: Path
    folder: Path
    process: subprocess.Popen[bytes]

    def events(self) -> list[str]:
        """What the watch has seen so far."""
        return self.log.read_text().splitlines()


def start(folder: Path, store: Path) -> App:
    """Start the app with a home and a folder for temporary files of its own."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    for name in ("home", "tmp"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    environment = {
        **os.environ,
        "EQUIPOISE_RUNS": str(store),
        "HOME": str(folder / "home"),
        "TMPDIR": str(folder / "tmp"),
        "PYTHONPATH": str(ROOT),
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    log = folder / "events.log"
    process = subprocess.Popen(
        [sys.executable, str(ROOT / "tests/browser/watched_app.py"), str(port), log],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    app = App(f"http://127.0.0.1:{port}", log, folder, process)
    deadline = time.monotonic() + START_S
    while not is_healthy(app):
        if process.poll() is not None or time.monotonic() > deadline:
            stop(app)
            pytest.fail("The app did not start.")
        time.sleep(0.2)
    return app


def is_healthy(app: App) -> bool:
    """Whether the server answers."""
    try:
        with urlopen(f"{app.url}/_stcore/health", timeout=2) as answer:
            return answer.status == 200
    except (URLError, TimeoutError, ConnectionError):
        return False


def stop(app: App) -> None:
    """End the app that ``start`` began."""
    app.process.terminate()
    try:
        app.process.wait(timeout=10)
    except subprocess.TimeoutExpired:
        app.process.kill()
        app.process.wait()


@pytest.fixture(scope="session")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two studies whose runs have small models with random weights."""
    folder = tmp_path_factory.mktemp("store")
    for name in ("utkface", "avatars"):
        synthetic.write_store(folder, name, methods=METHODS, seeds=(0,), rows=320)
        for place, method in enumerate(METHODS):
            path = folder / name / method / "seed-0" / "model.keras"
            save_model(path, synthetic.TASKS[name], seed=place)
    for path in folder.glob("avatars/*/*/predictions.parquet"):
        table = pd.read_parquet(path)
        # Ids of pictures that can be drawn.
        ids = [IMAGE_ID.format(index) for index in range(len(table))]
        table.assign(image_id=ids).to_parquet(path)
    people = sample_people(AvatarsOptions(count=300))
    people.to_parquet(folder / "avatars" / "manifest.parquet")
    return folder


def save_model(path: Path, tasks: tuple[Task, ...], *, seed: int) -> None:
    """A model of the form that a run keeps, too small to know anything."""
    import keras

    from core.models.heads import probabilities

    keras.utils.set_random_seed(seed)
    pixels = keras.Input((SIDE, SIDE, 3))
    x = keras.layers.Rescaling(1 / 255)(pixels)
    x = keras.layers.Conv2D(4, 8, strides=8, activation="relu")(x)
    x = keras.layers.Flatten()(x)
    outputs = {}
    for task in tasks:
        if isinstance(task, Regression):
            share = keras.layers.Dense(1, activation="sigmoid")(x)
            span = task.maximum - task.minimum
            head = keras.layers.Rescaling(span, task.minimum)(share)
        else:
            logits = 1 if isinstance(task, Binary) else len(task.classes)
            head = keras.layers.Dense(logits)(x)
        outputs[task.name] = probabilities(head, task)
    keras.Model(pixels, outputs).save(path)


@pytest.fixture(scope="session")
def app(tmp_path_factory: pytest.TempPathFactory, store: Path) -> Iterator[App]:
    """The app that all journeys share."""
    running = start(tmp_path_factory.mktemp("app"), store)
    yield running
    stop(running)


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """One Chromium for all journeys."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=list(QUIET)
        )
        yield browser
        browser.close()


@pytest.fixture
def page(chromium: Browser) -> Iterator[Page]:
    """A fresh visitor; whoever asks another host for anything fails the test."""
    context = chromium.new_context(viewport={"width": 1440, "height": 900})
    asked: list[str] = []
    context.on("request", lambda request: asked.append(request.url))
    visitor = context.new_page()
    visitor.set_default_timeout(PATIENCE_MS)
    yield visitor
    context.close()
    parts = [urlsplit(url) for url in asked]
    foreign = {
        part.hostname
        for part in parts
        if part.scheme not in ("data", "blob") and part.hostname not in OURS
    }
    assert asked, "the watch has seen nothing"
    assert not foreign, f"the page asked other hosts: {sorted(map(str, foreign))}"
