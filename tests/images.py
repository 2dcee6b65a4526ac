"""A small set of images of one's own, as somebody would bring it."""

from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image

CLASSES = {"healthy": 32, "sick": 16}


def write_picture(path: Path, value: int = 0, *, side: int = 8) -> None:
    """A picture whose pixels are those of its number."""
    path.parent.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(value)
    Image.fromarray(rng.integers(0, 256, (side, side, 3), np.uint8)).save(path)


def write_classes(place: Path, **counts: int) -> Path:
    """Class folders with so many pictures each, all of them different."""
    for number, (name, count) in enumerate((counts or CLASSES).items()):
        for i in range(count):
            write_picture(place / name / f"{name}-{i:03d}.png", 1000 * number + i)
    return place


def patients(counts: dict[str, int] | None = None) -> pd.DataFrame:
    """A table of those pictures: two of each patient, with age and gender."""
    rows = [
        (f"{name}-{i:03d}.png", name, f"{name[0]}{i // 2}", 20 + (7 * i) % 60)
        for name, count in (counts or CLASSES).items()
        for i in range(count)
    ]
    table = pd.DataFrame(rows, columns=["file", "diagnosis", "patient", "age"])
    return table.assign(gender=np.where(np.arange(len(table)) % 3 == 0, "f", "m"))
