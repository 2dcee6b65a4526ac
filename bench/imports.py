"""Predictions of others at full size: imported, read back, and compared."""

import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pandas as pd

from bench.fairness import FEATURES, METRICS, TASK, draw_tables, peak_gib
from core.data.manifest import TEST
from core.evaluation.fairness import compare_groups
from core.importing.reading import read_file
from core.importing.table_study import prepare_study, write_study
from core.runs import STORE_VARIABLE, Run

IMAGES = 1_000_000
REPEATS = 5
STUDY = "bench"
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
            compare_groups(
                tables,
                (TASK,),
                runs[0].method,
                task=TASK.name,
                features=FEATURES,
                metrics=[f"{TASK.name}.{name}" for name in METRICS],
            )
            comparing.append(time.perf_counter() - start)
        held = sum(table.memory_usage().sum() for table in tables.values()) / 1e6
    return min(reading) / min(comparing), (
        f"{min(reading):.2f} s against {min(comparing):.2f} s; the tables hold "
        f"{held:.0f} MB"
    )


ROWS = [
    (
        f"import of {IMAGES:,} rows x 5 methods from Parquet, checked and written",
        "under 15 s",
        measure_import,
    ),
    (
        "reading these five runs against comparing their groups of three features",
        "at most 0.5 x",
        measure_reading,
    ),
]
