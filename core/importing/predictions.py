"""Predictions for a study that is there: its own test set holds the truth."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from core.data.catalog import dataset_of
from core.data.manifest import (
    SPLITS,
    TEST,
    TRAINING,
    VALIDATION,
    DatasetInfo,
    split_fingerprint,
)
from core.errors import RunError
from core.importing.checking import (
    Images,
    Located,
    Rows,
    RunKey,
    Values,
    build_tables,
    locate,
    match_classes,
    read_values,
)
from core.importing.columns import (
    ID_ALIASES,
    SEED,
    TaskColumns,
    find_column,
    ignored_note,
    match_tasks,
    plain,
    set_aside_fault,
)
from core.importing.file_findings import (
    FAULT,
    NOTE,
    WARNING,
    Collected,
    Finding,
    Place,
)
from core.importing.naming import (
    as_folder,
    check_safe,
    is_same_label,
    told_apart,
)
from core.importing.reading import RawColumn, RawTable, places_of
from core.language import N_, gettext, ngettext
from core.runs import (
    IMPORTED,
    IS_OWN,
    PREDICTIONS,
    Run,
    list_runs,
    remove_run,
    shipped_manifest,
    study_of_runs,
    user_store,
    write_runs_together,
)
from core.study import Study
from core.tasks import Regression

METHOD_ALIASES = ("method", "model", "classifier", "algorithm")
MAX_SEED = 2**32
NO_HISTORY = pd.DataFrame(columns=["epoch", "split", "name", "value"])
"""Of a run whose training is not known."""
SAME = 1e-6
"""Share by which two numbers may differ and be the same truth, as files round."""


@dataclass(frozen=True)
class TestSet:
    """A study as predictions are checked against it.

    Parameters
    ----------
    study : Study
    info : DatasetInfo
    images : Images
    split : str
        Fingerprint that all its runs have.
    runs : tuple of Run
        Those that are there.
    """

    study: Study
    info: DatasetInfo
    images: Images
    split: str
    runs: tuple[Run, ...]


@dataclass(frozen=True)
class Prepared:
    """Runs of a file that has no fault, not written yet.

    Parameters
    ----------
    study, method, label : str
    tables : dict of (method, seed) to DataFrame
    record : dict
        What ``run.json`` says of where they came from.
    split : str
        Fingerprint of the study's split.
    findings : tuple of Finding
        Warnings and notes.
    """

    study: str
    method: str
    label: str
    tables: dict[RunKey, pd.DataFrame]
    record: dict[str, Any]
    split: str
    findings: tuple[Finding, ...]


def load_test_set(name: str) -> TestSet:
    """The test images of a study, with what is true of them.

    They are those of a run of the baseline, or else of any run, or else of the
    manifest that the study's runs were trained on.

    Raises
    ------
    RunError
        If no store holds the study, or neither runs nor manifest.
    """
    study = study_of_runs(name)
    runs = list_runs(name).runs
    info = dataset_of(study, shipped_manifest, needed=bool(runs))
    manifest = shipped_manifest(name) if study.is_trained or not runs else None
    if runs:
        first = next((run for run in runs if run.method == study.baseline), runs[0])
        table = _truth_of(first, info)
    elif manifest is not None:
        table = _as_predictions(manifest, info)
    else:
        raise RunError(
            gettext(
                "The test images of the study '{name}' are not known.",
                name=name,
            ),
            expected=gettext("a run of the study, or its manifest.parquet."),
            remedy=gettext("train a method: equipoise train {name}.", name=name),
        )
    table = table[[name for name in _known_columns(info) if name in table]]
    trained: frozenset[str] = frozenset()
    if manifest is not None:
        trained = frozenset(manifest.loc[manifest["split"] == TRAINING, "image_id"])
    known = (run.info.get("split_fingerprint") for run in runs)
    split = next(filter(None, known), None)
    if split is None and manifest is not None:
        split = split_fingerprint(manifest)
    return TestSet(study, info, Images(table, info.tasks, trained), split or "", runs)


def _known_columns(info: DatasetInfo) -> list[str]:
    """Columns of facts about an image, the same for every method."""
    truth = [f"{task.name}_true" for task in info.tasks]
    return ["image_id", "split", *info.sensitive_features, *truth]


def _truth_of(run: Run, info: DatasetInfo) -> pd.DataFrame:
    """The images of a run, their truth and features; predictions are not read."""
    known = _known_columns(info)
    try:
        there = pq.read_schema(run.folder / PREDICTIONS).names
    except (OSError, pa.ArrowException):
        # Reading the table says what is wrong with it.
        there = known
    # Not every run has every feature, and truth that is missing is a fault.
    absent = set(info.sensitive_features) - set(there)
    return run.predictions(columns=[name for name in known if name not in absent])


def _as_predictions(manifest: pd.DataFrame, info: DatasetInfo) -> pd.DataFrame:
    seen = manifest[manifest["split"].isin([VALIDATION, TEST])]
    seen = seen.sort_values("split", key=lambda s: s.map(SPLITS.index), kind="stable")
    truth = {f"{task.name}_true": seen[task.name] for task in info.tasks}
    return seen.assign(**truth).reset_index(drop=True)


def template(test_set: TestSet) -> pd.DataFrame:
    """An empty form: every test image, and the columns that may be filled in."""
    table = test_set.images.test_table[["image_id"]].copy()
    for task in test_set.info.tasks:
        table[f"{task.name}_pred"] = ""
        if not isinstance(task, Regression):
            for label in task.classes:
                table[f"{task.name}_p_{label}"] = ""
    return table


def prepare(
    raw: RawTable,
    test_set: TestSet,
    *,
    name: str,
    seed: int | None = None,
    replacing: bool = False,
) -> Prepared:
    """Check a file against a study, and report all faults at once.

    Parameters
    ----------
    raw : RawTable
    test_set : TestSet
    name : str
        What the method is to be called.
    seed : int, optional
        Of a file without a column of seeds; 0 if neither says.
    replacing : bool
        Whether runs of an earlier import may be replaced.

    Raises
    ------
    PredictionsError
        If anything is at fault.
    """
    info, images = test_set.info, test_set.images
    found = Collected(raw.name)
    method = found.take(_method_name(name, test_set))
    found.add(check_safe(N_("the name of a method"), name.strip()), raw.notes)
    read = _find_columns(raw, info, found)
    if not read.ids:
        found.add([_no_ids(images)])
        found.stop_at_faults()
    ids = raw.column(read.ids)
    run_of, seeds = found.take(read_seeds(raw, ids, read.seed, seed))
    rows = Rows(raw, ids, tuple((method, each) for each in seeds), run_of)
    located = locate(rows, images)
    values = [read_values(raw, ids, columns) for columns in read.tasks]
    found.add(located.findings, *(one.findings for one in values))
    found.add(_taken(test_set, rows.runs, replacing))
    found.add(check_truth(raw, ids, images, located, read.truth))
    found.stop_at_faults()
    found.add(_too_good(values, images, located))
    return Prepared(
        study=test_set.study.name,
        method=method,
        label=name.strip(),
        tables=build_tables(rows, located, images, values),
        record=record_of(
            raw, name.strip(), read.tasks, is_own=method in test_set.study.methods
        ),
        split=test_set.split,
        findings=tuple(found.findings),
    )


@dataclass(frozen=True)
class _Columns:
    """Columns of a file for a study; ``ids`` and ``seed`` are empty where none is."""

    ids: str
    seed: str
    truth: tuple[str, ...]
    tasks: tuple[TaskColumns, ...]


def _find_columns(raw: RawTable, info: DatasetInfo, found: Collected) -> _Columns:
    """The role of each column, and the findings about the others."""
    ids = found.take(find_column(raw.names, ID_ALIASES, gettext("the image's id")))
    seed = found.take(find_column(raw.names, (SEED,), gettext("the seed")))
    # The truth comes from the study; a feature may have a task's name.
    truth = tuple(c for c in raw.names if plain(c) in _truth_names(info))
    reserved = {ids, seed, *truth}
    matched = match_tasks([n for n in raw.filled if n not in reserved], info.tasks)
    found.add(matched.findings, _several_methods(raw))
    found.add(ignored_note(raw.names, reserved | matched.used, raw.filled))
    missing = [one.task.name for one in matched.columns if not one.used]
    found.add(set_aside_fault(raw.set_aside, missing, () if ids else ID_ALIASES))
    return _Columns(ids, seed, truth, matched.columns)


def record_of(
    raw: RawTable, label: str, found: Sequence[TaskColumns], *, is_own: bool
) -> dict[str, Any]:
    """The entry of ``run.json`` about the file of the predictions.

    ``is_own`` is whether the method is one of the study's own: that of a table.
    """
    return {
        IS_OWN: is_own,
        "label": label,
        "file": raw.name,
        "sha256": raw.sha256,
        "rows": raw.rows,
        "columns": {columns.task.name: list(columns.used) for columns in found},
    }


def write(prepared: Prepared, store: Path | None = None) -> tuple[Run, ...]:
    """Write the runs to the user's store, or to another: all of them, or none.

    Raises
    ------
    RunError
        If it cannot be written.
    """
    infos = [
        imported_info(prepared.study, run, record=prepared.record, split=prepared.split)
        for run in prepared.tables
    ]
    return write_runs_together(
        store or user_store(), infos, NO_HISTORY, [*prepared.tables.values()]
    )


def imported_info(
    study: str, run: RunKey, *, record: dict[str, Any], split: str
) -> dict[str, Any]:
    """What ``run.json`` holds of predictions that were made elsewhere.

    It says nothing of a model or a training: nothing is known of them.
    """
    return {
        "study": study,
        "method": run[0],
        "seed": run[1],
        "split_fingerprint": split,
        "resolved": {},
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        IMPORTED: record,
    }


def imported_runs(study: str | None = None) -> tuple[Run, ...]:
    """Runs in the user's store that were imported: of one study, or of all."""
    here = user_store().resolve()
    return tuple(
        run
        for run in list_runs(study).runs
        if run.imported and here in run.folder.resolve().parents
    )


