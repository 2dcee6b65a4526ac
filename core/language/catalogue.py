"""The catalogues: which messages there are, and what they are in each language.

A folder beside this file holds the catalogues of one language, one for each part of
the program (``PARTS``): ``fr/views.po``. ``python -m core.language.catalogue`` brings
them up to date with the source: new messages come without a translation, and what no
source says any more goes. They are compiled when they are first spoken, so that no
compiled copy can fall behind.
"""

from __future__ import annotations

import ast
import sys
import tomllib
from collections.abc import Iterable, Iterator
from gettext import GNUTranslations
from io import BytesIO
from pathlib import Path

from babel.messages.catalog import Catalog, Message
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

ROOT = Path(__file__).parents[2]
FOLDER = Path(__file__).parent
PLURALS = {"fr": "nplurals=2; plural=(n > 1);"}
"""Languages that have a folder, each with how a count decides a message's form."""

# How many of a function's first arguments are messages.
MESSAGES = {"gettext": 1, "N_": 1, "ngettext": 2}
# In files of ours that are shown as they are: texts of these keys.
SHOWN_KEYS = frozenset(
    {"title", "summary", "notice", "note", "claim", "text", "notes", "source"}
)
# Where the messages of each catalogue are said; the first that fits.
PARTS = {
    "stories": ("core/stories", "core/studies"),
    "story": ("core/story", "core/report", "pages/defense"),
    "methods": ("core/methods", "core/models", "pages/methods"),
    "data": (
        "core/data",
        "core/importing",
        "pages/data",
        "pages/import_",
        "pages/images",
    ),
    "evaluation": ("core/evaluation", "core/results", "core/explain"),
    "plots": ("core/plots",),
    "views": ("core/views",),
    "pages": ("pages", "streamlit_app.py"),
    "core": ("core",),
}
# Said in a terminal, in English.
NOT_TRANSLATED = ("core/commands", "core/cli.py", "core/language")

Key = str | tuple[str, ...]


def translations_of(code: str) -> GNUTranslations:
    """What a language says for our messages, to be asked by ``gettext``."""
    whole = _empty(code)
    for catalog in read_catalogues(code).values():
        for message in catalog:
            if message.id and is_translated(message):
                whole[message.id] = message
    compiled = BytesIO()
    write_mo(compiled, whole)
    compiled.seek(0)
    return GNUTranslations(compiled)


def read_catalogues(code: str) -> dict[str, Catalog]:
    """The catalogues of a language by their part, as they stand in the files."""
    catalogues = {}
    for part in PARTS:
        if (path := catalogue_path(code, part)).exists():
            with path.open("rb") as file:
                catalogues[part] = read_po(file, locale=code, domain="equipoise")
    return catalogues


def catalogue_path(code: str, part: str) -> Path:
    """The file of one part's catalogue in one language."""
    return FOLDER / code / f"{part}.po"


def extract() -> dict[str, dict[Key, list[str]]]:
    """The messages of the source by part, each with the files that say it."""
    found: dict[str, dict[Key, list[str]]] = {part: {} for part in PARTS}
    taken: set[Path] = set()
    for part, places in PARTS.items():
        for path in _files(places):
            if path in taken:
                continue
            taken.add(path)
            for key in _messages_of(path):
                where = found[part].setdefault(key, [])
                if (name := path.relative_to(ROOT).as_posix()) not in where:
                    where.append(name)
    return found


def up_to_date(code: str) -> dict[str, Catalog]:
    """The catalogues as the source asks for them, with what is translated today."""
    today = read_catalogues(code)
    made = {}
    for part, messages in extract().items():
        known, catalog = today.get(part, _empty(code)), _empty(code)
        for key in sorted(messages, key=lambda key: _sorted_by(key, messages[key])):
            before = known.get(key)
            # A message that a count decides from now on is to be translated anew.
            said = before.string if before and before.id == key else ""
            places = [(name, 0) for name in messages[key]]
            catalog.add(key, said, locations=places)
        made[part] = catalog
    return made


def main() -> int:
    """Write the catalogues of every language, and say how many lack a translation."""
    for code in PLURALS:
        for part, catalog in up_to_date(code).items():
            path = catalogue_path(code, part)
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(as_file(catalog))
            missing = sum(not is_translated(message) for message in catalog)
            sys.stdout.write(f"{code}/{part}.po: {len(catalog)} messages, ")
            sys.stdout.write(f"{missing} without a translation\n")
    return 0


def as_file(catalog: Catalog) -> bytes:
    """A catalogue as its file holds it: without dates, so that only words change it."""
    written = BytesIO()
    write_po(written, catalog, width=88, omit_header=True, include_lineno=False)
    return _head(str(catalog.locale)) + written.getvalue()


def is_translated(message: Message) -> bool:
    """Whether a message has all of its forms; the head of a catalogue has."""
    if not message.id:
        return True
    forms = message.string if isinstance(message.string, tuple) else (message.string,)
    return all(forms)


def _empty(code: str) -> Catalog:
    return read_po(BytesIO(_head(code)), locale=code)


def _head(code: str) -> bytes:
    lines = (
        f"Language: {code}",
        "Content-Type: text/plain; charset=utf-8",
        f"Plural-Forms: {PLURALS[code]}",
    )
    return "".join(
        ['msgid ""\nmsgstr ""\n', *(f'"{line}\\n"\n' for line in lines), "\n"]
    ).encode()


def _files(places: Iterable[str]) -> Iterator[Path]:
    for place in places:
        path = ROOT / place
        files = [path] if path.is_file() else sorted(path.rglob("*"))
        for file in files:
            name = file.relative_to(ROOT).as_posix()
            if file.suffix in (".py", ".toml") and not name.startswith(NOT_TRANSLATED):
                yield file


def _messages_of(path: Path) -> Iterator[Key]:
    if path.suffix == ".toml":
        yield from _shown_texts(tomllib.loads(path.read_text(encoding="utf-8")))
        return
    # Babel's own extraction does not see what is said inside of an f-string.
    for call in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Name):
            continue
        count = MESSAGES.get(call.func.id, 0)
        values = [getattr(argument, "value", None) for argument in call.args[:count]]
        texts = tuple(text for text in values if isinstance(text, str) and text)
        if texts and len(texts) == count:
            yield texts[0] if count == 1 else texts


def _shown_texts(table: object) -> Iterator[str]:
    """Texts of a study or a story that a reader sees."""
    if isinstance(table, dict):
        for name, value in table.items():
            if name in SHOWN_KEYS and isinstance(value, str) and value:
                yield value
            else:
                yield from _shown_texts(value)
    elif isinstance(table, list):
        for each in table:
            yield from _shown_texts(each)


def _sorted_by(key: Key, where: list[str]) -> tuple[str, str]:
    return where[0], key if isinstance(key, str) else key[0]


if __name__ == "__main__":
    sys.exit(main())
