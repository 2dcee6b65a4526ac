"""Views of the labels that the methods contradict together."""

from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd

from core.data.manifest import TEST
from core.errors import NothingToShow, ViewError
from core.evaluation.answers import Answers, categories_of
from core.evaluation.comparison import Baseline
from core.evaluation.label_errors import find_label_doubts
from core.language import N_, gettext, ngettext
from core.plots import label_errors as plots
from core.results.doubt_limits import LEFT_OUT
from core.results.frame import plain_frame, table_frame
from core.results.label_errors import (
    NO_PROBABILITIES,
    NO_RESULT,
    NOTE,
    DoubtedLabels,
    against_text,
    agreement_note,
    compare_without,
    describe_doubts,
    doubt_sentence,
    dropped_sentence,
    given_text,
    known_sentence,
    labels_table,
    proposed_text,
    sensitivity_keys,
    sensitivity_rows,
    sensitivity_sentence,
    sensitivity_table,
    twins_sentence,
)
from core.runs import Run, data_report, shipped_manifest
from core.study import Study
from core.tasks import Regression, Task
from core.text import strong
from core.views.answers import load_held_out_answers, load_held_out_predictions
from core.views.caching import Fingerprint, cached, manifest_fingerprint
from core.views.drawing import Drawn, Numbers, any_task_of, draws, nothing_in
from core.views.loads import load_tables, load_training_counts
from core.views.pictures import checked_count, picture_figures
from core.views.study_view import StudyView

TITLE = N_("Whose labels are wrong?")


@dataclass(frozen=True)
class FoundLabels:
    """The doubted labels, and every method's answers to the images of each split."""

    labels: DoubtedLabels
    answers: Mapping[str, Answers]


@draws("label-errors", TITLE)
def draw_label_errors(view: StudyView, *, task: str = "") -> Drawn:
    """Which label is proposed for which; of a number, what is proposed for each."""
    asked = any_task_of(view, task)
    labels = _doubted(view, asked)
    doubted = labels.doubts.doubted
    sentence = doubt_sentence(labels.doubts)
    return Drawn(
        title=gettext(TITLE),
        name=f"{view.study.name}-{asked.name}-doubted-labels",
        takeaway=sentence,
        figures={
            gettext(asked.label): plots.plot_doubted_numbers(doubted, asked)
            if isinstance(asked, Regression)
            else plots.plot_label_pairs(doubted, asked)
        },
        data=labels.rows,
        note=agreement_note(labels.doubts),
        claims=tuple(filter(None, (sentence, *correctness_sentences(labels)))),
    )


@draws("label-error-images", N_("The images whose labels are doubted most"))
def draw_doubted_images(
    view: StudyView,
    *,
    task: str = "",
    given: str = "",
    proposed: str = "",
    count: int = 8,
) -> Drawn:
    """The most doubted images, with their label and what is proposed for it.

    All of them, or those of one pair of labels. As pictures where these may be passed
    on, else as a table.
    """
    asked = any_task_of(view, task)
    labels = _doubted(view, asked)
    if given or proposed:
        labels = _of_pair(view, labels, given, proposed)
    shown = labels.rows.head(checked_count(count)).to_dict("records")
    total = len(labels.doubts.doubted)
    said = ngettext(
        "{count} image has a doubtful label of {task}.",
        "{count} images have a doubtful label of {task}.",
        total,
        task=gettext(asked.label),
    )
    if given:
        said = ngettext(
            "{count} image is labelled {given}, and the methods propose {proposed}.",
            "{count} images are labelled {given}, and the methods propose {proposed}.",
            total,
            given=strong(given),
            proposed=strong(proposed),
        )
    if len(shown) < total:
        most = ngettext(
            "Shown: the {count} image that is doubted most.",
            "Shown: the {count} images that are doubted most.",
            len(shown),
        )
        said = f"{said} {most}"
    heading = gettext(
        "{task}: the labels that are doubted most", task=gettext(asked.label)
    )
    ids = [str(row["image_id"]) for row in shown]
    lines = [
        (
            gettext("{label}?", label=proposed_text(asked, row)),
            gettext("labelled {label}", label=given_text(asked, row)),
            gettext("{runs} runs against it", runs=against_text(row)),
        )
        for row in shown
    ]
    table = plain_frame(table_frame(labels_table(labels, limit=len(shown))))
    return Drawn(
        title=heading,
        name=f"{view.study.name}-{asked.name}-doubted-images",
        takeaway=said,
        figures=picture_figures(view, heading, ids, lines),
        data=labels.rows,
        note=gettext(NOTE),
        numbers=Numbers(table, said, note=gettext(NOTE), is_long=True),
    )


