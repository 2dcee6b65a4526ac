"""A study made of a table alone: truth, groups and several models' predictions."""

import shutil
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from core import remote_store
from core.data.cache import Progress
from core.data.manifest import (
    SPLITS,
    TEST,
    VALIDATION,
    summarise_split,
)
from core.data.readers.predictions_table import NAME, TableOptions
from core.errors import EquipoiseError, RunError
from core.importing.checking import (
    Images,
    Rows,
    RunKey,
    build_tables,
    check_numbers,
    locate,
    read_labels,
    read_values,
    unsafe_cells,
)
from core.importing.features import group_names
from core.importing.file_findings import (
    FAULT,
    NOTE,
    Collected,
    Finding,
    PredictionsError,
    faults_in,
)
from core.importing.layout import Layout, find_layout, method_names
from core.importing.naming import (
    as_folder,
    check_safe,
    is_same_label,
)
from core.importing.predictions import (
    NO_HISTORY,
    imported_info,
    read_seeds,
    record_of,
)
from core.importing.reading import RawColumn, RawTable, places_of
from core.importing.task_kind import LayoutChoices
from core.language import N_, gettext, ngettext
from core.runs import (
    Run,
    list_runs,
    list_studies,
    replace_folder,
    study_of_runs,
    user_store,
    write_run_files,
    write_study_files,
)
from core.stores import RESERVED
from core.study import (
    NO_BACKBONE,
    DatasetTable,
    MethodTable,
    ModelTable,
    Study,
    TrainingTable,
    known_studies,
)
from core.tasks import Regression

MARGIN = 1.0
"""How far beyond the truth's range answers of a regression are taken without a word."""
SPLIT_WORDS = {
    "test": TEST,
    "testing": TEST,
    "validation": VALIDATION,
    "val": VALIDATION,
    "valid": VALIDATION,
}


@dataclass(frozen=True)
class PreparedStudy:
    """A study of a table that has no fault, not written yet.

    Parameters
    ----------
    study : Study
    layout : Layout
    manifest : DataFrame
        ``image_id``, ``split``, features and truth.
    tables : dict of (method, seed) to DataFrame
    records : dict of str to dict
        What ``run.json`` says of where each method came from.
    findings : tuple of Finding
        Warnings and notes.
    """

    study: Study
    layout: Layout
    manifest: pd.DataFrame
    tables: dict[RunKey, pd.DataFrame]
    records: dict[str, dict[str, object]]
    findings: tuple[Finding, ...]


def prepare_study(
    raw: RawTable,
    *,
    name: str,
    choices: LayoutChoices | None = None,
    title: str = "",
    baseline: str = "",
    seed: int | None = None,
    replacing: bool = False,
    progress: Progress = lambda what, done, total: None,
) -> PreparedStudy:
    """Check a table of truth and predictions, and report all faults at once.

    Parameters
    ----------
    raw : RawTable
    name : str
        What the study is to be called.
    choices : LayoutChoices, optional
        What its columns are, as far as a person says.
    title : str
        What a reader sees; the name otherwise.
    baseline : str
        Method that the others are compared with; the first otherwise.
    seed : int, optional
        Of a table without a column of seeds.
    replacing : bool
        Whether a study of an earlier table may be replaced.
    progress : callable
        Told what is done, how much of it, and of how much.

    Raises
    ------
    PredictionsError
        If anything is at fault.
    """
    choices = choices or LayoutChoices()
    found = Collected(raw.name)
    study_name = found.take(_study_name(name, replacing))
    found.add(_unsafe_words(choices, name, title), raw.notes)
    layout, of_layout = find_layout(raw, choices, progress)
    found.add(of_layout)
    if layout is None or faults_in(of_layout):
        raise PredictionsError(raw.name, found.findings)
    ids = _ids(raw, layout)
    images, groups = _take_images(raw, ids, layout, found)
    run_of, seeds = found.take(read_seeds(raw, ids, layout.seed, seed))
    methods, labels = found.take(_methods(raw, layout))
    chosen = found.take(_baseline(baseline, labels))
    found.stop_at_faults()
    rows = _rows(raw, ids, methods, labels, run_of, seeds)
    tables = _tables(rows, images, layout, labels, found)
    study = _study(
        raw, study_name, title or name, layout, groups, labels, chosen, seeds
    )
    own = {lab: layout.models["" if layout.is_long else lab] for lab in labels.values()}
    records = {
        method: record_of(raw, label, (own[label],), is_own=True)
        for method, label in labels.items()
    }
    manifest = images.table.rename(
        columns={f"{layout.task.name}_true": layout.task.name}
    )
    return PreparedStudy(
        study, layout, manifest, tables, records, tuple(found.findings)
    )


