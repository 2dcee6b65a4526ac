"""Explain a label: the rule behind it, its contradictions, its typical images."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from core.data.attributes import load_attributes
from core.data.label_noise import CLEAN
from core.data.manifest import LEFT_OUT, TEST, TRAINING
from core.errors import EquipoiseError, StudyError
from core.evaluation.alignment import RunKey, align_predictions
from core.evaluation.answers import Answers, categories_of, collect_answers
from core.evaluation.confusion_counts import encode_categories
from core.evaluation.label_errors import SplitPredictions
from core.evaluation.metrics import in_unit
from core.evaluation.rules.contradictions import (
    KINDS,
    MADE,
    PROBABLE,
    RULE,
    UNKNOWN,
    collect_opinions,
    find_contradictions,
)
from core.evaluation.rules.held_out import METRICS, judge_rules
from core.evaluation.rules.search import Rule, Search, search_rules
from core.evaluation.typical_images import typical_images
from core.language import N_, gettext, ngettext
from core.results.cells import Text
from core.results.numbers import UNKNOWN as NO_NUMBER
from core.results.tables import Column, Table
from core.study import Study
from core.tasks import Binary, Regression, Task
from core.text import clauses, number, strong

MANIFEST = N_("The manifest")
ONE_LABEL = N_(
    "No training image, or every one, is '{category}': there is nothing to explain."
)
ALL_ALIKE = N_(
    "The attributes are the same for all training images: there is nothing to explain."
)
NO_MANIFEST = N_("No manifest with these labels is kept with the runs.")
NO_ATTRIBUTES = N_("These images have no other attribute than this label.")
NO_TRAINING = N_("A rule is searched on training images, and this study has none.")
RUNNERS_UP = 4
WEAK = 0.1
"""Share of the labels' bits below which the best rule explains little."""
KIND_WORDS = {
    MADE: N_("label error, made on purpose"),
    PROBABLE: N_("probable label error"),
    UNKNOWN: N_("no method answered it"),
    RULE: N_("the rule falls short"),
}


@dataclass(frozen=True)
class LabelMeaning:
    """The explanation of one class, or of one bin of a number.

    Parameters
    ----------
    task : Task
    category : str
    attributes : tuple of str
        That the rule could be made of.
    plain_reason : str
        ``reason``, in English; ``{category}`` in it is the category.
    search : Search or None
    rules : tuple of Rule
        The best one, if any explains the labels, then the runners-up.
    judged : DataFrame
        From ``judge_rules``, one row each of ``rules``.
    held_out, positives : int
        Test images that the rules are judged on, and those of them with the label.
    images : int
        Images of all splits that were looked through for contradictions.
    contradictions : DataFrame
        From ``find_contradictions``; empty without a rule that explains enough to be
        contradicted (``is_strong``).
    typical : DataFrame
        From ``typical_images``.
    """

    task: Task
    category: str
    attributes: tuple[str, ...]
    plain_reason: str
    search: Search | None
    rules: tuple[Rule, ...]
    judged: pd.DataFrame
    held_out: int
    positives: int
    images: int
    contradictions: pd.DataFrame
    typical: pd.DataFrame

    @property
    def reason(self) -> str:
        """Why no rule was searched; empty if one was."""
        return gettext(self.plain_reason, category=self.category)

    @property
    def best(self) -> Rule | None:
        """The rule that explains the label."""
        return None if self.search is None else self.search.best

    @property
    def is_strong(self) -> bool:
        """Whether the rule explains enough for images to contradict it."""
        return self.best is not None and self.explained(self.best) >= WEAK

    def explained(self, rule: Rule) -> float:
        """Share of the bits of the training labels that a rule saves, its own paid."""
        assert self.search is not None
        return 1 - rule.bits / self.search.plain_bits


