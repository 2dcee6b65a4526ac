import json

import keras
import numpy as np
import pytest
from keras import ops

from core.errors import MethodError
from core.methods.smoothing import (
    FeatureStatistics,
    bucket_of,
    compute_bucket_statistics,
    kernel_window,
)
from core.models.feature_smoothing import FeatureSmoothing
from tests.unit.methods.reference import cases, value_and_gradient

RNG = np.random.default_rng(0)
LABELS = RNG.integers(0, 12, size=(90, 1)).astype("float32")
FEATURES = (RNG.normal(size=(90, 5)) * (1 + LABELS) + LABELS).astype("float32")
CLOSE = {"rtol": 1e-4, "atol": 1e-4}


def numbers(tensor):
    return ops.convert_to_numpy(tensor)


def show(layer, features, labels, *, batch_size=16):
    """One epoch in batches."""
    for start in range(0, len(features), batch_size):
        part = slice(start, start + batch_size)
        layer(
            ops.convert_to_tensor(np.asarray(features[part], "float32")),
            np.asarray(labels[part], "float32"),
            training=True,
        )
    layer.end_epoch()


def smoothed(layer, features, labels):
    """What a layer makes of features, without their being gathered."""
    copy = FeatureSmoothing.from_config(layer.get_config())
    features = np.asarray(features, "float32")
    copy.build(features.shape)
    copy.set_weights(layer.get_weights())
    return numbers(copy(features, np.asarray(labels, "float32"), training=True))


def trained(epochs, **parameters):
    layer = FeatureSmoothing(0, 11, **parameters)
    for epoch in range(epochs):
        show(layer, FEATURES * (1 + epoch), LABELS)
    return layer


@pytest.mark.parametrize("case", cases("fds"), ids=lambda case: case["id"])
def test_equals_the_originals(case):
    params, inputs, expected = case["params"], case["inputs"], case["expected"]
    layer = FeatureSmoothing(
        params["bucket_start"],
        params["bucket_num"] - 1,
        kernel=params["kernel"],
        kernel_size=params["ks"],
        sigma=float(params["sigma"]),
        momentum=params["momentum"],
    )
    batch = (inputs["batch_features"], inputs["batch_labels"])
    for epoch, key in ((0, "epoch1"), (1, "epoch2_no_alias")):
        show(
            layer,
            inputs[f"epoch{epoch}_features"],
            inputs[f"epoch{epoch}_labels"],
            batch_size=7,
        )
        np.testing.assert_allclose(
            smoothed(layer, *batch), expected[f"batch_smoothed_{key}"], **CLOSE
        )
    np.testing.assert_allclose(
        numbers(layer.running_mean), expected["running_mean"], **CLOSE
    )
    np.testing.assert_allclose(
        numbers(layer.running_variance), expected["running_var"], **CLOSE
    )


def test_equals_the_pure_functions_over_many_epochs():
    bucket = bucket_of(LABELS[:, 0], start=0, buckets=12)
    state = FeatureStatistics.initial(12, 5)
    for epoch in range(4):
        gathered = compute_bucket_statistics(FEATURES * (1 + epoch), bucket, buckets=12)
        state = state.end_epoch(gathered, window=kernel_window(total_one=True))
    np.testing.assert_allclose(
        smoothed(trained(4), FEATURES, LABELS), state.smooth(FEATURES, bucket), **CLOSE
    )


def test_the_first_two_epochs_are_plain():
    fresh = FeatureSmoothing(0, 11)
    fresh.build(FEATURES.shape)
    for layer in (fresh, trained(1)):
        np.testing.assert_array_equal(smoothed(layer, FEATURES, LABELS), FEATURES)
    assert np.abs(smoothed(trained(2), FEATURES, LABELS) - FEATURES).max() > 0.1


def test_outside_of_training_nothing_happens():
    layer = trained(3)
    before = layer.get_weights()
    for given in ({"training": False}, {}):
        np.testing.assert_array_equal(
            numbers(layer(FEATURES, LABELS, **given)), FEATURES
        )
    np.testing.assert_array_equal(numbers(layer(FEATURES)), FEATURES)
    for old, new in zip(before, layer.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)


def test_targets_beyond_the_range_belong_to_its_ends():
    layer = trained(3)
    ends = np.array([[-5.0], [0.0], [11.9], [60.0]])
    values = smoothed(layer, np.repeat(FEATURES[:1], 4, axis=0), ends)
    np.testing.assert_array_equal(values[0], values[1])
    np.testing.assert_array_equal(values[2], values[3])
    assert (values[1] != values[2]).all()


def test_buckets_are_whole_numbers_of_the_range():
    assert FeatureSmoothing(1, 116).buckets == 116
    assert FeatureSmoothing(0.5, 9.5).buckets == 10
    assert FeatureSmoothing(0.5, 9.5).start == 0