def remove(study: str, name: str, *, seed: int | None = None) -> tuple[Run, ...]:
    """Remove an imported method, or its run with one seed; say what was removed.

    Parameters
    ----------
    study : str
    name : str
        As it was called, or the name of its folder.
    seed : int, optional

    Raises
    ------
    RunError
        If there is no such imported run.
    """
    there = imported_runs(study)
    called = [run for run in there if name.strip() == run.method]
    called = called or [
        run for run in there if is_same_label(name, imported_label(run))
    ]
    chosen = [run for run in called if seed in (None, run.seed)]
    if not chosen:
        names = sorted({imported_label(run) for run in there})
        raise RunError(
            gettext(
                "The study '{study}' has no imported method '{name}'.",
                study=study,
                name=name,
            )
            if seed is None
            else gettext(
                "The study '{study}' has no imported method '{name}' with seed {seed}.",
                study=study,
                name=name,
                seed=str(seed),
            ),
            expected=gettext(
                "one of {names}.",
                names=", ".join(names) or gettext("(none is imported)"),
            ),
            remedy=gettext("only imported methods can be removed here."),
        )
    for run in chosen:
        remove_run(run)
    return tuple(chosen)


def read_seeds(
    raw: RawTable, ids: RawColumn, column: str, seed: int | None
) -> tuple[tuple[np.ndarray, list[int]], list[Finding]]:
    """Place of each row's seed among the seeds, these ascending, and what is wrong."""
    if not column:
        return (np.zeros(raw.rows, np.intp), [seed or 0]), []
    values = raw.column(column)
    numbers = values.numbers
    whole = np.isfinite(numbers) & (numbers >= 0) & (numbers < MAX_SEED)
    whole &= np.where(whole, numbers, 0) % 1 == 0
    bad = np.flatnonzero(~whole)
    if len(bad):
        fault = Finding(
            FAULT,
            ngettext(
                "{count} rows of '{column}' hold no seed.",
                "{count} rows of '{column}' hold no seed.",
                len(bad),
                column=column,
            ),
            expected=gettext("a whole number from 0, below 2**32."),
            remedy=gettext(
                "correct these rows, or leave the column out and give one seed."
            ),
            count=len(bad),
            places=places_of(bad, ids, values),
        )
        return (np.full(raw.rows, -1, np.intp), []), [fault]
    seeds, places = np.unique(numbers.astype(np.int64), return_inverse=True)
    said = [int(value) for value in seeds]
    if seed is not None and said != [seed]:
        fault = Finding(
            FAULT,
            gettext(
                "The seed given is {seed}, and the column '{column}' holds {seeds}.",
                seed=str(seed),
                column=column,
                seeds=", ".join(map(str, said[:5])),
            ),
            expected=gettext("the seed in one of the two."),
            remedy=gettext("leave out the option, or the column."),
        )
        return (places, said), [fault]
    return (places, said), []


