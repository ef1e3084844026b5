"""Ids: a prefix that says of what, and a ULID, so that ids sort by the time they were given.

Made here and not by a library, because every judgment and every label takes one: random bytes are
fetched for many at once, and two digits are written at a time.
"""

import os
import threading
import time
from datetime import UTC, datetime, timedelta

_DIGITS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_PAIRS = [one + other for one in _DIGITS for other in _DIGITS]
_SHIFTS = range(120, -1, -10)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_RANDOM_BYTES = 10
_RANDOM_BITS = 8 * _RANDOM_BYTES
_AT_ONCE = 256


def new_id(prefix: str) -> str:
    """Return a fresh id such as `run_01J8…`; `prefix` is the noun's three letters."""
    return _write(prefix, _ULIDS.next())


def first_id(prefix: str, at: datetime) -> str:
    """Return the least id that can be given in a moment's millisecond."""
    milliseconds = (at - _EPOCH) // timedelta(milliseconds=1)
    return _write(prefix, milliseconds << _RANDOM_BITS)


def utc_now() -> datetime:
    return datetime.now(UTC)


def _write(prefix: str, number: int) -> str:
    return f"{prefix}_{''.join([_PAIRS[number >> shift & 1023] for shift in _SHIFTS])}"


class _Ulids:
    """Numbers of 48 bits of milliseconds and 80 random ones, each larger than the last."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._last = 0
        self._pool = b""
        self._process = 0

    def next(self) -> int:
        with self._lock:
            fresh = time.time_ns() // 1_000_000 << _RANDOM_BITS | self._random()
            is_later = fresh >> _RANDOM_BITS > self._last >> _RANDOM_BITS
            # In one millisecond, or where the clock was set back, they are counted up.
            self._last = fresh if is_later else self._last + 1
            return self._last

    def _random(self) -> int:
        if self._process != os.getpid():
            # What a process was forked with, its sisters have as well.
            self._process, self._pool, self._last = os.getpid(), b"", 0
        self._pool = self._pool or os.urandom(_RANDOM_BYTES * _AT_ONCE)
        taken, self._pool = self._pool[:_RANDOM_BYTES], self._pool[_RANDOM_BYTES:]
        return int.from_bytes(taken, "big")


_ULIDS = _Ulids()
