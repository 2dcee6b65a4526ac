"""Costs of methods: one table, read from the records of their runs."""

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Literal, Protocol

import pandas as pd

from core.language import N_, gettext, in_form, ngettext
from core.shipped import SHIPPED
from core.text import clauses, listed

NOTABLE_SPREAD = 1.05
"""Smallest ratio of two timings of one network that is reported."""
SHARED_BEGINNINGS = N_(
    "Runs with equal first epochs train these once, and their seconds count in each: "
    "what a method takes when it is trained alone."
)


@dataclass(frozen=True)
class CostInfo:
    """The description of one cost.

    Parameters
    ----------
    key : str
        Such as ``"training_seconds"``.
    plain_label, plain_phrase, plain_unit : str
        ``label``, ``phrase`` and ``unit``, in English.
    digits : int
        Decimals to show.
    plain_explanation : str
        ``explanation``, in English.
    factor : float
        What a value, as the tables hold it, is multiplied with to be shown.
    direction : {"lower", "higher"}
        Which way is cheaper.
    timed_by : str
        The cost whose spread between runs of one network tells how far this one
        depends on the machine; empty for what is counted and not timed.
    """

    key: str
    plain_label: str
    plain_phrase: str
    plain_unit: str
    digits: int
    plain_explanation: str
    factor: float = 1.0
    direction: Literal["lower", "higher"] = "lower"
    timed_by: str = ""

    @property
    def label(self) -> str:
        """For headings and axes, without the unit."""
        return gettext(self.plain_label)

    @property
    def phrase(self) -> str:
        """For the middle of a sentence: what one method needs more of than another."""
        return gettext(self.plain_phrase)

    @property
    def unit(self) -> str:
        """Unit in which it is shown."""
        return gettext(self.plain_unit)

    @property
    def explanation(self) -> str:
        """What was measured, and how."""
        said = gettext(self.plain_explanation)
        if self.key != "training_seconds":
            return said
        return f"{said} {gettext(SHARED_BEGINNINGS)}"

    @property
    def heading(self) -> str:
        """Label with unit, as an axis shows it."""
        return f"{self.label} ({self.unit})"

    def format(self, value: float, *, unit: bool = False) -> str:
        """Write a value in this cost's unit and decimals; an en dash if unknown."""
        if not math.isfinite(value):
            return "–"
        text = in_form(f"{value * self.factor:,.{self.digits}f}")
        return f"{text} {self.unit}" if unit else text


