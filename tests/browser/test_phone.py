"""Charts at the width of a phone."""

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import App

pytestmark = [pytest.mark.browser, pytest.mark.slow]

PHONE = {"width": 390, "height": 844}
LEAST = 240
FORESTS = ("differences", "detectable")


def test_a_forest_plot_leaves_its_intervals_room(app: App, page: Page) -> None:
    page.set_viewport_size(PHONE)
    page.goto(f"{app.url}/?study=utkface")
    for name in FORESTS:
        chart = page.locator(f".st-key-card_utkface-{name} .js-plotly-plot")
        expect(chart).to_be_visible()
        expect(chart.locator(".main-svg").first).to_be_visible()
        assert chart.evaluate("chart => chart._fullLayout.width") < PHONE["width"]
        assert chart.evaluate("chart => chart._fullLayout._size.w") >= LEAST


def test_examples_of_a_table_are_not_wider_than_the_page(app: App, page: Page) -> None:
    page.set_viewport_size(PHONE)
    page.goto(f"{app.url}/import")
    page.get_by_text("A table with truth and predictions").click()
    page.get_by_text("What the table holds").click()
    expect(page.get_by_text("resnet_pred").first).to_be_visible()
    main = page.get_by_test_id("stMain")
    assert main.evaluate("main => main.scrollWidth - main.clientWidth") == 0
