"""The run store: finished runs, read, written and listed.

A run is a folder ``<store>/<study>/<method>/seed-<n>/``. It is written beside its
place and renamed into it when complete, so a listed run is a whole one. Nothing here
imports Keras: result pages open without that cost.
"""

import json
import os
import re
import shutil
import time
import uuid
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence, Set
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from core import remote_store
from core.data.corruptions import CORRUPTED
from core.data.generated_images import SAMPLE
from core.data.harmless_changes import CHANGES, SHIFT, shift_column
from core.data.manifest import LEFT_OUT, SPLITS, TEST, VALIDATION
from core.errors import RunError
from core.file_stamps import Stamp, stamp_of, stamp_to_read
from core.language import N_, gettext
from core.remote_store import OLD, remove_folder
from core.remote_store import replace_folder as replace_folder
from core.shipped import PRETRAINED_FOLDER, SHIPPED, WEIGHTS_FOLDER
from core.stores import RESERVED
from core.stores import STORE_VARIABLE as STORE_VARIABLE
from core.stores import user_store as user_store
from core.study import (
    MethodTable,
    Study,
    check_name,
    known_studies,
    read_study_json,
)
from core.tasks import Multiclass, Task
from core.text import listed

SCHEMA = 1
# Beside a file or folder: what is still being written, replaced or deleted.
_LEFT_OVER = re.compile(r"\.(.+?)\.[0-9a-f]{8}(\.old|\.gone)?")
# Remedies for a full disk.
_RESUME = N_("free some space or choose another --out, then use --resume.")
_AGAIN = N_("free some space, then do the same again.")
# Who has not finished after so long was killed.
_LEFT_S = 24 * 3600
# Up to this many rows, one thread reads a table.
_FEW_ROWS = 100_000
# Where in a store there may be such: beside studies, methods and runs.
_DEPTHS = (".*.*", "*/.*.*", "*/*/.*.*")
RECORD, HISTORY, PREDICTIONS, CORRUPTED_ANSWERS, MODEL = (
    "run.json",
    "history.parquet",
    "predictions.parquet",
    "corrupted.parquet",
    "model.keras",
)
STUDY_FILE, MANIFEST_FILE, REPORT_FILE = "study.json", "manifest.parquet", "data.json"
# Key of a record: whether the model's answers are averaged with those to the mirror
# image of a picture.
MIRRORED = "mirrored_answers"
# Key of a record that holds where predictions of somebody else came from.
IMPORTED = "imported"
# Key of that record: whether the method came with its study, both of one table.
IS_OWN = "is_own"
# File of an unfinished training: the "created" of the run that it ends in.
ENDS_IN = "ends_in"
REQUIRED_KEYS = frozenset({"schema", "study", "method", "seed", "resolved"})
# How a run was trained that is left out, where it is otherwise than the others.
_OTHER_SPLIT, _OTHER_NOISE = N_("on another split"), N_("under other label noise")
# Numbers of a record that pages and commands compute with; null is unknown.
NUMBERS = (
    "parameters",
    "parameters_trained",
    "epochs",
    "best_epoch",
    "duration_s",
    "images_per_second",
    "inference_ms",
)
COLUMNS = {
    HISTORY: frozenset({"epoch", "split", "name", "value"}),
    PREDICTIONS: frozenset({"image_id", "split"}),
}
_CORRUPTED_COLUMNS = frozenset({"image_id", "corruption", "severity"})


