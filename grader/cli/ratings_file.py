"""Read a table of ratings from CSV: text becomes the values of a scale.

Long form, one row a rating: unit, rater, value, and maybe cluster and weight. Which values make
sense on a scale is decided in `grader.agreement`; here text becomes numbers where numbers are
meant, and a scale is guessed where none is given.
"""

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from grader.cli.output import note

if TYPE_CHECKING:
    from grader.agreement import Level, Ratings, Scale

_NEEDED = ("unit", "rater", "value")
_KNOWN = (*_NEEDED, "cluster", "weight")
_BOOLEAN_WORDS = {"true", "false", "yes", "no"}
_MOST_LEVELS = 10
"""More different whole numbers than this are a measure, not levels."""


def load_ratings(path: Path, *, scale: str | None, levels: str | None) -> "Ratings":
    """Return the table in a CSV file; raises InvalidRatings with row and column."""
    from grader.agreement import build_ratings

    rows = _load_rows(path)
    values = [row["value"] for row in rows if row["value"]]
    chosen = scale or guess_scale(values)
    if scale is None:
        note(f"scale guessed from the values: {chosen} (choose with --scale)")
    words = [word.strip() for word in levels.split(",")] if levels is not None else None
    numeric = chosen in ("interval", "ratio") or (
        chosen == "ordinal"
        and all(_number(value) is not None for value in (*values, *(words or ())))
    )
    records: list[dict[str, Any]] = []
    for row in rows:
        record: dict[str, Any] = {name: row[name] for name in ("unit", "rater")}
        record["value"] = _value(row["value"], numeric=numeric)
        if row.get("cluster"):
            record["cluster"] = row["cluster"]
        if row.get("weight"):
            weight = _number(row["weight"])
            record["weight"] = row["weight"] if weight is None else weight
        records.append(record)
    given = None if words is None else [_value(word, numeric=numeric) for word in words]
    return build_ratings(
        records, scale=cast("Scale", chosen), levels=cast("Sequence[Level] | None", given)
    )


def guess_scale(values: Sequence[str]) -> str:
    """Return the scale that values look like: words of a boolean, levels, a measure, or names."""
    found = {value.lower() for value in values}
    if found and (found <= _BOOLEAN_WORDS or found <= {"0", "1"}):
        return "boolean"
    numbers = [_number(value) for value in found]
    if not numbers or any(number is None for number in numbers):
        return "nominal"
    whole = all(isinstance(number, int) for number in numbers)
    return "ordinal" if whole and len(numbers) <= _MOST_LEVELS else "interval"


def _load_rows(path: Path) -> list[dict[str, str]]:
    from grader.errors import InvalidRatings

    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            head = file.readline()
            file.seek(0)
            delimiter = max(",;\t", key=head.count)
            reader = csv.DictReader(file, delimiter=delimiter, strict=True)
            columns = [name.strip().lower() for name in reader.fieldnames or ()]
            reader.fieldnames = columns
            _check_columns(path, columns)
            rows = []
            for row in reader:
                if None in row or None in row.values():
                    raise InvalidRatings(
                        f"{path}:{reader.line_num}: the row has not {len(columns)} cells, as the "
                        "first line has"
                    )
                rows.append({name: row[name].strip() for name in _KNOWN if name in row})
            return rows
    except UnicodeDecodeError as error:
        raise InvalidRatings(f"{path} is no UTF-8 text: save it as UTF-8") from error
    except (csv.Error, OSError) as error:
        raise InvalidRatings(f"{path} cannot be read as CSV: {error}") from error


def _check_columns(path: Path, columns: Sequence[str]) -> None:
    from grader.errors import InvalidRatings

    missing = [name for name in _NEEDED if name not in columns]
    if missing:
        raise InvalidRatings(
            f"{path}: the first line has no column {missing[0]!r}; it must name unit, rater and "
            "value, one row a rating (and maybe cluster and weight)"
        )
    if ignored := [name for name in columns if name not in _KNOWN]:
        note(f"columns not looked at: {', '.join(ignored)}")


def _value(text: str, *, numeric: bool) -> Any:
    if not text:
        return None
    number = _number(text) if numeric else None
    return text if number is None else number


def _number(text: str) -> int | float | None:
    for read in (int, float):
        try:
            return read(text)
        except ValueError:
            continue
    return None