def collect_split_answers(
    tables: Mapping[str, Mapping[RunKey, pd.DataFrame]], task: Task, baseline: str
) -> dict[str, Answers]:
    """The answers of the methods to the images of each split.

    Parameters
    ----------
    tables : mapping of split to mapping of (method, seed) to DataFrame
        Predictions of one split each.
    task : Task
    baseline : str
        Method of the images; without a run of it, that of the first.

    Returns
    -------
    dict of Answers
        By split; one whose predictions do not go together is left out, as one without
        images is.
    """
    return {
        split: collect_answers(own.aligned, task, own.image_ids)
        for split, own in align_splits(tables, task, baseline).items()
    }


def align_splits(
    tables: Mapping[str, Mapping[RunKey, pd.DataFrame]], task: Task, baseline: str
) -> dict[str, SplitPredictions]:
    """The predictions of each split in one order; as ``collect_split_answers``."""
    found = {}
    for split, given in tables.items():
        # Predictions of others may be of the test images alone.
        own = {run: table for run, table in given.items() if len(table)}
        with suppress(EquipoiseError):
            found[split] = align_split(own, task, baseline)
    return found


def align_split(
    tables: Mapping[RunKey, pd.DataFrame], task: Task, baseline: str
) -> SplitPredictions:
    """The predictions of one split in one order.

    Parameters
    ----------
    tables : mapping of (method, seed) to DataFrame
    task : Task
    baseline : str
        Method of the images; without a run of it, that of the first.

    Raises
    ------
    EquipoiseError
        If there are none, or they do not go together.
    """
    present = dict.fromkeys(method for method, _ in tables)
    reference = baseline if baseline in present else next(iter(present), baseline)
    aligned = align_predictions(tables, [task], reference)
    first = tables[min(run for run in tables if run[0] == reference)]
    ids = first["image_id"].astype(str).to_numpy(object)
    return SplitPredictions(aligned, ids)


def find_category(task: Task, name: str) -> int:
    """Place of a class, or of a bin.

    Raises
    ------
    EquipoiseError
        If the task has no such class.
    """
    categories = categories_of(task)
    if name in categories:
        return categories.index(name)
    raise EquipoiseError(
        gettext("The task '{task}' has no bin '{name}'.", task=task.name, name=name)
        if isinstance(task, Regression)
        else gettext(
            "The task '{task}' has no class '{name}'.", task=task.name, name=name
        ),
        expected=gettext("one of {names}.", names=", ".join(categories)),
        remedy=gettext("correct --class."),
    )


def find_task(study: Study, tasks: Sequence[Task], name: str | None) -> Task:
    """The task of that name; by default the first one with classes.

    Raises
    ------
    StudyError
        If the study has no such task.
    """
    known = {task.name: task for task in tasks}
    if name is None:
        with_classes = (task for task in tasks if not isinstance(task, Regression))
        return next(with_classes, tasks[0])
    if name not in known:
        raise StudyError(
            gettext(
                "The study '{study}' has no task '{task}'.", study=study.name, task=name
            ),
            expected=gettext("one of {names}.", names=", ".join(known)),
            remedy=gettext("correct --task."),
        )
    return known[name]


