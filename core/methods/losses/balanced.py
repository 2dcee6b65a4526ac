"""Losses that act on the softmax by how common each class is."""

from typing import Any

import keras
from keras import ops
from numpy.typing import ArrayLike

from core.errors import MethodError
from core.methods.adjustment import check_tau, log_prior
from core.methods.losses.cross_entropy import (
    Tensor,
    class_ids,
    class_logits,
    cross_entropy,
    per_class,
)
from core.methods.weights import check_class_counts

# A logit that no sum of exponentials sees, and far from overflow in float32.
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
    is used in place of the count, which shifts all logits alike. With equal counts it
    is cross-entropy.
    """
    return logit_adjusted(y_true, logits, class_counts=class_counts, tau=1.0)


def logit_adjusted(
    y_true: Tensor, logits: Tensor, *, class_counts: ArrayLike, tau: float = 1.0
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
    """
    shift = check_tau(tau) * log_prior(class_counts)
    logits = class_logits(logits)
    return cross_entropy(y_true, logits + per_class(shift, logits))


def check_share(name: str, value: float) -> float:
    """Return a parameter of softmax equalization if it is a share.

    Raises
    ------
    MethodError
        If it is outside [0, 1].
    """
    if not 0 <= value <= 1:
        raise MethodError(
            f"{name} of softmax equalization is {value}.",
            expected="a number from 0 to 1; at 0 it is cross-entropy.",
        )
    return float(value)


def softmax_equalization(
    y_true: Tensor,
    logits: Tensor,
    *,
    class_counts: ArrayLike,
    mask: Tensor,
    threshold: float = 0.005,
) -> Tensor:
    """Softmax equalization: rare classes are not pushed down by the images of others.

    Parameters
    ----------
    y_true : int array, shape (n,) or (n, 1)
        Class ids.
    logits : float array, shape (n, num_classes), or (n, 1) of a binary task
        Before any softmax or sigmoid.
    class_counts : int array, shape (num_classes,)
        Training images of each class, each at least 1.
    mask : array of 0 and 1, shape (n, num_classes) or (num_classes,)
        The paper's beta, drawn with probability gamma: where it is 1 and the class is
        rare, its logit is left out, unless it is the true one.
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
    rather than multiplying them by 0, and never overflows. Where nothing is masked it
    is cross-entropy.
    """
    counts = check_class_counts(class_counts)
    rare = counts / counts.sum() < check_share("threshold", threshold)
    ids = class_ids(y_true)
    logits = class_logits(logits)
    left_out = ops.cast(mask, logits.dtype) * per_class(rare, logits)
    others = 1.0 - ops.one_hot(ids, logits.shape[-1], dtype=logits.dtype)
    kept = ops.where(left_out * others > 0.5, _NEVER, logits)
    return cross_entropy(ids, kept)


@keras.saving.register_keras_serializable(package="equipoise")
class BalancedSoftmax(keras.losses.Loss):
    """Balanced softmax on logits; see ``balanced_softmax`` for the formula.

    Parameters
    ----------
    class_counts : int array, shape (num_classes,)
        Training images of each class, each at least 1.
    reduction, name, dtype
        As for every Keras loss.
    """

    def __init__(
        self,
        class_counts: ArrayLike,
        *,
        reduction: str | None = "sum_over_batch_size",
        name: str = "balanced_softmax",
        dtype: str | None = None,
    ) -> None:
        super().__init__(name=name, reduction=reduction, dtype=dtype)
        self.class_counts = check_class_counts(class_counts)

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        """One value an example, shape (n,)."""
        return balanced_softmax(y_true, y_pred, class_counts=self.class_counts)

    def get_config(self) -> dict[str, Any]:
        """What is needed to make the same loss again."""
        return {
            **super().get_config(),
            "class_counts": self.class_counts.tolist(),
            "dtype": self.dtype,
        }


@keras.saving.register_keras_serializable(package="equipoise")
class LogitAdjusted(keras.losses.Loss):
    """Logit-adjusted cross-entropy; see ``logit_adjusted`` for the formula.

    Parameters
    ----------
    class_counts : int array, shape (num_classes,)
        Training images of each class, each at least 1.
    tau : float, at least 0
    reduction, name, dtype
        As for every Keras loss.
    """

    def __init__(
        self,
        class_counts: ArrayLike,
        *,
        tau: float = 1.0,
        reduction: str | None = "sum_over_batch_size",
        name: str = "logit_adjusted",
        dtype: str | None = None,
    ) -> None:
        super().__init__(name=name, reduction=reduction, dtype=dtype)
        self.class_counts = check_class_counts(class_counts)
        self.tau = check_tau(tau)

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        """One value an example, shape (n,)."""
        return logit_adjusted(
            y_true, y_pred, class_counts=self.class_counts, tau=self.tau
        )

    def get_config(self) -> dict[str, Any]:
        """What is needed to make the same loss again."""
        return {
            **super().get_config(),
            "class_counts": self.class_counts.tolist(),
            "tau": self.tau,
            "dtype": self.dtype,
        }


@keras.saving.register_keras_serializable(package="equipoise")
class Draws(keras.layers.Layer):
    """The random numbers of a loss, and how many of them it has drawn.

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
        """What ``__init__`` takes: a copy starts from its first draw."""
        return {**super().get_config(), "seed": self.seed}


@keras.saving.register_keras_serializable(package="equipoise")
class SoftmaxEqualization(keras.losses.Loss):
    """Softmax equalization with a random mask; see ``softmax_equalization``.

    Parameters
    ----------
    class_counts : int array, shape (num_classes,)
        Training images of each class, each at least 1.
    gamma : float, in [0, 1]
        Probability that an image leaves a rare class alone, drawn anew for each image
        and class whenever the loss is computed.
    threshold : float, in [0, 1]
    seed : int, optional
        Of the draws; by default from Keras's global seed, and so from a run's.
    reduction, name, dtype
        As for every Keras loss.

    Attributes
    ----------
    draws : Draws
        What the masks are drawn with.
    learned : tuple of keras.layers.Layer
        What a training model must hold as its own, so that a training that is taken
        up again goes on with the next draw: a Keras loss keeps no state.
    """

    def __init__(
        self,
        class_counts: ArrayLike,
        *,
        gamma: float = 0.95,
        threshold: float = 0.005,
        seed: int | None = None,
        reduction: str | None = "sum_over_batch_size",
        name: str = "softmax_equalization",
        dtype: str | None = None,
    ) -> None:
        super().__init__(name=name, reduction=reduction, dtype=dtype)
        self.class_counts = check_class_counts(class_counts)
        self.gamma = check_share("gamma", gamma)
        self.threshold = check_share("threshold", threshold)
        self.draws = Draws(seed, name=f"{name}_draws")
        self.learned = (self.draws,)

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        """One value an example, shape (n,)."""
        logits = class_logits(y_pred)
        drawn = self.draws.uniform(ops.shape(logits), logits.dtype)
        return self.masked(y_true, logits, drawn < self.gamma)

    def masked(self, y_true: Tensor, logits: Tensor, mask: Tensor) -> Tensor:
        """One value an example, shape (n,), under a mask that is given."""
        return softmax_equalization(
            y_true,
            logits,
            class_counts=self.class_counts,
            mask=mask,
            threshold=self.threshold,
        )

    def get_config(self) -> dict[str, Any]:
        """What is needed to make the same loss again, from its first draw."""
        return {
            **super().get_config(),
            "class_counts": self.class_counts.tolist(),
            "gamma": self.gamma,
            "threshold": self.threshold,
            "seed": self.draws.seed,
            "dtype": self.dtype,
        }
