"""A generated person, drawn as a flat portrait at any size.

Everything is a polygon in head units: the origin is the middle of the head, the half
height of an adult's head is 1, x points right and y down. One affine map takes a layer
of polygons to pixels, so that a portrait looks the same at 64 and at 640 pixels.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

RGB = tuple[int, int, int]
Points = NDArray[np.float64]
Placement = tuple[Points, NDArray[np.float64]]
Part = Literal["glasses", "hair"]

DARK: RGB = (52, 30, 38)
BLACK: RGB = (20, 16, 22)
WHITE: RGB = (252, 250, 246)
GREY_HAIR: RGB = (214, 214, 218)

# Pillow's polygons have hard edges: they are drawn larger and averaged down.
_SUPERSAMPLING = 3
# Colours of a marked part, and of all others.
_INSIDE, _OUTSIDE = 255, 0

_ANGLES = np.linspace(0, 2 * np.pi, 32, endpoint=False)
_CIRCLE: Points = np.stack([np.cos(_ANGLES), np.sin(_ANGLES)], axis=1)
_SMALL_CIRCLE: Points = np.ascontiguousarray(_CIRCLE[::2])
_HEAD_SIN = np.sin(_ANGLES)
_HEAD_Y = -np.cos(_ANGLES)
_HEAD_X = np.sign(_HEAD_SIN) * np.abs(_HEAD_SIN) ** 0.92
_HEAD_LOWER = np.clip(_HEAD_Y, 0, None)
_HEAD_JAW = 4 * _HEAD_LOWER * (1 - _HEAD_LOWER)
_HEAD_SIDE = np.sign(_HEAD_X)
_HEAD_JOWL = _HEAD_SIDE * np.exp(-(((_HEAD_Y - 0.66) / 0.2) ** 2))
_HEAD_CHEEK = _HEAD_SIDE * np.exp(-(((_HEAD_Y - 0.4) / 0.28) ** 2))

# A stroke from (0, 0) to (1, 0) that swells and tapers: there above, back below.
_STROKE_T = np.linspace(0, 1, 8)
_STROKE_ALONG = np.concatenate([_STROKE_T, _STROKE_T[::-1]])
_STROKE_BULGE = 4 * _STROKE_ALONG * (1 - _STROKE_ALONG)
_STROKE_WIDTH = np.sqrt(_STROKE_BULGE) * np.repeat([-0.5, 0.5], len(_STROKE_T))

# The top of the head, from left to right: angles from the vertical.
_CROWN_SIN = np.sin(np.linspace(-1.55, 1.55, 17))
_CROWN_COS = np.cos(np.linspace(-1.55, 1.55, 17))
_CAP_ANGLES = np.linspace(-1.9, 1.9, 61)
_CAP_SIN = np.sin(_CAP_ANGLES)
_CAP_COS = np.cos(_CAP_ANGLES)
_CAP_INSIDE = {reach: np.abs(_CAP_ANGLES) < reach for reach in (1.2, 1.55, 1.62)}

# A hairline, from the right temple to the left.
_LINE_U = np.linspace(1, -1, 17)


@dataclass(frozen=True, slots=True)
class Person:
    """The person to draw: the labels, and everything a portrait varies in.

    Parameters
    ----------
    age : int
        Years, 1 to 79.
    glasses : bool
    hair : {"short", "long", "curly", "bald"}
    group : {"A", "B", "C", "D"}
        Carried by the clothes: plain, striped, shirt with a collar, scarf.
    face_age, skin_age, hair_age, sag_age : float
        The age that proportions, wrinkles, hair and sagging show, in years: each
        strays from ``age``, as people do.
    skin, hair_colour, eye_colour, cloth, trim, background : RGB
        Colours; ``hair_colour`` is the one before greying.
    hair_style : float, in [0, 1)
        Which variant of the hair class.
    hair_length, hair_volume, curl, fringe, recession : float
        Shape of the hair; about 0 to 1 each.
    greying : float, in [0, 1]
        Share of the hair that is grey.
    frame : float, in [0, 1)
        Which glasses, if any.
    beard : float
        0 for none, to 1 for a full one.
    hat, freckles, laughing, earrings : bool
    face_width, jaw, smile, nose : float
        Build of the face, about -1 to 1.
    tilt, yaw, scale, shift_x, shift_y : float
        Pose: radians, share of the head's width, factor, share of the picture.
    light_x, light_y, gain, warmth : float
        Slope of the light across the picture, its strength and its tint.
    hood : bool
        Drawn up, it hides hair, ears and brows; nobody of 'avatars' has one.
    """

    age: int
    glasses: bool
    hair: str
    group: str
    face_age: float
    skin_age: float
    hair_age: float
    sag_age: float
    skin: RGB
    hair_colour: RGB
    eye_colour: RGB
    cloth: RGB
    trim: RGB
    background: RGB
    hair_style: float
    hair_length: float
    hair_volume: float
    curl: float
    fringe: float
    recession: float
    greying: float
    frame: float
    beard: float
    hat: bool
    freckles: bool
    laughing: bool
    earrings: bool
    face_width: float
    jaw: float
    smile: float
    nose: float
    tilt: float
    yaw: float
    scale: float
    shift_x: float
    shift_y: float
    light_x: float
    light_y: float
    gain: float
    warmth: float
    hood: bool = False


def draw_avatar(person: Person, size: int) -> Image.Image:
    """Draw a person.

    Parameters
    ----------
    person : Person
    size : int
        Width and height of the picture in pixels, at least 16.

    Returns
    -------
    PIL.Image.Image
        RGB, ``size`` by ``size``, the same pixels for the same person always.
    """
    large = size * _SUPERSAMPLING
    image = Image.new("RGB", (large, large), person.background)
    pen = ImageDraw.Draw(image)
    for layer, mapping in _layers(person, large):
        layer.paint(pen, mapping)
    return _light(image.reduce(_SUPERSAMPLING), person)


def draw_region(person: Person, part: Part, size: int) -> NDArray[np.bool_]:
    """Where a part of a person is seen in their picture.

    Parameters
    ----------
    person : Person
    part : {"glasses", "hair"}
        Glasses with what is seen through them; the hair of the head, without brows and
        beard.
    size : int
        As for ``draw_avatar``.

    Returns
    -------
    bool array, shape (size, size)
        True where the part covers at least half of the pixel, and nothing covers it:
        a hat hides hair. False everywhere where there is no such part.
    """
    large = size * _SUPERSAMPLING
    image = Image.new("L", (large, large), _OUTSIDE)
    pen = ImageDraw.Draw(image)
    for layer, mapping in _layers(person, large):
        layer.mark(pen, mapping, part)
    covered: NDArray[np.bool_] = np.asarray(image.reduce(_SUPERSAMPLING)) > _INSIDE / 2
    return covered


def _layers(person: Person, large: int) -> Iterator[tuple["_Layer", Placement]]:
    """The layers of a portrait, from the back to the front, and their place."""
    face = _Face.from_person(person)
    behind = _Layer()
    behind.ellipse(0, 0, 1.72, 1.72, _mix(person.background, WHITE, 0.3))
    yield behind, _frame_map(person, large, tilt=0.0)
    head = _frame_map(person, large, tilt=person.tilt)
    back = _Layer()
    back.draw(_draw_hair_back, face, "hair")
    yield back, head
    body = _Layer()
    body.draw(_draw_body, face)
    yield body, _frame_map(person, large, tilt=person.tilt * 0.15)
    front = _Layer()
    front.draw(_draw_head, face)
    front.draw(_draw_age_lines, face)
    front.draw(_draw_features, face)
    front.draw(_draw_hair_front, face, "hair")
    front.draw(_draw_glasses, face, "glasses")
    front.draw(_draw_hat, face)
    front.draw(_draw_hood, face)
    yield front, head
    if person.group == "D":
        scarf = _Layer()
        scarf.draw(_draw_scarf, face)
        yield scarf, _frame_map(person, large, tilt=person.tilt * 0.5)


def _mix(first: RGB, second: RGB, share: float) -> RGB:
    """Colour between two: ``share`` of the second, clipped to [0, 1]."""
    b = min(max(share, 0.0), 1.0)
    a = 1.0 - b
    return (
        int(first[0] * a + second[0] * b + 0.5),
        int(first[1] * a + second[1] * b + 0.5),
        int(first[2] * a + second[2] * b + 0.5),
    )


def _hair_colour(person: Person) -> RGB:
    """Colour of the hair, greyed, and kept apart from the skin's."""
    hair = person.hair_colour
    gap = sum(person.skin) - sum(hair)
    if abs(gap) < 110:
        hair = _mix(hair, BLACK, 0.5) if gap > -40 else _mix(hair, WHITE, 0.25)
    return _mix(hair, GREY_HAIR, person.greying)


