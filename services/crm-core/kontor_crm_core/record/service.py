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
from kontor_crm_core.record.queries import COUNTS_OF_ONE, HISTORY, RECORD
from kontor_platform.contract.names import nearest
from kontor_platform.contract.problem import Gone, InvalidField, NotFound
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
    """Reads records."""

    implements = "kontor.crm.v1.Records"

    @single_read
    async def get_record(self, request: pb.GetRecordRequest, call: Call) -> pb.GetRecordResponse:
        """Reads one record of any type by its id."""
        kind, member, record = await read(call, request.id)
        call.concerns(UUID(request.id))
        answer = pb.GetRecordResponse(id=record.id, type=kind, version=record.version)
        if request.fields:
            answer.selected = selected(record, request.fields)
        else:
            setattr(answer, member, record)
        for part in request.include:
            await PARTS[part](answer, call)
        return answer


async def read(call: Call, record_id: str) -> tuple[str, str, AnyRecord]:
    """A live record's type, the member of the answer that holds it, and its message; raises NotFound or Gone."""
    rows = await call.read(RECORD, {"tenant": call.actor.tenant, "id": record_id}, by_key=True)
    if not rows:
        raise NotFound
    found = rows[0]
    if found["deleted_at"] is not None:
        raise Gone(ids=[record_id])
    member, message = MESSAGES[found["kind"] or found["type"]]
    record = message.from_json(found["record"])
    if isinstance(record, Deal) and record.amount:
        record.amount = shown(Decimal(record.amount), record.currency)
    return found["type"], member, record


def selected(record: AnyRecord, fields: Sequence[str]) -> Struct:
    """The fields asked for; raises InvalidField for those the record does not have."""
    known = [field.name for field in type(record).desc().fields]
    unknown = [
        FieldProblem(
            field=f"fields[{at}]",
            message=f"There is no field {name!r}.",
            did_you_mean=nearest(name, known),
            allowed=known[:20],
        )
        for at, name in enumerate(fields)
        if name not in known
    ]
    if unknown:
        first = unknown[0]
        raise InvalidField(first.message, fields=unknown, allowed=known, did_you_mean=first.did_you_mean)
    printed = json.loads(record.to_json(always_emit_implicit=True))
    return Struct.from_json(json.dumps({name: printed.get(name) for name in fields}))


async def add_associations(answer: pb.GetRecordResponse, call: Call) -> None:
    """Adds the first links of the record."""
    page = await linked_page(call, Wish(answer.id), SHOWN)
    answer.associations = list(page.linked)
    if page.next:
        answer.truncated.append(f"associations: {SHOWN} shown, the others by crm_list_associations")


async def add_history(answer: pb.GetRecordResponse, call: Call) -> None:
    """Adds the last changes of the record."""
    rows = await call.read(HISTORY, {"tenant": call.actor.tenant, "id": answer.id, "limit": SHOWN}, by_key=True)
    answer.history = [pb.RecordRevision.from_json(row["change"]) for row in rows]
    if rows and answer.history[-1].version > 1:
        answer.truncated.append(f"history: the last {SHOWN} of {answer.history[0].version} changes shown")


async def add_counts(answer: pb.GetRecordResponse, call: Call) -> None:
    """Adds how much hangs on the record."""
    rows = await call.read(COUNTS_OF_ONE, {"tenant": call.actor.tenant, "id": answer.id}, by_key=True)
    answer.counts = pb.RecordCounts.from_json(rows[0]["counts"])


PARTS = {"associations": add_associations, "history": add_history, "counts": add_counts}
