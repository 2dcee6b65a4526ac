"""The comparison: its rows, its verdicts, filters, missing classes, families."""

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scipy import stats

from core.errors import EquipoiseError
from core.evaluation import comparison as module
from core.evaluation.alignment import align_predictions
from core.evaluation.comparison import Counterparts, compare_runs
from core.evaluation.comparison_rows import _most_of_none
from core.evaluation.gaps import gap_info
from core.evaluation.intervals import wilson
from core.evaluation.metrics import (
    CLASS_RATES,
    group_metric_keys,
    metric_info,
    metric_keys,
)
from core.evaluation.verdicts import (
    BASELINE,
    BORDERLINE,
    EQUIVALENT,
    INCONCLUSIVE,
    METHOD,
    MODEL,
    NO_COUNTERPART,
    OFTEN_UNDEFINED,
    SMALL_GROUP,
    TOO_FEW,
    UNDEFINED,
    UNTESTED,
)
from core.tasks import Binary, Multiclass
from tests.oracles import FEATURES, FOUR, TWO, draw_table
from tests.synthetic import (
    AGE,
    TASKS,
    Quality,
    synthetic_predictions,
    synthetic_tables,
)

UTKFACE = TASKS["utkface"]
GENDER, ETHNICITY = UTKFACE[1:]
KEY = ["method", "metric", "measure", "group"]


@pytest.fixture(scope="module")
def tables():
    return synthetic_tables(methods=("baseline", "ins", "denseweight", "undersample"))


@pytest.fixture(scope="module")
def comparison(tables):
    return compare_runs(tables, UTKFACE, "baseline")


def with_seeds(tables, **seeds):
    """The tables of these methods and seeds."""
    return {
        (method, seed): tables[method, seed]
        for method, own in seeds.items()
        for seed in own
    }


def drawn_tables(task, runs, rows=200, *, rng_seed=0, groups=(2, 2)):
    """One table a run, of the same images."""
    first = draw_table(np.random.default_rng(rng_seed), task, rows, groups)
    tables = {}
    for place, run in enumerate(runs):
        table = draw_table(np.random.default_rng([rng_seed, place]), task, rows, groups)
        for column in first:
            if column in FEATURES or column.endswith("_true"):
                table[column] = first[column]
        tables[run] = table
    return tables


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
    assert baseline[["delta", "delta_low", "p"]].isna().all(axis=None)


def test_interval_p_and_verdict_are_one_statement(comparison):
    table = comparison.table[comparison.table["verdict"] != BASELINE]
    outside = (table["delta_low"] > 0) | (table["delta_high"] < 0)
    assert (outside == (table["p"] < 0.05)).all()
    said = table["verdict"].isin(["better", "worse", "differs"])
    inside = (table["delta_low"] > -table["margin"]) & (
        table["delta_high"] < table["margin"]
    )
    assert (said == (outside & ~inside)).all()
    assert ((table["verdict"] == EQUIVALENT) == inside).all()


def test_numbers_beside_each_other_subtract(comparison):
    cells = comparison.cells.set_index(["metric", "method"])["mean"].unstack()
    for row in comparison.cells[comparison.cells["verdict"] != BASELINE].to_dict(
        "records"
    ):
        own, base = cells.loc[row["metric"], [row["method"], "baseline"]]
        if row["metric"] == "age.bias":
            own, base = abs(own), abs(base)
        assert row["delta"] == pytest.approx(own - base, abs=1e-12)


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


def test_order_of_rows_and_seeds_does_not_matter(comparison, tables):
    mixed = {
        run: table.sample(frac=1, random_state=i)
        for i, (run, table) in enumerate(tables.items())
    }
    mixed["baseline", 0] = tables["baseline", 0]
    again = compare_runs(dict(reversed(mixed.items())), UTKFACE, "baseline")
    columns = ["mean", "delta", "p"]
    for method in comparison.methods:
        for metric in ("age.mae", "ethnicity.macro_f1"):
            expected = comparison.row(method, metric)[columns].astype(float)
            found = again.row(method, metric)[columns].astype(float)
            assert found.to_numpy() == pytest.approx(expected.to_numpy(), nan_ok=True)


