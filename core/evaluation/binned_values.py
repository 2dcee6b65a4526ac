"""Values of images that fall into bins: of the features of a bin most are 0."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class BinnedValues:
    """What each image adds to some features, kept without the zeros.

    Of a million images and a hundred and fifty bins the zeros alone take half a
    gigabyte.

    Parameters
    ----------
    plain : float32 array, shape (plain features, images)
        Of the first features, to which every image adds.
    values : float32 array, shape (entries, images)
        Of the others: to each of them only the images of its bin add.
    features : int array, shape (entries, images)
        Which feature a value is of, counted from the first that is not plain; those of
        one image differ.
    count : int
        Features that are not plain.

    Examples
    --------
    Of two images the first adds 0.5 to the last of three bins:

    >>> one = np.array([[1, 2]], np.float32), np.array([[0.5, 0.25]], np.float32)
    >>> BinnedValues(*one, np.array([[2, 0]]), 3).dense().tolist()
    [[1.0, 0.0, 0.0, 0.5], [2.0, 0.25, 0.0, 0.0]]
    """

    plain: NDArray[np.float32]
    values: NDArray[np.float32]
    features: NDArray[np.integer[Any]]
    count: int

    @property
    def shape(self) -> tuple[int, int]:
        """Images and features."""
        return self.plain.shape[1], len(self.plain) + self.count

    def __getitem__(self, images: slice | NDArray[Any]) -> "BinnedValues":
        """The same of some images."""
        return BinnedValues(
            self.plain[:, images],
            self.values[:, images],
            self.features[:, images],
            self.count,
        )

    def dense(self) -> NDArray[np.float32]:
        """All values, shape (images, features), each feature in one piece."""
        images, features = self.shape
        filled = np.zeros((features, images), np.float32)
        filled[: len(self.plain)] = self.plain
        filled[len(self.plain) :][self.features, np.arange(images)] = self.values
        return filled.T

    def totals(self) -> NDArray[np.float64]:
        """Sum of each feature over the images, shape (features,)."""
        sums = np.zeros(self.count)
        for places, values in zip(self.features, self.values, strict=True):
            sums += np.bincount(places, values, self.count)
        return np.concatenate([self.plain.sum(axis=1, dtype=np.float64), sums])
