"""Figures for print: a Plotly figure drawn by matplotlib, with the same numbers.

A translator of what ``core.plots`` draws, and not a second drawing of each view: both
show the same, because both are made from one figure.
"""

from __future__ import annotations

import base64
import io
import itertools
import math
import textwrap
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import IO, Any, Literal, cast

import matplotlib as mpl
import numpy as np
import plotly.graph_objects as go
import seaborn as sns
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.legend import Legend
from matplotlib.patches import Rectangle
from matplotlib.text import Annotation, Text
from matplotlib.ticker import ScalarFormatter
from matplotlib.transforms import Bbox, Transform, blended_transform_factory
from PIL import Image

from core.errors import EquipoiseError
from core.language import gettext
from core.plots.look import FONT_SIZE
from core.plots.traces import ROW_BELOW, ROW_GAP, ROW_LINE
from core.report.print_axes import PLAIN, PrintAxis, kind_of, separated
from core.report.print_colours import dash_of, read_colour, read_scale
from core.report.print_text import (
    FONT,
    Level,
    Style,
    Upright,
    broken,
    plain_text,
    read_text,
    style_of,
    turned,
    wrapped,
    write_at,
)
from core.report.print_traces import (
    Bars,
    Place,
    as_list,
    draw_trace,
    extend,
    is_seen,
    legend_mark,
    place_bars,
    require_known,
)
from core.text import SEPARATOR

Width = Literal["one-column", "two-columns", "slide"]
Format = Literal["pdf", "svg", "png"]
FORMATS: tuple[Format, ...] = ("pdf", "svg", "png")
RESOLUTION = 300
"""Dots an inch of a picture."""
LEAST_TYPE = 7.0
"""Points of the smallest type, at the width that a figure is printed at."""


@dataclass(frozen=True)
class Paper:
    """Room for a figure.

    Parameters
    ----------
    width, tallest : float
        Inches.
    scale : float
        Points of a pixel of the figure on a page.
    """

    width: float
    tallest: float
    scale: float

    @property
    def is_wide(self) -> bool:
        """Whether names of rows have room beside the rows."""
        return self.width / self.scale > _WIDE


PAPERS: dict[Width, Paper] = {
    "one-column": Paper(3.4, 8.6, 0.5),
    "two-columns": Paper(7.0, 8.6, 0.54),
    "slide": Paper(12.3, 5.5, 0.94),
}
_POINTS = 72.0
# matplotlib's settings are the process's: one figure is drawn at a time.
_ONE_AT_A_TIME = threading.RLock()
_SETTINGS: dict[str, Any] = {
    "font.family": [FONT],
    "text.parse_math": False,
    "text.hinting": "none",
    # Letters as TrueType, which stay text in a PDF; in an SVG as outlines, so that it
    # looks the same where the font is not installed.
    "pdf.fonttype": 42,
    "svg.fonttype": "path",
    "svg.hashsalt": "equipoise",
    "hatch.linewidth": 0.6,
    "savefig.facecolor": "white",
    "path.simplify": False,
}
# Of a picture, the share of its size that lies left of, or below, its anchor.
_ANCHORS = {
    **{"left": 0.0, "center": 0.5, "right": 1.0},
    **{"bottom": 0.0, "middle": 0.5, "top": 1.0},
}
# Between the axes and what is in front of all of them.
_PICTURES = 3
_PATCH_LEVELS = {"below": 0.5, "between": 1.7, "above": 5.0}
_MARGIN = 0.04
"""Inches around everything."""
# Inches for a pixel's points, from which a figure is wide.
_WIDE = 9.0
# Pixels of a row whose name stands beside it, at the least, and around its lines.
_ROW, _ROW_FREE = 34, 8
_JOINT = SEPARATOR
# The share of the width that such a name may take.
_ROW_NAME = 0.42
# A cell of a heat map is so many times wider than tall at most.
_CELL = 3.0
# How much longer than its upright axis a title may be.
_BEYOND = 1.15
# Inches of a cell for a pixel's points, in which its text has room in one line.
_CELL_LEAST = 1.5


def print_figure(figure: go.Figure, *, width: Width | Paper, title: str = "") -> Figure:
    """Draw a Plotly figure for print.

    Parameters
    ----------
    figure : plotly Figure
        Of traces of points, lines, bars and cells, as ``core.plots`` draws them.
    width : {"one-column", "two-columns", "slide"} or Paper
        Of the text that it stands in; or another place.
    title : str
        Written above, as it is; a figure in a text has its caption instead. A figure
        that has a title of its own, such as the name of a method, keeps it.

    Returns
    -------
    matplotlib Figure

    Raises
    ------
    EquipoiseError
        If the figure has something that cannot be printed.
    """
    with _ONE_AT_A_TIME, _set({**sns.axes_style("ticks"), **_SETTINGS}):
        paper = PAPERS[width] if isinstance(width, str) else width
        return _Drawing(figure, paper, title).draw()


def side_by_side(width: Width, count: int) -> Paper:
    """Room for each of so many figures beside each other; their type is smaller."""
    paper = PAPERS[width]
    if count == 1:
        return paper
    return Paper(
        paper.width / count - _MARGIN,
        paper.tallest / (1 if count == 2 else 2),
        max(paper.scale * (0.8 if count == 2 else 0.64), PAPERS["one-column"].scale),
    )


