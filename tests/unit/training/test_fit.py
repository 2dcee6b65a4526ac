"""One run: its phases, its classes, its usual losses, and how fast it was."""

from types import SimpleNamespace

import keras
import numpy as np
import pandas as pd
import pytest

from core.data.cache import ImageCache
from core.data.catalog import load_dataset
from core.errors import MethodError
from core.methods.registry import resolve_method
from core.study import MethodTable
from core.tasks import Multiclass
from core.training import fit as fitting
from core.training.fit import fit
from core.training.jobs import Listener, train_study
from core.training.losses import (
    build_objectives,
    build_parts,
    leaning_tasks,
    usual_losses,
)
from core.training.training_rows import Data, epoch_mixes, epoch_rows, sample_weights
from tests.tiny import killed_at, tiny_study


@pytest.fixture(autouse=True)
def _surroundings(tmp_path, monkeypatch):
    monkeypatch.setenv("EQUIPOISE_CACHE", str(tmp_path / "cache"))


def study_of(use=None, **training):
    """The tiny study with a method to try."""
    plain = tiny_study(**training)
    tried = MethodTable(label="Tried", use=use or {})
    methods = {"baseline": plain.methods["baseline"], "tried": tried}
    return plain.model_copy(update={"methods": methods})


def data_of(study):
    loaded = load_dataset(study, None)
    images = np.zeros((len(loaded.manifest), 32, 32, 3), dtype=np.uint8)
    info = loaded.info
    return Data(ImageCache(images, {}, "key"), loaded.manifest, info.tasks, ("group",))


LATE = {"hmloss": {"on": "hair", "start": 0.4}}


@pytest.fixture
def _validated(monkeypatch):
    """Validation losses that rise from epoch to epoch, whatever is learned."""
    take = fitting.BestWeights.on_test_end

    def taken(self, logs=None):
        take(self, {**(logs or {}), "loss": float(self._now)})

    monkeypatch.setattr(fitting.BestWeights, "on_test_end", taken)


@pytest.mark.slow
@pytest.mark.usefixtures("_validated")
def test_every_phase_has_a_patience_of_its_own_wherever_it_is_broken_off(tmp_path):
    study = study_of(LATE, epochs=5, patience=1)
    whole = tmp_path / "whole"
    places = {epoch: tmp_path / f"stopped-{epoch}" for epoch in (2, 3, 4)}

    def train(place, seen, told=lambda *epoch: None):
        def listen(method, seed, epoch, values):
            seen.append(epoch)
            told(method, seed, epoch, values)

        listener = Listener(epoch_done=listen)
        asked = {"methods": ["tried"], "out": place, "resume": True}
        (run,) = train_study(study, **asked, listener=listener)
        # Two epochs of cross-entropy; the third is the best of HMLoss's, and the
        # fourth is not better.
        assert (run.info["epochs"], run.info["best_epoch"]) == (4, 3)

    epochs = []
    train(whole, epochs, killed_at(places, whole))
    assert epochs == [1, 2, 3, 4]
    for stopped_at, place in places.items():
        epochs = []
        train(place, epochs)
        # The state of the last epoch was not yet written.
        assert epochs == list(range(stopped_at, 5))


def without_last_class(data, task):
    """The same with all training images of a task's last class in the test split."""
    manifest = data.manifest.copy()
    last = next(t for t in data.tasks if t.name == task).classes[-1]
    manifest.loc[manifest[task] == last, "split"] = "test"
    return Data(data.cache, manifest, data.tasks, data.sensitive_features), last


TASKS = pytest.mark.parametrize("task", ["hair", "glasses"])


def what_needs_classes(name, task):
    """A method on a task whose last class is empty, with the training rows."""
    study = study_of({name: {"on": task}})
    data, last = without_last_class(data_of(study), task)
    method = resolve_method(study, "tried", data.tasks)
    said = f"Class {last} has no training image"
    return data, method, data.rows("training"), said


