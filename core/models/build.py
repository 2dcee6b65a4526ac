"""A study's model: augmentation, backbone and one head a task."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from math import prod
from pathlib import Path
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from core.models.augmentation import RandomAffine
from core.models.backbones import build_backbone
from core.models.frozen_prefix import Cut, cut_backbone
from core.models.heads import build_head, probabilities
from core.models.mix_images import MixImages
from core.models.saved import load_model
from core.models.transfer import copy_backbone, freeze
from core.study import Augmentation, ModelTable, weights_kind
from core.tasks import Binary, Task


@dataclass(frozen=True)
class Models:
    """Two models of the same weights.

    Parameters
    ----------
    training : keras.Model
        Pixels to a dict of values and logits; augments while training. With ``cut`` it
        takes the outputs of the frozen layers in place of pixels.
    inference : keras.Model
        Pixels to a dict of values and probabilities, in float32; what a run keeps.
    plain : keras.Model
        What the training model trains, without augmentation.
    exact : keras.Model
        The plain model in float32, whose weights are the inference model's; the plain
        model itself unless the training computes in another precision.
    cut : Cut or None
        The backbone in two parts, where the training model has the second alone.
    """

    training: keras.Model
    inference: keras.Model
    plain: keras.Model
    exact: keras.Model
    cut: Cut | None = None

    @property
    def backbone(self) -> keras.Model:
        """The backbone inside what is trained."""
        return next(x for x in self.plain.layers if isinstance(x, keras.Model))

    @property
    def parameters_trained(self) -> int:
        """How many numbers of the model the training changes by their gradients."""
        return sum(prod(weight.shape) for weight in self.plain.trainable_weights)

    def settle(self) -> None:
        """Give the inference model the weights as they are now."""
        # Its own weights are in another order: a head whose logits are scaled comes
        # before one whose are not.
        if self.exact is not self.plain:
            self.exact.set_weights(self.plain.get_weights())


def build_models(
    table: ModelTable,
    tasks: Sequence[Task],
    *,
    augmentation: Augmentation,
    seed: int,
    cosine_scale: Mapping[str, float] | None = None,
    adjustments: Mapping[str, NDArray[np.float64]] | None = None,
    features: Mapping[str, keras.layers.Layer] | None = None,
    learned: Sequence[keras.layers.Layer] = (),
    mixes_images: bool = False,
    precision: str = "float32",
    source: Path | None = None,
    cut: bool = False,
) -> Models:
    """Build the model of one run; the same seed gives the same first weights.

    Parameters
    ----------
    table : ModelTable
        The study's choice of backbone, size and heads.
    tasks : sequence of Task
    augmentation : Augmentation
    seed : int
        Of the first weights, dropout and augmentation.
    cosine_scale : mapping of str to float, optional
        Tasks whose head gives cosines, with the factor that makes them logits.
    adjustments : mapping of str to array, shape (classes,), optional
        What the inference model adds to the logits of a task.
    features : mapping of str to keras.layers.Layer, optional
        What acts on the features before the head of a regression while training; it
        is called with features and targets, and the training model then takes these
        as an input, named as ``target_input`` says.
    learned : sequence of keras.layers.Layer
        What losses learn, or draw at random with: trained and saved with the training
        model.
    mixes_images : bool
        Whether the training model mixes pictures, after each was augmented by itself;
        it then takes the second ones and the plan too, named as ``MIX_INPUTS`` says.
        Not beside ``features``.
    precision : {"float32", "mixed_bfloat16"}
        In which the backbone computes while training.
    source : Path, optional
        What the table's ``weights`` are: the folder of a checkpoint, which is found
        without, or the inference model of a run.
    cut : bool
        Let the training model begin after the frozen layers, if there are some.

    Returns
    -------
    Models
        Inputs of both: pixels, shape (n, image_size, image_size, 3) in 0..255; of a
        training model that is cut, what ``Cut.prefix`` gives.

    Raises
    ------
    StudyError, WeightsError
        As ``build_backbone`` and ``copy_backbone``; or if ``trainable`` asks for more
        blocks than there are.
    """
    scales, adjustments = dict(cosine_scale or {}), adjustments or {}
    keras.utils.set_random_seed(seed)
    pixels, vectors, outputs = _assemble(table, tasks, scales, precision, source)
    plain = exact = keras.Model(pixels, outputs, name="plain")
    if precision != "float32":
        pixels, _, outputs = _assemble(table, tasks, scales, "float32", source)
        exact = keras.Model(pixels, outputs, name="exact")
    answers = {
        task.name: probabilities(
            outputs[task.name],
            task,
            scale=scales.get(task.name, 1.0),
            offset=_offset(task, adjustments.get(task.name)),
        )
        for task in tasks
    }
    inference = keras.Model(pixels, answers, name="inference")
    models = Models(plain, inference, plain, exact)
    parts = cut_backbone(models.backbone, table.trainable) if cut else None
    further: dict[str, keras.KerasTensor] = {}
    if parts is None:
        augment = RandomAffine(**augmentation.model_dump(), seed=seed, name="augment")
        first = keras.Input(pixels.shape[1:], name=PIXELS_INPUT, dtype="uint8")
        start, x = plain.input, augment(first)
        if mixes_images:
            second = keras.Input(pixels.shape[1:], name=MIX_INPUTS[0], dtype="uint8")
            plan = keras.Input((5,), name=MIX_INPUTS[1])
            further = dict(zip(MIX_INPUTS, (second, plan), strict=True))
            x = MixImages(name="mix")(x, augment(second), plan)
    else:
        first = keras.Input(parts.shape, name=FROZEN_INPUT, dtype="float16")
        start, x = vectors, first if parts.suffix is None else parts.suffix(first)
    training = _training_model(
        plain, first, start, x, features or {}, learned, further=further
    )
    return replace(models, training=training, cut=parts)


@keras.saving.register_keras_serializable("equipoise")
class TrainingModel(keras.Model):
    """A functional model that also holds what its losses learn or draw with."""

    def __init__(
        self, inputs: Any, outputs: Any, learned: Sequence[keras.layers.Layer]
    ) -> None:
        super().__init__(inputs, outputs, name="training")
        self.learned = list(learned)


PIXELS_INPUT, FROZEN_INPUT = "raw_pixels", "frozen_features"
MIX_INPUTS = ("second_pixels", "mix_plan")


def target_input(task: str) -> str:
    """Name of the training model's input for the targets of a task."""
    return f"{task}_target"


