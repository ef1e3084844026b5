"""Gold sets as they are kept: items that never change, ratings and adjudications that only add.

A correction is a new rating of the same rater, and the newest stands; nothing is edited. Every look
at what is held out is a row. What ratings come to is worked out above, in `grader/reports`.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

import sqlalchemy as sa

from grader.domain.gold import (
    GoldDesign,
    GoldRule,
    GoldStratum,
    Split,
)
from grader.domain.identity import new_id, utc_now
from grader.domain.judgment import Evidence
from grader.domain.rubric import INSUFFICIENT_EVIDENCE, NOT_APPLICABLE, Value
from grader.errors import NotFound
from grader.store.runs import RunRow
from grader.store.schema import (
    gold_adjudications,
    gold_items,
    gold_looks,
    gold_ratings,
    gold_sets,
)

_ROWS_AT_ONCE = 1_000


class GoldSet(NamedTuple):
    gold_id: str
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
    rule: GoldRule
    created_at: datetime


class GoldItem(NamedTuple):
    number: int
    transcript_id: str
    transcript_hash: str
    stratum: str
    inclusion_probability: float
    split: Split


class GoldRating(NamedTuple):
    rating_id: str
    number: int
    """The item's."""
    rater: str
    value: Value
    evidence: tuple[Evidence, ...]
    comment: str
    seconds: float | None
    entered_by: str
    """The key it came with."""
    created_at: datetime


class Adjudication(NamedTuple):
    adjudication_id: str
    number: int
    value: Value
    by: str
    why: str
    entered_by: str
    created_at: datetime


class Look(NamedTuple):
    look_id: str
    what: str
    run_id: str | None
    rubric_hash: str | None
    panel_hash: str | None
    by: str
    created_at: datetime


def find_gold_sets(connection: sa.Connection) -> list[GoldSet]:
    query = sa.select(gold_sets).order_by(gold_sets.c.gold_id)
    return [_read_set(row) for row in connection.execute(query).mappings()]


def get_gold_set(connection: sa.Connection, name: str, *, lock: bool = False) -> GoldSet:
    """Return a gold set; with `lock`, nobody else changes what hangs on it until the commit."""
    query = sa.select(gold_sets).where(gold_sets.c.name == name)
    row = connection.execute(query.with_for_update() if lock else query).mappings().one_or_none()
    if row is None:
        names = ", ".join(connection.scalars(sa.select(gold_sets.c.name)))
        raise NotFound(f"no gold set is called {name!r}; there are {names or 'none'}")
    return _read_set(row)


def get_gold_set_by_id(connection: sa.Connection, gold_id: str) -> GoldSet:
    query = sa.select(gold_sets).where(gold_sets.c.gold_id == gold_id)
    row = connection.execute(query).mappings().one_or_none()
    if row is None:
        raise NotFound(f"no gold set {gold_id!r}")
    return _read_set(row)


def find_items(
    connection: sa.Connection, gold_id: str, *, split: Split | None = None
) -> list[GoldItem]:
    """Return the items of a gold set, or of one split, in the order in which they are rated."""
    query = sa.select(*(gold_items.c[name] for name in GoldItem._fields))
    query = query.where(gold_items.c.gold_id == gold_id).order_by(gold_items.c.number)
    if split is not None:
        query = query.where(gold_items.c.split == split)
    return [GoldItem(*row) for row in connection.execute(query)]


def get_item(connection: sa.Connection, gold: GoldSet, transcript_id: str) -> GoldItem:
    for item in find_items(connection, gold.gold_id):
        if item.transcript_id == transcript_id:
            return item
    raise NotFound(f"the transcript {transcript_id!r} is no item of the gold set {gold.name!r}")


