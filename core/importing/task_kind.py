"""The task of a table's truth: its kind, its name and its classes."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

from core.data.column_roles import PLAIN_POSITIVES
from core.importing.checking import MAX_NUMBER, NOISE
from core.importing.columns import (
    BARE_LABELS,
    LABEL_WORDS,
    PROBABILITY_WORDS,
    TaskColumns,
    class_of,
    listed_in_quotes,
    loosely,
    plain,
    spellings_of,
)
from core.importing.file_findings import FAULT, NOTE, WARNING, Finding
from core.importing.reading import RawColumn, RawTable, places_of
from core.language import N_, gettext, in_form, ngettext
from core.tasks import Binary, Multiclass, Regression, Task, natural_order
from core.text import as_latin, listed, number, quoted

Kind = Literal["binary", "multiclass", "regression"]
TRUTH_ALIASES = ("truth", "true", "y_true", "target", "ground_truth", "label")
MOST_CLASSES = 1000
MAX_CLASSES = 50
"""Distinct whole numbers beyond which a truth is taken for a regression's."""
BINS, MAX_BINS = 8, 1000
"""Bins, about, that a regression's truth is looked at in, and how many at most."""
UNIT = N_("units")
NEAR_ONE = 0.05
"""How far from 1 the median sum of probabilities is, where all classes are there."""
NAMED = 5
# Words that programs write for a value that is not there.
NOTHING = frozenset(("nan", "<na>", "null", "n/a", "#n/a"))
NOTHING_AMONG_NUMBERS = frozenset(("na", "none", "-", "--", "?", ".", "missing"))
_TASK_NAMES = {"", "y", *map(plain, TRUTH_ALIASES)}
_SAY_KIND = N_("say --kind regression (on the page, choose 'A number')")
_SAY_CLASSES = N_("say --kind multiclass (on the page, choose 'Several classes')")


