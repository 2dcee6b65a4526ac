"""Saved models built again: one after the other, or many of one backbone at once."""

from __future__ import annotations

import json
import tempfile
import warnings
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

# They register the layers that runs are saved with.
import core.models.backbones
import core.models.heads  # noqa: F401
from core.errors import RunError
from core.kept_results import kept_or_computed
from core.models.model_file import (
    DAMAGE,
    WEIGHTS,
    ModelFile,
    damaged,
    fingerprint_config,
    read_config,
)

Tensor = Any

# The word in a configuration that stands for the output of a layer.
_TENSOR = "__keras_tensor__"
# The place where Keras puts the weights of the nested model.
_NESTED = "layers/functional/"
# Weights that are not in a file keep their initial values: 0, 1, or a random number
# that is not whole.
_FIRST_NUMBER = 2


def load_model(path: Path) -> keras.Model:
    """Load an inference model, uncompiled and in safe mode.

    Raises
    ------
    RunError
        As ``read_config``, or if the file is damaged.

    Notes
    -----
    Keras finds the classes of a transformer in KerasHub, and imports it for these
    files only: it takes long.
    """
    read_config(path)
    try:
        return keras.saving.load_model(path, compile=False, safe_mode=True)
    except DAMAGE:
        raise damaged(path) from None


def fingerprint_architecture(model: keras.Model) -> str:
    """Fingerprint of a model as ``read_architecture`` gives it of a saved one."""
    config = keras.saving.serialize_keras_object(model)
    # As in a file: JSON has lists where the configuration has tuples.
    return fingerprint_config(json.loads(json.dumps(config)))


@dataclass
class Group:
    """Trained models of one architecture.

    Parameters
    ----------
    template : keras.Model
        A model of that architecture; its weights are not looked at.
    backbone, head : keras.Model or None
        Its two parts, which share its layers: pixels to features, shape (n, channels),
        and from there to the answers. None if it is not made of two. Groups whose
        backbones are of one architecture have the same one.
    members : list of int
        Place of each model among all: in the list that was loaded.
    weights : list of list of array
        Of each model, in the order of ``template.weights``.
    pictures : int
        Which of the pictures these models take, where several kinds are given.
    """

    template: keras.Model
    backbone: keras.Model | None = None
    head: keras.Model | None = None
    members: list[int] = field(default_factory=list)
    weights: list[list[NDArray[Any]]] = field(default_factory=list)
    pictures: int = 0

    def select(self, places: Mapping[int, int], *, pictures: int) -> Group:
        """Those of the models that ``places`` gives another place, there."""
        rows = [row for row, member in enumerate(self.members) if member in places]
        return Group(
            self.template,
            self.backbone,
            self.head,
            [places[self.members[row]] for row in rows],
            [self.weights[row] for row in rows],
            pictures,
        )


def load_groups(
    files: Sequence[Future[ModelFile]],
    *,
    loading: Callable[[int], None] = lambda place: None,
) -> tuple[list[Group], dict[int, RunError]]:
    """Load models, building each architecture, and each backbone, only once.

    Parameters
    ----------
    files : sequence of Future
        From ``read_ahead``.
    loading : callable
        Called with the place of each before it is loaded.

    Returns
    -------
    groups : list of Group
    faults : dict of int to RunError
        Place of each file that could not be loaded, with the reason.
    """
    groups: dict[str, _Growing] = {}
    backbones: dict[str, _Backbone] = {}
    faults: dict[int, RunError] = {}
    for index, each in enumerate(files):
        loading(index)
        try:
            file = each.result()
            architecture = fingerprint_config(file.config)
            if architecture not in groups:
                groups[architecture] = _begin(file, backbones)
            weights = groups[architecture].weights_of(file)
        except RunError as fault:
            faults[index] = fault
            continue
        group = groups[architecture].group
        group.members.append(index)
        group.weights.append(weights)
    return [each.group for each in groups.values()], faults


@dataclass(frozen=True)
class _Growing:
    """A group that is being loaded, and where its weights are in its files."""

    group: Group
    places: tuple[str, ...]

    def weights_of(self, file: ModelFile) -> list[NDArray[Any]]:
        """Weights of a file of this architecture, as the template has them.

        Raises
        ------
        RunError
            If they are not all there.
        """
        found = []
        pairs = zip(self.places, self.group.template.weights, strict=True)
        for place, variable in pairs:
            values = file.arrays.get(place)
            if values is None or values.shape != tuple(variable.shape):
                raise damaged(file.path)
            found.append(values.astype(variable.dtype, copy=False))
        return found


@dataclass(frozen=True)
class _Backbone:
    """A backbone with its input, its output and the place of its weights."""

    model: keras.Model
    pixels: Tensor
    features: Tensor
    places: tuple[str, ...]


def _begin(file: ModelFile, backbones: dict[str, _Backbone]) -> _Growing:
    """Build the architecture of a file, and find out where its weights are."""
    try:
        built = _build_apart(file, backbones)
        if built is None:
            template = keras.saving.deserialize_keras_object(dict(file.config))
            built = _Growing(Group(template), _find_places(template, file))
    except DAMAGE:
        raise damaged(file.path) from None
    return built


