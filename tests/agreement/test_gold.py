"""Judges against gold: weighted by the design, with intervals that cover, null with the reason."""

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.metrics import f1_score, precision_score, recall_score

from grader.agreement.gold import Accuracy, GoldSample, length_band, measure_accuracy, weigh
from grader.agreement.shares import wilson
from grader.errors import InvalidRatings


def sample(
    gold: list[int],
    judged: list[int],
    *,
    weights: list[float] | None = None,
    strata: list[int] | None = None,
) -> GoldSample:
    n = len(gold)
    return GoldSample(
        np.array(gold, dtype=bool),
        np.array(judged, dtype=np.int8),
        np.array(weights or [1.0] * n, dtype=np.float64),
        np.array(strata or [0] * n, dtype=np.int64),
    )


def test_equal_weights_give_the_shares_and_wilsons_intervals() -> None:
    gold, judged = [1, 1, 1, 1, 0, 0, 0, 0, 0, 0], [1, 1, 1, 0, 1, 0, 0, 0, 0, 0]
    found = measure_accuracy(sample(gold, judged))
    assert found.sensitivity.value == pytest.approx(recall_score(gold, judged))
    assert found.specificity.value == pytest.approx(recall_score(gold, judged, pos_label=0))
    assert found.precision.value == pytest.approx(precision_score(gold, judged))
    assert found.f1.value == pytest.approx(f1_score(gold, judged))
    assert found.agreement.value == pytest.approx(0.8)
    for statistic, share, n in (
        (found.sensitivity, 3 / 4, 4),
        (found.specificity, 5 / 6, 6),
        (found.precision, 3 / 4, 4),
    ):
        assert (statistic.n, statistic.low, statistic.high) == (
            n,
            *(pytest.approx(bound) for bound in wilson(share, n)),
        )


def test_unequal_weights_are_those_of_scikit_learn() -> None:
    rng = np.random.default_rng(3)
    gold, judged = rng.integers(0, 2, 60), rng.integers(0, 2, 60)
    strata = np.arange(60) % 3
    weights = np.array([1.0, 4.0, 20.0])[strata]
    found = measure_accuracy(
        sample(gold.tolist(), judged.tolist(), weights=weights.tolist(), strata=strata.tolist())
    )
    for name, expected in (
        ("sensitivity", recall_score(gold, judged, sample_weight=weights)),
        ("specificity", recall_score(gold, judged, sample_weight=weights, pos_label=0)),
        ("precision", precision_score(gold, judged, sample_weight=weights)),
        ("f1", f1_score(gold, judged, sample_weight=weights)),
    ):
        statistic = getattr(found, name)
        assert statistic.value == pytest.approx(expected, abs=1e-12)
        assert statistic.low < statistic.value < statistic.high


def test_missing_values_are_left_out_and_counted() -> None:
    found = measure_accuracy(sample([1, 1, 0, 0], [1, -1, 0, -1]))
    assert (found.n, found.n_without_value) == (2, 2)
    assert (found.sensitivity.value, found.sensitivity.n) == (1.0, 1)


@pytest.mark.parametrize(
    ("gold", "judged", "undefined"),
    [
        ([0, 0], [0, 0], {"sensitivity", "precision", "f1"}),
        ([1, 1], [1, 1], {"specificity"}),
        ([1, 0], [0, 0], {"precision"}),
        ([1, 0], [-1, -1], {"agreement", "sensitivity", "specificity", "precision", "f1"}),
        ([], [], {"agreement", "sensitivity", "specificity", "precision", "f1"}),
    ],
)
def test_what_is_undefined_is_null_with_the_reason(
    gold: list[int], judged: list[int], undefined: set[str]
) -> None:
    found = measure_accuracy(sample(gold, judged))
    for name in ("agreement", "sensitivity", "specificity", "precision", "f1"):
        statistic = getattr(found, name)
        assert (statistic.value is None) == (name in undefined), name
        assert (statistic.reason is not None) == (name in undefined), name


