"""Fit one run: a method, a seed, a model; from arrays to answers."""

import time
import zipfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from core.data.batches import Batches, Mixing, Rows, Stacked
from core.data.cache import Progress
from core.data.generated_images import GeneratedImages
from core.data.manifest import TEST, TRAINING, VALIDATION
from core.methods.losses.by_group import GroupObjective
from core.methods.losses.mixed import MixedLabels
from core.methods.mixing import Mixes, unmixed
from core.methods.registry import ResolvedMethod
from core.models.build import (
    FROZEN_INPUT,
    MIX_INPUTS,
    PIXELS_INPUT,
    Models,
    build_models,
    target_input,
)
from core.models.mirroring import answer_mirrored
from core.models.saved import load_model
from core.models.transfer import copy_weights
from core.runs import Run, check_class_order
from core.study import Study
from core.tasks import Binary, Regression, Task
from core.training.callbacks import (
    AverageWeights,
    BestWeights,
    EndEpoch,
    EpochReport,
    History,
    SaveState,
    WatchAnswers,
)
from core.training.frozen_features import (
    FrozenFeatures,
    open_frozen_features,
    sample_frozen_features,
)
from core.training.frozen_worker import NotCachedError
from core.training.generation import generate_images
from core.training.groups import group_ids, group_names
from core.training.losses import (
    build_objectives,
    build_parts,
    compile_model,
    leaning_tasks,
    loss_weights,
    usual_losses,
)
from core.training.optimizer import build_optimizer
from core.training.training_rows import (
    Data,
    class_ids,
    epoch_mixes,
    epoch_rows,
    sample_weights,
    training_classes,
)

PREDICT_BATCH = 256
TIMED_CALLS = 30
# Steps that are timed for an estimate, and seconds after which no more are.
MEASURED_STEPS, MEASURED_S = 12, 4.0


@dataclass(frozen=True)
class Fitted:
    """The result of a training.

    ``images_per_second`` is that of the fastest epoch; None if none was measured.
    ``duration_s`` has the seconds of a generator in it, and ``generated`` what it drew.
    ``frozen_layers`` is the entry of a run's record about them; empty without any.
    """

    models: Models
    history: pd.DataFrame
    epochs: int
    best_epoch: int
    duration_s: float
    images_per_second: float | None
    frozen_layers: Mapping[str, Any]
    generated: GeneratedImages | None = None


@dataclass(frozen=True)
class _Training:
    """The data that one run is trained with.

    Parameters
    ----------
    study, method, seed, data
    rows : int array
        All training rows.
    rows_of : callable
        ``(epoch) -> int array``: those that an epoch shows, in their order.
    mixes : callable or None
        ``(epoch) -> Mixes``: of those, where the sampler changes the pixels.
    generated : GeneratedImages or None
        What the sampler's generator has drawn.
    shown : tuple of int
        Images that each epoch trains on.
    losses, objectives, features : mapping of task name to what the method has built.
    models : Models
    optimizer : keras.optimizers.Optimizer
    frozen : FrozenFeatures or None
        What frozen layers give, where the training model begins after them.
    not_cached : str
        Why it does not, where there are such layers.
    """

    study: Study
    method: ResolvedMethod
    seed: int
    data: Data
    rows: Rows
    rows_of: Callable[[int], Rows]
    mixes: Callable[[int], Mixes] | None
    generated: GeneratedImages | None
    shown: tuple[int, ...]
    losses: Mapping[str, keras.losses.Loss]
    objectives: Mapping[str, GroupObjective]
    features: Mapping[str, keras.layers.Layer]
    models: Models
    optimizer: keras.optimizers.Optimizer
    frozen: FrozenFeatures | None = None
    not_cached: str = ""

    def frozen_layers(self) -> dict[str, Any]:
        """The entry of the run's record about the frozen layers; empty without any."""
        if self.frozen is not None:
            seconds = round(self.frozen.computed_s, 1)
            return {"cached_variants": self.frozen.variants, "computed_s": seconds}
        if self.not_cached:
            return {"cached_variants": 0, "because": self.not_cached}
        return {}


