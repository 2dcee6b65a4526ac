"""A slide as it is shown: on the page, presented, and beside its notes."""

from collections.abc import Mapping
from typing import Any

import plotly.graph_objects as go
import streamlit as st

from core.errors import EquipoiseError
from core.language import gettext
from core.plots.sizes import PREVIEW_HEIGHT, enlarged, preview
from core.report.markdown_words import Paragraph, read_paragraphs
from core.report.own_picture import read_picture
from core.story.story import PHOTO, TEXT, Slide
from core.story.telling import Told
from core.text import coloured, strong, to_markdown, to_plain
from core.views.caching import cached
from core.views.drawing import Drawn
from core.views.study_view import StudyView
from pages.shell.show import show_error
from pages.shell.story import Work

# Rows of a table that fill a slide; of a longer one, those are shown.
ROWS_SHOWN = 14
# How much smaller than on its page a chart is at least.
LEAST = 0.85
# Pixels of rows and their names, on their page, for which every slide has room.
STAGE_HEIGHT = 635
ICONS = {TEXT: ":material/notes:", PHOTO: ":material/photo_camera:"}
TABLE_ICON, BROKEN_ICON = ":material/table_chart:", ":material/broken_image:"


def preview_of(told: Told, *, height: int = PREVIEW_HEIGHT) -> go.Figure | None:
    """A small figure of a slide; None where it has none."""
    if told.view is None or told.drawn is None or not told.drawn.figures:
        return None
    slide = told.slide
    return _preview(told.view, slide.view, slide.parameters, height, told.drawn)


@cached(entries=256)
def _preview(
    view: StudyView,
    name: str,
    parameters: Mapping[str, Any],
    height: int,
    _drawn: Drawn,
) -> go.Figure:
    return preview(next(iter(_drawn.figures.values())), height=height)


def show_doubt(told: Told) -> None:
    """Say beside a claim that the numbers contradict it, or cannot tell."""
    if told.check is not None and told.check.needs_mark:
        said = f"{strong(told.check.mark)} {told.check.reason}"
        st.markdown(to_markdown(coloured("orange", said)))


def show_text(slide: Slide) -> None:
    """The words of a slide of text; HTML and pictures in them stay words."""
    for paragraph in read_paragraphs(slide.text):
        st.markdown(_as_markdown(paragraph))


def _as_markdown(paragraph: Paragraph) -> str:
    words = to_markdown(paragraph.text)
    if paragraph.is_heading:
        return f"#### {words}"
    if not paragraph.sign:
        return words
    sign = paragraph.sign if paragraph.sign[0].isdigit() else "-"
    return f"{'    ' * (paragraph.level - 1)}{sign} {words}"


def show_drawn(drawn: Drawn, *, key: str, factor: float) -> None:
    """The figures of a view, or its table, so that they fill the place they are given.

    Parameters
    ----------
    drawn : Drawn
    key : str
        Of the place; unique on the page.
    factor : float
        How much larger than on its page.
    """
    if not drawn.figures:
        _show_table(drawn)
        return
    rows = _in_rows(drawn)
    # Several share the place, and none has room for the size of one.
    size = factor * (1.0, 0.8, 0.65)[min(len(rows), 3) - 1]
    size = min(size, factor * 0.85) if len(rows[0]) > 2 else size
    if len(rows) == 1 and (height := _named_rows_height(drawn)) > STAGE_HEIGHT:
        size = min(size, max(LEAST, factor * STAGE_HEIGHT / height))
    for number, row in enumerate(rows):
        places = st.columns(len(row), gap="small") if len(row) > 1 else [st]
        for place, (what, figure) in zip(places, row, strict=True):
            place.plotly_chart(
                enlarged(figure, size),
                key=f"{key}_{number}_{what}",
                alt=_alt(drawn, what),
                height="stretch",
                config={"displayModeBar": False},
            )


def _named_rows_height(drawn: Drawn) -> int:
    """Pixels on its page of a chart whose rows have names above them; 0 without one.

    In letters too large for a row, a name lies on the row above it.
    """
    return max(
        (
            figure.layout.height or 0
            for figure in drawn.figures.values()
            if figure.layout.yaxis.showticklabels is False
        ),
        default=0,
    )


def show_plain(drawn: Drawn, *, key: str) -> None:
    """The figures of a view, or its table, in the size of its page."""
    if not drawn.figures:
        _show_table(drawn)
        return
    width = drawn.column_width if len(drawn.figures) > 2 else 480
    with st.grid("auto", min_column_width=width):
        for number, (what, figure) in enumerate(drawn.figures.items()):
            st.plotly_chart(
                figure,
                key=f"{key}_{number}",
                alt=_alt(drawn, what),
                config={"displayModeBar": False},
            )


def _alt(drawn: Drawn, what: str) -> str:
    alone = len(drawn.figures) == 1
    return to_plain(drawn.takeaway if alone else f"{what}. {drawn.takeaway}")


def _in_rows(drawn: Drawn) -> list[list[tuple[str, go.Figure]]]:
    """Figures in rows of about the same length: at most four side by side."""
    figures = list(drawn.figures.items())
    count = -(-len(figures) // 4)
    length = -(-len(figures) // count)
    return [figures[i : i + length] for i in range(0, len(figures), length)]


def _show_table(drawn: Drawn) -> None:
    numbers = drawn.numbers
    if numbers is None:
        return
    shown = numbers.frame.head(ROWS_SHOWN)
    st.table(
        shown.map(
            lambda cell: to_markdown(cell) if isinstance(cell, str) else cell
        ).rename(columns=to_markdown),
        hide_index=True,
        border="horizontal",
        alt=to_plain(numbers.takeaway),
    )
    if len(shown) < len(numbers.frame):
        st.caption(
            gettext(
                "The first {shown} of {count} rows.",
                shown=len(shown),
                count=len(numbers.frame),
            )
        )


def show_picture(work: Work, slide: Slide) -> None:
    """The picture of a slide of text, from the page or from beside its story."""
    if not slide.picture:
        return
    if slide.picture in work.pictures:
        st.image(work.pictures[slide.picture], alt=slide.title or slide.picture)
        return
    try:
        picture = read_picture(slide, work.folder)
    except EquipoiseError as error:
        show_error(error)
        return
    if picture is not None:
        st.image(picture.content, alt=slide.title or picture.name)
