"""Views of whether probabilities can be believed."""

from dataclasses import dataclass

import pandas as pd

from core.errors import NothingToShow
from core.evaluation.alignment import align_predictions
from core.evaluation.metrics import calibration_keys, metric_info
from core.evaluation.reliability import (
    confidence_gaps,
    confidence_histograms,
    reliability_curves,
)
from core.language import N_, gettext
from core.plots import calibration as plots
from core.runs import Run
from core.tasks import Classification
from core.text import strong
from core.views.caching import cached
from core.views.classification import explained, scores_frame
from core.views.drawing import (
    Drawn,
    Numbers,
    classification_of,
    draws,
    share_width,
)
from core.views.loads import load_metrics, load_tables
from core.views.study_view import StudyView

COLUMN_WIDTH = 300
"""Pixels that a reliability diagram takes at the least beside another."""


@dataclass(frozen=True)
class Reliability:
    """Probabilities beside what happened, of all methods that have some.

    Parameters
    ----------
    curves, histograms, gaps : DataFrame
        As ``evaluation.reliability`` computes them.
    """

    curves: pd.DataFrame
    histograms: pd.DataFrame
    gaps: pd.DataFrame

    @property
    def methods(self) -> set[str]:
        """Methods that have probabilities."""
        return set(self.gaps["method"])


@draws("reliability", N_("Reliability diagrams: how sure, and how often right"))
def draw_reliability(view: StudyView, *, task: str = "") -> Drawn:
    """How often each method is right where it is about as sure."""
    asked = classification_of(view, task)
    found = load_reliability(view, asked)
    shown = _with_probabilities(view, found, asked)
    comparison = load_metrics(view, (asked,), calibration_keys(asked))
    info = metric_info(f"{asked.name}.ece", view.tasks)
    curves, histograms = found.curves, found.histograms
    return Drawn(
        title=title_of(asked),
        name=f"{view.study.name}-{asked.name}-reliability",
        takeaway=plots.reliability_takeaway(
            found.gaps, comparison.table, info, view.look
        ),
        figures={
            view.labels[method]: plots.plot_reliability(
                curves[curves["method"] == method],
                histograms[histograms["method"] == method],
                view.styles[method],
                view.labels[method],
            )
            for method in shown
        },
        data=curves[curves["method"].isin(shown)],
        note=gettext(
            "Each point is a group of equally many images with similar probabilities; "
            "bars are 95 % intervals over the test images. Below the dotted line a "
            "method is over-confident. Weights, samplers, focal losses and logit "
            "adjustment also change the probabilities, not only the answers. {mean}.",
            mean=view.mean_text.capitalize(),
        ),
        column_width=share_width(len(shown), COLUMN_WIDTH),
    )


@draws("calibration-errors", N_("Losses and calibration errors of probabilities"))
def draw_calibration_errors(view: StudyView, *, task: str = "") -> Drawn:
    """Log loss, Brier score and calibration errors, one row a method."""
    asked = classification_of(view, task)
    _with_probabilities(view, load_reliability(view, asked), asked)
    keys = calibration_keys(asked)
    comparison = load_metrics(view, (asked,), keys)
    infos = [metric_info(key, view.tasks) for key in keys]
    said = gettext(
        "Losses and calibration errors of the probabilities; lower is better."
    )
    return Drawn(
        title=gettext(
            "{task}: losses and calibration errors of the probabilities",
            task=gettext(asked.label),
        ),
        name=f"{view.study.name}-{asked.name}-calibration-table",
        takeaway=said,
        data=comparison.table[comparison.table["method"].isin(view.methods)],
        numbers=Numbers(
            scores_frame(view, comparison, [info.key for info in infos]),
            said,
            note=" ".join(map(explained, infos)),
        ),
    )


def title_of(task: Classification) -> str:
    """Heading of the diagrams, before and after scaling."""
    return gettext("{task}: how sure, and how often right", task=gettext(task.label))


def load_reliability(view: StudyView, task: Classification) -> Reliability:
    """Probabilities beside what happened, of all methods, shown or not."""
    return _reliability(task, view.baseline, view.runs)


def _with_probabilities(
    view: StudyView, found: Reliability, task: Classification
) -> list[str]:
    shown = [method for method in view.methods if method in found.methods]
    if not shown:
        raise NothingToShow(
            gettext(
                "No shown method of the study {study} has probabilities of {task}, "
                "only labels. Import predictions with a probability of each class, or "
                "show another method.",
                study=strong(gettext(view.study.title)),
                task=strong(gettext(task.label)),
            )
        )
    return shown


@cached(
    entries=16, says=N_("Comparing probabilities with what happened…"), outlives=True
)
def _reliability(
    task: Classification, baseline: str, runs: tuple[Run, ...]
) -> Reliability:
    aligned = align_predictions(load_tables(runs), [task], baseline)
    return Reliability(
        reliability_curves(aligned, task),
        confidence_histograms(aligned, task),
        confidence_gaps(aligned, task),
    )
