"""How a study's settings were chosen: every try, its skill, and what it depends on."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from core.evaluation.metrics import metric_info, task_label
from core.language import ENGLISH, gettext, in_form, ngettext, speaking
from core.methods.entries import ENTRIES
from core.plots.escape import escapes_names
from core.plots.figure import build_figure
from core.plots.look import FAINT_COLOUR, INK, MethodStyle
from core.plots.traces import build_level_bars, build_marks
from core.study import Search, Trial, Tried
from core.tasks import Task
from core.text import clauses, listed, number, percent

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


def latest_of(tried: Sequence[Trial]) -> list[Trial]:
    """The tries of a method's last search: it begins with what the study had then."""
    return list(tried[_start_of_last(tried) :])


def _start_of_last(tried: Sequence[Trial]) -> int:
    own = [place for place, trial in enumerate(tried) if trial.own]
    return own[-1] if own else 0


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
        label = gettext(ENTRIES[entry].label) if entry in ENTRIES else entry
        return f"{label} {_words(parameter)}"
    if table == "loss_weights":
        return gettext("weight of {task}", task=task_label(key, tasks).lower())
    option = key.removeprefix("options.")
    if option != key:
        return gettext("backbone {option}", option=_words(option))
    return _words(option)


def _words(name: str) -> str:
    return name.replace("_", " ")


def _value(value: Tried) -> str:
    if isinstance(value, list):
        return "-".join(map(str, value))
    return in_form(f"{value:g}") if isinstance(value, float) else str(value)


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
    ended, setting = gettext("Ended"), gettext("Setting")
    complete = (trial for trial in search.trials if trial.state == "complete")
    several_lengths = len({trial.epochs for trial in complete}) > 1
    rows = []
    for trial in search.trials:
        row = {
            gettext("Chosen"): "●" if trial.chosen else "",
            gettext("Method"): labels.get(trial.method, trial.method),
        }
        if trial.score is not None:
            row[gettext("Skill")] = number(trial.score, _DIGITS)
        row[ended] = _ended(trial)
        if several_lengths:
            row[gettext("Epochs")] = "–" if trial.epochs is None else str(trial.epochs)
        for key, value in trial.metrics.items():
            info = metric_info(key, tasks)
            row[info.label] = info.format(value)
        row[setting] = trial.setting or clauses(_settings(trial, tasks) or [""])
        rows.append(row)
    table = pd.DataFrame(rows).fillna("–")
    if (table[ended] == "").all():
        table = table.drop(columns=ended)
    # The longest comes last, so that a phone shows the others.
    return table[[name for name in table if name != setting] + [setting]]


def search_data(
    search: Search, tasks: tuple[Task, ...], labels: Mapping[str, str]
) -> pd.DataFrame:
    """As ``search_table``, in English whoever reads it: for a download."""
    with speaking(ENGLISH):
        return search_table(search, tasks, labels)


def _ended(trial: Trial) -> str:
    """How a try ended, where it was not trained to its end."""
    if trial.state == "complete":
        return ""
    return gettext("pruned") if trial.state == "pruned" else gettext("diverged")


def search_takeaway(search: Search) -> str:
    """How many settings were tried, of how many methods."""
    methods = len({trial.method for trial in search.trials})
    return ngettext(
        "{count} setting of {methods} tried with one seed each; methods without a row "
        "of their own use the baseline's settings.",
        "{count} settings of {methods} tried with one seed each; methods without a row "
        "of their own use the baseline's settings.",
        len(search.trials),
        methods=ngettext("{count} method", "{count} methods", methods),
    )


