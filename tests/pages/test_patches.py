"""Each change to Streamlit or Keras is still needed; else its test says to drop it."""

import gc
import os
import platform
import runpy
import subprocess
import sys
import tomllib
from inspect import getsource, unwrap
from types import SimpleNamespace

import pyarrow
import pytest
from streamlit.components.v2 import manifest_scanner
from streamlit.runtime.pages_manager import PagesManager
from streamlit.runtime.scriptrunner import script_runner
from streamlit.runtime.state.common import WidgetMetadata
from streamlit.runtime.state.session_state import WStates
from streamlit.testing.v1 import AppTest

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
        "from pages.shell.patches import share_the_heap as a; a();"
        "import pyarrow; print(pyarrow.default_memory_pool().backend_name)"
    )
    said = subprocess.run(
        [sys.executable, "-c", code], cwd=ROUTER.parent, capture_output=True, text=True
    )
    assert said.stdout.strip() == "system", said.stderr


def test_a_page_that_is_opened_still_looks_through_the_packages(monkeypatch):
    looks = []

    def look():
        looks.append(True)
        return []

    monkeypatch.setattr(manifest_scanner, "scan_component_manifests", look)
    for _ in range(2):
        AppTest.from_string("").run()
    assert len(looks) == 2
    patches.look_through_packages_once()
    for _ in range(2):
        AppTest.from_string("").run()
    assert len(looks) == 3


HEAPS_OF_SIX_THREADS = """
import ctypes, sys, threading
from pages.shell.patches import share_the_heap
if sys.argv[1] == "shared":
    share_the_heap()
libc = ctypes.CDLL(None)
together = threading.Barrier(6)
def allocate():
    together.wait()
    libc.malloc(5000)
    together.wait()
threads = [threading.Thread(target=allocate) for _ in range(6)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
libc.fopen.restype = ctypes.c_void_p
file = ctypes.c_void_p(libc.fopen(sys.argv[2].encode(), b"w"))
libc.malloc_info(0, file)
libc.fclose(file)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="heaps are glibc's")
def test_threads_still_have_heaps_of_their_own_and_the_server_has_few(tmp_path):
    count = {}
    for which in ("own", "shared"):
        report = tmp_path / which
        subprocess.run(
            [sys.executable, "-c", HEAPS_OF_SIX_THREADS, which, str(report)],
            cwd=ROUTER.parent,
            env={k: v for k, v in os.environ.items() if k != "MALLOC_ARENA_MAX"},
            check=True,
        )
        count[which] = report.read_text().count("<heap nr=")
    assert count["own"] > 2 == patches.HEAPS >= count["shared"]


def test_streamlit_still_keeps_widgets_that_are_gone_and_the_server_does_not(
    monkeypatch,
):
    monkeypatch.setattr(
        WStates, "remove_stale_widgets", unwrap(WStates.remove_stale_widgets)
    )
    assert _left_of("shown", "gone", "elsewhere") == ["shown", "gone", "elsewhere"]
    patches.forget_widgets_that_are_gone()
    # What a part of the page that was not run shows is still there.
    assert _left_of("shown", "gone", "elsewhere") == ["shown", "elsewhere"]


def test_what_a_component_sends_is_still_taken_after_a_run(monkeypatch):
    monkeypatch.setattr(
        WStates, "remove_stale_widgets", unwrap(WStates.remove_stale_widgets)
    )
    patches.forget_widgets_that_are_gone()
    assert _left_of("shown", "gone", "sent") == ["shown", "sent"]


def _left_of(*names):
    """Which widgets are known after a run of the part ``a`` that shows the first."""
    states = WStates()
    for name in names:
        part = "b" if name == "elsewhere" else "a"
        kind = "json_trigger_value" if name == "sent" else "string_value"
        states.set_widget_metadata(
            WidgetMetadata(name, str, str, kind, fragment_id=part)
        )
        states.set_from_value(name, "")
    states.remove_stale_widgets(frozenset(names[:1]), ["a"])
    return list(states.widget_metadata)


def test_what_was_imported_is_in_no_later_collection():
    before = gc.get_freeze_count()
    try:
        with patches.importing():
            assert not gc.isenabled()
            kept = [[]]
        assert gc.isenabled()
        assert gc.get_freeze_count() > before
        assert not any(each is kept for each in gc.get_objects())
    finally:
        gc.unfreeze()


def test_streamlit_still_collects_all_garbage_after_each_visit_and_ours_does_not():
    assert "gc.collect" in getsource(script_runner.ScriptRunner)
    settings = tomllib.loads((ROUTER.parent / ".streamlit/config.toml").read_text())
    assert settings["runner"]["postScriptGC"] is False
