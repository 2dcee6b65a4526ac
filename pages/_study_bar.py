"""The bar at the head of every page: which study, which methods, which seeds."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TypeVar

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from core.data.catalog import DatasetInfo, dataset_info, dataset_of
from core.errors import EquipoiseError, RunError
from core.evaluation.metrics import MetricInfo, metric_info
from core.plots.style import MethodStyle, method_styles, plural
from core.runs import (
    Run,
    list_runs,
    list_studies,
    shipped_manifest,
    study_of_runs,
    with_imported,
)
from core.study import Study, load_study, shipped_studies
from core.tasks import Task
from core.text import code, emphasis, strong, to_markdown
from pages._show import show_error, show_problems, stop_with

AnyTask = TypeVar("AnyTask", bound=Task)


@dataclass(frozen=True)
class StudyView:
    """What the bar chose.

    Parameters
    ----------
    study, dataset
        The chosen study and what is known of its dataset.
    baseline : str
        The method that the others are compared with: the study's own, unless the
        reader has chosen another.
    methods : tuple of str
        Chosen methods in the study's order; the baseline is always among them.
    seeds : tuple of int
        Chosen seeds.
    runs : tuple of Run
        Every run with a chosen seed, of all methods: verdicts are corrected over all
        of them, so hiding a method changes no number.
    styles : dict of str to MethodStyle
        Of all methods that have runs.
    labels : dict of str to str
        What a reader sees for each method.
    """

    study: Study
    dataset: DatasetInfo
    baseline: str
    methods: tuple[str, ...]
    seeds: tuple[int, ...]
    runs: tuple[Run, ...]
    styles: dict[str, MethodStyle]
    labels: dict[str, str]

    @property
    def tasks(self) -> tuple[Task, ...]:
        """Tasks of the study."""
        return self.dataset.tasks

    @property
    def chosen_runs(self) -> tuple[Run, ...]:
        """Runs of the chosen methods only."""
        return tuple(run for run in self.runs if run.method in self.methods)


def study_bar(
    title: str, *, lead: str = "", needs_runs: bool = True, filters: bool = True
) -> StudyView:
    """Draw the head of a page and return what was chosen; stop where nothing can be.

    Parameters
    ----------
    title : str
        Title of the page.
    lead : str
        One sentence on what the page answers.
    needs_runs : bool
        Whether the page ends here when the study has no run.
    filters : bool
        Whether methods and seeds can be chosen.
    """
    st.title(to_markdown(title), anchor=False)
    if lead:
        st.markdown(to_markdown(lead))
    names = _study_names()
    if not names:
        stop_with(
            "There are no studies and no runs. Train the embedded one with "
            f"{code('equipoise train avatars')}, then reload this page."
        )
    bar = st.container(horizontal=True, vertical_alignment="bottom")
    name = _choose_study(names, bar)
    try:
        study = _study_named(name)
        listing = list_runs(name)
        dataset = dataset_of(study, shipped_manifest, needed=bool(listing.runs))
    except EquipoiseError as error:
        show_error(error)
        st.stop()
    if listing.problems:
        show_problems(listing.problems)
    if needs_runs and not listing.runs:
        todo = "Import predictions on the Import page."
        if study.is_trained:
            command = code(f"equipoise train {name}")
            todo = f"Train it with {command}, then reload this page."
        stop_with(f"The study {strong(study.title)} has no runs yet. {todo}")
    if dataset.generated:
        bar.badge("Generated pictures", icon=":material/draw:", color="orange")
    return _filtered(study, dataset, listing.runs, bar if filters else None)


def choose_task(tasks: Sequence[AnyTask], *, key: str) -> AnyTask:
    """Let the reader choose one of the tasks; the only one is taken unasked."""
    if len(tasks) == 1:
        return tasks[0]
    by_name = {task.name: task for task in tasks}
    name = st.segmented_control(
        "Task",
        list(by_name),
        default=tasks[0].name,
        required=True,
        format_func=lambda name: to_markdown(by_name[name].label),
        key=key,
        persist_state="session",
    )
    return by_name[name]


def choose_metric(view: StudyView, available: Iterable[str], *, key: str) -> MetricInfo:
    """Let the reader choose one metric: the study's own choice first."""
    known = list(dict.fromkeys(available))
    chosen = [name for name in view.study.headline if name in known]
    name = st.selectbox(
        "Metric",
        list(dict.fromkeys((*chosen, *known))),
        format_func=lambda name: metric_info(name, view.tasks).label,
        key=key,
        persist_state="session",
        width=420,
    )
    return metric_info(name, view.tasks)


