"""Results as text."""

import pandas as pd

from core.evaluation.compare import compare
from core.evaluation.cost import cost_table, run_costs
from core.evaluation.published import published_table
from core.report import (
    PUBLISHED_NOTE,
    Outcome,
    cost_markdown,
    cost_text,
    markdown_table,
    methods_markdown,
    methods_table,
    published_markdown,
    published_text,
)
from core.study import Study
from tests.records import record
from tests.synthetic import TASKS, synthetic_study, synthetic_tables


def test_markdown_holds_each_method_with_its_difference() -> None:
    tables = synthetic_tables(methods=("baseline", "lmf"), rows=128)
    comparison = compare(tables, TASKS["utkface"], "baseline", resamples=200)
    study = synthetic_study(methods=("baseline", "lmf"))
    keys = ["age.mae", "ethnicity.f1[Asian]"]
    text = markdown_table(comparison, study, TASKS["utkface"], keys)
    head, rule, baseline, lmf = text.splitlines()
    assert "years ↓" in head
    assert "Asian" in head
    assert rule == "| --- | ---: | ---: |"
    assert "<br>" not in baseline
    row = comparison.row("lmf", "ethnicity.f1[Asian]")
    assert f"**{row['mean']:.3f}**" in lmf
    assert f"{row['delta']:+.3f}" in lmf
    assert str(row["verdict"]) in lmf


def test_costs_in_words_have_their_spread_and_a_dash_where_nothing_is_known() -> None:
    study = synthetic_study(methods=("baseline", "lmf"))
    runs = [
        record("lmf", duration_s=500.0, inference_ms=0, trained_from="imagenet"),
        record("baseline", 0, duration_s=90.0),
        record("baseline", 1, duration_s=110.0),
    ]
    table, shared = cost_text(cost_table(run_costs(runs)), study)
    assert table["Method"].tolist() == ["Baseline", "LMF"]
    assert table["Training time (s)"].tolist() == ["100 ± 14", "500"]
    assert table["Parameters in all (millions)"].tolist() == ["1.500", "1.500"]
    assert table["Inference time (ms per image)"].tolist() == ["2.00", "–"]
    assert table["Trained from"].tolist() == ["scratch", "imagenet"]
    assert "Epochs" not in table
    assert shared.startswith("For all: epochs 10; image size (px) 64; backbone cnn;")
    text = cost_markdown(cost_table(run_costs(runs)), study)
    assert "| Baseline | 1.000 | 1.500 | 100 ± 14 | 100 ± 14 | 500 |" in text


OURS = pd.DataFrame(
    [
        {"method": m, "metric": "label.error_rate", "mean": v, "low": v - 0.01}
        | {"high": v + 0.01, "verdict": "better"}
        for m, v in (("baseline", 0.3051), ("csce", 0.2871))
    ]
)


def _claim(method: str, value: float, source: str) -> dict[str, object]:
    return {"method": method, "metric": "label.error_rate", "value": value} | {
        "source": source
    }


def _study() -> Study:
    study = synthetic_study("cifar10-lt-200", methods=("baseline", "csce"))
    claims = [
        _claim("baseline", 0.231, "paper A"),
        _claim("csce", 0.221, "paper B"),
        _claim("hmloss", 0.218, "paper A"),
    ]
    own = {"published": claims, "notice": "Thirty epochs here."}
    return Study.model_validate({**study.model_dump(), **own})


def test_published_numbers_are_in_the_metrics_unit_with_numbered_sources() -> None:
    table = published_table(_study().published, OURS, "baseline")
    shown, sources = published_text(
        table, TASKS["cifar10-lt-200"], {"csce": "Cost-sensitive"}
    )
    assert sources == ("paper A", "paper B")
    assert shown.to_numpy().tolist() == [
        ["baseline", "Class error rate (%)", "30.5", "29.5 to 31.5", "23.1", "1"],
        ["Cost-sensitive", "Class error rate (%)", "28.7", "27.7 to 29.7", "22.1", "2"],
        ["hmloss", "Class error rate (%)", "–", "–", "21.8", "1"],
    ]


def test_published_markdown_says_the_budget_and_claims_nothing() -> None:
    study = _study()
    table = published_table(study.published, OURS, "baseline")
    text = published_markdown(table, TASKS["cifar10-lt-200"], study)
    lines = text.splitlines()
    assert lines[2].startswith("| Baseline | Class error rate (%) | 30.5 |")
    assert "1. paper A" in lines
    assert lines[-1] == f"{PUBLISHED_NOTE} Thirty epochs here."
    assert "better" not in text


def _where(outcomes: list[Outcome], untrained: list[Study]) -> dict[str, str]:
    table = methods_table(outcomes, untrained)
    names = table["Name"].str.strip("`")
    return dict(zip(names, table["Where it helps"], strict=True))


def _outcome(methods: tuple[str, ...]) -> Outcome:
    """A study of these methods, INS with one seed, whose LMF has no run."""
    tables = synthetic_tables(methods=("baseline", "ins", "denseweight"), rows=128)
    kept = {key: t for key, t in tables.items() if key[0] != "ins" or key[1] == 0}
    tasks = TASKS["utkface"]
    comparison = compare(kept, tasks, "baseline", resamples=50)
    return Outcome(synthetic_study(methods=methods), comparison, tasks, ("age.mae",))


def test_a_verdict_from_one_seed_says_so() -> None:
    where = _where([_outcome(("baseline", "ins", "denseweight"))], [])
    assert where["ins"].startswith("ins (utkface): ")
    assert where["ins"].endswith(" (one seed)")
    assert where["denseweight"].startswith("denseweight (utkface): ")
    assert "one seed" not in where["denseweight"]


def test_a_remedy_that_is_not_trained_yet_is_told_from_one_of_no_study() -> None:
    methods = ("baseline", "ins", "denseweight", "lmf", "denseweight-lmf")
    untrained = synthetic_study("cifar10-lt-200", methods=("baseline", "csce", "focal"))
    where = _where([_outcome(methods)], [untrained])
    assert where["lmf"] == "in utkface, not trained yet"
    assert where["focal"] == "in cifar10-lt-200, not trained yet"
    # What is trained somewhere needs no more.
    assert "not trained" not in where["ins"]
    assert where["huber"] == "in no study by itself"
    both = synthetic_study("avatars", methods=("baseline", "lmf"))
    where = _where([_outcome(methods)], [both])
    assert where["lmf"] == "in utkface, avatars, not trained yet"


def test_methods_as_markdown_are_the_same_table() -> None:
    outcomes = [_outcome(("baseline", "ins"))]
    untrained = [synthetic_study("cifar10-lt-200", methods=("baseline", "focal"))]
    lines = methods_markdown(outcomes, untrained).splitlines()
    cells = [line.strip("| ").split(" | ") for line in lines]
    table = methods_table(outcomes, untrained)
    assert cells[0] == list(table.columns)
    assert cells[2:] == table.to_numpy().tolist()
