import hashlib
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from scipy import stats
from scipy.ndimage import binary_dilation

from core.data.avatar_drawing import Person, draw_avatar, draw_region
from core.data.catalog import READERS
from core.data.readers.avatars import (
    GROUPS,
    HAIR,
    INFO,
    AvatarsOptions,
    index_of,
    render,
    sample_people,
    sample_person,
)
from core.errors import DatasetError, StudyError

OPTIONS = AvatarsOptions()


@pytest.fixture(scope="module")
def people() -> pd.DataFrame:
    return sample_people(OPTIONS)


@pytest.fixture(scope="module")
def adult() -> Person:
    """A front view under even light, so that a change of one trait shows alone."""
    return replace(
        sample_person(0, 0),
        hair="short",
        hair_style=0.5,
        group="A",
        glasses=False,
        hat=False,
        beard=0.0,
        earrings=False,
        freckles=False,
        laughing=False,
        face_age=30.0,
        skin_age=20.0,
        hair_age=20.0,
        sag_age=20.0,
        greying=0.0,
        skin=(232, 184, 146),
        hair_colour=(44, 34, 30),
        eye_colour=(72, 44, 32),
        background=(170, 206, 222),
        tilt=0.0,
        yaw=0.0,
        scale=1.0,
        shift_x=0.0,
        shift_y=0.0,
        light_x=0.0,
        light_y=0.0,
        gain=1.0,
        warmth=0.0,
    )


def pixels(person: Person, size: int = 128) -> np.ndarray:
    return np.asarray(draw_avatar(person, size)).astype(np.int64)


def changed_rows(first: Person, second: Person) -> tuple[float, float]:
    """First and last row that differ, as shares of the height."""
    differ = (pixels(first) != pixels(second)).any(axis=(1, 2))
    rows = np.flatnonzero(differ)
    return rows[0] / len(differ), rows[-1] / len(differ)


# --- the manifest -------------------------------------------------------------


def test_manifest_has_what_the_dataset_says(people):
    assert len(people) == OPTIONS.count
    assert people["image_id"].is_unique
    assert people.loc[123, ["image_id", "path"]].tolist() == [
        "avatar-000123",
        "avatars:123",
    ]
    for task in INFO.tasks[1:]:
        assert set(people[task.name]) == set(task.classes)
    assert pd.api.types.is_integer_dtype(people["age"])
    assert people["age"].min() == 1
    assert people["age"].max() == 79
    assert set(people["group"]) == set(INFO.sensitive_features["group"])
    assert not people.isna().any(axis=None)
    assert INFO.generated
    assert INFO.shareable


