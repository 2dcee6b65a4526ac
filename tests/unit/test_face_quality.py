"""Quality of faces, and photos that lie on their side."""

import math

import numpy as np
import pytest
from PIL import Image, ImageFilter
from skimage.measure import blur_effect

from core.data.face_templates import UTKFACE
from core.face_quality import (
    MEASURES,
    ROTATIONS,
    compute_sharpness,
    find_faces,
    measure_quality,
)
from core.faces import Face, FaceDetector
from tests import bad_images as bad

BOX = (182, 64, 83, 107)
LANDMARKS = ((204, 100), (245, 102), (224, 126), (202, 139), (244, 140))


def scaled(scale):
    """The astronaut at another size, and her face in it."""
    side = round(512 * scale)
    image = Image.fromarray(bad.astronaut()).resize((side, side))
    points = tuple((x * scale, y * scale) for x, y in LANDMARKS)
    return image, Face(1, tuple(round(v * scale) for v in BOX), 0.99, points)


def test_sharpness_is_one_less_the_blur_effect_of_scikit_image():
    pixels = np.asarray(scaled(1)[0].crop((180, 60, 268, 172)))
    grey = pixels @ (0.299, 0.587, 0.114)
    expected = 1 - blur_effect(grey, h_size=5)
    assert compute_sharpness(pixels) == pytest.approx(expected, abs=0.005)
    assert compute_sharpness(np.full((48, 48, 3), 99, np.uint8)) == 0


def test_sharpness_does_not_depend_on_the_size_of_the_face():
    found = [measure_quality(*scaled(s)).values["sharpness"] for s in (0.5, 1, 2, 4)]
    assert np.ptp(found) < 0.03
    image, face = scaled(2)
    blurred = image.filter(ImageFilter.GaussianBlur(8))
    quality = measure_quality(blurred, face)
    assert quality.values["sharpness"] < MEASURES["sharpness"].at_least < min(found)
    assert "Face 1 is blurred" in quality.reason(1)


def seen_from(yaw, pitch):
    """Landmarks of UTKFace's mean face with a nose, from another side; degrees."""
    points = np.array(UTKFACE.landmarks, float) - (98, 58)
    depth = np.array([0, 0, 79 / 2, 0, 0])
    a, b = np.radians((yaw, pitch))
    x = points[:, 0] * math.cos(a) + depth * math.sin(a)
    y = points[:, 1] * math.cos(b) - depth * math.sin(b)
    return tuple(zip(x + 100, y + 100, strict=True))


@pytest.mark.parametrize(
    ("yaw", "pitch", "reason"),
    [(0, 0, ""), (30, 0, ""), (-50, 0, "looks to the side"), (0, 40, "looks up or")],
)
def test_a_face_that_looks_away_is_not_answered_for(yaw, pitch, reason):
    rng = np.random.default_rng(0)
    sharp = Image.fromarray(rng.integers(0, 255, (300, 300, 3), np.uint8))
    face = Face(1, (60, 60, 120, 160), 1.0, seen_from(yaw, pitch))
    quality = measure_quality(sharp, face)
    assert quality.values["yaw"] == pytest.approx(yaw, abs=3)
    assert quality.values["pitch"] == pytest.approx(pitch, abs=3)
    assert quality.is_good == (not reason)
    assert reason in quality.reason(1)


def test_eyes_that_do_not_fit_their_face_are_of_none():
    image, face = scaled(1)
    wide = Face(1, (130, 40, 170, 170), 0.97, face.landmarks)
    assert measure_quality(image, face).is_good
    assert "lie too close together" in measure_quality(image, wide).reason(1)


@pytest.fixture(scope="module")
def detector():
    return FaceDetector()


@pytest.mark.parametrize("rotation", ROTATIONS)
def test_a_face_on_its_side_is_found_in_pixels_of_the_photo(detector, rotation):
    """Turned clockwise by the angle that is said, the photo is upright again."""
    upright = Image.fromarray(bad.astronaut())
    photo = upright.rotate(rotation, expand=True)
    (face,) = find_faces(detector, photo)
    assert face.rotation == rotation
    quality = measure_quality(photo, face)
    assert quality.is_good
    assert abs(quality.values["roll"]) < 10
    place = Image.new("L", upright.size)
    left, top, wide, tall = BOX
    place.paste(255, (left, top, left + wide, top + tall))
    turned = place.rotate(rotation, expand=True).getbbox()
    left, top, wide, tall = face.box
    assert np.allclose((left, top, left + wide, top + tall), turned, atol=12)


def test_a_photo_without_a_face_has_none_however_it_is_turned(detector):
    assert find_faces(detector, Image.new("RGB", (300, 200), "grey")) == []
