"""The registry of remedies, and the parts that a method of a study resolves to.

Nothing here imports Keras: pages list methods and check parameters without that
cost. A builder is given as ``module:function``, and imported when it is called.
"""

import importlib
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Self, cast

from core.crossing import STORED, split_crossing
from core.errors import MethodError
from core.language import gettext, in_form
from core.methods.entries import ENTRIES
from core.methods.entry import (
    GROUPS,
    HEAD,
    ON,
    PARTS,
    START,
    Entry,
    HeadName,
    Parameter,
    PartName,
    Value,
)
from core.methods.schedules import first_epoch
from core.study import Study
from core.tasks import Task
from core.text import listed, quoted

MAY_START_LATE = frozenset({"sampler", "weights", "loss", "objective"})
TAKES_GROUPS = frozenset({"objective", "decision"})


@dataclass(frozen=True)
class Part:
    """An entry as a method of a study uses it.

    Parameters
    ----------
    entry : Entry
    on : str
        The task or sensitive feature that it looks at; for a sampler or weights also
        a crossing of several, such as ``"gender x blond"``.
    parameters : mapping of str to value
        The builder's arguments, all of them, defaults included.
    head : {"logits", "cosine"}
        Output of the task's last layer. Cosine logits lie in [-1, 1], and
        probabilities are the softmax of ``scale`` times them.
    start : float, in [0, 1)
        Share of the epochs after which it begins to act.
    groups : str
        For an objective or a decision: the sensitive feature, or crossing, whose
        groups it compares.
    """

    entry: Entry
    on: str
    parameters: Mapping[str, Value]
    head: HeadName = "logits"
    start: float = 0.0
    groups: str = ""

    @property
    def scale(self) -> float:
        """Factor that makes logits of the head's outputs; 1 unless they are cosines."""
        if self.head != "cosine":
            return 1.0
        return cast("float", self.parameters.get("scale", 1.0))

    def build(self, *given: Any) -> Any:
        """Call the entry's builder with its inputs and the parameters."""
        return load_builder(self.entry)(*given, **self.parameters)


@dataclass(frozen=True)
class ResolvedMethod:
    """A method of a study, checked, in the parts that training reads.

    Parameters
    ----------
    name, label : str
        As in the study.
    samplers : tuple of Part
        At most one.
    weights : tuple of Part
        Where two weigh the same head, their weights multiply.
    losses : mapping of task name to Part
        Tasks that are not named keep the usual loss of their kind.
    features : mapping of task name to Part
        Changes to the features before a head while training.
    adjustments : mapping of task name to Part
        Values that are added to the logits of the finished model.
    objectives : mapping of task name to Part
        Rules that combine the losses of a task's groups.
    decisions : mapping of task name to Part
        Rules that decide from the finished model's probabilities.
    mirrored_answers : bool
        Whether an answer is the mean of those to a picture and to its mirror image.
    """

    name: str
    label: str
    samplers: tuple[Part, ...]
    weights: tuple[Part, ...]
    losses: Mapping[str, Part]
    features: Mapping[str, Part] = field(default_factory=dict)
    adjustments: Mapping[str, Part] = field(default_factory=dict)
    objectives: Mapping[str, Part] = field(default_factory=dict)
    decisions: Mapping[str, Part] = field(default_factory=dict)
    mirrored_answers: bool = False

    @property
    def changes_pixels(self) -> bool:
        """Whether training sees pictures that are not in the image cache."""
        return any(part.entry.pixels != "kept" for part in self.samplers)

    @property
    def acts_afterwards(self) -> bool:
        """Whether a part of it changes the answers of the finished model."""
        return bool(self.adjustments or self.decisions or self.mirrored_answers)

    def head(self, task: str) -> HeadName:
        """Output of the last layer of a task under this method."""
        return self.losses[task].head if task in self.losses else "logits"

    def first_epochs(self, epochs: int) -> tuple[int, ...]:
        """The epochs, counted from 0, in which a part begins to act, and epoch 0."""
        parts = (
            *self.samplers,
            *self.weights,
            *self.losses.values(),
            *self.objectives.values(),
        )
        starts = {first_epoch(part.start, epochs) for part in parts}
        return tuple(sorted({0, *(start for start in starts if start < epochs)}))

    def at(self, epoch: int, epochs: int) -> Self:
        """The method with only those parts that act in an epoch, counted from 0."""

        def acts(part: Part) -> bool:
            return first_epoch(part.start, epochs) <= epoch

        def acting(parts: Mapping[str, Part]) -> dict[str, Part]:
            return {task: part for task, part in parts.items() if acts(part)}

        return replace(
            self,
            samplers=tuple(filter(acts, self.samplers)),
            weights=tuple(filter(acts, self.weights)),
            losses=acting(self.losses),
            objectives=acting(self.objectives),
        )


