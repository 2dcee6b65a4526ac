"""What happened in training: learning curves, and what each run was made of."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pandas as pd
import plotly.graph_objects as go

from core.language import N_, gettext, ngettext
from core.plots.escape import escapes_names
from core.plots.figure import finish
from core.plots.look import Look, MethodStyle, faded
from core.results.run_settings import settings_of
from core.runs import Run
from core.tasks import Regression, Task
from core.text import clauses, code, listed, number

# What ends in these is better when higher; everything else when lower.
HIGHER = ("accuracy", "f1", "auc", "precision", "recall")
# Curves that are called otherwise than by their name, to be said by ``gettext``.
WORDS = {
    "accuracy": N_("accuracy"),
    "f1": N_("F1"),
    "loss": N_("loss"),
    "learning_rate": N_("learning rate"),
    "lr": N_("learning rate"),
    "mae": N_("MAE"),
    "precision": N_("precision"),
    "recall": N_("recall"),
    "rmse": N_("RMSE"),
}
SPLITS = {"training": N_("training"), "validation": N_("validation")}


def gather_histories(runs: Sequence[Run]) -> pd.DataFrame:
    """Histories of several runs in one table.

    Returns
    -------
    DataFrame
        Columns method, seed, best_epoch, epoch, split, name and value.

    Raises
    ------
    RunError
        If a history is damaged.
    """
    tables = [
        run.history().assign(
            method=run.method, seed=run.seed, best_epoch=run.info.get("best_epoch")
        )
        for run in runs
    ]
    columns = ["method", "seed", "best_epoch", "epoch", "split", "name", "value"]
    if not tables:
        return pd.DataFrame(columns=columns)
    return pd.concat(tables, ignore_index=True)[columns]


def curve_names(history: pd.DataFrame) -> tuple[str, ...]:
    """Names of the curves: the loss first, then those of both splits, then others."""
    splits = history.groupby("name")["split"].nunique()
    return tuple(
        sorted(splits.index, key=lambda n: (n != "loss", -splits[n], n)),
    )


def curve_label(name: str, tasks: Sequence[Task]) -> str:
    """What a reader sees for a curve, with its unit: "Age MAE (years)"."""
    for task in tasks:
        prefix = f"{task.name}_"
        if name.startswith(prefix):
            rest = name.removeprefix(prefix)
            curve = gettext(
                "{task} {curve}", task=gettext(task.label), curve=_words(rest)
            )
            if isinstance(task, Regression) and rest in ("mae", "rmse"):
                return f"{curve} ({gettext(task.unit)})"
            return curve
    text = _words(name)
    return text[:1].upper() + text[1:]


def _words(name: str) -> str:
    return gettext(WORDS[name]) if name in WORDS else name.replace("_", " ")


def is_higher_better(name: str) -> bool:
    """Whether a curve should rise."""
    return name.endswith(HIGHER)


@escapes_names
def plot_curves(
    history: pd.DataFrame, name: str, look: Look, *, label: str, each_seed: bool = False
) -> go.Figure:
    """Training (thin, dotted) against validation (thick) over the epochs.

    Parameters
    ----------
    history : DataFrame
        From :func:`gather_histories`.
    name : str
        Which curve.
    label : str
        Axis title, with the unit.
    look : Look
        How each method is drawn and called.
    each_seed : bool
        One line a seed; else their mean, with a band from the lowest to the highest.

    Notes
    -----
    The larger signs are the best epochs of the runs, at that run's own value.
    """
    figure = go.Figure()
    curves = history[history["name"] == name]
    for method, part in _by_method(curves, look.styles):
        for split, rows in part.groupby("split"):
            line = _line(look.styles[method], str(split))
            if each_seed:
                _add_seeds(figure, rows, method, look.labels[method], line)
            else:
                _add_mean(
                    figure, rows, method, look.labels[method], line, look.styles[method]
                )
        _add_best(figure, part, method, look.labels[method], look.styles[method])
    return finish(figure, x_title=gettext("epoch"), y_title=label, height=580)


def best_values(history: pd.DataFrame, name: str) -> pd.DataFrame:
    """Value of a curve at the best epoch of each run.

    Returns
    -------
    DataFrame
        Columns method, seed, best_epoch, training, validation; a split that has no
        such curve is missing (NaN).
    """
    curves = history[history["name"] == name]
    at_best = curves[curves["epoch"] == curves["best_epoch"]]
    table = at_best.pivot_table(
        index=["method", "seed", "best_epoch"], columns="split", values="value"
    )
    table = table.reindex(columns=["training", "validation"])
    return table.rename_axis(columns=None).reset_index()


def takeaway_curves(
    history: pd.DataFrame,
    name: str,
    *,
    label: str,
    labels: Mapping[str, str],
) -> str:
    """Which method has the best validation value, and where the splits differ most."""
    table = best_values(history, name)
    seen = table.dropna(subset="validation")
    if seen.empty:
        return gettext("{curve} was not measured on validation.", curve=label)
    means = seen.groupby("method")[["training", "validation"]].mean()
    higher = is_higher_better(name)
    values = means["validation"]
    best = str(values.idxmax() if higher else values.idxmin())
    of_best = seen[seen["method"] == best]
    fields = {
        "curve": label,
        "method": labels.get(best, best),
        "value": number(float(values[best]), _digits(values)),
        "epochs": _span(of_best),
        "seeds": ngettext("{count} seed", "{count} seeds", len(of_best)),
    }
    if len(means) == 1:
        sentence = gettext(
            "{curve} on validation, at the best epoch {epochs}: {value} on average "
            "({seeds})",
            **fields,
        )
    elif name.endswith("loss"):
        sentence = gettext(
            "{curve}: methods may minimise different losses, so compare shapes and not "
            "heights; the best epochs are {epochs}",
            curve=label,
            epochs=_span(seen),
        )
    elif higher:
        sentence = gettext(
            "{curve} on validation, at the best epoch: {method} has the highest mean, "
            "{value} (best epoch {epochs}, {seeds})",
            **fields,
        )
    else:
        sentence = gettext(
            "{curve} on validation, at the best epoch: {method} has the lowest mean, "
            "{value} (best epoch {epochs}, {seeds})",
            **fields,
        )
    gap = (means["training"] - means["validation"]).abs().dropna()
    if gap.empty:
        return f"{sentence}."
    widest = str(gap.idxmax())
    size = number(gap.max(), _digits(gap))
    apart = gettext("training and validation differ by {size}", size=size)
    if len(means) > 1:
        apart = gettext(
            "training and validation differ most for {method}, by {size}",
            method=labels.get(widest, widest),
            size=size,
        )
    return clauses([sentence, apart]) + "."


def describe_runs(runs: Sequence[Run], labels: Mapping[str, str]) -> pd.DataFrame:
    """One row a run: what it took and what it was made with, or which file it is from.

    The columns "imported from" and "SHA-256" are there where a run was imported. A
    reader is shown the names of all columns by ``gettext``.
    """
    rows = []
    any_imported = any(run.imported is not None for run in runs)
    for run in runs:
        info = run.info
        duration = info.get("duration_s")
        rows.append(
            {
                N_("method"): labels.get(run.method, run.method),
                N_("seed"): run.seed,
                **(_file_of(run) if any_imported else {}),
                N_("network"): _network(info),
                N_("epochs"): info.get("epochs"),
                N_("best epoch"): info.get("best_epoch"),
                N_("training (min)"): None if duration is None else duration / 60,
                N_("images/s"): info.get("images_per_second"),
                N_("ms per image"): info.get("inference_ms"),
                N_("parameters"): info.get("parameters"),
                N_("trained from"): _origin(info.get("trained_from")),
                N_("backend"): info.get("backend"),
                N_("split"): info.get("split_fingerprint"),
                N_("created"): str(info.get("created", ""))[:16].replace("T", " "),
            }
        )
    return pd.DataFrame(rows)


def _file_of(run: Run) -> dict[str, str | None]:
    """The file that a run was imported from, and its fingerprint."""
    origin = run.imported or {}
    sha256 = origin.get("sha256")
    return {
        N_("imported from"): origin.get("file"),
        N_("SHA-256"): sha256[:16] if isinstance(sha256, str) else None,
    }


def _network(info: Mapping[str, Any]) -> str | None:
    """Backbone and image size of a run, which a method may have of its own."""
    model = (info.get("resolved") or {}).get("model") or {}
    if not model.get("backbone"):
        return None
    return f"{model['backbone']}, {model.get('image_size') or '?'} px"


def describe_run(run: Run) -> pd.DataFrame:
    """Everything that a run's record says, as rows of part, what and value."""
    columns = [N_("part"), N_("what"), N_("value")]
    return pd.DataFrame(settings_of(run), columns=columns)


