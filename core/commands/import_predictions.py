"""``equipoise import``: predictions that others made become a method, or a study."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer
from rich.markup import escape
from rich.table import Table

from core.commands.console import stderr, stdout
from core.commands.options import FAULT
from core.errors import EquipoiseError

if TYPE_CHECKING:
    from core.importing.findings import Finding
    from core.importing.layout import Asked
    from core.importing.reading import RawTable
    from core.runs import Run

STYLES = {"fault": "red", "warning": "yellow", "note": "dim"}


def import_predictions(
    file: Annotated[
        Path | None,
        typer.Argument(metavar="[FILE]", help="CSV or Parquet file of predictions."),
    ] = None,
    study: Annotated[
        str, typer.Option(metavar="STUDY", help="Study whose test images these are of.")
    ] = "",
    name: Annotated[
        str, typer.Option(metavar="NAME", help="What the method is to be called.")
    ] = "",
    seed: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            min=0,
            max=2**32 - 1,
            help="Seed of a file without a column 'seed'; 0 if unsaid.",
        ),
    ] = None,
    replace: Annotated[
        bool, typer.Option("--replace", help="Replace what was imported before.")
    ] = False,
    remove: Annotated[
        bool,
        typer.Option(
            "--remove",
            help="Remove the imported method --name of --study, or without a name the "
            "study, if it was made of a table.",
        ),
    ] = False,
    check: Annotated[
        bool, typer.Option("--check", help="Check the file only; write nothing.")
    ] = False,
    template: Annotated[
        Path | None,
        typer.Option(
            metavar="CSV", help="Write an empty form for --study to this file."
        ),
    ] = None,
    faults: Annotated[
        Path | None,
        typer.Option(metavar="CSV", help="Write every fault found to this file."),
    ] = None,
    new_study: Annotated[
        str,
        typer.Option(
            metavar="NAME",
            help="Make a study of a table with truth and several models' predictions.",
        ),
    ] = "",
    title: Annotated[
        str, typer.Option(metavar="TEXT", help="Title of the new study.")
    ] = "",
    truth: Annotated[
        str, typer.Option(metavar="COLUMN", help="Column of the truth.")
    ] = "",
    kind: Annotated[
        Literal["binary", "multiclass", "regression"] | None,
        typer.Option(help="Kind of the task, where it is not seen from the truth."),
    ] = None,
    positive: Annotated[
        str, typer.Option(metavar="CLASS", help="Positive class of a binary task.")
    ] = "",
    classes: Annotated[
        list[str] | None,
        typer.Option(
            "--class",
            metavar="CLASS",
            help="A class that no image of the table has; may be given several times.",
        ),
    ] = None,
    feature: Annotated[
        list[str] | None,
        typer.Option(
            metavar="COLUMN",
            help="A sensitive feature; may be given several times. '' for none.",
        ),
    ] = None,
    model: Annotated[
        list[str] | None,
        typer.Option(
            metavar="COLUMN",
            help="A model of a wide table, as its columns begin; may be given several "
            "times.",
        ),
    ] = None,
    method_column: Annotated[
        str, typer.Option(metavar="COLUMN", help="Column of the method, of a long one.")
    ] = "",
    id_column: Annotated[
        str, typer.Option("--id", metavar="COLUMN", help="Column of the image's id.")
    ] = "",
    baseline: Annotated[
        str, typer.Option(metavar="METHOD", help="Baseline of the new study.")
    ] = "",
    unit: Annotated[
        str, typer.Option(metavar="WORD", help="Unit of a regression, such as years.")
    ] = "",
    bin_width: Annotated[
        float | None,
        typer.Option(metavar="X", help="Width of the bins of a regression's truth."),
    ] = None,
) -> None:
    """Import predictions of any framework: checked as a whole, then compared.

    FILE has a row for each test image: `image_id`, and for each task labels in
    `<task>_pred` or probabilities in `<task>_p_<class>`, or both. With --new-study it
    holds the truth too, and the predictions of several models.
    """
    from core.importing.findings import PredictionsError, findings_table

    if template is not None:
        _write_template(_given(study, "--study"), template)
        return
    if remove:
        _remove(_given(study, "--study"), name, seed)
        return
    if bool(study) == bool(new_study):
        raise EquipoiseError(
            "Where the predictions belong is not said."
            if not study
            else "A file belongs to a study that is there, or to a new one.",
            expected="--study STUDY --name NAME, or --new-study NAME.",
            remedy="add one of the two.",
        )
    if file is None:
        raise EquipoiseError(
            "No file is given.",
            expected="a CSV or Parquet file of predictions.",
            remedy="name it: equipoise import predictions.csv ...",
        )
    from core.importing.layout import Asked

    asked = Asked(
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
    )
    try:
        if new_study:
            options = (new_study, asked, title, baseline, seed, replace, check)
            _import_study(file, *options)
        else:
            name = _given(name, "--name")
            _import_method(file, study, name, seed, replace, check)
    except PredictionsError as error:
        _print_findings(error.findings)
        if faults is not None:
            findings_table(error.findings).to_csv(faults, index=False)
        stderr().print(f"{error.heading} Nothing was written.", markup=False)
        raise typer.Exit(FAULT) from None


def _given(value: str, option: str) -> str:
    if not value.strip():
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
    asked: Asked,
    title: str,
    baseline: str,
    seed: int | None,
    replace: bool,
    check: bool,
) -> None:
    from core.importing.reading import read_file
    from core.importing.table_study import prepare_study, write_study

    raw: RawTable = read_file(file)
    prepared = prepare_study(
        raw,
        name=name,
        asked=asked,
        title=title,
        baseline=baseline,
        seed=seed,
        replacing=replace,
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
            f"See it beside the others: equipoise compare {runs[0].study}\n"
        )


def _remove(study: str, name: str, seed: int | None) -> None:
    from core.importing.predictions import remove
    from core.importing.table_study import remove_study

    if not name:
        remove_study(study)
        sys.stdout.write(f"Removed the study {study}.\n")
        return
    for run in remove(study, name, seed=seed):
        sys.stdout.write(f"Removed {run.name}: {run.folder}\n")


def _write_template(study: str, place: Path) -> None:
    from core.importing.predictions import load_test_set, template

    form = template(load_test_set(study))
    form.to_csv(place, index=False)
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
