"""Train: which study, methods, seeds and settings are to be trained."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import streamlit as st

from core.data.catalog import READERS
from core.data.picture_paths import own_copy
from core.errors import EquipoiseError
from core.host_check import is_own_machine
from core.language import N_, gettext, ngettext
from core.models.known_backbones import KNOWN_BACKBONES, backbone_label
from core.study import SMALLEST_IMAGE, Study
from core.text import code, listed, strong, to_markdown
from core.training.estimate import estimate
from core.training.plan import (
    Missing,
    Settings,
    missing_runs,
    overridden,
    own_study,
    proposed_name,
    quick_settings,
    trainable_studies,
    with_settings,
)
from core.training.queue import list_jobs
from core.views.jobs import duration_text
from core.views.studies import study_named
from pages.shell.address import this_address
from pages.shell.choose import (
    choose,
    choose_number,
    choose_several,
    choose_whether,
)
from pages.shell.show import show_error, stop_with

MOST_EPOCHS, LARGEST_IMAGE, SEEDS = 1000, 512, 5
MEASURE = "train_measure_now"
"""Key under which the session knows that the cost is to be measured unasked."""


@dataclass(frozen=True)
class Plan:
    """What is chosen.

    Parameters
    ----------
    study : Study
        With its settings, and the name that its runs go under.
    is_new : bool
        Whether it has no file yet: starting makes one.
    missing : Missing
        Its runs.
    data : str
        Where the dataset is; empty for one that needs no place.
    """

    study: Study
    is_new: bool
    missing: Missing
    data: str


def choose_study() -> Study:
    """Let the reader choose one of the studies that train something."""
    names = trainable_studies()
    if not names:
        stop_with(gettext("There is no study that could be trained."))
    titles = {}
    for name in names:
        try:
            titles[name] = gettext(study_named(name).title)
        except EquipoiseError:
            titles[name] = name
    before = st.query_params.get("study")
    repeated = {t for t in titles.values() if list(titles.values()).count(t) > 1}
    name = choose(
        gettext("Study"),
        names,
        default="avatars" if "avatars" in names else names[0],
        labels={n: f"{t} ({n})" if t in repeated else t for n, t in titles.items()},
        key="study",
        parameter="study",
        what=N_("study"),
        spelled_out=True,
        always=True,
    )
    if before not in (None, name):
        # The settings of another study are not those of this one.
        this_address().forget(but="study")
    study = study_named(name)
    if study.summary:
        st.caption(to_markdown(gettext(study.summary)))
    return study


def choose_data(study: Study) -> str | None:
    """Where the dataset is; None where it is needed and not given."""
    reader = READERS.get(study.dataset.name)
    if reader is None or not reader.copy:
        return ""
    known = own_copy(study)
    if not is_own_machine(st.get_option("server.address")):
        # Where others can come, nobody names folders of the machine.
        if known is None:
            st.warning(
                to_markdown(
                    gettext(
                        "This study needs a copy of its dataset, which this server "
                        "does not have: {copy}.",
                        copy=gettext(reader.copy),
                    )
                ),
                icon=":material/folder_off:",
            )
            return None
        return str(known)
    given = st.text_input(
        gettext("Your copy of the dataset"),
        value=str(known or ""),
        placeholder=gettext("its folder or archive, such as /data/UTKFace"),
        key=f"train_data_{study.name}",
        help=to_markdown(gettext(reader.copy)),
    ).strip()
    if not given:
        st.info(
            to_markdown(
                gettext(
                    "This study needs a copy of its dataset: {copy}.",
                    copy=gettext(reader.copy),
                )
            ),
            icon=":material/folder:",
        )
        return None
    if not Path(given).expanduser().exists():
        show_error(
            EquipoiseError(
                gettext("There is no {path} on this machine.", path=given),
                expected=gettext("a folder or an archive."),
                remedy=gettext("check the path."),
            )
        )
        return None
    return str(Path(given).expanduser())


def choose_methods(study: Study, *, key: str) -> tuple[str, ...]:
    """Let the reader choose methods: the baseline and the next one by default."""
    labels = {name: table.label for name, table in study.methods.items()}
    others = [name for name in study.methods if name != study.baseline]
    return choose_several(
        gettext("Methods"),
        list(study.methods),
        default=[study.baseline, *others[:1]],
        labels=labels,
        key=f"{key}_methods_{study.name}",
        parameter="methods",
        help=gettext("Each is compared with the baseline, which should be among them."),
    )


def choose_plan(study: Study) -> Plan | None:
    """Let the reader choose all of a training; None where something is missing."""
    quick = st.container(horizontal=True, vertical_alignment="center", gap="small")
    methods = choose_methods(study, key="train")
    seeds = _choose_seeds(study)
    settings = _choose_settings(study)
    try:
        changed = with_settings(study, settings)
    except EquipoiseError as error:
        show_error(error)
        return None
    if kept := overridden(study, methods) if changed is not study else ():
        st.caption(
            to_markdown(
                gettext(
                    "These methods have settings of their own, and keep them: "
                    "{methods}.",
                    methods=listed([study.methods[name].label for name in kept]),
                )
            )
        )
    data = choose_data(study)
    with quick:
        _offer_quick_look(study, methods, seeds, settings, data)
    if not methods or not seeds:
        st.info(
            gettext("Choose at least one method and one seed."), icon=":material/info:"
        )
        return None
    named, is_new = _named(study, changed, settings, methods, seeds)
    if named is None or data is None:
        return None
    return Plan(named, is_new, missing_runs(named, methods, seeds, list_jobs()), data)


def _offer_quick_look(
    study: Study,
    methods: tuple[str, ...],
    seeds: tuple[int, ...],
    chosen: Settings,
    data: str | None,
) -> None:
    """Offer smaller images, fewer epochs and one seed, and say how long they take."""
    settings = quick_settings(study)
    if settings is None:
        return
    first = study.seeds[:1]
    st.button(
        gettext("Quick look"),
        key="train_quick",
        icon=":material/bolt:",
        disabled=(settings, first) == (chosen, seeds),
        on_click=_choose_quick_look,
        args=(study, settings),
    )
    pairs = [(method, first[0]) for method in methods]
    found = estimate(with_settings(study, settings), pairs, data or "")
    if found is None:
        said = ngettext(
            "{size} px, {count} epoch, one seed; its time is measured first.",
            "{size} px, {count} epochs, one seed; its time is measured first.",
            settings.epochs,
            size=settings.image_size,
        )
    else:
        said = ngettext(
            "{size} px, {count} epoch, one seed; at most {time} here.",
            "{size} px, {count} epochs, one seed; at most {time} here.",
            settings.epochs,
            size=settings.image_size,
            time=duration_text(found.seconds),
        )
    st.caption(to_markdown(said))


def _choose_quick_look(study: Study, settings: Settings) -> None:
    chosen = {
        f"train_epochs_{study.name}": settings.epochs,
        f"train_size_{study.name}": settings.image_size,
        f"train_backbone_{study.name}": settings.backbone,
        f"train_weights_{study.name}_{settings.backbone}": settings.weights,
        f"train_seeds_{study.name}": [str(seed) for seed in study.seeds[:1]],
        MEASURE: True,
    }
    st.session_state.update(chosen)


def _choose_seeds(study: Study) -> tuple[int, ...]:
    known = sorted({*study.seeds, *range(SEEDS)})
    chosen = choose_several(
        gettext("Seeds"),
        [str(seed) for seed in known],
        default=[str(study.seeds[0])],
        key=f"train_seeds_{study.name}",
        parameter="seeds",
        help=gettext(
            "Each method is trained once with each seed. A difference needs at least "
            "three to show how far it varies."
        ),
    )
    return tuple(map(int, chosen))


def _choose_settings(study: Study) -> Settings:
    own = Settings.of(study)
    backbones = list(KNOWN_BACKBONES)
    if own.backbone not in backbones:
        backbones.insert(0, own.backbone)
    with st.container(horizontal=True, gap="small"):
        epochs = choose_number(
            gettext("Epochs"),
            1,
            MOST_EPOCHS,
            own.epochs,
            key=f"train_epochs_{study.name}",
            parameter="epochs",
            draw=st.number_input,
            width=150,
            help=gettext(
                "At most so many; a run stops earlier when its validation loss has not "
                "fallen for {count} epochs.",
                count=study.training.patience,
            ),
        )
        size = choose_number(
            gettext("Image size"),
            0 if own.image_size == 0 else SMALLEST_IMAGE,
            LARGEST_IMAGE,
            min(own.image_size, LARGEST_IMAGE),
            key=f"train_size_{study.name}",
            parameter="size",
            draw=st.number_input,
            step=8,
            width=150,
            help=gettext(
                "Side of the square that a model takes, in pixels. Half the side is "
                "about a quarter of the time."
            ),
        )
        backbone = choose(
            gettext("Backbone"),
            backbones,
            default=own.backbone,
            labels=backbone_label,
            key=f"train_backbone_{study.name}",
            parameter="backbone",
            always=True,
            width=300,
        )
        weights = choose(
            gettext("Weights"),
            _weights_for(study, backbone),
            labels=lambda name: gettext(WEIGHTS.get(name, name)),
            key=f"train_weights_{study.name}_{backbone}",
            parameter="weights",
            always=True,
            width=230,
            help=gettext(
                "What the backbone begins with. Weights that do not come with the "
                "project are downloaded when the training begins."
            ),
        )
    return Settings(epochs, size, backbone, weights)


WEIGHTS = {"none": N_("from scratch"), "imagenet": N_("ImageNet")}


def _weights_for(study: Study, backbone: str) -> list[str]:
    known = KNOWN_BACKBONES.get(backbone)
    words = ["none", "imagenet"] if known and known.has_imagenet else ["none"]
    if backbone != study.model.backbone:
        return words
    return list(dict.fromkeys((study.model.weights, *words)))


def _named(
    study: Study,
    changed: Study,
    settings: Settings,
    methods: tuple[str, ...],
    seeds: tuple[int, ...],
) -> tuple[Study | None, bool]:
    """The study under the name its runs go under, and whether it has no file yet."""
    if changed is study:
        missing = missing_runs(study, methods, seeds)
        again = bool(missing.finished) and choose_whether(
            gettext("Train finished runs again, as a study of your own"),
            # Where nothing else is left, it is what one comes for.
            default=not missing.to_train,
            key=f"train_again_{study.name}_{bool(missing.to_train)}",
            parameter="again",
            help=gettext(
                "The runs that are there stay as they are. Yours are compared under "
                "another name."
            ),
        )
        if not again:
            return study, False
        changed = study.model_copy(update={"title": f"{study.title}, again"})
    else:
        st.info(
            to_markdown(
                gettext(
                    "With other settings the runs would not compare with those of "
                    "{study}: they make a study of your own.",
                    study=strong(gettext(study.title)),
                )
            ),
            icon=":material/content_copy:",
        )
    proposed = proposed_name(study, settings)
    name = st.text_input(
        gettext("Name of your study"),
        value=proposed,
        key=f"train_name_{proposed}",
        max_chars=60,
        width=420,
        help=gettext("Lower-case letters, digits, '.', '_' and '-'."),
    ).strip()
    try:
        named, is_there = own_study(changed, name or proposed)
    except EquipoiseError as error:
        show_error(error)
        return None, False
    if named.name != (name or proposed):
        st.caption(
            to_markdown(
                gettext(
                    "Another study has this name, so yours is called {name}.",
                    name=code(named.name),
                )
            )
        )
    return named, not is_there


def describe_missing(plan: Plan) -> str:
    """How many runs are trained, and which are not."""
    missing = plan.missing
    said = [
        ngettext(
            "{count} run is to be trained.",
            "{count} runs are to be trained.",
            len(missing.to_train),
        )
        if missing.to_train
        else gettext("There is nothing to train.")
    ]
    if missing.finished:
        said.append(
            ngettext(
                "{count} run is finished already, and kept.",
                "{count} runs are finished already, and kept.",
                len(missing.finished),
            )
        )
    if missing.queued:
        said.append(
            ngettext(
                "{count} run is in the queue already.",
                "{count} runs are in the queue already.",
                len(missing.queued),
            )
        )
    return " ".join(said)
