"""A picture in, every method's answer out."""

from __future__ import annotations

import math
import os
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from pydantic import ValidationError

from core.data.cache import Progress, Render
from core.data.catalog import dataset_info, enhancement_of, renderer
from core.data.enhancement import Enhancement, enhance, render_enhanced
from core.data.face_templates import UTKFACE, FaceTemplate
from core.data.images import check_upload, decode_image, describe_end, preprocess
from core.errors import EquipoiseError, ImageError, RunError
from core.face_quality import (
    FaceQuality,
    find_faces,
    measure_quality,
    whole_quality,
)
from core.faces import Face, FaceDetector, align_face
from core.language import N_, gettext
from core.methods.entries import ENTRIES
from core.methods.temperature import scale
from core.models.mirroring import mean_outputs, mirror
from core.results.answer_temperatures import (
    AnswerTemperature,
    AnswerTemperatures,
    fit_answer_temperatures,
)
from core.runs import RECORD, Run, check_class_order
from core.study import DatasetTable, ResizeTable, Study, explain_faults
from core.tasks import Binary, Multiclass, Regression, Task
from core.text import number

if TYPE_CHECKING:
    from core.models.ensemble import Ensemble
    from core.models.saved import Group

# Faces go through the graph in batches of these sizes only: on a backend that
# compiles for every shape, fifty faces need no more than three compilations.
BUCKETS = (1, 4, 16)
# Photos of which many are answered together.
ANSWERED_AT_ONCE = 64
READING = N_("Reading photos")
ANSWERING = N_("Answering photos")


@dataclass(frozen=True)
class Preprocessing:
    """The preparation of a picture before a model sees it.

    Parameters
    ----------
    size : int
        Side of the pictures in pixels.
    resize : ResizeTable
        How a picture of any shape becomes that square.
    enhancement : Enhancement
        What the study's dataset does to the brightness of every picture.
    template : FaceTemplate
        How the dataset's faces are aligned, if it is one of faces.
    """

    size: int
    resize: ResizeTable = field(default_factory=ResizeTable)
    enhancement: Enhancement = field(default_factory=Enhancement)
    template: FaceTemplate = UTKFACE

    @classmethod
    def from_run(cls, run: Run, size: int) -> Preprocessing:
        """The preparation that the record of a run gives, for this image size.

        Raises
        ------
        EquipoiseError
            If the record has another image size or an unknown setting.
        """
        model, dataset = (_resolved(run, name) for name in ("model", "dataset"))
        recorded = model.get("image_size") or size
        if size != recorded:
            raise RunError(
                gettext(
                    "{model_path} takes pictures of {size} px.",
                    model_path=run.model_path,
                    size=size,
                ),
                expected=gettext(
                    "{recorded} px, as its {record} says.",
                    recorded=recorded,
                    record=RECORD,
                ),
                remedy=gettext("train it again, or delete the folder."),
            )
        try:
            resize = ResizeTable.model_validate(model.get("resize") or {})
            table = DatasetTable.model_validate(dataset) if dataset else None
        except ValidationError as error:
            raise RunError(
                gettext(
                    "{record} does not say what is done to its pictures: {error}",
                    record=run.folder / RECORD,
                    error=explain_faults(error),
                ),
                expected=gettext("its study as training wrote it."),
                remedy=gettext("train it again, or delete the folder."),
            ) from None
        if table is None:
            return cls(size, resize)
        template = dataset_info(table.name).faces or UTKFACE
        return cls(size, resize, enhancement_of(table), template)

    @property
    def render(self) -> Render:
        """The renderer that reads a whole picture as the image cache does."""
        return partial(
            render_enhanced,
            enhancement=self.enhancement,
            **self.resize.model_dump(),
        )

    def read(self, study: Study, path: str) -> NDArray[np.uint8]:
        """A picture of a study as a model sees it, shape (size, size, 3).

        Parameters
        ----------
        study : Study
        path : str
            Where the picture is, as the study's manifest has it.
        """
        render = partial(renderer(study), **self.resize.model_dump())
        return np.asarray(enhance(render(path, self.size), self.enhancement))

    def cut(self, image: Image.Image, face: Face) -> NDArray[np.uint8]:
        """A face of a picture, or all of it, shape (size, size, 3)."""
        how = self.resize.model_dump()
        if face.landmarks:
            pixels = align_face(image, face, self.size, template=self.template, **how)
        else:
            pixels = preprocess(image, self.size, **how)
        return enhance(pixels, self.enhancement)


