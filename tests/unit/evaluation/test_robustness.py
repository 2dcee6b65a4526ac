"""Methods compared on corrupted images: an image is drawn with all of its rows."""

import inspect
from typing import get_args, get_type_hints

import numpy as np
import pandas as pd
import pytest

from core.commands.robustness import robustness
from core.data.corruptions import CORRUPTIONS, FAMILIES, SEVERITIES
from core.evaluation.comparison import compare_runs
from core.evaluation.resampling import MAX_WEIGHTED_ROWS
from core.evaluation.robustness import (
    CLEAN,
    CONDITION,
    IMAGE,
    corrupted_rows,
    on_common_images,
    with_clean_rows,
)
from core.training.robustness import MOST_IMAGES
from tests.synthetic import TASKS, corrupted_answers, synthetic_tables

TASK = TASKS["utkface"]
KEYS = ("age.mae", "gender.balanced_accuracy", "gender.error_rate", "ethnicity.ece")


@pytest.fixture(scope="module")
def clean():
    return synthetic_tables("utkface", methods=("baseline", "ins"), seeds=(0,), rows=80)


@pytest.fixture(scope="module")
def corrupted(clean):
    found = {}
    for run, table in clean.items():
        known = table.drop(columns=[c for c in table if "_pred" in c or "_p_" in c])
        answers = corrupted_answers(table, TASK, seed=run[1])
        found[run] = corrupted_rows(answers.merge(known, on="image_id"))
    return found


def test_an_image_that_is_there_twice_counts_once(clean):
    twice = {
        run: pd.concat([table.assign(half=half) for half in "ab"], ignore_index=True)
        for run, table in clean.items()
    }
    images = next(iter(twice.values()))["image_id"]
    twice = {
        run: table.assign(image_id=table["image_id"] + table["half"])
        for run, table in twice.items()
    }
    once = compare_runs(clean, TASK, "baseline", metrics=KEYS[:2])
    found = compare_runs(twice, TASK, "baseline", metrics=KEYS[:2], repeats=images)
    assert found.rows == once.rows == 80
    columns = ["mean", "low", "high", "n", "images", "delta", "delta_low", "delta_high"]
    np.testing.assert_allclose(found.table[columns], once.table[columns], rtol=1e-5)
    # Rows taken for images would make every interval too narrow.
    wrong = compare_runs(twice, TASK, "baseline", metrics=KEYS[:1])
    widths = [
        one.row("baseline", "age.mae")["high"] - one.row("baseline", "age.mae")["low"]
        for one in (wrong, found)
    ]
    assert widths[0] < 0.8 * widths[1]


def test_means_of_conditions_and_of_all_are_those_of_the_answers(clean, corrupted):
    first = next(iter(corrupted.values()))
    whole = compare_runs(
        corrupted, TASK, "baseline", metrics=KEYS, repeats=first[IMAGE]
    )
    wrong = (first["gender_pred"] != first["gender_true"]).mean()
    assert whole.row("baseline", "gender.error_rate")["mean"] == pytest.approx(wrong)
    both = {run: with_clean_rows(own, clean[run]) for run, own in corrupted.items()}
    images = next(iter(both.values()))[IMAGE]
    parts = compare_runs(
        both, TASK, "baseline", by=[CONDITION], metrics=KEYS, repeats=images
    )
    assert set(parts.groups["group"]) == {
        CLEAN,
        *(f"{family} {severity}" for family in FAMILIES for severity in SEVERITIES),
    }
    assert set(parts.groups["n"]) == {80}
    blurred = first[
        first["corruption"].isin(["defocus blur", "motion blur", "zoom blur"])
    ]
    blurred = blurred[blurred["severity"] == 4]
    assert len(blurred) == 240
    mae = (blurred["age_pred"] - blurred["age_true"]).abs().mean()
    assert parts.row("baseline", "age.mae", group="blur 4")["mean"] == pytest.approx(
        mae, rel=1e-5
    )
    base = next(iter(clean.values()))
    plain = (base["age_pred"] - base["age_true"]).abs().mean()
    assert parts.row("baseline", "age.mae", group=CLEAN)["mean"] == pytest.approx(
        plain, rel=1e-5
    )
    assert parts.gaps.empty


def test_runs_on_other_images_are_named_and_left_out(corrupted):
    runs = list(corrupted)
    other = corrupted[runs[1]]
    few = {runs[0]: corrupted[runs[0]], runs[1]: other[other[IMAGE] != other[IMAGE][0]]}
    kept, left = on_common_images(few)
    assert list(kept) == runs[:1]
    assert left == runs[1:]
    assert on_common_images({}) == ({}, [])
    assert set(CORRUPTIONS) == set(other["corruption"])


def test_the_command_takes_the_numbers_of_the_code():
    assert inspect.signature(robustness).parameters["images"].default == MOST_IMAGES
    hint = get_type_hints(robustness, include_extras=True)["images"]
    assert get_args(hint)[1].max == MAX_WEIGHTED_ROWS
