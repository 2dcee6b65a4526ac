"""What a dataset holds: distributions, crossings, the split, weights over a target."""

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from numpy.typing import NDArray
from plotly.subplots import make_subplots

from core.data.long_tail import OVER_PROFILE
from core.data.manifest import LEFT_OUT, SPLITS, TRAINING, DatasetInfo
from core.data.readers import avatars, utkface
from core.data.unreadable_pictures import UNREADABLE
from core.language import N_, gettext, in_form, ngettext
from core.plots.escape import escapes_names
from core.plots.figure import build_figure, finish
from core.plots.formatting import signed
from core.plots.heat_map import plot_cells
from core.plots.look import FAINT_COLOUR, METHOD_COLOURS, SPLIT_COLOURS
from core.plots.traces import build_level_bars, row_axis, row_names
from core.tasks import Regression, Task
from core.text import bin_in_words, listed, number, percent

SPLIT_PATTERNS = {"training": "", "validation": "/", "test": "."}
ACCENT = METHOD_COLOURS[0]
# Reasons that say too little outside their report: the study did it, and on purpose.
REASONS = {
    utkface.THINNED: N_("Asian, thinned on purpose by the study"),
    avatars.THINNED: N_("bald, thinned on purpose by the study"),
    OVER_PROFILE: N_("over the long tail, thinned on purpose"),
}
THINNING = N_(
    "Thinned on purpose: the study leaves out training and validation images of a "
    "class to make it rare, so that the methods have an imbalance to remedy. The test "
    "images are chosen apart from that, and the share says nothing about people."
)
# Reasons that name a group, a column or a number.
_WORDED = (
    (r"ethnicity (?P<group>.+)", N_("ethnicity {group}")),
    (
        r"age outside (?P<youngest>\d+)-(?P<oldest>\d+)",
        N_("age outside {youngest}-{oldest}"),
    ),
    (r"diagnosis (?P<group>.+)", N_("diagnosis {group}")),
    (r"(?P<column>.+) not chosen", N_("{column} not chosen")),
    (r"over (?P<most>\d+) of a (?P<column>.+)", N_("over {most} of a {column}")),
)
MAX_CLASSES_WRITTEN = 5


@dataclass(frozen=True)
class Column:
    """A column of the manifest seen as classes in a fixed order.

    Parameters
    ----------
    name : str
        Its name in the manifest.
    label : str
        What a reader sees.
    classes : tuple of str
        Its values; the bins, for the target of a regression task.
    task : Task or None
        The task that it is the target of; None for a mere sensitive feature.
    """

    name: str
    label: str
    classes: tuple[str, ...]
    task: Task | None = None

    def of(self, manifest: pd.DataFrame) -> pd.Series:
        """The class of every row, as strings."""
        values = manifest[self.name]
        if isinstance(self.task, Regression):
            labels = np.asarray(self.classes, dtype=object)
            return pd.Series(labels[self.task.bin_of(values)], index=manifest.index)
        return values.astype(str)


def columns_of(info: DatasetInfo, manifest: pd.DataFrame) -> dict[str, Column]:
    """Targets, then sensitive features, that the manifest holds, by name."""
    columns: dict[str, Column] = {}
    for task in info.tasks:
        classes = (
            task.bin_labels if isinstance(task, Regression) else tuple(task.classes)
        )
        columns[task.name] = Column(task.name, gettext(task.label), classes, task)
    for name, groups in info.sensitive_features.items():
        columns.setdefault(
            name, Column(name, gettext(name).capitalize(), tuple(groups))
        )
    return {name: col for name, col in columns.items() if name in manifest}


def count_classes(manifest: pd.DataFrame, column: Column) -> pd.DataFrame:
    """Images of each class in each split.

    Returns
    -------
    DataFrame
        Columns class, split, n and share (percent of the split), one row for each
        pair, zeros included, in the order of the splits and the classes.
    """
    table = pd.crosstab(column.of(manifest), manifest["split"])
    table = table.reindex(index=column.classes, columns=SPLITS, fill_value=0)
    table = table.rename_axis(index="class", columns="split")
    counts = table.reset_index().melt(id_vars="class", value_name="n")
    totals = counts.groupby("split")["n"].transform("sum")
    counts["share"] = 100.0 * counts["n"] / totals.where(totals > 0, np.nan)
    return counts


