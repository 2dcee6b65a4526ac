"""The process that measures what a training will cost, on a few real steps."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path

from core.data.cache import Progress
from core.errors import EquipoiseError, MethodError, fault_record
from core.language import N_, gettext, remembering
from core.locks import wait_for_lock
from core.study import Study, read_study_json
from core.training.estimate import (
    MethodCost,
    cost_file,
    read_cost,
    run_bytes,
    state_bytes,
    write_cost,
)
from core.training.queue import LOCK, Now, give_way

_LOCK_S = 2.0
# Columns of a predictions table beside those of classes, about.
_COLUMNS = 12


def measure_request(place: Path, store: Path) -> None:
    """Measure the methods that a file asks for, one after another.

    Parameters
    ----------
    place : Path
        As ``estimate.ask_costs`` writes it.
    store : Path
        The user's store.
    """
    lock = wait_for_lock(place.with_suffix(f".{LOCK}"), most_s=_LOCK_S)
    if lock is None:
        return
    give_way()
    request = json.loads(place.read_text(encoding="utf-8"))
    study = read_study_json(request["study"])
    now = place.with_suffix(".now")

    def progress(what: str, done: int, total: int) -> None:
        with suppress(OSError):
            now.write_text(json.dumps(asdict(Now(what, done, total))))

    try:
        with remembering() as recall:
            _measure(
                study, request["methods"], request["data"], store, progress, recall
            )
    finally:
        for path in (now, place):
            path.unlink(missing_ok=True)
        lock.release(remove=True)


def _measure(
    study: Study,
    methods: list[str],
    data: str,
    store: Path,
    progress: Progress,
    recall: Callable[[str], object],
) -> None:
    began = time.perf_counter()
    try:
        measure = _prepare(study, methods, data, store, progress)
    except EquipoiseError as error:
        for method in methods:
            place = cost_file(study, method, data, store)
            write_cost(place, MethodCost(), fault_record(error, recall))
        return
    begin_s = time.perf_counter() - began
    for number, method in enumerate(methods):
        progress(N_("Measuring"), number, len(methods))
        place = cost_file(study, method, data, store)
        if read_cost(study, method, data, store) is not None:
            continue
        try:
            write_cost(place, measure(method, begin_s))
        except EquipoiseError as error:
            write_cost(place, MethodCost(), fault_record(error, recall))


def _prepare(
    study: Study, methods: list[str], data: str, store: Path, progress: Progress
) -> Callable[[str, float], MethodCost]:
    """Load the images; what is returned measures one method."""
    from core.training.engine import load_engine
    from core.training.jobs import Listener, load_data, load_images, use_one_thread

    use_one_thread()
    load_engine()
    import keras

    from core.data.harmless_changes import CHANGES
    from core.data.manifest import TEST, VALIDATION
    from core.methods.registry import resolve_method
    from core.training.fit import measure_steps
    from core.training.stability import MOST_IMAGES
    from core.training.transfer import resolve_weights

    location = Path(data) if data else None
    resolved_study, origins = resolve_weights(study, methods, store)
    loaded, report = load_data(resolved_study, location, progress)
    images, _, _ = load_images(
        {name: resolved_study.for_method(name) for name in methods},
        loaded,
        report,
        location,
        Listener(progress=progress),
    )

    def measure(method: str, begin_s: float) -> MethodCost:
        own = images[method]
        resolved = resolve_method(
            resolved_study, method, own.tasks, own.sensitive_features
        )
        if any(part.entry.pixels == "generated" for part in resolved.samplers):
            raise MethodError(
                gettext(
                    "The cost of {method} is not measured: it trains a generator of "
                    "images first.",
                    method=study.methods[method].label,
                )
            )
        seed = study.seeds_of(method)[0]
        times = measure_steps(
            resolved_study.for_method(method),
            resolved,
            seed,
            own,
            source=origins[method].source,
        )
        keras.utils.clear_session()
        tested = len(own.rows(TEST))
        answered = len(own.rows(VALIDATION)) + tested
        changed = min(MOST_IMAGES, tested) * len(CHANGES)
        classes = sum(len(getattr(task, "classes", ())) for task in own.tasks)
        return MethodCost(
            epoch_s=times.epoch_s,
            once_s=(answered + changed) * times.answer_s,
            frozen_s=times.frozen_s,
            begin_s=begin_s,
            memory_bytes=_peak_memory(),
            run_bytes=run_bytes(times.parameters, answered, _COLUMNS + classes),
            state_bytes=state_bytes(times.parameters),
        )

    return measure


def _peak_memory() -> int:
    """Most bytes that this process had in memory; 0 where it is not told."""
    if sys.platform == "win32":
        return 0
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return int(peak) if sys.platform == "darwin" else 1024 * int(peak)
