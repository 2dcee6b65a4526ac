"""Progress of a run, batch by batch."""

from collections.abc import Callable

import keras


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
