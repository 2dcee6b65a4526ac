"""The part of the Fairness page on slices: groups of up to two features."""

from collections.abc import Mapping
from typing import Any

import pandas as pd
import streamlit as st

from core.errors import EquipoiseError
from core.evaluation.alignment import AlignedPredictions
from core.evaluation.metrics import MetricInfo
from core.evaluation.slice_features import SliceFeatures, truth_feature
from core.evaluation.slices import SliceSearch
from core.evaluation.variance import TrainingVariance
from core.plots import slices as plots
from core.results.slices import (
    SEARCHED,
    error_info,
    not_searched,
    pool_searches,
    search_slices,
    slice_parts,
    slice_sentence,
    slice_text,
)
from core.results.study_runs import study_options
from core.runs import Run
from core.study import Study
from core.tasks import Task
from core.text import mark_code, to_markdown
from core.views.caching import Fingerprint, cached, manifest_fingerprint
from core.views.loads import load_tables
from core.views.study_view import StudyView
from pages.fairness.tables import load_aligned, runs_in_order
from pages.shell.address import fragment, open_errors
from pages.shell.choose import choose
from pages.shell.show import (
    open_card,
    show_charts,
    show_error,
    show_static_table,
)
from pages.shell.slice_features import load_slice_features


@fragment
def show_slices(view: StudyView, task: Task) -> None:
    """The worst slices of one method, each with the way to its images."""
    info = error_info(task, view.tasks)
    with open_card(f"Where it is worst: {info.phrase} by slice") as card:
        method = choose(
            "Method",
            view.methods,
            default=view.baseline,
            labels=view.labels,
            key=f"fairness_slices_method_{view.study.name}",
            parameter="sliced",
            what="method",
            always=True,
            width=320,
        )
        try:
            search = _load_search(view, task, method)
        except EquipoiseError as error:
            # A fragment's failure does not reach the router.
            show_error(error)
            return
        sentence = slice_sentence(search, view.labels[method], info, view.tasks)
        rows = plots.worst_slices(search)
        if rows.empty:
            card.takeaway.markdown(to_markdown(sentence))
            st.caption(to_markdown(_note(search, "")))
            return
        name = f"{view.study.name}-{task.name}-{method}-slices"
        show_charts(
            {name: plots.plot_slices(search, info, view.styles[method], view.tasks)},
            name=name,
            takeaway=sentence,
            data=search.table,
            note=_note(search, view.mean_text),
            card=card,
            on_click=lambda _, point: _open(
                view, task, method, rows.iloc[point["point_index"]]
            ),
        )
        _choose_slice(view, task, method, rows)
        _numbers(view, name, search, info)


def _note(search: SliceSearch, mean: str) -> str:
    bars = (
        f"{mean.capitalize()}; bars are 95 % intervals of the difference to all "
        "images, drawn from their error, which hold for all slices at once. Hollow: "
        "not certainly worse. Click a mark to see its images on Errors."
    )
    said = (bars if mean else "", SEARCHED, plots.rule_note(search))
    return mark_code(" ".join(filter(None, (*said, not_searched(search)))))


def _choose_slice(view: StudyView, task: Task, method: str, rows: pd.DataFrame) -> None:
    """The way to the images of a slice without a mouse."""
    key = f"fairness_slice_{view.study.name}_{task.name}_{method}"
    with st.container(horizontal=True, vertical_alignment="bottom"):
        names = [slice_text(row, view.tasks) for row in rows.to_dict("records")]
        name = st.selectbox("Slice", names, key=key, width=420)
        if st.button(
            "Show the images", icon=":material/arrow_forward:", key=f"{key}_open"
        ):
            _open(view, task, method, rows.iloc[names.index(name)])


def _numbers(view: StudyView, name: str, search: SliceSearch, info: MetricInfo) -> None:
    with st.expander("In numbers", icon=":material/table:"):
        show_static_table(
            plots.slices_table(search, info, view.tasks),
            name=f"{name}-table",
            takeaway="The slices above in numbers. The file has all that were looked "
            "at.",
            download=search.table,
        )


def _open(view: StudyView, task: Task, method: str, row: pd.Series) -> None:
    open_errors(view.study.name, **_filter(task, method, row))


def _filter(
    task: Task, method: str, row: Mapping[Any, Any] | pd.Series
) -> dict[str, str | list[str]]:
    """Parameters of Errors' address that leave the images of a slice."""
    parts = slice_parts(row)
    truth = parts.pop(truth_feature(task), "")
    where = [f"{feature}:{group}" for feature, group in parts.items()]
    chosen: dict[str, str | list[str]] = {"task": task.name, "method": method}
    return chosen | ({"truth": truth} if truth else {}) | {"where": where}


def _load_search(view: StudyView, task: Task, method: str) -> SliceSearch:
    features = load_slice_features(view)
    runs = runs_in_order(view)
    return _search(
        manifest_fingerprint(view.study.name),
        task,
        method,
        view.baseline,
        runs,
        view.tasks,
        view.study,
        features.names,
        features,
        load_aligned(view, task),
    )


@cached(entries=4, says="Comparing the trainings of all methods…")
def _pool(
    split: Fingerprint,
    task: Task,
    baseline: str,
    runs: tuple[Run, ...],
    tasks: tuple[Task, ...],
    study: Study,
    names: tuple[str, ...],
    _features: SliceFeatures,
    _aligned: AlignedPredictions,
    _options: Mapping[str, Any],
) -> TrainingVariance | None:
    """What the search of every method needs, and what takes longest."""
    return pool_searches(_aligned, task, _features, _options)


@cached(entries=32, says="Searching the slices…")
def _search(
    split: Fingerprint,
    task: Task,
    method: str,
    baseline: str,
    runs: tuple[Run, ...],
    tasks: tuple[Task, ...],
    study: Study,
    names: tuple[str, ...],
    _features: SliceFeatures,
    _aligned: AlignedPredictions,
) -> SliceSearch:
    options = study_options(study, runs, load_tables(runs), baseline)
    known = _features, _aligned, options
    pooled = _pool(split, task, baseline, runs, tasks, study, names, *known)
    return search_slices(_aligned, task, _features, options, [method], pooled)[method]
