"""Build the table of ratings from columns instead of records: ten million rows, no loop over them.

The same checks as `build_ratings`, with the same words; only distinct values are looked at one by
one. A column is a position in its distinct entries for each row. Files are read in `files.py`.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from grader.agreement.ratings import MISSING, Ratings
from grader.agreement.values import Level, Scale, ValueReader
from grader.errors import InvalidRatings

IntArray = NDArray[np.int64]
Codes = NDArray[np.integer[Any]]
Place = Callable[[int], tuple[int, str]]
"""From a position among the values to the row and the column that hold it."""

MOST_CELLS = 200_000_000
"""Units × raters at most: a table of this size takes 1.6 GB."""
_LARGEST = 1e100


@dataclass(frozen=True, eq=False)
class Column:
    """A column by its distinct entries."""

    codes: Codes
    """One a row: a position in `entries`, or `MISSING` where the cell is empty."""
    entries: Sequence[Any] | NDArray[Any]
    """Distinct entries, in the order in which they first come."""
    name: str
    """What errors call the column."""

    def __getitem__(self, rows: NDArray[Any]) -> "Column":
        return Column(self.codes[rows], self.entries, self.name)

    def first_rows(self) -> IntArray:
        """Return where each entry comes first; one past the end for those that don't come."""
        first = np.full(len(self.entries) + 1, len(self.codes), dtype=np.int64)
        # Of several assignments to one place the last one stays, so the rows go backwards.
        first[self.codes[::-1]] = np.arange(len(self.codes) - 1, -1, -1)
        return first[:-1]

    def used(self) -> "Column":
        """Return the column without entries that no row has, in the order in which they come."""
        first = self.first_rows()
        order = np.argsort(first, kind="stable")[: int((first < len(self.codes)).sum())]
        if len(order) == len(first) and bool((order == np.arange(len(order))).all()):
            return self
        places = np.full(len(first) + 1, MISSING, dtype=np.int64)
        places[order] = np.arange(len(order))
        kept: Any
        if isinstance(self.entries, np.ndarray):
            kept = self.entries[order]
        else:
            kept = [self.entries[place] for place in order]
        return Column(places[self.codes], kept, self.name)


def encode_column(values: Sequence[Any] | NDArray[Any], name: str) -> Column:
    """Return the column of these values; None and NaN are missing cells."""
    if isinstance(values, np.ndarray) and values.dtype.kind in "biuf":
        entries, codes = np.unique(values, return_inverse=True)
        codes = codes.astype(np.int64)
        if entries.dtype.kind == "f" and len(entries) and math.isnan(entries[-1]):
            codes[codes == len(entries) - 1] = MISSING
            entries = entries[:-1]
        return Column(codes, entries, name).used()
    places: dict[tuple[type, Any], int] = {}
    coded = [
        MISSING
        if value is None or (isinstance(value, float) and math.isnan(value))
        else places.setdefault((type(value), value), len(places))
        for value in values
    ]
    return Column(np.array(coded, dtype=np.int64), [value for _, value in places], name)


def ratings_from_columns(
    unit: Column | Sequence[Any] | NDArray[Any],
    rater: Column | Sequence[Any] | NDArray[Any],
    value: Column | Sequence[Any] | NDArray[Any],
    *,
    scale: Scale,
    levels: Sequence[Level] | None = None,
    cluster: Column | Sequence[Any] | NDArray[Any] | None = None,
    weight: Column | Sequence[Any] | NDArray[Any] | None = None,
    rows: IntArray | None = None,
) -> Ratings:
    """Build the table from columns of one length, one row a rating, as `build_ratings` does.

    `rows` are the rows' numbers in errors, where they are not 1, 2, 3, …

    Raises:
        InvalidRatings: with the row and column of a cell that can't be counted.
    """
    units, raters, values = _column(unit, "unit"), _column(rater, "rater"), _column(value, "value")
    n = len(values.codes)
    numbers = np.arange(1, n + 1) if rows is None else rows
    if n == 0:
        raise InvalidRatings("the table has no rows; give at least one unit, rater and value")
    for column in (units, raters):
        _check_names(column, numbers)
    units, raters = units.used(), raters.used()
    n_units, n_raters = len(units.entries), len(raters.entries)
    if n_units * n_raters > MOST_CELLS:
        raise InvalidRatings(
            f"{n_units:,} units × {n_raters:,} raters are {n_units * n_raters:,} cells; at most "
            f"{MOST_CELLS:,}: leave raters out, or measure groups of raters apart"
        )
    codes, found = code_values(
        values, scale=scale, levels=levels, place=lambda at: (int(numbers[at]), values.name)
    )
    where = units.codes.astype(np.int64) * n_raters + raters.codes
    cells = np.full(n_units * n_raters, MISSING, dtype=np.int64)
    cells[where[::-1]] = codes[::-1]
    differing = cells[where] != codes
    if differing.any():
        at = int(differing.argmax())
        first = int((where == where[at]).argmax())
        shown = None if values.codes[at] == MISSING else _plain(values.entries[values.codes[at]])
        raise InvalidRatings(
            f"row {numbers[at]}, column {values.name!r}: "
            f"{str(raters.entries[raters.codes[at]])!r} gives "
            f"{str(units.entries[units.codes[at]])!r} the value {shown!r}, but another one in row "
            f"{numbers[first]}; keep one of them"
        )
    return Ratings(
        units=tuple(map(str, units.entries)),
        raters=tuple(map(str, raters.entries)),
        codes=cells.reshape(n_units, n_raters),
        levels=found,
        scale=scale,
        clusters=number_clusters(units, _optional(cluster, "cluster"), numbers),
        weights=spread_weights(units, _optional(weight, "weight"), numbers),
    )


