"""Tables of activities, of the records they are about, and of what follows from them."""

from datetime import date, datetime
from uuid import UUID

from sqlmodel import Field

from kontor_crm_core.record.models import REGISTRY, Entity, Table, moment
from kontor_platform.data.tables import key


class ActivityRow(Entity, table=True):
    """A note or a task; the fields from `status` on are those of a task."""

    __tablename__ = "activity"

    kind: str = key()
    occurred_at: datetime = moment()
    subject: str
    subject_key: str | None = key(default=None)
    body: str | None = None
    direction: str | None = key(default=None)
    external_id: str | None = key(default=None)
    actor_kind: str = key()
    actor_id: UUID
    on_behalf_of: UUID | None = None
    owner_id: UUID | None = None
    status: str | None = key(default=None)
    priority: str | None = key(default=None)
    due_on: date | None = None
    due_at: datetime | None = moment(default=None)
    due_key: datetime | None = moment(default=None)
    completed_at: datetime | None = moment(default=None)
    completed_by: UUID | None = None


class ActivityLink(Table, table=True):
    """A record an activity is about; time, kind and `live` are the activity's, so that a page is one index range."""

    __tablename__ = "activity_link"

    record_id: UUID = Field(primary_key=True)
    activity_id: UUID = Field(primary_key=True)
    occurred_at: datetime = moment()
    kind: str = key()
    live: bool = True


class RecordStat(Table, table=True):
    """What is counted about a record without changing it."""

    __tablename__ = "record_stat"

    record_id: UUID = Field(primary_key=True)
    last_activity_at: datetime = moment()


ACTIVITIES = REGISTRY.metadata.tables["activity"]
LINKS = REGISTRY.metadata.tables["activity_link"]
STATS = REGISTRY.metadata.tables["record_stat"]
