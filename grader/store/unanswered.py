"""Calls that were paid for a question that is still open: a provider that became busy after them, a
key that was revoked, a budget that was reached.

They are charged at once, to the run that made them. Once the question is answered, they stand
before the attempts of its judgment, and not here any more.
"""

from collections import defaultdict
from collections.abc import Sequence
from typing import NamedTuple

import sqlalchemy as sa
from pydantic import TypeAdapter

from grader.domain.identity import new_id, utc_now
from grader.domain.judgment import Attempt, JudgmentKey
from grader.store.compression import compress, decompress
from grader.store.schema import unanswered
from grader.store.statements import chunked, insert_ignoring

ATTEMPTS = TypeAdapter(tuple[Attempt, ...])


class OpenCalls(NamedTuple):
    """Attempts at a question that nothing answers yet."""

    unanswered_id: str
    key: JudgmentKey
    attempts: tuple[Attempt, ...]


def open_calls(key: JudgmentKey, attempts: tuple[Attempt, ...]) -> OpenCalls:
    """Return attempts under an id of their own, so that they are stored and charged once."""
    return OpenCalls(new_id("una"), key, attempts)


def add_unanswered(
    connection: sa.Connection, given: Sequence[OpenCalls], *, run_id: str
) -> list[OpenCalls]:
    """Store attempts, and return those that were not stored already."""
    if not given:
        return []
    now = utc_now()
    rows = [
        {
            "unanswered_id": each.unanswered_id,
            **each.key._asdict(),
            "run_id": run_id,
            "attempts": compress(ATTEMPTS.dump_json(each.attempts)),
            "created_at": now,
        }
        for each in given
    ]
    insert = insert_ignoring(connection, unanswered).returning(unanswered.c.unanswered_id)
    stored = set(connection.scalars(insert, rows))
    return [each for each in given if each.unanswered_id in stored]


def find_unanswered(
    connection: sa.Connection, transcript_hashes: Sequence[str]
) -> dict[JudgmentKey, list[OpenCalls]]:
    """Return what was paid for open questions about some transcripts, oldest first."""
    found: dict[JudgmentKey, list[OpenCalls]] = defaultdict(list)
    columns = [unanswered.c.unanswered_id, *(unanswered.c[name] for name in JudgmentKey._fields)]
    for some in chunked(list(dict.fromkeys(transcript_hashes))):
        query = (
            sa.select(*columns, unanswered.c.attempts)
            .where(unanswered.c.transcript_hash.in_(some))
            .order_by(unanswered.c.unanswered_id)
        )
        for unanswered_id, *key, packed in connection.execute(query):
            attempts = ATTEMPTS.validate_json(decompress(packed))
            its_key = JudgmentKey(*key)
            found[its_key].append(OpenCalls(unanswered_id, its_key, attempts))
    return found


def remove_unanswered(connection: sa.Connection, ids: Sequence[str]) -> None:
    """Forget attempts that stand before those of a judgment by now."""
    for some in chunked(ids):
        connection.execute(unanswered.delete().where(unanswered.c.unanswered_id.in_(some)))