@dataclass(frozen=True)
class Run:
    """One method of a study trained with one seed.

    ``info`` is the content of ``run.json``; the tables are read when asked for. Beside
    another study, ``method`` is a unique name, and ``only`` are the test images of both
    studies, if they are not all.
    """

    study: str
    method: str
    seed: int
    folder: Path
    info: dict[str, Any]
    only: frozenset[str] | None = None

    @property
    def name(self) -> str:
        """Method and seed, such as "lmf, seed 0"."""
        return f"{self.method}, seed {self.seed}"

    @property
    def model_path(self) -> Path:
        """Where the inference model is; the file may be absent."""
        return self.folder / MODEL

    @property
    def has_mirrored_answers(self) -> bool:
        """Whether an answer is the mean of those to a picture and its mirror image."""
        return self.info.get(MIRRORED) is True

    @property
    def is_without_model(self) -> bool:
        """Whether its model was left behind when the run was shipped."""
        shipped = self.info.get(SHIPPED)
        return isinstance(shipped, dict) and shipped.get("model", "") is None

    @property
    def imported(self) -> dict[str, Any] | None:
        """The origin of imported predictions; None for a trained run."""
        found = self.info.get(IMPORTED)
        return found if isinstance(found, dict) else None

    @property
    def is_imported(self) -> bool:
        """Whether somebody else's predictions were imported: to a study, or with it."""
        return self.imported is not None

    def predictions(
        self, split: str | None = None, columns: Iterable[str] | None = None
    ) -> pd.DataFrame:
        """One row an image of validation and test, or of one split.

        Test images that do not count are left out (``only``).

        Parameters
        ----------
        split : str, optional
            Only this one; the rows are then numbered from 0.
        columns : iterable of str, optional
            Only these, in the table's order; the others are not read from the disk.

        Raises
        ------
        RunError
            If the table is damaged, or a column is not there.
        """
        path = self.folder / PREDICTIONS
        wanted = None if columns is None else {*columns, "split"}
        if wanted is not None and self.only is not None:
            wanted.add("image_id")
        table = _read_table(
            path, COLUMNS[PREDICTIONS] if wanted is None else wanted, wanted
        )
        chosen = np.ones(len(table), bool)
        if split is not None:
            chosen &= np.asarray(table["split"] == split)
        if self.only is not None:
            counts = np.asarray(table["image_id"].isin(self.only))
            chosen &= counts | np.asarray(table["split"] != TEST)
        table = _chosen_rows(table, chosen)
        if wanted is not None:
            table = table.drop(columns=[*wanted.difference(columns or ())])
        return table

    def class_order(self, task: str) -> tuple[str, ...]:
        """Classes of a task in the order of the model's outputs.

        It is the order of the table's columns, which were written from these outputs.

        Raises
        ------
        RunError
            If the table is damaged.
        """
        names = _column_names(self.folder / PREDICTIONS)
        prefix = f"{task}_p_"
        return tuple(n.removeprefix(prefix) for n in names if n.startswith(prefix))

    @property
    def has_model(self) -> bool:
        """Whether its model is here; results can be read without it."""
        return stamp_of(self.model_path) is not None

    def has_stability(self, tasks: Iterable[Task]) -> bool:
        """Whether its answers to harmlessly changed test images are kept.

        Raises
        ------
        RunError
            If the table of predictions is damaged.
        """
        names = _column_names(self.folder / PREDICTIONS)
        return all(
            shift_column(task.name, change) in names
            for task in tasks
            for change in CHANGES
        )

    @property
    def corrupted_images(self) -> int:
        """How many of its test images it answered corrupted; 0 if that was not asked.

        Raises
        ------
        RunError
            If the table of these answers is damaged.
        """
        path = self.folder / CORRUPTED_ANSWERS
        return _row_count(path) // len(CORRUPTED) if path.is_file() else 0

    def corrupted(self) -> pd.DataFrame:
        """Answers to corrupted test images: one row an image, corruption and severity.

        With the columns of its predictions: what is true of an image, and in place of
        the answers to it those to the corrupted one. Images that do not count are left
        out (``only``).

        Raises
        ------
        RunError
            If a table is damaged, or there are none of these answers.
        """
        path = self.folder / CORRUPTED_ANSWERS
        answers = _read_table(path, _CORRUPTED_COLUMNS)
        names = set(_column_names(self.folder / PREDICTIONS))
        known = self.predictions(TEST, names - set(answers) | {"image_id"})
        known = known.drop(columns=[c for c in known if SHIFT in c])
        return answers.merge(known, on="image_id", how="inner", validate="many_to_one")

    def history(self) -> pd.DataFrame:
        """Long form: epoch, split, name, value.

        Raises
        ------
        RunError
            If the table is damaged.
        """
        return _read_table(self.folder / HISTORY, COLUMNS[HISTORY])


@dataclass(frozen=True)
class RunListing:
    """The whole runs that were found, and a sentence for each broken one."""

    runs: tuple[Run, ...]
    problems: tuple[str, ...]


def shipped_store() -> Path:
    """The store that comes with the project; never written to by the app."""
    return PRETRAINED_FOLDER


def stores() -> tuple[Path, ...]:
    """The stores in the order in which they are read."""
    return (shipped_store(), user_store())


def list_studies() -> tuple[str, ...]:
    """Names of the studies that have a folder in a store, sorted."""
    names = {
        folder.name
        for store in stores()
        for folder in _folders_in(store)
        if folder.name not in RESERVED
        if folder != WEIGHTS_FOLDER
    }
    return tuple(sorted(names))


