"""Reads what a text claims of the methods of a study, in English or French."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal, NamedTuple

from core.evaluation.fairness_views import fairness_views
from core.evaluation.gaps import EQUALIZED_ODDS
from core.evaluation.grouping import ALL_IMAGES
from core.evaluation.metrics import (
    CLASS_RATES,
    SHOT_GROUPS,
    STABILITY,
    area_keys,
    calibration_keys,
    headline_keys,
    metric_keys,
    split_key,
)
from core.language import LANGUAGES, gettext, speaking
from core.story import claim_words
from core.story.claim_words import Kind, fold
from core.tasks import Binary, Multiclass, Regression, Task
from core.text import to_plain
from core.views.study_view import StudyView

What = Literal["method", "metric", "task", "part"]
_Unit = Literal["", "points", "%", "own"]
# A mention stands in the text as one sign of the private use area, by what it is.
_PLANES: dict[What, int] = {
    "method": 0xF0000,
    "metric": 0xF1000,
    "task": 0xF2000,
    "part": 0xF3000,
}
_PLANE = 0x1000
# Stands before a letter that is a name.
_LETTER = "\ue100"
EVERY = "*"
"""Stands for all methods but the one compared with."""
# The same with a "not".
_NO = "*no"
_SIGNS = {
    what: f"[{chr(start)}-{chr(start + _PLANE - 1)}]" for what, start in _PLANES.items()
}
_METHOD, _METRIC, _TASK, _PART = (
    re.compile(_SIGNS[what]) for what in ("method", "metric", "task", "part")
)
_NOT_ALL = re.compile(
    rf"(?<!\w)(?:not|pas|almost|nearly|virtually|presque) ({_SIGNS['method']})"
)
_AND = re.compile(r"(?<!\w)(?:and|or|et|ou|&)(?!\w)")
_IN_LIST = re.compile(rf"^{claim_words.LIST}$")
_ANY = re.compile(f"[{chr(0xF0000)}-{chr(0xF3FFF)}]")
_TASK_BEFORE = re.compile(rf"({_SIGNS['task']})[ .:-]*$")
_TASK_AFTER = re.compile(
    r"^[ (-]*(?:of|for|on|in|de|d'|du|des|sur|pour|en)? ?(?:the |la |le |les |l')?"
    rf"({_SIGNS['task']})"
)


_OF_ONE = frozenset({*claim_words.NEGATED, *claim_words.NEGATED.values()}) - {Kind.SAME}
"""What is said of one method: a "they" or "it" stands for the one before."""


_OF_TWO = (Kind.OPEN, Kind.SAME, Kind.DIFFERENT)
"""What may be said of two methods behind it: "the data cannot tell A and B apart"."""


_MOVES = (Kind.BETTER, Kind.WORSE, Kind.LOWER, Kind.HIGHER, Kind.VALUE)
"""What is said where a number goes "from 6.5 to 6.0"."""
_ADVERBS = re.compile(r"(?<!\w)(?:\w+(?:ly|ment)|plus)(?!\w)")
_MOST_BETWEEN = 7
"""Words that may stand between a "not" and its verb."""
_NOT, _NOT_FOUND = "not", "not found"
_UNCLEAR = (claim_words.EXCEPT, claim_words.NOT_BEST, claim_words.SOME_METHODS)


class Measured(NamedTuple):
    """The number that a statement is about, as a row of a comparison has it."""

    metric: str
    measure: str = ""
    group: str = ALL_IMAGES
    features: tuple[str, ...] = ()


@dataclass(frozen=True)
class Amount:
    """A number in a claim.

    Parameters
    ----------
    text : str
        As it was written, with its unit.
    value : float
    places : int
        Decimals that it was written with.
    unit : {"", "points", "%", "own"}
        "own" is the unit of the task.
    is_difference : bool
        Whether it is how far two methods are apart, and not the value of one.
    is_either : bool
        Whether the words leave that open.
    method : str
        Whose value it is; empty of a difference.
    """

    text: str
    value: float
    places: int
    unit: _Unit
    is_difference: bool
    is_either: bool = False
    method: str = ""


@dataclass(frozen=True)
class Statement:
    """One thing that a text says of a method.

    Parameters
    ----------
    kind : Kind
    subjects : tuple of str
        Methods that it is said of; ``EVERY`` for all.
    references : tuple of str
        What each is compared with; the baseline where there is none.
    measured : tuple of Measured
        What by; the headline metrics where the text names none.
    is_named : bool
        Whether the text names what by.
    of_model : bool
        Whether it speaks of a trained model, and not of its method.
    amounts : tuple of Amount
    is_only : bool
        Whether it is said of no other method.
    """

    kind: Kind
    subjects: tuple[str, ...]
    references: tuple[str, ...]
    measured: tuple[Measured, ...]
    is_named: bool
    of_model: bool
    amounts: tuple[Amount, ...] = ()
    is_only: bool = False


def read_statements(text: str, view: StudyView) -> tuple[Statement, ...]:
    """Find what a text says of the methods of a study, as far as it is understood.

    Parameters
    ----------
    text : str
        Of a person, in English or French; may hold the marks of ``core.text``.
    view : StudyView
        Whose methods, metrics, classes and groups are looked for, by name and label.
    """
    return tuple(_Reader(view).read(text))


class _Mention(NamedTuple):
    what: What
    value: str


class _Predicate(NamedTuple):
    start: int
    end: int
    kind: Kind
    text: str


class _Reader:
    """Reads one text: what a sentence leaves out is taken from the one before."""

    def __init__(self, view: StudyView) -> None:
        self._view = view
        self._patterns = tuple(_vocabulary(view))
        self._mentions: list[_Mention] = []
        self._subjects: tuple[str, ...] = ()
        self._references: tuple[str, ...] = ()
        self._named = ""
        # The sentence that named it, with the task, the class and the group.
        self._naming = ""

    def read(self, text: str) -> Iterator[Statement]:
        marked = self._mark(fold(self._with_letters(to_plain(text))))
        of_model = bool(claim_words.TRAINED_MODEL.search(marked))
        marked = claim_words.INTERVAL.sub("", marked)
        marked = claim_words.ONLY_ONE_OF_SEVERAL.sub("", _without_ne(marked))
        for sentence in claim_words.SENTENCE_END.split(marked):
            # A question claims nothing.
            if sentence.rstrip().endswith("?"):
                continue
            self._references = ()
            for part in _parts(sentence):
                statement = self._read_part(part, sentence, of_model=of_model)
                if statement is not None:
                    self._subjects = statement.subjects
                    self._references = statement.references
                    yield statement
            if named := _named_metrics(sentence):
                self._named, self._naming = named, sentence

    def _with_letters(self, text: str) -> str:
        """A text in which a letter that is a group's name is told from a word."""
        letters = {part for part in _all_parts(self._view) if _is_letter(part)}
        if not letters:
            return text
        # A sentence begins with a capital, and "d'" is a word.
        name = rf"(?<=[\w,;(] )([{''.join(letters)}])(?![\w'\u2019])"
        return re.sub(name, rf"{_LETTER}\1", text)

    def _mark(self, text: str) -> str:
        """Put a sign in the place of each mention, the longest first."""
        found = sorted(
            (
                (match.start(), match.end(), place, mention)
                for place, (pattern, mention) in enumerate(self._patterns)
                for match in pattern.finditer(text)
            ),
            key=lambda each: (each[0] - each[1], each[2]),
        )
        taken: list[tuple[int, int, _Mention]] = []
        for start, end, _, mention in found:
            if all(end <= s or start >= e for s, e, _ in taken):
                taken.append((start, end, mention))
        pieces, place = [], 0
        for start, end, mention in sorted(taken):
            if mention not in self._mentions:
                self._mentions.append(mention)
            number = self._mentions.index(mention)
            pieces += [text[place:start], chr(_PLANES[mention.what] + number)]
            place = end
        return "".join([*pieces, text[place:]])

    def _value(self, sign: str) -> str:
        return self._mentions[ord(sign) % _PLANE].value

    def _read_part(
        self, part: str, sentence: str, *, of_model: bool
    ) -> Statement | None:
        if any(self._value(found[1]) == EVERY for found in _NOT_ALL.finditer(part)):
            return None
        if any(pattern.search(part) for pattern in _UNCLEAR):
            return None
        is_only = bool(claim_words.ONLY.search(part))
        predicate = _predicate_of(part)
        if not is_only and predicate and _is_only_unclear(part, predicate):
            return None
        kind = Kind.VALUE if predicate is None else self._kind(part, predicate)
        if kind is None:
            return None
        subjects, references = self._roles(part, predicate)
        # "It is better than the baseline" is of the one before.
        if not subjects and kind in _OF_ONE:
            subjects, references = self._subjects, references or self._references
        if not subjects:
            return None
        if is_only:
            # "Of all methods, only this one."
            subjects = tuple(each for each in subjects if each != EVERY) or subjects
        own = self._find_measured(part)
        measured = own or self._inherited(part, sentence)
        amounts = tuple(self._amounts(part, kind, subjects, references))
        if kind is Kind.VALUE and (is_only or not (own and amounts)):
            return None
        return Statement(
            kind=kind,
            subjects=subjects,
            references=references,
            measured=measured or self._headline(),
            is_named=bool(measured),
            of_model=of_model,
            amounts=amounts,
            is_only=is_only,
        )

    def _kind(self, part: str, predicate: _Predicate) -> Kind | None:
        """What is said with "not" and "was found" taken in; None where it is unclear.

        "No difference" is a claim, "no difference was found" speaks of the data.
        """
        kind = predicate.kind
        if kind is Kind.OPEN:
            return kind
        part, start = _without_asides(part, predicate)
        before, after = part[:start], part[start + len(predicate.text) :]
        if kind is Kind.SAME and "difference" in predicate.text:
            found = list(claim_words.FOUND.finditer(before))
            is_beside = bool(found) and not before[found[-1].end() :].strip()
            is_found = is_beside or bool(claim_words.FOUND.search(after))
            return Kind.OPEN if is_found else kind
        if kind in (Kind.SAME, Kind.DIFFERENT):
            # "Equivalent, for less than half a year does not matter."
            after = re.split("[,;:]", after)[0]
        negation = self._negation(before, predicate.text, after)
        if negation is None:
            return None
        if not negation:
            return kind
        negative = claim_words.NEGATED.get(kind)
        if negative is None or negation == _NOT:
            return negative
        return claim_words.NOT_FOUND.get(negative, negative)

    def _negation(self, before: str, verb: str, after: str) -> str | None:
        """Whether a "not" belongs to a verb, and speaks of what was found.

        Returns
        -------
        str or None
            Empty without a "not"; None where it is unclear what it belongs to.
        """
        if _is_only_in_french(f"{before}{verb}{after}"):
            return None
        group = ""
        is_unclear = False
        nots = list(claim_words.NEGATION.finditer(before))
        fails = list(claim_words.FAILS.finditer(before))
        for match in sorted([*nots, *fails], key=lambda each: each.start()):
            tail = before[match.end() :]
            bound = _is_bound(match[0], tail)
            if bound:
                group = group or tail or " "
            elif bound is None:
                return None
            is_unclear = is_unclear or not bound
        if is_unclear and not group:
            return None
        no_method = [
            match
            for match in _METHOD.finditer(f"{before}{verb}{after}")
            if self._value(match[0]) == _NO
        ]
        if fails and (nots or no_method):
            return None
        if no_method:
            group = group or before[no_method[0].end() :] or " "
        behind = claim_words.OF_NOTHING.match(after)
        in_french = bool(re.search(r"(?<!\w)(?:ne |n')", before))
        rest = after[behind.end() :] if behind else after
        if behind and group and not in_french:
            return None
        if behind is None and not in_french and claim_words.NEGATION.search(rest):
            return None
        if not (group or behind):
            return ""
        is_found = claim_words.FOUND.search(group) or claim_words.SIGNIFICANT.search(
            after
        )
        return _NOT_FOUND if is_found else _NOT

    def _headline(self) -> tuple[Measured, ...]:
        view = self._view
        return tuple(map(Measured, headline_keys(view.tasks, view.study.headline)))

    def _roles(
        self, part: str, predicate: _Predicate | None
    ) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """The methods that something is said of, and those they are compared with."""
        subjects: list[str] = []
        references: list[str] = []
        last: list[str] = subjects
        end = -1
        found = list(_METHOD.finditer(part))
        between = [m for m in found if claim_words.BETWEEN.search(part[: m.start()])]
        for match in found:
            apart = part[end : match.start()] if end >= 0 else ""
            if between and match.start() >= between[0].start():
                last = subjects if match is between[0] else references
            elif not _goes_on(apart, end, match, predicate):
                before = part[: match.start()]
                is_subject = self._is_subject(
                    before, match, predicate, alone=not subjects
                )
                last = subjects if is_subject else references
            last.append(self._value(match[0]).replace(_NO, EVERY))
            end = match.end()
        if not subjects and predicate is not None and predicate.kind in _OF_TWO:
            subjects, references = references[:1], references[1:]
        return tuple(dict.fromkeys(subjects)), tuple(dict.fromkeys(references))

    def _is_subject(
        self,
        before: str,
        match: re.Match[str],
        predicate: _Predicate | None,
        *,
        alone: bool,
    ) -> bool:
        """Whether a method is one that something is said of, by what is before it."""
        if claim_words.COMPARED.search(before):
            return False
        if predicate is None or match.start() < predicate.start:
            return True
        if predicate.kind in claim_words.OF_ALL:
            return True
        # "The error is lower for A": of what the sentence has said nothing yet.
        is_one = alone or predicate.kind in (Kind.OPEN, Kind.SAME)
        if is_one and claim_words.FOR.search(before):
            return True
        return bool(claim_words.DONE_BY.search(before[predicate.start :]))

    def _find_measured(self, text: str) -> tuple[Measured, ...]:
        found: list[Measured] = []
        for named, pattern in claim_words.NAMED_GAPS.items():
            if pattern.search(text):
                found += self._gaps(text, named[0], named[1])
        if found:
            return tuple(dict.fromkeys(found))
        names = [(m, self._value(m[0])) for m in _METRIC.finditer(text)]
        is_gap = bool(claim_words.GAP.search(text)) and bool(
            self._view.dataset.sensitive_features
        )
        if is_gap and not names:
            return tuple(self._gaps(text, "", "difference"))
        for match, name in names:
            task = self._task_beside(text, match)
            if is_gap:
                found += self._gaps(text, name, "difference", task)
            else:
                found += self._metrics(text, name, task)
        return tuple(dict.fromkeys(found))

    def _inherited(self, part: str, sentence: str) -> tuple[Measured, ...]:
        """What a part without a metric of its own is about.

        The name of the metric is that of the sentence, or of the one before; the task,
        the class and the group are the part's own where it has some.
        """
        own = bool(_TASK.search(part) or _PART.search(part))
        named = _named_metrics(sentence)
        if not own:
            return self._find_measured(sentence if named else self._naming)
        named = named or self._named
        # Apart, so that no task is taken for the one beside a metric.
        found = self._find_measured(f"{named} ; {part}") if named else ()
        tasks = {self._value(sign) for sign in _TASK.findall(part)}
        mine = tuple(
            each
            for each in found
            if not tasks
            or split_key(each.metric)[0] in tasks
            or tasks.intersection(each.features)
        )
        return mine or tuple(
            each for each in self._headline() if split_key(each.metric)[0] in tasks
        )

    def _task_beside(self, text: str, match: re.Match[str]) -> str:
        """The task that a metric is of by its place: "age MAE", "MAE for age"."""
        beside = _TASK_BEFORE.search(text[: match.start()]) or _TASK_AFTER.search(
            text[match.end() :]
        )
        return self._value(beside[1]) if beside else ""

    def _tasks(self, text: str, task: str) -> list[Task]:
        """The tasks that are meant: the one beside, those named, or all."""
        view = self._view
        named = {self._value(sign) for sign in _TASK.findall(text)}
        wanted = {task} if task else named
        chosen = [each for each in view.tasks if each.name in wanted]
        return chosen or list(view.tasks)

    def _metrics(self, text: str, name: str, task: str) -> list[Measured]:
        """The metric of the name of the tasks that have it, as the text narrows it."""
        parts = [self._value(sign) for sign in _PART.findall(text)]
        tasks = self._tasks(text, task)
        keys: list[str] = []
        for each in tasks:
            keys += _keys_of(each, name, parts)
        if not keys and not task:
            for each in self._view.tasks:
                keys += _keys_of(each, name, parts)
        if name == claim_words.ANY_ERROR:
            numbers = [k for k in keys if split_key(k)[1] == "mae"]
            keys = numbers or keys
        headline = headline_keys(self._view.tasks, self._view.study.headline)
        keys = (
            [key for key in keys if split_key(key)[2]]
            or [key for key in keys if key in headline]
            or keys
        )
        found: list[Measured] = []
        for key in keys:
            groups = list(self._groups(key, parts))
            found += [
                Measured(key, "", group, (feature,)) for feature, group in groups
            ] or [Measured(key)]
        return found

    def _groups(self, key: str, parts: Sequence[str]) -> Iterator[tuple[str, str]]:
        """Groups of sensitive features that a text narrows a metric to."""
        task, _, own = split_key(key)
        for feature, groups in self._view.dataset.sensitive_features.items():
            for part in parts:
                if part in groups and part != own and feature != task:
                    yield feature, part

    def _gaps(
        self, text: str, name: str, measure: str, task: str = ""
    ) -> list[Measured]:
        view = self._view
        features = tuple(view.dataset.sensitive_features)
        if not features:
            return []
        mentioned = {self._value(sign) for sign in _TASK.findall(text)}
        by = [f for f in features if f in mentioned and f != task]
        usual = fairness_views(view.study, view.tasks, features)
        if not name:
            return [
                Measured(v.metric, measure, ALL_IMAGES, tuple(by) or v.features)
                for v in usual
                if not by or v.task not in by
            ]
        parts = [self._value(sign) for sign in _PART.findall(text)]
        known = self._tasks(text, task)
        tasks = [each for each in known if each.name not in by] or list(view.tasks)
        found: list[Measured] = []
        for each in tasks:
            own = next((v.features for v in usual if v.task == each.name), features[:1])
            chosen = tuple(by) or own
            if chosen == (each.name,):
                continue
            keys = _gap_keys(each, name, parts)
            found += [Measured(key, measure, ALL_IMAGES, chosen) for key in keys]
        return found

    def _amounts(
        self,
        part: str,
        kind: Kind,
        subjects: Sequence[str],
        references: Sequence[str],
    ) -> Iterator[Amount]:
        if kind in (Kind.OPEN, Kind.SAME, *claim_words.OF_ALL):
            return
        units = "|".join(_unit_words(self._view))
        own = re.compile(rf" ?(?:{units})(?!\w)") if units else None
        moved_to = skipped = -1
        moved_from: tuple[re.Match[str], _Unit, str] | None = None
        for match in claim_words.NUMBER.finditer(part):
            before, after = part[: match.start()], part[match.end() :]
            if claim_words.NO_AMOUNT.search(before) or claim_words.NO_UNIT.match(after):
                continue
            unit: _Unit = ""
            end = match.end()
            for name, pattern in (
                ("points", claim_words.POINTS),
                ("%", claim_words.PER_CENT),
                ("own", own),
            ):
                if pattern is not None and (found := pattern.match(after)):
                    unit = name  # type: ignore[assignment]
                    end += found.end()
            behind = part[end:]
            if (to := claim_words.TO.match(behind)) and claim_words.FROM.search(before):
                moved_to = end + to.end()
                # A number without a unit has that of the other.
                moved_from = (match, unit, part[match.start() : end].strip())
                continue
            if to is not None:
                # The ends of a range.
                skipped = end + to.end()
                continue
            if match.start() == skipped:
                continue
            by = claim_words.BY.search(before)
            in_brackets = _is_signed_in_brackets(match, before, behind)
            is_apart = kind is not Kind.VALUE and (
                bool(by)
                or in_brackets
                or unit == "points"
                or bool(claim_words.THAN_THAT.match(behind))
            )
            text = part[match.start() : end].strip()
            if match.start() == moved_to and moved_from is not None:
                first, own_unit, said = moved_from
                if kind not in _MOVES or len(subjects) != 1:
                    continue
                usual = self._view.references.get(subjects[0], "")
                other = references[0] if references else usual
                yield _value_of(other, first, own_unit or unit, said)
                yield _value_of(subjects[0], match, unit, text)
                continue
            # In French, "de" stands before the value and before the difference; in
            # brackets, a bias has a sign too.
            is_either = in_brackets or (
                by is not None and not by[0].startswith(("by", "difference"))
            )
            yield Amount(
                text=text,
                value=_signed(match),
                places=len(match["part"] or ""),
                unit=unit,
                is_difference=is_apart,
                is_either=is_either,
                method=self._owner(before, behind) or subjects[0],
            )

    def _owner(self, before: str, behind: str) -> str:
        """The method whose value a number is: the one behind, or the last before."""
        if found := claim_words.OWNED_BY.match(behind):
            sign = found["method"]
            return self._value(sign) if _METHOD.match(sign) else ""
        last = _METHOD.findall(before)
        return self._value(last[-1]) if last else ""


