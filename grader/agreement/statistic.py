"""One number as it is reported: value, 95 % interval, n, and the reason for whatever is missing.

Here an estimator meets its data: the value from the table itself, the interval from Wilson where
the number is a share of independent units, from the bootstrap everywhere else. Which statistics a
report holds is decided in `report.py`.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from grader.agreement.bootstrap import (
    Bounds,
    Method,
    estimate_accelerations,
    read_bounds,
    sample_estimates,
)
from grader.agreement.patterns import Estimator, Patterns
from grader.agreement.shares import Hits, find_wilson_bounds


class Statistic(BaseModel):
    """A number with its 95 % interval, or the reason why it is undefined."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    value: float | None
    """The statistic; null when it is undefined."""
    low: float | None = None
    """Lower end of the 95 % interval; null when there is none."""
    high: float | None = None
    """Upper end of the 95 % interval."""
    n: int
    """How many units the value rests on."""
    reason: str | None = Field(default=None, exclude_if=lambda reason: reason is None)
    """Why the value, or its interval, is null."""
    standard_error: float | None = Field(default=None, exclude_if=lambda error: error is None)
    """By a formula for independent units, where there is one: to compare with printed tables."""


@dataclass(frozen=True)
class Resampling:
    """How intervals are drawn; `stream` sets one group of statistics' draws apart from others'."""

    draws: int
    seed: int
    method: Method = "percentile"
    stream: tuple[int, ...] = ()

    def rng(self) -> np.random.Generator:
        return np.random.default_rng([self.seed, *self.stream])


@dataclass(frozen=True, eq=False)
class Question:
    """A statistic to be measured on a group of patterns."""

    n: int
    estimator: Estimator | None = None
    undefined: str = "nothing varies: every rating has the same value"
    """The reason to give when the estimator has no value; without an estimator, the reason."""
    hits: Hits | None = None
    """Given for shares, which may have Wilson's interval."""
    standard_error: float | None = None
    withhold: str | None = None
    """Why the bootstrap's interval is not shown; the value is."""


def undefined(reason: str, *, n: int = 0) -> Question:
    """Return the question whose answer is null, for this reason."""
    return Question(n=n, undefined=reason)


def share(patterns: Patterns, hits: Hits, *, when_empty: str) -> Question:
    """Return the question for a share; its `n` is the units that could have the property."""
    return Question(hits.count(patterns), hits.estimator, when_empty, hits)


def measure(
    patterns: Patterns, questions: Mapping[str, Question], resampling: Resampling
) -> dict[str, Statistic]:
    """Answer the questions about one group of patterns, all from the same bootstrap draws."""
    values = {
        name: math.nan if q.estimator is None else float(q.estimator(patterns.observed)[0])
        for name, q in questions.items()
    }
    bounds: dict[str, Bounds] = {}
    asked: dict[str, tuple[Estimator, float]] = {}
    for name, q in questions.items():
        if q.estimator is None or math.isnan(values[name]):
            continue
        by_wilson = None if q.hits is None else find_wilson_bounds(patterns, q.hits, values[name])
        if by_wilson is not None:
            bounds[name] = by_wilson
        else:
            asked[name] = (q.estimator, values[name])
    for name, found in _bootstrap(patterns, asked, resampling).items():
        why = questions[name].withhold
        is_shown = found.low is None or why is None
        bounds[name] = found if is_shown else Bounds(None, None, why)
    return {
        name: Statistic(value=None, n=q.n, reason=q.undefined)
        if name not in bounds
        else Statistic(
            value=values[name],
            low=bounds[name].low,
            high=bounds[name].high,
            n=q.n,
            reason=bounds[name].reason,
            standard_error=q.standard_error,
        )
        for name, q in questions.items()
    }


def _bootstrap(
    patterns: Patterns, asked: Mapping[str, tuple[Estimator, float]], resampling: Resampling
) -> dict[str, Bounds]:
    if not asked:
        return {}
    estimators = {name: estimator for name, (estimator, _) in asked.items()}
    rng = resampling.rng()
    samples = sample_estimates(patterns, estimators, draws=resampling.draws, rng=rng)
    accelerations: Mapping[str, float] = {}
    if resampling.method == "bca":
        accelerations = estimate_accelerations(patterns, estimators, rng=rng)
    return {
        name: read_bounds(samples[name], value=value, acceleration=accelerations.get(name))
        for name, (_, value) in asked.items()
    }
