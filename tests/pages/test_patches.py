"""Each change to Streamlit or Keras is still needed; else its test says to drop it."""

import os
import runpy
import subprocess
import sys
from types import SimpleNamespace

import pyarrow
import pytest
from streamlit.runtime.pages_manager import PagesManager
from streamlit.runtime.scriptrunner import script_runner

import core.predictor
from pages.shell import patches
from tests.pages.opening import ROUTER


@pytest.fixture(autouse=True)
def own_switch(monkeypatch):
    monkeypatch.setattr(PagesManager, "uses_pages_directory", None)


def test_a_folder_named_pages_is_still_taken_for_the_older_kind_of_app():
    PagesManager(str(ROUTER))
    assert PagesManager.uses_pages_directory


def test_the_server_takes_its_pages_from_the_navigation():
    runpy.run_path(str(ROUTER))
    PagesManager(str(ROUTER))
    assert PagesManager.uses_pages_directory is False


def test_streamlit_still_clears_the_session_of_keras(monkeypatch):
    cleared = []
    clear = SimpleNamespace(clear_session=lambda: cleared.append(True))
    monkeypatch.setitem(sys.modules, "keras", SimpleNamespace(backend=clear))
    script_runner._clean_problem_modules()
    assert cleared
    patches.keep_keras_session()
    cleared.clear()
    script_runner._clean_problem_modules()
    assert not cleared


def test_tensorflow_leaves_a_core_and_trainings_their_own_choice(monkeypatch):
    seen = []
    names = ("TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS")
    monkeypatch.setenv(names[0], "7")
    monkeypatch.delenv(names[1], raising=False)
    monkeypatch.setattr(core.predictor, "available_cores", lambda: 4)
    ops = SimpleNamespace(zeros=lambda shape: seen.append(tuple(map(os.getenv, names))))
    monkeypatch.setitem(sys.modules, "keras", SimpleNamespace(ops=ops))
    patches.leave_a_core_to_pages()
    assert seen == [("7", "3")]
    assert tuple(map(os.getenv, names)) == ("7", None)


def test_arrow_still_has_an_allocator_of_its_own_and_the_server_takes_the_systems():
    assert pyarrow.supported_memory_backends()[0] != "system"
    code = (
        "from pages.shell.patches import share_the_heap_with_arrow as a; a();"
        "import pyarrow; print(pyarrow.default_memory_pool().backend_name)"
    )
    said = subprocess.run(
        [sys.executable, "-c", code], cwd=ROUTER.parent, capture_output=True, text=True
    )
    assert said.stdout.strip() == "system", said.stderr