@TASKS
@pytest.mark.parametrize("name", ["ins", "class-balanced"])
def test_weights_name_an_empty_last_class(task, name):
    data, method, rows, said = what_needs_classes(name, task)
    with pytest.raises(MethodError, match=said):
        sample_weights(data, method, rows)


@TASKS
@pytest.mark.parametrize("name", ["undersample", "oversample"])
def test_samplers_name_an_empty_last_class(task, name):
    data, method, rows, said = what_needs_classes(name, task)
    with pytest.raises(MethodError, match=said):
        epoch_rows(data, method, rows, seed=0, epochs=2, batch_size=16)


def test_mixes_are_drawn_anew_at_every_epoch_from_training_rows_only():
    use = {"cmo": {"on": "hair", "start": 0.4, "plain_last": 1, "probability": 1.0}}
    study = study_of(use)
    data = data_of(study)
    method = resolve_method(study, "tried", data.tasks)
    rows = data.rows("training")
    asked = {"seed": 3, "epochs": 5, "batch_size": 16}
    draw, again = (epoch_mixes(data, method, rows, **asked) for _ in range(2))
    for epoch in range(5):
        mixes = draw(epoch)
        assert sorted(mixes.rows) == sorted(rows)
        assert set(mixes.second) <= set(rows)
        # Plain until it starts, and in the last one.
        assert mixes.is_mixed.any() == (2 <= epoch < 4)
        np.testing.assert_array_equal(again(epoch).second, mixes.second)
    assert not np.array_equal(draw(2).second, draw(3).second)
    # Boxes are in pixels of the study's images.
    assert draw(2).boxes.max() <= 32


@pytest.mark.parametrize(
    ("on", "leaning"),
    [
        ("hair", ("hair",)),
        ("group x hair", ("hair",)),
        ("group", ("glasses", "hair")),
    ],
)
def test_the_labels_lean_on_the_task_that_remix_is_on(on, leaning):
    study = study_of({"remix": {"on": on}})
    tasks = data_of(study).tasks
    method = resolve_method(study, "tried", tasks, ["group"])
    assert leaning_tasks(method, tasks) == leaning


@TASKS
def test_mixes_name_an_empty_last_class(task):
    data, method, rows, said = what_needs_classes("cmo", task)
    with pytest.raises(MethodError, match=said):
        epoch_mixes(data, method, rows, seed=0, epochs=2, batch_size=16)


@TASKS
def test_losses_name_an_empty_last_class(task):
    data, method, rows, said = what_needs_classes("logit-adjusted", task)
    with pytest.raises(MethodError, match=said):
        build_parts(method.losses, data, rows)


@pytest.mark.parametrize("place", [0, 1, -1])
def test_objectives_name_an_empty_class_that_is_a_group(place):
    use = {"fairness-penalty": {"on": "glasses", "groups": "hair"}}
    study = study_of(use)
    data = data_of(study)
    classes = next(t.classes for t in data.tasks if t.name == "hair")
    rows = data.rows("training")
    rows = rows[data.manifest["hair"].iloc[rows] != classes[place]]
    method = resolve_method(study, "tried", data.tasks, ["group", "hair"])
    with pytest.raises(MethodError, match=f"Class {classes[place]} has no training"):
        build_objectives(study, method, data, rows)


def test_a_group_without_training_images_is_no_fault():
    study = study_of({"ins": {"on": "group"}})
    data = data_of(study)
    method = resolve_method(study, "tried", data.tasks, ["group"])
    groups = data.manifest["group"]
    rows = data.rows("training")
    rows = rows[groups.iloc[rows] != groups.max()]
    weights = pd.Series(sample_weights(data, method, rows)["hair"][rows])
    totals = weights.groupby(groups.iloc[rows].to_numpy()).sum()
    np.testing.assert_allclose(totals, len(rows) / (groups.nunique() - 1), rtol=1e-5)