def compare_configurations(one: Run, other: Run) -> pd.DataFrame:
    """What differs between two runs, what was chosen before what was measured.

    Returns
    -------
    DataFrame
        Columns part, what, and one column a run; a dash where a run has no entry.
    """
    names = [_full_name(run) for run in (one, other)]
    entries = [
        {(part, what): value for part, what, value in settings_of(run)}
        for run in (one, other)
    ]
    keys = list(dict.fromkeys([*entries[0], *entries[1]]))
    keys.sort(key=lambda key: key[0] == "measured")
    rows = [
        (*key, entries[0].get(key, "–"), entries[1].get(key, "–"))
        for key in keys
        if entries[0].get(key) != entries[1].get(key)
    ]
    if names[0] == names[1]:
        names[1] = gettext("{run} (other)", run=names[1])
    return pd.DataFrame(rows, columns=["part", "what", *names])


def takeaway_configurations(table: pd.DataFrame) -> str:
    """How many settings differ between two runs, and which."""
    chosen = table[table["part"] != "measured"]
    if chosen.empty:
        return gettext("Nothing that was chosen differs between these two runs.")
    names = list(dict.fromkeys(chosen["what"]))
    shown = [code(name) for name in names[:4]]
    if more := len(names[4:]):
        shown.append(ngettext("{count} more", "{count} more", more))
    return ngettext(
        "{count} setting differs: {names}.",
        "{count} settings differ: {names}.",
        len(names),
        names=listed(shown),
    )