_counted = partial(CostInfo, plain_unit=N_("millions"), digits=3, factor=1e-6)
_trained = partial(CostInfo, plain_unit="s", digits=0, timed_by="images_per_second")
_COSTS = (
    _counted(
        "parameters_trained",
        N_("Parameters trained"),
        N_("parameters to train"),
        plain_explanation=N_(
            "Weights that training changes, of the model that answers. Frozen ones and"
            " the statistics of batch normalisation are not among them."
        ),
    ),
    _counted(
        "parameters",
        N_("Parameters in all"),
        N_("parameters"),
        plain_explanation=N_("All numbers of the model that answers, trained or not."),
    ),
    _trained(
        "training_seconds",
        N_("Training time"),
        N_("training time"),
        plain_explanation=N_(
            "Seconds of a run's epochs, with their validation; without preparing the"
            " images, and without what it cost to make weights that it began from."
        ),
    ),
    _trained(
        "training_seconds_per_million",
        N_("Training time per million parameters"),
        N_("training time per million parameters"),
        plain_explanation=N_("Training time over the parameters trained, in millions."),
    ),
    CostInfo(
        "images_per_second",
        N_("Training speed"),
        N_("training time per image"),
        N_("images/s"),
        0,
        N_(
            "Images of the fastest epoch over its seconds, without validation. Unknown "
            "for a run that trained no epoch of its own."
        ),
        direction="higher",
        timed_by="images_per_second",
    ),
    CostInfo(
        "inference_ms",
        N_("Inference time"),
        N_("inference time"),
        N_("ms per image"),
        2,
        N_(
            "Median of 30 answers to a single image, warm, straight after training, on"
            " the machine that trained; finding and aligning a face come on top."
        ),
        timed_by="inference_ms",
    ),
    CostInfo(
        "size_mb",
        N_("Size on disk"),
        N_("size on disk"),
        N_("MB"),
        2,
        N_("The file model.keras, compressed, in millions of bytes."),
    ),
)
COSTS: dict[str, CostInfo] = {info.key: info for info in _COSTS}
# Key in run.json, where it is another.
_RECORDED = {"training_seconds": "duration_s"}
SETTINGS = {
    "epochs": N_("epochs"),
    "image_size": N_("image size (px)"),
    "backbone": N_("backbone"),
    "trained_from": N_("trained from"),
    "precision": N_("precision"),
    "hardware": N_("hardware"),
}
"""A setting of a run, and its label for a reader."""
# Settings beside the remedy that quality depends on: label and unit.
_BUDGET = {
    "backbone": (N_("backbone"), ""),
    "image_size": (N_("image size"), " px"),
    "planned_epochs": (N_("epochs"), ""),
    "trained_from": (N_("weights to begin from"), ""),
    "precision": (N_("precision"), ""),
}
_SHOWN_VALUES = 4
# Other columns of the table; and the settings of a training that decide how many images
# a second are trained.
_WORKING = ("planned_epochs", "network", "recipe")
_OF_SPEED = ("batch_size", "augmentation")
# Keys of a model's table that change how it learns, but not how long an image takes.
_OF_LEARNING = ("weights", "weights_key", "dropout", "feature_dropout", "log_targets")
# Keys of "hardware" that are written in words of their own, or not at all.
_OF_MACHINE = ("system", "machine", "processor", "cpu", "cores", "threads")


class RecordedRun(Protocol):
    """The parts of a run (``core.runs.Run``) that are read."""

    @property
    def method(self) -> str:
        """Method of the study."""

    @property
    def seed(self) -> int:
        """Seed that it was trained with."""

    @property
    def info(self) -> dict[str, Any]:
        """Content of ``run.json``."""

    @property
    def model_path(self) -> Path:
        """Where the model is; the file may be absent."""


def ratio_text(ratio: float) -> str:
    """A ratio of costs with as many digits as are meaningful."""
    return in_form(f"{ratio:.{0 if ratio >= 10 else 1 if ratio >= 1.15 else 2}f}")


def run_costs(runs: Sequence[RecordedRun]) -> pd.DataFrame:
    """The cost and the settings of each run, one row a run.

    Columns ``method``, ``seed``; the keys of ``COSTS``, NaN where unknown; the keys of
    ``SETTINGS``, None where unknown; ``planned_epochs``, which patience may have cut
    short; ``network``, equal for runs of one network, and ``recipe``, for those of one
    network, batch size and augmentation.

    Notes
    -----
    A zero is not a measurement: images a second is 0 in the record of a run that took
    over all epochs of another run. Such a value is unknown.
    """
    rows = [_run_row(run) for run in runs]
    columns = ["method", "seed", *COSTS, *SETTINGS, *_WORKING]
    return pd.DataFrame(rows, columns=columns)


def _run_row(run: RecordedRun) -> dict[str, Any]:
    info = run.info
    costs = {key: _measured(info.get(_RECORDED.get(key, key))) for key in COSTS}
    trained = costs["parameters_trained"] / 1e6
    costs["training_seconds_per_million"] = costs["training_seconds"] / trained
    costs["size_mb"] = _size_mb(run)
    resolved = info.get("resolved") or {}
    model, training = resolved.get("model") or {}, resolved.get("training") or {}
    precision = training.get("precision") or ("float32" if training else None)
    return {
        "method": run.method,
        "seed": run.seed,
        **costs,
        "epochs": info.get("epochs"),
        "image_size": model.get("image_size"),
        "backbone": model.get("backbone"),
        "trained_from": _source(info.get("trained_from")),
        "precision": precision,
        "hardware": describe_hardware(info),
        "planned_epochs": training.get("epochs", info.get("epochs")),
        "network": _described(model, precision),
        "recipe": _described(
            {**model, **{key: training.get(key) for key in _OF_SPEED}}, precision
        ),
    }


