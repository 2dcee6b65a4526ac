from functools import partial
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from core.data.cache import render_file
from core.data.enhancement import (
    Enhancement,
    enhance,
    enhanced_renderer,
    render_enhanced,
)

RNG = np.random.default_rng(0)
DULL = RNG.integers(90, 141, (200, 200, 3), dtype=np.uint8)


def equalized(channel: np.ndarray) -> np.ndarray:
    """Each level goes to the share of the pixels below it; the highest to 255."""
    share = np.array([(channel < level).mean() for level in range(256)])
    return 255 * share[channel] / share[channel.max()]


def test_nothing_asked_for_is_nothing_done():
    assert enhance(DULL, Enhancement()) is DULL
    assert Enhancement().steps == ()


def test_autocontrast_stretches_each_channel_to_the_full_range():
    stretched = enhance(DULL, Enhancement(autocontrast=True)).astype(float)
    for channel in range(3):
        low, high = DULL[..., channel].min(), DULL[..., channel].max()
        wanted = (DULL[..., channel] - float(low)) * 255 / (high - low)
        np.testing.assert_allclose(stretched[..., channel], wanted, atol=1)


def test_equalisation_makes_levels_equally_frequent():
    flat = enhance(DULL, Enhancement(equalize=True)).astype(float)
    for channel in range(3):
        wanted = equalized(DULL[..., channel])
        assert np.abs(flat[..., channel] - wanted).mean() < 1
        counts, _ = np.histogram(flat[..., channel], bins=8, range=(0, 256))
        assert counts.max() < 1.4 * counts.min()


def test_both_are_done_one_after_the_other():
    both = Enhancement(autocontrast=True, equalize=True)
    assert both.steps == ("autocontrast", "histogram equalisation")
    first = enhance(DULL, Enhancement(autocontrast=True))
    wanted = enhance(first, Enhancement(equalize=True))
    np.testing.assert_array_equal(enhance(DULL, both), wanted)


@pytest.mark.parametrize("level", [0, 77, 255])
def test_a_picture_of_one_level_stays_as_it_is(level):
    plain = np.full((8, 8, 3), level, np.uint8)
    for options in (Enhancement(autocontrast=True), Enhancement(equalize=True)):
        np.testing.assert_array_equal(enhance(plain, options), plain)


def test_what_is_read_is_enhanced_at_the_models_size(tmp_path: Path):
    path = str(tmp_path / "dull.png")
    Image.fromarray(DULL).save(path)
    options = Enhancement(equalize=True)
    render = enhanced_renderer(options)
    assert isinstance(render, partial)
    assert render.func is render_enhanced
    # What is done is part of the key of an image cache.
    assert render.keywords == {"enhancement": options}
    wanted = enhance(render_file(path, 16), options)
    np.testing.assert_array_equal(render(path, 16), wanted)
    stretched = partial(render, resample="bilinear", fit="stretch")
    wanted = enhance(render_file(path, 16, resample="bilinear", fit="stretch"), options)
    np.testing.assert_array_equal(stretched(path, 16), wanted)


def test_without_a_change_the_caches_of_before_are_found():
    assert enhanced_renderer(Enhancement()) is render_file
