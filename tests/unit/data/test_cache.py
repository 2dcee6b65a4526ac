import gc
import hashlib
import os
import time
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from core.data import cache as module
from core.data import cache_entries
from core.data.archive import folder_of
from core.data.cache import Render, build_image_cache, render_file
from core.data.cache_entries import (
    LIMIT_VARIABLE,
    cache_limit_bytes,
    list_entries,
    make_room,
    remove_entry,
)
from core.data.images import load_preprocessed
from core.data.readers import cifar, stanford_dogs
from core.errors import DatasetError, EquipoiseError


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
    build_image_cache(
        pictures, 16, progress=lambda what, done, total: steps.append(done)
    )
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


@pytest.mark.parametrize(
    ("render", "source"),
    [
        (cifar.render, "core.data.cifar.render"),
        (stanford_dogs.render_in_box, "core.data.stanford_dogs.render_in_box"),
    ],
)
def test_caches_from_before_the_readers_had_a_package_are_found(
    render: Render, source: str
) -> None:
    key = hashlib.sha256(f"{module.VERSION} 32 {source} \na.png".encode()).hexdigest()
    assert module._names_key(["a.png"], 32, render) == key[: module.KEY_LENGTH]


def test_full_disk_leaves_nothing_and_says_so(
    pictures: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*args: object, **kwargs: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(np.lib.format, "open_memmap", full)
    with pytest.raises(DatasetError, match="No space left"):
        build_image_cache(pictures, 16)
    assert list((tmp_path / "cache" / "images").iterdir()) == []


def write_bitmaps(folder: Path, level: int, *, count: int = 30) -> list[str]:
    """Bitmaps of one grey: all of one length, whatever they show."""
    folder.mkdir(exist_ok=True)
    paths = [folder / f"{i:02d}.bmp" for i in range(count)]
    for path in paths:
        Image.new("RGB", (64, 64), (level, level, level)).save(path)
    return [str(path) for path in paths]


def test_other_pictures_of_the_same_names_and_lengths_are_seen(tmp_path: Path) -> None:
    paths = write_bitmaps(tmp_path / "own", 10)
    lengths = [Path(path).stat().st_size for path in paths]
    assert set(np.unique(build_image_cache(paths, 16).images)) == {10}
    write_bitmaps(tmp_path / "own", 200)
    assert [Path(path).stat().st_size for path in paths] == lengths
    assert set(np.unique(build_image_cache(paths, 16).images)) == {200}


def test_other_pictures_with_the_old_times_are_seen(tmp_path: Path) -> None:
    paths = write_bitmaps(tmp_path / "own", 10)
    times = {path: Path(path).stat() for path in paths}
    build_image_cache(paths, 16)
    write_bitmaps(tmp_path / "own", 200)
    for path, before in times.items():
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert set(np.unique(build_image_cache(paths, 16).images)) == {200}


def test_pictures_that_were_only_touched_are_not_decoded_again(
    pictures: list[str],
) -> None:
    build_image_cache(pictures, 16)
    for path in pictures:
        Path(path).chmod(0o600)
    steps: list[str] = []
    for _ in range(2):
        build_image_cache(
            pictures, 16, progress=lambda what, done, total: steps.append(what)
        )
    # Once it looks into them; then it knows these times too.
    assert steps == ["Looking for changed pictures"]
    assert len(list_entries()) == 1


def test_the_list_tells_sizes_ages_and_studies(pictures: list[str]) -> None:
    cache = build_image_cache(pictures, 16, study="flowers")
    build_image_cache(pictures, 16, study="trees")
    (entry,) = list_entries()
    assert entry.kind == "images"
    assert entry.about == {
        "studies": ["flowers", "trees"],
        "images": 300,
        "side_pixels": 16,
    }
    assert entry.size_bytes >= cache.images.nbytes == 300 * 16 * 16 * 3
    assert time.time() - entry.used < 60
    assert entry.is_in_use
    del cache
    gc.collect()
    assert not list_entries()[0].is_in_use


def test_what_was_used_longest_ago_goes_first_and_what_is_in_use_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # 30 pictures of 64 pixels are 0.37 MB: two fit into one MB, three do not.
    monkeypatch.setenv(LIMIT_VARIABLE, "0.001")
    paths = {name: write_bitmaps(tmp_path / name, 7) for name in ("a", "b", "c", "d")}

    def build(name: str) -> object:
        return build_image_cache(paths[name], 64, study=name)

    def kept() -> list[str]:
        gc.collect()
        return sorted(entry.about["studies"][0] for entry in list_entries())

    def age(name: str, seconds: float) -> None:
        entry = next(e for e in list_entries() if e.about["studies"] == [name])
        when = time.time() - seconds
        os.utime(cache_entries._lock_path(entry.kind, entry.key), (when, when))

    held = build("a")
    build("b")
    age("a", 300)
    age("b", 200)
    assert kept() == ["a", "b"]
    build("c")
    # "a" was used before "b", but a training maps it.
    assert kept() == ["a", "c"]
    assert set(np.unique(held.images)) == {7}
    del held
    gc.collect()
    age("c", 100)
    build("a")
    build("d")
    assert kept() == ["a", "d"]


def test_what_is_mapped_is_never_removed(tmp_path: Path) -> None:
    cache = build_image_cache(write_bitmaps(tmp_path / "own", 9), 16)
    (entry,) = list_entries()
    assert not remove_entry(entry)
    assert build_image_cache(write_bitmaps(tmp_path / "own", 9), 16) is not cache
    del cache
    gc.collect()
    assert remove_entry(entry)


def test_what_a_killed_process_left_is_counted_and_removed(
    pictures: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    build_image_cache(pictures, 16)
    gc.collect()
    left = tmp_path / "cache" / "images" / ".0123456789abcdef-0123456789abcdef.deadbeef"
    left.mkdir()
    (left / "images.npy").write_bytes(bytes(5_000_000))
    entries = list_entries()
    assert [bool(entry.about) for entry in entries] == [False, True]
    assert entries[0].size_bytes == 5_000_000
    monkeypatch.setenv(LIMIT_VARIABLE, "0.002")
    make_room(0)
    assert not left.exists()
    assert len(list_entries()) == 1


def test_an_unpacked_archive_is_listed_and_stays_while_it_is_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import zipfile

    archive = tmp_path / "flowers.zip"
    with zipfile.ZipFile(archive, "w") as packed:
        packed.writestr("rose/1.png", bytes(1000))
    folder = folder_of(archive, pattern="*.png", what="flowers")
    (entry,) = list_entries()
    assert (entry.kind, entry.about["archive"]) == ("unpacked", "flowers.zip")
    assert entry.size_bytes == 1000
    monkeypatch.setenv(LIMIT_VARIABLE, "0")
    make_room(0)
    assert (folder / "rose" / "1.png").is_file()


@pytest.mark.parametrize("given", ["much", "-1", "nan"])
def test_a_limit_that_is_none_is_refused(
    given: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(LIMIT_VARIABLE, given)
    with pytest.raises(EquipoiseError, match=f"{LIMIT_VARIABLE} is '{given}'"):
        cache_limit_bytes()


def test_two_pictures_of_one_name_are_told_apart(pictures: list[str]) -> None:
    folder = Path(pictures[0]).parent
    paths = list(pictures)
    for place in ("cats", "dogs"):
        (folder / place).mkdir()
        for i in range(2):
            broken = folder / place / f"{i}.png"
            broken.write_bytes(b"")
            paths.append(str(broken))
    with pytest.raises(DatasetError, match=r"cats/0\.png is empty.*dogs/0\.png is"):
        build_image_cache(paths, 16)
