"""Rates one may print: equal to ppi_py and to Lang & Reiczigel, weighted, withheld, and told."""

from typing import Any

import numpy as np
import pytest

from grader.agreement.design import covariance_of_means, iter_weight_draws
from grader.agreement.prevalence import (
    Calibration,
    calibrate,
    estimate_prevalence,
    find_power,
    gold_rate,
    lang_reiczigel,
    naive_rate,
    ppi_interval,
    ppi_plus_plus,
    rogan_gladen,
)
from grader.agreement.shares import wilson
from grader.errors import InvalidRatings
from tests.agreement.drawing import exactly


def sample_of(tp: int, fn: int, fp: int, tn: int, *, rest: tuple[int, int]) -> Calibration:
    """Return a random gold sample of these kinds; `rest` is (called true, all) without gold."""
    gold = np.repeat([1, 1, 0, 0], [tp, fn, fp, tn])
    judged = np.repeat([1, 0, 1, 0], [tp, fn, fp, tn])
    return calibrate(gold, judged, n_units=rest[1] + len(gold), positives=rest[0] + tp + fp)


def draw_by_votes(rng: np.random.Generator, *, n: int = 5000, rate: float = 0.1) -> Calibration:
    """Return 400 gold labels of n units, half of them where the judge says true."""
    truth = rng.random(n) < rate
    judged = rng.random(n) < np.where(truth, 0.9, 0.03)
    taken, weights = [], []
    for value in (False, True):
        members = np.flatnonzero(judged == value)
        chosen = rng.choice(members, size=200, replace=False)
        taken.append(chosen)
        weights.append(np.full(200, len(members) / 200))
    units = np.concatenate(taken)
    return calibrate(
        truth[units],
        judged[units],
        n_units=n,
        positives=int(judged.sum()),
        weights=np.concatenate(weights),
        strata=judged[units],
    )


@pytest.mark.parametrize(
    ("kinds", "rest", "value", "low", "high"),
    [
        (
            (27, 3, 5, 165),
            (150, 800),
            0.16638650957844106,
            0.13345565901120604,
            0.19931736014567608,
        ),
        (
            (3, 1, 6, 190),
            (47, 800),
            0.022931009760895887,
            0.005307846118413565,
            0.040554173403378205,
        ),
        (
            (45, 55, 40, 60),
            (300, 700),
            0.5001416908334385,
            0.43091542181372117,
            0.5693679598531559,
        ),
        ((10, 40, 60, 90), (300, 700), 0.25, 0.18998860404555862, 0.3100113959544414),
    ],
)
def test_ppi_plus_plus_equals_ppi_py(
    kinds: tuple[int, int, int, int],
    rest: tuple[int, int],
    value: float,
    low: float,
    high: float,
) -> None:
    """ppi_py 0.2.3 (it brings numba, so its numbers are written down), with 0s and 1s in arrays:

    ppi_mean_pointestimate(gold, judged, rest); ppi_mean_ci(gold, judged, rest, alpha=.05)
    """
    sample = sample_of(*kinds, rest=rest)
    power = find_power(sample)
    assert power is not None
    assert ppi_interval(sample, power) == exactly((value, low, high))
    assert ppi_plus_plus(sample).value == exactly(value)


def test_the_interval_of_rogan_gladen_is_lang_and_reiczigel_s_formula() -> None:
    """The steps of Lang & Reiczigel (2014), as R's asht::prevSeSp takes them, by hand."""
    z = 1.959963984540054
    ap, n, se, n_se, sp, n_sp = 0.12, 4060, 0.85, 40, 0.96, 160
    ap_, se_, sp_ = (ap * n + z * z / 2) / (n + z * z), (34 + 1) / 42, (153.6 + 1) / 162
    rate = (ap_ + sp_ - 1) / (se_ + sp_ - 1)
    shift = 2 * z * z * (rate * se_ * (1 - se_) / 42 - (1 - rate) * sp_ * (1 - sp_) / 162)
    variance = (
        ap_ * (1 - ap_) / (n + z * z)
        + rate**2 * se_ * (1 - se_) / 42
        + (1 - rate) ** 2 * sp_ * (1 - sp_) / 162
    ) / (se_ + sp_ - 1) ** 2
    low, high = lang_reiczigel(ap, n, se=se, n_se=n_se, sp=sp, n_sp=n_sp)
    assert low == pytest.approx(rate + shift - z * variance**0.5)
    assert high == pytest.approx(rate + shift + z * variance**0.5)


