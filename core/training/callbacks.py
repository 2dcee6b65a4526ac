"""Callbacks between the epochs of a run: best weights, state, history."""

import io
import json
import os
import zipfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from core.errors import DivergedError, RunError
from core.language import gettext
from core.models.build import Models

# Errors of reading a state that is missing or cut off.
_DAMAGED_STATE = (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile)
Arrays = list[NDArray[Any]]
EpochReport = Callable[[int, dict[str, float]], None]


class BestWeights(keras.callbacks.Callback):
    """Keep the weights of the epoch with the lowest validation loss; stop in time.

    Weights are taken while the validation runs, so they are the averaged ones: put
    this before ``AverageWeights``.

    Parameters
    ----------
    patience : int
        Epochs without a lower validation loss after which training stops.
    keep_last : bool
        Keep those of the last epoch instead, and never stop.

    Attributes
    ----------
    may_stop : bool
        Whether patience can end; it is switched off while another phase is to come.
    """

    def __init__(self, patience: int, *, keep_last: bool = False) -> None:
        super().__init__()
        self.patience = patience
        self.keep_last = keep_last
        self.may_stop = True
        self.loss = np.inf
        self.epoch = 0
        self.weights: Arrays = []
        self._now = 0

    def on_epoch_begin(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Remember which epoch this is, counted from 1."""
        self._now = epoch + 1

    def on_test_end(self, logs: dict[str, float] | None = None) -> None:
        """Take the weights if they are the best so far."""
        loss = float((logs or {})["loss"])
        if self.keep_last or loss < self.loss:
            self.loss, self.epoch = loss, self._now
            self.weights = [weight.copy() for weight in self.model.get_weights()]

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Stop when patience is at its end."""
        if self.patience_is_over(self._now):
            self.model.stop_training = True

    def begin_phase(self, epoch: int) -> None:
        """Forget what was best before ``epoch``, under another loss."""
        self.loss, self.epoch = np.inf, epoch
        self.weights = []

    def patience_is_over(self, done: int) -> bool:
        """Whether training stops, or has stopped, after ``done`` epochs."""
        return self.may_stop and done - self.epoch >= self.patience

    def restore(self, model: keras.Model) -> None:
        """Put the best weights into the model, which need not have been trained now."""
        model.set_weights(self.weights)


class AverageWeights(keras.callbacks.Callback):
    """Validate with an exponential moving average of the weights.

    The statistics of batch normalisation are averaged with them: an optimizer's own
    average leaves those of the newest weights beside averaged kernels, and validation
    is then noise until the learning rate has fallen.

    Parameters
    ----------
    momentum : float, in [0, 1)
        Of one step; 0 validates with the weights as they are.

    Notes
    -----
    Updated every ``EVERY`` steps with that power of the momentum, which costs nothing
    beside the steps. The momentum rises from 0, so that the first weights are soon
    forgotten.
    """

    EVERY = 10

    def __init__(self, momentum: float) -> None:
        super().__init__()
        self.momentum = momentum**self.EVERY
        self.updates = 0
        self.weights: Arrays = []
        self._newest: Arrays = []
        self._steps = 0

    def on_train_begin(self, logs: dict[str, float] | None = None) -> None:
        """Continue the count of a resumed state, so that it averages the same steps."""
        self._steps = int(keras.ops.convert_to_numpy(self.model.optimizer.iterations))

    def on_train_batch_end(
        self, batch: int, logs: dict[str, float] | None = None
    ) -> None:
        """Move the average towards the newest weights."""
        self._steps += 1
        if not self.momentum or self._steps % self.EVERY:
            return
        newest = self.model.get_weights()
        if not self.weights:
            self.weights = [array.copy() for array in newest]
        self.updates += 1
        share = 1 - min(self.momentum, self.updates / (self.updates + 10))
        for average, array in zip(self.weights, newest, strict=True):
            average += np.asarray(share * (array - average), dtype=average.dtype)

    def on_test_begin(self, logs: dict[str, float] | None = None) -> None:
        """Put the averaged weights into the model."""
        if self.weights:
            self._newest = [weight.copy() for weight in self.model.get_weights()]
            self.model.set_weights(self.weights)

    def on_test_end(self, logs: dict[str, float] | None = None) -> None:
        """Put the newest weights back."""
        if self.weights:
            self.model.set_weights(self._newest)


class History(keras.callbacks.Callback):
    """Collect every value of every epoch in long form.

    ``rows`` holds (epoch from 1, split, name, value).

    Parameters
    ----------
    report : callable
        Called with the epoch and its values.
    tasks : sequence of str
        Keras leaves the name of a single one out before its metrics: it is put back.
    """

    def __init__(self, report: EpochReport, *, tasks: Sequence[str] = ()) -> None:
        super().__init__()
        self.rows: list[tuple[int, str, str, float]] = []
        self._report = report
        self._only = tasks[0] if len(tasks) == 1 else ""

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Append the epoch's values."""
        values = {self._full(name): float(v) for name, v in (logs or {}).items()}
        for name, value in values.items():
            split = "validation" if name.startswith("val_") else "training"
            self.rows.append((epoch + 1, split, name.removeprefix("val_"), value))
        rate = float(np.asarray(self.model.optimizer.learning_rate))
        self.rows.append((epoch + 1, "training", "learning_rate", rate))
        if not all(np.isfinite(value) for value in values.values()):
            raise DivergedError(
                gettext(
                    "The training diverged: a loss is not finite in epoch {epoch}.",
                    epoch=epoch + 1,
                ),
                expected=gettext("finite losses."),
                remedy=gettext("lower the learning rate or the method's loss weight."),
            )
        self._report(epoch + 1, values)

    def _full(self, name: str) -> str:
        split, metric = ("val_", name[4:]) if name.startswith("val_") else ("", name)
        named = metric == "loss" or not self._only
        return name if named else f"{split}{self._only}_{metric}"


class WatchAnswers(keras.callbacks.Callback):
    """Show the inference model after every epoch, with the weights that are validated.

    Put this after ``AverageWeights``: when a validation begins, the averaged weights
    are then in the model.

    Parameters
    ----------
    models : Models
    watch : callable
        Called with the epoch, from 1, and the inference model.
    """

    def __init__(
        self, models: Models, watch: Callable[[int, keras.Model], None]
    ) -> None:
        super().__init__()
        self._models, self._watch = models, watch
        self._now = 0

    def on_epoch_begin(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Remember which epoch this is, counted from 1."""
        self._now = epoch + 1

    def on_test_begin(self, logs: dict[str, float] | None = None) -> None:
        """Show it."""
        self._models.settle()
        self._watch(self._now, self._models.inference)


class EndEpoch(keras.callbacks.Callback):
    """Tell layers that an epoch has ended; put this before ``SaveState``."""

    def __init__(self, layers: Sequence[keras.layers.Layer]) -> None:
        super().__init__()
        self._layers = layers

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Tell them."""
        for layer in self._layers:
            layer.end_epoch()


class SaveState(keras.callbacks.Callback):
    """Write the state after every epoch, so that training can continue from it.

    One file, replaced in one step: a training killed at any moment leaves the state of
    the last finished epoch. Put this last.

    Parameters
    ----------
    path : Path
        The state file.
    key : str
        Key of the run that the state belongs to; a state with another key is not used.
    best, average, history : callbacks whose state is kept.
    shared_states : mapping of int to (Path, str), optional
        After which epochs the state is also that of other runs, which begin alike:
        where it is written for them, or found from them, and its key.

    Notes
    -----
    ``seconds`` trained and the ``images_per_second`` of the fastest epoch, None where
    they are unknown, are kept too.
    """

    def __init__(
        self,
        path: Path,
        key: str,
        *,
        best: BestWeights,
        average: AverageWeights,
        history: History,
        shared_states: Mapping[int, tuple[Path, str]] | None = None,
    ) -> None:
        super().__init__()
        self.path, self.key = path, key
        self.beginnings = dict(shared_states or {})
        self.best, self.average, self.history = best, average, history
        self.seconds = 0.0
        self.images_per_second: float | None = None

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Write the state."""
        self.write(self.path, self.key, epoch + 1)
        if epoch + 1 in self.beginnings:
            path, key = self.beginnings[epoch + 1]
            # The shared state only saves time for other runs, and another process may
            # be removing the folder right now.
            with suppress(RunError):
                self.write(path, key, epoch + 1)

    def write(self, path: Path, key: str, epochs: int) -> None:
        """Write the state after so many epochs as one file.

        Raises
        ------
        RunError
            If it cannot be written; the state before it stays.
        """
        record = {
            "key": key,
            "epoch": epochs,
            "best_loss": self.best.loss,
            "best_epoch": self.best.epoch,
            "updates": self.average.updates,
            "rows": self.history.rows,
            "seconds": self.seconds,
            "images_per_second": self.images_per_second,
        }
        variables = [*self.model.variables, *self.model.optimizer.variables]
        arrays = {f"v{i}": np.asarray(v) for i, v in enumerate(_distinct(variables))}
        arrays |= {f"b{i}": array for i, array in enumerate(self.best.weights)}
        arrays |= {f"a{i}": array for i, array in enumerate(self.average.weights)}
        content = io.BytesIO()
        arrays["record"] = np.array(json.dumps(record))
        np.savez(content, allow_pickle=False, **arrays)
        # Two processes may write the beginning that their runs share.
        beside = path.with_name(f"{path.name}.{os.getpid()}.new")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with beside.open("wb") as file:
                file.write(content.getbuffer())
                file.flush()
                os.fsync(file.fileno())
            beside.replace(path)
        except OSError as error:
            beside.unlink(missing_ok=True)
            raise RunError(
                gettext(
                    "The state of the training could not be saved to {path}: {fault}.",
                    path=path,
                    fault=error.strerror or str(error),
                ),
                expected=gettext("a writable folder with room."),
                remedy=gettext(
                    "free some space, then use --resume: finished epochs are kept."
                ),
            ) from error

    def load(self, model: keras.Model) -> int:
        """Go back to the saved state, or else to the longest one that other runs share.

        Returns
        -------
        int
            Epochs already done; 0 if there is no state.
        """
        longest_first = sorted(self.beginnings.items(), reverse=True)
        places = [(self.path, self.key), *(place for _, place in longest_first)]
        found = (self._load(model, path, key) for path, key in places)
        return next((epochs for epochs in found if epochs), 0)

    def _load(self, model: keras.Model, path: Path, key: str) -> int:
        try:
            with (
                path.open("rb") as file,
                np.load(file, allow_pickle=False) as state,
            ):
                record = json.loads(str(state["record"]))
                if record["key"] != key:
                    return 0
                model.optimizer.build(model.trainable_variables)
                variables = _distinct([*model.variables, *model.optimizer.variables])
                values = [state[f"v{i}"] for i in range(len(variables))]
                if f"v{len(variables)}" in state:
                    return 0
                count = range(len(model.weights))
                best = [state[f"b{i}"] for i in count]
                average = [state[f"a{i}"] for i in count if f"a{i}" in state]
        except _DAMAGED_STATE:
            return 0
        # Only now: a state that breaks off half way leaves the model untouched.
        for variable, value in zip(variables, values, strict=True):
            variable.assign(value)
        self.best.weights = best
        self.best.loss, self.best.epoch = record["best_loss"], record["best_epoch"]
        self.average.weights, self.average.updates = average, record["updates"]
        self.history.rows = [tuple(row) for row in record["rows"]]
        self.seconds = record["seconds"]
        # Absent from states of an earlier version.
        self.images_per_second = record.get("images_per_second")
        return int(record["epoch"])


def read_state_key(path: Path) -> tuple[str, int] | None:
    """Key of a saved state and the epochs it is after; None if it cannot be read."""
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as state:
            record = json.loads(str(state["record"]))
            return str(record["key"]), int(record["epoch"])
    except _DAMAGED_STATE:
        return None


def _distinct(variables: Sequence[keras.Variable]) -> list[keras.Variable]:
    return list({id(variable): variable for variable in variables}.values())
