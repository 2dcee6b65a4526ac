"""Many trained models as one: a graph that is traced once, not once a model."""

from __future__ import annotations

import hashlib
import json
import tempfile
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import keras
import numpy as np
from keras import ops
from numpy.typing import NDArray

# They register the layers that runs are saved with.
import core.models.backbones
import core.models.heads  # noqa: F401
from core.errors import RunError

# What zipfile, HDF5 and Keras raise on a damaged or foreign file.
_DAMAGE = (
    OSError,
    ValueError,
    TypeError,
    KeyError,
    IndexError,
    AttributeError,
    ImportError,
    RuntimeError,
    zipfile.BadZipFile,
)
_WEIGHTS = "model.weights.h5"
# Keras imports any class of KerasHub that a file names; runs hold its ViT alone.
_HUB, _TRUSTED_HUB = "keras_hub", "keras_hub.src.models.vit."


def load_model(path: Path) -> keras.Model:
    """Load an inference model, uncompiled and in safe mode.

    Raises
    ------
    RunError
        If the file is missing or damaged, or holds what runs do not: a Lambda layer,
        which is code, or a class of KerasHub other than its ViT's.

    Notes
    -----
    Keras finds the classes of a transformer in KerasHub, and imports it for these
    files only: it takes long.
    """
    read_architecture(path)
    try:
        return keras.saving.load_model(path, compile=False, safe_mode=True)
    except _DAMAGE:
        raise _damaged(path) from None


def read_architecture(path: Path) -> str:
    """Fingerprint of a saved model without its weights and its names.

    Parameters
    ----------
    path : Path
        A ``.keras`` file.

    Returns
    -------
    str
        Equal for two models that differ in weights, names and seeds only.

    Raises
    ------
    RunError
        As ``load_model``; nothing of the file is built or run.
    """
    if not path.is_file():
        raise RunError(
            f"There is no {path.name} in {path.parent}.",
            expected="the inference model of the run.",
            remedy="train it again; its results can be read without it.",
        )
    try:
        with zipfile.ZipFile(path) as archive:
            config = json.loads(archive.read("config.json"))
        objects = list(_objects(config))
    except (*_DAMAGE, RecursionError):
        raise _damaged(path) from None
    if any(item.get("class_name") == "Lambda" for item in objects):
        raise RunError(
            f"{path} holds a Lambda layer, which would run code from the file.",
            expected="a model made of Keras's and Equipoise's own layers.",
            remedy="replace the Lambda layer by a layer class and train it again.",
        )
    _check_modules(objects, path)
    return _fingerprint(config)


def fingerprint_architecture(model: keras.Model) -> str:
    """Fingerprint of a model as ``read_architecture`` gives it of a saved one."""
    config = keras.saving.serialize_keras_object(model)
    # As in a file: JSON has lists where the configuration has tuples.
    return _fingerprint(json.loads(json.dumps(config)))


