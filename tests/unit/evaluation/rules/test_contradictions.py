"""Images against a rule: label errors first, then those that the rule gets wrong."""

import numpy as np
import pandas as pd
import pytest

from core.evaluation.alignment import align_predictions
from core.evaluation.answers import collect_answers
from core.evaluation.rules.contradictions import (
    MADE,
    PROBABLE,
    RULE,
    UNKNOWN,
    collect_opinions,
    find_contradictions,
)
from core.tasks import Binary

TASK = Binary("target", "Target", ("no", "yes"))
IDS = ["a", "b", "c", "d"]
TRUTH = ["no", "no", "yes", "yes"]


def table(shares: list[float]) -> pd.DataFrame:
    shares = np.array(shares)
    return pd.DataFrame(
        {
            "image_id": IDS,
            "split": "test",
            "target_true": TRUTH,
            "target_pred": np.where(shares > 0.5, "yes", "no"),
            "target_p_no": 1 - shares,
            "target_p_yes": shares,
        }
    )


@pytest.fixture
def opinions() -> pd.DataFrame:
    tables = {
        ("baseline", 0): table([0.9, 0.6, 0.1, 0.8]),
        ("other", 0): table([0.8, 0.1, 0.3, 0.9]),
    }
    answers = collect_answers(align_predictions(tables, [TASK], "baseline"), TASK, IDS)
    return collect_opinions([answers], 1)


def test_opinions_count_the_methods_that_say_it(opinions):
    assert opinions.loc["a"].tolist() == pytest.approx([2, 2, 0.15])
    assert opinions.loc["b"].tolist() == pytest.approx([2, 1, 0.65])
    assert opinions.loc["c"].tolist() == pytest.approx([2, 0, 0.2])


def images(ids: list[str], labels: list[str], **more: list) -> pd.DataFrame:
    return pd.DataFrame(
        {"split": "test", "label": labels, **more},
        index=pd.Index(ids, name="image_id"),
    )


def test_label_errors_come_before_errors_of_the_rule(opinions):
    shown = images([*IDS, "e"], [*TRUTH, "yes"])
    has = np.array([False, False, True, True, True])
    # Against the rule: a, which both methods call yes; c, which neither does; d, which
    # both do; and e, which was trained on.
    says = np.array([True, False, False, False, False])
    found = find_contradictions(shown, has, says, opinions)
    assert found["image_id"].tolist() == ["a", "c", "e", "d"]
    assert found["kind"].tolist() == [PROBABLE, PROBABLE, UNKNOWN, RULE]
    assert found["with_rule"].tolist() == [2, 2, 0, 0]
    assert found["methods"].tolist() == [2, 2, 0, 2]
    assert np.isnan(found["probability"][2])


def test_what_was_flipped_comes_first(opinions):
    shown = images(IDS, TRUTH, had_label=[False, True, True, False])
    has = np.array([False, False, True, True])
    says = np.array([False, True, True, False])
    found = find_contradictions(shown, has, says, opinions)
    assert found["image_id"].tolist() == ["b", "d"]
    assert found["kind"].tolist() == [MADE, MADE]


def test_where_as_many_methods_confirm_as_doubt_the_rule_falls_short(opinions):
    shown = images(IDS, TRUTH)
    has = np.array([False, False, True, True])
    says = np.array([False, True, True, True])
    found = find_contradictions(shown, has, says, opinions)
    assert found["kind"].tolist() == [RULE]


def test_nothing_contradicts_a_rule_that_is_right():
    shown, has = images(IDS, TRUTH), np.array([False, False, True, True])
    found = find_contradictions(shown, has, has, collect_opinions([], 1))
    assert found.empty
    assert "kind" in found
