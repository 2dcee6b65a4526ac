"""Training: what the loop, the input and the losses cost beside the model itself."""

import os
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from statistics import median

import numpy as np
import pandas as pd

from core.study import Augmentation, Study
from core.tasks import Regression, Task

SIZE = 96
BATCH = 64
STEPS = 24
ROUNDS = 5
AUGMENTATION = Augmentation(
    rotation_degrees=10.0, shift=0.1, shear_degrees=6.0, zoom=0.1, horizontal_flip=True
)
CIFAR_STEPS = 8
# Sized for the faces of UTKFace: 6 layers, 192 wide, 16 px patches at 112 px.
VIT_SIZE = 112
VIT_OPTIONS = {"patch": 16, "layers": 6, "heads": 3, "width": 192, "mlp": 768}
VIT_STEPS = 4


def _pictures(folder: Path, count: int) -> pd.DataFrame:
    """Avatars as 200-pixel JPEG files, as large as UTKFace's."""
    from PIL import Image

    from core.data.readers.avatars import AvatarsOptions, render, sample_people

    options = AvatarsOptions(count=count)
    people = sample_people(options)
    for index in range(count):
        picture = Image.fromarray(render(index, 200, options))
        picture.save(folder / f"{index}.jpg", quality=90)
    return people.assign(path=[str(folder / f"{i}.jpg") for i in range(count)])


def _faces() -> tuple[Study, tuple[Task, ...]]:
    """The face model at 96 pixels."""
    from core.data.readers.avatars import INFO
    from core.study import load_study

    study = load_study("avatars")
    model = study.model.model_copy(update={"image_size": SIZE})
    budget = study.training.model_copy(
        update={"batch_size": BATCH, "augmentation": AUGMENTATION}
    )
    return study.model_copy(update={"model": model, "training": budget}), INFO.tasks


def _vit_faces() -> tuple[Study, tuple[Task, ...]]:
    """The transformer for faces, in the precision that it is trained in."""
    study, tasks = _faces()
    changes = {"backbone": "vit", "image_size": VIT_SIZE, "options": VIT_OPTIONS}
    model = study.model.model_copy(update=changes)
    budget = study.training.model_copy(update={"precision": "mixed_bfloat16"})
    return study.model_copy(update={"model": model, "training": budget}), tasks


def _cifar() -> tuple[Study, tuple[Task, ...]]:
    """ResNet-32 as the long-tailed study trains it."""
    from core.data.readers.cifar import INFO_10
    from core.study import load_study

    return load_study("cifar10-lt-200"), INFO_10.tasks


def _compiled(
    study: Study, tasks: Sequence[Task], losses: Mapping[str, object] | None = None
) -> object:
    """The study's model, compiled as for a run, some losses exchanged."""
    from core.models.build import build_models
    from core.training.losses import compile_model, usual_losses
    from core.training.optimizer import build_optimizer

    losses = losses or {}
    models = build_models(
        study.model,
        tasks,
        augmentation=study.training.augmentation,
        seed=0,
        learned=[
            layer for loss in losses.values() for layer in getattr(loss, "learned", ())
        ],
        precision=study.training.precision or "float32",
    )
    compile_model(
        models.training,
        tasks,
        optimizer=build_optimizer(study, study.baseline, [STEPS]),
        losses={**usual_losses(study, tasks), **losses},
        loss_weights={
            t.name: study.training.loss_weights.get(t.name, 1) for t in tasks
        },
    )
    return models.training


