"""A tiny CIFAR-10 in folders of class folders: noise of another colour a class."""

from pathlib import Path

import numpy as np
from PIL import Image

from core.data.readers.cifar import CLASSES_10


def write_tiny_cifar(folder: Path, *, train: int = 12, test: int = 4) -> Path:
    """Write so many pictures of each class; the same every time."""
    rng = np.random.default_rng(0)
    colours = rng.integers(40, 215, size=(len(CLASSES_10), 3))
    for part, count in (("train", train), ("test", test)):
        for label, colour in zip(CLASSES_10, colours, strict=True):
            place = folder / part / label
            place.mkdir(parents=True)
            for number in range(count):
                noise = rng.integers(-40, 41, size=(32, 32, 3))
                pixels = np.clip(colour + noise, 0, 255).astype(np.uint8)
                Image.fromarray(pixels).save(place / f"{number:04d}.png")
    return folder


TINY_CIFAR = """
schema = 1
name = "tiny-cifar"
title = "Tiny CIFAR"
baseline = "baseline"
seeds = [0]

[dataset]
name = "cifar10"
options = { ratio = 6, validation_per_class = 1 }

[model]
backbone = "cnn"
options = { filters = [4], dense = [6], batch_norm = true }
image_size = 32
head_units = 0
dropout = 0.0

[training]
epochs = 2
batch_size = 16
learning_rate = 0.05
weight_decay = 2e-4
keep = "last"
optimizer = { name = "sgd" }

[training.schedule]
warmup_epochs = 1
drops = [{ at = 0.9, factor = 0.1 }]

[training.augmentation]
crop_padding = 4
horizontal_flip = true

[methods.baseline]
label = "Cross-entropy"
"""
