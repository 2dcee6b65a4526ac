"""One image on the Methods page: its loss and gradient under each method."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from core.language import N_, gettext, in_form, ngettext
from core.methods import curves
from core.methods.entry import Entry, Value
from core.plots import methods as plots
from core.plots.method_classes import order_by_count
from core.text import to_markdown
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
    labels_by_head,
)
from pages.shell.choose import choose, choose_whether, slider_format
from pages.shell.show import show_charts


def show_probability_curves(play: Play, controls: DeltaGenerator) -> None:
    """Loss and gradient against the probability of the true class."""
    task, entries = play.task, play.only("loss", "weights")
    with controls:
        true_class = _choose_class(play)
        with st.container(horizontal=True):
            log_axis = choose_whether(
                gettext("Logarithmic p axis"),
                default=True,
                key="methods_decades",
                parameter="logarithmic",
                help=gettext(
                    "Shows what happens next to 0; off, every step of p is as wide."
                ),
            )
            relative = _is_relative()
    tables = {e.name: _curve(play, e, values_of(e), true_class) for e in entries}
    defaults = {
        e.name: _curve(play, e, defaults_of(e), true_class)
        for e in entries
        if is_moved(e)
    }
    groups = by_head(entries)
    image = ngettext(
        "One image of {class_name} ({images} of n = {total} training images); the "
        "remaining 1 − p is spread evenly over the other {count} class.",
        "One image of {class_name} ({images} of n = {total} training images); the "
        "remaining 1 − p is spread evenly over the other {count} classes.",
        len(task.classes) - 1,
        class_name=task.classes[true_class],
        images=play.counts[true_class],
        total=sum(play.counts),
    )
    made = gettext(
        "Computed by the losses that train, in float64; the gradient is their central "
        "difference. Below 0 it pulls p up, above 0 down. Weights are drawn on "
        "cross-entropy. Dotted: before the sliders were moved."
    )
    named = {
        head: gettext(plots.HEADS[head]) if len(groups) > 1 else "" for head in groups
    }
    show_charts(
        {
            f"{_title(value)} {named[head]}".rstrip(): plots.plot_by_probability(
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
        title=gettext(
            "An image of {class_name}, from hopeless to right",
            class_name=task.classes[true_class],
        ),
        takeaway=" ".join(
            [
                *(_takeaway(play, _of(tables, group)) for group in groups.values()),
                plots.heads_note(labels_by_head(groups)),
            ]
        ).rstrip(),
        data=gathered(tables, "p"),
        note=f"{image} {made}",
        column_width=340,
    )


def _title(value: str) -> str:
    return gettext(plots.VALUES[value]).capitalize()


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
    words = {
        order[0]: N_("{class_name}: {images}, the rarest"),
        order[-1]: N_("{class_name}: {images}, the most common"),
    }
    plain = N_("{class_name}: {images}")
    said = {
        names[i]: gettext(
            words.get(i, plain),
            class_name=names[i],
            images=ngettext("{count} image", "{count} images", counts[i]),
        )
        for i in order
    }
    chosen = choose(
        gettext("Class of the image"),
        list(said),
        labels=said,
        key=f"methods_class_{play.view.study.name}_{play.task.name}",
        parameter="class",
        help=gettext("Losses that know the class counts treat classes differently."),
    )
    return names.index(chosen)


def _is_relative() -> bool:
    return choose_whether(
        gettext("Compare shapes"),
        default=True,
        key="methods_shapes",
        parameter="shapes",
        help=gettext("Divides each curve by its highest; off, values are as trained."),
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
    targets, unit = np.array(play.targets), gettext(task.unit)
    with controls:
        true_value = st.slider(
            to_markdown(
                gettext(
                    "True {label} ({unit})",
                    label=gettext(task.label).lower(),
                    unit=unit,
                )
            ),
            float(task.minimum),
            float(task.maximum),
            float(round(np.quantile(targets, 0.95))),
            1.0,
            format=slider_format("%g"),
            key=f"methods_truth_{play.view.study.name}_{task.name}",
            persist_state="session",
            width=330,
            help=gettext(
                "Losses that know the other targets treat rare ones differently."
            ),
        )
        relative = _is_relative()
    tables = {e.name: _errors(play, e, values_of(e), true_value) for e in entries}
    defaults = {
        e.name: _errors(play, e, defaults_of(e), true_value)
        for e in entries
        if is_moved(e)
    }
    look = play.look(entries)
    images = ngettext(
        "{count} of n = {total} training images have this target.",
        "{count} of n = {total} training images have this target.",
        int((np.abs(targets - true_value) <= 0.5).sum()),
        total=len(targets),
    )
    low, high = (in_form(f"{end:g}") for end in (task.minimum, task.maximum))
    made = gettext(
        "Computed by the losses that train, in float64; the gradient is their central "
        "difference. Below 0 it pulls the prediction up, above 0 down. Balanced MSE "
        "depends on its batch: here {others} other images, drawn from the real "
        "histogram (seed 0) and predicted exactly. Predictions end at {low} and {high} "
        "{unit}.",
        others=curves.BATCH - 1,
        low=low,
        high=high,
        unit=unit,
    )
    show_charts(
        {
            _title(value): plots.plot_by_error(
                tables,
                value,
                look,
                defaults=defaults,
                unit=unit,
                relative=relative,
            )
            for value in (plots.LOSS, plots.GRADIENT)
        },
        name=f"methods-{play.view.study.name}-{task.name}-loss",
        title=gettext(
            "An image of {target}, and how far off it is",
            target=plots.with_unit(true_value, unit),
        ),
        takeaway=plots.error_takeaway(tables, look, unit=unit, true_value=true_value),
        data=gathered(tables, f"error_{task.unit}"),
        note=f"{images} {made}",
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
