"""The Errors page in real Chromium: images of a cell, and what a label means."""

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from core.runs import MANIFEST_FILE, MODEL, STUDY_FILE
from tests.browser.conftest import ROOT, App
from tests.synthetic import LABELS, TASKS

pytestmark = [pytest.mark.browser, pytest.mark.slow]

HAIR = TASKS["avatars"][2].classes
TRUTH, ANSWER, METHOD = "short", "long", "ins"


def click_cell(page: Page, chart: Locator, truth: str, answer: str) -> None:
    """Click a cell of a matrix, where a person would."""
    cells = chart.locator(".nsewdrag").first
    cells.scroll_into_view_if_needed()
    box = cells.bounding_box()
    assert box is not None
    x = box["x"] + box["width"] * (HAIR.index(answer) + 0.5) / len(HAIR)
    y = box["y"] + box["height"] * (HAIR.index(truth) + 0.5) / len(HAIR)
    page.mouse.move(x, y)
    label = chart.locator(".hoverlayer").get_by_text(f"Truth {truth}")
    expect(label).to_be_visible()
    page.mouse.click(x, y)


def test_a_cell_of_a_matrix_opens_its_images(app: App, page: Page) -> None:
    page.goto(f"{app.url}/classification?study=avatars")
    chart = page.locator(".st-key-chart_avatars-hair-confusion-shares_1")
    expect(chart.get_by_text(LABELS[METHOD], exact=True)).to_be_visible()
    click_cell(page, chart, TRUTH, ANSWER)

    expect(page.get_by_role("heading", level=1)).to_have_text(
        "Where do the methods fail?"
    )
    for part in (f"method={METHOD}", f"truth={TRUTH}", f"predicted={ANSWER}"):
        expect(page).to_have_url(re.compile(part))
    said = f"{LABELS[METHOD]} is wrong on all of them"
    left = page.get_by_text(re.compile(rf"\d+ of 320 test images? match.*{said}"))
    expect(left).to_be_visible()
    images = page.locator(".st-key-errors_images")
    pictures = images.get_by_alt_text(re.compile(rf"^avatar-\d+: {TRUTH}$"))
    expect(pictures.first).to_be_visible()
    count = pictures.count()
    answers = images.get_by_text(re.compile(rf"{LABELS[METHOD]}: {ANSWER}"))
    expect(answers).to_have_count(count)
    expect(page.get_by_test_id("stException")).to_have_count(0)

    # A link opens the same images, and the way back leads back.
    sentence = left.inner_text()
    page.reload()
    expect(page.get_by_text(sentence)).to_be_visible()
    expect(pictures).to_have_count(count)
    page.go_back()
    expect(page.get_by_role("heading", level=1)).to_have_text(
        "Which classes are recognised?"
    )


@pytest.fixture
def softbio(store: Path) -> Iterator[str]:
    """The shipped baseline of the generated soft biometrics, beside the others."""
    name = "avatars-softbio"
    shipped, place = ROOT / "pretrained" / name, store / name
    shutil.copytree(
        shipped / "baseline" / "seed-0",
        place / "baseline" / "seed-0",
        ignore=shutil.ignore_patterns(MODEL),
    )
    for file in (MANIFEST_FILE, STUDY_FILE):
        shutil.copy(shipped / file, place)
    yield name
    shutil.rmtree(place)


def test_a_reader_learns_what_the_label_means(
    app: App, page: Page, softbio: str
) -> None:
    page.goto(f"{app.url}/errors?study={softbio}")
    card = page.locator(".st-key-errors_meaning")
    said = card.get_by_text(
        re.compile(r"'grey hair or glasses' is best explained by .* on 1,200 test")
    )
    expect(said).to_contain_text("glasses or greying ≥ 0.5")
    rows = card.get_by_role("row")
    expect(rows.nth(1)).to_contain_text(re.compile(r"glasses or greying ≥ 0.5.*1\.000"))
    expect(
        card.get_by_text(re.compile(r"\d+ of 6,000 images contradict"))
    ).to_be_visible()
    pictures = card.get_by_alt_text(re.compile("by the rule (neither|grey hair)"))
    expect(pictures).to_have_count(6)

    # The other class is the opposite rule.
    # By keyboard: a list that is opened closes when pictures above it move it.
    card.get_by_role("combobox").focus()
    page.keyboard.type("neither")
    page.keyboard.press("Enter")
    opposite = card.get_by_text(re.compile("'neither' is best explained by"))
    expect(opposite).to_contain_text("not glasses and greying < 0.5")
    expect(page.get_by_test_id("stException")).to_have_count(0)


def test_a_click_on_a_pair_of_labels_lists_its_images(app: App, page: Page) -> None:
    page.goto(f"{app.url}/errors?study=avatars&task=hair")
    card = page.locator(".st-key-errors_labels")
    chart = card.locator(".js-plotly-plot")
    written = chart.locator(".annotation-text").first
    expect(written).to_be_visible()
    count = written.text_content()
    written.scroll_into_view_if_needed()
    box = written.bounding_box()
    assert box is not None
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    said = card.get_by_text(re.compile(rf"Filtered by labelled .*: {count} of \d+"))
    expect(said).to_be_visible()
    expect(page).to_have_url(re.compile("pair="))
    card.get_by_role("button", name="Show all").click()
    expect(said).to_have_count(0)
    expect(page).not_to_have_url(re.compile("pair="))
    expect(page.get_by_test_id("stException")).to_have_count(0)
