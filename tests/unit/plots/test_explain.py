"""Maps over pictures: colours, places and sentences worked out by hand."""

import numpy as np
import pytest

from core.explain.occlusion import OTHERS, Hiding
from core.language import speaking
from core.plots import explain as plots
from core.tasks import Binary, Regression
from core.text import NO_BREAK

GREY = np.full((24, 24, 3), 100, np.uint8)
LABELS = {"base": "Base", "ins": "INS", "lmf": "LMF", "vit": "ViT"}


AGE = Regression("age", "Age", "years", 1, 80, 10)
GLASSES = Binary("glasses", "Glasses", ("no glasses", "glasses"))


def heat_at(row, column):
    """A map that is 1 in one of nine parts."""
    heat = np.zeros((24, 24), np.float32)
    heat[8 * row : 8 * row + 8, 8 * column : 8 * column + 8] = 1
    return heat


def test_scale_runs_from_violet_to_yellow_getting_lighter():
    scale = plots.draw_scale(width=50, height=3)
    assert scale.shape == (3, 50, 3)
    red, green, blue = scale[0, 0].astype(int)
    assert blue > red > green
    red, green, blue = scale[0, -1].astype(int)
    assert min(red, green) > 3 * blue
    # Lightness as people see it, the same for all kinds of colour vision.
    light = scale[0].astype(float) @ [0.2126, 0.7152, 0.0722]
    assert (np.diff(light) >= 0).all()


def test_map_covers_more_where_it_is_higher():
    heat = heat_at(0, 2)
    laid = plots.overlay_map(GREY, heat, side=24).astype(float)
    low, high = plots.colour_of([0.0, 1.0])
    most, least = plots.MOST_COVER, plots.LEAST_COVER
    assert laid[2, 22] == pytest.approx(most * high + (1 - most) * 100, abs=0.51)
    assert laid[22, 2] == pytest.approx(least * low + (1 - least) * 100, abs=0.51)


@pytest.mark.parametrize(("size", "shown"), [(24, 288), (400, 400)])
def test_small_pictures_are_enlarged_and_large_ones_kept(size, shown):
    pixels = np.zeros((size, size, 3), np.uint8)
    heat = np.ones((size, size), np.float32)
    assert plots.enlarge_picture(pixels).shape == (shown, shown, 3)
    assert plots.overlay_map(pixels, heat).shape == (shown, shown, 3)


@pytest.mark.parametrize(
    ("row", "column", "place"),
    [(0, 0, "upper left"), (1, 1, "middle"), (1, 2, "middle right"), (2, 1, "lower m")],
)
def test_place_is_said_in_words(row, column, place):
    assert plots.place_of(heat_at(row, column)).startswith(place)
    assert place in plots.describe_map(heat_at(row, column))


def test_a_map_of_nothing_says_so():
    assert plots.place_of(np.zeros((24, 24))) == ""
    assert plots.describe_map(np.zeros((24, 24))) == "found nothing that speaks for it"


def test_sentence_names_who_looked_where():
    maps = {
        "base": heat_at(1, 1),
        "ins": heat_at(1, 1),
        "lmf": heat_at(0, 0),
        "vit": np.zeros((24, 24)),
    }
    assert plots.takeaway_maps(maps, LABELS) == (
        "Looked at most: the middle (Base and INS) and the upper left (LMF)."
        " In the eyes of ViT nothing speaks for this answer."
    )


def test_sentence_counts_where_there_are_many_and_says_all_where_all_agree():
    many = {f"method {i}": heat_at(1, 1) for i in range(5)}
    assert (
        plots.takeaway_maps(many, {}) == "All looked most at the middle of the picture."
    )
    many["other"] = heat_at(2, 0)
    assert "the middle (5 methods) and the lower left (other)" in (
        plots.takeaway_maps(many, {})
    )


