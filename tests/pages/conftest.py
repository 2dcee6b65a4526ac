"""Stores of synthetic runs, and pages opened on them through the router."""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

import core.runs
from core.runs import write_study_files
from core.study import Study
from tests.synthetic import synthetic_manifest, write_store

ROUTER = Path(__file__).resolve().parents[2] / "streamlit_app.py"
METHODS = ("baseline", "ins", "denseweight")
LABEL_NOISE = 4.03


@pytest.fixture(autouse=True)
def own_main(monkeypatch: pytest.MonkeyPatch) -> None:
    """Give ``__main__`` back: a page run here takes the name, and processes that a
    later test starts would run the page.
    """
    monkeypatch.setitem(sys.modules, "__main__", sys.modules["__main__"])


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty store; nothing shipped is seen beside it."""
    folder = tmp_path / "runs"
    folder.mkdir()
    monkeypatch.setenv(core.runs.STORE_VARIABLE, str(folder))
    monkeypatch.setattr(core.runs, "shipped_store", lambda: tmp_path / "shipped")
    st.cache_data.clear()
    yield folder
    st.cache_data.clear()


@pytest.fixture
def fill(store: Path) -> Callable[..., Study]:
    """Write a study with its runs, study file, manifest and data report."""

    def write(
        name: str = "utkface",
        *,
        methods: tuple[str, ...] = METHODS,
        seeds: tuple[int, ...] = (0, 1),
        published: tuple[dict[str, object], ...] = (),
    ) -> Study:
        study = write_store(
            store, name, methods=methods, seeds=seeds, rows=320, validation_rows=40
        )
        study = Study.model_validate({**study.model_dump(), "published": published})
        manifest = synthetic_manifest(name, rows=320, validation_rows=40)
        noise = {"age_mean_difference": LABEL_NOISE}
        report = {"images": len(manifest), "twins": {"pairs": 5, "label_noise": noise}}
        write_study_files(store, study, manifest, report)
        return study

    return write


@pytest.fixture
def open_page() -> Callable[..., AppTest]:
    """Open a page of the app, after its router; query parameters as keywords."""

    def open_(name: str, **query: str) -> AppTest:
        app = AppTest.from_file(str(ROUTER), default_timeout=30)
        for key, value in query.items():
            app.query_params[key] = value
        # The router has to run once before it knows its pages.
        app.run()
        return app if name == "overview" else app.switch_page(f"pages/{name}.py").run()

    return open_
