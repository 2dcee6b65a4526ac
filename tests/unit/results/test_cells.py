"""Cells: every renderer's verdict agrees with the interval that it shows."""

import re
from io import StringIO
from typing import Any

import numpy as np
import pandas as pd
import pytest
from rich.console import Console

from core.evaluation.comparison import Comparison, compare_runs
from core.evaluation.verdicts import (
    BASELINE,
    BETTER,
    BORDERLINE,
    DIFFERS,
    EQUIVALENT,
    INCONCLUSIVE,
    METHOD,
    MODEL,
    TOO_FEW,
    UNTESTED,
    WORSE,
    decide,
)
from core.results.cells import Cell, Text, heading
from core.results.console import print_table
from core.results.frame import NO_BREAK, table_frame
from core.results.markdown import table_markdown
from core.results.sentences import SIGNS, verdict_sentence
from core.results.tables import Column, Table
from core.text import to_markdown
from tests.synthetic import TASKS, synthetic_tables

FACES = TASKS["utkface"]
DIRECTIONS = {"age.mae": "lower", "gender.accuracy": "higher", "age.bias": "zero"}
DIRECTIONS |= {"gender.selection_rate": "none", "label.error_rate": "lower"}
INTERVAL = re.compile(r"\[([^,\]]+), ?([^\]]+)\]")


def row(**changes: Any) -> dict[str, Any]:
    """A row of ``Comparison.cells``, of a method that is better."""
    known = {
        "method": "lmf",
        "metric": "gender.accuracy",
        "measure": "",
        "group": "",
        "images": 640,
        "n": 640,
        "seeds": 3,
        "mean": 0.9,
        "sd": 0.01,
        "low": 0.88,
        "high": 0.92,
        "delta": 0.05,
        "delta_low": 0.02,
        "delta_high": 0.08,
        "p": 0.012,
        "margin": 0.01,
        "verdict": BETTER,
        "scope": METHOD,
        "note": "",
        "smallest_detectable": 0.03,
        "seed_share": 0.4,
        "seeds_needed": 7.0,
        "family": "study",
    }
    return known | changes


def table_of(*cells: Cell, part: str = "full") -> Table:
    columns = (Column("Method", align="left"), Column("Metric", part))
    return Table("", columns, tuple((Text("LMF"), cell) for cell in cells))


def in_terminal(table: Table, width: int = 160) -> str:
    out = Console(file=StringIO(), width=width)
    print_table(table, out)
    return out.file.getvalue()


def rendered(cell: Cell, part: str = "full") -> tuple[str, str, str]:
    """The cell as a page, a file and a terminal have it, on one line each."""
    (only,) = all_rendered([cell], part)
    return only


def all_rendered(cells: list[Cell], part: str = "full") -> list[tuple[str, str, str]]:
    table = table_of(*cells, part=part)
    frame = [
        text.replace(NO_BREAK, " ").replace("\\", "")
        for text in table_frame(table)["Metric"]
    ]
    markdown = [
        line.split(" | ")[1].removesuffix(" |").replace("<br>", " ")
        for line in table_markdown(table).splitlines()[2:]
    ]
    terminal, rows = [""], in_terminal(table).splitlines()[3:-1]
    for line in rows:
        if line.startswith("├"):
            terminal.append("")
        else:
            terminal[-1] = f"{terminal[-1]} {line.split('│')[2].strip()}".strip()
    return list(zip(frame, markdown, terminal, strict=True))


def shown_interval(text: str) -> tuple[float, float]:
    """The last interval of a text: that of the difference."""
    low, high = INTERVAL.findall(text)[-1]
    return tuple(float(end.replace("−", "-").strip(" |")) for end in (low, high))


def check_agreement(cell: Cell, texts: tuple[str, str, str]) -> None:
    for text in texts:
        if cell.is_baseline:
            assert not any(sign in text for sign in "▲▼≈◆○")
            continue
        (said,) = [v for v, sign in SIGNS.items() if sign and f"{sign} " in text]
        assert said == cell.verdict
        if cell.verdict == UNTESTED:
            assert len(INTERVAL.findall(text)) <= 1
            continue
        low, high = shown_interval(text)
        if cell.verdict == INCONCLUSIVE:
            assert low <= 0 <= high
        elif cell.verdict == EQUIVALENT:
            margin = cell.margin * cell.info.factor
            assert -margin < low <= high < margin
        else:
            assert low > 0 or high < 0
            down_is_better = cell.info.direction != "higher"
            if cell.verdict in (BETTER, WORSE):
                assert (high < 0) == (down_is_better == (cell.verdict == BETTER))


