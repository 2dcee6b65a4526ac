"""The fixed list of corruptions: the picture gets worse, at five severities.

Unlike a harmless change (``harmless_changes``), a corruption may hide what a picture
shows. It is made to the picture as a model takes it, cropped and resized, as in the
paper. Its random numbers follow from the picture alone: every method sees the same
corrupted pictures, and a higher severity is the same noise made stronger.

Source: Hendrycks and Dietterich, Benchmarking Neural Network Robustness to Common
Corruptions and Perturbations, ICLR 2019. The strengths are those of its three
benchmarks, CIFAR-10-C (32 pixels), Tiny-ImageNet-C (64) and ImageNet-C (224); those
of the nearest size are taken. Departures: lengths in pixels, such as the radius of a
blur, grow with the side of the picture; frost, glass blur and the elastic transform
are left out (the first needs photographs of ice); the generator is seeded for each
picture.
"""

import hashlib
import math
from collections.abc import Callable
from dataclasses import dataclass
from io import BytesIO
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage

from core.language import N_

Pixels = NDArray[np.uint8]
Floats = NDArray[np.float32]

SEVERITIES = (1, 2, 3, 4, 5)
PUBLISHED_SIDES = (32, 64, 224)
"""Sides of the pictures, in pixels, that strengths were published for."""
GREY = np.array([0.299, 0.587, 0.114], np.float32)
"""Shares of red, green and blue in the brightness of a pixel (ITU-R BT.601)."""
FAMILIES = {
    "noise": N_("Noise"),
    "blur": N_("Blur"),
    "weather": N_("Weather"),
    "digital": N_("Digital"),
}
"""Kinds of corruption, and what a reader sees of them."""


class _Setting(NamedTuple):
    """What a corruption works with.

    ``strength`` is the published number or numbers of a severity, ``scale`` the side of
    the picture over that of the pictures that it was published for, and ``rng`` the
    generator of the picture.
    """

    strength: Any
    scale: float
    rng: np.random.Generator


@dataclass(frozen=True)
class Corruption:
    """One kind of corruption.

    If a corruption is altered, it needs another name: prepared pictures are kept under
    the name.

    Parameters
    ----------
    name : str
        In the table of answers, and with a severity the name of a change: "fog 3".
    label : str
        What a reader sees.
    family : str
        One of ``FAMILIES``.
    explanation : str
        What is done to the picture, as the end of a sentence.
    apply : callable
        ``(picture, setting)``: levels from 0 to 1, shape (side, side, 3), to such
        levels; what lies beyond is cut off afterwards.
    strengths : dict of tuples
        By published side, one entry a severity.
    """

    name: str
    label: str
    family: str
    explanation: str
    apply: Callable[[Floats, _Setting], NDArray[Any]]
    strengths: dict[int, tuple[Any, ...]]


def corrupt(pixels: Pixels, change: str) -> Pixels:
    """Corrupt a picture that is ready for a model.

    Parameters
    ----------
    pixels : uint8 array, shape (side, side, 3)
    change : str
        A corruption with its severity, one of ``CORRUPTED``.

    Returns
    -------
    uint8 array, shape (side, side, 3)

    Examples
    --------
    >>> grey = np.full((32, 32, 3), 128, np.uint8)
    >>> corrupt(grey, "contrast 5").tolist() == grey.tolist()
    True
    >>> corrupt(grey, "brightness 1")[0, 0].tolist()
    [141, 141, 141]
    """
    corruption, severity = CORRUPTED[change]
    side = len(pixels)
    published = published_side(side)
    seed = hashlib.sha256(corruption.name.encode() + pixels.tobytes()).digest()
    setting = _Setting(
        corruption.strengths[published][severity - 1],
        side / published,
        np.random.default_rng(list(seed)),
    )
    picture = np.asarray(pixels / 255, np.float32)
    levels = corruption.apply(picture, setting)
    return np.asarray(np.clip(np.rint(levels * 255), 0, 255), np.uint8)


def published_side(side: int) -> int:
    """The published side that is nearest to a picture's, as a ratio.

    Examples
    --------
    >>> [published_side(side) for side in (32, 96, 112, 160, 300)]
    [32, 64, 64, 224, 224]
    """
    return min(PUBLISHED_SIDES, key=lambda one: abs(math.log(side / one)))


def change_name(corruption: str, severity: int) -> str:
    """A corruption with its severity, such as "fog 3"."""
    return f"{corruption} {severity}"


def _gaussian_noise(picture: Floats, setting: _Setting) -> NDArray[Any]:
    noise = setting.rng.standard_normal(picture.shape)
    return np.asarray(picture + setting.strength * noise)


