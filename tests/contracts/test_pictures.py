"""Every picture of the documents is taken by the script, and the tour can be walked."""

import io
import re
from collections.abc import Iterator

import numpy as np
import pytest
from PIL import Image

import streamlit_app
from docs.blocks import ROOT, documents
from docs.pictures import FOLDER, PICTURES, TOUR, WIDTH, small_png, tour_page

SHOWN = re.compile(r"!\[([^\[\]]*)\]\(([^)\s]+)\)")
# Two minutes are long enough for as many.
STEPS = range(6, 11)


def shown() -> Iterator[str]:
    """Names of the pictures that any document shows."""
    for name, text in documents().items():
        for said, link in SHOWN.findall(text):
            assert said, f"{name}: {link} is not described"
            yield ((ROOT / name).parent / link).relative_to(FOLDER).as_posix()


def test_the_script_takes_the_pictures_that_the_documents_show() -> None:
    assert set(shown()) == {f"{name}.png" for name in PICTURES}


def test_no_picture_is_left_over() -> None:
    files = {path.relative_to(FOLDER).as_posix() for path in FOLDER.rglob("*.png")}
    assert files == {f"{name}.png" for name in PICTURES}


@pytest.mark.parametrize("picture", PICTURES.values(), ids=list(PICTURES))
def test_a_picture_is_of_a_page_that_exists(picture) -> None:
    first, *others = (title.lower() for title, *_ in streamlit_app.PAGES)
    assert first == "overview"
    assert picture.page in {"", *others}
    with Image.open(picture.path) as image:
        assert image.size == (WIDTH, picture.height)


def test_each_step_of_the_tour_opens_its_page() -> None:
    assert len(TOUR) in STEPS
    for step in TOUR:
        titles = [title for title, *_ in streamlit_app.PAGES]
        page = step.picture.page.capitalize() or "Equipoise"
        assert f"Open *{page}*" in step.does or step.does == f"Open {page}.", step
        assert page in [*titles, "Equipoise"]
        # What is clicked is said.
        for act in step.picture.acts:
            assert f"*{act.name}*" in step.does, step


def test_each_step_is_one_sentence() -> None:
    for step in TOUR:
        assert re.fullmatch(r"[A-Z][^.!?]+\.", step.says), step.says


def test_the_tour_is_the_page_that_the_script_writes() -> None:
    written = (FOLDER / "tour.md").read_text(encoding="utf-8")
    assert written == tour_page(), "run: make pictures"


def test_a_picture_has_a_palette_unless_one_sees_it() -> None:
    flat = Image.new("RGB", (200, 100), "#ffffff")
    flat.paste("#d55e00", (0, 0, 3, 3))
    smooth = Image.fromarray(
        np.random.default_rng(0).integers(0, 256, (100, 200, 3), dtype=np.uint8)
    )
    modes = []
    for image in (flat, smooth):
        file = io.BytesIO()
        image.save(file, "PNG")
        small = Image.open(io.BytesIO(small_png(file.getvalue())))
        modes.append(small.mode)
        assert small.convert("RGB").getpixel((1, 1)) == image.getpixel((1, 1))
    assert modes == ["P", "RGB"]
