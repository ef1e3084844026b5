"""Batches as they are kept: what was handed to a provider's batch API, and how far each is.

    preparing   recorded, its file not yet with the provider, or nobody knows whether it is
    waiting     with the provider
    collecting  ended there, its lines being recorded, shard by shard
    then the provider's word for how it ended, or `abandoned` (never submitted), `gone` (the
    provider knows it no more); `ended_at` is set

Several batches share the lease on their shards, one for each judge: the shards are free again when
the last of them has ended. Who works on a batch keeps the exact `checked_at` it wrote last: a write
that finds another time there has lost the batch to somebody else.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import orjson
import sqlalchemy as sa

from grader.domain.identity import utc_now
from grader.store.schema import batches, shards

FAR = timedelta(days=3650)
"""How long a lease lasts that the end of a batch ends."""

LEAST_LOOK_SECONDS = 1.0
MOST_LOOK_SECONDS = 120.0
LOOK_SHARE = 0.25
"""A batch is looked at again after this share of its age, within the bounds above."""

STALE_SECONDS = 5.0
"""After how long without a sign of life the sweeper wants somebody to see to a batch."""


class BatchShards(NamedTuple):
    """The shards of a batch, in the order in which they are collected."""

    numbers: tuple[int, ...]
    reserved: tuple[int, ...]
    """What the batch may cost at most, shard by shard, in millionths of a dollar."""
    done: int = 0
    """How many of them are collected."""
    in_part: tuple[int, ...] = ()
    """The numbers of those about which not all that was open is asked."""


class BatchRow(NamedTuple):
    batch_id: str
    run_id: str
    judge_hash: str
    base_url: str
    remote_id: str | None
    """The provider's id; None until it is known that the provider has it."""
    input_file_id: str | None
    status: str
    lease: str
    shards: BatchShards
    requests: int
    detail: str | None
    created_at: datetime
    checked_at: datetime | None
    ended_at: datetime | None


def add_batches(
    connection: sa.Connection, rows: Sequence[BatchRow], *, run_id: str, lease: str
) -> None:
    """Record batches before anything is sent, hold their shards, and reserve what they may cost."""
    connection.execute(batches.insert(), [_values(row) for row in rows])
    reserved: dict[int, int] = {}
    for row in rows:
        for number, microusd in zip(row.shards.numbers, row.shards.reserved, strict=True):
            reserved[number] = reserved.get(number, 0) + microusd
    until = utc_now() + FAR
    for number, microusd in reserved.items():
        connection.execute(
            shards.update()
            .where(_held(run_id, lease), shards.c.number == number)
            .values(lease_expires_at=until, reserved_microusd=microusd)
        )


def find_open_batches(connection: sa.Connection, run_id: str) -> list[BatchRow]:
    """Return the batches of a run that have not ended, oldest first."""
    query = sa.select(batches).where(batches.c.run_id == run_id, batches.c.ended_at.is_(None))
    query = query.order_by(batches.c.batch_id)
    return [_read(row) for row in connection.execute(query).mappings()]


def find_ended_batches(connection: sa.Connection, run_id: str) -> list[BatchRow]:
    """Return the batches of a run that have ended, oldest first."""
    query = sa.select(batches).where(batches.c.run_id == run_id, batches.c.ended_at.is_not(None))
    query = query.order_by(batches.c.batch_id)
    return [_read(row) for row in connection.execute(query).mappings()]


def has_open_batches(connection: sa.Connection, run_id: str) -> bool:
    found = sa.exists().where(batches.c.run_id == run_id, batches.c.ended_at.is_(None))
    return bool(connection.scalar(sa.select(found)))


def find_due(connection: sa.Connection) -> list[str]:
    """Return the runs with a batch that somebody should see to now, whatever their status."""
    columns = (batches.c.run_id, batches.c.status, batches.c.created_at, batches.c.checked_at)
    now = utc_now()
    due: dict[str, None] = {}
    for run_id, status, created_at, checked_at in connection.execute(
        sa.select(*columns).where(batches.c.ended_at.is_(None))
    ):
        if seconds_until_due(status, created_at, checked_at, now=now) <= 0:
            due[run_id] = None
    return list(due)


def seconds_until_due(
    status: str,
    created_at: datetime,
    checked_at: datetime | None,
    *,
    now: datetime,
    least_seconds: float = LEAST_LOOK_SECONDS,
    stale_seconds: float = STALE_SECONDS,
) -> float:
    """Return how long a batch may be left alone: young ones are looked at often, old ones rarely.

    One that somebody is working on is left to them while they give signs of life.
    """
    if checked_at is None:
        return 0.0
    pause = stale_seconds
    if status == "waiting":
        age = (now - created_at).total_seconds()
        pause = min(MOST_LOOK_SECONDS, max(least_seconds, LOOK_SHARE * age))
    return pause - (now - checked_at).total_seconds()


