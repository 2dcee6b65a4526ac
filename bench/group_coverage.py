"""Whether 95 % intervals hold the truth in 95 % of test sets: a simulation.

Every draw is a new test set of 640 images from a population whose metrics are known
exactly; the intervals are those that the pages show.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from core.evaluation.alignment import AlignedPredictions
from core.evaluation.grouping import Grouping
from core.evaluation.intervals import single_interval
from core.evaluation.resampled_metrics import TaskDraws
from core.evaluation.resampling import RESAMPLES, Resampler, one_thread
from core.tasks import Multiclass, Regression, Task

ROWS_DRAWN = 640
DRAWS = 1_000
KIND = Multiclass("kind", "Kind", ("a", "b", "c", "d"))
AGE = Regression("age", "Age", "years", 0, 80, 10)
GROUPS = ("A", "B", "C", "D")
GROUP_SHARES = np.array([0.45, 0.3, 0.18, 0.07])
RIGHT = np.array([0.92, 0.85, 0.75, 0.65])
"""Chance that an image of each group is taken for its class."""
CLASS_SHARES = np.array([0.5, 0.25, 0.17, 0.08])
ERROR_SHAPE, ERROR_SCALE = 2.0, 3.0
"""Of the gamma distribution of the errors without sign, in years."""


@dataclass(frozen=True)
class Held:
    """In which share of the draws intervals held the truth.

    Parameters
    ----------
    macro_f1, mae : float
        Of all images.
    accuracy, mae_by_group : float64 arrays, shape (groups,)
    """

    macro_f1: float
    mae: float
    accuracy: NDArray[np.float64]
    mae_by_group: NDArray[np.float64]


def true_macro_f1() -> float:
    """Macro F1 of the population."""
    right = float(GROUP_SHARES @ RIGHT)
    k = len(CLASS_SHARES)
    cells = CLASS_SHARES[:, None] * np.full((k, k), (1 - right) / (k - 1))
    np.fill_diagonal(cells, CLASS_SHARES * right)
    f1 = 2 * cells.diagonal() / (cells.sum(axis=0) + cells.sum(axis=1))
    return float(f1.mean())


def simulate(draws: int = DRAWS, resampler: Resampler | None = None) -> Held:
    """Draw test sets, and count how often the intervals hold the truth.

    With a resampler all test sets are resampled alike, else each in its own way.
    """
    rng = np.random.default_rng(0)
    mae = ERROR_SHAPE * ERROR_SCALE
    held = {"f1": [], "mae": [], "accuracy": [], "by_group": []}
    for draw in range(draws):
        group = rng.choice(len(GROUPS), ROWS_DRAWN, p=GROUP_SHARES)
        classes, years = _draw_images(rng, group)
        own = resampler or Resampler(ROWS_DRAWN, RESAMPLES, draw)
        computed = _computed(classes, group, KIND, own)
        low, high = _bounds(computed, "kind.macro_f1")
        held["f1"].append(low[-1] <= true_macro_f1() <= high[-1])
        low, high = _bounds(computed, "kind.accuracy")
        held["accuracy"].append((low[:-1] <= RIGHT) & (high[:-1] >= RIGHT))
        low, high = _bounds(_computed(years, group, AGE, own), "age.mae")
        held["mae"].append(low[-1] <= mae <= high[-1])
        held["by_group"].append((low[:-1] <= mae) & (high[:-1] >= mae))
    return Held(
        float(np.mean(held["f1"])),
        float(np.mean(held["mae"])),
        np.mean(held["accuracy"], axis=0),
        np.mean(held["by_group"], axis=0),
    )


_Answers = tuple[NDArray[np.generic], NDArray[np.generic]]


def _draw_images(
    rng: np.random.Generator, group: NDArray[np.int64]
) -> tuple[_Answers, _Answers]:
    """Truth and prediction, of the class and of the age."""
    k = len(CLASS_SHARES)
    y_true = rng.choice(k, len(group), p=CLASS_SHARES)
    other = (y_true + rng.integers(1, k, len(group))) % k
    y_pred = np.where(rng.random(len(group)) < RIGHT[group], y_true, other)
    age = rng.uniform(1, 79, len(group))
    size = rng.gamma(ERROR_SHAPE, ERROR_SCALE, len(group))
    return (y_true, y_pred), (age, age + size * rng.choice([-1, 1], len(group)))


def _computed(
    answers: _Answers, group: NDArray[np.int64], task: Task, resampler: Resampler
) -> TaskDraws:
    y_true, y_pred = answers
    aligned = AlignedPredictions(
        runs=(("only", 0),),
        rows=len(group),
        truth={task.name: y_true},
        predictions={task.name: y_pred[None]},
        probabilities={task.name: (None,)},
    )
    levels = pd.DataFrame({"group": GROUPS}, index=pd.Index(GROUPS, name="group"))
    grouping = Grouping("group", levels, group)
    return TaskDraws(aligned, task, grouping, resampler)


def _bounds(
    computed: TaskDraws, key: str
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    drawn = computed.metric(key)
    shares = np.full(len(drawn.rests), key.endswith(".accuracy"))
    found = single_interval(
        drawn.for_columns([0]), drawn.rests[:, 0], anew=False, shares=shares
    )
    return found.low, found.high


def measure_coverage() -> tuple[bool, str]:
    """Every coverage of the simulation lies between 93 and 97 %."""
    with one_thread():
        held = simulate()
    every = [held.macro_f1, held.mae, *held.accuracy, *held.mae_by_group]
    images = (GROUP_SHARES * ROWS_DRAWN).round().astype(int)

    def listed(shares: NDArray[np.float64]) -> str:
        pairs = zip(shares, images, strict=True)
        return ", ".join(f"{share:.1%} (n {n})" for share, n in pairs)

    return all(0.93 <= share <= 0.97 for share in every), (
        f"macro F1 {held.macro_f1:.1%}, MAE {held.mae:.1%}; in groups accuracy"
        f" {listed(held.accuracy)}, MAE {listed(held.mae_by_group)}"
    )


ROWS: list[tuple[str, str, Callable[[], tuple[bool, str]]]] = [
    (
        f"95 % intervals over {DRAWS:,} test sets of {ROWS_DRAWN} images",
        "hold the truth in 93 to 97 %",
        measure_coverage,
    )
]
