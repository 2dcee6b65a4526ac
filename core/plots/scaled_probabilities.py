"""Sentences and tables on probabilities before and after temperature scaling."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from core.evaluation.grouping import ALL_IMAGES
from core.evaluation.metrics import MetricInfo
from core.evaluation.scaled_probabilities import OVER, UNDER
from core.evaluation.verdicts import BETTER, WORSE
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
    said = []
    for kind, sign in ((OVER, "above"), (UNDER, "below")):
        names = _named(overall.loc[shown], overall.loc[shown, "confidence"] == kind)
        if names:
            whose = _all_or(names, shown, look)
            said.append(f"{whose} {kind} (temperature {sign} 1)")
    if said:
        each = "each by its own" if len(shown) > 1 else "by its"
        first = f"{'; '.join(said)}, {each} 95 % interval"
    else:
        first = "No 95 % interval of a temperature is above or below 1"
    rows = changes[changes["metric"] == info.key].set_index("method").loc[shown]
    parts = []
    for verdict, word in ((BETTER, "lowers"), (WORSE, "raises")):
        names = _named(rows, rows["verdict"] == verdict)
        if names:
            parts.append(f"certainly {word} the {info.label} of {_of(names, look)}")
    rest = len(shown) - int(rows["verdict"].isin((BETTER, WORSE)).sum())
    more = f"; no change was detected for {rest} of {len(shown)}" if rest else ""
    second = f"No certain change of the {info.label} by scaling was found."
    if parts:
        second = f"Scaling {' and '.join(parts)}{more}."
    return f"{strong(first)}. {about_models(second, rows)}"


def _overall(temperatures: pd.DataFrame) -> pd.DataFrame:
    rows = temperatures[temperatures["group"] == ALL_IMAGES]
    return rows.set_index("method")


def _named(rows: pd.DataFrame, chosen: pd.Series) -> list[str]:
    return [str(name) for name in rows.index[chosen]]


def _all_or(names: list[str], shown: list[str], look: Look) -> str:
    if len(names) == len(shown) > 2:
        return f"All {len(shown)} methods are"
    verb = "is" if len(names) == 1 else "are"
    return f"{_of(names, look)} {verb}"


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
                "Method": look.labels[method],
                "Temperature": temperature_in_words(overall.loc[method]),
                **own,
            }
        )
    return pd.DataFrame(rows)


def temperature_in_words(row: pd.Series) -> str:
    """A temperature with its interval, or with the end of those tried that it is at."""
    value = strong(number(row["temperature"], 2))
    if not row["own"]:
        return f"{value} (overall)"
    if np.isnan(row["low"]):
        return f"{value} (at the end of those tried)"
    ends = interval(row["low"], row["high"], 2).replace(" ", NO_BREAK)
    return f"{value} {ends}"


def change_in_words(row: pd.Series, info: MetricInfo) -> str:
    """A metric before and after, the difference with its interval, and the verdict."""
    finer = telling_digits(row, info)
    values = f"{write(info, row['before'])} → {strong(write(info, row['after']))}"
    ends = between(finer, row["delta_low"], row["delta_high"], signed=True)
    change = f"{write(finer, row['delta'], signed=True)} {ends}"
    parts = (part.replace(" ", NO_BREAK) for part in (values, change))
    return f"{'; '.join(parts)} {verdict_mark(row)}".strip()


def group_temperatures_table(temperatures: pd.DataFrame, look: Look) -> pd.DataFrame:
    """A row a method, a column a group, with the validation images of each."""
    groups = temperatures[temperatures["group"] != ALL_IMAGES]
    first = groups.drop_duplicates("group").set_index("group")["images"]
    rows = []
    for method in look.methods:
        own = groups[groups["method"] == method].set_index("group")
        if len(own):
            cells = {
                f"{name} (n = {first[name]:,})": temperature_in_words(own.loc[name])
                if name in own.index
                else "–"
                for name in first.index
            }
            rows.append({"Method": look.labels[method], **cells})
    return pd.DataFrame(rows)