def _ramp(value: float, low: float, high: float) -> float:
    """0 below ``low``, 1 above ``high``, straight between."""
    return min(max((value - low) / (high - low), 0.0), 1.0)


def _light(image: Image.Image, person: Person) -> Image.Image:
    """Shade the picture across, and tint it."""
    pixels = np.asarray(image, dtype=np.float32)
    size = pixels.shape[0]
    ramp = np.linspace(-1, 1, size, dtype=np.float32)
    field = person.gain + person.light_y * ramp[:, None] + person.light_x * ramp
    tint = np.array([1 + person.warmth, 1.0, 1 - person.warmth], dtype=np.float32)
    lit = pixels * (field[:, :, None] * tint)
    return Image.fromarray(np.minimum(lit, 255.0).astype(np.uint8))


def _frame_map(person: Person, large: int, *, tilt: float) -> Placement:
    """Matrix and offset that take head units to pixels, turned about the neck."""
    unit = 0.285 * person.scale * large
    cos, sin = math.cos(tilt) * unit, math.sin(tilt) * unit
    matrix = np.array([[cos, sin], [-sin, cos]])
    pivot = np.array([0.0, 1.1])
    place = np.array([0.5 + person.shift_x, 0.468 + person.shift_y]) * large
    return matrix, place + pivot * unit - pivot @ matrix


