"""Progress of a run, batch by batch."""

import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import keras

from core.training.live import Live, epoch_rows, read_live, write_live

# Seconds between two writings of how far a run is.
_EVERY_S = 1.0
# Weight of the newest epoch in how long an epoch takes.
_NEWEST = 0.3


class BatchProgress(keras.callbacks.Callback):
    """Tell how many batches of all epochs are done, about once in twenty."""

    def __init__(self, what: str, progress: Callable[[str, int, int], None]) -> None:
        super().__init__()
        self._what, self._progress = what, progress
        self._epoch = 0

    def on_epoch_begin(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Count from the epoch at which training continues."""
        self._epoch = epoch

    def on_train_batch_end(
        self, batch: int, logs: dict[str, float] | None = None
    ) -> None:
        """Tell the progress."""
        steps, epochs = self.params["steps"], self.params["epochs"]
        if batch % 20 == 19 or batch + 1 == steps:
            done = self._epoch * steps + batch + 1
            self._progress(self._what, done, epochs * steps)


class LiveProgress(keras.callbacks.Callback):
    """Write how far a run is, beside its state, for whoever looks on.

    Parameters
    ----------
    folder : Path
        Of the unfinished training.
    epochs, batch_size : int
    """

    def __init__(self, folder: Path, *, epochs: int, batch_size: int) -> None:
        super().__init__()
        self._folder, self._batch_size = folder, batch_size
        before = read_live(folder)
        rows = () if before is None else before.rows
        self._live = Live(epochs=epochs, rows=rows)
        self._begun = self._written = time.monotonic()
        self._is_warm = False

    def add_epoch(self, epoch: int, values: Mapping[str, float]) -> None:
        """Add the values of a finished epoch, counted from 1, to the curves."""
        rows = (*self._live.rows, *epoch_rows(epoch, values))
        self._live = replace(self._live, rows=rows)

    def on_epoch_begin(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Begin an epoch; the curves of those that are trained again are dropped."""
        self._begun = time.monotonic()
        rows = tuple(row for row in self._live.rows if row[0] <= epoch)
        steps = self.params["steps"]
        self._live = replace(self._live, epoch=epoch, steps=steps, step=0, rows=rows)
        self._write()

    def on_train_batch_end(
        self, batch: int, logs: dict[str, float] | None = None
    ) -> None:
        """Write it, once in a while; the speed is that of the epoch so far."""
        now = time.monotonic()
        is_last = batch + 1 == self._live.steps
        if now - self._written < _EVERY_S and not is_last:
            return
        speed = (batch + 1) * self._batch_size / (now - self._begun)
        self._live = replace(self._live, step=batch + 1, images_per_second=speed)
        # The end of the epoch is written anyway, after its validation.
        if not is_last:
            self._write()

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Write that it is finished, with its curves."""
        took, before = time.monotonic() - self._begun, self._live.epoch_s
        # The first epoch compiles; later ones vary with what else the machine does.
        if before is not None and self._is_warm:
            took = (1 - _NEWEST) * before + _NEWEST * took
        self._is_warm = before is not None
        self._live = replace(self._live, epoch=epoch + 1, step=0, epoch_s=took)
        self._write()

    def _write(self) -> None:
        self._written = time.monotonic()
        write_live(self._folder, self._live)
