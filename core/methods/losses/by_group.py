"""Objectives over groups: one number from the losses of the groups of a batch."""

from typing import Any, Self

import keras
import numpy as np
from keras import ops
from numpy.typing import ArrayLike

from core.errors import MethodError
from core.language import gettext, ngettext
from core.methods.checks import FROM_ZERO, check_number
from core.methods.losses.base import Tensor, WrappingLoss

PACKAGE = "equipoise"


def split_groups(y_true: Tensor) -> tuple[Tensor, Tensor | None]:
    """Split targets from groups.

    Parameters
    ----------
    y_true : array, shape (n, 2), or (n,) or (n, 1)
        Targets with the group beside them, or targets alone.

    Returns
    -------
    targets, groups
        Arrays of shapes (n, 1) and (n,), int32; or the targets as they are, and None.

    Examples
    --------
    >>> targets, groups = split_groups(ops.array([[7.0, 0.0], [9.0, 1.0]]))
    >>> float(targets[1, 0]), int(groups[1])
    (9.0, 1)
    """
    if len(y_true.shape) < 2 or y_true.shape[-1] != 2:
        return y_true, None
    return y_true[:, :1], ops.cast(y_true[:, 1], "int32")


def group_means(
    values: Tensor, groups: Tensor, weights: Tensor, *, num_groups: int
) -> tuple[Tensor, Tensor]:
    """Mean loss of each group of a batch.

    Parameters
    ----------
    values : float array, shape (n,)
        Loss of each image.
    groups : int array, shape (n,)
    weights : float array, shape (n,)
        Weight of each image, at least 0.
    num_groups : int

    Returns
    -------
    means : float array, shape (num_groups,)
        ``sum w l / sum w`` over the images of the group; 0 for a group without images.
    present : bool array, shape (num_groups,)
        Whether the batch has an image of the group with a weight above 0.

    Examples
    --------
    >>> values, groups = ops.array([1.0, 3.0, 5.0]), ops.array([0, 0, 1])
    >>> means, present = group_means(values, groups, ops.ones(3), num_groups=3)
    >>> [float(mean) for mean in means], [bool(flag) for flag in present]
    ([2.0, 5.0, 0.0], [True, True, False])
    """
    member = ops.one_hot(groups, num_groups, dtype=values.dtype) * weights[:, None]
    mass = ops.sum(member, axis=0)
    present = mass > 0
    totals = ops.sum(member * values[:, None], axis=0)
    return totals / ops.where(present, mass, ops.ones_like(mass)), present


def loss_gap(means: Tensor, present: Tensor) -> Tensor:
    """Largest mean loss of a group less the smallest; 0 with fewer than two groups.

    Parameters
    ----------
    means, present : arrays, shape (groups,)
        As ``group_means`` gives them.

    Examples
    --------
    >>> present = ops.array([True, True, False])
    >>> float(loss_gap(ops.array([2.0, 5.0, 0.0]), present))
    3.0
    """
    # Larger than every loss, but finite: the gradient of an infinity is NaN.
    beyond = ops.full_like(means, 1e30)
    largest = ops.max(ops.where(present, means, -beyond))
    smallest = ops.min(ops.where(present, means, beyond))
    any_there = ops.any(present)
    return ops.where(any_there, largest - smallest, ops.zeros_like(largest))


