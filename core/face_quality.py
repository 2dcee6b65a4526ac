"""Whether a face in a photo can be answered for, and which way up the photo is."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage

from core.data.face_templates import UTKFACE
from core.faces import MIN_CONFIDENCE, Face, align_face
from core.language import gettext
from core.text import number, percent

# Side in pixels of the aligned face on which sharpness is measured: a face of the
# least width fills it, and every wider one is reduced to it.
SHARPNESS_SIDE = 48
# Pixels over which a picture is blurred for comparison, as a share of that side.
_BLUR = 5
# How far the tip of a nose stands before the plane of eyes and mouth, as a share of
# the distance between the eyes.
_NOSE = 0.5
ROTATIONS = (90, 180, 270)
_TURNS = {
    90: Image.Transpose.ROTATE_270,  # Pillow turns the other way
    180: Image.Transpose.ROTATE_180,
    270: Image.Transpose.ROTATE_90,
}


@dataclass(frozen=True)
class Measure:
    """A number that tells how good a face is, and its bound.

    Parameters
    ----------
    name : str
        In JSON.
    unit : str
        "px", "°", or empty for a share from 0 to 1.
    digits : int
        To which it is rounded.
    at_least, at_most : float or None
        The bound; ``at_most`` is on the size of an angle, whatever its sign.
    """

    name: str
    unit: str = ""
    digits: int = 0
    at_least: float | None = None
    at_most: float | None = None

    @property
    def column(self) -> str:
        """Its name in a table, with the unit."""
        words = {"px": "_px", "°": "_degrees"}
        return f"{self.name}{words.get(self.unit, '')}"

    def holds(self, value: float) -> bool:
        """Whether a value is within the bound; one that is not known is."""
        below = self.at_least is not None and value < self.at_least
        return not (below or (self.at_most is not None and abs(value) > self.at_most))


MEASURES = {
    each.name: each
    for each in (
        Measure("width", "px", at_least=40),
        Measure("sharpness", digits=3, at_least=0.25),
        Measure("confidence", digits=4, at_least=MIN_CONFIDENCE),
        Measure("eye_distance", digits=3, at_least=0.3),
        Measure("yaw", "°", 1, at_most=40),
        Measure("pitch", "°", 1, at_most=35),
        Measure("roll", "°", 1),
    )
}
"""What is measured of a face.

``width`` is that of the box in pixels of the photo. ``sharpness`` goes from 0 to 1.
``confidence`` is the detector's. ``eye_distance`` is the distance between the eyes as a
share of the box's width: landmarks that do not fit their box are of no face. ``yaw``
(to the side), ``pitch`` (up or down) and ``roll`` (the head tilted) are angles.

Where the bounds are from: of 500 test faces of UTKFace the detector finds 489. The
least and largest values among these are a sharpness of 0.26, an eye distance of 0.39, a
yaw of 39 and a pitch of 34 degrees: what a model answers beyond them was not measured.
The width is from the same faces, made smaller: at 40 px the age MAE of the shipped
baseline is 0.5 years above that of the whole pictures, at 30 px 1.7 and at 10 px 8.8
years. ``python -m bench.face_quality`` measures all of it. The roll has no bound: faces
are aligned by it. Below its confidence the detector gives no face.
"""
TRUSTED_WIDTH = int(MEASURES["width"].at_least or 0)


@dataclass(frozen=True)
class FaceQuality:
    """How good a face is to be answered for.

    Parameters
    ----------
    values : mapping of str to float
        By name of a measure of ``MEASURES``; what was not measured is not there. A
        whole picture, in which no face was looked for, has its width only.
    least_width : int
        Pixels that the width must have.
    whole : bool
        Whether it is of a whole picture.
    """

    values: Mapping[str, float]
    least_width: int = TRUSTED_WIDTH
    whole: bool = False

    @property
    def measures(self) -> tuple[Measure, ...]:
        """The measures, with the bounds that hold here."""
        width = replace(MEASURES["width"], at_least=self.least_width)
        return tuple({**MEASURES, "width": width}.values())

    @property
    def confidence(self) -> float | None:
        """The detector's, from 0 to 1; None where nothing was detected."""
        return self.values.get("confidence")

    @property
    def is_good(self) -> bool:
        """Whether every measure is within its bound."""
        return all(
            each.holds(self.values[each.name])
            for each in self.measures
            if each.name in self.values
        )

    def reason(self, face: int) -> str:
        """Which bounds this face misses, in words; empty if it misses none."""
        said = [
            _REASONS[each.name](face, self.values[each.name], self)
            for each in self.measures
            if each.name in self.values and not each.holds(self.values[each.name])
        ]
        return " ".join(said)

    def as_dict(self) -> dict[str, Any]:
        """Every measure with its value, unit and bound, for JSON."""
        return {
            each.name: {
                "value": self._rounded(each),
                "unit": each.unit or None,
                "at_least": each.at_least,
                "at_most": each.at_most,
            }
            for each in self.measures
        }

    def as_row(self) -> dict[str, float | None]:
        """Every measure by its column, for a table."""
        return {each.column: self._rounded(each) for each in self.measures}

    def _rounded(self, measure: Measure) -> float | None:
        value = self.values.get(measure.name)
        return None if value is None else round(value, measure.digits or None)


