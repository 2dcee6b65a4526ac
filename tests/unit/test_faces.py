import math
from itertools import pairwise

import numpy as np
import pytest
from PIL import Image
from skimage.transform import SimilarityTransform, estimate_transform

from core.data.face_templates import CELEBA, UTKFACE
from core.data.images import decode_image, preprocess
from core.faces import (
    Face,
    FaceDetector,
    align_face,
    fit_similarity,
)
from tests import bad_images as bad

RNG_SEED = 0


@pytest.fixture(scope="module")
def detector():
    detector = FaceDetector()
    detector.warm_up()
    return detector


def eyes(face):
    return np.array(face.landmarks[:2])


def test_similarity_is_that_of_scikit_image():
    rng = np.random.default_rng(RNG_SEED)
    for _ in range(20):
        source, target = rng.normal(size=(2, 5, 2)) * 50
        expected = estimate_transform("similarity", source, target).params[:2]
        assert np.allclose(fit_similarity(source, target), expected)


def test_similarity_is_exact_where_there_is_one():
    known = SimilarityTransform(scale=2.5, rotation=0.7, translation=(30, -8))
    source = np.array(UTKFACE.landmarks, float)
    assert np.allclose(fit_similarity(source, known(source)), known.params[:2])


def places_in(template, size, fit):
    """Where the model sees the landmarks of the template's own crops, in pixels."""
    points = np.array(template.landmarks, float)
    extent = np.array([template.width, template.height])
    if fit == "stretch":
        return points * size / extent
    side = min(extent)
    return (points - (extent - side) / 2) * size / side


def test_celeba_and_utkface_have_the_eyes_elsewhere():
    """Of 80 pixels: what a person reads off the crops, the middle square of CelebA."""
    assert np.allclose(places_in(UTKFACE, 80, "crop")[0], (23.2, 23.2))
    assert np.allclose(places_in(CELEBA, 80, "crop")[0], (31.0, 40.9), atol=0.05)
    assert np.allclose(places_in(CELEBA, 80, "stretch")[0], (31.0, 40.7), atol=0.05)


@pytest.mark.parametrize("fit", ["crop", "stretch"])
@pytest.mark.parametrize("template", [UTKFACE, CELEBA])
@pytest.mark.parametrize("scale", [0.3, 1.0, 4.0, 6.0])
@pytest.mark.parametrize("angle", [-40, 25])
def test_landmarks_come_to_their_places(scale, angle, template, fit):
    """A light dot on each landmark of a dark photo is found where crops have it."""
    size = 96
    extent = round(420 * scale)
    known = SimilarityTransform(scale=scale, rotation=math.radians(angle))
    points = np.array(template.landmarks, float)
    places = known(points - points.mean(axis=0)) + extent / 2
    pixels = np.arange(extent, dtype=np.float32) + 0.5
    photo = np.zeros((extent, extent), np.float32)
    for centre in places:
        x, y = np.exp(-np.square(pixels - centre[:, None]) / (2 * (4 * scale) ** 2))
        photo += 255 * np.outer(y, x)
    image = Image.fromarray(photo.clip(0, 255).astype(np.uint8)).convert("RGB")
    face = Face(1, (0, 0, extent, extent), 1.0, tuple(map(tuple, places.tolist())))
    aligned = align_face(image, face, size, template=template, fit=fit)
    aligned = aligned[:, :, 0].astype(float)
    for x, y in places_in(template, size, fit):
        left, top = int(x) - 6, int(y) - 6
        patch = aligned[top : top + 13, left : left + 13]
        r, c = np.indices(patch.shape) + 0.5
        found = np.array([(c * patch).sum(), (r * patch).sum()]) / patch.sum()
        assert np.allclose(found, (x - left, y - top), atol=0.5)


