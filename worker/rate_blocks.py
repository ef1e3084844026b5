"""Rations that a worker draws from Redis in blocks, a few times a second, and hands to its calls.

Requests come as moments, each for one call: the shared bucket gives them out a little ahead, so
that the calls of all workers together are spaced as the provider takes them. Tokens come as an
amount. A worker that loses Redis goes on at its share of the pace it knew.
"""

from collections import deque
from math import ceil, inf
from typing import Any, Protocol

from grader.judges.limits.bucket import Known, Pace, Ration, room_seconds
from grader.judges.limits.terms import Window

AHEAD_SECONDS = 0.25
"""How far ahead moments are drawn: longer than a worker needs to come back for more."""

_REMEMBERED_MILLISECONDS = 86_400_000


class Block(Ration, Protocol):
    """A ration whose supply has to be fetched."""

    is_full: bool
    """Whether the last draw brought all that was wanted, so that there may be more."""

    def wanted(self, calls: int, tokens: float, *, in_stock: float, now: float) -> float:
        """Return how much to draw for so many calls that wait, of so many tokens together.

        `in_stock` is the share of the pace of a quarter of a second to have at hand in any case,
        so that no call waits for the next draw while the limit is not what binds.
        """

    def draw(self, wanted: float, now: float, *, has_answered: bool) -> tuple[Any, ...]:
        """Return the arguments of the script, the worker's name apart, and forget the news."""

    def fill(self, answer: list[Any], now: float) -> bool:
        """Take what the script gave; returns whether the model has ever answered anybody."""

    def go_on_alone(self, wanted: float, now: float) -> None:
        """Draw from what is known, because Redis does not answer."""

    def has_news(self) -> bool: ...


class _Drawn:
    """What both kinds have in common: what is known, and the news for the others."""

    _ahead_seconds = 0.0

    def __init__(self, configured_per_minute: float | None) -> None:
        self.known = Known(configured_per_minute)
        self.is_full = True
        self._wanted = 0.0
        self._others = 1
        self._drawn_at = -inf
        self._news: Window | None = None
        self._room_seconds: float | None = None
        self._push_seconds = 0.0
        self._given_back = 0.0

    def has_news(self) -> bool:
        return (
            self._news is not None
            or self._room_seconds is not None
            or self._push_seconds > 0
            or self._given_back != 0
        )

    def hear(self, window: Window, *, age_seconds: float, unseen: float, now: float) -> None:
        before = self.known.pace(now)
        if self.known.hear(window):
            self._news = self.known.heard
        pace = self.known.pace(now)
        assert pace is not None
        room = room_seconds(window, pace, before, age_seconds, unseen)
        # Only what is scarce is worth telling.
        if room is not None and (before is None or room * pace.per_second < pace.capacity):
            self._keep_room(room)

    def draw(self, wanted: float, now: float, *, has_answered: bool) -> tuple[Any, ...]:
        pace = self.known.pace(now) or Pace(0.0, 0.0)
        news, room = self._news, self._room_seconds
        arguments = (
            wanted,
            pace.per_second,
            pace.capacity,
            self._ahead_seconds * 1000,
            news.per_minute if news else 0,
            (news.capacity or 0) if news else 0,
            "" if room is None else room * 1000,
            self._push_seconds * 1000,
            self._given_back,
            int(has_answered),
            _REMEMBERED_MILLISECONDS,
        )
        self._wanted = wanted
        self._news = self._room_seconds = None
        self._push_seconds = self._given_back = 0.0
        return arguments

    def _learn(self, answer: list[Any], now: float) -> bool:
        limit, capacity, self._others = float(answer[2]), float(answer[3]), int(answer[4])
        self._drawn_at = now
        self.is_full = 0 < self._wanted <= float(answer[0]) + 1e-3
        if limit > 0 and self._news is None:
            self.known.hear(Window(limit, capacity or None))
        elif limit == 0:
            # Redis has forgotten, or never knew.
            self._news = self.known.heard
        return bool(answer[5])

    def _alone(self, wanted: float, now: float) -> float:
        """Return how much of what is wanted this worker's share of the pace allows."""
        self._news = self._news or self.known.heard
        pace = self.known.pace(now)
        if pace is None:
            return wanted
        passed = min(AHEAD_SECONDS, now - self._drawn_at)
        share = pace.per_second * passed / self._others
        if share < 1:
            # Too little yet: let more time pass.
            return 0.0
        self._drawn_at = now
        return min(wanted, share)

    def _keep_room(self, seconds: float) -> None:
        self._room_seconds = min(seconds, inf if self._room_seconds is None else self._room_seconds)


