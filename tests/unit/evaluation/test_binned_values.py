"""Values of bins, held to tables that are filled cell by cell."""

import numpy as np
import pytest

from core.evaluation.binned_values import BinnedValues
from core.evaluation.resampling import ROWS_AT_ONCE, Resampler, _covariance


def _drawn(images: int) -> tuple[BinnedValues, np.ndarray]:
    """Two plain features and two entries in seven others; and the same as a table."""
    rng = np.random.default_rng(images)
    plain = rng.normal(size=(2, images)).astype(np.float32)
    values = rng.normal(size=(2, images)).astype(np.float32)
    features = np.stack([rng.integers(0, 3, images), rng.integers(3, 7, images)])
    table = np.zeros((images, 9), np.float32)
    for image in range(images):
        table[image, :2] = plain[:, image]
        for entry in range(2):
            table[image, 2 + features[entry, image]] = values[entry, image]
    return BinnedValues(plain, values, features, 7), table


def test_values_are_those_of_the_table():
    binned, table = _drawn(50)
    assert binned.shape == table.shape
    np.testing.assert_array_equal(binned.dense(), table)
    np.testing.assert_allclose(binned.totals(), table.sum(axis=0, dtype=np.float64))


@pytest.mark.parametrize("images", [slice(10, 30), np.arange(50) % 3 == 0])
def test_values_of_some_images(images):
    binned, table = _drawn(50)
    np.testing.assert_array_equal(binned[images].dense(), table[images])


def test_covariance_of_more_images_than_are_multiplied_at_once():
    binned, table = _drawn(ROWS_AT_ONCE + 100)
    expected = np.cov(table.astype(np.float64).T, bias=True)
    mean = table.mean(axis=0, dtype=np.float64)
    for values in (binned, table):
        np.testing.assert_allclose(_covariance(values, mean), expected, atol=1e-5)


@pytest.mark.parametrize("weighted", [0, 10_000])
def test_resamples_are_those_of_the_table(monkeypatch, weighted):
    monkeypatch.setattr("core.evaluation.resampling.MAX_WEIGHTED_ROWS", weighted)
    binned, table = _drawn(3000)
    # One stratum is large, one small; each was drawn from two parts.
    strata = (np.arange(3000) < 200).astype(np.int64)
    for design in (None, np.arange(3000) % 2):
        found, expected = (
            list(Resampler(3000, 20, 5, design=design).sums(give, strata, 2))
            for give in (binned.__getitem__, table.__getitem__)
        )
        for own, other in zip(found, expected, strict=True):
            np.testing.assert_allclose(own.total, other.total, rtol=1e-9)
            np.testing.assert_allclose(own.sums, other.sums, rtol=1e-3, atol=1e-2)