@dataclass(frozen=True)
class RegressionAnswer:
    """The answer of one method for a number.

    Parameters
    ----------
    value : float
        Mean over the method's seeds, in the unit of the task.
    sd : float or None
        Standard deviation over the seeds; None with one seed.
    """

    value: float
    sd: float | None

    def as_json(self) -> float:
        """Round the value to a hundredth."""
        return round(self.value, 2)


@dataclass(frozen=True)
class ClassificationAnswer:
    """The answer of one method for a class.

    Parameters
    ----------
    label : str
        The most probable class.
    probability : float
        Of the label, mean over the method's seeds.
    probabilities : dict of str to float
        Of every class; they sum to 1.
    sd : float or None
        Standard deviation of ``probability`` over the seeds; None with one seed.
    temperature : float or None
        By which the probabilities were calibrated; None if they are the models' own.
    """

    label: str
    probability: float
    probabilities: Mapping[str, float]
    sd: float | None
    temperature: float | None = None

    def as_json(self) -> dict[str, str | float | bool]:
        """Label and probability, and whether and how that was calibrated."""
        given: dict[str, str | float | bool] = {
            "label": self.label,
            "probability": round(self.probability, 4),
            "calibrated": self.temperature is not None,
        }
        if self.temperature is not None:
            given["temperature"] = round(self.temperature, 4)
        return given


Answer = RegressionAnswer | ClassificationAnswer
Answers = dict[str, dict[str, Answer]]
"""Method, then task, to the answer."""


@dataclass(frozen=True)
class Disagreement:
    """How far apart the methods are on one task for one face.

    Parameters
    ----------
    task : Task
    measure : float
        Regression: largest value less smallest, in the unit. Classification: number
        of different labels.
    threshold : float
        Beyond it the disagreement stands out: the width of a bin for a regression
        (the methods put the face in different decades of age), one label otherwise.
    sentence : str
        The measure in words.
    """

    task: Task
    measure: float
    threshold: float
    sentence: str

    @property
    def stands_out(self) -> bool:
        """Whether the methods contradict each other."""
        return self.measure > self.threshold


@dataclass(frozen=True)
class FaceAnswers:
    """A face, or a whole picture, and the answer of every method.

    Parameters
    ----------
    number : int
        From 1, left to right.
    box : tuple of four int
        Left, top, width, height in pixels of the photo.
    quality : FaceQuality
        Size, sharpness and more, with their bounds.
    seen : mapping of str to uint8 array, shape (size, size, 3)
        Method to what its models saw; the sizes may differ.
    answers : dict
        Method, then task, to the answer; empty if they are withheld.
    rotation : int
        Degrees clockwise by which the photo was turned to find the face.
    landmarks : tuple of five (x, y)
        As ``Face`` has them; empty for a whole picture.
    """

    number: int
    box: tuple[int, int, int, int]
    quality: FaceQuality
    seen: Mapping[str, NDArray[np.uint8]] = field(repr=False, compare=False)
    answers: Answers
    rotation: int = 0
    landmarks: tuple[tuple[float, float], ...] = ()

    @property
    def withheld(self) -> bool:
        """Whether there are no answers because the face is not good enough for them."""
        return not self.answers

    @property
    def reason(self) -> str:
        """Which bounds this face misses, in words; empty if it misses none."""
        return self.quality.reason(self.number)

    @property
    def pixels(self) -> NDArray[np.uint8]:
        """The largest of what the models saw."""
        return max(self.seen.values(), key=len)

    def as_dict(
        self, tasks: Collection[str], methods: Collection[str] | None = None
    ) -> dict[str, Any]:
        """Box, quality and the answers on these tasks, for JSON."""
        confidence = self.quality.confidence
        return {
            "box": list(self.box),
            "rotation": self.rotation,
            "landmarks": [[round(x, 1), round(y, 1)] for x, y in self.landmarks],
            "confidence": None if confidence is None else round(confidence, 4),
            "quality": self.quality.as_dict(),
            "withheld": self.withheld,
            "reason": self.reason or None,
            "answers": {
                method: {
                    task: answer.as_json()
                    for task, answer in answers.items()
                    if task in tasks
                }
                for method, answers in self.answers.items()
                if methods is None or method in methods
            },
        }


