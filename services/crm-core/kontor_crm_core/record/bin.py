"""Deleted records: how long they are kept, who deleted them, and what must be held to delete or restore one."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from kontor_protos.kontor.crm.v1.common_pb import RecordRef
from sqlalchemy import RowMapping, select

from kontor_crm_core.record.models import RECORDS
from kontor_crm_core.record.redirects import present
from kontor_crm_core.record.writer import table
from kontor_crm_core.refs import NAMED
from kontor_platform.contract.problem import Conflict, Gone, NotFound
from kontor_platform.data.database import Row
from kontor_platform.runtime.call import Call

# domain/crm.md 2.1: purged after 90 days.
KEPT = timedelta(days=90)
DELETED_BY = """
SELECT at, actor_id, actor_kind, on_behalf_of FROM record_change
WHERE tenant_id = %(tenant)s AND record_id = %(id)s ORDER BY version DESC LIMIT 1
"""


class Merged(Conflict):
    """The record became part of another; crm_unmerge_contacts takes it out again."""


@dataclass(frozen=True, slots=True)
class Held:
    """A record of any type, live or deleted, held to the end of the transaction."""

    type: str
    row: RowMapping

    @property
    def ref(self) -> RecordRef:
        """The record as callers see it."""
        name: Any = self.row["subject" if "subject" in self.row else "name"]
        return RecordRef(id=str(self.row["id"]), type=self.type, name=name or "")

    @property
    def deleted_at(self) -> datetime | None:
        """When it was deleted."""
        at: datetime | None = self.row["deleted_at"]
        return at


async def held(call: Call, record: UUID) -> Held:
    """A record with everything that may be linked to it waiting; raises NotFound, or Merged for part of another."""
    found = await call.session.execute(
        select(RECORDS.c.object_type)
        .where(RECORDS.c.tenant_id == call.actor.tenant, RECORDS.c.id == record)
        .with_for_update(key_share=True)
    )
    kind = found.scalar_one_or_none()
    if kind is None or kind not in NAMED | {"task": "subject"}:
        raise NotFound()
    columns = table(kind).c
    mine = (columns.tenant_id == call.actor.tenant, columns.id == record)
    row = (await call.session.execute(select(*columns).where(*mine).with_for_update())).mappings().one()
    if row["merged_into"] is not None:
        raise Merged(ids=[str((await present(call, [record]))[record])], next_tool="crm_unmerge_contacts")
    return Held(kind, row)


async def gone(call: Call, record: str) -> Gone:
    """The refusal of a deleted record: who deleted it, when, and how to bring it back."""
    rows = await call.read(DELETED_BY, {"tenant": call.actor.tenant, "id": record}, by_key=True)
    return gone_since(record, rows[0]) if rows else Gone(ids=[record])


def gone_since(record: str, deletion: Row) -> Gone:
    """The refusal of a record by what the change log tells of its deletion."""
    at: datetime = deletion["at"]
    until = (at + KEPT).isoformat()
    who = f"{deletion['actor_kind']} {deletion['actor_id']}"
    behalf = {"on_behalf_of": str(deletion["on_behalf_of"])} if deletion["on_behalf_of"] else {}
    return Gone(
        f"The record was deleted by {who} at {at.isoformat()}; crm_restore_record brings it back until {until}.",
        ids=[record],
        next_tool="crm_restore_record",
        details={
            "deleted_at": at.isoformat(),
            "deleted_by": str(deletion["actor_id"]),
            "deleted_by_kind": deletion["actor_kind"],
            "restorable_until": until,
            **behalf,
        },
    )
