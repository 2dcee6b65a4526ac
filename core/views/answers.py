"""The answers to each test image, collected once for each state of the runs."""

from dataclasses import dataclass

import pandas as pd

from core.evaluation.alignment import align_predictions
from core.evaluation.answers import Answers, collect_answers, describe_images
from core.evaluation.errors import Confusions, count_confusions
from core.evaluation.image_errors import image_scores
from core.evaluation.resampling import Doubles
from core.runs import Run
from core.tasks import Regression, Task
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


def load_errors(view: StudyView, task: Task) -> TaskErrors:
    """Every chosen method's answers to the test images, on one task.

    Raises
    ------
    EquipoiseError
        If the runs are not of the same images, or lack the task.
    """
    order = {method: place for place, method in enumerate(view.methods)}
    runs = tuple(sorted(view.chosen_runs, key=lambda run: order[run.method]))
    others = (t for t in view.tasks if isinstance(t, Regression) and t != task)
    features = (
        *(name for name in view.dataset.sensitive_features if name != task.name),
        *(f"{other.name}_bin" for other in others),
    )
    return _errors(task, view.tasks, features, view.baseline, runs)


@cached(entries=8, says="Collecting the answers…")
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
    aligned = align_predictions(tables, [task], reference)
    images = describe_images(tables, tasks, features, reference)
    confusions = {} if isinstance(task, Regression) else count_confusions(aligned, task)
    answers = collect_answers(aligned, task, images["image_id"].to_numpy())
    return TaskErrors(answers, images, confusions, image_scores(aligned, task))
