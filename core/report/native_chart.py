"""Charts that PowerPoint draws itself, with error bars, from the panels of a figure."""

import math
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

from lxml import etree
from pptx.chart.data import CategoryChartData, XyChartData
from pptx.chart.xlsx import CategoryWorkbookWriter, XyWorkbookWriter
from pptx.enum.chart import (
    XL_CHART_TYPE,
    XL_LABEL_POSITION,
    XL_MARKER_STYLE,
    XL_TICK_LABEL_POSITION,
    XL_TICK_MARK,
)
from pptx.enum.dml import MSO_LINE
from pptx.oxml.ns import qn
from pptx.util import Inches, Pt
from xlsxwriter import Workbook  # type: ignore[import-untyped]

from core.language import gettext, language
from core.plots.look import GRID_COLOUR
from core.report.fit import (
    LINE_HEIGHT,
    POINTS,
    fit_text,
    text_width,
    wrapped_lines,
)
from core.report.panels import (
    Axis,
    Bars,
    BarsPanel,
    Errors,
    Label,
    Panel,
    Points,
    PointsPanel,
)
from core.report.places import Box
from core.report.xml_text import printable

# Points of text in a chart, from the largest; a label shrinks to fit its place.
TEXT_SIZE, LEAST_TEXT_SIZE = 14, 10
# Inches around the area of the data.
PAD, ENTRY_MARK, _RIGHT = 0.08, 0.35, 0.15
# Of the width of a chart that the names of rows may take.
NAMES_SHARE = 0.42
# Inches between the area of the data and a title that lies beside it.
BESIDE = 0.1
BESIDE_SIZES = (TEXT_SIZE, 12, 11, LEAST_TEXT_SIZE)
# Inches of a panel that is too low for an upright title.
LOW = 1.6
MARKERS = {
    "circle": XL_MARKER_STYLE.CIRCLE,
    "diamond": XL_MARKER_STYLE.DIAMOND,
    "square": XL_MARKER_STYLE.SQUARE,
    "triangle-up": XL_MARKER_STYLE.TRIANGLE,
    "triangle-down": XL_MARKER_STYLE.DIAMOND,
    "cross": XL_MARKER_STYLE.PLUS,
    "x": XL_MARKER_STYLE.X,
    "star": XL_MARKER_STYLE.STAR,
    "line-ew": XL_MARKER_STYLE.DASH,
}
DASHES = {
    "solid": MSO_LINE.SOLID,
    "dash": MSO_LINE.DASH,
    "dot": MSO_LINE.ROUND_DOT,
    "dashdot": MSO_LINE.DASH_DOT,
    "longdash": MSO_LINE.LONG_DASH,
    "longdashdot": MSO_LINE.LONG_DASH_DOT,
}
_SIDES = {
    "left": XL_LABEL_POSITION.LEFT,
    "right": XL_LABEL_POSITION.RIGHT,
    "above": XL_LABEL_POSITION.ABOVE,
    "below": XL_LABEL_POSITION.BELOW,
    "centre": XL_LABEL_POSITION.CENTER,
}
FORMAT_LANGUAGES = {"fr": "[$-40C]"}
"""What a format of numbers begins with, where the language is not English."""
_COLOUR = re.compile(r"rgba?\(\s*(\d+),\s*(\d+),\s*(\d+)(?:,\s*([\d.]+))?\)")


class _PlainWorkbook:
    """A chart's workbook in which a name that begins with "=" or "http" stays text."""

    @contextmanager
    def _open_worksheet(self, file: Any) -> Iterator[tuple[Any, Any]]:
        kept = {"strings_to_formulas": False, "strings_to_urls": False}
        workbook = Workbook(file, {"in_memory": True, **kept})
        yield workbook, workbook.add_worksheet()
        workbook.close()


class _CategoryWriter(_PlainWorkbook, CategoryWorkbookWriter):  # type: ignore[misc]
    pass


class _PointsWriter(_PlainWorkbook, XyWorkbookWriter):  # type: ignore[misc]
    pass


