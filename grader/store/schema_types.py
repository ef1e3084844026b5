"""What the tables are made of: the types of their columns, and the list that all tables join.

The list is whole only once `schema.py` is imported, so that is where everybody takes it from.
"""

from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from grader.hashing import PREFIX


class Hash(sa.types.TypeDecorator[str]):
    """A tagged hash, stored as its bytes."""

    impl = sa.LargeBinary(32)
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Any) -> bytes | None:
        return None if value is None else bytes.fromhex(value.removeprefix(PREFIX))

    def process_result_value(self, value: bytes | None, dialect: Any) -> str | None:
        return None if value is None else PREFIX + bytes(value).hex()


class Utc(sa.types.TypeDecorator[datetime]):
    """An aware time, stored as UTC."""

    impl = sa.DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Any) -> datetime | None:
        return None if value is None else value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Any) -> datetime | None:
        return None if value is None else value.replace(tzinfo=value.tzinfo or UTC).astimezone(UTC)


Json = sa.JSON(none_as_null=True).with_variant(postgresql.JSONB(none_as_null=True), "postgresql")
Blob = sa.LargeBinary
Text = sa.Text

metadata = sa.MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)
