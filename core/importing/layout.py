"""How a table with truth and several models' predictions is understood."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import pandas as pd

from core.evaluation.groups import MAX_GROUPS
from core.importing.checking import loosely
from core.importing.columns import (
    ID_ALIASES,
    LABEL_WORDS,
    PROBABILITY_WORDS,
    SCORE_WORDS,
    SEED,
    TaskColumns,
    find_column,
    match_task,
    plain,
    set_aside_fault,
)
from core.importing.findings import FAULT, NOTE, Finding
from core.importing.naming import as_folder
from core.importing.predictions import METHOD_ALIASES
from core.importing.reading import RawColumn, RawTable
from core.tasks import Binary, Multiclass, Regression, Task, natural_order

Kind = Literal["binary", "multiclass", "regression"]
TRUTH_ALIASES = ("truth", "true", "y_true", "target", "ground_truth", "label")
SPLIT = "split"
UNKNOWN = "unknown"
"""Group of the images whose feature is empty."""
MAX_CLASSES = 50
"""Distinct whole numbers beyond which a truth is taken for a regression's."""
MAX_GROUPS_GUESSED = 20
"""Distinct values up to which a column left over is taken for a sensitive feature."""
BINS = 8
"""Bins, about, that a regression's truth is looked at in."""
# Pairs of which everybody knows the positive one.
POSITIVES = {
    frozenset(("0", "1")): "1",
    frozenset(("-1", "1")): "1",
    frozenset(("no", "yes")): "yes",
    frozenset(("n", "y")): "y",
    frozenset(("false", "true")): "true",
    frozenset(("negative", "positive")): "positive",
    frozenset(("neg", "pos")): "pos",
    frozenset(("absent", "present")): "present",
}
_TASK_NAMES = {"", "y", *map(plain, TRUTH_ALIASES)}


@dataclass(frozen=True)
class Asked:
    """What a person says of a table; the rest is found out.

    Parameters
    ----------
    truth : str
        Column of the truth.
    kind : {"binary", "multiclass", "regression"}, optional
    classes : tuple of str
        All of them, where the truth does not hold every one.
    positive : str
        Of a binary task.
    features : tuple of str, optional
        Columns of the sensitive features; an empty tuple is none.
    models : tuple of str, optional
        Columns of the models of a wide table, or what these begin with.
    method, image_id : str, optional
        Columns of the method of a long table, and of the image; an empty one is none.
    unit : str
        Of a regression, in the plural.
    bin_width : float, optional
        Of a regression.
    """

    truth: str = ""
    kind: Kind | None = None
    classes: tuple[str, ...] = ()
    positive: str = ""
    features: tuple[str, ...] | None = None
    models: tuple[str, ...] | None = None
    method: str | None = None
    image_id: str | None = None
    unit: str = ""
    bin_width: float | None = None


@dataclass(frozen=True)
class Layout:
    """How a table is understood.

    Parameters
    ----------
    task : Task
    truth, image_id, seed, split : str
        Columns; empty where there is none.
    method : str
        Column of the method of a long table; empty for a wide one.
    features : tuple of str
    models : dict of str to TaskColumns
        Columns of each model by its label; of a long table one entry, for all.
    is_guessed : bool
        Whether the positive class is the rarer one only, and nobody said so.
    """

    task: Task
    truth: str
    image_id: str
    seed: str = ""
    split: str = ""
    method: str = ""
    features: tuple[str, ...] = ()
    models: Mapping[str, TaskColumns] = field(default_factory=dict)
    is_guessed: bool = False

    @property
    def is_long(self) -> bool:
        """Whether each row is of one method."""
        return bool(self.method)

    def lines(self, names: Sequence[str]) -> list[tuple[str, str]]:
        """The layout for a reader, as pairs of what and which; ``names`` of columns."""
        task = self.task
        if isinstance(task, Regression):
            kind = (
                f"regression, {task.minimum:g} to {task.maximum:g} {task.unit}, bins "
                f"of {task.bin_width:g}"
            )
        elif isinstance(task, Binary):
            kind = f"binary: {task.positive} (positive) against {task.classes[0]}"
        else:
            kind = f"{len(task.classes)} classes: {', '.join(task.classes)}"
        form = "long: a row for each image and method"
        used = {
            self.truth,
            self.image_id,
            self.seed,
            self.split,
            self.method,
            *self.features,
            *(name for columns in self.models.values() for name in columns.used),
        }
        pairs = [
            ("form", form if self.is_long else "wide: columns for each model"),
            ("image", self.image_id or "the rows, by their number"),
            ("truth", self.truth),
            ("task", kind),
            ("sensitive features", ", ".join(self.features) or "none"),
        ]
        pairs += [("method", self.method)] if self.is_long else []
        pairs += [("seed", self.seed)] if self.seed else []
        pairs += [("split", self.split)] if self.split else []
        for label, columns in self.models.items():
            what = "predictions" if self.is_long else f"model {label}"
            pairs.append((what, _said(columns)))
        others = [name for name in names if name not in used]
        return pairs + ([("not looked at", ", ".join(others))] if others else [])


