"""Curves of the effect of a method on an image, computed by the functions that train.

Every value comes from a loss, weights or a sampler as training calls them, in float64;
a derivative is the central difference of that same function. Importing this module is
cheap; the first loss imports Keras.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from core.language import N_
from core.methods.entries import ENTRIES
from core.methods.entry import HEAD, Entry, HeadName, Value
from core.methods.registry import Part, validate_parameters
from core.methods.weights import check_class_counts
from core.tasks import Binary, Multiclass, Regression, Task

Floats = NDArray[np.float64]

# Step of a logit for derivatives: with logits scaled by 30 their error is below 1e-6.
STEP = 1e-5
LEAST_PROBABILITY = 1e-8
# Images in the batch with which a loss over a whole batch is plotted.
BATCH = 128
# A loss with random masks is plotted as its mean over this many masks, or over fewer if
# there would be more logits than below: a slider must not wait.
MASKS = 1000
MOST_LOGITS = 2**19

Quantity = Literal["weight", "margin", "shift"]

_TEXTBOOK = "Bishop, Neural Networks for Pattern Recognition, Oxford, 1995"
_PLAIN = N_("Every image counts the same: what training minimises without a remedy.")
_LONG_TAIL = N_("With a long tail, most of its sum comes from the common classes.")

_CROSS_ENTROPY = Entry(
    name="cross-entropy",
    label=N_("Cross-entropy"),
    paper=_TEXTBOOK,
    year=1995,
    summary=_PLAIN,
    part="loss",
    task_kinds=("multiclass",),
    parameters=(),
    needs=(),
    builder="core.methods.curves:build_cross_entropy",
    formula=r"L = -\ln p_y, \quad p = \operatorname{softmax}(z)",
    traps=(_LONG_TAIL,),
)
_BINARY_CROSS_ENTROPY = Entry(
    name="binary-cross-entropy",
    label=N_("Binary cross-entropy"),
    paper=_TEXTBOOK,
    year=1995,
    summary=_PLAIN,
    part="loss",
    task_kinds=("binary",),
    parameters=(),
    needs=(),
    builder="core.methods.curves:build_binary_cross_entropy",
    formula=r"L = -y \ln p - (1 - y) \ln (1 - p), \quad p = 1 / (1 + e^{-z})",
    traps=(_LONG_TAIL,),
)
_ABSOLUTE = Entry(
    name="absolute-error",
    label=N_("Absolute error"),
    paper="Boscovich, De litteraria expeditione, 1757",
    year=1757,
    summary=N_("An error costs its size: large errors pull no harder than small ones."),
    part="loss",
    task_kinds=("regression",),
    parameters=(),
    needs=(),
    builder="keras.losses:MeanAbsoluteError",
    formula=r"L = |\hat{y} - y|",
    traps=(N_("It aims at the median, which a rare target hardly moves."),),
)
_LOGARITHMIC = Entry(
    name="log-absolute-error",
    label=N_("Absolute error of the logarithm"),
    paper=(
        "Törnqvist et al., How Should Relative Changes Be Measured?, The American "
        "Statistician 39, 1985"
    ),
    year=1985,
    summary=N_("A relative error costs the same at every target."),
    part="loss",
    task_kinds=("regression",),
    parameters=(),
    needs=(),
    builder="core.methods.losses.regression:LogAbsoluteError",
    formula=r"L = |\ln \hat{y} - \ln y|",
    traps=(N_("Large targets are fitted loosely."), N_("Targets must be above 0.")),
)
_SQUARED = Entry(
    name="squared-error",
    label=N_("Squared error"),
    paper="Legendre, Nouvelles méthodes pour la détermination des orbites, 1805",
    year=1805,
    summary=N_("An error costs its square: large errors lead."),
    part="loss",
    task_kinds=("regression",),
    parameters=(),
    needs=(),
    builder="keras.losses:MeanSquaredError",
    formula=r"L = (\hat{y} - y)^2",
    traps=(N_("A few wrong labels can lead the whole training."),),
)
# Losses that training minimises without a remedy, and those that textbooks compare them
# with. They are not in the registry, because no study needs to name them.
USUAL: dict[str, Entry] = {
    entry.name: entry
    for entry in (
        _CROSS_ENTROPY,
        _BINARY_CROSS_ENTROPY,
        _ABSOLUTE,
        _LOGARITHMIC,
        _SQUARED,
    )
}


@dataclass(frozen=True)
class Curve:
    """A loss and its derivative along a line.

    Parameters
    ----------
    x : float64 array, shape (points,)
        Probability of the true class, or error in the unit of the task.
    loss : float64 array, shape (points,)
        In nats (times a weight), or in the unit of the regression loss.
    gradient : float64 array, shape (points,)
        Derivative by the true class's logit, at the scale of the softmax, or by the
        prediction. Below 0, training raises the logit or the prediction.
    """

    x: Floats
    loss: Floats
    gradient: Floats


def entries_of(task: Task) -> dict[str, Entry]:
    """The usual losses, then the registry's entries, that a task may be used with."""
    return {
        name: entry
        for name, entry in (*USUAL.items(), *ENTRIES.items())
        if task.kind in entry.task_kinds
    }


