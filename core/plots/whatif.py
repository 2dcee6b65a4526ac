"""Figures and sentences of the what-if: other thresholds, and what follows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from core.evaluation.verdicts import SMALL_GROUP
from core.evaluation.whatif import Choice, Constraint, Outcome
from core.plots.escape import escapes_names
from core.plots.figure import build_figure
from core.plots.formatting import signed
from core.plots.look import FAINT_COLOUR, INK, METHOD_COLOURS, SMALL_SIGN
from core.plots.traces import build_marks
from core.text import number

CONSTRAINT_LABELS: dict[Constraint, str] = {
    "none": "Best accuracy, no constraint",
    "demographic_parity": "Demographic parity",
    "equal_opportunity": "Equal opportunity",
    "equalized_odds": "Equalized odds",
}
GAPS = {
    "demographic_parity_difference": "Demographic parity difference",
    "equal_opportunity_difference": "Equal opportunity difference",
    "equalized_odds_difference": "Equalized odds difference",
    "accuracy_difference": "Accuracy difference",
    "fair_metric": "Fair metric",
}
"""What the curve may be drawn against."""
RATES = {
    "accuracy": "Accuracy",
    "selection_rate": "Selection rate",
    "recall": "Recall",
    "precision": "Precision",
    "false_positive_rate": "False positive rate",
    "false_negative_rate": "False negative rate",
    "f1": "F1",
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
BY_EYE = (
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
            "name": "One threshold for all, 0 to 1",
            "mode": "lines",
            "line": {"color": FAINT_COLOUR, "width": 3},
            "customdata": drawn["threshold"].to_numpy(),
            "hovertemplate": "threshold %{customdata:.2f}<br>accuracy %{y:.3f}<br>"
            f"{GAPS[gap]} %{{x:.3f}}<extra></extra>",
        }
    ]
    traces += [_mark_point(mark, gap, place) for place, mark in enumerate(marks)]
    traces += [
        _point(usual, gap, "0.5 for all", _ink("circle-open", 15, 2.5)),
        _point(now, gap, "Your thresholds", _ink("cross-thin-open", 20, 4)),
    ]
    side = "larger is better ▶" if gap == "fair_metric" else "◀ smaller gap"
    return build_figure(
        traces,
        height=520,
        xaxis={"title": {"text": f"{GAPS[gap]}<br>{side}"}},
        yaxis={"title": {"text": "Accuracy (0 to 1)<br>better when higher"}},
    )


def _mark_point(mark: Mark, gap: str, place: int) -> dict[str, Any]:
    """What a constraint chose, with its own mark and colour."""
    constraint = mark.choice.constraint
    marker = {
        "symbol": CONSTRAINT_MARKS[constraint],
        "color": METHOD_COLOURS[place],
        "size": 15,
    }
    name = f"{CONSTRAINT_LABELS[constraint]}, from validation"
    return _point(mark.outcome, gap, name, marker)


def _ink(symbol: str, size: int, width: float) -> dict[str, Any]:
    return {"symbol": symbol, "color": INK, "size": size, "line": {"width": width}}


def _point(
    outcome: Outcome, gap: str, name: str, marker: dict[str, Any]
) -> dict[str, Any]:
    thresholds = "<br>".join(
        f"{group}: {threshold:.3f}"
        for group, threshold in zip(
            outcome.names[:8], outcome.thresholds[:8], strict=True
        )
    )
    return build_marks(
        [outcome.gaps[gap]],
        [outcome.overall["accuracy"]],
        marker,
        name=name,
        hovertemplate=f"<b>{name}</b><br>accuracy %{{y:.3f}}<br>{GAPS[gap]} "
        f"%{{x:.3f}}<br>{thresholds}<extra></extra>",
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
    said = (
        f"Accuracy {number(accuracy)}, {GAPS[gap].lower()} {number(value)}, {positive} "
        f"answered for {now.overall['selection_rate']:.1%} of the images"
    )
    if np.array_equal(now.thresholds, usual.thresholds):
        return f"{said}, with 0.5 for all. Move a threshold to see what follows."
    changes = (accuracy - usual.overall["accuracy"], value - usual.gaps[gap])
    return (
        f"{said}: accuracy {signed(changes[0])}, gap {signed(changes[1])} beside 0.5 "
        f"for all (answered for {usual.overall['selection_rate']:.1%}), on these test "
        "images."
    )


def outcome_table(now: Outcome, usual: Outcome) -> pd.DataFrame:
    """A row a group: n, its threshold, its rates, and their change beside 0.5."""
    after, before = now.groups, usual.groups
    columns: dict[str, Any] = {
        "Group": [*now.names, "All images"],
        "n": [
            f"{int(n):,}{SMALL_SIGN if n < SMALL_GROUP else ''}"
            for n in (*now.n, now.n.sum())
        ],
        "Threshold": [*(f"{t:.3f}" for t in now.thresholds), "–"],
    }
    for key, label in RATES.items():
        values = [*after[key], now.overall[key]]
        ahead = [*before[key], usual.overall[key]]
        columns[label] = [
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
    said = (
        "The marked points were chosen on the validation images: the best accuracy "
        "there, with no constraint or with groups that differ by at most the largest "
        "gap allowed. They are drawn where they land on the test images, so that a gap "
        "may be wider here."
    )
    free = dict.fromkeys(n for mark in marks for n in mark.choice.unconstrained)
    if free:
        more = len(free) - NAMED
        names = ", ".join(list(free)[:NAMED]) + f" and {more} more" * (more > 0)
        said += (
            f" Too small on validation to be held to a constraint (fewer than "
            f"{SMALL_GROUP} images count): {names}."
        )
    return said


def thresholds_of(mark: Mark) -> Mapping[str, float]:
    """The thresholds of a choice, by group of the test images."""
    return dict(
        zip(mark.outcome.names, map(float, mark.outcome.thresholds), strict=True)
    )
