"""Intervals that hold the truth of a new photo, around its prediction."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import pandas as pd

from core.data.catalog import test_strata
from core.evaluation.alignment import RunKey
from core.evaluation.conformal import COVERAGE, conformal_offsets
from core.evaluation.conformal_coverage import conformal_coverage
from core.language import gettext
from core.results.json_values import plain
from core.study import Study
from core.tasks import Regression, Task
from core.text import number


def expected_truths(
    study: Study,
    validation: Mapping[RunKey, pd.DataFrame],
    test: Mapping[RunKey, pd.DataFrame],
    task: Regression,
) -> pd.DataFrame:
    """Offsets of each method's intervals (``conformal.conformal_offsets``).

    If the study's test set was drawn by strata, validation images are weighted alike.
    """
    strata = _strata(study, validation, test)
    return conformal_offsets(validation, test, task, strata=strata)


def interval_coverage(
    study: Study,
    validation: Mapping[RunKey, pd.DataFrame],
    test: Mapping[RunKey, pd.DataFrame],
    task: Regression,
    *,
    features: Sequence[str] = (),
    tasks: Sequence[Task] = (),
    trainings: Mapping[RunKey, str] | None = None,
) -> pd.DataFrame:
    """How often these intervals hold the truth on the test images, and how wide.

    By bin and by group (``conformal_coverage.conformal_coverage``).
    """
    return conformal_coverage(
        {key: table for key, table in validation.items() if len(table)},
        test,
        task,
        features=features,
        tasks=tasks,
        strata=_strata(study, validation, test),
        trainings=trainings,
    )


def coverage_record(task: Regression, table: pd.DataFrame) -> dict[str, Any]:
    """Coverage of the intervals of a task as plain values, ready for JSON.

    Returns
    -------
    dict
        ``{"task", "unit", "promised", "methods"}``. Each of the ``methods`` has
        ``name`` and ``parts``: by part ("all", "prediction", "truth" or a feature) and
        group the ``coverage`` with ``ci``, the mean ``width``, the ``images`` and the
        ``verdict``.
    """
    methods: dict[str, dict[str, Any]] = {}
    for row in table.to_dict("records"):
        parts = methods.setdefault(row["method"], {})
        parts.setdefault(row["part"] or "all", {})[row["group"] or "all"] = {
            "coverage": plain(row["coverage"]),
            "ci": [plain(row["low"]), plain(row["high"])],
            "width": plain(row["width"]),
            "images": plain(row["images"]),
            "verdict": row["verdict"],
        }
    return {
        "task": task.name,
        "unit": task.unit,
        "promised": COVERAGE,
        "methods": [{"name": name, "parts": own} for name, own in methods.items()],
    }


def _strata(
    study: Study,
    validation: Mapping[RunKey, pd.DataFrame],
    test: Mapping[RunKey, pd.DataFrame],
) -> dict[str, tuple[list[str], list[str]]]:
    """Strata of each method's validation and test images, if they have some."""
    strata = {}
    for key in sorted(test):
        if len(validation.get(key, ())) and key[0] not in strata:
            parts = (validation[key], test[key])
            pair = tuple(test_strata(study, part) for part in parts)
            if pair[0] is not None and pair[1] is not None:
                strata[key[0]] = (list(pair[0]), list(pair[1]))
    return strata


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
        return gettext(
            "No interval: these methods have no predictions of validation images."
        )
    held = 100 * known["held"]
    low, high = number(held.min(), 0), number(held.max(), 0)
    span = low if low == high else gettext("{low} to {high}", low=low, high=high)
    fields = {
        "promised": gettext("{size} %", size=number(100 * COVERAGE, 0)),
        "held": gettext("{size} %", size=span),
    }
    if known["weighed"].all():
        return gettext(
            "Bars: from the errors on the validation images, weighed as the test set is"
            " drawn, wide enough to hold the truth of {promised} of photos like these;"
            " of the test images they held {held}.",
            **fields,
        )
    return gettext(
        "Bars: from the errors on the validation images, wide enough to hold the truth"
        " of {promised} of photos like these; of the test images they held {held}.",
        **fields,
    )
