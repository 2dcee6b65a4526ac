import inspect

import pytest

from core.methods import weights
from core.methods.losses.hard_mining import HardMining
from core.methods.losses.margin import LMF
from core.methods.signature import signature_defaults


@pytest.mark.parametrize("builder", [HardMining, LMF, weights.effective_number_weights])
def test_constants_are_read_as_python_has_them(builder: object) -> None:
    assert callable(builder)
    module = inspect.unwrap(builder).__module__
    found = signature_defaults(f"{module}:{getattr(builder, '__name__', '')}")
    known = inspect.signature(builder).parameters
    assert found
    assert found == {name: known[name].default for name in found}


def test_a_constant_of_another_module_is_followed() -> None:
    found = signature_defaults("core.methods.losses.hard_mining:HardMining")
    assert found["beta"] == weights.BETA


def test_an_unknown_builder_is_an_error() -> None:
    with pytest.raises(KeyError):
        signature_defaults("core.methods.weights:gone")
