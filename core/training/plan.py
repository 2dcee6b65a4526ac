"""What is to be trained: a study with settings changed, and the runs that are missing.

Runs of other settings do not compare with those of a study. So a study whose settings
are changed becomes another one, of the user's own, with a name that says what is
changed: asked for again, it is found again, and further seeds go into it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from core import runs
from core.errors import EquipoiseError, StudyError
from core.language import N_, gettext
from core.models.known_backbones import KNOWN_BACKBONES
from core.stores import RESERVED
from core.study import (
    SMALLEST_IMAGE,
    ModelTable,
    Study,
    check_name,
    known_studies,
    load_study,
    own_study_path,
)
from core.study_toml import write_study_file
from core.training.queue import OVER, JobStatus

MOST_SEEDS = 20
QUICK_SIDE, QUICK_EPOCHS = 64, 5
"""Pixels and epochs of a quick look at a study."""
_LONGEST = 64


@dataclass(frozen=True)
class Settings:
    """The settings of a study that can be chosen before it is trained.

    Parameters
    ----------
    epochs : int
    image_size : int
        Pixels; 0 for that of a checkpoint.
    backbone : str
    weights : str
    """

    epochs: int
    image_size: int
    backbone: str
    weights: str

    @classmethod
    def of(cls, study: Study) -> Settings:
        """The study's own."""
        model = study.model
        return cls(
            study.training.epochs, model.image_size, model.backbone, model.weights
        )


def with_settings(study: Study, settings: Settings) -> Study:
    """The study with these settings; itself where they are its own.

    Another backbone does not take over the options of the study's backbone, nor what of
    it stays frozen; other weights do not take over what belongs to the study's weights.

    Raises
    ------
    StudyError
        If the settings do not go together.
    """
    own = Settings.of(study)
    if settings == own:
        return study
    _check(settings)
    model = study.model.model_dump()
    model |= {
        "backbone": settings.backbone,
        "image_size": settings.image_size,
        "weights": settings.weights,
    }
    if settings.backbone != own.backbone:
        model |= {"options": None, "trainable": None}
    if settings.weights != own.weights:
        model |= {"weights_key": None, "resize": None}
    budget: dict[str, int] = {"epochs": settings.epochs}
    table = ModelTable.model_validate(model)
    if table.has_frozen_part and study.training.variants > settings.epochs:
        # More than an epoch each would be computed and never seen.
        budget["cached_variants"] = settings.epochs
    training = study.training.model_copy(update=budget)
    return study.model_copy(
        update={
            "model": table,
            "training": training,
            "title": ", ".join([study.title, *_changes(own, settings)]),
            # Of these settings nobody has searched or reported anything.
            "published": (),
            "published_by_group": (),
        }
    )


def quick_settings(study: Study) -> Settings | None:
    """Settings for a quick look at a study: smaller images and fewer epochs.

    None where the study's own are as small, or its checkpoint decides on the size.
    """
    own = Settings.of(study)
    backbone = KNOWN_BACKBONES.get(own.backbone)
    if backbone is None or own.image_size == 0:
        return None
    quick = replace(
        own,
        image_size=min(own.image_size, max(backbone.smallest, QUICK_SIDE)),
        epochs=min(own.epochs, QUICK_EPOCHS),
    )
    return None if quick == own else quick


def _check(settings: Settings) -> None:
    backbone = KNOWN_BACKBONES.get(settings.backbone)
    if backbone is None:
        raise StudyError(
            gettext("There is no backbone '{name}'.", name=settings.backbone),
            expected=gettext("one of {names}.", names=", ".join(KNOWN_BACKBONES)),
            remedy=gettext("choose one of these."),
        )
    least = max(backbone.smallest, SMALLEST_IMAGE)
    from_checkpoint = settings.image_size == 0 and backbone.from_checkpoint
    if settings.image_size < least and not from_checkpoint:
        raise StudyError(
            gettext(
                "{backbone} cannot take images of {size} pixels.",
                backbone=backbone.label,
                size=settings.image_size,
            ),
            expected=gettext("at least {least} pixels.", least=least),
            remedy=gettext("choose larger images or another backbone."),
        )


def _changes(own: Settings, settings: Settings) -> list[str]:
    """What is changed, in a few words, for a title."""
    said = []
    if settings.backbone != own.backbone:
        said.append(KNOWN_BACKBONES[settings.backbone].label)
    if settings.weights != own.weights:
        said.append("from scratch" if settings.weights == "none" else settings.weights)
    if settings.image_size != own.image_size:
        said.append(f"{settings.image_size} px")
    if settings.epochs != own.epochs:
        epochs = settings.epochs
        said.append(f"{epochs} epoch{'s' * (epochs != 1)}")
    return said


