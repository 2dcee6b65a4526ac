"""Colours and marks: each method's own, stable, and told apart by everybody."""

import itertools
import re
import tomllib
from pathlib import Path

import numpy as np
import pytest

from core.plots.look import (
    BASELINE_COLOUR,
    IMPORTED_COLOUR,
    INK,
    METHOD_COLOURS,
    Look,
    counterpart_style,
    faded,
    method_styles,
)


def _luminance(colour):
    channels = np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)]) / 255
    linear = np.where(
        channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4
    )
    return float(linear @ [0.2126, 0.7152, 0.0722])


def _contrast(one, other):
    low, high = sorted((_luminance(one), _luminance(other)))
    return (high + 0.05) / (low + 0.05)


def test_hiding_a_method_changes_no_other_methods_style():
    methods = ["ins", "baseline", "lmf", "denseweight"]
    styles = method_styles(methods, "baseline")
    assert list(styles) == methods
    assert styles["baseline"].colour == BASELINE_COLOUR
    longer = method_styles([*methods, "focal"], "baseline")
    assert {m: longer[m] for m in methods} == styles


def test_imported_methods_have_a_colour_of_their_own_and_change_no_other():
    own = ["baseline", *(f"m{i}" for i in range(12))]
    alone = method_styles(own, "baseline")
    theirs = [f"theirs{i}" for i in range(6)]
    styles = method_styles([*theirs, *own], "baseline", imported=theirs)
    assert {m: styles[m] for m in own} == alone
    assert {styles[m].colour for m in theirs} == {IMPORTED_COLOUR}
    assert IMPORTED_COLOUR not in {style.colour for style in alone.values()}
    assert len({styles[m].marker for m in theirs}) == len(theirs)
    compared = method_styles([*own, "theirs"], "theirs", imported=["theirs"])
    assert compared["theirs"].colour == BASELINE_COLOUR


def test_two_dozen_methods_all_look_different():
    names = [f"m{i}" for i in range(24)]
    looks = [
        (style.colour, style.marker, style.dash)
        for style in method_styles(names, "none").values()
    ]
    assert len(set(looks)) == 24


@pytest.mark.parametrize("background", ["#FFFFFF", "#11171E"])
@pytest.mark.parametrize("colour", [*METHOD_COLOURS, BASELINE_COLOUR, IMPORTED_COLOUR])
def test_every_colour_stands_out_on_light_and_dark(colour, background):
    assert _contrast(colour, background) > 2


def test_colours_differ_for_who_sees_no_red_or_no_green():
    # Simulation matrices of Machado et al. 2009, severity 1, in linear RGB.
    matrices = (
        [
            [0.152286, 1.052583, -0.204868],
            [0.114503, 0.786281, 0.099216],
            [-0.003882, -0.048116, 1.051998],
        ],
        [
            [0.367322, 0.860646, -0.227968],
            [0.280085, 0.672501, 0.047413],
            [-0.011820, 0.042940, 0.968881],
        ],
    )
    rgb = np.array(
        [
            [int(c[i : i + 2], 16) / 255 for i in (1, 3, 5)]
            for c in (*METHOD_COLOURS, IMPORTED_COLOUR)
        ]
    )
    for matrix in matrices:
        seen = rgb**2.2 @ np.array(matrix).T
        for one, other in itertools.combinations(seen, 2):
            assert np.abs(one - other).max() > 0.06


def test_each_theme_gives_charts_its_own_colour_of_text():
    # Streamlit puts the theme's categorical colours in the place of #000001 to #000010.
    root = Path(__file__).resolve().parents[3]
    config = tomllib.loads((root / ".streamlit" / "config.toml").read_text())
    place = int(INK.removeprefix("#")) - 1
    for mode in ("light", "dark"):
        theme = config["theme"][mode]
        assert theme["chartCategoricalColors"][place] == theme["textColor"]
        assert _contrast(theme["textColor"], theme["backgroundColor"]) > 10


def test_tables_and_charts_of_streamlit_have_the_colours_of_the_look():
    root = Path(__file__).resolve().parents[3]
    config = tomllib.loads((root / ".streamlit" / "config.toml").read_text())
    expected = [*METHOD_COLOURS, BASELINE_COLOUR]
    for mode in ("light", "dark"):
        theme = config["theme"][mode]
        assert theme["chartCategoricalColors"][: len(expected)] == expected


def test_the_logo_has_colours_of_the_look():
    root = Path(__file__).resolve().parents[3]
    logo = (root / "pages" / "assets" / "logo.svg").read_text(encoding="utf-8")
    frame = re.search(r'stroke="(#\w+)"', logo).group(1)
    pans = set(re.findall(r'fill="(#\w+)"', logo)) - {frame}
    assert len(pans) == 2
    assert pans <= set(METHOD_COLOURS)


def test_the_name_in_the_logo_fits_whatever_font_draws_it():
    root = Path(__file__).resolve().parents[3]
    logo = (root / "pages" / "assets" / "logo.svg").read_text(encoding="utf-8")
    (name,) = re.findall("<text[^>]+>", logo)
    start, length = (
        float(re.search(f'{key}="([0-9.]+)"', name).group(1))
        for key in (" x", "textLength")
    )
    width = float(re.search(r'viewBox="0 0 ([0-9.]+)', logo).group(1))
    assert start + length < width


def test_where_colours_come_round_again_the_marks_are_hollow():
    styles = list(method_styles([f"m{i}" for i in range(13)], "m0").values())[1:]
    assert [style.marker.endswith("-open") for style in styles] == [False] * 6 + [
        True
    ] * 6
    assert styles[0].mark(10) == {"color": "#0072B2", "symbol": "circle", "size": 10}
    assert styles[6].mark(10)["line"]["width"] == 2
    kinds = {style.marker.removesuffix("-open") for style in (styles[0], styles[6])}
    assert len(kinds) == 2, "another shape as well as another filling"


def test_a_counterpart_has_the_colour_of_its_method_and_other_marks():
    names = [f"m{i}" for i in range(12)]
    styles = method_styles(names, "m0")
    theirs = {name: counterpart_style(style) for name, style in styles.items()}
    assert all(theirs[name].colour == styles[name].colour for name in names)
    looks = [(s.colour, s.marker, s.dash) for s in (*styles.values(), *theirs.values())]
    assert len(set(looks)) == 24


def test_a_faded_colour_keeps_its_hue():
    assert faded("#FF8000", 0.5) == "rgba(255, 128, 0, 0.5)"


def test_a_look_is_narrowed_renamed_and_set_against_another_baseline():
    look = Look(("a", "b"), method_styles(("a", "b"), "a"), {"a": "A", "b": "B"}, "a")
    assert look.only(["b"]) == Look(("b",), look.styles, look.labels, "a")
    assert look.called({"a": "Z"}).labels == {"a": "Z"}
    assert look.against("b").baseline == "b"
    assert look.methods == ("a", "b")
