"""What methods are compared with: one of the study's own, or those of another study."""

from collections.abc import Mapping, Sequence

import streamlit as st

from core.language import N_, gettext
from core.results.two_studies import name_beside
from core.study import Study
from pages.shell.address import this_address
from pages.shell.choose import choose


def choose_reference(
    study: Study,
    methods: Sequence[str],
    labels: Mapping[str, str],
    others: Mapping[str, str] | None,
) -> tuple[str, str]:
    """Let the reader choose what the methods are compared with.

    Parameters
    ----------
    study : Study
    methods : sequence of str
        Those with runs, in order.
    labels : mapping of str to str
        What a reader sees for each method.
    others : mapping of str to str, optional
        Titles of the studies that share test images, by name; None on a page that
        cannot set another study beside the chosen one.

    Returns
    -------
    baseline : str
        One of the study's methods.
    other : str
        One of ``others``; empty where a method was chosen.
    """
    titles = {name_beside(name, ""): title for name, title in (others or {}).items()}
    options = [*dict.fromkeys((study.baseline, *methods)), *titles]
    key = f"bar_against_{study.name}"
    if others is not None:
        _preset_other(key, study.name, others)
    chosen = choose(
        gettext("Compared with"),
        options,
        labels=lambda option: (
            gettext("Another study: {study}", study=titles[option])
            if option in titles
            else labels.get(option, option)
        ),
        key=key,
        parameter="baseline",
        what=N_("method"),
        on_change=_remember_other,
        args=(key, study.name),
        width=320 if others else 260,
        help=gettext(
            "Differences and verdicts on every page are to this method; or of each "
            "method to the same one in another study of these test images."
        ),
    )
    other = chosen.removesuffix("/") if chosen in titles else ""
    if other:
        this_address().choose("baseline", ())
    if others is not None:
        this_address().choose("with", (other,))
    return (study.baseline if other else chosen), other


def _preset_other(key: str, study: str, others: Mapping[str, str]) -> None:
    """Give the chooser the other study that the address, or another page, asks for.

    Only some pages can set a study beside another: on the rest the study's own baseline
    stands until the reader comes back.
    """
    asked = this_address().take("with")
    if asked is not None:
        known = [name for name in asked if name in others]
        st.session_state[_other_key(study)] = known[0] if known else ""
        for name in set(asked) - set(known):
            what = N_("study of the same test images")
            this_address().name_unknown(what, name)
    if kept := st.session_state.get(_other_key(study)):
        this_address().take("baseline")
        st.session_state[key] = name_beside(kept, "")


def _remember_other(key: str, study: str) -> None:
    option = str(st.session_state[key])
    is_other = option.endswith("/")
    st.session_state[_other_key(study)] = option[:-1] if is_other else ""


def _other_key(study: str) -> str:
    return f"bar_beside_{study}"
