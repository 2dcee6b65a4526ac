"""The comparison: verdicts, filters, missing classes, and what it says."""

import json
import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.errors import EquipoiseError
from core.evaluation.compare import SMALL_GROUP, compare, verdict_sentence
from core.evaluation.metrics import metric_keys
from core.tasks import Binary, Multiclass, Regression
from tests.synthetic import (
    AGE,
    TASKS,
    Quality,
    synthetic_predictions,
    synthetic_tables,
)

UTKFACE = TASKS["utkface"]
ETHNICITY = UTKFACE[2]


@pytest.fixture(scope="module")
def tables():
    return synthetic_tables(methods=("baseline", "ins", "denseweight", "undersample"))


@pytest.fixture(scope="module")
def comparison(tables):
    return compare(tables, UTKFACE, "baseline")


def shifted(table, **columns):
    return table.assign(**columns)


def test_one_row_a_method_and_metric(comparison):
    keys = [key for task in UTKFACE for key in metric_keys(task)]
    table = comparison.table
    assert len(table) == 4 * len(keys)
    assert table[table["method"] == "ins"]["metric"].tolist() == keys
    assert comparison.methods == ("baseline", "ins", "denseweight", "undersample")


def test_known_differences_are_found(comparison):
    assert comparison.row("denseweight", "age.mae")["verdict"] == "better"
    assert comparison.row("ins", "ethnicity.f1[Asian]")["verdict"] == "better"
    assert comparison.row("undersample", "ethnicity.macro_f1")["verdict"] == "worse"
    baseline = comparison.table[comparison.table["method"] == "baseline"]
    assert (baseline["verdict"] == "baseline").all()
    assert baseline[["delta", "p", "p_holm"]].isna().all(axis=None)


def test_mean_sd_and_delta_are_those_of_the_seeds(comparison, tables):
    mae = {
        method: [
            (t["age_pred"] - t["age_true"]).abs().mean()
            for (name, _), t in tables.items()
            if name == method
        ]
        for method in ("baseline", "ins")
    }
    row = comparison.row("ins", "age.mae")
    assert row["mean"] == pytest.approx(np.mean(mae["ins"]))
    assert row["sd"] == pytest.approx(np.std(mae["ins"], ddof=1))
    expected = np.mean(mae["ins"]) - np.mean(mae["baseline"])
    assert row["delta"] == pytest.approx(expected)
    assert row["delta_low"] < row["delta"] < row["delta_high"]
    assert row["low"] < row["mean"] < row["high"]
    assert (row["seeds"], row["n"]) == (3, 640)


def test_interval_and_uncorrected_p_agree(comparison):
    table = comparison.table[comparison.table["verdict"] != "baseline"]
    outside = (table["delta_low"] > 0) | (table["delta_high"] < 0)
    assert (outside == (table["p"] < 0.05)).all()
    assert (table["p_holm"] >= table["p"]).all()
    certain = table["verdict"] != "inconclusive"
    assert (certain == (table["p_holm"] < 0.05)).all()


def test_order_of_rows_and_seeds_does_not_matter(comparison, tables):
    mixed = {
        run: table.sample(frac=1, random_state=i)
        for i, (run, table) in enumerate(tables.items())
    }
    mixed["baseline", 0] = tables["baseline", 0]
    again = compare(dict(reversed(mixed.items())), UTKFACE, "baseline")
    columns = ["mean", "delta", "p"]
    for method in comparison.methods:
        for metric in ("age.mae", "ethnicity.macro_f1"):
            expected = comparison.row(method, metric)[columns].astype(float)
            found = again.row(method, metric)[columns].astype(float)
            assert found.to_numpy() == pytest.approx(expected.to_numpy(), nan_ok=True)


def test_the_same_seed_gives_the_same_table(comparison, tables):
    again = compare(tables, UTKFACE, "baseline")
    pd.testing.assert_frame_equal(comparison.table, again.table)
    other = compare(tables, UTKFACE, "baseline", rng_seed=1).table
    assert (other["low"] != comparison.table["low"]).any()


