"""How far an unfinished run is, as it is written while it trains.

The file lies beside the state that the run goes on from, and goes with it when the run
is finished. Nothing here imports Keras: a page reads it every second.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path

import pandas as pd

from core.errors import RunError
from core.runs import Run, partial_folder, read_run

FILE = "progress.json"
Row = tuple[int, str, str, float]


def epoch_sentence(
    method: str, seed: int, epoch: int, values: Mapping[str, float]
) -> str:
    """What an epoch of a run reached, as a line of a terminal or a log."""
    losses = [
        f"{label} loss {values[name]:.4g}"
        for name, label in (("loss", "training"), ("val_loss", "validation"))
        if name in values
    ]
    return f"{method}, seed {seed}, epoch {epoch}: {', '.join(losses)}"


@dataclass(frozen=True)
class Live:
    """How far a run is.

    Parameters
    ----------
    epochs : int
        That are planned; a run may stop earlier.
    epoch : int
        Epochs that are finished.
    steps, step : int
        Batches of an epoch, and those done of the one that is being trained.
    images_per_second : float or None
        Of the epoch that is being trained, or else of the last one.
    epoch_s : float or None
        Seconds of the last whole epoch, its validation included.
    rows : tuple of (epoch, split, name, value)
        The curves so far, as the history of a finished run has them.
    """

    epochs: int
    epoch: int = 0
    steps: int = 0
    step: int = 0
    images_per_second: float | None = None
    epoch_s: float | None = None
    rows: tuple[Row, ...] = field(default=())

    @property
    def share(self) -> float:
        """The share that is done, from 0 to 1."""
        within = self.step / self.steps if self.steps else 0.0
        return min(1.0, (self.epoch + min(within, 1.0)) / max(1, self.epochs))

    @property
    def seconds_left(self) -> float | None:
        """Until the last planned epoch; None until the first epoch is finished."""
        if self.epoch_s is None:
            return None
        return (1.0 - self.share) * self.epochs * self.epoch_s

    def history(self) -> pd.DataFrame:
        """The curves in long form: epoch, split, name, value."""
        return pd.DataFrame(self.rows, columns=["epoch", "split", "name", "value"])


def epoch_rows(epoch: int, values: Mapping[str, float]) -> tuple[Row, ...]:
    """The values of an epoch as rows of the curves."""
    return tuple(
        (
            epoch,
            "validation" if name.startswith("val_") else "training",
            name.removeprefix("val_"),
            float(value),
        )
        for name, value in values.items()
    )


def write_live(folder: Path, live: Live) -> None:
    """Write how far a run is, in one step; a full disk does not end the training."""
    place = folder / FILE
    beside = place.with_name(f"{FILE}.{os.getpid()}.new")
    with suppress(OSError):
        beside.write_text(json.dumps(asdict(live)), encoding="utf-8")
        beside.replace(place)


def read_live(folder: Path) -> Live | None:
    """How far the run of a partial folder is; None where nothing is known of it."""
    try:
        content = json.loads((folder / FILE).read_text(encoding="utf-8"))
        rows = tuple(
            (int(e), str(s), str(n), float(v)) for e, s, n, v in content["rows"]
        )
        return Live(**{**content, "rows": rows})
    except (OSError, ValueError, TypeError, KeyError):
        return None


@dataclass(frozen=True)
class RunProgress:
    """A run that is wanted: finished, unfinished, or not begun.

    Parameters
    ----------
    method : str
    seed : int
    run : Run or None
        The finished run.
    live : Live or None
        How far it is, where it is not finished.
    """

    method: str
    seed: int
    run: Run | None = None
    live: Live | None = None

    @property
    def share(self) -> float:
        """The share that is done, from 0 to 1."""
        if self.run is not None:
            return 1.0
        return 0.0 if self.live is None else self.live.share


def run_progress(place: Path, method: str, seed: int) -> RunProgress:
    """How far the run of a folder is.

    Parameters
    ----------
    place : Path
        Where it is once it is finished.
    method : str
    seed : int
    """
    live = read_live(partial_folder(place))
    # An unfinished training beside a finished run is one that is to replace it.
    if live is None:
        with suppress(RunError):
            return RunProgress(method, seed, run=read_run(place))
    return RunProgress(method, seed, live=live)
