"""How every page shows a chart or a table: takeaway first, downloads beneath."""

import logging
import re
from collections.abc import (
    Callable,
    Collection,
    Iterable,
    Iterator,
    Mapping,
    Sequence,
)
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Literal, NoReturn

import pandas as pd
import plotly.graph_objects as go
import streamlit as st
from pandas.io.formats.style import Styler
from streamlit.delta_generator import DeltaGenerator

from core.csv_text import csv_text
from core.errors import EquipoiseError, NothingToShow, as_fault
from core.language import (
    ENGLISH,
    gettext,
    in_form,
    in_this_language,
    language,
    ngettext,
)
from core.plots.download import chart_html, image_options, plotly_words
from core.report.output import pack
from core.results.frame import plain_frame
from core.text import BREAK, mark_code, number, strong, to_list, to_markdown, to_plain
from core.views.caching import tell_who_waits
from core.views.drawing import Column, Drawn, Numbers, finished, table_in_markdown
from core.views.study_view import StudyView
from pages.shell.address import end_page, saying_what_is_missing
from pages.shell.story import offer_to_story

# Rows of a long table that are seen without scrolling.
MOST_ROWS = 13
# Pixels of a cell beside its name, and of a letter, of a name of capitals at most.
NAME_PADDING, NAME_LETTER = 24, 8
# A format of numbers with so many decimals.
_FIXED = re.compile(r"%\.(\d)f")

_LOG = logging.getLogger(__name__)
tell_who_waits(st.spinner)


@dataclass(frozen=True)
class Card:
    """An open card: what is drawn in it comes under the takeaway.

    Parameters
    ----------
    title : str
    body : DeltaGenerator
        The card itself.
    takeaway : DeltaGenerator
        Where the takeaway goes, which is known only when its controls were drawn.
    """

    title: str
    body: DeltaGenerator
    takeaway: DeltaGenerator


@contextmanager
def open_fold(label: str) -> Iterator[Card]:
    """Draw a card that is folded until it is asked for."""
    with st.expander(to_markdown(label)) as body:
        yield Card(label, body, st.container())


@contextmanager
def open_card(title: str = "", *, key: str | None = None) -> Iterator[Card]:
    """Draw a card; its controls are drawn in it before what they choose is shown."""
    body = st.container(border=True, key=key)
    with body:
        if title:
            st.subheader(to_markdown(title), anchor=False)
        yield Card(title, body, st.container())


def show_chart(
    figure: go.Figure,
    *,
    name: str,
    takeaway: str,
    data: pd.DataFrame | None = None,
    title: str = "",
    download_title: str = "",
    note: str = "",
    card: Card | None = None,
) -> None:
    """Show a figure in a card, under its takeaway, with its downloads.

    Parameters
    ----------
    figure : plotly Figure
        Built by ``core.plots``.
    name : str
        Unique on the page; names the downloaded files and the element's key.
    takeaway : str
        One sentence from the figure's numbers; also the chart's text alternative.
    data : DataFrame, optional
        The rows behind the figure, offered as CSV.
    title : str
        Heading of the card.
    download_title : str
        Title of what is downloaded, where the card has no heading.
    note : str
        Smaller print below: units, n, how the interval was made.
    card : Card, optional
        The open card to show it in, which has its title; else one of its own.
    """
    show_charts(
        {name: figure},
        name=name,
        takeaway=takeaway,
        data=data,
        title=title,
        download_title=download_title,
        note=note,
        card=card,
    )


def show_charts(
    figures: Mapping[str, go.Figure],
    *,
    name: str,
    takeaway: str,
    data: pd.DataFrame | None = None,
    title: str = "",
    download_title: str = "",
    note: str = "",
    card: Card | None = None,
    column_width: int = 330,
    on_click: Callable[[str, Mapping[str, Any]], object] | None = None,
) -> None:
    """Show several figures of one kind in one card, side by side where they fit.

    As ``show_chart``; ``figures`` maps what each shows (a method's label) to it, and
    ``column_width`` is the least width of one in pixels. ``on_click`` is called with
    what a figure shows and the point of it that was clicked.
    """
    drawn = Drawn(
        title=download_title or (card.title if card else title),
        name=name,
        takeaway=takeaway,
        figures=figures,
        data=data,
        note=note,
        column_width=column_width,
    )
    place = nullcontext(card) if card else open_card(title, key=_card_key(drawn))
    with place as opened:
        _fill_card(opened, finished(drawn), on_click)


