"""What is said of a comparison: sentences on differences, and notes."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from core.evaluation.comparison import DETECTABLE, Counterparts, compare_runs
from core.evaluation.metrics import metric_info
from core.evaluation.verdicts import (
    BASELINE,
    BETTER,
    BORDERLINE,
    METHOD,
    MODEL,
    SMALL_GROUP,
    TOO_FEW,
    UNDEFINED,
    UNTESTED,
    VERDICTS,
)
from core.results.sentences import (
    compared_with,
    comparison_notes,
    detectable_text,
    fairness_notes,
    family_notes,
    seed_notes,
    verdict_sentence,
    verdict_words,
)
from core.tasks import Regression
from tests.comparisons import comparison_of
from tests.oracles import AGE, FOUR, TWO, draw_table
from tests.synthetic import TASKS, synthetic_tables

UTKFACE = TASKS["utkface"]
ROW = {
    "method": "denseweight",
    "metric": "age.mae",
    "measure": "",
    "group": "",
    "mean": 8.2,
    "low": 8.0,
    "high": 8.4,
    "n": 640,
    "delta": -0.21,
    "delta_low": -0.37,
    "delta_high": -0.05,
    "p": 0.03,
    "margin": 0.5,
    "verdict": "better",
    "scope": METHOD,
    "note": "",
}


@pytest.fixture(scope="module")
def tables():
    methods = ("baseline", "ins", "denseweight")
    return synthetic_tables(methods=methods, seeds=(0, 1), rows=320)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        (
            {},
            "is 0.21 years lower than the baseline's (95 % interval 0.05 to 0.37 lower;"
            " p = 0.030): better.",
        ),
        (
            {"scope": MODEL},
            "is 0.21 years lower than the baseline's (95 % interval 0.05 to 0.37 lower;"
            " p = 0.030): this trained model is better.",
        ),
        (
            {"note": BORDERLINE},
            "is 0.21 years lower than the baseline's (95 % interval 0.05 to 0.37 lower;"
            " p = 0.030): better (borderline).",
        ),
        (
            {"verdict": "equivalent"},
            "is 0.21 years lower than the baseline's (95 % interval 0.05 to 0.37 lower;"
            " p = 0.030): equivalent, for less than 0.50 years does not matter.",
        ),
        (
            {"delta": 0.5, "delta_low": 0.3, "delta_high": 0.7, "p": 1e-6,
             "verdict": "worse"},
            "is 0.50 years higher than the baseline's (95 % interval 0.30 to 0.70"
            " higher; p < 0.001): worse.",
        ),
        (
            {"metric": "age.bias"},
            "is 0.21 years nearer to zero than the baseline's (95 % interval 0.05 to"
            " 0.37 nearer to zero; p = 0.030): better.",
        ),
    ],
)  # fmt: skip
def test_a_difference_is_said_with_its_interval(changes, expected):
    row = {**ROW, **changes}
    what = row["metric"].removeprefix("age.")
    name = "MAE" if what == "mae" else what
    sentence = verdict_sentence(row, label="DenseWeight")
    assert sentence == f"DenseWeight's age {name} {expected}"


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"verdict": BASELINE}, "is 8.20 years (95 % interval 8.00 to 8.40)."),
        ({"mean": np.nan}, "is not defined: no such image here."),
        (
            {"verdict": UNTESTED, "note": TOO_FEW, "n": 19},
            "rests on 19 images: too few to tell.",
        ),
        (
            {"verdict": UNTESTED, "note": TOO_FEW, "n": 1},
            "rests on 1 image: too few to tell.",
        ),
        (
            {"verdict": UNTESTED, "note": UNDEFINED},
            "cannot be compared with the baseline's here: not defined here.",
        ),
        (
            {"delta": 0.1, "delta_low": -0.1, "delta_high": 0.3,
             "verdict": "inconclusive", "p": 0.4},
            "is 0.10 years higher than the baseline's (95 % interval 0.10 lower to"
            " 0.30 higher; p = 0.40): the data cannot tell.",
        ),
    ],
)  # fmt: skip
def test_what_is_not_certain_is_said_too(changes, expected):
    sentence = verdict_sentence({**ROW, **changes}, label="DenseWeight")
    assert sentence == f"DenseWeight's age MAE {expected}"


def test_unit_label_group_and_level_are_those_of_the_row():
    mass = Regression("mass", "Body mass", "kilograms", 0, 200, 50)
    row = {**ROW, "metric": "mass.mae", "group": "Asian"}
    sentence = verdict_sentence(row, tasks=(mass,), level=0.8)
    assert sentence.startswith(
        "denseweight's body mass MAE in the group Asian is 0.21 kilograms lower"
    )
    assert "80 % interval" in sentence


def test_a_difference_of_per_cents_is_in_points():
    error = {
        "metric": "label.error_rate",
        "mean": 0.25,
        "delta": -0.021,
        "delta_low": -0.03,
        "delta_high": -0.012,
    }
    assert verdict_sentence({**ROW, **error}) == (
        "denseweight's label error rate is 2.1 points lower than the baseline's (95 %"
        " interval 1.2 to 3.0 lower; p = 0.030): better."
    )


def test_a_gap_is_named():
    row = {**ROW, "metric": "gender.recall", "measure": "difference", "method": "ins"}
    text = verdict_sentence(row, label="INS", tasks=UTKFACE)
    assert text.startswith("INS's gender equal opportunity difference is ")


@pytest.mark.parametrize("task", [TWO, FOUR, AGE], ids=lambda task: task.name)
@pytest.mark.parametrize("rows", [8, 90])
def test_every_row_of_a_comparison_has_its_sentence(task, rows):
    table = draw_table(np.random.default_rng(rows), task, rows)
    other = draw_table(np.random.default_rng(rows + 1), task, rows)
    kept = [name for name in table if name.endswith("_true") or name in ("shape",)]
    tables = {
        ("baseline", 0): table,
        ("other", 0): other.assign(**{name: table[name] for name in kept}),
    }
    found = compare_runs(
        tables, (task,), "baseline", by=["shape"], include_small=True, resamples=50
    )
    for row in found.cells.to_dict("records"):
        text = verdict_sentence(row, tasks=(task,))
        assert text.endswith(".")
        assert "nan" not in text
        assert verdict_words(row)


@pytest.mark.parametrize("verdict", VERDICTS)
def test_a_verdict_on_one_trained_model_says_so_in_the_word(verdict):
    words = verdict_words({"verdict": verdict, "scope": MODEL})
    assert verdict_words({"verdict": verdict, "scope": METHOD}) == verdict
    says_nothing = verdict in (BASELINE, UNTESTED, "inconclusive")
    assert words.startswith("this trained model") == (not says_nothing)


def test_notes_say_how_many_seeds_there_are(tables):
    both = compare_runs(tables, UTKFACE, "baseline", resamples=50)
    assert seed_notes(both) == ()
    single = {run: t for run, t in tables.items() if run[1] == 0}
    (note,) = seed_notes(compare_runs(single, UTKFACE, "baseline", resamples=50))
    assert note.startswith("One seed for every method: the verdicts are about these")
    mixed = {run: t for run, t in tables.items() if run != ("ins", 1)}
    found = compare_runs(mixed, UTKFACE, "baseline", resamples=50)
    (note,) = seed_notes(found, {"ins": "INS"})
    assert note.startswith("One seed for INS: how much another training would differ")
    assert note in comparison_notes(found, {"ins": "INS"})


def test_notes_say_who_is_a_family_of_their_own(tables):
    options = {"metrics": ["age.mae"], "resamples": 50}
    plain = compare_runs(tables, UTKFACE, "baseline", **options)
    assert family_notes(plain) == ()
    found = compare_runs(
        tables, UTKFACE, "baseline", families={"ins": "imported"}, **options
    )
    (note,) = family_notes(found, {"ins": "INS"})
    assert note.startswith("INS: a family of its own (imported)")


def test_notes_say_what_few_images_allow(tables):
    part = {run: t.head(SMALL_GROUP - 1) for run, t in tables.items()}
    few, enough = (
        comparison_notes(compare_runs(t, UTKFACE, "baseline", resamples=50))
        for t in (part, tables)
    )
    assert f"Fewer than {SMALL_GROUP} images: too few for any verdict." in few
    assert not any("too few" in note for note in enough)
    first = tables["baseline", 0]
    dropped = first.index[first["ethnicity"] == "Asian"][SMALL_GROUP - 1 :]
    part = {run: table.drop(index=dropped) for run, table in tables.items()}
    options = {"by": ["ethnicity"], "metrics": ["age.mae"], "resamples": 50}
    text = " ".join(fairness_notes(compare_runs(part, UTKFACE, "baseline", **options)))
    assert "Asian (19)" in text
    assert "leaves out the groups" in text
    everyone = compare_runs(part, UTKFACE, "baseline", include_small=True, **options)
    assert "decide a gap by chance" in " ".join(fairness_notes(everyone))


def test_notes_say_by_how_many_strata_a_test_set_was_drawn(tables):
    options = {"metrics": ["age.mae"], "resamples": 50}
    plain, by_strata = (
        compare_runs(tables, UTKFACE, "baseline", design=design, **options)
        for design in (None, tables["baseline", 0]["ethnicity"])
    )
    text = "was drawn by 4 strata"
    assert text in " ".join(comparison_notes(by_strata))
    assert text not in " ".join(comparison_notes(plain))


def test_a_counterpart_in_another_study_is_named():
    rows = [
        {"method": "there/a", "metric": "age.mae", "mean": 9.0, "low": 8, "high": 10},
        {
            "method": "a",
            "metric": "age.mae",
            "mean": 8.0,
            "delta": -1.0,
            "delta_low": -1.5,
            "delta_high": -0.5,
            "p": 0.001,
            "verdict": BETTER,
        },
    ]
    row = comparison_of(rows, "there/a").row("a", "age.mae")
    said = verdict_sentence(row, label="A", tasks=TASKS["utkface"], elsewhere="there")
    assert "1.00 years lower than in there (95 %" in said
    assert "baseline" not in said
    pairs = Counterparts({"a": "there/a"}, "there")
    comparison = replace(comparison_of(rows, "there/a"), counterparts=pairs)
    assert compared_with(comparison) == "the same method in there"
    assert compared_with(comparison_of(rows, "there/a")) == "the baseline"


def test_a_difference_that_no_methods_have_is_none():
    info = metric_info("age.mae")
    row = {"metric": "age.mae", "margin": 0.5}
    sizes = dict(zip(DETECTABLE, (2.7e8, 7.73, 2.1), strict=True))
    said = detectable_text(pd.DataFrame([{**row, **sizes}]), info)
    assert said.startswith("no difference with 3 seeds of each method, 7.73 ")
    assert said.endswith("years with 5 and 2.10 with 10")
