"""Results that pages keep until the files change that they were made from."""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, TypeVar

import streamlit as st

from core.runs import MANIFEST_FILE, PREDICTIONS, Run, stores
from core.study import Study

Computes = TypeVar("Computes", bound=Callable[..., Any])
Fingerprint = tuple[tuple[str, int, int], ...]


def cached(
    *, entries: int, spinner: str | bool = False, is_shared: bool = False
) -> Callable[[Computes], Computes]:
    """Keep what a function returns, by its arguments.

    A run counts by its predictions and its model (path, time and size), and by which of
    its images are looked at; a study by all its settings. An argument whose name begins
    with ``_`` does not count.

    Parameters
    ----------
    entries : int
        Results that are kept at once, for all visitors.
    spinner : str or bool
        What is said while it is computed.
    is_shared : bool
        Whether everyone gets the same object and none a copy: for models, and for
        tables whose copy at every rerun takes long. Nothing may change it.
    """
    keep = st.cache_resource if is_shared else st.cache_data
    return keep(
        max_entries=entries,
        show_spinner=spinner,
        hash_funcs={Run: _files_of, Study: Study.model_dump_json},
    )


def _files_of(run: Run) -> tuple[object, ...]:
    """A run as it is shown: its files, its name, and its test images."""
    only = None if run.only is None else hash(run.only)
    files = (run.folder / PREDICTIONS, run.model_path)
    return run.method, only, *_stamps(files)


def manifest_fingerprint(study: str) -> Fingerprint:
    """What the split of a study depends on; empty where none is kept."""
    return _stamps(store / study / MANIFEST_FILE for store in stores())


def _stamps(files: Iterable[Path]) -> Fingerprint:
    stats = ((str(file), file.stat()) for file in files if file.is_file())
    return tuple((path, s.st_mtime_ns, s.st_size) for path, s in stats)
