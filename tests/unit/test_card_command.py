"""``equipoise card``: which files it writes, in which language, and what it refuses."""

from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

import core.runs
from core.cli import app
from core.report.model_card import build_card_page
from core.story.model_card import card_markdown, model_card
from core.views.studies import open_study
from tests.synthetic import write_store


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    store = tmp_path / "store"
    monkeypatch.setenv(core.runs.STORE_VARIABLE, str(store))
    monkeypatch.setattr(core.runs, "shipped_store", lambda: tmp_path / "none")
    methods = ("baseline", "lmf")
    write_store(store, "avatars", methods=methods, seeds=(0, 1), rows=80)
    place = tmp_path / "out"
    place.mkdir()
    monkeypatch.chdir(place)
    return place


def run(*words: str) -> Result:
    return CliRunner().invoke(app, ["card", "avatars", *words])


def names(folder: Path) -> set[str]:
    return {str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file()}


def test_every_method_has_a_card_in_both_formats(folder: Path) -> None:
    result = run()
    assert result.exit_code == 0
    stems = ("avatars-baseline", "avatars-lmf")
    assert names(folder) == {
        f"{stem}.{end}" for stem in stems for end in ("md", "html")
    }
    assert set(result.stdout.split()) == names(folder)
    card = model_card(open_study("avatars"), "lmf")
    assert (folder / "avatars-lmf.md").read_text() == card_markdown(card)
    assert (folder / "avatars-lmf.html").read_bytes() == build_card_page(card)


@pytest.mark.parametrize(
    ("words", "files"),
    [
        (("--out", "card.html"), {"card.html"}),
        (("--out", "card.md", "--format", "md"), {"card.md"}),
        (("--out", "cards/lmf"), {"cards/lmf.md", "cards/lmf.html"}),
        (("--out", "v1.2", "--format", "html"), {"v1.2.html"}),
        (("--format", "md"), {"avatars-lmf.md"}),
    ],
)
def test_out_names_the_file_of_one_method(
    folder: Path, words: tuple[str, ...], files: set[str]
) -> None:
    result = run("--method", "lmf", *words)
    assert result.exit_code == 0, result.stderr
    assert names(folder) == files


def test_out_is_the_folder_of_several(folder: Path) -> None:
    assert run("--out", "cards", "--format", "md").exit_code == 0
    assert names(folder) == {"cards/avatars-baseline.md", "cards/avatars-lmf.md"}


def test_it_is_written_in_french(folder: Path) -> None:
    assert run("--method", "lmf", "--lang", "fr", "--out", "x.md").exit_code == 0
    text = (folder / "x.md").read_text()
    assert text.startswith("# Fiche du modèle")
    assert run("--method", "lmf", "--out", "y.md").exit_code == 0
    assert (folder / "y.md").read_text().startswith("# Model card")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--method", "nobody"), "'nobody'"),
        (("--lang", "de"), "'de'"),
        (("--format", "pdf"), "'pdf'"),
        (("--out", "card.html"), "2 cards"),
        (("--method", "lmf", "--out", "a.md", "--format", "html"), "ends in .md"),
    ],
)
def test_what_cannot_be_is_refused_in_a_sentence(
    folder: Path, words: tuple[str, ...], said: str
) -> None:
    result = run(*words)
    assert result.exit_code == 2
    assert said in result.stderr
    assert not names(folder)


def test_a_file_that_is_there_stays_unless_it_may_go(folder: Path) -> None:
    (folder / "card.md").write_text("mine")
    words = ("--method", "lmf", "--out", "card.md")
    result = run(*words)
    assert result.exit_code == 2
    assert "exists already" in result.stderr
    assert (folder / "card.md").read_text() == "mine"
    assert run(*words, "--replace").exit_code == 0
    assert (folder / "card.md").read_text().startswith("# Model card")
