"""Results that are kept until the files change that they were made from.

Everyone in a process gets the same object, and nobody may change it: a page of one
visitor finds what the page of another, or a report, has computed.
"""

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterable, Mapping
from concurrent.futures import Future, wait
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, fields, is_dataclass
from functools import lru_cache, wraps
from inspect import signature, unwrap
from pathlib import Path
from types import CodeType
from typing import Any, ParamSpec, Protocol, TypeVar, cast

import pandas as pd
from pydantic import BaseModel

from core.file_stamps import Stamp, stamps_of
from core.kept_results import kept_or_computed
from core.language import aside, gettext, language, listening
from core.runs import (
    CORRUPTED_ANSWERS,
    HISTORY,
    MANIFEST_FILE,
    PREDICTIONS,
    RECORD,
    REPORT_FILE,
    STUDY_FILE,
    Run,
    stores,
)
from core.shipped import PRETRAINED_FOLDER
from core.stores import studies_folder

Given = ParamSpec("Given")
Result = TypeVar("Result")
Fingerprint = tuple[Stamp, ...]


Teller = Callable[[str], AbstractContextManager[object]]


class _Cache:
    """Results by key, computed once each, whoever asks.

    What says something is kept for each language by itself; whether it does is noticed
    when it is computed.
    """

    def __init__(self, entries: int) -> None:
        self._entries = entries
        self._speaks = False
        self._kept: OrderedDict[tuple[str, Hashable], Future[Any]] = OrderedDict()
        self._lock = threading.Lock()

    def get(
        self,
        key: Hashable,
        compute: Callable[[], Any],
        telling: Callable[[], AbstractContextManager[object]],
    ) -> Any:
        while True:
            speaks = self._speaks
            whole = (language() if speaks else "", key)
            with self._lock:
                future = self._kept.get(whole)
                is_own = future is None
                if future is None:
                    future = self._kept[whole] = Future()
                    if len(self._kept) > self._entries:
                        self._kept.popitem(last=False)
                self._kept.move_to_end(whole)
            if is_own:
                return self._compute(whole, future, compute, telling)
            if not future.done():
                with telling():
                    wait([future])
            found = future.result()
            # Who had to wait may have waited for another language's.
            if found is not _ABANDONED and speaks == self._speaks:
                return found

    def clear(self) -> None:
        with self._lock:
            self._kept.clear()

    def _compute(
        self,
        whole: tuple[str, Hashable],
        future: Future[Any],
        compute: Callable[[], Any],
        telling: Callable[[], AbstractContextManager[object]],
    ) -> Any:
        """Compute it and hand it to all who wait, before the reader is told no more.

        A page that its reader leaves ends with an exception of Streamlit's, when it
        says something: that is the reader's own, and no failure of what is computed.
        """
        try:
            with telling():
                try:
                    with listening() as listener:
                        found = compute()
                except Exception as error:
                    self._drop(whole, future)
                    future.set_exception(error)
                    raise
                if listener.has_heard and not self._speaks:
                    self._begin_to_speak(whole, future)
                future.set_result(found)
        finally:
            if not future.done():
                self._drop(whole, future)
                future.set_result(_ABANDONED)
        return found

    def _begin_to_speak(self, whole: tuple[str, Hashable], future: Future[Any]) -> None:
        """Keep what was computed as the reader's language, and so all from now on."""
        with self._lock:
            self._speaks = True
            self._kept.pop(whole, None)
            self._kept[language(), whole[1]] = future

    def _drop(self, whole: tuple[str, Hashable], future: Future[Any]) -> None:
        with self._lock:
            if self._kept.get(whole) is future:
                del self._kept[whole]


@dataclass(frozen=True)
class Work:
    """What another process needs to compute a result that outlives it.

    Parameters
    ----------
    module, function : str
        Where the function is.
    name : str
        Of a view, its name, which says alone what is called; else empty.
    args : tuple
        Arguments by position; of a view, the ``StudyView`` and its parameters.
    options : mapping
        Arguments by name; none of a view.
    """

    module: str
    function: str
    name: str
    args: tuple[Any, ...]
    options: Mapping[str, Any]

    @property
    def is_known_elsewhere(self) -> bool:
        """Whether it is a view, or a function of core at the top of its module."""
        return self.module.startswith("core.") and (
            bool(self.name) or "<locals>" not in self.function
        )


class Sharing(Protocol):
    """Where else results are computed."""

    def takes(self, work: Work) -> bool:
        """Compute a result and keep it; False if it is to be computed here.

        Raises
        ------
        EquipoiseError
            If that fails by a fault of its input.
        """

    def working_here(self) -> AbstractContextManager[object]:
        """Know that a thread computes a result in this process."""


# In place of a result: the one who computed it was stopped.
_ABANDONED = object()
_sharing: Sharing | None = None
_CACHES: dict[tuple[str, CodeType, str], _Cache] = {}
_teller: Teller = nullcontext


