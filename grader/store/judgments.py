"""Judgments as they are kept: one row for each natural key, its attempts compressed beside it."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import orjson
import sqlalchemy as sa

from grader.domain.judgment import Attempt, Judgment, JudgmentKey
from grader.errors import NotFound
from grader.store.compression import compress, decompress
from grader.store.schema import LEDGER, judgments, run_judges
from grader.store.statements import chunked, insert_for, insert_ignoring
from grader.store.unanswered import ATTEMPTS, OpenCalls, add_unanswered, remove_unanswered

Ledger = defaultdict[str, Counter[str]]
"""What to add to a run's ledger: judge hash → column → how much more."""

_PLAIN = tuple(
    column.name
    for column in judgments.c
    if column.name not in ("run_id", "attempts", "cost_microusd", "served_model", "fingerprint")
)


class StoredJudgment(NamedTuple):
    judgment: Judgment
    run_id: str
    """The run that paid for it; other runs reuse it."""


def record_judgments(
    connection: sa.Connection,
    given: Sequence[Judgment],
    *,
    run_id: str,
    replacing: Mapping[JudgmentKey, str],
    earlier: Mapping[JudgmentKey, Sequence[OpenCalls]] | None = None,
) -> list[StoredJudgment]:
    """Store judgments, and return for each the one that stands under its natural key afterwards.

    What is stored is never overwritten, except the failed judgments in `replacing` (key → id),
    which a retry may replace: their attempts go before the new ones. Where another worker was
    first, theirs stands. The attempts in `earlier`, charged when they were stored, go before those
    of a judgment that comes to stand. The same again, after a commit whose success was not heard,
    changes nothing.
    """
    paid_before = earlier or {}
    ledger: Ledger = defaultdict(Counter)
    standing: dict[JudgmentKey, StoredJudgment] = {}
    fresh: list[Judgment] = []
    used: list[str] = []
    for judgment in given:
        before = paid_before.get(judgment.key, ())
        whole = _after(before, judgment) if before else judgment
        if judgment.key in replacing:
            stands, is_ours = _replace(
                connection, replacing[judgment.key], whole, run_id, ledger, paid=judgment.attempts
            )
            standing[judgment.key] = stands
            used += [calls.unanswered_id for calls in before if is_ours]
        else:
            fresh.append(whole)
    if fresh:
        standing |= _add(connection, fresh, run_id, ledger, earlier=paid_before, used=used)
    remove_unanswered(connection, used)
    add_to_ledger(connection, run_id, ledger)
    return [standing[judgment.key] for judgment in given]


def record_unanswered(connection: sa.Connection, given: Sequence[OpenCalls], *, run_id: str) -> int:
    """Store attempts at questions that stay open and charge the run; returns what they cost."""
    ledger: Ledger = defaultdict(Counter)
    for calls in add_unanswered(connection, given, run_id=run_id):
        _charge(ledger[calls.key.judge_hash], calls.attempts)
    add_to_ledger(connection, run_id, ledger)
    return sum(column["cost_microusd"] for column in ledger.values())


def add_to_ledger(
    connection: sa.Connection, run_id: str, ledger: Mapping[str, Mapping[str, int]]
) -> None:
    """Add to what a run paid for: judge hash → column of the ledger → how much more."""
    # Always in the same order, so that two workers never wait for each other.
    for judge_hash in sorted(ledger):
        more = {name: ledger[judge_hash].get(name, 0) for name in LEDGER}
        row = {"run_id": run_id, "judge_hash": judge_hash, **more}
        insert = insert_for(connection, run_judges).values(row)
        added = {name: run_judges.c[name] + insert.excluded[name] for name in LEDGER}
        connection.execute(
            insert.on_conflict_do_update(index_elements=["run_id", "judge_hash"], set_=added)
        )


def find_judgments(
    connection: sa.Connection,
    transcript_hashes: Sequence[str],
    *,
    rubric_hashes: Iterable[str],
    judge_hashes: Iterable[str],
    view_hashes: Iterable[str],
    with_attempts: bool = False,
) -> list[StoredJudgment]:
    """Return the stored judgments of some transcripts by some judges."""
    rubric_list, judge_list = list(rubric_hashes), list(judge_hashes)
    views = list(view_hashes)
    found: list[StoredJudgment] = []
    for some in chunked(list(dict.fromkeys(transcript_hashes))):
        query = _select(with_attempts).where(
            judgments.c.transcript_hash.in_(some),
            judgments.c.rubric_hash.in_(rubric_list),
            judgments.c.judge_hash.in_(judge_list),
            judgments.c.view_hash.in_(views),
        )
        found.extend(_read(row) for row in connection.execute(query).mappings())
    return found


def find_of_transcript(
    connection: sa.Connection, transcript_hash: str, *, after: str | None, limit: int
) -> list[StoredJudgment]:
    """Return every judgment of a transcript's messages, oldest first."""
    query = _select(with_attempts=True).where(judgments.c.transcript_hash == transcript_hash)
    if after is not None:
        query = query.where(judgments.c.judgment_id > after)
    query = query.order_by(judgments.c.judgment_id).limit(limit)
    return [_read(row) for row in connection.execute(query).mappings()]


