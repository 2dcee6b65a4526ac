"""What was understood of images: columns, counts, findings; and the study of them."""

import pandas as pd
import streamlit as st

from core.data.column_roles import ColumnFacts, Roles
from core.data.image_listing import ImageListing
from core.data.manifest import SPLITS
from core.data.readers.image_table import ImageTableOptions
from core.errors import DatasetError, EquipoiseError
from core.importing.file_findings import faults_in
from core.importing.image_findings import (
    Understanding,
    check_images,
    look_at_pictures,
    understand_images,
    unreadable_ids,
)
from core.importing.image_study import check_new_name, keep_study, propose_study
from core.language import gettext, language, ngettext
from core.plots.data import count_classes, plot_classes, takeaway_classes
from core.study import Study
from core.study_toml import study_toml
from core.text import listed, number, to_markdown
from pages.images.bring import TIMES, Brought, let_go
from pages.images.columns import choose_columns
from pages.images.gallery import show_copies, show_odd, show_sample
from pages.shell.findings import show_findings
from pages.shell.progress import progress_bar
from pages.shell.show import show_chart, show_error, show_static_table, stop_with

# Each with what it was made of: listed and guessed, split and checked, looked at.
FOUND, CHECKED, LOOKED = "images_found", "images_checked", "images_looked"
LEFT_OUT = "images_left_out"
LOOKED_AT_ONCE = 3_000
"""Pictures up to which all are opened unasked."""


def show_understood(brought: Brought) -> None:
    """Show how images are understood, let it be changed, and offer a study of them."""
    listing, facts, roles = _understand(brought)
    _say_what_came(brought, listing)
    with st.container(border=True):
        st.subheader(gettext("What is predicted, and for whom"), anchor=False)
        key = f"{brought.key}_{listing.table}"
        options = choose_columns(key, listing, facts, roles)
    by_hand = st.session_state.get(LEFT_OUT, {}).get(brought.key, ())
    options = options.model_copy(update={"leave_out": tuple(by_hand)})
    understood = _check(brought, listing, facts, options, roles)
    understood = _look(brought, understood)
    _show_roles(understood)
    _show_counts(understood)
    st.subheader(gettext("What was found"), anchor=False)
    show_findings(understood.findings, name=f"{brought.name}-findings")
    _offer_to_leave_out(brought, understood)
    show_copies(understood)
    show_odd(understood)
    show_sample(understood)
    _offer_study(brought, understood)


def _understand(
    brought: Brought,
) -> tuple[ImageListing, dict[str, ColumnFacts], Roles]:
    """List the images once; where there are several tables, the chosen one counts."""
    table = st.session_state.get(f"images_table_{brought.key}", "")
    asked = (brought.key, table, language())
    kept = st.session_state.get(FOUND)
    if kept is None or kept[0] != asked:
        try:
            with st.spinner(gettext("Reading the folder…")):
                made = understand_images(brought.root, table=table)
        except DatasetError as error:
            made = error
        kept = st.session_state[FOUND] = (asked, made)
    if isinstance(kept[1], DatasetError):
        show_error(kept[1])
        if not table and (names := _tables_in(brought)):
            _choose_table(brought, names)
        stop_with(gettext("Correct the images, then bring them again."))
    listing, facts, roles = kept[1]
    if len(listing.tables) > 1:
        _choose_table(brought, listing.tables)
    return listing, facts, roles


def _tables_in(brought: Brought) -> tuple[str, ...]:
    from core.data.class_folders import walk_files
    from core.data.image_listing import sort_files

    tables = sort_files(walk_files(brought.root)).tables
    return tables if len(tables) > 1 else ()


def _choose_table(brought: Brought, names: tuple[str, ...]) -> None:
    st.selectbox(
        gettext("Table of the images"),
        names,
        index=None,
        placeholder=gettext("Choose a table"),
        key=f"images_table_{brought.key}",
        width=420,
    )


def _say_what_came(brought: Brought, listing: ImageListing) -> None:
    images = ngettext("{count} image", "{count} images", len(listing))
    said = (
        gettext("{images}, with the table {file}.", images=images, file=listing.table)
        if listing.table
        else gettext("{images}, without a table.", images=images)
    )
    unpacked = brought.unpacked
    if unpacked is not None and unpacked.system:
        files = ngettext(
            "{count} file that a Mac or Windows adds was skipped.",
            "{count} files that a Mac or Windows adds were skipped.",
            unpacked.system,
        )
        said = f"{said} {files}"
    st.success(to_markdown(said), icon=":material/check_circle:")
    if unpacked is not None and unpacked.archives:
        st.warning(
            to_markdown(
                ngettext(
                    "{count} archive in the archive was not unpacked: {names}. Unpack "
                    "it, then pack all pictures into one.",
                    "{count} archives in the archive were not unpacked: {names}. "
                    "Unpack them, then pack all pictures into one.",
                    len(unpacked.archives),
                    names=", ".join(unpacked.archives[:3]),
                )
            ),
            icon=":material/help:",
        )


def _check(
    brought: Brought,
    listing: ImageListing,
    facts: dict[str, ColumnFacts],
    options: ImageTableOptions,
    roles: Roles,
) -> Understanding:
    asked = (brought.key, options.model_dump_json(), language())
    kept = st.session_state.get(CHECKED)
    if kept is None or kept[0] != asked:
        made = check_images(listing, facts, options, roles.notes)
        kept = st.session_state[CHECKED] = (asked, made)
    understood: Understanding = kept[1]
    return understood


