"""One view's figures for print: every format, at both widths, with their data."""

from __future__ import annotations

import io

from core.csv_text import csv_text
from core.report.print_figure import FORMATS, Width, print_figure, save_figure
from core.report.tables import file_name
from core.text import to_plain
from core.views.drawing import Drawn

WIDTHS: tuple[Width, ...] = ("one-column", "two-columns")


def print_files(drawn: Drawn) -> dict[str, bytes]:
    """Every figure of a view as PDF, SVG and PNG at both widths of a page.

    Parameters
    ----------
    drawn : Drawn

    Returns
    -------
    dict of str to bytes
        Name of each file to its content; the rows behind the figures are a CSV file.
    """
    files: dict[str, bytes] = {}
    title = to_plain(drawn.title)
    for place, figure in enumerate(drawn.figures.values(), start=1):
        number = f"-{place}" if len(drawn.figures) > 1 else ""
        for width in WIDTHS:
            printed = print_figure(figure, width=width)
            for kind in FORMATS:
                content = io.BytesIO()
                save_figure(printed, content, kind=kind, title=title)
                name = f"{file_name(drawn.name)}{number}-{width}.{kind}"
                files[name] = content.getvalue()
    if drawn.data is not None:
        files[f"{file_name(drawn.name)}.csv"] = csv_text(drawn.data).encode()
    return files
