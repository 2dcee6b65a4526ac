"""Figures and sentences of the what-if: other thresholds, and what follows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from core.evaluation.verdicts import SMALL_GROUP
from core.evaluation.whatif import Choice, Constraint, Outcome
from core.language import N_, gettext
from core.plots.escape import escapes_names
from core.plots.figure import build_figure
from core.plots.formatting import signed
from core.plots.look import FAINT_COLOUR, INK, METHOD_COLOURS, SMALL_SIGN
from core.plots.traces import build_marks
from core.text import number, percent

CONSTRAINT_LABELS: dict[Constraint, str] = {
    "none": N_("Best accuracy"),
    "demographic_parity": N_("Demographic parity"),
    "equal_opportunity": N_("Equal opportunity"),
    "equalized_odds": N_("Equalized odds"),
}
GAPS = {
    "demographic_parity_difference": N_("Demographic parity difference"),
    "equal_opportunity_difference": N_("Equal opportunity difference"),
    "equalized_odds_difference": N_("Equalized odds difference"),
    "accuracy_difference": N_("Accuracy difference"),
    "fair_metric": N_("Fair metric"),
}
"""What the curve may be drawn against."""
RATES = {
    "accuracy": N_("Accuracy"),
    "selection_rate": N_("Selection rate"),
    "recall": N_("Recall"),
    "precision": N_("Precision"),
    "false_positive_rate": N_("False positive rate"),
    "false_negative_rate": N_("False negative rate"),
    "f1": N_("F1"),
}
CONSTRAINT_GAPS: dict[Constraint, str] = {
    "demographic_parity": "demographic_parity_difference",
    "equal_opportunity": "equal_opportunity_difference",
    "equalized_odds": "equalized_odds_difference",
}
"""Key of ``GAPS`` that each constraint keeps small."""
CONSTRAINT_MARKS: dict[Constraint, str] = {
    "none": "star",
    "demographic_parity": "diamond",
    "equal_opportunity": "square",
    "equalized_odds": "triangle-up",
}
NAMED = 6
"""Groups that a note names."""
CURVE_STEP = 5
"""Thresholds of the grid from one drawn point of the curve to the next."""
BY_EYE = N_(
    "Point estimates, without intervals. A threshold that is picked here by eye is "
    "chosen on the test images: its numbers are better than new images would give."
)
"""What to know before a slider is moved."""


@dataclass(frozen=True)
class Mark:
    """What a choice made on validation gives on the test images.

    Parameters
    ----------
    choice : Choice
    outcome : Outcome
        On test.
    """

    choice: Choice
    outcome: Outcome


@escapes_names
def plot_whatif(
    curve: pd.DataFrame,
    now: Outcome,
    usual: Outcome,
    marks: Sequence[Mark],
    gap: str,
) -> go.Figure:
    """Accuracy against a gap: every common threshold, the one chosen, the constraints'.

    Parameters
    ----------
    curve : DataFrame
        From ``ScoreCounts.curve``, on test.
    now : Outcome
        Of the thresholds that the sliders say.
    usual : Outcome
        Of 0.5 for all.
    marks : sequence of Mark
        One a constraint.
    gap : str
        A key of ``GAPS``.
    """
    # A slider waits for what is drawn: every fifth point looks the same.
    drawn = curve.iloc[::CURVE_STEP]
    traces: list[dict[str, Any]] = [
        {
            "type": "scatter",
            "x": drawn[gap].to_numpy(),
            "y": drawn["accuracy"].to_numpy(),
            "name": gettext("One threshold for all, 0 to 1"),
            "mode": "lines",
            "line": {"color": FAINT_COLOUR, "width": 3},
            "customdata": drawn["threshold"].to_numpy(),
            "hovertemplate": gettext(
                "threshold %{{customdata:.2f}}<br>accuracy %{{y:.3f}}<br>{gap} "
                "%{{x:.3f}}",
                gap=gettext(GAPS[gap]),
            )
            + "<extra></extra>",
        }
    ]
    traces += [_mark_point(mark, gap, place) for place, mark in enumerate(marks)]
    traces += [
        _point(usual, gap, gettext("0.5 for all"), _ink("circle-open", 15, 2.5)),
        _point(now, gap, gettext("Your thresholds"), _ink("cross-thin-open", 20, 4)),
    ]
    is_larger = gap == "fair_metric"
    side = gettext("larger is better ▶") if is_larger else gettext("◀ smaller gap")
    return build_figure(
        traces,
        height=520,
        xaxis={"title": {"text": f"{gettext(GAPS[gap])}<br>{side}"}},
        yaxis={"title": {"text": gettext("Accuracy (0 to 1)<br>better when higher")}},
    )


def _mark_point(mark: Mark, gap: str, place: int) -> dict[str, Any]:
    """What a constraint chose, with its own mark and colour."""
    constraint = mark.choice.constraint
    marker = {
        "symbol": CONSTRAINT_MARKS[constraint],
        "color": METHOD_COLOURS[place],
        "size": 15,
    }
    name = gettext(
        "{constraint}, from validation",
        constraint=gettext(CONSTRAINT_LABELS[constraint]),
    )
    return _point(mark.outcome, gap, name, marker)


def _ink(symbol: str, size: int, width: float) -> dict[str, Any]:
    return {"symbol": symbol, "color": INK, "size": size, "line": {"width": width}}


def _point(
    outcome: Outcome, gap: str, name: str, marker: dict[str, Any]
) -> dict[str, Any]:
    thresholds = "<br>".join(
        gettext("{name}: {value}", name=group, value=number(threshold))
        for group, threshold in zip(
            outcome.names[:8], outcome.thresholds[:8], strict=True
        )
    )
    values = gettext("accuracy %{{y:.3f}}<br>{gap} %{{x:.3f}}", gap=gettext(GAPS[gap]))
    return build_marks(
        [outcome.gaps[gap]],
        [outcome.overall["accuracy"]],
        marker,
        name=name,
        hovertemplate=f"<b>{name}</b><br>{values}<br>{thresholds}<extra></extra>",
    )


def whatif_takeaway(now: Outcome, usual: Outcome, gap: str, positive: str) -> str:
    """What the chosen thresholds give, beside 0.5 for all.

    Parameters
    ----------
    now, usual : Outcome
    gap : str
        A key of ``GAPS``.
    positive : str
        The class that is decided on: how often it is answered is said, since a rule
        that answers it to nobody treats all groups alike.
    """
    accuracy, value = now.overall["accuracy"], now.gaps[gap]
    fields = {
        "accuracy": number(accuracy),
        "gap": gettext(GAPS[gap]).lower(),
        "value": number(value),
        "positive": positive,
        "share": percent(now.overall["selection_rate"], 1),
    }
    if np.array_equal(now.thresholds, usual.thresholds):
        return gettext(
            "Accuracy {accuracy}, {gap} {value}, {positive} answered for {share} of "
            "the images, with 0.5 for all. Move a threshold to see what follows.",
            **fields,
        )
    return gettext(
        "Accuracy {accuracy}, {gap} {value}, {positive} answered for {share} of the "
        "images: accuracy {accuracy_change}, gap {gap_change} beside 0.5 for all "
        "(answered for {usual_share}), on these test images.",
        accuracy_change=signed(accuracy - usual.overall["accuracy"]),
        gap_change=signed(value - usual.gaps[gap]),
        usual_share=percent(usual.overall["selection_rate"], 1),
        **fields,
    )


def outcome_table(now: Outcome, usual: Outcome) -> pd.DataFrame:
    """A row a group: n, its threshold, its rates, and their change beside 0.5."""
    after, before = now.groups, usual.groups
    columns: dict[str, Any] = {
        gettext("Group"): [*now.names, gettext("All images")],
        "n": [
            f"{number(int(n), 0)}{SMALL_SIGN if n < SMALL_GROUP else ''}"
            for n in (*now.n, now.n.sum())
        ],
        gettext("Threshold"): [*(number(t) for t in now.thresholds), "–"],
    }
    for key, label in RATES.items():
        values = [*after[key], now.overall[key]]
        ahead = [*before[key], usual.overall[key]]
        columns[gettext(label)] = [
            _cell(value, old) for value, old in zip(values, ahead, strict=True)
        ]
    return pd.DataFrame(columns)


def _cell(value: float, old: float) -> str:
    change = value - old
    if value != value or change != change or round(change, 3) == 0:
        return number(value)
    return f"{number(value)} ({signed(change)})"


def choices_note(marks: Sequence[Mark]) -> str:
    """How the marked points were found, and which groups a constraint leaves free.

    Empty without a mark.
    """
    if not marks:
        return ""
    said = gettext(
        "The marked points were chosen on the validation images: the best accuracy "
        "there, with no constraint or with groups that differ by at most the largest "
        "gap allowed. They are drawn where they land on the test images, so that a gap "
        "may be wider here."
    )
    free = dict.fromkeys(n for mark in marks for n in mark.choice.unconstrained)
    if not free:
        return said
    names, more = ", ".join(list(free)[:NAMED]), len(free) - NAMED
    if more > 0:
        left = gettext(
            "Too small on validation to be held to a constraint (fewer than {few} "
            "images count): {groups} and {more} more.",
            few=SMALL_GROUP,
            groups=names,
            more=more,
        )
    else:
        left = gettext(
            "Too small on validation to be held to a constraint (fewer than {few} "
            "images count): {groups}.",
            few=SMALL_GROUP,
            groups=names,
        )
    return f"{said} {left}"


def thresholds_of(mark: Mark) -> Mapping[str, float]:
    """The thresholds of a choice, by group of the test images."""
    return dict(
        zip(mark.outcome.names, map(float, mark.outcome.thresholds), strict=True)
    )
