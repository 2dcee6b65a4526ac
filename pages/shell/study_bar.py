"""The bar at the head of every page: which study, which methods, which seeds."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from core.data.catalog import DatasetInfo, dataset_info, dataset_of
from core.errors import EquipoiseError
from core.evaluation.metrics import MetricInfo, headline_keys, metric_info
from core.language import N_, gettext, ngettext
from core.runs import (
    Run,
    list_runs,
    list_studies,
    shipped_manifest,
)
from core.study import Study, known_studies
from core.text import code, emphasis, strong, to_markdown
from core.views.loads import best_methods
from core.views.metrics import in_order_of_choice
from core.views.studies import label_in, narrowed, study_named, view_beside, whole_view
from core.views.study_view import StudyView
from pages.shell.address import end_page, read_address, this_address
from pages.shell.cards import offer_provenance
from pages.shell.choose import choose, choose_several, chosen_before
from pages.shell.reference import choose_reference
from pages.shell.show import show_error, show_problems, stop_with
from pages.shell.two_studies import (
    studies_beside,
    two_studies_caption,
)

# Methods beside the baseline that "Top five" shows.
BEST_SHOWN = 5
# Buttons that show every method, or the baseline alone.
ALL, NONE = N_("All"), N_("None")


def study_bar(
    title: str,
    *,
    lead: str = "",
    needs_runs: bool = True,
    filters: bool = True,
    beside: bool = False,
) -> StudyView:
    """Draw the head of a page and return what was chosen; stop where nothing can be.

    Parameters
    ----------
    title : str
        Title of the page, as ``N_`` marks it.
    lead : str
        One sentence on what the page answers, as ``N_`` marks it.
    needs_runs : bool
        Whether the page ends here when the study has no run.
    filters : bool
        Whether methods and seeds can be chosen.
    beside : bool
        Whether another study that shares test images can be set beside the chosen one.
    """
    st.title(to_markdown(gettext(title)), anchor=False)
    if lead:
        st.markdown(to_markdown(gettext(lead)))
    names = _study_names()
    if not names:
        stop_with(
            gettext(
                "There are no studies and no runs. Train the embedded one with "
                "{command}, then reload this page.",
                command=code("equipoise train avatars"),
            )
        )
    bar = st.container(horizontal=True, vertical_alignment="bottom")
    read_address(title)
    name = _choose_study(names, bar)
    try:
        study = study_named(name)
        listing = list_runs(name)
        dataset = dataset_of(study, shipped_manifest, needed=bool(listing.runs))
    except EquipoiseError as error:
        show_error(error)
        end_page()
    if listing.problems:
        show_problems(listing.problems)
    if needs_runs and not listing.runs:
        todo = gettext("Import predictions on the Import page.")
        if study.is_trained:
            todo = gettext(
                "Train it with {command}, then reload this page.",
                command=code(f"equipoise train {name}"),
            )
        missing = gettext(
            "The study {study} has no runs yet.", study=strong(gettext(study.title))
        )
        stop_with(f"{missing} {todo}")
    if dataset.generated:
        generated = gettext("Generated pictures")
        bar.badge(generated, icon=":material/draw:", color="orange")
    if not listing.runs:
        return whole_view(study, dataset, listing.runs)
    if filters:
        others = studies_beside(study) if beside else None
        view = _filtered(study, dataset, listing.runs, bar, others)
    else:
        view = whole_view(study, dataset, listing.runs)
    with bar:
        offer_provenance(view)
    return view


def choose_metric(view: StudyView, available: Iterable[str], *, key: str) -> MetricInfo:
    """Let the reader choose one metric: the study's own choice first."""
    name = choose(
        gettext("Metric"),
        in_order_of_choice(view, available),
        labels=lambda name: metric_info(name, view.tasks).label,
        key=key,
        parameter="metric",
        what=N_("metric"),
        spelled_out=True,
        width=420,
    )
    return metric_info(name, view.tasks)


def _filtered(
    study: Study,
    dataset: DatasetInfo,
    runs: tuple[Run, ...],
    bar: DeltaGenerator,
    others: dict[str, str] | None,
) -> StudyView:
    """What the reader chooses of a study, and what it is compared with."""
    whole = whole_view(study, dataset, runs)
    with bar:
        baseline, other = choose_reference(
            study, whole.methods, _every_label(study, whole), others
        )
        whole = (
            _set_beside(whole, other)
            if other
            else replace(whole, look=whole.look.against(baseline))
        )
        methods, seeds = _choose(whole)
    # Not every method need have a run with every seed.
    view = narrowed(whole.of_seeds(seeds), methods)
    if len(view.methods) < len(whole.methods) or len(seeds) < len(whole.seeds):
        st.caption(
            to_markdown(
                gettext(
                    "Shown: {methods} of {all_methods}, {seeds} of {all_seeds}.",
                    methods=len(view.methods),
                    all_methods=ngettext(
                        "{count} method", "{count} methods", len(whole.methods)
                    ),
                    seeds=len(seeds),
                    all_seeds=ngettext(
                        "{count} seed", "{count} seeds", len(whole.seeds)
                    ),
                )
            )
        )
    _say_reference(view, study)
    return view


def _set_beside(whole: StudyView, other: str) -> StudyView:
    """The methods of both studies; stops where the two cannot be compared."""
    try:
        return view_beside(whole, other)
    except EquipoiseError as error:
        show_error(error)
        end_page()


