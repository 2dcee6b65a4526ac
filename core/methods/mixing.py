"""Which training images are mixed with which: mixup, CutMix, Remix and CMO.

A sampler of this kind draws pairs. The pixels are mixed on the device, after each
picture was augmented by itself (``core.models.mixing``), and the labels of every head
with them (``core.data.batches``).
"""

from dataclasses import dataclass, replace
from typing import Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from core.errors import MethodError

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Mixes:
    """The images of an epoch, in the order of the batches, and what each is made of.

    Parameters
    ----------
    rows : int64 array, shape (n,)
        Whose pixels are shown, and mixed into.
    first, second : int64 array, shape (n,)
        Whose labels count. ``second`` are also the pixels that are mixed in.
    share : float64 array, shape (n,), in [0, 1]
        Of the first image: the papers' lambda. 1 where nothing is mixed.
    label_share : float64 array, shape (n,), in [0, 1]
        Of the first label, on the task that the sampler looks at; ``share`` elsewhere.
    keep : float64 array, shape (n,), in [0, 1]
        Of the first image's pixels inside the box; outside of it they stay.
    boxes : int64 array, shape (n, 4)
        Top, left, bottom and right of the box in pixels, the last two excluded.
    """

    rows: Ints
    first: Ints
    second: Ints
    share: Floats
    label_share: Floats
    keep: Floats
    boxes: Ints

    def __len__(self) -> int:
        return len(self.rows)

    def of(self, rows: Ints) -> Self:
        """The same with each position among ``rows`` replaced by the row there."""
        return replace(
            self,
            rows=rows[self.rows],
            first=rows[self.first],
            second=rows[self.second],
        )

    def at(self, start: int, stop: int) -> Self:
        """Some of the images, one after another."""
        return type(self)(**{n: v[start:stop] for n, v in vars(self).items()})

    @property
    def is_mixed(self) -> NDArray[np.bool_]:
        """Which images are made of two, shape (n,)."""
        mixed: NDArray[np.bool_] = (self.share < 1) & (self.first != self.second)
        return mixed

    @property
    def plan(self) -> NDArray[np.float32]:
        """What the pixels are mixed by, shape (n, 5): ``keep``, then the box."""
        return np.column_stack([self.keep, self.boxes]).astype(np.float32)

    def images_by_class(self, labels: ArrayLike, num_classes: int) -> Floats:
        """Images of each class that an epoch shows, parts of images included.

        Parameters
        ----------
        labels : int array, shape (images,)
            Class ids.
        num_classes : int

        Returns
        -------
        float64 array, shape (num_classes,)
            They sum to the number of images shown.
        """
        ids = np.asarray(labels)
        own = np.bincount(ids[self.first], self.label_share, num_classes)
        other = np.bincount(ids[self.second], 1 - self.label_share, num_classes)
        return np.asarray(own + other, dtype=np.float64)


def unmixed(rows: Ints) -> Mixes:
    """Images as they are, in this order."""
    ones = np.ones(len(rows))
    boxes = np.zeros((len(rows), 4), dtype=np.int64)
    return Mixes(rows, rows, rows, ones, ones, ones, boxes)


def draw_box(
    image_size: int, share: float, rng: np.random.Generator
) -> tuple[tuple[int, int, int, int], float]:
    """Draw CutMix's box, and the share of the image that it leaves.

    Parameters
    ----------
    image_size : int
        Side of the square images, in pixels.
    share : float, in [0, 1]
        Of the image that is to stay, before the box is cut at the border.
    rng : numpy.random.Generator

    Returns
    -------
    box : tuple of int
        Top, left, bottom and right in pixels, the last two excluded.
    share : float, in [0, 1]
        Of the pixels outside of it, exactly.

    Notes
    -----
    Source: Yun et al., ICCV 2019, eq. 2, and the authors' code: the sides are
    ``size sqrt(1 - lambda)`` rounded down to an even number of pixels, and the centre
    lies anywhere in the image with the same probability. Departures: none.
    """
    half = int(image_size * np.sqrt(1 - share)) // 2
    row, column = (int(place) for place in rng.integers(image_size, size=2))
    top, left = max(row - half, 0), max(column - half, 0)
    bottom, right = min(row + half, image_size), min(column + half, image_size)
    area = (bottom - top) * (right - left)
    return (top, left, bottom, right), 1 - area / image_size**2


