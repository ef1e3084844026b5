"""The report as its readers get it: its JSON, and what it says where there is no number."""

import subprocess
import sys
from collections.abc import Iterator
from itertools import product
from typing import Any

import pytest

from grader.agreement import (
    AgreementReport,
    Level,
    Scale,
    Statistic,
    build_ratings,
    build_report,
)
from grader.agreement.shares import wilson
from grader.errors import InvalidRatings
from tests.agreement.tables import KRIPPENDORFF_C, grid_records, pair_records, ratings_of

BOTH = {(True, True): 20, (True, False): 5, (False, True): 4, (False, False): 31}


def report_of(
    records: list[dict[str, Any]], scale: Scale = "boolean", **more: Any
) -> AgreementReport:
    return build_report(build_ratings(records, scale=scale), **more)


def statistics_of(report: AgreementReport) -> Iterator[tuple[str, Statistic]]:
    yield from report.overall.items()
    for item in [*report.pairs, *report.raters, *(report.gold or [])]:
        fields = dict(item) | dict(getattr(item, "marginals", {}))
        yield from ((name, value) for name, value in fields.items() if isinstance(value, Statistic))


def test_the_json_has_the_fields_of_the_contract_and_no_others() -> None:
    json = report_of(pair_records(BOTH), gold="a", draws=100).model_dump(mode="json")
    assert list(json) == [
        *("n_units", "n_raters", "share_missing", "levels", "interval"),
        *("overall", "pairs", "raters", "gold"),
    ]
    assert json["interval"] == {
        "method": "percentile",
        "resampled": "units",
        "draws": 100,
        "seed": 0,
    }
    assert list(json["overall"]) == [
        *("raw_agreement", "krippendorff_alpha", "fleiss_kappa", "gwet_ac1")
    ]
    [pair] = json["pairs"]
    assert list(pair) == [
        *("raters", "n", "raw_agreement", "cohen_kappa", "cohen_kappa_linear"),
        *("cohen_kappa_quadratic", "positive_agreement", "negative_agreement", "confusion"),
    ]
    assert json["levels"] == ["false", "true"]
    assert pair["confusion"] == [
        [BOTH[one, other] for other in (False, True)] for one in (False, True)
    ]
    assert pair["raters"] == ["a", "b"]
    assert [rater["rater"] for rater in json["raters"]] == ["a", "b"]
    assert set(json["raters"][0]["marginals"]) == {"true", "false"}
    [gold] = json["gold"]
    assert list(gold) == ["rater", "sensitivity", "specificity", "precision", "f1"]
    assert list(gold["f1"]) == ["value", "low", "high", "n"]


def test_gold_and_reasons_are_left_out_where_there_are_none() -> None:
    json = report_of(pair_records({(True, True): 3}), draws=50).model_dump(mode="json")
    assert "gold" not in json
    assert "reason" not in json["pairs"][0]["raw_agreement"]
    assert json["overall"]["krippendorff_alpha"] == {
        "value": None,
        "low": None,
        "high": None,
        "n": 3,
        "reason": "nothing varies: every rating has the same value",
    }


def test_a_report_can_be_read_back() -> None:
    report = report_of(pair_records(BOTH), gold="b", draws=50)
    assert AgreementReport.model_validate_json(report.model_dump_json()) == report


@pytest.mark.parametrize("scale", ["boolean", "nominal", "ordinal", "interval"])
@pytest.mark.parametrize(
    "values",
    [
        [(1, 1)] * 5,
        [(1, 0)],
        [(1, 1)],
        [(1, None), (None, 0), (0, None)],
        [(None, None)] * 2,
        [(1,), (0,), (1,)],
        [(1, None), (1, 0), (None, 0)],
        [(0, 0), (1, 1)],
        [(1, 0)] * 4,
    ],
    ids=str,
)
def test_every_number_has_its_interval_or_the_reason_why_not(
    scale: Scale, values: list[tuple[int | None, ...]]
) -> None:
    records = [
        {"unit": f"u{unit}", "rater": rater, "value": value}
        for unit, row in enumerate(values)
        for rater, value in zip("ab", row, strict=False)
    ]
    for gold, draws in product(["a", None], [0, 60]):
        for name, statistic in statistics_of(report_of(records, scale, gold=gold, draws=draws)):
            has_value = statistic.value is not None
            has_interval = statistic.low is not None and statistic.high is not None
            assert has_value or not has_interval, name
            assert (has_value and has_interval) or statistic.reason, name
            assert not (has_value and has_interval and statistic.reason), name


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ([(1, 1)] * 5, "nothing varies"),
        ([(1, 0)], "only one unit"),
        ([(1,), (0,)], "only one rater"),
        ([(1, None), (None, 0)], "no unit was rated by two raters"),
        ([(None, None)], "every cell is missing"),
    ],
)
def test_chance_corrected_coefficients_are_null_with_the_reason(
    values: list[tuple[int | None, ...]], reason: str
) -> None:
    records = [
        {"unit": f"u{unit}", "rater": rater, "value": value}
        for unit, row in enumerate(values)
        for rater, value in zip("ab", row, strict=False)
    ]
    overall = report_of(records, "ordinal").overall
    for name in ("krippendorff_alpha", "fleiss_kappa", "gwet_ac1", "gwet_ac2"):
        assert overall[name].value is None
        assert reason in (overall[name].reason or "") or name == "fleiss_kappa"
        assert overall[name].reason


