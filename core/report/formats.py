"""The formats that a report is written in, by name."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from core.errors import EquipoiseError
from core.language import speaking
from core.report.report import Progress, Report


@dataclass(frozen=True)
class Options:
    """What a person chose of how a report is written.

    Parameters
    ----------
    template : Path, optional
        A ``.pptx`` whose masters, fonts and colours a deck takes.
    progress : callable, optional
    """

    template: Path | None = None
    progress: Progress | None = None


Files = Mapping[str, bytes]
"""The content of each file by its path."""
Writes = Callable[[Report, Options], Files]
ALONE = ""
"""Path of a file that is all of its format."""


def _pptx(report: Report, options: Options) -> Files:
    from core.report.deck import build_deck

    deck = build_deck(report, template=options.template, progress=options.progress)
    return {ALONE: deck}


def _html(report: Report, options: Options) -> Files:
    from core.report.page import build_page

    return {ALONE: build_page(report, progress=options.progress)}


def _pdf(report: Report, options: Options) -> Files:
    from core.report.pdf import build_pdf

    return {ALONE: build_pdf(report, progress=options.progress)}


def _latex(report: Report, options: Options) -> Files:
    from core.report.latex import latex_files

    return latex_files(report, progress=options.progress)


def _md(report: Report, options: Options) -> Files:
    from core.report.markdown import markdown_files

    return markdown_files(report, progress=options.progress)


FORMATS: dict[str, Writes] = {
    "pptx": _pptx,
    "html": _html,
    "pdf": _pdf,
    "latex": _latex,
    "md": _md,
}
"""What writes each format, by its name."""
FOLDERS = ("latex", "md")
"""Formats of several files, which stand in a folder of their own."""


def place_of(name: str, folder: Path, stem: str) -> Path:
    """Where a format is written: its file, or its folder."""
    return folder / (f"{stem}-{name}" if name in FOLDERS else f"{stem}.{name}")


def read_formats(text: str) -> tuple[str, ...]:
    """Names of formats between commas.

    Raises
    ------
    EquipoiseError
        If there is no such format.
    """
    names = tuple(dict.fromkeys(part.strip().lower() for part in text.split(",")))
    unknown = [name for name in names if name not in FORMATS]
    if unknown:
        raise EquipoiseError(
            f"There is no format '{unknown[0]}' of a report.",
            expected=f"some of {', '.join(FORMATS)}, with commas between them.",
            remedy="correct --format.",
        )
    return names


def write_report(
    report: Report, places: Mapping[str, Path], options: Options
) -> dict[Path, bytes]:
    """Write a report in some formats: the content of each file, by its place.

    Its language is the one that the report was drawn in, whatever is spoken.

    Parameters
    ----------
    report : Report
    places : mapping of str to Path
        Of each format, from ``place_of``.
    options : Options
    """
    with speaking(report.language):
        return {
            place / path if path else place: content
            for name, place in places.items()
            for path, content in FORMATS[name](report, options).items()
        }
