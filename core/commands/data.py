"""``equipoise data``: the counts of a study's data, or of a folder of images."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape
from rich.table import Table

from core.commands.console import progress_bars, stdout
from core.commands.options import DataOption, refuse_without_effect
from core.commands.studies import load_chosen_study
from core.text import SEPARATOR

if TYPE_CHECKING:
    import pandas as pd

    from core.data.manifest import DatasetInfo
    from core.study import Study


def data(
    study: Annotated[
        str,
        typer.Argument(
            metavar="STUDY|PATH",
            help="Name of a study, a study's TOML file, or a folder or an archive of "
            "images.",
        ),
    ],
    data: DataOption = None,
    write: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE.toml",
            help="Of a folder or an archive: write a study of it that can be trained.",
        ),
    ] = None,
    table: Annotated[
        str,
        typer.Option(
            metavar="FILE",
            help="Of a folder or an archive: its table, where there are several.",
        ),
    ] = "",
    quick: Annotated[
        bool,
        typer.Option(
            "--quick", help="Of a folder or an archive: do not open the pictures."
        ),
    ] = False,
) -> None:
    """Report the data of a study, or of a folder or archive of images of your own.

    Of a study: counts, splits, near-copies, imbalance; without --data those of the
    split that is shipped with it. Of a folder: what was understood and what is wrong
    with it, before anything is trained; --write makes a study of it.
    """
    from core.commands.data_images import is_place, report_images

    if is_place(study):
        refuse_without_effect(["--data"] if data else [], expected="the place alone.")
        report_images(Path(study), write=write, table=table, quick=quick)
        return
    given = {"--write": write, "--table": table, "--quick": quick}
    refuse_without_effect(
        [name for name, value in given.items() if value],
        expected=f"a folder or an archive of images; there is none at {study}.",
        remedy="check the path; before a folder that is called as a study, write ./",
    )
    _report_study(study, data)


def _report_study(study: str, data: Path | None) -> None:
    from core.data.catalog import dataset_of
    from core.data.near_copies import say_near_copies

    chosen = load_chosen_study(study)
    manifest, report = _load_data(chosen, data)
    info = dataset_of(chosen, lambda _: manifest)
    out = stdout()
    out.print(f"[bold]{escape(chosen.title)}[/bold]{SEPARATOR}{escape(info.title)}")
    if info.notice:
        out.print(escape(info.notice), style="dim")
    for title, table in _count_tables(manifest, info):
        out.print(f"\n{escape(title)}")
        out.print(table)
    if said := say_near_copies(report, drawn=info.generated):
        out.print(f"\n{escape(said)}")
    out.print()
    out.print(_report_table(report))


def _load_data(
    study: Study, location: Path | None
) -> tuple[pd.DataFrame, dict[str, Any]]:
    """The manifest and its report: kept with the runs, or read from a copy."""
    from core.runs import data_report, shipped_manifest, split_source
    from core.training.jobs import load_data

    source = split_source(study)
    if location is None and source is not None:
        manifest, report = shipped_manifest(source), data_report(source)
        if manifest is not None and report is not None:
            return manifest, report
    with progress_bars() as progress:
        loaded, report = load_data(study, location, progress)
    return loaded.manifest, report


def _count_tables(
    manifest: pd.DataFrame, info: DatasetInfo
) -> Iterator[tuple[str, Table]]:
    """One title and table a task: images of each class or bin in each split."""
    import pandas as pd

    from core.data.manifest import SPLITS, TRAINING

    for task in info.tasks:
        if task.kind == "regression":
            names: tuple[str, ...] = task.bin_labels
            classes = pd.Series(task.bin_of(manifest[task.name]), manifest.index)
            classes = classes.map(dict(enumerate(names)))
        else:
            names, classes = task.classes, manifest[task.name]
        counts = pd.crosstab(classes, manifest["split"])
        counts = counts.reindex(index=list(names), columns=list(SPLITS), fill_value=0)
        largest, smallest = counts[TRAINING].max(), counts[TRAINING].min()
        ratio = f"{largest / smallest:.1f}" if smallest else "a class is empty"
        table = Table(escape(task.label), *SPLITS, box=None)
        for column in table.columns[1:]:
            column.justify = "right"
        for label, row in counts.iterrows():
            table.add_row(escape(str(label)), *(f"{count:,}" for count in row))
        yield f"{task.label}: imbalance ratio {ratio} in training", table


def _report_table(report: dict[str, Any]) -> Table:
    """The report as lines of key and value, nested keys joined by a dot."""
    from core.data.duplicates import SAME_PHOTO
    from core.data.unreadable_pictures import UNREADABLE

    table = Table("Report", "", box=None)
    long = (UNREADABLE, SAME_PHOTO)
    apart = {name: value for name, value in report.items() if name not in long}
    for key, value in (*_flatten(apart), *_unreadable(report.get(UNREADABLE))):
        table.add_row(escape(key.replace("_", " ")), escape(value))
    return table


def _unreadable(listed: object) -> Iterator[tuple[str, str]]:
    """Every picture that cannot be read, and what is wrong with it."""
    for each in listed if isinstance(listed, list) else ():
        # Reports of an earlier version hold a sentence for each.
        known = each if isinstance(each, dict) else {"reason": str(each)}
        name = SEPARATOR.join(filter(None, ("cannot be read", known.get("picture"))))
        yield name, str(known.get("reason"))


def _flatten(value: Any, prefix: str = "") -> Iterator[tuple[str, str]]:
    if isinstance(value, dict):
        for key, part in value.items():
            yield from _flatten(
                part, f"{prefix}{SEPARATOR}{key}" if prefix else str(key)
            )
    elif isinstance(value, list | tuple):
        shown = ", ".join(map(str, value[:8])) + (" …" if len(value) > 8 else "")
        yield prefix, f"{len(value):,}: {shown}" if value else "none"
    elif isinstance(value, float):
        yield prefix, f"{value:,.4g}"
    elif isinstance(value, int) and not isinstance(value, bool):
        yield prefix, f"{value:,}"
    else:
        yield prefix, str(value)
