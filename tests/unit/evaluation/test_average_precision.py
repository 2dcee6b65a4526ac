"""Average precision and areas of single classes, held to scikit-learn."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as sk

from core.evaluation.alignment import align_predictions
from core.evaluation.auc import average_precision_parts
from core.evaluation.comparison import compare_runs
from core.evaluation.grouping import group_images
from core.evaluation.metrics import (
    area_keys,
    further_keys,
    group_metric_keys,
    metric_info,
    metric_keys,
)
from core.evaluation.resampled_metrics import TaskDraws
from core.evaluation.resampling import Resampler
from core.tasks import Binary, Multiclass
from tests.oracles import AGE, FOUR, TWO

PAIR = Binary("ill", "Ill", ("no", "yes"))
KINDS = Multiclass("kind", "Kind", tuple("abcde"))
SEED = st.integers(0, 2**32 - 1)
FEW = settings(max_examples=40, deadline=None)


def sample(task, rows, *, seed=0, decimals=None, dtype=np.float64):
    """Truth, in which the last class is rare, and probabilities, perhaps with ties."""
    rng = np.random.default_rng(seed)
    k = len(task.classes)
    shares = np.r_[np.ones(k - 1), 0.3]
    truth = rng.choice(k, rows, p=shares / shares.sum())
    truth[:k] = np.arange(k)
    logits = rng.standard_normal((rows, k)) + 1.2 * (truth[:, None] == np.arange(k))
    given = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    given = given if decimals is None else given.round(decimals)
    return truth, given.astype(dtype)


def table_of(task, truth, given):
    classes = np.array(task.classes)
    return pd.DataFrame(
        {
            "image_id": [f"i{n}" for n in range(len(truth))],
            f"{task.name}_true": classes[truth],
            f"{task.name}_pred": classes[given.argmax(axis=1)],
            **{f"{task.name}_p_{name}": given[:, i] for i, name in enumerate(classes)},
        }
    )


def oracle(task, truth, given, weights=None, label=None):
    scored = range(1, 2) if task.kind == "binary" else range(len(task.classes))
    return np.mean(
        [
            sk.average_precision_score(
                truth == one, given[:, one], sample_weight=weights
            )
            for one in (scored if label is None else [label])
        ]
    )


def draws_of(task, tables, *, resamples, rng_seed=0):
    aligned = align_predictions(tables, [task], "m")
    grouping = group_images(tables["m", 0], [task], ())
    resampler = Resampler(aligned.rows, resamples, rng_seed)
    return TaskDraws(aligned, task, grouping, resampler)


@FEW
@given(seed=SEED, rows=st.integers(2, 60), decimals=st.sampled_from([0, 1, 9]))
def test_its_terms_are_scikit_learns_with_images_drawn_several_times(
    seed, rows, decimals
):
    rng = np.random.default_rng(seed)
    scores = rng.random(rows).round(decimals)
    truth = (rng.random(rows) < 0.4).astype(np.int64)
    truth[:2] = 0, 1
    times = rng.integers(1, 4, rows)
    drawn = np.repeat(np.arange(rows), times)
    given = np.column_stack([1 - scores, scores])
    own, others = average_precision_parts(truth[drawn], given[drawn], np.array([1]))
    expected = sk.average_precision_score(truth, scores, sample_weight=times)
    assert own[truth[drawn] == 1].mean() == pytest.approx(expected, abs=1e-12)
    assert others.sum() == pytest.approx(0, abs=1e-9)


@FEW
@given(seed=SEED, rows=st.integers(8, 60), decimals=st.sampled_from([0, 1, 9]))
def test_an_image_more_moves_it_as_its_terms_say(seed, rows, decimals):
    rng = np.random.default_rng(seed)
    scores = rng.random(rows).round(decimals)
    truth = (rng.random(rows) < 0.4).astype(np.int64)
    truth[:2] = 0, 1
    given = np.column_stack([1 - scores, scores])
    own, others = average_precision_parts(truth, given, np.array([1]))
    positives = truth == 1
    for image in range(rows):
        changed = []
        for step in (-1e-5, 1e-5):
            weights = np.ones(rows)
            weights[image] += step
            changed.append(
                sk.average_precision_score(truth, scores, sample_weight=weights)
            )
        slope = (changed[1] - changed[0]) / 2e-5
        mine = others[image]
        if positives[image]:
            mine += (own[image] - own[positives].mean()) / positives.sum()
        assert mine == pytest.approx(slope, abs=1e-6)


@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.float16])
@pytest.mark.parametrize("decimals", [None, 1, 0])
@pytest.mark.parametrize("task", [PAIR, KINDS], ids=["binary", "multiclass"])
def test_it_is_that_of_scikit_learn_with_ties_and_in_every_precision(
    task, decimals, dtype
):
    truth, given = sample(task, 400, decimals=decimals, dtype=dtype)
    keys = area_keys(task)
    tables = {("m", 0): table_of(task, truth, given)}
    found = compare_runs(tables, [task], "m", metrics=keys, resamples=20)
    expected = oracle(task, truth, given)
    assert found.row("m", keys[0])["mean"] == pytest.approx(expected)
    for place, label in enumerate(task.classes):
        row = found.row("m", f"{task.name}.average_precision[{label}]")
        own = oracle(task, truth, given, label=place)
        assert row["mean"] == pytest.approx(own)
        assert row["low"] <= row["mean"] <= row["high"]
        area = found.row("m", f"{task.name}.auc[{label}]")["mean"]
        expected = sk.roc_auc_score(truth == place, given[:, place])
        assert area == pytest.approx(expected)


@pytest.mark.parametrize("decimals", [None, 1])
@pytest.mark.parametrize("label", [None, 0])
@pytest.mark.parametrize("task", [PAIR, KINDS], ids=["binary", "multiclass"])
def test_resamples_agree_with_brute_force(task, label, decimals):
    truth, given = sample(task, 1500, decimals=decimals)
    part = "" if label is None else f"[{task.classes[label]}]"
    drawn = draws_of(
        task, {("m", 0): table_of(task, truth, given)}, resamples=150, rng_seed=5
    )
    own = drawn.metric(f"{task.name}.average_precision{part}").draws[0, 0]
    expected = np.array(
        [oracle(task, truth, given, w, label) for w in drawn.resampler.weights.T]
    )
    spread = expected.std()
    assert own.std() == pytest.approx(spread, rel=0.05)
    assert np.corrcoef(own, expected)[0, 1] > 0.99
    # An image that is drawn twice is found beside itself: only theirs are biased up.
    value = oracle(task, truth, given, label=label)
    assert abs(own.mean() - value) < 0.25 * spread
    assert own.mean() - 0.05 * spread < expected.mean()


def test_many_rows_agree_with_image_by_image(monkeypatch):
    truth, given = sample(KINDS, 3000)
    tables = {("m", 0): table_of(KINDS, truth, given)}
    found = []
    for limit in (10_000, 1):
        monkeypatch.setattr("core.evaluation.resampling.MAX_WEIGHTED_ROWS", limit)
        monkeypatch.setattr("core.evaluation.resampling.SMALL_STRATUM", 100)
        drawing = draws_of(KINDS, tables, resamples=2000)
        found.append(drawing.metric("kind.average_precision"))
    exact, other = found
    assert (exact.values == other.values).all()
    assert other.draws.std() == pytest.approx(exact.draws.std(), rel=0.1)


def test_a_class_without_images_is_left_out_of_the_mean_and_has_none_itself():
    truth, given = sample(FOUR, 300)
    truth[truth == 2] = 1
    tables = {("m", 0): table_of(FOUR, truth, given)}
    found = compare_runs(tables, [FOUR], "m", metrics=area_keys(FOUR), resamples=20)
    expected = np.mean(
        [sk.average_precision_score(truth == c, given[:, c]) for c in (0, 1, 3)]
    )
    assert found.row("m", "four.average_precision")["mean"] == pytest.approx(expected)
    for name in ("auc", "average_precision"):
        assert np.isnan(found.row("m", f"four.{name}[c]")["mean"])
        assert found.row("m", f"four.{name}[d]")["n"] == (truth == 3).sum()


def test_labels_alone_have_none():
    truth, given = sample(TWO, 60)
    table = table_of(TWO, truth, given)[["image_id", "two_true", "two_pred"]]
    found = compare_runs({("m", 0): table}, [TWO], "m", metrics=area_keys(TWO))
    assert found.table["mean"].isna().all()


def test_they_are_asked_for_and_change_nothing_else():
    assert area_keys(AGE) == ()
    keys = area_keys(PAIR)
    assert keys[0] == "ill.average_precision"
    assert not {*keys} & {*metric_keys(PAIR), *group_metric_keys(PAIR)}
    assert further_keys([PAIR], keys) == keys
    info = metric_info("ill.average_precision[yes]", (PAIR,))
    assert (info.label, info.direction, info.is_share) == (
        "Ill average precision, yes",
        "higher",
        True,
    )
    truth, given = sample(PAIR, 300)
    _, other = sample(PAIR, 300, seed=1)
    tables = {("m", 0): table_of(PAIR, truth, given)}
    tables["n", 0] = table_of(PAIR, truth, (given + other) / 2)
    usual = compare_runs(tables, [PAIR], "m", resamples=200).table
    more = compare_runs(
        tables, [PAIR], "m", metrics=(*metric_keys(PAIR), *keys), resamples=200
    ).table
    kept = more[more["metric"].isin(metric_keys(PAIR))].reset_index(drop=True)
    pd.testing.assert_frame_equal(usual, kept)
    row = more.set_index(["metric", "method"]).loc[("ill.average_precision", "n")]
    assert row["delta_low"] <= row["delta"] <= row["delta_high"]
    assert row["verdict"]
