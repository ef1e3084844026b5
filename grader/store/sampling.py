"""Draw a sample of what a `where` selects, the same wherever the same content is stored.

Every transcript has a number made of the seed and its content alone, and the smallest numbers are
drawn: neither ids nor the order in which transcripts came in, nor the database, plays a part. Rows
are streamed; memory holds the sample and the counts of strata. Two passes over the data, so this
belongs into a transaction that reads: that is one moment's picture, and no writer waits for it.
"""

import hashlib
import heapq
from collections import Counter
from collections.abc import Generator, Sequence
from contextlib import closing
from typing import Any, NamedTuple

import orjson
import sqlalchemy as sa

from grader.domain.noun import JsonObject
from grader.domain.sample import Sample, SampleDesign, Stratum, allocate
from grader.domain.selection import Where
from grader.errors import InvalidSelection
from grader.hashing import canonical_json
from grader.store.schema import transcripts
from grader.store.where import where_clause

MAX_STRATA = 1_000
_ROWS_AT_ONCE = 1_000
_EVERYTHING = "[]"
"""The one stratum of a draw that is not by anything."""


class Drawn(NamedTuple):
    transcript_ids: tuple[str, ...]
    """In the order of their numbers, so that the first ones are a sample as well."""
    sample: Sample


def draw_sample(connection: sa.Connection, where: Where, design: SampleDesign) -> Drawn:
    """Draw from what `where` selects; of nothing, nothing.

    Raises:
        InvalidSelection: the keys make more strata than anybody can look at.
    """
    sizes = _count_strata(connection, where, design)
    wanted = allocate(sizes, design.n, design.allocation)
    heaps: dict[str, list[tuple[int, str]]] = {name: [] for name in sizes}
    salt = b"grader sample %d " % design.seed
    for row in _iter_rows(connection, where, design):
        stratum = _stratum(row, design.by)
        # The largest of the smallest stands first in a heap of negative numbers.
        entry = (-_number(salt, row), row.transcript_id)
        heap = heaps[stratum]
        if len(heap) < wanted[stratum]:
            heapq.heappush(heap, entry)
        elif heap and entry > heap[0]:
            heapq.heapreplace(heap, entry)
    drawn = sorted((entry for heap in heaps.values() for entry in heap), reverse=True)
    strata = tuple(
        Stratum(
            values=dict(zip(design.by, orjson.loads(name), strict=True)),
            transcripts=sizes[name],
            sampled=wanted[name],
            inclusion_probability=wanted[name] / sizes[name],
        )
        for name in sorted(sizes)
    )
    sample = Sample(**dict(design), of=sizes.total(), sampled=len(drawn), strata=strata)
    return Drawn(tuple(transcript_id for _, transcript_id in drawn), sample)


def _count_strata(connection: sa.Connection, where: Where, design: SampleDesign) -> Counter[str]:
    sizes: Counter[str] = Counter()
    with closing(_iter_rows(connection, where, design)) as rows:
        for row in rows:
            sizes[_stratum(row, design.by)] += 1
            if len(sizes) > MAX_STRATA:
                raise InvalidSelection(
                    f"sample: {', '.join(design.by)} make more than {MAX_STRATA:,} strata; take "
                    "keys with fewer values"
                )
    return sizes


def _iter_rows(
    connection: sa.Connection, where: Where, design: SampleDesign
) -> Generator[sa.Row[Any], None, None]:
    columns: list[sa.ColumnElement[Any]] = [
        transcripts.c.transcript_id,
        sa.type_coerce(transcripts.c.transcript_hash, sa.LargeBinary).label("transcript_hash"),
        sa.type_coerce(transcripts.c.metadata_hash, sa.LargeBinary).label("metadata_hash"),
    ]
    if design.by:
        columns.append(transcripts.c.metadata)
    query = sa.select(*columns).where(where_clause(where, connection.dialect.name))
    with connection.execute(query.execution_options(yield_per=_ROWS_AT_ONCE)) as rows:
        yield from rows


def _number(salt: bytes, row: sa.Row[Any]) -> int:
    digest = hashlib.sha256(salt + bytes(row.transcript_hash) + bytes(row.metadata_hash)).digest()
    return int.from_bytes(digest[:16], "big")


def _stratum(row: sa.Row[Any], by: Sequence[str]) -> str:
    """Return the values of a transcript's stratum, as JSON."""
    if not by:
        return _EVERYTHING
    return canonical_json([_value(row.metadata, key) for key in by]).decode()


def _value(metadata: JsonObject, key: str) -> Any:
    value: Any = metadata
    for part in key.split("."):
        value = value.get(part) if isinstance(value, dict) else None
    # As conditions have it, 1 and 1.0 are the same number.
    is_whole = isinstance(value, float) and value.is_integer() and abs(value) < 2**53
    return int(value) if is_whole else value
