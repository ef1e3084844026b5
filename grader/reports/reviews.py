"""What a person sees of an item of a gold set, and what they answer.

They see the transcript and the question. Neither the judges' votes nor other people's ratings are
here, nor the stratum, which would tell the votes. Quotes are looked up as those of judges are.
"""

from datetime import datetime

import sqlalchemy as sa
from pydantic import Field

from grader.domain.judgment import Evidence
from grader.domain.noun import Noun
from grader.domain.rubric import INSUFFICIENT_EVIDENCE, NOT_APPLICABLE, Criterion, Value
from grader.domain.transcript import Message
from grader.errors import InvalidInput
from grader.evidence import check_quote
from grader.store.catalogue import get_rubric_by_hash
from grader.store.gold import GoldItem, GoldRating, GoldSet, add_rating
from grader.store.reviews import Review
from grader.store.runs import get_run
from grader.store.transcripts import get_transcript
from grader.views import look

SPECIAL = (NOT_APPLICABLE, INSUFFICIENT_EVIDENCE)


class ReviewTask(Noun):
    """An item to rate."""

    review_id: str
    """Send the rating to /v1/reviews/{review_id}."""
    gold: str
    rater: str
    lease_expires_at: datetime
    """Until then nobody else is given it beyond those that the set wants; a rating that comes
    later counts all the same."""
    transcript_id: str
    view: str
    """As the judges saw it."""
    messages: tuple[Message, ...]
    """Numbered from 1, as evidence cites them."""
    rubric: str
    rubric_description: str
    criterion: Criterion
    """The question, the scale, what counts, and examples."""


class EvidenceGiven(Noun):
    message: int = Field(ge=1, le=10**9)
    """The number of the message: 3 for M3."""
    quote: str = Field(min_length=1, max_length=100_000)
    """Words of that message."""


class GivenRating(Noun):
    """What a person says of an item."""

    value: Value
    """A value of the scale, or `not_applicable` or `insufficient_evidence`."""
    evidence: tuple[EvidenceGiven, ...] = Field(default=(), max_length=100)
    comment: str = Field(default="", max_length=100_000)
    seconds: float | None = Field(default=None, ge=0, le=1e7)
    """How long it took."""


class RatingRecord(Noun):
    rating_id: str
    gold: str
    transcript_id: str
    rater: str
    value: Value
    evidence: tuple[Evidence, ...]
    """The quotes, and where they stand."""
    comment: str
    seconds: float | None
    created_at: datetime


def check_value(connection: sa.Connection, gold: GoldSet, value: Value, *, where: str) -> None:
    """Raise InvalidInput for what is neither a value of the scale nor a special one.

    People may say that a criterion does not apply, or that nobody can tell, whether or not judges
    may.
    """
    criterion = get_rubric_by_hash(connection, gold.rubric_hash).criterion(gold.criterion)
    if value in SPECIAL or criterion.admits(value):
        return
    allowed = ", ".join(map(_word, criterion.values or ("a number between its bounds",)))
    raise InvalidInput(
        f"{where}: {value!r} is no value of {gold.rubric}.{gold.criterion}; give {allowed}, "
        f"{' or '.join(SPECIAL)}"
    )


def add_given_rating(
    connection: sa.Connection,
    gold: GoldSet,
    item: GoldItem,
    given: GivenRating,
    *,
    rater: str,
    entered_by: str,
    where: str = "value",
) -> tuple[GoldRating, bool]:
    """Add a rating with its quotes looked up; False where the rater's last one says the same."""
    check_value(connection, gold, given.value, where=where)
    evidence: tuple[Evidence, ...] = ()
    if given.evidence:
        messages = get_transcript(connection, item.transcript_id).messages
        evidence = tuple(check_quote(e.message, e.quote, messages) for e in given.evidence)
    return add_rating(
        connection,
        gold.gold_id,
        item.number,
        rater=rater,
        value=given.value,
        evidence=evidence,
        comment=given.comment,
        seconds=given.seconds,
        entered_by=entered_by,
    )


def rating_record(gold: GoldSet, item: GoldItem, rating: GoldRating) -> RatingRecord:
    return RatingRecord(
        gold=gold.name,
        transcript_id=item.transcript_id,
        **{
            name: getattr(rating, name)
            for name in RatingRecord.model_fields
            if name not in ("gold", "transcript_id")
        },
    )


def review_task(
    connection: sa.Connection, gold: GoldSet, review: Review, item: GoldItem
) -> ReviewTask:
    rubric = get_rubric_by_hash(connection, gold.rubric_hash)
    view = get_run(connection, gold.run_id).spec.view
    seen = look(get_transcript(connection, item.transcript_id), view)
    return ReviewTask(
        review_id=review.review_id,
        gold=gold.name,
        rater=review.rater,
        lease_expires_at=review.lease_expires_at,
        transcript_id=item.transcript_id,
        view=view.name,
        messages=seen.messages,
        rubric=rubric.name,
        rubric_description=rubric.description,
        # The rule would tell what a rules judge says.
        criterion=rubric.criterion(gold.criterion).model_copy(update={"rule": None}),
    )


def _word(value: Value) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
