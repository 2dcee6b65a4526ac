"""A second study on the test images of a first, for tests of two studies compared."""

import json
import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path

import pandas as pd

import core.runs
from core.study import Study

OTHER = "utkface-scratch"


def copy_study(
    store: Path,
    name: str = "utkface",
    other: str = OTHER,
    *,
    methods: Iterable[str] | None = None,
    seeds: Iterable[int] | None = None,
    seeds_from: int = 0,
    study: Mapping[str, object] | None = None,
    title: str = "UTKFace from scratch",
) -> Study:
    """Copy a study's runs under another name, some methods and seeds alone.

    ``seeds_from`` is added to every seed that is copied, and ``study`` replaces tables
    of the study and of its runs' records.
    """
    source, folder = store / name, store / other
    own = json.loads((source / core.runs.STUDY_FILE).read_text())
    own = {**own, **(study or {}), "name": other, "title": title}
    kept = [m for m in own["methods"] if methods is None or m in methods]
    own["methods"] = {method: own["methods"][method] for method in kept}
    for run in sorted(source.glob("*/seed-*")):
        seed = int(run.name.removeprefix("seed-"))
        if run.parent.name in kept and (seeds is None or seed in seeds):
            _copy_run(run, folder / run.parent.name, seed + seeds_from, own)
    for file in (core.runs.MANIFEST_FILE, core.runs.REPORT_FILE):
        shutil.copy(source / file, folder / file)
    (folder / core.runs.STUDY_FILE).write_text(json.dumps(own))
    return core.runs.study_of_runs(other)


def _copy_run(run: Path, method: Path, seed: int, study: dict[str, object]) -> None:
    place = method / f"seed-{seed}"
    shutil.copytree(run, place)
    record = place / core.runs.RECORD
    info = json.loads(record.read_text())
    info |= {"study": study["name"], "seed": seed, "resolved": study}
    record.write_text(json.dumps(info))


def change_split(store: Path, name: str, ids: Iterable[str], split: str) -> None:
    """Put images of a study into another split: in its manifest and predictions."""
    chosen = set(ids)
    for path in (store / name).rglob("*.parquet"):
        table = pd.read_parquet(path)
        if "image_id" not in table:
            continue
        inside = table["image_id"].isin(chosen)
        table["split"] = table["split"].astype(object).mask(inside, split)
        if path.name == core.runs.PREDICTIONS and split == "training":
            # A run answers for validation and test alone.
            table = table[~inside]
        table.to_parquet(path)


def test_ids(store: Path, name: str) -> list[str]:
    """Ids of a study's test images."""
    manifest = pd.read_parquet(store / name / core.runs.MANIFEST_FILE)
    return manifest.loc[manifest["split"] == "test", "image_id"].tolist()


# A test runner takes a function of such a name for a test.
test_ids.__test__ = False
