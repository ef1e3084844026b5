"""Databases that are full, go away, or refuse a row while a run is drained: nothing is lost."""

import asyncio
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from grader.errors import StoreUnavailable
from grader.judges.question import Question
from grader.runs.drain import Pace
from grader.runs.steer import retry_run
from grader.store import Store, schema
from tests.runs.draining import (
    ScriptedJudge,
    answer,
    attempt,
    count_labels,
    drain,
    drain_all,
    find_run,
    make_run,
    panel,
    progress,
)
from tests.servers import PostgresDatabases
from tests.store.migrated import migrated_postgresql, migrated_sqlite

BEYOND_64_BITS = 1 << 70


def test_an_answer_that_cannot_be_stored_fails_alone_with_the_reason(store: Store) -> None:
    run_id = make_run(store, 30, panel=panel())

    def one_is_bad(question: Question) -> object:
        bad = question.key == next(iter(judge.asked))
        values = {"occurred": BEYOND_64_BITS if bad else True}
        return answer(question, values=values, attempts=(attempt(5),))

    judge = ScriptedJudge(answering=one_is_bad, seconds=0)
    drain_all(store, (run_id, judge))
    assert find_run(store, run_id).status == "finished"
    found = progress(store, run_id)
    assert (found.counts.given, found.counts.failed) == (29, 1)
    assert (found.paid[0].calls, found.cost_microusd) == (30, 150)
    with store.reading() as connection:
        row = connection.execute(
            sa.select(schema.judgments).where(schema.judgments.c.status == "failed")
        ).one()
    assert row.reason == "provider_error"
    assert row.detail.startswith("the answer cannot be stored: ")
    assert count_labels(store, run_id) == 30
    with store.transaction() as connection:
        retry_run(connection, run_id)
    drain_all(store, (run_id, ScriptedJudge()))
    assert progress(store, run_id).counts.given == 30


class LimitedStore(Store):
    """A store on a full disk, until it has been told so once."""

    def __init__(self, url: str, *, pages: int) -> None:
        super().__init__(url)
        self.told: list[str] = []
        self._pages: int | None = pages
        sa.event.listen(self.engine, "checkout", self._limit)

    @contextmanager
    def transaction(self) -> Iterator[sa.Connection]:
        try:
            with super().transaction() as connection:
                yield connection
        except StoreUnavailable as error:
            self.told.append(str(error))
            self._pages = None
            raise

    def _limit(self, connection: sqlite3.Connection, *_: Any) -> None:
        connection.execute(f"PRAGMA max_page_count = {self._pages or 1_000_000}")


def test_a_full_disk_is_waited_for_and_costs_no_answer(
    tmp_path: Path, sqlite_template: Path
) -> None:
    url = migrated_sqlite(tmp_path, sqlite_template)
    roomy = Store(url)
    run_id = make_run(roomy, 60, panel=panel())
    with roomy.reading() as connection:
        pages = int(connection.scalar(sa.text("PRAGMA page_count")) or 0)
    roomy.close()
    store = LimitedStore(url, pages=pages)
    judge = ScriptedJudge(
        answering=lambda question: answer(question, explanation="Because. " * 200), seconds=0.001
    )
    drain_all(store, (run_id, judge))
    assert any("full" in told for told in store.told)
    assert find_run(store, run_id).status == "finished"
    assert count_labels(store, run_id) == 60
    assert len(judge.asked) == sum(judge.asked.values()) == 60
    store.close()


def test_a_database_server_that_restarts_in_mid_run_loses_and_doubles_nothing(
    postgres_server: PostgresDatabases,
) -> None:
    url = migrated_postgresql(postgres_server)
    store = Store(url)
    run_id = make_run(store, 150, panel=panel())
    judge = ScriptedJudge(
        seconds=0.05, answering=lambda question: answer(question, attempts=(attempt(3),))
    )

    async def work() -> None:
        draining = asyncio.create_task(drain(store, run_id, judge))
        while len(judge.asked) < 50:
            await asyncio.sleep(0.01)
        await asyncio.to_thread(shut_out, url, is_shut=True)
        asked = len(judge.asked)
        while judge.in_flight and len(judge.asked) < asked + 20:
            await asyncio.sleep(0.01)
        await asyncio.to_thread(shut_out, url, is_shut=False)
        await draining

    asyncio.run(work())
    assert find_run(store, run_id).status == "finished"
    assert len(judge.asked) == sum(judge.asked.values()) == 150
    assert count_labels(store, run_id) == 150
    (paid,) = progress(store, run_id).paid
    assert (paid.given, paid.calls, paid.cost_microusd) == (150, 150, 450)
    store.close()
    postgres_server.drop_database(url)


def shut_out(url: str, *, is_shut: bool) -> None:
    """Cut every connection to a database and let nobody in, as its server does that restarts."""
    parsed = sa.make_url(url)
    admin = sa.create_engine(parsed.set(database="postgres"), isolation_level="AUTOCOMMIT")
    name = parsed.database
    with admin.connect() as connection:
        connection.execute(sa.text(f"ALTER DATABASE {name} ALLOW_CONNECTIONS {not is_shut}"))
        if is_shut:
            connection.execute(
                sa.text(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = :name"
                ),
                {"name": name},
            )
    admin.dispose()


@pytest.mark.parametrize("at", [1, 2])
def test_what_was_committed_without_being_heard_of_counts_once(store: Store, at: int) -> None:
    """The connection is lost after a commit, of a claim or of answers: it is made again."""
    run_id = make_run(store, 40, panel=panel())
    deaf = DeafStore(store.url, at=at)
    judge = ScriptedJudge(answering=lambda question: answer(question, attempts=(attempt(3),)))
    quick = Pace(max_active=16, lease_seconds=1, flush_seconds=0.02, stop_grace_seconds=5)
    while find_run(store, run_id).status == "running":
        asyncio.run(drain(deaf, run_id, judge, pace=quick))
    deaf.close()
    assert len(judge.asked) == sum(judge.asked.values()) == 40
    (paid,) = progress(store, run_id).paid
    assert (paid.given, paid.calls, paid.cost_microusd) == (40, 40, 120)


class DeafStore(Store):
    """A store whose commits from the nth to the third succeed unheard."""

    def __init__(self, url: str, *, at: int) -> None:
        super().__init__(url)
        self._unheard = list(range(at, 4))
        self._count = 0

    @contextmanager
    def transaction(self) -> Iterator[sa.Connection]:
        with super().transaction() as connection:
            yield connection
        self._count += 1
        if self._count in self._unheard:
            raise StoreUnavailable("went away after the commit")
