"""One leased shard: what it consists of, what is still missing, and what it amounts to.

The state lives in memory while the lease is held, and is written after every flush. It is worked
out anew from the database when the shard is claimed, so that nothing depends on what an earlier
worker did or did not get done.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import sqlalchemy as sa

from grader.domain.judge import JudgeSpec
from grader.domain.judgment import Judgment, JudgmentKey
from grader.domain.noun import JsonObject
from grader.domain.rubric import Rubric
from grader.domain.run import Counts
from grader.domain.transcript import Transcript
from grader.grading import count_votes, derive_labels, group_questions, plan_questions
from grader.judges.question import Question
from grader.store import judgments as stored_judgments
from grader.store import runs, transcripts
from grader.store.catalogue import get_rubric_by_hash
from grader.store.judgments import StoredJudgment
from grader.store.labels import NewLabels
from grader.store.runs import RunRow
from grader.store.shards import ShardRow
from grader.views import SeenTranscript


@dataclass(slots=True)
class Member:
    """One transcript of a shard and the questions the panel has about it."""

    transcript_id: str
    seen: SeenTranscript
    questions: dict[JudgmentKey, Question]
    missing: set[JudgmentKey] = field(default_factory=set)
    body_bytes: int = 0
    """How long its canonical JSON is, where anything about it is missing."""


@dataclass(frozen=True, slots=True)
class Ask:
    """What one call asks: a question, or all the rubrics that a judge is asked jointly."""

    questions: tuple[Question, ...]
    """Those that are open come first: the cost of the call stands with the first answer."""
    keys: tuple[JudgmentKey, ...]
    """The questions that are open; answers to others are there already."""
    body_bytes: int

    @property
    def judge(self) -> JudgeSpec:
        return self.questions[0].judge

    def narrowed(self, keys: Iterable[JudgmentKey]) -> "Ask":
        """Return the ask with only these of its questions open."""
        still = frozenset(keys)
        if len(self.questions) == 1:
            return self
        ordered = sorted(self.questions, key=lambda question: question.key not in still)
        return Ask(tuple(ordered), tuple(k for k in self.keys if k in still), self.body_bytes)


class ShardWork:
    """A shard while its lease is held; counts are kept up to date with every judgment."""

    def __init__(
        self,
        run: RunRow,
        shard: ShardRow,
        rubrics: tuple[Rubric, ...],
        members: list[Member],
        found: Sequence[StoredJudgment],
    ) -> None:
        self.run = run
        self.shard = shard
        self.is_lost = False
        self._rubrics = rubrics
        self._members = members
        self._standing = {stored.judgment.key: stored.judgment for stored in found}
        self.replacing = {
            key: judgment.judgment_id
            for key, judgment in self._standing.items()
            if may_be_replaced(judgment, run.retried_at)
        }
        """Failed judgments that this run may replace: key to judgment id."""
        per_member = count_votes(run.spec.panel) * len(rubrics)
        self._counts = Counter(expected=per_member * len(members))
        self._waiting: dict[JudgmentKey, list[Member]] = {}
        self._complete: list[Member] = []
        self.finished_transcripts = 0
        by_key = {stored.judgment.key: stored for stored in found}
        for member in members:
            self._counts["excluded"] += per_member - len(member.questions)
            for key in member.questions:
                stored = by_key.get(key)
                if stored is None or key in self.replacing:
                    member.missing.add(key)
                    self._waiting.setdefault(key, []).append(member)
                    continue
                self._count(stored)
            self._check_complete(member)

    @property
    def open_keys(self) -> list[JudgmentKey]:
        """The questions that no judgment answers."""
        return list(self._waiting)

    def open_asks(self) -> list[Ask]:
        """Return what is to be asked, each question once, a transcript's next to one another."""
        asks: list[Ask] = []
        planned: set[JudgmentKey] = set()
        for member in self._members:
            keys = member.missing - planned
            planned |= keys
            if not keys:
                continue
            for group in group_questions(member.questions.values()):
                wanted = [question.key for question in group if question.key in keys]
                if wanted:
                    asks.append(Ask(group, tuple(wanted), member.body_bytes).narrowed(wanted))
        return asks

    def planned_calls(self) -> list[tuple[Question, ...]]:
        """Return what each call about the shard asks, those that were made already too."""
        return [
            group
            for member in self._members
            for group in group_questions(member.questions.values())
        ]

    @property
    def is_finished(self) -> bool:
        return self.finished_transcripts == len(self._members)

    @property
    def counts(self) -> Counts:
        return Counts(**self._counts)

    def settle(self, stored: StoredJudgment) -> None:
        """Take a judgment that stands in the database by now."""
        key = stored.judgment.key
        waiting = self._waiting.pop(key, ())
        if not waiting:
            return
        self._standing[key] = stored.judgment
        for member in waiting:
            self._count(stored)
            member.missing.discard(key)
            self._check_complete(member)

    def fresh_labels(self) -> list[NewLabels]:
        """Return the labels of the transcripts that became complete and are not written yet."""
        return [
            NewLabels(
                member.transcript_id,
                member.seen.transcript_hash,
                rubric,
                derive_labels(member.seen, rubric, self.run.spec.panel, self._standing),
            )
            for member in self._complete
            for rubric in self._rubrics
        ]

    def forget_labels(self) -> None:
        """Take note that the fresh labels are committed."""
        self._complete = []

    def _count(self, stored: StoredJudgment) -> None:
        self._counts[stored.judgment.status] += 1
        self._counts["reused"] += stored.run_id != self.run.run_id

    def _check_complete(self, member: Member) -> None:
        if not member.missing:
            self.finished_transcripts += 1
            self._complete.append(member)


