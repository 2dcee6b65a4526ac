"""Groups, gaps and who paid: figures and sentences of tables with known accuracies."""

import json

import numpy as np
import pandas as pd
import pytest

from core.evaluation.comparison import Counterparts, compare_runs
from core.evaluation.gaps import Gap, gap_info
from core.evaluation.levelling_down import LEVELLED_DOWN, WORST_GAINED, levelling
from core.evaluation.metrics import metric_info
from core.evaluation.pareto import gap_points
from core.plots import fairness as plots
from core.plots import gaps as gap_plots
from core.plots.formatting import feature_label
from core.plots.look import Look, method_styles
from core.results.frame import NO_BREAK, table_frame
from core.results.tables import fairness_table
from core.text import strong, to_plain
from tests.grouped import IMAGES, TASK, grouped_tables
from tests.synthetic import TASKS, synthetic_tables

ACCURACIES = {
    "baseline": {"A": 0.95, "B": 0.80},
    "fairer": {"A": 0.95, "B": 0.94},
    "levelled": {"A": 0.78, "B": 0.77},
    "same": {"A": 0.95, "B": 0.80},
}
LABELS = {name: name.capitalize() for name in ACCURACIES}
METHODS = tuple(ACCURACIES)
LOOK = Look(METHODS, method_styles(METHODS, "baseline"), LABELS, "baseline")
INFO = metric_info("hired.accuracy", (TASK,))
GAP = Gap(INFO.key, "difference", (INFO.key,))
ABOUT = gap_info(INFO.key, "difference", (TASK,))


def gap_table(comparison, info, methods, labels=LABELS):
    """What the groups differ by, as the page shows it."""
    measures = ("difference", "ratio", "fair_metric")
    shown = {method: labels[method] for method in methods}
    return table_frame(fairness_table(comparison, info.key, shown, measures=measures))


@pytest.fixture(scope="module")
def comparison():
    return compare_runs(
        grouped_tables(ACCURACIES),
        (TASK,),
        "baseline",
        by=["group"],
        metrics=[INFO.key],
    )


@pytest.fixture(scope="module")
def crossed():
    return compare_runs(
        synthetic_tables(methods=("baseline", "ins"), seeds=(0, 1)),
        TASKS["utkface"],
        "baseline",
        by=["gender", "ethnicity"],
        metrics=["age.mae"],
    )


def spec(figure):
    return json.loads(figure.to_json())


def test_a_feature_is_named_as_a_reader_says_it():
    assert feature_label("age_bin", TASKS["utkface"]) == "Age bin"
    assert feature_label("gender", TASKS["utkface"]) == "Gender"
    assert feature_label("skin_tone") == "Skin tone"


def test_each_group_has_its_mark_and_its_interval(comparison):
    figure = plots.plot_groups(comparison, INFO, LOOK)
    by_name = {trace.name: trace for trace in figure.data}
    assert set(by_name) == {f"A (n {IMAGES})", f"B (n {IMAGES})", "All images"}
    for group in "AB":
        trace = by_name[f"{group} (n {IMAGES})"]
        expected = [ACCURACIES[method][group] for method in METHODS]
        np.testing.assert_allclose(trace.x, expected)
        assert (np.asarray(trace.error_x.array) > 0).all()
        assert (np.asarray(trace.error_x.arrayminus) > 0).all()
    overall = [np.mean(list(groups.values())) for groups in ACCURACIES.values()]
    np.testing.assert_allclose(by_name["All images"].x, overall)
    names = [note.text for note in figure.layout.annotations]
    assert names == [f"<b>{LABELS[method]}</b>" for method in METHODS]


def test_marks_stay_within_the_row_of_their_method(comparison):
    figure = plots.plot_groups(comparison, INFO, LOOK)
    for trace in figure.data:
        places = np.asarray(trace.y, float)
        assert (np.abs(places - np.arange(len(METHODS))) < 0.5).all()


def test_many_groups_are_a_crowd_with_its_two_ends(crossed):
    info = metric_info("age.mae", TASKS["utkface"])
    look = Look(
        ("baseline", "ins"), {}, {"baseline": "Baseline", "ins": "INS"}, "baseline"
    )
    figure = plots.plot_groups(crossed, info, look)
    by_name = {trace.name: trace for trace in figure.data}
    crowd = by_name["Each of 8 groups"]
    rows = crossed.groups[crossed.groups["metric"] == "age.mae"]
    assert len(crowd.x) == len(rows) == 16
    for name, end in (("Lowest group", "min"), ("Highest group", "max")):
        expected = rows.groupby("method")["mean"].agg(end)
        found = dict(zip(("baseline", "ins"), by_name[name].x, strict=True))
        assert found == pytest.approx(expected.to_dict())


