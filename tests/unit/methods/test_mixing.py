"""Pairs of images: the papers' distributions, boxes and labels, by formula."""

import numpy as np
import pytest

from core.errors import MethodError
from core.methods.mixing import (
    cmo,
    cutmix,
    draw_box,
    mixup,
    remix,
    remix_label_share,
    unmixed,
)

COUNTS = (900, 90, 10)
LABELS = np.random.default_rng(5).permutation(np.repeat([0, 1, 2], COUNTS))
SAMPLERS = pytest.mark.parametrize("draw", [mixup, cutmix, remix, cmo])


def rng(seed=0):
    return np.random.default_rng(seed)


def one_a_batch(values, batch_size):
    """The values of the batches; within a batch all must be alike."""
    batches = [values[i : i + batch_size] for i in range(0, len(values), batch_size)]
    assert all((batch == batch[0]).all() for batch in batches)
    return np.array([batch[0] for batch in batches])


@SAMPLERS
def test_every_image_is_shown_once_and_keeps_its_part(draw):
    mixes = draw(LABELS, rng(), batch_size=64)
    np.testing.assert_array_equal(np.sort(mixes.rows), np.arange(len(LABELS)))
    np.testing.assert_array_equal(mixes.first, mixes.rows)
    assert ((mixes.share >= 0) & (mixes.share <= 1)).all()
    assert mixes.is_mixed.any()
    assert mixes.images_by_class(LABELS, 3).sum() == pytest.approx(len(LABELS))


@SAMPLERS
def test_same_state_same_pairs_and_other_states_others(draw):
    one, again, other = (draw(LABELS, rng(seed)) for seed in (4, 4, 5))
    for name, values in vars(one).items():
        np.testing.assert_array_equal(values, getattr(again, name))
    assert not np.array_equal(one.second, other.second)
    assert not np.array_equal(one.share, other.share)


@pytest.mark.parametrize("draw", [mixup, cutmix, remix])
def test_the_second_images_are_the_batch_in_another_order(draw):
    mixes = draw(LABELS, rng(), batch_size=64)
    for start in range(0, len(LABELS), 64):
        batch = mixes.at(start, start + 64)
        if batch.is_mixed.any():
            np.testing.assert_array_equal(np.sort(batch.first), np.sort(batch.second))


@pytest.mark.parametrize("alpha", [0.2, 1.0, 4.0])
def test_mixup_draws_one_beta_a_batch(alpha):
    mixes = mixup(np.zeros(8000), rng(), batch_size=2, alpha=alpha)
    shares = one_a_batch(mixes.share, 2)
    # Mean and variance of Beta(a, a), to five standard errors.
    variance = 1 / (4 * (2 * alpha + 1))
    assert abs(shares.mean() - 0.5) < 5 * np.sqrt(variance / 4000)
    assert shares.var() == pytest.approx(variance, rel=0.1)
    np.testing.assert_array_equal(mixes.keep, mixes.share)
    assert set(map(tuple, mixes.boxes)) == {(0, 0, 32, 32)}


def test_no_alpha_mixes_nothing():
    assert not mixup(LABELS, rng(), alpha=0.0).is_mixed.any()
    assert not cutmix(LABELS, rng(), alpha=0.0, probability=1.0).is_mixed.any()


