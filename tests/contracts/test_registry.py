"""What every registered entry must keep, whatever it does."""

import inspect
import re
from collections.abc import Mapping
from typing import get_args

import numpy as np
import pytest
from keras.losses import MeanAbsoluteError

from core.errors import MethodError
from core.methods.entries import ENTRIES
from core.methods.entry import HEAD, PARTS, PartName
from core.methods.generation import GenerationPlan
from core.methods.mixing import Mixes
from core.methods.registry import load_builder, validate_parameters

entries = pytest.mark.parametrize("entry", ENTRIES.values(), ids=lambda e: e.name)
LABELS = np.random.default_rng(0).permutation(np.repeat([0, 1, 2], [60, 25, 4]))
TARGETS = np.random.default_rng(0).gamma(4, 8, size=200)


def of_part(part):
    chosen = [entry for entry in ENTRIES.values() if entry.part == part]
    return pytest.mark.parametrize("entry", chosen, ids=lambda e: e.name)


def given(entry):
    return TARGETS if "targets" in entry.needs else LABELS


def unbalanced(latex):
    """Braces that are left over, and \\left without its \\right."""
    plain = re.sub(r"\\[{}]", "", latex)
    return (
        plain.count("{") - plain.count("}"),
        len(re.findall(r"\\left\b", latex)) - len(re.findall(r"\\right\b", latex)),
    )


@entries
def test_it_says_what_it_is(entry):
    assert ENTRIES[entry.name] is entry
    assert re.fullmatch(r"[a-z0-9-]+", entry.name)
    assert entry.label
    assert entry.summary.endswith(".")
    assert entry.paper.endswith(str(entry.year))
    assert entry.task_kinds
    assert set(entry.needs) <= {
        "labels",
        "names",
        "batch size",
        "image size",
        "epoch",
        "targets",
        "class counts",
        "range",
        "group counts",
        "validation",
    }


def test_every_part_of_training_has_its_words():
    assert set(PARTS) == set(get_args(PartName))
    for label in PARTS.values():
        assert all((label.title, label.kind, label.plural))
        assert label.decides.endswith(".")


@entries
def test_it_has_a_formula_and_traps(entry):
    assert entry.formula
    assert "\n" not in entry.formula
    assert unbalanced(entry.formula) == (0, 0)
    # A character that LaTeX would read as its own, had a backslash been lost.
    assert entry.formula.isprintable()
    assert entry.traps
    assert len(set(entry.traps)) == len(entry.traps)
    for trap in entry.traps:
        assert trap.endswith(".")
        assert trap == trap.strip()


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
        if isinstance(parameter.default, bool):
            assert (parameter.minimum, parameter.maximum) == (None, None)
            continue
        if isinstance(parameter.default, Mapping):
            for bad in (parameter.minimum - 1, parameter.maximum + 1, float("nan")):
                with pytest.raises(MethodError, match=f"'{parameter.name}'.* for 'a'"):
                    validate_parameters(entry, {parameter.name: {"a": bad}})
            continue
        assert parameter.minimum <= parameter.default <= parameter.maximum
        for bound in (parameter.minimum, parameter.maximum):
            assert validate_parameters(entry, {parameter.name: bound})
        for bad in (parameter.minimum - 1, parameter.maximum + 1, float("nan")):
            with pytest.raises(MethodError, match=f"'{parameter.name}'"):
                validate_parameters(entry, {parameter.name: bad})


@entries
def test_a_parameter_that_may_do_nothing_says_with_what_it_does(entry):
    known = {parameter.name: parameter for parameter in entry.parameters}
    for parameter in entry.parameters:
        if not parameter.only_with:
            continue
        other, wanted = parameter.only_with
        assert other in known
        assert set(wanted) < set(known[other].choices or (False, True))
        for value in known[other].choices or (False, True):
            assert bool(parameter.idle_because({other: value})) != (value in wanted)