def get_judgment(connection: sa.Connection, judgment_id: str) -> StoredJudgment:
    """Return a judgment with all its attempts."""
    query = sa.select(judgments).where(judgments.c.judgment_id == judgment_id)
    row = connection.execute(query).mappings().one_or_none()
    if row is None:
        raise NotFound(f"no judgment {judgment_id!r}")
    return _read(row)


def _select(with_attempts: bool) -> sa.Select[Any]:
    columns = [judgments.c[name] for name in (*_PLAIN, "run_id")]
    return sa.select(*columns, judgments.c.attempts) if with_attempts else sa.select(*columns)


def _add(
    connection: sa.Connection,
    fresh: Sequence[Judgment],
    run_id: str,
    ledger: Ledger,
    *,
    earlier: Mapping[JudgmentKey, Sequence[OpenCalls]],
    used: list[str],
) -> dict[JudgmentKey, StoredJudgment]:
    insert = insert_ignoring(connection, judgments).returning(judgments.c.judgment_id)
    inserted = set(connection.scalars(insert, [_row(j, run_id) for j in fresh]))
    standing = {j.key: StoredJudgment(j, run_id) for j in fresh if j.judgment_id in inserted}
    lost = [j for j in fresh if j.judgment_id not in inserted]
    if lost:
        for stored in find_judgments(
            connection,
            [j.transcript_hash for j in lost],
            rubric_hashes={j.rubric_hash for j in lost},
            judge_hashes={j.judge_hash for j in lost},
            view_hashes={j.view_hash for j in lost},
        ):
            standing.setdefault(stored.judgment.key, stored)
    for judgment in fresh:
        before = earlier.get(judgment.key, ())
        counted = judgment.judgment_id in inserted
        if counted:
            ledger[judgment.judge_hash][judgment.status] += 1
            used += [calls.unanswered_id for calls in before]
        elif standing[judgment.key].judgment.judgment_id == judgment.judgment_id:
            continue
        # Attempts that came second are paid all the same, though another's answer stands.
        known = sum(len(calls.attempts) for calls in before)
        _charge(ledger[judgment.judge_hash], judgment.attempts[known:])
    return standing


def _after(before: Sequence[OpenCalls], judgment: Judgment) -> Judgment:
    attempts = tuple(attempt for calls in before for attempt in calls.attempts)
    return judgment.model_copy(update={"attempts": attempts + judgment.attempts})


def _replace(
    connection: sa.Connection,
    judgment_id: str,
    judgment: Judgment,
    run_id: str,
    ledger: Ledger,
    *,
    paid: Sequence[Attempt],
) -> tuple[StoredJudgment, bool]:
    """Return what stands now, and whether it is the judgment given."""
    # Another worker may be replacing it as well: whoever comes second sees what the first wrote.
    connection.execute(
        sa.select(judgments.c.judgment_id)
        .where(judgments.c.judgment_id == judgment_id)
        .with_for_update()
    )
    before = get_judgment(connection, judgment_id)
    stored = before.judgment
    if stored.created_at == judgment.created_at and stored.attempts[-len(paid) :] == tuple(paid):
        return before, True
    _charge(ledger[judgment.judge_hash], paid)
    if stored.status != "failed":
        return before, False
    ledger[judgment.judge_hash][judgment.status] += 1
    if before.run_id == run_id:
        ledger[judgment.judge_hash]["failed"] -= 1
    attempts = stored.attempts + judgment.attempts
    again = judgment.model_copy(update={"judgment_id": judgment_id, "attempts": attempts})
    connection.execute(
        judgments.update()
        .where(judgments.c.judgment_id == judgment_id)
        .values(**_row(again, run_id))
    )
    return StoredJudgment(again, run_id), True


def _charge(column: Counter[str], attempts: Sequence[Attempt]) -> None:
    column["calls"] += sum(attempt.counted_with is None for attempt in attempts)
    for attempt in attempts:
        column["input_tokens"] += attempt.input_tokens
        column["cached_tokens"] += attempt.cached_tokens
        column["output_tokens"] += attempt.output_tokens
        column["cost_microusd"] += attempt.cost_microusd


def _row(judgment: Judgment, run_id: str) -> dict[str, Any]:
    attempts = judgment.attempts
    return {
        **{name: getattr(judgment, name) for name in _PLAIN if name != "evidence"},
        "evidence": [found.model_dump(mode="json") for found in judgment.evidence],
        "run_id": run_id,
        "attempts": compress(ATTEMPTS.dump_json(attempts)) if attempts else None,
        "cost_microusd": judgment.cost_microusd,
        "served_model": next((a.served_model for a in reversed(attempts) if a.served_model), None),
        "fingerprint": next((a.fingerprint for a in reversed(attempts) if a.fingerprint), None),
    }


def _read(row: Any) -> StoredJudgment:
    packed = row.get("attempts")
    calls = orjson.loads(decompress(packed)) if packed else ()
    fields = {name: row[name] for name in _PLAIN}
    judgment = Judgment.model_validate({**fields, "attempts": calls})
    return StoredJudgment(judgment, row["run_id"])
