"""Metrics, intervals and verdicts; ``compare`` is the way in for arrays."""

from core.evaluation.arrays import compare

__all__ = ["compare"]
