"""The address of a page: it holds what is looked at, and a link opens that again."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from core.text import code, listed, to_markdown

ERRORS_PAGE = "pages/errors/page.py"
_STATE, _WRITTEN = "address", "address_written"
_LONGEST_SHOWN = 64


@dataclass
class Address:
    """What a link asks for; a page takes each parameter from it once.

    Parameters
    ----------
    is_new : bool
        Whether someone else wrote the address: a link, the reader, the browser's back.
    asked : mapping of str to tuple of str
        Values by parameter, where the address is new.
    place : DeltaGenerator
        Where values that do not exist here are named.
    """

    is_new: bool
    asked: Mapping[str, tuple[str, ...]]
    place: DeltaGenerator
    _taken: set[str] = field(default_factory=set)
    _unknown: list[str] = field(default_factory=list)

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
        """Say that the address asks for something that does not exist here."""
        self._unknown.append(f"{what} {code(value[:_LONGEST_SHOWN])}")
        self.place.warning(
            to_markdown(
                f"The address asks for what is not here: {listed(self._unknown)}. All "
                "else is as it asks."
            )
        )


def read_address() -> Address:
    """Read the address at the start of a page; ``this_address`` gives it again."""
    values = _values()
    is_new = bool(values) and values != st.session_state.get(_WRITTEN)
    address = Address(is_new, values if is_new else {}, st.empty())
    st.session_state[_STATE] = address
    return address


def this_address() -> Address:
    """The address as the page read it."""
    return st.session_state[_STATE]


def write_address(parameter: str, values: Sequence[str]) -> None:
    """Put one parameter into the address, or take it out where it has no value."""
    given = [value for value in values if value]
    if given and st.query_params.get_all(parameter) != given:
        st.query_params[parameter] = given
    elif not given and parameter in st.query_params:
        del st.query_params[parameter]
    st.session_state[_WRITTEN] = _values()


def forget_address(*, but: str) -> None:
    """Take all parameters but one out of the address."""
    for parameter in [name for name in st.query_params if name != but]:
        write_address(parameter, ())


def open_errors(study: str, **values: str) -> None:
    """Leave for the Errors page; ``values`` are parameters of its address."""
    st.switch_page(ERRORS_PAGE, query_params={"study": study, **values})


def _values() -> dict[str, tuple[str, ...]]:
    return {name: tuple(st.query_params.get_all(name)) for name in st.query_params}
