"""``equipoise tune``: search the settings of a study on its validation images."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from core.commands.console import progress_bars, say_line, warn_of
from core.commands.options import (
    ClusterOption,
    CpusOption,
    DataOption,
    GpusOption,
    StudyArgument,
    chosen_cluster,
)
from core.commands.studies import load_chosen_study
from core.commands.train import check_methods
from core.errors import EquipoiseError
from core.training.engine import load_engine

if TYPE_CHECKING:
    from core.study import Trial

TRIALS = 20


def tune(
    study: StudyArgument,
    method: Annotated[
        list[str] | None,
        typer.Option(
            metavar="METHOD",
            help="Only this method; may be given several times. All by default, the "
            "baseline first.",
        ),
    ] = None,
    trials: Annotated[
        int,
        typer.Option(
            metavar="N",
            min=1,
            help="Settings to try of each method, the study's own among them; those of "
            "earlier calls and other workers count.",
        ),
    ] = TRIALS,
    epochs: Annotated[
        int | None,
        typer.Option(
            metavar="E", min=1, help="Epochs of a trial, in place of the study's."
        ),
    ] = None,
    data: DataOption = None,
    storage: Annotated[
        str | None,
        typer.Option(
            metavar="URL",
            help="Database of the trials, shared by all workers, such as "
            "postgresql://user:password@host/database; a file of SQLite in your store "
            "by default.",
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="The tuned study's TOML file; its name is the study's. "
            "STUDY-tuned.toml by default.",
        ),
    ] = None,
    cluster: ClusterOption = None,
    cpus: CpusOption = None,
    gpus: GpusOption = None,
) -> None:
    """Search the settings of a study on its validation images, by Optuna.

    Each method gets as many trials as any other. The same command continues a search
    that was stopped. Run a second time, here or on a machine with the same storage, it
    is one more worker; --cluster starts workers on all machines of a Ray cluster. Test
    images are never predicted. The best settings are written as a study with all that
    was tried: train it, with its own seeds, before you compare it.
    """
    asked = chosen_cluster(cluster, cpus, gpus)
    if asked is not None and storage is None:
        raise EquipoiseError(
            "A search on a cluster needs a database of trials that every machine "
            "reaches.",
            expected="--storage URL, such as postgresql://user:password@host/database.",
            remedy="name one; a file of SQLite does only where all machines are this "
            "one.",
        )
    chosen = load_chosen_study(study)
    place = out or Path(f"{chosen.name}-tuned.toml")
    names = list(dict.fromkeys(method or chosen.methods))
    check_methods(chosen, names)
    from core import runs
    from core.training.jobs import use_one_thread
    from core.training.trial_storage import default_url, open_storage
    from core.training.tuned_file import check_place, check_searchable

    check_searchable(chosen)
    check_place(place, chosen)
    url = storage or default_url(runs.user_store(), chosen.name)
    kept = open_storage(url)
    use_one_thread()
    load_engine()
    from core.training.search_record import search_and_write
    from core.training.tuning import SearchListener

    with progress_bars() as progress:
        listener = SearchListener(
            progress=progress,
            left_out=lambda reason: warn_of([reason]),
            trial_done=_print_trial,
            untuned=_print_untuned,
            waiting=_print_waiting,
        )
        if asked is not None:
            from core.training.cluster import search_on_cluster

            search_on_cluster(
                chosen,
                cluster=asked,
                methods=names,
                trials=trials,
                storage=url,
                epochs=epochs,
                data=data,
                listener=listener,
            )
        # Of what a cluster has finished, nothing is tried again.
        tuned = search_and_write(
            chosen,
            kept,
            names,
            trials,
            place,
            epochs=epochs,
            data=data,
            listener=listener,
        )
    for trial in tuned.search.trials:
        if trial.chosen and trial.score is not None:
            say_line(f"{trial.method}: skill {trial.score:.3f} with {_said(trial)}.")
    seeds = ", ".join(map(str, tuned.seeds))
    say_line(
        "These are the best of many tries on the validation images, and so look better "
        f"than they are. Train with fresh seeds ({seeds}) before comparing: "
        f"equipoise train {place}"
    )
    sys.stdout.write(f"{place}\n")


def _print_trial(trial: Trial, done: int, trials: int) -> None:
    skill = "no skill" if trial.score is None else f"skill {trial.score:.3f}"
    ended = {
        "complete": "",
        "pruned": f", pruned after {trial.epochs} epoch{'s' * (trial.epochs != 1)}",
        "diverged": ", diverged",
    }[trial.state]
    say_line(f"{trial.method}, {done} of {trials}: {skill}{ended} with {_said(trial)}")


def _said(trial: Trial) -> str:
    return ", ".join(f"{place} {value}" for place, value in trial.settings.items())


def _print_untuned(method: str) -> None:
    say_line(f"{method}: it has no setting to tune; it keeps the study's settings.")


def _print_waiting(method: str) -> None:
    say_line(f"{method}: waiting for the last trials of other workers.")
