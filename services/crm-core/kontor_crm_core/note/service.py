"""The rpc method of notes."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from kontor_protos.kontor.crm.v1 import notes_pb as pb
from sqlalchemy import RowMapping

from kontor_crm_core.activity.views import note_message
from kontor_crm_core.activity.writing import Draft, change, known, store, touch
from kontor_crm_core.moments import past_moment
from kontor_crm_core.note.rules import subject_of
from kontor_crm_core.refs import Ref, live_refs
from kontor_platform.contract.problem import InvalidField
from kontor_platform.data.records.fold import clean
from kontor_platform.runtime.call import Call, Change

SUBJECTS = ("contact", "company", "deal")


class Notes:
    """Writes notes on records."""

    implements = "kontor.crm.v1.Notes"

    async def create_note(self, request: pb.CreateNoteRequest, call: Call) -> pb.CreateNoteResponse:
        """Writes a note, or a new version of the one that has the same external id."""
        draft = read_note(request, call)
        records = await live_refs(call, draft.records, SUBJECTS)
        present = await known(call, "note", draft.external_id or "")
        if present is None:
            note_id, outcome, changed = await store(call, draft), "created", [*draft.fields, "record_ids"]
        else:
            note_id, changed = present["id"], await edit(call, present, draft, request)
            outcome = "updated" if changed else "unchanged"
        await touch(call, list(records), draft.occurred_at)
        note = await note_message(call, note_id)
        return pb.CreateNoteResponse(
            summary=told(outcome, list(records.values())), outcome=outcome, note=note, changed=changed
        )


def read_note(request: pb.CreateNoteRequest, call: Call) -> Draft:
    """The note as it shall be; raises InvalidField for a blank one or one of the future."""
    body = clean(request.body)
    if not body:
        raise InvalidField("A note needs a text.", field="body")
    occurred = past_moment(request.occurred_at, "occurred_at", call.now)
    subject = clean(request.subject) or subject_of(body)
    external_id = clean(request.external_id) or None
    fields = {"subject": subject, "body": body, "occurred_at": occurred.isoformat()}
    return Draft(
        kind="note",
        subject=subject,
        body=body,
        occurred_at=occurred,
        records=tuple(dict.fromkeys(UUID(each) for each in request.record_ids)),
        external_id=external_id,
        fields=fields | ({"external_id": external_id} if external_id else {}),
    )


async def edit(call: Call, present: RowMapping, draft: Draft, request: pb.CreateNoteRequest) -> list[str]:
    """Makes the note there is what the draft says, its time only if one was given, and names what changed."""
    wanted: dict[str, str | datetime | None] = {"body": draft.body}
    if request.subject or draft.body != present["body"]:
        wanted["subject"] = draft.subject
    if request.occurred_at:
        wanted["occurred_at"] = draft.occurred_at
    changes = [
        Change(field, in_json(present[field]), in_json(value))
        for field, value in wanted.items()
        if present[field] != value
    ]
    return await change(call, present, changes, wanted, draft.records)


def in_json(value: str | datetime | None) -> str | None:
    """A value as the change log tells it."""
    return value.isoformat() if isinstance(value, datetime) else value


def told(outcome: str, records: Sequence[Ref]) -> str:
    """What happened, in one sentence."""
    names = ", ".join(record.name for record in records[:3]) + (
        f" and {len(records) - 3} more" if len(records) > 3 else ""
    )
    return {
        "created": f"Wrote the note on {names}.",
        "updated": f"Wrote a new version of the note on {names}.",
        "unchanged": f"The note on {names} was so already.",
    }[outcome]
