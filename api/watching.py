"""Watch runs for all who listen: one poller a run, however many listeners there are.

A poller looks twice a second, and lives while somebody listens. Listeners wait for the next state
in the event loop: none has a thread or a connection to the database of its own.
"""

import asyncio
import logging
from collections.abc import AsyncGenerator, Callable

from starlette.concurrency import run_in_threadpool

from api.context import Context
from api.servers import find_servers
from grader.reports.progress import RunState, show_state

log = logging.getLogger(__name__)

_POLL_SECONDS = 0.5
_HEARTBEAT_SECONDS = 10.0
_MOST_LISTENERS = 200


class _Watched:
    """One run, its last known state, and who waits for the next."""

    def __init__(self, state: RunState) -> None:
        self.state = state
        self.listeners = 0
        self.changed = asyncio.Event()
        self.poller: asyncio.Task[None] | None = None


class Watching:
    """The runs that are watched in this process; belongs to its event loop."""

    def __init__(
        self,
        look: Callable[[str], RunState],
        *,
        heartbeat_seconds: float = _HEARTBEAT_SECONDS,
        most_listeners: int = _MOST_LISTENERS,
    ) -> None:
        self._look = look
        self._heartbeat_seconds = heartbeat_seconds
        self._most_listeners = most_listeners
        self._watched: dict[str, _Watched] = {}
        self.is_stopping: Callable[[], bool] = lambda: False
        """Whether the process is about to end: a server that stops waits for its streams."""

    @property
    def is_full(self) -> bool:
        """As many listen as one process takes."""
        return sum(each.listeners for each in self._watched.values()) >= self._most_listeners

    async def look(self, run_id: str) -> RunState:
        """Return the state of a run; raises NotFound."""
        return await run_in_threadpool(self._look, run_id)

    async def states(self, first: RunState) -> AsyncGenerator[RunState | None, None]:
        """Yield the states of a run as they change, and None as a sign of life in between.

        `first` is what the listener knows: it is not yielded again.
        """
        watched = self._enter(first)
        known = first
        try:
            while not self.is_stopping():
                changed = watched.changed
                if watched.state != known:
                    known = watched.state
                    yield known
                    continue
                try:
                    await asyncio.wait_for(changed.wait(), self._heartbeat_seconds)
                except TimeoutError:
                    yield None
        finally:
            self._leave(first.run_id, watched)

    def _enter(self, first: RunState) -> _Watched:
        watched = self._watched.get(first.run_id)
        if watched is None:
            watched = self._watched[first.run_id] = _Watched(first)
            watched.poller = asyncio.create_task(self._poll(first.run_id, watched))
        watched.listeners += 1
        return watched

    def _leave(self, run_id: str, watched: _Watched) -> None:
        watched.listeners -= 1
        if not watched.listeners:
            del self._watched[run_id]
            if watched.poller is not None:
                watched.poller.cancel()

    async def _poll(self, run_id: str, watched: _Watched) -> None:
        while True:
            await asyncio.sleep(_POLL_SECONDS)
            state = watched.state
            try:
                state = await run_in_threadpool(self._look, run_id)
            except Exception as error:
                # A database that is away comes back; listeners go on getting signs of life.
                log.warning("watching_failed", extra={"run_id": run_id, "error": str(error)})
            if state != watched.state or self.is_stopping():
                watched.state = state
                watched.changed.set()
                watched.changed = asyncio.Event()


def look_at(context: Context) -> Callable[[str], RunState]:
    """Return what looks at a run in the database."""

    def look(run_id: str) -> RunState:
        with context.store.reading() as connection:
            return show_state(
                connection, run_id, find_servers=lambda: find_servers(context.queue.redis)
            )

    return look
