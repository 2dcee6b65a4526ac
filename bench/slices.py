"""Slices: the card of Fairness on a shipped study, and the search at full size."""

import statistics
import time

from bench.app import RERUNS, STUDY, open_page, seconds_of_rerun
from bench.fairness import AGE, IMAGES, METHODS, TASK, draw_tables, peak_gib
from core.evaluation.alignment import align_predictions
from core.evaluation.slice_features import collect_features
from core.evaluation.slices import find_slices


def measure_first() -> tuple[float, str]:
    """Seconds of Fairness where only the slices are not cached."""
    from core.views import drawing, slice_features, slices
    from core.views.caching import clear_caches

    page = open_page("fairness", study=STUDY, task="age")
    seconds = []
    for _ in range(RERUNS):
        clear_caches(*(str(one.__file__) for one in (drawing, slice_features, slices)))
        seconds.append(seconds_of_rerun(page))
    return statistics.median(seconds), f"{STUDY}, task age; else only drawn"


def measure_cached() -> tuple[float, str]:
    """Median server time of a rerun of Fairness with its slices, in ms."""
    page = open_page("fairness", study=STUDY, task="age")
    seconds = [seconds_of_rerun(page) for _ in range(RERUNS)]
    return 1000 * statistics.median(seconds), f"{STUDY}, task age; the whole page"


def measure_search() -> tuple[float, str]:
    """Seconds of grouping a million images and searching the slices of five methods."""
    tables = draw_tables(IMAGES)
    first = next(iter(tables))
    aligned = align_predictions(tables, [TASK], first[0])
    began = time.perf_counter()
    features = collect_features(tables[first], [TASK, AGE], ("gender", "ethnicity"))
    found = find_slices(aligned, TASK, features)
    seconds = time.perf_counter() - began
    looked_at = found[first[0]].looked_at
    return seconds, f"{looked_at} slices of each method; at most {peak_gib():.1f} GiB"


ROWS = [
    (
        "slices of a method on Fairness, server time, not cached",
        "under 1.5 s",
        measure_first,
    ),
    ("the same, cached", "median under 250 ms", measure_cached),
    (
        f"slices of {METHODS} methods x {IMAGES:,} rows",
        "under 3 s",
        measure_search,
    ),
]