def _unsafe_words(choices: LayoutChoices, name: str, title: str) -> list[Finding]:
    """Faults of what a person wrote, that others would see as more than text."""
    return [
        *check_safe(N_("the title of a study"), name.strip(), title.strip()),
        *check_safe(N_("a class"), *choices.classes),
        *check_safe(N_("a unit"), choices.unit),
    ]


def _take_images(
    raw: RawTable, ids: RawColumn, layout: Layout, found: Collected
) -> tuple[Images, dict[str, list[str]]]:
    """The images of a table without a fault in them, and the groups of each feature."""
    found.add(_unsafe_names(raw, ids, layout))
    truth = found.take(_truth(raw, ids, layout))
    first = found.take(_first_rows(raw, ids, layout))
    found.stop_at_faults()
    table, groups = _images(raw, ids, layout, truth, first)
    return Images(table, (layout.task,)), groups


def _tables(
    rows: Rows,
    images: Images,
    layout: Layout,
    labels: dict[str, str],
    found: Collected,
) -> dict[RunKey, pd.DataFrame]:
    """The predictions of each run, of rows without a fault."""
    located = locate(rows, images)
    values = {
        label: read_values(rows.raw, rows.ids, columns, margin=MARGIN)
        for label, columns in layout.models.items()
    }
    found.add(located.findings, *(one.findings for one in values.values()))
    found.stop_at_faults()
    tables: dict[RunKey, pd.DataFrame] = {}
    for label, one in values.items():
        own = rows if layout.is_long else _of_model(rows, labels, label)
        tables |= build_tables(own, located, images, [one])
    return tables


def write_study(prepared: PreparedStudy, store: Path | None = None) -> tuple[Run, ...]:
    """Write the study with all its runs to the user's store, or to another.

    It is written beside its place and renamed into it, whole or not at all.

    Raises
    ------
    RunError
        If it cannot be written.
    """
    place = store or user_store()
    beside = place / f".import.{uuid.uuid4().hex[:8]}"
    study = prepared.study
    report = summarise_split(prepared.manifest)
    split = str(report["split_fingerprint"])
    try:
        for (method, seed), table in prepared.tables.items():
            folder = beside / study.name / method / f"seed-{seed}"
            record = prepared.records[method]
            info = imported_info(study.name, (method, seed), record=record, split=split)
            write_run_files(folder, info=info, history=NO_HISTORY, predictions=table)
        write_study_files(beside, study, prepared.manifest, report)
        remote_store.send_study(beside / study.name, place / study.name)
        replace_folder(beside / study.name, place / study.name)
    except OSError as error:
        raise RunError(
            gettext(
                "{folder} could not be written: {why}.",
                folder=place / study.name,
                why=error.strerror or error,
            ),
            expected=gettext("a writable folder with room for the study."),
            remedy=gettext("free some space, or choose another store."),
        ) from error
    finally:
        shutil.rmtree(beside, ignore_errors=True)
    return list_runs(study.name).runs


def with_baseline(prepared: PreparedStudy, method: str) -> PreparedStudy:
    """The same with another of its methods as the baseline."""
    study = prepared.study.model_copy(update={"baseline": method})
    return replace(prepared, study=study)


def remove_study(name: str) -> None:
    """Remove a study that was made of a table, with all its runs.

    Raises
    ------
    RunError
        If it is not such a study, or cannot be deleted.
    """
    if not is_table_study(name):
        raise RunError(
            gettext("The study '{name}' was not made of a table.", name=name),
            expected=gettext("a study that was imported with --new-study."),
            remedy=gettext(
                "an imported method of another study is removed by its name."
            ),
        )
    remote_store.remove(user_store() / name)
    try:
        remote_store.remove_folder(user_store() / name)
    except OSError as error:
        raise RunError(
            gettext(
                "{folder} could not be removed: {why}.",
                folder=user_store() / name,
                why=error.strerror or error,
            ),
            expected=gettext("a folder that may be written to."),
            remedy=gettext("delete it by hand."),
        ) from error


def is_table_study(name: str) -> bool:
    """Whether a study in the user's store was made of a table."""
    if not (user_store() / name).is_dir():
        return False
    try:
        return study_of_runs(name).dataset.name == NAME
    except EquipoiseError:
        return False


