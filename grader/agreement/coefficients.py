"""Coefficients of agreement among any number of raters, for all bootstrap draws at once.

Each function takes patterns and returns an estimator: weights (draws, patterns) in, one value a
draw out, NaN where the coefficient is undefined because nothing varies. Nothing is clamped: alpha
and kappa may be negative. Intervals and reasons are made elsewhere, two raters in `pairwise.py`.

What becomes of missing cells: raw agreement and alpha use every unit with two ratings; Fleiss'
kappa only units that all raters rated; Gwet's coefficients take the agreement from units with two
ratings, and the marginals from all units with one (Gwet 2014, as in irrCAC).
"""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import combinations
from typing import Literal

import numpy as np

from grader.agreement.patterns import BoolArray, Estimator, FloatArray, IntArray, Patterns, Sums
from grader.agreement.shares import Hits, divide

Metric = Literal["nominal", "ordinal", "interval", "ratio"]

NOTHING = 1e-12
"""Relative size under which a variance is rounding, not variation."""


@dataclass(frozen=True)
class Closeness:
    """Gwet's agreement weights: 1 for equal levels, 0 for the farthest."""

    between: Callable[[IntArray, IntArray], FloatArray]
    total: float
    """Sum of the weights over all pairs of levels."""
    n_levels: int


def equal_only(n_levels: int) -> Closeness:
    """Return identity weights: what makes AC1 of AC2."""
    return Closeness(_same, float(n_levels), n_levels)


def by_rank(n_levels: int) -> Closeness:
    """Return Gwet's ordinal weights: 1 − h(h + 1) / q(q − 1) for levels h ranks apart (2014)."""
    q = n_levels
    most = max(1, q * (q - 1))
    apart = np.arange(1, q)
    far = float((2 * (q - apart) * apart * (apart + 1) / most).sum())

    def between(a: IntArray, b: IntArray) -> FloatArray:
        ranks = np.abs(a - b)
        return np.asarray(1 - ranks * (ranks + 1) / most, dtype=np.float64)

    return Closeness(between, q * q - far, q)


def by_value(scores: FloatArray) -> Closeness:
    """Return quadratic weights on the levels' values: 1 − (x − y)² / (greatest difference)²."""
    x = unit_range(scores)
    far = 2 * (len(x) * float(x @ x) - float(x.sum()) ** 2)

    def between(a: IntArray, b: IntArray) -> FloatArray:
        apart: FloatArray = x[a] - x[b]
        return 1 - apart**2

    return Closeness(between, len(x) ** 2 - far, len(x))


def raw_agreement(patterns: Patterns) -> Hits:
    """Return the share of each unit's pairs of raters that agree, over units with two ratings."""
    return Hits(*_pair_shares(patterns.codes, equal_only(0)))


def fleiss_kappa(patterns: Patterns, n_levels: int) -> Estimator:
    """Return Fleiss' kappa (1971), over the units that every rater rated."""
    complete = (patterns.codes >= 0).all(axis=1)
    share, _ = _pair_shares(patterns.codes, equal_only(n_levels))
    features = np.column_stack([share * complete, complete]).astype(np.float64)
    counts = _level_sums(patterns.codes, complete.astype(np.float64), n_levels)
    n_raters = patterns.codes.shape[1]

    def estimate(weights: FloatArray) -> FloatArray:
        agreeing, units = (weights @ features).T
        marginals = divide(counts(weights), (units * n_raters)[:, np.newaxis])
        chance = (marginals**2).sum(axis=1)
        return corrected(divide(agreeing, units), chance)

    return estimate


