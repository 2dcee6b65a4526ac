"""Coverage of conformal intervals by bin and by group, counted one by one."""

import numpy as np
import pytest

from core.evaluation.comparison import compare_runs
from core.evaluation.conformal import COVERAGE, conformal_offsets
from core.evaluation.conformal_coverage import (
    PREDICTION,
    TOO_HIGH,
    TOO_LOW,
    TRUTH,
    conformal_coverage,
)
from core.tasks import Binary
from tests.unit.evaluation.test_conformal import AGE, draw

RNG = np.random.default_rng(0)
VALIDATION = {("m", seed): draw(RNG, 1500) for seed in (0, 1)}
TEST_TABLE = draw(RNG, 800)
TEST = {
    ("m", seed): TEST_TABLE.assign(
        age_pred=(TEST_TABLE["age_pred"] + RNG.normal(0, 2, 800)).clip(0, 79)
    )
    for seed in (0, 1)
}


@pytest.fixture(scope="module")
def found():
    table = conformal_coverage(VALIDATION, TEST, AGE, features=("old",))
    return table.set_index(["part", "group"])


def answers():
    """Of each run: whether each interval holds the truth, its width, the two bins."""
    offsets = conformal_offsets(VALIDATION, TEST, AGE).set_index("bin")
    for table in TEST.values():
        rows = []
        for row in table.itertuples():
            place = AGE.bin_labels[int(AGE.bin_of(row.age_pred))]
            low, high = (
                row.age_pred + offsets.loc[place, end] for end in ("low", "high")
            )
            held = low <= row.age_true <= high
            width = min(high, 79) - max(low, 0)
            true_bin = AGE.bin_labels[int(AGE.bin_of(row.age_true))]
            rows.append((held, width, place, true_bin, row.old))
        yield list(zip(*rows, strict=True))


def test_every_group_is_counted(found):
    runs = list(answers())
    for part, column in ((PREDICTION, 2), (TRUTH, 3), ("old", 4)):
        for group in set(runs[0][column]):
            inside = [np.array(run[column]) == group for run in runs]
            shares, widths, counts = [], [], []
            for run, own in zip(runs, inside, strict=True):
                shares.append(np.array(run[0])[own].mean())
                widths += np.array(run[1])[own].tolist()
                counts.append(own.sum())
            row = found.loc[part, group]
            assert row["coverage"] == pytest.approx(np.mean(shares))
            assert row["width"] == pytest.approx(np.mean(widths))
            assert row["images"] == np.mean(counts)
            assert row["low"] <= row["coverage"] <= row["high"]
    whole = found.loc["", ""]
    held = np.mean([np.mean(run[0]) for run in runs])
    assert whole["coverage"] == pytest.approx(held)
    assert (whole["images"], whole["seeds"]) == (800, 2)


def test_a_group_that_is_harder_to_tell_is_held_too_seldom():
    rng = np.random.default_rng(1)
    validation = {("m", 0): draw(rng, 2000, spread=(3.0, 16.0))}
    test = {("m", 0): draw(rng, 2000, spread=(3.0, 16.0))}
    # Predictions tell nothing of the group: one bin for all of them.
    validation["m", 0]["age_pred"] = test["m", 0]["age_pred"] = 35.0
    table = conformal_coverage(validation, test, AGE, features=("old",))
    rows = table.set_index(["part", "group"])
    assert rows.loc[("", ""), "coverage"] == pytest.approx(COVERAGE, abs=0.02)
    assert rows.loc[("old", "old"), "verdict"] == TOO_LOW
    assert rows.loc[("old", "young"), "verdict"] == TOO_HIGH


def test_verdicts_are_corrected_over_all_groups_and_methods():
    """Where every promise is kept, no verdict is given in 18 of 20 studies."""
    rng = np.random.default_rng(2)
    wrong = 0
    for _ in range(20):
        validation = {(m, 0): draw(rng, 4000) for m in "abc"}
        table = draw(rng, 1000)
        groups = rng.integers(0, 8, 1000).astype(str)
        test = {(m, 0): table.assign(chance=groups) for m in "abc"}
        found = conformal_coverage(validation, test, AGE, features=("chance",))
        wrong += bool(found[found["part"] == "chance"]["verdict"].any())
    assert wrong <= 3