def cached(
    *, entries: int, says: str = "", name: str = "", outlives: bool = False
) -> Callable[[Callable[Given, Result]], Callable[Given, Result]]:
    """Keep what a function returns, by its arguments.

    A run counts by its record, its predictions, its answers to corrupted images, its
    history and its model (path, time and size), and by which of its images are looked
    at; a study by all its settings. An argument whose name begins with ``_`` does not
    count. Where several ask at once, one computes and the others wait; a failure is
    told to all of them and not kept.

    Parameters
    ----------
    entries : int
        Results that are kept at once; the one that was asked for longest ago goes.
    says : str
        What a reader who waits is told while it is computed (``tell_who_waits``), said
        by ``gettext``.
    name : str
        Tells functions apart that one line of code makes.
    outlives : bool
        Whether what is computed of shipped runs alone is kept on the disk too, where
        the process keeps results (``kept_results``). What is computed of a person's own
        runs never is.
    """

    def decorate(compute: Callable[Given, Result]) -> Callable[Given, Result]:
        # A page is run anew at each visit, and its functions are made anew with it.
        code = compute.__code__
        cache = _CACHES.setdefault((code.co_filename, code, name), _Cache(entries))
        parameters = signature(compute)

        def telling() -> AbstractContextManager[object]:
            with aside():
                return _teller(gettext(says)) if says else nullcontext()

        @wraps(compute)
        def result(*args: Given.args, **options: Given.kwargs) -> Result:
            given = parameters.bind(*args, **options)
            given.apply_defaults()
            key = tuple(
                as_key(value)
                for name, value in given.arguments.items()
                if not name.startswith("_")
            )

            def make() -> Result:
                if not (outlives and _are_shipped(given.arguments.values())):
                    return compute(*args, **options)
                place = (compute.__module__, compute.__qualname__, name)

                def computed_elsewhere() -> bool:
                    work = Work(*place, args, options)
                    return (
                        _sharing is not None
                        and work.is_known_elsewhere
                        and _sharing.takes(work)
                    )

                def compute_here() -> Result:
                    with nullcontext() if _sharing is None else _sharing.working_here():
                        return compute(*args, **options)

                return kept_or_computed((*place, key), compute_here, computed_elsewhere)

            found: Result = cache.get(key, make, telling)
            # A column that is added to a shallow copy does not reach the table kept.
            if isinstance(found, pd.DataFrame):
                return cast(Result, found.copy(deep=False))
            return found

        return result

    return decorate


def tell_who_waits(teller: Teller) -> None:
    """Say how a reader is told that something is computed: a context around it."""
    global _teller
    _teller = teller


def share_work(sharing: Sharing | None) -> None:
    """Say where else what outlives the process is computed; None for nowhere."""
    global _sharing
    _sharing = sharing


def clear_caches(*files: str) -> None:
    """Forget what is kept: of the functions of these files, or everything."""
    for (file, _, _), cache in _CACHES.items():
        if not files or file in files:
            cache.clear()


def forget(kept: Callable[..., object]) -> None:
    """Forget what a function has returned, such as work that has failed since."""
    code = unwrap(kept).__code__
    for (file, own, _), cache in _CACHES.items():
        if (file, own) == (code.co_filename, code):
            cache.clear()


def manifest_fingerprint(study: str) -> Fingerprint:
    """What the split of a study depends on; empty where none is kept."""
    return stamps_of(store / study / MANIFEST_FILE for store in stores())


def data_fingerprint(study: str) -> Fingerprint:
    """What is known of a study's data depends on: its split and its report."""
    files = (MANIFEST_FILE, REPORT_FILE)
    return stamps_of(store / study / file for store in stores() for file in files)


def study_fingerprint(study: str) -> Fingerprint:
    """What a study's settings depend on; empty for a shipped one without runs."""
    of_runs = [store / study / STUDY_FILE for store in stores()]
    return stamps_of([*of_runs, studies_folder() / f"{study}.toml"])


def file_fingerprint(path: str) -> Fingerprint:
    """What a file's content depends on; empty for a path that names no file."""
    return stamps_of([Path(path)])


def as_key(value: Any) -> Hashable:
    """What stands for an argument in a key.

    Raises
    ------
    TypeError
        If there is nothing that could: a table, or an array.
    """
    if (key := getattr(value, "cache_key", None)) is not None:
        return str(key)
    if isinstance(value, Run):
        return _files_of(value)
    if isinstance(value, BaseModel):
        return type(value).__name__, value.model_dump_json()
    if isinstance(value, Mapping):
        return tuple((as_key(name), as_key(each)) for name, each in value.items())
    if isinstance(value, list | tuple):
        return tuple(map(as_key, value))
    if isinstance(value, set | frozenset):
        # In one order: a key is also written down, for another process to find.
        return "set", *sorted(map(as_key, value), key=repr)
    if is_dataclass(value) and not isinstance(value, type):
        parts = (as_key(getattr(value, part.name)) for part in fields(value))
        return type(value).__name__, *parts
    hash(value)
    return type(value).__name__, value


def _files_of(run: Run) -> tuple[Hashable, ...]:
    """A run as it is shown: its files, its name, and its test images."""
    only = None if run.only is None else _digest(run.only)
    files = [
        run.folder / name for name in (RECORD, PREDICTIONS, CORRUPTED_ANSWERS, HISTORY)
    ]
    return run.method, only, *stamps_of([*files, run.model_path])


@lru_cache(maxsize=8)
def _digest(images: frozenset[str]) -> str:
    return hashlib.sha256("\n".join(sorted(images)).encode()).hexdigest()


def _are_shipped(given: Iterable[Any]) -> bool:
    """Whether arguments, or what they hold, are of shipped runs alone, and of some."""
    runs = [run for value in given for run in _runs_of(value)]
    return bool(runs) and all(
        run.folder.is_relative_to(PRETRAINED_FOLDER) for run in runs
    )


def _runs_of(value: Any) -> tuple[Run, ...]:
    if isinstance(value, Run):
        return (value,)
    runs = getattr(value, "runs", value)
    is_runs = isinstance(runs, tuple) and all(isinstance(run, Run) for run in runs)
    return runs if is_runs else ()
