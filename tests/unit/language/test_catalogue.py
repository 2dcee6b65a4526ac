"""Catalogues hold each message of the source, whole, and nothing else."""

import ast
import builtins
import re
from collections.abc import Iterator

import pytest
from babel.messages.catalog import Message

from core.language.catalogue import (
    MESSAGES,
    PLURALS,
    ROOT,
    as_file,
    catalogue_path,
    is_translated,
    read_catalogues,
    up_to_date,
)

# Caught where it is raised, and written into the log of a run.
NEVER_SHOWN = ("NotCachedError",)
# Modules whose faults are said in a terminal alone.
OF_COMMANDS = ("cluster.py", "measuring.py", "finished_model.py")
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


def test_no_message_is_glued_together_where_it_is_said() -> None:
    glued = [
        f"{path.relative_to(ROOT)}:{call.lineno}"
        for folder in ("core", "pages")
        for path in (ROOT / folder).rglob("*.py")
        for call in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(call, ast.Call)
        and isinstance(call.func, ast.Name)
        and call.func.id in MESSAGES
        and any(
            isinstance(said, ast.JoinedStr | ast.BinOp)
            for said in call.args[: MESSAGES[call.func.id]]
        )
    ]
    assert not glued


@pytest.mark.parametrize("folder", ["data", "models", "training"])
def test_a_fault_that_a_page_shows_is_said_in_the_language_of_its_reader(
    folder: str,
) -> None:
    places = {"problem", "expected", "remedy"}
    written = [
        f"{path.relative_to(ROOT)}:{call.lineno}: {text.value}"
        for path in sorted((ROOT / "core" / folder).rglob("*.py"))
        if path.name not in OF_COMMANDS
        for call in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(call, ast.Call)
        and isinstance(call.func, ast.Name)
        and call.func.id.endswith("Error")
        and call.func.id not in (*dir(builtins), *NEVER_SHOWN)
        for said in (
            *call.args[:1],
            *(word.value for word in call.keywords if word.arg in places),
        )
        for text in _written(said)
        if any(sign.isalpha() for sign in str(text.value))
    ]
    assert not written


def _written(said: ast.expr) -> Iterator[ast.Constant]:
    """Texts that a message is made of, beside those that ``gettext`` says."""
    if isinstance(said, ast.Constant):
        yield said
    elif isinstance(said, ast.IfExp):
        yield from (*_written(said.body), *_written(said.orelse))
    elif isinstance(said, ast.BinOp):
        yield from (*_written(said.left), *_written(said.right))
    elif isinstance(said, ast.JoinedStr):
        yield from (part for part in said.values if isinstance(part, ast.Constant))
