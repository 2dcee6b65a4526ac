"""Numbers and counts as they are read aloud, with their signs."""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from core.crossing import SHOWN
from core.evaluation.metrics import MetricInfo, in_unit
from core.evaluation.verdicts import BASELINE
from core.language import gettext, in_form
from core.results.cells import Piece
from core.results.frame import verdict_marked
from core.results.sentences import TONES, verdict_text
from core.tasks import SHIPPED_FEATURES, Task
from core.text import NO_BREAK, number, strong


def verdict_mark(row: Mapping[Any, Any] | pd.Series) -> str:
    """A verdict with its sign and colour; nothing for the baseline.

    Parameters
    ----------
    row : mapping or Series
        With ``verdict`` and ``scope``: of one trained model it says so.
    """
    verdict = str(row["verdict"])
    if verdict == BASELINE:
        return ""
    return verdict_marked(Piece("verdict", verdict_text(row), TONES[verdict]))


def signed(value: float, digits: int = 3) -> str:
    """A difference, with its sign always written; nothing rounds to "+0"."""
    text = number(value, digits)
    return f"+{text}" if round(value, digits) > 0 else text


def interval(low: float, high: float, digits: int = 3) -> str:
    """An interval as "[low, high]"."""
    return gettext(
        "[{low}, {high}]", low=number(low, digits), high=number(high, digits)
    )


def valued(info: MetricInfo, value: float, low: float, high: float) -> str:
    """A value of a metric in its unit, with its interval: "6.78 years [6.34, 7.23]"."""
    written = in_unit(number(value, info.digits), info.plain_unit, value)
    return f"{written} {interval(low, high, info.digits)}"


def p_value(value: float) -> str:
    """A p-value to three digits; "< 0.001" below."""
    return in_form("< 0.001") if value < 0.001 else number(value, 3)


def feature_label(feature: str, tasks: Sequence[Task] = ()) -> str:
    """A sensitive feature as a reader sees it, such as "Age bin" for ``age_bin``."""
    if SHOWN in feature:
        first, *others = (feature_label(part, tasks) for part in feature.split(SHOWN))
        return SHOWN.join([first, *(text[:1].lower() + text[1:] for text in others)])
    named = {task.name: gettext(task.label) for task in tasks}
    binned = feature.removesuffix("_bin")
    if binned != feature and (binned in named or binned in SHIPPED_FEATURES):
        return gettext("{task} bin", task=named.get(binned) or _headed(gettext(binned)))
    return _headed(named.get(feature) or gettext(feature.replace("_", " ")))


def _headed(text: str) -> str:
    return text[:1].upper() + text[1:]


def score_cell(row: pd.Series, digits: int) -> str:
    """Mean, interval and verdict of a row of ``Comparison.table``.

    Breaks into two lines, before the verdict, where room is scarce.
    """
    between = interval(row["low"], row["high"], digits)
    score = f"{strong(number(row['mean'], digits))} {between}".replace(" ", NO_BREAK)
    return f"{score} {verdict_mark(row)}".strip()