def _full_name(run: Run) -> str:
    return f"{run.study}: {run.name}"


def _by_method(
    curves: pd.DataFrame, styles: Mapping[str, MethodStyle]
) -> Iterator[tuple[str, pd.DataFrame]]:
    for method in styles:
        part = curves[curves["method"] == method]
        if len(part):
            yield method, part


def _line(method: MethodStyle, split: str) -> dict[str, Any]:
    if split == "validation":
        return {"color": method.colour, "width": 3, "dash": method.dash}
    return {"color": faded(method.colour, 0.75), "width": 1.6, "dash": "dot"}


def _add_seeds(
    figure: go.Figure,
    rows: pd.DataFrame,
    method: str,
    label: str,
    look: dict[str, Any],
) -> None:
    for seed, line in rows.groupby("seed"):
        line = line.sort_values("epoch")
        split = line["split"].iloc[0]
        figure.add_scatter(
            x=line["epoch"],
            y=line["value"],
            mode="lines",
            line=look,
            legendgroup=method,
            showlegend=False,
            hovertemplate=gettext(
                "{method}, seed {seed}, {split}, epoch {epoch}: {value}",
                method=label,
                seed=str(seed),
                split=_split_label(split),
                epoch="%{x}",
                value="%{y:.4g}",
            )
            + "<extra></extra>",
        )


def _add_mean(
    figure: go.Figure,
    rows: pd.DataFrame,
    method: str,
    label: str,
    look: dict[str, Any],
    method_style: MethodStyle,
) -> None:
    split = rows["split"].iloc[0]
    # Runs stop at different epochs: the mean is shown only where every seed has one.
    values = rows.pivot_table(index="epoch", columns="seed", values="value").dropna()
    if split == "validation" and values.shape[1] > 1:
        epochs = [*values.index, *values.index[::-1]]
        edge = [*values.max(axis=1), *values.min(axis=1)[::-1]]
        figure.add_scatter(
            x=epochs,
            y=edge,
            fill="toself",
            fillcolor=faded(method_style.colour, 0.14),
            line={"width": 0},
            mode="lines",
            hoverinfo="skip",
            legendgroup=method,
            showlegend=False,
        )
    figure.add_scatter(
        x=values.index,
        y=values.mean(axis=1),
        mode="lines",
        line=look,
        legendgroup=method,
        showlegend=False,
        hovertemplate=gettext(
            "{method}, {split}, mean of {count}, epoch {epoch}: {value}",
            method=label,
            split=_split_label(split),
            count=values.shape[1],
            epoch="%{x}",
            value="%{y:.4g}",
        )
        + "<extra></extra>",
    )


def _add_best(
    figure: go.Figure,
    part: pd.DataFrame,
    method: str,
    label: str,
    method_style: MethodStyle,
) -> None:
    """Mark the best epochs; also the method's entry in the legend."""
    rows = part[(part["epoch"] == part["best_epoch"]) & (part["split"] == "validation")]
    figure.add_scatter(
        x=rows["epoch"] if len(rows) else [None],
        y=rows["value"] if len(rows) else [None],
        mode="lines+markers",
        name=label,
        legendgroup=method,
        line={"width": 0, "color": method_style.colour},
        marker=method_style.mark(13),
        customdata=rows["seed"],
        hovertemplate=gettext(
            "{method}, seed {seed}: best epoch {epoch}, validation {value}",
            method=label,
            seed="%{customdata}",
            epoch="%{x}",
            value="%{y:.4g}",
        )
        + "<extra></extra>",
    )


def _split_label(split: str) -> str:
    return gettext(SPLITS[split]) if split in SPLITS else split


def _origin(weights: object) -> str | None:
    """Weights that training began with; those of no one are random ones."""
    return "scratch" if weights == "none" else None if weights is None else str(weights)


def _span(table: pd.DataFrame) -> str:
    """First and last best epoch, as "5" or "5 to 9"."""
    epochs = table["best_epoch"].astype(int)
    first, last = epochs.min(), epochs.max()
    if first == last:
        return str(first)
    return gettext("{low} to {high}", low=str(first), high=str(last))


def _digits(values: pd.Series) -> int:
    """Digits after the point so that about three figures show."""
    largest = values.abs().max()
    return 1 if largest >= 100 else 2 if largest >= 1 else 3
