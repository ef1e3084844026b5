"""Kendall's W, the intraclass correlation and standard errors, against papers and libraries."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from scipy.stats import friedmanchisquare
from statsmodels.formula.api import ols
from statsmodels.stats.anova import anova_lm
from statsmodels.stats.inter_rater import cohens_kappa

from grader.agreement import build_ratings, build_report
from tests.agreement.drawing import Codes, exactly, library, quick, report_of, tables
from tests.agreement.tables import KRIPPENDORFF_C, ratings_of

SHROUT_FLEISS = ("9258", "6132", "8468", "7126", "(569", "6247")
"""Shrout & Fleiss (1979), table 2: six targets, four judges; "(" stands for 10."""


def records_of(lines: tuple[str, ...]) -> list[dict[str, object]]:
    return [
        {"unit": f"u{unit}", "rater": f"r{rater}", "value": 10 if sign == "(" else int(sign)}
        for unit, line in enumerate(lines)
        for rater, sign in enumerate(line)
    ]


def test_icc_2_1_is_what_shrout_and_fleiss_published() -> None:
    report = build_report(build_ratings(records_of(SHROUT_FLEISS), scale="interval"), draws=0)
    assert report.overall["icc_2_1"].value == pytest.approx(0.29, abs=0.005)


def test_alpha_of_a_ratio_scale_is_what_krippendorff_published() -> None:
    alpha = build_report(ratings_of(KRIPPENDORFF_C, "ratio"), draws=0).overall["krippendorff_alpha"]
    assert alpha.value == pytest.approx(0.797403, abs=1e-6)


@quick
@given(tables(missing=False))
def test_kendall_w_equals_scipy_s_friedman_test(table: tuple[Codes, int]) -> None:
    codes, n_levels = table
    n, m = codes.shape
    found = report_of(codes, n_levels, "ordinal").overall["kendall_w"].value
    if m < 3:
        # Friedman's test wants three treatments, here units, and has no opinion on fewer raters.
        assert found is None or 0 <= found <= 1 + 1e-12
    if n < 3:
        return
    with library():
        expected = friedmanchisquare(*codes).statistic / (m * (n - 1))
    assert found == exactly(expected) if found is not None else np.isnan(expected)


@quick
@given(tables(missing=False))
def test_icc_2_1_equals_the_mean_squares_of_statsmodels(table: tuple[Codes, int]) -> None:
    codes, n_levels = table
    n, k = codes.shape
    found = report_of(codes, n_levels, "interval").overall["icc_2_1"].value
    rows, columns = np.indices(codes.shape)
    values = np.arange(n_levels) ** 2 * 1.5 + 100
    frame = pd.DataFrame({"y": values[codes].ravel(), "u": rows.ravel(), "r": columns.ravel()})
    with library():
        table_of_squares = anova_lm(ols("y ~ C(u) + C(r)", frame).fit())["sum_sq"].to_numpy()
    msr, msc = table_of_squares[0] / (n - 1), table_of_squares[1] / (k - 1)
    mse = max(0.0, table_of_squares[2]) / ((n - 1) * (k - 1))
    below = msr + (k - 1) * mse + k * (msc - mse) / n
    if found is None:
        assert below == pytest.approx(0, abs=1e-9)
    else:
        assert found == pytest.approx((msr - mse) / below, rel=1e-6, abs=1e-6)


@quick
@given(tables(missing=False, raters=2))
def test_standard_errors_of_kappa_equal_statsmodels(table: tuple[Codes, int]) -> None:
    codes, n_levels = table
    pair = report_of(codes, n_levels, "ordinal").pairs[0]
    counts = np.zeros((n_levels, n_levels))
    np.add.at(counts, (codes[:, 0], codes[:, 1]), 1)
    for name, weighting in (("", None), ("_linear", "linear"), ("_quadratic", "quadratic")):
        ours = getattr(pair, f"cohen_kappa{name}")
        if ours.value is None:
            continue
        with library():
            theirs = cohens_kappa(counts, wt=weighting)
        assert ours.standard_error == exactly(theirs.std_kappa)


def test_units_that_a_rater_left_out_have_no_part_in_w_and_icc() -> None:
    whole = records_of(SHROUT_FLEISS)
    with_gap = [*whole, {"unit": "more", "rater": "r0", "value": 3}]
    found = build_report(build_ratings(with_gap, scale="interval"), draws=0).overall
    alone = build_report(build_ratings(whole, scale="interval"), draws=0).overall
    for name in ("kendall_w", "icc_2_1"):
        assert found[name].value == exactly(alone[name].value)
        assert found[name].n == 6


def test_clusters_and_weights_leave_no_standard_error_by_formula() -> None:
    clustered = [{**row, "cluster": "all"} for row in records_of(SHROUT_FLEISS)]
    report = build_report(build_ratings(clustered, scale="interval"), draws=0)
    assert report.overall["gwet_ac1"].standard_error is None


@pytest.mark.parametrize("scale", ["boolean", "nominal"])
def test_scales_without_order_have_neither_w_nor_icc(scale: str) -> None:
    records = [
        {"unit": unit, "rater": rater, "value": (unit + rater) % 2}
        for unit in range(4)
        for rater in range(2)
    ]
    report = build_report(build_ratings(records, scale=scale), draws=0)  # type: ignore[arg-type]
    assert not {"kendall_w", "icc_2_1"} & set(report.overall)


@pytest.mark.parametrize("scale", ["boolean", "nominal", "ordinal"])
@pytest.mark.parametrize("n", [7, 30, 41, 97])
def test_where_everything_agrees_kappa_has_no_error_at_all(n: int, scale: Any) -> None:
    values: list[Any] = [
        number % 3 == 0 if scale == "boolean" else number % 3 for number in range(n)
    ]
    if scale == "nominal":
        values = [f"v{value}" for value in values]
    levels = [0, 1, 2] if scale == "ordinal" else None
    rows = [
        {"unit": f"u{unit}", "rater": rater, "value": value}
        for unit, value in enumerate(values)
        for rater in "ab"
    ]
    [pair] = build_report(build_ratings(rows, scale=scale, levels=levels), draws=0).pairs
    assert pair.cohen_kappa.value == pytest.approx(1)
    for kappa in (pair.cohen_kappa, pair.cohen_kappa_linear, pair.cohen_kappa_quadratic):
        assert kappa.standard_error in ((None, 0.0) if kappa.value is None else (0.0,))