def code_values(
    values: Column, *, scale: Scale, levels: Sequence[Level] | None, place: Place
) -> tuple[IntArray, tuple[Level, ...]]:
    """Return each value's position among the levels, and the levels in order."""
    values = values.used()
    found: tuple[Level, ...]
    is_measured = isinstance(values.entries, np.ndarray) and values.entries.dtype.kind in "iuf"
    if is_measured and levels is None and scale not in ("boolean", "nominal"):
        found, order = _order_numbers(values, scale, place)
    else:
        reader = ValueReader(scale, levels)
        firsts = values.first_rows()
        coded = np.empty(len(values.entries), dtype=np.int64)
        for entry, first in enumerate(firsts):
            coded[entry] = reader.code(_plain(values.entries[entry]), *place(int(first)))
        found, places = reader.finish()
        order = places[coded] if len(coded) else coded
    return np.append(order, MISSING)[values.codes], found


def number_clusters(
    units: Column, clusters: Column | None, numbers: NDArray[Any]
) -> IntArray | None:
    """Return one cluster a unit; a unit that has none is a cluster of its own."""
    if clusters is None or not (clusters.codes != MISSING).any():
        return None
    given = _one_a_unit(units, clusters, numbers)
    alone = given == MISSING
    given[alone] = len(clusters.entries) + np.arange(int(alone.sum()))
    return given


def spread_weights(
    units: Column, weights: Column | None, numbers: NDArray[Any]
) -> NDArray[np.float64] | None:
    """Return one weight a unit; where any has one, all must."""
    if weights is None or not (weights.codes != MISSING).any():
        return None
    firsts = weights.first_rows()
    worth = np.empty(len(weights.entries))
    for at, entry in enumerate(weights.entries):
        try:
            worth[at] = float(entry)
        except (TypeError, ValueError, OverflowError):
            worth[at] = math.nan
        if not (math.isfinite(worth[at]) and worth[at] > 0) and firsts[at] < len(weights.codes):
            raise InvalidRatings(
                f"row {numbers[firsts[at]]}, column {weights.name!r}: {_plain(entry)!r} is not a "
                "finite number above 0; give one"
            )
    distinct, places = np.unique(worth, return_inverse=True)
    given = _one_a_unit(
        units, Column(np.append(places, MISSING)[weights.codes], distinct, weights.name), numbers
    )
    if (given == MISSING).any():
        name = str(units.entries[int((given == MISSING).argmax())])
        raise InvalidRatings(
            f"column {weights.name!r}: unit {name!r} has none, but others have; give one to each "
            "unit"
        )
    return np.asarray(distinct[given], dtype=np.float64)


def _column(given: Column | Sequence[Any] | NDArray[Any], name: str) -> Column:
    return given if isinstance(given, Column) else encode_column(given, name)


def _optional(given: Column | Sequence[Any] | NDArray[Any] | None, name: str) -> Column | None:
    return None if given is None else _column(given, name)


def _check_names(column: Column, numbers: NDArray[Any]) -> None:
    empty = column.codes == MISSING
    for at, entry in enumerate(column.entries):
        if isinstance(entry, str) and entry:
            continue
        if entry == "" or isinstance(entry, bool | np.bool_ | float | np.floating):
            empty |= column.codes == at
    if empty.any():
        at = int(empty.argmax())
        code = int(column.codes[at])
        shown = "" if code == MISSING else _plain(column.entries[code])
        raise InvalidRatings(
            f"row {numbers[at]}, column {column.name!r}: {shown!r} is not a name; give a text"
        )


def _order_numbers(
    values: Column, scale: Scale, place: Place
) -> tuple[tuple[Level, ...], IntArray]:
    entries = np.asarray(values.entries)
    bad = ~np.isfinite(entries) | (np.abs(entries) > _LARGEST)
    if scale == "ratio":
        bad |= entries < 0
    if bad.any():
        at = int(bad.argmax())
        # The reader has the words for each of these.
        ValueReader(scale, None).code(entries[at].item(), *place(int(values.first_rows()[at])))
    distinct, order = np.unique(entries, return_inverse=True)
    if distinct.dtype.kind == "f" and bool((distinct == np.rint(distinct)).all()):
        small = np.abs(distinct) < 2**53
        distinct = distinct.astype(np.int64) if small.all() else distinct
    return tuple(distinct.tolist()), order.astype(np.int64)


def _one_a_unit(units: Column, column: Column, numbers: NDArray[Any]) -> IntArray:
    """Return each unit's code, the first one said; two that differ are an error."""
    said = np.flatnonzero(column.codes != MISSING)
    found = np.full(len(units.entries), MISSING, dtype=np.int64)
    found[units.codes[said[::-1]]] = column.codes[said[::-1]]
    differing = found[units.codes[said]] != column.codes[said]
    if differing.any():
        at = int(said[int(differing.argmax())])
        unit = units.codes[at]
        first = int(said[int((units.codes[said] == unit).argmax())])
        here, there = (_plain(column.entries[column.codes[row]]) for row in (at, first))
        raise InvalidRatings(
            f"row {numbers[at]}, column {column.name!r}: unit {str(units.entries[unit])!r} has "
            f"{here!r} here and {there!r} in row {numbers[first]}; a unit has one {column.name}"
        )
    return found


def _plain(entry: Any) -> Any:
    return entry.item() if isinstance(entry, np.generic) else entry