class _Layer:
    """Polygons in head units, mapped to pixels together: one product, not fifty."""

    def __init__(self) -> None:
        self._points: list[Points] = []
        self._colours: list[RGB | None] = []
        self._parts: list[Part | None] = []
        self._part: Part | None = None

    def draw(
        self,
        drawing: Callable[["_Layer", "_Face"], None],
        face: "_Face",
        part: Part | None = None,
    ) -> None:
        """Add what ``drawing`` draws of a face; all of it belongs to ``part``."""
        self._part = part
        drawing(self, face)

    def polygon(self, points: Points, colour: RGB | None) -> None:
        """Add a polygon; one without a colour is clear, like glass."""
        self._points.append(points)
        self._colours.append(colour)
        self._parts.append(self._part)

    def corners(self, colour: RGB, *corners: tuple[float, float]) -> None:
        self.polygon(np.array(corners), colour)

    def ellipse(self, x: float, y: float, rx: float, ry: float, colour: RGB) -> None:
        circle = _CIRCLE if rx > 0.25 else _SMALL_CIRCLE
        self.polygon(circle * (rx, ry) + (x, y), colour)

    def stroke(
        self,
        start: tuple[float, float],
        end: tuple[float, float],
        colour: RGB,
        *,
        bulge: float = 0.0,
        width: float = 0.05,
    ) -> None:
        """A tapered line; ``bulge`` moves its middle down (for a line to the right)."""
        dx, dy = end[0] - start[0], end[1] - start[1]
        length = math.hypot(dx, dy) or 1.0
        across = _STROKE_BULGE * bulge + _STROKE_WIDTH * width
        points = np.empty((len(across), 2))
        points[:, 0] = start[0] + _STROKE_ALONG * dx - across * (dy / length)
        points[:, 1] = start[1] + _STROKE_ALONG * dy + across * (dx / length)
        self.polygon(points, colour)

    def paint(self, pen: ImageDraw.ImageDraw, mapping: Placement) -> None:
        """Fill the polygons with their colours."""
        self._fill(pen, mapping, self._colours)

    def mark(self, pen: ImageDraw.ImageDraw, mapping: Placement, part: Part) -> None:
        """Fill those of a part with ``_INSIDE``, and what covers it otherwise."""
        fills = [
            _INSIDE if own == part else None if colour is None else _OUTSIDE
            for own, colour in zip(self._parts, self._colours, strict=True)
        ]
        self._fill(pen, mapping, fills)

    def _fill(
        self,
        pen: ImageDraw.ImageDraw,
        mapping: Placement,
        fills: Sequence[RGB | int | None],
    ) -> None:
        if not self._points:
            return
        matrix, offset = mapping
        pixels = np.concatenate(self._points) @ matrix + offset
        flat = np.rint(pixels).ravel().tolist()
        start = 0
        for points, fill in zip(self._points, fills, strict=True):
            stop = start + 2 * len(points)
            if fill is not None:
                pen.polygon(flat[start:stop], fill=fill)
            start = stop


@dataclass(frozen=True, slots=True)
class _Face:
    """Measures of one face that several parts are drawn from."""

    person: Person
    young: float
    old: float
    sag: float
    width: float
    eye_y: float
    eye_x: float
    eye_rx: float
    eye_ry: float
    mouth_y: float
    recession: float
    hairline: float
    turn: float
    shade: RGB
    line: RGB
    hair: RGB
    outline: Points

    @classmethod
    def from_person(cls, person: Person) -> "_Face":
        young = 1 - _ramp(person.face_age, 0, 23)
        grown = _ramp(person.face_age, 12, 36)
        old = _ramp(person.face_age, 34, 80)
        sag = _ramp(person.sag_age, 32, 76)
        width = 0.77 + 0.15 * young - 0.035 * grown + 0.035 * person.face_width
        chin = 0.11 * grown + 0.10 * old - 0.14 * young
        outline = np.empty((len(_HEAD_X), 2))
        outline[:, 0] = (
            width * _HEAD_X * (1 + (0.10 + 0.05 * person.jaw * grown) * _HEAD_JAW)
            + _HEAD_JOWL * 0.085 * sag
            + _HEAD_CHEEK * (0.10 * young - 0.04 * grown)
        )
        outline[:, 1] = _HEAD_Y + chin * _HEAD_LOWER
        recession = person.recession * _ramp(person.hair_age, 22, 66)
        return cls(
            person=person,
            young=young,
            old=old,
            sag=sag,
            width=width,
            eye_y=0.05 + 0.19 * young - 0.06 * grown,
            eye_x=width * (0.46 + 0.03 * young),
            eye_rx=0.145 + 0.055 * young - 0.012 * grown - 0.016 * old,
            eye_ry=0.108 + 0.090 * young - 0.018 * grown - 0.035 * sag,
            mouth_y=0.51 + 0.08 * young + 0.07 * grown + 0.06 * old,
            recession=recession,
            hairline=-0.56 + 0.02 * young - 0.24 * recession,
            turn=person.yaw,
            shade=_mix(person.skin, (120, 44, 50), 0.20),
            line=_mix(person.skin, DARK, 0.40),
            hair=_hair_colour(person),
            outline=outline,
        )

    def inside(self, x: float) -> float:
        """Where a part of the face lies across, once the head is turned."""
        return x + self.turn * (1 - 0.3 * abs(x) / self.width)


