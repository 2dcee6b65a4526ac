"""``equipoise card``: the model cards of a study's methods as files."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from core.commands.console import warn_of
from core.commands.options import MethodsOption, StudyArgument, require_language
from core.commands.studies import load_chosen_study
from core.errors import EquipoiseError
from core.language import ENGLISH, speaking

if TYPE_CHECKING:
    from core.story.model_card import ModelCard
    from core.views.study_view import StudyView

FORMATS = ("md", "html")


def card(
    study: StudyArgument,
    method: MethodsOption = None,
    lang: Annotated[
        str, typer.Option(metavar="LANGUAGE", help="Language of the card: en or fr.")
    ] = ENGLISH,
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Where the card of one method goes, such as card.html; of several "
            "methods, their folder. Without it, STUDY-METHOD.md and .html, here.",
        ),
    ] = None,
    formats: Annotated[
        str | None,
        typer.Option(
            "--format",
            metavar="LIST",
            help="Formats with commas between them: md, html. Without it, the one "
            "that FILE ends in; without one, both.",
        ),
    ] = None,
    replace: Annotated[
        bool, typer.Option("--replace", help="Write over files that are there.")
    ] = False,
) -> None:
    """Write the model card of each method: use, data, protocol, results, limits.

    Results stand with their intervals, over all test images and by group, and with the
    keys of the runs that they come from. HTML is one file that opens offline.
    """
    from core.report.output import require_free, write_files
    from core.story.model_card import model_card
    from core.views.studies import open_study

    require_language(lang, what="Model cards")
    asked = _read_formats(formats, out)
    name = load_chosen_study(study).name if study.endswith(".toml") else study
    view = open_study(name)
    methods = _methods(view, method or ())
    places = _places(name, methods, asked, out)
    require_free(
        [place for each in places.values() for place in each.values()], replace=replace
    )
    files: dict[Path, bytes] = {}
    with speaking(lang):
        for chosen in methods:
            made = model_card(view, chosen)
            for suffix, place in places[chosen].items():
                files[place] = _written(made, suffix)
    write_files(files)
    warn_of(view.left_out)
    for place in files:
        sys.stdout.write(f"{place}\n")


def _methods(view: StudyView, asked: Sequence[str]) -> tuple[str, ...]:
    """Methods to write of: those that are named, or all."""
    unknown = [method for method in asked if method not in view.methods]
    if unknown:
        raise EquipoiseError(
            f"The study '{view.study.name}' has no run of the method '{unknown[0]}'.",
            expected=f"one of {', '.join(view.methods)}.",
            remedy="correct --method, or train it.",
        )
    return tuple(dict.fromkeys(asked)) or view.methods


def _read_formats(text: str | None, out: Path | None) -> tuple[str, ...]:
    """Formats that are named, or the one that a file ends in."""
    ending = "" if out is None else out.suffix.lower().removeprefix(".")
    if text is None:
        return (ending,) if ending in FORMATS else FORMATS
    names = tuple(dict.fromkeys(part.strip().lower() for part in text.split(",")))
    unknown = [name for name in names if name not in FORMATS]
    if unknown:
        raise EquipoiseError(
            f"There is no format '{unknown[0]}' of a model card.",
            expected=f"some of {', '.join(FORMATS)}, with commas between them.",
            remedy="correct --format.",
        )
    if ending in FORMATS and names != (ending,):
        raise EquipoiseError(
            f"{out} ends in .{ending}, and --format asks for {', '.join(names)}.",
            expected=f"--format {ending}, or a FILE without .{ending}.",
            remedy="correct --format, or --out.",
        )
    return names


def _places(
    study: str, methods: Sequence[str], formats: Sequence[str], out: Path | None
) -> Mapping[str, Mapping[str, Path]]:
    """Where each format of each method's card goes."""
    if out is not None and len(methods) == 1:
        stem = out.with_suffix("") if out.suffix[1:].lower() in FORMATS else out
        return {methods[0]: {each: Path(f"{stem}.{each}") for each in formats}}
    if out is not None and out.suffix[1:].lower() in FORMATS:
        raise EquipoiseError(
            f"{out} is one file, and {len(methods)} cards are asked for.",
            expected="one --method, or a folder for --out.",
            remedy="name the method with --method.",
        )
    folder = out or Path()
    return {
        method: {each: folder / f"{study}-{method}.{each}" for each in formats}
        for method in methods
    }


def _written(made: ModelCard, suffix: str) -> bytes:
    if suffix == "md":
        from core.story.model_card import card_markdown

        return card_markdown(made).encode()
    from core.report.model_card import build_card_page

    return build_card_page(made)
