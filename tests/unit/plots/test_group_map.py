"""The map of crossings: values, changes, counts and what is too few to tell."""

import numpy as np
import pytest

from core.evaluation.comparison import compare_runs
from core.evaluation.metrics import metric_info
from core.evaluation.verdicts import SMALL_GROUP
from core.plots import group_map as plots
from core.plots.look import Look
from tests.grouped import TASK, grouped_tables
from tests.synthetic import TASKS, synthetic_tables

UTKFACE = TASKS["utkface"]
MAE = metric_info("age.mae", UTKFACE)
ACCURACY = metric_info("hired.accuracy", (TASK,))


@pytest.fixture(scope="module")
def tables():
    return synthetic_tables(methods=("baseline", "denseweight-1"), seeds=(0,))


@pytest.fixture(scope="module")
def comparison(tables):
    return compare_runs(
        tables,
        UTKFACE,
        "baseline",
        by=["ethnicity", "gender"],
        metrics=["age.mae"],
    )


def texts(figure):
    return {(n.y, n.x): n.text for n in figure.layout.annotations}


def test_every_cell_has_its_value_and_its_n(tables, comparison):
    cells = plots.map_cells(comparison, MAE, "baseline")
    table = tables["baseline", 0]
    table = table[table["split"] == "test"] if "split" in table else table
    error = (table["age_pred"] - table["age_true"]).abs()
    expected = error.groupby([table["ethnicity"], table["gender"]]).agg(
        ["mean", "size"]
    )
    for cell in cells.to_dict("records"):
        mean, size = expected.loc[(cell["row"], cell["column"])]
        assert cell["mean"] == pytest.approx(mean)
        assert cell["images"] == size
    figure = plots.plot_group_map(
        cells, MAE, titles=("Ethnicity", "Gender"), change=False
    )
    cell = cells.iloc[0]
    written = texts(figure)[cell["row"], cell["column"]]
    assert written == f"<b>{cell['mean']:.2f}</b><br>n {cell['images']}"


def test_darkest_cell_is_the_worst(comparison):
    cells = plots.map_cells(comparison, MAE, "baseline")
    figure = plots.plot_group_map(cells, MAE, titles=("", ""), change=False)
    heat = figure.data[0]
    i, j = np.unravel_index(np.argmax(heat.z), np.shape(heat.z))
    worst = cells.loc[cells["mean"].idxmax()]
    assert (heat.y[i], heat.x[j]) == (worst["row"], worst["column"])


def test_of_a_change_the_better_side_is_blue(comparison):
    cells = plots.map_cells(comparison, MAE, "denseweight-1")
    figure = plots.plot_group_map(cells, MAE, titles=("", ""), change=True)
    heat = figure.data[0]
    place = {
        (row, column): (i, j)
        for i, row in enumerate(heat.y)
        for j, column in enumerate(heat.x)
    }
    assert "worse" in set(cells["verdict"])
    for cell in cells.to_dict("records"):
        shade = heat.z[place[cell["row"], cell["column"]]]
        assert (shade > 0.5) == (cell["delta"] < 0)
        written = texts(figure)[cell["row"], cell["column"]]
        assert ("▼" in written) == (cell["verdict"] == "worse")


def test_wide_maps_are_turned(tables):
    comparison = compare_runs(
        tables,
        UTKFACE,
        "baseline",
        by=["gender", "age_bin"],
        metrics=["age.mae"],
    )
    cells = plots.map_cells(comparison, MAE, "baseline")
    figure = plots.plot_group_map(
        cells, MAE, titles=("Gender", "Age bin"), change=False
    )
    assert list(figure.data[0].x) == ["male", "female"]
    assert figure.layout.xaxis.title.text == "Gender"
    assert figure.layout.yaxis.title.text == "Age bin"


