"""Where "better" is decided: directions, margins, and how small groups are treated."""

import numpy as np
import pytest

from core.evaluation.metrics import metric_info
from core.evaluation.verdicts import (
    METHOD,
    MODEL,
    VERDICTS,
    decide,
    margin_of,
    speaks_of_model,
)
from core.tasks import Multiclass, Regression
from tests.synthetic import AGE, TASKS

NAN = float("nan")
MASS = Regression("mass", "Mass", "grams", 0, 100, 10)
KIND = Multiclass("kind", "Kind", ("a", "b", "c"))


@pytest.mark.parametrize(
    ("low", "high", "margin", "direction", "verdict"),
    [
        (0.1, 0.3, NAN, "higher", "better"),
        (0.1, 0.3, NAN, "lower", "worse"),
        (0.1, 0.3, NAN, "zero", "worse"),
        (0.1, 0.3, NAN, "none", "differs"),
        (-0.3, -0.1, NAN, "higher", "worse"),
        (-0.3, -0.1, NAN, "lower", "better"),
        (-0.3, -0.1, NAN, "zero", "better"),
        (-0.1, 0.3, NAN, "higher", "inconclusive"),
        (-0.1, 0.3, 0.2, "higher", "inconclusive"),
        # An end at 0 or at the margin does not decide.
        (0.0, 0.3, NAN, "higher", "inconclusive"),
        (-0.2, 0.1, 0.2, "higher", "inconclusive"),
        (-0.1, 0.15, 0.2, "higher", "equivalent"),
        # A difference that is certain and does not matter.
        (0.1, 0.15, 0.2, "higher", "equivalent"),
        (0.1, 0.3, 0.2, "higher", "better"),
        (0.0, 0.0, 0.2, "lower", "equivalent"),
        (0.0, 0.0, NAN, "lower", "equivalent"),
        (NAN, NAN, 0.2, "lower", "no verdict"),
    ],
)
def test_a_verdict_is_what_its_interval_says(low, high, margin, direction, verdict):
    ends = (np.array([value]) for value in (low, high, margin))
    assert decide(*ends, [direction]).tolist() == [verdict]
    assert verdict in VERDICTS


def test_many_are_decided_as_one_by_one():
    rng = np.random.default_rng(0)
    low = rng.normal(0, 1, 300)
    high, margin = low + rng.gamma(1, 1, 300), rng.choice([0.5, 2.0, NAN], 300)
    ways = list(rng.choice(["lower", "higher", "zero", "none"], 300))
    found = decide(low, high, margin, ways)
    for place in range(300):
        part = slice(place, place + 1)
        single = decide(low[part], high[part], margin[part], ways[part])
        assert single[0] == found[place]
    assert decide(low[:0], high[:0], margin[:0], []).tolist() == []


@pytest.mark.parametrize(
    ("key", "tasks", "margin"),
    [
        ("age.mae", (AGE,), 0.5),
        ("age.mae_balanced", (AGE,), 0.5),
        ("age.rmse", (AGE,), 0.5),
        ("age.bias", (AGE,), NAN),
        ("age.within_5", (AGE,), NAN),
        ("age.mae[0-9]", (AGE,), NAN),
        ("mass.mae", (MASS,), NAN),
        ("kind.accuracy", (KIND,), 0.01),
        ("kind.error_rate", (KIND,), 0.01),
        ("kind.balanced_accuracy", (KIND,), 0.01),
        ("kind.auc", (KIND,), 0.01),
        ("kind.macro_f1", (KIND,), 0.02),
        ("kind.f1[a]", (KIND,), NAN),
        ("gender.f1", TASKS["utkface"], 0.02),
        ("kind.accuracy[few-shot]", (KIND,), NAN),
    ],
)
def test_margins_are_those_of_headline_metrics_unless_a_study_has_its_own(
    key, tasks, margin
):
    info = metric_info(key, tasks)
    assert margin_of(info, {}, tasks) == pytest.approx(margin, nan_ok=True)
    assert margin_of(info, {key: 0.125}, tasks) == 0.125
    other = {f"{info.task}.{info.name}[other]": 0.125}
    assert margin_of(info, other, tasks) == pytest.approx(margin, nan_ok=True)


def test_what_a_verdict_speaks_of():
    assert speaks_of_model({"scope": MODEL})
    assert not speaks_of_model({"scope": METHOD})