def imbalance_ratio(counts: Iterable[int]) -> float:
    """Largest class over smallest, at least 1; infinite if a class is empty."""
    values = np.asarray(list(counts), dtype=np.float64)
    if values.size == 0 or values.max() == 0:
        return 1.0
    return float(values.max() / values.min()) if values.min() > 0 else float("inf")


def summarise_columns(
    manifest: pd.DataFrame, columns: Iterable[Column]
) -> pd.DataFrame:
    """Largest and smallest training class of each column, and their ratio."""
    rows = []
    for column in columns:
        counts = _training_counts(manifest, column)
        rows.append(
            {
                "column": column.label,
                "classes": len(counts),
                "largest": f"{counts.idxmax()} ({number(counts.max(), 0)})",
                "smallest": f"{counts.idxmin()} ({number(counts.min(), 0)})",
                "imbalance ratio": round(imbalance_ratio(counts), 1),
            }
        )
    return pd.DataFrame(rows)


def takeaway_columns(summary: pd.DataFrame) -> str:
    """Which column of :func:`summarise_columns` is the most imbalanced."""
    if summary.empty:
        return gettext("There is nothing to count.")
    most = summary.iloc[int(summary["imbalance ratio"].to_numpy().argmax())]
    return gettext(
        "{column} is the most imbalanced: {largest} against {smallest}, a ratio of "
        "{ratio}.",
        column=most["column"],
        largest=most["largest"],
        smallest=most["smallest"],
        ratio=in_form(f"{most['imbalance ratio']:g}"),
    )


@escapes_names
def plot_classes(
    counts: pd.DataFrame, label: str, *, as_share: bool = True
) -> go.Figure:
    """Grouped bars: images of each class, one colour a split.

    Parameters
    ----------
    counts : DataFrame
        From :func:`count_classes`.
    label : str
        Name of the column, for the axis.
    as_share : bool
        Percent of the split instead of images, so that splits can be compared.
    """
    figure = go.Figure()
    value = "share" if as_share else "n"
    # Beyond this the numbers over the bars would be too small to read.
    written = counts["class"].nunique() <= MAX_CLASSES_WRITTEN
    for split in SPLITS:
        part = counts[counts["split"] == split]
        if part["n"].sum() == 0:
            continue
        text = [percent(v / 100) if as_share else number(v, 0) for v in part[value]]
        figure.add_bar(
            x=part["class"].map(bin_in_words),
            y=part[value],
            name=f"{gettext(split)} (n = {number(part['n'].sum(), 0)})",
            marker={
                "color": SPLIT_COLOURS[split],
                "pattern": {"shape": SPLIT_PATTERNS[split]},
            },
            text=text if written else None,
            textposition="outside",
            textangle=0,
            cliponaxis=False,
            customdata=part[["n", "share"]],
            hovertemplate=gettext(
                "%{{x}}: %{{customdata[0]:,}} images, %{{customdata[1]:.1f}} % of "
                "{split}",
                split=gettext(split),
            )
            + "<extra></extra>",
        )
    figure.update_yaxes(rangemode="tozero")
    figure.update_xaxes(type="category")
    return finish(
        figure,
        x_title=label,
        y_title=gettext("share of the split (%)") if as_share else gettext("images"),
        height=420,
        barmode="group",
        bargroupgap=0.06,
    )