def _draw_body(layer: _Layer, face: _Face) -> None:
    """Neck, shoulders and the clothes that carry the group."""
    person = face.person
    grown = 1 - face.young
    neck = 0.30 + 0.10 * grown + 0.03 * person.jaw
    top = 1.26 + 0.06 * grown
    layer.corners(
        _mix(person.skin, face.shade, 0.9),
        (-neck, 0.5),
        (neck, 0.5),
        (neck * 1.15, top + 0.35),
        (-neck * 1.15, top + 0.35),
    )
    half = 0.92 + 0.62 * grown + 0.14 * _ramp(person.face_age, 20, 45)
    layer.polygon(_torso(half, top, 0.0, 2.4), person.cloth)
    if person.group == "A":
        _draw_neckline(layer, person, neck, top)
    elif person.group == "B":
        for start in (0.24, 0.56, 0.88, 1.2):
            layer.polygon(_torso(half, top, start, start + 0.15), person.trim)
        _draw_neckline(layer, person, neck, top)
    elif person.group == "C":
        _draw_collar(layer, person, neck, top)


_TORSO_T = np.linspace(0, 1, 14) ** 2


def _torso(half: float, top: float, start: float, stop: float) -> Points:
    """A band of the body between two depths below its top."""
    # The shoulders are round: more points near the top.
    depth = start + (stop - start) * _TORSO_T
    rise = np.minimum(depth / 0.85, 1.0)
    reach = half * np.sqrt(1 - (1 - rise) ** 2.2) + 0.12 * depth
    x = np.concatenate([reach, -reach[::-1]])
    return np.stack([x, top + np.concatenate([depth, depth[::-1]])], axis=1)


def _draw_neckline(layer: _Layer, person: Person, neck: float, top: float) -> None:
    rim = _mix(person.cloth, DARK, 0.25)
    layer.ellipse(0, top + 0.02, neck * 1.42, 0.27, rim)
    layer.ellipse(0, top - 0.02, neck * 1.2, 0.22, person.skin)


def _draw_collar(layer: _Layer, person: Person, neck: float, top: float) -> None:
    layer.corners(
        person.skin, (-neck * 1.1, top - 0.05), (neck * 1.1, top - 0.05), (0, top + 0.5)
    )
    for side in (-1, 1):
        layer.corners(
            person.trim,
            (side * neck * 0.95, top - 0.16),
            (side * neck * 1.55, top + 0.05),
            (side * 0.34, top + 0.52),
            (0.0, top + 0.34),
        )
    seam = _mix(person.cloth, DARK, 0.35)
    layer.corners(
        seam, (-0.03, top + 0.4), (0.03, top + 0.4), (0.03, 3.6), (-0.03, 3.6)
    )
    for depth in (0.6, 0.85):
        layer.ellipse(0.1, top + depth, 0.045, 0.045, person.trim)


def _draw_scarf(layer: _Layer, face: _Face) -> None:
    """A scarf wound around the neck: hides the chin and the ends of the hair."""
    person = face.person
    dark = _mix(person.trim, DARK, 0.28)
    reach = 0.78 + 0.12 * (1 - face.young)
    layer.corners(dark, (0.12, 1.3), (0.5, 1.25), (0.56, 2.5), (0.16, 2.5))
    layer.ellipse(0, 1.36, reach, 0.33, dark)
    layer.ellipse(0, 1.24, reach * 0.97, 0.29, person.trim)
    for x in (-0.5, 0.02):
        layer.stroke(
            (x * reach, 1.06), (x * reach + 0.42, 1.44), dark, bulge=0.05, width=0.05
        )


def _draw_head(layer: _Layer, face: _Face) -> None:
    """Ears, skull, the shaded side and the cheeks."""
    person = face.person
    ear = 0.14 + 0.02 * face.young + 0.05 * face.old
    for side in (-1, 1):
        x = side * face.width * 1.02 - face.turn * 0.35
        layer.ellipse(x, face.eye_y + 0.13, ear * 0.78, ear * 1.25, person.skin)
        layer.ellipse(x, face.eye_y + 0.13, ear * 0.42, ear * 0.75, face.shade)
        if person.earrings:
            layer.ellipse(x, face.eye_y + 0.17 + ear, 0.055, 0.055, (240, 196, 70))
    shadow = face.outline * (0.96, 1.0) + (0.0, 0.085)
    layer.polygon(shadow[6:-6], _mix(face.shade, DARK, 0.18))
    layer.polygon(face.outline, person.skin)
    shaded = face.outline[1:16] if person.light_x < 0 else face.outline[17:]
    inner = shaded[::-1] * (0.80, 1.0)
    tone = _mix(person.skin, face.shade, 0.55)
    layer.polygon(np.concatenate([shaded, inner]), tone)
    rosy = (0.2 + 0.16 * face.young) * (0.25 + 0.75 * person.skin[0] / 255)
    blush = _mix(person.skin, (226, 84, 86), rosy)
    for side in (-1, 1):
        x = face.inside(side * face.width * 0.6)
        layer.ellipse(x, face.mouth_y - 0.2, 0.15, 0.11, blush)
        if person.freckles:
            for dx, dy in ((-0.06, -0.03), (0.05, -0.05), (0.0, 0.03)):
                y = face.mouth_y - 0.22 + dy
                layer.ellipse(x + dx, y, 0.02, 0.02, face.line)


