"""Quality against cost: the points, the front and the steps are those of the runs."""

from dataclasses import replace
from statistics import mean

import pytest

from core.errors import NothingToShow, ViewError
from core.study import NO_BACKBONE
from core.views import cost
from core.views.studies import open_study
from core.views.study_view import StudyView


@pytest.fixture(scope="module")
def view() -> StudyView:
    return open_study("avatars")


def test_the_front_is_what_no_other_method_beats(view: StudyView) -> None:
    front = cost.load_front(view, "age.mae", "training_seconds")
    points = front.points
    assert set(points.index) == set(view.methods)
    for method in view.methods:
        seconds = [r.info["duration_s"] for r in view.runs if r.method == method]
        assert points["cost"][method] == pytest.approx(mean(seconds))
    best = points["mean"].idxmin()
    assert points["on_front"][best]
    for step in front.steps:
        assert points["mean"][step.dearer] <= points["mean"][step.cheaper]


def test_the_axis_is_logarithmic_where_asked(view: StudyView) -> None:
    for scale, kind in (("logarithmic", "log"), ("linear", None)):
        drawn = cost.draw_pareto(view, metric="age.mae", scale=scale)
        (figure,) = drawn.figures.values()
        assert figure.layout.xaxis.type == kind
    assert "front" in drawn.takeaway or "cost the same" in drawn.takeaway


def test_the_table_says_how_its_columns_are_read(view: StudyView) -> None:
    drawn = cost.draw_costs(view, metric="age.mae")
    assert drawn.numbers is not None
    frame, columns = drawn.numbers.frame, drawn.numbers.columns
    assert list(frame["Method"]) == [view.labels[m] for m in view.methods]
    assert columns["Method"].is_name
    assert columns["Training time (s)"].digits == 0
    assert "epochs" in columns["Training time (s)"].explanation


def test_quality_stands_beside_one_cost(view: StudyView) -> None:
    drawn = cost.draw_quality_cost(view, metric="age.mae", cost="parameters")
    (figure,) = drawn.figures.values()
    assert figure.layout.xaxis.title.text.startswith("Parameters in all")
    assert "parameters" in drawn.takeaway


def test_of_a_table_of_predictions_no_cost_is_known(view: StudyView) -> None:
    model = view.study.model.model_copy(update={"backbone": NO_BACKBONE})
    given = replace(view, study=view.study.model_copy(update={"model": model}))
    with pytest.raises(NothingToShow, match="no cost is known"):
        cost.draw_quality_cost(given)


def test_one_method_has_nothing_to_be_set_against(view: StudyView) -> None:
    alone = replace(view, look=view.look.only((view.baseline,)))
    with pytest.raises(NothingToShow, match="Choose another cost or metric"):
        cost.draw_pareto(alone, metric="age.mae")


def test_a_cost_that_does_not_exist_is_named(view: StudyView) -> None:
    with pytest.raises(ViewError, match="no cost 'money'"):
        cost.draw_costs(view, cost="money")


def test_steps_are_the_front_s(view: StudyView) -> None:
    front = cost.load_front(view, "age.mae", "training_seconds")
    if not front.steps:
        with pytest.raises(NothingToShow, match="no step along it"):
            cost.draw_front_steps(view, metric="age.mae")
        return
    numbers = cost.draw_front_steps(view, metric="age.mae").numbers
    assert numbers is not None
    assert len(numbers.frame) == len(front.steps)
