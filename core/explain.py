"""Where each model looked: Grad-CAM for CNNs, attention rollout for transformers.

A map explains a model and not the picture: it says which places an answer hangs on,
and not whether the answer is right.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import reduce
from math import isqrt
from typing import Any, Protocol

import keras
import numpy as np
from keras import ops
from numpy.typing import ArrayLike, NDArray
from PIL import Image

from core.errors import EquipoiseError
from core.models.ensemble import Part
from core.models.heads import answer_layer
from core.predictor import Predictor
from core.tasks import Binary, Multiclass, Task

GRAD_CAM, ROLLOUT = "Grad-CAM", "attention rollout"
# They change the size of feature maps or nothing at all: Grad-CAM is taken before.
_SUMMARIES = (
    keras.layers.AveragePooling2D,
    keras.layers.Dropout,
    keras.layers.GlobalAveragePooling2D,
    keras.layers.GlobalMaxPooling2D,
    keras.layers.MaxPooling2D,
    keras.layers.SpatialDropout2D,
)
# By name: KerasHub does not export it, and who has no transformer need not import it.
_ENCODER = "ViTEncoder"
# Between a transformer's features and their recomputation, relative to the largest.
_TOLERANCE = 1e-4

Tensor = Any


@dataclass(frozen=True)
class Explanation:
    """Where one model looked.

    Parameters
    ----------
    method : str
    seed : int
        Of the model that is explained: the first of the method's.
    technique : str
        ``GRAD_CAM`` or ``ROLLOUT``.
    heat : float32 array, shape (size, size)
        From 0 to 1, the largest; 0 everywhere where nothing speaks for the answer.
    grid : tuple of two int
        Rows and columns of the map before it was enlarged: it knows nothing finer.
    """

    method: str
    seed: int
    technique: str
    heat: NDArray[np.float32] = field(repr=False, compare=False)
    grid: tuple[int, int]

    @property
    def is_of_the_answer(self) -> bool:
        """Whether another task or class could give another map."""
        return self.technique == GRAD_CAM


class Technique(Protocol):
    """Turns pixels into a small map, with the weights that are in scope."""

    name: str

    def __call__(self, pixels: Tensor, selection: Tensor) -> Tensor:
        """Explain pictures.

        Parameters
        ----------
        pixels : tensor, shape (n, size, size, 3)
            In 0..255.
        selection : tensor, shape (values,)
            Factor of each value of each task, one task after the other, in the score
            that is explained.

        Returns
        -------
        tensor, shape (n, rows, columns)
            At least 0.
        """


class Explainer:
    """Explains one model a method, those of a study in one compiled graph.

    The models are a predictor's, whose weights are not copied.

    Parameters
    ----------
    predictor : Predictor

    Attributes
    ----------
    methods : tuple of str
        Those whose model can be explained.
    problems : dict of str to str
        Every other method, and why it cannot.

    Raises
    ------
    EquipoiseError
        If Keras runs on another backend than TensorFlow.

    Notes
    -----
    Of a method's seeds the first is explained: the mean over them would be the map of
    no model, and would blur what each looks at.
    """

    def __init__(self, predictor: Predictor) -> None:
        self._tasks = predictor.tasks
        self.problems: dict[str, str] = {}
        first: dict[str, int] = {}
        for place, (method, _) in enumerate(predictor.members):
            first.setdefault(method, place)
        members = {place: predictor.members[place] for place in first.values()}
        self._parts = tuple(self._explained(predictor.ensemble.parts, members))
        self._compute = _compile(
            lambda pictures, selections: [
                part.compute(*given)
                for part, *given in zip(self._parts, pictures, selections, strict=True)
            ]
        )
        explained = {method for part in self._parts for method, _ in part.members}
        self.methods = tuple(m for m in predictor.methods if m in explained)

    def _explained(
        self, parts: Sequence[Part], members: Mapping[int, tuple[str, int]]
    ) -> Iterator[_ExplainedPart]:
        for part in parts:
            rows = tuple(r for r, place in enumerate(part.members) if place in members)
            who = tuple(members[part.members[row]] for row in rows)
            if not who:
                continue
            try:
                technique = find_technique(part.template, self._tasks)
            except EquipoiseError as fault:
                self.problems |= {method: str(fault) for method, _ in who}
            else:
                yield _ExplainedPart(part, technique, rows, who)

    def explain(
        self,
        seen: Mapping[str, NDArray[np.uint8]],
        task: Task,
        classes: Mapping[str, str] | None = None,
    ) -> dict[str, Explanation]:
        """Explain what every method says of one picture.

        Parameters
        ----------
        seen : mapping of str to uint8 array, shape (size, size, 3)
            Method to what its models saw, as ``FaceAnswers`` has it.
        task : Task
            One of the predictor's.
        classes : mapping of str to str, optional
            Method to the class that is explained: each of ``methods``, where the task
            is a classification.

        Returns
        -------
        dict of str to Explanation
            One for each of ``methods``.
        """
        pictures, selections = [], []
        for part in self._parts:
            names = [method for method, _ in part.members]
            # Members of a part have one preprocessing.
            pictures.append(ops.convert_to_tensor(seen[names[0]][None]))
            chosen = [
                select_score(self._tasks, task, (classes or {}).get(name))
                for name in names
            ]
            selections.append(ops.convert_to_tensor(np.stack(chosen)))
        found = {}
        for part, maps in zip(
            self._parts, self._compute(pictures, selections), strict=True
        ):
            small = ops.convert_to_numpy(maps)[:, 0]
            for (method, seed), each in zip(part.members, small, strict=True):
                heat = enlarge(each, len(seen[method]))
                found[method] = Explanation(
                    method, seed, part.technique.name, heat, each.shape
                )
        return {method: found[method] for method in self.methods}


@dataclass(frozen=True)
class _ExplainedPart:
    """Some members of a part of an ensemble, and how they are explained."""

    part: Part
    technique: Technique
    rows: tuple[int, ...]
    members: tuple[tuple[str, int], ...]

    def compute(self, pixels: Tensor, selections: Tensor) -> Tensor:
        """Maps of the members, shape (members, n, rows, columns)."""
        import tensorflow as tf

        pixels = ops.cast(pixels, "float32")

        def explain(given: tuple[Tensor, Tensor]) -> Tensor:
            row, selection = given
            weights = self.part.weights_of(row)
            mapping = list(zip(self.part.template.weights, weights, strict=True))
            with keras.StatelessScope(state_mapping=mapping):
                return self.technique(pixels, selection)

        rows = ops.convert_to_tensor(self.rows, "int32")
        # Keras's own map traces what it maps twice.
        return tf.map_fn(explain, (rows, selections), fn_output_signature=tf.float32)


class GradCAM:
    """Gradient-weighted class activation maps, for CNNs.

    Parameters
    ----------
    model : keras.Model
        An inference model of ours.
    tasks : sequence of Task
        What it answers.

    Raises
    ------
    EquipoiseError
        If there are no feature maps that all answers go through.

    Notes
    -----
    Source: Selvaraju et al., ICCV 2017, eq. 1 and 2: each of the last feature maps
    counts by the mean over its places of the gradient of a class's logit, and of their
    weighted sum what is above 0 is kept. Departures: for one of two classes the logit
    is that of this class over the other; for a number the gradient is its own, so that
    the map shows what raises it.

    The last maps are those before anything pools or flattens them. A model that hangs
    on one place lights up there alone; where all that the maps hold speaks against the
    answer, the map is 0 everywhere.
    """

    name = GRAD_CAM

    def __init__(self, model: keras.Model, tasks: Sequence[Task]) -> None:
        path = _find_layer(model, _makes_maps)
        if not path:
            raise _cannot_explain("it has no feature maps")
        self._answers = [answer_layer(task.name) for task in tasks]
        try:
            self._before, self._after = _split(model, path, self._answers)
        except (KeyError, ValueError):  # no such layer; not connected
            raise _cannot_explain("its answers come not from feature maps") from None

    def __call__(self, pixels: Tensor, selection: Tensor) -> Tensor:
        """As ``Technique`` says."""
        import tensorflow as tf

        maps = _run(self._before, pixels)
        with tf.GradientTape() as tape:
            tape.watch(maps)
            scores = _run(self._after, maps)
            values = ops.concatenate([scores[name] for name in self._answers], axis=-1)
            score = ops.sum(values * selection)
        weights = ops.mean(tape.gradient(score, maps), axis=(1, 2), keepdims=True)
        return ops.relu(ops.sum(weights * maps, axis=-1))


class AttentionRollout:
    """How much of each patch reaches the class token, for KerasHub's ViT.

    Parameters
    ----------
    model : keras.Model
        An inference model of ours.

    Raises
    ------
    EquipoiseError
        If it has no such transformer, or one that computes otherwise.

    Notes
    -----
    Source: Abnar and Zuidema, ACL 2020, section 3: the attention of each layer,
    averaged over its heads, plus the identity for what passes by it, its rows
    normalised to sum to 1, multiplied through the layers; of the product the row of
    the class token, over the patches. Departures: none. It knows of no task and no
    class.

    Where every token attends to all alike, so does the map: it is the same everywhere.
    """

    name = ROLLOUT

    def __init__(self, model: keras.Model) -> None:
        path = _find_layer(model, _is_encoder)
        if not path:
            raise _cannot_explain("it has no transformer of KerasHub's")
        self._before = _lead_to(model, path)
        self._encoder = path[-1]
        self._check_recomputation(model)

    def __call__(self, pixels: Tensor, selection: Tensor) -> Tensor:
        """As ``Technique`` says, whatever is selected."""
        _, attention = self._recompute(_run(self._before, pixels))
        row = rollout(attention)[:, 0, 1:]
        side = isqrt(row.shape[-1])
        return ops.reshape(row, (-1, side, side))

    def _recompute(self, tokens: Tensor) -> tuple[Tensor, list[Tensor]]:
        """The encoder's output, and what each of its layers attends to."""
        attention = []
        for block in self._encoder.encoder_layers:
            x = block.layer_norm_1(tokens)
            x, scores = block.mha(x, x, return_attention_scores=True, training=False)
            tokens = tokens + x
            tokens = tokens + block.mlp(block.layer_norm_2(tokens))
            attention.append(scores)
        return self._encoder.layer_norm(tokens), attention

    def _check_recomputation(self, model: keras.Model) -> None:
        """A later KerasHub may put its blocks together otherwise."""
        pixels = np.random.default_rng(0).uniform(0, 255, (1, *model.input_shape[1:]))
        tokens = _run(self._before, ops.convert_to_tensor(pixels, "float32"))
        own = ops.convert_to_numpy(self._encoder(tokens, training=False))
        recomputed = ops.convert_to_numpy(self._recompute(tokens)[0])
        patches = own.shape[1] - 1
        if isqrt(patches) ** 2 != patches:
            raise _cannot_explain("it has not a class token and a square of patches")
        if np.abs(recomputed - own).max() > _TOLERANCE * np.abs(own).max():
            raise _cannot_explain("this KerasHub's transformer computes otherwise")


