"""Every registered backbone is built, trained in part, saved and loaded."""

from math import prod

import keras
import numpy as np
import pytest

from core.data.readers.avatars import INFO
from core.errors import StudyError
from core.models.backbones import BACKBONES, build_backbone
from core.models.build import build_models
from core.models.ensemble import Ensemble
from core.models.frozen_prefix import cut_backbone
from core.models.model_file import read_ahead
from core.models.saved import load_groups, load_model
from core.models.transfer import blocks, freeze
from core.study import Augmentation, ModelTable
from core.training.losses import compile_model, usual_losses
from tests.tiny import tiny_study

SIZE = 32
# Of those whose size is a parameter, a tiny one.
OPTIONS = {
    "cnn": {"filters": [4, 6], "dense": [5], "batch_norm": True},
    "vit": {"patch": 8, "layers": 2, "heads": 2, "width": 8, "mlp": 16},
}
# As the papers count them.
BLOCKS = {
    "cnn": 2,
    "mobilenetv2": 17,
    "mobilenetv3_small": 11,
    "mobilenetv3_small_minimalistic": 11,
    "mobilenetv3_large": 15,
    "mobilenetv3_large_minimalistic": 15,
    "resnet32": 15,
    "resnet50": 16,
    "efficientnet_b3": 26,
    "efficientnet_lite0": 16,
    "vit": 2,
}
PIXELS = np.random.default_rng(0).integers(0, 256, (4, SIZE, SIZE, 3), dtype=np.uint8)
TARGETS = {
    "age": np.array([[5.0], [20.0], [40.0], [70.0]], "f4"),
    "glasses": np.array([[0.0], [1.0], [0.0], [1.0]], "f4"),
    "hair": np.array([0, 1, 2, 3], "i4"),
}


@pytest.fixture(scope="module", params=BACKBONES)
def name(request):
    return request.param


@pytest.fixture(scope="module")
def models(name):
    table = ModelTable(
        backbone=name, image_size=SIZE, head_units=0, options=OPTIONS.get(name)
    )
    augmentation = Augmentation(horizontal_flip=True)
    return build_models(table, INFO.tasks, augmentation=augmentation, seed=0)


@pytest.fixture
def backbone(name, models):
    """The same for every test, all of it learning again."""
    models.backbone.trainable = True
    return models.backbone


def answers_of(model):
    """Called and not compiled: the large ones take longer to compile than to answer."""
    return keras.tree.map_structure(
        keras.ops.convert_to_numpy, model(PIXELS, training=False)
    )


def values(weights):
    return [np.array(keras.ops.convert_to_numpy(weight)) for weight in weights]


def changed(before, weights):
    """Paths of the weights that are not what they were."""
    now = zip(before, weights, values(weights), strict=True)
    return {w.path for old, w, new in now if not np.array_equal(old, new)}


def test_it_says_what_it_is(name):
    entry = BACKBONES[name]
    assert entry.name == name
    assert entry.label
    assert entry.source
    assert '"none"' in entry.weights
    assert set(OPTIONS.get(name, {})) <= set(entry.options.model_fields)
    assert entry.options.free <= set(entry.options.model_fields)


def test_pixels_become_features(backbone):
    features = answers_of(backbone)
    assert features.shape == (len(PIXELS), backbone.output_shape[-1])
    assert np.isfinite(features).all()
    assert features.std(axis=0).max() > 0


def test_gradients_are_finite_and_reach_every_block(models, backbone):
    study = tiny_study()
    # A step of plain descent at rate 1 takes off the gradient itself.
    compile_model(
        models.training,
        INFO.tasks,
        optimizer=keras.optimizers.SGD(1.0),
        losses=usual_losses(study, INFO.tasks),
        loss_weights=dict.fromkeys(TARGETS, 1e-3),
    )
    models.training.run_eagerly = True
    first = values(models.plain.weights)
    models.training.train_on_batch(PIXELS, TARGETS)
    assert all(np.isfinite(value).all() for value in values(models.plain.weights))
    for part in blocks(backbone)[1:]:
        weights = [w for layer in part for w in layer.trainable_weights]
        places = {id(w): i for i, w in enumerate(models.plain.weights)}
        before = [first[places[id(w)]] for w in weights]
        assert changed(before, weights)
    models.plain.set_weights(first)


