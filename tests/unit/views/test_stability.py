"""How far answers move: the numbers drawn are those of the predictions."""

import pytest

from core.errors import NothingToShow
from core.views import stability
from core.views.studies import open_study


def test_flips_are_those_of_the_predictions() -> None:
    view = open_study("avatars-softbio")
    task = view.tasks[0]
    numbers = stability.draw_stability_by_change(view, task=task.name).numbers
    drawn = stability.draw_stability(view, task=task.name)
    assert numbers is not None
    assert drawn.data is not None
    method = "fairness-penalty"
    tables = [r.predictions("test") for r in view.runs if r.method == method]
    key = stability.move_of(view, task.name).key
    rows = drawn.data.set_index(["method", "metric"])["mean"]
    shares = [(t[f"{task.name}_shift_mirrored"] != 0).mean() for t in tables]
    seen = rows[method, f"{key}[mirrored]"]
    assert seen == pytest.approx(sum(shares) / len(shares))
    assert "mirrored" in numbers.frame


def test_a_study_that_was_not_measured_says_how_it_can_be() -> None:
    view = open_study("cifar10-lt-200")
    with pytest.raises(NothingToShow, match="was not measured for these runs") as error:
        stability.draw_stability(view)
    assert "equipoise stability cifar10-lt-200" in str(error.value)


def test_a_task_that_the_study_does_not_have_is_named() -> None:
    with pytest.raises(NothingToShow, match="no task"):
        stability.draw_stability(open_study("avatars-softbio"), task="age")
