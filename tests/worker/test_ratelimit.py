"""Slots, requests and tokens of one server, shared by workers that only meet in Redis."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from redis import Redis as SyncRedis
from redis.asyncio import Redis

from grader.judges.limits.terms import HeardLimits, ModelLimits, ServerLimits, Slot, Window
from worker import ratelimit
from worker.limits_seen import find_limits
from worker.ratelimit import RedisRateLimiter

SERVER = "http://server/v1"


class Load:
    """Calls of one worker that hold a slot until they are let go."""

    def __init__(self, limiter: RedisRateLimiter) -> None:
        self.limiter = limiter
        self.running = 0
        self._go_on = asyncio.Event()
        self._calls: list[asyncio.Task[None]] = []

    def start(self, count: int) -> None:
        self._calls += [asyncio.create_task(self._call()) for _ in range(count)]

    async def _call(self) -> None:
        slot = await self.limiter.acquire(SERVER)
        self.running += 1
        try:
            await self._go_on.wait()
        finally:
            self.running -= 1
            self.limiter.release(slot)

    async def end(self) -> None:
        self._go_on.set()
        await asyncio.gather(*self._calls)

    async def cancel(self, count: int) -> None:
        for call in self._calls[:count]:
            call.cancel()
        await asyncio.gather(*self._calls[:count], return_exceptions=True)
        del self._calls[:count]


async def until(condition: Callable[[], bool], seconds: float = 8.0) -> None:
    async with asyncio.timeout(seconds):
        while not condition():
            await asyncio.sleep(0.02)


def run(redis_url: str, body: Callable[["Redis"], Awaitable[None]]) -> None:
    async def main() -> None:
        async with Redis.from_url(redis_url) as redis:
            await body(redis)

    asyncio.run(main())


def limiter(redis: "Redis", name: str, *, limit: int, **minute: float) -> RedisRateLimiter:
    return RedisRateLimiter(redis, worker=name, max_in_flight=limit, **minute)


def test_one_worker_gets_the_whole_limit_and_no_more(redis_url: str) -> None:
    async def body(redis: "Redis") -> None:
        async with limiter(redis, "a", limit=10) as one:
            load = Load(one)
            load.start(15)
            await until(lambda: load.running == 10)
            await asyncio.sleep(0.3)
            assert load.running == 10
            await load.end()

    run(redis_url, body)


def test_a_second_worker_gets_its_share_as_the_first_ones_calls_end(redis_url: str) -> None:
    async def body(redis: "Redis") -> None:
        async with limiter(redis, "a", limit=10) as one, limiter(redis, "b", limit=10) as two:
            first, second = Load(one), Load(two)
            first.start(30)
            await until(lambda: first.running == 10)
            second.start(30)
            await asyncio.sleep(0.4)
            assert (first.running, second.running) == (10, 0), "never above the limit together"
            await first.cancel(10)
            await until(lambda: second.running == 5)
            assert first.running == 5
            await first.end()
            await second.end()

    run(redis_url, body)


def test_slots_that_one_worker_does_not_want_go_to_the_other(redis_url: str) -> None:
    async def body(redis: "Redis") -> None:
        async with limiter(redis, "a", limit=10) as one, limiter(redis, "b", limit=10) as two:
            first, second = Load(one), Load(two)
            first.start(2)
            await until(lambda: first.running == 2)
            second.start(30)
            await until(lambda: second.running == 8)
            await first.end()
            await second.end()

    run(redis_url, body)


def test_slots_of_a_worker_that_died_come_back(
    redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ratelimit, "_EXPIRY_MILLISECONDS", 500)

    async def body(redis: "Redis") -> None:
        dead = limiter(redis, "dead", limit=4)
        async with dead:
            load = Load(dead)
            load.start(4)
            await until(lambda: load.running == 4)
            assert dead._refreshing is not None
            dead._refreshing.cancel()
            async with limiter(redis, "alive", limit=4) as alive:
                other = Load(alive)
                other.start(4)
                await until(lambda: other.running == 4)
                await other.end()
            await load.end()

    run(redis_url, body)


def test_a_server_that_asks_to_wait_is_waited_for_by_every_worker(redis_url: str) -> None:
    async def body(redis: "Redis") -> None:
        clock = asyncio.get_running_loop().time
        async with limiter(redis, "a", limit=10) as one, limiter(redis, "b", limit=10) as two:
            first, second = Load(one), Load(two)
            first.start(1)
            second.start(1)
            await until(lambda: first.running == 1 and second.running == 1)
            held_at = clock()
            one.hold(SERVER, 1.0)
            await asyncio.sleep(0.4)
            second.start(3)
            await until(lambda: second.running == 4)
            assert clock() - held_at >= 0.9
            await first.end()
            await second.end()

    run(redis_url, body)


def test_a_flushed_redis_takes_no_slot_away(redis_url: str) -> None:
    async def body(redis: "Redis") -> None:
        async with limiter(redis, "a", limit=5) as one, limiter(redis, "b", limit=5) as two:
            first, second = Load(one), Load(two)
            first.start(5)
            await until(lambda: first.running == 5)
            await redis.flushall()
            await asyncio.sleep(1.3)
            second.start(5)
            await asyncio.sleep(0.4)
            assert (first.running, second.running) == (5, 0)
            await first.end()
            await until(lambda: second.running == 5)
            await second.end()

    run(redis_url, body)


# --- requests and tokens a minute


class Stream:
    """A worker that makes calls without end which are over at once."""

    def __init__(
        self,
        limiter: RedisRateLimiter,
        *,
        tokens: int = 0,
        heard: HeardLimits | None = None,
    ) -> None:
        self.limiter = limiter
        self.moments: list[float] = []
        self._tokens = tokens
        self._heard = heard or HeardLimits()
        self._calls: list[asyncio.Task[None]] = []

    def start(self, count: int = 10) -> None:
        self._calls = [asyncio.create_task(self._make_calls()) for _ in range(count)]

    async def _make_calls(self) -> None:
        while True:
            slot = await self.limiter.acquire(SERVER, "m", tokens=self._tokens)
            self.moments.append(asyncio.get_running_loop().time())
            self.limiter.release(slot, "answered", tokens=self._tokens or None, heard=self._heard)
            await asyncio.sleep(0)

    async def stop(self) -> None:
        for call in self._calls:
            call.cancel()
        await asyncio.gather(*self._calls, return_exceptions=True)


def most_in(moments: list[float], seconds: float) -> int:
    """Return the most calls that began within any so many seconds."""
    ordered = sorted(moments)
    return max(
        sum(begin <= moment < begin + seconds for moment in ordered[number:])
        for number, begin in enumerate(ordered)
    )


def test_two_workers_together_make_no_more_calls_a_minute_than_configured(redis_url: str) -> None:
    async def body(redis: "Redis") -> None:
        per_minute = {"requests_per_minute": 1_200.0}
        async with (
            limiter(redis, "a", limit=50, **per_minute) as one,
            limiter(redis, "b", limit=50, **per_minute) as two,
        ):
            first, second = Stream(one), Stream(two)
            first.start()
            second.start()
            await until(lambda: len(first.moments) + len(second.moments) >= 70)
            await first.stop()
            await second.stop()
            # A second's worth at once, and the pace; some calls were granted to come late.
            assert most_in(first.moments + second.moments, 1.0) <= 20 + 20 + 5
            assert min(len(first.moments), len(second.moments)) >= 15, "each has its share"

    run(redis_url, body)


def test_a_limit_that_one_worker_heard_is_kept_by_the_other_and_by_the_next_run(
    redis_url: str,
) -> None:
    heard = HeardLimits(Window(1_200, 2.0, 1.0))

    async def body(redis: "Redis") -> None:
        async with limiter(redis, "a", limit=50) as one:
            slot = await one.acquire(SERVER, "m")
            one.release(slot, "answered", heard=heard)
        async with limiter(redis, "b", limit=50) as two:
            first = await two.acquire(SERVER, "m")
            two.release(first)
            await until(lambda: two.state()[0].models[0].requests_per_minute == 1_200)
            other = Stream(two)
            other.start()
            await until(lambda: len(other.moments) >= 20)
            await other.stop()
            assert most_in(other.moments[3:], 0.5) <= 10 + 8

    run(redis_url, body)


def test_tokens_are_shared_and_what_was_not_used_comes_back(redis_url: str) -> None:
    async def body(redis: "Redis") -> None:
        per_minute = {"tokens_per_minute": 60_000.0}
        async with (
            limiter(redis, "a", limit=50, **per_minute) as one,
            limiter(redis, "b", limit=50, **per_minute) as two,
        ):
            first, second = Stream(one, tokens=100), Stream(two, tokens=100)
            first.start()
            second.start()
            await until(lambda: len(first.moments) + len(second.moments) >= 40)
            await first.stop()
            await second.stop()
            assert most_in(first.moments + second.moments, 1.0) <= 10 + 10 + 5
            assert min(len(first.moments), len(second.moments)) >= 8

    run(redis_url, body)


def test_one_workers_trouble_cuts_the_calls_of_all_and_success_brings_them_back(
    redis_url: str,
) -> None:
    async def body(redis: "Redis") -> None:
        async with limiter(redis, "a", limit=100) as one, limiter(redis, "b", limit=100) as two:
            slots: list[Slot] = [await one.acquire(SERVER, "m") for _ in range(2)]
            other = await two.acquire(SERVER, "m")
            one.release(slots[0], "busy", pause_seconds=0.05)
            await until(lambda: one.state()[0].limit == 70)
            await until(lambda: two.state()[0].limit == 70)
            two.release(other)
            stream = Stream(two)
            stream.start(2)
            await until(lambda: two.state()[0].limit > 75)
            await stream.stop()
            one.release(slots[1])

    run(redis_url, body)


def test_what_all_workers_wait_for_can_be_seen_until_they_are_gone(redis_url: str) -> None:
    async def body(redis: "Redis") -> None:
        async with limiter(redis, "a", limit=2) as one, limiter(redis, "b", limit=2) as two:
            first, second = Load(one), Load(two)
            first.start(3)
            await until(lambda: first.running == 2)
            second.start(4)
            await until(lambda: len(seen()) == 1 and seen()[0].workers == 2)
            await until(lambda: seen()[0].waiting == 5)
            model = ModelLimits("", 2, 5, "slots", None, None)
            assert seen() == [ServerLimits(SERVER, 2, 2, 5, 0.0, None, 2, (model,))]
            one.hold(SERVER, 30)
            await until(lambda: seen()[0].held_seconds > 25)
            await first.cancel(3)
            await second.cancel(4)
        assert seen() == []

    def seen() -> list[ServerLimits]:
        with SyncRedis.from_url(redis_url) as client:
            return find_limits(client)

    run(redis_url, body)