def rollout(attention: Sequence[Tensor]) -> Tensor:
    """Follow attention through the layers of a transformer.

    Parameters
    ----------
    attention : sequence of tensor, shape (n, heads, tokens, tokens)
        Of each layer, the first first; rows sum to 1 over the last axis.

    Returns
    -------
    tensor, shape (n, tokens, tokens)
        Rows sum to 1: the share of each first token in each last one.
    """
    shares = []
    for scores in attention:
        mean = ops.mean(scores, axis=1)
        mixed = mean + ops.eye(mean.shape[-1], dtype=mean.dtype)
        shares.append(mixed / ops.sum(mixed, axis=-1, keepdims=True))
    return reduce(lambda before, layer: ops.matmul(layer, before), shares)


def find_technique(model: keras.Model, tasks: Sequence[Task]) -> Technique:
    """Choose how a model is explained: by its attention if it is a transformer.

    Raises
    ------
    EquipoiseError
        If it can be explained by none.
    """
    if _find_layer(model, _is_encoder):
        return AttentionRollout(model)
    return GradCAM(model, tasks)


def select_score(
    tasks: Sequence[Task], task: Task, wanted: str | None
) -> NDArray[np.float32]:
    """Factors of all values of all tasks, one after the other, in one score.

    Parameters
    ----------
    tasks : sequence of Task
    task : Task
        One of them.
    wanted : str or None
        The class, where the task is a classification.

    Returns
    -------
    float32 array, shape (values,)
        A regression's value counts 1; a class's logit counts 1, that of the first of
        two classes -1, as there is one logit, of the second over the first; all else
        counts 0.
    """
    parts = []
    for each in tasks:
        part = np.zeros(len(each.classes) if isinstance(each, Multiclass) else 1)
        if each.name == task.name:
            if isinstance(each, Multiclass):
                part[each.classes.index(str(wanted))] = 1
            else:
                first = isinstance(each, Binary) and wanted == each.classes[0]
                part[0] = -1 if first else 1
        parts.append(part)
    return np.concatenate(parts).astype(np.float32)


