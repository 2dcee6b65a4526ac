"""The cards of a study: where its numbers come from, and what a model is good for."""

import json
from functools import partial

import streamlit as st

from core.language import gettext, language, speaking
from core.results.frame import plain_frame, table_frame
from core.story.model_card import card_markdown, model_card
from core.story.provenance import (
    PROVENANCE,
    Provenance,
    provenance_markdown,
    provenance_of,
)
from core.text import strong, to_markdown
from core.views.drawing import table_in_markdown
from core.views.loads import without_damaged
from core.views.study_view import StudyView
from pages.shell.address import fragment
from pages.shell.choose import choose
from pages.shell.show import show_table

# Formats of the cards: what a reader calls each, and its type.
CARDS = {"json": ("JSON", "application/json"), "md": ("Markdown", "text/markdown")}
MODEL_CARDS = {"html": ("HTML", "text/html"), "md": ("Markdown", "text/markdown")}


@fragment
def offer_provenance(view: StudyView) -> None:
    """Offer where the numbers come from, and model cards; made when it is opened."""
    place = st.popover(
        gettext("Provenance"),
        icon=":material/info:",
        type="tertiary",
        key="provenance",
        on_change="rerun",
        help=gettext(
            "Where these numbers come from: data, split, runs, versions and licences; "
            "and the model card of each method."
        ),
    )
    if not place.open:
        return
    with place:
        view, _ = without_damaged(view)
        _show_card(provenance_of(view))
        _choose_model_card(view)


def offer_model_card(view: StudyView, method: str, *, key: str) -> None:
    """Offer the model card of a method; it is made when it is asked for."""
    for suffix, (name, mime) in MODEL_CARDS.items():
        st.download_button(
            gettext("Model card ({format})", format=name),
            data=partial(_model_card, view, method, suffix, language()),
            file_name=f"{view.study.name}-{method.replace('/', '-')}.{suffix}",
            mime=mime,
            key=f"{key}_{suffix}",
            icon=":material/id_card:",
            type="tertiary",
            on_click="ignore",
            help=gettext(
                "Use, data, protocol, results by group, and limits of a method; the "
                "first takes some seconds."
            ),
        )


def _model_card(view: StudyView, method: str, suffix: str, code: str) -> str:
    """It is made outside of the reader's visit, and so it is told their language."""
    with speaking(code):
        view, _ = without_damaged(view)
        made = model_card(view, method)
        if suffix == "md":
            return card_markdown(made)
        # It draws for print, with what takes most of a second to import.
        from core.report.model_card import build_card_page

        return build_card_page(made).decode()


def _show_card(card: Provenance) -> None:
    """The facts as a short table, the runs folded, and both as files."""
    st.markdown(to_markdown(strong(gettext(PROVENANCE))))
    st.table(
        table_in_markdown(table_frame(card.facts_table)),
        hide_index=True,
        border="horizontal",
        alt=gettext(PROVENANCE),
    )
    runs = card.runs_table
    with st.expander(to_markdown(runs.title), key="provenance_runs"):
        show_table(
            plain_frame(table_frame(runs)),
            name=f"{card.study}-provenance-runs",
            alt=gettext("Every run with its key, and when it was trained."),
        )
    with st.container(horizontal=True, gap="small"):
        for suffix, (name, mime) in CARDS.items():
            st.download_button(
                gettext("Provenance ({format})", format=name),
                data=partial(_written, card, suffix, language()),
                file_name=f"{card.study}-provenance.{suffix}",
                mime=mime,
                key=f"provenance_{suffix}",
                icon=":material/download:",
                type="tertiary",
                on_click="ignore",
            )


def _written(card: Provenance, suffix: str, code: str) -> str:
    """The card in a format; made outside of the reader's visit, as model cards are."""
    if suffix == "json":
        return json.dumps(card.record(), indent=2)
    with speaking(code):
        return provenance_markdown(card)


def _choose_model_card(view: StudyView) -> None:
    """The model card of one of the methods shown."""
    st.markdown(to_markdown(strong(gettext("Model card"))))
    method = choose(
        gettext("Method"),
        view.methods,
        labels=view.labels,
        key=f"provenance_method_{view.study.name}",
        always=True,
    )
    with st.container(horizontal=True, gap="small"):
        offer_model_card(view, method, key="provenance_card")
