"""Batches as they are kept: who sees to one, when one is due, and what holds its shards."""

from datetime import timedelta

import pytest
import sqlalchemy as sa

from grader.domain.identity import new_id, utc_now
from grader.store import Store, batches, shards
from grader.store.batches import BatchRow, BatchShards, seconds_until_due
from tests.store.making import add_run, hash_of

LEASE = "bat_lease"


def batch(run_id: str, *numbers: int, **changes: object) -> BatchRow:
    fields = {
        "batch_id": new_id("bat"),
        "run_id": run_id,
        "judge_hash": hash_of("judge"),
        "base_url": "http://127.0.0.1:9/v1",
        "remote_id": None,
        "input_file_id": None,
        "status": "waiting",
        "lease": LEASE,
        "shards": BatchShards(numbers, tuple(100 + n for n in numbers)),
        "requests": 3,
        "detail": None,
        "created_at": utc_now(),
        "checked_at": utc_now(),
        "ended_at": None,
        **changes,
    }
    return BatchRow(**fields)  # type: ignore[arg-type]


def stored(store: Store, *numbers: int, **changes: object) -> BatchRow:
    """Store a run of four shards, and a batch over some of them."""
    with store.transaction() as connection:
        run_id = add_run(connection, count=4)
        shards.claim_shards(connection, run_id, lease=LEASE, lease_seconds=60, limit=4)
        row = batch(run_id, *numbers, **changes)
        batches.add_batches(connection, [row], run_id=run_id, lease=LEASE)
    return row


def read_shards(store: Store, run_id: str) -> list[tuple[str, int]]:
    from grader.store.schema import shards as table

    with store.reading() as connection:
        query = sa.select(table.c.status, table.c.reserved_microusd).where(table.c.run_id == run_id)
        return [tuple(row) for row in connection.execute(query.order_by(table.c.number))]


def test_a_batch_comes_back_as_it_was_stored(store: Store) -> None:
    row = stored(store, 0, 2)
    with store.reading() as connection:
        assert batches.find_open_batches(connection, row.run_id) == [row]
        assert batches.has_open_batches(connection, row.run_id)
        assert batches.find_ended_batches(connection, row.run_id) == []


def test_only_one_of_two_who_saw_the_same_takes_a_batch(store: Store) -> None:
    row = stored(store, 0)
    with store.transaction() as connection:
        first = batches.update_batch(connection, row.batch_id, seen=row.checked_at)
        second = batches.update_batch(connection, row.batch_id, seen=row.checked_at)
    assert first is not None
    assert second is None


def test_a_batch_that_has_ended_is_not_changed_any_more(store: Store) -> None:
    row = stored(store, 0)
    with store.transaction() as connection:
        seen = batches.update_batch(
            connection, row.batch_id, seen=row.checked_at, status="completed", ended_at=utc_now()
        )
        assert batches.update_batch(connection, row.batch_id, seen=seen) is None


def test_shards_are_held_and_reserved_for_until_the_last_batch_of_their_lease_ends(
    store: Store,
) -> None:
    row = stored(store, 0, 1)
    other = batch(row.run_id, 1)
    with store.transaction() as connection:
        batches.add_batches(connection, [other], run_id=row.run_id, lease=LEASE)
    assert read_shards(store, row.run_id)[0] == ("leased", 100)

    with store.transaction() as connection:
        batches.update_batch(
            connection, row.batch_id, seen=row.checked_at, status="completed", ended_at=utc_now()
        )
        batches.free_shards(connection, row.run_id, lease=LEASE)
    assert {status for status, _ in read_shards(store, row.run_id)} == {"leased"}

    with store.transaction() as connection:
        batches.update_batch(
            connection, other.batch_id, seen=other.checked_at, status="expired", ended_at=utc_now()
        )
        batches.free_shards(connection, row.run_id, lease=LEASE)
    assert set(read_shards(store, row.run_id)) == {("open", 0)}


def test_what_one_batch_reserved_is_taken_back_and_no_more(store: Store) -> None:
    row = stored(store, 0, 1)
    with store.transaction() as connection:
        batches.settle_reservation(connection, row.run_id, 0, 60)
        batches.settle_reservation(connection, row.run_id, 1, 1_000)
    assert [reserved for _, reserved in read_shards(store, row.run_id)[:2]] == [40, 0]


def test_shards_that_wait_come_up_again_by_themselves(store: Store) -> None:
    row = stored(store, 0)
    with store.transaction() as connection:
        batches.update_batch(
            connection, row.batch_id, seen=row.checked_at, status="failed", ended_at=utc_now()
        )
        batches.free_shards(connection, row.run_id, lease=LEASE, after_seconds=60)
    with store.transaction() as connection:
        assert shards.count_free(connection, row.run_id) == 0
        batches.hand_shard(connection, row.run_id, 0, lease=LEASE, to="bat_aside", seconds=-1)
        assert shards.count_free(connection, row.run_id) == 1
        assert batches.count_leases(connection, row.run_id) == {LEASE: 3, "bat_aside": 1}


@pytest.mark.parametrize(
    ("status", "age", "checked", "due"),
    [
        ("waiting", 1, 0.5, False),  # young: every second
        ("waiting", 1, 1.1, True),
        ("waiting", 40, 9, False),  # older: after a quarter of its age
        ("waiting", 40, 11, True),
        ("waiting", 86_000, 110, False),  # old: every two minutes
        ("waiting", 86_000, 121, True),
        ("preparing", 86_000, 4, False),  # somebody works on it
        ("collecting", 10, 6, True),  # and gives no sign of life
        ("waiting", 10, None, True),
    ],
)
def test_a_batch_is_looked_at_the_more_rarely_the_older_it_is(
    status: str, age: float, checked: float | None, due: bool
) -> None:
    now = utc_now()
    checked_at = None if checked is None else now - timedelta(seconds=checked)
    left = seconds_until_due(status, now - timedelta(seconds=age), checked_at, now=now)
    assert (left <= 0) is due


def test_runs_with_a_batch_that_is_due_are_found_whatever_their_status(store: Store) -> None:
    long_ago = utc_now() - timedelta(minutes=10)
    due = stored(store, 0, checked_at=long_ago)
    stored(store, 0)
    with store.reading() as connection:
        assert batches.find_due(connection) == [due.run_id]
