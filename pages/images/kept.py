"""Studies of images that were kept: what they are of, and how they are deleted."""

import pandas as pd
import streamlit as st

from core.errors import EquipoiseError
from core.importing.image_study import image_studies, remove_images
from core.language import gettext, ngettext
from core.runs import list_runs
from core.stores import images_folder
from core.study import Study
from core.text import strong, to_markdown
from pages.shell.next_page import link_to_training
from pages.shell.show import show_error, show_static_table, stop_with

ASKED = "images_asked_to_delete"


def show_kept() -> None:
    """List the studies of images, and offer to train or delete one."""
    studies = image_studies()
    if not studies:
        stop_with(gettext("No study of your images was kept yet."))
    runs = {name: len(list_runs(name).runs) for name in studies}
    rows = [
        {
            gettext("study"): name,
            gettext("title"): study.title,
            gettext("images"): _place(study),
            gettext("runs"): runs[name],
        }
        for name, study in studies.items()
    ]
    show_static_table(
        pd.DataFrame(rows),
        name="studies-of-images",
        takeaway=ngettext(
            "{count} study of images of your own.",
            "{count} studies of images of your own.",
            len(studies),
        ),
    )
    name = st.selectbox(
        gettext("Study"),
        list(studies),
        format_func=lambda name: f"{studies[name].title} ({name})",
        key="images_kept",
        width=420,
    )
    link_to_training(name)
    _offer_to_delete(name, studies[name], runs[name])


def _place(study: Study) -> str:
    """Where the images are, in words."""
    if images_folder(study.name).is_dir():
        return gettext("uploaded here")
    return str(study.dataset.options.get("path") or gettext("given with --data"))


def _offer_to_delete(name: str, study: Study, runs: int) -> None:
    """Delete a study after it was asked twice, and its runs after a third word."""
    if st.session_state.get(ASKED) != name:
        st.button(
            gettext("Delete…"),
            key="images_delete",
            icon=":material/delete:",
            on_click=st.session_state.__setitem__,
            args=(ASKED, name),
        )
        return
    with st.container(border=True):
        is_uploaded = images_folder(name).is_dir()
        said = (
            gettext(
                "The study {title} and the images uploaded for it are deleted for "
                "good.",
                title=strong(study.title),
            )
            if is_uploaded
            else gettext(
                "The study {title} is deleted for good; its images stay where they "
                "are.",
                title=strong(study.title),
            )
        )
        st.warning(to_markdown(said), icon=":material/warning:")
        with_runs = bool(runs) and st.toggle(
            ngettext("Delete its {count} run too", "Delete its {count} runs too", runs),
            key=f"images_with_runs_{name}",
        )
        is_sure = not with_runs or st.toggle(
            gettext("Yes, what was trained may go: it cannot be brought back"),
            key=f"images_sure_{name}",
        )
        with st.container(horizontal=True):
            st.button(
                gettext("Delete for good"),
                key="images_delete_for_good",
                type="primary",
                icon=":material/delete_forever:",
                disabled=not is_sure,
                on_click=_delete,
                args=(name, study.title, with_runs),
            )
            st.button(
                gettext("Keep it"),
                key="images_keep_it",
                on_click=st.session_state.pop,
                args=(ASKED, None),
            )


def _delete(name: str, title: str, with_runs: bool) -> None:
    st.session_state.pop(ASKED, None)
    try:
        remove_images(name, with_runs=with_runs)
    except EquipoiseError as error:
        show_error(error)
        return
    st.session_state["images_deleted"] = gettext(
        "The study {title} is deleted.", title=title
    )
