"""Every rule over three conditions is written, and in a shortest form."""

from itertools import product

import numpy as np
import pytest

from core.evaluation.rules.formulas import LETTERS, evaluate, formulas_of


def all_cases(number: int) -> np.ndarray:
    """Conditions as rows, all cases as columns; a changes fastest."""
    cases = [case[::-1] for case in product([False, True], repeat=number)]
    return np.array(cases).T


def looks_at(cells: np.ndarray, number: int) -> bool:
    """Whether each condition can change what a truth table says."""
    grid = cells.reshape((2,) * number)
    return all((grid != np.flip(grid, axis)).any() for axis in range(number))


@pytest.mark.parametrize("number", [1, 2, 3])
def test_each_truth_table_that_looks_at_all_is_there_once(number):
    tables = np.array(list(product([False, True], repeat=2**number)))
    expected = {tuple(each) for each in tables if looks_at(each, number)}
    found = [tuple(each.cells.tolist()) for each in formulas_of(number)]
    assert len(found) == len(set(found))
    assert {tuple(map(bool, each)) for each in expected} == set(found)


@pytest.mark.parametrize("number", [1, 2, 3])
def test_its_text_is_its_truth_table(number):
    cases = all_cases(number)
    for formula in formulas_of(number):
        named = dict(zip(LETTERS, cases, strict=False))
        # As Python has it, whose words are the same.
        said = [
            eval(formula.text, {name: bool(own[i]) for name, own in named.items()})
            for i in range(2**number)
        ]
        assert said == formula.cells.tolist()
        assert (evaluate(formula.text, cases) == formula.cells).all()
        words = formula.text.replace("(", "").replace(")", "").split()
        assert formula.size == sum(words.count(letter) for letter in LETTERS)


def test_opposites_stand_at_mirrored_places():
    listed = formulas_of(3)
    for formula, opposite in zip(listed, listed[::-1], strict=True):
        assert (formula.cells != opposite.cells).all()


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("a or (b and c)", 3),
        ("(a or b) and (not a or not b)", 4),
        ("(a and b) or (c and (a or b))", 5),
    ],
)
def test_forms_are_shortest(text, size):
    number = 3 if "c" in text else 2
    wanted = evaluate(text, all_cases(number))
    (found,) = [f for f in formulas_of(number) if (f.cells == wanted).all()]
    assert found.size == size


def test_a_longer_form_costs_more_bits():
    by_size = sorted(formulas_of(3), key=lambda formula: formula.size)
    bits = [formula.bits for formula in by_size]
    assert bits == sorted(bits)
    assert formulas_of(1)[0].bits == 1
