"""Finish: write how far a shard is, and end a run when nothing is pending any more.

Whatever became of each judgment: a failure is an end too.
"""

import sqlalchemy as sa

from grader.runs.shard import ShardWork
from grader.store import runs, shards
from grader.store.labels import record_labels


def record_progress(connection: sa.Connection, work: ShardWork, *, lease: str) -> None:
    """Write a shard's counts and fresh labels, unless its lease was lost."""
    held = not work.is_lost and shards.record_shard(
        connection,
        work.shard,
        lease=lease,
        counts=work.counts,
        finished_transcripts=work.finished_transcripts,
        is_finished=work.is_finished,
    )
    if not held:
        return
    record_labels(connection, work.run.run_id, work.fresh_labels())
    if work.is_finished and work.counts.failed:
        # A retry that was asked for meanwhile meant these failures too.
        now = runs.get_run(connection, work.run.run_id)
        if now.retried_at != work.run.retried_at:
            shards.reopen_failed_shards(connection, work.run.run_id)


def finish_if_done(connection: sa.Connection, run_id: str) -> bool:
    """Mark a running run as finished when its last shard is; tells whether it did."""
    shards.lock_run(connection, run_id)
    if shards.has_unfinished(connection, run_id):
        return False
    return runs.try_move_run(connection, run_id, "finished")
