"""The part of the Errors page on single images: their order, pictures or a table."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
import streamlit as st
from numpy.typing import NDArray

from core.evaluation.answers import (
    CLASS_ORDERS,
    Order,
    orders_of,
    rank_images,
    tabulate_images,
)
from core.language import gettext, ngettext
from core.plots import answers as plots
from core.plots.formatting import feature_label
from core.tasks import Task
from core.text import BREAK, SEPARATOR, code, emphasis, strong, to_markdown
from core.views.answers import TaskErrors
from core.views.gallery import answers_note, images_sentence
from core.views.pictures import SIDE
from core.views.study_view import StudyView
from pages.errors.filters import Chosen, filter_images
from pages.shell.address import this_address
from pages.shell.choose import choose
from pages.shell.pictures import load_thumbnails, why_no_pictures
from pages.shell.show import offer_csv

PICTURES, ROWS = 12, 25


def show_images(view: StudyView, method: str, found: TaskErrors) -> None:
    """The images behind the numbers, as the reader filters and orders them."""
    answers = found.answers
    with st.container(border=True, key="errors_images"):
        st.subheader(gettext("The images"), anchor=False)
        chosen = filter_images(view, method, found)
        orders = orders_of(answers, method)
        order = _choose_order(orders, answers.task, chosen)
        label = view.labels[method]
        said = images_sentence(found, method, label, chosen.mask, orders[order])
        st.markdown(to_markdown(said))
        rows = rank_images(answers, method, orders[order], chosen.mask)
        if not len(rows):
            _say_empty(view, method, chosen, orders[order])
            this_address().choose("page", ())
            return
        state = (view.study.name, answers.task.name, method, order, *chosen.filters)
        _show_page(view, found, rows, state)
        st.caption(to_markdown(answers_note(found, method, label)))
        offer_csv(
            lambda: tabulate_images(answers, found.images, rows),
            f"{view.study.name}-{answers.task.name}-{method}-images",
        )


def _choose_order(orders: dict[str, Order], task: Task, chosen: Chosen) -> str:
    key = f"errors_order_{task.kind}"
    asked = this_address().asked
    truth, answer = asked.get("truth"), asked.get("predicted")
    if truth and truth == answer and "order" not in asked and _is_by_class(orders):
        # A link to what is right: the least certain of it first, where that is known.
        this_address().take("order")
        st.session_state[key] = next(n for n in ("margin", "listed") if n in orders)
    return choose(
        gettext("Order"),
        list(orders),
        labels=lambda name: gettext(orders[name].label),
        key=key,
        parameter="order",
        # There an address without an order means another one.
        spelled_out=chosen.is_of_right_answers,
        is_segmented=True,
    )


def _is_by_class(orders: dict[str, Order]) -> bool:
    return next(iter(orders)) in CLASS_ORDERS


def _say_empty(view: StudyView, method: str, chosen: Chosen, order: Order) -> None:
    """Why there is no image to show, and what to do."""
    left = int(chosen.mask.sum())
    if not left:
        said = gettext(
            "Set one of the filters to {any}, or clear them all.",
            any=emphasis(gettext("Any")),
        )
    else:
        label = emphasis(gettext(order.label))
        said = ngettext(
            "{count} image matches the filters, but none is what {order} is about: "
            "{method} has no such answer there. Choose another order.",
            "{count} images match the filters, but none is what {order} is about: "
            "{method} has no such answer there. Choose another order.",
            left,
            order=label,
            method=view.labels[method],
        )
    st.info(to_markdown(said), icon=":material/info:")


def _show_page(
    view: StudyView,
    found: TaskErrors,
    rows: NDArray[np.intp],
    state: tuple[str, ...],
) -> None:
    """One page of the images, as pictures or as rows."""
    reason = why_no_pictures(view)
    size = ROWS if reason else PICTURES
    page = choose_page(-(-len(rows) // size), state)
    part = rows[(page - 1) * size : page * size]
    if reason:
        listed = gettext("Here the images are listed by their ids.")
        st.caption(to_markdown(f"{reason} {listed}"))
        _table(view, found, part)
    else:
        _pictures(view, found, part)
    first = (page - 1) * size + 1
    st.caption(
        to_markdown(
            ngettext(
                "{first} to {last} of {count} image",
                "{first} to {last} of {count} images",
                len(rows),
                first=first,
                last=first + len(part) - 1,
            )
        )
    )


def choose_page(pages: int, state: tuple[str, ...], *, parameter: str = "page") -> int:
    """The page; another filter, order or method starts at the first again."""
    key = f"errors_{parameter}s"
    begun, turn, start = st.session_state.get(key, (None, 0, 1))
    asked = this_address().take(parameter)
    if asked is not None or begun != (state, pages):
        wanted = (asked or ("1",))[0]
        if not wanted.isdecimal() or not 1 <= int(wanted) <= pages:
            this_address().name_unknown(parameter, wanted)
        start = min(max(int(wanted), 1), pages) if wanted.isdecimal() else 1
        turn += 1
        st.session_state[key] = ((state, pages), turn, start)
    page = 1
    if pages > 1:
        # Another key is another widget, that begins where it is told to.
        page = st.pagination(pages, default=start, key=f"errors_{parameter}_{turn}")
    this_address().choose(parameter, () if page == 1 else (str(page),))
    return page


def _pictures(view: StudyView, found: TaskErrors, rows: NDArray[np.intp]) -> None:
    answers, images = found.answers, found.images
    ids = images["image_id"].iloc[rows].tolist()
    thumbnails = load_thumbnails(view, ids)
    with st.grid("auto", min_column_width=270, gap="small"):
        for row, image_id in zip(rows.tolist(), ids, strict=True):
            with st.container(border=True, gap="xsmall"):
                show_picture(thumbnails, image_id, plots.truth_text(answers, row))
                show_card(view, found, row)


def show_picture(
    thumbnails: Mapping[str, bytes], image_id: str, words: str, *, width: int = SIDE
) -> None:
    """The picture of one image, with ``words`` for who cannot see it, or a line."""
    if image_id in thumbnails:
        alt = gettext("{name}: {value}", name=image_id, value=words)
        st.image(thumbnails[image_id], width=width, alt=alt)
    else:
        st.caption(gettext("There is no picture with this id."))


def show_card(view: StudyView, found: TaskErrors, row: int) -> None:
    """What is known of one image: its truth, every method's answer, its groups."""
    answers, images = found.answers, found.images
    truth = plots.truth_text(answers, row)
    st.markdown(to_markdown(gettext("Truth: {truth}", truth=strong(truth))))
    st.markdown(to_markdown(BREAK.join(plots.answer_lines(answers, row, view.labels))))
    groups = [
        f"{feature_label(name)} {images[name].iloc[row]}" for name in found.features
    ]
    named = code(images["image_id"].iloc[row])
    st.caption(to_markdown(SEPARATOR.join([named, *groups])))


def _table(view: StudyView, found: TaskErrors, rows: NDArray[np.intp]) -> None:
    table: pd.DataFrame = plots.shown_table(
        found.answers, found.images, rows.tolist(), view.labels
    )
    st.dataframe(
        table,
        key="errors_table",
        hide_index=True,
        height="content",
        alt=gettext("Test images with their truth and every method's answer"),
        column_config={gettext("Image"): st.column_config.TextColumn(pinned=True)},
    )
