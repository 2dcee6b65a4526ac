"""What is known of images beside a label."""

import pytest

from core.data.attributes import load_attributes
from core.data.catalog import dataset_info, load_dataset
from core.data.readers import avatars, avatars_softbio, celeba
from core.data.readers.avatars_softbio import AvatarsSoftbioOptions
from core.study import Study, load_study
from tests.celebrities import write_celeba
from tests.synthetic import TASKS, synthetic_manifest, synthetic_study

COUNT = 200


@pytest.fixture(scope="module")
def softbio() -> Study:
    study = load_study("avatars-softbio")
    dataset = {"name": "avatars-softbio", "options": {"count": COUNT}}
    return Study.model_validate({**study.model_dump(), "dataset": dataset})


def test_the_drawing_tells_what_the_label_is_made_of(softbio):
    manifest = load_dataset(softbio, None).manifest
    info = dataset_info("avatars-softbio")
    table = load_attributes(softbio, manifest, info.tasks, info.tasks[0])
    assert table.index.tolist() == manifest["image_id"].tolist()
    assert {"split", "group", "glasses", "greying", "hood", "hair"} <= set(table)
    assert not {"target", "target_clean", "path"} & set(table)
    rule = table["glasses"] | (table["greying"] >= 0.5)
    clean = manifest["target_clean"] == info.tasks[0].positive
    assert (rule.to_numpy() == clean.to_numpy()).all()


def test_people_are_those_that_are_drawn():
    options = AvatarsSoftbioOptions(count=COUNT)
    table = avatars_softbio.load_attributes(["avatar-000007"], options)
    person = avatars_softbio.sample_person(7, options)
    assert table.loc[0, "greying"] == person.greying
    assert table.loc[0, "hair"] == person.hair
    other = avatars.load_attributes(["avatar-000007"], avatars.AvatarsOptions())
    assert other.loc[0, "beard"] == person.beard
    assert list(other) == list(avatars.DRAWN)


def test_labels_of_other_tasks_are_attributes_and_former_labels_are_not():
    study = synthetic_study("avatars", methods=("baseline",), seeds=(0,))
    manifest = synthetic_manifest("avatars").assign(hair_clean="short", age_clean=3)
    tasks = TASKS["avatars"]
    table = load_attributes(study, manifest, tasks, tasks[2])
    # Ids of pictures that are not drawn tell nothing more.
    assert set(table) == {"split", "age", "glasses", "group"}


def test_pictures_left_out_are_left_out():
    study = synthetic_study("avatars", methods=("baseline",), seeds=(0,))
    manifest = synthetic_manifest("avatars", rows=10, validation_rows=10)
    manifest.loc[0, "split"] = "left out"
    table = load_attributes(study, manifest, TASKS["avatars"], TASKS["avatars"][0])
    assert len(table) == len(manifest) - 1


def test_celeba_has_its_other_attributes(tmp_path):
    options = celeba.CelebAOptions(count=60, sensitive="Male")
    loaded = celeba.load(write_celeba(tmp_path, 60), options)
    study = load_study("softbio")
    (task,) = loaded.info.tasks
    table = load_attributes(study, loaded.manifest, loaded.info.tasks, task)
    others = set(celeba.ATTRIBUTES) - {"Male"}
    assert set(table) == {"split", "gender", *others}
    rule = table["Blond_Hair"] | table["Eyeglasses"]
    assert (rule == (loaded.manifest["target"] == "yes").to_numpy()).all()
    assert table["Blond_Hair"].dtype == bool