def test_the_same_seed_gives_the_same_table(comparison, tables):
    again = compare_runs(tables, UTKFACE, "baseline")
    pd.testing.assert_frame_equal(comparison.table, again.table)
    other = compare_runs(tables, UTKFACE, "baseline", rng_seed=1).table
    assert (other["low"] != comparison.table["low"]).any()


def test_runs_of_the_same_trainings_are_compared_seed_by_seed(tables):
    of_baseline = {run: t for run, t in tables.items() if run[0] == "baseline"}
    assert len(of_baseline) > 1
    copies = {("copy", seed): table for (_, seed), table in of_baseline.items()}
    trainings = {(method, seed): str(seed) for method, seed in (*of_baseline, *copies)}
    both = {**of_baseline, **copies}
    found = compare_runs(both, UTKFACE, "baseline", trainings=trainings).table
    copy = found[found["method"] == "copy"]
    assert (copy[["delta", "delta_low", "delta_high"]].abs() < 1e-6).all(axis=None)
    assert (copy["p"] == 1).all()
    # Of trainings of their own, what other seeds would bring is counted twice.
    apart = compare_runs(both, UTKFACE, "baseline").table
    widths = apart["delta_high"] - apart["delta_low"]
    assert (widths[apart["method"] == "copy"] > 0).any()


def test_bias_is_compared_by_its_size(tables):
    base = tables["baseline", 0]
    one = {
        ("baseline", 0): base.assign(age_pred=base["age_true"] + 3 + _noise(1)),
        ("below", 0): base.assign(age_pred=base["age_true"] - 1 + _noise(2)),
        ("mirrored", 0): base.assign(age_pred=base["age_true"] - 3 + _noise(3)),
    }
    found = compare_runs(one, (AGE,), "baseline")
    row = found.row("below", "age.bias")
    assert row["mean"] == pytest.approx(-1, abs=0.2)
    assert row["delta"] == pytest.approx(-2, abs=0.3)
    assert row["verdict"] == "better"
    assert found.row("mirrored", "age.bias")["verdict"] == "inconclusive"


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
    row = compare_runs(noisy, (AGE,), "baseline").row("other", "age.mae")
    assert row["verdict"] == "inconclusive"
    for seed in (0, 1):
        alone = {run: t for run, t in noisy.items() if run[1] == seed}
        row = compare_runs(alone, (AGE,), "baseline").row("other", "age.mae")
        assert row["verdict"] != INCONCLUSIVE
        # It then speaks of the trained model alone.
        assert row["scope"] == MODEL


def test_methods_may_have_different_seeds(tables):
    some = {
        ("baseline", 0): tables["baseline", 0],
        ("baseline", 1): tables["baseline", 1],
        ("ins", 7): tables["ins", 2],
    }
    found = compare_runs(some, UTKFACE, "baseline")
    assert found.seeds == {"baseline": (0, 1), "ins": (7,)}
    # The baseline's seeds say how much trainings vary.
    assert found.row("ins", "ethnicity.f1[Asian]")["scope"] == METHOD
    for method in found.methods:
        own = [run for run in some if run[0] == method]
        mae = [(t["age_pred"] - t["age_true"]).abs().mean() for t in map(some.get, own)]
        assert found.row(method, "age.mae")["mean"] == pytest.approx(np.mean(mae))
        for run, value in zip(own, mae, strict=True):
            assert found.runs.loc[run, "age.mae"] == pytest.approx(value)


def test_few_images_give_no_verdict(tables):
    part = {
        ("baseline", 0): tables["baseline", 0].head(SMALL_GROUP - 1),
        ("perfect", 0): tables["baseline", 0]
        .head(SMALL_GROUP - 1)
        .assign(age_pred=lambda t: t["age_true"]),
    }
    found = compare_runs(part, UTKFACE, "baseline")
    table = found.table[found.table["method"] == "perfect"]
    assert (table["verdict"] == UNTESTED).all()
    assert table[["delta_low", "delta_high", "p"]].isna().all(axis=None)
    row = found.row("perfect", "age.mae")
    assert (row["n"], row["note"], row["small"]) == (19, TOO_FEW, True)
    assert row["delta"] == -found.row("baseline", "age.mae")["mean"]
    assert np.isnan(row["smallest_detectable"])


