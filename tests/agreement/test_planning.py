"""Plans against simulated samples of the planned size."""

import numpy as np
import pytest

from grader.agreement.planning import Plan, least, plan, stable_share
from grader.agreement.prevalence import calibrate, estimate_prevalence
from grader.errors import InvalidRatings


def needed(found: Plan, quantity: str, design: str) -> int:
    [row] = [row for row in found.rows if (row.quantity, row.design) == (quantity, design)]
    assert row.n is not None
    return row.n


def widths(
    n: int, *, rate: float, of: str, by_votes: bool = False, n_units: int = 20_000, times: int = 40
) -> float:
    """Return the mean width over simulated samples of n gold labels, Se .9 and Sp .95."""
    rng = np.random.default_rng(n)
    found = []
    for _ in range(times):
        truth = rng.random(n_units) < rate
        judged = rng.random(n_units) < np.where(truth, 0.9, 0.05)
        weights, strata = np.ones(n), np.zeros(n)
        units = np.arange(n)
        if by_votes:
            called = np.flatnonzero(judged)
            others = np.flatnonzero(~judged)
            spread = [
                len(part) * np.sqrt(truth[part].mean() * (1 - truth[part].mean()))
                for part in (called, others)
            ]
            first = round(n * spread[0] / sum(spread))
            units = np.concatenate([called[:first], others[: n - first]])
            weights = np.where(judged[units], len(called) / first, len(others) / (n - first))
            strata = judged[units].astype(float)
        sample = calibrate(
            truth[units],
            judged[units],
            n_units=n_units,
            positives=int(judged.sum()),
            weights=weights,
            strata=strata,
        )
        statistic = getattr(estimate_prevalence(sample), of)
        assert statistic.low is not None
        found.append(statistic.high - statistic.low)
    return float(np.mean(found))


@pytest.mark.parametrize(
    ("quantity", "design", "of", "by_votes"),
    [
        ("sensitivity", "random", "sensitivity", False),
        ("specificity", "random", "specificity", False),
        ("prevalence", "random, gold only", "gold_only", False),
        ("prevalence", "random, PPI++", "ppi_plus_plus", False),
        ("prevalence", "stratified by vote", "gold_only", True),
    ],
)
def test_samples_of_the_planned_size_have_the_wanted_width(
    quantity: str, design: str, of: str, by_votes: bool
) -> None:
    found = plan(prevalence=0.15, sensitivity=0.9, specificity=0.95, width=0.06)
    n = needed(found, quantity, design)
    assert widths(n, rate=0.15, of=of, by_votes=by_votes) == pytest.approx(0.06, rel=0.12)


def test_a_hundred_positives_at_two_percent_take_five_thousand_random_labels() -> None:
    """Sensitivity .9 from about 100 positives has Wilson's interval .12 wide."""
    found = plan(prevalence=0.02, width=0.1187)
    assert needed(found, "sensitivity", "random") == pytest.approx(5000, rel=0.05)


def test_narrower_intervals_take_more_and_ppi_less_than_gold_alone() -> None:
    wide, narrow = plan(prevalence=0.2, width=0.1), plan(prevalence=0.2, width=0.05)
    for row, other in zip(wide.rows, narrow.rows, strict=True):
        assert row.n is not None
        assert other.n is not None
        assert other.n >= row.n
    assert needed(narrow, "prevalence", "random, PPI++") < needed(
        narrow, "prevalence", "random, gold only"
    )


def test_more_labels_than_units_are_no_plan() -> None:
    found = plan(prevalence=0.02, width=0.05, n_units=1000)
    [row] = [row for row in found.rows if (row.quantity, row.design) == ("sensitivity", "random")]
    assert (row.n, row.reason) == (None, "more than the 1,000 units there are")
    assert "more than the 1,000 units there are random" in found.advice


def test_repeats_for_a_stable_verdict_are_the_binomial_s() -> None:
    rng = np.random.default_rng(0)
    found = plan(prevalence=0.2, retest_agreement=0.68, stability=0.95)
    repeats = needed(found, "verdict as endless repeats give it, 95%", "majority of repeats")
    # Two repeats agree in .68 of cases where each is right in .8.
    for n, is_enough in ((repeats - 2, False), (repeats, True)):
        majority = (rng.random((100_000, n)) < 0.8).sum(axis=1) > n / 2
        assert majority.mean() == pytest.approx(stable_share(0.68, n), abs=0.005)
        assert (stable_share(0.68, n) >= 0.95) == is_enough
    assert f"a stable verdict takes {repeats} repeats" in found.advice


@pytest.mark.parametrize("edge", [1, 2, 3, 1000])
def test_the_least_number_is_the_least(edge: int) -> None:
    assert least(lambda n: n >= edge) == edge
    assert least(lambda n: n > edge, most=edge) is None


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ({"prevalence": 0.0}, "prevalence is 0.0"),
        ({"prevalence": 0.1, "sensitivity": 0.3, "specificity": 0.6}, "no better than a coin"),
        ({"prevalence": 0.1, "retest_agreement": 0.4}, "or the judge is a coin"),
        ({"prevalence": 0.1, "width": 2.0}, "width is 2.0"),
    ],
)
def test_plans_without_sense_are_refused(given: dict[str, float], why: str) -> None:
    with pytest.raises(InvalidRatings, match=why):
        plan(**given)  # type: ignore[arg-type]
