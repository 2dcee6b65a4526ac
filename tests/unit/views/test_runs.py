"""Learning curves and records, as views."""

from dataclasses import replace

import pytest

from core.errors import NothingToShow
from core.language import speaking
from core.views import runs
from core.views.studies import open_study
from core.views.study_view import StudyView


@pytest.fixture(scope="module")
def view() -> StudyView:
    return open_study("avatars", methods=["ins"])


def test_a_curve_is_that_of_the_histories(view: StudyView) -> None:
    drawn = runs.draw_curves(view, metric="age_mae", each_seed=True)
    assert drawn.data is not None
    run = runs.runs_of(view)[0]
    own = run.history().query("name == 'age_mae' and split == 'validation'")
    (figure,) = drawn.figures.values()
    solid = [list(trace.y) for trace in figure.data if trace.line.dash != "dot"]
    assert list(own.sort_values("epoch")["value"]) in solid
    assert "on validation" in drawn.takeaway


def test_losses_of_different_methods_are_not_drawn_unasked(view: StudyView) -> None:
    assert not runs.draw_curves(view).title.startswith("Loss")
    assert runs.draw_curves(view, metric="loss").title == "Loss over the epochs"


def test_every_run_has_a_row(view: StudyView) -> None:
    numbers = runs.draw_runs(view).numbers
    assert numbers is not None
    assert len(numbers.frame) == len(view.chosen_runs)
    assert numbers.columns["parameters"].is_count


def test_two_runs_differ_in_what_was_chosen(view: StudyView) -> None:
    drawn = runs.draw_run_differences(view, run="ins, seed 0", other="baseline, seed 0")
    assert drawn.numbers is not None
    assert "ins.on" in set(drawn.numbers.frame["what"])
    usual = runs.draw_run_differences(view)
    assert usual.numbers is not None
    assert usual.numbers.frame.equals(drawn.numbers.frame)
    settings = runs.draw_run_settings(view, run="ins, seed 0")
    assert settings.title == f"Everything recorded about {view.labels['ins']}, seed 0"


def test_what_is_not_there_is_named(view: StudyView) -> None:
    with pytest.raises(NothingToShow, match="no curve"):
        runs.draw_curves(view, metric="nonsense")
    with pytest.raises(NothingToShow, match="shows no run"):
        runs.draw_run_settings(view, run="ins, seed 99")
    alone = replace(view, runs=view.chosen_runs[:1])
    with pytest.raises(NothingToShow, match="no other run"):
        runs.draw_run_differences(alone)


def test_a_table_is_read_in_french_and_taken_away_in_english(view: StudyView) -> None:
    with speaking("fr"):
        drawn = runs.draw_runs(view)
        title = runs.draw_curves(view, metric="age_mae").title
    assert title.endswith("au fil des époques")
    assert drawn.numbers is not None
    assert drawn.numbers.download is not None
    assert {"graine", "paramètres"} < set(drawn.numbers.frame)
    assert drawn.numbers.columns["paramètres"].is_count
    english = runs.draw_runs(view).numbers
    assert english is not None
    assert list(drawn.numbers.download) == list(english.frame)
    assert "seed" in english.frame
