"""Predictions of others at full size: imported, read back, and compared."""

import os
import statistics
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pandas as pd

from bench.app import (
    PATIENCE_S,
    memory_mb,
    open_browser,
    open_page,
    serve,
    wait_until_idle,
)
from bench.fairness import (
    FEATURES,
    METHODS,
    METRICS,
    TASK,
    draw_tables,
    peak_gib,
)
from core.data.manifest import TEST
from core.evaluation.comparison import compare_runs
from core.importing.reading import read_file
from core.importing.table_study import prepare_study, write_study
from core.runs import STORE_VARIABLE, Run

IMAGES = 1_000_000
REPEATS = 5
STUDY, WARM_STUDY = "bench", "avatars"
KEYS = 8
# Between two keys, for the chart of the last one to be drawn to its end.
PAUSE_MS = 500
# Says in window.benchMs how long it took until the sentence of the what-if was another.
WATCH = """() => {
    const sentence = () => [...document.querySelectorAll("p")]
        .map((p) => p.textContent).find((text) => /^Accuracy \\d/.test(text));
    const before = sentence();
    window.benchMs = null;
    document.addEventListener("keydown", () => { window.benchKey = performance.now(); },
        { once: true, capture: true });
    const look = () => {
        const now = sentence();
        if (now && now !== before) window.benchMs = performance.now() - window.benchKey;
        else requestAnimationFrame(look);
    };
    look();
}"""
AGE_BIN = "age_bin"


def wide_table(rows: int) -> pd.DataFrame:
    """Truth, three features and the scores of five models, a row an image."""
    tables = draw_tables(rows)
    first = next(iter(tables.values()))
    decades = (first["age_true"] // 10).astype(str) + "0s"
    table = first[["image_id", "gender", "ethnicity"]].assign(
        **{AGE_BIN: decades, "truth": first["label_true"]}
    )
    scores = {
        f"{method}_p_{TASK.positive}": own[f"{TASK.name}_p_{TASK.positive}"]
        for (method, _), own in tables.items()
    }
    return table.assign(**scores)


@contextmanager
def imported(rows: int) -> Iterator[tuple[tuple[Run, ...], float, float]]:
    """Runs imported from one Parquet file; seconds and GiB that it took."""
    with tempfile.TemporaryDirectory() as folder:
        os.environ[STORE_VARIABLE] = str(Path(folder) / "runs")
        file = Path(folder) / "predictions.parquet"
        wide_table(rows).to_parquet(file, index=False)
        start = time.perf_counter()
        runs = write_study(prepare_study(read_file(file), name=STUDY))
        yield runs, time.perf_counter() - start, peak_gib()


def measure_import() -> tuple[float, str]:
    """Seconds to read, check and write, Parquet to runs."""
    with imported(IMAGES) as (runs, seconds, gib):
        size = sum(path.stat().st_size for run in runs for path in run.folder.iterdir())
        return seconds, (
            f"{len(runs)} runs of {IMAGES:,} rows, {size / 1e6:.0f} MB on the disk; "
            f"at most {gib:.1f} GiB, the drawing of the table among it"
        )


def measure_reading() -> tuple[float, str]:
    """Reading the runs as a page does, against comparing their groups once."""
    with imported(IMAGES) as (runs, _, _):
        reading = []
        for _ in range(REPEATS):
            start = time.perf_counter()
            tables = {(run.method, run.seed): run.predictions(TEST) for run in runs}
            reading.append(time.perf_counter() - start)
        comparing = []
        for _ in range(REPEATS):
            start = time.perf_counter()
            compare_runs(
                tables,
                (TASK,),
                runs[0].method,
                by=FEATURES,
                metrics=[f"{TASK.name}.{name}" for name in METRICS],
            )
            comparing.append(time.perf_counter() - start)
        held = sum(table.memory_usage().sum() for table in tables.values()) / 1e6
    return min(reading) / min(comparing), (
        f"{min(reading):.2f} s against {min(comparing):.2f} s; the tables hold "
        f"{held:.0f} MB"
    )


def measure_page() -> tuple[float, str]:
    """Seconds from the click to Fairness whole in the browser, nothing read before."""
    with imported(IMAGES), open_browser() as page, serve() as (server, address):
        # Once with another study, so that no module is imported while the clock runs.
        _open_fairness(page, address, WARM_STUDY)
        page.goto(f"{address}/data?study={STUDY}")
        page.get_by_role("heading", level=1, name="Data").wait_for()
        wait_until_idle(page)
        began = time.perf_counter()
        page.get_by_role("link", name="Fairness").first.click()
        _wait_for_fairness(page)
        seconds = time.perf_counter() - began
        held = memory_mb(server) / 1024
    return (
        seconds,
        f"{METHODS} methods x {IMAGES:,} rows; the server holds {held:.2f} GB",
    )


def measure_what_if() -> tuple[float, str]:
    """Milliseconds that the server takes for what follows a moved threshold."""
    with imported(IMAGES):
        served = _seconds_of_fragment()
        with open_browser() as page, serve() as (_, address):
            seen = _seconds_to_sentence(page, address)
    return 1000 * statistics.median(served), (
        f"median of {len(served)}; from the key to the sentence drawn in Chromium "
        f"{1000 * statistics.median(seen):.0f} ms"
    )


def _seconds_of_fragment() -> list[float]:
    """The what-if's part of the page alone: in the browser nothing else runs again."""
    from pages.fairness import whatif

    play, seconds = whatif._play, []

    def timed(*given: Any) -> None:
        began = time.perf_counter()
        play(*given)
        seconds.append(time.perf_counter() - began)

    whatif._play = timed
    try:
        page = open_page("fairness", study=STUDY)
        for place in range(2 * KEYS):
            page.slider[0].set_value(0.4 + 0.01 * place)
            page.run()
    finally:
        whatif._play = play
    return seconds[1:]


def _seconds_to_sentence(page: Any, address: str) -> list[float]:
    _open_fairness(page, address, STUDY)
    slider = page.get_by_role("slider", name="Threshold")
    slider.scroll_into_view_if_needed()
    waited = []
    for key in ("PageUp", "PageDown") * KEYS:
        wait_until_idle(page)
        page.wait_for_timeout(PAUSE_MS)
        page.evaluate(WATCH)
        slider.press(key)
        page.wait_for_function("window.benchMs !== null")
        waited.append(page.evaluate("window.benchMs") / 1000)
    return waited


def _open_fairness(page: Any, address: str, study: str) -> None:
    page.goto(f"{address}/fairness?study={study}")
    _wait_for_fairness(page)


def _wait_for_fairness(page: Any) -> None:
    """Return when the last part of the page is drawn."""
    page.get_by_text("How these numbers are made").wait_for(timeout=1000 * PATIENCE_S)
    wait_until_idle(page)


ROWS = [
    (
        f"import of {IMAGES:,} rows x 5 methods from Parquet, checked and written",
        "under 15 s",
        measure_import,
    ),
    (
        f"Fairness of {IMAGES:,} rows x 5 methods, from the click to the whole page",
        "under 3 s",
        measure_page,
    ),
    (
        "a threshold of the what-if moved on these, server time",
        "median under 100 ms",
        measure_what_if,
    ),
    (
        "reading these five runs against comparing their groups of three features",
        "at most 0.5 x",
        measure_reading,
    ),
]
