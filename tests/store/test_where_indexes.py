"""The planner of each database finds the index that a condition on metadata is written for."""

from typing import Any

import pytest
import sqlalchemy as sa

from grader.domain.selection import read_where, read_where_text
from grader.store import Store
from grader.store.schema import INDEXED_KEYS, transcripts
from grader.store.where import where_clause


def plan(store: Store, where: Any, *, limit: int | None = None) -> str:
    """Return how the database would look for what a `where` selects."""
    meant = read_where_text(where) if isinstance(where, str) else read_where(where)
    dialect = store.engine.dialect
    query = sa.select(transcripts.c.transcript_id).where(where_clause(meant, dialect.name))
    if limit is not None:
        query = query.order_by(transcripts.c.transcript_id).limit(limit)
    is_sqlite = dialect.name == "sqlite"
    with store.transaction() as connection:
        if not is_sqlite:
            # Of an empty table it would read the whole, rightly.
            connection.execute(sa.text("SET LOCAL enable_seqscan = off"))
            connection.execute(sa.text("SET LOCAL enable_indexscan = off"))
        compiled = query.compile(dialect=dialect, compile_kwargs={"render_postcompile": True})
        values: Any = compiled.params
        if is_sqlite:
            values = tuple(compiled.params[name] for name in compiled.positiontup or ())
        explain = "EXPLAIN QUERY PLAN " if is_sqlite else "EXPLAIN "
        rows = connection.exec_driver_sql(explain + str(compiled), values)
        return "\n".join(str(row[-1]) for row in rows)


def index_of(store: Store, key: str) -> str:
    if store.engine.dialect.name == "sqlite":
        return f"INDEX ix_transcripts_metadata_{key} (<expr>"
    return "Bitmap Index Scan on ix_transcripts_metadata"


@pytest.mark.parametrize("key", INDEXED_KEYS)
def test_a_well_known_key_is_looked_up(store: Store, key: str) -> None:
    name = index_of(store, key)
    assert name in plan(store, {key: "a"})
    assert name in plan(store, {key: 7})
    assert name in plan(store, {key: {"in": ["a", "b"]}})
    assert name in plan(store, {"and": [{key: "a"}, {"note": {"ne": 1}}]})
    assert name in plan(store, f"{key}:eq:a")
    assert name in plan(store, f"{key}:eq:7")


def test_both_sides_of_an_or_are_looked_up(store: Store) -> None:
    found = plan(store, {"or": [{"agent_model": "a"}, {"condition": "b"}]})
    assert index_of(store, "agent_model") in found
    assert index_of(store, "condition") in found


def test_on_sqlite_a_list_comes_out_of_the_index_in_its_order(store: Store) -> None:
    if store.engine.dialect.name == "sqlite":
        found = plan(store, {"agent_model": "a"}, limit=100)
        assert "ix_transcripts_metadata_agent_model" in found
        assert "ORDER BY" not in found


def test_on_sqlite_the_rarer_of_two_keys_is_looked_up(store: Store) -> None:
    if store.engine.dialect.name == "sqlite":
        for where in ({"condition": "a", "agent_model": "b"}, {"group": "b", "dataset": "a"}):
            found = plan(store, where)
            rare = "agent_model" if "agent_model" in where else "group"
            assert f"ix_transcripts_metadata_{rare}" in found


def test_on_sqlite_a_range_of_a_well_known_key_is_looked_up(store: Store) -> None:
    if store.engine.dialect.name == "sqlite":
        assert index_of(store, "external_id") in plan(store, {"external_id": {"ge": "a"}})


def test_on_postgresql_any_key_is_looked_up(store: Store) -> None:
    if store.engine.dialect.name == "postgresql":
        for where in ({"note": "a"}, {"deep.er": None}, {"turns": {"in": [1, 2.5, True]}}):
            assert index_of(store, "") in plan(store, where)
