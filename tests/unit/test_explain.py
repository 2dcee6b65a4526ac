"""Maps against networks whose answer is known, and against plain NumPy."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from scipy.ndimage import map_coordinates
from scipy.special import erf, softmax

from core.errors import EquipoiseError
from core.explain.attention_rollout import ROLLOUT, AttentionRollout, rollout
from core.explain.explainer import (
    Explainer,
    find_technique,
    read_answer,
    select_score,
)
from core.explain.grids import Axis, Grid, find_grids
from core.explain.hires_cam import HIRES_CAM, HiResCAM, enlarge, scale
from core.explain.occlusion import HIDDEN, OTHERS, Hiding, choose_fields, hide_in_turn
from core.explain.shifted import Shifted
from core.explain.split_model import all_goes_through, end_of, open_model
from core.language import speaking
from core.models.backbones import build_backbone
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
    technique = HiResCAM(model, TASKS)
    heat = look(technique, white, AGE)
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
    technique = HiResCAM(model, TASKS)
    short = look(technique, picture, HAIR, "short")
    curly = look(technique, picture, HAIR, "curly")
    assert short[:, :8].all()
    assert not short[:, 8:].any()
    assert np.array_equal(curly, short[:, ::-1])
    assert not look(technique, picture, HAIR, "long").any()


@pytest.mark.parametrize("summary", ["average", "flatten"])
def test_the_map_of_a_linear_head_is_its_weights_times_the_maps(summary):
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
    technique = HiResCAM(model, TASKS)
    (grid,) = technique.grids
    # A 3 x 3 window every two pixels, without padding: its middles are 1, 3, ... 13.
    assert grid.shape == (7, 7)
    middles = np.arange(1, 14, 2)
    for place, name in enumerate(HAIR.classes):
        weights = kernel[:, place]
        if summary == "flatten":
            weights = weights.reshape(features.shape)
        expected = np.maximum((features * weights).sum(axis=-1), 0)
        found = look(technique, PICTURES[0], HAIR, name)
        # Of a class that nothing speaks for, it is 0 everywhere.
        expected = expected / (expected.max() or 1)
        assert found[np.ix_(middles, middles)] == pytest.approx(
            expected, rel=1e-4, abs=1e-6
        )


def halved(x, **settings):
    """Each output cell adds up a square of 2 x 2, which no other cell sees."""
    return keras.layers.Conv2D(
        1, 2, strides=2, kernel_initializer="ones", use_bias=False, **settings
    )(x)


def patch_model(size, *, stages, cell):
    """A network whose answers are the brightness of one cell of its last maps."""
    pixels = keras.Input((size, size, 3))
    x = pixels
    for _ in range(stages):
        x = halved(x)
    model = answering(pixels, keras.layers.Flatten()(x))
    kernel = np.zeros((*x.shape[1:3], 1))
    kernel[cell] = 1
    for name in ("age", "gender"):
        model.get_layer(name).set_weights([kernel.reshape(-1, 1), np.zeros(1)])
    return model


def test_map_of_a_known_patch_is_known_exactly():
    """Maps of 16 x 16 and of 8 x 8 are looked at, and not those of 4 x 4."""
    model = patch_model(32, stages=3, cell=(1, 2))
    technique = HiResCAM(model, TASKS)
    assert [grid.shape for grid in technique.grids] == [(16, 16), (8, 8)]
    white = np.full((32, 32, 3), 255, np.uint8)
    heat = look(technique, white, GENDER, "female")
    # The patch is rows 8 to 15, columns 16 to 23: two cells of four pixels a side, and
    # four of two. Between the middles of cells the map falls in straight lines.
    rows = [
        np.interp(np.arange(32), [7.5 - reach, 7.5 + reach], [0, 1])
        * np.interp(np.arange(32), [15.5 - reach, 15.5 + reach], [1, 0])
        for reach in (1, 2)
    ]
    columns = [np.roll(row, 8) for row in rows]
    pairs = zip(rows, columns, strict=True)
    expected = sum(np.outer(row, column) for row, column in pairs) / 2
    assert heat == pytest.approx(expected, abs=1e-6)
    assert (heat[10:14, 18:22] == 1).all()
    assert not heat[:6].any()
    assert not heat[:, 26:].any()


def test_highest_point_is_the_brightest_place_of_the_patch():
    technique = HiResCAM(patch_model(32, stages=2, cell=(2, 4)), TASKS)
    picture = np.full((32, 32, 3), 40, np.uint8)
    picture[0:4, 0:4] = 255  # no part of the answer
    picture[8:10, 18:20] = 200
    heat = look(technique, picture, AGE)
    row, column = np.unravel_index(heat.argmax(), heat.shape)
    assert row in (8, 9)
    assert column in (18, 19)


class Brightness:
    """A technique whose map is the first channel of the picture."""

    name = HIRES_CAM
    grids = ()

    def __call__(self, pixels, selection):
        return pixels[..., 0] / 255


def test_shifts_leave_a_map_as_it_is_where_no_cell_is_larger_than_a_pixel():
    pictures = np.random.default_rng(1).integers(0, 255, (2, 40, 40, 3), dtype=np.uint8)
    pictures[:, 20, 20] = 255
    selection = select_score(TASKS, AGE, None)
    heat = Shifted(Brightness(), 40)(pictures.astype("float32"), selection)
    # To the corners, though the copies are filled there.
    assert np.asarray(heat) == pytest.approx(pictures[..., 0] / 255, abs=1e-6)


def test_shifts_bring_the_highest_point_nearer_to_what_is_seen():
    """Cells of 8 x 8 pixels, and a bright square of two: where in its cell is it?"""
    pixels = keras.Input((64, 64, 3))
    x = keras.layers.Conv2D(1, 8, strides=8, kernel_initializer="ones", use_bias=False)(
        pixels
    )
    model = answering(pixels, keras.layers.GlobalAveragePooling2D()(x))
    model.get_layer("age").set_weights([np.ones((1, 1)), np.zeros(1)])
    technique = HiResCAM(model, TASKS)
    shifted = Shifted(technique, 64)
    away: dict[str, list[float]] = {"alone": [], "shifted": []}
    for row, column in np.random.default_rng(1).integers(8, 54, (30, 2)):
        picture = np.zeros((64, 64, 3), np.uint8)
        picture[row : row + 2, column : column + 2] = 255
        for name, each in (("alone", technique), ("shifted", shifted)):
            heat = look(each, picture, AGE)
            place = np.argwhere(heat > 1 - 1e-4).mean(axis=0)
            away[name].append(np.abs(place - (row + 0.5, column + 0.5)).max())
    assert max(away["alone"]) > 2.5
    assert np.mean(away["shifted"]) < 0.7 * np.mean(away["alone"])


def test_maps_of_a_cnn_are_those_of_its_shifted_copies(cnn):
    assert isinstance(find_technique(cnn, TASKS), Shifted)


WINDOWS = {
    "same, even": (32, lambda: [keras.layers.Conv2D(2, 3, strides=2, padding="same")]),
    "same, odd": (33, lambda: [keras.layers.Conv2D(2, 3, strides=2, padding="same")]),
    "valid": (32, lambda: [keras.layers.Conv2D(2, 5, strides=2)]),
    "dilated": (32, lambda: [keras.layers.Conv2D(2, 3, dilation_rate=2)]),
    "padded": (
        32,
        lambda: [
            keras.layers.ZeroPadding2D(((0, 1), (0, 1))),
            keras.layers.DepthwiseConv2D(3, strides=2),
        ],
    ),
    "cropped": (32, lambda: [keras.layers.Cropping2D(3), keras.layers.Conv2D(2, 3)]),
    "pooled": (
        32,
        lambda: [
            keras.layers.Conv2D(2, 3, padding="same"),
            keras.layers.AveragePooling2D(2),
            keras.layers.Conv2D(2, 3, strides=2, padding="same"),
        ],
    ),
}


@pytest.mark.parametrize("name", WINDOWS)
def test_cells_lie_in_the_middle_of_the_pixels_that_they_see(name):
    size, layers = WINDOWS[name]
    pixels = keras.Input((size, size, 3))
    x = pixels
    for layer in layers():
        x = layer(x)
    model = keras.Model(pixels, x)
    grid = find_grids(open_model(model), size)[model.layers[-1].name]
    assert grid.shape == x.shape[1:3]
    assert grid.rows == grid.columns
    for cell in (grid.rows.count // 2, grid.rows.count // 2 + 1):
        first, last = seen_by(model, cell)
        assert grid.rows.first + cell * grid.rows.step == (first + last) / 2


@pytest.mark.parametrize("order", [1, -1])
def test_cells_that_are_summed_lie_in_the_middle_of_what_all_of_them_see(order):
    """As where ResNet-32 changes the size: every other pixel, and a convolution."""
    pixels = keras.Input((32, 32, 3))
    ways = [
        keras.layers.Conv2D(3, 3, strides=2, padding="same")(pixels),
        keras.layers.MaxPooling2D(1, strides=2)(pixels),
    ]
    model = keras.Model(pixels, keras.layers.Add(name="sum")(ways[::order]))
    grid = find_grids(open_model(model), 32)["sum"]
    assert grid.rows == Axis(16, 1.0, 2.0)
    assert seen_by(model, 5) == (10, 12)


def seen_by(model, cell):
    """First and last row of pixels that a cell on the diagonal depends on."""
    size = model.input_shape[1]
    pixels = tf.constant(RNG.uniform(0, 255, (4, size, size, 3)), tf.float32)
    with tf.GradientTape() as tape:
        tape.watch(pixels)
        cells = model(pixels, training=False)[:, cell, cell]
        score = tf.reduce_sum(cells * RNG.normal(size=cells.shape).astype("float32"))
    seen = np.flatnonzero(np.abs(tape.gradient(score, pixels)).sum(axis=(0, 2, 3)))
    return seen[0], seen[-1]


def test_cells_of_a_backbone_lie_where_its_pixels_are():
    """Keras's MobileNetV3 pads one side only: its cells of 8 px lie 3.5 px off."""
    backbone = build_backbone(
        "mobilenetv3_small_minimalistic", image_size=64, weights="none"
    )
    opened = open_model(backbone)
    name = "expanded_conv_2_add"
    grid = find_grids(opened, 64)[name]
    assert grid.rows == grid.columns == Axis(8, 7.0, 8.0)
    assert Axis.evenly(8, 64) == Axis(8, 3.5, 8.0)
    first, last = seen_by(keras.Model(opened.input, opened.out_of[name]), 3)
    assert (first + last) / 2 == 7 + 3 * 8


