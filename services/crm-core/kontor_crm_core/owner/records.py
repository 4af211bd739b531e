"""Reads the records that go to another owner, held in the order of their ids, one type after the other."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from kontor_protos.kontor.crm.v1.common_pb import Warning
from sqlalchemy import RowMapping, text

from kontor_crm_core.owner.rules import Kind, Owned
from kontor_platform.contract.problem import InvalidField, NotFound
from kontor_platform.runtime.call import Call

NAMES: Mapping[str, tuple[str, str]] = {
    Kind.CONTACT: ("contact", "t.name"),
    Kind.COMPANY: ("company", "t.name"),
    Kind.DEAL: ("deal", "t.name"),
    Kind.TASK: ("activity", "t.subject"),
}
# What somebody who leaves still has to do with: closed deals and done tasks stay theirs.
UNFINISHED = {
    Kind.CONTACT: "",
    Kind.COMPANY: "",
    Kind.DEAL: " AND t.stage_kind = 'open'",
    Kind.TASK: " AND t.kind = 'task' AND t.status = 'open'",
}
COLUMNS = "t.id, t.version, t.owner_id, {name} AS name"
OF_OWNER = """
SELECT {columns} FROM {table} t
WHERE t.tenant_id = :tenant AND t.owner_id = :owner AND t.deleted_at IS NULL{unfinished} AND t.id > :after
ORDER BY t.id LIMIT :most
"""
BY_ID = """
SELECT {columns}, t.deleted_at IS NOT NULL AS deleted FROM {table} t
WHERE t.tenant_id = :tenant AND t.id = ANY(CAST(:ids AS uuid[])) ORDER BY t.id
"""
HELD = " FOR UPDATE OF t"
TYPES = text("SELECT id, object_type FROM record WHERE tenant_id = :tenant AND id = ANY(CAST(:ids AS uuid[]))")
# Closed deals whose pipeline does not let their owner change.
CLOSED = text(
    """
    SELECT d.id FROM deal d JOIN pipeline p ON p.tenant_id = :tenant AND p.id = d.pipeline_id
    WHERE d.tenant_id = :tenant AND d.id = ANY(CAST(:ids AS uuid[])) AND d.stage_kind <> 'open'
        AND NOT 'owner_id' = ANY(p.editable_when_closed)
    """
)
FIRST = UUID(int=0)


@dataclass(frozen=True, slots=True)
class Chosen:
    """The records meant, and why others stay as they are."""

    records: Sequence[Owned]
    left: Sequence[Warning] = ()


def statement(shape: str, kind: str) -> str:
    """A statement for one type of record."""
    table, name = NAMES[kind]
    return shape.format(table=table, columns=COLUMNS.format(name=name), unfinished=UNFINISHED[Kind(kind)])


async def owned_by(
    call: Call, owner: UUID, kinds: Sequence[str], most: int, *, hold: bool = True, after: UUID = FIRST
) -> list[Owned]:
    """So many of the records that somebody has to do with, type after type."""
    found: list[Owned] = []
    for kind in kinds:
        query = statement(OF_OWNER, kind) + (HELD if hold else "")
        asked = {"tenant": call.actor.tenant, "owner": owner, "after": after, "most": most - len(found)}
        found += [owned(kind, row) for row in (await call.session.execute(text(query), asked)).mappings()]
        if len(found) >= most:
            break
    return found


async def by_ids(call: Call, ids: Sequence[UUID], kinds: Sequence[str], *, hold: bool = True) -> Chosen:
    """The records of ids; raises NotFound for unknown ones, InvalidField for those that have no owner."""
    asked = {"tenant": call.actor.tenant, "ids": list(ids)}
    types = {row.id: row.object_type for row in await call.session.execute(TYPES, asked)}
    if len(types) < len(ids):
        raise NotFound()
    ownerless = sorted({kind for kind in types.values() if kind not in NAMES})
    if ownerless:
        raise InvalidField(f"Records of type {', '.join(ownerless)} have no owner.", field="record_ids")
    records: dict[UUID, Owned] = {}
    left: list[Warning] = []
    for kind in (each for each in Kind if each in kinds):
        mine = {**asked, "ids": [each for each in ids if types[each] == kind]}
        query = statement(BY_ID, kind) + (HELD if hold else "")
        rows = (await call.session.execute(text(query), mine)).mappings().all()
        left += [warning("record_deleted", row["id"], "is deleted") for row in rows if row["deleted"]]
        records |= {row["id"]: owned(kind, row) for row in rows if not row["deleted"]}
    closed = list((await call.session.execute(CLOSED, {**asked, "ids": list(records)})).scalars())
    left += [warning("deal_closed", each, "is closed, and its pipeline keeps the owner then") for each in closed]
    return Chosen([records[each] for each in ids if each in records and each not in closed], left)


def owned(kind: str, row: RowMapping) -> Owned:
    """A record by its row."""
    return Owned(kind, row["id"], row["version"], row["owner_id"], row["name"] or "")


def warning(code: str, record: UUID, why: str) -> Warning:
    """Tells why a record stays as it is."""
    return Warning(code=code, message=f"{record} {why}.", field="record_ids")
