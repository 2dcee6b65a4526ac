"""Tables that several pages read, computed once for each state of the runs.

Each is keyed by the files it was made from (path, time and size), so a run that is
trained again shows at the next rerun and nothing goes stale.
"""

from collections.abc import Sequence

import pandas as pd
import streamlit as st

from core.data.manifest import TEST, TRAINING
from core.evaluation.compare import compare
from core.runs import PREDICTIONS, Run, shipped_manifest
from core.tasks import Task
from pages._show import stop_with
from pages._study_bar import StudyView

Fingerprint = tuple[tuple[str, int, int], ...]


def fingerprint(runs: Sequence[Run]) -> Fingerprint:
    """What the tables of these runs depend on."""
    stats = ((run, (run.folder / PREDICTIONS).stat()) for run in runs)
    return tuple((str(run.folder), s.st_mtime_ns, s.st_size) for run, s in stats)


def load_comparison(view: StudyView) -> pd.DataFrame:
    """Every metric of every method beside the baseline (``core.evaluation.compare``).

    Of all methods of the study, shown or not: the Holm correction is over all of them.
    Stops the page where the baseline has no run with the chosen seeds.
    """
    baseline = view.study.baseline
    if not any(run.method == baseline for run in view.runs):
        stop_with(
            f"The baseline **{baseline}** has no run with the chosen seeds, so there "
            "is nothing to compare with. Choose other seeds, or train it with "
            f"`equipoise train {view.study.name} --method {baseline}`."
        )
    return _comparison(fingerprint(view.runs), baseline, view.runs, view.tasks)


def is_alone(view: StudyView) -> bool:
    """Whether no method stands beside the baseline; says what to do if so."""
    if len(view.methods) > 1:
        return False
    name = view.study.name
    others = {run.method for run in view.runs} - {view.study.baseline}
    st.info(
        "Only the baseline is shown. Choose a method under *Methods and seeds* to "
        "compare it."
        if others
        else f"Only the baseline has been trained, so there is no difference to show. "
        f"Train the other methods with `equipoise train {name}`.",
        icon=":material/info:",
    )
    return True


def load_test_predictions(run: Run) -> pd.DataFrame:
    """One row a test image, as one run answered."""
    return _test_predictions(fingerprint([run]), run)


def load_training_rows(study: str) -> pd.DataFrame | None:
    """Rows of the manifest that were trained on, before any method draws from them."""
    manifest = shipped_manifest(study)
    if manifest is None:
        return None
    return manifest[manifest["split"] == TRAINING]


@st.cache_data(max_entries=16, show_spinner="Comparing the methods…")
def _comparison(
    key: Fingerprint, baseline: str, _runs: tuple[Run, ...], _tasks: tuple[Task, ...]
) -> pd.DataFrame:
    tables = {(run.method, run.seed): _test_rows(run) for run in _runs}
    return compare(tables, _tasks, baseline).table


@st.cache_data(max_entries=64, show_spinner=False)
def _test_predictions(key: Fingerprint, _run: Run) -> pd.DataFrame:
    return _test_rows(_run)


def _test_rows(run: Run) -> pd.DataFrame:
    table = run.predictions()
    return table[table["split"] == TEST].reset_index(drop=True)
