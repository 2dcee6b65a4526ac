"""Probabilities beside what happened: reliability curves and histograms."""

import numpy as np
import pandas as pd

from core.evaluation.alignment import AlignedPredictions
from core.evaluation.calibration import bin_of, bins_for
from core.evaluation.intervals import wilson
from core.evaluation.resampling import Doubles, Flags
from core.tasks import Classification

HISTOGRAM_BINS = 20


def reliability_curves(
    aligned: AlignedPredictions, task: Classification
) -> pd.DataFrame:
    """How often each method is right where it is about as sure.

    Parameters
    ----------
    aligned : AlignedPredictions
    task : Binary or Multiclass

    Returns
    -------
    DataFrame
        Columns ``method``, ``confidence`` (mean highest probability of the bin, 0 to
        1), ``accuracy`` (0 to 1) with ``low`` and ``high``, and ``images``: those of
        the bin, as a mean over the seeds. Bins hold equally many answers, as those of
        the expected calibration error do. No rows of a method that has no
        probabilities.

    Notes
    -----
    The interval is Wilson's for as many images as a seed has in the bin. The answers of
    several seeds to one image are much alike: more images than that are not claimed.
    """
    parts = []
    for method, sure, right in _answers(aligned, task):
        seeds, rows = sure.shape
        codes = bin_of(sure.ravel(), bins_for(rows))
        counts = np.bincount(codes)
        confidence, accuracy = (
            np.bincount(codes, values.ravel()) / np.maximum(counts, 1)
            for values in (sure, right)
        )
        images = counts / seeds
        spread = accuracy * (1 - accuracy)
        low, high = wilson(accuracy, images, spread, seeds=1)
        table = pd.DataFrame(
            {
                "method": method,
                "confidence": confidence,
                "accuracy": accuracy,
                "low": low,
                "high": high,
                "images": images,
            }
        )
        parts.append(table[counts > 0])
    return _joined(parts, ["method", "confidence", "accuracy", "low", "high", "images"])


def confidence_histograms(
    aligned: AlignedPredictions, task: Classification
) -> pd.DataFrame:
    """How sure each method is: share of its answers by their highest probability.

    Parameters
    ----------
    aligned : AlignedPredictions
    task : Binary or Multiclass

    Returns
    -------
    DataFrame
        Columns ``method``, ``start``, ``end`` and ``share``; a probability of 1 is in
        the last bin.
    """
    edges = np.linspace(0, 1, HISTOGRAM_BINS + 1)
    parts = []
    for method, sure, _ in _answers(aligned, task):
        counts, _ = np.histogram(np.clip(sure, 0, 1), edges)
        parts.append(
            pd.DataFrame(
                {
                    "method": method,
                    "start": edges[:-1],
                    "end": edges[1:],
                    "share": counts / sure.size,
                }
            )
        )
    return _joined(parts, ["method", "start", "end", "share"])


def confidence_gaps(aligned: AlignedPredictions, task: Classification) -> pd.DataFrame:
    """Mean confidence beside accuracy, one row a method that has probabilities.

    Parameters
    ----------
    aligned : AlignedPredictions
    task : Binary or Multiclass

    Returns
    -------
    DataFrame
        Columns ``method``, ``confidence`` and ``accuracy`` (0 to 1), and ``gap``, the
        first less the second: above 0 is over-confident.
    """
    rows = [
        (method, float(sure.mean()), float(right.mean()))
        for method, sure, right in _answers(aligned, task)
    ]
    table = pd.DataFrame(rows, columns=["method", "confidence", "accuracy"])
    return table.assign(gap=table["confidence"] - table["accuracy"])


def _answers(
    aligned: AlignedPredictions, task: Classification
) -> list[tuple[str, Doubles, Flags]]:
    """By method, the highest probability and whether its class is right, by seed."""
    truth = aligned.truth[task.name].astype(np.int64)
    found = []
    for method in aligned.methods:
        given = aligned.probabilities_of(task.name, method)
        if given:
            sure = np.stack([p.max(axis=1) for p in given]).astype(np.float64)
            right = np.stack([p.argmax(axis=1) == truth for p in given])
            found.append((method, sure, right))
    return found


def _joined(parts: list[pd.DataFrame], columns: list[str]) -> pd.DataFrame:
    if not parts:
        return pd.DataFrame(columns=columns)
    return pd.concat(parts, ignore_index=True)
