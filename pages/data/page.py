"""Data: what the methods were trained and tested on, and what was left out."""

from contextlib import suppress

import pandas as pd
import streamlit as st

from core.csv_text import csv_text
from core.errors import EquipoiseError, NothingToShow
from core.language import N_, gettext, ngettext
from core.plots import data as plots
from core.text import code, strong, to_markdown
from core.views import data
from core.views.drawing import Drawn
from core.views.study_view import StudyView
from pages.data.before_after import show_before_after
from pages.data.mixed_images import show_mixed
from pages.shell.address import end_page, run_page
from pages.shell.choose import choose, choose_task, slider_format
from pages.shell.pictures import load_thumbnails, why_no_pictures
from pages.shell.show import open_card, open_fold, show_error, show_view
from pages.shell.study_bar import study_bar

SAMPLE_SIDE = 128
SAMPLES_EACH = 6
CLASSES_AT_ONCE = 12
MALFORMED_SHOWN = 50
BEFORE_AFTER = N_("Before and after")
MIXED = N_("Mixed and generated")
VIEWS_OF_TABLE = (N_("Split"), N_("Distributions"), N_("Crossings"))
VIEWS = (*VIEWS_OF_TABLE, N_("Weights"), N_("Pictures"), MIXED, BEFORE_AFTER)


def show_split(view: StudyView, manifest: pd.DataFrame) -> None:
    """Sizes and fingerprint of the split, images left out, and label noise."""
    split = data.draw_split(view)
    _show_tiles(split)
    st.download_button(
        gettext("Split (CSV)"),
        data=lambda: csv_text(manifest[["image_id", "split"]]),
        file_name=f"{split.name}.csv",
        mime="text/csv",
        key="data_split_csv",
        icon=":material/download:",
        type="tertiary",
        on_click="ignore",
    )
    report = data.load_report(view.study.name)
    if profile := plots.takeaway_profile(report):
        st.markdown(to_markdown(profile))
    with suppress(NothingToShow):
        _show_accounting(data.draw_accounting(view))
    show_malformed(report)
    with suppress(NothingToShow):
        unreadable = data.draw_unreadable(view)
        with open_fold(unreadable.title) as card:
            show_view(unreadable, card=card)
    for draw in (data.draw_near_copies, data.draw_twins):
        with suppress(NothingToShow):
            _show_measured(draw(view))
    with suppress(NothingToShow):
        show_view(data.draw_flipped(view))
    for feature in data.features_with_noise(view):
        show_view(data.draw_known_noise(view, feature=feature))


def _show_accounting(drawn: Drawn) -> None:
    """The chart where images were left out; else the sentence that says so."""
    assert drawn.data is not None
    if (drawn.data["kind"] == "left out").any():
        show_view(drawn)
    else:
        st.markdown(to_markdown(drawn.takeaway))


def _show_measured(drawn: Drawn) -> None:
    with open_card(drawn.title):
        st.markdown(to_markdown(drawn.takeaway))
        _show_tiles(drawn)


def _show_tiles(drawn: Drawn) -> None:
    """A few numbers, each large, and the note on them."""
    assert drawn.numbers is not None
    with st.container(horizontal=True):
        for what, value in drawn.numbers.frame.itertuples(index=False):
            st.metric(to_markdown(what), value, border=True)
    st.caption(to_markdown(drawn.numbers.note))


def show_malformed(report: dict) -> None:
    """List the names that could not be read."""
    names = (report.get("counts") or {}).get("malformed") or []
    if not names:
        return
    said = ngettext(
        "{count} malformed name left out",
        "{count} malformed names left out",
        len(names),
    )
    with st.expander(to_markdown(said)):
        st.code("\n".join(names[:MALFORMED_SHOWN]), language=None)
        if len(names) > MALFORMED_SHOWN:
            more = gettext("and {n} more", n=len(names) - MALFORMED_SHOWN)
            st.caption(to_markdown(more))


def show_distributions(view: StudyView) -> None:
    """Classes of one target or sensitive feature by split; imbalance of them all."""
    columns = data.load_columns(view)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        name = choose(
            gettext("Target or sensitive feature"),
            list(columns),
            labels=lambda name: columns[name].label,
            key=f"data_column_{view.study.name}",
            parameter="column",
            is_segmented=True,
        )
        unit = choose(
            gettext("Show as"),
            [N_("Share of the split"), N_("Images")],
            labels=gettext,
            key="data_unit",
            parameter="unit",
            is_segmented=True,
        )
    show_view(data.draw_classes(view, column=name, share=unit != "Images"))
    with suppress(NothingToShow):
        show_view(data.draw_imbalance(view))