@dataclass(frozen=True)
class LayoutChoices:
    """The choices of a person for a table; the rest is found from its columns.

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
        Columns of the models of a wide table, or their prefixes.
    method, image_id : str, optional
        Columns of the method of a long table, and of the image; an empty one is none.
    unit : str
        Of a regression, in the plural.
    bin_width : float, optional
        Of a regression.
    ignored : tuple of str
        Columns that are neither models nor features, whatever they hold.
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
    ignored: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Truth:
    """The truth of a table, and facts about it from the columns.

    Parameters
    ----------
    column : RawColumn
    classes : tuple of str
        Distinct values, each in one spelling, and the classes that a person named.
    numbers : float array
        Number of each distinct value of the column, NaN where it is not one.
    shares : dict of str to str
        Class of each column that holds the probability of one.
    others : dict of str to str
        The same, of classes that no row has.
    doubtful : str
        A column called as one of these, whose numbers are not from 0 to 1.
    fractions : str
        A column of predictions that are not whole numbers.
    """

    column: RawColumn
    classes: tuple[str, ...]
    numbers: np.ndarray
    shares: Mapping[str, str] = field(default_factory=dict)
    others: Mapping[str, str] = field(default_factory=dict)
    doubtful: str = ""
    fractions: str = ""

    @property
    def is_numeric(self) -> bool:
        """Whether each value is a number."""
        return bool(np.isfinite(self.numbers).all())


def find_task(
    raw: RawTable, truth: str, choices: LayoutChoices
) -> tuple[Task | None, list[Finding]]:
    """Find the task by the choices of a person, then by the values.

    Parameters
    ----------
    raw : RawTable
    truth : str
        Column of the truth.
    choices : LayoutChoices

    Returns
    -------
    Task or None, list of Finding
        None if a fault makes the rest impossible. Each guess is a note.

    Notes
    -----
    Columns of probabilities mean classes, and name them; a unit or a width of bins
    means a regression. Otherwise two values, or text, are classes; numbers are a
    regression where a model answers with fractions, where they are not whole, or where
    there are more than ``MAX_CLASSES``.
    """
    column = raw.column(truth)
    found, numbers = column.distinct
    if not found:
        fault = Finding(
            FAULT,
            gettext("The truth '{truth}' is empty.", truth=truth),
            expected=gettext("a class or a number in every row."),
            remedy=gettext("fill it in, or name another column with --truth."),
        )
        return None, [fault]
    unread = _not_values(column, found, numbers, choices)
    if unread is not None:
        return None, [unread]
    name, label = _task_name(truth)
    classes, findings = _one_spelling(column, found, choices)
    everything = tuple(dict.fromkeys((*choices.classes, *classes)))
    rest = [n for n in raw.names if n not in (truth, *choices.ignored)]
    seen = _look_around(raw, rest, _Truth(column, everything, numbers))
    kind, why = _choose_kind(seen, choices)
    findings += why
    if not kind:
        return None, findings
    if kind == "regression":
        # The spelling of classes does not matter here.
        findings = [*why, *_without_effect("regression", choices)]
        return _regression(column, name, label, choices, findings)
    everything = tuple(dict.fromkeys((*everything, *seen.others.values())))
    return _classes(
        seen, name, label, kind, natural_order(everything), choices, findings
    )


def _not_values(
    column: RawColumn, found: Sequence[str], numbers: np.ndarray, choices: LayoutChoices
) -> Finding | None:
    """A fault of words for a missing value, or of numbers with two readings."""
    others = [t for t, n in zip(found, numbers, strict=True) if not np.isfinite(n)]
    are_numbers = len(others) < len(found) - 1
    known = NOTHING | (NOTHING_AMONG_NUMBERS if are_numbers else frozenset())
    nothing = [text for text in others if text.casefold() in known]
    if nothing and not set(nothing) & set(choices.classes):
        said = listed_in_quotes(nothing, NAMED)
        return Finding(
            FAULT,
            gettext(
                "The truth '{name}' is {said} in some rows, which says nothing.",
                name=column.name,
                said=said,
            ),
            expected=gettext("a class or a number in every row."),
            remedy=gettext(
                "fill in these rows, or delete them; if it is a class, say "
                "--class '{class_}'.",
                class_=nothing[0],
            ),
            **_rows_of(column, nothing),
        )
    if len(found) <= 2 or not others or choices.classes:
        return None
    if choices.kind in (None, "regression") and all(map(_has_comma, others)):
        return Finding(
            FAULT,
            gettext(
                "The commas in '{name}' may be decimal points, or separate thousands.",
                name=column.name,
            ),
            expected=gettext(
                "numbers with a decimal point, and nothing between thousands."
            ),
            remedy=gettext(
                "write 1234.5 for 1,234.5; if these are names of classes, say "
                "--kind multiclass."
            ),
            **_rows_of(column, others),
        )
    return None


def _has_comma(text: str) -> bool:
    return re.fullmatch(r"[+-]?[\d.]*,[\d.,]*", text, flags=re.ASCII) is not None


def _rows_of(column: RawColumn, texts: Sequence[str]) -> dict[str, Any]:
    """How many rows hold one of these, and the first of them."""
    codes, distinct = column.coded
    wanted = [place for place, text in enumerate(distinct) if text in texts]
    rows = np.flatnonzero(np.isin(codes, wanted))
    return {"count": len(rows), "places": places_of(rows, None, column)}


def _task_name(column: str) -> tuple[str, str]:
    """Prefix of the task's columns, and what a reader sees for it."""
    text = re.sub(r"[\s_-]+true$", "", column.strip(), flags=re.IGNORECASE)
    name = re.sub(r"[^a-z0-9_]+", "_", as_latin(plain(text))).strip("_")
    if plain(text) in _TASK_NAMES:
        return "label", "Label"
    label = " ".join(text.replace("_", " ").split())
    label = label[:1].upper() + label[1:] if label == label.lower() else label
    return name or "label", label or "Label"