def test_a_copy_of_the_baseline_is_inconclusive(tables):
    one = {
        ("baseline", 0): tables["baseline", 0],
        ("copy", 0): tables["baseline", 0],
    }
    table = compare(one, UTKFACE, "baseline").table
    copy = table[table["method"] == "copy"]
    assert (copy["verdict"] == "inconclusive").all()
    assert (copy["delta"] == 0).all()
    assert (copy["p"] == 1).all()


def test_runs_of_the_same_trainings_are_compared_seed_by_seed(tables):
    of_baseline = {run: t for run, t in tables.items() if run[0] == "baseline"}
    assert len(of_baseline) > 1
    copies = {("copy", seed): table for (_, seed), table in of_baseline.items()}
    trainings = {(method, seed): str(seed) for method, seed in (*of_baseline, *copies)}
    both = {**of_baseline, **copies}
    found = compare(both, UTKFACE, "baseline", trainings=trainings).table
    copy = found[found["method"] == "copy"]
    assert (copy[["delta", "delta_low", "delta_high"]] == 0).all(axis=None)
    assert (copy["p"] == 1).all()
    # Of trainings of their own, what other seeds would bring is counted twice.
    apart = compare(both, UTKFACE, "baseline").table
    widths = apart["delta_high"] - apart["delta_low"]
    assert (widths[apart["method"] == "copy"] > 0).any()


def test_bias_is_compared_by_its_size(tables):
    base = tables["baseline", 0]
    one = {
        ("baseline", 0): shifted(base, age_pred=base["age_true"] + 3 + _noise(1)),
        ("below", 0): shifted(base, age_pred=base["age_true"] - 1 + _noise(2)),
        ("mirrored", 0): shifted(base, age_pred=base["age_true"] - 3 + _noise(3)),
    }
    found = compare(one, (AGE,), "baseline")
    row = found.row("below", "age.bias")
    assert row["mean"] == pytest.approx(-1, abs=0.2)
    assert row["delta"] == pytest.approx(-2, abs=0.3)
    assert row["verdict"] == "better"
    assert found.row("mirrored", "age.bias")["verdict"] == "inconclusive"
    assert "nearer to zero" in verdict_sentence(row)


def _noise(seed):
    return np.random.default_rng(seed).normal(0, 1, 640)


def test_seeds_that_disagree_take_the_verdict_away():
    # Each seed alone would be certain; together they say nothing.
    base = synthetic_predictions(rows=640)
    far = {0: -4.0, 1: 4.0, 2: 0.5}
    noisy = {
        (method, seed): base.assign(
            age_pred=base["age_true"] + 10 + shift * (method == "other") + _noise(seed)
        )
        for method in ("baseline", "other")
        for seed, shift in far.items()
    }
    row = compare(noisy, (AGE,), "baseline").row("other", "age.mae")
    assert row["verdict"] == "inconclusive"
    for seed in (0, 1):
        alone = {run: t for run, t in noisy.items() if run[1] == seed}
        row = compare(alone, (AGE,), "baseline").row("other", "age.mae")
        assert row["verdict"] != "inconclusive"


def test_only_the_baseline(tables):
    found = compare({("baseline", 0): tables["baseline", 0]}, UTKFACE, "baseline")
    assert set(found.table["verdict"]) == {"baseline"}
    assert found.table["sd"].isna().all()
    assert found.table["low"].notna().all()
    assert "One seed only" in found.notes()[1]


def test_methods_may_have_different_seeds(tables):
    some = {
        ("baseline", 0): tables["baseline", 0],
        ("baseline", 1): tables["baseline", 1],
        ("ins", 7): tables["ins", 2],
    }
    found = compare(some, UTKFACE, "baseline")
    assert found.seeds == {"baseline": (0, 1), "ins": (7,)}
    assert found.row("ins", "ethnicity.f1[Asian]")["verdict"] == "better"


DIFFERENCE = ["delta", "delta_low", "delta_high", "p", "p_holm", "verdict"]