def show_view(
    drawn: Drawn,
    *,
    card: Card | None = None,
    with_numbers: bool = True,
    on_click: Callable[[str, Mapping[str, Any]], object] | None = None,
) -> None:
    """Show a view in a card: its figures under its takeaway, downloads, its numbers.

    Parameters
    ----------
    drawn : Drawn
        By a function of ``core.views``.
    card : Card, optional
        The card to show it in, which has its title; else one of its own.
    with_numbers : bool
        Whether its numbers stand below the card; ``show_numbers`` shows them elsewhere.
    on_click : callable, optional
        Called with what a figure shows and the point of it that was clicked.
    """
    place = nullcontext(card) if card else open_card(drawn.title, key=_card_key(drawn))
    with place as opened, opened.body:
        if drawn.figures:
            _fill_card(opened, drawn, on_click)
        elif drawn.numbers is not None:
            opened.takeaway.markdown(to_markdown(drawn.takeaway))
            _show_rows(drawn.numbers, drawn.name, drawn.data, drawn)
    if drawn.figures and with_numbers:
        show_numbers(drawn)


def show_numbers(drawn: Drawn, *, is_folded: bool | None = None) -> None:
    """Show the numbers of a view, if it has some.

    Folded away where the view has figures too, unless ``is_folded`` says otherwise.
    """
    if drawn.numbers is None:
        return
    folded = bool(drawn.figures) if is_folded is None else is_folded
    name = f"{drawn.name}-table" if drawn.figures else drawn.name
    with (
        st.expander(gettext("In numbers"), icon=":material/table:")
        if folded
        else nullcontext()
    ):
        _show_numbers(drawn.numbers, name, drawn.data)


def draw_if_any(
    draw: Callable[..., Drawn], view: StudyView, **parameters: Any
) -> Drawn | None:
    """Draw a view; None where the study has nothing of the kind."""
    try:
        return draw(view, **parameters)
    except NothingToShow:
        return None


def _card_key(drawn: Drawn) -> str:
    return f"card_{drawn.name}"


def _fill_card(
    card: Card,
    drawn: Drawn,
    on_click: Callable[[str, Mapping[str, Any]], object] | None,
) -> None:
    """Takeaway, figures, note and downloads of a view, whose figures are finished."""
    name, figures = drawn.name, drawn.figures
    card.takeaway.markdown(to_markdown(drawn.takeaway))
    # A grid of one column would hold a single chart to the narrow width.
    place = (
        st.grid("auto", min_column_width=drawn.column_width)
        if len(figures) > 1
        else st.container()
    )
    with place:
        for number, (what, figure) in enumerate(figures.items()):
            key = f"chart_{name}_{number}"
            said = drawn.takeaway
            if len(figures) > 1:
                said = gettext("{name}. {said}", name=what, said=said)
            st.plotly_chart(
                figure,
                key=key,
                alt=to_plain(said),
                config=_modebar(image_options(figure, name, alone=len(figures) == 1)),
                on_select=partial(_clicked, key, what, on_click)
                if on_click
                else "ignore",
                selection_mode="points",
            )
    if drawn.note:
        st.caption(to_markdown(drawn.note))
    with st.container(horizontal=True, gap="small"):
        if drawn.data is not None:
            offer_csv(drawn.data, name)
        _offer_html(tuple(figures.values()), to_plain(drawn.title) or name, name)
        if drawn.view:
            _offer_print(drawn)
            offer_to_story(drawn)


def _show_numbers(numbers: Numbers, name: str, data: pd.DataFrame | None) -> None:
    """A table under its sentence, which stands below a long one without a note."""
    if not numbers.is_long:
        st.markdown(to_markdown(numbers.takeaway))
    elif not numbers.note:
        numbers = replace(numbers, note=numbers.takeaway)
    _show_rows(numbers, name, data)


def _show_rows(
    numbers: Numbers,
    name: str,
    data: pd.DataFrame | None,
    drawn: Drawn | None = None,
) -> None:
    """A table, its note and its download; ``drawn`` is offered to a story beside it."""
    download = data if numbers.download is None else numbers.download
    if numbers.is_long:
        show_table(
            numbers.frame,
            name=name,
            alt=numbers.takeaway,
            column_config=_column_config(numbers),
            download=download,
            note=numbers.note,
            height="content"
            if numbers.is_whole or len(numbers.frame) <= MOST_ROWS
            else "auto",
            drawn=drawn,
        )
        return
    _static_table(numbers.in_markdown, numbers.takeaway)
    _note_and_csv(numbers.frame, name, download, numbers.note, drawn)


