"""Predictions of several runs brought to the same images in the same order."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from core.data.harmless_changes import CHANGES, shift_column
from core.errors import EquipoiseError
from core.evaluation.confusion_counts import encode_labels
from core.language import N_, gettext
from core.tasks import Classification, Regression, Task

RunKey = tuple[str, int]
Probabilities = NDArray[np.floating[Any]]


@dataclass(frozen=True)
class AlignedPredictions:
    """Truth and predictions of several runs for the same images.

    Parameters
    ----------
    runs : tuple of (method, seed)
        The columns: methods in the order they were given, seeds ascending.
    rows : int
        Images.
    truth : dict of arrays, shape (rows,)
        By task: float64 values, or int64 class ids.
    predictions : dict of arrays, shape (columns, rows)
        By task, of the same kind.
    probabilities : dict of tuples
        By task with classes: for each column a float array of shape (rows, classes),
        as exact as the table has it, or None where a run has none.
    shifts : dict of float32 arrays, shape (changes, columns, rows)
        By task, how far answers move under the harmless changes (a number), or whether
        the label changes; NaN where it was not measured. A task that no run was
        measured on is not there.
    """

    runs: tuple[RunKey, ...]
    rows: int
    truth: dict[str, NDArray[np.generic]]
    predictions: dict[str, NDArray[np.generic]]
    probabilities: dict[str, tuple[Probabilities | None, ...]]
    shifts: dict[str, NDArray[np.float32]] = field(default_factory=dict)

    @property
    def methods(self) -> tuple[str, ...]:
        """Methods in the order they were given."""
        return tuple(dict.fromkeys(method for method, _ in self.runs))

    def columns_of(self, method: str, seeds: Sequence[int] = ()) -> list[int]:
        """Columns that are a method's runs: of these seeds, of all if none is given."""
        return [
            column
            for column, (name, seed) in enumerate(self.runs)
            if name == method and (seed in seeds or not seeds)
        ]

    def of_methods(self, methods: Collection[str]) -> "AlignedPredictions":
        """The same images, with the runs of some methods alone."""
        kept = [c for c, (name, _) in enumerate(self.runs) if name in methods]
        if len(kept) == len(self.runs):
            return self
        return replace(
            self,
            runs=tuple(self.runs[column] for column in kept),
            predictions={name: own[kept] for name, own in self.predictions.items()},
            probabilities={
                name: tuple(own[column] for column in kept)
                for name, own in self.probabilities.items()
            },
            shifts={name: own[:, kept] for name, own in self.shifts.items()},
        )

    def probabilities_of(self, task: str, method: str) -> list[Probabilities] | None:
        """Those of each of a method's runs; None where one of them has none."""
        given = [self.probabilities[task][column] for column in self.columns_of(method)]
        known = [values for values in given if values is not None]
        return known if len(known) == len(given) else None

    def seeds_of(self, method: str) -> tuple[int, ...]:
        """Seeds of a method, ascending."""
        return tuple(seed for name, seed in self.runs if name == method)