class _CategoryData(CategoryChartData):  # type: ignore[misc]
    @property
    def _workbook_writer(self) -> Any:
        return _CategoryWriter(self)


class _PointsData(XyChartData):  # type: ignore[misc]
    @property
    def _workbook_writer(self) -> Any:
        return _PointsWriter(self)


@dataclass(frozen=True)
class _Inner:
    """Inches between the edges of a chart and the area of its data."""

    left: float
    top: float
    right: float
    bottom: float


def add_panels(
    slide: Any, panels: Sequence[Panel], box: Box, *, alt: str, title: str = ""
) -> list[Any]:
    """Draw the panels of a figure on a slide, one above the other; return the charts.

    Parameters
    ----------
    slide : pptx slide
    panels : sequence of PointsPanel or BarsPanel
        From ``figure_panels``.
    box : Box
    alt : str
        Text alternative of the first; the others are said to belong to it.
    title : str
        Written above the first, where several figures stand side by side.
    """
    titled = _title_height(title, box.width)
    left = max(_left(panel, TEXT_SIZE, box) for panel in panels)
    total = sum(panel.share for panel in panels)
    legend = _legend_height(panels[0], box.width)
    inners = [
        _Inner(
            left,
            PAD + (0 if place else legend),
            _RIGHT,
            _bottom(panel, box.width - left - _RIGHT),
        )
        for place, panel in enumerate(panels)
    ]
    spare = box.height - titled - sum(inner.top + inner.bottom for inner in inners)
    needed = max(_lying_title(p, spare * p.share / total) for p in panels)
    inners = [replace(inner, left=max(inner.left, needed)) for inner in inners]
    charts, top = [], box.y + titled
    for panel, inner in zip(panels, inners, strict=True):
        data = spare * panel.share / total
        own = data + inner.top + inner.bottom
        place = Box(box.x, top, box.width, own)
        panel = _title_beside(slide, panel, place, inner, data)
        chart = _add_chart(slide, panel, place, inner)
        chart._element.nvGraphicFramePr.cNvPr.set("descr", printable(alt))
        charts.append(chart)
        top += own
    if title:
        add_words(slide, title, Box(box.x, box.y, box.width, titled), bold=True)
    return charts


def _title_beside(
    slide: Any, panel: Panel, box: Box, inner: _Inner, height: float
) -> Panel:
    """A long title in lines upright; beside a low panel, level."""
    axis = _upright(panel)
    if _stands(panel, height):
        return panel
    if height > LOW:
        lines = wrapped_lines(axis.title, height, TEXT_SIZE)
        return _with_upright(panel, replace(axis, title="\n".join(lines)))
    room = inner.left - BESIDE
    sizes = [s for s in BESIDE_SIZES if _longest_word(axis.title, s) <= room]
    fitted = fit_text(axis.title, room, height, sizes or (LEAST_TEXT_SIZE,))
    place = Box(box.x, box.y + inner.top, room, height)
    add_words(slide, fitted.text, place, size=fitted.size)
    return _with_upright(panel, replace(axis, title=""))


def _stands(panel: Panel, height: float) -> bool:
    """Whether the title of the upright axis is no longer than it, or is level."""
    if isinstance(panel, BarsPanel) and panel.is_level:
        return True
    return text_width(_upright(panel).title, TEXT_SIZE) <= height


def _lying_title(panel: Panel, height: float) -> float:
    """Inches left of the data that a title beside it needs to break no word; or 0."""
    if height > LOW or _stands(panel, height):
        return 0.0
    return _longest_word(_upright(panel).title, LEAST_TEXT_SIZE) + BESIDE


def _longest_word(text: str, size: float) -> float:
    return max(text_width(word, size) for word in text.split())


def _upright(panel: Panel) -> Axis:
    return panel.y if isinstance(panel, PointsPanel) else panel.axis


