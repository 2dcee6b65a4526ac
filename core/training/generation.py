"""Train a method's generator before the method, and keep what it draws."""

import hashlib
import json
import time
from collections.abc import Callable
from dataclasses import asdict

import keras
import numpy as np
from numpy.typing import NDArray

from core.data.generated_images import (
    GeneratedImages,
    GeneratedSample,
    Pixels,
    open_generated,
)
from core.language import N_
from core.methods.generation import Between, GenerationPlan
from core.models.deepsmote import generate, resized, train_generator
from core.training.progress import BatchProgress

# Raise it when the drawn images change: images of an earlier version are not found.
VERSION = 1
KEY_LENGTH = 16
SHOWN_EACH = 6
COMPARED = 300
AT_ONCE = 512

Progress = Callable[[str, int, int], None]


def generate_images(
    images: Pixels,
    plan: GenerationPlan,
    *,
    image_ids: NDArray[np.str_],
    classes: tuple[str, ...],
    on: str,
    study: str,
    progress: Progress = lambda what, done, total: None,
) -> GeneratedImages:
    """Draw the images of a plan, or take them from the cache.

    Parameters
    ----------
    images : uint8 array, shape (n, size, size, 3)
        The training images only.
    plan : GenerationPlan
        Of n real images.
    image_ids : str array, shape (n,)
        Of the training images.
    classes : tuple of str
        Names of the classes of the plan.
    on : str
        Task or feature of the classes.
    study : str
        Which study asks for them, for the list of what is in the cache.
    progress : callable
        ``(what, done, total)``: batches trained, then images drawn.

    Returns
    -------
    GeneratedImages
    """
    size = images.shape[1]

    def make() -> tuple[Pixels, Between, float, GeneratedSample]:
        start = time.perf_counter()
        pictures = resized(images, min(plan.side, size // 8 * 8))
        watching = BatchProgress(f"{study}, generator on {on}", progress)
        generator = train_generator(pictures, plan, callbacks=(watching,))
        drawn, between = generate(
            generator,
            pictures,
            plan,
            size,
            progress=lambda done, total: progress(N_("Drawing images"), done, total),
        )
        seconds = time.perf_counter() - start
        sample = take_sample(drawn, between, images, plan, image_ids, classes, on)
        return drawn, between, seconds, sample

    return open_generated(
        _key(images, plan, image_ids, classes, on),
        make,
        study=study,
        expected_bytes=int(plan.new.sum()) * size**2 * 3,
    )


def _key(
    images: Pixels,
    plan: GenerationPlan,
    image_ids: NDArray[np.str_],
    classes: tuple[str, ...],
    on: str,
) -> str:
    """Hash of everything that decides the drawn images and their record."""
    settings = {
        name: value.tolist() if isinstance(value, np.ndarray) else value
        for name, value in asdict(plan).items()
    }
    told = [VERSION, keras.backend.backend(), settings, image_ids.tolist(), classes, on]
    digest = hashlib.sha256(json.dumps(told, sort_keys=True).encode())
    digest.update(np.ascontiguousarray(images).data)
    return digest.hexdigest()[:KEY_LENGTH]


def take_sample(
    drawn: Pixels,
    between: Between,
    images: Pixels,
    plan: GenerationPlan,
    image_ids: NDArray[np.str_],
    classes: tuple[str, ...],
    on: str,
) -> GeneratedSample:
    """A few generated images of each class, each with its nearest real one.

    Parameters
    ----------
    drawn : uint8 array, shape (generated, size, size, 3)
    between : Between
    images, plan, image_ids, classes, on
        As for ``generate_images``.
    """
    of_class = np.repeat(np.arange(len(plan.new)), plan.new)
    chosen = np.concatenate(
        [np.flatnonzero(of_class == label)[:SHOWN_EACH] for label in set(of_class)]
        or [np.empty(0, dtype=np.int64)]
    ).astype(np.int64)
    chosen.sort()
    nearest, distance = find_nearest(drawn[chosen], images)
    typical = {
        label: _usual_distance(images[np.flatnonzero(plan.codes == label)])
        for label in set(of_class[chosen])
    }
    return GeneratedSample(
        images=drawn[chosen],
        classes=np.array([classes[label] for label in of_class[chosen]], dtype=str),
        first_id=image_ids[between.first[chosen]],
        second_id=image_ids[between.second[chosen]],
        share=between.share[chosen],
        nearest_id=image_ids[nearest],
        distance=distance,
        real_distance=np.array([typical[label] for label in of_class[chosen]]),
        on=np.array([on]),
    )


def find_nearest(
    images: Pixels, candidates: Pixels, *, skip_same: bool = False
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """The candidate that is nearest to each image.

    Parameters
    ----------
    images : uint8 array, shape (n, size, size, 3)
    candidates : uint8 array, shape (m, size, size, 3)
    skip_same : bool
        Leave out image i of the candidates for image i: both are the same.

    Returns
    -------
    int64 array, shape (n,)
        Which of the m.
    float64 array, shape (n,)
        Root of the mean squared difference of their pixels, in levels of 0..255.
    """
    flat = candidates.reshape(len(candidates), -1)
    nearest = np.zeros(len(images), dtype=np.int64)
    distance = np.zeros(len(images))
    for place, image in enumerate(images.reshape(len(images), -1)):
        # Some at a time, and in float32: all at once would take gigabytes.
        squares = np.concatenate(
            [
                np.square(flat[i : i + AT_ONCE].astype(np.float32) - image).mean(axis=1)
                for i in range(0, len(flat), AT_ONCE)
            ]
        )
        if skip_same:
            squares[place] = np.inf
        nearest[place] = squares.argmin()
        distance[place] = np.sqrt(squares[nearest[place]])
    return nearest, distance


def _usual_distance(images: Pixels) -> float:
    """Median distance of a real image to the nearest other one of its class."""
    if len(images) < 2:
        return float("nan")
    _, distance = find_nearest(images[:COMPARED], images, skip_same=True)
    return float(np.median(distance))
