"""Weights that a study takes over: found, agreed upon, and written into its tables."""

import json

import pandas as pd
import pytest

from core import runs
from core.data.manifest import split_fingerprint
from core.errors import RunError, StudyError, WeightsError
from core.models.checkpoint import CONFIG, load_checkpoint
from core.study import MethodTable, ModelTable, ResizeTable
from core.training.reuse import run_key
from core.training.transfer import Origin, check_unseen, resolve_weights
from tests.checkpoint import FOLDER, write_changed
from tests.tiny import tiny_study

VIT = {"backbone": "vit", "image_size": 0, "weights": str(FOLDER)}
SIZES = {"layers": 2, "heads": 2, "width": 32, "mlp": 64, "patch": 8}
HISTORY = pd.DataFrame(
    {"epoch": [1], "split": "training", "name": "loss", "value": 1.0}
)
PREDICTIONS = pd.DataFrame({"image_id": ["a"], "split": ["test"]})


def study_with(methods=None, **model):
    study = tiny_study()
    given = {**study.model.model_dump(), "options": None, **model}
    table = type(study.model).model_validate(given)
    tables = {
        name: MethodTable(label=name, model=own)
        for name, own in ({"baseline": None} | (methods or {})).items()
    }
    return study.model_copy(update={"model": table, "methods": tables})


def write_run(store, *, method="baseline", seed=0, key="k1", model=None, study="tiny"):
    table = {"backbone": "cnn", "image_size": 32, "options": {"filters": [4]}}
    resolved = {"model": table | (model or {}), "dataset": {"name": "cifar10"}}
    info = {"study": study, "method": method, "seed": seed, "resolved": resolved}
    return runs.write_run(
        store,
        info=info | ({"key": key} if key else {}),
        history=HISTORY,
        predictions=PREDICTIONS,
        save_model=lambda path: path.write_bytes(b"weights"),
    )


@pytest.fixture
def store(tmp_path, monkeypatch):
    """The user's store; nothing is shipped."""
    monkeypatch.setenv(runs.STORE_VARIABLE, str(tmp_path / "user"))
    monkeypatch.setattr(runs, "shipped_store", lambda: tmp_path / "shipped")
    return tmp_path / "user"


def table_of(study, store, name="baseline"):
    found, origins = resolve_weights(study, [name], store)
    table = found.for_method(name).model
    assert ModelTable.model_validate(table.model_dump()) == table
    assert table == origins[name].table
    return table


def test_a_study_that_takes_nothing_over_stays_as_it_is(store):
    study = study_with({"other": {"backbone": "cnn"}, "imagenet": {"dropout": 0.1}})
    found, origins = resolve_weights(study, list(study.methods), store)
    assert found == study
    assert {origin.source for origin in origins.values()} == {None}


def test_no_key_of_a_shipped_run_has_changed():
    shipped = runs.list_runs().runs
    assert shipped
    for run in shipped:
        split = run.info["split_fingerprint"]
        # With what goes with the weights that a run of ours has brought along.
        study, _ = resolve_weights(
            runs.study_of_runs(run.study), [run.method], runs.user_store()
        )
        assert run_key(study, run.method, run.seed, split) == run.info["key"]


def test_what_goes_with_a_checkpoint_is_written_into_the_table(store):
    table = table_of(study_with(**VIT), store)
    checkpoint = load_checkpoint(str(FOLDER))
    assert table.image_size == 32
    assert table.resize == ResizeTable(resample="lanczos", fit="stretch")
    assert table.weights_key == checkpoint.key
    assert table.options == checkpoint.options
    assert SIZES.items() <= table.options.items()


def test_a_study_that_was_resolved_is_resolved_to_itself(store):
    first, _ = resolve_weights(study_with(**VIT), ["baseline"], store)
    again, _ = resolve_weights(first, ["baseline"], store)
    assert again == first


def test_a_size_of_its_own_stays(store):
    assert table_of(study_with(**VIT | {"image_size": 48}), store).image_size == 48


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"resize": {"fit": "crop"}}, "resize is"),
        ({"options": {"layers": 3}}, "option 'layers' is 3"),
        ({"weights_key": "another"}, "weights_key is another"),
        ({"backbone": "resnet32"}, "no weights"),
    ],
)
def test_a_mismatch_with_a_checkpoint_cannot_be_asked_for(changes, said, store):
    with pytest.raises(StudyError, match=said):
        resolve_weights(study_with(**VIT | changes), ["baseline"], store)


