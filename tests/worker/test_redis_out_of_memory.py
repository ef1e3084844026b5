"""A Redis that takes nothing any more: said plainly, and nothing is lost."""

from collections.abc import Iterator

import pytest
from redis import Redis

from grader.errors import StoreUnavailable
from grader.testing import SimulatedProvider
from tests.servers import wait_until
from tests.worker.installation import Installation


@pytest.fixture
def redis(redis_url: str) -> Iterator["Redis"]:
    with Redis.from_url(redis_url) as client:
        yield client
        client.config_set("maxmemory", 0)


def test_a_queue_without_memory_says_so(on_sqlite: Installation, redis: "Redis") -> None:
    redis.config_set("maxmemory", 1)
    with pytest.raises(StoreUnavailable, match="Redis is out of memory"):
        on_sqlite.queue.enqueue("run_1")


def test_a_run_goes_on_without_memory_and_another_one_once_there_is_some(
    on_sqlite: Installation, redis: "Redis", provider: SimulatedProvider
) -> None:
    provider.behave(latency=0.1)
    on_sqlite.ask_at(provider.base_url)
    on_sqlite.configure({"GRADER_PROVIDER_MAX_IN_FLIGHT": "10"})
    run_id = on_sqlite.create_run(80)
    worker = on_sqlite.start_worker()
    wait_until(lambda: on_sqlite.progress(run_id).counts.given > 0, seconds=30)
    redis.config_set("maxmemory", 1)
    on_sqlite.await_status(run_id, "finished")
    other = on_sqlite.create_run(5, name="other", enqueue=False)
    wait_until(lambda: "sweep_failed" in worker.read_log(max_bytes=100_000))
    redis.config_set("maxmemory", 0)
    on_sqlite.await_status(other, "finished")
    assert worker.is_running()
    worker.ask_to_stop()
    wait_until(lambda: not worker.is_running())
    assert worker.returncode == 0
