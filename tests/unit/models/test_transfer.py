"""What is taken over: blocks that stay, options and weights that go along."""

import keras
import numpy as np
import pytest

from core.errors import StudyError, WeightsError
from core.models.backbones import build_backbone
from core.models.cnn import CNNOptions
from core.models.resnet_cifar import build_resnet_cifar
from core.models.transfer import (
    adopt_options,
    blocks,
    copy_backbone,
    fit_positions,
    freeze,
)
from core.models.vit import ViTOptions

SIZE = 16
VIT = {"patch": 8, "layers": 3, "heads": 2, "width": 8, "mlp": 16}
CNN = {"filters": [4, 6, 8], "dense": [5], "batch_norm": True}


def build(name, options, size=SIZE, seed=0):
    keras.utils.set_random_seed(seed)
    return build_backbone(name, image_size=size, weights="none", options=options)


def trained(backbone):
    """A model with that backbone inside, as runs keep them."""
    pixels = keras.Input(backbone.input_shape[1:])
    return keras.Model(pixels, keras.layers.Dense(2)(backbone(pixels)))


def learning(model):
    """Names of the layers some of whose weights learn."""
    return [layer.name for layer in model.layers if layer.trainable_weights]


def test_each_convolution_of_a_plain_network_is_a_block():
    model = build("cnn", CNN)
    first, *parts = blocks(model)
    assert [type(layer).__name__ for layer in first] == ["InputLayer", "Rescaling"]
    assert [part[0].filters for part in parts] == CNN["filters"]
    assert parts[-1][-1].units == 5
    assert sum(len(part) for part in (first, *parts)) == len(model.layers)


def test_a_residual_block_is_from_a_fork_to_its_sum():
    model = build_resnet_cifar(16, blocks=2)
    first, *parts = blocks(model)
    convolutions = [
        sum(isinstance(layer, keras.layers.Conv2D) for layer in part)
        for part in (first, *parts)
    ]
    assert convolutions == [1] + 6 * [2]
    for part in parts:
        assert sum(isinstance(layer, keras.layers.Add) for layer in part) == 1


def test_a_transformers_blocks_are_its_encoder_layers():
    first, *parts = blocks(build("vit", VIT))
    assert [layer.name for layer in first] == ["vit_patching_and_embedding"]
    assert [part[0].name for part in parts] == [
        "transformer_block_1",
        "transformer_block_2",
        "transformer_block_3",
    ]
    assert parts[-1][-1].name == "ln"


def test_all_learns_unless_said():
    for trainable in (None, "all"):
        model = build("cnn", CNN)
        before = len(model.trainable_weights)
        freeze(model, trainable)
        assert len(model.trainable_weights) == before


def test_of_the_head_alone_nothing_of_the_backbone_learns():
    model = build("vit", VIT)
    freeze(model, "head")
    assert model.trainable_weights == []
    assert len(model.weights) > 0


def test_the_last_block_learns_with_what_follows_it():
    model = build("cnn", CNN)
    freeze(model, 1)
    *_, convolution, norm, dense = (x.name for x in model.layers if x.weights)
    assert learning(model) == [convolution, norm, dense]
    model = build("vit", VIT)
    freeze(model, 2)
    paths = [weight.path for weight in model.trainable_weights]
    blocks_of = {path.split("vit_encoder/")[1].split("/")[0] for path in paths}
    assert blocks_of == {"transformer_block_2", "transformer_block_3", "ln"}


def test_as_many_blocks_as_there_are_leave_what_comes_before():
    model = build("vit", VIT)
    freeze(model, 3)
    frozen = [weight.path for weight in model.non_trainable_weights]
    assert len(frozen) == 4
    assert all("embedding" in path for path in frozen)


@pytest.mark.parametrize(("name", "options"), [("cnn", CNN), ("vit", VIT)])
def test_more_blocks_than_there_are_is_said_with_their_number(name, options):
    with pytest.raises(StudyError, match="has 3 blocks: its last 4 cannot") as caught:
        freeze(build(name, options), 4)
    assert caught.value.expected.startswith("1 to 3")
    assert "trainable" in caught.value.remedy


def test_frozen_batch_norm_keeps_and_uses_its_statistics():
    model = build("cnn", CNN)
    freeze(model, 1)
    norms = [x for x in model.layers if isinstance(x, keras.layers.BatchNormalization)]
    pixels = np.random.default_rng(0).integers(0, 256, (8, SIZE, SIZE, 3))
    before = [np.array(norm.moving_mean) for norm in norms]
    inside = keras.Model(model.input, norms[1].output)
    moved = np.asarray(inside(pixels, training=True))
    np.testing.assert_array_equal(moved, np.asarray(inside(pixels, training=False)))
    model(pixels, training=True)
    changed = [not np.array_equal(b, n.moving_mean) for b, n in zip(before, norms)]  # noqa: B905
    assert changed == [False, False, True]


