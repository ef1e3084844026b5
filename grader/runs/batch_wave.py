"""A wave of batches while it is planned: shards under one lease, and a file for each judge."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from grader.domain.identity import new_id, utc_now
from grader.runs.batch_files import InputFile
from grader.store.batches import BatchRow, BatchShards
from grader.store.overlaps import BATCH_LEASE

if TYPE_CHECKING:
    from grader.judges.batch import BatchJudge

MAX_REQUESTS = 50_000
MAX_FILE_BYTES = 200_000_000
"""What OpenAI takes in one input file."""


class Limits(NamedTuple):
    """What one input file may hold."""

    requests: int = MAX_REQUESTS
    file_bytes: int = MAX_FILE_BYTES


@dataclass
class Wave:
    """Shards under one lease, and what is asked about them."""

    folder: Path
    lease: str = field(default_factory=lambda: new_id(BATCH_LEASE.removesuffix("_")))
    files: list[InputFile] = field(default_factory=list)
    shards: int = 0
    asked: set[str] = field(default_factory=set)
    """What is asked, by digest: transcripts with the same messages are asked about once."""
    in_part: set[int] = field(default_factory=set)
    """Shards about which not all that is open is asked."""
    left_microusd: int | None = None
    """What the lines may still cost at most; None for no bound."""
    reserved_microusd: int = 0
    is_short: bool = False
    """Whether a line was left out because the budget did not allow it."""
    is_full: bool = False

    def file_for(self, judge: "BatchJudge", size: int, limits: Limits) -> InputFile:
        """Return the judge's file that takes a line of this size; a new one if need be."""
        own = [file for file in self.files if file.judge is judge]
        if own:
            last = own[-1]
            if last.requests < limits.requests and last.size + size <= limits.file_bytes:
                return last
            self.is_full = True
        made = InputFile(judge, self.folder / f"{len(self.files)}.jsonl")
        self.files.append(made)
        return made

    def close(self) -> None:
        for file in self.files:
            file.close()

    def row_of(self, file: InputFile, run_id: str) -> BatchRow:
        """Return the record of a file's batch before anything is sent."""
        now = utc_now()
        return BatchRow(
            batch_id=file.batch_id,
            run_id=run_id,
            judge_hash=file.judge.spec.judge_hash,
            base_url=file.judge.batches.base_url,
            remote_id=None,
            input_file_id=None,
            status="preparing",
            lease=self.lease,
            shards=BatchShards(
                tuple(file.reserved),
                tuple(file.reserved.values()),
                in_part=tuple(self.in_part & file.reserved.keys()),
            ),
            requests=file.requests,
            detail=None,
            created_at=now,
            checked_at=now,
            ended_at=None,
        )