def _column_config(numbers: Numbers) -> dict[str, Any]:
    return {
        heading: _configured(column, numbers.frame[heading])
        for heading, column in numbers.columns.items()
        if heading in numbers.frame
    }


def _configured(column: Column, cells: Iterable[Any]) -> Any:
    explained = column.explanation or None
    if column.is_name:
        return names_column(map(str, cells))
    if column.is_count:
        return st.column_config.NumberColumn(help=explained, format="localized")
    if column.digits is None:
        return st.column_config.TextColumn(help=explained)
    shown = f"%.{column.digits}f"
    return st.column_config.NumberColumn(help=explained, format=shown)


def _clicked(
    key: str, what: str, on_click: Callable[[str, Mapping[str, Any]], object]
) -> None:
    points = st.session_state[key].selection.points
    # A click beside every point, or a second one on the same, leaves none.
    if points:
        on_click(what, points[0])


def show_static_table(
    table: pd.DataFrame,
    *,
    name: str,
    takeaway: str,
    download: pd.DataFrame | Callable[[], pd.DataFrame] | None = None,
    note: str = "",
) -> None:
    """Show a short table, whose cells may hold marks, with its download.

    Parameters
    ----------
    table : DataFrame
        What is shown, one column a heading; the index is hidden. For more than some
        twenty rows use ``show_table``.
    name : str
        Unique on the page; names the downloaded file.
    takeaway : str
        One sentence on what the table says; also its text alternative.
    download : DataFrame or callable, optional
        What the CSV holds, where it is more exact than ``table``; a callable makes it
        when it is asked for.
    note : str
        Smaller print below.
    """
    st.markdown(to_markdown(takeaway))
    _static_table(table_in_markdown(table), takeaway)
    _note_and_csv(table, name, download, note)


def _static_table(shown: pd.DataFrame, alt: str) -> None:
    st.table(shown, hide_index=True, border="horizontal", alt=to_plain(alt))


def _note_and_csv(
    table: pd.DataFrame,
    name: str,
    download: pd.DataFrame | Callable[[], pd.DataFrame] | None,
    note: str,
    drawn: Drawn | None = None,
) -> None:
    if note:
        st.caption(to_markdown(note))
    with st.container(horizontal=True, gap="small"):
        offer_csv((lambda: plain_frame(table)) if download is None else download, name)
        if drawn is not None:
            offer_to_story(drawn)


def show_table(
    table: pd.DataFrame,
    *,
    name: str,
    alt: str,
    column_config: Mapping[str, Any] | None = None,
    download: pd.DataFrame | None = None,
    note: str = "",
    placeholder: str = "–",
    height: Literal["auto", "content"] = "auto",
    drawn: Drawn | None = None,
) -> None:
    """Show a long table that can be sorted and searched, with its download.

    Parameters as in ``show_static_table``; ``alt`` says what the table says, for who
    cannot see it, ``column_config`` and ``height`` are Streamlit's, and ``placeholder``
    stands where a value is missing. ``drawn`` is offered to a story beside it.
    """
    columns = dict(column_config or {})
    st.dataframe(
        table if language() == ENGLISH else _in_form(table, columns, placeholder),
        key=f"table_{name}",
        hide_index=True,
        alt=to_plain(alt),
        column_config=columns or None,
        row_height=38,
        height=height,
        placeholder=placeholder,
    )
    _note_and_csv(table, name, table if download is None else download, note, drawn)


def _in_form(
    table: pd.DataFrame, columns: dict[str, Any], placeholder: str
) -> pd.DataFrame | Styler:
    """The table with its numbers as the reader writes them; sorted as numbers still.

    Streamlit writes numbers in one form, or in that of the browser. ``columns`` lose
    the formats that are followed here: one would be followed in place of ours.
    """
    if table.size > pd.get_option("styler.render.max_elements"):
        return table
    written: dict[str, Callable[[Any], str]] = {}
    for heading, cells in table.items():
        if cells.dtype.kind not in "iuf":
            continue
        config = columns.get(heading) or {}
        kind = config.get("type_config") or {}
        if found := _FIXED.fullmatch(kind.get("format") or ""):
            written[heading] = partial(number, digits=int(found[1]))
        elif kind.get("format") == "localized":
            written[heading] = partial(number, digits=0)
        elif cells.dtype.kind == "f" and not kind.get("format"):
            written[heading] = _with_few_digits
        else:
            continue
        if "format" in kind:
            columns[heading] = {**config, "type_config": {**kind, "format": None}}
    return table.style.format(written, na_rep=placeholder)