def _draw_age_lines(layer: _Layer, face: _Face) -> None:
    """Lines that come with the years, each later than the one before."""
    if (colour := _line_colour(face, 24, 60)) is not None:
        _draw_smile_lines(layer, face, colour)
    if (colour := _line_colour(face, 30, 66)) is not None:
        bag = face.eye_y + face.eye_ry + 0.075
        for side in (-1, 1):
            x = face.inside(side * face.eye_x)
            ends = (x - 0.13, bag), (x + 0.13, bag)
            layer.stroke(*ends, colour, bulge=0.07, width=0.06)
    if (colour := _line_colour(face, 35, 66)) is not None:
        _draw_forehead_lines(layer, face, colour)
    if (colour := _line_colour(face, 42, 70)) is not None:
        _draw_crows_feet(layer, face, colour)
    if face.sag > 0.3:
        colour = _mix(face.person.skin, face.shade, face.sag)
        for side in (-1, 1):
            layer.stroke(
                (face.inside(side * 0.32), face.mouth_y + 0.1),
                (face.inside(side * 0.40), face.mouth_y + 0.34),
                colour,
                bulge=-side * 0.04,
                width=0.05,
            )


def _line_colour(face: _Face, begin: float, full: float) -> RGB | None:
    """Colour of a line that appears at one age and is deepest at another."""
    skin = face.person.skin
    depth = _ramp(face.person.skin_age, begin, full)
    return _mix(skin, face.line, 0.15 + 0.95 * depth) if depth > 0.05 else None


def _draw_smile_lines(layer: _Layer, face: _Face, colour: RGB) -> None:
    """From the nose to the corners of the mouth."""
    for side in (-1, 1):
        layer.stroke(
            (face.inside(side * 0.19), face.mouth_y - 0.26),
            (face.inside(side * 0.34), face.mouth_y + 0.08),
            colour,
            bulge=-side * 0.05,
            width=0.065,
        )


def _draw_forehead_lines(layer: _Layer, face: _Face, colour: RGB) -> None:
    """One, two, then three."""
    count = 1 + sum(face.person.skin_age > age for age in (46, 58))
    for row in (-0.24, -0.34, -0.44)[:count]:
        layer.stroke(
            (face.inside(-0.36), face.eye_y + row),
            (face.inside(0.36), face.eye_y + row),
            colour,
            bulge=-0.035,
            width=0.06,
        )


def _draw_crows_feet(layer: _Layer, face: _Face, colour: RGB) -> None:
    """Three short lines beside each eye."""
    for side in (-1, 1):
        x = face.inside(side * (face.eye_x + face.eye_rx + 0.04))
        for rise in (-0.07, 0.0, 0.07):
            layer.stroke(
                (x, face.eye_y + rise * 0.4),
                (x + side * 0.14, face.eye_y + rise),
                colour,
                width=0.045,
            )


def _draw_features(layer: _Layer, face: _Face) -> None:
    """Beard, eyes, brows, nose and mouth."""
    if face.person.beard > 0:
        _draw_beard(layer, face)
    for side in (-1, 1):
        _draw_eye(layer, face, side)
    person = face.person
    nose_y = face.mouth_y - 0.21 + 0.02 * face.old
    wide = 0.105 + 0.02 * person.nose + 0.045 * face.old - 0.035 * face.young
    x = face.inside(0.0) * 1.15
    layer.ellipse(x, nose_y, wide, wide * 0.72, _mix(person.skin, face.shade, 0.8))
    layer.stroke(
        (x - wide * 0.9, nose_y + 0.03),
        (x + wide * 0.9, nose_y + 0.03),
        _mix(person.skin, face.line, 0.75),
        bulge=0.06,
        width=0.045,
    )
    if face.young < 0.3:
        side = 1 if person.light_x < 0 else -1
        layer.stroke(
            (x + side * 0.07, face.eye_y),
            (x + side * wide, nose_y),
            _mix(person.skin, face.shade, 0.9),
            width=0.05,
        )
    _draw_mouth(layer, face)


