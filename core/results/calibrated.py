"""What validation predictions add to a study's results: intervals and temperatures."""

from collections.abc import Sequence
from typing import Any

from core.evaluation.metrics import calibration_keys
from core.results.prediction_intervals import coverage_record, interval_coverage
from core.results.study_runs import StudyRuns
from core.results.temperature_scaling import scale_study, scaling_record
from core.runs import training_keys
from core.tasks import Regression


def calibrated_records(runs: StudyRuns, metrics: Sequence[str] = ()) -> dict[str, Any]:
    """Conformal intervals of numbers, and probabilities after temperature scaling.

    Parameters
    ----------
    runs : StudyRuns
    metrics : sequence of str
        Those that were asked for: tasks are scaled whose calibration is among them.

    Returns
    -------
    dict
        ``prediction_intervals``, a ``coverage_record`` for each number, and
        ``temperature_scaling``, a ``scaling_record`` for each such task.
    """
    validation = runs.validation.tables
    features, tasks = tuple(runs.info.sensitive_features), runs.info.tasks
    baseline = next(iter(runs.tables))[0]
    intervals, scaled = [], []
    for task in tasks:
        if isinstance(task, Regression):
            table = interval_coverage(
                runs.study,
                validation,
                runs.tables,
                task,
                features=features,
                tasks=tasks,
                trainings=training_keys(runs.runs),
            )
            intervals.append(coverage_record(task, table))
        elif set(calibration_keys(task)) & set(metrics):
            found = scale_study(
                runs.study, runs.runs, runs.tables, validation, task, baseline
            )
            scaled.append(scaling_record(found))
    return {"prediction_intervals": intervals, "temperature_scaling": scaled}
