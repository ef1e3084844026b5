"""Lines of a batch's files: what is sent, what comes back, and when it says nothing."""

from typing import Any, Literal, NamedTuple

import orjson

ENDPOINT: Literal["/v1/chat/completions"] = "/v1/chat/completions"

LATER = (408, 409, 425, 429)
"""Statuses below 500 that say nothing of the question: it may be asked again."""


class Line(NamedTuple):
    """One line of an output or error file."""

    custom_id: str
    status: int | None
    """The status of the response; None where there is none."""
    body: Any
    error: str | None


def render_line(custom_id: str, body: bytes) -> bytes:
    """Return a line of an input file, with its end."""
    head = orjson.dumps({"custom_id": custom_id, "method": "POST", "url": ENDPOINT})
    return b"%b,%b:%b}\n" % (head[:-1], b'"body"', body)


def read_line(raw: bytes) -> Line | None:
    """Return a line of an output or error file, or None for one that cannot be read."""
    try:
        found = orjson.loads(raw)
        custom_id = found["custom_id"]
        response = found.get("response") or {}
        status = response.get("status_code")
        error = found.get("error")
    except (orjson.JSONDecodeError, KeyError, TypeError, AttributeError):
        return None
    if not isinstance(custom_id, str) or not isinstance(status, int | None):
        return None
    return Line(
        custom_id, status, response.get("body"), None if error is None else tell_error(error)
    )


def find_fault(line: Line) -> str | None:
    """Tell why a line says nothing about its question: it has to be asked again. None if it does.

    A line is an answer only with status 200 and a choice in it, whatever `error` says.
    """
    if line.error is not None:
        return line.error
    if line.status is None:
        return "neither a response nor an error"
    if line.status in LATER or line.status >= 500:
        return f"status {line.status}: {tell_error(line.body)}"
    if line.status == 200:
        choices = line.body.get("choices") if isinstance(line.body, dict) else None
        first = choices[0] if isinstance(choices, list) and choices else None
        if not isinstance(first, dict) or not isinstance(first.get("message"), dict):
            return "status 200 without a choice"
    return None


def tell_error(body: Any) -> str:
    """Return what an error says, as the client words it for a live call."""
    found = body.get("error", body) if isinstance(body, dict) else body
    if isinstance(found, dict) and isinstance(found.get("message"), str):
        return f"{found.get('code') or ''} {found['message']}".strip()[:500]
    return str(found)[:500]
