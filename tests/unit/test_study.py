"""Studies: what a TOML file may say, and what is said back when it may not."""

import json
import tomllib

import pytest
from pydantic import ValidationError

from core.errors import StudyError
from core.runs import STORE_VARIABLE, STUDY_FILE, list_studies, shipped_store
from core.study import (
    ResizeTable,
    Study,
    check_name,
    known_studies,
    load_study,
    own_studies,
    own_study_path,
    parse_study,
    shipped_studies,
    weights_kind,
)

TEXT = """
schema = 1
name = "faces"
title = "Faces"
baseline = "plain"
seeds = [0, 1]

[dataset]
name = "avatars"
options = { images = 100 }

[model]
backbone = "mobilenet_v3_small"
image_size = 48
log_targets = ["age"]

[training]
epochs = 3
loss_weights = { age = 0.1, glasses = 1.0 }

[training.augmentation]
rotation_degrees = 10.0
horizontal_flip = true

[methods.plain]
label = "Baseline"

[methods.lmf]
label = "LMF"
loss_weights = { glasses = 0.5 }
[methods.lmf.use.lmf]
on = "hair"
alpha = 2.5

[[published]]
method = "lmf"
metric = "age.mae"
change_percent = -4.4
source = "a paper"
"""


def parse(text: str):
    return parse_study(text, origin="faces.toml")


def changed(old: str, new: str) -> str:
    assert TEXT.count(old) == 1
    return TEXT.replace(old, new)


def test_everything_the_file_says_is_in_the_study():
    study = parse(TEXT)
    said = tomllib.loads(TEXT)
    assert (study.name, study.title, study.baseline) == ("faces", "Faces", "plain")
    assert list(study.seeds) == said["seeds"]
    assert study.dataset.model_dump() == said["dataset"]
    assert study.model.log_targets == ("age",)
    assert study.training.augmentation.rotation_degrees == 10
    assert study.methods["lmf"].use == said["methods"]["lmf"]["use"]
    assert study.published[0].change_percent == -4.4


def test_a_method_overrides_only_the_loss_weights_it_names():
    study = parse(TEXT)
    assert study.loss_weights("plain") == {"age": 0.1, "glasses": 1.0}
    assert study.loss_weights("lmf") == {"age": 0.1, "glasses": 0.5}


def test_a_study_cannot_be_changed():
    with pytest.raises(ValidationError, match="frozen"):
        parse(TEXT).title = "Other"


def test_label_noise_is_read_by_group():
    noise = parse(
        changed(
            "[model]",
            '[label_noise]\ntask = "hair"\nby = "group"\nshare = 0.05\n'
            "shares = { C = 0.2 }\nvalidation = true\n[model]",
        )
    ).label_noise
    assert noise.task == "hair"
    assert noise.share_of("C") == 0.2
    assert noise.share_of("A") == 0.05
    assert noise.validation
    assert parse(TEXT).label_noise is None


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ('task = "hair"', "give a share above 0"),
        ('task = "hair"\nby = "group"\nshares = { A = 0.0 }', "give a share above 0"),
        ('task = "hair"\nshares = { A = 0.1 }', "give by too"),
        ('task = "hair"\nshare = 1.5', "label_noise.share"),
        ("share = 0.1", "label_noise.task"),
        (
            'task = "hair"\nshare = 0.1\ntest = true',
            "'label_noise.test' is not a known",
        ),
    ],
)
def test_label_noise_that_makes_no_sense_is_refused(table, said):
    with pytest.raises(StudyError, match=said):
        parse(changed("[model]", f"[label_noise]\n{table}\n[model]"))


@pytest.mark.parametrize(
    ("line", "variants"),
    [
        ("", 8),
        ("cached_variants = 3", 3),
        ("cached_variants = 0", 0),
        ("cached_variants = false", 0),
    ],
)
def test_variants_of_frozen_layers_can_be_chosen_or_left(line, variants):
    study = parse(changed("epochs = 3", f"epochs = 3\n{line}"))
    assert study.training.variants == variants


