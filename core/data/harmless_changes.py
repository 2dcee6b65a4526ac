"""The fixed list of harmless changes: the picture is another file, and shows the same.

How far a model's answers move under them is its instability. A change is made to the
picture as it is found, before it is cropped and resized for a model: as if somebody had
saved it so. A picture that a program draws is found ``DRAWN_SIDE`` pixels wide. In
pictures of 32 pixels, such as CIFAR's, the sizes do no more than enlarge a picture and
reduce it again, and a block of JPEG is a quarter of a side.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from io import BytesIO

from PIL import Image, ImageEnhance, ImageOps

from core.language import N_

DRAWN_SIDE = 256
"""Pixels that a drawn picture is wide where no file holds it."""
LIGHTER, DARKER = 1.2, 0.8
MIRRORED = "mirrored"
"""Name of the change that swaps left and right."""


@dataclass(frozen=True)
class HarmlessChange:
    """One change.

    If a change is altered, it needs another name: answers and prepared pictures are
    kept under the name.

    Parameters
    ----------
    name : str
        In the key of a metric, "age.instability[mirrored]", and of a column.
    label : str
        What a reader sees.
    explanation : str
        What is done to the image, for the end of a sentence: "... when it is mirrored".
    apply : callable
        Picture to picture, mode RGB.
    """

    name: str
    label: str
    explanation: str
    apply: Callable[[Image.Image], Image.Image]


def scale_to(image: Image.Image, side: int) -> Image.Image:
    """Enlarge or reduce a picture until its shorter side has so many pixels."""
    scale = side / min(image.size)
    width, height = (round(length * scale) for length in image.size)
    return image.resize((width, height), Image.Resampling.BICUBIC)


def compress(image: Image.Image, quality: int) -> Image.Image:
    """Save a picture as JPEG, with colours at half the resolution, and open it."""
    content = BytesIO()
    image.save(content, "JPEG", quality=quality, subsampling="4:2:0")
    return Image.open(content).convert("RGB")


def brighten(image: Image.Image, factor: float) -> Image.Image:
    """Multiply the levels of a picture; values above white become white."""
    return ImageEnhance.Brightness(image).enhance(factor)


CHANGES = {
    change.name: change
    for change in (
        HarmlessChange(
            "256 px",
            N_("256 px"),
            N_("enlarged or reduced to 256 pixels on its shorter side (bicubic)"),
            partial(scale_to, side=256),
        ),
        HarmlessChange(
            "512 px",
            N_("512 px"),
            N_("enlarged or reduced to 512 pixels on its shorter side (bicubic)"),
            partial(scale_to, side=512),
        ),
        HarmlessChange(
            "1024 px",
            N_("1,024 px"),
            N_("enlarged or reduced to 1,024 pixels on its shorter side (bicubic)"),
            partial(scale_to, side=1024),
        ),
        HarmlessChange(
            "JPEG 40",
            N_("JPEG 40"),
            N_("saved as JPEG of quality 40"),
            partial(compress, quality=40),
        ),
        HarmlessChange(
            "JPEG 95",
            N_("JPEG 95"),
            N_("saved as JPEG of quality 95"),
            partial(compress, quality=95),
        ),
        HarmlessChange(
            MIRRORED,
            N_("mirrored"),
            N_("mirrored, left and right swapped"),
            ImageOps.mirror,
        ),
        HarmlessChange(
            "lighter",
            N_("20 % lighter"),
            N_("20 % lighter: every level times 1.2"),
            partial(brighten, factor=LIGHTER),
        ),
        HarmlessChange(
            "darker",
            N_("20 % darker"),
            N_("20 % darker: every level times 0.8"),
            partial(brighten, factor=DARKER),
        ),
    )
}
IN_WORDS = ", ".join(change.label for change in CHANGES.values())
"""All of them, for a sentence."""


WORST = N_("worst change")
"""In the place of a change: of each image the one under which its answer moves most."""


def describe_change(name: str) -> str:
    """The change in words, to be said at the end of a sentence; ``WORST`` has some."""
    if name in CHANGES:
        return CHANGES[name].explanation
    return N_("changed in whichever of these ways moves it most")


SHIFT = "_shift_"
"""Between the task and the change in the name of such a column."""


def shift_column(task: str, change: str) -> str:
    """Column of a predictions table that holds how answers move under a change."""
    return f"{task}{SHIFT}{change}"


def apply_change(image: Image.Image, name: str) -> Image.Image:
    """Make the change of this name; the empty name makes none."""
    return CHANGES[name].apply(image) if name else image