def explain_label(
    study: Study,
    tasks: Sequence[Task],
    task: Task,
    category: str,
    *,
    manifest: pd.DataFrame | None,
    answers: Mapping[str, Answers],
) -> LabelMeaning:
    """Find out what a label means.

    Parameters
    ----------
    study : Study
    tasks : sequence of Task
        All of the study.
    task : Task
        Whose labels are explained.
    category : str
        Class or bin.
    manifest : DataFrame or None
        That the runs were trained on, without paths; None where none is kept.
    answers : mapping of split to Answers
        From ``collect_split_answers``.

    Returns
    -------
    LabelMeaning

    Raises
    ------
    EquipoiseError
        If the task has no such class, or the manifest does not go with the study.

    Notes
    -----
    The rule is searched on the training images, with the labels that the methods were
    trained on, and judged on the test images, whose labels no study makes noisy.
    """
    place = find_category(task, category)
    empty = pd.DataFrame(columns=["image_id"])
    typical = typical_images(answers[TEST], place) if TEST in answers else empty
    rows, table, reason = _attributes_of(study, tasks, task, manifest)
    found = LabelMeaning(
        task=task,
        category=category,
        attributes=tuple(map(str, table.columns)),
        plain_reason=reason,
        search=None,
        rules=(),
        judged=pd.DataFrame(),
        held_out=0,
        positives=0,
        images=len(rows),
        contradictions=pd.DataFrame(columns=["kind"]),
        typical=typical,
    )
    if reason:
        return found
    labels = encode_categories(rows[task.name], task, where=MANIFEST)
    has_label = labels == place
    training, test = ((rows["split"] == s).to_numpy() for s in (TRAINING, TEST))
    search = search_rules(table[training], has_label[training])
    if not search.ranked:
        is_mixed = search.positives % search.images
        return _with(found, plain_reason=ALL_ALIKE if is_mixed else ONE_LABEL)
    best, others = search.best, search.runners_up(RUNNERS_UP)
    rules = others if best is None else (best, *others)
    judged = judge_rules(rules, table[test], has_label[test])
    images = pd.DataFrame(
        {
            "split": rows["split"].to_numpy(object),
            "label": np.array(categories_of(task), dtype=object)[labels],
        },
        index=table.index,
    )
    if CLEAN.format(task.name) in rows:
        clean = rows[CLEAN.format(task.name)]
        before = encode_categories(clean, task, where=MANIFEST)
        images["had_label"] = before == place
    found = _with(
        found,
        search=search,
        rules=rules,
        judged=judged,
        held_out=int(test.sum()),
        positives=int(has_label[test].sum()),
    )
    if best is None or not found.is_strong:
        return found
    opinions = collect_opinions(list(answers.values()), place)
    predicted = best.holds(table)
    listed = find_contradictions(images, has_label, predicted, opinions)
    return _with(found, contradictions=listed)


def _with(meaning: LabelMeaning, **changes: Any) -> LabelMeaning:
    return LabelMeaning(**{**vars(meaning), **changes})


def _attributes_of(
    study: Study, tasks: Sequence[Task], task: Task, manifest: pd.DataFrame | None
) -> tuple[pd.DataFrame, pd.DataFrame, str]:
    """Rows of the manifest, attributes of their images, and why no rule is searched."""
    nothing = pd.DataFrame()
    if manifest is None or task.name not in manifest:
        return nothing, nothing, NO_MANIFEST
    rows = manifest[manifest["split"] != LEFT_OUT]
    table = load_attributes(study, manifest, tasks, task).drop(columns="split")
    if not len(table.columns):
        return rows, table, NO_ATTRIBUTES
    if not (rows["split"] == TRAINING).any():
        return rows, table, NO_TRAINING
    return rows, table, ""


def meaning_sentence(meaning: LabelMeaning) -> str:
    """The meaning of the label, in one sentence with marks."""
    label = gettext("'{category}'", category=meaning.category)
    if meaning.reason:
        none = gettext("So no rule can say what it means.")
        return f"{meaning.reason} {none}"
    if meaning.best is None:
        return ngettext(
            "No rule over {count} attribute explains {label}: each costs more bits than"
            " it saves.",
            "No rule over {count} attributes explains {label}: each costs more bits"
            " than it saves.",
            len(meaning.attributes),
            label=label,
        )
    rule, row = meaning.best, meaning.judged.iloc[0]
    fields = {
        "label": label,
        "rule": strong(rule.said),
        "precision": _score(row, "precision"),
        "recall": _score(row, "recall"),
        "f1": _score(row, "f1"),
    }
    if meaning.is_strong:
        return ngettext(
            "{label} is best explained by {rule}; on {count} test image, precision"
            " {precision}, recall {recall}, F1 {f1}.",
            "{label} is best explained by {rule}; on {count} test images, precision"
            " {precision}, recall {recall}, F1 {f1}.",
            meaning.held_out,
            **fields,
        )
    return ngettext(
        "No rule explains {label} well. The best one is {rule}; on {count} test image,"
        " precision {precision}, recall {recall}, F1 {f1}.",
        "No rule explains {label} well. The best one is {rule}; on {count} test images,"
        " precision {precision}, recall {recall}, F1 {f1}.",
        meaning.held_out,
        **fields,
    )


