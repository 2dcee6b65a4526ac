"""The runs of a study side by side: all results of the study are computed from here."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import pandas as pd

from core.data.catalog import dataset_of, test_strata
from core.data.manifest import TEST, TRAINING, VALIDATION, DatasetInfo
from core.errors import EquipoiseError, RunError, StudyError
from core.evaluation import metrics
from core.evaluation.comparison import (
    Baseline,
    Comparison,
    Counterparts,
    compare_runs,
    first_baseline,
)
from core.evaluation.comparison_rows import STUDY_FAMILY
from core.evaluation.confusion_counts import training_counts
from core.evaluation.cost import run_costs
from core.evaluation.fairness_views import FairnessView
from core.language import N_, gettext
from core.results.tables import method_labels
from core.results.two_studies import TwoStudies, join_studies
from core.runs import (
    Run,
    RunListing,
    ValidationTables,
    is_added,
    list_runs,
    read_validation,
    shipped_manifest,
    study_of_runs,
    training_keys,
    with_imported,
)
from core.study import Study

IMPORTED_FAMILY = N_("imported predictions")
Views = tuple[FairnessView, ...]


@dataclass(frozen=True)
class StudyRuns:
    """The runs of a study, and what they answered on the test images.

    ``runs`` are those that could be read, ``problems`` say why others could not, and
    ``given_margins`` are the metrics whose margin is not the study's own. Beside
    another study, ``two`` says how the two are put together: study and runs are then
    of both.
    """

    study: Study
    info: DatasetInfo
    runs: tuple[Run, ...]
    tables: Mapping[tuple[str, int], pd.DataFrame]
    problems: tuple[str, ...] = ()
    given_margins: tuple[str, ...] = ()
    two: TwoStudies | None = None

    @cached_property
    def labels(self) -> dict[str, str]:
        """The label of each method with runs, in the study's order."""
        return method_labels(self.study, (method for method, _ in self.tables))

    @cached_property
    def validation(self) -> ValidationTables:
        """What they answered on the validation images, as far as it can be read."""
        return read_validation(self.runs)

    @property
    def held_out(self) -> dict[str, Mapping[tuple[str, int], pd.DataFrame]]:
        """Predictions of the splits that no method was trained on, by split."""
        return {VALIDATION: self.validation.tables, TEST: self.tables}

    def _options(self, baseline: Baseline) -> dict[str, Any]:
        return study_options(self.study, self.runs, self.tables, baseline)

    def costs(self) -> pd.DataFrame:
        """The costs of each run (``cost.run_costs``)."""
        return run_costs(self.runs)

    def compare(
        self, asked: Sequence[str] = (), against: str | None = None
    ) -> Comparison:
        """Compare them with the baseline, or another method, by metrics asked for too.

        Beside another study, each method with the same method there, unless
        ``against`` is given.

        Raises
        ------
        StudyError
            If there is no run of the method to compare with.
        """
        manifest = shipped_manifest(self.study.name)
        rows = None if manifest is None else manifest[manifest["split"] == TRAINING]
        tasks = self.info.tasks
        counts = training_counts(rows, tasks)
        further = (
            *(key for key in asked if metrics.top_k(key.rpartition(".")[2])),
            *metrics.further_keys(tasks, (*asked, *self.study.headline)),
        )
        reference = self._reference(against)
        return compare_runs(
            self.tables,
            tasks,
            reference,
            metrics=metrics.study_metric_keys(tasks, counts, further),
            training_counts=counts,
            **self._options(reference),
        )

    def compare_groups(
        self, views: Sequence[FairnessView], against: str | None = None
    ) -> tuple[dict[Views, Comparison], tuple[EquipoiseError, ...]]:
        """Compare them within groups; views of one task and crossing together.

        Returns the comparisons by their views, and why some could not be made.
        """
        together: dict[tuple[str, tuple[str, ...]], list[FairnessView]] = {}
        for view in views:
            together.setdefault((view.task, view.features), []).append(view)
        found: dict[Views, Comparison] = {}
        errors = []
        for (_, features), own in together.items():
            try:
                reference = self._reference(against)
                found[tuple(own)] = compare_runs(
                    self.tables,
                    self.info.tasks,
                    reference,
                    by=features,
                    metrics=[view.metric for view in own],
                    **self._options(reference),
                )
            except EquipoiseError as error:
                errors.append(error)
        return found, tuple(errors)

    def headline(self, comparison: Comparison) -> tuple[list[str], tuple[str, ...]]:
        """The default metrics of a leaderboard, and the problem with them, if any.

        The study's own headline, as far as the comparison has it: there is no accuracy
        of a shot group without classes in it, and no top-k accuracy of more classes
        than there are. Else the first one of each task. Then what the study asks for
        and the comparison does not have.
        """
        tasks, known = self.info.tasks, set(comparison.table["metric"])
        if not self.study.headline:
            return list(metrics.headline_keys(tasks)), ()
        keys = metrics.headline_keys(tasks, self.study.headline)
        problems = tuple(
            gettext(
                "the headline '{key}', which this comparison of study '{study}' does"
                " not have; take it out of `headline` in the study's file.",
                key=key,
                study=self.study.name,
            )
            for key in keys
            if key not in known
        )
        return [key for key in keys if key in known] or list(
            metrics.headline_keys(tasks)
        ), problems

    def chosen(
        self, comparison: Comparison, asked: Sequence[str], within: set[str]
    ) -> list[str]:
        """Metrics of the leaderboard among those asked for.

        ``within`` are metrics of groups, which are left out.

        Raises
        ------
        EquipoiseError
            If one exists neither over all images nor within groups.
        """
        known = dict.fromkeys(comparison.table["metric"])
        for key in asked:
            if key not in known and key not in within:
                raise metrics.unknown_metric(
                    key, known, study=gettext("study '{study}'", study=self.study.name)
                )
        return [key for key in asked if key in known]

    def _reference(self, against: str | None) -> Baseline:
        study = self.study
        if self.two is not None and against is None:
            return self._counterparts(self.two)
        present = dict.fromkeys(method for method, _ in self.tables)
        if against is not None and against not in present:
            raise StudyError(
                gettext(
                    "There is no run of a method '{method}' in study '{study}'.",
                    method=against,
                    study=study.name,
                ),
                expected=gettext(
                    "one of {names}.", names=", ".join(present) or gettext("none yet")
                ),
                remedy=gettext("correct --against, or train that method."),
            )
        if against is None and study.baseline not in present:
            raise StudyError(
                gettext(
                    "The baseline '{method}' of study '{study}' has no run.",
                    method=study.baseline,
                    study=study.name,
                ),
                expected=gettext("at least one run of the baseline to compare with."),
                remedy=gettext(
                    "train it: equipoise train {study} --method {method}.",
                    study=study.name,
                    method=study.baseline,
                ),
            )
        return against or study.baseline

    def _counterparts(self, two: TwoStudies) -> Counterparts:
        """The pairs of methods that both have runs that could be read."""
        present = {method for method, _ in self.tables}
        pairs = dict(two.counterparts.by_method) if two.counterparts else {}
        pairs = {m: other for m, other in pairs.items() if {m, other} <= present}
        if not pairs:
            own, other = two.names
            raise StudyError(
                gettext(
                    "No method has runs in both studies, '{study}' and '{other}'.",
                    study=own,
                    other=other,
                ),
                expected=gettext(
                    "a method that both studies have, or one to compare all with."
                ),
                remedy=gettext(
                    "give --against METHOD: one of {names}.",
                    names=", ".join(sorted(present)),
                ),
            )
        return Counterparts(pairs, two.other.name)


