"""Reuse of trainings: keys of runs, and states that runs with one start share."""

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core import runs
from core.errors import RunError
from core.methods.registry import Part, ResolvedMethod
from core.methods.schedules import learning_rates
from core.runs import Run
from core.study import Study


def run_key(study: Study, method: str, seed: int, split: str) -> str:
    """Hash of all settings that decide a run; states and finished runs store it."""
    apart = {"label", "note", "seeds"}
    own = study.method(method).model_dump(exclude=apart, exclude_none=True)
    common = _common(study.for_method(method), seed, split)
    return _hash({**common, "method": own})


def _common(study: Study, seed: int, split: str) -> dict[str, Any]:
    """The settings that all methods of a study share.

    None is left out, so that a new field of a later version does not change the hash.
    """
    noise = study.label_noise
    flipped = {} if noise is None else {"label_noise": noise.model_dump()}
    return {
        **flipped,
        "dataset": study.dataset.without_place.model_dump(exclude_none=True),
        "model": study.model.model_dump(exclude_none=True),
        "training": study.training.model_dump(exclude_none=True),
        "seed": seed,
        "split": split,
    }


def _hash(parts: Mapping[str, Any]) -> str:
    text = json.dumps(parts, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def finished_run(place: Path, key: str) -> Run | None:
    """The run in a folder, if it is complete, with its model and this key."""
    try:
        run = runs.read_run(place)
    except RunError:
        return None
    return run if run.info.get("key") == key and run.model_path.is_file() else None


def find_trained_alike(
    study: Study,
    method: ResolvedMethod,
    seed: int,
    split: str,
    store: Path,
    resolve: Callable[[str], ResolvedMethod],
) -> Run | None:
    """Find a finished run with the training of a method that only acts afterwards.

    A method that only changes the answers of the finished model is trained like another
    method. Trained again, the two would differ by chance, also on answers that it
    leaves alone. So it takes over that run, if there is one.

    Parameters
    ----------
    study : Study
        With all that its weights bring along.
    method : ResolvedMethod
    seed : int
    split : str
        Fingerprint of the split.
    store : Path
        Where the new run is written: looked into first, then the user's store, then
        the shipped one.
    resolve : callable
        Gives another method of the study by its name.

    Returns
    -------
    Run or None
        Of a method with the same course over its whole length, of this seed, finished
        under this study and split; first one to which nothing is done afterwards. None
        means that the method is trained.
    """
    if not method.acts_afterwards:
        return None
    own = _course(study, method)
    stores = dict.fromkeys((store, runs.user_store(), runs.shipped_store()))
    changed = []
    for name in study.methods:
        if name == method.name:
            continue
        key = run_key(study, name, seed, split)
        places = (each / study.name / name / f"seed-{seed}" for each in stores)
        found = filter(None, (finished_run(place, key) for place in places))
        # Resolve only methods with a finished run: others may need features that are
        # missing.
        if (run := next(found, None)) and _course(study, other := resolve(name)) == own:
            if not other.acts_afterwards:
                return run
            changed.append(run)
    return next(iter(changed), None)


@dataclass(frozen=True)
class SharedStates:
    """States that several runs of one call share.

    Deferred weights begin as the loss alone, and a two-phase loss as the baseline. With
    the same seed they see the same images in the same order and have the same weights
    until they differ. So the first of them stores its state for the others. A training
    that is equal to its end is taken from the finished run: ``find_trained_alike``.

    Parameters
    ----------
    folder : Path
        Where the states are.
    study : Study
    methods : tuple of ResolvedMethod
        All that are trained in this call.
    split : str
        Fingerprint of the split.
    """

    folder: Path
    study: Study
    methods: tuple[ResolvedMethod, ...]
    split: str

    def places(self, method: str, seed: int) -> dict[int, tuple[Path, str]]:
        """Shared states of a run: finished epochs to the state's file and key."""
        own = _course(self.study, _named(self.methods, method))
        lengths = {
            _alike(own, _course(self.study, other))
            for other in self.methods
            if other.name != method
        }
        places = {}
        for length in sorted(lengths - {0}):
            parts = {**_common(self.study, seed, self.split), "course": own[:length]}
            key = _hash(parts)
            places[length] = (self.folder / f"{key}.npz", key)
        return places

    def remove(self, seeds: Iterable[int]) -> None:
        """Remove the states of these seeds, and the folder if it is then empty."""
        for seed in seeds:
            for method in self.methods:
                for path, _ in self.places(method.name, seed).values():
                    path.unlink(missing_ok=True)
                    # Files of a process that was killed while it wrote one.
                    for unfinished in path.parent.glob(f"{path.name}.*.new"):
                        unfinished.unlink(missing_ok=True)
        with suppress(OSError):
            self.folder.rmdir()


def _named(methods: Sequence[ResolvedMethod], name: str) -> ResolvedMethod:
    return next(method for method in methods if method.name == name)


def _course(study: Study, method: ResolvedMethod) -> list[dict[str, Any]]:
    """All that decides each epoch of a method, first the model itself."""
    own = study.method(method.name)
    study = study.for_method(method.name)
    epochs = study.training.epochs
    heads = {task: part.head for task, part in method.losses.items()}
    model = {
        "heads": {task: head for task, head in heads.items() if head != "logits"},
        "features": _describe(method.features.values()),
        "objectives": _describe(method.objectives.values()),
        # A cosine schedule knows from the start how many steps there will be, and so
        # when a sampler begins to change their number.
        "samplers": [[_describe([part]), part.start] for part in method.samplers],
        "own": [own.model, own.training],
    }
    rates = learning_rates(study, method.name, [1] * epochs)
    course: list[dict[str, Any]] = []
    for epoch, rate in enumerate(rates.tolist()):
        active = method.at(epoch, epochs)
        parts = (
            *active.samplers,
            *active.weights,
            *active.losses.values(),
            *active.objectives.values(),
        )
        course.append({"model": model, "rate": rate, "parts": _describe(parts)})
        course[-1]["loss_weights"] = study.loss_weights(method.name)
    return course


def _describe(parts: Iterable[Part]) -> list[list[Any]]:
    # Two parts never have the same entry, so the order depends on the name only.
    return sorted(
        [part.entry.name, part.on, part.groups, dict(part.parameters)] for part in parts
    )


def _alike(one: Sequence[Any], other: Sequence[Any]) -> int:
    """How many items the two begin with in common."""
    pairs = zip(one, other, strict=False)
    shorter = min(len(one), len(other))
    return next((i for i, (a, b) in enumerate(pairs) if a != b), shorter)
