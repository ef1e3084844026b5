"""Reviews: the next item of a gold set for a person, and what they say of it."""

from typing import Annotated

from fastapi import APIRouter, Query, Response

from api.context import InContext, Labeller
from api.strict_json import StrictJsonRoute
from grader.domain.judge import JudgeName
from grader.reports.reviews import (
    GivenRating,
    RatingRecord,
    ReviewTask,
    add_given_rating,
    rating_record,
    review_task,
)
from grader.store import gold as sets
from grader.store.keys import KeyRow
from grader.store.reviews import claim_review, get_review

router = APIRouter(prefix="/v1/reviews", tags=["reviews"], route_class=StrictJsonRoute)


@router.get(
    "/next",
    response_model=ReviewTask,
    responses={204: {"description": "Nothing is left for this rater at present"}},
    dependencies=[Labeller],
)
def next_review(
    context: InContext,
    gold: Annotated[str, Query(description="The gold set")],
    rater: Annotated[JudgeName, Query(description="Who rates: a name or pseudonym")],
    lease_seconds: Annotated[
        float, Query(ge=1, le=86_400, description="How long the item is held for this rater")
    ] = 1_800,
) -> ReviewTask | Response:
    """Give the next item that this rater has not rated, or 204 where there is none.

    The transcript stands as judges saw it; what they and other people said is not shown.
    """
    with context.store.transaction() as connection:
        chosen = sets.get_gold_set(connection, gold)
        claimed = claim_review(connection, chosen, rater=rater, lease_seconds=lease_seconds)
    if claimed is None:
        return Response(status_code=204)
    with context.store.reading() as connection:
        return review_task(connection, chosen, *claimed)


@router.post(
    "/{review_id}",
    status_code=201,
    response_model=RatingRecord,
    responses={200: {"model": RatingRecord, "description": "The same was said before"}},
)
def add_rating(
    review_id: str,
    given: GivenRating,
    response: Response,
    context: InContext,
    key: Annotated[KeyRow, Labeller],
) -> RatingRecord:
    """Rate an item; sent again with another value, it is a correction, and the first one stays."""
    with context.store.transaction() as connection:
        review = get_review(connection, review_id)
        made = sets.get_gold_set_by_id(connection, review.gold_id)
        item = sets.find_items(connection, made.gold_id)[review.number]
        rating, is_new = add_given_rating(
            connection, made, item, given, rater=review.rater, entered_by=key.name
        )
    response.status_code = 201 if is_new else 200
    return rating_record(made, item, rating)
