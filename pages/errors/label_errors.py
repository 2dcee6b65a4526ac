"""The part of the Errors page on labels that the methods contradict together."""

from collections.abc import Mapping
from typing import Any

import pandas as pd
import streamlit as st

from core.errors import EquipoiseError, NothingToShow
from core.evaluation.label_errors import count_pairs
from core.language import gettext, ngettext
from core.plots.answers import answer_lines
from core.plots.label_errors import pair_at
from core.results.doubt_limits import LEFT_OUT
from core.results.frame import plain_frame, table_frame
from core.results.label_errors import (
    NO_PROBABILITIES,
    NO_RESULT,
    DoubtedLabels,
    against_text,
    agreement_note,
    doubt_sentence,
    given_text,
    labels_table,
    proposed_text,
)
from core.tasks import Regression, Task
from core.text import BREAK, SEPARATOR, code, number, strong, to_markdown
from core.views.label_errors import (
    TITLE,
    FoundLabels,
    correctness_sentences,
    draw_label_errors,
    draw_sensitivity,
    find_labels,
    most_left_out,
)
from core.views.study_view import StudyView
from pages.errors.gallery import show_picture
from pages.shell.choose import choose, choose_number, choose_whether
from pages.shell.pictures import load_thumbnails, why_no_pictures
from pages.shell.show import Card, open_card, show_error, show_view

SHOWN, MOST = 8, 100


def show_label_errors(view: StudyView, task: Task) -> None:
    """The doubted labels: a picture of them, the images, the leaderboard without."""
    with open_card(gettext(TITLE), key="errors_labels") as card:
        found = find_labels(view, task)
        if found is None:
            st.info(to_markdown(gettext(NO_PROBABILITIES)), icon=":material/info:")
            return
        _show_doubts(view, task, found.labels, card)
        if found.labels.doubts.doubted.empty:
            return
        pair = _choose_pair(view, found.labels)
        _show_images(view, found, pair)
        _offer_sensitivity(view, task, most_left_out(found.labels))


def _show_doubts(
    view: StudyView, task: Task, labels: DoubtedLabels, card: Card
) -> None:
    """What is proposed for what, and how often such doubts are right."""
    if labels.doubts.doubted.empty:
        card.takeaway.markdown(to_markdown(doubt_sentence(labels.doubts)))
        st.caption(to_markdown(agreement_note(labels.doubts)))
    else:
        drawn = draw_label_errors(view, task=task.name)
        if isinstance(task, Regression):
            show_view(drawn, card=card)
        else:

            def click(_: str, point: Mapping[str, Any]) -> None:
                pair = _pair_name(*pair_at(point, labels.doubts.doubted, task))
                # A cell without a doubted label filters by nothing.
                if pair in _pairs_of(labels):
                    st.session_state[_pair_key(view, task)] = pair

            show_view(drawn, card=card, on_click=click)
    said = " ".join(correctness_sentences(labels))
    asked = strong(gettext("Are they right?"))
    st.markdown(to_markdown(f"{asked} {said}"))


def _choose_pair(view: StudyView, labels: DoubtedLabels) -> str:
    """The label and the proposal whose images are listed; all where none is chosen."""
    task = labels.doubts.task
    key, pairs = _pair_key(view, task), _pairs_of(labels)
    total = len(labels.doubts.doubted)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        pair = choose(
            gettext("Label and proposal"),
            ["", *pairs],
            labels=lambda name: (
                f"{name} ({number(pairs[name][2], 0)})"
                if name
                else gettext("All ({count})", count=total)
            ),
            key=key,
            parameter="pair",
            what=gettext("pair of labels"),
            width=320,
        )
        if pair:
            st.button(
                gettext("Show all"),
                icon=":material/filter_alt_off:",
                key="errors_doubted_all",
                type="tertiary",
                on_click=st.session_state.update,
                args=({key: ""},),
            )
    if pair:
        given, proposed, count = pairs[pair]
        st.markdown(
            to_markdown(
                ngettext(
                    "Filtered by labelled {given}, proposed {proposed}: {shown} of "
                    "{count} doubted image.",
                    "Filtered by labelled {given}, proposed {proposed}: {shown} of "
                    "{count} doubted images.",
                    total,
                    given=strong(given),
                    proposed=strong(proposed),
                    shown=count,
                )
            )
        )
    elif len(pairs) > 1:
        st.caption(
            gettext("Click on a pair of labels in the chart to list its images alone.")
        )
    return pair


def _pairs_of(labels: DoubtedLabels) -> dict[str, tuple[str, str, int]]:
    """Each pair of labels with its images, by its name; a number has none."""
    if isinstance(labels.doubts.task, Regression):
        return {}
    rows = count_pairs(labels.doubts.doubted).to_dict("records")
    return {
        _pair_name(row["given"], row["proposed"]): (
            str(row["given"]),
            str(row["proposed"]),
            int(row["images"]),
        )
        for row in rows
    }


