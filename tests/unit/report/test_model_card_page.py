"""A model card as HTML: one file, offline, with its tables and its language."""

import re
from collections.abc import Iterator
from html.parser import HTMLParser

import pytest

import core.runs
from core.language import speaking
from core.report.model_card import build_card_page
from core.results.frame import plain_frame, table_frame
from core.story.model_card import ModelCard, card_markdown, model_card
from core.views.caching import clear_caches
from core.views.studies import open_study
from tests.synthetic import write_store

LABEL = "![x](http://evil) <b>&_#$ é <script>alert(1)</script>{x}"


class Reader(HTMLParser):
    """Tags that were opened, and the words of cells and of everything."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.cells: list[str] = []
        self._in_cell = False

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag in ("td", "th"):
            self._in_cell = True
            self.cells.append("")

    def handle_endtag(self, tag):
        if tag in ("td", "th"):
            self._in_cell = False

    def handle_data(self, data):
        if self._in_cell:
            self.cells[-1] += data


def read(content: bytes) -> Reader:
    reader = Reader()
    reader.feed(content.decode())
    return reader


@pytest.fixture(scope="module")
def card(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ModelCard]:
    """The card of a method with a hostile label, in a store that stays until the end.

    A small study: tests of the card itself are on a shipped one.
    """
    store = tmp_path_factory.mktemp("store")
    study = write_store(
        store, "avatars", methods=("baseline", "lmf"), seeds=(0,), rows=80
    )
    tables = {**study.methods}
    tables["lmf"] = tables["lmf"].model_copy(update={"label": LABEL})
    core.runs.write_study(store, study.model_copy(update={"methods": tables}))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(core.runs.STORE_VARIABLE, str(store))
        patch.setattr(core.runs, "shipped_store", lambda: store / "none")
        clear_caches()
        yield model_card(open_study("avatars"), "lmf")
    clear_caches()


def test_it_holds_every_section_and_every_cell(card: ModelCard) -> None:
    found = read(build_card_page(card))
    ids = [given.get("id") for tag, given in found.tags if tag == "section"]
    assert ids == [section.name for section in card.sections]
    frames = [plain_frame(table_frame(t)) for s in card.sections for t in s.tables]
    expected = []
    for frame in frames:
        expected += [*frame, *frame.to_numpy().ravel().tolist()]
    assert found.cells == expected


def test_rows_and_columns_are_named_for_who_cannot_see(card: ModelCard) -> None:
    heads = [given for tag, given in read(build_card_page(card)).tags if tag == "th"]
    assert {head["scope"] for head in heads} == {"row", "col"}


def test_it_asks_no_host_and_has_no_script(card: ModelCard) -> None:
    found = read(build_card_page(card))
    assert not {tag for tag, _ in found.tags} & {"script", "link", "img", "iframe"}
    assert not [g for _, g in found.tags if {"src", "href", "onload"} & g.keys()]
    assert build_card_page(card) == build_card_page(card)


def test_it_is_said_in_one_language(card: ModelCard) -> None:
    with speaking("fr"):
        page = build_card_page(model_card(open_study("avatars"), "lmf")).decode()
    assert '<html lang="fr">' in page
    assert "Usage prévu" in page
    assert re.search(r"\d,\d\d", page)
    assert '<html lang="en">' in build_card_page(card).decode()


def test_a_hostile_label_stays_text_on_the_page_and_in_markdown(
    card: ModelCard,
) -> None:
    page = build_card_page(card).decode()
    assert "<script>" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;{x}" in page
    text = card_markdown(card)
    assert "![x](" not in text
    assert "<b>" not in text.replace("\\<b>", "")
    assert "<script>" not in text.replace("\\<script>", "")
