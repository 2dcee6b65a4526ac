"""The Data page's view of one picture, before and after what is done to it."""

import numpy as np
import pandas as pd
import streamlit as st
from PIL import Image

from core.data.images import MAX_UPLOAD_BYTES
from core.data.preprocessing_stages import Stages, stages_of_upload
from core.errors import EquipoiseError
from core.language import N_, gettext, ngettext
from core.plots import preprocessing as plots
from core.plots.predict import thicken
from core.study import Augmentation, Study
from core.text import emphasis, to_markdown
from core.views.drawing import finished
from core.views.preprocessing import (
    BINS,
    COLUMN_WIDTH,
    draw_preprocessing,
    enhanced,
    levels_of,
    load_stages,
    methods_by_sight,
    sample_ids,
)
from core.views.study_view import StudyView
from pages.shell.address import end_page
from pages.shell.choose import choose
from pages.shell.engine import load_engine
from pages.shell.photos import PRIVACY
from pages.shell.pictures import why_no_pictures
from pages.shell.show import open_card, show_charts, show_error, show_view, stop_with
from pages.shell.upload_key import upload_key

DRAWS = 6
SHOWN_HEIGHT = 220
WIDEST = 330
DRAW_WIDTH = 150
TRIES = {
    N_("Autocontrast"): "autocontrast",
    N_("Histogram equalisation"): "equalize",
}


def show_before_after(view: StudyView, manifest: pd.DataFrame | None) -> None:
    """One picture and its histograms: as found, preprocessed, augmented."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        method = _choose_method(view)
        picture = _choose_sample(view, manifest)
        with st.popover(gettext("A picture of yours"), icon=":material/upload:"):
            upload = st.file_uploader(
                gettext("Picture"),
                type="image",
                max_upload_size=MAX_UPLOAD_BYTES // 2**20,
                key=upload_key(f"data_upload_{view.study.name}"),
                help=gettext("Shown in place of a picture of the dataset."),
            )
            st.caption(gettext(PRIVACY))
        chosen = st.pills(
            gettext("Try on top"),
            list(TRIES),
            selection_mode="multi",
            format_func=gettext,
            key=f"data_tried_{view.study.name}",
            help=gettext(
                "What a study on class folders can ask for under [dataset] options;"
                " tried on this picture only."
            ),
        )
    study, tried = view.study.for_method(method), tuple(TRIES[n] for n in chosen)
    try:
        if upload is not None:
            found = stages_of_upload(study, upload.getvalue(), name=upload.name)
            stages = enhanced(found, tried)
            # Nothing of a person's own picture is kept.
            drawn = finished(levels_of(stages))
        elif picture is not None:
            stages = load_stages(view, method, picture, tried)
            drawn = draw_preprocessing(
                view, method=method, picture=picture, tried=tried
            )
        else:
            stop_with(_why_none(view))
    except EquipoiseError as error:
        show_error(error)
        end_page()
    note = gettext(
        "The image cache, the predictor and this page do it by the same function."
    )
    if upload is not None and view.dataset.of_faces:
        no_face = gettext(
            "No face is looked for here: the picture is taken for an aligned one."
        )
        note = f"{note} {no_face}"
    if view.study.dataset.options.get("crop_to_box"):
        whole = gettext("A photo of yours has no bounding box and is taken whole.")
        note = f"{note} {whole}"
    with open_card(drawn.title) as card:
        _show_stages(stages, "" if upload is None else upload.name, note)
        show_view(drawn, card=card)
    _show_augmentation(study, stages.after)


def _why_none(view: StudyView) -> str:
    """Why no picture is shown, and what to do."""
    why = why_no_pictures(view) or gettext(
        "The manifest with its pictures is not here yet."
    )
    remedy = gettext(
        "What this study does to pictures can be seen on one of your own: choose "
        "{button} above.",
        button=emphasis(gettext("A picture of yours")),
    )
    return f"{why} {remedy}"


def _choose_method(view: StudyView) -> str:
    """One of the methods, where they see pictures otherwise."""
    groups = methods_by_sight(view)
    return choose(
        gettext("As for"),
        list(groups),
        labels=lambda name: _listed_label(view, groups[name]),
        key=f"data_method_{view.study.name}",
        parameter="method",
        width=260,
    )


def _listed_label(view: StudyView, names: list[str]) -> str:
    label = view.study.methods[names[0]].label
    if len(names) == 1:
        return label
    return ngettext(
        "{label} and {count} more",
        "{label} and {count} more",
        len(names) - 1,
        label=label,
    )


def _choose_sample(view: StudyView, manifest: pd.DataFrame | None) -> str | None:
    """A picture of each class of the study's last task, where any may be shown."""
    if manifest is None or why_no_pictures(view):
        return None
    classes = list(sample_ids(view))
    if not classes:
        return None
    return choose(
        gettext("Picture, by {label}", label=gettext(view.tasks[-1].label).lower()),
        classes,
        key=f"data_sample_{view.study.name}",
        parameter="picture",
        width=220,
    )