def _said(columns: TaskColumns) -> str:
    parts = [f"labels in {columns.label}"] if columns.label else []
    if isinstance(columns.task, Regression):
        parts = [columns.label]
    if columns.probabilities:
        own = [f"{name} ({label})" for label, name in columns.probabilities.items()]
        parts.append(f"probabilities in {', '.join(own)}")
    return "; ".join(parts) or "none"


def find_layout(raw: RawTable, asked: Asked) -> tuple[Layout | None, list[Finding]]:
    """Understand a table, as asked and where that leaves it open by its columns.

    Returns
    -------
    Layout or None, list of Finding
        None where a fault leaves nothing to go on with.
    """
    findings = _unknown_columns(raw, asked)
    if findings:
        return None, findings
    truth, found = _find_truth(raw.names, asked)
    findings += found
    if not truth:
        findings += set_aside_fault(raw.set_aside, (), TRUTH_ALIASES)
        return None, findings
    task, found = _find_task(raw.column(truth), asked)
    findings += found
    if task is None:
        return None, findings
    columns: dict[str, str] = {}
    given = {"image_id": asked.image_id, "method": asked.method}
    if asked.models and asked.method is None:
        given["method"] = ""
    for what, aliases in (
        ("image_id", ID_ALIASES),
        ("method", METHOD_ALIASES),
        ("seed", (SEED,)),
        ("split", (SPLIT,)),
    ):
        rest = [n for n in raw.names if n not in (truth, *columns.values())]
        rest = [n for n in rest if n not in {*(asked.features or ())}]
        said = given.get(what)
        if said is not None:
            columns[what] = said
            continue
        columns[what], found = find_column(rest, aliases, f"the {what}")
        findings += found
    rest = [name for name in raw.names if name not in {truth, *columns.values()}]
    models, found = _find_models(raw, rest, task, columns["method"], asked)
    findings += found
    if not models or not all(one.used for one in models.values()):
        begun = [name for name in models if name] or _prefixes(raw.set_aside, task)
        findings += set_aside_fault(raw.set_aside, [*begun, task.name, ""])
    used = {name for one in models.values() for name in one.used}
    rest = [name for name in rest if name not in used]
    features = asked.features
    if features is None:
        features = tuple(name for name in rest if _is_feature(raw.column(name)))
    findings += _clashes(task, features)
    findings += _too_many_groups(raw, features)
    is_guessed = isinstance(task, Binary) and not (
        asked.positive or _known_positive(task.classes)
    )
    if is_guessed:
        findings += _guessed_scores(task, models.values())
    layout = Layout(
        task,
        truth,
        columns["image_id"],
        columns["seed"],
        columns["split"],
        columns["method"],
        tuple(features),
        models,
        is_guessed,
    )
    return layout, findings


def _unknown_columns(raw: RawTable, asked: Asked) -> list[Finding]:
    named = [asked.truth, asked.method, asked.image_id, *(asked.features or ())]
    missing = [name for name in named if name and name not in raw.names]
    if not missing:
        return []
    if found := set_aside_fault(raw.set_aside, (), missing):
        return found
    return [
        Finding(
            FAULT,
            f"There is no column {', '.join(repr(name) for name in missing)}.",
            expected=f"one of {', '.join(raw.names)}.",
            remedy="name columns as the heading has them.",
        )
    ]


