"""Training: what the loop, the input and the losses cost beside the model itself."""

import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

import numpy as np
import pandas as pd

from core.study import Augmentation

SIZE = 96
BATCH = 64
STEPS = 24
ROUNDS = 5
AUGMENTATION = Augmentation(
    rotation_degrees=10.0, shift=0.1, shear_degrees=6.0, zoom=0.1, horizontal_flip=True
)


def _pictures(folder: Path, count: int) -> pd.DataFrame:
    """Avatars as 200-pixel JPEG files, as large as UTKFace's."""
    from PIL import Image

    from core.data.avatars import AvatarsOptions, render, sample_people

    options = AvatarsOptions(count=count)
    people = sample_people(options)
    for index in range(count):
        picture = Image.fromarray(render(index, 200, options))
        picture.save(folder / f"{index}.jpg", quality=90)
    return people.assign(path=[str(folder / f"{i}.jpg") for i in range(count)])


def _face_model(losses: dict[str, object]) -> object:
    """The face model at 96 pixels, compiled as for a run."""
    from core.data.avatars import INFO
    from core.models.build import build_models
    from core.study import load_study
    from core.training.fit import compile_model

    study = load_study("avatars")
    table = study.model.model_copy(update={"image_size": SIZE})
    models = build_models(table, INFO.tasks, augmentation=AUGMENTATION, seed=0)
    compile_model(
        models.training,
        study,
        INFO.tasks,
        losses=losses,
        loss_weights=study.training.loss_weights,
        steps_per_epoch=STEPS,
    )
    return models.training


def _plain_losses() -> dict[str, object]:
    import keras

    return {
        "age": keras.losses.MeanAbsoluteError(),
        "glasses": keras.losses.BinaryCrossentropy(from_logits=True),
        "hair": keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    }


def _batches(count: int) -> object:
    from core.data.avatars import INFO
    from core.data.batches import Batches, shuffled_rows

    rng = np.random.default_rng(0)
    names = [task.name for task in INFO.tasks]
    targets = {
        "age": rng.uniform(1, 80, (count, 1)).astype(np.float32),
        "glasses": rng.integers(0, 2, (count, 1)).astype(np.float32),
        "hair": rng.integers(0, 4, count).astype(np.int32),
    }
    return Batches(
        rng.integers(0, 256, (count, SIZE, SIZE, 3), dtype=np.uint8),
        targets,
        {name: np.ones(count, dtype=np.float32) for name in names},
        rows=shuffled_rows(np.arange(count), seed=0),
        batch_size=BATCH,
        drop_last=True,
    )


def _one_thread() -> None:
    """As `equipoise train` does, before TensorFlow is imported."""
    from core.training.jobs import use_one_thread

    use_one_thread()


def _seconds(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def measure_loop() -> tuple[float, str]:
    """Our loop's images/s over those of the same model fed one resident batch."""
    _one_thread()
    import tensorflow as tf

    model = _face_model(_plain_losses())
    batches = _batches(BATCH * STEPS)
    resident = tf.data.Dataset.from_tensors(batches[0]).cache().repeat()
    ours, theirs = [], []
    for _ in range(ROUNDS + 1):
        ours.append(_seconds(lambda: model.fit(batches, verbose=0, shuffle=False)))
        theirs.append(
            _seconds(lambda: model.fit(resident, steps_per_epoch=STEPS, verbose=0))
        )
    ratios = [b / a for a, b in zip(ours[1:], theirs[1:], strict=True)]
    speed = BATCH * STEPS / median(ours[1:])
    return median(ratios), f"{speed:.0f} images/s at {SIZE} px"


def measure_input() -> tuple[float, str]:
    """Images/s of cache, batches and augmentation over ImageDataGenerator's."""
    _one_thread()
    import tensorflow as tf
    from keras.src.legacy.preprocessing.image import ImageDataGenerator

    from core.data.cache import build_image_cache
    from core.models.augmentation import RandomAffine

    with tempfile.TemporaryDirectory() as name:
        os.environ["EQUIPOISE_CACHE"] = str(Path(name) / "cache")
        people = _pictures(Path(name), 1024)
        cache = build_image_cache(people["path"].tolist(), SIZE)
        layer = RandomAffine(**AUGMENTATION.model_dump())
        augment = tf.function(lambda images: layer(images, training=True))

        def ours() -> None:
            for start in range(0, len(people), BATCH):
                augment(tf.constant(cache.images[start : start + BATCH])).numpy()

        flow = ImageDataGenerator(
            rotation_range=10,
            width_shift_range=0.1,
            height_shift_range=0.1,
            shear_range=6,
            zoom_range=0.1,
            horizontal_flip=True,
        ).flow_from_dataframe(
            people,
            x_col="path",
            y_col="age",
            class_mode="raw",
            target_size=(SIZE, SIZE),
            batch_size=BATCH,
            shuffle=False,
        )

        def theirs() -> None:
            for _ in range(len(flow)):
                next(flow)

        ours()
        pairs = [(_seconds(ours), _seconds(theirs)) for _ in range(3)]
    speeds = [len(people) / median(column) for column in zip(*pairs, strict=True)]
    ratio = median(b / a for a, b in pairs)
    return ratio, f"{speeds[0]:.0f} against {speeds[1]:.0f} images/s at {SIZE} px"


def measure_losses() -> tuple[float, str]:
    """Step time of the slowest of our losses over that of plain cross-entropy."""
    _one_thread()
    import tensorflow as tf

    from core.methods.registry import ENTRIES, load_builder

    counts = np.array([500, 300, 100, 20])
    resident = tf.data.Dataset.from_tensors(_batches(BATCH)[0]).cache().repeat()
    models = {"cross-entropy": _face_model(_plain_losses())}
    for entry in ENTRIES.values():
        if entry.part == "loss":
            loss = load_builder(entry)(counts)
            models[entry.name] = _face_model(_plain_losses() | {"hair": loss})
    times: dict[str, list[float]] = {name: [] for name in models}
    for _ in range(ROUNDS + 1):
        for name, model in models.items():
            times[name].append(
                _seconds(
                    lambda m=model: m.fit(resident, steps_per_epoch=STEPS, verbose=0)
                )
            )
    plain = times.pop("cross-entropy")[1:]
    ratios = {
        name: median(a / b for a, b in zip(seconds[1:], plain, strict=True))
        for name, seconds in times.items()
    }
    detail = ", ".join(f"{name} {ratio:.3f}" for name, ratio in ratios.items())
    return max(ratios.values()), detail


ROWS = [
    (
        "training loop against the same model fed one resident batch",
        "at least 0.90",
        measure_loop,
    ),
    (
        "images/s of cache and batches, augmented, against "
        "ImageDataGenerator.flow_from_dataframe",
        "at least 3 x",
        measure_input,
    ),
    (
        "step time with each custom loss against plain cross-entropy",
        "at most 1.05 x",
        measure_losses,
    ),
]
