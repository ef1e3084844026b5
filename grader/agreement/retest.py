"""The same judge asked again: how often it says the same, and how many repeats make a verdict.

The raters of the table are repeats of one judge. Consistency is not validity: a judge may repeat
its bias faithfully, so none of this stands for agreement with others or with gold.
"""

import math

import numpy as np
from pydantic import BaseModel, ConfigDict

from grader.agreement.bootstrap import Method
from grader.agreement.patterns import FloatArray, IntArray, group_units
from grader.agreement.questions import ask_overall
from grader.agreement.ratings import MISSING, Ratings
from grader.agreement.shares import Hits
from grader.agreement.statistic import Question, Resampling, Statistic, measure, share
from grader.errors import InvalidRatings

STABLE = 0.95


class Retest(BaseModel):
    """How a judge agrees with itself."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    n_repeats: int
    """How often each unit was to be judged."""
    n_units: int
    """Units with two values at least."""
    raw_agreement: Statistic
    """Share of each unit's pairs of repeats that say the same."""
    flip_rate: Statistic
    """Its opposite: how often another repeat says something else."""
    krippendorff_alpha: Statistic
    """Alpha between repeats."""
    fleiss_kappa: Statistic
    """Fleiss' kappa between repeats, over units that have all of them."""
    ever_flips: Statistic
    """Share of units on which not all repeats say the same."""
    stability: list[float]
    """How often the majority of the first 1, 2, 3 … repeats, taken at random, is that of all."""
    repeats_needed: int | None
    """So many repeats give the majority of all of them in 95 % of the units, on average."""
    message: str
    """That in a sentence, or why it can't be told."""


def measure_retest(
    ratings: Ratings,
    *,
    draws: int = 1000,
    seed: int = 0,
    method: Method = "percentile",
    stable: float = STABLE,
) -> Retest:
    """Measure a table whose raters are repeats of one judge.

    Raises:
        InvalidRatings: there is only one repeat.
    """
    n_repeats = len(ratings.raters)
    if n_repeats < 2:
        raise InvalidRatings("there is only one repeat; give two at least")
    codes = np.sort(ratings.codes, axis=1)
    patterns = group_units(codes, weights=ratings.weights, clusters=ratings.clusters)
    asked = ask_overall(ratings, patterns)
    given = patterns.codes != MISSING
    paired = given.sum(axis=1) >= 2
    top = patterns.codes.max(axis=1)
    differs = (given & (patterns.codes != top[:, np.newaxis])).any(axis=1)
    when_empty = "no unit has two repeats"
    chosen: dict[str, Question] = {
        name: asked[name] for name in ("raw_agreement", "krippendorff_alpha", "fleiss_kappa")
    }
    flips = Hits((paired & differs).astype(np.float64), paired.astype(np.float64))
    chosen["ever_flips"] = share(patterns, flips, when_empty=when_empty)
    resampling = Resampling(draws=draws, seed=seed, method=method, stream=(9,))
    found = measure(patterns, chosen, resampling)
    stability = _stability(patterns.codes, patterns.observed[0], len(ratings.levels))
    needed, message = _needed(stability, stable)
    return Retest(
        n_repeats=n_repeats,
        n_units=int(patterns.counts[paired].sum()),
        flip_rate=_opposite(found["raw_agreement"]),
        stability=stability,
        repeats_needed=needed,
        message=message,
        **found,
    )


def _stability(codes: IntArray, worth: FloatArray, n_levels: int) -> list[float]:
    """Return, for k = 1, 2, …, how often k of a unit's repeats have the majority of all.

    Exactly, over all choices of k repeats; units that have all repeats and no tie among them count,
    and a tie among the k counts by the share of tied values.
    """
    complete = (codes != MISSING).all(axis=1)
    n = codes.shape[1]
    counts = np.stack([(codes == level).sum(axis=1) for level in range(n_levels)], axis=1)
    counts = -np.sort(-counts, axis=1)
    usable = complete & (counts[:, 0] > (counts[:, 1] if n_levels > 1 else 0))
    if not usable.any():
        return []
    kinds, which = np.unique(counts[usable], axis=0, return_inverse=True)
    weight = np.bincount(which.reshape(-1), weights=worth[usable])
    return [
        float(weight @ [_chance(tuple(kind[kind > 0]), n, k) for kind in kinds] / weight.sum())
        for k in range(1, n + 1)
    ]


def _chance(counts: tuple[int, ...], n: int, k: int) -> float:
    """Return how likely the first value leads among k of n repeats drawn without replacement.

    `tables[size, best, ties]`: ways to choose `size` repeats of the other values whose most
    frequent one comes `best` times, `ties` values sharing that.
    """
    first, *others = (int(count) for count in counts)
    tables: dict[tuple[int, int, int], int] = {(0, 0, 0): 1}
    for count in others:
        grown: dict[tuple[int, int, int], int] = {}
        for (size, best, ties), ways in tables.items():
            for taken in range(min(count, k - size) + 1):
                more = (size + taken, best, ties)
                if taken > best:
                    more = (size + taken, taken, 1)
                elif taken == best and taken > 0:
                    more = (size + taken, best, ties + 1)
                grown[more] = grown.get(more, 0) + ways * math.comb(count, taken)
        tables = grown
    total = 0.0
    for (size, best, ties), ways in tables.items():
        mine = k - size
        if 0 <= mine <= first and mine >= best and mine > 0:
            share_of_tie = 1.0 if mine > best else 1 / (ties + 1)
            total += ways * math.comb(first, mine) * share_of_tie
    return total / math.comb(n, k)


def _needed(stability: list[float], stable: float) -> tuple[int | None, str]:
    n = len(stability)
    if not n:
        return None, "no unit has all repeats and a majority among them"
    above = [k for k in range(1, n + 1, 2) if min(stability[k - 1 :: 2]) >= stable]
    if not above or above[0] == n or n < 3:
        return None, (
            f"{n} repeats are too few to tell how many make a stable verdict; the majority of "
            f"{max(1, n - 2)} is that of all in {stability[max(1, n - 2) - 1]:.1%}"
        )
    return above[0], (
        f"{above[0]} of {n} repeats give the majority of all {n} in "
        f"{stability[above[0] - 1]:.1%} of the units"
    )


def _opposite(found: Statistic) -> Statistic:
    if found.value is None:
        return found
    has_bounds = found.low is not None and found.high is not None
    return Statistic(
        value=1 - found.value,
        low=1 - (found.high or 0.0) if has_bounds else None,
        high=1 - (found.low or 0.0) if has_bounds else None,
        n=found.n,
        reason=found.reason,
    )
