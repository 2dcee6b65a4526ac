"""Bases of the losses: one over a function, one over another loss."""

import inspect
from collections.abc import Callable, Mapping
from typing import Any, Self

import keras
import numpy as np

Tensor = Any


class FunctionLoss(keras.losses.Loss):
    """A loss that takes the value of each example from a function.

    A subclass checks its parameters and names the function; its ``__init__`` is the
    one place for their defaults.

    Parameters
    ----------
    function : callable
        From ``(y_true, y_pred)`` and keyword arguments to one value an example.
    parameters : mapping of str to value
        The arguments of the subclass's ``__init__``, checked. They are the loss's
        configuration, and the function receives those that it takes.
    derived : mapping of str to value
        Arguments of the function that the subclass has computed from the parameters.
    reduction, name, dtype
        As for every Keras loss; by default it is named after the function.
    """

    def __init__(
        self,
        function: Callable[..., Tensor],
        parameters: Mapping[str, Any],
        *,
        derived: Mapping[str, Any] | None = None,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = None,
        dtype: str | None = None,
    ) -> None:
        super().__init__(
            name=name or function.__name__, reduction=reduction, dtype=dtype
        )
        self.function = function
        self.parameters = dict(parameters)
        taken = inspect.signature(function).parameters
        own = {key: value for key, value in parameters.items() if key in taken}
        self.arguments = {**own, **(derived or {})}

    @classmethod
    def defaults(cls) -> dict[str, Any]:
        """Defaults of ``__init__`` by name."""
        known = inspect.signature(cls).parameters.values()
        return {p.name: p.default for p in known if p.default is not p.empty}

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        """One value an example, shape (n,)."""
        return self.function(y_true, y_pred, **self.arguments)

    def get_config(self) -> dict[str, Any]:
        """The arguments of ``__init__``, as plain values."""
        plain = {
            key: value.tolist() if isinstance(value, np.ndarray) else value
            for key, value in self.parameters.items()
        }
        return {**super().get_config(), **plain, "dtype": self.dtype}


class WrappingLoss(keras.losses.Loss):
    """A loss that is computed from another loss.

    Parameters
    ----------
    base : keras.losses.Loss
        One value an image.
    name, dtype
        As for every Keras loss.
    """

    def __init__(
        self, base: keras.losses.Loss, *, name: str, dtype: str | None = None
    ) -> None:
        super().__init__(name=name, dtype=dtype)
        self.base = base

    def get_config(self) -> dict[str, Any]:
        """The arguments of ``__init__``, the base as its own configuration."""
        return {
            "name": self.name,
            "dtype": self.dtype,
            "base": keras.losses.serialize(self.base),
        }

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        """Build the loss from its configuration."""
        base = keras.losses.deserialize(config["base"])
        return cls(**{**config, "base": base})
