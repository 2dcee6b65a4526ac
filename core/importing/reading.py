"""A CSV or Parquet file as columns; nothing is made of their values yet."""

import csv
import gzip
import hashlib
import io
import zlib
from collections import Counter
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq
from numpy.typing import NDArray

from core.csv_text import GUARDED, given_cell
from core.importing.decoding import decode_csv
from core.importing.file_findings import (
    FAULT,
    NOTE,
    ROWS_NAMED,
    Finding,
    Place,
    PredictionsError,
    faults_in,
)
from core.importing.naming import check_safe
from core.language import N_, gettext, in_form, ngettext
from core.text import quoted

MAX_TEXT = 60
"""Characters of a value that are shown."""
MAX_UNPACKED = 2 * 2**30
"""Bytes that a file may be unpacked: a small one can be made to fill any memory."""
MANY_TEXTS, _ROWS_LOOKED_AT = 1000, 5000
"""Distinct texts beyond which a column holds neither classes nor groups."""
MAX_WHOLE = 2**53
"""Whole numbers below this are exact in double precision."""
_CHUNK = 2**22
_BLOCK = 2**24
"""Bytes of a CSV file that are parsed at once: more than its longest row has."""
_SIMPLER = {pa.float16(): pa.float32(), pa.string_view(): pa.string()}
_PARQUET, _GZIP, _ZIP = b"PAR1", b"\x1f\x8b", b"PK\x03\x04"
_DAMAGE = (OSError, EOFError, UnicodeError, csv.Error, zlib.error, pa.ArrowException)
_COMMA = r"[+-]?\d*,\d+([eE][+-]?\d+)?"
_THOUSANDS = r"[+-]?\d{1,3},\d{3}"
_EXPECTED = N_("a CSV file with a heading, or a Parquet file.")


@dataclass(frozen=True)
class RawTable:
    """The columns of a file, as they are.

    Parameters
    ----------
    name : str
        Of the file, without its folder.
    sha256 : str
        Of its content.
    columns : pyarrow Table
        Of a CSV file, all text.
    notes : tuple of Finding
        How it was read.
    set_aside : tuple of str
        Columns that were not read: their cells hold lists, records or bytes.
    unnamed : tuple of str
        Columns that have no name in the file, by the names they were given.
    delimiter : str
        Between the cells of a CSV file.
    """

    name: str
    sha256: str
    columns: Any
    notes: tuple[Finding, ...] = ()
    set_aside: tuple[str, ...] = ()
    unnamed: tuple[str, ...] = ()
    delimiter: str = ","
    _made: dict[str, "RawColumn"] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the columns, in the file's order."""
        return tuple(self.columns.column_names)

    @cached_property
    def filled(self) -> tuple[str, ...]:
        """Names of the columns that hold anything at all."""
        return tuple(name for name in self.names if not _is_empty(self.columns[name]))

    @property
    def rows(self) -> int:
        """Rows below the heading."""
        return int(self.columns.num_rows)

    def column(self, name: str) -> "RawColumn":
        """One column, which keeps the results of reading it."""
        if name not in self._made:
            values = self.columns.column(name).combine_chunks()
            self._made[name] = RawColumn(name, values, self.delimiter)
        return self._made[name]


