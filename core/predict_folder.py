"""A folder of pictures in, a CSV of labels out: streamed, and resumed after a stop.

The CSV holds ``filename,label`` and nothing else. A JSON file beside it records the
models and settings: labels of another model or threshold are never mixed into it. A
second CSV beside it has a row for each picture without a label, with the reason.
"""

from __future__ import annotations

import csv
import hashlib
import json
import os
import time
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from io import StringIO
from itertools import islice
from pathlib import Path
from typing import Any, Literal, TextIO

import numpy as np
from numpy.typing import NDArray

from core.csv_text import given_cell, safe_cell
from core.data.cache import Pixels, Progress, render_chunk
from core.data.class_folders import walk_pictures
from core.data.images import accepted
from core.errors import DatasetError, EquipoiseError, RunError
from core.language import N_, gettext, in_form
from core.predictor import (
    BUCKETS,
    Predictor,
    Preprocessing,
    available_cores,
    group_unknown,
)
from core.runs import Run
from core.tasks import Binary, Regression, Task
from core.text import listed
from core.training.jobs import use_threads

FILENAME, LABEL, REASON = "filename", "label", "reason"
CODES = ("-1", "1")
"""What the negative class and the positive one are called in the file."""
BATCH = 64
# A last batch that is short is filled up to one of these only.
_BATCHES = (*BUCKETS, BATCH)
DEFAULT_THRESHOLD = 0.5
SCHEMA = 1
LABELLING = N_("Labelling pictures")


@dataclass(frozen=True)
class Recipe:
    """The models and settings that decide the label of a picture.

    Parameters
    ----------
    task : Task
        What is asked.
    threshold : float or None
        From which probability of the positive class on the label is 1; None where
        there are not two classes.
    runs : tuple of Run
        Of one method: the mean of its models' answers decides.
    mirrored : bool
        Whether the answers are averaged with those to the mirror image.
    """

    task: Task
    threshold: float | None
    runs: tuple[Run, ...]
    mirrored: bool = False

    def as_dict(self) -> dict[str, Any]:
        """The record beside the CSV: the models by their content."""
        return {
            "study": self.runs[0].study,
            "method": self.runs[0].method,
            "task": self.task.name,
            "threshold": self.threshold,
            "models": {
                f"seed-{run.seed}": _hash_file(run.model_path) for run in self.runs
            },
            **({"mirrored": True} if self.mirrored else {}),
        }

    def load(self, *, loading: Progress = lambda what, done, total: None) -> Predictor:
        """Load the models.

        Parameters
        ----------
        loading : callable
            As for ``Predictor.load``.

        Raises
        ------
        RunError
            If one of them cannot be used.
        """
        predictor = Predictor.load(self.runs, (self.task,), loading=loading)
        if predictor.problems:
            raise RunError(
                " ".join(predictor.problems),
                expected=gettext("every model of the method that is to label."),
                remedy=gettext("choose a seed with a complete model with --seed."),
            )
        return predictor

    def labels(self, outputs: NDArray[np.float64]) -> list[str]:
        """Labels of pictures from what the models say of them.

        Parameters
        ----------
        outputs : float array, shape (models, n, values)

        Returns
        -------
        list of str, of length n
            Of two classes "-1" or "1", of more the class, else the number.

        Raises
        ------
        RunError
            If a model gives no number.
        """
        means = outputs.mean(axis=0, dtype=np.float64)
        if not np.isfinite(means).all():
            raise RunError(
                gettext(
                    "A model of '{method}' gives no number for a picture.",
                    method=self.runs[0].method,
                ),
                expected=gettext("finite outputs."),
                remedy=gettext("choose another method, or train it again."),
            )
        if isinstance(self.task, Regression):
            return [f"{value:.6g}" for value in means[:, 0]]
        if isinstance(self.task, Binary):
            places = (means[:, 0] >= self.threshold).astype(int)
            return [CODES[place] for place in places.tolist()]
        return [self.task.classes[place] for place in means.argmax(axis=1).tolist()]


