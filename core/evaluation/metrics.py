"""The one table of metrics: what each is called, its unit, and which way is better.

A metric's key is ``<task>.<metric>``, or ``<task>.<metric>[<bin or class>]``, such as
``age.mae``, ``age.mae[0-9]`` and ``ethnicity.f1[Asian]``.
"""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Literal

from core.errors import EquipoiseError
from core.tasks import Regression, Task

Direction = Literal["lower", "higher", "zero"]
TOLERANCE = 5
"""Units within which a prediction counts as near, for ``within_5``."""

_KEY = re.compile(r"(?P<task>[^.\[\]]+)\.(?P<name>\w+)(?:\[(?P<part>.+)\])?")
# Units of the tasks that may be asked for without their task at hand.
_UNITS = {"age": "years"}


@dataclass(frozen=True)
class MetricInfo:
    """What a reader has to know of one metric.

    Parameters
    ----------
    key : str
        Such as ``"age.mae[0-9]"``.
    label : str
        Such as ``"Age MAE, 0-9"``.
    unit : str
        Unit of the value; empty for a share between 0 and 1.
    direction : {"lower", "higher", "zero"}
        Which way is better; ``"zero"`` means nearer to zero on either side.
    digits : int
        Decimals to show.
    explanation : str
        One sentence for a tooltip.
    """

    key: str
    label: str
    unit: str
    direction: Direction
    digits: int
    explanation: str

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
        """The bin or class in brackets; empty if there is none."""
        return split_key(self.key)[2]

    @property
    def phrase(self) -> str:
        """Label for the middle of a sentence, such as ``"age MAE (0-9)"``."""
        whole = self.label.removesuffix(f", {self.part}")
        lowered = whole[:1].lower() + whole[1:]
        return f"{lowered} ({self.part})" if self.part else lowered

    def format(self, value: float, *, unit: bool = False, signed: bool = False) -> str:
        """Write a value with this metric's decimals; a dash if undefined."""
        if not math.isfinite(value):
            return "–"
        # Adding 0.0 turns a rounded -0.0 into 0.0.
        number = round(value, self.digits) + 0.0
        text = f"{number:+.{self.digits}f}" if signed else f"{number:.{self.digits}f}"
        return f"{text} {self.unit}" if unit and self.unit else text


@dataclass(frozen=True)
class _Template:
    label: str
    in_units: bool
    direction: Direction
    explanation: str


_TEMPLATES: dict[tuple[str, bool], _Template] = {
    ("mae", False): _Template(
        "MAE",
        True,
        "lower",
        "Mean absolute error: how far predictions are from the truth on average.",
    ),
    ("rmse", False): _Template(
        "RMSE",
        True,
        "lower",
        "Root of the mean squared error: as MAE, but large errors count more.",
    ),
    ("bias", False): _Template(
        "bias",
        True,
        "zero",
        "Mean of prediction minus truth: above 0 is too high on average; methods are"
        " compared by its size without the sign.",
    ),
    ("mae_balanced", False): _Template(
        "balanced MAE",
        True,
        "lower",
        "Mean of the MAE of the bins, so that a bin with few images counts as much"
        " as one with many.",
    ),
    ("mae", True): _Template(
        "MAE, {part}",
        True,
        "lower",
        "Mean absolute error over the images whose truth is in {part}.",
    ),
    ("within_5", False): _Template(
        f"within {TOLERANCE}",
        False,
        "higher",
        f"Share of images whose prediction is at most {TOLERANCE} units from the"
        " truth.",
    ),
    ("accuracy", False): _Template(
        "accuracy",
        False,
        "higher",
        "Share of images classified rightly; on imbalanced data it is mostly about"
        " the large classes.",
    ),
    ("f1", False): _Template(
        "F1",
        False,
        "higher",
        "Harmonic mean of precision and recall of the positive class.",
    ),
    ("macro_f1", False): _Template(
        "macro F1",
        False,
        "higher",
        "Mean of the F1 of the classes: every class counts the same, however rare.",
    ),
    ("balanced_accuracy", False): _Template(
        "balanced accuracy",
        False,
        "higher",
        "Mean of the recall of the classes: every class counts the same, however rare.",
    ),
    ("f1", True): _Template(
        "F1, {part}",
        False,
        "higher",
        "Harmonic mean of precision and recall of the class {part}.",
    ),
    ("recall", True): _Template(
        "recall, {part}",
        False,
        "higher",
        "Share of the images of the class {part} that were found.",
    ),
}

_REGRESSION = ("mae", "rmse", "bias", "mae_balanced", "within_5")
_BINARY = ("accuracy", "f1", "balanced_accuracy")
_MULTICLASS = ("accuracy", "macro_f1", "balanced_accuracy")


def split_key(key: str) -> tuple[str, str, str]:
    """Split ``"age.mae[0-9]"`` into ``("age", "mae", "0-9")``.

    Raises
    ------
    EquipoiseError
        If there is no such metric.
    """
    match = _KEY.fullmatch(key)
    if match is None or (match["name"], bool(match["part"])) not in _TEMPLATES:
        names = sorted(n + ("[...]" if part else "") for n, part in _TEMPLATES)
        raise EquipoiseError(
            f"There is no metric '{key}'.",
            expected=f"<task>.<metric>, the metric one of {', '.join(names)}.",
            remedy="choose one of these.",
        )
    return match["task"], match["name"], match["part"] or ""


@cache
def metric_info(key: str, tasks: tuple[Task, ...] = ()) -> MetricInfo:
    """Look up a metric, parametrised ones such as ``"age.mae[0-9]"`` included.

    Parameters
    ----------
    key : str
        ``<task>.<metric>`` or ``<task>.<metric>[<bin or class>]``.
    tasks : tuple of Task, optional
        Where to find the task's label and unit. Without it the label is the task's
        name, capitalised, and the unit is known for age only.

    Raises
    ------
    EquipoiseError
        If there is no such metric.
    """
    task_name, name, part = split_key(key)
    template = _TEMPLATES[name, bool(part)]
    task = next((t for t in tasks if t.name == task_name), None)
    label = task.label if task else task_name.replace("_", " ").capitalize()
    unit = task.unit if isinstance(task, Regression) else _UNITS.get(task_name, "")
    return MetricInfo(
        key=key,
        label=f"{label} {template.label.format(part=part)}",
        unit=unit if template.in_units else "",
        direction=template.direction,
        digits=2 if template.in_units else 3,
        explanation=template.explanation.format(part=part),
    )


def metric_keys(task: Task) -> tuple[str, ...]:
    """Keys of every metric of a task, in the order of the page."""
    plain: tuple[str, ...]
    by_part: dict[str, tuple[str, ...]]
    if task.kind == "regression":
        plain, by_part = _REGRESSION, {"mae": task.bin_labels}
    elif task.kind == "binary":
        plain, by_part = _BINARY, {"f1": task.classes}
    else:
        plain, by_part = _MULTICLASS, {"f1": task.classes, "recall": task.classes}
    parts = (f"{name}[{part}]" for name, of in by_part.items() for part in of)
    return tuple(f"{task.name}.{name}" for name in (*plain, *parts))


def headline_keys(tasks: Sequence[Task]) -> tuple[str, ...]:
    """Keys of the few metrics that a leaderboard shows first."""
    chosen = {
        "regression": ("mae", "mae_balanced"),
        "binary": ("accuracy",),
        "multiclass": ("macro_f1", "balanced_accuracy"),
    }
    return tuple(f"{t.name}.{name}" for t in tasks for name in chosen[t.kind])