def _with_few_digits(value: float) -> str:
    """As Streamlit writes a number without a format: four decimals at most."""
    return in_form(f"{value:,.4f}".rstrip("0").rstrip("."))


def names_column(names: Iterable[str]) -> dict[str, Any]:
    """A pinned column as wide as the longest name: by itself it measures a few rows."""
    longest = max(map(len, names), default=0)
    width = NAME_PADDING + NAME_LETTER * longest
    return st.column_config.TextColumn(pinned=True, width=width)


def stop_with(sentence: str) -> NoReturn:
    """Say why there is nothing to show and what to do, and end the page."""
    st.info(to_markdown(sentence), icon=":material/info:")
    end_page()


def show_error(error: EquipoiseError) -> None:
    """Show a fault of the input in its three sentences."""
    parts = [strong(mark_code(error.problem))]
    if error.expected:
        expected = mark_code(error.expected)
        parts.append(gettext("Expected: {expected}", expected=expected))
    if error.remedy:
        remedy = mark_code(error.remedy)
        parts.append(gettext("What to do: {remedy}", remedy=remedy))
    st.error(to_markdown(BREAK.join(parts)), icon=":material/error:")


@contextmanager
def saying_why_not() -> Iterator[None]:
    """Say why a part cannot be shown; the rest of the page stays."""
    try:
        with saying_what_is_missing():
            yield
    except EquipoiseError as error:
        # A fragment's failure does not reach the router.
        show_error(error)
    except OSError as error:
        # A full disk, or a folder that somebody took away. It may be a bug of ours too.
        _LOG.warning("The system refused something.", exc_info=error)
        show_error(as_fault(error))


def show_problems(problems: Collection[str]) -> None:
    """Say which runs could not be read, and why."""
    said = ngettext(
        "{count} run could not be read and is left out:",
        "{count} runs could not be read and are left out:",
        len(problems),
    )
    st.warning(
        f"{said}\n\n{to_list(map(mark_code, problems))}",
        icon=":material/broken_image:",
    )


def _modebar(image: Mapping[str, Any]) -> dict[str, Any]:
    """The camera (PNG) alone: zooming by accident hides data."""
    return {
        "displaylogo": False,
        "modeBarButtons": [["toImage"]],
        "toImageButtonOptions": image,
        **plotly_words(),
    }


def _offer_html(figures: Sequence[go.Figure], title: str, name: str) -> None:
    st.download_button(
        gettext("Chart (HTML)"),
        data=in_this_language(partial(chart_html, figures, title=title, name=name)),
        file_name=f"{name}.html",
        mime="text/html",
        key=f"html_{name}",
        icon=":material/download:",
        type="tertiary",
        on_click="ignore",
        help=gettext(
            "Interactive, opens offline, and saves the chart as an SVG too. For a PNG, "
            "use the camera that appears over the chart."
        ),
    )


def _offer_print(drawn: Drawn) -> None:
    st.download_button(
        gettext("Print (ZIP)"),
        data=in_this_language(partial(_print, drawn)),
        file_name=f"{drawn.name}-print.zip",
        mime="application/zip",
        key=f"print_{drawn.name}",
        icon=":material/download:",
        type="tertiary",
        on_click="ignore",
        help=gettext(
            "Figures for a thesis, one and two columns wide: PDF and SVG with their "
            "fonts, PNG at 300 dpi. They show the same numbers, which come with them "
            "as CSV."
        ),
    )


def _print(drawn: Drawn) -> bytes:
    # Loads Matplotlib, which no page needs.
    from core.report.print_files import print_files

    return pack(print_files(drawn))


def offer_csv(table: pd.DataFrame | Callable[[], pd.DataFrame], name: str) -> None:
    """Offer a table as CSV; a callable makes it when it is asked for."""
    st.download_button(
        gettext("Data (CSV)"),
        data=lambda: csv_text(table() if callable(table) else table),
        file_name=f"{name}.csv",
        mime="text/csv",
        key=f"csv_{name}",
        icon=":material/download:",
        type="tertiary",
        on_click="ignore",
    )
