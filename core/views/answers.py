"""The answers to each test image, collected once for each state of the runs."""

from contextlib import suppress
from dataclasses import dataclass

import pandas as pd

from core.data.manifest import TEST, VALIDATION
from core.errors import EquipoiseError, NothingToShow
from core.evaluation.answers import Answers, collect_answers, describe_images
from core.evaluation.errors import Confusions, count_confusions
from core.evaluation.image_errors import image_scores
from core.evaluation.label_errors import SplitPredictions
from core.evaluation.resampling import Doubles
from core.language import N_, gettext
from core.results.explain_label import align_split
from core.runs import Run
from core.tasks import Regression, Task
from core.text import emphasis, strong
from core.views.caching import cached
from core.views.loads import load_tables
from core.views.study_view import StudyView


@dataclass(frozen=True)
class TaskErrors:
    """One task's answers and what they add up to.

    Parameters
    ----------
    answers : Answers
    images : DataFrame
        Ids and groups of the images.
    confusions : dict of str to Confusions
        By method; empty for a number.
    scores : float64 array, shape (methods, images)
        How each method does on each image (``image_errors.image_scores``).
    """

    answers: Answers
    images: pd.DataFrame
    confusions: dict[str, Confusions]
    scores: Doubles

    @property
    def features(self) -> tuple[str, ...]:
        """Features that the images can be filtered by."""
        return tuple(name for name in self.images.columns if name != "image_id")


def methods_with_runs(view: StudyView) -> list[str]:
    """The shown methods that have a run with a chosen seed, in the study's order.

    Raises
    ------
    NothingToShow
        If there is none.
    """
    trained = {run.method for run in view.chosen_runs}
    methods = [method for method in view.methods if method in trained]
    if not methods:
        raise NothingToShow(
            gettext(
                "No shown method has a run with the chosen seeds. Choose other seeds "
                "or methods under {button}.",
                button=emphasis(gettext("Methods and seeds")),
            )
        )
    return methods


def usual_method(view: StudyView) -> str:
    """The method whose errors are looked at where none is named: the baseline.

    Beside another study, the first method that has a counterpart there.
    """
    methods = methods_with_runs(view)
    usual = next(iter(view.references)) if view.has_counterparts else view.baseline
    return usual if usual in methods else methods[0]


def method_of(view: StudyView, name: str = "") -> str:
    """The method that a view asks for by name; ``usual_method`` where it names none.

    Raises
    ------
    NothingToShow
        If it is not among the shown methods that have runs.
    """
    if not name:
        return usual_method(view)
    if name not in methods_with_runs(view):
        raise NothingToShow(
            gettext(
                "The study {study} shows no run of a method {method}.",
                study=strong(view.title),
                method=strong(name),
            )
        )
    return name


def load_errors(view: StudyView, task: Task) -> TaskErrors:
    """Every chosen method's answers to the test images, on one task.

    Raises
    ------
    EquipoiseError
        If the runs are not of the same images, or lack the task.
    """
    others = (t for t in view.tasks if isinstance(t, Regression) and t != task)
    features = (
        *(name for name in view.dataset.sensitive_features if name != task.name),
        *(f"{other.name}_bin" for other in others),
    )
    runs = _in_order_shown(view)
    return _errors(task, view.tasks, features, view.baseline, runs)


def load_held_out_predictions(
    view: StudyView, task: Task
) -> dict[str, SplitPredictions]:
    """The predictions of the images that no method was trained on, by split.

    A split whose predictions do not go together is left out, as one without images is.
    """
    return {
        split: _aligned(split, task, view.baseline, runs)
        for split, runs in _held_out_runs(view, task).items()
    }


def load_held_out_answers(view: StudyView, task: Task) -> dict[str, Answers]:
    """Every chosen method's answers to these images; as the predictions of them."""
    return {
        split: _answers(split, task, view.baseline, runs)
        for split, runs in _held_out_runs(view, task).items()
    }


def _in_order_shown(view: StudyView) -> tuple[Run, ...]:
    order = {method: place for place, method in enumerate(view.methods)}
    return tuple(sorted(view.chosen_runs, key=lambda run: order[run.method]))


def _held_out_runs(view: StudyView, task: Task) -> dict[str, tuple[Run, ...]]:
    """The runs that have images of each split, where they can be put in one order."""
    found = {}
    for split in (VALIDATION, TEST):
        tables = load_tables(_in_order_shown(view), split)
        # Predictions of others may be of the test images alone.
        runs = tuple(
            run
            for run in _in_order_shown(view)
            if len(tables.get((run.method, run.seed), ()))
        )
        with suppress(EquipoiseError):
            _answers(split, task, view.baseline, runs)
            found[split] = runs
    return found


# Probabilities of all images and classes: two splits of one task, and no more.
@cached(entries=2)
def _aligned(
    split: str, task: Task, baseline: str, runs: tuple[Run, ...]
) -> SplitPredictions:
    return align_split(load_tables(runs, split), task, baseline)


@cached(entries=16, outlives=True)
def _answers(split: str, task: Task, baseline: str, runs: tuple[Run, ...]) -> Answers:
    own = _aligned(split, task, baseline, runs)
    return collect_answers(own.aligned, task, own.image_ids)


@cached(entries=8, says=N_("Collecting the answers…"), outlives=True)
def _errors(
    task: Task,
    tasks: tuple[Task, ...],
    features: tuple[str, ...],
    baseline: str,
    runs: tuple[Run, ...],
) -> TaskErrors:
    tables = load_tables(runs)
    trained = [method for method, _ in tables]
    reference = baseline if baseline in trained else trained[0]
    aligned = _aligned(TEST, task, baseline, runs).aligned
    images = describe_images(tables, tasks, features, reference)
    confusions = {} if isinstance(task, Regression) else count_confusions(aligned, task)
    answers = _answers(TEST, task, baseline, runs)
    return TaskErrors(answers, images, confusions, image_scores(aligned, task))
