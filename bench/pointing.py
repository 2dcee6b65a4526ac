"""Whether maps point at what is asked for, on portraits whose parts are known.

``python -m bench.pointing`` prints, for every method of a study on avatars and every
kind of map, in how many right answers the highest point of the map lies on the
glasses, or on the hair.
"""

import argparse
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import keras
import numpy as np
from keras import ops
from numpy.typing import NDArray
from PIL import Image, ImageFilter
from scipy.ndimage import distance_transform_edt

from core.data.avatar_drawing import Part, Person, draw_avatar, draw_region
from core.data.manifest import TEST
from core.data.readers.avatars import (
    INFO,
    AvatarsOptions,
    index_of,
    sample_people,
    sample_person,
)
from core.explain.explainer import (
    compile_graph,
    find_technique,
    read_answer,
    select_score,
)
from core.explain.hires_cam import HiResCAM
from core.models.model_file import read_ahead
from core.models.saved import load_groups
from core.runs import Run, list_runs
from core.study import load_study
from core.tasks import Task

STUDY = "avatars"
COUNT = 300
# What is there to be pointed at; a bald head has no hair that could be.
PRESENT: dict[Part, tuple[str, ...]] = {
    "glasses": ("glasses",),
    "hair": ("short", "long", "curly"),
}
# As is usual (Zhang et al., Top-Down Neural Attention by Excitation Backprop, IJCV
# 126, 2018, section 4.1): 15 pixels, of pictures of 224.
MARGIN = 15 / 224
# Pictures whose map the app's own technique draws at once.
AT_ONCE = 8
# Squares of the occlusion map, a side of the picture.
SQUARES = 8

Maps = NDArray[np.float32]
Layers = Sequence[tuple[NDArray[np.float32], NDArray[np.float32]]]
Kind = Callable[[HiResCAM, Layers], Maps]


@dataclass(frozen=True)
class Portraits:
    """Test images of the avatars, with what was drawn.

    Parameters
    ----------
    people : tuple of Person
    pixels : uint8 array, shape (n, size, size, 3)
    regions : mapping of str to bool array, shape (n, size, size)
        Where each part is seen.
    """

    people: tuple[Person, ...]
    pixels: NDArray[np.uint8]
    regions: Mapping[Part, NDArray[np.bool_]]

    @classmethod
    def draw(cls, options: AvatarsOptions, *, size: int, count: int) -> "Portraits":
        """The first so many of a study's test images."""
        table = sample_people(options)
        paths = table.loc[table["split"] == TEST, "path"].iloc[:count]
        people = tuple(sample_person(options.seed, index_of(path)) for path in paths)
        return cls(
            people,
            np.stack([np.asarray(draw_avatar(person, size)) for person in people]),
            {
                part: np.stack([draw_region(person, part, size) for person in people])
                for part in PRESENT
            },
        )

    def with_class(self, part: Part, name: str) -> NDArray[np.bool_]:
        """Which show a class of ``PRESENT``, and the part itself."""
        shown = [
            p.glasses if part == "glasses" else p.hair == name for p in self.people
        ]
        return np.array(shown) & self.regions[part].any(axis=(1, 2))


@dataclass(frozen=True)
class Score:
    """The pointing game of one kind of map, for one method and one part.

    Parameters
    ----------
    method, kind : str
    part : str
    answers : int
        Right answers that name what is there.
    hits, near : int
        Of these, how often the highest point of the map lies on the part, and no more
        than ``MARGIN`` of the side beside it.
    area, near_area : float
        Share of the picture that hits, and that is near enough: what a random point
        would reach.
    """

    method: str
    kind: str
    part: Part
    answers: int
    hits: int
    near: int
    area: float
    near_area: float


def compare_means(technique: HiResCAM, layers: Layers) -> Maps:
    """HiResCAM of the layers, averaged: what the app shows, without the shifts."""
    return _combined(technique, [_hires_cam(*layer) for layer in layers])


def compare_layer_cam(technique: HiResCAM, layers: Layers) -> Maps:
    """LayerCAM (Jiang et al., 2021) of the same layers, averaged."""
    return _combined(technique, [_layer_cam(*layer) for layer in layers])


def compare_largest(technique: HiResCAM, layers: Layers) -> Maps:
    """LayerCAM with its paper's own combination: the largest, early layers by tanh."""
    maps = [_alone(technique, n, _layer_cam(*layer)) for n, layer in enumerate(layers)]
    early = [np.tanh(2 * each) for each in maps[:-1]]
    return np.max([*early, maps[-1]], axis=0)


def last_alone(cam: Callable[[Maps, Maps], Maps]) -> Kind:
    """A technique on the last of the layers alone."""

    def of(technique: HiResCAM, layers: Layers) -> Maps:
        return _alone(technique, len(layers) - 1, cam(*layers[-1]))

    return of


