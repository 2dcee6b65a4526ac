"""The part of the Errors page on labels that the methods contradict together."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd
import streamlit as st

from core.data.manifest import TEST
from core.errors import EquipoiseError
from core.evaluation.answers import Answers, collect_answers
from core.evaluation.comparison import Baseline
from core.evaluation.label_errors import find_label_doubts
from core.plots import label_errors as plots
from core.plots.answers import answer_lines
from core.results.doubt_limits import LEFT_OUT
from core.results.explain_label import align_splits
from core.results.frame import table_frame
from core.results.label_errors import (
    NO_PROBABILITIES,
    NO_RESULT,
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
from core.text import BREAK, SEPARATOR, code, strong, to_markdown
from core.views.caching import Fingerprint, cached, manifest_fingerprint
from core.views.loads import load_held_out, load_tables, load_training_counts
from core.views.study_view import StudyView
from pages.errors.gallery import show_picture
from pages.shell.choose import choose_number, choose_whether
from pages.shell.pictures import load_thumbnails, why_no_pictures
from pages.shell.show import (
    Card,
    open_card,
    plain_table,
    show_chart,
    show_error,
    show_static_table,
)

SHOWN, MOST = 8, 100


@dataclass(frozen=True)
class FoundLabels:
    """The doubted labels, and every method's answers to the images of each split."""

    labels: DoubtedLabels
    answers: Mapping[str, Answers]


@dataclass(frozen=True)
class Sensitivity:
    """The leaderboard with and without some images: cells, a sentence, numbers."""

    table: pd.DataFrame
    sentence: str
    rows: pd.DataFrame


def show_label_errors(view: StudyView, task: Task) -> None:
    """The doubted labels: a picture of them, the images, the leaderboard without."""
    with open_card("Whose labels are wrong?", key="errors_labels") as card:
        order = {method: place for place, method in enumerate(view.methods)}
        found = _found(
            manifest_fingerprint(view.study.name),
            task,
            view.baseline,
            view.study,
            tuple(sorted(view.chosen_runs, key=lambda run: order[run.method])),
        )
        if found is None:
            st.info(to_markdown(NO_PROBABILITIES), icon=":material/info:")
            return
        _show_doubts(view, task, found.labels, card)
        if found.labels.doubts.doubted.empty:
            return
        _show_images(view, found)
        _offer_sensitivity(view, task, found.labels)


def _show_doubts(
    view: StudyView, task: Task, labels: DoubtedLabels, card: Card
) -> None:
    """What is proposed for what, and how often such doubts are right."""
    doubts = labels.doubts
    sentence, note = doubt_sentence(doubts), agreement_note(doubts)
    if doubts.doubted.empty:
        card.takeaway.markdown(to_markdown(sentence))
        st.caption(to_markdown(note))
    else:
        show_chart(
            plots.plot_doubted_numbers(doubts.doubted, task)
            if isinstance(task, Regression)
            else plots.plot_label_pairs(doubts.doubted, task),
            name=_name(view, task),
            takeaway=sentence,
            data=labels.rows,
            note=note,
            card=card,
        )
    said = filter(None, (known_sentence(labels), twins_sentence(labels)))
    st.markdown(to_markdown(f"{strong('Are they right?')} {' '.join(said)}"))


def _name(view: StudyView, task: Task) -> str:
    return f"{view.study.name}-{task.name}-doubted-labels"


def _show_images(view: StudyView, found: FoundLabels) -> None:
    """The most doubted images, as pictures or as rows that can be opened."""
    total = len(found.labels.doubts.doubted)
    count = total
    if total > 1:
        most = min(total, MOST)
        count = choose_number(
            "The most doubted images",
            1,
            most,
            min(SHOWN, most),
            key=f"errors_doubted_{view.study.name}_{found.labels.doubts.task.name}",
            parameter="doubted",
        )
    rows = found.labels.doubts.doubted.head(count).to_dict("records")
    known = found.labels.rows.head(count).to_dict("records")
    if reason := why_no_pictures(view):
        st.caption(to_markdown(f"{reason} A click on a row opens all answers to it."))
        _table(view, found, rows, known)
    else:
        _gallery(view, found, rows, known)


def _gallery(
    view: StudyView,
    found: FoundLabels,
    rows: list[dict[str, Any]],
    known: list[dict[str, Any]],
) -> None:
    task = found.labels.doubts.task
    thumbnails = load_thumbnails(view, [row["image_id"] for row in rows])
    with st.grid("auto", min_column_width=210, gap="small"):
        for row, more in zip(rows, known, strict=True):
            with st.container(border=True, gap="xsmall"):
                words = f"labelled {given_text(task, row)}, "
                words += f"proposed {proposed_text(task, row)}"
                show_picture(thumbnails, row["image_id"], words)
                _card(found, row, more)
                with st.popover("All answers", icon=":material/open_in_full:"):
                    _answers(view, found, row)