def part_of(
    entry: Entry, task: Task, parameters: Mapping[str, Value] | None = None
) -> Part:
    """An entry on a task, its parameters checked and defaults filled in.

    Raises
    ------
    MethodError
        If a parameter is unknown, of the wrong type or outside its range.
    """
    values = validate_parameters(entry, parameters or {})
    head: HeadName = values.pop(HEAD, "logits")  # type: ignore[assignment]
    return Part(entry, task.name, values, head)


def usual_loss(task: Task, *, logarithmic: bool = False) -> Entry:
    """The loss that training minimises on a task whose method names none."""
    if isinstance(task, Regression):
        return _LOGARITHMIC if logarithmic else _ABSOLUTE
    return _BINARY_CROSS_ENTROPY if isinstance(task, Binary) else _CROSS_ENTROPY


def build_cross_entropy() -> Any:
    """Keras's cross-entropy of several classes, on logits."""
    import keras

    return keras.losses.SparseCategoricalCrossentropy(from_logits=True)


def build_binary_cross_entropy() -> Any:
    """Keras's cross-entropy of two classes, on the positive one's logit."""
    import keras

    return keras.losses.BinaryCrossentropy(from_logits=True)


def build_loss(part: Part, class_counts: ArrayLike | None) -> Any:
    """The Keras loss of a part, as training builds it."""
    if "class counts" in part.entry.needs:
        return part.build(np.asarray(class_counts))
    return part.build()