def add_rating(
    connection: sa.Connection,
    gold_id: str,
    number: int,
    *,
    rater: str,
    value: Value,
    evidence: Sequence[Evidence],
    comment: str,
    seconds: float | None,
    entered_by: str,
) -> tuple[GoldRating, bool]:
    """Add a rating; the rater's earlier ones of this item stay. False for the same once more."""
    earlier = [r for r in find_ratings(connection, gold_id, number=number) if r.rater == rater]
    if earlier:
        last = earlier[-1]
        same = (_typed(last.value), last.evidence, last.comment)
        if same == (_typed(value), tuple(evidence), comment):
            return last, False
    rating = GoldRating(
        new_id("rat"),
        number,
        rater,
        value,
        tuple(evidence),
        comment,
        seconds,
        entered_by,
        utc_now(),
    )
    row = rating._asdict() | {
        "gold_id": gold_id,
        "evidence": [found.model_dump(mode="json") for found in evidence],
    }
    connection.execute(gold_ratings.insert().values(**row))
    return rating, True


def find_ratings(
    connection: sa.Connection, gold_id: str, *, number: int | None = None
) -> list[GoldRating]:
    """Return every rating of a set, or of one item, superseded ones too, oldest first."""
    query = sa.select(*(gold_ratings.c[name] for name in GoldRating._fields))
    query = query.where(gold_ratings.c.gold_id == gold_id).order_by(gold_ratings.c.rating_id)
    if number is not None:
        query = query.where(gold_ratings.c.number == number)
    return [
        GoldRating(*row)._replace(evidence=tuple(map(Evidence.model_validate, row.evidence)))
        for row in connection.execute(query)
    ]


def add_adjudication(
    connection: sa.Connection,
    gold_id: str,
    number: int,
    *,
    value: Value,
    by: str,
    why: str,
    entered_by: str,
) -> Adjudication:
    """Add what somebody decided about an item; earlier decisions and all ratings stay."""
    made = Adjudication(new_id("adj"), number, value, by, why, entered_by, utc_now())
    connection.execute(gold_adjudications.insert().values(gold_id=gold_id, **made._asdict()))
    return made


def find_adjudications(connection: sa.Connection, gold_id: str) -> list[Adjudication]:
    """Return every adjudication of a set, oldest first; the last of an item stands."""
    query = sa.select(*(gold_adjudications.c[name] for name in Adjudication._fields))
    query = query.where(gold_adjudications.c.gold_id == gold_id)
    query = query.order_by(gold_adjudications.c.adjudication_id)
    return [Adjudication(*row) for row in connection.execute(query)]


def record_look(
    connection: sa.Connection,
    gold: GoldSet,
    *,
    what: str,
    by: str,
    run: RunRow | None = None,
    rubric_hash: str | None = None,
) -> int:
    """Store that somebody looked at held-out items; returns which look at this set it is."""
    get_gold_set(connection, gold.name, lock=True)
    connection.execute(
        gold_looks.insert().values(
            look_id=new_id("lok"),
            gold_id=gold.gold_id,
            what=what,
            run_id=run.run_id if run is not None else None,
            rubric_hash=rubric_hash,
            panel_hash=run.spec.panel.panel_hash if run is not None else None,
            by=by,
            created_at=utc_now(),
        )
    )
    return len(find_looks(connection, gold.gold_id))


def find_looks(connection: sa.Connection, gold_id: str) -> list[Look]:
    query = sa.select(*(gold_looks.c[name] for name in Look._fields))
    query = query.where(gold_looks.c.gold_id == gold_id).order_by(gold_looks.c.look_id)
    return [Look(*row) for row in connection.execute(query)]


def plain_value(value: Value | None) -> Value | None:
    """Return a value of the scale; None for none, and for the special values."""
    is_special = isinstance(value, str) and value in (NOT_APPLICABLE, INSUFFICIENT_EVIDENCE)
    return None if is_special else value


def _typed(value: Value) -> tuple[bool, Value]:
    return isinstance(value, bool), value


def _read_set(row: sa.RowMapping) -> GoldSet:
    fields = {name: row[name] for name in GoldSet._fields}
    fields["design"] = GoldDesign.model_validate(row["design"])
    fields["strata"] = tuple(GoldStratum.model_validate(each) for each in row["strata"])
    return GoldSet(**fields)
