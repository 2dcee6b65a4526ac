"""Samplers that mix training images in pairs: mixup, CutMix, Remix and CMO.

A sampler of this kind draws the pairs. ``core.models.mix_images`` mixes the pixels on
the device, after each picture was augmented by itself, and ``core.data.batches`` mixes
the labels of every head.
"""

from dataclasses import dataclass, replace
from typing import Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from core.methods.checks import FROM_ZERO, SHARE, Interval, check_number
from core.methods.samplers import code_labels

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
_FROM_ONE = Interval(1)


@dataclass(frozen=True)
class Mixes:
    """The images of an epoch, in the order of the batches, and the parts of each.

    Parameters
    ----------
    rows : int64 array, shape (n,)
        Images whose pixels are shown, and mixed into.
    first, second : int64 array, shape (n,)
        Images whose labels count. The pixels of ``second`` are mixed in.
    share : float64 array, shape (n,), in [0, 1]
        Share of the first image: the papers' lambda. 1 where nothing is mixed.
    label_share : float64 array, shape (n,), in [0, 1]
        Share of the first label, on the task that the sampler looks at; ``share``
        elsewhere.
    keep : float64 array, shape (n,), in [0, 1]
        Share of the first image's pixels inside the box; outside of it they stay.
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

    def with_rows(self, rows: Ints) -> Self:
        """The same mixes with each position replaced by its row in ``rows``."""
        return replace(
            self,
            rows=rows[self.rows],
            first=rows[self.first],
            second=rows[self.second],
        )

    def at(self, start: int, stop: int) -> Self:
        """The images from ``start`` up to ``stop``."""
        return type(self)(**{n: v[start:stop] for n, v in vars(self).items()})

    @property
    def is_mixed(self) -> NDArray[np.bool_]:
        """Whether each image is made of two, shape (n,)."""
        mixed: NDArray[np.bool_] = (self.share < 1) & (self.first != self.second)
        return mixed

    @property
    def plan(self) -> NDArray[np.float32]:
        """How the pixels are mixed, shape (n, 5): ``keep``, then the box."""
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
    """Images as they are, in this order.

    Examples
    --------
    >>> mixes = unmixed(np.array([4, 2]))
    >>> mixes.rows.tolist(), mixes.share.tolist()
    ([4, 2], [1.0, 1.0])
    """
    ones = np.ones(len(rows))
    boxes = np.zeros((len(rows), 4), dtype=np.int64)
    return Mixes(rows, rows, rows, ones, ones, ones, boxes)


def draw_box(
    image_size: int, share: float, rng: np.random.Generator
) -> tuple[tuple[int, int, int, int], float]:
    """Draw CutMix's box, and return the share of the image outside of it.

    Parameters
    ----------
    image_size : int
        Side of the square images, in pixels.
    share : float, in [0, 1]
        Share of the image that stays, before the box is cut at the border.
    rng : numpy.random.Generator

    Returns
    -------
    box : tuple of int
        Top, left, bottom and right in pixels, the last two excluded.
    share : float, in [0, 1]
        Exact share of the pixels outside of the box.

    Notes
    -----
    Source: Yun et al., ICCV 2019, eq. 2, and the authors' code: the sides are
    ``size sqrt(1 - lambda)`` rounded down to an even number of pixels, and the centre
    lies anywhere in the image with the same probability. Departures: none.

    Examples
    --------
    With share 1 the box is empty, and all pixels stay:

    >>> box, share = draw_box(32, 1.0, np.random.default_rng(0))
    >>> box[0] == box[2], float(share)
    (True, 1.0)
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
    """Blend two images of a batch, and their labels by the same share.

    Parameters
    ----------
    labels : array, shape (n,)
        Class of each training image; the pairs do not depend on it.
    rng : numpy.random.Generator
        Every epoch gets other pairs; the same state gives the same pairs.
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
    is augmented anew; the code takes it as it is in the batch.

    Examples
    --------
    >>> mixes = mixup([0, 1, 1, 0], np.random.default_rng(0), batch_size=4)
    >>> sorted(mixes.first.tolist()), len(set(mixes.share[mixes.is_mixed].tolist()))
    ([0, 1, 2, 3], 1)
    """
    return _blend(_Batches.shuffled(labels, rng, batch_size), rng, image_size, alpha)


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
        Probability that a batch is mixed at all.

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

    Examples
    --------
    With probability 0 no image is mixed:

    >>> mixes = cutmix([0, 1, 1, 0], np.random.default_rng(0), probability=0.0)
    >>> bool(mixes.is_mixed.any())
    False
    """
    batches = _Batches.shuffled(labels, rng, batch_size)
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
    """Mixup that gives the label to the rarer of two very unequal classes.

    Parameters
    ----------
    labels, rng, batch_size, image_size, alpha
        As for ``mixup``.
    kappa, tau : float
        See ``remix_label_share``.

    Returns
    -------
    Mixes
        Pixels as in ``mixup``; ``label_share`` as in Remix.

    Raises
    ------
    MethodError
        If there are no labels, or a parameter is out of range.

    Notes
    -----
    Source: Chou et al., ECCV 2020 Workshops, section 3. Departures: as ``mixup``.
    With classes of the same size it is mixup.

    Examples
    --------
    >>> mixes = remix([0, 1, 1, 0], np.random.default_rng(0))
    >>> (mixes.label_share == mixes.share).all().item()  # two classes of two images
    True
    """
    batches = _Batches.shuffled(labels, rng, batch_size)
    mixes = _blend(batches, rng, image_size, alpha)
    share = remix_label_share(
        mixes.share,
        batches.class_counts[mixes.first],
        batches.class_counts[mixes.second],
        kappa=kappa,
        tau=tau,
    )
    return replace(mixes, label_share=share)


def remix_label_share(
    share: ArrayLike,
    first_counts: ArrayLike,
    second_counts: ArrayLike,
    *,
    kappa: float,
    tau: float,
) -> Floats:
    """Share of the first label when images of unequal classes are mixed (Remix).

    Parameters
    ----------
    share : float array, shape (n,), in [0, 1]
        Share of the first image in the pixels.
    first_counts, second_counts : int array, shape (n,)
        Training images of the two classes, each at least 1.
    kappa : float, at least 1
        A class gives its label away if it is at least this many times as common.
    tau : float, in [0, 1]
        It does so where its share of the pixels is below this.

    Returns
    -------
    float64 array, shape (n,)
        0 where the second class gets the label, 1 where the first gets it, and the
        share of the pixels elsewhere.

    Raises
    ------
    MethodError
        If kappa or tau is out of range.

    Notes
    -----
    Source: Chou et al., ECCV 2020 Workshops, section 3. Departures: none. With tau 0
    it is the share of the pixels.

    Examples
    --------
    The first class is four times as common, and loses its label below a half:

    >>> share = remix_label_share([0.3, 0.7], [40, 40], [10, 10], kappa=3, tau=0.5)
    >>> share.tolist()
    [0.0, 0.7]
    """
    check_number("kappa", kappa, _FROM_ONE)
    check_number("tau", tau, SHARE)
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
        Number of this epoch, counted from 0, and number of all epochs.
    power : float, at least 0
        The pasted image is drawn with probability proportional to ``n_c^-power`` of
        its class: 1 draws every class equally often, 0 every image.
    plain_last : int, at least 0
        Number of last epochs without mixing, at most half of all epochs.

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

    Examples
    --------
    The last epoch is plain:

    >>> mixes = cmo([0, 1, 1], np.random.default_rng(0), epoch=9, epochs=10)
    >>> bool(mixes.is_mixed.any())
    False
    """
    check_number("The power", power, FROM_ZERO)
    batches = _Batches.shuffled(labels, rng, batch_size)
    if epoch >= epochs - min(plain_last, epochs // 2):
        return unmixed(batches.order)
    chance = batches.class_counts.astype(np.float64) ** -power
    pasted = rng.choice(chance.size, size=chance.size, p=chance / chance.sum())
    return _paste(batches, pasted, rng, image_size, alpha, probability)


@dataclass(frozen=True)
class _Batches:
    """The images of an epoch in their order, and the size of each batch.

    ``class_counts`` has, for each image, the number of images of its class.
    """

    order: Ints
    sizes: list[int]
    class_counts: Ints

    @classmethod
    def shuffled(
        cls, labels: ArrayLike, rng: np.random.Generator, batch_size: int
    ) -> Self:
        """Every image once, in a new order."""
        codes, counts = code_labels(labels)
        starts = range(0, codes.size, batch_size)
        sizes = [min(batch_size, codes.size - start) for start in starts]
        return cls(rng.permutation(codes.size).astype(np.int64), sizes, counts[codes])

    def partners(self, rng: np.random.Generator) -> Ints:
        """The same images, each batch in another order."""
        parts = np.split(self.order, np.cumsum(self.sizes)[:-1])
        return np.concatenate([rng.permutation(part) for part in parts])

    def mixed(
        self,
        second: Ints,
        shares: list[float],
        keep: list[float],
        boxes: list[tuple[int, int, int, int]],
    ) -> Mixes:
        """Images with their partners; shares, keep and boxes are one a batch."""
        share = np.repeat(np.array(shares, dtype=np.float64), self.sizes)
        # If a box has no pixel, the second image is not in the picture at all.
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


def _blend(
    batches: _Batches, rng: np.random.Generator, image_size: int, alpha: float
) -> Mixes:
    """Blend the whole pictures of every batch with another order of it."""
    check_number("alpha", alpha, FROM_ZERO)
    shares = [_draw_share(alpha, rng) for _ in batches.sizes]
    boxes = [(0, 0, image_size, image_size)] * len(shares)
    return batches.mixed(batches.partners(rng), shares, shares, boxes)


def _paste(
    batches: _Batches,
    second: Ints,
    rng: np.random.Generator,
    image_size: int,
    alpha: float,
    probability: float,
) -> Mixes:
    """Paste a box of each second image onto the first, in some of the batches."""
    check_number("The probability", probability, SHARE)
    check_number("alpha", alpha, FROM_ZERO)
    boxes, shares = [], []
    for _ in batches.sizes:
        box, share = (0, 0, 0, 0), 1.0
        if rng.random() < probability:
            box, share = draw_box(image_size, _draw_share(alpha, rng), rng)
        boxes.append(box)
        shares.append(share)
    return batches.mixed(second, shares, [0.0] * len(shares), boxes)


def _draw_share(alpha: float, rng: np.random.Generator) -> float:
    return float(rng.beta(alpha, alpha)) if alpha else 1.0
