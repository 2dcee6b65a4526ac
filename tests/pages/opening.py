"""How a test opens one page by itself, on run folders of its own."""

import json
import os
import zlib
from pathlib import Path

from streamlit.testing.v1 import AppTest

import core.runs
import streamlit_app
from tests import synthetic

ROUTER = Path(__file__).parents[2] / "streamlit_app.py"
PAGES = ROUTER.parent / "pages"
# As their addresses name them, in the order of the navigation.
NAMES = tuple(title.lower() for title, *_ in streamlit_app.PAGES)
METHODS = ("baseline", "ins", "lmf")


def write_study(store: Path, name: str = "utkface", **options: object) -> None:
    """Write three methods with two seeds, small enough to read at once."""
    options = {"methods": METHODS, "seeds": (0, 1), "rows": 256, **options}
    synthetic.write_store(store, name, **options)


def write_report(store: Path, name: str, report: dict) -> None:
    """Replace a study's data report."""
    (store / name / core.runs.REPORT_FILE).write_text(json.dumps(report))


def date_by_content(store: Path) -> None:
    """Give each file of a store a time that follows from what is in it.

    Results are kept by the times and sizes of files: where a test writes the same as
    the one before, they are still kept.
    """
    for path in store.rglob("*"):
        if path.is_file():
            os.utime(path, ns=(0, zlib.crc32(path.read_bytes())))


def page_file(page: str) -> Path:
    """The script of a page, named by its address."""
    return PAGES / page.replace("import", "import_") / "page.py"


def open_page(page: str, *, study: str | None = None) -> AppTest:
    """Run a page, and choose a study on it."""
    app = AppTest.from_file(str(page_file(page)), default_timeout=60).run()
    if study is not None and app.selectbox:
        app.selectbox(key="study").select(study).run()
    return app


def words_of(app: AppTest) -> str:
    """All that the page says in sentences."""
    parts = [
        *app.title,
        *app.subheader,
        *app.markdown,
        *app.caption,
        *app.info,
        *app.warning,
        *app.error,
        *app.metric,
    ]
    return "\n".join(f"{getattr(p, 'label', '')} {p.value}" for p in parts)
