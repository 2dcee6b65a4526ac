"""Temperature scaling and conformal coverage: the views, and a million rows."""

import statistics
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd

from bench.app import RERUNS, STUDY, open_page, seconds_of_rerun
from core.data.manifest import TEST, VALIDATION
from core.results.prediction_intervals import interval_coverage
from core.results.study_runs import load_study_runs
from core.results.temperature_scaling import scale_study
from core.runs import first_models
from core.tasks import Binary, Regression
from tests import synthetic

TASK = "ethnicity"
METHODS = ("baseline", "ins", "undersample", "denseweight", "lmf")
ROWS_OF_EACH = {VALIDATION: 100_000, TEST: 900_000}
SEEN = "900,000 test and 100,000 validation images of each of 5 methods"


def measure_reruns() -> tuple[float, str]:
    """Median server time of a rerun of the slower of the two views, in ms."""
    medians = {}
    for name, choice in (
        ("classification", {"task": TASK, "scaled": "yes"}),
        ("age", {"coverage": "gender"}),
    ):
        page = open_page(name, study=STUDY, **choice)
        seconds = [seconds_of_rerun(page) for _ in range(RERUNS)]
        medians[name] = 1000 * statistics.median(seconds)
    seen = ", ".join(f"{name} {ms:.0f} ms" for name, ms in medians.items())
    return max(medians.values()), f"the slower of the two; {seen}"


def measure_first() -> tuple[float, str]:
    """Seconds to fit, scale and compare all runs of the shipped study, tables read."""
    runs = load_study_runs(STUDY)
    validation = runs.validation.tables
    tasks = {task.name: task for task in runs.info.tasks}
    given = (runs.study, runs.runs, runs.tables, validation, tasks[TASK])
    scaled = _seconds(lambda: scale_study(*given, runs.study.baseline))
    coverage = _seconds(
        lambda: interval_coverage(
            runs.study,
            validation,
            runs.tables,
            tasks["age"],
            features=tuple(runs.info.sensitive_features),
            tasks=runs.info.tasks,
        )
    )
    seen = f"{len(runs.runs)} runs; scaling {scaled:.2f} s, coverage {coverage:.2f} s"
    return max(scaled, coverage), seen


def measure_scaling_of_million() -> tuple[float, str]:
    """Seconds to scale a million rows of five methods, and to compare."""
    two = Binary("gender", "Gender", ("male", "female"))
    study, validation, test = _million()
    baseline = METHODS[0]
    seconds = _seconds(lambda: scale_study(study, (), test, validation, two, baseline))
    return seconds, SEEN


def measure_coverage_of_million() -> tuple[float, str]:
    """Seconds to count how often the intervals of as many hold the truth."""
    number = Regression("age", "Age", "years", 1, 80, 10)
    study, validation, test = _million()
    seconds = _seconds(
        lambda: interval_coverage(
            study, validation, test, number, features=("group",), tasks=(number,)
        )
    )
    return seconds, SEEN


def _million() -> tuple[Any, Any, Any]:
    """A study, and the validation and test predictions of its methods."""
    study = synthetic.synthetic_study(STUDY, methods=METHODS)
    tables = [_tables(count, split) for split, count in ROWS_OF_EACH.items()]
    return study, *tables


def measure_answers() -> tuple[float, str]:
    """Seconds that Predict takes to fit the temperatures of all methods."""
    from core.results.answer_temperatures import fit_answer_temperatures

    runs = load_study_runs(STUDY)
    models = first_models(runs.runs)
    seconds = _seconds(lambda: fit_answer_temperatures(models, runs.info.tasks))
    return seconds, f"{len(models)} methods of {STUDY}, their predictions read"


def _seconds(call: Callable[[], Any]) -> float:
    began = time.perf_counter()
    call()
    return time.perf_counter() - began


def _tables(rows: int, split: str) -> dict[tuple[str, int], pd.DataFrame]:
    """Predictions of one split: the same images and truth, and each method's own."""
    rng = np.random.default_rng(rows)
    common = pd.DataFrame(
        {
            "image_id": pd.array([f"{split}{i:07d}" for i in range(rows)], "string"),
            "split": pd.array([split] * rows, "string"),
            "group": pd.array(np.array(["A", "B"])[rng.integers(0, 2, rows)], "string"),
        }
    )
    age, female = rng.uniform(1, 80, rows), rng.random(rows) < 0.5
    names = np.array(["male", "female"])
    tables = {}
    for method in METHODS:
        p = 1 / (1 + np.exp(-2 * (2 * female - 1 + rng.normal(size=rows))))
        tables[method, 0] = common.assign(
            age_true=age,
            age_pred=(age + rng.normal(0, 8, rows)).astype(np.float32),
            gender_true=pd.Categorical.from_codes(female.astype(int), names),
            gender_pred=pd.Categorical.from_codes((p > 0.5).astype(int), names),
            gender_p_male=(1 - p).astype(np.float32),
            gender_p_female=p.astype(np.float32),
        )
    return tables


ROWS = [
    (
        "Classification after temperature scaling, and Age's intervals, server time of"
        " a rerun, shipped study",
        "median under 250 ms",
        measure_reruns,
    ),
    (
        "temperature scaling and intervals computed the first time, shipped study",
        "under 1.5 s",
        measure_first,
    ),
    (
        "temperature scaling of 1,000,000 rows x 5 methods, compared with before",
        "under 3 s",
        measure_scaling_of_million,
    ),
    (
        "coverage of the intervals of 1,000,000 rows x 5 methods",
        "under 3 s",
        measure_coverage_of_million,
    ),
    (
        "temperatures of the methods that answer photos, when Predict loads them",
        "under 1 s",
        measure_answers,
    ),
]