def _build_apart(file: ModelFile, backbones: dict[str, _Backbone]) -> _Growing | None:
    """Build a model of a backbone and heads; None if it is not made of these two."""
    inner = file.config.get("config")
    if not (isinstance(inner, dict) and _is_backbone_and_heads(inner)):
        return None
    first, backbone, *rest = inner["layers"]
    key = fingerprint_config([first["config"], backbone["config"]])
    if key not in backbones:
        backbones[key] = _build_backbone(first, backbone, file)
    known = backbones[key]
    made = _call_layers(rest, {backbone["name"]: known.features})
    answers = {task: made[name] for task, (name, *_) in inner["output_layers"].items()}
    template = keras.Model(known.pixels, answers, name=inner["name"])
    head = keras.Model(known.features, answers)
    # Keras finds the weights in a file by the order of the layers.
    order = [each["name"] for each in rest]
    for model in (template, head):
        if [layer.name for layer in model.layers[-len(order) :]] != order:
            return None
    of_head = _find_places(head, file, without=_NESTED)
    variables = [*known.model.weights, *head.weights]
    places = dict(zip(map(id, variables), (*known.places, *of_head), strict=True))
    return _Growing(
        Group(template, known.model, head),
        tuple(places[id(variable)] for variable in template.weights),
    )


def _call_layers(
    layers: Sequence[Mapping[str, Any]], given: Mapping[str, Tensor]
) -> dict[str, Tensor]:
    """Outputs of layers by name, from the outputs of the layers before by name."""
    made = dict(given)
    for each in layers:
        (node,) = each["inbound_nodes"]
        layer = keras.saving.deserialize_keras_object(dict(each))
        args, kwargs = (_resolve(node[name], made) for name in ("args", "kwargs"))
        made[each["name"]] = layer(*args, **kwargs)
    return made


def _build_backbone(
    first: Mapping[str, Any], backbone: Mapping[str, Any], file: ModelFile
) -> _Backbone:
    model = keras.saving.deserialize_keras_object(dict(backbone))
    shape, dtype = first["config"]["batch_shape"], first["config"]["dtype"]
    pixels = keras.Input(batch_shape=tuple(shape), dtype=dtype, name=first["name"])
    places = _find_places(model, file, within=_NESTED)
    return _Backbone(model, pixels, model(pixels), places)


def _is_backbone_and_heads(config: Mapping[str, Any]) -> bool:
    """Whether a nested model takes the pixels, and all other layers its features."""
    layers = config.get("layers") or []
    kinds = [each.get("class_name") for each in layers]
    if kinds[:2] != ["InputLayer", "Functional"] or "Functional" in kinds[2:]:
        return False
    first, backbone, *rest = layers
    read = {name for each in rest for name in _sources(each["inbound_nodes"])}
    return (
        _sources(backbone["inbound_nodes"]) == [first["name"]]
        and first["name"] not in read
        and all(len(each["inbound_nodes"]) == 1 for each in rest)
        and isinstance(config.get("output_layers"), dict)
    )


def _sources(given: Any) -> list[str]:
    """Names of the layers whose tensors are among the arguments of a layer."""
    if isinstance(given, list):
        return [name for each in given for name in _sources(each)]
    if not isinstance(given, dict):
        return []
    if given.get("class_name") == _TENSOR:
        return [given["config"]["keras_history"][0]]
    return [name for each in given.values() for name in _sources(each)]


def _resolve(given: Any, made: Mapping[str, Tensor]) -> Any:
    """Arguments of a layer, with tensors in place of their stand-ins."""
    if isinstance(given, list):
        return [_resolve(each, made) for each in given]
    if not isinstance(given, dict):
        return given
    if given.get("class_name") == _TENSOR:
        return made[given["config"]["keras_history"][0]]
    return {name: _resolve(each, made) for name, each in given.items()}


def _find_places(
    model: keras.Model, file: ModelFile, *, within: str = "", without: str = ""
) -> tuple[str, ...]:
    """Places of the weights of a model in a file that holds it.

    They depend on the architecture alone. They are kept, as Keras takes long to find
    them.

    Parameters
    ----------
    model : keras.Model
        Is given other weights, or keeps its own.
    file : ModelFile
    within, without : str, optional
        Only places that begin so, and that do not.

    Raises
    ------
    ValueError, KeyError
        If the file has not all of them.
    """
    shapes = {
        place: values.shape
        for place, values in file.arrays.items()
        if place.startswith(within) and not (without and place.startswith(without))
    }
    architecture = fingerprint_architecture(model)
    layers = [layer.name for layer in model.layers]
    key = ("places", architecture, layers, list(shapes.items()), within)
    return kept_or_computed(key, lambda: _read_places(model, shapes, within))


def _read_places(
    model: keras.Model, shapes: Mapping[str, tuple[int, ...]], within: str
) -> tuple[str, ...]:
    """Give the model a file whose arrays hold their own numbers, and read these.

    Afterwards each of its weights says which array it came from.
    """
    import h5py

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / WEIGHTS
        with h5py.File(path, "w") as numbered:
            for number, place in enumerate(shapes, start=_FIRST_NUMBER):
                shape, name = shapes[place], place.removeprefix(within)
                numbered.create_dataset(name, shape, np.float32, fillvalue=number)
        with warnings.catch_warnings():
            # Keras warns of missing weights; they are found below.
            warnings.simplefilter("ignore")
            model.load_weights(path)
    known = {float(n): place for n, place in enumerate(shapes, start=_FIRST_NUMBER)}
    numbers = [float(np.ravel(values)[0]) for values in model.get_weights()]
    if len(set(numbers)) < len(numbers):
        raise ValueError("Weights of the model are not in the file.")
    return tuple(known[number] for number in numbers)