def proposed_name(study: Study, settings: Settings) -> str:
    """A name for the study with these settings: "avatars-32px-5epochs"."""
    own = Settings.of(study)
    parts = []
    if settings.backbone != own.backbone:
        parts.append(settings.backbone.replace("_", "-"))
    if settings.weights != own.weights:
        parts.append("scratch" if settings.weights == "none" else "pretrained")
    if settings.image_size != own.image_size:
        parts.append(f"{settings.image_size}px")
    if settings.epochs != own.epochs:
        parts.append(f"{settings.epochs}epochs")
    ending = "-".join(["", *(parts or ["again"])])
    return study.name[: _LONGEST - len(ending) - 3].rstrip(".-_") + ending


def own_study(study: Study, name: str) -> tuple[Study, bool]:
    """The study under a name of the user's, and whether that is there already.

    Parameters
    ----------
    study : Study
        With its settings.
    name : str
        If another study has it, a number is added.

    Raises
    ------
    StudyError
        If no study can have this name.
    """
    check_name(name, N_("study"))
    if name in RESERVED:
        raise StudyError(
            gettext("No study may be called '{study}'.", study=name),
            expected=gettext("a name that no folder of the store has yet."),
            remedy=gettext("rename it."),
        )
    number = 1
    while True:
        tried = name if number == 1 else f"{name[: _LONGEST - 3]}-{number}"
        named = study.model_copy(update={"name": tried})
        try:
            found = _study_there(tried)
        except EquipoiseError:
            # Something broken has the name: it is not free either.
            number += 1
            continue
        if found is None:
            return named, False
        if found.fingerprint() == named.fingerprint():
            return found, True
        number += 1


def _study_there(name: str) -> Study | None:
    """The study that has a name, by its file or its runs."""
    if name in known_studies():
        return load_study(name)
    return runs.study_of_runs(name) if name in runs.list_studies() else None


def save_study(study: Study) -> None:
    """Write a study of the user's own as its TOML file, in one step.

    Raises
    ------
    StudyError
        If it cannot be written.
    """
    place = own_study_path(study.name)
    try:
        write_study_file(study, place)
    except OSError as error:
        raise StudyError(
            gettext(
                "The study could not be written to {path}: {fault}.",
                path=place,
                fault=error.strerror or str(error),
            ),
            expected=gettext("a store that can be written to, with room."),
            remedy=gettext("free some space, then try again."),
        ) from error


@dataclass(frozen=True)
class Missing:
    """The runs that are asked for, by whether they are to be trained.

    Parameters
    ----------
    to_train : tuple of (method, seed)
    finished : tuple of (method, seed)
        In your store, or shipped: they are kept.
    queued : tuple of (method, seed)
        That another job trains, or waits to.
    """

    to_train: tuple[tuple[str, int], ...]
    finished: tuple[tuple[str, int], ...] = ()
    queued: tuple[tuple[str, int], ...] = ()


def missing_runs(
    study: Study,
    methods: Sequence[str],
    seeds: Sequence[int],
    jobs: Sequence[JobStatus] = (),
) -> Missing:
    """Which of the runs of some methods and seeds are to be trained.

    Parameters
    ----------
    study : Study
    methods : sequence of str
    seeds : sequence of int
        Of every method, in place of those that the study gives it.
    jobs : sequence of JobStatus
        All that are known.
    """
    there = {(run.method, run.seed) for run in runs.list_runs(study.name).runs}
    queued = {
        pair
        for each in jobs
        if each.job.study.name == study.name and each.state not in OVER
        for pair in each.job.pairs
    }
    asked = [(method, seed) for method in methods for seed in seeds]
    return Missing(
        tuple(p for p in asked if p not in there and p not in queued),
        tuple(p for p in asked if p in there),
        tuple(p for p in asked if p in queued and p not in there),
    )


def trainable_studies() -> tuple[str, ...]:
    """Names of the studies that train something: those of files first, then of runs."""
    names = dict.fromkeys((*known_studies(), *runs.list_studies()))
    return tuple(name for name in names if _trains(name))


def _trains(name: str) -> bool:
    try:
        found = _study_there(name)
    except EquipoiseError:
        return False
    return found is not None and found.is_trained


def overridden(study: Study, methods: Sequence[str]) -> tuple[str, ...]:
    """Methods that have one of the settings of their own: they keep it."""
    names = {"backbone", "image_size", "weights"}
    return tuple(
        name
        for name in methods
        if names & set(study.methods[name].model or {})
        or "epochs" in (study.methods[name].training or {})
    )
