"""Figures and sentences of the Overview page: who helps, and by how much."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from core.evaluation.metrics import MetricInfo
from core.evaluation.pareto import quality
from core.evaluation.verdicts import MODEL, speaks_of_model
from core.plots.escape import escapes_names
from core.plots.figure import build_figure
from core.plots.formatting import interval, p_value, signed
from core.plots.look import (
    FAINT_COLOUR,
    GRID_COLOUR,
    NOISE_COLOUR,
    TRAINING_COLOUR,
    Look,
    MethodStyle,
)
from core.plots.traces import (
    build_band,
    build_marks,
    build_note,
    error_bar,
    row_axis,
    row_names,
    zero_line,
)
from core.results.sentences import about_models, detectable_text, verdict_text
from core.text import listed, number, plural

BETTER_SIDE = {
    "lower": "better when lower",
    "higher": "better when higher",
    "zero": "better when closer to zero",
}
# Columns of a comparison that are in the unit of the metric.
IN_UNITS = (
    "mean",
    "sd",
    "low",
    "high",
    "delta",
    "delta_low",
    "delta_high",
    "margin",
    "smallest_detectable",
)


def rows_of(comparison: pd.DataFrame, metric: str) -> pd.DataFrame:
    """Rows of one metric, one a method, with the method as index."""
    return comparison[comparison["metric"] == metric].set_index("method")


def shown_rows(comparison: pd.DataFrame, info: MetricInfo) -> pd.DataFrame:
    """As ``rows_of``, with the numbers in the unit in which they are shown."""
    rows = rows_of(comparison, info.key)
    if info.factor == 1:
        return rows
    scaled = [name for name in IN_UNITS if name in rows]
    return rows.assign(**{name: rows[name] * info.factor for name in scaled})


def with_unit(text: str, unit: str) -> str:
    """A written number followed by its unit, if it has one."""
    return f"{text} {unit}" if unit else text


def axis_title(info: MetricInfo) -> str:
    """A metric's label with its unit, as an axis shows it."""
    return f"{info.label} ({info.unit})" if info.unit else info.label


def fewer_seeds(comparison: pd.DataFrame) -> dict[str, str]:
    """Methods that have fewer seeds than others, and how many, such as "1 seed"."""
    counts = comparison.groupby("method", sort=False)["seeds"].max()
    return {
        str(method): plural(int(own), "seed")
        for method, own in counts.items()
        if own < counts.max()
    }


def _mark(method: str, few: Mapping[str, str]) -> str:
    return f" ({few[method]})" if method in few else ""


def best_first(
    comparison: pd.DataFrame, info: MetricInfo, methods: Sequence[str]
) -> list[str]:
    """Methods by the point estimate of one metric, best first; unknown ones last."""
    means = rows_of(comparison, info.key)["mean"].reindex(list(methods))
    order = quality(means, info).sort_values(ascending=False, kind="stable")
    return [str(method) for method in order.index]


def best_few(
    comparison: pd.DataFrame, info: MetricInfo, methods: Sequence[str], count: int
) -> list[str]:
    """The best ``count`` methods by the point estimate of one metric, best first.

    Methods with equal means stay in the order given; one without a mean is left out.
    """
    known = rows_of(comparison, info.key)["mean"].dropna().index
    return best_first(comparison, info, [m for m in methods if m in known])[:count]


def best_takeaway(
    against_best: pd.DataFrame, info: MetricInfo, look: Look, best: str
) -> str:
    """Which method has the best point estimate, and how many are certainly worse.

    Parameters
    ----------
    against_best : DataFrame
        ``Comparison.table`` with the best method as its baseline.
    info : MetricInfo
    look : Look
        Which methods are shown, and how.
    best : str
        The first of ``best_first``.
    """
    rows = rows_of(against_best, info.key)
    if np.isnan(rows["mean"][best]):
        return f"No method has a value of {info.phrase} here."
    value = info.format(rows["mean"][best], unit=True)
    said = f"On {info.label}, {look.labels[best]} has the best point estimate ({value})"
    others = rows.loc[[m for m in look.methods if m in rows.index and m != best]]
    others = others[others["mean"].notna()]
    if others.empty:
        return f"{said}, and there is no other to compare it with."
    counts = others["verdict"].value_counts()
    close, behind = (int(counts.get(v, 0)) for v in ("inconclusive", "worse"))
    of = "the one other" if len(others) == 1 else f"the {len(others)} others"
    verb = "is" if behind == 1 else "are"
    return (
        f"{said}; of {of} shown, {behind or 'none'} {verb} certainly worse, and for "
        f"{close or 'none'} no difference was detected. The same images chose it, "
        "which flatters it."
    )


