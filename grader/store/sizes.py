"""What an estimate of a run reads: how long its transcripts are, and what is answered already.

A part of a large selection is taken by the lowest transcript hashes: a hash knows nothing of what
it is the hash of, so these are a random part, and the same one each time.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import sqlalchemy as sa

from grader.domain.judgment import JudgmentKey
from grader.domain.noun import JsonObject
from grader.domain.selection import Where
from grader.errors import NotFound
from grader.store.schema import bodies, judgments, run_judges, runs, transcripts
from grader.store.statements import chunked
from grader.store.where import where_clause

CHARACTERS_PER_TOKEN = 4
"""How many characters make a token, roughly, where nobody has counted them."""

_ROWS_AT_ONCE = 500
_RUNS_LOOKED_AT = 200


class Size(NamedTuple):
    """A transcript as far as an estimate needs it."""

    transcript_hash: str
    metadata: JsonObject
    tokens: int


class Answers(NamedTuple):
    """What a judge gave in one run: judgments of these rubrics, and the tokens of its output."""

    judge_hash: str
    rubric_hashes: frozenset[str]
    judgments: int
    output_tokens: int


def count_selected(connection: sa.Connection, where: Where) -> int:
    """Return how many transcripts a `where` selects."""
    query = sa.select(sa.func.count()).select_from(transcripts)
    return connection.scalar(query.where(where_clause(where, connection.dialect.name))) or 0


def iter_sizes_where(connection: sa.Connection, where: Where, *, limit: int) -> Iterator[Size]:
    """Yield what `where` selects in the order of hashes, the first `limit` of them."""
    query = (
        _sizes()
        .where(where_clause(where, connection.dialect.name))
        .order_by(transcripts.c.transcript_hash, transcripts.c.metadata_hash)
        .limit(limit)
    )
    with connection.execute(query.execution_options(yield_per=_ROWS_AT_ONCE)) as rows:
        for row in rows:
            yield Size(*row)


def iter_sizes_of(
    connection: sa.Connection, transcript_ids: Sequence[str], *, limit: int
) -> Iterator[Size]:
    """Yield the transcripts of these ids in the order of hashes, the first `limit` of them.

    Raises:
        NotFound: an id that is not stored.
    """
    hashes = get_hashes(connection, transcript_ids)
    first = sorted(hashes, key=lambda transcript_id: hashes[transcript_id])[:limit]
    for some in chunked(first, _ROWS_AT_ONCE):
        rows = connection.execute(_sizes().where(transcripts.c.transcript_id.in_(some)))
        yield from sorted((Size(*row) for row in rows), key=lambda size: size.transcript_hash)


def get_hashes(connection: sa.Connection, transcript_ids: Sequence[str]) -> dict[str, str]:
    """Return the hash of each transcript by its id; raises NotFound naming what is not stored."""
    hashes: dict[str, str] = {}
    for some in chunked(transcript_ids):
        query = sa.select(transcripts.c.transcript_id, transcripts.c.transcript_hash)
        found = connection.execute(query.where(transcripts.c.transcript_id.in_(some)))
        hashes.update((transcript_id, its_hash) for transcript_id, its_hash in found)
    missing = [each for each in transcript_ids if each not in hashes]
    if missing:
        raise NotFound(
            f"{len(missing)} of the transcripts are not stored: {', '.join(missing[:5])}"
        )
    return hashes


def find_answered(
    connection: sa.Connection,
    transcript_hashes: Sequence[str],
    *,
    rubric_hashes: Sequence[str],
    judge_hashes: Sequence[str],
    view_hashes: Sequence[str],
) -> set[JudgmentKey]:
    """Return the natural keys of the judgments that are stored for these transcripts."""
    found: set[JudgmentKey] = set()
    columns = (judgments.c[name] for name in JudgmentKey._fields)
    query = sa.select(*columns).where(
        judgments.c.rubric_hash.in_(rubric_hashes),
        judgments.c.judge_hash.in_(judge_hashes),
        judgments.c.view_hash.in_(view_hashes),
    )
    for some in chunked(transcript_hashes):
        rows = connection.execute(query.where(judgments.c.transcript_hash.in_(some)))
        found.update(JudgmentKey(*row) for row in rows)
    return found


def find_answers(connection: sa.Connection, judge_hashes: Sequence[str]) -> list[Answers]:
    """Return what these judges gave in the newest runs they were paid for in."""
    counted = run_judges.c
    query = (
        sa.select(
            counted.judge_hash,
            runs.c.spec,
            counted.given + counted.abstained + counted.refused + counted.failed,
            counted.output_tokens,
        )
        .join(runs, runs.c.run_id == counted.run_id)
        .where(counted.judge_hash.in_(judge_hashes), counted.output_tokens > 0)
        .order_by(counted.run_id.desc())
        .limit(_RUNS_LOOKED_AT)
    )
    return [
        Answers(judge_hash, _rubrics_in(spec), total, output_tokens)
        for judge_hash, spec, total, output_tokens in connection.execute(query)
        if total
    ]


def _rubrics_in(spec: Mapping[str, Any]) -> frozenset[str]:
    return frozenset(rubric["rubric_hash"] for rubric in spec["rubrics"])


def _sizes() -> sa.Select[Any]:
    guessed = (bodies.c.characters + CHARACTERS_PER_TOKEN - 1) / CHARACTERS_PER_TOKEN
    return sa.select(
        transcripts.c.transcript_hash,
        transcripts.c.metadata,
        sa.cast(sa.func.coalesce(bodies.c.tokens, guessed), sa.BigInteger),
    ).join(bodies, bodies.c.transcript_hash == transcripts.c.transcript_hash)
