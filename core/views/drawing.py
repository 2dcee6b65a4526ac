"""What a view is: a function that draws one question's answer, known by its name."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property, wraps
from inspect import Parameter, get_annotations, signature
from typing import Any, TypeVar, cast

import pandas as pd
import plotly.graph_objects as go
from pydantic import TypeAdapter, ValidationError

from core.errors import NothingToShow, ViewError
from core.language import N_, gettext
from core.plots.download import titled
from core.plots.escape import only_own_markup
from core.plots.highlight import NOTE as HOW_TO_HIGHLIGHT
from core.plots.highlight import is_highlighted, with_highlight
from core.tasks import Classification, Regression, Task
from core.text import strong, to_markdown, to_plain
from core.views.caching import cached
from core.views.study_view import StudyView

Draws = Callable[..., "Drawn"]
Drawing = TypeVar("Drawing", bound=Draws)
# Pictures of one view that are kept: each choice of a reader is one more.
KEPT = 8
COLUMN_WIDTH, TWO_SHARE = 330, 480


@dataclass(frozen=True)
class Column:
    """How a column of a long table is shown.

    Parameters
    ----------
    digits : int, optional
        Decimals of its numbers; none where it holds text.
    explanation : str
        What it is, for a reader who asks.
    is_name : bool
        Whether it names the row, and stays in sight.
    is_count : bool
        Whether it holds whole numbers, thousands of which are set apart.
    """

    digits: int | None = None
    explanation: str = ""
    is_name: bool = False
    is_count: bool = False


@dataclass(frozen=True)
class Numbers:
    """The numbers of a view as a table.

    Parameters
    ----------
    frame : DataFrame
        One column a heading; cells may hold the marks of ``core.text``.
    takeaway : str
        One sentence on what the table says.
    note : str
        Smaller print below.
    is_long : bool
        Whether it has more rows than are read at a glance.
    download : DataFrame, optional
        What its CSV holds, where it is not the view's own data.
    columns : mapping of str to Column
        Of a long table, how columns are shown, by heading.
    is_whole : bool
        Of a long table, whether all of its rows are in sight at once.
    """

    frame: pd.DataFrame
    takeaway: str
    note: str = ""
    is_long: bool = False
    download: pd.DataFrame | None = None
    columns: Mapping[str, Column] = field(default_factory=dict)
    is_whole: bool = False

    @cached_property
    def in_markdown(self) -> pd.DataFrame:
        """The table with the marks of its cells as Markdown; made once."""
        return table_in_markdown(self.frame)


def share_width(figures: int, usual: int = COLUMN_WIDTH) -> int:
    """Least width in pixels of each of so many figures.

    Two or three share the width of a page, so that no column beside them is empty. One,
    or four and more, have the ``usual`` width.
    """
    return max(usual, {2: TWO_SHARE, 3: COLUMN_WIDTH}.get(figures, 0))


@dataclass(frozen=True)
class Drawn:
    """A view as it was drawn. Texts may hold the marks of ``core.text``.

    Parameters
    ----------
    title : str
        Heading: what is shown.
    name : str
        Of its files; unique on a page.
    takeaway : str
        One sentence from the numbers; also the text alternative.
    figures : mapping of str to Figure
        What each shows (a method's label) to the figure; empty where a table is all.
    data : DataFrame, optional
        The rows behind the figures.
    note : str
        Smaller print: units, n, how the interval was made.
    numbers : Numbers, optional
        The same in numbers.
    column_width : int
        Least width in pixels of one of several figures.
    claims : tuple of str
        Sentences that the numbers bear out, each with its interval and verdict; the
        takeaway where there are none.
    view : str
        Name of the view; ``draws`` fills it in, as it does the next.
    parameters : mapping
        What it was drawn with.
    of : StudyView, optional
        What of which study.
    """

    title: str
    name: str
    takeaway: str
    figures: Mapping[str, go.Figure] = field(default_factory=dict)
    data: pd.DataFrame | None = None
    note: str = ""
    numbers: Numbers | None = None
    column_width: int = COLUMN_WIDTH
    claims: tuple[str, ...] = ()
    view: str = ""
    parameters: Mapping[str, Any] = field(default_factory=dict)
    of: StudyView | None = None


@dataclass(frozen=True)
class View:
    """One of the views.

    Parameters
    ----------
    name : str
        As a story and an address have it.
    title : str
        What it shows, for one who chooses among all of them; said by ``gettext``.
    draw : callable
        Takes a ``StudyView`` and the parameters by name; returns a ``Drawn``.
    """

    name: str
    title: str
    draw: Draws

    @property
    def defaults(self) -> dict[str, Any]:
        """Every parameter with the value that it has where none is given."""
        return _defaults(self.draw)

    def read(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """Parameters as a story's file gives them, checked.

        Raises
        ------
        ViewError
            If there is no such parameter, or it is of another kind.
        """
        unknown = [name for name in given if name not in self.defaults]
        if unknown:
            known = ", ".join(f"'{name}'" for name in self.defaults)
            raise ViewError(
                gettext(
                    "The view '{view}' has no parameter '{parameter}'.",
                    view=self.name,
                    parameter=unknown[0],
                ),
                expected=gettext("one of {names}.", names=known)
                if known
                else gettext("no parameter at all."),
                remedy=gettext("correct the name, or leave it out."),
            )
        kinds = get_annotations(self.draw, eval_str=True)
        return {n: self._read_one(n, v, kinds[n]) for n, v in given.items()}

    def _read_one(self, name: str, value: Any, kind: Any) -> Any:
        try:
            return TypeAdapter(kind).validate_python(value)
        except ValidationError as error:
            raise ViewError(
                gettext(
                    "The view '{view}' cannot take {value} as its parameter "
                    "'{parameter}'.",
                    view=self.name,
                    value=repr(value),
                    parameter=name,
                ),
                expected=error.errors()[0]["msg"] + ".",
                remedy=gettext(
                    "correct it, or leave it out for {usual}.",
                    usual=repr(self.defaults[name]),
                ),
            ) from None


VIEWS: dict[str, View] = {}
"""Every view by its name; ``core.views.catalog`` has loaded them all."""


def draws(name: str, title: str) -> Callable[[Drawing], Drawing]:
    """Make a function one of the views: what it draws is finished once, and kept.

    The function takes a ``StudyView`` and, by name, parameters with defaults that a
    TOML file can hold. It draws the same from the same, on a page, a slide or a file,
    and raises ``NothingToShow`` where the study has nothing of the kind.

    Parameters
    ----------
    name : str
        As a story and an address have it.
    title : str
        What it shows, for one who chooses among all views.
    """

    def decorate(draw: Drawing) -> Drawing:
        defaults = _defaults(draw)

        @cached(entries=KEPT, name=name, outlives=True)
        def kept(view: StudyView, parameters: Mapping[str, Any]) -> Drawn:
            drawn = finished(draw(view, **parameters))
            said = (
                gettext("A run is left out: {reason}", reason=reason)
                for reason in view.left_out
            )
            note = " ".join(filter(None, (drawn.note, *said)))
            return replace(drawn, note=note, view=name, parameters=parameters)

        @wraps(draw)
        def drawn_once(view: StudyView, **parameters: Any) -> Drawn:
            # In one order, and with what is not given: one key for one picture. The
            # view is not kept with each: it holds the records of all its runs.
            return replace(kept(view, {**defaults, **parameters}), of=view)

        VIEWS[name] = View(name, title, drawn_once)
        return cast(Drawing, drawn_once)

    return decorate


def _defaults(draw: Draws) -> dict[str, Any]:
    return {
        name: parameter.default
        for name, parameter in signature(draw).parameters.items()
        if parameter.kind is Parameter.KEYWORD_ONLY
    }


def finished(drawn: Drawn) -> Drawn:
    """Figures with title, highlight and their own markup alone."""
    title = to_plain(drawn.title)
    figures = {
        what: with_highlight(titled(only_own_markup(figure), title))
        for what, figure in drawn.figures.items()
    }
    note = drawn.note
    if any(map(is_highlighted, figures.values())):
        note = f"{note} {gettext(HOW_TO_HIGHLIGHT)}".lstrip()
    return replace(drawn, figures=figures, note=note)


def task_of(view: StudyView, name: str = "") -> Task:
    """The task that a view asks for by name; the first where it names none.

    Raises
    ------
    NothingToShow
        If the study has no such task.
    """
    return _task_of(view, name, Task, *_OF_ANY_KIND) if name else view.tasks[0]


def nothing_in(view: StudyView, why: str) -> NothingToShow:
    """Say that a study has nothing for a view to show, and why: a whole sentence."""
    said = gettext("{name}: {value}", name=strong(view.title), value=why)
    return NothingToShow(said)


def table_in_markdown(table: pd.DataFrame) -> pd.DataFrame:
    """A table's headings and cells with their marks as Markdown, to be shown."""
    shown = {
        to_markdown(heading): [
            to_markdown(cell) if isinstance(cell, str) else cell
            for cell in column.tolist()
        ]
        for heading, column in table.items()
    }
    return pd.DataFrame(shown)


def regression_of(view: StudyView, name: str = "") -> Regression:
    """The regression that a view asks for by name; the first where it names none.

    Raises
    ------
    NothingToShow
        If the study has no such task.
    """
    task = _task_of(
        view,
        name,
        Regression,
        N_("The study {study} has no task that predicts a number."),
        N_("The study {study} has no task that predicts a number {task}."),
    )
    assert isinstance(task, Regression)
    return task


def classification_of(view: StudyView, name: str = "") -> Classification:
    """The classification that a view asks for; that of most classes if it names none.

    Raises
    ------
    NothingToShow
        If the study has no such task.
    """
    task = _task_of(
        view,
        name,
        Classification,
        N_("The study {study} has no classification task."),
        N_("The study {study} has no classification task {task}."),
    )
    assert isinstance(task, Classification)
    return task


def any_task_of(view: StudyView, name: str = "") -> Task:
    """The task that a view asks for by name; that of most classes if it names none.

    Raises
    ------
    NothingToShow
        If the study has no such task.
    """
    return _task_of(view, name, Task, *_OF_ANY_KIND)


# That there is no task at all, and that there is none of that name.
_OF_ANY_KIND = (
    N_("The study {study} has no task."),
    N_("The study {study} has no task {task}."),
)


def _task_of(
    view: StudyView, name: str, kind: Any, none_at_all: str, none_so_called: str
) -> Task:
    tasks: dict[str, Task] = {t.name: t for t in view.tasks if isinstance(t, kind)}
    if name and name not in tasks:
        raise NothingToShow(
            gettext(none_so_called, study=strong(view.title), task=strong(name))
        )
    if not tasks:
        raise NothingToShow(gettext(none_at_all, study=strong(view.title)))
    if name:
        return tasks[name]
    # With the most classes imbalance shows most.
    return max(tasks.values(), key=lambda task: len(getattr(task, "classes", ())))