def leaderboard_takeaway(
    comparison: pd.DataFrame, metrics: Sequence[MetricInfo], look: Look
) -> str:
    """How many verdicts are certain, and which methods have one."""
    shown = comparison[
        comparison["metric"].isin([info.key for info in metrics])
        & comparison["method"].isin(look.methods)
        & (comparison["verdict"] != "baseline")
    ]
    if shown.empty:
        return "There is one method only, so there is nothing to compare it with yet."
    counts = shown["verdict"].value_counts()
    better, worse = int(counts.get("better", 0)), int(counts.get("worse", 0))
    ahead = {
        method: int(n)
        for method, n in shown[shown["verdict"] == "better"]["method"]
        .value_counts()
        .items()
    }
    behind = set(shown[shown["verdict"] == "worse"]["method"])
    few = fewer_seeds(comparison)
    clean = [
        look.labels[m] + _mark(m, few)
        for m in look.methods
        if m in ahead and m not in behind
    ]
    others = {
        word: int(counts.get(word, 0))
        for word in ("equivalent", "inconclusive", "no verdict")
    }
    kinds = [f"{worse} worse", *(f"{n} {word}" for word, n in others.items() if n)]
    tally = (
        f"Of {plural(len(shown), 'comparison')} with the baseline, {better} "
        f"{'is' if better == 1 else 'are'} better, {listed(kinds)}"
    )
    if clean:
        said = f"{tally}. Better on one of these and worse on none: {listed(clean)}."
    elif ahead:
        said = f"{tally}; every method that gains on one metric loses on another."
    else:
        said = f"{tally}: the data show no gain over the baseline."
    return about_models(said, shown)


@escapes_names
def plot_differences(
    comparison: pd.DataFrame, info: MetricInfo, look: Look
) -> go.Figure:
    """Forest plot: paired difference to the baseline with its interval, by method."""
    rows = shown_rows(comparison, info)
    shown = [
        m for m in look.methods if m in rows.index and np.isfinite(rows["delta"][m])
    ]
    traces: list[dict[str, Any]] = []
    for method in reversed(shown):
        row, style = rows.loc[method], look.styles[method]
        sign = verdict_text(row)
        traces.append(
            build_marks(
                [row["delta"]],
                [f"<b>{look.labels[method]}</b><br>{sign}"],
                style.mark(14),
                name=look.labels[method],
                error_x=error_bar(
                    row["delta"], row["delta_low"], row["delta_high"], style.colour
                ),
                hovertemplate=f"<b>{look.labels[method]}</b><br>"
                f"{signed(row['delta'], info.digits)} "
                f"{interval(row['delta_low'], row['delta_high'], info.digits)}"
                f"<br>p {p_value(row['p'])}, {sign}"
                f"<br>{_detectable(row, info)}<extra></extra>",
            )
        )
    ends = rows.loc[shown, ["delta_low", "delta_high"]].abs().to_numpy()
    reach = 1.1 * float(np.nanmax(ends, initial=0)) or 1.0
    return build_figure(
        traces,
        height=120 + 62 * max(len(shown), 1),
        legend=False,
        xaxis={
            "title": _difference_title("Difference", info),
            "range": [-reach, reach],
        },
        yaxis=row_axis(len(shown), lines=2),
        shapes=[*margin_band(rows), zero_line("x")],
        annotations=[*side_notes(info), *row_names(trace["y"][0] for trace in traces)],
    )


