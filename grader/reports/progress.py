"""How far a run is, how quick, and when it will be done: what `watch`, REST and events show.

Nothing is sampled and no history is kept: the speed is counted from the judgments themselves, whose
ids tell when they were made. So every process gives the same answer, at once.
"""

from collections.abc import Callable
from datetime import datetime, timedelta

import sqlalchemy as sa

from grader.domain.identity import utc_now
from grader.domain.noun import Noun
from grader.domain.run import Counts, RunStatus
from grader.errors import StoreUnavailable
from grader.reports.run_records import (
    RunCost,
    RunCounts,
    RunJudge,
    RunRecord,
    Server,
    Speed,
    run_cost,
    run_counts,
    run_judges,
    run_record,
)
from grader.store import runs
from grader.store.runs import RunProgress, RunRow
from grader.store.summaries import count_made_since

_WINDOW = timedelta(seconds=60)
_LEAST_SECONDS = 1.0

FindServers = Callable[[], dict[str, Server]]
"""Asks how busy the servers are; raises StoreUnavailable where nobody knows."""


class RunState(Noun):
    """Everything of a run that changes while it goes on."""

    run_id: str
    status: RunStatus
    reason: str | None
    """Why a run is paused or failed."""
    counts: RunCounts
    cost: RunCost
    judges: tuple[RunJudge, ...]
    speed: Speed | None
    """How quick it is at present; null unless it is running."""
    started_at: datetime | None
    finished_at: datetime | None


def show_run(
    connection: sa.Connection, run_id: str, *, find_servers: FindServers | None = None
) -> RunRecord:
    """Return one run with its speed; raises NotFound."""
    row = runs.get_run(connection, run_id)
    progress = runs.get_progress(connection, run_id)
    speed = measure_speed(connection, row, progress, find_servers=find_servers)
    return run_record(row, progress, speed=speed)


def show_state(
    connection: sa.Connection, run_id: str, *, find_servers: FindServers | None = None
) -> RunState:
    """Return what of a run may have changed; raises NotFound."""
    row = runs.get_run(connection, run_id)
    progress = runs.get_progress(connection, run_id)
    return RunState(
        run_id=run_id,
        status=row.status,
        reason=row.reason,
        counts=run_counts(row, progress),
        cost=run_cost(row, progress),
        judges=run_judges(row, progress),
        speed=measure_speed(connection, row, progress, find_servers=find_servers),
        started_at=row.started_at,
        finished_at=row.finished_at,
    )


def measure_speed(
    connection: sa.Connection,
    run: RunRow,
    progress: RunProgress,
    *,
    find_servers: FindServers | None = None,
) -> Speed | None:
    """Return how quick a run is, None for one that is not running."""
    if run.status != "running" or run.started_at is None:
        return None
    now = utc_now()
    since = max(now - _WINDOW, run.started_at)
    seconds = max(_LEAST_SECONDS, (now - since).total_seconds())
    made = count_made_since(connection, run.run_id, since)
    per_minute = 60 * made / seconds
    return Speed(
        judgments_per_minute=round(per_minute, 1),
        eta_seconds=_eta_seconds(progress.counts, per_minute),
        servers=_servers_of(run, find_servers),
    )


def _servers_of(run: RunRow, find_servers: FindServers | None) -> dict[str, Server] | None:
    mine = {j.base_url for j in run.spec.panel.judges if j.kind == "llm"}
    if find_servers is None:
        return None
    if not mine:
        return {}
    try:
        return {url: server for url, server in find_servers().items() if url in mine}
    except StoreUnavailable:
        # Redis may be away: how far the run is, the database knows.
        return None


def _eta_seconds(counts: Counts, per_minute: float) -> float | None:
    """Return how long the pending judgments take, less the share that will be reused.

    Reuse is known shard by shard as they are leased: the rest is taken to be like what is known.
    """
    if not counts.pending:
        return 0.0
    settled = counts.expected - counts.pending
    missing = settled - counts.reused - counts.excluded
    if per_minute <= 0 or missing <= 0:
        return None
    return round(counts.pending * missing / settled / per_minute * 60, 1)
