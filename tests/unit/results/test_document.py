"""A document's sections, and its renderers: Markdown, terminal and plain values."""

import json
import re
from io import StringIO

import numpy as np
import pytest
from rich.console import Console

from core.evaluation.comparison import Comparison, compare_runs
from core.evaluation.published import published_by_group_table, published_table
from core.results.cells import Text
from core.results.console import print_document
from core.results.document import Document, Lines, Section
from core.results.json_values import (
    comparison_record,
    fairness_record,
    published_records,
)
from core.results.markdown import document_markdown
from core.results.sentences import reading_notes
from core.results.tables import Column, Table, leaderboard
from core.study import Published, PublishedByGroup
from tests.synthetic import TASKS, synthetic_tables

FACES = TASKS["utkface"]
HOSTILE = "[red]![t](http://x/y.png)[/red] $x$ | *b* `c`"


def table(*rows: str, title: str = "A table", **more) -> Table:
    columns = (Column("Name", align="left"), Column("More"))
    cells = tuple((Text(row), Text(f"{row}-{i}")) for i, row in enumerate(rows))
    return Table(title, columns, cells, **more)


def printed(document: Document, width: int = 100) -> str:
    out = Console(file=StringIO(), width=width)
    print_document(document, out)
    return out.file.getvalue()


DOCUMENT = Document(
    (
        Section("leaderboard", (table("a"), Lines("notes", ("First.", "Second.")))),
        Section("findings", (Lines("findings", ("One.", "Two."), "What it says"),)),
        Section("seeds", (table(title="Nothing"), Lines("notes", ("First.",)))),
        Section("published", (table("b"), Lines("sources", ("A book", "A paper")))),
    )
)


def test_markdown_has_tables_lists_and_each_note_once() -> None:
    assert document_markdown(DOCUMENT).split("\n\n") == [
        "| Name | More |\n| --- | ---: |\n| a | a-0 |",
        "First. Second.",
        "**What it says**",
        "- One.\n- Two.",
        "**A table**",
        "| Name | More |\n| --- | ---: |\n| b | b-0 |",
        "1. A book\n2. A paper",
    ]


def test_a_terminal_has_the_same(capsys) -> None:
    text = printed(DOCUMENT)
    for part in ("a-0", "First.", "What it says", "- Two.", "b-0", "2: A paper"):
        assert part in text
    assert text.count("First.") == 1
    assert "Nothing" not in text


def test_some_sections_can_stand_alone() -> None:
    only = document_markdown(DOCUMENT.only(["findings"]))
    assert only == "**What it says**\n\n- One.\n- Two."


def test_text_of_a_person_is_text_in_every_renderer() -> None:
    document = Document(
        (
            Section(
                "published",
                (
                    table(HOSTILE, title=HOSTILE, notes=(HOSTILE,)),
                    Lines("sources", (HOSTILE,), HOSTILE),
                    Lines("findings", (HOSTILE,)),
                ),
            ),
        )
    )
    said = printed(document, width=200)
    assert said.count(HOSTILE) == 7
    text = document_markdown(document)
    assert text.count(r"!\[t\](http") == 6
    assert not re.search(r"(?<!\\)\]\(", text)
    assert not any(mark in text for mark in ("![", "$x$", " *b*", "`c`"))
    # In a cell a bar would begin another one.
    row = next(line for line in text.splitlines() if line.startswith("| "))
    assert row.count(" | ") == 1


def test_rows_that_belong_together_are_named_once_in_a_terminal() -> None:
    rows = tuple((Text(group), Text(m)) for group in "ab" for m in ("one", "two"))
    columns = (Column("Group", align="left"), Column("Method"))
    blocks = Table("", columns, rows, blocks=1)
    lines = printed(Document((Section("fairness", (blocks,)),))).splitlines()
    named = [line.split() for line in lines if "one" in line or "two" in line]
    assert named == [["a", "one"], ["two"], ["b", "one"], ["two"]]


@pytest.fixture(scope="module")
def comparison() -> Comparison:
    tables = synthetic_tables(
        methods=("baseline", "ins", "lmf"), seeds=(0, 1), rows=320
    )
    metrics = ("gender.accuracy", "age.mae", "age.bias")
    return compare_runs(tables, FACES, "baseline", metrics=metrics, resamples=100)


def test_no_number_is_cut_where_a_terminal_is_narrow(comparison) -> None:
    labels = {"baseline": "Baseline", "ins": "INS", "lmf": "LMF"}
    keys = ("gender.accuracy", "age.mae")
    board = leaderboard(comparison, keys, labels, FACES)
    document = Document((Section("leaderboard", (board,)),))
    for width in (120, 80, 60):
        text = printed(document, width)
        assert max(map(len, text.splitlines())) <= width
        for one in comparison.table.to_dict("records"):
            if one["metric"] not in keys:
                continue
            digits = 2 if one["metric"] == "age.mae" else 3
            assert f"{one['low']:.{digits}f}, {one['high']:.{digits}f}]" in text


