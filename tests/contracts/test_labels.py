"""A folder is labelled as the run's own predictions have it, and survives a stop."""

import os
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
from PIL import Image

from core import runs
from core.data.readers.avatars import AvatarsOptions, index_of, path_of, render
from core.study import load_study

STUDY, METHOD, SEED, TASK = "avatars", "baseline", 0, "glasses"
THRESHOLD = 0.3
# Batches of 64, with a last one that is not full.
COUNT = 300


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The first test images of the study, as files of the models' size."""
    place = tmp_path_factory.mktemp("pictures")
    study = load_study(STUDY)
    options = AvatarsOptions.model_validate(study.dataset.options)
    for image_id in predictions()["image_id"][:COUNT]:
        pixels = render(index_of(path_of(image_id)), study.model.image_size, options)
        Image.fromarray(pixels).save(place / f"{image_id}.png")
    return place


def predictions() -> pd.DataFrame:
    (run,) = (
        run
        for run in runs.list_runs(STUDY).runs
        if (run.method, run.seed) == (METHOD, SEED)
    )
    table = run.predictions()
    return table[table["split"] == "test"]


RUN = "from core.cli import main; main()"
# Ctrl+C as soon as the first rows are written, however fast the machine is, and also
# where the tests run in the background of a shell, which has it ignored.
STOPPED = (
    """
import os, signal, core.predict_folder as labelling
signal.signal(signal.SIGINT, signal.default_int_handler)
write, calls = labelling._write, []
def write_and_stop(file, rows):
    write(file, rows)
    calls.append(1)
    if len(calls) == 2:
        file.flush()
        os.kill(os.getpid(), signal.SIGINT)
labelling._write = write_and_stop
"""
    + RUN
)


def start(
    folder: Path, path: Path, *more: str, program: str = RUN
) -> subprocess.Popen[str]:
    """Run the command in an interpreter of its own, on what is shipped."""
    arguments = ["predict", str(folder), "--csv", str(path), "--study", STUDY]
    arguments += ["--method", METHOD, "--seed", str(SEED), "--task", TASK]
    arguments += ["--threshold", str(THRESHOLD), *more]
    return subprocess.Popen(
        [sys.executable, "-c", program, *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, runs.STORE_VARIABLE: str(path.parent / "runs")},
    )


@pytest.mark.slow
def test_labels_are_those_of_the_shipped_predictions_after_a_stop(
    folder: Path, tmp_path: Path
) -> None:
    path = tmp_path / "labels.csv"
    going = start(folder, path, "--resume", program=STOPPED)
    _, said = going.communicate()
    assert going.returncode == 130, said
    assert "--resume goes on after the last written row" in said
    assert "Traceback" not in said
    done = start(folder, path, "--resume")
    printed, said = done.communicate()
    assert done.returncode == 0, said
    assert "were there already" in printed
    found = pd.read_csv(path)
    expected = predictions().set_index("image_id")[f"{TASK}_p_glasses"]
    names = found["filename"].str.removesuffix(".png")
    assert names.tolist() == sorted(expected.index[:COUNT])
    shares = expected[names].to_numpy()
    sure = abs(shares - THRESHOLD) > 1e-3  # between two engines' roundings
    positive = found["label"].to_numpy() == 1
    assert (positive == (shares >= THRESHOLD))[sure].all()
    assert set(found["label"]) == {-1, 1}
    assert sure.mean() > 0.99