def mixup(
    labels: ArrayLike,
    rng: np.random.Generator,
    *,
    batch_size: int = 32,
    image_size: int = 32,
    alpha: float = 1.0,
) -> Mixes:
    """Lay two images of a batch over one another, and their labels alike.

    Parameters
    ----------
    labels : array, shape (n,)
        Class of each training image: it decides nothing here.
    rng : numpy.random.Generator
        Every epoch gets other pairs, and the same state the same ones.
    batch_size, image_size : int
        Images of a batch; side of the images in pixels.
    alpha : float, at least 0
        The share of the first image follows ``Beta(alpha, alpha)``; 0 mixes nothing.

    Returns
    -------
    Mixes
        Every image once, each with another of its batch.

    Raises
    ------
    MethodError
        If there are no labels, or alpha is below 0.

    Notes
    -----
    Source: Zhang et al., ICLR 2018, eq. 2, and the authors' code: one lambda a batch,
    and the batch in another order as the second images. Departures: the second image
    is augmented anew, where the code takes it as it lies in the batch.
    """
    batches = _Batches.of(labels, rng, batch_size)
    shares = [_draw_share(alpha, rng) for _ in batches.sizes]
    boxes = [(0, 0, image_size, image_size)] * len(shares)
    return batches.mixed(batches.partners(rng), shares, shares, boxes)


def cutmix(
    labels: ArrayLike,
    rng: np.random.Generator,
    *,
    batch_size: int = 32,
    image_size: int = 32,
    alpha: float = 1.0,
    probability: float = 0.5,
) -> Mixes:
    """Paste a box of another image of the batch, and mix the labels by its area.

    Parameters
    ----------
    labels, rng, batch_size, image_size
        As for ``mixup``.
    alpha : float, at least 0
        The area of the box, before it is cut at the border, follows
        ``1 - Beta(alpha, alpha)``; 0 mixes nothing.
    probability : float, in [0, 1]
        That a batch is mixed at all.

    Returns
    -------
    Mixes
        Every image once.

    Raises
    ------
    MethodError
        If there are no labels, or a parameter is out of range.

    Notes
    -----
    Source: Yun et al., ICCV 2019, and the authors' code: one box a batch. Departures:
    as ``mixup``. See ``draw_box``.
    """
    batches = _Batches.of(labels, rng, batch_size)
    return _paste(batches, batches.partners(rng), rng, image_size, alpha, probability)


def remix(
    labels: ArrayLike,
    rng: np.random.Generator,
    *,
    batch_size: int = 32,
    image_size: int = 32,
    alpha: float = 1.0,
    kappa: float = 3.0,
    tau: float = 0.5,
) -> Mixes:
    """Mixup whose label goes to the rarer of two very unequal classes.

    Parameters
    ----------
    labels, rng, batch_size, image_size, alpha
        As for ``mixup``.
    kappa, tau : float
        See ``remix_label_share``.

    Returns
    -------
    Mixes
        The pixels as ``mixup`` has them; ``label_share`` is Remix's.

    Raises
    ------
    MethodError
        If there are no labels, or a parameter is out of range.

    Notes
    -----
    Source: Chou et al., ECCV 2020 Workshops, section 3. Departures: as ``mixup``.
    With classes of the same size it is mixup.
    """
    mixes = mixup(
        labels, rng, batch_size=batch_size, image_size=image_size, alpha=alpha
    )
    _, codes, counts = np.unique(
        np.asarray(labels), return_inverse=True, return_counts=True
    )
    share = remix_label_share(
        mixes.share,
        counts[codes[mixes.first]],
        counts[codes[mixes.second]],
        kappa=kappa,
        tau=tau,
    )
    return replace(mixes, label_share=share)


def remix_label_share(
    share: ArrayLike,
    first_counts: ArrayLike,
    second_counts: ArrayLike,
    *,
    kappa: float = 3.0,
    tau: float = 0.5,
) -> Floats:
    """Share of the first label when images of unequal classes are mixed (Remix).

    Parameters
    ----------
    share : float array, shape (n,), in [0, 1]
        Of the first image in the pixels.
    first_counts, second_counts : int array, shape (n,)
        Training images of the two classes, each at least 1.
    kappa : float, at least 1
        How many times as common a class must be to give its label away.
    tau : float, in [0, 1]
        It does so where its share of the pixels is below this.

    Returns
    -------
    float64 array, shape (n,)
        0 where the second class is rarer and wins, 1 where the first is and does, and
        the share of the pixels elsewhere.

    Raises
    ------
    MethodError
        If kappa or tau is out of range.

    Notes
    -----
    Source: Chou et al., ECCV 2020 Workshops, section 3. Departures: none. With tau 0
    it is the share of the pixels.
    """
    if not kappa >= 1:
        raise MethodError(f"kappa is {kappa}.", expected="a number from 1.")
    if not 0 <= tau <= 1:
        raise MethodError(f"tau is {tau}.", expected="a number from 0 to 1.")
    given = np.asarray(share, dtype=np.float64)
    ratio = np.asarray(first_counts) / np.asarray(second_counts)
    second_wins = (ratio >= kappa) & (given < tau)
    first_wins = (ratio <= 1 / kappa) & (1 - given < tau)
    return np.where(second_wins, 0.0, np.where(first_wins, 1.0, given))


