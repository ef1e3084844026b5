"""A run's progress as server-sent events.

    status     {"status", "reason"}          first of all, and whenever it changes
    progress   counts, cost, judges, speed   whenever any of them changes
    finished | cancelled | failed            the last event, with the whole state

An event's id says what the listener has been told, not where in a history it is: who comes back
with `Last-Event-ID` gets at once what is different by then, and nothing twice. Who comes back to
the end of a run gets 204, which ends the reconnecting of browsers. A paused run's stream stays
open. Comments are sent every few seconds as a sign of life.
"""

import hashlib
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Annotated, Any, NamedTuple

import orjson
from fastapi import APIRouter, Depends, Header, Request, Response

from api.context import Reader
from api.errors import problem
from api.streams import Stream
from api.watching import Watching
from grader.reports.progress import RunState

router = APIRouter(prefix="/v1/runs", tags=["runs"])

_ENDED = ("finished", "cancelled", "failed")
_RECONNECT_MILLISECONDS = 1_000


class _Told(NamedTuple):
    """What a listener has been told, as marks; empty for nothing."""

    status: str = ""
    progress: str = ""
    end: str = ""


def get_watching(request: Request) -> Watching:
    watching: Watching = request.app.state.watching
    return watching


@router.get(
    "/{run_id}/events",
    response_class=Stream,
    dependencies=[Reader],
    responses={
        200: {
            "description": "The events `status` and `progress`, and last the status in which the "
            "run ended",
            "content": {"text/event-stream": {"schema": {"type": "string"}}},
        },
        204: {"description": "The run has ended, and `Last-Event-ID` says that this is known"},
    },
)
async def get_events(
    run_id: str,
    watching: Annotated[Watching, Depends(get_watching)],
    last_event_id: Annotated[
        str | None, Header(description="The `id` of the last event that was received")
    ] = None,
) -> Response:
    """Follow a run until it ends; resumable by `Last-Event-ID`."""
    first = await watching.look(run_id)
    told = _read_id(last_event_id)
    if first.status in _ENDED and told == _Told(*_marks(first), end=first.status):
        return Response(status_code=204)
    if watching.is_full:
        return problem(
            503,
            "too_many_listeners",
            "as many listen to events as this process takes; ask GET /v1/runs/{id} now and then",
            headers={"Retry-After": "30"},
        )
    return Stream(
        _events(watching, first, told),
        media_type="text/event-stream",
        headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
    )


async def _events(watching: Watching, state: RunState, told: _Told) -> AsyncGenerator[bytes, None]:
    yield b"retry: %d\n\n" % _RECONNECT_MILLISECONDS
    async with aclosing(watching.states(state)) as states:
        while True:
            status, progress = _marks(state)
            if status != told.status:
                told = _Told(status, told.progress)
                yield _event("status", {"status": state.status, "reason": state.reason}, told)
            if progress != told.progress:
                told = _Told(status, progress)
                yield _event("progress", _progress(state), told)
            if state.status in _ENDED:
                told = told._replace(end=state.status)
                yield _event(state.status, state.model_dump(mode="json"), told)
                return
            while (further := await anext(states, state)) is None:
                yield b": still here\n\n"
            if further is state:
                return
            state = further


def _progress(state: RunState) -> dict[str, Any]:
    return state.model_dump(mode="json", exclude={"status", "reason"})


def _marks(state: RunState) -> tuple[str, str]:
    """Return marks of a state's status and of its progress: equal for equal ones."""
    # A run that is retried finishes again: the time makes that another finish.
    status = [state.status, state.reason, state.finished_at]
    return _mark(status), _mark(_progress(state))


def _mark(value: Any) -> str:
    return hashlib.blake2b(orjson.dumps(value), digest_size=6).hexdigest()


def _event(name: str, data: dict[str, Any], told: _Told) -> bytes:
    return b"event: %b\nid: %b\ndata: %b\n\n" % (
        name.encode(),
        ".".join(told).encode(),
        orjson.dumps(data),
    )


def _read_id(last_event_id: str | None) -> _Told:
    """Return what an id says; one that is made up says that nothing was told."""
    parts = (last_event_id or "").split(".")
    return _Told(*parts) if len(parts) == len(_Told._fields) else _Told()