def test_a_small_group_is_hollow():
    tables = grouped_tables({"baseline": {"A": 0.9, "B": 0.8}}, images=12)
    comparison = compare_runs(tables, (TASK,), "baseline", by=["group"])
    figure = plots.plot_groups(comparison, INFO, LOOK.only(("baseline",)))
    symbols = [trace.marker.symbol for trace in figure.data[:2]]
    assert all(symbol[0].endswith("-open") for symbol in symbols)
    said = plots.groups_takeaway(comparison, INFO, LOOK.only(("baseline",)))
    assert "there are no two groups whose hired accuracy rests on at least 20" in said
    table = gap_table(comparison, INFO, ("baseline",))
    assert table["Difference ↓"].tolist() == ["–"]
    assert "No " in plots.gap_table_takeaway(comparison, INFO, LOOK.only(("baseline",)))


def test_takeaway_names_both_ends_the_gap_and_what_is_certain(comparison):
    said = plots.groups_takeaway(comparison, INFO, LOOK, (TASK,))
    assert "0.800 in group B and 0.950 in group A: 0.150 apart" in said
    assert "certainly narrower with Fairer (−0.140) and Levelled (−0.140)" in said
    assert "With the other method no change was detected." in said
    alone = plots.groups_takeaway(comparison, INFO, LOOK.only(("baseline",)), (TASK,))
    assert alone.endswith("].")


def test_gap_table_has_the_ends_the_gaps_and_the_verdicts(comparison):
    rows = gap_table(comparison, INFO, METHODS).set_index("Method")
    for end, values in (
        ("Worst group", ["B 0.800", "B 0.940", "B 0.770", "B 0.800"]),
        ("Best group", ["A 0.950", "A 0.950", "A 0.780", "A 0.950"]),
    ):
        shown = [to_plain(text).replace(NO_BREAK, " ") for text in rows[end]]
        assert all(
            text.startswith(value) for text, value in zip(shown, values, strict=True)
        )
    fairer = rows.loc[strong("Fairer")]
    assert fairer["Difference ↓"].startswith(strong("0.010"))
    assert "better" in fairer["Difference ↓"]
    assert "−0.140" in fairer["Difference ↓"]
    # Mean 0.875 less twice 0.15.
    assert rows.loc[strong("Baseline"), "Fair metric ↑"].startswith(strong("0.575"))
    assert "equivalent" in rows.loc[strong("Same"), "Ratio ↑"]


def test_of_an_error_the_highest_group_is_the_worst(crossed):
    info = metric_info("age.mae", TASKS["utkface"])
    labels = {"baseline": "Baseline", "ins": "INS"}
    row = gap_table(crossed, info, ("baseline",), labels).iloc[0]
    values = crossed.groups[crossed.groups["method"] == "baseline"]
    worst = values.loc[values["mean"].idxmax()]
    shown = to_plain(row["Worst group"]).replace(NO_BREAK, " ")
    assert shown.startswith(f"{worst['group']} {worst['mean']:.2f}")


def test_smallest_gap_is_called_certain_only_if_it_is(comparison):
    said = plots.gap_table_takeaway(comparison, INFO, LOOK, (TASK,))
    assert "(0.010, at 0.945 over all images). This is certainly smaller" in said
    assert "than that of Baseline (at 0.875)" in said
    said = plots.gap_table_takeaway(comparison, INFO, LOOK.only(("baseline",)))
    assert said.endswith("the method that the others are compared with.")


@pytest.fixture(scope="module")
def points(comparison):
    return gap_points(comparison, INFO, GAP, METHODS)


def test_front_is_what_no_other_beats_in_gap_and_accuracy(points):
    quality = {m: np.mean(list(g.values())) for m, g in ACCURACIES.items()}
    gaps = {m: g["A"] - g["B"] for m, g in ACCURACIES.items()}
    for method in METHODS:
        beaten = any(
            gaps[o] <= gaps[method] + 1e-9
            and quality[o] >= quality[method] - 1e-9
            and (gaps[o] < gaps[method] - 1e-9 or quality[o] > quality[method] + 1e-9)
            for o in METHODS
        )
        assert points.loc[method, "on_front"] == (not beaten)
    assert points["gap"].is_monotonic_increasing
    assert points.loc["baseline", "verdict"] == "baseline"
    assert points.loc["levelled", ["verdict", "gap_verdict"]].tolist() == [
        "worse",
        "better",
    ]


def test_of_a_ratio_and_the_fair_metric_more_is_nearer_to_parity(comparison):
    for measure in ("ratio", "fair_metric"):
        gap = Gap(INFO.key, measure, (INFO.key,))
        points = gap_points(comparison, INFO, gap, METHODS)
        assert points.index[0] == points["gap"].idxmax()
        assert points.loc["fairer", "on_front"]
        assert not points.loc["baseline", "on_front"]


