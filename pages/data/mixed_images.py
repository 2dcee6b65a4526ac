"""The Data page's view of pictures that samplers mix or generate."""

import numpy as np
import streamlit as st
from PIL import Image

from core.data.catalog import renderer
from core.data.generated_images import GeneratedSample, find_sample
from core.errors import EquipoiseError
from core.language import gettext
from core.methods.entry import Entry
from core.plots import mixing as plots
from core.plots.predict import thicken
from core.runs import list_runs
from core.text import code, number, percent, to_markdown
from core.views.samplers import (
    SAMPLERS,
    Sampled,
    draw_sampler,
    load_sampled,
    sampled_columns,
    side_of,
    usual_column,
)
from core.views.study_view import StudyView
from pages.shell.choose import choose
from pages.shell.engine import load_engine
from pages.shell.pictures import find_paths, load_thumbnails, why_no_pictures
from pages.shell.show import saying_why_not, show_view

SHOWN = 4
WIDTH = 96
ROW_WIDTH = 330


def show_mixed(view: StudyView) -> None:
    """Counts and pictures of a sampler that changes pixels, on this study's images."""
    columns = sampled_columns(view)
    name = choose(
        gettext("Sampler"),
        list(SAMPLERS),
        labels=lambda name: gettext(SAMPLERS[name].label),
        key="data_sampler",
        parameter="sampler",
        is_segmented=True,
    )
    with st.container(horizontal=True, vertical_alignment="bottom"):
        on = choose(
            gettext("Classes of"),
            list(columns),
            default=usual_column(columns),
            labels=lambda name: columns[name].label,
            key=f"data_sampler_on_{view.study.name}",
            parameter="column",
            always=True,
            width=220,
        )
        seed = st.number_input(
            gettext("Seed"), 0, 2**32 - 1, 0, key="data_sampler_seed", width=140
        )
    entry = SAMPLERS[name]
    st.caption(to_markdown(f"{gettext(entry.summary)} {entry.paper}."))
    with saying_why_not():
        asked = {"sampler": name, "column": on, "seed": int(seed)}
        show_view(draw_sampler(view, **asked))
        sampled = load_sampled(view, **asked)
        if why := why_no_pictures(view):
            st.info(to_markdown(why), icon=":material/visibility_off:")
        elif sampled.is_mixed:
            _show_mixes(view, sampled)
        else:
            _show_generated(view, entry, on)


def _show_mixes(view: StudyView, sampled: Sampled) -> None:
    """A few pairs of pictures, and what becomes of each."""
    mixes, labels, classes = sampled.drawn, sampled.labels, sampled.classes
    chosen = plots.choose_mixed(mixes, labels, most=SHOWN)
    with st.container(border=True):
        st.subheader(gettext("Two pictures and their mix"), anchor=False)
        if not chosen.size:
            st.markdown(
                gettext("No image of this epoch is mixed: raise the probability.")
            )
            return
        st.caption(
            gettext(
                "While training, each of the two is augmented by itself before they "
                "are mixed; here they are as they are in the image cache."
            )
        )
        if not st.toggle(
            gettext("Draw the mixed pictures"),
            key="data_mix",
            help=gettext(
                "Loads Keras, which takes some seconds the first time: they are mixed "
                "by the function that training uses."
            ),
        ):
            return
        ids = sampled.image_ids
        pairs = [(ids[mixes.first[i]], ids[mixes.second[i]]) for i in chosen]
        paths = find_paths(view, [each for pair in pairs for each in pair])
        render, side = renderer(view.study), side_of(view)
        try:
            first, second = (
                np.stack([render(paths[pair[k]], side) for pair in pairs])
                for k in (0, 1)
            )
        except (EquipoiseError, KeyError) as error:
            missing = gettext("A picture is not in your copy: {error}.", error=error)
            st.warning(to_markdown(missing), icon=":material/warning:")
            return
        with st.spinner(gettext("Mixing…")):
            load_engine()
            from core.models.mix_images import draw_mixed

            parts = [mixes.at(i, i + 1) for i in chosen]
            mixed = [
                draw_mixed(first[k : k + 1], second[k : k + 1], part)[0]
                for k, part in enumerate(parts)
            ]
        rows = []
        for place, *pictures in zip(chosen, first, second, mixed, strict=True):
            names = [classes[labels[r[place]]] for r in (mixes.first, mixes.second)]
            said = plots.say_labels(mixes, place, labels, classes)
            captions = (
                gettext("First: {name}", name=names[0]),
                gettext("Second: {name}", name=names[1]),
                gettext("Mixed: {labels}", labels=said),
            )
            rows.append(dict(zip(captions, pictures, strict=True)))
        _show_rows(rows, ROW_WIDTH)


