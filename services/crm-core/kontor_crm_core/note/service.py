"""The rpc method of notes."""

from collections.abc import Sequence
from uuid import UUID

from kontor_protos.kontor.crm.v1 import notes_pb as pb
from sqlalchemy import RowMapping

from kontor_crm_core.activity.rules import Kind
from kontor_crm_core.activity.views import note_message
from kontor_crm_core.activity.writing import Draft, known, save
from kontor_crm_core.note.rules import subject_of
from kontor_crm_core.record.redirects import led_on
from kontor_crm_core.record.wishes import expected_version
from kontor_crm_core.refs import SUBJECTS, Ref, live_refs
from kontor_crm_core.when.reading import Clock, clock
from kontor_platform.contract.problem import InvalidField
from kontor_platform.data.records.fold import clean
from kontor_platform.runtime.call import Call


class Notes:
    """Writes notes on records."""

    implements = "kontor.crm.v1.Notes"

    async def create_note(self, request: pb.CreateNoteRequest, call: Call) -> pb.CreateNoteResponse:
        """Writes a note, or a new version of the one meant by its id or external id."""
        time, request = clock(call), await led_on(call, request, "record_ids")
        records = await live_refs(call, [UUID(each) for each in request.record_ids], SUBJECTS)
        present = await known(call, Kind.NOTE, request.id, clean(request.external_id))
        saved = await save(call, draft_of(request, time, present), present)
        note = await note_message(call, saved.id)
        return pb.CreateNoteResponse(
            summary=told(saved.outcome, list(records.values())),
            outcome=saved.outcome,
            note=note,
            changed=list(saved.changed),
            warnings=time.warnings,
        )


def draft_of(request: pb.CreateNoteRequest, time: Clock, present: RowMapping | None) -> Draft:
    """The note as it shall be; raises InvalidField for a blank one, one about nothing or one of the future."""
    body, subject = clean(request.body), clean(request.subject)
    if not body:
        raise InvalidField("A note needs a text.", field="body")
    if not (request.record_ids or present):
        raise InvalidField("A note needs the records it is about.", field="record_ids")
    occurred = time.past(request.occurred_at, "occurred_at")
    values: dict[str, object] = {"body": body}
    if subject or present is None or body != present["body"]:
        values["subject"] = subject or subject_of(body)
    values |= {"occurred_at": occurred} if occurred else {}
    values |= {"external_id": clean(request.external_id)} if clean(request.external_id) else {}
    return Draft(
        Kind.NOTE,
        values,
        defaults={"occurred_at": time.now},
        records=tuple(dict.fromkeys(UUID(each) for each in request.record_ids)),
        expected_version=expected_version(request),
    )


def told(outcome: str, records: Sequence[Ref]) -> str:
    """What happened, in one sentence."""
    names = ", ".join(record.name for record in records[:3])
    more = f" and {len(records) - 3} more" if len(records) > 3 else ""
    about = f" on {names}{more}" if records else ""
    return {
        "created": f"Wrote the note{about}.",
        "updated": f"Wrote a new version of the note{about}.",
        "unchanged": f"The note{about} was so already.",
    }[outcome]
