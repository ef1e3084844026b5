"""Reads over a whole run or the whole installation: how quick it is, who answered, all its labels.

Only reads, each one statement, in pages where the answer grows with the run.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any, NamedTuple

import sqlalchemy as sa

from grader.domain.identity import first_id
from grader.domain.judgment import JudgmentStatus
from grader.domain.noun import JsonObject
from grader.domain.run import RunSpec
from grader.store.schema import (
    COUNTS,
    LEDGER,
    Hash,
    judgments,
    labels,
    run_judges,
    run_transcripts,
    runs,
    shards,
    transcripts,
)
from grader.store.statements import chunked


class Answers(NamedTuple):
    """How many judgments of a run came from where, and of what agent the transcripts are."""

    judge_hash: str
    run_id: str
    """The run that paid for them."""
    status: JudgmentStatus
    served_model: str | None
    fingerprint: str | None
    agent_model: str | None
    """Of the transcripts that were judged: the conflict policy looks at it."""
    judgments: int
    first_at: datetime
    last_at: datetime


def count_made_since(connection: sa.Connection, run_id: str, since: datetime) -> int:
    """Count the judgments that a run has paid for since a moment, by the clocks of the workers.

    The time stands in their ids, whose index is the only one that is read. A failed judgment that
    was replaced keeps its old id, and is not counted.
    """
    query = (
        sa.select(sa.func.count())
        .select_from(judgments)
        .where(judgments.c.judgment_id >= first_id("jdg", since), judgments.c.run_id == run_id)
    )
    return connection.scalar(query) or 0


def find_spans(
    connection: sa.Connection, run_id: str, status: JudgmentStatus, *, first: int
) -> list[tuple[int, int]]:
    """Return the numbers, from and to, of transcripts among which judgments of a status may be.

    Shards that are finished have counted theirs; of others nothing is known for sure.
    """
    query = (
        sa.select(shards.c.first, shards.c.last)
        .where(
            shards.c.run_id == run_id,
            shards.c.last >= first,
            sa.or_(shards.c.status != "finished", shards.c[status] > 0),
        )
        .order_by(shards.c.first)
    )
    spans: list[tuple[int, int]] = []
    for begin, end in connection.execute(query):
        if spans and spans[-1][1] + 1 == begin:
            spans[-1] = (spans[-1][0], end)
        else:
            spans.append((begin, end))
    return spans


def iter_labels(
    connection: sa.Connection, run_id: str, *, page: int = 1_000
) -> Iterator[Sequence[sa.RowMapping]]:
    """Yield the labels of a run that stand, each with its transcript's metadata, in pages.

    In the order of the transcripts' ids, so that what belongs to one transcript stays together.
    """
    query = sa.select(labels, transcripts.c.metadata).join(
        transcripts, transcripts.c.transcript_id == labels.c.transcript_id
    )
    return _label_pages(connection, query, run_id, page)


def iter_values(
    connection: sa.Connection, run_id: str, *, page: int = 5_000
) -> Iterator[Sequence[sa.RowMapping]]:
    """Yield what the labels of a run that stand say, without votes and evidence, in pages."""
    names = ("transcript_id", "transcript_hash", "rubric_hash", "criterion", "status", "value")
    return _label_pages(connection, sa.select(*(labels.c[n] for n in names)), run_id, page)


def _label_pages(
    connection: sa.Connection, query: sa.Select[Any], run_id: str, page: int
) -> Iterator[Sequence[sa.RowMapping]]:
    order = (labels.c.transcript_id, labels.c.rubric_hash, labels.c.criterion)
    query = (
        query.where(labels.c.run_id == run_id, labels.c.superseded_at.is_(None))
        .order_by(*order)
        .limit(page)
    )
    after: sa.RowMapping | None = None
    while True:
        further = query
        if after is not None:
            further = query.where(
                sa.tuple_(*order)
                > sa.tuple_(
                    sa.literal(after["transcript_id"]),
                    sa.literal(after["rubric_hash"], Hash),
                    sa.literal(after["criterion"]),
                )
            )
        rows = connection.execute(further).mappings().all()
        if rows:
            yield rows
        if len(rows) < page:
            return
        after = rows[-1]


def find_metadata(
    connection: sa.Connection, transcript_ids: Iterable[str]
) -> dict[str, JsonObject]:
    """Return the metadata of transcripts by their ids."""
    found: dict[str, JsonObject] = {}
    for some in chunked(list(transcript_ids)):
        query = sa.select(transcripts.c.transcript_id, transcripts.c.metadata).where(
            transcripts.c.transcript_id.in_(some)
        )
        found.update((row[0], row[1]) for row in connection.execute(query))
    return found


def iter_transcript_hashes(
    connection: sa.Connection, run_id: str, *, page: int = 10_000
) -> Iterator[tuple[str, str]]:
    """Yield id and hash of each transcript of a run, in the run's order."""
    first = 0
    while True:
        query = (
            sa.select(
                run_transcripts.c.number,
                run_transcripts.c.transcript_id,
                run_transcripts.c.transcript_hash,
            )
            .where(run_transcripts.c.run_id == run_id, run_transcripts.c.number >= first)
            .order_by(run_transcripts.c.number)
            .limit(page)
        )
        rows = connection.execute(query).all()
        yield from ((row.transcript_id, row.transcript_hash) for row in rows)
        if len(rows) < page:
            return
        first = rows[-1].number + 1


