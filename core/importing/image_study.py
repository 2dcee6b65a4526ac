"""A study of images of one's own: proposed, written, and removed with its images.

The study is a file in the user's store, ``studies/NAME.toml``, beside the uploaded
images, ``images/NAME/``. A folder that was named by its path stays where it is.
"""

import shutil
import time
import uuid
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

from core.data.manifest import LEFT_OUT, LoadedDataset
from core.data.readers.image_table import NAME, ImageTableOptions
from core.errors import EquipoiseError, StudyError
from core.importing.naming import folder_name
from core.language import gettext
from core.remote_store import remove_folder
from core.runs import list_studies
from core.stores import IMAGES_FOLDER, RESERVED, images_folder, user_store
from core.study import (
    Augmentation,
    DatasetTable,
    MethodTable,
    ModelTable,
    Study,
    TrainingTable,
    check_name,
    known_studies,
    load_study,
    own_studies,
    own_study_path,
    parse_study,
)
from core.study_toml import study_toml, write_study_file
from core.tasks import Regression
from core.training.run_locks import is_being_trained

SEEDS = (0, 1, 2)
IMAGE_SIZE, EPOCHS, BATCH_SIZE = 96, 10, 32
_HEAD = """\
# Written by Equipoise from a folder of images. Train it: equipoise train {place}
# Options of the dataset, methods and settings can be changed: see docs/your_images.md.
"""
_UPLOAD = ".upload-"
_FORGOTTEN_S = 24 * 3600
# Images come to their place shortly before the file of their study.
_KEEPING_S = 60
# A loss of numbers this many standard deviations off weighs as much as one of classes.
_NUMBER_WEIGHT = 1.5
# Remedies that begin a comparison, by the kind of the first task.
_FOR_CLASSES = {
    "class-balanced": "Class-balanced weights",
    "oversample": "Over-sampling",
    "logit-adjusted": "Logit adjustment",
}
_FOR_NUMBERS = {"denseweight": "DenseWeight"}


def check_new_name(title: str) -> str:
    """The name of a new study, from what a person calls it.

    Raises
    ------
    StudyError
        If no name can be made of it, or there is a study of that name, or runs of one.
    """
    name = check_name(folder_name(title, what="images"), "study")
    if name in {*known_studies(), *list_studies(), *RESERVED} or (
        images_folder(name).exists() and not _are_left_over(name)
    ):
        raise StudyError(
            gettext("There is a study '{study}' already.", study=name),
            expected=gettext("a new name."),
            remedy=gettext("choose another name, or delete that study first."),
        )
    return name


def propose_study(
    name: str, title: str, options: ImageTableOptions, loaded: LoadedDataset
) -> Study:
    """A study that compares a few remedies on these images.

    Parameters
    ----------
    name, title : str
    options : ImageTableOptions
        Their ``path`` says where the images are.
    loaded : LoadedDataset
        The images under these options.

    Notes
    -----
    ImageNet features of EfficientNet-Lite0, whose weights come with the project, behind
    a small trained head: minutes on a few thousand images without an accelerator.
    """
    tasks = loaded.info.tasks
    classes = [task for task in tasks if not isinstance(task, Regression)]
    # A study compares remedies of one target; others are trained along with it.
    target = classes[0] if classes else tasks[0]
    remedies = _FOR_CLASSES if classes else _FOR_NUMBERS
    methods = {"baseline": MethodTable(label="Baseline")}
    for entry, label in remedies.items():
        methods[entry] = MethodTable(label=label, use={entry: {"on": target.name}})
    weights = {task.name: _loss_weight(task, loaded) for task in tasks}
    return Study(
        name=name,
        title=title,
        baseline="baseline",
        seeds=SEEDS,
        dataset=DatasetTable(name=NAME, options=_given(options)),
        model=ModelTable(
            backbone="efficientnet_lite0",
            image_size=IMAGE_SIZE,
            weights="imagenet",
            trainable="head",
            head_units=64,
        ),
        training=TrainingTable(
            epochs=EPOCHS,
            batch_size=BATCH_SIZE,
            learning_rate=2e-3,
            weight_decay=1e-3,
            patience=EPOCHS,
            loss_weights=weights,
            augmentation=Augmentation(
                rotation_degrees=6.0, shift=0.05, zoom=0.1, horizontal_flip=True
            ),
        ),
        methods=methods,
    )


def write_file(study: Study, path: Path) -> None:
    """Write a study as its TOML file, in one step; it can be read again.

    Raises
    ------
    StudyError
        If it cannot be written.
    """
    is_kept = path == own_study_path(study.name)
    place = study.name if is_kept else path.name
    head = _HEAD.format(place=place)
    parse_study(head + study_toml(study), origin=path.name)
    try:
        write_study_file(study, path, head=head)
    except OSError as error:
        raise StudyError(
            gettext(
                "{file} could not be written: {why}.",
                file=path,
                why=error.strerror or error,
            ),
            expected=gettext("a writable folder with room for the study."),
            remedy=gettext("free some space, or choose another place."),
        ) from error


