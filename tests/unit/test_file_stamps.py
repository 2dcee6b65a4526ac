"""A visit looks at a file once, and the next visit looks again."""

from collections import Counter
from pathlib import Path

import pytest

from core import file_stamps
from core.file_stamps import one_visit, stamp_of, stamps_of
from core.runs import list_runs
from core.views.loads import count_answers
from core.views.runs import draw_curves
from core.views.studies import open_study


@pytest.fixture
def looks(monkeypatch: pytest.MonkeyPatch) -> Counter[Path]:
    """How often each file was looked at."""
    found: Counter[Path] = Counter()
    look = file_stamps._look

    def count(file: Path) -> file_stamps.Stamp | None:
        found[file] += 1
        return look(file)

    monkeypatch.setattr(file_stamps, "_look", count)
    return found


def test_a_visit_sees_a_file_as_it_was_when_it_first_looked(tmp_path: Path) -> None:
    file = tmp_path / "run.json"
    with one_visit():
        assert stamp_of(file) is None
        file.write_text("one")
        assert stamp_of(file) is None
        before = stamp_of(file, anew=True)
        assert before == (str(file), file.stat().st_mtime_ns, 3)
        file.write_text("seven")
        with one_visit():
            assert stamp_of(file) == before
    after = stamp_of(file)
    assert after is not None
    assert after[2] == 5
    assert stamps_of([file, tmp_path / "none"]) == (after,)


def test_a_visit_looks_at_each_file_of_a_run_once(looks: Counter[Path]) -> None:
    with one_visit():
        view = open_study("avatars")
        looks.clear()
        runs = list_runs("avatars").runs
        for _ in range(3):
            draw_curves(view)
            count_answers(runs)
    files = {file for file in looks if file.parent in {run.folder for run in runs}}
    assert len(files) >= 3 * len(runs)
    assert {looks[file] for file in files} == {1}


def test_runs_are_listed_as_they_are_now(looks: Counter[Path]) -> None:
    with one_visit():
        record = list_runs("avatars").runs[0].folder / "run.json"
        before = looks[record]
        list_runs("avatars")
    assert looks[record] == before + 1
