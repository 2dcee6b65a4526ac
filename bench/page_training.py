"""Training started on the page Train: its speed, and that of pages beside it."""

import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from bench.app import RESULT_PAGES, STUDY, open_page, seconds_of_rerun
from core.study import Study, load_study
from core.study_toml import study_toml

EPOCHS = 6
ROUNDS = 2
RERUNS = 9
WAIT_S = 900
TRAIN = (sys.executable, "-m", "core.cli", "train")


def _study() -> Study:
    study = load_study("avatars")
    budget = study.training.model_copy(update={"epochs": EPOCHS})
    return study.model_copy(update={"name": "timed", "training": budget})


def _speed(store: Path) -> float:
    """Images/s of the run that a store has."""
    import core.runs

    return float(
        core.runs.read_run(store / "timed/baseline/seed-0").info["images_per_second"]
    )


def _by_command(store: Path) -> float:
    file = store / "timed.toml"
    store.mkdir(parents=True)
    file.write_text(study_toml(_study()))
    subprocess.run(
        [*TRAIN, str(file), "--method", "baseline", "--seed", "0"],
        env={**os.environ, "EQUIPOISE_RUNS": str(store)},
        check=True,
        capture_output=True,
    )
    return _speed(store)


def _by_page(store: Path) -> float:
    """As the button of the page does: a job, and the worker."""
    from core.training.queue import list_jobs, new_job, submit
    from core.training.worker import ensure_worker

    submit(new_job("training", _study(), pairs=(("baseline", 0),)), store)
    ensure_worker(store)
    end = time.monotonic() + WAIT_S
    while not list_jobs(store)[0].is_over:
        if time.monotonic() > end:
            raise RuntimeError("The job did not end.")
        time.sleep(0.5)
    return _speed(store)


def measure_speed() -> tuple[float, str]:
    """Images/s of a job over those of the command, in turn, the best of each."""
    with tempfile.TemporaryDirectory() as name:
        os.environ["EQUIPOISE_CACHE"] = str(Path(name) / "cache")
        command, page = [], []
        for number in range(ROUNDS):
            command.append(_by_command(Path(name) / f"command-{number}"))
            page.append(_by_page(Path(name) / f"page-{number}"))
    ratio = max(page) / max(command)
    return ratio, f"{max(page):.0f} against {max(command):.0f} images/s at 64 px"


def measure_pages() -> tuple[float, str]:
    """Median server time of a rerun of the slowest result page during a job, in ms."""
    from core.runs import partial_folder
    from core.training.live import read_live
    from core.training.queue import list_jobs, new_job, places_of, stop, submit
    from core.training.worker import ensure_worker

    with tempfile.TemporaryDirectory() as name:
        os.environ["EQUIPOISE_CACHE"] = str(Path(name) / "cache")
        os.environ["EQUIPOISE_RUNS"] = str(store := Path(name) / "runs")
        study = _study()
        longer = study.training.model_copy(update={"epochs": 500, "patience": 500})
        study = study.model_copy(update={"training": longer})
        job = new_job("training", study, pairs=(("baseline", 0),))
        submit(job, store)
        ensure_worker(store)
        (place,) = places_of(job, store)
        end = time.monotonic() + WAIT_S
        while read_live(partial_folder(place)) is None:
            if time.monotonic() > end:
                raise RuntimeError("The job did not begin.")
            time.sleep(0.5)
        medians = {}
        for page_name in RESULT_PAGES:
            page = open_page(page_name, study=STUDY)
            seconds = [seconds_of_rerun(page) for _ in range(RERUNS)]
            medians[page_name] = 1000 * statistics.median(seconds)
        was_running = list_jobs(store)[0].state == "running"
        stop(job.id, store)
        while not list_jobs(store)[0].is_over:
            time.sleep(0.5)
    if not was_running:
        raise RuntimeError("The job ended before the pages were measured.")
    slowest = max(medians, key=lambda each: medians[each])
    return medians[slowest], f"slowest page, {slowest}, while a job trains"


ROWS = [
    (
        "images/s of a training started on the page Train, against the command",
        "at least 0.97",
        measure_speed,
    ),
    (
        "a result page while a job trains, server time of a rerun, shipped study",
        "median under 250 ms",
        measure_pages,
    ),
]