def test_a_perfect_judge_needs_no_correction() -> None:
    sample = sample_of(40, 0, 0, 160, rest=(160, 800))
    assert rogan_gladen(sample).value == pytest.approx(0.2)
    assert ppi_plus_plus(sample).value == pytest.approx(0.2)
    assert naive_rate(sample).value == pytest.approx(0.2)
    narrow, wide = (found(sample) for found in (ppi_plus_plus, gold_rate))
    assert narrow.low is not None
    assert wide.low is not None
    assert narrow.low > wide.low


def test_a_random_sample_s_own_rate_has_wilson_s_interval() -> None:
    found = gold_rate(sample_of(27, 3, 5, 165, rest=(150, 800)))
    assert (found.low, found.high) == pytest.approx(wilson(0.15, 200))


@pytest.mark.parametrize(
    ("kinds", "why"),
    [
        ((20, 30, 60, 90), "not clearly better than guessing"),
        ((1, 0, 30, 169), "not clearly better than guessing"),
        ((0, 0, 10, 190), "gold calls no unit of the sample true"),
        ((150, 50, 0, 0), "gold calls no unit of the sample false"),
    ],
)
def test_a_judge_no_better_than_a_coin_corrects_nothing(
    kinds: tuple[int, int, int, int], why: str
) -> None:
    found = rogan_gladen(sample_of(*kinds, rest=(200, 800)))
    assert found.value is None
    assert why in (found.reason or "")


def test_few_gold_positives_withhold_the_interval_of_ppi_but_not_its_value() -> None:
    found = ppi_plus_plus(sample_of(3, 1, 6, 190, rest=(47, 800)))
    assert found.value is not None
    assert found.low is None
    assert "gold calls 4 units true; below 10" in (found.reason or "")


def test_intervals_from_a_sample_stratified_by_votes_cover_as_often_as_they_claim() -> None:
    rng = np.random.default_rng(0)
    names = ("gold_only", "rogan_gladen", "ppi_plus_plus")
    covered = dict.fromkeys(names, 0)
    for _ in range(150):
        found = estimate_prevalence(draw_by_votes(rng))
        for name in names:
            statistic = getattr(found, name)
            assert statistic.low is not None
            covered[name] += statistic.low <= 0.1 <= statistic.high
    assert all(0.90 <= hits / 150 <= 1 for hits in covered.values()), covered


def test_weights_undo_what_the_design_did_and_leaving_them_out_does_not() -> None:
    sample = draw_by_votes(np.random.default_rng(1), n=50_000)
    plain = calibrate(sample.gold, sample.judged, n_units=50_000, positives=sample.positives)
    weighted, unweighted = (estimate_prevalence(s) for s in (sample, plain))
    assert weighted.gold_only.value == pytest.approx(0.1, abs=0.035)
    assert weighted.rogan_gladen.value == pytest.approx(0.1, abs=0.035)
    assert weighted.ppi_plus_plus.value == pytest.approx(0.1, abs=0.035)
    assert unweighted.gold_only.value == pytest.approx(0.4, abs=0.1)


def test_draws_within_small_strata_spread_as_the_design_does() -> None:
    """Rao & Wu (1988): without their n / (n − 1), pairs would weigh half of what they do."""
    rng = np.random.default_rng(2)
    sizes = np.array([2, 2, 2, 8] * 10)
    strata = np.repeat(np.arange(40), sizes)
    weights, values = np.repeat(rng.random(40) + 0.5, sizes), rng.random(140) + (strata % 4 == 3)
    blocks = iter_weight_draws(weights, strata, draws=20_000, rng=rng)
    rows = np.concatenate(list(blocks))
    means = (rows @ values) / rows.sum(axis=1)
    assert means.var() == pytest.approx(
        covariance_of_means(values, values, weights, strata), rel=0.05
    )


