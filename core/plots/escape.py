"""Names in charts stay text: every figure is drawn from names that are escaped."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextvars import ContextVar
from dataclasses import fields, is_dataclass, replace
from functools import wraps
from typing import Any, ParamSpec

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from core.plots.figure import rebuild, spec_of
from core.text import escape_chart, only_own_tags

Given = ParamSpec("Given")
# A figure may be drawn by way of another one: names are escaped once.
_IS_INSIDE = ContextVar("_IS_INSIDE", default=False)


def escapes_names(plot: Callable[Given, go.Figure]) -> Callable[Given, go.Figure]:
    """Let a function that draws a figure see escaped text in all of its arguments.

    Methods, classes, groups, labels and units reach a figure as names of traces, ticks,
    annotations and templates, and Plotly takes tags and ``%{...}`` in any of them for
    its own. Here they are escaped before, in keys and values alike, so that what
    belongs together still does. Markup that the function itself writes stays.
    """

    @wraps(plot)
    def draw(*args: Given.args, **options: Given.kwargs) -> go.Figure:
        if _IS_INSIDE.get():
            return plot(*args, **options)
        inside = _IS_INSIDE.set(True)
        try:
            return plot(*escaped(args), **escaped(options))
        finally:
            _IS_INSIDE.reset(inside)

    draw.escapes_names = True  # type: ignore[attr-defined]
    return draw


def escaped(value: Any) -> Any:
    """A value with every text in it escaped; the very same object if there is none.

    Looks into mappings, sequences, tables, arrays and data classes.
    """
    if isinstance(value, str):
        text = escape_chart(value)
        return value if text == value else text
    if isinstance(value, pd.DataFrame):
        return _escaped_table(value)
    if isinstance(value, pd.Series):
        column, index = _escaped_column(value), _escaped_index(value.index)
        name = escaped(value.name)
        if column is value and index is value.index and name is value.name:
            return value
        return column.set_axis(index).rename(name)
    if isinstance(value, pd.Index):
        return _escaped_index(value)
    if isinstance(value, np.ndarray):
        return _escaped_array(value)
    if isinstance(value, Mapping):
        pairs = [(escaped(key), escaped(each)) for key, each in value.items()]
        same = all(
            key is old and each is value[old]
            for (key, each), old in zip(pairs, value, strict=True)
        )
        return value if same else dict(pairs)
    if isinstance(value, list | tuple | set | frozenset):
        parts = [escaped(each) for each in value]
        if all(new is old for new, old in zip(parts, value, strict=True)):
            return value
        named = isinstance(value, tuple) and hasattr(value, "_fields")
        return type(value)(*parts) if named else type(value)(parts)
    if is_dataclass(value) and not isinstance(value, type):
        given = {f.name: getattr(value, f.name) for f in fields(value) if f.init}
        changed = {k: new for k, v in given.items() if (new := escaped(v)) is not v}
        return replace(value, **changed) if changed else value
    return value


def _escaped_array(array: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    if array.dtype.kind not in "OU":
        return array
    texts = array.ravel().tolist()
    parts = [escaped(text) for text in texts]
    if all(new is old for new, old in zip(parts, texts, strict=True)):
        return array
    filled = np.empty(array.size, dtype=object)
    filled[:] = parts
    return filled.reshape(array.shape)


def _escaped_table(table: pd.DataFrame) -> pd.DataFrame:
    changes = {
        place: column
        for place in range(table.shape[1])
        if (column := _escaped_column(old := table.iloc[:, place])) is not old
    }
    columns, index = _escaped_index(table.columns), _escaped_index(table.index)
    if not changes and columns is table.columns and index is table.index:
        return table
    changed = table.copy()
    for place, column in changes.items():
        changed.isetitem(place, column)
    return changed.set_axis(columns, axis=1).set_axis(index, axis=0)


def _escaped_column(column: pd.Series) -> pd.Series:
    if column.dtype.kind in "biufcmM":
        return column
    # Each text is looked at once: a column of many rows has few classes.
    texts = {cell for cell in column.tolist() if isinstance(cell, str)}
    changes = {text: new for text in texts if (new := escaped(text)) is not text}
    if not changes:
        return column
    cells = [
        changes.get(cell, cell) if isinstance(cell, str) else cell
        for cell in column.tolist()
    ]
    if isinstance(column.dtype, pd.CategoricalDtype):
        kind = column.dtype
        order = [changes.get(name, name) for name in kind.categories]
        return pd.Series(
            pd.Categorical(cells, categories=order, ordered=kind.ordered),
            index=column.index,
            name=column.name,
        )
    return pd.Series(cells, index=column.index, name=column.name, dtype=object)


def _escaped_index(index: pd.Index) -> pd.Index:
    names = escaped(list(index.names))
    if isinstance(index, pd.MultiIndex):
        levels = [_escaped_index(level) for level in index.levels]
        if any(new is not old for new, old in zip(levels, index.levels, strict=True)):
            index = index.set_levels(levels)
    elif index.dtype.kind not in "biufcmM":
        texts = index.tolist()
        new = escaped(texts)
        if new is not texts:
            index = pd.Index(new, name=index.name)
    return index if names == list(index.names) else index.set_names(names)


def only_own_markup(figure: go.Figure) -> go.Figure:
    """The figure, in whose texts no tag is left but bold and line breaks.

    Names are escaped before a figure is drawn (``escapes_names``). One that was
    forgotten could be a link to another host: here at the latest it becomes text.
    """
    drawn = spec_of(figure)
    if not _has_foreign_tags(drawn):
        return figure
    return rebuild(_without_tags(drawn))


def _has_foreign_tags(value: Any) -> bool:
    if isinstance(value, str):
        return "<" in value and only_own_tags(value) != value
    if isinstance(value, Mapping):
        return any(map(_has_foreign_tags, value.values()))
    if isinstance(value, np.ndarray):
        return value.dtype.kind in "OU" and _has_foreign_tags(value.tolist())
    return isinstance(value, list | tuple) and any(map(_has_foreign_tags, value))


def _without_tags(value: Any) -> Any:
    if isinstance(value, str):
        return only_own_tags(value)
    if isinstance(value, Mapping):
        return {key: _without_tags(each) for key, each in value.items()}
    if isinstance(value, np.ndarray) and value.dtype.kind in "OU":
        return _without_tags(value.tolist())
    if isinstance(value, list | tuple):
        return [_without_tags(each) for each in value]
    return value
