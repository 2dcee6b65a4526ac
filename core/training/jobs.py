"""Train a study: its methods and seeds one after another, resumable at any moment."""

import os
import platform
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib import metadata
from itertools import chain
from pathlib import Path
from typing import Any

import pandas as pd

from core import runs
from core.data.cache import ImageCache, Progress, build_image_cache
from core.data.catalog import load_dataset, renderer
from core.data.manifest import LEFT_OUT, SPLITS, LoadedDataset, split_fingerprint
from core.errors import DatasetError, RunError
from core.methods.registry import ResolvedMethod, resolve_method
from core.runs import Run
from core.study import Study
from core.tasks import Task
from core.training.beginnings import (
    Beginnings,
    find_trained_alike,
    finished_run,
    run_key,
)

EpochDone = Callable[[str, int, int, Mapping[str, float]], None]

PACKAGES = ("equipoise", "tensorflow", "keras", "keras-hub", "numpy", "pillow")


@dataclass(frozen=True)
class Listener:
    """Who is told how the training goes.

    Parameters
    ----------
    progress : callable
        ``(what, done, of)``: images prepared, or batches trained of one run.
    epoch_done : callable
        ``(method, seed, epoch, values)`` after each epoch.
    left_out : callable
        ``(reason)``: an image of the split that cannot be read, and why; or a group
        that a rule leaves out.
    taken : callable
        ``(method, seed, run)``: a finished run that is trained alike, and is taken.
    """

    progress: Progress = lambda what, done, of: None
    epoch_done: EpochDone = lambda method, seed, epoch, values: None
    left_out: Callable[[str], None] = lambda reason: None
    taken: Callable[[str, int, Run], None] = lambda method, seed, run: None


def train_study(
    study: Study,
    *,
    methods: Sequence[str] = (),
    seeds: Sequence[int] = (),
    epochs: int | None = None,
    data: Path | None = None,
    out: Path | None = None,
    resume: bool = False,
    listener: Listener | None = None,
) -> tuple[Run, ...]:
    """Train the runs of a study and write them to a store.

    A method that only changes what a finished model answers takes the finished run of
    the one that it is trained as, where there is one of the same seed, study and split.

    Parameters
    ----------
    study : Study
    methods, seeds : sequence, optional
        Which; all of the study's by default.
    epochs : int, optional
        In place of the study's.
    data : Path, optional
        Where the dataset is; a generated one needs none.
    out : Path, optional
        The store; the user's by default.
    resume : bool
        Skip what is finished and go on from the last finished epoch of what is not.
    listener : Listener, optional

    Returns
    -------
    tuple of Run
        The asked-for runs, trained now or before.

    Raises
    ------
    EquipoiseError
        If the study, the data or the store cannot be used.
    """
    listener = listener or Listener()
    store = out or runs.user_store()
    if epochs is not None:
        budget = study.training.model_copy(update={"epochs": epochs})
        study = study.model_copy(update={"training": budget})
    chosen = list(methods or study.methods)
    use_one_thread()
    from core.training.transfer import check_unseen, take_over

    study, origins = take_over(study, chosen, store)
    loaded, report = load_data(study, data, listener.progress)
    resolved = {name: _resolve(study, name, loaded) for name in chosen}
    manifest = loaded.manifest[loaded.manifest["split"] != LEFT_OUT]
    manifest = manifest.reset_index(drop=True)
    for origin in origins.values():
        check_unseen(origin, study.dataset.name, manifest)
    runs.write_study_files(store, study, loaded.manifest, report)
    own = {name: study.for_method(name) for name in chosen}
    images = _images_by_method(own, loaded, manifest, listener)
    split = split_fingerprint(manifest)
    place = store / study.name / ".beginnings"
    shared = Beginnings(place, study, tuple(resolved.values()), split)
    wanted = {name: tuple(seeds or study.seeds_of(name)) for name in chosen}
    every_seed = list(dict.fromkeys(chain.from_iterable(wanted.values())))
    if not resume:
        shared.remove(every_seed)
    trained = {
        (name, seed): _train_run(
            own[name],
            resolved[name],
            seed,
            images[name],
            store,
            resume,
            shared,
            listener,
            origins[name].source,
        )
        for seed in every_seed
        # What takes the run of another comes after it.
        for name in sorted(chosen, key=lambda name: resolved[name].acts_afterwards)
        if seed in wanted[name]
    }
    shared.remove(every_seed)
    return tuple(
        trained[name, seed]
        for seed in every_seed
        for name in chosen
        if seed in wanted[name]
    )