def keep_study(study: Study, uploaded: Path | None = None) -> Study:
    """Write a study into the user's store, with images that were uploaded for it.

    Parameters
    ----------
    study : Study
    uploaded : Path, optional
        Folder of the images in the store; it becomes ``images/NAME``.

    Returns
    -------
    Study
        As it was written: the options say where the images are.

    Raises
    ------
    StudyError
        If there is such a study already, or it cannot be written; the images are then
        where they were.
    """
    check_new_name(study.name)
    if uploaded is None:
        write_file(study, own_study_path(study.name))
        return study
    options = {**study.dataset.options, "path": f"{IMAGES_FOLDER}/{study.name}"}
    dataset = study.dataset.model_copy(update={"options": options})
    kept = study.model_copy(update={"dataset": dataset})
    place = images_folder(study.name)
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        if place.exists():
            place.rename(new_upload_place())
        uploaded.rename(place)
    except OSError as error:
        raise StudyError(
            gettext(
                "{file} could not be written: {why}.",
                file=place,
                why=error.strerror or error,
            ),
            expected=gettext("a writable folder with room for the study."),
            remedy=gettext("free some space, or choose another place."),
        ) from error
    try:
        write_file(kept, own_study_path(study.name))
    except EquipoiseError:
        place.rename(uploaded)
        raise
    return kept


def _are_left_over(name: str) -> bool:
    """Whether images lie there without a study: it was killed while it was kept."""
    age_s = time.time() - images_folder(name).stat().st_ctime
    is_used = name in own_studies() or users_of_images(name)
    return age_s > _KEEPING_S and not is_used


def new_upload_place() -> Path:
    """A folder for images that are being uploaded; it does not exist yet.

    It lies in the store, so that ``keep_study`` only has to rename it.
    """
    return images_folder(f"{_UPLOAD}{uuid.uuid4().hex[:8]}")


def forget_old_uploads() -> None:
    """Remove uploads that nobody kept within a day: whoever brought them has left."""
    now = time.time()
    for old in images_folder(_UPLOAD).parent.glob(f"*{_UPLOAD}*"):
        with suppress(OSError):
            if now - old.stat().st_mtime > _FORGOTTEN_S:
                shutil.rmtree(old, ignore_errors=True)


def image_studies() -> Mapping[str, Study]:
    """Studies of the user's own images that can be read, by their name."""
    found = {}
    for name in own_studies():
        try:
            study = load_study(name)
        except StudyError:
            continue
        if study.dataset.name == NAME:
            found[name] = study
    return found


def users_of_images(name: str) -> list[str]:
    """Other studies of the user's whose images are those uploaded for this one."""
    place = f"{IMAGES_FOLDER}/{name}"
    return [
        other
        for other, study in image_studies().items()
        if other != name and study.dataset.options.get("path") == place
    ]


def remove_images(name: str, *, with_runs: bool = False) -> None:
    """Delete a study of one's own, the images uploaded for it, and perhaps its runs.

    A folder that was named by its path is not touched.

    Raises
    ------
    StudyError
        If there is no such study, another study needs the images, it is being trained,
        or a file cannot be deleted.
    """
    if name not in own_studies():
        raise StudyError(
            gettext("There is no study '{study}' of your own.", study=name),
            expected=gettext("one of {names}.", names=", ".join(own_studies())),
            remedy=gettext("check the name."),
        )
    if others := users_of_images(name):
        raise StudyError(
            gettext(
                "The images of '{study}' are those of other studies too: {names}.",
                study=name,
                names=", ".join(others),
            ),
            expected=gettext("images that no other study needs."),
            remedy=gettext("delete these studies first."),
        )
    if is_being_trained(user_store(), name):
        raise StudyError(
            gettext("The study '{study}' is being trained now.", study=name),
            expected=gettext("a study that nobody trains."),
            remedy=gettext("wait until it has finished, or stop it, then delete it."),
        )
    folders = [images_folder(name)]
    folders += [user_store() / check_name(name, "study")] if with_runs else []
    try:
        for folder in folders:
            if folder.is_dir():
                remove_folder(folder)
        own_study_path(name).unlink()
    except OSError as error:
        raise StudyError(
            gettext(
                "{folder} could not be removed: {why}.",
                folder=error.filename or name,
                why=error.strerror or error,
            ),
            expected=gettext("a folder that may be written to."),
            remedy=gettext("delete it by hand."),
        ) from error


def _given(options: ImageTableOptions) -> dict[str, Any]:
    """The options that differ from the defaults, as a file holds them."""
    return options.model_dump(mode="json", exclude_defaults=True)


def _loss_weight(task: object, loaded: LoadedDataset) -> float:
    if not isinstance(task, Regression):
        return 1.0
    used = loaded.manifest[loaded.manifest["split"] != LEFT_OUT]
    spread = float(np.std(used[task.name].to_numpy(np.float64)))
    return float(f"{_NUMBER_WEIGHT / max(spread, 1e-6):.2g}")
