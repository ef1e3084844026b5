"""The votes of a run in one pass, as plain values: a million labels, no noun for each.

For statistics, which want every vote and nothing else of a label. Labels as such are read in
`labels.py`.
"""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import orjson
import sqlalchemy as sa

from grader.store.schema import judgments, labels, run_transcripts, transcripts
from grader.store.statements import chunked

_AT_ONCE = 5_000


class Votes(NamedTuple):
    """The votes of one label."""

    transcript_id: str
    rubric_hash: str
    criterion: str
    status: str
    votes: list[dict[str, Any]]
    """Each with judgment_id, judge, repeat, value and status."""


class Said(NamedTuple):
    """What a judge said along with its values."""

    judgment_id: str
    explanation: str
    evidence: list[dict[str, Any]]


def iter_votes(connection: sa.Connection, run_id: str) -> Iterator[Votes]:
    """Yield the votes of each label that stands, in the order of the labels' ids."""
    query = (
        sa.select(
            labels.c.transcript_id,
            labels.c.rubric_hash,
            labels.c.criterion,
            labels.c.status,
            # As text: the driver's own reading of JSON takes several times as long.
            sa.cast(labels.c.votes, sa.Text),
        )
        .where(labels.c.run_id == run_id, labels.c.superseded_at.is_(None))
        .order_by(labels.c.label_id)
    )
    rows = connection.execution_options(yield_per=_AT_ONCE).execute(query)
    for transcript_id, rubric_hash, criterion, status, votes in rows:
        yield Votes(transcript_id, rubric_hash, criterion, status, orjson.loads(votes))


def find_hashes(connection: sa.Connection, run_id: str) -> dict[str, str]:
    """Return the hash of each of the run's transcripts, by its id."""
    query = (
        sa.select(run_transcripts.c.transcript_id, run_transcripts.c.transcript_hash)
        .where(run_transcripts.c.run_id == run_id)
        .order_by(run_transcripts.c.number)
    )
    return {row.transcript_id: row.transcript_hash for row in connection.execute(query)}


def find_metadata(connection: sa.Connection, run_id: str, key: str) -> dict[str, str]:
    """Return the text of a metadata key for each of the run's transcripts that has it."""
    query = (
        sa.select(transcripts.c.transcript_id, transcripts.c.metadata[key].as_string())
        .join(run_transcripts, run_transcripts.c.transcript_id == transcripts.c.transcript_id)
        .where(run_transcripts.c.run_id == run_id)
        .order_by(run_transcripts.c.number)
    )
    return {found: str(value) for found, value in connection.execute(query) if value is not None}


def find_said(connection: sa.Connection, judgment_ids: Sequence[str]) -> dict[str, Said]:
    """Return explanation and evidence of these judgments."""
    found: dict[str, Said] = {}
    for some in chunked(list(dict.fromkeys(judgment_ids))):
        query = sa.select(
            judgments.c.judgment_id, judgments.c.explanation, judgments.c.evidence
        ).where(judgments.c.judgment_id.in_(some))
        for row in connection.execute(query):
            found[row.judgment_id] = Said(row.judgment_id, row.explanation, list(row.evidence))
    return found
