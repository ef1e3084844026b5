"""The arithmetic of the limits, by a clock of the test's own."""

import asyncio

import pytest

from grader.judges.limit import URGENT, LocalRateLimiter
from grader.judges.limits.bucket import Bucket
from grader.judges.limits.concurrency import Concurrency
from grader.judges.limits.gate import FIRST_CALLS
from grader.judges.limits.outage import MOST_FAULTS, Outage
from grader.judges.limits.terms import HeardLimits, Slot, Window
from grader.testing.provider.limits import RequestAllowance, TokenAllowance

URL = "http://server/v1"


def made_in(bucket: Bucket, seconds: float, *, amount: float = 1.0, begin: float = 0.0) -> int:
    """Return how many calls the bucket lets through when they come as fast as it lets them."""
    now, made = begin, 0
    while now < begin + seconds:
        wait = bucket.wait_seconds(amount, now)
        if wait:
            now += wait
            continue
        bucket.take(amount, now)
        made += 1
    return made


# --- requests and tokens a minute


def test_what_nobody_limits_is_not_limited() -> None:
    assert Bucket(None).wait_seconds(1e9, 0.0) == 0


@pytest.mark.parametrize("burst", [3, 20, 100, 3_000])
def test_a_bucket_keeps_the_providers_full_and_is_not_refused(burst: int) -> None:
    """Whatever burst the provider allows, with answers that come half a second late."""
    provider = RequestAllowance(requests_per_minute=3_000, burst=burst)
    bucket = Bucket(None)
    first = provider.headers(0.0)
    window = Window(3_000, float(burst), float(first["x-ratelimit-remaining-requests"]))
    bucket.hear(window, age_seconds=0.5, unseen=0, now=0.0)
    now, made, refused = 0.0, 0, 0
    while now < 60:
        if wait := bucket.wait_seconds(1, now):
            now += wait
            continue
        bucket.take(1, now)
        if provider.wait_seconds(now):
            refused += 1
        else:
            provider.take(now)
            made += 1
    assert refused == 0
    assert made >= 0.98 * (3_000 + burst - max(5, 0.01 * burst) - 1)


def test_the_smaller_of_configured_and_heard_counts() -> None:
    bucket = Bucket(600)
    assert made_in(bucket, 60) == pytest.approx(600, rel=0.03)
    bucket.hear(Window(120), age_seconds=0, unseen=0, now=60.0)
    assert made_in(bucket, 60, begin=60.0) == pytest.approx(120, rel=0.03)
    bucket.hear(Window(9_000), age_seconds=0, unseen=0, now=120.0)
    assert made_in(bucket, 60, begin=120.0) == pytest.approx(600, rel=0.03)


def test_what_others_use_of_the_same_key_is_not_spent_again() -> None:
    bucket = Bucket(None)
    bucket.hear(Window(600, 600.0, 600.0), age_seconds=0, unseen=0, now=0.0)
    assert made_in(bucket, 0.001) > 500
    bucket = Bucket(None)
    bucket.hear(Window(600, 600.0, 600.0), age_seconds=0, unseen=0, now=0.0)
    bucket.hear(Window(600, 600.0, 20.0), age_seconds=0.5, unseen=0, now=0.0)
    assert made_in(bucket, 0.001) <= 25


def test_calls_under_way_when_a_limit_is_first_heard_are_counted() -> None:
    bucket = Bucket(None)
    bucket.hear(Window(60, 60.0, 40.0), age_seconds=0, unseen=30, now=0.0)
    assert made_in(bucket, 0.001) == 10


def test_a_refusal_stops_the_line_and_halves_the_bursts_for_a_while() -> None:
    bucket = Bucket(None)
    bucket.hear(Window(600, 100.0), age_seconds=0, unseen=0, now=0.0)
    bucket.refused(1, pause_seconds=5.0, now=0.0)
    assert bucket.wait_seconds(1, 0.0) == pytest.approx(5.0)
    assert 45 <= made_in(bucket, 0.001, begin=20.0) <= 100 - 1
    bucket.refused(1, pause_seconds=0.0, now=20.0)
    assert made_in(bucket, 0.001, begin=400.0) > 95, "and grown again"


