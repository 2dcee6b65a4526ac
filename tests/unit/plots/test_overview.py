"""Overview: sentences and figures from a comparison written by hand."""

from dataclasses import replace

import numpy as np
import pytest

from core.evaluation.comparison_rows import DETECTABLE
from core.evaluation.metrics import metric_info
from core.evaluation.published import published_table
from core.evaluation.verdicts import METHOD, MODEL
from core.language import speaking
from core.plots import overview as plots
from core.plots.look import Look, method_styles
from core.results.frame import NO_BREAK, table_frame
from core.results.tables import leaderboard, metric_detail
from core.study import Published
from core.text import strong
from tests.comparisons import cells_of, comparison_of

METHODS = ("baseline", "ins", "lmf", "focal")
LABELS = {"baseline": "Baseline", "ins": "INS", "lmf": "LMF", "focal": "Focal"}
LOOK = Look(METHODS, method_styles(METHODS, "baseline"), LABELS, "baseline")
MAE = metric_info("age.mae")
F1 = metric_info("ethnicity.macro_f1")


def row(method, metric, mean, delta=np.nan, verdict="baseline", p=np.nan):
    return {
        "method": method,
        "metric": metric,
        "mean": mean,
        "sd": 0.1,
        "low": mean - 0.2,
        "high": mean + 0.2,
        "delta": delta,
        "delta_low": delta - 0.3,
        "delta_high": delta + 0.3,
        "p": p,
        "verdict": verdict,
    }


@pytest.fixture
def comparison():
    return cells_of(
        [
            row("baseline", "age.mae", 8.0),
            row("ins", "age.mae", 7.0, -1.0, "better", 0.0001),
            row("lmf", "age.mae", 9.0, 1.0, "worse", 0.01),
            row("focal", "age.mae", 8.1, 0.1, "inconclusive", 0.7),
            row("baseline", "ethnicity.macro_f1", 0.5),
            row("ins", "ethnicity.macro_f1", 0.55, 0.05, "inconclusive", 0.4),
            row("lmf", "ethnicity.macro_f1", 0.7, 0.2, "better", 0.001),
            row("focal", "ethnicity.macro_f1", 0.5, 0.0, "inconclusive", 1.0),
        ]
    )


def board(cells, metrics, methods=METHODS):
    """The leaderboard as a page shows it."""
    found = comparison_of(cells.to_dict("records"))
    labels = {method: LABELS[method] for method in methods}
    keys = [info.key for info in metrics]
    return table_frame(leaderboard(found, keys, labels, part="score"))


def detail(cells, info):
    """One metric in numbers as a page shows it."""
    found = comparison_of(cells.to_dict("records"))
    return table_frame(metric_detail(found, info.key, LABELS))


def test_leaderboard_has_a_row_a_method_and_a_cell_a_metric(comparison):
    table = board(comparison, [MAE, F1], METHODS[:3])
    assert list(table.columns) == [
        "Method",
        "Age MAE (years) ↓",
        "Ethnicity macro F1 ↑",
    ]
    assert list(table["Method"]) == [
        strong("Baseline"),
        strong("INS"),
        strong("LMF"),
    ]
    assert "7.00" in table.iloc[1, 1]
    assert "better" in table.iloc[1, 1]
    assert "verdict" not in table.iloc[0, 1]


def test_leaderboard_marks_what_was_not_measured(comparison):
    only = comparison[comparison["metric"] == "age.mae"]
    only = only[only["method"] != "lmf"]
    assert board(only, [MAE]).set_index("Method").index.tolist() == [
        strong(LABELS[m]) for m in METHODS if m != "lmf"
    ]


def test_tally_counts_verdicts_and_names_who_only_gains(comparison):
    said = plots.leaderboard_takeaway(comparison, [MAE, F1], LOOK)
    assert "6 comparisons" in said
    assert "2 are better, 1 worse and 3 inconclusive" in said
    assert said.endswith("Better on at least one and worse on none: INS.")


def test_a_method_of_fewer_seeds_is_marked_beside_its_verdict(comparison):
    comparison.loc[comparison["method"] == "ins", "seeds"] = 1
    table = board(comparison, [MAE, F1])
    assert list(table["Method"][:3]) == [
        strong("Baseline"),
        f"{strong('INS')} (1 seed)",
        strong("LMF"),
    ]
    said = plots.leaderboard_takeaway(comparison, [MAE, F1], LOOK)
    assert said.endswith("worse on none: INS (1 seed).")
    alone = comparison[comparison["method"] == "ins"]
    assert plots.fewer_seeds(alone) == {}


