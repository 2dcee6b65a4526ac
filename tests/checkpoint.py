"""A tiny ViT checkpoint as transformers writes it, and the pictures it was asked of."""

import json
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

FOLDER = Path(__file__).parent / "data" / "vit_checkpoint"


def pictures() -> list[Image.Image]:
    """Three oblong pictures, as ``data/write_vit_checkpoint.py`` makes them."""
    small = np.random.default_rng(0).integers(0, 256, (3, 12, 9, 3), dtype=np.uint8)
    enlarged = (70, 100)
    return [
        Image.fromarray(p).resize(enlarged, Image.Resampling.BICUBIC) for p in small
    ]


def expected_logits() -> dict[int, np.ndarray]:
    """Logits of PyTorch's class for these pictures, by the side of the model's."""
    table = json.loads((FOLDER / "expected.json").read_text())
    return {int(side): np.array(rows) for side, rows in table["logits"].items()}


def write_changed(folder: Path, file: str, **changes: Any) -> Path:
    """Copy the checkpoint with keys of a JSON file changed; None leaves one out."""
    folder.mkdir(parents=True, exist_ok=True)
    for path in FOLDER.iterdir():
        (folder / path.name).write_bytes(path.read_bytes())
    table = {**json.loads((folder / file).read_text()), **changes}
    table = {name: value for name, value in table.items() if value is not None}
    (folder / file).write_text(json.dumps(table))
    return folder