def test_ages_and_hair_are_long_tailed(people):
    share = people["age_clean"].between(20, 39).mean()
    assert 0.5 < share < 0.65
    bins = np.bincount(people["age_clean"] // 10, minlength=8)
    assert bins.min() >= 120
    assert bins.max() / bins.min() > 8
    counts = people["hair_clean"].value_counts()
    assert counts.index.tolist() == list(HAIR)
    assert counts.iloc[0] / counts.iloc[-1] > 5


def test_one_group_is_rare(people):
    share = people["group"].value_counts(normalize=True)
    assert share.index.tolist() == list(GROUPS)
    assert 0.03 < share["D"] < 0.05


def test_only_group_c_has_wrong_labels(people):
    wrong = people["hair"] != people["hair_clean"]
    aged = people["age"] != people["age_clean"]
    noisy = people["group"] == "C"
    assert not wrong[~noisy].any()
    assert not aged[~noisy].any()
    low, high = stats.binom.interval(0.999, int(noisy.sum()), OPTIONS.hair_noise)
    assert low <= wrong.sum() <= high
    errors = (people["age"] - people["age_clean"])[noisy & (people["age_clean"] > 25)]
    assert errors.std() == pytest.approx(OPTIONS.age_noise_years, rel=0.1)


def test_noise_can_be_switched_off():
    table = sample_people(
        AvatarsOptions(count=500, hair_noise=0.0, age_noise_years=0.0)
    )
    assert (table["hair"] == table["hair_clean"]).all()
    assert (table["age"] == table["age_clean"]).all()


def test_flipped_hair_goes_to_every_other_class():
    table = sample_people(AvatarsOptions(count=2000, hair_noise=0.5))
    flipped = table[table["hair"] != table["hair_clean"]]
    pairs = set(zip(flipped["hair_clean"], flipped["hair"], strict=True))
    assert pairs == {(a, b) for a in HAIR for b in HAIR if a != b}


def test_skin_tells_nothing_about_anything_else(people):
    tones = np.array([sum(sample_person(0, i).skin) for i in range(OPTIONS.count)])
    assert abs(stats.spearmanr(tones, people["age_clean"]).statistic) < 0.04
    for column in ("group", "hair_clean", "glasses"):
        groups = [tones[people[column] == value] for value in people[column].unique()]
        assert stats.kruskal(*groups).pvalue > 0.01, column


@pytest.mark.parametrize("count", [60, 1234])
def test_split_has_exact_sizes(count):
    sizes = sample_people(AvatarsOptions(count=count))["split"].value_counts()
    assert sizes.sum() == count
    for name in ("validation", "test"):
        assert abs(sizes[name] - count / 6) < 1


def test_split_is_stratified(people):
    strata = people.groupby(["hair", "group"])["split"]
    for _, split in strata:
        for name in ("validation", "test"):
            assert abs((split == name).sum() - len(split) / 6) < 2


def test_other_shares():
    table = sample_people(
        AvatarsOptions(count=1000, test_share=0.5, validation_share=0.2)
    )
    sizes = table["split"].value_counts()
    assert sizes.to_dict() == {"test": 500, "training": 300, "validation": 200}
    none = sample_people(AvatarsOptions(count=90, test_share=0.0, validation_share=0.0))
    assert set(none["split"]) == {"training"}


def test_bald_people_are_left_out_of_all_but_the_test_set(people):
    rare = sample_people(AvatarsOptions(bald_share=0.15))
    gone = rare["split"] == "left out"
    assert set(rare.loc[gone, "hair"]) == {"bald"}
    assert set(rare.loc[gone, "reason"]) == {"bald, under-sampled"}
    bald = people["hair"] == "bald"
    before, after = (t.loc[bald, "split"].value_counts() for t in (people, rare))
    assert after["test"] == before["test"]
    for name in ("training", "validation"):
        assert after[name] == round(0.15 * before[name])
    kept = ~gone
    pd.testing.assert_frame_equal(rare[kept], people[kept])


# --- determinism --------------------------------------------------------------


def test_rows_do_not_depend_on_how_many_there_are():
    few = sample_people(AvatarsOptions(count=100)).drop(columns="split")
    more = sample_people(AvatarsOptions(count=300)).drop(columns="split").head(100)
    pd.testing.assert_frame_equal(few, more)


def test_another_seed_gives_other_people():
    first, second = (
        sample_people(AvatarsOptions(count=300, seed=seed)) for seed in (0, 1)
    )
    assert (first["age_clean"] == second["age_clean"]).mean() < 0.2
    assert not np.array_equal(
        render(5, 32, OPTIONS), render(5, 32, AvatarsOptions(seed=1))
    )


def test_pixels_are_the_same_in_another_process():
    code = (
        "import hashlib; from core.data.readers.avatars import AvatarsOptions, render\n"
        "o = AvatarsOptions(seed=7)\n"
        "b = b''.join(render(i, 48, o).tobytes() for i in (3, 0, 5999))\n"
        "print(hashlib.sha256(b).hexdigest())"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    options = AvatarsOptions(seed=7, count=10_000)
    here = {i: render(i, 48, options).tobytes() for i in (0, 3, 5999)}
    digest = hashlib.sha256(here[3] + here[0] + here[5999]).hexdigest()
    assert done.stdout.strip() == digest


def test_person_drawn_is_the_person_labelled(people):
    for index in (0, 1, 2, 500, 5999):
        person = sample_person(OPTIONS.seed, index)
        row = people.loc[index]
        assert person.age == row["age_clean"]
        assert person.hair == row["hair_clean"]
        assert person.group == row["group"]
        assert person.glasses == (row["glasses"] == "glasses")


# --- the picture --------------------------------------------------------------


@pytest.mark.parametrize("size", [16, 64, 160])
def test_render_gives_pixels_of_the_size(size):
    image = render(1, size, OPTIONS)
    assert image.shape == (size, size, 3)
    assert image.dtype == np.uint8
    assert image.std() > 10


def test_a_large_picture_shows_the_same_as_a_small_one():
    for index in range(20):
        small = render(index, 64, OPTIONS).astype(float)
        large = Image.fromarray(render(index, 192, OPTIONS)).resize(
            (64, 64), Image.Resampling.BOX
        )
        assert np.abs(small - np.asarray(large)).mean() < 6


@pytest.mark.parametrize("group", ["B", "C", "D"])
def test_the_group_shows_in_the_clothes_alone(adult, group):
    top, bottom = changed_rows(adult, replace(adult, group=group))
    assert top > 0.65
    assert bottom > 0.9


def test_glasses_are_at_the_eyes(adult):
    top, bottom = changed_rows(adult, replace(adult, glasses=True))
    assert 0.35 < top < bottom < 0.6


def test_children_have_larger_and_lower_eyes(adult):
    def eyes(age: float) -> tuple[int, float]:
        image = pixels(replace(adult, face_age=age))
        white = (image.min(axis=2) > 235)[: int(128 * 0.75), 20:108]
        return int(white.sum()), float(np.flatnonzero(white.any(axis=1)).mean())

    child, grown, old = eyes(4), eyes(30), eyes(75)
    assert child[0] > 1.5 * grown[0] > 1.5 * old[0] * 0.95
    assert child[1] > grown[1] + 3


def test_years_draw_lines_on_the_face(adult):
    young = pixels(adult)
    marks = [
        int((pixels(replace(adult, skin_age=age)) != young).any(axis=2).sum())
        for age in (30.0, 45.0, 60.0, 78.0)
    ]
    assert marks == sorted(marks)
    assert 0 < marks[0] < marks[-1] / 2


def test_grey_hair_is_light_and_colourless(adult):
    top = np.s_[22:34, 54:74]
    brown = pixels(adult)[top].reshape(-1, 3).mean(axis=0)
    grey = pixels(replace(adult, greying=1.0))[top].reshape(-1, 3).mean(axis=0)
    assert grey.min() > brown.max() + 80
    assert np.ptp(grey) < 12


def test_hair_classes_have_shapes_of_their_own(adult):
    def dark(hair: str) -> np.ndarray:
        image = pixels(replace(adult, hair=hair, hair_volume=0.6, hair_length=0.6))
        return image.sum(axis=2) < 230

    area = {hair: int(dark(hair).sum()) for hair in HAIR}
    assert area["bald"] < area["short"] < min(area["long"], area["curly"])
    below_chin = np.s_[86:96]
    assert dark("long")[below_chin].sum() > 3 * dark("short")[below_chin].sum()


# --- what can go wrong --------------------------------------------------------


def test_options_are_read():
    options = READERS[INFO.name].parse({"count": 100, "age_noise_years": 3})
    assert options.count == 100
    assert options.age_noise_years == 3.0
    assert READERS[INFO.name].parse({}) == AvatarsOptions()


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"cuont": 10}, "cuont"),
        ({"count": "many"}, "count"),
        ({"count": 5}, "count"),
        ({"hair_noise": 0.9}, "hair_noise"),
        ({"seed": -1}, "seed"),
        ({"count": True}, "count"),
    ],
)
def test_a_wrong_option_is_named(options, named):
    with pytest.raises(StudyError, match=f"'{named}'") as caught:
        READERS[INFO.name].parse(options)
    assert "validation_share" in caught.value.expected


