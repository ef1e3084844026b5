"""Read columns out of a CSV or Parquet file, coded by their distinct entries.

Arrow parses and codes, block by block, so that ten million rows cost seconds and no Python object
each. A byte order mark, UTF-16, semicolons, tabs, quotes and compression are understood. Which
columns mean what is decided in `files.py`.
"""

import csv
import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq

from grader.agreement.columns import Column
from grader.agreement.ratings import MISSING
from grader.errors import InvalidRatings

NUMBER = r"^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$"
_DECIMAL_COMMA = r"^[+-]?\d*,\d+$"
_HEAD_BYTES = 1 << 16
_BLOCK_BYTES = 1 << 23
_DELIMITERS = ",;\t|"


class TextTable:
    """A CSV file: its columns' names at once, their entries (all of them texts) when asked for."""

    def __init__(self, path: Path) -> None:
        self._path = path
        with pa.input_stream(str(path), compression="detect") as stream:
            head = stream.read(_HEAD_BYTES)
        self._encoding = "utf-16" if head[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
        text = head.decode(self._encoding, errors="ignore")
        self._skipped = 0
        first = text.split("\n", 1)[0].strip().strip('"')
        if first.lower().startswith("sep=") and len(first) == 5:  # Excel's way to say it
            self.delimiter, self._skipped = first[4], 1
            text = text.split("\n", 1)[-1]
        else:
            self.delimiter = _find_delimiter(text)
        rows = csv.reader(io.StringIO(text, newline=""), delimiter=self.delimiter)
        self.names: list[str] = []
        before = 0
        for row in rows:
            if any(cell.strip() for cell in row):
                self.names = [name.strip() for name in row]
                break
            before = rows.line_num
        self._skipped += before

    def read(self, positions: Sequence[int]) -> dict[int, Column]:
        """Return these columns, coded; spaces around a cell are no part of it."""
        try:
            table = self._parse(positions, use_threads=True)
        except pa.ArrowInvalid:
            # Only one thread knows which row it is in.
            try:
                table = self._parse(positions, use_threads=False)
            except pa.ArrowInvalid as error:
                raise self._error(error) from error
        columns = {}
        for at in positions:
            columns[at] = _coded(table.column(f"c{at}"), self.names[at])
            table = table.drop_columns([f"c{at}"])
        return columns

    def _parse(self, positions: Sequence[int], *, use_threads: bool) -> pa.Table:
        ragged: list[Any] = []

        def note_ragged(row: Any) -> str:
            ragged.append(row)
            return "error"

        names = [f"c{at}" for at in range(len(self.names))]
        text = pa.dictionary(pa.int32(), pa.string())
        try:
            return pa_csv.read_csv(
                self._path,
                read_options=pa_csv.ReadOptions(
                    column_names=names,
                    skip_rows=self._skipped,
                    skip_rows_after_names=1,
                    block_size=_BLOCK_BYTES,
                    use_threads=use_threads,
                    encoding="utf16" if self._encoding == "utf-16" else "utf8",
                ),
                parse_options=pa_csv.ParseOptions(
                    delimiter=self.delimiter,
                    newlines_in_values=True,
                    invalid_row_handler=note_ragged,
                ),
                convert_options=pa_csv.ConvertOptions(
                    column_types={f"c{at}": text for at in positions},
                    include_columns=[f"c{at}" for at in positions],
                    strings_can_be_null=False,
                ),
            )
        except pa.ArrowInvalid as error:
            row = ragged[0] if ragged else None
            if row is not None and row.number is not None:
                raise InvalidRatings(
                    f"{self._path}:{row.number}: the row has {row.actual_columns} cells and the "
                    f"first line {row.expected_columns}; give each row as many"
                ) from error
            raise

    def _error(self, error: Exception) -> InvalidRatings:
        told = str(error)
        if "UTF8" in told or "UTF-8" in told:
            return InvalidRatings(f"{self._path} is no UTF-8 text ({told}): save it as UTF-8")
        return InvalidRatings(f"{self._path} cannot be read as CSV: {told}")


class ParquetTable:
    """A Parquet file; numbers and booleans stay what they are."""

    delimiter = None

    def __init__(self, path: Path) -> None:
        try:
            self._file = pq.ParquetFile(path)
        except (pa.ArrowInvalid, OSError) as error:
            raise InvalidRatings(f"{path} cannot be read as Parquet: {error}") from error
        self._path = path
        self.names = list(self._file.schema_arrow.names)

    def read(self, positions: Sequence[int]) -> dict[int, Column]:
        columns = {}
        for at in positions:
            name = self.names[at]
            columns[at] = _coded(self._file.read(columns=[name]).column(name), name)
        return columns


def open_table(path: Path) -> TextTable | ParquetTable:
    """Return the table, whose first bytes say what it is."""
    try:
        with path.open("rb") as file:
            is_parquet = file.read(4) == b"PAR1"
        return ParquetTable(path) if is_parquet else TextTable(path)
    except (OSError, csv.Error, UnicodeDecodeError) as error:
        raise InvalidRatings(f"{path} cannot be read: {error}") from error


def are_numbers(entries: Sequence[str] | pa.Array) -> "np.ndarray[Any, np.dtype[np.bool_]]":
    """Tell of each text whether it is a number; `inf` and `nan` are none."""
    found = pc.match_substring_regex(pa.array(entries, pa.string()), NUMBER)
    return np.asarray(found.to_numpy(zero_copy_only=False), dtype=bool)


def read_numbers(entries: Sequence[str]) -> "np.ndarray[Any, np.dtype[np.float64]]":
    """Return texts that are all numbers as numbers."""
    texts = pc.replace_substring_regex(pa.array(entries, pa.string()), r"^\+", "")
    numbers = pc.cast(texts, pa.float64()).to_numpy(zero_copy_only=False)
    return np.asarray(numbers, dtype=np.float64)


def without_idle_decimals(texts: Sequence[str]) -> list[str]:
    """Return numbers without a + in front and zeros behind the point: 1.0 is 1; 01 stays 01."""
    shown = pc.replace_substring_regex(pa.array(texts, pa.string()), r"^\+", "")
    shown = pc.replace_substring_regex(shown, r"^(-?\d+)\.0*$", r"\1")
    shown = pc.replace_substring_regex(shown, r"^(-?\d*\.\d*[1-9])0+$", r"\1")
    found: list[str] = pc.replace_substring_regex(shown, r"^-0$", "0").to_pylist()
    return found


def with_decimal_points(column: Column) -> Column:
    """Return the column with 3,5 written as 3.5, if all its broken numbers are written so."""
    texts = pa.array(column.entries, pa.string())
    commas = pc.match_substring_regex(texts, _DECIMAL_COMMA)
    if not pc.any(commas).as_py() or not are_numbers(pc.replace_substring(texts, ",", ".")).all():
        return column
    if pc.any(pc.match_substring(texts, ".")).as_py():
        return column
    pointed = pc.replace_substring(texts, ",", ".").to_pylist()
    return Column(column.codes, pointed, column.name)


def _coded(chunks: pa.ChunkedArray, name: str) -> Column:
    kind = chunks.type
    if pa.types.is_decimal(kind):
        chunks = pc.cast(chunks, pa.float64())
    elif pa.types.is_null(kind):
        return Column(np.full(len(chunks), MISSING, dtype=np.int32), [], name)
    elif not (pa.types.is_dictionary(kind) or _is_plain(kind)):
        try:
            chunks = pc.cast(chunks, pa.string())
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
            raise InvalidRatings(
                f"column {name!r} is of the type {kind}; give texts, numbers or booleans"
            ) from error
    if not pa.types.is_dictionary(chunks.type):
        chunks = pc.dictionary_encode(chunks)
    coded = chunks.unify_dictionaries().combine_chunks()
    if isinstance(coded, pa.ChunkedArray):
        coded = (
            coded.chunk(0) if coded.num_chunks else pa.array([], pa.string()).dictionary_encode()
        )
    codes = coded.indices.fill_null(MISSING).to_numpy(zero_copy_only=False).astype(np.int32)
    entries = coded.dictionary
    if entries.type in (pa.string(), pa.large_string()) or pa.types.is_string_view(entries.type):
        return _trimmed(codes, pc.cast(entries, pa.string()), name)
    values = entries.to_numpy(zero_copy_only=False)
    if values.dtype.kind == "f" and np.isnan(values).any():
        places = np.append(np.where(np.isnan(values), MISSING, np.arange(len(values))), MISSING)
        codes = places[codes]
    return Column(codes, values, name)


def _is_plain(kind: pa.DataType) -> bool:
    types = pa.types
    return bool(
        types.is_boolean(kind)
        or types.is_integer(kind)
        or types.is_floating(kind)
        or types.is_string(kind)
        or types.is_large_string(kind)
    )


def _trimmed(codes: "np.ndarray[Any, Any]", entries: pa.Array, name: str) -> Column:
    """Return the column without the spaces around its texts; what is empty then is missing."""
    trimmed = pc.utf8_trim_whitespace(entries)
    is_clean = trimmed.equals(entries) and not pc.any(pc.equal(trimmed, "")).as_py()
    if not is_clean:
        again = pc.if_else(
            pc.equal(trimmed, ""), pa.scalar(None, pa.string()), trimmed
        ).dictionary_encode()
        places = again.indices.fill_null(MISSING).to_numpy(zero_copy_only=False)
        codes = np.append(places, np.int32(MISSING))[codes]
        trimmed = again.dictionary
    return Column(codes, trimmed.to_pylist(), name)


def _find_delimiter(text: str) -> str:
    """Return the delimiter that the first line with a name has most of, outside of quotes."""
    lines = text.splitlines()
    first = next((line for line in lines if line.strip(_DELIMITERS + ' "')), "")
    bare = "".join(first.split('"')[::2])
    return max(_DELIMITERS, key=bare.count)
