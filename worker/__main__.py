"""`python -m worker`: one worker process, until SIGTERM.

A SimpleWorker, which runs jobs in this very process: clients and connections stay across jobs, and
a kill leaves no orphan behind. On SIGTERM it finishes or hands back what is in flight. RQ's worker
gives up when Redis refuses it something (out of memory, for instance); this one begins anew.
"""

import gc
import logging
import sys
import time
from itertools import count

from redis.exceptions import RedisError
from rq import SimpleWorker
from rq.exceptions import StopRequested
from rq.serializers import JSONSerializer

from grader.errors import GraderError
from grader.settings import Settings
from grader.telemetry import start_logging
from worker import context as contexts
from worker.queue import WorkQueue, connect
from worker.sweeper import Sweeper

log = logging.getLogger("worker")

_PAUSE_SECONDS = 1.0


class DrainingWorker(SimpleWorker):
    """RQ's worker, which tells the pool of calls to stop when it is told so itself."""

    def handle_warm_shutdown_request(self) -> None:
        contexts.current().is_stopping = True


def main() -> int:
    settings = Settings()
    start_logging(settings.log_level)
    try:
        context = contexts.WorkerContext(settings)
    except GraderError as error:
        log.error("worker_cannot_start", extra={"error": str(error)})
        return 1
    contexts.enter(context)
    # Importing the providers' libraries takes seconds: before the first job, not in it.
    import grader.judges.provider  # noqa: F401

    # They stay for good: the collector need not look through them again and again.
    gc.collect()
    gc.freeze()
    sweeper = Sweeper(
        context.store, context.queue, worker=context.name, sweep_seconds=settings.sweep_seconds
    )
    sweeper.start()
    log.info("worker_ready", extra={"worker": context.name})
    try:
        _work(context, settings.redis_url)
    finally:
        sweeper.stop()
        context.close()
    log.info("worker_stopped", extra={"worker": context.name})
    return 0


def _work(context: contexts.WorkerContext, redis_url: str) -> None:
    """Work on jobs until this process is told to stop."""
    # Connections of its own: RQ waits in them far longer than others may wait for an answer.
    redis = connect(redis_url)
    for number in count():
        try:
            # Under a name of its own: the one before may not have been able to say goodbye.
            worker = DrainingWorker(
                [WorkQueue(redis).rq],
                name=f"{context.name}-{number}",
                connection=redis,
                serializer=JSONSerializer,
            )
            worker.work(logging_level="WARNING")
            if not context.is_stopping:
                log.warning("worker_begins_anew", extra={"worker": context.name})
                time.sleep(_PAUSE_SECONDS)
        except RedisError as error:
            log.warning("redis_refuses", extra={"worker": context.name, "error": str(error)})
            time.sleep(_PAUSE_SECONDS)
        except StopRequested:
            return
        if context.is_stopping:
            return


if __name__ == "__main__":
    sys.exit(main())
