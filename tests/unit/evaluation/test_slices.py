"""Slices against slow loops, on random labels, and where a fault was put."""

import numpy as np
import pandas as pd
import pytest

from core.data.attributes import load_attributes
from core.data.readers.avatars import INFO, AvatarsOptions, sample_people
from core.evaluation.alignment import align_predictions
from core.evaluation.comparison import compare_runs
from core.evaluation.image_errors import image_errors
from core.evaluation.multiple_comparisons import simultaneous
from core.evaluation.resampling import Resampler
from core.evaluation.slice_features import collect_features, truth_feature
from core.evaluation.slices import (
    FEWEST,
    MAX_COMBINATIONS,
    NO_INTERVAL,
    PARENT,
    find_slices,
    pool_slices,
)
from core.evaluation.variance import RunDraws, TrainingVariance, compute_contrasts
from core.results.study_runs import load_study_runs
from core.runs import shipped_manifest
from tests.oracles import AGE, FEATURES, FOUR, TWO, draw_table

RESAMPLES = 60


def searched(task, *, rows=400, seeds=(0, 1), rng_seed=1, design=None, **options):
    """Predictions of some seeds on the same images, and what is found of them."""
    rng = np.random.default_rng(rng_seed)
    first = draw_table(rng, task, rows)
    truth = f"{task.name}_true"
    tables = {("m", 0): first}
    for seed in seeds[1:]:
        table = draw_table(rng, task, rows)
        table[[truth, *FEATURES]] = first[[truth, *FEATURES]]
        if truth == "age_true":
            table["age_pred"] = first["age_pred"] + rng.normal(0, 3, rows)
        tables["m", seed] = table
    aligned = align_predictions(tables, [task], "m")
    attributes = pd.DataFrame(
        {"light": rng.normal(size=rows), "hat": rng.random(rows) < 0.3},
        index=first["image_id"],
    )
    features = collect_features(first, [task], FEATURES, attributes)
    found = find_slices(
        aligned, task, features, design=design, resamples=RESAMPLES, **options
    )
    return aligned, features, found["m"]


def rows_in(features, row):
    """Images of a slice, one by one."""
    names = [(row["feature"], row["group"])]
    if row["second_feature"]:
        names.append((row["second_feature"], row["second_group"]))
    return np.array(
        [
            all(image[feature] == group for feature, group in names)
            for image in features.groups.to_dict("records")
        ]
    )


def error_of(task, table):
    if task is AGE:
        return (table["age_pred"] - table["age_true"]).abs().to_numpy()
    return (table[f"{task.name}_pred"] != table[f"{task.name}_true"]).to_numpy(float)


@pytest.mark.parametrize("task", [TWO, FOUR, AGE])
@pytest.mark.parametrize("seeds", [(0,), (0, 1, 2)])
def test_means_and_intervals_are_those_of_a_slow_loop(task, seeds):
    aligned, features, search = searched(task, seeds=seeds)
    errors = image_errors(aligned, task, range(len(seeds))).astype(np.float64)
    weights = Resampler(aligned.rows, RESAMPLES).weights.astype(np.float64)
    everything = RunDraws(
        errors.mean(axis=1)[None], (errors @ weights / weights.sum(axis=0))[None]
    )
    contrasts = {}
    for _, row in search.table.iterrows():
        inside = rows_in(features, row)
        assert row["n"] == inside.sum() >= FEWEST
        assert row["error"] == pytest.approx(errors[:, inside].mean(), rel=1e-6)
        drawn = errors[:, inside] @ weights[inside] / weights[inside].sum(axis=0)
        own = RunDraws(errors[:, inside].mean(axis=1)[None], drawn[None])
        runs = {"own": own, "all": everything}
        one = compute_contrasts(runs, "all", row[["n"]].astype(int), paired=["own"])
        spread = errors.mean(axis=0).var(ddof=1)
        least = spread * (1 / row["n"] - 1 / aligned.rows)
        object.__setattr__(
            one["own"], "over_images", np.maximum(one["own"].over_images, least)
        )
        contrasts[row["slice"]] = one["own"]
    family = simultaneous({name: contrasts[name] for name in sorted(contrasts)})
    assert search.overall == pytest.approx(errors.mean())
    for _, row in search.table.iterrows():
        expected = family[row["slice"]]
        assert row["delta"] == pytest.approx(row["error"] - search.overall, abs=1e-6)
        low = max(expected.low[0], -search.overall)
        assert row["low"] == pytest.approx(low, abs=2e-4)
        assert row["p"] == pytest.approx(expected.p[0], abs=2e-4)
        assert row["worse"] == (row["low"] > 0)
    assert search.table["low"].is_monotonic_decreasing


