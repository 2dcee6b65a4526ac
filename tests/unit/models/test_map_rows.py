"""Rows are mapped one after another, whatever their structure."""

import numpy as np
from keras import ops

from core.models.map_rows import map_in_turn


def test_each_row_of_every_tensor_is_computed():
    first, second = np.arange(6.0).reshape(3, 2), np.arange(3.0)

    def compute(rows):
        pair, number = rows
        return {"sum": ops.sum(pair) + number, "pair": 2 * pair}

    given = (ops.convert_to_tensor(first), ops.convert_to_tensor(second))
    found = map_in_turn(compute, given)
    np.testing.assert_allclose(found["sum"], first.sum(axis=1) + second)
    np.testing.assert_allclose(found["pair"], 2 * first)


def test_no_row_is_begun_before_the_one_before_is_done(monkeypatch):
    asked = {}
    tf = __import__("tensorflow")
    plain = tf.map_fn

    def note(*given, **options):
        asked.update(options)
        return plain(*given, **options)

    monkeypatch.setattr(tf, "map_fn", note)
    found = map_in_turn(lambda row: row + 1, ops.arange(3))
    np.testing.assert_array_equal(found, [1, 2, 3])
    assert asked["parallel_iterations"] == 1
