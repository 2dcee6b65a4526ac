"""A study as it is looked at, from its name: for a bar, a slide or a report."""

from collections.abc import Collection
from dataclasses import replace

from core.data.catalog import dataset_of
from core.data.manifest import DatasetInfo
from core.errors import NothingToShow, RunError, StudyError
from core.language import N_, gettext
from core.plots.look import Look, MethodStyle, counterpart_style, method_styles
from core.results.two_studies import TwoStudies, join_studies, name_beside
from core.runs import (
    Run,
    added_methods,
    list_runs,
    shipped_manifest,
    study_of_runs,
    with_imported,
)
from core.study import Study, known_studies, load_study
from core.text import emphasis, listed, strong
from core.views.caching import (
    Fingerprint,
    cached,
    manifest_fingerprint,
    study_fingerprint,
)
from core.views.loads import without_damaged
from core.views.study_view import StudyView


def open_study(
    name: str,
    *,
    methods: Collection[str] = (),
    seeds: Collection[int] = (),
    baseline: str = "",
    other: str = "",
) -> StudyView:
    """A study with its runs; those that cannot be read are left out, and named.

    Parameters
    ----------
    name : str
    methods : collection of str
        Those shown, the baseline always among them; all where none is named.
    seeds : collection of int
        All where none is named.
    baseline : str
        Compared with in place of the study's own.
    other : str
        Another study that shares test images, set beside this one.

    Raises
    ------
    EquipoiseError
        If there is no such study, or it has no such method or seed, or no run.
    """
    study = study_named(name)
    listing = list_runs(name)
    dataset = dataset_of(study, shipped_manifest, needed=bool(listing.runs))
    if not listing.runs:
        raise NothingToShow(
            gettext(
                "The study {study} has no runs yet.",
                study=strong(gettext(study.title)),
            )
        )
    view = whole_view(study, dataset, listing.runs)
    if other:
        view = view_beside(view, other)
    elif baseline:
        _require(_METHODS, [baseline], view.methods, study)
        view = replace(view, look=view.look.against(baseline))
    _require(_METHODS, methods, view.methods, study)
    _require(_SEEDS, seeds, view.seeds, study)
    if seeds:
        view = view.of_seeds(tuple(seed for seed in view.seeds if seed in seeds))
    shown = {*methods, *(view.references.get(method, "") for method in methods)}
    if not view.has_counterparts:
        shown.add(view.baseline)
    view = narrowed(view, [m for m in view.methods if not methods or m in shown])
    view, damaged = without_damaged(view)
    return replace(view, left_out=(*listing.problems, *damaged.values()))


_METHODS = N_("The study '{study}' has no run of the method {names}.")
_SEEDS = N_("The study '{study}' has no run of the seed {names}.")


def _require(
    problem: str, asked: Collection[object], there: Collection[object], study: Study
) -> None:
    missing = [str(each) for each in asked if each not in there]
    if missing:
        raise StudyError(
            gettext(problem, study=study.name, names=listed(missing)),
            expected=gettext("one of {names}.", names=", ".join(map(str, there))),
            remedy=gettext("correct the name, or train it."),
        )


def study_named(name: str) -> Study:
    """As its runs were trained with, or as its file says where there are none."""
    return _study_named(study_fingerprint(name), name)


# A bar names every study there is, and reads each of them for its title.
@cached(entries=128)
def _study_named(files: Fingerprint, name: str) -> Study:
    try:
        return study_of_runs(name)
    except RunError:
        if name not in known_studies():
            raise
        return load_study(name)


def whole_view(study: Study, dataset: DatasetInfo, runs: tuple[Run, ...]) -> StudyView:
    """All methods and seeds of a study, against its own baseline."""
    present = {run.method for run in runs}
    listed = [method for method in study.methods if method in present]
    order = (*listed, *sorted(present - set(listed)))
    # What others predicted has a label, and no table in the study.
    labelled = with_imported(study, runs)
    return StudyView(
        study=study,
        dataset=dataset,
        look=Look(
            order,
            method_styles(
                tuple(dict.fromkeys((*study.methods, *order))),
                study.baseline,
                imported=added_methods(study, runs),
            ),
            {method: label_in(labelled, method) for method in order},
            study.baseline,
        ),
        seeds=tuple(sorted({run.seed for run in runs})),
        runs=runs,
    )


