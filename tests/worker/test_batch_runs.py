"""Runs in the mode `batch` worked on by real workers, against a simulated Batch API."""

from grader.domain.selection import read_where
from grader.domain.transcript import Transcript
from grader.runs.create import create_run, resolve_panel
from grader.runs.steer import cancel_run
from grader.store import transcripts
from grader.store.batches import find_open_batches
from grader.testing import SimulatedProvider
from grader.views import get_view
from tests.servers import wait_until
from tests.worker.installation import RUBRIC, Installation, simulated_panel


def create_batch_run(installation: Installation, provider: SimulatedProvider, count: int) -> str:
    given = [
        Transcript(messages=[{"role": "user", "content": f"{n}: will you?"}]) for n in range(count)
    ]
    with installation.store.transaction() as connection:
        transcripts.add_transcripts(connection, given)
        run_id = create_run(
            connection,
            rubrics=(RUBRIC,),
            panel=resolve_panel(simulated_panel(), {"openai": (provider.base_url,)}),
            view=get_view("plain"),
            selection={},
            shard_transcripts=5,
            where=read_where({}),
            mode="batch",
        )
    installation.queue.enqueue(run_id)
    return run_id


def has_waiting_batch(installation: Installation, run_id: str) -> bool:
    with installation.store.reading() as connection:
        rows = find_open_batches(connection, run_id)
    return any(row.status == "waiting" for row in rows)


def test_a_batch_outlives_the_worker_that_made_it(
    on_sqlite: Installation, provider: SimulatedProvider
) -> None:
    provider.behave(batch={"seconds": 1.0})
    on_sqlite.ask_at(provider.base_url)
    worker = on_sqlite.start_worker()
    run_id = create_batch_run(on_sqlite, provider, 12)
    wait_until(lambda: has_waiting_batch(on_sqlite, run_id), seconds=45)
    worker.kill()
    on_sqlite.flush_redis()
    on_sqlite.start_worker()
    on_sqlite.await_status(run_id, "finished")

    assert on_sqlite.progress(run_id).counts.given == 12
    assert len(on_sqlite.labels(run_id)) == 12
    stats = provider.stats()
    assert (stats["batches"]["created"], stats["batches"]["lines"]) == (1, 12)
    assert stats["received"] == 0


def test_what_two_batches_left_open_is_asked_live(
    on_sqlite: Installation, provider: SimulatedProvider
) -> None:
    provider.behave(batch={"missing_share": 1.0})
    on_sqlite.ask_at(provider.base_url)
    on_sqlite.start_worker()
    run_id = create_batch_run(on_sqlite, provider, 7)
    on_sqlite.await_status(run_id, "finished")

    assert on_sqlite.progress(run_id).counts.given == 7
    stats = provider.stats()
    assert (stats["batches"]["created"], stats["accepted"]) == (2, 7)


def test_a_cancelled_run_has_its_batch_cancelled_and_keeps_what_it_brought(
    on_sqlite: Installation, provider: SimulatedProvider
) -> None:
    provider.behave(batch={"seconds": 600, "cancelled_share": 0.5})
    on_sqlite.ask_at(provider.base_url)
    on_sqlite.start_worker()
    run_id = create_batch_run(on_sqlite, provider, 8)
    wait_until(lambda: has_waiting_batch(on_sqlite, run_id), seconds=45)
    with on_sqlite.store.transaction() as connection:
        cancel_run(connection, run_id)
    wait_until(lambda: on_sqlite.progress(run_id).counts.given == 4, seconds=45)

    assert on_sqlite.status(run_id) == "cancelled"
    assert provider.stats()["batches"]["cancelled"] == 1
