"""What is taken away from a chart: every name whole, none over another."""

import re
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import pytest
from PIL import Image
from playwright.sync_api import Browser, Page, expect

from core.plots.classification import plot_class_scores
from core.plots.download import (
    IMAGE_WIDTH,
    SCALE,
    TITLE_ROOM,
    chart_html,
    titled,
)
from core.plots.highlight import with_highlight
from core.plots.look import Look, method_styles
from tests.browser.conftest import App

pytestmark = [pytest.mark.browser, pytest.mark.slow]

METHODS = tuple(f"m{place}" for place in range(13))
LABELS = {name: f"A rather long name, DenseWeight {name[1:]}" for name in METHODS}
LOOK = Look(METHODS, method_styles(METHODS, "m0"), LABELS, "m0")
COUNTS = {"cat": 300, "dog": 200, "horse": 60, "bird": 10}
TITLE = "F1 of each class"
# Pixels of a text's box above its letters.
ROOM = 2
# Every text that is drawn, with its box and whether it belongs to the legend, and the
# boxes that none may leave.
BOXES = """() => {
  const box = (part) => {
    const {left, top, right, bottom} = part.getBoundingClientRect();
    return [left, top, right, bottom];
  };
  const texts = [...document.querySelectorAll("text")]
    .filter((text) => text.textContent.trim() && text.getBoundingClientRect().width)
    .map((text) => [text.textContent, box(text), !!text.closest(".legend")]);
  const picture = document.querySelector("svg.main-svg") ?? document.documentElement;
  return {
    texts, picture: box(picture), legend: box(document.querySelector(".legend .bg")),
  };
}"""


def figure() -> go.Figure:
    rng = np.random.default_rng(0)
    rows = [
        {"method": method, "group": name, "mean": mean, "low": mean - 0.05}
        for method in METHODS
        for name in COUNTS
        for mean in [rng.uniform(0.4, 0.9)]
    ]
    scores = pd.DataFrame(rows)
    scores["high"] = scores["mean"] + 0.05
    drawn = plot_class_scores(scores, list(COUNTS), COUNTS, LOOK)
    return with_highlight(titled(drawn, TITLE))


@pytest.fixture
def offline(chromium: Browser) -> Iterator[Page]:
    """A visitor without a network."""
    context = chromium.new_context(viewport={"width": 1200, "height": 900})
    context.set_offline(True)
    yield context.new_page()
    context.close()


def boxes_at_rest(page: Page) -> dict[str, Any]:
    """The boxes of all texts, once Plotly has stopped to make room for them."""
    before, found = None, page.evaluate(BOXES)
    while found != before:
        page.wait_for_timeout(400)
        before, found = found, page.evaluate(BOXES)
    return dict(found)


def check_texts(page: Page) -> None:
    """No text is cut by the picture or the legend, and none lies over another."""
    found = boxes_at_rest(page)
    texts = [(text, *map(round, box)) for text, box, _ in found["texts"]]
    said = {text for text, *_ in texts}
    assert {TITLE, *LABELS.values(), *COUNTS} <= said
    left, top, right, bottom = found["picture"]
    # A box has room above the letters, which Plotly does not count at the edge.
    for text, *(x0, y0, x1, y1) in texts:
        assert left - ROOM <= x0 < x1 <= right + ROOM, text
        assert top - ROOM <= y0 < y1 <= bottom + ROOM, text
    _, _, end, _ = found["legend"]
    assert all(box[2] <= end for _, box, inside in found["texts"] if inside)
    for place, (one, a0, b0, a1, b1) in enumerate(texts):
        for other, c0, d0, c1, d1 in texts[place + 1 :]:
            across = min(a1, c1) - max(a0, c0)
            down = min(b1, d1) - max(b0, d0)
            assert across <= 1 or down <= 1, (one, other)


def test_the_file_opens_offline_and_its_texts_are_whole(
    offline: Page, tmp_path: Path
) -> None:
    file = tmp_path / "scores.html"
    file.write_text(chart_html([figure()], title=TITLE, name="scores"))
    offline.goto(file.as_uri())
    expect(offline.locator(".legendtext")).to_have_count(len(METHODS))
    check_texts(offline)
    offline.locator(".js-plotly-plot").hover()
    with offline.expect_download() as saved:
        offline.locator('.modebar-btn[data-title$="SVG"]').click()
    assert saved.value.suggested_filename == "scores.svg"
    drawing = tmp_path / "scores.svg"
    saved.value.save_as(drawing)
    offline.goto(drawing.as_uri())
    assert offline.evaluate("document.documentElement.clientWidth") > 0
    check_texts(offline)


def dimmed(page: Page) -> int:
    """How many traces of the chart are faded, once the fading is over."""
    page.wait_for_timeout(400)
    return page.locator(".trace").evaluate_all(
        "(all) => all.filter((one) => getComputedStyle(one).opacity < 0.5).length"
    )


def check_highlight(page: Page, count: int) -> None:
    """Pointing at an entry, or at a mark, dims all other traces."""
    expect(page.locator(".scatterlayer .trace")).to_have_count(count)
    page.mouse.move(0, 0)
    assert dimmed(page) == 0
    page.locator(".legendtoggle").last.hover()
    assert dimmed(page) == count - 1
    page.mouse.move(0, 0)
    assert dimmed(page) == 0
    page.locator(".scatterlayer .trace").last.locator(".point").first.hover(force=True)
    expect(page.locator(".hovertext")).to_have_count(1)
    assert dimmed(page) == count - 1


def test_pointing_at_a_method_dims_the_others_in_the_file(
    offline: Page, tmp_path: Path
) -> None:
    file = tmp_path / "scores.html"
    file.write_text(chart_html([figure()], title=TITLE, name="scores"))
    offline.goto(file.as_uri())
    check_highlight(offline, len(METHODS))


def test_pointing_at_a_method_dims_the_others_on_a_page(app: App, page: Page) -> None:
    page.goto(f"{app.url}/cost?study=utkface")
    # The single seeds have an entry too.
    check_highlight(page, 4)
    page.locator(".legendtoggle").last.dblclick()
    expect(page.locator(".scatterlayer .trace")).to_have_count(1)


def test_the_camera_saves_the_title_that_the_page_has_as_a_heading(
    app: App, page: Page
) -> None:
    page.goto(f"{app.url}/?study=utkface")
    card = page.locator(".st-key-card_utkface-differences")
    heading = card.get_by_role("heading", name="Difference to the baseline")
    expect(heading).to_be_visible()
    expect(card.locator(".gtitle")).to_have_text(re.compile("Difference to the"))
    assert not card.locator(".gtitle tspan").last.is_visible()
    card.locator(".js-plotly-plot").hover()
    with page.expect_download() as saved:
        card.locator(".modebar-btn").click()
    assert saved.value.suggested_filename == "utkface-differences.png"
    picture = Image.open(BytesIO(Path(saved.value.path()).read_bytes())).convert("L")
    assert picture.width == SCALE * IMAGE_WIDTH
    shades = np.asarray(picture)
    paper = shades[0, 0]
    head = shades[: SCALE * TITLE_ROOM]
    assert (head != paper).any(), "the title"
    edge = 2 * SCALE
    for border in (
        *(shades[:edge], shades[-edge:]),
        *(shades[:, :edge], shades[:, -edge:]),
    ):
        assert (border == paper).all(), "something runs out of the picture"