def _difference_title(what: str, info: MetricInfo) -> dict[str, str]:
    unit = f" ({info.difference_unit})" if info.difference_unit else ""
    return {"text": f"{what}{unit}"}


def margin_band(rows: pd.DataFrame) -> list[dict[str, object]]:
    """Differences that do not matter, as a band around 0."""
    margin = float(rows["margin"].iloc[0]) if len(rows) else np.nan
    if not np.isfinite(margin):
        return []
    return [build_band("x", -margin, margin, GRID_COLOUR)]


@escapes_names
def plot_detectable(
    comparison: pd.DataFrame, info: MetricInfo, look: Look
) -> go.Figure:
    """Size of each method's difference against the smallest that could be found.

    Parameters as in ``plot_differences``. A bar reaches to the smallest detectable
    difference, the method's mark stands at the size of the one seen, and the seeds that
    would settle it stand under the name.
    """
    rows = shown_rows(comparison, info)
    known = rows["smallest_detectable"].notna() & rows["delta"].notna()
    shown = [m for m in reversed(look.methods) if m in rows.index and known[m]]
    own = rows.loc[shown]
    names = [
        f"<b>{look.labels[m]}</b><br>{seeds_needed_text(own.loc[m])}" for m in shown
    ]
    sizes = own["delta"].abs().to_numpy()
    reach = np.maximum(sizes, own["smallest_detectable"].to_numpy())
    bar = {
        "type": "bar",
        "orientation": "h",
        "x": own["smallest_detectable"].to_numpy(),
        "y": names,
        "name": "Smallest detectable",
        # A bar leaves the name above it free.
        "width": 0.26,
        "marker": {"color": TRAINING_COLOUR},
        "hoverinfo": "skip",
    }
    seen = build_marks(
        sizes,
        names,
        {
            "size": 14,
            "color": [look.styles[m].colour for m in shown],
            "symbol": [look.styles[m].marker for m in shown],
        },
        name="Seen",
        # A difference of 0 stands on the edge.
        cliponaxis=False,
        hovertemplate=[
            f"<b>{look.labels[m]}</b><br>{_seeds_hover(own.loc[m], info)}"
            "<extra></extra>"
            for m in shown
        ],
    )
    return build_figure(
        [bar, seen],
        height=130 + 62 * max(len(shown), 1),
        legend=True,
        xaxis={
            "title": _difference_title("Difference", info),
            "range": [0, 1.1 * float(np.max(reach, initial=0)) or 1.0],
        },
        yaxis=row_axis(len(shown), lines=2),
        annotations=row_names(names),
    )


def seeds_needed_text(row: pd.Series) -> str:
    """How many seeds would settle a difference, such as "7 seeds"; "" if unknown."""
    needed = float(row["seeds_needed"])
    if row["verdict"] in ("better", "worse", "equivalent", "differs"):
        return "settled for this model" if speaks_of_model(row) else "settled"
    if np.isnan(needed):
        return "unknown: one seed each"
    return "more images" if np.isinf(needed) else plural(int(needed), "seed")


def _seeds_hover(row: pd.Series, info: MetricInfo) -> str:
    share = float(row["seed_share"])
    parts = [
        f"seen {number(abs(row['delta']), info.digits)}",
        _detectable(row, info),
        f"{share:.0%} of the variance is from the seeds" if share == share else "",
        f"to settle it: {seeds_needed_text(row)}",
    ]
    return "<br>".join(filter(None, parts))