def get_entry(name: str) -> Entry:
    """The entry of that name.

    Raises
    ------
    MethodError
        If there is none.
    """
    if name not in ENTRIES:
        raise MethodError(
            gettext("There is no method entry '{name}'.", name=name),
            expected=gettext("one of {names}.", names=", ".join(ENTRIES)),
            remedy=gettext("correct the name under 'use' in the study."),
        )
    return ENTRIES[name]


def load_builder(entry: Entry) -> Callable[..., Any]:
    """Import the builder of an entry; for a loss, this imports Keras."""
    module, _, function = entry.builder.partition(":")
    return cast(
        "Callable[..., Any]", getattr(importlib.import_module(module), function)
    )


def validate_parameters(entry: Entry, given: Mapping[str, Value]) -> dict[str, Value]:
    """Check the parameters given to an entry, and fill in its defaults.

    Parameters
    ----------
    entry : Entry
    given : mapping of str to value
        Without ``on``.

    Returns
    -------
    dict of str to value
        Every parameter of the entry, in its order.

    Raises
    ------
    MethodError
        If a parameter is unknown, of the wrong type, not a finite number, outside
        its range, even where it must be odd, or not one of its choices.
    """
    known = {parameter.name: parameter for parameter in entry.parameters}
    for name in given:
        if name not in known:
            raise MethodError(
                gettext(
                    "'{entry}' has no parameter '{parameter}'.",
                    entry=entry.name,
                    parameter=name,
                ),
                expected=gettext("one of {names}.", names=", ".join((ON, *known))),
                remedy=gettext("correct the spelling, or remove it."),
            )
    return {
        name: _check_value(entry, parameter, given.get(name, parameter.default))
        for name, parameter in known.items()
    }


def _check_value(entry: Entry, parameter: Parameter, value: Value) -> Value:
    what = _named(parameter.name, entry)
    if isinstance(parameter.default, str):
        if value not in parameter.choices:
            raise MethodError(
                gettext("{what} cannot be {value}.", what=what, value=repr(value)),
                expected=gettext("one of {names}.", names=", ".join(parameter.choices)),
                remedy=gettext("choose one of these."),
            )
        return value
    if isinstance(parameter.default, bool):
        if not isinstance(value, bool):
            raise _wrong_type(what, value, gettext("true or false."))
        return value
    if isinstance(parameter.default, Mapping):
        return _check_mapping(what, parameter, value)
    if isinstance(value, Mapping):
        raise _wrong_type(what, value, gettext("a number."))
    whole = isinstance(parameter.default, int)
    if isinstance(value, bool) or not isinstance(value, int if whole else int | float):
        wanted = gettext("a whole number.") if whole else gettext("a number.")
        raise _wrong_type(what, value, wanted)
    return _check_range(what, parameter, value if whole else float(value))


def _named(parameter: str, entry: Entry) -> str:
    return gettext("'{parameter}' of '{entry}'", parameter=parameter, entry=entry.name)


