"""A server that is out, a model that is not the one, a purse that is empty: questions stay open.

Nothing that was paid gets lost with them: the error that leaves a question open has its calls.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from grader.domain.judgment import Judgment
from grader.errors import BudgetReached, JudgeUnavailable, ProviderBusy
from grader.judges.limit import LocalRateLimiter
from grader.judges.limits import outage
from grader.judges.llm import LLMJudge
from grader.judges.purse import PURSE
from grader.testing import SimulatedProvider
from tests.judges.asking import PRICES, ask, question, spec_for, with_judge

Outcome = Judgment | BaseException


class CountingPurse:
    """So much money, and what was set aside and spent of it."""

    def __init__(self, microusd: int) -> None:
        self.left = microusd
        self.reserved: list[int] = []
        self.spent: list[int] = []

    def reserve(self, microusd: int) -> None:
        if microusd > self.left:
            raise BudgetReached(f"{self.left} left, {microusd} needed")
        self.left -= microusd
        self.reserved.append(microusd)

    def settle(self, reserved: int, spent: int) -> None:
        self.left += reserved - spent
        self.spent.append(spent)


def ask_many(
    provider: SimulatedProvider, count: int, *, limiter: LocalRateLimiter, tries: int = 4
) -> list[Outcome]:
    spec = spec_for(provider)

    async def ask_all(judge: LLMJudge) -> list[Outcome]:
        asked: list[Awaitable[Judgment]] = [judge.judge(question(spec)) for _ in range(count)]
        return await asyncio.gather(*asked, return_exceptions=True)

    work: Callable[[LLMJudge], Awaitable[list[Outcome]]] = ask_all
    return with_judge(spec, work, limiter=limiter, tries=tries)


def test_while_a_server_is_out_questions_are_put_back_with_their_calls_and_not_failed(
    provider: SimulatedProvider,
) -> None:
    provider.behave(fails="server_error")

    found = ask_many(provider, 20, limiter=LocalRateLimiter(20, outage_seconds=0.5))

    assert {type(each) for each in found} <= {ProviderBusy, JudgeUnavailable}
    gone = [each for each in found if isinstance(each, JudgeUnavailable)]
    assert gone, "and in the end the judge is given up"
    assert "has answered nothing but faults for 0.5" in str(gone[0])
    assert "the provider answered 500" in str(gone[0])
    attempts = sum(
        len(each.attempts) for each in found if isinstance(each, ProviderBusy | JudgeUnavailable)
    )
    assert attempts == provider.stats()["received"] < 80


def test_after_an_outage_all_questions_are_answered(
    provider: SimulatedProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outage, "PROBE_SECONDS", 0.05)
    provider.script(["server_error"] * 12)
    limiter = LocalRateLimiter(12)
    spec = spec_for(provider)

    async def ask_patiently(judge: LLMJudge) -> Judgment:
        while True:
            try:
                return await judge.judge(question(spec))
            except ProviderBusy:
                continue

    async def ask_all(judge: LLMJudge) -> list[Judgment]:
        return await asyncio.gather(*(ask_patiently(judge) for _ in range(12)))

    found = with_judge(spec, ask_all, limiter=limiter, tries=4)

    assert [each.status for each in found] == ["given"] * 12
    (server,) = limiter.state()
    assert (server.outage, server.in_flight, server.waiting) == (None, 0, 0)


def test_who_asks_after_the_judge_was_given_up_is_served_when_the_server_is_back(
    provider: SimulatedProvider,
) -> None:
    limiter = LocalRateLimiter(20, outage_seconds=0.05)
    provider.behave(fails="server_error")
    found = ask_many(provider, 20, limiter=limiter)
    assert any(isinstance(each, JudgeUnavailable) for each in found)
    provider.behave(fails=[])

    again = ask_many(provider, 20, limiter=limiter)

    assert [each.status for each in again if isinstance(each, Judgment)] == ["given"] * 20


def test_a_question_that_fails_while_others_succeed_is_a_failure(
    provider: SimulatedProvider,
) -> None:
    provider.behave(model="broken", fails="server_error")
    limiter = LocalRateLimiter(1)
    for _ in range(6):
        broken = spec_for(provider, model="broken")
        found = with_judge(
            broken, lambda judge, spec=broken: judge.judge(question(spec)), limiter=limiter, tries=4
        )
        assert (found.status, found.reason) == ("failed", "provider_error")
        sound = spec_for(provider)
        with_judge(sound, lambda judge, spec=sound: judge.judge(question(spec)), limiter=limiter)


def test_an_answer_of_another_snapshot_makes_the_judge_unavailable(
    provider: SimulatedProvider,
) -> None:
    provider.behave(served_model="model-2026-11-01")

    with pytest.raises(JudgeUnavailable, match="by model-2026-11-01, and only model-2026-01-01"):
        ask(provider, snapshot="model-2026-01-01")
    assert ask(provider, snapshot="model-2026-11-01").status == "given"


def test_the_call_that_showed_another_snapshot_is_told_with_its_cost(
    provider: SimulatedProvider,
) -> None:
    with pytest.raises(JudgeUnavailable) as caught:
        ask(provider, snapshot="another")
    (attempt,) = caught.value.attempts
    assert attempt.cost_microusd > 0
    assert attempt.outcome != "answered"


def test_calls_before_a_refused_key_are_told(provider: SimulatedProvider) -> None:
    with pytest.raises(JudgeUnavailable) as caught:
        ask(provider, ["malformed_json", "unauthorized"])
    assert [attempt.cost_microusd > 0 for attempt in caught.value.attempts] == [True, False]


# --- the purse


def ask_with_purse(provider: SimulatedProvider, purse: CountingPurse, **spec: Any) -> Judgment:
    judging = spec_for(provider, **spec)

    async def ask_one(judge: LLMJudge) -> Judgment:
        PURSE.set(purse)
        return await judge.judge(question(judging))

    return with_judge(judging, ask_one)


def test_the_most_a_call_can_cost_is_set_aside_and_what_it_cost_is_spent(
    provider: SimulatedProvider,
) -> None:
    purse = CountingPurse(10_000_000)

    found = ask_with_purse(provider, purse, max_output_tokens=1_000)

    assert purse.spent == [found.cost_microusd]
    (reserved,) = purse.reserved
    (attempt,) = found.attempts
    assert reserved > PRICES.output * 1_000 + PRICES.input * attempt.input_tokens
    assert purse.left == 10_000_000 - found.cost_microusd


@pytest.mark.parametrize("name", ["max_tokens", "max_completion_tokens"])
def test_a_longer_answer_that_parameters_allow_is_set_aside_whatever_its_name(
    provider: SimulatedProvider, name: str
) -> None:
    usual, longer = CountingPurse(10_000_000), CountingPurse(10_000_000)

    ask_with_purse(provider, usual, max_output_tokens=1_000)
    ask_with_purse(provider, longer, max_output_tokens=1_000, parameters={name: 50_000})

    assert usual.reserved[0] < PRICES.output * 50_000 <= longer.reserved[0]


def test_every_call_is_paid_for_alone_and_a_fault_costs_nothing(
    provider: SimulatedProvider,
) -> None:
    purse = CountingPurse(10_000_000)
    provider.script(["server_error", "malformed_json"])

    found = ask_with_purse(provider, purse)

    assert purse.spent == [attempt.cost_microusd for attempt in found.attempts]
    assert [spent > 0 for spent in purse.spent] == [False, True, True]


def test_an_empty_purse_leaves_the_question_open_without_a_call(
    provider: SimulatedProvider,
) -> None:
    purse = CountingPurse(10)
    with pytest.raises(BudgetReached) as caught:
        ask_with_purse(provider, purse)
    assert (caught.value.attempts, purse.left) == ((), 10)
    assert provider.stats()["received"] == 0


def test_a_judge_without_prices_asks_no_purse(provider: SimulatedProvider) -> None:
    purse = CountingPurse(0)
    assert ask_with_purse(provider, purse, prices=None).status == "given"


def test_a_call_that_is_cancelled_may_have_cost_all_that_was_set_aside(
    provider: SimulatedProvider,
) -> None:
    provider.behave(latency=30)
    purse = CountingPurse(10_000_000)
    spec = spec_for(provider)

    async def cancel(judge: LLMJudge) -> None:
        PURSE.set(purse)
        task = asyncio.create_task(judge.judge(question(spec)))
        while not await asyncio.to_thread(lambda: provider.stats()["received"]):
            await asyncio.sleep(0.01)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    with_judge(spec, cancel)

    assert purse.spent == purse.reserved
    assert len(purse.spent) == 1