def _with_upright(panel: Panel, axis: Axis) -> Panel:
    if isinstance(panel, PointsPanel):
        return replace(panel, y=axis)
    return replace(panel, axis=axis)


def add_words(
    slide: Any, text: str, box: Box, *, size: float = TEXT_SIZE, bold: bool = False
) -> Any:
    """A text box without insets; its text is known to fit."""
    shape = slide.shapes.add_textbox(
        Inches(box.x), Inches(box.y), Inches(box.width), Inches(box.height)
    )
    frame = shape.text_frame
    frame.margin_left = frame.margin_right = frame.margin_top = 0
    frame.margin_bottom = 0
    frame.word_wrap = True
    frame.text = printable(text)
    for paragraph in frame.paragraphs:
        for run in paragraph.runs:
            run.font.size, run.font.bold = Pt(size), bold
    return shape


def _title_height(title: str, width: float) -> float:
    if not title:
        return 0.0
    lines = wrapped_lines(title, width, TEXT_SIZE, bold=True)
    return len(lines) * TEXT_SIZE * LINE_HEIGHT / POINTS + 0.05


def _entries(panel: Panel) -> list[str]:
    series: Sequence[Points | Bars]
    series = panel.points if isinstance(panel, PointsPanel) else panel.bars
    return [each.name for each in series if each.has_entry]


def _legend_height(panel: Panel, width: float) -> float:
    entries = _entries(panel)
    if not entries:
        return 0.0
    # PowerPoint makes every entry as wide as the widest.
    widest = max(text_width(name, TEXT_SIZE) for name in entries) + ENTRY_MARK
    columns = max(1, int(width / widest))
    rows = math.ceil(len(entries) / columns)
    return rows * TEXT_SIZE * 1.55 / POINTS + 0.05


def _left(panel: Panel, size: float, box: Box) -> float:
    """Room for the numbers or names of the upright axis, and its title."""
    if isinstance(panel, BarsPanel) and panel.is_level:
        names: Sequence[str] = panel.categories
        title = panel.category_title
    else:
        axis = panel.y if isinstance(panel, PointsPanel) else panel.axis
        names = [name for _, name in axis.ticks]
        if axis.is_written:
            names = [_written(axis)]
        title = axis.title
    widest = max((text_width(name, size) for name in names), default=0.0)
    # A long title stands upright in two lines.
    is_long = text_width(title, size) > 0.6 * box.height
    lines = (2 if is_long else 1) if title else 0
    return (
        min(NAMES_SHARE * box.width, widest)
        + (0.12 if widest else 0)
        + 0.36 * lines
        + PAD
    )


def _written(axis: Axis) -> str:
    """The widest number at an axis."""
    ends = [f"{end:,.{_digits(axis)}f}" for end in (axis.low, axis.high)]
    return max(ends, key=len)


def _digits(axis: Axis) -> int:
    """Decimals of the numbers at an axis."""
    return max(0, -math.floor(math.log10(axis.step) + 1e-9)) if axis.step else 0


def _bottom(panel: Panel, width: float) -> float:
    if isinstance(panel, BarsPanel) and not panel.is_level:
        names: Sequence[str] = panel.categories
        title, is_written = panel.category_title, False
    else:
        axis = panel.x if isinstance(panel, PointsPanel) else panel.axis
        names, title = [name for _, name in axis.ticks], axis.title
        is_written = axis.is_written
    line = TEXT_SIZE * LINE_HEIGHT / POINTS
    lines = 1 if is_written else 0
    if names:
        each = width / len(names)
        lines = max(len(wrapped_lines(n, each, TEXT_SIZE)) for n in names)
    return lines * line + (0.12 if lines else 0.02) + (line if title else 0) + PAD


def _add_chart(slide: Any, panel: Panel, box: Box, inner: _Inner) -> Any:
    if isinstance(panel, PointsPanel):
        frame = _add_points(slide, panel, box, inner)
    else:
        frame = _add_bars(slide, panel, box, inner)
    _lay_out(frame.chart, box, inner, legend=inner.top - PAD)
    return frame


