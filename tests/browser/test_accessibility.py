"""Every page against WCAG 2.1, levels A and AA, by axe-core."""

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

import streamlit_app
from tests.browser.conftest import PATIENCE_MS, App

pytestmark = [pytest.mark.browser, pytest.mark.slow]

LEVELS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"]
ADDRESSES = [title.lower() for title, *_ in streamlit_app.PAGES]


def faults_of(page: Page) -> list[str]:
    """What axe finds: the rule, and what it is about."""
    options = {"runOnly": LEVELS, "resultTypes": ["violations"]}
    found = Axe().run(page, options=options).response["violations"]
    return [
        f"{rule['id']}: {node['html'][:200]} {node.get('failureSummary', '')[:200]}"
        for rule in found
        for node in rule["nodes"]
    ]


@pytest.mark.parametrize(("language", "scheme"), [("en", "light"), ("fr", "dark")])
def test_the_provenance_of_a_study_can_be_read_by_everyone(
    app: App, chromium: Browser, language: str, scheme: str
) -> None:
    context = chromium.new_context(
        viewport={"width": 1440, "height": 900}, color_scheme=scheme
    )
    page = context.new_page()
    page.set_default_timeout(PATIENCE_MS)
    page.goto(f"{app.url}/cost?study=avatars&lang={language}")
    page.get_by_role("button", name="Provenance").click()
    opened = page.get_by_test_id("stPopoverBody")
    expect(opened.get_by_role("table")).to_be_visible()
    with page.expect_download() as download:
        opened.get_by_role("button", name="JSON").click()
    assert download.value.suggested_filename == "avatars-provenance.json"
    expect(page.get_by_test_id("stStatusWidget")).to_have_count(0)
    # The button in its colours under the pointer.
    page.get_by_role("button", name="Provenance").first.hover()
    faults = faults_of(page)
    context.close()
    assert not faults


@pytest.mark.parametrize(("language", "scheme"), [("en", "light"), ("fr", "dark")])
def test_every_page_can_be_read_by_everyone(
    app: App, chromium: Browser, language: str, scheme: str
) -> None:
    context = chromium.new_context(
        viewport={"width": 1440, "height": 900}, color_scheme=scheme
    )
    page = context.new_page()
    page.set_default_timeout(PATIENCE_MS)
    faults = {}
    for address in ADDRESSES:
        place = "" if address == ADDRESSES[0] else address
        page.goto(f"{app.url}/{place}?study=avatars&lang={language}")
        expect(page.get_by_role("heading", level=1)).to_be_visible()
        expect(page.get_by_test_id("stStatusWidget")).to_have_count(0)
        expect(page.get_by_test_id("stSkeleton")).to_have_count(0)
        if found := faults_of(page):
            faults[address] = found
    context.close()
    assert not faults