def _images_by_method(
    own: Mapping[str, Study],
    loaded: LoadedDataset,
    manifest: pd.DataFrame,
    listener: Listener,
) -> dict[str, Any]:
    """The images as each method takes them; of those that see the same, once."""
    seen = {
        name: (each.model.image_size, each.model.resize) for name, each in own.items()
    }
    one_of = {square: name for name, square in seen.items()}
    arrays = {
        square: _load_images(own[name], loaded, manifest, listener)
        for square, name in one_of.items()
    }
    return {name: arrays[square] for name, square in seen.items()}


def _load_images(
    study: Study,
    loaded: LoadedDataset,
    manifest: pd.DataFrame,
    listener: Listener,
) -> Any:
    """All images of the split, as a model takes them, beside their manifest."""
    from core.training.fit import Data

    cache = build_image_cache(
        manifest["path"].tolist(),
        study.model.image_size,
        render=renderer(study),
        progress=listener.progress,
    )
    for reason in cache.corrupt.values():
        listener.left_out(reason)
    _check_splits(manifest, cache)
    info = loaded.info
    return Data(cache, manifest, info.tasks, tuple(info.sensitive_features))


def _check_splits(manifest: pd.DataFrame, cache: ImageCache) -> None:
    readable = ~manifest.index.isin(list(cache.corrupt))
    empty = sorted(set(SPLITS) - set(manifest.loc[readable, "split"]))
    if empty:
        raise DatasetError(
            f"The split has no {' and no '.join(empty)} image.",
            expected=f"images in each of {', '.join(SPLITS)}.",
            remedy="mend the shares under [dataset] options in the study's file.",
        )


def use_one_thread() -> None:
    """Let TensorFlow use one thread, unless the environment says otherwise.

    Small depthwise models spend their time waiting on thread pools: two threads
    trained at half the speed of one. Runs side by side use the cores better.
    It works only before TensorFlow is imported.
    """
    use_threads(1)


def use_threads(count: int) -> None:
    """Let TensorFlow use so many threads in an operation, and run one at a time.

    The environment may say otherwise. It works only before TensorFlow is imported.
    """
    os.environ.setdefault("TF_NUM_INTRAOP_THREADS", str(count))
    os.environ.setdefault("TF_NUM_INTEROP_THREADS", "1")


def load_data(
    study: Study, location: Path | None, progress: Progress
) -> tuple[LoadedDataset, dict[str, Any]]:
    """Load a study's dataset, with the split that its earlier runs had.

    Parameters
    ----------
    study : Study
    location : Path or None
        Where the dataset is; a generated one needs none.
    progress : callable
        Called with what is done, how many, of how many.

    Returns
    -------
    LoadedDataset, dict
        And the report of how the split came about.

    Raises
    ------
    EquipoiseError
        If the dataset cannot be used.
    """
    shipped = runs.manifest_for(study)
    loaded = load_dataset(study, location, shipped=shipped, progress=progress)
    return loaded, dict(loaded.report) or runs.data_report(study.name) or {}


def _resolve(study: Study, name: str, loaded: LoadedDataset) -> ResolvedMethod:
    info = loaded.info
    return resolve_method(study, name, info.tasks, info.sensitive_features)


def _train_run(
    study: Study,
    method: ResolvedMethod,
    seed: int,
    data: Any,
    store: Path,
    resume: bool,
    beginnings: Beginnings,
    listener: Listener,
    source: Path | None,
) -> Run:
    place = store / study.name / method.name / f"seed-{seed}"
    key = run_key(study, method.name, seed, split_fingerprint(data.manifest))
    if resume and (finished := finished_run(place, key)):
        return finished
    partial = place.with_name(f".{place.name}.partial")
    if not resume:
        shutil.rmtree(partial, ignore_errors=True)
    try:
        partial.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise RunError(
            f"{store} cannot be written: {error.strerror or error}.",
            expected="a writable folder.",
            remedy="choose another with --out.",
        ) from error

    import keras

    state = partial / "state.npz"
    shared = beginnings.of(method.name, seed)
    taken = find_trained_alike(
        beginnings.study,
        method,
        seed,
        beginnings.split,
        store,
        lambda name: resolve_method(
            beginnings.study, name, data.tasks, data.sensitive_features
        ),
    )
    _fit_and_write(
        study, method, seed, data, store, state, shared, listener, source, taken
    )
    # Keras holds on to every model it built until told to let go.
    keras.utils.clear_session()
    shutil.rmtree(partial, ignore_errors=True)
    return runs.read_run(place)


