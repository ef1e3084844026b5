"""How sure one may be of numbers from a gold sample whose units were drawn on purpose.

Weights are one over inclusion probabilities, up to a common factor; strata are where units were
drawn apart. Variances are those of drawing with replacement within strata, a little too wide for
samples without; draws are Rao & Wu's (1988) bootstrap. Nothing here knows a judge.
"""

from collections.abc import Iterator

import numpy as np

from grader.agreement.patterns import FloatArray, IntArray

_BLOCK_ELEMENTS = 1 << 21


def covariance_of_means(
    a: FloatArray, b: FloatArray, weights: FloatArray, strata: IntArray
) -> float:
    """Return the design covariance of the Hájek means of `a` and `b` (linearised; Särndal 1992).

    A stratum of one unit adds its squared distance from the mean, as if it stood alone.
    """
    shares = weights / weights.sum()
    parts = [shares * (values - shares @ values) for values in (a, b)]
    total = 0.0
    for stratum in np.unique(strata):
        inside = strata == stratum
        n = int(inside.sum())
        first, second = (part[inside] for part in parts)
        if n == 1:
            total += float(first[0] * second[0])
        else:
            around = (first - first.mean()) @ (second - second.mean())
            total += n / (n - 1) * float(around)
    return total


def unseen_variance(values: FloatArray, weights: FloatArray, strata: IntArray) -> float:
    """Return the variance to add for strata in which all units have one value.

    No variation among n units doesn't mean none: as for a share of (0 + 1) / (n + 2) (Agresti &
    Caffo 2000). A stratum that weighs much would otherwise be trusted for what it did not show.
    """
    shares = weights / weights.sum()
    total = 0.0
    for stratum in np.unique(strata):
        inside = strata == stratum
        if float(np.ptp(values[inside])) == 0:
            n = int(inside.sum())
            share = 1 / (n + 2)
            total += float(shares[inside].sum()) ** 2 * share * (1 - share) / (n + 2)
    return total


def iter_weight_draws(
    weights: FloatArray, strata: IntArray, *, draws: int, rng: np.random.Generator
) -> Iterator[FloatArray]:
    """Yield blocks of rows of weights: n − 1 of each stratum's n units, drawn with replacement.

    Drawn units weigh n / (n − 1) as much, so that the spread over draws is the design's (Rao & Wu
    1988). A stratum of one unit stays as it is.
    """
    size = max(1, _BLOCK_ELEMENTS // max(1, len(weights)))
    members = [np.flatnonzero(strata == stratum) for stratum in np.unique(strata)]
    for start in range(0, draws, size):
        rows = np.tile(weights, (min(size, draws - start), 1))
        for inside in members:
            n = len(inside)
            if n > 1:
                drawn = rng.integers(n, size=(len(rows), n - 1))
                drawn += np.arange(len(rows))[:, np.newaxis] * n
                times = np.bincount(drawn.ravel(), minlength=n * len(rows))
                rows[:, inside] *= times.reshape(len(rows), n) * (n / (n - 1))
        yield rows


def kish(weights: FloatArray) -> float:
    """Return Kish's (1965) effective number of units, (Σw)² / Σw²; 0 for none."""
    return float(weights.sum() ** 2 / (weights @ weights)) if len(weights) else 0.0
