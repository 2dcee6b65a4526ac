"""Maps against networks whose answer is known, and against plain NumPy."""

import keras
import numpy as np
import pytest
from scipy.special import erf, softmax

from core.errors import EquipoiseError
from core.explain import (
    GRAD_CAM,
    ROLLOUT,
    AttentionRollout,
    Explainer,
    GradCAM,
    enlarge,
    find_technique,
    rollout,
    select_score,
)
from core.models.build import build_models
from core.models.heads import probabilities
from core.predictor import Predictor
from core.runs import Run
from core.study import Augmentation, ModelTable
from core.tasks import Binary, Multiclass, Regression

SIZE = 16
AGE = Regression("age", "Age", "years", 1, 80, 10)
GENDER = Binary("gender", "Gender", ("male", "female"))
HAIR = Multiclass("hair", "Hair", ("short", "long", "curly"))
TASKS = (AGE, GENDER, HAIR)
VIT = {"patch": 8, "layers": 2, "heads": 2, "width": 32, "mlp": 64}
CNN = {"filters": [8], "dense": [], "summary": "average"}
RNG = np.random.default_rng(0)
PICTURES = RNG.integers(0, 256, (2, SIZE, SIZE, 3), dtype=np.uint8)
LARGE = RNG.integers(0, 256, (2, 32, 32, 3), dtype=np.uint8)


def build(backbone, size, options, seed=0):
    table = ModelTable(
        backbone=backbone, image_size=size, head_units=0, options=options
    )
    models = build_models(table, TASKS, augmentation=Augmentation(), seed=seed)
    rng = np.random.default_rng(seed)
    model = models.inference
    # As they are drawn, the logits of a transformer hardly depend on the picture.
    model.set_weights([w + rng.normal(0, 0.1, w.shape) for w in model.get_weights()])
    return model


@pytest.fixture(scope="module")
def vit():
    return build("vit", 32, VIT)


@pytest.fixture(scope="module")
def cnn():
    return build("cnn", SIZE, CNN)


def answering(pixels, features):
    """A model of features as ours are: logits, then what is shown."""
    outputs = {
        "age": keras.layers.Dense(1, name="age")(features),
        "gender": keras.layers.Dense(1, name="gender")(features),
        "hair": keras.layers.Dense(3, name="hair")(features),
    }
    answers = {task.name: probabilities(outputs[task.name], task) for task in TASKS}
    return keras.Model(pixels, answers)


def look(technique, picture, task, wanted=None):
    selection = select_score(TASKS, task, wanted)
    pixels = keras.ops.convert_to_tensor(picture[None].astype("float32"))
    return keras.ops.convert_to_numpy(technique(pixels, selection))[0]


def test_model_that_looks_at_one_corner_lights_up_that_corner():
    pixels = keras.Input((SIZE, SIZE, 3))
    x = keras.layers.Cropping2D(((0, 12), (0, 12)))(pixels)
    x = keras.layers.ZeroPadding2D(((0, 12), (0, 12)))(x)
    x = keras.layers.Conv2D(1, 1, kernel_initializer="ones")(x)
    x = keras.layers.GlobalAveragePooling2D()(x)
    model = answering(pixels, x)
    for name, kernel in (("age", [[1.0]]), ("gender", [[1.0]])):
        model.get_layer(name).set_weights([np.array(kernel), np.zeros(1)])
    white = np.full((SIZE, SIZE, 3), 255, np.uint8)
    technique = GradCAM(model, TASKS)
    heat = enlarge(look(technique, white, AGE), SIZE)
    assert (heat[:4, :4] == 1).all()
    assert not heat[4:].any()
    assert not heat[:, 4:].any()
    # What speaks for one of two classes speaks against the other.
    assert look(technique, white, GENDER, "female").any()
    assert not look(technique, white, GENDER, "male").any()


def test_each_class_lights_up_what_speaks_for_it():
    """Red speaks for one class, blue for another; left is red, and right is blue."""
    pixels = keras.Input((SIZE, SIZE, 3))
    x = keras.layers.Conv2D(3, 1, use_bias=False)(pixels)
    model = answering(pixels, keras.layers.GlobalAveragePooling2D()(x))
    model.layers[1].set_weights([np.eye(3)[None, None]])
    model.get_layer("hair").set_weights([np.eye(3), np.zeros(3)])
    picture = np.zeros((SIZE, SIZE, 3), np.uint8)
    picture[:, :8, 0] = picture[:, 8:, 2] = 255
    technique = GradCAM(model, TASKS)
    short = look(technique, picture, HAIR, "short")
    curly = look(technique, picture, HAIR, "curly")
    assert short[:, :8].all()
    assert not short[:, 8:].any()
    assert np.array_equal(curly, short[:, ::-1])
    assert not look(technique, picture, HAIR, "long").any()