def gwet(patterns: Patterns, closeness: Closeness) -> Estimator:
    """Return Gwet's AC1 (2008), or AC2 (2014) with other weights than identity."""
    q = closeness.n_levels
    given = (patterns.codes >= 0).sum(axis=1)
    share, paired = _pair_shares(patterns.codes, closeness)
    features = np.column_stack([share * paired, paired, given > 0]).astype(np.float64)
    counts = _level_sums(patterns.codes, 1 / np.maximum(given, 1), q)

    def estimate(weights: FloatArray) -> FloatArray:
        agreeing, pairable, rated = (weights @ features).T
        marginals = divide(counts(weights), rated[:, np.newaxis])
        varying = (marginals * (1 - marginals)).sum(axis=1)
        chance = closeness.total * varying / max(1, q * (q - 1))
        value = corrected(divide(agreeing, pairable), chance)
        return np.where(varying > NOTHING, value, np.nan)

    return estimate


def krippendorff_alpha(patterns: Patterns, scores: FloatArray, *, metric: Metric) -> Estimator:
    """Return Krippendorff's alpha (2011): 1 − (n − 1) Σ o·δ² / Σ n·n·δ² over pairable values.

    No matrix of coincidences is built: δ² of interval data, and of ordinal data through mid-ranks,
    are squared differences, so sums and sums of squares are enough however many levels there are.
    Only δ² of ratio data, ((x − y) / (x + y))², needs every pair of levels.
    """
    codes = patterns.codes
    given = (codes >= 0).sum(axis=1)
    values = np.where(given >= 2, given, 0).astype(np.float64)
    match metric:
        case "nominal":
            return _alpha_nominal(codes, values, len(scores))
        case "interval":
            return _alpha_interval(codes, values, unit_range(scores))
        case "ordinal":
            return _alpha_ordinal(codes, values, len(scores))
        case "ratio":
            return _alpha_ratio(codes, values, scores)


def corrected(observed: FloatArray, chance: FloatArray) -> FloatArray:
    """Return (observed − chance) / (1 − chance), NaN where chance alone agrees always."""
    left = np.where(1 - chance > NOTHING, 1 - chance, 0.0)
    return divide(observed - chance, left)


def unit_range(scores: FloatArray) -> FloatArray:
    """Move the scores to −½ … ½, where squares don't cancel; no coefficient minds."""
    if not len(scores):
        return scores
    width = float(scores.max() - scores.min())
    middle = (scores.max() + scores.min()) / 2
    moved: FloatArray = (scores - middle) / (width if width > 0 else 1.0)
    return moved


def _same(a: IntArray, b: IntArray) -> FloatArray:
    return np.equal(a, b).astype(np.float64)


def _pair_shares(codes: IntArray, closeness: Closeness) -> tuple[FloatArray, FloatArray]:
    """Return each pattern's mean closeness of its pairs of ratings, and 1 where it has any."""
    near = np.zeros(len(codes))
    pairs = np.zeros(len(codes))
    for a, b in combinations(range(codes.shape[1]), 2):
        both = (codes[:, a] >= 0) & (codes[:, b] >= 0)
        near[both] += closeness.between(codes[both, a], codes[both, b])
        pairs += both
    return near / np.maximum(pairs, 1), (pairs > 0).astype(np.float64)


def _level_sums(codes: IntArray, each: FloatArray, n_levels: int) -> Sums:
    """Return the sums, level by level, of `each` pattern's worth for each of its ratings."""
    rows, raters = np.nonzero((codes >= 0) & (each > 0)[:, np.newaxis])
    return Sums(rows, codes[rows, raters], each[rows], shape=(len(codes), n_levels))


def _alpha(n: FloatArray, observed: FloatArray, expected: FloatArray) -> FloatArray:
    varies = np.where(expected > NOTHING * n * n, expected, 0.0)
    return 1 - divide((n - 1) * observed, varies)


def _alpha_nominal(codes: IntArray, values: FloatArray, n_levels: int) -> Estimator:
    share, _ = _pair_shares(codes, equal_only(n_levels))
    features = np.column_stack([values * (1 - share), values])
    counts = _level_sums(codes, (values > 0).astype(np.float64), n_levels)

    def estimate(weights: FloatArray) -> FloatArray:
        observed, n = (weights @ features).T
        return _alpha(n, observed, n * n - (counts(weights) ** 2).sum(axis=1))

    return estimate