def test_raw_agreement_of_constants_is_one_with_wilson_s_interval() -> None:
    statistic = report_of(pair_records({(True, True): 10})).overall["raw_agreement"]
    assert (statistic.value, statistic.high, statistic.n) == (1.0, 1.0, 10)
    # Wilson, all of 10: n / (n + z²).
    assert statistic.low == pytest.approx(10 / (10 + 1.959963984540054**2))


def test_raw_agreement_of_many_raters_has_wilson_s_interval_at_its_ends_only() -> None:
    ends = dict.fromkeys("abc", "1 1 0 0 1 1 0 1 0 1")
    at_one = build_report(ratings_of(ends, "boolean")).overall["raw_agreement"]
    assert at_one.low == pytest.approx(10 / (10 + 1.959963984540054**2))
    mixed = build_report(ratings_of(ends | {"c": "0 1 0 1 1 1 0 1 0 1"}, "boolean"))
    between = mixed.overall["raw_agreement"]
    assert between.value == pytest.approx((8 + 2 / 3) / 10)
    assert between.high == 1.0
    assert between.low is not None
    assert between.low > 0.65


def test_alpha_below_zero_is_given_as_it_is() -> None:
    records = pair_records({(True, False): 10, (False, True): 10})
    alpha = report_of(records).overall["krippendorff_alpha"].value
    # Do = 1, De = 2·20·20 / (40·39): α = 1 − 39/20.
    assert alpha == pytest.approx(1 - 39 / 20)


def test_fleiss_kappa_says_that_it_is_for_complete_rows() -> None:
    grid = {"a": "1 0 1 0", "b": "1 0 . 0", "c": ". 0 1 ."}
    fleiss = build_report(ratings_of(grid, "boolean")).overall["fleiss_kappa"]
    assert (fleiss.value, fleiss.n) == (None, 1)
    assert "complete rows, and 1 of 4 units were rated by all 3 raters" in (fleiss.reason or "")


@pytest.mark.parametrize(
    ("scale", "levels", "name", "said"),
    [
        ("nominal", None, "cohen_kappa_linear", "no order"),
        ("nominal", None, "cohen_kappa_quadratic", "no order"),
        ("nominal", None, "positive_agreement", "boolean scales"),
        ("ordinal", [0, 1, 2], "negative_agreement", "boolean scales"),
    ],
)
def test_a_statistic_that_the_scale_does_not_have_is_null_with_the_reason(
    scale: Scale, levels: list[Level] | None, name: str, said: str
) -> None:
    records = pair_records({(0, 0): 4, (0, 1): 2, (1, 1): 4})
    pair = build_report(build_ratings(records, scale=scale, levels=levels)).pairs[0]
    statistic = getattr(pair, name)
    assert statistic.value is None
    assert said in statistic.reason


def test_gold_is_no_one_of_the_raters_together_but_one_of_the_pairs() -> None:
    """Three coders of whom the third is gold: what all say together is what the two say."""
    three = pair_records(BOTH) + [
        {"unit": f"u{number}", "rater": "gold", "value": number % 2 == 0} for number in range(30)
    ]
    beside = report_of(three, gold="gold", draws=50)
    alone = report_of(pair_records(BOTH), draws=50)
    for name, statistic in alone.overall.items():
        assert beside.overall[name].value == statistic.value
    assert [pair.raters for pair in beside.pairs] == [("a", "b"), ("a", "gold"), ("b", "gold")]
    assert beside.n_raters == 3
    only = report_of(pair_records(BOTH), gold="a", draws=0).overall
    assert {statistic.reason for statistic in only.values()} == {"there is only one rater"}


