"""The alternative annotator test: may this judge stand in for a person?

Calderon, Reichart & Dror 2025 (arXiv 2501.10970). Each annotator in turn is left out, and judge and
annotator are compared by how well they match the others. The judge wins against an annotator when
a one-sided t-test rejects that the annotator is better by ε or more; p-values are corrected after
Benjamini & Yekutieli (2001). It compares with people as they are: people who are wrong in the same
way as the judge let it pass. Units may weigh; with equal weights it is the paper's test.
"""

import math
from typing import NamedTuple

import numpy as np
from pydantic import BaseModel, ConfigDict

from grader.agreement.bootstrap import read_bounds
from grader.agreement.design import iter_weight_draws
from grader.agreement.patterns import FloatArray, IntArray
from grader.agreement.statistic import Statistic

LEAST_ANNOTATORS = 3
LEAST_UNITS = 30
PASSING_RATE = 0.5
FALSE_DISCOVERY_RATE = 0.05


class AnnotatorComparison(BaseModel):
    """The judge beside one annotator, both against the others."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    annotator: str
    """Who was left out."""
    n: int
    """Units that this annotator, the judge and at least one other rated."""
    judge_advantage: Statistic
    """Share of units on which the judge matches the others as well as the annotator, or better."""
    annotator_advantage: Statistic
    """Share of units on which the annotator matches them as well as the judge, or better."""
    p: float | None
    """Of the one-sided t-test that the annotator is better by ε or more; null below 30 units."""
    won: bool | None
    """Whether that is rejected, after the correction for several annotators."""
    reason: str | None = None
    """Why there is no test."""


class AnnotatorTest(BaseModel):
    """The alternative annotator test of one judge."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    epsilon: float
    """How much worse than a person the judge may be, for what it saves: the paper takes .2 for
    experts, .15 for skilled people, .1 for crowd workers."""
    winning_rate: Statistic
    """ω: the share of annotators that the judge wins against; its n: annotators."""
    advantage: Statistic
    """ρ: how often the judge matches as well as an annotator, mean over them; its n: units."""
    passed: bool | None
    """Whether ω is .5 at least; null where the test can't be made."""
    annotators: tuple[AnnotatorComparison, ...] = ()


class _Compared(NamedTuple):
    units: IntArray
    judge: FloatArray
    annotator: FloatArray


def compare_with_annotators(
    judge: IntArray,
    annotators: IntArray,
    names: tuple[str, ...],
    *,
    scores: FloatArray | None = None,
    weights: FloatArray | None = None,
    strata: IntArray | None = None,
    epsilon: float = 0.2,
    draws: int = 1000,
    seed: int = 0,
) -> AnnotatorTest:
    """Test a judge against annotators; codes are -1 where nothing was given.

    `judge` has the shape (units,), `annotators` (units, annotators). Codes match or don't, unless
    `scores` says where each code stands on a scale that measures: then squared distances count.
    """
    weigh = np.ones(len(judge)) if weights is None else weights
    layers = np.zeros(len(judge), dtype=np.int64) if strata is None else strata
    compared = [_compare(judge, annotators, j, scores) for j in range(len(names))]
    tested = [j for j, each in enumerate(compared) if len(each.units) >= LEAST_UNITS]
    if why := _why_impossible(len(names), len(tested)):
        none = Statistic(value=None, n=len(names), reason=why)
        n = int((judge >= 0).sum())
        missing = Statistic(value=None, n=n, reason=why)
        return AnnotatorTest(epsilon=epsilon, winning_rate=none, advantage=missing, passed=None)
    p_values = {j: _p_value(compared[j], weigh, epsilon) for j in tested}
    won = dict(zip(tested, reject(np.array([p_values[j] for j in tested])), strict=True))
    rate = sum(won.values()) / len(tested)
    blocks: list[FloatArray] = []
    rng = np.random.default_rng([seed, 5])
    for block in iter_weight_draws(weigh, layers, draws=draws, rng=rng):
        blocks.append(np.stack([_means(block, each) for each in compared], axis=-1))
    sample = np.concatenate([np.empty((0, 2, len(names))), *blocks])
    observed = np.stack([_means(weigh[np.newaxis, :], each)[0] for each in compared], axis=-1)
    return AnnotatorTest(
        epsilon=epsilon,
        winning_rate=Statistic(
            value=rate,
            n=len(tested),
            reason="no interval: annotators are few and share their units",
        ),
        advantage=_statistic(
            sample[:, 0, tested].mean(axis=1),
            float(observed[0, tested].mean()),
            len(np.unique(np.concatenate([compared[j].units for j in tested]))),
        ),
        passed=rate >= PASSING_RATE,
        annotators=tuple(
            AnnotatorComparison(
                annotator=name,
                n=len(compared[j].units),
                judge_advantage=_statistic(
                    sample[:, 0, j], float(observed[0, j]), len(compared[j].units)
                ),
                annotator_advantage=_statistic(
                    sample[:, 1, j], float(observed[1, j]), len(compared[j].units)
                ),
                p=p_values.get(j),
                won=won.get(j),
                reason=None if j in won else _too_few(len(compared[j].units)),
            )
            for j, name in enumerate(names)
        ),
    )