def test_a_margin_is_shaded_and_the_seeds_needed_stand_beside_the_difference(
    comparison,
):
    planned = comparison.assign(
        margin=0.5, smallest_detectable=1.5, seed_share=0.25, seeds_needed=np.inf
    )
    planned.loc[planned["method"] == "focal", "seeds_needed"] = 7
    for place, sizes in enumerate(((3.0, 2.0, 1.0), (2.0, 1.0, 0.5), (9.0, 8.0, 7.0))):
        planned.loc[place + 1, list(DETECTABLE)] = sizes
    figure = plots.plot_differences(planned, MAE, LOOK)
    band = figure.layout.shapes[0]
    assert (band.x0, band.x1) == (-0.5, 0.5)
    figure = plots.plot_detectable(planned, MAE, LOOK)
    assert list(figure.data[0].y) == [
        "<b>Focal</b><br>7 seeds",
        "<b>LMF</b><br>settled",
        "<b>INS</b><br>settled",
    ]
    hollow = {"ins": replace(LOOK.styles["ins"], marker="circle-open")}
    drawn = replace(LOOK, styles={**LOOK.styles, **hollow})
    seen = plots.plot_detectable(planned, MAE, drawn).data[1]
    # A hollow mark is seen on a dark page too.
    assert list(seen.marker.line.width) == [0, 0, 14 / 5]
    said = plots.detectable_takeaway(planned, MAE, LOOK)
    assert "1.50 years" in said
    assert f"25{NO_BREAK}% of the variance is from the seeds" in said
    assert "Focal (7 seeds)" in said
    assert said.endswith(
        "A study like this finds differences from 3.00 years with 3 seeds of each"
        " method, 2.00 with 5 and 1.00 with 10 (median over methods)."
    )


def test_without_a_margin_nothing_is_shaded(comparison):
    figure = plots.plot_differences(comparison, MAE, LOOK)
    assert {shape.type for shape in figure.layout.shapes} == {"line"}


def test_the_best_comes_first_whichever_way_is_better(comparison):
    assert plots.best_first(comparison, MAE, METHODS) == [
        "ins",
        "baseline",
        "focal",
        "lmf",
    ]
    assert plots.best_first(comparison, F1, METHODS)[0] == "lmf"
    bias = metric_info("age.bias")
    signed = comparison.assign(metric="age.bias", mean=[-3.0, 1, 2, np.nan] * 2)[:4]
    assert plots.best_first(signed, bias, METHODS) == [
        "ins",
        "lmf",
        "baseline",
        "focal",
    ]


def test_the_best_few_of_a_metric_keep_the_order_of_equals(comparison):
    equal = comparison.copy()
    equal.loc[equal["method"].isin(["ins", "lmf"]), "mean"] = 8.0
    assert plots.best_few(equal, MAE, METHODS, 2) == ["baseline", "ins"]
    assert plots.best_few(equal, MAE, ("lmf", "focal", "ins"), 2) == ["lmf", "ins"]
    unknown = equal[(equal["method"] != "focal") | (equal["metric"] != "age.mae")]
    assert plots.best_few(unknown, MAE, ("focal", "lmf"), 2) == ["lmf"]


def test_the_best_is_named_with_how_many_are_certainly_worse(comparison):
    against = cells_of(
        [
            row("ins", "age.mae", 7.0),
            row("baseline", "age.mae", 8.0, 1.0, "worse", 0.01),
            row("lmf", "age.mae", 7.1, 0.1, "inconclusive", 0.8),
            row("focal", "age.mae", 7.2, 0.2, "inconclusive", 0.7),
        ]
    )
    said = plots.best_takeaway(against, MAE, LOOK, "ins")
    assert said == (
        "On Age MAE, INS has the best point estimate (7.00 years); of the 3 others "
        "shown, 1 is certainly worse, and for 2 no difference was detected. The same "
        "images chose it, which flatters it."
    )
    few = plots.best_takeaway(against, MAE, LOOK.only(["ins", "lmf"]), "ins")
    assert "of the one other shown, none are certainly worse, and for 1 no" in few