def training_keys(listed: Iterable[Run]) -> dict[tuple[str, int], str]:
    """A key of the training of each run: the same for two runs that share it.

    A run may have taken the finished weights of another, which is then named in its
    ``run.json``; a run without a key is left out.
    """
    keys = {
        (run.method, run.seed): run.info.get("trained_with_key", run.info.get("key"))
        for run in listed
    }
    return {name: key for name, key in keys.items() if key}


class ValidationTables(NamedTuple):
    """Validation predictions by method and seed, and why some could not be read."""

    tables: dict[tuple[str, int], pd.DataFrame]
    problems: tuple[str, ...]


def read_validation(
    listed: Iterable[Run], read: Callable[[Run], pd.DataFrame] | None = None
) -> ValidationTables:
    """Read the validation predictions of the runs that have some.

    Predictions of others may be of the test images alone. One damaged table leaves the
    others as they are: it is left out, and named among the problems.

    Parameters
    ----------
    listed : iterable of Run
    read : callable, optional
        Reads those of one run; by default from its files.
    """
    tables, problems = {}, []
    for run in listed:
        try:
            table = run.predictions(VALIDATION) if read is None else read(run)
        except RunError as error:
            problems.append(str(error))
        else:
            if len(table):
                tables[run.method, run.seed] = table
    return ValidationTables(tables, tuple(problems))


def first_models(listed: Iterable[Run]) -> tuple[Run, ...]:
    """For each method, the run with the lowest seed that has its model."""
    first: dict[str, Run] = {}
    for run in listed:
        known = first.get(run.method)
        if run.has_model and (known is None or run.seed < known.seed):
            first[run.method] = run
    return tuple(first.values())


def describe_models(answering: Sequence[Run], known: Iterable[Run]) -> str:
    """Say how many of its seeds each method answers with.

    Parameters
    ----------
    answering : sequence of Run
        Those whose models answer, at least one.
    known : iterable of Run
        All runs of the study.

    Returns
    -------
    str
        Such as "Each method answers with one model, that of seed 0: 1 of 5 seeds.";
        empty where no method has another seed.
    """
    models = Counter(run.method for run in answering)
    seeds = Counter(run.method for run in known if run.method in models)
    trained = gettext("{count} seeds", count=_span(seeds.values()))
    if max(seeds.values()) < 2:
        return ""
    if max(models.values()) > 1:
        return gettext(
            "Each answer is the mean over the models of a method: {models} of {seeds}.",
            models=_span(models.values()),
            seeds=trained,
        )
    first, *more = (str(seed) for seed in sorted({run.seed for run in answering}))
    for seed in more:
        first = gettext("{first} or {second}", first=first, second=seed)
    return gettext(
        "Each method answers with one model, that of seed {seed}: 1 of {seeds}.",
        seed=first,
        seeds=trained,
    )


def _span(counts: Collection[int]) -> str:
    low, high = min(counts), max(counts)
    if low == high:
        return str(low)
    return gettext("{low} to {high}", low=str(low), high=str(high))


def with_imported(study: Study, listed: Iterable[Run]) -> Study:
    """The study with a table, of their label alone, for the methods imported to it."""
    tables = {
        run.method: MethodTable(label=str(run.imported.get("label") or run.method))
        for run in listed
        if run.imported is not None
    }
    return study.model_copy(update={"methods": {**study.methods, **tables}})


def added_methods(study: Study, listed: Iterable[Run]) -> frozenset[str]:
    """Methods that were imported to a study that was there; they are not its own."""
    return frozenset(
        run.method
        for run in listed
        if run.imported is not None and run.method not in study.methods
    )


def is_added(run: Run) -> bool:
    """Whether a run was imported to a study that was there: not one of its methods.

    The runs of a study that was made of a table are imported, and are its own.

    Raises
    ------
    RunError
        If the record does not hold it, and no store holds the study.
    """
    if run.imported is None:
        return False
    if isinstance(is_own := run.imported.get(IS_OWN), bool):
        return not is_own
    # Records of earlier imports do not say.
    return run.info["method"] not in study_of_runs(run.study).methods


def partial_folder(place: Path) -> Path:
    """The folder of the unfinished training of a run that will be at ``place``."""
    return place.with_name(f".{place.name}.partial")


