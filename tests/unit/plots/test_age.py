"""Age: sentences and figures from scores and predictions written by hand."""

import numpy as np
import pandas as pd
import pytest

from core.language import speaking
from core.plots import age as plots
from core.plots.look import Look, method_styles
from core.tasks import Regression
from core.text import NO_BREAK, percent

TASK = Regression("age", "Age", "years", 1, 30, 10)
METHODS = ("baseline", "ins")
LABELS = {"baseline": "Baseline", "ins": "INS"}
LOOK = Look(METHODS, method_styles(METHODS, "baseline"), LABELS, "baseline")


def table(base, other, verdicts=("inconclusive",) * 3, spread=0.5):
    parts = []
    for method, means, words in (
        ("baseline", base, ("baseline",) * 3),
        ("ins", other, verdicts),
    ):
        part = {"method": method, "group": TASK.bin_labels, "mean": means}
        parts.append(pd.DataFrame({**part, "verdict": words}))
    rows = pd.concat(parts, ignore_index=True)
    return rows.assign(low=rows["mean"] - spread, high=rows["mean"] + spread)


def test_errors_stand_over_the_training_images_of_their_bin():
    scores = table([4.0, 6.0, 9.0], [3.0, 6.0, 10.0])
    counts = plots.count_by_bin(pd.Series([1, 2, 15, 29, 29, 29]), TASK)
    assert counts.to_dict() == {"0-9": 2, "10-19": 1, "20-29": 3}
    figure = plots.plot_error_by_bin(scores, TASK, counts, LOOK, noise_floor=4.0)
    assert list(figure.layout.xaxis.ticktext) == ["0-9", "10-19", "20-29"]
    bars = [trace for trace in figure.data if trace.type == "bar"]
    assert list(bars[0].y) == [2, 1, 3]
    level = [shape for shape in figure.layout.shapes if shape.y0 == shape.y1]
    assert [shape.y0 for shape in level] == [4.0]
    assert "4.0 years" in figure.layout.annotations[0].text


def test_error_takeaway_names_the_ends_and_certain_changes():
    scores = table(
        [4.0, 6.0, 9.0], [3.0, 6.0, 10.0], ("better", "inconclusive", "worse")
    )
    counts = pd.Series({"0-9": 70, "10-19": 20, "20-29": 10})
    said = plots.error_takeaway(scores, counts, LOOK, TASK)
    assert said == (
        "The baseline is furthest off at age 20-29 (by 9.0 years on average; "
        f"{percent(0.1)} of the training images) and nearest at age 0-9 (by 4.0 years; "
        f"{percent(0.7)} of the training images). Beside the baseline's, the error is "
        "certainly smaller at age 0-9 with INS; it is certainly larger at age 20-29 "
        "with INS."
    )


def test_a_takeaway_names_few_bins_and_counts_many():
    task = Regression("age", "Age", "years", 1, 79, 10)
    labels = {"baseline": "Baseline", "all": "A", "few": "F", "many": "M"}
    better = {"all": 8, "many": 6, "few": 2}
    scores = pd.DataFrame(
        [
            {
                "method": method,
                "group": name,
                "mean": 4.0 + place,
                "verdict": "better" if place < better.get(method, 0) else "worse",
                "scope": "method",
            }
            for method in labels
            for place, name in enumerate(task.bin_labels)
        ]
    )
    look = Look(
        tuple(labels), method_styles(tuple(labels), "baseline"), labels, "baseline"
    )
    said = plots.error_takeaway(scores, None, look, task)
    assert (
        "certainly smaller in every bin with A, in 6 of 8 bins with M, at age 0-9 and "
        "10-19 with F; it is certainly larger in 6 of 8 bins with F, at age 60-69 and "
        "70-79 with M." in said
    )


def test_a_sentence_and_a_figure_are_in_the_language_that_is_spoken():
    scores = table([4.0, 6.0, 9.0], [3.0, 6.0, 10.0])
    counts = pd.Series({"0-9": 70, "10-19": 20, "20-29": 10})
    english = plots.error_takeaway(scores, counts, LOOK, TASK)
    with speaking("fr"):
        said = plots.error_takeaway(scores, counts, LOOK, TASK)
        figure = plots.plot_error_by_bin(scores, TASK, counts, LOOK)
    assert "la référence se trompe le plus dans la tranche 20-29 (de 9,0 " in said
    assert f"10{NO_BREAK}% des images d’entraînement" in said
    assert "Valeur vraie" in figure.layout.xaxis.title.text
    assert figure.data[0].customdata[0].startswith(f"0-9{NO_BREAK}: 4,00 ")
    assert plots.error_takeaway(scores, counts, LOOK, TASK) == english


