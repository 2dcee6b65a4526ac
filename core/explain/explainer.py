"""Maps of every method for one picture, and whether each holds."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import keras
import numpy as np
from keras import ops
from numpy.typing import NDArray

from core.errors import EquipoiseError
from core.explain.attention_rollout import AttentionRollout, is_encoder
from core.explain.grids import Grid
from core.explain.hires_cam import HIRES_CAM, LEAST_CELLS, HiResCAM
from core.explain.occlusion import Hiding, hide_in_turn
from core.explain.shifted import Shifted
from core.explain.split_model import CannotExplain, find_layer
from core.language import gettext
from core.models.ensemble import Part
from core.predictor import Predictor
from core.tasks import Binary, Multiclass, Task

Tensor = Any


@dataclass(frozen=True)
class Explanation:
    """The map of one model.

    Parameters
    ----------
    method : str
    seed : int
        Of the model that is explained: the first of the method's.
    technique : str
        ``HIRES_CAM`` or ``ROLLOUT``.
    heat : float32 array, shape (size, size)
        From 0 to 1, the largest; 0 everywhere where nothing speaks for the answer.
    grids : tuple of (rows, columns)
        Of each layer that was looked at, the first first: the map is hardly finer.
    hiding : Hiding
        What hiding the highest part of the map does to the answer.
    """

    method: str
    seed: int
    technique: str
    heat: NDArray[np.float32] = field(repr=False, compare=False)
    grids: tuple[tuple[int, int], ...]
    hiding: Hiding

    @property
    def is_of_the_answer(self) -> bool:
        """Whether another task or class could give another map."""
        return self.technique == HIRES_CAM

    @property
    def is_coarse(self) -> bool:
        """Whether the model has no layer with enough cells to say where."""
        return all(min(grid) < LEAST_CELLS for grid in self.grids)


class Technique(Protocol):
    """Turns pixels into a map, with the weights that are in scope."""

    name: str
    grids: tuple[Grid, ...]

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
        tensor, shape (n, size, size)
            From 0 to 1.
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
        self._reasons: dict[str, str] = {}
        first: dict[str, int] = {}
        for place, (method, _) in enumerate(predictor.members):
            first.setdefault(method, place)
        members = {place: predictor.members[place] for place in first.values()}
        self._parts = tuple(self._explained(predictor.ensemble.parts, members))
        self._compute = compile_graph(
            lambda pictures, selections: [
                part.compute(*given)
                for part, *given in zip(self._parts, pictures, selections, strict=True)
            ]
        )
        self._answer = compile_graph(
            lambda pictures: [
                part.answer(given, self._tasks)
                for part, given in zip(self._parts, pictures, strict=True)
            ]
        )
        explained = {method for part in self._parts for method, _ in part.members}
        self.methods = tuple(m for m in predictor.methods if m in explained)

    @property
    def problems(self) -> dict[str, str]:
        """Methods whose model cannot be explained, and why."""
        # Said anew: an explainer is kept, whatever language its readers have.
        return {
            method: str(CannotExplain(why)) for method, why in self._reasons.items()
        }

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
            except CannotExplain as fault:
                self._reasons |= {method: fault.why for method, _ in who}
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
        classes = classes or {}
        pictures, selections = [], []
        for part in self._parts:
            # Members of a part have one preprocessing.
            pictures.append(ops.convert_to_tensor(seen[part.methods[0]][None]))
            chosen = [
                select_score(self._tasks, task, classes.get(method))
                for method in part.methods
            ]
            selections.append(ops.convert_to_tensor(np.stack(chosen)))
        maps = [
            ops.convert_to_numpy(each)[:, 0]
            for each in self._compute(pictures, selections)
        ]
        hidden = [
            np.stack(
                [
                    hide_in_turn(seen[method], heat)
                    for method, heat in zip(part.methods, heats, strict=True)
                ]
            )
            for part, heats in zip(self._parts, maps, strict=True)
        ]
        answers = self._answer([ops.convert_to_tensor(each) for each in hidden])
        found = {}
        for part, heats, values in zip(self._parts, maps, answers, strict=True):
            for (method, seed), heat, given in zip(
                part.members, heats, ops.convert_to_numpy(values), strict=True
            ):
                shown = read_answer(self._tasks, task, classes.get(method), given)
                found[method] = part.describe(method, seed, heat, shown)
        return {method: found[method] for method in self.methods}


@dataclass(frozen=True)
class _ExplainedPart:
    """Some members of a part of an ensemble, and how they are explained."""

    part: Part
    technique: Technique
    rows: tuple[int, ...]
    members: tuple[tuple[str, int], ...]

    @property
    def methods(self) -> tuple[str, ...]:
        """The method of each member."""
        return tuple(method for method, _ in self.members)

    def compute(self, pixels: Tensor, selections: Tensor) -> Tensor:
        """Maps of the members, shape (members, n, size, size)."""
        pixels = ops.cast(pixels, "float32")
        return self._for_each(
            lambda selection: self.technique(pixels, selection), selections
        )

    def answer(self, pictures: Tensor, tasks: Sequence[Task]) -> Tensor:
        """Answers of the members, each to its own pictures, shape (members, n, values).

        The pictures' shape is (members, n, size, size, 3); values are as shown, those
        of one task after the other.
        """

        def answer(pixels: Tensor) -> Tensor:
            outputs = self.part.template(ops.cast(pixels, "float32"), training=False)
            values = [outputs[task.name] for task in tasks]
            return ops.cast(ops.concatenate(values, axis=-1), "float32")

        return self._for_each(answer, pictures)

    def _for_each(self, call: Callable[[Tensor], Tensor], given: Tensor) -> Tensor:
        """Results of ``call`` for each member's input, with its weights."""
        import tensorflow as tf

        def call_with_weights(one: tuple[Tensor, Tensor]) -> Tensor:
            row, own = one
            with keras.StatelessScope(state_mapping=self.part.scope(row)):
                return call(own)

        rows = ops.convert_to_tensor(self.rows, "int32")
        # Keras's own map traces what it maps twice. In turn, because members side by
        # side would each keep their own copy of the weights, and what gradients need.
        return tf.map_fn(
            call_with_weights,
            (rows, given),
            fn_output_signature=tf.float32,
            parallel_iterations=1,
        )

    def describe(
        self,
        method: str,
        seed: int,
        heat: NDArray[np.float32],
        shown: NDArray[np.float64],
    ) -> Explanation:
        """Put a map and the answers to ``hide_in_turn`` of it together."""
        before, after, *elsewhere = shown.tolist()
        of_the_answer = self.technique.name == HIRES_CAM
        hiding = Hiding(before, after, np.array(elsewhere), of_the_answer)
        grids = tuple(grid.shape for grid in self.technique.grids)
        return Explanation(method, seed, self.technique.name, heat, grids, hiding)


