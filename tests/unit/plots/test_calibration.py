"""Reliability diagrams, and what is said of them."""

import pandas as pd
import pytest

from core.evaluation.metrics import metric_info
from core.plots.calibration import plot_reliability, reliability_takeaway
from core.plots.look import Look, method_styles
from core.text import percent, to_markdown

METHODS = ("baseline", "ins", "lmf")
LABELS = {"baseline": "Baseline", "ins": "INS", "lmf": "LMF"}
INFO = metric_info("kind.ece")


def look(methods=METHODS):
    styles = method_styles(METHODS, "baseline")
    return Look(methods, styles, LABELS, "baseline")


def gaps(confidence=0.81, accuracy=0.73, methods=METHODS):
    table = pd.DataFrame({"method": methods})
    table = table.assign(confidence=confidence, accuracy=accuracy)
    return table.assign(gap=confidence - accuracy)


def compared(verdicts=("baseline", "better", "inconclusive")):
    return pd.DataFrame(
        {
            "method": METHODS,
            "metric": "kind.ece",
            "mean": [0.08, 0.031, 0.07],
            "verdict": verdicts,
        }
    )


def test_a_diagram_has_points_with_intervals_over_a_histogram():
    curve = pd.DataFrame(
        {
            "confidence": [0.5, 0.9],
            "accuracy": [0.4, 0.85],
            "low": [0.3, 0.8],
            "high": [0.5, 0.9],
            "images": [20.0, 20.0],
        }
    )
    histogram = pd.DataFrame({"start": [0, 0.5], "end": [0.5, 1], "share": [0.1, 0.9]})
    style = look().styles["ins"]
    figure = plot_reliability(curve, histogram, style, "INS")
    perfect, points, bars = figure.data
    assert list(perfect.x) == list(perfect.y) == [0, 100]
    assert list(points.x) == [50, 90]
    assert list(points.y) == [40, 85]
    assert list(points.error_y.array) == pytest.approx([10, 5])
    assert points.marker.color == bars.marker.color == style.colour
    assert list(bars.y) == [10, 90]
    assert bars.yaxis == "y2"
    assert figure.layout.title.text == "<b>INS</b>"
    # The two do not overlap.
    assert figure.layout.yaxis2.domain[1] < figure.layout.yaxis.domain[0]


@pytest.mark.parametrize(
    ("confidence", "accuracy", "said"),
    [
        (0.81, 0.73, "over-confident by 8 points"),
        (0.60, 0.73, "under-confident by 13 points"),
        (0.74, 0.73, "but not at every level: Kind ECE 0.080."),
    ],
)
def test_what_the_baseline_claims_stands_beside_what_it_keeps(
    confidence, accuracy, said
):
    given = gaps(confidence, accuracy)
    text = to_markdown(reliability_takeaway(given, compared(), INFO, look()))
    assert text.startswith(
        f"**Baseline** is {percent(confidence)} sure of its answers on average and "
        f"right in {percent(accuracy)}"
    )
    assert said in text


def test_only_verdicts_are_called_certain():
    text = reliability_takeaway(gaps(), compared(), INFO, look())
    assert "INS has the lowest Kind ECE (0.031)." in text
    assert "Certainly better calibrated than Baseline: INS." in text
    assert "worse" not in text
    verdicts = ("baseline", "inconclusive", "worse")
    text = reliability_takeaway(gaps(), compared(verdicts), INFO, look())
    assert "Certainly worse calibrated than Baseline: LMF." in text
    assert "better" not in text


def test_labels_without_probabilities_are_said():
    text = reliability_takeaway(gaps().iloc[:0], compared(), INFO, look())
    assert text == "No shown method has probabilities, only labels."
    given = gaps(methods=("ins", "lmf", "x"))
    text = to_markdown(reliability_takeaway(given, compared(), INFO, look()))
    assert text.startswith(f"**INS** is {percent(0.81)} sure")


def test_small_errors_may_be_believed():
    rows = compared().assign(mean=[0.01, 0.031, 0.07])
    text = reliability_takeaway(gaps(0.74, 0.73), rows, INFO, look())
    assert "it may be believed." in text
