"""What a visitor does, in real Chromium. Every journey is watched for other hosts."""

import re
import shutil
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import Page, expect

import streamlit_app
from tests import bad_images
from tests.browser.conftest import App, start, stop
from tests.synthetic import LABELS, synthetic_predictions

pytestmark = [pytest.mark.browser, pytest.mark.slow]

ASTRONAUT = Path(__file__).parents[2] / "pages" / "assets" / "astronaut.jpg"
# Each but Methods; the first comes last.
FIRST, *PAGES = (title for title, *_ in streamlit_app.PAGES if title != "Methods")
PAGES.append(FIRST)
# The first has no name in its address.
ADDRESSES = {FIRST: "/\\?"}
METHODS = ("baseline", "ins", "lmf")
MB = 2**20


def open_at(page: Page, app: App, path: str = "", study: str = "utkface") -> None:
    page.goto(f"{app.url}/{path}?study={study}")
    expect(page.get_by_role("heading", level=1)).to_be_visible()


def give(page: Page, name: str, content: bytes, kind: str = "image/jpeg") -> None:
    files = [{"name": name, "mimeType": kind, "buffer": content}]
    page.locator("input[type=file]").set_input_files(files)


def answers(page: Page) -> list[str]:
    """The rows of the table of answers, once it is there."""
    table = page.get_by_role("table").filter(has_text="Method").first
    expect(table).to_be_visible()
    return table.get_by_role("row").all_inner_texts()[1:]


def large_photo() -> bytes:
    """The astronaut in a file of more than 1 MB."""
    file = BytesIO()
    with Image.open(ASTRONAUT) as photo:
        photo.resize((1200, 1200)).save(file, "PNG")
    assert file.tell() > MB
    return file.getvalue()


def files_under(*folders: Path) -> set[Path]:
    """Every file but the watch's own and compiled Python."""
    return {
        path
        for folder in folders
        for path in folder.rglob("*")
        if path.is_file() and path.name != "events.log" and path.suffix != ".pyc"
    }


def test_overview_is_read(app: App, page: Page) -> None:
    open_at(page, app)
    table = page.get_by_role("table").first
    expect(table).to_be_visible()
    for method in METHODS:
        expect(table).to_contain_text(LABELS[method])


def test_study_can_be_changed(app: App, page: Page) -> None:
    open_at(page, app)
    page.get_by_role("combobox", name="Study").click()
    page.get_by_role("option", name="Avatars", exact=True).click()
    expect(page).to_have_url(re.compile("study=avatars"))
    expect(page.get_by_role("table").first).to_contain_text(re.compile("hair", re.I))


def test_a_threshold_is_moved_and_only_its_part_follows(app: App, page: Page) -> None:
    open_at(page, app, "fairness")
    page.get_by_role("radio", name="Gender", exact=True).click()
    expect(page.get_by_text(re.compile("with 0.5 for all. Move"))).to_be_visible()
    heading = page.get_by_role("heading", name=re.compile("^Gender accuracy by"))
    expect(heading).to_be_visible()
    page.get_by_role("slider", name="Threshold").press("PageUp")
    expect(page.get_by_text(re.compile("on these test images"))).to_be_visible()
    expect(heading).to_be_visible()
    expect(page.get_by_test_id("stException")).to_have_count(0)


def test_photo_is_answered_by_every_method(app: App, page: Page) -> None:
    open_at(page, app, "predict")
    give(page, "astronaut.jpg", ASTRONAUT.read_bytes())
    rows = answers(page)
    assert [row.split("\t")[0].strip() for row in rows] == [LABELS[m] for m in METHODS]
    for row in rows:
        _, age, gender = (cell.strip() for cell in row.split("\t"))
        assert 1 <= int(age.split()[0]) <= 80
        assert re.search(r"(fe)?male\D+\d+\s%", gender), gender
    expect(page.get_by_text("Face 1")).to_be_visible()
    expect(page.get_by_text(re.compile(r"\d+ ms in all"))).to_be_visible()
    assert "import tensorflow" in app.events()


def test_where_each_model_looked_is_shown_on_request(app: App, page: Page) -> None:
    open_at(page, app, "predict")
    page.get_by_role("button", name="Astronaut", exact=True).click()
    answers(page)
    maps = page.get_by_role(
        "img", name=re.compile("looked most at|nothing that speaks")
    )
    expect(maps).to_have_count(0)
    page.get_by_text("Show where each model looked").click()
    expect(maps).to_have_count(len(METHODS))
    expect(page.get_by_text("HiResCAM, 12 × 12")).to_have_count(len(METHODS))
    expect(page.get_by_test_id("stException")).to_have_count(0)


