"""Bulk: ledgers of what runs paid for, claims in order, budgets, batches, tokens counted.

What runs have paid so far is added up once, from their judgments.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0002"
down_revision = "0001"

JSON = sa.JSON(none_as_null=True).with_variant(postgresql.JSONB(none_as_null=True), "postgresql")
_LEDGER = (
    "given",
    "abstained",
    "refused",
    "failed",
    "calls",
    "input_tokens",
    "cached_tokens",
    "output_tokens",
    "cost_microusd",
)


def upgrade() -> None:
    op.add_column(
        "installation", sa.Column("claims", sa.BigInteger(), nullable=False, server_default="0")
    )
    op.add_column("bodies", sa.Column("tokens", sa.BigInteger()))
    op.add_column("runs", sa.Column("priority", sa.Text(), nullable=False, server_default="bulk"))
    op.add_column("runs", sa.Column("budget_microusd", sa.BigInteger()))
    op.add_column("runs", sa.Column("estimated_microusd", sa.BigInteger()))
    op.add_column("runs", sa.Column("finished_counts", JSON))
    op.add_column("shards", sa.Column("claim", sa.BigInteger()))
    op.add_column(
        "shards",
        sa.Column("reserved_microusd", sa.BigInteger(), nullable=False, server_default="0"),
    )
    op.add_column("judgments", sa.Column("fingerprint", sa.Text()))
    op.create_index("ix_run_transcripts_transcript_hash", "run_transcripts", ["transcript_hash"])
    op.create_table(
        "run_judges",
        sa.Column("run_id", sa.Text(), nullable=False),
        sa.Column("judge_hash", sa.LargeBinary(32), nullable=False),
        *(sa.Column(name, sa.BigInteger(), nullable=False, server_default="0") for name in _LEDGER),
        sa.PrimaryKeyConstraint("run_id", "judge_hash", name="pk_run_judges"),
    )
    op.execute(
        """
        INSERT INTO run_judges
            (run_id, judge_hash, given, abstained, refused, failed, cost_microusd)
        SELECT run_id, judge_hash,
               SUM(CASE WHEN status = 'given' THEN 1 ELSE 0 END),
               SUM(CASE WHEN status = 'abstained' THEN 1 ELSE 0 END),
               SUM(CASE WHEN status = 'refused' THEN 1 ELSE 0 END),
               SUM(CASE WHEN status = 'failed' THEN 1 ELSE 0 END),
               SUM(cost_microusd)
        FROM judgments GROUP BY run_id, judge_hash
        """
    )
    op.drop_index("ix_judgments_run_id_cost_microusd", table_name="judgments")
    op.create_table(
        "unanswered",
        sa.Column("unanswered_id", sa.Text(), nullable=False),
        sa.Column("transcript_hash", sa.LargeBinary(32), nullable=False),
        sa.Column("rubric_hash", sa.LargeBinary(32), nullable=False),
        sa.Column("judge_hash", sa.LargeBinary(32), nullable=False),
        sa.Column("view_hash", sa.LargeBinary(32), nullable=False),
        sa.Column("repeat", sa.Integer(), nullable=False),
        sa.Column("run_id", sa.Text(), nullable=False),
        sa.Column("attempts", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("unanswered_id", name="pk_unanswered"),
    )
    op.create_index("ix_unanswered_transcript_hash", "unanswered", ["transcript_hash"])
    op.create_table(
        "batches",
        sa.Column("batch_id", sa.Text(), nullable=False),
        sa.Column("run_id", sa.Text(), nullable=False),
        sa.Column("judge_hash", sa.LargeBinary(32), nullable=False),
        sa.Column("base_url", sa.Text(), nullable=False),
        sa.Column("remote_id", sa.Text()),
        sa.Column("input_file_id", sa.Text()),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("lease", sa.Text(), nullable=False),
        sa.Column("shards", JSON, nullable=False),
        sa.Column("requests", sa.Integer(), nullable=False),
        sa.Column("detail", sa.Text()),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("checked_at", sa.DateTime(timezone=True)),
        sa.Column("ended_at", sa.DateTime(timezone=True)),
        sa.PrimaryKeyConstraint("batch_id", name="pk_batches"),
    )
    op.create_index("ix_batches_run_id", "batches", ["run_id"])
    op.create_index("ix_labels_rubric_label_id", "labels", ["rubric", "label_id"])
    not_decided = sa.text("status <> 'decided'")
    for name, columns in (
        ("ix_labels_not_decided", ["status", "label_id"]),
        ("ix_labels_not_decided_of_run", ["run_id", "status", "label_id"]),
    ):
        op.create_index(
            name, "labels", columns, sqlite_where=not_decided, postgresql_where=not_decided
        )