def test_a_call_larger_than_the_bucket_goes_when_it_is_full_and_is_paid_off() -> None:
    bucket = Bucket(None)
    bucket.hear(Window(6_000, 1_000.0), age_seconds=0, unseen=0, now=0.0)
    assert bucket.wait_seconds(5_000, 0.0) == 0
    bucket.take(5_000, 0.0)
    assert bucket.wait_seconds(1, 0.0) == pytest.approx(40, rel=0.05)


def test_tokens_that_were_not_used_are_given_back() -> None:
    bucket = Bucket(None)
    bucket.hear(Window(6_000, 1_000.0), age_seconds=0, unseen=0, now=0.0)
    bucket.take(900, 0.0)
    assert bucket.wait_seconds(900, 0.0) > 1
    bucket.give_back(890, 0.0)
    assert bucket.wait_seconds(900, 0.0) == 0


def test_the_simulated_tokens_are_counted_and_refused() -> None:
    allowance = TokenAllowance(tokens_per_minute=600, burst=100)
    assert allowance.wait_seconds(0.0, 500) == 0, "the largest passes when the bucket is full"
    allowance.take(0.0, 500)
    assert allowance.wait_seconds(0.0, 50) == pytest.approx(45)
    assert allowance.headers(0.0) == {
        "x-ratelimit-limit-tokens": "600",
        "x-ratelimit-remaining-tokens": "0",
        "x-ratelimit-reset-tokens": "50000ms",
    }


# --- calls in flight


def test_trouble_cuts_the_calls_in_flight_once_a_second_and_successes_bring_them_back() -> None:
    found = Concurrency(200)
    found.cut(0.0)
    found.cut(0.5)
    assert found.limit == 140
    found.cut(1.0)
    assert found.limit == 98
    limits = []
    for tenth in range(80):
        found.grow(1.0 + tenth / 10)
        limits.append(found.limit)
    assert limits[10] < 105, "gently first"
    assert limits[-1] == 200, "and all of it in some seconds"


def test_a_long_silence_is_no_success() -> None:
    found = Concurrency(200)
    for second in range(20):
        found.cut(float(second))
    assert found.limit == 1
    found.grow(600.0)
    assert found.limit < 10


@pytest.mark.parametrize(("every", "expected"), [(50, 100), (2, 70)])
def test_a_fault_now_and_then_is_no_trouble_but_many_are(every: int, expected: int) -> None:
    async def run() -> int:
        limiter = LocalRateLimiter(100)
        for number in range(1, 101):
            slot = await limiter.acquire(URL)
            limiter.release(slot, "fault" if number % every == 0 else "answered")
        return limiter.state()[0].limit

    assert asyncio.run(run()) == pytest.approx(expected, abs=2)


def test_a_429_with_its_reason_leaves_the_calls_in_flight_alone() -> None:
    async def run() -> tuple[int, int]:
        limiter = LocalRateLimiter(100)
        reasoned = HeardLimits(requests=Window(600, 10.0, 0.0))
        limiter.release(await limiter.acquire(URL), "busy", heard=reasoned, pause_seconds=0.01)
        before = limiter.state()[0].limit
        limiter.release(await limiter.acquire(URL), "busy", pause_seconds=0.01)
        return before, limiter.state()[0].limit

    assert asyncio.run(run()) == (100, 70)


def test_a_model_that_never_answered_gets_a_few_calls_first() -> None:
    async def run() -> None:
        limiter = LocalRateLimiter(200)
        calls = [asyncio.create_task(limiter.acquire(URL, "new")) for _ in range(200)]
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        started = [call.result() for call in calls if call.done()]
        assert len(started) == FIRST_CALLS
        assert limiter.state()[0].models[0].waits_for == "first answer"
        limiter.release(started[0], "answered")
        slots: list[Slot] = await asyncio.gather(*calls)
        assert len(slots) == 200

    asyncio.run(run())


