"""Methods compared on corrupted test images: on all of them, or by severity."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from core.data.corruptions import CORRUPTIONS, SEVERITIES
from core.data.manifest import TEST
from core.errors import RunError
from core.evaluation.alignment import RunKey
from core.evaluation.comparison import Baseline, Comparison, compare_runs
from core.evaluation.robustness import (
    CONDITION,
    IMAGE,
    corrupted_rows,
    on_common_images,
    with_clean_rows,
)
from core.language import gettext, ngettext
from core.results.document import Document, Lines, Section
from core.results.findings import findings
from core.results.json_values import comparison_record, plain
from core.results.sentences import comparison_notes, reading_notes
from core.results.study_runs import study_options
from core.results.tables import Labels, distinct_metrics, leaderboard
from core.runs import Run
from core.study import Study
from core.tasks import Regression, Task
from core.text import code


def robustness_keys(tasks: Sequence[Task]) -> tuple[str, ...]:
    """The metrics that corrupted images are judged by: errors first, then calibration.

    Over all corruptions and severities, the error rate is the mean corruption error.
    """
    return tuple(
        f"{task.name}.{name}" for task in tasks for name in robustness_names(task)
    )


def robustness_names(task: Task) -> tuple[str, ...]:
    """The same of one task, without its name; the first is shown if none is named."""
    if isinstance(task, Regression):
        return ("mae", "mae_balanced")
    return ("balanced_accuracy", "error_rate", "ece")


@dataclass(frozen=True)
class CorruptedRuns:
    """The runs of a study that answered the same corrupted images.

    Parameters
    ----------
    runs : tuple of Run
    others : tuple of Run
        Runs that answered other images, and cannot stand beside them.
    """

    runs: tuple[Run, ...]
    others: tuple[Run, ...]

    @property
    def methods(self) -> tuple[str, ...]:
        """Methods that can be compared, in the order of the runs."""
        return tuple(dict.fromkeys(run.method for run in self.runs))


@dataclass(frozen=True)
class CorruptedAnswers(CorruptedRuns):
    """These runs with their answers.

    Parameters
    ----------
    runs, others : tuple of Run
    tables : mapping of (method, seed) to DataFrame
        ``evaluation.robustness.corrupted_rows`` of each of ``runs``.
    """

    tables: Mapping[RunKey, pd.DataFrame]


def read_corrupted(runs: Sequence[Run]) -> CorruptedAnswers:
    """Read the answers to corrupted images of the runs that have some.

    Raises
    ------
    RunError
        If a table is damaged.
    """
    measured = [run for run in runs if run.corrupted_images]
    tables, others = on_common_images(
        {(run.method, run.seed): corrupted_rows(run.corrupted()) for run in measured}
    )
    return CorruptedAnswers(
        tuple(run for run in measured if (run.method, run.seed) in tables),
        tuple(run for run in measured if (run.method, run.seed) in others),
        tables,
    )


def compare_corrupted(
    answers: CorruptedAnswers,
    study: Study,
    tasks: Sequence[Task],
    keys: Sequence[str],
    baseline: Baseline,
    *,
    beside: Mapping[RunKey, pd.DataFrame] | None = None,
) -> Comparison:
    """Compare methods on all corrupted images, or in each condition beside the clean.

    Parameters
    ----------
    answers : CorruptedAnswers
    study : Study
    tasks : sequence of Task
    keys : sequence of str
        Metrics.
    baseline : str or Counterparts
    beside : mapping of (method, seed) to DataFrame, optional
        Predictions of the test images. With them the groups of the comparison are the
        conditions: a family of corruptions at a severity, and the same images as they
        are. Without, all corruptions and severities are one.

    Notes
    -----
    Images are resampled with all of their rows. The images are a part of the test set,
    so a design that this was drawn by does not hold for them.
    """
    tables = dict(answers.tables)
    if beside is not None:
        tables = {run: with_clean_rows(own, beside[run]) for run, own in tables.items()}
    options: dict[str, Any] = study_options(study, answers.runs, tables, baseline)
    first = baseline if isinstance(baseline, str) else baseline.first
    seed = min(seed for method, seed in tables if method == first)
    return compare_runs(
        tables,
        tasks,
        baseline,
        by=() if beside is None else (CONDITION,),
        metrics=keys,
        repeats=tables[first, seed][IMAGE],
        **{**options, "design": None},
    )


def require_corrupted(answers: CorruptedAnswers, study: Study, baseline: str) -> None:
    """Refuse to compare where the baseline did not answer corrupted images.

    Raises
    ------
    RunError
    """
    if baseline in answers.methods:
        return
    raise RunError(
        gettext(
            "The baseline '{method}' of study '{study}' was not measured on corrupted "
            "images.",
            method=baseline,
            study=study.name,
        ),
        expected=gettext("a run of it that was measured on the same images."),
        remedy=gettext(
            "measure your own runs: {command}.",
            command=code(f"equipoise robustness {study.name}"),
        ),
    )


def corrupted_document(
    whole: Comparison, labels: Labels, keys: Sequence[str], tasks: tuple[Task, ...]
) -> Document:
    """Say how methods do over all corruptions and severities.

    Parameters
    ----------
    whole : Comparison
        Of ``compare_corrupted``, over all corrupted images.
    labels : mapping of str to str
        What a reader sees of each method, in order.
    keys : sequence of str
    tasks : tuple of Task
    """
    own = {method: labels[method] for method in labels if method in whole.seeds}
    board = leaderboard(
        whole, keys, own, tasks, title=gettext("Over all corruptions and severities")
    )
    said = findings(whole, keys, own, tasks)
    distinct = [first for first, *_ in distinct_metrics(whole, keys)]
    notes = (
        corrupted_counts(whole),
        *reading_notes(whole, distinct, tasks),
        *comparison_notes(whole, own),
    )
    return Document(
        (
            Section("leaderboard", (board,)),
            Section("notes", (Lines("notes", notes),)),
            Section("findings", (Lines("findings", said, gettext("What it says")),)),
        )
    )


def corrupted_counts(whole: Comparison) -> str:
    """How many images, corruptions and severities stand behind the numbers."""
    return ngettext(
        "{count} test image, under each of {corruptions} corruptions at {severities} "
        "severities.",
        "{count} test images, each under {corruptions} corruptions at {severities} "
        "severities.",
        whole.rows,
        corruptions=len(CORRUPTIONS),
        severities=len(SEVERITIES),
    )


def corrupted_record(
    answers: CorruptedAnswers, study: Study, tasks: Sequence[Task], baseline: str
) -> dict[str, Any]:
    """Everything about corrupted images that ``equipoise compare --json`` holds.

    Returns
    -------
    dict
        ``corruptions``, ``severities`` and ``images``; ``comparison`` over all of them,
        as of the test images; and ``conditions``, each a family with its severity or
        ``"clean"``: by method and metric ``mean``, ``ci`` and ``n``.
    """
    keys = robustness_keys(tasks)
    clean = {(run.method, run.seed): run.predictions(TEST) for run in answers.runs}
    whole = compare_corrupted(answers, study, tasks, keys, baseline)
    parts = compare_corrupted(answers, study, tasks, keys, baseline, beside=clean)
    conditions: dict[str, dict[str, dict[str, Any]]] = {}
    for row in parts.groups.to_dict("records"):
        own = conditions.setdefault(row["group"], {}).setdefault(row["method"], {})
        own[row["metric"]] = {
            "mean": plain(row["mean"]),
            "ci": [plain(row["low"]), plain(row["high"])],
            "n": row["n"],
        }
    return {
        "corruptions": list(CORRUPTIONS),
        "severities": list(SEVERITIES),
        "images": whole.rows,
        "comparison": comparison_record(whole, study.name),
        "conditions": conditions,
    }
