"""A story composed of what pages show, presented by keys alone, and taken away."""

import re
from io import BytesIO
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect
from pptx import Presentation

from tests.browser.conftest import App
from tests.browser.test_journeys import ASTRONAUT, answers, give, open_at

pytestmark = [pytest.mark.browser, pytest.mark.slow]

VIEWS = 4
# Runs are over by then.
QUIET_MS = 4000
# The new size is sent right after the move, with the address of before it.
MOVE_AND_MEASURE = """({ key, width }) => {
  const press = new KeyboardEvent("keydown", { key, bubbles: true });
  setTimeout(() => document.dispatchEvent(press), 150);
  window.innerWidth = width;
  window.dispatchEvent(new Event("resize"));
}"""
CLAIM_PX = 40
HIDDEN_PX = "slide => slide.scrollHeight - slide.clientHeight"
PROJECTOR = {"width": 1920, "height": 1080}
FALSE_CLAIM = "INS improves the age MAE by 50 years."


def claim(page: Page) -> Locator:
    """The one that a slide makes."""
    return page.locator('[class*="st-key-defense_heading"] p').first


def add_views(page: Page, app: App, *, first: int = 0) -> None:
    """Add views of Age from one on, and the last one by another feature as well."""
    open_at(page, app, "age")
    add = page.get_by_role("button", name="Add to the story")
    expect(add.nth(VIEWS - 1)).to_be_visible()
    for slide, place in enumerate(range(first, VIEWS), start=1):
        add.nth(place).click()
        expect(see(page, slide)).to_be_visible()
    page.get_by_role("radio", name="Gender", exact=True).click()
    expect(page).to_have_url(re.compile("coverage=gender"))
    add.nth(VIEWS - 1).click()
    last = VIEWS - first + 1
    see(page, last).click()
    expect(page).to_have_url(re.compile(rf"/defense\?.*slide={last}"))


def see(page: Page, slide: int) -> Locator:
    return page.get_by_role("link", name=f"See slide {slide} on Defense")


def test_five_views_become_a_story_that_is_presented_by_keys(
    app: App, page: Page, tmp_path: Path
) -> None:
    add_views(page, app)
    cards = page.locator('[class*="st-key-defense_choose_"] button')
    expect(cards).to_have_count(5)

    # A false claim is marked, and so is its slide.
    field = page.get_by_label("Claim")
    field.fill(FALSE_CLAIM)
    field.blur()
    expect(page.get_by_text("The numbers contradict this claim.")).to_be_visible()

    # A live slide at the end.
    page.get_by_role("button", name="Add a slide").click()
    page.get_by_role("button", name="Add the live predictor").click()
    expect(cards).to_have_count(6)

    with page.expect_download() as download:
        page.get_by_role("button", name="Files").click()
        page.get_by_role("button", name="Deck (PPTX)").click()
    content = Path(download.value.path()).read_bytes()
    texts = [
        shape.text_frame.text
        for slide in Presentation(BytesIO(content)).slides
        for shape in slide.shapes
        if shape.has_text_frame
    ]
    assert FALSE_CLAIM in texts
    assert any("The numbers contradict this claim." in text for text in texts)
    page.keyboard.press("Escape")

    page.set_viewport_size(PROJECTOR)
    page.get_by_role("button", name="Present", exact=True).click()
    expect(page.get_by_role("button", name="Leave (Esc)")).to_be_visible()
    expect(page.get_by_role("heading", level=1)).to_have_count(0)
    page.keyboard.press("Home")
    expect(page).to_have_url(re.compile("slide=1&|slide=1$"))
    said = []
    for place in range(1, 6):
        expect(page).to_have_url(re.compile(rf"slide={place}\b"))
        expect(page.get_by_text(f"{place} / 6", exact=True)).to_be_visible()
        expect(page.locator(".js-plotly-plot .main-svg").first).to_be_visible()
        expect(claim(page)).not_to_have_text(said[-1] if said else "")
        said.append(claim(page).inner_text())
        size = claim(page).evaluate("p => parseFloat(getComputedStyle(p).fontSize)")
        assert size >= CLAIM_PX
        # The whole note stands above the bar.
        expect(page.locator(".st-key-defense_note p")).to_be_in_viewport(ratio=1)
        assert page.locator(".st-key-defense_slide").evaluate(HIDDEN_PX) <= 1
        page.keyboard.press("PageDown")
    assert said[4] == FALSE_CLAIM
    assert len(set(said)) == 5

    # The live slide takes a photo; a clicker's key works from within its widgets.
    expect(page.get_by_text("6 / 6", exact=True)).to_be_visible()
    give(page, "astronaut.jpg", ASTRONAUT.read_bytes())
    assert len(answers(page)) == 3
    page.keyboard.press("PageDown")
    expect(claim(page)).to_have_text("Questions that a jury asks")
    page.keyboard.press("ArrowRight")
    expect(claim(page)).to_contain_text("?")
    page.keyboard.press("End")
    expect(page.get_by_text("6 / 6", exact=True)).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("button", name="Present", exact=True)).to_be_visible()
    expect(page).not_to_have_url(re.compile("present"))
    expect(page.get_by_test_id("stException")).to_have_count(0)