def save_figure(
    figure: Figure,
    target: Path | IO[bytes],
    *,
    kind: Format | None = None,
    title: str = "",
) -> None:
    """Write a figure from ``print_figure``: a PDF, an SVG or a PNG of 300 dpi.

    Parameters
    ----------
    figure : matplotlib Figure
    target : Path or file
    kind : {"pdf", "svg", "png"}, optional
        By the ending of the path otherwise.
    title : str
        Of the document.

    Notes
    -----
    The same figure gives the same bytes: no date is written. Fonts are embedded in a
    PDF; an SVG has outlines of letters.
    """
    ending = target.suffix.removeprefix(".") if isinstance(target, Path) else ""
    chosen = kind or ending
    named = {"Title": title} if title else {}
    metadata: dict[str, dict[str, Any]] = {
        "pdf": {**named, "CreationDate": None, "Producer": None},
        "svg": {**named, "Date": None},
        "png": {**named, "Software": None},
    }
    if chosen not in metadata:
        raise EquipoiseError(
            gettext("A figure cannot be written as '{kind}'.", kind=chosen),
            expected=gettext("a name that ends in .pdf, .svg or .png."),
            remedy=gettext("choose one of them."),
        )
    with _ONE_AT_A_TIME, _set(_SETTINGS):
        figure.savefig(target, format=chosen, dpi=RESOLUTION, metadata=metadata[chosen])


@contextmanager
def print_settings() -> Iterator[None]:
    """The settings that figures for print are written with; one writes at a time."""
    with _ONE_AT_A_TIME, _set(_SETTINGS):
        yield


def _set(settings: Mapping[str, Any]) -> AbstractContextManager[None]:
    """Settings of matplotlib, for a while."""
    return cast(AbstractContextManager[None], mpl.rc_context(cast(Any, settings)))


class _Written(ScalarFormatter):
    """Numbers with a figure's separators."""

    def __init__(self, separators: str) -> None:
        super().__init__()
        self._separators = separators

    def __call__(self, x: float, pos: int | None = None) -> str:
        """The text of one tick."""
        return separated(super().__call__(x, pos), self._separators)