def _draw_eye(layer: _Layer, face: _Face, side: int) -> None:
    person = face.person
    x, y = face.inside(side * face.eye_x), face.eye_y
    rx, ry = face.eye_rx, face.eye_ry
    layer.ellipse(x, y, rx, ry, WHITE)
    iris = min(ry * 0.92, 0.115 + 0.05 * face.young)
    look = x + face.turn * 0.25
    layer.ellipse(look, y + 0.005, iris, iris, person.eye_colour)
    layer.ellipse(look, y + 0.005, iris * 0.55, iris * 0.55, (28, 20, 26))
    layer.ellipse(look + iris * 0.3, y - iris * 0.35, iris * 0.3, iris * 0.3, WHITE)
    if face.sag > 0.05:
        # The lid comes down over the outer half of the eye.
        layer.corners(
            person.skin,
            (x - side * rx * 1.1, y - ry * 1.15),
            (x + side * rx * 1.25, y - ry * 1.2),
            (x + side * rx * 1.25, y - ry * (1.0 - 1.15 * face.sag)),
            (x - side * rx * 1.1, y - ry * (1.0 - 0.25 * face.sag)),
        )
    drop = ry * face.sag
    layer.stroke(
        (x - rx * 1.1, y - ry * 0.45 + drop * (0.25 if side > 0 else 0.85)),
        (x + rx * 1.1, y - ry * 0.45 + drop * (0.85 if side > 0 else 0.25)),
        _mix(face.line, DARK, 0.75),
        bulge=-ry * (0.75 - 0.4 * face.sag),
        width=0.05,
    )
    heavy = 0.05 + 0.03 * (1 - face.young) + 0.03 * face.old
    brow = y - ry - 0.13 - 0.03 * face.young + 0.02 * face.sag
    layer.stroke(
        (x - rx * 1.15, brow + (0.03 + 0.06 * face.sag) * (side < 0)),
        (x + rx * 1.15, brow + (0.03 + 0.06 * face.sag) * (side > 0)),
        _mix(_mix(face.hair, DARK, 0.35 * (1 - person.greying)), person.skin, 0.1),
        bulge=-0.05,
        width=heavy,
    )


def _draw_mouth(layer: _Layer, face: _Face) -> None:
    person = face.person
    x, y = face.inside(0.0), face.mouth_y
    half = 0.24 + 0.03 * person.smile + 0.02 * face.old - 0.02 * face.young
    curve = max(0.10 + 0.045 * person.smile - 0.06 * face.sag, -0.02)
    if person.laughing:
        depth = 0.16 + 0.04 * person.smile
        t = _STROKE_T * 2 - 1
        bowl = np.stack([x + t * half, y - 0.05 + depth * (1 - t**2)], axis=1)
        layer.polygon(bowl, (120, 32, 44))
        teeth = bowl * (0.86, 0.5) + (x * 0.14, (y - 0.05) * 0.5)
        layer.polygon(teeth, WHITE)
        return
    lips = _mix(
        _mix(person.skin, (176, 54, 66), 0.55), face.line, 0.15 + 0.3 * face.old
    )
    if face.old < 0.7 and person.beard < 0.2:
        low = y + 0.055 + curve * 0.5
        full = _mix(person.skin, lips, 0.6 - 0.4 * face.old)
        layer.ellipse(x, low, half * 0.52, 0.05, full)
    layer.stroke(
        (x - half, y), (x + half, y), lips, bulge=curve, width=0.075 - 0.025 * face.old
    )


def _draw_beard(layer: _Layer, face: _Face) -> None:
    """A beard along the jaw, from stubble to full; the mouth is drawn over it."""
    person = face.person
    colour = _mix(person.skin, face.hair, 0.3 + 0.65 * _ramp(person.beard, 0.0, 0.4))
    lower = face.outline[9:24]
    grow = 1.0 + 0.07 * person.beard
    edge = np.array(
        [[-1.0, -0.3], [-0.84, -0.06], [-0.5, 0.02], [-0.3, -0.1], [0, -0.09]]
    )
    inner = np.concatenate([edge, edge[-2::-1] * (-1, 1)])
    inner = inner * (face.width, 1.0) + (face.turn * 0.7, face.mouth_y)
    layer.polygon(np.concatenate([lower * (1.0, grow), inner]), colour)
    layer.ellipse(
        face.inside(0.0),
        face.mouth_y + 0.05,
        0.26,
        0.10,
        _mix(colour, person.skin, 0.7),
    )


def _scallops(count: float, phase: float) -> NDArray[np.float64]:
    """Bumps along the cap: 1 at the crest of each, 0 between."""
    return np.abs(np.sin(_CAP_ANGLES * count + phase))


def _draw_hair_back(layer: _Layer, face: _Face) -> None:
    """Hair that falls behind the head and the shoulders."""
    person = face.person
    dark = _mix(face.hair, DARK, 0.28)
    if person.hair == "long" and person.hair_style < 0.14:
        # Tied up: what shows is a knot above the head.
        layer.ellipse(face.turn * 0.5, -1.2, 0.36, 0.34, dark)
        return
    if person.hair == "curly":
        _draw_curls(layer, face, dark, reach=0.30 + 0.3 * person.hair_volume)
        return
    length = 0.0
    if person.hair == "long":
        length = 0.42 + 0.95 * person.hair_length
    elif person.hair == "short" and person.hair_style < 0.2:
        length = 0.15 + 0.45 * person.hair_length
    if length:
        half = face.width * (1.14 + 0.16 * person.hair_volume)
        wave = 0.08 * person.curl
        layer.polygon(_fall(half, length, wave), dark)


