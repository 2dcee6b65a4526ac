"""Figures and sentences of the Overview page: who helps, and by how much."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from core.evaluation.metrics import MetricInfo, in_unit
from core.evaluation.pareto import quality
from core.evaluation.verdicts import MODEL, speaks_of_model
from core.language import N_, gettext, ngettext
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
    beyond,
    build_band,
    build_marks,
    build_note,
    difference_range,
    error_bar,
    row_axis,
    row_names,
    zero_line,
)
from core.results.sentences import about_models, detectable_text, verdict_text
from core.text import clauses, listed, number, percent

# To be said by ``gettext``.
BETTER_SIDE = {
    "lower": N_("better when lower"),
    "higher": N_("better when higher"),
    "zero": N_("better when closer to zero"),
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


def axis_title(info: MetricInfo) -> str:
    """A metric's label with its unit, as an axis shows it."""
    return f"{info.label} ({info.unit})" if info.unit else info.label


def fewer_seeds(comparison: pd.DataFrame) -> dict[str, str]:
    """Methods that have fewer seeds than others, and how many, such as "1 seed"."""
    counts = comparison.groupby("method", sort=False)["seeds"].max()
    return {
        str(method): ngettext("{count} seed", "{count} seeds", int(own))
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
        return gettext("No method has a value of {metric} here.", metric=info.phrase)
    value = info.format(rows["mean"][best], unit=True)
    fields = {"metric": info.label, "method": look.labels[best], "value": value}
    others = rows.loc[[m for m in look.methods if m in rows.index and m != best]]
    others = others[others["mean"].notna()]
    if others.empty:
        return gettext(
            "On {metric}, {method} has the best point estimate ({value}), and there is "
            "no other to compare it with.",
            **fields,
        )
    counts = others["verdict"].value_counts()
    close, behind = (int(counts.get(v, 0)) for v in ("inconclusive", "worse"))
    worse = gettext("none are certainly worse")
    if behind:
        worse = ngettext(
            "{count} is certainly worse", "{count} are certainly worse", behind
        )
    unsure = gettext("for none no difference was detected")
    if close:
        unsure = ngettext(
            "for {count} no difference was detected",
            "for {count} no difference was detected",
            close,
        )
    if len(others) == 1:
        return gettext(
            "On {metric}, {method} has the best point estimate ({value}); of the one "
            "other shown, {worse}, and {unsure}. The same images chose it, which "
            "flatters it.",
            worse=worse,
            unsure=unsure,
            **fields,
        )
    return gettext(
        "On {metric}, {method} has the best point estimate ({value}); of the {count} "
        "others shown, {worse}, and {unsure}. The same images chose it, which flatters "
        "it.",
        count=len(others),
        worse=worse,
        unsure=unsure,
        **fields,
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
        return gettext(
            "There is one method only, so there is nothing to compare it with yet."
        )
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
    kinds = listed(
        [
            ngettext("{count} is better", "{count} are better", better),
            ngettext("{count} worse", "{count} worse", worse),
            *_counted_verdicts(counts),
        ]
    )
    if clean:
        said = ngettext(
            "Of {count} comparison with the baseline, {kinds}. Better on at least one "
            "and worse on none: {methods}.",
            "Of {count} comparisons with the baseline, {kinds}. Better on at least one "
            "and worse on none: {methods}.",
            len(shown),
            kinds=kinds,
            methods=listed(clean),
        )
    elif ahead:
        said = ngettext(
            "Of {count} comparison with the baseline, {kinds}; every method that gains "
            "on one metric loses on another.",
            "Of {count} comparisons with the baseline, {kinds}; every method that "
            "gains on one metric loses on another.",
            len(shown),
            kinds=kinds,
        )
    else:
        said = ngettext(
            "Of {count} comparison with the baseline, {kinds}: the data show no gain "
            "over the baseline.",
            "Of {count} comparisons with the baseline, {kinds}: the data show no gain "
            "over the baseline.",
            len(shown),
            kinds=kinds,
        )
    return about_models(said, shown)


def _counted_verdicts(counts: pd.Series) -> list[str]:
    """How many comparisons have a verdict that is no difference, each that some have.

    ``counts`` are by verdict.
    """
    same, unsure, untested = (
        int(counts.get(verdict, 0))
        for verdict in ("equivalent", "inconclusive", "no verdict")
    )
    said = []
    if same:
        said.append(ngettext("{count} equivalent", "{count} equivalent", same))
    if unsure:
        said.append(ngettext("{count} inconclusive", "{count} inconclusive", unsure))
    if untested:
        said.append(ngettext("{count} no verdict", "{count} no verdict", untested))
    return said


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
    ends = rows.loc[shown[::-1]]
    span, is_beyond = difference_range(ends["delta_low"], ends["delta_high"])
    far = [
        beyond(
            trace["y"][0],
            f"{signed(row['delta'], info.digits)} "
            f"{interval(row['delta_low'], row['delta_high'], info.digits)}",
            float(np.copysign(span[1], row["delta"])),
        )
        for trace, (_, row), is_far in zip(
            traces, ends.iterrows(), is_beyond, strict=True
        )
        if is_far
    ]
    return build_figure(
        traces,
        height=120 + 62 * max(len(shown), 1),
        legend=False,
        xaxis={
            "title": _difference_title(info),
            "range": span,
        },
        yaxis=row_axis(len(shown), lines=2),
        shapes=[*margin_band(rows), zero_line("x")],
        annotations=[
            *side_notes(info),
            *row_names(trace["y"][0] for trace in traces),
            *far,
        ],
    )


def _difference_title(info: MetricInfo) -> dict[str, str]:
    unit = f" ({info.difference_unit})" if info.difference_unit else ""
    return {"text": gettext("Difference") + unit}


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
        "name": gettext("Smallest detectable"),
        # A bar leaves the name above it free.
        "width": 0.26,
        "marker": {"color": TRAINING_COLOUR},
        "hoverinfo": "skip",
    }
    marks = [look.styles[m].mark(14) for m in shown]
    seen = build_marks(
        sizes,
        names,
        {
            "size": 14,
            "color": [mark["color"] for mark in marks],
            "symbol": [mark["symbol"] for mark in marks],
            "line": {"width": [mark.get("line", {}).get("width", 0) for mark in marks]},
        },
        name=gettext("Seen"),
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
            "title": _difference_title(info),
            "range": [0, 1.1 * float(np.max(reach, initial=0)) or 1.0],
        },
        yaxis=row_axis(len(shown), lines=2),
        annotations=row_names(names),
    )


