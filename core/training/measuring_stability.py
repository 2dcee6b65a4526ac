"""The stability of finished runs, measured after the fact where their models are."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
from pydantic import ValidationError

from core import runs
from core.data.cache import Progress
from core.data.catalog import dataset_of
from core.data.manifest import TEST, LoadedDataset
from core.errors import EquipoiseError, RunError
from core.methods.registry import resolve_method
from core.runs import Run
from core.study import ModelTable, Study
from core.training.jobs import load_data
from core.training.run_locks import hold_runs
from core.training.stability import (
    FinishedModel,
    check_agreement,
    load_changed,
    measure_shifts,
    rows_of,
)

PLAIN = ""
"""The change that leaves an image as it is."""


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
    *,
    methods: Sequence[str] = (),
    seeds: Sequence[int] = (),
    data: Path | None = None,
    replace: bool = False,
    listener: MeasuringListener | None = None,
) -> tuple[EquipoiseError, ...]:
    """Measure how answers move, and keep it with the predictions of each run.

    Nothing else that is stored changes. A run that is measured already is kept, so that
    the same call continues where it was stopped.

    Parameters
    ----------
    study : Study
        As its runs were trained with.
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
        elif run.has_stability(tasks) and not replace:
            listener.kept(run)
        else:
            wanted.append(run)
    if not wanted:
        return ()
    pairs = [(run.method, run.seed) for run in wanted]
    faults: list[EquipoiseError] = []
    with hold_runs(runs.user_store(), study.name, pairs, warn=listener.left_out):
        loaded, _ = load_data(study, data, listener.progress)
        for run in wanted:
            try:
                count = _measure(run, study, loaded, listener.progress)
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


def _measure(run: Run, study: Study, loaded: LoadedDataset, progress: Progress) -> int:
    """Measure one run and write the result; returns the number of test images."""
    import keras

    from core.models.saved import load_model

    own = _study_of(run, study)
    info = loaded.info
    method = resolve_method(study, run.method, info.tasks, info.sensitive_features)
    model = load_model(run.model_path)
    stored = run.predictions()
    images = _test_images(run, stored, loaded.manifest)
    plain = load_changed(own, images, progress, changes=(PLAIN,))
    places = rows_of(stored, plain.image_ids)
    finished = FinishedModel(model, method, info.tasks, run.seed)
    again = finished.answer(plain.caches[PLAIN], stored, places)
    check_agreement(stored, again, info.tasks, run.name)
    changed = load_changed(own, images, progress)
    shifts = measure_shifts(finished, changed, again, progress=progress)
    runs.write_predictions(run, stored.assign(**shifts))
    keras.utils.clear_session()
    return len(changed.image_ids)


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
