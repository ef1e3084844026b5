"""How right judges are, measured on a gold sample whose units were drawn on purpose.

Each unit weighs one over the probability with which it was drawn. Where all units weigh the same,
shares have Wilson's interval; elsewhere the bootstrap draws units within strata, and a stratum in
which gold has one value only is not trusted to have no other: the values nobody saw are drawn
after Jeffreys (half a hit in n + 1 trials), for a single miss in a stratum that weighs much is what
moves sensitivity most. The interval holds that of the draws with and that without them.

It knows neither runs nor people; alternative annotators are tested in `annotator_test.py`.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from grader.agreement.bootstrap import Bounds, read_bounds
from grader.agreement.design import iter_weight_draws, kish
from grader.agreement.patterns import FloatArray, IntArray
from grader.agreement.shares import divide, wilson
from grader.agreement.statistic import Statistic
from grader.errors import InvalidRatings

NO_VALUE = -1
LENGTH_BANDS = (8_000, 32_000, 128_000, 512_000)
"""Characters at which bands of transcript length begin."""

Estimator = Callable[[FloatArray], FloatArray]
"""From the weight of each cell (draws, 4), in the order of `_CELLS`, to one value a draw."""


@dataclass(frozen=True, eq=False)
class GoldSample:
    """One judge beside gold, on the units that were drawn for gold and have a gold value."""

    gold: NDArray[np.bool_]
    """Whether gold calls the unit positive."""
    judged: NDArray[np.int8]
    """1 where the judge calls it positive, 0 where not, -1 where the judge gave no value."""
    weights: FloatArray
    """One over the probability with which the unit was drawn."""
    strata: IntArray
    """Which stratum the unit was drawn from; all the same where there are none."""
    n_population: int | None = None
    """How many units of the population the judge gave a value."""
    positives_in_population: int | None = None
    """How many of them the judge calls positive."""

    def __post_init__(self) -> None:
        n = len(self.gold)
        for name in ("judged", "weights", "strata"):
            if getattr(self, name).shape != (n,):
                raise InvalidRatings(f"{name} must have one number for each of the {n} gold units")
        if n and not (np.isfinite(self.weights).all() and (self.weights > 0).all()):
            raise InvalidRatings("weights must be finite numbers above 0")

    def only(self, chosen: NDArray[np.bool_]) -> "GoldSample":
        """Return the sample of some units; the population is no longer known."""
        return GoldSample(
            self.gold[chosen], self.judged[chosen], self.weights[chosen], self.strata[chosen]
        )


class Accuracy(BaseModel):
    """How right one judge is, or the panel, on some gold units."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    n: int
    """Gold units that the judge gave a value."""
    n_without_value: int
    """Gold units that it gave none."""
    agreement: Statistic
    """Share of the population whose value is gold's; for every kind of scale."""
    sensitivity: Statistic
    """Share of gold's positives that are called positive; its n: gold's positives."""
    specificity: Statistic
    """Share of gold's negatives that are called negative; its n: gold's negatives."""
    precision: Statistic
    """Share of what is called positive that gold calls positive; its n: units called positive."""
    f1: Statistic
    """Harmonic mean of precision and sensitivity; its n: units that either calls positive."""


_CELLS = ((True, 1), (True, 0), (False, 1), (False, 0))
"""Gold and judge: hit, miss, false alarm, right negative."""

_QUESTIONS: dict[str, tuple[tuple[int, ...], tuple[int, ...], str]] = {
    "agreement": ((0, 3), (0, 1, 2, 3), "the judge gave none of the gold units a value"),
    "sensitivity": ((0,), (0, 1), "gold calls none of the units positive that the judge judged"),
    "specificity": ((3,), (2, 3), "gold calls none of the units negative that the judge judged"),
    "precision": ((0,), (0, 2), "the judge calls none of the gold units positive"),
    "f1": ((0,), (0, 1, 2), "neither gold nor the judge calls any unit positive"),
}
"""Cells above and below the fraction, and what is said where there are none below."""


def measure_accuracy(sample: GoldSample, *, draws: int = 1000, seed: int = 0) -> Accuracy:
    """Return sensitivity, specificity, precision and F1, design-weighted, with 95 % intervals."""
    judged = sample.judged != NO_VALUE
    rated = sample.only(judged)
    cells = np.zeros(len(rated.gold), dtype=np.int64)
    for number, (gold, said) in enumerate(_CELLS):
        cells[(rated.gold == gold) & (rated.judged == said)] = number
    numbers = np.bincount(cells, minlength=4)
    table: FloatArray = (rated.weights @ np.eye(4)[cells])[np.newaxis, :]
    is_even = len(np.unique(rated.strata)) < 2 and _is_even(rated.weights)
    tables: tuple[FloatArray, FloatArray] | None = None
    found: dict[str, Statistic] = {}
    for name, (above, below, when_empty) in _QUESTIONS.items():
        n = int(numbers[list(below)].sum())
        if n == 0:
            found[name] = Statistic(value=None, n=0, reason=when_empty)
            continue
        estimate = _f1 if name == "f1" else _share(above, below)
        value = float(estimate(table)[0])
        if is_even:
            low, high = _wilson(name, value, kish(rated.weights[np.isin(cells, below)]))
            found[name] = Statistic(value=value, low=low, high=high, n=n)
            continue
        tables = tables or _draw_tables(rated, cells, draws=draws, seed=seed)
        bounds = _read_widest([estimate(each) for each in tables], value)
        found[name] = Statistic(
            value=value, low=bounds.low, high=bounds.high, n=n, reason=bounds.reason
        )
    return Accuracy(n=len(rated.gold), n_without_value=int((~judged).sum()), **found)


