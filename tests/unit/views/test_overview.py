"""Every method against the baseline: the numbers drawn are those of the predictions."""

from dataclasses import replace

import pandas as pd
import pytest

from core.errors import NothingToShow
from core.text import to_plain
from core.views import overview
from core.views.loads import load_comparison
from core.views.metrics import headline_metrics, in_order_of_choice
from core.views.studies import open_study
from core.views.study_view import StudyView


@pytest.fixture(scope="module")
def view() -> StudyView:
    return open_study("avatars")


def _mean_absolute_error(view: StudyView, method: str) -> float:
    """Mean over the seeds, straight from the files."""
    tables = [run.predictions("test") for run in view.runs if run.method == method]
    errors = [(t["age_pred"] - t["age_true"]).abs().mean() for t in tables]
    return sum(errors) / len(errors)


def test_differences_are_those_of_the_predictions(view: StudyView) -> None:
    drawn = overview.draw_differences(view, metric="age.mae")
    assert drawn.data is not None
    rows = drawn.data.set_index("method")
    for method in ("ins", "lmf"):
        expected = _mean_absolute_error(view, method)
        expected -= _mean_absolute_error(view, view.baseline)
        assert rows["delta"][method] == pytest.approx(expected)
    (figure,) = drawn.figures.values()
    seen = {trace.name: trace.x[0] for trace in figure.data}
    assert seen[view.labels["ins"]] == pytest.approx(rows["delta"]["ins"])


def test_a_margin_of_the_reader_changes_the_verdicts_alone(view: StudyView) -> None:
    own = overview.draw_differences(view, metric="age.mae").data
    wide = overview.draw_differences(view, metric="age.mae", margin=1000.0).data
    none = overview.draw_differences(view, metric="age.mae", margin=0.0).data
    assert own is not None
    assert wide is not None
    assert none is not None
    others = wide["method"] != view.baseline
    assert set(wide.loc[others, "verdict"]) == {"equivalent"}
    assert none["margin"].isna().all()
    assert "equivalent" not in set(none["verdict"])
    pd.testing.assert_series_equal(own["delta"], wide["delta"])


def test_the_leaderboard_has_the_best_first_where_an_order_is_asked_for(
    view: StudyView,
) -> None:
    drawn = overview.draw_leaderboard(view, order="age.mae")
    assert drawn.numbers is not None
    best = min(view.methods, key=lambda method: _mean_absolute_error(view, method))
    first = to_plain(drawn.numbers.frame["Method"].iloc[0])
    assert first == view.labels[best]
    assert "has the best point estimate" in drawn.takeaway
    usual = overview.draw_leaderboard(view).numbers
    assert usual is not None
    names = [to_plain(name) for name in usual.frame["Method"]]
    assert names == [view.labels[method] for method in view.methods]


def test_the_headline_has_a_figure_a_metric(view: StudyView) -> None:
    drawn = overview.draw_headline(view)
    assert set(drawn.figures) <= {info.label for info in headline_metrics(view)}
    assert drawn.takeaway.startswith(f"Of {len(drawn.figures) * 6} comparisons")
    assert len(drawn.figures) > 1
    assert len(drawn.claims) == len(drawn.figures) * (len(view.methods) - 1)


def test_a_method_alone_has_nothing_to_be_compared_with(view: StudyView) -> None:
    alone = replace(view, look=view.look.only((view.baseline,)))
    with pytest.raises(NothingToShow, match="one method only"):
        overview.draw_headline(alone)


def test_the_verdicts_are_the_claims_of_the_metric_in_numbers(view: StudyView) -> None:
    drawn = overview.draw_metric_in_numbers(view, metric="age.mae")
    assert drawn.numbers is not None
    assert len(drawn.claims) == len(view.methods) == len(drawn.numbers.frame)
    own = _mean_absolute_error(view, view.baseline)
    assert f"age MAE is {own:.2f} years" in drawn.claims[0]


def test_detectable_differences_are_drawn_of_every_method(view: StudyView) -> None:
    drawn = overview.draw_detectable(view, metric="age.mae")
    (figure,) = drawn.figures.values()
    assert len(figure.data[0].x) == len(view.methods) - 1
    assert "could have found a difference" in drawn.takeaway


def test_a_metric_that_the_study_does_not_have_is_named(view: StudyView) -> None:
    with pytest.raises(NothingToShow, match="no metric"):
        overview.draw_differences(view, metric="age.nonsense")


def test_the_study_s_own_metrics_come_first(view: StudyView) -> None:
    study = view.study.model_copy(update={"headline": ("hair.macro_f1", "nowhere")})
    known = ["age.mae", "hair.macro_f1"]
    ordered = in_order_of_choice(replace(view, study=study), known)
    assert ordered == ["hair.macro_f1", "age.mae"]


def test_the_facts_name_images_and_seeds(view: StudyView) -> None:
    said = overview.study_facts(view)
    images = int(load_comparison(view).table["n"].max())
    assert f"{images:,} test images" in said
    assert view.seeds_text in said


def test_what_is_better_is_claimed_first_and_what_is_open_last(view: StudyView) -> None:
    claims = overview.draw_headline(view).claims
    ends = [claim.rpartition(":")[2].split(",")[0].strip(" .") for claim in claims]
    order = ["better", "worse", "equivalent"]
    places = [order.index(end) if end in order else len(order) for end in ends]
    assert places == sorted(places)
    assert places[0] == 0
