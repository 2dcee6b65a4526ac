import itertools

import numpy as np
import pytest

from core.data.attribute_expression import MAX_DEPTH, parse_expression
from core.errors import StudyError

KNOWN = ("Blond_Hair", "Eyeglasses", "Young", "5_o_Clock_Shadow")


@pytest.mark.parametrize(
    "text",
    [
        "Young",
        "not Young",
        "not not Young",
        "Blond_Hair or Eyeglasses",
        "Blond_Hair and not Eyeglasses or Young",
        "Blond_Hair or Eyeglasses and Young",
        "not (Blond_Hair or Eyeglasses) and Young",
        "(Blond_Hair or (Eyeglasses)) and (not Young)",
        "not Blond_Hair and not Eyeglasses and not Young",
    ],
)
def test_it_means_what_python_takes_it_to_mean(text: str) -> None:
    rows = list(itertools.product([False, True], repeat=3))
    names = ("Blond_Hair", "Eyeglasses", "Young")
    arrays = {
        n: np.array(c) for n, c in zip(names, zip(*rows, strict=True), strict=True)
    }
    expected = [
        bool(eval(text, {}, dict(zip(names, row, strict=True)))) for row in rows
    ]
    expression = parse_expression(text, KNOWN)
    assert expression.holds(arrays).tolist() == expected
    assert expression.names == {name for name in names if name in text}


def test_a_name_may_begin_with_a_digit_and_words_may_be_capitals() -> None:
    expression = parse_expression(" 5_o_Clock_Shadow  AND\nNot Young ", KNOWN)
    arrays = {
        "5_o_Clock_Shadow": np.array([True, True]),
        "Young": np.array([True, False]),
    }
    assert expression.holds(arrays).tolist() == [False, True]
    assert expression.phrase == "5 o clock shadow and not young"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("Blonde_Hair or Young", "'Blonde_Hair'.* did you mean Blond_Hair"),
        ("eyeglasses", "'eyeglasses'.* did you mean Eyeglasses"),
        ("zzz", "'zzz'.* choose one of these"),
        ("", "has the end at its beginning.* an attribute"),
        ("   ", "has the end at its beginning"),
        ("Young or", "has the end after 'Young or'"),
        ("or Young", "has 'or' at its beginning"),
        ("Young Eyeglasses", "has 'Eyeglasses' after 'Young'.* and, or, or the end"),
        ("(Young", "has the end after .* a closing parenthesis"),
        ("Young)", r"has '\)' after 'Young'"),
        ("()", r"has '\)' after '\('"),
        ("Young and and Eyeglasses", "has 'and' after 'Young and'"),
        ("Young, Eyeglasses", "has ',' after 'Young'"),
        ("Young | Eyeglasses", r"has '\|' after 'Young'"),
        ("__import__('os')", "no attribute '__import__'"),
        ("Young == 1", "has '=' after 'Young'"),
    ],
)
def test_a_fault_is_said_with_its_place(text: str, said: str) -> None:
    with pytest.raises(StudyError, match=said):
        parse_expression(text, KNOWN)


def test_it_may_be_nested_so_deep_and_no_deeper() -> None:
    deep = "(" * MAX_DEPTH + "Young" + ")" * MAX_DEPTH
    assert parse_expression(deep, KNOWN).names == {"Young"}
    for text in (f"({deep})", "not " * 5000 + "Young", "(" * 100_000):
        with pytest.raises(StudyError, match="nested too deeply"):
            parse_expression(text, KNOWN)
