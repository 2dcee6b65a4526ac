"""Results outlive a process: of shipped runs alone, by language, and within a limit."""

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from core import kept_results
from core.data.cache_entries import list_entries
from core.kept_results import keep_results, kept_or_computed
from core.language import gettext, listening, speaking
from core.runs import Run, list_runs
from core.views.caching import as_key, cached, clear_caches


@pytest.fixture(autouse=True)
def shelf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache of its own, kept by this process until the test ends."""
    monkeypatch.setenv("EQUIPOISE_CACHE", str(tmp_path))
    monkeypatch.setattr(kept_results, "_shelf", None)
    keep_results()
    return tmp_path / "results" / kept_results.version_key()


def test_what_a_process_has_computed_the_next_one_reads(shelf: Path) -> None:
    calls = []

    def compute() -> dict[str, int]:
        calls.append(1)
        return {"found": 1}

    assert kept_or_computed(("a key", 1), compute) == {"found": 1}
    keep_results()
    assert kept_or_computed(("a key", 1), compute) == {"found": 1}
    assert len(calls) == 1
    # A file that breaks off is as none, and is written anew.
    (file,) = shelf.iterdir()
    file.write_bytes(file.read_bytes()[:-5])
    assert kept_or_computed(("a key", 1), compute) == {"found": 1}
    assert kept_or_computed(("a key", 1), compute) == {"found": 1}
    assert len(calls) == 2


def test_what_says_something_is_kept_by_language() -> None:
    def say() -> str:
        return gettext("Overview")

    with speaking("fr"):
        said = kept_or_computed("said", say)
    assert kept_or_computed("said", say) == "Overview"
    with speaking("fr"), listening() as listener:
        assert kept_or_computed("said", lambda: "computed again") == said
    assert said != "Overview"
    assert listener.has_heard


def test_what_was_used_longest_ago_goes_first(
    shelf: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    size = 10_000
    monkeypatch.setattr(kept_results, "LIMIT_BYTES", 3.5 * size)
    made = []

    def noise(number: int) -> bytes:
        def make() -> bytes:
            made.append(number)
            return os.urandom(size)

        return kept_or_computed(number, make)

    for number in (1, 2, 3):
        noise(number)
        for age, file in enumerate(sorted(shelf.iterdir(), key=os.path.getmtime)):
            os.utime(file, (1000.0 * number + age, 1000.0 * number + age))
    noise(1)
    noise(4)
    made.clear()
    noise(1)
    noise(4)
    assert made == []
    noise(2)
    assert made == [2]


def test_results_of_another_version_are_removed(shelf: Path) -> None:
    kept_or_computed("a key", lambda: 1)
    (shelf.parent / "of-another-version").mkdir()
    keep_results()
    assert [entry.key for entry in list_entries()] == [shelf.name]
    assert kept_or_computed("a key", lambda: 2) == 1


def test_without_a_cache_everything_is_computed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("EQUIPOISE_CACHE", str(tmp_path / "file"))
    keep_results()
    assert [kept_or_computed("a key", lambda n=n: n) for n in (1, 2)] == [1, 2]


def test_of_a_persons_own_runs_nothing_is_kept(shelf: Path) -> None:
    @cached(entries=4, outlives=True)
    def count(runs: tuple[Run, ...]) -> int:
        return len(runs)

    shipped = list_runs("avatars").runs
    own = replace(shipped[0], folder=shelf.parent / "runs" / "avatars")
    clear_caches()
    count((*shipped[:1], own))
    count(())
    assert not list(shelf.iterdir())
    count(tuple(shipped[:2]))
    assert len(list(shelf.iterdir())) == 1


def test_a_key_is_the_same_in_every_process() -> None:
    value = ({"baseline", "ins", "lmf", "undersample"}, {"a": (1, 2.5, None, True)})
    code = f"from core.views.caching import as_key; print(repr(as_key({value!r})))"
    seen = {
        subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout.strip()
        for seed in ("1", "2")
    }
    assert seen == {repr(as_key(value))}
