import hashlib
import re
import struct
import zlib
from typing import get_args

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, PngImagePlugin, features

from core.data.cache import render_file
from core.data.images import (
    MAX_PIXELS,
    MAX_UPLOAD_BYTES,
    NEUTRAL,
    SUFFIXES,
    decode_image,
    describe_end,
    load_preprocessed,
    preprocess,
)
from core.errors import ImageError
from core.study import Resample
from tests import bad_images as bad


def quarters(picture):
    """Mean colour at the centre of each quarter, shape (4, 3)."""
    array = np.asarray(picture, np.float64)
    height, width = array.shape[:2]
    return np.array(
        [
            array[r - 4 : r + 4, c - 4 : c + 4].mean(axis=(0, 1))
            for r in (height // 4, 3 * height // 4)
            for c in (width // 4, 3 * width // 4)
        ]
    )


COLOURS = np.array([bad.RED, bad.GREEN, bad.BLUE, bad.WHITE], np.float64)
LUMA = COLOURS @ (0.299, 0.587, 0.114)


@pytest.mark.parametrize("name", bad.REFUSED)
def test_bad_picture_is_refused_by_name(name):
    make, message = bad.REFUSED[name]
    with pytest.raises(ImageError, match=message) as caught:
        decode_image(make(), name="me.jpg")
    assert caught.value.problem.startswith("me.jpg")
    assert caught.value.expected
    assert caught.value.remedy


def test_every_refusal_has_its_own_words():
    messages = {message for _, message in bad.REFUSED.values()}
    assert len(messages) == len(bad.REFUSED) - 1  # both truncated files are damaged


def test_bomb_is_refused_from_its_header(monkeypatch):
    def explode(self):
        raise AssertionError("decoded")

    monkeypatch.setattr(PngImagePlugin.PngImageFile, "load", explode)
    with pytest.raises(ImageError, match="too many pixels"):
        decode_image(bad.bomb())


def test_one_pixel_too_many_is_refused_and_counted():
    side = int(MAX_PIXELS**0.5) + 1
    with pytest.raises(ImageError, match=re.escape(f"{side:,} x {side:,}")):
        decode_image(bad.png(side, side, 8, 0, zlib.compress(b"")))


def test_text_says_that_it_is_text():
    with pytest.raises(ImageError, match="holds text"):
        decode_image(bad.text())


def test_heic_that_cannot_be_read_is_named_and_what_reads_it(monkeypatch):
    monkeypatch.setattr("core.data.images.HEIC", False)
    heic = struct.pack(">I", 24) + b"ftypheic" + bytes(200)
    with pytest.raises(ImageError, match="HEIC") as caught:
        decode_image(heic)
    assert "pip install 'equipoise[heic]'" in caught.value.remedy
    assert "HEIC" not in caught.value.expected


def test_heic_is_read_where_its_package_is_there(tmp_path):
    heif = pytest.importorskip("pillow_heif", reason="pillow-heif is not installed")
    path = tmp_path / "phone.heic"
    heif.from_pillow(Image.fromarray(bad.reference())).save(path, quality=95)
    image = decode_image(path)
    assert image.mode == "RGB"
    assert np.abs(quarters(image) - COLOURS).max() < 12
    assert ".heic" in SUFFIXES
    path.write_bytes(path.read_bytes()[:200])
    with pytest.raises(ImageError, match="is damaged"):
        decode_image(path)


@pytest.mark.skipif(not features.check("avif"), reason="Pillow reads no AVIF here")
def test_avif_is_read_and_named():
    content = bad.encode(Image.fromarray(bad.reference()), "AVIF", quality=95)
    assert np.abs(quarters(decode_image(content)) - COLOURS).max() < 12
    with pytest.raises(ImageError, match="is damaged") as caught:
        decode_image(content[:100])
    assert "AVIF" in caught.value.expected


@pytest.mark.parametrize("progressive", [False, True])
def test_a_jpeg_that_lacks_only_its_end_is_read_with_a_note(progressive):
    for picture in (bad.reference(), bad.astronaut()):
        whole = bad.encode(
            Image.fromarray(picture), "JPEG", quality=90, progressive=progressive
        )
        assert describe_end(decode_image(whole)) == ""
        for missing in (1, 2):
            image = decode_image(whole[:-missing])
            assert np.array_equal(image, decode_image(whole))
            assert "mark at the end of the file is missing" in describe_end(image)
        for missing in (5, 40, len(whole) // 3):
            with pytest.raises(ImageError, match="is damaged"):
                decode_image(whole[:-missing])


@pytest.mark.parametrize("name", bad.ODD)
def test_odd_picture_works(name):
    image = decode_image(bad.ODD[name]())
    assert image.mode == "RGB"
    assert image.size == (bad.WIDTH, bad.HEIGHT)
    expected = COLOURS
    if name in bad.COLOURLESS:
        expected = np.repeat(LUMA[:, None], 3, axis=1)
    if name == "one_bit":
        expected = np.where(expected > 128, 255.0, 0.0)
    assert np.abs(quarters(image) - expected).max() < 6


def test_transparent_is_laid_over_neutral():
    colours = quarters(decode_image(bad.transparent()))
    assert np.array_equal(colours, [bad.RED, bad.GREEN, NEUTRAL, NEUTRAL])


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation_is_made_upright(orientation):
    image = decode_image(bad.rotated(orientation))
    assert image.size == (bad.WIDTH, bad.HEIGHT)
    assert np.abs(quarters(image) - COLOURS).max() < 6


def test_file_and_bytes_give_the_same(tmp_path):
    path = tmp_path / "face.jpg"
    path.write_bytes(bad.rotated(6))
    assert np.array_equal(decode_image(path), decode_image(path.read_bytes()))


def test_missing_file_is_named(tmp_path):
    with pytest.raises(ImageError, match=r"away\.jpg could not be read"):
        decode_image(tmp_path / "away.jpg")


def test_folder_is_no_picture(tmp_path):
    with pytest.raises(ImageError, match="could not be read"):
        decode_image(tmp_path)


def test_damaged_file_is_called_by_its_name(tmp_path):
    path = tmp_path / "half.jpg"
    path.write_bytes(bad.truncated_jpeg())
    with pytest.raises(ImageError, match=r"^half\.jpg is damaged"):
        decode_image(path)


def test_limit_is_for_uploads_and_just_below_passes():
    padded = bad.plain() + bytes(MAX_UPLOAD_BYTES - len(bad.plain()))
    assert decode_image(padded).size == (bad.WIDTH, bad.HEIGHT)
    with pytest.raises(ImageError, match="too large"):
        decode_image(padded + b"\0")


# Pillow remarks on damaged metadata and goes on.
@pytest.mark.filterwarnings("ignore::UserWarning")
@settings(max_examples=60, deadline=None)
@given(st.sampled_from(sorted(bad.ODD)), st.data())
def test_damage_is_an_image_error_or_a_picture(name, data):
    content = bytearray(bad.ODD[name]())
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, len(content) - 1))
        content[place] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(1, len(content)))
    try:
        image = decode_image(bytes(content[:cut]))
    except ImageError:
        return
    assert image.mode == "RGB"