def test_saved_and_loaded_it_answers_the_same(models, tmp_path):
    models.inference.save(tmp_path / "model.keras")
    loaded = load_model(tmp_path / "model.keras")
    before, after = (answers_of(model) for model in (models.inference, loaded))
    for task, answers in before.items():
        np.testing.assert_allclose(after[task], answers, rtol=1e-5, atol=1e-6)


# The others are large to trace; the predictor's tests have such ones.
@pytest.mark.parametrize("name", OPTIONS, indirect=True, scope="module")
def test_two_of_them_are_mapped_over_one_template(models, tmp_path):
    first = models.inference.get_weights()
    paths = [tmp_path / "one.keras", tmp_path / "other.keras"]
    expected = []
    for path, factor in zip(paths, (1.0, 0.9), strict=True):
        models.inference.set_weights([value * factor for value in first])
        models.inference.save(path)
        expected.append(answers_of(models.inference))
    models.inference.set_weights(first)
    groups, faults = load_groups(read_ahead(paths))
    assert faults == {}
    assert [group.members for group in groups] == [[0, 1]]
    answers = Ensemble(groups).predict_on_batch([PIXELS])
    for task in TARGETS:
        stacked = np.stack([each[task] for each in expected])
        np.testing.assert_allclose(answers[task], stacked, rtol=1e-4, atol=1e-5)


def test_its_blocks_are_those_of_the_paper(name, backbone):
    first, *parts = blocks(backbone)
    assert len(parts) == BLOCKS[name]
    own = [layer for part in (first, *parts) for layer in part]
    count = sum(prod(w.shape) for layer in own for w in layer.weights)
    assert count == backbone.count_params()


def test_only_its_last_block_learns(backbone):
    freeze(backbone, 1)
    *earlier, last = blocks(backbone)
    frozen = [w for part in earlier for layer in part for w in layer.weights]
    learned = {w.path for layer in last for w in layer.trainable_weights}
    assert {w.path for w in backbone.trainable_weights} == learned
    assert learned
    # Nor does training move the statistics of a frozen batch normalisation.
    before = values(frozen)
    backbone(PIXELS, training=True)
    assert changed(before, frozen) == set()


def test_all_of_its_blocks_and_no_more(name, backbone):
    freeze(backbone, BLOCKS[name])
    assert backbone.trainable_weights
    with pytest.raises(StudyError, match=f"has {BLOCKS[name]} blocks"):
        freeze(backbone, BLOCKS[name] + 1)


def test_of_the_head_alone_it_is_a_fixed_function(models, backbone):
    freeze(backbone, "head")
    heads = sum(prod(w.shape) for w in models.plain.trainable_weights)
    assert models.parameters_trained == heads
    assert heads == 6 * (backbone.output_shape[-1] + 1)
    before = values(backbone.weights)
    backbone(PIXELS, training=True)
    assert changed(before, backbone.weights) == set()


@pytest.mark.parametrize("part", ["last", "half", "head"])
def test_cut_before_what_learns_its_two_parts_are_the_whole(part, name, backbone):
    trainable = {"last": 1, "half": BLOCKS[name] // 2, "head": "head"}[part]
    freeze(backbone, trainable)
    cut = cut_backbone(backbone, trainable)
    assert not cut.prefix.trainable_weights
    expected = answers_of(backbone)
    middle = cut.prefix(PIXELS, training=False)
    assert tuple(middle.shape[1:]) == cut.shape
    if cut.suffix is None:
        assert part == "head"
        found = middle
    else:
        learned = {id(w) for w in cut.suffix.trainable_weights}
        assert learned == {id(w) for w in backbone.trainable_weights}
        found = cut.suffix(middle, training=False)
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)


def test_all_of_it_learning_there_is_nothing_to_cut(backbone):
    for trainable in (None, "all"):
        assert cut_backbone(backbone, trainable) is None


def test_cut_before_its_first_block_the_stem_is_left(name, backbone):
    freeze(backbone, BLOCKS[name])
    cut = cut_backbone(backbone, BLOCKS[name])
    stem = [w for layer in blocks(backbone)[0] for w in layer.weights]
    if not stem:
        assert cut is None
    else:
        assert len(cut.prefix.weights) == len(stem)


def test_an_option_that_it_does_not_have_is_refused(name):
    with pytest.raises(StudyError, match="'colour' is not a known key"):
        build_backbone(
            name, image_size=SIZE, weights="none", options={"colour": "blue"}
        )
