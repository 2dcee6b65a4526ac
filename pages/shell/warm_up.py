"""Visits the result pages of the shipped studies before a reader does.

The server starts it as a process of its own, at the lowest priority: what a visit
computes is kept on the disk, where the server finds it. Pages are run, not the views
they draw, since each page chooses by itself what it shows first.
"""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

PAGES_FOLDER = Path(__file__).resolve().parents[1]
VARIABLE = "EQUIPOISE_WARM_UP"
# In the order in which a first reader opens them.
PAGES = (
    "overview",
    "classification",
    "age",
    "fairness",
    "errors",
    "cost",
    "data",
    "runs",
)
# The first reader comes when the server starts, and has the machine alone until then.
WAIT_S = 20
PATIENCE_S = 600


@contextmanager
def warming_up() -> Iterator[None]:
    """Let the process run while the server does, unless ``VARIABLE`` is "off"."""
    if os.environ.get(VARIABLE) == "off":
        yield
        return
    process = subprocess.Popen(
        [sys.executable, "-m", __name__, str(os.getpid())],
        cwd=PAGES_FOLDER.parent,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield
    finally:
        process.terminate()
        process.wait()


def main(server: int) -> None:
    """Visit one page after another until all were, or the server has ended."""
    if hasattr(os, "nice"):
        os.nice(19)
    end = time.monotonic() + WAIT_S
    while time.monotonic() < end:
        if os.getppid() != server:
            return
        time.sleep(0.5)
    from core.kept_results import keep_results
    from core.language import LANGUAGES
    from core.views.caching import clear_caches
    from pages.shell.patches import look_through_packages_once

    keep_results()
    look_through_packages_once()
    for language in LANGUAGES:
        for study in _studies():
            for page in PAGES:
                if os.getppid() != server:
                    return
                # What a visit finds wrong is for a reader of the page to see.
                with suppress(Exception):
                    _visit(page, study, language)
            clear_caches()


def _studies() -> list[str]:
    """Studies with shipped runs alone: of others nothing is kept."""
    from core.runs import list_runs, list_studies
    from core.shipped import PRETRAINED_FOLDER

    return [
        study
        for study in list_studies()
        if (runs := list_runs(study).runs)
        and all(run.folder.is_relative_to(PRETRAINED_FOLDER) for run in runs)
    ]


def _visit(page: str, study: str, language: str) -> None:
    """Open a page, unless it was opened before and its runs are the same."""
    from core.kept_results import kept_or_computed
    from core.runs import list_runs
    from core.views.caching import as_key, data_fingerprint

    runs = tuple(list_runs(study).runs)
    key = ("visited", page, language, as_key(runs), data_fingerprint(study))
    kept_or_computed(key, lambda: _open(page, study, language))


def _open(page: str, study: str, language: str) -> bool:
    """Run a page as its address opens it; fails where the page does."""
    from streamlit.testing.v1 import AppTest

    opened = AppTest.from_file(str(PAGES_FOLDER / page / "page.py"))
    opened.default_timeout = PATIENCE_S
    opened.session_state["language"] = language
    opened.query_params["study"] = study
    opened.run()
    if opened.exception:
        raise RuntimeError(opened.exception[0].message)
    return True


if __name__ == "__main__":
    main(int(sys.argv[1]))