def enlarge(small: ArrayLike, size: int) -> NDArray[np.float32]:
    """Bring a map to the size of the picture and its largest value to 1.

    Parameters
    ----------
    small : float array, shape (rows, columns)
        At least 0.
    size : int
        Side of the result in pixels.

    Returns
    -------
    float32 array, shape (size, size)
        Bilinear between the middles of the cells, from 0 to 1. A map of zeros stays
        one.
    """
    image = Image.fromarray(np.asarray(small, np.float32))
    heat: NDArray[np.float32] = np.asarray(
        image.resize((size, size), Image.Resampling.BILINEAR), np.float32
    )
    scaled: NDArray[np.float32] = heat / max(heat.max(), np.finfo(np.float32).tiny)
    return scaled


@dataclass(frozen=True)
class _Opened:
    """A model whose layers were called anew, with the tensors between them by layer."""

    input: Tensor
    output: Tensor
    into: Mapping[str, Tensor]
    out_of: Mapping[str, Tensor]


def _open(model: keras.Model) -> _Opened:
    into: dict[str, Tensor] = {}
    out_of: dict[str, Tensor] = {}

    def call(layer: keras.layers.Layer, *args: Any, **kwargs: Any) -> Any:
        into[layer.name] = args[0]
        out_of[layer.name] = layer(*args, **kwargs)
        return out_of[layer.name]

    again = keras.models.clone_model(
        model, clone_function=lambda layer: layer, call_function=call
    )
    return _Opened(again.input, again.output, into, out_of)


