"""A comparison of methods from arrays alone: no study, no run folders, no tables."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from core.errors import EquipoiseError
from core.evaluation.alignment import RunKey
from core.evaluation.comparison import Comparison, compare_runs
from core.evaluation.metrics import ERRORS, split_key
from core.evaluation.resampling import LEVEL, RESAMPLES, Doubles
from core.tasks import Binary, Classification, Multiclass, Regression, Task

TARGET = "target"
"""Name of the task; the keys of the result begin with it, as "target.accuracy" does."""
GROUP = "group"
"""Name of the sensitive feature where it is an array without one."""
ROUNDING = 1e-3
"""How far the probabilities of an image may be from a sum of 1."""

_Runs = Mapping[str, Sequence[ArrayLike]]


def compare(
    y_true: ArrayLike,
    predictions: _Runs,
    metrics: Sequence[str],
    *,
    by: ArrayLike | Mapping[str, ArrayLike] | None = None,
    baseline: str | None = None,
    classes: Sequence[object] | None = None,
    unit: str = "",
    bin_width: float | None = None,
    margins: Mapping[str, float] | None = None,
    families: Mapping[str, str] | None = None,
    design: ArrayLike | None = None,
    include_small: bool = False,
    anew: bool = True,
    resamples: int = RESAMPLES,
    level: float = LEVEL,
    rng_seed: int = 0,
) -> Comparison:
    """Compare methods by their predictions for the same images.

    Parameters
    ----------
    y_true : array, shape (rows,)
        Labels, or numbers where the metrics are those of numbers.
    predictions : mapping of str to sequence of arrays
        By method, one array for each seed that it was trained with: labels or numbers,
        shape (rows,), or the probabilities of the classes, shape (rows, classes), in
        the order of ``classes``.
    metrics : sequence of str
        Without a task: "mae", "rmse", "bias", "within_5", "mae_balanced" or "mae[0-9]"
        of numbers; else "accuracy", "error_rate", "balanced_accuracy", "macro_f1",
        "auc", "top_5_accuracy", or a rate of a class such as "recall[cat]", which of
        two classes may do without the class: "recall" is that of the second.
    by : array, shape (rows,), or mapping of str to array, optional
        Groups to compare within: those of one feature, or of several that are crossed.
    baseline : str, optional
        Method that the others are compared with; the first by default.
    classes : sequence, optional
        In order; by default the labels that occur, in their order. Needed with
        probabilities of a class that has no image.
    unit : str
        Unit of numbers, such as "years".
    bin_width : float, optional
        Width of the bins of the true numbers, for the metrics that have some.
    margins : mapping of str to float, optional
        Largest difference of a metric that does not matter.
    families, include_small, anew, resamples, level, rng_seed
        See ``comparison.compare_runs``.
    design : array, shape (rows,), optional
        Stratum of each image, where the test set was drawn by strata.

    Returns
    -------
    Comparison
        Its keys begin with "target", such as "target.accuracy".

    Raises
    ------
    EquipoiseError
        If there is no such metric, the metrics are not all of numbers or all of
        classes, or an array has another shape or other labels than expected; the
        message names the method and the seed.

    Notes
    -----
    Of probabilities the label is the class with the largest, the first of equals. All
    else is ``comparison.compare_runs``, which the pages use too.

    Examples
    --------
    Two methods with two seeds each, which err on every fifth and on every third image:

    >>> import numpy as np
    >>> from core.evaluation import compare
    >>> places = np.arange(600)
    >>> y_true = np.where(places % 2, "cat", "dog")
    >>> other = np.where(places % 2, "dog", "cat")
    >>> found = compare(
    ...     y_true,
    ...     {
    ...         "plain": [np.where(places % 3, y_true, other)] * 2,
    ...         "remedy": [np.where(places % 5, y_true, other)] * 2,
    ...     },
    ...     ["accuracy", "recall[cat]"],
    ...     by=np.where(places < 300, "first half", "second half"),
    ... )
    >>> row = found.row("remedy", "target.accuracy")
    >>> print(f"{row['mean']:.3f}, {row['delta']:+.3f}: {row['verdict']}")
    0.800, +0.133: better
    >>> group = found.row("remedy", "target.accuracy", group="first half")
    >>> print(f"{group['mean']:.3f} of {group['n']} images: {group['verdict']}")
    0.800 of 300 images: better
    """
    given = _vector(y_true, "y_true")
    runs = _runs(predictions, len(given))
    names = list(dict.fromkeys(metrics))
    _check_named("margins", margins or {}, names, "metrics")
    _check_named("families", families or {}, list(predictions), "methods")
    task: Task
    truth: NDArray[Any]
    if _is_of_numbers(names):
        truth = _doubles(given, "y_true")
        task = _number_task(truth, names, unit, bin_width)
        answers = {run: _numbers(values, _whose(run)) for run, values in runs.items()}
    else:
        _refuse_of_classes(unit, bin_width)
        task = _class_task(given, runs, classes)
        truth = _texts(given, "y_true")
        answers = {
            run: _labels_and_probabilities(values, task.classes, _whose(run))
            for run, values in runs.items()
        }
    features = _features(by, len(truth))
    images = {"image_id": np.arange(len(truth)), f"{TARGET}_true": truth, **features}
    first = next(iter(predictions))
    return compare_runs(
        {run: pd.DataFrame({**images, **own}) for run, own in answers.items()},
        (task,),
        first if baseline is None else baseline,
        by=tuple(features),
        metrics=[f"{TARGET}.{name}" for name in names],
        margins={f"{TARGET}.{name}": size for name, size in (margins or {}).items()},
        families=families,
        design=None if design is None else list(_vector(design, "design", len(truth))),
        include_small=include_small,
        anew=anew,
        resamples=resamples,
        level=level,
        rng_seed=rng_seed,
    )


def _is_of_numbers(names: Sequence[str]) -> bool:
    """Whether the metrics are of numbers."""
    if not names:
        raise EquipoiseError(
            "No metric was named.",
            expected='names such as ["accuracy", "macro_f1"] or ["mae"].',
        )
    found = {name: _is_error(name) for name in names}
    if len(set(found.values())) > 1:
        numbers = ", ".join(name for name, is_number in found.items() if is_number)
        others = ", ".join(name for name, is_number in found.items() if not is_number)
        raise EquipoiseError(
            f"The metrics {numbers} are of numbers, and {others} of classes.",
            expected="metrics of one kind: the truth is numbers or classes.",
            remedy="make a comparison of each kind.",
        )
    return all(found.values())


def _is_error(name: str) -> bool:
    try:
        return split_key(f"{TARGET}.{name}")[1] in ERRORS
    except EquipoiseError as error:
        expected = error.expected.removeprefix("<task>.<metric>, the metric ")
        raise EquipoiseError(
            f"There is no metric '{name}'.", expected=expected
        ) from error


def _check_named(
    option: str, given: Mapping[str, object], known: Sequence[str], what: str
) -> None:
    """Refuse an option for something that is not compared: it would do nothing."""
    strange = [name for name in given if name not in known]
    if strange:
        raise EquipoiseError(
            f"`{option}` names {', '.join(strange)}.",
            expected=f"some of the {what} compared: {', '.join(known)}.",
        )


def _refuse_of_classes(unit: str, bin_width: float | None) -> None:
    if unit or bin_width is not None:
        raise EquipoiseError(
            "Classes have no unit and no bins.",
            expected="a unit or a bin width with metrics of numbers alone.",
            remedy="leave them out, or name metrics such as mae.",
        )


def _vector(values: ArrayLike, name: str, rows: int | None = None) -> NDArray[Any]:
    """One value an image."""
    found = np.asarray(values)
    if found.ndim != 1 or (rows is not None and len(found) != rows) or not found.size:
        images = "one value an image" if rows is None else f"{rows:,} values, shape"
        raise EquipoiseError(
            f"{name} has the shape {found.shape}.",
            expected=images if rows is None else f"{images} ({rows},).",
        )
    return found


def _whose(run: RunKey) -> str:
    return f"The predictions of '{run[0]}', seed {run[1]},"


def _runs(predictions: _Runs, rows: int) -> dict[RunKey, NDArray[Any]]:
    """Array of each method and seed, which are numbered from 0."""
    if not predictions:
        raise EquipoiseError(
            "There are no predictions.",
            expected="a method, and an array for each of its seeds.",
        )
    found = {}
    for method, seeds in predictions.items():
        is_list = isinstance(seeds, list | tuple)
        if not is_list or not seeds or any(np.ndim(one) == 0 for one in seeds):
            raise EquipoiseError(
                f"The predictions of '{method}' are not a list of arrays.",
                expected="a list with one array for each seed.",
                remedy="put the array of a single seed into a list: [array].",
            )
        for seed, values in enumerate(seeds):
            run, array = (method, seed), np.asarray(values)
            if array.ndim not in (1, 2) or len(array) != rows:
                raise EquipoiseError(
                    f"{_whose(run)} have the shape {array.shape}.",
                    expected=f"{rows:,} rows, as y_true has: shape ({rows},), or"
                    f" ({rows}, classes) of probabilities.",
                )
            found[run] = array
    return found


def _number_task(
    y_true: Doubles, names: Sequence[str], unit: str, bin_width: float | None
) -> Regression:
    width = bin_width
    if width is None:
        if any(name == "mae_balanced" or name.startswith("mae[") for name in names):
            raise EquipoiseError(
                "A metric over bins was named, and no width of the bins.",
                expected="`bin_width`, such as 10 for decades.",
            )
        width = max(float(np.ptp(y_true)), 1.0)
    elif not (np.isfinite(width) and width > 0):
        raise EquipoiseError(
            f"The width of the bins is {width:g}.", expected="a number above 0."
        )
    low, high = float(y_true.min()), float(y_true.max())
    # An upper end on an edge would be outside the last bin.
    high = high if high % width else high + width / 2
    return Regression(TARGET, "Target", unit, low, high, width)


def _numbers(values: NDArray[Any], where: str) -> dict[str, NDArray[Any]]:
    if values.ndim != 1:
        raise EquipoiseError(
            f"{where} have the shape {values.shape}.",
            expected=f"one number an image: shape ({len(values)},).",
        )
    return {f"{TARGET}_pred": _doubles(values, where)}


def _doubles(values: NDArray[Any], where: str) -> Doubles:
    try:
        found = values.astype(np.float64)
    except (TypeError, ValueError):
        found = np.full(len(values), np.nan)
    bad = int((~np.isfinite(found)).sum())
    if bad:
        raise EquipoiseError(
            f"{where} holds no finite number in {bad} of {len(found)} rows.",
            expected="a number in every row.",
            remedy="leave these images out, or name metrics of classes.",
        )
    return np.asarray(found, np.float64)


def _class_task(
    truth: NDArray[Any],
    runs: Mapping[RunKey, NDArray[Any]],
    classes: Sequence[object] | None,
) -> Classification:
    """The task of the classes, in their order."""
    if classes is None:
        every = [truth, *(values for values in runs.values() if values.ndim == 1)]
        plain = [np.asarray(_plain(values), object) for values in every]
        found = pd.unique(np.concatenate(plain))
        numbers = all(isinstance(value, int | np.integer) for value in found)
        labels = tuple(map(str, sorted(found, key=None if numbers else str)))
    else:
        labels = tuple(_texts(np.array(list(classes)), "`classes`"))
    if len(set(labels)) < len(labels) or len(labels) < 2:
        raise EquipoiseError(
            f"The classes are {', '.join(labels) or '(none)'}.",
            expected="two classes or more, each once.",
            remedy="name all of them in `classes`.",
        )
    if len(labels) == 2:
        return Binary(TARGET, "Target", (labels[0], labels[1]))
    return Multiclass(TARGET, "Target", labels)


def _plain(values: NDArray[Any]) -> NDArray[Any]:
    """Labels as they are; whole numbers as integers, whatever their type."""
    if values.dtype.kind == "f" and np.isfinite(values).all():
        whole = values.astype(np.int64)
        if (whole == values).all():
            return whole
    return values


def _texts(values: NDArray[Any], where: str) -> NDArray[np.object_]:
    missing = int(pd.isna(values).sum())
    if missing:
        raise EquipoiseError(
            f"{where} holds no label in {missing} of {len(values)} rows.",
            expected="a label in every row.",
            remedy="leave these images out.",
        )
    return np.array([str(value) for value in _plain(values)], object)


def _labels_and_probabilities(
    values: NDArray[Any], classes: tuple[str, ...], where: str
) -> dict[str, NDArray[Any]]:
    if values.ndim == 1:
        return {f"{TARGET}_pred": _texts(values, where)}
    if values.shape[1] != len(classes):
        raise EquipoiseError(
            f"{where} have {values.shape[1]} columns for {len(classes)} classes.",
            expected=f"a probability of each of {', '.join(classes)}.",
            remedy="name all classes in `classes`, in the order of the columns.",
        )
    shares = _doubles(values.ravel(), where).reshape(values.shape)
    if (shares < 0).any() or np.abs(shares.sum(axis=1) - 1).max() > ROUNDING:
        raise EquipoiseError(
            f"{where} are not probabilities.",
            expected="numbers from 0 that sum to 1 in every row.",
            remedy="apply softmax to logits first.",
        )
    answers = np.array(classes, object)[shares.argmax(axis=1)]
    probabilities = zip(classes, shares.T, strict=True)
    return {f"{TARGET}_pred": answers} | {
        f"{TARGET}_p_{label}": own for label, own in probabilities
    }


def _features(
    by: ArrayLike | Mapping[str, ArrayLike] | None, rows: int
) -> dict[str, NDArray[Any]]:
    """Groups of every feature, by its name."""
    if by is None:
        return {}
    if isinstance(by, Mapping | pd.DataFrame):
        found = {str(name): values for name, values in by.items()}
    else:
        name = getattr(by, "name", None)
        found = {str(name) if name else GROUP: by}
    for name in found:
        if name == "image_id" or name.startswith(TARGET):
            raise EquipoiseError(
                f"A sensitive feature is called '{name}'.",
                expected=f"a name that is not image_id and does not begin with"
                f" '{TARGET}': the columns of the comparison have these.",
                remedy="give the feature another name.",
            )
    return {
        name: _vector(values, f"The feature '{name}'", rows)
        for name, values in found.items()
    }
