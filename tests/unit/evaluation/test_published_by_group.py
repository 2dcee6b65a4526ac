"""Published numbers of groups beside ours."""

import numpy as np
import pytest

from core.errors import EquipoiseError, StudyError
from core.evaluation.comparison import compare_runs
from core.evaluation.fairness_views import FairnessView
from core.evaluation.published import (
    published_by_group_table,
    published_views,
    rises_while_all_fall,
)
from core.study import PublishedByGroup
from tests.synthetic import TASKS, synthetic_tables

FACES = TASKS["utkface"]


def claim(
    method: str, group: str | None, value: float, **changes: str
) -> PublishedByGroup:
    own = {
        "metric": "gender.accuracy" if group else "gender.fair_metric",
        "feature": "ethnicity",
        "source": "them",
        **changes,
    }
    return PublishedByGroup(method=method, group=group, value=value, **own)


@pytest.fixture(scope="module")
def tables():
    return synthetic_tables(methods=("baseline", "ins"), seeds=(0, 1), rows=320)


@pytest.fixture(scope="module")
def ours(tables):
    return compare_runs(
        tables,
        FACES,
        "baseline",
        by=["ethnicity"],
        metrics=["gender.accuracy"],
        resamples=200,
    )


def test_what_is_compared_is_what_they_published() -> None:
    published = [
        claim("ins", "Asian", 0.9),
        claim("ins", None, 0.8),
        claim("ins", "old x Asian", 0.5, feature="age_bin x ethnicity"),
    ]
    assert published_views(published) == (
        FairnessView("gender", ("ethnicity",), "gender.accuracy"),
        FairnessView("gender", ("age_bin", "ethnicity"), "gender.accuracy"),
    )
    assert published_views(()) == ()
    *_, crossed = published
    assert (crossed.feature, crossed.group) == ("age_bin × ethnicity", "old × Asian")
    assert claim("ins", "2 x 4", 0.5).group == "2 x 4"


def test_ours_stand_beside_theirs_with_an_interval(tables, ours) -> None:
    published = [claim("ins", "Asian", 0.9), claim("ins", None, 0.8)]
    group, between = published_by_group_table(published, [ours]).to_dict("records")
    by_group = []
    for seed in (0, 1):
        table = tables["ins", seed]
        right = table["gender_true"] == table["gender_pred"]
        by_group.append(right.groupby(table["ethnicity"]).mean())
    mean = sum(by_group) / 2
    assert (group["theirs"], group["reported"]) == (0.9, True)
    assert group["ours"] == pytest.approx(mean["Asian"])
    assert group["low"] < group["ours"] < group["high"]
    assert (between["measure"], between["group"]) == ("fair_metric", "")
    assert between["ours"] == pytest.approx(mean.mean() - 2 * (mean.max() - mean.min()))


def test_a_fair_metric_is_computed_from_their_accuracies() -> None:
    # The reference's second case: that project's accuracies of women and men.
    published = [
        claim("ins", "women", 0.9073910713195801),
        claim("ins", "men", 0.920302152633667),
    ]
    *_, fair = published_by_group_table(published).to_dict("records")
    assert fair["theirs"] == pytest.approx(0.888024449348, abs=1e-12)
    assert (fair["measure"], fair["reported"], fair["source"]) == (
        "fair_metric",
        False,
        "them",
    )
    assert np.isnan(fair["ours"])


def test_a_reported_fair_metric_stands_as_reported() -> None:
    published = [
        claim("ins", "women", 0.9),
        claim("ins", "men", 0.95),
        claim("ins", None, 0.8),
    ]
    table = published_by_group_table(published)
    (fair,) = table[table["measure"] == "fair_metric"].to_dict("records")
    assert (fair["theirs"], fair["reported"]) == (0.8, True)


def test_one_groups_accuracy_makes_no_fair_metric() -> None:
    table = published_by_group_table([claim("ins", "women", 0.9)])
    assert list(table["measure"]) == [""]


def test_the_numbers_of_a_method_stay_together() -> None:
    published = [
        claim("a", "women", 0.9),
        claim("b", "women", 0.8),
        claim("a", "men", 0.7),
        claim("b", "men", 0.6),
    ]
    table = published_by_group_table(published)
    assert list(table["method"]) == ["a", "a", "a", "b", "b", "b"]
    assert list(table["group"]) == ["women", "men", ""] * 2


@pytest.mark.parametrize(
    ("changes", "value", "named"),
    [
        ({"metric": "gender.accuracy", "group": None}, 0.5, "names no group"),
        ({"metric": "gender.accuracy", "group": "women"}, 91.9, "91.9"),
        ({"metric": "gender.acuracy", "group": "women"}, 0.5, "acuracy"),
    ],
)
def test_a_number_that_makes_no_sense_is_named(changes, value, named) -> None:
    item = PublishedByGroup(
        method="ins", feature="ethnicity", value=value, source="them", **changes
    )
    with pytest.raises(EquipoiseError, match=named):
        published_by_group_table([item])


def test_years_need_be_no_share() -> None:
    item = claim("ins", "Asian", 7.5, metric="age.mae")
    assert published_by_group_table([item]).loc[0, "theirs"] == 7.5
    with pytest.raises(StudyError, match="share"):
        published_by_group_table([claim("ins", "Asian", 7.5)])


def test_levelling_down_is_seen_in_their_numbers() -> None:
    base = [claim("baseline", "women", 0.92), claim("baseline", "men", 0.97)]
    down = [claim("down", "women", 0.91), claim("down", "men", 0.92)]
    up = [claim("up", "women", 0.93), claim("up", "men", 0.94)]
    worse = [claim("worse", "women", 0.80), claim("worse", "men", 0.96)]
    part = [claim("part", "women", 0.1)]
    table = published_by_group_table([*base, *down, *up, *worse, *part])
    assert rises_while_all_fall(table, "baseline") == ("down",)
