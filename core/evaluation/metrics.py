"""The one table of metrics: what each is called, its unit, and which way is better.

A metric's key is ``<task>.<metric>``, or ``<task>.<metric>[<part>]`` with a bin, a
class or a shot group, such as ``age.mae``, ``age.mae[0-9]``, ``ethnicity.f1[Asian]``
and ``label.accuracy[few-shot]``.
"""

import difflib
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, partial
from typing import Literal

from core.data.harmless_changes import CHANGES, WORST, describe_change
from core.errors import EquipoiseError
from core.language import N_, gettext, in_form, ngettext
from core.tasks import Regression, Task
from core.text import bin_in_words

Direction = Literal["lower", "higher", "zero", "none"]
TOLERANCE = 5
"""Units within which a prediction counts as near, for ``within_5``."""

SHOT_GROUPS = {
    "many-shot": (101, math.inf),
    "medium-shot": (20, 100),
    "few-shot": (0, 19),
}
"""Fewest and most training images of a class in each group (Liu et al., CVPR 2019)."""


def shot_range(name: str) -> str:
    """How many training images a class of a shot group has, such as "20 to 100"."""
    low, high = SHOT_GROUPS[name]
    if math.isinf(high):
        return gettext("more than {number}", number=low - 1)
    if low:
        return gettext("{low} to {high}", low=low, high=int(high))
    return gettext("fewer than {number}", number=int(high) + 1)


SHOTS = N_(
    "many-shot: more than 100 training images, medium-shot: 20 to 100, few-shot: fewer"
    " than 20"
)
"""The shot groups in words, to be said wherever one of them is shown."""

TOP_K = 5
"""The k of the top-k accuracy that is always given, where there are more classes."""

AVERAGE_PRECISION = "average_precision"

_KEY = re.compile(r"(?P<task>[^.\[\]]+)\.(?P<name>\w+)(?:\[(?P<part>(?s:.+))\])?")
_TOP = re.compile(r"top_([1-9]\d*)_accuracy")
_ANY_TOP = "top_<k>_accuracy"
# Units of the tasks whose metrics may be named without the task.
_UNITS = {"age": N_("years")}