def check_truth(
    raw: RawTable,
    ids: RawColumn,
    images: Images,
    located: Located,
    columns: Sequence[str],
) -> list[Finding]:
    """Warn where a file's own truth is another than the study's."""
    findings = []
    by_name = {f"{task.name}_true": task for task in images.tasks}
    for name in columns:
        task = by_name[next(n for n in by_name if plain(n) == plain(name))]
        column = raw.column(name)
        known = located.places >= 0
        truth = images.truth(task)[np.where(known, located.places, 0)]
        if isinstance(task, Regression):
            differs = known & ~np.isclose(column.numbers, truth, SAME)
        else:
            codes, found = column.coded
            own = match_classes(found, task.classes)[0][codes]
            differs = known & (own != truth)
        rows = np.flatnonzero(differs)
        if len(rows):
            findings.append(
                Finding(
                    WARNING,
                    ngettext(
                        "'{name}' is another truth than the study's in {count} rows. "
                        "The study's is taken.",
                        "'{name}' is another truth than the study's in {count} rows. "
                        "The study's is taken.",
                        len(rows),
                        name=name,
                    ),
                    expected=gettext("the same truth."),
                    remedy=gettext("check that the ids are of these images."),
                    count=len(rows),
                    places=places_of(rows, ids, column),
                )
            )
    return findings


