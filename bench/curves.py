"""Speed of the ROC and precision-recall curves: the view, and a million rows."""

import statistics
import time
from typing import Any

import numpy as np
import pandas as pd

from bench.app import RERUNS, STUDY, open_page
from core.evaluation.alignment import align_predictions
from core.evaluation.comparison import compare_runs
from core.evaluation.curve_bands import curve_bands
from core.evaluation.curves import KINDS, CurveChoice, method_curves, operating_points
from core.evaluation.resampling import RESAMPLES, Resampler
from core.plots.curves import plot_curves
from core.plots.look import Look, method_styles
from core.tasks import Binary
from core.views.caching import clear_caches

ROWS_OF_MILLION, METHODS = 1_000_000, 5
ILL = Binary("ill", "Ill", ("no", "yes"))


def time_view() -> list[float]:
    """Seconds of every later run of the view, as the page calls it."""
    import pages.classification.curves as view

    seconds: list[float] = []
    show = view.show_curves

    def timed(*arguments: Any) -> None:
        began = time.perf_counter()
        show(*arguments)
        seconds.append(time.perf_counter() - began)

    view.show_curves = timed
    return seconds


def measure_first() -> tuple[float, str]:
    """Seconds of the view the first time, the slower of the two curves."""
    seconds = time_view()
    # Once before, so that no module is imported while the clock runs.
    open_page("classification", study=STUDY)
    seen = {}
    for kind in KINDS:
        clear_caches()
        open_page("classification", study=STUDY, curve=kind)
        seen[kind] = seconds[-1]
    said = ", ".join(f"{kind} {s:.2f} s" for kind, s in seen.items())
    return max(seen.values()), f"mean of the classes of all methods and seeds; {said}"


def measure_cached() -> tuple[float, str]:
    """Median server time of the view when its tables are cached, in ms."""
    seconds = time_view()
    page = open_page("classification", study=STUDY)
    seconds.clear()
    for _ in range(RERUNS):
        page.run()
    return 1000 * statistics.median(seconds), f"median of {len(seconds)} reruns"


def measure_million() -> tuple[float, str]:
    """Seconds from the tables to the figure, the slower of the two curves."""
    tables = {(f"method-{i}", 0): draw_table(i) for i in range(METHODS)}
    methods = tuple(name for name, _ in tables)
    look = Look(
        methods,
        method_styles(methods, methods[0]),
        {name: name for name in methods},
        methods[0],
    )
    seen, drawn = {}, {}
    for kind in KINDS:
        choice = CurveChoice(kind)
        began = time.perf_counter()
        aligned = align_predictions(tables, [ILL], methods[0])
        curves = method_curves(aligned, ILL, choice)
        points = operating_points(aligned, ILL, choice)
        resampler = Resampler(aligned.rows, RESAMPLES)
        bands = curve_bands(aligned, ILL, choice, methods[:2], resampler)
        metrics = [choice.area(ILL)]
        compare_runs(tables, [ILL], methods[0], metrics=metrics, aligned=aligned)
        plotting = time.perf_counter()
        plot_curves(curves, bands, points, kind, 0.3, look, methods[:2])
        seen[kind] = time.perf_counter() - began
        drawn[kind] = time.perf_counter() - plotting
    said = ", ".join(
        f"{kind} {s:.1f} s, of these the chart {1000 * drawn[kind]:.0f} ms"
        for kind, s in seen.items()
    )
    return max(seen.values()), f"{said}; with bands and verdicts"


def draw_table(seed: int) -> pd.DataFrame:
    """Draw predictions of one run; the images are the same for every seed."""
    images, run = np.random.default_rng(0), np.random.default_rng(seed)
    positive = images.random(ROWS_OF_MILLION) < 0.3
    logits = run.standard_normal(ROWS_OF_MILLION) + 1.2 * positive
    shares = (1 / (1 + np.exp(-logits))).astype(np.float32)
    names = np.array(ILL.classes)
    return pd.DataFrame(
        {
            "image_id": [f"image-{i:07d}" for i in range(ROWS_OF_MILLION)],
            "ill_true": names[positive.astype(int)],
            "ill_pred": names[(shares > 0.5).astype(int)],
            "ill_p_no": 1 - shares,
            "ill_p_yes": shares,
        }
    )


ROWS = [
    (
        "curves of Classification on a shipped study, server time, first",
        "under 1.5 s",
        measure_first,
    ),
    (
        "the same when its tables are cached",
        "median under 250 ms",
        measure_cached,
    ),
    (
        "curves of 1,000,000 rows x 5 methods, from the tables to the figure",
        "under 3 s",
        measure_million,
    ),
]
