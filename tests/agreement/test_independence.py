"""Do judges err together: simulated judges whose errors' correlation is known."""

from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from grader.agreement.independence import Independence, measure_independence
from grader.errors import InvalidRatings

Array = np.ndarray[Any, Any]
NAMES = tuple("abcdefghi")


def with_common_errors(
    n: int, *, judges: int, rate: float, correlation: float, rng: np.random.Generator
) -> tuple[Array, Array]:
    """Return (gold, votes): each error is, with chance √ρ, the same coin for all judges."""
    gold = rng.random(n) < 0.4
    common = (rng.random(n) < rate)[:, np.newaxis]
    own = rng.random((n, judges)) < rate
    wrong = np.where(rng.random((n, judges)) < correlation**0.5, common, own)
    return gold, gold[:, np.newaxis] ^ wrong


def measured(gold: Array, votes: Array, **more: Any) -> Independence:
    return measure_independence(gold, votes, judges=NAMES[: votes.shape[1]], **more)


@pytest.mark.parametrize("judges", [2, 5, 9])
@pytest.mark.parametrize("correlation", [0.0, 0.1, 0.3, 0.6])
def test_effective_judges_of_simulated_panels_are_within_a_tenth_of_the_truth(
    judges: int, correlation: float
) -> None:
    rng = np.random.default_rng([judges, round(10 * correlation)])
    gold, votes = with_common_errors(
        4000, judges=judges, rate=0.15, correlation=correlation, rng=rng
    )
    found = measured(gold, votes, draws=200)
    truth = judges / (1 + (judges - 1) * correlation)
    assert found.effective_judges.value == pytest.approx(truth, rel=0.1)
    assert found.mean_correlation.value == pytest.approx(correlation, abs=0.05)
    assert len(found.pairs) == judges * (judges - 1) // 2


def test_intervals_of_the_effective_number_cover_the_truth_about_as_often_as_they_claim() -> None:
    rng = np.random.default_rng(0)
    covered = 0
    for seed in range(100):
        gold, votes = with_common_errors(300, judges=3, rate=0.2, correlation=0.3, rng=rng)
        found = measured(gold, votes, draws=200, seed=seed).effective_judges
        assert found.low is not None
        assert found.high is not None
        covered += found.low <= 3 / 1.6 <= found.high
    assert 0.89 <= covered / 100 <= 0.99


def test_weights_undo_a_sample_that_prefers_common_errors() -> None:
    rng = np.random.default_rng(1)
    gold, votes = with_common_errors(60_000, judges=3, rate=0.15, correlation=0.3, rng=rng)
    errors = (votes != gold[:, np.newaxis]).sum(axis=1)
    chance = np.where(errors >= 2, 0.2, 0.03)
    taken = rng.random(len(gold)) < chance
    plain = measured(gold[taken], votes[taken], draws=100).effective_judges.value
    weighted = measured(
        gold[taken], votes[taken], weights=1 / chance[taken], strata=errors[taken] >= 2, draws=100
    ).effective_judges.value
    assert weighted == pytest.approx(3 / 1.6, rel=0.1)
    assert plain != pytest.approx(3 / 1.6, rel=0.1)


def test_phi_is_the_correlation_of_the_two_columns_of_errors() -> None:
    gold = np.zeros(10, dtype=int)
    votes = np.array([[1, 1, 1, 0, 0, 0, 0, 0, 0, 0], [1, 1, 0, 1, 0, 0, 0, 0, 0, 0]]).T
    found = measured(gold, votes, draws=50).pairs[0].correlation
    assert found.value == pytest.approx(np.corrcoef(votes.T)[0, 1])
    assert found.low is None
    assert "on 2 units both err" in (found.reason or "")


def test_a_judge_who_never_errs_has_no_correlation_and_is_told_apart() -> None:
    rng = np.random.default_rng(2)
    gold, votes = with_common_errors(500, judges=3, rate=0.2, correlation=0.3, rng=rng)
    votes[:, 0] = gold
    found = measured(gold, votes, draws=100)
    assert found.undefined_pairs == 2
    assert found.pairs[0].correlation.value is None
    assert "errs never or always" in (found.pairs[0].correlation.reason or "")
    assert found.mean_correlation.value == found.pairs[2].correlation.value
    assert found.best_judge == "a"
    assert found.accuracy_gain.value == pytest.approx(
        (2 * votes.sum(axis=1) > 3).__eq__(gold).mean() - 1
    )


def test_independent_judges_gain_what_the_binomial_says_and_copies_gain_nothing() -> None:
    rng = np.random.default_rng(3)
    gains = []
    for correlation in (0.0, 1.0):
        gold, votes = with_common_errors(8000, judges=5, rate=0.2, correlation=correlation, rng=rng)
        found = measured(gold, votes, draws=100)
        gains.append(found.accuracy_gain)
    # Three errors of five at .2: .0579 in place of .2; the best of five is a little luckier.
    assert gains[0].value == pytest.approx(0.2 - 0.05792, abs=0.02)
    assert gains[0].low is not None
    assert gains[0].low > 0.12
    assert gains[1].value == 0
    assert "every bootstrap draw gives this same value" in (gains[1].reason or "")


def test_ties_of_an_even_panel_count_half() -> None:
    gold = np.array([1, 1, 0, 0])
    votes = np.array([[1, 1], [1, 0], [0, 0], [1, 1]])
    found = measured(gold, votes, draws=0)
    assert found.best_judge == "a"
    assert found.accuracy_gain.value == pytest.approx((1 + 0.5 + 1 + 0) / 4 - 3 / 4)


def test_missing_votes_leave_only_what_both_judged() -> None:
    gold = np.zeros(6, dtype=int)
    votes = np.array([[1, 1, 0, 0, 0, -1], [1, 0, 0, 0, -1, 1]]).T
    found = measured(gold, votes, draws=0).pairs[0].correlation
    assert found.n == 4
    assert found.value == pytest.approx(np.corrcoef([1, 1, 0, 0], [1, 0, 0, 0])[0, 1])


def test_gold_of_one_value_has_no_balanced_accuracy() -> None:
    gold, votes = np.zeros(30, dtype=int), np.eye(3, dtype=int)[np.arange(30) % 3]
    found = measured(gold, votes, draws=10).balanced_accuracy_gain
    assert (found.value, found.reason) == (None, "gold has only one value")


def test_more_correlation_is_a_smaller_effective_number() -> None:
    values = []
    for correlation in (0.0, 0.2, 0.5, 0.9):
        rng = np.random.default_rng(4)
        gold, votes = with_common_errors(5000, judges=4, rate=0.2, correlation=correlation, rng=rng)
        values.append(measured(gold, votes, draws=0).effective_judges.value or 0.0)
    assert all(more > less for more, less in pairwise(values))


def test_tables_that_do_not_fit_are_refused() -> None:
    with pytest.raises(InvalidRatings, match="two judges at least"):
        measured(np.zeros(3), np.zeros((3, 1)))
    with pytest.raises(InvalidRatings, match="'b' has no vote"):
        measured(np.zeros(3), np.array([[0, -1]] * 3))
    with pytest.raises(InvalidRatings, match="one a gold unit"):
        measured(np.zeros(3), np.zeros((3, 2)), weights=[1.0, 2.0])