@pytest.mark.parametrize("turned", [False, True], ids=["few ill", "few well"])
@pytest.mark.parametrize(("few", "verdict"), [(5, UNTESTED), (20, "better")])
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
    found = compare_runs(tables, (task,), "baseline")
    row = found.row("sure", "ill.auc")
    assert row["mean"] == 1
    assert (row["n"], row["verdict"]) == (few, verdict)
    assert row["note"] == (TOO_FEW if few < SMALL_GROUP else "")
    assert found.row("sure", "ill.accuracy")["n"] == 1000


def test_the_area_of_several_classes_rests_on_the_smallest(tables):
    truth = tables["baseline", 0]["ethnicity_true"].value_counts()
    one = {run: table for run, table in tables.items() if run[1] == 0}
    found = compare_runs(one, (ETHNICITY,), "baseline")
    assert found.row("ins", "ethnicity.auc")["n"] == truth.min()
    # A class that is not there has no area.
    kept = {run: t[t["ethnicity_true"] != "Asian"] for run, t in one.items()}
    found = compare_runs(kept, (ETHNICITY,), "baseline")
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
    found = compare_runs(tables, tasks, "baseline", resamples=50)
    table = found.table
    for label in "abc":
        row = found.row("other", f"k.f1[{label}]")
        there = label in truth["k"] or (tables["other", 0]["k_pred"] == label).any()
        assert math.isnan(row["mean"]) == (not there)
    defined = table[table["mean"].notna()]
    shares = defined[~defined["metric"].str.startswith("age")]
    assert shares["mean"].between(0, 1).all()
    spans = defined.dropna(subset=["low"])
    assert (spans["low"] <= spans["high"]).all()
    others = table[table["method"] == "other"]
    assert (others["verdict"] == UNTESTED).all()
    assert others["note"].isin([TOO_FEW, UNDEFINED, OFTEN_UNDEFINED]).all()


def test_no_baseline_and_no_rows_are_said(tables):
    with pytest.raises(EquipoiseError, match="baseline 'lmf' has no predictions"):
        compare_runs(tables, UTKFACE, "lmf")
    with pytest.raises(EquipoiseError, match="baseline 'lmf' has no predictions"):
        compare_runs({}, UTKFACE, "lmf")
    empty = {run: table.head(0) for run, table in tables.items()}
    with pytest.raises(EquipoiseError, match="No image is left"):
        compare_runs(empty, UTKFACE, "baseline")


def test_level_is_respected(tables):
    narrow = compare_runs(tables, (AGE,), "baseline", level=0.8).row("ins", "age.mae")
    wide = compare_runs(tables, (AGE,), "baseline", level=0.99).row("ins", "age.mae")
    assert narrow["high"] - narrow["low"] < wide["high"] - wide["low"]
    assert narrow["delta_high"] < wide["delta_high"]


def test_quality_in_the_generator_is_what_the_metric_sees():
    quality = Quality(age_sd=4.0, age_bias=0.0)
    table = synthetic_predictions(rows=6400, quality=quality, seed_sd=0.0)
    mae = compare_runs({("m", 0): table}, (AGE,), "m", resamples=10).row("m", "age.mae")
    # Clipping to 1..80 takes a little off.
    assert mae["mean"] == pytest.approx(4.0 * math.sqrt(2 / math.pi), rel=0.06)


@pytest.mark.parametrize("ids", ["abcd", "dbca"])
@pytest.mark.parametrize("as_text", [str, object])
def test_an_image_that_is_there_twice_is_refused_in_any_order(ids, as_text):
    table = synthetic_predictions(rows=4).iloc[:4]
    whole = table.assign(image_id=pd.Series(list(ids), table.index, dtype=as_text))
    found = compare_runs({("m", 0): whole}, (AGE,), "m", resamples=10)
    assert found.rows == 4
    twice = [*ids[:2], ids[0], ids[3]]
    whole = table.assign(image_id=pd.Series(twice, table.index, dtype=as_text))
    with pytest.raises(EquipoiseError, match="1 images more than once"):
        compare_runs({("m", 0): whole}, (AGE,), "m", resamples=10)


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
        compare_runs(one, TASKS["utkface"], "baseline", resamples=50).table
        for one in (tables, encoded)
    )
    pd.testing.assert_frame_equal(plain, coded)


def _noise(seed):
    return np.random.default_rng(seed).normal(0, 1, 640)


