"""``equipoise ship``: finished runs made ready to be passed on."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape
from rich.table import Table

from core.commands.console import print_json, progress_bars, stdout, warn_of
from core.commands.options import DataOption, JsonOption
from core.errors import EquipoiseError
from core.training.engine import load_engine

if TYPE_CHECKING:
    from core.shipping import ShippedModel
    from core.tasks import Task


def ship(
    study: Annotated[
        str, typer.Argument(metavar="STUDY", help="Name of a study with runs.")
    ],
    out: Annotated[
        Path,
        typer.Option(
            metavar="DIR", help="Store to write to; the study gets a folder in it."
        ),
    ],
    source: Annotated[
        Path | None,
        typer.Option(
            "--from",
            metavar="DIR",
            help="Store to take the runs from; $EQUIPOISE_RUNS or runs/ by default.",
        ),
    ] = None,
    seed: Annotated[
        int, typer.Option(metavar="N", min=0, help="Seed whose models are included.")
    ] = 0,
    data: DataOption = None,
    replace: Annotated[
        bool,
        typer.Option("--replace", help="Replace the study that exists already."),
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Copy the finished runs of a study into another store, to be passed on.

    The predictions, histories and records of all seeds go along, and the models of one
    seed. Of a model, as many arrays as possible are stored in float16, the largest
    first, so long as none of its answers for a test image moves by more than 0.05 in
    the unit of a number or 0.002 of probability; run.json says what was done. --data is
    for studies whose pictures are not drawn.
    """
    from core.data.catalog import dataset_of
    from core.runs import MODEL, shipped_manifest, study_of_runs, user_store
    from core.shipping import ship_study

    store = source or user_store()
    if out.name == study:
        raise EquipoiseError(
            f"{out} is the folder of the study itself.",
            expected="the store above it: the study gets a folder of its own there.",
            remedy=f"give --out {out.parent}.",
        )
    chosen = study_of_runs(study, within=[store])
    find_manifest = partial(shipped_manifest, within=[store])
    info = dataset_of(chosen, find_manifest, needed=True)
    load_engine()
    with progress_bars() as progress:
        shipped, problems = ship_study(
            chosen,
            info,
            store,
            out,
            seed=seed,
            data=data,
            replaces=replace,
            progress=progress,
        )
    warn_of(problems)
    if as_json:
        print_json([_record(each) for each in shipped])
        return
    _print(shipped, info.tasks)
    console = stdout()
    absent = {each.run.method for each in shipped} - {
        each.run.method for each in shipped if each.precision
    }
    if absent:
        console.print(
            f"Without a model: {', '.join(sorted(absent))}. These have no {MODEL} of "
            f"seed {seed}.",
            style="yellow",
            markup=False,
        )
    before, after = (
        sum(getattr(each, name) for each in shipped) / 1e6
        for name in ("bytes_before", "bytes_after")
    )
    console.print(
        f"{out / study}: {len(shipped)} runs; models of {after:.1f} MB in place of "
        f"{before:.1f} MB.",
        markup=False,
    )


def _print(shipped: Sequence[ShippedModel], tasks: Sequence[Task]) -> None:
    headings = [escape(f"{task.label}, moved by") for task in tasks]
    table = Table("Run", "Model", "MB", *headings)
    for each in shipped:
        if each.precision is None:
            continue
        moved = [f"{each.changes[task.name]:.4f}" for task in tasks]
        size = f"{each.bytes_after / 1e6:.1f}"
        table.add_row(escape(each.run.name), _stored(each), size, *moved)
    stdout().print(table)


def _stored(each: ShippedModel) -> str:
    if each.least_halved is None:
        return f"{each.precision}"
    return f"{each.precision} from {each.least_halved:,} values on"


def _record(each: ShippedModel) -> dict[str, object]:
    return {
        "method": each.run.method,
        "seed": each.run.seed,
        "model": each.precision,
        "least_halved": each.least_halved,
        "bytes_before": each.bytes_before,
        "bytes_after": each.bytes_after,
        "largest_change": each.changes,
    }