def _split(
    model: keras.Model, path: Sequence[keras.layers.Layer], answers: Sequence[str] = ()
) -> tuple[list[keras.Model], list[keras.Model]]:
    """Models from the pixels to what a layer makes, and on from there.

    ``path`` leads to the layer through models within the model. The last model gives
    what goes into the layers that ``answers`` names.
    """
    layer, *deeper = path
    opened = _open(model)
    made = opened.out_of[layer.name]
    end = {name: opened.into[name] for name in answers} or opened.output
    after = keras.Model(made, end)
    if not deeper:
        return [keras.Model(opened.input, made)], [after]
    before, within = _split(layer, deeper)
    return [keras.Model(opened.input, opened.into[layer.name]), *before], [
        *within,
        after,
    ]


def _lead_to(
    model: keras.Model, path: Sequence[keras.layers.Layer]
) -> list[keras.Model]:
    """Models from the pixels to what goes into a layer; ``path`` as for ``_split``."""
    layer, *deeper = path
    opened = _open(model)
    first = keras.Model(opened.input, opened.into[layer.name])
    return [first, *_lead_to(layer, deeper)] if deeper else [first]


def _run(steps: Sequence[keras.Model], x: Tensor) -> Tensor:
    for step in steps:
        x = step(x, training=False)
    return x


def _find_layer(
    model: keras.Model, fits: Callable[[keras.layers.Layer], bool]
) -> list[keras.layers.Layer]:
    """The last layer that fits, behind the models within which it is; or nothing."""
    for layer in reversed(model.layers):
        if isinstance(layer, keras.Model):
            if deeper := _find_layer(layer, fits):
                return [layer, *deeper]
        elif fits(layer):
            return [layer]
    return []


def _is_encoder(layer: keras.layers.Layer) -> bool:
    return type(layer).__name__ == _ENCODER


def _makes_maps(layer: keras.layers.Layer) -> bool:
    if isinstance(layer, (keras.layers.InputLayer, *_SUMMARIES)):
        return False
    shape: Any = getattr(layer.output, "shape", ())
    return len(shape) == 4 and shape[1] * shape[2] > 1


def _compile(function: Callable[..., Any]) -> Callable[..., Any]:
    if keras.backend.backend() != "tensorflow":
        raise EquipoiseError(
            f"Models cannot be explained with Keras on {keras.backend.backend()}.",
            expected="KERAS_BACKEND=tensorflow, whose gradients are used.",
            remedy="unset KERAS_BACKEND.",
        )
    import tensorflow as tf

    compiled: Callable[..., Any] = tf.function(function, autograph=False)
    return compiled


def _cannot_explain(why: str) -> EquipoiseError:
    return EquipoiseError(
        f"The model cannot be explained: {why}.",
        expected="one of Equipoise's CNNs, or its ViT.",
        remedy="train the method on one of these backbones.",
    )
