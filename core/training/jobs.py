"""Train a study: its methods and seeds one after another, resumable at any moment."""

from __future__ import annotations

import os
import platform
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from core import runs
from core.data.cache import Progress, build_image_cache
from core.data.catalog import load_dataset, renderer
from core.data.manifest import (
    DRAWN_SPLIT,
    LEFT_OUT,
    SPLITS,
    TEST,
    TRAINING,
    LoadedDataset,
    split_fingerprint,
)
from core.data.near_copies import REPORT, report_near_copies
from core.data.unreadable_pictures import (
    UNREADABLE,
    DamagedPicture,
    describe_damage,
    leave_out_damaged,
)
from core.errors import DatasetError, RunError
from core.language import gettext
from core.methods.registry import ResolvedMethod, resolve_method
from core.runs import Run
from core.study import Study
from core.tasks import Regression, Task
from core.text import listed
from core.training.resume import STATE, RequestedRun, find_kept
from core.training.reuse import SharedStates, find_trained_alike
from core.training.run_locks import hold_runs

if TYPE_CHECKING:
    from core.training.fit import Fitted
    from core.training.training_rows import Data

EpochDone = Callable[[str, int, int, Mapping[str, float]], None]

PACKAGES = ("equipoise", "tensorflow", "keras", "keras-hub", "numpy", "pillow")


@dataclass(frozen=True)
class Listener:
    """Receives the progress of the training.

    Parameters
    ----------
    progress : callable
        ``(what, done, total)``: images prepared, or batches trained of one run.
    epoch_done : callable
        ``(method, seed, epoch, values)`` after each epoch.
    left_out : callable
        ``(reason)``: an image of the split that cannot be read, and why; or a group
        that a rule leaves out.
    noted : callable
        ``(sentence)``: what does not go as it usually would, such as frozen layers that
        are not kept, while nothing is left out.
    taken : callable
        ``(method, seed, run)``: a finished run that is trained alike, and is taken.
    kept : callable
        ``(method, seed, run)``: it is finished already, and stays.
    """

    progress: Progress = lambda what, done, total: None
    epoch_done: EpochDone = lambda method, seed, epoch, values: None
    left_out: Callable[[str], None] = lambda reason: None
    noted: Callable[[str], None] = lambda sentence: None
    taken: Callable[[str, int, Run], None] = lambda method, seed, run: None
    kept: Callable[[str, int, Run], None] = lambda method, seed, run: None


def train_study(
    study: Study,
    *,
    methods: Sequence[str] = (),
    seeds: Sequence[int] = (),
    pairs: Sequence[tuple[str, int]] = (),
    epochs: int | None = None,
    data: Path | None = None,
    out: Path | None = None,
    resume: bool = False,
    replace: bool = False,
    listener: Listener | None = None,
    prepare: Callable[[], None] = lambda: None,
) -> tuple[Run, ...]:
    """Train the runs of a study and write them to a store.

    A method that only changes the answers of a finished model takes over the finished
    run of a method that is trained like it, if there is one of the same seed, study and
    split.

    Parameters
    ----------
    study : Study
    methods, seeds : sequence, optional
        Which; all of the study's by default.
    pairs : sequence of (method, seed), optional
        These runs, in place of every method with every seed.
    epochs : int, optional
        In place of the study's.
    data : Path, optional
        Where the dataset is; a generated one needs none.
    out : Path, optional
        The store; the user's by default.
    resume : bool
        Continue unfinished runs from their last finished epoch.
    replace : bool
        Train finished runs again; with ``resume`` only those with other settings.
    listener : Listener, optional
    prepare : callable
        Called before anything slow, once no other process can train these runs.

    Returns
    -------
    tuple of Run
        The requested runs, trained now or before.

    Raises
    ------
    EquipoiseError
        If the study, the data or the store cannot be used, if another process trains
        one of the runs, or if a finished run is not as asked for.

    Notes
    -----
    A finished run stays, unless ``replace`` asks for another in its place.
    """
    listener = listener or Listener()
    store = out or runs.user_store()
    study = with_epochs(study, epochs)
    every = (
        (name, seed)
        for name in methods or study.methods
        for seed in seeds or study.seeds_of(name)
    )
    wanted = dict.fromkeys(pairs or every)
    use_one_thread()
    with hold_runs(store, study.name, wanted, warn=listener.noted):
        prepare()
        return _train_held(study, list(wanted), data, store, resume, replace, listener)


def with_epochs(study: Study, epochs: int | None) -> Study:
    """The study with another number of epochs, if one is given."""
    if epochs is None:
        return study
    budget = study.training.model_copy(update={"epochs": epochs})
    return study.model_copy(update={"training": budget})


