"""Runs that overlap at the same time: each question is asked once, by whoever claimed it first."""

import asyncio

import pytest
import sqlalchemy as sa

from grader.domain.identity import utc_now
from grader.domain.judgment import Judgment
from grader.judges.question import Question
from grader.runs.drain import Pace, Stop
from grader.runs.steer import pause_run, resume_run, retry_run
from grader.store import Store, runs, schema, shards
from tests.runs.draining import (
    ScriptedJudge,
    count_labels,
    drain,
    drain_all,
    failure,
    find_run,
    make_run,
    panel,
    progress,
    rubric,
)


@pytest.mark.parametrize("backwards", [False, True])
def test_two_runs_over_the_same_transcripts_pay_once_for_each_judgment(
    store: Store, backwards: bool
) -> None:
    first = make_run(store, 60, panel=panel(2, repeats=2))
    second = make_run(store, 60, panel=panel(2), shard_transcripts=7, backwards=backwards)
    judge = ScriptedJudge()
    drain_all(store, (first, judge), (second, judge))
    assert len(judge.asked) == sum(judge.asked.values()) == 240
    for run_id, expected in ((first, 240), (second, 120)):
        counts = progress(store, run_id).counts
        assert (counts.expected, counts.given) == (expected, expected)
        assert find_run(store, run_id).status == "finished"
        assert count_labels(store, run_id) == 60
    shared = [progress(store, run_id) for run_id in (first, second)]
    assert sum(each.counts.reused for each in shared) == 120
    assert sum(paid.calls for each in shared for paid in each.paid) == 240


def test_workers_on_one_run_ask_once_about_messages_that_several_transcripts_share(
    store: Store,
) -> None:
    run_id = make_run(store, 20, panel=panel(), conditions=6, shard_transcripts=4)
    judge = ScriptedJudge()
    drain_all(store, *[(run_id, judge)] * 3)
    assert sum(judge.asked.values()) == 20
    assert progress(store, run_id).counts.given == 120
    assert count_labels(store, run_id) == 120


def test_runs_that_share_no_rubric_do_not_wait_for_each_other(store: Store) -> None:
    """The other's lease would have to run out first."""
    other = make_run(store, 10, panel=panel(), rubrics=[rubric("another")])
    claim_all(store, other, lease="lse_other", seconds=60)
    run_id = make_run(store, 10, panel=panel())
    drain_all(store, (run_id, ScriptedJudge()))
    assert find_run(store, run_id).status == "finished"


def test_an_answer_from_a_batch_is_not_waited_for(store: Store) -> None:
    batched = make_run(store, 10, panel=panel())
    claim_all(store, batched, lease="bat_1", seconds=60)
    run_id = make_run(store, 10, panel=panel())
    drain_all(store, (run_id, ScriptedJudge()))
    assert find_run(store, run_id).status == "finished"


def test_when_the_worker_that_was_first_is_killed_the_second_goes_on(store: Store) -> None:
    first = make_run(store, 10, panel=panel())
    claim_all(store, first, lease="lse_killed", seconds=1.5)
    with store.reading() as connection:
        ends = connection.scalar(sa.select(sa.func.max(schema.shards.c.lease_expires_at)))
    early: list[Question] = []

    def note(question: Question) -> None:
        if utc_now() < ends:
            early.append(question)

    second = make_run(store, 12, panel=panel())
    judge = ScriptedJudge(answering=note, seconds=0)
    drain_all(store, (second, judge))
    assert find_run(store, second).status == "finished"
    assert sum(judge.asked.values()) == 12
    assert len(early) == 2, "only what the first run does not cover is asked before"


def test_when_the_first_run_is_paused_the_second_asks_the_rest(store: Store) -> None:
    first = make_run(store, 1000, panel=panel())
    second = make_run(store, 1000, panel=panel())
    judge = ScriptedJudge(seconds=0.1)

    async def work() -> None:
        draining = asyncio.create_task(drain(store, first, judge))
        while not judge.in_flight:
            await asyncio.sleep(0.01)
        following = asyncio.create_task(drain(store, second, judge))
        while len(judge.log) < 60:
            await asyncio.sleep(0.01)
        with store.transaction() as connection:
            pause_run(connection, first)
        assert await draining is False
        await following

    asyncio.run(work())
    assert find_run(store, first).status == "paused"
    assert find_run(store, second).status == "finished"
    assert count_labels(store, second) == 1000
    with store.transaction() as connection:
        resume_run(connection, first)
    drain_all(store, (first, judge))
    assert count_labels(store, first) == 1000
    assert len(judge.asked) == sum(judge.asked.values()) == 1000


def test_failures_that_two_runs_retry_at_once_are_asked_again_once(store: Store) -> None:
    run_ids = [make_run(store, 30, panel=panel()) for _ in range(2)]

    def fail(question: Question) -> Judgment:
        return failure(question)

    drain_all(store, *((run_id, ScriptedJudge(answering=fail)) for run_id in run_ids))
    with store.transaction() as connection:
        for run_id in run_ids:
            retry_run(connection, run_id)
    # So slow that who waits looks in vain at first.
    judge = ScriptedJudge(seconds=0.4)
    drain_all(store, *((run_id, judge) for run_id in run_ids))
    assert sum(judge.asked.values()) == 30
    for run_id in run_ids:
        counts = progress(store, run_id).counts
        assert (counts.given, counts.failed) == (30, 0)


def test_what_waits_for_another_worker_is_leased_only_so_far_ahead(store: Store) -> None:
    first = make_run(store, 200, panel=panel(), shard_transcripts=2)
    claim_all(store, first, lease="lse_other", seconds=60)
    second = make_run(store, 200, panel=panel(), shard_transcripts=2)
    small = Pace(max_active=2, lease_seconds=30, flush_seconds=0.02, stop_grace_seconds=5)
    free: list[int] = []

    def look() -> Stop | None:
        with store.reading() as connection:
            free.append(shards.count_free(connection, second))
        return "hand over" if len(free) == 3 else None

    asyncio.run(drain(store, second, judge := ScriptedJudge(), pace=small, should_stop=look))
    assert min(free) > 50, "of a hundred shards"
    assert not judge.asked


def claim_all(store: Store, run_id: str, *, lease: str, seconds: float) -> None:
    """Lease a whole run, as a worker does that answers nothing."""
    with store.transaction() as connection:
        shards.claim_shards(connection, run_id, lease=lease, lease_seconds=seconds, limit=1000)
        assert runs.get_status(connection, run_id) == "running"