def align_predictions(
    tables: Mapping[RunKey, pd.DataFrame],
    tasks: Sequence[Task],
    baseline: str,
    *,
    labels_alone: bool = False,
) -> AlignedPredictions:
    """Check that runs answer for the same images, and put them in one order.

    Parameters
    ----------
    tables : mapping of (method, seed) to DataFrame
        Test-split predictions.
    tasks : sequence of Task
    baseline : str
        The method whose images and truth the others must have.
    labels_alone : bool
        Whether probabilities are left out: of many classes they take longest.

    Raises
    ------
    EquipoiseError
        If the baseline is not among the methods, there are no rows, a table holds rows
        of more than one split, an image is twice in a table, images or truth differ
        from the baseline's, a column is missing, or a value is. The message names the
        method.
    """
    order = {method: i for i, method in enumerate(dict.fromkeys(m for m, _ in tables))}
    runs = tuple(sorted(tables, key=lambda run: (order[run[0]], run[1])))
    reference = next((run for run in runs if run[0] == baseline), None)
    if reference is None:
        raise EquipoiseError(
            gettext(
                "The baseline '{method}' has no predictions to compare with.",
                method=baseline,
            ),
            expected=gettext(
                "one of the methods {names}.",
                names=", ".join(order) or gettext("(none)"),
            ),
            remedy=gettext("train the baseline, or add it to the selection."),
        )
    ids = pd.Index(tables[reference]["image_id"])
    if len(ids) == 0:
        raise EquipoiseError(
            gettext("No image is left to compare the methods on."),
            expected=gettext("at least one row of the test split."),
            remedy=gettext("widen the filter."),
        )
    for run in runs:
        _check_one_split(tables[run], run)
    _check_once(ids, reference)
    places = {run: _places(tables[run], ids, run, baseline) for run in runs}
    truth: dict[str, NDArray[np.generic]] = {}
    predictions: dict[str, NDArray[np.generic]] = {}
    probabilities: dict[str, tuple[Probabilities | None, ...]] = {}
    shifts: dict[str, NDArray[np.float32]] = {}
    for task in tasks:
        first = _values(tables[reference], task, "true", reference, None)
        truth[task.name] = first
        for run in runs:
            if run != reference:
                other = _values(tables[run], task, "true", run, places[run])
                _check_truth(other, first, task, run, baseline)
        predictions[task.name] = np.stack(
            [_values(tables[run], task, "pred", run, places[run]) for run in runs]
        )
        if not isinstance(task, Regression):
            probabilities[task.name] = tuple(
                None if labels_alone else _probabilities(tables[run], task, places[run])
                for run in runs
            )
        moved = [_shifts(tables[run], task, places[run]) for run in runs]
        if any(np.isfinite(values).any() for values in moved):
            shifts[task.name] = np.stack(moved, axis=1)
    return AlignedPredictions(runs, len(ids), truth, predictions, probabilities, shifts)


def _check_one_split(table: pd.DataFrame, run: RunKey) -> None:
    """Refuse rows of several splits: images of training would count as test images."""
    if "split" not in table:
        return
    found = [str(name) for name in pd.unique(table["split"])]
    if len(found) > 1:
        raise EquipoiseError(
            gettext(
                "The predictions of method '{method}' (seed {seed}) are of the splits"
                " {splits}.",
                method=run[0],
                seed=str(run[1]),
                splits=", ".join(found),
            ),
            expected=gettext("rows of one split, such as the test split."),
            remedy=gettext("choose the rows of one split."),
        )


def _check_once(ids: pd.Index, run: RunKey) -> None:
    if _is_ascending(ids):
        return
    # Many times faster than Index.is_unique, which makes a Python string of each.
    if len(pd.unique(ids.array)) < len(ids):
        raise EquipoiseError(
            gettext(
                "Method '{method}' (seed {seed}) has {count} images more than once.",
                method=run[0],
                seed=str(run[1]),
                count=str(ids.duplicated().sum()),
            ),
            expected=gettext("one row an image."),
            remedy=gettext("train this run again, or correct its predictions."),
        )


def _is_ascending(ids: pd.Index) -> bool:
    """Whether every id is greater than the one before, so that each occurs once."""
    if not isinstance(ids.dtype, pd.StringDtype):
        return False
    values = pa.array(ids.array)
    return bool(pc.all(pc.less(values[:-1], values[1:])).as_py())


def _places(
    table: pd.DataFrame, ids: pd.Index, run: RunKey, baseline: str
) -> NDArray[np.intp] | None:
    """Where each reference image is in a table; None if in the same order."""
    own = pd.Index(table["image_id"])
    # Beside ids that are each there once: the common case, and many times faster.
    if own.equals(ids):
        return None
    _check_once(own, run)
    differing = len(own.symmetric_difference(ids))
    if differing:
        raise EquipoiseError(
            gettext(
                "Method '{method}' (seed {seed}) was tested on other images than"
                " '{other}': {count} image ids are in only one of the two.",
                method=run[0],
                seed=str(run[1]),
                other=baseline,
                count=str(differing),
            ),
            expected=gettext("the same test images for every run of a study."),
            remedy=gettext("leave this run out, or train it on the study's split."),
        )
    return np.asarray(own.get_indexer(ids), np.intp)