def test_ethnicity_is_answered_only_when_asked_for(app: App, page: Page) -> None:
    open_at(page, app, "predict")
    page.get_by_role("button", name="Astronaut", exact=True).click()
    answers(page)
    header = page.get_by_role("columnheader", name="Ethnicity")
    expect(header).to_have_count(0)
    page.get_by_text("How it is answered").click()
    page.get_by_text("Show ethnicity as well").click()
    expect(header).to_be_visible()


def test_broken_file_is_named_and_the_others_are_answered(app: App, page: Page) -> None:
    open_at(page, app, "predict")
    page.get_by_role("button", name="Astronaut", exact=True).click()
    give(page, "holiday.jpg", bad_images.truncated_jpeg())
    alert = page.get_by_role("alert").filter(has_text="holiday.jpg is damaged")
    expect(alert).to_be_visible()
    expect(page.get_by_text("Traceback")).to_have_count(0)
    assert len(answers(page)) == len(METHODS)


def test_generated_sample_is_answered(app: App, page: Page) -> None:
    open_at(page, app, "predict", study="avatars")
    page.get_by_role("button", name="short 1", exact=True).click()
    assert len(answers(page)) == len(METHODS)


def test_uploaded_photo_never_reaches_the_disk(app: App, page: Page) -> None:
    open_at(page, app, "predict")
    page.get_by_role("button", name="Astronaut", exact=True).click()
    answers(page)
    places = (app.folder, Path(__file__).parents[2] / "pages")
    events, files = app.events(), files_under(*places)
    page.get_by_role("button", name="Astronaut", exact=True).click()
    give(page, "large.png", large_photo(), "image/png")
    expect(page.get_by_role("heading", name="large.png")).to_be_visible()
    assert len(answers(page)) == len(METHODS)
    assert app.events()[len(events) :] == []
    assert files_under(*places) == files


def visit(page: Page, name: str) -> None:
    """Go to a page by its link, and see that it opens without a fault."""
    page.get_by_role("link", name=name).first.click()
    expect(page).to_have_url(re.compile(ADDRESSES.get(name, f"/{name.lower()}")))
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    expect(page.get_by_test_id("stException")).to_have_count(0)
    page.wait_for_load_state("networkidle")


def test_no_page_asks_another_host_or_fails_and_only_two_load_tensorflow(
    tmp_path: Path, store: Path, page: Page
) -> None:
    app = start(tmp_path, store)
    try:
        # Any page opens first.
        open_at(page, app, "data")
        expect(page.get_by_role("heading", level=1)).to_have_text("Data")
        expect(page.get_by_role("link", name="Predict").first).to_be_visible()
        expect(page.get_by_role("link", name="study bar")).to_have_count(0)
        for name in PAGES:
            if name != "Predict":
                visit(page, name)
        assert "import tensorflow" not in app.events()
        page.get_by_role("link", name="Methods").first.click()
        # Until then the chart is that of the page before.
        heading = page.get_by_role("heading", level=1)
        expect(heading).to_have_text("What does a method change?")
        expect(page.get_by_test_id("stPlotlyChart").first).to_be_visible()
        assert "import tensorflow" in app.events()
        visit(page, "Predict")
    finally:
        stop(app)


def test_predictions_are_imported_and_compared(
    app: App, page: Page, store: Path
) -> None:
    table = synthetic_predictions("utkface", "denseweight", 0, rows=320)
    place = store / "utkface" / "theirs"
    open_at(page, app, "import")
    page.get_by_label("Name of the method").fill("Theirs")
    page.keyboard.press("Enter")
    give(page, "theirs.csv", table.to_csv(index=False).encode(), "text/csv")
    button = page.get_by_role("button", name="Import", exact=True)
    expect(button).to_be_visible()
    # Before it is pressed, nothing of the file leaves the session.
    assert not place.exists()
    button.click()
    try:
        page.get_by_role("link", name="See it on Overview").click()
        expect(page).to_have_url(re.compile("study=utkface"))
        expect(page.get_by_role("table").first).to_contain_text("Theirs")
    finally:
        shutil.rmtree(place, ignore_errors=True)