def make_generated(
    study: Study,
    method: ResolvedMethod,
    seed: int,
    data: Data,
    rows: Rows,
    progress: Progress,
) -> GeneratedImages | None:
    """Draw what a method's generator adds to the training rows, or find it drawn.

    Returns
    -------
    GeneratedImages or None
        None for a method without one.

    Raises
    ------
    MethodError
        If a class has no training image, or one alone.
    """
    if not any(part.entry.pixels == "generated" for part in method.samplers):
        return None
    (sampler,) = method.samplers
    labels = training_classes(data, sampler.on, rows)
    names = {t.name: t.classes for t in data.tasks if not isinstance(t, Regression)}
    classes = names.get(sampler.on)
    if classes is None:
        _, classes = group_ids(group_names(data.manifest, sampler.on, rows))
    return generate_images(
        data.cache.images[rows],
        sampler.build(labels, np.random.default_rng(seed)),
        image_ids=data.manifest["image_id"].to_numpy(dtype=str)[rows],
        classes=tuple(classes),
        on=sampler.on,
        study=study.name,
        progress=progress,
    )


def fit(
    study: Study,
    method: ResolvedMethod,
    seed: int,
    data: Data,
    *,
    state: Path,
    state_key: str,
    report: EpochReport,
    shared_states: Mapping[int, tuple[Path, str]] | None = None,
    callbacks: Sequence[keras.callbacks.Callback] = (),
    source: Path | None = None,
    progress: Progress = lambda what, done, total: None,
    warn: Callable[[str], None] = lambda sentence: None,
    watch: Callable[[int, keras.Model], None] | None = None,
) -> Fitted:
    """Train one run, from its saved state if there is one.

    Parameters
    ----------
    study, method, seed
        What to train.
    data : Data
    state : Path
        Where the state is written after each epoch, and read from at the start.
    state_key : str
        What the state belongs to.
    report : callable
        Called with the epoch and its values.
    shared_states : mapping of int to (Path, str), optional
        See ``SaveState``.
    callbacks : sequence of keras.callbacks.Callback
        More of them, for progress.
    source : Path, optional
        See ``build_models``.
    progress : callable
        Called with what is done, how many, of how many, before the epochs.
    warn : callable
        Called with a sentence where frozen layers cannot be kept.
    watch : callable, optional
        Called after each epoch with its number, from 1, and the inference model, which
        then has the weights that are validated.

    Returns
    -------
    Fitted
        With the weights to keep restored: the best ones, or the last.
    """
    budget = study.training
    generated = make_generated(study, method, seed, data, data.rows(TRAINING), progress)
    training = _prepare(
        study, method, seed, data, source, progress, warn, generated=generated
    )
    best = BestWeights(budget.patience, keep_last=budget.keep == "last")
    history = History(report, tasks=[task.name for task in data.tasks])
    saver = SaveState(
        state,
        state_key,
        best=best,
        average=AverageWeights(budget.ema_momentum),
        history=history,
        shared_states=shared_states,
    )
    if watch is not None:
        callbacks = [WatchAnswers(training.models, watch), *callbacks]
    done = _train_phases(training, saver, callbacks)
    best.restore(training.models.training)
    training.models.settle()
    return Fitted(
        models=training.models,
        history=pd.DataFrame(
            history.rows, columns=["epoch", "split", "name", "value"]
        ).astype({"epoch": "int32"}),
        epochs=done,
        best_epoch=best.epoch,
        duration_s=saver.seconds + (generated.duration_s if generated else 0.0),
        images_per_second=saver.images_per_second,
        frozen_layers=training.frozen_layers(),
        generated=generated,
    )


def take_trained(
    study: Study,
    method: ResolvedMethod,
    seed: int,
    data: Data,
    trained: Run,
    *,
    source: Path | None = None,
) -> Fitted:
    """Give a method what another run has trained, without training.

    Parameters
    ----------
    study, method, seed
        What would be trained.
    data : Data
    trained : Run
        Of a method that is trained alike (``reuse.find_trained_alike``).
    source : Path, optional
        See ``build_models``.

    Returns
    -------
    Fitted
        Weights, history and times of that run; the method's own adjustments.

    Raises
    ------
    RunError, WeightsError
        If its model is damaged, of another architecture, or has its classes in
        another order.
    """
    check_class_order(trained, data.tasks)
    # Parts that only training has, on features and in losses, are not needed.
    models = _build_models(
        study, method, seed, data, data.rows(TRAINING), {}, (), source
    )
    copy_weights(load_model(trained.model_path), models.inference, weights=trained.name)
    info = trained.info
    return Fitted(
        models=models,
        history=trained.history(),
        epochs=info["epochs"],
        best_epoch=info["best_epoch"],
        duration_s=info["duration_s"],
        images_per_second=info["images_per_second"],
        frozen_layers=info.get("frozen_layers", {}),
    )


