"""Tables of the blocklist."""

from datetime import datetime

from kontor_crm_core.record.models import REGISTRY, Table, moment
from kontor_platform.data.tables import key


class BlocklistKey(Table, table=True):
    """The tenant's secret, with which digests are made."""

    __tablename__ = "blocklist_key"

    secret: bytes


class BlocklistEntry(Table, table=True):
    """An address that may not be stored, as its digest."""

    __tablename__ = "blocklist_entry"

    digest: str = key(primary_key=True)
    created_at: datetime = moment()


KEYS = REGISTRY.metadata.tables["blocklist_key"]
ENTRIES = REGISTRY.metadata.tables["blocklist_entry"]