@dataclass(frozen=True)
class MetricInfo:
    """The description of one metric.

    Parameters
    ----------
    key : str
        Such as ``"age.mae[0-9]"``.
    task_label : str
        Label of its task.
    plain_unit : str
        ``unit``, in English.
    direction : {"lower", "higher", "zero", "none"}
        Which way is better; ``"zero"`` means nearer to zero on either side, ``"none"``
        that neither is, as of the share that is selected.
    digits : int
        Decimals to show.
    factor : float
        What a value, as the tables hold it, is multiplied with to be shown: 100 for
        a share that is shown in per cent.

    Notes
    -----
    Its words are said when they are asked for, in the reader's language: a description
    may be kept and shared.
    """

    key: str
    task_label: str
    plain_unit: str
    direction: Direction
    digits: int
    factor: float = 1.0

    @property
    def task(self) -> str:
        """Name of the task, such as ``"age"``."""
        return split_key(self.key)[0]

    @property
    def name(self) -> str:
        """Name without task and part, such as ``"mae"``."""
        return split_key(self.key)[1]

    @property
    def part(self) -> str:
        """The bin, class or group in brackets; empty if there is none."""
        return split_key(self.key)[2]

    @property
    def is_share(self) -> bool:
        """Whether a value lies between 0 and 1, and has no unit of its task."""
        template = _TEMPLATES[_entry(self.name)]
        return not (template.in_units or template.may_exceed_1)

    @property
    def unit(self) -> str:
        """Unit in which a value is shown; empty for a share between 0 and 1."""
        return gettext(self.plain_unit)

    @property
    def plain_difference_unit(self) -> str:
        """``difference_unit``, in English."""
        return N_("points") if self.plain_unit == "%" else self.plain_unit

    @property
    def difference_unit(self) -> str:
        """Unit of a difference of two values: points, for a value in per cent."""
        return gettext(self.plain_difference_unit)

    @property
    def own_label(self) -> str:
        """Label without task and part, such as ``"MAE"``."""
        template = _TEMPLATES[_entry(self.name)]
        return gettext(template.label, k=top_k(self.name), tolerance=TOLERANCE)

    @property
    def part_label(self) -> str:
        """``part`` as a reader sees it: classes and groups are as they were given."""
        kind = _PARTS.get(self.name) if self.part else None
        if kind == "bin":
            return bin_in_words(self.part)
        return gettext(self.part) if kind == "change" else self.part

    @property
    def label(self) -> str:
        """Label for headings, such as ``"Age MAE, 0-9"``."""
        task, metric = gettext(self.task_label), self.own_label
        if self.part:
            return gettext(
                "{task} {metric}, {part}",
                task=task,
                metric=metric,
                part=self.part_label,
            )
        return gettext("{task} {metric}", task=task, metric=metric)

    @property
    def phrase(self) -> str:
        """Label for the middle of a sentence, such as ``"age MAE (0-9)"``."""
        task, metric = gettext(self.task_label), self.own_label
        lowered = task[:1].lower() + task[1:]
        if self.part:
            return gettext(
                "{lowered_task} {metric} ({part})",
                lowered_task=lowered,
                metric=metric,
                part=self.part_label,
            )
        return gettext("{lowered_task} {metric}", lowered_task=lowered, metric=metric)

    @property
    def explanation(self) -> str:
        """One sentence for a tooltip."""
        template, part = _TEMPLATES[_entry(self.name)], self.part_label
        return gettext(
            template.of_part if part else template.explanation,
            part=part,
            k=top_k(self.name),
            tolerance=TOLERANCE,
            shots=gettext(SHOTS),
            change=gettext(describe_change(self.part)),
            changes=", ".join(gettext(c.label) for c in CHANGES.values()),
        )

    def rounded(self, value: float) -> float:
        """The number that ``format`` writes of a finite value."""
        # NumPy rounds its own floats otherwise than a number is written elsewhere.
        # Adding 0.0 turns a rounded -0.0 into 0.0.
        return round(float(value) * self.factor, self.digits) + 0.0

    def format(self, value: float, *, unit: bool = False, signed: bool = False) -> str:
        """Write a value in this metric's unit and decimals; a dash if undefined.

        In the form of the reader's language: ``rounded`` is for what reckons with it.
        """
        if not math.isfinite(value):
            return "–"
        number = self.rounded(value)
        text = f"{number:+.{self.digits}f}" if signed else f"{number:.{self.digits}f}"
        written = in_form(text)
        return in_unit(written, self.plain_unit, number) if unit else written


def in_unit(written: str, plain_unit: str, number: float) -> str:
    """A number that is written already, with its unit, such as "0.21 years".

    Parameters
    ----------
    written : str
    plain_unit : str
        In English; it may be empty.
    number : float
        Decides the form of the unit; of an undefined one, it is that of zero.
    """
    if plain_unit == "years":
        whole = int(abs(number)) if math.isfinite(number) else 0
        return ngettext("{size} years", "{size} years", whole, size=written)
    if plain_unit == "%":
        return gettext("{size} %", size=written)
    return f"{written} {gettext(plain_unit)}" if plain_unit else written


@dataclass(frozen=True)
class _Template:
    """A metric; ``of_part`` explains that of a bin, class or group, if there is any."""

    label: str
    explanation: str
    of_part: str = ""
    direction: Direction = "higher"
    in_units: bool = False
    in_percent: bool = False
    may_exceed_1: bool = False


_error = partial(_Template, direction="lower", in_units=True)
_lower = partial(_Template, direction="lower")
_loss = partial(_Template, direction="lower", may_exceed_1=True)
_neutral = partial(_Template, direction="none")

