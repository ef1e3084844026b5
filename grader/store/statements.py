"""Statements that SQLite and PostgreSQL spell differently, and long lists in pieces."""

from collections.abc import Iterator, Sequence
from typing import Any, TypeVar

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

T = TypeVar("T")
_PIECE = 500


def chunked(items: Sequence[T], size: int = _PIECE) -> Iterator[Sequence[T]]:
    """Cut a list into pieces that fit into one statement."""
    for start in range(0, len(items), size):
        yield items[start : start + size]


def insert_for(connection: sa.Connection, table: sa.Table) -> Any:
    """Return an insert that knows `on_conflict_…`, in the connection's dialect."""
    insert = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    return insert(table)


def insert_ignoring(connection: sa.Connection, table: sa.Table) -> Any:
    """Return an insert that passes over rows whose unique key is there and counts the others."""
    statement = insert_for(connection, table).on_conflict_do_nothing()
    # SQLAlchemy forgets the row count of inserts unless it is told not to.
    return statement.execution_options(preserve_rowcount=True)


def insert_new(connection: sa.Connection, table: sa.Table, rows: list[dict[str, Any]]) -> None:
    """Insert many rows at once, passing over those that are there."""
    if rows:
        connection.execute(insert_ignoring(connection, table), rows)
