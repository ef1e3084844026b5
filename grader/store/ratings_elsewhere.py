"""Judgments made elsewhere or by people: judgments like any other, under a hash of their rater.

They stand in the table of judgments, so that the natural key holds and whoever lists a transcript's
judgments sees them. No run paid for them: their run is called `elsewhere`.
"""

from collections.abc import Sequence
from typing import Literal, NamedTuple

import sqlalchemy as sa

from grader.domain.identity import utc_now
from grader.domain.judge import HumanJudgeSpec
from grader.domain.judgment import Judgment, JudgmentKey
from grader.domain.rubric import Value
from grader.errors import Conflict
from grader.hashing import hash_json
from grader.store.judgments import find_judgments
from grader.store.schema import judgments, raters_elsewhere
from grader.store.statements import chunked, insert_ignoring, insert_new

ELSEWHERE = "elsewhere"
"""Stands for the run of judgments that no run asked for."""

RaterKind = Literal["human", "llm", "rules"]

_COPIED = [
    "judgment_id",
    "transcript_hash",
    "rubric_hash",
    "judge_hash",
    "view_hash",
    "repeat",
    "rubric",
    "judge",
    "view",
    "status",
    "reason",
    "detail",
    "values",
    "explanation",
    "mode",
    "coverage",
    "prompt_hash",
    "created_at",
]


class RatingElsewhere(NamedTuple):
    """What somebody outside of runs said on one criterion."""

    transcript_hash: str
    rater: str
    kind: RaterKind
    value: Value


def rater_hash(kind: RaterKind, name: str) -> str:
    """Return the judge hash of a rater; a person has the same wherever they judge.

    A model or rules elsewhere are never taken for ones that were asked here.
    """
    if kind == "human":
        return HumanJudgeSpec(name=name).judge_hash
    return hash_json({"kind": kind, "name": name, "made": ELSEWHERE})


def record_elsewhere(
    connection: sa.Connection, given: Sequence[tuple[RaterKind, Judgment]]
) -> list[tuple[Judgment, bool]]:
    """Store judgments; returns each as it stands, and whether it is new. All or none.

    Raises:
        Conflict: the same rater said something else under the same natural key.
    """
    now = utc_now()
    raters = {
        judgment.judge_hash: {
            "judge_hash": judgment.judge_hash,
            "name": judgment.judge,
            "kind": kind,
            "created_at": now,
        }
        for kind, judgment in given
    }
    insert_new(connection, raters_elsewhere, list(raters.values()))
    if not given:
        return []
    rows = [
        {name: getattr(judgment, name) for name in _COPIED}
        | {
            "evidence": [found.model_dump(mode="json") for found in judgment.evidence],
            "run_id": ELSEWHERE,
            "attempts": None,
            "cost_microusd": 0,
            "served_model": None,
            "fingerprint": None,
        }
        for _, judgment in given
    ]
    insert = insert_ignoring(connection, judgments).returning(judgments.c.judgment_id)
    fresh: set[str] = set()
    for some in chunked(rows):
        fresh |= set(connection.scalars(insert, list(some)))
    standing = _find_standing(connection, [judgment for _, judgment in given])
    answers: list[tuple[Judgment, bool]] = []
    for number, (_, judgment) in enumerate(given):
        stands = standing[judgment.key]
        if _said(stands) != _said(judgment):
            raise Conflict(
                f"judgment {number}: {judgment.judge!r} has said something else on this "
                f"transcript ({stands.judgment_id}); judgments are never replaced: give another "
                "`repeat`"
            )
        answers.append((stands, judgment.judgment_id in fresh))
    return answers


def find_elsewhere(
    connection: sa.Connection,
    transcript_hashes: Sequence[str],
    *,
    rubric_hash: str,
    criterion: str,
) -> list[RatingElsewhere]:
    """Return what raters elsewhere said first (repeat 0) on a criterion of some transcripts."""
    columns = (
        judgments.c.transcript_hash,
        raters_elsewhere.c.name,
        raters_elsewhere.c.kind,
        judgments.c["values"],
    )
    found: list[RatingElsewhere] = []
    for some in chunked(list(dict.fromkeys(transcript_hashes))):
        query = (
            sa.select(*columns)
            .join(raters_elsewhere, raters_elsewhere.c.judge_hash == judgments.c.judge_hash)
            .where(
                judgments.c.transcript_hash.in_(some),
                judgments.c.rubric_hash == rubric_hash,
                judgments.c.run_id == ELSEWHERE,
                judgments.c.repeat == 0,
            )
            .order_by(judgments.c.judgment_id)
        )
        for about, name, kind, values in connection.execute(query):
            if criterion in values:
                found.append(RatingElsewhere(about, name, kind, values[criterion]))
    return found


def _find_standing(
    connection: sa.Connection, given: Sequence[Judgment]
) -> dict[JudgmentKey, Judgment]:
    stored = find_judgments(
        connection,
        [judgment.transcript_hash for judgment in given],
        rubric_hashes={judgment.rubric_hash for judgment in given},
        judge_hashes={judgment.judge_hash for judgment in given},
        view_hashes={judgment.view_hash for judgment in given},
    )
    return {each.judgment.key: each.judgment for each in stored}


def _said(judgment: Judgment) -> tuple[object, ...]:
    typed = {name: (isinstance(v, bool), v) for name, v in judgment.values.items()}
    return judgment.status, typed, judgment.explanation, judgment.evidence