def _check_mapping(what: str, parameter: Parameter, value: Value) -> dict[str, float]:
    if not isinstance(value, Mapping):
        wanted = gettext("a number for each name, as { a = 1, b = 0.1 }.")
        raise _wrong_type(what, value, wanted)
    checked = {}
    for name, number in value.items():
        one = gettext("{what} for '{name}'", what=what, name=name)
        if isinstance(number, bool) or not isinstance(number, int | float):
            raise _wrong_type(one, number, gettext("a number."))
        checked[name] = _check_range(one, parameter, float(number))
    return checked


def _check_range(what: str, parameter: Parameter, value: float) -> float:
    low = -math.inf if parameter.minimum is None else parameter.minimum
    high = math.inf if parameter.maximum is None else parameter.maximum
    ends = {"low": in_form(f"{low:g}"), "high": in_form(f"{high:g}")}
    default = parameter.default
    has_default = not isinstance(default, Mapping)
    if not math.isfinite(value):
        raise MethodError(
            gettext(
                "{what} is {value}, which is not a finite number.",
                what=what,
                value=str(value),
            ),
            expected=gettext("a number from {low} to {high}.", **ends),
            remedy=gettext(
                "give it a value; the default is {default}.",
                default=in_form(str(default)),
            )
            if has_default
            else gettext("give it a value."),
        )
    said = in_form(f"{value:g}")
    if not low <= value <= high:
        raise MethodError(
            gettext("{what} is {value}, outside its range.", what=what, value=said),
            expected=gettext("a number from {low} to {high}.", **ends),
            remedy=gettext(
                "choose within the range; the default is {default}.",
                default=in_form(str(default)),
            )
            if has_default
            else gettext("choose within the range."),
        )
    if parameter.odd and value % 2 == 0:
        raise MethodError(
            gettext("{what} is {value}, an even number.", what=what, value=said),
            expected=gettext(
                "an odd number from {low} to {high}: it needs a middle.", **ends
            ),
            remedy=gettext(
                "take {below} or {above}.",
                below=str(round(value) - 1),
                above=str(round(value) + 1),
            ),
        )
    return value


def _wrong_type(what: str, value: Value, expected: str) -> MethodError:
    return MethodError(
        gettext(
            "{what} is {value}, which is of the wrong type.",
            what=what,
            value=repr(value),
        ),
        expected=expected,
        remedy=gettext("correct its value."),
    )


def resolve_method(
    study: Study,
    method_name: str,
    tasks: Sequence[Task],
    sensitive_features: Iterable[str] = (),
) -> ResolvedMethod:
    """Check a method of a study against its tasks, and sort it into parts.

    Parameters
    ----------
    study : Study
    method_name : str
        A method of the study.
    tasks : sequence of Task
        The tasks of the study's dataset.
    sensitive_features : iterable of str
        Columns of the manifest with the groups that a sampler, weights, an objective
        or a decision may look at.

    Returns
    -------
    ResolvedMethod

    Raises
    ------
    StudyError
        If the study has no such method.
    MethodError
        If an entry does not exist, looks at a missing task or column or one of the
        wrong kind, or has a bad parameter; if all its weights are 0; if a task has two
        losses or a method two samplers; or if images with two labels meet a part that
        needs one group or one target an image.
    """
    table = study.method(method_name)
    features = tuple(sensitive_features)
    parts = [
        _resolve_part(get_entry(name), given, tasks, features)
        for name, given in table.use.items()
    ]
    for part in parts:
        _check_not_all_zero(method_name, part)
    method = ResolvedMethod(
        name=method_name,
        label=table.label,
        samplers=_only_one_sampler(method_name, parts),
        weights=tuple(part for part in parts if part.entry.part == "weights"),
        losses=_one_a_task(method_name, parts, "loss"),
        features=_one_a_task(method_name, parts, "features"),
        adjustments=_one_a_task(method_name, parts, "adjustment"),
        objectives=_one_a_task(method_name, parts, "objective"),
        decisions=_one_a_task(method_name, parts, "decision"),
        mirrored_answers=bool(table.mirrored_answers),
    )
    _check_two_labels(method)
    return method


