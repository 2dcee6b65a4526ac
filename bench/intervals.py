"""Speed of the intervals: against fairlearn's bootstrap, and at full size."""

import statistics
import time
from collections.abc import Callable

import numpy as np
import pandas as pd
from fairlearn.metrics import MetricFrame
from sklearn.metrics import accuracy_score

from core.evaluation.comparison import compare_runs
from core.tasks import Binary, Multiclass, Regression, Task

AGE = Regression("age", "Age", "years", 1, 80, 10)
GENDER = Binary("gender", "Gender", ("male", "female"))
ETHNICITY = Multiclass("ethnicity", "Ethnicity", ("White", "Black", "Asian", "Indian"))
RESAMPLES = 2_000
ROWS_FAIRLEARN = 640
REPEATS = 7


def draw_table(rows: int, seed: int) -> pd.DataFrame:
    """Draw predictions of one run; the images are the same for every seed."""
    images, run = np.random.default_rng(rows), np.random.default_rng([rows, seed])
    age = images.integers(1, 80, rows)
    table = {
        "image_id": [f"image-{i:06d}" for i in range(rows)],
        "age_true": age.astype(np.float64),
        "age_pred": np.clip(age + run.normal(0, 9, rows), 1, 80),
    }
    for task, wrong in ((GENDER, 0.16), (ETHNICITY, 0.3)):
        true = images.choice(task.classes, rows)
        other = run.choice(task.classes, rows)
        table[f"{task.name}_true"] = true
        table[f"{task.name}_pred"] = np.where(run.random(rows) < wrong, other, true)
    return pd.DataFrame(table).assign(gender=table["gender_true"])


def median_seconds(work: Callable[[], object]) -> float:
    """Median wall time of several calls after a first one that warms up."""
    work()
    times = []
    for _ in range(REPEATS):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def measure_against_fairlearn() -> tuple[float, str]:
    """Accuracy, overall and by gender: fairlearn for one method, ours for a pair.

    Ours also gives the paired difference, its p-value and the task's other metrics.
    """
    tables = {
        ("baseline", 0): draw_table(ROWS_FAIRLEARN, 0),
        ("ins", 0): draw_table(ROWS_FAIRLEARN, 1),
    }
    tasks: tuple[Task, ...] = (ETHNICITY,)

    def ours() -> None:
        compare_runs(tables, tasks, "baseline", resamples=RESAMPLES)
        compare_runs(
            tables,
            tasks,
            "baseline",
            by=["gender"],
            metrics=["ethnicity.accuracy"],
            resamples=RESAMPLES,
        )

    seconds = median_seconds(ours)
    table = tables["baseline", 0]
    start = time.perf_counter()
    MetricFrame(
        metrics=accuracy_score,
        y_true=table["ethnicity_true"],
        y_pred=table["ethnicity_pred"],
        sensitive_features=table["gender"],
        n_boot=RESAMPLES,
        ci_quantiles=[0.025, 0.975],
        random_state=0,
    )
    theirs = time.perf_counter() - start
    return theirs / seconds, (
        f"{ROWS_FAIRLEARN:,} rows, accuracy overall and by gender: fairlearn"
        f" {theirs:.1f} s for one method, ours {seconds * 1000:.0f} ms for a pair"
    )


def measure_full_comparison() -> tuple[float, str]:
    """Twelve methods, every metric of three tasks."""
    names = ["baseline", *(f"method-{i}" for i in range(1, 12))]
    tables = {(name, 0): draw_table(50_000, i) for i, name in enumerate(names)}
    tasks = (AGE, GENDER, ETHNICITY)
    metrics = compare_runs(tables, tasks, "baseline").table["metric"].nunique()
    seconds = median_seconds(lambda: compare_runs(tables, tasks, "baseline"))
    return seconds, f"{metrics} metrics of three tasks, {RESAMPLES:,} resamples"


ROWS = [
    (
        "paired intervals, 2,000 resamples, against fairlearn's bootstrap for the same"
        " metric and resamples",
        "100 x faster",
        measure_against_fairlearn,
    ),
    (
        "12 methods x 50,000 predictions, full comparison with intervals",
        "under 1 s",
        measure_full_comparison,
    ),
]
