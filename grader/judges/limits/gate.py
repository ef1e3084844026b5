"""The gate to one server: which calls of this process run, which wait, and for what.

It decides when a call may start and who is next; how much there is to give out it asks of others:
`room` for calls in flight, a ration of requests and one of tokens for each model. Urgent calls go
first, then whoever came first; a model that waits for its rations does not hold up another one.
Belongs to one event loop.
"""

import asyncio
import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from math import inf

from grader.errors import JudgeUnavailable, ProviderBusy, Unanswered
from grader.judges.limits.bucket import Ration
from grader.judges.limits.concurrency import FaultShare
from grader.judges.limits.outage import Outage
from grader.judges.limits.terms import (
    UNHEARD,
    Ending,
    HeardLimits,
    ModelLimits,
    Obstacle,
    ServerLimits,
    Slot,
)

FIRST_CALLS = 25
"""How many calls are made at once to a model that has never answered."""

_CORRECTION_WEIGHT = 0.1
_LEAST_ALARM_SECONDS = 0.001


@dataclass(slots=True, eq=False)
class _Waiter:
    number: int
    tokens: int
    leave: asyncio.Future[Slot]


@dataclass(slots=True, eq=False)
class Lane:
    """The calls to one model."""

    model: str
    requests: Ration
    tokens: Ration
    most_first_calls: int = FIRST_CALLS
    has_answered: bool = False
    in_flight: int = 0
    started: int = 0
    correction: float = 0.0
    """How many tokens more a call takes than was expected of it, on average of late."""
    urgent: deque[_Waiter] = field(default_factory=deque)
    patient: deque[_Waiter] = field(default_factory=deque)

    @property
    def waiting(self) -> int:
        return len(self.urgent) + len(self.patient)

    def next(self) -> _Waiter | None:
        line = self.urgent or self.patient
        return line[0] if line else None

    def pop(self) -> None:
        (self.urgent or self.patient).popleft()

    def rank(self) -> tuple[bool, int]:
        line = self.urgent or self.patient
        return (not self.urgent, line[0].number if line else 0)

    def reserve(self, tokens: int) -> float:
        """Return how many tokens to set aside for a call of which so many are expected."""
        return max(1.0, tokens + self.correction)

    def wanted_tokens(self, calls: int) -> float:
        """Return what the next calls of the line need."""
        wanted = 0.0
        for line in (self.urgent, self.patient):
            for waiter in line:
                if calls <= 0:
                    return wanted
                wanted += self.reserve(waiter.tokens)
                calls -= 1
        return wanted


