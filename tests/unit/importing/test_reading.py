"""Files as they come: delimiters, encodings, types, and what cannot be read."""

import gzip
from datetime import UTC, datetime
from decimal import Decimal
from io import BytesIO

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from core.importing.file_findings import PredictionsError
from core.importing.reading import read_file

CSV = "image_id,age_pred\na,1.5\nb,2\n"


def faults(content, name="mine.csv"):
    with pytest.raises(PredictionsError) as caught:
        read_file(content, name=name)
    return str(caught.value)


@pytest.mark.parametrize(
    "content",
    [
        CSV.encode(),
        CSV.encode("utf-8-sig"),
        CSV.replace(",", ";").encode(),
        CSV.replace(",", "\t").encode(),
        CSV.replace("\n", "\r\n").encode(),
        gzip.compress(CSV.encode(), mtime=0),
    ],
)
def test_a_csv_is_read_however_it_was_saved(content):
    raw = read_file(content, name="mine.csv")
    assert raw.names == ("image_id", "age_pred")
    assert raw.column("image_id").text.to_pylist() == ["a", "b"]
    assert raw.column("age_pred").numbers.tolist() == [1.5, 2.0]


def test_another_separator_is_said():
    raw = read_file(CSV.replace(",", ";").encode(), name="mine.csv")
    assert "semicolons" in raw.notes[0].problem
    assert not read_file(CSV.encode(), name="mine.csv").notes


def test_ids_keep_their_zeros():
    raw = read_file(b"image_id,pred\n007,1\n", name="mine.csv")
    assert raw.column("image_id").text.to_pylist() == ["007"]


def test_parquet_is_known_by_its_content_and_keeps_its_types():
    table = pd.DataFrame(
        {
            "image_id": [1, 2, 3],
            "half": np.array([0.25, np.nan, 1.0], np.float32),
            "group": pd.Categorical(["b", None, "a"], ["a", "b"]),
            "flag": [True, False, True],
        }
    )
    raw = read_file(table.to_parquet(), name="mine.data")
    assert raw.column("image_id").text.to_pylist() == ["1", "2", "3"]
    np.testing.assert_array_equal(raw.column("half").numbers, [0.25, np.nan, 1])
    codes, texts = raw.column("group").coded
    assert [texts[code] for code in codes] == ["b", "", "a"]
    codes, texts = raw.column("flag").coded
    assert [texts[code] for code in codes] == ["true", "false", "true"]


def test_whole_numbers_that_a_gap_made_floats_are_whole():
    table = pd.DataFrame({"label": [1.0, np.nan, 0.0]})
    codes, texts = read_file(table.to_parquet(), name="x").column("label").coded
    assert [texts[code] for code in codes] == ["1", "", "0"]


def test_what_is_no_number_is_nan():
    raw = read_file(b'a\n1\nx\n" 3 "\ninf\n', name="x.csv")
    np.testing.assert_array_equal(raw.column("a").numbers, [1, np.nan, 3, np.inf])


def test_the_fingerprint_is_of_the_content():
    raw = read_file(CSV.encode(), name="x.csv")
    # sha256sum of these bytes.
    expected = "ff2792d023e815293a73916649c3e0a2"
    assert raw.sha256.startswith(expected)


def test_every_type_of_parquet_is_read_or_set_aside():
    day = datetime(2020, 1, 2, tzinfo=UTC)
    table = pd.DataFrame(
        {
            "list": [[0.1, 0.9], [1.0]],
            "record": [{"a": 1}, {"a": 2}],
            "bytes": [b"\xff\xd8", None],
            "when": [day, None],
            "date": [day.date(), None],
            "exact": [Decimal("1.5"), None],
            "nothing": [None, None],
            "half": np.array([1.5, 2], np.float16),
        }
    )
    view = pa.array(["x", "2"], pa.string_view())
    arrow = pa.Table.from_pandas(table).append_column("view", view)
    content = BytesIO()
    pa.parquet.write_table(arrow, content)
    raw = read_file(content.getvalue(), name="mine.parquet")
    assert raw.set_aside == ("list", "record", "bytes")
    assert "'list', 'record', 'bytes'" in raw.notes[0].problem
    assert raw.names == ("when", "date", "exact", "nothing", "half", "view")
    numbers = {
        "when": [np.nan] * 2,
        "date": [np.nan] * 2,
        "exact": [1.5, np.nan],
        "nothing": [np.nan] * 2,
        "half": [1.5, 2],
        "view": [np.nan, 2],
    }
    for name, wanted in numbers.items():
        column = raw.column(name)
        np.testing.assert_array_equal(column.numbers, wanted)
        codes, texts = column.coded
        assert [texts[code] for code in codes] == column.text.to_pylist()
    assert raw.column("date").text.to_pylist() == ["2020-01-02", ""]
    assert raw.filled == ("when", "date", "exact", "half", "view")


def test_what_is_made_of_a_column_is_made_once():
    raw = read_file(CSV.encode(), name="x.csv")
    column = raw.column("age_pred")
    assert raw.column("age_pred") is column
    assert raw.column("age_pred").numbers is column.numbers


def test_columns_that_hold_nothing_are_known():
    raw = read_file(b"a,b,c\n1,, \n2,,x\n", name="x.csv")
    assert raw.filled == ("a", "c")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "cannot be read"),
        (b"image_id,age_pred\n", "has no rows"),
        (b"a,b\n1,2\n3\n4,5,6\n", "2 rows have another number of cells"),
        (b"a,a\n1,2\n", "more than one column called a"),
        (b"PAR1 and nothing more", "cannot be read"),
        (b"PK\x03\x04 a spreadsheet", "a spreadsheet"),
    ],
)
def test_what_cannot_be_read_is_said(content, said):
    assert said in faults(content)


def test_a_file_is_unpacked_to_a_limit(monkeypatch):
    text = b"image_id,age_pred\n" + b"a,1\n" * 2000
    table = pd.DataFrame({"image_id": ["a"] * 2000, "age_pred": 1.0})
    packed = [gzip.compress(text), table.to_parquet()]
    assert all(len(content) < 4000 for content in packed)
    for limit, is_read in ((40_000, True), (7_000, False)):
        monkeypatch.setattr("core.importing.reading.MAX_UNPACKED", limit)
        monkeypatch.setattr("core.importing.reading._CHUNK", 1000)
        for content in packed:
            if is_read:
                assert read_file(content, name="x").rows == 2000
            else:
                assert "unpacked it is larger than" in faults(content)


def test_damage_inside_a_packed_file_is_said():
    content = bytearray(gzip.compress(CSV.encode() * 100))
    content[15:30] = bytes(15)
    assert "cannot be read" in faults(bytes(content))


def test_a_ragged_row_is_named():
    assert "row 2" in faults(b"a,b\n1,2\n3\n")


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(PredictionsError, match=r"nowhere\.csv cannot be imported"):
        read_file(tmp_path / "nowhere.csv")
