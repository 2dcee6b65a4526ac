"""The registry of remedies, and what a method of a study resolves to.

Nothing here imports Keras: pages list methods and check parameters without that
cost. A builder is named as ``module:function`` and imported when it is called.
"""

import importlib
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, cast

from core.errors import MethodError
from core.study import Study
from core.tasks import Task

Value = bool | int | float | str
PartName = Literal["sampler", "weights", "loss"]
Kind = Literal["regression", "binary", "multiclass"]
HeadName = Literal["logits", "cosine"]

# "on" is where an entry looks, and "head" is what the model ends in: neither is an
# argument of a builder.
ON = "on"
HEAD = "head"


@dataclass(frozen=True)
class Parameter:
    """A parameter of an entry, with its range.

    Parameters
    ----------
    name : str
        As written in a study.
    default : bool, int, float or str
        Also fixes the type: a float takes whole numbers, nothing else converts.
    minimum, maximum : float or None
        Range of a number, both ends included.
    description : str
        What it does, in one line.
    choices : tuple of str
        The words that a text parameter may be.
    """

    name: str
    default: Value
    minimum: float | None
    maximum: float | None
    description: str
    choices: tuple[str, ...] = ()


@dataclass(frozen=True)
class Entry:
    """A remedy: which part of training it changes, and how it is built.

    Parameters
    ----------
    name, label : str
        As written in a study, and as shown.
    paper : str
        Source, with year in ``year``.
    summary : str
        What it does, in one plain sentence.
    part : {"sampler", "weights", "loss"}
        Which rows are drawn, how much each counts, or what is minimised.
    task_kinds : tuple of str
        Kinds of task that it may be used on. A sensitive feature counts as classes.
    parameters : tuple of Parameter
        Everything that may be set, beside ``on``.
    needs : tuple of str
        What the builder is given: "labels", "targets" or "class counts".
    builder : str
        ``module:function``. A sampler is called with ``(labels, rng)``, weights with
        ``(values)``, a loss with ``(class_counts)``, each with the parameters by name.
    heads : {"on", "all"}
        For weights: whether they count on the task named by ``on``, or on all heads.
    """

    name: str
    label: str
    paper: str
    year: int
    summary: str
    part: PartName
    task_kinds: tuple[Kind, ...]
    parameters: tuple[Parameter, ...]
    needs: tuple[str, ...]
    builder: str
    heads: Literal["on", "all"] = "on"


@dataclass(frozen=True)
class Part:
    """An entry as a method of a study uses it.

    Parameters
    ----------
    entry : Entry
    on : str
        The task or sensitive feature that it looks at.
    parameters : mapping of str to value
        The builder's arguments, all of them, defaults included.
    head : {"logits", "cosine"}
        What the task's output layer must give. Cosine logits lie in [-1, 1], and
        probabilities are the softmax of ``scale`` times them.
    """

    entry: Entry
    on: str
    parameters: Mapping[str, Value]
    head: HeadName = "logits"

    def build(self, *given: Any) -> Any:
        """Call the entry's builder with what it needs, and the parameters."""
        return load_builder(self.entry)(*given, **self.parameters)


@dataclass(frozen=True)
class ResolvedMethod:
    """A method of a study, checked, in the three parts that training reads.

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
    """

    name: str
    label: str
    samplers: tuple[Part, ...]
    weights: tuple[Part, ...]
    losses: Mapping[str, Part]

    def head(self, task: str) -> HeadName:
        """What the output layer of a task must give under this method."""
        return self.losses[task].head if task in self.losses else "logits"


def _number(
    name: str, default: float, minimum: float, maximum: float, text: str
) -> Parameter:
    return Parameter(name, default, minimum, maximum, text)


def _choice(name: str, default: str, choices: tuple[str, ...], text: str) -> Parameter:
    return Parameter(name, default, None, None, text, choices)


def _head(default: HeadName) -> Parameter:
    return _choice(
        HEAD,
        default,
        ("logits", "cosine"),
        "Plain logits, or cosines between normalised features and class vectors.",
    )


_GAMMA = "Focusing: 0 is cross-entropy, more mutes what is already right."
_SCALE = "Factor on the logits of the margin term."
_MAX_MARGIN = "Margin of the rarest class."

