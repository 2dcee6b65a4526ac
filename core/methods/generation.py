"""The images that a generator adds to each class, and the epochs made of them."""

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from core.errors import MethodError
from core.language import gettext
from core.methods.checks import SHARE_ABOVE_ZERO, check_choice, check_number
from core.methods.mixing import Mixes, unmixed
from core.methods.samplers import code_labels

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Form = Literal["paper", "official"]
LEAST_IMAGES = 2
"""Images of a class between which a new one can lie."""


@dataclass(frozen=True)
class GenerationPlan:
    """The images that a generator is to add to the training images.

    Parameters
    ----------
    codes : int64 array, shape (n,)
        Class of each real image, from 0.
    new : int64 array, shape (classes,)
        Images to add to each class.
    seed : int
        Seed of the generator's training and of its draws.
    neighbours, latent, width, side, epochs, form
        See ``plan_deepsmote``.
    """

    codes: Ints
    new: Ints
    seed: int
    neighbours: int
    latent: int
    width: int
    side: int
    epochs: int
    form: Form

    def __len__(self) -> int:
        """Images of an epoch, real and generated."""
        return len(self.codes) + int(self.new.sum())

    def images_by_class(self, labels: ArrayLike, num_classes: int) -> Floats:
        """Images of each class that an epoch shows, real and generated.

        Parameters
        ----------
        labels : int array, shape (n,)
            Class ids of the real images.
        num_classes : int

        Returns
        -------
        float64 array, shape (num_classes,)
        """
        ids = np.asarray(labels)
        shown = np.bincount(ids, minlength=num_classes).astype(np.float64)
        shown[np.unique(ids)] += self.new
        return shown


def plan_deepsmote(
    labels: ArrayLike,
    rng: np.random.Generator,
    *,
    up_to: float = 1.0,
    neighbours: int = 5,
    latent: int = 64,
    width: int = 16,
    side: int = 32,
    epochs: int = 40,
    form: Form = "paper",
) -> GenerationPlan:
    """Fill up every class with generated images.

    Parameters
    ----------
    labels : array, shape (n,)
        Class of each training image.
    rng : numpy.random.Generator
        Advanced by one draw, which becomes the seed of the plan.
    up_to : float, in (0, 1]
        Size that each class is filled up to, as a share of the largest.
    neighbours : int, at least 1
        Nearest images of the class, in the latent space, that a new one may lie
        towards; fewer where the class has fewer.
    latent : int
        Numbers by which the encoder describes a picture.
    width : int
        Filters of the first convolution; each further one has twice as many.
    side : int
        Side in pixels at which pictures are encoded and decoded, a multiple of 8; at
        most that of the images.
    epochs : int
        Epochs of the generator's training.
    form : {"paper", "official"}
        The images that decoded images of a class are compared with; see
        ``core.models.deepsmote``.

    Returns
    -------
    GenerationPlan

    Raises
    ------
    MethodError
        If there are no labels, a parameter is out of range, or a class that is to be
        filled up has a single image.

    Examples
    --------
    >>> plan = plan_deepsmote([0, 0, 1, 1, 1], np.random.default_rng(0))
    >>> plan.new.tolist(), len(plan)
    ([1, 0], 6)
    """
    codes, counts = code_labels(labels)
    check_number("'up_to'", up_to, SHARE_ABOVE_ZERO)
    check_choice("form", form, get_args(Form), owner="DeepSMOTE")
    target = round(up_to * int(counts.max()))
    new = np.maximum(target - counts, 0).astype(np.int64)
    alone = (new > 0) & (counts < LEAST_IMAGES)
    if alone.any():
        name = np.asarray(labels)[codes == np.argmax(alone)][0]
        raise MethodError(
            gettext(
                "A class has a single training image (number {class_id}): nothing lies "
                "between it and another one.",
                class_id=str(name),
            ),
            expected=gettext(
                "at least {least} images of every class.", least=LEAST_IMAGES
            ),
            remedy=gettext(
                "add images of it, or take oversample, which repeats the one."
            ),
        )
    return GenerationPlan(
        codes=codes,
        new=new,
        seed=int(rng.integers(2**31)),
        neighbours=neighbours,
        latent=latent,
        width=width,
        side=max(8, side // 8 * 8),
        epochs=epochs,
        form=form,
    )


@dataclass(frozen=True)
class Between:
    """The two real images that each generated image lies between.

    Parameters
    ----------
    first, second : int64 array, shape (generated,)
        Positions of two real images of its class.
    share : float64 array, shape (generated,), in [0, 1]
        Share of the first.
    """

    first: Ints
    second: Ints
    share: Floats

    def shuffled(self, rows: Ints, offset: int, rng: np.random.Generator) -> Mixes:
        """An epoch of all real images and all generated ones, in a new order.

        Parameters
        ----------
        rows : int64 array, shape (n,)
            Row of each real image.
        offset : int
            Row of the first generated image.
        rng : numpy.random.Generator

        Returns
        -------
        Mixes
            A generated image has the labels of both that it lies between; its pixels
            are its own.
        """
        pixels = np.concatenate([rows, offset + np.arange(len(self.first))])
        ones = np.ones(len(rows))
        order = rng.permutation(len(pixels))
        share = np.concatenate([ones, self.share])[order]
        mixes = unmixed(pixels[order])
        return Mixes(
            rows=mixes.rows,
            first=np.concatenate([rows, rows[self.first]])[order],
            second=np.concatenate([rows, rows[self.second]])[order],
            share=share,
            label_share=share,
            keep=mixes.keep,
            boxes=mixes.boxes,
        )
