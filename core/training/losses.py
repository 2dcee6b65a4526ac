"""What a method's losses are built with, and what a model is compiled with.

A loss that needs class counts is given those of its training rows, and of no others.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import keras
import numpy as np

from core.crossing import split_crossing
from core.data.batches import Rows
from core.errors import StudyError
from core.language import gettext
from core.methods.curves import usual_loss
from core.methods.losses.by_group import GroupObjective, split_groups
from core.methods.losses.mixed import MixedLabels, split_pairs
from core.methods.registry import Part, ResolvedMethod, load_builder
from core.methods.weights import count_classes
from core.study import Study
from core.tasks import Binary, Regression, Task
from core.training.training_rows import Data, class_ids


def leaning_tasks(method: ResolvedMethod, tasks: Sequence[Task]) -> tuple[str, ...]:
    """Tasks of classes whose labels go by the sampler's own share.

    Those that the sampler is on; all, where it is on sensitive features alone.
    """
    (sampler,) = method.samplers
    classes = [task.name for task in tasks if not isinstance(task, Regression)]
    named = [name for name in classes if name in split_crossing(sampler.on)]
    return tuple(named or classes)


def build_part(part: Part, data: Data, task: Task, rows: Rows) -> Any:
    """Build a loss, an adjustment or a change of features from its inputs."""
    if "range" in part.entry.needs and isinstance(task, Regression):
        return part.build(task.minimum, task.maximum)
    if "class counts" in part.entry.needs and not isinstance(task, Regression):
        ids = class_ids(data, task.name, rows)
        return part.build(count_classes(ids, len(task.classes), names=task.classes))
    return part.build()


def build_parts(parts: Mapping[str, Part], data: Data, rows: Rows) -> dict[str, Any]:
    """Build the parts of a method that are one a task."""
    tasks = {task.name: task for task in data.tasks}
    return {
        name: build_part(part, data, tasks[name], rows) for name, part in parts.items()
    }


def build_objectives(
    study: Study, method: ResolvedMethod, data: Data, rows: Rows
) -> dict[str, GroupObjective]:
    """Build a method's objectives, over the usual losses for now.

    Raises
    ------
    MethodError
        If a training image has no group, a class that is a group has no training
        image, or all are of one.
    """
    usual = usual_losses(study, data.tasks)
    classes_of = {
        t.name: t.classes for t in data.tasks if not isinstance(t, Regression)
    }
    built = {}
    for name, part in method.objectives.items():
        ids = class_ids(data, part.groups, rows)
        counts = np.bincount(ids)
        if classes := classes_of.get(part.groups):
            counts = count_classes(ids, len(classes), names=classes)
        built[name] = part.build(usual[name], counts)
    return built


def usual_losses(study: Study, tasks: Sequence[Task]) -> dict[str, keras.losses.Loss]:
    """The loss of each task where a method says nothing."""
    entries = {
        task.name: usual_loss(task, logarithmic=task.name in study.model.log_targets)
        for task in tasks
    }
    return {name: load_builder(entry)() for name, entry in entries.items()}


def loss_weights(study: Study, method: str, tasks: Sequence[Task]) -> dict[str, float]:
    """Weight of each task's loss under a method; 1 where the study says nothing.

    Raises
    ------
    StudyError
        If the study weighs a task that is not there, or takes the logarithm of one
        that is not there or that predicts a class.
    """
    given = study.loss_weights(method)
    names = [task.name for task in tasks]
    for name in (*given, *study.model.log_targets):
        if name not in names:
            raise StudyError(
                gettext(
                    "The study '{study}' names a task '{task}' that its dataset does "
                    "not have.",
                    study=study.name,
                    task=name,
                ),
                expected=gettext("one of {known}.", known=", ".join(names)),
                remedy=gettext("fix loss_weights or log_targets in the study's file."),
            )
    numbers = [task.name for task in tasks if isinstance(task, Regression)]
    for name in study.model.log_targets:
        if name not in numbers:
            raise StudyError(
                gettext(
                    "The study '{study}' takes the logarithm of '{task}', which is a "
                    "class, not a number.",
                    study=study.name,
                    task=name,
                ),
                expected=gettext("one of {known}.", known=", ".join(numbers))
                if numbers
                else gettext("no log_targets: no task of it is a number."),
                remedy=gettext("fix log_targets in the study's file."),
            )
    return {name: given.get(name, 1.0) for name in names}


def compile_model(
    model: keras.Model,
    tasks: Sequence[Task],
    *,
    optimizer: keras.optimizers.Optimizer,
    losses: Mapping[str, keras.losses.Loss],
    loss_weights: Mapping[str, float],
) -> None:
    """Compile for training; an optimizer that has already stepped keeps its state."""
    model.compile(
        optimizer=optimizer,
        loss=dict(losses),
        loss_weights=dict(loss_weights),
        metrics={task.name: [_metric_of(task, losses[task.name])] for task in tasks},
        # XLA on the CPU made this model three times slower.
        jit_compile=False,
    )


class MetricOfLabels(keras.metrics.Metric):
    """A metric that is given the plain labels of targets that hold more.

    Parameters
    ----------
    metric : keras.metrics.Metric
    """

    def __init__(self, metric: keras.metrics.Metric) -> None:
        super().__init__(name=metric.name)
        self.metric = metric

    def result(self) -> Any:
        """The value of the metric."""
        return self.metric.result()

    def reset_state(self) -> None:
        """Reset the state."""
        self.metric.reset_state()


class OnTarget(MetricOfLabels):
    """A metric of the targets only, if the labels hold groups too."""

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Take in a batch, its groups left out."""
        targets, _ = split_groups(keras.ops.convert_to_tensor(y_true))
        self.metric.update_state(targets, y_pred, sample_weight=sample_weight)


class OnPairs(MetricOfLabels):
    """A metric of images with two labels: each counts by its share."""

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Take in a batch, once for each of the labels."""
        first, second, share = split_pairs(keras.ops.convert_to_tensor(y_true))
        if sample_weight is None:
            sample_weight = keras.ops.ones_like(share)
        self.metric.update_state(first, y_pred, sample_weight=sample_weight * share)
        other = sample_weight * (1.0 - share)
        self.metric.update_state(second, y_pred, sample_weight=other)


def _metric_of(task: Task, loss: keras.losses.Loss) -> keras.metrics.Metric:
    """The metric of a task, from targets as its loss takes them."""
    if isinstance(loss, GroupObjective):
        return OnTarget(_metric(task))
    return OnPairs(_metric(task)) if isinstance(loss, MixedLabels) else _metric(task)


def _metric(task: Task) -> keras.metrics.Metric:
    if isinstance(task, Regression):
        return keras.metrics.MeanAbsoluteError(name="mae")
    if isinstance(task, Binary):
        return keras.metrics.BinaryAccuracy(name="accuracy", threshold=0.0)
    return keras.metrics.SparseCategoricalAccuracy(name="accuracy")
