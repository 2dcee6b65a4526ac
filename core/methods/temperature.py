"""Temperature scaling, fitted on a finished model. Nothing here imports Keras.

One number, the temperature, divides the logits of every image: above 1 the
probabilities become less extreme, below 1 more. The most probable class stays the same.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import minimize_scalar

from core.errors import MethodError
from core.evaluation.calibration import SMALLEST
from core.language import gettext
from core.methods.checks import Interval, check_number

Floats = NDArray[np.float64]

COLDEST, HOTTEST = 0.05, 20.0
"""Temperatures that are tried. If all validation images are answered rightly, or none
better than by chance, the best one would be 0 or infinite."""
FEWEST = 100
"""Validation images that the temperature of a group rests on at the least."""
_PRECISION = 1e-5
"""Of the logarithm of a temperature."""


@dataclass(frozen=True)
class Temperatures:
    """The temperature of all images, and those of groups.

    Parameters
    ----------
    overall : float
    images : int
        Validation images that it was fitted on.
    groups : mapping of str to float
        Groups with a temperature of their own; empty where one is for all.
    left : mapping of str to str
        Groups of the validation images without one, with the reason: they have the
        overall temperature.

    Examples
    --------
    >>> fitted = Temperatures(2.0, 300, {"a": 1.5}, {"b": "only 20 validation images"})
    >>> fitted.of(["a", "b", "c"]).tolist()
    [1.5, 2.0, 2.0]
    """

    overall: float
    images: int
    groups: Mapping[str, float]
    left: Mapping[str, str]

    def of(self, groups: ArrayLike) -> Floats:
        """Temperature of each image by its group, shape (n,)."""
        names = np.asarray(groups).astype(str)
        values = np.full(names.shape, self.overall)
        for name, own in self.groups.items():
            values[names == name] = own
        return values

    def as_dict(self) -> dict[str, Any]:
        """The temperatures as plain values for JSON."""
        return {
            "temperature": self.overall,
            "validation_images": self.images,
            "groups": dict(self.groups),
            "without_rule": dict(self.left),
        }


def logits_of(probabilities: ArrayLike) -> Floats:
    """Logits of probabilities, up to a constant an image: their logarithms.

    Parameters
    ----------
    probabilities : float array, shape (n, classes) or (n,)
        In [0, 1]; of two classes that of the positive one is enough.

    Returns
    -------
    float64 array, shape (n, classes)
        In nats. A probability counts as 1.2e-7 at the least, as in the log loss.

    Examples
    --------
    >>> logits_of([[0.0, 1.0]]).round(2).tolist()
    [[-15.94, 0.0]]
    """
    values = np.asarray(probabilities).astype(np.float64)
    if values.ndim == 1:
        values = np.column_stack([1 - values, values])
    logits: Floats = np.log(np.maximum(values, SMALLEST))
    return logits


def scale(probabilities: ArrayLike, temperature: ArrayLike) -> Floats:
    """Divide the logits of probabilities by a temperature.

    Parameters
    ----------
    probabilities : float array, shape (n, classes) or (n,)
        As for ``logits_of``.
    temperature : float, or float array of shape (n,)
        Above 0; of all images, or of each.

    Returns
    -------
    float64 array, shape (n, classes)
        Rows sum to 1; their order within an image is that of the probabilities.

    Examples
    --------
    The odds of 9 to 1 become 3 to 1:

    >>> scale([[0.1, 0.9]], 2.0).round(4).tolist()
    [[0.25, 0.75]]
    """
    # A class in one piece: to sum the two or five values of an image takes long.
    logits = np.ascontiguousarray(logits_of(probabilities).T)
    logits /= np.asarray(temperature, np.float64)
    logits -= logits.max(axis=0)
    shares = np.exp(logits, out=logits)
    shares /= shares.sum(axis=0)
    return np.ascontiguousarray(shares.T)


def fit_temperature(probabilities: ArrayLike, y_true: ArrayLike) -> float:
    """The temperature with the smallest log loss.

    Parameters
    ----------
    probabilities : float array, shape (n, classes) or (n,)
        As for ``logits_of``, of at least one image.
    y_true : int or bool array, shape (n,)
        Class ids. A class may be absent.

    Returns
    -------
    float
        From ``COLDEST`` to ``HOTTEST``.

    Raises
    ------
    MethodError
        If there are no images, or if a probability is infinite or NaN.

    Notes
    -----
    Source: Guo et al., On Calibration of Modern Neural Networks, ICML 2017. Departures:
    logits are the logarithms of the probabilities, which differ from the model's by a
    constant an image and so give the same temperature; the search is bounded.
    scikit-learn's ``CalibratedClassifierCV(method="temperature")`` finds the same, but
    needs every class among the images, and takes probabilities in half precision, whose
    rows do not sum to 1 exactly, for logits.

    Examples
    --------
    Of ten images that get 0.9, eight are right. The odds of 9 to 1 should be 4 to 1,
    and ln 9 / ln 4 = 1.58:

    >>> p = np.tile([0.1, 0.9], (10, 1))
    >>> round(fit_temperature(p, [1] * 8 + [0] * 2), 2)
    1.58
    """
    logits = logits_of(probabilities)
    truth = np.asarray(y_true).astype(np.int64)
    if not len(logits) or not np.isfinite(logits).all():
        raise MethodError(
            gettext(
                "A temperature cannot be fitted: there is no validation image, or one "
                "of them has a probability that is not a finite number."
            ),
            expected=gettext("finite probabilities of at least one validation image."),
        )
    above = np.ascontiguousarray(logits.T) - logits[np.arange(len(truth)), truth]

    def log_loss(log_temperature: float) -> float:
        shares = np.exp(above * np.exp(-log_temperature))
        return float(np.log(shares.sum(axis=0)).mean())

    bounds = (np.log(COLDEST), np.log(HOTTEST))
    found = minimize_scalar(log_loss, bounds=bounds, options={"xatol": _PRECISION})
    return float(np.exp(found.x))


def fit_temperatures(
    probabilities: ArrayLike,
    y_true: ArrayLike,
    groups: ArrayLike | None = None,
    *,
    fewest: int = FEWEST,
) -> Temperatures:
    """Fit a temperature on validation images, and one for each group.

    Parameters
    ----------
    probabilities : float array, shape (n, classes) or (n,)
        Of the validation images, as for ``logits_of``.
    y_true : int or bool array, shape (n,)
        Class ids.
    groups : str array, shape (n,), optional
        Without it one temperature is for all.
    fewest : int, at least 1
        Images that the temperature of a group rests on at the least.

    Returns
    -------
    Temperatures
        Groups of fewer images have the overall temperature.

    Raises
    ------
    MethodError
        As ``fit_temperature``, or if ``fewest`` is below 1.

    Notes
    -----
    Source: Guo et al., ICML 2017; by group after Pleiss et al., NeurIPS 2017, who
    calibrate each group by itself. One group with all images gives the overall
    temperature.

    Examples
    --------
    Both groups get 0.9; in a eight of ten are right, in b six of ten:

    >>> p = np.tile([0.1, 0.9], (20, 1))
    >>> y_true = [1] * 8 + [0] * 2 + [1] * 6 + [0] * 4
    >>> fitted = fit_temperatures(p, y_true, ["a"] * 10 + ["b"] * 10, fewest=10)
    >>> {name: round(value, 2) for name, value in fitted.groups.items()}
    {'a': 1.58, 'b': 5.42}
    """
    check_number("fewest of temperature scaling", fewest, Interval(1))
    values, truth = np.asarray(probabilities), np.asarray(y_true)
    overall = fit_temperature(values, truth)
    own: dict[str, float] = {}
    left: dict[str, str] = {}
    names = np.asarray([] if groups is None else groups).astype(str)
    for name, count in zip(*np.unique(names, return_counts=True), strict=True):
        if count < fewest:
            left[str(name)] = f"only {count} validation images"
            continue
        mine = names == name
        own[str(name)] = fit_temperature(values[mine], truth[mine])
    return Temperatures(overall, len(truth), own, left)