def count_answers(connection: sa.Connection, run_id: str, spec: RunSpec) -> list[Answers]:
    """Count the judgments on a run's transcripts by judge, payer and the model that answered.

    Judges that the conflict policy keeps out of a transcript may have judged it for other runs;
    these are counted here too, which is why the agent's model is told. A view whose hash depends
    on metadata is counted over all its hashes.
    """
    asked_once = [j.judge_hash for j in spec.panel.judges if j.kind != "llm"]
    places = (
        sa.select(
            judgments.c.judge_hash,
            judgments.c.run_id,
            judgments.c.status,
            judgments.c.served_model,
            judgments.c.fingerprint,
            transcripts.c.metadata["agent_model"].as_string().label("agent_model"),
            judgments.c.created_at,
        )
        .select_from(run_transcripts)
        .join(judgments, judgments.c.transcript_hash == run_transcripts.c.transcript_hash)
        .join(transcripts, transcripts.c.transcript_id == run_transcripts.c.transcript_id)
        .where(
            run_transcripts.c.run_id == run_id,
            judgments.c.rubric_hash.in_([r.rubric_hash for r in spec.rubrics]),
            judgments.c.judge_hash.in_([j.judge_hash for j in spec.panel.judges]),
            judgments.c.view == spec.view.name,
            judgments.c.repeat < spec.panel.repeats,
            sa.or_(judgments.c.repeat == 0, judgments.c.judge_hash.not_in(asked_once)),
        )
    )
    if not spec.view.metadata_keys:
        places = places.where(judgments.c.view_hash == spec.view.view_hash({}))
    # The key of the metadata is a parameter, which PostgreSQL would not take for the same twice.
    found = places.subquery()
    *columns, made = found.c
    query = sa.select(*columns, sa.func.count(), sa.func.min(made), sa.func.max(made)).group_by(
        *columns
    )
    return [Answers._make(row) for row in connection.execute(query)]


def sum_ledgers(connection: sa.Connection) -> dict[str, dict[str, int]]:
    """Return what all runs together paid for: judge hash → column of the ledger → sum."""
    sums = [sa.func.sum(run_judges.c[name]).label(name) for name in LEDGER]
    query = sa.select(run_judges.c.judge_hash, *sums).group_by(run_judges.c.judge_hash)
    return {
        row.judge_hash: {name: int(row._mapping[name]) for name in LEDGER}
        for row in connection.execute(query)
    }


def find_run_with_judge(connection: sa.Connection, judge_hash: str) -> str | None:
    """Return a run that asked a judge, to look up what the judge is."""
    query = sa.select(sa.func.min(run_judges.c.run_id)).where(run_judges.c.judge_hash == judge_hash)
    run_id: str | None = connection.scalar(query)
    return run_id


def sum_unfinished(connection: sa.Connection) -> dict[str, int]:
    """Return the counts of the shards of all runs that are created, running or paused."""
    sums = [sa.func.coalesce(sa.func.sum(shards.c[name]), 0) for name in COUNTS]
    open_runs = sa.select(runs.c.run_id).where(runs.c.status.in_(("created", "running", "paused")))
    row = connection.execute(sa.select(*sums).where(shards.c.run_id.in_(open_runs))).one()
    return dict(zip(COUNTS, map(int, row), strict=True))


def count_transcripts(connection: sa.Connection) -> int:
    """Count the stored transcripts; reads a whole index, so not often."""
    return connection.scalar(sa.select(sa.func.count()).select_from(transcripts)) or 0
