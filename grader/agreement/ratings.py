"""A table of ratings, units × raters, checked and coded as whole numbers.

It refuses what can't be counted and names the row and column; it computes nothing. How one cell's
value is read, scale by scale, is in `values.py`. Rows are numbered from 1 in the order they came.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, get_args

import numpy as np
from numpy.typing import NDArray

from grader.agreement.values import NUMERIC, Level, Scale, ValueReader, level_name
from grader.errors import InvalidRatings

__all__ = ["MISSING", "Level", "Ratings", "Scale", "build_ratings", "level_name"]

MISSING = -1

_COLUMNS = ("unit", "rater", "value", "cluster", "weight")


@dataclass(frozen=True, eq=False)
class Ratings:
    """Units × raters as positions in `levels`.

    `levels` are in order for ordinal and interval scales. When they were given, those nobody used
    are kept: they count in weighted kappa and in Gwet's coefficients. Otherwise they are those seen
    anywhere in the table, one list for every pair of raters. (R's `irr` drops what a pair doesn't
    use; its anxiety table, raters 2 and 3, gives quadratic kappa .2520 dropped, .2298 kept.)
    """

    units: tuple[str, ...]
    raters: tuple[str, ...]
    codes: NDArray[np.int64]
    """Shape (units, raters); `MISSING` where a rater gave nothing."""
    levels: tuple[Level, ...]
    scale: Scale
    clusters: NDArray[np.int64] | None = None
    """One number a unit, the same for units that are not independent of one another."""
    weights: NDArray[np.float64] | None = None
    """One positive number a unit, its mean 1; None when all weigh the same."""
    are_anonymous: bool = False
    """A unit's ratings are known, but not who gave which, as in a table of counts: columns are no
    raters, and nothing can be said of one rater or of two."""

    def __post_init__(self) -> None:
        if self.codes.shape != (len(self.units), len(self.raters)) or not self.codes.size:
            raise InvalidRatings(
                f"codes have the shape {self.codes.shape}, but there are {len(self.units)} units "
                f"and {len(self.raters)} raters; give one row a unit and one column a rater"
            )
        if self.codes.min() < MISSING or self.codes.max() >= len(self.levels):
            raise InvalidRatings(
                f"codes go from {self.codes.min()} to {self.codes.max()}, but there are "
                f"{len(self.levels)} levels; use 0 to {len(self.levels) - 1}, and -1 for missing"
            )
        for name, column in (("clusters", self.clusters), ("weights", self.weights)):
            if column is not None and column.shape != (len(self.units),):
                raise InvalidRatings(f"{name} have the shape {column.shape}; give one a unit")
        if self.weights is not None:
            if not (np.isfinite(self.weights).all() and (self.weights > 0).all()):
                raise InvalidRatings("weights must be finite numbers above 0")
            even = bool((self.weights == self.weights[0]).all())
            object.__setattr__(
                self, "weights", None if even else self.weights / self.weights.mean()
            )

    @property
    def scores(self) -> NDArray[np.float64]:
        """Where each level stands: its value on an interval or ratio scale, its rank elsewhere."""
        if self.scale in NUMERIC:
            return np.array(self.levels, dtype=np.float64)
        return np.arange(len(self.levels), dtype=np.float64)

    @property
    def share_missing(self) -> float:
        """Share of the cells without a value."""
        return float((self.codes == MISSING).mean())


def build_ratings(
    records: Iterable[Mapping[str, Any]],
    *,
    scale: Scale,
    levels: Sequence[Level] | None = None,
) -> Ratings:
    """Build the table from records `{unit, rater, value, cluster?, weight?}`.

    A null value is a missing cell. The same cell may come twice if it says the same. Cluster and
    weight belong to the unit and need be said only once; a unit without a cluster, in a table that
    has clusters, is a cluster of its own.

    Raises:
        InvalidRatings: with the row and column of the first cell that can't be counted.
    """
    if scale not in get_args(Scale):
        raise InvalidRatings(
            f"scale {scale!r} is not known; use one of {', '.join(get_args(Scale))}"
        )
    reader = ValueReader(scale, levels)
    units: dict[str, int] = {}
    raters: dict[str, int] = {}
    clusters: dict[int, tuple[str, int]] = {}
    weights: dict[int, tuple[float, int]] = {}
    cells: dict[tuple[int, int], tuple[int, int]] = {}
    for row, record in enumerate(records, start=1):
        _check_columns(record, row)
        unit_name, rater_name = _name(record, "unit", row), _name(record, "rater", row)
        unit = units.setdefault(unit_name, len(units))
        rater = raters.setdefault(rater_name, len(raters))
        value = record["value"]
        code = MISSING if value is None else reader.code(value, row)
        first, first_row = cells.setdefault((unit, rater), (code, row))
        if first != code:
            raise InvalidRatings(
                f"row {row}, column 'value': {rater_name!r} gives {unit_name!r} the value "
                f"{value!r}, but another one in row {first_row}; keep one of them"
            )
        if record.get("cluster") is not None:
            cluster = _name(record, "cluster", row)
            _once(clusters.setdefault(unit, (cluster, row)), cluster, unit_name, "cluster", row)
        if record.get("weight") is not None:
            weight = _weight(record["weight"], row)
            _once(weights.setdefault(unit, (weight, row)), weight, unit_name, "weight", row)
    if not cells:
        raise InvalidRatings("the table has no rows; give at least one unit, rater and value")

    found, order = reader.finish()
    codes = np.full((len(units), len(raters)), MISSING, dtype=np.int64)
    where = np.array(list(cells), dtype=np.int64)
    seen = np.array([code for code, _ in cells.values()], dtype=np.int64)
    # One more place at the end of the order, so that MISSING stays MISSING.
    codes[where[:, 0], where[:, 1]] = np.append(order, MISSING)[seen]
    return Ratings(
        units=tuple(units),
        raters=tuple(raters),
        codes=codes,
        levels=found,
        scale=scale,
        clusters=_number_clusters(len(units), {u: name for u, (name, _) in clusters.items()}),
        weights=_spread_weights(units, {u: weight for u, (weight, _) in weights.items()}),
    )


def _check_columns(record: object, row: int) -> None:
    if not isinstance(record, Mapping):
        raise InvalidRatings(f"row {row} is {record!r}; give an object with unit, rater and value")
    for column in ("unit", "rater", "value"):
        if column not in record:
            raise InvalidRatings(f"row {row}, column {column!r}: it is not there; give it")
    if len(record) > 3:
        for column in record:
            if column not in _COLUMNS:
                raise InvalidRatings(
                    f"row {row}, column {column!r}: no such column; use {', '.join(_COLUMNS)}"
                )


def _name(record: Mapping[str, Any], column: str, row: int) -> str:
    name = record[column]
    if isinstance(name, bool) or not isinstance(name, str | int) or name == "":
        raise InvalidRatings(f"row {row}, column {column!r}: {name!r} is not a name; give a text")
    return str(name)


def _weight(weight: object, row: int) -> float:
    if isinstance(weight, int | float) and not isinstance(weight, bool):
        try:
            number = float(weight)
        except OverflowError:
            number = math.inf
        if math.isfinite(number) and number > 0:
            return number
    raise InvalidRatings(
        f"row {row}, column 'weight': {weight!r} is not a finite number above 0; give one"
    )


def _once(
    first: tuple[str | float, int], found: str | float, unit: str, column: str, row: int
) -> None:
    if first[0] != found:
        raise InvalidRatings(
            f"row {row}, column {column!r}: unit {unit!r} has {found!r} here and {first[0]!r} in "
            f"row {first[1]}; a unit has one {column}"
        )


def _number_clusters(n_units: int, names: Mapping[int, str]) -> NDArray[np.int64] | None:
    if not names:
        return None
    numbers: dict[str, int] = {}
    for name in names.values():
        numbers.setdefault(name, len(numbers))
    alone = iter(range(len(numbers), len(numbers) + n_units))
    return np.array(
        [numbers[names[unit]] if unit in names else next(alone) for unit in range(n_units)],
        dtype=np.int64,
    )


def _spread_weights(
    units: Mapping[str, int], weights: Mapping[int, float]
) -> NDArray[np.float64] | None:
    if not weights:
        return None
    for name, unit in units.items():
        if unit not in weights:
            raise InvalidRatings(
                f"column 'weight': unit {name!r} has none, but others have; give one to each unit"
            )
    return np.array([weights[unit] for unit in range(len(units))], dtype=np.float64)
