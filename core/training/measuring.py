"""How finished runs answer to changed pictures, measured where their models are."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
import pandas as pd
from pydantic import ValidationError

from core import runs
from core.data.cache import ImageCache, Progress, build_image_cache
from core.data.catalog import dataset_of, renderer
from core.data.manifest import TEST, LoadedDataset
from core.errors import EquipoiseError, RunError
from core.methods.registry import resolve_method
from core.runs import Run
from core.study import ModelTable, Study
from core.tasks import Task
from core.training.finished_model import FinishedModel, check_agreement, rows_of
from core.training.run_locks import hold_runs


@dataclass(frozen=True)
class Answering:
    """A finished run whose model gives the stored answers, ready to answer again.

    Parameters
    ----------
    run : Run
    study : Study
        As the run's method had it.
    finished : FinishedModel
    images : DataFrame
        Ids and paths of the test images that are changed.
    plain : ImageCache
        These images as they are, row by row.
    stored : DataFrame
        The predictions of the run.
    again : DataFrame
        The same, with the answers to ``plain`` computed again.
    progress : callable
    """

    run: Run
    study: Study
    finished: FinishedModel
    images: pd.DataFrame
    plain: ImageCache
    stored: pd.DataFrame
    again: pd.DataFrame
    progress: Progress


class Measurement(Protocol):
    """One thing that is measured of a finished run: stability, or robustness."""

    @property
    def most_images(self) -> int:
        """Test images that are changed at most."""

    def is_kept(self, run: Run, tasks: Iterable[Task]) -> bool:
        """Whether a run was measured before."""

    def measure(self, answering: Answering) -> None:
        """Measure one run and write the result."""


@dataclass(frozen=True)
class MeasuringListener:
    """Receives the progress of the measuring.

    Parameters
    ----------
    progress : callable
        ``(what, done, total)``.
    measured : callable
        ``(run, images)``: a run that is measured now, and by how many test images.
    kept : callable
        ``(run)``: it was measured before.
    left_out : callable
        ``(reason)``: a run that cannot be measured, and why.
    """

    progress: Progress = lambda what, done, total: None
    measured: Callable[[Run, int], None] = lambda run, images: None
    kept: Callable[[Run], None] = lambda run: None
    left_out: Callable[[str], None] = lambda reason: None


def measure_runs(
    study: Study,
    measurement: Measurement,
    *,
    methods: Sequence[str] = (),
    seeds: Sequence[int] = (),
    data: Path | None = None,
    replace: bool = False,
    listener: MeasuringListener | None = None,
) -> tuple[EquipoiseError, ...]:
    """Let finished models answer to changed pictures, and keep it with each run.

    Nothing else that is stored changes. A run that is measured already is kept, so that
    the same call continues where it was stopped.

    Parameters
    ----------
    study : Study
        As its runs were trained with.
    measurement : Measurement
    methods, seeds : sequence, optional
        Which; all that have a run by default.
    data : Path, optional
        Where the dataset is; a generated one needs none.
    replace : bool
        Measure again what is measured.
    listener : MeasuringListener, optional

    Returns
    -------
    tuple of EquipoiseError
        Of each run whose model is damaged, or does not give the stored answers.

    Raises
    ------
    EquipoiseError
        If a run does not exist, or the data or the store cannot be used.
    """
    listener = listener or MeasuringListener()
    listing = runs.list_runs(study.name)
    for problem in listing.problems:
        listener.left_out(problem)
    found = _chosen(study, listing.runs, methods, seeds)
    tasks = dataset_of(study, runs.shipped_manifest, needed=True).tasks
    wanted = []
    for run in found:
        if reason := _why_not(run, study):
            listener.left_out(f"{run.name}: {reason}")
        elif measurement.is_kept(run, tasks) and not replace:
            listener.kept(run)
        else:
            wanted.append(run)
    if not wanted:
        return ()
    from core.training.jobs import load_data

    pairs = [(run.method, run.seed) for run in wanted]
    faults: list[EquipoiseError] = []
    with hold_runs(runs.user_store(), study.name, pairs, warn=listener.left_out):
        loaded, _ = load_data(study, data, listener.progress)
        for run in wanted:
            try:
                count = _measure(run, study, loaded, measurement, listener.progress)
            except RunError as fault:
                faults.append(fault)
            else:
                listener.measured(run, count)
    return tuple(faults)


def _chosen(
    study: Study, listed: Sequence[Run], methods: Sequence[str], seeds: Sequence[int]
) -> list[Run]:
    found = [
        run
        for run in listed
        if (not methods or run.method in methods) and (not seeds or run.seed in seeds)
    ]
    missing = sorted(set(methods) - {run.method for run in found})
    if missing or not found:
        there = dict.fromkeys(run.method for run in listed)
        asked = f"of {', '.join(missing)}" if missing else "with these seeds"
        raise RunError(
            f"Study '{study.name}' has no run {asked}.",
            expected=f"some of {', '.join(there) or '(none)'}, with seeds it has.",
            remedy="correct --method or --seed, or train it.",
        )
    return found


def _why_not(run: Run, study: Study) -> str:
    """Why a run cannot be measured; empty if it can."""
    if run.is_imported:
        return "its predictions were imported, without a model."
    if not run.model_path.is_file():
        return f"it has no {run.model_path.name}."
    if run.method not in study.methods:
        return "the study has no such method any more."
    if run.folder.resolve().is_relative_to(runs.user_store().resolve()):
        return ""
    return (
        "it comes with the project, whose runs stay as they are: copy the study's "
        f"folder into your store, {runs.user_store()}, to measure it there."
    )


def _measure(
    run: Run,
    study: Study,
    loaded: LoadedDataset,
    measurement: Measurement,
    progress: Progress,
) -> int:
    """Measure one run; returns the number of test images."""
    import keras

    from core.models.saved import load_model

    own = _study_of(run, study)
    info = loaded.info
    method = resolve_method(study, run.method, info.tasks, info.sensitive_features)
    finished = FinishedModel(load_model(run.model_path), method, info.tasks, run.seed)
    stored = run.predictions()
    images = choose_images(
        _test_images(run, stored, loaded.manifest), measurement.most_images
    )
    plain = build_image_cache(
        images["path"].tolist(),
        own.model.image_size,
        render=renderer(own),
        study=own.name,
        progress=progress,
    )
    places = rows_of(stored, images["image_id"].tolist())
    again = finished.answer(plain, stored, places)
    check_agreement(stored, again, info.tasks, run.name)
    measurement.measure(
        Answering(run, own, finished, images, plain, stored, again, progress)
    )
    keras.utils.clear_session()
    return len(images)


def choose_images(images: pd.DataFrame, most: int) -> pd.DataFrame:
    """All of some images, or of more than ``most`` so many at equal distances.

    They depend on nothing but the order, so every method is measured on the same ones.
    """
    count = len(images)
    places = np.linspace(0, count - 1, min(count, most)).round()
    return images.iloc[places.astype(np.intp)]


def _study_of(run: Run, study: Study) -> Study:
    """The study as the run's method had it when it was trained.

    Raises
    ------
    RunError
        If its record does not hold them.
    """
    try:
        model = ModelTable.model_validate(run.info["resolved"]["model"])
    except (TypeError, KeyError, ValidationError):
        raise RunError(
            f"{run.folder / runs.RECORD} does not say how its images were prepared.",
            expected="the study as training wrote it.",
            remedy="train it again.",
        ) from None
    return study.for_method(run.method).model_copy(update={"model": model})


def _test_images(
    run: Run, stored: pd.DataFrame, manifest: pd.DataFrame
) -> pd.DataFrame:
    """Ids and paths of the test images of a run, in the order of its predictions."""
    paths = dict(zip(manifest["image_id"].astype(str), manifest["path"], strict=True))
    ids = stored.loc[stored["split"] == TEST, "image_id"].astype(str)
    if missing := [name for name in ids if name not in paths]:
        raise RunError(
            f"{len(missing):,} of the test images of {run.name} are not among the "
            f"images given, such as {missing[0]}.",
            expected="the dataset that it was tested on.",
            remedy="give it with --data.",
        )
    return pd.DataFrame({"image_id": ids, "path": ids.map(paths)})
