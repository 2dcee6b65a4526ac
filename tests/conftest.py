"""What every test shares: which of them this machine can run, and on how much of it."""

import gc
import os
import shutil

import pytest

# Before TensorFlow is imported: tests run side by side, and small models lose more to
# thread pools than they gain.
os.environ.setdefault("TF_NUM_INTRAOP_THREADS", "1")
os.environ.setdefault("TF_NUM_INTEROP_THREADS", "1")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
# A server that a test starts leaves the machine to the tests.
os.environ.setdefault("EQUIPOISE_WARM_UP", "off")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip by name what needs a thing that is not here; put files of slow tests first.

    Files are shared out in this order: a slow one at the end would run alone.
    """
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    items.sort(key=lambda item: item.path not in slow)
    needs = {
        "browser": (shutil.which("chromium"), "Chromium is not installed"),
        "real_data": (
            os.environ.get("EQUIPOISE_UTKFACE"),
            "EQUIPOISE_UTKFACE names no copy of UTKFace",
        ),
    }
    for item in items:
        for marker, (present, why) in needs.items():
            if not present and item.get_closest_marker(marker):
                item.add_marker(pytest.mark.skip(reason=f"{item.name}: {why}"))


def pytest_collection_finish() -> None:
    """Leave what is imported and collected out of every later garbage collection.

    Streamlit collects after each run of a page and Keras after each training: that
    took as long as the pages themselves.
    """
    gc.collect()
    gc.freeze()
