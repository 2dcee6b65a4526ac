"""Why the Fair metric changed."""

import numpy as np
import pytest

from core.evaluation.comparison import compare_runs
from core.evaluation.levelling_down import (
    BEST_PAID,
    LEVELLED_DOWN,
    LEVELLING_COLUMNS,
    NO_RISE,
    WORST_GAINED,
    levelling,
)
from tests.oracles import TWO, biased
from tests.synthetic import TASKS, synthetic_tables


@pytest.mark.parametrize(
    ("right", "reason", "certain"),
    [
        ((0.80, 0.795), LEVELLED_DOWN, True),
        ((0.95, 0.93), WORST_GAINED, True),
        ((0.90, 0.88), BEST_PAID, True),
        ((0.95, 0.803), WORST_GAINED, False),
        ((0.95, 0.70), NO_RISE, True),
    ],
)
def test_why_the_fair_metric_changed(right, reason, certain):
    both = {
        ("baseline", 0): biased((0.95, 0.80)),
        ("other", 0): biased(right),
    }
    found = compare_runs(both, (TWO,), "baseline", by=["gender"], resamples=300)
    row = levelling(found).iloc[0]
    assert (row["best_group"], row["worst_group"]) == ("men", "women")
    assert row["reason"] == reason
    assert row["certain"] == certain
    expected = np.mean(right) - 2 * abs(right[0] - right[1])
    assert row["fair"] == pytest.approx(expected, abs=0.005)
    assert row["fair_delta"] == pytest.approx(row["fair"] - row["reference"])


def test_without_two_groups_or_an_accuracy_there_is_nothing_to_explain():
    tables = synthetic_tables(methods=("baseline", "ins"), seeds=(0,), rows=320)
    part = {run: t[t["gender"] == "male"] for run, t in tables.items()}
    for given, key in ((part, "ethnicity.accuracy"), (tables, "age.mae")):
        found = compare_runs(
            given, TASKS["utkface"], "baseline", by=["gender"], metrics=[key]
        )
        table = levelling(found)
        assert table.empty
        assert tuple(table) == LEVELLING_COLUMNS
