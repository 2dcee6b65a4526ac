"""A store with one small study, for the tests of imports."""

import pytest

import core.runs
from tests.imports import write_study


@pytest.fixture
def store(tmp_path, monkeypatch):
    folder = tmp_path / "runs"
    folder.mkdir()
    monkeypatch.setenv(core.runs.STORE_VARIABLE, str(folder))
    monkeypatch.setattr(core.runs, "shipped_store", lambda: tmp_path / "shipped")
    return folder


@pytest.fixture
def study(store):
    write_study(store)
    return store
