"""Where each model looks in several pictures of one class, on average."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from core.data.cache import Progress
from core.errors import EquipoiseError
from core.language import N_, gettext
from core.plots.explain import Tile, describe_grids, overlay_map
from core.predictor import Preprocessing
from core.study import Study
from core.tasks import Regression, Task

if TYPE_CHECKING:
    from core.explain.explainer import Explainer, Explanation
    from core.predictor import Predictor

PICTURES = 16
"""Typical images that a mean map is of, at most."""
LOOKING = N_("Looking into the models")


@dataclass(frozen=True)
class MeanMap:
    """The mean map of one model over several pictures.

    Parameters
    ----------
    explanation : Explanation
        With the mean of the maps as its heat, its largest value 1; each map counts
        alike, as its own largest value is 1.
    picture : uint8 array, shape (size, size, 3)
        Mean of the pictures, as the model saw them.
    pictures : int
    """

    explanation: Explanation
    picture: NDArray[np.uint8] = field(repr=False, compare=False)
    pictures: int


def mean_maps(
    explainer: Explainer,
    predictor: Predictor,
    study: Study,
    paths: Sequence[str],
    task: Task,
    category: str,
    *,
    progress: Progress = lambda what, done, total: None,
) -> dict[str, MeanMap]:
    """Average the maps of several pictures, for every method that can be explained.

    Parameters
    ----------
    explainer : Explainer
        Of the predictor's models.
    predictor : Predictor
    study : Study
    paths : sequence of str
        Where the pictures are, as the study's manifest has them.
    task : Task
    category : str
        Class whose score is explained; not looked at where the task is a number.
    progress : callable

    Returns
    -------
    dict of MeanMap
        By method.

    Raises
    ------
    EquipoiseError
        If there are no pictures, or a picture cannot be read.
    """
    if not paths:
        raise EquipoiseError(
            gettext(
                "There is no picture of '{category}' to look into.",
                category=category,
            ),
            expected=gettext("at least one test image of this class."),
            remedy=gettext("choose another class."),
        )
    methods = explainer.methods
    kinds = {method: predictor.preprocessing_of(method) for method in methods}
    classes = None if isinstance(task, Regression) else dict.fromkeys(methods, category)
    heats: dict[str, list[NDArray[np.float32]]] = {method: [] for method in methods}
    sums: dict[Preprocessing, NDArray[np.float64]] = {}
    last: Mapping[str, Explanation] = {}
    for number, path in enumerate(paths):
        progress(LOOKING, number, len(paths))
        pixels = {kind: kind.read(study, path) for kind in set(kinds.values())}
        for kind, own in pixels.items():
            sums[kind] = sums.get(kind, 0.0) + own.astype(np.float64)
        seen = {method: pixels[kind] for method, kind in kinds.items()}
        last = explainer.explain(seen, task, classes)
        for method, one in last.items():
            heats[method].append(one.heat)
    progress(LOOKING, len(paths), len(paths))
    found = {}
    for method, one in last.items():
        mean = np.mean(heats[method], axis=0)
        heat = (mean / mean.max() if mean.max() > 0 else mean).astype(np.float32)
        picture = np.rint(sums[kinds[method]] / len(paths)).astype(np.uint8)
        found[method] = MeanMap(replace(one, heat=heat), picture, len(paths))
    return found


def map_tiles(
    maps: Mapping[str, MeanMap], task: Task, category: str, labels: Mapping[str, str]
) -> list[Tile]:
    """A tile a method: its mean map over the mean of the pictures.

    Parameters
    ----------
    maps : mapping of str to MeanMap
        By method.
    task : Task
    category : str
        Class that is explained.
    labels : mapping of str to str
        What a reader sees for each method.
    """
    tiles = []
    for method, one in maps.items():
        explanation = one.explanation
        what = gettext("for {category}", category=category)
        if isinstance(task, Regression):
            what = gettext("for a higher {label}", label=task.label.lower())
        if not explanation.is_of_the_answer:
            what = gettext("whatever the answer")
        lines = (what, f"{explanation.technique}, {describe_grids(explanation.grids)}")
        pixels = overlay_map(one.picture, explanation.heat)
        tiles.append(Tile(labels.get(method, method), lines, pixels))
    return tiles
