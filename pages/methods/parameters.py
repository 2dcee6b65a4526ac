"""Widgets for the parameters of a method, made from what the registry says of them."""

from collections.abc import Mapping, Sequence

import numpy as np
import streamlit as st

from core.language import gettext
from core.methods.entry import Entry, Parameter, Value
from core.plots.methods import short_number
from pages.shell.address import this_address
from pages.shell.choose import number_in, slider_format

PER_DECADE = 10
# A range so wide is travelled in decades.
DECADES_FROM = 1e3


def movable(entry: Entry) -> list[Parameter]:
    """The parameters that have a widget: numbers by group are left to a study."""
    return [p for p in entry.parameters if not isinstance(p.default, Mapping)]


def values_of(entry: Entry) -> dict[str, Value]:
    """Value of each parameter, as its widget was last left; else its default."""
    return {
        p.name: st.session_state.get(_key(entry, p), p.default) for p in movable(entry)
    }


def take_parameters(entries: Sequence[Entry]) -> None:
    """Set the widgets as a new address has them: ``<entry>.<parameter>:<value>``."""
    asked = this_address().take("set")
    if asked is None:
        return
    reset(entries)
    known = {
        f"{entry.name}.{parameter.name}": (entry, parameter)
        for entry in entries
        for parameter in movable(entry)
    }
    for one in asked:
        name, _, text = one.partition(":")
        value = _parsed(known[name][1], text) if name in known else None
        if value is None:
            this_address().name_unknown(gettext("slider"), one)
        else:
            st.session_state[_key(*known[name])] = value


def write_parameters(entries: Sequence[Entry]) -> None:
    """Put the parameters that are not at their defaults into the address."""
    moved = [
        f"{entry.name}.{parameter.name}:{value}"
        for entry in entries
        for parameter in movable(entry)
        if (value := values_of(entry)[parameter.name]) != parameter.default
    ]
    this_address().choose("set", moved)


def _parsed(parameter: Parameter, text: str) -> Value | None:
    """The value that an address gives; None where the widget cannot have it."""
    if parameter.choices:
        return text if text in parameter.choices else None
    if isinstance(parameter.default, bool):
        return {"True": True, "False": False}.get(text)
    options = _options(parameter)
    low, high = (min(options), max(options)) if options else _range(parameter)[:2]
    value = number_in(text, low, high)
    if value is None or (options and value not in options):
        return None
    kind = type(parameter.default)
    return kind(value) if kind(value) == value else None


def is_moved(entry: Entry) -> bool:
    """Whether a parameter is not at its default."""
    return values_of(entry) != {p.name: p.default for p in movable(entry)}


def reset(entries: Sequence[Entry]) -> None:
    """Put every parameter back to its default; for a button's callback."""
    for entry in entries:
        for parameter in movable(entry):
            st.session_state[_key(entry, parameter)] = parameter.default


def show_parameters(entry: Entry) -> None:
    """One widget a parameter, side by side where they fit."""
    # Two of them beside one another on a phone, so that the picture stays near.
    values = values_of(entry)
    with st.grid("auto", min_column_width=145, gap="small"):
        for parameter in movable(entry):
            _show(entry, parameter, parameter.idle_because(values))


def _show(entry: Entry, parameter: Parameter, idle: str) -> None:
    label = parameter.name.replace("_", " ")
    common = {
        "key": _key(entry, parameter),
        "persist_state": "session",
        "help": f"{_help(parameter)} {idle}".rstrip(),
        "disabled": bool(idle),
    }
    # Given a default and a state, a widget complains.
    fresh = common["key"] not in st.session_state
    start = {"value": parameter.default} if fresh else {}
    if parameter.choices:
        place = {"index": parameter.choices.index(parameter.default)} if fresh else {}
        st.selectbox(label, parameter.choices, **place, **common)
    elif isinstance(parameter.default, bool):
        st.toggle(label, **start, **common)
    elif options := _options(parameter):
        st.select_slider(label, options, format_func=short_number, **start, **common)
    else:
        low, high, step = _range(parameter)
        written = {"step": step, "format": slider_format("%g")}
        st.slider(label, low, high, **written, **start, **common)


def _key(entry: Entry, parameter: Parameter) -> str:
    return f"methods_{entry.name}_{parameter.name}"


def _help(parameter: Parameter) -> str:
    description = gettext(parameter.description)
    if parameter.choices or isinstance(parameter.default, bool):
        default = gettext("Default: {default}.", default=str(parameter.default))
        return f"{description} {default}"
    values = gettext(
        "Default: {default}; a study may set {low} to {high}.",
        default=short_number(parameter.default),
        low=short_number(parameter.minimum),
        high=short_number(parameter.maximum),
    )
    return f"{description} {values}"


def _options(parameter: Parameter) -> list[float]:
    """Stops of a slider that moves in decades; none where an even one will do."""
    default, low, high = parameter.default, parameter.minimum, parameter.maximum
    if isinstance(default, int):
        return []
    if high <= 1 and default > 0.99:
        # Towards 1, what is left to 1 counts.
        places = np.arange(2, int(-4 * np.log10(1 - high)) + 1) / 4
        stops = [low, *(1 - 10**-places)]
    elif low > 0 and high / low >= DECADES_FROM:
        decades = np.log10([low, high])
        count = round(PER_DECADE * float(np.ptp(decades))) + 1
        stops = np.logspace(*decades, count)
    else:
        return []
    figures = {float(f"{stop:.7g}" if high <= 1 else f"{stop:.2g}") for stop in stops}
    return sorted({s for s in figures if low <= s <= high} | {default})


def _range(parameter: Parameter) -> tuple[Value, Value, Value]:
    """Ends and step of a slider: the part of the range where something happens."""
    default, low, high = parameter.default, parameter.minimum, parameter.maximum
    if isinstance(default, int):
        end = min(high, max(5 * default, low + 10))
        return int(low), int(end), 2 if parameter.odd else 1
    end = float(min(high, max(2.0, 5 * default)))
    return float(low), end, 0.05 if end > 1 else 0.01