def _fit_and_write(
    study: Study,
    method: ResolvedMethod,
    seed: int,
    data: Any,
    store: Path,
    state: Path,
    beginnings: Mapping[int, tuple[Path, str]],
    listener: Listener,
    source: Path | None,
    taken: Run | None,
) -> None:
    from core.training.decisions import check_decisions, decide, explain_left
    from core.training.fit import fit, predict, save_model, take_trained
    from core.training.progress import BatchProgress

    split = split_fingerprint(data.manifest)
    check_decisions(method, data)
    if taken:
        listener.taken(method.name, seed, taken)
        fitted = take_trained(study, method, seed, data, taken, source=source)
    else:
        fitted = fit(
            study,
            method,
            seed,
            data,
            state=state,
            state_key=run_key(study, method.name, seed, split),
            report=lambda epoch, values: listener.epoch_done(
                method.name, seed, epoch, values
            ),
            beginnings=beginnings,
            callbacks=[BatchProgress(f"{method.name}, seed {seed}", listener.progress)],
            source=source,
        )
    model = fitted.models.inference
    predictions, decisions = decide(predict(model, data), method, data.tasks, seed)
    for reason in explain_left(decisions):
        listener.left_out(reason)
    record = _record(study, method.name, seed, split, data.tasks, fitted, taken)
    runs.write_run(
        store,
        info={**record, **({"decisions": decisions} if decisions else {})},
        history=fitted.history,
        predictions=_compact(predictions),
        save_model=lambda path: save_model(model, path),
    )


def _record(
    study: Study,
    method: str,
    seed: int,
    split: str,
    tasks: Sequence[Task],
    fitted: Any,
    taken: Run | None,
) -> dict[str, Any]:
    """What ``run.json`` says of a run.

    Of one that took a finished run: with which it was trained, and where that was. Its
    inference is unknown where this is another machine, as no machine says it for both.
    """
    from core.training.fit import loss_weights, measure_inference_ms

    model, speed = fitted.models.inference, fitted.images_per_second
    here = _surroundings()
    there = {name: taken.info.get(name) for name in here} if taken else here
    is_elsewhere = there["hardware"] != here["hardware"]
    answered = None
    if not is_elsewhere:
        answered = round(measure_inference_ms(model, study.model.image_size), 3)
    return {
        "study": study.name,
        "method": method,
        "seed": seed,
        "key": run_key(study, method, seed, split),
        "study_fingerprint": study.fingerprint(),
        "split_fingerprint": split,
        "resolved": study.model_dump(mode="json", exclude={"methods", "search"}),
        "method_parameters": study.method(method).use,
        "loss_weights": loss_weights(study, method, tasks),
        "trained_from": study.model.weights,
        **({"trained_from_key": key} if (key := study.model.weights_key) else {}),
        **({"trained_with": taken.method} if taken else {}),
        **({"trained_with_key": taken.info["key"]} if taken else {}),
        **there,
        "created": here["created"],
        "parameters": model.count_params(),
        "parameters_trained": fitted.models.parameters_trained,
        "epochs": fitted.epochs,
        "best_epoch": fitted.best_epoch,
        "duration_s": round(fitted.duration_s, 1),
        "images_per_second": None if speed is None else round(speed, 1),
        "inference_ms": answered,
    }


def _compact(predictions: pd.DataFrame) -> pd.DataFrame:
    """With what a model answered in single precision, and the truth as it was given."""
    floats = [
        name
        for name in predictions.select_dtypes("float").columns
        if not name.endswith("_true")
    ]
    return predictions.astype(dict.fromkeys(floats, "float32"))


def _surroundings() -> dict[str, Any]:
    import keras

    versions = {}
    for name in PACKAGES:
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return {
        "versions": {"python": platform.python_version(), **versions},
        "backend": keras.backend.backend(),
        "hardware": {
            "system": platform.system(),
            "machine": platform.machine(),
            "processor": _processor(),
            "cores": os.cpu_count(),
            "threads": os.environ.get("TF_NUM_INTRAOP_THREADS", "all"),
        },
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor()
    names = (line.split(":", 1)[1] for line in lines if line.startswith("model name"))
    return next(names, platform.processor()).strip()
