"""Brings deleted records back, with what identified them and what they were linked to."""

from collections.abc import Sequence
from uuid import UUID

from kontor_protos.kontor.crm.v1 import records_pb as pb
from kontor_protos.kontor.crm.v1.common_pb import Warning
from sqlalchemy import text

from kontor_crm_core.association.rules import STANDARD
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

ONE = [key for key, kind in STANDARD.items() if kind.cardinality == "one"]
# What a returning record is linked by, where the record at the near end has another such link by now.
REPLACED = text(
    """
    DELETE FROM association mine
    WHERE mine.tenant_id = :tenant AND mine.to_id = :id AND mine.type_key = ANY(:ones) AND EXISTS (
        SELECT FROM association other JOIN record r ON r.tenant_id = :tenant AND r.id = other.to_id
        WHERE other.tenant_id = :tenant AND other.type_key = mine.type_key AND other.from_id = mine.from_id
            AND other.to_id <> mine.to_id AND r.deleted_at IS NULL)
    RETURNING mine.type_key, mine.from_id
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


async def restore_record(call: Call, request: pb.RestoreRecordRequest) -> pb.RestoreRecordResponse:
    """Brings a record back; raises NotFound, Merged, VersionConflict, IdentityTaken or UniqueTaken."""
    record = UUID(request.id)
    present = await held(call, record)
    call.concerns(record)
    if present.deleted_at is None:
        return await answer(call, present, "unchanged", present.row["version"], [])
    held_again = await returning(call, present.type, present.row["props"])
    changes = [Change(DELETED, True, False), *held_again.changes]
    check_version(expected_version(request), present.row["version"], changes)
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


async def settle_links(call: Call, record: UUID) -> list[Warning]:
    """Drops returning links whose place was taken meanwhile, and tells of them."""
    asked = {"tenant": call.actor.tenant, "id": record}
    replaced = (await call.session.execute(REPLACED, {**asked, "ones": ONE})).all()
    await call.session.execute(SECONDARY, asked)
    return [
        Warning(
            code="link_replaced",
            message=f"{row.from_id} is {STANDARD[row.type_key].label} another record by now; that link stays.",
            field=row.type_key,
        )
        for row in replaced
    ]


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