def _shot_noise(picture: Floats, setting: _Setting) -> NDArray[Any]:
    counts = setting.rng.poisson(picture * setting.strength)
    return np.asarray(counts / setting.strength)


def _impulse_noise(picture: Floats, setting: _Setting) -> NDArray[Any]:
    drawn = setting.rng.random(picture.shape)
    extreme = setting.rng.random(picture.shape) < 0.5
    return np.where(drawn < setting.strength, extreme, picture)


def _defocus_blur(picture: Floats, setting: _Setting) -> NDArray[Any]:
    """Mean over a disk whose edge is smoothed."""
    radius, smoothing = setting.strength
    radius *= setting.scale
    reach = math.ceil(radius) + 2
    x, y = np.mgrid[-reach : reach + 1, -reach : reach + 1]
    disk = (x**2 + y**2 <= radius**2).astype(np.float64)
    kernel = ndimage.gaussian_filter(
        disk / disk.sum(), smoothing, radius=1 if radius <= 8 else 2
    )
    return np.stack(
        [ndimage.convolve(picture[..., c], kernel, mode="mirror") for c in range(3)], -1
    )


def _motion_blur(picture: Floats, setting: _Setting) -> NDArray[Any]:
    radius, sigma = setting.strength
    angle = setting.rng.uniform(-45, 45)
    return _drag(picture, radius * setting.scale, sigma * setting.scale, angle)


def _drag(picture: Floats, radius: float, sigma: float, degrees: float) -> Floats:
    """Blur along a line to one side, with the weights of half a Gaussian.

    As ImageMagick's motion blur, which the paper takes: the edge of the picture is
    continued, and steps are of whole pixels.
    """
    steps = np.arange(2 * math.ceil(radius) + 1)
    weights = np.exp(-(steps**2) / (2 * sigma**2))
    weights /= weights.sum()
    turn = math.radians(degrees)
    side, reach = len(picture), len(steps)
    padded = np.pad(picture, ((reach, reach), (reach, reach), (0, 0)), mode="edge")
    dragged = np.zeros_like(picture)
    for step, weight in zip(steps, weights, strict=True):
        top = reach + round(step * math.sin(turn))
        left = reach + round(step * math.cos(turn))
        dragged += np.float32(weight) * padded[top : top + side, left : left + side]
    return dragged


def _zoom_blur(picture: Floats, setting: _Setting) -> NDArray[Any]:
    """Mean of the picture and of its enlarged centres."""
    stop, step = setting.strength
    factors = np.arange(1, stop, step)
    image, total = _as_image(picture), np.zeros_like(picture)
    for factor in factors:
        total += _enlarge(image, float(factor))
    return np.asarray((picture + total / 255) / (len(factors) + 1))


def _enlarge(image: Image.Image, factor: float) -> Floats:
    """The centre of a picture, enlarged to the size of the whole."""
    side = image.width
    margin = side * (1 - 1 / factor) / 2
    box = (margin, margin, side - margin, side - margin)
    enlarged = image.resize((side, side), Image.Resampling.BILINEAR, box=box)
    return np.asarray(enlarged, np.float32)


def _fog(picture: Floats, setting: _Setting) -> NDArray[Any]:
    density, decay = setting.strength
    clouds = _clouds(len(picture), decay, setting.rng)[..., None]
    brightest = picture.max()
    return np.asarray((picture + density * clouds) * brightest / (brightest + density))


def _clouds(side: int, decay: float, rng: np.random.Generator) -> NDArray[Any]:
    """A height map from 0 to 1 by the diamond-square algorithm, periodic.

    Each halving of the grid adds uniform noise whose size falls by ``decay`` squared,
    as in the program of the paper.
    """
    heights, size = np.zeros((1, 1)), 1.0
    while len(heights) < side:
        right, below = np.roll(heights, -1, 1), np.roll(heights, -1, 0)
        corners = heights + right + below + np.roll(right, -1, 0)
        centre = corners / 4 + rng.uniform(-size, size, heights.shape)
        across = heights + right + centre + np.roll(centre, 1, 0)
        down = heights + below + centre + np.roll(centre, 1, 1)
        finer = np.empty((2 * len(heights), 2 * len(heights)))
        finer[::2, ::2], finer[1::2, 1::2] = heights, centre
        finer[::2, 1::2] = across / 4 + rng.uniform(-size, size, heights.shape)
        finer[1::2, ::2] = down / 4 + rng.uniform(-size, size, heights.shape)
        heights, size = finer, size / decay**2
    heights = heights - heights.min()
    return np.asarray((heights / max(heights.max(), 1e-9))[:side, :side])