def choose_recipe(
    runs: Sequence[Run],
    tasks: Sequence[Task],
    *,
    method: str | None = None,
    seed: int | None = None,
    task: str | None = None,
    threshold: float | None = None,
    mirrored: bool = False,
) -> Recipe:
    """Choose what labels pictures among a study's runs and tasks.

    Parameters
    ----------
    runs : sequence of Run
        Of one study.
    tasks : sequence of Task
    method : str, optional
        May be left out where there is only one.
    seed : int, optional
        All seeds of the method, on average, if not given; of a shipped study those
        whose models were shipped.
    task : str, optional
        May be left out where there is only one.
    threshold : float, optional
        Of a task with two classes; 0.5 if not given.
    mirrored : bool
        Average in the answers to mirror images.

    Raises
    ------
    EquipoiseError
        If there is no such method, seed or task, if the method cannot answer for a
        picture alone, or if the threshold is not from 0 to 1 or not asked for.
    """
    methods = dict.fromkeys(run.method for run in runs)
    method = _only(method, methods, N_("method"), "--method")
    of_method = [run for run in runs if run.method == method]
    seeds = {str(run.seed): run for run in of_method}
    if seed is not None:
        of_method = [seeds[_only(str(seed), seeds, N_("seed"), "--seed")]]
    if faults := group_unknown(of_method):
        raise faults[0]
    if any(run.imported for run in of_method):
        raise RunError(
            gettext(
                "The method '{method}' was imported: predictions come without a model.",
                method=method,
            ),
            expected=gettext("a method that was trained here."),
            remedy=gettext("choose another with --method."),
        )
    # A shipped study has models of some seeds only.
    kept = [run for run in of_method if not run.is_without_model] or of_method
    without = [run for run in kept if not run.model_path.is_file()]
    if without:
        raise RunError(
            gettext(
                "There is no {file} of {runs}: it cannot answer.",
                file=without[0].model_path.name,
                runs=listed([run.name for run in without]),
            ),
            expected=gettext("the model of every run that is to label."),
            remedy=gettext(
                "choose another with --method or --seed, or train it again."
            ),
        )
    by_name = {each.name: each for each in tasks}
    chosen = by_name[_only(task, by_name, N_("task"), "--task")]
    threshold = _check_threshold(chosen, threshold)
    return Recipe(chosen, threshold, tuple(kept), mirrored)


def _only(asked: str | None, known: Iterable[str], what: str, option: str) -> str:
    """The chosen one, or the only one there is."""
    names = list(known)
    if asked is None and len(names) == 1:
        return names[0]
    if asked in names:
        return str(asked)
    raise EquipoiseError(
        gettext(
            "There is no {what} '{asked}' to label with.",
            what=gettext(what),
            asked=asked,
        )
        if asked is not None
        else gettext("It is not said which {what} to label with.", what=gettext(what)),
        expected=gettext("one of {names}.", names=", ".join(names))
        if names
        else gettext("a study that has runs."),
        remedy=gettext("name it with {option}.", option=option),
    )


def _check_threshold(task: Task, threshold: float | None) -> float | None:
    if not isinstance(task, Binary):
        if threshold is None:
            return None
        raise EquipoiseError(
            gettext(
                "A threshold is of two classes, and '{name}' has not two.",
                name=task.name,
            ),
            expected=gettext(
                "no threshold: the label is the class or the number itself."
            ),
            remedy=gettext("leave --threshold out, or choose another --task."),
        )
    if threshold is None:
        return DEFAULT_THRESHOLD
    if not 0 <= threshold <= 1:
        raise EquipoiseError(
            gettext("The threshold is {threshold}.", threshold=in_form(str(threshold))),
            expected=gettext("a number from 0 to 1."),
            remedy=gettext("fix --threshold."),
        )
    return threshold


@dataclass(frozen=True)
class Plan:
    """The pictures to label, and the labels that the CSV has already.

    Parameters
    ----------
    recipe : Recipe
    folder : Path
    csv_path : Path
    done : frozenset of str
        Names that the CSV holds.
    kept_bytes : int
        How much of the CSV is whole rows; 0 begins it anew.
    pictures, pending : int
        In the folder, and those of them that the CSV does not hold.
    """

    recipe: Recipe
    folder: Path
    csv_path: Path
    done: frozenset[str]
    kept_bytes: int
    pictures: int
    pending: int

    @property
    def is_done(self) -> bool:
        """Whether nothing is left to do: every picture has a row, and none is cut."""
        return not self.pending and self.csv_path.stat().st_size == self.kept_bytes

    @property
    def record(self) -> Path:
        """The record of how the CSV was made."""
        return record_of(self.csv_path)