def show_crossing(view: StudyView, manifest: pd.DataFrame) -> None:
    """Images of every pair of classes of two columns."""
    columns = data.load_columns(view)
    if len(columns) < 2:
        st.info(gettext("A crossing needs two columns; this dataset has one."))
        return
    names = list(columns)
    down, across = data.usual_crossing(columns)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        rows = choose(
            gettext("Rows"),
            names,
            default=down,
            labels=lambda name: columns[name].label,
            key=f"data_rows_{view.study.name}",
            parameter="rows",
            what=gettext("column"),
            width=220,
        )
        others = [name for name in names if name != rows]
        cols = choose(
            gettext("Columns"),
            others,
            default=across if across in others else others[0],
            labels=lambda name: columns[name].label,
            key=f"data_columns_{view.study.name}",
            parameter="columns",
            what=gettext("column"),
            always=True,
            width=220,
        )
        split = choose(
            gettext("Split"),
            data.splits_of(manifest),
            labels=gettext,
            key="data_split",
            parameter="split",
            is_segmented=True,
        )
    show_view(data.draw_crossing(view, rows=rows, columns=cols, split=split))


def show_weights(view: StudyView) -> None:
    """DenseWeight over the real histogram, and the target beside its logarithm."""
    task = choose_task(data.weighed_tasks(view), key=f"data_task_{view.study.name}")
    alpha = st.slider(
        gettext("DenseWeight's alpha"),
        0.0,
        data.HIGHEST_ALPHA,
        data.ALPHA,
        0.05,
        format=slider_format("%.2f"),
        key="data_alpha",
        help=gettext(
            "0 weighs every image the same; from 1 on, the most common targets"
            " count for nothing."
        ),
        width=420,
    )
    show_view(data.draw_weights(view, task=task.name, alpha=alpha))
    with suppress(NothingToShow):
        show_view(data.draw_logarithm(view, task=task.name))


def show_pictures(view: StudyView, manifest: pd.DataFrame) -> None:
    """Sample pictures of each class, where they may be shown."""
    if why := why_no_pictures(view):
        st.info(to_markdown(why), icon=":material/visibility_off:")
        return
    columns = data.load_columns(view)
    name = choose(
        gettext("Sorted by"),
        list(columns),
        default=list(columns)[-1],
        labels=lambda name: columns[name].label,
        key=f"data_sorted_{view.study.name}",
        parameter="column",
        is_segmented=True,
    )
    whose = gettext("Generated pictures: no one is shown.")
    if not view.dataset.generated:
        whose = gettext("Your own copy, for you alone.")
    st.caption(to_markdown(gettext("{whose} Labels as in the dataset.", whose=whose)))
    samples = plots.pick_samples(manifest, columns[name], each=SAMPLES_EACH)
    if len(samples) > CLASSES_AT_ONCE:
        asked = st.multiselect(
            to_markdown(columns[name].label),
            list(samples),
            default=list(samples)[:SAMPLES_EACH],
            max_selections=CLASSES_AT_ONCE,
            key=f"data_classes_{view.study.name}_{name}",
        )
        samples = {group: samples[group] for group in asked}
    pictures = load_thumbnails(
        view, [image_id for rows in samples.values() for image_id in rows["image_id"]]
    )
    for group, rows in samples.items():
        with st.container(border=True):
            said = gettext("{name}: {value}", name=columns[name].label, value=group)
            st.markdown(to_markdown(strong(said)))
            with st.container(horizontal=True):
                for _, row in rows[rows["image_id"].isin(pictures)].iterrows():
                    others = ", ".join(str(row[n]) for n in columns if n != name)
                    st.image(
                        pictures[row["image_id"]],
                        caption=to_markdown(others or row["image_id"]),
                        width=SAMPLE_SIDE,
                        alt=f"{columns[name].label} {group}, {others}",
                    )


def main() -> None:
    """Choose a study and a view of its data."""
    view = study_bar(
        N_("Data"),
        lead=N_("What the methods were trained and tested on, and what was left out."),
        needs_runs=False,
        filters=False,
    )
    st.caption(to_markdown(gettext(view.dataset.notice)))
    if not view.dataset.has_pictures:
        st.info(
            to_markdown(
                gettext(
                    "{title} was made of a table of predictions: its test images "
                    "are here by name, without pictures or training images.",
                    title=strong(gettext(view.study.title)),
                )
            ),
            icon=":material/table:",
        )
    try:
        manifest = data.find_manifest(view.study.name)
        data.load_report(view.study.name)
    except EquipoiseError as error:
        show_error(error)
        end_page()
    if manifest is None:
        st.info(
            to_markdown(
                gettext(
                    "The manifest of {title} is not here yet: it is written with the "
                    "first run. Train one with {command}, then reload this page.",
                    title=strong(gettext(view.study.title)),
                    command=code(f"equipoise train {view.study.name}"),
                )
            ),
            icon=":material/info:",
        )
        st.subheader(gettext(BEFORE_AFTER), anchor=False)
        show_before_after(view, None)
        end_page()
    chosen = choose(
        gettext("View"),
        VIEWS if view.dataset.has_pictures else VIEWS_OF_TABLE,
        labels=gettext,
        key="data_view",
        parameter="view",
        is_segmented=True,
        label_visibility="collapsed",
    )
    if chosen == "Split":
        show_split(view, manifest)
    elif chosen == "Distributions":
        show_distributions(view)
    elif chosen == "Crossings":
        show_crossing(view, manifest)
    elif chosen == "Weights":
        show_weights(view)
    elif chosen == "Pictures":
        show_pictures(view, manifest)
    elif chosen == MIXED:
        show_mixed(view)
    else:
        show_before_after(view, manifest)


run_page(main)
