"""What a worker process has for its whole life: the store, the queue, one loop, its clients.

Connections to providers belong to the loop, so the loop is kept across jobs. Built in `main`; the
job function finds it here, because RQ can only hand it ids.
"""

import asyncio
import logging
import os
import socket
import time

from redis.asyncio import Redis as AsyncRedis

from grader.bootstrap import JudgeFactory, build_store
from grader.domain.identity import new_id
from grader.errors import JudgeUnavailable, StoreUnavailable
from grader.judges.limit import URGENT
from grader.runs.batch import BatchWork
from grader.runs.drain import Drain, Pace, Stop
from grader.settings import Settings
from grader.store import batches, runs
from grader.store.runs import RunRow
from worker.queue import WorkQueue, connect
from worker.ratelimit import RedisRateLimiter
from worker.retries import when_again
from worker.urgent import UrgentRuns

log = logging.getLogger(__name__)

_MOST_ACTIVE_FACTOR = 2


class WorkerContext:
    """One worker process."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.name = f"{socket.gethostname()}-{os.getpid()}-{new_id('wrk')}"
        self.store = build_store(settings)
        self.queue = WorkQueue(connect(settings.redis_url))
        self.is_stopping = False
        self._runner = asyncio.Runner()
        self._runner.run(self._start())

    async def _start(self) -> None:
        self._redis = AsyncRedis.from_url(self.settings.redis_url)
        self._limiter = RedisRateLimiter(
            self._redis,
            worker=self.name,
            max_in_flight=self.settings.provider_max_in_flight,
            requests_per_minute=self.settings.provider_requests_per_minute,
            tokens_per_minute=self.settings.provider_tokens_per_minute,
            outage_seconds=self.settings.provider_outage_seconds,
        )
        self._factory = JudgeFactory(self.settings, self._limiter, secret=self.store.secret)

    def work_on(self, run_id: str) -> None:
        """Spend this worker's time on a run, and see to what comes after."""
        try:
            run = self._begin(run_id)
            if run is not None and self._runner.run(self._work(run)):
                self._hand_over(run)
        except Exception as error:
            self._take(run_id, error)

    def close(self) -> None:
        self._runner.run(self._stop())
        self._runner.close()
        self.store.close()

    async def _stop(self) -> None:
        await self._factory.close()
        await self._redis.aclose()

    def _begin(self, run_id: str) -> RunRow | None:
        """Return the run if it is to be worked on, marked as running."""
        with self.store.transaction() as connection:
            runs.start_run(connection, run_id)
            run = runs.get_run(connection, run_id)
            # What a batch of a run that was stopped brings is paid for, and wanted all the same.
            is_wanted = run.status == "running" or batches.has_open_batches(connection, run_id)
        return run if is_wanted else None

    async def _work(self, run: RunRow) -> bool:
        """Work on a run, and beside it on the runs that somebody waits for."""
        async with self._limiter:
            urgent = UrgentRuns(self.store, self.queue, self._work_beside)
            self._urgent = urgent
            async with urgent.looked_for(but=run.run_id):
                return await self._drain(run)

    async def _work_beside(self, run_id: str) -> None:
        try:
            run = await asyncio.to_thread(self._begin, run_id)
            if run is not None and await self._drain(run):
                await asyncio.to_thread(self._hand_over, run)
        except Exception as error:
            await asyncio.to_thread(self._take, run_id, error)

    async def _drain(self, run: RunRow) -> bool:
        # The tasks that ask are made in this context, and stand in the limiter's line by it.
        URGENT.set(run.priority == "interactive")
        judges = self._factory.judges(run.spec.panel)
        servers = {j.base_url for j in run.spec.panel.judges if j.kind == "llm"}
        pace = Pace(
            max_active=_MOST_ACTIVE_FACTOR
            * max(8, self.settings.provider_max_in_flight * max(1, len(servers))),
            lease_seconds=self.settings.lease_seconds,
            flush_seconds=self.settings.flush_seconds,
            stop_grace_seconds=self.settings.stop_grace_seconds,
        )
        started = time.monotonic()

        def should_stop() -> Stop | None:
            if self.is_stopping:
                return "shut down"
            if time.monotonic() - started < self.settings.slice_seconds:
                return None
            return "hand over" if self._others_wait(run.run_id) else None

        if run.spec.mode == "batch":
            looked = await BatchWork(
                self.store,
                run.run_id,
                judges,
                self._factory.batch_judge,
                lease_seconds=self.settings.lease_seconds,
                should_stop=should_stop,
            ).advance()
            if not looked.ask_live:
                return looked.has_more
        drain = Drain(self.store, run, judges, pace, should_stop=should_stop)
        return await drain.drain()

    def _hand_over(self, run: RunRow) -> None:
        """Ask for somebody to go on with a run; a worker that stops leaves that to the sweeper."""
        if not self.is_stopping:
            self.queue.enqueue(run.run_id, priority=run.priority)

    def _others_wait(self, run_id: str) -> bool:
        try:
            return bool(self.queue.waiting().keys() - {run_id} - self._urgent.serving)
        except StoreUnavailable:
            return False

    def _take(self, run_id: str, error: Exception) -> None:
        """Do what the table of retries says about an error that ended a job."""
        when = when_again(error)
        log.error("job_failed", exc_info=error, extra={"run_id": run_id, "again": when})
        if when == "now":
            self.queue.enqueue(run_id)
        if when != "never":
            return
        is_judge = isinstance(error, JudgeUnavailable)
        reason = f"judge_unavailable: {error}" if is_judge else f"{type(error).__name__}: {error}"
        with self.store.transaction() as connection:
            runs.try_move_run(
                connection, run_id, "paused" if is_judge else "failed", reason=reason[:1000]
            )


_current: list[WorkerContext] = []


def enter(context: WorkerContext) -> None:
    """Make this the process's context; once, by its main."""
    _current[:] = [context]


def current() -> WorkerContext:
    """Return the process's context, inside a job."""
    if not _current:
        raise StoreUnavailable("no worker runs in this process; start one with `python -m worker`")
    return _current[0]
