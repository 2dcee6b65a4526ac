import numpy as np
import pytest

from core.methods.generation import plan_deepsmote
from core.models.deepsmote import (
    ClassBatches,
    build_generator,
    generate,
    resized,
    to_levels,
    to_range,
    train_generator,
)

COUNTS = (80, 24, 10)
LABELS = np.repeat([0, 1, 2], COUNTS)


def draw_shades(size=16):
    """One colour a class, brighter and darker, and brighter to the right."""
    rng = np.random.default_rng(2)
    pictures = np.zeros((len(LABELS), size, size, 3))
    shades = rng.uniform(100, 200, size=(len(LABELS), 1, 1)) + 3 * np.arange(size)
    pictures[np.arange(len(LABELS)), :, :, LABELS] = shades
    return pictures.astype(np.uint8)


PICTURES = draw_shades()


def plan(**parameters):
    given = {"latent": 6, "width": 8, "epochs": 1, **parameters}
    return plan_deepsmote(LABELS, np.random.default_rng(0), **given)


@pytest.mark.parametrize("side", [8, 16, 24])
def test_a_decoded_code_is_a_picture_of_the_same_size(side):
    generator = build_generator(plan(), side)
    pictures = np.zeros((2, side, side, 3), dtype=np.float32)
    codes = np.asarray(generator.encoder(pictures, training=False))
    assert codes.shape == (2, 6)
    drawn = np.asarray(generator.decoder(codes, training=False))
    assert drawn.shape == pictures.shape
    assert np.abs(drawn).max() <= 1


def test_levels_and_range_are_each_others_inverse():
    levels = np.arange(256, dtype=np.uint8)
    np.testing.assert_array_equal(to_levels(to_range(levels)), levels)
    assert to_range(levels).min() == -1
    assert to_range(levels).max() == 1


@pytest.mark.parametrize("form", ["paper", "official"])
def test_the_second_batch_is_of_one_class_with_its_order_changed(form):
    batches = ClassBatches(PICTURES, plan(form=form))
    seen = set()
    for _ in range(12):
        inputs, targets = batches[0]
        assert inputs.shape == targets.shape == (28, 16, 16, 3)
        np.testing.assert_array_equal(inputs[:14], targets[:14])
        moved, compared = inputs[14:], targets[14:]
        colours = {int(image.max(axis=(0, 1)).argmax()) for image in moved}
        assert len(colours) == 1
        seen |= colours
        if form == "paper":
            np.testing.assert_array_equal(moved, np.roll(compared, -1, axis=0))
            assert not np.array_equal(moved, compared)
        else:
            np.testing.assert_array_equal(moved, compared)
        batches.on_epoch_end()
    assert seen == {0, 1, 2}


def weights_of(generator):
    models = (generator.encoder, generator.decoder)
    return [weight for model in models for weight in model.get_weights()]


def test_the_same_plan_gives_the_same_generator_and_the_same_images():
    planned = plan()
    one, other = (train_generator(PICTURES, planned) for _ in range(2))
    for a, b in zip(weights_of(one), weights_of(other), strict=True):
        np.testing.assert_array_equal(a, b)
    told = []
    drawn, between = generate(
        one,
        PICTURES,
        planned,
        20,
        progress=lambda done, total: told.append((done, total)),
    )
    assert drawn.shape == (56 + 70, 20, 20, 3)
    assert told == [(126, 126)]
    again, _ = generate(other, PICTURES, planned, 20)
    np.testing.assert_array_equal(drawn, again)
    assert LABELS[between.first].tolist() == [1] * 56 + [2] * 70


def test_what_it_draws_of_a_class_looks_like_it():
    planned = plan(epochs=30)
    generator = train_generator(PICTURES, planned)
    drawn, between = generate(generator, PICTURES, planned, 16)
    colour = drawn.mean(axis=(1, 2)).argmax(axis=1)
    assert (colour == LABELS[between.first]).mean() > 0.95


def test_pictures_of_the_right_size_are_left_alone():
    assert resized(PICTURES, 16) is PICTURES
    assert resized(PICTURES, 8).shape == (len(PICTURES), 8, 8, 3)
    assert resized(PICTURES[:0], 8).shape == (0, 8, 8, 3)
