"""Tables of activities, of the people in them, of the records they are about, and of what follows from them."""

from datetime import date, datetime
from uuid import UUID

from sqlmodel import Field

from kontor_crm_core.record.models import REGISTRY, Entity, Table, moment
from kontor_platform.data.tables import key


class ActivityRow(Entity, table=True):
    """A note, call, meeting, e-mail or task; what a kind does not have is empty."""

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
    ended_at: datetime | None = moment(default=None)
    duration_s: int | None = None
    outcome: str | None = None
    location: str | None = None
    thread_id: UUID | None = None
    left_out: int = 0
    recurrence: str | None = None
    recurs_from: str | None = None
    follows: UUID | None = None


class ActivityLink(Table, table=True):
    """A record an activity is about; what else it holds is the activity's, so that a page is one index range.

    `as_participant` links are there only because the contact takes part.
    """

    __tablename__ = "activity_link"

    record_id: UUID = Field(primary_key=True)
    activity_id: UUID = Field(primary_key=True)
    occurred_at: datetime = moment()
    kind: str = key()
    actor_id: UUID
    actor_kind: str = key()
    live: bool = True
    as_participant: bool = False


class ActivityParticipant(Table, table=True):
    """Somebody who takes part in an activity, a contact or not."""

    __tablename__ = "activity_participant"

    activity_id: UUID = Field(primary_key=True)
    role: str = key(primary_key=True)
    who: str = key(primary_key=True)
    position: int
    name: str | None = None
    email: str | None = None
    email_key: str | None = key(default=None)
    phone: str | None = None
    e164: str | None = key(default=None)
    contact_id: UUID | None = None


class EmailRef(Table, table=True):
    """A Message-ID that stands in a logged e-mail, as its own or as one it refers to, and the thread it belongs to."""

    __tablename__ = "email_ref"

    message_id: str = key(primary_key=True)
    thread_id: UUID


class RecordStat(Table, table=True):
    """What is counted about a record without changing it."""

    __tablename__ = "record_stat"

    record_id: UUID = Field(primary_key=True)
    last_activity_at: datetime = moment()


ACTIVITIES = REGISTRY.metadata.tables["activity"]
LINKS = REGISTRY.metadata.tables["activity_link"]
PARTICIPANTS = REGISTRY.metadata.tables["activity_participant"]
EMAIL_REFS = REGISTRY.metadata.tables["email_ref"]
STATS = REGISTRY.metadata.tables["record_stat"]