class Own(keras.layers.Layer):
    """A convolution of an own class, which says nothing of its windows."""

    def __init__(self, stride=1):
        super().__init__()
        self.stride = stride

    def build(self, shape):
        self.weight = self.add_weight(shape=(1, 1, shape[-1], 2))

    def call(self, x):
        return keras.ops.conv(x, self.weight, strides=self.stride, padding="same")


def test_layers_of_an_own_class_are_looked_at():
    pixels = keras.Input((SIZE, SIZE, 3))
    x = Own(2)(keras.layers.Rescaling(1 / 255)(pixels))
    x = keras.layers.GlobalAveragePooling2D()(x)
    technique = HiResCAM(answering(pixels, x), TASKS)
    assert technique.grids == (Grid.evenly((8, 8), SIZE),)


def test_a_branch_that_others_go_around_is_not_looked_at():
    pixels = keras.Input((SIZE, SIZE, 3))
    x = keras.layers.Conv2D(4, 1, name="before")(pixels)
    branch = keras.layers.Conv2D(4, 1, name="branch")(x)
    x = keras.layers.Add(name="sum")([x, branch])
    # Both ways out of the sum are smaller: of its size it is the last.
    ways = [keras.layers.Conv2D(4, k, strides=2, padding="same")(x) for k in (1, 3)]
    x = keras.layers.Add(name="end")(ways)
    model = answering(pixels, keras.layers.GlobalAveragePooling2D()(x))
    opened = open_model(model)
    end = end_of(opened, [f"{task.name}_answer" for task in TASKS])
    through = {
        name: all_goes_through(opened.out_of[name], end)
        for name in ("before", "branch", "sum", "end")
    }
    assert through == {"before": True, "branch": False, "sum": True, "end": True}
    assert [grid.shape for grid in HiResCAM(model, TASKS).grids] == [(16, 16), (8, 8)]