def test_error_takeaway_claims_nothing_uncertain():
    scores = table([4.0, 6.0, 9.0], [3.0, 6.0, 10.0])
    said = plots.error_takeaway(scores, None, LOOK, TASK)
    assert said.endswith("In no bin is a method certainly better or worse than it.")


def test_error_takeaway_without_test_images():
    scores = table([np.nan] * 3, [np.nan] * 3)
    said = plots.error_takeaway(scores, None, LOOK, TASK)
    assert said == "There is no test image in any bin."


def test_bias_takeaway_says_both_ends_and_pull_only_where_certain():
    scores = table([3.0, 0.0, -4.0], [1.0, 0.0, -1.0])
    said = plots.bias_takeaway(scores, LOOK, TASK)
    assert "+3.0 years at 0-9 and −4.0 at 20-29: it pulls towards the middle" in said
    assert "smallest for INS (0.7 years; baseline 2.3)" in said
    wide = plots.bias_takeaway(
        table([3.0, 0.0, -4.0], [1.0, 0.0, -1.0], spread=5.0), LOOK, TASK
    )
    assert "pulls" not in wide


def test_bias_is_drawn_around_a_line_at_zero():
    scores = table([3.0, 0.0, -4.0], [1.0, 0.0, -1.0])
    figure = plots.plot_bias_by_bin(scores, TASK, LOOK)
    drawn = {trace.name: list(trace.y) for trace in figure.data}
    assert drawn == {"Baseline": [3.0, 0.0, -4.0], "INS": [1.0, 0.0, -1.0]}
    assert any(shape.y0 == shape.y1 == 0 for shape in figure.layout.shapes)


def predictions(slope, rows=200):
    truth = np.linspace(1, 30, rows)
    return pd.DataFrame({"truth": truth, "prediction": 15 + slope * (truth - 15)})


def test_scatter_draws_every_image_up_to_a_limit():
    few = plots.plot_truth_prediction(predictions(1), TASK, LOOK.styles["ins"], "INS")
    assert len(few.data[1].x) == 200
    rows = plots.MAXIMUM_POINTS + 500
    many = plots.plot_truth_prediction(
        predictions(1, rows), TASK, LOOK.styles["ins"], "INS"
    )
    assert len(many.data[1].x) == plots.MAXIMUM_POINTS
    assert list(many.data[0].x) == [0.0, 30.0]


def test_means_of_the_bins_are_of_all_images():
    figure = plots.plot_truth_prediction(
        predictions(0.5), TASK, LOOK.styles["ins"], "INS"
    )
    truth = np.linspace(1, 30, 200)
    first = truth[truth < 10]
    assert figure.data[2].x[0] == pytest.approx(first.mean())
    assert figure.data[2].y[0] == pytest.approx(15 + 0.5 * (first.mean() - 15))


def test_slope_is_said_against_one():
    tables = {"baseline": predictions(0.5), "ins": predictions(0.8)}
    said = plots.truth_prediction_takeaway(tables, LOOK, TASK)
    assert "rises by 0.50 (1 would be right)" in said
    assert "INS comes closest, with 0.80" in said


def test_slope_of_one_age_cannot_be_seen():
    tables = {"baseline": pd.DataFrame({"truth": [3.0, 3], "prediction": [2.0, 4]})}
    said = plots.truth_prediction_takeaway(tables, LOOK, TASK)
    assert "no slope can be seen" in said


@pytest.mark.parametrize(
    ("report", "expected"),
    [
        ({"twins": {"label_noise": {"age_mean_difference": 4.0}}}, 4.0),
        ({"twins": {"label_noise": {}}}, None),
        ({"twins": None}, None),
        ({}, None),
        (None, None),
    ],
)
def test_noise_floor_is_read_where_it_was_measured(report, expected):
    assert plots.noise_floor_of(report, TASK) == expected
