"""Each corruption does as its name says, is the same each time, and gets stronger."""

from collections import Counter

import numpy as np
import pytest

from core.data.cache import build_image_cache
from core.data.corrupted_images import build_corrupted_images
from core.data.corruptions import (
    CORRUPTED,
    CORRUPTIONS,
    FAMILIES,
    PUBLISHED_SIDES,
    SEVERITIES,
    corrupt,
)
from core.data.readers import avatars

GREY = np.full((64, 64, 3), 100, np.uint8)


@pytest.fixture(scope="module")
def avatar() -> np.ndarray:
    return avatars.render(12, 64, avatars.AvatarsOptions())


def test_three_of_each_family_at_five_severities_for_every_published_side():
    families = Counter(one.family for one in CORRUPTIONS.values())
    assert families == dict.fromkeys(FAMILIES, 3)
    assert len(CORRUPTED) == 60
    for one in CORRUPTIONS.values():
        assert tuple(one.strengths) == PUBLISHED_SIDES
        assert {len(own) for own in one.strengths.values()} == {len(SEVERITIES)}


@pytest.mark.parametrize("name", CORRUPTIONS)
def test_a_higher_severity_is_farther_from_the_picture_and_repeats(avatar, name):
    found = [corrupt(avatar, f"{name} {severity}") for severity in SEVERITIES]
    assert {(one.shape, one.dtype) for one in found} == {(avatar.shape, avatar.dtype)}
    plain = avatar.astype(int)
    away = [np.abs(one.astype(int) - plain).mean() for one in found]
    assert 0 < away[0] < away[2] < away[4]
    np.testing.assert_array_equal(corrupt(avatar, f"{name} 3"), found[2])


def test_noise_is_of_the_picture_and_of_the_published_size():
    noisy = corrupt(GREY, "gaussian noise 2").astype(float)
    # Tiny-ImageNet-C: a spread of 0.08 at severity 2.
    assert noisy.std() == pytest.approx(0.08 * 255, rel=0.03)
    assert noisy.mean() == pytest.approx(100, abs=0.8)
    other = corrupt(GREY + 1, "gaussian noise 2").astype(float)
    assert np.corrcoef(noisy.ravel(), other.ravel())[0, 1] < 0.1
    salted = corrupt(GREY, "impulse noise 5")
    assert (salted != 100).mean() == pytest.approx(0.14, abs=0.02)
    assert set(np.unique(salted)) == {0, 100, 255}


def test_corruptions_without_chance_by_hand(avatar):
    # CIFAR-10-C: 0.05 more of the value, 12.75 levels.
    assert (corrupt(GREY[:32, :32], "brightness 1") == 113).all()
    flat = corrupt(avatar, "contrast 5").astype(float)
    means = avatar.mean(axis=(0, 1))
    np.testing.assert_allclose(flat, means + 0.05 * (avatar - means), atol=0.6)
    blocks = corrupt(avatar, "pixelate 5").reshape(32, 2, 32, 2, 3)
    assert (blocks == blocks[:, :1, :, :1]).all()
    wanted = avatar.reshape(32, 2, 32, 2, 3).mean(axis=(1, 3))
    # Pillow rounds in each direction.
    np.testing.assert_allclose(blocks[:, 0, :, 0], wanted, atol=1.01)
    for blur in ("defocus blur 5", "motion blur 5", "zoom blur 5"):
        assert (np.abs(corrupt(GREY, blur).astype(int) - 100) <= 1).all()


def test_corrupted_pictures_are_made_once_from_the_prepared_ones(tmp_path, monkeypatch):
    monkeypatch.setenv("EQUIPOISE_CACHE", str(tmp_path))
    options = avatars.AvatarsOptions()
    paths = [avatars.path_of(avatars.IMAGE_ID.format(index)) for index in (3, 4)]

    def draw(path, size):
        return avatars.render(avatars.index_of(path), size, options)

    plain = build_image_cache(paths, 32, render=draw)
    found = build_corrupted_images(plain)
    assert list(found) == list(CORRUPTED)
    for change in ("fog 1", "JPEG 5"):
        pixels = found[change].images
        np.testing.assert_array_equal(pixels[1], corrupt(plain.images[1], change))
    said: list[str] = []
    build_corrupted_images(plain, progress=lambda what, *_: said.append(what))
    assert not said
