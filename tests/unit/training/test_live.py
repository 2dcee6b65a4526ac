"""How far a run is, as it is written and read."""

from pathlib import Path

import keras
import pytest

from core.training.live import FILE, Live, read_live, write_live
from core.training.progress import LiveProgress


def test_share_and_time_left() -> None:
    live = Live(epochs=4, epoch=1, steps=10, step=5, epoch_s=8.0)
    assert live.share == pytest.approx(1.5 / 4)
    assert live.seconds_left == pytest.approx(2.5 * 8)
    assert Live(epochs=4).seconds_left is None


def test_what_is_written_is_read_and_what_is_damaged_is_not_known(
    tmp_path: Path,
) -> None:
    assert read_live(tmp_path) is None
    live = Live(epochs=2, epoch=1, rows=((1, "training", "loss", 0.5),))
    write_live(tmp_path, live)
    assert read_live(tmp_path) == live
    (tmp_path / FILE).write_text('{"epochs": ')
    assert read_live(tmp_path) is None


def test_epochs_that_are_trained_again_are_drawn_once(tmp_path: Path) -> None:
    for first in (0, 1):
        progress = LiveProgress(tmp_path, epochs=3, batch_size=8)
        progress.set_params({"steps": 2, "epochs": 3})
        progress.set_model(keras.Model())
        for epoch in range(first, 2):
            progress.on_epoch_begin(epoch)
            progress.add_epoch(epoch + 1, {"loss": epoch, "val_loss": 10.0 * epoch})
            progress.on_epoch_end(epoch)
    found = read_live(tmp_path)
    assert found is not None
    assert found.epoch == 2
    assert found.rows == (
        (1, "training", "loss", 0.0),
        (1, "validation", "loss", 0.0),
        (2, "training", "loss", 1.0),
        (2, "validation", "loss", 10.0),
    )