def _layer_cam(maps: Maps, gradient: Maps) -> Maps:
    return np.maximum((np.maximum(gradient, 0) * maps).sum(axis=-1), 0)


def _hires_cam(maps: Maps, gradient: Maps) -> Maps:
    return np.maximum((gradient * maps).sum(axis=-1), 0)


def _grad_cam(maps: Maps, gradient: Maps) -> Maps:
    weights = gradient.mean(axis=(1, 2), keepdims=True)
    return np.maximum((weights * maps).sum(axis=-1), 0)


def _combined(technique: HiResCAM, layers: Sequence[Maps]) -> Maps:
    return np.asarray(technique.combine(layers))


def _alone(technique: HiResCAM, number: int, maps: Maps) -> Maps:
    nothing = [
        np.zeros((len(maps), *grid.shape), "float32") for grid in technique.grids
    ]
    nothing[number] = maps
    return _combined(technique, nothing)


SHOWN = "HiResCAM, shifted (shown)"
KINDS: dict[str, Kind] = {
    "HiResCAM, mean of layers": compare_means,
    "LayerCAM, mean of layers": compare_layer_cam,
    "LayerCAM, largest of layers": compare_largest,
    "LayerCAM, last layer": last_alone(_layer_cam),
    "HiResCAM, last layer": last_alone(_hires_cam),
    "Grad-CAM, last layer": last_alone(_grad_cam),
}
OCCLUSION = "occlusion"


def play(
    runs: Sequence[Run],
    portraits: Portraits,
    *,
    kinds: Mapping[str, Kind],
    occlusion: bool = False,
) -> Iterator[Score]:
    """The pointing game of one model after the other, for every part and kind of map.

    Parameters
    ----------
    runs : sequence of Run
    portraits : Portraits
        Of the size that the model takes.
    kinds : mapping of str to callable
        Of ``KINDS``, beside ``SHOWN``: what the app shows.
    occlusion : bool
        Whether an occlusion map is played with too.
    """
    groups, faults = load_groups(read_ahead([run.model_path for run in runs]))
    for fault in faults.values():
        raise fault
    for group in groups:
        # Its layers are the template's: they have the weights of each model in turn.
        technique = HiResCAM(group.template, INFO.tasks)
        differentiate = _compile(technique.differentiate, group.template)
        shown = _compile(find_technique(group.template, INFO.tasks), group.template)
        for place, weights in zip(group.members, group.weights, strict=True):
            group.template.set_weights(weights)
            name = runs[place].method
            model = _Model(name, group.template, technique, differentiate, shown)
            yield from _play_one(model, portraits, kinds, occlusion=occlusion)


@dataclass(frozen=True)
class _Model:
    method: str
    model: keras.Model
    technique: HiResCAM
    differentiate: Callable[..., Any]
    shown: Callable[..., Any]


def _compile(function: Callable[..., Any], model: keras.Model) -> Callable[..., Any]:
    """Compile what a technique does with a model, for any number of pictures."""
    import tensorflow as tf

    pixels = tf.TensorSpec(model.input_shape, "float32")
    return compile_graph(function, [pixels, tf.TensorSpec((None,), "float32")])


def _play_one(
    one: _Model,
    portraits: Portraits,
    kinds: Mapping[str, Kind],
    *,
    occlusion: bool,
) -> Iterator[Score]:
    named = {task.name: task for task in INFO.tasks}
    given = name_classes(one.model, portraits.pixels)
    for part, classes in PRESENT.items():
        found: dict[str, list[Maps]] = {}
        regions = []
        for name in classes:
            right = portraits.with_class(part, name)
            right &= given[part] == name
            if not right.any():
                continue
            pixels = portraits.pixels[right]
            regions.append(portraits.regions[part][right])
            asked = (
                ops.convert_to_tensor(pixels, "float32"),
                ops.convert_to_tensor(select_score(INFO.tasks, named[part], name)),
            )
            # Nine copies of every picture at once would fill the memory.
            found.setdefault(SHOWN, []).extend(
                np.asarray(one.shown(asked[0][start : start + AT_ONCE], asked[1]))
                for start in range(0, len(pixels), AT_ONCE)
            )
            layers = [
                tuple(np.asarray(tensor) for tensor in layer)
                for layer in one.differentiate(*asked)
            ]
            for label, kind in kinds.items():
                found.setdefault(label, []).append(kind(one.technique, layers))
            if occlusion:
                maps = occlude(one.model, named[part], name, pixels)
                found.setdefault(OCCLUSION, []).append(maps)
        for label, maps in found.items():
            region = np.concatenate(regions)
            yield judge(one.method, label, part, np.concatenate(maps), region)