@dataclass(frozen=True)
class Timings:
    """Milliseconds that each step took."""

    decode_ms: float = 0.0
    detect_ms: float = 0.0
    align_ms: float = 0.0
    answer_ms: float = 0.0
    mirrored_ms: float = 0.0
    """Part of ``answer_ms``: of the answers to mirror images."""

    @property
    def total_ms(self) -> float:
        """All steps together."""
        return self.decode_ms + self.detect_ms + self.align_ms + self.answer_ms


@dataclass(frozen=True)
class PhotoResult:
    """The result for one photo.

    Parameters
    ----------
    photo : str
        Its name.
    faces : tuple of FaceAnswers
        Empty if it failed.
    fault : EquipoiseError or None
        Why there are no answers.
    no_face : bool
        Whether the picture itself is good and may be taken for a face as a whole.
    image : PIL.Image.Image or None
        The decoded photo, to draw boxes on; in memory only.
    note : str
        What a reader should know of the file; empty if nothing.
    timings : Timings
    """

    photo: str
    faces: tuple[FaceAnswers, ...] = ()
    fault: EquipoiseError | None = None
    no_face: bool = False
    image: Image.Image | None = field(default=None, repr=False, compare=False)
    timings: Timings = Timings()
    note: str = ""

    @property
    def error(self) -> str | None:
        """The fault in words, or None."""
        return None if self.fault is None else str(self.fault)

    def as_dict(
        self, tasks: Collection[str], methods: Collection[str] | None = None
    ) -> dict[str, Any]:
        """Photo, error, note and faces, for JSON.

        Parameters
        ----------
        tasks : collection of str
            Names of the tasks whose answers are given, such as those of
            ``DatasetInfo.answered_tasks``.
        methods : collection of str, optional
            Methods whose answers are given; all of them if not given.
        """
        return {
            "photo": self.photo,
            "error": self.error,
            "note": self.note or None,
            "faces": [face.as_dict(tasks, methods) for face in self.faces],
        }