@pytest.mark.parametrize("fit", ["crop", "stretch"])
@pytest.mark.parametrize("template", [UTKFACE, CELEBA])
def test_a_face_in_place_is_only_preprocessed(template, fit):
    """A crop of the dataset, aligned as a photo, is what the image cache has of it."""
    landmarks = tuple((float(x), float(y)) for x, y in template.landmarks)
    box = (120, 0, 120 + template.width, template.height)
    picture = Image.fromarray(bad.astronaut()).crop(box)
    face = Face(1, (0, 0, *picture.size), 1.0, landmarks)
    aligned = align_face(picture, face, 80, template=template, fit=fit)
    whole = preprocess(picture, 80, fit=fit)
    assert np.abs(aligned.astype(int) - whole).mean() < 3


def test_a_huge_face_does_not_alias():
    """Checks of one pixel are grey when a hundred of them make a pixel."""
    checks = (np.indices((2000, 2000)).sum(axis=0) % 2 * 255).astype(np.uint8)
    landmarks = tuple((10.0 * x, 10.0 * y) for x, y in UTKFACE.landmarks)
    face = Face(1, (0, 0, 2000, 2000), 1.0, landmarks)
    image = Image.fromarray(checks).convert("RGB")
    aligned = align_face(image, face, 96, template=UTKFACE)
    assert np.abs(aligned[2:-2, 2:-2] - 127.5).max() < 4


def test_a_face_beyond_the_photo_is_black_there():
    landmarks = tuple((x - 100.0, float(y)) for x, y in UTKFACE.landmarks)
    white = Image.new("RGB", (200, 200), "white")
    face = Face(1, (0, 0, 90, 90), 1.0, landmarks)
    aligned = align_face(white, face, 100, template=UTKFACE)
    assert (aligned[:, :48] == 0).all()
    assert (aligned[:, 52:98] == 255).all()


def test_finds_the_astronaut(detector):
    (face,) = detector.detect(Image.fromarray(bad.astronaut()))
    assert face.number == 1
    assert face.confidence > 0.99
    assert np.allclose(eyes(face), [[203, 102], [245, 102]], atol=6)
    left, top, width, height = face.box
    assert left < 203 < 245 < left + width
    assert top < 102 < top + height


@pytest.mark.parametrize("scale", [0.4, 3.0])
def test_boxes_are_in_pixels_of_the_photo(detector, scale):
    side = round(512 * scale)
    (face,) = detector.detect(Image.fromarray(bad.astronaut()).resize((side, side)))
    assert np.allclose(eyes(face) / scale, [[203, 102], [245, 102]], atol=6)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_finds_the_face_however_the_camera_was_held(detector, orientation):
    content = bad.rotated(orientation, bad.astronaut())
    (face,) = detector.detect(decode_image(content))
    assert np.allclose(eyes(face), [[203, 102], [245, 102]], atol=6)


@pytest.mark.parametrize("template", [UTKFACE, CELEBA])
def test_aligned_astronaut_has_her_eyes_in_place(detector, template):
    """Detected again in the aligned picture, they are where the dataset has them."""
    image = Image.fromarray(bad.astronaut()).rotate(20, Image.Resampling.BICUBIC)
    (face,) = detector.detect(image)
    side = 2 * template.width
    aligned = align_face(image, face, side, template=template)
    (again,) = detector.detect(Image.fromarray(aligned))
    assert np.allclose(again.landmarks, places_in(template, side, "crop"), atol=20)


def test_fifty_faces_are_numbered_from_the_left(detector):
    faces = detector.detect(bad.crowd())
    assert len(faces) == 50
    assert [face.number for face in faces] == list(range(1, 51))
    centres = [face.box[0] + face.box[2] / 2 for face in faces]
    assert all(b - a > -2 for a, b in pairwise(centres))


def test_finds_a_face_of_twenty_pixels(detector):
    (face,) = detector.detect(bad.small_face(20))
    assert 15 <= face.box[2] <= 25


@pytest.mark.parametrize("size", [(1, 1), (23, 23), (24, 24), (2000, 10), (60, 900)])
def test_finds_nothing_in_nothing(detector, size):
    assert detector.detect(Image.new("RGB", size, "grey")) == []


def test_finds_nothing_in_noise(detector):
    noise = np.random.default_rng(RNG_SEED).integers(0, 255, (200, 200, 3), np.uint8)
    assert detector.detect(Image.fromarray(noise)) == []
