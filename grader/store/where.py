"""A `where` as SQL over the metadata column, for both databases, equal in meaning.

Values compare with their type: the text "80" is not the number 80, and a comparison with a number
is false where the metadata holds something else. Text is ordered by its bytes, whatever the
database's own language. A list is one parameter, so that a long one fits into a statement.

PostgreSQL compares JSONB with JSONB, so that no cast can fail on a row that is not meant.

Conditions are written so that the indexes of the schema serve them: on SQLite the well-known keys
in the very words of their indexes, on PostgreSQL an equality as containment.
"""

import re
from collections.abc import Sequence
from typing import Any, NamedTuple

import orjson
import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB

from grader.domain.selection import Condition, Every, Some, Where
from grader.errors import InvalidSelection
from grader.store.schema import INDEXED_KEYS, transcripts

_COMPARISONS = {"lt": "<", "le": "<=", "gt": ">", "ge": ">="}
_NUMBERS = ("integer", "real")
_BOOLEANS = {True: "true", False: "false"}
_LARGEST = 2**63
_MOST_LOOKED_UP = 50
"""How many values of a list are looked up in an index one by one."""
_NOT_IN_A_PATH = re.compile(r'["\\\x00-\x1f]')


def where_clause(where: Where, dialect: str) -> sa.ColumnElement[bool]:
    """Return the condition on `transcripts.metadata` that a `where` stands for.

    Raises:
        InvalidSelection: a list holds a number that no database can compare.
    """
    match where:
        case Every(parts=parts):
            return sa.and_(sa.true(), *(where_clause(part, dialect) for part in parts))
        case Some(parts=parts):
            return sa.or_(*(where_clause(part, dialect) for part in parts))
        case Condition():
            return _postgresql(where) if dialect == "postgresql" else _sqlite(where)


def _postgresql(condition: Condition) -> sa.ColumnElement[bool]:
    found: sa.ColumnElement[Any] = transcripts.c.metadata
    for part in condition.key.split("."):
        # With a text, `->` enters objects only; jsonb_extract_path would count into lists too.
        found = found.op("->", precedence=15, return_type=JSONB())(sa.cast(part, sa.Text))
    value = condition.value
    text = found.op("#>>", precedence=15, return_type=sa.Text())(sa.text("'{}'"))
    match condition.operator:
        case "exists":
            return found.is_not(None) if value else found.is_(None)
        case "eq":
            return _holds(condition.key, value)
        case "ne":
            return sa.or_(found.is_(None), found != _jsonb(value))
        case "in":
            values = _storable(condition)
            if 0 < len(values) <= _MOST_LOOKED_UP:
                return sa.or_(*(_holds(condition.key, each) for each in values))
            listed = sa.func.jsonb_array_elements(_jsonb(values)).column_valued()
            return found.in_(sa.select(listed))
        case "contains":
            is_text = sa.func.jsonb_typeof(found) == "string"
            inside = sa.func.strpos(text, value) > 0
            return sa.or_(sa.and_(is_text, inside), found.op("@>")(_jsonb([value])))
        case operator if isinstance(value, str):
            compared = text.collate("C").op(_COMPARISONS[operator], is_comparison=True)(value)
            return sa.and_(sa.func.jsonb_typeof(found) == "string", compared)
        case operator:
            compared = found.op(_COMPARISONS[operator], is_comparison=True)(_jsonb(value))
            return sa.and_(sa.func.jsonb_typeof(found) == "number", compared)


def _holds(key: str, value: Any) -> sa.ColumnElement[bool]:
    """Return that metadata holds a scalar under a key: of objects in objects, an equality."""
    for part in reversed(key.split(".")):
        value = {part: value}
    return transcripts.c.metadata.op("@>", is_comparison=True)(_jsonb(value))


def _jsonb(value: Any) -> sa.ColumnElement[Any]:
    return sa.cast(sa.literal(orjson.dumps(value).decode(), sa.Text), JSONB)


class _Found(NamedTuple):
    """What stands in SQLite's metadata under a key, and of which JSON type it is."""

    value: sa.ColumnElement[Any]
    kind: sa.ColumnElement[Any]