class Predictor:
    """All methods of a study, loaded once, answering in one compiled graph.

    Parameters
    ----------
    ensemble : Ensemble
        The models of ``members``, in that order.
    members : sequence of (method, seed)
    tasks : sequence of Task
    preprocessings : sequence of Preprocessing
        Of each member.
    mirrored : sequence of bool, optional
        Of each member, whether its answer is always the mean of those to a picture and
        to its mirror image; of none if not given.
    problems : sequence of str, optional
        A sentence for each run that was left out.
    temperatures : mapping of (method, task) to AnswerTemperature, optional
        By which probabilities are calibrated; those of others are the models' own.
    """

    def __init__(
        self,
        ensemble: Ensemble,
        members: Sequence[tuple[str, int]],
        tasks: Sequence[Task],
        *,
        preprocessings: Sequence[Preprocessing],
        mirrored: Sequence[bool] = (),
        problems: Sequence[str] = (),
        temperatures: AnswerTemperatures | None = None,
    ) -> None:
        self.ensemble = ensemble
        self.members = tuple(members)
        self.tasks = tuple(tasks)
        self.problems = tuple(problems)
        self.temperatures = dict(temperatures or {})
        self.methods = tuple(dict.fromkeys(method for method, _ in members))
        self.preprocessings = tuple(dict.fromkeys(preprocessings))
        self._of_member = tuple(preprocessings)
        self._mirrored = np.array(mirrored or [False] * len(members), bool)

    @classmethod
    def load(
        cls,
        runs: Sequence[Run],
        tasks: Sequence[Task],
        *,
        seeds: Sequence[int] | None = None,
        loading: Progress = lambda what, done, total: None,
        load_engine: Callable[[], None] = lambda: None,
    ) -> Predictor:
        """Load the models of runs of one study.

        Parameters
        ----------
        runs : sequence of Run
        tasks : sequence of Task
            What the study predicts; each is an output of every model.
        seeds : sequence of int, optional
            Only runs of these seeds; all if not given.
        loading : callable
            Called with the name of the run that is loaded next, how many were loaded,
            of how many; at the end without a name.
        load_engine : callable
            Imports Keras; called while the files are being read.

        Raises
        ------
        RunError
            If no run is left. A run that cannot be used is named in ``problems``.
        """
        from core.models.model_file import read_ahead

        asked = [run for run in runs if seeds is None or run.seed in seeds]
        chosen = [run for run in asked if not _decides_by_group(run)]
        files = read_ahead([run.model_path for run in chosen])
        load_engine()
        from core.models.ensemble import Ensemble
        from core.models.saved import load_groups

        groups, missing = load_groups(
            files,
            loading=lambda place: loading(chosen[place].name, place, len(chosen)),
        )
        loading("", len(chosen), len(chosen))
        faults: list[EquipoiseError] = group_unknown(asked)
        faults += missing.values()
        kinds: dict[int, Preprocessing] = {}
        for group in groups:
            try:
                size = _check_model(group.template, chosen[group.members[0]], tasks)
            except RunError as fault:
                faults.append(fault)
                continue
            for place in group.members:
                try:
                    check_class_order(chosen[place], tasks)
                    kinds[place] = Preprocessing.from_run(chosen[place], size)
                except EquipoiseError as fault:
                    faults.append(fault)
        if not kinds:
            raise _no_model(faults)
        places = sorted(kinds)
        return cls(
            Ensemble(_by_preprocessing(groups, kinds)),
            [(chosen[place].method, chosen[place].seed) for place in places],
            tasks,
            preprocessings=[kinds[place] for place in places],
            mirrored=[chosen[place].has_mirrored_answers for place in places],
            problems=[str(fault) for fault in faults],
            temperatures=fit_answer_temperatures(
                [chosen[place] for place in places], tasks
            ),
        )

    def preprocessing_of(self, method: str) -> Preprocessing:
        """The preparation of a picture for the first model of a method."""
        names = [name for name, _ in self.members]
        return self._of_member[names.index(method)]

    def warm_up(self, count: int = BUCKETS[0]) -> None:
        """Trace the graph for so many faces, so that no photo waits for it.

        The second number that is traced, whichever it is, serves all others too.
        """
        self.outputs(
            {
                kind: np.zeros((count, kind.size, kind.size, 3), np.uint8)
                for kind in self.preprocessings
            }
        )

    def answer(
        self,
        pictures: Mapping[Preprocessing, NDArray[np.uint8]],
        *,
        batches: Sequence[int] = BUCKETS,
        mirrored: bool = False,
        plain_done: Callable[[], None] = lambda: None,
    ) -> list[Answers]:
        """Let every method answer for aligned faces, or for whole pictures.

        Parameters
        ----------
        pictures : mapping of Preprocessing to uint8 array, shape (n, size, size, 3)
            The same n for each of ``preprocessings``, as from its ``cut``.
        batches, mirrored, plain_done
            As for ``outputs``.

        Returns
        -------
        list of dict
            A face each: method, then task, to the answer. Probabilities are calibrated
            by ``used_temperatures``.
        """
        count = len(next(iter(pictures.values())))
        if count == 0:
            return []
        outputs = self.outputs(
            pictures, batches=batches, mirrored=mirrored, plain_done=plain_done
        )
        used = self.used_temperatures(mirrored=mirrored)
        rows = {
            method: [i for i, (name, _) in enumerate(self.members) if name == method]
            for method in self.methods
        }
        return [
            {
                method: {
                    task.name: _answer(
                        task,
                        outputs[task.name][members, face],
                        used.get((method, task.name)),
                    )
                    for task in self.tasks
                }
                for method, members in rows.items()
            }
            for face in range(count)
        ]

    def used_temperatures(self, *, mirrored: bool = False) -> AnswerTemperatures:
        """The temperatures by which answers are calibrated.

        Without those of a method that is averaged with the answers to mirror images
        only here (``mirrored``): its validation predictions are not.
        """
        if not mirrored:
            return self.temperatures
        own = zip(self.members, self._mirrored, strict=True)
        plain = {method for (method, _), is_mirrored in own if not is_mirrored}
        return {
            key: found
            for key, found in self.temperatures.items()
            if key[0] not in plain
        }

    def outputs(
        self,
        pictures: Mapping[Preprocessing, NDArray[np.uint8]],
        *,
        batches: Sequence[int] = BUCKETS,
        mirrored: bool = False,
        plain_done: Callable[[], None] = lambda: None,
    ) -> dict[str, NDArray[np.float64]]:
        """The outputs of every model for pictures, unchanged.

        Parameters
        ----------
        pictures : mapping of Preprocessing to uint8 array, shape (n, size, size, 3)
            As for ``answer``, at least one.
        batches : sequence of int
            Sizes of batches, rising: the only ones that the graph is given.
        mirrored : bool
            Average each output with that for the mirror image, whatever the model;
            else only of models whose answers always are so.
        plain_done : callable
            Called between the pictures and their mirror images, if these are asked for.

        Returns
        -------
        dict of str to array, shape (models, n, values)
            By task; the models are those of ``members``.
        """
        plain = self._outputs(pictures, batches)
        averaged = self._mirrored | mirrored
        if not averaged.any():
            return plain
        plain_done()
        images = {kind: mirror(pixels) for kind, pixels in pictures.items()}
        means = mean_outputs(plain, self._outputs(images, batches))
        chosen = averaged[:, None, None]
        return {name: np.where(chosen, means[name], plain[name]) for name in plain}

    def _outputs(
        self,
        pictures: Mapping[Preprocessing, NDArray[np.uint8]],
        batches: Sequence[int],
    ) -> dict[str, NDArray[np.float64]]:
        given = [pictures[kind] for kind in self.preprocessings]
        parts = []
        for start in range(0, len(given[0]), batches[-1]):
            chunks = [each[start : start + batches[-1]] for each in given]
            count = len(chunks[0])
            batch = next(size for size in batches if size >= count)
            outputs = self.ensemble.predict_on_batch(
                [_padded(chunk, batch) for chunk in chunks]
            )
            parts.append({name: out[:, :count] for name, out in outputs.items()})
        return {
            task.name: np.concatenate([part[task.name] for part in parts], axis=1)
            for task in self.tasks
        }


