"""Losses that act on the softmax by how common each class is."""

from typing import Any

import keras
from keras import ops
from numpy.typing import ArrayLike

from core.methods.adjustment import check_tau, log_prior
from core.methods.checks import SHARE, check_number
from core.methods.losses.base import FunctionLoss, Tensor
from core.methods.losses.cross_entropy import (
    class_ids,
    class_logits,
    cross_entropy,
    per_class,
)
from core.methods.weights import check_class_counts

# The exponential of this logit is 0, and float32 does not overflow.
_NEVER = -1e30


def balanced_softmax(
    y_true: Tensor, logits: Tensor, *, class_counts: ArrayLike
) -> Tensor:
    """Balanced softmax: cross-entropy of logits raised by the logarithm of the count.

    Parameters
    ----------
    y_true : int array, shape (n,) or (n, 1)
        Class ids.
    logits : float array, shape (n, num_classes), or (n, 1) of a binary task
        As they will be used when the model predicts: without the counts.
    class_counts : int array, shape (num_classes,)
        Training images of each class, each at least 1.

    Returns
    -------
    float array, shape (n,)
        Nats.

    Raises
    ------
    MethodError
        If a class has no image.

    Notes
    -----
    Source: Ren et al., NeurIPS 2020, eq. 4: ``CE(z + ln n)``. Departures: the share
    takes the place of the count, which shifts all logits alike. With equal counts it
    is cross-entropy.

    Examples
    --------
    Equal logits leave the odds of the counts, 3 to 1:

    >>> loss = balanced_softmax([0], [[0.0, 0.0]], class_counts=[30, 10])
    >>> round(float(loss[0]), 4)  # ln(4 / 3)
    0.2877
    """
    return logit_adjusted(y_true, logits, class_counts=class_counts, tau=1.0)


def logit_adjusted(
    y_true: Tensor, logits: Tensor, *, class_counts: ArrayLike, tau: float
) -> Tensor:
    """Logit-adjusted cross-entropy.

    Parameters
    ----------
    y_true : int array, shape (n,) or (n, 1)
        Class ids.
    logits : float array, shape (n, num_classes), or (n, 1) of a binary task
        As they will be used when the model predicts: without the prior.
    class_counts : int array, shape (num_classes,)
        Training images of each class, each at least 1.
    tau : float, at least 0
        0 is cross-entropy, 1 balanced softmax.

    Returns
    -------
    float array, shape (n,)
        Nats.

    Raises
    ------
    MethodError
        If a class has no image, or tau is below 0.

    Notes
    -----
    Source: Menon et al., ICLR 2021, eq. 10: ``CE(z + tau ln prior)``. Departures:
    none. With equal counts it is cross-entropy at any tau.

    Examples
    --------
    Tau 2 squares the odds of the counts, 9 to 1:

    >>> loss = logit_adjusted([0], [[0.0, 0.0]], class_counts=[30, 10], tau=2)
    >>> round(float(loss[0]), 4)  # ln(10 / 9)
    0.1054
    """
    shift = check_tau(tau) * log_prior(class_counts)
    logits = class_logits(logits)
    return cross_entropy(y_true, logits + per_class(shift, logits))


def softmax_equalization(
    y_true: Tensor,
    logits: Tensor,
    *,
    class_counts: ArrayLike,
    mask: Tensor,
    threshold: float,
) -> Tensor:
    """Softmax equalization: images of other classes do not push rare classes down.

    Parameters
    ----------
    y_true : int array, shape (n,) or (n, 1)
        Class ids.
    logits : float array, shape (n, num_classes), or (n, 1) of a binary task
        Before any softmax or sigmoid.
    class_counts : int array, shape (num_classes,)
        Training images of each class, each at least 1.
    mask : array of 0 and 1, shape (n, num_classes) or (num_classes,)
        The paper's beta, drawn with probability gamma. A 1 leaves out the logit of a
        rare class, unless it is the true one.
    threshold : float, in [0, 1]
        The paper's lambda: classes with a smaller share of the images are rare.

    Returns
    -------
    float array, shape (n,)
        Nats.

    Raises
    ------
    MethodError
        If a class has no image, or the threshold is out of range.

    Notes
    -----
    Source: Tan et al., CVPR 2020, eq. 7 and 8: ``ln sum_k w_k e^(z_k) - z_y`` with
    ``w_k = 1 - b_k [f_k < lambda] (1 - y_k)``. Departures: the sum leaves terms out
    rather than multiplying them by 0, and never overflows. Without a masked class it
    is cross-entropy.

    Examples
    --------
    The last of three classes is rare, so two are left:

    >>> counts, logits = [5, 4, 1], [[0.0, 0.0, 0.0]]
    >>> loss = softmax_equalization(
    ...     [0], logits, class_counts=counts, mask=[1, 1, 1], threshold=0.2
    ... )
    >>> round(float(loss[0]), 4)  # ln(2)
    0.6931
    """
    counts = check_class_counts(class_counts)
    rare = counts / counts.sum() < _check_share("threshold", threshold)
    ids = class_ids(y_true)
    logits = class_logits(logits)
    left_out = ops.cast(mask, logits.dtype) * per_class(rare, logits)
    others = 1.0 - ops.one_hot(ids, logits.shape[-1], dtype=logits.dtype)
    kept = ops.where(left_out * others > 0.5, _NEVER, logits)
    return cross_entropy(ids, kept)


