"""Print every row of the bench: what was measured, its bound, whether it holds.

Every other module of this package has ``ROWS``: a list of ``(label, bound, measure)``.
``measure()`` returns ``(value, detail)``: the value in the unit of the bound's first
number, or True and False where the bound has none; the detail says what was seen.
Each row runs in an interpreter of its own, so none warms up or slows down another.
"""

import argparse
import importlib
import json
import re
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

Measure = Callable[[], tuple[float | bool, str]]

FOLDER = Path(__file__).resolve().parent
MARK = "bench-result:"
LIMIT_S = 900
HEADINGS = ("what", "bound", "measured", "holds", "seen")


@dataclass(frozen=True)
class Row:
    """One row of the bench and where its measurement is."""

    module: str
    index: int
    label: str
    bound: str


@dataclass(frozen=True)
class Result:
    """What a row gave; ``value`` is None where the measurement itself failed."""

    row: Row
    value: float | bool | None
    detail: str

    @property
    def holds(self) -> bool:
        """Whether the value is on the right side of the bound."""
        return self.value is not None and within(self.value, self.row.bound)


def within(value: float | bool, bound: str) -> bool:
    """Whether a value keeps a bound such as "at most 1.05 x" or "8 x faster".

    Parameters
    ----------
    value : float or bool
        In the unit of the bound's first number; a bool is its own answer.
    bound : str
        "under" asks for less, "at most" for no more, anything else for no less.
    """
    if isinstance(value, bool):
        return value
    limit = float(re.search(r"\d[\d,]*\.?\d*", bound)[0].replace(",", ""))
    if "under" in bound:
        return value < limit
    return value <= limit if "at most" in bound else value >= limit


def find_rows() -> list[Row]:
    """Rows of all modules beside this one, by name of the module.

    Listed in another interpreter: what the modules import stays out of this one.
    """
    answer = run_apart("--list")
    if isinstance(answer, str):
        raise SystemExit(f"bench: the rows could not be listed: {answer}")
    return [Row(*row) for row in answer]


def list_here() -> list[tuple[str, int, str, str]]:
    """Import every module and list its rows."""
    names = sorted(path.stem for path in FOLDER.glob("[!_]*.py"))
    return [
        (f"bench.{name}", index, label, bound)
        for name in names
        if name != Path(__file__).stem
        for index, (label, bound, _) in enumerate(
            getattr(importlib.import_module(f"bench.{name}"), "ROWS", ())
        )
    ]


def measure_apart(row: Row) -> Result:
    """Measure one row in a fresh interpreter."""
    answer = run_apart("--row", row.module, str(row.index))
    if isinstance(answer, str):
        return Result(row, None, f"could not be measured: {answer}")
    return Result(row, *answer)


def run_apart(*arguments: str) -> list[Any] | str:
    """What this program answers in a fresh interpreter, or why it does not."""
    try:
        done = subprocess.run(
            [sys.executable, "-m", "bench.run", *arguments],
            cwd=FOLDER.parent,
            capture_output=True,
            text=True,
            timeout=LIMIT_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return f"not done after {LIMIT_S} s"
    for line in reversed(done.stdout.splitlines()):
        if line.startswith(MARK):
            return json.loads(line.removeprefix(MARK))
    return (done.stderr.strip().splitlines() or [f"exit code {done.returncode}"])[-1]


def measure_here(module: str, index: str) -> tuple[float | bool, str]:
    """Measure one row in this interpreter."""
    value, detail = importlib.import_module(module).ROWS[int(index)][2]()
    return value if isinstance(value, bool) else float(value), detail


def cells(result: Result) -> tuple[str, ...]:
    """The row as text: what, bound, measured, holds, seen."""
    if result.value is None:
        shown = "-"
    elif isinstance(result.value, bool):
        shown = "yes" if result.value else "no"
    else:
        shown = f"{result.value:,.4g}" if result.value < 1e4 else f"{result.value:,.0f}"
    holds = "yes" if result.holds else "no"
    return result.row.label, result.row.bound, shown, holds, result.detail


def print_table(results: list[Result], *, markdown: bool) -> None:
    """Print the table as Markdown, or drawn for a terminal."""
    rows = [cells(result) for result in results]
    if markdown:
        lines = [HEADINGS, ("---",) * len(HEADINGS), *rows]
        text = "\n".join(
            f"| {' | '.join(cell.replace('|', '/') for cell in line)} |"
            for line in lines
        )
        sys.stdout.write(text + "\n")
        return
    table = Table(*HEADINGS)
    for row in rows:
        style = None if row[3] == "yes" else "red"
        table.add_row(*map(escape, row), style=style)
    Console().print(table)


def main() -> int:
    """Measure the rows and print the table; 1 if a row could not be measured."""
    parser = argparse.ArgumentParser(prog="bench", description=__doc__)
    parser.add_argument("--only", default="", help="rows whose module or label has it")
    parser.add_argument(
        "--markdown", action="store_true", help="as in docs/benchmarks.md"
    )
    parser.add_argument("--row", nargs=2, help=argparse.SUPPRESS)
    parser.add_argument("--list", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.list or given.row:
        answer = list_here() if given.list else measure_here(*given.row)
        sys.stdout.write(f"\n{MARK}{json.dumps(answer)}\n")
        return 0
    results = []
    progress = Console(stderr=True)
    for row in find_rows():
        if given.only.lower() not in f"{row.module} {row.label}".lower():
            continue
        start = time.perf_counter()
        results.append(measure_apart(row))
        seconds = time.perf_counter() - start
        progress.print(f"{seconds:6.1f} s  {row.label}", markup=False, highlight=False)
    print_table(results, markdown=given.markdown or not sys.stdout.isatty())
    return int(any(result.value is None for result in results))


if __name__ == "__main__":
    sys.exit(main())