def test_only_the_baseline(tables):
    alone = {("baseline", 0): tables["baseline", 0]}
    found = compare_runs(alone, UTKFACE, "baseline")
    assert set(found.table["verdict"]) == {BASELINE}
    assert found.table["sd"].isna().all()
    assert found.table["low"].notna().all()
    assert found.has_one_seed
    within = compare_runs(alone, UTKFACE[1:2], "baseline", by=["ethnicity"])
    assert set(within.cells["verdict"]) == {BASELINE}
    assert len(within.gaps) == 19


@pytest.mark.parametrize("seeds", [(0,), (0, 1)], ids=["one seed", "two seeds"])
def test_a_copy_of_the_baseline_is_equivalent(tables, seeds):
    """Equivalent where a margin is known; nothing is found where none is."""
    both = {
        (method, seed): tables["baseline", seed]
        for method in ("baseline", "copy")
        for seed in seeds
    }
    trainings = {(method, seed): f"training {seed}" for method, seed in both}
    for by in ((), ("ethnicity",)):
        cells = compare_runs(
            both, UTKFACE, "baseline", by=by, trainings=trainings, resamples=200
        ).cells
        copy = cells[(cells["method"] == "copy") & cells["delta"].notna()]
        assert (copy["delta"] == 0).all()
        judged = copy[copy["verdict"] != UNTESTED]
        assert (judged[["delta_low", "delta_high"]] == 0).all(axis=None)
        assert (judged["p"] == 1).all()
        assert (judged["verdict"] == EQUIVALENT).all()
        assert len(judged)
        few = copy[copy["verdict"] == UNTESTED]
        assert few["note"].isin([TOO_FEW, OFTEN_UNDEFINED]).all()


def test_a_study_says_what_does_not_matter(tables):
    margins = {"age.mae": 5.0, "ethnicity.recall[Asian]": 0.9, "age.bias": 2.0}
    found = compare_runs(tables, UTKFACE, "baseline", margins=margins, resamples=300)
    for key, margin in margins.items():
        for method in found.methods[1:]:
            row = found.row(method, key)
            assert (row["margin"], row["verdict"]) == (margin, EQUIVALENT)
    plain = compare_runs(tables, UTKFACE, "baseline", resamples=300)
    assert plain.row("ins", "age.mae")["margin"] == 0.5
    assert math.isnan(plain.row("ins", "ethnicity.recall[Asian]")["margin"])
    same = ["delta", "delta_low", "delta_high", "p"]
    pd.testing.assert_frame_equal(plain.cells[same], found.cells[same])
    with_ = plain.with_margins(margins, UTKFACE)
    pd.testing.assert_frame_equal(with_.cells, found.cells)


def words_of(row, direction):
    """The verdict that the numbers beside it have."""
    low, high, margin = row["delta_low"], row["delta_high"], row["margin"]
    if row["verdict"] == BASELINE:
        return BASELINE
    if math.isnan(low):
        return UNTESTED
    if (-margin < low and high < margin) or low == high == 0:
        return EQUIVALENT
    if low <= 0 <= high:
        return INCONCLUSIVE
    if direction == "none":
        return "differs"
    return "better" if (low > 0) == (direction == "higher") else "worse"


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    seed=st.integers(0, 2**32 - 1),
    task=st.sampled_from([TWO, FOUR, AGE]),
    by=st.sampled_from([(), ("shape",)]),
    margin=st.sampled_from([0.02, 0.2, 5.0]),
)
def test_every_verdict_follows_from_the_numbers_beside_it(seed, task, by, margin):
    runs = [("baseline", 0), ("baseline", 1), ("a", 0), ("a", 1), ("b", 0)]
    tables = drawn_tables(task, runs, rng_seed=seed, groups=(3, 1))
    keys = group_metric_keys(task) if by else metric_keys(task)
    margins = dict.fromkeys(keys, margin)
    first = compare_runs(
        tables, (task,), "baseline", by=by, margins=margins, resamples=100
    )
    for found in (first, first.with_margins({}, (task,))):
        for row in found.cells.to_dict("records"):
            info = (
                gap_info(row["metric"], row["measure"])
                if row["measure"]
                else metric_info(row["metric"])
            )
            assert row["verdict"] == words_of(row, info.direction), row
            if row["verdict"] not in (BASELINE, UNTESTED):
                excludes = row["delta_low"] > 0 or row["delta_high"] < 0
                assert excludes == (row["p"] < 0.05)
            assert (row["note"] in ("", BORDERLINE)) == (row["verdict"] != UNTESTED)


