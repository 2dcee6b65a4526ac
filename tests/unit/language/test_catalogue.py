"""Catalogues hold each message of the source, whole, and nothing else."""

import re
from collections.abc import Iterator

import pytest
from babel.messages.catalog import Message

from core.language.catalogue import (
    PLURALS,
    as_file,
    catalogue_path,
    is_translated,
    read_catalogues,
    up_to_date,
)

UPDATE = "run `python -m core.language.catalogue`, and translate what is new"
_FIELD = re.compile(r"\{[^{}]*\}")
# In French a mark of two parts stands apart, behind a blank that does not break.
_FRENCH_FAULTS = re.compile(
    r"(?<![\s\xa0\u202f\d\w/:?!;%])[?!;](?=\s|$)|\w [?!;:»%](?=\s|$)|« |'"
)


def _forms(message: Message) -> Iterator[tuple[str, str]]:
    """Each form of a message with the English that it stands for."""
    if isinstance(message.id, str):
        yield message.id, message.string
    else:
        for form in message.string:
            yield message.id[-1], form


def _messages(code: str) -> list[Message]:
    catalogues = read_catalogues(code).values()
    return [message for catalog in catalogues for message in catalog if message.id]


@pytest.mark.parametrize("code", PLURALS)
def test_the_catalogues_are_those_of_the_source(code: str) -> None:
    for part, catalog in up_to_date(code).items():
        file = catalogue_path(code, part).read_bytes()
        assert file == as_file(catalog), f"{code}/{part}.po is behind: {UPDATE}"


@pytest.mark.parametrize("code", PLURALS)
def test_every_message_is_translated(code: str) -> None:
    missing = [message.id for message in _messages(code) if not is_translated(message)]
    assert not missing, f"Translate {missing}"
    assert not [message.id for message in _messages(code) if message.fuzzy]


@pytest.mark.parametrize("code", PLURALS)
def test_a_translation_has_the_fields_of_its_message(code: str) -> None:
    for message in _messages(code):
        for said, translated in _forms(message):
            known, found = (set(_FIELD.findall(text)) for text in (said, translated))
            assert found == known, (said, translated)


@pytest.mark.parametrize("code", PLURALS)
def test_a_message_of_two_parts_is_translated_alike(code: str) -> None:
    said: dict[object, object] = {}
    for message in _messages(code):
        assert said.setdefault(message.id, message.string) == message.string, message.id


def test_french_is_set_as_french() -> None:
    faults = [
        (found[0], form)
        for message in _messages("fr")
        for _, form in _forms(message)
        if (found := _FRENCH_FAULTS.search(form))
    ]
    assert not faults