def _fall(half: float, length: float, wave: float) -> Points:
    """Outline of hair hanging from the top of the head to ``length`` below it."""
    y = np.linspace(-0.1, length + 0.25, 12)
    swell = half * (1 + wave * np.sin((y + 0.1) * 7))
    swell[-2:] *= (0.97, 0.82)
    crown = np.stack([half * _CROWN_SIN, -0.1 - 0.96 * _CROWN_COS], axis=1)
    right = np.stack([swell, y], axis=1)
    left = np.stack([-swell[::-1], y[::-1]], axis=1)
    return np.concatenate([crown, right, left])


def _draw_curls(layer: _Layer, face: _Face, colour: RGB, *, reach: float) -> None:
    """A cloud of curls around the head."""
    person = face.person
    down = 1.3 + 0.55 * person.hair_length
    bumps = 5.0 + 2.0 * person.fringe
    phase = person.hair_style * 3
    radius = 1 + (0.10 + 0.05 * person.curl) * (_scallops(bumps, phase) - 0.5)
    angles = _CAP_ANGLES * (down / 1.3)
    # The ends turn in, so that no straight edge shows below the ears.
    radius = radius * (1 - 0.3 * np.clip(np.abs(_CAP_ANGLES) / 1.9 * 6 - 5, 0, 1) ** 2)
    x = (face.width + reach * 0.85) * np.sin(angles) * radius
    y = -(1.02 + reach * 0.75) * np.cos(angles) * radius
    layer.polygon(np.stack([x, y], axis=1), colour)


def _draw_hair_front(layer: _Layer, face: _Face) -> None:
    """Hair over the skull, above the hairline."""
    person = face.person
    if person.hair == "bald":
        _draw_bald(layer, face)
        return
    curly = person.hair == "curly"
    volume = 0.04 + (0.13 if curly else 0.09) * person.hair_volume
    bumps = _scallops(6.0 + 2 * person.fringe, person.hair_style * 5) - 0.5
    rough = 0.09 if curly else 0.035 * person.curl
    radius = 1 + rough * bumps
    outer = np.stack(
        [
            (face.width * 1.03 + volume) * _CAP_SIN * radius,
            -(1.02 + volume * 1.2) * _CAP_COS * radius,
        ],
        axis=1,
    )
    # Sideburns end below the ear's top.
    keep = _CAP_INSIDE[1.62]
    line = _hairline(face, curly=curly)
    layer.polygon(np.concatenate([outer[keep], line]), face.hair)
    shine = _mix(face.hair, WHITE, 0.22)
    side = -1 if person.light_x < 0 else 1
    layer.stroke(
        (side * face.width * 0.62, -0.78 - volume * 0.5),
        (side * face.width * 0.12, -0.95 - volume * 0.5),
        shine,
        bulge=0.04 * side,
        width=0.06,
    )
    if curly:
        for x, y in ((-0.5, -0.72), (0.1, -0.86), (0.52, -0.66)):
            layer.stroke((x - 0.1, y), (x + 0.1, y), shine, bulge=-0.09, width=0.05)
    if person.hair == "long" and person.hair_style >= 0.14:
        _draw_strands(layer, face)


def _hairline(face: _Face, *, curly: bool) -> Points:
    """From the right temple over the forehead to the left one."""
    person = face.person
    u = _LINE_U
    across = np.abs(u)
    recession = face.recession
    y = face.hairline + (0.06 - face.hairline) * across**6
    # Receding begins above the temples.
    y = y - 0.30 * recession * np.exp(-(((across - 0.55) / 0.22) ** 2))
    if recession < 0.45:
        drop = (0.22 + 0.1 * face.young) * (1 - recession / 0.45)
        sweep = 1 - (u - (person.fringe - 0.5)) ** 2
        y = y + drop * person.fringe * sweep * (1 - across**4)
    if curly:
        y = y + 0.06 * np.abs(np.sin(u * 7 + person.hair_style))
    elif person.curl > 0.6:
        y = y + 0.06 * np.sin(u * 11) * (1 - across)
    x = u * face.width * 1.0 + face.turn * 0.5 * (1 - across)
    return np.stack([x, np.maximum(y, -1.0)], axis=1)


def _draw_strands(layer: _Layer, face: _Face) -> None:
    """Long hair that falls over the ears in front."""
    person = face.person
    end = 0.35 + 0.8 * person.hair_length
    width = face.width
    for side in (-1, 1):
        layer.corners(
            face.hair,
            (side * width * 0.62, -0.72),
            (side * width * 1.08, -0.5),
            (side * width * (1.2 + 0.08 * person.hair_volume), 0.2),
            (side * width * 1.16, end),
            (side * width * 0.98, end + 0.04),
            (side * width * 0.93, 0.1),
            (side * width * 0.80, -0.3),
        )


