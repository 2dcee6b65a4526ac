"""What a training will cost, from a few real steps that a process of its own measures.

What was measured is kept by the settings that decide it. Nothing here imports Keras.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from core import runs
from core.errors import EquipoiseError
from core.language import gettext, say_again
from core.locks import is_held
from core.study import Study
from core.training.detached import start_detached
from core.training.queue import FOLDER, LOCK, Now

COSTS = "costs"
# Raised whenever what is measured changes: older numbers are then not used.
VERSION = 2
# Beside the weights, a state holds two averages of the optimizer, the best weights, and
# an average of them.
_STATE_COPIES = 5
_BYTES = 4
_started: dict[Path, subprocess.Popen[bytes]] = {}


@dataclass(frozen=True)
class MethodCost:
    """What a method of a study costs, measured on this machine.

    Parameters
    ----------
    epoch_s : float
        Seconds of an epoch, its validation included.
    once_s : float
        Of a run beside its epochs: predictions.
    frozen_s : float
        Of the outputs of frozen layers, by one process. They are kept, for all runs
        with the same layers and images.
    begin_s : float
        Of a job before its first run: loading the engine and the images.
    memory_bytes : int
        Most memory that the process had; 0 where it is not known.
    run_bytes : int
        A finished run on the disk.
    state_bytes : int
        The state of a run while it trains.
    fault : tuple of str
        Why nothing could be measured: problem, expected, remedy.
    """

    epoch_s: float = 0.0
    once_s: float = 0.0
    frozen_s: float = 0.0
    begin_s: float = 0.0
    memory_bytes: int = 0
    run_bytes: int = 0
    state_bytes: int = 0
    fault: tuple[str, str, str] = ("", "", "")

    @property
    def is_known(self) -> bool:
        """Whether anything was measured."""
        return self.epoch_s > 0


@dataclass(frozen=True)
class Estimate:
    """What a job will cost.

    Parameters
    ----------
    seconds : float
        At most, if no run stops early.
    epoch_s : tuple of (method, float)
        Seconds of an epoch of each method that was measured.
    memory_bytes, disk_bytes : int
    free_bytes : int
        On the disk of the store.
    measured, methods : int
        How many of the methods were measured.
    """

    seconds: float
    epoch_s: tuple[tuple[str, float], ...]
    memory_bytes: int
    disk_bytes: int
    free_bytes: int
    measured: int
    methods: int


def cost_key(study: Study, method: str, data: str) -> str:
    """Hash of all that decides the cost of a method, the epochs left out."""
    own = study.for_method(method)
    table = study.method(method).model_dump(exclude={"label", "note", "seeds"})
    parts: list[Any] = [
        VERSION,
        study.dataset.model_dump(),
        own.model.model_dump(),
        own.training.model_dump(exclude={"epochs"}),
        table,
        data,
        os.cpu_count(),
    ]
    text = json.dumps(parts, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:20]


def cost_file(study: Study, method: str, data: str, store: Path) -> Path:
    """Where the cost of a method is kept."""
    return store / FOLDER / COSTS / f"{cost_key(study, method, data)}.json"


def read_cost(
    study: Study, method: str, data: str, store: Path | None = None
) -> MethodCost | None:
    """What was measured of a method; None if nothing was yet."""
    place = cost_file(study, method, data, store or runs.user_store())
    try:
        content = json.loads(place.read_text(encoding="utf-8"))
        fault = tuple(map(say_again, content["fault"]))
        return MethodCost(**{**content, "fault": fault})
    except (OSError, ValueError, TypeError, KeyError):
        return None


def write_cost(
    place: Path, cost: MethodCost, fault: Sequence[object] = ("", "", "")
) -> None:
    """Keep what was measured of a method, or a ``fault_record`` of why not."""
    place.parent.mkdir(parents=True, exist_ok=True)
    beside = place.with_suffix(f".{os.getpid()}.new")
    content = {**asdict(cost), "fault": list(fault)}
    beside.write_text(json.dumps(content), encoding="utf-8")
    beside.replace(place)


def forget_faults(study: Study, methods: Sequence[str], data: str) -> None:
    """Forget that methods could not be measured, so that it is tried again."""
    for method in methods:
        cost = read_cost(study, method, data)
        if cost is not None and not cost.is_known:
            cost_file(study, method, data, runs.user_store()).unlink(missing_ok=True)


def ask_costs(
    study: Study, methods: Sequence[str], data: str, store: Path | None = None
) -> None:
    """Have the methods measured that were not yet, by a process of its own.

    Nothing happens while such a process is at it.

    Raises
    ------
    EquipoiseError
        If it cannot be started.
    """
    store = (store or runs.user_store()).resolve()
    wanted = [m for m in methods if read_cost(study, m, data, store) is None]
    if not wanted or is_measuring(study, data, store):
        return
    place = _request(study, data, store)
    request = {"study": study.model_dump_json(), "methods": wanted, "data": data}
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(json.dumps(request), encoding="utf-8")
        with place.with_suffix(".log").open("wb") as log:
            _started[place] = start_detached(
                "--measure", str(place), store=store, log=log
            )
    except OSError as error:
        raise EquipoiseError(
            gettext(
                "The cost could not be measured: {fault}.",
                fault=error.strerror or str(error),
            ),
            expected=gettext("a store that can be written to, with room."),
            remedy=gettext("free some space, then try again."),
        ) from error


def is_measuring(study: Study, data: str, store: Path | None = None) -> bool:
    """Whether a process measures methods of a study with these settings."""
    place = _request(study, data, (store or runs.user_store()).resolve())
    started = _started.get(place)
    is_ours = started is not None and started.poll() is None
    return is_ours or is_held(place.with_suffix(f".{LOCK}"))


def has_died(study: Study, data: str, store: Path | None = None) -> bool:
    """Whether such a process ended without a word, as one without memory does."""
    place = _request(study, data, (store or runs.user_store()).resolve())
    return place.is_file() and not is_measuring(study, data, store)


def measuring_now(study: Study, data: str, store: Path | None = None) -> Now:
    """What the measuring process is doing."""
    place = _request(study, data, (store or runs.user_store()).resolve())
    try:
        return Now(**json.loads(place.with_suffix(".now").read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return Now()


def _request(study: Study, data: str, store: Path) -> Path:
    """The file of what is asked for: of all methods of a study with its settings."""
    text = f"{study.model.model_dump_json()}{study.dataset.model_dump_json()}{data}"
    digest = hashlib.sha256(f"{study.name}{text}".encode()).hexdigest()[:20]
    return store / FOLDER / COSTS / f"{digest}.request"


def estimate(
    study: Study,
    pairs: Sequence[tuple[str, int]],
    data: str,
    store: Path | None = None,
) -> Estimate | None:
    """What the runs of a job will cost; None until a method of it was measured.

    A method that was not measured yet is taken to cost as much as the others.
    """
    store = store or runs.user_store()
    methods = list(dict.fromkeys(method for method, _ in pairs))
    found = {m: read_cost(study, m, data, store) for m in methods}
    costs = {m: cost for m, cost in found.items() if cost is not None and cost.is_known}
    if not costs:
        return None
    usual = sum(c.epoch_s for c in costs.values()) / len(costs)
    any_cost = next(iter(costs.values()))
    seconds = max(cost.begin_s for cost in costs.values())
    kept = {_frozen_key(study, m): costs.get(m, any_cost).frozen_s for m in methods}
    seconds += sum(kept.values())
    for method, _ in pairs:
        cost = costs.get(method, any_cost)
        epoch_s = cost.epoch_s if method in costs else usual
        epochs = study.for_method(method).training.epochs
        seconds += cost.once_s + epochs * epoch_s
    disk = sum(costs.get(method, any_cost).run_bytes for method, _ in pairs)
    place = next((p for p in (store, *store.resolve().parents) if p.is_dir()), Path())
    return Estimate(
        seconds=seconds,
        epoch_s=tuple((method, cost.epoch_s) for method, cost in costs.items()),
        memory_bytes=max(cost.memory_bytes for cost in costs.values()),
        disk_bytes=disk + max(cost.state_bytes for cost in costs.values()),
        free_bytes=shutil.disk_usage(place).free,
        measured=sum(cost is not None for cost in found.values()),
        methods=len(methods),
    )


def _frozen_key(study: Study, method: str) -> str:
    """What decides the outputs of a method's frozen layers."""
    own = study.for_method(method)
    training = own.training.model_dump_json(include={"augmentation", "cached_variants"})
    return f"{own.model.model_dump_json()}{training}"


def state_bytes(parameters: int) -> int:
    """About the size of the state of a run with so many parameters."""
    return _STATE_COPIES * _BYTES * parameters


def run_bytes(parameters: int, images: int, columns: int) -> int:
    """About the size of a finished run: its model and its predictions."""
    return _BYTES * (parameters + images * columns)
