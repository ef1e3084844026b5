"""The same judge asked again."""

from itertools import combinations
from typing import Any

import numpy as np
import pytest

from grader.agreement import Ratings, Scale, build_report
from grader.agreement.retest import Retest, measure_retest
from grader.errors import InvalidRatings


def ratings_of(codes: Any, levels: tuple[Any, ...] = (False, True)) -> Ratings:
    table = np.array(codes)
    names = tuple(f"repeat {number}" for number in range(table.shape[1]))
    scale: Scale = "boolean" if levels == (False, True) else "nominal"
    return Ratings(tuple(map(str, range(len(table)))), names, table, levels, scale)


def retest_of(codes: Any, **more: Any) -> Retest:
    return measure_retest(ratings_of(codes, **more), draws=200)


def by_choosing(codes: Any, k: int) -> float:
    """Return the stability for k repeats by trying every choice of them."""
    found = []
    for row in np.array(codes):
        counts = np.bincount(row, minlength=3)
        if (counts == counts.max()).sum() > 1:
            continue
        hits = []
        for chosen in combinations(row, k):
            some = np.bincount(chosen, minlength=3)
            top = some == some.max()
            hits.append(top[counts.argmax()] / top.sum())
        found.append(np.mean(hits))
    return float(np.mean(found))


def test_flips_and_agreement_are_counted() -> None:
    found = retest_of([[1, 1, 1], [0, 0, 0], [1, 0, 1], [0, 1, -1], [1, -1, -1]])
    assert found.n_units == 4
    assert found.raw_agreement.value == pytest.approx((1 + 1 + 1 / 3 + 0) / 4)
    assert found.flip_rate.value == pytest.approx(1 - (1 + 1 + 1 / 3 + 0) / 4)
    assert (found.ever_flips.value, found.ever_flips.n) == (0.5, 4)
    assert found.fleiss_kappa.n == 3


def test_coefficients_are_those_of_the_report() -> None:
    codes = (np.random.default_rng(0).random((80, 4)) < [[0.2], [0.9]] * 40).astype(int)
    found = retest_of(codes)
    report = build_report(ratings_of(codes), draws=0).overall
    assert found.krippendorff_alpha.value == report["krippendorff_alpha"].value
    assert found.fleiss_kappa.value == report["fleiss_kappa"].value
    low, high = found.flip_rate.low, found.flip_rate.high
    assert low is not None
    assert high is not None
    assert found.raw_agreement.high == pytest.approx(1 - low)
    assert low < (found.flip_rate.value or 0) < high


@pytest.mark.parametrize("n_levels", [2, 3])
def test_stability_is_that_of_every_choice_of_repeats(n_levels: int) -> None:
    rng = np.random.default_rng(1)
    codes = rng.integers(n_levels, size=(30, 5))
    levels = (False, True) if n_levels == 2 else ("a", "b", "c")
    found = retest_of(codes, levels=levels)
    expected = [by_choosing(codes, k) for k in range(1, 6)]
    assert found.stability == pytest.approx(expected)
    assert found.stability[-1] == 1


def test_repeats_needed_are_the_fewest_that_give_the_verdict_of_all() -> None:
    rng = np.random.default_rng(2)
    chance = np.where(rng.random(500) < 0.7, 0.02, 0.65)
    codes = (rng.random((500, 50)) < chance[:, np.newaxis]).astype(int)
    found = retest_of(codes)
    needed = found.repeats_needed
    assert needed is not None
    assert 3 <= needed <= 25
    assert found.stability[needed - 1] >= 0.95 > found.stability[needed - 3]
    assert found.message.startswith(f"{needed} of 50 repeats")


def test_a_judge_that_always_says_the_same_needs_one_repeat() -> None:
    found = retest_of([[1] * 5] * 10 + [[0] * 5] * 10)
    assert (found.repeats_needed, found.ever_flips.value) == (1, 0.0)


def test_two_repeats_cannot_tell_how_many_are_needed() -> None:
    found = retest_of([[1, 1], [0, 1], [0, 0]])
    assert found.repeats_needed is None
    assert "too few to tell" in found.message


def test_one_repeat_is_refused() -> None:
    with pytest.raises(InvalidRatings, match="only one repeat"):
        retest_of([[1], [0]])
