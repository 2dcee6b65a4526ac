"""Resume or replace earlier trainings: which runs are kept, continued or refused."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core import runs
from core.errors import RunError
from core.language import gettext, ngettext
from core.runs import Run
from core.study import Study
from core.training.reuse import run_key

STATE = "state.npz"
NAMED = 3
"""How many runs, and how many of their settings, a message names."""
# Tables of a study that decide a run.
_DECIDING = ("dataset", "model", "training", "label_noise")


@dataclass(frozen=True)
class RequestedRun:
    """A run that a call requests.

    Parameters
    ----------
    study : Study
        As the method has it, with all that its weights bring along.
    method : str
    seed : int
    split : str
        Fingerprint of the split.
    store : Path
    """

    study: Study
    method: str
    seed: int
    split: str
    store: Path

    @property
    def name(self) -> str:
        """Method and seed, such as "lmf, seed 0"."""
        return f"{self.method}, seed {self.seed}"

    @property
    def place(self) -> Path:
        """Its folder, once it is finished."""
        return self.store / self.study.name / self.method / f"seed-{self.seed}"

    @property
    def partial(self) -> Path:
        """The folder of its unfinished training."""
        return runs.partial_folder(self.place)

    @property
    def key(self) -> str:
        """Hash of the settings of the run."""
        return run_key(self.study, self.method, self.seed, self.split)


def find_kept(
    requested: Iterable[RequestedRun], *, resume: bool = False, replace: bool = False
) -> dict[tuple[str, int], Run]:
    """Find the finished runs that are kept.

    Parameters
    ----------
    requested : iterable of RequestedRun
    resume : bool
        Continue unfinished runs; without it they begin again.
    replace : bool
        Train finished runs again. With ``resume`` only runs of other settings, or runs
        that an earlier call had begun to replace.

    Returns
    -------
    dict of (method, seed) to Run
        The others are to be trained.

    Raises
    ------
    RunError
        If a finished run would have to be replaced without ``replace``, or if an
        unfinished run cannot be continued. Nothing is changed then.
    """
    kept: dict[tuple[str, int], Run] = {}
    different: list[str] = []
    begun: list[str] = []
    for each in requested:
        found = _whole_run(each.place)
        reasons = [] if found is None else _differences(found, each)
        if found is not None and not reasons and not replace:
            kept[each.method, each.seed] = found
        elif found is not None and reasons and not replace:
            different.append(f"{each.name} ({_list(reasons)})")
        elif resume:
            state = _unfinished(each)
            if found is not None and not reasons and state is None:
                kept[each.method, each.seed] = found
            elif state is not None and state[0] != each.key:
                begun.append(f"{each.name} ({state[1]} epochs done)")
    _refuse_to_replace(different)
    _refuse_to_go_on(begun)
    return kept


def _refuse_to_replace(different: list[str]) -> None:
    if not different:
        return
    raise RunError(
        ngettext(
            "{count} finished run has other settings than requested here: {runs}. "
            "Nothing was trained.",
            "{count} finished runs have other settings than requested here: {runs}. "
            "Nothing was trained.",
            len(different),
            runs=_list(different),
        ),
        expected=gettext("the settings that a finished run was trained with."),
        remedy=gettext(
            "add --replace to train again in its place (with --resume, only what "
            "differs), or --out DIR to train into another store."
        ),
    )


def _refuse_to_go_on(begun: list[str]) -> None:
    if not begun:
        return
    raise RunError(
        gettext(
            "An unfinished training was begun under other settings: {runs}.",
            runs=_list(begun),
        ),
        expected=gettext("the same study, epochs and data as when it was begun."),
        remedy=gettext("give these to continue, or leave out --resume to start again."),
    )


def _list(items: list[str]) -> str:
    more = f"; and {len(items) - NAMED} more" if len(items) > NAMED else ""
    return "; ".join(items[:NAMED]) + more


def _whole_run(place: Path) -> Run | None:
    try:
        return runs.read_run(place)
    except RunError:  # a broken run is not finished
        return None


def _unfinished(requested: RequestedRun) -> tuple[str, int] | None:
    """Key and epochs of an unfinished training; None if there is none to continue."""
    path = requested.partial / STATE
    if not path.is_file():
        return None
    from core.training.callbacks import read_state_key

    return read_state_key(path)


def _differences(run: Run, requested: RequestedRun) -> list[str]:
    """Settings of a finished run that differ from the requested ones."""
    if run.info.get("key") == requested.key:
        return (
            [] if run.model_path.is_file() else [f"its {run.model_path.name} is gone"]
        )
    if run.imported is not None:
        return ["its predictions were imported"]
    resolved = run.info["resolved"]
    before = _settings(resolved if isinstance(resolved, dict) else {})
    before |= _flat({"use": run.info.get("method_parameters")})
    before |= _flat({runs.MIRRORED: run.has_mirrored_answers or None})
    method = requested.study.method(requested.method)
    after = _settings(requested.study.model_dump(mode="json"))
    after |= _flat({"use": method.use, runs.MIRRORED: method.mirrored_answers})
    changed = [
        f"{name} is {before.get(name, 'not set')} there and "
        f"{after.get(name, 'not set')} here"
        for name in sorted({*before, *after})
        if before.get(name) != after.get(name)
    ]
    if run.info.get("split_fingerprint") != requested.split:
        changed.append("its images or their split differ")
    return changed or ["its settings differ"]


def _settings(study: Mapping[str, Any]) -> dict[str, Any]:
    return _flat({name: study.get(name) for name in _DECIDING})


def _flat(content: Mapping[str, Any]) -> dict[str, Any]:
    """Nested tables as one, keys joined by dots; without what is None."""
    return dict(_walk(content, ""))


def _walk(content: object, prefix: str) -> Iterator[tuple[str, Any]]:
    if isinstance(content, Mapping):
        for name, value in content.items():
            yield from _walk(value, f"{prefix}.{name}" if prefix else str(name))
    elif content is not None:
        yield prefix, content