def _frame(slide: Any, kind: Any, box: Box, data: Any) -> Any:
    return slide.shapes.add_chart(
        kind,
        Inches(box.x),
        Inches(box.y),
        Inches(box.width),
        Inches(box.height),
        data,
    )


def _add_points(slide: Any, panel: PointsPanel, box: Box, inner: _Inner) -> Any:
    width = box.width - inner.left - inner.right
    labels = [*panel.labels, *_tick_labels(panel, width)]
    size = _row_size(panel, box.height - inner.top - inner.bottom)
    panel = replace(panel, points=(*panel.points, *_whiskers(panel.points)))
    data = _PointsData()
    everything: list[Points | list[Label]] = [
        *([labels] if labels else []),
        *panel.points,
    ]
    # LibreOffice leaves a series out that has fewer points than a later one.
    ordered = sorted(everything, key=lambda each: -_length(each))
    for place, each in enumerate(ordered):
        if isinstance(each, Points):
            name = printable(each.name) or gettext("Line {number}", number=place + 1)
            series = data.add_series(name)
            for x, y in zip(each.x, each.y, strict=True):
                series.add_data_point(x, y)
            continue
        series = data.add_series(gettext("Labels"))
        for label in each:
            series.add_data_point(label.x, label.y)
    frame = _frame(slide, XL_CHART_TYPE.XY_SCATTER, box, data)
    chart = frame.chart
    for each, series in zip(ordered, chart.plots[0].series, strict=True):
        if isinstance(each, Points):
            _style_points(series, each)
        else:
            _write_labels(series, each, rows=size)
    _style_axis(chart.category_axis, panel.x, width=width)
    _style_axis(chart.value_axis, panel.y, grid=panel.y.is_written)
    hidden = [
        place
        for place, each in enumerate(ordered)
        if not isinstance(each, Points) or not each.has_entry
    ]
    _show_legend(chart, hidden, _entries(panel))
    return frame


def _length(drawn: Points | list[Label]) -> int:
    return len(drawn.x) if isinstance(drawn, Points) else len(drawn)


def _tick_labels(panel: PointsPanel, width: float) -> list[Label]:
    """The names of the ticks, which stand at no axis of numbers."""
    across = [Label(name, at, panel.y.low, "below") for at, name in panel.x.ticks]
    if across:
        each = width / len(across)
        across = [
            replace(one, text="\n".join(wrapped_lines(one.text, each, TEXT_SIZE)))
            for one in across
        ]
    return across + [Label(name, panel.x.low, at, "left") for at, name in panel.y.ticks]


def _style_points(series: Any, points: Points) -> None:
    line, marker = series.format.line, series.marker
    if points.dash:
        _colour_line(line, points.colour)
        line.width = Pt(points.width * 0.75)
        line.dash_style = DASHES.get(points.dash, MSO_LINE.DASH)
    else:
        line.fill.background()
    series.smooth = False
    if points.symbol:
        symbol = points.symbol.removesuffix("-open")
        marker.style = MARKERS.get(symbol, XL_MARKER_STYLE.CIRCLE)
        marker.size = max(5, min(14, round(points.size * 0.75)))
        _colour_line(marker.format.line, points.colour)
        marker.format.line.width = Pt(1.75)
        if points.symbol.endswith("-open"):
            marker.format.fill.background()
        else:
            _fill(marker.format.fill, points.colour)
    else:
        marker.style = XL_MARKER_STYLE.NONE
    for direction, errors in (("x", points.x_errors), ("y", points.y_errors)):
        if errors is not None:
            _add_errors(series, errors, points.colour, direction)


