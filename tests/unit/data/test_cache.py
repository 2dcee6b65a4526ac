from functools import partial
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from core.data.cache import build_image_cache, render_file
from core.data.images import load_preprocessed
from core.errors import DatasetError


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EQUIPOISE_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def pictures(tmp_path: Path) -> list[str]:
    rng = np.random.default_rng(0)
    paths = [tmp_path / f"{i}.png" for i in range(300)]
    for path in paths:
        array = rng.integers(0, 256, (20, 20, 3), dtype=np.uint8)
        Image.fromarray(array).save(path)
    return [str(path) for path in paths]


def test_cache_holds_what_the_one_preprocessing_gives(pictures: list[str]) -> None:
    cache = build_image_cache(pictures, 16)
    assert cache.images.shape == (300, 16, 16, 3)
    for row in (0, 255, 256, 299):
        expected = load_preprocessed(Path(pictures[row]), 16)
        np.testing.assert_array_equal(cache.images[row], expected)


def test_second_time_nothing_is_decoded(pictures: list[str]) -> None:
    build_image_cache(pictures, 16)
    steps: list[int] = []
    build_image_cache(pictures, 16, progress=lambda what, done, of: steps.append(done))
    assert steps == []


def test_another_size_or_file_is_another_cache(pictures: list[str]) -> None:
    build_image_cache(pictures, 16)
    assert build_image_cache(pictures, 24).images.shape[1] == 24
    Image.new("RGB", (64, 64)).save(pictures[0])
    assert build_image_cache(pictures, 16).images[0].max() == 0


def test_corrupt_images_are_named_and_left_out(pictures: list[str]) -> None:
    Path(pictures[3]).write_bytes(b"no picture")
    cache = build_image_cache(pictures, 16)
    assert "3.png" in cache.corrupt[3]
    assert cache.usable(np.array([2, 3, 4])).tolist() == [2, 4]


def test_over_one_percent_corrupt_is_an_error(pictures: list[str]) -> None:
    for path in pictures[:4]:
        Path(path).write_bytes(b"")
    with pytest.raises(DatasetError, match="4 of 300 images cannot be read"):
        build_image_cache(pictures, 16)


def test_settings_of_the_renderer_are_part_of_the_key(pictures: list[str]) -> None:
    cache = build_image_cache(pictures[:2], 16, render=partial(_shade, level=7))
    assert cache.images.max() == 7
    other = build_image_cache(pictures[:2], 16, render=partial(_shade, level=9))
    assert other.images.max() == 9


def _shade(path: str, size: int, *, level: int) -> np.ndarray:
    return np.full_like(render_file(path, size), level)


def test_full_disk_leaves_nothing_and_says_so(
    pictures: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*args: object, **kwargs: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(np.lib.format, "open_memmap", full)
    with pytest.raises(DatasetError, match="No space left"):
        build_image_cache(pictures, 16)
    assert list((tmp_path / "cache" / "images").iterdir()) == []
