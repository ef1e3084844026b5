"""Reviews: who is to rate which item of a gold set next, under a lease.

An item is offered while fewer people rated or hold it than the set wants. A review keeps its id
after the rating, so that a correction can be sent to it.
"""

from collections import defaultdict
from datetime import datetime, timedelta
from typing import NamedTuple

import sqlalchemy as sa

from grader.domain.identity import new_id, utc_now
from grader.errors import NotFound
from grader.store.gold import GoldItem, GoldSet, find_items, find_ratings, get_gold_set
from grader.store.schema import reviews


class Review(NamedTuple):
    review_id: str
    gold_id: str
    number: int
    """The item's."""
    rater: str
    lease_expires_at: datetime


def claim_review(
    connection: sa.Connection, gold: GoldSet, *, rater: str, lease_seconds: float
) -> tuple[Review, GoldItem] | None:
    """Return the next item that this rater has not rated, held for them; None where none is left.

    Who has an item and asks again gets the same. A lease that has run out is anybody's.
    """
    get_gold_set(connection, gold.name, lock=True)
    now = utc_now()
    rated: defaultdict[int, set[str]] = defaultdict(set)
    for rating in find_ratings(connection, gold.gold_id):
        rated[rating.number].add(rating.rater)
    query = sa.select(*(reviews.c[name] for name in Review._fields))
    taken = [
        Review(*row) for row in connection.execute(query.where(reviews.c.gold_id == gold.gold_id))
    ]
    mine = {review.number: review for review in taken if review.rater == rater}
    holders: defaultdict[int, set[str]] = defaultdict(set)
    for review in taken:
        if review.lease_expires_at > now:
            holders[review.number].add(review.rater)
    items = [
        item for item in find_items(connection, gold.gold_id) if rater not in rated[item.number]
    ]
    # What somebody holds already comes first.
    items.sort(key=lambda item: rater not in holders[item.number])
    expires = now + timedelta(seconds=lease_seconds)
    for item in items:
        others = (rated[item.number] | holders[item.number]) - {rater}
        if len(others) >= gold.ratings_per_item:
            continue
        held = mine.get(item.number)
        if held is not None:
            connection.execute(
                reviews.update()
                .where(reviews.c.review_id == held.review_id)
                .values(lease_expires_at=expires)
            )
            return held._replace(lease_expires_at=expires), item
        review = Review(new_id("rev"), gold.gold_id, item.number, rater, expires)
        connection.execute(reviews.insert().values(**review._asdict(), created_at=now))
        return review, item
    return None


def get_review(connection: sa.Connection, review_id: str) -> Review:
    query = sa.select(*(reviews.c[name] for name in Review._fields))
    row = connection.execute(query.where(reviews.c.review_id == review_id)).one_or_none()
    if row is None:
        raise NotFound(f"no review {review_id!r}; GET /v1/reviews/next gives one")
    return Review(*row)