def _show_rows(rows: list[dict[str, np.ndarray | bytes]], width: int) -> None:
    """Pictures by their captions, as many rows beside one another as fit."""
    with st.container(horizontal=True, gap="medium"):
        for pictures in rows:
            with st.container(horizontal=True, width=width):
                _show_row(pictures)


def _show_row(pictures: dict[str, np.ndarray | bytes]) -> None:
    for caption, picture in pictures.items():
        shown = picture
        if isinstance(picture, np.ndarray):
            shown = thicken(Image.fromarray(picture))
        st.image(shown, caption=to_markdown(caption), width=WIDTH, alt=caption)


def _show_generated(view: StudyView, entry: Entry, on: str) -> None:
    """Generated pictures, what they lie between, and the nearest real ones."""
    folders = [run.folder for run in list_runs(view.study.name).runs]
    sample = find_sample(view.study.name, on, folders)
    with st.container(border=True):
        st.subheader(gettext("Generated pictures"), anchor=False)
        if sample is None:
            table = f'use = {{ {entry.name} = {{ on = "{on}" }} }}'
            st.info(
                to_markdown(
                    gettext(
                        "No generated pictures of these classes are here yet: the "
                        "generator is trained with a method that uses it. Give the "
                        "study a method with {table}, then {command}.",
                        table=code(table),
                        command=code(f"equipoise train {view.study.name}"),
                    )
                ),
                icon=":material/info:",
            )
            return
        st.markdown(to_markdown(plots.takeaway_sample(sample)))
        st.caption(
            gettext(
                "A generated picture; beside it the real training picture that is "
                "nearest to it, pixel by pixel, of any class: where the two look "
                "alike, the generator copies. Then the two real ones that it lies "
                "between."
            )
        )
        _show_sample(view, sample)


def _show_sample(view: StudyView, sample: GeneratedSample) -> None:
    names = list(dict.fromkeys(sample.classes.tolist()))
    chosen = choose(
        gettext("Class"),
        names,
        default=names[-1],
        key=f"data_generated_{view.study.name}",
        parameter="class",
        is_segmented=True,
    )
    places = np.flatnonzero(sample.classes == chosen)[:SHOWN]
    beside = (sample.nearest_id, sample.first_id, sample.second_id)
    thumbnails = load_thumbnails(view, [str(i) for of in beside for i in of[places]])
    rows = []
    for place in places:
        share = float(sample.share[place])
        captions = (
            gettext(
                "Nearest real: {distance}\N{NO-BREAK SPACE}levels",
                distance=number(sample.distance[place], 0),
            ),
            gettext("First real: {share}", share=percent(share)),
            gettext("Second real: {share}", share=percent(1 - share)),
        )
        real = {
            caption: thumbnails[str(of[place])]
            for caption, of in zip(captions, beside, strict=True)
            if str(of[place]) in thumbnails
        }
        rows.append(
            {
                gettext("Generated: {chosen}", chosen=chosen): sample.images[place],
                **real,
            }
        )
    _show_rows(rows, ROW_WIDTH * 4 // 3)
