"""``equipoise stability``: how far answers move when an image is harmlessly changed."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from core.commands.console import progress_bars, say, say_line, warn_of
from core.commands.options import (
    FAULT,
    DataOption,
    MethodsOption,
    SeedsOption,
    StudyArgument,
)
from core.commands.studies import load_chosen_study
from core.training.engine import load_engine

if TYPE_CHECKING:
    from core.runs import Run


def stability(
    study: StudyArgument,
    method: MethodsOption = None,
    seed: SeedsOption = None,
    data: DataOption = None,
    replace: Annotated[
        bool,
        typer.Option("--replace", help="Measure runs again that are measured already."),
    ] = False,
) -> None:
    """Measure how far the answers of finished runs move under harmless changes.

    Each test image is answered for at 256, 512 and 1,024 px, as JPEG of quality 40 and
    95, mirrored, and 20 % lighter and darker. Training does this by itself. The command
    is for older runs in your store that have a model. Stored answers do not change, and
    a model that gives other answers is refused. The same command continues where it was
    stopped.
    """
    from core.data.catalog import dataset_of
    from core.evaluation.metrics import stability_keys
    from core.runs import shipped_manifest, study_of_runs
    from core.training.jobs import use_one_thread

    name = load_chosen_study(study).name if study.endswith(".toml") else study
    chosen = study_of_runs(name)
    use_one_thread()
    load_engine()
    from core.training.measuring_stability import MeasuringListener, measure_runs

    with progress_bars() as progress:
        faults = measure_runs(
            chosen,
            methods=method or (),
            seeds=seed or (),
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
    tasks = dataset_of(chosen, shipped_manifest, needed=True).tasks
    asked = " ".join(f"--metric {key}" for key in stability_keys(tasks))
    say_line(f"To see it: equipoise compare {name} {asked}")


def _print_measured(run: Run, images: int) -> None:
    sys.stdout.write(f"{run.name}: measured on {images:,} test images\n")