def load_study_runs(
    name: str, margins: Mapping[str, float] | None = None, beside: str | None = None
) -> StudyRuns:
    """Read the runs of a study, and of another one to set beside it.

    ``margins`` are differences that do not matter, by metric, in place of the study's
    own.

    Raises
    ------
    StudyError
        If the studies have no test images in common, or otherwise cannot be compared.
    """
    study, info, listing = _listed(name)
    runs, two, problems = listing.runs, None, list(listing.problems)
    if beside is not None:
        other, other_info, other_listing = _listed(beside)
        two = join_studies(
            study, info, listing.runs, other, other_info, other_listing.runs
        )
        study, info, runs = two.study, two.info, two.runs
        problems += other_listing.problems
    return _read_runs(study, info, runs, problems, margins or {}, two)


def _listed(name: str) -> tuple[Study, DatasetInfo, RunListing]:
    study = study_of_runs(name)
    listing = list_runs(study.name)
    return study, dataset_of(study, shipped_manifest, needed=True), listing


def _read_runs(
    study: Study,
    info: DatasetInfo,
    listed: Sequence[Run],
    problems: list[str],
    margins: Mapping[str, float],
    two: TwoStudies | None,
) -> StudyRuns:
    """Read their predictions; what cannot be read is one of the problems."""
    runs, tables = [], {}
    for run in listed:
        try:
            tables[run.method, run.seed] = run.predictions(TEST)
        except RunError as error:
            problems.append(str(error))
        else:
            runs.append(run)
    if two is None:
        study = with_imported(study, runs)
    study = study.model_copy(update={"margins": {**study.margins, **margins}})
    return StudyRuns(
        study, info, tuple(runs), tables, tuple(problems), tuple(margins), two
    )


def study_options(
    study: Study,
    runs: Iterable[Run],
    tables: Mapping[tuple[str, int], pd.DataFrame],
    baseline: Baseline,
) -> dict[str, Any]:
    """Options of ``comparison.compare_runs`` that follow from a study and its runs.

    Parameters
    ----------
    study : Study
    runs : iterable of Run
    tables : mapping of (method, seed) to DataFrame
        Their predictions of the test images.
    baseline : str or Counterparts
        What they are compared with.

    Notes
    -----
    Predictions that were imported into a study are a family of their own, so that what
    a visitor adds does not change what the study says of its own methods. The runs of a
    study that was made of a table are its own. A part of a test set that was drawn by
    strata was not drawn so itself: how many images a stratum has is then chance too.
    """
    listed = list(runs)
    families = {
        run.method: IMPORTED_FAMILY if is_added(run) else STUDY_FAMILY for run in listed
    }
    first = first_baseline(baseline)
    seeds = [seed for method, seed in tables if method == first]
    # A table of predictions does not say how its images were drawn.
    is_drawn = study.is_trained and bool(seeds)
    is_drawn &= all(run.only is None for run in listed)
    return {
        "trainings": training_keys(listed),
        "families": families,
        "margins": study.margins,
        "design": test_strata(study, tables[first, min(seeds)]) if is_drawn else None,
    }
