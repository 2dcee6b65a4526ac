"""Views of how far answers move when an image is harmlessly changed."""

from core.errors import NothingToShow
from core.evaluation.comparison import Comparison
from core.evaluation.metrics import MetricInfo, metric_info, stability_keys
from core.language import N_, gettext, ngettext
from core.plots import stability as plots
from core.text import code, strong
from core.views.drawing import Drawn, Numbers, draws
from core.views.loads import load_stability
from core.views.study_view import StudyView


@draws("stability", N_("How far answers move under harmless changes of an image"))
def draw_stability(view: StudyView, *, task: str = "") -> Drawn:
    """How far the answers to one task move, over all changes."""
    table, info = load_moves(view).table, move_of(view, task)
    notes = [
        ngettext(
            "Lower is better; {count} test image. Bars are 95 % intervals over images "
            "and seeds.",
            "Lower is better; {count} test images. Bars are 95 % intervals over images "
            "and seeds.",
            int(table["n"].max()),
        ),
        plots.unmeasured_note(table, info, view.look),
    ]
    return Drawn(
        title=gettext("Over all changes"),
        name=f"{view.study.name}-stability",
        takeaway=plots.instability_takeaway(table, info, view.look),
        figures={info.label: plots.plot_instability(table, info, view.look)},
        data=plots.instability_frame(table, info),
        note=" ".join(filter(None, notes)),
    )


@draws("stability-changes", N_("How far answers move under each harmless change"))
def draw_stability_by_change(view: StudyView, *, task: str = "") -> Drawn:
    """How far the answers to one task move, under each change in turn."""
    table, info = load_moves(view).table, move_of(view, task)
    said = plots.worst_takeaway(table, info, view.methods)
    return Drawn(
        title=gettext("Under each change"),
        name=f"{view.study.name}-stability-changes",
        takeaway=said,
        data=plots.instability_frame(table, info),
        numbers=Numbers(
            plots.tabulate_changes(table, info, view.look),
            said,
            note=gettext(
                "In {unit}, mean over the seeds. Worst: each image under the change "
                "that moves its answer most.",
                unit=gettext("per cent") if info.unit == "%" else info.unit,
            ),
        ),
    )


def load_moves(view: StudyView) -> Comparison:
    """How far the answers of every measured method move, under every change.

    Raises
    ------
    NothingToShow
        If none was measured.
    """
    found = load_stability(view, by_change=True)
    if found is None:
        how = code(f"equipoise stability {view.study.name}")
        raise NothingToShow(
            gettext(
                "How far answers move under harmless changes was not measured for "
                "these runs of {study}. {command} measures it for your own runs with a "
                "model.",
                study=strong(view.title),
                command=how,
            )
        )
    return found


def moves_by_task(view: StudyView) -> dict[str, MetricInfo]:
    """The metric of how far answers move, by the name of its task."""
    keys = stability_keys(view.tasks)
    return {
        task.name: metric_info(key, view.tasks)
        for task, key in zip(view.tasks, keys, strict=True)
    }


def move_of(view: StudyView, task: str = "") -> MetricInfo:
    """The metric of one task; of the first where none is named.

    Raises
    ------
    NothingToShow
        If the study has no such task.
    """
    known = moves_by_task(view)
    if task and task not in known:
        raise NothingToShow(
            gettext(
                "The study {study} has no task {task}.",
                study=strong(view.title),
                task=strong(task),
            )
        )
    return known[task or next(iter(known))]