def takeaway_classes(counts: pd.DataFrame, label: str) -> str:
    """How unequal the training classes are, and whether the test set is balanced."""
    counts = counts.assign(**{"class": counts["class"].map(bin_in_words)})
    training = _series(counts, TRAINING)
    if training.sum() == 0:
        return _takeaway_test(_series(counts, "test"), label)
    ratio = imbalance_ratio(training)
    fields = {
        "label": label,
        "largest": training.idxmax(),
        "most": training.max(),
        "smallest": training.idxmin(),
        "least": training.min(),
    }
    if np.isfinite(ratio):
        sentence = gettext(
            "{label}: {largest} is the largest training class with {most} images, "
            "{smallest} the smallest with {least}, an imbalance ratio of {ratio}.",
            ratio=number(ratio, 1),
            **fields,
        )
    else:
        sentence = gettext(
            "{label}: {largest} is the largest training class with {most} images, "
            "{smallest} the smallest with {least}, so the imbalance ratio is not "
            "defined.",
            **fields,
        )
    test = _series(counts, "test")
    if test.sum() == 0:
        return sentence
    return f"{sentence} {_test_balance(test)}"


def _test_balance(test: pd.Series) -> str:
    """How unequal the test classes are, after a sentence on the training classes."""
    ratio = imbalance_ratio(test)
    if ratio < 1.05:
        return gettext("The test set is balanced.")
    if np.isfinite(ratio):
        return gettext("In the test set the ratio is {ratio}.", ratio=number(ratio, 1))
    return gettext("The test set has no {smallest}.", smallest=test.idxmin())


def _takeaway_test(test: pd.Series, label: str) -> str:
    """How unequal the test classes are, where nothing is trained."""
    if test.sum() == 0:
        return gettext(
            "There are no training images with a known {label}.", label=label.lower()
        )
    return gettext(
        "{label}: {largest} is the largest test class with {most} images, {smallest} "
        "the smallest with {least}; there are no training images.",
        label=label,
        largest=test.idxmax(),
        most=test.max(),
        smallest=test.idxmin(),
        least=test.min(),
    )


def count_crossing(
    manifest: pd.DataFrame, rows: Column, columns: Column
) -> pd.DataFrame:
    """Images of every pair of classes: index the rows' classes, columns the others'."""
    table = pd.crosstab(rows.of(manifest), columns.of(manifest))
    table = table.reindex(index=rows.classes, columns=columns.classes, fill_value=0)
    return table.rename_axis(index=rows.label, columns=columns.label)


@escapes_names
def plot_crossing(table: pd.DataFrame) -> go.Figure:
    """Heat map of images in each pair of classes, with n in every cell."""
    counts = table.to_numpy()
    # The shade follows the logarithm: one crowded cell must not blacken the rest.
    logs = np.log1p(counts)
    span = np.ptp(logs)
    shades = (logs - logs.min()) / span if span > 0 else np.zeros(logs.shape)
    rows, columns = [str(r) for r in table.index], [str(c) for c in table.columns]
    return plot_cells(
        shades,
        [[number(n, 0) for n in line] for line in counts],
        rows=rows,
        columns=columns,
        hover=[
            [
                gettext("{row}, {column}: {n} images", row=row, column=column, n=n)
                for column, n in zip(columns, line, strict=True)
            ]
            for row, line in zip(rows, counts, strict=True)
        ],
        x_title=str(table.columns.name),
        y_title=str(table.index.name),
        height=130 + 58 * len(table),
    )


def takeaway_crossing(table: pd.DataFrame, split: str) -> str:
    """The fullest and the emptiest pair of classes."""
    counts = table.to_numpy()
    if counts.sum() == 0:
        return gettext(
            "No image of the {split} split has both values.", split=gettext(split)
        )
    high, low = (
        np.unravel_index(at, counts.shape) for at in (counts.argmax(), counts.argmin())
    )

    def name(cell: tuple[Any, ...]) -> str:
        return f"{table.index[cell[0]]}, {table.columns[cell[1]]}"

    if counts.max() == counts.min():
        return gettext(
            "Every one of the {cells} combinations has the same {n} {split} images.",
            cells=counts.size,
            n=counts.max(),
            split=gettext(split),
        )
    empty = int((counts == 0).sum())
    if empty:
        return ngettext(
            "{count} of the {cells} combinations has no {split} image at all ({low} "
            "among them); {high} has {most}.",
            "{count} of the {cells} combinations have no {split} image at all ({low} "
            "among them); {high} has {most}.",
            empty,
            cells=counts.size,
            split=gettext(split),
            low=name(low),
            high=name(high),
            most=counts.max(),
        )
    return gettext(
        "{high} has {most} {split} images, {low} only {least}: a ratio of {ratio}.",
        high=name(high),
        most=counts.max(),
        split=gettext(split),
        low=name(low),
        least=counts.min(),
        ratio=number(counts.max() / counts.min(), 1),
    )


