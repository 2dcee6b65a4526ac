"""The predictor against the plainest ways of asking the same models."""

import json
import resource
import subprocess
import sys
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
from core.explain.explainer import Explainer
from core.faces import FaceDetector
from core.models.build import build_models
from core.predictor import (
    ANSWERED_AT_ONCE,
    BUCKETS,
    FaceAnswers,
    Predictor,
    predict_photo,
)
from core.runs import Run, first_models, list_runs
from core.study import Augmentation, ModelTable
from core.tasks import Binary, Multiclass, Regression

STUDY = "utkface"
TASKS = (
    Regression("age", "Age", "years", 1, 80, 10),
    Binary("gender", "Gender", ("male", "female")),
    Multiclass("ethnicity", "Ethnicity", ("White", "Black", "Asian", "Indian")),
)
METHODS, SEEDS = 8, 3
ROOT = Path(__file__).resolve().parents[1]
# Faces that are answered in one call.
FACES = 361
# Of the size that the study on faces trains.
VIT = {"patch": 16, "layers": 6, "heads": 3, "width": 192, "mlp": 768}
REPEATS = 15


def measure_photo() -> tuple[float, str]:
    """Bytes of a photo to answers, against detection and a plain graph."""
    with tempfile.TemporaryDirectory() as folder:
        runs, origin = find_runs(Path(folder), methods=METHODS)
        predictor = Predictor.load(runs, TASKS)
        plain = build_plain_graph(load_models(runs))
    detector = FaceDetector()
    content = read_astronaut()
    image = decode_image(content)
    batch = by_size(predict_photo(content, predictor, detector).faces[0])

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
        runs, origin = find_runs(Path(folder), methods=METHODS)
        predictor = Predictor.load(runs, TASKS)
        models = load_models(runs)
    faces = {
        kind: np.full((1, kind.size, kind.size, 3), 128, np.uint8)
        for kind in predictor.preprocessings
    }
    by_side = {kind.size: face for kind, face in faces.items()}

    def loop() -> None:
        for model in models:
            model.predict(by_side[model.input_shape[1]], verbose=0)

    together, one_by_one = time_in_turn(lambda: predictor.answer(faces), loop)
    detail = f"{together:.0f} ms against {one_by_one:.0f} ms; {origin}"
    return one_by_one / together, detail


def measure_many_faces() -> tuple[float, str]:
    """All methods on many aligned faces in one call, in seconds."""
    predictor, origin = load_all_methods()
    rng = np.random.default_rng(0)
    faces = {
        kind: rng.integers(0, 256, (FACES, kind.size, kind.size, 3), np.uint8)
        for kind in predictor.preprocessings
    }
    batches = (*BUCKETS, ANSWERED_AT_ONCE)
    predictor.answer(faces, batches=batches)
    cpu, start = time.process_time(), time.perf_counter()
    predictor.answer(faces, batches=batches)
    took = time.perf_counter() - start
    cpu = time.process_time() - cpu
    return took, f"{origin}; {cpu:.1f} s of CPU"


def measure_first_answer() -> tuple[float, str]:
    """The command on one photo, in a process that has done nothing, in seconds."""
    with tempfile.TemporaryDirectory() as folder:
        photo = Path(folder) / "astronaut.jpg"
        photo.write_bytes(read_astronaut())
        command = [sys.executable, "-m", "core.cli", "predict", str(photo), "--json"]
        cpu, start = cpu_of_children(), time.perf_counter()
        done = subprocess.run(
            [*command, "--study", STUDY], cwd=ROOT, capture_output=True, check=True
        )
        took = time.perf_counter() - start
    (answer,) = json.loads(done.stdout)
    methods = len(answer["faces"][0]["answers"])
    cpu = cpu_of_children() - cpu
    return took, f"{methods} methods of {STUDY}; {cpu:.1f} s of CPU"


