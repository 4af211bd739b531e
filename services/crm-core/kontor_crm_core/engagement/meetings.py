"""The rpc method of meetings."""

from datetime import datetime
from uuid import UUID

from kontor_protos.kontor.crm.v1 import meetings_pb as pb
from sqlalchemy import RowMapping

from kontor_crm_core.activity.guests import Party
from kontor_crm_core.activity.people import of_inputs
from kontor_crm_core.activity.rules import Kind
from kontor_crm_core.activity.telling import left_out_sentence, not_linked, told
from kontor_crm_core.activity.views import meeting_message
from kontor_crm_core.activity.writing import Draft, known, save
from kontor_crm_core.engagement.reading import Engaged, cleared, ids, partied, texts
from kontor_crm_core.record.redirects import led_on
from kontor_crm_core.record.wishes import Notes, expected_version
from kontor_crm_core.refs import SUBJECTS, live_refs
from kontor_crm_core.when.reading import Clock, clock
from kontor_platform.contract.problem import InvalidField
from kontor_platform.data.records.fold import clean
from kontor_platform.runtime.call import Call


class Meetings:
    """Logs meetings."""

    implements = "kontor.crm.v1.Meetings"

    async def log_meeting(self, request: pb.LogMeetingRequest, call: Call) -> pb.LogMeetingResponse:
        """Logs a meeting, or changes the one meant by its id or external id."""
        time, notes = clock(call), Notes()
        request = await led_on(call, request, "record_ids", "attendees.contact_id")
        values = wanted_values(request, time)
        await live_refs(call, ids(request.record_ids), SUBJECTS)
        present = await known(call, Kind.MEETING, request.id, clean(request.external_id))
        require(values, present)
        people = of_inputs(request.attendees, "attendees", "attendee", call.actor.settings.region, notes)
        notes.settle()
        party = await partied(call, people, create_missing=request.create_missing)
        saved = await save(call, draft_of(request, values, party), present)
        logged = await meeting_message(call, saved.id)
        engaged = Engaged(saved, party, [*time.warnings, *notes.warnings])
        return pb.LogMeetingResponse(
            summary=told(saved.outcome, "meeting", logged.subject, logged.records, saved.changed)
            + f" {span(logged, time)}"
            + left_out_sentence(logged.left_out),
            outcome=saved.outcome,
            meeting=logged,
            changed=list(saved.changed),
            warnings=engaged.warnings if logged.records else [*engaged.warnings, not_linked()],
            unknown_attendees=engaged.unknown,
            created_contacts=await engaged.made(call),
        )


def wanted_values(request: pb.LogMeetingRequest, time: Clock) -> dict[str, object]:
    """The columns that the request says something about; raises InvalidField."""
    values: dict[str, object] = texts(request, ("subject", "location", "outcome", "body", "external_id"))
    for column, path in (("occurred_at", "starts_at"), ("ended_at", "ends_at")):
        at = time.moment(getattr(request, path), path)
        values |= {column: at} if at else {}
    return cleared(values, request.clear, {"ends_at": "ended_at"})


def require(values: dict[str, object], present: RowMapping | None) -> None:
    """Refuses a new meeting without subject or beginning, and one that ends before it begins; raises InvalidField."""
    for column, path in (("subject", "subject"), ("occurred_at", "starts_at")):
        if present is None and column not in values:
            raise InvalidField(f"A new meeting needs {path}.", field=path)
    now = {**(present or {}), **values}
    begins, ends = now["occurred_at"], now.get("ended_at")
    if isinstance(begins, datetime) and isinstance(ends, datetime) and ends < begins:
        raise InvalidField("A meeting cannot end before it begins.", field="ends_at")


def draft_of(request: pb.LogMeetingRequest, values: dict[str, object], party: Party | None) -> Draft:
    """The meeting as it shall be."""
    return Draft(
        Kind.MEETING,
        values,
        records=tuple(UUID(each) for each in request.record_ids),
        party=party,
        expected_version=expected_version(request),
    )


def span(meeting: pb.Meeting, time: Clock) -> str:
    """When the meeting is, as it was read."""
    begins, ends = meeting.starts_at, meeting.ends_at
    assert begins is not None
    until = f" to {time.words(ends.to_datetime())}" if ends else ""
    return f"{time.words(begins.to_datetime())}{until}."
