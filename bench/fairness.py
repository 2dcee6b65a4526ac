"""Fairness at full size: a million rows, five methods, three sensitive features."""

import resource
import sys
import time

import numpy as np
import pandas as pd

from core.evaluation.comparison import compare_runs
from core.evaluation.whatif import choose, count_scores
from core.tasks import Binary, Regression

IMAGES = 1_000_000
METHODS = 5
TASK = Binary("label", "Label", ("no", "yes"))
AGE = Regression("age", "Age", "years", 1, 80, 10)
GENDER, ETHNICITY = ("male", "female"), ("White", "Black", "Asian", "Indian")
FEATURES = ("gender", "ethnicity", "age_bin")
METRICS = (
    "accuracy",
    "precision",
    "recall",
    "f1",
    "selection_rate",
    "false_positive_rate",
    "false_negative_rate",
)
REPEATS = 20


def draw_tables(rows: int) -> dict[tuple[str, int], pd.DataFrame]:
    """Draw predictions of five methods for the same images."""
    rng = np.random.default_rng(0)
    gender, ethnicity = rng.integers(0, 2, rows), rng.integers(0, 4, rows)
    truth = rng.random(rows) < 0.2 + 0.1 * gender
    images = pd.DataFrame(
        {
            "image_id": np.char.add("image-", np.arange(rows).astype(str)),
            "gender": np.array(GENDER)[gender],
            "ethnicity": np.array(ETHNICITY)[ethnicity],
            "age_true": rng.integers(1, 80, rows),
            "label_true": np.array(TASK.classes)[truth.astype(int)],
        }
    )
    tables = {}
    for method in range(METHODS):
        logits = rng.normal(2.4 * truth - 1.2 - 0.1 * ethnicity, 1.0)
        scores = (1 / (1 + np.exp(-logits))).astype(np.float32)
        tables[f"method-{method}", 0] = images.assign(
            label_pred=np.array(TASK.classes)[(scores > 0.5).astype(int)],
            label_p_no=1 - scores,
            label_p_yes=scores,
        )
    return tables


def peak_gib() -> float:
    """Largest memory this process has held, in GiB."""
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 2**30


def measure_comparison() -> tuple[float, str]:
    """Groups, gaps and differences of every metric that labels have."""
    tables = draw_tables(IMAGES)
    drawn = peak_gib()
    start = time.perf_counter()
    found = compare_runs(
        tables,
        (TASK, AGE),
        "method-0",
        by=FEATURES,
        metrics=[f"{TASK.name}.{name}" for name in METRICS],
    )
    seconds = time.perf_counter() - start
    return seconds, (
        f"{len(found.grouping.present)} groups, {len(found.cells):,} values and"
        f" differences; at most {peak_gib():.1f} GiB, of"
        f" which the tables {drawn:.1f}"
    )


def measure_areas() -> tuple[float, str]:
    """The area under the ROC curve in every group, which sorts all scores."""
    tables = draw_tables(IMAGES)
    start = time.perf_counter()
    compare_runs(
        tables,
        (TASK, AGE),
        "method-0",
        by=FEATURES,
        metrics=[f"{TASK.name}.auc"],
    )
    return time.perf_counter() - start, f"at most {peak_gib():.1f} GiB"


def measure_thresholds() -> tuple[float, str]:
    """A threshold moved: all rates, gaps and the curve; in milliseconds."""
    tables = draw_tables(IMAGES)
    start = time.perf_counter()
    counts = count_scores(
        tables, (TASK, AGE), "method-0", task=TASK.name, features=FEATURES
    )
    counted = time.perf_counter() - start
    thresholds = dict.fromkeys(counts.grouping.names, 0.4)
    seconds = []
    for _ in range(REPEATS):
        start = time.perf_counter()
        counts.at("method-1", thresholds)
        seconds.append(time.perf_counter() - start)
    start = time.perf_counter()
    counts.curve("method-1")
    curve = time.perf_counter() - start
    start = time.perf_counter()
    choose(counts, "method-1", "equalized_odds", most=0.05)
    choice = time.perf_counter() - start
    return 1000 * float(np.median(seconds)), (
        f"{len(counts.grouping.present)} groups; curve {1000 * curve:.0f} ms; best"
        f" thresholds under equalized odds {choice:.1f} s; scores counted once in"
        f" {counted:.1f} s"
    )


ROWS = [
    (
        f"fairness of {METHODS} methods x {IMAGES:,} rows in the groups of three"
        " features crossed, with intervals",
        "under 2 s",
        measure_comparison,
    ),
    ("the same, areas under the ROC curve", "under 4 s", measure_areas),
    (
        f"what-if: rates and gaps of {IMAGES:,} rows at other thresholds",
        "under 10 ms",
        measure_thresholds,
    ),
]