def _vocabulary(view: StudyView) -> Iterator[tuple[re.Pattern[str], _Mention]]:
    """Everything of a study that a text may mention; first what counts most."""
    for names in ((view.labels), {m: m for m in view.labels}):
        for method, said in names.items():
            if pattern := _named(said):
                yield pattern, _Mention("method", method)
    # "The baseline" is that of the view, also where a method is called so.
    yield claim_words.BASELINE, _Mention("method", view.baseline)
    plain = [m for m, own in view.study.methods.items() if not own.use]
    if plain and plain[0] in view.labels:
        yield claim_words.NO_REMEDY, _Mention("method", plain[0])
    yield claim_words.EVERY_METHOD, _Mention("method", EVERY)
    yield claim_words.NO_METHOD, _Mention("method", _NO)
    for name, pattern in claim_words.METRICS.items():
        yield pattern, _Mention("metric", name)
    for k in range(1, 21):
        top = re.compile(claim_words.TOP.pattern.replace(r"\d+", str(k)))
        yield top, _Mention("metric", f"top_{k}_accuracy")
    features = view.dataset.sensitive_features
    labels = {task.name: task.label for task in view.tasks}
    for name in dict.fromkeys((*labels, *features)):
        label = labels.get(name, name)
        known = (name, label, *_in_languages(label), *claim_words.TASKS.get(name, ()))
        for word in dict.fromkeys(known):
            if pattern := _named(word, plural=True):
                yield pattern, _Mention("task", name)
    for part in dict.fromkeys(_all_parts(view)):
        # A number alone is an amount, and a letter may be a word.
        said = f"class {part}" if part.isdecimal() else part
        said = f"{_LETTER}{part}" if _is_letter(part) else said
        for word in (said, *claim_words.PARTS.get(part, ())):
            if pattern := _named(word):
                yield pattern, _Mention("part", part)


