"""Formulas as plain text: nothing of LaTeX is left, and nothing is lost."""

import re

import pytest

from core.language import speaking
from core.methods.curves import USUAL
from core.methods.entries import ENTRIES
from core.methods.formula_text import formula_text, said_formula


@pytest.mark.parametrize(
    ("latex", "text"),
    [
        (r"L = -(1 - p_y)^\gamma \ln p_y", "L = −(1 − p_y)^γ ln p_y"),
        (r"\frac{1 - \beta}{1 - \beta^{n_y}}", "(1 − β)/(1 − β^(n_y))"),
        (r"n_c' = n_{\max}", "n_c' = n_max"),
        (r"p = \operatorname{softmax}(z)", "p = softmax(z)"),
        (r"|\hat{y} - y|, \quad e^{-z}", "|y\u0302 − y|, e^(−z)"),
        (
            r"\begin{cases} a & b < c \\ d & \text{else} \end{cases}",
            "a if b < c; d else",
        ),
        (r"\sqrt{n} + \sqrt{a + b}", "√n + √(a + b)"),
        (r"k \in \{1, 2\}", "k ∈ {1, 2}"),
    ],
)
def test_a_formula_reads_as_text(latex: str, text: str) -> None:
    assert formula_text(latex) == text


@pytest.mark.parametrize("name", [*USUAL, *ENTRIES])
def test_no_formula_of_the_registry_keeps_a_command(name: str) -> None:
    text = formula_text({**USUAL, **ENTRIES}[name].formula)
    assert "\\" not in text
    assert text.count("(") == text.count(")")
    assert not any(word in text for word in ("frac", "begin", "quad", "mathrm"))


def test_words_of_a_formula_are_in_the_language_of_the_reader():
    latex = r"p' \text{ the density scaled to } [0, 1]"
    assert said_formula(latex) == latex
    with speaking("fr"):
        assert r"\text{ la densit" in said_formula(latex)
    # No word of a formula stays English.
    words = re.compile(r"\\text\{ ?(.*?) ?\}")
    for entry in ENTRIES.values():
        with speaking("fr"):
            said = words.findall(said_formula(entry.formula))
        assert not set(said) & set(words.findall(entry.formula)), entry.name
