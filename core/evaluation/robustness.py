"""Answers to corrupted images as rows that methods are compared on.

An image has a row for every corruption and severity. The comparison resamples images,
each with all of its rows: ``repeats`` of ``comparison.compare_runs``.
"""

from collections.abc import Mapping

import pandas as pd

from core.data.corruptions import CORRUPTIONS, FAMILIES, SEVERITIES
from core.evaluation.alignment import RunKey

IMAGE = "image"
"""Column of the image that a row is about."""
CONDITION = "condition"
"""Column of what was done to the image: a family and a severity, or nothing."""
CLEAN = "clean"
"""The condition of an image as it is."""

Tables = Mapping[RunKey, pd.DataFrame]


def condition(family: str, severity: int) -> str:
    """The name of a condition, such as ``"blur 3"``; that of severity 0 is clean."""
    return f"{family} {severity}" if severity else CLEAN


CONDITIONS = tuple(
    condition(family, severity) for family in FAMILIES for severity in SEVERITIES
)
"""Every condition but the clean one."""


def corrupted_rows(answers: pd.DataFrame) -> pd.DataFrame:
    """The answers of one run to corrupted images, each row with an id of its own.

    Parameters
    ----------
    answers : DataFrame
        ``Run.corrupted``.

    Returns
    -------
    DataFrame
        The same, where ``image_id`` names image, corruption and severity, ``IMAGE`` the
        image and ``CONDITION`` the family of the corruption with its severity.
    """
    families = answers["corruption"].map(
        {name: one.family for name, one in CORRUPTIONS.items()}
    )
    images = answers["image_id"].astype(str)
    severities = answers["severity"].astype(str)
    change = answers["corruption"].astype(str) + " " + severities
    return answers.assign(
        **{
            IMAGE: images,
            CONDITION: families.astype(str) + " " + severities,
            "image_id": images + ", " + change,
        }
    )


def with_clean_rows(rows: pd.DataFrame, predictions: pd.DataFrame) -> pd.DataFrame:
    """The same rows after those of the same images as they are.

    Parameters
    ----------
    rows : DataFrame
        Of ``corrupted_rows``.
    predictions : DataFrame
        Of the test images.
    """
    known = predictions[predictions["image_id"].isin(rows[IMAGE].unique())]
    clean = known.assign(**{IMAGE: known["image_id"], CONDITION: CLEAN})
    return pd.concat([clean, rows], ignore_index=True, join="inner")


def on_common_images(tables: Tables) -> tuple[dict[RunKey, pd.DataFrame], list[RunKey]]:
    """The runs that were measured on the same images, the most of them, and the others.

    Parameters
    ----------
    tables : mapping of (method, seed) to DataFrame
        Of ``corrupted_rows``.

    Returns
    -------
    dict of (method, seed) to DataFrame
    list of (method, seed)
        Runs that cannot be compared with them.
    """
    images = {run: frozenset(table[IMAGE].unique()) for run, table in tables.items()}
    sets = list(images.values())
    if not sets:
        return {}, []
    most = max(dict.fromkeys(sets), key=sets.count)
    kept = {run: table for run, table in tables.items() if images[run] == most}
    return kept, [run for run in tables if run not in kept]
