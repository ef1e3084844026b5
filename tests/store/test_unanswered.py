"""Calls without an answer: stored and charged once, and part of the judgment that comes at last."""

import sqlalchemy as sa

from grader.domain.judgment import Judgment
from grader.store import Store, runs, schema
from grader.store.judgments import get_judgment, record_judgments, record_unanswered
from grader.store.unanswered import OpenCalls, find_unanswered, open_calls
from tests.store.making import attempt, failure, judgment


def keep(store: Store, *given: OpenCalls) -> int:
    with store.transaction() as connection:
        return record_unanswered(connection, given, run_id="run_a")


def record(store: Store, answer: Judgment, replacing: Judgment | None = None) -> Judgment:
    with store.transaction() as connection:
        (stored,) = record_judgments(
            connection,
            [answer],
            run_id="run_a",
            replacing={replacing.key: replacing.judgment_id} if replacing else {},
            earlier=find_unanswered(connection, [answer.transcript_hash]),
        )
    return stored.judgment


def charged(store: Store) -> tuple[int, int]:
    """Return what the run paid for: calls, and millionths of a dollar."""
    with store.reading() as connection:
        (paid,) = runs.find_paid(connection, "run_a")
    return paid.calls, paid.cost_microusd


def left(store: Store) -> int:
    with store.reading() as connection:
        return connection.scalar(sa.select(sa.func.count()).select_from(schema.unanswered)) or 0


def test_calls_are_stored_and_charged_once_however_often_they_are_written(store: Store) -> None:
    calls = open_calls(judgment().key, (attempt("busy"), attempt("busy again")))
    assert [keep(store, calls), keep(store, calls)] == [14, 0]
    assert (left(store), charged(store)) == (1, (2, 14))


def test_an_answer_takes_the_calls_before_it_and_pays_for_its_own_alone(store: Store) -> None:
    keep(store, open_calls(judgment().key, (attempt("first"),)))
    keep(store, open_calls(judgment().key, (attempt("second"),)))
    other = open_calls(judgment("another").key, (attempt("not this"),))
    keep(store, other)
    answer = judgment()
    record(store, answer)
    assert (left(store), charged(store)) == (1, (4, 28))
    with store.reading() as connection:
        attempts = get_judgment(connection, answer.judgment_id).judgment.attempts
    assert [each.raw_output for each in attempts] == ["first", "second", "yes"]


def test_a_retry_takes_them_too(store: Store) -> None:
    failed = record(store, failure(raw_output="wrong"))
    keep(store, open_calls(failed.key, (attempt("busy"),)))
    again = record(store, judgment(), replacing=failed)
    assert [each.raw_output for each in again.attempts] == ["wrong", "busy", "yes"]
    assert (left(store), charged(store)) == (0, (3, 21))


def test_an_answer_that_came_second_leaves_them_where_they_are(store: Store) -> None:
    record(store, judgment())
    keep(store, open_calls(judgment().key, (attempt("busy"),)))
    stands = record(store, judgment())
    assert [each.raw_output for each in stands.attempts] == []
    assert (left(store), charged(store)) == (1, (3, 21))


def test_the_same_written_twice_changes_nothing(store: Store) -> None:
    failed = record(store, failure())
    again = judgment()
    for _ in range(2):
        record(store, again, replacing=failed)
    fresh = judgment("b")
    for _ in range(2):
        record(store, fresh)
    assert charged(store) == (3, 21)
    with store.reading() as connection:
        assert len(get_judgment(connection, failed.judgment_id).judgment.attempts) == 2