def _filtered(
    study: Study,
    dataset: DatasetInfo,
    runs: tuple[Run, ...],
    bar: DeltaGenerator | None,
) -> StudyView:
    present = {run.method for run in runs}
    listed = [method for method in study.methods if method in present]
    order = (*listed, *sorted(present - set(listed)))
    seeds = tuple(sorted({run.seed for run in runs}))
    methods, baseline = order, study.baseline
    # What others predicted has a label, and no table in the study.
    labelled = with_imported(study, runs)
    if bar is not None and runs:
        every_seed = seeds
        with bar:
            baseline = _choose_baseline(labelled, order)
            methods, seeds = _choose(labelled, baseline, order, seeds)
        # Not every method need have a run with every seed.
        trained = {run.method for run in runs if run.seed in seeds}
        methods = tuple(method for method in methods if method in trained)
        if len(methods) < len(order) or len(seeds) < len(every_seed):
            st.caption(
                to_markdown(
                    f"Shown: {len(methods)} of {plural(len(order), 'method')}, "
                    f"{len(seeds)} of {plural(len(every_seed), 'seed')}."
                )
            )
        if baseline != study.baseline:
            st.caption(
                to_markdown(
                    f"Compared with {strong(_label(labelled, baseline))}: the baseline "
                    "of these pages is this method, in place of the study's own "
                    f"({_label(study, study.baseline)})."
                )
            )
    return StudyView(
        study=study,
        dataset=dataset,
        baseline=baseline,
        methods=methods,
        seeds=seeds,
        runs=tuple(run for run in runs if run.seed in seeds),
        styles=method_styles(
            tuple(dict.fromkeys((*study.methods, *order))), study.baseline
        ),
        labels={method: _label(labelled, method) for method in order},
    )


def _label(study: Study, method: str) -> str:
    """What a reader sees; a run of a method the study has not has its name."""
    return study.methods[method].label if method in study.methods else method


def _choose_baseline(study: Study, order: tuple[str, ...]) -> str:
    """Let the reader choose the method that the others are compared with."""
    options = list(dict.fromkeys((study.baseline, *order)))
    if len(options) < 2:
        return study.baseline
    return str(
        st.selectbox(
            "Compared with",
            options,
            format_func=lambda method: _label(study, method),
            key=f"bar_against_{study.name}",
            persist_state="session",
            width=260,
            help="Differences and verdicts on every page are to this method.",
        )
    )


def _choose(
    study: Study, baseline: str, order: tuple[str, ...], seeds: tuple[int, ...]
) -> tuple[tuple[str, ...], tuple[int, ...]]:
    others = [method for method in order if method != baseline]
    labels = {method: _label(study, method) for method in others}
    # Others to choose from beside another baseline.
    methods_key = f"bar_methods_{study.name}"
    if baseline != study.baseline:
        methods_key += f"_{baseline}"
    seeds_key = f"bar_seeds_{study.name}"
    with st.popover("Methods and seeds", icon=":material/tune:"):
        chosen = st.pills(
            "Methods shown beside the baseline",
            others,
            selection_mode="multi",
            default=others,
            format_func=lambda method: to_markdown(labels[method]),
            key=methods_key,
            persist_state="session",
            help="Hiding a method changes no number: verdicts stay corrected over all.",
        )
        chosen_seeds = st.pills(
            "Seeds",
            seeds,
            selection_mode="multi",
            default=seeds,
            key=seeds_key,
            persist_state="session",
            help="Every number is computed again from the chosen seeds.",
        )
    if not chosen_seeds:
        stop_with(
            "No seed is chosen. Choose at least one under "
            f"{emphasis('Methods and seeds')}."
        )
    kept = {baseline, *chosen}
    return (
        tuple(method for method in order if method in kept),
        tuple(sorted(chosen_seeds)),
    )


def _choose_study(names: list[str], bar: DeltaGenerator) -> str:
    """Let the reader choose; keep ``?study=`` in the address in step with it.

    Streamlit's own binding writes what the reader sees, and a link must carry the
    study's name, so the two are kept in step here.
    """
    asked, known = st.query_params.get("study"), st.session_state.get("bar_address")
    if asked is None or asked == known:
        # Set again: Streamlit keeps from page to page what a reader chose, and not
        # what an address did.
        if (kept := st.session_state.get("study", known)) in names:
            st.session_state["study"] = kept
    elif asked in names:
        st.session_state["study"] = asked
    else:
        st.warning(
            to_markdown(f"There is no study {code(asked[:64])} here. Choose one above.")
        )
    name = bar.selectbox(
        "Study",
        names,
        key="study",
        persist_state="session",
        format_func=_titles(names).__getitem__,
        width=420,
    )
    if asked != name:
        st.query_params["study"] = name
    st.session_state["bar_address"] = name
    return name


def _study_names() -> list[str]:
    """Studies with runs first; photos of faces, then others, then generated ones."""
    with_runs = list_studies()
    names = dict.fromkeys((*with_runs, *shipped_studies()))
    return sorted(names, key=lambda name: (name not in with_runs, *_rank(name)))


def _study_named(name: str) -> Study:
    """As its runs were trained with, or as shipped where there are none."""
    try:
        return study_of_runs(name)
    except RunError:
        if name not in shipped_studies():
            raise
        return load_study(name)


def _titles(names: Sequence[str]) -> dict[str, str]:
    """Title of each study; with its name where two, such as a copy, have the same."""
    titles = {name: _title_of(name) for name in names}
    counts = Counter(titles.values())
    return {n: f"{t} ({n})" if counts[t] > 1 else t for n, t in titles.items()}


def _title_of(name: str) -> str:
    try:
        return _study_named(name).title
    except EquipoiseError:
        return name


def _rank(name: str) -> tuple[bool, bool]:
    try:
        info = dataset_info(_study_named(name).dataset.name)
    except EquipoiseError:
        return True, True
    return info.generated, not info.of_faces
