"""How many gold labels, units or repeats a wanted interval width takes, before any are paid for.

Formulas of the expected width, from what one expects of rate and judge; nothing is drawn and no
data are read. They are checked against simulated samples in the tests.
"""

import math
from collections.abc import Callable
from typing import Literal

from pydantic import BaseModel, ConfigDict

from grader.agreement.bootstrap import NORMAL, TAIL
from grader.agreement.prevalence import LEAST_GOLD_POSITIVES
from grader.agreement.shares import wilson
from grader.errors import InvalidRatings

Z = NORMAL.inv_cdf(1 - TAIL)
_MOST = 10**9
_MOST_REPEATS = 999
_LEAST_LABELS = 60
"""Formulas of large samples say nothing below thirty labels a stratum."""

Need = Literal["gold labels", "units judged twice", "repeats"]


class PlanRow(BaseModel):
    """One thing to be known as exactly as wanted, and what that takes."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    quantity: str
    """What is to be known."""
    design: str
    """How units are chosen, or what is estimated."""
    need: Need
    """What is counted in `n`."""
    n: int | None
    """How many it takes; null when there aren't so many."""
    reason: str | None = None
    """Why `n` is null, or what sets it."""


class Plan(BaseModel):
    """What a study of this rate and judge takes."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    width: float
    """The wanted full width of the 95 % intervals."""
    rows: list[PlanRow]
    """Each quantity by each design."""
    advice: str
    """A plain sentence with the numbers that matter."""


def plan(
    *,
    prevalence: float,
    sensitivity: float = 0.9,
    specificity: float = 0.95,
    width: float = 0.1,
    n_units: int | None = None,
    retest_agreement: float | None = None,
    stability: float = 0.95,
) -> Plan:
    """Return what it takes to know accuracy and rate within `width`, and to make verdicts stable.

    `n_units` is how many units there are to label, None for no end of them. `retest_agreement` is
    how often two repeats of a judge agree; with it, repeats are planned, too.

    Raises:
        InvalidRatings: a share is not between 0 and 1, or the judge is no better than a coin.
    """
    shares = {"prevalence": prevalence, "sensitivity": sensitivity, "specificity": specificity}
    for name, value in {**shares, "width": width, "stability": stability}.items():
        if not 0 < value < 1:
            raise InvalidRatings(f"{name} is {value}; give a share between 0 and 1")
    if sensitivity + specificity <= 1:
        raise InvalidRatings(
            f"sensitivity {sensitivity} and specificity {specificity} are no better than a coin"
        )
    rows = [
        _row("sensitivity", "random", _for_share(sensitivity, width, within=prevalence), n_units),
        _row(
            "sensitivity",
            "stratified by vote",
            _stratified_accuracy(prevalence, sensitivity, specificity, width, of=True),
            n_units,
        ),
        _row(
            "specificity", "random", _for_share(specificity, width, within=1 - prevalence), n_units
        ),
        _row(
            "specificity",
            "stratified by vote",
            _stratified_accuracy(prevalence, sensitivity, specificity, width, of=False),
            n_units,
        ),
        _row("prevalence", "random, gold only", _for_share(prevalence, width), n_units),
        _row(
            "prevalence",
            "random, PPI++",
            _powered(prevalence, sensitivity, specificity, width, n_units=n_units),
            n_units,
        ),
        _row(
            "prevalence",
            "stratified by vote",
            _stratified_rate(prevalence, sensitivity, specificity, width),
            n_units,
        ),
    ]
    if retest_agreement is not None:
        rows += _repeats(retest_agreement, width, stability, n_units)
    return Plan(width=width, rows=rows, advice=_advice(rows, prevalence, width))


def least(holds: Callable[[int], bool], *, most: int = _MOST) -> int | None:
    """Return the smallest n from 1 for which a statement holds that stays true above it."""
    if not holds(most):
        return None
    low, high = 0, 1
    while not holds(high):
        low, high = high, min(2 * high, most)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if holds(middle) else (middle, high)
    return high


def stable_share(agreement: float, repeats: int) -> float:
    """Return how often the majority of so many repeats is the one that endless repeats give.

    For units that all flip alike: two repeats agree with chance p² + (1 − p)², and a tie counts
    half. Where few units flip often and most never, fewer repeats do less; see `retest.py`.
    """
    p = (1 + math.sqrt(max(0.0, 2 * agreement - 1))) / 2
    total = 0.0
    for hits in range(repeats + 1):
        chance = math.comb(repeats, hits) * p**hits * (1 - p) ** (repeats - hits)
        total += chance * (1.0 if 2 * hits > repeats else 0.5 if 2 * hits == repeats else 0.0)
    return total


def _for_share(share: float, width: float, *, within: float = 1.0) -> int | None:
    """Return the labels of which a part `within` gives Wilson's interval of `share` that width."""

    def is_narrow(n: int) -> bool:
        low, high = wilson(share, n * within)
        return high - low <= width

    return least(is_narrow)


def _strata(prevalence: float, se: float, sp: float) -> tuple[float, float, float]:
    """Return (share called true, true among those, true among the others)."""
    called = prevalence * se + (1 - prevalence) * (1 - sp)
    return called, prevalence * se / called, prevalence * (1 - se) / (1 - called)


