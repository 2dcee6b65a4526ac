"""Our sentences, in the language of the one who reads them.

A sentence is written once, in English, whole, with named fields, and is said by
``gettext`` or, where a count decides its form, by ``ngettext``::

    gettext("{method} was trained with {count} images.", method=label, count=n)
    ngettext("{count} photo", "{count} photos", n)

A text that stands in a table or in a signature, before there is a reader, is marked by
``N_`` there and said by ``gettext`` where it is shown. What a person wrote (names of
studies, methods, classes, files) is a field and is never translated. Catalogues stand
beside this file, a folder a language (``core.language.catalogue``).

Numbers have the language's form too: ``core.text.number``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import cache, wraps
from gettext import GNUTranslations, NullTranslations
from numbers import Integral
from typing import ParamSpec, TypeVar

Given = ParamSpec("Given")
Made = TypeVar("Made")

ENGLISH = "en"
LANGUAGES = {ENGLISH: "English", "fr": "Français"}
"""What each language calls itself, by the code that an address and a command take."""

# Signs of a number: between thousands (a narrow no-break space), and of the decimals.
_SIGNS = {ENGLISH: (",", "."), "fr": ("\u202f", ",")}

_spoken: ContextVar[str] = ContextVar("spoken", default="")
# Of a sentence that was said: its messages, and its fields.
_Memory = dict[str, tuple[tuple[str, ...], dict[str, object]]]
_memory: ContextVar[_Memory | None] = ContextVar("memory", default=None)
_listeners: ContextVar[tuple[Listener, ...]] = ContextVar("listeners", default=())


@dataclass
class Listener:
    """Whether the language was asked for while something was made.

    Parameters
    ----------
    has_heard : bool
        If it was not, what was made is the same in every language.
    """

    has_heard: bool = False


def _speaks_english() -> str:
    return ENGLISH


_of_reader: Callable[[], str] = _speaks_english


def language() -> str:
    """The code of the language that is spoken here: one of ``LANGUAGES``."""
    for listener in _listeners.get():
        listener.has_heard = True
    return _spoken.get() or _of_reader()


@contextmanager
def speaking(code: str) -> Iterator[None]:
    """Speak a language until the block ends, whatever its reader's is."""
    token = _spoken.set(code)
    try:
        yield
    finally:
        _spoken.reset(token)


@contextmanager
def listening() -> Iterator[Listener]:
    """Notice whether what is made in the block depends on the language."""
    listener = Listener()
    token = _listeners.set((*_listeners.get(), listener))
    try:
        yield listener
    finally:
        _listeners.reset(token)


@contextmanager
def aside() -> Iterator[None]:
    """Say something to who waits, which is no part of what is made meanwhile."""
    token = _listeners.set(())
    try:
        yield
    finally:
        _listeners.reset(token)


def in_this_language(make: Callable[Given, Made]) -> Callable[Given, Made]:
    """Make something later, where no reader is known, in the language spoken now."""
    code = language()

    @wraps(make)
    def made(*args: Given.args, **options: Given.kwargs) -> Made:
        with speaking(code):
            return make(*args, **options)

    return made


def speak_as(of_reader: Callable[[], str]) -> None:
    """Say how the language of the one who reads is found, outside of ``speaking``."""
    global _of_reader
    _of_reader = of_reader


def N_(message: str) -> str:
    """Mark a text that ``gettext`` says later; returns it as it is."""
    return message


def gettext(message: str, /, **fields: object) -> str:
    """Say a sentence in the reader's language.

    Parameters
    ----------
    message : str
        In English; the key of the catalogues. With fields, ``{name}`` stands for the
        field of that name, and a brace of its own is doubled.
    **fields
        Texts, or whole numbers, which are written with their thousands apart. A
        number with decimals is written first (``core.text.number``).

    Raises
    ------
    TypeError
        If a field is a number with decimals.
    """
    said = _translations(language()).gettext(message) if message else ""
    return _remembered(_filled(said, fields), (message,), fields)


def ngettext(one: str, many: str, count: int, /, **fields: object) -> str:
    """Say a sentence whose form a count decides; ``{count}`` is one of its fields.

    Parameters as in ``gettext``: ``one`` is said of one, ``many`` of other counts.
    """
    said = _translations(language()).ngettext(one, many, int(count))
    fields = {"count": int(count), **fields}
    return _remembered(_filled(said, fields), (one, many), fields)


@contextmanager
def remembering() -> Iterator[Callable[[str], object]]:
    """Remember how each sentence is made, for a reader of another language.

    What is yielded gives a record of a sentence that was said in the block, which JSON
    can hold and ``say_again`` says in the language that is spoken then. Any other text
    is its own record.
    """
    memory: _Memory = {}

    def recall(text: str) -> object:
        if text not in memory:
            return text
        messages, given = memory[text]
        fields = {
            # A field that is a sentence too, and not this one.
            name: recall(value) if isinstance(value, str) and value != text else value
            for name, value in given.items()
        }
        return {"messages": messages, "fields": fields}

    token = _memory.set(memory)
    try:
        yield recall
    finally:
        _memory.reset(token)


def say_again(record: object) -> str:
    """Say what ``remembering`` has recorded, in the language that is spoken now."""
    if not isinstance(record, dict):
        return str(record)
    fields = {
        name: say_again(value) if isinstance(value, dict) else value
        for name, value in record["fields"].items()
    }
    message, *many = record["messages"]
    if many:
        return ngettext(message, many[0], int(fields.pop("count")), **fields)
    return gettext(message, **fields)


def number_signs() -> tuple[str, str]:
    """What stands between thousands, and before decimals."""
    return _SIGNS[language()]


def in_form(text: str) -> str:
    """A number that Python wrote, such as "1,234.5", in the language's form."""
    thousands, decimal = number_signs()
    if decimal == ".":
        return text
    return text.translate({ord(","): thousands, ord("."): decimal})


def _filled(said: str, fields: dict[str, object]) -> str:
    if not fields:
        return said
    return said.format_map({name: _written(name, v) for name, v in fields.items()})


def _remembered(said: str, messages: tuple[str, ...], fields: dict[str, object]) -> str:
    memory = _memory.get()
    if memory is not None:
        # Whole numbers take the form of a language; other fields are texts.
        kept: dict[str, object] = {
            name: int(value) if isinstance(value, Integral) else str(value)
            for name, value in fields.items()
        }
        memory[said] = messages, kept
    return said


def _written(name: str, value: object) -> str:
    if isinstance(value, bool):
        return str(value)
    if isinstance(value, Integral):
        return in_form(f"{int(value):,}")
    if isinstance(value, float):
        raise TypeError(f"Write the number of the field '{name}' first: {value!r}.")
    return str(value)


@cache
def _translations(code: str) -> NullTranslations | GNUTranslations:
    if code == ENGLISH:
        return NullTranslations()
    # Reading a catalogue takes a moment, which English does without.
    from core.language.catalogue import translations_of

    return translations_of(code)