_TEMPLATES: dict[str, _Template] = {
    "mae": _error(
        N_("MAE"),
        N_("Mean absolute error: how far predictions are from the truth on average."),
        N_("Mean absolute error over the images whose truth is in {part}."),
    ),
    "rmse": _error(
        N_("RMSE"),
        N_("Root of the mean squared error: as MAE, but large errors count more."),
    ),
    "bias": _error(
        N_("bias"),
        N_(
            "Mean of prediction minus truth: above 0 is too high on average; methods"
            " are compared by its size without the sign."
        ),
        direction="zero",
    ),
    "mae_balanced": _error(
        N_("balanced MAE"),
        N_(
            "Mean of the MAE of the bins, so that a bin with few images counts as much"
            " as one with many."
        ),
    ),
    "within_5": _Template(
        N_("within {tolerance}"),
        N_(
            "Share of images whose prediction is at most {tolerance} units from the"
            " truth."
        ),
    ),
    "accuracy": _Template(
        N_("accuracy"),
        N_(
            "Share of images classified rightly; on imbalanced data it is mostly about"
            " the large classes."
        ),
        N_("Mean of the recall of the {part} classes ({shots})."),
    ),
    "error_rate": _lower(
        N_("error rate"),
        N_("Share of images classified wrongly: 100 % less the accuracy."),
        in_percent=True,
    ),
    _ANY_TOP: _Template(
        N_("top-{k} accuracy"),
        N_(
            "Share of images whose class is among the {k} with the highest probability."
        ),
    ),
    "auc": _Template(
        N_("AUC"),
        N_(
            "Area under the ROC curve: how often an image of a class gets a higher"
            " probability of that class than an image of another; 0.5 is guessing. With"
            " more than two classes, the mean over the classes, each against the rest."
        ),
        N_(
            "Area under the ROC curve of the class {part} against the rest: how often"
            " an image of it gets a higher probability of it than an image of another"
            " class."
        ),
    ),
    AVERAGE_PRECISION: _Template(
        N_("average precision"),
        N_(
            "Mean, over the images of a class, of the precision among all images that"
            " get at least as high a probability of it: the area under the"
            " precision-recall curve. Guessing gives the share of the class. With more"
            " than two classes, the mean over the classes, each against the rest."
        ),
        N_(
            "Area under the precision-recall curve of the class {part} against the"
            " rest; guessing gives its share of the images."
        ),
    ),
    "macro_f1": _Template(
        N_("macro F1"),
        N_("Mean of the F1 of the classes: every class counts the same, however rare."),
    ),
    "balanced_accuracy": _Template(
        N_("balanced accuracy"),
        N_(
            "Mean of the recall of the classes: every class counts the same, however"
            " rare."
        ),
    ),
    "f1": _Template(
        N_("F1"),
        N_("Harmonic mean of precision and recall of the positive class."),
        N_("Harmonic mean of precision and recall of the class {part}."),
    ),
    "recall": _Template(
        N_("recall"),
        N_(
            "Share of the images of the positive class that were found: the true"
            " positive rate."
        ),
        N_("Share of the images of the class {part} that were found."),
    ),
    "precision": _Template(
        N_("precision"),
        N_("Share of the images predicted as the positive class that are of it."),
        N_("Share of the images predicted as {part} that are of that class."),
    ),
    "selection_rate": _neutral(
        N_("selection rate"),
        N_("Share of the images predicted as the positive class, rightly or not."),
        N_("Share of the images predicted as {part}, rightly or not."),
    ),
    "false_positive_rate": _lower(
        N_("false positive rate"),
        N_(
            "Share of the images of the negative class that were predicted as positive."
        ),
        N_("Share of the images of other classes that were predicted as {part}."),
    ),
    "false_negative_rate": _lower(
        N_("false negative rate"),
        N_("Share of the images of the positive class that were missed."),
        N_("Share of the images of the class {part} that were missed."),
    ),
    "log_loss": _loss(
        N_("log loss"),
        N_(
            "Mean of the negative logarithm of the probability that the true class got:"
            " a wrong answer that was sure costs most."
        ),
    ),
    "brier": _loss(
        N_("Brier score"),
        N_(
            "Mean squared distance between the probabilities and what is true; with two"
            " classes, that of the positive one."
        ),
    ),
    "ece": _lower(
        N_("ECE"),
        N_(
            "Expected calibration error: how far the highest probability is from the"
            " share of images for which its class is right, as a mean over up to 15"
            " bins of as many images each. Of few images some distance is always seen."
        ),
    ),
    "classwise_ece": _lower(
        N_("classwise ECE"),
        N_(
            "As ECE, of the probability of every class against the rest, as a mean over"
            " the classes."
        ),
    ),
    "brier_calibration": _loss(
        N_("Brier score, calibration"),
        N_(
            "The part of the Brier score that recalibrated probabilities would not"
            " have."
        ),
    ),
    "brier_refinement": _loss(
        N_("Brier score, refinement"),
        N_("What is left of the Brier score with perfectly calibrated probabilities."),
    ),
    "instability": _error(
        N_("instability"),
        N_(
            "How far a prediction moves when the image is harmlessly changed: mean size"
            " of the move, over the images and the changes ({changes})."
        ),
        N_("Mean size of the move of a prediction when the image is {change}."),
    ),
    "flip_rate": _lower(
        N_("flip rate"),
        N_(
            "How often a prediction becomes another class when the image is harmlessly"
            " changed: share of the images, as a mean over the changes ({changes})."
        ),
        N_(
            "Share of the images whose predicted class becomes another when the image"
            " is {change}."
        ),
        in_percent=True,
    ),
}

