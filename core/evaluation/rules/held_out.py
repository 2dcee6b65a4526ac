"""How well a rule predicts the labels of images that it was not searched on."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from core.evaluation.formulas import class_rate
from core.evaluation.intervals import wilson
from core.evaluation.resampling import LEVEL
from core.evaluation.rules.conditions import Booleans, Doubles
from core.evaluation.rules.search import Rule

METRICS = ("precision", "recall", "f1")


def judge_rules(
    rules: Sequence[Rule],
    table: pd.DataFrame,
    labels: Booleans,
    *,
    level: float = LEVEL,
) -> pd.DataFrame:
    """Precision, recall and F1 of rules, each with its interval.

    Parameters
    ----------
    rules : sequence of Rule
    table : DataFrame
        One row a held-out image, with the attributes of the rules.
    labels : bool array, shape (rows,)
        Whether each image has the label.
    level : float, in (0, 1)

    Returns
    -------
    DataFrame
        One row a rule, in the order given: of each of ``METRICS`` its value,
        ``<metric>_low`` and ``<metric>_high``; NaN where a denominator is 0.

    Notes
    -----
    Intervals are Wilson's. F1 has one too: of the images with the label or the rule,
    let J be the share with both. F1 is 2 J / (1 + J), which rises with J. Unlike the
    bootstrap's it does not shrink to nothing where a rule is right about all images.
    How a balanced test set was drawn is not taken into account: a rule is made of the
    very attributes that it was drawn by.
    """
    says = np.array([rule.holds(table) for rule in rules], bool)
    says = says.reshape(len(rules), len(table))
    support = np.full(len(rules), labels.sum(), np.float64)
    predicted = says.sum(axis=1, dtype=np.float64)
    hits = (says & labels).sum(axis=1, dtype=np.float64)
    total = np.full(len(rules), len(table), np.float64)
    either = support + predicted - hits
    found: dict[str, Doubles] = {}
    counts = dict(zip(METRICS, (predicted, support, either), strict=True))
    for metric, images in counts.items():
        with np.errstate(divide="ignore", invalid="ignore"):
            share = hits / images
        found[metric] = np.asarray(class_rate(metric, total, support, hits, predicted))
        ends = wilson(share, images, share * (1 - share), seeds=1, level=level)
        for name, end in zip(("low", "high"), ends, strict=True):
            found[f"{metric}_{name}"] = 2 * end / (1 + end) if metric == "f1" else end
    return pd.DataFrame(found)