def test_a_heavy_stratum_without_a_gold_positive_is_not_trusted_to_have_none() -> None:
    """Forty items of weight 100 show no miss; a single one among their 4,000 would halve it."""
    found = measure_accuracy(
        sample(
            [1] * 40 + [0] * 40,
            [1] * 40 + [0] * 40,
            weights=[1.0] * 40 + [100.0] * 40,
            strata=[1] * 40 + [0] * 40,
        )
    )
    assert found.sensitivity.value == 1.0
    assert found.sensitivity.low is not None
    assert found.sensitivity.low < 0.5
    assert found.sensitivity.high == 1.0
    assert found.specificity.low is not None
    assert found.specificity.low > 0.95


def test_the_same_seed_gives_the_same_intervals() -> None:
    one = sample([1, 0] * 20, [1, 0, 0, 1] * 10, weights=[1.0, 5.0] * 20, strata=[0, 1] * 20)
    assert measure_accuracy(one, seed=7) == measure_accuracy(one, seed=7)
    assert measure_accuracy(one, seed=7) != measure_accuracy(one, seed=8)


def drawn(rng: np.random.Generator, n: int, per_stratum: int) -> tuple[GoldSample, float, float]:
    """Draw a population of two judges' votes, and a gold sample by the number of positive votes.

    Returns the sample of the first judge, and its true sensitivity and specificity.
    """
    gold = rng.random(n) < 0.15
    votes = np.stack([np.where(gold, rng.random(n) < 0.9, rng.random(n) < 0.03) for _ in range(2)])
    strata = votes.sum(axis=0)
    chosen: list[NDArray[np.int64]] = []
    weights = np.empty(n)
    for stratum in range(3):
        members = np.flatnonzero(strata == stratum)
        picked = rng.choice(members, size=min(per_stratum, len(members)), replace=False)
        weights[members] = len(members) / len(picked)
        chosen.append(picked)
    units = np.concatenate(chosen)
    taken = GoldSample(gold[units], votes[0][units].astype(np.int8), weights[units], strata[units])
    return taken, float(votes[0][gold].mean()), float(1 - votes[0][~gold].mean())


def covers(found: Accuracy, name: str, truth: float) -> bool:
    statistic = getattr(found, name)
    assert statistic.low is not None
    return bool(statistic.low <= truth <= statistic.high)


def test_intervals_of_a_stratified_sample_cover_what_they_claim() -> None:
    rng = np.random.default_rng(11)
    hits = {"sensitivity": 0, "specificity": 0}
    for seed in range(200):
        taken, sensitivity, specificity = drawn(rng, 3_000, 66)
        found = measure_accuracy(taken, draws=300, seed=seed)
        hits["sensitivity"] += covers(found, "sensitivity", sensitivity)
        hits["specificity"] += covers(found, "specificity", specificity)
    assert min(hits.values()) >= 186, hits


def test_items_that_are_not_rated_leave_their_weight_to_their_stratum() -> None:
    assert weigh(["a", "b", "a"], {"a": 10, "b": 4, "c": 7}).tolist() == [5.0, 4.0, 5.0]


@pytest.mark.parametrize(
    ("characters", "band"),
    [
        (0, "0 to 7,999 characters"),
        (7_999, "0 to 7,999 characters"),
        (8_000, "8,000 to 31,999 characters"),
        (600_000, "512,000 characters and more"),
    ],
)
def test_lengths_fall_into_bands(characters: int, band: str) -> None:
    assert length_band(characters) == band


def test_arrays_that_do_not_fit_are_refused() -> None:
    with pytest.raises(InvalidRatings, match="judged must have one number"):
        GoldSample(np.ones(2, bool), np.ones(3, np.int8), np.ones(2), np.zeros(2, np.int64))
    with pytest.raises(InvalidRatings, match="above 0"):
        sample([1, 0], [1, 0], weights=[1.0, 0.0])
