"""What the commands share that let finished runs answer to changed pictures."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from core.commands.console import progress_bars, say, say_line, warn_of
from core.commands.options import FAULT
from core.commands.studies import load_chosen_study
from core.study import Study
from core.training.engine import load_engine

if TYPE_CHECKING:
    from core.runs import Run
    from core.training.measuring import Measurement


def load_measured_study(study: str) -> Study:
    """The study as its runs were trained with, with TensorFlow ready to answer."""
    from core.runs import study_of_runs
    from core.training.jobs import use_one_thread

    name = load_chosen_study(study).name if study.endswith(".toml") else study
    chosen = study_of_runs(name)
    use_one_thread()
    load_engine()
    return chosen


def measure_and_say(
    study: Study,
    measurement: Measurement,
    *,
    methods: Sequence[str],
    seeds: Sequence[int],
    data: Path | None,
    replace: bool,
) -> None:
    """Measure the runs of a study, and say of each how that went.

    Raises
    ------
    typer.Exit
        If a model is damaged, or does not give the stored answers.
    """
    from core.training.measuring import MeasuringListener, measure_runs

    with progress_bars() as progress:
        faults = measure_runs(
            study,
            measurement,
            methods=methods,
            seeds=seeds,
            data=data,
            replace=replace,
            listener=MeasuringListener(
                progress=progress,
                measured=_print_measured,
                kept=lambda run: say_line(f"{run.name}: measured already."),
                left_out=lambda reason: warn_of([reason]),
            ),
        )
    for fault in faults:
        say(fault)
    if faults:
        raise typer.Exit(FAULT)


def _print_measured(run: Run, images: int) -> None:
    sys.stdout.write(f"{run.name}: measured on {images:,} test images\n")
