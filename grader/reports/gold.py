"""A gold set as it is shown: what it was drawn from, how far people are, and how far they agree.

Ratings are gathered here from wherever they came: reviews, imports, and judgments of people that
were sent in. How right judges are is in `gold_accuracy.py`.
"""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from statistics import median
from typing import NamedTuple

import sqlalchemy as sa

from grader.agreement import AgreementReport, Ratings, build_ratings, build_report
from grader.domain.gold import (
    GoldDesign,
    GoldRule,
    GoldStatus,
    GoldStratum,
    GoldValue,
    Split,
    decide_gold,
)
from grader.domain.judgment import Evidence
from grader.domain.noun import Noun
from grader.domain.rubric import Criterion, NominalScale, OrdinalScale, Value
from grader.store.catalogue import get_rubric_by_hash
from grader.store.gold import (
    Adjudication,
    GoldItem,
    GoldRating,
    GoldSet,
    find_adjudications,
    find_items,
    find_looks,
    find_ratings,
    plain_value,
)
from grader.store.ratings_elsewhere import find_elsewhere


class GoldRecord(Noun):
    """A gold set: which transcripts people rate on one criterion, and how they were drawn."""

    name: str
    rubric: str
    rubric_version: str
    rubric_hash: str
    criterion: str
    run_id: str
    """The run whose labels the items were drawn from."""
    design: GoldDesign
    strata: tuple[GoldStratum, ...]
    population: int
    """How many labels there were to draw from."""
    ratings_per_item: int
    """How many people are to rate each item."""
    rule: GoldRule
    """When raters' values become gold's: all the same, or more than half."""
    created_at: datetime


class SplitProgress(Noun):
    items: int
    rated: int
    """Items that as many people rated as the set wants."""
    decided: int
    """Items that have a gold value."""
    adjudicated: int
    """Items of these whose value somebody decided."""


class HumanRater(Noun):
    rater: str
    items: int
    """How many items they rated."""
    median_seconds: float | None
    """How long they took for one, in the middle; null where nobody said."""


class HeldOutLook(Noun):
    """Somebody looked at how judges do on held-out items, or at their gold values."""

    number: int
    what: str
    """`accuracy`, or `values`."""
    run_id: str | None
    rubric_hash: str | None
    panel_hash: str | None
    by: str
    """The key that asked."""
    created_at: datetime


class GoldDetail(GoldRecord):
    """A gold set with how far people are."""

    progress: dict[Split, SplitProgress]
    raters: tuple[HumanRater, ...]
    agreement: AgreementReport | None
    """How far the people agree, each item weighing one over its inclusion probability; null where
    nobody has given a value of the scale."""
    held_out_looks: tuple[HeldOutLook, ...]
    """Every look at held-out items so far: what was seen before is not held out any more."""


class HumanRating(Noun):
    rater: str
    value: Value
    comment: str = ""
    evidence: tuple[Evidence, ...] = ()
    rating_id: str | None = None
    """Null for a judgment that was sent to /v1/judgments."""
    supersedes: tuple[str, ...] = ()
    """Earlier ratings of the same rater, oldest first; they stay."""


class AdjudicationRecord(Noun):
    value: Value
    by: str
    why: str
    created_at: datetime


class GoldItemRecord(Noun):
    number: int
    transcript_id: str
    transcript_hash: str
    stratum: str
    inclusion_probability: float
    split: Split


class GoldValueRecord(GoldItemRecord):
    """An item with what people said of it."""

    status: GoldStatus
    """`adjudicated`, `agreed`, or `open`."""
    value: Value | None
    """Gold's value; null while it is open."""
    reason: str | None
    """Why it is open."""
    ratings: tuple[HumanRating, ...]
    adjudications: tuple[AdjudicationRecord, ...]
    """Every decision, oldest first; the last one stands."""


class RatedItem(NamedTuple):
    item: GoldItem
    ratings: tuple[HumanRating, ...]
    adjudications: tuple[Adjudication, ...]
    gold: GoldValue


def gold_record(gold: GoldSet) -> GoldRecord:
    return GoldRecord(**{name: getattr(gold, name) for name in GoldRecord.model_fields})


def describe_gold(connection: sa.Connection, gold: GoldSet) -> GoldDetail:
    """Return a gold set with its progress, its raters and how far they agree."""
    rated = gather_items(connection, gold)
    criterion = get_rubric_by_hash(connection, gold.rubric_hash).criterion(gold.criterion)
    table = human_ratings(criterion, rated)
    stored = find_ratings(connection, gold.gold_id)
    return GoldDetail(
        **dict(gold_record(gold)),
        progress={split: _progress(gold, rated, split) for split in ("development", "held_out")},
        raters=_raters(rated, stored),
        agreement=None if table is None else build_report(table),
        held_out_looks=tuple(
            HeldOutLook(
                number=number,
                what=look.what,
                run_id=look.run_id,
                rubric_hash=look.rubric_hash,
                panel_hash=look.panel_hash,
                by=look.by,
                created_at=look.created_at,
            )
            for number, look in enumerate(find_looks(connection, gold.gold_id), start=1)
        ),
    )