@draws("label-sensitivity", N_("The leaderboard without the images of doubted labels"))
def draw_sensitivity(view: StudyView, *, task: str = "", count: int = 0) -> Drawn:
    """The leaderboard of one task with and without the most doubted test images.

    ``count`` of them; the usual number where it is 0.
    """
    asked = any_task_of(view, task)
    labels = _doubted(view, asked)
    total = most_left_out(labels)
    if not total:
        raise nothing_in(
            view,
            gettext(
                "No label of {task} of a test image is doubted.",
                task=gettext(asked.label),
            ),
        )
    if not any(run.method == view.baseline for run in view.runs):
        raise NothingToShow(
            gettext(
                "The baseline {method} has no run with the chosen seeds. Choose other "
                "seeds to compare with it.",
                method=strong(view.labels.get(view.baseline, view.baseline)),
            )
        )
    if not 0 <= count <= total:
        raise ViewError(
            gettext("{count} doubted test images cannot be left out.", count=count),
            expected=gettext("a number from 1 to {most}.", most=total),
            remedy=gettext("correct the parameter 'count'."),
        )
    dropped = labels.doubts.first(count or min(LEFT_OUT, total), TEST)
    found = _compared(
        tuple(dropped["image_id"]),
        {method: view.labels[method] for method in view.methods},
        load_training_counts(view),
        asked,
        view.tasks,
        view.against,
        view.runs,
        view.study,
    )
    against = (
        gettext("the same method of the other study")
        if view.has_counterparts
        else view.labels[view.baseline]
    )
    verdicts = gettext(
        "Verdicts are against {reference} and hold for all methods at once.",
        reference=against,
    )
    return Drawn(
        title=gettext(
            "{task}: without the most doubted labels", task=gettext(asked.label)
        ),
        name=f"{view.study.name}-{asked.name}-doubted-labels-left-out",
        takeaway=found.sentence,
        data=found.rows,
        note=gettext(NO_RESULT),
        numbers=Numbers(
            found.table,
            found.sentence,
            f"{dropped_sentence(labels.doubts, dropped)} {verdicts}",
        ),
        claims=(f"{found.sentence} {gettext(NO_RESULT)}",),
    )


def find_labels(view: StudyView, task: Task) -> FoundLabels | None:
    """The doubted labels of a task; None where no method has probabilities."""
    return _found(manifest_fingerprint(view.study.name), task, view)


def correctness_sentences(labels: DoubtedLabels) -> tuple[str, ...]:
    """How often such doubts are right, as far as it is known."""
    return tuple(filter(None, (known_sentence(labels), twins_sentence(labels))))


def most_left_out(labels: DoubtedLabels) -> int:
    """How many test images have a doubted label."""
    return len(labels.doubts.first(len(labels.doubts.table), TEST))


def _doubted(view: StudyView, task: Task) -> DoubtedLabels:
    """The doubted labels of a task, at least one."""
    found = find_labels(view, task)
    if found is None:
        raise nothing_in(view, gettext(NO_PROBABILITIES))
    if found.labels.doubts.doubted.empty:
        raise nothing_in(view, doubt_sentence(found.labels.doubts))
    return found.labels


def _of_pair(
    view: StudyView, labels: DoubtedLabels, given: str, proposed: str
) -> DoubtedLabels:
    task = labels.doubts.task
    if isinstance(task, Regression):
        raise ViewError(
            gettext(
                "The labels of {task} are numbers: they have no pairs.",
                task=gettext(task.label),
            ),
            expected=gettext("no parameter 'given' or 'proposed'."),
            remedy=gettext("leave both out."),
        )
    for name in (given, proposed):
        if name not in categories_of(task):
            raise ViewError(
                gettext(
                    "The task '{task}' has no label '{name}'.",
                    task=task.name,
                    name=name,
                ),
                expected=gettext(
                    "one of {names}.", names=", ".join(categories_of(task))
                ),
                remedy=gettext("give both parameters, 'given' and 'proposed'."),
            )
    found = labels.of_pair(given, proposed)
    if found.doubts.doubted.empty:
        raise nothing_in(
            view,
            gettext(
                "For no image labelled {given} do the methods propose {proposed}.",
                given=strong(given),
                proposed=strong(proposed),
            ),
        )
    return found


@dataclass(frozen=True)
class _Sensitivity:
    """The leaderboard with and without some images: cells, a sentence, numbers."""

    table: pd.DataFrame
    sentence: str
    rows: pd.DataFrame


@cached(entries=8, says=N_("Looking for doubtful labels…"), outlives=True)
def _found(split: Fingerprint, task: Task, view: StudyView) -> FoundLabels | None:
    doubts = find_label_doubts(load_held_out_predictions(view, task), task)
    if doubts is None:
        return None
    name = view.study.name
    labels = describe_doubts(doubts, shipped_manifest(name), data_report(name))
    return FoundLabels(labels, load_held_out_answers(view, task))


@cached(
    entries=16, says=N_("Comparing the methods without these images…"), outlives=True
)
def _compared(
    image_ids: tuple[str, ...],
    labels: Mapping[str, str],
    counts: dict[str, dict[str, int]],
    task: Task,
    tasks: tuple[Task, ...],
    baseline: Baseline,
    runs: tuple[Run, ...],
    study: Study,
) -> _Sensitivity:
    keys = sensitivity_keys(study, tasks, task, counts)
    tables = load_tables(runs)
    every, left = (
        compare_without(
            study,
            runs,
            tables,
            task,
            baseline,
            keys,
            training_counts=counts,
            image_ids=frozenset(ids),
        )
        for ids in ((), image_ids)
    )
    return _Sensitivity(
        table_frame(sensitivity_table(every, left, keys, labels, tasks)),
        sensitivity_sentence(every, left, keys, labels, tasks),
        sensitivity_rows(every, left, keys),
    )