def random_rows(count: int) -> list[dict[str, Any]]:
    """Differences of every size, many of them just beside 0 or beside the margin."""
    rng = np.random.default_rng(4)
    metrics = rng.choice(list(DIRECTIONS), count)
    scale = 10.0 ** rng.uniform(-6, 1, count)
    delta = scale * rng.standard_normal(count)
    half = np.abs(delta) * rng.choice([0.5, 0.999, 1.001, 3.0], count)
    margin = np.where(rng.random(count) < 0.3, np.nan, 10.0 ** rng.uniform(-2, 0))
    close = rng.random(count) < 0.2
    half = np.where(close & ~np.isnan(margin), margin - np.abs(delta) - 1e-5, half)
    half = np.maximum(half, 1e-9)
    low, high = delta - half, delta + half
    low[::10] = high[::10] = np.nan
    verdicts = decide(low, high, margin, [DIRECTIONS[m] for m in metrics])
    return [
        row(
            metric=str(metrics[i]),
            delta=delta[i],
            delta_low=low[i],
            delta_high=high[i],
            margin=margin[i],
            verdict=str(verdicts[i]),
            scope=rng.choice([METHOD, MODEL]),
            note=TOO_FEW if i % 10 == 0 else "",
        )
        for i in range(count)
    ]


def test_in_every_renderer_a_verdict_agrees_with_the_interval_beside_it() -> None:
    rows = random_rows(600)
    assert {r["verdict"] for r in rows} == set(SIGNS) - {BASELINE}
    cells = [Cell.from_row(one, FACES) for one in rows]
    for cell, texts in zip(cells, all_rendered(cells), strict=True):
        check_agreement(cell, texts)


@pytest.fixture(scope="module")
def comparison() -> Comparison:
    methods = ("baseline", "ins", "undersample", "denseweight-1")
    tables = synthetic_tables(methods=methods, seeds=(0, 1), rows=320)
    metrics = ("age.mae", "age.bias", "gender.recall", "gender.false_positive_rate")
    metrics += ("gender.selection_rate", "ethnicity.f1[Asian]", "gender.accuracy")
    return compare_runs(
        tables, FACES, "baseline", by=("gender",), metrics=metrics, resamples=200
    )


def test_so_do_all_cells_of_a_comparison_within_groups(comparison) -> None:
    cells = [Cell.from_row(one, FACES) for one in comparison.cells.to_dict("records")]
    cells = [cell for cell in cells if cell.is_known]
    for cell, texts in zip(cells, all_rendered(cells), strict=True):
        check_agreement(cell, texts)


def test_values_that_stand_beside_each_other_subtract(comparison) -> None:
    cells = comparison.cells.set_index(["method", "metric", "measure", "group"])
    for key in cells.index[cells["verdict"] != BASELINE]:
        base, own = cells.loc[("baseline", *key[1:])], cells.loc[key]
        if key[1].endswith("bias") or key[2]:
            continue
        assert own["delta"] == pytest.approx(own["mean"] - base["mean"], nan_ok=True)


def test_a_sentence_shows_the_digits_that_its_verdict_needs() -> None:
    near = row(delta=-0.009, delta_low=-0.0178, delta_high=-0.0002, verdict=WORSE)
    said = verdict_sentence(near, tasks=FACES)
    assert "0.0002 to 0.0178 lower" in said
    assert said.endswith(": worse.")
    (text, *_) = rendered(Cell.from_row(near, FACES))
    assert "−0.0090 [−0.0178, −0.0002]" in text


def test_a_class_that_was_never_found_says_of_how_many_with_its_interval() -> None:
    lost = {"mean": 0.0, "low": 0.0, "high": 0.046, "n": 160}
    for metric in ("ethnicity.f1[Asian]", "ethnicity.recall[Asian]"):
        texts = rendered(Cell.from_row(row(metric=metric, **lost), FACES))
        assert all("0 of 160 found" in text for text in texts)
        assert all("[0.000, 0.046]" in text for text in texts)
    # No accuracy counts what was found, and a class without an image has no recall.
    accuracy = Cell.from_row(row(**lost), FACES)
    absent = row(metric="ethnicity.recall[Asian]", mean=np.nan, n=0)
    for cell in (accuracy, Cell.from_row(absent, FACES)):
        assert not any("found" in text for text in rendered(cell))


