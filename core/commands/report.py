"""``equipoise report``: a study's story as files to hand in."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from core.commands.console import progress_bars, warn_of
from core.commands.options import refuse_without_effect, require_language
from core.errors import EquipoiseError
from core.language import ENGLISH, speaking

if TYPE_CHECKING:
    from core.story.story import Story

ALL_FORMATS = "pptx,html,pdf,latex,md"


def report(
    study: Annotated[
        str, typer.Argument(metavar="STUDY", help="Name of a study that has runs.")
    ],
    story: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="The story to write, as the page Defense saves one. Without it, the "
            "first story of the study; without one, its headline, tasks, groups "
            "and costs.",
        ),
    ] = None,
    formats: Annotated[
        str,
        typer.Option(
            "--format",
            metavar="LIST",
            help="Formats with commas between them: pptx, html, pdf, latex, md.",
        ),
    ] = ALL_FORMATS,
    lang: Annotated[
        str, typer.Option(metavar="LANGUAGE", help="Language of the report: en or fr.")
    ] = ENGLISH,
    template: Annotated[
        Path | None,
        typer.Option(
            metavar="PPTX", help="Your own template: its master, fonts and colours."
        ),
    ] = None,
    out: Annotated[
        Path, typer.Option(metavar="DIR", help="Folder of the files.")
    ] = Path(),
    replace: Annotated[
        bool, typer.Option("--replace", help="Write over files that are there.")
    ] = False,
) -> None:
    """Write a story as files to hand in: a deck, a page, a PDF, and documents.

    Each slide has one claim, checked against the numbers where it can be; then come the
    questions a jury asks, answered from the study, and where the numbers come from.
    """
    from core.report.formats import (
        FOLDERS,
        Options,
        place_of,
        read_formats,
        write_report,
    )
    from core.report.output import require_free, write_files
    from core.report.report import build_report
    from core.story.story import in_language

    names = read_formats(formats)
    require_language(lang, what="Reports")
    if template is not None and "pptx" not in names:
        refuse_without_effect(["--template"], expected="it with --format pptx.")
    told, folder = _find_story(story, study)
    stem = study if story is None else story.stem
    places = {name: place_of(name, out, stem) for name in names}
    require_free(places.values(), replace=replace)
    with progress_bars() as progress, speaking(lang):
        told = None if told is None else in_language(told)
        drawn = build_report(study, told, folder=folder, progress=progress)
        files = write_report(drawn, places, Options(template, progress))
    write_files(files, folders=[places[name] for name in names if name in FOLDERS])
    warn_of(drawn.problems)
    for place in places.values():
        sys.stdout.write(f"{place}\n")


def _find_story(file: Path | None, study: str) -> tuple[Story | None, Path | None]:
    """The story asked for; else the first of the study, if there is one."""
    from core.story.stories import stories_of

    if file is not None:
        return _load_story(file, study), file.parent
    for found in stories_of(study):
        return found.load(), found.path.parent if found.path else None
    return None, None


def _load_story(file: Path, study: str) -> Story:
    from core.story.story import load_story

    story = load_story(file)
    if story.study != study:
        raise EquipoiseError(
            f"The story '{file}' is of the study '{story.study}' and not of '{study}'.",
            expected="a story of the study that is named first.",
            remedy=f"write: equipoise report {story.study} --story {file}",
        )
    return story
