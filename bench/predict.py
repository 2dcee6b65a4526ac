"""The predictor against the plainest ways of asking the same models."""

import tempfile
import time
from collections.abc import Callable, Sequence
from io import BytesIO
from pathlib import Path

import keras
import numpy as np
import skimage.data
from PIL import Image

from core.data.images import decode_image
from core.faces import FaceDetector
from core.models.build import build_models
from core.predictor import Predictor, predict_photo
from core.runs import Run, list_runs
from core.study import Augmentation, ModelTable
from core.tasks import Binary, Multiclass, Regression

STUDY = "utkface"
TASKS = (
    Regression("age", "Age", "years", 1, 80, 10),
    Binary("gender", "Gender", ("male", "female")),
    Multiclass("ethnicity", "Ethnicity", ("White", "Black", "Asian", "Indian")),
)
METHODS, SEEDS = 7, 3
REPEATS = 15


def measure_photo() -> tuple[float, str]:
    """Bytes of a photo to answers, against detection and a plain graph."""
    with tempfile.TemporaryDirectory() as folder:
        runs, origin = find_runs(Path(folder))
        predictor = Predictor.load(runs, TASKS)
        plain = build_plain_graph(load_models(runs))
    detector = FaceDetector()
    file = BytesIO()
    Image.fromarray(skimage.data.astronaut()).save(file, "JPEG", quality=95)
    content = file.getvalue()
    image = decode_image(content)
    batch = predict_photo(content, predictor, detector).faces[0].pixels[None]

    def detect_and_run() -> None:
        detector.detect(image)
        plain.predict_on_batch(batch)

    whole, least = time_in_turn(
        lambda: predict_photo(content, predictor, detector), detect_and_run
    )
    return whole / least, f"{whole:.0f} ms against {least:.0f} ms; {origin}"


def measure_face() -> tuple[float, str]:
    """All methods on one aligned face, against asking the models one by one."""
    with tempfile.TemporaryDirectory() as folder:
        runs, origin = find_runs(Path(folder))
        predictor = Predictor.load(runs, TASKS)
        models = load_models(runs)
    face = np.full((1, predictor.size, predictor.size, 3), 128, np.uint8)

    def loop() -> None:
        for model in models:
            model.predict(face, verbose=0)

    together, one_by_one = time_in_turn(lambda: predictor.answer(face), loop)
    detail = f"{together:.0f} ms against {one_by_one:.0f} ms; {origin}"
    return one_by_one / together, detail


def time_in_turn(*calls: Callable[[], object]) -> list[float]:
    """Median milliseconds of each call, taken in turn so that noise falls on all."""
    for call in calls:
        call()
        call()
    times = np.empty((REPEATS, len(calls)))
    for repeat in range(REPEATS):
        for index, call in enumerate(calls):
            start = time.perf_counter()
            call()
            times[repeat, index] = (time.perf_counter() - start) * 1000
    return np.median(times, axis=0).tolist()


def load_models(runs: Sequence[Run]) -> list[keras.Model]:
    """Every model by itself, as Keras loads it."""
    return [keras.saving.load_model(run.model_path, compile=False) for run in runs]


def build_plain_graph(models: Sequence[keras.Model]) -> keras.Model:
    """The models side by side behind one input, as written by hand."""
    pixels = keras.Input(models[0].input_shape[1:])
    outputs = []
    for index, model in enumerate(models):
        model.name = f"model_{index}"
        outputs.append(model(pixels))
    graph = keras.Model(pixels, outputs)
    graph.jit_compile = False
    return graph


def find_runs(folder: Path) -> tuple[list[Run], str]:
    """The shipped runs, or untrained models of the same shape, and which they are."""
    shipped = [run for run in list_runs(STUDY).runs if run.model_path.is_file()]
    if shipped:
        return shipped, f"{len(shipped)} runs of {STUDY}"
    table = ModelTable(backbone="mobilenetv3_small_minimalistic", image_size=96)
    runs = []
    for method in range(METHODS):
        for seed in range(SEEDS):
            run = Run(STUDY, f"m{method}", seed, folder / f"m{method}-{seed}", {})
            run.folder.mkdir()
            models = build_models(
                table, TASKS, augmentation=Augmentation(), seed=seed + SEEDS * method
            )
            models.inference.save(run.model_path)
            runs.append(run)
    return runs, f"{len(runs)} untrained MobileNetV3 at 96 px: no run of {STUDY} here"


ROWS = [
    (
        "one photo through detection and all methods, warm,"
        " against detection plus one compiled graph of them",
        "at most 1.3 x",
        measure_photo,
    ),
    (
        "all methods on one aligned face, against a loop over model.predict",
        "8 x faster",
        measure_face,
    ),
]
