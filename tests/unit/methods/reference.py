"""Numbers from the original implementations, and gradients on any backend."""

import json

from core.methods.verification.cases import SHIPPED
from core.methods.verification.gradients import value_and_gradients

METHODS = json.loads(SHIPPED.read_text(encoding="utf-8"))["methods"]
TOLERANCE = {
    "float64": {"rtol": 1e-6, "atol": 1e-9},
    "float32": {"rtol": 1e-4, "atol": 1e-4},
}


def cases(method):
    """Cases of a method, each with ``id``, ``params``, ``inputs``, ``expected``."""
    return METHODS[method]


def value_and_gradient(function, logits, dtype="float32"):
    """Value of a scalar function of the logits, and its gradient, as numpy arrays."""
    value, (gradient,) = value_and_gradients(function, logits, dtype=dtype)
    return value, gradient
