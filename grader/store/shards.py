"""Shards as they are kept: who works on which slice of a run, and until when.

A lease is a token with an end. Whoever holds it keeps the shard's counts; a worker that lost it
may still record judgments it paid for (they are what they are, under their natural keys), but no
longer speaks for the shard. Every claim has a number of its own, larger than all before it: where
two leases cover the same question, the one that was claimed first asks it.
"""

from datetime import timedelta
from typing import NamedTuple

import sqlalchemy as sa

from grader.domain.identity import utc_now
from grader.domain.run import Counts
from grader.store.schema import COUNTS, installation, runs, shards

_FREE: dict[str, object] = {
    "lease": None,
    "lease_expires_at": None,
    "claim": None,
    "reserved_microusd": 0,
}


class ShardRow(NamedTuple):
    run_id: str
    number: int
    first: int
    last: int
    claim: int
    """The number of the claim under which it is held."""


def claim_shards(
    connection: sa.Connection, run_id: str, *, lease: str, lease_seconds: float, limit: int
) -> list[ShardRow]:
    """Lease shards that nobody works on, lowest numbers first."""
    # The row stays locked until this commits: whoever has a smaller number can be seen from here.
    claim = connection.scalar(
        installation.update()
        .values(claims=installation.c.claims + 1)
        .returning(installation.c.claims)
    )
    assert claim is not None, "an installation has its row from its first migration on"
    now = utc_now()
    free = (
        sa.select(shards.c.run_id, shards.c.number, shards.c.first, shards.c.last)
        .where(
            shards.c.run_id == run_id,
            sa.or_(
                shards.c.status == "open",
                sa.and_(shards.c.status == "leased", shards.c.lease_expires_at < now),
            ),
        )
        .order_by(shards.c.number)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    claimed = [ShardRow(*row, claim) for row in connection.execute(free)]
    if claimed:
        connection.execute(
            shards.update()
            .where(shards.c.run_id == run_id, shards.c.number.in_([s.number for s in claimed]))
            .values(
                status="leased",
                lease=lease,
                lease_expires_at=now + timedelta(seconds=lease_seconds),
                claim=claim,
                reserved_microusd=0,
            )
        )
    return claimed


def extend_leases(
    connection: sa.Connection, run_id: str, *, lease: str, lease_seconds: float
) -> dict[int, int]:
    """Keep what is held for longer; returns each shard that still is, with what it reserves.

    What a lease reserved of a budget is gone once it ran out: others may have it by now.
    """
    now = utc_now()
    ran_out = shards.c.lease_expires_at < now
    result = connection.execute(
        shards.update()
        .where(shards.c.run_id == run_id, shards.c.status == "leased", shards.c.lease == lease)
        .values(
            lease_expires_at=now + timedelta(seconds=lease_seconds),
            reserved_microusd=sa.case((ran_out, 0), else_=shards.c.reserved_microusd),
        )
        .returning(shards.c.number, shards.c.reserved_microusd)
    )
    return {row.number: row.reserved_microusd for row in result}


def record_shard(
    connection: sa.Connection,
    shard: ShardRow,
    *,
    lease: str,
    counts: Counts,
    finished_transcripts: int,
    is_finished: bool,
) -> bool:
    """Write how far a shard is; False where the lease was lost and nothing was written."""
    values: dict[str, object] = {name: getattr(counts, name) for name in COUNTS}
    if is_finished:
        values |= {"status": "finished", **_FREE}
    result = connection.execute(
        shards.update()
        .where(
            shards.c.run_id == shard.run_id,
            shards.c.number == shard.number,
            shards.c.lease == lease,
        )
        .values(**values, finished_transcripts=finished_transcripts)
    )
    return result.rowcount > 0


def release_shards(connection: sa.Connection, run_id: str, *, lease: str) -> None:
    """Hand back what is still held, for anybody to claim at once."""
    held = (shards.c.run_id == run_id) & (shards.c.status == "leased") & (shards.c.lease == lease)
    connection.execute(shards.update().where(held).values(status="open", **_FREE))


def reopen_failed_shards(connection: sa.Connection, run_id: str) -> int:
    """Open finished shards that hold failed judgments; returns how many."""
    result = connection.execute(
        shards.update()
        .where(shards.c.run_id == run_id, shards.c.status == "finished", shards.c.failed > 0)
        .values(status="open")
    )
    return result.rowcount


def has_unfinished(connection: sa.Connection, run_id: str) -> bool:
    unfinished = sa.exists(
        sa.select(shards.c.number).where(shards.c.run_id == run_id, shards.c.status != "finished")
    )
    return bool(connection.scalar(sa.select(unfinished)))


def count_free(connection: sa.Connection, run_id: str) -> int:
    """Count the shards that nobody works on."""
    now = utc_now()
    free = sa.or_(
        shards.c.status == "open",
        sa.and_(shards.c.status == "leased", shards.c.lease_expires_at < now),
    )
    query = sa.select(sa.func.count()).select_from(shards).where(shards.c.run_id == run_id, free)
    return connection.scalar(query) or 0


def lock_run(connection: sa.Connection, run_id: str) -> None:
    """Make two workers that finish a run's last shards at once do so one after the other."""
    connection.execute(sa.select(runs.c.run_id).where(runs.c.run_id == run_id).with_for_update())
