"""Intervals that hold the truth of a new photo, around its prediction."""

from collections.abc import Collection, Mapping

import pandas as pd

from core.data.catalog import test_strata
from core.evaluation.alignment import RunKey
from core.evaluation.conformal import COVERAGE, conformal_offsets
from core.study import Study
from core.tasks import Regression


def expected_truths(
    study: Study,
    validation: Mapping[RunKey, pd.DataFrame],
    test: Mapping[RunKey, pd.DataFrame],
    task: Regression,
) -> pd.DataFrame:
    """Offsets of each method's intervals (``conformal.conformal_offsets``).

    If the study's test set was drawn by strata, validation images are weighted alike.
    """
    strata = {}
    for key, table in test.items():
        if key in validation and key[0] not in strata:
            pair = tuple(test_strata(study, part) for part in (validation[key], table))
            if pair[0] is not None and pair[1] is not None:
                strata[key[0]] = (list(pair[0]), list(pair[1]))
    return conformal_offsets(validation, test, task, strata=strata)


def held_note(offsets: pd.DataFrame, methods: Collection[str]) -> str:
    """Say what the intervals promise, and how often they held on the test images.

    Parameters
    ----------
    offsets : DataFrame
        From ``expected_truths``.
    methods : collection of str
        Those that are spoken of.
    """
    known = offsets[offsets["method"].isin(list(methods))].drop_duplicates("method")
    if known.empty:
        return "No interval: these methods have no predictions of validation images."
    held = 100 * known["held"]
    low, high = f"{held.min():.0f}", f"{held.max():.0f}"
    span = low if low == high else f"{low} to {high}"
    like = ", weighed as the test set is drawn" * bool(known["weighed"].all())
    return (
        f"Bars: from the errors on the validation images{like}, wide enough to hold the"
        f" truth of {100 * COVERAGE:.0f} % of photos like these; of the test images"
        f" they held {span} %."
    )
