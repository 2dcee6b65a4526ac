"""Labels as class ids, and the number of images of each pair of them."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from core.errors import EquipoiseError
from core.evaluation.resampling import Integers
from core.language import N_, gettext
from core.tasks import Regression, Task
from core.text import quoted


def label_codes(labels: ArrayLike) -> tuple[Integers, tuple[object, ...]]:
    """Each label as a place in the labels found; -1 where there is none.

    A categorical column has its codes already, which is a hundred times as fast for a
    million rows. Its categories are the labels found; some may have no row.
    """
    series = pd.Series(labels)
    if isinstance(series.dtype, pd.CategoricalDtype):
        codes = series.cat.codes.to_numpy(np.int64)
        return codes, tuple(series.cat.categories)
    codes, found = pd.factorize(series)
    return codes, tuple(found)


def encode_labels(
    labels: ArrayLike,
    classes: tuple[str, ...],
    *,
    where: str,
    fields: Mapping[str, str] | None = None,
) -> Integers:
    """Turn class labels into class ids.

    Raises
    ------
    EquipoiseError
        If a label is not among the classes; ``where`` names the run in messages, and is
        a message itself, with its ``fields``.
    """
    codes, found = label_codes(labels)
    known: dict[object, int] = {label: i for i, label in enumerate(classes)}
    # The last entry is for missing labels, which have code -1.
    table = np.array([known.get(label, -1) for label in found] + [-1], np.int64)
    ids: Integers = table[codes]
    unknown = ids < 0
    if unknown.any():
        first = codes[unknown][0]
        strange = quoted(str(found[first])) if first >= 0 else gettext("no label")
        raise EquipoiseError(
            gettext(
                "{where} holds {label} in {count} rows.",
                where=gettext(where, **(fields or {})),
                label=strange,
                count=str(unknown.sum()),
            ),
            expected=gettext("one of {names}.", names=", ".join(classes)),
            remedy=gettext("check that the predictions belong to this study."),
        )
    return ids


def encode_categories(labels: pd.Series, task: Task, *, where: str) -> Integers:
    """Turn labels into places in ``answers.categories_of``: class ids, or bins.

    Raises
    ------
    EquipoiseError
        As in ``encode_labels``.
    """
    if isinstance(task, Regression):
        return task.bin_of(labels.to_numpy(np.float64))
    return encode_labels(labels, tuple(task.classes), where=where)


def confusion(
    y_true: ArrayLike, y_pred: ArrayLike, classes: tuple[str, ...]
) -> pd.DataFrame:
    """Count images by true and predicted class.

    ``y_true`` and ``y_pred`` are labels, shape (rows,). Rows are the truth (index name
    ``true``), columns the prediction (``predicted``), both in the order of ``classes``,
    shape (classes, classes); a class without images has zeros.

    Raises
    ------
    EquipoiseError
        If a label is not among the classes.
    """
    true = encode_labels(y_true, classes, where=N_("The true labels"))
    pred = encode_labels(y_pred, classes, where=N_("The predicted labels"))
    k = len(classes)
    counts = np.bincount(true * k + pred, minlength=k * k).reshape(k, k)
    return pd.DataFrame(
        counts,
        index=pd.Index(classes, name="true"),
        columns=pd.Index(classes, name="predicted"),
    )


def class_counts(y_true: ArrayLike, classes: tuple[str, ...]) -> pd.Series:
    """Count images of each class, zeros included, in the order of ``classes``."""
    ids = encode_labels(y_true, classes, where=N_("The true labels"))
    counts = np.bincount(ids, minlength=len(classes))
    return pd.Series(counts, index=pd.Index(classes, name="class"), name="n")


def training_counts(
    rows: pd.DataFrame | None, tasks: Sequence[Task]
) -> dict[str, dict[str, int]]:
    """Training images of each class, by task with classes.

    ``rows`` are the training rows of a manifest, None where it is not known. A task
    that they do not know is left out.
    """
    found: dict[str, dict[str, int]] = {}
    for task in tasks:
        if isinstance(task, Regression) or rows is None or task.name not in rows:
            continue
        counts = rows[task.name].value_counts()
        found[task.name] = {label: int(counts.get(label, 0)) for label in task.classes}
    return found