@pytest.mark.parametrize("large", [False, True], ids=["exact", "sums"])
def test_a_difference_stands_on_the_seeds_that_both_have(tables, monkeypatch, large):
    if large:
        monkeypatch.setattr("core.evaluation.compare.MAX_WEIGHTED_ROWS", 1)
    uneven = {
        run: t
        for run, t in tables.items()
        if run[0] == "baseline" or run in {("ins", 0), ("denseweight", 1)}
    }
    found = compare(uneven, UTKFACE, "baseline")
    for method, seed in (("ins", 0), ("denseweight", 1)):
        assert found.shared_seeds(method) == (seed,)
        row = found.row(method, "age.mae")
        mae = [
            (t["age_pred"] - t["age_true"]).abs().mean()
            for t in (tables[method, seed], tables["baseline", seed])
        ]
        assert row["delta"] == pytest.approx(mae[0] - mae[1])
        assert row["reference"] == pytest.approx(mae[1])
        assert (row["seeds"], row["shared_seeds"]) == (1, 1)
    mean = found.row("baseline", "age.mae")["mean"]
    assert found.row("ins", "age.mae")["reference"] != pytest.approx(mean)


def test_seeds_that_only_one_has_change_no_difference(tables):
    pair = {run: tables[run] for run in [("baseline", 0), ("ins", 0)]}
    alone = compare(pair, UTKFACE, "baseline").table
    more = {
        **pair,
        ("baseline", 1): tables["baseline", 1],
        ("ins", 5): tables["ins", 1],
    }
    found = compare(more, UTKFACE, "baseline").table
    alone, found = (t[t["method"] == "ins"] for t in (alone, found))
    pd.testing.assert_frame_equal(alone[DIFFERENCE], found[DIFFERENCE])
    assert (found["mean"] != alone["mean"]).any()


def test_without_a_shared_seed_the_means_are_compared_and_it_is_said(tables):
    some = {
        ("baseline", 0): tables["baseline", 0],
        ("baseline", 1): tables["baseline", 1],
        ("ins", 7): tables["ins", 2],
    }
    found = compare(some, UTKFACE, "baseline")
    row, base = (found.row(m, "age.mae") for m in ("ins", "baseline"))
    assert row["shared_seeds"] == 0
    assert row["delta"] == pytest.approx(row["mean"] - base["mean"])
    assert row["reference"] == pytest.approx(base["mean"])
    assert found.seed_notes({"ins": "INS"})[-1] == (
        "No seed in common with the baseline for INS: what is compared are the means "
        "over all seeds of each."
    )


def test_notes_say_which_seeds_a_difference_stands_on(tables):
    assert compare(tables, UTKFACE, "baseline", resamples=50).seed_notes() == ()
    kept = {run: t for run, t in tables.items() if run[0] == "baseline" or run[1] < 2}
    notes = compare(kept, UTKFACE, "baseline", resamples=50).seed_notes()
    assert notes == (
        "Compared on seeds 0, 1 alone, which both have (the baseline has 0, 1, 2): ins;"
        " denseweight; undersample. The difference so need not be that of the means"
        " shown.",
    )


def test_a_filter_leaves_classes_out(tables):
    part = {run: t[t["ethnicity"] == "Asian"] for run, t in tables.items()}
    found = compare(part, UTKFACE, "baseline")
    row = found.row("ins", "ethnicity.f1[White]")
    assert math.isnan(row["mean"])
    assert (row["n"], row["verdict"]) == (0, "inconclusive")
    assert verdict_sentence(row).endswith("is not defined: no such image here.")
    asian = found.row("ins", "ethnicity.recall[Asian]")
    assert asian["n"] == 160
    accuracy = found.row("ins", "ethnicity.accuracy")
    assert asian["mean"] == pytest.approx(accuracy["mean"])
    assert asian["verdict"] == "better"
    # Macro F1 and balanced accuracy are over the one class that is there.
    balanced = found.row("ins", "ethnicity.balanced_accuracy")
    assert balanced["mean"] == pytest.approx(asian["mean"])


