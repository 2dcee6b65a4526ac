"""Targets made of several attributes: "Blond_Hair or (Eyeglasses and not Young)".

The words are ``and``, ``or``, ``not``, parentheses and names; ``not`` binds tightest,
then ``and``, then ``or``, as in Python. Nothing else is evaluated.
"""

import difflib
import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from core.errors import StudyError
from core.language import N_, gettext

Booleans = NDArray[np.bool_]
Attributes = Mapping[str, Booleans]

MAX_DEPTH = 20
_TOKEN = re.compile(r"\s*([()]|\w+|\S)")
_WORDS = ("and", "or", "not", "(", ")")
_END = N_("the end")


@dataclass(frozen=True)
class Expression:
    """A condition on the attributes of images.

    Parameters
    ----------
    text : str
        As it was written.
    names : frozenset of str
        Attributes that it looks at.
    holds : callable
        ``(attributes) -> bool array``, from one array a name.
    """

    text: str
    names: frozenset[str]
    holds: Callable[[Attributes], Booleans] = field(compare=False)

    @property
    def phrase(self) -> str:
        """The same in plain words, such as "blond hair or eyeglasses"."""
        return self.text.replace("_", " ").lower()


def parse_expression(text: str, known: Collection[str]) -> Expression:
    """Read an expression over attributes.

    Parameters
    ----------
    text : str
        Such as ``"Blond_Hair or Eyeglasses"``.
    known : collection of str
        The known attributes.

    Raises
    ------
    StudyError
        If it is not such an expression, is nested deeper than ``MAX_DEPTH``, or names
        an unknown attribute. The error names the nearest spelling.
    """
    parser = _Parser(text, known)
    holds = parser.read_or()
    if parser.next != _END:
        raise parser.fault(N_("and, or, or the end"))
    return Expression(" ".join(text.split()), frozenset(parser.names), holds)


class _Parser:
    """Reads tokens from left to right; a method for each strength of binding."""

    def __init__(self, text: str, known: Collection[str]) -> None:
        self._text = text
        self._known = known
        self._tokens: list[str] = [*_TOKEN.findall(text), _END]
        self._place = 0
        self._depth = 0
        self.names: set[str] = set()

    @property
    def next(self) -> str:
        token = self._tokens[self._place]
        return token.lower() if token.lower() in _WORDS else token

    def read_or(self) -> Callable[[Attributes], Booleans]:
        holds = self._read_and()
        while self.next == "or":
            self._place += 1
            holds = _either(holds, self._read_and())
        return holds

    def _read_and(self) -> Callable[[Attributes], Booleans]:
        holds = self._read_one()
        while self.next == "and":
            self._place += 1
            holds = _both(holds, self._read_one())
        return holds

    def _read_one(self) -> Callable[[Attributes], Booleans]:
        token = self.next
        if token == "not":
            self._descend()
            holds = _opposite(self._read_one())
        elif token == "(":
            self._descend()
            holds = self.read_or()
            if self.next != ")":
                raise self.fault(N_("and, or, or a closing parenthesis"))
            self._place += 1
        else:
            return self._read_name(token)
        self._depth -= 1
        return holds

    def _read_name(self, name: str) -> Callable[[Attributes], Booleans]:
        if name in (_END, *_WORDS) or not name.replace("_", "0").isalnum():
            raise self.fault(N_("an attribute, not, or an opening parenthesis"))
        if name not in self._known:
            raise unknown_attribute(name, self._known, where=f"'{self._text}'")
        self._place += 1
        self.names.add(name)
        return lambda attributes: attributes[name]

    def _descend(self) -> None:
        self._place += 1
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise StudyError(
                gettext(
                    "The expression '{text}' is nested too deeply.",
                    text=self._text,
                ),
                expected=gettext(
                    "at most {max_depth} parentheses or nots inside one another.",
                    max_depth=MAX_DEPTH,
                ),
                remedy=gettext("write it more simply."),
            )

    def fault(self, expected: str) -> StudyError:
        """The error of an unexpected next token."""
        found = self._tokens[self._place]
        before = " ".join(self._tokens[: self._place])
        said = {
            "text": self._text,
            "what": gettext(_END) if found == _END else f"'{found}'",
        }
        return StudyError(
            gettext(
                "The expression '{text}' has {what} after '{before}'.",
                before=before,
                **said,
            )
            if before
            else gettext(
                "The expression '{text}' has {what} at its beginning.", **said
            ),
            expected=gettext("{expected} there.", expected=gettext(expected)),
            remedy=gettext(
                "write attributes with and, or, not and parentheses between them, "
                "such as 'Blond_Hair or (Eyeglasses and not Young)'."
            ),
        )


def unknown_attribute(name: str, known: Collection[str], *, where: str) -> StudyError:
    """The error of an unknown attribute, with the nearest spelling."""
    spelling = {each.lower(): each for each in known}
    near = difflib.get_close_matches(name.lower(), spelling, n=1, cutoff=0.5)
    return StudyError(
        gettext(
            "There is no attribute '{name}', which {where} names.",
            name=name,
            where=where,
        ),
        expected=gettext("one of {known}.", known=", ".join(known)),
        remedy=gettext("did you mean {name}?", name=spelling[near[0]])
        if near
        else gettext("choose one of these."),
    )


def _either(
    one: Callable[[Attributes], Booleans], other: Callable[[Attributes], Booleans]
) -> Callable[[Attributes], Booleans]:
    return lambda attributes: one(attributes) | other(attributes)


def _both(
    one: Callable[[Attributes], Booleans], other: Callable[[Attributes], Booleans]
) -> Callable[[Attributes], Booleans]:
    return lambda attributes: one(attributes) & other(attributes)


def _opposite(
    one: Callable[[Attributes], Booleans],
) -> Callable[[Attributes], Booleans]:
    return lambda attributes: ~one(attributes)
