"""A small run that somebody waits for goes before bulk, without standing still of the bulk."""

from grader.testing import SimulatedProvider
from tests.servers import wait_until
from tests.worker.installation import Installation


def test_the_only_worker_serves_an_interactive_run_beside_a_bulk_run(
    on_sqlite: Installation, provider: SimulatedProvider
) -> None:
    provider.behave(latency="lognormal:0.3:0.5:7")
    on_sqlite.ask_at(provider.base_url)
    on_sqlite.configure({"GRADER_PROVIDER_MAX_IN_FLIGHT": "8", "GRADER_SLICE_SECONDS": "600"})
    bulk = on_sqlite.create_run(400, name="bulk")
    on_sqlite.start_worker()
    wait_until(lambda: provider.stats()["in_flight"] >= 8, seconds=30)
    small = on_sqlite.create_run(3, name="small", priority="interactive")
    in_flight = []

    def is_finished() -> bool:
        in_flight.append(provider.stats()["in_flight"])
        return on_sqlite.status(small) == "finished"

    wait_until(is_finished, seconds=30)
    assert on_sqlite.status(bulk) == "running"
    assert on_sqlite.progress(bulk).counts.pending > 200
    assert min(in_flight) > 0, "the pool of the bulk run never empties"
    assert len(on_sqlite.labels(small)) == 3


def test_an_interactive_run_is_taken_before_bulk_runs_that_wait_longer(
    on_sqlite: Installation,
) -> None:
    bulk = on_sqlite.create_run(5, name="bulk")
    small = on_sqlite.create_run(5, name="small", priority="interactive")
    waiting = [job_id.rsplit("-", 1)[0] for job_id in on_sqlite.queue.rq.get_job_ids()]
    assert waiting == [small, bulk]


def test_a_job_is_taken_out_of_the_queue_once(on_sqlite: Installation) -> None:
    bulk = on_sqlite.create_run(5, name="bulk")
    small = on_sqlite.create_run(5, name="small", priority="interactive")
    assert on_sqlite.queue.take(small)
    assert not on_sqlite.queue.take(small)
    assert on_sqlite.queue.waiting() == {bulk: 1}