def list_runs(
    study: str | None = None, *, within: Sequence[Path] | None = None
) -> RunListing:
    """Find the runs of one study, or of all; a later store replaces an earlier one.

    In the stores of ``within``, if it is given.

    A broken run is named in ``problems`` and skipped, and so is one of another split
    than the first run of its study, or under other label noise than the study has:
    they cannot be compared.
    """
    found: dict[tuple[str, str, int], Run] = {}
    common: dict[str, dict[str, object]] = {}
    problems: list[str] = [*remote_store.problems()] if within is None else []
    places = stores() if within is None else within
    if study:
        check_name(study, N_("study"))
    for folder in _run_folders(study or None, places):
        try:
            run = read_run(folder)
        except RunError as error:
            # One that was deleted just now is no problem of anybody's.
            if folder.is_dir():
                problems.append(str(error))
            continue
        if run.study not in common:
            common[run.study] = _noise_of_study(run.study, places)
        known, own = common[run.study], _must_agree(run)
        if other := [what for what in own if known.get(what, own[what]) != own[what]]:
            problems.append(
                gettext(
                    "The run {folder} was trained {how} than the other runs of"
                    " '{study}'. To see it, give its study another name, or train it"
                    " into a store of its own with --out.",
                    folder=folder,
                    how=listed([gettext(what) for what in other]),
                    study=run.study,
                )
            )
        else:
            common[run.study] = {**own, **known}
            found[run.study, run.method, run.seed] = run
    return RunListing(tuple(found.values()), tuple(problems))


def _run_folders(study: str | None, places: Iterable[Path]) -> Iterator[Path]:
    """Folders of finished runs, store by store: of one study, or of all."""
    for store in places:
        studies = _folders_in(store) if study is None else [store / study]
        for folder in studies:
            if folder.name in RESERVED:
                continue
            for method in _folders_in(folder):
                for run in _folders_in(method):
                    if run.name.startswith("seed-"):
                        yield run


def _folders_in(folder: Path) -> list[Path]:
    """Folders in a folder that are not hidden, sorted; none if it is not there.

    Somebody else may delete any of them meanwhile.
    """
    try:
        with os.scandir(folder) as entries:
            names = [e.name for e in entries if e.is_dir() and e.name[0] != "."]
    except (FileNotFoundError, NotADirectoryError):
        return []
    return [folder / name for name in sorted(names)]


def _must_agree(run: Run) -> dict[str, object]:
    """The facts that all runs of a study must share, by the words of the error.

    Facts that the record does not hold are left out: the training of imported
    predictions is unknown.
    """
    split = run.info.get("split_fingerprint")
    return {
        **({_OTHER_SPLIT: split} if split else {}),
        **_noise_in(run.info["resolved"]),
    }


def _noise_of_study(name: str, places: Sequence[Path]) -> dict[str, object]:
    """The label noise that a study has now; empty if its file has none."""
    path = _find(name, STUDY_FILE, places)
    try:
        return {} if path is None else _noise_in(_read_json(path))
    except RunError:  # the code that needs the study raises the error
        return {}


def _noise_in(study: object) -> dict[str, object]:
    """The label noise of a study as JSON; empty if it is not a study."""
    if not isinstance(study, dict) or "dataset" not in study:
        return {}
    return {_OTHER_NOISE: study.get("label_noise")}


def read_run(folder: Path) -> Run:
    """Read one run folder and check that it is whole.

    Raises
    ------
    RunError
        If a file is missing or damaged, or the run is of a later schema. A missing
        ``model.keras`` is not a fault: results can be read without it.
    """
    remedy = gettext("train it again, or delete the folder.")
    stamps = {
        name: stamp_of(folder / name, anew=True)
        for name in (RECORD, HISTORY, PREDICTIONS)
    }
    for name, stamp in stamps.items():
        if stamp is None:
            raise RunError(
                gettext("The run {folder} has no {file}.", folder=folder, file=name),
                expected=name,
                remedy=remedy,
            )
    info = _read_json(folder / RECORD, stamps[RECORD])
    schema = info.get("schema")
    if isinstance(schema, int) and schema > SCHEMA:
        raise RunError(
            gettext(
                "The run {folder} is of schema {schema}.", folder=folder, schema=schema
            ),
            expected=gettext("schema {schema} or earlier.", schema=SCHEMA),
            remedy=gettext("update Equipoise."),
        )
    missing = REQUIRED_KEYS - info.keys()
    place = (folder.parent.parent.name, folder.parent.name, folder.name)
    said = (info.get("study"), info.get("method"), f"seed-{info.get('seed')}")
    if missing or place != said or not _has_types(info):
        raise RunError(
            gettext("{file} does not describe this run.", file=folder / RECORD),
            expected=gettext(
                "the keys {keys}, as the folder, and numbers where {numbers} are"
                " given.",
                keys=", ".join(sorted(REQUIRED_KEYS)),
                numbers=", ".join(NUMBERS),
            ),
            remedy=remedy,
        )
    for name, columns in COLUMNS.items():
        _check_parquet(folder / name, columns)
    return Run(info["study"], info["method"], info["seed"], folder, info)


