"""Finished runs made ready to be passed on: all predictions, and few, small models."""

from __future__ import annotations

import json
import shutil
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.data.cache import Progress
from core.data.manifest import TEST, DatasetInfo
from core.data.picture_paths import find_pictures
from core.errors import EquipoiseError, RunError
from core.language import N_, gettext
from core.predictor import Preprocessing
from core.runs import (
    MODEL,
    RECORD,
    STUDY_FILE,
    Run,
    list_runs,
    manifest_of,
    replace_folder,
)
from core.shipped import SHIPPED
from core.study import Study
from core.tasks import Regression, Task

# How far an answer may move when a model is stored in half precision: in the unit of
# a number, and in probability.
LARGEST_CHANGE, LARGEST_PROBABILITY_CHANGE = 0.05, 0.002
READING, CHECKING = N_("Reading test images"), N_("Checking models")
HALF, FULL = "float16", "float32"

Changes = dict[str, float]


@dataclass(frozen=True)
class ShippedModel:
    """The shipped model of a run.

    Parameters
    ----------
    run : Run
        As it lies where it was shipped to.
    precision : str or None
        That its weights are stored in, at least the large ones; None where the model
        was left behind.
    least_halved : int or None
        Values of the smallest arrays that are in half precision; None where none is.
    bytes_before, bytes_after : int
        Size of the file, 0 where there is none.
    changes : dict of str to float
        By task, how far the answer for a test image moved at most; empty if it was not
        measured.
    """

    run: Run
    precision: str | None
    least_halved: int | None
    bytes_before: int
    bytes_after: int
    changes: Changes


def tolerance(task: Task) -> float:
    """How far an answer may move, in the unit of a number or in probability."""
    if isinstance(task, Regression):
        return LARGEST_CHANGE
    return LARGEST_PROBABILITY_CHANGE


def agrees(changes: Mapping[str, float], tasks: Sequence[Task]) -> bool:
    """Whether no answer moved further than it may; NaN is too far."""
    return all(changes[task.name] <= tolerance(task) for task in tasks)


def ship_study(
    study: Study,
    info: DatasetInfo,
    source: Path,
    out: Path,
    *,
    seed: int = 0,
    data: Path | None = None,
    replaces: bool = False,
    progress: Progress = lambda what, done, total: None,
) -> tuple[list[ShippedModel], tuple[str, ...]]:
    """Copy the finished runs of a study from one store to another, to be passed on.

    Parameters
    ----------
    study, info : Study, DatasetInfo
    source, out : Path
        The stores.
    seed : int
        Whose models go along; of the other seeds all but the model does.
    data : Path, optional
        A copy of the dataset: the test images decide whether a model may be stored in
        half precision. Generated ones are drawn.
    replaces : bool
        Take the place of what ``out`` holds of the study.
    progress : callable

    Returns
    -------
    list of ShippedModel
        A run each.
    tuple of str
        A sentence for each broken run, which was left behind.

    Raises
    ------
    EquipoiseError
        If the study has no run, the seed has no model, a picture is missing, or ``out``
        holds the study already.

    Notes
    -----
    Of a model, as many arrays as possible are stored in half precision, the largest
    first, so long as every answer for a test image stays within ``LARGEST_CHANGE`` and
    ``LARGEST_PROBABILITY_CHANGE``. ``run.json`` says from which size on.
    """
    listing = list_runs(study.name, within=[source])
    own = [run for run in listing.runs if run.imported is None]
    place = out / study.name
    chosen = _runs_with_models(own, study.name, source, place, seed, replaces=replaces)
    paths = _test_paths(study, info, chosen[0], data)
    check = _HalvingCheck(study, info.tasks, paths, progress)
    beside = place.with_name(f".{study.name}.{uuid.uuid4().hex[:8]}")
    try:
        beside.mkdir(parents=True)
        for file in (source / study.name).iterdir():
            if file.is_file():
                shutil.copyfile(file, beside / file.name)
        _forget_place(beside / STUDY_FILE)
        shipped = []
        for number, run in enumerate(own):
            progress(CHECKING, number, len(own))
            within = Path(run.method) / f"seed-{run.seed}"
            made = _ship(run, beside / within, seed, check)
            shipped.append(replace(made, run=replace(run, folder=place / within)))
        progress(CHECKING, len(own), len(own))
        replace_folder(beside, place)
    except OSError as error:
        raise RunError(
            gettext(
                "The runs could not be written to {place}: {why}.",
                place=place,
                why=error.strerror or error,
            ),
            expected=gettext("a writable folder with room for them."),
            remedy=gettext("free some space, or choose another --out."),
        ) from error
    finally:
        shutil.rmtree(beside, ignore_errors=True)
    return shipped, listing.problems


