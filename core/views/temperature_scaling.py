"""Views of probabilities before and after temperature scaling."""

from dataclasses import dataclass

import pandas as pd

from core.data.manifest import VALIDATION
from core.errors import NothingToShow
from core.evaluation.grouping import ALL_IMAGES
from core.evaluation.metrics import metric_info
from core.evaluation.reliability import confidence_histograms, reliability_curves
from core.evaluation.scaled_probabilities import NO_PROBABILITIES, NO_VALIDATION
from core.language import N_, gettext
from core.plots import scaled_probabilities as plots
from core.plots.calibration import plot_reliability
from core.plots.formatting import feature_label
from core.results.temperature_scaling import scale_study
from core.runs import Run
from core.study import Study
from core.tasks import Classification, Task
from core.text import code, listed, number, strong
from core.views.caching import cached
from core.views.calibration import COLUMN_WIDTH, load_reliability, title_of
from core.views.drawing import (
    Drawn,
    Numbers,
    classification_of,
    draws,
    share_width,
)
from core.views.loads import load_tables
from core.views.study_view import StudyView
from core.views.view_arguments import feature_asked


@dataclass(frozen=True)
class _Scaled:
    """The runs of a study that could be scaled, and why others could not."""

    changes: pd.DataFrame
    temperatures: pd.DataFrame
    left: dict[str, str]
    curves: pd.DataFrame
    histograms: pd.DataFrame


@draws("temperature-scaling", N_("Probabilities before and after temperature scaling"))
def draw_scaled(view: StudyView, *, task: str = "", by: str = "") -> Drawn:
    """Reliability diagrams of the scaled probabilities over those before.

    ``by`` is a feature whose groups have temperatures of their own; none for one.
    """
    asked = classification_of(view, task)
    found, shown = _load(view, asked, by), _shown(view, asked, by)
    before = load_reliability(view, asked)
    infos = {k: metric_info(k, view.tasks) for k in dict.fromkeys(found.changes.metric)}
    figures = {
        view.labels[method]: plot_reliability(
            _of(found.curves, method),
            _of(found.histograms, method),
            view.styles[method],
            view.labels[method],
            before=(_of(before.curves, method), _of(before.histograms, method)),
        )
        for method in shown
    }
    return Drawn(
        title=title_of(asked),
        name=_name(view, asked),
        takeaway=plots.scaling_takeaway(
            found.temperatures, found.changes, infos[f"{asked.name}.ece"], view.look
        ),
        figures=figures,
        data=found.curves[found.curves["method"].isin(shown)],
        note=_note(view, found.temperatures, by),
        column_width=share_width(len(figures), COLUMN_WIDTH),
        numbers=Numbers(
            plots.scaling_table(found.temperatures, found.changes, infos, view.look),
            gettext("Before → after, and the difference; lower is better."),
            note=gettext(
                "Temperature and differences with 95 % intervals; the differences' "
                "hold for all methods at once."
            ),
            download=found.changes[found.changes["method"].isin(shown)],
        ),
    )


@draws("group-temperatures", N_("The temperature of each group of a sensitive feature"))
def draw_group_temperatures(view: StudyView, *, task: str = "", by: str = "") -> Drawn:
    """One temperature a group of ``by``, by default the first sensitive feature."""
    asked = classification_of(view, task)
    features = scaling_features(view, asked)
    if not features:
        raise NothingToShow(
            gettext(
                "The study {study} has no sensitive feature beside {task}, so there "
                "are no groups.",
                study=strong(gettext(view.study.title)),
                task=strong(gettext(asked.label)),
            )
        )
    by = by or features[0]
    found, shown = _load(view, asked, by), _shown(view, asked, by)
    rows = found.temperatures[found.temperatures["method"].isin(shown)]
    said = gettext(
        "The temperature of each group of {feature}, and its validation images.",
        feature=feature_label(by, view.tasks),
    )
    return Drawn(
        title=gettext("{task}: temperatures of the groups", task=gettext(asked.label)),
        name=f"{_name(view, asked)}-groups",
        takeaway=said,
        data=rows,
        numbers=Numbers(
            plots.group_temperatures_table(found.temperatures, view.look), said
        ),
    )


