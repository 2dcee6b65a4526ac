"""The shortest way to write every rule over one, two or three conditions."""

import math
import re
from dataclasses import dataclass
from functools import cache
from itertools import product

import numpy as np
from numpy.typing import NDArray

from core.data.attribute_expression import parse_expression

LETTERS = ("a", "b", "c")


@dataclass(frozen=True)
class Formula:
    """A rule over conditions that are called a, b and c.

    Parameters
    ----------
    text : str
        As ``attribute_expression`` reads it, such as "a or (b and not c)".
    size : int
        Letters in it.
    cells : bool array, shape (2 ** number,)
        Whether it holds where, of the place written in binary, the last digit is
        whether a holds, the one before it whether b does.
    """

    text: str
    size: int
    cells: NDArray[np.bool_]

    @property
    def bits(self) -> float:
        """Bits that write it: each letter with its sign, and 2 for each and or or."""
        return self.size * math.log2(2 * math.log2(len(self.cells))) + 2 * (
            self.size - 1
        )

    @property
    def letters(self) -> tuple[str, ...]:
        """Its letters in the order in which they are first written."""
        found = re.findall(r"\b[abc]\b", self.text)
        return tuple(dict.fromkeys(found))


@cache
def formulas_of(number: int) -> tuple[Formula, ...]:
    """Every rule of and, or and not that looks at all of so many conditions.

    Parameters
    ----------
    number : int
        1, 2 or 3.

    Returns
    -------
    tuple of Formula
        2, 10 and 218 of them, each in a shortest form; a rule and its opposite stand
        at places that add up to the last one.

    Notes
    -----
    Forms are put together from shorter ones, by the number of letters, until every
    truth table is there. ``not`` stands before a letter only.
    """
    letters = LETTERS[:number]
    cells = np.arange(2**number)
    full = (1 << 2**number) - 1
    texts: dict[int, str] = {}
    for place, letter in enumerate(letters):
        table = _as_bits((cells >> place & 1).astype(bool))
        texts |= {table: letter, full ^ table: f"not {letter}"}
    by_size: list[dict[int, str]] = [{}, dict(texts)]
    while len(texts) < full - 1:
        size, new = len(by_size), dict[int, str]()
        for left in range(1, size // 2 + 1):
            pairs = product(by_size[left].items(), by_size[size - left].items())
            for (one, first), (other, second) in pairs:
                for word, table in (("and", one & other), ("or", one | other)):
                    if 0 < table < full and table not in texts and table not in new:
                        new[table] = _joined(word, first, second)
        by_size.append(new)
        texts |= new
    sizes = {table: size for size, own in enumerate(by_size) for table in own}
    listed = (
        Formula(texts[table], sizes[table], (table >> cells & 1).astype(bool))
        for table in range(1, full)
    )
    return tuple(each for each in listed if len(each.letters) == number)


def _as_bits(cells: NDArray[np.bool_]) -> int:
    return int((1 << np.arange(len(cells)))[cells].sum())


def _joined(word: str, first: str, second: str) -> str:
    return f"{_bracketed(first, word)} {word} {_bracketed(second, word)}"


def _bracketed(text: str, word: str) -> str:
    """In brackets, where it holds the other word outside of brackets."""
    other = {"and": "or", "or": "and"}[word]
    outside = re.sub(r"\([^()]*\)", "", text)
    while "(" in outside:
        outside = re.sub(r"\([^()]*\)", "", outside)
    return f"({text})" if f" {other} " in outside else text


def evaluate(text: str, values: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Whether a formula holds of each image.

    Parameters
    ----------
    text : str
        Of a ``Formula``.
    values : bool array, shape (conditions, images)
        Of the conditions a, b and c, as many as there are.

    Returns
    -------
    bool array, shape (images,)
    """
    named = dict(zip(LETTERS, values, strict=False))
    return parse_expression(text, tuple(named)).holds(named)