def test_tally_of_no_gain_claims_none(comparison):
    said = plots.leaderboard_takeaway(
        comparison, [F1], LOOK.only(["baseline", "focal"])
    )
    assert said.endswith("the data show no gain over the baseline.")


def test_tally_of_mixed_gains_says_so(comparison):
    said = plots.leaderboard_takeaway(
        comparison, [MAE, F1], LOOK.only(["baseline", "lmf"])
    )
    assert said.endswith("every method that gains on one metric loses on another.")


def test_one_method_leaves_nothing_to_compare(comparison):
    said = plots.leaderboard_takeaway(comparison, [MAE], LOOK.only(["baseline"]))
    assert "one method only" in said


def test_differences_are_named_with_unit_and_sign(comparison):
    said = plots.differences_takeaway(comparison, MAE, LOOK)
    assert said == (
        "On Age MAE, INS (−1.00 years) is better than the baseline; "
        "LMF (+1.00 years) is worse than the baseline; "
        "no difference was detected for the other method."
    )


def test_no_certain_difference_is_not_called_equality(comparison):
    chosen = ["baseline", "ins", "focal"]
    said = plots.differences_takeaway(comparison, F1, LOOK.only(chosen))
    assert (
        "no difference from the baseline was detected for any of the 2 others" in said
    )
    alone = plots.differences_takeaway(comparison, F1, LOOK.only(["baseline", "ins"]))
    assert "no difference from the baseline was detected for the other method" in alone


def test_equivalent_methods_are_counted_beside_those_that_are_open(comparison):
    table = comparison.copy()
    of_focal = (table["method"] == "focal") & (table["metric"] == F1.key)
    table.loc[of_focal, "verdict"] = "equivalent"
    chosen = ["baseline", "ins", "focal"]
    said = plots.differences_takeaway(table, F1, LOOK.only(chosen))
    assert said.endswith(
        "1 method is equivalent to the baseline; "
        "no difference was detected for the other method."
    )


def test_equivalent_methods_are_called_so_where_nothing_is_open(comparison):
    table = comparison.copy()
    of_lmf = (table["method"] == "lmf") & (table["metric"] == MAE.key)
    table.loc[of_lmf, "verdict"] = "equivalent"
    said = plots.differences_takeaway(table, MAE, LOOK.only(["baseline", "lmf"]))
    assert said == (
        "On Age MAE, LMF is equivalent to the baseline: any difference is too small "
        "to matter."
    )


def test_forest_plot_draws_deltas_with_their_intervals(comparison):
    figure = plots.plot_differences(comparison, MAE, LOOK)
    drawn = {trace.name: trace for trace in figure.data}
    assert set(drawn) == {"INS", "LMF", "Focal"}
    ins = drawn["INS"]
    assert ins.x[0] == -1.0
    assert ins.error_x.array[0] == pytest.approx(0.3)
    assert "▲ better" in ins.y[0]
    low, high = figure.layout.xaxis.range
    assert low == -high
    assert high > 1.3


@pytest.mark.parametrize(("info", "left"), [(MAE, "◀ better"), (F1, "◀ worse")])
def test_forest_plot_says_which_side_is_better(comparison, info, left):
    figure = plots.plot_differences(comparison, info, LOOK)
    texts = {note.xanchor: note.text for note in figure.layout.annotations}
    assert texts["right"] == left


def test_metric_table_never_writes_a_p_of_zero(comparison):
    table = detail(comparison, MAE).set_index("Method")
    assert table.loc[strong("INS"), "p"].replace(NO_BREAK, " ") == "< 0.001"
    assert table.loc[strong("Baseline"), "Difference"] == "–"
    assert table.loc[strong("LMF"), "Difference"] == "+1.00"


def claim(method, metric, change):
    return Published(method=method, metric=metric, change_percent=change, source="them")


def test_published_changes_stand_beside_ours_in_per_cent(comparison):
    claims = [claim("ins", "age.mae", -4.4), claim("gone", "age.mae", -1.0)]
    table = published_table(claims, comparison, "baseline")
    said = plots.published_changes_takeaway(table)
    assert (
        "Of 1 published change, ours points the same way in 1, with certainty" in said
    )
    infos = {"age.mae": MAE}
    figure = plots.plot_published_changes(table, infos, LOOK)
    assert list(figure.data[1].x) == [-4.4, -1.0]
    assert figure.data[0].x[0] == pytest.approx(-12.5)


