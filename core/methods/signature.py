"""Defaults in the signature of a builder, read without importing its module.

An entry states no default of its own, and a builder of a loss imports Keras. The
signature is therefore read from the source.
"""

import ast
import importlib.util
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any


def signature_defaults(builder: str) -> dict[str, Any]:
    """Defaults of the keyword-only arguments of a function or class.

    Parameters
    ----------
    builder : str
        ``module:function``, or ``module:Class`` for the arguments of ``__init__``.

    Returns
    -------
    dict of str to value
        The defaults that are plain values, by name.

    Raises
    ------
    KeyError
        If the module does not define it.

    Examples
    --------
    >>> signature_defaults("core.methods.losses.balanced:LogitAdjusted")
    {'tau': 1.0}
    """
    module, _, name = builder.partition(":")
    arguments = _signatures(module)[name]
    pairs = zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True)
    return {
        argument.arg: default.value
        for argument, default in pairs
        if isinstance(default, ast.Constant)
    }


@cache
def _signatures(module: str) -> Mapping[str, ast.arguments]:
    """Arguments of each function of a module, and of each class."""
    spec = importlib.util.find_spec(module)
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError(f"There is no module {module}.")
    found = {}
    for node in ast.parse(Path(spec.origin).read_text(encoding="utf-8")).body:
        if isinstance(node, ast.FunctionDef):
            found[node.name] = node.args
        elif isinstance(node, ast.ClassDef):
            for own in node.body:
                if isinstance(own, ast.FunctionDef) and own.name == "__init__":
                    found[node.name] = own.args
    return found