def seeds_needed_text(row: pd.Series) -> str:
    """How many seeds would settle a difference, such as "7 seeds"; "" if unknown."""
    needed = float(row["seeds_needed"])
    if row["verdict"] in ("better", "worse", "equivalent", "differs"):
        if speaks_of_model(row):
            return gettext("settled for this model")
        return gettext("settled")
    if np.isnan(needed):
        return gettext("unknown: one seed each")
    if np.isinf(needed):
        return gettext("more images")
    return ngettext("{count} seed", "{count} seeds", int(needed))


def _seeds_hover(row: pd.Series, info: MetricInfo) -> str:
    share = float(row["seed_share"])
    parts = [
        gettext("seen {size}", size=number(abs(row["delta"]), info.digits)),
        _detectable(row, info),
        gettext("to settle it: {seeds}", seeds=seeds_needed_text(row)),
    ]
    if share == share:
        from_seeds = gettext(
            "{share} of the variance is from the seeds", share=percent(share)
        )
        parts.insert(2, from_seeds)
    return "<br>".join(parts)


def detectable_takeaway(comparison: pd.DataFrame, info: MetricInfo, look: Look) -> str:
    """Which difference could have been found, and what more seeds would settle."""
    rows = shown_rows(comparison, info)
    rows = rows.loc[[m for m in look.methods if m in rows.index]]
    rows = rows[rows["smallest_detectable"].gt(1e-6) & (rows["verdict"] != "baseline")]
    if rows.empty:
        return gettext("No difference has an interval here, so nothing can be planned.")
    sizes = rows["smallest_detectable"]
    span = span_text(*(number(end, info.digits) for end in (sizes.min(), sizes.max())))
    said = [
        gettext(
            "This study could have found a difference in {metric} of {size}, by "
            "method.",
            metric=info.phrase,
            size=in_unit(span, info.plain_difference_unit, sizes.max()),
        )
    ]
    share = rows["seed_share"].median()
    if share == share:
        said.append(
            gettext(
                "In the median method {share} of the variance is from the seeds, the "
                "rest from the test images.",
                share=percent(share),
            )
        )
    unsure = rows[rows["verdict"] == "inconclusive"]
    few = unsure[np.isfinite(unsure["seeds_needed"])]
    if len(few):
        names = [
            f"{look.labels[str(m)]} ({seeds_needed_text(row)})"
            for m, row in few.sort_values("seeds_needed").head(3).iterrows()
        ]
        said.append(
            gettext(
                "More seeds would settle {methods} first.",
                methods=listed(names),
            )
        )
    elif len(unsure) and np.isinf(unsure["seeds_needed"]).all():
        said.append(
            gettext(
                "No number of seeds would settle the others: that takes more images."
            )
        )
    if found := detectable_text(comparison, info):
        said.append(
            gettext(
                "A study like this finds differences from {sizes} (median over "
                "methods).",
                sizes=found,
            )
        )
    return " ".join(said)


