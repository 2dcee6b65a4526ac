"""Tables of labels: CSV, TSV, Parquet or Excel, read as text."""

import csv
import io
import zipfile
from collections import Counter
from pathlib import Path
from typing import Any

import pandas as pd

from core.csv_text import given_cell
from core.errors import DatasetError
from core.language import gettext

CSV, PARQUET, EXCEL = (".csv", ".tsv"), (".parquet", ".pq"), (".xlsx",)
TABLE_SUFFIXES = (*CSV, *PARQUET, *EXCEL)
MAX_BYTES = 2**30
"""How large a table may be, unpacked."""
DELIMITERS = ",;\t|"
# Words that programs write for a value that is not there.
NOTHING = frozenset(("nan", "<na>", "none", "null", "n/a", "#n/a", "nat"))
_SNIFFED_CHARACTERS = 65_536
_DAMAGE = (OSError, ValueError, KeyError, TypeError, AttributeError, SyntaxError)


def read_table(path: Path) -> pd.DataFrame:
    """Read a table as text.

    Parameters
    ----------
    path : Path
        Its suffix says how it is read. Cells of a CSV may be separated by commas,
        semicolons, tabs or bars; of an Excel file the first sheet counts.

    Returns
    -------
    DataFrame of str
        Without blanks around the cells. A value that is not there, or of which a
        program says so, is empty.

    Raises
    ------
    DatasetError
        If it cannot be read, has no rows, or has two columns of one name.
    """
    try:
        if path.stat().st_size > MAX_BYTES:
            raise _unreadable(path, gettext("it is larger than 1 GB"))
        suffix = path.suffix.lower()
        if suffix in PARQUET:
            table = _read_parquet(path)
        elif suffix in EXCEL:
            table = _read_excel(path)
        else:
            table = _read_csv(path)
    except (*_DAMAGE, zipfile.BadZipFile) as error:
        said = str(error).strip().splitlines()
        raise _unreadable(path, said[-1] if said else type(error).__name__) from error
    return _clean(table, path)


def _read_csv(path: Path) -> pd.DataFrame:
    text = _decode(path.read_bytes())
    if not text.strip():
        return pd.DataFrame()
    delimiter = "\t" if path.suffix.lower() == ".tsv" else _delimiter(text)
    # The reader would give two columns of one name other names.
    rows = pd.read_csv(
        io.StringIO(text), sep=delimiter, dtype=str, na_filter=False, header=None
    )
    return rows.iloc[1:].set_axis(rows.iloc[0].tolist(), axis=1)


def _decode(content: bytes) -> str:
    """UTF-8, UTF-16 with its mark, or what a spreadsheet of Windows writes."""
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        return content.decode("utf-16")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        if b"\x00" in content:
            raise
        return content.decode("cp1252")


def _delimiter(text: str) -> str:
    """The separator that splits the first lines into equally many cells, and most."""
    lines = text[:_SNIFFED_CHARACTERS].splitlines()[:20]
    best, most = ",", 1
    for delimiter in DELIMITERS:
        cells = Counter(map(len, csv.reader(lines, delimiter=delimiter)))
        width, rows = cells.most_common(1)[0]
        if width > most and 2 * rows > len(lines):
            best, most = delimiter, width
    return best


def _read_parquet(path: Path) -> pd.DataFrame:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        file = pq.ParquetFile(path)
        groups = range(file.metadata.num_row_groups)
        size = sum(file.metadata.row_group(each).total_byte_size for each in groups)
        if size > MAX_BYTES:
            raise _unreadable(path, gettext("it is larger than 1 GB"))
        table = file.read().to_pandas()
    except pa.ArrowException as error:
        raise ValueError(str(error)) from error
    return table.apply(_as_text)


def _as_text(cells: pd.Series) -> pd.Series:
    """Whole numbers that a missing value made fractions of are whole again."""
    if cells.dtype.kind == "f":
        known = cells.dropna()
        if (known == known.round()).all() and known.abs().lt(2**53).all():
            cells = cells.astype("Int64")
    return cells.astype(object).map(lambda cell: "" if pd.isna(cell) else str(cell))


def _read_excel(path: Path) -> pd.DataFrame:
    from openpyxl import load_workbook

    with zipfile.ZipFile(path) as packed:
        if sum(part.file_size for part in packed.infolist()) > MAX_BYTES:
            raise _unreadable(path, gettext("it is larger than 1 GB"))
    book = load_workbook(path, read_only=True, data_only=True)
    try:
        rows = [[_cell(c) for c in row] for row in book.worksheets[0].values]
    finally:
        book.close()
    rows = [row for row in rows if any(row)]
    if not rows:
        return pd.DataFrame()
    width = max(i + 1 for row in rows for i, cell in enumerate(row) if cell)
    rows = [(row + [""] * width)[:width] for row in rows]
    return pd.DataFrame(rows[1:], columns=rows[0], dtype=str)


def _cell(value: Any) -> str:
    if value is None:
        return ""
    is_whole = isinstance(value, float) and value.is_integer() and abs(value) < 2**53
    return str(int(value)) if is_whole else str(value)


def _clean(table: pd.DataFrame, path: Path) -> pd.DataFrame:
    table = table.rename(columns=lambda name: given_cell(str(name)).strip())
    nameless = [i for i, name in enumerate(table.columns) if not name]
    # The index that pandas writes has no name.
    table = table.iloc[:, [i for i in range(table.shape[1]) if i not in nameless]]
    twice = [name for name, n in Counter(table.columns).items() if n > 1]
    if twice or table.empty:
        raise DatasetError(
            gettext(
                "{file} has more than one column called {names}.",
                file=path.name,
                names=", ".join(twice),
            )
            if twice
            else gettext("{file} has no rows.", file=path.name),
            expected=gettext(
                "a first line with the names of the columns, each once, and below it a "
                "row for each picture."
            ),
            remedy=gettext("correct the table, then try again."),
        )
    return table.reset_index(drop=True).apply(_clean_cells)


def _clean_cells(cells: pd.Series) -> pd.Series:
    codes, found = pd.factorize(cells)
    texts = [given_cell(str(text).strip()) for text in found]
    texts = ["" if text.casefold() in NOTHING else text for text in texts]
    return pd.Series(pd.Index(texts, dtype=object)[codes], cells.index, dtype=object)


def _unreadable(path: Path, why: str) -> DatasetError:
    return DatasetError(
        gettext("{file} cannot be read: {why}.", file=path.name, why=why.rstrip(".")),
        expected=gettext("a table as CSV, TSV, Parquet or Excel (.xlsx)."),
        remedy=gettext("save it anew as CSV in UTF-8, then try again."),
    )
