"""Read what a provider's headers say of its limits, in OpenAI's manner or in Anthropic's.

Headers are a courtesy: whatever cannot be read is taken for not said. What matters is the count,
what remains of it, and when it will be whole again, which together tell how large the bucket is and
whether it is a minute's or, as for some tiers, a day's.
"""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from math import isfinite

from grader.judges.limits.terms import UNHEARD, HeardLimits, Window

_MOST = 1e12
_LONGEST_SECONDS = 40 * 86_400.0
_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86_400.0}
_SPAN = re.compile(r"(?:\d+(?:\.\d+)?(?:ms|[dhms]))+", re.ASCII)
_PART = re.compile(r"(\d+(?:\.\d+)?)(ms|[dhms])", re.ASCII)


def read_limits(headers: Mapping[str, str]) -> HeardLimits:
    """Return what the headers of one answer say; never raises.

    Anthropic counts input and output tokens apart: its input tokens count here, because a judge
    reads far more than it writes.
    """
    requests = _read_window(
        headers,
        "x-ratelimit-limit-requests",
        "x-ratelimit-remaining-requests",
        "x-ratelimit-reset-requests",
    ) or _read_anthropic(headers, "requests")
    tokens = (
        _read_window(
            headers,
            "x-ratelimit-limit-tokens",
            "x-ratelimit-remaining-tokens",
            "x-ratelimit-reset-tokens",
        )
        or _read_anthropic(headers, "input-tokens")
        or _read_anthropic(headers, "tokens")
    )
    if requests is None and tokens is None:
        return UNHEARD
    return HeardLimits(requests, tokens)


def _read_anthropic(headers: Mapping[str, str], what: str) -> Window | None:
    name = f"anthropic-ratelimit-{what}"
    return _read_window(headers, f"{name}-limit", f"{name}-remaining", f"{name}-reset")


def _read_window(
    headers: Mapping[str, str], limit_name: str, remaining_name: str, reset_name: str
) -> Window | None:
    limit = _read_amount(headers.get(limit_name))
    if not limit:
        return None
    remaining = _read_amount(headers.get(remaining_name))
    if remaining is None:
        return Window(limit)
    reset_seconds = _read_seconds(headers.get(reset_name))
    if reset_seconds is None:
        return Window(limit, remaining=remaining)
    if reset_seconds <= 60:
        capacity = min(limit, remaining + reset_seconds * limit / 60)
        return Window(limit, max(1.0, capacity), remaining)
    # More than a minute until it is whole: the count is for an hour or a day.
    used = max(1.0, limit - remaining)
    return Window(min(limit, 60 * used / reset_seconds), limit, remaining)


def _read_amount(told: object) -> float | None:
    try:
        amount = float(told)  # type: ignore[arg-type]
    except (TypeError, ValueError, OverflowError):
        return None
    return amount if isfinite(amount) and 0 <= amount <= _MOST else None


def _read_seconds(told: object) -> float | None:
    """Read "1m30.5s", "20ms", "12" or a moment of RFC 3339."""
    if not isinstance(told, str) or len(told) > 64:
        return None
    told = told.strip()
    seconds = _read_amount(told)
    if seconds is None and _SPAN.fullmatch(told):
        seconds = sum(float(number) * _UNITS[unit] for number, unit in _PART.findall(told))
    if seconds is None:
        try:
            moment = datetime.fromisoformat(told)
        except ValueError:
            return None
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=UTC)
        seconds = max(0.0, (moment - datetime.now(UTC)).total_seconds())
    return seconds if seconds <= _LONGEST_SECONDS else None