class Moments(_Drawn):
    """Requests: the moments at which calls may be made."""

    _ahead_seconds = AHEAD_SECONDS

    def __init__(self, configured_per_minute: float | None) -> None:
        super().__init__(configured_per_minute)
        self._moments: deque[float] = deque()

    def wait_seconds(self, amount: float, now: float) -> float:
        pace = self.known.pace(now)
        if pace is None:
            return 0.0
        # What was not used while the provider's bucket was full is lost, as it is there.
        lost = now - pace.capacity / pace.per_second
        while self._moments and self._moments[0] < lost:
            self._moments.popleft()
        return max(0.0, self._moments[0] - now) if self._moments else inf

    def take(self, amount: float, now: float) -> None:
        if self._moments:
            self._moments.popleft()

    def give_back(self, amount: float, now: float) -> None:
        """Nothing: a request that was made is made."""

    def wanted(self, calls: int, tokens: float, *, in_stock: float, now: float) -> float:
        pace = self.known.pace(now)
        if pace is None:
            return 0.0
        stock = ceil(in_stock * pace.per_second * AHEAD_SECONDS)
        return max(0, max(calls, stock) - len(self._moments))

    def fill(self, answer: list[Any], now: float) -> bool:
        granted, begins = int(float(answer[0])), float(answer[1]) / 1000
        pace = self.known.pace(now)
        if pace is not None:
            first = now + begins + 1 / pace.per_second
            self._moments.extend(first + number / pace.per_second for number in range(granted))
        return self._learn(answer, now)

    def go_on_alone(self, wanted: float, now: float) -> None:
        self._moments.extend([now] * int(self._alone(wanted, now)))

    def refused(self, amount: float, *, pause_seconds: float, now: float) -> None:
        self.known.squeeze(now)
        pace = self.known.pace(now)
        if pace is None:
            return
        if self._moments:
            later = max(0.0, now + pause_seconds - self._moments[0])
            self._moments = deque(moment + later for moment in self._moments)
            self._push_seconds = max(self._push_seconds, later)
        self._keep_room(1 / pace.per_second - pause_seconds)


class Balance(_Drawn):
    """Tokens: an amount, which a large call may overdraw."""

    def __init__(self, configured_per_minute: float | None) -> None:
        super().__init__(configured_per_minute)
        self._left = 0.0
        self._held_until = -inf

    def wait_seconds(self, amount: float, now: float) -> float:
        pace = self.known.pace(now)
        if pace is None:
            return 0.0
        if self._held_until > now:
            return self._held_until - now
        return 0.0 if self._left >= min(amount, pace.capacity) else inf

    def take(self, amount: float, now: float) -> None:
        if self.known.pace(now) is not None:
            self._left -= amount

    def give_back(self, amount: float, now: float) -> None:
        pace = self.known.pace(now)
        if pace is None:
            return
        self._left += amount
        most = pace.per_second * AHEAD_SECONDS
        if self._left > most:
            # For whoever needs it: nobody hoards.
            self._given_back += self._left - most
            self._left = most

    def wanted(self, calls: int, tokens: float, *, in_stock: float, now: float) -> float:
        pace = self.known.pace(now)
        if pace is None:
            return 0.0
        stock = in_stock * pace.per_second * AHEAD_SECONDS
        return max(0.0, max(tokens, stock) - self._left)

    def fill(self, answer: list[Any], now: float) -> bool:
        self._left += float(answer[0])
        return self._learn(answer, now)

    def go_on_alone(self, wanted: float, now: float) -> None:
        if self.known.pace(now) is not None:
            self._left += self._alone(wanted, now)

    def refused(self, amount: float, *, pause_seconds: float, now: float) -> None:
        pace = self.known.pace(now)
        if pace is not None:
            self._held_until = max(self._held_until, now + pause_seconds)
            needed = min(amount, pace.capacity) / pace.per_second
            self._keep_room(max(0.0, needed) - pause_seconds)
