"""Hostile names in real Chromium: no link, no picture, no formula, no request."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests import hostile
from tests.browser.conftest import App, start, stop
from tests.pages.test_hostile import PAGES

pytestmark = [pytest.mark.browser, pytest.mark.slow]

# Of a table with one task, the pages that show other views than those of three tasks.
OF_ONE_TASK = ("overview", "classification", "age", "fairness", "errors", "data")
STUDIES = {
    "utkface": PAGES,
    "hostile-binary": tuple(page for page in PAGES if page in OF_ONE_TASK),
    "hostile-regression": tuple(page for page in PAGES if page in OF_ONE_TASK),
}
# What would be there if a name were more than text; the app's own are none of these.
MADE_OF_NAMES = (
    f"[href*='{hostile.HOST}']",
    "[href^='mailto:']",
    f"[src*='{hostile.HOST}']",
    # Methods has formulas of its own.
    ".katex annotation:text-is('x^2')",
    "svg a",
    "[data-testid='stMain'] img[alt='t']",
    "[data-testid='stMain'] del",
)


@pytest.fixture(scope="module")
def bad_app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    """The app on studies whose every name is hostile."""
    store = tmp_path_factory.mktemp("bad")
    hostile.write_hostile_store(store)
    running = start(tmp_path_factory.mktemp("bad-app"), store)
    yield running
    stop(running)


def wait_until_drawn(page: Page) -> None:
    """Return once nothing runs and nothing new is drawn."""
    expect(page.get_by_test_id("stStatusWidget")).to_have_count(0)
    expect(page.get_by_test_id("stSkeleton")).to_have_count(0)
    page.wait_for_function(
        "() => { const now = document.body.innerHTML.length;"
        " const same = now === window.drawn; window.drawn = now; return same; }",
        polling=400,
    )


@pytest.mark.parametrize("study", STUDIES)
def test_names_are_text_on_every_page(bad_app: App, page: Page, study: str) -> None:
    seen, title = "", page.get_by_role("heading", level=1)
    page.goto(f"{bad_app.url}/?study={study}")
    for place, name in enumerate(STUDIES[study]):
        if name == "import":
            # Only its address tells it which study is meant.
            page.goto(f"{bad_app.url}/{name}?study={study}")
        elif place:
            # As a visitor goes on: a page opened by its address loads all anew.
            before = title.inner_text()
            page.get_by_role("link", name=name.capitalize()).first.click()
            expect(title).not_to_have_text(before)
            expect(page).to_have_url(re.compile(f"/{name}.*study={study}"))
        expect(title).to_be_visible()
        wait_until_drawn(page)
        page.evaluate(
            "() => document.querySelectorAll('details:not([open]) > summary')"
            ".forEach(closed => closed.click())"
        )
        wait_until_drawn(page)
        for sign in MADE_OF_NAMES:
            found = page.locator(sign)
            assert found.count() == 0, (
                f"{name}: {found.first.evaluate('e => e.outerHTML')}"
            )
        seen += page.locator("[data-testid='stMain']").inner_text()
    # As a reader sees them, and copies them.
    for part in (
        "![t](http://other.example/x.png)",
        "$x^2$",
        ":material/home:",
        "a | b",
    ):
        assert part in seen


def test_a_hostile_address_is_text(bad_app: App, page: Page) -> None:
    picture = f"x%60%20![t](http://{hostile.HOST}/x.png)%20%60%20http://{hostile.HOST}"
    for path in (f"?study={picture}", f"errors?study=utkface&method={picture}"):
        page.goto(f"{bad_app.url}/{path}")
        shown = page.get_by_test_id("stAlert").filter(has_text=f"http://{hostile.HOST}")
        expect(shown.first).to_be_visible()
        wait_until_drawn(page)
        for sign in MADE_OF_NAMES:
            assert page.locator(sign).count() == 0


def test_the_names_of_uploads_are_text(
    bad_app: App, page: Page, tmp_path: Path
) -> None:
    page.goto(f"{bad_app.url}/import?study=utkface")
    page.get_by_label("Name of the method").fill(f"http://{hostile.HOST} $x^2$")
    page.get_by_label("Name of the method").press("Enter")
    name = f"![t](http:{hostile.HOST}) $x^2$ www.{hostile.HOST}.csv"
    given = {"name": name, "mimeType": "text/csv", "buffer": b"image_id,www.a.b\n1,2\n"}
    page.locator("input[type=file]").set_input_files([given])
    expect(page.get_by_test_id("stAlert").first).to_be_visible()
    wait_until_drawn(page)
    for sign in MADE_OF_NAMES:
        assert page.locator(sign).count() == 0