@dataclass(frozen=True)
class RawColumn:
    """One column of a file; ``delimiter`` separates the cells of its CSV."""

    name: str
    values: Any
    delimiter: str = ","

    @cached_property
    def text(self) -> Any:
        """The column as a string array of pyarrow, without blanks; missing is empty."""
        return _as_text(self.values)

    @cached_property
    def numbers(self) -> NDArray[np.float64]:
        """As numbers; NaN where there is none."""
        values = self.values
        if pa.types.is_dictionary(values.type):
            values = values.dictionary_decode()
        if _is_number(values.type):
            values = pc.cast(values, pa.float64(), safe=False)
        else:
            text = self.text
            if self.has_decimal_commas:
                text = pc.replace_substring(text, ",", ".")
            values = _parse_numbers(text)
        numbers: NDArray[np.float64] = values.to_numpy(zero_copy_only=False)
        return numbers.astype(np.float64, copy=False)

    @cached_property
    def has_decimal_commas(self) -> bool:
        """Whether its numbers are written as 1,5, and can be read in no other way.

        If commas separate the cells, "1,234" may be thousands and is not read as a
        number.
        """
        if not (_is_text(self.values.type) or pa.types.is_dictionary(self.values.type)):
            return False
        if not pc.any(pc.match_substring(self.text, ",")).as_py():
            return False
        texts = pc.unique(self.text)
        is_other = pc.is_nan(_parse_numbers(pc.replace_substring(texts, ",", ".")))
        texts = pc.filter(texts, pc.invert(is_other))
        commas = pc.filter(texts, pc.match_substring_regex(texts, f"^{_COMMA}$"))
        if not len(commas) or pc.any(pc.match_substring(texts, ".")).as_py():
            return False
        thousands = pc.match_substring_regex(commas, f"^{_THOUSANDS}$")
        return self.delimiter != "," or not pc.all(thousands).as_py()

    @cached_property
    def groups(self) -> tuple[str, ...] | None:
        """Its distinct texts that are not empty; None if ``MANY_TEXTS`` are more."""
        first = self.values.slice(0, _ROWS_LOOKED_AT)
        if pc.count_distinct(first).as_py() > MANY_TEXTS + 1:
            return None
        texts = dict.fromkeys(_as_text(pc.unique(self.values)).to_pylist())
        return tuple(filter(None, texts)) if len(texts) <= MANY_TEXTS + 1 else None

    @cached_property
    def distinct(self) -> tuple[tuple[str, ...], NDArray[np.float64]]:
        """The texts that are not empty, as found, and the number of each, or NaN."""
        codes, texts = self.coded
        used, first = np.unique(codes, return_index=True)
        filled = [place for place, code in enumerate(used) if texts[code]]
        found = tuple(texts[used[place]] for place in filled)
        if not filled or _is_number(self.values.type):
            return found, self.numbers[first[filled]]
        return found, RawColumn(self.name, pa.array(found), self.delimiter).numbers

    @cached_property
    def coded(self) -> tuple[NDArray[np.intp], tuple[str, ...]]:
        """Place of each row's text among the distinct texts, and these, as found."""
        values = self.values
        if not pa.types.is_dictionary(values.type):
            values = pc.dictionary_encode(values, null_encoding="encode")
        codes = pc.fill_null(values.indices, len(values.dictionary))
        texts = [*_as_text(values.dictionary).to_pylist(), ""]
        distinct = {text: place for place, text in enumerate(dict.fromkeys(texts))}
        places = np.array([distinct[text] for text in texts], np.intp)
        return places[codes.to_numpy(zero_copy_only=False)], tuple(distinct)

    def shown(self, row: int) -> str:
        """Value of a row (from 0) for a reader, cut where it is long."""
        found = str(self.text[row].as_py())
        text = "".join(
            c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in found
        )
        return text if len(text) <= MAX_TEXT else f"{text[: MAX_TEXT - 1]}…"


def places_of(
    rows: NDArray[np.intp], ids: RawColumn | None, *columns: RawColumn
) -> tuple[Place, ...]:
    """The first of these rows (from 0), with their image and their values."""
    return tuple(
        Place(
            int(row) + 1,
            "" if ids is None else ids.shown(int(row)),
            ", ".join(column.name for column in columns),
            ", ".join(column.shown(int(row)) for column in columns),
        )
        for row in rows[:ROWS_NAMED]
    )


def read_file(source: Path | bytes, *, name: str = "") -> RawTable:
    """Read a CSV or a Parquet file, with any suffix.

    Parameters
    ----------
    source : Path or bytes
        The file, or its content.
    name : str
        What the file is called, where only its content is given.

    Raises
    ------
    PredictionsError
        If it cannot be read, has no rows, or has columns without a name of their own.
    """
    if isinstance(source, Path):
        name = name or source.name
        try:
            content = source.read_bytes()
        except FileNotFoundError as error:
            raise _unreadable(
                str(source),
                gettext("there is no such file"),
                N_(
                    "correct the path; --template FILE in its place writes a form to"
                    " fill in."
                ),
            ) from error
        except OSError as error:
            raise _unreadable(name, error.strerror or str(error)) from error
    else:
        content = source
    sha256 = hashlib.sha256(content).hexdigest()
    notes: list[Finding] = []
    aside: tuple[str, ...] = ()
    delimiter = ","
    try:
        if content.startswith(_GZIP):
            content = _unpack(content, name)
        if content.startswith(_PARQUET):
            columns, aside = _read_parquet(content, name, notes)
        elif content.startswith(_ZIP):
            raise _unreadable(name, gettext("it is an archive or a spreadsheet"))
        else:
            columns, delimiter = _read_csv(content, name, notes)
    except _DAMAGE as error:
        raise _unreadable(name, _damage(content)) from error
    columns, unnamed = _name_columns(columns, notes)
    _check_names(name, columns)
    return RawTable(name, sha256, columns, tuple(notes), aside, unnamed, delimiter)