def test_equal_weights_are_no_weights() -> None:
    sample = sample_of(27, 3, 5, 165, rest=(150, 800))
    heavy = calibrate(
        sample.gold,
        sample.judged,
        n_units=sample.n_units,
        positives=sample.positives,
        weights=np.full(200, 5.0),
    )
    assert estimate_prevalence(heavy) == estimate_prevalence(sample)


def test_the_advice_names_the_narrowest_interval_and_what_the_naive_rate_does() -> None:
    found = estimate_prevalence(sample_of(27, 3, 12, 258, rest=(222, 1700)))
    assert found.recommended == "ppi_plus_plus"
    assert found.advice.startswith(f"Print PPI++: {found.ppi_plus_plus.value:.1%} [")
    assert "Rogan–Gladen" in found.advice
    rare = estimate_prevalence(sample_of(3, 1, 6, 190, rest=(47, 800)))
    assert rare.recommended == "gold_only"
    assert "the naive rate, 5.6%, is 2.8 times that" in rare.advice.lower()
    assert "specificity is .97" in rare.advice
    assert "PPI++ has none" in rare.advice
    missing = estimate_prevalence(sample_of(60, 60, 0, 180, rest=(400, 2000)))
    assert "because sensitivity is .50" in missing.advice


def test_without_gold_nothing_is_recommended() -> None:
    found = estimate_prevalence(calibrate([], [], n_units=100, positives=20))
    assert found.recommended is None
    assert found.advice.startswith("Print none of these rates: 0 gold labels")
    assert found.naive.value == pytest.approx(0.2)


def test_a_unit_that_the_judge_left_out_is_left_out() -> None:
    found = calibrate([1, 0, 1], [1, -1, 0], n_units=10, positives=3)
    assert found.gold.tolist() == [True, True]
    assert found.judged.tolist() == [True, False]


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"positives": 200}, "must be part of the whole"),
        ({"positives": 1}, "must be part of the whole"),
        ({"positives": 99}, "must be part of the whole"),
        ({"weights": [1.0, 2.0]}, "one a sampled unit"),
        ({"weights": [1.0, 2.0, 0.0, 1.0]}, "above 0"),
        ({"gold": [0, 1, 2, 0]}, "0 or 1"),
    ],
)
def test_samples_that_do_not_fit_are_refused(change: dict[str, Any], why: str) -> None:
    given: dict[str, Any] = {
        "gold": [1, 1, 0, 0],
        "judged": [1, 1, 0, 0],
        "n_units": 100,
        "positives": 30,
    }
    given |= change
    with pytest.raises(InvalidRatings, match=why):
        calibrate(given.pop("gold"), given.pop("judged"), **given)


def test_a_sample_by_votes_without_its_weights_is_withheld_and_told() -> None:
    """Value by value it is the same sample; that the judge calls half of it true gives it away."""
    sample = draw_by_votes(np.random.default_rng(1), n=50_000)
    plain = calibrate(sample.gold, sample.judged, n_units=50_000, positives=sample.positives)
    found, right = estimate_prevalence(plain), estimate_prevalence(sample)
    for name in ("gold_only", "rogan_gladen", "ppi_plus_plus"):
        assert getattr(right, name).low is not None
        statistic = getattr(found, name)
        assert (statistic.low, statistic.high) == (None, None)
        assert "weights or strata are missing" in statistic.reason
    assert found.recommended is None
    assert "weights or strata are missing" in found.advice


def test_a_fair_sample_that_happens_to_miss_the_few_positives_is_not_taken_for_an_unfair_one() -> (
    None
):
    sample = calibrate([0] * 40, [0] * 40, n_units=10_000, positives=300)
    assert gold_rate(sample).low == 0


def test_a_corrected_rate_that_lies_below_nothing_has_no_interval() -> None:
    """The judge cries wolf in the sample more often than in the whole."""
    sample = sample_of(20, 0, 30, 150, rest=(340, 20_000))
    found = rogan_gladen(sample)
    assert found.value == 0
    assert (found.low, found.high) == (None, None)
    assert found.reason is not None
