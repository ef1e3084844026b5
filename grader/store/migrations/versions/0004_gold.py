"""Gold: sets and their items, ratings by people, adjudications, looks, reviews, other raters."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0004"
down_revision = "0003"

JSON = sa.JSON(none_as_null=True).with_variant(postgresql.JSONB(none_as_null=True), "postgresql")


def upgrade() -> None:
    op.create_table(
        "gold_sets",
        sa.Column("gold_id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("rubric", sa.Text(), nullable=False),
        sa.Column("rubric_version", sa.Text(), nullable=False),
        sa.Column("rubric_hash", sa.LargeBinary(32), nullable=False),
        sa.Column("criterion", sa.Text(), nullable=False),
        sa.Column("run_id", sa.Text(), nullable=False),
        sa.Column("design", JSON, nullable=False),
        sa.Column("strata", JSON, nullable=False),
        sa.Column("population", sa.Integer(), nullable=False),
        sa.Column("ratings_per_item", sa.Integer(), nullable=False),
        sa.Column("rule", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("gold_id", name="pk_gold_sets"),
        sa.UniqueConstraint("name", name="uq_gold_sets_name"),
    )
    op.create_table(
        "gold_items",
        sa.Column("gold_id", sa.Text(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("transcript_id", sa.Text(), nullable=False),
        sa.Column("transcript_hash", sa.LargeBinary(32), nullable=False),
        sa.Column("stratum", sa.Text(), nullable=False),
        sa.Column("inclusion_probability", sa.Float(), nullable=False),
        sa.Column("split", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("gold_id", "number", name="pk_gold_items"),
        sa.UniqueConstraint("gold_id", "transcript_id", name="uq_gold_items_gold_id_transcript_id"),
    )
    op.create_table(
        "gold_ratings",
        sa.Column("rating_id", sa.Text(), nullable=False),
        sa.Column("gold_id", sa.Text(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("rater", sa.Text(), nullable=False),
        sa.Column("value", JSON, nullable=False),
        sa.Column("evidence", JSON, nullable=False),
        sa.Column("comment", sa.Text(), nullable=False),
        sa.Column("seconds", sa.Float()),
        sa.Column("entered_by", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("rating_id", name="pk_gold_ratings"),
    )
    op.create_index("ix_gold_ratings_gold_id_rating_id", "gold_ratings", ["gold_id", "rating_id"])
    op.create_table(
        "gold_adjudications",
        sa.Column("adjudication_id", sa.Text(), nullable=False),
        sa.Column("gold_id", sa.Text(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("value", JSON, nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("entered_by", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("adjudication_id", name="pk_gold_adjudications"),
    )
    op.create_index(
        "ix_gold_adjudications_gold_id_adjudication_id",
        "gold_adjudications",
        ["gold_id", "adjudication_id"],
    )
    op.create_table(
        "gold_looks",
        sa.Column("look_id", sa.Text(), nullable=False),
        sa.Column("gold_id", sa.Text(), nullable=False),
        sa.Column("what", sa.Text(), nullable=False),
        sa.Column("run_id", sa.Text()),
        sa.Column("rubric_hash", sa.LargeBinary(32)),
        sa.Column("panel_hash", sa.LargeBinary(32)),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("look_id", name="pk_gold_looks"),
    )
    op.create_index("ix_gold_looks_gold_id", "gold_looks", ["gold_id"])
    op.create_table(
        "reviews",
        sa.Column("review_id", sa.Text(), nullable=False),
        sa.Column("gold_id", sa.Text(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("rater", sa.Text(), nullable=False),
        sa.Column("lease_expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("review_id", name="pk_reviews"),
        sa.UniqueConstraint("gold_id", "number", "rater", name="uq_reviews_gold_id_number_rater"),
    )
    op.create_table(
        "raters_elsewhere",
        sa.Column("judge_hash", sa.LargeBinary(32), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("judge_hash", name="pk_raters_elsewhere"),
    )