def _show_stages(stages: Stages, name: str, note: str) -> None:
    width, height = stages.extent
    size = len(stages.after)
    with st.container(horizontal=True, gap="medium"):
        st.image(
            thicken(Image.fromarray(stages.before)),
            caption=gettext(
                "Before: {width} × {height} pixels",
                width=str(width),
                height=str(height),
            ),
            width=max(1, min(WIDEST, round(SHOWN_HEIGHT * width / height))),
            alt=gettext(
                "{picture}, before preprocessing",
                picture=name or gettext("A picture of the dataset"),
            ),
        )
        st.image(
            stages.after,
            caption=gettext("After: {size} × {size} pixels", size=str(size)),
            width=SHOWN_HEIGHT,
            alt=gettext(
                "{picture}, after preprocessing",
                picture=name or gettext("The same picture"),
            ),
        )
    applied = gettext("Applied, in this order: {steps}.", steps=", ".join(stages.steps))
    st.caption(to_markdown(f"{applied} {note}"))


def _show_augmentation(study: Study, pixels: np.ndarray) -> None:
    settings = study.training.augmentation
    what = plots.describe_augmentation(settings)
    with st.container(border=True):
        st.subheader(gettext("Augmentation while training"), anchor=False)
        if not what:
            st.markdown(
                gettext(
                    "These models see every training image as it is: nothing is"
                    " changed at random."
                )
            )
            return
        st.markdown(
            to_markdown(
                gettext(
                    "Each time a training image is seen it is {what}: each anew "
                    "at random, with a single interpolation. Test images and "
                    "photos never are.",
                    what=what,
                )
            )
        )
        with st.container(horizontal=True, vertical_alignment="bottom"):
            on = st.toggle(
                to_markdown(gettext("Draw {n} augmented pictures", n=DRAWS)),
                key="data_augment",
                help=gettext(
                    "Loads Keras, which takes some seconds the first time: it is the"
                    " layer that training uses."
                ),
            )
            seed = st.number_input(
                gettext("Seed"),
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
    with st.spinner(gettext("Drawing…")):
        load_engine()
        from core.models.augmentation import draw_augmented

        draws = draw_augmented(pixels, settings, draws=DRAWS, seed=seed)
    names = {
        gettext("draw {place}", place=place): each
        for place, each in enumerate(draws, start=1)
    }
    table = plots.count_levels({gettext("preprocessed"): pixels, **names})
    drawn = gettext("the {n} draws", n=DRAWS)
    said = gettext("Seed {seed}: {what}.", seed=str(seed), what=what)
    with open_card(gettext("{n} augmented pictures", n=DRAWS)) as card:
        _show_row(names)
        show_charts(
            {
                gettext(c): plots.plot_levels(table, c, others=drawn)
                for c in plots.CHANNELS
            },
            name="data_augmentation",
            takeaway=plots.takeaway_augmentation(pixels, draws),
            data=table,
            note=f"{said} {gettext(BINS, width=plots.BIN_WIDTH)}",
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
                alt=gettext("The picture, augmented: {name}", name=name),
            )
