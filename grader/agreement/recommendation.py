"""Which of several rates to print, in a plain sentence with the numbers in it.

It compares finished estimates; how they are made is in `prevalence.py`.
"""

from collections.abc import Sequence
from typing import Literal

from grader.agreement.statistic import Statistic

Choice = Literal["ppi_plus_plus", "rogan_gladen", "gold_only"]
_TITLES: dict[str, str] = {
    "ppi_plus_plus": "PPI++",
    "rogan_gladen": "Rogan–Gladen",
    "gold_only": "the gold labels' own rate",
}


def recommend(
    *,
    naive: Statistic,
    gold_only: Statistic,
    rogan_gladen: Statistic,
    ppi_plus_plus: Statistic,
    sensitivity: Statistic,
    specificity: Statistic,
) -> tuple[Choice | None, str]:
    """Return which estimate to print, and a plain sentence why: the narrowest interval shown."""
    estimates: dict[Choice, Statistic] = {
        "ppi_plus_plus": ppi_plus_plus,
        "rogan_gladen": rogan_gladen,
        "gold_only": gold_only,
    }
    shown = {name: found for name, found in estimates.items() if found.low is not None}
    if not shown:
        return None, (
            f"Print none of these rates: {gold_only.reason or 'no estimate has an interval'}."
        )
    widths = {name: _width(found) for name, found in shown.items()}
    choice: Choice = min(widths, key=lambda name: widths[name])
    best = shown[choice]
    assert best.value is not None
    sentence = f"Print {_TITLES[choice]}: {_shown(best)}"
    others = [f"{_TITLES[name]} {_shown(found)}" for name, found in shown.items() if name != choice]
    if others:
        sentence += (
            f", the narrowest interval that counts the judge's errors (beside {_listed(others)})"
        )
    else:
        sentence += ", the only one that has an interval"
    withheld = [
        f"{_TITLES[name]} has none ({(found.reason or '').removeprefix('no interval: ')})"
        for name, found in estimates.items()
        if found.low is None
    ]
    if withheld:
        sentence += f"; {_listed(withheld)}"
    return choice, f"{sentence}. {_about_naive(naive, best, sensitivity, specificity)}"


def _about_naive(
    naive: Statistic, best: Statistic, sensitivity: Statistic, specificity: Statistic
) -> str:
    assert best.value is not None
    assert best.low is not None
    assert best.high is not None
    if naive.value is None:
        return f"There is no naive rate: {naive.reason}."
    rate = f"The naive rate, {naive.value:.1%},"
    if best.low <= naive.value <= best.high:
        return (
            f"{rate} lies within that interval, but its own interval leaves out the judge's errors."
        )
    times = f"{naive.value / best.value:.1f} times that" if best.value > 0 else "above that"
    if naive.value > best.value:
        return f"{rate} is {times}, because specificity is {_number(specificity)}."
    return f"{rate} is {times}, because sensitivity is {_number(sensitivity)}."


def _width(found: Statistic) -> float:
    assert found.low is not None
    assert found.high is not None
    return found.high - found.low


def _shown(found: Statistic) -> str:
    return f"{found.value:.1%} [{found.low:.1%}, {found.high:.1%}]"


def _number(found: Statistic) -> str:
    return "unknown" if found.value is None else f"{found.value:.2f}".removeprefix("0")


def _listed(words: Sequence[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"
