"""Tables of contacts and of what identifies them."""

from datetime import datetime
from uuid import UUID

from sqlmodel import Field

from kontor_crm_core.record.models import REGISTRY, Entity, Table, moment
from kontor_platform.data.tables import key


class ContactRow(Entity, table=True):
    """A person."""

    __tablename__ = "contact"

    name: str
    name_key: str = key()
    first_name: str | None = None
    last_name: str | None = None
    title: str | None = None
    city: str | None = None
    country: str | None = None
    first_name_key: str | None = key(default=None)
    last_name_key: str | None = key(default=None)
    title_key: str | None = key(default=None)
    city_key: str | None = key(default=None)
    country_key: str | None = key(default=None)
    owner_id: UUID | None = None


class ContactEmail(Table, table=True):
    """An address of a contact; a live one belongs to one contact only."""

    __tablename__ = "contact_email"

    contact_id: UUID = Field(primary_key=True)
    email_key: str = key(primary_key=True)
    raw: str
    position: int
    opted_out: bool = False
    bounced: bool = False
    consent_basis: str | None = None
    live: bool = True
    origin_id: UUID | None = None
    added_at: datetime = moment()


class ContactPhone(Table, table=True):
    """A number of a contact; people share numbers. `phone_key` is the E.164 form, else the digits, else the text."""

    __tablename__ = "contact_phone"

    contact_id: UUID = Field(primary_key=True)
    phone_key: str = key(primary_key=True)
    raw: str
    e164: str | None = key(default=None)
    national_digits: str | None = key(default=None)
    ext: str | None = None
    region: str | None = None
    position: int
    live: bool = True
    origin_id: UUID | None = None
    added_at: datetime = moment()


CONTACTS = REGISTRY.metadata.tables["contact"]
CONTACT_EMAILS = REGISTRY.metadata.tables["contact_email"]
CONTACT_PHONES = REGISTRY.metadata.tables["contact_phone"]