def _say_width(face: int, value: float, quality: FaceQuality) -> str:
    if quality.whole:
        return gettext(
            "The picture is only {side} px wide: too small to trust the answers. "
            "Expected: at least {least} px.",
            side=str(round(value)),
            least=str(quality.least_width),
        )
    return gettext(
        "Face {number} is only {width} px wide: too small to trust the "
        "answers. Expected: at least {trusted_width} px.",
        number=face,
        width=round(value),
        trusted_width=quality.least_width,
    )


def _say_sharpness(face: int, value: float, quality: FaceQuality) -> str:
    return gettext(
        "Face {number} is blurred: its sharpness is {value}, from 0 to 1. "
        "Expected: at least {least}.",
        number=face,
        value=number(value, 2),
        least=number(MEASURES["sharpness"].at_least or 0, 2),
    )


def _say_confidence(face: int, value: float, quality: FaceQuality) -> str:
    return gettext(
        "The detector is only {share} sure that face {number} is one. "
        "Expected: at least {least}.",
        share=percent(value),
        number=face,
        least=percent(MEASURES["confidence"].at_least or 0),
    )


def _say_eye_distance(face: int, value: float, quality: FaceQuality) -> str:
    return gettext(
        "The eyes that were found in face {number} lie too close together for its "
        "size: {share} of its width apart. Expected: at least {least}.",
        number=face,
        share=percent(value),
        least=percent(MEASURES["eye_distance"].at_least or 0),
    )


def _say_yaw(face: int, value: float, quality: FaceQuality) -> str:
    return gettext(
        "Face {number} looks to the side, by about {angle}°. Expected: at most "
        "{most}°.",
        number=face,
        angle=number(abs(value), 0),
        most=number(MEASURES["yaw"].at_most or 0, 0),
    )


def _say_pitch(face: int, value: float, quality: FaceQuality) -> str:
    return gettext(
        "Face {number} looks up or down, by about {angle}°. Expected: at most {most}°.",
        number=face,
        angle=number(abs(value), 0),
        most=number(MEASURES["pitch"].at_most or 0, 0),
    )


_REASONS: dict[str, Callable[[int, float, FaceQuality], str]] = {
    "width": _say_width,
    "sharpness": _say_sharpness,
    "confidence": _say_confidence,
    "eye_distance": _say_eye_distance,
    "yaw": _say_yaw,
    "pitch": _say_pitch,
}


class Detector(Protocol):
    """Finds faces that stand upright in a picture."""

    def detect(self, image: Image.Image, *, enlarge: bool = True) -> list[Face]:
        """The faces, left to right."""


def find_faces(detector: Detector, image: Image.Image) -> list[Face]:
    """Find the faces of a photo, also of one that lies on its side or its head.

    Parameters
    ----------
    detector : FaceDetector
    image : PIL.Image.Image
        Mode RGB, turned as its EXIF orientation says.

    Returns
    -------
    list of Face
        Left to right, in the photo's own pixels; ``rotation`` says how the photo is to
        be turned for them to stand upright. Empty if there is none.

    Notes
    -----
    The photo is looked at turned by 90, 180 and 270 degrees only if no good face stands
    upright in it. Of these the one with the most certain good face is taken. A good
    face is wide enough to be found without enlarging the photo.
    """
    upright = detector.detect(image)
    if any(measure_quality(image, face).is_good for face in upright):
        return upright
    best, sure = upright, 0.0
    for rotation in ROTATIONS:
        found = [
            _turned_back(face, rotation, image.size)
            for face in detector.detect(
                image.transpose(_TURNS[rotation]), enlarge=False
            )
        ]
        good = [f.confidence for f in found if measure_quality(image, f).is_good]
        if good and max(good) > sure:
            best, sure = found, max(good)
    ordered = sorted(best, key=lambda face: 2 * face.box[0] + face.box[2])
    return [replace(face, number=i) for i, face in enumerate(ordered, start=1)]


