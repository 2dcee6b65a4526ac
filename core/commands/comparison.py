"""The runs of a study side by side, as ``compare`` and ``methods`` both need them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from core.commands.console import warn_of
from core.errors import EquipoiseError, RunError, StudyError

if TYPE_CHECKING:
    import pandas as pd

    from core.data.manifest import DatasetInfo
    from core.evaluation.compare import Comparison
    from core.evaluation.fairness import GroupComparison
    from core.evaluation.fairness_views import FairnessView
    from core.runs import Run
    from core.study import Study
    from core.tasks import Task


@dataclass(frozen=True)
class StudyRuns:
    """The runs of a study, and what they answered on the test images.

    Parameters
    ----------
    study : Study
    info : DatasetInfo
    runs : tuple of Run
        Those that could be read.
    tables : mapping of (method, seed) to DataFrame
    """

    study: Study
    info: DatasetInfo
    runs: tuple[Run, ...]
    tables: dict[tuple[str, int], pd.DataFrame]

    @property
    def trainings(self) -> dict[tuple[str, int], str]:
        """Which runs are of one training."""
        from core.runs import training_keys

        return training_keys(self.runs)

    def costs(self) -> pd.DataFrame:
        """What each run cost."""
        from core.evaluation.cost import run_costs

        return run_costs(self.runs)

    def compare(
        self, asked: Sequence[str] = (), against: str | None = None
    ) -> Comparison:
        """Compare them with the baseline, or another method, by metrics asked for too.

        Raises
        ------
        StudyError
            If there is no run of the method to compare with.
        """
        from core.data.manifest import TRAINING
        from core.evaluation.classification import training_counts
        from core.evaluation.compare import compare
        from core.evaluation.metrics import further_keys, top_k
        from core.runs import shipped_manifest

        manifest = shipped_manifest(self.study.name)
        rows = None if manifest is None else manifest[manifest["split"] == TRAINING]
        return compare(
            self.tables,
            self.info.tasks,
            self._reference(against),
            training_counts=training_counts(rows, self.info.tasks),
            further=[
                *(key for key in asked if top_k(key.rpartition(".")[2])),
                *further_keys(self.info.tasks, self.study.headline),
            ],
            trainings=self.trainings,
        )

    def compare_groups(
        self,
        views: Sequence[FairnessView],
        against: str | None = None,
        *,
        asked: bool = True,
    ) -> dict[tuple[FairnessView, ...], GroupComparison]:
        """Compare them within groups; views of one task and crossing together.

        What cannot be compared is refused if a person ``asked`` for it, else warned of.
        """
        from core.evaluation.fairness import compare_groups

        together: dict[tuple[str, tuple[str, ...]], list[FairnessView]] = {}
        for view in views:
            together.setdefault((view.task, view.features), []).append(view)
        found = {}
        for (task, features), own in together.items():
            try:
                found[tuple(own)] = compare_groups(
                    self.tables,
                    self.info.tasks,
                    self._reference(against),
                    task=task,
                    features=features,
                    metrics=[view.metric for view in own],
                    trainings=self.trainings,
                )
            except EquipoiseError as error:
                if asked:
                    raise
                warn_of([str(error)])
        return found

    def _reference(self, against: str | None) -> str:
        study = self.study
        present = dict.fromkeys(method for method, _ in self.tables)
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
                remedy=f"train it: equipoise train {study.name} --method "
                f"{study.baseline}.",
            )
        return against or study.baseline


def load_runs(name: str) -> StudyRuns:
    """Read the runs of a study; those that cannot be read are warned of."""
    from core.data.catalog import dataset_of
    from core.data.manifest import TEST
    from core.runs import list_runs, shipped_manifest, study_of_runs, with_imported

    study = study_of_runs(name)
    listing = list_runs(study.name)
    warn_of(listing.problems)
    info = dataset_of(study, shipped_manifest, needed=True)
    runs, tables = [], {}
    for run in listing.runs:
        try:
            tables[run.method, run.seed] = run.predictions(TEST)
        except RunError as error:
            warn_of([str(error)])
        else:
            runs.append(run)
    return StudyRuns(with_imported(study, runs), info, tuple(runs), tables)


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
