"""Batches: slices of a cache, drawn anew at every epoch."""

from collections.abc import Callable, Mapping
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

Rows = NDArray[np.int64]


class Batches(keras.utils.PyDataset):
    """Images with targets and weights a task, in batches.

    Parameters
    ----------
    images : uint8 array, shape (n, size, size, 3)
        Usually memory-mapped. Or what frozen layers give of the images, any array.
    targets : mapping of str to array, shape (n,)
        Target of each image for each task.
    sample_weight : mapping of str to float array, shape (n,)
        Weight of each image in each task's loss.
    rows : callable
        ``(epoch) -> int array``: the rows of an epoch in the order in which they are
        shown. Drawn from the run's seed and the epoch alone, so that a resumed
        training sees what an unbroken one would.
    batch_size : int
    places : callable, optional
        ``(epoch, rows) -> int array``: where in ``images`` the rows of an epoch are;
        there of the same number by default. It too draws from seed and epoch alone.
    inputs : mapping of str to str, optional
        Further inputs of the model: their names, and the task whose target each is.
    first_input : str
        Name of the images beside further inputs; without these it is not used.
    groups : mapping of str to int array, shape (n,), optional
        Group of each image for the tasks whose loss asks for it: it stands beside the
        target, in a second column.
    drop_last : bool
        Whether an incomplete last batch is left out, which keeps one compiled step.
    first_epoch : int
        The epoch, counted from 0, whose rows are shown first.
    """

    def __init__(
        self,
        images: NDArray[np.uint8],
        targets: Mapping[str, NDArray[Any]],
        sample_weight: Mapping[str, NDArray[np.float32]],
        *,
        rows: Callable[[int], Rows],
        batch_size: int,
        places: Callable[[int, Rows], Rows] | None = None,
        inputs: Mapping[str, str] | None = None,
        first_input: str = "",
        groups: Mapping[str, NDArray[np.int64]] | None = None,
        drop_last: bool = False,
        first_epoch: int = 0,
    ) -> None:
        super().__init__()
        self.images = images
        self.targets = dict(targets)
        self.sample_weight = dict(sample_weight)
        self.batch_size = batch_size
        self.inputs = dict(inputs or {})
        self.first_input = first_input
        self.groups = dict(groups or {})
        self.drop_last = drop_last
        self._rows_of = rows
        self._places_of = places
        self._epoch = first_epoch
        self._draw()

    def __len__(self) -> int:
        """Batches in this epoch."""
        if self.drop_last and len(self._rows) >= self.batch_size:
            return len(self._rows) // self.batch_size
        return -(-len(self._rows) // self.batch_size)

    def __getitem__(self, index: int) -> tuple[Any, Any, Any]:
        """Images, targets and weights of one batch."""
        start = index * self.batch_size
        batch = slice(start, start + self.batch_size)
        rows = self._rows[batch]
        images = self.images[self._places[batch]]
        targets = {task: self.targets[task][rows] for task in self.inputs.values()}
        further = {name: targets[task] for name, task in self.inputs.items()}
        return (
            {self.first_input: images, **further} if further else images,
            {name: self._target(name, rows) for name in self.targets},
            {name: values[rows] for name, values in self.sample_weight.items()},
        )

    def _target(self, task: str, rows: Rows) -> NDArray[Any]:
        targets = self.targets[task][rows]
        if task not in self.groups:
            return targets
        both = np.column_stack([targets.ravel(), self.groups[task][rows]])
        return both.astype(targets.dtype)

    def on_epoch_end(self) -> None:
        """Draw the rows of the next epoch."""
        self._epoch += 1
        self._draw()

    def _draw(self) -> None:
        self._rows = self._rows_of(self._epoch)
        self._places = self._rows
        if self._places_of is not None:
            self._places = self._places_of(self._epoch, self._rows)


def shuffled_rows(rows: Rows, *, seed: int) -> Callable[[int], Rows]:
    """All the given rows, in another order at every epoch."""
    return lambda epoch: np.random.default_rng([seed, epoch]).permutation(rows)
