"""The description of a remedy in the registry. Nothing here imports Keras."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any, Literal

from core.language import N_, gettext
from core.methods.signature import signature_defaults
from core.tunable import OneOf, Powers, Tunable

Value = bool | int | float | str | Mapping[str, float]
PartName = Literal[
    "sampler", "weights", "features", "loss", "objective", "adjustment", "decision"
]
Kind = Literal["regression", "binary", "multiclass"]
HeadName = Literal["logits", "cosine"]
Pixels = Literal["kept", "mixed", "generated"]

# The task or feature that an entry looks at, the groups that it compares, the output
# layer of the model, and the share of the epochs after which it begins to act. None of
# these is an argument of a builder.
ON = "on"
GROUPS = "groups"
HEAD = "head"
START = "start"
# In place of a default: the entry reads it from the signature of its builder.
OF_BUILDER: Any = object()
# Values that a search tries for the beta of the effective number of images.
BETAS = OneOf((0.9, 0.99, 0.999, 0.9999, 0.99999))


@dataclass(frozen=True)
class PartLabel:
    """The names of a part of training.

    Parameters
    ----------
    title : str
        Heading over the entries that change it.
    kind : str
        Name of one such entry, in a table.
    plural : str
        Name of several, in a sentence.
    decides : str
        One sentence on what the part decides.
    """

    title: str
    kind: str
    plural: str
    decides: str


# In the order in which methods are offered.
PARTS: Mapping[PartName, PartLabel] = {
    "loss": PartLabel(
        N_("Losses"),
        N_("loss"),
        N_("losses"),
        N_("The function that training minimises."),
    ),
    "objective": PartLabel(
        N_("Between groups"),
        N_("group objective"),
        N_("group objectives"),
        N_("How the losses of the groups become one."),
    ),
    "weights": PartLabel(
        N_("Weights"),
        N_("sample weights"),
        N_("weights"),
        N_("How much each image counts."),
    ),
    "sampler": PartLabel(
        N_("Samplers"),
        N_("sampler"),
        N_("samplers"),
        N_("Which images an epoch shows."),
    ),
    "features": PartLabel(
        N_("Features"),
        N_("features"),
        N_("changes to the features"),
        N_("How the features change in training."),
    ),
    "adjustment": PartLabel(
        N_("After training"),
        N_("after training"),
        N_("adjustments"),
        N_("How the answers of the finished model change."),
    ),
    "decision": PartLabel(
        N_("Decisions"),
        N_("decision rule"),
        N_("decision rules"),
        N_("How an answer is decided from the finished model's probabilities."),
    ),
}


@dataclass(frozen=True)
class Parameter:
    """A parameter of an entry, with its range.

    Parameters
    ----------
    name : str
        As written in a study.
    default : bool, int, float, str or mapping
        Also fixes the type: a float takes whole numbers, nothing else converts. A
        mapping is one of names to numbers. ``OF_BUILDER`` until the entry is made.
    minimum, maximum : float or None
        Range of a number, or of each number of a mapping; both ends included.
    description : str
        Its effect, in one line.
    choices : tuple of str
        The words that a text parameter may be.
    odd : bool
        Whether a whole number must be odd: a window needs a middle.
    only_with : tuple of (str, tuple of values)
        Another parameter, and the values of it with which this one has an effect;
        empty if it always has.
    tuned : Tunable or None
        Values that a search on validation images tries; None if it tries none.
    """

    name: str
    default: Value
    minimum: float | None
    maximum: float | None
    description: str
    choices: tuple[str, ...] = ()
    odd: bool = False
    only_with: tuple[str, tuple[Value, ...]] | tuple[()] = ()
    tuned: Tunable | None = None

    def idle_because(self, values: Mapping[str, Value]) -> str:
        """The reason why it has no effect beside these values; empty if it has."""
        if not self.only_with:
            return ""
        other, wanted = self.only_with
        if values[other] in wanted:
            return ""
        *others, last = (str(value).lower() for value in wanted)
        if others:
            names = ", ".join(others)
            last = gettext("{names} or {last_name}", names=names, last_name=last)
        return gettext(
            "Does nothing while {parameter} is {value}: set it to {wanted} first.",
            parameter=other.replace("_", " "),
            value=str(values[other]).lower(),
            wanted=last,
        )


@dataclass(frozen=True)
class Entry:
    """A remedy: the part of training that it changes, and its builder.

    Parameters
    ----------
    name, label : str
        As written in a study, and as shown.
    paper : str
        Source, with year in ``year``.
    summary : str
        Its effect, in one plain sentence.
    part : {"sampler", "weights", "features", "loss", "objective", "adjustment", \
"decision"}
        A sampler chooses rows, weights say how much each counts, features change the
        features before a head while training, a loss is minimised, an objective
        combines the losses of the groups, an adjustment is added to the logits of the
        finished model, and a decision is made from its probabilities.
    task_kinds : tuple of str
        Kinds of task that it may be used on. A sensitive feature counts as classes.
    parameters : tuple of Parameter
        Everything that may be set, beside ``on``, and ``groups`` of an objective or a
        decision.
    needs : tuple of str
        Inputs of the builder: "labels" (codes), "names" (of classes or groups),
        "batch size", "image size", "epoch", "targets", "class counts", "range",
        "group counts", or "validation": probabilities, truth and groups of the
        validation images.
    builder : str
        ``module:function``. A sampler is called with ``(labels, rng)`` and gives rows
        to be shuffled, or with the ``batch_size`` too and gives them in the order of
        the batches; one that mixes also with ``image_size``, or ``epoch`` and
        ``epochs``, and gives ``Mixes``; one that generates gives a
        ``GenerationPlan``; weights with ``(labels)``, ``(names)`` or ``(targets)``,
        a loss with ``(class_counts)`` or nothing, an objective with
        ``(loss, group_counts)``, an adjustment with ``(class_counts)``, a change to
        features with ``(minimum, maximum)`` of the task, a decision with
        ``(probabilities, truth, groups)``; each with the parameters by name.
    formula : str
        In LaTeX, one line.
    traps : tuple of str
        Warnings for the user, a sentence each.
    heads : {"on", "all"}
        For weights: whether they count on the task named by ``on``, or on all heads.
    not_all_zero : tuple of str
        Parameters of which one at least must be above 0, or nothing is learned.
    groups : {"needed", "optional"}
        For objectives and decisions: whether a method must name the groups.
    pixels : {"kept", "mixed", "generated"}
        For samplers: whether an epoch shows the images as they are, two of them mixed,
        or more of them, that a model has drawn. Mixed and drawn ones have two labels.
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
    formula: str = ""
    traps: tuple[str, ...] = ()
    heads: Literal["on", "all"] = "on"
    not_all_zero: tuple[str, ...] = ()
    groups: Literal["needed", "optional"] = "needed"
    pixels: Pixels = "kept"

    def __post_init__(self) -> None:
        """Read the defaults of its parameters from the signature of the builder."""
        if any(parameter.default is OF_BUILDER for parameter in self.parameters):
            own = signature_defaults(self.builder)
            filled = tuple(
                replace(p, default=own[p.name]) if p.default is OF_BUILDER else p
                for p in self.parameters
            )
            object.__setattr__(self, "parameters", filled)


