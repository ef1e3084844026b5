"""How a sample is shared out among strata: exactly, within what there is, nobody forgotten."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grader.domain.sample import allocate

SIZES = st.dictionaries(st.text(min_size=1, max_size=3), st.integers(1, 10_000), min_size=1)


@pytest.mark.parametrize(
    ("sizes", "n", "expected"),
    [
        ({"a": 60, "b": 40}, 10, {"a": 6, "b": 4}),
        # e gets its one; of 35 shared by 39,010 the quotas are 19.63, 8.71, 3.74 and 2.92.
        (
            {"a": 21_878, "b": 9_713, "c": 4_167, "d": 3_252, "e": 1_065},
            36,
            {"a": 19, "b": 9, "c": 4, "d": 3, "e": 1},
        ),
        ({"a": 1, "b": 1, "c": 1}, 2, {"a": 1, "b": 1, "c": 0}),
        ({"a": 998, "b": 1, "c": 1}, 10, {"a": 8, "b": 1, "c": 1}),
        ({"a": 5, "b": 5}, 100, {"a": 5, "b": 5}),
        ({"a": 100, "b": 60, "c": 40}, 7, {"a": 4, "b": 2, "c": 1}),
        ({"a": 3}, 2, {"a": 2}),
        ({}, 5, {}),
    ],
)
def test_proportional_shares(sizes: dict[str, int], n: int, expected: dict[str, int]) -> None:
    assert allocate(sizes, n, "proportional") == expected


@pytest.mark.parametrize(
    ("sizes", "n", "expected"),
    [
        ({"a": 60, "b": 40}, 10, {"a": 5, "b": 5}),
        ({"a": 60, "b": 2}, 10, {"a": 8, "b": 2}),
        ({"a": 50, "b": 3, "c": 50}, 11, {"a": 4, "b": 3, "c": 4}),
        ({"a": 5, "b": 5, "c": 9}, 4, {"a": 1, "b": 1, "c": 2}),
        ({"a": 1, "b": 1}, 9, {"a": 1, "b": 1}),
    ],
)
def test_equal_shares(sizes: dict[str, int], n: int, expected: dict[str, int]) -> None:
    assert allocate(sizes, n, "equal") == expected


@given(SIZES, st.integers(1, 50_000), st.sampled_from(["proportional", "equal"]))
def test_shares_add_up_and_are_never_more_than_there_is(sizes, n, allocation) -> None:
    shares = allocate(sizes, n, allocation)
    assert shares.keys() == sizes.keys()
    assert sum(shares.values()) == min(n, sum(sizes.values()))
    assert all(0 <= shares[name] <= sizes[name] for name in sizes)
    if n >= len(sizes):
        assert all(shares.values())


@given(SIZES, st.integers(1, 50_000))
def test_a_larger_stratum_never_gets_less(sizes, n) -> None:
    shares = allocate(sizes, n, "proportional")
    by_size = sorted(sizes, key=lambda name: sizes[name])
    for small, large in pairwise(by_size):
        if sizes[small] < sizes[large]:
            assert shares[small] <= shares[large]
