"""Calls that were paid for a question without an answer are kept, charged once, and shown."""

import pytest
import sqlalchemy as sa

from grader.errors import JudgeUnavailable, ProviderBusy, Unanswered
from grader.judges.question import Question
from grader.runs.steer import resume_run
from grader.store import Store, schema
from grader.store.judgments import find_judgments
from tests.runs.draining import (
    ScriptedJudge,
    answer,
    attempt,
    drain_all,
    find_run,
    make_run,
    panel,
    progress,
)


def raising(error: Unanswered, *paid: int) -> Unanswered:
    error.attempts = tuple(attempt(cost, "not accepted") for cost in paid)
    return error


def costs(store: Store, run_id: str) -> set[tuple[int, ...]]:
    """Return what each attempt cost, for all judgments of a run."""
    with store.reading() as connection:
        hashes = list(connection.scalars(sa.select(schema.run_transcripts.c.transcript_hash)))
        rows = connection.execute(sa.select(schema.judgments)).all()
        found = find_judgments(
            connection,
            hashes,
            rubric_hashes={row.rubric_hash for row in rows},
            judge_hashes={row.judge_hash for row in rows},
            view_hashes={row.view_hash for row in rows},
            with_attempts=True,
        )
    return {
        tuple(each.cost_microusd for each in stored.judgment.attempts)
        for stored in found
        if stored.run_id == run_id
    }


def open_rows(store: Store) -> int:
    with store.reading() as connection:
        return connection.scalar(sa.select(sa.func.count()).select_from(schema.unanswered)) or 0


def test_calls_before_a_busy_answer_stand_before_the_attempts_of_the_judgment(
    store: Store,
) -> None:
    run_id = make_run(store, 6, panel=panel())

    def answering(question: Question) -> object:
        if judge.asked[question.key] < 3:
            return raising(ProviderBusy("busy"), 10 * judge.asked[question.key], 1)
        return answer(question, attempts=(attempt(500),))

    judge = ScriptedJudge(answering=answering)
    drain_all(store, (run_id, judge))
    assert costs(store, run_id) == {(10, 1, 20, 1, 500)}
    paid = progress(store, run_id).paid
    assert [(each.calls, each.cost_microusd, each.given) for each in paid] == [(30, 3192, 6)]
    assert open_rows(store) == 0


@pytest.mark.parametrize("is_other_run", [False, True])
def test_calls_before_a_key_was_revoked_are_found_again_by_whoever_asks_next(
    store: Store, is_other_run: bool
) -> None:
    run_id = make_run(store, 40, panel=panel())

    def revoked(_question: Question) -> object:
        return raising(JudgeUnavailable("401"), 7) if len(judge.asked) > 20 else None

    judge = ScriptedJudge(answering=revoked)
    drain_all(store, (run_id, judge))
    run = find_run(store, run_id)
    assert (run.status, run.reason) == ("paused", "judge_unavailable: 401")
    before = progress(store, run_id)
    left = open_rows(store)
    assert before.counts.given >= 1, "what was answered is kept"
    assert left >= 1
    assert before.cost_microusd == 7 * left
    again = ScriptedJudge(answering=lambda question: answer(question, attempts=(attempt(100),)))
    if is_other_run:
        finishing = make_run(store, 40, panel=panel())
    else:
        finishing = run_id
        with store.transaction() as connection:
            resume_run(connection, run_id)
    drain_all(store, (finishing, again))
    assert find_run(store, finishing).status == "finished"
    assert sum(again.asked.values()) == 40 - before.counts.given
    assert (7, 100) in costs(store, finishing)
    assert open_rows(store) == 0
    asked_again = sum(again.asked.values())
    total = 7 * left + 100 * asked_again
    assert sum(progress(store, each).cost_microusd for each in {run_id, finishing}) == total
