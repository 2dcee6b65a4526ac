"""Generated portraits in CelebA's published layout, for tests only.

The pictures are avatars, upright as CelebA's are; of the forty attributes those that
an avatar has are true of it, and the others are drawn at random.
"""

import shutil
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image

from core.data.avatar_drawing import draw_avatar
from core.data.readers.avatars_softbio import AvatarsSoftbioOptions, sample_person

HEAD = (
    "5_o_Clock_Shadow Arched_Eyebrows Attractive Bags_Under_Eyes Bald Bangs Big_Lips "
    "Big_Nose Black_Hair Blond_Hair Blurry Brown_Hair Bushy_Eyebrows Chubby "
    "Double_Chin Eyeglasses Goatee Gray_Hair Heavy_Makeup High_Cheekbones Male "
    "Mouth_Slightly_Open Mustache Narrow_Eyes No_Beard Oval_Face Pale_Skin Pointy_Nose "
    "Receding_Hairline Rosy_Cheeks Sideburns Smiling Straight_Hair Wavy_Hair "
    "Wearing_Earrings Wearing_Hat Wearing_Lipstick Wearing_Necklace Wearing_Necktie "
    "Young"
)
NAMES = HEAD.split()
PICTURES = "img_align_celeba"
PEOPLE = AvatarsSoftbioOptions(rare_share=0.4)
# Width and height of a published picture.
SIZE = (178, 218)


def write_celeba(
    folder: Path, count: int, *, csv: bool = False, nested: bool = False, size: int = 54
) -> Path:
    """Write so many pictures with their lists; the same every time.

    Parameters
    ----------
    folder : Path
    count : int
    csv : bool
        Whether the lists are CSV files.
    nested : bool
        Whether the pictures lie one folder deeper, as in some archives.
    size : int
        Height of the pictures in pixels.

    Returns
    -------
    Path
        The folder.
    """
    place = folder / PICTURES / PICTURES if nested else folder / PICTURES
    place.mkdir(parents=True)
    attributes = sample_attributes(count)
    for index, name in enumerate(attributes.index):
        draw_celebrity(index, size).save(place / name, quality=92)
    write_attributes(folder, attributes, csv=csv)
    write_partition(folder, dict(zip(attributes.index, parts(count), strict=True)), csv)
    return folder


def sample_attributes(count: int) -> pd.DataFrame:
    """1 or -1 for each attribute of each picture, by its name."""
    rng = np.random.default_rng(0)
    table = pd.DataFrame(
        np.where(rng.random((count, len(NAMES))) < 0.2, 1, -1),
        index=[f"{index + 1:06d}.jpg" for index in range(count)],
        columns=NAMES,
    )
    people = [sample_person(index, PEOPLE) for index in range(count)]
    known = {
        "Eyeglasses": [person.glasses for person in people],
        "Gray_Hair": [person.greying >= 0.5 for person in people],
        "Male": [person.group == "D" for person in people],
        "Wearing_Hat": [person.hat for person in people],
        "Young": [person.age < 40 for person in people],
    }
    for name, values in known.items():
        table[name] = np.where(values, 1, -1)
    return table


def parts(count: int) -> list[int]:
    """Part of each picture: every fifth is for validation, every sixth for test."""
    return [1 if i % 5 == 3 else 2 if i % 6 == 1 else 0 for i in range(count)]


def draw_celebrity(index: int, height: int) -> Image.Image:
    """An avatar, higher than wide."""
    width = round(height * SIZE[0] / SIZE[1])
    left = (height - width) // 2
    drawn = draw_avatar(sample_person(index, PEOPLE), height)
    return drawn.crop((left, 0, left + width, height))


def write_attributes(
    folder: Path, attributes: pd.DataFrame, *, csv: bool = False
) -> Path:
    """Write the attributes; returns the file."""
    if csv:
        path = folder / "list_attr_celeba.csv"
        attributes.to_csv(path, index_label="image_id")
        return path
    path = folder / "list_attr_celeba.txt"
    rows = [
        f"{name} " + " ".join(f"{value:>2}" for value in row)
        for name, row in zip(attributes.index, attributes.to_numpy(), strict=True)
    ]
    head = [str(len(attributes)), " ".join(attributes.columns) + " "]
    path.write_text("\n".join([*head, *rows]) + "\n")
    return path


def write_partition(folder: Path, codes: Mapping[str, int], csv: bool = False) -> Path:
    """Write the published split; returns the file."""
    path = folder / f"list_eval_partition.{'csv' if csv else 'txt'}"
    between = "," if csv else " "
    rows = [f"{name}{between}{code}" for name, code in codes.items()]
    path.write_text("\n".join(["image_id,partition"] * csv + rows) + "\n")
    return path


def pack(folder: Path, *, whole: bool, kind: str = "zip") -> Path:
    """Pack the copy, or its pictures alone in place; returns the archive."""
    if whole:
        return Path(shutil.make_archive(str(folder) + "-packed", kind, folder))
    packed = shutil.make_archive(str(folder / PICTURES), kind, folder, PICTURES)
    shutil.rmtree(folder / PICTURES)
    return Path(packed)
