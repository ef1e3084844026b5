"""A file of ratings becomes tables of ratings, and what was guessed on the way is said.

Three forms: long (one row a rating: unit, rater, value), wide (one row a unit and one column a
rater, or the other way round), and counts (one row a unit, one column a level, each cell how many
raters chose it). A column `criterion` splits a file into one table each, so that scales don't mix.
Rows are numbered from 1 below the first line. How files are parsed is in `tables.py`.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal, cast

import numpy as np
from numpy.typing import NDArray

from grader.agreement.columns import (
    Column,
    IntArray,
    code_values,
    number_clusters,
    ratings_from_columns,
    spread_weights,
)
from grader.agreement.ratings import MISSING, Ratings
from grader.agreement.tables import (
    ParquetTable,
    TextTable,
    are_numbers,
    open_table,
    read_numbers,
    with_decimal_points,
)
from grader.agreement.values import NUMERIC, Level, Scale
from grader.errors import InvalidRatings

Form = Literal["long", "wide", "counts"]

WORDS: dict[str, tuple[str, ...]] = {
    "unit": (
        *("unit", "unit_id", "item", "item_id", "subject", "subject_id", "transcript"),
        *("transcript_id", "question", "question_id", "document", "document_id", "doc", "doc_id"),
        *("sample", "sample_id", "case", "case_id", "example", "example_id", "id", "row", "index"),
    ),
    "rater": (
        *("rater", "rater_id", "annotator", "annotator_id", "coder", "judge", "labeler"),
        *("labeller", "reviewer", "observer", "evaluator", "grader", "worker", "worker_id"),
    ),
    "value": (
        *("value", "label", "rating", "score", "answer", "judgment", "vote", "category", "grade"),
        *("code", "annotation", "class"),
    ),
    "cluster": ("cluster", "cluster_id"),
    "weight": ("weight", "weights"),
    "criterion": ("criterion", "criteria", "dimension", "aspect"),
}
"""The names by which a column is known, those that say most first."""

MISSING_WORDS = ("na", "n/a", "nan", "null", "#n/a", ".", "not_applicable", "insufficient_evidence")
_BOOLEAN_WORDS = {"true", "false", "yes", "no"}
_MOST_LEVELS = 10
"""More different whole numbers than this are a measure, not levels."""
_WHOLE = re.compile(r"[+-]?\d+")


@dataclass(frozen=True)
class Choice:
    """What the caller decides; everything left out is guessed, and said."""

    unit: str | None = None
    rater: str | None = None
    """Its column; in a wide table the columns of the raters, with commas between."""
    value: str | None = None
    cluster: str | None = None
    weight: str | None = None
    criterion: str | None = None
    form: Form | None = None
    scale: Scale | None = None
    levels: Sequence[str] | None = None


@dataclass(frozen=True)
class Table:
    criterion: str | None
    """The criterion's name, where the file has a column for it."""
    ratings: Ratings


def load_tables(path: Path, choice: Choice, *, say: Callable[[str], None]) -> list[Table]:
    """Return a file's ratings, one table a criterion; `say` hears what was guessed.

    Raises:
        InvalidRatings: with the row and the column of the first cell that can't be counted.
    """
    try:
        return _Reading(open_table(path), choice, say).tables()
    except InvalidRatings as error:
        told = str(error)
        raise InvalidRatings(told if told.startswith(str(path)) else f"{path}: {told}") from error


def guess_scale(values: Sequence[str]) -> Scale:
    """Return the scale that values look like: words of a boolean, levels, a measure, or names."""
    if len(values) <= 2 * _MOST_LEVELS:
        found = {value.lower() for value in values}
        if found and found <= _BOOLEAN_WORDS | {"0", "1"}:
            return "boolean"
    if not len(values) or not are_numbers(values).all():
        return "nominal"
    is_whole = len(values) <= _MOST_LEVELS and all(_WHOLE.fullmatch(value) for value in values)
    return "ordinal" if is_whole else "interval"


