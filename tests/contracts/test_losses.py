"""What every registered loss must keep, under whichever backend Keras runs."""

import json
from dataclasses import dataclass

import keras
import numpy as np
import pytest
from keras import ops

from core.errors import MethodError
from core.methods.entries import ENTRIES
from core.methods.registry import load_builder
from tests.unit.methods.reference import value_and_gradient

COUNTS = {"multiclass": np.array([500, 60, 8, 1]), "binary": np.array([500, 60])}
RNG = np.random.default_rng(7)
ONE_HOT = np.repeat(np.eye(4, dtype="float32"), 8, axis=0)


@dataclass(frozen=True)
class Problem:
    """Targets and outputs of a kind of task, and what a model should learn.

    Parameters
    ----------
    y_true, output : array
        Twelve targets, and what a model answers before it learned anything.
    right, wrong : array
        Outputs that are sure and right, or sure and wrong, for ``answers``.
    answers : array
        Targets of ``right``, and of 32 images in four groups to learn.
    """

    y_true: np.ndarray
    output: np.ndarray
    answers: np.ndarray
    right: np.ndarray
    wrong: np.ndarray


_CLASS = np.repeat(np.arange(4), 8)
_POSITIVE = np.repeat([0, 1, 1, 0], 8)[:, None]
_AGE = np.repeat([20.0, 22.0, 26.0, 30.0], 8)[:, None]
PROBLEMS = {
    "multiclass": Problem(
        RNG.integers(0, 4, size=12),
        RNG.normal(size=(12, 4)),
        _CLASS,
        5 * np.eye(4)[_CLASS],
        5 * np.eye(4)[(_CLASS + 1) % 4],
    ),
    "binary": Problem(
        RNG.integers(0, 2, size=(12, 1)),
        RNG.normal(size=(12, 1)),
        _POSITIVE,
        10.0 * _POSITIVE - 5,
        5 - 10.0 * _POSITIVE,
    ),
    "regression": Problem(
        RNG.integers(1, 80, size=(12, 1)),
        RNG.uniform(1, 80, size=(12, 1)),
        _AGE,
        _AGE,
        _AGE[::-1].copy(),
    ),
}
LOSSES = [
    (entry, kind)
    for entry in ENTRIES.values()
    if entry.part == "loss"
    for kind in entry.task_kinds
]
CLASSIFIERS = [(entry, kind) for entry, kind in LOSSES if kind in COUNTS]


def over(chosen):
    return pytest.mark.parametrize(
        ("entry", "kind"),
        chosen,
        ids=[f"{entry.name}-{kind}" for entry, kind in chosen],
    )


def build(entry, kind, dtype="float32"):
    """The loss as training builds it, drawing what it draws at random alike."""
    keras.utils.set_random_seed(0)
    given = (COUNTS[kind],) if "class counts" in entry.needs else ()
    loss = load_builder(entry)(*given)
    return type(loss).from_config({**loss.get_config(), "dtype": dtype})


def each(entry, kind, y_true, output):
    """One value an example of a fresh loss."""
    tensor = ops.convert_to_tensor(output, dtype="float32")
    return ops.convert_to_numpy(build(entry, kind).call(y_true, tensor))


def reduced(loss, y_true, output, **weights):
    """What is minimised, as a number."""
    value = loss(y_true, ops.convert_to_tensor(output, dtype="float32"), **weights)
    return float(ops.convert_to_numpy(value))


@over(LOSSES)
def test_one_value_an_example(entry, kind):
    problem = PROBLEMS[kind]
    values = each(entry, kind, problem.y_true, problem.output)
    assert values.shape == (12,)
    assert values.dtype == np.float32
    assert (values >= 0).all()
    assert values.std() > 0


@over(LOSSES)
def test_labels_of_any_shape_and_type(entry, kind):
    problem = PROBLEMS[kind]
    values = each(entry, kind, problem.y_true, problem.output)
    for dtype in ("float32", "float64", "uint8", "int32"):
        for shape in ((-1,), (-1, 1)):
            y_true = problem.y_true.astype(dtype).reshape(shape)
            again = each(entry, kind, y_true, problem.output)
            np.testing.assert_allclose(again, values, rtol=1e-6)


@over(LOSSES)
def test_reduction_is_the_mean_over_the_batch_and_weights_multiply(entry, kind):
    problem = PROBLEMS[kind]
    values = each(entry, kind, problem.y_true, problem.output)
    weights = np.linspace(0.1, 3, 12).astype("float32")
    plain = reduced(build(entry, kind), problem.y_true, problem.output)
    assert plain == pytest.approx(values.mean(), rel=1e-5)
    weighted = reduced(
        build(entry, kind), problem.y_true, problem.output, sample_weight=weights
    )
    assert weighted == pytest.approx((values * weights).mean(), rel=1e-5)


