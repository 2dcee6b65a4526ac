import numpy as np
import pandas as pd
import pytest

from core.data.catalog import load_dataset
from core.data.label_noise import add_label_noise, count_flipped
from core.data.manifest import (
    LEFT_OUT,
    TEST,
    TRAINING,
    VALIDATION,
    DatasetInfo,
    LoadedDataset,
    split_fingerprint,
)
from core.errors import StudyError
from core.plots.data import takeaway_flipped
from core.study import LabelNoise, load_study
from core.tasks import Binary, Multiclass, Regression

COUNT = 1000
HAIR = Multiclass("hair", "Hair", ("short", "long", "curly"))
GLASSES = Binary("glasses", "Glasses", ("no", "yes"))
INFO = DatasetInfo(
    name="faces",
    title="Faces",
    tasks=(Regression("age", "Age", "years", 1, 80, 10), GLASSES, HAIR),
    sensitive_features={"group": ("A", "B")},
    shareable=True,
    generated=True,
    notice="",
)


@pytest.fixture
def loaded() -> LoadedDataset:
    rng = np.random.default_rng(0)
    splits = rng.choice(
        [TRAINING, VALIDATION, TEST, LEFT_OUT], COUNT, p=[0.5, 0.2, 0.2, 0.1]
    )
    manifest = pd.DataFrame(
        {
            "image_id": [f"i-{i}" for i in rng.permutation(COUNT)],
            "age": rng.integers(1, 80, COUNT),
            "glasses": rng.choice(GLASSES.classes, COUNT, p=[0.8, 0.2]),
            "hair": rng.choice(HAIR.classes, COUNT),
            "group": rng.choice(["A", "B"], COUNT, p=[0.7, 0.3]),
            "split": splits,
        }
    )
    return LoadedDataset(INFO, manifest, {"counts": {}})


def test_a_share_of_each_group_is_flipped_and_the_truth_is_kept(loaded):
    noise = LabelNoise(task="glasses", by="group", shares={"B": 0.3}, share=0.1)
    table = add_label_noise(loaded, noise).manifest
    assert (table["glasses_clean"] == loaded.manifest["glasses"]).all()
    wrong = table["glasses"] != table["glasses_clean"]
    training = table["split"] == TRAINING
    for group, share in (("A", 0.1), ("B", 0.3)):
        rows = training & (table["group"] == group)
        assert wrong[rows].sum() == round(share * rows.sum())
    assert not wrong[~training].any()
    assert set(table["glasses"]) == set(GLASSES.classes)
    untouched = [n for n in table if not n.startswith("glasses")]
    pd.testing.assert_frame_equal(table[untouched], loaded.manifest[untouched])
    assert "glasses_clean" not in loaded.manifest


def test_validation_only_if_asked_and_test_never(loaded):
    noise = LabelNoise(task="glasses", share=0.5, validation=True)
    table = add_label_noise(loaded, noise).manifest
    wrong = table["glasses"] != table["glasses_clean"]
    shares = wrong.groupby(table["split"]).mean()
    assert shares[TRAINING] == pytest.approx(0.5, abs=0.01)
    assert shares[VALIDATION] == pytest.approx(0.5, abs=0.01)
    assert shares[TEST] == shares[LEFT_OUT] == 0


def test_of_several_classes_any_other_is_as_likely(loaded):
    table = add_label_noise(loaded, LabelNoise(task="hair", share=0.9)).manifest
    flipped = table[table["hair"] != table["hair_clean"]]
    pairs = pd.crosstab(flipped["hair_clean"], flipped["hair"])
    assert (np.diag(pairs) == 0).all()
    others = pairs.to_numpy()[~np.eye(3, dtype=bool)]
    assert others.min() > 0.6 * others.max()