def name_classes(
    model: keras.Model, pixels: NDArray[np.uint8]
) -> dict[str, NDArray[np.str_]]:
    """The class that a model names for each picture, by classification."""
    outputs = predict(model, pixels)
    named = {}
    for task in INFO.tasks:
        values = outputs[task.name]
        if classes := getattr(task, "classes", ()):
            places = values.argmax(1) if len(classes) > 2 else values[:, 0] > 0.5
            named[task.name] = np.array(classes)[places.astype(int)]
    return named


def predict(
    model: keras.Model, pixels: NDArray[np.uint8]
) -> dict[str, NDArray[np.float32]]:
    """What a model shows, by task."""
    given: dict[str, NDArray[np.float32]] = model.predict(
        pixels.astype("float32"), batch_size=256, verbose=0
    )
    return given


def occlude(
    model: keras.Model, task: Task, wanted: str, pixels: NDArray[np.uint8]
) -> Maps:
    """By how much the log odds of a class fall where a square is blurred.

    Zeiler and Fergus, ECCV 2014, with a blurred square in place of a grey one.
    """

    def ask(pictures: NDArray[np.uint8]) -> NDArray[np.float64]:
        outputs = predict(model, pictures)
        values = np.concatenate([outputs[each.name] for each in INFO.tasks], axis=-1)
        p = read_answer(INFO.tasks, task, wanted, values).clip(1e-7, 1 - 1e-7)
        return np.log(p / (1 - p))

    size = pixels.shape[1]
    blur = ImageFilter.GaussianBlur(size / 8)
    blurred = np.stack([np.asarray(Image.fromarray(p).filter(blur)) for p in pixels])
    before = ask(pixels)
    edges = np.linspace(0, size, SQUARES + 1).round().astype(int)
    maps = np.zeros(pixels.shape[:3], np.float32)
    for top, bottom in pairwise(edges):
        for left, right in pairwise(edges):
            square = (slice(None), slice(top, bottom), slice(left, right))
            hidden = pixels.copy()
            hidden[square] = blurred[square]
            maps[square] = (before - ask(hidden))[:, None, None]
    return maps


def judge(
    method: str, kind: str, part: Part, maps: Maps, regions: NDArray[np.bool_]
) -> Score:
    """Where the highest point of each map lies; the middle of its square, if several.

    Parameters
    ----------
    method, kind, part : str
    maps : float array, shape (n, size, size)
    regions : bool array, shape (n, size, size)
        Where the part is; somewhere in each.
    """
    reach = MARGIN * maps.shape[1]
    near = np.stack([distance_transform_edt(~each) <= reach for each in regions])
    points = [highest_point(each) for each in maps]
    count = range(len(maps))
    return Score(
        method,
        kind,
        part,
        answers=len(maps),
        hits=sum(bool(regions[i][p]) for i, p in zip(count, points, strict=True) if p),
        near=sum(bool(near[i][p]) for i, p in zip(count, points, strict=True) if p),
        area=float(regions.mean()),
        near_area=float(near.mean()),
    )


def highest_point(heat: Maps) -> tuple[int, int] | None:
    """Row and column of the highest pixel, nearest to the middle of all that are.

    None where the map is 0 everywhere.
    """
    if heat.max() <= 0:
        return None
    places = np.argwhere(heat == heat.max())
    distance = ((places - places.mean(axis=0)) ** 2).sum(axis=1)
    row, column = places[distance.argmin()]
    return int(row), int(column)


def first_runs(study: str) -> list[Run]:
    """The first seed of every method of a study, with its model."""
    first: dict[str, Run] = {}
    for run in list_runs(study).runs:
        if run.model_path.is_file():
            first.setdefault(run.method, run)
    return list(first.values())


def shipped_portraits(count: int = COUNT) -> Portraits:
    """Test images of the shipped study, at its models' size."""
    study = load_study(STUDY)
    options = AvatarsOptions.model_validate(study.dataset.options)
    return Portraits.draw(options, size=study.model.image_size, count=count)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=COUNT, help="test images")
    count = parser.parse_args().count
    portraits = shipped_portraits(count)
    sys.stdout.write(
        "highest point of the map on the part, and within the margin, in right answers;"
        " of a random point\n"
    )
    for score in play(first_runs(STUDY), portraits, kinds=KINDS, occlusion=True):
        sys.stdout.write(
            f"{score.method:18} {score.part:8} {score.kind:28}"
            f" {score.hits / score.answers:4.0%} {score.near / score.answers:4.0%}"
            f" of {score.answers}; {score.area:.0%} {score.near_area:.0%}\n"
        )
        sys.stdout.flush()


if __name__ == "__main__":
    main()