def _measured(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return math.nan
    return float(value) if value > 0 else math.nan


def _size_mb(run: RecordedRun) -> float:
    """Size of the model as it was trained: a shipped one may be smaller, or absent."""
    shipped = run.info.get(SHIPPED)
    if isinstance(shipped, dict) and (size := _measured(shipped.get("size_mb"))) > 0:
        return size
    try:
        return run.model_path.stat().st_size / 1e6
    except OSError:
        return math.nan


def _source(weights: object) -> str | None:
    if weights is None:
        return None
    return "scratch" if weights == "none" else str(weights)


def _described(model: Mapping[str, Any], precision: str | None) -> str | None:
    """The settings that decide how long an image takes, as a text to compare.

    None is left out: an earlier record does not have the key at all.
    """
    if "backbone" not in model:
        return None
    own = {key: value for key, value in model.items() if key not in _OF_LEARNING}
    return json.dumps(_without_none([own, precision]), sort_keys=True)


def _without_none(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {k: _without_none(v) for k, v in value.items() if v is not None}
    return [_without_none(part) for part in value] if isinstance(value, list) else value


def describe_hardware(info: Mapping[str, Any]) -> str | None:
    """The machine of a run in words, such as "AMD EPYC, 2 cores, 1 thread".

    ``info`` is the content of ``run.json``; None where that does not say.
    """
    hardware = info.get("hardware") or {}
    parts = [hardware.get("processor") or hardware.get("cpu")]
    if cores := _number_of(hardware, "cores"):
        parts.append(ngettext("{count} core", "{count} cores", cores))
    if threads := _number_of(hardware, "threads"):
        parts.append(ngettext("{count} thread", "{count} threads", threads))
    elif hardware.get("threads") == "all":
        parts.append(gettext("all threads"))
    # All other facts of a machine in a record: an accelerator above all.
    for key, value in hardware.items():
        if key not in _OF_MACHINE:
            named = value if isinstance(value, list) else [value]
            parts += [part for part in named if isinstance(part, str)]
    if any(parts):
        parts.append(info.get("backend"))
    return ", ".join(str(part) for part in parts if part) or None


def _number_of(hardware: Mapping[str, Any], key: str) -> int:
    """How many of something a record counts; 0 where it does not."""
    count = str(hardware.get(key))
    return int(count) if count.isdecimal() else 0


def cost_table(per_run: pd.DataFrame) -> pd.DataFrame:
    """The cost of each method: mean and spread over its runs, the method as index.

    ``per_run`` is from ``run_costs``. For each key of ``COSTS`` the mean over the runs
    that know it and, as ``<key>_sd``, the standard deviation over them, NaN where fewer
    than one or two do; ``runs``, how many there are; the keys of ``SETTINGS`` as text,
    every value where runs differ, empty where none is known.
    """
    groups = per_run.groupby("method", sort=False)
    columns: dict[str, Any] = {}
    for key in COSTS:
        columns[key] = groups[key].mean()
        columns[f"{key}_sd"] = groups[key].std()
    columns["runs"] = groups.size()
    for key in SETTINGS:
        columns[key] = groups[key].agg(lambda values: ", ".join(_distinct(values)))
    return pd.DataFrame(columns)


def _distinct(values: pd.Series) -> list[str]:
    """Each known value once, numbers in order of size."""
    known = list(dict.fromkeys(values.dropna()))
    if all(isinstance(value, int | float) for value in known):
        return [f"{value:g}" for value in sorted(known)]
    return [str(value) for value in known]


def means_by_method(costs: pd.DataFrame) -> dict[str, dict[str, float]]:
    """Means of ``cost_table`` as plain values, by method and cost."""
    return dict(costs[list(COSTS)].to_dict("index"))


def settings_by_method(costs: pd.DataFrame) -> dict[str, dict[str, str | int | None]]:
    """Settings of ``cost_table`` as plain values, by method; None where unknown."""
    settings = costs[list(SETTINGS)].to_dict("index")
    return {
        str(method): {
            key: int(value) if value.isdigit() else value or None
            for key, value in values.items()
        }
        for method, values in settings.items()
    }


def mixed_runs_note(per_run: pd.DataFrame, labels: Mapping[str, str]) -> str:
    """Warn where runs of one method have different budgets; empty where none have.

    ``per_run`` is from ``run_costs``, of the methods shown; ``labels`` are the labels
    of methods for a reader; the default is the name.
    """
    mixed = [
        gettext(
            "{method} in {settings}",
            method=labels.get(str(method), str(method)),
            settings=listed(differing),
        )
        for method, part in per_run.groupby("method", sort=False)
        if (differing := _differing(part))
    ]
    if not mixed:
        return ""
    return gettext(
        "Runs of one method have different budgets: {methods}. Their mean does not"
        " describe any one setting: choose seeds that were trained alike.",
        methods=clauses(mixed),
    )


def budget_note(per_run: pd.DataFrame, labels: Mapping[str, str]) -> str:
    """Say in which settings methods differ beside the remedy; empty without any.

    Parameters as in ``mixed_runs_note``. It looks at backbone, image size, epochs,
    initial weights and precision of the first run of each method that has any of them.
    """
    first = per_run.groupby("method", sort=False).head(1)
    first = first[first[list(_BUDGET)].notna().any(axis=1)]
    differing = _differing(first)
    if not differing:
        return ""
    odd = _odd(first)
    if not odd:
        return gettext(
            "The methods differ in {settings}, so a difference between them cannot be"
            " credited to the remedy alone.",
            settings=listed(differing),
        )
    return ngettext(
        "{methods} differs from the others in {settings}, so a difference between them"
        " cannot be credited to the remedy alone.",
        "{methods} differ from the others in {settings}, so a difference between them"
        " cannot be credited to the remedy alone.",
        len(odd),
        methods=_named(odd, labels),
        settings=listed(differing),
    )


def unknown_note(per_run: pd.DataFrame, labels: Mapping[str, str]) -> str:
    """Name the methods of which only predictions are known; empty without any.

    Parameters as in ``mixed_runs_note``.
    """
    known = per_run[[*COSTS, *_BUDGET]].notna().any(axis=1)
    methods = per_run["method"].unique()
    unknown = [m for m in methods if not known[per_run["method"] == m].any()]
    if not unknown:
        return ""
    if len(unknown) == len(methods):
        return gettext(
            "No cost is known of any method: of imported predictions nobody says how"
            " they were made. A difference is one of data, model and training together."
        )
    return gettext(
        "No cost is known of {methods}: of imported predictions nobody says how they"
        " were made. A difference is one of data, model and training together.",
        methods=_named(unknown, labels),
    )


def _differing(rows: pd.DataFrame) -> list[str]:
    """The settings of the budget that differ in these rows, with their values."""
    found = []
    for key, (word, unit) in _BUDGET.items():
        values = _distinct(rows[key])
        if len(values) < 2:
            continue
        shown = ", ".join(values)
        if len(values) > _SHOWN_VALUES:
            numbers = pd.api.types.is_numeric_dtype(rows[key])
            shown = (
                gettext("{low} to {high}", low=values[0], high=values[-1])
                if numbers
                else gettext("{count} kinds", count=len(values))
            )
        found.append(f"{gettext(word)} ({shown}{unit})")
    return found


def _odd(first: pd.DataFrame) -> list[str]:
    """The few methods that are unlike the rest, where they are few."""
    keys = first[list(_BUDGET)].astype(str).agg("|".join, axis=1)
    odd = first.loc[keys != keys.mode().iloc[0], "method"]
    is_few = 2 * len(odd) < len(first) and len(odd) < _SHOWN_VALUES
    return odd.tolist() if is_few else []


def _named(methods: Iterable[str], labels: Mapping[str, str]) -> str:
    """Methods by their labels, in the order that these have."""
    order = list(labels)
    known = sorted(methods, key=lambda m: order.index(m) if m in order else len(order))
    return listed([labels.get(method, method) for method in known])


@dataclass(frozen=True)
class Spread:
    """Timings of runs of one network on one machine.

    ``network`` names backbone and image size; ``low`` and ``high`` are the least and
    the greatest, in the unit of the ``cost`` that was timed.
    """

    network: str
    runs: int
    low: float
    high: float
    cost: CostInfo

    @property
    def factor(self) -> float:
        """Greatest over least."""
        return self.high / self.low

    def sentence(self) -> str:
        """The meaning for a comparison of times."""
        return gettext(
            "{runs} runs of one network ({network}) on one machine were timed at {low}"
            " to {high} {unit}: other work of the machine is part of these times, so a"
            " ratio below {ratio} may come from the machine instead of the methods.",
            runs=self.runs,
            network=self.network,
            low=self.cost.format(self.low),
            high=self.cost.format(self.high),
            unit=self.cost.unit,
            ratio=ratio_text(self.factor),
        )


def widest_spread(per_run: pd.DataFrame, cost: CostInfo) -> Spread | None:
    """How far apart runs of one network were timed on one machine, at the widest.

    ``per_run`` is from ``run_costs``. None for a cost that is counted instead of timed,
    and if no network has two runs whose times differ by more than ``NOTABLE_SPREAD``.
    """
    if not cost.timed_by:
        return None
    timed = COSTS[cost.timed_by]
    found = []
    alike = "network" if timed.key == "inference_ms" else "recipe"
    for _, part in per_run.groupby([alike, "hardware"], sort=False):
        values = part[timed.key].dropna()
        if len(values) < 2:
            continue
        low, high = float(values.min()), float(values.max())
        if high > NOTABLE_SPREAD * low:
            name = gettext(
                "{backbone} at {size} px",
                backbone=part["backbone"].iloc[0],
                size=format(part["image_size"].iloc[0], "g"),
            )
            found.append(Spread(name, len(values), low, high, timed))
    return max(found, key=lambda spread: spread.factor, default=None)


def machine_note(per_run: pd.DataFrame, labels: Mapping[str, str]) -> str:
    """Say on which machines the runs were timed; warn if machines differ."""
    groups = per_run.dropna(subset=["hardware"]).groupby("hardware", sort=False)
    machines = {str(name): part["method"].unique() for name, part in groups}
    if not machines:
        return gettext("These runs do not say on which machine they were timed.")
    if len(machines) == 1:
        return gettext(
            "Timed on one kind of machine: {machine}.", machine=next(iter(machines))
        )
    usual = max(machines, key=lambda name: len(machines[name]))
    named = {
        name: gettext("the others") if name == usual else _named(methods, labels)
        for name, methods in machines.items()
    }
    parts = [f"{name} ({methods})" for name, methods in named.items()]
    return gettext(
        "Timed on different machines: {machines}. Times of different machines cannot be"
        " compared with each other.",
        machines=clauses(parts),
    )


def are_timed_alike(costs: pd.DataFrame, methods: Sequence[str]) -> bool:
    """Whether the times of these methods come from one machine, as far as is known.

    ``costs`` are from ``cost_table``.
    """
    return bool(costs.loc[list(methods), "hardware"].nunique() <= 1)