@dataclass
class _Drawing:
    """One figure while it is drawn."""

    source: go.Figure
    paper: Paper
    title: str
    figure: Figure = field(init=False)
    layout: dict[str, Any] = field(init=False)
    traces: list[dict[str, Any]] = field(init=False)
    plot: float = field(init=False)
    head: Text | None = None
    legend: Legend | None = None
    bar: Axes | None = None
    axes: dict[tuple[str, str], Axes] = field(default_factory=dict)
    sides: dict[str, PrintAxis] = field(default_factory=dict)
    within: list[tuple[Artist, Axes, float, float, bool]] = field(default_factory=list)

    def __post_init__(self) -> None:
        whole = self.source.layout.to_plotly_json()
        template = whole.pop("template", {}).get("layout", {})
        self.layout = _merged(template, whole)
        every = [trace.to_plotly_json() for trace in self.source.data]
        for trace in every:
            require_known(trace)
        self.traces = [trace for trace in every if is_seen(trace)]
        self.scale = self.paper.scale
        # Plotly sets nothing between thousands where it is told one sign alone.
        self.separators = f"{self.layout.get('separators') or PLAIN} "[:2]
        self.font = {"size": 12, "color": "#444444", **self.layout.get("font", {})}

    def draw(self) -> Figure:
        """Draw everything, then make room for it."""
        # Measured as it is written: letters of few dots have other widths.
        size = (self.paper.width, self._height())
        self.figure = Figure(figsize=size, dpi=RESOLUTION)
        FigureCanvasAgg(self.figure)
        self.paper_axes = self.figure.add_axes((0, 0, 1, 1), zorder=-1)
        self.paper_axes.set_axis_off()
        self.front_axes = self.figure.add_axes((0, 0, 1, 1), zorder=20)
        self.front_axes.set_axis_off()
        self._read_axes()
        bars = self._place_bars()
        for trace in self.traces:
            x, y = self._axes_of(trace)
            extend(trace, x, y, bars.get(id(trace)))
        self._make_axes()
        self._write_head()
        self._draw_legend()
        self._draw_colour_bar()
        self.plot = self._plot_height()
        before: dict[tuple[str, str], Any] = {}
        for trace in self.traces:
            key = _names(trace)
            place = Place(
                self.axes[key],
                *self._axes_of(trace),
                self.scale,
                LEAST_TYPE,
                self.font,
                self.within,
            )
            before[key] = draw_trace(trace, place, bars.get(id(trace)), before.get(key))
        for picture in self.layout.get("images", ()):
            self._draw_picture(picture)
        for shape in self.layout.get("shapes", ()):
            self._draw_shape(shape)
        for note in self.layout.get("annotations", ()):
            if self.paper.is_wide and self._names_row(note):
                self._write_row_name(note)
            else:
                self._draw_note(note)
        self._set_limits()
        self._make_room()
        self._hide_what_does_not_fit()
        # It is drawn again when it is saved, under the settings of that time.
        for text in self.figure.findobj(Text):
            text.set_parse_math(False)
        self._keep_inside()
        return self.figure

    def _keep_inside(self) -> None:
        """Move notes that reach beyond the left or the right edge back into sight."""
        self.figure.draw_without_rendering()
        width = self.figure.bbox.width
        for text in self.figure.findobj(Annotation):
            box = text.get_window_extent()
            beyond = min(box.x0, 0) + max(box.x1 - width, 0)
            if beyond and box.width <= width and text.get_visible():
                right, up = text.xyann
                text.xyann = (right - beyond * _POINTS / self.figure.dpi, up)

    def _height(self) -> float:
        pixels = float(self.layout.get("height", 450))
        return min(pixels * self.scale / _POINTS, self.paper.tallest)

    def _plot_height(self) -> float:
        """Inches of the plot, with its ticks' and titles' room in Plotly's height."""
        margin = self.layout.get("margin", {})
        pixels = float(self.layout.get("height", 450)) - float(margin.get("t", 28)) - 60
        notes = self.layout.get("annotations", ())
        names = [n for n in notes if self._names_row(n) and n["yanchor"] == "bottom"]
        if names:
            before, lines = (
                max(len(read_text(text)) for text in texts) * ROW_LINE
                for texts in (
                    [str(name["text"]) for name in names],
                    [self._row_text(name) for name in names],
                )
            )
            beside = max(lines + _ROW_FREE, _ROW)
            above = ROW_BELOW + ROW_GAP + lines
            row = min(beside, above) if self.paper.is_wide else above
            pixels += len(names) * (row - (ROW_BELOW + ROW_GAP + before))
        most = self.paper.tallest - self._head_height() - 0.9 * self.scale
        return min(max(pixels, 90) * self.scale / _POINTS, most)

    def _read_axes(self) -> None:
        values: dict[str, list[Any]] = {}
        for trace in self.traces:
            for name, letter in zip(_names(trace), "xy", strict=True):
                values.setdefault(name, []).extend(as_list(trace.get(letter)))
        for name in sorted(values):
            own = self.layout.get(f"{name[0]}axis{name[1:]}", {})
            side = self._axis(name, own, kind_of(own, values[name]))
            if side.kind not in ("linear", "log", "category"):
                raise EquipoiseError(
                    gettext(
                        "A figure with an axis of the type '{kind}' cannot be printed.",
                        kind=side.kind,
                    ),
                    expected=gettext("one of {names}.", names="linear, log, category"),
                    remedy=gettext("save it as HTML, or as a picture from the page."),
                )
            if own.get("categoryarray") is not None:
                side.learn(as_list(own["categoryarray"]))
            side.learn(values[name])
            self.sides[name] = side

    def _axis(
        self, name: str, layout: Mapping[str, Any], kind: str = "linear"
    ) -> PrintAxis:
        return PrintAxis(name[0], layout, kind, separators=self.separators)

    def _axes_of(self, trace: Mapping[str, Any]) -> tuple[PrintAxis, PrintAxis]:
        x, y = _names(trace)
        return self.sides[x], self.sides[y]

    def _place_bars(self) -> dict[int, Bars]:
        groups: dict[tuple[str, str], list[dict[str, Any]]] = {}
        for trace in self.traces:
            if trace.get("type") == "bar":
                groups.setdefault(_names(trace), []).append(trace)
        found: dict[int, Bars] = {}
        for traces in groups.values():
            placed = place_bars([(t, *self._axes_of(t)) for t in traces], self.layout)
            found |= {id(t): bars for t, bars in zip(traces, placed, strict=True)}
        return found

    def _make_axes(self) -> None:
        pairs = list(dict.fromkeys(_names(trace) for trace in self.traces))
        for x, y in pairs or [("x", "y")]:
            for name in (x, y):
                own = self.layout.get(f"{name[0]}axis{name[1:]}", {})
                self.sides.setdefault(name, self._axis(name, own))
            over = bool(
                self.sides[x].layout.get("overlaying")
                or self.sides[y].layout.get("overlaying")
            )
            axes = self.figure.add_axes((0.1, 0.1, 0.8, 0.8), zorder=2 if over else 1)
            axes.set_facecolor("none")
            self.axes[x, y] = axes
            for name, is_own in ((x, self._is_home(x, y)), (y, self._is_home(y, x))):
                side = self.sides[name]
                axis = axes.xaxis if side.letter == "x" else axes.yaxis
                if side.is_log:
                    (axes.set_xscale if side.letter == "x" else axes.set_yscale)("log")
                axis.set_visible(is_own and side.layout.get("visible", True))
            axes.spines[["top", "right", "left", "bottom"]].set_visible(False)

    def _is_home(self, name: str, other: str) -> bool:
        """Whether an axis has its ticks beside this other one."""
        own = [pair for pair in self._pairs() if name in pair]
        homes = [self._anchor(name), *(p[0] if p[1] == name else p[1] for p in own)]
        there = [home for home in homes if any(home in pair for pair in own)]
        return not there or there[0] == other

    def _pairs(self) -> list[tuple[str, str]]:
        return list(dict.fromkeys(_names(trace) for trace in self.traces))

    def _anchor(self, name: str) -> str:
        return str(self.sides[name].layout.get("anchor", "yx"["xy".index(name[0])]))

    # Shapes and notes

    def _reference(self, name: str, letter: str) -> tuple[PrintAxis | None, Axes]:
        """The axis that a shape or note refers to, and what it is drawn in."""
        if name in ("paper", ""):
            return None, self.paper_axes
        for pair, axes in self.axes.items():
            if name in pair:
                return self.sides[name], axes
        raise EquipoiseError(
            gettext(
                "A figure refers to its axis '{name}', which shows nothing.", name=name
            ),
            expected=gettext("an axis with a trace."),
            remedy=gettext("save it as HTML, or as a picture from the page."),
        )

    def _frame(self, xref: str, yref: str) -> tuple[Axes, Transform]:
        """What something is drawn in, and how its places are read."""
        names = (xref.removesuffix(" domain"), yref.removesuffix(" domain"))
        _, x_axes = self._reference(names[0], "x")
        _, y_axes = self._reference(names[1], "y")
        both = tuple(names)
        owner = self.axes.get(both)  # type: ignore[arg-type]
        if owner is None:
            owner = x_axes if y_axes is self.paper_axes else y_axes
        x = x_axes.transAxes if self._is_share(xref) else x_axes.transData
        y = y_axes.transAxes if self._is_share(yref) else y_axes.transData
        return owner, blended_transform_factory(x, y)

    @staticmethod
    def _is_share(reference: str) -> bool:
        return reference == "paper" or reference.endswith(" domain")

    def _shape_place(self, reference: str, value: Any) -> float:
        if self._is_share(reference):
            return float(value)
        return self.sides[reference].place(value)

    def _draw_shape(self, shape: Mapping[str, Any]) -> None:
        xref, yref = shape.get("xref", "x"), shape.get("yref", "y")
        axes, transform = self._frame(xref, yref)
        x = [self._shape_place(xref, shape[key]) for key in ("x0", "x1")]
        y = [self._shape_place(yref, shape[key]) for key in ("y0", "y1")]
        line = shape.get("line", {})
        width = float(line.get("width", 2)) * self.scale
        options: dict[str, Any] = {
            "transform": transform,
            "linewidth": width,
            "linestyle": dash_of(line.get("dash", "solid"), width),
            "zorder": _PATCH_LEVELS[shape.get("layer", "above")],
            "clip_on": not (self._is_share(xref) and self._is_share(yref)),
        }
        opacity = float(shape.get("opacity", 1))
        colour = read_colour(line.get("color", "#444444"), opacity)
        match shape.get("type", "rect"):
            case "line":
                drawn: Any = mpl.lines.Line2D(x, y, color=colour, **options)
            case "rect":
                drawn = Rectangle(
                    (min(x), min(y)),
                    abs(x[1] - x[0]),
                    abs(y[1] - y[0]),
                    facecolor=read_colour(
                        shape.get("fillcolor", "rgba(0,0,0,0)"), opacity
                    ),
                    edgecolor=colour if width else "none",
                    **options,
                )
            case other:
                raise EquipoiseError(
                    gettext(
                        "A figure with a shape of the type '{kind}' cannot be printed.",
                        kind=other,
                    ),
                    expected=gettext("a line or a rectangle."),
                    remedy=gettext("save it as HTML, or as a picture from the page."),
                )
        axes.add_artist(drawn)
        if options["clip_on"]:
            drawn.set_clip_path(axes.patch)

    def _draw_picture(self, given: Mapping[str, Any]) -> None:
        """A picture of the figure at its place, in the shape that it has."""
        _, found, content = str(given.get("source") or "").partition(";base64,")
        if not found:
            raise EquipoiseError(
                gettext("A figure with a picture from elsewhere cannot be printed."),
                expected=gettext("a picture that is within the figure."),
                remedy=gettext("save it as HTML, or as a picture from the page."),
            )
        names = str(given.get("xref", "paper")), str(given.get("yref", "paper"))
        _, transform = self._frame(*names)
        anchors = given.get("xanchor", "left"), given.get("yanchor", "top")
        starts, sizes = [], []
        for reference, letter, anchor in zip(names, "xy", anchors, strict=True):
            size = float(given[f"size{letter}"]) * self._direction(reference)
            at = self._shape_place(reference, given[letter])
            starts.append(at - _ANCHORS[anchor] * size)
            sizes.append(size)
        corners = [starts, [a + b for a, b in zip(starts, sizes, strict=True)]]

        def locate(*_: Any) -> Bbox:
            # Where it is on the paper is known once there is room for all.
            pixels = transform.transform(corners)
            shares = self.figure.transFigure.inverted().transform(pixels)
            return Bbox([shares.min(axis=0), shares.max(axis=0)])

        inset = self.figure.add_axes((0, 0, 1, 1), zorder=_PICTURES)
        inset.set_axes_locator(locate)
        inset.set_axis_off()
        is_whole = given.get("sizing", "contain") == "contain"
        with Image.open(io.BytesIO(base64.b64decode(content))) as image:
            pixels = np.asarray(image.convert("RGBA"))
        inset.imshow(pixels, aspect="equal" if is_whole else "auto")
        inset.set_anchor(cast(Any, tuple(_ANCHORS[anchor] for anchor in anchors)))

    def _direction(self, reference: str) -> int:
        """1 where an axis runs to the right or upwards, else -1."""
        if self._is_share(reference):
            return 1
        low, high = self.sides[reference].limits()
        return 1 if low <= high else -1

    def _draw_note(self, note: Mapping[str, Any]) -> None:
        if not note.get("text") or note.get("visible") is False:
            return
        xref, yref = note.get("xref", "x"), note.get("yref", "y")
        axes, transform = self._frame(xref, yref)
        if axes is self.paper_axes:
            axes = self.front_axes
        font = {**self.font, **note.get("font", {})}
        style = style_of(font, self.scale, LEAST_TYPE, read_colour(font["color"]))
        style = turned(style, -float(note.get("textangle", 0)))
        right, up = (float(note.get(key, 0)) for key in ("xshift", "yshift"))
        if note.get("showarrow", True):
            right += float(note.get("ax", -10))
            up -= float(note.get("ay", -30))
        text = self._row_text(note) if self._names_row(note) else str(note["text"])
        row = self._cell_height(xref, yref)
        if 1.3 * style.size * len(read_text(text)) > row:
            text = text.replace("<br>", " ")
            style = replace(style, size=max(min(style.size, row / 1.3), LEAST_TYPE))
        write_at(
            axes,
            text,
            (self._note_place(xref, note["x"]), self._note_place(yref, note["y"])),
            transform,
            style,
            shift=(right * self.scale, up * self.scale),
            level=_level(note.get("xanchor", "auto"), xref, note["x"]),
            upright=_upright(note.get("yanchor", "auto"), yref, note["y"]),
            align=note.get("align"),
        )

    def _cell_height(self, xref: str, yref: str) -> float:
        """Points of a heat map's cell, where a note stands in one."""
        sides = self.sides.get(xref), self.sides.get(yref)
        is_cell = any(trace.get("type") == "heatmap" for trace in self.traces)
        if not is_cell or None in sides or not self.sides[yref].categories:
            return math.inf
        return _POINTS * self.plot / len(self.sides[yref].categories)

    def _names_row(self, note: Mapping[str, Any]) -> bool:
        """Whether a note is the name of a row, at its left."""
        yref = note.get("yref", "y")
        return bool(
            note.get("xref") == "paper"
            and note.get("x") == 0
            and note.get("xanchor") == "left"
            and note.get("yanchor") in ("bottom", "top")
            and yref in self.sides
            and self.sides[yref].layout.get("showticklabels") is False
        )

    def _row_text(self, note: Mapping[str, Any]) -> str:
        """The name of a row, in lines that are not too long."""
        size = max(FONT_SIZE * self.scale, LEAST_TYPE)
        share = _ROW_NAME if self.paper.is_wide else 1.0
        letters = int(share * self.paper.width * _POINTS / (0.6 * size))
        return broken(str(note["text"]), letters)

    def _write_row_name(self, note: Mapping[str, Any]) -> None:
        """Write the name of a row beside it, in one line where there is room for one.

        Above its mark, as on a page that a phone may show, it would take more height.
        """
        yref = note.get("yref", "y")
        side = self.sides[yref]
        low, high = side.limits()
        share = side.domain[1] - side.domain[0]
        row = _POINTS * self.plot * share / abs(high - low)
        font = {**self.font, **note.get("font", {})}
        style = style_of(font, self.scale, LEAST_TYPE, read_colour(font["color"]))
        text = self._row_text(note)
        if 1.3 * style.size * len(read_text(text)) > row:
            text = str(note["text"]).replace("<br>", _JOINT)
        style = replace(style, size=max(min(style.size, row / 1.3), LEAST_TYPE))
        _, transform = self._frame("paper", yref)
        # A name that hangs from the head of its row stands half a row above the middle.
        half = 0.5 if note["yanchor"] == "top" else 0.0
        write_at(
            self.front_axes,
            text,
            (0, self._note_place(yref, note["y"]) + half),
            transform,
            style,
            shift=(-16 * self.scale, 0),
            level="right",
            align="right",
        )

    def _note_place(self, reference: str, value: Any) -> float:
        if self._is_share(reference):
            return float(value)
        return self.sides[reference].noted_place(value)

    # Axes

    def _set_limits(self) -> None:
        for (x, y), axes in self.axes.items():
            axes.set_xlim(*self.sides[x].limits())
            axes.set_ylim(*self.sides[y].limits())

    def _style_axes(self) -> None:
        """Ticks, grid and titles, once it is known how much room there is."""
        for (x, y), axes in self.axes.items():
            box = axes.get_position()
            width, height = self.figure.get_size_inches() * _POINTS
            for name, length in ((x, box.width * width), (y, box.height * height)):
                side = self.sides[name]
                axis = axes.xaxis if side.letter == "x" else axes.yaxis
                if axis.get_visible():
                    self._style_axis(axes, side, length)

    def _style_axis(self, axes: Axes, side: PrintAxis, length: float) -> None:
        axis: Any = axes.xaxis if side.letter == "x" else axes.yaxis
        is_level = side.letter == "x"
        layout = side.layout
        font = {**self.font, **layout.get("tickfont", {})}
        style = style_of(font, self.scale, LEAST_TYPE, read_colour(font["color"]))
        room = max(2, int(length / (style.size * (4.5 if is_level else 2.6))))
        ticks = side.ticks(side.limits(), room)
        shown = layout.get("showticklabels", True)
        texts = [text if shown else "" for _, text in ticks]
        angle = 0.0
        if is_level and shown:
            texts, angle = self._fitted(axes, side, ticks, style.size, length)
        elif shown and len(ticks) > 1:
            texts, style = self._rows_fitted(side, texts, style, length)
        axis.set_ticks([at for at, _ in ticks], texts)
        axis.set_ticks([], minor=True)
        axis.set_tick_params(length=0, pad=3, labelsize=style.size, rotation=angle)
        if angle and is_level:
            for label in axis.get_ticklabels():
                label.set(rotation_mode="anchor", ha="right", va="center")
        for label in axis.get_ticklabels():
            label.set_color(style.colour)
        if layout.get("showgrid", True):
            axis.grid(
                True,
                color=read_colour(layout.get("gridcolor", "#EEEEEE")),
                linewidth=max(0.4, 1.0 * self.scale),
            )
        axes.set_axisbelow(True)
        if layout.get("side") in ("right", "top"):
            (axis.tick_right if not is_level else axis.tick_top)()
            axis.set_label_position(layout["side"])
        axis.set_tick_params(length=0)
        self._title_axis(axis, side, length)

    def _rows_fitted(
        self, side: PrintAxis, texts: list[str], style: Style, length: float
    ) -> tuple[list[str], Style]:
        """Texts of an upright axis that do not overlap, and how they are written."""
        if side.kind != "category" and side.layout.get("ticktext") is None:
            return texts, style
        row = length / len(texts)
        lines = max(text.count("\n") + 1 for text in texts)
        if 1.2 * lines * style.size > row:
            texts = [text.replace("\n", _JOINT) for text in texts]
        size = max(min(style.size, row / 1.15), LEAST_TYPE)
        return _thinned(texts, 1.15 * size, row), replace(style, size=size)

    def _title_axis(self, axis: Any, side: PrintAxis, length: float) -> None:
        if not side.title:
            return
        font = {**self.font, **side.layout.get("title", {}).get("font", {})}
        style = style_of(font, self.scale, LEAST_TYPE, read_colour(font["color"]))
        letters = int(length / (0.56 * style.size))
        text, size = wrapped(side.title, letters, breaks=False), style.size
        if side.letter == "y":
            standing: dict[str, Any] = {"rotation": 90, "ha": "center", "va": "bottom"}
            if max(self._widths([text], size)) > _BEYOND * length:
                # A word is longer than its low axis: it lies beside it.
                is_right = side.layout.get("side") == "right"
                standing = {
                    "rotation": 0,
                    "ha": "left" if is_right else "right",
                    "va": "center",
                }
                text = wrapped(side.title, max(map(len, side.title.split())))
                lines = text.count("\n") + 1
                size = max(min(size, length / (1.25 * lines)), LEAST_TYPE)
            axis.label.set(**standing)
        axis.set_label_text(text, fontsize=size, color=style.colour)
        axis.labelpad = 4

    def _fitted(
        self,
        axes: Axes,
        side: PrintAxis,
        ticks: Sequence[tuple[float, str]],
        size: float,
        length: float,
    ) -> tuple[list[str], float]:
        """Texts of a level axis that do not overlap, and their angle."""
        texts = [text for _, text in ticks]
        if len(ticks) < 2:
            return texts, 0.0
        ends = side.limits()
        scale = (lambda v: math.log10(v)) if side.is_log else float
        spans = sorted(scale(at) for at, _ in ticks)
        span = abs(scale(ends[1]) - scale(ends[0]))
        nearest = min(b - a for a, b in itertools.pairwise(spans))
        # Long names beside a panel can leave it no width at all, until it is fitted.
        room = max(1.0, nearest / span * length)
        given = side.layout.get("tickangle")
        gap = 0.5 * size
        if given in (None, 0, "auto"):
            if max(self._widths(texts, size)) + gap <= room:
                return texts, 0.0
            letters = max(4, int((room - gap) / (0.6 * size)))
            broken = [textwrap.fill(t, letters, break_long_words=False) for t in texts]
            if max(self._widths(broken, size)) + gap <= room:
                return broken, 0.0
            if side.kind != "category" or given == 0:
                stride = math.ceil((max(self._widths(texts, size)) + gap) / room)
                return [t if i % stride == 0 else "" for i, t in enumerate(texts)], 0.0
        return _thinned(texts, 1.1 * size, room), 90.0

    def _widths(self, texts: Sequence[str], size: float) -> list[float]:
        """Widths of texts in points."""
        return [_text_size(self.figure, text, size)[0] for text in texts]

    # Head: title, legend, scale of colours

    def _write_head(self) -> None:
        """The title given, and the figure's own."""
        own = plain_text(
            (self.layout.get("title", {}).get("text") or "").rpartition("</span>")[2]
        )
        lines = []
        size = max(16 * self.scale, LEAST_TYPE)
        letters = int(self.paper.width * _POINTS / (0.62 * size))
        if self.title:
            lines.append(wrapped(plain_text(_literal(self.title)), letters))
        if own:
            lines.append(wrapped(own, letters))
        if not lines:
            return
        self.head = self.figure.text(
            0,
            1,
            "\n".join(lines),
            ha="left",
            va="top",
            fontsize=size,
            fontweight="bold",
            color=read_colour(self.font["color"]),
        )

    def _draw_legend(self) -> None:
        if not self.layout.get("showlegend", len(self.traces) > 1):
            return
        entries = self._entries()
        if not entries:
            return
        font = {**self.font, **self.layout.get("legend", {}).get("font", {})}
        size = max(float(font["size"]) * self.scale, LEAST_TYPE)
        room = (self.paper.width - 2 * _MARGIN) * _POINTS
        letters = int((room - 4 * size) / (0.6 * size))
        labels = [wrapped(plain_text(str(t.get("name", ""))), letters) for t in entries]
        handle, between = 2.6 * size, 1.2 * size
        widths = [width + handle + 0.5 * size for width in self._widths(labels, size)]
        columns = next(
            (
                count
                for count in range(len(labels), 0, -1)
                if sum(max(widths[start::count]) for start in range(count))
                + between * (count - 1)
                <= room
            ),
            1,
        )
        # matplotlib fills columns first; a reader reads rows.
        order = _by_columns(len(labels), columns)
        marks: list[Any] = [legend_mark(trace, self.scale) for trace in entries]
        self.legend = self.figure.legend(
            [marks[i] for i in order],
            [labels[i] for i in order],
            loc="upper left",
            bbox_to_anchor=(0, 1),
            ncols=columns,
            fontsize=size,
            frameon=False,
            borderpad=0,
            borderaxespad=0,
            handlelength=2.6,
            handletextpad=0.5,
            columnspacing=1.2,
            labelspacing=0.35,
            labelcolor=read_colour(font["color"]),
        )

    def _entries(self) -> list[dict[str, Any]]:
        shown = [t for t in self.traces if t.get("showlegend", True) and t.get("name")]
        ranks = {id(t): float(t.get("legendrank", 1000)) for t in shown}
        return sorted(shown, key=lambda trace: ranks[id(trace)])

    def _draw_colour_bar(self) -> None:
        """The scale of a heat map's colours, above it."""
        shown = [
            t
            for t in self.traces
            if t.get("type") == "heatmap" and t.get("showscale", True)
        ]
        if not shown:
            return
        trace = shown[0]
        own = trace.get("colorbar", {})
        axes = self.figure.add_axes((0.1, 0.9, 0.8, 0.03), zorder=2)
        norm = Normalize(trace["zmin"], trace["zmax"])
        bar = self.figure.colorbar(
            ScalarMappable(norm, read_scale(trace["colorscale"])),
            cax=axes,
            orientation="horizontal",
            ticklocation="top",
        )
        size = max(
            float(own.get("tickfont", self.font).get("size", 15)) * self.scale,
            LEAST_TYPE,
        )
        if "tickvals" in own:
            bar.set_ticks(
                list(own["tickvals"]), labels=[plain_text(t) for t in own["ticktext"]]
            )
        else:
            bar.formatter = _Written(self.separators)
        axes.tick_params(labelsize=size, length=0, pad=2)
        bar.outline.set_visible(False)
        self.bar = axes

    # Room

    def _make_room(self) -> None:
        """Make the figure as tall as its plot and everything around it."""
        width = self.paper.width
        # Left, right, below and above, in inches.
        sides = [0.3, 0.1, 0.3, 0.1]
        top = self._head_height()
        for _ in range(5):
            most = self.paper.tallest - sides[2] - sides[3] - top
            tall = min(self.plot, most) + sides[2] + sides[3] + top
            self.figure.set_size_inches(width, tall)
            self._stack_head()
            inner = Bbox.from_extents(
                sides[0] / width,
                sides[2] / tall,
                1 - self._right(sides, tall - sides[2] - sides[3] - top) / width,
                1 - (sides[3] + top) / tall,
            )
            self._set_positions(inner)
            self._style_axes()
            wanted = self._overflow(inner)
            if all(abs(a - b) < 0.01 for a, b in zip(wanted, sides, strict=True)):
                break
            sides = wanted

    def _right(self, sides: Sequence[float], plot: float) -> float:
        """Inches right of the plot: more where cells would be too wide."""
        width = self.paper.width - sides[0]
        for (x, y), _ in self.axes.items():
            across, up = self.sides[x], self.sides[y]
            maps = [t for t in self.traces if t.get("type") == "heatmap"]
            if maps and across.categories and up.categories:
                cell = plot / len(up.categories)
                widest = max(_CELL * cell, _CELL_LEAST * self.scale)
                return max(sides[1], width - widest * len(across.categories))
        return sides[1]

    def _head_height(self) -> float:
        """Inches of title, legend and scale of colours."""
        top = _MARGIN
        if self.head is not None:
            top += self._tall(self.head) + 0.05
        if self.legend is not None:
            top += self._tall(self.legend) + 0.06
        return top + (0.56 * self.scale if self.bar is not None else 0)

    def _stack_head(self) -> None:
        """Put the title at the top, and the legend below it."""
        width, height = self.figure.get_size_inches()
        top = _MARGIN
        if self.head is not None:
            self.head.set_position((_MARGIN / width, 1 - top / height))
            top += self._tall(self.head) + 0.05
        if self.legend is not None:
            corner = (_MARGIN / width, 1 - top / height)
            self.legend.set_bbox_to_anchor(corner, self.figure.transFigure)

    def _hide_what_does_not_fit(self) -> None:
        """Hide texts that are longer than their bar, where the figure asks for it."""
        if self.layout.get("uniformtext", {}).get("mode") != "hide":
            return
        renderer = self.figure.canvas.get_renderer()  # type: ignore[attr-defined]
        for artist, axes, start, end, is_level in self.within:
            text = artist.get_window_extent(renderer)
            ends = (
                [(start, 0.0), (end, 0.0)] if is_level else [(0.0, start), (0.0, end)]
            )
            bar = np.abs(np.diff(axes.transData.transform(ends), axis=0)[0])
            own = (text.width, bar[0]) if is_level else (text.height, bar[1])
            artist.set_visible(bool(own[0] <= own[1]))

    def _tall(self, artist: Any) -> float:
        renderer = self.figure.canvas.get_renderer()  # type: ignore[attr-defined]
        return float(artist.get_window_extent(renderer).height / self.figure.dpi)

    def _set_positions(self, inner: Bbox) -> None:
        for axes in (self.paper_axes, self.front_axes):
            axes.set_position(inner)
        for (x, y), axes in self.axes.items():
            across, up = self.sides[x].domain, self.sides[y].domain
            axes.set_position(
                Bbox.from_extents(
                    inner.x0 + across[0] * inner.width,
                    inner.y0 + up[0] * inner.height,
                    inner.x0 + across[1] * inner.width,
                    inner.y0 + up[1] * inner.height,
                )
            )
        if self.bar is not None:
            tall = self.figure.get_size_inches()[1]
            self.bar.set_position(
                Bbox.from_bounds(
                    inner.x0, inner.y1 + 0.04 / tall, 0.9 * inner.width, 0.07 / tall
                )
            )

    def _overflow(self, inner: Bbox) -> list[float]:
        """Inches that everything around the plot takes on each side."""
        renderer = self.figure.canvas.get_renderer()  # type: ignore[attr-defined]
        boxes = [
            box
            for axes in (self.front_axes, *self.axes.values())
            if (box := axes.get_tightbbox(renderer)) is not None
        ]
        width, height = self.figure.get_size_inches()
        dpi = self.figure.dpi
        every = Bbox.union(boxes)
        left = inner.x0 * width - every.x0 / dpi
        right = every.x1 / dpi - inner.x1 * width
        below = inner.y0 * height - every.y0 / dpi
        above = every.y1 / dpi - inner.y1 * height
        return [max(side, 0.0) + _MARGIN for side in (left, right, below, above)]


