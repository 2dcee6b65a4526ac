"""Arguments and options that several commands take, and the codes they leave with."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import Annotated

import typer

FAILED = 1
FAULT = 2
INTERRUPTED = 128 + signal.SIGINT

StudyArgument = Annotated[
    str,
    typer.Argument(
        metavar="STUDY", help="Name of a shipped study, or a study's TOML file."
    ),
]
JsonOption = Annotated[
    bool, typer.Option("--json", help="Print JSON and nothing else.")
]
DataOption = Annotated[
    Path | None,
    typer.Option(
        metavar="DIR", help="Your copy of the dataset: its folder, or the archive."
    ),
]