def contradiction_sentence(meaning: LabelMeaning) -> str:
    """How many images contradict the rule, and what speaks for the label or for it."""
    if meaning.best is None:
        return ""
    if not meaning.is_strong:
        return gettext("It explains too little for an image to contradict it.")
    counts = meaning.contradictions["kind"].value_counts()
    total = int(counts.sum())
    if not total:
        return ngettext(
            "None of {count} image contradicts the rule.",
            "None of {count} images contradicts the rule.",
            meaning.images,
        )
    parts = [_of_kind(k, n) for k in KINDS if (n := int(counts.get(k, 0)))]
    return ngettext(
        "{count} of {whole} contradicts the rule: {parts}.",
        "{count} of {whole} contradict the rule: {parts}.",
        total,
        whole=ngettext("{count} image", "{count} images", meaning.images),
        parts=clauses(parts),
    )


def _of_kind(kind: str, count: int) -> str:
    """How many contradictions are of one kind."""
    if kind == MADE:
        return ngettext(
            "{count} has a label that was changed on purpose",
            "{count} have a label that was changed on purpose",
            count,
        )
    if kind == PROBABLE:
        return ngettext(
            "{count} has probably a wrong label: most methods answer as the rule does",
            "{count} have probably a wrong label: most methods answer as the rule does",
            count,
        )
    if kind == UNKNOWN:
        return ngettext(
            "{count} has no method's answer, as training images have none",
            "{count} have no method's answer, as training images have none",
            count,
        )
    return ngettext(
        "{count} has a label that most methods confirm, so that the rule falls short",
        "{count} have a label that most methods confirm, so that the rule falls short",
        count,
    )


def rules_table(meaning: LabelMeaning, *, title: str = "") -> Table:
    """The rule and the runners-up, and how well each says the labels of test images."""
    best = meaning.best
    rows = []
    for place, rule in enumerate(meaning.rules):
        row = meaning.judged.iloc[place]
        share = number(100 * meaning.explained(rule), 1)
        explained = gettext("{size} %", size=share)
        scores = (Text(_score(row, metric)) for metric in METRICS)
        rows.append((Text(rule.said, is_name=rule is best), Text(explained), *scores))
    headings = (
        gettext("Explains"),
        gettext("Precision ↑"),
        gettext("Recall ↑"),
        "F1 ↑",
    )
    columns = (Column(gettext("Rule"), align="left"), *map(Column, headings))
    return Table(title, columns, tuple(rows))


RULES_NOTE = N_(
    "Searched on the training images, over every and, or and not of up to three "
    "conditions; judged on the test images, with 95 % intervals. Explains: the share "
    "of the bits of the training labels that the rule saves, its own length paid for "
    "(minimum description length); a longer rule has to save more than it costs, and "
    "where it does not, the shorter one stands above it."
)


def contradictions_table(
    meaning: LabelMeaning, *, limit: int | None = None, title: str = ""
) -> Table:
    """The images that contradict the rule, label errors first."""
    rows = [
        (
            Text(str(row["image_id"]), is_code=True),
            Text(gettext(str(row["split"]))),
            Text(str(row["label"])),
            Text(says_text(meaning, says=bool(row["says"]))),
            Text(gettext(KIND_WORDS[str(row["kind"])])),
            Text(opinion_text(row)),
        )
        for _, row in meaning.contradictions.head(limit).iterrows()
    ]
    headings = (
        gettext("Image"),
        gettext("Split"),
        gettext("Label"),
        gettext("By the rule"),
        gettext("Seems"),
        gettext("Methods as the rule"),
    )
    return Table(title, tuple(Column(h, align="left") for h in headings), tuple(rows))


