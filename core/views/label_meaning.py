"""Views of what a label means: its rule, what contradicts it, its typical images."""

from collections.abc import Sequence
from typing import Any

import pandas as pd

from core.errors import ViewError
from core.evaluation.answers import categories_of
from core.language import N_, gettext, ngettext
from core.results.explain_label import (
    KIND_WORDS,
    RULES_NOTE,
    LabelMeaning,
    contradiction_sentence,
    contradictions_table,
    explain_label,
    meaning_sentence,
    rules_table,
    says_text,
    surety_text,
    typical_table,
)
from core.results.frame import plain_frame, table_frame
from core.runs import shipped_manifest
from core.tasks import Binary, Regression, Task
from core.text import code, strong
from core.views.answers import load_held_out_answers
from core.views.caching import Fingerprint, cached, manifest_fingerprint
from core.views.drawing import Drawn, Numbers, any_task_of, draws, nothing_in
from core.views.pictures import checked_count, picture_figures
from core.views.study_view import StudyView


@draws("label-rule", N_("The rule that explains a label best"))
def draw_rule(view: StudyView, *, task: str = "", category: str = "") -> Drawn:
    """The rule that explains one class, or one bin of a number, and the runners-up."""
    meaning = meaning_of(view, task, category)
    sentence = meaning_sentence(meaning)
    if not meaning.rules:
        raise nothing_in(view, sentence)
    note = gettext(RULES_NOTE)
    if meaning.search is not None and meaning.search.left_out:
        left_out = gettext(
            "Not used: {attributes}. Such an attribute is the same for all training "
            "images, or nearly every image has a word of its own.",
            attributes=", ".join(map(code, meaning.search.left_out)),
        )
        note = f"{note} {left_out}"
    rules = pd.DataFrame(
        {
            "rule": [rule.text for rule in meaning.rules],
            "bits": [rule.bits for rule in meaning.rules],
            "explained": [meaning.explained(rule) for rule in meaning.rules],
        }
    ).join(meaning.judged)
    return Drawn(
        title=gettext(
            "{task}: what does '{category}' mean?",
            task=gettext(meaning.task.label),
            category=meaning.category,
        ),
        name=f"{_name(view, meaning)}-rules",
        takeaway=sentence,
        data=rules,
        note=note,
        numbers=Numbers(table_frame(rules_table(meaning)), sentence, note),
    )


@draws("label-contradictions", N_("The images that contradict the rule of a label"))
def draw_contradictions(
    view: StudyView, *, task: str = "", category: str = "", count: int = 8
) -> Drawn:
    """The images whose label is not what its rule says, probable errors first.

    As pictures where these may be passed on, else as a table.
    """
    meaning = meaning_of(view, task, category)
    said = contradiction_sentence(meaning) or meaning_sentence(meaning)
    if meaning.contradictions.empty:
        raise nothing_in(view, said)
    rows = meaning.contradictions.head(checked_count(count)).to_dict("records")
    lines = [
        (
            f"{row['label']}",
            gettext(
                "by the rule: {label}",
                label=says_text(meaning, says=bool(row["says"])),
            ),
            gettext(KIND_WORDS[str(row["kind"])]),
        )
        for row in rows
    ]
    table = table_frame(contradictions_table(meaning, limit=len(rows)))
    heading = gettext(
        "{task}: images that contradict '{category}'",
        task=gettext(meaning.task.label),
        category=meaning.category,
    )
    return Drawn(
        title=heading,
        name=f"{_name(view, meaning)}-contradictions",
        takeaway=said,
        figures=picture_figures(view, heading, _ids(rows), lines),
        data=meaning.contradictions,
        numbers=Numbers(plain_frame(table), said, is_long=True),
    )


@draws("typical-images", N_("The most typical test images of a label"))
def draw_typical(
    view: StudyView, *, task: str = "", category: str = "", count: int = 8
) -> Drawn:
    """The test images of a class that most methods get right and are surest of.

    As pictures where these may be passed on, else as a table.
    """
    meaning = meaning_of(view, task, category)
    heading = typical_heading(meaning)
    if meaning.typical.empty:
        raise nothing_in(
            view,
            gettext(
                "No test image has the label {label}.", label=strong(meaning.category)
            ),
        )
    rows = meaning.typical.head(checked_count(count)).to_dict("records")
    lines = [typical_lines(meaning, row) for row in rows]
    said = typical_sentence(meaning)
    table = table_frame(typical_table([meaning], limit=len(rows)))
    return Drawn(
        title=heading,
        name=f"{_name(view, meaning)}-typical",
        takeaway=said,
        figures=picture_figures(view, heading, _ids(rows), lines),
        data=meaning.typical,
        numbers=Numbers(plain_frame(table), said, is_long=True),
    )


def meaning_of(view: StudyView, task: str = "", category: str = "") -> LabelMeaning:
    """What one label means; of a yes-no task the positive class, else the first one.

    Raises
    ------
    EquipoiseError
        If there is no such task or class, or the manifest does not go with the study.
    """
    asked = any_task_of(view, task)
    name = category or usual_category(asked)
    if name not in categories_of(asked):
        problem = (
            N_("The task '{task}' has no bin '{name}'.")
            if isinstance(asked, Regression)
            else N_("The task '{task}' has no class '{name}'.")
        )
        raise ViewError(
            gettext(problem, task=asked.name, name=name),
            expected=gettext("one of {names}.", names=", ".join(categories_of(asked))),
            remedy=gettext("correct the parameter 'category'."),
        )
    return _meaning(manifest_fingerprint(view.study.name), asked, name, view)


def usual_category(task: Task) -> str:
    """The class that is explained where none is named."""
    return task.positive if isinstance(task, Binary) else categories_of(task)[0]


def typical_heading(meaning: LabelMeaning) -> str:
    """Heading of the typical images."""
    return gettext("The most typical images of '{category}'", category=meaning.category)


def typical_sentence(meaning: LabelMeaning) -> str:
    """How the typical images are chosen."""
    if isinstance(meaning.task, Regression):
        return gettext("Test images that most methods get right and come nearest.")
    return gettext("Test images that most methods get right and are surest of.")


def typical_lines(meaning: LabelMeaning, row: Any) -> tuple[str, str]:
    """How many methods get one image right, and how sure they are."""
    surety = surety_text(meaning.task, row)
    sure = (
        gettext("off by {error}", error=surety)
        if isinstance(meaning.task, Regression)
        else gettext("mean probability {probability}", probability=surety)
    )
    right = ngettext(
        "{right} of {count} method right",
        "{right} of {count} methods right",
        row["methods"],
        right=row["right"],
    )
    return right, sure


def _ids(rows: Sequence[Any]) -> list[str]:
    return [str(row["image_id"]) for row in rows]


def _name(view: StudyView, meaning: LabelMeaning) -> str:
    return f"{view.study.name}-{meaning.task.name}-{meaning.category}"


@cached(entries=32, says=N_("Searching for a rule…"), outlives=True)
def _meaning(
    split: Fingerprint, task: Task, category: str, view: StudyView
) -> LabelMeaning:
    return explain_label(
        view.study,
        view.tasks,
        task,
        category,
        manifest=shipped_manifest(view.study.name),
        answers=load_held_out_answers(view, task),
    )
