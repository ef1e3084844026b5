"""A run never costs more than its budget, however many workers spend it."""

import asyncio
from datetime import timedelta

import pytest

from grader.domain.identity import utc_now
from grader.runs.steer import NewBudget, resume_run
from grader.store import Store, schema, shards
from tests.runs.draining import (
    ScriptedJudge,
    count_labels,
    drain,
    drain_all,
    find_run,
    make_run,
    panel,
    progress,
)

MOST = 800
"""What one call may cost at most; on average it costs about an eighth of it."""


@pytest.mark.parametrize("workers", [1, 3])
def test_a_run_spends_its_budget_and_no_more_and_a_larger_one_finishes_it(
    store: Store, workers: int
) -> None:
    run_id = make_run(store, 120, panel=panel(2), budget_microusd=10_000)
    judge = ScriptedJudge(most_microusd=MOST)
    drain_all(store, *[(run_id, judge)] * workers)
    run, spent = find_run(store, run_id), progress(store, run_id).cost_microusd
    assert run.status == "paused"
    assert 10_000 - MOST < spent <= 10_000
    assert spent == judge.paid_microusd
    dollars = f"{spent / 1e6:.6f}".rstrip("0")
    assert run.reason == (
        f"budget_reached: spent ${dollars} of $0.01; resume with a larger budget_usd"
    )
    with store.transaction() as connection:
        resume_run(connection, run_id, budget=NewBudget(1_000_000))
    drain_all(store, *[(run_id, judge)] * workers)
    assert find_run(store, run_id).status == "finished"
    assert count_labels(store, run_id) == 120
    assert len(judge.asked) == sum(judge.asked.values()) == 240
    assert progress(store, run_id).cost_microusd == judge.paid_microusd


def test_a_budget_given_to_a_run_that_is_worked_on_without_one_is_kept_from_then_on(
    store: Store,
) -> None:
    run_id = make_run(store, 200, panel=panel())
    slow = ScriptedJudge(most_microusd=MOST, seconds=0.6)

    async def work() -> None:
        draining = asyncio.create_task(drain(store, run_id, slow))
        while not slow.in_flight:
            await asyncio.sleep(0.01)
        with store.transaction() as connection:
            resume_run(connection, run_id, budget=NewBudget(16_000))
        assert await draining is True, "somebody else is to go on, who knows the budget"

    asyncio.run(work())
    quick = ScriptedJudge(most_microusd=MOST)
    drain_all(store, (run_id, quick))
    run, spent = find_run(store, run_id), progress(store, run_id).cost_microusd
    assert (run.status, (run.reason or "")[:14]) == ("paused", "budget_reached")
    assert 16_000 - MOST < spent <= 16_000
    assert spent == slow.paid_microusd + quick.paid_microusd


def test_a_budget_that_allows_no_call_pauses_the_run_before_the_first(store: Store) -> None:
    run_id = make_run(store, 5, panel=panel(), budget_microusd=MOST - 1)
    judge = ScriptedJudge(most_microusd=MOST)
    drain_all(store, (run_id, judge))
    assert not judge.asked
    assert find_run(store, run_id).reason == (
        "budget_reached: spent $0 of $0.000799; resume with a larger budget_usd"
    )


def test_nothing_stays_reserved_once_a_worker_has_left(store: Store) -> None:
    run_id = make_run(store, 400, panel=panel(), budget_microusd=1_000_000)
    judge = ScriptedJudge(most_microusd=MOST, seconds=0.1)

    async def work() -> None:
        draining = asyncio.create_task(drain(store, run_id, judge, should_stop=lambda: "hand over"))
        while not judge.in_flight:
            await asyncio.sleep(0.01)
        assert reserved(store) > 0
        assert await draining is True

    asyncio.run(work())
    assert 0 < progress(store, run_id).counts.given < 400
    assert reserved(store) == 0


def test_what_a_lease_reserved_is_others_once_it_ran_out(store: Store) -> None:
    run_id = make_run(store, 40, panel=panel(), budget_microusd=MOST)
    with store.transaction() as connection:
        shards.claim_shards(connection, run_id, lease="lse_dead", lease_seconds=60, limit=1)
        connection.execute(
            schema.shards.update()
            .where(schema.shards.c.lease == "lse_dead")
            .values(reserved_microusd=MOST, lease_expires_at=utc_now() - timedelta(seconds=1))
        )
    judge = ScriptedJudge(most_microusd=MOST)
    drain_all(store, (run_id, judge))
    assert judge.asked


def reserved(store: Store) -> int:
    with store.reading() as connection:
        rows = connection.execute(schema.shards.select()).all()
    return sum(row.reserved_microusd for row in rows)
