"""Runs before and after temperature scaling, on the same test images.

Nothing is trained: the temperature of a run is fitted on its own validation
predictions, and its test probabilities are scaled.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from core.errors import EquipoiseError
from core.evaluation.alignment import (
    AlignedPredictions,
    Probabilities,
    RunKey,
    align_predictions,
)
from core.evaluation.comparison import Comparison, Counterparts, compare_runs
from core.evaluation.grouping import ALL_IMAGES, group_labels
from core.evaluation.intervals import single_interval
from core.evaluation.metrics import CONFIDENCE
from core.evaluation.resampling import (
    Doubles,
    Floats,
    Integers,
    Resampler,
    one_thread,
)
from core.evaluation.variance import RunDraws
from core.language import N_
from core.methods.temperature import (
    COLDEST,
    FEWEST,
    HOTTEST,
    Temperatures,
    fit_temperatures,
    logits_of,
    scale,
)
from core.tasks import Classification, Task

AFTER = " after scaling"
"""Added to a method's name where both stand in one comparison."""
OVER, UNDER = N_("over-confident"), N_("under-confident")
NO_VALIDATION = N_("no predictions of validation images")
NO_PROBABILITIES = N_("labels only, without probabilities")
COLUMNS = (
    *("method", "group", "images", "temperature", "low", "high"),
    *("lowest", "highest", "seeds", "own", "confidence"),
)
TEMPERATURE_RESAMPLES = 1_000
"""Resamples of the validation images: a temperature is read to two digits."""
_AT_BOUND = 1.001
"""Share within which a temperature is at an end of those that are tried."""

Tables = Mapping[RunKey, pd.DataFrame]


@dataclass(frozen=True)
class ScaledRuns:
    """The runs that could be scaled.

    Parameters
    ----------
    before, after : AlignedPredictions
        The same methods and test images; only probabilities differ.
    temperatures : DataFrame
        One row a method and group: ``method``; ``group`` (empty for all images);
        ``images``, those of validation; ``temperature``, the geometric mean over the
        ``seeds``, with its interval ``low`` to ``high`` and the ``lowest`` and
        ``highest`` of a seed; ``own``, False where too few images give the group the
        overall one; ``confidence``, ``OVER`` or ``UNDER`` where the interval is above
        or below 1, else empty. No interval where a temperature is at an end of those
        that are tried.
    left : mapping of str to str
        Methods that could not be scaled, with the reason.
    """

    before: AlignedPredictions
    after: AlignedPredictions
    temperatures: pd.DataFrame
    left: Mapping[str, str] = field(default_factory=dict)

    @property
    def methods(self) -> tuple[str, ...]:
        """Methods that were scaled."""
        return self.before.methods


def scale_runs(
    test: Tables,
    validation: Tables,
    task: Classification,
    baseline: str,
    *,
    by: str = "",
    tasks: Sequence[Task] = (),
    fewest: int = FEWEST,
    resamples: int = TEMPERATURE_RESAMPLES,
) -> ScaledRuns:
    """Fit the temperature of each run on its validation images, and scale its test set.

    Parameters
    ----------
    test, validation : mapping of (method, seed) to DataFrame
        Predictions of the two splits. A method is left out if a run of it has no
        probabilities, or no validation images.
    task : Binary or Multiclass
    baseline : str
        As for ``align_predictions``.
    by : str
        Sensitive feature whose groups have temperatures of their own; one for all if
        empty.
    tasks : sequence of Task
        Order the groups of a feature that is a task too.
    fewest : int
        Validation images that the temperature of a group rests on at the least.
    resamples : int
        For the intervals of the temperatures.

    Notes
    -----
    The interval of a temperature is that of a metric: over the validation images by
    the bootstrap of its logarithm, linear in the images (the one-step estimate at the
    fitted value; van der Vaart, Asymptotic Statistics, 1998, section 5.7), and over
    the seeds. With one seed it is that of this trained model. It is each method's own:
    ``confidence`` is not corrected for the number of methods.
    """
    aligned = align_predictions(test, [task], baseline)
    groups = _groups_of(test, baseline, by, tasks)
    left: dict[str, str] = {}
    parts: list[_Fitted] = []
    scaled: dict[int, Probabilities] = {}
    for method in aligned.methods:
        columns = aligned.columns_of(method)
        given = aligned.probabilities_of(task.name, method)
        try:
            known = _validation_of(aligned, validation, method, task, by, tasks)
        except EquipoiseError as error:
            left[method] = error.problem
            continue
        if given is None or isinstance(known, str):
            left[method] = NO_PROBABILITIES if given is None else str(known)
            continue
        fitted = [
            fit_temperatures(p, known.y_true, known.groups, fewest=fewest)
            for p in known.probabilities
        ]
        for column, p, one in zip(columns, given, fitted, strict=True):
            of_images = one.overall if groups is None else one.of(groups)
            scaled[column] = scale(p, of_images).astype(p.dtype)
        parts += _parts(method, known, fitted)
    intervals = zip(parts, _intervals(parts, resamples), strict=True)
    rows = [part.row(interval) for part, interval in intervals]
    before = aligned.of_methods([m for m in aligned.methods if m not in left])
    after = tuple(scaled[column] for column in sorted(scaled))
    return ScaledRuns(
        before,
        replace(before, probabilities={task.name: after}),
        pd.DataFrame(rows, columns=list(COLUMNS)),
        left,
    )