def _one_spelling(
    column: RawColumn, found: Sequence[str], choices: LayoutChoices
) -> tuple[tuple[str, ...], list[Finding]]:
    """Each class in one spelling: the commonest of true and TRUE, and 1 for 1.0.

    Values that differ only in capitals can be one class or two: a person decides by
    naming each.
    """
    alike: dict[str, list[str]] = {}
    for text in found:
        alike.setdefault(loosely(text), []).append(text)
    if len(alike) == len(found):
        return tuple(found), []
    codes, texts = column.coded
    counts = dict(zip(texts, np.bincount(codes, minlength=len(texts)), strict=True))
    is_pair = frozenset(alike) in PLAIN_POSITIVES
    commonest = max(found, key=lambda text: int(counts[text]))
    style = next(
        (s for s in (str.lower, str.title, str.upper) if s(commonest) == commonest),
        str.lower,
    )
    classes: list[str] = []
    findings: list[Finding] = []
    for loose, spellings in alike.items():
        if len(spellings) == 1 or set(spellings) <= set(choices.classes):
            classes += [style(spellings[0])] if is_pair else spellings
        elif is_pair:
            classes.append(style(loose))
        elif set(spellings) == {loose, f"{loose}.0"}:
            classes.append(loose)
        else:
            classes.append(spellings[0])
            findings.append(_two_spellings(column, spellings))
    return tuple(classes), findings


def _two_spellings(column: RawColumn, spellings: Sequence[str]) -> Finding:
    codes, texts = column.coded
    rarer = min(
        reversed(spellings),
        key=lambda text: int((codes == texts.index(text)).sum()),
    )
    said = " ".join(f"--class '{text}'" for text in spellings)
    return Finding(
        FAULT,
        gettext(
            "{spellings} in '{column}' differ in capitals alone: one class, or {n}?",
            spellings=listed([quoted(text) for text in spellings]),
            column=column.name,
            n=len(spellings),
        ),
        expected=gettext("each class in one spelling."),
        remedy=gettext(
            "write the class in one way; if they are different classes, say {options} "
            "(on the page, add them to the classes).",
            options=said,
        ),
        **_rows_of(column, [rarer]),
    )


def _look_around(raw: RawTable, names: Sequence[str], truth: _Truth) -> _Truth:
    """Facts about the truth from the other columns."""
    groups: dict[str, dict[str, str]] = {}
    spellings = spellings_of(truth.classes)
    for name in names:
        if part := _named_class(name, truth.classes, spellings):
            groups.setdefault(part[0], {})[name] = part[1]
    shares: dict[str, str] = {}
    others: dict[str, str] = {}
    doubtful = ""
    for columns in groups.values():
        own = {n: c for n, c in columns.items() if c in truth.classes}
        if not own or len(set(own.values())) < len(truth.classes) / 2:
            continue
        if not all(_is_share(raw.column(n)) for n in own):
            doubtful = doubtful or next(n for n in own if not _is_share(raw.column(n)))
            continue
        shares |= own
        more = {n: c for n, c in columns.items() if n not in own}
        if more and _are_classes_too(raw, own, more):
            others |= more
    fractions = next((n for n in names if _has_fractions(raw, n, truth)), "")
    return _Truth(
        truth.column, truth.classes, truth.numbers, shares, others, doubtful, fractions
    )


def _named_class(
    name: str, classes: Sequence[str], spellings: Mapping[str, str]
) -> tuple[str, str] | None:
    """The prefix of a column of probabilities, and the class that it names."""
    words = plain(name).split("_")
    heads = [
        "_".join(words[: place + 1]) + "_"
        for place, word in enumerate(words[:-1])
        if word in PROBABILITY_WORDS
    ]
    for head in heads:
        if label := class_of(name, head, classes, spellings):
            return head, label
    if not heads:
        return None
    written = name.strip()
    is_whole = len(written) == len(plain(name))
    return heads[0], (written if is_whole else plain(name))[len(heads[0]) :]


def _is_share(column: RawColumn) -> bool:
    values = column.numbers[np.isfinite(column.numbers)]
    return bool(len(values) and values.min() >= -NOISE and values.max() <= 1 + NOISE)


def _are_classes_too(raw: RawTable, own: Iterable[str], more: Iterable[str]) -> bool:
    """Whether probabilities sum to 1 with further columns, and not without them."""
    sums = [np.zeros(raw.rows), np.zeros(raw.rows)]
    for place, names in enumerate((own, more)):
        for name in names:
            sums[place] += raw.column(name).numbers
    without, whole = (np.abs(sums[0] - 1), np.abs(sums[0] + sums[1] - 1))
    known = np.isfinite(whole)
    if not known.any() or np.median(whole[known]) > NEAR_ONE:
        return False
    return bool(whole[known].mean() <= without[known].mean() + NOISE)