def _train_held(
    study: Study,
    wanted: Sequence[tuple[str, int]],
    location: Path | None,
    store: Path,
    resume: bool,
    replace: bool,
    listener: Listener,
) -> tuple[Run, ...]:
    """Train runs that no other process trains."""
    from core.training.transfer import check_unseen, resolve_weights

    chosen = list(dict.fromkeys(name for name, _ in wanted))
    study, origins = resolve_weights(study, chosen, store)
    loaded, report = load_data(study, location, listener.progress)
    resolved = {name: _resolve(study, name, loaded) for name in chosen}
    _check_splits(loaded.manifest, loaded.info.tasks)
    for origin in origins.values():
        check_unseen(origin, study.dataset.name, loaded.manifest)
    split = split_fingerprint(loaded.manifest)
    _refuse_another_split(study, split)
    requested = {
        (name, seed): RequestedRun(study.for_method(name), name, seed, split, store)
        for name, seed in wanted
    }
    kept = find_kept(requested.values(), resume=resume, replace=replace)
    for (name, seed), run in kept.items():
        listener.kept(name, seed, run)
    to_train = {pair: each for pair, each in requested.items() if pair not in kept}
    if not to_train and (store / study.name / runs.MANIFEST_FILE).is_file():
        runs.write_study(store, study)
        return tuple(kept[pair] for pair in requested)
    images, manifest, report = load_images(
        {each.method: each.study for each in requested.values()},
        loaded,
        report,
        location,
        listener,
    )
    runs.write_study_files(store, study, manifest, report)
    shared = SharedStates(
        store / study.name / ".beginnings", study, tuple(resolved.values()), split
    )
    seeds = list(dict.fromkeys(seed for _, seed in to_train))
    if not resume:
        shared.remove(seeds)
    trained = {
        (each.method, each.seed): _train_run(
            each,
            resolved[each.method],
            images[each.method],
            resume,
            shared,
            listener,
            origins[each.method].source,
        )
        for seed in seeds
        # A method that takes over another's run must come after it.
        for each in sorted(
            to_train.values(), key=lambda each: resolved[each.method].acts_afterwards
        )
        if each.seed == seed
    }
    shared.remove(seeds)
    done = kept | trained
    every_seed = dict.fromkeys(seed for _, seed in requested)
    return tuple(
        done[pair] for seed in every_seed for pair in requested if pair[1] == seed
    )


def load_images(
    own: Mapping[str, Study],
    loaded: LoadedDataset,
    report: dict[str, Any],
    location: Path | None,
    listener: Listener,
    *,
    splits: Sequence[str] = SPLITS,
) -> tuple[dict[str, Data], pd.DataFrame, dict[str, Any]]:
    """The images as each method takes them; of those that see the same, once.

    Parameters
    ----------
    own : mapping of str to Study
        The study as each method has it.
    loaded, report
        As ``load_data`` gives them.
    location : Path or None
        Where the dataset is.
    listener : Listener
    splits : sequence of str
        Splits that must still have images.

    Returns
    -------
    dict, DataFrame, dict
        By method; the whole manifest and the report, without what cannot be read.
    """
    from core.training.training_rows import Data

    used = loaded.manifest[loaded.manifest["split"] != LEFT_OUT]
    used = used.reset_index(drop=True)
    seen = {
        name: (each.model.image_size, each.model.resize) for name, each in own.items()
    }
    one_of = {square: name for name, square in seen.items()}
    caches = {
        square: build_image_cache(
            used["path"].tolist(),
            own[name].model.image_size,
            render=renderer(own[name]),
            study=own[name].name,
            progress=listener.progress,
        )
        for square, name in one_of.items()
    }
    # All methods train on the same images, also where one could read a picture.
    reasons = {row: why for c in caches.values() for row, why in c.corrupt.items()}
    damaged = describe_damage(used, reasons, location)
    for picture in damaged:
        listener.left_out(str(picture))
    manifest, report = leave_out_damaged(
        loaded.manifest, report, damaged, column=loaded.info.tasks[0].name
    )
    _check_splits(manifest, loaded.info.tasks, splits)
    _refuse_to_lose_tested(next(iter(own.values())).name, damaged)
    readable, _ = leave_out_damaged(used, {}, damaged)
    info, lost = loaded.info, tuple(report.get(UNREADABLE) or ())
    data = {
        square: Data(
            cache,
            readable,
            info.tasks,
            tuple(info.sensitive_features),
            lost,
            shareable=info.shareable,
        )
        for square, cache in caches.items()
    }
    return {name: data[square] for name, square in seen.items()}, manifest, report


