"""The judgments of a run in a fixed order, the excluded ones among them.

A run's judgments are not rows of its own: they stand under natural keys that runs share. This
walks the run's transcripts and looks up what each of them asks.
"""

from collections.abc import Iterator
from typing import NamedTuple

import sqlalchemy as sa

from grader.domain.judgment import JudgmentKey, JudgmentStatus, Usage
from grader.domain.rubric import Rubric
from grader.domain.transcript import Transcript
from grader.grading import count_votes, plan_questions, repeats_of, seat
from grader.judges.question import Question
from grader.reports.records import JudgmentRecord, judgment_record
from grader.store import judgments, runs, summaries
from grader.store.catalogue import get_rubric_by_hash
from grader.store.judgments import StoredJudgment
from grader.store.runs import RunRow
from grader.views import SeenTranscript

_MEMBERS_AT_ONCE = 200


class Position(NamedTuple):
    """Where a page of a run's judgments begins: a transcript's number, and how far into it.

    It counts places of the plan, judged or not yet, so that it holds while the run goes on.
    """

    member: int = 0
    skip: int = 0


def find_run_judgments(
    connection: sa.Connection,
    run: RunRow,
    *,
    start: Position,
    limit: int,
    status: JudgmentStatus | None = None,
) -> tuple[list[JudgmentRecord], Position | None]:
    """Return up to `limit` judgments from `start` on, and where the next page begins.

    With a status, only shards are looked at in which it may be found.
    """
    rubrics = [get_rubric_by_hash(connection, r.rubric_hash) for r in run.spec.rubrics]
    page: list[JudgmentRecord] = []
    at_once = _MEMBERS_AT_ONCE
    if status is None:
        # Each transcript brings as many as the panel gives: no more is loaded than fills the page.
        at_once = min(at_once, limit // max(1, count_votes(run.spec.panel) * len(rubrics)) + 1)
    for first, last in _parts(connection, run, start, status, at_once=at_once):
        members = runs.find_members(connection, run.run_id, first=first, limit=last - first + 1)
        seen = [
            SeenTranscript(
                run.spec.view, transcript_hash=its_hash, metadata=metadata, load=_not_needed
            )
            for _, _, its_hash, metadata in members
        ]
        stored = judgments.find_judgments(
            connection,
            [one.transcript_hash for one in seen],
            rubric_hashes=[r.rubric_hash for r in rubrics],
            judge_hashes=[j.judge_hash for j in run.spec.panel.judges],
            view_hashes={one.view_hash for one in seen},
            with_attempts=True,
        )
        by_key = {each.judgment.key: each for each in stored}
        for (number, transcript_id, _, _), one in zip(members, seen, strict=True):
            records = _records(run, rubrics, one, transcript_id, by_key)
            for index, record in enumerate(records):
                if record is None or (number == start.member and index < start.skip):
                    continue
                if status is not None and record.status != status:
                    continue
                if len(page) == limit:
                    return page, Position(number, index)
                page.append(record)
    return page, None


def _parts(
    connection: sa.Connection,
    run: RunRow,
    start: Position,
    status: JudgmentStatus | None,
    *,
    at_once: int,
) -> Iterator[tuple[int, int]]:
    """Yield numbers of transcripts, from and to, among which a page's judgments may be."""
    spans = [(start.member, run.transcripts - 1)]
    # A judgment that is pending is no judgment yet: no list shows any.
    if status is not None and status != "pending":
        spans = summaries.find_spans(connection, run.run_id, status, first=start.member)
    for begin, end in spans:
        for first in range(max(begin, start.member), end + 1, at_once):
            yield first, min(end, first + at_once - 1)


def _records(
    run: RunRow,
    rubrics: list[Rubric],
    seen: SeenTranscript,
    transcript_id: str,
    by_key: dict[JudgmentKey, StoredJudgment],
) -> list[JudgmentRecord | None]:
    """Return what became of each place of the plan; None for a judgment that is still to come."""
    panel = run.spec.panel
    found: list[JudgmentRecord | None] = [
        _record(question, by_key.get(question.key), transcript_id=transcript_id)
        for question in plan_questions(seen, rubrics, panel)
    ]
    for judge in panel.judges:
        if seat(judge, panel, seen.metadata) != "excluded":
            continue
        found.extend(
            JudgmentRecord(
                judgment_id=None,
                transcript_id=transcript_id,
                transcript_hash=seen.transcript_hash,
                rubric=rubric.name,
                rubric_hash=rubric.rubric_hash,
                judge=judge.name,
                judge_hash=judge.judge_hash,
                view=seen.view.name,
                view_hash=seen.view_hash,
                repeat=repeat,
                status="excluded",
                values={},
                explanation="",
                evidence=(),
                usage=Usage(),
                cost_usd=0.0,
                mode=None,
                created_at=None,
            )
            for repeat in range(repeats_of(judge, panel))
            for rubric in rubrics
        )
    return found


def _record(
    question: Question, stored: StoredJudgment | None, *, transcript_id: str
) -> JudgmentRecord | None:
    if stored is None:
        return None
    record = judgment_record(stored.judgment, transcript_id=transcript_id)
    # The run that paid for it may have called the same judge by another name.
    return record.model_copy(update={"judge": question.judge.name})


def _not_needed() -> Transcript:
    raise AssertionError("a list of judgments needs no messages")
