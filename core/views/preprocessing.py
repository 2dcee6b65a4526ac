"""The view of a picture's levels, before and after preprocessing."""

from core.data.enhancement import Enhancement
from core.data.preprocessing_stages import Stages, stages_of_path, try_enhancement
from core.errors import DatasetError, NothingToShow, ViewError
from core.language import N_, gettext
from core.plots import preprocessing as plots
from core.plots.data import pick_samples
from core.study import Study
from core.text import strong
from core.views.caching import Fingerprint, cached, data_fingerprint, file_fingerprint
from core.views.data import load_columns, load_manifest
from core.views.drawing import Drawn, draws, nothing_in
from core.views.pictures import find_shown_paths, why_no_pictures
from core.views.study_view import StudyView

COLUMN_WIDTH = 350
BINS = N_("Share of the pixels, in bins of {width} levels.")
"""What the histograms show; ``width`` is ``BIN_WIDTH`` of the plots."""


def methods_by_sight(view: StudyView) -> dict[str, list[str]]:
    """The methods that see pictures alike, by the first of them.

    Raises
    ------
    NothingToShow
        If the size of the pictures is not known.
    """
    kinds: dict[object, list[str]] = {}
    for name in view.study.methods:
        own = view.study.for_method(name)
        model = own.model
        if model.image_size:
            kind = (model.image_size, model.resize, own.training.augmentation)
            kinds.setdefault(kind, []).append(name)
    if not kinds:
        raise NothingToShow(
            gettext(
                "The models of the study {title} take over the size of a "
                "checkpoint, which is not known before it is loaded.",
                title=strong(gettext(view.study.title)),
            )
        )
    return {names[0]: names for names in kinds.values()}


def sample_ids(view: StudyView) -> dict[str, str]:
    """An image of each class of the study's last task."""
    return _samples(data_fingerprint(view.study.name), view.study.name, view)


@draws("data-preprocessing", N_("A picture's levels before and after preprocessing"))
def draw_preprocessing(
    view: StudyView,
    *,
    method: str = "",
    picture: str = "",
    tried: tuple[str, ...] = (),
) -> Drawn:
    """Levels of a picture of the dataset as it is found, and as a method sees it.

    ``picture`` is a class of the study's last task, and ``tried`` are enhancements on
    top: "autocontrast", "equalize".
    """
    known = methods_by_sight(view)
    method = method or next(iter(known))
    if method not in view.study.methods:
        raise ViewError(
            gettext("The study has no method '{method}'.", method=method),
            expected=gettext(
                "one of {methods}.", methods=", ".join(view.study.methods)
            ),
            remedy=gettext("correct the name, or leave it out."),
        )
    return levels_of(load_stages(view, method, picture, tried))


def levels_of(stages: Stages) -> Drawn:
    """Histograms of a picture, the person's own too: nothing of it is kept here."""
    table = plots.count_levels(
        {gettext("before"): stages.before, gettext("after"): stages.after}
    )
    return Drawn(
        title=gettext("Before and after preprocessing"),
        name="data_preprocessing",
        takeaway=plots.takeaway_preprocessing(stages.before, stages.after),
        figures={gettext(c): plots.plot_levels(table, c) for c in plots.CHANNELS},
        data=table,
        note=gettext(BINS, width=plots.BIN_WIDTH),
        column_width=COLUMN_WIDTH,
    )


def load_stages(
    view: StudyView, method: str, picture: str, tried: tuple[str, ...]
) -> Stages:
    """A picture of the dataset as it is found, and as a method sees it.

    Raises
    ------
    NothingToShow
        If pictures of the dataset may not be shown here.
    EquipoiseError
        If there is no such picture, or it cannot be read.
    """
    if why := why_no_pictures(view):
        raise nothing_in(view, why)
    samples = sample_ids(view)
    picture = picture or next(iter(samples), "")
    if picture not in samples:
        raise ViewError(
            gettext("There is no picture of '{picture}'.", picture=picture),
            expected=gettext("one of {samples}.", samples=", ".join(samples)),
            remedy=gettext("correct the name, or leave it out for the first."),
        )
    path = find_shown_paths(view, [samples[picture]]).get(samples[picture])
    if path is None:
        raise DatasetError(
            gettext(
                "The picture {picture} is not in your copy.",
                picture=samples[picture],
            ),
            remedy=gettext("choose another picture, or complete the copy."),
        )
    file = file_fingerprint(path)
    return enhanced(_stages(path, file, view.study.for_method(method)), tried)


def enhanced(stages: Stages, tried: tuple[str, ...]) -> Stages:
    """The same with enhancements tried on top.

    Raises
    ------
    ViewError
        If there is no such enhancement.
    """
    known = tuple(Enhancement.model_fields)
    for name in tried:
        if name not in known:
            raise ViewError(
                gettext("There is no enhancement '{name}' to try.", name=name),
                expected=gettext("some of {known}.", known=", ".join(known)),
                remedy=gettext("correct the name, or leave it out."),
            )
    return try_enhancement(stages, Enhancement(**dict.fromkeys(tried, True)))


@cached(entries=8)
def _samples(key: Fingerprint, study: str, _view: StudyView) -> dict[str, str]:
    column = load_columns(_view)[_view.tasks[-1].name]
    samples = pick_samples(load_manifest(_view), column, each=1)
    return {name: str(rows["image_id"].iloc[0]) for name, rows in samples.items()}


@cached(entries=16)
def _stages(path: str, file: Fingerprint, study: Study) -> Stages:
    return stages_of_path(study, path)