def account_images(report: Mapping[str, Any]) -> pd.DataFrame:
    """Where every image that was found went.

    Parameters
    ----------
    report : mapping
        The data report of a study; whatever part is missing is skipped.

    Returns
    -------
    DataFrame
        Columns what, n and kind ("left out" or "split"), in reading order.
    """
    counts = _mapping(report, "counts")
    rows: list[tuple[str, int, str]] = []
    left_out = dict(_mapping(counts, "left_out_by"))
    malformed = counts.get("malformed") or []
    if malformed and not any("malformed" in str(reason) for reason in left_out):
        rows.append((N_("malformed name"), len(malformed), "left out"))
    rows += [
        (REASONS.get(str(reason), str(reason)), int(n), "left out")
        for reason, n in left_out.items()
    ]
    splits = _mapping(counts, "per_split")
    rows += [
        (split, int(splits[split]), "split") for split in SPLITS if split in splits
    ]
    return pd.DataFrame(rows, columns=["what", "n", "kind"])


def reason_text(reason: str) -> str:
    """Why images were left out, in the reader's language; data hold it in English."""
    for pattern, message in _WORDED:
        if found := re.fullmatch(pattern, reason):
            return gettext(message, **found.groupdict())
    return gettext(reason)


def list_unreadable(report: Mapping[str, Any]) -> pd.DataFrame:
    """Pictures that cannot be read: where each is, its split, and what is wrong."""
    listed = report.get(UNREADABLE)
    rows = [
        (str(each.get("picture")), str(each.get("split")), str(each.get("reason")))
        # Reports of an earlier version hold a sentence for each.
        if isinstance(each, Mapping)
        else ("", LEFT_OUT, str(each))
        for each in (listed if isinstance(listed, list) else ())
    ]
    return pd.DataFrame(rows, columns=["picture", "drawn for", "why"])


def thinning_note(table: pd.DataFrame) -> str:
    """What thinning is, where ``account_images`` names any; else empty."""
    return gettext(THINNING) if table["what"].isin(list(REASONS.values())).any() else ""


def takeaway_profile(report: Mapping[str, Any]) -> str:
    """By which profile the training images were thinned; empty if they were not."""
    tail = _mapping(report, "long_tail")
    if not tail:
        return ""
    wanted, realised = float(tail["ratio"]), float(tail["realised_ratio"])
    exact = math.isclose(wanted, realised, rel_tol=1e-3)
    if exact:
        return gettext(
            "Training images were thinned by the profile '{profile}' to an imbalance "
            "ratio of {realised}.",
            profile=tail["profile"],
            realised=in_form(f"{realised:g}"),
        )
    return gettext(
        "Training images were thinned by the profile '{profile}' to an imbalance ratio "
        "of {realised}: {wanted} was asked for, and counts are whole.",
        profile=tail["profile"],
        realised=in_form(f"{realised:g}"),
        wanted=in_form(f"{wanted:g}"),
    )


@escapes_names
def plot_accounting(table: pd.DataFrame) -> go.Figure:
    """Level bars: images left out, by reason, and images of each split.

    The name of each stands above its bar.
    """
    table = table.assign(what=table["what"].map(reason_text))
    looks: dict[str, tuple[str, dict[str, Any]]] = {
        "left out": (
            gettext("left out"),
            {"color": FAINT_COLOUR, "pattern": {"shape": "/"}},
        ),
        "split": (gettext("used"), {"color": ACCENT}),
    }
    parts = {kind: table[table["kind"] == kind] for kind in looks}
    traces = [
        build_level_bars(
            part["n"].tolist(),
            part["what"].tolist(),
            looks[kind][1],
            name=f"{looks[kind][0]} (n = {number(part['n'].sum(), 0)})",
            # A bar leaves the name above it free.
            width=0.36,
            text=[number(n, 0) for n in part["n"]],
            textposition="outside",
            cliponaxis=False,
            hovertemplate=gettext("%{y}: %{x:,} images") + "<extra></extra>",
        )
        for kind, part in parts.items()
        if not part.empty
    ]
    names = table["what"].tolist()
    return build_figure(
        traces,
        height=120 + 44 * len(table),
        xaxis={
            "title": {"text": gettext("images")},
            "tickformat": ",d",
            # Room for the number at the end of the longest bar, on a phone too.
            "range": [0, 1.3 * max(1, table["n"].max())],
            "nticks": 5,
        },
        yaxis={
            **row_axis(len(table), down=True),
            "categoryorder": "array",
            "categoryarray": names,
        },
        annotations=row_names(names),
    )