def _stratified_accuracy(
    prevalence: float, se: float, sp: float, width: float, *, of: bool
) -> int | None:
    """Return the labels for sensitivity or specificity, spread over the votes as is best.

    By the delta method on the logit, whose variance is the sum of the odds against in both strata,
    each over its labels; the best spread takes them by the roots of those odds.
    """
    _, among_called, among_others = _strata(prevalence, se, sp)
    shares = (among_called, among_others)
    if not of:
        shares = (1 - among_called, 1 - among_others)
    roots = sum(math.sqrt((1 - share) / share) for share in shares)
    value = math.log(se / (1 - se)) if of else math.log(sp / (1 - sp))

    def is_narrow(n: int) -> bool:
        half = Z * roots / math.sqrt(n)
        return _expit(value + half) - _expit(value - half) <= width

    return _floored(least(is_narrow), _LEAST_LABELS)


def _stratified_rate(prevalence: float, se: float, sp: float, width: float) -> int | None:
    """Return the labels for the rate with Neyman's (1934) spread over the judge's votes."""
    called, among_called, among_others = _strata(prevalence, se, sp)
    parts = (
        called * math.sqrt(among_called * (1 - among_called)),
        (1 - called) * math.sqrt(among_others * (1 - among_others)),
    )
    true = (parts[0] * among_called + parts[1] * among_others) / sum(parts)
    floor = max(_LEAST_LABELS, math.ceil(LEAST_GOLD_POSITIVES / min(true, 1 - true)))
    return _floored(math.ceil((2 * Z * sum(parts) / width) ** 2), floor)


def _floored(n: int | None, floor: int) -> int | None:
    return None if n is None else max(n, floor)


def _powered(
    prevalence: float, se: float, sp: float, width: float, *, n_units: int | None
) -> int | None:
    """Return the labels for PPI++: gold's variance less what the judge explains of it.

    σ²/n · (1 − ρ² / (1 + n / unlabelled)), and ten expected units of the rarer value, without
    which no interval is shown.
    """
    called, *_ = _strata(prevalence, se, sp)
    variance = prevalence * (1 - prevalence)
    explained = (prevalence * se - prevalence * called) ** 2 / (variance * called * (1 - called))
    floor = math.ceil(LEAST_GOLD_POSITIVES / min(prevalence, 1 - prevalence))

    def is_narrow(n: int) -> bool:
        rest = math.inf if n_units is None else n_units - n
        left = 1 - (explained / (1 + n / rest) if rest > 0 else 0.0)
        return 2 * Z * math.sqrt(variance / n * left) <= width

    found = least(is_narrow, most=_MOST if n_units is None else n_units)
    return _floored(found, floor)


def _repeats(
    agreement: float, width: float, stability: float, n_units: int | None
) -> list[PlanRow]:
    if not 0.5 < agreement <= 1:
        raise InvalidRatings(
            f"retest_agreement is {agreement}; two repeats of a judge of two values agree in more "
            "than half of the cases, or the judge is a coin"
        )
    odd = (repeats for repeats in range(1, _MOST_REPEATS + 1, 2))
    enough = next((n for n in odd if stable_share(agreement, n) >= stability), None)
    why = None if enough else f"more than {_MOST_REPEATS}: the judge is close to a coin"
    return [
        _row(
            "retest agreement",
            "two repeats a unit",
            _for_share(agreement, width),
            n_units,
            need="units judged twice",
        ),
        PlanRow(
            quantity=f"verdict as endless repeats give it, {stability:.0%}",
            design="majority of repeats",
            need="repeats",
            n=enough,
            reason=why,
        ),
    ]


def _row(
    quantity: str, design: str, n: int | None, n_units: int | None, *, need: Need = "gold labels"
) -> PlanRow:
    reason = None
    if n is None:
        n, reason = None, "no number of units reaches this width"
    if n_units is not None and (n is None or n > n_units):
        n, reason = None, f"more than the {n_units:,} units there are"
    return PlanRow(quantity=quantity, design=design, need=need, n=n, reason=reason)


def _advice(rows: list[PlanRow], prevalence: float, width: float) -> str:
    by_name = {(row.quantity, row.design): row for row in rows}

    def told(quantity: str, design: str) -> str:
        row = by_name[quantity, design]
        return f"{row.n:,}" if row.n is not None else str(row.reason)

    sentence = (
        f"For an interval {width:.2g} wide at a rate of {prevalence:.1%}: sensitivity takes "
        f"{told('sensitivity', 'random')} random gold labels, or "
        f"{told('sensitivity', 'stratified by vote')} spread over the judge's votes; the rate "
        f"takes {told('prevalence', 'random, gold only')} by gold alone and "
        f"{told('prevalence', 'random, PPI++')} with PPI++"
    )
    for row in rows:
        if row.need == "repeats":
            told_repeats = f"{row.n} repeats" if row.n else str(row.reason)
            sentence += f"; a stable verdict takes {told_repeats}"
    return sentence + "."


def _expit(value: float) -> float:
    return 1 / (1 + math.exp(-value))
