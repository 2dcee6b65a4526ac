"""Runs whose variances are known, and the contrasts of them."""

import numpy as np

from core.evaluation.variance import RunDraws, compute_contrasts

N = 400


def runs(values, draws):
    """One metric."""
    return RunDraws(np.asarray(values, float)[None], np.asarray(draws, float)[None])


def draw_runs(rng, seeds, *, metrics=1, image=1.0, seed=0.0, both=0.0, resamples=500):
    """Runs whose bootstrap draws have the variances that made their values."""
    shape = (metrics, seeds)
    values = (
        image * rng.normal(size=(metrics, 1))
        + seed * rng.normal(size=shape)
        + both * rng.normal(size=shape)
    )
    draws = image * rng.normal(size=(metrics, 1, resamples)) + both * rng.normal(
        size=(*shape, resamples)
    )
    return RunDraws(values, draws)


def contrasts_of(methods, **kwargs):
    first = next(iter(methods.values()))
    n = np.full(len(first.values), N)
    return compute_contrasts(methods, next(iter(methods)), n, **kwargs)


def exactly(correlation, resamples=4000):
    """Draws whose sample covariance is the given matrix to the last digit."""
    rng = np.random.default_rng(0)
    size = len(correlation)
    noise = rng.normal(size=(size, resamples))
    noise -= noise.mean(axis=1, keepdims=True)
    white = np.linalg.solve(np.linalg.cholesky(np.atleast_2d(np.cov(noise))), noise)
    values, vectors = np.linalg.eigh(correlation)
    return vectors @ (np.sqrt(np.maximum(values, 0))[:, None] * white)


def against_a_still_baseline(correlation, deltas):
    """Methods of one seed whose differences have the given correlation."""
    draws = exactly(np.asarray(correlation, float))
    methods = {"base": runs([0], np.zeros((1, draws.shape[1])))}
    for k, delta in enumerate(deltas):
        methods[f"m{k}"] = runs([delta], draws[k][None])
    return contrasts_of(methods)
