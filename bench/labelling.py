"""Labelling a folder of pictures, against the model on a batch that is ready."""

import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

import numpy as np
from PIL import Image

# As many pictures a round, each round in a folder of its own.
PICTURES = 4096
ROUNDS = 3
STUDY = "softbio"
# CelebA's aligned crops.
WIDTH, HEIGHT = 178, 218


def measure_labelling() -> tuple[float, str]:
    """Pictures a second of the command's engine over those of the model alone."""
    from core.predict_folder import (
        BATCH,
        Recipe,
        available_cores,
        label_pictures,
        leave_a_core,
        plan_labels,
    )

    leave_a_core()
    import keras

    from core.data.catalog import dataset_info
    from core.models.build import build_models
    from core.runs import Run
    from core.study import Augmentation, load_study

    study = load_study(STUDY)
    (task,) = dataset_info(study.dataset.name).tasks
    size = study.model.image_size
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        info = {"resolved": {"model": study.model.model_dump(mode="json")}}
        run = Run(STUDY, study.baseline, 0, place, info)
        built = build_models(study.model, [task], augmentation=Augmentation(), seed=0)
        built.inference.save(run.model_path)
        model = keras.saving.load_model(run.model_path, compile=False)
        recipe = Recipe(task, 0.5, (run,))
        predictor = recipe.load()
        ready = np.random.default_rng(0).integers(
            0, 256, (BATCH, size, size, 3), np.uint8
        )

        def alone() -> None:
            for _ in range(PICTURES // BATCH):
                model.predict_on_batch(ready)

        times = []
        for number in range(ROUNDS + 1):  # the first is the warm-up
            folder = _draw(place / str(number), number * PICTURES)
            plan = plan_labels(recipe, folder, place / f"{number}.csv")
            ours = label_pictures(plan, predictor).duration_s
            times.append((ours, _seconds(alone)))
    ratio = median(raw / ours for ours, raw in times[1:])
    speeds = [PICTURES / median(column) for column in zip(*times[1:], strict=True)]
    return ratio, (
        f"{speeds[0]:.0f} against {speeds[1]:.0f} pictures/s; {ROUNDS} times {PICTURES}"
        f" JPEG files of {WIDTH} x {HEIGHT}, the CNN of {STUDY} at {size} px;"
        f" {available_cores()} cores, one left for reading"
    )


def _draw(folder: Path, first: int) -> Path:
    """A folder of avatars in the shape of CelebA's crops."""
    from core.data.readers.avatars import AvatarsOptions, render

    folder.mkdir()
    options = AvatarsOptions(count=(ROUNDS + 1) * PICTURES)
    side = (HEIGHT - WIDTH) // 2
    for index in range(first, first + PICTURES):
        picture = Image.fromarray(render(index, HEIGHT, options))
        cut = picture.crop((side, 0, side + WIDTH, HEIGHT))
        cut.save(folder / f"{index:06d}.jpg", quality=90)
    return folder


def _seconds(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


ROWS = [
    (
        "`predict --csv` on a folder, against the model alone on a ready batch",
        "at least 0.90",
        measure_labelling,
    ),
]
