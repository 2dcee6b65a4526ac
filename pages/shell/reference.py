"""What methods are compared with: one of the study's own, or those of another study."""

from collections.abc import Mapping, Sequence

import streamlit as st

from core.results.two_studies import name_beside
from core.study import Study
from core.text import code, to_markdown


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
    _preset_other(key, options, study.name, others)
    if len(options) < 2:
        return study.baseline, ""

    def remember() -> None:
        option = st.session_state[key]
        is_other = option in titles
        st.session_state[_other_key(study.name)] = option[:-1] if is_other else ""

    chosen = str(
        st.selectbox(
            "Compared with",
            options,
            format_func=lambda option: (
                f"Another study: {titles[option]}"
                if option in titles
                else labels.get(option, option)
            ),
            key=key,
            persist_state="session",
            on_change=remember,
            width=320 if others else 260,
            help="Differences and verdicts on every page are to this method; or of "
            "each method to the same one in another study of these test images.",
        )
    )
    other = chosen.removesuffix("/") if chosen in titles else ""
    if others is not None:
        _write_other(other)
    return (study.baseline if other else chosen), other


def _preset_other(
    key: str, options: list[str], study: str, others: Mapping[str, str] | None
) -> None:
    """Give the chooser the other study that the address, or another page, asks for.

    Only some pages can set a study beside another: on the rest the study's own baseline
    stands until the reader comes back.
    """
    asked, known = st.query_params.get("with"), _other_key(study)
    if others is not None:
        if asked is not None and asked != st.session_state.get("bar_with"):
            if asked in others:
                st.session_state[known] = asked
            else:
                st.warning(
                    to_markdown(
                        f"There is no study {code(asked[:64])} that shares test images "
                        "with this one."
                    )
                )
        if kept := st.session_state.get(known):
            st.session_state[key] = name_beside(kept, "")
    if key in st.session_state and st.session_state[key] not in options:
        st.session_state[key] = options[0]


def _write_other(other: str) -> None:
    """Keep ``?with=`` in the address in step with the choice."""
    st.session_state["bar_with"] = other or None
    if other and st.query_params.get("with") != other:
        st.query_params["with"] = other
    elif not other and "with" in st.query_params:
        del st.query_params["with"]


def _other_key(study: str) -> str:
    return f"bar_beside_{study}"
