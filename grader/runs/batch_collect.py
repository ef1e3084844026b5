"""Collect an ended batch: its lines are reconciled one by one with the questions of its shards.

Lines come in any order, twice, not at all, or for questions that nobody asked; an answer is one
only with status 200 and a choice. What has no answer stays missing. Each shard is written in one
transaction with how far the batch is.
"""

import asyncio
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from grader.domain.identity import utc_now
from grader.errors import JudgeUnavailable
from grader.runs.batch_files import OutputFile, digest_of
from grader.runs.batch_grip import Grip
from grader.runs.batch_shards import Brought, load_held, write_shard
from grader.runs.shard import ShardWork
from grader.store import Store, batches
from grader.store.batches import BatchRow
from grader.store.overlaps import BATCH_LEASE
from grader.store.unanswered import OpenCalls

if TYPE_CHECKING:
    from grader.judges.batch import BatchJudge, Read
    from grader.judges.provider.batch import OpenAIBatches, RemoteBatch

log = logging.getLogger(__name__)

_ENQUEUED_TOO_MUCH = ("token_limit_exceeded", "rate_limit_exceeded", "batch_limit_exceeded")
"""Codes by which validation fails for want of room, not for a fault of ours."""

_ROOM_SECONDS = 60.0
"""How long shards wait when the provider has no room for another batch."""


class Collector:
    """Records what the batches of one run brought."""

    def __init__(
        self,
        store: Store,
        run_id: str,
        batch_judges: "Mapping[str, BatchJudge]",
        grip: Grip,
    ) -> None:
        self._store = store
        self._run_id = run_id
        self._batch_judges = batch_judges
        self._grip = grip

    def provider_of(self, row: BatchRow) -> "OpenAIBatches":
        return self._batch_judges[row.judge_hash].batches

    async def collect(self, row: BatchRow, remote: "RemoteBatch") -> str | None:
        """Record all that an ended batch brought; returns why the run must pause, if it must.

        Raises:
            LeaseLost: another worker sees to the batch by now.
        """
        self._grip.update(row.batch_id, status="collecting")
        with TemporaryDirectory(prefix="grader-batch-") as folder:
            path = Path(folder) / "output.jsonl"
            path.touch()
            told = [f"{remote.status}: {remote.told}" if remote.told else str(remote.status)]
            told += await self._download(row, remote, path)
            output = OutputFile(path)
            found = _Found()
            try:
                if not await self._reconcile(row, remote, output, found):
                    self._grip.let_go_now(row.batch_id)
                    return None
                told += found.tell(row, output)
            finally:
                output.close()
        wait, reason = 0.0, None
        if remote.status == "failed":
            if set(remote.codes) & set(_ENQUEUED_TOO_MUCH):
                wait = _ROOM_SECONDS
            else:
                reason = f"batch_failed: {remote.told or 'the provider does not say why'}"
        if found.unavailable is not None:
            reason = f"judge_unavailable: {found.unavailable}"
        self.end(row, remote.status, detail="; ".join(told), after_seconds=wait)
        return reason

    def end(self, row: BatchRow, status: str, *, detail: str, after_seconds: float = 0.0) -> None:
        """Note that nothing more comes of a batch; the last one of a lease frees its shards."""
        with self._grip.updating(
            row.batch_id, status=status, detail=detail[:2000], ended_at=utc_now()
        ) as connection:
            for number, reserved in list(zip(row.shards.numbers, row.shards.reserved, strict=True))[
                row.shards.done :
            ]:
                batches.settle_reservation(connection, self._run_id, number, reserved)
            batches.free_shards(
                connection, self._run_id, lease=row.lease, after_seconds=after_seconds
            )
        log.info("batch_ended", extra={"batch_id": row.batch_id, "detail": detail[:2000]})

    async def _download(self, row: BatchRow, remote: "RemoteBatch", path: Path) -> list[str]:
        """Write both files one after the other to `path`; returns what is odd about them."""
        provider = self.provider_of(row)
        odd = []
        if remote.output_file_id is None and remote.status == "completed":
            odd.append("the provider names no output file")
        for file_id in (remote.output_file_id, remote.error_file_id):
            if file_id is not None and not await provider.download(file_id, path):
                odd.append(f"the provider has the file {file_id} no more")
            # A file may end without the end of its last line.
            with path.open("ab") as end:
                end.write(b"\n")
        return odd

    async def _reconcile(
        self, row: BatchRow, remote: "RemoteBatch", output: OutputFile, found: "_Found"
    ) -> bool:
        """Record shard by shard; False where this worker was told to stop before the end."""
        from grader.judges.provider.batch_lines import find_fault

        judge = self._batch_judges[row.judge_hash]
        for place, number in enumerate(row.shards.numbers):
            if self._grip.stop():
                return False
            self._grip.beat_if_due()
            work, _ = load_held(self._store, self._run_id, number)
            open_now = set(work.open_keys)
            is_done = place < row.shards.done
            brought = Brought()
            for questions in work.planned_calls():
                if questions[0].judge.judge_hash != row.judge_hash:
                    continue
                digest = digest_of(questions)
                taken = output.take(digest)
                if taken is None:
                    continue
                step, line = taken
                mode = judge.modes[min(step, len(judge.modes) - 1)]
                if find_fault(line) is None:
                    found.answered += line.status == 200
                    found.failed += line.status != 200
                if is_done:
                    continue
                ordered = sorted(questions, key=lambda question: question.key not in open_now)
                if ordered[0].key not in open_now:
                    if find_fault(line) is None and line.status == 200:
                        attempt = judge.batches.attempt(judge.spec, mode, line, remote)
                        brought.superseded.append((row.judge_hash, attempt))
                    continue
                read = await judge.read(ordered, line, remote, mode=mode)
                # Other runs are worked on by the same loop.
                await asyncio.sleep(0)
                brought.judgments += read.judgments
                found.note(read)
                if read.attempts:
                    paid = OpenCalls(_paid_id(row, digest), ordered[0].key, read.attempts)
                    brought.unanswered.append(paid)
            if not is_done:
                self._write(row, place, work, brought)
        return True

    def _write(self, row: BatchRow, place: int, work: ShardWork, brought: Brought) -> None:
        shards = row.shards._replace(done=place + 1)
        with self._grip.updating(row.batch_id, shards=shards) as connection:
            write_shard(connection, work, brought, lease=row.lease)
            batches.settle_reservation(
                connection, self._run_id, work.shard.number, row.shards.reserved[place]
            )