def takeaway_accounting(table: pd.DataFrame) -> str:
    """How many images are used, and the main reason why others are not."""
    used = int(table.loc[table["kind"] == "split", "n"].sum())
    left = table[table["kind"] == "left out"]
    total = used + int(left["n"].sum())
    if left["n"].sum() == 0:
        return gettext("All {used} images are used.", used=used)
    most = left.iloc[int(left["n"].to_numpy().argmax())]
    return gettext(
        "{used} of {total} images are used ({share}); the largest part left out is {n} "
        "for '{reason}'.",
        used=used,
        total=total,
        share=percent(used / total),
        n=most["n"],
        reason=reason_text(str(most["what"])),
    )


def takeaway_twins(report: Mapping[str, Any]) -> str:
    """What two labels of one photo say about the labels; empty if not measured."""
    twins = _mapping(report, "twins")
    noise = _mapping(twins, "label_noise")
    if not noise or not twins.get("pairs"):
        return ""
    parts = []
    mean = noise.get("age_mean_difference")
    if mean is not None:
        if "age_median" in noise and "age_p90" in noise:
            part = gettext(
                "in age by {mean} years on average (median {median}, a tenth by "
                "{tenth} or more)",
                mean=number(mean, 1),
                median=number(noise["age_median"], 0),
                tenth=number(noise["age_p90"], 0),
            )
        else:
            part = gettext("in age by {mean} years on average", mean=number(mean, 1))
        parts.append(part)
    parts += [
        gettext(
            "in {feature} for {share} of pairs",
            feature=gettext(key.removesuffix("_disagreement")),
            share=percent(value, 1),
        )
        for key, value in noise.items()
        if key.endswith("_disagreement")
    ]
    if not parts:
        return ""
    return gettext(
        "Over {pairs} pairs of the same photo, the two labels differ {parts}: part of "
        "every error shown is the labels' own.",
        pairs=twins["pairs"],
        parts=", ".join(parts),
    )


def known_label_noise(
    manifest: pd.DataFrame, info: DatasetInfo, feature: str
) -> pd.DataFrame:
    """Label noise by group, where the dataset knows the true values.

    Returns
    -------
    DataFrame
        Columns of the feature, n, and one column a task that has a ``<task>_clean``
        column in the manifest: mean absolute difference in the task's unit for a
        number, percent of wrong labels for classes. Empty without such a column.
    """
    tasks = [task for task in info.tasks if f"{task.name}_clean" in manifest]
    if not tasks or feature not in manifest:
        return pd.DataFrame()
    groups = manifest[feature].astype(str)
    table = groups.value_counts().rename("n").to_frame()
    for task in tasks:
        label, clean = manifest[task.name], manifest[f"{task.name}_clean"]
        if isinstance(task, Regression):
            title = gettext(
                "{label} label off by, on average ({unit})",
                label=gettext(task.label),
                unit=gettext(task.unit),
            )
            table[title] = (label - clean).abs().groupby(groups).mean()
        else:
            wrong = label.astype(str) != clean.astype(str)
            title = gettext("{label} label wrong (%)", label=gettext(task.label))
            table[title] = 100.0 * wrong.groupby(groups).mean()
    order = [g for g in info.sensitive_features.get(feature, ()) if g in table.index]
    return table.loc[order].rename_axis(feature).reset_index()


