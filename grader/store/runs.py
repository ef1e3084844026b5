"""Runs as they are kept: the declaration, its transcripts, and the changes of its status."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

import sqlalchemy as sa

from grader.domain.identity import utc_now
from grader.domain.run import RUN_MOVES, Counts, Priority, RunSpec, RunStatus, check_run_move
from grader.domain.selection import Where
from grader.errors import IllegalTransition, NotFound
from grader.store.schema import COUNTS, run_judges, run_transcripts, runs, shards, transcripts
from grader.store.sizes import get_hashes
from grader.store.statements import chunked
from grader.store.where import where_clause


class RunRow(NamedTuple):
    run_id: str
    status: RunStatus
    reason: str | None
    spec: RunSpec
    transcripts: int
    priority: Priority
    budget_microusd: int | None
    """The most the run may cost; None for no bound."""
    estimated_microusd: int | None
    """What it was expected to cost when it was created; None where a judge has no prices."""
    created_at: datetime
    started_at: datetime | None
    retried_at: datetime | None
    """Failed judgments made before this may be replaced."""
    finished_at: datetime | None


class Paid(NamedTuple):
    """What a run paid for to one judge: judgments by status, calls, tokens and money.

    Calls whose question is still open are counted too; judgments that other runs paid for are not.
    """

    judge_hash: str
    given: int
    abstained: int
    refused: int
    failed: int
    calls: int
    input_tokens: int
    cached_tokens: int
    output_tokens: int
    cost_microusd: int


class RunProgress(NamedTuple):
    counts: Counts
    finished_transcripts: int
    paid: tuple[Paid, ...]

    @property
    def cost_microusd(self) -> int:
        return sum(judge.cost_microusd for judge in self.paid)


def add_run(
    connection: sa.Connection,
    *,
    run_id: str,
    spec: RunSpec,
    votes: int,
    shard_transcripts: int,
    ids: Sequence[str] | None = None,
    where: Where | None = None,
    priority: Priority = "bulk",
    budget_microusd: int | None = None,
    estimated_microusd: int | None = None,
) -> int:
    """Store a run over the given ids or over what `where` selects; returns how many transcripts.

    `votes` is the number of judgments each transcript takes. Nothing is stored for a run over
    nothing. The order is that of the ids, or that in which the transcripts came in.

    Raises:
        NotFound: an id that is not stored.
    """
    if ids is not None:
        count = _add_ids(connection, run_id, list(dict.fromkeys(ids)))
    else:
        assert where is not None
        count = _add_where(connection, run_id, where)
    if not count:
        return 0
    now = utc_now()
    connection.execute(
        runs.insert().values(
            run_id=run_id,
            status="created",
            spec=spec.model_dump(mode="json"),
            transcripts=count,
            priority=priority,
            budget_microusd=budget_microusd,
            estimated_microusd=estimated_microusd,
            created_at=now,
        )
    )
    rows = []
    for number, first in enumerate(range(0, count, shard_transcripts)):
        last = min(first + shard_transcripts, count) - 1
        expected = (last - first + 1) * votes
        rows.append(
            {
                "run_id": run_id,
                "number": number,
                "first": first,
                "last": last,
                "status": "open",
                "expected": expected,
            }
        )
    connection.execute(shards.insert(), rows)
    return count


def get_run(connection: sa.Connection, run_id: str) -> RunRow:
    row = connection.execute(sa.select(runs).where(runs.c.run_id == run_id)).mappings().first()
    if row is None:
        raise NotFound(f"no run {run_id!r}")
    return _read(row)


def get_status(connection: sa.Connection, run_id: str) -> RunStatus:
    status: RunStatus | None = connection.scalar(
        sa.select(runs.c.status).where(runs.c.run_id == run_id)
    )
    if status is None:
        raise NotFound(f"no run {run_id!r}")
    return status


def find_runs(
    connection: sa.Connection, *, before: str | None, limit: int, status: str | None = None
) -> list[RunRow]:
    """Return runs, newest first."""
    query = sa.select(runs).order_by(runs.c.run_id.desc()).limit(limit)
    if before is not None:
        query = query.where(runs.c.run_id < before)
    if status is not None:
        query = query.where(runs.c.status == status)
    return [_read(row) for row in connection.execute(query).mappings()]


def find_unfinished(connection: sa.Connection) -> list[str]:
    """Return the runs that should be worked on and hold a shard that nobody works on."""
    waiting = sa.or_(
        shards.c.status == "open",
        sa.and_(shards.c.status == "leased", shards.c.lease_expires_at < utc_now()),
    )
    query = (
        sa.select(runs.c.run_id)
        .where(runs.c.status.in_(("created", "running")))
        .where(
            sa.exists(sa.select(shards.c.number).where(shards.c.run_id == runs.c.run_id, waiting))
        )
        .order_by(runs.c.run_id)
    )
    return list(connection.scalars(query))


def find_priorities(connection: sa.Connection, run_ids: Sequence[str]) -> dict[str, Priority]:
    """Return which of some runs go before others; ids of no run are left out."""
    found: dict[str, Priority] = {}
    for some in chunked(run_ids):
        query = sa.select(runs.c.run_id, runs.c.priority).where(runs.c.run_id.in_(some))
        found |= {row.run_id: row.priority for row in connection.execute(query)}
    return found


def get_progress(connection: sa.Connection, run_id: str) -> RunProgress:
    """Return how far a run is; its shards are added up, once and for all when it finishes."""
    kept = connection.scalar(sa.select(runs.c.finished_counts).where(runs.c.run_id == run_id))
    sums = kept or _add_up(connection, run_id)
    finished = sums["finished_transcripts"]
    counted = {name: sums[name] for name in COUNTS}
    settled = sum(counted[name] for name in COUNTS if name not in ("expected", "reused"))
    pending = counted["expected"] - settled
    return RunProgress(Counts(**counted, pending=pending), finished, find_paid(connection, run_id))


def _add_up(connection: sa.Connection, run_id: str) -> dict[str, int]:
    columns = [sa.func.coalesce(sa.func.sum(shards.c[name]), 0) for name in COUNTS]
    query = sa.select(
        *columns, sa.func.coalesce(sa.func.sum(shards.c.finished_transcripts), 0)
    ).where(shards.c.run_id == run_id)
    sums = (int(value) for value in connection.execute(query).one())
    return dict(zip((*COUNTS, "finished_transcripts"), sums, strict=True))


def find_paid(connection: sa.Connection, run_id: str) -> tuple[Paid, ...]:
    """Return what a run paid for, judge by judge."""
    query = sa.select(*(run_judges.c[name] for name in Paid._fields)).where(
        run_judges.c.run_id == run_id
    )
    return tuple(Paid(*row) for row in connection.execute(query))


def set_budget(connection: sa.Connection, run_id: str, budget_microusd: int | None) -> None:
    """Change the most a run may cost."""
    connection.execute(
        runs.update().where(runs.c.run_id == run_id).values(budget_microusd=budget_microusd)
    )


def count_by_status(connection: sa.Connection) -> dict[str, int]:
    query = sa.select(runs.c.status, sa.func.count().label("total")).group_by(runs.c.status)
    return {row.status: row.total for row in connection.execute(query)}


def check_resumable(status: RunStatus) -> None:
    """Raise IllegalTransition for a run that only a retry may bring back."""
    if status in ("finished", "cancelled"):
        raise IllegalTransition(
            f"a {status} run cannot be resumed; `:retry` asks again for what failed"
        )


def move_run(
    connection: sa.Connection, run_id: str, then: RunStatus, *, reason: str | None = None
) -> bool:
    """Change a run's status; False where it has that status already.

    Raises:
        IllegalTransition: the run cannot go there from where it is.
    """
    now = get_status(connection, run_id)
    while now != then:
        check_run_move(now, then)
        if _move(connection, run_id, then, {now}, reason):
            return True
        # A worker changed it meanwhile: what counts is where it is now.
        now = get_status(connection, run_id)
    return False


def try_move_run(
    connection: sa.Connection, run_id: str, then: RunStatus, *, reason: str | None = None
) -> bool:
    """Change a run's status if that is legal now, and tell whether it was."""
    legal = {now for now, moves in RUN_MOVES.items() if then in moves}
    return _move(connection, run_id, then, legal, reason)


