"""A second process computes what two threads would else wait for, and nothing else."""

import logging
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path

import pytest

from core import kept_results
from core.errors import ViewError
from core.kept_results import keep_results
from core.language import speaking
from core.views import caching, own_copy, side_process
from core.views.caching import Work, clear_caches, share_work
from core.views.loads import count_answers
from core.views.robustness import draw_robustness
from core.views.runs import draw_curves
from core.views.side_process import SideProcess, working_beside
from core.views.studies import open_study

PATIENCE_S = 120


class Watched(SideProcess):
    """One of which is seen what it was asked, what came of it, and what it left."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[tuple[str, object]] = []
        self.here: list[int] = []

    def _ask(self, work: Work) -> bool:
        said: object = "a fault"
        try:
            said = super()._ask(work)
            return said is True
        finally:
            self.asked.append((work.name or work.function, said))

    def working_here(self) -> AbstractContextManager[None]:
        self.here.append(threading.get_ident())
        return super().working_here()


def start(process: SideProcess) -> None:
    """Let a second thread have work while one computes; wait until it is ready."""
    given = (open_study("avatars").runs,)
    work = Work("core.views.loads", "count_answers", "", given, {})
    answers: list[bool] = []
    with process.working_here():
        second = threading.Thread(target=lambda: answers.append(process.takes(work)))
        second.start()
        second.join()
    assert answers == [False]
    limit = time.monotonic() + PATIENCE_S
    while not process._is_ready and time.monotonic() < limit:
        time.sleep(0.05)
    assert process._is_ready


@pytest.fixture(scope="module")
def cache_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The cache of the process, and of every test here."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(autouse=True)
def own_cache(cache_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("EQUIPOISE_CACHE", str(cache_folder))
    monkeypatch.setattr(kept_results, "_shelf", None)
    keep_results()
    clear_caches()
    yield
    share_work(None)


@pytest.fixture(scope="module")
def started(cache_folder: Path) -> Iterator[Watched]:
    """A process that is ready."""
    process = Watched()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("EQUIPOISE_CACHE", str(cache_folder))
        patch.setattr(kept_results, "_shelf", None)
        keep_results()
        start(process)
    yield process
    process.close()


@pytest.fixture
def process(started: Watched) -> Watched:
    """The same, with nothing asked yet."""
    started.asked, started.here = [], []
    share_work(started)
    assert started._is_ready
    return started


def test_one_visitor_alone_does_not_start_it() -> None:
    alone = SideProcess()
    view = open_study("avatars")
    share_work(alone)
    assert count_answers(view.runs[:2]) > 0
    assert alone._driver is None


def test_it_computes_the_same_as_the_server(process: Watched) -> None:
    view = open_study("avatars", methods=("baseline", "lmf"))
    drawn, count = draw_curves(view), count_answers(view.chosen_runs)
    assert process.asked == [("learning-curves", True), ("count_answers", True)]
    assert process.here == []
    share_work(None)
    clear_caches()
    kept_results._shelf = None
    assert drawn.takeaway == draw_curves(view).takeaway
    assert drawn.figures == draw_curves(view).figures
    assert count == count_answers(view.chosen_runs)


def test_it_speaks_the_readers_language(process: Watched) -> None:
    view = open_study("avatars", methods=("baseline", "ins"))
    with speaking("fr"):
        said = draw_curves(view).takeaway
    assert said != draw_curves(view).takeaway
    assert process.asked == 2 * [("learning-curves", True)]
    assert process.here == []


def test_it_shows_a_copy_where_the_server_does(
    process: Watched, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(own_copy, "_is_seen_alone", lambda: True)
    view = open_study("avatars", methods=("baseline", "undersample"))
    draw_curves(view)
    assert process.asked == [("learning-curves", True)]
    assert process.here == []


def test_a_thread_that_computes_here_keeps_the_parts(process: Watched) -> None:
    view = open_study("avatars", methods=("baseline", "denseweight"))
    with process.working_here():
        draw_curves(view)
    assert process.asked == []
    draw_curves(open_study("avatars", methods=("baseline",)))
    assert process.asked == [("learning-curves", True)]


def test_a_fault_of_the_input_is_said_once(process: Watched) -> None:
    view = open_study("avatars", methods=("baseline",))
    with pytest.raises(ViewError, match="not judged by 'beauty'"):
        draw_robustness(view, metric="beauty")
    assert process.asked == [("robustness", "a fault")]
    assert process.here == []


def test_a_persons_own_runs_are_not_sent(process: Watched, tmp_path: Path) -> None:
    shipped = open_study("avatars").runs[0]
    copy = tmp_path / shipped.study / shipped.method / shipped.folder.name
    shutil.copytree(shipped.folder, copy)
    # If this test runs first, checking the shipped runs was asked for too.
    process.asked.clear()
    assert count_answers((replace(shipped, folder=copy),)) > 0
    assert process.asked == []


def test_what_cannot_be_sent_is_computed_here(process: Watched) -> None:
    runs = open_study("avatars").runs
    unsendable = Work("core.views.loads", "count_answers", "", (lambda: None,), {})
    unknown = Work("core.views.loads", "count_nothing", "", (runs,), {})
    assert not process.takes(unsendable)
    assert not process.takes(unknown)
    assert count_answers(runs[:3]) > 0
    assert process.asked[2:] == [("count_answers", True)]


def test_only_what_another_process_finds_is_sent() -> None:
    def inner() -> None: ...

    work = Work(inner.__module__, inner.__qualname__, "", (), {})
    assert not work.is_known_elsewhere
    assert not replace(work, module="core.views.loads").is_known_elsewhere
    assert not replace(work, function="main").is_known_elsewhere
    assert replace(work, module="core.x", function="main").is_known_elsewhere


@pytest.mark.parametrize("how", ["killed", "stopped"])
def test_without_it_the_server_computes_and_says_so(
    how: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    process = Watched()
    start(process)
    share_work(process)
    process.here = []
    child, driver = process._process, process._driver
    assert child is not None
    assert driver is not None
    if how == "killed":
        child.kill()
    else:
        monkeypatch.setattr(side_process, "PATIENCE_S", 0.5)
        child.send_signal(signal.SIGSTOP)
    other = {"killed": "denseweight-1", "stopped": "denseweight-lmf"}[how]
    view = open_study("avatars", methods=("baseline", other))
    with caplog.at_level(logging.WARNING):
        assert draw_curves(view).figures
        driver.join(PATIENCE_S)
    assert process.asked == [("learning-curves", False)]
    assert process.here
    assert "computes everything itself" in caplog.text
    assert child.poll() is not None
    # It is not asked again, and none is started in its place.
    assert count_answers(view.runs[:4]) > 0
    assert len(process.asked) == 1
    process.close()


def test_where_no_process_can_be_started_pages_are_drawn(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse(*given: object, **options: object) -> None:
        raise OSError(12, "Cannot allocate memory")

    monkeypatch.setattr(subprocess, "Popen", refuse)
    process = SideProcess()
    with process.working_here(), caplog.at_level(logging.WARNING):
        work = Work("core.views.loads", "count_answers", "", (), {})
        second = threading.Thread(target=process.takes, args=(work,))
        second.start()
        second.join()
        assert process._driver is not None
        process._driver.join()
    assert "Cannot allocate memory" in caplog.text
    process.close()


def test_work_is_shared_inside_the_block_unless_it_is_switched_off(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with working_beside():
        assert isinstance(caching._sharing, SideProcess)
    assert caching._sharing is None
    monkeypatch.setenv(side_process.VARIABLE, "off")
    with working_beside():
        assert caching._sharing is None
