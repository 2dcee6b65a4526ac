"""Many trained models as one graph, which computes their shared parts once."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from functools import partial
from itertools import accumulate, takewhile
from math import prod
from typing import Any

import keras
import numpy as np
from keras import ops
from numpy.typing import NDArray

from core.models.frozen_prefix import Cut, cut_backbone
from core.models.map_rows import map_in_turn
from core.models.saved import Group
from core.models.transfer import blocks

Tensor = Any
Arrays = Sequence[NDArray[Any]]
Scope = list[tuple[Any, Tensor]]
"""Variables, each with a value to have in place of its own."""


class Ensemble(keras.Model):
    """Trained models that answer together in one graph.

    Parameters
    ----------
    groups : sequence of Group
        Each with one input, and a dict of outputs whose keys and shapes are the same
        in all of them.

    Notes
    -----
    The first blocks of a backbone are computed once for all models in which their
    weights are equal, as they are where these blocks did not learn. The rest of a
    backbone is one template, as is each kind of heads, whose weights are stacked and
    mapped over: tracing takes time and memory by the architectures, not by the models.
    """

    def __init__(self, groups: Sequence[Group]) -> None:
        super().__init__()
        backbones = {
            id(group.backbone): group.backbone
            for group in groups
            if group.backbone is not None
        }
        self._backbones = {
            key: Backbone(model, [g for g in groups if g.backbone is model])
            for key, model in backbones.items()
        }
        self.parts = tuple(
            Part(group, self._backbones.get(id(group.backbone))) for group in groups
        )
        members = [member for part in self.parts for member in part.members]
        self.order = np.argsort(members).tolist()
        self.trainable = False
        # XLA takes minutes over the graph on a CPU, to save milliseconds.
        self.jit_compile = False

    def call(
        self, pictures: Sequence[keras.KerasTensor]
    ) -> dict[str, keras.KerasTensor]:
        """Pictures to outputs, shape (models, n, values).

        Pixels of each kind of pictures, shape (n, size, size, 3). The models are in the
        order of their places.
        """
        features: dict[tuple[int, int], Tensor] = {}
        answers = []
        for part in self.parts:
            pixels = ops.cast(pictures[part.pictures], "float32")
            if part.backbone is None:
                answers.append(part.answers(pixels))
                continue
            key = (id(part.backbone), part.pictures)
            if key not in features:
                features[key] = part.backbone.features(pixels)
            answers.append(part.answers(features[key]))
        return {
            key: ops.take(
                ops.concatenate([answer[key] for answer in answers]), self.order, axis=0
            )
            for key in answers[0]
        }


class Backbone:
    """A backbone with the weights of several models.

    Parameters
    ----------
    model : keras.Model
        Keeps the weights that are equal in all of them.
    groups : sequence of Group
        All of those with this backbone.

    Attributes
    ----------
    row_of : dict of int to int
        Member of a group to its row among what ``features`` gives; models whose
        backbones are equal have one.
    """

    def __init__(self, model: keras.Model, groups: Sequence[Group]) -> None:
        weights: dict[int, Arrays] = {
            member: _values_of(model, group.template, values)
            for group in groups
            for member, values in zip(group.members, group.weights, strict=True)
        }
        cut = cut_equal(model, _are_equal(list(weights.values())))
        self.prefix = None if cut is None else cut.prefix
        self.suffix = model if cut is None else cut.suffix
        learned = {id(v) for v in (self.suffix.weights if self.suffix else ())}
        (first, *_) = weights.values()
        for variable, value in zip(model.weights, first, strict=True):
            if id(variable) not in learned:
                variable.assign(value)
        rows: dict[bytes, Arrays] = {}
        keys: dict[int, bytes] = {}
        for member, values in weights.items():
            pairs = zip(model.weights, values, strict=True)
            own = [value for variable, value in pairs if id(variable) in learned]
            keys[member] = _digest(own)
            rows.setdefault(keys[member], own)
        places = {key: row for row, key in enumerate(rows)}
        self.row_of = {member: places[key] for member, key in keys.items()}
        variables = [v for v in model.weights if id(v) in learned]
        self._stack = Stack(variables, list(rows.values()))

    def features(self, pixels: Tensor) -> Tensor:
        """Pixels, shape (n, size, size, 3), to features, shape (rows, n, channels)."""
        x = pixels if self.prefix is None else self.prefix(pixels, training=False)
        suffix = self.suffix
        if suffix is None:
            return ops.expand_dims(x, 0)

        def compute(row: Tensor) -> Tensor:
            with keras.StatelessScope(state_mapping=self._stack.scope(row)):
                return suffix(x, training=False)

        return map_in_turn(compute, self._stack.rows)

    def scope(self, row: Tensor) -> Scope:
        """The weights of a row, which may be a tensor."""
        return self._stack.scope(row)


class Part:
    """A group inside an ensemble.

    Parameters
    ----------
    group : Group
    backbone : Backbone or None
        That of the group, if it has one.

    Attributes
    ----------
    template : keras.Model
    members : tuple of int
        Place of each model among all of the ensemble.
    pictures : int
        Which of the pictures these models take.
    """

    def __init__(self, group: Group, backbone: Backbone | None) -> None:
        self.template = group.template
        self.members = tuple(group.members)
        self.pictures = group.pictures
        self.backbone = backbone
        self._head = head = group.template if group.head is None else group.head
        self._stack = Stack(
            head.weights,
            [_values_of(head, group.template, values) for values in group.weights],
        )
        self._rows = [backbone.row_of[m] for m in self.members] if backbone else []

    def answers(self, given: Tensor) -> dict[str, Tensor]:
        """Outputs of the members, shape (members, n, values) for each key.

        Parameters
        ----------
        given : tensor
            What the backbone makes, shape (rows, n, channels); without a backbone the
            pixels, shape (n, size, size, 3).
        """
        rows = self._stack.rows
        if self.backbone is None:
            found: dict[str, Tensor] = map_in_turn(partial(self._answer, given), rows)
            return found
        features = ops.take(given, self._rows, axis=0)
        found = map_in_turn(lambda both: self._answer(*both), (features, rows))
        return found

    def _answer(self, given: Tensor, row: Tensor) -> Any:
        with keras.StatelessScope(state_mapping=self._stack.scope(row)):
            return self._head(given, training=False)

    def scope(self, row: Tensor) -> Scope:
        """The weights that the template has to have for a member.

        Parameters
        ----------
        row : int or tensor
            Place of the member in this part.
        """
        own = self._stack.scope(row)
        if self.backbone is None:
            return own
        return [*self.backbone.scope(ops.take(self._rows, row, axis=0)), *own]


class Stack:
    """Weights of several models of one template, a row each.

    Parameters
    ----------
    variables : sequence of keras.Variable
        Of the template.
    rows : sequence of sequence of array
        Values for these variables, of each model.

    Notes
    -----
    One variable holds all of them: to map over hundreds takes seconds to trace. A map
    over its rows would copy all of them first, so it is one over their places.

    Attributes
    ----------
    rows : int tensor
        The place of each row.
    """

    def __init__(self, variables: Sequence[Any], rows: Sequence[Arrays]) -> None:
        self._variables = tuple(variables)
        sizes = [prod(variable.shape) for variable in self._variables]
        self._ends = ends = list(accumulate(sizes))[:-1]
        values = np.empty((len(rows), sum(sizes)), np.float32)
        for filled, row in zip(values, rows, strict=True):
            for start, end, value in zip([0, *ends], [*ends, None], row, strict=False):
                filled[start:end] = np.ravel(value)
        self.rows = ops.arange(len(rows))
        self.values = keras.Variable(values, trainable=False, name="stack")

    def scope(self, row: Tensor) -> Scope:
        """Each variable with its part of the row at a place."""
        if not self._variables:
            return []
        parts = ops.split(ops.take(self.values, row, axis=0), self._ends)
        return [
            (variable, ops.cast(ops.reshape(part, variable.shape), variable.dtype))
            for variable, part in zip(self._variables, parts, strict=True)
        ]


def cut_equal(backbone: keras.Model, equal: Sequence[bool]) -> Cut | None:
    """Cut a backbone after its first blocks whose weights are equal in all models.

    Parameters
    ----------
    backbone : keras.Model
        As ``build_backbone`` gives it.
    equal : sequence of bool
        Of each of ``backbone.weights``, whether all models have the same.

    Returns
    -------
    Cut or None
        None where not even the first weights are equal.
    """
    if all(equal):
        return Cut(backbone, None)
    pairs = zip(backbone.weights, equal, strict=True)
    apart = {id(variable) for variable, is_equal in pairs if not is_equal}
    parts = [[v for layer in part for v in layer.weights] for part in blocks(backbone)]
    shared = list(takewhile(lambda part: not any(id(v) in apart for v in part), parts))
    if not any(shared):
        return None
    return cut_backbone(backbone, len(parts) - len(shared))


def _are_equal(weights: Sequence[Arrays]) -> list[bool]:
    """Whether all models have the same, of each weight."""
    return [
        all(np.array_equal(first, each) for each in others)
        for first, *others in zip(*weights, strict=True)
    ]


def _values_of(model: keras.Model, template: keras.Model, values: Arrays) -> Arrays:
    """The weights of a model that is part of a template, from those of the template."""
    by_variable = dict(zip(map(id, template.weights), values, strict=True))
    return [by_variable[id(variable)] for variable in model.weights]


def _digest(values: Arrays) -> bytes:
    digest = hashlib.sha256()
    for value in values:
        digest.update(np.ascontiguousarray(value).tobytes())
    return digest.digest()
