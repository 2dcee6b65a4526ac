"""What every registered entry must keep, whatever it does."""

import inspect
import re

import numpy as np
import pytest

from core.errors import MethodError
from core.methods.registry import ENTRIES, HEAD, load_builder, validate_parameters

entries = pytest.mark.parametrize("entry", ENTRIES.values(), ids=lambda e: e.name)
LABELS = np.random.default_rng(0).permutation(np.repeat([0, 1, 2], [60, 25, 4]))
TARGETS = np.random.default_rng(0).gamma(4, 8, size=200)


def of_part(part):
    chosen = [entry for entry in ENTRIES.values() if entry.part == part]
    return pytest.mark.parametrize("entry", chosen, ids=lambda e: e.name)


def given(entry):
    return TARGETS if "targets" in entry.needs else LABELS


@entries
def test_it_says_what_it_is(entry):
    assert ENTRIES[entry.name] is entry
    assert re.fullmatch(r"[a-z0-9-]+", entry.name)
    assert entry.label
    assert entry.summary.endswith(".")
    assert entry.paper.endswith(str(entry.year))
    assert entry.task_kinds
    assert set(entry.needs) <= {"labels", "targets", "class counts"}


@entries
def test_defaults_are_valid_and_the_builders_own(entry):
    defaults = validate_parameters(entry, {})
    assert list(defaults) == [parameter.name for parameter in entry.parameters]
    defaults.pop(HEAD, None)
    signature = inspect.signature(load_builder(entry)).parameters
    assert {name: signature[name].default for name in defaults} == defaults


@entries
def test_parameters_are_described_and_bounded(entry):
    for parameter in entry.parameters:
        assert parameter.description.endswith(".")
        if parameter.choices:
            assert parameter.default in parameter.choices
            continue
        for bound in (parameter.minimum, parameter.maximum):
            assert validate_parameters(entry, {parameter.name: bound})
        for bad in (parameter.minimum - 1, parameter.maximum + 1, float("nan")):
            with pytest.raises(MethodError, match=f"'{parameter.name}'"):
                validate_parameters(entry, {parameter.name: bad})


@of_part("weights")
def test_weights_are_positive_with_mean_one(entry):
    weights = load_builder(entry)(given(entry))
    assert weights.shape == given(entry).shape
    assert weights.dtype == np.float64
    assert (weights > 0).all()
    assert weights.mean() == pytest.approx(1)
    assert weights.std() > 0


@of_part("weights")
def test_weights_do_not_depend_on_the_order_of_images(entry):
    order = np.random.default_rng(1).permutation(len(given(entry)))
    weights = load_builder(entry)(given(entry))
    np.testing.assert_allclose(load_builder(entry)(given(entry)[order]), weights[order])


@of_part("sampler")
def test_samplers_give_rows_that_follow_the_generator(entry):
    build = load_builder(entry)
    rows = build(LABELS, np.random.default_rng(4))
    assert np.issubdtype(rows.dtype, np.integer)
    assert rows.min() >= 0
    assert rows.max() < len(LABELS)
    assert set(LABELS[rows]) == set(LABELS)
    np.testing.assert_array_equal(rows, build(LABELS, np.random.default_rng(4)))
    assert not np.array_equal(rows, build(LABELS, np.random.default_rng(5)))