@pytest.mark.parametrize("summary", ["average", "flatten"])
def test_grad_cam_of_a_linear_head_is_its_weights_times_the_maps(summary):
    pixels = keras.Input((SIZE, SIZE, 3))
    maps = keras.layers.Conv2D(5, 3, strides=2, activation="relu", name="maps")(pixels)
    if summary == "average":
        x = keras.layers.GlobalAveragePooling2D()(maps)
    else:
        x = keras.layers.Flatten()(keras.layers.Dropout(0.5)(maps))
    model = answering(pixels, x)
    inner = keras.Model(pixels, model.get_layer("maps").output)
    kernel = model.get_layer("hair").get_weights()[0]
    features = np.asarray(inner(PICTURES[:1].astype("float32")))[0]
    for place, name in enumerate(HAIR.classes):
        weights = kernel[:, place]
        if summary == "flatten":
            weights = weights.reshape(features.shape).mean(axis=(0, 1))
        else:
            weights = weights / features[..., 0].size
        expected = np.maximum((features * weights).sum(axis=-1), 0)
        found = look(GradCAM(model, TASKS), PICTURES[0], HAIR, name)
        assert found == pytest.approx(expected, rel=1e-4, abs=1e-6)


def test_maps_are_those_before_pooling_inside_the_backbone(cnn):
    assert look(GradCAM(cnn, TASKS), PICTURES[0], AGE).shape == (SIZE, SIZE)


def test_rollout_is_the_product_of_what_each_layer_mixes():
    scores = softmax(RNG.normal(size=(3, 2, 4, 5, 5)), axis=-1)
    found = keras.ops.convert_to_numpy(rollout([scores[0], scores[1], scores[2]]))
    for picture in range(2):
        reach = np.eye(5)
        for layer in scores[:, picture]:
            mean = sum(layer[head] for head in range(4)) / 4
            reach = (0.5 * mean + 0.5 * np.eye(5)) @ reach
        assert found[picture] == pytest.approx(reach, rel=1e-5)
        assert found[picture].sum(axis=1) == pytest.approx(np.ones(5), rel=1e-5)


def normalised(x, gamma, beta):
    centred = x - x.mean(axis=-1, keepdims=True)
    return (
        centred / np.sqrt((centred**2).mean(axis=-1, keepdims=True) + 1e-6) * (gamma)
        + beta
    )


def attention_in_numpy(transformer, pixels):
    """Tokens and attention of KerasHub's ViT from its weights alone, in float64."""
    patches, encoder = transformer.layers[1], transformer.layers[2]
    token, *embedding = (w.numpy().astype(float) for w in patches.weights)
    kernel, bias, positions = embedding
    side = pixels.shape[0] // VIT["patch"]
    cut = pixels.reshape(side, VIT["patch"], side, VIT["patch"], 3).swapaxes(1, 2)
    x = np.tensordot(cut, kernel, axes=3).reshape(side * side, -1) + bias
    x = np.concatenate([token[0], x]) + positions
    attention = []
    for block in encoder.encoder_layers:
        w = {v.path.split(block.name + "/")[1]: v.numpy() for v in block.weights}
        y = normalised(x, w["ln_1/gamma"], w["ln_1/beta"])
        query, key, value = (
            np.einsum("td,dhk->htk", y, w[f"mha/{name}/kernel"])
            + w[f"mha/{name}/bias"][:, None]
            for name in ("query", "key", "value")
        )
        scores = query @ key.swapaxes(1, 2) / np.sqrt(query.shape[-1])
        attention.append(softmax(scores, axis=-1))
        mixed = np.einsum(
            "htk,hkd->td", attention[-1] @ value, w["mha/attention_output/kernel"]
        )
        x = x + mixed + w["mha/attention_output/bias"]
        y = normalised(x, w["ln_2/gamma"], w["ln_2/beta"])
        y = y @ w["mlp/dense_1/kernel"] + w["mlp/dense_1/bias"]
        y = y * (1 + erf(y / np.sqrt(2))) / 2
        x = x + y @ w["mlp/dense_2/kernel"] + w["mlp/dense_2/bias"]
    return attention


def test_rollout_of_a_transformer_is_that_of_its_weights(vit):
    transformer = vit.get_layer("vit").get_layer("transformer")
    reach = np.eye(17)
    for scores in attention_in_numpy(transformer, LARGE[0] / 127.5 - 1):
        reach = (scores.mean(axis=0) + np.eye(17)) / 2 @ reach
    found = look(AttentionRollout(vit), LARGE[0], AGE)
    assert found == pytest.approx(reach[0, 1:].reshape(4, 4), rel=1e-3)


def test_rollout_runs_the_model_as_it_is(vit):
    """What is recomputed layer by layer are the model's own features."""
    technique = AttentionRollout(vit)
    tokens = keras.ops.convert_to_tensor(RNG.normal(size=(2, 17, 32)), "float32")
    own = technique._encoder(tokens, training=False)
    recomputed, attention = technique._recompute(tokens)
    assert np.asarray(recomputed) == pytest.approx(np.asarray(own), abs=1e-5)
    assert len(attention) == VIT["layers"]