def _check_share(name: str, value: float) -> float:
    return check_number(
        f"{name} of softmax equalization", value, SHARE, note="0 is cross-entropy"
    )


@keras.saving.register_keras_serializable(package="equipoise")
class BalancedSoftmax(FunctionLoss):
    """Balanced softmax on logits; see ``balanced_softmax`` for the formula.

    Parameters
    ----------
    class_counts : int array, shape (num_classes,)
        Training images of each class, each at least 1.
    **options
        ``reduction``, ``name`` and ``dtype`` of every Keras loss.

    Examples
    --------
    >>> loss = BalancedSoftmax([30, 10])
    >>> round(float(loss(ops.array([0]), ops.zeros((1, 2)))), 4)  # ln(4 / 3)
    0.2877
    """

    def __init__(self, class_counts: ArrayLike, **options: Any) -> None:
        counts = check_class_counts(class_counts)
        super().__init__(balanced_softmax, {"class_counts": counts}, **options)


@keras.saving.register_keras_serializable(package="equipoise")
class LogitAdjusted(FunctionLoss):
    """Logit-adjusted cross-entropy; see ``logit_adjusted`` for the formula.

    Parameters
    ----------
    class_counts : int array, shape (num_classes,)
        Training images of each class, each at least 1.
    tau : float, at least 0
    **options
        ``reduction``, ``name`` and ``dtype`` of every Keras loss.

    Examples
    --------
    >>> loss = LogitAdjusted([30, 10], tau=2)
    >>> round(float(loss(ops.array([0]), ops.zeros((1, 2)))), 4)  # ln(10 / 9)
    0.1054
    """

    def __init__(
        self, class_counts: ArrayLike, *, tau: float = 1.0, **options: Any
    ) -> None:
        counts = check_class_counts(class_counts)
        super().__init__(
            logit_adjusted, {"class_counts": counts, "tau": check_tau(tau)}, **options
        )


@keras.saving.register_keras_serializable(package="equipoise")
class Draws(keras.layers.Layer):
    """The random numbers of a loss, with a count of those drawn so far.

    Parameters
    ----------
    seed : int, optional
        By default from Keras's global seed.
    """

    def __init__(self, seed: int | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.generator = keras.random.SeedGenerator(seed)
        # Keras keeps no seed that it chose itself, and a copy must draw the same.
        self.seed = int(ops.convert_to_numpy(self.generator.state)[0])
        self.built = True

    def uniform(self, shape: Any, dtype: Any) -> Tensor:
        """The next numbers, evenly spread over [0, 1)."""
        return keras.random.uniform(shape, dtype=dtype, seed=self.generator)

    def get_config(self) -> dict[str, Any]:
        """The arguments of ``__init__``: a copy starts from its first draw."""
        return {**super().get_config(), "seed": self.seed}


@keras.saving.register_keras_serializable(package="equipoise")
class SoftmaxEqualization(FunctionLoss):
    """Softmax equalization with a random mask; see ``softmax_equalization``.

    Parameters
    ----------
    class_counts : int array, shape (num_classes,)
        Training images of each class, each at least 1.
    gamma : float, in [0, 1]
        Probability that an image leaves a rare class alone. Each call of the loss
        draws anew for each image and class.
    threshold : float, in [0, 1]
    seed : int, optional
        Seed of the draws; by default from Keras's global seed, which is a run's.
    **options
        ``reduction``, ``name`` and ``dtype`` of every Keras loss.

    Attributes
    ----------
    draws : Draws
        The source of the masks.
    learned : tuple of keras.layers.Layer
        Layers that a training model must hold as its own, so that a resumed training
        continues with the next draw: a Keras loss keeps no state.

    Examples
    --------
    With gamma 1 every mask leaves out the rare class, and two classes are left:

    >>> loss = SoftmaxEqualization([5, 4, 1], gamma=1.0, threshold=0.2)
    >>> round(float(loss(ops.array([0]), ops.zeros((1, 3)))), 4)  # ln(2)
    0.6931
    """

    def __init__(
        self,
        class_counts: ArrayLike,
        *,
        gamma: float = 0.95,
        threshold: float = 0.005,
        seed: int | None = None,
        **options: Any,
    ) -> None:
        super().__init__(
            softmax_equalization,
            {
                "class_counts": check_class_counts(class_counts),
                "gamma": _check_share("gamma", gamma),
                "threshold": _check_share("threshold", threshold),
                "seed": seed,
            },
            **options,
        )
        self.gamma = float(gamma)
        self.draws = Draws(seed, name=f"{self.name}_draws")
        self.learned = (self.draws,)
        self.parameters["seed"] = self.draws.seed

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        """One value an example, shape (n,)."""
        logits = class_logits(y_pred)
        drawn = self.draws.uniform(ops.shape(logits), logits.dtype)
        return self.masked(y_true, logits, drawn < self.gamma)

    def masked(self, y_true: Tensor, logits: Tensor, mask: Tensor) -> Tensor:
        """One value an example, shape (n,), under a mask that is given."""
        return self.function(y_true, logits, mask=mask, **self.arguments)