def start_run(connection: sa.Connection, run_id: str) -> bool:
    """Mark a created run as running."""
    return _move(connection, run_id, "running", {"created"}, None)


def mark_retried(connection: sa.Connection, run_id: str) -> None:
    """Let failed judgments made before now be replaced in this run."""
    connection.execute(runs.update().where(runs.c.run_id == run_id).values(retried_at=utc_now()))


def find_members(
    connection: sa.Connection, run_id: str, *, first: int, limit: int
) -> list[tuple[int, str, str, dict[str, Any]]]:
    """Return (number, transcript id, transcript hash, metadata) of a run, from number `first`."""
    query = (
        sa.select(
            run_transcripts.c.number,
            run_transcripts.c.transcript_id,
            run_transcripts.c.transcript_hash,
            transcripts.c.metadata,
        )
        .join(transcripts, transcripts.c.transcript_id == run_transcripts.c.transcript_id)
        .where(run_transcripts.c.run_id == run_id, run_transcripts.c.number >= first)
        .order_by(run_transcripts.c.number)
        .limit(limit)
    )
    return [tuple(row) for row in connection.execute(query)]


def _move(
    connection: sa.Connection,
    run_id: str,
    then: RunStatus,
    legal: set[RunStatus],
    reason: str | None,
) -> bool:
    values: dict[str, Any] = {"status": then, "reason": reason}
    if then == "running":
        values["started_at"] = sa.func.coalesce(
            runs.c.started_at, sa.literal(utc_now(), runs.c.started_at.type)
        )
        values["finished_at"] = None
        values["finished_counts"] = None
    if then == "finished":
        values["finished_counts"] = _add_up(connection, run_id)
    if then in ("finished", "cancelled"):
        values["finished_at"] = utc_now()
    result = connection.execute(
        runs.update().where(runs.c.run_id == run_id, runs.c.status.in_(legal)).values(**values)
    )
    return result.rowcount > 0


def _add_ids(connection: sa.Connection, run_id: str, ids: Sequence[str]) -> int:
    hashes = get_hashes(connection, ids)
    rows = [
        {"run_id": run_id, "number": n, "transcript_id": each, "transcript_hash": hashes[each]}
        for n, each in enumerate(ids)
    ]
    if rows:
        connection.execute(run_transcripts.insert(), rows)
    return len(rows)


def _add_where(connection: sa.Connection, run_id: str, where: Where) -> int:
    order = sa.func.row_number().over(order_by=transcripts.c.transcript_id) - 1
    query = sa.select(
        sa.literal(run_id), order, transcripts.c.transcript_id, transcripts.c.transcript_hash
    ).where(where_clause(where, connection.dialect.name))
    names = ["run_id", "number", "transcript_id", "transcript_hash"]
    connection.execute(run_transcripts.insert().from_select(names, query))
    # The row count of an INSERT … SELECT is not told by every driver.
    count = sa.select(sa.func.count()).where(run_transcripts.c.run_id == run_id)
    return connection.scalar(count) or 0


def _read(row: Any) -> RunRow:
    fields = {name: row[name] for name in RunRow._fields if name != "spec"}
    return RunRow(**fields, spec=RunSpec.model_validate(row["spec"]))