def test_the_window_of_notes_follows_and_leads(app: App, page: Page) -> None:
    add_views(page, app, first=VIEWS - 1)
    notes = page.get_by_label("Notes for the speaker")
    notes.fill("Now breathe.")
    notes.blur()
    expect(page).to_have_url(re.compile("draft="))
    page.get_by_role("button", name="Present", exact=True).click()
    button = page.get_by_role("button", name=re.compile("second window"))
    expect(button).to_be_visible()
    with page.context.expect_page() as opened:
        button.click()
    second = opened.value
    said = second.locator(".st-key-defense_speaker")
    expect(said).to_contain_text("Now breathe.")
    page.keyboard.press("Home")
    expect(said).to_contain_text("No notes on this slide.")
    expect(second.get_by_text("1 / 2", exact=True)).to_be_visible()
    second.keyboard.press("End")
    expect(said).to_contain_text("Now breathe.")
    expect(page).to_have_url(re.compile("slide=2"))
    # The jury sees no notes, until N is pressed.
    expect(page.get_by_text("Now breathe.")).not_to_be_visible()
    page.keyboard.press("n")
    expect(page.get_by_text("Now breathe.")).to_be_visible()


def test_the_second_window_follows_a_shipped_story_and_a_reload_keeps_the_time(
    app: App, page: Page
) -> None:
    page.goto(f"{app.url}/defense?study=utkface&story=utkface&slide=1&present=1")
    count = page.locator("[data-place]")
    expect(count).to_have_text(re.compile(r"^1 / \d+$"))
    button = page.get_by_role("button", name=re.compile("second window"))
    with page.context.expect_page() as opened:
        button.click()
    second = opened.value
    theirs = second.locator("[data-place]")
    expect(theirs).to_have_text(re.compile(r"^1 / "))
    page.keyboard.press("PageDown")
    expect(theirs).to_have_text(re.compile(r"^2 / "))
    second.keyboard.press("PageDown")
    expect(count).to_have_text(re.compile(r"^3 / "))
    expect(page).to_have_url(re.compile("slide=3"))
    began = "Object.entries(localStorage).filter(([name]) => name.includes('clock'))"
    before = page.evaluate(began)
    assert len(before) == 1
    page.reload()
    expect(count).to_have_text(re.compile(r"^3 / "))
    assert page.evaluate(began) == before


def test_a_move_holds_though_the_window_is_measured_at_the_same_time(
    app: App, page: Page
) -> None:
    page.goto(f"{app.url}/defense?study=utkface&story=utkface&slide=1&present=1")
    place = page.locator("[data-place]")
    expect(place).to_have_text(re.compile(r"^1 / "))
    heading = claim(page)
    page.wait_for_timeout(QUIET_MS)
    before = heading.inner_text()
    page.evaluate(MOVE_AND_MEASURE, {"key": "End", "width": 900})
    page.wait_for_timeout(QUIET_MS)
    expect(heading).not_to_have_text(before)
    expect(place).not_to_have_text(re.compile(r"^1 / "))