def _is_letter(name: str) -> bool:
    return len(name) == 1 and name.isupper()


def _in_languages(label: str) -> Iterator[str]:
    """What a label is called in each language that we speak."""
    for code in LANGUAGES:
        with speaking(code):
            yield gettext(label)


def _named(said: str, *, plural: bool = False) -> re.Pattern[str] | None:
    """A name as a person may write it: hyphens, blanks and capitals do not count."""
    pieces = [piece for piece in re.split(r"[\s,;:-]+", fold(said)) if piece]
    if not pieces:
        return None
    signs = ["-?".join(map(re.escape, piece)) for piece in pieces]
    text = signs[0]
    for (before, after), written in zip(pairwise(pieces), signs[1:], strict=True):
        # The ages 0-9 are not in "0.09 years", nor in "0,9 an".
        are_numbers = before[-1].isdecimal() and after[0].isdecimal()
        text += (r"[-\s]+" if are_numbers else r"[-\s,;:]*") + written
    text = text.replace(r"\.-?", "[.,]")
    if plural:
        text = f"(?:{text[:-1]}(?:ies|y)|{text})" if text.endswith("y") else text
        text += "s?"
    return re.compile(rf"(?<!\w)(?<!\d[.,]){text}(?!\w|[.,]\d)")


def _all_parts(view: StudyView) -> Iterator[str]:
    for task in view.tasks:
        yield from task.bin_labels if isinstance(task, Regression) else task.classes
    yield from SHOT_GROUPS
    for groups in view.dataset.sensitive_features.values():
        yield from groups


