"""Indexes: of transcripts by what stands in their metadata, of kept replies by their age.

PostgreSQL has one index for the equality of any key. SQLite has one for each well-known key, in the
order in which lists are shown.
"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

_KEYS = {
    "agent_model": 50,
    "harness": 10,
    "task_type": 10,
    "condition": 4,
    "subject": 50,
    "dataset": 10,
    "group": 1_000,
    "external_id": 1_000_000,
}
"""The keys, and how many values each may have among a million transcripts."""


def upgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        _index_postgresql()
    else:
        _index_sqlite()
    op.create_index("ix_replies_created_at", "replies", ["created_at"])


def _index_postgresql() -> None:
    op.create_index(
        "ix_transcripts_metadata",
        "transcripts",
        ["metadata"],
        postgresql_using="gin",
        postgresql_ops={"metadata": "jsonb_path_ops"},
    )


def _index_sqlite() -> None:
    for key in _KEYS:
        value = f"json_extract(metadata, '$.\"{key}\"')"
        op.create_index(
            _name(key),
            "transcripts",
            [sa.text(value), sa.text("transcript_id")],
            sqlite_where=sa.text(f"{value} IS NOT NULL"),
        )
    # SQLite counts nothing by itself, and would take the first of two indexes for the better one.
    # An `ANALYZE` replaces these guesses.
    op.execute("ANALYZE installation")
    guess = sa.text("INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES ('transcripts', :idx, :stat)")
    for key, values in _KEYS.items():
        stat = f"1000000 {1_000_000 // values} 1"
        op.execute(guess.bindparams(idx=_name(key), stat=stat))
    op.execute("ANALYZE sqlite_schema")


def _name(key: str) -> str:
    return f"ix_transcripts_metadata_{key}"
