"""The schedule of a study's method on the Methods page."""

import pandas as pd
from streamlit.delta_generator import DeltaGenerator

from core.methods import phases as schedule
from core.methods.registry import resolve_method
from core.plots import schedule as plots
from core.views.study_view import StudyView
from pages.methods.play import Play
from pages.shell.choose import choose
from pages.shell.show import show_chart


def show_schedule(play: Play, controls: DeltaGenerator) -> None:
    """Learning rate and phases of one method of the study."""
    study = play.view.study
    with controls:
        name = choose(
            "Method of the study",
            list(study.methods),
            default=list(study.methods)[_first_with_phases(play.view)],
            labels=lambda name: study.methods[name].label,
            key=f"methods_schedule_{study.name}",
            parameter="schedule",
            what="method",
            always=True,
        )
    # A method may have a budget, an optimiser and a schedule of its own.
    study = study.for_method(name)
    method = resolve_method(
        study, name, play.view.tasks, play.view.dataset.sensitive_features
    )
    budget = study.training
    images = _images_an_epoch(play)
    steps = [max(1, images // budget.batch_size)] * budget.epochs
    epochs, rates = schedule.rate_line(study, name, steps)
    table = pd.DataFrame({"epoch": epochs, "rate": rates})
    phases = [
        (phase.first, phase.end, phase.name)
        for phase in schedule.phases_of(
            study, method, play.view.tasks, warmup=schedule.warmup_epochs(study, steps)
        )
    ]
    drops = schedule.drops_of(study, name)
    label = study.methods[name].label
    show_chart(
        plots.plot_schedule(
            table, phases, label=label, log_axis=bool(drops), drops=drops
        ),
        name=f"methods-{study.name}-{name}-schedule",
        title=f"{label}: learning rate and phases",
        takeaway=plots.schedule_takeaway(table, phases, label=label),
        data=table,
        note=f"Batches of {budget.batch_size} images, {steps[0]:,} an epoch, from "
        f"{images:,} training images where nothing is drawn. "
        + (
            "The weights of the last epoch are kept."
            if budget.keep == "last"
            else "The weights of the best epoch on validation are kept; training ends "
            f"after {budget.patience} epochs without a better one."
        ),
    )


def _first_with_phases(view: StudyView) -> int:
    """Place of the first method whose training changes on the way."""
    for place, name in enumerate(view.study.methods):
        table = view.study.methods[name]
        if any("start" in given for given in table.use.values()):
            return place
    return 0


def _images_an_epoch(play: Play) -> int:
    return sum(play.counts) or len(play.targets)
