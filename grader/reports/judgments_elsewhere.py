"""Take in judgments that were made elsewhere or by people, checked as those of judges are.

Values must be of their criterion's scale, and quotes are looked up in the transcript. Nothing is
known of prompts and costs, so these judgments have none.
"""

from collections.abc import Sequence

import sqlalchemy as sa
from pydantic import Field, model_validator

from grader.domain.identity import new_id, utc_now
from grader.domain.judge import JudgeName
from grader.domain.judgment import Judgment
from grader.domain.noun import Noun
from grader.domain.rubric import Rubric, Value
from grader.domain.transcript import Transcript
from grader.errors import InvalidInput
from grader.evidence import check_quote
from grader.reports.records import JudgmentRecord, judgment_record
from grader.reports.reviews import EvidenceGiven
from grader.store.catalogue import get_rubric
from grader.store.ratings_elsewhere import RaterKind, rater_hash, record_elsewhere
from grader.store.transcripts import get_transcript
from grader.views import get_view


class JudgmentElsewhere(Noun):
    rater: JudgeName
    """Who judged: a name or pseudonym, the same wherever they judge."""
    kind: RaterKind
    """`human`, `llm` or `rules`."""
    rubric: str
    """A rubric's name, or name@version."""
    transcript_id: str
    values: dict[str, Value] = Field(default_factory=dict)
    """Criterion → value; criteria may be left out. Without any, the rater abstained."""
    explanation: str = Field(default="", max_length=1_000_000)
    evidence: tuple[EvidenceGiven, ...] = Field(default=(), max_length=1_000)
    view: str = "plain"
    """What the rater saw."""
    repeat: int = Field(default=0, ge=0, lt=1_000)
    """Which time the rater judged this transcript, from 0."""

    @model_validator(mode="after")
    def _say_something(self) -> "JudgmentElsewhere":
        if not self.values and not self.explanation:
            raise ValueError("give values, or for an abstention an explanation")
        return self


def add_elsewhere(
    connection: sa.Connection, given: Sequence[JudgmentElsewhere]
) -> list[tuple[JudgmentRecord, bool]]:
    """Store judgments, all or none; returns each as it stands and whether it is new.

    Raises:
        NotFound: a transcript, rubric or view that is not there.
        InvalidInput: a criterion that the rubric has not, or a value that its scale has not.
        Conflict: the rater judged the same otherwise before.
    """
    rubrics: dict[str, Rubric] = {}
    made: list[tuple[RaterKind, Judgment]] = []
    for number, each in enumerate(given):
        if each.rubric not in rubrics:
            name, _, version = each.rubric.partition("@")
            rubrics[each.rubric] = get_rubric(connection, name, version or None).rubric
        transcript = get_transcript(connection, each.transcript_id)
        made.append((each.kind, _judgment(number, each, rubrics[each.rubric], transcript)))
    return [
        (judgment_record(judgment, transcript_id=each.transcript_id), created)
        for each, (judgment, created) in zip(given, record_elsewhere(connection, made), strict=True)
    ]


def _judgment(
    number: int, given: JudgmentElsewhere, rubric: Rubric, transcript: Transcript
) -> Judgment:
    for name, value in given.values.items():
        criterion = next((each for each in rubric.criteria if each.name == name), None)
        if criterion is None:
            there = ", ".join(each.name for each in rubric.criteria)
            raise InvalidInput(
                f"judgments.{number}.values: {rubric.name} has no criterion {name!r}; it has "
                f"{there}"
            )
        if not criterion.admits(value):
            raise InvalidInput(
                f"judgments.{number}.values.{name}: {value!r} is no value of that criterion's scale"
            )
    view = get_view(given.view)
    return Judgment(
        judgment_id=new_id("jdg"),
        transcript_hash=transcript.transcript_hash,
        rubric=rubric.name,
        rubric_hash=rubric.rubric_hash,
        judge=given.rater,
        judge_hash=rater_hash(given.kind, given.rater),
        view=view.name,
        view_hash=view.view_hash(transcript.metadata),
        repeat=given.repeat,
        status="given" if given.values else "abstained",
        detail=None if given.values else given.explanation,
        values=given.values,
        explanation=given.explanation,
        evidence=tuple(
            check_quote(each.message, each.quote, transcript.messages) for each in given.evidence
        ),
        created_at=utc_now(),
    )