def test_every_group_and_crossing_of_enough_images_is_looked_at():
    _, features, search = searched(FOUR)
    expected = set()
    names = list(features.groups)
    for place, name in enumerate(names):
        for group, count in features.groups[name].value_counts().items():
            if count >= FEWEST:
                expected.add((name, group, "", ""))
        for other in names[place + 1 :]:
            pairs = features.groups[[name, other]].value_counts()
            for (group, second), count in pairs.items():
                if count >= FEWEST:
                    expected.add((name, group, other, second))
    columns = ["feature", "group", "second_feature", "second_group"]
    found = set(search.table[columns].itertuples(index=False, name=None))
    assert found <= expected
    assert len(expected) == search.looked_at + search.same


def test_the_error_of_a_group_is_the_metric_of_the_engine():
    rng = np.random.default_rng(2)
    table = draw_table(rng, AGE, 300)
    tables = {("m", 0): table}
    groups = compare_runs(
        tables, [AGE], "m", by=["size"], metrics=["age.mae"], resamples=20
    ).groups.set_index("group")["mean"]
    aligned = align_predictions(tables, [AGE], "m")
    features = collect_features(table, [AGE], FEATURES)
    own = find_slices(aligned, AGE, features, resamples=20)["m"].table
    alone = own[(own["feature"] == "size") & (own["second_feature"] == "")]
    assert len(alone) == len(groups)
    for _, row in alone.iterrows():
        assert row["error"] == pytest.approx(groups[row["group"]], rel=1e-5)


def random_labels(rng, task, seeds, rows=200):
    """Errors that no feature has anything to do with."""
    index = [f"i{i}" for i in range(rows)]
    attributes = pd.DataFrame(
        {
            "three": rng.choice(list("ABC"), rows),
            "five": rng.choice(list("ABCDE"), rows),
            "flag": rng.random(rows) < 0.4,
            "number": rng.normal(size=rows),
        },
        index=index,
    )
    shared, tables = rng.random(rows), {}
    rate = rng.choice([0.1, 0.5, 0.9])
    for seed in range(seeds):
        table = pd.DataFrame({"image_id": index})
        if task is AGE:
            table["age_true"] = 40.0
            table["age_pred"] = 40 + rng.standard_normal(rows) / (0.1 + shared)
        else:
            table["two_true"] = "no"
            wrong = rng.random(rows) < np.clip(rate * (0.5 + shared), 0, 1)
            table["two_pred"] = np.where(wrong, "yes", "no")
        tables["m", seed] = table
    aligned = align_predictions(tables, [task], "m")
    return aligned, collect_features(tables["m", 0], [task], (), attributes)


@pytest.mark.parametrize(("task", "seeds"), [(TWO, 1), (TWO, 3), (AGE, 1), (AGE, 3)])
def test_on_random_labels_no_slice_is_worse(task, seeds):
    draws, called = 100, 0
    for draw in range(draws):
        rng = np.random.default_rng([draw, seeds])
        aligned, features = random_labels(rng, task, seeds)
        search = find_slices(aligned, task, features, resamples=200)["m"]
        assert search.looked_at > 25
        called += bool(search.table["worse"].any())
    # 95 of 100 at the least; the bounds are wider than they need be.
    assert called <= 5