def test_what_agrees_with_a_checkpoint_may_be_said(store):
    resize = {"resample": "lanczos", "fit": "stretch"}
    options = {"layers": 2, "dropout": 0.4}
    table = table_of(study_with(**VIT, resize=resize, options=options), store)
    assert table.options["dropout"] == 0.4


def test_a_missing_checkpoint_is_found_out_before_anything_is_trained(store):
    with pytest.raises(WeightsError, match="no such folder"):
        resolve_weights(
            study_with(**VIT | {"weights": "./nowhere"}), ["baseline"], store
        )


def test_only_methods_that_are_trained_are_looked_at(store):
    study = study_with({"vit": VIT | {"weights": "./nowhere"}})
    found, _ = resolve_weights(study, ["baseline"], store)
    assert found == study


def test_methods_beside_each_other_keep_their_own(store):
    study = study_with({"cnn": {"backbone": "cnn", "image_size": 16}}, **VIT)
    found, origins = resolve_weights(study, ["baseline", "cnn"], store)
    transformer, network = (found.for_method(n).model for n in ("baseline", "cnn"))
    assert (transformer.image_size, network.image_size) == (32, 16)
    assert transformer.resize is not None
    assert (network.resize, network.options, network.weights_key) == (None, None, None)
    assert origins["baseline"].source == FOLDER
    assert origins["cnn"].source is None
    # One that is not trained now is not told what goes with the others' weights.
    found, _ = resolve_weights(study, ["baseline"], store)
    assert found.for_method("cnn").model == study.for_method("cnn").model


def test_a_methods_own_checkpoint_leaves_the_study_alone(store):
    study = study_with({"vit": VIT})
    found, origins = resolve_weights(study, ["baseline", "vit"], store)
    assert found.model == study.model
    assert found.for_method("vit").model == origins["vit"].table
    assert found.for_method("vit").model.options["layers"] == 2


def test_another_checkpoint_is_another_run(store, tmp_path):
    keys = set()
    for folder in ("a", "b"):
        changes = {"layer_norm_eps": 0.001 if folder == "a" else 0.01}
        place = write_changed(tmp_path / folder, CONFIG, **changes)
        (tmp_path / "vit").unlink(missing_ok=True)
        (tmp_path / "vit").symlink_to(place)
        study = study_with(**VIT | {"weights": str(tmp_path / "vit")})
        found, _ = resolve_weights(study, ["baseline"], store)
        keys.add(run_key(found.for_method("baseline"), "baseline", 0, "split"))
    assert len(keys) == 2


def test_a_run_is_found_in_the_users_store_before_the_shipped(store, tmp_path):
    write_run(tmp_path / "shipped", key="shipped")
    study = study_with(backbone="cnn", weights="run:tiny/baseline/seed-0")
    assert table_of(study, store).weights_key == "shipped"
    run = write_run(store, key="users")
    _, origins = resolve_weights(study, ["baseline"], store)
    assert origins["baseline"].table.weights_key == "users"
    assert origins["baseline"].source == run.model_path
    write_run(tmp_path / "out", key="out")
    assert table_of(study, tmp_path / "out").weights_key == "out"


def test_without_a_seed_it_is_the_first_there_is(store):
    for seed in (10, 3, 20):
        write_run(store, seed=seed, key=f"k{seed}")
    (store / "tiny" / "baseline" / "seed-1.old").mkdir()
    table = table_of(study_with(backbone="cnn", weights="run:tiny/baseline"), store)
    assert table.weights == "run:tiny/baseline/seed-3"
    assert table.weights_key == "k3"


def test_what_goes_with_a_run_is_written_into_the_table(store):
    resize = {"resample": "box", "fit": "stretch"}
    write_run(store, model={"resize": resize})
    table = table_of(study_with(backbone="cnn", weights="run:tiny/baseline"), store)
    assert table.resize == ResizeTable(**resize)
    assert table.options["filters"] == [4]
    assert table.options["kernel"] == 3
    assert table.image_size == 32


