"""A second process computes what two threads would else wait for, and nothing else."""

import shutil
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from core import kept_results
from core.errors import ViewError
from core.kept_results import keep_results
from core.language import speaking
from core.views.caching import Work, clear_caches, share_work
from core.views.loads import count_answers
from core.views.robustness import draw_robustness
from core.views.runs import draw_curves
from core.views.side_process import SideProcess
from core.views.studies import open_study

PATIENCE_S = 120


@pytest.fixture(scope="module")
def cache_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The cache of the process, and of every test here."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="module")
def process(cache_folder: Path) -> Iterator[SideProcess]:
    """One that was started as the second of two threads had work to do."""
    started = SideProcess()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("EQUIPOISE_CACHE", str(cache_folder))
        with started.working_here():
            assert not in_a_thread_of_its_own(started)
    waiting = threading.Event()
    for _ in range(10 * PATIENCE_S):
        if started._is_ready:
            break
        waiting.wait(0.1)
    yield started
    started.close()


@pytest.fixture(autouse=True)
def taken(
    process: SideProcess, cache_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[list[str]]:
    """Which functions, or views, the process has computed."""
    monkeypatch.setenv("EQUIPOISE_CACHE", str(cache_folder))
    monkeypatch.setattr(kept_results, "_shelf", None)
    keep_results()
    clear_caches()
    found: list[str] = []
    ask = process._ask

    def note(work: Work) -> bool:
        is_done = ask(work)
        if is_done:
            found.append(work.name or work.function)
        return is_done

    monkeypatch.setattr(process, "_ask", note)
    share_work(process)
    yield found
    share_work(None)


def in_a_thread_of_its_own(process: SideProcess) -> bool:
    """Whether the process takes a piece of work from a thread with nothing to do."""
    answers: list[bool] = []
    work = Work(
        "core.views.loads", "count_answers", "", (open_study("avatars").runs,), {}
    )
    thread = threading.Thread(target=lambda: answers.append(process.takes(work)))
    thread.start()
    thread.join()
    return answers[0]


def test_one_visitor_alone_does_not_start_it() -> None:
    alone = SideProcess()
    assert not in_a_thread_of_its_own(alone)
    assert alone._process is None


def test_it_computes_the_same_as_the_server(taken: list[str]) -> None:
    view = open_study("avatars", methods=("baseline", "lmf"))
    drawn, count = draw_curves(view), count_answers(view.chosen_runs)
    assert taken == ["learning-curves", "count_answers"]
    share_work(None)
    clear_caches()
    kept_results._shelf = None
    assert drawn.takeaway == draw_curves(view).takeaway
    assert drawn.figures == draw_curves(view).figures
    assert count == count_answers(view.chosen_runs)
    assert taken == ["learning-curves", "count_answers"]


def test_it_speaks_the_readers_language(taken: list[str]) -> None:
    view = open_study("avatars", methods=("baseline", "ins"))
    with speaking("fr"):
        said = draw_curves(view).takeaway
    assert said != draw_curves(view).takeaway
    assert taken == ["learning-curves", "learning-curves"]


def test_a_thread_that_computes_here_keeps_the_parts(
    process: SideProcess, taken: list[str]
) -> None:
    view = open_study("avatars", methods=("baseline", "denseweight"))
    with process.working_here():
        draw_curves(view)
    assert taken == []


def test_what_fails_there_is_said_here(taken: list[str]) -> None:
    view = open_study("avatars", methods=("baseline",))
    with pytest.raises(ViewError, match="not judged by 'beauty'"):
        draw_robustness(view, metric="beauty")
    assert taken == []


def test_a_persons_own_runs_are_not_sent(taken: list[str], tmp_path: Path) -> None:
    shipped = open_study("avatars").runs[0]
    copy = tmp_path / shipped.study / shipped.method / shipped.folder.name
    shutil.copytree(shipped.folder, copy)
    assert count_answers((replace(shipped, folder=copy),)) > 0
    assert taken == []


def test_when_it_was_killed_everything_is_computed_here() -> None:
    process = SideProcess()
    with process.working_here():
        in_a_thread_of_its_own(process)
    assert process._process is not None
    process._process.kill()
    process._is_ready = True
    share_work(process)
    view = open_study("avatars", methods=("baseline", "denseweight-1"))
    assert draw_curves(view).figures
    assert not process._is_ready
    process.close()