def detectable_takeaway(comparison: pd.DataFrame, info: MetricInfo, look: Look) -> str:
    """Which difference could have been found, and what more seeds would settle."""
    rows = shown_rows(comparison, info)
    rows = rows.loc[[m for m in look.methods if m in rows.index]]
    rows = rows[rows["smallest_detectable"].gt(1e-6) & (rows["verdict"] != "baseline")]
    if rows.empty:
        return "No difference has an interval here, so nothing can be planned."
    sizes = rows["smallest_detectable"]
    ends = [number(size, info.digits) for size in (sizes.min(), sizes.max())]
    span = ends[0] if ends[0] == ends[1] else f"{ends[0]} to {ends[1]}"
    said = (
        f"This study could have found a difference in {info.phrase} of "
        f"{with_unit(span, info.difference_unit)}, by method."
    )
    share = rows["seed_share"].median()
    if share == share:
        said += (
            f" In the median method {share:.0%} of the variance is from the seeds, the "
            "rest from the test images."
        )
    unsure = rows[rows["verdict"] == "inconclusive"]
    few = unsure[np.isfinite(unsure["seeds_needed"])]
    if len(few):
        names = [
            f"{look.labels[str(m)]} ({seeds_needed_text(row)})"
            for m, row in few.sort_values("seeds_needed").head(3).iterrows()
        ]
        said += f" More seeds would settle {listed(names)} first."
    elif len(unsure) and np.isinf(unsure["seeds_needed"]).all():
        said += " No number of seeds would settle the others: that takes more images."
    if found := detectable_text(comparison, info):
        said += (
            f" A study like this finds differences from {found} (median over methods)."
        )
    return said


def _detectable(row: pd.Series, info: MetricInfo) -> str:
    """The smallest difference that would have been found, for a hover."""
    size = number(row["smallest_detectable"], info.digits)
    return f"smallest detectable {with_unit(size, info.difference_unit)}"


def side_notes(info: MetricInfo) -> list[dict[str, object]]:
    """Say at the top which side of zero is the better one."""
    words = ("◀ worse", "better ▶")
    if info.direction != "higher":
        words = ("◀ better", "worse ▶")
    return [
        build_note(
            text, 0, 1, yref="paper", yanchor="bottom", xanchor=anchor, xshift=shift
        )
        for text, anchor, shift in zip(words, ("right", "left"), (-8, 8), strict=True)
    ]


def differences_takeaway(comparison: pd.DataFrame, info: MetricInfo, look: Look) -> str:
    """Which methods are certainly better or worse on one metric, and how many not."""
    rows = shown_rows(comparison, info)
    rows = rows.loc[[m for m in look.methods if m in rows.index]]
    rows = rows[rows["verdict"] != "baseline"]
    if rows.empty:
        return "There is no method beside the baseline to compare with it."
    parts = []
    of_models = bool((rows["scope"] == MODEL).any())
    than = "the baseline's" if of_models else "the baseline"
    for verdict in ("better", "worse"):
        names = [
            f"{look.labels[str(m)]} ({_difference(row['delta'], info)})"
            for m, row in rows[rows["verdict"] == verdict].iterrows()
        ]
        if names:
            who = f"the trained model{'s' * (len(names) > 1)} of " * of_models
            parts.append(
                f"{who}{listed(names)} {'is' if len(names) == 1 else 'are'} {verdict} "
                f"than {than}"
            )
    unsure = int((rows["verdict"] == "inconclusive").sum())
    same = [look.labels[str(m)] for m in rows.index[rows["verdict"] == "equivalent"]]
    if not parts and not unsure and same:
        return (
            f"On {info.label}, {listed(same)} {'is' if len(same) == 1 else 'are'} "
            "equivalent to the baseline: any difference is too small to matter."
        )
    if not parts:
        which = "the other method" if unsure == 1 else f"any of the {unsure} others"
        return (
            f"On {info.label}, no difference from {than} was detected for {which} with "
            "these test images and seeds."
        )
    if unsure:
        rest = "the other method" if unsure == 1 else f"the other {unsure} methods"
        parts.append(f"no difference was detected for {rest}")
    return f"On {info.label}, {'; '.join(parts)}."


def _difference(delta: float, info: MetricInfo) -> str:
    return with_unit(signed(delta, info.digits), info.difference_unit)


