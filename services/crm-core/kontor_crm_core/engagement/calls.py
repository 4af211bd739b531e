"""The rpc method of phone calls."""

from uuid import UUID

from kontor_protos.kontor.crm.v1 import calls_pb as pb
from sqlalchemy import RowMapping

from kontor_crm_core.activity.guests import Party
from kontor_crm_core.activity.people import of_inputs
from kontor_crm_core.activity.rules import Kind
from kontor_crm_core.activity.telling import left_out_sentence, not_linked, told
from kontor_crm_core.activity.views import call_message
from kontor_crm_core.activity.writing import Draft, known, save
from kontor_crm_core.engagement.reading import Engaged, cleared, ids, partied, texts
from kontor_crm_core.engagement.rules import call_subject
from kontor_crm_core.record.redirects import led_on
from kontor_crm_core.record.wishes import Notes, expected_version
from kontor_crm_core.refs import SUBJECTS, live_refs
from kontor_crm_core.when.reading import Clock, clock
from kontor_platform.contract.problem import InvalidField
from kontor_platform.data.records.fold import clean
from kontor_platform.runtime.call import Call

ROLES = {"in": "caller", "out": "callee"}


class Calls:
    """Logs phone calls."""

    implements = "kontor.crm.v1.Calls"

    async def log_call(self, request: pb.LogCallRequest, call: Call) -> pb.LogCallResponse:
        """Logs a call, or changes the one meant by its id or external id."""
        time, notes = clock(call), Notes()
        request = await led_on(call, request, "record_ids", "participants.contact_id")
        values = wanted_values(request, time)
        await live_refs(call, ids(request.record_ids), SUBJECTS)
        present = await known(call, Kind.CALL, request.id, clean(request.external_id))
        direction = direction_of(request, present)
        people = of_inputs(request.participants, "participants", ROLES[direction], call.actor.settings.region, notes)
        notes.settle()
        party = await partied(call, people, create_missing=request.create_missing)
        saved = await save(call, draft_of(request, values, party, direction, time), present)
        logged = await call_message(call, saved.id)
        engaged = Engaged(saved, party, [*time.warnings, *notes.warnings])
        at = logged.occurred_at.to_datetime() if logged.occurred_at else time.now
        return pb.LogCallResponse(
            summary=told(saved.outcome, "call", logged.subject, logged.records, saved.changed)
            + f" It began {time.words(at)}."
            + left_out_sentence(logged.left_out),
            outcome=saved.outcome,
            call=logged,
            changed=list(saved.changed),
            warnings=engaged.warnings if logged.records else [*engaged.warnings, not_linked()],
            unknown_participants=engaged.unknown,
            created_contacts=await engaged.made(call),
        )


def direction_of(request: pb.LogCallRequest, present: RowMapping | None) -> str:
    """The direction given, else that of the call an edit means; raises InvalidField for a new call without one."""
    if request.direction or present:
        return request.direction or str(present["direction"] if present else "")
    raise InvalidField("A new call needs its direction.", field="direction", allowed=["in", "out"])


def wanted_values(request: pb.LogCallRequest, time: Clock) -> dict[str, object]:
    """The columns that the request says something about; raises InvalidField."""
    values: dict[str, object] = texts(request, ("outcome", "body", "subject", "external_id"))
    values |= {"duration_s": request.duration_s} if request.has_field("duration_s") else {}
    occurred = time.past(request.occurred_at, "occurred_at")
    values |= {"occurred_at": occurred} if occurred else {}
    values |= {"direction": request.direction} if request.direction else {}
    return cleared(values, request.clear, {})


def draft_of(
    request: pb.LogCallRequest, values: dict[str, object], party: Party | None, direction: str, time: Clock
) -> Draft:
    """The call as it shall be."""
    names = [each.person.name or str(each.person).partition(" ")[2] for each in party.guests] if party else []
    return Draft(
        Kind.CALL,
        values,
        defaults={"occurred_at": time.now, "subject": call_subject(direction, names)[:200]},
        records=tuple(UUID(each) for each in request.record_ids),
        party=party,
        expected_version=expected_version(request),
    )
