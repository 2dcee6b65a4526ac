"""The part of the Errors page on what a label means: its rule, and typical images."""

from collections.abc import Mapping, Sequence

import pandas as pd
import streamlit as st

from core.errors import EquipoiseError
from core.evaluation.answers import categories_of
from core.results.explain_label import (
    KIND_WORDS,
    RULES_NOTE,
    LabelMeaning,
    collect_split_answers,
    contradiction_sentence,
    contradictions_table,
    explain_label,
    meaning_sentence,
    opinion_text,
    rules_table,
    says_text,
    surety_text,
    typical_table,
)
from core.results.frame import table_frame
from core.runs import Run, shipped_manifest
from core.study import Study
from core.tasks import Binary, Regression, Task
from core.text import BREAK, SEPARATOR, code, plural, strong, to_markdown
from core.views.caching import Fingerprint, cached, manifest_fingerprint
from core.views.loads import load_held_out
from core.views.study_view import StudyView
from pages.errors.gallery import show_picture
from pages.errors.maps import offer_mean_maps
from pages.shell.choose import choose
from pages.shell.pictures import load_thumbnails, why_no_pictures
from pages.shell.show import offer_csv, show_error, show_static_table

CONTRADICTING, TYPICAL, ROWS = 6, 4, 10
SIDE = 112


def show_meaning(view: StudyView, task: Task) -> None:
    """The rule that explains a label, the images against it, and the typical ones."""
    with st.container(border=True, key="errors_meaning"):
        st.subheader("What does the label mean?", anchor=False)
        category = _choose_category(view, task)
        runs = view.chosen_runs
        try:
            meaning = _meaning(
                manifest_fingerprint(view.study.name),
                task,
                category,
                view.tasks,
                view.baseline,
                view.study,
                runs,
            )
        except EquipoiseError as error:
            show_error(error)
            return
        name = f"{view.study.name}-{task.name}-{category}"
        _show_rules(meaning, name)
        _show_contradictions(view, meaning, name)
        _show_typical(view, meaning, name)
        offer_mean_maps(view, meaning)


def _choose_category(view: StudyView, task: Task) -> str:
    categories = categories_of(task)
    return choose(
        "Bin explained" if isinstance(task, Regression) else "Class explained",
        categories,
        default=task.positive if isinstance(task, Binary) else categories[0],
        key=f"errors_meaning_{view.study.name}_{task.name}",
        parameter="meaning",
        what="class",
        width=320,
    )


def _show_rules(meaning: LabelMeaning, name: str) -> None:
    sentence = meaning_sentence(meaning)
    if not meaning.rules:
        st.info(to_markdown(sentence), icon=":material/info:")
        return
    show_static_table(
        table_frame(rules_table(meaning)),
        name=f"{name}-rules",
        takeaway=sentence,
        download=_rules_download(meaning),
        note=RULES_NOTE,
    )
    if meaning.search is not None and meaning.search.left_out:
        left_out = ", ".join(map(code, meaning.search.left_out))
        st.caption(
            to_markdown(
                f"Not used: {left_out}. Such an attribute is the same for all training "
                "images, or nearly every image has a word of its own."
            )
        )


def _rules_download(meaning: LabelMeaning) -> pd.DataFrame:
    rules = pd.DataFrame(
        {
            "rule": [rule.text for rule in meaning.rules],
            "bits": [rule.bits for rule in meaning.rules],
            "explained": [meaning.explained(rule) for rule in meaning.rules],
        }
    )
    return rules.join(meaning.judged)


def _show_contradictions(view: StudyView, meaning: LabelMeaning, name: str) -> None:
    """Pictures of the images that the rule contradicts, label errors first."""
    if meaning.best is None:
        return
    st.markdown(f"**Images that contradict it**  \n{_said(meaning)}")
    if meaning.contradictions.empty:
        return
    table = meaning.contradictions
    first = table.head(CONTRADICTING)
    lines = [
        (
            f"Label: {strong(row['label'])}",
            f"By the rule: {strong(says_text(meaning, says=bool(row['says'])))}",
            f"{KIND_WORDS[row['kind']]}{SEPARATOR}{row['split']}",
            f"As the rule: {opinion_text(row)}" if row["methods"] else "",
        )
        for _, row in first.iterrows()
    ]
    words = [
        f"labelled {row['label']}, by the rule "
        f"{says_text(meaning, says=bool(row['says']))}"
        for _, row in first.iterrows()
    ]
    if why_no_pictures(view):
        _table(
            contradictions_table(meaning, limit=ROWS),
            f"{plural(len(table), 'image')} that contradict the rule, the first "
            f"{min(ROWS, len(table))}",
        )
    else:
        _gallery(view, first["image_id"].tolist(), lines, words)
    offer_csv(table, f"{name}-contradictions")


def _said(meaning: LabelMeaning) -> str:
    return to_markdown(contradiction_sentence(meaning))


def _show_typical(view: StudyView, meaning: LabelMeaning, name: str) -> None:
    """The test images of the class that all methods are surest of."""
    heading = to_markdown(strong(f"The most typical images of '{meaning.category}'"))
    if meaning.typical.empty:
        st.markdown(f"{heading}  \nNo test image has this label.")
        return
    near = "come nearest" if isinstance(meaning.task, Regression) else "are surest of"
    st.markdown(f"{heading}  \nTest images that most methods get right and {near}.")
    first = meaning.typical.head(TYPICAL)
    if reason := why_no_pictures(view):
        _table(
            typical_table([meaning], limit=ROWS),
            f"The most typical test images of {meaning.category}",
        )
        st.caption(to_markdown(reason))
    else:
        sure = "off by" if isinstance(meaning.task, Regression) else "mean probability"
        lines = [
            (
                f"{row['right']} of {plural(row['methods'], 'method')} right",
                f"{sure} {surety_text(meaning.task, row)}",
            )
            for _, row in first.iterrows()
        ]
        ids = first["image_id"].tolist()
        words = [f"typical of {meaning.category}"] * len(ids)
        _gallery(view, ids, lines, words)
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


def _table(table, alt: str) -> None:
    shown = table_frame(table).map(to_markdown).rename(columns=to_markdown)
    st.table(shown, hide_index=True, border="horizontal", alt=alt)


@cached(entries=32, says="Searching for a rule…")
def _meaning(
    split: Fingerprint,
    task: Task,
    category: str,
    tasks: tuple[Task, ...],
    baseline: str,
    study: Study,
    runs: tuple[Run, ...],
) -> LabelMeaning:
    return explain_label(
        study,
        tasks,
        task,
        category,
        manifest=shipped_manifest(study.name),
        answers=collect_split_answers(load_held_out(runs), task, baseline),
    )
