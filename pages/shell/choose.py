"""One way to choose: a widget, its place in the address, and what is kept of it."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, TypeVar

import streamlit as st

from core.language import ENGLISH, N_, gettext, language
from core.tasks import Task
from core.text import to_markdown
from pages.shell.address import this_address

AnyTask = TypeVar("AnyTask", bound=Task)
AnyNumber = TypeVar("AnyNumber", int, float)
Labels = Mapping[str, str] | Callable[[str], str] | None
_KEPT = "chosen"
# In an address: several can be chosen, and none is.
NONE = "none"
_SWITCH = {"yes": True, "no": False}


def choose(
    label: str,
    options: Sequence[str],
    *,
    key: str,
    parameter: str = "",
    default: str | None = None,
    labels: Labels = None,
    what: str = "",
    spelled_out: bool = False,
    always: bool = False,
    is_segmented: bool = False,
    **widget: Any,
) -> str:
    """Let the reader choose one of several; the only one is taken unasked.

    A new address decides first, then what was chosen before, then the default.

    Parameters
    ----------
    label : str
        Of the widget.
    options : sequence of str
        At least one.
    key : str
        Of the widget in the session; begins with the page's name.
    parameter : str
        Its name in the address; without one the address does not hold it.
    default : str, optional
        The first option unless given.
    labels : mapping or callable, optional
        What the reader sees for an option.
    what : str
        What is chosen, where the address asks for one that does not exist, said by
        ``gettext``; ``parameter`` unless given.
    spelled_out : bool
        Whether the address holds the default too.
    always : bool
        Whether a single option is drawn as well.
    is_segmented : bool
        Whether all options are seen side by side; for few and short ones.
    **widget
        Further arguments of Streamlit's ``selectbox`` or ``segmented_control``.
    """
    usual = options[0] if default is None else default
    _preset(key, options, parameter, what, usual)
    show = _shown(labels)
    if len(options) == 1 and not always:
        chosen = options[0]
    elif is_segmented:
        chosen = st.segmented_control(
            to_markdown(label),
            options,
            required=True,
            format_func=partial(_in_markdown, show),
            key=key,
            **widget,
        )
    else:
        chosen = st.selectbox(
            to_markdown(label),
            options,
            format_func=show,
            key=key,
            **widget,
        )
    _keep(key, chosen)
    if parameter:
        values = () if chosen == usual and not spelled_out else (chosen,)
        this_address().choose(parameter, values)
    return chosen


def choose_several(
    label: str,
    options: Sequence[str],
    *,
    key: str,
    parameter: str = "",
    default: Sequence[str] | None = None,
    labels: Labels = None,
    what: str = "",
    **widget: Any,
) -> tuple[str, ...]:
    """Let the reader choose any of several, in the options' order; all by default.

    As ``choose``; the address holds what is not the default.
    """
    usual = tuple(options if default is None else default)
    _preset_several(key, options, parameter, what, usual)
    show = _shown(labels)
    picked = st.pills(
        to_markdown(label),
        options,
        selection_mode="multi",
        format_func=partial(_in_markdown, show),
        key=key,
        **widget,
    )
    chosen = tuple(option for option in options if option in picked)
    _keep(key, list(chosen))
    if parameter:
        values = () if chosen == usual else chosen or (NONE,)
        this_address().choose(parameter, values)
    return chosen


def choose_whether(
    label: str, *, key: str, parameter: str = "", default: bool = False, **widget: Any
) -> bool:
    """Let the reader switch something on or off.

    As ``choose``; the address holds ``yes`` or ``no`` where that is not the default.
    """
    asked = this_address().take(parameter) if parameter else None
    now = chosen_before(key)
    value = default if now is None or asked is not None else now
    if asked:
        if asked[0] in _SWITCH:
            value = _SWITCH[asked[0]]
        else:
            this_address().name_unknown(parameter, asked[0])
    st.session_state[key] = value
    chosen = st.toggle(to_markdown(label), key=key, **widget)
    _keep(key, chosen)
    if parameter:
        values = () if chosen == default else ("yes" if chosen else "no",)
        this_address().choose(parameter, values)
    return chosen


def choose_number(
    label: str,
    low: AnyNumber,
    high: AnyNumber,
    default: AnyNumber,
    *,
    key: str,
    parameter: str = "",
    draw: Callable[..., Any] = st.slider,
    **widget: Any,
) -> AnyNumber:
    """Let the reader choose a number from ``low`` to ``high``, both included.

    As ``choose``; ``draw`` is ``st.slider`` or ``st.number_input``. A number of the
    address outside the range, or with decimals where there are none, does not exist.
    """
    asked = this_address().take(parameter) if parameter else None
    now = chosen_before(key)
    value = default if now is None or asked is not None else now
    if asked:
        found = number_in(asked[0], low, high)
        if found is None or found != type(default)(found):
            this_address().name_unknown(parameter, asked[0])
        else:
            value = type(default)(found)
    st.session_state[key] = min(max(value, low), high)
    chosen: AnyNumber = draw(to_markdown(label), low, high, key=key, **widget)
    _keep(key, chosen)
    if parameter:
        values = () if chosen == default else (f"{chosen:g}",)
        this_address().choose(parameter, values)
    return chosen


def slider_format(english: str) -> str:
    """The format of a slider's numbers: ``english``, or that of the reader's browser.

    Streamlit's own formats have a point. In a field for a number there is no choice:
    the browser alone writes it, with a comma or a point.
    """
    return english if language() == ENGLISH else "localized"


def number_in(text: str, low: float, high: float) -> float | None:
    """The number that an address gives, where it is one and in the range."""
    try:
        number = float(text)
    except ValueError:
        return None
    return number if low <= number <= high else None


def choose_task(
    tasks: Sequence[AnyTask], *, key: str, parameter: str = "task"
) -> AnyTask:
    """Let the reader choose one of the tasks; the only one is taken unasked."""
    by_name = {task.name: task for task in tasks}
    name = choose(
        gettext("Task"),
        list(by_name),
        labels=lambda name: gettext(by_name[name].label),
        key=key,
        parameter=parameter,
        what=N_("task"),
        spelled_out=True,
        is_segmented=True,
    )
    return by_name[name]


def chosen_before(key: str) -> Any:
    """What was chosen last under a key, on whichever page; None where nothing was."""
    return st.session_state.get(key, _kept().get(key))


def _preset(
    key: str, options: Sequence[str], parameter: str, what: str, usual: str
) -> None:
    """Give a chooser its value before it is drawn.

    In every run, since on another page Streamlit begins with the widget's own default.
    """
    asked = this_address().take(parameter) if parameter else None
    if asked is not None:
        wanted = asked[0] if asked else usual
        if wanted not in options:
            this_address().name_unknown(what or parameter, wanted)
            wanted = usual
        st.session_state[key] = wanted
        return
    now = chosen_before(key)
    st.session_state[key] = now if now in options else usual


def _preset_several(
    key: str,
    options: Sequence[str],
    parameter: str,
    what: str,
    usual: Sequence[str],
) -> None:
    """As ``_preset``; of what an address asks for, all that exists."""
    asked = this_address().take(parameter) if parameter else None
    if asked is not None:
        for value in asked:
            if value not in (*options, NONE):
                this_address().name_unknown(what or parameter, value)
        found = [value for value in asked if value in options]
        # An address that names only what does not exist here asks for nothing.
        st.session_state[key] = found if found or asked == (NONE,) else list(usual)
        return
    now = chosen_before(key)
    found = usual if now is None else [value for value in now if value in options]
    st.session_state[key] = list(found)


def _keep(key: str, value: object) -> None:
    """Streamlit keeps what a reader chose, and forgets what an address did."""
    _kept()[key] = value


def _kept() -> dict[str, Any]:
    return st.session_state.setdefault(_KEPT, {})


def _in_markdown(show: Callable[[str], str], option: str) -> str:
    return to_markdown(show(option))


def _shown(labels: Labels) -> Callable[[str], str]:
    if labels is None:
        return str
    return labels if callable(labels) else labels.__getitem__
