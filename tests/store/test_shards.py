"""Leases: a shard is one worker's at a time, and who lost it no longer speaks for it."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
import sqlalchemy as sa

from grader.domain.identity import utc_now
from grader.domain.run import Counts
from grader.errors import IllegalTransition
from grader.store import Store, reservations, runs, schema, shards
from grader.store.shards import ShardRow
from tests.servers import wait_until
from tests.store.making import add_run


def make_run(store: Store, count: int, shard_transcripts: int = 1) -> str:
    with store.transaction() as connection:
        return add_run(connection, count=count, shard_transcripts=shard_transcripts)


def claim(store: Store, run_id: str, lease: str, limit: int = 100) -> list[ShardRow]:
    with store.transaction() as connection:
        return shards.claim_shards(connection, run_id, lease=lease, lease_seconds=30, limit=limit)


def record(store: Store, shard: ShardRow, lease: str, *, is_finished: bool = True) -> bool:
    with store.transaction() as connection:
        return shards.record_shard(
            connection,
            shard,
            lease=lease,
            counts=Counts(expected=1, given=1),
            finished_transcripts=1,
            is_finished=is_finished,
        )


def expire(store: Store, lease: str) -> None:
    with store.transaction() as connection:
        connection.execute(
            schema.shards.update()
            .where(schema.shards.c.lease == lease)
            .values(lease_expires_at=utc_now() - timedelta(seconds=1))
        )


def test_shards_cover_the_run_without_gap_or_overlap(store: Store) -> None:
    run_id = make_run(store, count=7, shard_transcripts=3)
    claimed = claim(store, run_id, "a")
    assert [(each.first, each.last) for each in claimed] == [(0, 2), (3, 5), (6, 6)]
    with store.reading() as connection:
        assert runs.get_progress(connection, run_id).counts == Counts(expected=7, pending=7)


def test_threads_that_claim_at_once_never_get_the_same_shard(store: Store) -> None:
    run_id = make_run(store, count=60)

    def claim_all(number: int) -> list[int]:
        mine: list[int] = []
        while got := claim(store, run_id, f"lease {number}", limit=3):
            mine += [each.number for each in got]
        return mine

    with ThreadPoolExecutor(4) as pool:
        taken = [number for mine in pool.map(claim_all, range(4)) for number in mine]
    assert sorted(taken) == list(range(60))


def test_a_leased_shard_is_free_again_when_its_lease_ran_out(store: Store) -> None:
    run_id = make_run(store, count=2)
    assert len(claim(store, run_id, "a")) == 2
    assert claim(store, run_id, "b") == []
    with store.reading() as connection:
        assert shards.count_free(connection, run_id) == 0
        assert runs.find_unfinished(connection) == []
    expire(store, "a")
    with store.reading() as connection:
        assert shards.count_free(connection, run_id) == 2
        assert runs.find_unfinished(connection) == [run_id]
    assert len(claim(store, run_id, "b")) == 2


def test_who_lost_a_lease_cannot_record_extend_or_release_the_shard(store: Store) -> None:
    run_id = make_run(store, count=1)
    (shard,) = claim(store, run_id, "a")
    expire(store, "a")
    claim(store, run_id, "b")
    assert not record(store, shard, "a")
    with store.transaction() as connection:
        assert shards.extend_leases(connection, run_id, lease="a", lease_seconds=30) == {}
        shards.release_shards(connection, run_id, lease="a")
        assert runs.get_progress(connection, run_id).counts.given == 0
    assert claim(store, run_id, "c") == []
    assert record(store, shard, "b")
    with store.reading() as connection:
        progress = runs.get_progress(connection, run_id)
        assert progress.counts.given == 1
        assert not shards.has_unfinished(connection, run_id)


def test_a_lease_that_is_extended_is_held(store: Store) -> None:
    run_id = make_run(store, count=2)
    claim(store, run_id, "a")
    expire(store, "a")
    with store.transaction() as connection:
        held = shards.extend_leases(connection, run_id, lease="a", lease_seconds=30)
        assert held == {0: 0, 1: 0}
    assert claim(store, run_id, "b") == []


def test_a_lease_that_ran_out_is_held_again_without_what_it_reserved(store: Store) -> None:
    run_id = make_run(store, count=2)
    claim(store, run_id, "a")
    with store.transaction() as connection:
        reservations.set_reservation(connection, run_id, lease="a", number=1, microusd=5)
        held = shards.extend_leases(connection, run_id, lease="a", lease_seconds=30)
    assert held == {0: 0, 1: 5}
    expire(store, "a")
    with store.transaction() as connection:
        held = shards.extend_leases(connection, run_id, lease="a", lease_seconds=30)
    assert held == {0: 0, 1: 0}


def test_claims_are_numbered_in_one_order_for_all_runs(store: Store) -> None:
    run_ids = [make_run(store, count=4), make_run(store, count=4)]
    claims = [claim(store, run_ids[n % 2], f"lease {n}", limit=2) for n in range(4)]
    numbers = [{shard.claim for shard in claimed} for claimed in claims]
    assert [len(each) for each in numbers] == [1, 1, 1, 1]
    assert sorted(numbers, key=min) == numbers


def test_a_released_shard_is_free_at_once_and_keeps_its_counts(store: Store) -> None:
    run_id = make_run(store, count=2)
    first, _ = claim(store, run_id, "a")
    record(store, first, "a", is_finished=False)
    with store.transaction() as connection:
        shards.release_shards(connection, run_id, lease="a")
        assert runs.get_progress(connection, run_id).counts.given == 1
    assert len(claim(store, run_id, "b")) == 2


def test_a_finished_shard_is_not_claimed_again(store: Store) -> None:
    run_id = make_run(store, count=1)
    (shard,) = claim(store, run_id, "a")
    record(store, shard, "a")
    assert not record(store, shard, "a")
    assert claim(store, run_id, "b") == []


def test_only_shards_with_failures_are_opened_for_a_retry(store: Store) -> None:
    run_id = make_run(store, count=3)
    for shard in claim(store, run_id, "a"):
        failed = 1 if shard.number == 1 else 0
        with store.transaction() as connection:
            shards.record_shard(
                connection,
                shard,
                lease="a",
                counts=Counts(expected=1, failed=failed, given=1 - failed),
                finished_transcripts=1,
                is_finished=True,
            )
    with store.transaction() as connection:
        assert shards.reopen_failed_shards(connection, run_id) == 1
    assert [each.number for each in claim(store, run_id, "b")] == [1]


def test_a_cancel_that_waits_for_a_worker_to_start_the_run_is_not_lost(store: Store) -> None:
    """It reads the old status, then waits: the status that it changes is another one."""
    run_id = make_run(store, count=1)

    def cancel() -> bool:
        with store.transaction() as connection:
            return runs.move_run(connection, run_id, "cancelled")

    with ThreadPoolExecutor(1) as pool:
        with store.transaction() as connection:
            runs.start_run(connection, run_id)
            cancelling = pool.submit(cancel)
            if connection.dialect.name == "postgresql":
                wait_until(lambda: somebody_waits(store))
        assert cancelling.result(10)
    with store.reading() as connection:
        row = runs.get_run(connection, run_id)
    assert (row.status, row.finished_at is not None) == ("cancelled", True)


def test_a_pause_that_comes_too_late_is_refused(store: Store) -> None:
    run_id = make_run(store, count=1)

    def pause() -> bool:
        with store.transaction() as connection:
            return runs.move_run(connection, run_id, "paused")

    with ThreadPoolExecutor(1) as pool:
        with store.transaction() as connection:
            runs.move_run(connection, run_id, "finished")
            pausing = pool.submit(pause)
            if connection.dialect.name == "postgresql":
                wait_until(lambda: somebody_waits(store))
        with pytest.raises(IllegalTransition, match="finished"):
            pausing.result(10)


def somebody_waits(store: Store) -> bool:
    query = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
    with store.reading() as connection:
        return bool(connection.execute(sa.text(query)).scalar())