def load_works(
    connection: sa.Connection, run: RunRow, claimed: Sequence[ShardRow]
) -> list[ShardWork]:
    """Work out what is missing in each of the shards that were claimed."""
    rubrics = tuple(get_rubric_by_hash(connection, r.rubric_hash) for r in run.spec.rubrics)
    return [_load(connection, run, shard, rubrics) for shard in claimed]


def _load(
    connection: sa.Connection, run: RunRow, shard: ShardRow, rubrics: Sequence[Rubric]
) -> ShardWork:
    rows = runs.find_members(
        connection, run.run_id, first=shard.first, limit=shard.last - shard.first + 1
    )
    bodies: dict[str, bytes] = {}
    members = [_member(run, rubrics, row=row, bodies=bodies) for row in rows]
    found = stored_judgments.find_judgments(
        connection,
        [member.seen.transcript_hash for member in members],
        rubric_hashes=[rubric.rubric_hash for rubric in rubrics],
        judge_hashes=[judge.judge_hash for judge in run.spec.panel.judges],
        view_hashes={member.seen.view_hash for member in members},
    )
    work = ShardWork(run, shard, tuple(rubrics), members, found)
    wanted = [member.seen.transcript_hash for member in members if member.missing]
    bodies.update(transcripts.load_bodies(connection, wanted))
    for member in members:
        member.body_bytes = len(bodies.get(member.seen.transcript_hash, b""))
    return work


def _member(
    run: RunRow,
    rubrics: Sequence[Rubric],
    *,
    row: tuple[int, str, str, JsonObject],
    bodies: dict[str, bytes],
) -> Member:
    _, transcript_id, transcript_hash, metadata = row

    def load() -> Transcript:
        return Transcript.load(bodies[transcript_hash], metadata)

    seen = SeenTranscript(
        run.spec.view, transcript_hash=transcript_hash, metadata=metadata, load=load
    )
    questions = plan_questions(seen, rubrics, run.spec.panel)
    return Member(transcript_id, seen, {question.key: question for question in questions})


def may_be_replaced(judgment: Judgment, retried_at: datetime | None) -> bool:
    """Tell whether a run that was retried then asks again for this judgment."""
    return (
        judgment.status == "failed" and retried_at is not None and judgment.created_at < retried_at
    )