def _values(
    table: pd.DataFrame,
    task: Task,
    what: str,
    run: RunKey,
    places: NDArray[np.intp] | None,
) -> NDArray[np.generic]:
    name = f"{task.name}_{what}"
    if name not in table:
        raise EquipoiseError(
            gettext(
                "Column '{column}' of method '{method}' (seed {seed}) is missing.",
                column=name,
                method=run[0],
                seed=str(run[1]),
            ),
            expected=gettext("predictions for the task '{task}'.", task=task.name),
            remedy=gettext(
                "leave this run out, or choose tasks that every method has."
            ),
        )
    values: NDArray[np.generic]
    if isinstance(task, Regression):
        values = table[name].to_numpy(np.float64)
        bad = int((~np.isfinite(values)).sum())
        if bad:
            raise EquipoiseError(
                gettext(
                    "Column '{column}' of method '{method}' (seed {seed}) has no finite"
                    " number in {count} rows.",
                    column=name,
                    method=run[0],
                    seed=str(run[1]),
                    count=str(bad),
                ),
                expected=gettext(
                    "a number of {unit} in every row.", unit=gettext(task.unit)
                ),
                remedy=gettext("train this run again, or correct its predictions."),
            )
    else:
        where = N_("Column '{column}' of method '{method}' (seed {seed})")
        fields = {"column": name, "method": run[0], "seed": str(run[1])}
        values = encode_labels(table[name], task.classes, where=where, fields=fields)
    return values if places is None else values[places]


def _probabilities(
    table: pd.DataFrame, task: Classification, places: NDArray[np.intp] | None
) -> Probabilities | None:
    """Probability of each class; None if a column or a finite value is missing.

    Labels alone are predictions too, such as those of others: metrics of labels are
    then computed, those of probabilities are not.
    """
    names = [f"{task.name}_p_{label}" for label in task.classes]
    if not all(name in table for name in names):
        return None
    single = all(str(table[name].dtype).lower() == "float32" for name in names)
    dtype = np.float32 if single else np.float64
    # Column by column: pandas takes ten times as long to choose several.
    values = np.empty((len(table), len(names)), dtype)
    for column, name in enumerate(names):
        values[:, column] = table[name].to_numpy(dtype, na_value=np.nan)
    if not np.isfinite(values).all():
        return None
    return values if places is None else values[places]


def _shifts(
    table: pd.DataFrame, task: Task, places: NDArray[np.intp] | None
) -> NDArray[np.float32]:
    """How answers move under each harmless change, shape (changes, rows)."""
    names = [shift_column(task.name, change) for change in CHANGES]
    # Most imported tables have none: this saves an empty array for a million images.
    unknown = np.broadcast_to(np.float32(np.nan), len(table))
    values = [
        table[name].to_numpy(np.float32, na_value=np.nan) if name in table else unknown
        for name in names
    ]
    if all(one is unknown for one in values):
        return np.broadcast_to(unknown, (len(names), len(table)))
    found = np.stack(values)
    return found if places is None else found[:, places]


def _check_truth(
    own: NDArray[np.generic],
    reference: NDArray[np.generic],
    task: Task,
    run: RunKey,
    baseline: str,
) -> None:
    differs = own != reference
    if isinstance(task, Regression) and differs.any():
        # Earlier runs kept the truth in single precision: those are compared in it.
        single = [values.astype(np.float32) for values in (own, reference)]
        if any((s == v).all() for s, v in zip(single, (own, reference), strict=True)):
            differs = single[0] != single[1]
    differing = int(differs.sum())
    if differing:
        raise EquipoiseError(
            gettext(
                "Method '{method}' (seed {seed}) has another true {task} than '{other}'"
                " for {count} images.",
                method=run[0],
                seed=str(run[1]),
                task=gettext(task.label).lower(),
                other=baseline,
                count=str(differing),
            ),
            expected=gettext("the same truth for every run of a study."),
            remedy=gettext("leave this run out, or train it on the study's data."),
        )