def _find_truth(names: Sequence[str], asked: Asked) -> tuple[str, list[Finding]]:
    if asked.truth:
        return asked.truth, []
    ends = [name for name in names if plain(name).endswith("_true")]
    known = {plain(alias) for alias in TRUTH_ALIASES}
    found = [name for name in names if plain(name) in known] or ends
    if len(found) == 1:
        return found[0], []
    what = f"{len(found)} columns could be the truth: {', '.join(found)}."
    return "", [
        Finding(
            FAULT,
            what if found else "No column is known to be the truth.",
            expected="a column 'truth', or one that ends in '_true'.",
            remedy="say which it is: --truth COLUMN.",
        )
    ]


def _find_task(column: RawColumn, asked: Asked) -> tuple[Task | None, list[Finding]]:
    name = re.sub(r"_true$", "", plain(column.name))
    name = re.sub(r"[^a-z0-9_]+", "_", name).strip("_")
    name = "label" if name in _TASK_NAMES else name
    label = name.replace("_", " ").capitalize()
    used = set(np.unique(column.coded[0]).tolist())
    found = [
        text for place, text in enumerate(column.coded[1]) if text and place in used
    ]
    if not found:
        fault = Finding(FAULT, f"The truth '{column.name}' is empty.")
        return None, [fault]
    kind = asked.kind or _guess_kind(found, asked)
    if kind == "regression":
        return _regression(column, name, label, asked)
    classes = tuple(dict.fromkeys((*asked.classes, *natural_order(found))))
    if kind == "binary":
        return _binary(column, name, label, classes, asked)
    if len(classes) < 2 or len(classes) > 1000:
        return None, [
            Finding(
                FAULT,
                f"The truth '{column.name}' holds {len(classes):,} classes.",
                expected="two to a thousand classes, or numbers of a regression.",
                remedy="say which kind of task it is: --kind regression.",
            )
        ]
    return Multiclass(name, label, classes), []


def _guess_kind(found: Sequence[str], asked: Asked) -> Kind:
    classes = set(found) | set(asked.classes)
    if len(classes) <= 2:
        return "binary"
    numbers = [number for text in found if (number := _number(text)) is not None]
    if len(numbers) < len(found) or asked.classes:
        return "multiclass"
    whole = all(number % 1 == 0 for number in numbers)
    return "multiclass" if whole and len(classes) <= MAX_CLASSES else "regression"


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def _binary(
    column: RawColumn, name: str, label: str, classes: Sequence[str], asked: Asked
) -> tuple[Task | None, list[Finding]]:
    if len(classes) != 2:
        return None, [
            Finding(
                FAULT,
                f"The truth '{column.name}' holds {len(classes)} classes: "
                f"{', '.join(classes[:5])}.",
                expected="two classes for a binary task.",
                remedy="say which kind of task it is with --kind, or name the class "
                "that no image has with --class.",
            )
        ]
    if asked.positive and asked.positive not in classes:
        return None, [
            Finding(
                FAULT,
                f"The positive class '{asked.positive}' is not in '{column.name}'.",
                expected=f"one of {', '.join(classes)}.",
                remedy="name it as the column has it.",
            )
        ]
    findings = []
    positive = asked.positive or _known_positive(classes)
    if not positive:
        codes, texts = column.coded
        counts = dict(zip(texts, np.bincount(codes, minlength=len(texts)), strict=True))
        positive = min(reversed(classes), key=lambda text: int(counts.get(text, 0)))
        findings.append(
            Finding(
                NOTE,
                f"'{positive}' is taken for the positive class, as the rarer one.",
                remedy="say --positive CLASS if it is the other.",
            )
        )
    negative = next(text for text in classes if text != positive)
    return Binary(name, label, (negative, positive)), findings


