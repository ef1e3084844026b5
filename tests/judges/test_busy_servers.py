"""Slots and waits: how many calls a server gets at once, and what happens when it asks us to wait.

The limiter for one process is tested here; the one that workers share through Redis elsewhere.
"""

import asyncio
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest

from grader.domain.judgment import Judgment
from grader.errors import ProviderBusy, Unanswered
from grader.judges.limit import LocalRateLimiter
from grader.judges.limits.terms import Ending, Slot
from grader.judges.llm import LLMJudge
from grader.testing import SimulatedProvider
from tests.judges.asking import INVENTED, answers, question, spec_for, with_judge
from tests.judges.odd_server import OddServer
from tests.nouns import transcript

URL = "http://server/v1"
BUSY = {"error": {"message": "Rate limit reached.", "type": "requests", "code": None}}


class RecordingLimiter(LocalRateLimiter):
    """The real limiter, which also remembers what it was told."""

    def __init__(self, max_in_flight: int = 10) -> None:
        super().__init__(max_in_flight)
        self.in_use = 0
        self.most_in_use = 0
        self.holds: list[float] = []

    async def acquire(self, server: str, model: str = "", *, tokens: int = 0) -> Slot:
        slot = await super().acquire(server, model, tokens=tokens)
        self.in_use += 1
        self.most_in_use = max(self.most_in_use, self.in_use)
        return slot

    def release(self, slot: Slot, ended: Ending = "answered", **told: Any) -> Unanswered | None:
        self.in_use -= 1
        return super().release(slot, ended, **told)

    def hold(self, server: str, seconds: float) -> None:
        self.holds.append(seconds)
        super().hold(server, seconds)


# --- the limiter itself


def test_only_so_many_calls_run_at_once_and_each_server_has_its_own_slots() -> None:
    async def run() -> None:
        limiter = LocalRateLimiter(2)
        first = await limiter.acquire(URL)
        await limiter.acquire(URL)
        await limiter.acquire("http://other/v1")
        third = asyncio.create_task(limiter.acquire(URL))
        await asyncio.sleep(0.02)
        assert not third.done()
        limiter.release(first)
        await asyncio.wait_for(third, 5)

    asyncio.run(run())


def test_a_call_that_gives_up_waiting_takes_no_slot() -> None:
    async def run() -> None:
        limiter = LocalRateLimiter(1)
        first = await limiter.acquire(URL)
        waiting = asyncio.create_task(limiter.acquire(URL))
        await asyncio.sleep(0)
        limiter.release(first)
        waiting.cancel()
        limiter.hold(URL, 60)
        held = asyncio.create_task(limiter.acquire(URL))
        await asyncio.sleep(0.01)
        held.cancel()
        await asyncio.gather(waiting, held, return_exceptions=True)
        (server,) = limiter.state()
        assert (server.in_flight, server.waiting) == (0, 0)

    asyncio.run(run())


def test_a_hold_stops_calls_to_that_server_alone_and_the_longest_counts() -> None:
    async def run() -> None:
        limiter = LocalRateLimiter(5)
        started = time.monotonic()
        limiter.hold(URL, 0.2)
        limiter.hold(URL, 0.01)
        await limiter.acquire("http://other/v1")
        assert time.monotonic() - started < 0.2
        await limiter.acquire(URL)
        assert time.monotonic() - started >= 0.2

    asyncio.run(run())


def test_a_hold_also_stops_who_was_waiting_for_a_slot_already() -> None:
    async def run() -> float:
        limiter = LocalRateLimiter(1)
        first = await limiter.acquire(URL)
        waiting = asyncio.create_task(limiter.acquire(URL))
        await asyncio.sleep(0.01)
        started = time.monotonic()
        limiter.hold(URL, 0.2)
        limiter.release(first)
        await waiting
        return time.monotonic() - started

    assert asyncio.run(run()) >= 0.2


# --- a judge and a busy server


def ask_with(limiter: LocalRateLimiter, url: str, **how: Any) -> Judgment:
    spec = spec_for(url)
    return with_judge(
        spec, lambda judge: judge.judge(question(spec)), limiter=limiter, **{"tries": 1, **how}
    )


@pytest.mark.parametrize("kind", ["rate_limited", "unavailable"])
def test_who_is_asked_to_wait_longer_than_a_call_may_tells_the_caller_and_holds_the_server(
    provider: SimulatedProvider, kind: str
) -> None:
    provider.script([{"kind": kind, "retry_after_seconds": 3_600}])
    limiter = RecordingLimiter()

    with pytest.raises(ProviderBusy) as caught:
        ask_with(limiter, provider.base_url)

    assert caught.value.retry_after_seconds == 3_600
    assert (limiter.holds, limiter.in_use) == ([60.0], 0)
    assert provider.stats()["received"] == 1


