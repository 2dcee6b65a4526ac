"""ROC and precision-recall curves of a study's runs, and as plain values."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from core.evaluation.alignment import (
    AlignedPredictions,
    RunKey,
    align_predictions,
)
from core.evaluation.comparison import strata_codes
from core.evaluation.comparison_rows import STUDY_FAMILY
from core.evaluation.curve_bands import curve_bands
from core.evaluation.curves import (
    AREA_OF,
    AXES,
    COLUMNS,
    KINDS,
    CurveChoice,
    method_curves,
    operating_points,
)
from core.evaluation.metrics import split_key
from core.evaluation.resampling import RESAMPLES, Resampler
from core.results.json_values import Record, plain
from core.results.study_runs import StudyRuns, study_options
from core.runs import Run
from core.study import Study
from core.tasks import Classification, Regression

DIGITS = 4
"""Decimals of a value between 0 and 1: a tenth of a pixel of 1,000."""


def study_bands(
    study: Study,
    runs: Iterable[Run],
    tables: Mapping[RunKey, pd.DataFrame],
    aligned: AlignedPredictions,
    task: Classification,
    choice: CurveChoice,
    methods: Sequence[str],
    baseline: str,
) -> pd.DataFrame:
    """Bands of some methods' curves, from what a study's areas are compared by.

    That are its resamples; and the study's own methods, which tell how much trainings
    vary, so that a band does not depend on which others are shown or imported.

    ``aligned`` are the tables of the runs beside the baseline; see
    ``evaluation.curve_bands.curve_bands`` for the rest.
    """
    options = study_options(study, runs, tables, baseline)
    design, families = options["design"], options["families"]
    codes = None if design is None else strata_codes(design, aligned.rows)
    return curve_bands(
        aligned,
        task,
        choice,
        methods,
        Resampler(aligned.rows, RESAMPLES, design=codes),
        trained=[one for one in aligned.methods if families[one] == STUDY_FAMILY],
        trainings=options["trainings"],
    )


def curve_records(runs: StudyRuns, keys: Iterable[str], baseline: str) -> list[Record]:
    """The curves whose areas are among some metrics, ready for JSON.

    Returns
    -------
    list of dict
        Each has ``metric``, the area; ``x`` and ``y``, which rates they are; and
        ``methods``, each with ``name``, the corners ``x``, ``y`` and ``threshold`` that
        a chart needs (``evaluation.curves.visible``), a ``band`` of ``x``, ``low`` and
        ``high`` and whether it is for the method trained ``anew`` (None without a
        band), and ``answers``: ``x``, ``y`` and ``threshold`` of its own answers, None
        where they are not defined.
    """
    tasks = {task.name: task for task in runs.info.tasks}
    found = []
    for key in dict.fromkeys(keys):
        name, area, label = split_key(key)
        task = tasks.get(name)
        kind = next((kind for kind in KINDS if AREA_OF[kind] == area), None)
        if kind is None or task is None or isinstance(task, Regression):
            continue
        aligned = align_predictions(runs.tables, [task], baseline)
        choice = CurveChoice(kind, label)
        parts = (
            method_curves(aligned, task, choice),
            study_bands(
                *(runs.study, runs.runs, runs.tables, aligned),
                *(task, choice, aligned.methods, baseline),
            ),
            operating_points(aligned, task, choice),
        )
        methods = [_method_record(method, *parts) for method in aligned.methods]
        x, y = AXES[kind]
        found.append({"metric": key, "x": x, "y": y, "methods": methods})
    return found


def _method_record(
    method: str, curves: pd.DataFrame, bands: pd.DataFrame, points: pd.DataFrame
) -> Record:
    curve, band, point = (
        table[table["method"] == method] for table in (curves, bands, points)
    )
    answers = None
    if len(point):
        first = point.iloc[0]
        answers = {name: _rounded(first[name]) for name in COLUMNS[1:]}
    return {
        "name": method,
        **{name: _values(curve[name]) for name in COLUMNS[1:]},
        "band": {
            **{name: _values(band[name]) for name in ("x", "low", "high")},
            "anew": bool(band["anew"].all()) if len(band) else None,
        },
        "answers": answers,
    }


def _values(column: pd.Series) -> list[Any]:
    return [_rounded(value) for value in column]


def _rounded(value: float) -> Any:
    return plain(np.round(float(value), DIGITS))