def find_technique(model: keras.Model, tasks: Sequence[Task]) -> Technique:
    """Choose how a model is explained: by its attention if it is a transformer.

    Raises
    ------
    CannotExplain
        If it can be explained by none.
    """
    if find_layer(model, is_encoder):
        return AttentionRollout(model)
    return Shifted(HiResCAM(model, tasks), model.input_shape[1])


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


def read_answer(
    tasks: Sequence[Task],
    task: Task,
    wanted: str | None,
    values: NDArray[np.floating[Any]],
) -> NDArray[np.float64]:
    """The value of a number, or the probability of a class, among all that is shown.

    Parameters
    ----------
    tasks, task, wanted
        As for ``select_score``.
    values : float array, shape (n, values)
        Those of all tasks, one after the other.

    Returns
    -------
    float64 array, shape (n,)
    """
    factors = select_score(tasks, task, wanted)
    shown: NDArray[np.float64] = np.asarray(values, np.float64) @ factors
    # For two classes this is the probability of the second.
    return 1 + shown if factors.min() < 0 else shown


def compile_graph(
    function: Callable[..., Any], signature: Sequence[Any] | None = None
) -> Callable[..., Any]:
    """Compile a function of tensors as one graph.

    Parameters
    ----------
    function : callable
    signature : sequence of TensorSpec, optional
        The tensors that it takes: one graph then serves any number of pictures.

    Raises
    ------
    EquipoiseError
        If Keras runs on another backend than TensorFlow.
    """
    if keras.backend.backend() != "tensorflow":
        raise EquipoiseError(
            gettext(
                "Models cannot be explained with Keras on {backend}.",
                backend=keras.backend.backend(),
            ),
            expected=gettext("KERAS_BACKEND=tensorflow, whose gradients are used."),
            remedy=gettext("unset KERAS_BACKEND."),
        )
    import tensorflow as tf

    compiled: Callable[..., Any] = tf.function(
        function, input_signature=signature, autograph=False
    )
    return compiled
