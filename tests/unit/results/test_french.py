"""Results in French, and that no language is left in what is kept."""

from dataclasses import replace

import pytest

from core.data.catalog import READERS
from core.evaluation import metrics, slice_features, slices, verdicts
from core.evaluation.comparison import compare_runs
from core.evaluation.cost import COSTS
from core.evaluation.gaps import gap_info
from core.evaluation.grouping import MAX_GROUPS
from core.evaluation.metrics import SHOT_GROUPS, SHOTS, metric_info
from core.evaluation.rules.conditions import Condition
from core.evaluation.rules.formulas import formulas_of
from core.evaluation.rules.search import Rule
from core.language import gettext, listening, speaking
from core.results import slices as slices_of_study
from core.results.cells import Cell, heading
from core.results.findings import findings
from core.results.label_errors import given_text
from core.results.numbers import telling_digits, write
from core.results.sentences import p_text, plain_percent, verdict_sentence, verdict_text
from core.results.tables import leaderboard, metric_detail
from core.tasks import SHIPPED_LABELS
from tests.oracles import AGE
from tests.synthetic import TASKS, synthetic_tables
from tests.unit.results.test_sentences import ROW

UTKFACE = TASKS["utkface"]
LABELS = {"baseline": "Baseline", "denseweight": "DenseWeight"}


@pytest.fixture(scope="module")
def comparison():
    tables = synthetic_tables(methods=tuple(LABELS), seeds=(0, 1), rows=320)
    with listening() as listener:
        found = compare_runs(tables, UTKFACE, "baseline", by=("gender",))
    # Else every language would compare anew, which takes the longest of all.
    assert not listener.has_heard
    return found


def test_a_difference_is_said_in_french_and_then_in_english_again() -> None:
    before = verdict_sentence(ROW, label="DenseWeight", tasks=UTKFACE)
    with speaking("fr"):
        said = verdict_sentence(ROW, label="DenseWeight", tasks=UTKFACE)
    assert said.startswith("MAE (")
    plain = said.replace("\xa0", " ")
    assert ") : DenseWeight est à 0,21 an de moins que la référence" in plain
    assert "p = 0,030" in said
    assert said.endswith(" meilleur.")
    assert verdict_sentence(ROW, label="DenseWeight", tasks=UTKFACE) == before


def test_a_sentence_begins_with_a_capital_where_the_metric_comes_first() -> None:
    row = ROW | {"metric": "gender.accuracy", "measure": "difference"}
    with speaking("fr"):
        assert verdict_sentence(row, tasks=UTKFACE).startswith("Écart en exactitude (")


def test_a_description_that_is_kept_says_every_language() -> None:
    infos = [metric_info("age.mae_balanced"), gap_info("age.mae", "ratio")]
    english = [(info.label, info.phrase, info.explanation) for info in infos]
    with speaking("fr"):
        assert metric_info("age.mae_balanced") is infos[0]
        assert [info.own_label for info in infos] == [
            "MAE équilibrée",
            "rapport en MAE",
        ]
        assert infos[0].unit == "ans"
    assert [(info.label, info.phrase, info.explanation) for info in infos] == english


def test_a_number_is_written_in_french_and_reckoned_with_in_none() -> None:
    info = metric_info("age.mae")
    row = ROW | {"delta_low": -0.37, "delta_high": -0.004}
    with speaking("fr"):
        assert info.format(1.5, unit=True) == "1,50\xa0an"
        assert info.format(7.25, unit=True) == "7,25\xa0ans"
        assert write(info, -0.001, signed=True) == "0,00"
        # The digits of an end near 0 are found in either language.
        assert telling_digits(row, info) == replace(info, digits=3)
        assert metric_info("label.error_rate").format(0.2, unit=True) == "20,0\xa0%"
        assert (p_text(0.0001), plain_percent(0.975)) == ("< 0,001", "97,5\xa0%")
        assert COSTS["training_seconds"].format(1234.0, unit=True) == "1\u202f234 s"
        assert given_text(AGE, {"given": 1.0}).endswith("an")
    assert info.format(1.5, unit=True) == "1.50 years"