def gather_items(
    connection: sa.Connection, gold: GoldSet, split: Split | None = None
) -> list[RatedItem]:
    """Return items with the ratings that stand and the gold value they come to."""
    items = find_items(connection, gold.gold_id, split=split)
    ratings: dict[int, dict[str, HumanRating]] = {item.number: {} for item in items}
    people: dict[str, dict[str, HumanRating]] = {}
    for said in find_elsewhere(
        connection,
        [item.transcript_hash for item in items],
        rubric_hash=gold.rubric_hash,
        criterion=gold.criterion,
    ):
        if said.kind == "human":
            rating_of = people.setdefault(said.transcript_hash, {})
            rating_of[said.rater] = HumanRating(rater=said.rater, value=said.value)
    for item in items:
        ratings[item.number] |= people.get(item.transcript_hash, {})
    for rating in find_ratings(connection, gold.gold_id):
        if rating.number not in ratings:
            continue
        before = ratings[rating.number].get(rating.rater)
        earlier = (*before.supersedes, before.rating_id) if before and before.rating_id else ()
        ratings[rating.number][rating.rater] = HumanRating(
            rater=rating.rater,
            value=rating.value,
            comment=rating.comment,
            evidence=rating.evidence,
            rating_id=rating.rating_id,
            supersedes=earlier,
        )
    decisions: dict[int, list[Adjudication]] = {}
    for made in find_adjudications(connection, gold.gold_id):
        decisions.setdefault(made.number, []).append(made)
    gathered = []
    for item in items:
        given = tuple(ratings[item.number].values())
        made_here = tuple(decisions.get(item.number, ()))
        value = decide_gold(
            [rating.value for rating in given],
            made_here[-1].value if made_here else None,
            rule=gold.rule,
            wanted=gold.ratings_per_item,
        )
        gathered.append(RatedItem(item, given, made_here, value))
    return gathered


def human_ratings(criterion: Criterion, rated: Sequence[RatedItem]) -> Ratings | None:
    """Return what people said as a table; None where nobody gave a value of the scale.

    The special values are missing cells, as they are between judges.
    """
    records = [
        {
            "unit": each.item.transcript_id,
            "rater": rating.rater,
            "value": plain_value(rating.value),
            "weight": 1 / each.item.inclusion_probability,
        }
        for each in rated
        for rating in each.ratings
    ]
    if all(record["value"] is None for record in records):
        return None
    return build_ratings(records, scale=criterion.scale.type, levels=closed_levels(criterion))


def closed_levels(criterion: Criterion) -> list[str] | None:
    match criterion.scale:
        case OrdinalScale(levels=levels) | NominalScale(values=levels):
            return [level.value for level in levels]
        case _:
            return None


def item_record(item: GoldItem) -> GoldItemRecord:
    return GoldItemRecord(**item._asdict())


def value_record(each: RatedItem) -> GoldValueRecord:
    return GoldValueRecord(
        **each.item._asdict(),
        **each.gold._asdict(),
        ratings=each.ratings,
        adjudications=tuple(adjudication_record(made) for made in each.adjudications),
    )


def adjudication_record(made: Adjudication) -> AdjudicationRecord:
    return AdjudicationRecord(
        value=made.value, by=made.by, why=made.why, created_at=made.created_at
    )


def _progress(gold: GoldSet, rated: Sequence[RatedItem], split: Split) -> SplitProgress:
    here = [each for each in rated if each.item.split == split]
    return SplitProgress(
        items=len(here),
        rated=sum(len(each.ratings) >= gold.ratings_per_item for each in here),
        decided=sum(each.gold.status != "open" for each in here),
        adjudicated=sum(each.gold.status == "adjudicated" for each in here),
    )


def _raters(rated: Sequence[RatedItem], stored: Sequence[GoldRating]) -> tuple[HumanRater, ...]:
    counts = Counter(rating.rater for each in rated for rating in each.ratings)
    seconds: dict[str, list[float]] = {}
    for rating in stored:
        if rating.seconds is not None:
            seconds.setdefault(rating.rater, []).append(rating.seconds)
    return tuple(
        HumanRater(
            rater=rater,
            items=counts[rater],
            median_seconds=median(seconds[rater]) if rater in seconds else None,
        )
        for rater in sorted(counts)
    )
