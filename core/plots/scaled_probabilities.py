"""Sentences and tables on probabilities before and after temperature scaling."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from core.evaluation.grouping import ALL_IMAGES
from core.evaluation.metrics import MetricInfo
from core.evaluation.scaled_probabilities import OVER, UNDER
from core.evaluation.verdicts import BETTER, WORSE
from core.language import gettext, ngettext
from core.plots.formatting import interval, verdict_mark
from core.plots.look import Look
from core.results.numbers import between, telling_digits, write
from core.results.sentences import about_models
from core.text import NO_BREAK, listed, number, strong


def scaling_takeaway(
    temperatures: pd.DataFrame, changes: pd.DataFrame, info: MetricInfo, look: Look
) -> str:
    """Who was too sure, by each one's own interval, and whom scaling helps.

    Parameters
    ----------
    temperatures : DataFrame
        ``evaluation.scaled_probabilities.ScaledRuns.temperatures``.
    changes : DataFrame
        ``results.temperature_scaling.ScaledStudy.before_and_after``.
    info : MetricInfo
        The calibration error that decides whether scaling helps.
    look : Look
        Which methods are spoken of; one of them at least was scaled.
    """
    shown = [method for method in look.methods if method in set(changes["method"])]
    overall = _overall(temperatures)
    confidence = overall.loc[shown, "confidence"]
    first = [
        *_too_sure(_named(overall.loc[shown], confidence == OVER), shown, look),
        *_too_unsure(_named(overall.loc[shown], confidence == UNDER), shown, look),
    ]
    if not first:
        first = [gettext("No 95 % interval of a temperature is above or below 1.")]
    rows = changes[changes["metric"] == info.key].set_index("method").loc[shown]
    return f"{strong(' '.join(first))} {about_models(_scaled(rows, info, look), rows)}"


def _too_sure(names: list[str], shown: list[str], look: Look) -> list[str]:
    """Say who is over-confident; nothing of nobody."""
    if not names:
        return []
    if len(names) == len(shown) > 2:
        return [
            gettext(
                "All {methods} methods are over-confident (temperature above 1), each "
                "by its own 95 % interval.",
                methods=len(shown),
            )
        ]
    return [
        ngettext(
            "{methods} is over-confident (temperature above 1), by its 95 % interval.",
            "{methods} are over-confident (temperature above 1), each by its own 95 % "
            "interval.",
            len(names),
            methods=_of(names, look),
        )
    ]


def _too_unsure(names: list[str], shown: list[str], look: Look) -> list[str]:
    """Say who is under-confident; nothing of nobody."""
    if not names:
        return []
    if len(names) == len(shown) > 2:
        return [
            gettext(
                "All {methods} methods are under-confident (temperature below 1), each "
                "by its own 95 % interval.",
                methods=len(shown),
            )
        ]
    return [
        ngettext(
            "{methods} is under-confident (temperature below 1), by its 95 % interval.",
            "{methods} are under-confident (temperature below 1), each by its own 95 % "
            "interval.",
            len(names),
            methods=_of(names, look),
        )
    ]


def _scaled(rows: pd.DataFrame, info: MetricInfo, look: Look) -> str:
    """Whose metric scaling certainly changes, and of how many no change was found."""
    lowered, raised = (
        _named(rows, rows["verdict"] == verdict) for verdict in (BETTER, WORSE)
    )
    if not lowered and not raised:
        return gettext(
            "No certain change of the {metric} by scaling was found.", metric=info.label
        )
    said = []
    if lowered:
        said.append(
            gettext(
                "Scaling certainly lowers the {metric} of {methods}.",
                metric=info.label,
                methods=_of(lowered, look),
            )
        )
    if raised:
        said.append(
            gettext(
                "Scaling certainly raises the {metric} of {methods}.",
                metric=info.label,
                methods=_of(raised, look),
            )
        )
    if rest := len(rows) - len(lowered) - len(raised):
        said.append(
            gettext(
                "No change was detected for {rest} of {methods}.",
                rest=rest,
                methods=len(rows),
            )
        )
    return " ".join(said)


def _overall(temperatures: pd.DataFrame) -> pd.DataFrame:
    rows = temperatures[temperatures["group"] == ALL_IMAGES]
    return rows.set_index("method")


def _named(rows: pd.DataFrame, chosen: pd.Series) -> list[str]:
    return [str(name) for name in rows.index[chosen]]


def _of(names: list[str], look: Look) -> str:
    return listed([look.labels[name] for name in names])


def scaling_table(
    temperatures: pd.DataFrame,
    changes: pd.DataFrame,
    infos: Mapping[str, MetricInfo],
    look: Look,
) -> pd.DataFrame:
    """One row a method: its temperature, and each metric before and after, in words.

    Parameters as for ``scaling_takeaway``; ``infos`` are the metrics by key.

    Returns
    -------
    DataFrame
        Column Method, Temperature, and one a metric, as Markdown.
    """
    overall = _overall(temperatures)
    cells = changes.set_index(["method", "metric"])
    rows = []
    for method in look.methods:
        if method not in overall.index:
            continue
        own = {
            info.label: change_in_words(cells.loc[(method, key)], info)
            for key, info in infos.items()
        }
        rows.append(
            {
                gettext("Method"): look.labels[method],
                gettext("Temperature"): temperature_in_words(overall.loc[method]),
                **own,
            }
        )
    return pd.DataFrame(rows)


def temperature_in_words(row: pd.Series) -> str:
    """A temperature with its interval, or with the end of those tried that it is at."""
    value = strong(number(row["temperature"], 2))
    if not row["own"]:
        return gettext("{temperature} (overall)", temperature=value)
    if np.isnan(row["low"]):
        return gettext("{temperature} (at the end of those tried)", temperature=value)
    ends = interval(row["low"], row["high"], 2).replace(" ", NO_BREAK)
    return f"{value} {ends}"


def change_in_words(row: pd.Series, info: MetricInfo) -> str:
    """A metric before and after, the difference with its interval, and the verdict."""
    finer = telling_digits(row, info)
    values = f"{write(info, row['before'])} → {strong(write(info, row['after']))}"
    ends = between(finer, row["delta_low"], row["delta_high"], signed=True)
    change = f"{write(finer, row['delta'], signed=True)} {ends}"
    said = gettext(
        "{values}; {change}",
        values=values.replace(" ", NO_BREAK),
        change=change.replace(" ", NO_BREAK),
    )
    return f"{said} {verdict_mark(row)}".strip()


def group_temperatures_table(temperatures: pd.DataFrame, look: Look) -> pd.DataFrame:
    """A row a method, a column a group, with the validation images of each."""
    groups = temperatures[temperatures["group"] != ALL_IMAGES]
    first = groups.drop_duplicates("group").set_index("group")["images"]
    rows = []
    for method in look.methods:
        own = groups[groups["method"] == method].set_index("group")
        if len(own):
            cells = {
                f"{name} (n = {number(first[name], 0)})": temperature_in_words(
                    own.loc[name]
                )
                if name in own.index
                else "–"
                for name in first.index
            }
            rows.append({gettext("Method"): look.labels[method], **cells})
    return pd.DataFrame(rows)