class _Reading:
    """One file on its way to tables."""

    def __init__(
        self, source: TextTable | ParquetTable, choice: Choice, say: Callable[[str], None]
    ) -> None:
        self._source, self._choice, self._say = source, choice, say
        self._names = source.names
        if not any(self._names):
            raise InvalidRatings(
                "the first line names no columns; it must name unit, rater and value, or a unit "
                "and one column for each rater"
            )
        self._at: dict[str, int] = {}
        for role in WORDS:
            at = self._find(role)
            if at is not None:
                self._at[role] = at

    def tables(self) -> list[Table]:
        form = self._choice.form or self._guess_form()
        if form == "long":
            return self._long()
        return self._wide(form)

    def _find(self, role: str) -> int | None:
        wanted = getattr(self._choice, role)
        if wanted is not None and not (role == "rater" and self._is_list(wanted)):
            return self._position(wanted, f"--{role}")
        known = [_known_name(name) for name in self._names]
        for word in WORDS[role]:
            if word in known:
                return known.index(word)
        return None

    def _is_list(self, wanted: str) -> bool:
        return "," in wanted and wanted not in self._names

    def _position(self, wanted: str, option: str) -> int:
        for names in (self._names, [name.lower() for name in self._names]):
            word = wanted if names is self._names else wanted.lower()
            if names.count(word) > 1:
                raise InvalidRatings(
                    f"column {wanted!r} comes {names.count(word)} times; name it apart"
                )
            if word in names:
                return names.index(word)
        raise InvalidRatings(
            f"there is no column {wanted!r} ({option}); there are {', '.join(self._names)}"
        )

    def _guess_form(self) -> Form:
        if "rater" in self._at and "value" in self._at:
            if "unit" not in self._at:
                raise InvalidRatings(
                    f"no column is the unit among {', '.join(self._names)}; name it with --unit"
                )
            return "long"
        if self._choice.value is not None:
            raise InvalidRatings(
                f"no column is the rater among {', '.join(self._names)}; name it with --rater"
            )
        others = len(self._rater_columns())
        if others < (1 if self._choice.unit else 2) and not self._rows_are_raters():
            raise InvalidRatings(
                f"the columns are {', '.join(self._names)}: a table of ratings has unit, rater and "
                "value, one row a rating, or a unit and one column for each rater; say which they "
                "are with --unit, --rater, --value, or --wide"
            )
        return "wide"

    def _rows_are_raters(self) -> bool:
        """Tell whether a wide table has one row a rater: its one name column is a rater's."""
        n_raters = sum(_known_name(name) in WORDS["rater"] for name in self._names)
        return "rater" in self._at and "unit" not in self._at and n_raters == 1

    def _rater_columns(self) -> list[int]:
        wanted = self._choice.rater
        if wanted is not None and self._is_list(wanted):
            return [self._position(name.strip(), "--rater") for name in wanted.split(",")]
        used = {at for role, at in self._at.items() if role not in ("rater", "value")}
        if "unit" not in self._at and not self._all_are_raters():
            used.add(0)
        return [at for at in range(len(self._names)) if at not in used]

    def _all_are_raters(self) -> bool:
        known = [_known_name(name) for name in self._names]
        return sum(name in WORDS["rater"] for name in known) > 1

    # Long form

    def _long(self) -> list[Table]:
        missing = [role for role in ("unit", "rater", "value") if role not in self._at]
        if missing:
            raise InvalidRatings(
                f"no column is the {missing[0]} among {', '.join(self._names)}; name it with "
                f"--{missing[0]}"
            )
        self._check_apart()
        said = ", ".join(f"{role} from {self._names[at]!r}" for role, at in self._at.items())
        self._say(f"read as one row a rating: {said}")
        left = [name for at, name in enumerate(self._names) if at not in self._at.values()]
        if left:
            self._say(f"columns not looked at: {', '.join(left)}")
        found = self._source.read(list(self._at.values()))
        columns = {role: found[at] for role, at in self._at.items()}
        values = self._without_missing_words(self._pointed(columns["value"]))
        columns["value"] = values
        names = {
            role: _as_texts(columns[role]) for role in columns if role not in ("value", "weight")
        }
        columns |= names
        # A line of delimiters only, as spreadsheets leave them, is no rating.
        there = np.zeros(len(values.codes), dtype=bool)
        for column in columns.values():
            there |= column.codes != MISSING
        tables = []
        for criterion, rows in _split(columns.get("criterion"), there):
            some = {role: column[rows] for role, column in columns.items()}
            scale, value = self._scaled(some["value"], rows + 1, criterion)
            tables.append(
                Table(
                    criterion,
                    ratings_from_columns(
                        some["unit"],
                        some["rater"],
                        value,
                        scale=scale,
                        levels=self._levels(scale, value),
                        cluster=some.get("cluster"),
                        weight=some.get("weight"),
                        rows=rows + 1,
                    ),
                )
            )
        return tables

    def _check_apart(self) -> None:
        taken: dict[int, str] = {}
        for role, at in self._at.items():
            other = taken.setdefault(at, role)
            if other != role:
                raise InvalidRatings(
                    f"column {self._names[at]!r} cannot be {other} and {role}; name another with "
                    f"--{role}"
                )

    # Wide form

    def _wide(self, form: Form) -> list[Table]:
        if form == "wide" and self._choice.rater is None and self._rows_are_raters():
            return self._raters_in_rows()
        columns = self._rater_columns()
        roles = {r: at for r, at in self._at.items() if r not in ("rater", "value")}
        if "unit" not in roles and not self._all_are_raters() and 0 not in columns:
            roles["unit"] = 0
        found = self._source.read(sorted({*columns, *roles.values()}))
        answers = [self._pointed(found[at]) for at in columns]
        is_counts = form == "counts" or (
            self._choice.form is None and self._look_like_counts(answers)
        )
        unit = f"unit from {self._names[roles['unit']]!r}" if "unit" in roles else "units by row"
        shown = _listed([self._names[at] for at in columns])
        what = "levels" if is_counts else "raters"
        self._say(
            f"read as one row a unit: {unit}, {what} {shown}"
            + (" (each cell counts raters; choose --wide if it is a rating)" if is_counts else "")
        )
        n = len(answers[0].codes)
        units = _as_texts(found[roles["unit"]]) if "unit" in roles else _row_names(n)
        if not is_counts:
            answers = [self._without_missing_words(answer) for answer in answers]
        there = units.codes != MISSING
        for answer in answers:
            there |= answer.codes != MISSING
        criteria = _as_texts(found[roles["criterion"]]) if "criterion" in roles else None
        tables = []
        for criterion, rows in _split(criteria, there):
            names = units[rows]
            self._check_units(names, rows + 1)
            some = [answer[rows] for answer in answers]
            if is_counts:
                tables.append(Table(criterion, self._counted(names, some, rows + 1, criterion)))
                continue
            numbers = rows + 1
            scale, codes, levels = self._coded(some, numbers, criterion)
            optional = {r: found[roles[r]][rows] for r in ("cluster", "weight") if r in roles}
            if "cluster" in optional:
                optional["cluster"] = _as_texts(optional["cluster"])
            tables.append(
                Table(
                    criterion,
                    Ratings(
                        units=tuple(names.entries[code] for code in names.codes),
                        raters=tuple(answer.name for answer in some),
                        codes=np.ascontiguousarray(codes.T),
                        levels=levels,
                        scale=scale,
                        clusters=number_clusters(_in_rows(names), optional.get("cluster"), numbers),
                        weights=spread_weights(_in_rows(names), optional.get("weight"), numbers),
                    ),
                )
            )
        return tables

    def _raters_in_rows(self) -> list[Table]:
        at = self._at["rater"]
        columns = [other for other in range(len(self._names)) if other != at]
        found = self._source.read([at, *columns])
        self._say(
            f"read as one row a rater: rater from {self._names[at]!r}, units "
            f"{_listed([self._names[other] for other in columns])}"
        )
        raters = _as_texts(found[at])
        numbers = np.arange(1, len(raters.codes) + 1)
        self._check_units(raters, numbers)
        answers = [self._without_missing_words(self._pointed(found[other])) for other in columns]
        scale, codes, levels = self._coded(answers, numbers, None)
        names = tuple(raters.entries[code] for code in raters.codes)
        units = tuple(answer.name for answer in answers)
        return [Table(None, Ratings(units, names, codes, levels, scale))]

    def _coded(
        self, answers: Sequence[Column], numbers: IntArray, criterion: str | None
    ) -> tuple[Scale, IntArray, tuple[Level, ...]]:
        """Return the codes, shape (columns, rows), of columns on one scale."""
        n = len(numbers)
        if not n:
            raise InvalidRatings("the table has no rows; give at least one unit")
        joined = _join(answers)

        def place(at: int) -> tuple[int, str]:
            return int(numbers[at % n]), answers[at // n].name

        scale, values = self._scaled(joined, numbers, criterion, place=place)
        codes, levels = code_values(
            values, scale=scale, levels=self._levels(scale, values), place=place
        )
        return scale, codes.reshape(len(answers), n), levels

    def _check_units(self, names: Column, numbers: IntArray) -> None:
        empty = names.codes == MISSING
        if empty.any():
            row = numbers[int(empty.argmax())]
            raise InvalidRatings(f"row {row}, column {names.name!r}: it is empty; give a name")
        first = names.first_rows()[names.codes]
        again = first != np.arange(len(first))
        if again.any():
            at = int(again.argmax())
            raise InvalidRatings(
                f"row {numbers[at]}, column {names.name!r}: {names.entries[names.codes[at]]!r} "
                f"was in row {numbers[first[at]]} already; a wide table has one row for each"
            )

    # Tables of counts

    def _look_like_counts(self, answers: Sequence[Column]) -> bool:
        """Tell whether rows are whole numbers of one and the same sum, more than one of them big.

        Ratings hardly ever add up to the same in three rows and more.
        """
        if len(answers) < 2 or len(answers[0].codes) < 3 or self._choice.rater is not None:
            return False
        counts = []
        for answer in answers:
            if (answer.codes == MISSING).any() or len(answer.entries) > 1000:
                return False
            entries = [str(entry) for entry in answer.entries]
            if not all(entry.isdecimal() for entry in entries):
                return False
            counts.append(np.array([int(entry) for entry in entries])[answer.codes])
        table = np.array(counts)
        sums = table.sum(axis=0)
        return bool((sums == sums[0]).all() and sums[0] >= 2 and (table == 0).any())

    def _counted(
        self, units: Column, answers: Sequence[Column], numbers: IntArray, criterion: str | None
    ) -> Ratings:
        names = [answer.name for answer in answers]
        counts = np.zeros((len(numbers), len(answers)), dtype=np.int64)
        for level, answer in enumerate(answers):
            for entry, first in zip(answer.entries, answer.first_rows(), strict=True):
                text = str(entry)
                if first < len(numbers) and not text.isdecimal():
                    raise InvalidRatings(
                        f"row {numbers[first]}, column {answer.name!r}: {text!r} is not a count; "
                        "a table of counts has whole numbers from 0"
                    )
            worth = np.array(
                [int(str(e)) if str(e).isdecimal() else 0 for e in answer.entries] + [0]
            )
            counts[:, level] = worth[answer.codes]
        scale = self._choice.scale
        if scale is None:
            scale = "nominal"
            self._say(_guessed(scale, criterion))
        elif scale == "boolean":
            raise InvalidRatings("a table of counts has levels by name; choose --scale nominal")
        texts = Column(np.arange(len(names)), names, "the first line")
        values = texts
        if scale != "nominal" and are_numbers(names).all():
            values = Column(texts.codes, read_numbers(names), texts.name)
        given = self._levels(scale, values)
        if given is None and scale == "ordinal" and values is texts:
            given = names
        codes, levels = code_values(
            values, scale=scale, levels=given, place=lambda at: (0, names[at])
        )
        most = int(counts.sum(axis=1).max())
        if most < 1:
            raise InvalidRatings("the table counts no rating at all")
        table = np.full((len(numbers), most), MISSING, dtype=np.int64)
        # Where Σ counts of a row end, the next row's ratings begin.
        n_given = counts.sum(axis=1)
        starts = np.repeat(np.cumsum(n_given) - n_given, n_given)
        rows = np.repeat(np.arange(len(numbers)), n_given)
        table[rows, np.arange(len(rows)) - starts] = np.repeat(
            np.tile(codes, len(numbers)), counts.ravel()
        )
        return Ratings(
            units=tuple(units.entries[code] for code in units.codes),
            raters=tuple(f"rating {number}" for number in range(1, most + 1)),
            codes=table,
            levels=levels,
            scale=scale,
            are_anonymous=True,
        )

    # Values

    def _pointed(self, column: Column) -> Column:
        """Return numbers with a decimal comma, as semicolons go with them, with a point."""
        if self._source.delimiter in (None, ",") or not _is_text(column):
            return column
        pointed = with_decimal_points(column)
        if pointed is not column:
            self._say(f"column {column.name!r}: decimal commas read as points")
        return pointed

    def _without_missing_words(self, column: Column) -> Column:
        if not _is_text(column):
            return column
        places = np.arange(len(column.entries) + 1)
        places[-1] = MISSING
        for at, entry in enumerate(column.entries):
            if len(entry) <= 21 and entry.lower() in MISSING_WORDS:
                n = int((column.codes == at).sum())
                if n:
                    cells = "cell says" if n == 1 else "cells say"
                    self._say(f"column {column.name!r}: {n:,} {cells} {entry}: taken as missing")
                places[at] = MISSING
        return Column(places[column.codes], column.entries, column.name).used()

    def _scaled(
        self,
        values: Column,
        numbers: IntArray,
        criterion: str | None,
        *,
        place: Callable[[int], tuple[int, str]] | None = None,
    ) -> tuple[Scale, Column]:
        """Return the scale, guessed if need be, and the values as it wants them."""
        values = values.used()
        at = place or (lambda row: (int(numbers[row]), values.name))
        scale = self._choice.scale
        is_number = _find_numbers(values)
        if scale is None:
            scale = self._guess(values, is_number, at)
            self._say(_guessed(scale, criterion))
        elif scale in NUMERIC or (scale == "ordinal" and self._choice.levels is None):
            self._check_numbers(scale, values, is_number, at)
        levels = self._choice.levels
        is_numeric = scale in NUMERIC or (
            scale == "ordinal"
            and bool(is_number.all())
            and (levels is None or bool(are_numbers(list(levels)).all()))
        )
        if is_numeric and _is_text(values):
            if not is_number.all():
                self._check_numbers("interval", values, is_number, at)
            return scale, Column(values.codes, read_numbers(list(values.entries)), values.name)
        if scale in ("nominal", "boolean") and not _is_text(values):
            kind = np.asarray(values.entries).dtype.kind
            if scale == "nominal" and kind != "O":
                return scale, _as_texts(values)
        return scale, values

    def _guess(
        self, values: Column, is_number: NDArray[np.bool_], at: Callable[[int], tuple[int, str]]
    ) -> Scale:
        if self._choice.levels is not None:
            return "ordinal"
        if not _is_text(values):
            kind = np.asarray(values.entries).dtype.kind
            if kind == "b":
                return "boolean"
            return guess_scale(list(_as_texts(values).entries))
        scale = guess_scale(list(values.entries))
        if scale == "nominal" and is_number.any():
            firsts = values.first_rows()
            number, word = int(is_number.argmax()), int((~is_number).argmax())
            row, column = at(int(firsts[word]))
            other, _ = at(int(firsts[number]))
            raise InvalidRatings(
                f"row {row}, column {column!r}: {values.entries[word]!r} is a text, but row "
                f"{other} has the number {values.entries[number]!r}; say --scale nominal if both "
                "are names, split mixed criteria by a column with --criterion, or mend the cell"
            )
        return scale

    def _check_numbers(
        self,
        scale: Scale,
        values: Column,
        is_number: NDArray[np.bool_],
        at: Callable[[int], tuple[int, str]],
    ) -> None:
        if is_number.all() or (scale == "ordinal" and not is_number.any()):
            return
        word = int((~is_number).argmax())
        row, column = at(int(values.first_rows()[word]))
        entry = values.entries[word]
        raise InvalidRatings(
            f"row {row}, column {column!r}: {entry!r} is not a number; the scale {scale} wants one"
            + (", or words with --levels" if scale == "ordinal" else "")
        )

    def _levels(self, scale: Scale, values: Column) -> Sequence[Level] | None:
        levels = self._choice.levels
        if levels is None:
            return None
        if scale in ("boolean", "nominal") or _is_text(values):
            return list(levels)
        if not are_numbers(list(levels)).all():
            return list(levels)
        numbers = read_numbers(list(levels))
        return cast("list[Level]", numbers.tolist())


def _known_name(name: str) -> str:
    """Return a column's name as `WORDS` has it: unit0, Unit and 'unit ' are `unit`."""
    word = re.sub(r"[\s.\-]+", "_", name.strip().lower())
    word = re.sub(r"(?<=[a-z])id$", "_id", word) if word.endswith(("itemid", "unitid")) else word
    return re.sub(r"_?\d+$", "", word)


def _is_text(column: Column) -> bool:
    return not isinstance(column.entries, np.ndarray)


def _find_numbers(values: Column) -> NDArray[np.bool_]:
    if isinstance(values.entries, np.ndarray):
        return np.full(len(values.entries), values.entries.dtype.kind in "iuf")
    return are_numbers(values.entries)


def _as_texts(column: Column) -> Column:
    """Return a column of names: 3 and 3.0 are the name 3."""
    if _is_text(column):
        return column
    entries: list[Any] = np.asarray(column.entries).tolist()
    texts = [
        str(int(e))
        if isinstance(e, float) and e.is_integer()
        else str(e).lower()
        if isinstance(e, bool)
        else str(e)
        for e in entries
    ]
    return replace(column, entries=texts)


def _row_names(n: int) -> Column:
    return Column(np.arange(n), [str(number) for number in range(1, n + 1)], "row")


def _in_rows(names: Column) -> Column:
    """Return the units of a wide table as its rows stand."""
    return Column(np.arange(len(names.codes)), [names.entries[c] for c in names.codes], names.name)


def _join(columns: Sequence[Column]) -> Column:
    """Return columns one below another, with one list of entries."""
    places: dict[Any, int] = {}
    if all(not _is_text(column) for column in columns):
        arrays = [np.asarray(column.entries) for column in columns]
        distinct, inverse = np.unique(np.concatenate(arrays), return_inverse=True)
        starts = np.cumsum([0, *(len(array) for array in arrays)])
        parts = [
            np.append(inverse[start:stop], MISSING)[column.codes]
            for column, start, stop in zip(columns, starts[:-1], starts[1:], strict=True)
        ]
        return Column(np.concatenate(parts), distinct, "value").used()
    parts = []
    for column in columns:
        texts = _as_texts(column)
        own = [places.setdefault(entry, len(places)) for entry in texts.entries]
        parts.append(np.array([*own, MISSING], dtype=np.int32)[texts.codes])
    return Column(np.concatenate(parts), list(places), "value").used()


def _split(criteria: Column | None, there: NDArray[np.bool_]) -> list[tuple[str | None, IntArray]]:
    """Return the rows of each criterion, in the order in which they come."""
    if criteria is None:
        return [(None, np.flatnonzero(there))]
    empty = there & (criteria.codes == MISSING)
    if empty.any():
        row = int(empty.argmax()) + 1
        raise InvalidRatings(
            f"row {row}, column {criteria.name!r}: it is empty; name the criterion"
        )
    return [
        (str(name), np.flatnonzero(there & (criteria.codes == code)))
        for code, name in enumerate(criteria.entries)
    ]


def _listed(names: Sequence[str]) -> str:
    if len(names) <= 8:
        return ", ".join(names)
    return f"{', '.join(names[:7])} and {len(names) - 7} more"


def _guessed(scale: str, criterion: str | None) -> str:
    of = "" if criterion is None else f" of {criterion}"
    return f"scale guessed from the values{of}: {scale} (choose with --scale)"