def _damage(content: bytes) -> str:
    """The problem of a file that its reader could not read."""
    if content.startswith(_GZIP):
        return gettext("it is packed with gzip, and damaged or cut off")
    if content.startswith(_PARQUET):
        return gettext("it begins as a Parquet file, and is damaged or cut off")
    return gettext("its rows and cells cannot be told apart")


def _unpack(content: bytes, name: str) -> bytes:
    parts, size = [], 0
    with gzip.open(io.BytesIO(content)) as file:
        while part := file.read(_CHUNK):
            parts.append(part)
            size += len(part)
            if size > MAX_UNPACKED:
                raise _too_large(name)
    return b"".join(parts)


def _too_large(name: str) -> PredictionsError:
    return _unreadable(
        name,
        gettext(
            "unpacked it is larger than {size} GiB",
            size=in_form(f"{MAX_UNPACKED / 2**30:g}"),
        ),
        gettext("leave out columns that hold no predictions, truth or groups."),
    )


def _read_parquet(
    content: bytes, name: str, notes: list[Finding]
) -> tuple[Any, tuple[str, ...]]:
    """The columns that hold a value in each cell, and the names of the others."""
    file = pq.ParquetFile(pa.BufferReader(content))
    meta = file.metadata
    packed = (meta.row_group(place) for place in range(meta.num_row_groups))
    # A file stores repeated values once, but every cell needs its place in memory.
    least = 8 * meta.num_rows * meta.num_columns
    if max(least, sum(group.total_byte_size for group in packed)) > MAX_UNPACKED:
        raise _too_large(name)
    schema = file.schema_arrow
    aside = tuple(one.name for one in schema if not _is_a_value(one.type))
    kept = [one.name for one in schema if one.name not in aside]
    columns = file.read(columns=kept).select(kept) if aside else file.read()
    if aside:
        named = ", ".join(map(quoted, aside))
        said = gettext(
            "Set aside, as their cells hold lists, records or bytes: {named}.",
            named=named,
        )
        notes.append(Finding(NOTE, said))
    # Types that the reader cannot write as text are converted to similar ones.
    simpler = [
        one.with_type(_SIMPLER[one.type]) if one.type in _SIMPLER else one
        for one in columns.schema
    ]
    return columns.cast(pa.schema(simpler)), aside


def _is_a_value(kind: Any) -> bool:
    return (
        _is_number(kind)
        or _is_text(kind)
        or kind in _SIMPLER
        or pa.types.is_temporal(kind)
        or (pa.types.is_dictionary(kind) and _is_a_value(kind.value_type))
    )


def _is_number(kind: Any) -> bool:
    return bool(
        pa.types.is_integer(kind)
        or pa.types.is_floating(kind)
        or pa.types.is_decimal(kind)
        or pa.types.is_boolean(kind)
        or pa.types.is_null(kind)
    )


def _is_text(kind: Any) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))


def _read_csv(content: bytes, name: str, notes: list[Finding]) -> tuple[Any, str]:
    """The columns of a CSV file, all text, and the delimiter of its cells."""
    if not content.strip():
        raise _unreadable(name, gettext("it is empty"))
    text = decode_csv(content, name)
    notes += text.findings
    if faults_in(text.findings):
        raise PredictionsError(name, text.findings)
    heads = next(csv.reader([text.heading], delimiter=text.delimiter), [])
    ragged: list[Any] = []

    def take(row: Any) -> str:
        ragged.append(row)
        return "skip"

    columns = pa_csv.read_csv(
        pa.BufferReader(text.content),
        # On one thread the reader knows the rows by number.
        read_options=pa_csv.ReadOptions(use_threads=False, block_size=_BLOCK),
        parse_options=pa_csv.ParseOptions(
            delimiter=text.delimiter,
            invalid_row_handler=take,
            # Notes that are not looked at may have several lines.
            newlines_in_values=b'"' in text.content,
        ),
        convert_options=pa_csv.ConvertOptions(
            column_types=dict.fromkeys(heads, pa.string()), strings_can_be_null=False
        ),
    )
    if ragged:
        raise PredictionsError(name, [*text.findings, _ragged(ragged)])
    heads = [given_cell(head) for head in columns.column_names]
    return columns.rename_columns(heads), text.delimiter


