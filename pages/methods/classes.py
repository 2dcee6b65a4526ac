"""Every class, or every target, on the Methods page: weights, margins, draws."""

import numpy as np
import pandas as pd
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from core.language import N_, gettext, in_form
from core.methods import curves
from core.methods.entry import Entry
from core.methods.smoothing import LEAST_COUNT, MOST_COUNT, kernel_window, lds_curve
from core.plots import method_classes as plots
from core.plots.data import weights_by_value
from core.plots.methods import HEADS, heads_note
from core.text import to_markdown
from core.views.methods import DRAW_SEED, gathered
from pages.methods.parameters import values_of
from pages.methods.play import Play, by_head, head_of, labels_by_head
from pages.shell.choose import slider_format
from pages.shell.show import show_chart, show_charts

QUANTITIES = {
    "weight": (N_("Weight of an image"), N_("weight"), 1.0, N_("an image weighs")),
    "margin": (
        N_("Margin asked of a class"),
        N_("margin (logits)"),
        None,
        N_("the margin is"),
    ),
    "shift": (
        N_("What is added to a class's logit"),
        N_("shift (nats, mean 0)"),
        0.0,
        N_("what is added to its logit is"),
    ),
}
QUANTITY_NOTES = {
    "weight": N_(
        "1 is as without weights. Weights of images have mean 1 over the training "
        "images; those inside a loss are as that loss has them."
    ),
    "margin": N_(
        "The true class's logit must be higher by this, before logits are multiplied "
        "by the scale."
    ),
    "shift": N_(
        "A loss adds it while training, so that the finished model, without it, leans "
        "the other way; an adjustment adds it to the finished model."
    ),
}


def show_classes(play: Play, controls: DeltaGenerator) -> None:
    """What the chosen methods give each class, and how hard its images pull."""
    _class_values(play)
    _drawn(play)
    _pulls(play, controls)


def _class_values(play: Play) -> None:
    entries = play.only("weights", "loss", "adjustment")
    found: dict[tuple[str, str], list[pd.DataFrame]] = {}
    for entry in entries:
        part = curves.part_of(entry, play.task, values_of(entry))
        values = curves.class_values(part, play.task, play.counts)
        for quantity, numbers in values.items():
            table = pd.DataFrame({"class": range(len(numbers)), "value": numbers})
            # Alone a margin is in the unit of what the head gives.
            head = head_of(entry) if quantity == "margin" else ""
            tables = found.setdefault((quantity, head), [])
            tables.append(table.assign(method=entry.name))
    for quantity, head in sorted(found, key=_place):
        title, y_title, reference, what = QUANTITIES[quantity]
        table = pd.concat(found[quantity, head], ignore_index=True)
        is_apart = head and len({h for q, h in found if q == quantity}) > 1
        show_chart(
            plots.plot_by_class(
                table,
                play.task.classes,
                play.counts,
                play.look(entries),
                x_title=_from_common_to_rare(play),
                y_title=gettext(y_title),
                reference=reference,
            ),
            name="-".join(
                ("methods", play.view.study.name, play.task.name, quantity, head)
            ).rstrip("-"),
            title=f"{gettext(title)} {gettext(HEADS[head])}"
            if is_apart
            else gettext(title),
            takeaway=plots.by_class_takeaway(
                table,
                play.task.classes,
                play.counts,
                play.look(entries),
                what=gettext(what),
            ),
            data=_named(table, play),
            note=_of_images(sum(play.counts), QUANTITY_NOTES[quantity]),
        )


def _from_common_to_rare(play: Play) -> str:
    return gettext("{label}, from common to rare", label=gettext(play.task.label))


def _of_images(count: int, note: str) -> str:
    images = gettext("n = {count} training images.", count=count)
    return f"{images} {gettext(note)}"


def _place(key: tuple[str, str]) -> tuple[int, int]:
    """Of a quantity, then of a head, in the order in which they are drawn."""
    quantity, head = key
    return list(QUANTITIES).index(quantity), ["", *HEADS].index(head)


def _named(table: pd.DataFrame, play: Play) -> pd.DataFrame:
    """A table by class with names and counts in it, for the download."""
    places = table["class"].to_numpy()
    return pd.DataFrame(
        {
            "method": table["method"],
            "class": [play.task.classes[i] for i in places],
            "training_images": [play.counts[i] for i in places],
            "value": table["value"],
        }
    )


def _drawn(play: Play) -> None:
    entries = play.only("sampler")
    if not entries:
        return
    drawn = {
        entry.name: curves.drawn_images(
            curves.part_of(entry, play.task, values_of(entry)),
            play.counts,
            seed=DRAW_SEED,
        ).tolist()
        for entry in entries
    }
    look = play.look(entries)
    names = play.task.classes
    show_chart(
        plots.plot_drawn_images(
            drawn,
            names,
            play.counts,
            look,
            x_title=_from_common_to_rare(play),
        ),
        name=f"methods-{play.view.study.name}-{play.task.name}-drawn",
        title=gettext("Images that an epoch shows"),
        takeaway=plots.drawn_takeaway(drawn, names, play.counts, look),
        data=pd.DataFrame(
            {"class": names, "training_images": play.counts, **drawn},
        ),
        note=gettext(
            "Each sampler was run once, as at the start of an epoch (seed {seed}); "
            "every epoch draws anew.",
            seed=str(DRAW_SEED),
        ),
    )