def test_a_fault_of_two_features_is_found_with_its_size():
    rng = np.random.default_rng(3)
    aligned, features = random_labels(rng, AGE, 3, rows=600)
    inside = (features.groups[["three", "flag"]] == ["B", "yes"]).all(axis=1).to_numpy()
    aligned.predictions["age"][:, inside] += 30
    search = find_slices(aligned, AGE, features, resamples=300)["m"]
    first = search.found.iloc[0]
    parts = {first["feature"]: first["group"]}
    parts[first["second_feature"]] = first["second_group"]
    assert parts == {"three": "B", "flag": "yes"}
    assert first["n"] == inside.sum()
    assert first["low"] < first["delta"] < first["high"]
    assert first["delta"] > 20


def test_slices_of_the_same_images_are_looked_at_once():
    aligned, features, search = searched(TWO)
    twin = features.groups.assign(copy=features.groups["size"])
    again = find_slices(aligned, TWO, type(features)(twin, {}), resamples=RESAMPLES)[
        "m"
    ]
    assert again.looked_at == search.looked_at
    assert again.same > search.same
    assert "copy" not in {*again.table["feature"], *again.table["second_feature"]}


def test_a_crossing_is_left_out_where_a_parent_is_as_bad():
    _, _, search = searched(FOUR)
    table = search.table.set_index(["feature", "group", "second_feature"])
    alone = {
        (row["feature"], row["group"]): row
        for _, row in search.table.iterrows()
        if not row["second_feature"]
    }
    assert set(search.table["left_out"]) == {"", PARENT}
    assert (table.xs("", level="second_feature")["left_out"] == "").all()
    for _, row in search.table[search.table["second_feature"] != ""].iterrows():
        parents = [
            alone[key]
            for key in (
                (row["feature"], row["group"]),
                (row["second_feature"], row["second_group"]),
            )
            if key in alone
        ]
        above = all(
            row["error"] > parent["error"] and row["low"] > parent["low"]
            for parent in parents
        )
        assert (row["left_out"] == "") == above


def test_a_design_is_resampled_within_its_strata():
    rng = np.random.default_rng(1)
    design = pd.Series(rng.choice(list("xyz"), 400))
    _, _, plain = searched(AGE)
    _, _, drawn = searched(AGE, design=design)
    own = [one.table.set_index("slice").sort_index() for one in (plain, drawn)]
    assert own[0]["error"].equals(own[1]["error"])
    assert not np.allclose(own[0]["low"], own[1]["low"])


def test_other_methods_tell_how_much_trainings_vary():
    rng = np.random.default_rng(4)
    tables = {("one", 0): draw_table(rng, AGE, 400)}
    for seed in range(4):
        tables["several", seed] = tables["one", 0].assign(
            age_pred=tables["one", 0]["age_pred"] + rng.normal(0, 1, 400) * seed
        )
    aligned = align_predictions(tables, [AGE], "one")
    features = collect_features(tables["one", 0], [AGE], FEATURES)
    anew = find_slices(aligned, AGE, features, ["one"], resamples=100)["one"]
    alone = find_slices(
        aligned, AGE, features, ["one"], trained=["one"], resamples=100
    )["one"]
    upper = [one.table.set_index("slice")["high"].sort_index() for one in (anew, alone)]
    assert upper[0].mean() > upper[1].mean()
    assert not np.allclose(*upper)
    delta = [
        one.table.set_index("slice")["delta"].sort_index() for one in (anew, alone)
    ]
    np.testing.assert_allclose(*delta)


