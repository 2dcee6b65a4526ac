"""Every page against WCAG 2.1, levels A and AA, by axe-core."""

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

import streamlit_app
from tests.browser.conftest import App

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


def faults_in_both(page: Page) -> list[str]:
    """What axe finds in light and in dark."""
    found = []
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        app = page.locator(".stApp")
        expect(app).to_have_css("color-scheme", scheme)
        expect(app).to_have_attribute("data-test-script-state", "notRunning")
        # What Streamlit shows while it runs fades away.
        expect(page.get_by_test_id("stStatusWidget")).to_have_count(0)
        expect(page.get_by_test_id("stBaseButton-header")).to_have_count(0)
        expect(page.get_by_test_id("stSkeleton")).to_have_count(0)
        found += [f"{scheme}: {fault}" for fault in faults_of(page)]
    return found


def test_the_provenance_of_a_study_can_be_read_by_everyone(
    app: App, page: Page
) -> None:
    page.goto(f"{app.url}/cost?study=avatars")
    page.get_by_role("button", name="Provenance").click()
    opened = page.get_by_test_id("stPopoverBody")
    expect(opened.get_by_role("table")).to_be_visible()
    with page.expect_download() as download:
        opened.get_by_role("button", name="JSON").click()
    assert download.value.suggested_filename == "avatars-provenance.json"
    # The button in its colours under the pointer.
    page.get_by_role("button", name="Provenance").first.hover()
    assert not faults_in_both(page)


def test_every_page_can_be_read_by_everyone(app: App, page: Page) -> None:
    faults = {}
    for address in ADDRESSES:
        place = "" if address == ADDRESSES[0] else address
        page.goto(f"{app.url}/{place}?study=avatars&lang=fr")
        expect(page.get_by_role("heading", level=1)).to_be_visible()
        if found := faults_in_both(page):
            faults[address] = found
    assert not faults
