"""A run that stops early pays for nothing more, and nothing that was paid gets lost."""

import asyncio
from collections.abc import Iterator

import pytest

from grader.judges.limit import LocalRateLimiter
from grader.judges.llm import LLMJudge
from grader.judges.provider import OpenAIProvider
from grader.runs.steer import cancel_run, pause_run, resume_run
from grader.store import Store
from grader.testing import SimulatedProvider
from tests.runs.draining import (
    ScriptedJudge,
    count_labels,
    drain,
    find_run,
    make_run,
    panel,
    progress,
)

LADDER = panel(modes=("tools", "json_schema"))
IN_FLIGHT = 4
"""The server's limit: what else the pool of 16 has started waits in line for leave."""


@pytest.fixture
def provider() -> Iterator[SimulatedProvider]:
    with SimulatedProvider(answer="schema") as server:
        yield server


async def drain_at(provider: SimulatedProvider, store: Store, run_id: str) -> bool:
    """Drain a run by a judge that asks a server."""
    (spec,) = find_run(store, run_id).spec.panel.judges
    assert spec.kind == "llm"
    asking = OpenAIProvider(provider.base_url, "any-key", LocalRateLimiter(IN_FLIGHT))
    try:
        return await drain(store, run_id, LLMJudge(spec, asking, secret=store.secret))
    finally:
        await asking.close()


async def seen(provider: SimulatedProvider, calls: int) -> None:
    while await asyncio.to_thread(lambda: provider.stats()["received"]) < calls:
        await asyncio.sleep(0.01)


def pause(store: Store, run_id: str) -> None:
    with store.transaction() as connection:
        pause_run(connection, run_id)


def finish(provider: SimulatedProvider, store: Store, run_id: str) -> None:
    """Resume a run at a server that answers at once."""
    provider.behave(latency=0)
    with store.transaction() as connection:
        resume_run(connection, run_id)
    asyncio.run(drain_at(provider, store, run_id))
    assert find_run(store, run_id).status == "finished"


def test_a_paused_run_asks_nothing_that_still_waits_in_line(
    store: Store, provider: SimulatedProvider
) -> None:
    provider.behave(latency=1.5)
    run_id = make_run(store, 30, panel=LADDER)

    async def work() -> None:
        draining = asyncio.create_task(drain_at(provider, store, run_id))
        await seen(provider, IN_FLIGHT)
        pause(store, run_id)
        assert await draining is False

    asyncio.run(work())
    received = provider.stats()["received"]
    assert IN_FLIGHT <= received <= 2 * IN_FLIGHT
    assert find_run(store, run_id).status == "paused"
    assert progress(store, run_id).counts.given == received
    finish(provider, store, run_id)
    assert provider.stats()["received"] == 30


def test_a_refused_key_lets_nothing_start_that_still_waits_in_line(
    store: Store, provider: SimulatedProvider
) -> None:
    provider.behave(latency=1.5)
    provider.script(["unauthorized"])
    run_id = make_run(store, 30, panel=LADDER)

    asyncio.run(drain_at(provider, store, run_id))

    received = provider.stats()["received"]
    assert received <= 2 * IN_FLIGHT
    run = find_run(store, run_id)
    assert run.status == "paused"
    assert (run.reason or "").startswith("judge_unavailable")
    assert progress(store, run_id).counts.given == received - 1
    finish(provider, store, run_id)
    assert provider.stats()["received"] == 31


@pytest.mark.parametrize(
    "rejected",
    [
        pytest.param(1, id="during the re-ask"),
        pytest.param(2, id="during a later step of the ladder"),
        pytest.param(3, id="during the re-ask of a later step"),
    ],
)
def test_cancelling_between_the_calls_of_one_question_charges_those_that_were_made(
    store: Store, provider: SimulatedProvider, rejected: int
) -> None:
    provider.behave(latency=30)
    provider.script([{"answer": {"occurred": "perhaps"}, "latency": 0}] * rejected)
    run_id = make_run(store, 1, panel=LADDER)

    async def work() -> None:
        draining = asyncio.create_task(drain_at(provider, store, run_id))
        await seen(provider, rejected + 1)
        with store.transaction() as connection:
            cancel_run(connection, run_id)
        await draining

    asyncio.run(work())
    assert find_run(store, run_id).status == "cancelled"
    (paid,) = progress(store, run_id).paid
    assert (paid.calls, paid.given) == (rejected, 0)
    assert paid.cost_microusd == progress(store, run_id).cost_microusd > 0


def test_a_paused_run_whose_last_calls_land_is_finished(store: Store) -> None:
    run_id = make_run(store, 3, panel=panel())
    judge = ScriptedJudge(seconds=0.8)

    async def work() -> None:
        draining = asyncio.create_task(drain(store, run_id, judge))
        while judge.in_flight < 3:
            await asyncio.sleep(0.01)
        pause(store, run_id)
        await draining

    asyncio.run(work())
    assert find_run(store, run_id).status == "finished"
    assert progress(store, run_id).counts.pending == 0
    assert count_labels(store, run_id) == 3
