"""The alternative annotator test (Calderon, Reichart & Dror 2025, arXiv 2501.10970)."""

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats
from statsmodels.stats.multitest import multipletests

from grader.agreement.annotator_test import (
    AnnotatorTest,
    compare_with_annotators,
    reject,
    t_below,
)

Codes = NDArray[np.int64]


def people(seed: int, n: int, annotators: int, accuracy: float) -> tuple[Codes, Codes]:
    """Return the truth, and what people say who are right that often."""
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, 2, n)
    wrong = rng.random((n, annotators)) > accuracy
    return truth, np.where(wrong, 1 - truth[:, np.newaxis], truth[:, np.newaxis])


def measure(judge: Codes, annotators: Codes, **more: float) -> AnnotatorTest:
    names = tuple(f"a{number}" for number in range(annotators.shape[1]))
    return compare_with_annotators(judge, annotators, names, draws=200, **more)  # type: ignore[arg-type]


def by_the_paper(judge: Codes, annotators: Codes, epsilon: float) -> tuple[float, float]:
    """Return ω and ρ as the paper's algorithm has them, written out item by item."""
    p_values, advantages = [], []
    for j in range(annotators.shape[1]):
        of_judge, of_annotator = [], []
        for i in range(len(judge)):
            others = [k for k in range(annotators.shape[1]) if k != j and annotators[i, k] >= 0]
            if judge[i] < 0 or annotators[i, j] < 0 or not others:
                continue
            f = np.mean([judge[i] == annotators[i, k] for k in others])
            h = np.mean([annotators[i, j] == annotators[i, k] for k in others])
            of_judge.append(f >= h)
            of_annotator.append(h >= f)
        differences = np.array(of_annotator, float) - np.array(of_judge, float)
        p_values.append(stats.ttest_1samp(differences, epsilon, alternative="less").pvalue)
        advantages.append(np.mean(of_judge))
    rejected = multipletests(p_values, alpha=0.05, method="fdr_by")[0]
    return float(np.mean(rejected)), float(np.mean(advantages))


@pytest.mark.parametrize("seed", range(6))
def test_it_is_the_papers_algorithm(seed: int) -> None:
    truth, annotators = people(seed, 60, 4, 0.85)
    rng = np.random.default_rng(seed + 100)
    annotators = np.where(rng.random(annotators.shape) < 0.2, -1, annotators)
    judge = np.where(rng.random(60) < 0.1 * seed, 1 - truth, truth)
    for epsilon in (0.1, 0.2):
        found = measure(judge, annotators, epsilon=epsilon)
        rate, advantage = by_the_paper(judge, annotators, epsilon)
        assert found.winning_rate.value == pytest.approx(rate)
        assert found.advantage.value == pytest.approx(advantage)
        assert found.passed is (rate >= 0.5)


def test_a_judge_as_good_as_people_passes_and_one_that_guesses_does_not() -> None:
    truth, annotators = people(1, 200, 3, 0.9)
    good = measure(truth, annotators)
    assert good.passed is True
    assert good.winning_rate.value == 1.0
    low, high = good.advantage.low, good.advantage.high
    assert low is not None
    assert high is not None
    assert low < (good.advantage.value or 0) < high
    guess = measure(np.random.default_rng(2).integers(0, 2, 200), annotators)
    assert guess.passed is False
    assert guess.winning_rate.value == 0.0


@pytest.mark.parametrize(
    ("n", "annotators", "reason"),
    [(50, 2, "there are 2 annotators; the test needs 3"), (29, 3, "0 annotators rated 30 units")],
)
def test_too_few_people_or_items_are_null_with_the_reason(
    n: int, annotators: int, reason: str
) -> None:
    truth, given = people(1, n, annotators, 0.9)
    found = measure(truth, given)
    assert found.passed is None
    for statistic in (found.winning_rate, found.advantage):
        assert statistic.value is None
        assert reason in (statistic.reason or "")


def test_on_a_measuring_scale_the_nearer_one_has_the_advantage() -> None:
    scores = np.array([1.0, 2.0, 3.0, 9.0])
    annotators = np.array([[0, 0, 3]] * 40)
    found = compare_with_annotators(
        np.array([1] * 40), annotators, ("a", "b", "c"), scores=scores, draws=10
    )
    # Beside 1 and 9, a 2 is nearer to both together than a 1; beside 1 and 1, than a 9.
    assert [each.judge_advantage.value for each in found.annotators] == [1.0, 1.0, 1.0]
    assert [each.annotator_advantage.value for each in found.annotators] == [0.0, 0.0, 0.0]


def test_weights_count_units_as_often_as_they_stand_for() -> None:
    truth, annotators = people(4, 40, 3, 0.8)
    judge = np.where(np.arange(40) < 12, 1 - truth, truth)
    times = np.where(np.arange(40) < 12, 3, 1)
    names = ("a", "b", "c")
    weighted = compare_with_annotators(
        judge, annotators, names, weights=times.astype(np.float64), draws=10
    )
    repeated = compare_with_annotators(
        np.repeat(judge, times), np.repeat(annotators, times, axis=0), names, draws=10
    )
    assert weighted.advantage.value == pytest.approx(repeated.advantage.value)


@pytest.mark.parametrize("degrees", [1, 2, 29, 30, 500])
@pytest.mark.parametrize("t", [-40.0, -3.0, -0.5, 0.0, 0.1, 2.0, 7.0])
def test_students_distribution_is_scipys(t: float, degrees: int) -> None:
    assert t_below(t, degrees) == pytest.approx(stats.t.cdf(t, degrees), rel=1e-9, abs=1e-15)


def test_the_correction_is_that_of_benjamini_and_yekutieli() -> None:
    rng = np.random.default_rng(5)
    for _ in range(50):
        p_values = rng.random(rng.integers(1, 9)) ** 4
        expected = multipletests(p_values, alpha=0.05, method="fdr_by")[0]
        assert reject(p_values) == expected.tolist()
