"""What changed between each method and its baseline, as plain values for JSON."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from core.evaluation.alignment import RunKey, align_predictions
from core.evaluation.answers import Answers, collect_answers
from core.evaluation.changed import (
    COUNTS,
    Change,
    change_of,
    count_churn,
    count_groups,
    count_shifts,
    mcnemar_of_votes,
    share_trainings,
    true_labels,
)
from core.evaluation.comparison import Comparison
from core.evaluation.image_errors import image_scores
from core.results.json_values import Record, plain
from core.results.study_runs import StudyRuns
from core.runs import training_keys
from core.tasks import Regression


def changes_record(runs: StudyRuns, comparison: Comparison) -> list[Record]:
    """What every method gains and loses against what it is compared with.

    Returns
    -------
    list of dict
        One a task and compared method: ``task``, ``method``, ``against`` and
        ``images``. Of classes ``gained``, ``lost``, ``net``, ``gained_in_all`` and
        ``lost_in_all`` as ``evaluation.changed.count_changes`` has them; the same
        ``by_class``; ``churn``, the images ``gained``, ``lost`` and ``retrained`` from
        one training to another (None where both share their trainings); and
        ``mcnemar``, with ``gained``, ``lost`` and ``p`` of the answers that most seeds
        give. Of a number the images that are ``closer`` to the truth and ``farther``.
        Intervals are those of the accuracy, the recalls and the MAE.
    """
    tasks = runs.info.tasks
    aligned = align_predictions(runs.tables, tasks, comparison.baseline)
    trainings = training_keys(runs.runs)
    records = []
    for task in tasks:
        answers = collect_answers(aligned, task, np.arange(aligned.rows).astype(object))
        scores = image_scores(aligned, task)
        for method, against in comparison.references.items():
            change = change_of(answers, scores, against, method)
            counted = (
                count_shifts(change)._asdict()
                if isinstance(task, Regression)
                else _counts(answers, change, trainings)
            )
            named = {"task": task.name, "method": method, "against": against}
            records.append({**named, **counted})
    return records


def _counts(
    answers: Answers, change: Change, trainings: Mapping[RunKey, str]
) -> Record:
    whole = np.full(len(change.gain), "", object)
    labels = true_labels(change, answers.truth.astype(np.int64))
    by_class = count_groups(change, labels, answers.categories).set_index("group")
    churn = None
    if not share_trainings(trainings, change):
        counted = count_churn(change)._asdict()
        churn = {name: plain(value) for name, value in counted.items()}
    return {
        **_plain(count_groups(change, whole, [""])[[*COUNTS]].iloc[0].to_dict()),
        "by_class": {
            name: _plain(row) for name, row in by_class.to_dict("index").items()
        },
        "churn": churn,
        "mcnemar": mcnemar_of_votes(answers, change)._asdict(),
    }


def _plain(row: dict[Any, Any]) -> Record:
    """Counts, those of whole images as whole numbers."""
    whole = ("images", "gained_in_all", "lost_in_all")
    return {k: int(v) if k in whole else plain(v) for k, v in row.items()}
