"""The answers for one photo under harmless changes: the same face is cut out."""

import numpy as np
from PIL import Image

from core.data.harmless_changes import CHANGES
from core.face_quality import find_faces, measure_quality
from core.faces import Face
from core.photo_moves import measure_moves
from core.predictor import FaceAnswers, Preprocessing
from tests import bad_images as bad
from tests.unit.test_face_quality import BOX, LANDMARKS

SIZE = 200


class StandIn:
    """Keeps the pictures that it is asked about."""

    preprocessings = (Preprocessing(SIZE),)

    def answer(self, pictures, *, mirrored):
        (self.pictures,) = pictures.values()
        return [{"plain": {"place": place}} for place in range(len(self.pictures))]


class Finds:
    """A detector that finds a face in the photo as it is only."""

    def __init__(self, face):
        self.face = face

    def detect(self, image, *, enlarge=True):
        return [self.face]


def test_every_change_shows_the_same_face_where_it_lies():
    image = Image.fromarray(bad.astronaut())
    (face,) = find_faces(Finds(Face(1, BOX, 0.99, LANDMARKS)), image)
    quality = measure_quality(image, face)
    known = FaceAnswers(1, face.box, quality, {}, {"plain": {}}, 0, face.landmarks)
    predictor = StandIn()
    found = measure_moves(bad.encode(image, "PNG"), known, predictor)
    assert found.left_out == ()
    assert list(found.answers) == ["", *CHANGES]
    plain, *changed = predictor.pictures.astype(float)
    # UTKFace's mean face stands 2.5 pixels left of the middle of its crop.
    mirrored = np.roll(plain[:, ::-1], -5, axis=1)
    expected = {"mirrored": mirrored, "lighter": 1.2 * plain, "darker": 0.8 * plain}
    for name, pixels in zip(CHANGES, changed, strict=True):
        apart = np.abs(pixels - expected.get(name, plain).clip(0, 255))
        assert apart[:, 10:-10].mean() < 8, name


def test_a_change_that_makes_the_face_too_small_is_left_out():
    image = Image.fromarray(bad.astronaut()).resize((1200, 1200))
    points = tuple((x * 1200 / 512, y * 1200 / 512) for x, y in LANDMARKS)
    face = Face(1, (427, 150, 195, 251), 0.99, points)
    quality = measure_quality(image, face)
    known = FaceAnswers(1, face.box, quality, {}, {"plain": {}}, 0, points)
    tiny = FaceAnswers(1, (427, 150, 45, 60), quality, {}, {"plain": {}}, 0, points)
    content = bad.encode(image, "PNG")
    assert measure_moves(content, known, StandIn()).left_out == ()
    found = measure_moves(content, tiny, StandIn())
    assert found.left_out == ("256 px", "512 px", "1024 px")
    assert "256 px" not in found.answers