def probability_line(points: int = 400) -> Floats:
    """Probabilities from 1e-8 to nearly 1, dense at 0 in decades and even above 0.1."""
    low = np.geomspace(LEAST_PROBABILITY, 0.1, points * 5 // 8, endpoint=False)
    return np.concatenate([low, np.linspace(0.1, 0.9995, points - len(low))])


def loss_curve(
    part: Part,
    task: Binary | Multiclass,
    class_counts: ArrayLike,
    *,
    true_class: int,
    probabilities: ArrayLike,
) -> Curve:
    """Loss of one image against the probability that the model gives its class.

    Parameters
    ----------
    part : Part
        A loss; or class weights, which are applied to the usual cross-entropy.
    task : Binary or Multiclass
    class_counts : int array, shape (num_classes,)
        Training images of each class, each at least 1.
    true_class : int
        Class of the image.
    probabilities : float array, shape (points,)
        Between 0 and 1. The rest is spread evenly over the other classes.

    Returns
    -------
    Curve
        Missing (NaN) where cosine logits cannot reach the probability. For a loss with
        random masks, the mean over many masks, which are the same at every point.

    Raises
    ------
    MethodError
        If a class has no image, or a parameter is out of range.
    """
    p = np.asarray(probabilities, dtype=np.float64)
    labels = np.full(p.shape, true_class)
    loss, gradient = _losses(part, task, class_counts, labels, p)
    return Curve(p, loss, gradient)


def loss_by_class(
    part: Part,
    task: Binary | Multiclass,
    class_counts: ArrayLike,
    *,
    probability: float,
) -> tuple[Floats, Floats]:
    """Loss and derivative of an image of each class, all at one probability.

    Returns
    -------
    pair of float64 arrays, each of shape (num_classes,)
        As in ``loss_curve``; computed on one batch with an image of each class.
    """
    labels = np.arange(len(task.classes))
    p = np.full(labels.shape, probability)
    return _losses(part, task, class_counts, labels, p)


def _losses(
    part: Part,
    task: Binary | Multiclass,
    class_counts: ArrayLike,
    labels: NDArray[np.int64],
    p: Floats,
) -> tuple[Floats, Floats]:
    counts = check_class_counts(class_counts, names=task.classes)
    weights = np.ones(len(labels))
    if part.entry.part == "weights":
        weights = class_weights(part, counts)[labels]
        part = part_of(usual_loss(task), task)
    scale = part.scale
    # How far the true class's logit is above all the others'.
    lead = np.log(p) - np.log1p(-p) + np.log(len(task.classes) - 1)
    if part.head == "cosine":
        # Two cosines are at most 2 apart.
        weights = np.where(np.abs(lead) <= 2 * scale, weights, np.nan)
    moved = np.concatenate([lead, lead + STEP, lead - STEP])
    y_true, logits = _images(task, np.tile(labels, 3), moved)
    values = _call(build_loss(part, counts), y_true, logits / scale)
    at, above, below = values.reshape(3, -1)
    return at * weights, (above - below) / (2 * STEP) * weights


def _images(
    task: Binary | Multiclass, labels: NDArray[np.int64], lead: Floats
) -> tuple[NDArray[Any], Floats]:
    """Targets and logits of images, in the shapes of training."""
    if isinstance(task, Binary):
        y_true = labels[:, None].astype(np.float64)
        return y_true, np.where(y_true == 1, lead[:, None], -lead[:, None])
    logits = np.zeros((len(labels), len(task.classes)))
    logits[np.arange(len(labels)), labels] = lead
    return labels, logits


def _call(loss: Any, y_true: NDArray[Any], y_pred: Floats) -> Floats:
    """One value an example, shape (n,), as float64."""
    import keras

    masks = _masks_for(loss, y_pred)
    if masks is None:
        values = keras.ops.convert_to_numpy(loss.call(y_true, y_pred))
        return np.asarray(values, dtype=np.float64).reshape(-1)
    many = np.tile(y_true, len(masks)), np.tile(y_pred, (len(masks), 1))
    values = loss.masked(*many, np.repeat(masks, len(y_pred), axis=0))
    values = np.asarray(keras.ops.convert_to_numpy(values), dtype=np.float64)
    means: Floats = values.reshape(len(masks), -1).mean(axis=0)
    return means


def _masks_for(loss: Any, logits: Floats) -> NDArray[np.bool_] | None:
    """Masks for the curve of a loss, shape (masks, classes); None without masks.

    Separate masks for each image would make a curve noisy, and its derivative more so.
    The share of the masks that leave out a class is that of training.
    """
    if not hasattr(loss, "masked"):
        return None
    number = min(MASKS, max(1, MOST_LOGITS // logits.size))
    rng = np.random.default_rng(0)
    even = (np.arange(number) + rng.random((logits.shape[1], 1))) / number
    drawn = rng.permuted(even, axis=1).T
    return np.asarray(drawn < loss.gamma)


def class_weights(
    part: Part, class_counts: ArrayLike, *, names: Sequence[str] | None = None
) -> Floats:
    """Weight of an image of each class.

    Parameters
    ----------
    part : Part
    class_counts : int array, shape (num_classes,)
    names : sequence of str, optional
        Of the classes, for weights that know them by their names.

    Returns
    -------
    float64 array, shape (num_classes,)
        Mean 1 over the training images.
    """
    counts = check_class_counts(class_counts)
    classes = np.arange(len(counts)) if names is None else np.array(names)
    labels = np.repeat(classes, counts)
    weights = np.asarray(part.build(labels), dtype=np.float64)
    first = np.concatenate([[0], np.cumsum(counts)[:-1]])
    by_class: Floats = weights[first] / float(weights.mean())
    return by_class


def class_values(
    part: Part, task: Binary | Multiclass, class_counts: ArrayLike
) -> dict[Quantity, Floats]:
    """Values of a part for each class: a weight, a margin, or a shift of its logit.

    Parameters
    ----------
    part : Part
        Weights, a loss or an adjustment.
    task : Binary or Multiclass
    class_counts : int array, shape (num_classes,)

    Returns
    -------
    dict of quantity to float64 array, shape (num_classes,)
        "weight": factor on the loss of an image. "margin": amount by which the true
        class's logit must exceed the others, in the unit of the logits before scaling.
        "shift": values added to the logits, with mean 0 over the classes; by a loss
        while training, by an adjustment in the finished model. Quantities that the
        part does not have are left out.
    """
    counts = check_class_counts(class_counts, names=task.classes)
    if part.entry.part == "weights":
        return {"weight": class_weights(part, counts)}
    if part.entry.part == "adjustment":
        added = np.asarray(part.build(counts), dtype=np.float64)
        return {"shift": added - added.mean()}
    if part.entry.part != "loss":
        return {}
    loss = build_loss(part, counts)
    found: dict[Quantity, Any] = {
        "weight": getattr(loss, "class_weight", None),
        "margin": getattr(loss, "margins", None),
        "shift": _shift_of(loss, task),
    }
    return {
        quantity: np.asarray(values, dtype=np.float64)
        for quantity, values in found.items()
        if values is not None
    }


def _shift_of(loss: Any, task: Binary | Multiclass) -> Floats | None:
    """Shift of the logits by a loss, if it is cross-entropy of shifted logits.

    At equal logits such a loss is a constant less the shift. Other logits show whether
    the loss is of this kind.
    """
    if isinstance(task, Binary):
        return None
    labels = np.arange(len(task.classes))
    shift = -_call(loss, labels, np.zeros((len(labels), len(labels))))
    shift -= shift.mean()
    logits = np.random.default_rng(0).normal(size=(len(labels), len(labels)))
    plain = _call(build_cross_entropy(), labels, logits + shift)
    found = np.allclose(_call(loss, labels, logits), plain, rtol=1e-6, atol=1e-9)
    return shift if found and np.ptp(shift) > 1e-9 else None


def drawn_images(
    part: Part, class_counts: ArrayLike, *, seed: int
) -> NDArray[np.int64]:
    """Images of each class in one epoch, as a sampler draws them.

    Parameters
    ----------
    seed : int
        Seed of the draw: the sampler itself runs once.

    Returns
    -------
    int64 array, shape (num_classes,)
        For mixed images, the sums of their shares, rounded.
    """
    counts = check_class_counts(class_counts)
    labels = np.repeat(np.arange(len(counts)), counts)
    drawn = part.build(labels, np.random.default_rng(seed))
    if part.entry.pixels != "kept":
        shown: Floats = drawn.images_by_class(labels, len(counts))
        return np.rint(shown).astype(np.int64)
    return np.bincount(labels[drawn], minlength=len(counts)).astype(np.int64)


def error_curve(
    part: Part,
    task: Regression,
    targets: ArrayLike,
    *,
    true_value: float,
    errors: ArrayLike,
    seed: int = 0,
) -> Curve:
    """Loss of one image against the error of its prediction.

    Parameters
    ----------
    part : Part
        A regression loss.
    task : Regression
    targets : float array, shape (n,)
        Training targets. A loss over a whole batch sees the image beside 127 others,
        which are drawn from the targets and predicted exactly.
    true_value : float
        Target of the image, in the unit of the task.
    errors : float array, shape (points,)
        Prediction minus truth, ascending, at least two.
    seed : int
        Seed of the batch.

    Returns
    -------
    Curve
        Missing (NaN) where the prediction would leave the range of the task.
    """
    errors = np.asarray(errors, dtype=np.float64)
    loss = build_loss(part, None)
    truth = np.full_like(errors, true_value)
    predicted = np.clip(truth + errors, task.minimum, task.maximum)
    inside = (truth + errors >= task.minimum) & (truth + errors <= task.maximum)
    kept = np.where(inside, 1.0, np.nan)
    others = np.random.default_rng(seed).choice(np.asarray(targets), BATCH - 1)
    if _looks_at_the_batch(loss, true_value, others):
        values = np.array([_in_batch(loss, true_value, p, others) for p in predicted])
        return Curve(errors, values * kept, np.gradient(values, errors) * kept)
    at, above, below = (
        _call(loss, truth[:, None], (predicted + step)[:, None])
        for step in (0.0, STEP, -STEP)
    )
    return Curve(errors, at * kept, (above - below) / (2 * STEP) * kept)


def _looks_at_the_batch(loss: Any, true_value: float, others: Floats) -> bool:
    image = np.array([[true_value]], dtype=np.float64)
    alone = _call(loss, image, image)[0]
    return bool(abs(alone - _in_batch(loss, true_value, true_value, others)) > 1e-9)


def _in_batch(loss: Any, true_value: float, prediction: float, others: Floats) -> float:
    truth = np.concatenate([[true_value], others])[:, None]
    predicted = np.concatenate([[prediction], others])[:, None]
    return float(_call(loss, truth, predicted)[0])


def target_weights(part: Part, targets: ArrayLike) -> Floats:
    """Weight of every training image of a regression task, shape (n,), mean 1."""
    weights = np.asarray(part.build(np.asarray(targets)), dtype=np.float64)
    return weights / float(weights.mean())
