import json
from pathlib import Path
from types import SimpleNamespace

import keras
import numpy as np
import pytest

from core.errors import RunError
from core.training.callbacks import AverageWeights, BestWeights, History, SaveState


def _model() -> keras.Model:
    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    model.compile(optimizer="adam", loss="mse")
    return model


def test_best_weights_are_those_of_the_lowest_validation_loss() -> None:
    model, best = _model(), BestWeights(patience=2)
    best.set_model(model)
    taken = []
    for epoch, loss in enumerate([3.0, 1.0, 2.0, 2.0]):
        model.set_weights([np.full((2, 1), epoch), np.zeros(1)])
        best.on_epoch_begin(epoch)
        best.on_test_end({"loss": loss})
        best.on_epoch_end(epoch)
        taken.append(bool(model.stop_training))
    assert taken == [False, False, False, True]
    assert best.epoch == 2
    best.restore(best.model)
    np.testing.assert_array_equal(model.get_weights()[0], [[1], [1]])


def test_average_follows_the_weights_and_they_come_back() -> None:
    model, average = _model(), AverageWeights(0.99)
    average.set_model(model)
    for step in range(2000):
        value = 5.0 if step > 100 else 0.0
        model.set_weights([np.full((2, 1), value), np.zeros(1)])
        average.on_train_batch_end(step)
    average.on_test_begin()
    np.testing.assert_allclose(model.get_weights()[0], 5.0, atol=1e-3)
    average.on_test_end()
    np.testing.assert_array_equal(model.get_weights()[0], [[5], [5]])


def test_average_lags_by_its_momentum() -> None:
    model, average = _model(), AverageWeights(0.99)
    average.set_model(model)
    for step in range(5000):
        model.set_weights([np.full((2, 1), step * 1.0), np.zeros(1)])
        average.on_train_batch_end(step)
    # A ramp's average lags by m / (1 - m) updates of EVERY steps each.
    m = 0.99**10
    lag = 4999 - average.weights[0][0, 0]
    assert lag == pytest.approx(10 * m / (1 - m), rel=0.02)


def test_average_after_an_interruption_takes_the_same_steps() -> None:
    model, average = _model(), AverageWeights(0.99)
    average.set_model(model)
    model.optimizer.build(model.trainable_variables)
    model.optimizer.iterations.assign(7)
    average.on_train_begin()
    taken = []
    for step in range(7, 30):
        average.on_train_batch_end(step)
        taken.append(average.updates)
    # After steps 10, 20 and 30, counted from the start of the training.
    assert [taken.index(n) + 8 for n in (1, 2, 3)] == [10, 20, 30]


def test_no_momentum_changes_nothing() -> None:
    model, average = _model(), AverageWeights(0.0)
    average.set_model(model)
    before = model.get_weights()
    for step in range(30):
        average.on_train_batch_end(step)
    average.on_test_begin()
    for a, b in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_history_is_long_and_divergence_is_an_error() -> None:
    seen = []
    history = History(lambda epoch, values: seen.append(epoch))
    history.set_model(SimpleNamespace(optimizer=SimpleNamespace(learning_rate=0.1)))
    history.on_epoch_end(0, {"loss": 1.0, "val_age_mae": 7.0})
    assert (1, "training", "loss", 1.0) in history.rows
    assert (1, "validation", "age_mae", 7.0) in history.rows
    assert seen == [1]
    with pytest.raises(RunError, match="diverged"):
        history.on_epoch_end(1, {"loss": float("nan")})


def _saver(path: Path, key: str = "k") -> tuple[keras.Model, SaveState]:
    model = _model()
    best, average = BestWeights(3), AverageWeights(0.9)
    history = History(lambda epoch, values: None)
    saver = SaveState(path, key, best=best, average=average, history=history)
    for callback in (best, average, history, saver):
        callback.set_model(model)
    return model, saver


def test_state_comes_back_whole(tmp_path: Path) -> None:
    model, saver = _saver(tmp_path / "state.npz")
    x, y = np.ones((8, 2)), np.ones((8, 1))
    model.fit(x, y, verbose=0)
    saver.best.on_epoch_begin(0)
    saver.best.on_test_end({"loss": 0.5})
    saver.history.on_epoch_end(0, {"loss": 0.5})
    saver.seconds, saver.images_per_second = 9.0, 4.0
    saver.on_epoch_end(0)
    again, restored = _saver(tmp_path / "state.npz")
    assert restored.load(again) == 1
    for a, b in zip(model.get_weights(), again.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    assert restored.best.loss == 0.5
    assert (restored.seconds, restored.images_per_second) == (9.0, 4.0)
    assert restored.history.rows == saver.history.rows
    for a, b in zip(model.optimizer.variables, again.optimizer.variables, strict=True):
        np.testing.assert_array_equal(a, b)


def test_a_state_of_an_earlier_version_is_used(tmp_path: Path) -> None:
    path = tmp_path / "state.npz"
    model, saver = _saver(path)
    model.optimizer.build(model.trainable_variables)
    saver.best.weights = model.get_weights()
    saver.images_per_second = 4.0
    saver.on_epoch_end(0)
    with np.load(path) as state:
        arrays = dict(state)
    record = json.loads(str(arrays["record"]))
    del record["images_per_second"]
    record["fastest_s"] = 2.0
    np.savez(path, **{**arrays, "record": np.array(json.dumps(record))})
    again, restored = _saver(path)
    assert restored.load(again) == 1
    assert restored.images_per_second is None


def test_state_of_something_else_is_not_used(tmp_path: Path) -> None:
    model, saver = _saver(tmp_path / "state.npz")
    model.optimizer.build(model.trainable_variables)
    saver.best.weights = model.get_weights()
    saver.on_epoch_end(0)
    again, other = _saver(tmp_path / "state.npz", key="another")
    assert other.load(again) == 0


@pytest.mark.parametrize("kept", [0, 20, 400, -200, -1])
def test_a_broken_state_is_not_used_and_changes_nothing(
    tmp_path: Path, kept: int
) -> None:
    path = tmp_path / "state.npz"
    model, saver = _saver(path)
    model.optimizer.build(model.trainable_variables)
    model.set_weights([np.full((2, 1), 7.0), np.ones(1)])
    saver.best.weights = model.get_weights()
    saver.on_epoch_end(0)
    path.write_bytes(path.read_bytes()[:kept])
    again, same = _saver(path)
    before = again.get_weights()
    assert same.load(again) == 0
    for a, b in zip(before, again.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_full_disk_keeps_the_state_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model, saver = _saver(tmp_path / "state.npz")
    model.optimizer.build(model.trainable_variables)
    saver.on_epoch_end(0)
    before = (tmp_path / "state.npz").read_bytes()

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(RunError, match="No space left"):
        saver.on_epoch_end(1)
    assert (tmp_path / "state.npz").read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == ["state.npz"]
