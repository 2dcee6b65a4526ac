"""Frozen layers: training from what is kept of them, and the step of what learns.

In seconds of the processor, of one thread: other work on the machine hardly counts.
"""

import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from core.study import Augmentation, Study
from core.tasks import Task

SIZE, BATCH = 96, 64
# Of training and validation, which is a fifth of UTKFace's.
TRAINED, VALIDATED = 640, 160
ROUNDS = 3
BLOCKS = 5
AUGMENTATION = Augmentation(
    rotation_degrees=3.0,
    shift=0.03,
    zoom=0.05,
    brightness=0.12,
    contrast=0.2,
    horizontal_flip=True,
)


def _study(trainable: str | int) -> tuple[Study, tuple[Task, ...]]:
    """Faces by EfficientNet-Lite0 from ImageNet weights, so much of it learning."""
    from core.data.readers.avatars import INFO
    from core.study import load_study

    study = load_study("avatars")
    changes = {
        "backbone": "efficientnet_lite0",
        "weights": "imagenet",
        "image_size": SIZE,
        "trainable": trainable,
    }
    budget = {"batch_size": BATCH, "augmentation": AUGMENTATION}
    return study.model_copy(
        update={
            "model": study.model.model_copy(update=changes),
            "training": study.training.model_copy(update=budget),
        }
    ), INFO.tasks


def _noise(tasks: tuple[Task, ...]) -> dict[str, Any]:
    """What batches are made of: images of noise, targets and weights."""
    count = TRAINED + VALIDATED
    rng = np.random.default_rng(0)
    targets: dict[str, Any] = {}
    for task in tasks:
        if task.kind == "regression":
            targets[task.name] = rng.uniform(1, 80, (count, 1)).astype(np.float32)
        elif task.kind == "binary":
            targets[task.name] = rng.integers(0, 2, (count, 1)).astype(np.float32)
        else:
            targets[task.name] = rng.integers(0, 4, count).astype(np.int32)
    return {
        "images": rng.integers(0, 256, (count, SIZE, SIZE, 3), dtype=np.uint8),
        "targets": targets,
        "sample_weight": {task.name: np.ones(count, "f4") for task in tasks},
    }


def _compile(models: Any, study: Study, tasks: tuple[Task, ...]) -> None:
    from core.training.losses import compile_model, usual_losses
    from core.training.optimizer import build_optimizer

    compile_model(
        models.training,
        tasks,
        optimizer=build_optimizer(study, study.baseline, [TRAINED // BATCH]),
        losses=usual_losses(study, tasks),
        loss_weights={task.name: 1.0 for task in tasks},
    )


def _epoch(trainable: str | int, *, cached: bool) -> Callable[[], object]:
    """An epoch of training with its validation, from kept features or from pixels."""
    from core.data.batches import Batches, shuffled_rows
    from core.data.cache import ImageCache
    from core.models.build import build_models
    from core.training.frozen_features import open_frozen_features

    study, tasks = _study(trainable)
    models = build_models(
        study.model, tasks, augmentation=AUGMENTATION, seed=0, cut=cached
    )
    _compile(models, study, tasks)
    given = _noise(tasks)
    rows, others = np.arange(TRAINED), np.arange(TRAINED, TRAINED + VALIDATED)
    drawn = plain = None
    if cached:
        frozen = open_frozen_features(
            models.cut,
            ImageCache(given["images"], {}, "noise"),
            plain=others,
            training=rows,
            augmentation=AUGMENTATION,
            variants=2,
        )
        given["images"] = frozen.array
        drawn, plain = frozen.drawn_places(0), frozen.plain_places
    batches = Batches(
        **given, rows=shuffled_rows(rows, seed=0), places=drawn, batch_size=BATCH
    )
    validation = Batches(**given, rows=lambda _: others, places=plain, batch_size=BATCH)
    return lambda: models.training.fit(
        batches, validation_data=validation, shuffle=False, verbose=0
    )


def _cpu_seconds(work: Callable[[], object]) -> float:
    start = time.process_time()
    work()
    return time.process_time() - start


def _one_thread() -> None:
    """As `equipoise train` does, before TensorFlow is imported."""
    from core.training.jobs import use_one_thread

    use_one_thread()


def _measure(trainable: str | int) -> tuple[float, str]:
    """Time of an epoch from pixels over that of one from kept features."""
    _one_thread()
    with tempfile.TemporaryDirectory() as name:
        os.environ["EQUIPOISE_CACHE"] = str(Path(name) / "cache")
        kept, anew = (_epoch(trainable, cached=cached) for cached in (True, False))
        pairs = [(_cpu_seconds(kept), _cpu_seconds(anew)) for _ in range(ROUNDS + 1)]
    ratio = median(b / a for a, b in pairs[1:])
    speeds = [TRAINED / median(column) for column in zip(*pairs[1:], strict=True)]
    return ratio, f"{speeds[0]:.0f} against {speeds[1]:.0f} images/s at {SIZE} px"


def measure_heads() -> tuple[float, str]:
    """With the heads learning alone."""
    return _measure("head")


def measure_blocks() -> tuple[float, str]:
    """With the last blocks learning too."""
    return _measure(BLOCKS)


def measure_step() -> tuple[float, str]:
    """Step of the last blocks and heads against that with Keras's depthwise layer."""
    _one_thread()
    from core.models.build import build_models
    from core.models.depthwise import SmallMapDepthwise

    study, tasks = _study(BLOCKS)
    steps, models = {}, {}
    for name in ("ours", "Keras's"):
        models[name] = built = build_models(
            study.model, tasks, augmentation=AUGMENTATION, seed=0, cut=True
        )
        _compile(built, study, tasks)
        if name == "Keras's":
            for layer in built.backbone.layers:
                if isinstance(layer, SmallMapDepthwise):
                    layer.small_map = None
        given = _noise(tasks)
        batch = (
            np.random.default_rng(0).random((BATCH, *built.cut.shape), np.float32),
            {task: values[:BATCH] for task, values in given["targets"].items()},
        )
        steps[name] = lambda model=built.training, batch=batch: [
            model.train_on_batch(*batch) for _ in range(8)
        ]
    times: dict[str, list[float]] = {name: [] for name in steps}
    for _ in range(ROUNDS + 2):
        for name, step in steps.items():
            times[name].append(_cpu_seconds(step) / 8)
    pairs = zip(times["ours"][1:], times["Keras's"][1:], strict=True)
    ratio = median(a / b for a, b in pairs)
    ours, theirs = (1000 * median(times[name][1:]) for name in steps)
    return ratio, f"{ours:.0f} against {theirs:.0f} ms, batch {BATCH}, {SIZE} px"


ROWS = [
    (
        "training of the heads on kept outputs of frozen layers, against the same "
        "without, EfficientNet-Lite0",
        "at least 4 x",
        measure_heads,
    ),
    (
        "the same with its last five blocks learning too",
        "at least 1.5 x",
        measure_blocks,
    ),
    (
        "step of these five blocks and the heads, against that with Keras's depthwise "
        "layer",
        "at most 0.9 x",
        measure_step,
    ),
]
