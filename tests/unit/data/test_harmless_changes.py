"""Each harmless change does as its name says, to any picture and through any reader."""

from functools import partial
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from core.data.cache import build_image_cache, render_file
from core.data.catalog import renderer
from core.data.enhancement import Enhancement, render_enhanced
from core.data.harmless_changes import CHANGES, DRAWN_SIDE, WORST, apply_change
from core.data.images import preprocess
from core.data.picture_names import BESIDE
from core.data.readers import avatars, avatars_softbio
from core.data.readers.cifar import render as render_cifar
from core.data.readers.stanford_dogs import render_in_box
from tests.tiny import tiny_study


@pytest.fixture
def photo() -> Image.Image:
    """Uneven in both directions and not square, as photos are."""
    rng = np.random.default_rng(0)
    small = rng.integers(0, 256, (12, 16, 3), np.uint8)
    return Image.fromarray(small).resize((160, 120), Image.Resampling.BICUBIC)


def changed(photo: Image.Image, name: str) -> np.ndarray:
    return np.asarray(apply_change(photo, name)).astype(int)


def test_the_list_is_the_one_that_was_asked_for():
    assert list(CHANGES) == [
        *("256 px", "512 px", "1024 px", "JPEG 40", "JPEG 95"),
        *("mirrored", "lighter", "darker"),
    ]
    assert CHANGES["lighter"].label == "20 % lighter"
    assert CHANGES["1024 px"].label == "1,024 px"
    assert WORST not in CHANGES


def test_no_change_leaves_the_picture(photo):
    assert apply_change(photo, "") is photo


def test_mirrored_twice_is_the_original_and_once_is_not(photo):
    once = apply_change(photo, "mirrored")
    np.testing.assert_array_equal(changed(once, "mirrored"), np.asarray(photo))
    np.testing.assert_array_equal(once, np.asarray(photo)[:, ::-1])
    assert not np.array_equal(once, photo)


@pytest.mark.parametrize(("name", "factor"), [("lighter", 1.2), ("darker", 0.8)])
def test_brightness_is_a_fifth_up_or_down_within_the_range(photo, name, factor):
    levels = np.asarray(photo).astype(int)
    wanted = np.clip(factor * levels, 0, 255)
    found = changed(photo, name)
    assert np.abs(found - wanted).max() <= 1
    # Some levels meet the bound, so that the bound is looked at.
    assert (factor * levels > 255).any() == (name == "lighter")


@pytest.mark.parametrize("side", [256, 512, 1024])
def test_a_size_is_that_of_the_shorter_side(photo, side):
    found = apply_change(photo, f"{side} px")
    assert min(found.size) == side
    assert found.size[0] / found.size[1] == pytest.approx(160 / 120, abs=0.01)
    again = np.asarray(found.resize(photo.size, Image.Resampling.BICUBIC)).astype(int)
    assert np.abs(again - np.asarray(photo).astype(int)).mean() < 1


def test_a_large_picture_is_reduced(photo):
    assert min(apply_change(photo.resize((900, 700)), "256 px").size) == 256


def test_jpeg_loses_more_at_the_lower_quality_and_its_tables_say_which(photo):
    levels = np.asarray(photo).astype(int)
    lost = {
        name: np.abs(changed(photo, name) - levels).mean()
        for name in ("JPEG 40", "JPEG 95")
    }
    assert 0 < lost["JPEG 95"] < lost["JPEG 40"] < 20
    content = BytesIO()
    photo.save(content, "JPEG", quality=40, subsampling=2)
    with Image.open(content) as opened:
        np.testing.assert_array_equal(changed(photo, "JPEG 40"), opened)


@pytest.mark.parametrize("name", CHANGES)
def test_a_file_is_changed_before_it_is_cropped_and_resized(tmp_path, photo, name):
    path = tmp_path / "photo.png"
    photo.save(path)
    wanted = preprocess(CHANGES[name].apply(photo), 24)
    np.testing.assert_array_equal(render_file(str(path), 24, change=name), wanted)
    how = {"resample": "bilinear", "fit": "stretch"}
    wanted = preprocess(CHANGES[name].apply(photo), 24, **how)
    found = render_cifar(str(path), 24, change=name, **how)
    np.testing.assert_array_equal(found, wanted)


def test_a_large_jpeg_is_changed_in_full(tmp_path, photo):
    """Decoded at a fraction, its 1,024 px would be those of a smaller picture."""
    path = tmp_path / "photo.jpg"
    photo.resize((1600, 1200)).save(path, quality=90)
    with Image.open(path) as opened:
        wanted = preprocess(CHANGES["1024 px"].apply(opened.convert("RGB")), 24)
    found = render_file(str(path), 24, change="1024 px")
    np.testing.assert_array_equal(found, wanted)


def test_contrast_is_stretched_after_the_change(tmp_path, photo):
    path = tmp_path / "photo.png"
    photo.point(lambda level: 60 + level // 4).save(path)
    render = partial(render_enhanced, enhancement=Enhancement(autocontrast=True))
    plain, darker = (
        render(str(path), 24, change=c).astype(int) for c in ("", "darker")
    )
    # What it undoes does not reach the model.
    assert np.abs(plain - darker).max() <= 10
    unstretched = render_file(str(path), 24, change="darker").astype(int)
    assert np.abs(render_file(str(path), 24).astype(int) - unstretched).min() >= 10


def test_the_box_of_a_dog_is_cut_out_first(tmp_path, photo):
    path = tmp_path / "dog.png"
    photo.save(path)
    found = render_in_box(
        f"{path}{BESIDE}10,20,90,100", 24, enhancement=Enhancement(), change="mirrored"
    )
    whole = preprocess(photo.crop((10, 20, 90, 100)), 24)
    np.testing.assert_allclose(found, whole[:, ::-1], atol=1)


@pytest.mark.parametrize(
    ("render", "draw"),
    [
        (
            renderer(tiny_study(), change="mirrored"),
            partial(
                avatars.render, 7, options=avatars.AvatarsOptions(count=120, seed=0)
            ),
        ),
        (
            partial(
                avatars_softbio.renderer(avatars_softbio.AvatarsSoftbioOptions()),
                change="mirrored",
            ),
            lambda side: avatars_softbio.renderer(
                avatars_softbio.AvatarsSoftbioOptions()
            )("avatars:7", side),
        ),
    ],
    ids=["avatars", "avatars-softbio"],
)
def test_a_drawing_is_changed_as_it_would_be_kept(render, draw):
    kept = Image.fromarray(draw(DRAWN_SIDE))
    wanted = preprocess(CHANGES["mirrored"].apply(kept), 32)
    np.testing.assert_array_equal(render("avatars:7", 32), wanted)


def test_changed_pictures_are_a_cache_of_their_own(tmp_path, photo, monkeypatch):
    monkeypatch.setenv("EQUIPOISE_CACHE", str(tmp_path / "cache"))
    path = tmp_path / "photo.png"
    photo.save(path)
    plain = build_image_cache([str(path)], 24)
    mirrored = build_image_cache(
        [str(path)], 24, render=partial(render_file, change="mirrored")
    )
    assert plain.key != mirrored.key
    np.testing.assert_allclose(mirrored.images[0], plain.images[0, :, ::-1], atol=1)
    assert Path(tmp_path / "cache").is_dir()