def _study_name(name: str, replacing: bool) -> tuple[str, list[Finding]]:
    study, findings = as_folder(name, what="study")
    if findings:
        return study, findings
    if study != name.strip():
        said = gettext(
            "In files and addresses the study is called '{study}'.",
            study=study,
        )
        findings.append(Finding(NOTE, said))
    taken = study in {*list_studies(), *known_studies(), *RESERVED}
    if taken and not (replacing and is_table_study(study)):
        mine = is_table_study(study)
        findings.append(
            Finding(
                FAULT,
                gettext("There is a study '{study}' already.", study=study),
                expected=gettext("a new name."),
                remedy=gettext(
                    "choose another name, or replace it (--replace, on the page a "
                    "switch)."
                )
                if mine
                else gettext("choose another name."),
            )
        )
    return study, findings


def _ids(raw: RawTable, layout: Layout) -> RawColumn:
    if layout.image_id:
        return raw.column(layout.image_id)
    # All have one width, so that the order of the ids is that of the rows.
    numbers = pc.cast(pa.array(np.arange(1, raw.rows + 1)), pa.string())
    padded = pc.utf8_lpad(numbers, width=len(str(raw.rows)), padding="0")
    return RawColumn("row", padded)


def _unsafe_names(raw: RawTable, ids: RawColumn, layout: Layout) -> list[Finding]:
    """Faults of the cells that become names: of images, classes, groups and methods."""
    named = dict.fromkeys(layout.features, N_("a group"))
    named |= {layout.method: N_("the name of a method")} if layout.method else {}
    if not isinstance(layout.task, Regression):
        named[layout.truth] = N_("a class")
    findings = unsafe_cells(ids, None, N_("the id of an image"))
    for name, what in named.items():
        findings += unsafe_cells(raw.column(name), ids, what)
    return findings


def _truth(
    raw: RawTable, ids: RawColumn, layout: Layout
) -> tuple[NDArray[np.generic], list[Finding]]:
    """Truth of each row: places of classes, or numbers."""
    column, task = raw.column(layout.truth), layout.task
    findings = []
    empty = np.flatnonzero(pc.equal(column.text, "").to_numpy(zero_copy_only=False))
    if len(empty):
        findings.append(
            Finding(
                FAULT,
                ngettext(
                    "The truth '{column}' is empty in {count} row.",
                    "The truth '{column}' is empty in {count} rows.",
                    len(empty),
                    column=column.name,
                ),
                expected=gettext("a class or a number in every row."),
                remedy=gettext("fill in these rows, or delete them."),
                count=len(empty),
                places=places_of(empty, ids, column),
            )
        )
    if isinstance(task, Regression):
        found = check_numbers(
            column, ids, gettext("a number of {unit}", unit=gettext(task.unit))
        )
        return column.numbers, findings or found
    places, found = read_labels(column, ids, task)
    return places, findings or found


def _first_rows(
    raw: RawTable, ids: RawColumn, layout: Layout
) -> tuple[NDArray[np.intp], list[Finding]]:
    """The first row of each image, and the rows that contradict it."""
    findings = []
    empty = np.flatnonzero(pc.equal(ids.text, "").to_numpy(zero_copy_only=False))
    if len(empty):
        findings.append(
            Finding(
                FAULT,
                ngettext(
                    "{count} row without an id in '{column}'.",
                    "{count} rows without an id in '{column}'.",
                    len(empty),
                    column=ids.name,
                ),
                expected=gettext("an id in every row."),
                remedy=gettext("fill in these rows, or delete them."),
                count=len(empty),
                places=places_of(empty, None, ids),
            )
        )
    if layout.is_long and not layout.image_id:
        findings.append(
            Finding(
                FAULT,
                gettext("A table with a row for each method needs the image's id."),
                expected="a column 'image_id'.",
                remedy=gettext("add it, or name it with --id."),
            )
        )
    findings += _alike_ids(ids)
    findings += _splits(raw, ids, layout)
    encoded = pc.dictionary_encode(ids.text).indices.to_numpy(zero_copy_only=False)
    first = np.unique(encoded, return_index=True)[1]
    if len(first) == raw.rows:
        return first, findings
    of_image = first[encoded]
    for name in filter(None, (layout.truth, layout.split, *layout.features)):
        column = raw.column(name)
        codes = column.coded[0]
        rows = np.flatnonzero(codes != codes[of_image])
        if len(rows):
            findings.append(
                Finding(
                    FAULT,
                    ngettext(
                        "{count} row with another '{column}' than an earlier row of "
                        "the same image.",
                        "{count} rows with another '{column}' than an earlier row of "
                        "the same image.",
                        len(rows),
                        column=name,
                    ),
                    expected=gettext("the same in all rows of an image."),
                    remedy=gettext("correct these rows."),
                    count=len(rows),
                    places=places_of(rows, ids, column),
                )
            )
    return first, findings


