"""The part of the calibration view that shows what temperature scaling changes."""

from collections.abc import Mapping

import pandas as pd
import streamlit as st

from core.data.manifest import VALIDATION
from core.evaluation.grouping import ALL_IMAGES
from core.evaluation.metrics import metric_info
from core.evaluation.reliability import confidence_histograms, reliability_curves
from core.evaluation.scaled_probabilities import NO_PROBABILITIES, NO_VALIDATION
from core.plots import scaled_probabilities as plots
from core.plots.calibration import plot_reliability
from core.plots.formatting import feature_label
from core.results.temperature_scaling import scale_study
from core.runs import Run
from core.study import Study
from core.tasks import Classification, Task
from core.text import code, listed, to_markdown
from core.views.caching import cached
from core.views.loads import load_tables
from core.views.study_view import StudyView
from pages.shell.choose import choose
from pages.shell.show import Card, show_charts, show_static_table

ONE = "one"


def show_scaled(
    view: StudyView, task: Classification, card: Card, before: tuple[pd.DataFrame, ...]
) -> bool:
    """Show the reliability diagrams of the scaled probabilities over those before.

    Returns
    -------
    bool
        Whether a method could be scaled; if not, the page says why.
    """
    by = _choose_groups(view, task)
    changes, temperatures, left, curves, histograms = _scaled(
        task, view.baseline, by, view.runs, view.tasks, view.study
    )
    shown = [m for m in view.methods if m in set(changes["method"])]
    _say_left_out(view, left)
    if not shown:
        return False
    keys = dict.fromkeys(changes["metric"])
    infos = {key: metric_info(key, view.tasks) for key in keys}
    name = f"{view.study.name}-{task.name}-scaled"
    show_charts(
        {
            view.labels[method]: plot_reliability(
                _of(curves, method),
                _of(histograms, method),
                view.styles[method],
                view.labels[method],
                before=(_of(before[0], method), _of(before[1], method)),
            )
            for method in shown
        },
        name=name,
        takeaway=plots.scaling_takeaway(
            temperatures, changes, infos[f"{task.name}.ece"], view.look
        ),
        data=curves[curves["method"].isin(shown)],
        note=_note(view, temperatures, by),
        card=card,
        column_width=300,
    )
    show_static_table(
        plots.scaling_table(temperatures, changes, infos, view.look),
        name=f"{name}-table",
        takeaway="Before → after, and the difference; lower is better.",
        download=changes[changes["method"].isin(shown)],
        note="Temperature and differences with 95 % intervals; the differences' hold "
        "for all methods at once.",
    )
    if by:
        show_static_table(
            plots.group_temperatures_table(temperatures, view.look),
            name=f"{name}-groups",
            takeaway=f"The temperature of each group of {feature_label(by, view.tasks)}"
            ", and its validation images.",
            download=temperatures[temperatures["method"].isin(shown)],
        )
    return True


def _choose_groups(view: StudyView, task: Classification) -> str:
    """The feature whose groups have temperatures of their own; empty for one."""
    features = [f for f in view.dataset.sensitive_features if f != task.name]
    chosen = choose(
        "Temperature",
        [ONE, *features],
        labels=lambda name: (
            "One for all images"
            if name == ONE
            else f"By {feature_label(name, view.tasks).lower()}"
        ),
        key=f"classification_scaled_by_{view.study.name}_{task.name}",
        parameter="temperature",
        is_segmented=True,
    )
    return "" if chosen == ONE else chosen


def _say_left_out(view: StudyView, left: Mapping[str, str]) -> None:
    reasons: dict[str, list[str]] = {}
    for method, reason in left.items():
        if method in view.methods:
            reasons.setdefault(reason, []).append(view.labels[method])
    for reason, names in reasons.items():
        said = f"Not scaled ({reason.rstrip('.')}): {listed(names)}."
        advice = _ADVICE.get(reason, "")
        st.info(to_markdown(f"{said} {advice}".strip()), icon=":material/info:")


_ADVICE = {
    NO_VALIDATION: "A temperature is fitted on validation images: import a table that "
    f"holds them too, with {code('validation')} in its column {code('split')}.",
    NO_PROBABILITIES: "A temperature scales probabilities: import a table that has one "
    "of each class.",
}
"""What to do about a reason; an error of the tables says what is wrong with them."""


def _note(view: StudyView, temperatures: pd.DataFrame, by: str) -> str:
    overall = temperatures[temperatures["group"] == ALL_IMAGES]
    images = overall["images"]
    n = f"{images.min():,}"
    if images.min() != images.max():
        n += f" to {images.max():,}"
    note = (
        "Dashed and stepped lines: before. Each run's temperature is fitted on its own "
        f"{n} validation images, and no test image; no answer changes. "
        f"{view.mean_text.capitalize()}."
    )
    few = temperatures[~temperatures["own"].astype(bool)]["group"].unique()
    if by and len(few):
        note += (
            f" Too few validation images, so the overall temperature: {listed(few)}."
        )
    return note


def _of(table: pd.DataFrame, method: str) -> pd.DataFrame:
    return table[table["method"] == method]


@cached(entries=16, says="Fitting temperatures on the validation images…")
def _scaled(
    task: Classification,
    baseline: str,
    by: str,
    runs: tuple[Run, ...],
    tasks: tuple[Task, ...],
    study: Study,
) -> tuple[pd.DataFrame, pd.DataFrame, dict[str, str], pd.DataFrame, pd.DataFrame]:
    found = scale_study(
        study,
        runs,
        load_tables(runs),
        load_tables(runs, VALIDATION),
        task,
        baseline,
        by=by,
        tasks=tasks,
    )
    after = found.scaled.after
    return (
        found.before_and_after(),
        found.scaled.temperatures,
        dict(found.scaled.left),
        reliability_curves(after, task),
        confidence_histograms(after, task),
    )