def test_sentence_names_three_places_and_counts_the_rest():
    maps = {f"m{i}": heat_at(*divmod(i, 3)) for i in range(5)}
    said = plots.takeaway_maps(maps, {})
    assert said == (
        "Looked at most: the upper left (m0), the upper middle (m1), the upper right"
        " (m2) and other places (m3 and m4)."
    )


def test_one_map_alone_is_named():
    assert plots.takeaway_maps({"base": heat_at(0, 1)}, LABELS) == (
        "Looked at most: the upper middle (Base)."
    )


@pytest.mark.parametrize(
    ("grids", "said"),
    [
        (((3, 3),), "3 × 3"),
        (((32, 32), (16, 16), (8, 8)), "32 × 32 to 8 × 8"),
        (((9, 7), (9, 7)), "9 × 7"),
    ],
)
def test_grids_are_said_from_the_finest_to_the_coarsest(grids, said):
    blank = NO_BREAK
    assert plots.describe_grids(grids) == said.replace(" × ", f"{blank}×{blank}")


def test_hiding_is_said_in_the_unit_of_the_answer():
    elsewhere = np.full(OTHERS, 0.9)
    elsewhere[:5] = 0.1
    share = Hiding(0.984, 0.12, elsewhere)
    blank = NO_BREAK
    assert plots.describe_before(share, GLASSES) == f"98{blank}%"
    assert plots.describe_hiding(share, GLASSES) == (
        f"hidden 12{blank}%, elsewhere 90{blank}%"
    )
    years = Hiding(34.4, 28.6, np.full(OTHERS, 33.0))
    assert plots.describe_before(years, AGE) == "34 years"
    assert plots.describe_hiding(years, AGE) == "hidden 29, elsewhere 33"


@pytest.mark.parametrize(
    ("holds", "said"),
    [
        ({"base": True, "ins": True}, "Yes, for all 2 methods."),
        ({"base": True}, "Yes, for Base."),
        ({"base": False}, "No, for Base."),
        ({"base": False, "ins": False, "lmf": False}, "No, for all 3 methods."),
        (
            {"base": True, "ins": False, "lmf": True},
            "Yes, for Base and LMF; not for INS, where the answer hangs on other places"
            " as much.",
        ),
    ],
)
def test_sentence_says_whose_map_holds(holds, said):
    sentence = plots.takeaway_hiding(holds, LABELS)
    question, _, answer = sentence.partition("? ")
    assert f"any of {OTHERS} other places" in question
    assert answer == said


def test_sheet_holds_every_tile_beside_its_words():
    colours = [(200, 0, 0), (0, 200, 0), (0, 0, 200), (200, 200, 0), (0, 200, 200)]
    tiles = [
        plots.Tile(f"Tile {i}", ("below",), np.full((50, 50, 3), colour, np.uint8))
        for i, colour in enumerate(colours)
    ]
    sheet = np.asarray(plots.draw_sheet(tiles, columns=3))
    for colour in colours:
        covered = (sheet == colour).all(axis=-1).sum()
        assert covered == pytest.approx(plots.SHOWN_SIDE**2, rel=0.02)
    dark = (sheet < 60).all(axis=-1)
    assert dark.any()
    assert not dark[: plots.SHOWN_SIDE].any()


def test_sheet_writes_only_letters_that_its_font_has():
    def draw(title):
        tile = plots.Tile(title, (), np.zeros((9, 9, 3), np.uint8))
        return np.asarray(plots.draw_sheet([tile]))

    assert np.array_equal(draw("Saint Andre, 3 × 3"), draw("Saint André, 3 x 3"))
    assert not np.array_equal(draw("3 x 3"), draw("3 3"))


def test_places_and_letters_of_a_sheet_are_those_of_french():
    maps = {"a": heat_at(0, 0), "b": heat_at(0, 0)}
    with speaking("fr"):
        said = plots.takeaway_maps(maps, {})
    assert said == "Tous ont surtout regardé en haut à gauche de l’image."
    assert plots._drawable("L’étiquette") == "L'etiquette"
