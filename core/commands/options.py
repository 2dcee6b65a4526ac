"""Arguments and options that several commands take, and the codes they leave with."""

from __future__ import annotations

import signal
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from core.errors import EquipoiseError
from core.language import LANGUAGES

if TYPE_CHECKING:
    from core.training.cluster import Cluster

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

MethodsOption = Annotated[
    list[str] | None,
    typer.Option(
        "--method",
        metavar="METHOD",
        help="Only this method; may be given several times.",
    ),
]
SeedsOption = Annotated[
    list[int] | None,
    typer.Option(
        "--seed",
        metavar="N",
        min=0,
        max=2**32 - 1,
        help="Only this seed; may be given several times.",
    ),
]
MeasureAgainOption = Annotated[
    bool,
    typer.Option("--replace", help="Measure runs again that are measured already."),
]

ClusterOption = Annotated[
    str | None,
    typer.Option(
        metavar="ADDRESS",
        help="Ray cluster that does the work side by side, such as head:6379, or auto. "
        "Needs the extra: pip install 'equipoise[cluster]'.",
    ),
]
CpusOption = Annotated[
    float | None,
    typer.Option(
        metavar="N",
        min=0.01,
        help="With --cluster: cores for each run or worker; 1 else.",
    ),
]
GpusOption = Annotated[
    float | None,
    typer.Option(
        metavar="N",
        min=0,
        help="With --cluster: GPUs for each run or worker, such as 1 or 0.5; none "
        "else.",
    ),
]


def chosen_cluster(
    address: str | None, cpus: float | None, gpus: float | None
) -> Cluster | None:
    """The cluster that options name; None if they name none.

    Raises
    ------
    EquipoiseError
        If something is asked of a cluster, and there is none.
    """
    if address is None:
        given = [("--cpus", cpus), ("--gpus", gpus)]
        refuse_without_effect(
            [name for name, value in given if value is not None],
            expected="--cluster ADDRESS beside them.",
        )
        return None
    from core.training.cluster import Cluster

    return Cluster(address, cpus=cpus or 1.0, gpus=gpus or 0.0)


def require_language(code: str, *, what: str) -> None:
    """Refuse a language that the files of a command are not written in.

    Raises
    ------
    EquipoiseError
        If ``code`` is not one of ``LANGUAGES``; ``what`` names the files.
    """
    if code not in LANGUAGES:
        raise EquipoiseError(
            f"{what} are not written in the language '{code}'.",
            expected=f"one of {', '.join(LANGUAGES)}.",
            remedy="leave --lang out for English.",
        )


def refuse_without_effect(
    given: Sequence[str], *, expected: str, remedy: str = "leave them out."
) -> None:
    """Refuse options that were given and would change nothing.

    Raises
    ------
    EquipoiseError
        If there are any.
    """
    if given:
        raise EquipoiseError(
            f"{' and '.join(given)} would change nothing here.",
            expected=expected,
            remedy=remedy,
        )