def test_front_is_drawn_and_lettered(points):
    figure = gap_plots.plot_gap_quality(points, INFO, ABOUT, LOOK)
    names = [trace["name"] for trace in spec(figure)["data"]]
    assert "① Fairer" in names
    assert "<b>a</b> Levelled" in names
    assert len(names) == len(METHODS)


def test_price_of_the_smaller_gap_is_told(points):
    said = gap_plots.gap_quality_takeaway(points, INFO, ABOUT, LABELS, "baseline")
    assert "Fairer is alone on the front" in said
    assert "Fairer, and a certainly better hired accuracy" in said
    assert "Levelled, and pays for it with a certainly worse hired accuracy" in said
    said = gap_plots.gap_quality_takeaway(
        points.loc[["baseline", "same"]], INFO, ABOUT, LABELS, "baseline"
    )
    assert "No method has a certainly smaller" in said


def test_levelling_down_is_told_from_a_gain(comparison):
    table = levelling(comparison)
    reasons = table.set_index("method")["reason"]
    assert reasons["fairer"] == WORST_GAINED
    assert reasons["levelled"] == LEVELLED_DOWN
    said = gap_plots.levelling_takeaway(table, LABELS)
    # Fair metrics 0.575, 0.925 and 0.755.
    assert "Fairer (+0.350): the worst group gained" in said
    assert "Levelled (+0.180): levelled down" in said
    shown = gap_plots.levelling_table(table, LABELS).set_index("Method")
    assert "the better group fell" in shown.loc[strong("Levelled"), "Why"]
    none = gap_plots.levelling_takeaway(table[table["method"] == "same"], LABELS)
    assert none.endswith("For no method has the Fair metric certainly risen.")
    assert "accuracy certainly rose with none and fell with none of 1 method" in none


def test_a_method_far_out_does_not_hide_the_others():
    table = pd.DataFrame(
        {
            "method": ["a", "b", "c", "lost"],
            "best_delta": [-0.01, 0.0, 0.01, -0.2],
            "worst_delta": [0.02, 0.01, -0.01, -0.1],
        }
    )
    assert table["method"][gap_plots.far_out(table)].tolist() == ["lost"]
    assert not gap_plots.far_out(table.iloc[[0, 3]]).any()


def test_fair_metric_rises_above_the_line_and_only_there(comparison):
    table = levelling(comparison)
    figure = gap_plots.plot_levelling(table, LOOK, two_groups=True)
    (line,) = [s for s in figure.layout.shapes if s.line.dash == "dash"]
    slope = line.y1 / line.x1
    assert slope == pytest.approx(0.6)
    for row in table.to_dict("records"):
        above = row["worst_delta"] > slope * row["best_delta"] + 1e-9
        assert above == (row["fair_delta"] > 1e-9)
    without = gap_plots.plot_levelling(table, LOOK, two_groups=False)
    assert not [s for s in without.layout.shapes if s.line.dash == "dash"]


def test_same_answers_have_no_change_at_all():
    tables = grouped_tables(ACCURACIES)
    tables["same", 0] = tables["baseline", 0].copy()
    comparison = compare_runs(tables, (TASK,), "baseline", by=["group"])
    table = gap_table(comparison, INFO, METHODS).set_index("Method")
    assert "equivalent" in table.loc[strong("Same"), "Difference ↓"]


def test_points_of_undefined_gaps_are_left_out():
    tables = grouped_tables({"baseline": {"A": 0.9, "B": 0.8}}, images=12)
    comparison = compare_runs(tables, (TASK,), "baseline", by=["group"])
    points = gap_points(comparison, INFO, GAP, ("baseline",))
    assert isinstance(points, pd.DataFrame)
    assert points.empty


def test_gaps_against_counterparts_are_told_as_such():
    """Fairer stands against the method of its name elsewhere, and so does Same."""
    accuracies = {
        "fairer": ACCURACIES["fairer"],
        "same": ACCURACIES["baseline"],
        "there/fairer": ACCURACIES["baseline"],
        "there/same": ACCURACIES["same"],
    }
    pairs = Counterparts({m: f"there/{m}" for m in ("fairer", "same")}, "there")
    tables = grouped_tables(accuracies)
    found = compare_runs(tables, (TASK,), pairs, by=["group"], metrics=[INFO.key])
    labels = {name: name.capitalize() for name in accuracies}
    look = Look(tuple(labels), {}, labels, "there/fairer")
    said = plots.groups_takeaway(found, INFO, look, (TASK,))
    assert "certainly narrower with Fairer (−0.140)" in said
    assert "With the other method no change was detected." in said
    said = plots.gap_table_takeaway(found, INFO, look, (TASK,))
    assert "than that of the same method in there (at 0.875)" in said
    table = levelling(found).set_index("method")
    assert list(table.index) == ["fairer", "same"]
    assert table.loc["fairer", "reason"] == WORST_GAINED