def check_photo(path: Path) -> EquipoiseError | None:
    """Find the fault of a photo that can be seen without opening it.

    Parameters
    ----------
    path : Path

    Returns
    -------
    EquipoiseError or None
        If it is not there, a folder, empty or too large.
    """
    if path.is_dir():
        return ImageError(
            gettext("{path} is a folder.", path=path),
            expected=gettext("photos."),
            remedy=gettext(
                "name the photos in it, or label all of them with --csv FILE."
            ),
        )
    if not path.exists():
        return ImageError(
            gettext("There is no file {path}.", path=path),
            expected=gettext("a photo that exists."),
            remedy=gettext("check its name and its folder."),
        )
    try:
        check_upload(path.stat().st_size, str(path))
    except ImageError as fault:
        return fault
    return None


@dataclass(frozen=True)
class Upload:
    """A photo that somebody gave.

    Parameters
    ----------
    content : bytes
        The file; at most ``MAX_UPLOAD_BYTES``.
    name : str
        What to call the photo.
    aligned : bool
        Whether the whole picture is one aligned face: nothing is detected.
    all_faces : bool
        Whether faces that are not good enough are answered for too.
    """

    content: bytes = field(repr=False)
    name: str
    aligned: bool = False
    all_faces: bool = False


@dataclass(frozen=True)
class _Seen:
    """A photo whose faces were found and cut, before any model answers."""

    name: str
    image: Image.Image | None
    faces: tuple[Face, ...]
    qualities: tuple[FaceQuality, ...]
    answered: tuple[int, ...]
    """Places of the faces that are answered for; the others are not good enough."""
    pictures: Mapping[Preprocessing, NDArray[np.uint8]]
    clock: tuple[float, ...]
    note: str

    @property
    def asked(self) -> dict[Preprocessing, NDArray[np.uint8]]:
        """The pictures of the faces that are answered for."""
        places = list(self.answered)
        return {kind: pixels[places] for kind, pixels in self.pictures.items()}


def predict_photo(
    source: Path | bytes,
    predictor: Predictor,
    detector: FaceDetector | None,
    *,
    name: str = "",
    aligned: bool = False,
    mirrored: bool = False,
    all_faces: bool = False,
) -> PhotoResult:
    """Decode a photo, find and align its faces, and let every method answer.

    Parameters
    ----------
    source : Path or bytes
        A file, or the content of an upload; at most ``MAX_UPLOAD_BYTES``.
    predictor : Predictor
    detector : FaceDetector or None
        None takes every picture for one aligned face.
    name : str, optional
        What to call the photo; a file is called by its path.
    aligned : bool
        Take the whole picture for one aligned face: detect nothing.
    mirrored : bool
        Average every answer with that to the mirrored face.
    all_faces : bool
        Answer also for faces that are not good enough, whose answers are withheld
        otherwise.

    Returns
    -------
    PhotoResult
        A photo that cannot be used, or shows no face, carries its fault; nothing of
        the photo is written or logged.
    """
    detector = None if aligned else detector
    seen = _see(
        source, predictor.preprocessings, detector, name=name, all_faces=all_faces
    )
    (result,) = _answer_together([seen], predictor, mirrored)
    return result


