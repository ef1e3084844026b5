"""Random tables to compare with other libraries on, and the way our report of them is got.

The libraries are asked only where they define a value: something must vary, and two units must be
rated twice. Their own warnings are silenced around their own calls.
"""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from grader.agreement import AgreementReport, Ratings, Scale, build_report

Codes = NDArray[np.int64]

quick = settings(
    max_examples=120,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.filter_too_much, HealthCheck.too_slow],
)
thorough = settings(quick, max_examples=500)
"""For the coefficients that other packages define: 500 random tables each, over all scales."""


def exactly(expected: Any) -> Any:
    return pytest.approx(expected, rel=1e-9, abs=1e-9)


@contextmanager
def library() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


@st.composite
def tables(
    draw: st.DrawFn, *, missing: bool = True, raters: int | None = None, levels: int | None = None
) -> tuple[Codes, int]:
    """Draw codes of which every unit has one at least, two units have two, and two values occur."""
    n_raters = raters or draw(st.integers(2, 5))
    n_levels = levels or draw(st.integers(2, 5))
    n_units = draw(st.integers(2, 14))
    seed = draw(st.integers(0, 2**32 - 1))
    noise = draw(st.sampled_from([0.1, 0.3, 0.8]))
    gone = draw(st.sampled_from([0.0, 0.2, 0.5])) if missing else 0.0
    rng = np.random.default_rng(seed)
    shape = (n_units, n_raters)
    truth = rng.integers(n_levels, size=(n_units, 1))
    codes = np.where(rng.random(shape) < noise, rng.integers(n_levels, size=shape), truth)
    codes = np.where(rng.random(shape) < gone, -1, codes).astype(np.int64)
    codes = codes[(codes >= 0).any(axis=1)]
    assume(((codes >= 0).sum(axis=1) >= 2).sum() >= 2)
    pairable = codes[(codes >= 0).sum(axis=1) >= 2]
    assume(len(np.unique(pairable[pairable >= 0])) >= 2)
    return codes, n_levels


def report_of(
    codes: Codes, n_levels: int, scale: Scale, *, gold: str | None = None
) -> AgreementReport:
    levels: tuple[bool | int | float, ...] = tuple(range(n_levels))
    if scale == "boolean":
        levels = (False, True)
    if scale == "interval":
        levels = tuple((np.arange(n_levels) ** 2 * 1.5 + 100).tolist())
    units, raters = (
        tuple(f"{name}{i}" for i in range(n)) for name, n in zip("ur", codes.shape, strict=True)
    )
    return build_report(Ratings(units, raters, codes, levels, scale), gold=gold, draws=0)


def with_nan(codes: Codes, values: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.where(codes >= 0, values[codes], np.nan)