def test_another_source_run_is_another_run(store):
    keys = set()
    for key in ("k1", "k2"):
        write_run(store, key=key)
        study = study_with(backbone="cnn", weights="run:tiny/baseline")
        found, _ = resolve_weights(study, ["baseline"], store)
        keys.add(run_key(found.for_method("baseline"), "baseline", 0, "split"))
    assert len(keys) == 2


@pytest.mark.parametrize(
    ("model", "changes", "error", "said"),
    [
        ({"backbone": "vit"}, {}, StudyError, "are of vit, and not of cnn"),
        ({}, {"options": {"filters": [8]}}, StudyError, "option 'filters' is"),
        ({}, {"resize": {"fit": "stretch"}}, StudyError, "resize is"),
        ({"image_size": 4}, {}, RunError, "does not say which model"),
        ({}, {"weights": "run:tiny/baseline/seed-7"}, RunError, "no run 'tiny/basel"),
        ({}, {"weights": "run:tiny/lost"}, RunError, "no run 'tiny/lost'"),
        ({}, {"weights": "run:tiny"}, StudyError, "names no run"),
        ({}, {"weights": "run:tiny/baseline/seed-x"}, StudyError, "names no run"),
        ({}, {"weights": "run:../baseline"}, StudyError, "cannot be the name"),
    ],
)
def test_what_is_wrong_with_a_run_is_said(model, changes, error, said, store):
    write_run(store, model=model)
    study = study_with(**{"backbone": "cnn", "weights": "run:tiny/baseline", **changes})
    with pytest.raises(error, match=said) as caught:
        resolve_weights(study, ["baseline"], store)
    assert caught.value.expected
    assert caught.value.remedy


def test_a_run_without_its_model_or_key_is_refused(store):
    study = study_with(backbone="cnn", weights="run:tiny/baseline")
    write_run(store, key="")
    with pytest.raises(RunError, match="cannot be begun with"):
        resolve_weights(study, ["baseline"], store)
    write_run(store).model_path.unlink()
    with pytest.raises(RunError, match="cannot be begun with"):
        resolve_weights(study, ["baseline"], store)


def test_a_damaged_run_is_named(store):
    run = write_run(store)
    (run.folder / runs.RECORD).write_text(json.dumps({"schema": 1}))
    with pytest.raises(RunError, match=r"run\.json"):
        resolve_weights(
            study_with(backbone="cnn", weights="run:tiny/baseline"), ["baseline"], store
        )


def manifest(**splits):
    rows = [(name, split) for split, names in splits.items() for name in names]
    return pd.DataFrame(rows, columns=["image_id", "split"])


@pytest.mark.parametrize("split", ["validation", "test"])
def test_weights_that_have_seen_the_judges_are_refused(split, store):
    run = write_run(store)
    theirs = manifest(training=["a", "b", "c"], test=["d"])
    theirs.to_parquet(store / "tiny" / runs.MANIFEST_FILE)
    origin = Origin(tiny_study().model, run.model_path, run)
    clean = manifest(training=["a", "b"], validation=["d"], test=["e"])
    check_unseen(origin, "cifar10", clean)
    seen = manifest(training=["a"], **{split: ["b", "c", "d"]})
    assert split_fingerprint(seen) != split_fingerprint(clean)
    with pytest.raises(StudyError, match="trained on 2 images of this study's"):
        check_unseen(origin, "cifar10", seen)
    # Other pictures that are named alike.
    check_unseen(origin, "cifar100", seen)


def test_nor_may_those_that_the_weights_began_with_have_seen_them(store):
    write_run(store)
    theirs = manifest(training=["a", "b"])
    theirs.to_parquet(store / "tiny" / runs.MANIFEST_FILE)
    second = write_run(
        store,
        study="second",
        model={"weights": "run:tiny/baseline", "weights_key": "k"},
    )
    origin = Origin(tiny_study().model, second.model_path, second)
    check_unseen(origin, "cifar10", manifest(test=["c"]))
    with pytest.raises(StudyError, match="trained on 1 image"):
        check_unseen(origin, "cifar10", manifest(test=["b", "c"]))


def test_weights_of_no_run_have_seen_nothing_that_is_known():
    check_unseen(Origin(tiny_study().model), "cifar10", manifest(test=["a"]))
