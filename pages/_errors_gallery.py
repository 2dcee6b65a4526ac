"""The part of the Errors page on single images: filters, order, pictures or a table."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import streamlit as st
from numpy.typing import NDArray

from core.evaluation.answers import (
    ANY,
    CLASS_ORDERS,
    Order,
    agreeing,
    agreement_kinds,
    orders_of,
    rank_images,
    tabulate_images,
)
from core.evaluation.metrics import TOLERANCE
from core.plots import answers as plots
from core.plots.style import plural
from core.tasks import Regression, Task
from pages._errors_address import Asked, preset
from pages._errors_tables import TaskErrors
from pages._pictures import load_thumbnails, why_no_pictures
from pages._show import offer_csv
from pages._study_bar import StudyView

PICTURES, ROWS = 12, 25
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


def show_images(
    view: StudyView, method: str, found: TaskErrors, asked: Asked
) -> dict[str, list[str]]:
    """The images behind the numbers, as the reader filters and orders them.

    Returns
    -------
    dict of str to list of str
        What is shown, for the address.
    """
    answers = found.answers
    key = f"{view.study.name}_{answers.task.name}"
    with st.container(border=True, key="errors_images"):
        st.subheader("The images", anchor=False)
        chosen = _filter(view, method, found, asked, key)
        orders = orders_of(answers, method)
        order = _choose_order(orders, asked, answers.task)
        wrong = chosen.mask & ~answers.right[answers.place(method)]
        st.markdown(
            plots.gallery_takeaway(
                answers,
                method,
                view.labels[method],
                int(chosen.mask.sum()),
                int(wrong.sum()),
                orders[order],
            )
        )
        rows = rank_images(answers, method, orders[order], chosen.mask)
        usual = order == next(iter(orders))
        shown = {**chosen.address, "order": [] if usual else [order]}
        if not len(rows):
            _say_empty(view, method, chosen, orders[order])
            return shown
        page = _show_page(view, found, rows, asked, (key, method, str(shown)))
        _notes(view, method, found)
        offer_csv(
            lambda: tabulate_images(answers, found.images, rows),
            f"{view.study.name}-{answers.task.name}-{method}-images",
        )
    return {**shown, "page": [] if page == 1 else [str(page)]}


def _filter(
    view: StudyView, method: str, found: TaskErrors, asked: Asked, key: str
) -> Chosen:
    """Choosers of truth, answer, groups and agreement, and what they leave."""
    answers, images = found.answers, found.images
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
                plots.feature_label(feature),
                f"errors_{feature}_{view.study.name}",
                groups,
                asked,
                asked.group(feature),
                "group",
            )
            if value:
                mask &= (images[feature] == value).to_numpy()
                address["where"].append(f"{feature}:{value}")
        agree = _choose_agreement(view, found, mask, asked)
        _offer_clearing(view, found, key)
    if agree != ANY:
        mask &= agreeing(answers, agree)
        address["agree"] = [agree]
    return Chosen(mask, address)


def _offer_clearing(view: StudyView, found: TaskErrors, key: str) -> None:
    """A button that sets every filter to Any."""
    names = ("errors_truth_", "errors_predicted_")
    keys = {f"{name}{key}": "" for name in names}
    keys |= {f"errors_{name}_{view.study.name}": "" for name in found.features}
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
    there = set(found.images[feature])
    known = view.dataset.sensitive_features.get(feature, ())
    for task in view.tasks:
        if isinstance(task, Regression) and feature == f"{task.name}_bin":
            known = task.bin_labels
    return [*(g for g in known if g in there), *sorted(there - set(known))]


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
        heading,
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


def _choose_order(orders: dict[str, Order], asked: Asked, task: Task) -> str:
    key = f"errors_order_{task.kind}"
    usual = next(iter(orders))
    truth = asked.get("truth")
    if truth and truth == asked.get("predicted") and usual in CLASS_ORDERS:
        # A link to what is right: the least certain of it first, where that is known.
        usual = next(name for name in ("margin", "listed") if name in orders)
    preset(
        key,
        list(orders),
        asked=asked,
        wanted=asked.get("order"),
        what="order",
        default=usual,
    )
    return st.segmented_control(
        "Order",
        list(orders),
        required=True,
        format_func=lambda name: orders[name].label,
        key=key,
        persist_state="session",
    )


def _say_empty(view: StudyView, method: str, chosen: Chosen, order: Order) -> None:
    """Why there is no image to show, and what to do."""
    left = int(chosen.mask.sum())
    if not left:
        said = "Set one of the filters to *Any*, or clear them all."
    else:
        are = "image matches" if left == 1 else "images match"
        said = (
            f"{left:,} {are} the filters, but none is what *{order.label}* is about: "
            f"{view.labels[method]} has no such answer there. Choose another order."
        )
    st.info(said, icon=":material/info:")


def _show_page(
    view: StudyView,
    found: TaskErrors,
    rows: NDArray[np.intp],
    asked: Asked,
    state: tuple[str, str, str],
) -> int:
    """One page of the images, as pictures or as rows; the number of the page."""
    reason = why_no_pictures(view)
    size = ROWS if reason else PICTURES
    page = _choose_page(-(-len(rows) // size), asked, state)
    part = rows[(page - 1) * size : page * size]
    if reason:
        st.caption(f"{reason} Here the images are listed by their ids.")
        _table(view, found, part)
    else:
        _pictures(view, found, part)
    first = (page - 1) * size + 1
    st.caption(
        f"{first:,} to {first + len(part) - 1:,} of {plural(len(rows), 'image')}"
    )
    return page


def _choose_page(pages: int, asked: Asked, state: tuple[str, str, str]) -> int:
    """The page; another filter, order or method starts at the first again."""
    begun, turn, start = st.session_state.get("errors_pages", (None, 0, 1))
    if asked.is_new or begun != (state, pages):
        wanted = asked.get("page") or ""
        start = min(max(int(wanted), 1), pages) if wanted.isdecimal() else 1
        turn += 1
        st.session_state["errors_pages"] = ((state, pages), turn, start)
    if pages == 1:
        return 1
    # Another key is another widget, that begins where it is told to.
    return st.pagination(pages, default=start, key=f"errors_page_{turn}")


def _pictures(view: StudyView, found: TaskErrors, rows: NDArray[np.intp]) -> None:
    answers, images = found.answers, found.images
    ids = images["image_id"].iloc[rows].tolist()
    thumbnails = load_thumbnails(view, ids)
    with st.grid("auto", min_column_width=270, gap="small"):
        for row, image_id in zip(rows.tolist(), ids, strict=True):
            truth = plots.truth_text(answers, row)
            with st.container(border=True, gap="xsmall"):
                if image_id in thumbnails:
                    st.image(
                        thumbnails[image_id], width=128, alt=f"{image_id}: {truth}"
                    )
                else:
                    st.caption("No picture of that id can be had.")
                st.markdown(f"Truth: **{truth}**")
                st.markdown("  \n".join(plots.answer_lines(answers, row, view.labels)))
                groups = [images[name].iloc[row] for name in found.features]
                st.caption(" · ".join([f"`{image_id}`", *groups]))


def _table(view: StudyView, found: TaskErrors, rows: NDArray[np.intp]) -> None:
    table: pd.DataFrame = plots.shown_table(
        found.answers, found.images, rows.tolist(), view.labels
    )
    st.dataframe(
        table,
        key="errors_table",
        hide_index=True,
        height="content",
        alt="Test images with their truth and every method's answer",
        column_config={"Image": st.column_config.TextColumn(pinned=True)},
    )


def _notes(view: StudyView, method: str, found: TaskErrors) -> None:
    """How an answer comes about, and what a gallery cannot tell."""
    task = found.answers.task
    many = max(found.answers.seeds) > 1
    if isinstance(task, Regression):
        said = f"In brackets: answer − truth. ✓ is within {TOLERANCE} {task.unit}."
        said += " Of several seeds the mean is the answer." if many else ""
    else:
        said = "Per cent: the probability that a method gives its answer."
        if many:
            said += (
                " Of several seeds the answer is what most say, and the probability "
                "is the mean; the shares above are means over single seeds."
            )
        if not found.answers.has_probabilities(method):
            said += (
                f" {view.labels[method]} has labels only, without probabilities: its "
                "mistakes are in the order of the images."
            )
    st.caption(f"{said} Chosen for being extreme, these images say nothing of rates.")
