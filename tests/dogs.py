"""Generated dogs in Stanford Dogs' published layout, for tests only.

A breed is a coat of its own colour with ears of its own length, on a meadow: enough for
a model to learn. They look like no one's dog.
"""

import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import scipy.io
from PIL import Image, ImageDraw

BREEDS = {
    "n02085620-Chihuahua": ((214, 170, 110), 0.9),
    "n02085782-Japanese_spaniel": ((40, 36, 44), 0.5),
    "n02086240-Shih-Tzu": ((236, 232, 226), 0.3),
    "n02088364-beagle": ((150, 84, 40), 0.6),
    "n02110958-pug": ((196, 164, 120), 0.2),
}
MEADOW = (96, 142, 84)
LISTS = ("train", "test", "file")


def write_dogs(
    folder: Path,
    counts: Mapping[str, int],
    *,
    size: tuple[int, int] = (60, 48),
    boxes: bool = True,
    lists: float | None = None,
) -> Path:
    """Write so many pictures of each breed; the same every time.

    Parameters
    ----------
    folder : Path
    counts : mapping of folder's name to int
    size : tuple of int
        Width and height.
    boxes : bool
        Whether ``Annotation/`` is written.
    lists : float, optional
        Share of each breed that is in the test list; without it no list is written.

    Returns
    -------
    Path
        The folder.
    """
    for breed, count in counts.items():
        place = folder / "Images" / breed
        place.mkdir(parents=True, exist_ok=True)
        for number, name in enumerate(names_of(breed, count)):
            picture, box = draw_dog(breed, size, seed=number)
            picture.save(folder / "Images" / f"{name}.jpg", quality=90)
            if boxes:
                write_boxes(folder, name, [box], size)
    if lists is not None:
        write_lists(folder, counts, lists)
    return folder


def names_of(breed: str, count: int) -> list[str]:
    """Names of the pictures of a breed, with their folder and without suffix."""
    synset = breed.partition("-")[0]
    return [f"{breed}/{synset}_{17 * number + 5}" for number in range(count)]


def draw_dog(
    breed: str, size: tuple[int, int], *, seed: int
) -> tuple[Image.Image, tuple[int, int, int, int]]:
    """Draw a dog; returns the picture and its bounding box."""
    (coat, ears), (width, height) = BREEDS[breed], size
    rng = np.random.default_rng([seed, list(BREEDS).index(breed)])
    noise = rng.normal(0, 9, (height, width, 1))
    light = rng.uniform(0.7, 1.2)
    meadow = np.clip((np.array(MEADOW) + noise) * light, 0, 255).astype(np.uint8)
    picture = Image.fromarray(meadow)
    draw = ImageDraw.Draw(picture)
    head = rng.uniform(0.26, 0.36) * height
    x = rng.uniform(head, width - head)
    y = rng.uniform(1.6 * head, height - head)
    colour = tuple(int(level) for level in np.clip(np.array(coat) * light, 0, 255))
    draw.ellipse((x - head, y - head, x + head, y + head), fill=colour)
    tip = y - head * (0.6 + ears)
    for side in (-head, head):
        outer, inner = (
            (x + 0.95 * side, y - 0.3 * head),
            (x + 0.2 * side, y - 0.95 * head),
        )
        draw.polygon([outer, inner, (x + 0.75 * side, tip)], fill=colour)
    top = max(min(tip, y - head), 0)
    right, bottom = min(x + head, width), min(y + head, height)
    return picture, (int(max(x - head, 0)), int(top), int(right), int(bottom))


def write_boxes(
    folder: Path,
    name: str,
    boxes: Sequence[tuple[int, int, int, int]],
    size: tuple[int, int],
) -> Path:
    """Write the annotation of a picture, as published: without a suffix."""
    path = folder / "Annotation" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    edges = ("xmin", "ymin", "xmax", "ymax")
    objects = "".join(
        "<object><name>dog</name><bndbox>"
        + "".join(f"<{e}>{v}</{e}>" for e, v in zip(edges, box, strict=True))
        + "</bndbox></object>"
        for box in boxes
    )
    path.write_text(
        f"<annotation><size><width>{size[0]}</width><height>{size[1]}</height></size>"
        f"{objects}</annotation>"
    )
    return path


def write_lists(folder: Path, counts: Mapping[str, int], test_share: float) -> None:
    """Write the three lists, the last pictures of each breed in the test list."""
    listed: dict[str, list[str]] = {"train": [], "test": []}
    labels: dict[str, list[int]] = {"train": [], "test": []}
    for label, (breed, count) in enumerate(counts.items(), start=1):
        border = count - round(test_share * count)
        for number, name in enumerate(names_of(breed, count)):
            part = "train" if number < border else "test"
            listed[part].append(name)
            labels[part].append(label)
    listed["file"] = listed["train"] + listed["test"]
    labels["file"] = labels["train"] + labels["test"]
    for part in LISTS:
        write_list(folder / "lists" / f"{part}_list.mat", listed[part], labels[part])


def write_list(path: Path, names: Sequence[str], labels: Sequence[int]) -> None:
    """Write one list: cells of file names and of annotations, and labels from 1."""
    path.parent.mkdir(parents=True, exist_ok=True)
    content = {
        "file_list": _cells([f"{name}.jpg" for name in names]),
        "annotation_list": _cells(names),
        "labels": np.array(labels, dtype=np.float64)[:, None],
    }
    scipy.io.savemat(path, content)


def _cells(texts: Sequence[str]) -> np.ndarray:
    cells = np.empty((len(texts), 1), dtype=object)
    cells[:, 0] = list(texts)
    return cells


def pack(folder: Path, target: Path) -> Path:
    """Pack a copy into the three archives that it is published as; returns the folder.

    ``lists.tar`` holds its files without a folder, as published.
    """
    target.mkdir(parents=True)
    for archive, root, base in (
        ("images", folder, "Images"),
        ("annotation", folder, "Annotation"),
        ("lists", folder / "lists", "."),
    ):
        shutil.make_archive(str(target / archive), "tar", root, base)
    return target
