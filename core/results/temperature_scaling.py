"""A study before and after temperature scaling, and whether that helps."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from core.evaluation.alignment import RunKey
from core.evaluation.comparison import Comparison
from core.evaluation.grouping import ALL_IMAGES
from core.evaluation.metrics import CONFIDENCE
from core.evaluation.scaled_probabilities import (
    AFTER,
    ScaledRuns,
    compare_scaled,
    scale_runs,
)
from core.results.json_values import plain
from core.results.study_runs import study_options
from core.runs import Run
from core.study import Study
from core.tasks import Classification, Task


@dataclass(frozen=True)
class ScaledStudy:
    """Runs before and after scaling, and their metrics; None if none was scaled."""

    task: Classification
    scaled: ScaledRuns
    comparison: Comparison | None

    def before_and_after(self) -> pd.DataFrame:
        """One row a method and metric: the value before and after, and the difference.

        Columns ``method``, ``metric``, ``before`` with ``before_low`` and
        ``before_high``, ``after`` and ``temperature`` alike, and those of
        ``Comparison.cells`` on the difference, after less before.
        """
        if self.comparison is None:
            return pd.DataFrame(columns=["method", "metric", "before", "after"])
        rows = []
        temperatures = self.scaled.temperatures
        overall = temperatures[temperatures["group"] == ALL_IMAGES]
        overall = overall.set_index("method")
        for method in self.scaled.methods:
            own = overall.loc[method]
            for name in CONFIDENCE:
                key = f"{self.task.name}.{name}"
                before = self.comparison.row(method, key)
                after = self.comparison.row(method + AFTER, key)
                rows.append(
                    {
                        "method": method,
                        "metric": key,
                        **_value("before", before, before["mean"]),
                        **_value("after", after, after["mean"]),
                        **_value("temperature", own, own["temperature"]),
                        **{column: after[column] for column in _DIFFERENCE},
                    }
                )
        return pd.DataFrame(rows)


_DIFFERENCE = (
    *("delta", "delta_low", "delta_high", "p", "margin"),
    *("verdict", "scope", "note", "n", "seeds"),
)


def _value(name: str, row: pd.Series, value: float) -> dict[str, Any]:
    return {name: value, f"{name}_low": row["low"], f"{name}_high": row["high"]}


def scale_study(
    study: Study,
    runs: Iterable[Run],
    test: Mapping[RunKey, pd.DataFrame],
    validation: Mapping[RunKey, pd.DataFrame],
    task: Classification,
    baseline: str,
    *,
    by: str = "",
    tasks: Sequence[Task] = (),
) -> ScaledStudy:
    """Scale the probabilities of a study's runs, each by its own validation images.

    Parameters as for ``scale_runs``; ``study`` and ``runs`` say how images were drawn
    and which methods a verdict is corrected over.
    """
    scaled = scale_runs(test, validation, task, baseline, by=by, tasks=tasks)
    if not scaled.methods:
        return ScaledStudy(task, scaled, None)
    options = study_options(study, runs, test, baseline)
    return ScaledStudy(task, scaled, compare_scaled(test, task, scaled, **options))


def scaling_record(found: ScaledStudy) -> dict[str, Any]:
    """A study before and after scaling as plain values, ready for JSON.

    Returns
    -------
    dict
        ``{"task", "methods", "left_out"}``. Each of the ``methods`` has ``name``, its
        ``temperature`` with ``ci``, ``lowest`` and ``highest`` over the ``seeds``, and
        the ``validation_images``; and ``metrics``: each ``before`` and ``after``, and
        the ``delta`` with ``mean``, ``ci``, ``p``, ``verdict`` and ``scope``.
        ``left_out`` says why by method.
    """
    table = found.before_and_after()
    temperatures = found.scaled.temperatures.set_index("method")
    methods = []
    for method in found.scaled.methods:
        own = temperatures.loc[method]
        rows = table[table["method"] == method].to_dict("records")
        methods.append(
            {
                "name": method,
                "temperature": plain(own["temperature"]),
                "ci": [plain(own["low"]), plain(own["high"])],
                "lowest": plain(own["lowest"]),
                "highest": plain(own["highest"]),
                "seeds": int(own["seeds"]),
                "validation_images": int(own["images"]),
                "metrics": {
                    row["metric"]: {
                        "before": plain(row["before"]),
                        "after": plain(row["after"]),
                        "delta": {
                            "mean": plain(row["delta"]),
                            "ci": [plain(row["delta_low"]), plain(row["delta_high"])],
                            "p": plain(row["p"]),
                            "verdict": row["verdict"],
                            "scope": row["scope"],
                        },
                    }
                    for row in rows
                },
            }
        )
    left = dict(found.scaled.left)
    return {"task": found.task.name, "methods": methods, "left_out": left}
