"""What every command prints with: tables, JSON, progress, warnings and faults."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from rich.console import Console

from core.errors import EquipoiseError

# A table that goes into a file or a pipe has no terminal to fit into.
PIPED_WIDTH = 160


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
    """JSON has no NaN: what could not be computed is null."""
    if isinstance(value, dict):
        return {key: _without_nan(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [_without_nan(part) for part in value]
    return None if isinstance(value, float) and value != value else value


def number_text(value: Any, digits: int, *, sign: bool = False) -> str:
    """A number with its decimals; a dash for what is not known."""
    if value is None or value != value:
        return "-"
    return f"{value:{'+' if sign else ''},.{digits}f}"


@contextmanager
def progress_bars() -> Iterator[Callable[[str, int, int], None]]:
    """Progress bars on stderr: one a thing that is done, named by what it is."""
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
    )

    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=stderr()) as bars:
        tasks: dict[str, Any] = {}

        def report(what: str, done: int, of: int) -> None:
            if what not in tasks:
                tasks[what] = bars.add_task(what, total=of)
            bars.update(tasks[what], completed=done, total=of)

        yield report


def load_engine() -> None:
    """Import Keras while nothing reaches stderr.

    TensorFlow greets there at any log level, from below Python. What goes wrong in
    the import is an exception, and is not lost.
    """
    sys.stderr.flush()
    kept = os.dup(2)
    try:
        with open(os.devnull, "w") as nowhere:  # noqa: PTH123 - a device, no path
            os.dup2(nowhere.fileno(), 2)
        import keras  # noqa: F401
    finally:
        os.dup2(kept, 2)
        os.close(kept)


def warn_of(problems: Sequence[str]) -> None:
    """Name on stderr what is left out, while the rest goes on."""
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
    """Say on stderr that the person stopped the command, and how it goes on."""
    going_on = (
        " The same command with --resume goes on from the last finished epoch."
        if command == "train"
        else ""
    )
    sys.stderr.write(f"Stopped.{going_on}\n")


def as_fault(error: OSError) -> EquipoiseError:
    """What the system refused, as a fault that says what to do."""
    place = f" at {error.filename}" if error.filename else ""
    return EquipoiseError(
        f"The system refused{place}: {error.strerror or error}.",
        expected="a place that can be read or written, with room on the disk.",
        remedy="mend that, then run the same command again.",
    )