def scaling_features(view: StudyView, task: Classification) -> list[str]:
    """Features whose groups may have temperatures; a photo does not say its class."""
    return [name for name in view.dataset.sensitive_features if name != task.name]


def is_scaled(view: StudyView, task: Classification, by: str) -> bool:
    """Whether any shown method could be scaled."""
    return bool(_scaled_methods(view, _load(view, task, by)))


def why_not_scaled(view: StudyView, task: Classification, by: str) -> list[str]:
    """Which shown methods could not be scaled, why, and what to do about it."""
    reasons: dict[str, list[str]] = {}
    for method, reason in _load(view, task, by).left.items():
        if method in view.methods:
            reasons.setdefault(reason, []).append(view.labels[method])
    return [
        " ".join(filter(None, (_not_scaled(reason, names), _advice(reason))))
        for reason, names in reasons.items()
    ]


def _not_scaled(reason: str, names: list[str]) -> str:
    return gettext(
        "Not scaled ({reason}): {methods}.",
        reason=gettext(reason).rstrip("."),
        methods=listed(names),
    )


def _advice(reason: str) -> str:
    """What to do about a reason; an error of the tables says what is wrong."""
    if reason == NO_VALIDATION:
        return gettext(
            "A temperature is fitted on validation images: import a table that holds "
            "them too, with {value} in its column {column}.",
            value=code("validation"),
            column=code("split"),
        )
    if reason == NO_PROBABILITIES:
        return gettext(
            "A temperature scales probabilities: import a table that has one of each "
            "class."
        )
    return ""


def _shown(view: StudyView, task: Classification, by: str) -> list[str]:
    shown = _scaled_methods(view, _load(view, task, by))
    if not shown:
        raise NothingToShow(" ".join(why_not_scaled(view, task, by)))
    return shown


def _scaled_methods(view: StudyView, found: _Scaled) -> list[str]:
    return [m for m in view.methods if m in set(found.changes["method"])]


def _load(view: StudyView, task: Classification, by: str) -> _Scaled:
    if by:
        by = feature_asked(view, by)
    return _scaled(task, view.baseline, by, view.runs, view.tasks, view.study)


def _name(view: StudyView, task: Classification) -> str:
    return f"{view.study.name}-{task.name}-scaled"


def _note(view: StudyView, temperatures: pd.DataFrame, by: str) -> str:
    overall = temperatures[temperatures["group"] == ALL_IMAGES]
    images = overall["images"]
    n, most = (number(end, 0) for end in (images.min(), images.max()))
    if n != most:
        n = gettext("{low} to {high}", low=n, high=most)
    note = gettext(
        "Dashed and stepped lines: before. Each run's temperature is fitted on its own "
        "{images} validation images, and no test image; no answer changes. {mean}.",
        images=n,
        mean=view.mean_text.capitalize(),
    )
    few = temperatures[~temperatures["own"].astype(bool)]["group"].unique()
    if not by or not len(few):
        return note
    overall_for = gettext(
        "Too few validation images, so the overall temperature: {groups}.",
        groups=listed(few),
    )
    return f"{note} {overall_for}"


def _of(table: pd.DataFrame, method: str) -> pd.DataFrame:
    return table[table["method"] == method]


@cached(
    entries=16, says=N_("Fitting temperatures on the validation images…"), outlives=True
)
def _scaled(
    task: Classification,
    baseline: str,
    by: str,
    runs: tuple[Run, ...],
    tasks: tuple[Task, ...],
    study: Study,
) -> _Scaled:
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
    return _Scaled(
        found.before_and_after(),
        found.scaled.temperatures,
        dict(found.scaled.left),
        reliability_curves(after, task),
        confidence_histograms(after, task),
    )
