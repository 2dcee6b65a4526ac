"""Archives: what a hostile or clumsy one holds is said, and nothing is half-written."""

import io
import stat
import tarfile
import unicodedata
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from core.data import archive
from core.data.archive import Unpacked, folder_of, unpack_upload
from core.errors import DatasetError

PICTURE = io.BytesIO()
Image.fromarray(np.zeros((4, 4, 3), np.uint8)).save(PICTURE, "PNG")
PNG = PICTURE.getvalue()


def packed(*names: str, **contents: bytes) -> io.BytesIO:
    """A zip of pictures, and of other files by their content."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as zipped:
        for name in names:
            zipped.writestr(name, b"" if name.endswith("/") else PNG)
        for name, content in contents.items():
            zipped.writestr(name.replace("__dot__", "."), content)
    return file


def unpack(source: io.BytesIO, folder: Path, **options: object) -> Unpacked:
    return unpack_upload(source, folder / "mine", name="mine.zip", **options)


def written(folder: Path) -> list[str]:
    """Every file below a folder, hidden ones too."""
    found = [p for p in folder.rglob("*") if p.is_file()]
    return sorted(p.relative_to(folder).as_posix() for p in found)


def test_pictures_and_tables_are_unpacked_and_the_rest_is_not(tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []
    source = packed(
        *("a/1.png", "a/.DS_Store", "a/._1.png", "__MACOSX/a/._1.png", "Thumbs.db"),
        *("b/1.JPG", "b/.hidden.png", "notes.pdf", "more.zip", "empty/"),
        labels__dot__csv=b"x",
    )
    found = unpack(source, tmp_path, progress=lambda _, *done: told.append(done))
    assert written(tmp_path) == ["mine/a/1.png", "mine/b/1.JPG", "mine/labels.csv"]
    assert (tmp_path / "mine" / "empty").is_dir()
    assert (found.files, found.system) == (3, 4)
    assert found.archives == ("more.zip",)
    assert found.others == ("b/.hidden.png", "notes.pdf")
    total = 2 * len(PNG) + 1
    assert told[-1] == (total, total)


@pytest.mark.parametrize("name", ["né.png", "猫/猫.png", "ж.png", "עברית/א.png"])
def test_names_in_any_script_come_in_one_form(tmp_path: Path, name: str) -> None:
    unpack(packed(unicodedata.normalize("NFD", name)), tmp_path)
    assert written(tmp_path / "mine") == [unicodedata.normalize("NFC", name)]


def test_names_that_lack_the_mark_of_utf_8_are_read(tmp_path: Path) -> None:
    source = packed("né.png")
    raw = source.getvalue()
    assert raw.count("né.png".encode()) == 2
    unmarked = bytearray(raw)
    for head, flags in ((b"PK\x03\x04", 7), (b"PK\x01\x02", 9)):
        unmarked[raw.index(head) + flags] &= ~0x08
    unpack(io.BytesIO(bytes(unmarked)), tmp_path)
    assert written(tmp_path / "mine") == ["né.png"]


def linked() -> io.BytesIO:
    file = packed("a.png")
    with zipfile.ZipFile(file, "a") as zipped:
        info = zipfile.ZipInfo("b.png")
        info.external_attr = (stat.S_IFLNK | 0o777) << 16
        zipped.writestr(info, "/etc/passwd")
    return file


def twice() -> io.BytesIO:
    file = packed("né.png")
    with zipfile.ZipFile(file, "a") as zipped:
        zipped.writestr(unicodedata.normalize("NFD", "né.png"), PNG)
    return file


def locked() -> io.BytesIO:
    raw = bytearray(packed("a.png").getvalue())
    for head, flags in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        raw[raw.index(head) + flags] |= 1
    return io.BytesIO(bytes(raw))


def bomb() -> io.BytesIO:
    return packed("a.png", **{"b.png": bytes(12 * 2**20)})


def lying() -> io.BytesIO:
    """One whose heads say that a large file is small."""
    raw = packed("a.png", **{"b.bmp": bytes(5000)}).getvalue()
    size = (5000).to_bytes(4, "little")
    assert raw.count(size) == 2
    return io.BytesIO(raw.replace(size, (50).to_bytes(4, "little")))


def cut() -> io.BytesIO:
    raw = packed(*(f"{i}.png" for i in range(20))).getvalue()
    return io.BytesIO(raw[:-200])


def broken() -> io.BytesIO:
    raw = bytearray(packed("a.png", "b.png").getvalue())
    start = raw.rindex(b"PK\x03\x04") + 40
    raw[start : start + 20] = b"x" * 20
    return io.BytesIO(bytes(raw))


def in_tar(kind: bytes) -> io.BytesIO:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w:gz") as tar:
        info = tarfile.TarInfo("a.png")
        info.size = len(PNG)
        tar.addfile(info, io.BytesIO(PNG))
        other = tarfile.TarInfo("b.png")
        other.type, other.linkname = kind, "/etc/passwd"
        tar.addfile(other)
    return file


def tar_bomb() -> io.BytesIO:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w:gz") as tar:
        info = tarfile.TarInfo("a.png")
        info.size = 9 * 2**20
        tar.addfile(info, io.BytesIO(bytes(info.size)))
    return file


HOSTILE: dict[str, tuple[Callable[[], io.BytesIO], str]] = {
    "slip": (lambda: packed("a.png", "../b.png"), r"outside its folder: '\.\./b\.png'"),
    "deep slip": (lambda: packed("a/../../b.png"), "outside its folder"),
    "absolute": (lambda: packed("/tmp/b.png"), "outside its folder: '/tmp/b"),
    "drive": (lambda: packed("C:\\b.png"), "outside its folder: 'C:/b"),
    "backslash": (lambda: packed("..\\b.png"), "outside its folder"),
    "link": (linked, r"holds a link: b\.png"),
    "link in a tar": (lambda: in_tar(tarfile.SYMTYPE), r"holds a link: b\.png"),
    "hard link": (lambda: in_tar(tarfile.LNKTYPE), r"holds a link: b\.png"),
    "device": (lambda: in_tar(tarfile.CHRTYPE), r"not a file: b\.png"),
    "bomb": (bomb, r"unpacks to far more than it is: b\.png has 12 MB"),
    "lying": (lying, "not an archive that can be unpacked, or it is damaged"),
    "two of one name": (twice, r"two files of one name: né\.png"),
    "file and folder": (lambda: packed("a", "a/b.png"), "file and a folder of one"),
    "long name": (lambda: packed("é" * 130 + ".png"), "name is too long: éé"),
    "locked": (locked, "is locked with a password"),
    "nested": (lambda: packed("b.zip", "c.rar"), "no picture, but 2 other archives: b"),
    "no picture": (lambda: packed("a.txt", "._b.png"), "holds no picture"),
    "empty": (io.BytesIO, "not an archive"),
    "text": (lambda: io.BytesIO(b"Dear reader"), "not an archive"),
    "cut off": (cut, "damaged or cut off"),
    "broken": (broken, "damaged or cut off"),
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_a_hostile_upload_is_said_and_leaves_nothing(tmp_path: Path, kind: str) -> None:
    make, message = HOSTILE[kind]
    with pytest.raises(DatasetError, match=message) as caught:
        unpack(make(), tmp_path)
    assert caught.value.expected
    assert caught.value.remedy
    assert [*tmp_path.iterdir()] == []


def test_too_many_and_too_large_are_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(archive, "MAX_FILES", 20)
    with pytest.raises(DatasetError, match=r"holds 21 files") as caught:
        unpack(packed(*(f"{i}.png" for i in range(21))), tmp_path)
    assert caught.value.expected == "at most 20 files."
    unpack(packed(*(f"{i}.png" for i in range(20))), tmp_path / "as many as may be")
    large = packed("a.png", **{"b.png": np.random.default_rng(0).bytes(2**20)})
    with pytest.raises(DatasetError, match=r"too large: 1 MB\. Expected: at most 1 MB"):
        unpack(large, tmp_path, limit_mb=1)
    monkeypatch.setattr(archive, "UNPACKED_TIMES", 0.5)
    with pytest.raises(DatasetError, match=r"mine\.zip unpacks to far more"):
        unpack(packed("a.png", **{"b.png": bytes(2**20)}), tmp_path, limit_mb=1)
    with pytest.raises(DatasetError, match=r"far more than it is: a\.png has 9 MB"):
        unpack(tar_bomb(), tmp_path, limit_mb=1)
    monkeypatch.setenv("EQUIPOISE_UPLOAD_MB", "many")
    with pytest.raises(DatasetError, match="EQUIPOISE_UPLOAD_MB is 'many'"):
        unpack(packed("a.png"), tmp_path)
    monkeypatch.setenv("EQUIPOISE_UPLOAD_MB", "7")
    assert archive.upload_limit_mb() == 7
    usage = type("Usage", (), {"free": 10})
    monkeypatch.setattr(archive.shutil, "disk_usage", lambda place: usage)
    with pytest.raises(DatasetError, match="no room to unpack"):
        unpack(packed("a.png"), tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["as many as may be"]


def test_an_archive_of_a_dataset_is_held_to_its_folder_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EQUIPOISE_CACHE", str(tmp_path / "cache"))
    for name, make in (("slip.zip", HOSTILE["slip"][0]), ("link.tar.gz", linked)):
        (tmp_path / name).write_bytes(make().getvalue())
        with pytest.raises(DatasetError, match=r"outside its folder|holds a link"):
            folder_of(tmp_path / name, pattern="*", what="mine")
    (tmp_path / "good.zip").write_bytes(packed("a/b.png", "a/notes").getvalue())
    folder = folder_of(tmp_path / "good.zip", pattern="*", what="mine")
    assert written(folder) == ["a/b.png", "a/notes"]
    assert list((tmp_path / "cache" / "unpacked").iterdir()) == [folder]
