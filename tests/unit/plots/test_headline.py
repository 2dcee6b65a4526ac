"""The first figure of Overview: order, colour and sign are right."""

import pandas as pd
import pytest

from core.evaluation import verdicts
from core.evaluation.metrics import metric_info
from core.evaluation.verdicts import BASELINE, BETTER, EQUIVALENT, INCONCLUSIVE, WORSE
from core.plots.headline import MARKS, plot_headline, sort_by_difference
from core.plots.look import Look, method_styles
from core.plots.traces import ROW_LINE

METHODS = ("baseline", "ins", "lmf", "lds", "vit")
VERDICTS = (BASELINE, WORSE, BETTER, EQUIVALENT, INCONCLUSIVE)
LABELS = dict(zip(METHODS, ("Baseline", "INS", "LMF", "LDS", "ViT"), strict=True))


def look():
    return Look(METHODS, method_styles(METHODS, "baseline"), LABELS, "baseline")


def table(key, deltas, mean=1.0):
    return pd.DataFrame(
        {
            "method": METHODS,
            "metric": key,
            "mean": [mean, *(mean + delta for delta in deltas)],
            "delta": [float("nan"), *deltas],
            "delta_low": [float("nan"), *(delta - 0.2 for delta in deltas)],
            "delta_high": [float("nan"), *(delta + 0.2 for delta in deltas)],
            "margin": 0.1,
            "p": 0.01,
            "verdict": VERDICTS,
            "scope": "method",
        }
    )


@pytest.mark.parametrize(
    ("key", "mean", "order"),
    [
        ("kind.macro_f1", 1.0, ["ins", "vit", "lds", "lmf"]),
        ("age.mae", 1.0, ["lmf", "lds", "vit", "ins"]),
        # The difference is that of the sizes without sign.
        ("age.bias", -1.0, ["lmf", "lds", "vit", "ins"]),
    ],
)
def test_the_most_favourable_difference_is_first(key, mean, order):
    rows = table(key, (0.5, -0.5, 0.0, 0.3), mean)
    info = metric_info(key)
    assert sort_by_difference(rows, info, look()) == order
    figure = plot_headline(rows, info, look())
    # Plotly draws the first row at the bottom.
    assert [trace.name for trace in figure.data] == [LABELS[m] for m in order[::-1]]


def test_colour_marker_and_sign_are_of_the_verdict():
    rows = table("kind.macro_f1", (-0.5, 0.5, 0.0, 0.3))
    figure = plot_headline(rows, metric_info("kind.macro_f1"), look())
    marks = {t.name: (t.marker.color, t.marker.symbol) for t in figure.data}
    assert marks == {
        "INS": MARKS[WORSE],
        "LMF": MARKS[BETTER],
        "LDS": MARKS[EQUIVALENT],
        "ViT": MARKS[INCONCLUSIVE],
    }
    names = {note.text for note in figure.layout.annotations}
    assert "<b>LMF</b>  ▲ +0.500" in names
    assert "<b>INS</b>  ▼ −0.500" in names
    assert set(MARKS) == set(verdicts.VERDICTS) - {BASELINE}
    assert len(set(MARKS.values())) == len(MARKS)


def test_a_long_name_has_its_number_below_it():
    rows = table("age.mae", (0.5, 1.2, -0.2, 0.3))
    usual = plot_headline(rows, metric_info("age.mae"), look())
    labels = LABELS | {"ins": "Under-sampled to the rarer group"}
    long = Look(METHODS, method_styles(METHODS, "baseline"), labels, "baseline")
    figure = plot_headline(rows, metric_info("age.mae"), long)
    names = {note.text for note in figure.layout.annotations}
    assert "<b>Under-sampled to the rarer group</b><br>▼ +0.50" in names
    # Every row has room for two lines.
    assert figure.layout.height - usual.layout.height == 4 * ROW_LINE


def test_a_method_far_from_all_others_leaves_them_their_room():
    rows = table("age.mae", (0.5, 12.0, -0.2, 0.3))
    figure = plot_headline(rows, metric_info("age.mae"), look())
    reach = figure.layout.xaxis.range[1]
    assert 0.5 < reach < 3
    (far,) = (n for n in figure.layout.annotations if "12.20] ▶" in n.text)
    assert far.x == reach
    # A wide interval about 0 is on the chart.
    wide = rows.assign(delta_low=rows["delta"].where(rows["delta"] < 9, -12.2))
    held = plot_headline(wide, metric_info("age.mae"), look())
    assert held.layout.xaxis.range[1] > 12
    # Of two rows, neither is the usual one.
    few = plot_headline(rows.iloc[:3], metric_info("age.mae"), look())
    assert few.layout.xaxis.range[1] > 12


def test_what_is_not_compared_is_left_out():
    rows = table("kind.macro_f1", (-0.5, 0.5, 0.0, float("nan")))
    info = metric_info("kind.macro_f1")
    assert sort_by_difference(rows, info, look()) == ["lmf", "lds", "ins"]
    assert sort_by_difference(rows.iloc[:1], info, look()) == []
    assert len(plot_headline(rows.iloc[:1], info, look()).data) == 0


def test_a_share_in_per_cent_is_drawn_in_points():
    rows = table("kind.error_rate", (-0.05, 0.05, 0.0, 0.03))
    figure = plot_headline(rows, metric_info("kind.error_rate"), look())
    assert figure.layout.title.text == "<b>Kind error rate (points)</b>"
    (ins,) = (trace for trace in figure.data if trace.name == "INS")
    assert ins.x[0] == pytest.approx(-5)