def test_variances_keep_their_digits_far_from_zero():
    layer = FeatureSmoothing(0, 2, kernel_size=3)
    features = 3000 + RNG.normal(size=(300, 2))
    labels = np.repeat([0.0, 1.0, 2.0], 100)
    order = RNG.permutation(300)
    show(layer, features[order], labels[order])
    expected = [features[labels == k].var(axis=0, ddof=1) for k in range(3)]
    np.testing.assert_allclose(numbers(layer.running_variance), expected, rtol=5e-3)


def test_gradient_is_the_factor_and_statistics_have_none():
    layer = trained(3)
    _, gradient = value_and_gradient(
        lambda x: ops.sum(layer(x, LABELS, training=True)), FEATURES
    )
    factor = numbers(layer.factor)[LABELS[:, 0].astype(int)]
    np.testing.assert_allclose(gradient, factor, rtol=1e-5)
    assert not layer.trainable_weights


def test_a_resumed_layer_goes_on_as_if_unbroken():
    whole, first = trained(4), trained(2)
    again = FeatureSmoothing(0, 11)
    again.build(FEATURES.shape)
    again.set_weights(first.get_weights())
    for epoch in (2, 3):
        show(again, FEATURES * (1 + epoch), LABELS)
    for mine, theirs in zip(again.get_weights(), whole.get_weights(), strict=True):
        np.testing.assert_array_equal(mine, theirs)


def test_a_copy_from_its_configuration_is_the_same():
    layer = FeatureSmoothing(1, 90, kernel="laplace", kernel_size=7, momentum=None)
    text = json.dumps(keras.saving.serialize_keras_object(layer))
    copy = keras.saving.deserialize_keras_object(json.loads(text))
    assert copy.get_config() == layer.get_config()
    np.testing.assert_array_equal(copy.window, layer.window)


def test_half_precision_gathers_in_float32():
    layer = FeatureSmoothing(0, 11, dtype="mixed_bfloat16")
    half = ops.cast(ops.convert_to_tensor(FEATURES), "bfloat16")
    for _ in range(3):
        answer = layer(half, LABELS, training=True)
        layer.end_epoch()
    assert keras.backend.standardize_dtype(answer.dtype) == "bfloat16"
    assert {variable.dtype for variable in layer.variables} == {"float32"}


class Commit(keras.callbacks.Callback):
    def __init__(self, layer):
        super().__init__()
        self.layer = layer

    def on_epoch_end(self, epoch, logs=None):
        self.layer.end_epoch()


def test_a_model_of_two_inputs_trains_with_it_and_answers_without(tmp_path):
    keras.utils.set_random_seed(0)
    x, target = keras.Input((5,), name="x"), keras.Input((1,), name="target")
    layer, head = FeatureSmoothing(0, 11, name="fds"), keras.layers.Dense(1)
    backbone = keras.layers.Dense(6, activation="relu")
    plain = keras.Model(x, head(backbone(x)))
    model = keras.Model([x, target], head(layer(backbone(x), target)))
    model.compile(optimizer=keras.optimizers.Adam(0.02), loss="mae")
    inputs = FEATURES / 10
    history = model.fit(
        [inputs, LABELS],
        LABELS,
        epochs=25,
        batch_size=30,
        verbose=0,
        callbacks=[Commit(layer)],
        validation_data=([inputs, LABELS], LABELS),
    )
    assert history.history["val_loss"][-1] < history.history["val_loss"][0]
    assert float(numbers(layer.epochs)) == 25
    # Images of an epoch, and none of the validation's.
    assert numbers(layer.tracked).sum() == 25 * len(LABELS)
    np.testing.assert_allclose(
        numbers(plain(inputs)), numbers(model([inputs, LABELS])), rtol=1e-5
    )
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras", compile=False)
    for mine, theirs in zip(loaded.get_weights(), model.get_weights(), strict=True):
        np.testing.assert_array_equal(mine, theirs)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((9, 1), "from 9 to 1"),
        ((float("nan"), 1), "from nan to 1"),
        ((0, 1), "over 5 buckets is too wide for 2"),
    ],
)
def test_bad_ranges(arguments, message):
    with pytest.raises(MethodError, match=message):
        FeatureSmoothing(*arguments)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"kernel": "box"}, "kernel 'box'"),
        ({"kernel_size": 4}, "kernel_size is 4"),
        ({"momentum": 1.0}, "momentum is 1"),
        ({"sigma": -1.0}, "sigma of the kernel is -1"),
    ],
)
def test_bad_parameters(parameters, message):
    with pytest.raises(MethodError, match=message):
        FeatureSmoothing(0, 90, **parameters)