def test_transformer_that_computes_otherwise_is_not_explained(vit, monkeypatch):
    encoder = vit.get_layer("vit").get_layer("transformer").layers[2]
    own = type(encoder).call
    monkeypatch.setattr(type(encoder), "call", lambda self, x: own(self, x) + 1)
    with pytest.raises(EquipoiseError, match="computes otherwise"):
        AttentionRollout(vit)


def test_rollout_knows_of_no_task(vit):
    technique = find_technique(vit, TASKS)
    maps = [look(technique, LARGE[0], AGE), look(technique, LARGE[0], HAIR, "long")]
    assert np.array_equal(*maps)


def test_other_weights_give_another_map():
    """The sanity check of Adebayo et al., NeurIPS 2018, on both techniques."""
    for backbone, size, options in (("vit", 32, VIT), ("cnn", SIZE, CNN)):
        maps = []
        for seed in (1, 2):
            model = build(backbone, size, options, seed)
            technique = find_technique(model, TASKS)
            picture = LARGE[0] if size == 32 else PICTURES[0]
            maps.append(look(technique, picture, HAIR, "long").ravel())
        assert np.corrcoef(maps)[0, 1] < 0.9


@pytest.mark.parametrize(
    ("task", "wanted", "expected"),
    [
        (AGE, None, [1, 0, 0, 0, 0]),
        (GENDER, "male", [0, -1, 0, 0, 0]),
        (GENDER, "female", [0, 1, 0, 0, 0]),
        (HAIR, "curly", [0, 0, 0, 0, 1]),
    ],
)
def test_score_is_the_value_or_the_logit(task, wanted, expected):
    assert select_score(TASKS, task, wanted).tolist() == expected


def test_enlarged_map_is_bilinear_and_ends_at_one():
    heat = enlarge([[0, 2], [0, 2]], 8)
    assert heat.shape == (8, 8)
    assert heat[0].tolist() == pytest.approx([0, 0, 1 / 8, 3 / 8, 5 / 8, 7 / 8, 1, 1])
    assert not enlarge(np.zeros((3, 3)), 8).any()
    assert (enlarge(np.full((3, 3), 0.2), 8) == 1).all()


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """Two CNNs of one method, one of another, and a transformer at another size."""
    folder = tmp_path_factory.mktemp("store")
    found = []
    for method, seed, (backbone, size, options) in (
        ("plain", 0, ("cnn", SIZE, CNN)),
        ("plain", 1, ("cnn", SIZE, CNN)),
        ("other", 0, ("cnn", SIZE, CNN)),
        ("transformer", 0, ("vit", 32, VIT)),
    ):
        run = Run("tiny", method, seed, folder / method / f"seed-{seed}", {})
        run.folder.mkdir(parents=True)
        model = build(backbone, size, options, seed=len(found))
        model.save(run.model_path)
        found.append(run)
    return found


@pytest.mark.parametrize("task", TASKS, ids=lambda task: task.name)
def test_all_methods_beside_each_other_are_as_each_alone(runs, task):
    predictor = Predictor.load(runs, TASKS)
    explainer = Explainer(predictor)
    assert explainer.methods == ("plain", "other", "transformer")
    assert not explainer.problems
    seen = {"plain": PICTURES[0], "other": PICTURES[0], "transformer": LARGE[0]}
    classes = None if task is AGE else dict.fromkeys(seen, task.classes[0])
    found = explainer.explain(seen, task, classes)
    assert list(found) == list(explainer.methods)
    for run in (runs[0], runs[2], runs[3]):
        model = keras.saving.load_model(run.model_path, compile=False)
        technique = find_technique(model, TASKS)
        picture = seen[run.method]
        small = look(technique, picture, task, None if task is AGE else task.classes[0])
        one = found[run.method]
        assert one.seed == run.seed
        assert one.grid == small.shape
        assert one.heat == pytest.approx(enlarge(small, len(picture)), abs=1e-4)
    assert found["plain"].technique == found["other"].technique == GRAD_CAM
    assert found["transformer"].technique == ROLLOUT
    assert not np.allclose(found["plain"].heat, found["other"].heat, atol=0.1)


def test_model_without_maps_is_named_and_the_others_are_explained(runs, tmp_path):
    pixels = keras.Input((SIZE, SIZE, 3))
    model = answering(pixels, keras.layers.Flatten()(pixels))
    run = Run("tiny", "flat", 0, tmp_path / "flat", {})
    run.folder.mkdir()
    model.save(run.model_path)
    explainer = Explainer(Predictor.load([runs[0], run], TASKS))
    assert explainer.methods == ("plain",)
    assert "it has no feature maps" in explainer.problems["flat"]