def test_a_re_ask_that_comes_at_a_busy_time_leaves_the_first_answer_standing(
    provider: SimulatedProvider,
) -> None:
    provider.script(answers(INVENTED, {"kind": "rate_limited", "retry_after_seconds": 61}))

    found = ask_with(RecordingLimiter(), provider.base_url)

    assert (found.status, found.values) == ("given", {"occurred": True})
    assert not found.evidence[0].found
    assert found.attempts[1].outcome.startswith("the provider answered 429")


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({"retry-after-ms": "30", "retry-after": "7"}, 0.03),
        ({"retry-after": "0.05"}, 0.05),
        ({"retry-after": "-5"}, None),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "inf"}, None),
        ({"retry-after": "nan"}, None),
        ({}, None),
    ],
    ids=str,
)
def test_retry_after_is_read_in_every_form(headers: dict[str, str], expected: float | None) -> None:
    limiter = RecordingLimiter()

    with OddServer((429, BUSY, headers)) as server:
        found = ask_with(limiter, server.base_url)

    assert found.status == "given"
    (held,) = limiter.holds
    if expected is None:
        assert 0.0 < held < 0.1
    else:
        assert held == pytest.approx(expected)


def test_retry_after_may_be_a_date() -> None:
    limiter = RecordingLimiter()
    moment = format_datetime(datetime.now(UTC) + timedelta(hours=1), usegmt=True)

    with (
        OddServer((429, BUSY, {"retry-after": moment})) as server,
        pytest.raises(ProviderBusy) as caught,
    ):
        ask_with(limiter, server.base_url)

    assert caught.value.retry_after_seconds is not None
    assert 3_000 < caught.value.retry_after_seconds <= 3_600


def test_without_a_word_of_the_server_waits_grow_and_never_vanish() -> None:
    limiter = RecordingLimiter()

    with OddServer(*[(429, BUSY, {})] * 5) as server:
        ask_with(limiter, server.base_url)

    assert len(limiter.holds) == 5
    assert limiter.holds[4] > 4 * limiter.holds[0] > 0.02


def test_a_server_that_is_busy_for_ever_comes_to_an_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("grader.judges.provider.transport.MAX_WAIT_SECONDS", 0.1)
    limiter = RecordingLimiter()

    with OddServer(*[(429, BUSY, {"retry-after": "0"})] * 1_000) as server:
        with pytest.raises(ProviderBusy):
            ask_with(limiter, server.base_url, backoff_seconds=0.0)
        assert server.calls < 20

    assert limiter.in_use == 0


# --- many at once


def test_two_hundred_calls_in_flight_do_not_mix_up_their_transcripts(
    provider: SimulatedProvider,
) -> None:
    """Each transcript has a word of its own, which is the quote, the value and the re-ask."""

    def answer(request: dict[str, Any]) -> dict[str, Any]:
        shown = request["messages"][1]["content"]
        number = int(shown.split("codeword")[1].split()[0])
        is_first = len(request["messages"]) == 2
        # Every third judge first quotes its neighbour.
        wrong = number % 3 == 0 and is_first
        return {
            "explanation": f"about {number}",
            "evidence": [{"message": 1, "quote": f"codeword{number + wrong}"}],
            "occurred": number % 2 == 0,
        }

    provider.behave(answer=answer, latency="lognormal:0.1:0.8:3")
    spec = spec_for(provider)
    limiter = RecordingLimiter(200)

    async def ask_all(judge: LLMJudge) -> list[Judgment]:
        abouts = [
            transcript({"role": "user", "content": f"codeword{number} is the word"})
            for number in range(200)
        ]
        return await asyncio.gather(*(judge.judge(question(spec, about=about)) for about in abouts))

    found = with_judge(spec, ask_all, limiter=limiter)

    for number, one in enumerate(found):
        assert (one.status, one.values) == ("given", {"occurred": number % 2 == 0})
        assert one.explanation == f"about {number}"
        assert [(e.quote, e.found) for e in one.evidence] == [(f"codeword{number}", True)]
        assert len(one.attempts) == (2 if number % 3 == 0 else 1)
        assert all(f"codeword{number}" in str(a.raw_output) for a in one.attempts[-1:])
    assert provider.stats()["max_in_flight"] > 100
    assert 100 < limiter.most_in_use <= 200
    assert limiter.in_use == 0


def test_no_more_calls_are_made_at_once_than_there_are_slots(provider: SimulatedProvider) -> None:
    provider.behave(latency=0.02, max_in_flight=3)
    spec = spec_for(provider)

    async def ask_all(judge: LLMJudge) -> list[Judgment]:
        return await asyncio.gather(*(judge.judge(question(spec)) for _ in range(12)))

    found = with_judge(spec, ask_all, limiter=LocalRateLimiter(3))

    assert [one.status for one in found] == ["given"] * 12
    assert provider.stats()["rejected_429"] == 0
    assert provider.stats()["max_in_flight"] == 3


@pytest.mark.parametrize("kind", ["timeout", "rate_limited", "server_error"])
def test_a_call_that_is_cancelled_gives_its_slot_back(
    provider: SimulatedProvider, kind: str
) -> None:
    """In the middle of a call, while held, and in the pause after a fault."""
    provider.behave(fails={"kind": kind, "retry_after_seconds": 30}, timeout_seconds=30)
    spec = spec_for(provider)
    limiter = RecordingLimiter(1)

    async def cancel_one(judge: LLMJudge) -> None:
        task = asyncio.create_task(judge.judge(question(spec)))
        await until(lambda: provider.stats()["received"] == 1)
        await asyncio.sleep(0.05)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    with_judge(spec, cancel_one, limiter=limiter, tries=2, backoff_seconds=30)

    assert limiter.in_use == 0
    assert [server.in_flight for server in limiter.state()] == [0]
    assert provider.stats()["received"] == 1


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not await asyncio.to_thread(holds):
            await asyncio.sleep(0.01)
