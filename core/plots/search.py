"""How a study's settings were chosen: every try, its skill, and what it depends on."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd
import plotly.graph_objects as go

from core.evaluation.metrics import metric_info, task_label
from core.methods.entries import ENTRIES
from core.plots.escape import escapes_names
from core.plots.figure import build_figure
from core.plots.look import FAINT_COLOUR, INK, MethodStyle
from core.plots.traces import build_level_bars, build_marks
from core.study import Search, Trial, Tried
from core.tasks import Task
from core.text import number, plural

SKILL = "Skill"
_DIGITS = 3


def searched_methods(search: Search) -> list[str]:
    """Methods with at least one try that has a skill, in the order of their tries."""
    scored = (trial.method for trial in search.trials if trial.score is not None)
    return list(dict.fromkeys(scored))


def trials_of(search: Search, method: str) -> list[Trial]:
    """The tries of one method that have a skill or diverged, in their order."""
    return [
        trial
        for trial in search.trials
        if trial.method == method
        and (trial.score is not None or trial.state == "diverged")
    ]


def setting_label(place: str, tasks: tuple[Task, ...] = ()) -> str:
    """A setting in words: "LMF alpha", "weight of hair", "backbone filters".

    Parameters
    ----------
    place : str
        As ``study.Trial`` has it.
    tasks : tuple of Task
        Of the study, for their labels.
    """
    table, _, key = place.partition(".")
    if table == "use":
        entry, _, parameter = key.rpartition(".")
        label = ENTRIES[entry].label if entry in ENTRIES else entry
        return f"{label} {_words(parameter)}"
    if table == "loss_weights":
        return f"weight of {task_label(key, tasks).lower()}"
    option = key.removeprefix("options.")
    return f"{'backbone ' * (option != key)}{_words(option)}"


def _words(name: str) -> str:
    return name.replace("_", " ")


def _value(value: Tried) -> str:
    if isinstance(value, list):
        return "-".join(map(str, value))
    return f"{value:g}" if isinstance(value, float) else str(value)


def _settings(trial: Trial, tasks: tuple[Task, ...]) -> list[str]:
    """Each setting of a try in words."""
    return [
        f"{setting_label(place, tasks)} {_value(value)}"
        for place, value in trial.settings.items()
    ]


def search_table(
    search: Search, tasks: tuple[Task, ...], labels: Mapping[str, str]
) -> pd.DataFrame:
    """Everything that was tried: a row a try, a column a metric."""
    rows = []
    for trial in search.trials:
        row = {
            "Chosen": "●" if trial.chosen else "",
            "Method": labels.get(trial.method, trial.method),
        }
        if trial.score is not None:
            row[SKILL] = number(trial.score, _DIGITS)
        row["Ended"] = "" if trial.state == "complete" else trial.state
        for key, value in trial.metrics.items():
            info = metric_info(key, tasks)
            row[info.label] = info.format(value)
        row["Setting"] = trial.setting or "; ".join(_settings(trial, tasks))
        rows.append(row)
    table = pd.DataFrame(rows).fillna("–")
    if (table["Ended"] == "").all():
        table = table.drop(columns="Ended")
    # The longest comes last, so that a phone shows the others.
    return table[[name for name in table if name != "Setting"] + ["Setting"]]


def search_takeaway(search: Search) -> str:
    """How many settings were tried, of how many methods."""
    methods = {trial.method for trial in search.trials}
    tried = plural(len(search.trials), "setting")
    said = f"{tried} of {plural(len(methods), 'method')} tried with one seed each"
    rest = "methods without a row of their own use the baseline's settings."
    return f"{said}; {rest}"


def trials_frame(trials: Sequence[Trial], tasks: tuple[Task, ...]) -> pd.DataFrame:
    """The tries of a method in their order, counted from 1.

    Returns
    -------
    DataFrame
        Columns try, skill (NaN where it diverged), state, epochs, chosen, own (the
        settings that the study had) and settings (in words, one a line).
    """
    return pd.DataFrame(
        {
            "try": range(1, len(trials) + 1),
            "skill": [math.nan if t.score is None else t.score for t in trials],
            "state": [trial.state for trial in trials],
            "epochs": [trial.epochs for trial in trials],
            "chosen": [trial.chosen for trial in trials],
            "own": [trial.own for trial in trials],
            "settings": ["\n".join(_settings(trial, tasks)) for trial in trials],
        }
    )


@escapes_names
def plot_trials(tried: pd.DataFrame, style: MethodStyle) -> go.Figure:
    """The skill of each try of a method, and the best so far.

    Parameters
    ----------
    tried : DataFrame
        ``trials_frame``.
    style : MethodStyle
    """
    scored = tried[tried["skill"].notna()]
    complete = scored[scored["state"] == "complete"]
    crosses = {
        "symbol": "x-thin",
        "size": 11,
        "line": {"width": 2.5, "color": style.colour},
    }
    ring = {
        "symbol": "circle-open",
        "size": 24,
        "color": INK,
        "line": {"width": 2.5},
    }
    best = {
        "type": "scatter",
        "mode": "lines",
        "name": "Best so far",
        "x": complete["try"].tolist(),
        "y": complete["skill"].cummax().tolist(),
        "line": {"shape": "hv", "width": 2.5, "color": FAINT_COLOUR},
        "hoverinfo": "skip",
    }
    marks = [
        _marks("Complete", complete, style.mark(12)),
        _marks("Pruned", scored[scored["state"] == "pruned"], crosses),
        _marks("Chosen", scored[scored["chosen"]], ring),
    ]
    return build_figure(
        [best, *(trace for trace in marks if trace["x"])],
        height=400,
        xaxis={
            "title": {"text": "Try"},
            "dtick": _step(len(tried)),
            "range": [0.2, len(tried) + 0.8],
        },
        yaxis={"title": {"text": "Skill on validation"}},
    )


def _marks(name: str, rows: pd.DataFrame, mark: dict[str, Any]) -> dict[str, Any]:
    return build_marks(
        rows["try"].tolist(),
        rows["skill"].tolist(),
        mark,
        name=name,
        hovertemplate=[_hover(row) for row in rows.to_dict("records")],
    )


def _step(count: int) -> int:
    """Distance of the ticks under so many tries."""
    return next((step for step in (1, 2, 5, 10, 20) if count <= 10 * step), 50)


def _hover(row: Mapping[Any, Any]) -> str:
    ended = ""
    if row["state"] == "pruned":
        epochs = row["epochs"]
        after = f" after {plural(int(epochs), 'epoch')}" if pd.notna(epochs) else ""
        ended = f", pruned{after}"
    settings = str(row["settings"]).replace("\n", "<br>")
    return (
        f"<b>Try {row['try']}: {number(row['skill'], _DIGITS)}</b>"
        f"{ended}<br>{settings}<extra></extra>"
    )


def trials_takeaway(trials: Sequence[Trial], label: str) -> str:
    """What the search of a method found, and how many tries were not finished."""
    ended = [
        f"{sum(trial.state == state for trial in trials)} {words}"
        for state, words in (("pruned", "pruned"), ("diverged", "diverged"))
        if any(trial.state == state for trial in trials)
    ]
    said = f"{label}: {plural(len(trials), 'try', 'tries')}"
    said += f", {' and '.join(ended)}." if ended else "."
    best = next((trial for trial in trials if trial.chosen), None)
    if best is None or best.score is None:
        return f"{said} None of them is what the study uses."
    said += f" The best has a skill of {number(best.score, _DIGITS)}"
    own = next((t for t in trials if t.own and t.score is not None), None)
    if own is None or own.score is None:
        return f"{said}."
    if own is best:
        return f"{said}: the settings that the study had."
    return f"{said}, the settings that the study had {number(own.score, _DIGITS)}."


def importance_shares(
    search: Search, method: str, tasks: tuple[Task, ...]
) -> dict[str, float]:
    """Share of each setting in how the skill of a method's tries varies.

    By the setting in words, the largest first; empty where it is not known.
    """
    shares = search.importance.get(method, {})
    ordered = sorted(shares.items(), key=lambda pair: -pair[1])
    return {setting_label(place, tasks): share for place, share in ordered}


@escapes_names
def plot_importance(shares: Mapping[str, float], style: MethodStyle) -> go.Figure:
    """Each setting's share in how the skill of a method's tries varies.

    Parameters
    ----------
    shares : mapping of str to float
        ``importance_shares``.
    style : MethodStyle
    """
    bars = build_level_bars(
        list(shares.values()),
        list(shares),
        {"color": style.colour},
        text=[f"{share:.0%}" for share in shares.values()],
        textposition="outside",
        cliponaxis=False,
        hovertemplate="%{y}: %{x:.1%}<extra></extra>",
    )
    return build_figure(
        [bars],
        height=max(400, 90 + 34 * len(shares)),
        legend=False,
        xaxis={
            "title": {"text": "Share of the variance"},
            "tickformat": ".0%",
            "range": [0, 1.2 * max(shares.values())],
        },
        yaxis={"autorange": "reversed", "showgrid": False},
    )


def importance_takeaway(
    shares: Mapping[str, float], trials: Sequence[Trial], label: str
) -> str:
    """Which setting the skill of a method depends on most, in these tries."""
    setting, share = next(iter(shares.items()))
    complete = sum(trial.state == "complete" for trial in trials)
    return (
        f"Of the settings tried for {label}, {setting} goes with the largest part of "
        f"the differences in skill: {share:.0%}, over "
        f"{plural(complete, 'complete try', 'complete tries')}."
    )
