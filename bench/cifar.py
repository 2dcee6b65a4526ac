"""The long-tailed study: from the archive to images that can be trained on."""

import os
import tarfile
import tempfile
import time
from pathlib import Path

import numpy as np

ARCHIVE_VARIABLE = "EQUIPOISE_CIFAR10"
"""Where a real archive is; without it one of noise is made, as large."""


def _write_archive(folder: Path) -> Path:
    """60,000 pictures of noise in class folders, as published copies are laid out."""
    import io

    from PIL import Image

    from core.data.readers.cifar import CLASSES_10

    rng = np.random.default_rng(0)
    noise = rng.integers(0, 256, (100, 32, 32, 3), dtype=np.uint8)
    pictures = []
    for pixels in noise:
        buffer = io.BytesIO()
        Image.fromarray(pixels).save(buffer, "JPEG")
        pictures.append(buffer.getvalue())
    place = folder / "CIFAR-10-images.tar.gz"
    with tarfile.open(place, "w:gz", compresslevel=1) as archive:
        for part, count in (("train", 5000), ("test", 1000)):
            for label in CLASSES_10:
                for number in range(count):
                    name = f"CIFAR-10-images/{part}/{label}/{number:04d}.jpg"
                    content = pictures[number % len(pictures)]
                    member = tarfile.TarInfo(name)
                    member.size = len(content)
                    archive.addfile(member, io.BytesIO(content))
    return place


def _build(archive: Path) -> float:
    """Seconds from the archive, or its cache, to the study's images."""
    from core.data.cache import build_image_cache
    from core.data.catalog import load_dataset, renderer
    from core.data.manifest import LEFT_OUT
    from core.study import load_study

    start = time.perf_counter()
    study = load_study("cifar10-lt-200")
    manifest = load_dataset(study, archive).manifest
    used = manifest[manifest["split"] != LEFT_OUT]
    size = study.model.image_size
    build_image_cache(used["path"].tolist(), size, render=renderer(study))
    return time.perf_counter() - start


def _measure(builds: int) -> tuple[float, str]:
    """Seconds of the last of several builds of one archive."""
    with tempfile.TemporaryDirectory() as name:
        os.environ["EQUIPOISE_CACHE"] = str(Path(name) / "cache")
        given = os.environ.get(ARCHIVE_VARIABLE)
        archive = Path(given) if given else _write_archive(Path(name))
        seconds = [_build(archive) for _ in range(builds)]
    return seconds[-1], "the published pictures" if given else "pictures of noise"


def measure_first() -> tuple[float, str]:
    """Unpacked, drawn, decoded and resized."""
    return _measure(1)


def measure_again() -> tuple[float, str]:
    """With everything there."""
    return _measure(2)


ROWS = [
    ("the CIFAR-10-LT study from its archive of 60,000", "under 60 s", measure_first),
    ("the same from its cache", "under 1 s", measure_again),
]