def test_a_model_that_waits_for_its_rations_does_not_hold_up_another() -> None:
    async def run() -> None:
        limiter = LocalRateLimiter(10)
        slot = await limiter.acquire(URL, "slow")
        heard = HeardLimits(requests=Window(1, 1.0, 0.0))
        limiter.release(slot, "answered", heard=heard)
        waiting = asyncio.create_task(limiter.acquire(URL, "slow"))
        await asyncio.sleep(0)
        await asyncio.wait_for(limiter.acquire(URL, "quick"), 5)
        slow = limiter.state()[0].models[0]
        assert (slow.model, slow.waiting, slow.waits_for) == ("slow", 1, "requests")
        assert slow.requests_per_minute == 1
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)

    asyncio.run(run())


def test_an_urgent_call_goes_before_those_that_wait() -> None:
    async def run() -> list[str]:
        limiter = LocalRateLimiter(1)
        first = await limiter.acquire(URL)
        order: list[str] = []

        async def call(name: str, *, is_urgent: bool) -> None:
            URGENT.set(is_urgent)
            slot = await limiter.acquire(URL, name[-1])
            order.append(name)
            limiter.release(slot)

        calls = [asyncio.create_task(call(f"bulk {n}", is_urgent=False)) for n in range(3)]
        await asyncio.sleep(0)
        calls += [asyncio.create_task(call(f"small {n}", is_urgent=True)) for n in range(2)]
        await asyncio.sleep(0)
        limiter.release(first)
        await asyncio.gather(*calls)
        return order

    assert asyncio.run(run()) == ["small 0", "small 1", "bulk 0", "bulk 1", "bulk 2"]


def test_what_calls_really_take_corrects_what_is_expected() -> None:
    async def run() -> float:
        limiter = LocalRateLimiter(10)
        for _ in range(60):
            limiter.release(await limiter.acquire(URL, tokens=100), "answered", tokens=300)
        return (await limiter.acquire(URL, tokens=100)).reserved_tokens

    assert asyncio.run(run()) == pytest.approx(300, rel=0.02)


# --- outages


def faults(outage: Outage, count: int, *, over_seconds: float = 10.0) -> None:
    for number in range(1, count + 1):
        now = over_seconds if number == count else 0.0
        assert not outage.fault("500", is_probe=False, now=now)


def test_a_server_that_fails_for_a_moment_is_not_out() -> None:
    outage = Outage(300)
    faults(outage, 20 * MOST_FAULTS, over_seconds=9.9)
    assert not outage.is_open
    assert not outage.fault("500", is_probe=False, now=10.0)
    assert outage.is_open


def test_a_success_between_keeps_the_circuit_closed() -> None:
    outage = Outage(300)
    faults(outage, MOST_FAULTS - 1)
    outage.succeed()
    faults(outage, MOST_FAULTS - 1)
    assert not outage.is_open


def test_an_open_circuit_lets_one_call_try_with_pauses_that_grow_to_half_a_minute() -> None:
    outage = Outage(300)
    faults(outage, MOST_FAULTS)
    now, pauses = 10.0, []
    seconds = 0.0
    while not seconds:
        pauses.append(outage.wait_seconds(now))
        now += pauses[-1]
        assert outage.start()
        assert outage.wait_seconds(now) == float("inf"), "one at a time"
        seconds = outage.fault("still 500", is_probe=True, now=now)
    assert pauses[:6] == [1, 2, 4, 8, 16, 30]
    assert max(pauses) == 30
    assert seconds == now == 300, "and the end is noticed when it is there"
    assert outage.wait_seconds(now) == 0, "who comes next tries at once"
    assert outage.start()
    outage.succeed()
    assert not outage.is_open


def test_a_call_that_tried_and_was_cancelled_makes_room_for_another() -> None:
    outage = Outage(300)
    faults(outage, MOST_FAULTS)
    assert outage.start()
    outage.give_up_probe()
    assert outage.wait_seconds(11.0) == 0
