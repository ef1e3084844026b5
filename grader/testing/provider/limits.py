"""The provider's limits a minute, on requests and on tokens, and the headers that tell of them."""

from math import ceil

from grader.errors import InvalidInput


class _Allowance:
    """A bucket that refills steadily, as OpenAI's limits behave.

    Full at the start, so that up to `burst` pass at once; `now` is any clock in seconds.
    """

    _unit: str

    def __init__(self, per_minute: float, burst: int | None) -> None:
        if per_minute <= 0:
            raise InvalidInput(f"{self._unit}_per_minute is {per_minute}; it must be positive")
        self._per_second = per_minute / 60
        self._limit = per_minute
        self._capacity = float(max(1, ceil(per_minute) if burst is None else burst))
        self._left = self._capacity
        self._counted_at: float | None = None

    def wait_seconds(self, now: float, amount: float = 1.0) -> float:
        """Return how long until so much may pass; 0 when it may at once.

        What is more than the bucket holds passes when it is full.
        """
        self._refill(now)
        needed = min(amount, self._capacity)
        # A hair of tolerance: who waits exactly as told must not be refused by a rounding error.
        return 0.0 if self._left > needed - 1e-6 else (needed - self._left) / self._per_second

    def take(self, now: float, amount: float = 1.0) -> None:
        self._refill(now)
        self._left -= amount

    def headers(self, now: float) -> dict[str, str]:
        self._refill(now)
        full_in = (self._capacity - self._left) / self._per_second
        return {
            f"x-ratelimit-limit-{self._unit}": f"{self._limit:g}",
            f"x-ratelimit-remaining-{self._unit}": str(max(0, int(self._left))),
            f"x-ratelimit-reset-{self._unit}": f"{ceil(full_in * 1000)}ms",
        }

    def _refill(self, now: float) -> None:
        if self._counted_at is not None:
            passed = max(0.0, now - self._counted_at)
            self._left = min(self._capacity, self._left + passed * self._per_second)
        self._counted_at = now


class RequestAllowance(_Allowance):
    """How many requests may come."""

    _unit = "requests"

    def __init__(self, *, requests_per_minute: float, burst: int | None) -> None:
        super().__init__(requests_per_minute, burst)


class TokenAllowance(_Allowance):
    """How many tokens may be asked and answered.

    A prompt is counted when it comes, its answer when that is made; the bucket may be overdrawn.
    """

    _unit = "tokens"

    def __init__(self, *, tokens_per_minute: float, burst: int | None) -> None:
        super().__init__(tokens_per_minute, burst)
