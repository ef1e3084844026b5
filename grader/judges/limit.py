"""Rate limits: how many calls a server takes at once and in a minute, and when it asks us to wait.

The protocol, and the limiter for one process. `worker/ratelimit.py` has the one that all workers
share through Redis; both are made of the parts in `limits/`.
"""

import asyncio
import time
from contextvars import ContextVar
from typing import Any, Protocol

from grader.errors import Unanswered
from grader.judges.limits.bucket import Bucket
from grader.judges.limits.concurrency import Concurrency
from grader.judges.limits.gate import Gate, Lane
from grader.judges.limits.terms import UNHEARD, Ending, HeardLimits, ServerLimits, Slot

URGENT: ContextVar[bool] = ContextVar("urgent", default=False)
"""Whether calls go to the front of this process's line; set where a small run is worked on."""

IN_LINE: ContextVar[set["asyncio.Task[Any]"] | None] = ContextVar("in_line", default=None)
"""Where tasks that wait for leave enter themselves, so that their owner may call them off."""

OUTAGE_SECONDS = 300.0


class RateLimiter(Protocol):
    """Gives leave for calls to a server's models."""

    async def acquire(self, server: str, model: str = "", *, tokens: int = 0) -> Slot:
        """Wait until a call may be made that takes about so many tokens.

        Raises:
            JudgeUnavailable: the server has answered nothing but faults for too long.
        """

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
        """Take a call off: how it ended, what it took, what the server said of its limits.

        `pause_seconds` is what a busy server asked for, `told` a fault in its words. Returns what
        to raise instead of trying a fault again: the server is out, for now or for too long.
        """

    def hold(self, server: str, seconds: float) -> None:
        """Let no new call to this server start for so many seconds."""

    def state(self) -> tuple[ServerLimits, ...]:
        """Return how it stands with each server, as far as this process is concerned."""


class LocalRateLimiter:
    """The limits of one process that has its servers to itself; belongs to one event loop."""

    def __init__(
        self,
        max_in_flight: int,
        *,
        requests_per_minute: float | None = None,
        tokens_per_minute: float | None = None,
        outage_seconds: float = OUTAGE_SECONDS,
    ) -> None:
        self._max_in_flight = max_in_flight
        self._requests_per_minute = requests_per_minute
        self._tokens_per_minute = tokens_per_minute
        self._outage_seconds = outage_seconds
        self._gates: dict[str, Gate] = {}
        self._concurrency: dict[str, Concurrency] = {}

    async def acquire(self, server: str, model: str = "", *, tokens: int = 0) -> Slot:
        gate = self._gate(server)
        slot = gate.try_start(model, tokens)
        if slot is None:
            slot = await gate.stand_in_line(model, tokens, is_urgent=URGENT.get())
        return slot

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
        gate = self._gates[slot.server]
        return gate.end(
            slot, ended, tokens=tokens, heard=heard, pause_seconds=pause_seconds, told=told
        )

    def hold(self, server: str, seconds: float) -> None:
        self._gate(server).hold(seconds)

    def state(self) -> tuple[ServerLimits, ...]:
        return tuple(
            gate.state(limit=self._concurrency[server].limit)
            for server, gate in self._gates.items()
        )

    def _gate(self, server: str) -> Gate:
        gate = self._gates.get(server)
        if gate is None:
            concurrency = self._concurrency[server] = Concurrency(self._max_in_flight)
            gate = self._gates[server] = Gate(
                server,
                room=lambda: concurrency.limit,
                succeeded=lambda: concurrency.grow(time.monotonic()),
                overloaded=lambda: concurrency.cut(time.monotonic()),
                busy=lambda seconds: self.hold(server, seconds),
                build_lane=self._build_lane,
                outage_seconds=self._outage_seconds,
            )
        return gate

    def _build_lane(self, model: str) -> Lane:
        return Lane(model, Bucket(self._requests_per_minute), Bucket(self._tokens_per_minute))
