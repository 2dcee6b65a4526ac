"""Sentences on a comparison claim what its verdicts claim, and nothing else."""

import re
from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pytest

from core.evaluation.comparison import Comparison, compare_runs
from core.evaluation.verdicts import (
    BETTER,
    DIFFERS,
    EQUIVALENT,
    INCONCLUSIVE,
    MODEL,
    TOO_FEW,
    UNTESTED,
    WORSE,
)
from core.results.findings import findings, gap_findings, listed
from tests.grouped import TASK, grouped_tables
from tests.synthetic import LABELS, TASKS, synthetic_tables

FACES = TASKS["utkface"]
METHODS = ("baseline", "ins", "undersample", "denseweight", "lmf")
MAE = ("age.mae",)


@pytest.fixture(scope="module")
def measured() -> Comparison:
    tables = synthetic_tables(methods=METHODS, seeds=(0, 1), rows=320)
    keys = ("age.mae", "age.mae_balanced", "gender.selection_rate", "age.bias")
    return compare_runs(tables, FACES, "baseline", metrics=keys, resamples=100)


def judged(
    comparison: Comparison,
    rows: Mapping[str, Mapping[str, object]],
    metric: str = MAE[0],
) -> Comparison:
    """The comparison with other verdicts and differences of one metric."""
    cells = comparison.cells.copy()
    for method, changes in rows.items():
        own = (cells["method"] == method) & (cells["metric"] == metric)
        for name, value in changes.items():
            cells.loc[own, name] = value
    return replace(comparison, cells=cells)


ROWS = {
    "ins": {"verdict": WORSE, "delta": 2.4},
    "undersample": {"verdict": WORSE, "delta": 0.98},
    "denseweight": {"verdict": EQUIVALENT, "delta": 0.1, "margin": 0.5},
    "lmf": {
        "verdict": INCONCLUSIVE,
        "delta": -0.2,
        "smallest_detectable": 0.9,
        "seeds_needed": 7.0,
    },
}


def test_each_verdict_has_its_methods_and_the_range_of_their_differences(
    measured,
) -> None:
    (said,) = findings(judged(measured, ROWS), MAE, LABELS, FACES)
    assert said == (
        f"Age MAE: {LABELS['ins']} and {LABELS['undersample']} are worse than the"
        f" baseline, by 0.98 to 2.40 years. {LABELS['denseweight']} is equivalent to"
        " the baseline: less than 0.50 years does not matter. No difference from the"
        f" baseline was detected for {LABELS['lmf']}: the smallest difference found"
        " with 80 % power is 0.90 years; what was observed would be settled by 7"
        " seeds of each method."
    )


def test_metrics_that_are_equal_by_design_are_said_once(measured) -> None:
    keys = ("age.mae", "age.mae_balanced")
    (said,) = findings(judged(measured, ROWS), keys, LABELS, FACES)
    assert said.startswith("Age MAE and age balanced MAE: ")


def test_what_would_settle_it_is_seeds_or_images(measured) -> None:
    unsure = {"verdict": INCONCLUSIVE, "smallest_detectable": 1.0}
    needed = {"ins": 3.0, "undersample": 12.0, "denseweight": np.inf, "lmf": np.inf}
    rows = {m: {**unsure, "seeds_needed": seeds} for m, seeds in needed.items()}
    (said,) = findings(judged(measured, rows), MAE, LABELS, FACES)
    assert (
        "No difference from the baseline was detected for any of the 4 methods" in said
    )
    assert said.endswith(
        "settled by 3 to 12 seeds of each method for 2 and by more images alone for 2."
    )
    rows = {m: {**unsure, "seeds_needed": np.inf} for m in needed}
    (said,) = findings(judged(measured, rows), MAE, LABELS, FACES)
    assert said.endswith("would be settled by more images alone.")
    rows = {m: {**unsure, "seeds_needed": np.nan} for m in needed}
    (said,) = findings(judged(measured, rows), MAE, LABELS, FACES)
    assert said.endswith("with 80 % power is 1.00 years.")


