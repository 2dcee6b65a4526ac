"""Which images a run trains on, in which order and with which weight.

``fit`` begins with the training split, ``Data.rows(TRAINING)``, and samplers draw among
these rows alone: a validation or test image is never one of them.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from core.data.batches import Rows, shuffled_rows
from core.data.cache import ImageCache
from core.data.generated_images import GeneratedImages
from core.methods.mixing import Mixes, unmixed
from core.methods.registry import ResolvedMethod, load_builder
from core.methods.weights import count_classes
from core.tasks import Binary, Regression, Task
from core.training.groups import group_ids, group_names


@dataclass(frozen=True)
class Data:
    """A study's images and manifest, aligned: row i of one is row i of the other.

    ``unreadable`` are the pictures of its splits that cannot be read, as a run's record
    lists them; ``shareable`` says whether its pictures may be shown to anyone.
    """

    cache: ImageCache
    manifest: pd.DataFrame
    tasks: tuple[Task, ...]
    sensitive_features: tuple[str, ...]
    unreadable: tuple[dict[str, str], ...] = ()
    shareable: bool = False

    def rows(self, split: str) -> Rows:
        """Rows of a split whose image could be read."""
        rows = np.flatnonzero(self.manifest["split"].to_numpy() == split)
        return self.cache.usable(rows)

    def targets(self) -> dict[str, NDArray[Any]]:
        """Target of every row for every task, as the losses take it."""
        return {
            task.name: _target(self.manifest[task.name], task) for task in self.tasks
        }


def _target(column: pd.Series, task: Task) -> NDArray[Any]:
    if isinstance(task, Regression):
        return np.asarray(column, dtype=np.float32)[:, None]
    codes = column.map({name: i for i, name in enumerate(task.classes)})
    if isinstance(task, Binary):
        return np.asarray(codes, dtype=np.float32)[:, None]
    return np.asarray(codes, dtype=np.int32)


def class_ids(data: Data, name: str, rows: Rows) -> NDArray[np.int64]:
    """Class of each given row, of a task, a sensitive feature or a crossing."""
    tasks = {task.name: task for task in data.tasks}
    if name in tasks:
        return data.targets()[name][rows].ravel().astype(np.int64)
    ids, _ = group_ids(group_names(data.manifest, name, rows))
    return ids


def training_classes(data: Data, name: str, rows: Rows) -> NDArray[np.int64]:
    """Class of each training row; every class of a task must be among them."""
    ids = class_ids(data, name, rows)
    for task in data.tasks:
        if task.name == name and not isinstance(task, Regression):
            count_classes(ids, len(task.classes), names=task.classes)
    return ids


def sample_weights(
    data: Data, method: ResolvedMethod, rows: Rows
) -> dict[str, NDArray[np.float32]]:
    """Weight of every row of the manifest on every head.

    Returns
    -------
    dict of str to float32 array, shape (rows of the manifest,)
        Mean 1 over the training rows on each head; 1 outside them.

    Raises
    ------
    MethodError
        If weights look at a task of which a class has no training image.
    """
    weights = {task.name: np.ones(len(rows)) for task in data.tasks}
    for part in method.weights:
        kinds = {task.name: task.kind for task in data.tasks}
        if kinds.get(part.on) == "regression":
            values = data.manifest[part.on].to_numpy()[rows]
        elif "names" in part.entry.needs:
            values = group_names(data.manifest, part.on, rows)
        else:
            values = training_classes(data, part.on, rows)
        heads = weights if part.entry.heads == "all" else (part.on,)
        for head in heads:
            weights[head] = weights[head] * part.build(values)
    full = {}
    for head, values in weights.items():
        full[head] = np.ones(len(data.manifest), dtype=np.float32)
        full[head][rows] = values / values.mean()
    return full


def epoch_rows(
    data: Data,
    method: ResolvedMethod,
    rows: Rows,
    seed: int,
    epochs: int,
    batch_size: int,
) -> Callable[[int], Rows]:
    """Which training rows each epoch shows: all of them, or what a sampler draws.

    Raises
    ------
    MethodError
        If a sampler looks at a task of which a class has no training image.
    """
    plain = shuffled_rows(rows, seed=seed)
    if not method.samplers:
        return plain
    (sampler,) = method.samplers
    labels = training_classes(data, sampler.on, rows)

    def draw(epoch: int) -> Rows:
        if not method.at(epoch, epochs).samplers:
            return plain(epoch)
        rng = np.random.default_rng([seed, epoch])
        if "batch size" in sampler.entry.needs:
            build = partial(load_builder(sampler.entry), batch_size=batch_size)
            in_batches: Rows = rows[build(labels, rng, **sampler.parameters)]
            return in_batches
        return rng.permutation(rows[sampler.build(labels, rng)])

    return draw


def epoch_mixes(
    data: Data,
    method: ResolvedMethod,
    rows: Rows,
    seed: int,
    epochs: int,
    batch_size: int,
    generated: GeneratedImages | None = None,
) -> Callable[[int], Mixes]:
    """The mixed images of each epoch, by a method's sampler.

    Raises
    ------
    MethodError
        As ``epoch_rows``.
    """
    plain = shuffled_rows(rows, seed=seed)
    if generated is not None:
        added, offset = generated.between, len(data.cache.images)

        def draw_all(epoch: int) -> Mixes:
            if not method.at(epoch, epochs).samplers:
                return unmixed(plain(epoch))
            return added.shuffled(rows, offset, np.random.default_rng([seed, epoch]))

        return draw_all
    (sampler,) = method.samplers
    labels = training_classes(data, sampler.on, rows)
    build = partial(
        load_builder(sampler.entry),
        batch_size=batch_size,
        image_size=data.cache.images.shape[1],
        **sampler.parameters,
    )

    def draw(epoch: int) -> Mixes:
        if not method.at(epoch, epochs).samplers:
            return unmixed(plain(epoch))
        rng = np.random.default_rng([seed, epoch])
        when = {"epoch": epoch, "epochs": epochs}
        at = when if "epoch" in sampler.entry.needs else {}
        mixes: Mixes = build(labels, rng, **at)
        return mixes.with_rows(rows)

    return draw
