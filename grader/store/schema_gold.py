"""The tables of gold sets: what was drawn, what people said of it, and who is to say it next.

Ratings, adjudications and looks are only ever added. Everybody takes these tables from `schema.py`.
"""

import sqlalchemy as sa

from grader.store.schema_types import Hash, Json, Text, Utc, metadata

gold_sets = sa.Table(
    "gold_sets",
    metadata,
    sa.Column("gold_id", Text, primary_key=True),
    sa.Column("name", Text, nullable=False, unique=True),
    sa.Column("rubric", Text, nullable=False),
    sa.Column("rubric_version", Text, nullable=False),
    sa.Column("rubric_hash", Hash, nullable=False),
    sa.Column("criterion", Text, nullable=False),
    sa.Column("run_id", Text, nullable=False),
    sa.Column("design", Json, nullable=False),
    sa.Column("strata", Json, nullable=False),
    sa.Column("population", sa.Integer, nullable=False),
    sa.Column("ratings_per_item", sa.Integer, nullable=False),
    sa.Column("rule", Text, nullable=False),
    sa.Column("created_at", Utc, nullable=False),
)

gold_items = sa.Table(
    "gold_items",
    metadata,
    sa.Column("gold_id", Text, primary_key=True),
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("transcript_id", Text, nullable=False),
    sa.Column("transcript_hash", Hash, nullable=False),
    sa.Column("stratum", Text, nullable=False),
    sa.Column("inclusion_probability", sa.Float, nullable=False),
    sa.Column("split", Text, nullable=False),
    sa.UniqueConstraint("gold_id", "transcript_id"),
)

gold_ratings = sa.Table(
    "gold_ratings",
    metadata,
    sa.Column("rating_id", Text, primary_key=True),
    sa.Column("gold_id", Text, nullable=False),
    sa.Column("number", sa.Integer, nullable=False),
    sa.Column("rater", Text, nullable=False),
    sa.Column("value", Json, nullable=False),
    sa.Column("evidence", Json, nullable=False),
    sa.Column("comment", Text, nullable=False),
    sa.Column("seconds", sa.Float),
    sa.Column("entered_by", Text, nullable=False),
    sa.Column("created_at", Utc, nullable=False),
    sa.Index("ix_gold_ratings_gold_id_rating_id", "gold_id", "rating_id"),
)

gold_adjudications = sa.Table(
    "gold_adjudications",
    metadata,
    sa.Column("adjudication_id", Text, primary_key=True),
    sa.Column("gold_id", Text, nullable=False),
    sa.Column("number", sa.Integer, nullable=False),
    sa.Column("value", Json, nullable=False),
    sa.Column("by", Text, nullable=False),
    sa.Column("why", Text, nullable=False),
    sa.Column("entered_by", Text, nullable=False),
    sa.Column("created_at", Utc, nullable=False),
    sa.Index("ix_gold_adjudications_gold_id_adjudication_id", "gold_id", "adjudication_id"),
)

gold_looks = sa.Table(
    "gold_looks",
    metadata,
    sa.Column("look_id", Text, primary_key=True),
    sa.Column("gold_id", Text, nullable=False, index=True),
    sa.Column("what", Text, nullable=False),
    sa.Column("run_id", Text),
    sa.Column("rubric_hash", Hash),
    sa.Column("panel_hash", Hash),
    sa.Column("by", Text, nullable=False),
    sa.Column("created_at", Utc, nullable=False),
)

reviews = sa.Table(
    "reviews",
    metadata,
    sa.Column("review_id", Text, primary_key=True),
    sa.Column("gold_id", Text, nullable=False),
    sa.Column("number", sa.Integer, nullable=False),
    sa.Column("rater", Text, nullable=False),
    sa.Column("lease_expires_at", Utc, nullable=False),
    sa.Column("created_at", Utc, nullable=False),
    sa.UniqueConstraint("gold_id", "number", "rater"),
)