def _unit_words(view: StudyView) -> list[str]:
    found = []
    for task in view.tasks:
        if isinstance(task, Regression) and task.unit:
            unit = re.escape(fold(task.unit))
            found.append(claim_words.UNITS.get(task.unit, f"{unit.rstrip('s')}s?"))
    return list(dict.fromkeys(found))


def _keys_of(task: Task, name: str, parts: Sequence[str]) -> list[str]:
    """Keys of a metric of a task; of its classes or bins where some are named."""
    if name == claim_words.ANY_ERROR:
        name = "mae" if isinstance(task, Regression) else "error_rate"
    is_number = isinstance(task, Regression)
    known = {
        *metric_keys(task),
        *calibration_keys(task),
        *area_keys(task),
        f"{task.name}.{STABILITY[0 if is_number else 1]}",
    }
    if not isinstance(task, Regression):
        known |= {f"{task.name}.accuracy[{group}]" for group in SHOT_GROUPS}
        known |= {f"{task.name}.top_{k}_accuracy" for k in range(1, len(task.classes))}
    within = [f"{task.name}.{name}[{part}]" for part in parts]
    if own := [key for key in within if key in known]:
        return own
    # Of several classes, the mean of the classes is meant.
    if isinstance(task, Multiclass):
        name = {"f1": "macro_f1", "recall": "balanced_accuracy"}.get(name, name)
    key = f"{task.name}.{name}"
    return [key] if key in known else []


