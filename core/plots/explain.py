"""Where models looked: maps laid over the picture that the model saw."""

import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from PIL import Image, ImageDraw, ImageFont
from plotly.colors import hex_to_rgb, sequential

from core.explain.occlusion import OTHERS, Hiding
from core.language import N_, gettext, ngettext
from core.tasks import Regression, Task
from core.text import NO_BREAK, listed, number, percent

# Viridis: even steps of lightness, and told apart by people who see fewer colours.
SCALE = tuple(hex_to_rgb(colour) for colour in sequential.Viridis)
SCALE_ENDS = (N_("violet"), N_("yellow"))
# A map covers the picture more where it is higher: below, the picture stays seen.
LEAST_COVER, MOST_COVER = 0.25, 0.75
# At least as large a picture is shown, however small what the model saw was.
SHOWN_SIDE = 288

PLACES = (
    (N_("upper left"), N_("upper middle"), N_("upper right")),
    (N_("middle left"), N_("middle"), N_("middle right")),
    (N_("lower left"), N_("lower middle"), N_("lower right")),
)
"""Parts of a picture, by row and column."""
# A sentence names no more places than these one by one.
MOST_PLACES = 3
_TILE_TEXT, _TILE_GAP, _FONT = 96, 16, 20

Pixels = NDArray[np.uint8]


def colour_of(values: ArrayLike) -> NDArray[np.float64]:
    """Colours of a map.

    Parameters
    ----------
    values : float array, any shape
        In [0, 1].

    Returns
    -------
    float64 array, shape (..., 3)
        Red, green, blue in 0..255: straight lines between the stops of the scale.
    """
    stops = np.asarray(SCALE, np.float64)
    places = np.linspace(0, 1, len(stops))
    given = np.asarray(values, np.float64)
    return np.stack([np.interp(given, places, stops[:, i]) for i in range(3)], axis=-1)


def overlay_map(pixels: Pixels, heat: ArrayLike, *, side: int = SHOWN_SIDE) -> Pixels:
    """Lay a map over the picture that the model saw.

    Parameters
    ----------
    pixels : uint8 array, shape (size, size, 3)
    heat : float array, shape (size, size)
        In [0, 1].
    side : int
        Of the result in pixels, where the picture is smaller.

    Returns
    -------
    uint8 array, shape (side, side, 3)
        The map covers ``LEAST_COVER`` of the picture where it is 0, and
        ``MOST_COVER`` where it is 1.
    """
    shown = enlarge_picture(pixels, side=side).astype(np.float64)
    size = (shown.shape[1], shown.shape[0])
    small = Image.fromarray(np.asarray(heat, np.float32))
    large = np.asarray(small.resize(size, Image.Resampling.BILINEAR), np.float64)
    cover = (LEAST_COVER + (MOST_COVER - LEAST_COVER) * large)[..., None]
    mixed: Pixels = np.rint((1 - cover) * shown + cover * colour_of(large)).astype(
        np.uint8
    )
    return mixed


def enlarge_picture(pixels: Pixels, *, side: int = SHOWN_SIDE) -> Pixels:
    """What a model saw, at least ``side`` pixels a side, smooth."""
    if len(pixels) >= side:
        return pixels
    image = Image.fromarray(pixels)
    return np.asarray(image.resize((side, side), Image.Resampling.BICUBIC), np.uint8)


def draw_scale(*, width: int = 288, height: int = 14) -> Pixels:
    """The colours from 0, on the left, to 1; shape (height, width, 3)."""
    row = np.rint(colour_of(np.linspace(0, 1, width))).astype(np.uint8)
    return np.broadcast_to(row, (height, width, 3)).copy()


def place_of(heat: ArrayLike) -> str:
    """Where a map is highest: one of nine parts of the picture, in words.

    Parameters
    ----------
    heat : float array, shape (size, size)

    Returns
    -------
    str
        One of ``PLACES``, which is yet to be said, by the part with the highest mean;
        empty where the map is 0 everywhere.
    """
    values = np.asarray(heat)
    if not values.any():
        return ""
    means = [
        [part.mean() for part in np.array_split(band, len(PLACES[0]), axis=1)]
        for band in np.array_split(values, len(PLACES), axis=0)
    ]
    row, column = divmod(int(np.argmax(means)), len(PLACES[0]))
    return PLACES[row][column]


def describe_map(heat: ArrayLike) -> str:
    """Where a model looked most, as a part of a sentence: for who cannot see it."""
    place = place_of(heat)
    if not place:
        return gettext("found nothing that speaks for it")
    return gettext("looked most at the {place}", place=gettext(place))