class GroupObjective(WrappingLoss):
    """Base of the objectives: a loss of images, and a rule over groups.

    A call with targets and groups applies the rule; a call with targets alone, as in
    validation, returns the mean of the loss.

    Parameters
    ----------
    base : keras.losses.Loss
        One value an image.
    group_counts : int array, shape (groups,)
        Training images of each group, each at least 1.
    name, dtype
        As for every Keras loss.

    Raises
    ------
    MethodError
        If there are fewer than two groups, or one is empty.

    Notes
    -----
    Sample weights weigh the images of a group against one another. If all images of a
    group weigh the same, its mean loss is the plain one.
    """

    def __init__(
        self,
        base: keras.losses.Loss,
        group_counts: ArrayLike,
        *,
        name: str,
        dtype: str | None = None,
    ) -> None:
        super().__init__(base, name=name, dtype=dtype)
        self.group_counts = _check_group_counts(group_counts)

    @property
    def learned(self) -> tuple[keras.layers.Layer, ...]:
        """Layers that a training model must hold as its own: the base loss's."""
        return tuple(getattr(self.base, "learned", ()))

    def over(self, base: keras.losses.Loss) -> Self:
        """The same objective, its state shared, over another loss."""
        # Keras copies by serializing: such a copy would have a state of its own.
        other = object.__new__(type(self))
        other.__dict__.update(self.__dict__, base=base)
        return other

    def __call__(
        self, y_true: Tensor, y_pred: Tensor, sample_weight: Tensor = None
    ) -> Tensor:
        """The value that training minimises, a scalar."""
        targets, groups = split_groups(ops.convert_to_tensor(y_true, dtype=self.dtype))
        if groups is None:
            return self.base(targets, y_pred, sample_weight)
        y_pred = ops.convert_to_tensor(y_pred, dtype=self.dtype)
        values = ops.reshape(self.base.call(targets, y_pred), (-1,))
        weights = (
            ops.ones_like(values)
            if sample_weight is None
            else ops.reshape(ops.cast(sample_weight, values.dtype), (-1,))
        )
        means, present = group_means(
            values, groups, weights, num_groups=len(self.group_counts)
        )
        return self.combine(ops.mean(values * weights), means, present)

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        """The base loss, one value an example, shape (n,)."""
        targets, _ = split_groups(ops.convert_to_tensor(y_true))
        return ops.reshape(self.base.call(targets, y_pred), (-1,))

    def combine(self, mean: Tensor, means: Tensor, present: Tensor) -> Tensor:
        """The value that training minimises, a scalar.

        Parameters
        ----------
        mean : scalar
            Weighted loss of the batch.
        means, present : arrays, shape (groups,)
            As ``group_means`` gives them.
        """
        raise NotImplementedError

    def get_config(self) -> dict[str, Any]:
        """The arguments of ``__init__``, as plain values."""
        return {**super().get_config(), "group_counts": self.group_counts.tolist()}


@keras.saving.register_keras_serializable(PACKAGE)
class FairnessPenalty(GroupObjective):
    """The mean loss plus the gap between the groups of the batch.

    Parameters
    ----------
    base, group_counts, name, dtype
        See ``GroupObjective``.
    strength : float, at least 0
        The penalty's lambda: 0 is the base loss.

    Raises
    ------
    MethodError
        As ``GroupObjective``; or if the strength is below 0 or not finite.

    Notes
    -----
    ``mean_i w_i l_i + lambda (max_g m_g - min_g m_g)``, ``m_g`` the mean loss of group
    g in the batch. Groups without an image in the batch are left out, and with one
    group the penalty is 0. Source: Donini et al., NeurIPS 2018. They limit the
    difference between two groups' risks on positive images. Departures: a penalty in
    place of the limit, over all images, and over any number of groups.

    Examples
    --------
    Group 0 has an error of 1 and group 1 of 3: mean 2, gap 2.

    >>> loss = FairnessPenalty(keras.losses.MeanAbsoluteError(), [5, 5], strength=3.0)
    >>> targets = np.array([[0.0, 0.0], [0.0, 1.0]])
    >>> float(loss(targets, np.array([[1.0], [3.0]])))
    8.0
    """

    def __init__(
        self,
        base: keras.losses.Loss,
        group_counts: ArrayLike,
        *,
        strength: float = 1.0,
        name: str = "fairness_penalty",
        dtype: str | None = None,
    ) -> None:
        super().__init__(base, group_counts, name=name, dtype=dtype)
        self.strength = _check_from_zero("strength of the fairness penalty", strength)

    def combine(self, mean: Tensor, means: Tensor, present: Tensor) -> Tensor:
        """The mean loss and its penalty."""
        return mean + self.strength * loss_gap(means, present)

    def get_config(self) -> dict[str, Any]:
        """The arguments of ``__init__``, as plain values."""
        return {**super().get_config(), "strength": self.strength}