def _has_fractions(raw: RawTable, name: str, truth: _Truth) -> bool:
    """Whether a column of predictions holds numbers that no class can be."""
    words = (*LABEL_WORDS, *BARE_LABELS)
    is_named = any(plain(name) == w or plain(name).endswith(f"_{w}") for w in words)
    if not is_named or not truth.is_numeric:
        return False
    column = raw.column(name)
    values = column.numbers
    if not np.isfinite(values).all() or not (values % 1 != 0).any():
        return False
    is_class = set(column.distinct[0]) <= set(truth.classes)
    # Scores of two classes are from 0 to 1.
    return not is_class and (len(truth.classes) > 2 or not _is_share(column))


def _choose_kind(
    truth: _Truth, choices: LayoutChoices
) -> tuple[Kind | None, list[Finding]]:
    """The kind of task, and a note with the reason if nobody chose it."""
    name, count = (
        truth.column.name,
        len(truth.classes) + len(set(truth.others.values())),
    )
    classes: Kind = "binary" if count <= 2 else "multiclass"
    if choices.kind:
        return choices.kind, _not_of_a_number(truth, choices.kind)
    if (choices.unit or choices.bin_width is not None) and np.isfinite(
        truth.numbers
    ).any():
        said = (
            gettext("'{name}' is read as a number, since a unit is given.", name=name)
            if choices.unit
            else gettext(
                "'{name}' is read as a number, since a width of bins is given.",
                name=name,
            )
        )
        return "regression", [
            Finding(NOTE, said),
            *_not_of_a_number(truth, "regression"),
        ]
    if truth.shares:
        said = ""
        if truth.is_numeric:
            said = gettext(
                "'{name}' is read as classes, which '{column}' and others like it "
                "name.",
                name=name,
                column=next(iter(truth.shares)),
            )
        return classes, [Finding(NOTE, said)] if said else []
    if choices.classes:
        return classes, []
    if truth.doubtful and truth.is_numeric and count > 2:
        return None, [_doubtful(truth)]
    if truth.fractions and truth.is_numeric:
        said = gettext(
            "'{name}' is read as a number, since '{column}' has fractions.",
            name=name,
            column=truth.fractions,
        )
        return "regression", [_guess(said, _SAY_CLASSES)]
    if not truth.is_numeric or count <= 2:
        return classes, []
    whole = bool((truth.numbers % 1 == 0).all())
    # A class of one image each is a number.
    if whole and count <= min(MAX_CLASSES, len(truth.column.numbers) / 2):
        said = gettext(
            "'{name}' holds {n} different whole numbers: they are read as classes.",
            name=name,
            n=count,
        )
        return classes, [_guess(said, _SAY_KIND)]
    if whole:
        said = gettext(
            "'{name}' holds {n} different whole numbers: it is read as a number.",
            name=name,
            n=count,
        )
    else:
        said = gettext(
            "'{name}' holds {n} different numbers: it is read as a number.",
            name=name,
            n=count,
        )
    return "regression", [_guess(said, _SAY_CLASSES)]


def _guess(said: str, remedy: str) -> Finding:
    otherwise = gettext("{remedy} if it is otherwise.", remedy=gettext(remedy))
    return Finding(NOTE, said, remedy=otherwise)


def _not_of_a_number(truth: _Truth, kind: Kind) -> list[Finding]:
    if kind != "regression" or not truth.shares:
        return []
    names = list(truth.shares)
    named = ", ".join(map(quoted, names[:NAMED])) + ", ..." * (len(names) > NAMED)
    return [
        Finding(
            WARNING,
            gettext(
                "Not looked at, as a number has no probabilities of classes: {named}.",
                named=named,
            ),
            expected=gettext("columns of numbers, such as <model>_pred."),
            remedy=gettext(
                "leave out the unit, the width of bins and the kind if '{name}' "
                "holds classes.",
                name=truth.column.name,
            ),
        )
    ]


def _doubtful(truth: _Truth) -> Finding:
    return Finding(
        FAULT,
        gettext(
            "'{doubtful}' is called as the probability of a class of '{name}', "
            "and its numbers are not from 0 to 1.",
            doubtful=truth.doubtful,
            name=truth.column.name,
        ),
        expected=gettext("probabilities from 0 to 1, or a kind of task that is given."),
        remedy=gettext(
            "divide percentages by 100; if a number is predicted, such as with "
            "quantiles, {say_kind}.",
            say_kind=gettext(_SAY_KIND),
        ),
    )