def _names(trace: Mapping[str, Any]) -> tuple[str, str]:
    return str(trace.get("xaxis") or "x"), str(trace.get("yaxis") or "y")


def _merged(first: Mapping[str, Any], second: Mapping[str, Any]) -> dict[str, Any]:
    """The second of two layouts over the first; numbered axes take the plain one's."""
    found: dict[str, Any] = dict(first)
    for key, value in second.items():
        plain = key.rstrip("0123456789") if key[1:5] == "axis" else key
        below = found.get(key, first.get(plain))
        both = isinstance(value, Mapping) and isinstance(below, Mapping)
        found[key] = _merged(below, value) if both else value  # type: ignore[arg-type]
    return found


def _literal(text: str) -> str:
    """A plain text as one with tags that shows it as it is."""
    return text.replace("&", "&amp;").replace("<", "&lt;")


def _level(anchor: str, reference: str, value: Any) -> Level:
    if anchor in ("left", "center", "right"):
        return anchor  # type: ignore[return-value]
    if reference != "paper":
        return "center"
    return "left" if value <= 1 / 3 else "right" if value >= 2 / 3 else "center"


def _upright(anchor: str, reference: str, value: Any) -> Upright:
    if anchor in ("top", "bottom"):
        return anchor  # type: ignore[return-value]
    if anchor == "middle" or reference != "paper":
        return "center"
    return "bottom" if value <= 1 / 3 else "top" if value >= 2 / 3 else "center"


def _thinned(texts: Sequence[str], each: float, room: float) -> list[str]:
    """Every text where there is room for it, else every second, third and so on."""
    stride = max(1, math.ceil(each / room))
    return [text if place % stride == 0 else "" for place, text in enumerate(texts)]


def _by_columns(count: int, columns: int) -> list[int]:
    """Places of entries so that columns, filled one by one, read by rows."""
    rows = math.ceil(count / columns)
    full = count - (rows - 1) * columns
    order = []
    for column in range(columns):
        tall = rows if column < full else rows - 1
        order += [row * columns + column for row in range(tall)]
    return order


def _text_size(figure: Figure, text: str, size: float) -> tuple[float, float]:
    """Width and height of a text in points."""
    artist = Text(0, 0, text, fontsize=size, figure=figure)
    renderer = figure.canvas.get_renderer()  # type: ignore[attr-defined]
    box = artist.get_window_extent(renderer)
    return box.width * _POINTS / figure.dpi, box.height * _POINTS / figure.dpi