def predict_uploads(
    uploads: Sequence[Upload],
    predictor: Predictor,
    detector: FaceDetector | None,
    *,
    mirrored: bool = False,
) -> list[PhotoResult]:
    """Let every method answer for a few photos, their faces in one batch.

    Parameters
    ----------
    uploads : sequence of Upload
        So few that they fit into memory as they are decoded.
    predictor, detector, mirrored
        As for ``predict_photo``.

    Returns
    -------
    list of PhotoResult
        As ``predict_photo`` gives each of them.
    """
    seen = [
        _see(
            upload.content,
            predictor.preprocessings,
            None if upload.aligned else detector,
            name=upload.name,
            all_faces=upload.all_faces,
        )
        for upload in uploads
    ]
    return _answer_together(seen, predictor, mirrored)


@dataclass
class _Stopwatch:
    """When a batch of pictures was answered for, and its mirror images were not yet."""

    plain_end: float | None = None

    def plain_done(self) -> None:
        self.plain_end = time.perf_counter()

    def mirrored_s(self, end: float) -> float:
        """Seconds of the mirror images; 0 if there were none."""
        return 0.0 if self.plain_end is None else end - self.plain_end


def predict_photos(
    paths: Sequence[Path],
    predictor: Predictor,
    detector: FaceDetector | None,
    *,
    mirrored: bool = False,
    all_faces: bool = False,
    progress: Progress = lambda what, done, total: None,
) -> list[PhotoResult]:
    """Let every method answer for many photos, their faces in batches.

    Parameters
    ----------
    paths : sequence of Path
    predictor : Predictor
    detector : FaceDetector or None
        None takes every picture for one aligned face.
    mirrored, all_faces : bool
        As for ``predict_photo``.
    progress : callable
        Called with what is done, how many, of how many.

    Returns
    -------
    list of PhotoResult
        As ``predict_photo`` gives each of them, without the decoded photo: many large
        ones do not fit into memory.

    Notes
    -----
    A batch of 64 faces takes a quarter of the time of 64 faces one by one. Photos
    whose faces are not looked for are read by several threads.
    """
    results: list[PhotoResult] = []
    read = 0
    see = partial(_see_file, predictor, detector, all_faces)
    with ThreadPoolExecutor(available_cores()) as pool:
        for start in range(0, len(paths), ANSWERED_AT_ONCE):
            chunk = paths[start : start + ANSWERED_AT_ONCE]
            seen = []
            for each in map(see, chunk) if detector else pool.map(see, chunk):
                seen.append(each)
                read += 1
                progress(READING, read, len(paths))
            results += _answer_together(seen, predictor, mirrored)
            progress(ANSWERING, len(results), len(paths))
    return results


