"""The mean of the answers to a picture and to its mirror image."""

import numpy as np

from core.models.mirroring import answer_mirrored, mean_outputs, mirror


def lopsided(pixels):
    """Brightness of the left half, which the mirror image has on the right."""
    left = pixels[:, :, : pixels.shape[2] // 2].mean(axis=(1, 2, 3))
    return {"age": left[:, None], "hair": np.stack([left, 255 - left], axis=1) / 255}


def pictures():
    return np.random.default_rng(0).integers(0, 256, (5, 8, 8, 3), np.uint8)


def test_mirroring_swaps_left_and_right_and_twice_nothing():
    pixels = pictures()
    assert mirror(pixels)[2, 1, 0].tolist() == pixels[2, 1, 7].tolist()
    np.testing.assert_array_equal(mirror(mirror(pixels)), pixels)


def test_the_answer_is_the_mean_of_both():
    pixels = pictures()
    found = answer_mirrored(lopsided, pixels)
    plain, mirrored = lopsided(pixels), lopsided(pixels[:, :, ::-1])
    np.testing.assert_allclose(found["age"], (plain["age"] + mirrored["age"]) / 2)
    np.testing.assert_allclose(found["hair"].sum(axis=1), 1)
    assert mean_outputs(plain, mirrored).keys() == {"age", "hair"}


def test_a_mirrored_picture_is_answered_alike():
    pixels = pictures()
    one, other = (answer_mirrored(lopsided, each) for each in (pixels, mirror(pixels)))
    np.testing.assert_allclose(one["age"], other["age"])
    assert np.abs(lopsided(pixels)["age"] - lopsided(mirror(pixels))["age"]).max() > 1
