import inspect
import subprocess
import sys
from functools import partial
from pathlib import Path

import pandas as pd
import pytest

from core.data.cache import render_file
from core.data.catalog import (
    DATASETS,
    dataset_info,
    dataset_of,
    enhancement_of,
    load_dataset,
    renderer,
)
from core.data.enhancement import Enhancement
from core.data.readers import avatars, cifar, utkface
from core.errors import DatasetError, StudyError
from core.evaluation.metrics import headline_keys
from core.evaluation.published import published_by_group_table
from core.methods.registry import resolve_method
from core.study import (
    ResizeTable,
    Study,
    load_study,
    parse_study,
    shipped_studies,
)
from core.tasks import Regression

STUDY = """
schema = 1
name = "mine"
title = "Mine"
baseline = "baseline"
[dataset]
name = "{name}"
options = {options}
[model]
backbone = "mobilenetv3_small_minimalistic"
image_size = 32
[training]
epochs = 1
[methods.baseline]
label = "Baseline"
"""
NEEDS_A_COPY = (
    "celeba",
    "image-table",
    "isic2019",
    "isic2019-binary",
    "stanford-dogs",
    "utkface",
)
# Of the papers' table: error rates at ratio 200 and AUC, in percent.
TABLE = {
    "cifar10-lt-200": (23.1, 22.1, 21.0, 21.8, 21.5, 18.5, 21.8, 17.3, 18.1),
    "cifar10-step-200": (28.9, 29.7, 27.0, 28.9, 28.2, None, 27.2, 17.9, 18.3),
    "cifar100-lt-200": (56.6, 61.8, 59.1, 61.3, 58.5, 54.5, 54.7, 52.7, 52.6),
    "cifar100-step-200": (61.8, 69.9, 68.5, 70.8, 56.7, None, 56.1, 50.4, 50.5),
    "isic2019-binary": (94.8, 94.3, 95.1, 94.2, 93.4, None, 95.8, 96.1, 95.7),
}
METHODS = (
    "baseline",
    "csce",
    "focal",
    "class-balanced",
    "ldam",
    "balanced-softmax",
    "hmloss",
    "hmloss-cs",
    "hmloss-cb",
)


def _study(name: str, options: str = "{}") -> Study:
    return parse_study(STUDY.format(name=name, options=options), origin="mine.toml")


def test_every_dataset_says_what_it_holds() -> None:
    assert set(DATASETS) >= {"utkface", "avatars", "cifar10", "cifar100", "isic2019"}
    for name, info in DATASETS.items():
        assert info.name == name
        assert dataset_info(name) is info
        assert info.tasks
        assert info.notice
        assert not set(info.opt_in) - {task.name for task in info.tasks}


def test_an_unknown_dataset_is_named_with_those_there_are() -> None:
    with pytest.raises(StudyError, match="no dataset 'faces'") as caught:
        load_dataset(_study("faces"), None)
    assert "cifar100" in caught.value.expected
    with pytest.raises(StudyError, match="no dataset 'faces'"):
        renderer(_study("faces"))


@pytest.mark.parametrize("name", sorted(DATASETS))
def test_an_unknown_option_is_named(name: str) -> None:
    with pytest.raises(StudyError, match=rf"'{name}' cannot use .*'colour'"):
        load_dataset(_study(name, "{ colour = 1 }"), Path("nowhere"))


@pytest.mark.parametrize("name", NEEDS_A_COPY)
def test_a_dataset_that_needs_a_copy_says_what_to_fetch(name: str) -> None:
    with pytest.raises(DatasetError, match="needs your own copy of") as caught:
        load_dataset(_study(name), None)
    assert dataset_info(name).title in caught.value.problem
    assert "--data PATH" in caught.value.remedy


@pytest.mark.parametrize(
    "name",
    sorted(
        n for n, info in DATASETS.items() if info.has_pictures and not info.generated
    ),
)
def test_a_place_that_is_not_there_is_named(name: str, tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"nothing at .*nowhere"):
        load_dataset(_study(name), tmp_path / "nowhere")


def test_classes_that_only_images_tell_are_those_of_the_manifest() -> None:
    study = _study("stanford-dogs")
    rows = [("pug", "test"), ("Akita", "training"), ("yeti", "left out")]
    manifest = pd.DataFrame(rows, columns=["breed", "split"])
    assert not dataset_info("stanford-dogs").knows_classes
    info = dataset_of(study, {"mine": manifest}.get)
    assert info.tasks[0].classes == ("Akita", "pug")
    assert info.knows_classes
    assert dataset_of(study, {}.get) is dataset_info("stanford-dogs")
    with pytest.raises(DatasetError, match="classes of the study 'mine' are not known"):
        dataset_of(study, {}.get, needed=True)


def test_no_manifest_is_read_for_classes_that_are_known() -> None:
    for name in ("utkface", "cifar10"):
        assert dataset_of(_study(name), pytest.fail, needed=True) is DATASETS[name]


