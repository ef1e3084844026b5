"""What a ratings table may hold, and what is said when it may not."""

from typing import Any

import numpy as np
import pytest

from grader.agreement import Level, Ratings, Scale, build_ratings
from grader.errors import InvalidRatings


def rows(*values: Any) -> list[dict[str, Any]]:
    """Return one record for each value, unit by unit, all from one rater."""
    return [{"unit": f"u{i}", "rater": "a", "value": value} for i, value in enumerate(values)]


@pytest.mark.parametrize("value", [True, 1, 1.0, "true", "True", " YES ", "1"])
def test_true_may_be_written_in_several_ways(value: object) -> None:
    ratings = build_ratings(rows(value), scale="boolean")
    assert ratings.levels == (False, True)
    assert ratings.codes.tolist() == [[1]]


def test_levels_are_ordered_as_the_scale_wants() -> None:
    assert build_ratings(rows(10, 9, 2.5), scale="ordinal").levels == (2.5, 9, 10)
    assert build_ratings(rows(3, 1), scale="interval", levels=[5, 3, 1]).levels == (1, 3, 5)
    words = ["low", "mid", "high"]
    ratings = build_ratings(rows("mid", "low"), scale="ordinal", levels=words)
    assert ratings.levels == tuple(words)
    assert ratings.codes[:, 0].tolist() == [1, 0]


def test_whole_and_broken_forms_of_a_number_are_one_level() -> None:
    assert build_ratings(rows(1, 1.0, 2), scale="nominal").levels == (1, 2)


def test_a_null_is_a_missing_cell_and_units_keep_their_place() -> None:
    records: list[dict[str, Any]] = [
        {"unit": "x", "rater": "a", "value": "p"},
        {"unit": "y", "rater": "b", "value": None},
        {"unit": "x", "rater": "b", "value": "q"},
    ]
    ratings = build_ratings(records, scale="nominal")
    assert ratings.units == ("x", "y")
    assert ratings.codes.tolist() == [[0, 1], [-1, -1]]
    assert ratings.share_missing == 0.5


def test_a_cell_given_twice_is_fine_when_it_says_the_same() -> None:
    ratings = build_ratings([*rows(True), *rows("yes")], scale="boolean")
    assert ratings.codes.tolist() == [[1]]


def test_a_unit_without_cluster_is_a_cluster_of_its_own() -> None:
    records: list[dict[str, Any]] = [
        {**row, "cluster": cluster} for row, cluster in zip(rows(1, 1, 0, 0), "s st", strict=True)
    ]
    records[1]["cluster"] = None
    del records[2]["cluster"]
    records.append({"unit": "u0", "rater": "b", "value": 1})
    clusters = build_ratings([*records, *rows(1)], scale="boolean").clusters
    assert clusters is not None
    assert len(set(clusters.tolist())) == 4
    records[3]["cluster"] = "s"
    clusters = build_ratings(records, scale="boolean").clusters
    assert clusters is not None
    assert clusters[0] == clusters[3] != clusters[1] != clusters[2]


def test_weights_are_scaled_to_a_mean_of_one_and_even_ones_are_dropped() -> None:
    records = [{**row, "weight": weight} for row, weight in zip(rows(1, 0), (1, 3), strict=True)]
    weights = build_ratings(records, scale="boolean").weights
    assert weights is not None
    assert weights.tolist() == [0.5, 1.5]
    even = [{**row, "weight": 7} for row in rows(1, 0)]
    assert build_ratings(even, scale="boolean").weights is None


TWICE = [*rows(True), *rows(False)]
CLUSTERS = [{**row, "cluster": name} for row, name in zip(rows(1) * 2, "st", strict=True)]
WEIGHTS = [{**row, "weight": weight} for row, weight in zip(rows(1) * 2, (1, 2), strict=True)]


