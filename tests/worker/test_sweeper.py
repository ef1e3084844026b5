"""The sweeper goes on sweeping, whatever a sweep ran into."""

import pytest

from tests.servers import wait_until
from tests.worker.installation import Installation
from worker.sweeper import Sweeper


def test_a_sweep_that_ran_into_what_nobody_foresaw_is_logged_and_the_next_one_sweeps(
    on_sqlite: Installation, caplog: pytest.LogCaptureFixture
) -> None:
    run_id = on_sqlite.create_run(3, enqueue=False)
    queue = on_sqlite.queue
    queue.redis.rpush(queue.rq.key, b"\xff")
    sweeper = Sweeper(on_sqlite.store, queue, worker="worker-0", sweep_seconds=0.05)
    sweeper.start()
    try:
        wait_until(lambda: "sweep_failed_unexpectedly" in caplog.messages)
        queue.redis.lpop(queue.rq.key)
        wait_until(lambda: queue.waiting()[run_id] == 1)
    finally:
        sweeper.stop()
    (failed, *_) = (record for record in caplog.records if record.exc_info)
    assert "UnicodeDecodeError" in (failed.exc_text or str(failed.exc_info))