def _pair_name(given: str, proposed: str) -> str:
    """A pair of labels as the address and the chooser have it."""
    return f"{given} → {proposed}"


def _pair_key(view: StudyView, task: Task) -> str:
    return f"errors_doubted_pair_{view.study.name}_{task.name}"


def _show_images(view: StudyView, found: FoundLabels, pair: str) -> None:
    """The most doubted images, as pictures or as rows that can be opened."""
    labels = found.labels
    key = f"{view.study.name}_{labels.doubts.task.name}"
    if pair:
        given, proposed, _ = _pairs_of(labels)[pair]
        labels = labels.of_pair(given, proposed)
        # Fewer images than there are in all: each pair has a number of its own.
        key += f"_{pair}"
    total = len(labels.doubts.doubted)
    count = total
    if total > 1:
        most = min(total, MOST)
        count = choose_number(
            gettext("The most doubted images"),
            1,
            most,
            min(SHOWN, most),
            key=f"errors_doubted_{key}",
            parameter="doubted",
        )
    rows = labels.doubts.doubted.head(count).to_dict("records")
    known = labels.rows.head(count).to_dict("records")
    if reason := why_no_pictures(view):
        opens = gettext("A click on a row opens all answers to it.")
        st.caption(to_markdown(f"{reason} {opens}"))
        table = plain_frame(table_frame(labels_table(labels, limit=len(rows))))
        _table(view, found, table, rows, known, f"errors_doubted_rows_{key}")
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
                words = gettext(
                    "labelled {given}, proposed {proposed}",
                    given=given_text(task, row),
                    proposed=proposed_text(task, row),
                )
                show_picture(thumbnails, row["image_id"], words)
                _card(task, row, more)
                with st.popover(gettext("All answers"), icon=":material/open_in_full:"):
                    _answers(view, found, row)


def _card(task: Task, row: Mapping[str, Any], more: Mapping[str, Any]) -> None:
    """One image: its label, what is proposed, and who says so."""
    image_id = row["image_id"]
    lines = [
        gettext("Label: {label}", label=strong(given_text(task, row))),
        gettext("Proposed: {label}", label=strong(proposed_text(task, row))),
        gettext("{runs} runs against the label", runs=against_text(row)),
    ]
    if "known_wrong" in more:
        lines.append(
            gettext("Known to be wrong")
            if more["known_wrong"]
            else gettext("Known to be right")
        )
    if more.get("twins"):
        lines.append(gettext("Its copies: {labels}", labels=more["twins"]))
    st.markdown(to_markdown(BREAK.join(lines)))
    st.caption(
        to_markdown(SEPARATOR.join([code(image_id), gettext(str(row["split"]))]))
    )


def _answers(view: StudyView, found: FoundLabels, row: Mapping[str, Any]) -> None:
    answers = found.answers[row["split"]]
    lines = answer_lines(answers, int(row["place"]), view.labels)
    st.markdown(to_markdown(BREAK.join(lines)))


def _table(
    view: StudyView,
    found: FoundLabels,
    table: pd.DataFrame,
    rows: list[dict[str, Any]],
    known: list[dict[str, Any]],
    key: str,
) -> None:
    chosen = st.dataframe(
        table,
        key=key,
        hide_index=True,
        height="content",
        alt=gettext(
            "The most doubted images with their labels and what is proposed for them"
        ),
        column_config={gettext("Image"): st.column_config.TextColumn(pinned=True)},
        on_select="rerun",
        selection_mode="single-row",
    ).selection.rows
    # A shorter list may no longer have the row that was chosen.
    if chosen and chosen[0] < len(rows):
        with st.container(border=True, key="errors_doubted_image"):
            _card(found.labels.doubts.task, rows[chosen[0]], known[chosen[0]])
            _answers(view, found, rows[chosen[0]])


def _offer_sensitivity(view: StudyView, task: Task, total: int) -> None:
    """The leaderboard without the most doubted test images, for who asks for it."""
    if not total or not choose_whether(
        gettext("The leaderboard without the most doubted images"),
        key="errors_without",
        parameter="sensitivity",
    ):
        return
    count = total
    if total > 1:
        count = choose_number(
            gettext("Test images left out"),
            1,
            total,
            min(LEFT_OUT, total),
            key=f"errors_left_out_{view.study.name}_{task.name}",
            parameter="without",
        )
    try:
        drawn = draw_sensitivity(view, task=task.name, count=count)
    except NothingToShow as reason:
        st.info(to_markdown(reason.problem), icon=":material/info:")
    except EquipoiseError as error:
        show_error(error)
    else:
        st.warning(to_markdown(gettext(NO_RESULT)), icon=":material/warning:")
        show_view(drawn)