def cmo(
    labels: ArrayLike,
    rng: np.random.Generator,
    *,
    batch_size: int = 32,
    image_size: int = 32,
    epoch: int = 0,
    epochs: int = 1,
    alpha: float = 1.0,
    probability: float = 0.5,
    power: float = 1.0,
    plain_last: int = 3,
) -> Mixes:
    """Paste a box of an image of a rare class onto any image, and mix the labels.

    Parameters
    ----------
    labels, rng, batch_size, image_size, alpha, probability
        As for ``cutmix``.
    epoch, epochs : int
        Which epoch this is, counted from 0, and how many there are.
    power : float, at least 0
        The pasted image is drawn with probability proportional to ``n_c^-power`` of
        its class: 1 draws every class as often, 0 every image.
    plain_last : int, at least 0
        In so many last epochs nothing is mixed, but at most in half of all.

    Returns
    -------
    Mixes
        Every image once as background.

    Raises
    ------
    MethodError
        If there are no labels, or a parameter is out of range.

    Notes
    -----
    Source: Park et al., CVPR 2022, algorithm 1, and the authors' code, whose defaults
    these are. ``power`` is the paper's r: ``q_k`` proportional to ``1 / n_k^r``; the
    draw is with replacement. Departures: the code also leaves the first four of 200
    epochs plain, for which a study sets ``start = 0.02``.
    """
    if not (np.isfinite(power) and power >= 0):
        raise MethodError(f"The power is {power}.", expected="a finite number from 0.")
    batches = _Batches.of(labels, rng, batch_size)
    if epoch >= epochs - min(plain_last, epochs // 2):
        return unmixed(batches.order)
    _, codes, counts = np.unique(
        np.asarray(labels), return_inverse=True, return_counts=True
    )
    chance = counts[codes].astype(np.float64) ** -power
    pasted = rng.choice(codes.size, size=codes.size, p=chance / chance.sum())
    return _paste(batches, pasted, rng, image_size, alpha, probability)


@dataclass(frozen=True)
class _Batches:
    """The images of an epoch in their order, and how many each batch has."""

    order: Ints
    sizes: list[int]

    @classmethod
    def of(cls, labels: ArrayLike, rng: np.random.Generator, batch_size: int) -> Self:
        """Every image once, in a new order."""
        images = np.asarray(labels).size
        if not images:
            raise MethodError("There are no training images to draw from.")
        starts = range(0, images, batch_size)
        sizes = [min(batch_size, images - start) for start in starts]
        return cls(rng.permutation(images).astype(np.int64), sizes)

    def partners(self, rng: np.random.Generator) -> Ints:
        """Every batch once more, in another order of its own."""
        parts = np.split(self.order, np.cumsum(self.sizes)[:-1])
        return np.concatenate([rng.permutation(part) for part in parts])

    def mixed(
        self,
        second: Ints,
        shares: list[float],
        keep: list[float],
        boxes: list[tuple[int, int, int, int]],
    ) -> Mixes:
        """Images with their partners; the rest is one a batch."""
        share = np.repeat(np.array(shares, dtype=np.float64), self.sizes)
        # Where a box has no pixel, the second image is not in the picture at all.
        second = np.where(share < 1, second, self.order)
        return Mixes(
            rows=self.order,
            first=self.order,
            second=second,
            share=share,
            label_share=share,
            keep=np.repeat(np.array(keep, dtype=np.float64), self.sizes),
            boxes=np.repeat(np.array(boxes, dtype=np.int64), self.sizes, axis=0),
        )


def _paste(
    batches: _Batches,
    second: Ints,
    rng: np.random.Generator,
    image_size: int,
    alpha: float,
    probability: float,
) -> Mixes:
    """Paste a box of each second image onto the first, in some of the batches."""
    if not 0 <= probability <= 1:
        raise MethodError(
            f"The probability is {probability}.", expected="a number from 0 to 1."
        )
    boxes, shares = [], []
    for _ in batches.sizes:
        box, share = (0, 0, 0, 0), 1.0
        if rng.random() < probability:
            box, share = draw_box(image_size, _draw_share(alpha, rng), rng)
        boxes.append(box)
        shares.append(share)
    return batches.mixed(second, shares, [0.0] * len(shares), boxes)


def _draw_share(alpha: float, rng: np.random.Generator) -> float:
    if not (np.isfinite(alpha) and alpha >= 0):
        raise MethodError(f"alpha is {alpha}.", expected="a finite number from 0.")
    return float(rng.beta(alpha, alpha)) if alpha else 1.0