def compare_scaled(
    tables: Tables,
    task: Classification,
    scaled: ScaledRuns,
    *,
    trainings: Mapping[RunKey, str] | None = None,
    families: Mapping[str, str] | None = None,
    **options: Any,
) -> Comparison:
    """Log loss, Brier score and ECE of each method after scaling, less those before.

    Parameters
    ----------
    tables : mapping of (method, seed) to DataFrame
        Predictions of the test images.
    task : Binary or Multiclass
    scaled : ScaledRuns
        Of these tables, with one method at least.
    trainings, families
        As for ``compare_runs``, by the methods' own names.
    **options
        Further ones of ``compare_runs``.

    Returns
    -------
    Comparison
        A method has its own name before, and ``AFTER`` added to it after.
    """
    before, after = scaled.before, scaled.after
    named = [(method + AFTER, seed) for method, seed in after.runs]
    both = replace(
        before,
        runs=(*before.runs, *named),
        predictions={
            name: np.concatenate([own, own]) for name, own in before.predictions.items()
        },
        probabilities={
            task.name: before.probabilities[task.name] + after.probabilities[task.name]
        },
        shifts={},
    )
    keys = dict(zip(named, after.runs, strict=True))
    return compare_runs(
        {**{key: tables[key] for key in before.runs}, **_of(tables, keys)},
        (task,),
        Counterparts({m + AFTER: m for m in scaled.methods}, "the same before scaling"),
        metrics=[f"{task.name}.{name}" for name in CONFIDENCE],
        aligned=both,
        trainings={**(trainings or {}), **_of(trainings or {}, keys)},
        families={
            **(families or {}),
            **_of(families or {}, {m + AFTER: m for m in scaled.methods}),
        },
        **options,
    )


def _of(known: Mapping[Any, Any], names: Mapping[Any, Any]) -> dict[Any, Any]:
    """What is known of a name, by another one."""
    return {new: known[old] for new, old in names.items() if old in known}


@dataclass(frozen=True)
class _Validation:
    """A method's validation images: truth, probabilities of each seed, groups."""

    y_true: Integers
    probabilities: list[Probabilities]
    groups: NDArray[np.str_] | None


def _validation_of(
    aligned: AlignedPredictions,
    validation: Tables,
    method: str,
    task: Classification,
    by: str,
    tasks: Sequence[Task],
) -> _Validation | str:
    """Validation images of a method, or why it has none."""
    keys = [(method, seed) for seed in aligned.seeds_of(method)]
    tables = {key: validation[key] for key in keys if len(validation.get(key, ()))}
    if len(tables) < len(keys):
        return NO_VALIDATION
    own = align_predictions(tables, [task], method)
    given = own.probabilities_of(task.name, method)
    if given is None:
        return NO_PROBABILITIES
    groups = _groups_of(tables, method, by, tasks)
    return _Validation(own.truth[task.name].astype(np.int64), given, groups)


