"""From a zip of images to a finished comparison: watched, stopped, gone on with."""

import os
import re
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from core.locks import read_holder
from core.training.queue import FOLDER
from tests.browser.conftest import PATIENCE_MS, App, start, stop
from tests.images import write_classes

pytestmark = [pytest.mark.browser, pytest.mark.slow]

# Enough epochs that somebody can stop it in the middle.
EPOCHS = 60
# TensorFlow is loaded by the job, on a machine that may be busy.
TRAINING_MS = 2 * PATIENCE_MS


@pytest.fixture
def training_app(tmp_path: Path) -> Iterator[App]:
    """The app on an empty store."""
    store = tmp_path / "runs"
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


def bring_images(page: Page, app: App, folder: Path) -> None:
    """Upload class folders as a zip, keep the study that is proposed, and go on."""
    archive = shutil.make_archive(str(folder), "zip", write_classes(folder))
    page.goto(f"{app.url}/images")
    page.locator("input[type=file]").set_input_files(archive)
    page.get_by_label("Name of the study").fill("Leaves")
    page.get_by_label("Name of the study").press("Enter")
    page.get_by_role("button", name="Keep this study").click()
    page.get_by_role("link", name="Train it").click()
    expect(page).to_have_url(re.compile(r"/train.*study=leaves"))
    expect(page.get_by_role("button", name="Start training")).to_be_visible()


def test_a_zip_of_images_becomes_a_finished_comparison(
    training_app: App, page: Page, chromium: Browser, tmp_path: Path
) -> None:
    bring_images(page, training_app, tmp_path / "leaves")
    # A smaller network on smaller pictures than is proposed; as a link has it.
    asked = f"study=leaves&backbone=cnn&weights=none&size=32&epochs={EPOCHS}"
    address = f"{training_app.url}/train?{asked}"
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
    expect(page).to_have_url(re.compile("study=leaves"))
    heading = page.get_by_role("heading", level=1)
    expect(heading).to_have_text("Which remedy should I trust?")
    expect(page.locator(".js-plotly-plot").first).to_be_visible()
    store = training_app.folder.parent / "runs"
    assert len(list(store.glob("leaves*/*/seed-0"))) == 2
    assert not list(store.glob("leaves*/*/.seed-*"))
