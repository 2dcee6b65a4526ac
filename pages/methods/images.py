"""One image on the Methods page: its loss and gradient under each method."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from core.methods import curves
from core.methods.entry import Entry, Value
from core.plots import methods as plots
from core.plots.method_classes import order_by_count
from core.text import plural, to_markdown
from core.views.methods import (
    gathered,
    load_error_curve,
    load_probability_curve,
    usual_of,
)
from pages.methods.parameters import is_moved, values_of
from pages.methods.play import (
    Play,
    by_head,
    defaults_of,
)
from pages.shell.choose import choose, choose_whether
from pages.shell.show import show_charts


def show_probability_curves(play: Play, controls: DeltaGenerator) -> None:
    """Loss and gradient against the probability of the true class."""
    task, entries = play.task, play.only("loss", "weights")
    with controls:
        true_class = _choose_class(play)
        with st.container(horizontal=True):
            log_axis = choose_whether(
                "Logarithmic p axis",
                default=True,
                key="methods_decades",
                parameter="logarithmic",
                help="Shows what happens next to 0; off, every step of p is as wide.",
            )
            relative = _is_relative()
    tables = {e.name: _curve(play, e, values_of(e), true_class) for e in entries}
    defaults = {
        e.name: _curve(play, e, defaults_of(e), true_class)
        for e in entries
        if is_moved(e)
    }
    groups = by_head(entries)
    named = {head: plots.HEADS[head] if len(groups) > 1 else "" for head in groups}
    show_charts(
        {
            f"{value.capitalize()} {named[head]}".rstrip(): plots.plot_by_probability(
                _of(tables, group),
                value,
                play.look(group),
                defaults=_of(defaults, group),
                num_classes=len(task.classes),
                log_axis=log_axis,
                relative=relative,
                title=named[head].capitalize(),
            )
            for head, group in groups.items()
            for value in (plots.LOSS, plots.GRADIENT)
        },
        name=f"methods-{play.view.study.name}-{task.name}-loss",
        title=f"An image of {task.classes[true_class]}, from hopeless to right",
        takeaway=" ".join(
            [
                *(_takeaway(play, _of(tables, group)) for group in groups.values()),
                plots.heads_note(
                    {head: [e.label for e in group] for head, group in groups.items()}
                ),
            ]
        ).rstrip(),
        data=gathered(tables, "p"),
        note=f"One image of {task.classes[true_class]} "
        f"({play.counts[true_class]:,} of n = {sum(play.counts):,} training images); "
        f"the remaining 1 − p is spread evenly over the other "
        f"{plural(len(task.classes) - 1, 'class', 'classes')}. Computed by the losses "
        "that train, in float64; the gradient is their central difference. Below 0 it "
        "pulls p up, above 0 down. Weights are drawn on cross-entropy. Dotted: before "
        "the sliders were moved.",
        column_width=340,
    )


def _of(
    tables: Mapping[str, pd.DataFrame], entries: Sequence[Entry]
) -> dict[str, pd.DataFrame]:
    """The tables of some entries, in their order."""
    return {e.name: tables[e.name] for e in entries if e.name in tables}


def _takeaway(play: Play, tables: Mapping[str, pd.DataFrame]) -> str:
    entries = [entry for entry in play.chosen if entry.name in tables]
    return plots.probability_takeaway(
        tables,
        play.look(entries),
        usual_of(play.view, play.task).name,
        deltas={
            e.name: float(values_of(e)["delta"])
            for e in entries
            if "delta" in values_of(e)
        },
        num_classes=len(play.task.classes),
    )


def _choose_class(play: Play) -> int:
    names, counts = play.task.classes, play.counts
    order = order_by_count(counts)[::-1]
    words = {order[0]: ", the rarest", order[-1]: ", the most common"}
    said = {
        names[i]: f"{names[i]}: {plural(counts[i], 'image')}{words.get(i, '')}"
        for i in order
    }
    chosen = choose(
        "Class of the image",
        list(said),
        labels=said,
        key=f"methods_class_{play.view.study.name}_{play.task.name}",
        parameter="class",
        help="Losses that know the class counts treat classes differently.",
    )
    return names.index(chosen)


def _is_relative() -> bool:
    return choose_whether(
        "Compare shapes",
        default=True,
        key="methods_shapes",
        parameter="shapes",
        help="Divides each curve by its highest; off, values are as trained.",
    )


def _curve(
    play: Play, entry: Entry, values: Mapping[str, Value], true_class: int
) -> pd.DataFrame:
    return load_probability_curve(
        entry.name, tuple(values.items()), play.task, play.counts, true_class
    )


def show_error_curves(play: Play, controls: DeltaGenerator) -> None:
    """Loss and gradient against the error of the prediction."""
    task, entries = play.task, play.only("loss")
    targets = np.array(play.targets)
    with controls:
        true_value = st.slider(
            to_markdown(f"True {task.label.lower()} ({task.unit})"),
            float(task.minimum),
            float(task.maximum),
            float(round(np.quantile(targets, 0.95))),
            1.0,
            format="%g",
            key=f"methods_truth_{play.view.study.name}_{task.name}",
            persist_state="session",
            width=330,
            help="Losses that know the other targets treat rare ones differently.",
        )
        relative = _is_relative()
    tables = {e.name: _errors(play, e, values_of(e), true_value) for e in entries}
    defaults = {
        e.name: _errors(play, e, defaults_of(e), true_value)
        for e in entries
        if is_moved(e)
    }
    look = play.look(entries)
    near = int((np.abs(targets - true_value) <= 0.5).sum())
    show_charts(
        {
            value.capitalize(): plots.plot_by_error(
                tables,
                value,
                look,
                defaults=defaults,
                unit=task.unit,
                relative=relative,
            )
            for value in (plots.LOSS, plots.GRADIENT)
        },
        name=f"methods-{play.view.study.name}-{task.name}-loss",
        title=f"An image of {true_value:g} {task.unit}, and how far off it is",
        takeaway=plots.error_takeaway(
            tables, look, unit=task.unit, true_value=true_value
        ),
        data=gathered(tables, f"error_{task.unit}"),
        note=f"{near:,} of n = {len(targets):,} training images have this target. "
        "Computed by the losses that train, in float64; the gradient is their central "
        "difference. Below 0 it pulls the prediction up, above 0 down. Balanced MSE "
        f"depends on its batch: here {curves.BATCH - 1} other images, drawn from the "
        "real histogram (seed 0) and predicted exactly. Predictions end at "
        f"{task.minimum:g} and {task.maximum:g} {task.unit}.",
        column_width=340,
    )


def _errors(
    play: Play, entry: Entry, values: Mapping[str, Value], true_value: float
) -> pd.DataFrame:
    return load_error_curve(
        entry.name,
        tuple(values.items()),
        play.task,
        true_value,
        play.source,
        play.targets,
    )