@pytest.mark.parametrize("value", ["-1", "true", "1.5", '"8"'])
def test_other_numbers_of_variants_are_refused(value):
    with pytest.raises(StudyError, match="cached_variants"):
        parse(changed("epochs = 3", f"epochs = 3\ncached_variants = {value}"))


@pytest.mark.parametrize(
    ("line", "frozen"),
    [
        ("", False),
        ('trainable = "all"', False),
        ('trainable = "head"', True),
        ("trainable = 2", True),
    ],
)
def test_a_model_knows_whether_a_part_of_it_is_frozen(line, frozen):
    study = parse(changed("image_size = 48", f"image_size = 48\n{line}"))
    assert study.model.has_frozen_part == frozen


def test_written_as_json_and_read_again_it_is_the_same():
    study = parse(TEXT)
    again = type(study).model_validate_json(study.model_dump_json())
    assert again == study
    assert again.fingerprint() == study.fingerprint()


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("epochs = 3", "epochs = 4"),
        ("seeds = [0, 1]", "seeds = [0, 2]"),
        ("alpha = 2.5", "alpha = 2.6"),
        ("rotation_degrees = 10.0", "rotation_degrees = 11.0"),
        ("epochs = 3", "epochs = 3\ncached_variants = 8"),
        ("options = { images = 100 }", "options = { images = 101 }"),
        ("[model]", '[label_noise]\ntask = "hair"\nshare = 0.1\n[model]'),
    ],
)
def test_the_fingerprint_changes_with_what_decides_a_result(old, new):
    assert parse(changed(old, new)).fingerprint() != parse(TEXT).fingerprint()


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('title = "Faces"', 'title = "Other"'),
        ("change_percent = -4.4", "change_percent = 1.0"),
        ("schema = 1", 'schema = 1\nnotice = "For research only."'),
        ("[model]", '[search]\nof = "other"\nseed = 3\n[model]'),
    ],
)
def test_the_fingerprint_ignores_what_is_only_shown(old, new):
    assert parse(changed(old, new)).fingerprint() == parse(TEXT).fingerprint()


@pytest.mark.parametrize(
    ("old", "new", "named"),
    [
        ("seeds = [0, 1]", "seeds = [0, 1]\nsede = 3", "'sede' is not a known key"),
        ("epochs = 3", "epochs = 3\nepoch = 4", "'training.epoch' is not a known key"),
        ("epochs = 3", 'epochs = "3"', "training.epochs"),
        ("epochs = 3", "epochs = 3.5", "training.epochs"),
        ("epochs = 3", "epochs = true", "training.epochs"),
        ("epochs = 3", "epochs = 0", "training.epochs"),
        ("image_size = 48", "image_size = 4", "model.image_size"),
        ("glasses = 0.5", "glasses = -0.5", "methods.lmf.loss_weights.glasses"),
        ('name = "faces"', "", "'name'"),
        ("schema = 1", "schema = 2", "schema"),
        ("seeds = [0, 1]", "seeds = []", "seeds"),
        ("seeds = [0, 1]", "seeds = [0, -1]", "seeds.1"),
        ("seeds = [0, 1]", "seeds = [4294967296]", "seeds.0"),
        ('label = "LMF"', "label = 7", "methods.lmf.label"),
        ("horizontal_flip = true", "horizontal_flip = 1", "horizontal_flip"),
    ],
)
def test_a_fault_is_named_by_its_key(old, new, named):
    with pytest.raises(StudyError) as caught:
        parse(changed(old, new))
    assert named in caught.value.problem
    assert "faces.toml" in caught.value.problem
    assert caught.value.expected
    assert caught.value.remedy


@pytest.mark.parametrize(
    "name", ["../evil", "a/b", "..", "", "Upper", ".hidden", "a..b"]
)
def test_a_name_that_could_leave_its_folder_is_refused(name):
    with pytest.raises(StudyError):
        parse(changed('name = "faces"', f'name = "{name}"'))
    with pytest.raises(StudyError, match="cannot be the name"):
        check_name(name, "study")


def test_a_method_name_that_could_leave_its_folder_is_refused():
    text = TEXT.replace("[methods.plain]", '[methods."../plain"]')
    with pytest.raises(StudyError):
        parse(text)