def _runs_with_models(
    own: Sequence[Run],
    study: str,
    source: Path,
    place: Path,
    seed: int,
    *,
    replaces: bool,
) -> list[Run]:
    """Runs whose models go along, if all can be shipped."""
    if not own:
        raise RunError(
            gettext(
                "{source} holds no finished run of '{study}'.",
                source=source,
                study=study,
            ),
            expected=gettext("a store with runs of the study."),
            remedy=gettext("name another with --from, or train the study."),
        )
    chosen = [run for run in own if run.seed == seed and run.model_path.is_file()]
    if not chosen:
        raise RunError(
            gettext(
                "No run of '{study}' with seed {seed} has its {model} in {source}.",
                study=study,
                seed=seed,
                model=MODEL,
                source=source,
            ),
            expected=gettext("the seed whose models are included."),
            remedy=gettext("choose another with --seed."),
        )
    if place.exists() and not replaces:
        raise RunError(
            gettext("{place} exists already.", place=place),
            expected=gettext("a store without the study."),
            remedy=gettext(
                "add --replace to put these runs in its place, or choose another --out."
            ),
        )
    return chosen


def _test_paths(
    study: Study, info: DatasetInfo, run: Run, data: Path | None
) -> list[str]:
    manifest = manifest_of(run)
    if manifest is None:
        raise RunError(
            gettext(
                "The split of '{name}' is not beside its runs.",
                name=study.name,
            ),
            expected=gettext("the manifest that training wrote."),
            remedy=gettext("train one of the runs again."),
        )
    ids = manifest.loc[manifest["split"] == TEST, "image_id"].astype(str).tolist()
    paths = find_pictures(study, info, ids, data, shipped=manifest)
    if len(paths) < len(ids):
        raise EquipoiseError(
            gettext(
                "{n} of {total} test images of '{study}' are not in the copy.",
                n=len(ids) - len(paths),
                total=len(ids),
                study=study.name,
            ),
            expected=gettext("the copy that the runs were trained on."),
            remedy=gettext("name it with --data."),
        )
    return paths


def _ship(run: Run, folder: Path, seed: int, check: _HalvingCheck) -> ShippedModel:
    """Copy a run, its model in half precision as far as the answers agree."""
    shutil.copytree(run.folder, folder, ignore=shutil.ignore_patterns(MODEL))
    there = run.model_path.is_file()
    before = run.model_path.stat().st_size if there else 0
    earlier = run.info.get(SHIPPED)
    if there and run.seed == seed and isinstance(earlier, dict) and earlier["model"]:
        # Halved again, it would be compared with itself and move further.
        shutil.copyfile(run.model_path, folder / MODEL)
        return ShippedModel(
            run,
            earlier["model"],
            earlier.get("least_halved"),
            before,
            before,
            earlier["largest_change"],
        )
    precision: str | None = None
    least: int | None = None
    changes: Changes = {}
    if there and run.seed == seed:
        least, changes = check.write(run, folder / MODEL)
        precision = FULL if least is None else HALF
    record: dict[str, Any] = {"model": precision, "size_mb": before / 1e6 or None}
    if precision is None:
        record["seed_with_model"] = seed
    else:
        record |= {
            "least_halved": least,
            "test_images": len(check.paths),
            "largest_change": changes,
        }
    # A model that was shipped before keeps the size that was recorded first.
    if isinstance(earlier, dict):
        record["size_mb"] = earlier.get("size_mb") or record["size_mb"]
    resolved = _without_place(run.info["resolved"])
    text = json.dumps({**run.info, "resolved": resolved, SHIPPED: record}, indent=1)
    (folder / RECORD).write_text(text + "\n", encoding="utf-8")
    after = (folder / MODEL).stat().st_size if precision else 0
    return ShippedModel(run, precision, least, before, after, changes)


