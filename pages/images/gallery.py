"""Pictures that the findings are about, and a few of the others."""

from collections.abc import Iterable
from pathlib import Path

import streamlit as st
from PIL import Image

from core.data.images import decode_image
from core.data.manifest import LEFT_OUT
from core.errors import ImageError
from core.importing.image_findings import Understanding
from core.language import gettext
from core.tasks import Regression
from core.text import BREAK, number, to_markdown

# Two of them stand side by side on a phone.
SIDE = 150
PAIRS, SHOWN = 6, 12


def show_copies(understood: Understanding) -> None:
    """Pairs of pictures that show one photo, those of two splits first."""
    copies = understood.copies
    pairs = [*copies.across.tolist(), *copies.within.tolist()]
    if not pairs or understood.loaded is None:
        return
    splits = understood.loaded.manifest["split"]
    title = gettext("Pictures that are there twice")
    with st.expander(title, icon=":material/copy_all:", expanded=True):
        for left, right in pairs[:PAIRS]:
            rows = (left, right)
            _show(understood, rows, [gettext(str(splits.iloc[row])) for row in rows])
        _say_more(len(pairs), PAIRS)


def show_odd(understood: Understanding) -> None:
    """Pictures of an odd size."""
    if understood.looked is None:
        return
    rows = understood.looked.oddly_sized().tolist()
    if not rows:
        return
    sizes = understood.looked.sizes
    title = gettext("Pictures of an odd size")
    with st.expander(title, icon=":material/aspect_ratio:"):
        said = [
            gettext("{width} × {height} pixels", width=sizes[r, 0], height=sizes[r, 1])
            for r in rows[:SHOWN]
        ]
        _show(understood, rows[:SHOWN], said)
        _say_more(len(rows), SHOWN)


def show_sample(understood: Understanding) -> None:
    """A few pictures with what is predicted of them, spread over the classes."""
    loaded = understood.loaded
    if loaded is None:
        return
    used = loaded.manifest[loaded.manifest["split"] != LEFT_OUT]
    first = loaded.info.tasks[0]
    if isinstance(first, Regression):
        rows = used.index[:: max(1, len(used) // SHOWN)][:SHOWN]
    else:
        each = max(1, SHOWN // max(1, used[first.name].nunique()))
        rows = used.groupby(first.name, sort=False).head(each).index[:SHOWN]
    said = [_truth(understood, int(row)) for row in rows]
    with st.expander(gettext("A few of the pictures"), icon=":material/image:"):
        _show(understood, [int(row) for row in rows], said)


def _truth(understood: Understanding, row: int) -> str:
    """What is predicted of a picture, in words."""
    assert understood.loaded is not None
    parts = []
    for task in understood.loaded.info.tasks:
        value = understood.loaded.manifest[task.name].iloc[row]
        shown = str(value)
        if isinstance(task, Regression):
            shown = number(float(value), 2 if float(value) % 1 else 0)
        parts.append(gettext("{name}: {value}", name=gettext(task.label), value=shown))
    return ", ".join(parts)


def _show(understood: Understanding, rows: Iterable[int], said: list[str]) -> None:
    with st.container(horizontal=True):
        for row, text in zip(rows, said, strict=True):
            picture = _thumbnail(understood.listing.paths.iloc[row])
            if picture is None:
                continue
            with st.container(width=SIDE):
                name = understood.listing.ids.iloc[row]
                st.image(
                    picture,
                    caption=to_markdown(f"{name}{BREAK}{text}"),
                    alt=gettext("{name}: {value}", name=name, value=text),
                )


def _thumbnail(path: str) -> Image.Image | None:
    try:
        image = decode_image(Path(path), at_least=SIDE)
    except ImageError:
        return None
    image.thumbnail((SIDE, SIDE))
    return image


def _say_more(count: int, shown: int) -> None:
    if count > shown:
        st.caption(gettext("and {n} more", n=count - shown))
