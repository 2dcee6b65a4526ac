"""A method that only adjusts finished logits takes the finished run."""

import json
import shutil

import numpy as np
import pandas as pd
import pytest

from core import runs
from core.data.catalog import load_dataset
from core.data.manifest import split_fingerprint
from core.methods.registry import resolve_method
from core.training.jobs import Listener, train_study
from core.training.reuse import find_trained_alike, finished_run, run_key
from tests.tiny import tiny_study

NAME = "adjusted"
USE = {"post-hoc-logit-adjustment": {"on": "hair"}}


@pytest.fixture(scope="module")
def store_of_baseline(tmp_path_factory):
    """A store in which the baseline is finished."""
    root = tmp_path_factory.mktemp("baseline")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("EQUIPOISE_CACHE", str(root / "cache"))
        patch.setattr(runs, "shipped_store", lambda: root / "nowhere")
        train(with_adjusted(tiny_study()), "baseline", out=root / "runs")
    return root / "runs"


@pytest.fixture
def study(store_of_baseline, tmp_path, monkeypatch):
    cache = store_of_baseline.parent / "cache"
    monkeypatch.setenv("EQUIPOISE_CACHE", str(cache))
    monkeypatch.setenv(runs.STORE_VARIABLE, str(tmp_path / "user"))
    monkeypatch.setattr(runs, "shipped_store", lambda: tmp_path / "shipped")
    return with_adjusted(tiny_study())


@pytest.fixture
def baseline(store_of_baseline, tmp_path):
    """The finished baseline in the user's store."""
    shutil.copytree(store_of_baseline, tmp_path / "user")
    return runs.read_run(tmp_path / "user" / "tiny" / "baseline" / "seed-0")


def with_adjusted(study):
    own = study.method("baseline").model_copy(update={"label": "Post hoc", "use": USE})
    # First in the file: what it adjusts has to be trained before it all the same.
    methods = {NAME: own, **study.methods}
    return study.model_copy(update={"methods": methods})


def train(study, *methods, **options):
    """Train, and return the runs with what was trained and what was taken."""
    seen, taken = [], []
    listener = Listener(
        epoch_done=lambda method, seed, epoch, values: seen.append((method, epoch)),
        taken=lambda method, seed, run: taken.append((method, run.folder)),
    )
    done = train_study(study, methods=methods, listener=listener, **options)
    return done, seen, taken


def test_it_differs_only_where_it_adjusts_and_nothing_is_trained(study, baseline):
    (run,), seen, taken = train(study, NAME)
    assert (seen, taken) == ([], [(NAME, baseline.folder)])
    theirs, ours = baseline.predictions(), run.predictions()
    touched = [name for name in ours if name.startswith(("hair_p_", "hair_pred"))]
    pd.testing.assert_frame_equal(
        ours.drop(columns=touched), theirs.drop(columns=touched)
    )
    # Logits are raised by -ln(prior): their odds, then, divided by the priors'.
    manifest = runs.shipped_manifest("tiny").query("split == 'training'")
    priors = manifest["hair"].value_counts(normalize=True)
    shares = theirs[[f"hair_p_{name}" for name in priors.index]] / priors.to_numpy()
    expected = shares.div(shares.sum(axis=1), axis=0)
    np.testing.assert_allclose(ours[expected.columns], expected, rtol=1e-4)
    pd.testing.assert_frame_equal(run.history(), baseline.history())
    same = ("epochs", "best_epoch", "duration_s", "images_per_second", "hardware")
    assert {name: run.info[name] for name in same} == {
        name: baseline.info[name] for name in same
    }
    assert run.info["parameters_trained"] == baseline.info["parameters_trained"]
    assert run.info["trained_with"] == "baseline"
    assert run.info["trained_with_key"] == baseline.info["key"]
    assert run.info["inference_ms"] > 0
    assert "trained_with" not in baseline.info
    split = run.info["split_fingerprint"]
    assert run.info["key"] == run_key(study, NAME, 0, split) != baseline.info["key"]


def test_the_last_epochs_weights_are_taken_where_these_are_kept(study):
    training = study.training.model_copy(update={"keep": "last"})
    study = study.model_copy(update={"training": training})
    (run, baseline), _, taken = train(study, NAME, "baseline")
    assert taken == [(NAME, baseline.folder)]
    assert run.info["best_epoch"] == 2
    theirs, ours = baseline.predictions(), run.predictions()
    pd.testing.assert_series_equal(ours["age_pred"], theirs["age_pred"])
    assert not ours["hair_p_bald"].equals(theirs["hair_p_bald"])