def test_few_images_give_no_verdict(tables):
    part = {
        ("baseline", 0): tables["baseline", 0].head(SMALL_GROUP - 1),
        ("perfect", 0): tables["baseline", 0]
        .head(SMALL_GROUP - 1)
        .assign(age_pred=lambda t: t["age_true"]),
    }
    found = compare(part, UTKFACE, "baseline")
    assert (found.table["verdict"] != "better").all()
    row = found.row("perfect", "age.mae")
    assert verdict_sentence(row).endswith("rests on 19 images: too few to tell.")
    assert any("Fewer than" in note for note in found.notes())


@pytest.mark.parametrize("turned", [False, True], ids=["few ill", "few well"])
@pytest.mark.parametrize(("few", "verdict"), [(5, "inconclusive"), (20, "better")])
def test_an_area_rests_on_its_smaller_side(turned, few, verdict):
    task = Binary("ill", "Ill", ("no", "yes"))
    rng = np.random.default_rng(0)
    rare = np.arange(1000) < few
    ill = ~rare if turned else rare

    def table(p):
        return pd.DataFrame(
            {
                "image_id": [f"i{n}" for n in range(1000)],
                "ill_true": np.where(ill, "yes", "no"),
                "ill_pred": np.where(p > 0.5, "yes", "no"),
                "ill_p_no": 1 - p,
                "ill_p_yes": p,
            }
        )

    guessed, sure = rng.random(1000), np.where(ill, 0.9, 0.1) + 0.01 * rng.random(1000)
    tables = {("baseline", 0): table(guessed), ("sure", 0): table(sure)}
    found = compare(tables, (task,), "baseline")
    row = found.row("sure", "ill.auc")
    assert row["mean"] == 1
    assert (row["n"], row["verdict"]) == (few, verdict)
    if few < SMALL_GROUP:
        assert verdict_sentence(row).endswith("rests on 5 images: too few to tell.")
    assert found.row("sure", "ill.accuracy")["n"] == 1000


def test_the_area_of_several_classes_rests_on_the_smallest(tables):
    truth = tables["baseline", 0]["ethnicity_true"].value_counts()
    one = {run: table for run, table in tables.items() if run[1] == 0}
    found = compare(one, (ETHNICITY,), "baseline")
    assert found.row("ins", "ethnicity.auc")["n"] == truth.min()
    # A class that is not there has no area.
    kept = {run: t[t["ethnicity_true"] != "Asian"] for run, t in one.items()}
    found = compare(kept, (ETHNICITY,), "baseline")
    assert found.row("ins", "ethnicity.auc")["n"] == truth.drop("Asian").min()


@settings(max_examples=25, deadline=None)
@given(st.data())
def test_any_rows_and_any_missing_class_can_be_compared(data):
    rows = data.draw(st.integers(1, 12))
    age = st.lists(st.floats(1, 80), min_size=rows, max_size=rows)
    kind = st.lists(st.sampled_from("abc"), min_size=rows, max_size=rows)
    flag = st.lists(st.sampled_from(["no", "yes"]), min_size=rows, max_size=rows)
    tasks = (AGE, Binary("f", "F", ("no", "yes")), Multiclass("k", "K", tuple("abc")))
    strategies = {"age": age, "k": kind, "f": flag}
    truth = {name: data.draw(values) for name, values in strategies.items()}
    tables = {}
    for run in [("baseline", 0), ("baseline", 1), ("other", 0)]:
        table = {"image_id": [f"i{n}" for n in range(rows)]}
        for name, values in strategies.items():
            table[f"{name}_true"] = truth[name]
            table[f"{name}_pred"] = data.draw(values)
        tables[run] = pd.DataFrame(table)
    found = compare(tables, tasks, "baseline", resamples=50)
    table = found.table
    for label in "abc":
        row = found.row("other", f"k.f1[{label}]")
        assert math.isnan(row["mean"]) == (label not in truth["k"])
    defined = table[table["mean"].notna()]
    shares = defined[~defined["metric"].str.startswith("age")]
    assert shares["mean"].between(0, 1).all()
    assert (defined["low"] <= defined["high"]).all()
    json.dumps(found.as_dict("any"), allow_nan=False)
    for row in table.to_dict("records"):
        assert verdict_sentence(row).endswith(".")


