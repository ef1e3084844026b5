"""Replies to requests with an Idempotency-Key, so that a repeated request is answered the same.

A reply is reserved before the work and filled in after it, or in the very transaction that does it;
a reservation without a reply means that the first request is still under way, or died. Replies are
kept for a day.
"""

from datetime import timedelta
from typing import NamedTuple

import sqlalchemy as sa

from grader.domain.identity import utc_now
from grader.errors import Conflict, IdempotencyMismatch
from grader.store.schema import replies
from grader.store.statements import insert_ignoring

_ABANDONED_AFTER = timedelta(seconds=600)
"""Longer than any request may be held (`Prefer: wait`), or a slow one would be done twice."""

_KEPT = timedelta(hours=24)


class Reply(NamedTuple):
    status: int
    headers: dict[str, str]
    body: bytes


def reserve_reply(
    connection: sa.Connection, *, key_id: str, idempotency_key: str, request_hash: str
) -> Reply | None:
    """Claim an Idempotency-Key: None to go ahead, or the reply that was given before.

    Raises:
        IdempotencyMismatch: it was used with another request.
        Conflict: the first request with it is still under way.
    """
    now = utc_now()
    connection.execute(replies.delete().where(replies.c.created_at < now - _KEPT))
    row = {"key_id": key_id, "idempotency_key": idempotency_key, "request_hash": request_hash}
    insert = insert_ignoring(connection, replies).values(**row, created_at=now)
    if connection.execute(insert).rowcount:
        return None
    mine = sa.and_(replies.c.key_id == key_id, replies.c.idempotency_key == idempotency_key)
    stored = connection.execute(sa.select(replies).where(mine)).mappings().one_or_none()
    if stored is None:
        # The first request failed this very moment, and gave the key free.
        return reserve_reply(
            connection, key_id=key_id, idempotency_key=idempotency_key, request_hash=request_hash
        )
    if stored["request_hash"] != request_hash:
        raise IdempotencyMismatch(
            f"the Idempotency-Key {idempotency_key!r} was used with another request; take a new one"
        )
    if stored["status"] is not None:
        return Reply(stored["status"], stored["headers"], bytes(stored["body"]))
    if now - stored["created_at"] < _ABANDONED_AFTER:
        raise Conflict(
            f"the first request with the Idempotency-Key {idempotency_key!r} is still under way; "
            "try again in a moment"
        )
    connection.execute(replies.update().where(mine).values(created_at=now))
    return None


def record_reply(
    connection: sa.Connection, reply: Reply, *, key_id: str, idempotency_key: str
) -> None:
    """Keep the reply for repeats of the request."""
    connection.execute(
        replies.update()
        .where(replies.c.key_id == key_id, replies.c.idempotency_key == idempotency_key)
        .values(status=reply.status, headers=reply.headers, body=reply.body)
    )


def forget_reply(connection: sa.Connection, *, key_id: str, idempotency_key: str) -> None:
    """Give a reserved key free again, after a request that changed nothing."""
    connection.execute(
        replies.delete().where(
            replies.c.key_id == key_id,
            replies.c.idempotency_key == idempotency_key,
            replies.c.status.is_(None),
        )
    )