def _alike_ids(ids: RawColumn) -> list[Finding]:
    """Refuse ids of one image, as far as can be seen, that are written in two ways."""
    ways: dict[str, Callable[[Any], Any]] = {}
    if pc.any(pc.match_substring(ids.text, "\\")).as_py():
        ways[
            N_(
                "Ids in '{column}' differ in / and \\ alone, such as '{one}' and "
                "'{other}'."
            )
        ] = lambda t: pc.replace_substring(t, "\\", "/")
    zeros = pc.filter(ids.text, pc.starts_with(ids.text, "0"))
    if pc.any(pc.match_substring_regex(zeros, "^0[0-9]+$")).as_py():
        ways[
            N_(
                "Ids in '{column}' differ in leading zeros alone, such as '{one}' and "
                "'{other}'."
            )
        ] = lambda t: pc.replace_substring_regex(t, "^0+([0-9]+)$", "\\1")
    findings: list[Finding] = []
    texts: Any = pc.unique(ids.text) if ways else ()
    for said, change in ways.items():
        changed = change(texts)
        if len(pc.unique(changed)) == len(texts):
            continue
        codes = pc.dictionary_encode(changed).indices.to_numpy(zero_copy_only=False)
        again = np.setdiff1d(
            np.arange(len(codes)), np.unique(codes, return_index=True)[1]
        )
        second = int(again[0])
        first = int(np.flatnonzero(codes == codes[second])[0])
        pair = [str(texts[place].as_py()) for place in (first, second)]
        others = pc.is_in(ids.text, value_set=pc.take(texts, pa.array(again)))
        rows = np.flatnonzero(others.to_numpy(zero_copy_only=False))
        findings.append(
            Finding(
                FAULT,
                gettext(said, column=ids.name, one=pair[0], other=pair[1]),
                expected=gettext("one way of writing the id of an image."),
                remedy=gettext(
                    "write the ids in one way; if these are different images, give "
                    "them other ids."
                ),
                count=len(rows),
                places=places_of(rows, None, ids),
            )
        )
    return findings


def _splits(raw: RawTable, ids: RawColumn, layout: Layout) -> list[Finding]:
    if not layout.split:
        return []
    column = raw.column(layout.split)
    places = _split_places(column)
    bad = np.flatnonzero(places < 0)
    if not len(bad):
        if (places == SPLITS.index(TEST)).any():
            return []
        return [
            Finding(
                FAULT,
                gettext(
                    "No row of the table is a test image by its '{split}'.",
                    split=layout.split,
                ),
                expected=gettext("test images: methods are compared on these."),
                remedy=gettext("mark them with 'test', or leave the column out."),
            )
        ]
    return [
        Finding(
            FAULT,
            ngettext(
                "{count} row with another '{column}' than test or validation.",
                "{count} rows with another '{column}' than test or validation.",
                len(bad),
                column=layout.split,
            ),
            expected=gettext("test, or validation."),
            remedy=gettext("leave training rows out, or rename the column."),
            count=len(bad),
            places=places_of(bad, ids, column),
        )
    ]


def _split_places(column: RawColumn) -> NDArray[np.intp]:
    """Place of each row's split among ``SPLITS``, -1 if that split is not kept."""
    codes, texts = column.coded
    kept = (SPLIT_WORDS.get(text.casefold()) for text in texts)
    return np.array([SPLITS.index(s) if s else -1 for s in kept], np.intp)[codes]


def _images(
    raw: RawTable,
    ids: RawColumn,
    layout: Layout,
    truth: NDArray[np.generic],
    first: NDArray[np.intp],
) -> tuple[pd.DataFrame, dict[str, list[str]]]:
    """One row an image, validation before test, and the groups of each feature.

    Within a split images are in the order of their ids: that each is there once is
    then seen at a glance, however often runs are compared.
    """
    task = layout.task
    splits = np.full(len(first), SPLITS.index(TEST))
    if layout.split:
        splits = _split_places(raw.column(layout.split))[first]
    by_id = pc.sort_indices(pc.take(ids.text, pa.array(first))).to_numpy()
    order = by_id[np.argsort(splits[by_id], kind="stable")]
    first, splits = first[order], splits[order]
    columns: dict[str, object] = {
        "image_id": pd.Series(
            pc.take(ids.text, pa.array(first)).to_pandas(), dtype=str
        ),
        "split": pd.Categorical.from_codes(
            splits, list(SPLITS)
        ).remove_unused_categories(),
    }
    groups = {}
    for name in layout.features:
        own, names = group_names(raw.column(name))
        columns[name], groups[name] = own[first], list(names)
    if isinstance(task, Regression):
        columns[f"{task.name}_true"] = truth[first].astype(np.float64)
    else:
        own = pd.Categorical.from_codes(truth[first], list(task.classes))
        columns[f"{task.name}_true"] = own
    return pd.DataFrame(columns), groups