@pytest.mark.parametrize(
    ("records", "scale", "levels", "said"),
    [
        ([], "boolean", None, "no rows"),
        (rows(True, "maybe"), "boolean", None, r"row 2, column 'value': 'maybe' is not a boolean"),
        (rows(True, 2), "boolean", None, "row 2, column 'value': 2 is not a boolean"),
        (rows(True), "boolean", ["no", "maybe"], "levels: 'maybe' is not a boolean"),
        (rows(True), "boolean", [True], "a boolean scale has false and true"),
        (rows("a", "z"), "nominal", ["a", "b"], "row 2, .*'z' is not one of the levels 'a', 'b'"),
        (rows("a", 1), "nominal", None, "row 2, column 'value': 1 is a number, but .* text"),
        (rows(1, True), "nominal", None, "row 2, column 'value': True is a boolean, but .* number"),
        (rows(1, True), "ordinal", [1, 2], "row 2, column 'value': True is a boolean"),
        (rows("low"), "ordinal", None, "row 1, column 'value': 'low' .* give `levels`"),
        (rows(True), "ordinal", None, "row 1, column 'value': True .* give `levels`"),
        (rows(1), "ordinal", [1, "high"], "levels: 'high' is a text"),
        (rows(1), "ordinal", [1, 1.0], "levels: 1.0 comes twice"),
        (rows(1), "ordinal", [], "levels: the list is empty"),
        (rows("3"), "interval", None, "row 1, column 'value': '3' is not a number"),
        (rows(3), "interval", ["a"], "levels: 'a' is not a number"),
        (rows(float("nan")), "interval", None, "row 1, column 'value': nan is not a finite number"),
        (rows(float("inf")), "nominal", None, "row 1, column 'value': inf is not a finite number"),
        (rows(10**400), "interval", None, "row 1, column 'value': the number is beyond 1e100"),
        (rows([1]), "nominal", None, r"row 1, column 'value': \[1\] is no value"),
        (TWICE, "boolean", None, "row 2, column 'value': 'a' gives 'u0' .* another one in row 1"),
        ([*rows(True), *rows(None)], "boolean", None, "row 2, column 'value'"),
        (CLUSTERS, "boolean", None, "row 2, column 'cluster': unit 'u0' has 't' .* 's' in row 1"),
        (WEIGHTS, "boolean", None, "row 2, column 'weight': unit 'u0' has 2.0 .* 1.0 in row 1"),
        ([{**rows(1)[0], "weight": 0}], "boolean", None, "row 1, column 'weight': 0 is not"),
        ([{**rows(1)[0], "weight": "2"}], "boolean", None, "row 1, column 'weight': '2' is not"),
        ([{**rows(1)[0], "weight": 10**400}], "boolean", None, "row 1, column 'weight'"),
        (
            [*rows(1, 0), {**rows(1)[0], "weight": 2}],
            "boolean",
            None,
            "'weight': unit 'u1' has none",
        ),
        ([{"unit": "x", "rater": "a"}], "boolean", None, "row 1, column 'value': it is not there"),
        ([{**rows(1)[0], "clutser": "s"}], "boolean", None, "row 1, column 'clutser': no such"),
        ([{**rows(1)[0], "unit": ""}], "boolean", None, "row 1, column 'unit': '' is not a name"),
        ([{**rows(1)[0], "rater": None}], "boolean", None, "row 1, column 'rater': None is not"),
        (["row"], "boolean", None, "row 1 is 'row'; give an object"),
        (rows(1), "polar", None, "scale 'polar' is not known; use one of boolean, nominal"),
        (rows(-1), "ratio", None, "-1 is below 0; a ratio scale starts at 0"),
    ],
)
def test_what_cannot_be_counted_is_refused_with_its_row_and_column(
    records: list[Any], scale: Scale, levels: list[Level] | None, said: str
) -> None:
    with pytest.raises(InvalidRatings, match=said):
        build_ratings(records, scale=scale, levels=levels)


@pytest.mark.parametrize(
    ("codes", "more", "said"),
    [
        ([[0, 1]], {}, "shape"),
        ([[0], [2]], {}, "0 to 1"),
        ([[0], [-2]], {}, "0 to 1"),
        ([[0], [1]], {"clusters": np.array([1])}, "clusters have the shape"),
        ([[0], [1]], {"weights": np.array([1.0, 0.0])}, "above 0"),
    ],
)
def test_a_table_made_from_arrays_is_checked_too(
    codes: list[list[int]], more: dict[str, Any], said: str
) -> None:
    with pytest.raises(InvalidRatings, match=said):
        Ratings(("x", "y"), ("a",), np.array(codes), (False, True), "boolean", **more)
