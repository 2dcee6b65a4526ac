"""Logit adjustment of a finished model. Nothing here imports Keras."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from core.methods.checks import FROM_ZERO, check_number
from core.methods.weights import check_class_counts


def check_tau(tau: float) -> float:
    """Return tau if logits can be adjusted by it.

    Raises
    ------
    MethodError
        If tau is below 0 or not finite.

    Examples
    --------
    >>> check_tau(1)
    1.0
    """
    return check_number(
        "tau of logit adjustment",
        tau,
        FROM_ZERO,
        note="1 is the theory's, 0 adjusts nothing",
    )


def log_prior(class_counts: ArrayLike) -> NDArray[np.float64]:
    """Logarithm of each class's share of the training images, shape (num_classes,).

    Raises
    ------
    MethodError
        If a class has no image.

    Examples
    --------
    >>> np.exp(log_prior([30, 10])).round(4).tolist()
    [0.75, 0.25]
    """
    counts = check_class_counts(class_counts).astype(np.float64)
    logarithm: NDArray[np.float64] = np.log(counts) - np.log(counts.sum())
    return logarithm


def post_hoc_logit_adjustment(
    class_counts: ArrayLike, *, tau: float = 1.0
) -> NDArray[np.float64]:
    """Values to add to the logits of a model that was trained by cross-entropy.

    Parameters
    ----------
    class_counts : int array, shape (num_classes,)
        Training images of each class, each at least 1.
    tau : float, at least 0
        0 adds nothing; 1 suits a model whose probabilities are calibrated.

    Returns
    -------
    float64 array, shape (num_classes,)
        Nats, at least 0, larger for rarer classes.

    Raises
    ------
    MethodError
        If a class has no image, or tau is below 0.

    Notes
    -----
    Source: Menon et al., ICLR 2021, eq. 9: ``-tau ln prior``. Departures: none. With
    equal counts every logit is raised alike, and no answer changes.

    Examples
    --------
    >>> post_hoc_logit_adjustment([30, 10]).round(4).tolist()  # ln(4/3) and ln(4)
    [0.2877, 1.3863]
    """
    # Adding 0 turns the -0 of a single class, or of tau 0, into 0.
    adjustment: NDArray[np.float64] = -check_tau(tau) * log_prior(class_counts) + 0.0
    return adjustment