ERRORS = ("mae", "rmse", "bias", "mae_balanced", "within_5")
"""Metrics of a number, over all images."""
_BINARY = ("accuracy", "error_rate", "auc", "f1", "balanced_accuracy")
_MULTICLASS = ("accuracy", "error_rate", "auc", "macro_f1", "balanced_accuracy")
CLASS_RATES = (
    *("precision", "recall", "f1"),
    *("selection_rate", "false_positive_rate", "false_negative_rate"),
)
"""Metrics of one class against the rest, within the groups of a sensitive feature."""

STABILITY = ("instability", "flip_rate")
"""Metrics of how answers move under harmless changes: of a number, and of classes.

Only runs whose answers to changed images are kept have them, and they are asked for.

Source: instability is the word of Cidon et al., MLSys 2021, for answers that differ
between two photos of one thing; the flip rate is that of Hendrycks and Dietterich, ICLR
2019. Departures: the first is the size of the move, since a number always moves; the
second is taken between an image and its changes, and not along a series of changes.
"""

CONFIDENCE = ("log_loss", "brier", "ece")
"""Metrics of how far probabilities can be believed; they are asked for."""

CLASSWISE = ("classwise_ece", "brier_calibration", "brier_refinement")
"""Those of each class against the rest, of a task with at most ``MANY_CLASSES``."""

AREAS = ("auc", AVERAGE_PRECISION)
"""Areas under a curve; also of each class against the rest, if asked for."""

SHIFTS = (*CHANGES, WORST)
"""The part in their brackets."""

MANY_CLASSES = 16
"""Classes beyond which those metrics are not given unless asked for."""

# The parts of a metric, which stand in its brackets.
_PARTS = {
    "mae": "bin",
    "accuracy": "group",
    **dict.fromkeys((*CLASS_RATES, *AREAS), "class"),
    **dict.fromkeys(STABILITY, "change"),
}


def split_key(key: str) -> tuple[str, str, str]:
    """Split ``"age.mae[0-9]"`` into ``("age", "mae", "0-9")``.

    Raises
    ------
    EquipoiseError
        If there is no such metric.
    """
    match = _KEY.fullmatch(key)
    template = _TEMPLATES.get(_entry(match["name"])) if match else None
    if match is None or template is None or (match["part"] and not template.of_part):
        parts = [f"{name}[...]" for name, one in _TEMPLATES.items() if one.of_part]
        names = sorted([*_TEMPLATES, *parts])
        raise EquipoiseError(
            gettext("There is no metric '{key}'.", key=key),
            expected=gettext(
                "<task>.<metric>, the metric one of {names}.", names=", ".join(names)
            ),
            remedy=gettext("choose one of these."),
        )
    return match["task"], match["name"], match["part"] or ""


def _entry(name: str) -> str:
    """The name of a metric in the table."""
    return _ANY_TOP if _TOP.fullmatch(name) else name


def top_k(name: str) -> int | None:
    """The k of ``"top_<k>_accuracy"``; None for every other name."""
    match = _TOP.fullmatch(name)
    return int(match[1]) if match else None


def stability_keys(
    tasks: Sequence[Task], *, by_change: bool = False
) -> tuple[str, ...]:
    """Keys of how the answers to each task move, over all harmless changes.

    With ``by_change`` after each those of every single change, and of the worst.
    """
    keys: list[str] = []
    for task in tasks:
        name = STABILITY[0 if isinstance(task, Regression) else 1]
        keys.append(f"{task.name}.{name}")
        if by_change:
            keys += [f"{keys[-1]}[{change}]" for change in SHIFTS]
    return tuple(keys)


