"""The formats that a report is written in, by name."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from core.errors import EquipoiseError
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


Writes = Callable[[Report, Options], bytes]


def _pptx(report: Report, options: Options) -> bytes:
    from core.report.deck import build_deck

    return build_deck(report, template=options.template, progress=options.progress)


def _html(report: Report, options: Options) -> bytes:
    from core.report.page import build_page

    return build_page(report, progress=options.progress)


def _pdf(report: Report, options: Options) -> bytes:
    from core.report.pdf import build_pdf

    return build_pdf(report, progress=options.progress)


FORMATS: dict[str, Writes] = {"pptx": _pptx, "html": _html, "pdf": _pdf}
"""What writes each format, by the ending of its file."""


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
    report: Report, formats: Sequence[str], options: Options
) -> dict[str, bytes]:
    """Write a report in some formats: the content of each, by its name."""
    return {name: FORMATS[name](report, options) for name in formats}