def measure_quality(image: Image.Image, face: Face) -> FaceQuality:
    """Measure how good a face is to be answered for.

    Parameters
    ----------
    image : PIL.Image.Image
        Mode RGB; the photo the face was found in.
    face : Face
        With five landmarks.

    Notes
    -----
    The angles are rough: yaw and pitch follow from where the nose lies between eyes and
    mouth, if its tip stands half the distance between the eyes before them. A face that
    lies as UTKFace's mean face does has none.
    """
    eye, other, nose, *mouth = np.asarray(face.landmarks, np.float64)
    across = other - eye
    distance = max(float(np.hypot(*across)), 1e-6)
    right = across / distance
    down = np.array([-right[1], right[0]])
    eyes, lips = (eye + other) / 2, np.mean(mouth, axis=0)
    aside = float((nose - (eyes + lips) / 2) @ right)
    above = _share_of_nose() * float((lips - eyes) @ down) - float((nose - eyes) @ down)
    yaw = math.atan(aside / distance / _NOSE)
    # A face that looks to the side has its eyes closer together.
    pitch = math.asin(min(max(above * math.cos(yaw) / distance / _NOSE, -1), 1))
    tilt = math.degrees(math.atan2(across[1], across[0]))
    # A face that was found upside down is upright after the turn.
    roll = (tilt + face.rotation + 180) % 360 - 180
    side = face.box[3] if face.rotation in (90, 270) else face.box[2]
    pixels = align_face(image, face, SHARPNESS_SIDE, template=UTKFACE)
    return FaceQuality(
        {
            "width": float(side),
            "sharpness": compute_sharpness(pixels),
            "confidence": face.confidence,
            "eye_distance": distance / side,
            "yaw": math.degrees(yaw),
            "pitch": math.degrees(pitch),
            "roll": roll,
        }
    )


def _share_of_nose() -> float:
    """How far below the eyes a nose lies, of the way to the mouth."""
    heights = [y for _, y in UTKFACE.landmarks]
    eyes, nose, mouth = np.mean(heights[:2]), heights[2], np.mean(heights[3:])
    return float((nose - eyes) / (mouth - eyes))


def whole_quality(box: Sequence[int], size: int) -> FaceQuality:
    """Measure a whole picture, in which no face was looked for.

    Parameters
    ----------
    box : sequence of int
        Left, top, width and height in pixels of the part that a model sees.
    size : int
        Side in pixels of the largest picture that a model takes; a picture need not be
        wider.
    """
    least = min(TRUSTED_WIDTH, size)
    return FaceQuality({"width": float(min(box[2:]))}, least, whole=True)


def compute_sharpness(pixels: NDArray[np.uint8]) -> float:
    """Measure how sharp a picture is, from 0 to 1.

    Parameters
    ----------
    pixels : uint8 array, shape (height, width, 3)

    Returns
    -------
    float
        The share of the differences between neighbours that goes when the picture is
        blurred, along the axis where it is smaller; 0 for a plain picture.

    Notes
    -----
    Source: 1 less the blur effect of Crete et al., "The Blur Effect: Perception and
    Estimation with a New No-Reference Perceptual Blur Metric", SPIE 2007. Departures:
    the filter is 5 pixels wide and not 9, since the picture is small. Of an aligned
    face of ``SHARPNESS_SIDE`` pixels it does not depend on the size of the face in the
    photo, as long as that is the larger.
    """
    grey = pixels.astype(np.float64) @ (0.299, 0.587, 0.114)
    inside = (slice(2, -1), slice(2, -1))
    shares = []
    for axis in (0, 1):
        sharp = np.abs(ndimage.sobel(grey, axis))
        blurred = ndimage.uniform_filter1d(grey, _BLUR, axis)
        lost = np.maximum(sharp - np.abs(ndimage.sobel(blurred, axis)), 0)
        total = float(sharp[inside].sum())
        shares.append(float(lost[inside].sum()) / total if total > 0 else 0.0)
    return min(shares)


def _turned_back(face: Face, rotation: int, size: tuple[int, int]) -> Face:
    """A face of a turned photo, in pixels of the photo as it was."""
    width, height = size

    def back(x: float, y: float) -> tuple[float, float]:
        if rotation == 90:
            return y, height - x
        if rotation == 180:
            return width - x, height - y
        return width - y, x

    left, top, across, down = face.box
    corners = np.array([back(left, top), back(left + across, top + down)], int)
    low, high = corners.min(axis=0), corners.max(axis=0)
    x, y, wide, tall = (int(value) for value in (*low, *(high - low)))
    return replace(
        face,
        box=(x, y, wide, tall),
        landmarks=tuple(back(*point) for point in face.landmarks),
        rotation=rotation,
    )