def _look(brought: Brought, understood: Understanding) -> Understanding:
    """Look at the pictures: unasked if they are few, and once for all choices."""
    asked = (brought.key, understood.listing.table)
    kept = st.session_state.get(LOOKED)
    if kept is not None and kept[0] == asked and kept[1] is understood:
        seen_before: Understanding = kept[2]
        return seen_before
    seen = kept[2].looked if kept is not None and kept[0] == asked else None
    count = len(understood.listing)
    if seen is None and count > LOOKED_AT_ONCE:
        wanted = st.button(
            gettext("Open all {n} pictures", n=number(count, 0)),
            key="images_look",
            icon=":material/visibility:",
            help=gettext(
                "Finds pictures that are damaged, odd or there twice. It takes about a "
                "minute for 10,000."
            ),
        )
        if not wanted:
            return understood
    with progress_bar(is_shown=seen is None) as report:
        looked = look_at_pictures(understood, progress=report, looked=seen)
    st.session_state[LOOKED] = (asked, understood, looked)
    return looked


def _show_roles(understood: Understanding) -> None:
    with st.expander(gettext("How each column is taken"), icon=":material/table:"):
        table = pd.DataFrame(
            understood.roles(),
            columns=[gettext("column"), gettext("taken as"), gettext("holds")],
        )
        show_static_table(
            table,
            name="columns",
            takeaway=gettext("Every column of the images, and what becomes of it."),
        )


def _show_counts(understood: Understanding) -> None:
    """Sizes of the splits, and images of each class and group."""
    if understood.loaded is None:
        return
    manifest = understood.loaded.manifest
    sizes = manifest["split"].value_counts()
    with st.container(horizontal=True):
        for split in SPLITS:
            label = gettext("{split} images", split=gettext(split).capitalize())
            st.metric(label, number(int(sizes.get(split, 0)), 0), border=True)
        st.metric(
            gettext("Left out"),
            number(len(manifest) - sizes.reindex(SPLITS).sum(), 0),
            border=True,
        )
    columns = understood.columns
    name = st.segmented_control(
        gettext("Images of each"),
        list(columns),
        default=next(iter(columns)),
        required=True,
        format_func=lambda name: to_markdown(columns[name].label),
        key=f"images_counted_{'_'.join(columns)}",
    )
    counts = count_classes(manifest, columns[name])
    show_chart(
        plot_classes(counts, columns[name].label, as_share=False),
        name=f"images-{name}",
        takeaway=takeaway_classes(counts, columns[name].label),
        data=counts,
        download_title=columns[name].label,
    )


def _offer_to_leave_out(brought: Brought, understood: Understanding) -> None:
    names = unreadable_ids(understood)
    if names:
        st.button(
            ngettext(
                "Leave this picture out",
                "Leave these {count} pictures out",
                len(names),
            ),
            key="images_leave_out",
            icon=":material/playlist_remove:",
            on_click=_leave_out,
            args=(brought.key, names),
        )


def _leave_out(key: str, names: list[str]) -> None:
    known = st.session_state.get(LEFT_OUT, {}).get(key, ())
    st.session_state[LEFT_OUT] = {key: (*known, *names)}


def _offer_study(brought: Brought, understood: Understanding) -> None:
    """Name the study, keep it, or take its file away."""
    with st.container(border=True):
        st.subheader(gettext("The study"), anchor=False)
        faults = len(faults_in(understood.findings))
        if understood.loaded is None or faults:
            stop_with(
                ngettext(
                    "A study can be made once the fault above is corrected.",
                    "A study can be made once the {count} faults above are corrected.",
                    max(faults, 1),
                )
            )
        title = st.text_input(
            gettext("Name of the study"),
            value=brought.name.replace("_", " ").replace("-", " ").strip().capitalize(),
            max_chars=64,
            key=f"images_name_{brought.key}",
            width=420,
        ).strip()
        if not title:
            stop_with(gettext("Give the study a name: it is listed under that."))
        try:
            name = check_new_name(title)
        except EquipoiseError as error:
            show_error(error)
            return
        study = _study_of(brought, understood, name, title)
        methods = listed([method.label for method in study.methods.values()])
        st.markdown(
            to_markdown(
                gettext(
                    "It compares {methods} on {backbone} with ImageNet weights, "
                    "{epochs} epochs each. Methods and settings can be changed where "
                    "it is trained, or in its file.",
                    methods=methods,
                    backbone="EfficientNet-Lite0",
                    epochs=study.training.epochs,
                )
            )
        )
        with st.container(horizontal=True):
            pressed = st.button(
                gettext("Keep this study"),
                type="primary",
                icon=":material/save:",
                key="images_keep",
            )
            st.download_button(
                gettext("Its file (TOML)"),
                data=lambda: study_toml(study),
                file_name=f"{name}.toml",
                mime="application/toml",
                key="images_toml",
                icon=":material/download:",
                type="tertiary",
                on_click="ignore",
            )
        if pressed:
            _keep(brought, study)


def _study_of(
    brought: Brought, understood: Understanding, name: str, title: str
) -> Study:
    assert understood.loaded is not None
    options = understood.options
    if brought.unpacked is None:
        options = options.model_copy(update={"path": str(brought.root)})
    return propose_study(name, title, options, understood.loaded)


def _keep(brought: Brought, study: Study) -> None:
    try:
        kept = keep_study(study, brought.root if brought.unpacked else None)
    except EquipoiseError as error:
        show_error(error)
        return
    let_go(is_kept=True)
    st.session_state["images_done"] = (kept.name, kept.title)
    st.session_state[TIMES] = st.session_state.get(TIMES, 0) + 1
    st.session_state.pop("images_path", None)
    st.rerun()
