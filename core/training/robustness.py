"""What a finished model answers to corrupted test images, at every severity."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from core.data.corrupted_images import build_corrupted_images
from core.data.corruptions import CORRUPTED
from core.data.manifest import TEST
from core.runs import Run, write_corrupted
from core.tasks import Regression, Task
from core.training.finished_model import rows_of
from core.training.measuring import Answering

MOST_IMAGES = 200
"""Test images that are corrupted by default: sixty pictures of each are answered."""
PROBABILITY_DIGITS = 3
"""Decimals of a probability that are kept."""
ANSWERING = "Answering corrupted images"


@dataclass(frozen=True)
class Robustness:
    """Lets a finished model answer to every corruption of its test images.

    Parameters
    ----------
    most_images : int
        Of more test images, so many at equal distances in their order.
    """

    most_images: int = MOST_IMAGES

    def is_kept(self, run: Run, tasks: Iterable[Task]) -> bool:
        """Whether a run was measured before, on as many images."""
        tested = len(run.predictions(TEST, ["image_id"]))
        wanted = min(self.most_images, tested)
        # Images that cannot be read are left out; over 1 % of them are a fault.
        return 0.99 * wanted <= run.corrupted_images <= wanted

    def measure(self, answering: Answering) -> None:
        """Answer the corrupted images of one run, and write the answers beside it."""
        caches = build_corrupted_images(
            answering.plain, study=answering.study.name, progress=answering.progress
        )
        ids = answering.images["image_id"].to_numpy()
        usable = answering.plain.usable(np.arange(len(ids)))
        places = rows_of(answering.stored, ids.tolist())
        tasks = answering.finished.tasks
        parts = []
        for done, (change, cache) in enumerate(caches.items()):
            answering.progress(ANSWERING, done, len(caches))
            answers = answering.finished.answer(cache, answering.again, places)
            own = _kept_answers(answers.iloc[places[usable]], tasks)
            corruption, severity = CORRUPTED[change]
            own.insert(0, "image_id", ids[usable])
            own.insert(1, "corruption", corruption.name)
            own.insert(2, "severity", np.int8(severity))
            parts.append(own)
        answering.progress(ANSWERING, len(caches), len(caches))
        write_corrupted(answering.run, pd.concat(parts, ignore_index=True))


def _kept_answers(answers: pd.DataFrame, tasks: Iterable[Task]) -> pd.DataFrame:
    """Labels and numbers, rounded so that a file stays small.

    Numbers are rounded to half precision, at most 0.05 % off, and probabilities to
    ``PROBABILITY_DIGITS`` decimals.
    """
    kept: dict[str, object] = {}
    for task in tasks:
        name = f"{task.name}_pred"
        if isinstance(task, Regression):
            kept[name] = answers[name].to_numpy(np.float16).astype(np.float32)
            continue
        kept[name] = answers[name].to_numpy()
        for label in task.classes:
            column = f"{task.name}_p_{label}"
            values = answers[column].to_numpy(np.float32)
            kept[column] = values.round(PROBABILITY_DIGITS)
    return pd.DataFrame(kept)