_ALL = (
    Entry(
        name="ins",
        label="INS weights",
        paper=(
            "Huang et al., Learning Deep Representation for Imbalanced "
            "Classification, CVPR 2016"
        ),
        year=2016,
        summary="Each image counts by the inverse of the number of its class.",
        part="weights",
        task_kinds=("binary", "multiclass"),
        parameters=(
            _number("power", 1.0, 0.0, 2.0, "Exponent of the count: 0 is uniform."),
        ),
        needs=("labels",),
        builder="core.methods.weights:inverse_frequency_sample_weights",
        heads="all",
    ),
    Entry(
        name="undersample",
        label="Under-sampling",
        paper=(
            "Japkowicz and Stephen, The class imbalance problem: A systematic "
            "study, Intelligent Data Analysis 6, 2002"
        ),
        year=2002,
        summary="Each epoch sees another random share of the majority class.",
        part="sampler",
        task_kinds=("binary", "multiclass"),
        parameters=(
            _number("keep", 0.5, 0.01, 1.0, "Share of the majority class that stays."),
        ),
        needs=("labels",),
        builder="core.methods.samplers:undersample_majority",
    ),
    Entry(
        name="denseweight",
        label="DenseWeight",
        paper=(
            "Steininger et al., Density-based weighting for imbalanced "
            "regression, Machine Learning 110, 2021"
        ),
        year=2021,
        summary="Images with rare targets count more, by the density of the targets.",
        part="weights",
        task_kinds=("regression",),
        parameters=(
            _number("alpha", 0.25, 0.0, 10.0, "Strength: 0 is uniform, 1 the usual."),
        ),
        needs=("targets",),
        builder="core.methods.weights:dense_weights",
        heads="on",
    ),
    Entry(
        name="ldam",
        label="LDAM",
        paper=(
            "Cao et al., Learning Imbalanced Datasets with "
            "Label-Distribution-Aware Margin Loss, NeurIPS 2019"
        ),
        year=2019,
        summary="Rare classes must be right by a larger margin.",
        part="loss",
        task_kinds=("multiclass",),
        parameters=(
            _number("max_margin", 0.5, 0.0, 10.0, _MAX_MARGIN),
            _number("scale", 30.0, 0.1, 1000.0, _SCALE),
            _head("cosine"),
        ),
        needs=("class counts",),
        builder="core.methods.losses.margin:LDAM",
    ),
    Entry(
        name="focal",
        label="Focal loss",
        paper="Lin et al., Focal Loss for Dense Object Detection, ICCV 2017",
        year=2017,
        summary="Images that are already right count less.",
        part="loss",
        task_kinds=("multiclass",),
        parameters=(_number("gamma", 2.0, 0.0, 50.0, _GAMMA),),
        needs=("class counts",),
        builder="core.methods.losses.focal:build_focal",
    ),
    Entry(
        name="lmf",
        label="LMF",
        paper=(
            "Sadi et al., LMFLOSS: A Hybrid Loss For Imbalanced Medical Image "
            "Classification, arXiv 2212.12741, 2022"
        ),
        year=2022,
        summary="A weighted sum of LDAM and focal loss on the same logits.",
        part="loss",
        task_kinds=("multiclass",),
        parameters=(
            _number("alpha", 2.5, 0.0, 1000.0, "Weight of the LDAM half."),
            _number("beta", 0.05, 0.0, 1000.0, "Weight of the focal half."),
            _number("gamma", 4.0, 0.0, 50.0, _GAMMA),
            _number("max_margin", 0.5, 0.0, 10.0, _MAX_MARGIN),
            _number("scale", 30.0, 0.1, 1000.0, _SCALE),
            _choice(
                "class_weighting",
                "none",
                ("none", "margins"),
                "Whether the margins also weigh the classes, as in the authors' code.",
            ),
            _head("logits"),
        ),
        needs=("class counts",),
        builder="core.methods.losses.margin:LMF",
    ),
)

ENTRIES: dict[str, Entry] = {entry.name: entry for entry in _ALL}