def test_a_baseline_that_is_no_method_is_refused_with_the_methods_there_are():
    with pytest.raises(StudyError, match="plain, lmf"):
        parse(changed('baseline = "plain"', 'baseline = "ldam"'))


def test_what_is_no_toml_is_said_so_with_its_line():
    with pytest.raises(StudyError, match=r"not valid TOML.*line 2"):
        parse("name = 'faces'\nthis is no toml\n")


def test_a_study_is_read_from_its_file(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text(TEXT, encoding="utf-8")
    assert load_study(path) == parse(TEXT)
    assert load_study(str(path)) == parse(TEXT)


def test_a_file_that_is_missing_or_no_text_is_named(tmp_path):
    path = tmp_path / "mine.toml"
    with pytest.raises(StudyError, match=r"mine\.toml could not be read"):
        load_study(path)
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(StudyError, match=r"mine\.toml could not be read"):
        load_study(path)


@pytest.mark.parametrize("name", ["../utkface", "/etc/passwd", "no-such-study"])
def test_a_study_that_is_not_shipped_is_refused(name):
    with pytest.raises(StudyError):
        load_study(name)


def test_a_study_of_ones_own_is_found_by_its_name(tmp_path, monkeypatch):
    monkeypatch.setenv(STORE_VARIABLE, str(tmp_path))
    assert own_studies() == ()
    name = parse(TEXT).name
    own_study_path(name).parent.mkdir()
    own_study_path(name).write_text(TEXT, encoding="utf-8")
    # A shipped study keeps its name, and what is not a study's name is not one.
    for other in ("avatars", "images", "No name", name):
        path = tmp_path / "studies" / f"{other}.toml"
        path.write_text(TEXT, encoding="utf-8")
    assert own_studies() == (name,)
    assert known_studies() == (*shipped_studies(), name)
    assert load_study(name) == parse(TEXT)
    assert load_study("avatars").name == "avatars"
    assert list_studies() == tuple(
        sorted(p.name for p in shipped_store().iterdir() if p.name != "weights")
    )
    own_study_path(name).rename(own_study_path("other"))
    with pytest.raises(StudyError, match=r"other\.toml holds the study"):
        load_study("other")
    with pytest.raises(StudyError, match="No study may be called 'images'"):
        parse(TEXT.replace(f'name = "{name}"', 'name = "images"', 1))


def test_the_shipped_studies_are_there_and_valid():
    assert {"utkface", "avatars"} <= set(shipped_studies())
    for name in shipped_studies():
        study = load_study(name)
        assert study.name == name
        assert study.baseline in study.methods


FACES_METHODS = {
    *("baseline", "ins", "undersample", "denseweight", "denseweight-1", "lmf"),
    *("denseweight-lmf", "lds", "balanced-softmax", "balanced-mse", "logit-adjusted"),
}


def test_utkface_has_its_methods_with_the_same_seeds():
    study = load_study("utkface")
    assert set(study.methods) == FACES_METHODS
    assert {study.seeds_of(method) for method in study.methods} == {study.seeds}
    assert len(set(study.seeds)) == len(study.seeds) >= 4
    assert study.baseline == "baseline"


def test_utkface_from_scratch_has_three_seeds_or_one():
    study = load_study("utkface-scratch")
    one_seed = {"lds", "balanced-softmax", "balanced-mse", "vit", "vit-denseweight-lmf"}
    assert {m for m in study.methods if len(study.seeds_of(m)) == 1} == one_seed
    assert set(study.methods) == FACES_METHODS | {"vit", "vit-denseweight-lmf"}
    assert len(set(study.seeds)) == 3


def test_a_method_may_have_seeds_of_its_own():
    with_seeds = parse(changed('label = "LMF"', 'label = "LMF"\nseeds = [5]'))
    assert with_seeds.seeds_of("lmf") == (5,)
    assert with_seeds.seeds_of("plain") == with_seeds.seeds


def test_a_schedule_and_an_optimizer_are_read():
    tables = """epochs = 3
optimizer = { name = "sgd", momentum = 0.8 }
schedule = { warmup_epochs = 1, drops = [{ at = 0.8, factor = 0.01 }] }"""
    budget = parse(changed("epochs = 3", tables)).training
    assert (budget.optimizer.name, budget.optimizer.momentum) == ("sgd", 0.8)
    assert [(drop.at, drop.factor) for drop in budget.schedule.drops] == [(0.8, 0.01)]


@pytest.mark.parametrize(
    ("line", "named"),
    [
        ('optimizer = { name = "lion" }', "optimizer.name"),
        ("schedule = { drops = [{ at = 1.5, factor = 0.1 }] }", "drops.0.at"),
        ('keep = "first"', "keep"),
        ('precision = "float8"', "precision"),
    ],
)
def test_a_wrong_budget_is_named(line, named):
    with pytest.raises(StudyError, match=named):
        parse(changed("epochs = 3", f"epochs = 3\n{line}"))


@pytest.mark.parametrize("numbers", ["", "value = 0.2\nchange_percent = -4.4"])
def test_a_published_number_is_a_value_or_a_change(numbers):
    with pytest.raises(StudyError, match="either value or change_percent"):
        parse(changed("change_percent = -4.4", numbers))


def test_labels_tell_what_adjusts_the_loss_from_what_adjusts_the_model():
    methods = [
        m for name in shipped_studies() for m in load_study(name).methods.values()
    ]
    labels = {m.label for m in methods if "post-hoc-logit-adjustment" in m.use}
    assert labels == {"Logit adjustment, post hoc"}


@pytest.mark.parametrize("name", ["avatars", "cifar10-lt-200", "utkface"])
def test_labels_beside_the_shipped_runs_are_those_of_the_study(name):
    kept = json.loads((shipped_store() / name / STUDY_FILE).read_text())
    labels = {method: table["label"] for method, table in kept["methods"].items()}
    assert labels == {m: t.label for m, t in load_study(name).methods.items()}


def with_method(lines: str, model: str = ""):
    text = changed('label = "LMF"', f'label = "LMF"\n{lines}')
    return parse(text.replace("image_size = 48", f"image_size = 48\n{model}"))


def test_a_method_has_its_own_model_and_budget_where_it_says_so():
    study = with_method(
        "model = { image_size = 32, options = { patch = 8 } }\n"
        "training = { epochs = 7, optimizer = { name = 'sgd' } }"
    )
    own = study.for_method("lmf")
    assert (own.model.image_size, own.model.options) == (32, {"patch": 8})
    assert (own.training.epochs, own.training.optimizer.name) == (7, "sgd")
    assert own.model.backbone == study.model.backbone
    assert own.model.log_targets == study.model.log_targets
    assert own.training.augmentation == study.training.augmentation
    assert study.for_method("plain") == study


def test_another_backbone_takes_over_nothing_of_the_studys_own():
    options = 'options = { kernel = 3 }\ntrainable = 2\nweights = "imagenet"'
    study = with_method('model = { backbone = "vit" }', options)
    own = study.for_method("lmf").model
    assert (own.options, own.trainable, own.weights) == (None, None, "none")
    assert own.image_size == study.model.image_size
    said = 'model = { backbone = "vit", trainable = "head", weights = "hf:a/b" }'
    own = with_method(said, options).for_method("lmf").model
    assert (own.options, own.trainable, own.weights) == (None, "head", "hf:a/b")


def test_other_weights_are_not_those_of_the_studys_key():
    pinned = 'weights = "hf:a/b"\nweights_key = "0123456789abcdef"'
    study = with_method('model = { weights = "hf:c/d" }', pinned)
    assert study.for_method("lmf").model.weights_key is None
    study = with_method("model = { dropout = 0.1 }", pinned)
    assert study.for_method("lmf").model.weights_key == "0123456789abcdef"


@pytest.mark.parametrize(
    ("lines", "named"),
    [
        ("model = { patch = 8 }", "In methods.lmf.model: 'patch' is not a known key"),
        ("model = { image_size = 8 }", "In methods.lmf.model: 'image_size'"),
        ("training = { epoch = 1 }", "In methods.lmf.training: 'epoch' is not a"),
        ("training = { epochs = 0 }", "In methods.lmf.training: 'epochs'"),
    ],
)
def test_a_fault_of_a_methods_own_table_is_named_by_its_place(lines, named):
    with pytest.raises(StudyError) as caught:
        with_method(lines)
    assert named in caught.value.problem


@pytest.mark.parametrize(
    ("weights", "kind"),
    [
        ("none", "word"),
        ("imagenet", "word"),
        ("mars/face", "word"),
        ("hf:google/vit-base-patch16-224-in21k", "checkpoint"),
        ("./vit", "checkpoint"),
        ("../vit", "checkpoint"),
        ("/srv/vit", "checkpoint"),
        ("~/vit", "checkpoint"),
        ("run:avatars/baseline/seed-0", "run"),
    ],
)
def test_what_weights_are_is_seen_by_how_they_begin(weights, kind):
    assert weights_kind(weights) == kind


def test_a_size_may_be_left_to_a_checkpoint_and_to_nothing_else():
    free = changed("image_size = 48", 'image_size = 0\nweights = "./vit"')
    assert parse(free).model.image_size == 0
    for weights in ("none", "imagenet", "run:a/b"):
        text = changed("image_size = 48", f'image_size = 0\nweights = "{weights}"')
        with pytest.raises(StudyError, match=f"'{weights}' is not a checkpoint"):
            parse(text)


def test_a_key_is_of_weights_that_have_one():
    text = changed("image_size = 48", 'image_size = 48\nweights_key = "0123"')
    with pytest.raises(StudyError, match="weights_key is for a checkpoint or a run"):
        parse(text)


@pytest.mark.parametrize(
    ("line", "named"),
    [
        ("trainable = 0", "trainable"),
        ('trainable = "tail"', "trainable"),
        ("trainable = true", "trainable"),
        ('resize = { resample = "sinc" }', "model.resize.resample"),
        ('resize = { fit = "pad" }', "model.resize.fit"),
        ("feature_dropout = 1.0", "model.feature_dropout"),
    ],
)
def test_a_wrong_part_of_the_model_is_named(line, named):
    with pytest.raises(StudyError, match=named):
        parse(changed("image_size = 48", f"image_size = 48\n{line}"))


def test_the_rest_of_the_model_is_read():
    lines = """image_size = 48
trainable = 2
resize = { fit = "stretch" }
options = { filters = [32, 64], mean = [0.5, 0.4, 0.3], batch_norm = true }"""
    model = parse(changed("image_size = 48", lines)).model
    assert model.trainable == 2
    assert model.resize == ResizeTable(resample="bicubic", fit="stretch")
    assert model.options["filters"] == [32, 64]
    assert model.options["mean"] == [0.5, 0.4, 0.3]
    budget = parse(changed("epochs = 3", "epochs = 3\nbackbone_learning_rate = 1e-5"))
    assert budget.training.backbone_learning_rate == 1e-5


def test_a_study_without_a_backbone_trains_nothing():
    own = load_study("avatars").model_dump()
    own["model"] = {"backbone": "none", "image_size": 0}
    with pytest.raises(ValueError, match=r"'training.epochs': \d+ does not go with"):
        Study.model_validate(own)
    own["training"] = {"epochs": 0}
    own["methods"] = {"baseline": {"label": "Theirs"}}
    assert not Study.model_validate(own).is_trained
    assert load_study("avatars").is_trained


def test_mirrored_answers_change_the_fingerprint_only_where_they_are_asked_for():
    study = parse(TEXT)
    name = next(iter(study.methods))
    asked = study.method(name).model_copy(update={"mirrored_answers": True})
    other = study.model_copy(update={"methods": {**study.methods, name: asked}})
    assert other.fingerprint() != study.fingerprint()
    off = study.method(name).model_copy(update={"mirrored_answers": False})
    said = study.model_copy(update={"methods": {**study.methods, name: off}})
    # As it was before there was the key, where nothing is said.
    assert said.fingerprint() != study.fingerprint()
