"""Learning-rate schedules as data: the drawn schedule is the one that trains."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from core.study import Study

Floats = NDArray[np.float64]


def first_epoch(share: float, epochs: int) -> int:
    """The epoch, counted from 0, that begins at a share of all epochs."""
    return round(share * epochs)


def step_rates(
    epochs: int,
    learning_rate: float,
    *,
    warmup_epochs: int = 0,
    drops: Sequence[tuple[float, float]] = (),
) -> Floats:
    """Learning rate of each epoch: warm-up, then steps.

    Parameters
    ----------
    epochs : int
    learning_rate : float
        After the warm-up.
    warmup_epochs : int
        Epochs over which the rate rises in equal steps.
    drops : sequence of (share, factor)
        From the share of the epochs on, the rate times the factor; they multiply.

    Returns
    -------
    float64 array, shape (epochs,)

    Notes
    -----
    Source: Cao et al., NeurIPS 2019, and their code, with 5 epochs of warm-up and drops
    of 0.01 at 160 and at 180 of 200. HMLoss's two phases add a drop of 0.01 at its
    first epoch. Without warm-up and drops the learning rate is constant.
    """
    epoch = np.arange(epochs)
    rates = np.full(epochs, learning_rate, dtype=np.float64)
    for share, factor in drops:
        rates[epoch >= first_epoch(share, epochs)] *= factor
    rising = epoch < warmup_epochs
    rates[rising] = learning_rate * (epoch[rising] + 1) / max(warmup_epochs, 1)
    return rates


def cosine_rates(steps: int, learning_rate: float, *, warmup_steps: int = 0) -> Floats:
    """Learning rate of each step: a linear warm-up, then half a cosine to 0.

    Parameters
    ----------
    steps : int
        Warm-up included.
    learning_rate : float
        The highest.
    warmup_steps : int
        They begin at a hundredth of the rate; at most a quarter of all steps.

    Returns
    -------
    float64 array, shape (steps,)

    Notes
    -----
    Source: Loshchilov and Hutter, SGDR, ICLR 2017, without restarts.
    """
    warmup = min(warmup_steps, steps // 4)
    step = np.arange(steps, dtype=np.float64)
    rising = 0.01 + 0.99 * step / max(warmup, 1)
    done = (step - warmup) / max(steps - warmup, 1)
    falling = (1 + np.cos(np.pi * done)) / 2
    return learning_rate * np.where(step < warmup, rising, falling)


def learning_rates(study: Study, method: str, steps: Sequence[int]) -> Floats:
    """Learning rate of each training step of a method.

    Parameters
    ----------
    study : Study
    method : str
        Its own drops come on top of the study's schedule.
    steps : sequence of int, one an epoch
        Batches of each epoch.

    Returns
    -------
    float64 array, shape (sum of steps,)

    Raises
    ------
    StudyError
        If the study has no such method.
    """
    budget = study.training
    own = study.method(method).learning_rate_drops or ()
    drops = [(drop.at, drop.factor) for drop in own]
    if budget.schedule is None:
        per_epoch = step_rates(len(steps), 1.0, drops=drops)
        rates = cosine_rates(
            sum(steps), budget.learning_rate, warmup_steps=budget.warmup_steps
        )
        return rates * np.repeat(per_epoch, steps)
    drops += [(drop.at, drop.factor) for drop in budget.schedule.drops]
    per_epoch = step_rates(
        len(steps),
        budget.learning_rate,
        warmup_epochs=budget.schedule.warmup_epochs,
        drops=drops,
    )
    return np.repeat(per_epoch, steps)