def check_class_order(run: Run, tasks: Sequence[Task]) -> None:
    """Refuse a model that was trained with its classes in another order than now.

    Raises
    ------
    RunError
        If the table of its predictions, where it is there, says so.
    """
    if not (run.folder / PREDICTIONS).is_file():
        return
    for task in tasks:
        if not isinstance(task, Multiclass):
            continue
        order = run.class_order(task.name)
        if order != task.classes and sorted(order) == sorted(task.classes):
            raise RunError(
                gettext(
                    "{file} was trained with its classes in another order: {classes}"
                    " and so on. Its answers would be misnamed.",
                    file=run.model_path,
                    classes=", ".join(order[:4]),
                ),
                expected=gettext(
                    "{classes} and so on.", classes=", ".join(task.classes[:4])
                ),
                remedy=gettext("train it again. Its results can still be looked at."),
            )


def write_run(
    store: Path,
    *,
    info: dict[str, Any],
    history: pd.DataFrame,
    predictions: pd.DataFrame,
    save_model: Callable[[Path], None] | None = None,
    sample: Path | None = None,
) -> Run:
    """Write a run beside its place, then rename it into it.

    Then the folder of its unfinished training is removed, if there is one.

    Parameters
    ----------
    store : Path
        Root of the store.
    info : dict
        What ``run.json`` will hold; names the study, the method and the seed.
    history, predictions : DataFrame
        The two tables of the run.
    save_model : callable, optional
        Writes the inference model to the path that it is given; predictions of others
        come without one.
    sample : Path, optional
        A few images that a generator has drawn for the training, to be copied.

    Raises
    ------
    RunError
        If the disk is full or the store cannot be written; nothing is left behind.
    """
    place = _place_of(store, info)
    beside = place.with_name(f".{place.name}.{uuid.uuid4().hex[:8]}")
    unfinished = partial_folder(place)
    with _saving(place, beside, _RESUME):
        write_run_files(
            beside,
            info=info,
            history=history,
            predictions=predictions,
            save_model=save_model,
            sample=sample,
        )
        if unfinished.is_dir():
            (unfinished / ENDS_IN).write_text(str(info["created"]), encoding="utf-8")
        remote_store.send_run(beside, place)
        replace_folder(beside, place)
    run = read_run(place)
    _remove_ended(run)
    return run


def write_runs_together(
    store: Path,
    infos: Sequence[dict[str, Any]],
    history: pd.DataFrame,
    predictions: Sequence[pd.DataFrame],
) -> tuple[Run, ...]:
    """Write runs of one method, all of them or none, as ``write_run`` does.

    Parameters
    ----------
    store : Path
        Root of the store.
    infos : sequence of dict
        What each ``run.json`` will hold; they name the same study and method.
    history : DataFrame
        The table of each.
    predictions : sequence of DataFrame
        One table for each.

    Raises
    ------
    RunError
        If the disk is full or the store cannot be written; nothing is left behind.
    """
    places = [_place_of(store, info) for info in infos]
    (method,) = {place.parent for place in places}
    beside = method.with_name(f".{method.name}.{uuid.uuid4().hex[:8]}")
    with _saving(method, beside, _AGAIN):
        for place, info, table in zip(places, infos, predictions, strict=True):
            folder = beside / place.name
            write_run_files(folder, info=info, history=history, predictions=table)
        for place in places:
            remote_store.send_run(beside / place.name, place)
        if not method.exists():
            beside.rename(method)
        else:
            for place in places:
                replace_folder(beside / place.name, place)
    return tuple(map(read_run, places))


def _place_of(store: Path, info: dict[str, Any]) -> Path:
    study = check_name(info["study"], N_("study"))
    method = check_name(info["method"], N_("method"))
    return store / study / method / f"seed-{info['seed']}"