@entries
@pytest.mark.parametrize("end", ["minimum", "maximum"])
def test_it_builds_at_both_ends_of_every_range(entry, end):
    build = load_builder(entry)
    gives = {
        "labels": (LABELS,),
        "names": (LABELS.astype(str),),
        "batch size": (),
        "image size": (),
        "epoch": (),
        # In the range of every parameter that bounds them.
        "targets": (TARGETS / 100,),
        "class counts": (np.bincount(LABELS),),
        "range": (1.0, 80.0),
        "validation": (TARGETS[:89] / 200, LABELS > 0, np.tile(["a", "b"], 45)[:89]),
    }
    if entry.part == "objective":
        gives["group counts"] = (MeanAbsoluteError(), np.bincount(LABELS))
    parts = [part for need in entry.needs for part in gives[need]]
    if entry.part == "sampler":
        parts.append(np.random.default_rng(0))
    for parameter in entry.parameters:
        value = getattr(parameter, end)
        if parameter.choices or value is None:
            continue
        if isinstance(parameter.default, Mapping):
            # At least one weight must be above 0.
            values = {"0": value, "1": 1.0, "2": 1.0}
            assert build(*parts, **{parameter.name: values}) is not None
            continue
        whole = isinstance(parameter.default, int)
        assert (
            build(*parts, **{parameter.name: value if whole else float(value)})
            is not None
        )


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


def draw(entry, seed):
    """What a sampler draws at the start of an epoch, as arrays by name."""
    drawn = load_builder(entry)(LABELS, np.random.default_rng(seed))
    return {"rows": drawn} if entry.pixels == "kept" else vars(drawn)


@of_part("sampler")
def test_samplers_give_rows_that_follow_the_generator(entry):
    drawn, again, other = (draw(entry, seed) for seed in (4, 4, 5))
    for name in {"rows", "first", "second"} & set(drawn):
        rows = drawn[name]
        assert np.issubdtype(rows.dtype, np.integer)
        assert rows.min() >= 0
        assert rows.max() < len(LABELS)
        assert set(LABELS[rows]) == set(LABELS)
    for name, values in drawn.items():
        np.testing.assert_array_equal(values, again[name])
    assert any(not np.array_equal(v, other[n]) for n, v in drawn.items())


@of_part("sampler")
def test_samplers_say_whether_they_change_the_pixels(entry):
    drawn = load_builder(entry)(LABELS, np.random.default_rng(0))
    kinds = {np.ndarray: "kept", Mixes: "mixed", GenerationPlan: "generated"}
    assert entry.pixels == kinds[type(drawn)]
    if entry.pixels != "kept":
        assert any("All heads" in trap for trap in entry.traps)
        shown = drawn.images_by_class(LABELS, 3)
        assert shown.sum() == pytest.approx(len(drawn))
        assert (shown > 0).all()


@entries
def test_only_samplers_change_pixels(entry):
    assert entry.part == "sampler" or entry.pixels == "kept"


@of_part("sampler")
def test_samplers_say_how_long_an_epoch_becomes(entry):
    images = len(load_builder(entry)(LABELS, np.random.default_rng(0)))
    length = int(np.sign(images - len(LABELS)))
    words = {-1: "Epochs are shorter", 0: "as many steps", 1: "Epochs are longer"}
    assert any(words[length] in trap for trap in entry.traps)
    others = [word for sign, word in words.items() if sign != length]
    assert not any(word in trap for trap in entry.traps for word in others)


@of_part("adjustment")
def test_adjustments_raise_the_rarer_class_more(entry):
    adjustment = load_builder(entry)(np.array([500, 60, 8]))
    assert adjustment.shape == (3,)
    assert adjustment.dtype == np.float64
    assert np.isfinite(adjustment).all()
    assert (np.diff(adjustment) > 0).all()


@of_part("adjustment")
def test_adjustments_refuse_a_class_without_images(entry):
    with pytest.raises(MethodError, match="Class 1 has no training image"):
        load_builder(entry)(np.array([5, 0, 2]))