def _gap_keys(task: Task, name: str, parts: Sequence[str]) -> list[str]:
    """Keys of the metrics that a gap of a task is in."""
    if isinstance(task, Regression):
        is_error = name in ("mae", "rmse", "bias", claim_words.ANY_ERROR)
        own = "mae" if name == claim_words.ANY_ERROR else name
        return [f"{task.name}.{own}"] if is_error else []
    if name == claim_words.ANY_ERROR:
        name = "accuracy"
    if name in (*CLASS_RATES, EQUALIZED_ODDS):
        if isinstance(task, Binary):
            return [f"{task.name}.{name}"]
        return [f"{task.name}.{name}[{p}]" for p in parts if p in task.classes]
    plain = ("accuracy", "balanced_accuracy", "macro_f1", "auc")
    if name not in plain or (isinstance(task, Binary) and "_" in name):
        return []
    return [f"{task.name}.{name}"]


def _parts(sentence: str) -> Iterator[str]:
    """Cut a sentence into parts that say one thing each."""
    found = list(_predicates(sentence))
    start = 0
    for one, other in pairwise(found):
        if (cut := _boundary(sentence, one.end, other.start)) is not None:
            yield from _with_but_not(sentence[start:cut])
            start = cut
    yield from _with_but_not(sentence[start:])


