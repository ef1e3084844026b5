"""Read one cell's value on its scale, and put the levels in order.

It decides what a value may look like (a boolean may be 0 or "yes"; an ordinal text needs levels),
and knows nothing of units and raters.
"""

import math
from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from grader.errors import InvalidRatings

Scale = Literal["boolean", "nominal", "ordinal", "interval", "ratio"]
NUMERIC = ("interval", "ratio")
"""Scales whose levels are measures, in order and without an end."""
Level = bool | int | float | str

_TRUE = {"true", "yes", "1"}
_FALSE = {"false", "no", "0"}
_SHOWN_LEVELS = 12
_LARGEST = 10**100


class ValueReader:
    """Turn values into codes; `finish` says what the codes mean and how to put them in order."""

    def __init__(self, scale: Scale, levels: Sequence[Level] | None) -> None:
        self._scale = scale
        self._closed = levels is not None or scale == "boolean"
        self._codes: dict[Level, int] = {}
        self._levels: list[Level] = []
        self._kind: str | None = None
        if scale == "boolean":
            self._take_boolean_levels(levels)
        elif levels is not None:
            self._take_levels(levels)

    def code(self, value: object, row: int, column: str = "value") -> int:
        """Return the code of `value`; new values get new codes unless levels were given.

        Raises:
            InvalidRatings: the value is not one of this scale.
        """
        where = f"row {row}, column {column!r}"
        if self._scale == "boolean":
            return int(_boolean(value, where))
        level = _scalar(value, where)
        kind = _kind(level)
        if self._scale in NUMERIC and kind != "number":
            raise InvalidRatings(
                f"{where}: {value!r} is not a number; the scale {self._scale} wants one"
            )
        if self._scale == "ratio" and float(level) < 0:
            raise InvalidRatings(f"{where}: {value!r} is below 0; a ratio scale starts at 0")
        if kind != self._kind:
            if self._kind is not None:
                raise InvalidRatings(
                    f"{where}: {value!r} is a {kind}, but the values before it and the levels are "
                    f"of the kind {self._kind}; one table holds one kind"
                )
            if self._scale == "ordinal" and kind != "number":
                raise InvalidRatings(
                    f"{where}: {value!r} is a {kind}, whose order nobody can know; give `levels` "
                    "from lowest to highest"
                )
            self._kind = kind
        code = self._codes.get(level)
        if code is not None:
            return code
        if self._closed:
            raise InvalidRatings(f"{where}: {value!r} is not one of the levels {self._shown()}")
        return self._add(level)

    def finish(self) -> tuple[tuple[Level, ...], NDArray[np.int64]]:
        """Return the levels in order, and for each code its place among them."""
        n = len(self._levels)
        keep_order = self._closed and self._scale not in NUMERIC
        ranked = (
            list(range(n)) if keep_order else sorted(range(n), key=lambda code: self._levels[code])
        )
        places = np.empty(n, dtype=np.int64)
        places[ranked] = np.arange(n)
        return tuple(self._levels[code] for code in ranked), places

    def _add(self, level: Level) -> int:
        code = self._codes[level] = len(self._levels)
        self._levels.append(level)
        return code

    def _take_boolean_levels(self, levels: Sequence[Level] | None) -> None:
        if levels is not None and {_boolean(level, "levels") for level in levels} != {False, True}:
            raise InvalidRatings(f"levels: {list(levels)!r}; a boolean scale has false and true")
        self._add(False)
        self._add(True)

    def _take_levels(self, levels: Sequence[Level]) -> None:
        if not levels:
            raise InvalidRatings("levels: the list is empty; name the levels or leave it out")
        for given in levels:
            level = _scalar(given, "levels")
            kind = _kind(level)
            if self._scale in NUMERIC and kind != "number":
                raise InvalidRatings(
                    f"levels: {given!r} is not a number; the scale {self._scale} wants numbers"
                )
            if self._kind not in (None, kind):
                raise InvalidRatings(
                    f"levels: {given!r} is a {kind}, others are of the kind {self._kind}; "
                    "one scale holds one kind"
                )
            if level in self._codes:
                raise InvalidRatings(f"levels: {given!r} comes twice; name each level once")
            self._kind = kind
            self._add(level)

    def _shown(self) -> str:
        shown = ", ".join(repr(level) for level in self._levels[:_SHOWN_LEVELS])
        more = len(self._levels) - _SHOWN_LEVELS
        return f"{shown} and {more} more" if more > 0 else shown


def level_name(level: Level) -> str:
    """Return the level as a key of JSON: true, false, 3, 0.5, or the text itself."""
    if isinstance(level, bool):
        return "true" if level else "false"
    if isinstance(level, float) and level.is_integer():
        return str(int(level))
    return str(level)


def _boolean(value: object, where: str) -> bool:
    if isinstance(value, bool):
        return value
    if isinstance(value, int | float) and value in (0, 1):
        return value == 1
    if isinstance(value, str):
        word = value.strip().lower()
        if word in _TRUE or word in _FALSE:
            return word in _TRUE
    raise InvalidRatings(
        f"{where}: {value!r} is not a boolean; use true or false (or 0, 1, yes, no)"
    )


def _scalar(value: object, where: str) -> Level:
    if isinstance(value, float) and not math.isfinite(value):
        raise InvalidRatings(f"{where}: {value!r} is not a finite number; leave the cell out")
    # Beyond this, squares and sums leave the range of a float.
    if isinstance(value, int | float) and abs(value) > _LARGEST:
        raise InvalidRatings(f"{where}: the number is beyond 1e100; scale the values down")
    if isinstance(value, bool | int | float | str):
        return value
    raise InvalidRatings(f"{where}: {value!r} is no value; give a text, a number or a boolean")


def _kind(level: Level) -> str:
    if isinstance(level, bool):
        return "boolean"
    return "text" if isinstance(level, str) else "number"
