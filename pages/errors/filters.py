"""Which images the Errors page shows: by truth, answer, group and agreement."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
import streamlit as st
from numpy.typing import NDArray

from core.evaluation.answers import ANY, agreeing, agreement_kinds
from core.evaluation.slice_features import truth_feature
from core.language import gettext
from core.plots import answers as plots
from core.plots.formatting import feature_label
from core.tasks import Regression, natural_order
from core.text import number
from core.views.answers import TaskErrors
from core.views.gallery import matching_images
from core.views.slice_features import load_slice_features
from core.views.study_view import StudyView
from pages.shell.address import this_address
from pages.shell.choose import choose

WIDTH = 190


@dataclass(frozen=True)
class Chosen:
    """What the filters leave.

    Parameters
    ----------
    mask : bool array, shape (images,)
    filters : tuple of str
        What is chosen in each filter: truth, answer, groups, agreement.
    """

    mask: NDArray[np.bool_]
    filters: tuple[str, ...]

    @property
    def is_of_right_answers(self) -> bool:
        """Whether truth and answer are filtered by one class."""
        truth, answer, *_ = self.filters
        return bool(truth) and truth == answer


def filter_images(view: StudyView, method: str, found: TaskErrors) -> Chosen:
    """Choosers of truth, answer, groups and agreement, and what they leave."""
    answers = found.answers
    key = _task_key(view, found)
    is_number = isinstance(answers.task, Regression)
    what = gettext("bin") if is_number else gettext("class")
    label = view.labels[method]
    headings = {
        "truth": gettext("Truth"),
        "predicted": gettext("{method} says", method=label),
    }
    sides = {}
    with st.container(horizontal=True, vertical_alignment="bottom"):
        for name, heading in headings.items():
            sides[name] = choose(
                heading,
                ["", *answers.categories],
                labels=_or_any,
                key=f"errors_{name}_{key}",
                parameter=name,
                what=what,
                width=WIDTH,
            )
        further = _further_groups(view, found)
        groups = _choose_groups(view, found, further)
        mask = matching_images(found, method, **sides, groups=groups, further=further)
        agree = _choose_agreement(view, found, mask)
        _offer_clearing(view, found)
    if agree != ANY:
        mask &= agreeing(answers, agree)
    return Chosen(mask, (*sides.values(), *_where(groups), agree))


def _further_groups(view: StudyView, found: TaskErrors) -> pd.DataFrame:
    """Groups of features that only a link to the images of a slice asks for.

    They stay as long as the reader looks at the study.
    """
    key = f"errors_further_{view.study.name}"
    wanted = dict.fromkeys(st.session_state.get(key, ()))
    for value in this_address().asked.get("where", ()):
        wanted[value.partition(":")[0]] = None
    own = {*found.features, truth_feature(found.answers.task)}
    names = [name for name in wanted if name not in own]
    if not names:
        return pd.DataFrame(index=found.images.index)
    groups = load_slice_features(view).groups
    names = [name for name in names if name in groups]
    st.session_state[key] = names
    # The images are those of the chosen runs, in their order.
    return groups[names].reindex(found.images["image_id"]).astype(str)


def _choose_groups(
    view: StudyView, found: TaskErrors, further: pd.DataFrame
) -> dict[str, str]:
    """The chosen group of each feature that the images are filtered by."""
    asked = this_address().take("where")
    wanted = dict(value.partition(":")[::2] for value in asked or ())
    features = (*found.features, *further.columns)
    for feature in wanted.keys() - set(features):
        this_address().name_unknown(gettext("feature"), feature)
    chosen = {}
    for feature in features:
        key, groups = _group_key(view, feature), _groups(view, found, further, feature)
        if asked is not None:
            st.session_state[key] = group = wanted.get(feature, "")
            if group and group not in groups:
                this_address().name_unknown(gettext("group"), group)
        if group := choose(
            feature_label(feature),
            ["", *groups],
            labels=_or_any,
            key=key,
            always=True,
            width=WIDTH,
        ):
            chosen[feature] = group
    this_address().choose("where", _where(chosen))
    return chosen


def _where(groups: Mapping[str, str]) -> list[str]:
    """The chosen groups as the address has them."""
    return [f"{feature}:{group}" for feature, group in groups.items()]


def _or_any(name: str) -> str:
    return name or gettext("Any")


def _group_key(view: StudyView, feature: str) -> str:
    return f"errors_group_{feature}_{view.study.name}"


def _task_key(view: StudyView, found: TaskErrors) -> str:
    return f"{view.study.name}_{found.answers.task.name}"


def _offer_clearing(view: StudyView, found: TaskErrors) -> None:
    """A button that sets every filter to Any."""
    key = _task_key(view, found)
    keys = {f"errors_{name}_{key}": "" for name in ("truth", "predicted")}
    further = st.session_state.get(f"errors_further_{view.study.name}", ())
    features = (*found.features, *further)
    keys |= {_group_key(view, feature): "" for feature in features}
    keys[_agreement_key(view, found)] = ANY
    st.button(
        gettext("Clear the filters"),
        icon=":material/filter_alt_off:",
        key="errors_clear",
        type="tertiary",
        on_click=st.session_state.update,
        args=(keys,),
        disabled=all(st.session_state.get(k) == v for k, v in keys.items()),
    )


def _agreement_key(view: StudyView, found: TaskErrors) -> str:
    return f"errors_agree_{view.study.name}_{found.answers.task.kind}"


def _groups(
    view: StudyView, found: TaskErrors, further: pd.DataFrame, feature: str
) -> list[str]:
    """Groups of a feature that have images, in the order of the dataset."""
    images = found.images if feature in found.images else further
    there = set(images[feature].unique())
    known = view.dataset.sensitive_features.get(feature, ())
    for task in view.tasks:
        if isinstance(task, Regression) and feature == f"{task.name}_bin":
            known = task.bin_labels
    return [*(g for g in known if g in there), *natural_order(there - set(known))]


def _choose_agreement(
    view: StudyView, found: TaskErrors, mask: NDArray[np.bool_]
) -> str:
    """Which methods are right; each way says how many images it leaves."""
    answers = found.answers
    task = answers.task
    kinds = agreement_kinds(answers.methods)
    counts = {kind: int((mask & agreeing(answers, kind)).sum()) for kind in kinds}
    unit = gettext(task.unit) if isinstance(task, Regression) else ""
    return choose(
        gettext("Agreement"),
        kinds,
        default=ANY,
        labels=lambda kind: (
            plots.agreement_name(kind, view.labels, len(answers.methods), unit)
            + f" ({number(counts[kind], 0)})"
        ),
        key=_agreement_key(view, found),
        parameter="agree",
        what=gettext("agreement"),
        width=300,
        help=gettext(
            "Among many methods some image is right by one alone by chance: that is no "
            "evidence for it."
        ),
    )
