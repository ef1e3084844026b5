"""How many judges a panel is worth: do they err together, and what does the panel gain?

Nine judges who make the same mistakes are not nine votes. Errors are told against gold, so this
needs gold; agreement between judges alone can't tell common truth from common error. Numbers are
weighted by the sampling design of gold, and intervals are Rao & Wu's bootstrap within its strata.
"""

from collections.abc import Callable, Sequence
from itertools import combinations

import numpy as np
from numpy.typing import ArrayLike
from pydantic import BaseModel, ConfigDict

from grader.agreement.bootstrap import read_bounds
from grader.agreement.design import iter_weight_draws
from grader.agreement.patterns import FloatArray, IntArray
from grader.agreement.shares import divide
from grader.agreement.statistic import Statistic
from grader.agreement.withholding import LEAST_RARE_UNITS
from grader.errors import InvalidRatings

_FROZEN = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)
_NOTHING = 1e-12

Measure = Callable[[FloatArray], FloatArray]
"""From weights (draws, units) to one value a draw."""


class ErrorCorrelation(BaseModel):
    """Whether two judges err on the same units."""

    model_config = _FROZEN

    raters: tuple[str, str]
    """Their names."""
    correlation: Statistic
    """Phi of their errors against gold: 0 when independent, 1 when they err together."""


class Independence(BaseModel):
    """What a panel of judges is worth beside one judge."""

    model_config = _FROZEN

    n_judges: int
    """Judges of the panel."""
    pairs: list[ErrorCorrelation]
    """Every two judges."""
    mean_correlation: Statistic
    """Mean of the pairs' correlations, over those that are defined."""
    undefined_pairs: int
    """Pairs of which one judge never errs, or always: they have no correlation."""
    effective_judges: Statistic
    """n_eff = n / (1 + (n − 1) · mean correlation): so many independent judges were worth it."""
    best_judge: str
    """The judge with the highest accuracy, chosen on the same sample, which flatters them."""
    accuracy_gain: Statistic
    """Accuracy of the panel's majority minus the best judge's; a tie counts half."""
    best_balanced_judge: str
    """The judge with the highest balanced accuracy."""
    balanced_accuracy_gain: Statistic
    """The same for balanced accuracy, the mean over gold's values of the share found right."""


def measure_independence(
    gold: ArrayLike,
    votes: ArrayLike,
    *,
    judges: Sequence[str],
    weights: ArrayLike | None = None,
    strata: ArrayLike | None = None,
    draws: int = 1000,
    seed: int = 0,
) -> Independence:
    """Measure a panel against gold; `votes` has the shape (units, judges), below 0 for missing.

    Values are codes: 0 and 1 for a boolean, a number a level on a nominal scale.

    Raises:
        InvalidRatings: the arrays don't fit, there are fewer than two judges, or a judge has no
            vote on any unit of gold.
    """
    truth = np.asarray(gold).astype(np.int64).ravel()
    given = np.asarray(votes).astype(np.int64)
    if given.ndim != 2 or given.shape != (len(truth), len(judges)) or len(judges) < 2:
        raise InvalidRatings(
            f"votes have the shape {given.shape} for {len(truth)} gold units and {len(judges)} "
            "judges; give one row a unit, one column a judge, and two judges at least"
        )
    for judge, column in zip(judges, given.T, strict=True):
        if (column < 0).all():
            raise InvalidRatings(f"{judge!r} has no vote on any unit of gold; leave them out")
    worth = np.ones(len(truth)) if weights is None else np.asarray(weights, dtype=np.float64)
    where = np.zeros(len(truth), dtype=np.int64)
    if strata is not None:
        where = np.unique(np.asarray(strata), return_inverse=True)[1].astype(np.int64).ravel()
    if worth.shape != truth.shape or where.shape != truth.shape or not (worth > 0).all():
        raise InvalidRatings("weights and strata: give one a gold unit, weights above 0")

    errors = np.where(given >= 0, given != truth[:, np.newaxis], False).astype(np.float64)
    there = (given >= 0).astype(np.float64)
    names = list(combinations(range(len(judges)), 2))
    pairs = [_phi(errors, there, a, b) for a, b in names]
    best, accuracy_gain = _find_gain(truth, given, worth, _accuracy)
    balanced, balanced_gain = _find_gain(truth, given, worth, _balanced_accuracy)
    n = len(judges)

    def mean(rows: FloatArray) -> FloatArray:
        return _mean_of_defined([pair(rows) for pair in pairs])

    measures = {
        **{f"pair {number}": pair for number, pair in enumerate(pairs)},
        "mean": mean,
        "effective": lambda rows: divide(np.full(len(rows), float(n)), 1 + (n - 1) * mean(rows)),
        "accuracy": accuracy_gain,
        "balanced": balanced_gain,
    }
    observed = {name: float(found(worth[np.newaxis, :])[0]) for name, found in measures.items()}
    rng = np.random.default_rng([seed, 6])
    blocks: dict[str, list[FloatArray]] = {name: [np.empty(0)] for name in measures}
    for rows in iter_weight_draws(worth, where, draws=draws, rng=rng):
        for name, found in measures.items():
            blocks[name].append(found(rows))
    samples = {name: np.concatenate(values) for name, values in blocks.items()}

    def statistic(name: str, units: int, undefined: str, withhold: str | None = None) -> Statistic:
        if np.isnan(observed[name]):
            return Statistic(value=None, n=units, reason=undefined)
        bounds = read_bounds(samples[name], value=observed[name])
        if withhold is not None:
            return Statistic(value=observed[name], n=units, reason=withhold)
        return Statistic(
            value=observed[name], low=bounds.low, high=bounds.high, n=units, reason=bounds.reason
        )

    together = int((errors.sum(axis=1) >= 2).sum())
    few = _few("at least two judges err", together)
    return Independence(
        n_judges=n,
        pairs=[
            ErrorCorrelation(
                raters=(judges[a], judges[b]),
                correlation=statistic(
                    f"pair {number}",
                    int((there[:, a] * there[:, b]).sum()),
                    "one of the two judges errs never or always, so nothing goes together",
                    _few("both err", int((errors[:, a] * errors[:, b]).sum())),
                ),
            )
            for number, (a, b) in enumerate(names)
        ],
        mean_correlation=statistic("mean", len(truth), "no pair has a correlation", few),
        undefined_pairs=sum(bool(np.isnan(observed[f"pair {i}"])) for i in range(len(pairs))),
        effective_judges=statistic(
            "effective", len(truth), "no pair of judges has a correlation of errors", few
        ),
        best_judge=judges[best],
        accuracy_gain=statistic(
            "accuracy", int(there[:, best].sum()), "the best judge has no vote"
        ),
        best_balanced_judge=judges[balanced],
        balanced_accuracy_gain=statistic(
            "balanced", int(there[:, balanced].sum()), "gold has only one value"
        ),
    )