def _batches(study: Study, tasks: Sequence[Task], steps: int) -> object:
    """Batches of noise with targets of the tasks, as a run is fed."""
    from core.data.batches import Batches, shuffled_rows

    rng = np.random.default_rng(0)
    count, size = study.training.batch_size * steps, study.model.image_size
    targets = {}
    for task in tasks:
        if isinstance(task, Regression):
            values = rng.uniform(task.minimum, task.maximum, (count, 1))
            targets[task.name] = values.astype(np.float32)
        elif task.kind == "binary":
            targets[task.name] = rng.integers(0, 2, (count, 1)).astype(np.float32)
        else:
            ids = rng.integers(0, len(task.classes), count)
            targets[task.name] = ids.astype(np.int32)
    return Batches(
        rng.integers(0, 256, (count, size, size, 3), dtype=np.uint8),
        targets,
        {task.name: np.ones(count, dtype=np.float32) for task in tasks},
        rows=shuffled_rows(np.arange(count), seed=0),
        batch_size=study.training.batch_size,
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


def _measure_loop(study: Study, tasks: Sequence[Task], steps: int) -> tuple[float, str]:
    """Our loop's images/s over those of the same model fed one resident batch."""
    import tensorflow as tf

    model = _compiled(study, tasks)
    batches = _batches(study, tasks, steps)
    resident = tf.data.Dataset.from_tensors(batches[0]).cache().repeat()
    ours, theirs = [], []
    for _ in range(ROUNDS + 1):
        ours.append(_seconds(lambda: model.fit(batches, verbose=0, shuffle=False)))
        theirs.append(
            _seconds(lambda: model.fit(resident, steps_per_epoch=steps, verbose=0))
        )
    ratios = [b / a for a, b in zip(ours[1:], theirs[1:], strict=True)]
    speed = study.training.batch_size * steps / median(ours[1:])
    return median(ratios), f"{speed:.0f} images/s at {study.model.image_size} px"


def measure_face_loop() -> tuple[float, str]:
    """On the face model."""
    _one_thread()
    return _measure_loop(*_faces(), STEPS)


def measure_resnet_loop() -> tuple[float, str]:
    """On ResNet-32."""
    _one_thread()
    return _measure_loop(*_cifar(), CIFAR_STEPS)


def measure_vit_loop() -> tuple[float, str]:
    """On the transformer."""
    _one_thread()
    return _measure_loop(*_vit_faces(), VIT_STEPS)


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


def _measure_losses(
    study: Study, tasks: Sequence[Task], on: Task, steps: int
) -> tuple[float, str]:
    """Step time of the slowest of our losses over that of the usual one of its kind."""
    import tensorflow as tf

    from core.methods.entries import ENTRIES
    from core.methods.registry import load_builder

    resident = tf.data.Dataset.from_tensors(_batches(study, tasks, 1)[0])
    resident = resident.cache().repeat()
    models = {"": _compiled(study, tasks)}
    for entry in ENTRIES.values():
        if entry.part == "loss" and on.kind in entry.task_kinds:
            counted = "class counts" in entry.needs
            given = [np.arange(100, 0, -10)] if counted else []
            loss = load_builder(entry)(*given)
            models[entry.name] = _compiled(study, tasks, {on.name: loss})
    times: dict[str, list[float]] = {name: [] for name in models}
    for _ in range(ROUNDS + 1):
        for name, model in models.items():
            times[name].append(
                _seconds(
                    lambda m=model: m.fit(resident, steps_per_epoch=steps, verbose=0)
                )
            )
    plain = times.pop("")[1:]
    ratios = {
        name: median(a / b for a, b in zip(seconds[1:], plain, strict=True))
        for name, seconds in times.items()
    }
    detail = ", ".join(f"{name} {ratio:.3f}" for name, ratio in ratios.items())
    return max(ratios.values()), detail


def measure_class_losses() -> tuple[float, str]:
    """Against cross-entropy, on ResNet-32."""
    _one_thread()
    study, tasks = _cifar()
    return _measure_losses(study, tasks, tasks[0], CIFAR_STEPS)


def measure_number_losses() -> tuple[float, str]:
    """Against the absolute error, on the face model."""
    _one_thread()
    study, tasks = _faces()
    return _measure_losses(study, tasks, tasks[0], STEPS)


ROWS = [
    (
        "training loop of the face model against the same fed one resident batch",
        "at least 0.90",
        measure_face_loop,
    ),
    (
        "training loop of ResNet-32 against the same fed one resident batch",
        "at least 0.90",
        measure_resnet_loop,
    ),
    (
        "training loop of ViT against the same fed one resident batch",
        "at least 0.90",
        measure_vit_loop,
    ),
    (
        "images/s of cache and batches, augmented, against "
        "ImageDataGenerator.flow_from_dataframe",
        "at least 3 x",
        measure_input,
    ),
    (
        "step time with each loss against cross-entropy, ResNet-32, batch 128",
        "at most 1.05 x",
        measure_class_losses,
    ),
    (
        "step time with each regression loss against the absolute error, face model",
        "at most 1.05 x",
        measure_number_losses,
    ),
]
