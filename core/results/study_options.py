"""What a study gives every comparison of its runs, on a page and in a command alike."""

from collections.abc import Iterable, Mapping
from typing import Any

import pandas as pd

from core.data.catalog import test_strata
from core.evaluation.judging import STUDY_FAMILY
from core.runs import Run, is_added, training_keys
from core.study import Study

IMPORTED_FAMILY = "imported predictions"


def study_options(
    study: Study,
    runs: Iterable[Run],
    tables: Mapping[tuple[str, int], pd.DataFrame],
    baseline: str,
) -> dict[str, Any]:
    """Options of ``comparison.compare_runs`` that follow from a study and its runs.

    Parameters
    ----------
    study : Study
    runs : iterable of Run
    tables : mapping of (method, seed) to DataFrame
        Their predictions of the test images.
    baseline : str
        Method that the others are compared with.

    Notes ----- Predictions that were imported into a study are a family of their own,
    so that what a visitor adds does not change what the study says of its own methods.
    The runs of a study that was made of a table are its own.
    """
    listed = list(runs)
    families = {
        run.method: IMPORTED_FAMILY if is_added(run) else STUDY_FAMILY for run in listed
    }
    seeds = [seed for method, seed in tables if method == baseline]
    # A table of predictions does not say how its images were drawn.
    is_drawn = study.is_trained and bool(seeds)
    return {
        "trainings": training_keys(listed),
        "families": families,
        "margins": study.margins,
        "design": test_strata(study, tables[baseline, min(seeds)])
        if is_drawn
        else None,
    }
