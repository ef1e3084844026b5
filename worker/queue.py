"""The queue: a job is the wish that some worker spends time on a run.

The only module of the worker that the API knows. Ids only, JSON only. A job's id names its run, so
that one look at the queue tells who waits; a lost or a superfluous job does no harm.
"""

from collections import Counter

from redis import Redis, exceptions
from redis.backoff import ExponentialBackoff
from redis.exceptions import BusyLoadingError, OutOfMemoryError, RedisError
from redis.retry import Retry
from rq import Queue
from rq.job import Job
from rq.serializers import JSONSerializer

from grader.domain.identity import new_id
from grader.domain.run import Priority
from grader.errors import StoreUnavailable

NAME = "grader"
WORKERS_KEY = "grader:workers"
_FAILED_JOBS_SECONDS = 3600


def connect(url: str) -> "Redis":
    """Return a connection that outlives a short restart of the server."""
    return Redis.from_url(
        url,
        retry=Retry(ExponentialBackoff(cap=0.5, base=0.05), 5),
        retry_on_error=[exceptions.ConnectionError, exceptions.TimeoutError, BusyLoadingError],
        health_check_interval=30,
    )


class WorkQueue:
    """Jobs for runs, in order of arrival; those that somebody waits for before all others."""

    def __init__(self, redis: "Redis") -> None:
        self.redis = redis
        self.rq = Queue(NAME, connection=redis, serializer=JSONSerializer)

    def enqueue(self, run_id: str, *, jobs: int = 1, priority: Priority = "bulk") -> None:
        """Ask for workers on a run; raises StoreUnavailable when Redis does not take it."""
        try:
            for _ in range(jobs):
                self.rq.enqueue(
                    "worker.jobs.work_on",
                    run_id,
                    job_id=f"{run_id}-{new_id('job')}",
                    job_timeout=-1,
                    result_ttl=0,
                    failure_ttl=_FAILED_JOBS_SECONDS,
                    at_front=priority == "interactive",
                )
        except OutOfMemoryError as error:
            raise StoreUnavailable(
                f"Redis is out of memory, and the queue takes nothing: {error}; raise its maxmemory"
            ) from error
        except RedisError as error:
            raise StoreUnavailable(f"Redis does not answer: {error}") from error

    def waiting(self) -> Counter[str]:
        """Return how many jobs wait for each run."""
        try:
            return Counter(_run_of(job_id) for job_id in self.rq.get_job_ids())
        except RedisError as error:
            raise StoreUnavailable(f"Redis does not answer: {error}") from error

    def take(self, run_id: str) -> bool:
        """Take one of a run's jobs out of the queue; False where another worker was quicker."""
        try:
            for job_id in self.rq.get_job_ids():
                if _run_of(job_id) == run_id and self.redis.lrem(self.rq.key, 1, job_id):
                    self.redis.delete(Job.key_for(job_id))
                    return True
        except RedisError as error:
            raise StoreUnavailable(f"Redis does not answer: {error}") from error
        return False

    def ping(self) -> None:
        """Raise StoreUnavailable unless Redis answers."""
        try:
            self.redis.ping()
        except RedisError as error:
            raise StoreUnavailable(f"Redis does not answer: {error}") from error


def _run_of(job_id: str) -> str:
    return job_id.rsplit("-", 1)[0]
