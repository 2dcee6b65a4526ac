"""The output of every command: tables, JSON, progress, warnings and faults."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Protocol

from rich.console import Console

from core.errors import EquipoiseError

# A table that goes into a file or a pipe has no terminal to fit into.
PIPED_WIDTH = 160
LOADING = "Loading models"
# What the same command says of --resume, if it has that option.
_GOING_ON: dict[str | None, tuple[str, ...]] = {
    "train": ("The same command with --resume goes on from the last finished epoch.",),
    "tune": ("The same command goes on; finished trials are kept.",),
    "stability": ("The same command goes on; measured runs are kept.",),
    "robustness": ("The same command goes on; measured runs are kept.",),
    "predict --csv": (
        "The same command with --resume goes on after the last written row.",
    ),
}


def stdout() -> Console:
    """The console that results are printed to."""
    return Console(width=None if sys.stdout.isatty() else PIPED_WIDTH)


def stderr() -> Console:
    """The console of progress and warnings."""
    return Console(stderr=True)


def print_json(value: object) -> None:
    """Print a value as JSON; NaN, which JSON does not have, as null."""
    sys.stdout.write(json.dumps(_without_nan(value), indent=2) + "\n")


def _without_nan(value: Any) -> Any:
    """Replace NaN by null: JSON has no NaN."""
    if isinstance(value, dict):
        return {key: _without_nan(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [_without_nan(part) for part in value]
    return None if isinstance(value, float) and value != value else value


class Report(Protocol):
    """Receives how far something is."""

    def __call__(self, what: str, done: int, total: int, detail: str = "") -> None:
        """Take what is done, how many, of how many, and which one right now."""


@contextmanager
def progress_bars(*, speed: bool = False) -> Iterator[Report]:
    """Progress bars on stderr, one for each named piece of work.

    With ``speed`` each says how many it does in a second.
    """
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        ProgressColumn,
        Task,
        TextColumn,
        TimeRemainingColumn,
    )

    class Speed(ProgressColumn):
        def render(self, task: Task) -> str:
            each = task.finished_speed or task.speed
            return f"{each:,.0f}/s" if each else ""

    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        *([Speed()] if speed else []),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=stderr()) as bars:
        tasks: dict[str, Any] = {}

        def report(what: str, done: int, total: int, detail: str = "") -> None:
            if what not in tasks:
                tasks[what] = bars.add_task(what, total=total)
            said = f"{what}: {detail}" if detail else what
            bars.update(tasks[what], completed=done, total=total, description=said)

        yield report


def say_line(line: str) -> None:
    """Say one line on stderr, above the progress bars if there are any."""
    stderr().print(line, markup=False, highlight=False, soft_wrap=True)


def warn_of(problems: Sequence[str]) -> None:
    """Name on stderr what is left out; the rest continues."""
    for problem in problems:
        stderr().print(f"Skipped: {problem}", style="yellow", markup=False)


def say(error: EquipoiseError) -> None:
    """Say on stderr what went wrong, what was expected, what to do."""
    lines = [error.problem]
    if error.expected:
        lines.append(f"Expected: {error.expected}")
    if error.remedy:
        lines.append(f"What to do: {error.remedy}")
    # Plain lines, unwrapped: a long path stays whole for copying.
    sys.stderr.write("\n".join(lines) + "\n")


def say_interrupted(command: str | None) -> None:
    """Say on stderr that the person stopped the command, and how to continue."""
    sys.stderr.write(" ".join(["Stopped.", *_GOING_ON.get(command, ())]) + "\n")
