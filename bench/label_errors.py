"""Doubted labels: of a shipped study from its files, and of a million images."""

import time

from bench.app import STUDY
from bench.fairness import IMAGES, METHODS, TASK, draw_tables
from core.data.manifest import TEST, VALIDATION
from core.evaluation.label_errors import find_label_doubts
from core.results.explain_label import align_splits, collect_split_answers
from core.results.label_errors import describe_doubts
from core.results.study_runs import load_study_runs
from core.runs import data_report, read_validation, shipped_manifest


def measure_study() -> tuple[float, str]:
    """Seconds for the slowest task of a study, its validation images read anew."""
    runs = load_study_runs(STUDY)
    baseline = runs.study.baseline
    _warm_up()
    seconds = {}
    for task in runs.info.tasks:
        start = time.perf_counter()
        # Not those that ``runs`` would keep from one task to the next.
        validation = read_validation(runs.runs).tables
        tables = {VALIDATION: validation, TEST: runs.tables}
        doubts = find_label_doubts(align_splits(tables, task, baseline), task)
        describe_doubts(doubts, shipped_manifest(STUDY), data_report(STUDY))
        collect_split_answers(tables, task, baseline)
        seconds[task.name] = time.perf_counter() - start
    seen = ", ".join(f"{name} {s:.2f} s" for name, s in seconds.items())
    images = len(doubts.table)
    return max(seconds.values()), f"{len(runs.runs)} runs, {images:,} images; {seen}"


def measure_million() -> tuple[float, str]:
    """Seconds for a million test images and five methods, from their tables."""
    tables = {TEST: draw_tables(IMAGES)}
    _warm_up()
    start = time.perf_counter()
    doubts = find_label_doubts(align_splits(tables, TASK, "method-0"), TASK)
    seconds = time.perf_counter() - start
    return seconds, f"{METHODS} methods; {len(doubts.doubted):,} labels doubted"


def _warm_up() -> None:
    """Import cleanlab, which a server does once."""
    import cleanlab.filter  # noqa: F401


ROWS = [
    (
        "doubted labels of the shipped study, nothing cached, slowest task",
        "under 1.5 s",
        measure_study,
    ),
    (
        "doubted labels of 1,000,000 images x 5 methods",
        "under 3 s",
        measure_million,
    ),
]