def takeaway_flipped(table: pd.DataFrame, task: Task, by: str | None) -> str:
    """How many labels a study flipped, and of which group most."""
    flipped, labels = int(table["flipped"].sum()), int(table["labels"].sum())
    fields = {
        "flipped": flipped,
        "labels": labels,
        "splits": listed([gettext(name) for name in sorted(set(table["split"]))]),
        "label": gettext(task.label).lower(),
    }
    if by is not None and len(set(table["group"])) > 1:
        groups = table.groupby("group", sort=False)[["flipped", "labels"]].sum()
        shares = 100 * groups["flipped"] / groups["labels"]
        each = (f"{group} {percent(s / 100, 1)}" for group, s in shares.items())
        return gettext(
            "The study flipped {flipped} of {labels} {splits} labels of {label} on "
            "purpose; by {by}: {each}. Test labels are as they were.",
            by=gettext(by.replace("_", " ")),
            each=", ".join(each),
            **fields,
        )
    return gettext(
        "The study flipped {flipped} of {labels} {splits} labels of {label} on "
        "purpose. Test labels are as they were.",
        **fields,
    )


def pick_samples(
    manifest: pd.DataFrame, column: Column, *, each: int
) -> dict[str, pd.DataFrame]:
    """The first test images of every class, at most ``each`` of one.

    Training images fill in where a class has too few; a class without any is absent.
    """
    rows = manifest[manifest["split"].isin(["test", TRAINING])]
    rows = rows.sort_values("split", kind="stable")
    classes = column.of(rows)
    picked = {name: rows[classes == name].head(each) for name in column.classes}
    return {name: part for name, part in picked.items() if len(part)}


def weights_by_value(
    values: NDArray[np.float64], weights: NDArray[np.float64]
) -> pd.DataFrame:
    """Images and weight at each distinct value of a target.

    Returns
    -------
    DataFrame
        Columns value, n and weight (mean of the rows with that value), sorted.
    """
    table = pd.DataFrame({"value": values, "weight": weights})
    grouped = table.groupby("value", sort=True)["weight"].agg(["size", "mean"])
    grouped = grouped.rename(columns={"size": "n", "mean": "weight"})
    return grouped.reset_index()


@escapes_names
def plot_weights(table: pd.DataFrame, task: Regression, alpha: float) -> go.Figure:
    """Two panels over one axis: the training histogram and the weight of a value.

    Parameters
    ----------
    table : DataFrame
        From :func:`weights_by_value`.
    task : Regression
        The task whose target is on the axis.
    alpha : float
        DenseWeight's alpha, for the legend.
    """
    figure = make_subplots(rows=2, cols=1, shared_xaxes=True, vertical_spacing=0.08)
    unit = gettext(task.unit)
    axis = f"{gettext(task.label).lower()} ({unit})"
    figure.add_bar(
        x=table["value"],
        y=table["n"],
        name=gettext("training images (n = {n})", n=table["n"].sum()),
        marker={"color": FAINT_COLOUR},
        hovertemplate=gettext("%{{x}} {unit}: %{{y:,}} images", unit=unit)
        + "<extra></extra>",
        row=1,
        col=1,
    )
    figure.add_scatter(
        x=table["value"],
        y=table["weight"],
        mode="lines",
        line={"color": ACCENT, "width": 3.5},
        name=f"DenseWeight, alpha = {in_form(f'{alpha:g}')}",
        hovertemplate=gettext("%{{x}} {unit}: weight %{{y:.2f}}", unit=unit)
        + "<extra></extra>",
        row=2,
        col=1,
    )
    figure.add_hline(
        y=1.0,
        row=2,
        col=1,
        line={"dash": "dash", "color": FAINT_COLOUR, "width": 2},
        annotation={"text": gettext("weight 1: as without"), "xanchor": "right"},
        annotation_position="bottom right",
    )
    figure.update_yaxes(title=gettext("images"), rangemode="tozero", row=1, col=1)
    figure.update_yaxes(title=gettext("weight"), rangemode="tozero", row=2, col=1)
    figure.update_xaxes(title=axis, row=2, col=1)
    return finish(figure, height=560, bargap=0.1)