def _alpha_interval(codes: IntArray, values: FloatArray, x: FloatArray) -> Estimator:
    placed = np.append(x, 0.0)[codes]
    there = (codes >= 0) & (values > 0)[:, np.newaxis]
    sums = (placed * there).sum(axis=1)
    squares = (placed**2 * there).sum(axis=1)
    features = np.column_stack([_unit_variation(placed, there, values), values, sums, squares])

    def estimate(weights: FloatArray) -> FloatArray:
        observed, n, s1, s2 = (weights @ features).T
        return _alpha(n, observed, 2 * (n * s2 - s1 * s1))

    return estimate


def _alpha_ordinal(codes: IntArray, values: FloatArray, n_levels: int) -> Estimator:
    # Σ (x − y)² over a unit's ordered pairs, through m − 1, is 2 (m Σ x² − (Σ x)²) / (m − 1). The
    # first part needs only how often each level comes among units of m values, the second only
    # each unit's sum: with many levels, several times quicker than a mean and squares around it.
    sizes, size_of = np.unique(values, return_inverse=True)
    own = np.where(sizes > 0, 2 / np.maximum(sizes - 1, 1), 0.0)
    rows, raters = np.nonzero((codes >= 0) & (values > 0)[:, np.newaxis])
    counts = Sums(
        rows,
        size_of[rows] * n_levels + codes[rows, raters],
        np.ones(len(rows)),
        shape=(len(codes), len(sizes) * n_levels),
    )
    columns = [np.where(column >= 0, column, n_levels) for column in codes.T]
    each = own[size_of]

    def estimate(weights: FloatArray) -> FloatArray:
        by_size = counts(weights).reshape(len(weights), len(sizes), n_levels)
        n_levelwise = by_size.sum(axis=1)
        n = n_levelwise.sum(axis=1)
        ranks = np.cumsum(n_levelwise, axis=1) - n_levelwise / 2
        # Each draw has its own. From −½ to ½, their mean is 0: Σ n·n·(r − r′)² is then 2n Σ n·r².
        ranks = ranks / np.maximum(n, 1e-300)[:, np.newaxis] - 0.5
        within = ((own * sizes) @ by_size * ranks**2).sum(axis=1)
        placed = np.append(ranks, np.zeros((len(ranks), 1)), axis=1)
        for draw, row in enumerate(placed):
            sums = row[columns[0]]
            for column in columns[1:]:
                sums += row[column]
            within[draw] -= (weights[draw] * each) @ (sums * sums)
        return _alpha(n, within, 2 * n * (n_levelwise * ranks**2).sum(axis=1))

    return estimate


def _alpha_ratio(codes: IntArray, values: FloatArray, scores: FloatArray) -> Estimator:
    above = np.abs(scores[:, np.newaxis] - scores[np.newaxis, :])
    below = scores[:, np.newaxis] + scores[np.newaxis, :]
    apart = np.divide(above, below, out=np.zeros_like(above), where=below > 0) ** 2
    observed = np.zeros(len(codes))
    for a, b in combinations(range(codes.shape[1]), 2):
        both = (codes[:, a] >= 0) & (codes[:, b] >= 0)
        observed[both] += 2 * apart[codes[both, a], codes[both, b]]
    features = np.column_stack([observed / np.maximum(values - 1, 1), values])
    counts = _level_sums(codes, (values > 0).astype(np.float64), len(scores))

    def estimate(weights: FloatArray) -> FloatArray:
        within, n = (weights @ features).T
        each = counts(weights)
        return _alpha(n, within, ((each @ apart) * each).sum(axis=1))

    return estimate


def _unit_variation(placed: FloatArray, there: BoolArray, m: FloatArray) -> FloatArray:
    """Return Σ (x − y)² / (m − 1) over a unit's ordered pairs of its m values; 0 if it has none."""
    mean = (placed * there).sum(axis=-1) / np.maximum(m, 1)
    around = ((placed - mean[..., np.newaxis]) ** 2 * there).sum(axis=-1)
    spread: FloatArray = 2 * m * around / np.maximum(m - 1, 1)
    return spread
