"""Marks of a legend's entries, and the style sheet that reads them."""

import re

import plotly.graph_objects as go
import pytest

from core.plots.highlight import (
    FEWEST_ENTRIES,
    HIGHLIGHT,
    MOST_ENTRIES,
    is_highlighted,
    with_highlight,
)


def line(name, **more):
    return {"type": "scatter", "x": [0, 1], "y": [1, 2], "name": name, **more}


def figure(*traces, legend=True):
    return go.Figure(list(traces), layout={"showlegend": legend, "height": 300})


def marks(marked):
    """Digits after the second of each opacity, and the last name of each font."""
    return [
        (str(t.opacity)[4:], (t.hoverlabel.font.family or "").rpartition(", ")[2])
        for t in marked.data
    ]


def test_every_entry_has_a_mark_of_its_own_that_the_style_sheet_reads():
    plain = figure(*map(line, "abcdefghijkl"))
    assert not is_highlighted(plain)
    marked = with_highlight(go.Figure(plain))
    assert is_highlighted(marked)
    found = marks(marked)
    assert len(set(found)) == len(found)
    for digits, font in found:
        assert f'"{digits};"' in HIGHLIGHT
        assert f'"{font}"' in HIGHLIGHT
        # A browser drops a font whose name is not an identifier.
        assert re.fullmatch(r"[a-z][\w-]*", font)
    assert all(0.99 <= trace.opacity < 1 for trace in marked.data)
    assert marked.layout == plain.layout
    assert with_highlight(go.Figure(marked)) == marked, "once more changes nothing"


def test_no_mark_is_a_part_of_another():
    digits = re.findall(r'\.layers\[style\*="(\d+;)"\]', HIGHLIGHT)
    fonts = re.findall(r'\.nums\[style\*="([\w-]+)"\]', HIGHLIGHT)
    for found in (digits, fonts):
        assert len(found) == MOST_ENTRIES
        assert not any(a in b for a in found for b in found if a is not b)
    # Opacities that charts have of themselves are no marks.
    usual = [f"opacity: {percent / 100:g};" for percent in range(101)]
    assert not any(one in text for one in digits for text in usual)


def test_a_group_is_one_entry_and_what_is_not_in_the_legend_is_not_marked():
    traces = []
    for name in "abcd":
        thin = {"opacity": 0.35, "showlegend": False, "legendgroup": name}
        traces += [line(f"{name}, seed 0", **thin), line(name, legendgroup=name)]
    marked = with_highlight(figure(*traces, line("chance", showlegend=False)))
    found = marks(marked)
    assert [found[2 * n] == found[2 * n + 1] for n in range(4)] == [True] * 4
    assert len(set(found[:8])) == 4
    assert found[8] == ("", "")
    assert marked.data[0].opacity == pytest.approx(0.35, abs=0.001)
    assert marked.data[8].opacity is None


@pytest.mark.parametrize(
    "plain",
    [
        figure(*map(line, "abcd"), legend=False),
        figure(*map(line, "abc")),
        figure(*(line(str(n)) for n in range(MOST_ENTRIES + 1))),
        figure(*map(line, "abcd"), {"type": "bar", "x": [1], "y": [1], "name": "e"}),
        figure(*(line(name, legendgroup="one") for name in "abcd")),
        figure(line("a"), *(line(name, legendgroup=name) for name in "bcde")),
    ],
    ids=["no legend", "few", "many", "bars", "one group", "half grouped"],
)
def test_a_chart_without_clear_entries_is_left_as_it_is(plain):
    assert FEWEST_ENTRIES == 4
    assert with_highlight(go.Figure(plain)) == plain