@pytest.mark.parametrize("size", [8, 31, 32])
@pytest.mark.parametrize("share", [0.0, 0.3, 0.75, 0.999, 1.0])
def test_a_box_is_the_papers_cut_at_the_border(size, share):
    """Against the pixels that lie in it, for every centre that there is."""
    cut = int(size * np.sqrt(1 - share))
    seen = set()
    generator = rng(1)
    for _ in range(40 * size**2):
        box, left_over = draw_box(size, share, generator)
        top, left, bottom, right = box
        picture = np.zeros((size, size))
        picture[top:bottom, left:right] = 1
        assert left_over == pytest.approx(1 - picture.mean(), abs=1e-12)
        seen.add(box)
        if len(seen) == size**2:
            break
    sides = [(max(c - cut // 2, 0), min(c + cut // 2, size)) for c in range(size)]
    clip = {(top, left, end, right) for top, end in sides for left, right in sides}
    assert seen == clip


def test_cutmix_mixes_so_many_batches_by_the_area():
    mixes = cutmix(np.zeros(8000), rng(), batch_size=2, image_size=20, probability=0.3)
    top, left, bottom, right = mixes.boxes.T
    area = (bottom - top) * (right - left)
    np.testing.assert_allclose(mixes.share, 1 - area / 400)
    assert (mixes.keep == 0).all()
    # A box of no pixel is as none: of Beta(1, 1), a share of (2 / 20)^2.
    mixed = (one_a_batch(mixes.share, 2) < 1).mean()
    expected = 0.3 * (1 - (2 / 20) ** 2)
    assert abs(mixed - expected) < 5 * np.sqrt(0.3 * 0.7 / 4000)
    plain = mixes.share == 1
    np.testing.assert_array_equal(mixes.first[plain], mixes.second[plain])


@pytest.mark.parametrize(
    ("share", "first", "second", "expected"),
    [
        # The second is rare enough, and covers enough: it wins.
        (0.4, 300, 100, 0.0),
        (0.5, 300, 100, 0.5),
        (0.4, 299, 100, 0.4),
        # The first is rare enough, and covers enough.
        (0.6, 100, 300, 1.0),
        (0.5, 100, 300, 0.5),
        (0.6, 100, 299, 0.6),
        # As unequal, but the rare one covers too little.
        (0.6, 300, 100, 0.6),
        (0.4, 100, 300, 0.4),
        (0.3, 100, 100, 0.3),
    ],
)
def test_remix_gives_the_label_to_the_rarer_class(share, first, second, expected):
    found = remix_label_share([share], [first], [second], kappa=3, tau=0.5)
    np.testing.assert_array_equal(found, [expected])


def test_remix_is_mixup_with_other_labels():
    plain, mixes = (draw(LABELS, rng(3), batch_size=50) for draw in (mixup, remix))
    np.testing.assert_array_equal(mixes.share, plain.share)
    np.testing.assert_array_equal(mixes.second, plain.second)
    moved = mixes.label_share != mixes.share
    rarer = (
        np.array(COUNTS)[LABELS[mixes.first]] < np.array(COUNTS)[LABELS[mixes.second]]
    )
    assert moved.any()
    np.testing.assert_array_equal(mixes.label_share[moved], rarer[moved])
    shown = mixes.images_by_class(LABELS, 3)
    np.testing.assert_allclose(plain.images_by_class(LABELS, 3), COUNTS)
    assert (shown[1:] > np.array(COUNTS)[1:]).all()


@pytest.mark.parametrize("draw", [remix, cmo])
def test_without_imbalance_it_is_its_plain_form(draw):
    even = np.repeat([0, 1], 100)
    if draw is remix:
        one, other = draw(even, rng()), mixup(even, rng())
        np.testing.assert_array_equal(one.label_share, other.label_share)
    else:
        shown = draw(even, rng(), batch_size=2).images_by_class(even, 2)
        np.testing.assert_allclose(shown, [100, 100], atol=20)


@pytest.mark.parametrize("power", [0.0, 0.5, 1.0, 2.0])
def test_cmo_pastes_rare_classes_onto_any(power):
    labels = np.repeat([0, 1, 2], [9000, 900, 100])
    counts = np.array([9000, 900, 100])
    mixes = cmo(labels, rng(2), batch_size=4, probability=1.0, power=power)
    pasted = mixes.second[mixes.is_mixed]
    found = np.bincount(labels[pasted], minlength=3) / len(pasted)
    chance = counts ** (1 - power) / (counts ** (1 - power)).sum()
    error = np.sqrt(chance * (1 - chance) / len(pasted))
    assert (np.abs(found - chance) < 5 * error + 1e-12).all()
    # The backgrounds are all images, each once.
    np.testing.assert_array_equal(np.bincount(labels[mixes.first]), counts)


@pytest.mark.parametrize(
    ("epochs", "plain_last", "mixing"),
    [(200, 3, 197), (10, 3, 7), (4, 3, 2), (2, 3, 1), (1, 3, 1), (5, 0, 5)],
)
def test_cmo_leaves_the_last_epochs_plain(epochs, plain_last, mixing):
    on = [
        cmo(
            LABELS, rng(), epoch=epoch, epochs=epochs, plain_last=plain_last
        ).is_mixed.any()
        for epoch in range(epochs)
    ]
    assert on == [True] * mixing + [False] * (epochs - mixing)


def test_rows_are_looked_up_and_cut():
    mixes = cmo(LABELS, rng(), batch_size=10)
    rows = np.arange(len(LABELS)) * 3 + 1
    moved = mixes.with_rows(rows).at(20, 25)
    for name in ("rows", "first", "second"):
        expected = 3 * getattr(mixes, name)[20:25] + 1
        np.testing.assert_array_equal(getattr(moved, name), expected)
    np.testing.assert_array_equal(moved.share, mixes.share[20:25])
    assert moved.plan.shape == (5, 5)
    assert len(moved) == 5


def test_unmixed_images_are_themselves():
    mixes = unmixed(np.array([7, 3]))
    assert not mixes.is_mixed.any()
    np.testing.assert_array_equal(mixes.second, [7, 3])
    assert mixes.share.tolist() == mixes.label_share.tolist() == [1, 1]


@SAMPLERS
def test_nothing_to_draw_from(draw):
    with pytest.raises(MethodError, match="no training images"):
        draw([], rng())


@pytest.mark.parametrize(
    ("draw", "parameters", "said"),
    [
        (mixup, {"alpha": -1.0}, "alpha"),
        (remix, {"kappa": 0.5}, "kappa"),
        (remix, {"tau": 1.5}, "tau"),
        (cutmix, {"probability": 2.0}, "probability"),
        (cmo, {"power": -1.0}, "power"),
    ],
)
def test_bad_parameters(draw, parameters, said):
    with pytest.raises(MethodError, match=said):
        draw(LABELS, rng(), **parameters)
