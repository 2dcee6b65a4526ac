"""Records of runs written by hand, for tests of what reads them."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

MACHINE = {"processor": "AMD EPYC", "cores": 2, "threads": "1", "system": "Linux"}


@dataclass(frozen=True)
class Record:
    """The parts of a run that are read."""

    method: str
    seed: int = 0
    info: dict[str, Any] = field(default_factory=dict)
    model_path: Path = Path("nowhere/model.keras")


def record(method="baseline", seed=0, *, model=None, training=None, **info):
    """A run of a small network, with other keys where they are given."""
    resolved = {
        "model": {"backbone": "cnn", "image_size": 64, "weights": "none"},
        "training": {"epochs": 10, "batch_size": 32, "precision": None},
    }
    resolved["model"] |= model or {}
    resolved["training"] |= training or {}
    content = {
        "resolved": resolved,
        "parameters": 1_500_000,
        "parameters_trained": 1_000_000,
        "duration_s": 100.0,
        "images_per_second": 500.0,
        "inference_ms": 2.0,
        "epochs": resolved["training"]["epochs"],
        "trained_from": resolved["model"]["weights"],
        "backend": "tensorflow",
        "hardware": MACHINE,
    }
    return Record(method, seed, content | info)


def vit(method="vit", seed=0, **info):
    other = {"backbone": "vit", "image_size": 112}
    return record(method, seed, model=other, training={"epochs": 40}, **info)