def test_how_to_read_it_names_margins_and_the_family(comparison) -> None:
    value, verdicts = reading_notes(comparison, ["age.mae", "gender.accuracy"], FACES)
    assert value.startswith("The mean over the seeds and its interval")
    assert "(age MAE 0.50 years, gender accuracy 0.010)" in verdicts
    assert "over the methods, and not over the metrics" in verdicts
    changed = comparison.with_margins({"age.mae": 0.25}, FACES)
    assert "age MAE 0.25 years" in reading_notes(changed, ["age.mae"], FACES)[1]
    one = synthetic_tables(methods=("baseline", "ins"), seeds=(0,), rows=100)
    alone = compare_runs(one, FACES, "baseline", metrics=["age.rmse"], resamples=50)
    value, _ = reading_notes(alone, ["age.rmse"], FACES)
    assert value.startswith("The value of the one seed and its interval")


def test_a_metric_without_a_margin_has_no_equivalence(comparison) -> None:
    _, verdicts = reading_notes(comparison, ["age.bias"], FACES)
    assert "equivalent" not in verdicts
    _, verdicts = reading_notes(comparison, ["age.mae"], FACES)
    assert "≈ equivalent" in verdicts


def test_plain_values_are_json_with_all_that_a_verdict_rests_on(comparison) -> None:
    answer = comparison_record(comparison, "faces", {"ins": {"parameters": 10}})
    answer = json.loads(json.dumps(answer, allow_nan=False))
    assert (answer["study"], answer["baseline"], answer["images"]) == (
        *("faces", "baseline"),
        320,
    )
    methods = {entry["name"]: entry for entry in answer["methods"]}
    assert list(methods) == ["baseline", "ins", "lmf"]
    assert methods["baseline"]["metrics"]["age.mae"]["delta"] is None
    assert methods["ins"]["cost"] == {"parameters": 10}
    assert methods["ins"]["seeds"] == [0, 1]
    for method in ("ins", "lmf"):
        for key, found in methods[method]["metrics"].items():
            row, delta = comparison.row(method, key), found["delta"]
            assert found["ci"] == pytest.approx([row["low"], row["high"]])
            assert delta["mean"] == pytest.approx(row["delta"])
            assert delta["ci"] == pytest.approx([row["delta_low"], row["delta_high"]])
            for name in ("p", "margin", "smallest_detectable", "seed_share"):
                known = row[name] if np.isfinite(row[name]) else None
                assert delta[name] == pytest.approx(known)
            for name in ("verdict", "scope", "note"):
                assert delta[name] == row[name]
            needed = row["seeds_needed"]
            assert delta["only_more_images"] == np.isinf(needed)
            assert delta["seeds_needed"] == (needed if np.isfinite(needed) else None)
            assert methods[method]["family"] == "study"


def test_groups_as_plain_values_have_each_group_and_gap() -> None:
    tables = synthetic_tables(methods=("baseline", "ins"), seeds=(0, 1), rows=320)
    within = compare_runs(
        tables,
        FACES,
        "baseline",
        by=["gender"],
        metrics=["ethnicity.accuracy"],
        resamples=100,
    )
    answer = json.loads(json.dumps(fairness_record(within), allow_nan=False))
    assert answer["features"] == ["gender"]
    assert [group["images"] for group in answer["groups"]] == [160, 160]
    base, ins = answer["methods"]
    metric = ins["metrics"]["ethnicity.accuracy"]
    assert set(metric["by_group"]) == {"male", "female"}
    row = within.row("ins", "ethnicity.accuracy", group="female")
    assert metric["by_group"]["female"]["value"] == pytest.approx(row["mean"])
    assert metric["by_group"]["female"]["rests_on"] == 160
    assert metric["all"]["rests_on"] == 320
    assert metric["all"]["delta"]["verdict"] in ("better", "worse", "inconclusive")
    assert base["metrics"]["ethnicity.accuracy"]["all"]["delta"] is None
    gaps = {gap["measure"]: gap for gap in ins["gaps"]}
    gap = within.row("ins", "ethnicity.accuracy", "difference")
    assert gaps["difference"]["value"] == pytest.approx(gap["mean"])
    assert gaps["difference"]["lowest"] == gap["lowest"]
    assert set(gaps) == {"difference", "ratio", "fair_metric"}


def test_published_numbers_as_plain_values_say_whose_each_is(comparison) -> None:
    claims = [
        Published(method="ins", metric="gender.accuracy", value=0.9, source="them"),
        Published(method="gone", metric="age.mae", change_percent=1.0, source="them"),
    ]
    theirs = published_table(claims, comparison.table, "baseline")
    value, change = json.loads(json.dumps(published_records(theirs), allow_nan=False))
    assert value["published"] == {"value": 0.9, "source": "them"}
    row = comparison.row("ins", "gender.accuracy")
    assert value["ours"]["value"] == pytest.approx(row["mean"])
    assert change["published"]["change_percent"] == 1.0
    assert change["ours"] == {"change_percent": None, "ci": [None, None]}
    assert published_records(published_table((), comparison.table, "baseline")) == []


def test_published_numbers_of_groups_say_whether_they_were_reported() -> None:
    common = {"method": "ins", "feature": "ethnicity", "source": "them"}
    claims = [
        PublishedByGroup(metric="gender.accuracy", group="Asian", value=0.9, **common),
        PublishedByGroup(metric="gender.fair_metric", value=0.8, **common),
    ]
    records = published_records(published_by_group_table(claims))
    first, second = json.loads(json.dumps(records, allow_nan=False))
    assert first["published"] == {"value": 0.9, "reported": True, "source": "them"}
    assert (first["measure"], second["group"]) == (None, None)
    assert (first["feature"], second["measure"]) == ("ethnicity", "fair_metric")
    assert second["ours"] == {"value": None, "ci": [None, None]}