def _draw_bald(layer: _Layer, face: _Face) -> None:
    """Stubble, a bare head, or only the sides left."""
    person = face.person
    grown = person.hair_age > 40
    if person.hair_style < 0.3 and grown:
        for side in (-1, 1):
            layer.corners(
                face.hair,
                (side * face.width * 0.93, -0.52),
                (side * face.width * 1.12, -0.2),
                (side * face.width * 1.08, 0.22),
                (side * face.width * 0.93, 0.1),
                (side * face.width * 0.86, -0.2),
            )
    elif person.hair_style < 0.5:
        tone = _mix(person.skin, face.hair, 0.15 + 0.3 * person.hair_volume)
        keep = _CAP_INSIDE[1.55]
        outer = np.stack([face.width * 1.005 * _CAP_SIN, -1.01 * _CAP_COS], axis=1)
        layer.polygon(np.concatenate([outer[keep], _hairline(face, curly=False)]), tone)
        return
    side = -1 if person.light_x < 0 else 1
    layer.stroke(
        (side * face.width * 0.6, -0.66),
        (side * face.width * 0.15, -0.84),
        _mix(person.skin, WHITE, 0.4),
        bulge=0.05 * side,
        width=0.09,
    )


_FRAMES: tuple[RGB, ...] = ((40, 34, 40), (110, 58, 36), (176, 40, 58), (46, 74, 130))


def _draw_glasses(layer: _Layer, face: _Face) -> None:
    person = face.person
    if not person.glasses:
        return
    kind = int(person.frame * 12)
    colour = _FRAMES[kind % 4]
    rim = 0.055 if kind < 6 else 0.075
    y = face.eye_y + 0.02
    rx = face.eye_rx + 0.085
    ry = face.eye_ry + (0.115 if kind % 2 else 0.08)
    tinted = kind == 11
    for side in (-1, 1):
        x = face.inside(side * face.eye_x)
        _draw_rim(layer, (x, y), (rx, ry), rim, colour)
        if tinted:
            layer.ellipse(x, y, rx - rim, ry - rim, _mix(colour, (20, 24, 34), 0.5))
        layer.stroke(
            (x - rx * 0.45, y - ry * 0.35),
            (x - rx * 0.1, y - ry * 0.7),
            WHITE,
            width=0.04,
        )
        temple = side * face.width - face.turn * 0.3
        layer.corners(
            colour,
            (x + side * (rx - rim), y - 0.06),
            (temple, y - 0.03),
            (temple, y + 0.02),
            (x + side * (rx - rim), y + 0.0),
        )
    left, right = (face.inside(s * face.eye_x) - s * (rx - rim) for s in (-1, 1))
    layer.stroke((left, y), (right, y), colour, bulge=-0.05, width=rim * 1.6)


def _draw_rim(
    layer: _Layer,
    centre: tuple[float, float],
    radii: tuple[float, float],
    rim: float,
    colour: RGB,
) -> None:
    """A ring, as one polygon that goes around and comes back inside, and its glass."""
    ring = np.concatenate([_SMALL_CIRCLE, _SMALL_CIRCLE[:1]])
    outer = ring * radii
    inner = ring[::-1] * (radii[0] - rim, radii[1] - rim)
    layer.polygon(inner + centre, None)
    layer.polygon(np.concatenate([outer, inner]) + centre, colour)


def _draw_hat(layer: _Layer, face: _Face) -> None:
    """A woollen hat, which hides the hairline."""
    person = face.person
    if not person.hat:
        return
    keep = _CAP_INSIDE[1.2]
    wide = face.width + 0.14
    dome = np.stack([wide * _CAP_SIN, -0.12 - 1.14 * _CAP_COS], axis=1)[keep]
    layer.ellipse(0, -1.3, 0.16, 0.16, person.cloth)
    layer.polygon(dome, person.trim)
    edge = wide * 0.98
    layer.corners(
        _mix(person.trim, DARK, 0.22),
        (-edge, -0.62),
        (0.0, -0.72),
        (edge, -0.62),
        (edge, -0.36),
        (0.0, -0.46),
        (-edge, -0.36),
    )


_HOOD_ANGLES = np.linspace(-2.4, 2.4, 49)
_HOOD_SIN = np.sin(_HOOD_ANGLES)
_HOOD_COS = np.cos(_HOOD_ANGLES)


def _draw_hood(layer: _Layer, face: _Face) -> None:
    """A hood drawn up, open from above the eyes to below the chin."""
    person = face.person
    if not person.hood:
        return
    top = face.eye_y - face.eye_ry - 0.04
    outer = np.stack([(face.width + 0.42) * _HOOD_SIN, -1.3 * _HOOD_COS], axis=1)
    for grow, colour in ((0.0, person.cloth), (-0.07, _mix(person.cloth, DARK, 0.3))):
        reach = 0.62 * (1.25 - top)
        opening = np.stack(
            [
                face.turn * 0.6 + (face.width * 0.84 - grow) * _HOOD_SIN,
                top + reach + (grow - reach) * _HOOD_COS,
            ],
            axis=1,
        )
        layer.polygon(np.concatenate([outer, opening[::-1]]), colour)
        outer = opening