def test_model_whose_maps_are_all_small_gives_its_largest():
    technique = HiResCAM(patch_model(12, stages=2, cell=(1, 1)), TASKS)
    assert [grid.shape for grid in technique.grids] == [(6, 6)]


def test_maps_are_those_before_pooling_inside_the_backbone(cnn):
    technique = HiResCAM(cnn, TASKS)
    assert [grid.shape for grid in technique.grids] == [(SIZE, SIZE)]
    assert look(technique, PICTURES[0], AGE).shape == (SIZE, SIZE)


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


def enlarged(small):
    """A map of 4 x 4 at 32 px, by SciPy: order 1 between the middles of the cells."""
    place = np.clip((np.arange(32) - 3.5) / 8, 0, 3)
    return map_coordinates(small, np.meshgrid(place, place, indexing="ij"), order=1)


def test_rollout_of_a_transformer_is_that_of_its_weights(vit):
    transformer = vit.get_layer("vit").get_layer("transformer")
    reach = np.eye(17)
    for scores in attention_in_numpy(transformer, LARGE[0] / 127.5 - 1):
        reach = (scores.mean(axis=0) + np.eye(17)) / 2 @ reach
    found = look(AttentionRollout(vit), LARGE[0], AGE)
    # Patches of 8 px: what lies between their middles is mixed of both.
    middles = 8 * np.arange(4) + 3
    expected = enlarged(reach[0, 1:].reshape(4, 4))
    assert found == pytest.approx(expected / expected.max(), rel=1e-3)
    assert found[middles, middles].std() > 0


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


