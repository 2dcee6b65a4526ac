"""Numbers from the original implementations, and gradients on any backend."""

import json
from pathlib import Path

import keras
import numpy as np

DATA = Path(__file__).parents[2] / "data" / "methods.json"
TOLERANCE = {
    "float64": {"rtol": 1e-6, "atol": 1e-9},
    "float32": {"rtol": 1e-4, "atol": 1e-4},
}


def cases(method):
    """Cases of a method, each with ``id``, ``params``, ``inputs``, ``expected``."""
    return json.loads(DATA.read_text(encoding="utf-8"))[method]


def value_and_gradient(function, logits, dtype="float32"):
    """Value of a scalar function of the logits, and its gradient, as numpy arrays."""
    backend = keras.backend.backend()
    if backend == "tensorflow":
        import tensorflow as tf

        variable = tf.constant(np.asarray(logits), dtype)
        with tf.GradientTape() as tape:
            tape.watch(variable)
            value = function(variable)
        return float(value), np.asarray(tape.gradient(value, variable))
    if backend == "torch":
        import torch

        variable = torch.tensor(np.asarray(logits, dtype), requires_grad=True)
        value = function(variable)
        (gradient,) = torch.autograd.grad(value, variable)
        return float(value.detach()), gradient.numpy()
    import jax

    value, gradient = jax.value_and_grad(function)(np.asarray(logits, dtype))
    return float(value), np.asarray(gradient)