def write_run_files(
    folder: Path,
    *,
    info: dict[str, Any],
    history: pd.DataFrame,
    predictions: pd.DataFrame,
    save_model: Callable[[Path], None] | None = None,
    sample: Path | None = None,
) -> None:
    """Write the files of a run, as ``write_run``, into a folder that nobody reads yet.

    Raises
    ------
    OSError
        If one cannot be written.
    """
    folder.mkdir(parents=True)
    history.to_parquet(folder / HISTORY, index=False, compression="zstd")
    _write_table(folder / PREDICTIONS, predictions)
    if save_model is not None:
        save_model(folder / MODEL)
    if sample is not None:
        shutil.copyfile(sample, folder / SAMPLE)
    text = json.dumps({"schema": SCHEMA, **info}, indent=1)
    (folder / RECORD).write_text(text + "\n", encoding="utf-8")


@contextmanager
def _saving(place: Path, beside: Path, remedy: str) -> Iterator[None]:
    """Say why nothing is at a place, and leave nothing of what was written beside it.

    Folders that were made for it and are empty go too.
    """
    try:
        yield
    except OSError as error:
        raise _not_saved(place, error, remedy) from error
    finally:
        shutil.rmtree(beside, ignore_errors=True)
        _remove_empty(place.parent, place.parent.parent)


def _not_saved(place: Path, error: OSError, remedy: str) -> RunError:
    return RunError(
        gettext(
            "{file} could not be saved: {fault}.",
            file=place,
            fault=error.strerror or str(error),
        ),
        expected=gettext("a writable folder with room."),
        remedy=gettext(remedy),
    )


def _remove_empty(*folders: Path) -> None:
    for folder in folders:
        with suppress(OSError):
            folder.rmdir()


def write_predictions(run: Run, predictions: pd.DataFrame) -> None:
    """Replace the table of predictions of a run in one step.

    Raises
    ------
    RunError
        If it cannot be written; the run is as it was.
    """
    path = run.folder / PREDICTIONS
    _replace(path, lambda beside: _write_table(beside, predictions))


def write_corrupted(run: Run, answers: pd.DataFrame) -> None:
    """Keep the answers of a run to corrupted test images, in one step.

    Raises
    ------
    RunError
        If they cannot be written; the run is as it was.
    """

    def write(beside: Path) -> None:
        # Rounded values repeat, so a dictionary makes the file small.
        answers.to_parquet(
            beside, index=False, compression="zstd", compression_level=19
        )

    _replace(run.folder / CORRUPTED_ANSWERS, write)


def _write_table(path: Path, predictions: pd.DataFrame) -> None:
    # Columns whose values rarely repeat are read faster without a dictionary.
    repeating = _repeating(predictions)
    predictions.to_parquet(
        path, index=False, compression="zstd", use_dictionary=repeating
    )


def _repeating(table: pd.DataFrame) -> list[str]:
    """Columns of few values: splits, features, classes."""
    own = table.select_dtypes(exclude="number").columns
    return [name for name in own if name != "image_id"]


def tidy_run(place: Path) -> None:
    """Remove unfinished files that a killed process left beside a run.

    If it was killed while it replaced a run, the earlier run is put back. If it had
    finished the run, its unfinished training is removed. Call it only if no other
    process writes this run.
    """
    for left in place.parent.glob(f".{place.name}.*"):
        if left.name.endswith(OLD) and not place.exists():
            left.rename(place)
        elif _LEFT_OVER.fullmatch(left.name):
            shutil.rmtree(left, ignore_errors=True)
    # The training of a run that cannot be read is not finished.
    with suppress(RunError):
        _remove_ended(read_run(place))


def _remove_ended(run: Run) -> None:
    """Remove the unfinished training beside a run, if it ended in that run.

    Another one may have begun to replace the run, and is kept.
    """
    unfinished = partial_folder(run.folder)
    with suppress(OSError):
        if (unfinished / ENDS_IN).read_text("utf-8") != run.info.get("created"):
            return
        try:
            remove_folder(unfinished)
        except OSError:  # on Windows, while somebody reads a file in it
            shutil.rmtree(unfinished, ignore_errors=True)


def tidy_store(store: Path) -> None:
    """Put right what killed processes have left in a store.

    A folder that was being replaced is put back. What was being written or deleted is
    removed when it is a day old.
    """
    for left in (path for depth in _DEPTHS for path in store.glob(depth)):
        if (known := _LEFT_OVER.fullmatch(left.name)) is None:
            continue
        place = left.with_name(known[1])
        with suppress(OSError):
            if known[2] == OLD and not place.exists():
                left.rename(place)
            elif time.time() - left.stat().st_mtime < _LEFT_S:
                continue
            elif left.is_dir():
                shutil.rmtree(left)
            else:
                left.unlink()


