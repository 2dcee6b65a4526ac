"""A model card holds a method's use, data, protocol, results, groups and limits."""

import pytest

from core.errors import StudyError
from core.language import speaking
from core.results.cells import Cell
from core.story.model_card import ModelCard, card_markdown, model_card
from core.views.loads import load_comparison, load_metrics
from core.views.studies import open_study

# Two methods of many take seconds less to compare.
PAIR = ("baseline", "csce")
NAMES = ("use", "data", "protocol", "results", "groups", "limits", "provenance")


def sections(card: ModelCard) -> dict:
    return {section.name: section for section in card.sections}


@pytest.fixture(scope="module")
def card() -> ModelCard:
    return model_card(open_study("utkface"), "balanced-softmax")


def test_it_has_its_sections_in_whole_sentences(card: ModelCard) -> None:
    assert tuple(section.name for section in card.sections) == NAMES
    for section in card.sections:
        assert section.sentences
        for sentence in section.sentences:
            assert sentence.endswith(".")
            assert "nan" not in sentence.split()
    assert card.label == "Balanced softmax"


def test_use_data_and_protocol_are_those_of_the_study(card: ModelCard) -> None:
    said = {name: " ".join(part.sentences) for name, part in sections(card).items()}
    assert "decide anything about anyone" in said["use"]
    assert "13,806 training images" in said["data"]
    assert "non-commercial" in said["data"]
    assert "Apache License 2.0" in said["data"]
    study = open_study("utkface").study.for_method("balanced-softmax")
    assert f"learning rate of {study.training.learning_rate:g}" in said["protocol"]
    assert "5 seeds: 0, 1, 2, 3 and 4" in said["protocol"]
    assert "by the validation images" in said["protocol"]
    assert "may get any answer" in said["limits"]


def test_results_are_those_of_the_comparison(card: ModelCard) -> None:
    comparison = load_comparison(open_study("utkface"))
    first = sections(card)["results"].tables[0]
    cells = [cell for _, cell, *_ in first.rows if isinstance(cell, Cell)]
    for cell in cells:
        row = comparison.row("balanced-softmax", cell.row["metric"])
        assert cell.row["mean"] == row["mean"]
        assert cell.row["verdict"] == row["verdict"]
    assert {cell.row["metric"] for cell in cells} >= {"age.mae", "ethnicity.macro_f1"}


def test_groups_are_those_of_the_page_fairness(card: ModelCard) -> None:
    view = open_study("utkface")
    tables = sections(card)["groups"].tables
    (table,) = (t for t in tables if t.title.startswith("Age MAE by gender"))
    # Two genders by four ethnicities, and what they differ by.
    assert len(table.rows) == 9
    found = load_metrics(view, view.tasks, ["age.mae"], by=("gender", "ethnicity"))
    gap = found.row("balanced-softmax", "age.mae", "difference")
    assert table.rows[-1][1].row["mean"] == gap["mean"]


def test_as_markdown_it_has_a_heading_a_section_and_the_tables(card: ModelCard) -> None:
    text = card_markdown(card)
    assert text.startswith("# Model card: Balanced softmax\n")
    assert text.count("\n## ") == len(NAMES)
    row = load_comparison(open_study("utkface")).row("balanced-softmax", "age.mae")
    assert f"{row['mean']:.2f} [{row['low']:.2f}, {row['high']:.2f}]" in text


def test_it_is_written_in_the_reader_s_language(card: ModelCard) -> None:
    with speaking("fr"):
        french = model_card(open_study("utkface"), "balanced-softmax")
    assert tuple(section.name for section in french.sections) == NAMES
    assert french.title == "Fiche du modèle\N{NO-BREAK SPACE}: Balanced softmax"
    said = " ".join(sections(french)["protocol"].sentences)
    assert "un taux d’apprentissage de 0,00416" in said
    again = model_card(open_study("utkface"), "balanced-softmax")
    assert card_markdown(again) == card_markdown(card)


def test_it_names_the_runs_that_it_is_about(card: ModelCard) -> None:
    facts, runs = sections(card)["provenance"].tables
    own = [r for r in open_study("utkface").runs if r.method == "balanced-softmax"]
    assert [cells[2].text for cells in runs.rows] == [r.info["key"] for r in own]
    assert {n.text: v.text for n, v in facts.rows}["Runs"] == f"{len(own)} runs"


def test_it_says_what_its_differences_are_to(card: ModelCard) -> None:
    said = sections(card)["results"].sentences[0]
    assert said == "Differences are to Baseline."
    view = open_study("cifar10-lt-200", methods=PAIR, baseline="csce")
    said = sections(model_card(view, "baseline"))["results"].sentences[0]
    assert said == f"Differences are to {view.labels['csce']}."


def test_a_baseline_and_a_study_without_groups_have_a_card() -> None:
    card = model_card(open_study("cifar10-lt-200", methods=PAIR), "baseline")
    said = " ".join(sections(card)["groups"].sentences)
    assert "no sensitive feature" in said
    assert "uses no remedy" in " ".join(sections(card)["protocol"].sentences)
    assert (
        "It was trained once, with the seed 0." in sections(card)["protocol"].sentences
    )
    first = sections(card)["results"].sentences[0]
    assert first == "It is the baseline that the other methods are compared with."
    assert "One training" in " ".join(sections(card)["limits"].sentences)
    assert card_markdown(card)


def test_a_method_that_is_not_there_is_named() -> None:
    with pytest.raises(StudyError, match="no run of the method 'nobody'"):
        model_card(open_study("cifar10-lt-200"), "nobody")
