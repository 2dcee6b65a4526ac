"""How far answers move under harmless changes, against plain NumPy."""

import numpy as np
import pytest

from core.data.harmless_changes import CHANGES, WORST, shift_column
from core.errors import EquipoiseError
from core.evaluation.comparison import compare_runs
from core.evaluation.metrics import (
    further_keys,
    metric_info,
    metric_keys,
    split_key,
    stability_keys,
)
from core.evaluation.resampling import one_thread
from core.evaluation.verdicts import UNTESTED
from tests.synthetic import TASKS, synthetic_tables

STUDY = "utkface"
AGE, GENDER, ETHNICITY = TASKS[STUDY]
KEYS = stability_keys(TASKS[STUDY], by_change=True)
ROWS = 200


def measured(*, methods=("baseline", "ins"), seeds=(0, 1)):
    """Tables of runs, with moves drawn at random; of every fourth image none."""
    tables = synthetic_tables(STUDY, methods=methods, seeds=seeds, rows=ROWS)
    for number, table in enumerate(tables.values()):
        rng = np.random.default_rng(number)
        known = np.arange(ROWS) % 4 > 0
        for change in CHANGES:
            moves = rng.normal(1, 2 + number, ROWS)
            table[shift_column("age", change)] = np.where(known, moves, np.nan)
            flips = (rng.random(ROWS) < 0.1).astype(float)
            for task in (GENDER, ETHNICITY):
                name = shift_column(task.name, change)
                table[name] = np.where(known, flips, np.nan)
    return tables


@pytest.fixture(scope="module")
def tables():
    return measured()


@pytest.fixture(scope="module")
def found(tables):
    return compare_runs(tables, TASKS[STUDY], "baseline", metrics=KEYS)


def moves_of(table, task="age"):
    """Sizes of the moves of the images that were measured, shape (changes, images)."""
    columns = table[[shift_column(task, change) for change in CHANGES]]
    return np.abs(columns.dropna().to_numpy()).T


def test_keys_name_every_change_and_the_worst():
    assert KEYS[0] == "age.instability"
    assert KEYS[1:9] == tuple(f"age.instability[{change}]" for change in CHANGES)
    assert KEYS[9:11] == (f"age.instability[{WORST}]", "gender.flip_rate")
    assert len(KEYS) == 30
    assert stability_keys(TASKS[STUDY]) == (
        *("age.instability", "gender.flip_rate"),
        "ethnicity.flip_rate",
    )
    assert split_key("age.instability[JPEG 40]") == ("age", "instability", "JPEG 40")


def test_they_are_asked_for_and_in_no_table_that_did_not():
    usual = {key for task in TASKS[STUDY] for key in metric_keys(task)}
    assert not usual & set(KEYS)
    asked = (
        "age.mae",
        "age.instability",
        "gender.flip_rate[mirrored]",
        "age.flip_rate",
    )
    assert further_keys(TASKS[STUDY], asked) == asked[1:3]


def test_units_directions_and_words():
    age = metric_info("age.instability", TASKS[STUDY])
    assert (age.unit, age.direction, age.is_share) == ("years", "lower", False)
    flips = metric_info("gender.flip_rate[lighter]", TASKS[STUDY])
    assert (flips.unit, flips.direction, flips.is_share) == ("%", "lower", True)
    assert flips.phrase == "gender flip rate (lighter)"
    assert flips.explanation.endswith("20 % lighter: every level times 1.2.")
    assert "20 % darker" in age.explanation


def test_values_are_means_over_images_then_changes(tables, found):
    for (method, seed), table in tables.items():
        run = found.runs.loc[(method, seed)]
        moves = moves_of(table)
        assert run["age.instability"] == pytest.approx(moves.mean(), rel=1e-6)
        for place, change in enumerate(CHANGES):
            own = run[f"age.instability[{change}]"]
            assert own == pytest.approx(moves[place].mean(), rel=1e-6)
        worst = run[f"age.instability[{WORST}]"]
        assert worst == pytest.approx(moves.max(axis=0).mean(), rel=1e-6)
        flips = moves_of(table, "gender")
        assert run["gender.flip_rate"] == pytest.approx(flips.mean(), rel=1e-6)
        any_flip = run[f"gender.flip_rate[{WORST}]"]
        assert any_flip == pytest.approx((flips > 0).any(axis=0).mean(), rel=1e-6)


def test_they_rest_on_the_images_that_were_changed(found):
    row = found.row("ins", "age.instability")
    assert row["n"] == ROWS * 3 // 4
    assert row["images"] == ROWS