def test_no_group_is_large_enough():
    rng = np.random.default_rng(5)
    table = draw_table(rng, TWO, 15)
    aligned = align_predictions({("m", 0): table}, [TWO], "m")
    features = collect_features(table, [TWO], FEATURES)
    search = find_slices(aligned, TWO, features, resamples=20)["m"]
    assert search.looked_at == 0
    assert search.found.empty
    assert search.listed.empty
    assert set(search.left_out.values()) == {f"no group of {FEWEST} images"}


def test_many_images_are_cut_into_few_combinations():
    rng = np.random.default_rng(6)
    rows = 12_000
    table = pd.DataFrame(
        {
            "image_id": [f"i{i}" for i in range(rows)],
            "two_true": "no",
            "two_pred": rng.choice(["no", "yes"], rows),
        }
    )
    attributes = pd.DataFrame(
        {f"f{i}": rng.integers(0, 9, rows).astype(str) for i in range(5)},
        index=table["image_id"],
    )
    aligned = align_predictions({("m", 0): table}, [TWO], "m")
    features = collect_features(table, [TWO], (), attributes)
    search = find_slices(aligned, TWO, features, resamples=50)["m"]
    reason = f"more than {MAX_COMBINATIONS:,} combinations"
    assert [name for name, why in search.left_out.items() if reason in why] == [
        "f3",
        "f4",
    ]
    counts = attributes.loc[attributes["f0"] == "3", "f2"].value_counts()
    own = search.table.set_index(["feature", "group", "second_feature", "second_group"])
    assert own.loc[("f0", "3", "f2", "7"), "n"] == counts["7"]
    assert not search.table["worse"].any()


def test_of_very_many_slices_the_last_features_are_left_out():
    rng = np.random.default_rng(7)
    rows = 2_000
    table = pd.DataFrame(
        {
            "image_id": [f"i{i}" for i in range(rows)],
            "two_true": "no",
            "two_pred": rng.choice(["no", "yes"], rows),
        }
    )
    attributes = pd.DataFrame(
        rng.random((rows, 30)) < 0.5,
        index=table["image_id"],
        columns=[f"f{i}" for i in range(30)],
    )
    aligned = align_predictions({("m", 0): table}, [TWO], "m")
    features = collect_features(table, [TWO], (), attributes)
    search = find_slices(aligned, TWO, features, resamples=50)["m"]
    # Groups of n features, and four crossings of each pair: 2 n + 2 n (n - 1) = 2 n^2.
    assert search.looked_at == 2 * 22**2
    reasons = [name for name, why in search.left_out.items() if "1,000 slices" in why]
    assert sorted(reasons) == sorted(f"f{i}" for i in range(22, 30))
    assert not search.table["worse"].any()


def of_avatars(task, answers):
    """A search among drawn people, by who answers each label so."""
    people = sample_people(AvatarsOptions(count=3000))
    people = people[people["split"] == "test"]
    table = pd.DataFrame(
        {
            "image_id": people["image_id"],
            f"{task.name}_true": people[task.name],
            f"{task.name}_pred": people[answers],
            "group": people["group"],
        }
    ).reset_index(drop=True)
    aligned = align_predictions({("m", 0): table}, [task], "m")
    others = people.set_index("image_id")[["glasses"]]
    features = collect_features(table, [task], ("group",), others)
    return find_slices(aligned, task, features, resamples=300)["m"]


@pytest.mark.parametrize("place", [0, 2])
def test_the_wrong_labels_of_group_c_are_found(place):
    task = INFO.tasks[place]
    search = of_avatars(task, f"{task.name}_clean")
    (alone,) = search.found[search.found["second_feature"] == ""].to_dict("records")
    assert (alone["feature"], alone["group"]) == ("group", "C")
    # Whoever answers the truth is wrong where the labels are, and nowhere else.
    expected = {"hair": 0.2, "age": 6 * np.sqrt(2 / np.pi)}[task.name]
    assert alone["error"] == pytest.approx(expected, rel=0.25)
    named = search.found[["feature", "group", "second_feature", "second_group"]]
    assert named.apply(lambda row: "C" in set(row), axis=1).all()
    assert truth_feature(task) in {"age_bin", "hair"}


