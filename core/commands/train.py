"""``equipoise train``: the methods of a study, with each of its seeds."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Annotated

import typer

from core.commands.console import progress_bars, say_line, warn_of
from core.commands.options import (
    ClusterOption,
    CpusOption,
    DataOption,
    GpusOption,
    MethodsOption,
    SeedsOption,
    StudyArgument,
    chosen_cluster,
)
from core.commands.studies import load_chosen_study
from core.remote_store import shown_place
from core.stores import store_at
from core.training.engine import load_engine

if TYPE_CHECKING:
    from core.runs import Run
    from core.study import Study


def train(
    study: StudyArgument,
    method: MethodsOption = None,
    seed: SeedsOption = None,
    epochs: Annotated[
        int | None,
        typer.Option(metavar="E", min=1, help="Epochs, in place of the study's."),
    ] = None,
    data: DataOption = None,
    out: Annotated[
        str | None,
        typer.Option(
            metavar="STORE",
            help="Store to write to: a folder, or a URL such as s3://bucket/runs; "
            "$EQUIPOISE_RUNS or runs/ by default.",
        ),
    ] = None,
    resume: Annotated[
        bool,
        typer.Option(
            "--resume",
            help="Go on with an unfinished run from its last finished epoch.",
        ),
    ] = False,
    replace: Annotated[
        bool,
        typer.Option(
            "--replace",
            help="Train finished runs anew; with --resume, only those of other "
            "settings.",
        ),
    ] = False,
    cluster: ClusterOption = None,
    cpus: CpusOption = None,
    gpus: GpusOption = None,
) -> None:
    """Train the methods of a study; every finished run is listed at once.

    A finished run is kept, unless --replace asks for another in its place. Before the
    training it prints the smallest difference that the planned seeds can find.
    """
    from core.results.statistical_power import planned_differences

    asked = chosen_cluster(cluster, cpus, gpus)
    chosen = load_chosen_study(study)
    check_methods(chosen, method or chosen.methods)
    for line in planned_differences(chosen):
        say_line(line)
    from core.training.jobs import Listener, train_study, use_one_thread

    run_all: Callable[..., tuple[Run, ...]] = partial(train_study, prepare=load_engine)
    if asked is not None:
        from core.training.cluster import train_on_cluster

        run_all = partial(train_on_cluster, cluster=asked)
    use_one_thread()
    with progress_bars() as progress:
        runs = run_all(
            chosen,
            methods=method or (),
            seeds=seed or (),
            epochs=epochs,
            data=data,
            out=None if out is None else store_at(out),
            resume=resume,
            replace=replace,
            listener=Listener(
                progress=progress,
                epoch_done=_print_epoch,
                left_out=lambda reason: warn_of([reason]),
                noted=say_line,
                taken=_print_taken,
                kept=_print_kept,
            ),
        )
    for run in runs:
        sys.stdout.write(f"{run.name}: {shown_place(run.folder)}\n")


def check_methods(study: Study, names: Iterable[str]) -> None:
    """Refuse what cannot be trained before anything slow is loaded."""
    from core.data.catalog import dataset_of
    from core.methods.registry import resolve_method

    info = dataset_of(study, lambda _: None)
    for name in names:
        resolve_method(study, name, info.tasks, info.sensitive_features)


def _print_epoch(
    method: str, seed: int, epoch: int, values: Mapping[str, float]
) -> None:
    from core.training.live import epoch_sentence

    say_line(epoch_sentence(method, seed, epoch, values))


def _print_taken(method: str, seed: int, run: Run) -> None:
    say_line(f"{method}, seed {seed}: trained as {run.method}, taken from {run.folder}")


def _print_kept(method: str, seed: int, run: Run) -> None:
    epochs, created = run.info.get("epochs"), run.info.get("created")
    say_line(
        f"{method}, seed {seed}: finished already and kept ({epochs} epochs, {created})"
        "; --replace trains it anew."
    )
