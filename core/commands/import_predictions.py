"""``equipoise import``: predictions that others made become a method, or a study."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import typer
from rich.markup import escape
from rich.table import Table

from core.commands.console import progress_bars, stderr, stdout
from core.commands.import_options import (
    BaselineOption,
    BinWidthOption,
    CheckOption,
    ClassesOption,
    FaultsOption,
    FeatureOption,
    FileArgument,
    IdColumnOption,
    IgnoreOption,
    KindOption,
    MethodColumnOption,
    ModelOption,
    NameOption,
    NewStudyOption,
    PositiveOption,
    RemoveOption,
    ReplaceOption,
    SeedOption,
    StudyOption,
    TemplateOption,
    TitleOption,
    TruthOption,
    UnitOption,
    choose_mode,
)
from core.commands.options import FAULT
from core.csv_text import csv_text
from core.errors import EquipoiseError

if TYPE_CHECKING:
    import pandas as pd

    from core.importing.file_findings import Finding
    from core.importing.reading import RawTable
    from core.importing.task_kind import LayoutChoices
    from core.runs import Run

STYLES = {"fault": "red", "warning": "yellow", "note": "dim"}


def import_predictions(
    ctx: typer.Context,
    file: FileArgument = None,
    study: StudyOption = "",
    name: NameOption = None,
    seed: SeedOption = None,
    replace: ReplaceOption = False,
    remove: RemoveOption = False,
    check: CheckOption = False,
    template: TemplateOption = None,
    faults: FaultsOption = None,
    new_study: NewStudyOption = "",
    title: TitleOption = "",
    truth: TruthOption = "",
    kind: KindOption = None,
    positive: PositiveOption = "",
    classes: ClassesOption = None,
    feature: FeatureOption = None,
    ignore: IgnoreOption = None,
    model: ModelOption = None,
    method_column: MethodColumnOption = None,
    id_column: IdColumnOption = None,
    baseline: BaselineOption = "",
    unit: UnitOption = "",
    bin_width: BinWidthOption = None,
) -> None:
    """Import predictions of any framework: checked as a whole, then compared.

    FILE has a row for each test image: `image_id`, and for each task labels in
    `<task>_pred` or probabilities in `<task>_p_<class>`, or both. With --new-study it
    holds the truth too, and the predictions of several models.
    """
    mode = choose_mode(ctx)
    for place in filter(None, (template, faults)):
        _check_place(place, replace)
    if mode == "template":
        assert template is not None
        _write_template(_given(study, "--study"), template)
        return
    if mode == "remove":
        _remove(_given(study, "--study"), name, seed)
        return
    if file is None:
        raise EquipoiseError(
            "No file is given.",
            expected="a CSV or Parquet file of predictions.",
            remedy="name it: equipoise import predictions.csv ...",
        )
    if mode == "study":
        own = _given(study, "--study"), _given(name, "--name")
        with _findings_told(faults):
            _import_method(file, *own, seed, replace, check)
        return
    from core.importing.task_kind import LayoutChoices

    choices = LayoutChoices(
        truth=truth,
        kind=kind,
        classes=tuple(classes or ()),
        positive=positive,
        features=None if feature is None else tuple(filter(None, feature)),
        models=tuple(model) if model else None,
        method=method_column,
        image_id=id_column,
        unit=unit,
        bin_width=bin_width,
        ignored=tuple(ignore or ()),
    )
    with _findings_told(faults):
        options = (title, baseline, seed, replace, check)
        _import_study(file, _given(new_study, "--new-study"), choices, *options)


@contextmanager
def _findings_told(faults: Path | None) -> Iterator[None]:
    """Print the faults of a file, write them if asked, and exit with their code."""
    from core.importing.file_findings import PredictionsError, findings_table

    try:
        yield
    except PredictionsError as error:
        _print_findings(error.findings)
        if faults is not None:
            _write_csv(findings_table(error.findings), faults)
        stderr().print(f"{error.heading} Nothing was written.", markup=False)
        raise typer.Exit(FAULT) from None


def _check_place(place: Path, replace: bool) -> None:
    """Refuse a file that exists, before anything is done."""
    if place.exists() and not replace:
        raise EquipoiseError(
            f"{place} exists already.",
            expected="a new file.",
            remedy="choose another name, or overwrite it with --replace.",
        )


def _write_csv(table: pd.DataFrame, place: Path) -> None:
    try:
        place.write_text(csv_text(table), encoding="utf-8", newline="")
    except OSError as error:
        raise EquipoiseError(
            f"{place} cannot be written: {error.strerror or error}.",
            expected="a file in a folder that exists.",
            remedy="make the folder, or choose another place.",
        ) from error


def _given(value: str | None, option: str) -> str:
    if value is None or not value.strip():
        raise EquipoiseError(
            f"{option} is missing.",
            expected=f"{option} with a name.",
            remedy="`equipoise import --help` lists the options.",
        )
    return value


def _import_method(
    file: Path, study: str, name: str, seed: int | None, replace: bool, check: bool
) -> None:
    from core.importing.predictions import load_test_set, prepare, write
    from core.importing.reading import read_file

    test_set = load_test_set(study)
    prepared = prepare(
        read_file(file), test_set, name=name, seed=seed, replacing=replace
    )
    _print_findings(prepared.findings)
    if check:
        stdout().print("No fault was found. Nothing was written.", markup=False)
        return
    _print_written(write(prepared))


def _import_study(
    file: Path,
    name: str,
    choices: LayoutChoices,
    title: str,
    baseline: str,
    seed: int | None,
    replace: bool,
    check: bool,
) -> None:
    from core.importing.reading import read_file
    from core.importing.table_study import prepare_study, write_study

    raw: RawTable = read_file(file)
    with progress_bars() as report:
        prepared = prepare_study(
            raw,
            name=name,
            choices=choices,
            title=title,
            baseline=baseline,
            seed=seed,
            replacing=replace,
            progress=report,
        )
    table = Table(show_header=False, box=None)
    for what, which in prepared.layout.lines(raw.names):
        table.add_row(what, escape(which))
    stdout().print(table)
    _print_findings(prepared.findings)
    if check:
        stdout().print("No fault was found. Nothing was written.", markup=False)
        return
    _print_written(write_study(prepared))


def _print_written(runs: Sequence[Run]) -> None:
    for run in runs:
        sys.stdout.write(f"{run.name}: {run.folder}\n")
    if runs:
        sys.stdout.write(
            f"See it with the other methods: equipoise compare {runs[0].study}\n"
        )


def _remove(study: str, name: str | None, seed: int | None) -> None:
    from core.importing.predictions import remove
    from core.importing.table_study import remove_study

    if name is None:
        remove_study(study)
        sys.stdout.write(f"Removed the study {study}.\n")
        return
    for run in remove(study, _given(name, "--name"), seed=seed):
        sys.stdout.write(f"Removed {run.name}: {run.folder}\n")


def _write_template(study: str, place: Path) -> None:
    from core.importing.predictions import load_test_set, template

    form = template(load_test_set(study))
    _write_csv(form, place)
    sys.stdout.write(
        f"{place}: {len(form):,} test images. Fill in labels, probabilities, or both; "
        "delete the columns that stay empty.\n"
    )


def _print_findings(findings: Iterable[Finding]) -> None:
    """Every finding on stderr, its first rows below it."""
    out = stderr()
    for finding in findings:
        style = STYLES[finding.level]
        out.print(
            f"{finding.level.capitalize()}: {finding.problem}",
            style=style,
            markup=False,
        )
        for place in finding.places:
            out.print(f"    {place}", markup=False)
        if finding.count > len(finding.places) > 0:
            out.print(f"    ... {finding.count - len(finding.places):,} more")
        for word, text in (
            ("Expected", finding.expected),
            ("What to do", finding.remedy),
        ):
            if text:
                out.print(f"    {word}: {text}", markup=False)
