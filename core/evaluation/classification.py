"""Metrics of classification, from confusion matrices."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy import sparse

from core.errors import EquipoiseError
from core.evaluation.intervals import (
    BLOCK,
    MAX_CELLS,
    CellDraws,
    Floats,
    Integers,
    StratumSums,
    cell_draws,
    normal_sums,
    resample_weights,
    weighted_sums,
)
from core.evaluation.metrics import MANY_CLASSES, shot_groups
from core.tasks import Classification, Regression, Task


def label_codes(labels: ArrayLike) -> tuple[Integers, tuple[object, ...]]:
    """Each label as a place in the labels found; -1 where there is none.

    A categorical column has its codes already, of a million rows a hundred times as
    fast: its categories are the labels found, of which some may have no row.
    """
    series = pd.Series(labels)
    if isinstance(series.dtype, pd.CategoricalDtype):
        codes = series.cat.codes.to_numpy(np.int64)
        return codes, tuple(series.cat.categories)
    codes, found = pd.factorize(series)
    return codes, tuple(found)


def encode_labels(
    labels: ArrayLike, classes: tuple[str, ...], *, where: str
) -> Integers:
    """Turn class labels into class ids.

    Raises
    ------
    EquipoiseError
        If a label is not among the classes; ``where`` says whose it is.
    """
    codes, found = label_codes(labels)
    known: dict[object, int] = {label: i for i, label in enumerate(classes)}
    # The last entry is for missing labels, which have code -1.
    table = np.array([known.get(label, -1) for label in found] + [-1], np.int64)
    ids: Integers = table[codes]
    unknown = ids < 0
    if unknown.any():
        first = codes[unknown][0]
        strange = f"'{found[first]}'" if first >= 0 else "no label"
        raise EquipoiseError(
            f"{where} holds {strange} in {unknown.sum()} rows.",
            expected=f"one of {', '.join(classes)}.",
            remedy="check that the predictions belong to this study.",
        )
    return ids


def confusion(
    y_true: ArrayLike, y_pred: ArrayLike, classes: tuple[str, ...]
) -> pd.DataFrame:
    """Count images by true and predicted class.

    Parameters
    ----------
    y_true, y_pred : str arrays, shape (rows,)
        Class labels.
    classes : tuple of str
        Order of rows and columns.

    Returns
    -------
    DataFrame, shape (classes, classes)
        Rows are the truth (index name ``true``), columns the prediction
        (``predicted``); a class without images has zeros.

    Raises
    ------
    EquipoiseError
        If a label is not among the classes.
    """
    true = encode_labels(y_true, classes, where="The true labels")
    pred = encode_labels(y_pred, classes, where="The predicted labels")
    k = len(classes)
    counts = np.bincount(true * k + pred, minlength=k * k).reshape(k, k)
    return pd.DataFrame(
        counts,
        index=pd.Index(classes, name="true"),
        columns=pd.Index(classes, name="predicted"),
    )


def class_counts(y_true: ArrayLike, classes: tuple[str, ...]) -> pd.Series:
    """Count images of each class, zeros included, in the order of ``classes``."""
    ids = encode_labels(y_true, classes, where="The true labels")
    counts = np.bincount(ids, minlength=len(classes))
    return pd.Series(counts, index=pd.Index(classes, name="class"), name="n")


def training_counts(
    rows: pd.DataFrame | None, tasks: Sequence[Task]
) -> dict[str, dict[str, int]]:
    """Training images of each class of each task with classes.

    Parameters
    ----------
    rows : DataFrame or None
        Training rows of a manifest; None where it is not known.
    tasks : sequence of Task

    Returns
    -------
    dict of dicts
        By task and class; a task that the rows do not know is left out.
    """
    found: dict[str, dict[str, int]] = {}
    for task in tasks:
        if isinstance(task, Regression) or rows is None or task.name not in rows:
            continue
        counts = rows[task.name].value_counts()
        found[task.name] = {label: int(counts.get(label, 0)) for label in task.classes}
    return found


def counted_cells(y_true: Integers, y_pred: Integers, num_classes: int) -> CellDraws:
    """Count the data themselves, as one resample that holds every image once."""
    k = num_classes
    counts = [np.bincount(y_true * k + labels, minlength=k * k) for labels in y_pred]
    tables = np.array(counts, np.float64).reshape(-1, k, k)
    support = np.bincount(y_true, minlength=k).astype(np.float64)
    hits = tables.diagonal(axis1=1, axis2=2)
    return CellDraws(support[:, None], hits[..., None], tables.sum(1)[..., None])


def resampled_cells(
    y_true: Integers,
    y_pred: Integers,
    num_classes: int,
    *,
    weights: Floats | None,
    baseline: int,
    one_seed: bool,
    resamples: int,
    rng: np.random.Generator,
) -> CellDraws:
    """Confusion counts under the resamples, in whichever way suits the size.

    ``weights`` are used where there are any; without them joint cells if every method
    has one seed and the cells are few, else normal sums. Of many classes only the sums
    that are needed are kept, from drawn images however many there are: whole matrices
    of every run and resample would fill the memory.
    """
    if num_classes > MANY_CLASSES:
        return _sparse_cells(y_true, y_pred, num_classes, weights, resamples, rng)
    if weights is not None:
        features = _one_hot(y_pred, num_classes)
        sums = weighted_sums(features, y_true, num_classes, weights)
        return _cells(sums, num_classes)
    if one_seed and num_classes**3 <= MAX_CELLS:
        return cell_draws(y_true, y_pred, num_classes, baseline, resamples, rng)
    features = _one_hot(y_pred, num_classes)
    sums = normal_sums(features, y_true, num_classes, resamples, rng)
    return _cells(sums, num_classes)


def _sparse_cells(
    y_true: Integers,
    y_pred: Integers,
    num_classes: int,
    weights: Floats | None,
    resamples: int,
    rng: np.random.Generator,
) -> CellDraws:
    rows = len(y_true)
    columns = [_membership(labels, labels >= 0, num_classes) for labels in y_pred]
    right = [_membership(labels, labels == y_true, num_classes) for labels in y_pred]
    true = _membership(y_true, y_true >= 0, num_classes)
    if weights is not None:
        blocks = iter([weights])
    else:
        size = max(1, BLOCK // rows)
        sizes = [min(size, resamples - s) for s in range(0, resamples, size)]
        blocks = (resample_weights(rows, size, rng) for size in sizes)
    parts = [
        (true @ w, np.stack([m @ w for m in right]), np.stack([m @ w for m in columns]))
        for w in blocks
    ]
    return CellDraws(
        *(np.concatenate(part, axis=-1) for part in zip(*parts, strict=True))
    )


def _membership(
    labels: Integers, counted: NDArray[np.bool_], num_classes: int
) -> sparse.csr_array:
    """Matrix (classes, rows) with a 1 where an image counts for a class."""
    rows = np.flatnonzero(counted)
    ones = np.ones(len(rows), np.float32)
    shape = (num_classes, len(labels))
    return sparse.csr_array((ones, (labels[rows], rows)), shape=shape)


def _one_hot(y_pred: Integers, num_classes: int) -> NDArray[np.float32]:
    hot = y_pred.T[:, :, None] == np.arange(num_classes)
    return np.asarray(hot.reshape(y_pred.shape[1], -1), np.float32)


def _cells(sums: StratumSums, num_classes: int) -> CellDraws:
    k = num_classes
    # (true, column, predicted, resample); normal draws of a rare cell can dip below 0.
    tables = np.maximum(sums.sums, 0).reshape(k, -1, k, sums.sums.shape[-1])
    hits = np.einsum("tctb->ctb", tables)
    return CellDraws(sums.counts, hits, tables.sum(axis=0))


def classification_metrics(
    cells: CellDraws,
    task: Classification,
    training_counts: Mapping[str, int] | None = None,
) -> dict[str, Floats]:
    """Every metric of a classification task that follows from confusion counts.

    Parameters
    ----------
    cells : CellDraws
    task : Binary or Multiclass
    training_counts : mapping, optional
        Training images of each class, for the accuracy of the shot groups.

    Returns
    -------
    dict of float arrays, shape (columns, resamples)
        By the metric's name without the task, such as ``"f1[Asian]"``.

    Notes
    -----
    A class without an image in the (re)sample is absent: its F1 and recall are
    undefined (NaN) and left out of the mean over classes. scikit-learn instead counts
    an absent class that was predicted with F1 0, which would pull a resample's macro
    F1 down for images that were merely not drawn. Where all classes are present the
    values are scikit-learn's.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        recall = cells.hits / cells.support
        f1 = 2 * cells.hits / (cells.support + cells.predicted)
    present = cells.support > 0
    f1 = np.where(present, f1, np.nan)
    total = cells.support.sum(axis=0)
    accuracy = cells.hits.sum(axis=1) / total
    metrics: dict[str, Floats] = {"accuracy": accuracy, "error_rate": 1 - accuracy}
    if task.kind == "binary":
        metrics["f1"] = f1[:, 1]
    else:
        metrics["macro_f1"] = _mean_over_present(f1, present)
    metrics["balanced_accuracy"] = _mean_over_present(recall, present)
    groups = shot_groups(task.classes, training_counts) if training_counts else {}
    for name, members in groups.items():
        ids = list(members)
        own = _mean_over_present(recall[:, ids], present[ids])
        metrics[f"accuracy[{name}]"] = own
    for j, label in enumerate(task.classes):
        metrics[f"f1[{label}]"] = f1[:, j]
    if task.kind == "multiclass":
        for j, label in enumerate(task.classes):
            metrics[f"recall[{label}]"] = recall[:, j]
    return metrics


def _mean_over_present(values: Floats, present: NDArray[np.bool_]) -> Floats:
    filled = np.where(present, values, 0)
    with np.errstate(invalid="ignore"):
        return np.asarray(filled.sum(axis=1) / present.sum(axis=0))