def test_large_tables_agree_with_image_by_image(monkeypatch):
    tables = synthetic_tables(methods=("baseline", "ins"), seeds=(0,), rows=3200)
    exact = compare(tables, UTKFACE, "baseline").table
    monkeypatch.setattr("core.evaluation.compare.MAX_WEIGHTED_ROWS", 1)
    monkeypatch.setattr("core.evaluation.intervals.SMALL_STRATUM", 1)
    other = compare(tables, UTKFACE, "baseline").table
    assert (exact["mean"] == other["mean"]).all()
    for low, high in (("low", "high"), ("delta_low", "delta_high")):
        width = (exact[high] - exact[low]).dropna()
        again = (other[high] - other[low]).dropna()
        assert again.to_numpy() == pytest.approx(width.to_numpy(), rel=0.15)
        shift = (other[low] - exact[low]).abs().dropna() / width
        assert shift.max() < 0.15


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda t: t.iloc[5:], "'ins' .seed 0. was tested on other images .* 5 image"),
        (lambda t: pd.concat([t, t.head(2)]), "'ins' .seed 0. has 2 images more than"),
        (lambda t: t.drop(columns="age_pred"), "'age_pred' of method 'ins'.* missing"),
        (
            lambda t: t.assign(ethnicity_pred="Martian"),
            "'ethnicity_pred' of method 'ins'.*holds 'Martian' in 640 rows",
        ),
        (
            lambda t: t.assign(age_pred=t["age_pred"].where(t.index != 3)),
            "'age_pred' of method 'ins'.* no finite number in 1 rows",
        ),
        (
            lambda t: t.assign(age_true=t["age_true"] + (t.index < 4)),
            "'ins' .seed 0. has another true age than 'baseline' for 4 images",
        ),
    ],
)
def test_tables_that_do_not_match_are_named(tables, change, message):
    given_tables = {
        ("baseline", 0): tables["baseline", 0],
        ("ins", 0): change(tables["ins", 0]),
    }
    with pytest.raises(EquipoiseError, match=message):
        compare(given_tables, UTKFACE, "baseline")


def test_no_baseline_and_no_rows_are_said(tables):
    with pytest.raises(EquipoiseError, match="baseline 'lmf' has no predictions"):
        compare(tables, UTKFACE, "lmf")
    with pytest.raises(EquipoiseError, match="baseline 'lmf' has no predictions"):
        compare({}, UTKFACE, "lmf")
    empty = {run: table.head(0) for run, table in tables.items()}
    with pytest.raises(EquipoiseError, match="No image is left"):
        compare(empty, UTKFACE, "baseline")


def test_json_has_the_promised_form(comparison):
    cost = {"ins": {"parameters": 5, "training_s": 600.0, "inference_ms": None}}
    result = json.loads(json.dumps(comparison.as_dict("utkface", cost)))
    assert (result["study"], result["baseline"]) == ("utkface", "baseline")
    by_name = {entry["name"]: entry for entry in result["methods"]}
    assert list(by_name) == list(comparison.methods)
    ins = by_name["ins"]
    assert ins["seeds"] == ins["shared_seeds"] == [0, 1, 2]
    assert ins["cost"] == cost["ins"]
    metric, row = ins["metrics"]["age.mae"], comparison.row("ins", "age.mae")
    assert metric["mean"] == row["mean"]
    assert metric["ci"] == [row["low"], row["high"]]
    assert metric["delta"] == {
        "mean": row["delta"],
        "ci": [row["delta_low"], row["delta_high"]],
        "p": row["p_holm"],
        "verdict": row["verdict"],
    }
    assert by_name["baseline"]["metrics"]["age.mae"]["delta"] is None