def test_no_published_change_of_ours_is_said(comparison):
    table = published_table([claim("gone", "age.mae", 1.0)], comparison, "ins")
    assert "None of the published" in plots.published_changes_takeaway(table)


ERROR = metric_info("label.error_rate")


@pytest.fixture
def errors():
    rows = [
        row("baseline", "label.error_rate", 0.305),
        row("ins", "label.error_rate", 0.291, -0.014, "inconclusive", 0.3),
        row("lmf", "label.error_rate", 0.255, -0.05, "better", 0.001),
    ]
    return cells_of(rows)


def test_published_values_stand_beside_ours_without_a_verdict(errors):
    claims = [
        Published(method=method, metric="label.error_rate", value=value, source="them")
        for method, value in (("baseline", 0.231), ("lmf", 0.173), ("gone", 0.2))
    ]
    table = published_table(claims, errors, "baseline")
    figure = plots.plot_published_values(table, ERROR, LOOK)
    ours, theirs = figure.data
    assert list(ours.x)[:2] == pytest.approx([30.5, 25.5])
    assert list(theirs.x) == pytest.approx([23.1, 17.3, 20.0])
    assert "budget" in theirs.name
    assert "%" in figure.layout.xaxis.title.text
    said = plots.published_values_takeaway(table, ERROR)
    assert "17.3 to 23.1 %, ours 25.5 to 30.5 %" in said
    assert "no difference between the two is claimed" in said
    assert not {"better", "worse"} & set(said.replace(",", "").split())
    none = plots.published_values_takeaway(table.tail(1), ERROR)
    assert none.startswith("None of the published values")


def test_a_share_in_per_cent_is_shown_so_everywhere(errors):
    table = board(errors, [ERROR], METHODS[:3])
    heading = table.columns[1]
    assert heading == "Label error rate (%) ↓"
    assert strong(29.1) in table.loc[1, heading]
    said = plots.differences_takeaway(errors, ERROR, LOOK)
    assert "LMF (−5.0 points) is better" in said
    figure = plots.plot_differences(errors, ERROR, LOOK)
    assert [trace.x[0] for trace in figure.data] == pytest.approx([-5.0, -1.4])
    assert figure.layout.xaxis.title.text == "Difference (points)"
    table = detail(errors, ERROR)
    assert table.loc[2, "Label error rate (%) ↓"] == "25.5"
    assert table.loc[2, "Difference"] == "−5.0"


def test_a_metric_without_a_value_is_a_dash(errors):
    unknown = errors.assign(mean=np.nan)
    table = board(unknown, [ERROR], METHODS[:2])
    assert table.iloc[:, 1].tolist() == ["–", "–"]


def test_of_single_seeds_the_sentences_speak_of_trained_models(comparison):
    models = comparison.assign(scope=MODEL)
    models.loc[models["verdict"] == "baseline", "scope"] = METHOD
    said = plots.leaderboard_takeaway(models, [MAE, F1], LOOK)
    assert said.startswith("One trained model of each method is compared here. Of 6")
    said = plots.differences_takeaway(models, MAE, LOOK)
    assert (
        "the trained model of INS (−1.00 years) is better than the baseline's" in said
    )
    figure = plots.plot_differences(models, MAE, LOOK)
    places = {trace.name: trace.y[0] for trace in figure.data}
    assert places["INS"].endswith("▲ this trained model is better")
    said = plots.leaderboard_takeaway(comparison, [MAE, F1], LOOK)
    assert "trained model" not in said


def test_differences_are_said_in_french_with_its_numbers(comparison):
    with speaking("fr"):
        said = plots.differences_takeaway(comparison, MAE, LOOK)
        figure = plots.plot_differences(comparison, MAE, LOOK)
    assert f"INS (−1,00{NO_BREAK}an) fait mieux que la référence{NO_BREAK}; LMF" in said
    assert figure.layout.separators == ",\u202f"
    notes = {note.text for note in figure.layout.annotations}
    assert {"◀ meilleur", "moins bon ▶"} < notes
    assert "is better than the baseline; LMF" in plots.differences_takeaway(
        comparison, MAE, LOOK
    )