def _known_positive(classes: Sequence[str]) -> str:
    """The positive one of a pair that everybody knows, empty of another pair."""
    by_plain = {loosely(text): text for text in classes}
    return by_plain.get(POSITIVES.get(frozenset(by_plain), ""), "")


def _guessed_scores(task: Task, models: Iterable[TaskColumns]) -> list[Finding]:
    """Scores of no class in a table whose positive class is a guess: all or nothing."""
    scores = [
        name for one in models if one.is_score for name in one.probabilities.values()
    ]
    if not scores:
        return []
    assert isinstance(task, Binary)
    named = ", ".join(repr(name) for name in scores)
    return [
        Finding(
            FAULT,
            f"Of which class is the probability in {named}? Read for the wrong one, "
            "every answer would be turned around.",
            expected=f"the positive class, {' or '.join(task.classes)}, or columns "
            "that end in '_p_<class>'.",
            remedy="say --positive CLASS (on the page, choose it).",
        )
    ]


def _regression(
    column: RawColumn, name: str, label: str, asked: Asked
) -> tuple[Task | None, list[Finding]]:
    values = column.numbers[np.isfinite(column.numbers)]
    if not len(values) or np.ptp(values) == 0:
        return None, [
            Finding(
                FAULT,
                f"The truth '{column.name}' holds no two different numbers.",
                expected="numbers that differ, for a regression.",
                remedy="say which kind of task it is: --kind binary or multiclass.",
            )
        ]
    low, high = float(values.min()), float(values.max())
    width = asked.bin_width or round_width(high - low)
    if (high - low) / width > 1000:
        return None, [
            Finding(
                FAULT,
                f"Bins of {width:g} would be {(high - low) / width:,.0f} bins.",
                expected="at most 1,000 bins.",
                remedy="choose a larger width with --bin-width.",
            )
        ]
    return Regression(name, label, asked.unit or "units", low, high, width), []


def round_width(extent: float) -> float:
    """A round width that cuts an extent into about ``BINS`` bins."""
    rough = extent / BINS
    power = 10.0 ** np.floor(np.log10(rough))
    step = next(step for step in (1, 2, 5, 10) if rough <= step * power * (1 + 1e-9))
    return float(f"{step * power:.6g}")


def _find_models(
    raw: RawTable, names: Sequence[str], task: Task, method: str, asked: Asked
) -> tuple[dict[str, TaskColumns], list[Finding]]:
    """Columns of each model; of a long table, those that all of them share."""
    names = [name for name in names if name not in (asked.features or ())]
    if method:
        # A bare name of the task would be the truth's twin, not a prediction.
        columns, findings = match_task(names, task, (task.name, ""))
        return {"": columns}, findings
    prefixes = list(asked.models or _prefixes(names, task))
    if not prefixes:
        prefixes = [name for name in names if _is_prediction(raw.column(name), task)]
    if not prefixes:
        return {}, [
            Finding(
                FAULT,
                "No column is known to hold a model's predictions.",
                expected="<model>_pred or <model>_p_<class> for each model, or a "
                "column 'method' with 'pred' beside it.",
                remedy="name the columns of models with --model (on the page, choose "
                "them).",
            )
        ]
    models, findings = {}, []
    for prefix in prefixes:
        others = [
            p for p in prefixes if p != prefix and plain(p).startswith(plain(prefix))
        ]
        own = [n for n in names if not _begins(n, others)]
        models[prefix], found = _match_model(raw, own, task, prefix)
        findings += found
    return models, findings


def _begins(name: str, prefixes: Sequence[str]) -> bool:
    return any(
        plain(name) == plain(p) or plain(name).startswith(f"{plain(p)}_")
        for p in prefixes
    )


def _match_model(
    raw: RawTable, names: Sequence[str], task: Task, prefix: str
) -> tuple[TaskColumns, list[Finding]]:
    columns, findings = match_task(names, task, (prefix,))
    if columns.label and isinstance(task, Binary) and not columns.probabilities:
        column = raw.column(columns.label)
        if not _holds_classes(column, task) and _is_share(column):
            # Scores under a model's bare name.
            own = {task.positive: columns.label}
            return TaskColumns(task, "", own, is_score=True), findings
    return columns, findings


