"""What-if: rates at thresholds, counted again from the probabilities."""

import numpy as np
import pytest

from core.errors import NothingToShow, ViewError
from core.views.catalog import draw_view
from core.views.studies import open_study
from core.views.study_view import StudyView

TASK = "target"


@pytest.fixture(scope="module")
def view() -> StudyView:
    return open_study("avatars-softbio", methods=["focal"])


def _selected(view: StudyView, thresholds: dict[str, float]) -> dict[str, float]:
    """Share of each group that reaches its threshold, mean over the seeds."""
    positive = view.tasks[0].classes[1]
    shares: dict[str, list[float]] = {group: [] for group in thresholds}
    for run in view.runs:
        if run.method == "baseline":
            table = run.predictions("test")
            for group, threshold in thresholds.items():
                scores = table.loc[table["group"] == group, f"{TASK}_p_{positive}"]
                shares[group].append(float((scores >= threshold).mean()))
    return {group: float(np.mean(each)) for group, each in shares.items()}


def _groups(view: StudyView) -> list[str]:
    return list(view.dataset.sensitive_features["group"])


def test_one_threshold_is_for_all_groups(view: StudyView) -> None:
    drawn = draw_view("what-if-groups", view, {"thresholds": ("0.3",)})
    assert drawn.data is not None
    found = drawn.data.set_index("group")
    assert set(found["threshold"]) == {0.3}
    expected = _selected(view, dict.fromkeys(_groups(view), 0.3))
    assert found["selection_rate"].to_dict() == pytest.approx(expected)


def test_a_group_can_have_its_own_threshold(view: StudyView) -> None:
    first, *others = _groups(view)
    drawn = draw_view("what-if-groups", view, {"thresholds": (f"{first}:0.7",)})
    assert drawn.data is not None
    found = drawn.data.set_index("group")
    expected = _selected(view, {first: 0.7, **dict.fromkeys(others, 0.5)})
    assert found["threshold"].to_dict() == {first: 0.7, **dict.fromkeys(others, 0.5)}
    assert found["selection_rate"].to_dict() == pytest.approx(expected)


def test_the_curve_has_the_accuracy_of_every_threshold(view: StudyView) -> None:
    drawn = draw_view("what-if", view, {"thresholds": ("0.3",)})
    assert drawn.data is not None
    row = drawn.data[np.isclose(drawn.data["threshold"], 0.3)].iloc[0]
    positive = view.tasks[0].classes[1]
    accuracies = []
    for run in view.runs:
        if run.method == "baseline":
            table = run.predictions("test")
            said = table[f"{TASK}_p_{positive}"] >= 0.3
            accuracies.append(
                float((said == (table[f"{TASK}_true"] == positive)).mean())
            )
    assert row["accuracy"] == pytest.approx(np.mean(accuracies))
    assert f"Accuracy {np.mean(accuracies):.3f}" in drawn.takeaway


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"thresholds": ()}, "do not fit"),
        ({"thresholds": ("high",)}, "do not fit"),
        ({"thresholds": ("1.5",)}, "do not fit"),
        ({"thresholds": ("Z:0.5",)}, "do not fit"),
        ({"gap": "hair_difference"}, "no gap 'hair_difference'"),
        ({"positive": "blue"}, "No class 'blue'"),
    ],
)
def test_what_does_not_fit_is_named(
    view: StudyView, asked: dict[str, object], said: str
) -> None:
    with pytest.raises(ViewError, match=said):
        draw_view("what-if", view, asked)


def test_a_number_has_no_threshold() -> None:
    with pytest.raises(NothingToShow, match="no classification task"):
        draw_view("what-if", open_study("avatars"), {"task": "age"})
