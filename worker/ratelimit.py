"""How many calls a server gets from all workers of all machines together, at once and in a minute.

Each worker draws slots, and rations of requests and tokens for each model, from Redis a handful of
times a second and hands them to its calls without asking Redis again. What is drawn never adds up
to more than the limits; a worker that has more slots than its share gives them back as its calls
end, once others want more. What a worker that died had drawn is free again after a few seconds.
What a server said of its limits is remembered for a day. Without Redis everyone goes on with the
slots they have and at their share of the pace they knew.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import ceil
from typing import Any, cast

import orjson
from redis.asyncio import Redis
from redis.exceptions import NoScriptError, RedisError

from grader.errors import Unanswered
from grader.judges.limit import OUTAGE_SECONDS, URGENT
from grader.judges.limits.gate import FIRST_CALLS, Gate, Lane
from grader.judges.limits.terms import UNHEARD, Ending, HeardLimits, ServerLimits, Slot
from worker.limits_seen import SEEN_KEY, SEEN_SECONDS, seen_key
from worker.rate_blocks import Balance, Block, Moments
from worker.rate_scripts import RATION, SLOTS

log = logging.getLogger(__name__)

_REFRESH_SECONDS = 0.1
_LEAST_REFRESH_SECONDS = 0.025
_IDLE_REFRESH_SECONDS = 1.0
_EXPIRY_MILLISECONDS = 5_000
_NEXT_SECONDS = 0.5


@dataclass(slots=True, eq=False)
class _Server:
    """One server, and what this worker holds of its slots."""

    url: str
    gate: Gate
    granted: int
    limit: int
    workers: int = 1
    may_get_more: bool = True
    hold_to_tell: float = 0.0
    had_trouble: bool = False
    had_success: bool = False
    refreshed_at: float = 0.0


@dataclass(frozen=True, slots=True)
class _Step:
    """One call of a script."""

    script: str
    keys: Sequence[str]
    arguments: Sequence[Any]
    take: Callable[[list[Any]], None]
    miss: Callable[[], None]


class RedisRateLimiter:
    """Limits shared through Redis; belongs to one event loop, and works while it is entered."""

    def __init__(
        self,
        redis: "Redis",
        *,
        worker: str,
        max_in_flight: int,
        requests_per_minute: float | None = None,
        tokens_per_minute: float | None = None,
        outage_seconds: float = OUTAGE_SECONDS,
    ) -> None:
        self._redis = redis
        self._worker = worker
        self._max_in_flight = max_in_flight
        self._requests_per_minute = requests_per_minute
        self._tokens_per_minute = tokens_per_minute
        self._outage_seconds = outage_seconds
        self._servers: dict[str, _Server] = {}
        self._hashes: dict[str, str] = {}
        self._wake = asyncio.Event()
        self._refreshing: asyncio.Task[None] | None = None
        self._shown_at = 0.0
        self._is_over = False

    async def __aenter__(self) -> "RedisRateLimiter":
        self._is_over = False
        self._refreshing = asyncio.create_task(self._refresh_often())
        return self

    async def __aexit__(self, *_: object) -> None:
        """Stop, and give back what is not in use."""
        assert self._refreshing is not None
        # Not cancelled: a client of Redis in the middle of a command may swallow that.
        self._is_over = True
        self._wake.set()
        await asyncio.gather(self._refreshing, return_exceptions=True)
        await self._refresh(list(self._servers.values()))
        try:
            await self._redis.delete(seen_key(self._worker))
        except (RedisError, OSError) as error:
            log.warning("limits_not_shared", extra={"error": str(error)})

    async def acquire(self, server: str, model: str = "", *, tokens: int = 0) -> Slot:
        found = self._servers.get(server) or self._add(server)
        slot = found.gate.try_start(model, tokens)
        if slot is not None:
            return slot
        if found.may_get_more:
            self._wake.set()
        return await found.gate.stand_in_line(model, tokens, is_urgent=URGENT.get())

    def release(
        self,
        slot: Slot,
        ended: Ending = "answered",
        *,
        tokens: int | None = None,
        heard: HeardLimits = UNHEARD,
        pause_seconds: float = 0.0,
        told: str = "",
    ) -> Unanswered | None:
        server = self._servers[slot.server]
        lane = server.gate.lanes[slot.model]
        was_known = lane.has_answered and lane.requests.known.per_minute is not None
        meaning = server.gate.end(
            slot, ended, tokens=tokens, heard=heard, pause_seconds=pause_seconds, told=told
        )
        if not was_known and server.gate.waiting:
            server.may_get_more = True
            self._wake.set()
        return meaning

    def hold(self, server: str, seconds: float) -> None:
        found = self._servers.get(server) or self._add(server)
        found.hold_to_tell = max(found.hold_to_tell, seconds)
        found.gate.hold(seconds)
        self._wake.set()

    def state(self) -> tuple[ServerLimits, ...]:
        return tuple(server.gate.state(limit=server.limit) for server in self._servers.values())

    def _add(self, url: str) -> _Server:
        def overloaded() -> None:
            server.had_trouble = True
            self._wake.set()

        def succeeded() -> None:
            server.had_success = True

        def build_lane(model: str) -> Lane:
            return Lane(
                model,
                Moments(self._requests_per_minute),
                Balance(self._tokens_per_minute),
                most_first_calls=max(1, FIRST_CALLS // server.workers),
            )

        gate = Gate(
            url,
            room=lambda: server.granted,
            succeeded=succeeded,
            overloaded=overloaded,
            busy=lambda seconds: self.hold(url, seconds),
            build_lane=build_lane,
            outage_seconds=self._outage_seconds,
        )
        server = self._servers[url] = _Server(url, gate, granted=0, limit=self._max_in_flight)
        return server

    async def _refresh_often(self) -> None:
        while not self._is_over:
            self._wake.clear()
            now = time.monotonic()
            due = [
                server
                for server in self._servers.values()
                if server.gate.waiting
                or server.hold_to_tell
                or server.had_trouble
                or now - server.refreshed_at >= _IDLE_REFRESH_SECONDS
            ]
            if due:
                await self._refresh(due)
            await self._show(now)
            if self._is_over:
                return
            await asyncio.sleep(_LEAST_REFRESH_SECONDS)
            try:
                async with asyncio.timeout(_REFRESH_SECONDS - _LEAST_REFRESH_SECONDS):
                    await self._wake.wait()
            except TimeoutError:
                continue

    async def _refresh(self, servers: list[_Server]) -> None:
        """Tell Redis the news of these servers, and draw what their calls need."""
        now = time.monotonic()
        steps: list[_Step] = []
        for server in servers:
            # An idle one also asks for what others heard.
            is_idle = now - server.refreshed_at >= _IDLE_REFRESH_SECONDS
            steps.append(self._slots(server, now))
            for lane in server.gate.lanes.values():
                for kind in ("requests", "tokens"):
                    step = self._ration(server, lane, kind, now, is_idle=is_idle)
                    steps += [step] if step is not None else []
            server.refreshed_at = now
        try:
            answers = await self._run(steps)
        except (RedisError, OSError) as error:
            log.warning("limits_not_shared", extra={"error": str(error)})
            answers = [None] * len(steps)
        for step, answer in zip(steps, answers, strict=True):
            if isinstance(answer, list):
                step.take(answer)
            else:
                step.miss()
        for server in servers:
            server.gate.let_in()

    def _slots(self, server: _Server, now: float) -> _Step:
        gate = server.gate
        wanted = gate.in_flight + sum(_next_calls(lane, now) for lane in gate.lanes.values())
        wanted = min(self._max_in_flight, wanted)
        arguments = (
            self._worker,
            wanted,
            gate.in_flight,
            self._max_in_flight,
            _EXPIRY_MILLISECONDS,
            int(server.hold_to_tell * 1000),
            int(server.had_trouble),
            int(server.had_success),
        )
        told = server.hold_to_tell, server.had_trouble, server.had_success
        server.hold_to_tell, server.had_trouble, server.had_success = 0.0, False, False

        def take(answer: list[Any]) -> None:
            server.granted, hold, server.limit, server.workers = map(int, answer)
            server.may_get_more = wanted <= server.granted < server.limit
            for lane in gate.lanes.values():
                lane.most_first_calls = max(1, FIRST_CALLS // server.workers)
            if hold:
                gate.held_until = max(gate.held_until, time.monotonic() + hold / 1000)

        def miss() -> None:
            server.hold_to_tell, server.had_trouble, server.had_success = told

        parts = ("held", "wanted", "seen", "hold", "limit")
        keys = [f"grader:slots:{{{server.url}}}:{part}" for part in parts]
        return _Step(SLOTS, keys, arguments, take, miss)

    def _ration(
        self, server: _Server, lane: Lane, kind: str, now: float, *, is_idle: bool
    ) -> _Step | None:
        block = cast(Block, lane.requests if kind == "requests" else lane.tokens)
        calls = min(lane.waiting, max(1, server.granted))
        wanted = block.wanted(calls, lane.wanted_tokens(calls), in_stock=float(calls > 0), now=now)
        if not (wanted or is_idle or block.has_news()):
            return None
        arguments = block.draw(wanted, now, has_answered=lane.has_answered)

        def take(answer: list[Any]) -> None:
            was_unknown = block.known.per_minute is None
            has_answered = block.fill(answer, time.monotonic())
            lane.has_answered = lane.has_answered or has_answered
            server.may_get_more |= block.is_full
            if was_unknown and block.known.per_minute is not None:
                self._wake.set()

        def miss() -> None:
            block.go_on_alone(wanted, time.monotonic())

        name = f"grader:rate:{{{server.url}}}:{lane.model}:{kind}"
        keys = [name, f"{name}:wanted", f"{name}:granted"]
        return _Step(RATION, keys, (self._worker, *arguments), take, miss)

    async def _run(self, steps: list[_Step]) -> list[Any]:
        """Run the scripts in one round trip, and once more where Redis did not know them yet."""
        for is_second in (False, True):
            if is_second or not self._hashes:
                for script in (SLOTS, RATION):
                    self._hashes[script] = await self._redis.script_load(script)
            pipeline = self._redis.pipeline(transaction=False)
            for step in steps:
                keys, given = step.keys, step.arguments
                pipeline.evalsha(self._hashes[step.script], len(keys), *keys, *given)
            answers = await pipeline.execute(raise_on_error=False)
            if not any(isinstance(answer, NoScriptError) for answer in answers):
                break
        for answer in answers:
            if isinstance(answer, Exception):
                log.warning("limits_not_shared", extra={"error": str(answer)})
        return answers

    async def _show(self, now: float) -> None:
        """Let others see how it stands here; see `worker.limits_seen`."""
        if now - self._shown_at < _IDLE_REFRESH_SECONDS or not self._servers:
            return
        self._shown_at = now
        try:
            pipeline = self._redis.pipeline(transaction=False)
            pipeline.set(seen_key(self._worker), orjson.dumps(self.state()), ex=SEEN_SECONDS)
            pipeline.sadd(SEEN_KEY, self._worker)
            await pipeline.execute()
        except (RedisError, OSError) as error:
            log.warning("limits_not_shown", extra={"error": str(error)})


def _next_calls(lane: Lane, now: float) -> int:
    """Return how many calls of a lane could use a slot soon; more are left to others."""
    calls = lane.waiting
    if not lane.has_answered:
        calls = min(calls, max(0, lane.most_first_calls - lane.in_flight))
    pace = lane.requests.known.pace(now)
    if pace is not None:
        calls = min(calls, max(1, ceil(pace.per_second * _NEXT_SECONDS), int(pace.capacity)))
    return calls