def _with_but_not(part: str) -> Iterator[str]:
    """Cut "improves A but not B" in two, with the verb in both."""
    predicate = _predicate_of(part)
    match = claim_words.BUT_NOT.search(part, predicate.end) if predicate else None
    if predicate is None or match is None:
        yield part
        return
    rest = part[match.end() :]
    if _ANY.search(rest) or claim_words.SIGNIFICANT.search(rest):
        yield part[: match.start()]
        yield f"not {predicate.text}{rest}"
    else:
        yield part


def _without_asides(part: str, predicate: _Predicate) -> tuple[str, int]:
    """A part without remarks that negate nothing, and where its verb begins then."""
    start = predicate.start
    for pattern in (claim_words.AS_SHOWN, claim_words.ASIDE):
        for match in reversed(list(pattern.finditer(part))):
            verbs = [each.start for each in _predicates(part)]
            if any(match.start() <= verb < match.end() for verb in verbs):
                continue
            part = part[: match.start()] + part[match.end() :]
            if match.start() < start:
                start -= match.end() - match.start()
    return part, start


def _without_ne(text: str) -> str:
    """A text in which "n'améliore pas seulement" has no "ne" left."""
    return re.sub(
        r"(?<!\w)(?:ne |n')(?=(?:\w+ ){1,3}(?:pas )(?:seulement|uniquement)(?!\w))",
        "",
        text,
    )