def _name_columns(columns: Any, notes: list[Finding]) -> tuple[Any, tuple[str, ...]]:
    """Name the columns without a name by their place; empty ones are left out."""
    names = list(columns.column_names)
    trimmed = [name.strip() for name in names]
    if len(set(trimmed)) == len(set(names)):
        names = trimmed
    nameless = [place for place, head in enumerate(names) if not head.strip()]
    for place in nameless:
        name = f"column {place + 1}"
        while name in names:
            name += " without a name"
        names[place] = name
    columns = columns.rename_columns(names)
    empty = [place for place in nameless if _is_empty(columns.column(place))]
    kept = [place for place in range(len(names)) if place not in empty]
    given = tuple(names[place] for place in nameless if place not in empty)
    if given:
        named = ", ".join(map(quoted, given))
        said = gettext(
            "Columns without a name are called by their place: {named}.",
            named=named,
        )
        notes.append(Finding(NOTE, said))
    return columns.select(kept), given


def _ragged(rows: list[Any]) -> Finding:
    places = tuple(
        # The reader counts the heading.
        Place(None if row.number is None else row.number - 1, value="", column="")
        for row in rows[:ROWS_NAMED]
    )
    return Finding(
        FAULT,
        ngettext(
            "{count} row has another number of cells than the heading ({cells} in the "
            "first).",
            "{count} rows have another number of cells than the heading ({cells} in "
            "the first).",
            len(rows),
            cells=str(rows[0].actual_columns),
        ),
        expected=gettext(
            "{cells} cells in every row.",
            cells=str(rows[0].expected_columns),
        ),
        remedy=gettext(
            "correct these rows; put text that holds the separator in quotes."
        ),
        count=len(rows),
        places=places,
    )


def _check_names(name: str, columns: Any) -> None:
    twice = [head for head, n in Counter(columns.column_names).items() if n > 1]
    findings = [
        *check_safe(N_("the name of a file"), name),
        *check_safe(N_("the name of a column"), *columns.column_names),
    ]
    if twice:
        findings.append(
            Finding(
                FAULT,
                gettext(
                    "{name} has more than one column called {twice}.",
                    name=name,
                    twice=", ".join(twice),
                ),
                expected=gettext("names that differ."),
                remedy=gettext("rename or delete one of them."),
            )
        )
    if columns.num_rows == 0:
        findings.append(
            Finding(
                FAULT,
                gettext("{name} has no rows.", name=name),
                expected=gettext("a heading, and below it a row for each image."),
                remedy=gettext("fill in the predictions."),
            )
        )
    if findings:
        raise PredictionsError(name, findings)


def _unreadable(
    name: str,
    why: str,
    remedy: str = N_("save it as CSV in UTF-8, or as Parquet, then try again."),
) -> PredictionsError:
    return PredictionsError(
        name,
        [
            Finding(
                FAULT,
                gettext(
                    "{name} cannot be read: {why}.", name=name, why=why.rstrip(".")
                ),
                expected=gettext(_EXPECTED),
                remedy=gettext(remedy),
            )
        ],
    )


def _is_empty(values: Any) -> bool:
    if values.null_count == len(values):
        return True
    return (
        _is_text(values.type)
        and not pc.any(pc.not_equal(pc.utf8_trim_whitespace(values), "")).as_py()
    )


def _as_text(values: Any) -> Any:
    if pa.types.is_dictionary(values.type):
        values = values.dictionary_decode()
    if pa.types.is_floating(values.type):
        # Whole numbers that a missing value made floats of.
        whole = pc.all(
            pc.and_(
                pc.equal(pc.floor(values), values),
                pc.less(pc.abs(pc.cast(values, pa.float64())), MAX_WHOLE),
            )
        ).as_py()
        values = pc.cast(values, pa.int64(), safe=False) if whole else values
    text = pc.cast(values, pa.string())
    # A cell that our own files keep from being a formula.
    text = pc.replace_substring_regex(text, GUARDED, r"\1")
    return pc.fill_null(pc.utf8_trim_whitespace(text), "")


def _parse_numbers(text: Any) -> Any:
    try:
        return pc.cast(text, pa.float64())
    except pa.ArrowInvalid:
        # Some texts are not numbers: this way is slower and skips them.
        return pa.array(pd.to_numeric(text.to_pandas(), errors="coerce"), pa.float64())
