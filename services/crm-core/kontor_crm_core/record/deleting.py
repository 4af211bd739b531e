"""Deletes records: they stay for a time, seen by nobody."""

from uuid import UUID

from kontor_protos.kontor.crm.v1 import records_pb as pb
from protobuf.wkt import Timestamp

from kontor_crm_core.record.bin import KEPT, Held, held
from kontor_crm_core.record.hanging import hanging
from kontor_crm_core.record.neighbours import leave
from kontor_crm_core.record.objects import write
from kontor_crm_core.record.wishes import expected_version
from kontor_crm_core.record.writer import check_version
from kontor_platform.data.records.planned import Life, Planned
from kontor_platform.runtime.call import Call, Change

DELETED = "deleted"


async def delete_record(call: Call, request: pb.DeleteRecordRequest) -> pb.DeleteRecordResponse:
    """Deletes a record and tells what hung on it; raises NotFound, Merged or VersionConflict."""
    record = UUID(request.id)
    present = await held(call, record)
    call.concerns(record)
    if present.deleted_at is not None:
        return unchanged(present)
    changes = [Change(DELETED, False, True)]
    check_version(expected_version(request), present.row["version"], changes)
    lost = await hanging(call, record)
    planned = Planned(present.type, record, present.row["version"], changes=changes, life=Life.ENDS)
    written = (await write(call, planned))[record]
    await leave(call, present.type, record)
    return pb.DeleteRecordResponse(
        summary=summary(present, lost.counts),
        outcome="deleted",
        record=present.ref,
        version=written.version,
        counts=lost.counts,
        links=lost.links,
        segments=lost.segments,
        open_deals=list(lost.deals),
        open_tasks=list(lost.tasks),
        restorable_until=Timestamp.from_datetime(written.at + KEPT),
    )


def unchanged(present: Held) -> pb.DeleteRecordResponse:
    """The answer for a record that was deleted already."""
    until = Timestamp.from_datetime(present.deleted_at + KEPT) if present.deleted_at else None
    return pb.DeleteRecordResponse(
        summary=f"The {present.type} {present.ref.name} was deleted already.",
        outcome="unchanged",
        record=present.ref,
        version=present.row["version"],
        counts=pb.RecordCounts(),
        restorable_until=until,
    )


def summary(present: Held, counts: pb.RecordCounts) -> str:
    """What happened, in one sentence."""
    told = [
        f"{number} {noun}{'s' * (number != 1)}"
        for number, noun in ((counts.open_deals, "open deal"), (counts.open_tasks, "open task"))
        if number
    ]
    hung = f"; {' and '.join(told)} no longer show it" if told else ""
    return f"Deleted the {present.type} {present.ref.name}{hung}."