def _methods(
    raw: RawTable, layout: Layout
) -> tuple[tuple[NDArray[np.intp] | None, dict[str, str]], list[Finding]]:
    """Place of each row's method (None of a wide table), labels by name, faults."""
    if not layout.is_long:
        names, findings = method_names(list(layout.models))
        return (None, {name: label for label, name in names.items()}), findings
    column = raw.column(layout.method)
    codes, texts = column.coded
    used = [int(code) for code in np.unique(codes)]
    # In the order of the file: the first is the baseline unless one is named.
    names, findings = method_names([texts[code] for code in used])
    places = np.zeros(len(texts), np.intp)
    places[used] = np.arange(len(used))
    labels = {name: label for label, name in names.items()}
    return (places[codes], labels), findings


def _baseline(asked: str, labels: dict[str, str]) -> tuple[str, list[Finding]]:
    if not labels:
        return "", []
    chosen = next(
        (
            name
            for name, label in labels.items()
            if asked == name or is_same_label(asked, label)
        ),
        None,
    )
    if asked and chosen is None:
        fault = Finding(
            FAULT,
            gettext(
                "There is no method '{asked}' to compare with.",
                asked=asked,
            ),
            expected=gettext("one of {methods}.", methods=", ".join(labels.values())),
            remedy=gettext("name the baseline as the table has it."),
        )
        return "", [fault]
    if chosen is None:
        chosen = next(iter(labels))
        said = gettext(
            "'{baseline}' is the baseline that the others are compared with.",
            baseline=labels[chosen],
        )
        return chosen, [
            Finding(NOTE, said, remedy=gettext("say --baseline METHOD for another."))
        ]
    return chosen, []


def _rows(
    raw: RawTable,
    ids: RawColumn,
    methods: NDArray[np.intp] | None,
    labels: dict[str, str],
    run_of: NDArray[np.intp],
    seeds: Sequence[int],
) -> Rows:
    """The rows with their runs: of a wide table the same for every model."""
    if methods is None:
        return Rows(raw, ids, tuple(("", seed) for seed in seeds), run_of)
    used, places = np.unique(methods * len(seeds) + run_of, return_inverse=True)
    names = list(labels)
    runs = tuple(
        (names[code // len(seeds)], seeds[code % len(seeds)]) for code in used.tolist()
    )
    return Rows(raw, ids, runs, places)


def _of_model(rows: Rows, labels: dict[str, str], label: str) -> Rows:
    """The rows of a wide table, as those of one of its models."""
    name = next(name for name, own in labels.items() if own == label)
    return replace(rows, runs=tuple((name, seed) for _, seed in rows.runs))


def _study(
    raw: RawTable,
    name: str,
    title: str,
    layout: Layout,
    groups: dict[str, list[str]],
    labels: dict[str, str],
    baseline: str,
    seeds: Sequence[int],
) -> Study:
    task = layout.task
    own: dict[str, object] = {"kind": task.kind, "task": task.name, "asked": task.label}
    if isinstance(task, Regression):
        own |= {
            "unit": task.unit,
            "minimum": task.minimum,
            "maximum": task.maximum,
            "bin_width": task.bin_width,
        }
    else:
        own["classes"] = list(task.classes)
    options = TableOptions.model_validate({**own, "file": raw.name, "features": groups})
    return Study(
        name=name,
        title=title.strip(),
        summary=f"Predictions of others, imported from {raw.name}.",
        baseline=baseline,
        seeds=tuple(seeds),
        dataset=DatasetTable(
            name=NAME, options=options.model_dump(mode="json", exclude_defaults=True)
        ),
        model=ModelTable(backbone=NO_BACKBONE, image_size=0),
        training=TrainingTable(epochs=0),
        methods={method: MethodTable(label=label) for method, label in labels.items()},
    )