def _fingerprint(config: Mapping[str, Any]) -> str:
    objects = _objects(config)
    names = [item["name"] for item in objects if isinstance(item.get("name"), str)]
    places = {name: f"#{i}" for i, name in enumerate(dict.fromkeys(names))}
    text = json.dumps(_rename(config, places), sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def _check_modules(objects: Sequence[Mapping[str, Any]], path: Path) -> None:
    modules = {m for item in objects if isinstance(m := item.get("module"), str)}
    hub = {m for m in modules if m.partition(".")[0] == _HUB}
    foreign = sorted(m for m in hub if not m.startswith(_TRUSTED_HUB))
    if foreign:
        raise RunError(
            f"{path} holds classes of {', '.join(foreign)}.",
            expected="a model made of Keras's and Equipoise's own layers and "
            "KerasHub's ViT.",
            remedy="train it again with one of Equipoise's backbones.",
        )


@dataclass
class Group:
    """Trained models of one architecture.

    Parameters
    ----------
    template : keras.Model
        One of them; its weights are not looked at.
    members : list of int
        Place of each model among all: in the list that was loaded.
    weights : list of list of array
        Of each model, in the order of ``template.weights``.
    pictures : int
        Which of the pictures these models take, where several kinds are given.
    """

    template: keras.Model
    members: list[int] = field(default_factory=list)
    weights: list[list[NDArray[Any]]] = field(default_factory=list)
    pictures: int = 0

    def select(self, places: Mapping[int, int], *, pictures: int) -> Group:
        """Those of the models that ``places`` gives another place, there."""
        rows = [row for row, member in enumerate(self.members) if member in places]
        return Group(
            self.template,
            [places[self.members[row]] for row in rows],
            [self.weights[row] for row in rows],
            pictures,
        )


@dataclass(frozen=True)
class Part:
    """A group inside an ensemble: its weights are one stack a weight.

    Parameters
    ----------
    template : keras.Model
    members : tuple of int
        Place of each model among all of the ensemble.
    stacks : tuple of keras.Variable, each of shape (members, ...)
        In the order of ``template.weights``.
    pictures : int
        Which of the pictures these models take.
    """

    template: keras.Model
    members: tuple[int, ...]
    stacks: tuple[Any, ...]
    pictures: int

    def weights_of(self, row: Any) -> list[Any]:
        """Weights of the member at a place in this part, which may be a tensor."""
        return [ops.take(stack, row, axis=0) for stack in self.stacks]


def load_groups(
    paths: Sequence[Path], *, loading: Callable[[int], None] = lambda place: None
) -> tuple[list[Group], dict[int, RunError]]:
    """Load models, building each architecture only once.

    Parameters
    ----------
    paths : sequence of Path
        ``.keras`` files.
    loading : callable
        Called with the place of each before it is loaded.

    Returns
    -------
    groups : list of Group
    faults : dict of int to RunError
        Place of each path that could not be loaded, with the reason.
    """
    groups: dict[str, Group] = {}
    faults: dict[int, RunError] = {}
    for index, path in enumerate(paths):
        loading(index)
        try:
            architecture = read_architecture(path)
            if architecture in groups:
                _load_weights(groups[architecture].template, path)
            else:
                groups[architecture] = Group(load_model(path))
        except RunError as fault:
            faults[index] = fault
            continue
        group = groups[architecture]
        group.members.append(index)
        group.weights.append(group.template.get_weights())
    return list(groups.values()), faults


class Ensemble(keras.Model):
    """Trained models that answer together, one after the other in one graph.

    Parameters
    ----------
    groups : sequence of Group
        Each with one input, and a dict of outputs whose keys and shapes are the same
        in all of them.

    Notes
    -----
    Models of one architecture are one template whose weights are stacked and mapped
    over: tracing takes time and memory by the architectures, not by the models.
    """

    def __init__(self, groups: Sequence[Group]) -> None:
        super().__init__()
        self.templates = [group.template for group in groups]
        self.stacks = [
            self._stack(number, group.weights) for number, group in enumerate(groups)
        ]
        self._members = [tuple(group.members) for group in groups]
        self._pictures = [group.pictures for group in groups]
        self.order = np.argsort(np.concatenate(self._members)).tolist()
        self.trainable = False
        # XLA takes minutes over the graph on a CPU, to save milliseconds.
        self.jit_compile = False

    @property
    def parts(self) -> tuple[Part, ...]:
        """The groups, as they are inside."""
        return tuple(
            Part(template, tuple(members), tuple(stacks), pictures)
            for template, members, stacks, pictures in zip(
                self.templates, self._members, self.stacks, self._pictures, strict=True
            )
        )

    def _stack(self, number: int, weights: list[list[NDArray[Any]]]) -> list[Any]:
        variables = []
        for index, values in enumerate(zip(*weights, strict=True)):
            stack = np.stack(values)
            variable = self.add_weight(
                shape=stack.shape,
                dtype=stack.dtype.name,
                trainable=False,
                name=f"stack_{number}_{index}",
            )
            variable.assign(stack)
            variables.append(variable)
        return variables

    def call(
        self, pictures: Sequence[keras.KerasTensor]
    ) -> dict[str, keras.KerasTensor]:
        """Pictures to outputs, shape (models, n, values).

        Of each kind of pictures pixels, shape (n, size, size, 3). The models are in
        the order of their places.
        """
        answers = [_map(part, pictures[part.pictures]) for part in self.parts]
        return {
            key: ops.take(
                ops.concatenate([answer[key] for answer in answers]), self.order, axis=0
            )
            for key in answers[0]
        }


def _map(part: Part, pixels: keras.KerasTensor) -> Any:
    """Outputs of the template with each of the stacked weights in turn."""
    pixels = ops.cast(pixels, "float32")

    def answer(weights: Sequence[Any]) -> Any:
        mapping = list(zip(part.template.weights, weights, strict=True))
        with keras.StatelessScope(state_mapping=mapping):
            return part.template(pixels, training=False)

    return ops.map(answer, [ops.convert_to_tensor(stack) for stack in part.stacks])


def _load_weights(model: keras.Model, path: Path) -> None:
    """Load the weights of a ``.keras`` file into a model of its architecture.

    They are unpacked first: Keras goes back and forth in them, and each step back
    would unpack them from their beginning.
    """
    try:
        with tempfile.TemporaryDirectory() as folder, zipfile.ZipFile(path) as archive:
            model.load_weights(archive.extract(_WEIGHTS, folder))
    except _DAMAGE:
        raise _damaged(path) from None


def _objects(config: Any) -> Iterator[Mapping[str, Any]]:
    """Every table of a nested configuration, outermost first."""
    if isinstance(config, dict):
        yield config
        for value in config.values():
            yield from _objects(value)
    elif isinstance(config, list):
        for value in config:
            yield from _objects(value)


def _rename(config: Any, places: Mapping[str, str]) -> Any:
    """Names by the place where they first occur; without what is of one process."""
    if isinstance(config, dict):
        dropped = ("seed", "compile_config", "shared_object_id")
        return {k: _rename(v, places) for k, v in config.items() if k not in dropped}
    if isinstance(config, list):
        return [_rename(value, places) for value in config]
    return places.get(config, config) if isinstance(config, str) else config


def _damaged(path: Path) -> RunError:
    return RunError(
        f"{path} is damaged or is no Keras model that can be loaded safely.",
        expected="the inference model of the run, as Equipoise saved it.",
        remedy="train it again, or delete the folder.",
    )
