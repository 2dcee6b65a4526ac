"""A study that trains in seconds: few avatars, small pictures, one convolution."""

import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from core.study import Study, parse_study

TEXT = """
schema = 1
name = "tiny"
title = "Tiny"
baseline = "baseline"
seeds = [0]

[dataset]
name = "avatars"
options = { count = 120, seed = 0 }

[model]
backbone = "cnn"
image_size = 32
head_units = 8

[model.options]
filters = [8]
kernel = 5
pool = 4
dense = []
batch_norm = true
summary = "average"

[training]
epochs = 2
batch_size = 16
warmup_steps = 2
ema_momentum = 0.9
loss_weights = { age = 0.1 }

[training.augmentation]
rotation_degrees = 5.0
horizontal_flip = true

[methods.baseline]
label = "Baseline"

[methods.ins]
label = "INS"
use = { ins = { on = "hair" } }

[methods.undersample]
label = "Under-sampling"
use = { undersample = { on = "hair", keep = 0.5 } }

[methods.denseweight-lmf]
label = "DenseWeight + LMF"

[methods.denseweight-lmf.use]
denseweight = { on = "age", alpha = 1.0 }
lmf = { on = "hair", head = "cosine" }
"""


def tiny_study(**training: Any) -> Study:
    """The tiny study, with changes to its training table."""
    study = parse_study(TEXT, origin="tiny")
    table = study.training.model_copy(update=training)
    return study.model_copy(update={"training": table})


def killed_at(places: Mapping[int, Path], store: Path) -> Callable[..., None]:
    """Copy the store of a training at some epochs, each to a place of its own.

    It is called when an epoch is done, as ``Listener`` calls it, and keeps what a
    process leaves that is killed then: the state of that epoch is not yet written.
    """

    def keep(method: str, seed: int, epoch: int, values: Mapping[str, float]) -> None:
        if epoch in places:
            shutil.copytree(store, places[epoch])

    return keep