def test_late_weights_that_cannot_be_are_refused_before_the_first_epoch(tmp_path):
    study = study_of({"class-balanced": {"on": "hair", "start": 0.5}}, epochs=2)
    data, last = without_last_class(data_of(study), "hair")
    method = resolve_method(study, "tried", data.tasks)
    seen = []
    with pytest.raises(MethodError, match=f"Class {last}"):
        fit(
            study,
            method,
            0,
            data,
            state=tmp_path / "state.npz",
            state_key="k",
            report=lambda epoch, values: seen.append(epoch),
        )
    assert seen == []


def test_usual_losses_are_kerass_own():
    study = study_of()
    tasks = data_of(study).tasks
    losses = usual_losses(study, tasks)
    assert {name: type(loss) for name, loss in losses.items()} == {
        "age": keras.losses.MeanAbsoluteError,
        "glasses": keras.losses.BinaryCrossentropy,
        "hair": keras.losses.SparseCategoricalCrossentropy,
    }
    # Two equal logits are a probability of a half each: ln 2 nats.
    half = float(losses["glasses"](np.ones((1, 1)), np.zeros((1, 1))))
    assert half == pytest.approx(np.log(2))
    count = next(len(t.classes) for t in tasks if isinstance(t, Multiclass))
    even = float(losses["hair"](np.zeros(1, int), np.zeros((1, count))))
    assert even == pytest.approx(np.log(count))
    table = study.model.model_copy(update={"log_targets": ("age",)})
    losses = usual_losses(study.model_copy(update={"model": table}), tasks)
    assert float(losses["age"](np.array([[20.0]]), np.array([[10.0]]))) == (
        pytest.approx(np.log(2))
    )


def test_speed_is_that_of_the_fastest_epoch_whatever_each_shows(monkeypatch):
    # Seconds of training 10, 2 and 6; validation takes one more each time.
    times = iter([0, 10, 11, 20, 22, 23, 30, 36, 37])
    clock = SimpleNamespace(perf_counter=lambda: float(next(times)))
    monkeypatch.setattr(fitting, "time", clock)
    saver = SimpleNamespace(seconds=0.0, images_per_second=None)
    watch = fitting._Clock(saver, (100, 30, 60))
    for epoch in range(3):
        watch.on_epoch_begin(epoch)
        watch.on_test_begin()
        watch.on_epoch_end(epoch)
    assert (saver.images_per_second, saver.seconds) == (15.0, 21.0)


def test_variables_are_made_before_the_step_and_nothing_is_learned(monkeypatch):
    """A step that makes none is traced once only."""
    use = {"group-dro": {"on": "hair", "groups": "group"}, "fds": {"on": "age"}}
    study = study_of(use)
    data = data_of(study)
    method = resolve_method(study, "tried", data.tasks, ["group"])
    training = fitting._prepare(study, method, 0, data)
    fitting._compile_for(training, method)
    model = training.models.training
    batches, _ = fitting._batches(training, method, 0)
    # The shares of the groups and the statistics of the features are among them.
    before = {variable.path: np.array(variable) for variable in model.variables}
    fitting.make_variables(model, batches[0])
    for variable in model.variables:
        np.testing.assert_array_equal(variable, before.get(variable.path, 0))
    traced = []
    step = model.train_step
    monkeypatch.setattr(
        model, "train_step", lambda data: traced.append(1) or step(data)
    )
    made = len(model.variables), len(model.optimizer.variables)
    model.fit(batches, epochs=2, verbose=0)
    assert len(traced) == 1
    assert (len(model.variables), len(model.optimizer.variables)) == made


def test_speed_counts_the_images_of_each_epoch(tmp_path):
    study = study_of({"undersample": {"on": "hair", "keep": 0.2, "start": 0.5}})
    data = data_of(study)
    method = resolve_method(study, "tried", data.tasks)
    training = fitting._prepare(study, method, 0, data)
    hair = data.manifest["hair"].iloc[data.rows("training")].value_counts()
    fewer = hair.sum() - hair.max() + round(0.2 * hair.max())
    # Batches of 16; what is left over is not shown.
    assert training.shown == (hair.sum() // 16 * 16, fewer // 16 * 16)