def _pulls(play: Play, controls: DeltaGenerator) -> None:
    groups = by_head(play.only("loss", "weights"))
    if not groups:
        return
    probability = controls.slider(
        gettext("Probability p of the true class"),
        0.01,
        0.99,
        0.5,
        0.01,
        key="methods_probability",
        persist_state="session",
        format=slider_format("%.2f"),
        help=gettext("For the pull: low is wrong, high is right."),
    )
    for head, entries in groups.items():
        table = pd.concat(
            [_pull_table(play, entry, probability) for entry in entries],
            ignore_index=True,
        )
        look, at = play.look(entries), in_form(f"{probability:g}")
        show_chart(
            plots.plot_by_class(
                table,
                play.task.classes,
                play.counts,
                look,
                x_title=_from_common_to_rare(play),
                y_title=gettext("pull (nats per unit of logit)"),
            ),
            name=f"methods-{play.view.study.name}-{play.task.name}-pull-{head}",
            title=gettext(
                "How hard an image pulls that is at p = {probability}, {head}",
                probability=at,
                head=gettext(HEADS[head]),
            )
            if len(groups) > 1
            else gettext(
                "How hard an image pulls that is at p = {probability}", probability=at
            ),
            takeaway=plots.pulls_takeaway(
                table, play.task.classes, play.counts, look, probability=probability
            ),
            data=_named(table, play),
            note=gettext(
                "Size of the gradient by the logit of the true class, of one image; "
                "computed by the losses that train on a batch with an image of each "
                "class. Weights are drawn on cross-entropy."
            ),
        )
    if note := heads_note(labels_by_head(groups)):
        st.caption(to_markdown(note))


def _pull_table(play: Play, entry: Entry, probability: float) -> pd.DataFrame:
    part = curves.part_of(entry, play.task, values_of(entry))
    _, gradient = curves.loss_by_class(
        part, play.task, play.counts, probability=probability
    )
    table = pd.DataFrame({"class": range(len(gradient)), "value": np.abs(gradient)})
    return table.assign(method=entry.name)


def show_targets(play: Play, controls: DeltaGenerator) -> None:
    """Weights over the real histogram of a number, and the kernels that smooth."""
    task, entries = play.task, play.only("weights")
    targets, unit = np.array(play.targets), gettext(task.unit)
    if entries:
        tables = {
            entry.name: weights_by_value(
                targets,
                curves.target_weights(
                    curves.part_of(entry, task, values_of(entry)), targets
                ),
            )
            for entry in entries
        }
        histogram = next(iter(tables.values()))
        look = play.look(entries)
        show_chart(
            plots.plot_by_target(
                tables, histogram, look, label=gettext(task.label), unit=unit
            ),
            name=f"methods-{play.view.study.name}-{task.name}-weight",
            title=gettext(
                "Weight of an image by its {label}", label=gettext(task.label).lower()
            ),
            takeaway=plots.by_target_takeaway(tables, histogram, look, unit=unit),
            data=gathered(tables, "value"),
            note=gettext(
                "n = {count} training images; bars on the right axis. Weights have "
                "mean 1 over the training images; the dashed line is as without.",
                count=len(targets),
            ),
        )
    _kernels(play)


def _kernels(play: Play) -> None:
    """Windows of the chosen methods that smooth, and what LDS's does."""
    entries = [e for e in play.chosen if "kernel_size" in values_of(e)]
    if not entries:
        return
    windows = {
        entry.name: kernel_window(
            **{k: values_of(entry)[k] for k in ("kernel", "kernel_size", "sigma")}
        )
        for entry in entries
    }
    task, look, unit = play.task, play.look(entries), gettext(play.task.unit)
    figures = {gettext("Kernel"): plots.plot_kernels(windows, look, unit=unit)}
    smoothing = next((e for e in entries if e.part == "weights"), None)
    if smoothing is not None:
        curve = lds_curve(np.array(play.targets), **values_of(smoothing))
        table = pd.DataFrame(
            {"value": curve.targets, "before": curve.before, "after": curve.density}
        )
        # The window's peak is 1, so that it adds up to more than what it smooths.
        table["after"] /= windows[smoothing.name].sum()
        squares = values_of(smoothing)["reweight"] == "sqrt_inv"
        label = gettext(smoothing.label)
        table = table[table["value"].between(task.minimum - 1, task.maximum + 1)]
        figures[gettext("Density")] = plots.plot_smoothing(
            table,
            label=gettext(task.label),
            unit=unit,
            what=gettext(
                "what {method} inverts (square root of the images)", method=label
            )
            if squares
            else gettext(
                "what {method} inverts (images, {least} to {most})",
                method=label,
                least=LEAST_COUNT,
                most=MOST_COUNT,
            ),
            colour=play.every.styles[smoothing.name].colour,
        )
    show_charts(
        figures,
        name=f"methods-{play.view.study.name}-{task.name}-kernel",
        title=gettext("Neighbours lend each other images"),
        takeaway=plots.kernels_takeaway(windows, look, unit=unit),
        data=pd.concat(
            [
                pd.DataFrame(
                    {
                        "method": name,
                        "distance": np.arange(len(window)) - len(window) // 2,
                        "share": window,
                    }
                )
                for name, window in windows.items()
            ]
        ),
        note=gettext(
            "n = {count} training images, in bins of one unit. The smoothed line is "
            "divided by the sum of the window, to lie on the bars.",
            count=len(play.targets),
        ),
    )
