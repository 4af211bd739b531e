"""Brings deleted records back, with what identified them and what they were linked to."""

from collections.abc import Sequence
from uuid import UUID

from kontor_protos.kontor.crm.v1 import records_pb as pb
from kontor_protos.kontor.crm.v1.common_pb import Warning
from sqlalchemy import text

from kontor_crm_core.association.edges import write as write_links
from kontor_crm_core.association.rules import Edge, Plan
from kontor_crm_core.association.types.rules import STANDARD
from kontor_crm_core.blocklist.checking import refuse_blocked
from kontor_crm_core.contact.reading import states
from kontor_crm_core.property.wishes import returning
from kontor_crm_core.record.bin import Held, held
from kontor_crm_core.record.deleting import DELETED
from kontor_crm_core.record.hanging import counted
from kontor_crm_core.record.neighbours import come_back
from kontor_crm_core.record.objects import write
from kontor_crm_core.record.wishes import expected_version
from kontor_crm_core.record.writer import check_version
from kontor_platform.data.records.planned import Life, Planned
from kontor_platform.runtime.call import Call, Change

# What a returning record is linked by, where the record at an end that takes one link has another by now.
REPLACED = text(
    """
    SELECT mine.type_key, mine.from_id, mine.to_id, mine.labels, mine.is_primary, mine.props
    FROM association mine
    WHERE mine.tenant_id = :tenant AND mine.to_id = :id AND mine.type_key = ANY(:ones) AND EXISTS (
        SELECT FROM association other JOIN record r ON r.tenant_id = :tenant AND r.id = other.to_id
        WHERE other.tenant_id = :tenant AND other.type_key = mine.type_key AND other.from_id = mine.from_id
            AND other.to_id <> mine.to_id AND r.deleted_at IS NULL)
    UNION
    SELECT mine.type_key, mine.from_id, mine.to_id, mine.labels, mine.is_primary, mine.props
    FROM association mine
    WHERE mine.tenant_id = :tenant AND mine.from_id = :id AND mine.type_key = ANY(:reverse_ones) AND EXISTS (
        SELECT FROM association other JOIN record r ON r.tenant_id = :tenant AND r.id = other.from_id
        WHERE other.tenant_id = :tenant AND other.type_key = mine.type_key AND other.to_id = mine.to_id
            AND other.from_id <> mine.from_id AND r.deleted_at IS NULL)
    """
)
SECONDARY = text(
    """
    UPDATE association mine SET is_primary = false
    WHERE mine.tenant_id = :tenant AND mine.to_id = :id AND mine.is_primary AND EXISTS (
        SELECT FROM association other JOIN record r ON r.tenant_id = :tenant AND r.id = other.to_id
        WHERE other.tenant_id = :tenant AND other.type_key = mine.type_key AND other.from_id = mine.from_id
            AND other.to_id <> mine.to_id AND other.is_primary AND r.deleted_at IS NULL)
    """
)
ONES = {
    "ones": [kind.key for kind in STANDARD.values() if kind.cardinality == "one"],
    "reverse_ones": [kind.key for kind in STANDARD.values() if kind.reverse_cardinality == "one"],
}


async def restore_record(call: Call, request: pb.RestoreRecordRequest) -> pb.RestoreRecordResponse:
    """Brings a record back; raises NotFound, Merged, VersionConflict, Blocklisted, IdentityTaken or UniqueTaken."""
    record = UUID(request.id)
    present = await held(call, record)
    call.concerns(record)
    if present.deleted_at is None:
        return await answer(call, present, "unchanged", present.row["version"], [])
    held_again = await returning(call, present.type, present.row["props"])
    changes = [Change(DELETED, True, False), *held_again.changes]
    check_version(expected_version(request), present.row["version"], changes)
    await refuse_blocked(call, await addresses(call, present))
    planned = Planned(
        present.type,
        record,
        present.row["version"],
        changes=changes,
        properties=held_again.properties,
        life=Life.RETURNS,
    )
    written = (await write(call, planned))[record]
    warnings = await settle_links(call, record)
    await come_back(call, present.type, record)
    return await answer(call, present, "restored", written.version, warnings)


async def addresses(call: Call, present: Held) -> list[str]:
    """The addresses that a contact comes back with."""
    if present.type != "contact":
        return []
    found = await states(call, [present.row["id"]])
    return [each.key for state in found.values() for each in state.emails]


async def settle_links(call: Call, record: UUID) -> list[Warning]:
    """Takes away returning links whose place was taken meanwhile, and tells of them."""
    asked = {"tenant": call.actor.tenant, "id": record}
    rows = (await call.session.execute(REPLACED, {**asked, **ONES})).all()
    edges = [Edge(row.type_key, row.from_id, row.to_id, tuple(row.labels), row.is_primary, row.props) for row in rows]
    if edges:
        await write_links(call, Plan(deletes=edges))
    await call.session.execute(SECONDARY, asked)
    return [replaced(each, record) for each in edges]


def replaced(edge: Edge, record: UUID) -> Warning:
    """Tells of a link that did not return."""
    kind = STANDARD[edge.type_key]
    other, label = (edge.to_id, kind.reverse_label) if edge.from_id == record else (edge.from_id, kind.label)
    message = f"{other} is linked to another record by now ({label}); that link stays."
    return Warning(code="link_replaced", message=message, field=edge.type_key)


async def answer(
    call: Call, present: Held, outcome: str, version: int, warnings: Sequence[Warning]
) -> pb.RestoreRecordResponse:
    """What became of the record."""
    name = f"the {present.type} {present.ref.name}"
    return pb.RestoreRecordResponse(
        summary=f"Restored {name}." if outcome == "restored" else f"{name.capitalize()} was not deleted.",
        outcome=outcome,
        record=present.ref,
        version=version,
        counts=await counted(call, UUID(present.ref.id)),
        warnings=list(warnings),
    )
