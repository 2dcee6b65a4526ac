"""The comparison of a study's runs, as ``compare`` and ``methods`` both need it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from core.commands.console import warn_of
from core.errors import RunError, StudyError

if TYPE_CHECKING:
    import pandas as pd

    from core.data.manifest import DatasetInfo
    from core.evaluation.compare import Comparison
    from core.study import Study
    from core.tasks import Task


def compare_runs(
    name: str, asked: Sequence[str], against: str | None = None
) -> tuple[Comparison, pd.DataFrame, Study, DatasetInfo]:
    """Compare the runs of a study on the test split, by the metrics asked for too.

    With the study's baseline, or with another method. The second is what each of
    these runs cost.
    """
    from core.data.catalog import dataset_of
    from core.data.manifest import TEST, TRAINING
    from core.evaluation.classification import training_counts
    from core.evaluation.compare import compare
    from core.evaluation.cost import run_costs
    from core.evaluation.metrics import further_keys, top_k
    from core.runs import (
        list_runs,
        shipped_manifest,
        study_of_runs,
        training_keys,
        with_imported,
    )

    study = study_of_runs(name)
    listing = list_runs(study.name)
    warn_of(listing.problems)
    info = dataset_of(study, shipped_manifest, needed=True)
    tables = {}
    for run in listing.runs:
        try:
            tables[run.method, run.seed] = run.predictions(TEST)
        except RunError as error:
            warn_of([str(error)])
    present = dict.fromkeys(method for method, _ in tables)
    if against is not None and against not in present:
        raise StudyError(
            f"There is no run of a method '{against}' in study '{study.name}'.",
            expected=f"one of {', '.join(present) or 'none yet'}.",
            remedy="correct --against, or train that method.",
        )
    if against is None and study.baseline not in present:
        raise StudyError(
            f"The baseline '{study.baseline}' of study '{study.name}' has no run.",
            expected="at least one run of the baseline to compare with.",
            remedy=f"train it: equipoise train {study.name} --method {study.baseline}.",
        )
    manifest = shipped_manifest(study.name)
    rows = None if manifest is None else manifest[manifest["split"] == TRAINING]
    comparison = compare(
        tables,
        info.tasks,
        against or study.baseline,
        training_counts=training_counts(rows, info.tasks),
        further=[
            *(key for key in asked if top_k(key.rpartition(".")[2])),
            *further_keys(info.tasks, study.headline),
        ],
        trainings=training_keys(listing.runs),
    )
    compared = [run for run in listing.runs if (run.method, run.seed) in tables]
    return comparison, run_costs(compared), with_imported(study, compared), info


def headline_there(
    table: pd.DataFrame, study: Study, tasks: Sequence[Task]
) -> list[str]:
    """The study's own headline; what its comparison does not have is warned of.

    There is no accuracy of a shot group without classes in it, and no top-k accuracy
    of more classes than there are.
    """
    from core.evaluation.metrics import headline_keys

    if not study.headline:
        return []
    keys, known = headline_keys(tasks, study.headline), set(table["metric"])
    warn_of(
        [
            f"the headline '{key}', which this comparison of study '{study.name}' does "
            "not have; take it out of `headline` in the study's file."
            for key in keys
            if key not in known
        ]
    )
    return [key for key in keys if key in known]