def test_what_a_dataset_does_to_brightness_is_one_thing() -> None:
    study = _study("image-table", "{ equalize = true }")
    wanted = Enhancement(equalize=True)
    assert enhancement_of(study.dataset) == wanted
    assert renderer(study).keywords["enhancement"] == wanted
    for name in ("image-table", "stanford-dogs", "utkface"):
        assert enhancement_of(_study(name).dataset) == Enhancement()


def test_avatars_need_no_copy() -> None:
    loaded = load_dataset(_study("avatars", "{ count = 60 }"), None)
    assert len(loaded.manifest) == 60
    assert loaded.report["counts"]["found"] == 60


def test_image_caches_made_before_are_found_again() -> None:
    """The name of what renders is part of a cache's key."""
    assert renderer(_study("utkface")) is render_file
    render = renderer(_study("avatars", "{ count = 60 }"))
    assert isinstance(render, partial)
    function = render.func
    assert function.__module__ == "core.data.catalog"
    assert function.__qualname__ == "_render_avatar"
    assert render.keywords == {
        "options": avatars.AvatarsOptions(count=60),
        "drawing": avatars.DRAWING,
    }
    assert renderer(_study("cifar10")) is cifar.render
    assert utkface.INFO.shareable is False


@pytest.mark.parametrize("name", DATASETS)
def test_every_dataset_resizes_as_the_model_wants(name: str) -> None:
    study = _study(name)
    resize = ResizeTable(resample="box", fit="stretch")
    model = study.model.model_copy(update={"resize": resize})
    render = renderer(study.model_copy(update={"model": model}))
    assert isinstance(render, partial)
    assert {"resample": "box", "fit": "stretch"}.items() <= render.keywords.items()
    accepted = inspect.signature(render.func).parameters
    assert {"resample", "fit"} <= set(accepted)


def test_no_dataset_imports_keras() -> None:
    code = (
        "import sys, core.data.catalog;"
        "sys.exit(bool({'keras', 'tensorflow'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize("name", shipped_studies())
def test_a_shipped_study_fits_its_dataset(name: str) -> None:
    study = load_study(name)
    info = dataset_info(study.dataset.name)
    assert study.name == name
    assert study.summary
    renderer(study)
    for method in study.methods:
        resolved = resolve_method(study, method, info.tasks, info.sensitive_features)
        assert resolved.label
    tasks = {task.name: task for task in info.tasks}
    assert set(study.training.loss_weights) <= set(tasks)
    for task in study.model.log_targets:
        assert isinstance(tasks[task], Regression)
    for number in study.published:
        assert number.method in study.methods
        assert number.metric.partition(".")[0] in tasks
        assert number.source
    for number in study.published_by_group:
        assert number.method in study.methods
        assert number.metric.partition(".")[0] in tasks
        assert number.group in (None, *info.sensitive_features[number.feature])
        assert number.source
    assert headline_keys(info.tasks, study.headline)


@pytest.mark.parametrize("name", TABLE)
def test_published_numbers_are_those_of_the_paper(name: str) -> None:
    study = load_study(name)
    (metric,) = {number.metric for number in study.published}
    assert metric == ("diagnosis.auc" if "isic" in name else "label.error_rate")
    found = {number.method: number.value for number in study.published}
    wanted = dict(zip(METHODS, TABLE[name], strict=True))
    assert {m: v for m, v in wanted.items() if v is not None} == {
        method: round(100 * value, 6) for method, value in found.items()
    }


def test_published_fair_metrics_follow_from_the_published_accuracies() -> None:
    published = load_study("softbio").published_by_group
    table = published_by_group_table(published).query("measure == 'fair_metric'")
    found = table.set_index("method")[["theirs", "reported"]].to_dict("index")
    # That project's own line, evaluated on its accuracies.
    for method, value in (
        ("baseline", 0.846084237099),
        ("group-weights", 0.888024449348),
    ):
        assert found[method]["theirs"] == pytest.approx(value, abs=1e-12)
        assert not found[method]["reported"]
    assert found["resnet50"] == {"theirs": 0.817, "reported": True}


@pytest.mark.parametrize("name", sorted(set(TABLE) - {"isic2019-binary"}))
def test_the_benchmarks_differ_in_what_they_say_only(name: str) -> None:
    study, first = load_study(name), load_study("cifar10-lt-200")
    assert set(study.methods) == set(first.methods)
    assert study.model == first.model
    delta = 1e5 if study.dataset.name == "cifar10" else 1e4
    for method in ("hmloss", "hmloss-cs", "hmloss-cb"):
        table = study.method(method)
        assert table.use["hmloss"]["delta"] == delta
        assert {**table.use["hmloss"], "delta": 0} == {
            **first.method(method).use["hmloss"],
            "delta": 0,
        }
        assert table.learning_rate_drops == first.method(method).learning_rate_drops
    others = set(study.methods) - {"hmloss", "hmloss-cs", "hmloss-cb"}
    assert all(study.method(m) == first.method(m) for m in others)
    assert study.dataset.options["ratio"] == 200
    wanted = "step" if "step" in name else "exponential"
    assert study.dataset.options["profile"] == wanted
