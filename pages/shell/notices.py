"""What a page says of the runs before it shows anything of them."""

import streamlit as st

from core.language import gettext
from core.text import code, emphasis, to_markdown
from core.views.loads import without_damaged
from core.views.study_view import StudyView
from pages.shell.show import show_problems


def leave_out_damaged(view: StudyView) -> StudyView:
    """The view without runs whose predictions break off in the middle; names them."""
    view, problems = without_damaged(view)
    if problems:
        show_problems(problems.values())
    return view


def is_alone(view: StudyView) -> bool:
    """Whether no method stands beside the baseline; says what to do if so."""
    if len(view.methods) > 1:
        return False
    name = view.study.name
    others = {run.method for run in view.runs} - {view.baseline}
    if others:
        said = gettext(
            "Only the baseline is shown. Choose a method under {button} to compare it.",
            button=emphasis(gettext("Methods and seeds")),
        )
    elif view.study.is_trained:
        said = gettext(
            "Only the baseline has been trained, so there is no difference to show. "
            "Train the other methods with {command}.",
            command=code(f"equipoise train {name}"),
        )
    else:
        said = gettext(
            "Only one method is here, so there is no difference to show. Import the "
            "predictions of another on the Import page."
        )
    st.info(to_markdown(said), icon=":material/info:")
    return True
