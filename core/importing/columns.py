"""Which column of a file holds what: ids, seeds, and the predictions of each task."""

import re
import unicodedata
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches

from core.importing.file_findings import FAULT, NOTE, Finding
from core.language import N_, gettext, ngettext
from core.tasks import Classification, Regression, Task
from core.text import quoted

IMAGE_ID = "image_id"
SEED = "seed"
ID_ALIASES = (IMAGE_ID, "id", "image", "file", "filename")
LABEL_WORDS = ("pred", "prediction", "predicted")
PROBABILITY_WORDS = ("p", "prob", "proba", "probability")
SCORE_WORDS = (*PROBABILITY_WORDS, "score")
# Without a task's name in front, if there is only one task.
BARE_LABELS = ("y_pred", "y_hat")
ALL_CLASSES = N_("the probability of every class")


@dataclass(frozen=True)
class TaskColumns:
    """Columns of one task's predictions.

    Parameters
    ----------
    task : Task
    label : str
        Column of the labels or numbers; empty if there is none.
    probabilities : dict of str to str
        Column of each class, of a binary task perhaps of one class alone.
    is_score : bool
        Whether the one probability has no class in its name: it is the positive's.
    """

    task: Task
    label: str = ""
    probabilities: Mapping[str, str] = field(default_factory=dict)
    is_score: bool = False

    @property
    def used(self) -> tuple[str, ...]:
        """All of them."""
        return tuple(filter(None, (self.label, *self.probabilities.values())))


@dataclass(frozen=True)
class Matched:
    """The columns that were found, and the findings about them."""

    columns: tuple[TaskColumns, ...]
    findings: tuple[Finding, ...]

    @property
    def used(self) -> set[str]:
        """Columns that hold predictions."""
        return {name for columns in self.columns for name in columns.used}


def plain(name: str) -> str:
    """A column's name without differences of spelling: case, blanks, dashes."""
    return re.sub(r"[\s_-]+", "_", name.strip()).casefold()


def find_column(
    names: Sequence[str], aliases: Sequence[str], what: str
) -> tuple[str, list[Finding]]:
    """The column with one of these names, the usual name first.

    Returns
    -------
    str, list of Finding
        Empty if there is none. A note where it has another name than the usual; a
        fault where it could be one of several.
    """
    known = {plain(alias) for alias in aliases}
    found = [name for name in names if plain(name) in known]
    if aliases[0] in found:
        # Another that differs in capitals alone is as likely to be meant.
        found = [name for name in found if plain(name) == plain(aliases[0])]
        if len(found) == 1:
            return aliases[0], []
    if not found:
        return "", []
    if len(found) > 1:
        fault = Finding(
            FAULT,
            gettext(
                "{found} could each be {what}.",
                found=listed_in_quotes(found),
                what=what,
            ),
            expected=gettext(
                "one column for it, best called '{alias}'.",
                alias=aliases[0],
            ),
            remedy=gettext("rename the right one to '{alias}'.", alias=aliases[0]),
        )
        return found[0], [fault]
    return found[0], [
        Finding(
            NOTE,
            gettext("Column '{column}' is read as {what}.", column=found[0], what=what),
        )
    ]


def match_task(
    names: Sequence[str], task: Task, prefixes: Sequence[str]
) -> tuple[TaskColumns, list[Finding]]:
    """Find the columns of one task.

    Parameters
    ----------
    names : sequence of str
        Columns that may be its.
    task : Task
    prefixes : sequence of str
        What its columns begin with, such as the task's name; "" where a bare "pred"
        or "p_<class>" is its too.
    """
    findings: list[Finding] = []
    label = ""
    for prefix in prefixes:
        aliases = [f"{prefix}_{word}" for word in LABEL_WORDS] + [prefix]
        if not prefix:
            aliases = [*LABEL_WORDS, *BARE_LABELS]
        label, found = find_column(
            names, aliases, gettext("the predicted {task}", task=_label_of(task))
        )
        # The task's own name is as usual as the first.
        findings += [f for f in found if f.level == FAULT or label != prefix]
        if label:
            break
    probabilities: dict[str, str] = {}
    is_score = False
    if not isinstance(task, Regression):
        probabilities, found = _match_probabilities(names, task, prefixes)
        findings += found
        if not probabilities and task.kind == "binary":
            probabilities, found = _match_score(names, task.classes, prefixes)
            is_score = bool(probabilities)
            findings += found
        findings += _incomplete(task, probabilities)
    if not label and not probabilities:
        findings.append(_missing_task(task, prefixes, names))
    return TaskColumns(task, label, probabilities, is_score), findings


