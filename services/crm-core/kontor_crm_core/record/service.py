"""The rpc service of records of any type."""

import json
from collections.abc import Mapping, Sequence
from decimal import Decimal
from uuid import UUID

from kontor_protos.kontor.crm.v1 import records_pb as pb
from kontor_protos.kontor.crm.v1.calls_pb import PhoneCall
from kontor_protos.kontor.crm.v1.companies_pb import Company
from kontor_protos.kontor.crm.v1.contacts_pb import Contact
from kontor_protos.kontor.crm.v1.deals_pb import Deal
from kontor_protos.kontor.crm.v1.emails_pb import Email
from kontor_protos.kontor.crm.v1.meetings_pb import Meeting
from kontor_protos.kontor.crm.v1.notes_pb import Note
from kontor_protos.kontor.crm.v1.tasks_pb import Task
from kontor_protos.kontor.platform.v1.errors_pb import FieldProblem
from protobuf.wkt import Struct

from kontor_crm_core.association.listing import Wish, linked_page
from kontor_crm_core.deal.money import shown
from kontor_crm_core.property.wishes import propertied
from kontor_crm_core.record.bin import gone
from kontor_crm_core.record.deleting import delete_record
from kontor_crm_core.record.queries import COUNTS_OF_ONE, HISTORY, PROPERTY_NAMES, RECORD
from kontor_crm_core.record.redirects import redirected_from
from kontor_crm_core.record.restoring import restore_record
from kontor_platform.contract.names import nearest
from kontor_platform.contract.problem import InvalidField, NotFound
from kontor_platform.runtime.call import Call
from kontor_platform.runtime.dispatcher import single_read

AnyRecord = Contact | Company | Deal | Task | Note | PhoneCall | Meeting | Email
# The member of the answer that holds a record, and its message, by type; those of an activity by kind.
MESSAGES: Mapping[str, tuple[str, type[AnyRecord]]] = {
    "contact": ("contact", Contact),
    "company": ("company", Company),
    "deal": ("deal", Deal),
    "task": ("task", Task),
    "note": ("note", Note),
    "call": ("phone_call", PhoneCall),
    "meeting": ("meeting", Meeting),
    "email": ("email", Email),
}
SHOWN = 20


class Records:
    """Reads, deletes and restores records."""

    implements = "kontor.crm.v1.Records"

    @single_read
    async def get_record(self, request: pb.GetRecordRequest, call: Call) -> pb.GetRecordResponse:
        """Reads one record of any type by its id."""
        kind, member, record = await read(call, request.id)
        call.concerns(UUID(record.id))
        answer = pb.GetRecordResponse(id=record.id, type=kind, version=record.version)
        answer.redirected_from = redirected_from(request.id, record.id)
        if request.fields:
            answer.selected = await selected(call, kind, record, request.fields)
        else:
            setattr(answer, member, record)
        for part in request.include:
            await PARTS[part](answer, call)
        return answer

    async def delete_record(self, request: pb.DeleteRecordRequest, call: Call) -> pb.DeleteRecordResponse:
        """Deletes one record of any type."""
        return await delete_record(call, request)

    async def restore_record(self, request: pb.RestoreRecordRequest, call: Call) -> pb.RestoreRecordResponse:
        """Brings one record back."""
        return await restore_record(call, request)


async def read(call: Call, record_id: str) -> tuple[str, str, AnyRecord]:
    """A live record's type, the member of the answer that holds it, and its message; raises NotFound or Gone."""
    rows = await call.read(RECORD, {"tenant": call.actor.tenant, "id": record_id}, by_key=True)
    if not rows:
        raise NotFound
    found = rows[0]
    if found["deleted_at"] is not None:
        raise await gone(call, str(found["id"]))
    member, message = MESSAGES[found["kind"] or found["type"]]
    record = message.from_json(found["record"])
    if isinstance(record, Deal) and record.amount:
        record.amount = shown(Decimal(record.amount), record.currency)
    return found["type"], member, record


async def selected(call: Call, kind: str, record: AnyRecord, fields: Sequence[str]) -> Struct:
    """The fields and properties asked for, null where there is no value; raises InvalidField for unknown ones."""
    known = [field.name for field in type(record).desc().fields]
    asked = [name for name in fields if name not in known]
    properties = await property_names(call, kind) if asked else []
    unknown = [
        unknown_field(at, name, [*known, *properties])
        for at, name in enumerate(fields)
        if name not in known and name not in properties
    ]
    if unknown:
        first = unknown[0]
        raise InvalidField(first.message, fields=unknown, allowed=known, did_you_mean=first.did_you_mean)
    printed = json.loads(record.to_json(always_emit_implicit=True))
    values = {each["name"]: each["value"] for each in printed["properties"]}
    return Struct.from_json(json.dumps({name: {**values, **printed}.get(name) for name in fields}))


async def property_names(call: Call, kind: str) -> list[str]:
    """The properties of a record's type that the caller may see."""
    values = {"tenant": call.actor.tenant, "object_type": propertied(kind)}
    return [row["name"] for row in await call.read(PROPERTY_NAMES, values, by_key=True)]


def unknown_field(at: int, name: str, known: Sequence[str]) -> FieldProblem:
    """The fault of a field that the record does not have."""
    return FieldProblem(
        field=f"fields[{at}]",
        message=f"There is no field {name!r}.",
        did_you_mean=nearest(name, known),
        allowed=list(known[:20]),
    )


async def add_associations(answer: pb.GetRecordResponse, call: Call) -> None:
    """Adds the first links of the record."""
    page = await linked_page(call, Wish(answer.id), SHOWN)
    answer.associations = list(page.linked)
    if page.next:
        answer.truncated.append(f"associations: {SHOWN} shown, the others by crm_list_associations")


async def add_history(answer: pb.GetRecordResponse, call: Call) -> None:
    """Adds the last changes of the record."""
    rows = await call.read(HISTORY, {"tenant": call.actor.tenant, "id": answer.id, "limit": SHOWN + 1}, by_key=True)
    answer.history = [pb.RecordRevision.from_json(row["change"]) for row in rows[:SHOWN]]
    if len(rows) > SHOWN:
        answer.truncated.append(f"history: the last {SHOWN} changes shown, the others by crm_get_timeline")


async def add_counts(answer: pb.GetRecordResponse, call: Call) -> None:
    """Adds how much hangs on the record."""
    rows = await call.read(COUNTS_OF_ONE, {"tenant": call.actor.tenant, "id": answer.id}, by_key=True)
    answer.counts = pb.RecordCounts.from_json(rows[0]["counts"])


PARTS = {"associations": add_associations, "history": add_history, "counts": add_counts}
