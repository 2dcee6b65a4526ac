"""Tables as spreadsheets leave them: read where one reading is sensible."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import core.runs
from core.data.catalog import dataset_of
from core.evaluation.comparison import compare_runs
from core.importing.checking import digits_of
from core.importing.columns import loosely
from core.importing.file_findings import (
    FAULT,
    NOTE,
    WARNING,
    PredictionsError,
    faults_in,
)
from core.importing.layout import find_layout
from core.importing.naming import folder_name
from core.importing.predictions import load_test_set, prepare, remove, write
from core.importing.reading import read_file
from core.importing.table_study import prepare_study, write_study
from core.importing.task_kind import LayoutChoices
from core.runs import is_added, list_runs
from core.study import NAME_PATTERN
from core.tasks import Binary, Multiclass, Regression
from tests.imports import ROWS, STUDY, read, theirs, wide

# As a German spreadsheet exports it.
EXPORT = (
    "id;Alter;klein_pred;groß_pred\nÄ1;30,5;31,5;29,5\nB2;41;40,25;44\nC3;55,5;5E1;55\n"
)
NUMBERS = {
    "Alter": [30.5, 41, 55.5],
    "klein_pred": [31.5, 40.25, 50],
    "groß_pred": [29.5, 44, 55],
}


def made(table, **options):
    raw = table if not isinstance(table, pd.DataFrame) else read(table)
    return prepare_study(raw, name="t", **options)


def refused(table, **options):
    with pytest.raises(PredictionsError) as caught:
        made(table, **options)
    return caught.value


def said(prepared, level=NOTE):
    return " ".join(str(f) for f in prepared.findings if f.level == level)


def csv(text, name="t.csv"):
    return read_file(text.encode(), name=name)


def metric(prepared, method, key):
    runs = write_study(prepared)
    tasks = dataset_of(prepared.study, pytest.fail, needed=True).tasks
    tables = {(run.method, run.seed): run.predictions("test") for run in runs}
    found = compare_runs(tables, tasks, prepared.study.baseline, resamples=20)
    return found.row(method, key)["mean"]


# Encodings, separators, line ends.


@pytest.mark.parametrize(
    "encoding",
    ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "cp1252"],
)
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("first", ["", "sep=;\n", '"sep=;"\n', "\n\n"])
def test_a_spreadsheets_export_is_read(encoding, end, first):
    content = (first + EXPORT).replace("\n", end).encode(encoding)
    raw = read_file(content, name="x.csv")
    assert raw.names == ("id", *NUMBERS)
    assert raw.column("id").text.to_pylist() == ["Ä1", "B2", "C3"]
    for name, numbers in NUMBERS.items():
        np.testing.assert_array_equal(raw.column(name).numbers, numbers)
    warned = [f for f in raw.notes if f.level == WARNING]
    assert len(warned) == (encoding == "cp1252")


@settings(max_examples=60, deadline=None)
@given(
    values=st.lists(
        st.floats(-1e9, 1e9, allow_subnormal=False), min_size=2, max_size=6
    ),
    delimiter=st.sampled_from([",", ";", "\t", "|"]),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-32"]),
    end=st.sampled_from(["\n", "\r\n", "\r"]),
    has_commas=st.booleans(),
    is_named=st.booleans(),
)
def test_numbers_come_back_however_they_are_written(
    values, delimiter, encoding, end, has_commas, is_named
):
    has_commas = has_commas and delimiter != ","
    cells = [repr(value) for value in values]
    if has_commas:
        cells = [cell.replace(".", ",") for cell in cells]
    lines = [f"größe{delimiter}b", *(f"{cell}{delimiter}x" for cell in cells), ""]
    first = f"sep={delimiter}{end}" if is_named else ""
    raw = read_file((first + end.join(lines)).encode(encoding), name="x.csv")
    assert raw.names == ("größe", "b")
    np.testing.assert_array_equal(raw.column("größe").numbers, values)


def test_windows_letters_are_read_with_a_warning_that_shows_one():
    raw = read_file("id,ort\n1,Bern\n2,Zürich\n".encode("cp1252"), name="x.csv")
    assert raw.column("ort").text.to_pylist() == ["Bern", "Zürich"]
    (warning,) = raw.notes
    assert "read as Windows-1252, first in 'ort'" in warning.problem
    assert str(warning.places[0]) == "row 2: ort = Zürich"


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        ("Москва", "cp1251"),
        ("Łódź", "cp1250"),
        ("皮膚", "shift-jis"),
        ("皮肤", "gbk"),
        ("café", "mac_roman"),
        ("Muğla", "cp1254"),
    ],
)
def test_what_could_be_of_several_encodings_is_refused_in_plain_words(text, encoding):
    content = f"id,ort\n1,Bern\n2,{text}\n".encode(encoding)
    with pytest.raises(PredictionsError) as caught:
        read_file(content, name="x.csv")
    (fault,) = caught.value.findings
    assert "its encoding is not known, first in 'ort'" in fault.problem
    assert fault.places[0].row == 2
    assert "CSV UTF-8" in fault.remedy
    assert "codec" not in str(caught.value)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"\xd0\xcf\x11\xe0" + bytes(200), "It is not a text file"),
        (b"\n \n", "it is empty"),
        (b"\x1f\x8b\x08\x00\x00\x00", "packed with gzip, and damaged"),
        (b"PAR1 and nothing more", "begins as a Parquet file, and is damaged"),
        (b'a,b\n"x,2\n3,4\n', "another number of cells"),
        (b"\xff\xfea", "begins as UTF-16, and is damaged"),
    ],
)
def test_no_wording_of_a_library_reaches_a_person(content, words):
    with pytest.raises(PredictionsError) as caught:
        read_file(content, name="x.csv")
    assert words in str(caught.value)
    for jargon in ("codec", "Error", "Arrow", "magic", "None", "0x"):
        assert jargon not in str(caught.value)


def test_columns_without_a_name_are_called_by_their_place():
    raw = csv(",,truth,a_pred,\n0,7,yes,no,\n1,7,no,no,\n")
    assert raw.names == ("column 1", "column 2", "truth", "a_pred")
    assert raw.unnamed == ("column 1", "column 2")
    # An index is no sensitive feature, however few rows there are.
    layout, _ = find_layout(raw, LayoutChoices())
    assert layout.features == ()


def test_a_note_may_have_several_lines_and_separators():
    raw = csv('id;"a;b";note\n1;2;"x\n;y"\n2;3;z\n')
    assert raw.names == ("id", "a;b", "note")
    assert raw.rows == 2


# Numbers.


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ('a,b\n1,"1,5"\n2,"2"\n', [1.5, 2]),
        # Thousands as likely as decimals.
        ('a,b\n1,"1,500"\n2,"2,000"\n', [np.nan, np.nan]),
        ("a;b\n1;1,500\n2;2,000\n", [1.5, 2]),
        # Points and commas in one column.
        ("a;b\n1;1,5\n2;2.5\n", [np.nan, 2.5]),
        ("a;b\n1;1.500,5\n2;2,5\n", [np.nan, 2.5]),
    ],
)
def test_a_comma_is_a_decimal_point_where_nothing_else_is_sensible(text, numbers):
    np.testing.assert_array_equal(csv(text).column("b").numbers, numbers)


def test_a_number_that_cannot_be_read_is_named_with_its_row():
    text = "truth;m_pred\n1,5;1,5\n2,5;2.5\n3,5;4\n"
    (fault, *_) = faults_in(
        refused(csv(text), choices=LayoutChoices(kind="regression")).findings
    )
    assert "'m_pred'" in fault.problem
    assert (fault.places[0].row, fault.places[0].value) == (1, "1,5")
    assert "a decimal point" in fault.remedy


@pytest.mark.parametrize(
    ("truth", "answers", "mae"),
    [
        ([20_000_000, 30_000_000, 40_000_000], [20_000_001, 30_000_001, 40_000_001], 1),
        (
            [1_700_000_001, 1_700_000_002, 1_700_000_003],
            [1_700_000_003, 1_700_000_004, 1_700_000_005],
            2,
        ),
    ],
)
def test_numbers_keep_their_last_digit(store, truth, answers, mae):
    table = pd.DataFrame({"truth": truth * 5, "m_pred": answers * 5})
    prepared = made(table, choices=LayoutChoices(kind="regression"))
    assert metric(prepared, "m", "label.mae") == mae
    kept = list_runs("t").runs[0].predictions()
    assert kept["label_true"].dtype == kept["label_pred"].dtype == np.float64


@pytest.mark.parametrize("column", ["truth", "m_pred"])
@pytest.mark.parametrize("value", [1e300, -1e300, 2e15])
@pytest.mark.filterwarnings("error")
def test_numbers_beyond_computing_are_refused(store, column, value):
    table = pd.DataFrame({"truth": [1.5, 2, 3], "m_pred": [1.0, 2, 3]})
    table.loc[1, column] = value
    fault = faults_in(refused(table).findings)[0]
    assert f"1 row of '{column}' too large to compute errors with" in fault.problem
    assert fault.places[0].row == 2
    assert "a larger unit" in fault.remedy


# Classes.


@pytest.mark.parametrize(
    ("one", "other", "is_same"),
    [
        ("1", "1.0", True),
        ("-1", "-1.0", True),
        ("254637008", "254637007", False),
        ("254637008.0", "254637008", True),
        ("10", "1E1", False),
        ("1", "1.00001", False),
        ("1", "01", False),
        ("1", "+1", False),
        ("1.5", "1.50", False),
        ("9007199254740993", "9007199254740992.0", False),
        ("Cat", "cat", True),
    ],
)
def test_only_a_point_and_zero_stand_for_a_whole_number(one, other, is_same):
    assert (loosely(one) == loosely(other)) == is_same


@given(st.integers(), st.integers())
def test_two_whole_numbers_are_never_one_class(one, other):
    assert (loosely(str(one)) == loosely(f"{other}.0")) == (one == other)


def test_another_long_code_is_not_the_class(store):
    codes = [254637007, 254637008]
    table = pd.DataFrame({"truth": codes * 10, "m_pred": codes * 10})
    table.loc[0, "m_pred"] = 254637009
    fault = faults_in(refused(table).findings)[0]
    assert "'254637009' in 'm_pred' is not a class" in fault.problem


def test_true_and_false_in_four_spellings_are_two_classes(store):
    words = ["True", "False", "true", "FALSE", "True", "False"]
    table = pd.DataFrame({"truth": words * 5, "m_pred": ["TRUE", "false"] * 15})
    prepared = made(table)
    assert prepared.layout.task == Binary("label", "Label", ("False", "True"))
    assert "Read in 'truth': 'true' as True, 'FALSE' as False" in said(prepared)
    assert metric(prepared, "m", "label.accuracy") == 1


def test_one_and_one_point_zero_are_one_class(store):
    table = pd.DataFrame({"truth": ["1.0", "0", "1", "0.0"] * 5, "m_pred": [1, 0] * 10})
    prepared = made(table)
    assert prepared.layout.task.classes == ("0", "1")
    assert metric(prepared, "m", "label.accuracy") == 1


def test_classes_that_differ_in_capitals_are_one_or_two_as_a_person_says(store):
    table = pd.DataFrame({"truth": ["a", "A", "b"] * 8, "m_pred": ["a", "A", "b"] * 8})
    (fault,) = faults_in(refused(table).findings)
    assert "'a' and 'A' in 'truth' differ in capitals alone" in fault.problem
    assert fault.places[0].row == 2
    prepared = made(table, choices=LayoutChoices(classes=("a", "A")))
    assert prepared.layout.task.classes == ("A", "a", "b")
    assert metric(prepared, "m", "label.accuracy") == 1


@pytest.mark.parametrize("word", ["NaN", "null", "#N/A"])
def test_words_for_nothing_are_no_class_unless_a_person_says_so(store, word):
    table = wide().drop(columns="large_p_yes")
    table.loc[[3, 5], "truth"] = word
    (fault,) = faults_in(refused(table).findings)
    assert f"is '{word}' in some rows, which says nothing" in fault.problem
    assert [place.row for place in fault.places] == [4, 6]
    assert (
        made(table, choices=LayoutChoices(classes=(word,))).layout.task.kind
        == "multiclass"
    )
    # Of numbers a word is nothing more often; of words "None" can be a class.
    table = pd.DataFrame({"truth": ["30", "41.5", "NA"], "m_pred": [30.5, 41, 50]})
    assert "is 'NA' in some rows" in str(refused(table))
    table = table.assign(truth=["cat", "dog", "None"], m_pred=["cat", "dog", "None"])
    assert made(table).layout.task.classes == ("cat", "dog", "None")


@pytest.mark.parametrize("numbers", [("1,234", "2,345", "3,456"), ("1,5", "2.5", "3")])
def test_numbers_with_two_readings_are_not_taken_for_classes(numbers):
    table = pd.DataFrame({"truth": numbers, "m_pred": numbers})
    fault = faults_in(refused(table).findings)[0]
    assert "may be decimal points, or separate thousands" in fault.problem
    assert (fault.places[0].row, fault.places[0].value) == (1, numbers[0])
    assert (
        made(table, choices=LayoutChoices(kind="multiclass")).layout.task.kind
        == "multiclass"
    )


def test_an_empty_truth_is_named_with_its_rows():
    table = wide()
    table.loc[[3, 5], "truth"] = ""
    fault = faults_in(refused(table).findings)[0]
    assert fault.problem == "The truth 'truth' is empty in 2 rows."
    assert [place.row for place in fault.places] == [4, 6]
    (fault,) = faults_in(refused(wide().assign(truth="")).findings)
    assert fault.problem == "The truth 'truth' is empty."
    assert fault.remedy


# The kind of task.


def hundred(rows=300):
    rng = np.random.default_rng(0)
    shares = np.round(rng.dirichlet(np.ones(100), rows), 5)
    table = pd.DataFrame(shares, columns=[f"m_p_{place}" for place in range(100)])
    return table.assign(truth=np.arange(rows) % 100)


def test_columns_of_probabilities_mean_classes(store):
    prepared = made(hundred())
    task = prepared.layout.task
    assert task == Multiclass("label", "Label", tuple(map(str, range(100))))
    assert "read as classes, which 'm_p_0'" in said(prepared)


def test_a_class_without_a_row_is_one_where_its_probability_is_there(store):
    rng = np.random.default_rng(1)
    shares = rng.dirichlet(np.ones(3), 40)
    table = pd.DataFrame(shares, columns=["m_p_cat", "m_p_dog", "m_p_Seal"])
    prepared = made(table.assign(truth=["cat", "dog"] * 20))
    assert prepared.layout.task.classes == ("cat", "dog", "Seal")
    assert "No row of 'truth' is 'Seal'" in said(prepared)
    # Without it the others do not sum to 1, and a p-value is no class.
    shares = rng.dirichlet(np.ones(2), 40)
    table = pd.DataFrame(shares, columns=["m_p_cat", "m_p_dog"])
    table = table.assign(truth=["cat", "dog"] * 20, m_p_value=0.04)
    assert "'m_p_value' is of no class" in str(refused(table))


@pytest.mark.parametrize("option", [{"unit": "years"}, {"bin_width": 5.0}])
def test_a_unit_or_a_width_of_bins_means_a_regression(store, option):
    table = pd.DataFrame({"age_true": [20, 30, 40] * 9, "m_pred": [21, 29, 41] * 9})
    prepared = made(table, choices=LayoutChoices(**option))
    assert isinstance(prepared.layout.task, Regression)
    assert "is read as a number, since a" in said(prepared)
    assert metric(prepared, "m", "age.mae") == 1


def test_fractions_of_a_model_mean_a_regression(store):
    table = pd.DataFrame({"truth": [1, 2, 3] * 9, "m_pred": [1.25, 2.5, 2.75] * 9})
    prepared = made(table)
    assert prepared.layout.task.kind == "regression"
    assert "since 'm_pred' has fractions" in said(prepared)
    # Scores of two classes have them too.
    table = pd.DataFrame({"truth": [0, 1] * 9, "m_pred": [0.25, 0.75] * 9})
    assert made(table).layout.task.kind == "binary"


def test_quantiles_of_a_number_are_not_guessed_to_be_probabilities():
    truth = np.arange(60)
    table = pd.DataFrame({f"m_p_{q}": truth + q / 10 for q in range(60)})
    table = table.assign(truth=truth, m_pred=truth + 0.5)
    (fault,) = faults_in(refused(table).findings)
    assert "its numbers are not from 0 to 1" in fault.problem
    prepared = made(table, choices=LayoutChoices(kind="regression"))
    assert prepared.layout.task.kind == "regression"


@pytest.mark.parametrize(
    ("table", "asked", "option"),
    [
        (wide(), {"unit": "years", "kind": "binary"}, "--unit"),
        (wide(), {"unit": "years"}, "--unit"),
        (wide(), {"bin_width": 2.0, "kind": "multiclass"}, "--bin-width"),
        (wide(), {"positive": "yes", "kind": "multiclass"}, "--positive"),
        (
            pd.DataFrame({"truth": ["a", "b", "c"] * 3, "m_pred": ["a", "b", "c"] * 3}),
            {"positive": "a"},
            "--positive",
        ),
        (
            pd.DataFrame({"truth": np.arange(99) / 7, "m_pred": np.arange(99) / 7}),
            {"classes": ("1",), "kind": "regression"},
            "--class",
        ),
        (
            wide().assign(method="x", pred="yes"),
            {"models": ("small",), "method": "method"},
            "--model",
        ),
    ],
)
def test_what_would_be_ignored_is_refused(table, asked, option):
    faults = [
        str(f)
        for f in faults_in(refused(table, choices=LayoutChoices(**asked)).findings)
    ]
    assert any(f"{option} would change nothing" in fault for fault in faults)


@pytest.mark.parametrize("width", [0.0, -1.0, float("nan"), float("inf")])
def test_bins_have_a_width(width):
    table = pd.DataFrame({"truth": [1.5, 2, 3], "m_pred": [1.0, 2, 3]})
    assert "wide" in str(refused(table, choices=LayoutChoices(bin_width=width)))


def test_every_guess_is_a_note(store):
    table = wide().rename(columns={"truth": "label", "image_id": "file"})
    notes = said(made(table))
    for words in (
        "Column 'label' is read as the truth",
        "Column 'file' is read as the image's id",
        "'yes' is taken for the positive class",
        "Taken for sensitive features, as they have few groups: 'gender', 'site'",
        "'small' is the baseline",
    ):
        assert words in notes
    bare = wide().rename(columns={"small_pred": "small", "large_p_yes": "large"})
    notes = said(made(bare.drop(columns="image_id")))
    assert "Taken for models, as they hold answers: 'small', 'large'" in notes
    assert "each row is an image" in notes
    numbers = pd.DataFrame({"truth": [3, 1, 2] * 5, "m_pred": [1, 1, 2] * 5})
    assert "holds 3 different whole numbers: they are read as classes" in said(
        made(numbers)
    )
    numbers = pd.DataFrame({"truth": np.arange(60) / 2, "m_pred": 1.0})
    notes = said(made(numbers))
    assert "holds 60 different numbers: it is read as a number" in notes
    assert "The unit of 'truth' is called 'units'." in notes
    assert "The bins of 'truth' are 5 wide." in notes


def test_numbers_of_which_few_come_twice_are_a_regression(store):
    table = pd.DataFrame({"truth": np.arange(40), "m_pred": np.arange(40) + 1})
    assert made(table).layout.task.kind == "regression"
    codes = pd.DataFrame({"truth": [1, 2, 3] * 9, "m_pred": [1, 2, 4] * 9})
    assert "say --kind regression" in str(refused(codes))


def test_percent_signs_are_explained():
    table = wide().assign(large_p_yes="57%")
    assert "divide percentages by 100" in str(refused(table))


# Sums of probabilities.


def three(rows):
    names = ["m_p_a", "m_p_b", "m_p_c"]
    shares = pd.DataFrame(rows, columns=names)
    return shares.assign(truth=(["a", "b", "c"] * len(rows))[: len(rows)])


def test_rounded_probabilities_are_taken_and_divided_by_their_sum(store):
    rows = [[0.33, 0.33, 0.35], [0.2, 0.7, 0.1], [0.5, 0.25, 0.25]]
    prepared = made(three(rows))
    kept = prepared.tables["m", 0].set_index("image_id").sort_index()
    names = ["label_p_a", "label_p_b", "label_p_c"]
    wanted = np.array(rows) / np.sum(rows, axis=1, keepdims=True)
    np.testing.assert_allclose(kept[names], wanted, rtol=1e-6)
    assert "Rounding has moved the sum" in said(prepared)
    assert "1.01" in said(prepared)


@pytest.mark.parametrize(
    "rows",
    [
        # With four digits one hundredth is not rounding.
        [[0.33, 0.33, 0.35], [0.2345, 0.7001, 0.0654], [0.5, 0.25, 0.25]],
        [[0.33, 0.33, 0.37], [0.2, 0.7, 0.1], [0.5, 0.25, 0.25]],
        [[0, 1, 1], [1, 0, 0], [0, 0, 1]],
    ],
)
def test_other_sums_are_refused_with_their_tolerance(rows):
    fault = faults_in(refused(three(rows)).findings)[0]
    assert "do not sum to 1 in 1 row" in fault.problem
    assert "the rounding of 3 classes" in fault.expected
    assert fault.places[0].row == 1


@settings(max_examples=40, deadline=None)
@given(
    classes=st.integers(3, 12),
    digits=st.integers(2, 6),
    significant=st.booleans(),
    seed=st.integers(0, 2**32 - 1),
)
def test_rounding_to_any_digits_is_taken(classes, digits, significant, seed):
    rng = np.random.default_rng(seed)
    shares = rng.dirichlet(np.ones(classes), 30)
    if significant:
        shares = np.vectorize(lambda v: float(f"{v:.{digits}g}"))(shares)
    else:
        shares = np.round(shares, digits)
    labels = [f"c{place:02d}" for place in range(classes)]
    table = pd.DataFrame(shares, columns=[f"m_p_{label}" for label in labels])
    table = table.assign(truth=(labels * 30)[:30], method="m").rename(
        columns=lambda name: name.removeprefix("m_")
    )
    table = table.assign(image_id=[f"{place:02d}" for place in range(30)])
    kept = made(table).tables["m", 0].filter(like="label_p_").to_numpy(float)
    np.testing.assert_allclose(kept.sum(axis=1), 1, atol=1e-5)
    assert np.abs(kept - shares).max() < classes * 10.0**-digits + 1e-6


@pytest.mark.parametrize(
    ("values", "digits"),
    [
        ([0.33, 0.5, 0.17], 2),
        ([1.0, 0.0], 1),
        ([0.123456789, 0.5], 6),
        ([0.00123, 0.998], 3),
        ([np.float32(0.33), np.float32(0.335)], 3),
    ],
)
def test_the_digits_given_are_seen(values, digits):
    assert digits_of(np.array(values, np.float64)) == digits


def test_noise_below_zero_is_clipped_and_said(store):
    rows = [[-1e-9, 0.4, 0.6], [0.2, 0.7, 0.1], [1 + 1e-9, 0, 0]]
    prepared = made(three(rows))
    kept = prepared.tables["m", 0].filter(like="label_p_")
    assert kept.to_numpy().min() == 0
    assert kept.to_numpy().max() == 1
    assert "in 2 rows are rounding noise" in said(prepared)
    fault = faults_in(refused(three([[-1e-3, 0.401, 0.6], *rows[1:]])).findings)[0]
    assert "softmax" in fault.remedy


def test_a_sum_over_many_classes_may_be_further_off(store):
    prepared = made(hundred().round(3))
    assert "Rounding has moved the sum" in said(prepared)


# Columns of models and features.


@pytest.mark.parametrize(
    "columns",
    [
        {"small_pred": "cnn_pred", "large_p_yes": "CNN_pred"},
        {"small_pred": "cnn_pred", "large_p_yes": "CNN_p_yes"},
        {"small_pred": "my net_pred", "large_p_yes": "my_net_p_yes"},
    ],
)
def test_models_that_differ_in_capitals_alone_are_refused_by_name(columns):
    (fault,) = faults_in(refused(wide().rename(columns=columns)).findings)
    for name in columns.values():
        assert f"'{name}'" in fault.problem
    assert "one of them" in fault.remedy


def test_two_columns_of_one_method_that_differ_in_capitals_are_refused(study):
    table = theirs().assign(AGE_pred=1.0)
    with pytest.raises(PredictionsError) as caught:
        prepare(read(table), load_test_set(STUDY), name="Mine")
    assert "'age_pred', 'AGE_pred' could each be" in str(caught.value)
    table = theirs().assign(gender_p_Male=0.5)
    with pytest.raises(PredictionsError) as caught:
        prepare(read(table), load_test_set(STUDY), name="Mine")
    assert "'gender_p_male', 'gender_p_Male' could each be" in str(caught.value)


@pytest.mark.parametrize("coded", [False, True])
def test_answers_beside_models_are_a_model_or_a_feature_as_a_person_says(store, coded):
    table = wide()
    table["large"] = np.where(table.pop("large_p_yes") > 0.5, "yes", "no")
    if coded:
        codes = {"yes": "1", "no": "0"}
        table = table.replace(dict.fromkeys(("truth", "small_pred", "large"), codes))
    (fault,) = faults_in(refused(table).findings)
    assert "'large' holds classes of label, as 'small_pred' does" in fault.problem
    models = made(table, choices=LayoutChoices(models=("small", "large"))).layout
    assert list(models.models) == ["small", "large"]
    features = made(table, choices=LayoutChoices(features=("large",))).layout
    assert (features.features, list(features.models)) == (("large",), ["small"])
    neither = made(table, choices=LayoutChoices(ignored=("large",))).layout
    assert "large" not in (*neither.features, *neither.models)


def test_a_coded_group_beside_coded_answers_is_a_feature(store):
    rng = np.random.default_rng(2)
    table = pd.DataFrame({"truth": rng.integers(0, 2, 200)})
    table = table.assign(m_pred=table["truth"], smoker=rng.integers(0, 2, 200))
    assert made(table).layout.features == ("smoker",)


def test_of_many_columns_only_known_features_are_proposed(store):
    rng = np.random.default_rng(3)
    many = {f"x{place}": rng.integers(0, 4, 60) for place in range(396)}
    table = pd.concat([wide(), pd.DataFrame(many)], axis=1)
    told = []
    prepared = made(table, progress=lambda *step: told.append(step))
    assert prepared.layout.features == ("gender", "site")
    assert "398 columns could be sensitive features" in said(prepared, WARNING)
    assert told[-1] == ("Columns looked at", 398, 398)
    lines = prepared.layout.lines(tuple(table))
    assert len(lines) < 12
    assert max(len(text) for _, text in lines) < 400
    asked = LayoutChoices(features=("x7", "gender"))
    assert made(table, choices=asked).layout.features == ("x7", "gender")


# Ids.


@pytest.mark.parametrize(
    ("write_id", "read_id"),
    [
        (lambda place: f"test/{place}.png", lambda place: f"test\\{place}.png"),
        (lambda place: f"{place:04d}", str),
        (str, lambda place: f"{place}.0"),
    ],
)
def test_ids_that_a_program_wrote_otherwise_are_found(store, write_id, read_id):
    table = wide()
    table["image_id"] = [write_id(place) for place in range(60)]
    write_study(made(table))
    test_set = load_test_set("t")
    mine = table[["image_id"]].assign(
        pred=table["truth"], image_id=[read_id(place) for place in range(60)]
    )
    prepared = prepare(read(mine), test_set, name="Mine")
    kept = prepared.tables["mine", 0]
    assert (kept["label_pred"].astype(str) == kept["label_true"].astype(str)).all()
    assert "Read in 'image_id': '" in said(prepared)


def test_an_id_that_could_be_of_two_images_is_not_guessed(store):
    table = wide(12)
    table["image_id"] = ["a/1", "a\\1x", *map(str, range(10))]
    write_study(made(table))
    mine = pd.DataFrame({"image_id": [*table["image_id"][:-1], "nine"], "pred": "yes"})
    with pytest.raises(PredictionsError, match="1 image id is not among"):
        prepare(read(mine), load_test_set("t"), name="Mine")


@pytest.mark.parametrize(
    ("ids", "words"),
    [(("001", "1"), "in leading zeros alone"), (("a\\b", "a/b"), "in / and \\ alone")],
)
def test_ids_of_a_table_in_two_spellings_are_refused(ids, words):
    table = wide(12)
    table.loc[[4, 7], "image_id"] = list(ids)
    fault = faults_in(refused(table).findings)[0]
    assert words in fault.problem
    assert f"'{ids[0]}' and '{ids[1]}'" in fault.problem
    assert fault.places[0].row == 8


# Names.


@pytest.mark.parametrize(
    ("label", "name"),
    [
        ("Mon réseau", "mon-reseau"),
        ("Größe XL", "grosse-xl"),
        ("Łódź", "lodz"),
        ("$x^2$ | *bold*", "x-2-bold"),
        ("皮肤", "method-fc0d7c"),
        ("ResNet 皮肤", "resnet-595deb"),
    ],
)
def test_a_method_of_any_script_is_imported_under_its_name(study, label, name):
    prepared = prepare(read(theirs()), load_test_set(STUDY), name=label)
    assert f"the method is called '{name}'" in said(prepared)
    (run,) = write(prepared)
    assert (run.method, run.imported["label"]) == (name, label)
    assert run.folder.name == "seed-0"
    assert remove(STUDY, label) == (run,)


@given(st.text(min_size=1, max_size=90))
def test_every_label_with_a_letter_makes_a_name(label):
    if any(c.isalnum() for c in label):
        name = folder_name(label)
        assert NAME_PATTERN.fullmatch(name)
        assert ".." not in name
        assert folder_name(f" {label} ") == name


def test_labels_that_make_one_name_are_told_apart(study):
    for label in ("C", "C++", "C#"):
        write(prepare(read(theirs()), load_test_set(STUDY), name=label))
    runs = [run for run in list_runs(STUDY).runs if run.is_imported]
    names = {run.imported["label"]: run.method for run in runs}
    assert names["C"] == "c"
    assert len(set(names.values())) == 3
    with pytest.raises(PredictionsError, match="imported before"):
        prepare(read(theirs()), load_test_set(STUDY), name="c++")
    (run,) = remove(STUDY, "C++")
    assert run.method == names["C++"]


def test_methods_of_a_table_are_told_apart_and_twins_refused(store):
    table = wide().rename(
        columns={"small_pred": "模型_pred", "large_p_yes": "model!_p_yes"}
    )
    table["model?_pred"] = table["模型_pred"]
    prepared = made(table)
    labels = {m.label for m in prepared.study.methods.values()}
    assert labels == {"模型", "model!", "model?"}
    assert len(prepared.study.methods) == 3
    assert "'model!' is 'model'" in said(prepared)
    rows = wide()[["image_id", "truth"]].assign(pred="yes")
    long = pd.concat([rows.assign(method="Net"), rows.assign(method="NET")])
    assert "'Net' and 'NET' differ in capitals alone" in str(refused(long))


@pytest.mark.parametrize(
    ("column", "task", "label"),
    [
        ("诊断", "label", "诊断"),
        ("âge_true", "age", "Âge"),
        ("Skin Type", "skin_type", "Skin Type"),
        ("hair_colour", "hair_colour", "Hair colour"),
    ],
)
def test_a_column_of_any_script_is_the_truth_under_its_name(store, column, task, label):
    table = wide().rename(columns={"truth": column})
    found = made(table, choices=LayoutChoices(truth=column)).layout.task
    assert (found.name, found.label) == (task, label)


# What an import says of itself.


def test_what_was_added_to_a_study_is_told_from_its_own_methods(study):
    write(prepare(read(theirs()), load_test_set(STUDY), name="Mine"))
    write_study(made(wide()))
    rows = wide()[["image_id"]].assign(pred="yes")
    write(prepare(read(rows), load_test_set("t"), name="Other"))
    runs = {(run.study, run.method): run for run in list_runs().runs}
    assert {key for key, run in runs.items() if is_added(run)} == {
        (STUDY, "mine"),
        ("t", "other"),
    }
    assert not runs[STUDY, "baseline"].is_imported
    assert runs["t", "small"].is_imported
    # Records of earlier versions do not say: the study's file does.
    for run in runs.values():
        (run.imported or {}).pop(core.runs.IS_OWN, None)
    assert {key for key, run in runs.items() if is_added(run)} == {
        (STUDY, "mine"),
        ("t", "other"),
    }


def test_no_rows_are_lost_between_the_table_and_the_study(study):
    prepared = prepare(read(theirs()), load_test_set(STUDY), name="Mine")
    assert len(prepared.tables["mine", 0]) == ROWS
    assert not [f for f in prepared.findings if f.level == FAULT]