def test_answer_is_the_value_or_the_probability():
    shown = np.array([[30.0, 0.9, 0.2, 0.3, 0.5], [40.0, 0.2, 0.1, 0.8, 0.1]])
    for task, wanted, expected in (
        (AGE, None, [30, 40]),
        (GENDER, "female", [0.9, 0.2]),
        (GENDER, "male", [0.1, 0.8]),
        (HAIR, "long", [0.3, 0.8]),
    ):
        found = read_answer(TASKS, task, wanted, shown)
        assert found.tolist() == pytest.approx(expected)


def test_enlarged_map_is_bilinear_and_scaled_to_one():
    grid = Grid.evenly((2, 2), 8)
    small = np.array([[[0, 2], [0, 2]], [[0, 0], [0, 0]]], np.float32)
    heat = np.asarray(scale(enlarge(small, grid, 8)))
    assert heat.shape == (2, 8, 8)
    assert heat[0, 0].tolist() == pytest.approx(
        [0, 0, 1 / 8, 3 / 8, 5 / 8, 7 / 8, 1, 1]
    )
    assert not heat[1].any()


def heat_of(*squares, size=40):
    heat = np.zeros((size, size), np.float32)
    for row, column in squares:
        heat[row : row + 4, column : column + 4] = 1
    return heat