def record_of(csv_path: Path) -> Path:
    """The record of how a CSV was made, beside it."""
    return csv_path.with_name(f"{csv_path.name}.json")


def failed_of(csv_path: Path) -> Path:
    """The list of the pictures that have no label, beside a CSV."""
    return csv_path.with_name(f"{csv_path.stem}.failed.csv")


def plan_labels(
    recipe: Recipe, folder: Path, csv_path: Path, *, resume: bool = False
) -> Plan:
    """Look at the folder and at the CSV before anything slow is loaded.

    Parameters
    ----------
    recipe : Recipe
    folder : Path
        With pictures, in it or below it.
    csv_path : Path
        Where the labels go.
    resume : bool
        Continue that file, if it exists.

    Raises
    ------
    EquipoiseError
        If there is no picture, if the file has no folder to lie in, or if it exists and
        ``resume`` is not given, its settings differ, or its content was changed.
    """
    if not folder.is_dir():
        raise DatasetError(
            gettext("{folder} is not a folder.", folder=folder),
            expected=gettext("a folder of pictures."),
            remedy=gettext("without --csv, photos are answered one by one."),
        )
    done, kept = _find_done(recipe, folder, csv_path, resume)
    there = [name in done for name in walk_pictures(folder)]
    if not there:
        raise DatasetError(
            gettext(
                "{folder} has no picture, and neither has a folder below it.",
                folder=folder,
            ),
            expected=gettext("{accepted}, with its usual suffix.", accepted=accepted()),
            remedy=gettext("give the folder in which the pictures are."),
        )
    return Plan(recipe, folder, csv_path, done, kept, len(there), there.count(False))


def _find_done(
    recipe: Recipe, folder: Path, csv_path: Path, resume: bool
) -> tuple[frozenset[str], int]:
    """The labels of the CSV that can be kept, from ``read_done``."""
    if not csv_path.parent.is_dir():
        raise EquipoiseError(
            gettext(
                "{csv_path} cannot be written: there is no folder {parent}.",
                csv_path=csv_path,
                parent=csv_path.parent,
            ),
            expected=gettext("a file in a folder that exists."),
            remedy=gettext("make the folder, or choose another place."),
        )
    if not csv_path.exists():
        return frozenset(), 0
    if not resume:
        raise EquipoiseError(
            gettext("{csv_path} exists already.", csv_path=csv_path),
            expected=gettext("a new file."),
            remedy=gettext("continue it with --resume, or choose another name."),
        )
    _check_same(recipe, folder, csv_path)
    return read_done(csv_path)


@dataclass(frozen=True)
class Labelled:
    """The result of labelling.

    Parameters
    ----------
    labelled : int
        Rows that this call has written.
    already : int
        Rows that were there before.
    unreadable : int
        Pictures without a row.
    duration_s : float
        Of this call, without the loading of the models.
    """

    labelled: int
    already: int
    unreadable: int
    duration_s: float


