"""What a rule makes of a predictions table, and what it refuses beforehand."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from core.errors import MethodError
from core.methods.registry import resolve_method
from core.methods.threshold_optimizer import draws
from core.tasks import Binary
from core.training.decisions import check_decisions, decide, explain_left
from tests.unit.training.test_fit import study_of

TASK = Binary("glasses", "Glasses", ("no glasses", "glasses"))
RULE = {"on": "glasses", "groups": "group", "constraint": "demographic_parity"}


def method_of(use=None, features=("group", "region")):
    study = study_of({"threshold-optimizer": RULE} if use is None else use)
    return resolve_method(study, "tried", (TASK,), features)


def predictions(n=2000):
    rng = np.random.default_rng(0)
    group = np.where(rng.random(n) < 0.6, "A", "B")
    truth = rng.random(n) < np.where(group == "A", 0.5, 0.2)
    p = 1 / (1 + np.exp(-(2 * truth - 1 + rng.normal(size=n))))
    names = np.array(TASK.classes)
    return pd.DataFrame(
        {
            "image_id": [f"i{i}" for i in range(n)],
            "split": np.where(np.arange(n) < n // 2, "validation", "test"),
            "group": group,
            "region": np.where(rng.random(n) < 0.5, "north", "south"),
            "glasses_true": names[truth.astype(int)],
            "glasses_pred": names[(p > 0.5).astype(int)],
            "glasses_p_no glasses": 1 - p,
            "glasses_p_glasses": p,
        }
    )


def rates(table, split):
    positive = table[table["split"] == split]["glasses_pred"] == "glasses"
    return positive.groupby(table["group"]).mean()


def test_the_rule_answers_and_the_probabilities_stay():
    before = predictions()
    after, kept = decide(before, method_of(), (TASK,), seed=0)
    pd.testing.assert_frame_equal(
        after.drop(columns=["glasses_pred", "glasses_positive_rate"]),
        before.drop(columns="glasses_pred"),
    )
    assert np.ptp(rates(before, "validation")) > 0.1
    assert np.ptp(rates(after, "validation")) < 0.05
    assert np.ptp(rates(after, "test")) < 0.15
    expected = (
        draws(before["image_id"].tolist(), seed=0) < after["glasses_positive_rate"]
    )
    assert ((after["glasses_pred"] == "glasses") == expected).all()
    assert kept["glasses"]["by"] == "group"
    assert set(kept["glasses"]["groups"]) == {"A", "B"}
    assert explain_left(kept) == []


def test_it_is_fitted_on_validation_images_alone():
    before = predictions()
    turned = before.copy()
    test = turned["split"] == "test"
    turned.loc[test, "glasses_true"] = "glasses"
    one, other = (decide(t, method_of(), (TASK,), seed=0)[1] for t in (before, turned))
    assert one == other


def test_the_seed_decides_what_is_left_to_chance_and_the_order_does_not():
    table = predictions()
    one, _ = decide(table, method_of(), (TASK,), seed=0)
    again, _ = decide(table[::-1], method_of(), (TASK,), seed=0)
    pd.testing.assert_frame_equal(again.sort_index(), one)
    other, _ = decide(table, method_of(), (TASK,), seed=1)
    differ = one["glasses_pred"] != other["glasses_pred"]
    drawn = one["glasses_positive_rate"].between(0, 1, inclusive="neither")
    assert differ.any()
    assert drawn[differ].all()


def test_a_group_that_validation_lacks_keeps_the_models_answer_and_is_said():
    table = predictions()
    table.loc[table.index[-20:], "group"] = "C"
    after, kept = decide(table, method_of(), (TASK,), seed=0)
    new = table["group"] == "C"
    assert (after["glasses_pred"] == table["glasses_pred"])[new].all()
    assert kept["glasses"]["without_rule"] == {"C": "no validation image"}
    (sentence,) = explain_left(kept)
    assert "C (no validation image)" in sentence
    assert "the model's own answer stands" in sentence


def test_groups_may_be_crossed():
    use = {"threshold-optimizer": {**RULE, "groups": "group x region"}}
    _, kept = decide(predictions(), method_of(use), (TASK,), seed=0)
    assert set(kept["glasses"]["groups"]) == {
        f"{group} x {region}" for group in "AB" for region in ("north", "south")
    }


def test_without_a_rule_nothing_changes():
    before = predictions()
    after, kept = decide(before, method_of({}), (TASK,), seed=0)
    pd.testing.assert_frame_equal(after, before)
    assert kept == {}


def data_of(table):
    manifest = table.rename(columns={"glasses_true": "glasses"})
    return SimpleNamespace(manifest=manifest, tasks=(TASK,))


def test_what_cannot_be_decided_is_refused_before_training():
    table = predictions()
    check_decisions(method_of(), data_of(table))
    alone = table.assign(group="A")
    with pytest.raises(MethodError, match="two groups with validation images"):
        check_decisions(method_of(), data_of(alone))
    table.loc[7, "group"] = None
    with pytest.raises(MethodError, match="1 image has no 'group': i7"):
        check_decisions(method_of(), data_of(table))


SCALED = {"temperature-scaling": {"on": "glasses"}}


def test_a_temperature_changes_probabilities_and_no_answer():
    before = predictions()
    columns = ["glasses_p_no glasses", "glasses_p_glasses"]
    # Scores of distance 2 and noise 1 have the odds squared: these are too sure by 2.
    odds = (before[columns[1]] / before[columns[0]]) ** 4
    before[columns[1]] = (odds / (1 + odds)).astype(np.float32)
    before[columns[0]] = (1 / (1 + odds)).astype(np.float32)
    after, kept = decide(before, method_of(SCALED), (TASK,), seed=0)
    changed = [*columns, "glasses_temperature"]
    pd.testing.assert_frame_equal(
        after.drop(columns=changed), before.drop(columns=columns)
    )
    temperature = kept["glasses"]["temperature"]
    assert temperature == pytest.approx(2, rel=0.1)
    assert (after["glasses_temperature"] == temperature).all()
    assert kept["glasses"]["validation_images"] == 1000
    expected = odds ** (1 / temperature)
    np.testing.assert_allclose(after[columns[1]], expected / (1 + expected), atol=1e-3)
    assert after[columns].dtypes.tolist() == before[columns].dtypes.tolist()


def test_a_temperature_is_fitted_on_validation_images_alone():
    before = predictions()
    turned = before.copy()
    turned.loc[turned["split"] == "test", "glasses_true"] = "glasses"
    one, other = (
        decide(t, method_of(SCALED), (TASK,), seed=0)[1] for t in (before, turned)
    )
    assert one == other


def test_temperatures_by_group_say_which_groups_have_the_overall_one():
    use = {"temperature-scaling": {"on": "glasses", "groups": "group", "fewest": 50}}
    table = predictions()
    table.loc[table.index[:20], "group"] = "C"
    table.loc[table.index[-20:], "group"] = "D"
    after, kept = decide(table, method_of(use), (TASK,), seed=0)
    fitted = kept["glasses"]
    assert set(fitted["groups"]) == {"A", "B"}
    by_group = after.groupby("group")["glasses_temperature"].unique()
    for name in "AB":
        assert by_group[name].tolist() == [fitted["groups"][name]]
    for name in "CD":
        assert by_group[name].tolist() == [fitted["temperature"]]
    (sentence,) = explain_left(kept)
    assert "C (only 20 validation images), D (no validation image)" in sentence
    assert "the temperature of all images is taken" in sentence


def test_a_temperature_needs_a_validation_image():
    table = predictions()
    check_decisions(method_of(SCALED), data_of(table.drop(columns="group")))
    with pytest.raises(MethodError, match="fitted on validation images"):
        check_decisions(method_of(SCALED), data_of(table.assign(split="test")))
