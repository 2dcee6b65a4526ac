"""Router of the app: the list of pages, and what a page may not get wrong.

The server imports this file for ``app``; every visit then runs it for its pages.
"""

import threading
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager
from importlib import import_module
from keyword import iskeyword
from pathlib import Path

import streamlit as st
from starlette.middleware import Middleware
from streamlit.navigation.page import Page

from core.host_check import HostCheck
from core.language import N_, gettext

ASSETS = Path(__file__).parent / "pages" / "assets"
# What can be opened: title, icon, and the question that it answers.
PAGES = (
    (
        N_("Overview"),
        ":material/balance:",
        N_("Which method helps, by how much, and whether that is certain."),
    ),
    (
        N_("Classification"),
        ":material/grid_view:",
        N_("F1 of each class beside its training images; confusion matrices."),
    ),
    (
        N_("Age"),
        ":material/show_chart:",
        N_("Error and bias by age, and truth against prediction."),
    ),
    (
        N_("Fairness"),
        ":material/diversity_3:",
        N_("Each group by itself, what they differ by, and what parity costs."),
    ),
    (
        N_("Errors"),
        ":material/search_insights:",
        N_("The hardest classes, what they are taken for, and the images."),
    ),
    (
        N_("Cost"),
        ":material/savings:",
        N_("What each method takes, and whether paying more buys a difference."),
    ),
    (
        N_("Methods"),
        ":material/tune:",
        N_("Play with each loss, weight and sampler, and see what it changes."),
    ),
    (
        N_("Data"),
        ":material/database:",
        N_("What the methods were trained and tested on."),
    ),
    (
        N_("Runs"),
        ":material/model_training:",
        N_("Learning curves, and how each run was made."),
    ),
    (
        N_("Images"),
        ":material/photo_library:",
        N_("Images of yours: understood, checked, and made a study to train."),
    ),
    (
        N_("Train"),
        ":material/play_circle:",
        N_("Train methods on your images or ours, and watch them learn."),
    ),
    (
        N_("Defense"),
        ":material/co_present:",
        N_(
            "A story for the jury, of what the other pages show, presented full screen."
        ),
    ),
    (
        N_("Import"),
        ":material/upload_file:",
        N_("Predictions of yours, made anywhere, compared like any method."),
    ),
    (
        N_("Predict"),
        ":material/photo_camera:",
        N_("A photo of yours, answered by every method at once."),
    ),
)


def show_page() -> None:
    """Name the pages, and run the one that is asked for."""
    # A first visit may come while another thread imports pandas, and Plotly fails with
    # a part of it. This line waits for the whole.
    import pandas  # noqa: F401

    # Imported in a visit only: pages set up what they need of a running server.
    from core.plots.download import HIDE_TITLES
    from core.plots.highlight import HIGHLIGHT
    from pages.shell.drawing_scripts import fetching_drawing_scripts
    from pages.shell.language import choose_language, say_what_streamlit_says
    from pages.shell.show import saying_why_not

    st.set_page_config(
        page_title="Equipoise",
        # A local picture: a material icon here is fetched from another host.
        page_icon=str(ASSETS / "icon.png"),
        layout="wide",
    )
    st.logo(str(ASSETS / "logo.svg"), size="large")
    st.html(HIDE_TITLES + HIGHLIGHT)
    st.html(ASSETS / "style.css")
    # On a screen that an audience looks at, nothing stands above the slide.
    choose_language(is_offered=not {"present", "notes"} & set(st.query_params))
    say_what_streamlit_says()

    pages = [_page(*described) for described in PAGES]
    page = st.navigation(pages, position="top")
    with fetching_drawing_scripts(), saying_why_not():
        page.run()


def _page(title: str, icon: str, question: str) -> Page:
    """A page by its title: its folder and its address are named alike."""
    name = title.lower()
    folder = name if name.isidentifier() and not iskeyword(name) else f"{name}_"
    return st.Page(
        f"pages/{folder}/page.py",
        title=gettext(title),
        icon=icon,
        help=gettext(question),
        # The one that opens has no address of its own.
        url_path=name,
        default=title == PAGES[0][0],
    )


@asynccontextmanager
async def prepare_while_starting(app: st.App) -> AsyncIterator[None]:
    """Let a thread import what result pages draw with, and warm them up.

    It is done when the browser has read its scripts, and would else be most of the
    first second of the first visit.
    """
    ending = ExitStack()
    threading.Thread(target=_prepare_results, args=(ending,), daemon=True).start()
    with warming_up(), ending:
        yield


def _prepare_results(ending: ExitStack) -> None:
    from core.kept_results import keep_results
    from pages.shell.patches import importing

    keep_results()
    with importing():
        for module in ("core.views.overview", "core.views.stability", "scipy.stats"):
            import_module(module)
    from core.views.side_process import working_beside

    ending.enter_context(working_beside())


if st.runtime.exists():
    show_page()
else:
    from pages.shell.patches import (
        forget_widgets_that_are_gone,
        share_the_heap,
        take_pages_from_navigation,
    )
    from pages.shell.upload_key import name_this_start
    from pages.shell.warm_up import warming_up

    name_this_start()
    share_the_heap()
    take_pages_from_navigation()
    forget_widgets_that_are_gone()
    # However the server is started, its requests go through the check.
    check = Middleware(HostCheck, address=st.get_option("server.address"))
    app = st.App(__file__, middleware=[check], lifespan=prepare_while_starting)