def _add_errors(series: Any, errors: Errors, colour: str, direction: str = "") -> None:
    """Error bars of given lengths, which python-pptx does not write."""
    bars = etree.SubElement(series._element, qn("c:errBars"))
    if direction:
        _sub(bars, "c:errDir", direction)
    _sub(bars, "c:errBarType", "both")
    # LibreOffice (7.4) draws level bars of one length alone.
    is_fixed = direction == "x" and _is_even(errors)
    _sub(bars, "c:errValType", "fixedVal" if is_fixed else "cust")
    _sub(bars, "c:noEndCap", "0")
    if is_fixed:
        _sub(bars, "c:val", repr(float(errors.plus[0])))
    both = (("c:plus", errors.plus), ("c:minus", errors.minus))
    for tag, sizes in () if is_fixed else both:
        numbers = etree.SubElement(_sub(bars, tag), qn("c:numLit"))
        _sub(numbers, "c:formatCode").text = "General"
        _sub(numbers, "c:ptCount", str(len(sizes)))
        for place, size in enumerate(sizes):
            point = etree.SubElement(numbers, qn("c:pt"), idx=str(place))
            _sub(point, "c:v").text = repr(float(size))
    # The same line as the series has by itself would be none.
    outline = etree.SubElement(_sub(bars, "c:spPr"), qn("a:ln"), w=str(Pt(1.75)))
    fill = etree.SubElement(outline, qn("a:solidFill"))
    fill.append(_colour_element(colour))
    before = series._element.find(qn("c:xVal"))
    if before is None:
        before = series._element.find(qn("c:cat"))
    before.addprevious(bars)


def _sub(parent: Any, tag: str, value: str | None = None) -> Any:
    child = etree.SubElement(parent, qn(tag))
    if value is not None:
        child.set("val", value)
    return child


def _row_size(panel: PointsPanel, height: float) -> float:
    """Points of the names of rows, which must not touch one another."""
    if len(panel.y.ticks) < 2:
        return TEXT_SIZE
    places = sorted(place for place, _ in panel.y.ticks)
    least = min(after - before for before, after in pairwise(places))
    pitch = height * least / abs(panel.y.high - panel.y.low)
    return max(LEAST_TEXT_SIZE, min(TEXT_SIZE, int(pitch * POINTS / LINE_HEIGHT)))


def _whiskers(points: Sequence[Points]) -> list[Points]:
    """Lines along level intervals, where LibreOffice would draw no error bars."""
    return [
        Points(
            gettext("Interval"),
            (x - less, x + more),
            (y, y),
            each.colour,
            dash="solid",
            has_entry=False,
        )
        for each in points
        if each.x_errors is not None and not _is_even(each.x_errors)
        for x, y, less, more in zip(
            each.x, each.y, each.x_errors.minus, each.x_errors.plus, strict=True
        )
    ]


def _is_even(errors: Errors) -> bool:
    """Whether it is one interval that reaches as far on both sides."""
    return len(errors.plus) == 1 and math.isclose(
        errors.plus[0], errors.minus[0], rel_tol=1e-6, abs_tol=1e-12
    )


def _write_labels(series: Any, labels: Sequence[Label], *, rows: float) -> None:
    series.format.line.fill.background()
    series.marker.style = XL_MARKER_STYLE.NONE
    for place, label in enumerate(labels):
        shown = series.points[place].data_label
        frame = shown.text_frame
        frame.word_wrap = False
        frame.text = printable(label.text)
        size = rows if label.side == "left" else TEXT_SIZE
        for paragraph in frame.paragraphs:
            for run in paragraph.runs:
                run.font.size, run.font.bold = Pt(size), label.is_bold
        shown.position = _SIDES[label.side]


