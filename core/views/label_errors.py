"""Views of the labels that the methods contradict together."""

from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd

from core.data.manifest import TEST
from core.errors import NothingToShow, ViewError
from core.evaluation.answers import Answers, categories_of
from core.evaluation.comparison import Baseline
from core.evaluation.label_errors import find_label_doubts
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
from core.text import plural, strong
from core.views.answers import load_held_out_answers, load_held_out_predictions
from core.views.caching import Fingerprint, cached, manifest_fingerprint
from core.views.drawing import Drawn, Numbers, any_task_of, draws, nothing_in
from core.views.loads import load_tables, load_training_counts
from core.views.pictures import checked_count, picture_figures
from core.views.study_view import StudyView

TITLE = "Whose labels are wrong?"


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
        title=TITLE,
        name=f"{view.study.name}-{asked.name}-doubted-labels",
        takeaway=sentence,
        figures={
            asked.label: plots.plot_doubted_numbers(doubted, asked)
            if isinstance(asked, Regression)
            else plots.plot_label_pairs(doubted, asked)
        },
        data=labels.rows,
        note=agreement_note(labels.doubts),
        claims=tuple(filter(None, (sentence, *correctness_sentences(labels)))),
    )


@draws("label-error-images", "The images whose labels are doubted most")
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
    has = "has" if total == 1 else "have"
    said = f"{plural(total, 'image')} {has} a doubtful label of {asked.label}."
    if given:
        is_ = "is" if total == 1 else "are"
        said = (
            f"{plural(total, 'image')} {is_} labelled {strong(given)}, and the methods "
            f"propose {strong(proposed)}."
        )
    if len(shown) < total:
        said += f" Shown: the {plural(len(shown), 'image')} that are doubted most."
    heading = f"{asked.label}: the labels that are doubted most"
    ids = [str(row["image_id"]) for row in shown]
    lines = [
        (
            f"{proposed_text(asked, row)}?",
            f"labelled {given_text(asked, row)}",
            f"{against_text(row)} runs against it",
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
        note=NOTE,
        numbers=Numbers(table, said, note=NOTE, is_long=True),
    )


@draws("label-sensitivity", "The leaderboard without the images of doubted labels")
def draw_sensitivity(view: StudyView, *, task: str = "", count: int = 0) -> Drawn:
    """The leaderboard of one task with and without the most doubted test images.

    ``count`` of them; the usual number where it is 0.
    """
    asked = any_task_of(view, task)
    labels = _doubted(view, asked)
    total = most_left_out(labels)
    if not total:
        raise nothing_in(view, f"No label of {asked.label} of a test image is doubted.")
    if not any(run.method == view.baseline for run in view.runs):
        raise NothingToShow(
            f"The baseline {strong(view.labels.get(view.baseline, view.baseline))} has "
            "no run with the chosen seeds. Choose other seeds to compare with it."
        )
    if not 0 <= count <= total:
        raise ViewError(
            f"{count:,} doubted test images cannot be left out.",
            expected=f"a number from 1 to {total:,}.",
            remedy="correct the parameter 'count'.",
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
        "the same method of the other study"
        if view.has_counterparts
        else view.labels[view.baseline]
    )
    return Drawn(
        title=f"{asked.label}: without the most doubted labels",
        name=f"{view.study.name}-{asked.name}-doubted-labels-left-out",
        takeaway=found.sentence,
        data=found.rows,
        note=NO_RESULT,
        numbers=Numbers(
            found.table,
            found.sentence,
            f"{dropped_sentence(labels.doubts, dropped)} Verdicts are against "
            f"{against} and hold for all methods at once.",
        ),
        claims=(f"{found.sentence} {NO_RESULT}",),
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
        raise nothing_in(view, NO_PROBABILITIES)
    if found.labels.doubts.doubted.empty:
        raise nothing_in(view, doubt_sentence(found.labels.doubts))
    return found.labels


def _of_pair(
    view: StudyView, labels: DoubtedLabels, given: str, proposed: str
) -> DoubtedLabels:
    task = labels.doubts.task
    if isinstance(task, Regression):
        raise ViewError(
            f"The labels of {task.label} are numbers: they have no pairs.",
            expected="no parameter 'given' or 'proposed'.",
            remedy="leave both out.",
        )
    for name in (given, proposed):
        if name not in categories_of(task):
            raise ViewError(
                f"The task '{task.name}' has no label '{name}'.",
                expected=f"one of {', '.join(categories_of(task))}.",
                remedy="give both parameters, 'given' and 'proposed'.",
            )
    found = labels.of_pair(given, proposed)
    if found.doubts.doubted.empty:
        raise nothing_in(
            view,
            f"For no image labelled {strong(given)} do the methods propose "
            f"{strong(proposed)}.",
        )
    return found


@dataclass(frozen=True)
class _Sensitivity:
    """The leaderboard with and without some images: cells, a sentence, numbers."""

    table: pd.DataFrame
    sentence: str
    rows: pd.DataFrame


@cached(entries=8, says="Looking for doubtful labels…")
def _found(split: Fingerprint, task: Task, view: StudyView) -> FoundLabels | None:
    doubts = find_label_doubts(load_held_out_predictions(view, task), task)
    if doubts is None:
        return None
    name = view.study.name
    labels = describe_doubts(doubts, shipped_manifest(name), data_report(name))
    return FoundLabels(labels, load_held_out_answers(view, task))


@cached(entries=16, says="Comparing the methods without these images…")
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
