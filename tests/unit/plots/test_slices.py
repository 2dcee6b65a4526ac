"""The forest of the worst slices, and what is said of them."""

import numpy as np
import pandas as pd
import pytest

from core.evaluation.slices import PARENT, SliceSearch
from core.plots.look import MethodStyle
from core.plots.slices import MOST, plot_slices, rule_note, slices_table, worst_slices
from core.results.slices import (
    error_info,
    not_searched,
    slice_sentence,
    slice_text,
    slices_record,
)
from core.tasks import Multiclass, Regression
from core.text import NO_BREAK, to_plain

AGE = Regression("age", "Age", "years", 1, 80, 10)
HAIR = Multiclass("hair", "Hair", ("short", "bald"))
TASKS = (AGE, HAIR)
STYLE = MethodStyle("#0072B2", "circle", "solid")


def search(low=(3.0, 1.0, -0.5), *, scale=1.0, left_out=None, **changes):
    rows = len(low)
    delta = np.array(low) + 2
    table = pd.DataFrame(
        {
            "slice": range(rows),
            "feature": ["ethnicity", "age_bin", "glasses"][:rows],
            "group": ["Asian", "60-79", "no glasses"][:rows],
            "second_feature": ["age_bin", "", ""][:rows],
            "second_group": ["60-79", "", ""][:rows],
            "n": [31, 1200, 25][:rows],
            "error": scale * (7.1 + delta),
            "delta": scale * delta,
            "low": scale * np.array(low),
            "high": scale * (delta + 2),
            "p": [0.0004, 0.012, 0.4][:rows],
            "worse": np.array(low) > 0,
            "left_out": left_out or [""] * rows,
        }
    )
    given = {"overall": scale * 7.1, "rows": 2000, "seeds": 2, "same": 0} | changes
    return SliceSearch(table=table, method="m", left_out={}, **given)


def test_the_sentence_says_where_how_much_and_for_how_many():
    said = to_plain(slice_sentence(search(), "Baseline", error_info(AGE, TASKS), TASKS))
    assert said == (
        "Baseline is most certainly worse where ethnicity is Asian and age is 60-79: "
        "Age MAE 12.10 years against 7.10 years overall, +5.00 [+3.00, +7.00] (n = 31)"
        ", corrected for 3 slices. It is certainly worse in 1 more."
    )


def test_shares_are_said_in_per_cent():
    found = search(low=(3.0,), scale=0.01)
    said = to_plain(slice_sentence(found, "LMF", error_info(HAIR, TASKS), TASKS))
    assert "Hair error rate 12.1 % against 7.1 % overall, +5.0 [+3.0, +7.0]" in said
    assert said.endswith("corrected for 1 slice.")


def test_nothing_beyond_chance_is_said():
    said = slice_sentence(search(low=(-0.1, -0.2)), "m", error_info(AGE, TASKS), TASKS)
    assert to_plain(said) == "m: None of 2 slices is certainly worse than all images."
    none = search()
    empty = SliceSearch(none.table.iloc[:0], "m", 7.1, 15, 1, 0, {})
    said = slice_sentence(empty, "m", error_info(AGE, TASKS), TASKS)
    assert said == "No group has 20 test images, so there is no slice to look at."


def test_a_row_is_named_in_words():
    texts = [slice_text(row, TASKS) for row in search().table.to_dict("records")]
    assert texts == [
        "ethnicity is Asian and age is 60-79",
        "age is 60-79",
        "no glasses",
    ]


def test_groups_of_yes_and_no_are_said_with_and_without():
    row = {"feature": "age_bin", "group": "50-59"}
    row |= {"second_feature": "ear_rings", "second_group": "no"}
    assert slice_text(row, TASKS) == "age is 50-59 and without ear rings"
    row |= {"second_feature": "", "feature": "freckles", "group": "yes"}
    assert slice_text(row, TASKS) == "with freckles"


def test_the_forest_has_the_error_the_interval_and_the_overall_line():
    figure = plot_slices(search(), error_info(AGE, TASKS), STYLE, TASKS)
    (points,) = figure.data
    assert list(points.x) == pytest.approx([12.1, 10.1, 8.6])
    assert list(points.error_x.arrayminus) == pytest.approx([2, 2, 2])
    assert list(points.error_x.array) == pytest.approx([2, 2, 2])
    assert list(points.marker.symbol) == ["circle", "circle", "circle-open"]
    assert figure.layout.shapes[0].x0 == pytest.approx(7.1)
    written = [n.text.replace(NO_BREAK, " ") for n in figure.layout.annotations]
    assert "overall 7.10 years" in written
    assert "Ethnicity is Asian and age is 60-79 (n = 31)" in written
    assert "Age is 60-79 (n = 1,200)" in written


def test_a_long_name_is_broken_before_its_count():
    found = search()
    found.table.loc[0, "group"] = "grey hair, or glasses of any kind"
    figure = plot_slices(found, error_info(AGE, TASKS), STYLE, TASKS)
    names = [note.text for note in figure.layout.annotations]
    lines = next(name for name in names if "grey hair" in name).split("<br>")
    assert len(lines) == 2
    assert lines[1].endswith(f"(n{NO_BREAK}={NO_BREAK}31)")
    assert figure.layout.xaxis.title.text == "Age MAE (years)"
    shares = plot_slices(search(scale=0.01), error_info(HAIR, TASKS), STYLE, TASKS)
    assert list(shares.data[0].x) == pytest.approx([12.1, 10.1, 8.6])


def test_names_stay_text():
    hostile = search()
    hostile.table.loc[0, "group"] = "<a href=x>%{x}</a>"
    figure = plot_slices(hostile, error_info(AGE, TASKS), STYLE, TASKS)
    assert "<a" not in figure.to_json()


def test_drawn_are_the_first_that_are_above_overall_and_say_something_new():
    found = search(left_out=["", PARENT, ""])
    assert worst_slices(found)["slice"].tolist() == [0, 2]
    assert worst_slices(search(low=(3.0, -3.0, -4.0)))["slice"].tolist() == [0]
    many = search().table.loc[[0] * (MOST + 5)]
    assert len(worst_slices(SliceSearch(many, "m", 7.1, 9, 1, 0, {}))) == MOST


def test_numbers_and_rules_stand_beside_the_forest():
    table = slices_table(search(), error_info(AGE, TASKS), TASKS)
    first = table.iloc[0].to_dict()
    assert first == {
        "Slice": "ethnicity is Asian and age is 60-79",
        "n": "31",
        "Age MAE (years)": "12.10",
        "Difference": "+5.00 [+3.00, +7.00]",
        "p": "< 0.001",
        "Certainly worse": "yes",
    }
    assert rule_note(search()).startswith("3 slices looked at. A crossing")
    assert "2 further slices with the same images" in rule_note(search(same=2))
    missing = SliceSearch(
        search().table,
        "m",
        1.0,
        9,
        1,
        0,
        {"size": "no", "sharpness": "no", "x_y": "so"},
    )
    assert not_searched(missing) == "Not searched: size and sharpness (no); x y (so)."
    assert not_searched(search()) == ""


def test_the_record_holds_what_was_found():
    record = slices_record(AGE, {"m": search()}, TASKS)
    assert record["metric"] == "age.mae"
    assert record["looked_at"] == 3
    (method,) = record["methods"]
    assert [one["where"] for one in method["slices"]] == [
        {"ethnicity": "Asian", "age_bin": "60-79"},
        {"age_bin": "60-79"},
    ]
    assert method["slices"][0]["ci"] == [3.0, 7.0]
    assert method["slices"][0]["n"] == 31
