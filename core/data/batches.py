"""Batches: slices of a cache, drawn anew at every epoch."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from core.methods.mixing import Mixes

Rows = NDArray[np.int64]


@dataclass(frozen=True)
class Mixing:
    """Mixed images of two, with their labels.

    Parameters
    ----------
    mixes : callable
        ``(epoch) -> Mixes``: of the rows of an epoch, in their order.
    paired : collection of str
        Tasks of classes: they get both labels and the share of the first. The targets
        of the others are averaged by the share.
    leaning : collection of str
        Those of them whose labels go by the sampler's own share.
    inputs : pair of str, optional
        Names of the model's inputs for the second pictures and the plan of the mix;
        without them the pixels are mixed already.
    """

    mixes: Callable[[int], Mixes]
    paired: Collection[str]
    leaning: Collection[str] = ()
    inputs: tuple[str, str] | None = None


class Stacked:
    """Images of two arrays, looked up as if they were one.

    Parameters
    ----------
    images, more : uint8 array, shapes (n, size, size, 3) and (m, size, size, 3)
    """

    def __init__(self, images: NDArray[np.uint8], more: NDArray[np.uint8]) -> None:
        self.images, self.more = images, more

    def __getitem__(self, rows: Rows) -> NDArray[np.uint8]:
        """The images of these rows, shape (rows, size, size, 3)."""
        own = rows < len(self.images)
        found = np.empty((len(rows), *self.images.shape[1:]), dtype=np.uint8)
        found[own] = self.images[rows[own]]
        found[~own] = self.more[rows[~own] - len(self.images)]
        return found


class Batches(keras.utils.PyDataset):
    """Images with targets and weights a task, in batches.

    Parameters
    ----------
    images : uint8 array, shape (n, size, size, 3), or Stacked
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
    mixing : Mixing, optional
        For images that are made of two; not beside further inputs or groups.
    drop_last : bool
        Whether an incomplete last batch is left out, which keeps one compiled step.
    first_epoch : int
        The epoch, counted from 0, whose rows are shown first.
    """

    def __init__(
        self,
        images: NDArray[np.uint8] | NDArray[np.floating[Any]] | Stacked,
        targets: Mapping[str, NDArray[Any]],
        sample_weight: Mapping[str, NDArray[np.float32]],
        *,
        rows: Callable[[int], Rows],
        batch_size: int,
        places: Callable[[int, Rows], Rows] | None = None,
        inputs: Mapping[str, str] | None = None,
        first_input: str = "",
        groups: Mapping[str, NDArray[np.int64]] | None = None,
        mixing: Mixing | None = None,
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
        self.mixing = mixing
        self.drop_last = drop_last
        self._rows_of = rows
        self._places_of = places
        self._draw(first_epoch)

    def __len__(self) -> int:
        """Batches in this epoch."""
        if self.drop_last and len(self._rows) >= self.batch_size:
            return len(self._rows) // self.batch_size
        return -(-len(self._rows) // self.batch_size)

    def __getitem__(self, index: int) -> tuple[Any, Any, Any]:
        """Images, targets and weights of one batch."""
        start, end = index * self.batch_size, (index + 1) * self.batch_size
        if self.mixing is not None and self._mixes is not None:
            return self._mixed(self.mixing, self._mixes.at(start, end))
        rows = self._rows[start:end]
        images = self.images[self._places[start:end]]
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

    def _mixed(self, mixing: Mixing, mixes: Mixes) -> tuple[Any, Any, Any]:
        """Images of two, their targets and weights.

        Each label counts by its share and by the weight of its own image: the weights
        are averaged, and the shares of the labels follow the weights.
        """
        first, second = mixes.first, mixes.second
        targets, weights = {}, {}
        for task, own in self.targets.items():
            share = mixes.label_share if task in mixing.leaning else mixes.share
            share = share.astype(np.float32)
            given = self.sample_weight[task]
            weight = share * given[first] + (1 - share) * given[second]
            weights[task] = weight.astype(np.float32)
            if task in mixing.paired:
                known = weight > 0
                share = np.where(
                    known, share * given[first] / np.where(known, weight, 1), share
                )
                columns = [own[first].ravel(), own[second].ravel(), share]
                targets[task] = np.column_stack(columns).astype(np.float32)
            else:
                column = share[:, None]
                targets[task] = column * own[first] + (1 - column) * own[second]
        pixels: Any = self.images[mixes.rows]
        if mixing.inputs is not None:
            others, plan = mixing.inputs
            is_plain = not mixes.is_mixed.any()
            pixels = {
                self.first_input: pixels,
                others: pixels if is_plain else self.images[mixes.second],
                plan: mixes.plan,
            }
        return pixels, targets, weights

    def on_epoch_end(self) -> None:
        """Draw the rows of the next epoch."""
        self._draw(self._epoch + 1)

    def _draw(self, epoch: int) -> None:
        self._epoch = epoch
        self._rows = self._rows_of(epoch)
        self._places = self._rows
        if self._places_of is not None:
            self._places = self._places_of(epoch, self._rows)
        self._mixes = self.mixing.mixes(epoch) if self.mixing else None


def shuffled_rows(rows: Rows, *, seed: int) -> Callable[[int], Rows]:
    """All the given rows, in another order at every epoch."""
    return lambda epoch: np.random.default_rng([seed, epoch]).permutation(rows)
