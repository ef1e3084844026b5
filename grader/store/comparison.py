"""Two runs side by side, label by label: one join, in pages, that memory does not grow with.

Labels stand beside each other when transcript, rubric and criterion are the same; which version of
a rubric answers to which is the caller's to say.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import orjson
import sqlalchemy as sa

from grader.store.schema import Hash, labels

Pairs = Mapping[str, str]
"""The rubric hash of the one run → that of the other which it is compared with."""

_SHOWN = ("label_id", "rubric_version", "rubric_hash", "status", "value", "votes", "evidence")


class Transition(NamedTuple):
    """How many labels of a criterion went from one state to another."""

    rubric_hash: str
    """That of the run before."""
    criterion: str
    status_before: str
    value_before: Any
    status_after: str
    value_after: Any
    is_same: bool
    labels: int


class ChangedLabel(NamedTuple):
    transcript_id: str
    transcript_hash: str
    rubric: str
    criterion: str
    before: dict[str, Any]
    after: dict[str, Any]


def count_transitions(
    connection: sa.Connection,
    before: str,
    after: str,
    *,
    pairs: Pairs,
    measured: Sequence[tuple[str, str]],
) -> list[Transition]:
    """Count what became of the labels that both runs have.

    `measured` are the criteria, with their rubric's hash before, whose values are numbers: these
    are told as None, because there may be as many as labels.
    """
    if not pairs:
        return []
    one, other = _sides(before, after)
    by_number = sa.or_(
        sa.false(),
        *(
            sa.and_(one.c.rubric_hash == rubric_hash, one.c.criterion == criterion)
            for rubric_hash, criterion in measured
        ),
    )
    # Grouped as text: PostgreSQL gives JSONB back in one spelling.
    value_before = sa.case((by_number, sa.null()), else_=_text(one.c.value))
    value_after = sa.case((by_number, sa.null()), else_=_text(other.c.value))
    columns = (
        one.c.rubric_hash.label("rubric_hash"),
        one.c.criterion.label("criterion"),
        one.c.status.label("status_before"),
        value_before.label("value_before"),
        other.c.status.label("status_after"),
        value_after.label("value_after"),
        sa.case((_is_same(connection, one, other), 1), else_=0).label("is_same"),
    )
    inner = sa.select(*columns).select_from(_joined(one, other, after, pairs))
    found = inner.where(*_current(one, before)).subquery()
    query = sa.select(*found.c, sa.func.count()).group_by(*found.c)
    return [
        Transition(
            row[0], row[1], row[2], _load(row[3]), row[4], _load(row[5]), bool(row[6]), row[7]
        )
        for row in connection.execute(query)
    ]


def find_changed(
    connection: sa.Connection,
    before: str,
    after: str,
    *,
    pairs: Pairs,
    beyond: str | None,
    limit: int,
) -> list[ChangedLabel]:
    """Return labels that differ in status or value, in the order of their transcripts.

    `beyond` is the id of a label of the run before: the page begins after it.
    """
    if not pairs:
        return []
    one, other = _sides(before, after)
    order = (one.c.transcript_id, one.c.rubric_hash, one.c.criterion)
    query = (
        sa.select(
            one.c.transcript_id,
            one.c.transcript_hash,
            one.c.rubric,
            one.c.criterion,
            *(one.c[name].label(f"before_{name}") for name in (*_SHOWN, "flags")),
            *(other.c[name].label(f"after_{name}") for name in (*_SHOWN, "flags")),
        )
        .select_from(_joined(one, other, after, pairs))
        .where(*_current(one, before), sa.not_(_is_same(connection, one, other)))
        .order_by(*order)
        .limit(limit)
    )
    if beyond is not None:
        place = sa.select(labels.c.transcript_id, labels.c.rubric_hash, labels.c.criterion)
        mark = connection.execute(place.where(labels.c.label_id == beyond)).first()
        if mark is not None:
            here = sa.tuple_(
                sa.literal(mark.transcript_id),
                sa.literal(mark.rubric_hash, Hash),
                sa.literal(mark.criterion),
            )
            query = query.where(sa.tuple_(*order) > here)
    return [
        ChangedLabel(
            row["transcript_id"],
            row["transcript_hash"],
            row["rubric"],
            row["criterion"],
            {name: row[f"before_{name}"] for name in (*_SHOWN, "flags")},
            {name: row[f"after_{name}"] for name in (*_SHOWN, "flags")},
        )
        for row in connection.execute(query).mappings()
    ]


def count_labels(connection: sa.Connection, run_id: str) -> dict[tuple[str, str], int]:
    """Count a run's labels by rubric hash and criterion."""
    query = (
        sa.select(labels.c.rubric_hash, labels.c.criterion, sa.func.count())
        .where(labels.c.run_id == run_id, labels.c.superseded_at.is_(None))
        .group_by(labels.c.rubric_hash, labels.c.criterion)
    )
    return {(row[0], row[1]): row[2] for row in connection.execute(query)}


def _sides(before: str, after: str) -> tuple[Any, Any]:
    return labels.alias("before"), labels.alias("after")


def _joined(one: Any, other: Any, after: str, pairs: Pairs) -> Any:
    # An expression of the one side alone, so that the other side is still found by its index.
    partner = sa.case(
        *(
            (one.c.rubric_hash == sa.literal(mine, Hash), sa.literal(theirs, Hash))
            for mine, theirs in pairs.items()
        )
    )
    return one.join(
        other,
        sa.and_(
            other.c.run_id == after,
            other.c.transcript_id == one.c.transcript_id,
            other.c.rubric_hash == partner,
            other.c.criterion == one.c.criterion,
            other.c.superseded_at.is_(None),
        ),
    )


def _current(side: Any, run_id: str) -> tuple[sa.ColumnElement[bool], ...]:
    return side.c.run_id == run_id, side.c.superseded_at.is_(None)


def _is_same(connection: sa.Connection, one: Any, other: Any) -> sa.ColumnElement[bool]:
    """Return whether two labels say the same; 5 and 5.0 do, 1 and true do not."""
    both_empty = sa.and_(one.c.value.is_(None), other.c.value.is_(None))
    if connection.dialect.name == "postgresql":
        equal = one.c.value == other.c.value
    else:
        mine, theirs = _text(one.c.value), _text(other.c.value)
        numbers = ("integer", "real")
        equal = sa.or_(
            mine == theirs,
            sa.and_(
                sa.func.json_type(mine).in_(numbers),
                sa.func.json_type(theirs).in_(numbers),
                sa.cast(mine, sa.Float) == sa.cast(theirs, sa.Float),
            ),
        )
    return sa.and_(
        one.c.status == other.c.status, sa.or_(both_empty, sa.func.coalesce(equal, sa.false()))
    )


def _text(value: Any) -> sa.ColumnElement[str]:
    return sa.cast(value, sa.Text)


def _load(text: str | None) -> Any:
    return None if text is None else orjson.loads(text)
