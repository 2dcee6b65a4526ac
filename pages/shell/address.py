"""The address of a page: it holds what is looked at, and a link opens that again."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import wraps
from typing import NoReturn, ParamSpec

import streamlit as st
from streamlit.delta_generator import DeltaGenerator
from streamlit.runtime.scriptrunner import get_script_run_ctx

from core.errors import NothingToShow
from core.file_stamps import one_visit
from core.language import gettext, language, speaking
from core.text import code, listed, to_markdown
from pages.shell.language import PARAMETER as LANGUAGE
from pages.shell.language import language_in_address
from pages.shell.patches import give_memory_back

Given = ParamSpec("Given")
ERRORS_PAGE = "pages/errors/page.py"
# Of Errors: what stands first, where a link is about what changed.
CHANGED = "changed"
# Parameters of the bar, which a link to another page takes along.
BAR = ("methods", "seeds", "baseline", "with")
_STATE = "address"
_LONGEST_SHOWN = 64


@dataclass
class Address:
    """What a link asks for; a page takes each parameter from it once.

    Parameters
    ----------
    page : str
        Which page it is of.
    is_new : bool
        Whether someone else wrote the address: a link, the reader, the browser's back.
    seen : mapping of str to tuple of str
        Values by parameter, as the page found them.
    place : DeltaGenerator
        Where values that do not exist here are named.
    sent : mapping of str to tuple of str, or None
        Values as the page last wrote them.
    is_read : bool
        Whether the page that runs has read it.
    left : mapping of str to tuple of str, or None
        What the reader went back from, to the address before: written again, it would
        hold the reader on the page.
    """

    page: str
    is_new: bool
    seen: Mapping[str, tuple[str, ...]]
    place: DeltaGenerator
    sent: Mapping[str, tuple[str, ...]] | None = None
    is_read: bool = True
    left: Mapping[str, tuple[str, ...]] | None = None
    _taken: set[str] = field(default_factory=set)
    _chosen: dict[str, tuple[str, ...]] = field(default_factory=dict)
    _unknown: list[str] = field(default_factory=list)

    @property
    def latest(self) -> Mapping[str, tuple[str, ...]]:
        """Values as the page wrote them; as it found them until it did."""
        return self.seen if self.sent is None else self.sent

    @property
    def asked(self) -> Mapping[str, tuple[str, ...]]:
        """Values of a new address by parameter; of the page's own there are none."""
        return self.seen if self.is_new else {}

    def take(self, parameter: str) -> tuple[str, ...] | None:
        """Values that a new address gives a parameter; empty where it gives none.

        None where the address is this page's own, and when it is asked again: from
        then on the reader decides.
        """
        if not self.is_new or parameter in self._taken:
            return None
        self._taken.add(parameter)
        return self.asked.get(parameter, ())

    def name_unknown(self, what: str, value: str) -> None:
        """Say that the address asks for something that does not exist here.

        ``what`` is said by ``gettext``.
        """
        self._unknown.append(f"{gettext(what)} {code(value[:_LONGEST_SHOWN])}")
        self.place.warning(
            to_markdown(
                gettext(
                    "The address names what is not here: {names}. Everything else is "
                    "shown as asked.",
                    names=listed(self._unknown),
                )
            )
        )

    def choose(self, parameter: str, values: Sequence[str]) -> None:
        """Note what a parameter is now; without a value it is not in the address."""
        self._chosen[parameter] = tuple(value for value in values if value)

    def forget(self, *, but: str) -> None:
        """Take all parameters but one out of the address."""
        names = self.seen.keys() | self._chosen.keys() | _values().keys()
        self._taken |= names
        self._chosen |= dict.fromkeys(names - {but}, ())

    def send(self) -> None:
        """Write the address: once, since each writing is a step of the browser's back.

        What a link asks for and no widget has taken yet stays.
        """
        now = _values()
        waiting = {n: v for n, v in self.asked.items() if n not in self._taken}
        chosen = {**now, **waiting, **self._chosen}
        values = {name: given for name, given in chosen.items() if given}
        if values not in (now, self.left):
            st.query_params.from_dict({**values, **language_in_address()})
        self.sent = _values()


def read_address(page: str) -> Address:
    """Read the address at the start of a page; ``this_address`` gives it again.

    A run that was interrupted goes on where it was: what a widget has taken from the
    address is the reader's from then on.
    """
    values, before = _values(), st.session_state.get(_STATE)
    place = st.empty()
    if before is not None and before.page == page and values == before.latest:
        before.place, before._unknown, before.is_read = place, [], True
        return before
    is_new = bool(values) and (before is None or values != before.sent)
    address = Address(page, is_new, values, place)
    if before is not None and before.page == page:
        address.left = before.sent
    st.session_state[_STATE] = address
    return address


def this_address() -> Address:
    """The address as the page read it."""
    return st.session_state[_STATE]


class PageEnded(Exception):
    """Ends a page, or a fragment of one, that has nothing more to show."""


def end_page() -> NoReturn:
    """End the page here. Unlike after ``st.stop``, its choices reach the address."""
    raise PageEnded


def run_page(main: Callable[[], object]) -> None:
    """Run a page, and write what was chosen on it into its address."""
    if (before := st.session_state.get(_STATE)) is not None:
        before.is_read = False
    # The language is looked up once, and not at each number that is written.
    with (
        one_visit(),
        suppress(PageEnded),
        speaking(language()),
        saying_what_is_missing(),
    ):
        main()
    _send()
    give_memory_back()


def fragment(part: Callable[Given, None]) -> Callable[Given, None]:
    """A part of a page that runs again by itself; its choices reach the address too."""

    @st.fragment
    @wraps(part)
    def run(*args: Given.args, **options: Given.kwargs) -> None:
        # That module needs this one.
        from pages.shell.show import saying_why_not

        with (
            one_visit(),
            suppress(PageEnded),
            speaking(language()),
            saying_why_not(),
        ):
            part(*args, **options)
        context = get_script_run_ctx()
        if context is not None and context.fragment_ids_this_run:
            _send()

    return run


@contextmanager
def saying_what_is_missing() -> Iterator[None]:
    """In place of a view that has nothing to show, say why."""
    try:
        yield
    except NothingToShow as reason:
        st.info(to_markdown(reason.problem), icon=":material/info:")


def open_errors(study: str, **values: str | Sequence[str]) -> None:
    """Leave for the Errors page; ``values`` are parameters of its address.

    Methods, seeds and what they are compared with go along.
    """
    bar = {name: v for name in BAR if (v := st.query_params.get_all(name))}
    asked = {"study": study, **bar, **values, **language_in_address()}
    st.switch_page(ERRORS_PAGE, query_params=asked)


def _send() -> None:
    address = st.session_state.get(_STATE)
    # A page without a bar has no address of its own.
    if address is not None and address.is_read:
        address.send()


def _values() -> dict[str, tuple[str, ...]]:
    """What the address asks for; the language is the reader's on every page."""
    names = (name for name in st.query_params if name != LANGUAGE)
    return {name: tuple(st.query_params.get_all(name)) for name in names}
