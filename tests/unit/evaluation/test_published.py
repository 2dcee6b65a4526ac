"""Published numbers beside ours."""

import numpy as np
import pandas as pd
import pytest

from core.errors import StudyError
from core.evaluation.published import published_table
from core.study import Published


def row(method, metric, mean, delta=np.nan, verdict="baseline"):
    ends = {"low": mean - 0.2, "high": mean + 0.2}
    deltas = {"delta": delta, "delta_low": delta - 0.3, "delta_high": delta + 0.3}
    return {
        "method": method,
        "metric": metric,
        "mean": mean,
        **ends,
        **deltas,
        "verdict": verdict,
    }


OURS = pd.DataFrame(
    [
        row("baseline", "age.mae", 8.0),
        row("ins", "age.mae", 7.0, -1.0, "better"),
        row("baseline", "label.error_rate", 0.4),
        row("ins", "label.error_rate", 0.3, -0.1, "worse"),
    ]
)


def claim(method, metric, **number):
    return Published(method=method, metric=metric, source="them", **number)


def test_a_change_is_in_per_cent_of_our_own_baseline():
    claims = [claim("ins", "age.mae", change_percent=-4.4)]
    found = published_table(claims, OURS, "baseline").loc[0]
    assert (found["kind"], found["theirs"]) == ("change", -4.4)
    assert found["ours"] == pytest.approx(-12.5)
    assert found["low"] == pytest.approx(-1.3 / 8 * 100)
    assert found["verdict"] == "better"


def test_a_value_stands_beside_our_mean_and_has_no_verdict():
    claims = [claim("ins", "label.error_rate", value=0.173)]
    found = published_table(claims, OURS, "baseline").loc[0]
    assert (found["kind"], found["theirs"]) == ("value", 0.173)
    assert found[["ours", "low", "high"]].tolist() == pytest.approx([0.3, 0.1, 0.5])
    assert found["verdict"] == ""


def test_what_we_do_not_have_is_undefined_and_kept():
    claims = [
        claim("gone", "age.mae", change_percent=1.0),
        claim("gone", "label.error_rate", value=0.2),
        claim("ins", "label.auc", value=0.9),
    ]
    table = published_table(claims, OURS, "baseline")
    assert table["theirs"].tolist() == [1.0, 0.2, 0.9]
    assert table[["ours", "low", "high"]].isna().all(axis=None)


@pytest.mark.parametrize("value", [17.3, 1.01, -0.1, float("nan")])
def test_a_share_in_per_cent_is_refused(value):
    claims = [claim("ins", "label.error_rate", value=value)]
    with pytest.raises(StudyError, match="error rate of 'ins' is") as caught:
        published_table(claims, OURS, "baseline")
    assert "0.231 for 23.1 %" in caught.value.expected
    assert caught.value.remedy


@pytest.mark.parametrize(
    ("metric", "number"),
    [
        ("label.error_rate", {"value": 0.0}),
        ("label.error_rate", {"value": 1.0}),
        ("label.error_rate", {"change_percent": -20.1}),
        ("age.mae", {"value": 7.2}),
    ],
)
def test_what_is_no_share_in_per_cent_is_kept(metric, number):
    table = published_table([claim("ins", metric, **number)], OURS, "baseline")
    assert table["theirs"].tolist() == list(number.values())


def test_none_published_gives_an_empty_table_with_its_columns():
    table = published_table((), OURS, "baseline")
    assert table.empty
    assert "kind" in table
