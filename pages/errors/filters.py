"""Which images the Errors page shows: by truth, answer, group and agreement."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from core.evaluation.answers import ANY, agreeing, agreement_kinds
from core.plots import answers as plots
from core.plots.formatting import feature_label
from core.tasks import Regression, natural_order
from core.text import to_markdown
from pages.shell.address import Asked, preset
from pages.shell.answers import TaskErrors
from pages.shell.study_bar import StudyView

WIDTH = 190


@dataclass(frozen=True)
class Chosen:
    """What the filters leave.

    Parameters
    ----------
    mask : bool array, shape (images,)
    address : dict of str to list of str
        What the filters are, for the address.
    """

    mask: NDArray[np.bool_]
    address: dict[str, list[str]]


def filter_images(
    view: StudyView, method: str, found: TaskErrors, asked: Asked
) -> Chosen:
    """Choosers of truth, answer, groups and agreement, and what they leave."""
    answers, images = found.answers, found.images
    key = _task_key(view, found)
    mask = np.ones(len(images), bool)
    address: dict[str, list[str]] = {"where": []}
    what = "bin" if isinstance(answers.task, Regression) else "class"
    label = view.labels[method]
    sides = {
        "truth": ("Truth", answers.true_category),
        "predicted": (f"{label} says", answers.answered_category(method)),
    }
    with st.container(horizontal=True, vertical_alignment="bottom"):
        for name, (heading, ids) in sides.items():
            value = _choose(
                heading,
                f"errors_{name}_{key}",
                answers.categories,
                asked,
                asked.get(name),
                what,
            )
            if value:
                mask &= ids == answers.categories.index(value)
                address[name] = [value]
        for feature in found.features:
            groups = _groups(view, found, feature)
            value = _choose(
                feature_label(feature),
                f"errors_group_{feature}_{view.study.name}",
                groups,
                asked,
                asked.group(feature),
                "group",
            )
            if value:
                mask &= (images[feature] == value).to_numpy()
                address["where"].append(f"{feature}:{value}")
        agree = _choose_agreement(view, found, mask, asked)
        _offer_clearing(view, found)
    _name_unknown(asked, found)
    if agree != ANY:
        mask &= agreeing(answers, agree)
        address["agree"] = [agree]
    return Chosen(mask, address)


def _name_unknown(asked: Asked, found: TaskErrors) -> None:
    """Features that an address filters by and that these images do not have."""
    for value in asked.values.get("where", ()):
        feature = value.partition(":")[0]
        if feature not in found.features:
            asked.name_unknown("feature", feature)


def _task_key(view: StudyView, found: TaskErrors) -> str:
    return f"{view.study.name}_{found.answers.task.name}"


def _offer_clearing(view: StudyView, found: TaskErrors) -> None:
    """A button that sets every filter to Any."""
    key = _task_key(view, found)
    keys = {f"errors_{name}_{key}": "" for name in ("truth", "predicted")}
    keys |= {f"errors_group_{name}_{view.study.name}": "" for name in found.features}
    keys[_agreement_key(view, found)] = ANY
    st.button(
        "Clear the filters",
        icon=":material/filter_alt_off:",
        key="errors_clear",
        type="tertiary",
        on_click=st.session_state.update,
        args=(keys,),
        disabled=all(st.session_state.get(k) == v for k, v in keys.items()),
    )


def _agreement_key(view: StudyView, found: TaskErrors) -> str:
    return f"errors_agree_{view.study.name}_{found.answers.task.kind}"


def _groups(view: StudyView, found: TaskErrors, feature: str) -> list[str]:
    """Groups of a feature that have images, in the order of the dataset."""
    there = set(found.images[feature].unique())
    known = view.dataset.sensitive_features.get(feature, ())
    for task in view.tasks:
        if isinstance(task, Regression) and feature == f"{task.name}_bin":
            known = task.bin_labels
    return [*(g for g in known if g in there), *natural_order(there - set(known))]


def _choose(
    heading: str,
    key: str,
    options: Sequence[str],
    asked: Asked,
    wanted: str | None,
    what: str,
) -> str:
    preset(key, ["", *options], asked=asked, wanted=wanted, what=what)
    return st.selectbox(
        to_markdown(heading),
        ["", *options],
        format_func=lambda name: name or "Any",
        key=key,
        persist_state="session",
        width=WIDTH,
    )


def _choose_agreement(
    view: StudyView, found: TaskErrors, mask: NDArray[np.bool_], asked: Asked
) -> str:
    """Which methods are right; each way says how many images it leaves."""
    answers = found.answers
    task = answers.task
    kinds = agreement_kinds(answers.methods)
    counts = {kind: int((mask & agreeing(answers, kind)).sum()) for kind in kinds}
    unit = task.unit if isinstance(task, Regression) else ""
    key = _agreement_key(view, found)
    preset(
        key,
        kinds,
        asked=asked,
        wanted=asked.get("agree"),
        what="agreement",
        default=ANY,
    )
    return st.selectbox(
        "Agreement",
        kinds,
        format_func=lambda kind: (
            plots.agreement_name(kind, view.labels, len(answers.methods), unit)
            + f" ({counts[kind]:,})"
        ),
        key=key,
        persist_state="session",
        width=300,
        help="Among many methods some image is right by one alone by chance: that is "
        "no evidence for it.",
    )
