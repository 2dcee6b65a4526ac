"""``equipoise label-errors``: labels that the methods contradict together."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from core.commands.console import print_json, stdout, warn_of
from core.commands.options import JsonOption, StudyArgument
from core.commands.studies import load_chosen_study
from core.errors import EquipoiseError
from core.results.doubt_limits import LEFT_OUT, PAIRS, TOP

if TYPE_CHECKING:
    from core.evaluation.comparison import Comparison
    from core.results.document import Document
    from core.results.label_errors import DoubtedLabels
    from core.results.study_runs import StudyRuns
    from core.tasks import Task


def label_errors(
    study: StudyArgument,
    task: Annotated[
        str | None,
        typer.Option(
            metavar="TASK",
            help="Task of the labels; by default the first one with classes.",
        ),
    ] = None,
    top: Annotated[
        int,
        typer.Option(
            metavar="K",
            min=1,
            help="Images at the head of the ranking that precision is given of.",
        ),
    ] = TOP,
    without: Annotated[
        int,
        typer.Option(
            metavar="K",
            min=0,
            help="Doubted test images that the leaderboard is shown without.",
        ),
    ] = LEFT_OUT,
    images: Annotated[
        int,
        typer.Option(metavar="N", min=0, help="Images that are listed at most."),
    ] = 10,
    as_json: JsonOption = False,
    as_markdown: Annotated[
        bool, typer.Option("--markdown", help="Print Markdown.")
    ] = False,
) -> None:
    """Find test and validation images whose label is probably wrong.

    Labels of classes are found by confident learning on the mean probabilities of all
    methods and seeds; a number by how far its label is from their mean answer. Where
    wrong labels are known, precision and recall are printed. No image is dropped: the
    leaderboard without the most doubted ones is shown for comparison alone.
    """
    from core.results.explain_label import find_task
    from core.results.study_runs import load_study_runs

    name = load_chosen_study(study).name if study.endswith(".toml") else study
    runs = load_study_runs(name)
    warn_of(runs.problems)
    chosen = find_task(runs.study, runs.info.tasks, task)
    labels = _doubts(runs, chosen)
    compared = _sensitivity(runs, chosen, labels, without)
    if as_json:
        print_json(_record(labels, compared, top, images))
        return
    document = _document(runs, labels, compared, top, images)
    if as_markdown:
        from core.results.markdown import document_markdown

        sys.stdout.write(document_markdown(document) + "\n")
    else:
        from core.results.console import print_document

        print_document(document, stdout())


def _doubts(runs: StudyRuns, task: Task) -> DoubtedLabels:
    from core.evaluation.label_errors import find_label_doubts
    from core.results.explain_label import align_splits
    from core.results.label_errors import describe_doubts
    from core.runs import data_report, shipped_manifest

    warn_of(runs.validation.problems)
    splits = align_splits(runs.held_out, task, runs.study.baseline)
    doubts = find_label_doubts(splits, task)
    if doubts is None:
        raise EquipoiseError(
            f"No method of study '{runs.study.name}' has probabilities of"
            f" '{task.name}'.",
            expected="probabilities of every class, from at least one method.",
            remedy="import predictions with a column for each class, or choose another"
            " task with --task.",
        )
    name = runs.study.name
    return describe_doubts(doubts, shipped_manifest(name), data_report(name))


def _sensitivity(
    runs: StudyRuns, task: Task, labels: DoubtedLabels, without: int
) -> tuple[Comparison, Comparison, tuple[str, ...]] | None:
    """The leaderboard with all test images and without the first doubted ones."""
    from core.data.manifest import TEST, TRAINING
    from core.evaluation.confusion_counts import training_counts
    from core.results.label_errors import compare_without, sensitivity_keys
    from core.runs import shipped_manifest

    dropped = labels.doubts.first(without, TEST)["image_id"]
    baseline = runs.study.baseline
    if dropped.empty or baseline not in {run.method for run in runs.runs}:
        return None
    manifest = shipped_manifest(runs.study.name)
    rows = None if manifest is None else manifest[manifest["split"] == TRAINING]
    counts = training_counts(rows, runs.info.tasks)
    keys = sensitivity_keys(runs.study, runs.info.tasks, task, counts)
    every, left = (
        compare_without(
            runs.study,
            runs.runs,
            runs.tables,
            task,
            baseline,
            keys,
            training_counts=counts,
            image_ids=ids,
        )
        for ids in ((), frozenset(dropped))
    )
    return every, left, keys


def _document(
    runs: StudyRuns,
    labels: DoubtedLabels,
    compared: tuple[Comparison, Comparison, tuple[str, ...]] | None,
    top: int,
    images: int,
) -> Document:
    from core.data.manifest import TEST
    from core.results import label_errors as results
    from core.results.document import Document, Lines, Section
    from core.results.tables import Table
    from core.tasks import Regression
    from core.text import to_plain

    doubts = labels.doubts
    said = (
        results.doubt_sentence(doubts),
        results.known_sentence(labels, top),
        results.twins_sentence(labels),
    )
    blocks: list[Table | Lines] = [
        Lines("findings", tuple(map(to_plain, filter(None, said))))
    ]
    if not isinstance(doubts.task, Regression):
        blocks.append(results.pairs_table(doubts, limit=PAIRS))
    blocks.append(results.labels_table(labels, limit=images))
    blocks.append(Lines("notes", (results.agreement_note(doubts),)))
    sections = [Section("findings", tuple(blocks))]
    if compared is not None:
        every, left, keys = compared
        tasks, names = runs.info.tasks, runs.labels
        dropped = doubts.first(every.rows - left.rows, TEST)
        table = results.sensitivity_table(
            every,
            left,
            keys,
            names,
            tasks,
            part="full",
            title="The leaderboard without the most doubted images",
        )
        lines = (
            results.sensitivity_sentence(every, left, keys, names, tasks),
            results.dropped_sentence(doubts, dropped),
            results.NO_RESULT,
        )
        sections.append(Section("leaderboard", (table, Lines("findings", lines))))
    return Document(tuple(sections))


def _record(
    labels: DoubtedLabels,
    compared: tuple[Comparison, Comparison, tuple[str, ...]] | None,
    top: int,
    images: int,
) -> dict[str, Any]:
    from core.data.manifest import TEST
    from core.evaluation.label_errors import count_dropped
    from core.results import label_errors as results

    record = results.doubts_record(labels, top=top, limit=images)
    if compared is None:
        return {**record, "sensitivity": None}
    every, left, keys = compared
    count = every.rows - left.rows
    dropped = labels.doubts.first(count, TEST)
    counts = count_dropped(labels.doubts, dropped, TEST)
    return {
        **record,
        "sensitivity": {
            "left_out": count,
            "note": results.NO_RESULT,
            "dropped": counts.to_dict("records"),
            "leaderboard": results.sensitivity_rows(every, left, keys).to_dict(
                "records"
            ),
        },
    }
