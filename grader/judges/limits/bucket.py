"""Requests and tokens a minute: what is known of a limit, and a bucket that keeps to it.

A bucket is kept as the moment at which it was, or will be, empty (the "theoretical arrival time" of
the generic cell rate algorithm, ITU-T I.371): its level is the time since then, times the rate. It
mirrors the provider's own, a little smaller and a little slower, so that calls that bunch up on the
way are not refused. `worker/rate_scripts.py` has the same arithmetic in Lua.
"""

from dataclasses import dataclass
from math import inf
from typing import Protocol

from grader.judges.limits.terms import Window

_UNKNOWN_BURST_SECONDS = 1.0
_JITTER_SECONDS = 0.1
_SPARED_SHARE = 0.01
_SMALL_BURST_SECONDS = 1.0
_REGROW_SECONDS = 10.0
_HAIR = 1e-9


@dataclass(frozen=True, slots=True)
class Pace:
    """How fast and in what bursts calls are made."""

    per_second: float
    capacity: float


class Known:
    """What is known of one limit: configured, and heard from the server; the smaller counts."""

    def __init__(self, configured_per_minute: float | None) -> None:
        self._configured = configured_per_minute
        self._heard: Window | None = None
        self._squeeze = 1.0
        self._squeezed_at = -inf
        self._pace = self._work_out()

    @property
    def per_minute(self) -> float | None:
        told = (self._configured, self._heard.per_minute if self._heard else None)
        return min((each for each in told if each is not None), default=None)

    @property
    def heard(self) -> Window | None:
        return self._heard

    def hear(self, window: Window) -> bool:
        """Take what the server said; True if that changes anything."""
        old = self._heard
        capacity = window.capacity
        if old is not None and old.capacity is not None:
            # Counts come rounded down, so that what is worked out of them trembles by one.
            is_near = capacity is not None and abs(capacity - old.capacity) <= (
                2 + 0.05 * old.capacity
            )
            if capacity is None or is_near:
                capacity = max(capacity or 0.0, old.capacity)
        heard = Window(window.per_minute, capacity)
        if heard == old:
            return False
        self._heard = heard
        self._pace = self._work_out()
        return True

    def squeeze(self, now: float) -> None:
        """Halve the bursts: the server refused a call that should have had its place."""
        if now - self._squeezed_at >= 1.0:
            self._squeeze, self._squeezed_at = self._squeezed_to(now) / 2, now

    def pace(self, now: float) -> Pace | None:
        """Return the pace to keep, or None where nothing is known."""
        pace = self._pace
        if pace is None or self._squeeze == 1.0:
            return pace
        return Pace(pace.per_second, max(1.0, pace.capacity * self._squeezed_to(now)))

    def _squeezed_to(self, now: float) -> float:
        doublings = (now - self._squeezed_at) / _REGROW_SECONDS
        if doublings > 30:
            self._squeeze = 1.0
        return float(min(1.0, self._squeeze * 2.0 ** min(30.0, max(0.0, doublings))))

    def _work_out(self) -> Pace | None:
        per_minute = self.per_minute
        if per_minute is None:
            return None
        per_second = per_minute / 60
        capacity = _UNKNOWN_BURST_SECONDS * per_second
        heard = self._heard
        if heard is not None and heard.capacity is not None and heard.per_minute == per_minute:
            spared = max(_JITTER_SECONDS * per_second, _SPARED_SHARE * heard.capacity)
            capacity = heard.capacity - spared
        is_tight = capacity < _SMALL_BURST_SECONDS * per_second / 2
        return Pace(per_second * (0.99 if is_tight else 0.999), max(1.0, capacity))


class Ration(Protocol):
    """One limit, as the gate asks for it."""

    known: Known

    def wait_seconds(self, amount: float, now: float) -> float:
        """Return how long until so much may be taken: 0 for now, infinite where nobody can tell."""

    def take(self, amount: float, now: float) -> None: ...

    def give_back(self, amount: float, now: float) -> None:
        """Return what was taken and not used; below 0 for what was used beyond that."""

    def hear(self, window: Window, *, age_seconds: float, unseen: float, now: float) -> None:
        """Take what an answer said that was sent for so long ago.

        `unseen` is what was sent after it, uncounted while the limit was not known.
        """

    def refused(self, amount: float, *, pause_seconds: float, now: float) -> None:
        """The server refused a call for lack of so much, and wants to be left alone so long."""


class Bucket:
    """A ration that this process has to itself."""

    def __init__(self, configured_per_minute: float | None) -> None:
        self.known = Known(configured_per_minute)
        self._empty_at = -inf

    def wait_seconds(self, amount: float, now: float) -> float:
        pace = self.known.pace(now)
        if pace is None:
            return 0.0
        full_at = now - pace.capacity / pace.per_second
        self._empty_at = max(self._empty_at, full_at)
        # What is larger than the bucket goes when it is full, and leaves a debt.
        wait = self._empty_at + min(amount, pace.capacity) / pace.per_second - now
        return wait if wait > _HAIR else 0.0

    def take(self, amount: float, now: float) -> None:
        pace = self.known.pace(now)
        if pace is not None:
            self._empty_at += amount / pace.per_second

    def give_back(self, amount: float, now: float) -> None:
        self.take(-amount, now)

    def hear(self, window: Window, *, age_seconds: float, unseen: float, now: float) -> None:
        before = self.known.pace(now)
        self.known.hear(window)
        pace = self.known.pace(now)
        if pace is None:
            return
        if before is None:
            self._empty_at = now - pace.capacity / pace.per_second
        if (room := room_seconds(window, pace, before, age_seconds, unseen)) is not None:
            self._empty_at = max(self._empty_at, now - room)

    def refused(self, amount: float, *, pause_seconds: float, now: float) -> None:
        self.known.squeeze(now)
        pace = self.known.pace(now)
        if pace is not None:
            needed = min(amount, pace.capacity) / pace.per_second
            self._empty_at = max(self._empty_at, now + pause_seconds - needed)


def room_seconds(
    window: Window, pace: Pace, before: Pace | None, age_seconds: float, unseen: float
) -> float | None:
    """Return the most that the provider's bucket can hold by now, in seconds of its rate.

    None where it did not say. This is what makes room for others who use the same key.
    """
    if window.remaining is None:
        return None
    if before is None:
        return max(0.0, window.remaining - unseen) / pace.per_second
    return window.remaining / pace.per_second + age_seconds