def span_text(low: str, high: str) -> str:
    """Two written ends as "low to high"; one of them where they are written alike."""
    if low == high:
        return low
    return gettext("{low} to {high}", low=low, high=high)


def _detectable(row: pd.Series, info: MetricInfo) -> str:
    """The smallest difference that would have been found, for a hover."""
    size = row["smallest_detectable"]
    written = number(size, info.digits)
    return gettext(
        "smallest detectable {size}",
        size=in_unit(written, info.plain_difference_unit, size),
    )


def side_notes(info: MetricInfo) -> list[dict[str, object]]:
    """Say at the top which side of zero is the better one."""
    words = (gettext("◀ worse"), gettext("better ▶"))
    if info.direction != "higher":
        words = (gettext("◀ better"), gettext("worse ▶"))
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
        return gettext("There is no method beside the baseline to compare with it.")
    of_models = bool((rows["scope"] == MODEL).any())
    parts = []
    for verdict in ("better", "worse"):
        names = [
            f"{look.labels[str(m)]} ({_difference(row['delta'], info)})"
            for m, row in rows[rows["verdict"] == verdict].iterrows()
        ]
        if names:
            parts.append(_certain(names, verdict, of_models=of_models))
    unsure = int((rows["verdict"] == "inconclusive").sum())
    same = [look.labels[str(m)] for m in rows.index[rows["verdict"] == "equivalent"]]
    if not parts and not unsure and same:
        return ngettext(
            "On {metric}, {methods} is equivalent to the baseline: any difference is "
            "too small to matter.",
            "On {metric}, {methods} are equivalent to the baseline: any difference is "
            "too small to matter.",
            len(same),
            metric=info.label,
            methods=listed(same),
        )
    if not parts and not same:
        return _none_detected(unsure, info, of_models=of_models)
    if same:
        parts.append(_equivalent(len(same), of_models=of_models))
    if unsure == 1:
        parts.append(gettext("no difference was detected for the other method"))
    elif unsure:
        parts.append(
            gettext(
                "no difference was detected for the other {count} methods",
                count=unsure,
            )
        )
    return gettext(
        "On {metric}, {findings}.", metric=info.label, findings=clauses(parts)
    )


def _certain(names: Sequence[str], verdict: str, *, of_models: bool) -> str:
    """Which methods, or trained models of them, are certainly better, or worse."""
    methods, count = listed(names), len(names)
    if of_models and verdict == "better":
        return ngettext(
            "the trained model of {methods} is better than the baseline's",
            "the trained models of {methods} are better than the baseline's",
            count,
            methods=methods,
        )
    if of_models:
        return ngettext(
            "the trained model of {methods} is worse than the baseline's",
            "the trained models of {methods} are worse than the baseline's",
            count,
            methods=methods,
        )
    if verdict == "better":
        return ngettext(
            "{methods} is better than the baseline",
            "{methods} are better than the baseline",
            count,
            methods=methods,
        )
    return ngettext(
        "{methods} is worse than the baseline",
        "{methods} are worse than the baseline",
        count,
        methods=methods,
    )