def cpu_of_children() -> float:
    """Seconds of CPU that ended processes have taken which this one started."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def load_all_methods() -> tuple[Predictor, str]:
    """One model of each method, and which they are."""
    runs = first_models(list_runs(STUDY).runs)
    predictor = Predictor.load(runs, TASKS)
    return predictor, f"{len(predictor.methods)} methods of {STUDY}"


def measure_maps() -> tuple[float, str]:
    """Where every method looked in one face, in seconds."""
    with tempfile.TemporaryDirectory() as folder:
        runs, origin = find_runs(Path(folder), methods=None)
        predictor = Predictor.load(runs, TASKS)
    result = predict_photo(read_astronaut(), predictor, None)
    seen = result.faces[0].seen
    explainer = Explainer(predictor)
    classes = dict.fromkeys(explainer.methods, TASKS[-1].classes[0])
    (took,) = time_in_turn(lambda: explainer.explain(seen, TASKS[-1], classes))
    return took / 1000, f"{len(explainer.methods)} methods; {origin}"


def read_astronaut() -> bytes:
    """A photo with one face, as JPEG."""
    file = BytesIO()
    Image.fromarray(skimage.data.astronaut()).save(file, "JPEG", quality=95)
    return file.getvalue()


def by_size(face: FaceAnswers) -> dict[str, np.ndarray]:
    """What the models saw, as the plain graph takes it."""
    return {name_of(len(pixels)): pixels[None] for pixels in face.seen.values()}


def name_of(size: int) -> str:
    """Of the plain graph's input for faces of that side."""
    return f"faces_{size}"


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
    """The models side by side behind one input a size, as written by hand."""
    sizes = dict.fromkeys(model.input_shape[1] for model in models)
    inputs = {name_of(n): keras.Input((n, n, 3), name=name_of(n)) for n in sizes}
    outputs = []
    for index, model in enumerate(models):
        model.name = f"model_{index}"
        outputs.append(model(inputs[name_of(model.input_shape[1])]))
    graph = keras.Model(inputs, outputs)
    graph.jit_compile = False
    return graph


def find_runs(folder: Path, *, methods: int | None) -> tuple[list[Run], str]:
    """The shipped runs, or untrained models of the same shape, and which they are.

    Parameters
    ----------
    folder : Path
        Where untrained models go.
    methods : int or None
        How many, a transformer among them; None for all that there are.
    """
    runs = [run for run in list_runs(STUDY).runs if run.model_path.is_file()]
    origin = f"runs of {STUDY}"
    if not runs:
        table = ModelTable(backbone="mobilenetv3_small_minimalistic", image_size=96)
        names = [f"m{number}" for number in range(METHODS - 1)]
        runs = [write_run(folder, m, s, table) for m in names for s in range(SEEDS)]
        origin = f"untrained MobileNetV3 at 96 px: no run of {STUDY} here"
    if not any(is_transformer(run) for run in runs):
        table = ModelTable(backbone="vit", image_size=112, options=VIT)
        runs.append(write_run(folder, "vit", 0, table))
        origin += ", the ViT untrained"
    first = sorted(runs, key=lambda run: not is_transformer(run))
    names = list(dict.fromkeys(run.method for run in first))[:methods]
    chosen = [run for run in runs if run.method in names]
    return chosen, f"{len(chosen)} {origin}"


def is_transformer(run: Run) -> bool:
    """Whether a run's backbone is the ViT."""
    return run.info["resolved"]["model"]["backbone"] == "vit"


def write_run(folder: Path, method: str, seed: int, table: ModelTable) -> Run:
    """A run with an untrained model, of which nothing else is asked."""
    info = {"resolved": {"model": table.model_dump(mode="json")}}
    run = Run(STUDY, method, seed, folder / f"{method}-{seed}", info)
    run.folder.mkdir()
    first = sum(map(ord, method)) + seed
    models = build_models(table, TASKS, augmentation=Augmentation(), seed=first)
    models.inference.save(run.model_path)
    return run


ROWS = [
    (
        f"one photo through detection and {METHODS} methods, a ViT among them, warm,"
        " against detection plus one compiled graph of them",
        "at most 1.3 x",
        measure_photo,
    ),
    (
        f"{METHODS} methods, a ViT among them, on one aligned face,"
        " against a loop over model.predict",
        "8 x faster",
        measure_face,
    ),
    (
        f"{FACES} aligned faces in one call, all methods, models loaded",
        "under 10 s",
        measure_many_faces,
    ),
    (
        "`equipoise predict PHOTO` in a fresh process, all methods",
        "under 12 s",
        measure_first_answer,
    ),
    (
        "where the models of all methods looked in one face, warm",
        "under 1 s",
        measure_maps,
    ),
]