def number(
    name: str,
    minimum: float,
    maximum: float,
    text: str,
    *,
    odd: bool = False,
    only_with: tuple[str, tuple[Value, ...]] | tuple[()] = (),
    tuned: Tunable | None = None,
) -> Parameter:
    """A number and its range."""
    return Parameter(
        name, OF_BUILDER, minimum, maximum, text, (), odd, only_with, tuned
    )


def choice(name: str, choices: tuple[str, ...], text: str) -> Parameter:
    """One of a few words."""
    return Parameter(name, OF_BUILDER, None, None, text, choices)


def switch(name: str, text: str) -> Parameter:
    """Yes or no."""
    return Parameter(name, OF_BUILDER, None, None, text)


def focusing() -> Parameter:
    """The gamma of a focal loss: how much it mutes images that are already right."""
    return number(
        "gamma",
        0.0,
        50.0,
        N_("Focusing: 0 is cross-entropy, more mutes what is already right."),
        tuned=Powers(0.5, 8.0),
    )


def mapping(name: str, minimum: float, maximum: float, text: str) -> Parameter:
    """Numbers by names that come from the data; empty by default."""
    return Parameter(name, MappingProxyType({}), minimum, maximum, text)


def head(default: HeadName) -> Parameter:
    """The output layer of the model under a loss."""
    heads = ("logits", "cosine")
    return Parameter(
        HEAD,
        default,
        None,
        None,
        N_("Plain logits, or cosines between normalised features and class vectors."),
        heads,
        tuned=OneOf(heads),
    )
