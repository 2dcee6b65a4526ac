"""What changed between two methods: on the shipped study, and at full size."""

import statistics
import time
from collections.abc import Mapping, Sequence
from itertools import pairwise

import pandas as pd

from bench.app import STUDY, open_page, seconds_of_rerun
from bench.fairness import AGE, IMAGES, METHODS, TASK, draw_tables
from core.evaluation.alignment import RunKey, align_predictions
from core.evaluation.answers import collect_answers, describe_images
from core.evaluation.changed import (
    change_keys,
    change_of,
    count_by_class,
    count_changes,
    count_churn,
    mcnemar_of_votes,
)
from core.evaluation.comparison import compare_runs
from core.evaluation.image_errors import image_scores
from core.plots import changed as plots
from core.results.study_runs import load_study_runs, study_options
from core.tasks import Task

VIEW = {"study": STUDY, "task": "ethnicity", "first": "changed", "to": "lmf"}
RERUNS = 9


def measure_rerun() -> tuple[float, str]:
    """Median server time of Errors with what changed, tables cached, in ms."""
    page = open_page("errors", **VIEW)
    seconds = [seconds_of_rerun(page) for _ in range(RERUNS)]
    return 1000 * statistics.median(seconds), f"the whole page, median of {RERUNS}"


def measure_first() -> tuple[float, str]:
    """Seconds of all that the view of the shipped study computes, nothing cached."""
    runs = load_study_runs(STUDY)
    options = study_options(runs.study, runs.runs, runs.tables, runs.study.baseline)
    methods = (runs.study.baseline, "lmf")
    seconds = []
    for task in runs.info.tasks:
        if task.kind == "multiclass":
            tasks = runs.info.tasks
            seconds = _seconds_of_view(runs.tables, tasks, task, methods, options)
    return sum(seconds), _said(seconds, f"{len(runs.tables)} runs")


def measure_many() -> tuple[float, str]:
    """The same of a million images."""
    tables = draw_tables(IMAGES)
    methods = ("method-0", "method-1")
    seconds = _seconds_of_view(tables, (TASK, AGE), TASK, methods, {})
    return sum(seconds), _said(seconds, f"{METHODS} methods x {IMAGES:,} rows")


def _seconds_of_view(
    tables: Mapping[RunKey, pd.DataFrame],
    tasks: Sequence[Task],
    task: Task,
    methods: tuple[str, str],
    options: Mapping[str, object],
) -> list[float]:
    """Seconds of the answers, of the intervals, and of the rest of the view."""
    first, second = methods
    places = [time.perf_counter()]
    aligned = align_predictions(tables, [task], first)
    images = describe_images(tables, tasks, ["gender"], first)
    answers = collect_answers(aligned, task, images["image_id"].to_numpy())
    scores = image_scores(aligned, task)
    places.append(time.perf_counter())
    compared = compare_runs(
        tables, tasks, first, metrics=change_keys(task), **dict(options)
    )
    places.append(time.perf_counter())
    change = change_of(answers, scores, first, second)
    count_changes(change, compared)
    table = count_by_class(change, answers.truth, compared)
    plots.plot_changes(table)
    count_churn(change)
    mcnemar_of_votes(answers, change)
    for is_gained in (True, False):
        change.ranked(gained=is_gained)
    places.append(time.perf_counter())
    return [end - start for start, end in pairwise(places)]


def _said(seconds: Sequence[float], what: str) -> str:
    answers, intervals, rest = seconds
    return (
        f"{what}: answers {answers:.2f} s, intervals {intervals:.2f} s, counts, tests "
        f"and chart {rest:.2f} s"
    )


ROWS = [
    (
        "Errors with what changed between two methods, server time of a rerun",
        "median under 250 ms",
        measure_rerun,
    ),
    (
        "what changed between two methods of the shipped study, the first time",
        "under 1.5 s",
        measure_first,
    ),
    (
        f"what changed between two of {METHODS} methods on {IMAGES:,} rows",
        "under 3 s",
        measure_many,
    ),
]
