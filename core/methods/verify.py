"""Our methods against numbers of the original implementations.

A file of cases holds inputs and outputs of the originals, in the words of its schema.
Here every case goes into the functions that train, and the answers are compared field
by field.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np

from core.errors import EquipoiseError
from core.methods.verification import classification, regression, weighting
from core.methods.verification.cases import (
    ENTRY_NAMES,
    Case,
    Dtype,
    NoImplementation,
    Tolerance,
    check_arguments,
)
from core.methods.verification.comparison import Check, compare

Adapter = Callable[..., Mapping[str, Any]]

# Keys are the schema's names of methods; inputs and parameters are in the signatures.
ADAPTERS: Mapping[str, Adapter] = {
    "ins_weights": weighting.ins_weights,
    "class_balanced_weights": weighting.class_balanced_weights,
    "weighted_cross_entropy": classification.weighted_cross_entropy,
    "focal_loss": classification.focal_loss,
    "binary_focal_loss": classification.binary_focal_loss,
    "class_balanced_focal_sigmoid": classification.class_balanced_focal_sigmoid,
    "ldam_loss": classification.ldam_loss,
    "drw_weights": weighting.drw_weights,
    "training_schedule": weighting.training_schedule,
    "lmf_loss": classification.lmf_loss,
    "hmloss": classification.hmloss,
    "balanced_softmax": classification.balanced_softmax,
    "softmax_equalization": classification.softmax_equalization,
    "denseweight": regression.denseweight,
    "dense_loss": regression.dense_loss,
    "lds_weights": weighting.lds_weights,
    "weighted_regression_loss": regression.weighted_regression_loss,
    "fds": regression.fds,
    "balanced_mse_bmc": regression.balanced_mse_bmc,
    "imbalance_profile": weighting.imbalance_profile,
    "fair_metric": weighting.fair_metric,
}


@dataclass(frozen=True)
class CaseResult:
    """The result of a case.

    Parameters
    ----------
    case : Case
    tolerance : Tolerance
    checks : tuple of Check
        One an expected field that was answered.
    problem : str
        Reason why it could not be run, or only in part; empty if it was run.
    implemented : bool
        Whether everything that the case asks for is implemented here.
    """

    case: Case
    tolerance: Tolerance
    checks: tuple[Check, ...] = ()
    problem: str = ""
    implemented: bool = True

    @property
    def passed(self) -> bool:
        """Whether every expected field was answered, within the tolerance."""
        return not self.problem and all(check.passed for check in self.checks)


@dataclass(frozen=True)
class MethodResult:
    """The results of the cases of a method, at least one."""

    method: str
    cases: tuple[CaseResult, ...]

    @property
    def entries(self) -> tuple[str, ...]:
        """Names of the remedy in the registry; none if it is not a remedy."""
        return ENTRY_NAMES.get(self.method, ())

    @property
    def reasons(self) -> tuple[str, ...]:
        """Reasons in the file for tolerances of their own."""
        given = (result.case.why for result in self.cases)
        return tuple(dict.fromkeys(why for why in given if why))

    @property
    def passed(self) -> bool:
        """Whether every case passed."""
        return all(result.passed for result in self.cases)

    @property
    def failures(self) -> tuple[CaseResult, ...]:
        """The cases that did not pass."""
        return tuple(result for result in self.cases if not result.passed)

    @property
    def implemented(self) -> bool:
        """Whether every case is implemented here."""
        return all(result.implemented for result in self.cases)

    @property
    def worst(self) -> tuple[Check, Tolerance] | None:
        """The largest deviation, as a share of its tolerance, and that tolerance."""
        checks = [(c, result.tolerance) for result in self.cases for c in result.checks]
        return max(checks, key=lambda pair: pair[0].share, default=None)

    @property
    def worst_deviation(self) -> float:
        """The largest absolute deviation."""
        return max((c.deviation for r in self.cases for c in r.checks), default=np.nan)


@dataclass(frozen=True)
class Verification:
    """The results of a file of cases.

    Parameters
    ----------
    backend : str
        Backend of Keras.
    dtype : {"float64", "float32"}
        Precision of the losses.
    methods : tuple of MethodResult
        In the order of the file.
    """

    backend: str
    dtype: Dtype
    methods: tuple[MethodResult, ...]

    @property
    def passed(self) -> bool:
        """Whether every case passed."""
        return all(result.passed for result in self.methods)

    def as_dict(self) -> dict[str, Any]:
        """The same as plain values, for JSON, with None for infinite values."""
        return {
            "passed": self.passed,
            "backend": self.backend,
            "dtype": self.dtype,
            "methods": [_method_as_dict(result) for result in self.methods],
        }


def verify(cases: Sequence[Case], *, dtype: Dtype = "float64") -> Verification:
    """Run cases against the functions that train.

    Parameters
    ----------
    cases : sequence of Case
        See ``load_cases``.
    dtype : {"float64", "float32"}
        Precision of predictions and losses; weights and schedules are always float64.

    Returns
    -------
    Verification
        A case that cannot be run has failed, with the reason.
    """
    results: dict[str, list[CaseResult]] = {}
    for case in cases:
        results.setdefault(case.method, []).append(_run(case, dtype))
    return Verification(
        backend=keras.backend.backend(),
        dtype=dtype,
        methods=tuple(
            MethodResult(method, tuple(group)) for method, group in results.items()
        ),
    )


def _run(case: Case, dtype: Dtype) -> CaseResult:
    tolerance = case.tolerance(dtype)
    try:
        answers = _answer(case, dtype)
    except NoImplementation as error:
        return CaseResult(case, tolerance, problem=str(error), implemented=False)
    except EquipoiseError as error:
        return CaseResult(case, tolerance, problem=str(error))
    except Exception as error:  # noqa: BLE001  every backend has kinds of its own
        reason = f"{type(error).__name__}: {error}".splitlines()[0]
        return CaseResult(case, tolerance, problem=f"It could not be run: {reason}")
    unanswered = [field for field in case.expected if field not in answers]
    checks = tuple(
        compare(field, expected, answers[field], tolerance)
        for field, expected in case.expected.items()
        if field in answers
    )
    if not unanswered:
        return CaseResult(case, tolerance, checks)
    problem = f"Nothing answers to {', '.join(map(repr, unanswered))}."
    return CaseResult(case, tolerance, checks, problem, implemented=False)


def _answer(case: Case, dtype: Dtype) -> Mapping[str, Any]:
    if case.method not in ADAPTERS:
        raise NoImplementation(
            f"There is no method '{case.method}'.",
            expected=f"one of {', '.join(ADAPTERS)}.",
        )
    adapter = ADAPTERS[case.method]
    arguments = {**case.inputs, **case.params}
    if "dtype" in arguments or len(arguments) < len(case.inputs) + len(case.params):
        raise NoImplementation("A parameter has the name of an input, or is 'dtype'.")
    check_arguments(adapter, ("dtype", *arguments), f"'{case.method}'")
    # A list of numbers would pass through float32 on its way into some backends.
    arrays = {
        name: np.asarray(value) if isinstance(value, list) else value
        for name, value in arguments.items()
    }
    return adapter(dtype=dtype, **arrays)


def _method_as_dict(result: MethodResult) -> dict[str, Any]:
    check, tolerance = result.worst or (None, None)
    return {
        "method": result.method,
        "entries": list(result.entries),
        "cases": len(result.cases),
        "passed": result.passed,
        "implemented": result.implemented,
        "worst_of_tolerance": _finite(check.share if check else None),
        "worst_deviation": _finite(result.worst_deviation),
        "rtol": tolerance.relative if tolerance else None,
        "atol": tolerance.absolute if tolerance else None,
        "failures": [
            {
                "id": failure.case.id,
                "problem": failure.problem,
                "fields": [
                    {
                        "field": check.field,
                        "expected": _finite(check.expected),
                        "got": _finite(check.got),
                        "deviation": _finite(check.deviation),
                        "of_tolerance": _finite(check.share),
                    }
                    for check in failure.checks
                    if not check.passed
                ],
            }
            for failure in result.failures
        ],
    }


def _finite(value: Any) -> Any:
    return None if isinstance(value, float) and not np.isfinite(value) else value