def test_it_follows_from_the_seed_and_the_ids_alone(loaded):
    noise = LabelNoise(task="hair", share=0.2)
    first = add_label_noise(loaded, noise).manifest.set_index("image_id")
    shuffled = loaded.manifest.sample(frac=1, random_state=1).reset_index(drop=True)
    moved = LoadedDataset(INFO, shuffled, {})
    again = add_label_noise(moved, noise).manifest.set_index("image_id")
    assert (first["hair"] == again.loc[first.index, "hair"]).all()
    other = noise.model_copy(update={"seed": 1})
    assert (
        add_label_noise(loaded, other).manifest["hair"] != first["hair"].array
    ).any()
    assert split_fingerprint(again.reset_index()) == split_fingerprint(loaded.manifest)


def test_a_truth_that_a_dataset_keeps_stays(loaded):
    kept = loaded.manifest.assign(hair_clean="short")
    table = add_label_noise(
        LoadedDataset(INFO, kept, {}), LabelNoise(task="hair", share=0.2)
    ).manifest
    assert set(table["hair_clean"]) == {"short"}


@pytest.mark.parametrize(
    ("noise", "said"),
    [
        (
            {"task": "age", "share": 0.1},
            "'age', which is not a task with classes of Faces",
        ),
        ({"task": "smile", "share": 0.1}, "'smile', which is not a task"),
        ({"task": "hair", "by": "gender", "share": 0.1}, "'gender', which is not a"),
        (
            {"task": "hair", "by": "group", "shares": {"women": 0.1}},
            "noise to women, which is not a group of 'group'",
        ),
    ],
)
def test_what_the_dataset_does_not_have_is_named(loaded, noise, said):
    with pytest.raises(StudyError, match=said) as caught:
        add_label_noise(loaded, LabelNoise(**noise))
    assert caught.value.remedy.startswith("fix ")


def test_flipped_labels_are_counted_by_group_and_split(loaded):
    noise = LabelNoise(
        task="glasses", by="group", shares={"B": 0.3}, validation=True, seed=4
    )
    table = add_label_noise(loaded, noise).manifest
    counted = count_flipped(table, noise).set_index(["group", "split"])
    assert counted.index.tolist() == [
        (group, split) for group in "AB" for split in (TRAINING, VALIDATION)
    ]
    rows = (table["group"] == "B") & (table["split"] == TRAINING)
    assert counted.loc[("B", TRAINING), "labels"] == rows.sum()
    assert counted.loc[("B", TRAINING), "flipped"] == round(0.3 * rows.sum())
    assert (counted.loc["A", "flipped"] == 0).all()
    assert counted.loc[("B", TRAINING), "percent"] == pytest.approx(30, abs=0.5)
    sentence = takeaway_flipped(counted.reset_index(), GLASSES, "group")
    total = counted["flipped"].sum()
    assert f"flipped {total} of {counted['labels'].sum()} training and validation" in (
        sentence
    )
    assert "by group: A 0.0\xa0%, B 30." in sentence
    everyone = LabelNoise(task="glasses", share=0.1)
    whole = count_flipped(add_label_noise(loaded, everyone).manifest, everyone)
    assert whole["group"].tolist() == ["all"]
    assert "by " not in takeaway_flipped(whole, GLASSES, None)
    assert count_flipped(loaded.manifest, noise).empty


def test_a_study_flips_what_its_file_says():
    study = load_study("avatars-softbio")
    dataset = study.dataset.model_copy(update={"options": {"count": 400}})
    study = study.model_copy(update={"dataset": dataset})
    noisy = load_dataset(study, None).manifest
    clean = load_dataset(study.model_copy(update={"label_noise": None}), None).manifest
    assert (noisy["target_clean"] == clean["target"]).all()
    assert "target_clean" not in clean
    wrong = noisy["target"] != clean["target"]
    assert set(noisy.loc[wrong, "group"]) == {"B"}
    assert set(noisy.loc[wrong, "split"]) == {TRAINING}
    rows = (noisy["group"] == "B") & (noisy["split"] == TRAINING)
    assert wrong.sum() == round(0.15 * rows.sum())
    assert split_fingerprint(noisy) == split_fingerprint(clean)
