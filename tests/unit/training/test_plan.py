"""Studies with settings changed, and the runs that are missing."""

from dataclasses import replace
from pathlib import Path

import pytest

import core.runs
from core.errors import StudyError
from core.study import load_study, own_studies
from core.training.plan import (
    Settings,
    missing_runs,
    own_study,
    proposed_name,
    quick_settings,
    save_study,
    trainable_studies,
    with_settings,
)
from core.training.queue import JobStatus, new_job
from tests import synthetic
from tests.tiny import tiny_study


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv(core.runs.STORE_VARIABLE, str(tmp_path))
    monkeypatch.setattr(core.runs, "shipped_store", lambda: tmp_path / "none")
    return tmp_path


def test_own_settings_change_nothing() -> None:
    study = tiny_study()
    assert with_settings(study, Settings.of(study)) is study


def test_another_backbone_does_not_take_over_what_is_not_its_own() -> None:
    study = tiny_study()
    settings = replace(Settings.of(study), backbone="resnet32", epochs=7)
    changed = with_settings(study, settings)
    assert changed.model.backbone == "resnet32"
    assert changed.model.options is None
    assert changed.training.epochs == 7
    assert changed.title == "Tiny, ResNet-32 for CIFAR, 7 epochs"
    assert proposed_name(study, settings) == "tiny-resnet32-7epochs"
    # Everything else stays.
    assert changed.training.learning_rate == study.training.learning_rate
    assert changed.methods == study.methods


def test_a_quick_look_is_smaller_and_prepares_no_more_than_it_sees() -> None:
    study = load_study("avatars")
    settings = quick_settings(study)
    assert settings == replace(Settings.of(study), image_size=64, epochs=5)
    assert study.training.variants == 8
    assert with_settings(study, settings).training.variants == 5
    longer = replace(settings, epochs=9)
    assert with_settings(study, longer).training.variants == 8
    # Nothing of the tiny study could be smaller.
    assert quick_settings(tiny_study()) is None


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"image_size": 16, "backbone": "mobilenetv2"}, "at least 32 pixels"),
        ({"backbone": "nothing"}, "no backbone 'nothing'"),
    ],
)
def test_settings_that_do_not_go_together_are_refused(changes, said) -> None:
    study = tiny_study()
    with pytest.raises(StudyError, match=said):
        with_settings(study, replace(Settings.of(study), **changes))


def test_a_study_of_ones_own_is_found_again(store: Path) -> None:
    study = tiny_study()
    settings = replace(Settings.of(study), epochs=9)
    changed = with_settings(study, settings)
    named, is_there = own_study(changed, proposed_name(study, settings))
    assert (named.name, is_there) == ("tiny-9epochs", False)
    save_study(named)
    assert own_studies() == ("tiny-9epochs",)
    assert load_study("tiny-9epochs").fingerprint() == named.fingerprint()
    again, is_there = own_study(changed, "tiny-9epochs")
    assert (again.name, is_there) == ("tiny-9epochs", True)
    # Other settings do not go under the same name.
    other = with_settings(study, replace(settings, image_size=48))
    assert own_study(other, "tiny-9epochs")[0].name == "tiny-9epochs-2"
    assert "tiny-9epochs" in trainable_studies()
    with pytest.raises(StudyError, match="cannot be the name"):
        own_study(changed, "../tiny")
    with pytest.raises(StudyError, match="No study may be called 'images'"):
        own_study(changed, "images")


def test_only_what_is_missing_is_trained(store: Path) -> None:
    study = synthetic.write_store(store, "avatars", methods=("baseline",), seeds=(0,))
    job = new_job("training", study, pairs=(("ins", 0),))
    found = missing_runs(
        study, ("baseline", "ins"), (0, 1), [JobStatus(job, "running")]
    )
    assert found.finished == (("baseline", 0),)
    assert found.queued == (("ins", 0),)
    assert found.to_train == (("baseline", 1), ("ins", 1))
    over = missing_runs(study, ("ins",), (0,), [JobStatus(job, "stopped")])
    assert over.to_train == (("ins", 0),)
