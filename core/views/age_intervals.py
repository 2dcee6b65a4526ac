"""The view of how often conformal intervals of a regression hold the truth."""

import pandas as pd

from core.data.manifest import VALIDATION
from core.errors import NothingToShow
from core.evaluation.conformal import COVERAGE
from core.evaluation.conformal_coverage import PREDICTION, TRUTH
from core.evaluation.grouping import ALL_IMAGES
from core.language import N_, gettext
from core.plots import conformal_coverage as plots
from core.results.prediction_intervals import interval_coverage
from core.runs import Run, training_keys
from core.study import Study
from core.tasks import Regression, Task
from core.text import code, listed, percent
from core.views.caching import cached
from core.views.drawing import Drawn, Numbers, draws, regression_of
from core.views.loads import load_tables
from core.views.study_view import StudyView

_BINS = (PREDICTION, TRUTH)


@draws("age-intervals", N_("How often conformal intervals of a number hold the truth"))
def draw_intervals(view: StudyView, *, task: str = "", by: str = PREDICTION) -> Drawn:
    """Coverage and width of the intervals, by bin of the number or by group."""
    asked = regression_of(view, task)
    found = load_interval_coverage(view, asked)
    known = with_intervals(view, found)
    if not known:
        raise NothingToShow(without_intervals(view, known))
    # The promise is for all images, so they come first.
    rows = found[found["part"].isin((ALL_IMAGES, by)) & found["method"].isin(known)]
    what = plots.part_label(by, asked, view.tasks)
    look = view.look.only(known)
    return Drawn(
        title=title_of(asked),
        name=f"{view.study.name}-{asked.name}-coverage-{by}",
        takeaway=plots.coverage_takeaway(rows, asked, look, what=what),
        figures={
            gettext("Coverage"): plots.plot_coverage(rows, asked, look, x_title=what),
            gettext("Width"): plots.plot_width(rows, asked, look, x_title=what),
        },
        data=found[found["method"].isin(known)],
        note=_note(view, asked),
        numbers=Numbers(
            plots.coverage_table(rows, asked, look),
            gettext(
                "Intervals that hold the truth, by {what}: {promised} are promised; "
                "95 % interval, mean width.",
                what=what.lower(),
                promised=percent(COVERAGE),
            ),
            download=rows,
        ),
        column_width=900,
    )


def title_of(task: Regression) -> str:
    """Heading of the view."""
    return gettext(
        "{task}: do {level} intervals hold the truth?",
        task=gettext(task.label),
        level=percent(COVERAGE),
    )


def load_interval_coverage(view: StudyView, task: Regression) -> pd.DataFrame:
    """How often the intervals of every method hold the truth, by part."""
    features = tuple(view.dataset.sensitive_features)
    return _coverage(task, features, view.runs, view.tasks, view.study)


def parts_of(found: pd.DataFrame) -> list[str]:
    """What the coverage can be shown by: the prediction, the truth, then features."""
    parts = [part for part in dict.fromkeys(found["part"]) if part]
    return [PREDICTION, TRUTH, *(part for part in parts if part not in _BINS)]


def with_intervals(view: StudyView, found: pd.DataFrame) -> list[str]:
    """The shown methods that have intervals."""
    return [method for method in view.methods if method in set(found["method"])]


def without_intervals(view: StudyView, known: list[str]) -> str:
    """Which shown methods have no intervals, and why; empty where all have."""
    missing = [view.labels[m] for m in view.methods if m not in known]
    if not missing:
        return ""
    return gettext(
        "No intervals for {methods}: there are no predictions of validation images. "
        "Import a table that holds them too, with {value} in its column {column}.",
        methods=listed(missing),
        value=code("validation"),
        column=code("split"),
    )


def _note(view: StudyView, task: Regression) -> str:
    return gettext(
        "Around each prediction, an interval that should hold the true {label} of "
        "{share} of images; its width comes from the errors on validation images with "
        "such a prediction. The promise is for all images and each predicted value, "
        "not for a group or a true value. {mean}; bars are 95 % intervals over images "
        "and seeds.",
        label=gettext(task.label).lower(),
        share=percent(COVERAGE),
        mean=view.mean_text.capitalize(),
    )


@cached(
    entries=16, says=N_("Counting how often intervals hold the truth…"), outlives=True
)
def _coverage(
    task: Regression,
    features: tuple[str, ...],
    runs: tuple[Run, ...],
    tasks: tuple[Task, ...],
    study: Study,
) -> pd.DataFrame:
    return interval_coverage(
        study,
        load_tables(runs, VALIDATION),
        load_tables(runs),
        task,
        features=features,
        tasks=tasks,
        trainings=training_keys(runs),
    )