@pytest.mark.parametrize("images", [20, 160])
def test_a_class_that_was_never_found_is_not_certain(images):
    rows = 4 * images
    truth = np.array(FOUR.classes)[np.arange(rows) % 4]
    base = pd.DataFrame(
        {"image_id": np.arange(rows), "four_true": truth, "four_pred": truth}
    )
    never = base.assign(four_pred=base["four_true"].replace("d", "a"))
    found = compare_runs({("base", 0): base, ("never", 0): never}, (FOUR,), "base")
    most = stats.binomtest(0, images).proportion_ci(method="wilson").high
    recall, f1 = (found.row("never", f"four.{n}[d]") for n in ("recall", "f1"))
    assert (recall["mean"], recall["low"], recall["n"]) == (0, 0, images)
    assert recall["high"] == pytest.approx(most)
    assert (f1["mean"], f1["low"], f1["n"]) == (0, 0, images)
    assert f1["high"] == pytest.approx(2 * most / (1 + most))


def test_a_filter_leaves_classes_out(tables):
    part = {run: t[t["ethnicity"] == "Asian"] for run, t in tables.items()}
    found = compare_runs(part, UTKFACE, "baseline")
    asian = found.row("ins", "ethnicity.recall[Asian]")
    accuracy = found.row("ins", "ethnicity.accuracy")
    assert asian["n"] == 160
    assert asian["mean"] == pytest.approx(accuracy["mean"])
    assert asian["verdict"] == "better"
    # Balanced accuracy is over the one class that is there, macro F1 also over what
    # was answered wrongly.
    balanced = found.row("ins", "ethnicity.balanced_accuracy")
    assert balanced["mean"] == pytest.approx(asian["mean"])
    f1 = found.row("ins", "ethnicity.f1[Asian]")["mean"]
    macro = found.row("ins", "ethnicity.macro_f1")["mean"]
    assert macro == pytest.approx(f1 / 4)
    white = found.row("ins", "ethnicity.f1[White]")
    assert (white["mean"], white["n"], white["verdict"]) == (0, 0, UNTESTED)
    recall = found.row("ins", "ethnicity.recall[White]")
    assert math.isnan(recall["mean"])
    assert (recall["n"], recall["verdict"], recall["note"]) == (0, UNTESTED, UNDEFINED)


def test_a_metric_that_resamples_often_miss_has_no_verdict():
    """Two images of 60: one resample in seven misses both."""
    truth = np.array(["d"] * 2 + ["a"] * 48 + ["b"] * 10)
    base = pd.DataFrame(
        {"image_id": np.arange(60), "four_true": truth, "four_pred": truth}
    )
    other = base.assign(four_pred=base["four_true"].replace({"d": "a", "b": "a"}))
    found = compare_runs({("base", 0): base, ("other", 0): other}, (FOUR,), "base")
    row = found.row("other", "four.recall[d]")
    assert (row["n"], row["delta"]) == (2, -1)
    assert (row["verdict"], row["note"]) == (UNTESTED, OFTEN_UNDEFINED)
    assert row[["delta_low", "delta_high", "p"]].isna().all()
    few = found.row("other", "four.recall[b]")
    assert (few["n"], few["verdict"], few["note"]) == (10, UNTESTED, TOO_FEW)
    enough = found.row("other", "four.recall[a]")
    assert (enough["n"], enough["note"]) == (48, "")


def test_large_tables_agree_with_image_by_image(monkeypatch):
    tables = synthetic_tables(methods=("baseline", "ins"), seeds=(0,), rows=3200)
    monkeypatch.setattr(module, "MAX_BLOCKS", 1)
    exact = compare_runs(tables, UTKFACE, "baseline").table
    monkeypatch.setattr("core.evaluation.resampling.MAX_WEIGHTED_ROWS", 1)
    monkeypatch.setattr("core.evaluation.resampling.SMALL_STRATUM", 1)
    other = compare_runs(tables, UTKFACE, "baseline").table
    assert (exact["mean"] == other["mean"]).all()
    for low, high in (("low", "high"), ("delta_low", "delta_high")):
        width = (exact[high] - exact[low]).dropna()
        again = (other[high] - other[low]).dropna()
        assert again.to_numpy() == pytest.approx(width.to_numpy(), rel=0.15)
        shift = (other[low] - exact[low]).abs().dropna() / width
        assert shift.max() < 0.15


