"""A document of results: sections of tables and sentences, for any renderer."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from typing import Literal

from core.results.tables import Table

Name = Literal[
    "leaderboard",
    "notes",
    "findings",
    "seeds",
    "differences",
    "fairness",
    "gaps",
    "slices",
    "cost",
    "published",
]


@dataclass(frozen=True)
class Lines:
    """Sentences: what was found, what a reader should know, or numbered sources."""

    kind: Literal["findings", "notes", "sources"]
    items: tuple[str, ...]
    title: str = ""


@dataclass(frozen=True)
class Section:
    """Tables and sentences on one thing."""

    name: Name
    blocks: tuple[Table | Lines, ...]


@dataclass(frozen=True)
class Document:
    """Sections in their order."""

    sections: tuple[Section, ...]

    def only(self, names: Collection[str]) -> "Document":
        """Some of its sections."""
        return Document(tuple(part for part in self.sections if part.name in names))

    @property
    def blocks(self) -> Iterator[Table | Lines]:
        """Every block with content; each note appears once."""
        said: set[str] = set()
        for section in self.sections:
            for block in section.blocks:
                if isinstance(block, Table):
                    if block.rows:
                        notes = tuple(n for n in block.notes if n not in said)
                        said.update(notes)
                        yield replace(block, notes=notes)
                    continue
                items = tuple(
                    item
                    for item in block.items
                    if block.kind != "notes" or item not in said
                )
                said.update(items)
                if items:
                    yield replace(block, items=items)
