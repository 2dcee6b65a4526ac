"""Views of what happened in training, and of what each run was made of."""

from collections.abc import Sequence

import pandas as pd

from core.errors import NothingToShow
from core.language import N_, gettext
from core.plots import runs as plots
from core.runs import Run
from core.text import strong
from core.views.caching import cached
from core.views.drawing import Column, Drawn, Numbers, draws
from core.views.study_view import StudyView

# By the name of the column, as ``describe_runs`` has it.
COLUMNS = {
    "training (min)": Column(1),
    "images/s": Column(0),
    "ms per image": Column(2),
    "parameters": Column(is_count=True),
}


@draws("learning-curves", N_("How each method learned, epoch by epoch"))
def draw_curves(view: StudyView, *, metric: str = "", each_seed: bool = False) -> Drawn:
    """One curve of training and validation; ``metric`` is its name in the history."""
    history = load_histories(runs_of(view))
    name = curve_of(view, history, metric)
    label = plots.curve_label(name, view.tasks)
    return Drawn(
        title=gettext("{curve} over the epochs", curve=label),
        name="runs_curves",
        takeaway=plots.takeaway_curves(history, name, label=label, labels=view.labels),
        figures={
            label: plots.plot_curves(
                history, name, view.look, label=label, each_seed=each_seed
            )
        },
        data=history[history["name"] == name],
        note=gettext(
            "Thick: validation; thin and dotted: training, measured on augmented "
            "pictures while the model changes. Signs: the epoch of each run whose "
            "weights are kept. Band: lowest to highest seed."
        ),
    )


@draws("runs", N_("What each run took, and what it was made with"))
def draw_runs(view: StudyView) -> Drawn:
    """One row a run."""
    said = gettext("What each run took and what it was made with")
    table = plots.describe_runs(runs_of(view), view.labels)
    return Drawn(
        title=gettext("All runs chosen"),
        name="runs_table",
        takeaway=said,
        numbers=Numbers(
            table.rename(columns=gettext),
            said,
            note=gettext(
                "ms per image: inference alone, in batches, on the machine that "
                "trained."
            ),
            is_long=True,
            download=table,
            columns={gettext(name): column for name, column in COLUMNS.items()},
        ),
    )


@draws("run-differences", N_("How two runs differ in what they were made of"))
def draw_run_differences(view: StudyView, *, run: str = "", other: str = "") -> Drawn:
    """What was chosen and measured otherwise; runs are named "method, seed 0"."""
    one = run_of(view, run)
    others = [each for each in runs_of(view) if each.name != one.name]
    if not others:
        raise NothingToShow(
            gettext(
                "The study {study} shows no other run to compare with.",
                study=strong(view.title),
            )
        )
    beside = _named(view, others, other) if other else others[0]
    table = plots.compare_configurations(one, beside)
    said = dict(zip(table.columns[2:], map(_said_name, (one, beside)), strict=True))
    return Drawn(
        title=gettext("One run, and how it differs from another"),
        name="runs_differences",
        takeaway=plots.takeaway_configurations(table),
        numbers=Numbers(
            table.rename(columns=lambda name: said.get(name) or gettext(name)),
            gettext(
                "What differs between {run} and {other}",
                run=title_of(view, one),
                other=title_of(view, beside),
            ),
            note=gettext(
                "Only what differs; what was chosen comes before what was measured."
            ),
            is_long=True,
            download=table,
        ),
    )


@draws("run-settings", N_("Everything that is recorded about one run"))
def draw_run_settings(view: StudyView, *, run: str = "") -> Drawn:
    """Configuration, versions, hardware and measurements of a run."""
    one = run_of(view, run)
    said = gettext(
        "Configuration, versions, hardware and measurements of {run}",
        run=title_of(view, one),
    )
    table = plots.describe_run(one)
    return Drawn(
        title=gettext("Everything recorded about {run}", run=title_of(view, one)),
        name="runs_everything",
        takeaway=said,
        numbers=Numbers(
            table.rename(columns=gettext), said, is_long=True, download=table
        ),
    )


@cached(entries=16, outlives=True)
def load_histories(runs: tuple[Run, ...]) -> pd.DataFrame:
    """Histories of the runs in one table.

    Raises
    ------
    RunError
        If one is damaged.
    """
    return plots.gather_histories(runs)


def runs_of(view: StudyView) -> tuple[Run, ...]:
    """The runs shown, method by method."""
    order = list(view.labels)
    return tuple(
        sorted(view.chosen_runs, key=lambda run: (order.index(run.method), run.seed))
    )


def curve_of(view: StudyView, history: pd.DataFrame, name: str = "") -> str:
    """The curve that is asked for; where none is, the first that methods can share.

    Raises
    ------
    NothingToShow
        If the runs kept no history, or have no such curve.
    """
    names = plots.curve_names(history)
    if not names:
        raise NothingToShow(
            gettext(
                "These runs of {study} kept no history of their training.",
                study=strong(view.title),
            )
        )
    if name and name not in names:
        raise NothingToShow(
            gettext(
                "The runs of {study} have no curve {curve}.",
                study=strong(view.title),
                curve=strong(name),
            )
        )
    # Losses of different methods are no common measure.
    return name or next((n for n in names if not n.endswith("loss")), names[0])


def title_of(view: StudyView, run: Run) -> str:
    """Label and seed of a run."""
    return gettext(
        "{method}, seed {seed}", method=view.labels[run.method], seed=str(run.seed)
    )


def _said_name(run: Run) -> str:
    """A run of any study, as a heading names it."""
    seed = gettext("{method}, seed {seed}", method=run.method, seed=str(run.seed))
    return f"{run.study} · {seed}"


def run_of(view: StudyView, name: str = "") -> Run:
    """The run of that name; where none is given, the first that is not the baseline's.

    Raises
    ------
    NothingToShow
        If no such run is shown.
    """
    runs = runs_of(view)
    if name:
        return _named(view, runs, name)
    # The baseline is what one compares with.
    return next((run for run in runs if run.method != view.baseline), runs[0])


def _named(view: StudyView, runs: Sequence[Run], name: str) -> Run:
    for run in runs:
        if run.name == name:
            return run
    raise NothingToShow(
        gettext(
            "The study {study} shows no run {run}.",
            study=strong(view.title),
            run=strong(name),
        )
    )