@keras.saving.register_keras_serializable(PACKAGE)
class GroupShares(keras.layers.Layer):
    """Weight of each group in group DRO: the paper's q, kept as logarithms.

    Parameters
    ----------
    groups : int
    """

    def __init__(self, groups: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.groups = groups
        self.log_q = self.add_weight(
            name="log_q",
            shape=(groups,),
            initializer=keras.initializers.Constant(-float(np.log(groups))),
            trainable=False,
            dtype="float32",
            autocast=False,
        )
        self.built = True

    @property
    def shares(self) -> Tensor:
        """The current shares, shape (groups,); they sum to 1."""
        return ops.softmax(ops.convert_to_tensor(self.log_q))

    def raise_by(self, raised: Tensor) -> Tensor:
        """Multiply the shares by ``exp(raised)``; return them, summing to 1."""
        log_q = ops.log_softmax(self.log_q + ops.cast(raised, "float32"))
        self.log_q.assign(log_q)
        return ops.exp(log_q)

    def get_config(self) -> dict[str, Any]:
        """The arguments of ``__init__``: a copy starts with equal shares."""
        return {**super().get_config(), "groups": self.groups}


@keras.saving.register_keras_serializable(PACKAGE)
class GroupDRO(GroupObjective):
    """Group DRO: the groups with the largest losses count more and more.

    Parameters
    ----------
    base, group_counts, name, dtype
        See ``GroupObjective``.
    step_size : float, at least 0
        The paper's eta_q: 0 counts every group the same.
    adjustment : float, at least 0
        The paper's C: ``C / sqrt(n_g)`` is added to the loss of a group before its
        share is updated, so that small groups gain more.

    Raises
    ------
    MethodError
        As ``GroupObjective``; or if a parameter is below 0 or not finite.

    Attributes
    ----------
    shares : GroupShares
        State of the training, saved and restored with the model.

    Notes
    -----
    At every step, for the groups of the batch, ``q_g <- q_g exp(eta (m_g + C /
    sqrt(n_g)))``, then all are divided by their sum. Training minimises
    ``sum_g q_g m_g``, with m_g the mean loss of group g in the batch. Source: Sagawa
    et al., ICLR 2020, algorithm 1 and eq. 5, in mini-batches as in the authors' code.
    Departures: the logarithm of q is kept, so that no share becomes 0; and the
    adjustment does not raise a group without an image in the batch, as in the
    algorithm and unlike in the code. The sampling by group is left to a sampler.

    Examples
    --------
    With step size 0 both groups keep a share of 1/2, and errors of 1 and 3 make 2:

    >>> loss = GroupDRO(keras.losses.MeanAbsoluteError(), [5, 5], step_size=0.0)
    >>> targets = np.array([[0.0, 0.0], [0.0, 1.0]])
    >>> round(float(loss(targets, np.array([[1.0], [3.0]]))), 4)
    2.0
    """

    def __init__(
        self,
        base: keras.losses.Loss,
        group_counts: ArrayLike,
        *,
        step_size: float = 0.01,
        adjustment: float = 0.0,
        name: str = "group_dro",
        dtype: str | None = None,
    ) -> None:
        super().__init__(base, group_counts, name=name, dtype=dtype)
        self.step_size = _check_from_zero("step size of group DRO", step_size)
        self.adjustment = _check_from_zero("adjustment of group DRO", adjustment)
        self.shares = GroupShares(len(self.group_counts), name=f"{name}_shares")

    @property
    def learned(self) -> tuple[keras.layers.Layer, ...]:
        """The shares, and what the base loss learns."""
        return (*super().learned, self.shares)

    def combine(self, mean: Tensor, means: Tensor, present: Tensor) -> Tensor:
        """Raise the shares by the groups' losses, and weigh the losses by them."""
        added = self.adjustment / np.sqrt(self.group_counts)
        seen = ops.stop_gradient(means) + ops.convert_to_tensor(added, means.dtype)
        raised = self.step_size * ops.where(present, seen, ops.zeros_like(seen))
        shares = ops.cast(self.shares.raise_by(raised), means.dtype)
        return ops.sum(shares * means)

    def get_config(self) -> dict[str, Any]:
        """The arguments of ``__init__``: a copy starts with equal shares."""
        return {
            **super().get_config(),
            "step_size": self.step_size,
            "adjustment": self.adjustment,
        }


def _check_group_counts(group_counts: ArrayLike) -> Any:
    counts = np.asarray(group_counts)
    problem = ""
    if counts.ndim != 1:
        problem = gettext(
            "The training images of the groups are not one number for each."
        )
    elif counts.size < 2:
        problem = gettext("The training images are all of one group.")
    elif empty := int((counts < 1).sum()):
        problem = ngettext(
            "{count} of {all} groups has no training image.",
            "{count} of {all} groups have no training image.",
            empty,
            all=int(counts.size),
        )
    if problem:
        raise MethodError(
            problem,
            expected=gettext("at least two groups, each with a training image."),
            remedy=gettext("choose other groups, or another study."),
        )
    return counts.astype(np.int64)


def _check_from_zero(what: str, value: float) -> float:
    return check_number(f"The {what}", value, FROM_ZERO)