def _style_axis(
    axis: Any, read: Axis, *, grid: bool = False, width: float = 0.0
) -> None:
    axis.minimum_scale, axis.maximum_scale = read.low, read.high
    axis.has_major_gridlines = grid
    axis.has_minor_gridlines = False
    axis.major_tick_mark = axis.minor_tick_mark = XL_TICK_MARK.NONE
    if grid:
        _colour_line(axis.major_gridlines.format.line, GRID_COLOUR)
    _colour_line(axis.format.line, GRID_COLOUR)
    if read.is_written:
        axis.tick_label_position = XL_TICK_LABEL_POSITION.LOW
        axis.tick_labels.font.size = Pt(TEXT_SIZE)
        axis.tick_labels.number_format = _format(read)
        axis.tick_labels.number_format_is_linked = False
        if not read.is_log:
            axis.major_unit = read.step * _apart(read, width)
    else:
        axis.tick_label_position = XL_TICK_LABEL_POSITION.NONE
    if read.title:
        axis.has_title = True
        frame = axis.axis_title.text_frame
        frame.text = printable(read.title)
        for paragraph in frame.paragraphs:
            run = paragraph.runs[0]
            run.font.size, run.font.bold = Pt(TEXT_SIZE), False
    else:
        axis.has_title = False
    scaling = axis._element.find(qn("c:scaling"))
    if read.is_log:
        base = etree.Element(qn("c:logBase"), val="10")
        scaling.insert(0, base)
    # The other axis stands at this one's lower end, not at 0.
    crosses = axis._element.find(qn("c:crosses"))
    if crosses is not None:
        crosses.set("val", "min")


def _apart(axis: Axis, width: float) -> int:
    """How many steps lie between numbers, so that they do not touch; any if upright."""
    each = text_width(_written(axis), TEXT_SIZE) * 1.3
    steps = (axis.high - axis.low) / axis.step
    fits = (apart for apart in (1, 2, 5, 10) if steps / apart * each <= width)
    return next(fits, 10) if width else 1


def _format(axis: Axis) -> str:
    if axis.is_log:
        return _in_language("General")
    digits = _digits(axis)
    return _in_language("#,##0" + ("." + "0" * digits if digits else ""))


def _in_language(number_format: str) -> str:
    """A format of numbers that says which language they are in.

    PowerPoint goes by the computer's language all the same; LibreOffice by this.
    """
    return FORMAT_LANGUAGES.get(language(), "") + number_format


def _add_bars(slide: Any, panel: BarsPanel, box: Box, inner: _Inner) -> Any:
    data = _CategoryData()
    data.categories = [printable(name) for name in panel.categories]
    for bars in panel.bars:
        data.add_series(
            printable(bars.name) or gettext("Bars"),
            [None if v != v else v for v in bars.values],
        )
    kind = {
        (False, False): XL_CHART_TYPE.COLUMN_CLUSTERED,
        (False, True): XL_CHART_TYPE.COLUMN_STACKED,
        (True, False): XL_CHART_TYPE.BAR_CLUSTERED,
        (True, True): XL_CHART_TYPE.BAR_STACKED,
    }[panel.is_level, panel.is_stacked]
    frame = _frame(slide, kind, box, data)
    chart = frame.chart
    plot = chart.plots[0]
    plot.gap_width = 40
    plot.overlap = 100 if panel.is_stacked else 0
    for bars, series in zip(panel.bars, plot.series, strict=True):
        _fill(series.format.fill, bars.colour)
        series.invert_if_negative = False
        if bars.errors is not None:
            _add_errors(series, bars.errors, bars.colour)
        _write_bar_texts(series, bars, stacked=panel.is_stacked)
    _style_axis(chart.value_axis, panel.axis, grid=panel.axis.is_written)
    names = chart.category_axis
    names.has_major_gridlines = False
    names.major_tick_mark = XL_TICK_MARK.NONE
    names.tick_labels.font.size = Pt(TEXT_SIZE)
    names.tick_label_position = XL_TICK_LABEL_POSITION.LOW
    _colour_line(names.format.line, GRID_COLOUR)
    names.has_title = bool(panel.category_title)
    if panel.category_title:
        names.axis_title.text_frame.text = printable(panel.category_title)
        run = names.axis_title.text_frame.paragraphs[0].runs[0]
        run.font.size, run.font.bold = Pt(TEXT_SIZE), False
    hidden = [place for place, bars in enumerate(panel.bars) if not bars.has_entry]
    _show_legend(chart, hidden, _entries(panel))
    return frame


