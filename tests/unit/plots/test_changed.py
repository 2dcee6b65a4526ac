"""Figures, tables and sentences on what changed between two methods."""

import numpy as np
import pandas as pd
import pytest

from core.evaluation.changed import (
    Change,
    Churn,
    Shift,
    change_keys,
    count_by_class,
    count_changes,
    mcnemar,
    shift_histogram,
)
from core.evaluation.comparison import compare_runs
from core.evaluation.metrics import metric_info
from core.plots import changed as plots
from core.text import percent
from core.text import to_plain as without_marks
from tests.changes import changed, tables_of
from tests.oracles import AGE, FOUR

LABELS = {"a": "Baseline", "b": "INS"}
INFO = metric_info("age.mae", (AGE,))


def to_plain(text):
    """What a reader sees, with blanks that may break."""
    return without_marks(text).replace("\N{NO-BREAK SPACE}", " ")


def change(gain=(1.0, -0.5, 0.0), seeds=(2, 2), task=FOUR):
    gain = np.array(gain)
    return Change(task, "a", "b", seeds, np.maximum(-gain, 0), np.maximum(gain, 0))


def table(verdicts=("better", "worse", "inconclusive"), net=(41.5, -12.0, 2.25)):
    net = np.array(net)
    return pd.DataFrame(
        {
            "group": ["Asian", "White", "Black"],
            "images": [160, 1200, 90],
            "gained": [42.0, 1.0, 5.25],
            "lost": [0.5, 13.0, 3.0],
            "net": net,
            "gained_in_all": [10, 0, 1],
            "lost_in_all": [0, 4, 0],
            "low": net - 10,
            "high": net + 10,
            "delta": net / 100,
            "delta_low": net / 100 - 0.1,
            "delta_high": net / 100 + 0.1,
            "p": 0.02,
            "verdict": verdicts,
            "scope": "method",
        }
    )


def whole(net=31.75):
    return pd.Series(
        {
            **{"images": 1450, "gained": 48.25, "lost": 16.5, "net": net},
            **{"delta": 0.022, "delta_low": 0.01, "delta_high": 0.034},
            **{"verdict": "better", "scope": "method"},
        }
    )


def test_gained_is_drawn_to_the_right_and_lost_to_the_left_with_the_net_below():
    figure = plots.plot_changes(table())
    gained, up, lost, down, net = figure.data
    # What gained most comes first.
    assert list(gained.x) == [42.0, 5.25, 1.0]
    assert list(lost.x) == [-0.5, -3.0, -13.0]
    assert list(up.x) == [10, 1, 0]
    assert list(down.x) == [0, 0, -4]
    assert list(net.x) == [41.5, 2.25, -12.0]
    assert list(net.error_x.array) == list(net.error_x.arrayminus) == [10, 10, 10]
    assert all(n > g for n, g in zip(net.y, gained.y, strict=True))
    texts = [note.text for note in figure.layout.annotations]
    assert "<b>Asian</b>  ▲ +41.5 of 160" in texts
    assert "<b>White</b>  ▼ −12 of 1,200" in texts
    low, high = figure.layout.xaxis.range
    assert low < -22
    assert high > 51.5


def test_of_many_classes_those_that_changed_most_are_drawn():
    rng = np.random.default_rng(1)
    many = pd.concat([table()] * 10, ignore_index=True)
    many["net"] = rng.normal(0, 20, 30)
    many["group"] = [f"c{i}" for i in range(30)]
    rows = plots.drawn_rows(many)
    assert len(rows) == plots.ROWS
    assert rows["net"].abs().min() >= np.sort(many["net"].abs())[-plots.ROWS]
    assert rows["net"].is_monotonic_decreasing


def test_an_interval_that_is_not_there_is_not_drawn_or_said():
    unknown = table(("no verdict",) * 3)
    unknown[["low", "high", "delta_low", "delta_high"]] = np.nan
    figure = plots.plot_changes(unknown)
    assert np.isfinite(figure.layout.xaxis.range).all()
    said = to_plain(plots.changes_takeaway(change(), whole(), unknown, LABELS, "class"))
    assert "the largest change: Asian +41.5 of 160." in said
    assert "nan" not in said
    assert to_plain(plots.changes_table(unknown, "Class")["Net"][0]) == (
        "+41.5 – no verdict"
    )