def _check_two_labels(method: ResolvedMethod) -> None:
    """Refuse a part that needs one target or group an image, beside mixed images."""
    if not method.changes_pixels:
        return
    (sampler,) = method.samplers
    for part in (*method.objectives.values(), *method.features.values()):
        names = {
            "method": method.name,
            "sampler": sampler.entry.name,
            "entry": part.entry.name,
        }
        raise MethodError(
            gettext(
                "Method '{method}' has '{sampler}', whose images are made of two, and "
                "'{entry}', which needs one group an image.",
                **names,
            )
            if part.entry.part == "objective"
            else gettext(
                "Method '{method}' has '{sampler}', whose images are made of two, and "
                "'{entry}', which needs one target an image.",
                **names,
            ),
            expected=gettext(
                "'{entry}' with a sampler that keeps the images.",
                entry=part.entry.name,
            ),
            remedy=gettext("make them two methods."),
        )


def _resolve_part(
    entry: Entry,
    given: Mapping[str, Value],
    tasks: Sequence[Task],
    features: tuple[str, ...],
) -> Part:
    on = _check_on(entry, given.get(ON), tasks, features)
    apart = {ON} | ({START} if entry.part in MAY_START_LATE else set())
    groups = ""
    if entry.part in TAKES_GROUPS:
        apart.add(GROUPS)
        if entry.groups == "needed" or GROUPS in given:
            groups = _check_groups(entry, on, given.get(GROUPS), tasks, features)
    own = {name: value for name, value in given.items() if name not in apart}
    values = validate_parameters(entry, own)
    head = cast("HeadName", values.pop(HEAD, "logits"))
    start = _check_start(entry, given.get(START, 0.0), head) if START in apart else 0.0
    return Part(entry, on, values, head, start, groups)


def _check_start(entry: Entry, start: Value, head: HeadName) -> float:
    what = _named(START, entry)
    if isinstance(start, bool) or not isinstance(start, int | float):
        wanted = gettext("a share of the epochs, such as 0.8.")
        raise _wrong_type(what, start, wanted)
    said = in_form(f"{start:g}")
    if not 0 <= start < 1:
        raise MethodError(
            gettext("{what} is {value}.", what=what, value=said),
            expected=gettext("a share of the epochs, from 0 and below 1."),
            remedy=gettext("0.8 lets it act from the 160th of 200 epochs on."),
        )
    if start and head == "cosine":
        raise MethodError(
            gettext(
                "{what} is {value}, but the plain loss before it cannot use cosine "
                "logits.",
                what=what,
                value=said,
            ),
            expected=gettext("0, or head = 'logits'."),
            remedy=gettext("start the loss at once, or give it plain logits."),
        )
    return float(start)


def _check_on(
    entry: Entry, on: Value | None, tasks: Sequence[Task], features: tuple[str, ...]
) -> str:
    kinds = {task.name: task.kind for task in tasks}
    takes_features = (
        entry.part in ("sampler", "weights") and "multiclass" in entry.task_kinds
    )
    suitable = [name for name, kind in kinds.items() if kind in entry.task_kinds]
    suitable += [f for f in features if takes_features and f not in kinds]
    expected = (
        gettext("one of {names}.", names=", ".join(suitable))
        if suitable
        else gettext("another study.")
    )
    remedy = gettext("set 'on' under 'use.{entry}' in the study.", entry=entry.name)
    if on is None:
        raise MethodError(
            gettext(
                "'{entry}' does not name its task or feature: 'on' is missing.",
                entry=entry.name,
            ),
            expected=expected,
            remedy=remedy,
        )
    if takes_features and _is_crossing(on, (*kinds, *features)):
        for name in split_crossing(str(on)):
            _check_on(entry, name, tasks, features)
        return str(on)
    if not isinstance(on, str) or (on not in kinds and on not in features):
        raise MethodError(
            gettext(
                "'{entry}' is on {on}, which is not a task or sensitive feature here.",
                entry=entry.name,
                on=repr(on),
            ),
            expected=expected,
            remedy=remedy,
        )
    if on not in suitable:
        raise MethodError(
            gettext(
                "'{entry}' cannot be used on '{on}', which is a {kind} task.",
                entry=entry.name,
                on=on,
                kind=kinds[on],
            )
            if on in kinds
            else gettext(
                "'{entry}' cannot be used on '{on}', which is a sensitive feature.",
                entry=entry.name,
                on=on,
            ),
            expected=expected,
            remedy=remedy,
        )
    return on


