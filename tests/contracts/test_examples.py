"""Every public method, loss and metric has an example in its docstring that runs."""

import doctest
import importlib
import inspect
import pkgutil

import keras
import pytest

from core.methods import losses

MODULES = (
    "core.crossing",
    "core.evaluation.formulas",
    "core.evaluation.gaps",
    "core.evaluation.auc",
    "core.methods.adjustment",
    "core.methods.checks",
    "core.methods.generation",
    "core.methods.mixing",
    "core.methods.samplers",
    "core.methods.signature",
    "core.methods.smoothing",
    "core.methods.temperature",
    "core.methods.threshold_optimizer",
    "core.methods.weights",
    *(
        found.name
        for found in pkgutil.iter_modules(losses.__path__, "core.methods.losses.")
    ),
)


def examples_of(module):
    """Docstrings with examples, by the name of what they describe."""
    found = doctest.DocTestFinder().find(importlib.import_module(module))
    return {test.name: test for test in found if test.examples}


EXAMPLES = {
    name: test for module in MODULES for name, test in examples_of(module).items()
}


def needs_an_example(module):
    """Public functions of a module, and its losses that can be used."""
    for name, one in inspect.getmembers(importlib.import_module(module)):
        if name.startswith("_") or getattr(one, "__module__", "") != module:
            continue
        if inspect.isroutine(inspect.unwrap(one)) or is_registered_loss(one):
            yield f"{module}.{name}"


def is_registered_loss(one):
    if not (inspect.isclass(one) and issubclass(one, keras.losses.Loss)):
        return False
    return keras.saving.get_registered_name(one) != one.__name__


@pytest.mark.parametrize("module", MODULES)
def test_every_public_function_and_loss_has_one(module):
    missing = [name for name in needs_an_example(module) if name not in EXAMPLES]
    assert missing == []


@pytest.mark.parametrize("name", EXAMPLES)
def test_it_runs_and_prints_what_it_shows(name):
    said = []
    runner = doctest.DocTestRunner(verbose=False)
    result = runner.run(EXAMPLES[name], out=said.append)
    assert result.attempted
    assert result.failed == 0, "".join(said)
