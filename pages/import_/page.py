"""Import: predictions of any framework become a method, or a study of their own."""

import pandas as pd
import streamlit as st

from core.errors import EquipoiseError
from core.importing.predictions import imported_runs, remove
from core.importing.table_study import is_table_study, remove_study
from core.language import N_, gettext
from core.runs import Run
from core.text import strong, to_markdown
from pages.import_.method import import_method
from pages.import_.study import import_study
from pages.import_.uploads import forget
from pages.shell.address import run_page
from pages.shell.show import show_error, show_static_table, stop_with

WAYS = {
    "method": N_("Predictions for a study that is here"),
    "study": N_("A table with truth and predictions"),
    "imported": N_("What was imported before"),
}


def main() -> None:
    """Choose the way, import; below, what was imported before."""
    st.title(gettext("Bring your own predictions"), anchor=False)
    st.markdown(
        gettext(
            "From any framework, as CSV or Parquet: checked as a whole, then compared "
            "like any method here."
        )
    )
    _say_done()
    way = st.segmented_control(
        gettext("What do you have?"),
        list(WAYS),
        default="method",
        required=True,
        format_func=lambda way: gettext(WAYS[way]),
        key="import_way",
    )
    if way == "method":
        import_method()
    elif way == "study":
        import_study()
    else:
        show_imported()


def _say_done() -> None:
    """What was imported or removed last, and where it is to be seen."""
    done = st.session_state.pop("import_done", None)
    if done is not None:
        study, label = done
        with st.container(border=True):
            st.success(
                to_markdown(gettext("{label} is imported.", label=strong(label))),
                icon=":material/check_circle:",
            )
            st.page_link(
                "pages/overview/page.py",
                label=gettext("See it on Overview"),
                icon=":material/balance:",
                query_params={"study": study},
            )
    if said := st.session_state.pop("import_removed", None):
        st.success(to_markdown(said), icon=":material/delete:")


def show_imported() -> None:
    """What was imported before, and how it is removed."""
    runs = imported_runs()
    if not runs:
        stop_with(
            gettext("Nothing was imported yet. Choose one of the two ways above.")
        )
    rows = [
        {
            "study": run.study,
            "method": run.imported["label"],
            "seed": run.seed,
            "file": run.imported["file"],
            "SHA-256": run.imported["sha256"][:16],
            "imported": str(run.info.get("created", ""))[:16].replace("T", " "),
        }
        for run in runs
    ]
    table = pd.DataFrame(rows)
    shown = table.rename(
        columns={
            "study": gettext("study"),
            "method": gettext("method"),
            "seed": gettext("seed"),
            "file": gettext("file"),
            "imported": gettext("imported"),
        }
    )
    show_static_table(
        shown,
        download=table,
        name="imported",
        takeaway=gettext("Runs that came from a file."),
    )
    _offer_removal(runs)


def _offer_removal(runs: tuple[Run, ...]) -> None:
    choices: dict[tuple[str, str], str] = {}
    for run in runs:
        if is_table_study(run.study):
            choices[run.study, ""] = gettext(
                "the study {study}, with all its methods", study=run.study
            )
        label = run.imported["label"]
        choices[run.study, run.method] = gettext(
            "{label} from {study}", label=label, study=run.study
        )
    with st.popover(gettext("Remove"), icon=":material/delete:"):
        chosen = st.selectbox(
            gettext("What"),
            list(choices),
            format_func=choices.__getitem__,
            key="import_remove",
        )
        st.caption(
            gettext("It is deleted for everybody; only its file brings it back.")
        )
        st.button(
            gettext("Remove for good"),
            key="import_remove_button",
            on_click=_remove,
            args=(*chosen, choices[chosen]),
        )


def _remove(study: str, method: str, said: str) -> None:
    try:
        if method:
            remove(study, method)
        else:
            remove_study(study)
        st.session_state["import_removed"] = gettext("Removed {what}.", what=said)
    except EquipoiseError as error:
        show_error(error)
    forget()


run_page(main)