def takeaway_maps(maps: Mapping[str, ArrayLike], labels: Mapping[str, str]) -> str:
    """Where most models looked, and which looked elsewhere.

    Parameters
    ----------
    maps : mapping of str to float array, shape (size, size)
        Of each method.
    labels : mapping of str to str
        What a reader sees for each method.
    """
    places = {method: place_of(heat) for method, heat in maps.items()}
    by_place: dict[str, list[str]] = {}
    for method, place in places.items():
        by_place.setdefault(place, []).append(labels.get(method, method))
    blind = by_place.pop("", [])
    parts = sorted(by_place.items(), key=lambda item: -len(item[1]))
    sentences = []
    if len(parts) == 1 and len(parts[0][1]) > 1:
        sentences.append(
            gettext(
                "All looked most at the {place} of the picture.",
                place=gettext(parts[0][0]),
            )
        )
    elif parts:
        rest = [name for _, names in parts[MOST_PLACES:] for name in names]
        said = [
            gettext(
                "the {place} ({methods})", place=gettext(place), methods=_named(names)
            )
            for place, names in parts[:MOST_PLACES]
        ]
        if rest:
            said.append(gettext("other places ({methods})", methods=_named(rest)))
        sentences.append(gettext("Looked at most: {places}.", places=listed(said)))
    if blind:
        sentences.append(
            gettext(
                "In the eyes of {methods} nothing speaks for this answer.",
                methods=listed(blind),
            )
        )
    return " ".join(sentences)


def describe_grids(grids: Sequence[tuple[int, int]]) -> str:
    """How fine a map is, such as "8 × 8", or "32 × 32 to 8 × 8" where layers differ."""
    ends = dict.fromkeys((grids[0], grids[-1]))
    # A line never breaks within one.
    times = f"{NO_BREAK}×{NO_BREAK}"
    sizes = [f"{rows}{times}{columns}" for rows, columns in ends]
    if len(sizes) == 1:
        return sizes[0]
    return gettext("{first} to {last}", first=sizes[0], last=sizes[1])


def describe_before(hiding: Hiding, task: Task) -> str:
    """The answer that a map is of: "98 %" or "34 years"."""
    unit = f" {gettext(task.unit)}" if isinstance(task, Regression) else ""
    return _shown(hiding.before, task) + unit


def describe_hiding(hiding: Hiding, task: Task) -> str:
    """The answer without the highest part of a map, and the median without others."""
    elsewhere = float(np.median(hiding.elsewhere))
    return gettext(
        "hidden {after}, elsewhere {elsewhere}",
        after=_shown(hiding.after, task),
        elsewhere=_shown(elsewhere, task),
    )


def takeaway_hiding(holds: Mapping[str, bool], labels: Mapping[str, str]) -> str:
    """Whether hiding the highest part of the maps changes the answers most.

    Parameters
    ----------
    holds : mapping of str to bool
        ``Hiding.holds`` of each method.
    labels : mapping of str to str
        What a reader sees for each method.
    """
    shown, not_shown = (
        [labels.get(method, method) for method in holds if holds[method] == wanted]
        for wanted in (True, False)
    )
    asked = gettext(
        "Occlusion check: does hiding the highest tenth of the map change the answer "
        "more than hiding the same shape in any of {others} other places?",
        others=OTHERS,
    )
    if not not_shown:
        told = gettext("Yes, for {methods}.", methods=_all(shown))
    elif not shown:
        told = gettext("No, for {methods}.", methods=_all(not_shown))
    else:
        told = gettext(
            "Yes, for {methods}; not for {others}, where the answer hangs on other "
            "places as much.",
            methods=_named(shown),
            others=_named(not_shown),
        )
    return f"{asked} {told}"


def _shown(value: float, task: Task) -> str:
    if isinstance(task, Regression):
        return number(value, 0)
    return percent(value)


def _all(methods: Sequence[str]) -> str:
    if len(methods) == 1:
        return methods[0]
    return gettext("all {count} methods", count=len(methods))


def _named(methods: Sequence[str]) -> str:
    if len(methods) < 4:
        return listed(methods)
    return ngettext("{count} method", "{count} methods", len(methods))


@dataclass(frozen=True)
class Tile:
    """A picture with what stands below it."""

    title: str
    lines: tuple[str, ...]
    pixels: Pixels


def draw_sheet(tiles: Sequence[Tile], *, columns: int = 4) -> Image.Image:
    """All tiles in one picture, to be taken along; black on white.

    Parameters
    ----------
    tiles : sequence of Tile
    columns : int
        Tiles side by side.
    """
    columns = min(columns, len(tiles))
    rows = -(-len(tiles) // columns)
    width, height = SHOWN_SIDE + _TILE_GAP, SHOWN_SIDE + _TILE_TEXT + _TILE_GAP
    sheet = Image.new(
        "RGB", (columns * width + _TILE_GAP, rows * height + _TILE_GAP), "white"
    )
    draw = ImageDraw.Draw(sheet)
    font = ImageFont.load_default(_FONT)
    for place, tile in enumerate(tiles):
        row, column = divmod(place, columns)
        x, y = column * width + _TILE_GAP, row * height + _TILE_GAP
        image = Image.fromarray(tile.pixels).resize((SHOWN_SIDE, SHOWN_SIDE))
        sheet.paste(image, (x, y))
        text = _drawable("\n".join((tile.title, *tile.lines)))
        draw.multiline_text((x, y + SHOWN_SIDE + 4), text, font=font, fill="black")
    return sheet


def _drawable(text: str) -> str:
    """The text in the letters that Pillow's own font has: those of ASCII."""
    signs = str.maketrans({"×": "x", "’": "'", "«": '"', "»": '"'})
    plain = unicodedata.normalize("NFKD", text.translate(signs))
    return plain.encode("ascii", "ignore").decode()
