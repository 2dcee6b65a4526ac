"""What is predicted of images: as it was understood, until a person changes it."""

from collections.abc import Mapping, Sequence
from typing import Any

import streamlit as st
from pydantic import ValidationError

from core.data.column_roles import (
    FEW_NUMBERS,
    MAX_GROUPS,
    ColumnFacts,
    Roles,
    default_range,
    is_split,
    order_pair,
    round_width,
)
from core.data.image_listing import CLASS_FOLDER, SPLIT_FOLDER, ImageListing
from core.data.readers.image_table import DRAWN, ImageTableOptions
from core.importing.image_findings import refusal
from core.language import N_, gettext
from core.text import to_markdown
from pages.shell.findings import show_findings
from pages.shell.show import stop_with

KINDS = {"classes": N_("Classes"), "number": N_("A number")}
NONE = ""


def choose_columns(
    key: str, listing: ImageListing, facts: Mapping[str, ColumnFacts], roles: Roles
) -> ImageTableOptions:
    """The role of each column, as proposed or as chosen.

    Parameters
    ----------
    key : str
        Of the images, for the keys of the elements.
    listing, facts, roles
        As they were understood.
    """
    usable = [name for name in facts if name != SPLIT_FOLDER]
    if not usable:
        stop_with(
            gettext(
                "There is nothing to predict: the pictures do not lie in class "
                "folders, and there is no table beside them. Put them into one folder "
                "for each class, or add a table with a row for each picture."
            )
        )
    targets = st.multiselect(
        gettext("What is predicted"),
        usable,
        default=list(roles.targets),
        format_func=name_of_column,
        key=f"images_targets_{key}",
        help=gettext("One model answers all of them; remedies act on the first."),
    )
    if not targets:
        stop_with(gettext("Choose at least one column that is to be predicted."))
    given: dict[str, Any] = {
        "table": listing.table,
        "image": listing.image,
        "numbers": {},
        "two_classes": {},
        "classes": [],
        "units": {},
        "labels": {},
        "bins": {},
    }
    for name in targets:
        _choose_target(f"{key}_{name}", facts[name], given)
    _choose_others(key, facts, roles, targets, given)
    try:
        return ImageTableOptions.model_validate(given)
    except ValidationError as error:
        show_findings([refusal(error)], name="columns")
        stop_with(gettext("Correct this above; then the images are looked at."))


def name_of_column(name: str) -> str:
    """The name of a column; those that are none of the table's are said in words."""
    if name == NONE:
        return gettext("(none)")
    if name == CLASS_FOLDER:
        return gettext("The class folder")
    if name == SPLIT_FOLDER:
        return gettext("Folders train and test")
    if name == DRAWN:
        return gettext("Drawn at random")
    return name


def _choose_target(key: str, facts: ColumnFacts, given: dict[str, Any]) -> None:
    """The kind of a target, and which class is positive or which range it has."""
    name = facts.name
    kind = "classes"
    with st.container(horizontal=True, vertical_alignment="bottom"):
        if facts.is_numeric and facts.distinct > 2:
            is_few = facts.is_whole and facts.distinct <= FEW_NUMBERS
            kind = st.segmented_control(
                to_markdown(name_of_column(name)),
                list(KINDS),
                default="classes" if is_few else "number",
                required=True,
                format_func=lambda kind: gettext(KINDS[kind]),
                key=f"images_kind_{key}",
            )
        if kind == "number":
            given["numbers"][name] = _choose_range(key, facts)
            unit = st.text_input(
                gettext("Unit"),
                placeholder=gettext("units"),
                key=f"images_unit_{key}",
                width=140,
            )
            if unit.strip():
                given["units"][name] = unit.strip()
            return
        if facts.distinct == 2:
            pair = order_pair(list(facts.counts.index), facts.counts.to_dict())
            positive = st.selectbox(
                gettext("Positive class")
                if name == CLASS_FOLDER
                else to_markdown(gettext("Positive class of '{column}'", column=name)),
                pair,
                index=1,
                key=f"images_positive_{key}",
                width=280,
                help=gettext("The class that recall and F1 are about."),
            )
            negative = pair[0] if positive == pair[1] else pair[1]
            given["two_classes"][name] = [negative, positive]
            return
    given["classes"].append(name)


def _choose_range(key: str, facts: ColumnFacts) -> list[float]:
    low, high, width = default_range(facts)
    return [
        st.number_input(
            label, value=value, key=f"images_{part}_{key}", width=150, format="%g"
        )
        for part, label, value in (
            ("low", gettext("Lowest value"), low),
            ("high", gettext("Highest value"), high),
            ("bin", gettext("Width of a bin"), width),
        )
    ]


def _choose_others(
    key: str,
    facts: Mapping[str, ColumnFacts],
    roles: Roles,
    targets: Sequence[str],
    given: dict[str, Any],
) -> None:
    """Sensitive features, the group that is never split, and the split."""
    rest = [n for n in facts if n not in (SPLIT_FOLDER, *given["numbers"])]
    rest = [n for n in rest if facts[n].distinct > 1]
    sensitive = st.multiselect(
        gettext("Sensitive features, which fairness is measured over"),
        rest,
        default=[name for name in roles.sensitive if name in rest],
        format_func=name_of_column,
        placeholder=gettext("None"),
        key=f"images_sensitive_{key}_{'_'.join(given['numbers'])}",
    )
    given["sensitive"] = sensitive
    for name in sensitive:
        each = facts[name]
        if each.is_numeric and each.distinct > MAX_GROUPS and name not in targets:
            low, high, _ = default_range(each)
            given["bins"][name] = st.number_input(
                to_markdown(gettext("Width of a group of '{column}'", column=name)),
                min_value=1e-6,
                value=roles.bins.get(name, round_width((high - low) / 5)),
                key=f"images_width_{key}_{name}",
                width=280,
                format="%g",
            )
    with st.container(horizontal=True, vertical_alignment="bottom"):
        groups = [NONE, *(n for n in facts if n not in (CLASS_FOLDER, SPLIT_FOLDER))]
        given["group"] = st.selectbox(
            gettext("Images that stay in one split"),
            groups,
            index=groups.index(roles.group),
            format_func=name_of_column,
            key=f"images_group_{key}",
            width=300,
            help=gettext(
                "A patient, a person, a lesion: images of one are alike, so none of "
                "them may be trained on while another is tested."
            ),
        )
        splits = [DRAWN, *(n for n, each in facts.items() if is_split(each))]
        given["split"] = st.selectbox(
            gettext("Split"),
            splits,
            index=splits.index(roles.split) if roles.split in splits else 0,
            format_func=name_of_column,
            key=f"images_split_{key}",
            width=240,
        )
        if given["split"] == DRAWN:
            for part, label in (
                ("validation_share", gettext("Validation (%)")),
                ("test_share", gettext("Test (%)")),
            ):
                share = st.number_input(
                    label,
                    min_value=1,
                    max_value=40,
                    value=15,
                    key=f"images_{part}_{key}",
                    width=140,
                )
                given[part] = share / 100
    if given["classes"] or given["two_classes"]:
        least = st.number_input(
            gettext("Leave out classes with fewer images than"),
            min_value=0,
            value=0,
            key=f"images_least_{key}",
            width=320,
        )
        given["at_least"] = least or None
    given["remove_copies"] = st.toggle(
        gettext("Leave out training images that are copies of test images"),
        value=True,
        key=f"images_copies_{key}",
    )