@dataclass
class _Found:
    """What was found in the lines of a batch."""

    answered: int = 0
    failed: int = 0
    unreadable_answers: int = 0
    first_fault: str | None = None
    unavailable: JudgeUnavailable | None = None

    def note(self, read: "Read") -> None:
        if read.missing is None:
            return
        self.first_fault = self.first_fault or read.missing
        self.unavailable = self.unavailable or read.unavailable
        self.unreadable_answers += bool(read.attempts)

    def tell(self, row: BatchRow, output: OutputFile) -> list[str]:
        told = [f"{self.answered:,} of {row.requests:,} lines answered"]
        told += [
            f"{count:,} {what}"
            for count, what in (
                (self.failed, "lines that failed for good"),
                (row.requests - self.answered - self.failed, "questions missing again"),
                (self.unreadable_answers, "answers that cannot be used: asked again"),
                (output.duplicates, "lines twice: the first counts"),
                (output.unknown, "lines that nobody asked for"),
                (output.unreadable, "lines that cannot be read"),
            )
            if count > 0
        ]
        return [*told, f"the first fault: {self.first_fault}"] if self.first_fault else told


def _paid_id(row: BatchRow, digest: str) -> str:
    """Return the id of a call without a usable answer, the same each time it is recorded."""
    return f"una_{row.batch_id.removeprefix(BATCH_LEASE)}_{digest[:20]}"