def test_what_one_call_trains_is_taken_and_no_earlier_run(study, baseline, tmp_path):
    (tmp_path / "user").rename(tmp_path / "shipped")
    (run, baseline), seen, taken = train(study, NAME, "baseline")
    assert (run.method, baseline.method) == (NAME, "baseline")
    assert {method for method, _ in seen} == {"baseline"}
    assert taken == [(NAME, baseline.folder)]
    assert baseline.folder.is_relative_to(tmp_path / "user")


@pytest.mark.parametrize("place", ["user", "shipped"])
def test_runs_of_other_stores_are_taken(study, baseline, tmp_path, place):
    (tmp_path / "user").rename(tmp_path / place)
    _, seen, taken = train(study, NAME, out=tmp_path / "elsewhere")
    assert (seen, taken) == ([], [(NAME, tmp_path / place / "tiny/baseline/seed-0")])


def found_for(study, name, *, seed=0):
    """The run that a method would take."""
    loaded = load_dataset(study, None)
    methods = {
        each: resolve_method(study, each, loaded.info.tasks) for each in study.methods
    }
    split = split_fingerprint(loaded.manifest)
    store = runs.user_store()
    return find_trained_alike(study, methods[name], seed, split, store, methods.get)


@pytest.mark.parametrize("change", ["key", "model", "epochs", "seed"])
def test_a_run_of_another_key_or_without_model_is_not_taken(study, baseline, change):
    assert found_for(study, NAME) == baseline
    if change == "key":
        path = baseline.folder / runs.RECORD
        path.write_text(json.dumps({**baseline.info, "key": "0" * 16}))
    elif change == "model":
        baseline.model_path.unlink()
    elif change == "epochs":
        budget = study.training.model_copy(update={"epochs": 1})
        study = study.model_copy(update={"training": budget})
    assert found_for(study, NAME, seed=3 if change == "seed" else 0) is None


def test_where_none_is_taken_it_is_trained(study, baseline):
    (run,), seen, taken = train(study, NAME, epochs=1)
    assert (seen, taken) == ([(NAME, 1)], [])
    assert "trained_with" not in run.info


def test_methods_that_are_trained_otherwise_are_not_taken(study, baseline):
    """They are the finished baseline under other names, each with a key of its own."""
    for name in ("ins", "undersample"):
        place = baseline.folder.parent.with_name(name) / baseline.folder.name
        shutil.copytree(baseline.folder, place)
        key = run_key(study, name, 0, baseline.info["split_fingerprint"])
        record = {**baseline.info, "method": name, "key": key}
        (place / runs.RECORD).write_text(json.dumps(record))
        assert finished_run(place, key)
    shutil.rmtree(baseline.folder)
    assert found_for(study, NAME) is None


def test_the_baseline_takes_nothing(study, baseline):
    train(study, NAME)
    shutil.rmtree(baseline.folder)
    _, seen, taken = train(study, "baseline")
    assert len(seen) == 2
    assert taken == []


def test_an_adjusted_run_is_taken_where_there_is_no_other(study, baseline):
    other = study.method(NAME).model_copy(
        update={"use": {"post-hoc-logit-adjustment": {"on": "hair", "tau": 0.5}}}
    )
    study = study.model_copy(update={"methods": {**study.methods, "half": other}})
    (run,), *_ = train(study, NAME)
    shutil.rmtree(baseline.folder)
    _, seen, taken = train(study, "half")
    assert (seen, taken) == ([], [("half", run.folder)])


def test_a_method_of_its_own_model_takes_one_of_the_same(study, baseline):
    table = {"head_units": 4}
    own = {
        name: study.method(name).model_copy(update={"model": table})
        for name in (NAME, "ins")
    }
    own["ins"] = own["ins"].model_copy(update={"use": {}})
    study = study.model_copy(update={"methods": {**study.methods, **own}})
    (small,), *_ = train(study, "ins")
    _, seen, taken = train(study, NAME)
    assert (seen, taken) == ([], [(NAME, small.folder)])


def test_with_resume_a_finished_one_is_kept(study, baseline):
    (first,), *_ = train(study, NAME)
    shutil.rmtree(first.folder.parent.parent / "baseline")
    (again,), seen, taken = train(study, NAME, resume=True)
    assert again.info["created"] == first.info["created"]
    assert (seen, taken) == ([], [])


def test_inference_elsewhere_is_unknown(study, baseline):
    path = baseline.folder / runs.RECORD
    there = {**baseline.info["hardware"], "gpu": "another machine's"}
    path.write_text(json.dumps({**baseline.info, "hardware": there}))
    (run,), *_ = train(study, NAME)
    assert run.info["hardware"] == there
    assert run.info["inference_ms"] is None
