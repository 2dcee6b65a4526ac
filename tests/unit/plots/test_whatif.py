"""The what-if: where the points stand, what the table and the sentences say."""

import numpy as np
import pytest

from core.evaluation.whatif import choose, count_scores
from core.plots import whatif as plots
from core.plots.whatif import Mark
from core.text import NO_BREAK
from tests.grouped import IMAGES, TASK, grouped_tables

ACCURACIES = {"baseline": {"A": 0.95, "B": 0.80}}
GAP = "demographic_parity_difference"


def counts_of(split):
    return count_scores(
        grouped_tables(ACCURACIES, split=split),
        (TASK,),
        "baseline",
        task="hired",
        features=["group"],
    )


@pytest.fixture(scope="module")
def counts():
    return counts_of("test")


@pytest.fixture(scope="module")
def mark(counts):
    choice = choose(counts_of("validation"), "baseline", "demographic_parity")
    return Mark(choice, choice.on(counts))


def test_every_point_is_where_its_outcome_is(counts, mark):
    now = counts.at("baseline", {"A": 0.9, "B": 0.1})
    usual = counts.at("baseline", 0.5)
    curve = counts.curve("baseline")
    figure = plots.plot_whatif(curve, now, usual, [mark], GAP)
    by_name = {trace.name: trace for trace in figure.data}
    # Above every score nobody of A is taken, and below every score all of B are.
    assert by_name["Your thresholds"].x[0] == pytest.approx(1.0)
    assert by_name["Your thresholds"].y[0] == pytest.approx(0.5)
    assert by_name["0.5 for all"].y[0] == pytest.approx(0.875)
    assert "Demographic parity, from validation" in by_name
    line = by_name["One threshold for all, 0 to 1"]
    assert len(line.x) == len(counts.thresholds) // plots.CURVE_STEP + 1
    assert line.customdata[-1] == 1


def test_takeaway_says_what_changed_beside_a_half(counts):
    usual = counts.at("baseline", 0.5)
    said = plots.whatif_takeaway(usual, usual, GAP, "yes")
    assert said.endswith("Move a threshold to see what follows.")
    now = counts.at("baseline", 0.9)
    said = plots.whatif_takeaway(now, usual, GAP, "yes")
    assert said.startswith("Accuracy 0.500, demographic parity difference 0.000")
    assert "accuracy −0.375" in said
    # Above every score nobody is answered with it; at 0.5 it is half of them.
    assert f"yes answered for 0.0{NO_BREAK}% of the images" in said
    assert f"(answered for 50.0{NO_BREAK}%)" in said


def test_table_has_each_group_all_images_and_the_changes(counts):
    now = counts.at("baseline", {"A": 0.9, "B": 0.5})
    table = plots.outcome_table(now, counts.at("baseline", 0.5)).set_index("Group")
    assert table.index.tolist() == ["A", "B", "All images"]
    assert table.loc["A", "Recall"] == "0.000 (−0.950)"
    assert table.loc["A", "Precision"] == "–"
    assert table.loc["B", "Recall"] == "0.800"
    assert table.loc["All images", "n"] == f"{2 * IMAGES:,}"


def test_small_groups_are_marked():
    counts = count_scores(
        grouped_tables(ACCURACIES, images=10),
        (TASK,),
        "baseline",
        task="hired",
        features=["group"],
    )
    usual = counts.at("baseline", 0.5)
    table = plots.outcome_table(usual, usual)
    assert table["n"].tolist() == ["10†", "10†", "20"]


def test_note_says_where_marks_come_from(mark):
    said = plots.choices_note([mark])
    assert "chosen on the validation images" in said
    assert "Too small" not in said
    assert plots.choices_note([]) == ""


def test_thresholds_of_a_mark_move_every_slider(counts, mark):
    found = plots.thresholds_of(mark)
    assert set(found) == {"A", "B"}
    again = counts.at("baseline", found)
    np.testing.assert_allclose(again.thresholds, mark.outcome.thresholds)
