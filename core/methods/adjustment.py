"""What is added to the logits of a finished model; nothing here imports Keras."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from core.errors import MethodError
from core.methods.weights import check_class_counts


def check_tau(tau: float) -> float:
    """Return tau if logits can be adjusted by it.

    Raises
    ------
    MethodError
        If tau is below 0 or no finite number.
    """
    if not (np.isfinite(tau) and tau >= 0):
        raise MethodError(
            f"tau of logit adjustment is {tau}.",
            expected="a finite number from 0; 1 is the theory's, 0 adjusts nothing.",
        )
    return float(tau)


def log_prior(class_counts: ArrayLike) -> NDArray[np.float64]:
    """Logarithm of each class's share of the training images, shape (num_classes,).

    Raises
    ------
    MethodError
        If a class has no image.
    """
    counts = check_class_counts(class_counts).astype(np.float64)
    logarithm: NDArray[np.float64] = np.log(counts) - np.log(counts.sum())
    return logarithm


def post_hoc_logit_adjustment(
    class_counts: ArrayLike, *, tau: float = 1.0
) -> NDArray[np.float64]:
    """What logit adjustment adds to the logits of a model trained by cross-entropy.

    Parameters
    ----------
    class_counts : int array, shape (num_classes,)
        Training images of each class, each at least 1.
    tau : float, at least 0
        0 adds nothing; 1 suits a model whose probabilities are calibrated.

    Returns
    -------
    float64 array, shape (num_classes,)
        Nats, at least 0: the rarer the class, the more.

    Raises
    ------
    MethodError
        If a class has no image, or tau is below 0.

    Notes
    -----
    Source: Menon et al., ICLR 2021, eq. 9: ``-tau ln prior``. Departures: none. With
    equal counts every logit is raised alike, and no answer changes.
    """
    # Adding 0 turns the -0 of a single class, or of tau 0, into 0.
    adjustment: NDArray[np.float64] = -check_tau(tau) * log_prior(class_counts) + 0.0
    return adjustment
