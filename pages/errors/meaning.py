"""The part of the Errors page on what a label means: its rule, and typical images."""

from collections.abc import Mapping, Sequence

import streamlit as st

from core.errors import EquipoiseError
from core.evaluation.answers import categories_of
from core.language import gettext, ngettext
from core.results.explain_label import (
    KIND_WORDS,
    LabelMeaning,
    contradiction_sentence,
    contradictions_table,
    meaning_sentence,
    opinion_text,
    says_text,
    typical_table,
)
from core.results.frame import table_frame
from core.results.tables import Table
from core.tasks import Regression, Task
from core.text import BREAK, SEPARATOR, code, strong, to_markdown
from core.views.label_meaning import (
    draw_rule,
    meaning_of,
    typical_heading,
    typical_lines,
    typical_sentence,
    usual_category,
)
from core.views.study_view import StudyView
from pages.errors.gallery import show_picture
from pages.errors.maps import offer_mean_maps
from pages.shell.choose import choose
from pages.shell.pictures import load_thumbnails, why_no_pictures
from pages.shell.show import offer_csv, open_card, show_error, show_view

CONTRADICTING, TYPICAL, ROWS = 6, 4, 10
SIDE = 112


def show_meaning(view: StudyView, task: Task) -> None:
    """The rule that explains a label, the images against it, and the typical ones."""
    with open_card(gettext("What does the label mean?"), key="errors_meaning") as card:
        category = _choose_category(view, task)
        try:
            meaning = meaning_of(view, task.name, category)
        except EquipoiseError as error:
            show_error(error)
            return
        if meaning.rules:
            show_view(draw_rule(view, task=task.name, category=category), card=card)
        else:
            said = meaning_sentence(meaning)
            st.info(to_markdown(said), icon=":material/info:")
        name = f"{view.study.name}-{task.name}-{category}"
        _show_contradictions(view, meaning, name)
        _show_typical(view, meaning, name)
        offer_mean_maps(view, meaning)


def _choose_category(view: StudyView, task: Task) -> str:
    is_number = isinstance(task, Regression)
    return choose(
        gettext("Bin explained") if is_number else gettext("Class explained"),
        categories_of(task),
        default=usual_category(task),
        key=f"errors_meaning_{view.study.name}_{task.name}",
        parameter="meaning",
        what=gettext("class"),
        width=320,
    )


def _show_contradictions(view: StudyView, meaning: LabelMeaning, name: str) -> None:
    """Pictures of the images that the rule contradicts, label errors first."""
    if meaning.best is None:
        return
    said = to_markdown(contradiction_sentence(meaning))
    heading = to_markdown(strong(gettext("Images that contradict it")))
    st.markdown(f"{heading}  \n{said}")
    if meaning.contradictions.empty:
        return
    table = meaning.contradictions
    first = table.head(CONTRADICTING).to_dict("records")
    ruled = [says_text(meaning, says=bool(row["says"])) for row in first]
    lines = [
        (
            gettext("Label: {label}", label=strong(row["label"])),
            gettext("By the rule: {label}", label=strong(says)),
            f"{gettext(KIND_WORDS[row['kind']])}{SEPARATOR}{gettext(row['split'])}",
            gettext("As the rule: {methods}", methods=opinion_text(row))
            if row["methods"]
            else "",
        )
        for row, says in zip(first, ruled, strict=True)
    ]
    words = [
        gettext("labelled {label}, by the rule {says}", label=row["label"], says=says)
        for row, says in zip(first, ruled, strict=True)
    ]
    if why_no_pictures(view):
        _table(
            contradictions_table(meaning, limit=ROWS),
            ngettext(
                "{count} image that contradicts the rule, the first {shown}",
                "{count} images that contradict the rule, the first {shown}",
                len(table),
                shown=min(ROWS, len(table)),
            ),
        )
    else:
        _gallery(view, [row["image_id"] for row in first], lines, words)
    offer_csv(table, f"{name}-contradictions")


def _show_typical(view: StudyView, meaning: LabelMeaning, name: str) -> None:
    """The test images of the class that all methods are surest of."""
    heading = to_markdown(strong(typical_heading(meaning)))
    if meaning.typical.empty:
        none = gettext("No test image has this label.")
        st.markdown(f"{heading}  \n{none}")
        return
    st.markdown(f"{heading}  \n{typical_sentence(meaning)}")
    first = meaning.typical.head(TYPICAL).to_dict("records")
    if reason := why_no_pictures(view):
        _table(
            typical_table([meaning], limit=ROWS),
            gettext(
                "The most typical test images of {category}", category=meaning.category
            ),
        )
        st.caption(to_markdown(reason))
    else:
        _gallery(
            view,
            [row["image_id"] for row in first],
            [typical_lines(meaning, row) for row in first],
            [gettext("typical of {category}", category=meaning.category)] * len(first),
        )
    offer_csv(meaning.typical, f"{name}-typical")


def _gallery(
    view: StudyView,
    ids: Sequence[str],
    lines: Sequence[Sequence[str]],
    words: Sequence[str],
) -> None:
    thumbnails: Mapping[str, bytes] = load_thumbnails(view, ids)
    with st.grid("auto", min_column_width=210, gap="small"):
        for image_id, own, said in zip(ids, lines, words, strict=True):
            with st.container(border=True, gap="xsmall"):
                show_picture(thumbnails, image_id, said, width=SIDE)
                st.markdown(to_markdown(BREAK.join(filter(None, own))))
                st.caption(to_markdown(code(image_id)))


def _table(table: Table, alt: str) -> None:
    shown = table_frame(table).map(to_markdown).rename(columns=to_markdown)
    st.table(shown, hide_index=True, border="horizontal", alt=alt)
