"""The names of records at the other end of something."""

from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID

from kontor_protos.kontor.crm.v1 import common_pb as pb
from sqlalchemy import func, select

from kontor_crm_core.record.models import RECORDS, REGISTRY
from kontor_platform.contract.problem import Gone, NotFound
from kontor_platform.runtime.call import Call

# What an activity can be about.
SUBJECTS = ("contact", "company", "deal", "task")
NAMED = {"contact": "name", "company": "name", "deal": "name", "activity": "subject"}


@dataclass(frozen=True, slots=True)
class Ref:
    """A record with its type and the name people know it by."""

    id: UUID
    type: str
    name: str
    deleted: bool

    def to_message(self) -> pb.RecordRef:
        """The record as callers see it."""
        return pb.RecordRef(id=str(self.id), type=self.type, name=self.name)


async def refs(call: Call, ids: Iterable[UUID]) -> dict[UUID, Ref]:
    """The records of the tenant among the ids, deleted ones too."""
    named = {kind: REGISTRY.metadata.tables[kind] for kind in NAMED}
    name = func.coalesce(*(table.c[NAMED[kind]] for kind, table in named.items()), "").label("name")
    deleted = RECORDS.c.deleted_at.is_not(None).label("deleted")
    found = select(RECORDS.c.id, RECORDS.c.object_type, deleted, name).select_from(RECORDS)
    for table in named.values():
        found = found.outerjoin(table, (table.c.tenant_id == RECORDS.c.tenant_id) & (table.c.id == RECORDS.c.id))
    mine = (RECORDS.c.tenant_id == call.actor.tenant, RECORDS.c.id.in_(set(ids)))
    rows = await call.session.execute(found.where(*mine))
    return {row.id: Ref(row.id, row.object_type, row.name, row.deleted) for row in rows}


async def live_refs(call: Call, ids: Iterable[UUID], types: Iterable[str]) -> dict[UUID, Ref]:
    """The records of the ids, in their order; raises NotFound for one of no such type, Gone for deleted ones."""
    wanted, allowed = list(ids), set(types)
    found = await refs(call, wanted) if wanted else {}
    if any(each not in found or found[each].type not in allowed for each in wanted):
        raise NotFound()
    deleted = [str(each) for each in wanted if found[each].deleted]
    if deleted:
        raise Gone(ids=deleted)
    return {each: found[each] for each in wanted}