def _check_splits(
    manifest: pd.DataFrame, tasks: Sequence[Task], splits: Sequence[str] = SPLITS
) -> None:
    """Refuse a split that has no images, or of some class none to learn from."""
    empty = sorted(set(splits) - set(manifest["split"]))
    if empty:
        raise DatasetError(
            gettext("The split leaves {parts} without images.", parts=listed(empty)),
            expected=gettext("images in each of {parts}.", parts=", ".join(SPLITS)),
            remedy=gettext(
                "change the shares under [dataset] options in the study's file."
            ),
        )
    training = manifest[manifest["split"] == TRAINING]
    for task in tasks:
        if isinstance(task, Regression):
            continue
        there = set(training[task.name].astype(str))
        absent = [name for name in task.classes if name not in there]
        if absent:
            raise DatasetError(
                gettext(
                    "No training image shows {task} {classes}: no model could learn to "
                    "answer so.",
                    task=gettext(task.label),
                    classes=", ".join(absent),
                ),
                expected=gettext(
                    "at least one training image of each of {classes}.",
                    classes=", ".join(task.classes),
                ),
                remedy=gettext(
                    "add pictures of it, or change what leaves them out under "
                    "[dataset] options in the study's file."
                ),
            )


def _refuse_another_split(study: Study, split: str) -> None:
    """Refuse test images that may have chosen the settings of a tuned study."""
    searched = study.search.split
    if searched and searched != split:
        raise DatasetError(
            gettext(
                "The settings of '{study}' were chosen on another split: images that "
                "chose them may be among the test images here.",
                study=study.name,
            ),
            expected=gettext(
                "the split that the search of '{study}' saw.", study=study.search.of
            ),
            remedy=gettext(
                "use the copy of the dataset that was searched, or search again: "
                "{command}.",
                command=f"equipoise tune {study.search.of}",
            ),
        )


