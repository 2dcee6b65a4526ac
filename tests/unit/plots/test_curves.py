"""ROC and precision-recall charts, and what is said of them."""

import numpy as np
import pandas as pd
import pytest

from core.evaluation.metrics import metric_info
from core.plots.curves import (
    curves_takeaway,
    plot_curves,
    reading_note,
    without_curve,
)
from core.plots.look import Look, method_styles

METHODS = ("baseline", "ins", "lmf")
LABELS = {"baseline": "Baseline", "ins": "INS", "lmf": "LMF"}
INFO = metric_info("kind.auc")


def look(methods=METHODS, labels=LABELS):
    return Look(methods, method_styles(METHODS, "baseline"), labels, "baseline")


def curves(methods=METHODS, threshold=0.25):
    parts = [
        pd.DataFrame(
            {"method": m, "x": [0, 0, 1], "y": [0, 0.5, 1], "threshold": threshold}
        )
        for m in methods
    ]
    return pd.concat(parts)


def bands(methods=("baseline", "ins")):
    x = [0.0, 0.5, 1.0]
    parts = [
        pd.DataFrame({"method": m, "x": x, "low": [0.4, 0.6, 1], "high": [0.6, 0.9, 1]})
        for m in methods
    ]
    return pd.concat(parts).assign(anew=True)


def points(methods=METHODS):
    return pd.DataFrame({"method": methods, "x": 0.1, "y": 0.55, "threshold": 0.5})


def plot(kind="roc", **given):
    parts = {"curves": curves(), "bands": bands(), "points": points(), **given}
    return plot_curves(
        parts["curves"],
        parts["bands"],
        parts["points"],
        kind,
        0.3,
        parts.get("look", look()),
        ("baseline", "ins"),
    )


def compared(verdicts=("baseline", "better", "inconclusive"), mean=0.8):
    return pd.DataFrame(
        {
            "method": METHODS,
            "metric": "kind.auc",
            "mean": [mean, 0.85, 0.79],
            "low": 0.75,
            "high": 0.9,
            "delta": [np.nan, 0.05, -0.01],
            "verdict": verdicts,
            "scope": "method",
        }
    )


def test_every_method_has_a_line_and_a_mark_and_two_a_band():
    figure = plot()
    lines = [t for t in figure.data if t.mode == "lines" and t.hovertemplate]
    marks = [t for t in figure.data if t.mode == "lines+markers"]
    filled = [t for t in figure.data if t.fill == "toself"]
    assert {t.name for t in lines} == {t.name for t in marks} == {*LABELS.values()}
    assert {t.legendgroup for t in filled} == {"baseline", "ins"}
    # One after the other: the chosen ones lie above.
    assert [t.name for t in lines] == ["LMF", "Baseline", "INS"]
    widths = {t.name: t.line.width for t in lines}
    assert widths["Baseline"] == widths["INS"] > widths["LMF"]
    colours = {t.name: (t.line.color, t.line.dash) for t in lines}
    styles = look().styles
    assert colours == {LABELS[m]: (styles[m].colour, styles[m].dash) for m in METHODS}
    assert lines[0].y[1] == 50
    assert list(lines[0].customdata) == [0.25] * 3
    assert "from probability %{customdata:.3f}" in lines[0].hovertemplate
    assert figure.layout.xaxis.title.text == "False positive rate (%)"


def test_the_legend_has_each_method_once_in_the_order_of_the_study():
    figure = plot(points=points(("baseline", "lmf")))
    listed = [t for t in figure.data if t.showlegend is not False]
    ranked = sorted(listed, key=lambda t: t.legendrank)
    assert [t.name for t in ranked] == ["Baseline", "INS", "LMF", "Guessing"]


def test_guessing_is_the_diagonal_or_the_share_of_the_class():
    diagonal = next(t for t in plot().data if t.name == "Guessing")
    assert diagonal.y == (0, 100)
    level = next(t for t in plot("pr").data if t.name == "Guessing")
    assert level.y == pytest.approx((30, 30))
    assert plot("pr").layout.yaxis.title.text == "Precision (%)"


def test_a_mean_of_classes_names_no_threshold():
    figure = plot(curves=curves(threshold=np.nan))
    line = next(t for t in figure.data if t.name == "INS" and t.mode == "lines")
    assert "probability" not in line.hovertemplate


def test_names_stay_text():
    labels = {**LABELS, "ins": "<i>x</i>%{y}"}
    figure = plot(look=look(labels=labels))
    line = next(t for t in figure.data if t.legendgroup == "ins" and t.hovertemplate)
    assert "<i>" not in line.hovertemplate
    assert "<b>" in line.hovertemplate


def test_the_takeaway_has_the_baselines_area_and_the_verdicts():
    text = curves_takeaway(compared(), INFO, 0.5, look())
    assert text.startswith(
        "The kind AUC of Baseline is 0.800 [0.750, 0.900]; guessing has 0.500."
    )
    assert "INS (+0.050) is better than the baseline" in text
    assert "LMF (" not in text
    alone = curves_takeaway(compared(), INFO, 0.5, look(("baseline",)))
    assert alone.endswith("guessing has 0.500.")


def test_labels_without_probabilities_are_said():
    text = curves_takeaway(compared(mean=np.nan), INFO, 0.5, look())
    assert text.startswith("Baseline has labels only")
    assert without_curve(curves(), look()) == ""
    said = without_curve(curves(("baseline",)), look())
    assert said == "INS and LMF have labels only, without probabilities: no curve."


def test_the_note_names_the_methods_with_a_band():
    text = reading_note(bands(), look())
    assert "of Baseline and INS alone, so that 3 methods stay readable" in text
    assert "It is for a method trained anew, on new images." in text
    assert "Shaded" not in reading_note(bands()[:0], look())


def test_the_note_says_whose_trained_model_is_held_fixed():
    both = reading_note(bands().assign(anew=False), look())
    assert "With one seed it is for these trained models, on new images." in both
    assert "anew" not in both
    alone = reading_note(bands(("ins",)).assign(anew=False), look(("baseline", "ins")))
    assert "With one seed it is for this trained model, on new images." in alone
    one = bands()
    one["anew"] = one["method"] == "baseline"
    text = reading_note(one, look())
    assert "anew, on new images; of INS, with one seed, for the trained model." in text