@over(CLASSIFIERS)
@pytest.mark.parametrize("size", [50.0, 100.0])
def test_extreme_logits_stay_finite_in_float32(entry, kind, size):
    y_true, logits = extreme_logits(kind, size)
    value, gradient = value_and_gradient(
        lambda z: build(entry, kind)(y_true, z), logits
    )
    assert np.isfinite(value)
    assert np.isfinite(gradient).all()
    assert np.abs(gradient).max() > 0


def extreme_logits(kind, size):
    """Every label against: all equal, one class up, and one class down."""
    if kind == "binary":
        return np.tile([[0], [1]], (3, 1)), np.repeat([[0], [size], [-size]], 2, axis=0)
    one_up = size * np.eye(4)
    rows = np.concatenate([np.zeros((1, 4)), one_up, -one_up, 2 * one_up - size])
    return np.tile(np.arange(4), len(rows)), np.repeat(rows, 4, axis=0)


@over(LOSSES)
def test_gradient_is_the_slope(entry, kind):
    y_true, output = PROBLEMS[kind].y_true[:3], PROBLEMS[kind].output[:3]

    # Keras's own mean over the batch is float32 under torch.
    def total(tensor):
        return ops.sum(build(entry, kind, "float64").call(y_true, tensor))

    _, gradient = value_and_gradient(total, output, "float64")
    step = 1e-6
    for index in np.ndindex(output.shape):
        moved = np.zeros_like(output)
        moved[index] = step
        up, down = (
            float(
                ops.convert_to_numpy(total(ops.convert_to_tensor(z, dtype="float64")))
            )
            for z in (output + moved, output - moved)
        )
        slope = (up - down) / (2 * step)
        assert gradient[index] == pytest.approx(slope, abs=1e-6, rel=1e-6)


@over(LOSSES)
def test_right_costs_less_than_wrong(entry, kind):
    problem = PROBLEMS[kind]
    right = each(entry, kind, problem.answers, problem.right)
    wrong = each(entry, kind, problem.answers, problem.wrong)
    assert (right < wrong).all()


@over(LOSSES)
def test_a_copy_from_its_configuration_is_the_same(entry, kind):
    y_true, output = PROBLEMS[kind].y_true, PROBLEMS[kind].output
    loss = build(entry, kind)
    value = reduced(loss, y_true, output)
    for write, read in (
        (keras.losses.serialize, keras.losses.deserialize),
        (
            keras.saving.serialize_keras_object,
            keras.saving.deserialize_keras_object,
        ),
    ):
        text = json.dumps(write(loss))
        copy = read(json.loads(text))
        assert type(copy) is type(loss)
        assert copy.get_config() == loss.get_config()
        assert reduced(copy, y_true, output) == value
    assert keras.saving.get_registered_name(type(loss)).startswith("equipoise>")


@over(LOSSES)
def test_a_model_learns_with_it_and_is_saved_with_it(entry, kind, tmp_path):
    problem = PROBLEMS[kind]
    loss = build(entry, kind)
    inputs = keras.Input((4,))
    start = 25.0 if kind == "regression" else 0.0
    outputs = keras.layers.Dense(
        problem.output.shape[1],
        bias_initializer=keras.initializers.Constant(start),
    )(inputs)
    model = keras.Model(inputs, outputs)
    model.compile(optimizer=keras.optimizers.Adam(0.1), loss=loss)
    history = model.fit(ONE_HOT, problem.answers, epochs=15, batch_size=12, verbose=0)
    assert history.history["loss"][-1] < history.history["loss"][0]
    learned = ops.convert_to_numpy(model(ONE_HOT))
    assert np.isfinite(learned).all()
    if kind != "regression":
        answered = learned.argmax(axis=1) if kind == "multiclass" else learned > 0
        assert (answered == problem.answers).mean() > 0.9
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras")
    assert again.loss.get_config() == loss.get_config()
    np.testing.assert_array_equal(ops.convert_to_numpy(again(ONE_HOT)), learned)


@over([(entry, kind) for entry, kind in LOSSES if "class counts" in entry.needs])
def test_a_class_without_images_is_refused(entry, kind):
    with pytest.raises(MethodError, match="Class 1 has no training image"):
        load_builder(entry)(np.array([5, 0, 2]))