def test_strata_weigh_the_validation_images():
    rng = np.random.default_rng(3)
    validation = {("m", 0): draw(rng, 1500, old=0.1)}
    test = {("m", 0): draw(rng, 1000, old=0.7)}
    strata = {"m": (validation["m", 0]["old"], test["m", 0]["old"])}
    plain = conformal_coverage(validation, test, AGE)
    weighed = conformal_coverage(validation, test, AGE, strata=strata)
    assert plain["coverage"][0] < 0.87 < weighed["coverage"][0]


def test_without_validation_images_there_is_nothing():
    assert conformal_coverage({}, TEST, AGE).empty
    found = conformal_coverage(VALIDATION, {**TEST, ("x", 0): TEST_TABLE}, AGE)
    assert set(found["method"]) == {"m"}


def test_a_feature_that_is_not_there_is_left_out(found):
    table = conformal_coverage(VALIDATION, TEST, AGE, features=("hat",))
    assert set(table["part"]) == {"", PREDICTION, TRUTH}
    assert {"", PREDICTION, TRUTH, "old"} == set(found.index.get_level_values(0))


def test_intervals_are_those_of_a_share_of_images_by_the_bootstrap(found):
    """The engine's own, where "held" is a class that is answered rightly or not."""
    oracle = bootstrap().groups.set_index("group")
    for group in ("old", "young"):
        row, own = oracle.loc[group], found.loc["old", group]
        assert own["coverage"] == pytest.approx(row["mean"])
        assert own["low"] == pytest.approx(row["low"], abs=0.01)
        assert own["high"] == pytest.approx(row["high"], abs=0.01)


def bootstrap(**options):
    """The engine's intervals of coverage by ``old``."""
    task = Binary("held", "Held", ("no", "yes"))
    runs = {}
    for key, run in zip(TEST, answers(), strict=True):
        right = np.where(run[0], "yes", "no")
        runs[key] = TEST[key].assign(held_true="yes", held_pred=right)
    return compare_runs(
        runs, (task,), "m", by=["old"], metrics=["held.accuracy"], **options
    )


def test_images_of_a_design_vary_within_its_strata():
    """Where strata tell most of what is held, the share of all varies much less."""
    held = np.array([run[0] for run in answers()]).sum(axis=0)
    ranks = np.argsort(np.argsort(held, kind="stable"))
    names = [f"s{rank // 80}" for rank in ranks]
    # As many of each in the validation images, so that these weigh alike.
    strata = {"m": ([f"s{i // 150}" for i in range(1500)], names)}
    found = [
        conformal_coverage(VALIDATION, TEST, AGE, features=("old",), **options)
        for options in ({}, {"strata": strata})
    ]
    assert found[0]["coverage"].tolist() == pytest.approx(found[1]["coverage"].tolist())
    oracle = bootstrap(design=names).groups.set_index("group")
    for group in ("old", "young"):
        own = found[1].set_index(["part", "group"]).loc["old", group]
        assert own["low"] == pytest.approx(oracle.loc[group, "low"], abs=0.01)
        assert own["high"] == pytest.approx(oracle.loc[group, "high"], abs=0.01)
    widths = [one["high"] - one["low"] for one in found]
    assert widths[1][0] < 0.9 * widths[0][0]


def test_a_method_of_one_seed_varies_as_the_other_trainings():
    validation = {**VALIDATION, ("one", 0): VALIDATION["m", 0]}
    test = {**TEST, ("one", 0): TEST["m", 0]}
    alone = conformal_coverage(
        {("one", 0): VALIDATION["m", 0]}, {("one", 0): TEST["m", 0]}, AGE
    )
    both = conformal_coverage(validation, test, AGE)
    own = both[both["method"] == "one"].reset_index(drop=True)
    assert own["coverage"].tolist() == alone["coverage"].tolist()
    assert (own["high"] - own["low"] >= alone["high"] - alone["low"] - 1e-9).all()
    assert (own["high"] - own["low"] > alone["high"] - alone["low"] + 0.01).any()
    # The same training three times tells no more than once.
    runs = {("twin", seed): table for (_, seed), table in TEST.items()}
    known = {("twin", seed): table for (_, seed), table in VALIDATION.items()}
    keys = {key: str(key[1]) for key in (*TEST, *runs)} | {("one", 0): "own"}
    twin = conformal_coverage(
        {**validation, **known}, {**test, **runs}, AGE, trainings=keys
    )
    again = twin[twin["method"] == "one"].reset_index(drop=True)
    assert again["low"].tolist() == pytest.approx(own["low"].tolist())