def undefined_accuracy(sample: GoldSample, agreement: Statistic, *, reason: str) -> Accuracy:
    """Return the accuracy on a scale that has no positive: agreement with gold alone."""
    n = int((sample.judged != NO_VALUE).sum())
    none = Statistic(value=None, n=n, reason=reason)
    return Accuracy(
        n=n,
        n_without_value=len(sample.gold) - n,
        agreement=agreement,
        sensitivity=none,
        specificity=none,
        precision=none,
        f1=none,
    )


def length_band(characters: int) -> str:
    """Return the band of a transcript's length, as it stands in a report."""
    edges = (0, *LENGTH_BANDS)
    place = max(number for number, edge in enumerate(edges) if characters >= edge)
    if place == len(edges) - 1:
        return f"{edges[-1]:,} characters and more"
    return f"{edges[place]:,} to {edges[place + 1] - 1:,} characters"


def weigh(strata: Sequence[str], sizes: Mapping[str, int]) -> FloatArray:
    """Return the weight of each unit: its stratum's size by the units there are of it.

    So units that are not rated yet, or in the other split, leave their weight to the others of
    their stratum.
    """
    names, places, counts = np.unique(
        np.array(strata, dtype=object), return_inverse=True, return_counts=True
    )
    each = np.array([sizes[str(name)] for name in names], dtype=np.float64) / counts
    weights: FloatArray = each[places.reshape(-1)]
    return weights


def _share(above: tuple[int, ...], below: tuple[int, ...]) -> Estimator:
    return lambda table: divide(
        table[:, list(above)].sum(axis=1), table[:, list(below)].sum(axis=1)
    )


def _f1(table: FloatArray) -> FloatArray:
    return divide(2 * table[:, 0], 2 * table[:, 0] + table[:, 1] + table[:, 2])


def _wilson(name: str, value: float, n: float) -> tuple[float, float]:
    if name != "f1":
        return wilson(value, n)
    # F1 is 2s / (1 + s) of the share s of hits among units that either calls positive.
    low, high = wilson(value / (2 - value), n)
    return 2 * low / (1 + low), 2 * high / (1 + high)


def _read_widest(samples: Sequence[FloatArray], value: float) -> Bounds:
    """Return the interval that holds those of all samples and the value; none where none is."""
    read = [read_bounds(sample, value=value) for sample in samples]
    ends = [end for each in read for end in (each.low, each.high) if end is not None]
    if not ends:
        return read[-1]
    return Bounds(min(*ends, value), max(*ends, value))


def _draw_tables(
    sample: GoldSample, cells: IntArray, *, draws: int, seed: int
) -> tuple[FloatArray, FloatArray]:
    """Return the weight of each cell in each draw, shape (draws, 4): as seen, and with the unseen.

    The second alone would lie below a sensitivity that is as high as it looks, the first alone
    above one that is not.
    """
    rng = np.random.default_rng([seed, 4])
    features = np.eye(4)[cells]
    blocks = [
        weights @ features
        for weights in iter_weight_draws(sample.weights, sample.strata, draws=draws, rng=rng)
    ]
    seen: FloatArray = np.concatenate([np.empty((0, 4)), *blocks])
    with_unseen = seen.copy()
    for stratum in np.unique(sample.strata):
        inside = sample.strata == stratum
        gold = sample.gold[inside]
        if gold.all() or not gold.any():
            n, total = len(gold), float(sample.weights[inside].sum())
            said = float(sample.weights[inside] @ (sample.judged[inside] == 1)) / total
            unseen = rng.beta(0.5, n + 0.5, size=len(seen))[:, np.newaxis] * total
            here, there = ((0, 1), (2, 3)) if gold[0] else ((2, 3), (0, 1))
            moved = unseen * np.array([said, 1 - said])
            with_unseen[:, list(there)] += moved
            with_unseen[:, list(here)] = np.maximum(with_unseen[:, list(here)] - moved, 0.0)
    return seen, with_unseen


def _is_even(weights: FloatArray) -> bool:
    return not len(weights) or bool(np.ptp(weights) <= 1e-9 * weights.max())