def _is_only_in_french(text: str) -> bool:
    """Whether it says "ne ... que", which is "only"."""
    return bool(claim_words.ONLY_THAT.search(text)) and not bool(
        claim_words.OTHER_NOT.search(text)
    )


def _is_only_unclear(part: str, predicate: _Predicate) -> bool:
    """Whether an "only" belongs to something else than the method."""
    if claim_words.ANY_ONLY.search(part[: predicate.start]):
        return True
    rest = part[predicate.end :]
    return any(
        _ANY.match(rest[found.end() :].lstrip())
        for found in claim_words.ANY_ONLY.finditer(rest)
    )


def _is_bound(negation: str, tail: str) -> bool | None:
    """Whether a "not" belongs to the verb behind the tail; None if to a method."""
    if negation in claim_words.OF_NONE:
        return True
    is_of_found = bool(claim_words.FOUND.search(tail))
    if method := _METHOD.search(tail):
        is_clause = re.search(r"(?<!\w)(?:that|que|qu')", tail[: method.start()])
        if is_of_found and is_clause:
            return True
        return None
    if re.search(r"[,;:]", tail) or claim_words.CLAUSE.search(tail):
        return False
    if negation in claim_words.OF_NOUN:
        return is_of_found or not _ADVERBS.sub("", tail).strip()
    return len(tail.split()) <= _MOST_BETWEEN