def available_cores() -> int:
    """Cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _see_file(
    predictor: Predictor, detector: FaceDetector | None, all_faces: bool, path: Path
) -> PhotoResult | _Seen:
    if fault := check_photo(path):
        return PhotoResult(str(path), fault=fault)
    seen = _see(path, predictor.preprocessings, detector, all_faces=all_faces)
    return replace(seen, image=None)


def _answer_together(
    seen: Sequence[PhotoResult | _Seen], predictor: Predictor, mirrored: bool
) -> list[PhotoResult]:
    """Answer for the faces of several photos at once; faults stay as they are."""
    good = [each for each in seen if isinstance(each, _Seen)]
    answers: list[Answers] = []
    stopwatch, start = _Stopwatch(), time.perf_counter()
    if good:
        pictures = {
            kind: np.concatenate([each.asked[kind] for each in good])
            for kind in predictor.preprocessings
        }
        batches = (*BUCKETS, ANSWERED_AT_ONCE)
        answers = predictor.answer(
            pictures,
            batches=batches,
            mirrored=mirrored,
            plain_done=stopwatch.plain_done,
        )
    end = time.perf_counter()
    each_s = (end - start) / max(1, len(answers))
    mirrored_s = stopwatch.mirrored_s(end) / max(1, len(answers))
    results = []
    for each in seen:
        if isinstance(each, PhotoResult):
            results.append(each)
            continue
        count = len(each.answered)
        own, answers = answers[:count], answers[count:]
        clock = (*each.clock, each.clock[-1] + count * each_s)
        timings = replace(_timings(clock), mirrored_ms=1000 * count * mirrored_s)
        results.append(_result(each, own, predictor, timings))
    return results


def _see(
    source: Path | bytes,
    preprocessings: Sequence[Preprocessing],
    detector: FaceDetector | None,
    *,
    name: str = "",
    all_faces: bool,
) -> PhotoResult | _Seen:
    """Decode a photo and cut its faces, or say why it cannot be used."""
    name = name or (str(source) if isinstance(source, Path) else gettext("The photo"))
    clock = [time.perf_counter()]
    try:
        if isinstance(source, Path) and source.is_file():
            check_upload(source.stat().st_size, name)
        image = decode_image(source, name=name)
        clock.append(time.perf_counter())
        if detector is None:
            found = [_whole(image, preprocessings)]
        else:
            found = find_faces(detector, image)
        clock.append(time.perf_counter())
    except EquipoiseError as fault:
        return PhotoResult(name, fault=fault)
    if not found:
        return PhotoResult(
            name,
            fault=_no_face(name),
            no_face=True,
            image=image,
            timings=_timings(clock),
            note=describe_end(image),
        )
    pictures = {
        kind: np.stack([kind.cut(image, face) for face in found])
        for kind in preprocessings
    }
    largest = max(kind.size for kind in preprocessings)
    qualities = tuple(
        measure_quality(image, face)
        if face.landmarks
        else whole_quality(face.box, largest)
        for face in found
    )
    answered = tuple(
        place for place, quality in enumerate(qualities) if all_faces or quality.is_good
    )
    clock.append(time.perf_counter())
    return _Seen(
        name=name,
        image=image,
        faces=tuple(found),
        qualities=qualities,
        answered=answered,
        pictures=pictures,
        clock=tuple(clock),
        note=describe_end(image),
    )


def _result(
    seen: _Seen, answers: Sequence[Answers], predictor: Predictor, timings: Timings
) -> PhotoResult:
    """The result for a photo, from the answers for its faces in their order."""
    kinds = {method: predictor.preprocessing_of(method) for method in predictor.methods}
    given = dict(zip(seen.answered, answers, strict=True))
    faces = tuple(
        FaceAnswers(
            face.number,
            face.box,
            seen.qualities[place],
            {method: seen.pictures[kind][place] for method, kind in kinds.items()},
            given.get(place, {}),
            face.rotation,
            face.landmarks,
        )
        for place, face in enumerate(seen.faces)
    )
    return PhotoResult(
        seen.name, faces, image=seen.image, timings=timings, note=seen.note
    )


def disagreements(answers: Answers, tasks: Sequence[Task]) -> dict[str, Disagreement]:
    """Measure how far the methods are apart on each task, for one face.

    Parameters
    ----------
    answers : dict
        Method, then task, to the answer.
    tasks : sequence of Task

    Returns
    -------
    dict of str to Disagreement
        A task each. With one method nothing stands out.
    """
    return {
        task.name: _disagreement(task, [given[task.name] for given in answers.values()])
        for task in tasks
    }


def _disagreement(task: Task, answers: Sequence[Answer]) -> Disagreement:
    if isinstance(task, Regression):
        values = [a.value for a in answers if isinstance(a, RegressionAnswer)]
        low, high = min(values), max(values)
        sentence = gettext(
            "{label}: from {low} to {high} {unit}.",
            label=gettext(task.label),
            low=number(low, 0),
            high=number(high, 0),
            unit=gettext(task.unit),
        )
        return Disagreement(task, high - low, task.bin_width, sentence)
    labels = [a.label for a in answers if isinstance(a, ClassificationAnswer)]
    counts = {label: labels.count(label) for label in task.classes if label in labels}
    said = ", ".join(f"{label} ({n})" for label, n in counts.items())
    sentence = gettext("{label}: {answers}.", label=gettext(task.label), answers=said)
    return Disagreement(task, len(counts), 1, sentence)


def _answer(
    task: Task, outputs: NDArray[np.float64], temperature: AnswerTemperature | None
) -> Answer:
    """Seeds' outputs of one method for one face, shape (seeds, values), to one.

    The class is the most probable one before any scaling, which changes no order.
    """
    if isinstance(task, Regression):
        values = outputs[:, 0].astype(np.float64)
        return RegressionAnswer(float(values.mean()), _sd(values))
    if isinstance(task, Binary):
        outputs = np.column_stack([1 - outputs[:, 0], outputs[:, 0]])
    shares = outputs.mean(axis=0, dtype=np.float64)
    best = int(shares.argmax())
    if temperature is not None:
        (shares,) = scale(shares[None], temperature.value)
        outputs = scale(outputs, temperature.value)
    return ClassificationAnswer(
        label=task.classes[best],
        probability=float(shares[best]),
        probabilities=dict(zip(task.classes, shares.tolist(), strict=True)),
        sd=_sd(outputs[:, best]),
        temperature=None if temperature is None else temperature.value,
    )


def _sd(values: NDArray[np.float64]) -> float | None:
    return None if len(values) < 2 else float(np.std(values, ddof=1, dtype=np.float64))


def _by_preprocessing(
    groups: Sequence[Group], kinds: Mapping[int, Preprocessing]
) -> list[Group]:
    """The groups apart by what is done to the pictures of their members.

    Members without a kind are left out, and the others get new numbers.
    """
    order = list(dict.fromkeys(kinds[place] for place in sorted(kinds)))
    numbers = {place: number for number, place in enumerate(sorted(kinds))}
    split = []
    for group in groups:
        usable = {place: kinds[place] for place in group.members if place in kinds}
        for kind in dict.fromkeys(usable.values()):
            places = {p: numbers[p] for p in usable if usable[p] == kind}
            split.append(group.select(places, pictures=order.index(kind)))
    return split


def _padded(pictures: NDArray[np.uint8], count: int) -> NDArray[np.uint8]:
    """Fill up the pictures to ``count`` with black ones."""
    if len(pictures) == count:
        return pictures
    batch = np.zeros((count, *pictures.shape[1:]), np.uint8)
    batch[: len(pictures)] = pictures
    return batch


def _check_model(model: Any, run: Run, tasks: Sequence[Task]) -> int:
    """Side of the pictures a model takes."""
    shape = model.input_shape
    outputs = model.output if isinstance(model.output, dict) else {}
    widths = {
        task.name: len(task.classes) if isinstance(task, Multiclass) else 1
        for task in tasks
    }
    square = isinstance(shape, tuple) and len(shape) == 4 and shape[1] == shape[2]
    said = {name: output.shape[-1] for name, output in outputs.items()}
    if not square or any(said.get(name) != width for name, width in widths.items()):
        raise RunError(
            gettext(
                "{model_path} does not predict the tasks of study '{study}'.",
                model_path=run.model_path,
                study=run.study,
            ),
            expected=gettext(
                "square pictures in, {widths} out.",
                widths=", ".join(widths),
            ),
            remedy=gettext("train it again, or delete the folder."),
        )
    return int(shape[1])


def _decides_by_group(run: Run) -> bool:
    used = run.info.get("method_parameters") or {}
    known = [ENTRIES[name] for name in used if name in ENTRIES]
    # Temperatures by group change no answer, and a photo has the overall one.
    return any(e.part == "decision" and e.groups == "needed" for e in known)


def group_unknown(runs: Sequence[Run]) -> list[EquipoiseError]:
    """A fault for each method that decides by facts that a picture does not show."""
    methods = dict.fromkeys(run.method for run in runs if _decides_by_group(run))
    return [
        RunError(
            gettext(
                "The method '{method}' gives no answer here: it decides by the "
                "group of an image, which a picture alone does not say.",
                method=method,
            ),
            expected=gettext("a method without a decision rule by group."),
            remedy=gettext("look at its results on the study's test images."),
        )
        for method in methods
    ]


def _resolved(run: Run, table: str) -> Mapping[str, Any]:
    """A table of the study that the run was trained as; empty if not kept."""
    study = run.info.get("resolved")
    found = study.get(table) if isinstance(study, dict) else None
    return found if isinstance(found, dict) else {}


def _no_model(faults: Sequence[EquipoiseError]) -> RunError:
    reasons = [fault.problem for fault in faults]
    return RunError(
        " ".join([gettext("There is no model that could answer."), *reasons]),
        expected=gettext("at least one run with its model.keras."),
        remedy=gettext("train the study: `equipoise train STUDY`."),
    )


def _whole(image: Image.Image, preprocessings: Sequence[Preprocessing]) -> Face:
    """The part of a picture that some model sees, as a face of no detector."""
    width, height = image.size
    if all(kind.resize.fit == "crop" for kind in preprocessings):
        width = height = min(image.size)
    left, top = (image.width - width) // 2, (image.height - height) // 2
    return Face(1, (left, top, width, height), math.nan, ())


def _no_face(name: str) -> ImageError:
    return ImageError(
        gettext("No face was found in {name}.", name=name),
        expected=gettext("a photo with a face seen more or less from the front."),
        remedy=gettext(
            "try another photo, or take the whole picture as one face"
            " (`--aligned` on the command line)."
        ),
    )


def _timings(clock: Sequence[float]) -> Timings:
    return Timings(*(1000 * (end - start) for start, end in pairwise(clock)))