def test_few_images_are_marked_and_never_an_end_of_the_sentence():
    tables = grouped_tables({"baseline": {"A": 0.9}}, images=100)
    table = tables["baseline", 0]
    table["size"] = ["tall"] * (100 - SMALL_GROUP + 1) + ["short"] * (SMALL_GROUP - 1)
    comparison = compare_runs(tables, (TASK,), "baseline", by=["group", "size"])
    cells = plots.map_cells(comparison, ACCURACY, "baseline")
    figure = plots.plot_group_map(cells, ACCURACY, titles=("", ""), change=False)
    assert plots.SMALL_SIGN in texts(figure)["A", "short"]
    assert plots.SMALL_SIGN not in texts(figure)["A", "tall"]
    said = plots.map_takeaway(cells, ACCURACY, "Baseline", change=False)
    assert "worst in A × tall" in said
    assert "1 cell of 2 (†) rests on fewer than 20 images" in said


def test_a_crossing_without_images_is_a_dash():
    tables = grouped_tables({"baseline": {"A": 0.9, "B": 0.8}}, images=60)
    table = tables["baseline", 0]
    table["size"] = np.where(table["group"] == "A", "tall", "short")
    comparison = compare_runs(tables, (TASK,), "baseline", by=["group", "size"])
    cells = plots.map_cells(comparison, ACCURACY, "baseline")
    figure = plots.plot_group_map(cells, ACCURACY, titles=("", ""), change=False)
    written = texts(figure)
    assert written["A", "short"] == written["B", "tall"] == "–"


def test_one_feature_alone_is_set_against_the_methods():
    tables = grouped_tables(
        {"baseline": {"A": 0.9, "B": 0.7}, "other": {"A": 0.8, "B": 0.75}}
    )
    comparison = compare_runs(tables, (TASK,), "baseline", by=["group"])
    labels = {"baseline": "Baseline", "other": "Other"}
    look = Look(tuple(labels), {}, labels, "baseline")
    cells = plots.map_methods(comparison, ACCURACY, look)
    figure = plots.plot_group_map(cells, ACCURACY, titles=("", "Group"), change=False)
    assert texts(figure)["Other", "B"].startswith("<b>0.750</b>")
    said = plots.methods_takeaway(cells, ACCURACY, "Group")
    assert said.endswith("is lowest in group B for 2 of 2 methods.")


def test_changes_are_counted_by_verdict():
    tables = grouped_tables(
        {"baseline": {"A": 0.9, "B": 0.7}, "other": {"A": 0.7, "B": 0.9}}
    )
    comparison = compare_runs(tables, (TASK,), "baseline", by=["group"])
    cells = plots.map_cells(comparison, ACCURACY, "other")
    said = plots.map_takeaway(cells, ACCURACY, "Other", change=True)
    assert "Other is certainly better in 1 and worse in 1 of 2 cells" in said


def test_without_a_better_side_blue_is_more_and_the_sign_another():
    rate = metric_info("hired.selection_rate", (TASK,))
    tables = grouped_tables({"baseline": {"A": 0.9}, "other": {"A": 0.9}})
    table = tables["other", 0]
    table["hired_pred"] = "yes"
    comparison = compare_runs(tables, (TASK,), "baseline", by=["group"])
    cells = plots.map_cells(comparison, rate, "other")
    figure = plots.plot_group_map(cells, rate, titles=("", ""), change=True)
    assert figure.data[0].z[0][0] == pytest.approx(1.0)
    assert "◆" in texts(figure)["", "A"]
    assert "Blue is higher" in plots.map_note(rate, change=True)
    assert "Blue is better" in plots.map_note(ACCURACY, change=True)


def test_a_group_of_few_images_is_no_lowest():
    tables = grouped_tables({"baseline": {"A": 0.9, "B": 0.8}}, images=100)
    table = tables["baseline", 0]
    table.loc[table.index[-5:], "group"] = "C"
    comparison = compare_runs(tables, (TASK,), "baseline", by=["group"])
    look = Look(("baseline",), {}, {"baseline": "Baseline"}, "baseline")
    cells = plots.map_methods(comparison, ACCURACY, look)
    assert cells.set_index("column").loc["C", "mean"] == 0
    said = plots.methods_takeaway(cells, ACCURACY, "Group")
    assert "lowest in group B" in said