def _say_reference(view: StudyView, study: Study) -> None:
    """Say what is compared with what, where it is not the study's own baseline."""
    label = view.labels.get(view.baseline, view.baseline)
    if view.two is not None:
        st.caption(to_markdown(two_studies_caption(view.two, label)))
    elif view.baseline != study.baseline:
        st.caption(
            to_markdown(
                gettext(
                    "Compared with {method}: the baseline of these pages is this "
                    "method, in place of the study's own ({own}).",
                    method=strong(label),
                    own=label_in(study, study.baseline),
                )
            )
        )


def _every_label(study: Study, view: StudyView) -> dict[str, str]:
    """Of all methods, those of the study without a run too."""
    listed = {method: table.label for method, table in study.methods.items()}
    return {**listed, **view.labels}


def _choose(view: StudyView) -> tuple[tuple[str, ...], tuple[int, ...]]:
    """Let the reader choose methods and seeds; beside another study, pairs of both."""
    # The study's name alone would keep what was chosen beside another baseline.
    name = view.study.name
    suffix = "" if view.two is None else f"_{view.two.other.name}"
    methods_key, seeds_key = f"bar_methods_{name}{suffix}", f"bar_seeds_{name}{suffix}"
    if view.two is None and view.baseline != view.study.baseline:
        methods_key += f"_{view.baseline}"
    pairs = view.references if view.has_counterparts else {}
    fixed = set(pairs.values()) or {view.baseline}
    others = [method for method in view.methods if method not in fixed]
    alone = [m for m in others if m not in pairs] if pairs else []
    with st.popover(gettext("Methods and seeds"), icon=":material/tune:"):
        chosen = choose_several(
            gettext("Methods shown, each with its counterpart")
            if pairs
            else gettext("Methods shown beside the baseline"),
            others,
            default=[method for method in others if method not in alone],
            labels=view.labels,
            key=methods_key,
            parameter="methods",
            what=N_("method"),
            help=gettext(
                "Hiding a method changes no number: verdicts stay corrected over all."
            ),
        )
        quick = st.container()
        chosen_seeds = choose_several(
            gettext("Seeds"),
            [str(seed) for seed in view.seeds],
            key=seeds_key,
            parameter="seeds",
            what=N_("seed"),
            help=gettext("Every number is computed again from the chosen seeds."),
        )
        seeds = tuple(map(int, chosen_seeds))
        with quick:
            _offer_quick_choices(view.of_seeds(seeds), methods_key, others)
    if not seeds:
        stop_with(
            gettext(
                "No seed is chosen. Choose at least one under {button}.",
                button=emphasis(gettext("Methods and seeds")),
            )
        )
    kept = {*chosen, *(pairs[method] for method in chosen if method in pairs)}
    # Whatever is shown, something to compare with is.
    if not pairs:
        kept.add(view.baseline)
    elif not kept & pairs.keys():
        kept |= {*next(iter(pairs.items()))}
    return (
        tuple(method for method in view.methods if method in kept),
        seeds,
    )


def _offer_quick_choices(view: StudyView, key: str, methods: Sequence[str]) -> None:
    """Buttons that show every method, the baseline alone, or it beside the best."""
    with st.container(horizontal=True, gap="small"):
        for label, chosen in ((ALL, list(methods)), (NONE, [])):
            st.button(
                gettext(label),
                key=f"{key}_{label}",
                type="tertiary",
                on_click=st.session_state.update,
                args=({key: chosen},),
                disabled=chosen_before(key) == chosen,
            )
        if len(methods) > BEST_SHOWN:
            first = headline_keys(view.tasks, view.study.headline)[0]
            st.button(
                gettext("Top five"),
                key=f"{key}_best",
                type="tertiary",
                on_click=_show_best,
                args=(view, key, methods),
                help=gettext(
                    "The five with the best point estimates, beside the baseline. "
                    "Ranked by the metric chosen on the page; on a page without one, "
                    "by {metric}. For viewing only: the test images rank them, which "
                    "flatters the first, so this selects no method.",
                    metric=to_markdown(metric_info(first, view.tasks).label),
                ),
            )


def _show_best(view: StudyView, key: str, methods: Sequence[str]) -> None:
    """Show the best methods on the metric that the page has chosen."""
    metric = st.query_params.get("metric", "")
    st.session_state[key] = best_methods(view, methods, BEST_SHOWN, metric=metric)


def _choose_study(names: list[str], bar: DeltaGenerator) -> str:
    """Let the reader choose the study; another one leaves the rest of the address."""
    before = st.query_params.get("study")
    with bar:
        name = choose(
            gettext("Study"),
            names,
            labels=_titles(names),
            key="study",
            parameter="study",
            what=N_("study"),
            spelled_out=True,
            always=True,
            width=420,
        )
    if before not in (None, name):
        this_address().forget(but="study")
    return name


def _study_names() -> list[str]:
    """Studies with runs first; photos of faces, then others, then generated ones."""
    with_runs = list_studies()
    names = dict.fromkeys((*with_runs, *known_studies()))
    return sorted(names, key=lambda name: (name not in with_runs, *_rank(name)))


def _titles(names: Sequence[str]) -> dict[str, str]:
    """Title of each study; with its name where two, such as a copy, have the same."""
    titles = {name: _title_of(name) for name in names}
    counts = Counter(titles.values())
    return {n: f"{t} ({n})" if counts[t] > 1 else t for n, t in titles.items()}


def _title_of(name: str) -> str:
    try:
        return gettext(study_named(name).title)
    except EquipoiseError:
        return name


def _rank(name: str) -> tuple[bool, bool]:
    try:
        info = dataset_info(study_named(name).dataset.name)
    except EquipoiseError:
        return True, True
    return info.generated, not info.of_faces
