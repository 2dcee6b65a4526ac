"""``equipoise worker``: run the jobs of the queue that the app fills."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from core.commands.console import say_line


def worker(
    job: Annotated[
        str | None,
        typer.Option(metavar="ID", hidden=True, help="Run this job alone, in here."),
    ] = None,
    measure: Annotated[
        Path | None,
        typer.Option(metavar="FILE", hidden=True, help="Measure what it asks for."),
    ] = None,
    idle: Annotated[
        float,
        typer.Option(
            metavar="SECONDS",
            min=0,
            help="End after so long without a job.",
        ),
    ] = 30.0,
) -> None:
    """Run the trainings and searches that were started in the app, one after another.

    The app starts it by itself when there is something to do, and it outlives the app.
    One runs at a time for each store; stopped at any moment, the next one goes on where
    it was.
    """
    from core.runs import user_store
    from core.training.queue import read_slots

    store = user_store().resolve()
    if measure is not None:
        from core.training.cost_process import measure_request

        measure_request(measure, store)
        return
    if job is not None:
        from core.training.job_process import run_job

        run_job(job, store)
        return
    from core.training.worker import work

    say_line(f"Jobs of {store}, {read_slots(store)} at once.")
    if not work(store, idle_s=idle):
        say_line(f"Another worker is at the jobs of {store} already.")
