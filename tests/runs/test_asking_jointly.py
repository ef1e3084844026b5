"""All rubrics of a transcript in one call: a judgment for each, and the call is paid for once."""

from grader.judges.question import Question
from grader.runs.steer import retry_run
from grader.store import Store
from tests.runs.draining import (
    ScriptedJointJudge,
    answer,
    attempt,
    count_labels,
    drain_all,
    failure,
    make_run,
    panel,
    progress,
    rubric,
)

SIX = [rubric(f"rubric_{n}") for n in range(6)]


def test_one_call_answers_all_rubrics_of_a_transcript(store: Store) -> None:
    run_id = make_run(store, 20, panel=panel(2, asking="jointly"), rubrics=SIX)
    judge = ScriptedJointJudge()
    drain_all(store, (run_id, judge))
    assert sum(judge.asked.values()) == 40
    assert progress(store, run_id).counts.given == 240
    assert count_labels(store, run_id) == 120


def test_a_retry_asks_all_of_them_again_and_replaces_what_failed_alone(store: Store) -> None:
    run_id = make_run(store, 8, panel=panel(asking="jointly"), rubrics=SIX)

    def half_fails(question: Question) -> object:
        return failure(question) if question.rubric.name > "rubric_2" else None

    drain_all(store, (run_id, ScriptedJointJudge(answering=half_fails)))
    before = progress(store, run_id).counts
    assert (before.given, before.failed) == (24, 24)
    with store.transaction() as connection:
        retry_run(connection, run_id)
    paid = (attempt(60),)
    judge = ScriptedJointJudge(answering=lambda question: answer(question, attempts=paid))
    drain_all(store, (run_id, judge))
    assert sum(judge.asked.values()) == 8
    assert {key.rubric_hash for key in judge.asked} == {SIX[3].rubric_hash}
    after = progress(store, run_id)
    assert (after.counts.given, after.counts.failed) == (48, 0)
    assert after.cost_microusd == 8 * 3 * 60, "what others answered before is not paid for"