@escapes_names
def plot_published_changes(
    table: pd.DataFrame, infos: Mapping[str, MetricInfo], look: Look
) -> go.Figure:
    """Their changes beside ours, one line a claim, in per cent of the own baseline.

    Parameters
    ----------
    table : DataFrame
        Rows of kind "change" of ``evaluation.published.published_table``.
    infos : mapping
        Of the metrics in the table.
    look : Look
        How each method is drawn and called.
    """
    places = [
        f"<b>{look.labels.get(row['method'], row['method'])}</b><br>"
        f"{infos[row['metric']].label}"
        for _, row in table.iterrows()
    ]
    return build_figure(
        _ours_and_theirs(table, places, look.styles, "+.1f"),
        height=150 + 62 * len(table),
        xaxis={"title": {"text": "Change to own baseline (%)"}},
        yaxis=row_axis(len(places), lines=2, down=True),
        annotations=row_names(places),
        shapes=[zero_line("x")],
    )


@escapes_names
def plot_published_values(
    table: pd.DataFrame, info: MetricInfo, look: Look
) -> go.Figure:
    """Their values of one metric beside ours, one line a method.

    Parameters as in ``plot_published_changes``, of kind "value" and one metric.
    """
    places = [f"<b>{look.labels.get(name, name)}</b>" for name in table["method"]]
    numbers = ["theirs", "ours", "low", "high"]
    scaled = table.assign(**{name: table[name] * info.factor for name in numbers})
    return build_figure(
        _ours_and_theirs(scaled, places, look.styles, f".{info.digits}f"),
        height=150 + 44 * len(table),
        xaxis={"title": {"text": f"{axis_title(info)}, {BETTER_SIDE[info.direction]}"}},
        yaxis=row_axis(len(places), down=True),
        annotations=row_names(places),
    )


def _ours_and_theirs(
    table: pd.DataFrame,
    places: Sequence[str],
    styles: Mapping[str, MethodStyle],
    digits: str,
) -> list[dict[str, object]]:
    """Ours with its interval, theirs as an open mark."""
    colours = [styles[m].colour if m in styles else FAINT_COLOUR for m in table.method]
    ours = build_marks(
        table["ours"].tolist(),
        list(places),
        {"color": colours, "symbol": "circle", "size": 14},
        name="Ours, 95 % interval",
        error_x=error_bar(table["ours"], table["low"], table["high"], FAINT_COLOUR),
        hovertemplate=f"Ours: %{{x:{digits}}}<extra></extra>",
    )
    theirs = build_marks(
        table["theirs"].tolist(),
        list(places),
        {
            "symbol": "diamond-open",
            "size": 15,
            "color": NOISE_COLOUR,
            "line": {"width": 3},
        },
        name="Published, their own budget",
        hovertemplate=f"Published: %{{x:{digits}}}<extra></extra>",
    )
    return [ours, theirs]


def published_changes_takeaway(table: pd.DataFrame) -> str:
    """How many published changes we see too, and how many with certainty."""
    known = table.dropna(subset=["ours"])
    if known.empty:
        return "None of the published changes is of a method and metric of this study."
    same = known[np.sign(known["ours"]) == np.sign(known["theirs"])]
    certain = same[same["verdict"].isin(["better", "worse"])]
    inside = known[known["theirs"].between(known["low"], known["high"])]
    return (
        f"Of {plural(len(known), 'published change')}, ours points the same way in "
        f"{len(same)}, with certainty in {len(certain)}; {len(inside)} of the "
        f"published {'value lies' if len(inside) == 1 else 'values lie'} inside our "
        "interval."
    )


def published_values_takeaway(table: pd.DataFrame, info: MetricInfo) -> str:
    """The range of the published values and of ours; nothing is concluded from them."""
    known = table.dropna(subset=["ours"])
    if known.empty:
        return (
            f"None of the published values of {info.phrase} is of a method with runs."
        )

    def span(values: pd.Series) -> str:
        low, high = (info.format(end) for end in (values.min(), values.max()))
        return with_unit(low if low == high else f"{low} to {high}", info.unit)

    return (
        f"For orientation: of {plural(len(known), 'method')}, the published "
        f"{info.phrase} is {span(known['theirs'])}, ours {span(known['ours'])}; the "
        "budgets differ, so no difference between the two is claimed."
    )