def says_text(meaning: LabelMeaning, *, says: bool) -> str:
    """The label that the rule gives to an image, or the other label."""
    if says:
        return meaning.category
    task = meaning.task
    if isinstance(task, Binary):
        return next(each for each in task.classes if each != meaning.category)
    return gettext("not '{category}'", category=meaning.category)


def opinion_text(row: Mapping[Any, Any] | pd.Series) -> str:
    """How many methods answer as the rule does, and what they give to the label."""
    if not row["methods"]:
        return NO_NUMBER
    of = gettext("{part} of {whole}", part=row["with_rule"], whole=row["methods"])
    if not np.isfinite(row["probability"]):
        return of
    share = gettext("{size} %", size=number(100 * row["probability"], 0))
    return gettext("{of_methods}, label {share}", of_methods=of, share=share)


def typical_table(
    meanings: Sequence[LabelMeaning], *, limit: int, title: str = ""
) -> Table:
    """The most typical test images of every class; of one class without its name."""
    named = len(meanings) > 1
    rows = [
        (
            *[Text(meaning.category)] * named,
            Text(str(row["image_id"]), is_code=True),
            Text(gettext("{part} of {whole}", part=row["right"], whole=row["methods"])),
            Text(surety_text(meaning.task, row)),
        )
        for meaning in meanings
        for _, row in meaning.typical.head(limit).iterrows()
    ]
    task = meanings[0].task
    is_number = isinstance(task, Regression)
    sure = gettext("Mean error") if is_number else gettext("Mean probability")
    headings = (
        *[gettext(task.label)] * named,
        gettext("Image"),
        gettext("Methods right"),
    )
    columns = (*(Column(h, align="left") for h in headings), Column(sure))
    return Table(title, columns, tuple(rows), blocks=int(named))


def surety_text(task: Task, row: Mapping[Any, Any] | pd.Series) -> str:
    """How sure the methods are of the label of an image, or how near to its number."""
    if isinstance(task, Regression):
        return in_unit(number(row["error"], 1), task.unit, row["error"])
    if not np.isfinite(row["probability"]):
        return NO_NUMBER
    return gettext("{size} %", size=number(100 * row["probability"], 1))


def meaning_record(meaning: LabelMeaning, *, limit: int) -> dict[str, Any]:
    """Everything as JSON; ``limit`` images of each list."""
    search = meaning.search
    return {
        "task": meaning.task.name,
        "class": meaning.category,
        "attributes": list(meaning.attributes),
        "reason": meaning.reason,
        "rule": None if meaning.best is None else meaning.best.text,
        "searched": None
        if search is None
        else {
            "images": search.images,
            "with_label": search.positives,
            "sets_of_conditions": search.tried,
            "bits_without_rule": round(search.plain_bits, 1),
            "left_out": list(search.left_out),
        },
        "held_out": {"images": meaning.held_out, "with_label": meaning.positives},
        "rules": [
            {
                "rule": rule.text,
                "attributes": sorted(rule.columns),
                "bits": round(rule.bits, 1),
                "explained": meaning.explained(rule),
                **{
                    metric: {
                        "value": float(row[metric]),
                        "ci": [
                            float(row[f"{metric}_{end}"]) for end in ("low", "high")
                        ],
                    }
                    for metric in METRICS
                },
            }
            for rule, (_, row) in zip(
                meaning.rules, meaning.judged.iterrows(), strict=False
            )
        ],
        "contradictions": {
            "images": meaning.images,
            "counts": {
                kind: int((meaning.contradictions["kind"] == kind).sum())
                for kind in KINDS
            },
            "listed": meaning.contradictions.head(limit).to_dict("records"),
        },
        "typical": meaning.typical.head(limit).to_dict("records"),
    }


def _score(row: pd.Series, metric: str) -> str:
    value, low, high = (row[f"{metric}{end}"] for end in ("", "_low", "_high"))
    if not np.isfinite(value):
        return NO_NUMBER
    if not np.isfinite(low):
        return number(value)
    between = gettext("[{low}, {high}]", low=number(low), high=number(high))
    return f"{number(value)} {between}"
