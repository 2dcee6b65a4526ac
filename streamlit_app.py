"""Router of the app: the list of pages, and what a page may not get wrong.

The server imports this file for ``app``; every visit then runs it for its pages.
"""

from pathlib import Path

import streamlit as st
from starlette.middleware import Middleware

from core.errors import EquipoiseError
from core.host_check import HostCheck

ASSETS = Path(__file__).parent / "pages" / "assets"


def show_page() -> None:
    """Name the pages, and run the one that is asked for."""
    # Imported in a visit only: pages set up what they need of a running server.
    from pages._show import show_error

    st.set_page_config(
        page_title="Equipoise",
        # A local picture: a material icon here is fetched from another host.
        page_icon=str(ASSETS / "icon.png"),
        layout="wide",
    )
    st.logo(str(ASSETS / "logo.svg"), size="large")

    page = st.navigation(
        [
            st.Page(
                "pages/overview.py",
                title="Overview",
                icon=":material/balance:",
                default=True,
                help="Which method helps, by how much, and whether that is certain.",
            ),
            st.Page(
                "pages/classification.py",
                title="Classification",
                icon=":material/grid_view:",
                help="F1 of each class beside its training images; confusion matrices.",
            ),
            st.Page(
                "pages/age.py",
                title="Age",
                icon=":material/show_chart:",
                help="Error and bias by age, and truth against prediction.",
            ),
            st.Page(
                "pages/fairness.py",
                title="Fairness",
                icon=":material/diversity_3:",
                help="Each group by itself, what they differ by, and what parity "
                "costs.",
            ),
            st.Page(
                "pages/errors.py",
                title="Errors",
                icon=":material/search_insights:",
                help="The hardest classes, what they are taken for, and the images.",
            ),
            st.Page(
                "pages/cost.py",
                title="Cost",
                icon=":material/savings:",
                help="What each method takes, and whether paying more buys a "
                "difference.",
            ),
            st.Page(
                "pages/methods.py",
                title="Methods",
                icon=":material/tune:",
                help="Play with each loss, weight and sampler, and see what it "
                "changes.",
            ),
            st.Page(
                "pages/data.py",
                title="Data",
                icon=":material/database:",
                help="What the methods were trained and tested on.",
            ),
            st.Page(
                "pages/runs.py",
                title="Runs",
                icon=":material/model_training:",
                help="Learning curves, and how each run was made.",
            ),
            st.Page(
                "pages/import_predictions.py",
                title="Import",
                icon=":material/upload_file:",
                help="Predictions of yours, made anywhere, compared like any method.",
            ),
            st.Page(
                "pages/predict.py",
                title="Predict",
                icon=":material/photo_camera:",
                help="A photo of yours, answered by every method at once.",
            ),
        ],
        position="top",
    )
    try:
        page.run()
    except EquipoiseError as error:
        show_error(error)


if st.runtime.exists():
    show_page()
else:
    # However the server is started, its requests go through the check.
    check = Middleware(HostCheck, address=st.get_option("server.address"))
    app = st.App(__file__, middleware=[check])