def calibration_keys(task: Task) -> tuple[str, ...]:
    """Keys of how far the probabilities of a task can be believed; none of a number."""
    if isinstance(task, Regression):
        return ()
    few = len(task.classes) <= MANY_CLASSES
    return tuple(f"{task.name}.{name}" for name in CONFIDENCE + CLASSWISE * few)


def area_keys(task: Task) -> tuple[str, ...]:
    """Keys of the areas under curves that are asked for; none of a number.

    They are the average precision, and both areas of each class against the rest.
    """
    if isinstance(task, Regression):
        return ()
    parts = (f"{name}[{label}]" for name in AREAS for label in task.classes)
    return tuple(f"{task.name}.{name}" for name in (AVERAGE_PRECISION, *parts))


def asked_keys(task: Task) -> tuple[str, ...]:
    """Keys of the metrics of probabilities that a task has only if asked for."""
    return (*calibration_keys(task), *area_keys(task))


def further_keys(tasks: Sequence[Task], keys: Iterable[str]) -> tuple[str, ...]:
    """The keys that ``comparison.compare_runs`` needs.

    They are the top-k accuracy of a task with that many classes, how far probabilities
    can be believed, areas under curves, and how answers move under harmless changes;
    all others are computed.
    """
    classes = {t.name: len(t.classes) for t in tasks if t.kind != "regression"}
    known = {
        *stability_keys(tasks, by_change=True),
        *(key for task in tasks for key in asked_keys(task)),
    }
    found = []
    for key in keys:
        task, _, name = key.rpartition(".")
        k = top_k(name)
        if key in known or (k is not None and k <= classes.get(task, 0)):
            found.append(key)
    return tuple(found)


def unknown_metric(key: str, known: Iterable[str], *, study: str) -> EquipoiseError:
    """The error of a metric that a study does not have.

    For the ``known`` keys with a bin, class or group, only the name is listed: a
    hundred classes have two hundred such keys. ``study`` says where it was looked for,
    as in a sentence: "this study".
    """
    known = tuple(known)
    parts = [split_key(name) for name in known]
    plain = [name for name, (_, _, part) in zip(known, parts, strict=True) if not part]
    by_part = dict.fromkeys(
        f"{task}.{name}[{_PARTS[name]}]" for task, name, part in parts if part
    )
    near = difflib.get_close_matches(key, known)
    return EquipoiseError(
        gettext("There is no metric '{key}' in {place}.", key=key, place=study),
        expected=gettext(
            "one of {names}, and {more}.",
            names=", ".join(plain),
            more=", ".join(by_part),
        )
        if by_part
        else gettext("one of {names}.", names=", ".join(plain)),
        remedy=gettext(
            "choose one of these; near to it: {names}.", names=", ".join(near)
        )
        if near
        else gettext("choose one of these."),
    )


def shot_groups(
    classes: Sequence[str], training_counts: Mapping[str, int]
) -> dict[str, tuple[int, ...]]:
    """Ids of the classes with many, medium and few training images, by group.

    A class that is not in ``training_counts`` has none; a group without classes is left
    out.

    Notes
    -----
    Source: Liu et al., CVPR 2019: more than 100 images, 20 to 100, fewer than 20.
    """
    groups = {
        name: tuple(
            i
            for i, label in enumerate(classes)
            if low <= training_counts.get(label, 0) <= high
        )
        for name, (low, high) in SHOT_GROUPS.items()
    }
    return {name: members for name, members in groups.items() if members}


def task_label(name: str, tasks: Sequence[Task] = ()) -> str:
    """The label of a task, or its name if the task is not given."""
    labels = {task.name: task.label for task in tasks}
    return labels.get(name, name.replace("_", " ").capitalize())


@cache
def metric_info(key: str, tasks: tuple[Task, ...] = ()) -> MetricInfo:
    """Look up a metric, parametrised ones such as ``"age.mae[0-9]"`` included.

    Without its task among ``tasks`` the label is the task's name, capitalised, and the
    unit is known for age only.

    Raises
    ------
    EquipoiseError
        If there is no such metric.
    """
    task_name, name, _ = split_key(key)
    template = _TEMPLATES[_entry(name)]
    task = next((t for t in tasks if t.name == task_name), None)
    unit = task.unit if isinstance(task, Regression) else _UNITS.get(task_name, "")
    return MetricInfo(
        key=key,
        task_label=task_label(task_name, tasks),
        plain_unit="%" if template.in_percent else unit if template.in_units else "",
        direction=template.direction,
        digits=1 if template.in_percent else 2 if template.in_units else 3,
        factor=100.0 if template.in_percent else 1.0,
    )