def test_the_shipped_methods_have_group_c_among_their_worst_slices():
    runs = load_study_runs("avatars")
    task = runs.info.task("hair")
    table = runs.tables["baseline", 0]
    manifest = shipped_manifest("avatars")
    rows = manifest[manifest["split"] == "test"]
    known = load_attributes(runs.study, rows, runs.info.tasks, task)
    features = collect_features(
        table, runs.info.tasks, ("group",), known.drop(columns="split")
    )
    aligned = align_predictions(runs.tables, [task], "baseline")
    searches = find_slices(aligned, task, features)
    for method, search in searches.items():
        found = search.found[["group", "second_group"]].to_numpy().tolist()
        # Besides, the rare class.
        assert ["C", ""] in found, method
        assert all({"C", "bald"} & set(groups) for groups in found), method


def trainings_of_three(values, keys):
    """Pool over methods of a few seeds that differ by so much, known by these keys."""
    rng = np.random.default_rng(8)
    first, tables = draw_table(rng, AGE, 300), {}
    for (method, spread), seeds in values.items():
        for seed in seeds:
            noise = rng.normal(0, 1, 300) * spread * (seed + 1)
            tables[method, seed] = first.assign(age_pred=first["age_pred"] + noise)
    aligned = align_predictions(tables, [AGE], "a")
    features = collect_features(first, [AGE], FEATURES)
    trainings = {run: keys.get(run, f"{run}") for run in tables}
    options = {"trainings": trainings, "resamples": 50}
    return aligned, features, options


def test_methods_that_share_some_trainings_are_pooled_once():
    """The second method took over two of three trainings, and not the last."""
    values = {("a", 1.0): range(3), ("b", 4.0): range(3)}
    keys = {("b", seed): f"{('a', seed)}" for seed in range(2)}
    aligned, features, options = trainings_of_three(values, keys)
    assert pool_slices(aligned, AGE, features, **options).freedom[0] == 2
    apart = options | {"trainings": {}}
    assert pool_slices(aligned, AGE, features, **apart).freedom[0] == 4
    alone = pool_slices(aligned, AGE, features, trained=["a"], **options)
    both = pool_slices(aligned, AGE, features, **options)
    np.testing.assert_array_equal(alone.observed, both.observed)


def test_a_method_with_fewer_seeds_of_the_same_trainings_is_not_pooled():
    values = {("a", 1.0): range(2), ("b", 4.0): range(4)}
    keys = {("b", seed): f"{('a', seed)}" for seed in range(2)}
    aligned, features, options = trainings_of_three(values, keys)
    assert pool_slices(aligned, AGE, features, **options).freedom[0] == 3


def test_the_pool_can_be_given():
    values = {("a", 1.0): range(2), ("b", 4.0): range(3)}
    aligned, features, options = trainings_of_three(values, {})
    pooled = pool_slices(aligned, AGE, features, **options)
    given = find_slices(aligned, AGE, features, ["a"], pooled=pooled, **options)
    own = find_slices(aligned, AGE, features, **options)
    pd.testing.assert_frame_equal(given["a"].table, own["a"].table)


def test_a_slice_without_an_interval_has_its_own_reason():
    aligned, features, search = searched(AGE)
    observed = np.ones(search.looked_at)
    crossings = search.table[search.table["second_feature"] != ""]
    place = crossings["slice"].min()
    observed[place] = np.nan
    pooled = TrainingVariance(observed, 0 * observed, 0 * observed + 1.0)
    found = find_slices(aligned, AGE, features, pooled=pooled, resamples=RESAMPLES)
    table = found["m"].table.set_index("slice")
    assert np.isnan(table.loc[place, "low"])
    assert table.loc[place, "left_out"] == NO_INTERVAL
    assert NO_INTERVAL not in set(table["left_out"].drop(place))