@pytest.mark.parametrize("index", [-1, 6000])
def test_there_is_no_such_image(index):
    with pytest.raises(DatasetError, match=str(index)):
        render(index, 64, OPTIONS)


def test_paths_name_an_index():
    assert index_of("avatars:123") == 123
    for path in ("avatars:", "avatars:x", "avatars:-1", "faces/1.jpg", "other:3"):
        with pytest.raises(DatasetError):
            index_of(path)


# --- where a part is ----------------------------------------------------------


def test_region_of_glasses_is_what_they_change_and_what_is_seen_through(adult):
    worn = replace(adult, glasses=True, frame=0.0)
    region = draw_region(worn, "glasses", 128)
    changed = (np.abs(pixels(worn) - pixels(adult)) > 60).any(axis=2)
    assert changed.any()
    # Pixels at the edge are covered in part.
    assert binary_dilation(region)[changed].all()
    assert changed[region].mean() > 0.2
    # The eyes are behind the glasses: the white and the iris of a changed look.
    other = replace(worn, eye_colour=(250, 30, 30))
    eyes = (np.abs(pixels(other) - pixels(worn)) > 60).any(axis=2)
    assert eyes.any()
    assert region[eyes].all()
    assert region.mean() < 0.06
    assert not draw_region(adult, "glasses", 128).any()


@pytest.mark.parametrize("hair", ["short", "long", "curly"])
def test_region_of_hair_is_what_another_colour_changes(adult, hair):
    dark = replace(adult, hair=hair, hair_length=0.8, hair_colour=(20, 16, 22))
    green = replace(dark, hair_colour=(30, 220, 60))
    changed = (np.abs(pixels(dark) - pixels(green)) > 60).any(axis=2)
    region = draw_region(dark, "hair", 128)
    assert (changed & region).sum() > 0.95 * region.sum()
    # What changes elsewhere than at its edge are the brows.
    brows = np.argwhere(changed & ~binary_dilation(region)) / 128
    assert len(brows)
    assert brows[:, 0].min() > 0.33
    assert brows[:, 0].max() < 0.47
    assert np.abs(brows[:, 1] - 0.5).max() < 0.2


def test_region_is_only_what_is_seen(adult):
    short = draw_region(adult, "hair", 128)
    hatted = draw_region(replace(adult, hat=True), "hair", 128)
    assert hatted.sum() < 0.5 * short.sum()
    worn = replace(adult, glasses=True)
    covered = short & ~draw_region(worn, "hair", 128)
    # The arms of the glasses go over the hair, and their lenses leave it seen.
    assert 0 < covered.sum() < 0.02 * short.sum()
    assert binary_dilation(draw_region(worn, "glasses", 128))[covered].all()


def test_region_has_the_size_of_the_picture(adult):
    small, large = (draw_region(adult, "hair", size) for size in (64, 128))
    assert small.shape == (64, 64)
    assert small.mean() == pytest.approx(large.mean(), rel=0.05)
