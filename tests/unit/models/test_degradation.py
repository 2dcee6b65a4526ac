"""Degradations against Pillow and SciPy."""

import io

import numpy as np
import pytest
from PIL import Image
from scipy import ndimage

from core.models.augmentation import RandomAffine
from core.models.degradation import RandomDegradation, _blurs, _reductions, compress
from core.study import Augmentation


@pytest.fixture(scope="module")
def pictures() -> np.ndarray:
    """Smooth pictures with a sharp edge, and one of noise; shape (3, 44, 50, 3)."""
    rng = np.random.default_rng(0)
    noise = rng.uniform(0, 255, (3, 44, 50, 3))
    noise[:2] = ndimage.gaussian_filter(noise[:2], (0, 4, 4, 0)) * 4 - 380
    noise[1, :, 20:, 0] = 230
    return np.rint(noise.clip(0, 255)).astype(np.float32)


@pytest.mark.parametrize("quality", [10, 40, 75, 95])
def test_compression_is_pillows_at_the_same_quality(pictures, quality) -> None:
    ours = np.asarray(compress(pictures, np.full(3, quality, np.float32)))
    for picture, own in zip(pictures, ours, strict=True):
        file = io.BytesIO()
        image = Image.fromarray(picture.astype(np.uint8))
        image.save(file, "JPEG", quality=quality, subsampling=0)
        theirs = np.asarray(Image.open(file), np.float32)
        lost = np.abs(theirs - picture).mean()
        # Theirs is computed in whole numbers: a coefficient may be rounded apart.
        assert np.abs(own - theirs).mean() < 0.5 + 0.12 * lost
        assert np.abs(own - picture).mean() == pytest.approx(lost, rel=0.1, abs=0.3)


def test_reducing_to_half_is_the_mean_of_neighbours_enlarged_linearly() -> None:
    bank = _reductions(8, 0.5)
    assert bank.shape == (5, 8, 8)
    line = np.arange(8.0) ** 2
    small = line.reshape(4, 2).mean(axis=1)
    image = Image.fromarray(small[None].astype(np.float32))
    enlarged = np.asarray(image.resize((8, 1), Image.Resampling.BILINEAR))[0]
    np.testing.assert_allclose(bank[0] @ line, enlarged, rtol=1e-5)
    np.testing.assert_array_equal(bank[-1], np.eye(8))
    np.testing.assert_allclose(bank.sum(axis=2), 1, rtol=1e-6)


def test_blur_is_scipys_with_the_edge_continued() -> None:
    bank = _blurs(30, 2.0)
    line = np.random.default_rng(1).uniform(0, 255, 30)
    expected = ndimage.gaussian_filter1d(line, 2.0, mode="nearest", truncate=4)
    np.testing.assert_allclose(bank[0] @ line, expected, rtol=1e-4)
    np.testing.assert_array_equal(bank[-1], np.eye(30))
    np.testing.assert_allclose(bank.sum(axis=2), 1, rtol=1e-6)


@pytest.mark.parametrize(
    "settings", [{"resolution": 0.3}, {"blur": 2.0}, {"jpeg_quality": 20}]
)
def test_half_of_the_pictures_are_changed_while_training(pictures, settings) -> None:
    layer = RandomDegradation(**settings, seed=4)
    many = np.repeat(pictures[2:], 200, axis=0)
    np.testing.assert_array_equal(layer(many), many)
    changed = np.asarray(layer(many, training=True))
    apart = np.abs(changed - many).mean(axis=(1, 2, 3))
    # A few are drawn so weakly that nothing is left of it.
    assert 70 < (apart > 0.2).sum() < 120
    assert len(np.unique(apart.round(3))) > 5
    assert changed.min() >= -1e-3
    assert changed.max() <= 255 + 1e-3


def test_augmentation_degrades_last_and_by_numbers_of_its_own(pictures) -> None:
    settings = Augmentation(brightness=0.2, resolution=0.4, blur=1.5, jpeg_quality=30)
    layer = RandomAffine(**settings.model_dump(), seed=3)
    plain = RandomAffine(brightness=0.2, seed=3)
    many = np.repeat(pictures[1:2], 64, axis=0)
    lit = np.asarray(plain(many, training=True))
    degraded = np.asarray(layer(many, training=True))
    untouched = np.abs(degraded - lit).max(axis=(1, 2, 3)) < 1e-3
    assert 2 <= untouched.sum() <= 20
    light = lit.mean(axis=(1, 2, 3))
    touched = np.corrcoef(light, np.abs(degraded - lit).mean(axis=(1, 2, 3)))[0, 1]
    assert abs(touched) < 0.4
    again = RandomAffine.from_config(layer.get_config())
    np.testing.assert_array_equal(np.asarray(again(many, training=True)), degraded)


def test_a_study_without_degradations_keeps_its_key() -> None:
    assert Augmentation().model_dump(exclude_none=True).keys() == {
        "rotation_degrees",
        "shift",
        "shear_degrees",
        "zoom",
        "brightness",
        "contrast",
        "horizontal_flip",
    }
