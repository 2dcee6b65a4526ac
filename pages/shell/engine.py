"""Keras in a page: imported when it is first needed, and left alone afterwards."""

import threading
from collections.abc import Callable
from functools import cache
from typing import Generic, TypeVar

from core.language import gettext
from pages.shell.patches import importing, keep_keras_session, leave_a_core_to_pages

Loaded = TypeVar("Loaded")
# What is loaded, to be said to whoever waits: the thread that loads has no reader.
Saying = Callable[[], str]
Progress = Callable[[Saying, int, int], None]


def _starting() -> str:
    return gettext("Starting TensorFlow…")


@cache
def load_engine() -> None:
    """Import Keras as pages need it: a core is left free, and its session stays."""
    with importing():
        leave_a_core_to_pages()
    keep_keras_session()


class BackgroundLoad(Generic[Loaded]):
    """Something slow that a thread loads while pages are drawn.

    It belongs to no visitor: who leaves the page stops nothing, and who comes later
    finds it as far as it is.

    Parameters
    ----------
    load : callable
        Loads it; is given a function to say how far it is: what, how many are done,
        of how many.
    """

    def __init__(self, load: Callable[[Progress], Loaded]) -> None:
        self._load = load
        self._state: tuple[Saying, int, int] = (_starting, 0, 1)
        self._done = threading.Event()
        self._loaded: Loaded | None = None
        self._error: Exception | None = None
        threading.Thread(target=self._run, daemon=True).start()

    @property
    def state(self) -> tuple[Saying, int, int]:
        """What is being loaded, how many were, of how many."""
        return self._state

    @property
    def failed(self) -> bool:
        """Whether it ended without a result."""
        return self._error is not None

    def wait(self, seconds: float) -> bool:
        """Wait no longer than that; say whether it has ended."""
        return self._done.wait(seconds)

    def result(self) -> Loaded:
        """What was loaded.

        Raises
        ------
        Exception
            What ended the loading.
        """
        self._done.wait()
        if self._error is not None:
            raise self._error
        return self._loaded

    def _run(self) -> None:
        try:
            self._loaded = self._load(self._say)
        except Exception as error:  # noqa: BLE001 - raised where it is waited for
            self._error = error
        self._done.set()

    def _say(self, what: Saying, done: int, of: int) -> None:
        self._state = (what, done, of)