def _prepare(
    study: Study,
    method: ResolvedMethod,
    seed: int,
    data: Data,
    source: Path | None = None,
    progress: Progress = lambda what, done, total: None,
    warn: Callable[[str], None] = lambda sentence: None,
    *,
    generated: GeneratedImages | None = None,
    open_features: Callable[..., FrozenFeatures] = open_frozen_features,
) -> _Training:
    """Build all that one run is trained with, its first weights included."""
    budget = study.training
    rows = data.rows(TRAINING)
    # Images that cannot be weighted are refused now instead of when late weights begin.
    sample_weights(data, method, rows)
    asked = (data, method, rows, seed, budget.epochs, budget.batch_size)
    mixes = epoch_mixes(*asked, generated) if method.changes_pixels else None
    rows_of = _rows_of(mixes) if mixes else epoch_rows(*asked)
    sizes = [len(rows_of(epoch)) for epoch in range(budget.epochs)]
    steps = [max(1, size // budget.batch_size) for size in sizes]
    # A loss that draws at random takes its seed when it is built.
    keras.utils.set_random_seed(seed)
    losses = build_parts(method.losses, data, rows)
    objectives = build_objectives(study, method, data, rows)
    features = build_parts(method.features, data, rows)
    learned = [
        layer
        for loss in (*losses.values(), *objectives.values())
        for layer in getattr(loss, "learned", ())
    ]
    build = partial(
        _build_models, study, method, seed, data, rows, features, learned, source
    )
    models, frozen, not_cached = _cut_models(
        study, method, data, build, progress, warn, open_features
    )
    return _Training(
        study=study,
        method=method,
        seed=seed,
        data=data,
        rows=rows,
        rows_of=rows_of,
        mixes=mixes,
        generated=generated,
        shown=tuple(
            min(size, number * budget.batch_size)
            for size, number in zip(sizes, steps, strict=True)
        ),
        losses=losses,
        objectives=objectives,
        features=features,
        models=models,
        optimizer=build_optimizer(
            study, method.name, steps, backbone=models.backbone.trainable_variables
        ),
        frozen=frozen,
        not_cached=not_cached,
    )


def _cut_models(
    study: Study,
    method: ResolvedMethod,
    data: Data,
    build: Callable[..., Models],
    progress: Progress,
    warn: Callable[[str], None],
    open_features: Callable[..., FrozenFeatures],
) -> tuple[Models, FrozenFeatures | None, str]:
    """The models, the outputs of the frozen layers, and why these are not kept.

    Parameters
    ----------
    study, method, data
    build : callable
        Builds the models, cut before the first layer that learns if asked to.
    progress, warn : callable
    open_features : callable
        ``open_frozen_features``, or what stands for it.
    """
    if not study.model.has_frozen_part:
        return build(), None, ""
    if not study.training.variants:
        return build(), None, "the study asks for it"
    if method.changes_pixels:
        return build(), None, "the method makes new images"
    models = build(cut=True)
    if models.cut is None:
        return models, None, ""
    try:
        frozen = open_features(
            models.cut,
            data.cache,
            plain=data.rows(VALIDATION),
            training=data.rows(TRAINING),
            augmentation=study.training.augmentation,
            variants=study.training.variants,
            study=study.name,
            backbone=study.model.backbone,
            progress=progress,
        )
    except NotCachedError as error:
        warn(
            f"The frozen layers of {method.label} are computed again at every step: "
            f"{error}."
        )
        return build(), None, str(error)
    return models, frozen, ""


def _rows_of(mixes: Callable[[int], Mixes]) -> Callable[[int], Rows]:
    return lambda epoch: mixes(epoch).rows


def _train_phases(
    training: _Training, saver: SaveState, callbacks: Sequence[keras.callbacks.Callback]
) -> int:
    """Train from the saved state on, phase by phase; return the epochs done."""
    epochs = training.study.training.epochs
    best, model = saver.best, training.models.training
    _compile_for(training, training.method)
    done = saver.load(model)
    for first, end in _phases(training.method, epochs):
        best.may_stop = end == epochs
        if done >= end:
            continue
        # A phase begins with its own patience: the best epoch before it had another
        # loss.
        if done == first:
            best.begin_phase(first)
        elif best.patience_is_over(done):
            continue
        active = training.method.at(first, epochs)
        _compile_for(training, active)
        batches, validation = _batches(training, active, done)
        make_variables(model, batches[0])
        watching = [_Clock(saver, training.shown), best, saver.average, saver.history]
        watching += [EndEpoch(list(training.features.values())), saver, *callbacks]
        model.fit(
            batches,
            validation_data=validation,
            epochs=end,
            initial_epoch=done,
            shuffle=False,
            verbose=0,
            callbacks=watching,
        )
        done = max(row[0] for row in saver.history.rows)
    return done


def _phases(method: ResolvedMethod, epochs: int) -> list[tuple[int, int]]:
    """First epoch of each phase and the one after its last, counted from 0."""
    starts = method.first_epochs(epochs)
    return list(pairwise((*starts, epochs)))


def _compile_for(training: _Training, active: ResolvedMethod) -> None:
    """Compile with the losses that act in a phase."""
    study, tasks = training.study, training.data.tasks
    losses = {
        **usual_losses(study, tasks),
        **{name: training.losses[name] for name in active.losses},
    }
    for name in active.objectives:
        losses[name] = training.objectives[name].over(losses[name])
    if training.method.changes_pixels:
        # In all phases: a phase without mixing has pairs of the same image.
        for task in tasks:
            if not isinstance(task, Regression):
                losses[task.name] = MixedLabels(losses[task.name])
    compile_model(
        training.models.training,
        tasks,
        optimizer=training.optimizer,
        losses=losses,
        loss_weights=loss_weights(study, active.name, tasks),
    )


def make_variables(model: keras.Model, batch: tuple[Any, Any, Any]) -> None:
    """Make the variables of the losses, metrics and optimizer, as they start.

    TensorFlow traces a step twice whose first tracing makes variables.

    Parameters
    ----------
    model : keras.Model
        Compiled.
    batch : tuple
        Inputs, targets and sample weights, of which the first image is looked at.
    """
    x, y, weights = keras.tree.map_structure(lambda array: array[:1], batch)
    model.optimizer.build(model.trainable_variables)
    # The state of losses and metrics after it is reset.
    with keras.StatelessScope():
        answers = model(x, training=False)
        model.compute_loss(x, y, answers, weights, training=False)
        model.compute_metrics(x, y, answers, weights)


def _build_models(
    study: Study,
    method: ResolvedMethod,
    seed: int,
    data: Data,
    rows: Rows,
    features: Mapping[str, keras.layers.Layer],
    learned: Sequence[keras.layers.Layer],
    source: Path | None,
    *,
    cut: bool = False,
) -> Models:
    scales = {
        name: part.scale
        for name, part in method.losses.items()
        if part.head == "cosine"
    }
    return build_models(
        study.model,
        data.tasks,
        augmentation=study.training.augmentation,
        seed=seed,
        cosine_scale=scales,
        adjustments=build_parts(method.adjustments, data, rows),
        features=features,
        learned=learned,
        mixes_images=_mixes_images(method),
        precision=study.training.precision or "float32",
        source=source,
        cut=cut,
    )


def _mixes_images(method: ResolvedMethod) -> bool:
    return any(part.entry.pixels == "mixed" for part in method.samplers)


def _mixing(training: _Training, mixes: Callable[[int], Mixes]) -> Mixing:
    """How the images of some mixes reach the model."""
    tasks, method = training.data.tasks, training.method
    return Mixing(
        mixes,
        paired=[task.name for task in tasks if not isinstance(task, Regression)],
        leaning=leaning_tasks(method, tasks),
        inputs=MIX_INPUTS if _mixes_images(method) else None,
    )


def _batches(
    training: _Training, active: ResolvedMethod, done: int
) -> tuple[Batches, Batches]:
    """Training batches from epoch ``done`` on, and unweighted validation batches."""
    data = training.data
    targets = data.targets()
    weights = sample_weights(data, active, training.rows)
    validation = data.rows(VALIDATION)
    inputs = {target_input(task): task for task in active.features}
    rows = training.rows
    groups = {
        name: _of_all(data, class_ids(data, part.groups, rows), rows)
        for name, part in active.objectives.items()
    }
    frozen, drawn = training.frozen, training.generated
    common: dict[str, Any] = {
        "targets": targets,
        "inputs": inputs,
        "first_input": PIXELS_INPUT if frozen is None else FROZEN_INPUT,
    }
    real = data.cache.images if frozen is None else frozen.array
    training_batches = Batches(
        Stacked(data.cache.images, drawn.images) if drawn else real,
        **common,
        places=None if frozen is None else frozen.drawn_places(training.seed),
        sample_weight=weights,
        rows=training.rows_of,
        batch_size=training.study.training.batch_size,
        groups=groups,
        mixing=training.mixes and _mixing(training, training.mixes),
        drop_last=True,
        first_epoch=done,
    )
    validation_batches = Batches(
        real,
        **common,
        places=None if frozen is None else frozen.plain_places,
        sample_weight={name: np.ones_like(v) for name, v in weights.items()},
        rows=lambda _: validation,
        batch_size=PREDICT_BATCH,
        mixing=training.mixes and _mixing(training, lambda _: unmixed(validation)),
    )
    return training_batches, validation_batches


def _of_all(data: Data, ids: NDArray[np.int64], rows: Rows) -> NDArray[np.int64]:
    """A number of the given rows as one of every row; -1 outside of them."""
    full = np.full(len(data.manifest), -1, dtype=np.int64)
    full[rows] = ids
    return full


class _Clock(keras.callbacks.Callback):
    """Seconds trained, over interruptions, and the speed of the fastest epoch.

    Parameters
    ----------
    saver : SaveState
        Where they are kept.
    shown : sequence of int
        Images that each epoch trains on.
    """

    def __init__(self, saver: SaveState, shown: Sequence[int]) -> None:
        super().__init__()
        self._saver = saver
        self._shown = shown
        self._epoch_start = self._validation_start = 0.0

    def on_epoch_begin(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        self._epoch_start = self._validation_start = time.perf_counter()

    def on_test_begin(self, logs: dict[str, float] | None = None) -> None:
        self._validation_start = time.perf_counter()

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        seconds = self._validation_start - self._epoch_start
        saver = self._saver
        speed = self._shown[epoch] / seconds
        saver.images_per_second = max(saver.images_per_second or 0.0, speed)
        saver.seconds += time.perf_counter() - self._epoch_start


@dataclass(frozen=True)
class StepTimes:
    """How long the parts of a training take, measured on a few real steps.

    Parameters
    ----------
    epoch_s : float
        Seconds of one epoch, its validation included.
    frozen_s : float
        Of what comes before the epochs: outputs of frozen layers.
    answer_s : float
        Of the answer to one image.
    parameters : int
        Of the model.
    """

    epoch_s: float
    frozen_s: float
    answer_s: float
    parameters: int


def measure_steps(
    study: Study,
    method: ResolvedMethod,
    seed: int,
    data: Data,
    *,
    source: Path | None = None,
) -> StepTimes:
    """Time a few steps of a training; nothing of it is kept.

    Parameters
    ----------
    study, method, seed, data, source
        As ``fit`` takes them; the method has no generator of images.

    Returns
    -------
    StepTimes
    """
    training = _prepare(
        study, method, seed, data, source, open_features=sample_frozen_features
    )
    active = method.at(0, study.training.epochs)
    _compile_for(training, active)
    batches, validation = _batches(training, active, 0)
    model = training.models.training
    make_variables(model, batches[0])
    step_s = _time_batches(batches, model.train_on_batch)
    answer_s = _time_batches(validation, model.test_on_batch)
    frozen = training.frozen
    return StepTimes(
        epoch_s=step_s * len(batches) + answer_s * len(validation),
        frozen_s=0.0 if frozen is None else frozen.computed_s,
        answer_s=answer_s / PREDICT_BATCH,
        parameters=training.models.inference.count_params(),
    )


def _time_batches(batches: Batches, act: Callable[..., object]) -> float:
    """Seconds of a batch, the first two left out: they compile."""
    warm = min(2, max(0, len(batches) - 1))
    times = []
    for place in range(min(len(batches), warm + MEASURED_STEPS)):
        began = time.perf_counter()
        inputs, targets, weights = batches[place]
        act(inputs, targets, weights)
        times.append(time.perf_counter() - began)
        if sum(times[warm:]) > MEASURED_S:
            break
    return float(np.mean(times[warm:]))


def predict(model: keras.Model, data: Data, *, mirrored: bool = False) -> pd.DataFrame:
    """Predict validation and test images with an inference model.

    ``mirrored`` is as for ``answer_images``.

    Returns
    -------
    DataFrame
        The predictions table of a run.
    """
    rows = np.concatenate([data.rows(VALIDATION), data.rows(TEST)])
    table = data.manifest.iloc[rows]
    columns = {
        name: table[name].to_numpy()
        for name in ("image_id", "split", *data.sensitive_features)
    }
    answers = answer_images(
        model, data.cache.images, data.tasks, rows=rows, mirrored=mirrored
    )
    for task in data.tasks:
        columns[f"{task.name}_true"] = table[task.name].to_numpy()
        columns |= answers[task.name]
    return pd.DataFrame(columns)


def answer_images(
    model: keras.Model,
    images: NDArray[np.uint8],
    tasks: Sequence[Task],
    *,
    rows: Rows | None = None,
    mirrored: bool = False,
) -> dict[str, dict[str, NDArray[Any]]]:
    """Answers of an inference model to images, or to some rows of them.

    Parameters
    ----------
    model : keras.Model
    images : uint8 array, shape (n, size, size, 3)
    tasks : sequence of Task
    rows : int array, optional
    mirrored : bool
        Whether an answer is the mean of those to an image and to its mirror image.

    Returns
    -------
    dict of str to dict of arrays, shape (rows,)
        By task, then by column of a predictions table: ``<task>_pred``, and of classes
        ``<task>_p_<class>``.
    """
    rows = np.arange(len(images)) if rows is None else rows
    answer = _answering(model, mirrored)
    parts = [
        answer(images[rows[i : i + PREDICT_BATCH]])
        for i in range(0, len(rows), PREDICT_BATCH)
    ]
    return {
        task.name: _answers(
            task, np.concatenate([np.asarray(part[task.name]) for part in parts])
        )
        for task in tasks
    }


def _answering(
    model: keras.Model, mirrored: bool
) -> Callable[[NDArray[np.uint8]], Mapping[str, Any]]:
    """The function that gives the outputs for a batch of pictures."""
    answer: Callable[[NDArray[np.uint8]], Mapping[str, Any]] = model.predict_on_batch
    return partial(answer_mirrored, answer) if mirrored else answer


def _answers(task: Task, outputs: NDArray[np.float32]) -> dict[str, NDArray[Any]]:
    if isinstance(task, Regression):
        return {f"{task.name}_pred": outputs[:, 0]}
    if isinstance(task, Binary):
        outputs = np.concatenate([1 - outputs, outputs], axis=1)
    labels = np.array(task.classes)[outputs.argmax(axis=1)]
    shares = {
        f"{task.name}_p_{name}": outputs[:, i] for i, name in enumerate(task.classes)
    }
    return {f"{task.name}_pred": labels, **shares}


def save_model(model: keras.Model, path: Path) -> None:
    """Save an inference model as ``.keras``, compressed, which Keras leaves out."""
    model.save(path)
    compress_model(path)


def compress_model(path: Path) -> None:
    """Write a ``.keras`` file again, in place, with its members deflated."""
    beside = path.with_suffix(".new")
    with (
        zipfile.ZipFile(path) as stored,
        zipfile.ZipFile(beside, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as packed,
    ):
        for member in stored.infolist():
            packed.writestr(member.filename, stored.read(member))
    beside.replace(path)


def measure_inference_ms(
    model: keras.Model, image_size: int, *, mirrored: bool = False
) -> float:
    """Median milliseconds for one image, warm, batch of one.

    ``mirrored`` is as for ``answer_images``.
    """
    image = np.full((1, image_size, image_size, 3), 127, dtype=np.uint8)
    answer = _answering(model, mirrored)
    answer(image)
    times = []
    for _ in range(TIMED_CALLS):
        start = time.perf_counter()
        answer(image)
        times.append(time.perf_counter() - start)
    return float(np.median(times) * 1000)
