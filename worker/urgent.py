"""Runs that somebody waits for, worked on at once, beside what this worker is at already.

A worker may be busy with a bulk run for hours. It looks into the queue twice a second; where a job
of an interactive run waits, it takes it and works on that run on the same loop. The bulk run's pool
goes on: only the places in the line for the providers are shared.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from grader.domain.run import Priority
from grader.errors import StoreUnavailable
from grader.store import Store, runs
from worker.queue import WorkQueue

log = logging.getLogger(__name__)

_LOOK_SECONDS = 0.5
_MOST_AT_ONCE = 4


class UrgentRuns:
    """The interactive runs that one worker works on beside its job."""

    def __init__(
        self, store: Store, queue: WorkQueue, work: Callable[[str], Awaitable[None]]
    ) -> None:
        self._store = store
        self._queue = queue
        self._work = work
        self._priorities: dict[str, Priority] = {}
        self._serving: dict[str, asyncio.Task[None]] = {}

    @property
    def serving(self) -> set[str]:
        """The runs that are worked on here besides."""
        return set(self._serving)

    @asynccontextmanager
    async def looked_for(self, *, but: str) -> AsyncIterator[None]:
        """Look for such runs, other than `but`, until the block ends; then finish those begun."""
        looking = asyncio.create_task(self._look_often(but))
        try:
            yield
        finally:
            looking.cancel()
            await asyncio.gather(looking, return_exceptions=True)
            await asyncio.gather(*list(self._serving.values()))

    async def _look_often(self, but: str) -> None:
        while True:
            await asyncio.sleep(_LOOK_SECONDS)
            if len(self._serving) >= _MOST_AT_ONCE:
                continue
            try:
                run_id = await asyncio.to_thread(self._take_one, self.serving | {but})
            except StoreUnavailable as error:
                log.warning("urgent_runs_not_seen", extra={"error": str(error)})
                continue
            if run_id is not None:
                self._serving[run_id] = asyncio.create_task(self._serve(run_id))

    async def _serve(self, run_id: str) -> None:
        try:
            await self._work(run_id)
        finally:
            del self._serving[run_id]

    def _take_one(self, known: set[str]) -> str | None:
        """Take the job of an interactive run out of the queue, if one waits."""
        waiting = [run_id for run_id in self._queue.waiting() if run_id not in known]
        unseen = [run_id for run_id in waiting if run_id not in self._priorities]
        if unseen:
            with self._store.reading() as connection:
                self._priorities |= runs.find_priorities(connection, unseen)
        for run_id in waiting:
            if self._priorities.get(run_id) == "interactive" and self._queue.take(run_id):
                return run_id
        return None