def match_tasks(names: Sequence[str], tasks: Sequence[Task]) -> Matched:
    """Find the columns of every task of a study."""
    columns, findings = [], []
    for task in tasks:
        others = {plain(other.name) for other in tasks if other is not task}
        own = [name for name in names if plain(name) not in others]
        prefixes = (task.name, "") if len(tasks) == 1 else (task.name,)
        matched, found = match_task(own, task, prefixes)
        columns.append(matched)
        findings += found
    return Matched(tuple(columns), tuple(findings))


def set_aside_fault(
    names: Sequence[str], prefixes: Sequence[str] = (), others: Iterable[str] = ()
) -> list[Finding]:
    """Refuse a column that was set aside, and is called as one that is needed.

    Parameters
    ----------
    names : sequence of str
        Columns whose cells hold lists, records or bytes.
    prefixes : sequence of str
        What columns of predictions begin with; "" where bare names are theirs too.
    others : iterable of str
        Other names that are needed.
    """
    words = (*LABEL_WORDS, *SCORE_WORDS)
    heads = [plain(f"{p}_{w}" if p else w) for p in prefixes for w in words]
    needed = {plain(name) for name in (*prefixes, *others, *heads)}
    found = [
        name
        for name in names
        if plain(name) in needed
        or any(plain(name).startswith(f"{head}_") for head in heads)
    ]
    if not found:
        return []
    return [
        Finding(
            FAULT,
            gettext(
                "{found} cannot be read: its cells hold lists, records or bytes.",
                found=listed_in_quotes(found),
            ),
            expected=gettext("one label or number in each cell."),
            remedy=gettext(
                "write what the cells hold into columns, such as <task>_p_<class> "
                "for the probability of each class."
            ),
        )
    ]


def ignored_note(
    names: Iterable[str], used: Iterable[str], filled: Collection[str]
) -> list[Finding]:
    """Say which columns are not looked at, and which of them hold nothing."""
    used = set(used)
    others = [name for name in names if name not in used]
    empty = [name for name in others if name not in filled]
    others = [name for name in others if name in filled]
    said = []
    if empty:
        said.append(gettext("Empty columns: {empty}.", empty=listed_in_quotes(empty)))
    if others:
        said.append(
            gettext("Not looked at: {others}.", others=listed_in_quotes(others))
        )
    return [Finding(NOTE, each) for each in said]


def _match_probabilities(
    names: Sequence[str], task: Classification, prefixes: Sequence[str]
) -> tuple[dict[str, str], list[Finding]]:
    """The column of each class, and a fault for columns of unknown classes."""
    classes = task.classes
    found: dict[str, list[str]] = {}
    strange, findings = [], []
    heads = [f"{p}_{w}_" if p else f"{w}_" for p in prefixes for w in PROBABILITY_WORDS]
    spellings = spellings_of(classes)
    for name in names:
        head = next((h for h in heads if plain(name).startswith(plain(h))), "")
        if not head:
            continue
        if label := class_of(name, head, classes, spellings):
            found.setdefault(label, []).append(name)
        else:
            strange.append(name)
    usual = heads[0]
    for label, columns in found.items():
        first = f"{usual}{label}"
        # One under the usual name goes before others, but not before its own twin.
        own = [n for n in columns if first not in columns or plain(n) == plain(first)]
        found[label] = own
        if len(own) > 1:
            findings.append(
                Finding(
                    FAULT,
                    gettext(
                        "{own} could each be the probability of '{label}'.",
                        own=listed_in_quotes(own),
                        label=label,
                    ),
                    expected=gettext(
                        "one column for it, best called '{first}'.",
                        first=first,
                    ),
                    remedy=gettext("rename or delete one of them."),
                )
            )
    chosen = {label: found[label][0] for label in classes if label in found}
    renamed = [quoted(n) for lab, n in chosen.items() if n != f"{usual}{lab}"]
    if renamed:
        findings.append(
            Finding(
                NOTE,
                gettext(
                    "Read as probabilities of classes: {renamed}.",
                    renamed=", ".join(renamed),
                ),
            )
        )
    if strange:
        findings.append(_no_such_class(strange, task, usual))
    return chosen, findings


def spellings_of(classes: Sequence[str]) -> dict[str, str]:
    """Each class by what columns may call it: without blanks, capitals, or 1.0 for 1.

    A spelling that fits two classes is left out.
    """
    found: dict[str, str] = {}
    for alike in (loosely, plain):
        counts = Counter(map(alike, classes))
        found |= {alike(c): c for c in classes if counts[alike(c)] == 1}
    return found


