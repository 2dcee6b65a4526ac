"""What a run belongs to, and runs that begin alike: these are trained alike once."""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core.methods.registry import Part, ResolvedMethod
from core.methods.schedules import learning_rates
from core.study import Study


def run_key(study: Study, method: str, seed: int, split: str) -> str:
    """Hash of all that decides a run: what a state or a finished run belongs to."""
    apart = {"label", "note", "seeds"}
    own = study.method(method).model_dump(exclude=apart, exclude_none=True)
    common = _common(study.for_method(method), seed, split)
    return _hash({**common, "method": own})


def _common(study: Study, seed: int, split: str) -> dict[str, Any]:
    """What every method of a study has in common.

    What is None is left out: a key of the file that a later version adds changes
    nothing.
    """
    noise = study.label_noise
    flipped = {} if noise is None else {"label_noise": noise.model_dump()}
    return {
        **flipped,
        "dataset": study.dataset.model_dump(exclude_none=True),
        "model": study.model.model_dump(exclude_none=True),
        "training": study.training.model_dump(exclude_none=True),
        "seed": seed,
        "split": split,
    }


def _hash(parts: Mapping[str, Any]) -> str:
    text = json.dumps(parts, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


@dataclass(frozen=True)
class Beginnings:
    """States that several runs of one call share.

    Deferred weights begin as the loss alone, a two-phase loss as the baseline, and a
    method that only adjusts the finished logits is trained as the baseline to its end.
    With one seed they see the same images in the same order and have the same weights
    until they part, so the first of them leaves its state there for the others.

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

    def of(self, method: str, seed: int) -> dict[int, tuple[Path, str]]:
        """Where the state of a run is shared: epochs done, to its file and key."""
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
                for path, _ in self.of(method.name, seed).values():
                    path.unlink(missing_ok=True)
        if self.folder.is_dir() and not any(self.folder.iterdir()):
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
    # No two parts have the same entry: nothing beyond its name is ever ordered.
    return sorted(
        [part.entry.name, part.on, part.groups, dict(part.parameters)] for part in parts
    )


def _alike(one: Sequence[Any], other: Sequence[Any]) -> int:
    """How many items the two begin with in common."""
    pairs = zip(one, other, strict=False)
    shorter = min(len(one), len(other))
    return next((i for i, (a, b) in enumerate(pairs) if a != b), shorter)
