"""The mean of the answers to a picture and to its mirror image."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.uint8]
Outputs = Mapping[str, NDArray[Any]]


def mirror(pixels: Pixels) -> Pixels:
    """Pictures, shape (n, height, width, 3), with left and right swapped."""
    return pixels[:, :, ::-1]


def mean_outputs(plain: Outputs, mirrored: Outputs) -> dict[str, NDArray[Any]]:
    """Mean of the outputs for pictures and for their mirror images.

    For a number the mean of both answers, for classes the mean of the probabilities.

    Notes
    -----
    Source: Krizhevsky et al., NeurIPS 2012, who average over reflections and crops.
    Departures: no crops. A picture that is its own mirror image is answered as ever.
    """
    return {name: (plain[name] + mirrored[name]) / 2 for name in plain}


def answer_mirrored(
    answer: Callable[[Pixels], Mapping[str, Any]], pixels: Pixels
) -> dict[str, NDArray[Any]]:
    """Outputs of ``answer`` for pictures, averaged with those for their mirror images.

    ``answer`` takes uint8 arrays, shape (n, height, width, 3), and gives arrays whose
    first axis are the pictures.
    """
    plain, mirrored = (
        {name: np.asarray(values) for name, values in answer(each).items()}
        for each in (pixels, mirror(pixels))
    )
    return mean_outputs(plain, mirrored)
