"""How everything is drawn: colours, markers, sizes, signs, and each method's look.

Text colours are left to the theme of the page (light or dark); everything that carries
meaning has a colour that can be told apart on both, and a second cue beside it.
"""

import string
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

# Okabe and Ito's palette, without its black (lost on dark) and yellow (lost on white).
METHOD_COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00")
BASELINE_COLOUR = "#8A8A8A"
# Of what others predicted: no method that was trained has it.
IMPORTED_COLOUR = "#8D33FF"
MARKERS = ("circle", "diamond", "square", "triangle-up", "cross", "star")
DASHES = ("solid", "dash", "dot", "dashdot")
TRAINING_COLOUR = "rgba(128, 128, 128, 0.30)"
FAINT_COLOUR = "rgba(128, 128, 128, 0.55)"
GRID_COLOUR = "rgba(128, 128, 128, 0.22)"
NOISE_COLOUR = "#B8860B"
STRIPE_COLOUR = "rgba(128, 128, 128, 0.09)"
# Where both groups lose.
FALLS_COLOUR = "rgba(213, 94, 0, 0.10)"
RIGHT_COLOUR, REST_COLOUR = METHOD_COLOURS[0], BASELINE_COLOUR
# Darkest for the most common; each with the colour of text that stands out on it.
WRONG_COLOURS = (("#B34700", "#FFFFFF"), ("#E8935A", "#000000"), ("#F6CDB0", "#000000"))
SPLIT_COLOURS = {
    "training": METHOD_COLOURS[0],
    "validation": METHOD_COLOURS[4],
    "test": METHOD_COLOURS[5],
}
# Drawn into a photo, whatever the theme.
BOX_COLOUR, BOX_EDGE = "#FFB000", "#101010"
DARK_TEXT, WHITE_TEXT = "#000000", "#FFFFFF"
# Light to dark of one hue for shares; two hues around a neutral for differences.
SEQUENTIAL = ((0.0, "#F2F6FB"), (0.5, "#6FA8DC"), (1.0, "#0B3C6F"))
DIVERGING = ((0.0, "#B2500B"), (0.5, "#F4F4F4"), (1.0, "#0B5FA5"))

# Text. Streamlit replaces this very colour by the theme's eighth categorical colour,
# which .streamlit/config.toml gives the colour of text; elsewhere it is near black.
# It is replaced once: after a change of the theme an open page needs a reload
# (https://github.com/streamlit/streamlit/issues/11974). Left to Streamlit, text would
# follow, in a grey of contrast 3.7 on white.
INK = "#000008"

# No font of the page: a picture is drawn by whatever reads it, with fonts it has.
FONT_FAMILY = "Arial, Helvetica, Liberation Sans, DejaVu Sans, sans-serif"
FONT_SIZE = 15
TITLE_SIZE = 17
MINIMUM_FONT_SIZE = 14
# Beside a value that rests on few images.
SMALL_SIGN = "†"


@dataclass(frozen=True)
class MethodStyle:
    """How a method is drawn, the same on every page.

    Parameters
    ----------
    colour : str
        As ``#RRGGBB``.
    marker : str
        Plotly's symbol; one that ends in "-open" is hollow.
    dash : str
        Plotly's dash of a line.
    """

    colour: str
    marker: str
    dash: str

    def mark(self, size: float) -> dict[str, Any]:
        """Plotly's ``marker`` of this method, ``size`` pixels wide."""
        mark: dict[str, Any] = {
            "color": self.colour,
            "symbol": self.marker,
            "size": size,
        }
        if self.marker.endswith("-open"):
            # Plotly would draw the outline one pixel wide.
            mark["line"] = {"width": max(2.0, size / 5)}
        return mark


@dataclass(frozen=True)
class Look:
    """The methods of a figure or a sentence: which, and how each is drawn and called.

    Parameters
    ----------
    methods : tuple of str
        Those shown, in order.
    styles : mapping of str to MethodStyle
        How each is drawn; may hold more methods than are shown.
    labels : mapping of str to str
        What a reader sees for each; may hold more methods than are shown.
    baseline : str
        The method that the others are compared with.
    """

    methods: tuple[str, ...]
    styles: Mapping[str, MethodStyle]
    labels: Mapping[str, str]
    baseline: str

    def only(self, methods: Sequence[str]) -> "Look":
        """The same look, with these methods shown."""
        return replace(self, methods=tuple(methods))

    def against(self, baseline: str) -> "Look":
        """The same look, beside another baseline."""
        return replace(self, baseline=baseline)

    def called(self, labels: Mapping[str, str]) -> "Look":
        """The same look, with these labels."""
        return replace(self, labels=labels)


def counterpart_style(style: MethodStyle) -> MethodStyle:
    """The style of a method's counterpart in another study: its colour, not its marks.

    A filled marker becomes hollow, a hollow one filled; the line is another one.
    """
    plain = style.marker.removesuffix("-open")
    marker = plain if style.marker.endswith("-open") else f"{plain}-open"
    place = (DASHES.index(style.dash) + 2) % len(DASHES)
    return MethodStyle(style.colour, marker, DASHES[place])


def method_styles(
    methods: Sequence[str], baseline: str, *, imported: Collection[str] = ()
) -> dict[str, MethodStyle]:
    """Style of each method by its place in the study, so that filters change nothing.

    Parameters
    ----------
    methods : sequence of str
        All methods of the study in its order, chosen or not.
    baseline : str
        The method that is drawn in grey.
    imported : collection of str
        Those that were imported to the study; they change no other's style.

    Returns
    -------
    dict of str to MethodStyle
        No two methods share colour, marker and dash until twenty-four are drawn.

    Notes
    -----
    There are six colours that everybody can tell apart. Where they come round again
    the marker is another one, and hollow, and the line is dashed. Imported methods
    share a colour of their own, and each has its marker.
    """
    styles = {}
    added = [method for method in methods if method in {*imported} - {baseline}]
    for place, method in enumerate(added):
        turn, marker = divmod(place, len(MARKERS))
        styles[method] = MethodStyle(
            IMPORTED_COLOUR,
            MARKERS[marker] + ("-open" if turn % 2 else ""),
            DASHES[place % len(DASHES)],
        )
    others = [m for m in methods if m != baseline and m not in styles]
    for place, method in enumerate(others):
        turn, colour = divmod(place, len(METHOD_COLOURS))
        styles[method] = MethodStyle(
            METHOD_COLOURS[colour],
            MARKERS[(colour + turn) % len(MARKERS)] + ("-open" if turn % 2 else ""),
            DASHES[turn % len(DASHES)],
        )
    if baseline in methods:
        styles[baseline] = MethodStyle(BASELINE_COLOUR, "circle", "solid")
    return {method: styles[method] for method in methods}


def faded(colour: str, opacity: float) -> str:
    """``#RRGGBB`` as an ``rgba()`` of that opacity, for bands and fills."""
    red, green, blue = (int(colour[i : i + 2], 16) for i in (1, 3, 5))
    return f"rgba({red}, {green}, {blue}, {opacity:g})"


def letters_of(methods: Sequence[str]) -> dict[str, str]:
    """A letter for each method, in bold, where a name would not fit on a phone."""
    letters = [f"<b>{letter}</b>" for letter in string.ascii_lowercase]
    spare = len(methods) - len(letters)
    return dict(zip(methods, letters + [""] * spare, strict=False))


def place_sign(place: int) -> str:
    """The sign of a place on a front, counted from 1: a digit in a circle."""
    return chr(0x2460 + place - 1) if place <= 20 else f"({place})"
