"""How a table with truth and several models' predictions is understood."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from core.data.cache import Progress
from core.importing.checking import match_classes
from core.importing.columns import (
    ID_ALIASES,
    LABEL_WORDS,
    PROBABILITY_WORDS,
    SCORE_WORDS,
    SEED,
    TaskColumns,
    find_column,
    is_number,
    listed_in_quotes,
    match_task,
    plain,
    set_aside_fault,
)
from core.importing.features import (
    SPLIT,
    feature_faults,
    propose_features,
    stray_answers,
)
from core.importing.file_findings import FAULT, NOTE, Finding
from core.importing.naming import (
    as_folder,
    is_same_label,
    made_names_note,
    told_apart,
)
from core.importing.predictions import METHOD_ALIASES
from core.importing.reading import RawColumn, RawTable
from core.importing.task_kind import (
    TRUTH_ALIASES,
    LayoutChoices,
    find_task,
    guessed_scores,
    known_positive,
)
from core.language import N_, gettext, in_form
from core.tasks import Binary, Regression, Task
from core.text import clauses, quoted

MANY = 20
"""Names that a line lists."""
_WORDS = {
    "image_id": N_("the image's id"),
    "method": N_("the method"),
    "seed": N_("the seed"),
    "split": N_("the split"),
}


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
    stray : tuple of str
        Columns that hold answers, and that nobody said are a model's or groups.
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
    stray: tuple[str, ...] = ()

    @property
    def is_long(self) -> bool:
        """Whether each row belongs to one method."""
        return bool(self.method)

    def lines(self, names: Sequence[str]) -> list[tuple[str, str]]:
        """The layout for a reader, as pairs of what and which; ``names`` of columns."""
        task = self.task
        if isinstance(task, Regression):
            kind = gettext(
                "regression, {low} to {high} {unit}, bins of {width}",
                low=in_form(f"{task.minimum:.15g}"),
                high=in_form(f"{task.maximum:.15g}"),
                unit=gettext(task.unit),
                width=in_form(f"{task.bin_width:g}"),
            )
        elif isinstance(task, Binary):
            kind = gettext(
                "binary: {positive} (positive) against {negative}",
                positive=task.positive,
                negative=task.classes[0],
            )
        else:
            more = ", ..." if len(task.classes) > MANY else ""
            shown = ", ".join(task.classes[:MANY])
            kind = gettext(
                "{n} classes: {classes}",
                n=str(len(task.classes)),
                classes=shown + more,
            )
        form = (
            gettext("long: a row for each image and method")
            if self.is_long
            else gettext("wide: columns for each model")
        )
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
            (gettext("form"), form),
            (gettext("image"), self.image_id or gettext("the rows, by their number")),
            (gettext("truth"), self.truth),
            (gettext("task"), kind),
            (gettext("sensitive features"), _cut(self.features) or gettext("none")),
        ]
        pairs += [(gettext("method"), self.method)] if self.is_long else []
        pairs += [(gettext("seed"), self.seed)] if self.seed else []
        pairs += [(gettext("split"), self.split)] if self.split else []
        for label, columns in self.models.items():
            what = (
                gettext("predictions")
                if self.is_long
                else gettext("model {label}", label=label)
            )
            pairs.append((what, _said(columns)))
        others = [name for name in names if name not in used]
        return pairs + ([(gettext("not looked at"), _cut(others))] if others else [])


def _said(columns: TaskColumns) -> str:
    parts = (
        [gettext("labels in {column}", column=columns.label)] if columns.label else []
    )
    if isinstance(columns.task, Regression):
        parts = [columns.label]
    if columns.probabilities:
        own = [f"{name} ({label})" for label, name in columns.probabilities.items()]
        parts.append(gettext("probabilities in {columns}", columns=_cut(own)))
    return clauses(parts) if parts else gettext("none")


def _cut(names: Sequence[str]) -> str:
    """Names for a reader, of many the first."""
    shown = ", ".join(names[:MANY])
    if len(names) <= MANY:
        return shown
    return gettext("{names} and {n} more", names=shown, n=len(names) - MANY)


def find_layout(
    raw: RawTable,
    choices: LayoutChoices,
    progress: Progress = lambda what, done, total: None,
) -> tuple[Layout | None, list[Finding]]:
    """Understand a table by the choices of a person, then by its columns.

    Parameters
    ----------
    raw : RawTable
    choices : LayoutChoices
    progress : callable
        Told how many of many columns were looked at.

    Returns
    -------
    Layout or None, list of Finding
        None if a fault makes the rest impossible. Each guess is a note.
    """
    findings = _unknown_columns(raw, choices)
    if findings:
        return None, findings
    truth, found = _find_truth(raw.names, choices)
    findings += found
    if not truth:
        findings += set_aside_fault(raw.set_aside, (), TRUTH_ALIASES)
        return None, findings
    task, found = find_task(raw, truth, choices)
    findings += found
    if task is None:
        return None, findings
    columns, found = _find_columns(raw, truth, choices)
    findings += found
    rest = [name for name in raw.names if name not in {truth, *columns.values()}]
    rest = [name for name in rest if name not in choices.ignored]
    models, found = _find_models(raw, rest, task, columns["method"], choices)
    findings += found
    if not models or not all(one.used for one in models.values()):
        begun = [name for name in models if name] or _prefixes(raw.set_aside, task)
        findings += set_aside_fault(raw.set_aside, [*begun, task.name, ""])
    used = {name for one in models.values() for name in one.used}
    rest = [name for name in rest if name not in {*used, *(choices.features or ())}]
    stray: tuple[str, ...] = ()
    if used:
        own = sorted(used, key=raw.names.index)
        stray, found = stray_answers(raw, rest, task, truth, own)
        findings += found
    features = choices.features
    if features is None:
        features, found = propose_features(
            raw, [n for n in rest if n not in stray], task, progress
        )
        findings += found
    findings += feature_faults(raw, features, task)
    is_guessed = isinstance(task, Binary) and not (
        choices.positive or known_positive(task.classes)
    )
    if is_guessed:
        findings += guessed_scores(task, models.values())
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
        stray,
    )
    return layout, findings


def _find_columns(
    raw: RawTable, truth: str, choices: LayoutChoices
) -> tuple[dict[str, str], list[Finding]]:
    """Columns of the image, the method, the seed and the split; empty for none."""
    columns: dict[str, str] = {}
    findings: list[Finding] = []
    given = {"image_id": choices.image_id, "method": choices.method}
    if choices.models and choices.method is None:
        given["method"] = ""
    for what, aliases in (
        ("image_id", ID_ALIASES),
        ("method", METHOD_ALIASES),
        ("seed", (SEED,)),
        ("split", (SPLIT,)),
    ):
        apart = {truth, *columns.values(), *(choices.features or ()), *choices.ignored}
        said = given.get(what)
        if said is not None:
            columns[what] = said
            continue
        rest = [n for n in raw.names if n not in apart]
        columns[what], found = find_column(rest, aliases, gettext(_WORDS[what]))
        findings += found
    if not columns["image_id"] and choices.image_id is None:
        said = gettext(
            "No column holds ids of images: each row is an image, by its number."
        )
        findings.append(
            Finding(
                NOTE, said, remedy=gettext("say --id COLUMN (on the page, choose it).")
            )
        )
    if columns["method"] and choices.models:
        findings.append(
            Finding(
                FAULT,
                gettext(
                    "--model would change nothing: '{method}' names the method of "
                    "each row.",
                    method=columns["method"],
                ),
                expected=gettext(
                    "a table with columns for each model, or with a column of methods."
                ),
                remedy=gettext("leave out --model or --method-column."),
            )
        )
    return columns, findings


def _unknown_columns(raw: RawTable, choices: LayoutChoices) -> list[Finding]:
    named = [choices.truth, choices.method, choices.image_id, *(choices.features or ())]
    named += choices.ignored
    missing = [name for name in named if name and name not in raw.names]
    if not missing:
        return []
    if found := set_aside_fault(raw.set_aside, (), missing):
        return found
    return [
        Finding(
            FAULT,
            gettext(
                "There is no column {names}.",
                names=", ".join(map(quoted, missing)),
            ),
            expected=gettext("one of {names}.", names=", ".join(raw.names)),
            remedy=gettext("name columns as the heading has them."),
        )
    ]


def _find_truth(
    names: Sequence[str], choices: LayoutChoices
) -> tuple[str, list[Finding]]:
    if choices.truth:
        return choices.truth, []
    ends = [name for name in names if plain(name).endswith("_true")]
    known = {plain(alias) for alias in TRUTH_ALIASES}
    found = [name for name in names if plain(name) in known] or ends
    if len(found) == 1:
        said = gettext("Column '{column}' is read as the truth.", column=found[0])
        is_usual = plain(found[0]) == TRUTH_ALIASES[0]
        remedy = gettext("say --truth COLUMN if it is another.")
        return found[0], [] if is_usual else [Finding(NOTE, said, remedy=remedy)]
    what = gettext(
        "{count} columns could be the truth: {found}.",
        count=len(found),
        found=", ".join(found),
    )
    return "", [
        Finding(
            FAULT,
            what if found else gettext("No column was recognised as the truth."),
            expected=gettext("a column 'truth', or one that ends in '_true'."),
            remedy=gettext("say which it is: --truth COLUMN."),
        )
    ]


def _find_models(
    raw: RawTable, names: Sequence[str], task: Task, method: str, choices: LayoutChoices
) -> tuple[dict[str, TaskColumns], list[Finding]]:
    """Columns of each model; of a long table, those that all of them share."""
    names = [name for name in names if name not in (choices.features or ())]
    if method:
        # A bare name of the task would be the truth's twin, not a prediction.
        columns, findings = match_task(names, task, (task.name, ""))
        return {"": columns}, findings
    findings = []
    prefixes = list(choices.models or ())
    if not prefixes:
        begun = _begun(names, task)
        if findings := _twins(begun):
            return {}, findings
        prefixes = [next(iter(written)) for written in begun.values()]
    if not prefixes:
        prefixes = [name for name in names if _is_prediction(raw.column(name), task)]
        if prefixes:
            said = gettext(
                "Taken for models, as they hold answers: {prefixes}.",
                prefixes=listed_in_quotes(prefixes),
            )
            remedy = gettext("say --model COLUMN for each (on the page, choose them).")
            findings.append(Finding(NOTE, said, remedy=remedy))
    if not prefixes:
        return {}, [_no_models()]
    models = {}
    for prefix in prefixes:
        others = [
            p for p in prefixes if p != prefix and plain(p).startswith(plain(prefix))
        ]
        own = [n for n in names if not _begins(n, others)]
        models[prefix], found = _match_model(raw, own, task, prefix)
        findings += found
    return models, findings


def _no_models() -> Finding:
    return Finding(
        FAULT,
        gettext("No column was recognised to hold a model's predictions."),
        expected=gettext(
            "<model>_pred or <model>_p_<class> for each model, or a "
            "column 'method' with 'pred' beside it."
        ),
        remedy=gettext(
            "name the columns of models with --model (on the page, choose them)."
        ),
    )


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
            said = gettext(
                "Column '{column}' is read as the probability of '{label}'.",
                column=column.name,
                label=task.positive,
            )
            findings.append(Finding(NOTE, said))
            return TaskColumns(task, "", own, is_score=True), findings
    return columns, findings


def _prefixes(names: Sequence[str], task: Task) -> list[str]:
    """Prefixes of the columns that end like columns of predictions."""
    return [next(iter(written)) for written in _begun(names, task).values()]


def _begun(names: Sequence[str], task: Task) -> dict[str, dict[str, str]]:
    """The first column of each beginning as it is written, by how it is compared."""
    ends = {f"_{word}" for word in LABEL_WORDS}
    if not isinstance(task, Regression):
        ends |= {
            plain(f"_{word}_{label}")
            for word in PROBABILITY_WORDS
            for label in task.classes
        }
        ends |= {f"_{word}" for word in SCORE_WORDS} if task.kind == "binary" else set()
    found: dict[str, dict[str, str]] = {}
    for name in names:
        compared = plain(name)
        cuts = [place for place, sign in enumerate(compared) if place and sign == "_"]
        # The longest end that is known.
        cut = next((place for place in cuts if compared[place:] in ends), 0)
        if not cut:
            continue
        is_whole = len(compared) == len(name)
        written = name[:cut] if is_whole else compared[:cut]
        found.setdefault(compared[:cut], {}).setdefault(written, name)
    return found


def _twins(begun: Mapping[str, Mapping[str, str]]) -> list[Finding]:
    """Refuse models whose names differ only in capitals or blanks."""
    return [
        Finding(
            FAULT,
            gettext(
                "{names} are columns of models whose names differ in capitals or "
                "blanks alone.",
                names=listed_in_quotes(list(written.values())),
            ),
            expected=gettext(
                "names of models that differ in letters or digits, and one "
                "spelling for all columns of a model."
            ),
            remedy=gettext("rename one of them."),
        )
        for written in begun.values()
        if len(written) > 1
    ]


def _is_prediction(column: RawColumn, task: Task) -> bool:
    """Whether a column of any name holds answers, by its values alone.

    Numbers never say so: a height could be an answer of a regression, and a group that
    is 0 or 1 one of a task whose classes are.
    """
    if isinstance(task, Regression):
        return False
    if _holds_classes(column, task):
        return not all(is_number(label) for label in task.classes)
    return isinstance(task, Binary) and _is_share(column)


def _holds_classes(column: RawColumn, task: Task) -> bool:
    assert not isinstance(task, Regression)
    groups = column.groups
    return groups is not None and bool(
        (match_classes(groups, task.classes)[0] >= 0).all()
    )


def _is_share(column: RawColumn) -> bool:
    values = column.numbers
    inside = np.isfinite(values) & (values >= 0) & (values <= 1)
    # A column of zeros and ones alone is one of groups or labels.
    return bool(inside.all() and (values % 1 != 0).any())


def method_names(labels: Sequence[str]) -> tuple[dict[str, str], list[Finding]]:
    """Name of the folder of each method, by its label, and findings about the names.

    If labels give the same name, a short hash is added. Labels that differ only in
    capitals are refused, since they may be one method.
    """
    names: dict[str, str] = {}
    findings = []
    for label in labels:
        twin = next((other for other in names if is_same_label(other, label)), "")
        if twin:
            findings.append(
                Finding(
                    FAULT,
                    gettext(
                        "The methods '{twin}' and '{label}' differ in capitals alone.",
                        twin=twin,
                        label=label,
                    ),
                    expected=gettext(
                        "names of methods that differ in letters or digits."
                    ),
                    remedy=gettext(
                        "rename '{label}', or write both in one way.",
                        label=label,
                    ),
                )
            )
            continue
        name, found = as_folder(label, what="method")
        findings += found
        if not found:
            taken = name in names.values()
            names[label] = told_apart(name, label) if taken else name
    return names, findings + made_names_note({n: lab for lab, n in names.items()})
