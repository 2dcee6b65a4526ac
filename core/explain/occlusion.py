"""Whether a map holds: its highest part is hidden, and as much elsewhere."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

# A picture is cut into so many fields a side, and so many of them are hidden.
FIELDS = 10
HIDDEN = 10
# Number of other places. The chance to beat all of them by luck is one in twenty.
OTHERS = 19
# Radius of the blur that hides, as a share of the picture's side.
_BLUR = 1 / 8

Pixels = NDArray[np.uint8]
Fields = NDArray[np.bool_]


@dataclass(frozen=True)
class Hiding:
    """How an answer changes when the highest part of a map is hidden.

    Parameters
    ----------
    before, after : float
        The answer to the whole picture, and without the highest tenth of the map:
        a number in its unit, or the probability of the class that is explained.
    elsewhere : float array, shape (OTHERS,)
        The answers without as much of the picture in other places.
    of_the_answer : bool
        Whether the map is of this answer: then hiding has to lower it. Otherwise any
        change counts.
    """

    before: float
    after: float
    elsewhere: NDArray[np.float64] = field(repr=False, compare=False)
    of_the_answer: bool = True

    @property
    def holds(self) -> bool:
        """Whether the highest part changes the answer more than all other parts."""
        here, *others = (
            self._change(value) for value in (self.after, *self.elsewhere.tolist())
        )
        return here > max(others)

    def _change(self, value: float) -> float:
        drop = self.before - value
        return drop if self.of_the_answer else abs(drop)


def hide_in_turn(pixels: Pixels, heat: NDArray[np.floating[Any]]) -> Pixels:
    """The picture: whole, without a map's highest part, and without each other part.

    Parameters
    ----------
    pixels : uint8 array, shape (size, size, 3)
    heat : float array, shape (size, size)

    Returns
    -------
    uint8 array, shape (2 + OTHERS, size, size, 3)

    Notes
    -----
    Source: Zeiler and Fergus, Visualizing and Understanding Convolutional Networks,
    ECCV 2014, section 4.2, which slides a grey square over the picture. Departures: the
    hidden part is the ``HIDDEN`` of ``FIELDS`` x ``FIELDS`` fields with the highest
    means. It is blurred instead of grey, so that it makes no new edges. The same shape
    is hidden in ``OTHERS`` other places; a part that leaves the picture on one side
    comes in on the other.
    """
    hidden = [np.zeros((FIELDS, FIELDS), bool), *choose_fields(heat)]
    image = Image.fromarray(pixels)
    blurred = np.asarray(image.filter(ImageFilter.GaussianBlur(_BLUR * len(pixels))))
    return np.stack(
        [
            np.where(_as_pixels(fields, len(pixels))[..., None], blurred, pixels)
            for fields in hidden
        ]
    )


def choose_fields(heat: NDArray[np.floating[Any]]) -> list[Fields]:
    """The highest fields of a map, then the same shape in other places.

    Parameters
    ----------
    heat : float array, shape (size, size)

    Returns
    -------
    list of bool array, shape (FIELDS, FIELDS)
        1 + ``OTHERS``, each with ``HIDDEN`` fields. The other places are those that
        overlap least with the highest part.
    """
    means = np.array(
        [
            [part.mean() for part in np.array_split(band, FIELDS, axis=1)]
            for band in np.array_split(np.asarray(heat), FIELDS, axis=0)
        ]
    )
    highest = np.zeros(FIELDS * FIELDS, bool)
    highest[np.argsort(-means.ravel(), kind="stable")[:HIDDEN]] = True
    top = highest.reshape(FIELDS, FIELDS)
    moves = [(y, x) for y in range(FIELDS) for x in range(FIELDS) if y or x]
    order = np.random.default_rng(0).permutation(len(moves))
    moved = [np.roll(top, moves[place], axis=(0, 1)) for place in order]
    moved.sort(key=lambda fields: int((fields & top).sum()))
    return [top, *moved[:OTHERS]]


def _as_pixels(fields: Fields, size: int) -> Fields:
    """Which pixels the fields cover, shape (size, size)."""
    bands = np.array_split(np.arange(size), FIELDS)
    of_pixel = np.repeat(np.arange(FIELDS), [len(band) for band in bands])
    covered: Fields = fields[np.ix_(of_pixel, of_pixel)]
    return covered
