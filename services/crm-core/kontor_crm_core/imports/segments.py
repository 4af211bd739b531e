"""Adds imported contacts to a static segment, and takes them out again."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from sqlalchemy import text

from kontor_crm_core.segment import members
from kontor_crm_core.segment.rules import Kind
from kontor_crm_core.segment.service import meant
from kontor_platform.contract.problem import InvalidField
from kontor_platform.data.arrays import array
from kontor_platform.runtime.call import Call

CONTACT = "contact"
AT_ONCE = 5_000
FIRST = UUID(int=0)
IMPORTED = text(
    """
    SELECT DISTINCT record_id FROM import_row
    WHERE tenant_id = :tenant AND import_id = :import AND record_id > :after
        AND (CASE WHEN :joined THEN joined ELSE outcome IN ('created', 'updated', 'unchanged') END)
    ORDER BY record_id LIMIT :limit
    """
)
JOINED = text(
    """
    UPDATE import_row SET joined = true
    WHERE tenant_id = :tenant AND import_id = :import AND record_id = ANY(CAST(:ids AS uuid[]))
    """
)


async def segment_named(call: Call, name: str) -> Mapping[Any, Any] | None:
    """The static segment of contacts that an import names; raises NotFound, InvalidField for one of another kind."""
    if not name:
        return None
    row = await meant(call, name)
    if row["kind"] != Kind.STATIC or row["object_type"] != CONTACT:
        told = f"Contacts can be added to static segments of contacts only; {row['key']} is {row['kind']}."
        raise InvalidField(told, field="segment")
    return row


async def add_to_segment(call: Call, run: UUID, name: str) -> None:
    """Adds the contacts of an import to a segment, and remembers which were not in it."""
    row = await segment_named(call, name)
    after = FIRST
    while row and (ids := await imported(call, run, after, joined=False)):
        new = set(ids) - await members.present(call, row["id"], ids)
        await members.add(call, row["id"], row["key"], CONTACT, new)
        values = {"tenant": call.actor.tenant, "import": run, "ids": array(sorted(new))}
        await call.session.execute(JOINED, values)
        after = ids[-1]


async def take_out_of_segment(call: Call, run: UUID, name: str) -> None:
    """Takes the contacts out again that an import added to a segment."""
    row = await segment_named(call, name)
    after = FIRST
    while row and (ids := await imported(call, run, after, joined=True)):
        await members.remove(call, row["id"], row["key"], CONTACT, ids)
        after = ids[-1]


async def imported(call: Call, run: UUID, after: UUID, *, joined: bool) -> list[UUID]:
    """The next contacts of an import, or of them those it added to its segment."""
    values = {"tenant": call.actor.tenant, "import": run, "after": after, "joined": joined, "limit": AT_ONCE}
    return list((await call.session.execute(IMPORTED, values)).scalars())
