import keras
import numpy as np
import pytest

from core.models.augmentation import RandomAffine, draw_augmented
from core.study import Augmentation


def _dot(x: int, y: int, size: int = 9) -> np.ndarray:
    picture = np.zeros((1, size, size, 3), dtype=np.float32)
    picture[0, y, x] = 255
    return picture


def test_nothing_happens_outside_of_training() -> None:
    layer = RandomAffine(rotation_degrees=30, brightness=0.5, horizontal_flip=True)
    picture = _dot(2, 3)
    np.testing.assert_array_equal(layer(picture, training=False), picture)


def test_no_change_asked_for_is_no_change() -> None:
    picture = _dot(2, 3)
    np.testing.assert_allclose(RandomAffine()(picture, training=True), picture)


def test_flip_mirrors_half_of_the_pictures_left_to_right() -> None:
    layer = RandomAffine(horizontal_flip=True, seed=3)
    out = np.asarray(layer(np.repeat(_dot(2, 3), 200, axis=0), training=True))
    mirrored = out[:, 3, 6, 0] > 250
    kept = out[:, 3, 2, 0] > 250
    assert (mirrored ^ kept).all()
    assert 70 < mirrored.sum() < 130


def test_rotation_keeps_the_centre_and_stays_within_its_angle() -> None:
    layer = RandomAffine(rotation_degrees=20, seed=1)
    centre = np.asarray(layer(np.repeat(_dot(4, 4), 50, axis=0), training=True))
    np.testing.assert_allclose(centre[:, 4, 4, 0], 255, atol=1)
    grid = np.indices((101, 101)).transpose(1, 2, 0).astype(np.float32)
    right = np.zeros((1, 101, 101, 3), dtype=np.float32)
    right[0, 48:53, 88:93] = 255
    out = np.asarray(layer(np.repeat(right, 50, axis=0), training=True))[..., 0]
    weight = out / out.sum(axis=(1, 2), keepdims=True)
    y, x = np.einsum("nij,ijk->kn", weight, grid) - 50
    angles = np.degrees(np.arctan2(y, x))
    assert np.abs(angles).max() < 20.5
    assert np.abs(angles).max() > 10
    np.testing.assert_allclose(np.hypot(x, y), 40, atol=0.5)


def test_shift_is_a_share_of_the_side() -> None:
    layer = RandomAffine(shift=0.25, seed=2)
    picture = np.zeros((1, 40, 40, 3), dtype=np.float32)
    picture[0, 20, 20] = 255
    out = np.asarray(layer(np.repeat(picture, 100, axis=0), training=True))[..., 0]
    places = np.array([np.unravel_index(o.argmax(), o.shape) for o in out]) - 20
    assert np.abs(places).max() <= 10
    assert np.abs(places).max() >= 8


def test_light_stays_within_its_range_and_differs_from_picture_to_picture() -> None:
    layer = RandomAffine(brightness=0.1, contrast=0.2, seed=0)
    grey = np.full((100, 4, 4, 3), 127.5, dtype=np.float32)
    out = np.asarray(layer(grey, training=True))[:, 0, 0, 0]
    assert np.abs(out - 127.5).max() <= 25.6
    assert len(np.unique(out)) > 90
    white = np.asarray(layer(np.full_like(grey, 255), training=True))
    assert white.max() <= 255


def test_same_seed_gives_the_same_pictures() -> None:
    picture = np.random.default_rng(0).uniform(0, 255, (4, 16, 16, 3))
    first, second = (
        np.asarray(RandomAffine(zoom=0.2, seed=7)(picture, training=True))
        for _ in range(2)
    )
    np.testing.assert_array_equal(first, second)


def test_layer_is_rebuilt_from_its_config() -> None:
    layer = RandomAffine(zoom=0.2, shift=0.1, horizontal_flip=True, seed=7)
    again = RandomAffine.from_config(layer.get_config())
    assert again.settings == layer.settings
    assert again.seed == 7


def test_unknown_setting_is_refused() -> None:
    with pytest.raises((TypeError, ValueError)):
        RandomAffine(zooom=0.2)


def test_uint8_pictures_come_out_as_floats() -> None:
    out = RandomAffine()(np.zeros((1, 8, 8, 3), dtype=np.uint8), training=True)
    assert keras.backend.standardize_dtype(out.dtype) == "float32"


def test_a_crop_is_the_padded_picture_moved_by_whole_pixels() -> None:
    picture = np.random.default_rng(0).uniform(1, 255, (1, 8, 8, 3)).astype("float32")
    padded = np.pad(picture[0], ((2, 2), (2, 2), (0, 0)))
    crops = {
        (top, left): padded[top : top + 8, left : left + 8]
        for top in range(5)
        for left in range(5)
    }
    layer = RandomAffine(crop_padding=2, seed=5)
    out = np.asarray(layer(np.repeat(picture, 400, axis=0), training=True))
    seen = [
        next(p for p, crop in crops.items() if np.allclose(crop, one, atol=1e-2))
        for one in out
    ]
    assert set(seen) == set(crops)
    tops = np.bincount([top for top, _ in seen], minlength=5)
    assert (tops > 50).all()


def test_draws_are_what_training_sees_and_follow_the_seed() -> None:
    settings = Augmentation(rotation_degrees=10, horizontal_flip=True, brightness=0.1)
    pixels = np.random.default_rng(0).integers(0, 256, (9, 9, 3), np.uint8)
    draws = draw_augmented(pixels, settings, draws=4, seed=3)
    assert draws.shape == (4, 9, 9, 3)
    assert draws.dtype == np.uint8
    layer = RandomAffine(**settings.model_dump(), seed=3)
    seen = np.asarray(layer(np.stack([pixels] * 4), training=True))
    np.testing.assert_allclose(draws, seen, atol=0.5)
    assert len({draw.tobytes() for draw in draws}) == 4
    again = draw_augmented(pixels, settings, draws=4, seed=3)
    np.testing.assert_array_equal(again, draws)
    other = draw_augmented(pixels, settings, draws=4, seed=4)
    assert (other != draws).any()
    plain = draw_augmented(pixels, Augmentation(), draws=1, seed=0)
    np.testing.assert_array_equal(plain[0], pixels)