ROW = {
    "method": "denseweight",
    "metric": "age.mae",
    "mean": 8.2,
    "low": 8.0,
    "high": 8.4,
    "n": 640,
    "delta": -0.21,
    "delta_low": -0.37,
    "delta_high": -0.05,
    "p": 0.01,
    "p_holm": 0.03,
    "verdict": "better",
}


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        (
            {},
            "is 0.21 years lower than the baseline's (95 % interval 0.05 to 0.37 lower;"
            " p = 0.030): better.",
        ),
        (
            {"p_holm": 0.08, "verdict": "inconclusive"},
            "is 0.21 years lower than the baseline's (95 % interval 0.05 to 0.37 lower;"
            " p = 0.080): not certain with this many methods tried.",
        ),
        (
            {"delta": 0.001, "delta_low": -0.1, "delta_high": 0.102, "p": 0.98,
             "p_holm": 1.0, "verdict": "inconclusive"},
            "is the same as the baseline's to the digits shown (95 % interval 0.10"
            " lower to 0.10 higher; p = 1.00): the data cannot tell.",
        ),
        (
            {"delta": 0.5, "delta_low": 0.3, "delta_high": 0.7, "p_holm": 1e-6,
             "verdict": "worse"},
            "is 0.50 years higher than the baseline's (95 % interval 0.30 to 0.70"
            " higher; p < 0.001): worse.",
        ),
        ({"verdict": "baseline"}, "is 8.20 years (95 % interval 8.00 to 8.40)."),
    ],
)  # fmt: skip
def test_sentences(changes, expected):
    sentence = verdict_sentence({**ROW, **changes}, label="DenseWeight")
    assert sentence == f"DenseWeight's age MAE {expected}"


def test_unit_and_label_come_from_the_task():
    mass = Regression("mass", "Body mass", "kilograms", 0, 200, 50)
    sentence = verdict_sentence({**ROW, "metric": "mass.mae"}, tasks=(mass,))
    assert sentence.startswith("denseweight's body mass MAE is 0.21 kilograms lower")


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


def test_level_is_respected(tables):
    narrow = compare(tables, (AGE,), "baseline", level=0.8).row("ins", "age.mae")
    wide = compare(tables, (AGE,), "baseline", level=0.99).row("ins", "age.mae")
    assert narrow["high"] - narrow["low"] < wide["high"] - wide["low"]
    assert narrow["delta_high"] < wide["delta_high"]
    assert "80 % interval" in verdict_sentence(narrow, level=0.8)


def test_quality_in_the_generator_is_what_the_metric_sees():
    quality = Quality(age_sd=4.0, age_bias=0.0)
    table = synthetic_predictions(rows=6400, quality=quality, seed_sd=0.0)
    mae = compare({("m", 0): table}, (AGE,), "m", resamples=10).row("m", "age.mae")
    # Clipping to 1..80 takes a little off.
    assert mae["mean"] == pytest.approx(4.0 * math.sqrt(2 / math.pi), rel=0.06)


@pytest.mark.parametrize("ids", ["abcd", "dbca"])
@pytest.mark.parametrize("as_text", [str, object])
def test_an_image_that_is_there_twice_is_refused_in_any_order(ids, as_text):
    table = synthetic_predictions(rows=4).iloc[:4]
    whole = table.assign(image_id=pd.Series(list(ids), table.index, dtype=as_text))
    found = compare({("m", 0): whole}, (AGE,), "m", resamples=10)
    assert found.rows == 4
    twice = [*ids[:2], ids[0], ids[3]]
    whole = table.assign(image_id=pd.Series(twice, table.index, dtype=as_text))
    with pytest.raises(EquipoiseError, match="1 images more than once"):
        compare({("m", 0): whole}, (AGE,), "m", resamples=10)


def test_categories_are_read_as_the_texts_that_they_stand_for():
    tables = synthetic_tables(methods=("baseline", "lmf"), seeds=(0,))
    encoded = {
        run: table.assign(
            **{
                name: pd.Categorical(table[name], sorted(set(table[name]))[::-1])
                for name in table.select_dtypes("str")
                if name != "image_id"
            }
        )
        for run, table in tables.items()
    }
    assert (encoded["lmf", 0].dtypes == "category").any()
    plain, coded = (
        compare(one, TASKS["utkface"], "baseline", resamples=50).table
        for one in (tables, encoded)
    )
    pd.testing.assert_frame_equal(plain, coded)
