"""Predictions of two classes with exactly the accuracy that is asked for by group."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from core.tasks import Binary

TASK = Binary("hired", "Hired", ("no", "yes"))
IMAGES = 400
"""Images of each group; a half of them are positive."""


def grouped_tables(
    accuracies: Mapping[str, Mapping[str, float]],
    *,
    images: int = IMAGES,
    split: str = "test",
) -> dict[tuple[str, int], pd.DataFrame]:
    """One table a method: a share of each group is right, scores say how sure.

    Errors fall on negatives and positives alike, and on the same images as far as the
    methods err equally often.
    """
    tables = {}
    for method, by_group in accuracies.items():
        parts = []
        for group, accuracy in by_group.items():
            truth = np.arange(images) % 2
            right = np.arange(images) < round(accuracy * images)
            answer = np.where(right, truth, 1 - truth)
            score = np.where(answer == 1, 0.8, 0.2).astype(np.float32)
            parts.append(
                pd.DataFrame(
                    {
                        "image_id": [f"{group}-{i}" for i in range(images)],
                        "split": split,
                        "group": group,
                        "hired_true": np.array(TASK.classes)[truth],
                        "hired_pred": np.array(TASK.classes)[answer],
                        "hired_p_no": 1 - score,
                        "hired_p_yes": score,
                    }
                )
            )
        tables[method, 0] = pd.concat(parts, ignore_index=True)
    return tables
