"""SMOTE among the codes of pictures, by imbalanced-learn."""

from typing import Any

import numpy as np
from imblearn.over_sampling import SMOTE
from numpy.typing import NDArray
from scipy import sparse
from sklearn.neighbors import NearestNeighbors

from core.methods.generation import Between, GenerationPlan


class _AmongCodes(NearestNeighbors):
    """Nearest neighbours of rows that are weights over all pictures.

    Parameters
    ----------
    codes : float array, shape (n, latent)
        Of all pictures.
    n_neighbors : int
        With the picture itself.
    """

    def __init__(self, codes: NDArray[Any], n_neighbors: int) -> None:
        super().__init__(n_neighbors=n_neighbors)
        self.codes = codes

    def fit(self, X: Any, y: Any = None) -> Any:
        """Take in the pictures of a class."""
        return super().fit(X @ self.codes)

    def kneighbors(self, X: Any, **options: Any) -> Any:
        """Those nearest to each."""
        return super().kneighbors(X @ self.codes, **options)


def interpolate(codes: NDArray[np.floating], plan: GenerationPlan) -> Between:
    """Draw new points between each class's pictures and their neighbours.

    Parameters
    ----------
    codes : float array, shape (n, latent)
        What the encoder makes of each real picture.
    plan : GenerationPlan

    Returns
    -------
    Between
        Of the generated images, class after class.

    Notes
    -----
    SMOTE gets the unit vectors, one a picture, and the neighbours by their codes. So it
    returns the weights of the two pictures that a new one lies between. These weights
    times the codes are the result that SMOTE would have on the codes.
    """
    count = len(plan.codes)
    pictures = sparse.eye_array(count, format="csr")
    parts = []
    for label in np.flatnonzero(plan.new):
        own = int((plan.codes == label).sum())
        near = min(plan.neighbours, own - 1)
        smote = SMOTE(
            sampling_strategy={int(label): own + int(plan.new[label])},
            k_neighbors=_AmongCodes(np.asarray(codes, dtype=np.float64), near + 1),
            random_state=(plan.seed + int(label)) % 2**32,
        )
        weights, _ = smote.fit_resample(pictures, plan.codes)
        parts.append(_pairs(sparse.csr_array(weights)[count:]))
    if not parts:
        none = np.empty(0, dtype=np.int64)
        return Between(none, none, np.empty(0))
    return Between(*(np.concatenate(each) for each in zip(*parts, strict=True)))


def _pairs(weights: Any) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
    """The two pictures of each row, and the larger weight, which is the first's."""
    first = np.asarray(weights.argmax(axis=1)).ravel().astype(np.int64)
    share = np.asarray(weights.max(axis=1).todense()).ravel().astype(np.float64)
    places = np.arange(weights.shape[1])
    there = np.asarray((weights != 0) @ places).ravel().astype(np.int64)
    second = np.where(share < 1, there - first, first)
    return first, second, share