def test_of_trained_models_alone_it_speaks_of_models(measured) -> None:
    rows = {method: {**row, "scope": MODEL} for method, row in ROWS.items()}
    (said,) = findings(judged(measured, rows), MAE, LABELS, FACES)
    assert "The trained models of " in said
    assert "are worse than the baseline's, by" in said
    assert f"The trained model of {LABELS['denseweight']} is equivalent to" in said
    assert (
        "No difference from the baseline's was detected for the trained model of"
        f" {LABELS['lmf']}: the smallest" in said
    )
    assert "baseline," not in said.replace("baseline's,", "")


def test_what_cannot_be_judged_is_named_and_a_side_that_is_no_better(measured) -> None:
    rows = {"ins": {"verdict": UNTESTED, "note": TOO_FEW}}
    (said,) = findings(judged(measured, rows), MAE, LABELS, FACES)
    assert said.endswith(f"There is no verdict on {LABELS['ins']}.")
    rate = "gender.selection_rate"
    rows = {m: {"verdict": DIFFERS, "delta": 0.1} for m in METHODS[1:]}
    (said,) = findings(judged(measured, rows, rate), (rate,), LABELS, FACES)
    assert said.endswith("are different from the baseline, by 0.100.")


def test_what_was_imported_is_said_apart(measured) -> None:
    cells = measured.cells.copy()
    cells.loc[cells["method"] == "lmf", "family"] = "imported predictions"
    own, imported = findings(replace(measured, cells=cells), MAE, LABELS, FACES)
    assert LABELS["lmf"] not in own
    assert imported.startswith("Age MAE (imported predictions): ")


def test_the_baseline_alone_says_nothing(measured) -> None:
    assert findings(measured, MAE, {"baseline": "Baseline"}, FACES) == ()


def test_nothing_is_claimed_that_the_verdicts_do_not_say(measured) -> None:
    labels = {method: f"<{method}>" for method in METHODS}
    for key in ("age.mae", "gender.selection_rate", "age.bias"):
        (said,) = findings(measured, (key,), labels, FACES)
        for verdict, words in (
            (BETTER, "better than"),
            (WORSE, "worse than"),
            (DIFFERS, "different from"),
            (EQUIVALENT, "equivalent to"),
        ):
            rows = [measured.row(m, key) for m in METHODS[1:]]
            own = {r["method"] for r in rows if r["verdict"] == verdict}
            part = re.search(rf"(?:^|: |\. )([^.:]*?) (?:is|are) {words}", said)
            found = set(re.findall(r"<([\w-]+)>", part[1])) if part else set()
            assert found == own, said


def test_names_with_commas_are_parted_by_semicolons() -> None:
    assert listed(["a", "b", "c"]) == "a, b and c"
    assert listed(["a, x", "b"]) == "a, x; and b"
    assert listed(["a and b"]) == "a and b"


FALLS = {
    "baseline": {"a": 0.8, "b": 0.99},
    "lmf": {"a": 0.6, "b": 0.62},
}


def compare(accuracies: Mapping[str, Mapping[str, float]], images: int = 400):
    return compare_runs(
        grouped_tables(accuracies, images=images),
        (TASK,),
        "baseline",
        by=["group"],
        metrics=["hired.accuracy"],
        resamples=300,
    )


def said_of(comparison: Comparison) -> tuple[str, ...]:
    return gap_findings(comparison, "hired.accuracy", LABELS, (TASK,))


def test_what_is_certain_of_gaps_is_said_and_nothing_else() -> None:
    said = said_of(compare(FALLS))
    assert all(sentence.startswith("LMF's hired ") for sentence in said)
    assert any("accuracy difference is 0.170 lower" in sentence for sentence in said)
    assert all("this trained model is" in sentence for sentence in said)
    same = {"baseline": FALLS["baseline"], "lmf": {"a": 0.8025, "b": 0.99}}
    assert said_of(compare(same)) == (
        "No method's gap in hired accuracy was found to differ from the baseline's.",
    )
    assert said_of(compare({"baseline": FALLS["baseline"]})) == ()


def test_without_a_gap_there_is_a_reason() -> None:
    (reason,) = said_of(compare(FALLS, images=10))
    assert "two groups of enough images" in reason


def test_a_method_that_is_not_shown_is_not_spoken_of() -> None:
    said = gap_findings(compare(FALLS), "hired.accuracy", {"baseline": "B"}, (TASK,))
    assert said == ()
