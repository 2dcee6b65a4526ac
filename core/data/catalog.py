"""The datasets that a study may name, and how each is loaded."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd

from core.data.cache import Pixels, Progress, Render, render_file
from core.data.class_folders import ClassFolderOptions
from core.data.enhancement import Enhancement
from core.data.images import preprocess_drawn
from core.data.label_noise import add_label_noise
from core.data.manifest import DatasetInfo, LoadedDataset
from core.data.near_copies import report_near_copies
from core.data.readers import (
    avatars,
    avatars_softbio,
    celeba,
    cifar,
    image_table,
    isic2019,
    predictions_table,
    stanford_dogs,
    utkface,
)
from core.data.splits import apply_split, name_strata, with_new_split
from core.data.unreadable_pictures import leave_out_known_damage
from core.errors import DatasetError, StudyError
from core.language import N_, gettext
from core.stores import find_place
from core.study import (
    DatasetOptions,
    DatasetTable,
    Fit,
    Resample,
    Study,
    check_options,
)


@dataclass(frozen=True)
class Reader:
    """How a dataset is read: all that the rest of the program asks of its module.

    Parameters
    ----------
    info : DatasetInfo
    options : type
        Those that a study may give.
    load : callable
        ``(location, options, *, shipped, progress) -> LoadedDataset``.
    renderer : callable
        ``(options) -> Render``: what turns a manifest's ``path`` into pixels. It takes
        ``resample`` and ``fit`` as ``preprocess`` does, and hands them on to it; and
        the name of a harmless ``change``, which comes before.
    copy : str
        The files that a person has to fetch first; empty if none are needed.
    path_of : callable, optional
        ``(image_id) -> path``, where the id alone tells it: of generated pictures.
    strata : tuple of str
        Tasks whose classes and bins are crossed to the strata of the test split, where
        it has as many images of each on purpose; none where it was not drawn so.
    info_of : callable, optional
        ``(parsed) -> DatasetInfo``, where the options decide what is predicted or
        which groups there are; ``info`` is then that of the default options.
    info_of_manifest : callable, optional
        ``(parsed, manifest) -> DatasetInfo``, where the images decide more than which
        classes and groups there are: the range of a number, or how many classes.
    place_of : callable, optional
        ``(parsed) -> Path or None``, where the options may say where the images are.
    attributes : callable, optional
        ``(image_ids, parsed) -> DataFrame``, one row an image, where the ids tell more
        than the manifest holds: of generated pictures, what was drawn.
    """

    info: DatasetInfo
    options: type[DatasetOptions]
    load: Callable[..., LoadedDataset]
    renderer: Callable[[Any], Render] = lambda options: render_file
    copy: str = ""
    path_of: Callable[[str], str] | None = None
    strata: tuple[str, ...] = ()
    info_of: Callable[[Any], DatasetInfo] | None = None
    info_of_manifest: Callable[[Any, pd.DataFrame], DatasetInfo] | None = None
    place_of: Callable[[Any], Path | None] = lambda options: None
    attributes: Callable[[Sequence[str], Any], pd.DataFrame] | None = None

    def parse(self, given: Mapping[str, object]) -> Any:
        """The options that a study gives, as ``load`` and ``renderer`` take them.

        Raises
        ------
        StudyError
            If an option is unknown, of a wrong type or out of range; it is named.
        """
        return check_options(self.options, given, kind="dataset", name=self.info.name)


def _load_avatars(
    location: Path | None,
    options: avatars.AvatarsOptions,
    *,
    shipped: pd.DataFrame | None = None,
    progress: Progress = lambda what, done, total: None,
) -> LoadedDataset:
    """Draw who is in the pictures; there is no copy to read and no split to keep."""
    return with_new_split(avatars.INFO, avatars.sample_people(options))


def _render_avatar(
    path: str,
    size: int,
    *,
    options: avatars.AvatarsOptions,
    drawing: int,
    resample: Resample = "bicubic",
    fit: Fit = "crop",
    change: str = "",
) -> Pixels:
    """Draw an avatar; ``drawing`` only makes a changed drawing another cache."""
    index = avatars.index_of(path)

    def draw(side: int) -> Pixels:
        return avatars.render(index, side, options)

    return preprocess_drawn(draw, size, change, resample=resample, fit=fit)


def _avatar_renderer(options: avatars.AvatarsOptions) -> Render:
    return partial(_render_avatar, options=options, drawing=avatars.DRAWING)


def _cifar_renderer(options: cifar.CIFAROptions) -> Render:
    return cifar.render


_FACES = N_("the aligned and cropped faces")
_LESIONS = N_("its training images, ground truth and metadata")
READERS = {
    reader.info.name: reader
    for reader in (
        Reader(
            utkface.INFO,
            utkface.UTKFaceOptions,
            utkface.load,
            copy=_FACES,
            strata=("gender", "ethnicity", "age"),
        ),
        Reader(
            avatars.INFO,
            avatars.AvatarsOptions,
            _load_avatars,
            _avatar_renderer,
            path_of=avatars.path_of,
            attributes=avatars.load_attributes,
        ),
        Reader(
            avatars_softbio.INFO,
            avatars_softbio.AvatarsSoftbioOptions,
            avatars_softbio.load,
            avatars_softbio.renderer,
            path_of=avatars.path_of,
            attributes=avatars_softbio.load_attributes,
        ),
        Reader(
            celeba.INFO,
            celeba.CelebAOptions,
            celeba.load,
            copy=N_("its aligned pictures and list_attr_celeba.txt"),
            info_of=celeba.info_of,
        ),
        *(
            Reader(
                info,
                cifar.CIFAROptions,
                partial(cifar.load, info),
                _cifar_renderer,
                strata=("label",),
            )
            for info in (cifar.INFO_10, cifar.INFO_100)
        ),
        *(
            Reader(
                info, isic2019.ISICOptions, partial(isic2019.load, info), copy=_LESIONS
            )
            for info in (isic2019.INFO_BINARY, isic2019.INFO_EIGHT)
        ),
        Reader(
            stanford_dogs.INFO,
            stanford_dogs.StanfordDogsOptions,
            stanford_dogs.load,
            stanford_dogs.renderer,
            copy=N_(
                "images.tar, and lists.tar and annotation.tar if they are asked for"
            ),
        ),
        Reader(
            image_table.INFO,
            image_table.ImageTableOptions,
            image_table.load,
            image_table.renderer,
            copy=N_("the pictures, in class folders or with a table beside them"),
            info_of=image_table.info_of,
            info_of_manifest=image_table.info_of,
            place_of=lambda options: find_place(options.path),
        ),
        Reader(
            predictions_table.INFO,
            predictions_table.TableOptions,
            predictions_table.load,
            info_of=predictions_table.info_of,
        ),
    )
}
DATASETS = {name: reader.info for name, reader in READERS.items()}


def dataset_info(name: str) -> DatasetInfo:
    """The description of a dataset under its default options.

    Raises
    ------
    StudyError
        If there is no such dataset.
    """
    if name not in DATASETS:
        raise StudyError(
            gettext("There is no dataset '{name}'.", name=name),
            expected=gettext("one of {datasets}.", datasets=", ".join(DATASETS)),
            remedy=gettext("fix [dataset] in the study's file."),
        )
    return DATASETS[name]


def dataset_of(
    study: Study,
    find_manifest: Callable[[str], pd.DataFrame | None],
    *,
    needed: bool = False,
) -> DatasetInfo:
    """The description of a study's dataset, with the classes of its images.

    Parameters
    ----------
    study : Study
    find_manifest : callable
        ``(study's name) -> manifest or None``; called only where nothing but the
        images tells the classes.
    needed : bool
        Whether it is a fault that there is no manifest: there are runs.

    Raises
    ------
    StudyError
        If the dataset or one of its options does not exist.
    DatasetError
        If a manifest is needed and is not there.
    """
    info = dataset_info(study.dataset.name)
    reader = READERS[info.name]
    if reader.info_of is not None:
        info = reader.info_of(reader.parse(study.dataset.options))
    if info.knows_classes and reader.info_of_manifest is None:
        return info
    manifest = find_manifest(study.name)
    if manifest is not None and reader.info_of_manifest is not None:
        options = reader.parse(study.dataset.options)
        return reader.info_of_manifest(options, manifest)
    if manifest is not None:
        return info.with_classes_of(manifest)
    if needed:
        raise DatasetError(
            gettext(
                "The classes of the study '{name}' are not known: the manifest "
                "that its runs were trained on is gone.",
                name=study.name,
            ),
            expected=gettext("manifest.parquet beside the runs."),
            remedy=gettext("put it back, or train the study again."),
        )
    return info


def load_dataset(
    study: Study,
    location: Path | None,
    *,
    shipped: pd.DataFrame | None = None,
    progress: Progress = lambda what, done, total: None,
) -> LoadedDataset:
    """Load a study's dataset, split it, and flip the labels that the study flips.

    Where the split is drawn anew, near-copies between its parts are looked for, and
    left out of the training images if the options say so.

    Parameters
    ----------
    study : Study
    location : Path or None
        Folder or archive; a dataset that is generated, or that Keras downloads, needs
        none.
    shipped : DataFrame, optional
        ``image_id`` and ``split`` of the study's runs: used as they are, so that every
        copy gives the same split.
    progress : callable
        Called with what is done, how many, of how many, where more than names is read.

    Raises
    ------
    StudyError
        If the dataset or one of its options does not exist, or if the study flips
        labels of an unknown task or group.
    DatasetError
        If the copy is missing, empty or not in its published layout.
    """
    reader = READERS[dataset_info(study.dataset.name).name]
    options = reader.parse(study.dataset.options)
    if location is None:
        location = reader.place_of(options)
    if location is None and reader.copy:
        raise DatasetError(
            gettext(
                "The study '{study}' needs your own copy of {dataset}.",
                study=study.name,
                dataset=gettext(reader.info.title),
            ),
            expected=gettext("its folder or archive."),
            remedy=gettext(
                "fetch {what}, then add --data PATH.", what=gettext(reader.copy)
            ),
        )
    loaded = reader.load(location, options, shipped=shipped, progress=progress)
    if shipped is None:
        loaded = report_near_copies(
            loaded, renderer(study), remove=options.remove_copies, progress=progress
        )
    elif options.remove_copies:
        # Some readers draw the split anew: of it, what was left out stays so.
        place = location or Path(study.dataset.name)
        manifest = apply_split(loaded.manifest, shipped, place)
        loaded = replace(loaded, manifest=manifest)
    noise = study.label_noise
    if noise is not None:
        loaded = add_label_noise(loaded, noise)
    return leave_out_known_damage(loaded, shipped)


def test_strata(study: Study, table: pd.DataFrame) -> pd.Series | None:
    """Name the stratum of each test image, where the test split was drawn by strata.

    Such a split has equally many images of each stratum, for any population. Results
    from it vary within strata only, so it must be resampled within strata.

    Parameters
    ----------
    study : Study
    table : DataFrame
        Rows of the test split: predictions of a run, with ``<task>_true``, or a
        manifest. No picture is needed.

    Returns
    -------
    Series of str or None
        Indexed as the table. None if the dataset's test split is not balanced by
        strata (a split that keeps the shares of the classes is not), or if the table
        lacks a column that the strata are made of.

    Raises
    ------
    StudyError
        If the dataset does not exist.
    """
    info = dataset_info(study.dataset.name)
    known = {task.name: task for task in info.tasks}
    strata = READERS[info.name].strata
    if not known.keys() >= set(strata):
        return None
    return name_strata(table, [known[name] for name in strata])


# A test runner takes a function of such a name for a test.
test_strata.__test__ = False  # type: ignore[attr-defined]


def renderer(study: Study, *, change: str = "") -> Render:
    """The function that turns a manifest's ``path`` into pixels, for the study's model.

    With a ``change``, one of ``harmless_changes.CHANGES``, those of the picture after
    it.

    Raises
    ------
    StudyError
        If the dataset or one of its options does not exist.
    """
    reader = READERS[dataset_info(study.dataset.name).name]
    render = reader.renderer(reader.parse(study.dataset.options))
    resize = study.model.resize
    given = {} if resize is None else resize.model_dump()
    if change:
        given["change"] = change
    return partial(render, **given) if given else render


def enhancement_of(table: DatasetTable) -> Enhancement:
    """The change of brightness that a study's dataset makes to every picture.

    Raises
    ------
    StudyError
        If the dataset or one of its options does not exist.
    """
    options = READERS[dataset_info(table.name).name].parse(table.options)
    if isinstance(options, ClassFolderOptions):
        return options.enhancement
    return Enhancement()