def label_in(study: Study, method: str) -> str:
    """What a reader sees; a run of a method the study has not has its name."""
    return study.methods[method].label if method in study.methods else method


def view_beside(whole: StudyView, other: str) -> StudyView:
    """The methods of a study and of another one that shares test images.

    Raises
    ------
    EquipoiseError
        If the other study cannot be read, or the two cannot be compared.
    """
    two = _load_two(whole.study, whole.dataset, whole.runs, other)
    present = {run.method for run in two.runs}
    order = tuple(method for method in two.study.methods if method in present)
    return replace(
        whole,
        study=two.study,
        dataset=two.info,
        look=Look(
            order,
            _styles_beside(two, whole.study),
            {method: label_in(two.study, method) for method in order},
            two.study.baseline,
        ),
        seeds=tuple(sorted({run.seed for run in two.runs})),
        runs=two.runs,
        two=two,
    )


def narrowed(view: StudyView, methods: Collection[str]) -> StudyView:
    """The view of some methods, as far as they have runs with the chosen seeds.

    Raises
    ------
    NothingToShow
        If, beside another study, none of them has runs in both.
    """
    trained = {run.method for run in view.runs}
    shown = [method for method in methods if method in trained]
    view = replace(view, look=view.look.only(shown))
    if view.has_counterparts:
        view = replace(view, look=view.look.against(_first_counterpart(view)))
    return view


def _first_counterpart(view: StudyView) -> str:
    """The baseline that texts name; fails where no method is in both studies."""
    shown = [other for other in view.references.values() if other in view.methods]
    if not shown:
        raise NothingToShow(
            gettext(
                "No shown method has runs in both studies with the chosen seeds. "
                "Choose other seeds or methods under {button}.",
                button=emphasis(gettext("Methods and seeds")),
            )
        )
    return shown[0]


def _load_two(
    study: Study, dataset: DatasetInfo, runs: tuple[Run, ...], other: str
) -> TwoStudies:
    """Another study beside the chosen one.

    Raises
    ------
    EquipoiseError
        If the other one cannot be read, or the two cannot be compared.
    """
    beside = study_named(other)
    listing = list_runs(other)
    info = dataset_of(beside, shipped_manifest, needed=bool(listing.runs))
    splits = manifest_fingerprint(study.name), manifest_fingerprint(other)
    return _joined(splits, study, dataset, runs, beside, info, listing.runs)


@cached(entries=8, says=N_("Setting the studies side by side…"))
def _joined(
    splits: tuple[Fingerprint, Fingerprint],
    study: Study,
    _dataset: DatasetInfo,
    runs: tuple[Run, ...],
    other: Study,
    _other_dataset: DatasetInfo,
    other_runs: tuple[Run, ...],
) -> TwoStudies:
    return join_studies(study, _dataset, runs, other, _other_dataset, other_runs)


def _styles_beside(two: TwoStudies, study: Study) -> dict[str, MethodStyle]:
    """Own methods as their study draws them; a counterpart in the colour of its own."""
    prefix = name_beside(two.other.name, "")
    theirs = {
        name: name.removeprefix(prefix)
        for name in two.study.methods
        if name.startswith(prefix)
    }
    own = [m for m in two.study.methods if m not in theirs]
    alone = [name for name, method in theirs.items() if method not in own]
    added = added_methods(study, two.runs).intersection(own)
    styles = method_styles((*own, *alone), study.baseline, imported=added)
    return styles | {
        name: counterpart_style(styles[method])
        for name, method in theirs.items()
        if method in own
    }