def label_pictures(
    plan: Plan,
    predictor: Predictor,
    *,
    progress: Progress = lambda what, done, total: None,
    left_out: Callable[[str], None] = lambda reason: None,
    workers: int | None = None,
) -> Labelled:
    """Label the pictures that the CSV does not hold yet.

    Parameters
    ----------
    plan : Plan
    predictor : Predictor
        As ``plan.recipe`` loads it.
    progress : callable
        Called with what is done, how many, of how many.
    left_out : callable
        Called with the reason for each picture that cannot be read.
    workers : int, optional
        Threads that read pictures while the model answers; one a core if not given.

    Returns
    -------
    Labelled

    Notes
    -----
    Rows are in the order of ``walk_pictures`` and are written batch by batch: a stopped
    file can be continued. Memory is that of a few batches, and on going on of the names
    that are there already. At the end ``failed_of`` lists the pictures without a label;
    where there is none, there is no such file.
    """
    start = time.perf_counter()
    names = (name for name in walk_pictures(plan.folder) if name not in plan.done)
    done = plan.pictures - plan.pending
    failed: list[tuple[str, str]] = []
    with _open(plan) as file:
        progress(LABELLING, done, plan.pictures)
        batches = _read_ahead(
            names, plan.folder, predictor.preprocessings, workers or available_cores()
        )
        with closing(batches):
            for batch in batches:
                _write(file, batch.label(plan.recipe, predictor))
                for row, reason in sorted(batch.reasons.items()):
                    name = batch.names[row]
                    failed.append((name, _with_folder(name, reason)))
                    left_out(failed[-1][1])
                done += len(batch.names)
                progress(LABELLING, done, plan.pictures)
    list_failed(plan.csv_path, failed)
    already = plan.pictures - plan.pending
    return Labelled(
        labelled=done - already - len(failed),
        already=already,
        unreadable=len(failed),
        duration_s=time.perf_counter() - start,
    )


def list_failed(csv_path: Path, failed: Sequence[tuple[str, str]]) -> None:
    """Write the names of pictures without a label, with the reason, beside the CSV."""
    if not failed:
        failed_of(csv_path).unlink(missing_ok=True)
        return
    with _open_text(failed_of(csv_path), "w") as file:
        _write(file, [(FILENAME, REASON), *failed])


@dataclass(frozen=True)
class _Batch:
    """Some pictures, as each kind of model takes them; unreadable ones are black."""

    names: list[str]
    pictures: Mapping[Preprocessing, Pixels]
    reasons: Mapping[int, str]

    def label(self, recipe: Recipe, predictor: Predictor) -> list[tuple[str, str]]:
        """Name and label of those that could be read."""
        if len(self.reasons) == len(self.names):
            return []
        outputs = predictor.outputs(
            self.pictures, batches=_BATCHES, mirrored=recipe.mirrored
        )
        labels = recipe.labels(outputs[recipe.task.name])
        pairs = zip(self.names, labels, strict=True)
        return [pair for row, pair in enumerate(pairs) if row not in self.reasons]


def _read_ahead(
    names: Iterator[str], folder: Path, kinds: Sequence[Preprocessing], workers: int
) -> Generator[_Batch]:
    """Read pictures in threads, a few batches ahead of who takes them, in order.

    Threads are enough: Pillow decodes and resizes without holding the interpreter.
    """
    pool = ThreadPoolExecutor(workers)
    waiting: deque[Future[_Batch]] = deque()
    try:
        while chunk := list(islice(names, BATCH)):
            waiting.append(pool.submit(_read, chunk, folder, kinds))
            if len(waiting) > workers + 1:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)


def _read(names: list[str], folder: Path, kinds: Sequence[Preprocessing]) -> _Batch:
    paths = [str(folder / name) for name in names]
    pictures: dict[Preprocessing, Pixels] = {}
    reasons: dict[int, str] = {}
    for kind in kinds:
        pictures[kind], found = render_chunk(paths, size=kind.size, render=kind.render)
        reasons |= found
    return _Batch(names, pictures, reasons)


def _with_folder(name: str, reason: str) -> str:
    """The reason with the whole name, where it begins with the last part of it."""
    last = name.rpartition("/")[2]
    whole = name + reason.removeprefix(last) if reason.startswith(last) else reason
    return whole.encode("utf-8", "backslashreplace").decode()


def _open(plan: Plan) -> TextIO:
    """The CSV, cut back to its whole rows, to be written on; begun if need be."""
    if plan.kept_bytes:
        os.truncate(plan.csv_path, plan.kept_bytes)
        return _open_text(plan.csv_path, "a")
    made = {"schema": SCHEMA, **_made(plan.recipe, plan.folder)}
    plan.record.write_text(json.dumps(made, indent=1) + "\n", encoding="utf-8")
    file = _open_text(plan.csv_path, "w")
    _write(file, [(FILENAME, LABEL)])
    return file


def _open_text(path: Path, mode: Literal["a", "w"]) -> TextIO:
    # File names that are not valid UTF-8 are written as their original bytes.
    return path.open(mode, encoding="utf-8", errors="surrogateescape", newline="")


