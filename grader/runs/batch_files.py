"""Input and output files of batches: one line a call, found again by what it asks.

A line's custom id is a digest of the natural keys that its call answers, with the step of the
judge's mode ladder behind it. So lines are reconciled without any state of ours: whoever knows the
questions of a shard knows the ids of its lines.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from grader.domain.identity import new_id
from grader.hashing import PREFIX, hash_json
from grader.judges.question import Question
from grader.store.overlaps import BATCH_LEASE

if TYPE_CHECKING:
    from grader.judges.batch import BatchJudge
    from grader.judges.provider.batch_lines import Line

_DIGEST_LENGTH = 60
_OURS = re.compile(rf"([0-9a-f]{{{_DIGEST_LENGTH}}})-(\d+)")


def digest_of(questions: Sequence[Question]) -> str:
    """Return what a call asks, in 60 letters, whatever order its questions are in."""
    keys = sorted(tuple(question.key) for question in questions)
    return hash_json(keys).removeprefix(PREFIX)[:_DIGEST_LENGTH]


def custom_id_of(digest: str, step: int) -> str:
    return f"{digest}-{step}"


@dataclass
class InputFile:
    """The lines of one batch, written one after the other to a file of their own."""

    judge: "BatchJudge"
    path: Path
    batch_id: str = field(default_factory=lambda: new_id(BATCH_LEASE.removesuffix("_")))
    requests: int = 0
    size: int = 0
    reserved: dict[int, int] = field(default_factory=dict)
    """What the lines of each shard may cost at most, by the shard's number."""
    _handle: BinaryIO | None = None

    @property
    def name(self) -> str:
        return f"{self.batch_id}.jsonl"

    def include(self, number: int) -> None:
        """Note that a shard waits for this batch."""
        self.reserved.setdefault(number, 0)

    def write(self, line: bytes, *, number: int, most_microusd: int) -> None:
        if self._handle is None:
            self._handle = self.path.open("wb")
        self._handle.write(line)
        self.requests += 1
        self.size += len(line)
        self.reserved[number] = self.reserved.get(number, 0) + most_microusd

    def close(self) -> None:
        if self._handle is not None:
            self._handle.close()
            self._handle = None


class OutputFile:
    """What a provider answered: its lines by what they answer, read when they are wanted.

    Only where each line stands is kept in memory. The first line of an id counts.
    """

    def __init__(self, path: Path) -> None:
        from grader.judges.provider.batch_lines import read_line

        self._read_line = read_line
        self._places: dict[str, tuple[int, int, int]] = {}
        """Digest → the step of the mode ladder, and where its line begins and ends."""
        self._known: set[str] = set()
        self.duplicates = 0
        self.unreadable = 0
        self._content: BinaryIO = path.open("rb")
        self._index()

    def take(self, digest: str) -> "tuple[int, Line] | None":
        """Return the line that answers a call, with the step of the ladder it was asked by.

        Only once: what several shards wait for is recorded with the first of them.
        """
        place = self._places.get(digest)
        if place is None or digest in self._known:
            return None
        self._known.add(digest)
        step, start, end = place
        self._content.seek(start)
        line = self._read_line(self._content.read(end - start))
        assert line is not None
        return step, line

    @property
    def unknown(self) -> int:
        """How many lines nobody asked for."""
        return len(self._places.keys() - self._known)

    def close(self) -> None:
        self._content.close()

    def _index(self) -> None:
        start = 0
        for raw in self._content:
            end = start + len(raw)
            line = self._read_line(raw) if raw.strip() else None
            if line is not None:
                ours = _OURS.fullmatch(line.custom_id)
                digest, step = ours.groups() if ours else (line.custom_id, "0")
                if digest in self._places:
                    self.duplicates += 1
                else:
                    self._places[digest] = (int(step), start, end)
            elif raw.strip():
                self.unreadable += 1
            start = end