def _without_effect(kind: Kind, choices: LayoutChoices) -> list[Finding]:
    """Refuse choices that have no effect for this kind."""
    given = {
        "--positive": bool(choices.positive) and kind != "binary",
        "--class": bool(choices.classes) and kind == "regression",
        "--unit": bool(choices.unit) and kind != "regression",
        "--bin-width": choices.bin_width is not None and kind != "regression",
    }
    options = [option for option, is_idle in given.items() if is_idle]
    if not options:
        return []
    what = {
        "binary": N_("a task of two classes"),
        "multiclass": N_("a task of several classes"),
        "regression": N_("a regression"),
    }[kind]
    return [
        Finding(
            FAULT,
            gettext(
                "{options} would change nothing: this is {what}.",
                options=listed(options),
                what=gettext(what),
            ),
            expected=gettext(
                "--positive for two classes, --class for classes, --unit and "
                "--bin-width for a regression."
            ),
            remedy=gettext("leave it out, or say another --kind."),
        )
    ]


def _classes(
    truth: _Truth,
    name: str,
    label: str,
    kind: Kind,
    classes: Sequence[str],
    choices: LayoutChoices,
    findings: list[Finding],
) -> tuple[Task | None, list[Finding]]:
    """A task of these classes, with what was found before."""
    column = truth.column
    findings = [*findings, *_without_effect(kind, choices)]
    for label_, names in _by_class(truth.others).items():
        said = gettext(
            "No row of '{column}' is '{label}': it is a class because '{name}' is its "
            "probability.",
            column=column.name,
            label=label_,
            name=names[0],
        )
        findings.append(Finding(NOTE, said))
    if kind == "binary":
        task, found = _binary(column, name, label, classes, choices)
        return task, findings + found
    if len(classes) < 2 or len(classes) > MOST_CLASSES:
        findings.append(
            Finding(
                FAULT,
                ngettext(
                    "The truth '{column}' holds one class.",
                    "The truth '{column}' holds {count} classes.",
                    len(classes),
                    column=column.name,
                ),
                expected=gettext(
                    "two to a thousand classes, or numbers of a regression."
                ),
                remedy=gettext("say which kind of task it is: --kind regression."),
            )
        )
        return None, findings
    return Multiclass(name, label, tuple(classes)), findings