def _named_metrics(sentence: str) -> str:
    """The metrics and gaps that a sentence names, without anything else."""
    named = _METRIC.findall(sentence)
    gaps = (claim_words.GAP, *claim_words.NAMED_GAPS.values())
    said = [found[0] for each in gaps if (found := each.search(sentence))]
    return " ; ".join([*named, *said])


def _signed(match: re.Match[str]) -> float:
    value = float(f"{match['whole']}.{match['part'] or 0}")
    return -value if match[0].startswith("-") else value


def _is_signed_in_brackets(match: re.Match[str], before: str, behind: str) -> bool:
    """Whether it is written as a difference is: "(-0.33 years)"."""
    opens, closes = claim_words.BRACKET
    return match[0][0] in "+-" and bool(opens.search(before) and closes.match(behind))


def _value_of(method: str, match: re.Match[str], unit: _Unit, text: str) -> Amount:
    """The value of a method, as a number that was found."""
    return Amount(
        text=text,
        value=_signed(match),
        places=len(match["part"] or ""),
        unit=unit,
        is_difference=False,
        method=method,
    )


def _boundary(sentence: str, start: int, end: int) -> int | None:
    """Where one statement ends between two predicates; None if they are of one."""
    for pattern in claim_words.BOUNDARIES:
        cuts = [
            match.start()
            for match in pattern.finditer(sentence, start, end)
            if not _is_within_list(sentence, match)
        ]
        if cuts:
            return cuts[-1]
    return None


def _is_within_list(sentence: str, match: re.Match[str]) -> bool:
    """Whether it only stands between two mentions of one kind."""
    befores = list(_ANY.finditer(sentence, 0, match.start()))
    after = _ANY.search(sentence, match.end())
    if not befores or after is None:
        return False
    before = befores[-1]
    is_compared = claim_words.COMPARED.search(sentence[: before.start()])
    if match[0].startswith(";") and is_compared:
        # "A is better than the baseline; B is worse": no list of two.
        return False
    alike = ord(before[0]) // _PLANE == ord(after[0]) // _PLANE
    return alike and bool(_IN_LIST.match(sentence[before.end() : after.start()]))


def _predicates(text: str) -> Iterator[_Predicate]:
    """Everything that may say something of a method, in the order of the text."""
    found = [
        _Predicate(match.start(), match.end(), kind, match[0])
        for kind, pattern in claim_words.PREDICATES.items()
        for match in pattern.finditer(text)
    ]
    # "beaten by" holds "beaten", and "moins bon" holds no other.
    found.sort(key=lambda each: (each.start, -each.end))
    end = -1
    for each in found:
        if each.start >= end:
            end = each.end
            yield each


def _predicate_of(part: str) -> _Predicate | None:
    """What a part says: the verdict where one is given, else what comes first."""
    found = list(_predicates(part))
    for kind in (Kind.OPEN, Kind.SAME):
        for each in found:
            if each.kind is kind:
                return each
    return found[0] if found else None


def _goes_on(
    apart: str, end: int, match: re.Match[str], predicate: _Predicate | None
) -> bool:
    """Whether a method goes on with the list of the one before."""
    if end < 0 or not _IN_LIST.match(apart):
        return False
    if predicate is not None and end > predicate.start:
        return True
    # "Compared with A, B is better": only a word goes on with a list there.
    return bool(_AND.search(apart))
