"""Equality, to 1e-9, with krippendorff, statsmodels and scikit-learn on random tables."""

from typing import Literal

import krippendorff
import numpy as np
from hypothesis import assume, given
from hypothesis import strategies as st
from sklearn.metrics import cohen_kappa_score, f1_score, precision_score, recall_score
from statsmodels.stats.inter_rater import fleiss_kappa

from grader.agreement import Ratings, Scale, build_report
from tests.agreement.drawing import (
    Codes,
    exactly,
    library,
    quick,
    report_of,
    tables,
    thorough,
    with_nan,
)


@thorough
@given(tables(), st.sampled_from(["nominal", "ordinal", "interval"]))
def test_alpha_equals_krippendorff(
    table: tuple[Codes, int], scale: Literal["nominal", "ordinal", "interval"]
) -> None:
    codes, n_levels = table
    values = (
        np.arange(n_levels) ** 2 * 1.5 + 100 if scale == "interval" else np.arange(n_levels) * 1.0
    )
    with library():
        expected = krippendorff.alpha(
            with_nan(codes, values).T,
            level_of_measurement=scale,
            value_domain=values,
        )
    ours = report_of(codes, n_levels, scale).overall["krippendorff_alpha"].value
    assert ours == exactly(expected)


@thorough
@given(tables(missing=False), st.integers(0, 3))
def test_fleiss_kappa_equals_statsmodels_and_passes_over_incomplete_rows(
    table: tuple[Codes, int], n_incomplete: int
) -> None:
    codes, n_levels = table
    counts = (codes[:, :, np.newaxis] == np.arange(n_levels)).sum(axis=1)
    with library():
        expected = fleiss_kappa(counts)
    incomplete = np.full((n_incomplete, codes.shape[1]), n_levels - 1)
    incomplete[:, 0] = -1
    fleiss = report_of(np.vstack([codes, incomplete]), n_levels, "nominal").overall["fleiss_kappa"]
    assert fleiss.value == exactly(expected)
    assert fleiss.n == len(codes)


@thorough
@given(tables(raters=3), st.sampled_from(["nominal", "ordinal"]))
def test_kappa_of_each_pair_equals_scikit_learn(table: tuple[Codes, int], scale: Scale) -> None:
    codes, n_levels = table
    for pair in report_of(codes, n_levels, scale).pairs:
        a, b = (codes[:, int(name[1])] for name in pair.raters)
        both = (a >= 0) & (b >= 0)
        a, b = a[both], b[both]
        assert pair.n == len(a)
        constant = len(a) == 0 or len(np.unique(np.concatenate([a, b]))) == 1
        for statistic, weights in (
            (pair.cohen_kappa, None),
            (pair.cohen_kappa_linear, "linear"),
            (pair.cohen_kappa_quadratic, "quadratic"),
        ):
            if len(a) < 2 or constant or (scale == "nominal" and weights):
                assert statistic.value is None
                assert statistic.reason
                continue
            with library():
                expected = cohen_kappa_score(a, b, labels=np.arange(n_levels), weights=weights)
            assert statistic.value == exactly(expected)


@quick
@given(tables(raters=2, levels=2, missing=False))
def test_accuracy_against_gold_equals_scikit_learn(table: tuple[Codes, int]) -> None:
    codes, _ = table
    gold, rater = codes.T
    report = report_of(codes, 2, "boolean", gold="r0")
    assert report.gold is not None
    [accuracy] = report.gold
    assert accuracy.rater == "r1"
    for statistic, score, positive in (
        (accuracy.sensitivity, recall_score, 1),
        (accuracy.specificity, recall_score, 0),
        (accuracy.precision, precision_score, 1),
        (accuracy.f1, f1_score, 1),
        (report.pairs[0].positive_agreement, f1_score, 1),
        (report.pairs[0].negative_agreement, f1_score, 0),
    ):
        with library():
            expected = score(gold, rater, pos_label=positive, zero_division=np.nan)
        if np.isnan(expected):
            assert statistic.value is None
            assert statistic.reason
        else:
            assert statistic.value == exactly(expected)


@quick
@given(tables(raters=2))
def test_weighted_kappa_on_an_interval_scale_weighs_by_the_values(table: tuple[Codes, int]) -> None:
    """Against statsmodels' formula, with the levels' own distances."""
    codes, n_levels = table
    both = (codes >= 0).all(axis=1)
    a, b = codes[both].T
    assume(len(a) >= 2 and len(np.unique(codes[both])) >= 2)
    x = np.arange(n_levels) ** 2 * 1.5 + 100
    counts = np.zeros((n_levels, n_levels))
    np.add.at(counts, (a, b), 1)
    expected = np.outer(counts.sum(axis=1), counts.sum(axis=0)) / counts.sum()
    pair = report_of(codes, n_levels, "interval").pairs[0]
    for statistic, power in ((pair.cohen_kappa_linear, 1), (pair.cohen_kappa_quadratic, 2)):
        distance = np.abs(x[:, np.newaxis] - x) ** power
        kappa = 1 - (distance * counts).sum() / (distance * expected).sum()
        assert statistic.value == exactly(kappa)


@quick
@given(tables(), st.integers(2, 4))
def test_a_unit_of_weight_w_counts_as_w_units(table: tuple[Codes, int], times: int) -> None:
    """Up to alpha's small-sample term, which follows the mean weight: so only the others here."""
    codes, n_levels = table
    weights = np.ones(len(codes))
    weights[0] = times
    units, raters = tuple(map(str, range(len(codes)))), tuple(map(str, range(codes.shape[1])))
    levels = tuple(range(n_levels))
    weighted = build_report(
        Ratings(units, raters, codes, levels, "ordinal", weights=weights), draws=0
    )
    repeated = report_of(np.vstack([*[codes[:1]] * (times - 1), codes]), n_levels, "ordinal")
    for name in ("raw_agreement", "gwet_ac1", "gwet_ac2", "fleiss_kappa"):
        ours, theirs = weighted.overall[name], repeated.overall[name]
        if ours.value is not None and theirs.value is not None:
            assert ours.value == exactly(theirs.value)
    for one, other in zip(weighted.pairs, repeated.pairs, strict=True):
        if one.n > 1 and one.cohen_kappa_quadratic.value is not None:
            assert one.cohen_kappa_quadratic.value == exactly(other.cohen_kappa_quadratic.value)