def test_on_few_images_a_note_stands_where_the_interval_would() -> None:
    none = {"delta_low": np.nan, "delta_high": np.nan, "p": np.nan}
    few = row(n=12, verdict=UNTESTED, note=TOO_FEW, **none)
    for text in rendered(Cell.from_row(few, FACES)):
        assert "+0.050" in text
        assert len(INTERVAL.findall(text)) == 1
        assert f"– no verdict: {TOO_FEW}" in text


def test_a_verdict_on_one_trained_model_says_so_in_the_word_itself() -> None:
    of_model = Cell.from_row(row(scope=MODEL), FACES)
    for text in rendered(of_model):
        assert "▲ this trained model is better" in text
    for text in rendered(Cell.from_row(row(), FACES)):
        assert "this trained model" not in text


def test_a_borderline_verdict_is_called_so() -> None:
    for text in rendered(Cell.from_row(row(note=BORDERLINE), FACES)):
        assert "better (borderline)" in text


def test_the_baseline_has_no_difference_and_a_group_its_name() -> None:
    nothing = dict.fromkeys(("delta", "delta_low", "delta_high", "p"), np.nan)
    base = Cell.from_row(row(verdict=BASELINE, **nothing), FACES)
    for text in rendered(base):
        assert text.count("[") == 1
    for part in ("delta", "delta interval", "p", "power", "change"):
        assert rendered(base, part)[1] == "–"
    named = Cell.from_row(row(group="a|b*"), FACES)
    assert table_markdown(table_of(named, part="named")).splitlines()[2] == (
        r"| LMF | a\|b\* 0.900<br>[0.880, 0.920] |"
    )


@pytest.mark.parametrize(
    ("part", "expected"),
    [
        ("value", "0.900"),
        ("sd", "0.010"),
        ("interval", "[0.880, 0.920]"),
        ("delta", "+0.050"),
        ("delta interval", "[+0.020, +0.080]"),
        ("p", "0.012"),
        ("verdict", "▲ better"),
        ("n", "20 of 640"),
        ("seeds", "3"),
        ("smallest detectable", "0.030"),
        ("seed share", "40 %"),
        ("seeds needed", "–"),
        ("power", "–"),
        ("score", "**0.900** [0.880, 0.920] ▲ better"),
        ("estimate", "0.900 [0.880, 0.920]"),
    ],
)
def test_every_part_of_a_cell_can_stand_alone(part: str, expected: str) -> None:
    markdown = rendered(Cell.from_row(row(n=20), FACES), part)[1]
    assert markdown == expected


@pytest.mark.parametrize(
    ("needed", "expected"),
    [
        (7.0, "from 0.030; 7 seeds"),
        (np.inf, "from 0.030; more images"),
        (np.nan, "from 0.030"),
    ],
)
def test_what_is_inconclusive_says_what_would_settle_it(needed, expected) -> None:
    open_row = row(verdict=INCONCLUSIVE, delta_low=-0.02, seeds_needed=needed)
    assert rendered(Cell.from_row(open_row, FACES), "power")[1] == expected


def test_a_heading_names_unit_side_and_metrics_that_are_equal() -> None:
    def info(key: str):
        return Cell.from_row(row(metric=key), FACES).info

    assert heading(info("age.mae")) == "Age MAE (years) ↓"
    assert heading(info("age.bias")) == "Age bias (years) → 0"
    assert heading(info("gender.selection_rate")) == "Gender selection rate"
    both = (info("age.mae"), info("age.mae_balanced"))
    assert heading(both) == "Age MAE = balanced MAE (years) ↓"


def test_every_verdict_has_a_sign_of_its_own() -> None:
    signs = [sign for verdict, sign in SIGNS.items() if verdict != BASELINE]
    assert len(set(signs)) == len(signs)
    assert {BETTER, WORSE, EQUIVALENT, DIFFERS, INCONCLUSIVE, UNTESTED} < set(SIGNS)


def test_a_column_of_a_frame_has_the_text_that_markdown_has() -> None:
    frame = table_frame(table_of(Cell.from_row(row(), FACES)))
    assert isinstance(frame, pd.DataFrame)
    assert list(frame.columns) == ["Method", "Metric"]
    shown = to_markdown(frame.iloc[0, 1]).replace(NO_BREAK, " ").replace("\\", "")
    assert shown == "**0.900** [0.880, 0.920] +0.050 [+0.020, +0.080] " + (
        ":green[**▲ better**]"
    )