class Gate:
    """One server's calls."""

    def __init__(
        self,
        server: str,
        *,
        room: Callable[[], int],
        succeeded: Callable[[], None],
        overloaded: Callable[[], None],
        busy: Callable[[float], None],
        build_lane: Callable[[str], Lane],
        outage_seconds: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.server = server
        self.lanes: dict[str, Lane] = {}
        self.in_flight = 0
        self.held_until = -inf
        self.outage = Outage(outage_seconds)
        self._room = room
        self._succeeded = succeeded
        self._overloaded = overloaded
        self._busy = busy
        self._build_lane = build_lane
        self._clock = clock
        self._faults = FaultShare()
        self._count = 0
        self._alarm: asyncio.TimerHandle | None = None

    @property
    def waiting(self) -> int:
        return sum(lane.waiting for lane in self.lanes.values())

    def lane(self, model: str) -> Lane:
        found = self.lanes.get(model)
        if found is None:
            found = self.lanes[model] = self._build_lane(model)
        return found

    def try_start(self, model: str, tokens: int) -> Slot | None:
        """Return leave for a call that may be made at once, or None: it has to stand in line."""
        lane = self.lane(model)
        now = self._clock()
        if lane.waiting or self._obstacle(lane, tokens, now)[0]:
            return None
        return self._start(lane, tokens, now)

    async def stand_in_line(self, model: str, tokens: int, *, is_urgent: bool) -> Slot:
        """Wait until a call may be made; raises JudgeUnavailable when the server has been out."""
        lane = self.lane(model)
        self._count += 1
        leave: asyncio.Future[Slot] = asyncio.get_running_loop().create_future()
        waiter = _Waiter(self._count, tokens, leave)
        (lane.urgent if is_urgent else lane.patient).append(waiter)
        self.let_in()
        try:
            return await leave
        except asyncio.CancelledError:
            if leave.done() and not leave.cancelled() and leave.exception() is None:
                self.end(leave.result(), "cancelled")
            else:
                self._leave_line(lane, waiter)
            raise

    def end(
        self,
        slot: Slot,
        ended: Ending,
        *,
        tokens: int | None = None,
        heard: HeardLimits = UNHEARD,
        pause_seconds: float = 0.0,
        told: str = "",
    ) -> Unanswered | None:
        """Take one call off, and what it taught.

        Returns what its fault means for the question, where that is more than one call's fault:
        ProviderBusy while the server is out, JudgeUnavailable when it has been for too long.
        """
        now = self._clock()
        lane = self.lanes[slot.model]
        is_reasoned = self._hear(lane, slot, heard, now)
        meaning: Unanswered | None = None
        if self._faults.note(is_fault=ended == "fault"):
            self._overloaded()
        match ended:
            case "answered":
                lane.has_answered = True
                self.outage.succeed()
                self._succeeded()
                used = slot.reserved_tokens if tokens is None else float(tokens)
                lane.tokens.give_back(slot.reserved_tokens - used, now)
                if tokens is not None:
                    beyond = used - slot.expected_tokens - lane.correction
                    lane.correction += _CORRECTION_WEIGHT * beyond
            case "busy":
                self.outage.succeed()
                lane.tokens.give_back(slot.reserved_tokens, now)
                if is_reasoned:
                    self._push_back(lane, slot, heard, pause_seconds, now)
                else:
                    self._overloaded()
                    self._busy(pause_seconds)
            case "fault":
                seconds = self.outage.fault(told, is_probe=slot.is_probe, now=now)
                if seconds:
                    meaning = self._send_away(seconds)
                elif self.outage.is_open:
                    meaning = ProviderBusy(f"{self.server} answers nothing but faults: {told}")
            case "cancelled":
                if slot.is_probe:
                    self.outage.give_up_probe()
        lane.in_flight -= 1
        self.in_flight -= 1
        self.let_in()
        return meaning

    def hold(self, seconds: float) -> None:
        """Let no call start for so long."""
        self.held_until = max(self.held_until, self._clock() + seconds)
        self.let_in()

    def let_in(self) -> None:
        """Start what may start, and set the alarm for what will."""
        lanes = [lane for lane in self.lanes.values() if lane.waiting]
        if not lanes:
            return
        now = self._clock()
        earliest = inf
        while lanes:
            lane = min(lanes, key=Lane.rank) if len(lanes) > 1 else lanes[0]
            waiter = lane.next()
            if waiter is None:
                lanes.remove(lane)
            elif waiter.leave.done():
                lane.pop()
            elif (wait := self._obstacle(lane, waiter.tokens, now))[0]:
                earliest = min(earliest, wait[1])
                lanes.remove(lane)
            else:
                lane.pop()
                waiter.leave.set_result(self._start(lane, waiter.tokens, now))
        if self._alarm is not None:
            self._alarm.cancel()
            self._alarm = None
        if earliest < inf:
            loop = asyncio.get_running_loop()
            self._alarm = loop.call_later(max(_LEAST_ALARM_SECONDS, earliest), self._ring)

    def close(self) -> None:
        if self._alarm is not None:
            self._alarm.cancel()
            self._alarm = None

    def state(self, *, limit: int) -> ServerLimits:
        now = self._clock()
        held = self.held_until - now
        if self.outage.is_open:
            wait = self.outage.wait_seconds(now)
            held = max(held, 0.0 if wait == inf else wait)
        return ServerLimits(
            server=self.server,
            in_flight=self.in_flight,
            limit=limit,
            waiting=self.waiting,
            held_seconds=round(max(0.0, held), 3),
            outage=self.outage.last_fault if self.outage.is_open else None,
            workers=1,
            models=tuple(self._lane_states(now)),
        )

    def _lane_states(self, now: float) -> Iterator[ModelLimits]:
        for lane in self.lanes.values():
            waiter = lane.next()
            yield ModelLimits(
                model=lane.model,
                in_flight=lane.in_flight,
                waiting=lane.waiting,
                waits_for=self._obstacle(lane, waiter.tokens, now)[0] if waiter else None,
                requests_per_minute=lane.requests.known.per_minute,
                tokens_per_minute=lane.tokens.known.per_minute,
            )

    def _obstacle(self, lane: Lane, tokens: int, now: float) -> tuple[Obstacle | None, float]:
        """Return what keeps a call from being made, and for how long, as far as anybody knows."""
        if self.held_until > now:
            return "told to wait", self.held_until - now
        if self.outage.is_open and (wait := self.outage.wait_seconds(now)):
            return "outage", wait
        if self.in_flight >= self._room():
            return "slots", inf
        if not lane.has_answered and lane.in_flight >= lane.most_first_calls:
            return "first answer", inf
        if wait := lane.requests.wait_seconds(1.0, now):
            return "requests", wait
        if wait := lane.tokens.wait_seconds(lane.reserve(tokens), now):
            return "tokens", wait
        return None, 0.0

    def _start(self, lane: Lane, tokens: int, now: float) -> Slot:
        reserved = lane.reserve(tokens)
        lane.requests.take(1.0, now)
        lane.tokens.take(reserved, now)
        lane.in_flight += 1
        lane.started += 1
        self.in_flight += 1
        is_probe = self.outage.start()
        return Slot(self.server, lane.model, tokens, reserved, now, lane.started, is_probe)

    def _hear(self, lane: Lane, slot: Slot, heard: HeardLimits, now: float) -> bool:
        """Take what an answer said; True where it names the limit that a call would break."""
        if heard is UNHEARD:
            return False
        age = now - slot.started_at
        needed = {"requests": 1.0, "tokens": slot.reserved_tokens}
        is_reasoned = False
        for name, ration in (("requests", lane.requests), ("tokens", lane.tokens)):
            window = heard.requests if name == "requests" else heard.tokens
            if window is not None:
                unseen = (lane.started - slot.number) * needed[name]
                ration.hear(window, age_seconds=age, unseen=unseen, now=now)
                if window.remaining is not None and window.remaining < needed[name]:
                    is_reasoned = True
        return is_reasoned

    def _push_back(
        self, lane: Lane, slot: Slot, heard: HeardLimits, pause_seconds: float, now: float
    ) -> None:
        told = heard.requests
        if told is not None and told.remaining is not None and told.remaining < 1:
            lane.requests.refused(1.0, pause_seconds=pause_seconds, now=now)
        else:
            lane.tokens.refused(slot.reserved_tokens, pause_seconds=pause_seconds, now=now)

    def _send_away(self, seconds: float) -> JudgeUnavailable:
        """Tell everybody who waits that the server has been out for too long."""
        told = (
            f"{self.server} has answered nothing but faults for {_spell(seconds)}: "
            f"{self.outage.last_fault}"
        )
        for lane in self.lanes.values():
            for line in (lane.urgent, lane.patient):
                while line:
                    leave = line.popleft().leave
                    if not leave.done():
                        leave.set_exception(JudgeUnavailable(told))
        return JudgeUnavailable(told)

    def _leave_line(self, lane: Lane, waiter: _Waiter) -> None:
        for line in (lane.urgent, lane.patient):
            if waiter in line:
                line.remove(waiter)

    def _ring(self) -> None:
        self._alarm = None
        self.let_in()


def _spell(seconds: float) -> str:
    return f"{seconds / 60:.0f} minutes" if seconds >= 120 else f"{seconds:.3g} seconds"
