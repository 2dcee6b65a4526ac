"""From a click to a finished comparison: watched, reloaded, stopped, gone on with."""

import os
import re
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from core.locks import read_holder
from core.training.queue import FOLDER
from tests import tiny
from tests.browser.conftest import PATIENCE_MS, App, start, stop

pytestmark = [pytest.mark.browser, pytest.mark.slow]

# Enough epochs that somebody can stop it in the middle.
EPOCHS = 60
# TensorFlow is loaded by the job, on a machine that may be busy.
TRAINING_MS = 2 * PATIENCE_MS


@pytest.fixture
def training_app(tmp_path: Path) -> Iterator[App]:
    """The app on a store with one small study of the user's own, and no run."""
    store = tmp_path / "runs"
    (store / "studies").mkdir(parents=True)
    text = tiny.TEXT.replace("epochs = 2", f"epochs = {EPOCHS}\npatience = {EPOCHS}")
    (store / "studies" / "tiny.toml").write_text(text)
    running = start(tmp_path / "app", store)
    yield running
    stop(running)
    holder = read_holder(store / FOLDER / "worker.lock")
    if holder is not None:
        os.kill(holder.pid, signal.SIGTERM)


def state_of(page: Page, words: str) -> None:
    """Wait until the job has a state: its badge is a sign, then the words."""
    job = page.locator('[class*="st-key-train_job_"]').first
    badge = job.get_by_text(re.compile(rf"^\S+\s*{words}$"))
    expect(badge).to_be_visible(timeout=TRAINING_MS)


def test_two_methods_are_trained_from_a_click_to_their_comparison(
    training_app: App, page: Page, chromium: Browser
) -> None:
    address = f"{training_app.url}/train?study=tiny"
    context = chromium.new_context()
    other = context.new_page()
    other.set_default_timeout(PATIENCE_MS)
    for each in (page, other):
        each.goto(address)
        expect(each.get_by_text("2 runs are to be trained.")).to_be_visible()
    page.get_by_role("button", name="Start training").click()
    # In another browser, and after a reload, the same is seen.
    state_of(page, "at work")
    state_of(other, "at work")
    page.reload()
    state_of(page, "at work")
    under_way = re.compile(rf"Baseline, seed 0: epoch ([2-9]|\d\d) of {EPOCHS}")
    expect(page.get_by_text(under_way)).to_be_visible(timeout=TRAINING_MS)

    page.get_by_role("button", name="Stop", exact=True).click()
    state_of(page, "stopped")
    state_of(other, "stopped")
    other.get_by_text("Charts and log").click()
    expect(other.locator(".js-plotly-plot").first).to_be_visible()
    other.get_by_role("button", name="Go on").click()
    state_of(page, "finished")
    expect(page.get_by_text("2 of 2 runs finished")).to_be_visible()
    context.close()

    # The runs are in the comparison, without a restart.
    page.get_by_role("link", name="See the comparison").click()
    expect(page).to_have_url(re.compile("study=tiny"))
    heading = page.get_by_role("heading", level=1)
    expect(heading).to_have_text("Which remedy should I trust?")
    expect(page.locator(".js-plotly-plot").first).to_be_visible()
    runs = training_app.folder.parent / "runs" / "tiny"
    assert sorted(path.parent.name for path in runs.glob("*/seed-0")) == [
        "baseline",
        "ins",
    ]
    assert not list(runs.glob("*/.seed-*"))
