"""Brightness, sharpness and size of pictures: what they are, and measured once."""

import numpy as np
import pandas as pd
import pytest
from PIL import Image, ImageFilter
from scipy import ndimage

from core.commands.cache import _what
from core.data import image_properties as module
from core.data.cache_entries import list_entries
from core.data.image_properties import measure_images

SIDE = 24


@pytest.fixture(autouse=True)
def _own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("EQUIPOISE_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def pictures(tmp_path):
    rng = np.random.default_rng(0)
    grey = Image.fromarray(np.full((SIDE, SIDE, 3), 51, np.uint8))
    noisy = Image.fromarray(rng.integers(0, 256, (SIDE, SIDE, 3), dtype=np.uint8))
    made = {
        "grey": grey,
        "noisy": noisy,
        "soft": noisy.filter(ImageFilter.GaussianBlur(2)),
        "wide": Image.fromarray(rng.integers(0, 256, (30, 70, 3), dtype=np.uint8)),
    }
    for name, image in made.items():
        image.save(tmp_path / f"{name}.png")
    return {name: str(tmp_path / f"{name}.png") for name in made}


def test_each_is_as_an_image_library_measures_it(pictures):
    table = measure_images(pictures, SIDE)
    assert list(table.index) == list(pictures)
    assert table.loc["grey", "brightness"] == pytest.approx(0.2, abs=1e-6)
    assert table.loc["grey", "sharpness"] == pytest.approx(0, abs=1e-6)
    assert table["size"].tolist() == [SIDE, SIDE, SIDE, 30]
    luma = np.asarray(Image.open(pictures["noisy"]), float) @ [0.299, 0.587, 0.114]
    laplacian = ndimage.laplace(luma / 255)[1:-1, 1:-1]
    assert table.loc["noisy", "brightness"] == pytest.approx(luma.mean() / 255, 1e-5)
    assert table.loc["noisy", "sharpness"] == pytest.approx(laplacian.std(), 1e-5)
    assert table.loc["soft", "sharpness"] < table.loc["noisy", "sharpness"] / 4


def test_pictures_are_measured_once(pictures, monkeypatch):
    first = measure_images(pictures, SIDE, study="mine")
    monkeypatch.setattr(module, "_measure", None)
    pd.testing.assert_frame_equal(measure_images(pictures, SIDE, study="mine"), first)
    entries = {entry.kind: entry for entry in list_entries()}
    assert entries.keys() == {"images", "properties"}
    assert _what(entries["properties"]) == (
        "brightness, sharpness and size of 4 images"
    )
    assert entries["properties"].about["studies"] == ["mine"]


def test_what_no_file_is_behind_has_no_size():
    def draw(path, side):
        return np.full((side, side, 3), 255, np.uint8)

    table = measure_images({"a": "drawn:1", "b": "drawn:2"}, SIDE, render=draw)
    assert table["brightness"].tolist() == pytest.approx([1, 1])
    assert table["size"].isna().all()
