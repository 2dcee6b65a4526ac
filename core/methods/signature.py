"""Defaults in the signature of a builder, read without importing its module.

An entry states no default of its own, and a builder of a loss imports Keras. The
signature is therefore read from the source. A default may be a constant of its module,
or one that its module imports from another, so that several builders can share it.
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
        The defaults that are plain values or constants of plain values, by name.

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
    found = {}
    for argument, default in zip(
        arguments.kwonlyargs, arguments.kw_defaults, strict=True
    ):
        if isinstance(default, ast.Constant):
            found[argument.arg] = default.value
        elif isinstance(default, ast.Name):
            found[argument.arg] = _constant(module, default.id)
    return found


def _constant(module: str, name: str) -> Any:
    """Value of a constant that a module defines or imports from another."""
    for node in _parse(module).body:
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant):
            if any(isinstance(t, ast.Name) and t.id == name for t in node.targets):
                return node.value.value
        elif isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                if (alias.asname or alias.name) == name:
                    return _constant(node.module, alias.name)
    raise KeyError(name)


@cache
def _parse(module: str) -> ast.Module:
    spec = importlib.util.find_spec(module)
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError(f"There is no module {module}.")
    return ast.parse(Path(spec.origin).read_text(encoding="utf-8"))


@cache
def _signatures(module: str) -> Mapping[str, ast.arguments]:
    """Arguments of each function of a module, and of each class."""
    found = {}
    for node in _parse(module).body:
        if isinstance(node, ast.FunctionDef):
            found[node.name] = node.args
        elif isinstance(node, ast.ClassDef):
            for own in node.body:
                if isinstance(own, ast.FunctionDef) and own.name == "__init__":
                    found[node.name] = own.args
    return found