def reject(p_values: FloatArray, *, rate: float = FALSE_DISCOVERY_RATE) -> list[bool]:
    """Return which hypotheses are rejected after Benjamini & Yekutieli (2001)."""
    m = len(p_values)
    order = np.argsort(p_values, kind="stable")
    bounds = np.arange(1, m + 1) / m * rate / (1 / np.arange(1, m + 1)).sum()
    below = np.flatnonzero(p_values[order] <= bounds)
    rejected = np.zeros(m, dtype=bool)
    if len(below):
        rejected[order[: below[-1] + 1]] = True
    return [bool(each) for each in rejected]


def t_below(t: float, degrees: int) -> float:
    """Return P(T ≤ t) of Student's distribution, by the incomplete beta function."""
    x = degrees / (degrees + t * t)
    tail = 0.5 * _incomplete_beta(degrees / 2, 0.5, x)
    return tail if t < 0 else 1 - tail


def _compare(
    judge: IntArray, annotators: IntArray, left_out: int, scores: FloatArray | None
) -> _Compared:
    others = np.delete(annotators, left_out, axis=1)
    theirs = annotators[:, left_out]
    given = others >= 0
    units = np.flatnonzero((judge >= 0) & (theirs >= 0) & given.any(axis=1))
    others, given = others[units], given[units]

    def match(codes: IntArray) -> FloatArray:
        column = codes[units][:, np.newaxis]
        if scores is None:
            worth = (column == others).astype(np.float64)
        else:
            worth = -((scores[column] - scores[np.where(given, others, 0)]) ** 2)
        mean: FloatArray = np.where(given, worth, 0.0).sum(axis=1) / given.sum(axis=1)
        return mean

    by_judge, by_annotator = match(judge), match(theirs)
    return _Compared(
        units,
        (by_judge >= by_annotator).astype(np.float64),
        (by_annotator >= by_judge).astype(np.float64),
    )


def _means(rows: FloatArray, compared: _Compared) -> FloatArray:
    """Return the weighted shares of advantages, shape (rows, 2); NaN where no unit weighs."""
    inside = rows[:, compared.units]
    total = inside.sum(axis=1, keepdims=True)
    both = np.column_stack([compared.judge, compared.annotator])
    means = np.full((len(rows), 2), np.nan)
    np.divide(inside @ both, total, out=means, where=total > 0)
    return means


def _p_value(compared: _Compared, weights: FloatArray, epsilon: float) -> float:
    """Test that the annotator's advantage over the judge is ε at least (the paper's equation 2)."""
    differences = compared.annotator - compared.judge
    shares = weights[compared.units] / weights[compared.units].sum()
    n = len(differences)
    mean = float(shares @ differences)
    error = math.sqrt(float(shares**2 @ (differences - mean) ** 2) * n / (n - 1))
    if error < 1e-12:
        return 0.0 if mean < epsilon else 1.0
    return t_below((mean - epsilon) / error, n - 1)


def _statistic(sample: FloatArray, value: float, n: int) -> Statistic:
    if math.isnan(value):
        return Statistic(value=None, n=n, reason="they rated no unit in common with others")
    bounds = read_bounds(sample, value=value)
    return Statistic(value=value, low=bounds.low, high=bounds.high, n=n, reason=bounds.reason)


def _why_impossible(annotators: int, tested: int) -> str | None:
    if annotators < LEAST_ANNOTATORS:
        return f"there are {annotators} annotators; the test needs {LEAST_ANNOTATORS}"
    if tested < LEAST_ANNOTATORS:
        return (
            f"{tested} annotators rated {LEAST_UNITS} units together with the judge and another "
            f"annotator; the test needs {LEAST_ANNOTATORS} such annotators"
        )
    return None


def _too_few(n: int) -> str:
    return f"{n} units were rated by this annotator, the judge and another; it needs {LEAST_UNITS}"


def _incomplete_beta(a: float, b: float, x: float) -> float:
    """Return the regularised incomplete beta function (Press et al. 2007, 6.4)."""
    if x <= 0 or x >= 1:
        return min(max(x, 0.0), 1.0)
    front = math.exp(
        math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b) + a * math.log(x) + b * math.log1p(-x)
    )
    if x < (a + 1) / (a + b + 2):
        return front * _fraction(a, b, x) / a
    return 1 - front * _fraction(b, a, 1 - x) / b


def _fraction(a: float, b: float, x: float) -> float:
    """Evaluate the continued fraction by Lentz's method."""
    tiny = 1e-300
    c, d = 1.0, 1 / max(1 - (a + b) * x / (a + 1), tiny)
    result = d
    for m in range(1, 500):
        for top in (
            m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m)),
            -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1)),
        ):
            d = 1 / (1 + top * d or tiny)
            c = 1 + top / c or tiny
            result *= c * d
        if abs(c * d - 1) < 1e-15:
            break
    return result