def _equivalent(count: int, *, of_models: bool) -> str:
    """How many methods, or trained models of them, are equivalent to the baseline."""
    if of_models:
        return ngettext(
            "{count} trained model is equivalent to the baseline's",
            "{count} trained models are equivalent to the baseline's",
            count,
        )
    return ngettext(
        "{count} method is equivalent to the baseline",
        "{count} methods are equivalent to the baseline",
        count,
    )


def _none_detected(unsure: int, info: MetricInfo, *, of_models: bool) -> str:
    """That so many methods, or trained models of them, cannot be told apart."""
    if of_models and unsure == 1:
        return gettext(
            "On {metric}, no difference from the baseline's was detected for the other "
            "method with these test images and seeds.",
            metric=info.label,
        )
    if of_models:
        return gettext(
            "On {metric}, no difference from the baseline's was detected for any of "
            "the {count} others with these test images and seeds.",
            metric=info.label,
            count=unsure,
        )
    if unsure == 1:
        return gettext(
            "On {metric}, no difference from the baseline was detected for the other "
            "method with these test images and seeds.",
            metric=info.label,
        )
    return gettext(
        "On {metric}, no difference from the baseline was detected for any of the "
        "{count} others with these test images and seeds.",
        metric=info.label,
        count=unsure,
    )


def _difference(delta: float, info: MetricInfo) -> str:
    return in_unit(signed(delta, info.digits), info.plain_difference_unit, delta)


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
        xaxis={"title": {"text": gettext("Change to own baseline (%)")}},
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
        xaxis={
            "title": {
                "text": f"{axis_title(info)}, {gettext(BETTER_SIDE[info.direction])}"
            }
        },
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
    pointed = f"%{{x:{digits}}}"
    ours = build_marks(
        table["ours"].tolist(),
        list(places),
        {"color": colours, "symbol": "circle", "size": 14},
        name=gettext("Ours, 95 % interval"),
        error_x=error_bar(table["ours"], table["low"], table["high"], FAINT_COLOUR),
        hovertemplate=gettext("Ours: {value}", value=pointed) + "<extra></extra>",
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
        name=gettext("Published, their own budget"),
        hovertemplate=gettext("Published: {value}", value=pointed) + "<extra></extra>",
    )
    return [ours, theirs]


def published_changes_takeaway(table: pd.DataFrame) -> str:
    """How many published changes we see too, and how many with certainty."""
    known = table.dropna(subset=["ours"])
    if known.empty:
        return gettext(
            "None of the published changes is of a method and metric of this study."
        )
    same = known[np.sign(known["ours"]) == np.sign(known["theirs"])]
    certain = same[same["verdict"].isin(["better", "worse"])]
    inside = known[known["theirs"].between(known["low"], known["high"])]
    lying = ngettext(
        "{count} of the published value lies inside our interval",
        "{count} of the published values lie inside our interval",
        len(inside),
    )
    return ngettext(
        "Of {count} published change, ours points the same way in {same}, with "
        "certainty in {certain}; {lying}.",
        "Of {count} published changes, ours points the same way in {same}, with "
        "certainty in {certain}; {lying}.",
        len(known),
        same=len(same),
        certain=len(certain),
        lying=lying,
    )


def published_values_takeaway(table: pd.DataFrame, info: MetricInfo) -> str:
    """The range of the published values and of ours; nothing is concluded from them."""
    known = table.dropna(subset=["ours"])
    if known.empty:
        return gettext(
            "None of the published values of {metric} is of a method with runs.",
            metric=info.phrase,
        )

    def span(values: pd.Series) -> str:
        ends = (info.format(end) for end in (values.min(), values.max()))
        return in_unit(span_text(*ends), info.plain_unit, values.max())

    return ngettext(
        "For orientation: of {count} method, the published {metric} is {theirs}, ours "
        "{ours}; the budgets differ, so no difference between the two is claimed.",
        "For orientation: of {count} methods, the published {metric} is {theirs}, ours "
        "{ours}; the budgets differ, so no difference between the two is claimed.",
        len(known),
        metric=info.phrase,
        theirs=span(known["theirs"]),
        ours=span(known["ours"]),
    )