def trials_frame(trials: Sequence[Trial], tasks: tuple[Task, ...]) -> pd.DataFrame:
    """The tries of a method in their order, counted from 1.

    Returns
    -------
    DataFrame
        Columns try, earlier (of a search before the last), skill (NaN where it
        diverged), state, epochs, chosen, own (the settings that the study had) and
        settings (in words, one a line).
    """
    return pd.DataFrame(
        {
            "try": range(1, len(trials) + 1),
            "earlier": np.arange(len(trials)) < _start_of_last(trials),
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
    """The skill of each try of a method, and the best so far of the last search.

    Tries of earlier searches are faint: these may have trained for fewer epochs.

    Parameters
    ----------
    tried : DataFrame
        ``trials_frame``.
    style : MethodStyle
    """
    scored = tried[tried["skill"].notna()]
    earlier, scored = scored[scored["earlier"]], scored[~scored["earlier"]]
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
    faint = {
        "symbol": "circle-open",
        "size": 11,
        "color": FAINT_COLOUR,
        "line": {"width": 2.5},
    }
    best = {
        "type": "scatter",
        "mode": "lines",
        "name": gettext("Best so far"),
        "x": complete["try"].tolist(),
        "y": complete["skill"].cummax().tolist(),
        "line": {"shape": "hv", "width": 2.5, "color": FAINT_COLOUR},
        "hoverinfo": "skip",
    }
    marks = [
        _marks(gettext("Earlier search"), earlier, faint),
        _marks(gettext("Complete"), complete, style.mark(12)),
        _marks(gettext("Pruned"), scored[scored["state"] == "pruned"], crosses),
        _marks(gettext("Chosen"), scored[scored["chosen"]], ring),
    ]
    return build_figure(
        [best, *(trace for trace in marks if trace["x"])],
        height=400,
        xaxis={
            "title": {"text": gettext("Try")},
            "dtick": _step(len(tried)),
            "range": [0.2, len(tried) + 0.8],
        },
        yaxis={"title": {"text": gettext("Skill on validation")}},
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
    head = gettext(
        "Try {place}: {skill}", place=row["try"], skill=number(row["skill"], _DIGITS)
    )
    head = f"<b>{head}</b>"
    if row["state"] == "pruned" and pd.notna(row["epochs"]):
        head = ngettext(
            "{skill}, pruned after {count} epoch",
            "{skill}, pruned after {count} epochs",
            int(row["epochs"]),
            skill=head,
        )
    elif row["state"] == "pruned":
        head = gettext("{skill}, pruned", skill=head)
    settings = str(row["settings"]).replace("\n", "<br>")
    return f"{head}<br>{settings}<extra></extra>"


def trials_takeaway(trials: Sequence[Trial], label: str) -> str:
    """What the last search of a method found, and how many tries were not finished."""
    earlier, trials = trials[: _start_of_last(trials)], latest_of(trials)
    tries = ngettext("{count} try", "{count} tries", len(trials))
    states = [trial.state for trial in trials]
    pruned, diverged = states.count("pruned"), states.count("diverged")
    ended = []
    if pruned:
        ended.append(ngettext("{count} pruned", "{count} pruned", pruned))
    if diverged:
        ended.append(ngettext("{count} diverged", "{count} diverged", diverged))
    said = gettext("{method}: {tries}.", method=label, tries=tries)
    if ended:
        said = gettext(
            "{method}: {tries}, {ended}.",
            method=label,
            tries=tries,
            ended=listed(ended),
        )
    said = f"{said} {_best_of(trials)}"
    return f"{said} {_said_of_earlier(earlier)}" if earlier else said


def _said_of_earlier(tried: Sequence[Trial]) -> str:
    """How many tries came before the last search, and how long they trained."""
    longest = max((trial.epochs or 0 for trial in tried), default=0)
    return ngettext(
        "{count} try of an earlier search trained for at most {epochs}.",
        "{count} tries of an earlier search trained for at most {epochs}.",
        len(tried),
        epochs=ngettext("{count} epoch", "{count} epochs", longest),
    )


def _best_of(trials: Sequence[Trial]) -> str:
    """What the chosen try reached, beside the settings that the study had."""
    best = next((trial for trial in trials if trial.chosen), None)
    if best is None or best.score is None:
        return gettext("None of them is what the study uses.")
    skill = number(best.score, _DIGITS)
    own = next((t for t in trials if t.own and t.score is not None), None)
    if own is None or own.score is None:
        return gettext("The best has a skill of {skill}.", skill=skill)
    if own is best:
        return gettext(
            "The best has a skill of {skill}: the settings that the study had.",
            skill=skill,
        )
    return gettext(
        "The best has a skill of {skill}, the settings that the study had {own}.",
        skill=skill,
        own=number(own.score, _DIGITS),
    )


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
        text=[percent(share) for share in shares.values()],
        textposition="outside",
        cliponaxis=False,
        hovertemplate="%{y}: %{x:.1%}<extra></extra>",
    )
    return build_figure(
        [bars],
        height=max(400, 90 + 34 * len(shares)),
        legend=False,
        xaxis={
            "title": {"text": gettext("Share of the variance")},
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
    return ngettext(
        "Of the settings tried for {method}, {setting} goes with the largest part of "
        "the differences in skill: {share}, over {count} complete try.",
        "Of the settings tried for {method}, {setting} goes with the largest part of "
        "the differences in skill: {share}, over {count} complete tries.",
        complete,
        method=label,
        setting=setting,
        share=percent(share),
    )