def _write(file: TextIO, rows: Iterable[tuple[str, str]]) -> None:
    """Write rows at once, so that a stopped process leaves whole ones."""
    text = StringIO()
    plain = csv.writer(text, lineterminator="\n")
    quoted = csv.writer(text, lineterminator="\n", quoting=csv.QUOTE_ALL)
    for name, label in rows:
        # A carriage return ends a line when a file is read, but not when it is written,
        # so the writer does not quote it by itself.
        cells = (safe_cell(name), safe_cell(label))
        (quoted if "\r" in name else plain).writerow(cells)
    file.write(text.getvalue())
    file.flush()


def read_done(path: Path) -> tuple[frozenset[str], int]:
    """Read which pictures a CSV holds.

    Parameters
    ----------
    path : Path
        As ``label_pictures`` leaves it: its last row may have broken off.

    Returns
    -------
    frozenset of str
        Names of the whole rows.
    int
        Bytes that these and the head take.

    Raises
    ------
    EquipoiseError
        If it does not begin as such a file, or a row has not two cells.
    """
    names: set[str] = set()
    read = kept = 0
    whole = True

    def lines() -> Iterator[str]:
        nonlocal read, whole
        with path.open("rb") as file:
            for line in file:
                read, whole = read + len(line), line.endswith(b"\n")
                yield line.decode("utf-8", "surrogateescape")

    try:
        for number, row in enumerate(csv.reader(lines(), strict=True)):
            if not whole:
                break
            if len(row) != 2 or (number == 0 and row != [FILENAME, LABEL]):
                said = gettext(
                    "its row {row} is '{text}'",
                    row=str(number + 1),
                    text=",".join(row)[:60],
                )
                raise _damaged(path, said)
            names.update(map(given_cell, row[:1] if number else ()))
            kept = read
    except csv.Error as error:
        if read < path.stat().st_size:
            raise _damaged(path, str(error)) from None
    return frozenset(names), kept


def _damaged(path: Path, why: str) -> EquipoiseError:
    shown = why.encode("utf-8", "backslashreplace").decode()
    return EquipoiseError(
        gettext(
            "{path} is not a file that can be continued: {why}.", path=path, why=shown
        ),
        expected=gettext(
            "{filename},{label} in the first line and two cells in every row.",
            filename=FILENAME,
            label=LABEL,
        ),
        remedy=gettext("move it away, then start again without --resume."),
    )


def _made(recipe: Recipe, folder: Path) -> dict[str, Any]:
    place = os.fsencode(folder.resolve()).decode("utf-8", "backslashreplace")
    return {**recipe.as_dict(), "folder": place}


def _check_same(recipe: Recipe, folder: Path, csv_path: Path) -> None:
    """Refuse to continue labels of other settings."""
    record = record_of(csv_path)
    try:
        before = json.loads(record.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        before = None
    if not isinstance(before, dict):
        raise EquipoiseError(
            gettext(
                "No valid record says what made {csv_path}: {file} beside it is "
                "missing or damaged.",
                csv_path=csv_path,
                file=record.name,
            ),
            expected=gettext("both files as they were written."),
            remedy=gettext("put it back, or begin another file."),
        )
    now = _made(recipe, folder)
    changed = [key for key in now if before.get(key) != now[key]]
    if changed:
        said = [
            gettext("other models") if key == "models" else f"{key} {before.get(key)}"
            for key in changed
        ]
        wanted = [f"{key} {now[key]}" for key in changed if key != "models"]
        raise EquipoiseError(
            gettext(
                "{path} was made with {before} and not with {now}.",
                path=csv_path,
                before=", ".join(said),
                now=", ".join(wanted),
            )
            if wanted
            else gettext(
                "{path} was made with {before}.", path=csv_path, before=", ".join(said)
            ),
            expected=gettext(
                "what made its first rows: two kinds of labels do not mix."
            ),
            remedy=gettext("ask as it was asked then, or begin another file."),
        )


def leave_a_core() -> None:
    """Let TensorFlow use all cores but one, which is for reading pictures.

    It works only before TensorFlow is imported; the environment may say otherwise.
    """
    use_threads(max(1, available_cores() - 1))


def _hash_file(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