def test_a_test_set_drawn_by_strata_has_shorter_intervals(tables):
    """Errors that differ by decade: within decades they vary less."""
    first = tables["baseline", 0]
    decade = (first["age_true"] // 10).astype(int).astype(str)
    plain, by_strata = (
        compare_runs(
            {
                run: t.assign(age_pred=t["age_true"] + 5 * decade.astype(int))
                for run, t in tables.items()
                if run[1] == 0
            },
            (AGE,),
            "baseline",
            design=design,
        )
        for design in (None, decade)
    )
    assert (plain.by_strata, by_strata.by_strata) == (0, 8)
    wide, short = (c.row("ins", "age.mae") for c in (plain, by_strata))
    assert wide["mean"] == short["mean"]
    assert wide["high"] - wide["low"] > 1
    assert short["high"] - short["low"] == pytest.approx(0, abs=1e-4)
    with pytest.raises(EquipoiseError, match="design has 639 strata for 640 images"):
        compare_runs(tables, (AGE,), "baseline", design=decade[1:])


@pytest.mark.parametrize("key", ["age.f1", "age.bias[0-9]", "shoe.mae"])
def test_a_metric_that_is_not_there_is_named(tables, key):
    with pytest.raises(EquipoiseError, match="no metric"):
        compare_runs(tables, UTKFACE, "baseline", metrics=[key])


def test_metrics_that_were_asked_for_alone_are_computed(tables):
    keys = ("ethnicity.macro_f1", "age.mae")
    labels = {run: t.drop(columns="gender_true") for run, t in tables.items()}
    found = compare_runs(labels, UTKFACE, "baseline", metrics=keys, resamples=50)
    assert found.table["metric"].drop_duplicates().tolist() == ["age.mae", keys[0]]
    nothing = compare_runs(labels, UTKFACE, "baseline", metrics=[])
    assert nothing.cells.empty
    assert nothing.rows == 640


def test_what_was_aligned_before_serves_again(tables):
    aligned = align_predictions(tables, [GENDER], "baseline")
    options = {"by": ["ethnicity"], "metrics": ["gender.recall"], "resamples": 100}
    plain = compare_runs(tables, UTKFACE, "baseline", **options)
    found = compare_runs(tables, UTKFACE, "baseline", aligned=aligned, **options)
    pd.testing.assert_frame_equal(found.cells, plain.cells)


def test_empty_crossings_and_classes_that_a_group_lacks_break_nothing():
    table = pd.DataFrame(
        {
            "image_id": list("stuvwxyz"),
            "shape": list("AAAABBBB"),
            "size": list("AABBAAAA"),  # no image is B × B
            "two_true": ["no", "no", "yes", "no", "yes", "yes", "yes", "yes"],
            "two_pred": ["no", "yes", "no", "no", "no", "no", "no", "no"],
        }
    )
    tables = {("only", 0): table, ("copy", 0): table}
    found = compare_runs(
        tables, (TWO,), "only", by=FEATURES, include_small=True, resamples=20
    )
    rows = found.groups.set_index(["method", "metric", "group"])
    assert rows.loc[("only", "two.accuracy", "B × B"), "n"] == 0
    assert rows.loc[("copy", "two.accuracy", "B × B"), "verdict"] == UNTESTED
    assert rows.loc[("only", "two.accuracy", "B × B"), "verdict"] == BASELINE
    undefined = [
        ("two.recall", "A × A"),  # no image of the class
        ("two.false_positive_rate", "B × A"),  # no image of the other
        ("two.precision", "B × A"),  # never predicted
        ("two.auc", "A × B"),  # no probabilities
        *(("two." + rate, "B × B") for rate in ("accuracy", *CLASS_RATES)),
    ]
    for metric, group in undefined:
        for method in ("only", "copy"):
            row = rows.loc[(method, metric, group)]
            assert row[["mean", "low", "high"]].isna().all(), (metric, group)
        assert rows.loc[("copy", metric, group), "note"] == UNDEFINED
    # Predicted and never there: F1 is 0 and not undefined, as scikit-learn has it.
    assert rows.loc[("only", "two.f1", "A × A"), "mean"] == 0
    assert rows["small"].all()
    order = rows.loc["only"].index[:4].get_level_values("group")
    assert order.tolist() == ["A × A", "A × B", "B × A", "B × B"]


@pytest.mark.parametrize("images", [25, 400])
def test_two_methods_without_an_error_are_not_certainly_alike(images):
    """Right on all of 25 images, either may still err on the next ones."""
    truth = np.array(["no", "yes"])[np.arange(images + 40) % 2]
    group = np.where(np.arange(images + 40) < images, "easy", "hard")
    table = pd.DataFrame({"image_id": np.arange(images + 40), "group": group})
    table = table.assign(two_true=truth, two_pred=truth)
    wrong = (group == "hard") & (table["image_id"] % 3 == 0)
    other = table.assign(two_pred=np.where(wrong, "no", truth))
    options = {"by": ["group"], "metrics": ["two.accuracy"]}
    found = compare_runs(
        {("base", 0): table, ("other", 0): other, ("copy", 0): table},
        (TWO,),
        "base",
        **options,
    )
    row = found.row("other", "two.accuracy", group="easy")
    most = stats.binomtest(0, images).proportion_ci(method="wilson").high
    assert (row["mean"], row["delta"], row["p"]) == (1, 0, 1)
    assert row["delta_high"] == pytest.approx(most, rel=0.02)
    assert row["delta_low"] == -row["delta_high"]
    expected = EQUIVALENT if images == 400 else INCONCLUSIVE
    assert row["verdict"] == expected
    # What gives the same answers everywhere is the same.
    copy = found.row("copy", "two.accuracy", group="easy")
    assert (copy["delta_low"], copy["verdict"]) == (0, EQUIVALENT)


def test_a_class_that_neither_method_finds_is_not_certainly_alike():
    rows = 4 * 30
    truth = np.array(FOUR.classes)[np.arange(rows) % 4]
    table = pd.DataFrame({"image_id": np.arange(rows), "four_true": truth})
    base = table.assign(four_pred=np.where(truth == "d", "a", truth))
    other = table.assign(four_pred=np.where(truth == "d", "b", truth))
    found = compare_runs(
        {("base", 0): base, ("other", 0): other},
        (FOUR,),
        "base",
        margins={"four.recall[d]": 0.05, "four.f1[d]": 0.05},
    )
    for name in ("recall", "f1"):
        row = found.row("other", f"four.{name}[d]")
        assert (row["mean"], row["delta"], row["p"]) == (0, 0, 1)
        assert row["delta_high"] > 0.05
        assert row["verdict"] == INCONCLUSIVE


def test_what_held_for_no_image_has_wilsons_interval_at_its_own_reach():
    for reach in (1.96, 2.8):
        level = 2 * stats.norm.cdf(reach) - 1
        nothing, images = np.zeros(1), np.array([50.0])
        expected = wilson(nothing, images, nothing, seeds=1, level=level)[1]
        assert _most_of_none(images, reach) == pytest.approx(expected)


def paired_tables(seeds=(0, 1, 2)):
    """Three methods, and as many counterparts that are other trainings of these."""
    names = ("baseline", "ins", "undersample")
    own = synthetic_tables(methods=names, seeds=seeds)
    theirs = {
        (f"other/{name}", seed): synthetic_predictions(
            "utkface", name, seed + 20, rng_seed=0
        )
        for name in names
        for seed in seeds[:2]
    }
    return {**own, **theirs}


PAIRS = Counterparts(
    {name: f"other/{name}" for name in ("baseline", "ins", "undersample")}, "elsewhere"
)


@pytest.mark.parametrize("by", [(), ("ethnicity",)])
def test_counterparts_that_are_one_method_are_its_comparison(tables, by):
    others = dict.fromkeys(("ins", "denseweight", "undersample"), "baseline")
    options = {"by": by, "resamples": 400}
    plain = compare_runs(tables, UTKFACE, "baseline", **options)
    found = compare_runs(tables, UTKFACE, Counterparts(others, ""), **options)
    pd.testing.assert_frame_equal(found.cells, plain.cells, check_exact=True)
    assert found.baseline == "baseline"
    assert found.references == plain.references == others


@pytest.mark.parametrize("by", [(), ("ethnicity",)])
def test_one_pair_is_the_comparison_of_two_methods(by):
    tables = {
        run: table
        for run, table in paired_tables().items()
        if run[0] in ("ins", "other/ins")
    }
    options = {"by": by, "resamples": 400}
    plain = compare_runs(tables, UTKFACE, "other/ins", **options)
    pair = Counterparts({"ins": "other/ins"}, "elsewhere")
    found = compare_runs(tables, UTKFACE, pair, **options)
    pd.testing.assert_frame_equal(found.cells, plain.cells, check_exact=True)


def test_each_method_is_put_against_its_own_counterpart():
    tables = paired_tables()
    found = compare_runs(tables, UTKFACE, PAIRS)
    for method, other in PAIRS.by_method.items():
        plain = compare_runs(tables, UTKFACE, other)
        for key in ("age.mae", "ethnicity.macro_f1"):
            own, alone = found.row(method, key), plain.row(method, key)
            same = ["mean", "sd", "n", "seeds", "delta", "margin"]
            assert list(own[same]) == list(alone[same])
            base = found.row(other, key)
            assert own["delta"] == own["mean"] - base["mean"]
            assert base["verdict"] == BASELINE
            assert math.isnan(base["delta"])


def test_the_family_is_all_pairs():
    found = compare_runs(paired_tables(), UTKFACE, PAIRS).row("ins", "age.mae")
    two = {
        run: table
        for run, table in paired_tables().items()
        if run[0] in ("ins", "other/ins")
    }
    alone = compare_runs(two, UTKFACE, "other/ins").row("ins", "age.mae")
    width = found["delta_high"] - found["delta_low"]
    assert width > alone["delta_high"] - alone["delta_low"]
    assert found["p"] >= alone["p"]


def test_a_method_without_a_counterpart_has_no_verdict():
    pairs = Counterparts({"ins": "other/ins"}, "elsewhere")
    table = compare_runs(paired_tables(), UTKFACE, pairs, resamples=200).table
    said = table.groupby("method")[["verdict", "note"]].agg(set)
    for method in ("baseline", "undersample", "other/baseline"):
        assert said.loc[method, "verdict"] == {UNTESTED}
        assert said.loc[method, "note"] == {NO_COUNTERPART}
    assert said.loc["other/ins", "verdict"] == {BASELINE}
    assert table["mean"].notna().all()


def test_what_a_method_shares_with_its_counterpart_is_compared_seed_by_seed():
    tables = paired_tables()
    keys = {("ins", 0): "a", ("ins", 1): "b", ("ins", 2): "c"}
    same = {("other/ins", seed): keys["ins", seed] for seed in (0, 1)}
    same_seeds = {run: table for run, table in tables.items() if run[1] < 2}
    options = {"trainings": keys | same, "resamples": 400}
    found = compare_runs(same_seeds, UTKFACE, PAIRS, **options)
    plain = compare_runs(same_seeds, UTKFACE, "other/ins", **options)
    free = compare_runs(same_seeds, UTKFACE, PAIRS, resamples=400)
    shares = [c.row("ins", "age.mae")["seed_share"] for c in (found, plain, free)]
    assert shares[0] == shares[1] != shares[2]


@pytest.mark.parametrize(
    "pairs", [{"ins": "nowhere"}, {"ins": "baseline", "baseline": "other/ins"}]
)
def test_counterparts_that_cannot_be_are_named(pairs):
    with pytest.raises(EquipoiseError, match=r"nowhere|baseline"):
        compare_runs(paired_tables(), UTKFACE, Counterparts(pairs, "elsewhere"))


@pytest.mark.parametrize("design", [None, "ethnicity_true"])
def test_metrics_of_hits_are_the_same_whatever_is_asked_with_them(tables, design):
    classes = [f"ethnicity.recall[{name}]" for name in ETHNICITY.classes]
    keys = ["ethnicity.accuracy", "ethnicity.balanced_accuracy", *classes]
    first = tables[min(run for run in tables if run[0] == "baseline")]
    options = {} if design is None else {"design": first[design]}
    alone, beside = (
        compare_runs(tables, [ETHNICITY], "baseline", metrics=asked, **options).cells
        for asked in (keys, [*keys, "ethnicity.macro_f1"])
    )
    kept = beside[beside["metric"].isin(keys)].reset_index(drop=True)
    pd.testing.assert_frame_equal(alone.reset_index(drop=True), kept, check_exact=True)