def _prefixes(names: Sequence[str], task: Task) -> list[str]:
    """What columns begin with that end as those of predictions do."""
    ends = [f"_{word}" for word in LABEL_WORDS]
    if not isinstance(task, Regression):
        ends += [
            plain(f"_{word}_{label}")
            for word in PROBABILITY_WORDS
            for label in task.classes
        ]
        ends += [f"_{word}" for word in SCORE_WORDS] if task.kind == "binary" else []
    found: dict[str, str] = {}
    for name in names:
        end = max(
            (end for end in ends if plain(name).endswith(end)), key=len, default=""
        )
        if end and len(name) > len(end):
            found.setdefault(plain(name[: -len(end)]), name[: -len(end)])
    return list(found.values())


def _is_prediction(column: RawColumn, task: Task) -> bool:
    """Whether a column of any name holds answers, by its values alone.

    Numbers never say so: a height could be an answer of a regression, and a group that
    is 0 or 1 one of a task whose classes are.
    """
    if isinstance(task, Regression):
        return False
    if _holds_classes(column, task):
        return any(_number(label) is None for label in task.classes)
    return isinstance(task, Binary) and _is_share(column)


def _holds_classes(column: RawColumn, task: Task) -> bool:
    assert not isinstance(task, Regression)
    return set(column.coded[1]) - {""} <= set(task.classes)


def _is_share(column: RawColumn) -> bool:
    values = column.numbers
    inside = np.isfinite(values) & (values >= 0) & (values <= 1)
    # A column of zeros and ones alone is one of groups or labels.
    return bool(inside.all() and (values % 1 != 0).any())


def _is_feature(column: RawColumn) -> bool:
    return 2 <= len(set(column.coded[1]) - {""}) <= MAX_GROUPS_GUESSED


def _clashes(task: Task, features: Sequence[str]) -> list[Finding]:
    taken = {
        "image_id",
        SPLIT,
        *(f"{task.name}{end}" for end in ("", "_true", "_pred", "_bin")),
    }
    if not isinstance(task, Regression):
        taken |= {f"{task.name}_p_{label}" for label in task.classes}
    bad = [name for name in features if name in taken]
    if not bad:
        return []
    return [
        Finding(
            FAULT,
            f"A sensitive feature cannot be called '{bad[0]}'.",
            expected="a name that no column of a run has.",
            remedy="rename the column.",
        )
    ]


def _too_many_groups(raw: RawTable, features: Sequence[str]) -> list[Finding]:
    counts = {name: len(np.unique(raw.column(name).coded[0])) for name in features}
    return [
        Finding(
            FAULT,
            f"The sensitive feature '{name}' has {count:,} groups.",
            expected=f"at most {MAX_GROUPS}: metrics of fewer images tell nothing.",
            remedy="write a column of fewer groups, such as ranges of numbers, or "
            "leave it out.",
            count=count,
        )
        for name, count in counts.items()
        if count > MAX_GROUPS
    ]


def method_names(labels: Sequence[str]) -> tuple[dict[str, str], list[Finding]]:
    """Name of the folder of each method, by its label, and those that are the same."""
    names: dict[str, str] = {}
    findings = []
    for label in labels:
        name, found = as_folder(label)
        findings += found
        if found:
            continue
        if name in names.values():
            findings.append(
                Finding(
                    FAULT,
                    f"Two methods would be called '{name}'.",
                    expected="names that differ in letters and digits.",
                    remedy=f"rename '{label}'.",
                )
            )
        names[label] = name
    return names, findings


def group_names(column: RawColumn) -> tuple[pd.Categorical, tuple[str, ...]]:
    """Groups of a feature, sorted; rows without one are in a group of their own."""
    codes, texts = column.coded
    used = set(np.unique(codes).tolist())
    own = [text or UNKNOWN for text in texts]
    names = natural_order({own[place] for place in used})
    places = np.array([names.index(t) if t in names else -1 for t in own], np.intp)
    return pd.Categorical.from_codes(places[codes], names), tuple(names)