def takeaway_weights(table: pd.DataFrame, task: Regression, alpha: float) -> str:
    """The most and the least weighted value, and the weight of the most common."""
    common = table.iloc[int(table["n"].to_numpy().argmax())]
    top = table.iloc[int(table["weight"].to_numpy().argmax())]
    if np.isclose(top["weight"], table["weight"].min()):
        return gettext(
            "With alpha = {alpha} every image counts the same.",
            alpha=in_form(f"{alpha:g}"),
        )
    return gettext(
        "With alpha = {alpha} an image at {value} {unit} counts {times} times as much "
        "as one at {common}, the most common value ({n} images).",
        alpha=in_form(f"{alpha:g}"),
        value=in_form(f"{top['value']:g}"),
        unit=gettext(task.unit),
        times=number(top["weight"] / common["weight"], 1),
        common=in_form(f"{common['value']:g}"),
        n=number(common["n"], 0),
    )


def skewness(values: NDArray[np.float64]) -> float:
    """Third standardised moment: 0 when symmetric, above 0 with a long right tail."""
    centred = values - values.mean()
    spread = float(np.sqrt(np.mean(centred**2)))
    return float(np.mean(centred**3) / spread**3) if spread > 0 else 0.0


@escapes_names
def plot_log_target(values: NDArray[np.float64], task: Regression) -> go.Figure:
    """Histograms of a target and of its natural logarithm, one above the other."""
    name = gettext(task.label).lower()
    figure = make_subplots(rows=2, cols=1, vertical_spacing=0.24)
    panels = (
        (values, f"{name} ({gettext(task.unit)})", FAINT_COLOUR),
        (
            np.log(values),
            gettext(
                "log {name} (natural logarithm of {unit})",
                name=name,
                unit=gettext(task.unit),
            ),
            ACCENT,
        ),
    )
    for row, (numbers, title, colour) in enumerate(panels, start=1):
        counts, edges = np.histogram(numbers, bins=_edges(numbers))
        figure.add_bar(
            x=(edges[:-1] + edges[1:]) / 2,
            y=counts,
            width=np.diff(edges) * 0.92,
            marker={"color": colour},
            name=title,
            showlegend=False,
            hovertemplate=gettext("around %{x:.2f}: %{y:,} images") + "<extra></extra>",
            row=row,
            col=1,
        )
        figure.update_xaxes(title=title, row=row, col=1)
        figure.update_yaxes(title=gettext("images"), row=row, col=1)
    return finish(figure, height=560, legend=False)


def takeaway_log_target(values: NDArray[np.float64], task: Regression) -> str:
    """Which of the two is the more symmetric, by their skewness."""
    plain, logged = skewness(values), skewness(np.log(values))
    name = gettext(task.label).lower()
    fields = {
        "plain": signed(plain, 2),
        "logged": signed(logged, 2),
        "name": name,
        "n": len(values),
    }
    if abs(logged) >= abs(plain):
        return gettext(
            "Skewness is {plain} for {name} and {logged} for its logarithm (0 is "
            "symmetric; n = {n}): the logarithm does not make {name} more symmetric.",
            **fields,
        )
    return gettext(
        "Skewness is {plain} for {name} and {logged} for its logarithm (0 is "
        "symmetric; n = {n}): the logarithm makes {name} more symmetric.",
        **fields,
    )


def _edges(numbers: NDArray[np.float64]) -> NDArray[np.float64]:
    """Edges of bins; whole numbers get bins of two, so that none is half empty."""
    low, high = numbers.min(), numbers.max()
    if np.array_equal(numbers, numbers.round()):
        return np.arange(low - 0.5, high + 2.5, 2.0)
    return np.linspace(low, high, 25)


def _training_counts(manifest: pd.DataFrame, column: Column) -> pd.Series:
    return _series(count_classes(manifest, column), TRAINING)


def _series(counts: pd.DataFrame, split: str) -> pd.Series:
    part = counts[counts["split"] == split]
    return part.set_index("class")["n"]


def _mapping(report: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    part = report.get(key)
    return part if isinstance(part, Mapping) else {}