def _truth_names(info: DatasetInfo) -> set[str]:
    return {plain(f"{task.name}_true") for task in info.tasks}


def _method_name(name: str, test_set: TestSet) -> tuple[str, list[Finding]]:
    """Name of the folder; a fault where it is that of a method of the study's own.

    Another label that makes the same name gets one of its own.
    """
    label = name.strip()
    imported = {
        run.method: imported_label(run) for run in test_set.runs if run.imported
    }
    again = [made for made, own in imported.items() if is_same_label(own, label)]
    method, found = (again[0], []) if again else as_folder(label, what="method")
    if found:
        return method, found
    own = {run.method: run.method for run in test_set.runs if not run.imported}
    if test_set.study.is_trained:
        own |= {key: table.label for key, table in test_set.study.methods.items()}
    taken = [
        key
        for key, theirs in own.items()
        if is_same_label(label, key) or is_same_label(label, theirs)
    ]
    if taken:
        fault = Finding(
            FAULT,
            gettext(
                "'{label}' is a method of the study '{name}' already.",
                label=label,
                name=test_set.study.name,
            ),
            expected=gettext("another name."),
            remedy=gettext("choose one with --name, such as 'my-resnet'."),
        )
        return method, [fault]
    if not again and method in {*own, *imported}:
        method = told_apart(method, label)
    said = gettext(
        "In files and addresses the method is called '{method}'.",
        method=method,
    )
    return method, [Finding(NOTE, said)] if method != label else []


def imported_label(run: Run) -> str:
    """The name that a person gave an imported method."""
    return str((run.imported or {}).get("label") or run.method)


def _taken(test_set: TestSet, runs: Sequence[RunKey], replacing: bool) -> list[Finding]:
    there = {(run.method, run.seed) for run in test_set.runs if run.imported}
    clash = [run for run in runs if run in there]
    if replacing or not clash:
        return []
    seeds = ", ".join(str(seed) for _, seed in clash)
    return [
        Finding(
            FAULT,
            gettext(
                "'{method}' was imported before, with seed {seeds}.",
                method=clash[0][0],
                seeds=seeds,
            ),
            expected=gettext("a new name, or another seed."),
            remedy=gettext(
                "replace it (--replace, on the page a switch), or choose another name."
            ),
        )
    ]


def _several_methods(raw: RawTable) -> list[Finding]:
    """Refuse a file of several methods, whose rows would look like duplicates."""
    name, _ = find_column(raw.names, METHOD_ALIASES, gettext("the method"))
    if not name:
        return []
    codes, found = raw.column(name).coded
    methods = [found[code] for code in np.unique(codes)]
    if len(methods) < 2:
        return []
    return [
        Finding(
            FAULT,
            gettext(
                "The column '{name}' holds {n} methods: {methods}.",
                name=name,
                n=str(len(methods)),
                methods=", ".join(methods[:5]),
            ),
            expected=gettext("one method in a file."),
            remedy=gettext(
                "import each from a file of its own; a table that holds the truth "
                "as well can become a study of its own with --new-study."
            ),
            places=(Place(None, column=name, value=", ".join(methods[:5])),),
        )
    ]


def _no_ids(images: Images) -> Finding:
    return Finding(
        FAULT,
        gettext("There is no column 'image_id'."),
        expected=gettext(
            "a column 'image_id' with ids such as '{example}'.",
            example=images.example(),
        ),
        remedy=gettext("add it; the template has every id of the test set."),
    )


def _too_good(
    values: Sequence[Values], images: Images, located: Located
) -> list[Finding]:
    """Warn of predictions that are the truth itself."""
    findings = []
    for one in values:
        truth = images.truth(one.task)[located.places]
        if np.array_equal(one.labels, truth.astype(one.labels.dtype)):
            findings.append(
                Finding(
                    WARNING,
                    gettext(
                        "Every prediction of {label} is the truth.",
                        label=gettext(one.task.label).lower(),
                    ),
                    expected=gettext("a model's answers, some of them wrong."),
                    remedy=gettext(
                        "check that the column holds predictions and not the truth."
                    ),
                )
            )
    return findings