def _by_class(columns: Mapping[str, str]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name, label in columns.items():
        found.setdefault(label, []).append(name)
    return found


def _binary(
    column: RawColumn,
    name: str,
    label: str,
    classes: Sequence[str],
    choices: LayoutChoices,
) -> tuple[Task | None, list[Finding]]:
    if len(classes) != 2:
        shown = ", ".join(classes[:NAMED])
        return None, [
            Finding(
                FAULT,
                ngettext(
                    "The truth '{column}' holds one class: {classes}.",
                    "The truth '{column}' holds {count} classes: {classes}.",
                    len(classes),
                    column=column.name,
                    classes=shown,
                ),
                expected=gettext("two classes for a binary task."),
                remedy=gettext(
                    "say which kind of task it is with --kind, or name the class that "
                    "no image has with --class (on the page, add it to the classes)."
                ),
            )
        ]
    positive = choices.positive
    if positive and positive not in classes:
        alike = [c for c in classes if loosely(c) == loosely(positive)]
        positive = alike[0] if len(alike) == 1 else ""
    if choices.positive and not positive:
        return None, [
            Finding(
                FAULT,
                gettext(
                    "The positive class '{positive}' is not in '{name}'.",
                    positive=choices.positive,
                    name=column.name,
                ),
                expected=gettext("one of {classes}.", classes=", ".join(classes)),
                remedy=gettext("name it as the column has it."),
            )
        ]
    findings = []
    if not positive:
        positive = known_positive(classes)
        if positive:
            said = gettext(
                "'{label}' is taken for the positive class, as one takes it for such a "
                "pair.",
                label=positive,
            )
        else:
            positive = _rarer(column, classes)
            said = gettext(
                "'{label}' is taken for the positive class, as the rarer one.",
                label=positive,
            )
        findings.append(
            Finding(
                NOTE,
                said,
                remedy=gettext("say --positive CLASS if it is the other."),
            )
        )
    negative = next(text for text in classes if text != positive)
    return Binary(name, label, (negative, positive)), findings


def _rarer(column: RawColumn, classes: Sequence[str]) -> str:
    codes, texts = column.coded
    counts: Counter[str] = Counter()
    for text, count in zip(
        texts, np.bincount(codes, minlength=len(texts)), strict=True
    ):
        counts[loosely(text)] += int(count)
    return min(reversed(classes), key=lambda text: counts[loosely(text)])


def known_positive(classes: Sequence[str]) -> str:
    """The positive one of a pair that everybody knows, empty of another pair."""
    by_plain = {loosely(text): text for text in classes}
    return by_plain.get(PLAIN_POSITIVES.get(frozenset(by_plain), ""), "")


def guessed_scores(task: Task, models: Iterable[TaskColumns]) -> list[Finding]:
    """Scores of no class in a table whose positive class is a guess: all or nothing."""
    scores = [
        name for one in models if one.is_score for name in one.probabilities.values()
    ]
    if not scores:
        return []
    assert isinstance(task, Binary)
    named = ", ".join(map(quoted, scores))
    return [
        Finding(
            FAULT,
            gettext(
                "Of which class is the probability in {columns}? Read for the wrong "
                "one, every answer would be turned around.",
                columns=named,
            ),
            expected=gettext(
                "the positive class, {one} or {other}, or columns that end in "
                "'_p_<class>'.",
                one=task.classes[0],
                other=task.classes[1],
            ),
            remedy=gettext("say --positive CLASS (on the page, choose it)."),
        )
    ]


def _regression(
    column: RawColumn,
    name: str,
    label: str,
    choices: LayoutChoices,
    findings: list[Finding],
) -> tuple[Task | None, list[Finding]]:
    numbers = column.distinct[1]
    values = numbers[np.isfinite(numbers) & (np.abs(numbers) <= MAX_NUMBER)]
    if not len(values) or np.ptp(values) == 0:
        findings.append(
            Finding(
                FAULT,
                gettext(
                    "The truth '{name}' does not hold two different numbers.",
                    name=column.name,
                ),
                expected=gettext("numbers that differ, for a regression."),
                remedy=gettext(
                    "say which kind of task it is: --kind binary or multiclass; "
                    "without --unit and --bin-width."
                ),
            )
        )
        return None, findings
    low, high = float(values.min()), float(values.max())
    width = round_width(high - low) if choices.bin_width is None else choices.bin_width
    if not 0 < width < np.inf:
        findings.append(
            Finding(
                FAULT,
                gettext(
                    "Bins cannot be {width} wide.",
                    width=in_form(f"{width:g}"),
                ),
                expected=gettext("a number above 0."),
                remedy=gettext(
                    "choose another width with --bin-width, or leave it out."
                ),
            )
        )
        return None, findings
    if (high - low) / width > MAX_BINS:
        findings.append(
            Finding(
                FAULT,
                gettext(
                    "Bins of {width} would be {n} bins.",
                    width=in_form(f"{width:g}"),
                    n=number((high - low) / width, 0),
                ),
                expected=gettext("at most {max_bins} bins.", max_bins=MAX_BINS),
                remedy=gettext("choose a larger width with --bin-width."),
            )
        )
        return None, findings
    guessed = []
    if not choices.unit:
        guessed.append(
            gettext(
                "The unit of '{column}' is called '{unit}'.",
                column=column.name,
                unit=gettext(UNIT),
            )
        )
    if choices.bin_width is None:
        guessed.append(
            gettext(
                "The bins of '{column}' are {width} wide.",
                column=column.name,
                width=in_form(f"{width:g}"),
            )
        )
    if guessed:
        remedy = gettext("say --unit and --bin-width (on the page, fill them in).")
        findings.append(Finding(NOTE, " ".join(guessed), remedy=remedy))
    return Regression(name, label, choices.unit or UNIT, low, high, width), findings


def round_width(extent: float) -> float:
    """A round width that cuts an extent into about ``BINS`` bins."""
    rough = extent / BINS
    power = 10.0 ** np.floor(np.log10(rough))
    step = next(step for step in (1, 2, 5, 10) if rough <= step * power * (1 + 1e-9))
    return float(f"{step * power:.6g}")