def update_batch(
    connection: sa.Connection, batch_id: str, *, seen: datetime | None, **values: Any
) -> datetime | None:
    """Change a batch whose `checked_at` is still `seen`; returns the new one, None where it isn't.

    So nobody writes to a batch that somebody else has taken over.
    """
    same = batches.c.checked_at.is_(None) if seen is None else batches.c.checked_at == seen
    now = utc_now()
    if seen is not None and now <= seen:
        now = seen + timedelta(microseconds=1)
    if isinstance(given := values.get("shards"), BatchShards):
        values["shards"] = given._asdict()
    result = connection.execute(
        batches.update()
        .where(batches.c.batch_id == batch_id, batches.c.ended_at.is_(None), same)
        .values(checked_at=now, **values)
    )
    return now if result.rowcount else None


def let_go(connection: sa.Connection, batch_id: str, *, seen: datetime) -> None:
    """Let anybody see to a batch at once."""
    connection.execute(
        batches.update()
        .where(batches.c.batch_id == batch_id, batches.c.checked_at == seen)
        .values(checked_at=None)
    )


def free_shards(
    connection: sa.Connection, run_id: str, *, lease: str, after_seconds: float = 0.0
) -> None:
    """Hand back the shards of a lease unless a batch still holds them, for now or after a wait."""
    waits = sa.exists().where(
        batches.c.run_id == run_id, batches.c.lease == lease, batches.c.ended_at.is_(None)
    )
    if connection.scalar(sa.select(waits)):
        return
    values: dict[str, Any] = {"reserved_microusd": 0}
    if after_seconds > 0:
        values["lease_expires_at"] = utc_now() + timedelta(seconds=after_seconds)
    else:
        values |= {"status": "open", "lease": None, "lease_expires_at": None, "claim": None}
    connection.execute(shards.update().where(_held(run_id, lease)).values(**values))


def settle_reservation(connection: sa.Connection, run_id: str, number: int, microusd: int) -> None:
    """Take back what one batch had reserved on one of its shards."""
    left = shards.c.reserved_microusd - microusd
    connection.execute(
        shards.update()
        .where(shards.c.run_id == run_id, shards.c.number == number, shards.c.status == "leased")
        .values(reserved_microusd=sa.case((left > 0, left), else_=0))
    )


def hand_shard(
    connection: sa.Connection,
    run_id: str,
    number: int,
    *,
    lease: str,
    to: str,
    seconds: float,
) -> None:
    """Move a shard from one lease to another, for so long."""
    connection.execute(
        shards.update()
        .where(_held(run_id, lease), shards.c.number == number)
        .values(lease=to, lease_expires_at=utc_now() + timedelta(seconds=seconds))
    )


def count_leases(connection: sa.Connection, run_id: str) -> dict[str | None, int]:
    """Return how many unfinished shards of a run each lease holds; None for those nobody does."""
    query = (
        sa.select(shards.c.lease, sa.func.count().label("total"))
        .where(shards.c.run_id == run_id, shards.c.status != "finished")
        .group_by(shards.c.lease)
    )
    return {row.lease: row.total for row in connection.execute(query)}


def find_held_shards(
    connection: sa.Connection, run_id: str, numbers: Sequence[int]
) -> dict[int, tuple[int, int, int, int, str | None]]:
    """Return (number, first, last, claim, lease) of some shards by their numbers."""
    query = sa.select(
        shards.c.number,
        shards.c.first,
        shards.c.last,
        sa.func.coalesce(shards.c.claim, 0),
        shards.c.lease,
    ).where(shards.c.run_id == run_id, shards.c.number.in_(numbers))
    return {row.number: tuple(row) for row in connection.execute(query)}


def _held(run_id: str, lease: str) -> Any:
    return (shards.c.run_id == run_id) & (shards.c.status == "leased") & (shards.c.lease == lease)


def _values(row: BatchRow) -> dict[str, Any]:
    return {**row._asdict(), "shards": row.shards._asdict()}


def _read(row: Any) -> BatchRow:
    fields = {name: row[name] for name in BatchRow._fields}
    given = fields["shards"]
    packed = orjson.loads(given) if isinstance(given, str) else given
    fields["shards"] = BatchShards(
        tuple(packed["numbers"]),
        tuple(packed["reserved"]),
        packed["done"],
        tuple(packed["in_part"]),
    )
    return BatchRow(**fields)
