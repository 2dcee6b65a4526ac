"""The Data page's view of one picture, before and after what is done to it."""

import numpy as np
import pandas as pd
import streamlit as st
from PIL import Image

from core.data.enhancement import Enhancement
from core.data.images import MAX_UPLOAD_BYTES
from core.data.preprocessing_stages import (
    Stages,
    stages_of_path,
    stages_of_upload,
    try_enhancement,
)
from core.errors import EquipoiseError
from core.plots import preprocessing as plots
from core.plots.data import columns_of, pick_samples
from core.plots.predict import thicken
from core.study import Augmentation, Study
from core.text import emphasis, to_markdown
from core.views.study_view import StudyView
from pages.shell.address import end_page
from pages.shell.choose import choose
from pages.shell.engine import load_engine
from pages.shell.photos import PRIVACY
from pages.shell.pictures import find_paths, why_no_pictures
from pages.shell.show import open_card, show_charts, show_error, stop_with

DRAWS = 6
SHOWN_HEIGHT = 220
WIDEST = 330
DRAW_WIDTH = 150
COLUMN_WIDTH = 350
BINS = f"Share of the pixels, in bins of {plots.BIN_WIDTH} levels."
TRIES = {
    "Autocontrast": "autocontrast",
    "Histogram equalisation": "equalize",
}


def show_before_after(view: StudyView, manifest: pd.DataFrame | None) -> None:
    """One picture and its histograms: as found, preprocessed, augmented."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        study = _choose_method(view)
        image_id = _choose_sample(view, manifest)
        with st.popover("A picture of yours", icon=":material/upload:"):
            upload = st.file_uploader(
                "Picture",
                type="image",
                max_upload_size=MAX_UPLOAD_BYTES // 2**20,
                key=f"data_upload_{view.study.name}",
                help="Shown in place of a picture of the dataset.",
            )
            st.caption(PRIVACY)
        tried = st.pills(
            "Try on top",
            list(TRIES),
            selection_mode="multi",
            key=f"data_tried_{view.study.name}",
            help="What a study on class folders can ask for under [dataset] options;"
            " tried on this picture only.",
        )
    try:
        if upload is not None:
            stages = stages_of_upload(study, upload.getvalue(), name=upload.name)
        elif image_id is not None:
            stages = stages_of_path(study, find_paths(view, [image_id])[image_id])
        else:
            stop_with(_why_none(view))
    except EquipoiseError as error:
        show_error(error)
        end_page()
    chosen = Enhancement(**{TRIES[name]: True for name in tried})
    stages = try_enhancement(stages, chosen)
    note = "The image cache, the predictor and this page do it by the same function."
    if upload is not None and view.dataset.of_faces:
        note += " No face is looked for here: the picture is taken for an aligned one."
    if view.study.dataset.options.get("crop_to_box"):
        note += " A photo of yours has no bounding box and is taken whole."
    _show_preprocessing(stages, "" if upload is None else upload.name, note)
    _show_augmentation(study, stages.after)


def _why_none(view: StudyView) -> str:
    """Why no picture is shown, and what to do."""
    why = why_no_pictures(view) or "The manifest with its pictures is not here yet."
    return (
        f"{why} What this study does to pictures can be seen on one of your own: choose"
        f" {emphasis('A picture of yours')} above."
    )


def _choose_method(view: StudyView) -> Study:
    """The study as one of its methods has it, where they see pictures otherwise."""
    kinds: dict[object, list[str]] = {}
    for name in view.study.methods:
        own = view.study.for_method(name)
        model = own.model
        if model.image_size:
            kind = (model.image_size, model.resize, own.training.augmentation)
            kinds.setdefault(kind, []).append(name)
    if not kinds:
        stop_with(
            "The models of this study take over the size of a checkpoint, which is not"
            " known before it is loaded."
        )
    groups = {names[0]: names for names in kinds.values()}
    chosen = choose(
        "As for",
        list(groups),
        labels=lambda name: _listed_label(view, groups[name]),
        key=f"data_method_{view.study.name}",
        parameter="method",
        width=260,
    )
    return view.study.for_method(chosen)


def _listed_label(view: StudyView, names: list[str]) -> str:
    label = view.study.methods[names[0]].label
    return label if len(names) == 1 else f"{label} and {len(names) - 1} more"


def _choose_sample(view: StudyView, manifest: pd.DataFrame | None) -> str | None:
    """A picture of each class of the study's last task, where any may be shown."""
    if manifest is None or why_no_pictures(view):
        return None
    task = view.tasks[-1]
    column = columns_of(view.dataset, manifest)[task.name]
    samples = pick_samples(manifest, column, each=1)
    ids = {name: str(rows["image_id"].iloc[0]) for name, rows in samples.items()}
    if not ids:
        return None
    name = choose(
        f"Picture, by {task.label.lower()}",
        list(ids),
        key=f"data_sample_{view.study.name}",
        parameter="picture",
        width=220,
    )
    return ids[name]