def test_options_that_shape_the_backbone_are_those_of_the_weights():
    source = {**VIT, "dropout": 0.1, "mean": [0.4, 0.5, 0.6]}
    taken = adopt_options(
        ViTOptions,
        {"patch": 8, "dropout": 0.3},
        source,
        backbone="vit",
        weights="run:a/b",
    )
    assert taken["layers"] == 3
    assert taken["dropout"] == 0.3
    assert taken["attention_dropout"] == 0.0
    assert taken["mean"] == [0.4, 0.5, 0.6]
    assert ViTOptions.model_validate(taken)
    with pytest.raises(StudyError, match=r"option 'mean' is .*run:a/b have") as caught:
        adopt_options(
            ViTOptions, {"mean": [0.5] * 3}, source, backbone="vit", weights="run:a/b"
        )
    assert "leave it out" in caught.value.remedy
    with pytest.raises(StudyError, match="'activation' is tanh"):
        adopt_options(
            CNNOptions, {"activation": "tanh"}, CNN, backbone="cnn", weights="run:a/b"
        )


@pytest.mark.parametrize(("name", "options"), [("cnn", CNN), ("vit", VIT)])
def test_a_copied_backbone_answers_as_the_one_it_was_copied_from(name, options):
    source = build(name, options)
    target = build(name, {**options, "dropout": 0.2}, seed=1)
    pixels = np.random.default_rng(0).integers(0, 256, (2, SIZE, SIZE, 3))
    theirs = source.predict_on_batch(pixels)
    assert not np.allclose(target.predict_on_batch(pixels), theirs)
    copy_backbone(trained(source), target, weights="run:a/b")
    np.testing.assert_allclose(target.predict_on_batch(pixels), theirs, atol=1e-6)


def test_positions_are_interpolated_where_the_picture_is_another():
    source, target = build("vit", VIT), build("vit", VIT, size=32, seed=1)
    copy_backbone(trained(source), target, weights="run:a/b")
    pairs = list(zip(source.weights, target.weights, strict=True))
    for ours, theirs in pairs:
        if "position" not in ours.path:
            np.testing.assert_array_equal(ours, theirs)
    ((old, new),) = [pair for pair in pairs if "position" in pair[0].path]
    np.testing.assert_array_equal(new, fit_positions(np.asarray(old), 17))


@pytest.mark.parametrize(
    ("source", "target", "said"),
    [
        (("cnn", CNN), ("cnn", {**CNN, "filters": [4, 6, 9]}), "shape"),
        (("cnn", CNN), ("cnn", {**CNN, "batch_norm": False}), "arrays"),
        (("cnn", CNN), ("vit", VIT), "arrays"),
        (("vit", VIT), ("vit", {**VIT, "patch": 4}), "shape"),
    ],
)
def test_another_architecture_is_refused(source, target, said):
    model = build(*target)
    before = [np.array(weight) for weight in model.weights]
    with pytest.raises(WeightsError, match="run:a/b do not fit") as caught:
        copy_backbone(trained(build(*source)), model, weights="run:a/b")
    assert said in caught.value.problem
    for weight, value in zip(model.weights, before, strict=True):
        np.testing.assert_array_equal(weight, value)


def test_a_flattened_network_is_of_one_size():
    with pytest.raises(WeightsError, match="kernel is of shape"):
        copy_backbone(
            trained(build("cnn", CNN)), build("cnn", CNN, size=32), weights="run:a/b"
        )
    options = {**CNN, "summary": "average"}
    copy_backbone(
        trained(build("cnn", options)), build("cnn", options, size=32), weights="x"
    )


def test_a_model_without_a_backbone_is_refused():
    inputs = keras.Input((3,))
    plain = keras.Model(inputs, keras.layers.Dense(2)(inputs))
    with pytest.raises(WeightsError, match="0 arrays"):
        copy_backbone(plain, build("cnn", CNN), weights="run:a/b")


def test_positions_of_a_plane_stay_on_it():
    side, new = 5, 9
    rows, columns = np.indices((side, side)).reshape(2, -1)
    positions = np.column_stack([rows, columns, np.full(side**2, 7.0)])
    fitted = fit_positions(np.vstack([[-1.0, -2.0, -3.0], positions]), new**2 + 1)
    np.testing.assert_array_equal(fitted[0], [-1, -2, -3])
    grid = fitted[1:].reshape(new, new, 3)
    np.testing.assert_allclose(grid[..., 2], 7, rtol=1e-6)
    # Away from the edges this cubic nearly gives a straight line back.
    places = (np.arange(new) + 0.5) * side / new - 0.5
    inner = (places >= 1) & (places <= side - 2)
    np.testing.assert_allclose(grid[inner, 0, 0], places[inner], atol=0.11)
    np.testing.assert_allclose(grid[..., 0], grid[..., 1].T, atol=1e-6)


def test_as_many_positions_stay_as_they_are():
    positions = np.random.default_rng(0).normal(size=(10, 4)).astype("f4")
    np.testing.assert_array_equal(fit_positions(positions, 10), positions)