def _refuse_to_lose_tested(study: str, damaged: Sequence[DamagedPicture]) -> None:
    """Refuse to lose a test image that finished runs of the study have answered for."""
    lost = {each.image_id: each for each in damaged if each.split == TEST}
    if not lost:
        return
    for run in runs.list_runs(study).runs:
        answered = run.predictions(TEST, ["image_id"])["image_id"]
        if missing := sorted(lost.keys() & set(answered)):
            raise DatasetError(
                gettext(
                    "A test picture cannot be read that finished runs of '{study}' "
                    "have answered for: {picture}",
                    study=study,
                    picture=str(lost[missing[0]]),
                ),
                expected=gettext("the same test pictures for all runs of a study."),
                remedy=gettext(
                    "fetch the picture again, or give the study another name."
                ),
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
    source = runs.split_source(study)
    shipped = None if source is None else runs.shipped_manifest(source)
    loaded = load_dataset(study, location, shipped=shipped, progress=progress)
    if source is None or shipped is None:
        return loaded, dict(loaded.report)
    kept = runs.data_report(source) or {}
    report = dict(loaded.report)
    # Only the kept report tells which pictures could not be read.
    if not report or DRAWN_SPLIT in shipped or REPORT in kept:
        report = kept or report
    if REPORT in report:
        return loaded, report
    # Older runs do not have this part: near-copies were not searched then.
    found = report_near_copies(loaded, renderer(study), progress=progress)
    return loaded, {**report, REPORT: found.report[REPORT]}


def _resolve(study: Study, name: str, loaded: LoadedDataset) -> ResolvedMethod:
    info = loaded.info
    return resolve_method(study, name, info.tasks, info.sensitive_features)


def _train_run(
    requested: RequestedRun,
    method: ResolvedMethod,
    data: Data,
    resume: bool,
    shared_states: SharedStates,
    listener: Listener,
    source: Path | None,
) -> Run:
    if not resume:
        shutil.rmtree(requested.partial, ignore_errors=True)
    try:
        requested.partial.mkdir(parents=True, exist_ok=True)
        (requested.partial / runs.ENDS_IN).unlink(missing_ok=True)
    except OSError as error:
        raise RunError(
            gettext(
                "{store} cannot be written: {fault}.",
                store=requested.store,
                fault=error.strerror or str(error),
            ),
            expected=gettext("a writable folder."),
            remedy=gettext("choose another with --out."),
        ) from error

    import keras

    taken = find_trained_alike(
        shared_states.study,
        method,
        requested.seed,
        requested.split,
        requested.store,
        lambda name: resolve_method(
            shared_states.study, name, data.tasks, data.sensitive_features
        ),
    )
    shared = shared_states.places(requested.method, requested.seed)
    _fit_and_write(requested, method, data, shared, listener, source, taken)
    # Keras keeps every model in memory until the session is cleared.
    keras.utils.clear_session()
    return runs.read_run(requested.place)


def _fit_and_write(
    requested: RequestedRun,
    method: ResolvedMethod,
    data: Data,
    shared_states: Mapping[int, tuple[Path, str]],
    listener: Listener,
    source: Path | None,
    taken: Run | None,
) -> None:
    from core.training.decisions import check_decisions, decide, explain_left
    from core.training.finished_model import FinishedModel
    from core.training.fit import fit, predict, save_model, take_trained
    from core.training.progress import BatchProgress, LiveProgress
    from core.training.stability import load_changed, measure_shifts

    study, seed = requested.study, requested.seed
    check_decisions(method, data)
    # Before the training: a missing picture would end it without a result.
    tested = data.manifest.iloc[data.rows(TEST)]
    changed = load_changed(study, tested, listener.progress)
    if taken:
        listener.taken(method.name, seed, taken)
        fitted = take_trained(study, method, seed, data, taken, source=source)
    else:
        live = LiveProgress(
            requested.partial,
            epochs=study.training.epochs,
            batch_size=study.training.batch_size,
        )

        def report(epoch: int, values: Mapping[str, float]) -> None:
            live.add_epoch(epoch, values)
            listener.epoch_done(method.name, seed, epoch, values)

        fitted = fit(
            study,
            method,
            seed,
            data,
            state=requested.partial / STATE,
            state_key=requested.key,
            report=report,
            shared_states=shared_states,
            callbacks=[BatchProgress(requested.name, listener.progress), live],
            source=source,
            progress=listener.progress,
            warn=listener.noted,
        )
    model = fitted.models.inference
    mirrored = method.mirrored_answers
    answers = predict(model, data, mirrored=mirrored)
    predictions, decisions = decide(answers, method, data.tasks, seed)
    finished = FinishedModel(model, method, data.tasks, seed)
    shifts = measure_shifts(finished, changed, predictions, progress=listener.progress)
    for reason in explain_left(decisions):
        listener.left_out(reason)
    record = _record(requested, data.tasks, fitted, taken)
    if data.unreadable:
        record[UNREADABLE] = list(data.unreadable)
    runs.write_run(
        requested.store,
        info={**record, **({"decisions": decisions} if decisions else {})},
        history=fitted.history,
        predictions=_compact(predictions).assign(**shifts),
        save_model=lambda path: save_model(model, path),
        # Pictures that may not be shown to others stay in the cache.
        sample=fitted.generated.sample if fitted.generated and data.shareable else None,
    )


def _record(
    requested: RequestedRun, tasks: Sequence[Task], fitted: Fitted, taken: Run | None
) -> dict[str, Any]:
    """The content of ``run.json``.

    If it took over a finished run, it names that run and its place. Its inference time
    is unknown on another machine, since the record names one machine only.
    """
    from core.training.fit import measure_inference_ms
    from core.training.losses import loss_weights

    study, method = requested.study, requested.method
    mirrored = bool(study.method(method).mirrored_answers)
    model, speed = fitted.models.inference, fitted.images_per_second
    here = _surroundings()
    there = {name: taken.info.get(name) for name in here} if taken else here
    is_elsewhere = there["hardware"] != here["hardware"]
    answered = None
    if not is_elsewhere:
        size = study.model.image_size
        answered = round(measure_inference_ms(model, size, mirrored=mirrored), 3)
    return {
        "study": study.name,
        "method": method,
        "seed": requested.seed,
        "key": requested.key,
        "study_fingerprint": study.fingerprint(),
        "split_fingerprint": requested.split,
        "resolved": study.model_dump(mode="json", exclude={"methods", "search"}),
        "method_parameters": study.method(method).use,
        **({runs.MIRRORED: True} if mirrored else {}),
        "loss_weights": loss_weights(study, method, tasks),
        "trained_from": study.model.weights,
        **({"trained_from_key": key} if (key := study.model.weights_key) else {}),
        **({"trained_with": taken.method} if taken else {}),
        **({"trained_with_key": taken.info["key"]} if taken else {}),
        **there,
        "created": here["created"],
        "parameters": model.count_params(),
        "parameters_trained": fitted.models.parameters_trained,
        **({"frozen_layers": dict(frozen)} if (frozen := fitted.frozen_layers) else {}),
        "epochs": fitted.epochs,
        "best_epoch": fitted.best_epoch,
        "duration_s": round(fitted.duration_s, 1),
        "images_per_second": None if speed is None else round(speed, 1),
        "inference_ms": answered,
    }


def _compact(predictions: pd.DataFrame) -> pd.DataFrame:
    """With the model's answers in single precision, and the truth as it was given."""
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
