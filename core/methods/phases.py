"""The course of a method's training: its phases in words, its learning rates."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from core.language import gettext
from core.methods.curves import usual_loss
from core.methods.registry import ResolvedMethod
from core.methods.schedules import first_epoch, learning_rates
from core.study import Study
from core.tasks import Task
from core.text import listed

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Phase:
    """A stretch of training in which nothing begins or ends.

    Parameters
    ----------
    first, end : float
        In epochs from 0; ``end`` is where the next phase begins.
    name : str
        The loss, and the remedies that act on it.
    """

    first: float
    end: float
    name: str


def phases_of(
    study: Study, method: ResolvedMethod, tasks: Sequence[Task], *, warmup: float
) -> tuple[Phase, ...]:
    """The phases of a method's training, in words.

    Parameters
    ----------
    study : Study
    method : ResolvedMethod
        A method of the study.
    tasks : sequence of Task
    warmup : float
        Epochs over which the learning rate rises; 0 for none.
    """
    epochs = study.training.epochs
    starts = [*method.first_epochs(epochs), epochs]
    phases = [
        Phase(first, end, _in_words(study, method.at(first, epochs), tasks))
        for first, end in pairwise(starts)
    ]
    first = phases[0]
    if 0 < warmup < first.end:
        rising = Phase(0, warmup, gettext("warm-up, {phase}", phase=first.name))
        phases[:1] = [rising, Phase(warmup, first.end, first.name)]
    return tuple(phases)


def _in_words(study: Study, active: ResolvedMethod, tasks: Sequence[Task]) -> str:
    losses = [
        gettext(part.entry.label)
        if len(tasks) == 1
        else gettext("{loss} on {task}", loss=gettext(part.entry.label), task=part.on)
        for part in active.losses.values()
    ]
    if not losses and len(tasks) == 1:
        logarithmic = tasks[0].name in study.model.log_targets
        losses = [gettext(usual_loss(tasks[0], logarithmic=logarithmic).label)]
    elif not losses:
        losses = [gettext("the usual losses")]
    others = (
        *active.objectives.values(),
        *active.weights,
        *active.samplers,
        *active.features.values(),
    )
    if not others:
        return listed(losses)
    remedies = listed([gettext(part.entry.label) for part in others])
    return gettext("{losses} with {remedies}", losses=listed(losses), remedies=remedies)


def warmup_epochs(study: Study, steps: Sequence[int]) -> float:
    """Epochs over which the learning rate of a study rises; 0 for none.

    Parameters
    ----------
    study : Study
    steps : sequence of int, one an epoch
        Batches of each epoch.
    """
    if study.training.schedule is not None:
        return float(study.training.schedule.warmup_epochs)
    return min(study.training.warmup_steps, sum(steps) // 4) / steps[0]


def drops_of(study: Study, method: str) -> tuple[tuple[int, float], ...]:
    """Epochs at which the learning rate of a method is multiplied, and by what."""
    schedule = study.training.schedule
    drops = (
        *(schedule.drops if schedule is not None else ()),
        *(study.method(method).learning_rate_drops or ()),
    )
    epochs = study.training.epochs
    return tuple(sorted((first_epoch(d.at, epochs), d.factor) for d in drops))


def rate_line(
    study: Study, method: str, steps: Sequence[int], *, points: int = 800
) -> tuple[Floats, Floats]:
    """Epoch and learning rate of evenly spaced training steps, to be drawn.

    Parameters
    ----------
    study : Study
    method : str
    steps : sequence of int, one an epoch
        Batches of each epoch.
    points : int
        At most so many, the first and the last step among them.

    Returns
    -------
    pair of float64 arrays
        Epochs that are done before a step, and its learning rate.
    """
    rates = learning_rates(study, method, steps)
    kept = np.unique(np.linspace(0, len(rates) - 1, points).round().astype(np.int64))
    done = np.concatenate([np.arange(n) / n + epoch for epoch, n in enumerate(steps)])
    return done[kept], rates[kept]