def majority_hits(truth: IntArray, votes: IntArray) -> FloatArray:
    """Return 1 where the majority of the votes given is gold's value, a part of 1 where it ties."""
    levels = np.unique(votes[votes >= 0])
    counts = (votes[:, :, np.newaxis] == levels).sum(axis=1)
    top = counts == counts.max(axis=1, keepdims=True)
    right = (levels == truth[:, np.newaxis]) & top & (counts > 0)
    hits: FloatArray = right.sum(axis=1) / top.sum(axis=1)
    return hits


def _phi(errors: FloatArray, there: FloatArray, a: int, b: int) -> Measure:
    both = there[:, a] * there[:, b]
    first, second = errors[:, a] * both, errors[:, b] * both
    features = np.column_stack([both, first, second, first * second])

    def phi(rows: FloatArray) -> FloatArray:
        n, one, other, joint = (rows @ features).T
        spread = one * (n - one) * other * (n - other)
        spread = np.where(spread > _NOTHING * n**4, spread, 0.0)
        return divide(n * joint - one * other, np.sqrt(spread))

    return phi


def _find_gain(
    truth: IntArray,
    votes: IntArray,
    weights: FloatArray,
    accuracy: Callable[[IntArray, FloatArray, FloatArray], Measure],
) -> tuple[int, Measure]:
    """Return (the best judge, panel minus best judge on the units that they judged)."""
    there = (votes >= 0).astype(np.float64)
    right = (votes == truth[:, np.newaxis]).astype(np.float64)
    of_judges = [
        accuracy(truth, right[:, judge], there[:, judge]) for judge in range(votes.shape[1])
    ]
    values = np.array([float(found(weights[np.newaxis, :])[0]) for found in of_judges])
    best = 0 if np.isnan(values).all() else int(np.nanargmax(values))
    of_panel = accuracy(truth, majority_hits(truth, votes), there[:, best])
    return best, lambda rows: of_panel(rows) - of_judges[best](rows)


def _accuracy(truth: IntArray, right: FloatArray, there: FloatArray) -> Measure:
    del truth
    features = np.column_stack([right * there, there])
    return lambda rows: divide(*(rows @ features).T)


def _balanced_accuracy(truth: IntArray, right: FloatArray, there: FloatArray) -> Measure:
    levels = np.unique(truth)
    shares = [_accuracy(truth, right, there * (truth == level)) for level in levels]

    def balanced(rows: FloatArray) -> FloatArray:
        if len(levels) < 2:
            return np.full(len(rows), np.nan)
        mean: FloatArray = np.mean([share(rows) for share in shares], axis=0)
        return mean

    return balanced


def _mean_of_defined(values: Sequence[FloatArray]) -> FloatArray:
    table = np.array(values)
    is_defined = ~np.isnan(table)
    return divide(np.where(is_defined, table, 0.0).sum(axis=0), is_defined.sum(axis=0) * 1.0)


def _few(what: str, n: int) -> str | None:
    if n >= LEAST_RARE_UNITS:
        return None
    return (
        f"no interval: on {n} units {what}; with fewer than {LEAST_RARE_UNITS} an interval of a "
        "correlation covers less than it claims"
    )