def _groups_of(
    tables: Tables, reference: str, by: str, tasks: Sequence[Task]
) -> NDArray[np.str_] | None:
    """Group of each image in the order of a method's first run, as images are aligned.

    None without a feature.
    """
    if not by:
        return None
    first = min(key for key in tables if key[0] == reference)
    return np.asarray(group_labels(tables[first], tasks, by), dtype=str)


@dataclass(frozen=True)
class _Fitted:
    """Temperatures of a method's seeds on one part of its validation images.

    ``influence``, shape (validation images, seeds), says how far each image moves the
    logarithm of the temperature, times the images of the part; None where there is no
    interval.
    """

    method: str
    group: str
    images: int
    temperatures: Doubles
    own: bool
    influence: NDArray[np.float32] | None

    def row(self, interval: tuple[float, float]) -> dict[str, Any]:
        """A row of ``ScaledRuns.temperatures``."""
        low, high = interval
        return {
            "method": self.method,
            "group": self.group,
            "images": self.images,
            "temperature": float(np.exp(np.log(self.temperatures).mean())),
            "low": low,
            "high": high,
            "lowest": float(self.temperatures.min()),
            "highest": float(self.temperatures.max()),
            "seeds": len(self.temperatures),
            "own": self.own,
            "confidence": OVER if low > 1 else UNDER if high < 1 else "",
        }


def _parts(
    method: str, known: _Validation, fitted: Sequence[Temperatures]
) -> Iterator[_Fitted]:
    """All validation images of a method, then each of its groups."""
    everyone = np.full(len(known.y_true), True)
    parts = {ALL_IMAGES: everyone}
    if known.groups is not None:
        parts |= {n: known.groups == n for n in sorted(set(known.groups.tolist()))}
    for name, inside in parts.items():
        own = not name or name in fitted[0].groups
        values = np.array([one.groups.get(name, one.overall) for one in fitted])
        at_bound = (values < COLDEST * _AT_BOUND) | (values > HOTTEST / _AT_BOUND)
        influence = None
        if own and not at_bound.any():
            influence = np.zeros((len(inside), len(values)), np.float32)
            for column, p in enumerate(known.probabilities):
                influence[inside, column] = _influence(
                    p[inside], known.y_true[inside], float(values[column])
                )
        yield _Fitted(method, name, int(inside.sum()), values, own, influence)


def _intervals(parts: Sequence[_Fitted], resamples: int) -> list[tuple[float, float]]:
    """Interval of the mean temperature over the seeds of each part; NaN without one."""
    found = [(np.nan, np.nan)] * len(parts)
    together: dict[int, dict[int, NDArray[np.float32]]] = {}
    for place, part in enumerate(parts):
        if part.influence is not None:
            together.setdefault(len(part.influence), {})[place] = part.influence
    for rows, places in together.items():
        # All at once: to draw the images takes longer than to sum them.
        own = np.hstack(list(places.values()))
        with one_thread():
            (drawn,) = Resampler(rows, resamples).sums(
                partial(np.take, own, axis=0), np.zeros(rows, np.int64), 1
            )
        ends = np.cumsum([len(parts[place].temperatures) for place in places])
        for place, sums in zip(places, np.split(drawn.sums, ends[:-1]), strict=True):
            found[place] = _interval(parts[place], sums)
    return found


def _interval(part: _Fitted, sums: Floats) -> tuple[float, float]:
    values, n = np.log(part.temperatures), float(part.images)
    draws = values[:, None] + sums / n
    found = single_interval(RunDraws(values[None], draws[None]), np.array([n]))
    return float(np.exp(found.low[0])), float(np.exp(found.high[0]))


def _influence(p: Probabilities, y_true: Integers, temperature: float) -> Doubles:
    """How far each image moves the logarithm of the fitted temperature, times n.

    The log loss has, in 1 / T, the slope E[z] - z_true and the curvature Var[z] of an
    image, both under the scaled probabilities of its logits z.
    """
    logits, scaled = logits_of(p), scale(p, temperature)
    mean = (scaled * logits).sum(axis=1)
    curvature = float(((scaled * logits**2).sum(axis=1) - mean**2).mean())
    slope = mean - logits[np.arange(len(y_true)), y_true]
    return np.asarray(slope * temperature / curvature)