def test_the_sentence_says_who_gains_and_loses_for_certain():
    said = to_plain(plots.changes_takeaway(change(), whole(), table(), LABELS, "class"))
    assert said == (
        "INS answers 31.8 more of 1,450 test images right than Baseline: 48.2 gained, "
        "16.5 lost; accuracy +0.022 [0.010, 0.034] ▲ better. Certainly gained: Asian "
        "(+41.5 of 160). Certainly lost: White (−12 of 1,200)."
    )
    nobody = table(("inconclusive",) * 3)
    said = to_plain(plots.changes_takeaway(change(), whole(), nobody, LABELS, "group"))
    assert "No group changed for certain" in said
    assert "Certainly" not in said
    fewer = plots.changes_takeaway(change(), whole(-3.0), table(), LABELS, "class")
    assert "answers 3 fewer of 1,450 test images right" in to_plain(fewer)
    # As thirds add up.
    level = plots.changes_takeaway(change(), whole(-1e-13), table(), LABELS, "class")
    assert "answers as many of 1,450 test images right" in to_plain(level)
    level = plots.changes_takeaway(change(), whole(0.0), table(), LABELS, "class")
    assert "answers as many of 1,450 test images right" in to_plain(level)


@pytest.mark.parametrize(
    ("task", "seeds", "said"),
    [
        (FOUR, (1, 1), "get the same of 3 test images right."),
        (FOUR, (2, 1), "get the same of 3 test images right with the same share of "),
        (AGE, (2, 2), "are equally far off on every one of 3 test images."),
    ],
)
def test_where_nothing_moved_the_answers_are_not_said_to_be_the_same(task, seeds, said):
    same = change((0.0, 0.0, 0.0), seeds, task)
    sentence = to_plain(plots.nothing_changed(same, LABELS))
    assert f"INS and Baseline {said}" in sentence
    assert "alike" not in sentence


def test_mcnemar_is_one_line_that_says_what_it_leaves_out():
    said = plots.mcnemar_line(mcnemar(57, 14), change(), LABELS)
    assert said.startswith(
        "McNemar's exact test on the answers that most seeds give: 57 images right by "
        "INS alone, 14 by Baseline alone, p < 0.001."
    )
    assert "is about these trained models only: unlike the interval" in said
    said = plots.mcnemar_line(mcnemar(6, 0), change(seeds=(1, 1)), LABELS)
    assert "the two trained models' answers" in said
    assert "p = 0.031" in said


def test_churn_is_said_beside_that_of_training_again():
    said = plots.churn_line(Churn(64.4, 17.4, 28.0), change(), LABELS)
    assert said == (
        "From one training of Baseline to one of INS, 64.4 images are gained and 17.4 "
        "lost on average; from one training of Baseline to another of Baseline, 28 "
        "either way."
    )
    said = plots.churn_line(None, change(), LABELS)
    assert said == "Baseline and INS answer from the same trainings."
    said = plots.churn_line(Churn(3.0, 2.0, np.nan), change(seeds=(1, 1)), LABELS)
    assert "with one seed of Baseline it is not known" in said


def test_a_table_has_counts_and_the_net_with_its_verdict():
    shown = plots.changes_table(table(), "Ethnicity").map(to_plain)
    assert shown.loc[0].tolist() == [
        *("Asian", "160", "42 (10)", "0.5 (0)"),
        "+41.5 [31.5, 51.5] ▲ better",
    ]
    assert shown.columns[0] == "Ethnicity"


def test_errors_that_became_smaller_are_on_the_left_and_the_mean_has_its_interval():
    tables = tables_of(AGE, {"a": 2, "b": 2})
    moved, *_ = changed(tables, AGE)
    row = compare_runs(tables, [AGE], "a", metrics=change_keys(AGE), resamples=100).row(
        "b", "age.mae"
    )
    figure = plots.plot_shifts(shift_histogram(moved), row, "years")
    bars, mean = figure.data
    colours = dict(zip(bars.x, bars.marker.color, strict=True))
    assert {c for x, c in colours.items() if x < 0} == {plots.GAINED_COLOUR}
    assert {c for x, c in colours.items() if x > 0} == {plots.LOST_COLOUR}
    assert sum(bars.y) == 160
    assert list(mean.x) == pytest.approx([moved.moved.mean()])
    assert mean.x[0] + mean.error_x.array[0] == pytest.approx(row["delta_high"])
    assert mean.y[0] > max(bars.y)
    share = np.mean(moved.moved < 0)
    said = plots.shifts_takeaway(
        moved, Shift(160, round(160 * share), 0), row, INFO, LABELS
    )
    assert f"on {round(160 * share)} of 160 test images ({percent(share)})" in said
    assert "age MAE" in said


