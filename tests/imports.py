"""Files of predictions for a study of synthetic runs, for tests of their import."""

from pathlib import Path

import numpy as np
import pandas as pd

from core.importing.reading import RawTable, read_file
from tests import synthetic

STUDY = "utkface"
ROWS, VALIDATION_ROWS = 64, 16


def write_study(store: Path) -> None:
    """Write two methods of a small study of three tasks."""
    synthetic.write_store(
        store,
        STUDY,
        methods=("baseline", "ins"),
        seeds=(0,),
        rows=ROWS,
        validation_rows=VALIDATION_ROWS,
    )


def theirs(*, validation: bool = False, seed: int = 5) -> pd.DataFrame:
    """Predictions of a method that the study has not, without any truth."""
    table = synthetic.synthetic_predictions(
        STUDY,
        "lmf",
        seed,
        rows=ROWS,
        validation_rows=VALIDATION_ROWS if validation else 0,
    )
    kept = [c for c in table if c == "image_id" or "_p_" in c or c.endswith("_pred")]
    return table[kept]


def read(table: pd.DataFrame, name: str = "mine.csv") -> RawTable:
    """The table as a file that was read."""
    if name.endswith(".csv"):
        return read_file(table.to_csv(index=False).encode(), name=name)
    return read_file(table.to_parquet(index=False), name=name)


def wide(rows: int = 60, *, rng_seed: int = 0) -> pd.DataFrame:
    """A table of truth, two features and two models, a row an image."""
    rng = np.random.default_rng(rng_seed)
    truth = rng.random(rows) < 0.3
    scores = np.round(0.5 * truth + 0.5 * rng.random(rows), 4)
    return pd.DataFrame(
        {
            "image_id": [f"i{place:03d}" for place in range(rows)],
            "truth": np.where(truth, "yes", "no"),
            "gender": rng.choice(["f", "m"], rows),
            "site": rng.choice(["east", "north", "west"], rows),
            "small_pred": np.where(rng.random(rows) < 0.8, truth, ~truth),
            "large_p_yes": scores,
        }
    ).replace({"small_pred": {True: "yes", False: "no"}})


def long(rows: int = 60, *, seeds: tuple[int, ...] = (0, 1)) -> pd.DataFrame:
    """The same with a row for each image, method and seed; rows in no order."""
    parts = []
    for seed in seeds:
        table = wide(rows)
        head = table[["image_id", "truth", "gender", "site"]].assign(seed=seed)
        small = head.assign(method="Small net", pred=table["small_pred"])
        large = head.assign(
            method="Large net",
            pred=np.where(table["large_p_yes"] > 0.5, "yes", "no"),
        )
        parts += [small, large]
    return pd.concat(parts).sample(frac=1, random_state=3).reset_index(drop=True)
