from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from core.data.avatar_drawing import draw_avatar
from core.data.catalog import READERS
from core.data.manifest import TEST, TRAINING, VALIDATION
from core.data.readers import avatars
from core.data.readers.avatars_softbio import (
    GROUPS,
    INFO,
    TARGET,
    AvatarsSoftbioOptions,
    has_target,
    load,
    renderer,
    sample_people,
    sample_person,
)
from core.errors import DatasetError, StudyError

OPTIONS = AvatarsSoftbioOptions()


@pytest.fixture(scope="module")
def people() -> pd.DataFrame:
    return sample_people(OPTIONS)


@pytest.fixture(scope="module")
def drawn() -> list:
    return [sample_person(index, OPTIONS) for index in range(OPTIONS.count)]


def test_manifest_has_what_the_dataset_says(people):
    assert len(people) == OPTIONS.count
    assert people["image_id"].is_unique
    assert set(people[TARGET.name]) == set(TARGET.classes)
    assert set(people["group"]) == set(GROUPS) == set(INFO.sensitive_features["group"])
    assert not people.isna().any(axis=None)
    assert INFO.generated
    assert INFO.shareable


def test_the_target_is_as_rare_as_in_the_study_and_alike_in_both_groups(people):
    positive = people[TARGET.name] == TARGET.positive
    assert 0.18 < positive.mean() < 0.25
    table = pd.crosstab(people["group"], positive)
    assert stats.chi2_contingency(table).pvalue > 0.01
    share = (people["group"] == "B").mean()
    low, high = stats.binom.interval(0.999, OPTIONS.count, OPTIONS.rare_share)
    assert low <= share * OPTIONS.count <= high


def test_labels_are_those_of_the_person_drawn(people, drawn):
    for index in (0, 1, 2, 500, 5999):
        person, row = drawn[index], people.loc[index]
        grey = person.greying >= 0.5
        assert (row[TARGET.name] == TARGET.positive) == (person.glasses or grey)
        assert (row["group"] == "B") == (person.group == "D")
    both = [p for p in drawn if p.glasses and p.greying >= 0.5]
    assert both
    assert all(has_target(person) for person in both)


def test_hoods_hide_the_hair_of_the_rare_group(drawn):
    hoods = {
        group: np.mean([p.hood for p in drawn if p.group == group])
        for group in ("A", "D")
    }
    assert 0.4 < hoods["D"] < 0.6
    assert hoods["A"] == 0
    grey = next(p for p in drawn if p.greying > 0.95 and p.hair == "short")
    even = replace(grey, glasses=False, beard=0.0, hat=False)
    pictures = [
        np.asarray(draw_avatar(replace(even, hood=hood, greying=g), 64)).astype(int)
        for hood in (True, False)
        for g in (0.0, 1.0)
    ]
    covered = np.abs(pictures[0] - pictures[1]).sum()
    seen = np.abs(pictures[2] - pictures[3]).sum()
    assert covered < 0.05 * seen


def test_glasses_are_seen_in_part_under_a_hood(drawn):
    def seen(hood: bool) -> int:
        bare, worn = (
            np.asarray(
                draw_avatar(replace(drawn[0], hood=hood, glasses=glasses), 64)
            ).astype(int)
            for glasses in (False, True)
        )
        return int((np.abs(bare - worn).sum(axis=2) > 60).sum())

    assert 0.3 * seen(False) < seen(True) < seen(False)


def test_skin_and_age_tell_nothing_about_the_group(drawn):
    rare = np.array([person.group == "D" for person in drawn])
    for values in ([sum(p.skin) for p in drawn], [p.age for p in drawn]):
        numbers = np.array(values)
        assert stats.kruskal(numbers[rare], numbers[~rare]).pvalue > 0.01


def test_the_people_are_those_of_avatars_in_other_clothes():
    for index in range(20):
        person = sample_person(index, OPTIONS)
        plain = avatars.sample_person(OPTIONS.seed, index)
        same = replace(
            person,
            group=plain.group,
            hair=plain.hair,
            hat=plain.hat,
            hood=plain.hood,
            glasses=plain.glasses,
        )
        assert same == plain
        assert person.hair != "bald"


def test_split_is_stratified_and_follows_the_options(people):
    for _, split in people.groupby(["group", TARGET.name])["split"]:
        for name in (VALIDATION, TEST):
            assert abs((split == name).sum() - len(split) / 5) <= 1
    table = sample_people(
        AvatarsSoftbioOptions(count=200, validation_share=0.1, test_share=0.4)
    )
    shares = table["split"].value_counts(normalize=True)
    assert shares[TRAINING] == pytest.approx(0.5, abs=0.03)
    other = sample_people(AvatarsSoftbioOptions(seed=1))
    assert (other[TARGET.name] != people[TARGET.name]).any()


def test_loading_needs_no_copy_and_counts():
    loaded = load(None, AvatarsSoftbioOptions(count=100))
    assert loaded.info is INFO
    assert loaded.report["counts"]["found"] == 100


def test_pictures_are_drawn_by_path():
    render = renderer(OPTIONS)
    picture = render("avatars:7", 32)
    assert picture.shape == (32, 32, 3)
    np.testing.assert_array_equal(picture, draw_avatar(sample_person(7, OPTIONS), 32))
    with pytest.raises(DatasetError, match="no image 6000"):
        render("avatars:6000", 32)


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"count": 10}, "count"),
        ({"rare_share": 0.9}, "rare_share"),
        ({"hood_share": -0.1}, "hood_share"),
        ({"hair_noise": 0.1}, "hair_noise"),
    ],
)
def test_a_wrong_option_is_named(options, named):
    with pytest.raises(StudyError, match=f"'{named}'"):
        READERS["avatars-softbio"].parse(options)