def test_the_interval_is_the_bootstraps_and_holds_the_value(tables):
    one = {("baseline", 0): tables["baseline", 0]}
    row = compare_runs(one, TASKS[STUDY], "baseline", metrics=["age.instability"]).row(
        "baseline", "age.instability"
    )
    by_image = moves_of(tables["baseline", 0]).mean(axis=0)
    rng = np.random.default_rng(5)
    drawn = by_image[rng.integers(0, len(by_image), (4000, len(by_image)))].mean(axis=1)
    low, high = np.quantile(drawn, [0.025, 0.975])
    assert row["low"] == pytest.approx(low, abs=0.05)
    assert row["high"] == pytest.approx(high, abs=0.05)
    assert row["low"] < row["mean"] < row["high"]


def test_a_method_whose_answers_move_more_is_worse(found):
    assert found.row("ins", "age.instability")["delta"] > 0
    lower = found.row("baseline", "age.instability")["mean"]
    assert lower < found.row("ins", "age.instability")["mean"]


def test_no_flip_at_all_has_an_interval_where_images_are_counted(tables):
    still = tables["baseline", 0].copy()
    for change in CHANGES:
        name = shift_column("gender", change)
        still[name] = still[name] * 0
    row = compare_runs(
        {("baseline", 0): still},
        TASKS[STUDY],
        "baseline",
        metrics=["gender.flip_rate[mirrored]"],
    ).row("baseline", "gender.flip_rate[mirrored]")
    assert row["mean"] == 0
    assert 0.01 < row["high"] < 0.04  # Wilson, 0 of 150


def test_a_run_that_was_not_measured_has_no_value_and_spoils_no_other(tables, found):
    before = {
        name: table[[c for c in table if "_shift_" not in c]]
        if name[0] == "ins"
        else table
        for name, table in tables.items()
    }
    some = compare_runs(before, TASKS[STUDY], "baseline", metrics=KEYS)
    row = some.row("ins", "age.instability")
    assert np.isnan(row["mean"])
    assert row["n"] == 0
    assert row["verdict"] == UNTESTED
    known = some.row("baseline", "age.instability")
    assert known["mean"] == found.row("baseline", "age.instability")["mean"]
    nobody = {
        name: t[[c for c in t if "_shift_" not in c]] for name, t in tables.items()
    }
    none = compare_runs(nobody, TASKS[STUDY], "baseline", metrics=KEYS)
    assert none.table["mean"].isna().all()


def test_a_change_that_was_not_measured_leaves_the_others(tables):
    name = shift_column("age", "darker")
    without = {("baseline", 0): tables["baseline", 0].drop(columns=name)}
    row = compare_runs(without, TASKS[STUDY], "baseline", metrics=KEYS).runs.iloc[0]
    assert np.isnan(row["age.instability"])
    assert np.isnan(row[f"age.instability[{WORST}]"])
    assert np.isfinite(row["age.instability[lighter]"])


def test_groups_have_their_own(tables):
    key = "age.instability"
    found = compare_runs(tables, TASKS[STUDY], "baseline", by=["gender"], metrics=[key])
    table = tables["baseline", 0]
    for group in ("male", "female"):
        own = moves_of(table[table["gender"] == group]).mean()
        other = tables["baseline", 1]
        other = moves_of(other[other["gender"] == group]).mean()
        row = found.row("baseline", key, group=group)
        assert row["mean"] == pytest.approx((own + other) / 2, rel=1e-6)


def test_other_metrics_are_the_same_whether_they_are_asked_for_or_not(tables):
    usual = metric_keys(AGE)
    with one_thread():
        plain = compare_runs(tables, TASKS[STUDY], "baseline", metrics=usual)
        more = compare_runs(tables, TASKS[STUDY], "baseline", metrics=(*usual, KEYS[0]))
    own = more.table[more.table["metric"] != KEYS[0]].reset_index(drop=True)
    assert own.equals(plain.table)


def test_a_change_that_is_not_in_the_list_is_refused(tables):
    with pytest.raises(EquipoiseError, match=r"no metric 'age\.instability\[upside"):
        compare_runs(
            tables, TASKS[STUDY], "baseline", metrics=["age.instability[upside down]"]
        )
    with pytest.raises(EquipoiseError, match=r"no metric 'gender\.instability'"):
        compare_runs(tables, TASKS[STUDY], "baseline", metrics=["gender.instability"])
