"""Standard errors from formulas, for readers who compare with tables printed elsewhere.

Units are taken as independent and equally weighed; no correction for a finite population. The
intervals of a report do not come from here: they are Wilson's or the bootstrap's.
"""

import math

import numpy as np

from grader.agreement.coefficients import Closeness
from grader.agreement.patterns import FloatArray, IntArray, Patterns


def gwet_standard_error(patterns: Patterns, closeness: Closeness) -> float | None:
    """Return the standard error of AC1 or AC2 by linearisation (Gwet 2008; 2014, section 5.3).

    None where the coefficient is undefined or rests on one unit.
    """
    codes, counts = patterns.codes, patterns.counts.astype(np.float64)
    q = closeness.n_levels
    given = (codes >= 0).sum(axis=1)
    rated, paired = given > 0, given >= 2
    n, n_paired = float(counts @ rated), float(counts @ paired)
    if n < 2 or n_paired == 0 or q < 2:
        return None
    levels = _level_counts(codes, q)
    near = _agreeing_pairs(codes, closeness) / np.maximum(given * (given - 1), 1)
    marginals = (counts / np.maximum(given, 1)) @ levels / n
    scale = closeness.total / (q * (q - 1))
    chance = scale * float((marginals * (1 - marginals)).sum())
    if 1 - chance <= 0 or (marginals * (1 - marginals)).sum() <= 0:
        return None
    observed = float(counts @ (near * paired)) / n_paired
    value = (observed - chance) / (1 - chance)
    own = (n / n_paired) * (near - chance) * paired / (1 - chance)
    own_chance = scale * (levels @ (1 - marginals)) / np.maximum(given, 1)
    linear = own - 2 * (1 - value) * (own_chance - chance) / (1 - chance)
    variance = float((counts * rated) @ (linear - value) ** 2) / (n * (n - 1))
    return math.sqrt(variance)


def kappa_standard_error(patterns: Patterns, weights: FloatArray) -> float | None:
    """Return the standard error of (weighted) kappa of two raters (Fleiss, Cohen & Everitt 1969).

    `weights` are the agreement weights, levels × levels, 1 on the diagonal. None where kappa is
    undefined.
    """
    q = len(weights)
    both = (patterns.codes >= 0).all(axis=1)
    table = np.zeros((q, q))
    first, second = patterns.codes[both].T
    np.add.at(table, (first, second), patterns.counts[both])
    n = float(table.sum())
    if n < 2:
        return None
    shares = table / n
    rows, columns = shares.sum(axis=1), shares.sum(axis=0)
    chance = float(rows @ weights @ columns)
    if 1 - chance <= 1e-12:
        return None
    if not (table * (1 - weights)).any():
        return 0.0
    value = (float((shares * weights).sum()) - chance) / (1 - chance)
    means = (weights @ columns)[:, np.newaxis] + (rows @ weights)[np.newaxis, :]
    spread = float((shares * (weights - means * (1 - value)) ** 2).sum())
    variance = (spread - (value - chance * (1 - value)) ** 2) / (n * (1 - chance) ** 2)
    return math.sqrt(max(0.0, variance))


def distance_weights(scores: FloatArray, *, power: int) -> FloatArray:
    """Return the agreement weights 1 − (|x − y| / greatest)^power of levels at `scores`."""
    apart = np.abs(scores[:, np.newaxis] - scores[np.newaxis, :])
    greatest = float(apart.max()) or 1.0
    weights: FloatArray = 1 - (apart / greatest) ** power
    return weights


def _level_counts(codes: IntArray, n_levels: int) -> FloatArray:
    counts = np.zeros((len(codes), n_levels))
    rows, raters = np.nonzero(codes >= 0)
    np.add.at(counts, (rows, codes[rows, raters]), 1.0)
    return counts


def _agreeing_pairs(codes: IntArray, closeness: Closeness) -> FloatArray:
    """Return the closeness summed over each pattern's ordered pairs of ratings."""
    near = np.zeros(len(codes))
    for a in range(codes.shape[1]):
        for b in range(codes.shape[1]):
            if a != b:
                both = (codes[:, a] >= 0) & (codes[:, b] >= 0)
                near[both] += closeness.between(codes[both, a], codes[both, b])
    return near