def _snow(picture: Floats, setting: _Setting) -> NDArray[Any]:
    """Flakes that fall aslant, over a picture that is whitened."""
    mean, spread, zoom, least, radius, sigma, kept = setting.strength
    flakes = setting.rng.normal(mean, spread, picture.shape[:2]).astype(np.float32)
    angle = setting.rng.uniform(-135, -45)
    layer = _enlarge(Image.fromarray(flakes), zoom * setting.scale)[..., None]
    layer = np.clip(np.where(layer < least, 0, layer), 0, 1)
    layer = _drag(layer, radius * setting.scale, sigma * setting.scale, angle)
    grey = (picture @ GREY)[..., None] * 1.5 + 0.5
    whitened = kept * picture + (1 - kept) * np.maximum(picture, grey)
    return np.asarray(whitened + layer + np.rot90(layer, 2))


def _brightness(picture: Floats, setting: _Setting) -> NDArray[Any]:
    """Raise the value of the hue, saturation and value of each pixel."""
    value = picture.max(axis=-1, keepdims=True)
    raised = np.minimum(value + setting.strength, 1)
    ratio = np.divide(raised, value, out=np.zeros_like(value), where=value > 0)
    return np.asarray(np.where(value > 0, picture * ratio, raised))


def _contrast(picture: Floats, setting: _Setting) -> NDArray[Any]:
    mean = picture.mean(axis=(0, 1), keepdims=True)
    return np.asarray((picture - mean) * setting.strength + mean)


def _jpeg(picture: Floats, setting: _Setting) -> NDArray[Any]:
    content = BytesIO()
    _as_image(picture).save(content, "JPEG", quality=setting.strength)
    return np.asarray(Image.open(content).convert("RGB"), np.float32) / 255


def _pixelate(picture: Floats, setting: _Setting) -> NDArray[Any]:
    side = len(picture)
    few = max(int(side * setting.strength), 1)
    box = Image.Resampling.BOX
    image = _as_image(picture).resize((few, few), box).resize((side, side), box)
    return np.asarray(image, np.float32) / 255


def _as_image(picture: Floats) -> Image.Image:
    return Image.fromarray(np.rint(picture * 255).astype(np.uint8))


def _of_sides(
    small: tuple[Any, ...], middle: tuple[Any, ...], large: tuple[Any, ...]
) -> dict[int, tuple[Any, ...]]:
    return dict(zip(PUBLISHED_SIDES, (small, middle, large), strict=True))