def _sqlite(condition: Condition) -> sa.ColumnElement[bool]:
    found = _look(condition.key)
    value = condition.value
    match condition.operator:
        case "exists":
            return found.kind.is_not(None) if value else found.kind.is_(None)
        case "eq":
            return _equals(found, value)
        case "ne":
            # `coalesce` keeps "absent" false rather than unknown, so that its negation is true.
            is_equal = sa.func.coalesce(_equals(found, value), sa.false())
            return sa.or_(found.kind.is_(None), sa.not_(is_equal))
        case "in":
            return _is_one_of(found, _storable(condition))
        case "contains":
            items = sa.case((found.kind == "array", found.value))
            listed = sa.func.json_each(items).table_valued("value", "type")
            member = sa.exists(
                sa.select(listed.c.value).where(listed.c.type == "text", listed.c.value == value)
            )
            inside = sa.func.instr(found.value, value) > 0
            return sa.or_(sa.and_(found.kind == "text", inside), member)
        case operator:
            compared = found.value.op(_COMPARISONS[operator], is_comparison=True)(value)
            kinds = ("text",) if isinstance(value, str) else _NUMBERS
            return sa.and_(found.kind.in_(kinds), compared)


def _look(key: str) -> _Found:
    parts = key.split(".")
    if not any(_NOT_IN_A_PATH.search(part) for part in parts):
        path: Any = "$" + "".join(f'."{part}"' for part in parts)
        if key in INDEXED_KEYS:
            # An index is found by its words, in which nothing is a parameter.
            path = sa.literal_column(f"'{path}'")
        return _Found(
            sa.func.json_extract(transcripts.c.metadata, path),
            sa.func.json_type(transcripts.c.metadata, path),
        )
    # A path cannot name every key: quotation marks have no escape in it. This is slower.
    holder: sa.ColumnElement[Any] = transcripts.c.metadata
    kind: sa.ColumnElement[Any] = sa.literal("object")
    for part in parts:
        inside = sa.func.json_each(sa.case((kind == "object", holder)))
        entry = inside.table_valued("key", "value", "type")
        one = sa.select(entry.c.value).where(entry.c.key == part).correlate_except(entry)
        its_kind = sa.select(entry.c.type).where(entry.c.key == part).correlate_except(entry)
        holder, kind = one.scalar_subquery(), its_kind.scalar_subquery()
    return _Found(holder, kind)


def _equals(found: _Found, value: Any) -> sa.ColumnElement[bool]:
    match value:
        case None:
            return found.kind == "null"
        case bool():
            return found.kind == _BOOLEANS[value]
        case str() if not _may_be_a_holder(value):
            # An index alone decides, and the row need not be looked at.
            return found.value == value
        case str():
            return sa.and_(found.kind == "text", found.value == value)
        case _:
            return sa.and_(found.kind.in_(_NUMBERS), found.value == value)


def _may_be_a_holder(text: str) -> bool:
    """Tell whether SQLite may give this text for an object or a list, which are no texts."""
    return text.startswith(("{", "["))


def _is_one_of(found: _Found, values: Sequence[Any]) -> sa.ColumnElement[bool]:
    texts = [each for each in values if isinstance(each, str)]
    kinds = [_BOOLEANS[each] for each in values if isinstance(each, bool)]
    numbers = [each for each in values if not isinstance(each, str | bool)]
    ways: list[sa.ColumnElement[bool]] = []
    if plain := [text for text in texts if not _may_be_a_holder(text)]:
        ways.append(found.value.in_(_listed(plain)))
    if others := [text for text in texts if _may_be_a_holder(text)]:
        ways.append(sa.and_(found.kind == "text", found.value.in_(_listed(others))))
    if numbers:
        ways.append(sa.and_(found.kind.in_(_NUMBERS), found.value.in_(_listed(numbers))))
    if kinds:
        ways.append(found.kind.in_(_listed(kinds)))
    return sa.or_(sa.false(), *ways)


def _listed(values: list[Any]) -> sa.Select[Any] | list[Any]:
    if len(values) <= _MOST_LOOKED_UP:
        return values
    items = sa.func.json_each(orjson.dumps(values).decode()).table_valued("value")
    return sa.select(items.c.value)


def _storable(condition: Condition) -> Sequence[Any]:
    values: Sequence[Any] = condition.value
    for each in values:
        if isinstance(each, int) and abs(each) >= _LARGEST:
            raise InvalidSelection(f"{condition.key}: a number in the list is beyond 64 bits")
    return values