def test_preprocess_leaves_a_picture_of_that_size():
    picture = np.random.default_rng(0).integers(0, 255, (32, 32, 3), np.uint8)
    assert np.array_equal(preprocess(Image.fromarray(picture), 32), picture)


def test_preprocess_keeps_the_centred_square():
    wide = np.zeros((40, 100, 3), np.uint8)
    wide[:, 30:70] = 200
    assert np.array_equal(
        preprocess(Image.fromarray(wide), 40), np.full((40, 40, 3), 200)
    )


def test_stretched_a_picture_is_seen_whole():
    halves = np.zeros((40, 100, 3), np.uint8)
    halves[:, 50:] = 200
    small = preprocess(Image.fromarray(halves), 20, fit="stretch", resample="box")
    np.testing.assert_array_equal(small[:, :10], 0)
    np.testing.assert_array_equal(small[:, 10:], 200)


def test_the_filter_is_the_one_that_is_asked_for():
    picture = Image.fromarray(bad.reference())
    for resample in get_args(Resample):
        box = ((picture.width - picture.height) / 2, 0)
        box = (*box, box[0] + picture.height, picture.height)
        expected = picture.resize((64, 64), Image.Resampling[resample.upper()], box)
        found = preprocess(picture, 64, resample=resample)
        np.testing.assert_array_equal(found, np.asarray(expected))


def test_a_file_goes_through_the_same_preprocessing(tmp_path):
    path = tmp_path / "wide.png"
    Image.fromarray(bad.reference()).save(path)
    how = {"resample": "lanczos", "fit": "stretch"}
    expected = preprocess(decode_image(path), 32, **how)
    assert np.array_equal(load_preprocessed(path, 32, **how), expected)
    assert np.array_equal(render_file(str(path), 32, **how), expected)
    assert not np.array_equal(render_file(str(path), 32), expected)


def test_preprocess_does_not_alias():
    checks = np.indices((512, 512)).sum(axis=0) % 2 * 255
    picture = np.repeat(checks[:, :, None], 3, axis=2).astype(np.uint8)
    assert np.abs(preprocess(Image.fromarray(picture), 64) - 127.5).max() <= 2


def test_preprocess_enlarges():
    assert preprocess(Image.new("RGB", (5, 5), bad.RED), 96).shape == (96, 96, 3)


def test_large_jpeg_at_a_fraction_is_nearly_the_same():
    picture = Image.fromarray(bad.reference()).resize((1536, 1024))
    content = bad.encode(picture, "JPEG", quality=95)
    fast = load_preprocessed(content, 96).astype(int)
    slow = preprocess(decode_image(content), 96).astype(int)
    assert np.abs(fast - slow).mean() < 1


def test_preprocessing_is_pinned():
    """A change here makes every shipped model see other pixels: retrain them."""
    rows, columns = np.indices((200, 200))
    picture = np.stack([rows, columns, (rows * columns) % 256], axis=2)
    small = preprocess(Image.fromarray(picture.astype(np.uint8)), 96)
    digest = hashlib.sha256(small.tobytes()).hexdigest()
    assert digest[:16] == "59c46635ab8898c3"
