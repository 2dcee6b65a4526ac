"""``equipoise explain-label``: the rule behind a label, and what contradicts it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.text import Text as Words

from core.commands.console import (
    LOADING,
    print_json,
    progress_bars,
    stdout,
    warn_of,
)
from core.commands.options import DataOption, JsonOption, StudyArgument
from core.commands.studies import load_chosen_study
from core.training.engine import load_engine

if TYPE_CHECKING:
    from core.results.explain_label import LabelMeaning
    from core.results.study_runs import StudyRuns
    from core.tasks import Task


def explain_label(
    study: StudyArgument,
    task: Annotated[
        str | None,
        typer.Option(
            metavar="TASK",
            help="Task of the labels; by default the first one with classes.",
        ),
    ] = None,
    category: Annotated[
        list[str] | None,
        typer.Option(
            "--class",
            metavar="CLASS",
            help="Only this class, or bin of a number; may be given several times. "
            "By default the second of two classes, otherwise all.",
        ),
    ] = None,
    images: Annotated[
        int,
        typer.Option(metavar="N", min=0, help="Images that each list names at most."),
    ] = 5,
    maps: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Draw where each model looks in the typical images, on average, into "
            "this PNG file; takes one class, and models.",
        ),
    ] = None,
    data: DataOption = None,
    as_json: JsonOption = False,
) -> None:
    """Say what a label means, by the other attributes of its images.

    The shortest rule of and, or and not over up to three attributes that explains the
    training labels, how well it says those of the test images, the runners-up, and the
    images that contradict it, label errors first. Then the most typical images of each
    class: those that all methods are surest of. --data is for --maps alone, of
    pictures that are not drawn.
    """
    from core.commands.explain_label_maps import check_maps, write_maps
    from core.results.explain_label import find_category, find_task
    from core.results.study_runs import load_study_runs

    name = load_chosen_study(study).name if study.endswith(".toml") else study
    runs = load_study_runs(name)
    warn_of(runs.problems)
    chosen = find_task(runs.study, runs.info.tasks, task)
    asked = tuple(dict.fromkeys(category or _usual(chosen)))
    for each in asked:
        find_category(chosen, each)
    check_maps(maps, data, asked, runs)
    meanings = _explain(runs, chosen, asked)
    if as_json:
        from core.results.explain_label import meaning_record

        print_json([meaning_record(each, limit=images) for each in meanings])
    else:
        _print(runs, meanings, images)
    if maps is not None:
        load_engine()
        with progress_bars() as progress:
            write_maps(
                maps,
                runs,
                meanings[0],
                data,
                loading=lambda what, done, total: progress(LOADING, done, total, what),
            )
        if not as_json:
            stdout().print(Words(f"\n{maps}: where each model looks, on average."))


def _usual(task: Task) -> Sequence[str]:
    from core.evaluation.answers import categories_of
    from core.tasks import Binary

    return (task.positive,) if isinstance(task, Binary) else categories_of(task)


def _explain(
    runs: StudyRuns, task: Task, categories: Sequence[str]
) -> list[LabelMeaning]:
    from core.results.explain_label import collect_split_answers, explain_label
    from core.runs import shipped_manifest

    warn_of(runs.validation.problems)
    answers = collect_split_answers(runs.held_out, task, runs.study.baseline)
    manifest = shipped_manifest(runs.study.name)
    return [
        explain_label(
            runs.study,
            runs.info.tasks,
            task,
            category,
            manifest=manifest,
            answers=answers,
        )
        for category in categories
    ]


def _print(runs: StudyRuns, meanings: Sequence[LabelMeaning], images: int) -> None:
    from core.results.console import print_table
    from core.results.explain_label import (
        RULES_NOTE,
        contradiction_sentence,
        contradictions_table,
        meaning_sentence,
        rules_table,
        typical_table,
    )
    from core.text import to_plain

    out = stdout()
    out.print(Words(f"{runs.study.title}: {meanings[0].task.label}", style="bold"))
    said: set[str] = set()
    for meaning in meanings:
        sentence = to_plain(meaning_sentence(meaning))
        if meaning.reason:
            # The same of every class.
            if meaning.reason not in said:
                out.print(Words(f"\n{sentence}"))
            said.add(meaning.reason)
            continue
        out.print(Words(f"\n{sentence}"))
        print_table(rules_table(meaning), out)
        if meaning.best is None:
            continue
        out.print(Words(contradiction_sentence(meaning)))
        if len(meaning.contradictions) and images:
            print_table(contradictions_table(meaning, limit=images), out)
    if any(meaning.rules for meaning in meanings):
        out.print(Words(f"\n{RULES_NOTE}", style="dim"))
    if images and any(len(meaning.typical) for meaning in meanings):
        out.print()
        title = "The most typical test images"
        if len(meanings) == 1:
            title += f" of '{meanings[0].category}'"
        print_table(typical_table(meanings, limit=images, title=title), out)
    out.print(Words(runs.info.notice, style="dim"))
