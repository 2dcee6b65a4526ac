"""Provenance and model cards, opened from the study bar of every page."""

import json

import pytest
from streamlit.testing.v1 import AppTest

from core.report.model_card import build_card_page
from core.story.model_card import card_markdown, model_card
from core.story.provenance import provenance_markdown, provenance_of
from core.views.studies import open_study
from pages.shell import cards
from tests.pages.opening import ROUTER

PAGES = (
    *("overview", "classification", "age", "fairness", "errors", "cost"),
    *("runs", "predict", "defense", "data", "methods"),
)


def _opened(app):
    """The page with the popover open, as the browser would say so."""
    app.session_state["provenance"] = True
    return app.run()


def _popovers(app):
    return [part.proto for part in app.get("popover")]


def _named(app, label):
    return [b for b in app.get("download_button") if b.proto.label == label]


@pytest.fixture
def handed_out(monkeypatch):
    """What a download would hold, by its label: made as the server makes it."""
    made = {}
    real = cards.st.download_button

    def keep(label, *, data, **options):
        made[label] = data
        return real(label, data=data, **options)

    monkeypatch.setattr(cards.st, "download_button", keep)
    return made


@pytest.mark.parametrize("page", PAGES)
def test_every_page_offers_the_provenance_of_its_study(fill, open_page, page):
    fill()
    app = open_page(page, study="utkface")
    assert not app.exception
    assert [p.popover.label for p in _popovers(app)].count("Provenance") == 1


def test_nothing_is_computed_before_it_is_opened(fill, open_page, monkeypatch):
    fill()
    asked = []

    def count(view):
        asked.append(view)
        return provenance_of(view)

    monkeypatch.setattr(cards, "provenance_of", count)
    app = open_page("cost", study="utkface")
    assert not asked
    assert not _named(app, "Provenance (JSON)")
    app = _opened(app)
    assert not app.exception
    assert len(asked) == 1
    assert _named(app, "Provenance (JSON)")


def test_the_card_is_that_of_the_command(fill, open_page, handed_out):
    fill()
    app = _opened(open_page("cost", study="utkface"))
    card = provenance_of(open_study("utkface"))
    table = app.table[0].value
    assert list(table["What"]) == [f"**{name}**" for name, _ in card.rows]
    assert dict(zip(table["What"], table["Value"], strict=True))["**Seeds**"] == "0, 1"
    runs = app.dataframe[0].value
    assert len(runs) == len(card.runs)
    assert set(runs["Seed"]) == {"0", "1"}
    record = json.loads(handed_out["Provenance (JSON)"]())
    assert record == json.loads(json.dumps(card.record()))
    assert handed_out["Provenance (Markdown)"]() == provenance_markdown(card)


def test_the_card_is_of_the_chosen_seeds(fill, open_page):
    fill()
    app = _opened(open_page("cost", study="utkface", seeds="1"))
    table = app.table[0].value
    assert dict(zip(table["What"], table["Value"], strict=True))["**Seeds**"] == "1"


def test_damaged_runs_are_not_among_those_that_count(fill, open_page, store):
    fill()
    path = store / "utkface" / "ins" / "seed-1" / "predictions.parquet"
    content = path.read_bytes()
    path.write_bytes(content[:200] + bytes(200) + content[400:])
    app = _opened(open_page("cost", study="utkface"))
    assert not app.exception
    assert len(app.dataframe[0].value) == 5


def test_a_model_card_is_handed_out_of_the_method_chosen(fill, open_page, handed_out):
    fill()
    app = _opened(open_page("cost", study="utkface"))
    app.selectbox(key="provenance_method_utkface").select("ins").run()
    assert not app.exception
    card = model_card(open_study("utkface"), "ins")
    assert handed_out["Model card (HTML)"]() == build_card_page(card).decode()
    assert handed_out["Model card (Markdown)"]() == card_markdown(card)


def test_runs_offers_the_card_of_the_run_s_method(fill, open_page, handed_out):
    fill()
    app = open_page("runs", study="utkface")
    # The card compares with the baseline, although it is not among the runs picked.
    app.multiselect(key="runs_picked_utkface").set_value(["ins, seed 1"]).run()
    assert not app.exception
    assert len(_named(app, "Model card (HTML)")) == 1
    card = model_card(open_study("utkface"), "ins")
    assert handed_out["Model card (Markdown)"]() == card_markdown(card)


def test_both_are_said_in_french(fill, open_page, handed_out):
    fill()
    # AppTest cannot run a page again in French: it is open from the start.
    app = AppTest.from_file(str(ROUTER), default_timeout=60)
    app.query_params["lang"] = "fr"
    app = _opened(app)
    assert not app.exception
    assert "**Empreinte de la partition**" in set(app.table[0].value["Quoi"])
    assert handed_out["Provenance (Markdown)"]().startswith("# D’où viennent")
    made = handed_out["Fiche du modèle (HTML)"]()
    assert '<html lang="fr">' in made
    # The record is for programs: the same in every language.
    assert "split_fingerprints" in handed_out["Provenance (JSON)"]()


def test_a_study_without_runs_offers_none(store, open_page):
    app = open_page("data", study="avatars")
    assert not app.exception
    assert "Provenance" not in [p.popover.label for p in _popovers(app)]
