"""Generated skin lesions in ISIC 2019's published layout, for tests only.

A nevus is drawn as a round, even, brown patch and a melanoma as a larger, ragged one of
several colours: enough for a model to learn. They look like no one's skin.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image, ImageDraw, ImageFilter

CODES = ("MEL", "NV", "BCC", "AK", "BKL", "DF", "VASC", "SCC", "UNK")
GROUND_TRUTH = "ISIC_2019_Training_GroundTruth.csv"
METADATA = "ISIC_2019_Training_Metadata.csv"
IMAGES = "ISIC_2019_Training_Input"
SITES = ("anterior torso", "lower extremity", "head/neck", "")
SKINS = ((232, 184, 160), (214, 160, 130), (190, 130, 100), (246, 210, 190))
COLOURS = {"NV": (120, 74, 48), "VASC": (150, 40, 60), "BCC": (196, 120, 120)}
DARK = ((60, 36, 30), (30, 26, 40), (110, 60, 44))


@dataclass(frozen=True)
class Lesion:
    """One image: its name, what it shows and what the metadata say of it."""

    image: str
    code: str
    lesion: str = ""
    age: str = ""
    sex: str = ""
    site: str = ""


def sample_lesions(counts: Mapping[str, int], *, seed: int = 0) -> list[Lesion]:
    """So many images of each diagnosis; up to three of one lesion, some unnamed."""
    rng = np.random.default_rng(seed)
    lesions: list[Lesion] = []
    for code, count in counts.items():
        left = count
        while left:
            named = rng.random() < 0.8
            size = min(left, int(rng.integers(1, 4))) if named else 1
            age = "" if rng.random() < 0.1 else f"{5.0 * rng.integers(0, 18):.1f}"
            sex = str(rng.choice(["male", "female", ""], p=[0.5, 0.4, 0.1]))
            site = str(rng.choice(SITES))
            name = f"HAM_{len(lesions):07d}" if named else ""
            lesions += [
                Lesion(f"ISIC_{len(lesions) + i:07d}", code, name, age, sex, site)
                for i in range(size)
            ]
            left -= size
    return lesions


def write_copy(
    folder: Path, lesions: Sequence[Lesion], *, metadata: bool = True, side: int = 48
) -> Path:
    """Write the ground truth, the pictures and the metadata; return the folder."""
    (folder / IMAGES).mkdir(parents=True, exist_ok=True)
    for number, lesion in enumerate(lesions):
        path = folder / IMAGES / f"{lesion.image}.jpg"
        draw_lesion(lesion.code, side, seed=number).save(path, quality=90)
    truth = pd.DataFrame({"image": [lesion.image for lesion in lesions]})
    for code in CODES:
        truth[code] = [float(lesion.code == code) for lesion in lesions]
    truth.to_csv(folder / GROUND_TRUTH, index=False)
    if metadata:
        columns = {
            "image": "image",
            "age_approx": "age",
            "anatom_site_general": "site",
            "lesion_id": "lesion",
            "sex": "sex",
        }
        table = {
            name: [getattr(lesion, field) for lesion in lesions]
            for name, field in columns.items()
        }
        pd.DataFrame(table).to_csv(folder / METADATA, index=False)
    return folder


def draw_lesion(code: str, side: int, *, seed: int) -> Image.Image:
    """Draw a lesion on skin, a quarter wider than high as a dermatoscope gives it."""
    rng = np.random.default_rng([seed, CODES.index(code)])
    width = side * 5 // 4
    skin = np.array(SKINS[rng.integers(len(SKINS))]) + rng.normal(0, 6, 3)
    noise = rng.normal(0, 4, (side, width, 1))
    pixels = np.clip(skin + noise, 0, 255).astype(np.uint8)
    picture = Image.fromarray(pixels)
    draw = ImageDraw.Draw(picture)
    centre = np.array([width, side]) / 2 + rng.normal(0, side / 20, 2)
    ragged = code == "MEL"
    radius = side * (rng.uniform(0.3, 0.42) if ragged else rng.uniform(0.15, 0.28))
    colours = DARK if ragged else (COLOURS.get(code, (140, 96, 70)),)
    for layer, colour in enumerate(colours):
        angles = np.linspace(0, 2 * np.pi, 24, endpoint=False)
        reach = radius * (1 - layer / 4) * (1 + ragged * rng.normal(0, 0.2, 24))
        shift = layer * rng.normal(0, side / 16, 2)
        points = (
            centre
            + shift
            + np.stack([np.cos(angles), np.sin(angles)], 1) * (reach[:, None])
        )
        draw.polygon([tuple(point) for point in points.tolist()], fill=colour)
    return picture.filter(ImageFilter.GaussianBlur(side / 60))


def break_image(folder: Path, image: str) -> None:
    """Cut a picture off in its middle."""
    path = folder / IMAGES / f"{image}.jpg"
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
