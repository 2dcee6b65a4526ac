"""How far the probabilities of a method can be believed: losses and calibration errors.

Each is a function of sums over images, as every metric is: of the losses themselves,
and of the distance between a probability and what happened, within bins of images with
like probabilities.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from core.evaluation.binned_values import BinnedValues
from core.evaluation.formulas import ratio
from core.evaluation.resampling import Doubles, Floats, Integers

BINS = 15
"""Bins of like probability, as is usual (Guo et al., ICML 2017)."""
FEWEST = 20
"""Images of a bin at the least: fewer images have fewer bins."""
SMALLEST = float(np.finfo(np.float32).eps)
"""What counts as the smallest probability in a logarithm, as in scikit-learn."""

DISTANCES = ("ece", "classwise_ece", "brier_calibration")
"""Metrics that noise makes larger."""

Probabilities = NDArray[np.floating]


def bins_for(rows: int) -> int:
    """How many bins of like probability ``rows`` images are put into.

    Examples
    --------
    >>> bins_for(640), bins_for(60), bins_for(5)
    (15, 3, 1)
    """
    return max(1, min(BINS, rows // FEWEST))


def bin_of(values: Floats, bins: int) -> Integers:
    """Bin of each value, about as many values a bin; equal values share one.

    Bins of equal width are nearly empty where a method is sure, and their share of the
    error is then mostly noise (Nixon et al., CVPR Workshops 2019).

    Parameters
    ----------
    values : float array, shape (rows,)
    bins : int

    Returns
    -------
    int array, shape (rows,)
        From 0 to ``bins`` - 1.

    Examples
    --------
    >>> bin_of(np.array([0.5, 0.9, 1.0, 1.0, 0.6, 1.0]), 3).tolist()
    [0, 1, 2, 2, 0, 2]
    """
    if bins == 1 or not len(values):
        return np.zeros(len(values), np.int64)
    # As numpy.quantile has them with the method "higher", without a copy in double.
    places = np.ceil((len(values) - 1) * (np.arange(1, bins) / bins)).astype(np.int64)
    edges = np.partition(values, places)[places]
    # With few edges faster than a search for each value.
    found = np.zeros(len(values), np.int64)
    for edge in edges:
        found += values >= edge
    return found


def confidence_features(
    y_true: Integers, probabilities: Sequence[Probabilities | None], bins: int
) -> BinnedValues:
    """What each image adds to the losses and to the calibration error of each run.

    Parameters
    ----------
    y_true : int array, shape (rows,)
        Class ids.
    probabilities : sequence of float arrays, shape (rows, classes), or None
        One a run; a run without any has zeros.
    bins : int

    Returns
    -------
    BinnedValues
        Of 2 x columns plain features, the log loss of every column and then its squared
        errors; then, for bin after bin and in it for every column, how far the
        probability of the answer is above 1 if it is right and above 0 if not.
    """
    rows, columns = np.arange(len(y_true)), len(probabilities)
    losses = np.zeros((2, columns, len(rows)), np.float32)
    gaps = np.zeros((columns, len(rows)), np.float32)
    places = np.tile(np.arange(columns, dtype=np.int32)[:, None], len(rows))
    for column, given in enumerate(probabilities):
        if given is None:
            continue
        own = given.astype(np.float64)
        answer = own.argmax(axis=1)
        sure = own[rows, answer]
        losses[0, column] = -np.log(np.clip(own[rows, y_true], SMALLEST, 1))
        losses[1, column] = _squared_errors(own, y_true)
        gaps[column] = sure - (answer == y_true)
        places[column] += columns * bin_of(sure.astype(given.dtype), bins)
    plain = losses.reshape(-1, len(rows))
    return BinnedValues(plain, gaps, places, bins * columns)


def confidence_metrics(sums: Floats, images: Floats, bins: int) -> dict[str, Floats]:
    """Log loss, Brier score and calibration error from sums of the features.

    Parameters
    ----------
    sums : float array, shape (2 + bins, columns, resamples)
    images : float array, shape (resamples,)
    bins : int

    Returns
    -------
    dict of str to float array, shape (columns, resamples)
        The log loss in nats, the Brier score (0 to 2; of two classes 0 to 1), and the
        calibration error (0 to 1). A value is NaN if there is no image.

    Notes
    -----
    The expected calibration error is the mean distance between confidence and accuracy
    of the bins, weighted by their images (Naeini et al., AAAI 2015). Bins hold equally
    many images. It is biased upward: of few images some distance is always seen.

    Examples
    --------
    Of two images, one is answered rightly with 0.9, the other wrongly with 0.6:

    >>> p = np.array([[0.9, 0.1], [0.6, 0.4]])
    >>> features = confidence_features(np.array([0, 1]), [p], bins=1)
    >>> sums = features.totals().reshape(-1, 1, 1)
    >>> found = confidence_metrics(sums, np.array([2.0]), bins=1)
    >>> {name: round(value.item(), 3) for name, value in found.items()}
    {'log_loss': 0.511, 'brier': 0.185, 'ece': 0.25}
    """
    gaps = np.abs(sums[2 : 2 + bins]).sum(axis=0)
    terms = {"log_loss": sums[0], "brier": sums[1], "ece": gaps}
    return {name: ratio(term, images) for name, term in terms.items()}


def class_features(
    y_true: Integers, probabilities: Sequence[Probabilities | None], bins: int
) -> BinnedValues:
    """What each image adds to the calibration of each class, the rest against it.

    Of two classes the positive one stands for both. Arguments as for
    ``confidence_features``.

    Returns
    -------
    BinnedValues
        Of one plain feature a column, the squared errors; then, for every scored class,
        in it for bin after bin, and in that for every column, how far the probability
        is above 1 for images of the class and above 0 for others; then in the same
        order 1 for each image.
    """
    given = [p for p in probabilities if p is not None]
    classes = given[0].shape[1] if given else 2
    scored = range(1, 2) if classes == 2 else range(classes)
    columns, rows = len(probabilities), len(y_true)
    errors = np.zeros((columns, rows), np.float32)
    values = np.zeros((2, len(scored), columns, rows), np.float32)
    places = np.zeros(values.shape, np.int32)
    count = len(scored) * bins * columns
    first = np.arange(0, count, bins * columns)
    for column, one in enumerate(probabilities):
        places[:, :, column] = column + first[:, None]
        if one is None:
            continue
        own = one.astype(np.float64)
        errors[column] = _squared_errors(own, y_true)
        for place, label in enumerate(scored):
            values[0, place, column] = own[:, label] - (y_true == label)
            places[:, place, column] += columns * bin_of(one[:, label], bins)
        values[1, :, column] = 1
    places[1] += count
    return BinnedValues(
        errors, values.reshape(-1, rows), places.reshape(-1, rows), 2 * count
    )


def class_metrics(sums: Floats, images: Floats, bins: int) -> dict[str, Floats]:
    """Brier score, classwise calibration error, and the score's two parts.

    Parameters
    ----------
    sums : float array, shape (1 + 2 x scored classes x bins, columns, resamples)
    images : float array, shape (resamples,)
    bins : int

    Returns
    -------
    dict of str to float array, shape (columns, resamples)
        Each value is between 0 and 2, or NaN if there is no image.

    Notes
    -----
    The classwise error is the mean over the classes of the calibration error of each
    class's probability (Kull et al., NeurIPS 2019). The Brier score is the sum of its
    calibration part, the squared distances of the bins weighted by their images, and
    what is left: the refinement, which no recalibration takes away (Murphy, Journal of
    Applied Meteorology 1973; Kull and Flach, ECML 2015).

    Examples
    --------
    Ten images get 0.8, of which 6 are positive; then the squared error is 0.28:

    >>> y = np.array([1] * 6 + [0] * 4)
    >>> features = class_features(y, [np.tile([0.2, 0.8], (10, 1))], bins=1)
    >>> sums = features.totals().reshape(-1, 1, 1)
    >>> found = class_metrics(sums, np.array([10.0]), bins=1)
    >>> for name, value in found.items():
    ...     print(name, round(value.item(), 3))
    brier 0.28
    classwise_ece 0.2
    brier_calibration 0.04
    brier_refinement 0.24
    """
    brier = ratio(sums[0], images)
    gaps, counts = sums[1:].reshape(2, -1, bins, *sums.shape[1:])
    classwise = ratio(np.abs(gaps).sum(axis=1), images).mean(axis=0)
    squares = np.where(counts > 0, gaps**2 / np.where(counts > 0, counts, 1), 0)
    calibration = ratio(squares.sum(axis=(0, 1)), images)
    return {
        "brier": brier,
        "classwise_ece": classwise,
        "brier_calibration": calibration,
        "brier_refinement": brier - calibration,
    }


def around_value(value: Floats, draws: Floats) -> Floats:
    """Move resamples of a calibration error so that their mean is the value.

    A distance grows by noise, and a resample has more of it than the data: its errors
    lie above the data's by about as much as these lie above the truth. That bias is
    taken off (Efron and Tibshirani, An Introduction to the Bootstrap, 1993, chapter
    10), so that an interval lies around the value. No error is below 0.

    Parameters
    ----------
    value : float array, shape (columns, 1)
    draws : float array, shape (columns, resamples)
        NaN where a resample has no image.

    Returns
    -------
    float array, shape (columns, resamples)
        At least 0.

    Examples
    --------
    >>> around_value(np.array([[0.1]]), np.array([[0.1, 0.3]])).round(3).tolist()
    [[0.0, 0.2]]
    """
    defined = ~np.isnan(draws)
    total = np.where(defined, draws, 0).sum(axis=1, keepdims=True)
    bias = ratio(total, defined.sum(axis=1, keepdims=True)) - value
    return np.asarray(np.maximum(draws - bias, 0))


def _squared_errors(probabilities: Doubles, y_true: Integers) -> Doubles:
    """Sum over the classes, shape (rows,)."""
    gaps = probabilities.copy()
    gaps[np.arange(len(y_true)), y_true] -= 1
    # Two classes make the same error twice: it counts once, as in scikit-learn.
    scale = 2 if gaps.shape[1] == 2 else 1
    return np.asarray(np.einsum("ij,ij->i", gaps, gaps) / scale)
