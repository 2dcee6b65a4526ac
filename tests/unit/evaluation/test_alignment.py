"""Predictions of several runs: the same images, once, in one order, of one split."""

import numpy as np
import pandas as pd
import pytest

from core.errors import EquipoiseError
from core.evaluation.alignment import align_predictions
from core.evaluation.comparison import compare_runs
from tests.synthetic import TASKS, synthetic_predictions, synthetic_tables

UTKFACE = TASKS["utkface"]


@pytest.fixture(scope="module")
def tables():
    return synthetic_tables(methods=("baseline", "ins"), seeds=(0, 1), rows=320)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda t: t.iloc[5:], "'ins' .seed 0. was tested on other images .* 5 image"),
        (lambda t: pd.concat([t, t.head(2)]), "'ins' .seed 0. has 2 images more than"),
        (lambda t: t.drop(columns="age_pred"), "'age_pred' of method 'ins'.* missing"),
        (
            lambda t: t.assign(ethnicity_pred="Martian"),
            "'ethnicity_pred' of method 'ins'.*holds 'Martian' in 320 rows",
        ),
        (
            lambda t: t.assign(age_pred=t["age_pred"].where(t.index != 3)),
            "'age_pred' of method 'ins'.* no finite number in 1 rows",
        ),
        (
            lambda t: t.assign(age_true=t["age_true"] + (t.index < 4)),
            "'ins' .seed 0. has another true age than 'baseline' for 4 images",
        ),
    ],
)
def test_tables_that_do_not_match_are_named(tables, change, message):
    given = {
        ("baseline", 0): tables["baseline", 0],
        ("ins", 0): change(tables["ins", 0]),
    }
    with pytest.raises(EquipoiseError, match=message):
        compare_runs(given, UTKFACE, "baseline")


def test_rows_of_several_splits_are_refused():
    """Images of validation would count as test images, and nobody would know."""
    both = {
        (method, 0): synthetic_predictions(method=method, rows=64, validation_rows=32)
        for method in ("baseline", "ins")
    }
    message = (
        "The predictions of method 'baseline' .seed 0. are of the splits"
        " validation, test"
    )
    with pytest.raises(EquipoiseError, match=message):
        align_predictions(both, UTKFACE, "baseline")
    part = {run: t[t["split"] == "test"] for run, t in both.items()}
    assert align_predictions(part, UTKFACE, "baseline").rows == 64
    # Of one method alone.
    mixed = {("baseline", 0): part["baseline", 0], ("ins", 0): both["ins", 0]}
    with pytest.raises(
        EquipoiseError, match=r"method 'ins' .seed 0. are of the splits"
    ):
        align_predictions(mixed, UTKFACE, "baseline")
    plain = {run: t.drop(columns="split") for run, t in part.items()}
    assert align_predictions(plain, UTKFACE, "baseline").rows == 64


def test_images_are_brought_to_the_baselines_order(tables):
    mixed = tables | {("ins", 1): tables["ins", 1].sample(frac=1, random_state=0)}
    plain, found = (align_predictions(t, UTKFACE, "baseline") for t in (tables, mixed))
    assert found.runs == plain.runs == tuple(tables)
    for name in ("age", "gender"):
        assert (found.predictions[name] == plain.predictions[name]).all()
    for own, other in zip(
        found.probabilities["gender"], plain.probabilities["gender"], strict=True
    ):
        assert (own == other).all()


def test_some_of_the_methods_are_as_they_were(tables):
    aligned = align_predictions(tables, UTKFACE, "baseline")
    own = aligned.of_methods({"ins"})
    assert own.runs == (("ins", 0), ("ins", 1))
    assert own.rows == aligned.rows
    assert (own.predictions["age"] == aligned.predictions["age"][2:]).all()
    assert len(own.probabilities["gender"]) == 2
    assert aligned.of_methods({"ins", "baseline"}) is aligned


def test_numbers_are_held_as_doubles():
    table = pd.DataFrame(
        {"image_id": ["a"], "age_true": [20_000_001.0], "age_pred": [20_000_000.0]}
    )
    aligned = align_predictions({("m", 0): table}, UTKFACE[:1], "m")
    assert aligned.truth["age"].dtype == aligned.predictions["age"].dtype == np.float64
    assert aligned.truth["age"][0] - aligned.predictions["age"][0, 0] == 1


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_probabilities_are_as_exact_as_the_table_has_them(tables, dtype):
    table = tables["baseline", 0]
    names = [name for name in table if name.startswith("gender_p_")]
    given = {("m", 0): table.astype(dict.fromkeys(names, dtype))}
    aligned = align_predictions(given, UTKFACE[1:2], "m")
    found = aligned.probabilities["gender"][0]
    assert found.dtype == dtype
    assert (found == given["m", 0][names].to_numpy()).all()