def _is_crossing(name: Value | None, known: Iterable[str]) -> bool:
    return isinstance(name, str) and name not in known and len(split_crossing(name)) > 1


def _check_groups(
    entry: Entry,
    on: str,
    groups: Value | None,
    tasks: Sequence[Task],
    features: tuple[str, ...],
) -> str:
    """The groups of an objective or a decision: a feature, or a crossing of features.

    An objective may also cross them with the classes of the task; a decision may not,
    because it is made without knowing the class.
    """
    classes = [t.name for t in tasks if t.name == on and t.kind != "regression"]
    others = classes if entry.part == "objective" else []
    if entry.part == "decision":
        # Also where a dataset gives the task as a feature.
        features = tuple(name for name in features if name != on)
    known = (*features, *others)
    names = (groups,) if groups in known else split_crossing(str(groups))
    if not set(names) <= set(known) or not set(names) & set(features):
        expected = gettext("a study whose dataset has a sensitive feature.")
        if features and len(known) > 1:
            crossing = f"{known[0]}{STORED}{known[-1]}"
            expected = gettext(
                "one of {names}, or a crossing such as '{crossing}'.",
                names=", ".join(features),
                crossing=crossing,
            )
        elif features:
            expected = gettext("one of {names}.", names=", ".join(features))
        raise MethodError(
            gettext(
                "'{entry}' does not say between which groups: 'groups' is missing.",
                entry=entry.name,
            )
            if groups is None
            else gettext(
                "'{entry}' is between the groups of {groups}, which is not a sensitive "
                "feature.",
                entry=entry.name,
                groups=repr(groups),
            ),
            expected=expected,
            remedy=gettext(
                "set 'groups' under 'use.{entry}' in the study.", entry=entry.name
            ),
        )
    return str(groups)


def _check_not_all_zero(method: str, part: Part) -> None:
    names = part.entry.not_all_zero
    if names and not any(part.parameters[name] for name in names):
        raise MethodError(
            gettext(
                "Method '{method}' sets {parameters} of '{entry}' to 0: nothing would "
                "be learned.",
                method=method,
                parameters=listed([quoted(name) for name in names]),
                entry=part.entry.name,
            ),
            expected=gettext("at least one of them above 0."),
            remedy=gettext(
                "fix them under 'use.{entry}' in the study.", entry=part.entry.name
            ),
        )


def _only_one_sampler(method: str, parts: Sequence[Part]) -> tuple[Part, ...]:
    samplers = tuple(part for part in parts if part.entry.part == "sampler")
    if len(samplers) > 1:
        raise MethodError(
            gettext(
                "Method '{method}' has more than one sampler: {samplers}.",
                method=method,
                samplers=listed([quoted(part.entry.name) for part in samplers]),
            ),
            expected=gettext("at most one: it decides which images an epoch sees."),
            remedy=gettext("make them two methods."),
        )
    return samplers


def _one_a_task(method: str, parts: Sequence[Part], kind: PartName) -> dict[str, Part]:
    found: dict[str, Part] = {}
    for part in parts:
        if part.entry.part != kind:
            continue
        if part.on in found:
            raise MethodError(
                gettext(
                    "Method '{method}' has two {parts} on '{on}': '{one}' and "
                    "'{other}'.",
                    method=method,
                    parts=gettext(PARTS[kind].plural),
                    on=part.on,
                    one=found[part.on].entry.name,
                    other=part.entry.name,
                ),
                expected=gettext("at most one {part} a task.", part=kind),
                remedy=gettext("make them two methods."),
            )
        found[part.on] = part
    return found
