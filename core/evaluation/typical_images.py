"""The most typical images of a class: those that all methods are surest of."""

import numpy as np
import pandas as pd

from core.evaluation.answers import Answers
from core.tasks import Regression


def typical_images(answers: Answers, category: int) -> pd.DataFrame:
    """Put the images of a class or bin in order, the most typical first.

    Parameters
    ----------
    answers : Answers
    category : int
        Place of the class or bin.

    Returns
    -------
    DataFrame
        Columns image_id, methods, right (how many of the methods answer the label),
        probability (the mean that they give to it, NaN where none gives any) and
        error (the mean size of the errors of a number, in its unit, NaN of classes);
        one row a test image of that label.

    Notes
    -----
    Ordered by how many methods are right, then by the probability, or of a number by
    the error. It is what the methods find typical: where they all lean on the same
    mistaken sign, its images come first too.
    """
    rows = np.flatnonzero(answers.true_category == category)
    known = [answers.has_probabilities(method) for method in answers.methods]
    probability = np.full(len(rows), np.nan)
    if any(known):
        probability = answers.of_truth[known][:, rows].mean(axis=0, dtype=np.float64)
    error = np.full(len(rows), np.nan)
    if isinstance(answers.task, Regression):
        sizes = [np.abs(answers.errors(method)[rows]) for method in answers.methods]
        error = np.mean(sizes, axis=0)
    table = pd.DataFrame(
        {
            "image_id": answers.image_ids[rows],
            "methods": len(answers.methods),
            "right": answers.right[:, rows].sum(axis=0),
            "probability": probability,
            "error": error,
        }
    )
    return table.sort_values(
        ["right", "probability", "error"],
        ascending=[False, False, True],
        kind="stable",
        ignore_index=True,
    )
