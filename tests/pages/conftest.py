"""Stores of synthetic runs, and pages opened on them through the router."""

import runpy
import shutil
import sys
from collections.abc import Callable, Iterator
from functools import cache
from inspect import signature
from pathlib import Path

import pytest
from streamlit.runtime.scriptrunner import script_runner
from streamlit.testing.v1 import AppTest
from streamlit.util import calc_hash

import core.runs
from core.runs import write_study_files
from core.study import Study
from core.views.caching import clear_caches
from pages.shell import upload_key
from pages.shell.patches import look_through_packages_once
from tests.pages.opening import ROUTER
from tests.synthetic import synthetic_manifest, write_store

METHODS = ("baseline", "ins", "denseweight")
LABEL_NOISE = 4.03
Writer = Callable[[Path], object]
look_through_packages_once()


@pytest.fixture(autouse=True)
def own_main(monkeypatch: pytest.MonkeyPatch) -> None:
    """Give ``__main__`` back: a page run here takes the name, and processes that a
    later test starts would run the page.
    """
    monkeypatch.setitem(sys.modules, "__main__", sys.modules["__main__"])


@pytest.fixture(autouse=True)
def plain_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a test find a place for files by its key: importing the router starts one."""
    monkeypatch.setattr(upload_key, "_start", "")


@pytest.fixture(scope="session")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where every test of this process has its store: paths tell results apart."""
    return tmp_path_factory.mktemp("pages")


@pytest.fixture
def store(
    place: Path, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Path]:
    """An empty store; nothing shipped is seen beside it.

    A study that is put there again has the files of the test before, so that its
    results are still kept, as they are for the visitors of one server. A test that
    puts something else in the place of our code begins with nothing, and leaves
    nothing.
    """
    folder = place / "runs"
    # The thread of the queue may write its database while the folder is removed.
    while folder.exists():
        shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    monkeypatch.setenv(core.runs.STORE_VARIABLE, str(folder))
    monkeypatch.setattr(core.runs, "shipped_store", lambda: place / "shipped")
    patches = "monkeypatch" in signature(request.function).parameters
    if patches:
        clear_caches()
    yield folder
    if patches:
        clear_caches()


@pytest.fixture(scope="session")
def written(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """Write the runs of a study once for all tests; the folder is to be copied."""

    @cache
    def write(name: str, methods: tuple[str, ...], seeds: tuple[int, ...]) -> Path:
        folder = tmp_path_factory.mktemp(name)
        rows = {"rows": 320, "validation_rows": 40}
        study = write_store(folder, name, methods=methods, seeds=seeds, **rows)
        manifest = synthetic_manifest(name, **rows)
        noise = {"age_mean_difference": LABEL_NOISE}
        report = {"images": len(manifest), "twins": {"pairs": 5, "label_noise": noise}}
        write_study_files(folder, study, manifest, report)
        return folder

    return write


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Writer], Path]:
    """Let a function write a store once for all tests; the folder is to be copied."""

    @cache
    def make(write: Writer) -> Path:
        folder = tmp_path_factory.mktemp("made")
        write(folder)
        return folder

    return make


@pytest.fixture
def copied(store: Path, made: Callable[[Writer], Path]) -> Callable[[Writer], Path]:
    """Put there what a function writes to a store, with the times of its files."""

    def copy(write: Writer) -> Path:
        return Path(shutil.copytree(made(write), store, dirs_exist_ok=True))

    return copy


@pytest.fixture
def fill(store: Path, written: Callable[..., Path]) -> Callable[..., Study]:
    """Put a study there: its runs, study file, manifest and data report."""

    def put(
        name: str = "utkface",
        *,
        methods: tuple[str, ...] = METHODS,
        seeds: tuple[int, ...] = (0, 1),
        published: tuple[dict[str, object], ...] = (),
    ) -> Study:
        shutil.copytree(written(name, methods, seeds), store, dirs_exist_ok=True)
        study = core.runs.study_of_runs(name)
        if not published:
            return study
        study = Study.model_validate({**study.model_dump(), "published": published})
        (store / name / core.runs.STUDY_FILE).write_text(study.model_dump_json())
        return study

    return put


@pytest.fixture
def open_page(monkeypatch: pytest.MonkeyPatch) -> Callable[..., AppTest]:
    """Open a page of the app through its router; query parameters as keywords."""
    # A server takes a folder called "pages" for the app's pages until the router has
    # named them, and AppTest at every run.
    monkeypatch.setattr(script_runner, "_mpa_v1", runpy.run_path)

    def open_(name: str, **query: str) -> AppTest:
        app = AppTest.from_file(str(ROUTER), default_timeout=30)
        for key, value in query.items():
            app.query_params[key] = value
        if name != "overview":
            # As a link does: switch_page would open Overview before.
            app._page_hash = calc_hash(name)
        return app.run()

    return open_
