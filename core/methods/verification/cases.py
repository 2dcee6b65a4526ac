"""Files of cases: inputs and expected outputs. Nothing here imports Keras."""

import inspect
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any, Literal, cast

import numpy as np

from core.errors import EquipoiseError, MethodError

Dtype = Literal["float64", "float32"]
SCHEMA = "golden-imbalance/1"
SHIPPED = Path(__file__).parents[1] / "losses.json"
# Relative and absolute, for cases without a tolerance of their own.
TOLERANCE: dict[Dtype, tuple[float, float]] = {
    "float64": (1e-6, 1e-9),
    "float32": (1e-4, 1e-4),
}
# Names in the schema, and the names that the registry, studies and ``equipoise
# methods`` have for them. The others are not remedies: a schedule, a profile, a metric.
ENTRY_NAMES: Mapping[str, tuple[str, ...]] = {
    "ins_weights": ("ins",),
    "class_balanced_weights": ("class-balanced",),
    "weighted_cross_entropy": ("ins", "class-balanced"),
    "focal_loss": ("focal",),
    "binary_focal_loss": ("binary-focal",),
    "class_balanced_focal_sigmoid": ("class-balanced-focal",),
    "ldam_loss": ("ldam",),
    "drw_weights": ("class-balanced",),
    "lmf_loss": ("lmf",),
    "hmloss": ("hmloss",),
    "balanced_softmax": ("balanced-softmax",),
    "softmax_equalization": ("softmax-equalization",),
    "denseweight": ("denseweight",),
    "dense_loss": ("denseweight",),
    "lds_weights": ("lds",),
    "weighted_regression_loss": ("focal-regression", "huber"),
    "fds": ("fds",),
    "balanced_mse_bmc": ("balanced-mse",),
}
FIX = "fix the file; the shipped losses.json shows the form."
_PARTS = ("params", "inputs", "expected")


class NoImplementation(MethodError):
    """A case asks for something that is not implemented here."""


@dataclass(frozen=True)
class Tolerance:
    """A deviation of up to ``absolute + relative * |expected|`` is allowed."""

    relative: float
    absolute: float

    def __str__(self) -> str:
        return f"rtol {self.relative:g}, atol {self.absolute:g}"


@dataclass(frozen=True)
class Case:
    """Inputs and parameters of a method, and the expected answer.

    Parameters
    ----------
    id, method : str
        As in the file.
    params, inputs : mapping of str to value
        Arguments of the method, in the words of the schema.
    expected : mapping of str to value
        Numbers or words, or nested lists of them, one entry a field.
    tol : mapping of str to float
        The case's own tolerance: ``rtol`` and ``atol``, or the same with ``_f64`` and
        ``_f32`` for one precision.
    why : str
        Reason for its own tolerance; empty if the file gives none.
    """

    id: str
    method: str
    params: Mapping[str, Any]
    inputs: Mapping[str, Any]
    expected: Mapping[str, Any]
    tol: Mapping[str, Any]
    why: str = ""

    def tolerance(self, dtype: Dtype) -> Tolerance:
        """Tolerance at a precision; in float32 never smaller than the usual one."""
        usual = TOLERANCE[dtype]
        relative, absolute = (
            float(
                self.tol.get(f"{name}_f{dtype[-2:]}", self._for_both(name, at, dtype))
            )
            for name, at in zip(("rtol", "atol"), usual, strict=True)
        )
        return Tolerance(relative, absolute)

    def _for_both(self, name: str, usual: float, dtype: Dtype) -> float:
        given = float(self.tol.get(name, usual))
        return given if dtype == "float64" else max(given, usual)


def check_arguments(
    function: Callable[..., Any], names: Iterable[str], what: str
) -> None:
    """Refuse arguments that a function does not take, and missing ones.

    Raises
    ------
    NoImplementation
        If there are any.
    """
    known = inspect.signature(function).parameters
    given = list(names)
    free = any(p.kind is p.VAR_KEYWORD for p in known.values())
    needed = [
        n for n, p in known.items() if p.default is p.empty and p.kind != p.VAR_KEYWORD
    ]
    unknown = [] if free else [name for name in given if name not in known]
    if unknown:
        raise NoImplementation(
            f"{what} takes no '{unknown[0]}'.", expected=f"any of {', '.join(known)}."
        )
    missing = [name for name in needed if name not in given]
    if missing:
        raise NoImplementation(
            f"{what} needs '{missing[0]}'.", expected=f"at least {', '.join(needed)}."
        )


