"""``equipoise predict``: what every method of a study says of photos."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape
from rich.table import Table

from core.commands.console import (
    LOADING,
    print_json,
    progress_bars,
    say,
    say_line,
    stdout,
    warn_of,
)
from core.commands.options import FAULT, JsonOption
from core.commands.predict_folder import LabelRequest, label_folder
from core.training.engine import load_engine

if TYPE_CHECKING:
    from core.data.manifest import DatasetInfo
    from core.predictor import FaceAnswers, PhotoResult
    from core.results.answer_temperatures import AnswerTemperatures
    from core.runs import Run
    from core.tasks import Task

DEFAULT_STUDY = "utkface"
_ALL_FACES = "What to do: --all-faces gives the answers all the same."


class Seeds(StrEnum):
    """Whose models answer."""

    FIRST = "first"
    ALL = "all"


def predict(
    photos: Annotated[
        list[Path],
        typer.Argument(
            metavar="PHOTO", help="Photos to answer for; with --csv one folder."
        ),
    ],
    study: Annotated[
        str, typer.Option(metavar="STUDY", help="Study whose methods answer.")
    ] = DEFAULT_STUDY,
    aligned: Annotated[
        bool,
        typer.Option(
            "--aligned", help="Take each photo as one aligned face: detect nothing."
        ),
    ] = False,
    ethnicity: Annotated[
        bool, typer.Option("--ethnicity", help="Give the answers on ethnicity too.")
    ] = False,
    mirrored: Annotated[
        bool,
        typer.Option(
            "--mirrored",
            help="Average every answer with that to the mirror image, and say how long "
            "that took.",
        ),
    ] = False,
    all_faces: Annotated[
        bool,
        typer.Option(
            "--all-faces",
            help="Answer also for faces that are too small, too blurred or turned too "
            "far; their answers are withheld otherwise.",
        ),
    ] = False,
    as_json: JsonOption = False,
    csv: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Label every picture of a folder into this file, by one method.",
        ),
    ] = None,
    method: Annotated[
        str | None,
        typer.Option(metavar="METHOD", help="With --csv: the method that labels."),
    ] = None,
    seed: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            help="With --csv: only this seed; the mean over all models by default.",
        ),
    ] = None,
    task: Annotated[
        str | None,
        typer.Option(
            metavar="TASK", help="With --csv: the task, if there are several."
        ),
    ] = None,
    threshold: Annotated[
        float | None,
        typer.Option(
            metavar="P",
            help="With --csv and two classes: from this probability on the label is "
            "1, below it -1; 0.5 by default.",
        ),
    ] = None,
    resume: Annotated[
        bool,
        typer.Option("--resume", help="With --csv: continue an unfinished file."),
    ] = False,
    seeds: Annotated[
        Seeds,
        typer.Option(
            help="Models of each method that answer: that of the first seed which has "
            "one, or those of all seeds, whose mean is given."
        ),
    ] = Seeds.FIRST,
) -> None:
    """Let every method of a study answer for photos, or for each face in them.

    In a study of other pictures each photo is taken as a whole. One model a method
    answers, unless --seeds all asks for all of them.

    A face that is too small, too blurred or turned too far is named with the reason,
    and has no answers unless --all-faces asks for them. A photo in which no face stands
    upright is looked at on its sides and upside down as well.

    With --csv one method labels all pictures of a folder and of those below it, into a
    file with filename,label: -1 or 1 of two classes, else the class or the number.
    Pictures are taken as the study's own are: of faces as crops that are aligned
    already. Those that cannot be read are named, left out, and make the exit code 2.
    --resume continues a stopped file, unless its settings differ. FILE.json beside it
    records the settings.
    """
    from core.data.catalog import dataset_of
    from core.results.answer_temperatures import describe_calibration
    from core.runs import (
        describe_models,
        first_models,
        list_runs,
        shipped_manifest,
        study_of_runs,
    )
    from core.views.studies import label_in

    labels = LabelRequest(csv, method, seed, task, threshold, resume)
    labels.check(
        photos,
        aligned=aligned,
        all_faces=all_faces,
        every_seed=seeds is Seeds.ALL,
    )
    chosen = study_of_runs(study)
    listing = list_runs(chosen.name)
    warn_of(listing.problems)
    info = dataset_of(chosen, shipped_manifest, needed=True)
    if csv is not None:
        recipe = labels.choose(
            listing.runs, info, opted_in=ethnicity, mirrored=mirrored
        )
        label_folder(recipe, photos[0], csv, info, resume=resume, as_json=as_json)
        return
    own = [run for run in listing.runs if run.imported is None]
    models = own if seeds is Seeds.ALL else first_models(own)
    results, used = _answer(
        photos,
        models,
        info,
        aligned or not info.of_faces,
        mirrored=mirrored,
        all_faces=all_faces,
    )
    if mirrored:
        _print_times(results)
    tasks = info.answered_tasks(info.opt_in if ethnicity else ())
    if as_json:
        names = [task.name for task in tasks]
        print_json([result.as_dict(names) for result in results])
    else:
        answering = [run for run in models if run.model_path.is_file()]
        whose = describe_models(answering, own) if answering else ""
        named = {run.method: label_in(chosen, run.method) for run in answering}
        calibrated = describe_calibration(used, tasks, named, mirrored=mirrored)
        print_answers(
            results, info, tasks, labels=named, whose=whose, calibrated=calibrated
        )
    if any(result.fault for result in results):
        raise typer.Exit(FAULT)


def _answer(
    photos: Sequence[Path],
    runs: Sequence[Run],
    info: DatasetInfo,
    aligned: bool,
    *,
    mirrored: bool,
    all_faces: bool,
) -> tuple[list[PhotoResult], AnswerTemperatures]:
    """Answer for photos; one that fails carries its fault and stops no other.

    Also gives the temperatures by which probabilities are calibrated.

    A file that is not a photo is named before any model is loaded. Without any photo,
    no model is loaded.
    """
    from core.faces import FaceDetector
    from core.predictor import PhotoResult, Predictor, check_photo, predict_photos

    faults = {photo: fault for photo in photos if (fault := check_photo(photo))}
    if len(faults) == len(set(photos)):
        return [PhotoResult(str(photo), fault=faults[photo]) for photo in photos], {}
    warn_of([str(fault) for fault in faults.values()])
    with progress_bars() as progress:
        progress(LOADING, 0, len(runs), "TensorFlow")
        predictor = Predictor.load(
            runs,
            info.tasks,
            loading=lambda name, done, total: progress(LOADING, done, total, name),
            load_engine=load_engine,
        )
        detector = None if aligned else FaceDetector()
        results = predict_photos(
            photos,
            predictor,
            detector,
            mirrored=mirrored,
            all_faces=all_faces,
            progress=progress,
        )
    warn_of(predictor.problems)
    return results, predictor.used_temperatures(mirrored=mirrored)


def _print_times(results: Sequence[PhotoResult]) -> None:
    """Say what the mirror images cost, on stderr."""
    whole = sum(result.timings.answer_ms for result in results)
    part = sum(result.timings.mirrored_ms for result in results)
    say_line(f"Answering took {whole:.0f} ms, {part:.0f} of these for mirror images.")


def print_answers(
    results: Sequence[PhotoResult],
    info: DatasetInfo,
    tasks: Sequence[Task],
    *,
    labels: Mapping[str, str],
    whose: str = "",
    calibrated: str = "",
) -> None:
    """A table a face or photo, methods as rows; the faults of photos to stderr.

    ``labels`` are what a reader calls the methods, ``whose`` says whose answers these
    are, and ``calibrated`` whether probabilities may be believed.
    """
    out = stdout()
    for result in results:
        if result.fault:
            say(result.fault)
        elif result.note:
            out.print(f"{result.photo}: {result.note}", style="yellow", markup=False)
        for face in result.faces:
            of_face = f", face {face.number}" if info.of_faces else ""
            title = f"{result.photo}{of_face}"
            if face.withheld:
                lines = [f"{title}: no answers.", *_about(face), _ALL_FACES]
            else:
                out.print(_answer_table(title, face, tasks, labels))
                lines = _about(face)
            if lines:
                out.print(" ".join(lines), style="yellow", markup=False)
    if not any(result.faces for result in results):
        return
    notices = [info.opt_in[task.name] for task in tasks if task.name in info.opt_in]
    for notice in filter(None, (whose, calibrated, *notices, info.notice)):
        out.print(escape(notice), style="dim")


def _about(face: FaceAnswers) -> list[str]:
    """Sentences on a face that its answers do not say."""
    turned = f"Found after the photo was turned {face.rotation} degrees clockwise."
    return [turned] * bool(face.rotation) + [face.reason] * bool(face.reason)


def _answer_table(
    title: str, face: FaceAnswers, tasks: Sequence[Task], labels: Mapping[str, str]
) -> Table:
    headings = (escape(task.label) for task in tasks)
    table = Table("Method", *headings, title=escape(title), title_justify="left")
    for method, answers in face.answers.items():
        cells = []
        for task in tasks:
            value = answers[task.name].as_json()
            if isinstance(value, dict):
                cells.append(f"{value['label']} ({value['probability']:.0%})")
            else:
                cells.append(f"{value:.1f} {getattr(task, 'unit', '')}")
        table.add_row(escape(labels[method]), *map(escape, cells))
    return table