def _show_preprocessing(stages: Stages, name: str, note: str) -> None:
    table = plots.count_levels({"before": stages.before, "after": stages.after})
    with open_card("Before and after preprocessing") as card:
        _show_stages(stages, name, note)
        show_charts(
            {c: plots.plot_levels(table, c) for c in plots.CHANNELS},
            name="data_preprocessing",
            takeaway=plots.takeaway_preprocessing(stages.before, stages.after),
            data=table,
            note=BINS,
            card=card,
            column_width=COLUMN_WIDTH,
        )


def _show_stages(stages: Stages, name: str, note: str) -> None:
    width, height = stages.extent
    size = len(stages.after)
    with st.container(horizontal=True, gap="medium"):
        st.image(
            thicken(Image.fromarray(stages.before)),
            caption=f"Before: {width} × {height} pixels",
            width=max(1, min(WIDEST, round(SHOWN_HEIGHT * width / height))),
            alt=f"{name or 'A picture of the dataset'}, before preprocessing",
        )
        st.image(
            stages.after,
            caption=f"After: {size} × {size} pixels",
            width=SHOWN_HEIGHT,
            alt=f"{name or 'The same picture'}, after preprocessing",
        )
    st.caption(
        to_markdown(f"Applied, in this order: {', '.join(stages.steps)}. {note}")
    )


def _show_augmentation(study: Study, pixels: np.ndarray) -> None:
    settings = study.training.augmentation
    what = plots.describe_augmentation(settings)
    with st.container(border=True):
        st.subheader("Augmentation while training", anchor=False)
        if not what:
            st.markdown(
                "These models see every training image as it is: nothing is"
                " changed at random."
            )
            return
        st.markdown(
            to_markdown(
                f"Each time a training image is seen it is {what}: each anew at random,"
                " with a single interpolation. Test images and photos never are."
            )
        )
        with st.container(horizontal=True, vertical_alignment="bottom"):
            on = st.toggle(
                to_markdown(f"Draw {DRAWS} augmented pictures"),
                key="data_augment",
                help="Loads Keras, which takes some seconds the first time: it is the"
                " layer that training uses.",
            )
            seed = st.number_input(
                "Seed",
                min_value=0,
                max_value=2**32 - 1,
                value=0,
                key="data_augment_seed",
                disabled=not on,
                width=140,
            )
    if on:
        _show_draws(pixels, settings, int(seed), what)


def _show_draws(
    pixels: np.ndarray, settings: Augmentation, seed: int, what: str
) -> None:
    with st.spinner("Drawing…"):
        load_engine()
        from core.models.augmentation import draw_augmented

        draws = draw_augmented(pixels, settings, draws=DRAWS, seed=seed)
    names = {f"draw {place}": each for place, each in enumerate(draws, start=1)}
    table = plots.count_levels({"preprocessed": pixels, **names})
    drawn = f"the {DRAWS} draws"
    with open_card(f"{DRAWS} augmented pictures") as card:
        _show_row(names)
        show_charts(
            {c: plots.plot_levels(table, c, others=drawn) for c in plots.CHANNELS},
            name="data_augmentation",
            takeaway=plots.takeaway_augmentation(pixels, draws),
            data=table,
            note=f"Seed {seed}: {what}. {BINS}",
            card=card,
            column_width=COLUMN_WIDTH,
        )


def _show_row(pictures: dict[str, np.ndarray]) -> None:
    with st.container(horizontal=True):
        for name, pixels in pictures.items():
            st.image(
                pixels,
                caption=name.capitalize(),
                width=DRAW_WIDTH,
                alt=f"The picture, augmented: {name}",
            )