def test_images_are_listed_with_both_answers_and_how_many_seeds_are_right():
    tables = tables_of(FOUR, {"a": 2, "b": 3})
    moved, answers, images = changed(tables, FOUR)
    rows = moved.ranked(gained=True)[:3]
    shown = plots.listed_changes(answers, images, moved, rows, LABELS)
    assert list(shown.columns) == ["Truth", "INS", "Baseline", "Image", "Shape", "Size"]
    for place, row in enumerate(rows):
        right = [
            tables[run]["four_pred"].iloc[row] == tables[run]["four_true"].iloc[row]
            for run in tables
        ]
        assert shown["Baseline"][place].endswith(f"({sum(right[:2])} of 2)")
        assert shown["INS"][place].endswith(f"({sum(right[2:])} of 3)")
        second, first = plots.change_lines(answers, moved, int(row), LABELS)
        assert to_plain(second)[2:] == f"INS: {shown['INS'][place][2:]}"
        assert to_plain(first)[2:] == f"Baseline: {shown['Baseline'][place][2:]}"


def test_one_seed_needs_no_count_and_numbers_say_how_far_they_are_off():
    single, answers, images = changed(tables_of(FOUR, {"a": 1, "b": 1}), FOUR)
    rows = single.ranked(gained=True)[:1]
    shown = plots.listed_changes(answers, images, single, rows, LABELS)
    assert shown["INS"][0] == f"✓ {shown['Truth'][0]}"
    numbers, answers, images = changed(tables_of(AGE, {"a": 1, "b": 1}), AGE)
    rows = numbers.ranked(gained=True)[:1]
    shown = plots.listed_changes(answers, images, numbers, rows, LABELS)
    off = float(shown["Baseline"][0].partition("off by ")[2].rstrip(")"))
    assert off == pytest.approx(numbers.before[rows[0]], abs=0.05)


@pytest.mark.parametrize(
    ("task", "seeds", "heading"),
    [
        (FOUR, (1, 1), "INS is right, Baseline is wrong"),
        (FOUR, (2, 3), "INS is right with more seeds than Baseline"),
        (AGE, (2, 2), "INS is closer than Baseline"),
    ],
)
def test_a_gallery_is_headed_by_what_is_in_it(task, seeds, heading):
    given = change(seeds=seeds, task=task)
    assert plots.gallery_heading(given, LABELS, gained=True) == heading
    assert plots.gallery_heading(given, LABELS, gained=False) != heading


def test_the_tables_of_the_engine_are_drawn_as_they_are():
    tables = tables_of(FOUR, {"a": 2, "b": 2})
    aligned_change, answers, images = changed(tables, FOUR)
    metrics = change_keys(FOUR)
    by_class = compare_runs(tables, [FOUR], "a", metrics=metrics, resamples=100)
    by_size = compare_runs(
        tables, [FOUR], "a", by=["size"], metrics=metrics[:1], resamples=100
    )
    for drawn in (
        count_by_class(aligned_change, answers.truth, by_class),
        count_changes(aligned_change, by_size, images["size"].to_numpy(object)),
    ):
        figure = plots.plot_changes(drawn)
        assert len(figure.data[0].x) == len(drawn)
        assert sum(figure.data[0].x) + sum(figure.data[2].x) == pytest.approx(
            aligned_change.moved.sum()
        )


def test_either_side_of_the_axis_has_room_for_its_word():
    figure = plots.plot_changes(table().assign(lost=0.0, lost_in_all=0.0, low=0.0))
    low, high = figure.layout.xaxis.range
    assert low <= -high / 3 + 1e-9
