"""A server that answers nothing but faults: stop asking, try it now and then, tell in the end.

After `MOST_FAULTS` in a row with no success between, and a thirtieth of the time after which the
run is paused, no call is made but one at a time to see whether the server is back, with pauses that
double to half a minute. Questions wait meanwhile instead of being spent; those of a small run are
spent before that, and it ends at once with its failures. A server that asks us to wait is not out:
it answers.
"""

PROBE_SECONDS = 1.0
LONGEST_PAUSE_SECONDS = 30.0
MOST_FAULTS = 10
_SHARE_BEFORE_OPEN = 1 / 30


class Outage:
    """Whether one server is out, as far as this process has seen."""

    def __init__(self, longest_seconds: float) -> None:
        self._longest_seconds = longest_seconds
        self._faults = 0
        self._began_at = 0.0
        self._lasted_seconds = 0.0
        self._pause_seconds = PROBE_SECONDS
        self._probe_at = 0.0
        self._is_probed = False
        self.last_fault: str = ""

    @property
    def is_open(self) -> bool:
        is_long = self._lasted_seconds >= self._longest_seconds * _SHARE_BEFORE_OPEN
        return self._faults >= MOST_FAULTS and is_long

    def wait_seconds(self, now: float) -> float:
        """Return how long until a call may be made: 0 for now, infinite while another one tries."""
        if not self.is_open:
            return 0.0
        return float("inf") if self._is_probed else max(0.0, self._probe_at - now)

    def start(self) -> bool:
        """Note that a call is made; True if it is the one that tries."""
        self._is_probed = self._is_probed or self.is_open
        return self._is_probed

    def succeed(self) -> None:
        self._faults = 0
        self._lasted_seconds = 0.0
        self._is_probed = False
        self._pause_seconds = PROBE_SECONDS

    def give_up_probe(self) -> None:
        """The call that tried was cancelled: another one may."""
        self._is_probed = False

    def fault(self, told: str, *, is_probe: bool, now: float) -> float:
        """Note a fault; returns for how long the server has been out if that is too long, or 0.

        It is then tried at once by whoever asks next, and given the whole time again.
        """
        was_open = self.is_open
        if not self._faults:
            self._began_at = now
        self._faults += 1
        self._lasted_seconds = max(self._lasted_seconds, now - self._began_at)
        self.last_fault = told
        if not self.is_open:
            return 0.0
        if is_probe:
            self._is_probed = False
            self._pause_seconds = min(LONGEST_PAUSE_SECONDS, self._pause_seconds * 2)
        if is_probe or not was_open:
            self._probe_at = now + self._pause_seconds
        seconds = now - self._began_at
        if seconds < self._longest_seconds:
            # Never later than the end, so that the end is noticed.
            self._probe_at = min(self._probe_at, self._began_at + self._longest_seconds)
            return 0.0
        self._began_at, self._probe_at, self._pause_seconds = now, now, PROBE_SECONDS
        return seconds
