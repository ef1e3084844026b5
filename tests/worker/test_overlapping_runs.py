"""Two workers, two runs over the same transcripts: the provider is asked once for each judgment."""

import sqlalchemy as sa

from grader.runs.steer import resume_run
from grader.store import schema
from grader.testing import SimulatedProvider
from tests.servers import wait_until
from tests.worker.installation import Installation, simulated_panel


def test_two_workers_on_overlapping_runs_pay_once_for_each_judgment(
    installation: Installation, provider: SimulatedProvider
) -> None:
    provider.behave(latency="lognormal:0.1:0.5:3")
    installation.ask_at(provider.base_url)
    installation.configure({"GRADER_PROVIDER_MAX_IN_FLIGHT": "20", "GRADER_LEASE_SECONDS": "10"})
    for worker in [installation.start_worker(), installation.start_worker()]:
        installation.await_ready(worker)
    first = installation.create_run(120, panel=simulated_panel(2))
    second = installation.create_run(120, panel=simulated_panel(3))
    wait_until(lambda: runs_with_leases(installation) == {first, second}, seconds=20)
    installation.await_status(first, "finished")
    installation.await_status(second, "finished")
    assert provider.stats()["received"] == 360
    for run_id, expected in ((first, 240), (second, 360)):
        assert installation.progress(run_id).counts.given == expected
        assert len(installation.labels(run_id)) == 120
    paid = [installation.progress(run_id).paid for run_id in (first, second)]
    assert sum(each.calls for one in paid for each in one) == 360


def runs_with_leases(installation: Installation) -> set[str]:
    query = sa.select(schema.shards.c.run_id).where(schema.shards.c.status == "leased").distinct()
    with installation.store.reading() as connection:
        return set(connection.scalars(query))


def test_a_key_revoked_half_way_keeps_what_was_answered_and_resume_finishes_the_run(
    on_sqlite: Installation, provider: SimulatedProvider
) -> None:
    provider.behave(latency=0.05)
    on_sqlite.ask_at(provider.base_url)
    on_sqlite.configure({"GRADER_PROVIDER_MAX_IN_FLIGHT": "6"})
    run_id = on_sqlite.create_run(80)
    on_sqlite.start_worker()
    wait_until(lambda: on_sqlite.progress(run_id).counts.given >= 20, seconds=30)
    provider.behave(fails=["unauthorized"])
    on_sqlite.await_status(run_id, "paused")
    assert (on_sqlite.reason(run_id) or "").startswith("judge_unavailable: ")
    wait_until(lambda: not runs_with_leases(on_sqlite))
    kept = on_sqlite.progress(run_id).counts
    assert 20 <= kept.given < 80
    assert kept.failed == 0
    provider.behave(fails=[])
    refused = provider.stats()["received"] - kept.given
    with on_sqlite.store.transaction() as connection:
        resume_run(connection, run_id)
    on_sqlite.queue.enqueue(run_id)
    on_sqlite.await_status(run_id, "finished")
    assert on_sqlite.progress(run_id).counts.given == 80
    assert provider.stats()["received"] == 80 + refused