def remove_run(run: Run) -> None:
    """Delete a run's folder; and the folders above it that are empty then.

    Raises
    ------
    RunError
        If it cannot be deleted.
    """
    remote_store.remove(run.folder)
    try:
        remove_folder(run.folder)
    except OSError as error:
        raise RunError(
            gettext(
                "{folder} could not be removed: {fault}.",
                folder=run.folder,
                fault=error.strerror or str(error),
            ),
            expected=gettext("a folder that may be written to."),
            remedy=gettext("delete it by hand."),
        ) from error
    _remove_empty(run.folder.parent, run.folder.parent.parent)


def write_study_files(
    store: Path, study: Study, manifest: pd.DataFrame, report: dict[str, Any]
) -> None:
    """Write what all runs of a study share: its file, its split, its data report.

    Paths of images are left out of the manifest: they belong to one machine.
    """
    folder = store / check_name(study.name, N_("study"))
    table = manifest.drop(columns="path", errors="ignore")
    _replace(folder / MANIFEST_FILE, lambda p: table.to_parquet(p, index=False))
    write_study(store, study)
    text = json.dumps(report, indent=1) + "\n"
    _replace(folder / REPORT_FILE, lambda p: p.write_text(text))


def write_study(store: Path, study: Study) -> None:
    """Write only the file of a study, as its newest runs used it."""
    text = study.model_dump_json(indent=1) + "\n"
    path = store / check_name(study.name, N_("study")) / STUDY_FILE
    _replace(path, lambda p: p.write_text(text, encoding="utf-8"))


def study_of_runs(name: str, *, within: Sequence[Path] | None = None) -> Study:
    """The study as its runs were trained with.

    In the stores of ``within``, if it is given.

    Raises
    ------
    RunError
        If no store holds it.
    """
    path = _find(name, STUDY_FILE, within)
    if path is None:
        raise RunError(
            gettext("No store holds runs of a study '{study}'.", study=name),
            expected=gettext(
                "one of {names}.",
                names=", ".join(list_studies()) or gettext("none yet"),
            ),
            remedy=gettext("train it: equipoise train {study}.", study=name)
            if name in known_studies()
            else gettext("`equipoise studies` lists them all."),
        )
    try:
        return read_study_json(path.read_text(encoding="utf-8"))
    except (ValueError, OSError) as error:
        raise RunError(
            gettext("{file} is damaged: {why}.", file=path, why=type(error).__name__),
            expected=gettext("the study as JSON."),
            remedy=gettext("delete it, then train the study again."),
        ) from error


def shipped_manifest(
    name: str,
    columns: Set[str] | None = None,
    *,
    within: Sequence[Path] | None = None,
) -> pd.DataFrame | None:
    """The manifest, without paths, that the study's runs were trained on, if kept.

    With all columns, or only some; from the stores of ``within``, if it is given.
    """
    path = _find(name, MANIFEST_FILE, within)
    return None if path is None else _read_table(path, COLUMNS[PREDICTIONS], columns)


def manifest_of(run: Run) -> pd.DataFrame | None:
    """The manifest, without paths, that a run was trained on, if it lies beside it."""
    path = run.folder.parent.parent / MANIFEST_FILE
    return _read_table(path, COLUMNS[PREDICTIONS]) if path.is_file() else None


def split_source(study: Study) -> str | None:
    """The study whose split a study uses: its own runs', if they are of its dataset.

    Before it has runs, a tuned study takes the split of the study that was searched:
    images that chose its settings must not be test images. None where a split is drawn.
    """
    for name in filter(None, (study.name, study.search.of)):
        manifest = shipped_manifest(name)
        if manifest is None:
            continue
        known = study_of_runs(name).dataset
        if known.without_place == study.dataset.without_place:
            return name
    return None


def data_report(name: str) -> dict[str, Any] | None:
    """How the study's split came about, if kept."""
    path = _find(name, REPORT_FILE)
    return None if path is None else _read_json(path)


def _find(name: str, file: str, within: Sequence[Path] | None = None) -> Path | None:
    check_name(name, N_("study"))
    within = stores() if within is None else within
    places = (store / name / file for store in within)
    return next((place for place in places if place.is_file()), None)