_SMALL_ZOOMS = tuple((stop, 0.01) for stop in (1.06, 1.11, 1.16, 1.21, 1.26))
CORRUPTIONS = {
    one.name: one
    for one in (
        Corruption(
            "gaussian noise",
            N_("Gaussian noise"),
            "noise",
            N_("normal noise is added to every level"),
            _gaussian_noise,
            _of_sides(
                (0.04, 0.06, 0.08, 0.09, 0.10),
                (0.04, 0.08, 0.12, 0.15, 0.18),
                (0.08, 0.12, 0.18, 0.26, 0.38),
            ),
        ),
        Corruption(
            "shot noise",
            N_("Shot noise"),
            "noise",
            N_("the light is counted in few photons, as in the dark"),
            _shot_noise,
            _of_sides(
                (500, 250, 100, 75, 50), (250, 100, 50, 30, 15), (60, 25, 12, 5, 3)
            ),
        ),
        Corruption(
            "impulse noise",
            N_("Impulse noise"),
            "noise",
            N_("some levels become 0 or full, as by defective sensor cells"),
            _impulse_noise,
            _of_sides(
                (0.01, 0.02, 0.03, 0.05, 0.07),
                (0.01, 0.02, 0.05, 0.08, 0.14),
                (0.03, 0.06, 0.09, 0.17, 0.27),
            ),
        ),
        Corruption(
            "defocus blur",
            N_("Defocus blur"),
            "blur",
            N_("the picture is out of focus"),
            _defocus_blur,
            _of_sides(
                ((0.3, 0.4), (0.4, 0.5), (0.5, 0.6), (1, 0.2), (1.5, 0.1)),
                ((0.5, 0.6), (1, 0.1), (1.5, 0.1), (2.5, 0.01), (3, 0.1)),
                ((3, 0.1), (4, 0.5), (6, 0.5), (8, 0.5), (10, 0.5)),
            ),
        ),
        Corruption(
            "motion blur",
            N_("Motion blur"),
            "blur",
            N_("the camera moves while it exposes"),
            _motion_blur,
            _of_sides(
                ((6, 1), (6, 1.5), (6, 2), (8, 2), (9, 2.5)),
                ((10, 1), (10, 1.5), (10, 2), (10, 2.5), (12, 3)),
                ((10, 3), (15, 5), (15, 8), (15, 12), (20, 15)),
            ),
        ),
        Corruption(
            "zoom blur",
            N_("Zoom blur"),
            "blur",
            N_("the camera zooms in while it exposes"),
            _zoom_blur,
            _of_sides(
                _SMALL_ZOOMS,
                _SMALL_ZOOMS,
                ((1.11, 0.01), (1.16, 0.01), (1.21, 0.02), (1.26, 0.02), (1.31, 0.03)),
            ),
        ),
        Corruption(
            "snow",
            N_("Snow"),
            "weather",
            N_("flakes fall aslant and the picture is whitened"),
            _snow,
            _of_sides(
                (
                    (0.1, 0.2, 1, 0.6, 8, 3, 0.95),
                    (0.1, 0.2, 1, 0.5, 10, 4, 0.9),
                    (0.15, 0.3, 1.75, 0.55, 10, 4, 0.9),
                    (0.25, 0.3, 2.25, 0.6, 12, 6, 0.85),
                    (0.3, 0.3, 1.25, 0.65, 14, 12, 0.8),
                ),
                (
                    (0.1, 0.2, 1, 0.6, 8, 3, 0.8),
                    (0.1, 0.2, 1, 0.5, 10, 4, 0.8),
                    (0.15, 0.3, 1.75, 0.55, 10, 4, 0.7),
                    (0.25, 0.3, 2.25, 0.6, 12, 6, 0.65),
                    (0.3, 0.3, 1.25, 0.65, 14, 12, 0.6),
                ),
                (
                    (0.1, 0.3, 3, 0.5, 10, 4, 0.8),
                    (0.2, 0.3, 2, 0.5, 12, 4, 0.7),
                    (0.55, 0.3, 4, 0.9, 12, 8, 0.7),
                    (0.55, 0.3, 4.5, 0.85, 12, 8, 0.65),
                    (0.55, 0.3, 2.5, 0.85, 12, 12, 0.55),
                ),
            ),
        ),
        Corruption(
            "fog",
            N_("Fog"),
            "weather",
            N_("clouds lie over the picture"),
            _fog,
            _of_sides(
                ((0.2, 3), (0.5, 3), (0.75, 2.5), (1, 2), (1.5, 1.75)),
                ((0.4, 3), (0.7, 3), (1, 2.5), (1.5, 2), (2, 1.75)),
                ((1.5, 2), (2, 2), (2.5, 1.7), (2.5, 1.5), (3, 1.4)),
            ),
        ),
        Corruption(
            "brightness",
            N_("Brightness"),
            "weather",
            N_("the picture becomes lighter"),
            _brightness,
            _of_sides(
                (0.05, 0.1, 0.15, 0.2, 0.3),
                (0.1, 0.2, 0.3, 0.4, 0.5),
                (0.1, 0.2, 0.3, 0.4, 0.5),
            ),
        ),
        Corruption(
            "contrast",
            N_("Contrast"),
            "digital",
            N_("every level moves towards the mean"),
            _contrast,
            _of_sides(
                (0.75, 0.5, 0.4, 0.3, 0.15),
                (0.4, 0.3, 0.2, 0.1, 0.05),
                (0.4, 0.3, 0.2, 0.1, 0.05),
            ),
        ),
        Corruption(
            "pixelate",
            N_("Pixelation"),
            "digital",
            N_("the picture is reduced and enlarged again, without smoothing"),
            _pixelate,
            _of_sides(
                (0.95, 0.9, 0.85, 0.75, 0.65),
                (0.9, 0.8, 0.7, 0.6, 0.5),
                (0.6, 0.5, 0.4, 0.3, 0.25),
            ),
        ),
        Corruption(
            "JPEG",
            N_("JPEG"),
            "digital",
            N_("the picture is saved as JPEG of low quality"),
            _jpeg,
            _of_sides((80, 65, 58, 50, 40), (65, 58, 50, 40, 25), (25, 18, 15, 10, 7)),
        ),
    )
}
CORRUPTED = {
    change_name(name, severity): (one, severity)
    for name, one in CORRUPTIONS.items()
    for severity in SEVERITIES
}
"""Every corruption at every severity, by the name of the change."""
