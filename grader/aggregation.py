"""How a panel's values become one: quorum, the rule of the panel, ties.

Failures never get here: what is aggregated are values that judges gave. Too few of them is
`undecided`, never a value of its own.
"""

from collections import Counter
from collections.abc import Sequence
from statistics import fmean, median
from typing import NamedTuple

from grader.domain.label import LabelStatus
from grader.domain.panel import Panel
from grader.domain.rubric import (
    INSUFFICIENT_EVIDENCE,
    NOT_APPLICABLE,
    BooleanScale,
    Criterion,
    IntervalScale,
    OrdinalScale,
    Value,
)


class Outcome(NamedTuple):
    status: LabelStatus
    value: Value | None


UNDECIDED = Outcome("undecided", None)
TIED = Outcome("tied", None)


def aggregate(values: Sequence[Value], criterion: Criterion, panel: Panel) -> Outcome:
    """Return the panel's value for one criterion from the values its judges gave.

    `majority` is the value given most often; on an interval scale, where equal numbers mean
    little, it is the median. A rule that does not fit the scale becomes the nearest that does:
    the mean of ordered levels their median, both of boolean and nominal values the majority.
    `not_applicable` and `insufficient_evidence` are values like others; medians and means leave
    them out unless more than half of the judges gave one of them.
    """
    if len(values) < panel.quorum or not values:
        return UNDECIDED
    numeric = isinstance(criterion.scale, IntervalScale)
    ordered = isinstance(criterion.scale, OrdinalScale)
    if not numeric and (panel.aggregation == "majority" or not ordered):
        return _majority(values, criterion, panel)
    special, votes = Counter(map(_typed, values)).most_common(1)[0]
    if special[1] in (NOT_APPLICABLE, INSUFFICIENT_EVIDENCE) and votes * 2 > len(values):
        return Outcome("decided", special[1])
    proper = [v for v in values if v not in (NOT_APPLICABLE, INSUFFICIENT_EVIDENCE)]
    if not proper:
        return TIED
    if numeric:
        numbers = [float(v) for v in proper]
        middle = fmean(numbers) if panel.aggregation == "mean" else median(numbers)
        return Outcome("decided", middle)
    return _median_level(proper, criterion)


def _majority(values: Sequence[Value], criterion: Criterion, panel: Panel) -> Outcome:
    if len(values) == 1:
        return Outcome("decided", values[0])
    ranked = Counter(map(_typed, values)).most_common()
    most = ranked[0][1]
    leaders = [value for (_, value), votes in ranked if votes == most]
    if len(leaders) == 1:
        return Outcome("decided", leaders[0])
    return _break_tie(leaders, criterion, panel)


def _median_level(values: list[Value], criterion: Criterion) -> Outcome:
    levels = criterion.values or ()
    ranks = sorted(levels.index(value) for value in values)
    low, high = ranks[(len(ranks) - 1) // 2], ranks[len(ranks) // 2]
    if low == high:
        return Outcome("decided", levels[low])
    return TIED


def _break_tie(leaders: list[Value], criterion: Criterion, panel: Panel) -> Outcome:
    if panel.ties != "tied" and isinstance(criterion.scale, BooleanScale):
        wanted = panel.ties == "positive"
        if wanted in leaders:
            return Outcome("decided", wanted)
    return TIED


def _typed(value: Value) -> tuple[str, Value]:
    # True == 1 in Python; they are different values here.
    return (type(value).__name__, value)