def class_of(
    name: str, head: str, classes: Sequence[str], spellings: Mapping[str, str]
) -> str:
    """The class whose probability a column holds; empty for none, or for several.

    Parameters
    ----------
    name : str
        Of the column.
    head : str
        What it begins with, such as "resnet_p_".
    classes : sequence of str
    spellings : mapping
        From ``spellings_of`` them.
    """
    rest = plain(name).removeprefix(plain(head))
    written = name.strip()
    # If both have the same length, they differ in capitals only.
    if len(written) == len(plain(name)) and written[len(plain(head)) :] in classes:
        return written[len(plain(head)) :]
    return spellings.get(rest) or spellings.get(loosely(rest), "")


def loosely(text: str) -> str:
    """A label without differences of spelling: capitals, and 1.0 for 1."""
    whole = re.fullmatch(r"([+-]?\d+)\.0", text)
    return whole[1] if whole else unicodedata.normalize("NFC", text).casefold()


def is_number(text: str) -> bool:
    """Whether a text is a number as files write it."""
    pattern = r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?"
    return re.fullmatch(pattern, text, flags=re.ASCII) is not None


def _no_such_class(strange: Sequence[str], task: Classification, usual: str) -> Finding:
    numbered = all(name.rpartition("_")[2].isdigit() for name in strange)
    said = ngettext(
        "{columns} is of no class of {task}.",
        "{columns} are of no class of {task}.",
        len(strange),
        columns=listed_in_quotes(strange),
        task=_label_of(task),
    )
    if numbered:
        why = gettext(
            "Classes go by their names, since their order is for no one to guess."
        )
        said = f"{said} {why}"
    return Finding(
        FAULT,
        said,
        expected=listed_in_quotes([f"{usual}{label}" for label in task.classes]) + ".",
        remedy=gettext("rename or delete these columns."),
        count=len(strange),
    )


def _match_score(
    names: Sequence[str], classes: Sequence[str], prefixes: Sequence[str]
) -> tuple[dict[str, str], list[Finding]]:
    """One score of a binary task: the probability of its positive class."""
    positive = classes[1]
    for prefix in prefixes:
        aliases = [f"{prefix}_{w}" if prefix else w for w in SCORE_WORDS]
        what = gettext("the probability of '{positive}'", positive=positive)
        name, findings = find_column(names, aliases, what)
        if name:
            said = gettext("Column '{name}' is read as {what}.", name=name, what=what)
            return {positive: name}, findings or [Finding(NOTE, said)]
    return {}, []


def _incomplete(task: Task, probabilities: Mapping[str, str]) -> list[Finding]:
    assert not isinstance(task, Regression)
    missing = [label for label in task.classes if label not in probabilities]
    if not probabilities or not missing or task.kind == "binary":
        return []
    return [
        Finding(
            FAULT,
            gettext(
                "{task} has probabilities, but none of {missing}.",
                task=_label_of(task).capitalize(),
                missing=listed_in_quotes(missing),
            ),
            expected=gettext(
                "{all_classes}, or labels alone.", all_classes=gettext(ALL_CLASSES)
            ),
            remedy=gettext("add these columns, or delete the other probabilities."),
        )
    ]


def _missing_task(task: Task, prefixes: Sequence[str], names: Sequence[str]) -> Finding:
    first = prefixes[0]
    usual = [f"{first}_pred"]
    if not isinstance(task, Regression):
        usual += [f"{first}_p_{label}" for label in task.classes]
    near = dict.fromkeys(
        name
        for wanted in (first, *usual)
        for name in get_close_matches(plain(wanted), map(plain, names), n=2, cutoff=0.8)
    )
    said = gettext("There are no predictions of the task {task}.", task=_label_of(task))
    if near:
        hint = gettext("Did you mean '{column}'?", column=next(iter(near)))
        said = f"{said} {hint}"
    return Finding(
        FAULT,
        said,
        expected=gettext(
            "the column {column}, or {others}.",
            column=usual[0],
            others=listed_in_quotes(usual[1:]),
        )
        if usual[1:]
        else gettext("the column {column}.", column=usual[0]),
        remedy=gettext("add them: methods are compared on all tasks of a study."),
    )


def _label_of(task: Task) -> str:
    return gettext(task.label).lower()


def listed_in_quotes(names: Sequence[str], most: int = 12) -> str:
    """Names in quotes, of many the first."""
    shown = ", ".join(map(quoted, names[:most]))
    if len(names) <= most:
        return shown
    return gettext("{names} and {n} more", names=shown, n=len(names) - most)
