"""The address of the Errors page: a link opens what was looked at."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from core.text import code, listed, to_markdown

PAGE = "pages/errors/page.py"
PARAMETERS = (
    "task",
    "method",
    "truth",
    "predicted",
    "where",
    "agree",
    "order",
    "page",
)
_LAST = "errors_address"
_SHOWN = 64


@dataclass(frozen=True)
class Asked:
    """What a new address asks for; empty where the address is that of this page.

    Parameters
    ----------
    values : mapping of str to tuple of str
        By parameter; ``where`` may have several.
    is_new : bool
    place : DeltaGenerator
        Where it is said what of it there is not.
    unknown : list of str
        What there is not, as the choosers find it.
    """

    place: DeltaGenerator
    values: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    is_new: bool = False
    unknown: list[str] = field(default_factory=list)

    def get(self, name: str) -> str | None:
        """The first value of a parameter."""
        return next(iter(self.values.get(name, ())), None)

    def group(self, feature: str) -> str | None:
        """The group that ``where=<feature>:<group>`` asks for."""
        for value in self.values.get("where", ()):
            name, _, group = value.partition(":")
            if name == feature:
                return group
        return None

    def name_unknown(self, what: str, name: str) -> None:
        """Note that there is no such thing."""
        shown = name[:_SHOWN]
        self.unknown.append(f"{what} {code(shown)}")


def read_address() -> Asked:
    """What the address asks for, when it is not the one that this page wrote."""
    values, place = _values(), st.container()
    if not values or values == st.session_state.get(_LAST):
        return Asked(place)
    return Asked(place, values, is_new=True)


def preset(
    key: str,
    options: Sequence[str],
    *,
    asked: Asked,
    wanted: str | None,
    what: str,
    default: str = "",
) -> None:
    """Give a chooser its value before it is drawn.

    A new address decides, and what it does not name takes its default; else the choice
    stays, as long as it is among the options.

    Parameters
    ----------
    key : str
        Of the widget.
    options : sequence of str
    asked : Asked
    wanted : str or None
        What the address asks for.
    what : str
        What is chosen, for ``Asked.unknown``.
    default : str
    """
    if asked.is_new:
        if wanted is not None and wanted not in options:
            asked.name_unknown(what, wanted)
        st.session_state[key] = wanted if wanted in options else default
    elif st.session_state.get(key) not in options:
        st.session_state[key] = default


def write_address(values: Mapping[str, Sequence[str]], asked: Asked) -> None:
    """Write what is looked at into the address; what is empty is left out.

    Says what the address asked for that is not there.
    """
    if asked.unknown:
        asked.place.warning(
            to_markdown(
                f"The address asks for what is not here: {listed(asked.unknown)}. All "
                "else is as it asks."
            )
        )
    for name in PARAMETERS:
        given = [value for value in values.get(name, ()) if value]
        if given and st.query_params.get_all(name) != given:
            st.query_params[name] = given
        elif not given and name in st.query_params:
            del st.query_params[name]
    st.session_state[_LAST] = _values()


def open_errors(study: str, **values: str) -> None:
    """Leave for the Errors page; ``values`` are some of ``PARAMETERS``."""
    st.switch_page(PAGE, query_params={"study": study, **values})


def _values() -> dict[str, tuple[str, ...]]:
    return {
        name: tuple(st.query_params.get_all(name))
        for name in PARAMETERS
        if name in st.query_params
    }
