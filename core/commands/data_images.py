"""``equipoise data PATH``: what was understood of a folder or an archive of images."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from rich.markup import escape
from rich.table import Table

from core.commands.console import progress_bars, stderr, stdout
from core.errors import EquipoiseError
from core.study import NAME_PATTERN, known_studies

if TYPE_CHECKING:
    from core.importing.image_findings import Understanding

_STYLES = {"fault": "bold red", "warning": "yellow", "note": "dim"}


def is_place(given: str) -> bool:
    """Whether an argument names a folder or an archive, and not a study."""
    path = Path(given)
    if given in known_studies() or path.suffix == ".toml":
        return False
    return path.exists() or not NAME_PATTERN.fullmatch(given)


def report_images(path: Path, *, write: Path | None, table: str, quick: bool) -> None:
    """Print what was understood of images, and write a study of them if asked to.

    Raises
    ------
    EquipoiseError
        If there are no images, or a study is to be written and a fault is in the way.
    """
    from core.data.archive import folder_of
    from core.importing.image_findings import (
        check_images,
        look_at_pictures,
        propose,
        understand_images,
    )

    if write is not None:
        _check_file(write)
    root = folder_of(path, pattern="*", what="your images")
    listing, facts, roles = understand_images(root, table=table)
    options = propose(listing, roles)
    options = options.model_copy(update={"path": str(path.resolve())})
    understood = check_images(listing, facts, options, roles.notes)
    if not quick:
        with progress_bars() as progress:
            understood = look_at_pictures(understood, progress=progress)
    _print(path, understood)
    if write is not None:
        _write(understood, write)


def _print(path: Path, understood: Understanding) -> None:
    out = stdout()
    listing = understood.listing
    beside = f", with {listing.table}" if listing.table else ""
    out.print(
        f"[bold]{escape(str(path))}[/bold]: {len(listing):,} images{escape(beside)}"
    )
    if understood.facts:
        table = Table("Column", "Taken as", "Holds", box=None)
        for row in understood.roles():
            table.add_row(*map(escape, row))
        out.print()
        out.print(table)
    for title, counts in _count_tables(understood):
        out.print(f"\n{escape(title)}")
        out.print(counts)
    if understood.findings:
        out.print()
    for finding in understood.findings:
        style = _STYLES[finding.level]
        head = f"[{style}]{finding.level}[/{style}]"
        out.print(f"{head} {escape(str(finding))}", soft_wrap=True, highlight=False)


def _count_tables(understood: Understanding) -> list[tuple[str, Table]]:
    """One title and table a column: images of each class in each split."""
    from core.data.manifest import SPLITS, TRAINING
    from core.plots.data import count_classes, imbalance_ratio

    tables = []
    for column in understood.columns.values():
        assert understood.loaded is not None
        long = count_classes(understood.loaded.manifest, column)
        counts = long.pivot_table(
            index="class", columns="split", values="n", sort=False, observed=False
        )
        counts = counts.reindex(index=list(column.classes), columns=list(SPLITS))
        table = Table(escape(column.label), *SPLITS, box=None)
        for each in table.columns[1:]:
            each.justify = "right"
        for label, row in counts.iterrows():
            table.add_row(escape(str(label)), *(f"{int(n):,}" for n in row))
        ratio = imbalance_ratio(counts[TRAINING])
        said = "a class is empty" if ratio == float("inf") else f"{ratio:.1f}"
        tables.append((f"{column.label}: imbalance ratio {said} in training", table))
    return tables


def _check_file(path: Path) -> None:
    name = path.stem
    is_new = NAME_PATTERN.fullmatch(name) and name not in known_studies()
    if path.suffix != ".toml" or not is_new or path.exists():
        raise EquipoiseError(
            f"{path} cannot be the file of a new study.",
            expected="a new file NAME.toml; the name in lower-case letters, digits, "
            "'.', '_' and '-', and not that of another study.",
            remedy="choose another name with --write.",
        )


def _write(understood: Understanding, path: Path) -> None:
    from core.importing.file_findings import faults_in
    from core.importing.image_study import propose_study, write_file

    faults = faults_in(understood.findings)
    if faults or understood.loaded is None:
        raise EquipoiseError(
            f"No study was written: {len(faults)} "
            f"{'fault is' if len(faults) == 1 else 'faults are'} in the way.",
            expected="images without a fault.",
            remedy="fix what is said above, then run the same command again.",
        )
    title = path.stem.replace("-", " ").replace("_", " ").capitalize()
    study = propose_study(path.stem, title, understood.options, understood.loaded)
    write_file(study, path)
    stderr().print(
        f"Written: {path}. Train it with `equipoise train {path}`.",
        markup=False,
        soft_wrap=True,
    )
