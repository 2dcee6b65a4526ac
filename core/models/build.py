"""A study's model: augmentation, backbone and one head a task."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import keras

from core.models.augmentation import RandomAffine
from core.models.backbones import build_backbone
from core.models.heads import build_head, probabilities
from core.study import Augmentation, ModelTable
from core.tasks import Task


@dataclass(frozen=True)
class Models:
    """Two models over the same weights.

    Parameters
    ----------
    training : keras.Model
        Pixels to a dict of values and logits; augments while training.
    inference : keras.Model
        Pixels to a dict of values and probabilities; what a run keeps.
    """

    training: keras.Model
    inference: keras.Model


def build_models(
    table: ModelTable,
    tasks: Sequence[Task],
    *,
    augmentation: Augmentation,
    seed: int,
    cosine_scale: Mapping[str, float] | None = None,
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

    Returns
    -------
    Models
        Inputs of both: pixels, shape (n, image_size, image_size, 3) in 0..255.
    """
    cosine_scale = cosine_scale or {}
    keras.utils.set_random_seed(seed)
    shape = (table.image_size, table.image_size, 3)
    backbone = build_backbone(
        table.backbone, image_size=table.image_size, weights=table.weights
    )
    pixels = keras.Input(shape, name="pixels")
    features = backbone(pixels)
    outputs = {
        task.name: build_head(
            features,
            task,
            units=table.head_units,
            dropout=table.dropout,
            logarithmic=task.name in table.log_targets,
            cosine=task.name in cosine_scale,
        )
        for task in tasks
    }
    plain = keras.Model(pixels, outputs, name="plain")
    answers = {
        task.name: probabilities(
            outputs[task.name], task, scale=cosine_scale.get(task.name, 1.0)
        )
        for task in tasks
    }
    inference = keras.Model(pixels, answers, name="inference")
    raw = keras.Input(shape, name="raw_pixels", dtype="uint8")
    augmented = RandomAffine(**augmentation.model_dump(), seed=seed, name="augment")(
        raw
    )
    return Models(keras.Model(raw, plain(augmented), name="training"), inference)