def _read_json(path: Path, stamp: Stamp | None = None) -> dict[str, Any]:
    """Read a JSON file; its stamp is looked up where none is given."""
    try:
        content = _parsed(stamp or stamp_to_read(path))
    except (OSError, ValueError) as error:
        raise RunError(
            gettext("{file} is damaged: {why}.", file=path, why=str(error)),
            expected=gettext("a JSON object."),
            remedy=gettext("train it again, or delete the folder."),
        ) from error
    if not isinstance(content, dict):
        raise RunError(gettext("{file} is damaged: not a JSON object.", file=path))
    return dict(content)


@lru_cache(maxsize=1024)
def _parsed(stamp: Stamp) -> object:
    """What a JSON file holds, read again when it has changed; not to be changed."""
    return json.loads(Path(stamp[0]).read_text(encoding="utf-8"))


def _has_types(info: dict[str, Any]) -> bool:
    whole = all(type(info[name]) is int for name in ("schema", "seed"))
    numbers = (info[name] for name in NUMBERS if name in info)
    return whole and all(isinstance(value, int | float | None) for value in numbers)


def _check_parquet(path: Path, columns: Set[str]) -> None:
    """Check a table that is not read: cheap, and a truncated file fails."""
    _check_columns(path, set(_column_names(path)), columns)


def _column_names(path: Path) -> list[str]:
    """Names of a table's columns, from its footer."""
    import pyarrow as pa

    try:
        return list(_footer_names(stamp_of(path) or stamp_to_read(path)))
    except (OSError, pa.ArrowException) as error:
        raise _damaged_table(path, error) from error


def _row_count(path: Path) -> int:
    """Rows of a table, from its footer."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        return int(pq.read_metadata(path).num_rows)
    except (OSError, pa.ArrowException) as error:
        raise _damaged_table(path, error) from error


# Pages list the runs at every click.
@lru_cache(maxsize=4096)
def _footer_names(stamp: Stamp) -> tuple[str, ...]:
    """As ``_column_names``, read again when the file has changed."""
    import pyarrow.parquet as pq

    return tuple(pq.read_schema(stamp[0]).names)


def _check_columns(path: Path, found: Set[str], needed: Set[str]) -> None:
    missing = needed - found
    if missing:
        columns = ", ".join(sorted(missing))
        raise _damaged_table(path, gettext("no column {columns}", columns=columns))


def _chosen_rows(table: pd.DataFrame, chosen: NDArray[np.bool_]) -> pd.DataFrame:
    """Some rows, numbered from 0, with no class or group of others left."""
    if chosen.all():
        return table
    table = table[chosen].reset_index(drop=True)
    categorical = table.select_dtypes("category")
    return table.assign(
        **{
            name: column.cat.remove_unused_categories()
            for name, column in categorical.items()
        }
    )


def _read_table(
    path: Path, columns: Set[str], only: Set[str] | None = None
) -> pd.DataFrame:
    """Read all columns of a table, or ``only`` some; it must have ``columns``."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        # Opened once: pandas' own reader opens a file three times, and first imports
        # pyarrow.dataset.
        with pq.ParquetFile(path) as file:
            names = file.schema_arrow.names
            _check_columns(path, set(names), columns)
            if len(set(names)) < len(names):
                raise ValueError(gettext("two columns have the same name"))
            kept = None if only is None else [name for name in names if name in only]
            # With few rows, threads cost more than they save.
            threads = file.metadata.num_rows > _FEW_ROWS
            table = file.read(kept, use_threads=threads).to_pandas(use_threads=threads)
    except (OSError, ValueError, pa.ArrowException) as error:
        raise _damaged_table(path, error) from error
    if "split" in table and not table["split"].isin([*SPLITS, LEFT_OUT]).all():
        known = ", ".join(SPLITS)
        why = gettext("a split other than {splits}", splits=known)
        raise _damaged_table(path, why)
    return table


def _damaged_table(path: Path, why: object) -> RunError:
    if not path.parent.is_dir():
        return RunError(
            gettext("{folder} was deleted or moved meanwhile.", folder=path.parent),
            expected=gettext("the folder, for as long as it is read."),
            remedy=gettext(
                "reload the page, or run the command again: it goes on without it."
            ),
        )
    return RunError(
        gettext("{file} is damaged: {why}.", file=path, why=str(why)),
        expected=gettext("the Parquet table that training wrote."),
        remedy=gettext("train the run again, or delete its folder."),
    )


def _replace(path: Path, write: Callable[[Path], object]) -> None:
    beside = path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write(beside)
        remote_store.send_file(beside, path)
        beside.replace(path)
    except OSError as error:
        raise _not_saved(path, error, _AGAIN) from error
    finally:
        if beside.exists():
            beside.unlink()
