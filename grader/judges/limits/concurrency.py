"""How many calls a server gets at once, when it shows that it is too many.

Cut by three tenths at a sign of trouble, at most once a second; grown again while calls succeed, a
hundredth of the maximum in the first second and twice as fast in each one after. The same stands
in Lua in `worker/rate_scripts.py`.
"""

from math import inf, log

CUT = 0.7
CUT_SECONDS = 1.0
GROWTH_SHARE = 0.01
_LONGEST_STEP_SECONDS = 1.0
_MOST_DOUBLINGS = 8.0
_FAULTY_SHARE = 0.1
_WEIGHT = 0.05


class Concurrency:
    """The limit of calls in flight to one server, in this process."""

    def __init__(self, maximum: int) -> None:
        self._maximum = maximum
        self._limit = float(maximum)
        self._cut_at = -inf
        self._grown_at = -inf
        self._calm_seconds = 0.0

    @property
    def limit(self) -> int:
        return max(1, int(self._limit))

    def cut(self, now: float) -> None:
        if now - self._cut_at < CUT_SECONDS:
            return
        self._limit = max(1.0, self._limit * CUT)
        self._cut_at = self._grown_at = now
        self._calm_seconds = 0.0

    def grow(self, now: float) -> None:
        """Note that a call succeeded."""
        if self._limit >= self._maximum:
            return
        step = min(_LONGEST_STEP_SECONDS, now - self._grown_at)
        begin = min(self._calm_seconds, _MOST_DOUBLINGS)
        end = min(self._calm_seconds + step, _MOST_DOUBLINGS + step)
        grown = self._maximum * GROWTH_SHARE / log(2) * (2**end - 2**begin)
        self._limit = min(float(self._maximum), self._limit + grown)
        self._calm_seconds = end
        self._grown_at = now


class FaultShare:
    """Tells a server in trouble from one that fails a call now and then."""

    def __init__(self) -> None:
        self._share = 0.0

    def note(self, *, is_fault: bool) -> bool:
        """Count a call; True for a fault where more than one call in ten failed of late."""
        self._share += _WEIGHT * (float(is_fault) - self._share)
        return is_fault and self._share > _FAULTY_SHARE
