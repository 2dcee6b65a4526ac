"""``equipoise verify``: our methods against the original implementations' numbers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer
from rich.markup import escape
from rich.table import Table

from core.commands.console import print_json, stdout
from core.commands.options import FAILED, JsonOption
from core.training.engine import load_engine

if TYPE_CHECKING:
    from core.methods.verify import CaseResult, MethodResult, Verification


def verify(
    file: Annotated[
        Path | None,
        typer.Argument(
            metavar="FILE", help="JSON file of cases; the shipped one by default."
        ),
    ] = None,
    method: Annotated[
        list[str] | None,
        typer.Option(
            metavar="METHOD",
            help="Only this method, as `equipoise methods` or the file has it; may be "
            "given several times.",
        ),
    ] = None,
    dtype: Annotated[
        Literal["float64", "float32"],
        typer.Option(help="Precision of the losses; each has its tolerance."),
    ] = "float64",
    as_json: JsonOption = False,
) -> None:
    """Run our methods against numbers of the original implementations.

    Leaves with 1 if a case fails or has no implementation. A case may bring a
    tolerance of its own. Those of DenseWeight, and of the loss with its weights, do:
    0.02, because the original reads densities off a grid of 4096 points without
    interpolating, and how near ours comes is printed beside it.
    """
    from core.methods.verification.cases import load_cases

    cases = load_cases(file, method or ())
    load_engine()
    from core.methods.verify import verify as run_cases

    result = run_cases(cases, dtype=dtype)
    if as_json:
        print_json(result.as_dict())
    else:
        _print_verification(result)
    if not result.passed:
        raise typer.Exit(FAILED)


def _print_verification(result: Verification) -> None:
    """A table of methods, and beneath it what failed."""
    out = stdout()
    headings = ("Method", "In the file", "Cases", "Worst / tolerance", "Worst")
    table = Table(*headings, "Tolerance", "Result", box=None)
    for column in table.columns[2:5]:
        column.justify = "right"
    for part in result.methods:
        table.add_row(*_verified_row(part))
    out.print(table)
    for part in result.methods:
        for why in part.reasons:
            line = f"{part.method}: the tolerance is its cases' own: {why}"
            out.print(line, style="dim", markup=False, highlight=False)
    failures = [failure for part in result.methods for failure in part.failures]
    for failure in failures:
        if failure.problem:
            line = f"{failure.case.id}: {failure.problem}"
            out.print(line, style="red", markup=False, highlight=False)
    if any(not check.passed for failure in failures for check in failure.checks):
        out.print()
        out.print(_failure_table(failures))
    total = sum(len(part.cases) for part in result.methods)
    passed = total - len(failures)
    out.print(
        f"{passed} of {total} cases pass on {result.backend}, in {result.dtype}.",
        style="dim",
    )


def _verified_row(part: MethodResult) -> Iterator[str]:
    check, tolerance = part.worst or (None, None)
    yield ", ".join(part.entries) or "-"
    yield escape(part.method)
    yield str(len(part.cases))
    yield f"{check.share:.1e}" if check else "-"
    yield f"{part.worst_deviation:.1e}" if check else "-"
    yield str(tolerance) if tolerance else "-"
    if part.passed:
        yield "[green]passes[/green]"
    else:
        word = "fail" if part.implemented else "fail: no implementation"
        yield f"[red]{len(part.failures)} {word}[/red]"


def _failure_table(failures: Iterable[CaseResult]) -> Table:
    """A row for each field that deviates, at its worst place."""
    table = Table(
        "Case", "Field", "Expected", "Got", "Deviation", "Tolerance", box=None
    )
    for failure in failures:
        for check in failure.checks:
            if not check.passed:
                table.add_row(
                    escape(failure.case.id),
                    escape(check.field),
                    escape(_shown(check.expected)),
                    escape(_shown(check.got)),
                    f"{check.deviation:.1e}",
                    str(failure.tolerance),
                )
    return table


def _shown(value: object) -> str:
    return f"{value:.12g}" if isinstance(value, float) else str(value)
