from core.evaluation.compare import compare
from core.report import markdown_table
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
