"""The Markdown of a text slide as paragraphs that any format can write."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from markdown_it import MarkdownIt

from core.text import emphasis, strong, to_plain

BULLET = "•"


@dataclass(frozen=True)
class Paragraph:
    """One paragraph.

    Parameters
    ----------
    text : str
        With the marks of ``core.text``.
    level : int
        How deep in lists it stands, from 0.
    sign : str
        Before it: a bullet or a number; empty outside of lists.
    is_heading : bool
    """

    text: str
    level: int = 0
    sign: str = ""
    is_heading: bool = False

    def size(self, size: float) -> float:
        """Points of its letters, where plain ones have ``size``."""
        return size * 1.15 if self.is_heading else size

    def indent(self, size: float) -> float:
        """Inches to its left."""
        return self.level * 1.4 * size / 72

    def write(self, paragraph: Any, size: float) -> None:
        """Write it to a paragraph of python-pptx."""
        from pptx.util import Inches, Pt

        from core.report.xml_text import printable
        from core.text import split_marks

        own = self.size(size)
        properties = paragraph._p.get_or_add_pPr()
        indent = str(Inches(self.indent(size)))
        properties.set("marL", indent)
        properties.set("indent", f"-{indent}" if self.sign else "0")
        if self.sign:
            run = paragraph.add_run()
            run.text = f"{self.sign}\t"
            run.font.size = Pt(own)
        for piece, marks in split_marks(self.text):
            run = paragraph.add_run()
            run.text = printable(piece.replace("\n", " "))
            run.font.size = Pt(own)
            run.font.bold = self.is_heading or "strong" in marks
            run.font.italic = "emphasis" in marks or None


def read_paragraphs(text: str) -> list[Paragraph]:
    """Paragraphs, headings and lists of a text; HTML in it stays text."""
    return list(_read(_parser().parse(text)))


def markdown_html(text: str) -> str:
    """The same text as HTML: no tag, picture or address of another host is let in."""
    return str(_parser().disable(["image", "link", "autolink"]).render(text))


def _parser() -> MarkdownIt:
    return MarkdownIt("commonmark", {"html": False})


def _read(tokens: Any) -> Iterator[Paragraph]:
    lists: list[int | None] = []
    is_heading, is_first = False, False
    for token in tokens:
        if token.type in ("bullet_list_open", "ordered_list_open"):
            is_ordered = token.type == "ordered_list_open"
            lists.append(int(token.attrs.get("start", 1)) if is_ordered else None)
        elif token.type in ("bullet_list_close", "ordered_list_close"):
            lists.pop()
        elif token.type == "list_item_open":
            is_first = True
        elif token.type == "heading_open":
            is_heading = True
        elif token.type == "heading_close":
            is_heading = False
        elif token.type == "inline":
            sign = ""
            if lists and is_first:
                place = lists[-1]
                sign = BULLET if place is None else f"{place}."
                lists[-1] = None if place is None else place + 1
                is_first = False
            yield Paragraph(
                _inline(token.children), len(lists), sign, is_heading=is_heading
            )
        elif token.type in ("fence", "code_block"):
            yield Paragraph(to_plain(token.content.rstrip("\n")), len(lists))


def _inline(children: Any) -> str:
    """Words of a paragraph; bold and italic are marked, links leave their words."""
    parts: list[str] = []
    opened: list[int] = []
    for child in children:
        if child.type in ("strong_open", "em_open"):
            opened.append(len(parts))
        elif child.type in ("strong_close", "em_close"):
            start = opened.pop()
            words = "".join(parts[start:])
            mark = strong if child.type == "strong_close" else emphasis
            parts[start:] = [mark(words)]
        elif child.type in ("softbreak", "hardbreak"):
            parts.append(" ")
        else:
            parts.append(to_plain(child.content))
    return "".join(parts)