def load_cases(path: Path | None = None, methods: Sequence[str] = ()) -> list[Case]:
    """Read the cases of a file.

    Parameters
    ----------
    path : Path, optional
        A JSON file of schema ``golden-imbalance/1``; by default the shipped one.
    methods : sequence of str
        Only the cases of these methods, by the schema's name or by the registry's
        (``ENTRY_NAMES``), the first where both have it; all by default.

    Returns
    -------
    list of Case
        In the order of the file.

    Raises
    ------
    EquipoiseError
        If the file is missing, is not JSON or not of that schema; if a case lacks a
        part or expects a value that is not finite; or if a method has no case.
    """
    path = path or SHIPPED
    groups = _read_methods(path)
    names = {group: (*ENTRY_NAMES.get(group, ()), group) for group in groups}
    known = tuple(dict.fromkeys(chain.from_iterable(names.values())))
    # A name in the file selects only its own cases.
    asked = set(methods) - set(groups)
    unknown = [name for name in methods if name not in known]
    if unknown:
        raise EquipoiseError(
            f"{path} has no cases of '{unknown[0]}'.",
            expected=f"one of {', '.join(known)}.",
            remedy="correct the name given to --method.",
        )
    cases = [
        _read_case(path, method, place, entry)
        for method, entries in groups.items()
        if not methods or method in methods or not asked.isdisjoint(names[method])
        for place, entry in enumerate(entries)
    ]
    if not cases:
        raise EquipoiseError(
            f"{path} has no cases.",
            expected="at least one case under 'methods'.",
            remedy=FIX,
        )
    return cases


def _read_methods(path: Path) -> dict[str, list[Any]]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise EquipoiseError(
            f"There is no file {path}.",
            expected="a JSON file of cases.",
            remedy="correct the path, or leave it out to run the shipped cases.",
        ) from None
    except ValueError as error:
        raise EquipoiseError(
            f"{path} is not JSON: {error}.",
            expected="a JSON file of cases.",
            remedy=FIX,
        ) from None
    schema = content.get("schema") if isinstance(content, dict) else None
    if schema != SCHEMA:
        raise EquipoiseError(
            f"{path} is of schema {schema!r}.",
            expected=f"an object whose 'schema' is {SCHEMA!r}.",
            remedy=FIX,
        )
    groups = content.get("methods")
    if not isinstance(groups, dict) or not all(
        isinstance(entries, list) for entries in groups.values()
    ):
        raise EquipoiseError(
            f"{path} has no 'methods' to run.",
            expected="'methods': an object with a list of cases for each method.",
            remedy=FIX,
        )
    return cast("dict[str, list[Any]]", groups)


def _read_case(path: Path, method: str, place: int, entry: Any) -> Case:
    name = f"Case {place} of '{method}' in {path}"
    if not isinstance(entry, dict):
        raise EquipoiseError(
            f"{name} is not an object.", expected="a case.", remedy=FIX
        )
    name = f"Case '{entry.get('id', place)}' of '{method}' in {path}"
    for part in _PARTS:
        if not isinstance(entry.get(part), dict):
            raise EquipoiseError(
                f"{name} has no '{part}'.",
                expected=f"objects {', '.join(repr(part) for part in _PARTS)}.",
                remedy=FIX,
            )
    if not entry["expected"]:
        raise EquipoiseError(
            f"{name} expects nothing.", expected="at least one field.", remedy=FIX
        )
    for field, value in entry["expected"].items():
        _check_expected(f"{name}: its expected '{field}'", value)
    return Case(
        id=str(entry.get("id", f"{method}-{place}")),
        method=method,
        params=entry["params"],
        inputs=entry["inputs"],
        expected=entry["expected"],
        tol=_read_tolerance(name, entry.get("tol") or {}),
        why=str((entry.get("tol") or {}).get("why", "")),
    )


def _check_expected(what: str, value: Any) -> None:
    try:
        values = np.asarray(value)
    except ValueError:
        raise EquipoiseError(
            f"{what} has rows of several lengths.",
            expected="rows of one length.",
            remedy=FIX,
        ) from None
    words = values.dtype.kind == "U"
    numbers = values.dtype.kind in "iufb" and bool(np.isfinite(values).all())
    if not (words or numbers):
        raise EquipoiseError(
            f"{what} is not a finite number.",
            expected="numbers or words, or lists of one kind of them.",
            remedy=FIX,
        )


def _read_tolerance(name: str, given: Any) -> Mapping[str, Any]:
    numbers = {
        key: value
        for key, value in (given.items() if isinstance(given, dict) else ())
        if key.startswith(("rtol", "atol"))
    }
    sound = all(
        isinstance(value, int | float) and np.isfinite(value) and value >= 0
        for value in numbers.values()
    )
    if not isinstance(given, dict) or not sound:
        raise EquipoiseError(
            f"{name} has a 'tol' that is not a tolerance: {given!r}.",
            expected="an object with numbers from 0 as 'rtol' and 'atol'.",
            remedy=FIX,
        )
    return numbers