def _card(found: FoundLabels, row: Mapping[str, Any], more: Mapping[str, Any]) -> None:
    """One image: its label, what is proposed, and who says so."""
    task, image_id = found.labels.doubts.task, row["image_id"]
    lines = [
        f"Label: {strong(given_text(task, row))}",
        f"Proposed: {strong(proposed_text(task, row))}",
        f"{against_text(row)} runs against the label",
    ]
    if "known_wrong" in more:
        lines.append(f"Known to be {'wrong' if more['known_wrong'] else 'right'}")
    if more.get("twins"):
        lines.append(f"Its copies: {more['twins']}")
    st.markdown(to_markdown(BREAK.join(lines)))
    st.caption(to_markdown(SEPARATOR.join([code(image_id), str(row["split"])])))


def _answers(view: StudyView, found: FoundLabels, row: Mapping[str, Any]) -> None:
    answers = found.answers[row["split"]]
    lines = answer_lines(answers, int(row["place"]), view.labels)
    st.markdown(to_markdown(BREAK.join(lines)))


def _table(
    view: StudyView,
    found: FoundLabels,
    rows: list[dict[str, Any]],
    known: list[dict[str, Any]],
) -> None:
    task = found.labels.doubts.task
    chosen = st.dataframe(
        plain_table(table_frame(labels_table(found.labels, limit=len(rows)))),
        key=f"errors_doubted_rows_{view.study.name}_{task.name}",
        hide_index=True,
        height="content",
        alt="The most doubted images with their labels and what is proposed for them",
        column_config={"Image": st.column_config.TextColumn(pinned=True)},
        on_select="rerun",
        selection_mode="single-row",
    ).selection.rows
    # A shorter list may no longer have the row that was chosen.
    if chosen and chosen[0] < len(rows):
        with st.container(border=True, key="errors_doubted_image"):
            _card(found, rows[chosen[0]], known[chosen[0]])
            _answers(view, found, rows[chosen[0]])


def _offer_sensitivity(view: StudyView, task: Task, labels: DoubtedLabels) -> None:
    """The leaderboard without the most doubted test images, for who asks for it."""
    total = len(labels.doubts.first(len(labels.doubts.table), TEST))
    if not total:
        return
    if not choose_whether(
        "The leaderboard without the most doubted images",
        key="errors_without",
        parameter="sensitivity",
    ):
        return
    if not any(run.method == view.baseline for run in view.runs):
        st.info(
            to_markdown(
                f"The baseline {strong(view.labels.get(view.baseline, view.baseline))} "
                "has no run with the chosen seeds. Choose other seeds to compare with "
                "it."
            ),
            icon=":material/info:",
        )
        return
    count = total
    if total > 1:
        count = choose_number(
            "Test images left out",
            1,
            total,
            min(LEFT_OUT, total),
            key=f"errors_left_out_{view.study.name}_{task.name}",
            parameter="without",
        )
    try:
        _sensitivity(view, task, labels, count)
    except EquipoiseError as error:
        show_error(error)


def _sensitivity(
    view: StudyView, task: Task, labels: DoubtedLabels, count: int
) -> None:
    dropped = labels.doubts.first(count, TEST)
    found = _compared(
        tuple(dropped["image_id"]),
        {method: view.labels[method] for method in view.methods},
        load_training_counts(view),
        task,
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
    st.warning(to_markdown(NO_RESULT), icon=":material/warning:")
    show_static_table(
        found.table,
        name=f"{_name(view, task)}-left-out",
        takeaway=found.sentence,
        download=found.rows,
        note=f"{dropped_sentence(labels.doubts, dropped)} Verdicts are against "
        f"{against} and hold for all methods at once.",
    )


@cached(entries=8, says="Looking for doubtful labels…")
def _found(
    split: Fingerprint,
    task: Task,
    baseline: str,
    study: Study,
    runs: tuple[Run, ...],
) -> FoundLabels | None:
    splits = align_splits(load_held_out(runs), task, baseline)
    doubts = find_label_doubts(splits, task)
    if doubts is None:
        return None
    labels = describe_doubts(
        doubts, shipped_manifest(study.name), data_report(study.name)
    )
    answers = {
        name: collect_answers(own.aligned, task, own.image_ids)
        for name, own in splits.items()
    }
    return FoundLabels(labels, answers)


@cached(entries=16, says="Comparing the methods without these images…")
def _compared(
    image_ids: tuple[str, ...],
    labels: dict[str, str],
    counts: dict[str, dict[str, int]],
    task: Task,
    tasks: tuple[Task, ...],
    baseline: Baseline,
    runs: tuple[Run, ...],
    study: Study,
) -> Sensitivity:
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
    return Sensitivity(
        table_frame(sensitivity_table(every, left, keys, labels, tasks)),
        sensitivity_sentence(every, left, keys, labels, tasks),
        sensitivity_rows(every, left, keys),
    )