def get_entry(name: str) -> Entry:
    """The entry of that name.

    Raises
    ------
    MethodError
        If there is none.
    """
    if name not in ENTRIES:
        raise MethodError(
            f"There is no method entry '{name}'.",
            expected=f"one of {', '.join(ENTRIES)}.",
            remedy="correct the name under 'use' in the study.",
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
        its range or none of its choices.
    """
    known = {parameter.name: parameter for parameter in entry.parameters}
    for name in given:
        if name not in known:
            raise MethodError(
                f"'{entry.name}' has no parameter '{name}'.",
                expected=f"one of {', '.join((ON, *known))}.",
                remedy="correct the spelling, or remove it.",
            )
    return {
        name: _check_value(entry, parameter, given.get(name, parameter.default))
        for name, parameter in known.items()
    }


def _check_value(entry: Entry, parameter: Parameter, value: Value) -> Value:
    what = f"'{parameter.name}' of '{entry.name}'"
    if isinstance(parameter.default, str):
        if value not in parameter.choices:
            raise MethodError(
                f"{what} cannot be {value!r}.",
                expected=f"one of {', '.join(parameter.choices)}.",
                remedy="choose one of these.",
            )
        return value
    if isinstance(parameter.default, bool):
        if not isinstance(value, bool):
            raise _wrong_type(what, value, "true or false.")
        return value
    whole = isinstance(parameter.default, int)
    if isinstance(value, bool) or not isinstance(value, int if whole else int | float):
        raise _wrong_type(what, value, "a whole number." if whole else "a number.")
    return _check_range(what, parameter, value if whole else float(value))


def _check_range(what: str, parameter: Parameter, value: float) -> float:
    low = -math.inf if parameter.minimum is None else parameter.minimum
    high = math.inf if parameter.maximum is None else parameter.maximum
    if not math.isfinite(value):
        raise MethodError(
            f"{what} is {value}, which is no finite number.",
            expected=f"a number from {low:g} to {high:g}.",
            remedy=f"give it a value; the default is {parameter.default}.",
        )
    if not low <= value <= high:
        raise MethodError(
            f"{what} is {value:g}, outside its range.",
            expected=f"a number from {low:g} to {high:g}.",
            remedy=f"choose within the range; the default is {parameter.default}.",
        )
    return value


def _wrong_type(what: str, value: Value, expected: str) -> MethodError:
    return MethodError(
        f"{what} is {value!r}, which is of the wrong type.",
        expected=expected,
        remedy="correct its value.",
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
        Columns of the manifest with classes that a sampler or weights may look at.

    Returns
    -------
    ResolvedMethod

    Raises
    ------
    StudyError
        If the study has no such method.
    MethodError
        If an entry does not exist, looks at a task or column that is not there or is
        of the wrong kind, or has a bad parameter; or if two losses claim one task, or
        two samplers one method.
    """
    table = study.method(method_name)
    features = tuple(sensitive_features)
    parts = [
        _resolve_part(get_entry(name), given, tasks, features)
        for name, given in table.use.items()
    ]
    return ResolvedMethod(
        name=method_name,
        label=table.label,
        samplers=_only_one_sampler(method_name, parts),
        weights=tuple(part for part in parts if part.entry.part == "weights"),
        losses=_one_loss_a_task(method_name, parts),
    )


def _resolve_part(
    entry: Entry,
    given: Mapping[str, Value],
    tasks: Sequence[Task],
    features: tuple[str, ...],
) -> Part:
    on = _check_on(entry, given.get(ON), tasks, features)
    values = validate_parameters(entry, {k: v for k, v in given.items() if k != ON})
    head = cast("HeadName", values.pop(HEAD, "logits"))
    return Part(entry, on, values, head)


def _check_on(
    entry: Entry, on: Value | None, tasks: Sequence[Task], features: tuple[str, ...]
) -> str:
    kinds = {task.name: task.kind for task in tasks}
    takes_features = entry.part != "loss" and "multiclass" in entry.task_kinds
    suitable = [name for name, kind in kinds.items() if kind in entry.task_kinds]
    suitable += [f for f in features if takes_features and f not in kinds]
    expected = f"one of {', '.join(suitable)}." if suitable else "another study."
    remedy = f"set 'on' under 'use.{entry.name}' in the study."
    if on is None:
        raise MethodError(
            f"'{entry.name}' does not say what it looks at: 'on' is missing.",
            expected=expected,
            remedy=remedy,
        )
    if not isinstance(on, str) or (on not in kinds and on not in features):
        raise MethodError(
            f"'{entry.name}' is on {on!r}, which is no task or sensitive feature here.",
            expected=expected,
            remedy=remedy,
        )
    if on not in suitable:
        what = f"a {kinds[on]} task" if on in kinds else "a sensitive feature"
        raise MethodError(
            f"'{entry.name}' cannot be used on '{on}', which is {what}.",
            expected=expected,
            remedy=remedy,
        )
    return on


def _only_one_sampler(method: str, parts: Sequence[Part]) -> tuple[Part, ...]:
    samplers = tuple(part for part in parts if part.entry.part == "sampler")
    if len(samplers) > 1:
        names = " and ".join(f"'{part.entry.name}'" for part in samplers)
        raise MethodError(
            f"Method '{method}' has more than one sampler: {names}.",
            expected="at most one: it decides which images an epoch sees.",
            remedy="make them two methods.",
        )
    return samplers


def _one_loss_a_task(method: str, parts: Sequence[Part]) -> dict[str, Part]:
    losses: dict[str, Part] = {}
    for part in parts:
        if part.entry.part != "loss":
            continue
        if part.on in losses:
            other = losses[part.on].entry.name
            raise MethodError(
                f"Method '{method}' has two losses on '{part.on}': "
                f"'{other}' and '{part.entry.name}'.",
                expected="at most one loss a task.",
                remedy="make them two methods.",
            )
        losses[part.on] = part
    return losses