def _write_bar_texts(series: Any, bars: Bars, *, stacked: bool) -> None:
    """The value of each bar at it, where the figure writes them."""
    if not any(bars.texts):
        return
    labels = series.data_labels
    labels.show_value = True
    number_format = "#,##0" if _are_whole(bars.values) else "0.##"
    labels.number_format = _in_language(number_format)
    labels.number_format_is_linked = False
    labels.font.size = Pt(TEXT_SIZE - 2)
    labels._element.find(qn("c:txPr")).find(qn("a:bodyPr")).set("wrap", "none")
    labels.position = (
        XL_LABEL_POSITION.CENTER if stacked else XL_LABEL_POSITION.OUTSIDE_END
    )


def _are_whole(values: Sequence[float]) -> bool:
    return all(value == int(value) for value in values if value == value)


def _show_legend(chart: Any, hidden: Sequence[int], entries: Sequence[str]) -> None:
    chart.has_title = False
    chart.has_legend = bool(entries)
    if not entries:
        return
    legend = chart.legend
    legend.include_in_layout = False
    legend.font.size = Pt(TEXT_SIZE)
    position = legend._element.find(qn("c:legendPos"))
    if position is None:
        position = etree.Element(qn("c:legendPos"))
        legend._element.insert(0, position)
    position.set("val", "t")
    for place in reversed(hidden):
        entry = etree.Element(qn("c:legendEntry"))
        _sub(entry, "c:idx", str(place))
        _sub(entry, "c:delete", "1")
        position.addnext(entry)


def _lay_out(chart: Any, box: Box, inner: _Inner, *, legend: float) -> None:
    """Say where the area of the data stands, so that panels stand in line."""
    area = chart._chartSpace.chart.plotArea
    place = _manual_layout(
        inner.left / box.width,
        inner.top / box.height,
        (box.width - inner.left - inner.right) / box.width,
        max(0.1, (box.height - inner.top - inner.bottom) / box.height),
        inner=True,
    )
    for old in area.findall(qn("c:layout")):
        area.remove(old)
    area.insert(0, place)
    if chart.has_legend:
        element = chart.legend._element
        for old in element.findall(qn("c:layout")):
            element.remove(old)
        spot = _manual_layout(0.0, 0.0, 1.0, legend / box.height)
        overlay = element.find(qn("c:overlay"))
        overlay.addprevious(spot)


def _manual_layout(
    x: float, y: float, width: float, height: float, *, inner: bool = False
) -> Any:
    layout = etree.Element(qn("c:layout"))
    manual = _sub(layout, "c:manualLayout")
    if inner:
        _sub(manual, "c:layoutTarget", "inner")
    _sub(manual, "c:xMode", "edge")
    _sub(manual, "c:yMode", "edge")
    for tag, value in (("x", x), ("y", y), ("w", width), ("h", height)):
        _sub(manual, f"c:{tag}", f"{value:.5f}")
    return layout


def _colour_parts(colour: str) -> tuple[str, float]:
    """Six digits and the opacity of one of Plotly's colours."""
    if found := _COLOUR.fullmatch(colour):
        red, green, blue = (int(found[i]) for i in (1, 2, 3))
        return f"{red:02X}{green:02X}{blue:02X}", float(found[4] or 1)
    if re.fullmatch("#[0-9A-Fa-f]{6}", colour):
        return colour[1:].upper(), 1.0
    return "808080", 1.0


def _colour_element(colour: str) -> Any:
    digits, opacity = _colour_parts(colour)
    element = etree.Element(qn("a:srgbClr"), val=digits)
    if opacity < 1:
        _sub(element, "a:alpha", str(round(100_000 * opacity)))
    return element


def _fill(fill: Any, colour: str) -> None:
    fill.solid()
    # python-pptx has no opacity: the colour is put in its place.
    solid = fill._fill._solidFill
    for old in list(solid):
        solid.remove(old)
    solid.append(_colour_element(colour))


def _colour_line(line: Any, colour: str) -> None:
    _fill(line.fill, colour)
