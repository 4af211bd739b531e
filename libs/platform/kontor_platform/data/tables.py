"""What the tables of every service have in common."""

from typing import Any
from uuid import UUID

from sqlalchemy import Numeric, Text
from sqlmodel import Field, SQLModel

Key = Text(collation="C")
Amount = Numeric(18, 4)


class Tenanted(SQLModel):
    """A row of a tenant."""

    tenant_id: UUID = Field(primary_key=True)


class Keyed(Tenanted):
    """A record: its key and the version that grows by one with each accepted change."""

    id: UUID = Field(primary_key=True)
    version: int = 1


def key(**options: Any) -> Any:
    """A text column compared byte by byte, so that its index works under row-level security."""
    return Field(sa_type=Key, **options)