def test_gold_on_a_scale_without_true_and_false_is_null_with_the_reason() -> None:
    report = build_report(ratings_of(KRIPPENDORFF_C, "ordinal"), gold="B", draws=0)
    assert report.gold is not None
    assert [rater.rater for rater in report.gold] == ["A", "C", "D"]
    assert all("boolean scales" in (rater.f1.reason or "") for rater in report.gold)


def test_accuracy_has_the_n_and_wilson_interval_of_the_units_it_rests_on() -> None:
    [accuracy] = report_of(pair_records(BOTH), gold="a", draws=0).gold or []
    assert accuracy.sensitivity.n == 25
    assert accuracy.sensitivity.value == pytest.approx(20 / 25)
    # statsmodels: proportion_confint(20, 25, method="wilson").
    assert accuracy.sensitivity.low == pytest.approx(0.6086904963, abs=1e-9)
    assert accuracy.sensitivity.high == pytest.approx(0.9113941532, abs=1e-9)
    assert (accuracy.specificity.n, accuracy.precision.n, accuracy.f1.n) == (35, 24, 29)


def test_specific_agreement_and_f1_have_wilson_s_interval_of_the_share_they_are_made_of() -> None:
    """Of 29 units that either called true both called 20 so: s = 20/29, agreement 2s / (1 + s)."""
    report = report_of(pair_records(BOTH), gold="a", draws=0)
    low, high = wilson(20 / 29, 29)
    for statistic in (report.pairs[0].positive_agreement, (report.gold or [])[0].f1):
        assert statistic.value == pytest.approx(40 / 49)
        assert statistic.low == pytest.approx(2 * low / (1 + low))
        assert statistic.high == pytest.approx(2 * high / (1 + high))


def test_marginals_name_levels_as_json_does_and_keep_unused_ones() -> None:
    ratings = build_ratings(pair_records({(1.0, 2.5): 3}), scale="ordinal", levels=[1, 2.5, 3])
    first, second = build_report(ratings).raters
    assert {name: share.value for name, share in first.marginals.items()} == {
        "1": 1.0,
        "2.5": 0.0,
        "3": 0.0,
    }
    assert second.marginals["2.5"].value == 1.0


def test_marginals_on_an_interval_scale_are_mean_and_deviation() -> None:
    rater = report_of(grid_records({"a": "1 2 3 6", "b": ". . . 1"}), "interval").raters[0]
    assert rater.n == 4
    assert rater.marginals["mean"].value == pytest.approx(3.0)
    assert rater.marginals["standard_deviation"].value == pytest.approx((14 / 3) ** 0.5)


def test_weights_change_the_values_and_widen_wilson_s_interval() -> None:
    records = pair_records({(True, True): 30, (True, False): 10})
    plain = report_of(records, draws=0).pairs[0].raw_agreement
    for record in records:
        record["weight"] = 9.0 if int(record["unit"][1:]) >= 30 else 1.0
    weighted = report_of(records, draws=0).pairs[0].raw_agreement
    assert plain.value == pytest.approx(0.75)
    assert weighted.value == pytest.approx(30 / 120)
    assert weighted.n == 40
    # Kish: (30 + 90)² / (30 + 810) = 17.1 units' worth.
    assert weighted.low is not None
    assert weighted.high is not None
    assert weighted.high - weighted.low > 0.35


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"gold": "c"}, "gold is 'c', but the raters are a, b"),
        ({"draws": -1}, "draws is -1"),
        ({"seed": -1}, "seed is -1"),
    ],
)
def test_what_cannot_be_reported_is_refused(more: dict[str, Any], said: str) -> None:
    with pytest.raises(InvalidRatings, match=said):
        report_of(pair_records(BOTH), **more)


def test_importing_it_loads_nothing_heavier_than_numpy_and_pydantic() -> None:
    code = "import sys, grader.agreement; print(*{m.split('.')[0] for m in sys.modules})"
    loaded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout.split()
    assert {"numpy", "pydantic", "grader"} <= set(loaded)
    assert not {"pandas", "scipy", "sklearn", "statsmodels", "sqlalchemy"} & set(loaded)
