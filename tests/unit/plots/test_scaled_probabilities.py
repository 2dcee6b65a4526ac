"""Sentences and tables of temperature scaling, and the diagram that shows both."""

import pandas as pd
import pytest

from core.evaluation.metrics import metric_info
from core.evaluation.scaled_probabilities import OVER, UNDER
from core.plots.calibration import plot_reliability
from core.plots.scaled_probabilities import (
    group_temperatures_table,
    scaling_table,
    scaling_takeaway,
)
from core.text import to_markdown, to_plain
from tests.unit.plots.test_calibration import INFO, METHODS, look

NAN = float("nan")


def temperatures(confidence=(OVER, UNDER, ""), **more):
    return pd.DataFrame(
        {
            "method": METHODS,
            "group": "",
            "images": 500,
            "temperature": [2.0, 0.5, 1.02],
            "low": [1.8, 0.45, 0.9],
            "high": [2.2, 0.55, 1.1],
            "own": True,
            "confidence": confidence,
            **more,
        }
    )


def changes(verdicts=("better", "worse", "inconclusive"), scope="method"):
    return pd.DataFrame(
        {
            "method": METHODS,
            "metric": INFO.key,
            "before": [0.10, 0.05, 0.03],
            "after": [0.04, 0.07, 0.03],
            "delta": [-0.06, 0.02, 0.0],
            "delta_low": [-0.08, 0.01, -0.02],
            "delta_high": [-0.04, 0.03, 0.02],
            "margin": NAN,
            "verdict": verdicts,
            "scope": scope,
        }
    )


def said(*args, methods=METHODS):
    return to_plain(scaling_takeaway(*args, INFO, look(methods)))


def test_who_was_too_sure_and_whether_scaling_helps_is_said():
    assert said(temperatures(), changes()) == (
        "Baseline is over-confident (temperature above 1), by its 95 % interval. INS "
        "is under-confident (temperature below 1), by its 95 % interval. Scaling "
        "certainly lowers the Kind ECE of Baseline. Scaling certainly raises the Kind "
        "ECE of INS. No change was detected for 1 of 3."
    )


def test_all_methods_and_none_are_said_shortly():
    text = said(temperatures((OVER,) * 3), changes(("inconclusive",) * 3))
    assert text == (
        "All 3 methods are over-confident (temperature above 1), each by its own 95 % "
        "interval. No certain change of the Kind ECE by scaling was found."
    )
    text = said(temperatures(("",) * 3), changes(("better",) * 3, "model"))
    assert text.startswith("No 95 % interval of a temperature is above or below 1. One")
    assert "detected" not in text
    alone = said(temperatures(), changes(), methods=METHODS[:1])
    assert "(temperature above 1), by its 95 % interval." in alone


def test_the_table_has_the_temperature_and_both_values():
    table = scaling_table(temperatures(), changes(), {INFO.key: INFO}, look())
    assert list(table.columns) == ["Method", "Temperature", "Kind ECE"]
    first = to_plain(table["Kind ECE"][0]).replace("\N{NO-BREAK SPACE}", " ")
    assert first.startswith("0.100 → 0.040; −0.060 [−0.080, −0.040]")
    assert "better" in first
    assert to_markdown(table["Temperature"][1]).startswith("**0.50**")


def test_groups_and_ends_of_what_is_tried_are_marked():
    parts = [
        temperatures(low=NAN),
        temperatures(group="A", images=400),
        temperatures(group="B", images=9, own=False),
    ]
    table = group_temperatures_table(pd.concat(parts), look())
    assert list(table.columns) == ["Method", "A (n = 400)", "B (n = 9)"]
    assert to_plain(table["B (n = 9)"][0]) == "2.00 (overall)"
    whole = scaling_table(parts[0], changes(), {INFO.key: INFO}, look())
    assert "at the end of those tried" in whole["Temperature"][0]


def test_the_diagram_before_is_drawn_behind_the_one_after():
    def curve(confidence):
        return pd.DataFrame(
            {
                "confidence": confidence,
                "accuracy": [0.4, 0.8],
                "low": [0.3, 0.7],
                "high": [0.5, 0.9],
                "images": 20.0,
            }
        )

    histogram = pd.DataFrame({"start": [0, 0.5], "end": [0.5, 1], "share": [0.1, 0.9]})
    style = look().styles["ins"]
    figure = plot_reliability(
        curve([0.45, 0.8]), histogram, style, "INS", before=(curve([0.6, 1]), histogram)
    )
    names = [trace.name for trace in figure.data]
    assert names == ["perfect", "before", "answers before", "INS", "answers"]
    assert list(figure.data[1].x) == pytest.approx([60, 100])
    assert list(figure.data[2].y) == pytest.approx([10, 90, 90])
    assert figure.data[2].yaxis == "y2"
    assert metric_info(INFO.key).label == INFO.label
