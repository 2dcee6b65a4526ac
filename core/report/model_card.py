"""A model card as one HTML file that opens offline and prints."""

import html
from collections.abc import Iterator

from core.language import language
from core.report.page import PAGE_HEAD, PAGE_STYLE, marked_html, table_html
from core.results.frame import table_frame
from core.story.model_card import CardSection, ModelCard


def build_card_page(card: ModelCard) -> bytes:
    """Write a model card as one HTML file.

    Parameters
    ----------
    card : ModelCard
        Said in the language that is spoken here.

    Returns
    -------
    bytes
        In UTF-8; the same for the same card. It has no script, and asks no host.
    """
    return _PAGE.format(
        language=language(),
        title=html.escape(card.title),
        study=html.escape(card.study),
        style=PAGE_STYLE,
        sections="\n".join(map(_section, card.sections)),
    ).encode()


def _section(section: CardSection) -> str:
    parts = "".join(_parts(section))
    title = html.escape(section.title)
    return f'<section id="{section.name}"><h2>{title}</h2>{parts}</section>'


def _parts(section: CardSection) -> Iterator[str]:
    said = "".join(f"<li>{html.escape(each)}</li>" for each in section.sentences)
    yield f"<ul>{said}</ul>"
    for table in section.tables:
        yield table_html(table_frame(table), table.title, names_rows=True)
        for note in table.notes:
            yield f'<p class="note">{marked_html(note)}</p>'


_PAGE = (
    PAGE_HEAD
    + """<body>
<header><h1>{title}</h1><p>{study}</p></header>
<main>
{sections}
</main>
</body>
</html>
"""
)