def test_highest_tenth_is_hidden_and_the_same_shape_elsewhere():
    # Five fields of four pixels on each of two rows.
    places = [(8, 4 * n) for n in range(5)] + [(12, 4 * n) for n in range(5)]
    top, *others = choose_fields(heat_of(*places))
    assert len(others) == OTHERS
    expected = np.zeros((10, 10), bool)
    expected[2:4, :5] = True
    assert np.array_equal(top, expected)
    assert len({fields.tobytes() for fields in others}) == OTHERS
    for fields in others:
        assert fields.sum() == HIDDEN
        assert not (fields & top).any()
        assert any(
            np.array_equal(np.roll(fields, (y, x), axis=(0, 1)), top)
            for y in range(10)
            for x in range(10)
        )


def test_only_what_is_hidden_changes():
    picture = RNG.integers(0, 256, (40, 40, 3), dtype=np.uint8)
    places = [(8, 4 * n) for n in range(10)]
    pictures = hide_in_turn(picture, heat_of(*places))
    assert pictures.shape == (2 + OTHERS, 40, 40, 3)
    assert np.array_equal(pictures[0], picture)
    changed = (pictures[1] != picture).any(axis=-1)
    assert not changed[:8].any()
    assert not changed[12:].any()
    assert changed[8:12].mean() > 0.95
    # A blur: of these pixels the deviation is smaller, and the mean about the same.
    assert pictures[1][8:12].std() < 0.3 * picture[8:12].std()
    assert pictures[1][8:12].mean() == pytest.approx(picture.mean(), rel=0.1)


@pytest.mark.parametrize(
    ("after", "of_the_answer", "holds"),
    [(0.1, True, True), (0.6, True, False), (1.0, True, False), (1.5, False, True)],
)
def test_map_holds_if_no_other_place_changes_the_answer_more(
    after, of_the_answer, holds
):
    elsewhere = np.full(OTHERS, 0.9)
    elsewhere[3] = 0.5
    assert Hiding(0.9, after, elsewhere, of_the_answer).holds is holds


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


@pytest.fixture(scope="module")
def explainer(runs):
    return Explainer(Predictor.load(runs, TASKS))


@pytest.fixture(scope="module")
def alone(runs):
    """The first model of each method by itself, and its technique."""
    first = [runs[0], runs[2], runs[3]]
    models = [keras.saving.load_model(run.model_path, compile=False) for run in first]
    techniques = [find_technique(model, TASKS) for model in models]
    return list(zip(first, models, techniques, strict=True))


@pytest.mark.parametrize("task", TASKS, ids=lambda task: task.name)
def test_all_methods_beside_each_other_are_as_each_alone(explainer, alone, task):
    assert explainer.methods == ("plain", "other", "transformer")
    assert not explainer.problems
    seen = {"plain": PICTURES[0], "other": PICTURES[0], "transformer": LARGE[0]}
    classes = None if task is AGE else dict.fromkeys(seen, task.classes[0])
    found = explainer.explain(seen, task, classes)
    assert list(found) == list(explainer.methods)
    for run, model, technique in alone:
        picture = seen[run.method]
        wanted = None if task is AGE else task.classes[0]
        one = found[run.method]
        assert one.seed == run.seed
        assert one.grids == tuple(grid.shape for grid in technique.grids)
        assert one.heat == pytest.approx(
            look(technique, picture, task, wanted), abs=1e-4
        )
        shown = model.predict(hide_in_turn(picture, one.heat), verbose=0)[task.name]
        # The first class: of two, what is left of the second's probability.
        expected = 1 - shown[:, 0] if task is GENDER else shown[:, 0]
        given = [one.hiding.before, one.hiding.after, *one.hiding.elsewhere]
        assert given == pytest.approx(expected.tolist(), rel=1e-3, abs=1e-4)
    assert found["plain"].technique == found["other"].technique == HIRES_CAM
    assert found["plain"].hiding.of_the_answer
    assert not found["transformer"].hiding.of_the_answer
    assert found["transformer"].is_coarse
    assert not found["plain"].is_coarse
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
    with speaking("fr"):
        assert "il n’a pas de cartes de caractéristiques" in explainer.problems["flat"]
    assert "it has no feature maps" in explainer.problems["flat"]
