import numpy as np

from core.data.readers.avatars import INFO
from core.methods.mixing import cmo, cutmix, mixup
from core.models.build import MIX_INPUTS, PIXELS_INPUT, build_models
from core.models.mix_images import MixImages, draw_mixed
from core.study import Augmentation
from tests.tiny import tiny_study

RNG = np.random.default_rng(0)
PIXELS = RNG.integers(0, 256, (12, 32, 32, 3), dtype=np.uint8)


def pairs(draw, **parameters):
    mixes = draw(np.zeros(12), np.random.default_rng(1), batch_size=4, **parameters)
    return mixes, PIXELS[mixes.rows], PIXELS[mixes.second]


def test_mixup_lays_pictures_over_one_another():
    mixes, images, others = pairs(mixup)
    share = mixes.share[:, None, None, None]
    expected = np.rint(share * images + (1 - share) * others)
    np.testing.assert_allclose(draw_mixed(images, others, mixes), expected, atol=1)


def test_a_box_holds_the_other_picture_and_nothing_else_does():
    mixes, images, others = pairs(cutmix, probability=1.0)
    mixed = draw_mixed(images, others, mixes)
    for place, (top, left, bottom, right) in enumerate(mixes.boxes):
        expected = images[place].copy()
        expected[top:bottom, left:right] = others[place][top:bottom, left:right]
        np.testing.assert_array_equal(mixed[place], expected)


def test_pictures_are_mixed_while_training_only():
    mixes, images, others = pairs(cmo, probability=1.0)
    first, second = images.astype("f4"), others.astype("f4")
    layer = MixImages()
    plain = np.asarray(layer(first, second, mixes.plan, training=False))
    np.testing.assert_array_equal(plain, first)
    mixed = np.asarray(layer(first, second, mixes.plan, training=True))
    np.testing.assert_array_equal(np.rint(mixed), draw_mixed(images, others, mixes))


def test_a_training_model_mixes_after_it_augmented_each_picture():
    # All brightness: each picture gets its own, and so do both parts of a mixed one.
    models = build_models(
        tiny_study().model,
        INFO.tasks,
        augmentation=Augmentation(brightness=0.4),
        seed=0,
        mixes_images=True,
    )
    mixes, _, _ = pairs(cutmix, probability=1.0)
    grey = np.full((12, 32, 32, 3), 128, dtype=np.uint8)
    given = {
        PIXELS_INPUT: grey,
        **dict(zip(MIX_INPUTS, (grey, mixes.plan), strict=True)),
    }
    seen = models.training.get_layer("mix")
    inner = type(models.training)(models.training.inputs, seen.output, ())
    pictures = np.asarray(inner(given, training=True))
    top, left, bottom, right = mixes.boxes[0]
    inside = pictures[0, top:bottom, left:right]
    outside = pictures[0].copy()
    outside[top:bottom, left:right] = np.nan
    assert np.ptp(inside) < 1e-3
    assert np.nanmax(outside) - np.nanmin(outside) < 1e-3
    assert abs(inside.mean() - np.nanmean(outside)) > 1
    answers = models.training(given, training=False)
    expected = models.plain(grey.astype("f4"), training=False)
    for task, values in expected.items():
        np.testing.assert_allclose(answers[task], values, rtol=1e-5)
