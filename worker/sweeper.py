"""The sweeper: what the database says is missing and nobody works on goes into the queue again.

It runs in a thread of every worker; a lock in Redis lets one of them sweep at a time. It does not
wait for RQ's registries, which notice a dead worker only after minutes: leases run out sooner.
"""

import logging
import threading
import time

from redis.exceptions import RedisError

from grader.errors import GraderError
from grader.store import Store, batches, runs, shards
from worker.queue import WORKERS_KEY, WorkQueue

log = logging.getLogger(__name__)

_LOCK_KEY = "grader:sweeping"
_WORKER_SECONDS = 15.0


def sweep(store: Store, queue: WorkQueue) -> int:
    """Ask for as many workers on each unfinished run as it can use; returns the jobs added."""
    with store.reading() as connection:
        free = {
            run_id: shards.count_free(connection, run_id)
            for run_id in runs.find_unfinished(connection)
        }
        for run_id in batches.find_due(connection):
            free.setdefault(run_id, 1)
        priorities = runs.find_priorities(connection, list(free))
    if not free:
        return 0
    waiting = queue.waiting()
    workers = max(1, count_workers(queue))
    added = 0
    for run_id, open_shards in free.items():
        jobs = min(workers, open_shards) - waiting[run_id]
        if jobs > 0:
            queue.enqueue(run_id, jobs=jobs, priority=priorities[run_id])
            added += jobs
    return added


def count_workers(queue: WorkQueue) -> int:
    """Count the workers that gave a sign of life lately."""
    since = time.time() - _WORKER_SECONDS
    return int(queue.redis.zcount(WORKERS_KEY, since, "+inf"))


class Sweeper:
    """A thread that gives this worker's sign of life and sweeps."""

    def __init__(
        self, store: Store, queue: WorkQueue, *, worker: str, sweep_seconds: float
    ) -> None:
        self._store = store
        self._queue = queue
        self._worker = worker
        self._sweep_seconds = sweep_seconds
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="sweeper", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stopped.set()
        self._thread.join(timeout=5)
        try:
            self._queue.redis.zrem(WORKERS_KEY, self._worker)
        except RedisError:
            log.info("goodbye_not_heard")

    def _run(self) -> None:
        redis = self._queue.redis
        while True:
            try:
                now = time.time()
                redis.zadd(WORKERS_KEY, {self._worker: now})
                redis.zremrangebyscore(WORKERS_KEY, "-inf", now - 10 * _WORKER_SECONDS)
                pause = int(self._sweep_seconds * 900)
                if redis.set(_LOCK_KEY, self._worker, nx=True, px=max(1, pause)):
                    sweep(self._store, self._queue)
            except (GraderError, RedisError) as error:
                log.warning("sweep_failed", extra={"error": str(error)})
            except Exception:
                # Nobody would start this thread again: without it the worker counts as gone, and
                # what lost its job is found by no one.
                log.exception("sweep_failed_unexpectedly")
            if self._stopped.wait(self._sweep_seconds):
                return
