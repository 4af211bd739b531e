"""Tables of links between records."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import ARRAY, Text
from sqlmodel import Field

from kontor_crm_core.record.models import REGISTRY, Table, moment
from kontor_platform.data.tables import key


class AssociationType(Table, table=True):
    """What a link means, read in either direction."""

    __tablename__ = "association_type"

    type_key: str = key(primary_key=True)
    from_type: str = key()
    to_type: str = key()
    label: str
    reverse_label: str
    cardinality: str = key()


class Association(Table, table=True):
    """One link."""

    __tablename__ = "association"

    type_key: str = key(primary_key=True)
    from_id: UUID = Field(primary_key=True)
    to_id: UUID = Field(primary_key=True)
    from_type: str = key()
    to_type: str = key()
    labels: list[str] = Field(default_factory=list, sa_type=ARRAY(Text))
    is_primary: bool = False
    version: int = 1
    created_at: datetime = moment()
    created_by: UUID
    created_by_kind: str = key()
    on_behalf_of: UUID | None = None


ASSOCIATIONS = REGISTRY.metadata.tables["association"]
ASSOCIATION_TYPES = REGISTRY.metadata.tables["association_type"]