def _training_model(
    plain: keras.Model,
    first: keras.KerasTensor,
    start: keras.KerasTensor,
    x: keras.KerasTensor,
    features: Mapping[str, keras.layers.Layer],
    learned: Sequence[keras.layers.Layer],
    *,
    further: Mapping[str, keras.KerasTensor],
) -> keras.Model:
    """From the first input to ``x``, which then takes the place of ``start``."""
    inputs = {first.name: first, **further}
    if not features:
        whole = start is plain.input
        rest = plain if whole else keras.Model(start, plain.output, name="heads")
        return TrainingModel(inputs if further else first, rest(x), learned)
    heads = {task: plain.get_layer(task) for task in features}
    before = {f"{task}_features": head.input for task, head in heads.items()}
    both = keras.Model(start, {**plain.output, **before})(x)
    outputs = {task: both[task] for task in plain.output}
    for task, layer in features.items():
        target = keras.Input((1,), name=target_input(task))
        inputs[target_input(task)] = target
        outputs[task] = heads[task](layer(both[f"{task}_features"], target))
    return TrainingModel(inputs, outputs, learned)


def _assemble(
    table: ModelTable,
    tasks: Sequence[Task],
    scales: Mapping[str, float],
    precision: str,
    source: Path | None,
) -> tuple[Any, Any, dict[str, Any]]:
    """Pixels, the backbone's feature vectors, and the output of each task."""
    with _computing_in(precision):
        backbone = build_backbone(
            table.backbone,
            image_size=table.image_size,
            weights=table.weights,
            options=table.options,
            source=source,
        )
    if weights_kind(table.weights) == "run":
        if source is None:
            raise ValueError("The inference model of a run is needed as source.")
        copy_backbone(load_model(source), backbone, weights=table.weights)
    freeze(backbone, table.trainable)
    pixels = keras.Input(backbone.input_shape[1:], name="pixels")
    vectors = x = backbone(pixels)
    if table.feature_dropout:
        x = keras.layers.Dropout(table.feature_dropout)(x)
    outputs = {
        task.name: build_head(
            x,
            task,
            units=table.head_units,
            dropout=table.dropout,
            logarithmic=task.name in table.log_targets,
            cosine=task.name in scales,
        )
        for task in tasks
    }
    return pixels, vectors, outputs


@contextmanager
def _computing_in(precision: str) -> Iterator[None]:
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(precision)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)


def _offset(task: Task, adjustment: NDArray[np.float64] | None) -> list[float]:
    if adjustment is None:
        return []
    # A binary head has one logit: that of the positive class over the other.
    values = np.diff(adjustment) if isinstance(task, Binary) else adjustment
    return [float(value) for value in values]