def test_tables_and_findings_are_in_french(comparison) -> None:
    keys = ["age.mae", "gender.accuracy"]
    with speaking("fr"):
        board = leaderboard(comparison, keys, LABELS, UTKFACE)
        detail = metric_detail(comparison, "age.mae", LABELS, UTKFACE)
        said = " ".join(findings(comparison, keys, LABELS, UTKFACE))
        cell = board.rows[1][1]
        assert isinstance(cell, Cell)
        pieces = " ".join(p.text for line in cell.lines("full") for p in line)
    assert board.columns[0].heading == "Méthode"
    assert [c.heading for c in detail.columns][2] == "Intervalle à 95\xa0%"
    assert "référence" in said
    assert "," in pieces.split()[0]
    assert "\xa0; " in pieces
    assert leaderboard(comparison, keys, LABELS, UTKFACE).columns[0].heading == "Method"


def test_metrics_that_count_once_are_named_after_each_other() -> None:
    infos = (metric_info("age.mae"), metric_info("age.mae_balanced"))
    assert heading(infos) == "Age MAE = balanced MAE (years) ↓"
    with speaking("fr"):
        assert " MAE = MAE équilibrée (ans)" in heading(infos)


@pytest.mark.parametrize("verdict", verdicts.VERDICTS)
@pytest.mark.parametrize("scope", [verdicts.METHOD, verdicts.MODEL])
def test_every_verdict_has_words_in_french(verdict: str, scope: str) -> None:
    row = {"verdict": verdict, "scope": scope}
    with speaking("fr"):
        french = verdict_text(row)
    assert french != verdict_text(row)


def test_numbers_in_fixed_messages_are_those_that_are_used() -> None:
    assert f" {verdicts.SMALL_GROUP} " in verdicts.TOO_FEW
    assert f" {verdicts.MOST_UNDEFINED:.0%} " in verdicts.OFTEN_UNDEFINED
    assert f" {slices.FEWEST} " in slices_of_study.SEARCHED
    assert f" {slices.FEWEST} " in slices.TOO_SMALL
    assert f" {slices.MOST_SLICES:,} " in slices.TOO_MANY
    assert f" {MAX_GROUPS} " in slice_features.TOO_MANY
    ranges = [metrics.shot_range(name) for name in SHOT_GROUPS]
    ranges[0] += " training images"
    pairs = zip(SHOT_GROUPS, ranges, strict=True)
    assert ", ".join(f"{name}: {text}" for name, text in pairs) == SHOTS


def test_every_task_that_is_shipped_has_a_french_label() -> None:
    labels = {task.label for one in READERS.values() for task in one.info.tasks}
    assert labels <= set(SHIPPED_LABELS)


def test_a_group_of_numbers_is_said_and_a_name_is_left() -> None:
    with speaking("fr"):
        words = [slice_features.group_words(g) for g in ("below 0.4", "0.4 to 1e-05")]
        assert words == ["moins de 0,4", "0,4 à 1e-05"]
        assert slice_features.group_words("2.5 or more") == "2,5 ou plus"
        assert slice_features.group_words("below the chin") == "below the chin"


def test_a_rule_joins_its_conditions_in_french() -> None:
    formula = next(f for f in formulas_of(2) if "and" in f.text and "not" in f.text)
    rule = Rule((Condition("hat", "flag"), Condition("beard", "flag")), formula, 1.0)
    assert rule.said == rule.text
    with speaking("fr"):
        assert " et " in rule.said
        assert "non " in rule.said
        assert " and " in rule.text
        assert "chapeau" in rule.said
        threshold = Condition("age", "at least", 0.5)
        assert threshold.said() == "âge ≥ 0,5"
        assert threshold.said(is_opposite=True) == "âge < 0,5"
        assert Condition("hair", "is", "no hair").said() == "no hair"
    assert threshold.said() == threshold.text == "age ≥ 0.5"


def test_an_unknown_metric_is_said_in_french() -> None:
    with speaking("fr"):
        error = metrics.unknown_metric("x", ["age.mae"], study=gettext("this study"))
        assert "Il n’y a pas de métrique" in error.problem
        assert error.problem.endswith("dans cette étude.")