def _forget_place(file: Path) -> None:
    """Take out of a study's file where its images are on this machine."""
    if not file.is_file():
        return
    study = json.loads(file.read_text(encoding="utf-8"))
    if (kept := _without_place(study)) != study:
        file.write_text(json.dumps(kept, indent=1) + "\n", encoding="utf-8")


def _without_place(study: dict[str, Any]) -> dict[str, Any]:
    """A study as JSON without the path of its images, as ``DatasetTable`` has it."""
    table = study.get("dataset")
    if not isinstance(table, dict) or "path" not in (table.get("options") or {}):
        return study
    options = {name: each for name, each in table["options"].items() if name != "path"}
    return {**study, "dataset": {**table, "options": options}}


class _HalvingCheck:
    """Compares a model with itself in half precision, on the test images.

    Parameters
    ----------
    study : Study
    tasks : sequence of Task
    paths : sequence of str
        Of the test images.
    progress : callable
    """

    def __init__(
        self,
        study: Study,
        tasks: Sequence[Task],
        paths: Sequence[str],
        progress: Progress,
    ) -> None:
        self.paths = tuple(paths)
        self._study, self._tasks, self._progress = study, tuple(tasks), progress
        self._pixels: dict[Preprocessing, NDArray[np.uint8]] = {}

    def write(self, run: Run, file: Path) -> tuple[int | None, Changes]:
        """Write a run's model, in half precision as far as the answers agree.

        Returns
        -------
        int or None
            Values of the smallest arrays in half precision; None where none is.
        dict of str to float
            How far the answers moved; where no array is in half precision, how far
            they would have with the largest ones.
        """
        from core.models.model_file import halvable_sizes, write_halved
        from core.models.saved import load_model

        full = load_model(run.model_path)
        pixels = self._read(Preprocessing.from_run(run, full.input_shape[1]))
        before = full.predict(pixels, verbose=0)

        def moved(least: int) -> Changes:
            write_halved(run.model_path, file, least=least)
            after = load_model(file).predict(pixels, verbose=0)
            return {
                task.name: float(np.max(np.abs(after[task.name] - before[task.name])))
                for task in self._tasks
            }

        sizes = halvable_sizes(run.model_path)
        changes = dict.fromkeys((task.name for task in self._tasks), 0.0)
        found: tuple[int, Changes] | None = None
        # The fewer arrays are rounded, the less an answer moves. Most models agree
        # with all of them, which is tried first; then the rest is halved each time.
        low, high, place = 0, len(sizes), 0
        while low < high:
            changes = moved(sizes[place])
            if agrees(changes, self._tasks):
                found, high = (sizes[place], changes), place
            else:
                low = place + 1
            place = (low + high) // 2
        if found is None:
            shutil.copyfile(run.model_path, file)
            return None, changes
        write_halved(run.model_path, file, least=found[0])
        return found

    def _read(self, kind: Preprocessing) -> NDArray[np.uint8]:
        if kind not in self._pixels:
            pictures: list[NDArray[np.uint8]] = []
            for path in self.paths:
                self._progress(READING, len(pictures), len(self.paths))
                pictures.append(kind.read(self._study, path))
            self._progress(READING, len(self.paths), len(self.paths))
            self._pixels[kind] = np.stack(pictures)
        return self._pixels[kind]
