"""What providers' headers say of their limits, and what is not believed."""

from datetime import UTC, datetime, timedelta

import pytest

from grader.judges.limits.terms import UNHEARD, Window
from grader.judges.provider.limit_headers import read_limits


def of_openai(limit: str, remaining: str = "", reset: str = "") -> dict[str, str]:
    told = {"limit": limit, "remaining": remaining, "reset": reset}
    return {f"x-ratelimit-{name}-requests": value for name, value in told.items()}


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        (of_openai("3000"), Window(3000)),
        (of_openai("3000", "2999"), Window(3000, None, 2999)),
        (of_openai("3000", "2999", "20ms"), Window(3000, 3000, 2999)),
        (of_openai("3000", "0", "1s"), Window(3000, 50, 0)),
        (of_openai("600", "590", "1"), Window(600, 600, 590)),
        (of_openai("600", "0", "0m1.5s"), Window(600, 15, 0)),
        # A window that ends within the minute says nothing of a longer one.
        (of_openai("3000", "2900", "45s"), Window(3000, 3000, 2900)),
        # 200 a day: one is back every 7 minutes and 12 seconds.
        (of_openai("200", "199", "7m12s"), Window(60 / 432, 200, 199)),
        (of_openai("14400", "14370", "2m59.5s"), Window(60 * 30 / 179.5, 14400, 14370)),
        (of_openai("100", "0", "1d"), Window(60 * 100 / 86_400, 100, 0)),
    ],
    ids=str,
)
def test_a_limit_is_read_with_what_remains_of_it(headers: dict[str, str], expected: Window) -> None:
    found = read_limits(headers).requests
    assert found is not None
    assert found.per_minute == pytest.approx(expected.per_minute)
    assert found.remaining == expected.remaining
    assert found.capacity == (
        expected.capacity if expected.capacity is None else pytest.approx(expected.capacity)
    )


def test_anthropic_tells_the_moment_and_its_input_tokens_count() -> None:
    moment = (datetime.now(UTC) + timedelta(seconds=30)).strftime("%Y-%m-%dT%H:%M:%SZ")
    told = {"limit": "1000", "remaining": "500", "reset": moment}
    headers = {f"anthropic-ratelimit-requests-{name}": value for name, value in told.items()}
    headers |= {
        "anthropic-ratelimit-input-tokens-limit": "40000",
        "anthropic-ratelimit-tokens-limit": "48000",
    }

    found = read_limits(headers)

    assert found.requests is not None
    assert found.requests.per_minute == 1000
    assert found.requests.capacity == pytest.approx(1000, abs=20)
    assert found.tokens == Window(40_000)


@pytest.mark.parametrize(
    "limit", ["", "many", "-5", "0", "nan", "inf", "1e300", "3000, 3000", "٣٠", "\x00"]
)
def test_a_limit_that_is_no_count_was_not_said(limit: str) -> None:
    if limit == "٣٠":
        assert read_limits(of_openai(limit)).requests == Window(30), "Python reads these digits"
        return
    assert read_limits(of_openai(limit, "5", "1s")) is UNHEARD


@pytest.mark.parametrize(
    "reset",
    ["", "soon", "-1", "nan", "1x", "1s1", "9" * 400, "2026-99-99T00:00:00Z", "1e999s", "100000d"],
)
@pytest.mark.parametrize("remaining", ["7", "-1", "nan", "lots"])
def test_what_cannot_be_read_beside_a_limit_is_left_out(remaining: str, reset: str) -> None:
    found = read_limits(of_openai("60", remaining, reset)).requests
    assert found == Window(60, None, 7 if remaining == "7" else None)


def test_no_headers_say_nothing() -> None:
    assert read_limits({}) is UNHEARD