def metric_keys(
    task: Task, training_counts: Mapping[str, int] | None = None
) -> tuple[str, ...]:
    """Keys of every metric of a task, in the order of the page.

    With ``training_counts``, training images by class, several classes that fall into
    at least two shot groups have an accuracy for each group; were there one group only,
    it would be the balanced accuracy again.
    """
    plain: tuple[str, ...]
    by_part: dict[str, tuple[str, ...]]
    if task.kind == "regression":
        plain, by_part = ERRORS, {"mae": task.bin_labels}
    elif task.kind == "binary":
        plain, by_part = _BINARY, {"f1": task.classes}
    else:
        plain = _MULTICLASS
        if len(task.classes) > TOP_K:
            plain = (*plain[:2], f"top_{TOP_K}_accuracy", *plain[2:])
        groups = shot_groups(task.classes, training_counts) if training_counts else {}
        by_part = {
            "accuracy": tuple(groups) if len(groups) > 1 else (),
            "f1": task.classes,
            "recall": task.classes,
        }
    parts = (f"{name}[{part}]" for name, names in by_part.items() for part in names)
    return tuple(f"{task.name}.{name}" for name in (*plain, *parts))


def study_metric_keys(
    tasks: Sequence[Task],
    training_counts: Mapping[str, Mapping[str, int]] | None = None,
    further: Sequence[str] = (),
) -> tuple[str, ...]:
    """Keys of every metric of a study's tasks, and after each task its further ones.

    Those are keys beyond ``metric_keys``, such as the top-k accuracy of another k;
    ``training_counts`` are by task and class.
    """
    keys: list[str] = []
    for task in tasks:
        keys += metric_keys(task, (training_counts or {}).get(task.name))
        keys += [key for key in further if split_key(key)[0] == task.name]
    named = {task.name for task in tasks}
    keys += [key for key in further if split_key(key)[0] not in named]
    return tuple(dict.fromkeys(keys))


def group_metric_keys(task: Task, *, every_class: bool = False) -> tuple[str, ...]:
    """Keys of the metrics within the groups of a sensitive feature, in order.

    Two classes have the rates of the positive one. Several have those of each class
    against the rest, beyond ``MANY_CLASSES`` only with ``every_class``: each can still
    be asked for by its name.
    """
    names: tuple[str, ...]
    if task.kind == "regression":
        names = ("mae", "bias", "rmse", *(f"mae[{bin}]" for bin in task.bin_labels))
    elif task.kind == "binary":
        names = ("accuracy", *CLASS_RATES, "auc")
    else:
        with_rates = every_class or len(task.classes) <= MANY_CLASSES
        rates = (f"{rate}[{label}]" for rate in CLASS_RATES for label in task.classes)
        plain = ("accuracy", "balanced_accuracy", "macro_f1", "auc")
        names = (*plain, *(rates if with_rates else ()))
    return tuple(f"{task.name}.{name}" for name in names)


def headline_keys(
    tasks: Sequence[Task], headline: Sequence[str] = ()
) -> tuple[str, ...]:
    """Keys of the few metrics that a leaderboard shows first.

    The study's own choice, ``Study.headline``; without one it follows from the kinds of
    the tasks.

    Raises
    ------
    EquipoiseError
        If the study chose a metric, or one of a task, that does not exist.
    """
    names = [task.name for task in tasks]
    for key in headline:
        if split_key(key)[0] not in names:
            raise EquipoiseError(
                gettext(
                    "The headline '{key}' does not belong to a task of this study.",
                    key=key,
                ),
                expected=gettext("a metric of {tasks}.", tasks=", ".join(names)),
                remedy=gettext("fix `headline` in the study's file."),
            )
    if headline:
        return tuple(headline)
    chosen = {
        "regression": ("mae", "mae_balanced"),
        "binary": ("accuracy",),
        "multiclass": ("macro_f1", "balanced_accuracy"),
    }
    return tuple(f"{t.name}.{name}" for t in tasks for name in chosen[t.kind])
