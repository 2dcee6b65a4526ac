"""Many models in one graph: what they share is found and computed once."""

import keras
import numpy as np
import pytest

from core.models.build import build_models
from core.models.ensemble import Ensemble
from core.models.model_file import read_ahead
from core.models.saved import load_groups, load_model
from core.models.transfer import blocks
from core.study import Augmentation, ModelTable
from core.tasks import Binary, Multiclass, Regression

TASKS = (
    Regression("age", "Age", "years", 1, 80, 10),
    Binary("gender", "Gender", ("male", "female")),
    Multiclass("hair", "Hair", ("short", "long", "curly")),
)
NETWORKS = {
    "cnn": ModelTable(
        backbone="cnn", image_size=16, head_units=4, options={"filters": [3, 4, 5]}
    ),
    "efficientnet_lite0": ModelTable(
        backbone="efficientnet_lite0", image_size=32, head_units=4
    ),
    "vit": ModelTable(
        backbone="vit",
        image_size=16,
        head_units=4,
        options={"patch": 8, "layers": 3, "heads": 2, "width": 16, "mlp": 16},
    ),
}
# Blocks of each that learn below.
LEARNED = {"cnn": 1, "efficientnet_lite0": 5, "vit": 1}
HEADS = {
    "baseline": {},
    "lmf": {"cosine_scale": {"hair": 10.0}},
    "adjusted": {"adjustments": {"hair": np.log([0.5, 0.3, 0.2])}},
    "lmf-again": {"cosine_scale": {"hair": 10.0}},
}


def build(name, **heads):
    """A model of the network; the first weights of the backbone are always the same."""
    table = NETWORKS[name]
    return build_models(table, TASKS, augmentation=Augmentation(), seed=0, **heads)


def disturb(variables, rng):
    for variable in variables:
        value = np.asarray(variable)
        noise = rng.uniform(0.8, 1.25, value.shape)
        variable.assign((value + 0.01) * noise.astype(value.dtype))


def learned_parts(models, name):
    """Variables of the last blocks and of the heads."""
    own = {id(v) for v in models.backbone.weights}
    parts = blocks(models.backbone)[-LEARNED[name] :]
    last = [v for part in parts for layer in part for v in layer.weights]
    return last, [v for v in models.inference.weights if id(v) not in own]


@pytest.fixture(scope="module", params=NETWORKS)
def saved(request, tmp_path_factory):
    """Name of a network, and files of models whose last blocks and heads differ."""
    name = request.param
    folder = tmp_path_factory.mktemp(name)
    rng = np.random.default_rng(0)
    paths = []
    for method, heads in HEADS.items():
        models = build(name, **heads)
        last, own = learned_parts(models, name)
        disturb((*last, *own), rng)
        paths.append(folder / f"{method}.keras")
        models.inference.save(paths[-1])
    return name, paths


def answer(paths, pixels):
    groups, faults = load_groups(read_ahead(paths))
    assert faults == {}
    ensemble = Ensemble(groups)
    return ensemble, ensemble.predict_on_batch([pixels])


def pictures(name, count=3):
    size = NETWORKS[name].image_size
    return np.random.default_rng(1).integers(0, 256, (count, size, size, 3), np.uint8)


@pytest.fixture(scope="module")
def together(saved):
    """The files' models in one, with its answers for the pictures."""
    name, paths = saved
    return answer(paths, pictures(name))


def alone(path, pixels):
    """Called and not compiled: the large ones take longer to compile than to answer."""
    model = load_model(path)
    return keras.tree.map_structure(np.asarray, model(pixels, training=False))


def test_answers_are_those_of_each_model_by_itself(saved, together):
    name, paths = saved
    _, answers = together
    for row, path in enumerate(paths):
        for task, values in alone(path, pictures(name)).items():
            np.testing.assert_allclose(answers[task][row], values, rtol=1e-5, atol=1e-6)


def test_frozen_blocks_are_computed_once_for_all_heads(saved, together):
    name, _ = saved
    ensemble, _ = together
    assert [part.members for part in ensemble.parts] == [(0,), (1, 3), (2,)]
    (backbone,) = {id(p.backbone): p.backbone for p in ensemble.parts}.values()
    models = build(name)
    last, _ = learned_parts(models, name)
    frozen = len(models.backbone.weights) - len(last)
    assert len(backbone.prefix.weights) == frozen > 0
    assert len(backbone.suffix.weights) == len(last)
    assert sorted(backbone.row_of) == sorted(backbone.row_of.values()) == [0, 1, 2, 3]


def test_weights_are_shared_as_far_as_they_are_equal_and_no_further(tmp_path):
    """One weight of the first block that differs, and nothing is shared."""
    models = build("cnn")
    first, *_ = blocks(models.backbone)[1]
    paths = [tmp_path / "one.keras", tmp_path / "other.keras"]
    models.inference.save(paths[0])
    kernel = np.array(first.kernel)
    kernel[0, 0, 0, 0] += 1e-3
    first.kernel.assign(kernel)
    models.inference.save(paths[1])
    ensemble, together = answer(paths, pictures("cnn"))
    (part,) = ensemble.parts
    assert part.backbone.prefix is None
    for row, path in enumerate(paths):
        own = alone(path, pictures("cnn"))
        np.testing.assert_allclose(together["age"][row], own["age"], rtol=1e-5)


def test_models_of_one_backbone_compute_it_once(tmp_path):
    """As a method does that only adjusts what another has learned."""
    models = build("cnn")
    disturb(models.inference.weights, np.random.default_rng(0))
    paths = [tmp_path / "plain.keras", tmp_path / "adjusted.keras"]
    models.inference.save(paths[0])
    adjusted = build("cnn", **HEADS["adjusted"])
    adjusted.plain.set_weights(models.plain.get_weights())
    adjusted.inference.save(paths[1])
    ensemble, together = answer(paths, pictures("cnn"))
    (backbone,) = {id(p.backbone): p.backbone for p in ensemble.parts}.values()
    assert backbone.suffix is None
    np.testing.assert_allclose(*together["age"], rtol=1e-6)
    assert np.abs(np.subtract(*together["hair"])).max() > 0.01


def test_explained_weights_are_those_of_the_member(saved, together):
    """What is put in place of a template's weights makes it that member."""
    name, _ = saved
    pixels = pictures(name).astype("float32")
    ensemble, answers = together
    for part in ensemble.parts:
        for row, member in enumerate(part.members):
            with keras.StatelessScope(state_mapping=part.scope(row)):
                own = part.template(pixels, training=False)
            np.testing.assert_allclose(
                np.asarray(own["hair"]), answers["hair"][member], rtol=1e-5
            )
