"""The rpc method of e-mail."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from kontor_protos.kontor.crm.v1 import emails_pb as pb
from kontor_protos.kontor.crm.v1.common_pb import Warning
from sqlalchemy import RowMapping, select

from kontor_crm_core.activity.guests import Party, gathered
from kontor_crm_core.activity.models import ACTIVITIES
from kontor_crm_core.activity.people import Person, address, once
from kontor_crm_core.activity.rules import Kind
from kontor_crm_core.activity.telling import left_out_sentence, not_linked, told
from kontor_crm_core.activity.views import email_message
from kontor_crm_core.activity.writing import Draft, Saved, known, save
from kontor_crm_core.engagement.flags import Flagged, flag
from kontor_crm_core.engagement.reading import ids, texts
from kontor_crm_core.engagement.rules import NO_SUBJECT, message_ids, referred
from kontor_crm_core.engagement.threads import Thread, hold_threads, thread_of
from kontor_crm_core.record.lookups import hold_keys
from kontor_crm_core.record.redirects import led_on
from kontor_crm_core.record.wishes import Notes, expected_version
from kontor_crm_core.refs import SUBJECTS, live_refs
from kontor_crm_core.when.reading import Clock, clock
from kontor_platform.contract.problem import InvalidField
from kontor_platform.runtime.call import Call

OWN_SIDE = {"in": ("to", "cc"), "out": ("from",)}


@dataclass(slots=True)
class Letter:
    """A message as its request says, read."""

    message_id: str
    others: Sequence[str]
    people: Sequence[Person]
    flags: dict[str, set[str]]
    notes: Notes = field(default_factory=Notes)


class Emails:
    """Logs e-mail."""

    implements = "kontor.crm.v1.Emails"

    async def log_email_engagement(
        self, request: pb.LogEmailEngagementRequest, call: Call
    ) -> pb.LogEmailEngagementResponse:
        """Logs a message once, in its thread, with the contacts in it."""
        request = await led_on(call, request, "record_ids")
        time, letter = clock(call), read(request)
        sent = time.past(request.sent_at, "sent_at")
        await live_refs(call, ids(request.record_ids), SUBJECTS)
        values: dict[str, object] = texts(request, ("subject", "body", "direction"))
        values |= {"occurred_at": sent} if sent else {}
        await hold_keys(call, [f"{Kind.EMAIL}:{letter.message_id}"])
        party = await gathered(call, letter.people, create_missing=request.create_missing)
        flagged = await flag(call, letter.flags)
        present = await logged(call, letter)
        if present is None:
            require(request, letter)
        thread = await threaded(call, letter, present)
        saved = await save(call, draft_of(request, letter, values, party, thread, time), present)
        letter.notes.warnings += [unknown_address(each) for each in flagged.unknown]
        return await answer(call, saved, party, flagged, thread, [*time.warnings, *letter.notes.warnings])


def read(request: pb.LogEmailEngagementRequest) -> Letter:
    """The message of a request; raises InvalidField for an id that is none or an address to be flagged that is none."""
    own = message_ids(request.message_id)
    if len(own) != 1:
        raise InvalidField("message_id is one id, as in <a1@example.com>.", field="message_id")
    letter = Letter(own[0], referred(own[0], [*request.references, request.in_reply_to]), (), {})
    letter.people = once(people(request, letter.notes))
    for name in ("bounced", "opted_out"):
        letter.flags[name] = set(addresses(getattr(request, name), name, letter.notes))
    letter.notes.settle()
    return letter


def people(request: pb.LogEmailEngagementRequest, notes: Notes) -> Iterator[Person]:
    """Who stands in the headers; what is no address is warned of and left out."""
    given = [("from", "from", request.from_)] if request.from_ else []
    given += [(role, f"{role}[{at}]", text) for role in ("to", "cc") for at, text in enumerate(getattr(request, role))]
    for role, path, text in given:
        name, email = address(text)
        if email:
            yield Person(role, name, email, far=role not in OWN_SIDE.get(request.direction, ("from", "to", "cc")))
        else:
            notes.warn("address_unreadable", f"{text!r} is no e-mail address and was left out.", path)


def addresses(given: Iterable[str], path: str, notes: Notes) -> Iterator[str]:
    """The keys of addresses; one that is none is a fault."""
    for at, text in enumerate(given):
        _, email = address(text)
        if email:
            yield email.key
        else:
            notes.fault(f"{path}[{at}]", f"{text!r} is no e-mail address.", "email_invalid")


async def logged(call: Call, letter: Letter) -> RowMapping | None:
    """The message if it was logged before, held.

    A message that may be moved to another thread is locked after the threads, as whoever moves it does.
    """
    columns = ACTIVITIES.c
    mine = (columns.tenant_id == call.actor.tenant, columns.kind == Kind.EMAIL)
    there = select(columns.id).where(*mine, columns.external_id == letter.message_id)
    if letter.others and (await call.session.execute(there)).first():
        await hold_threads(call)
    return await known(call, Kind.EMAIL, external_id=letter.message_id)


def require(request: pb.LogEmailEngagementRequest, letter: Letter) -> None:
    """Refuses a message that is not logged yet and has no direction or no sender; raises InvalidField."""
    if not request.direction:
        raise InvalidField("A message that is not logged yet needs its direction.", field="direction")
    if not any(each.role == "from" for each in letter.people):
        raise InvalidField("A message that is not logged yet needs a sender with an address.", field="from")


async def threaded(call: Call, letter: Letter, present: RowMapping | None) -> Thread:
    """The thread of the message; one logged before joins others only if it names them now."""
    if present is None or letter.others:
        return await thread_of(call, letter.message_id, letter.others)
    return Thread(present["thread_id"], 1)


def draft_of(
    request: pb.LogEmailEngagementRequest,
    letter: Letter,
    values: dict[str, object],
    party: Party,
    thread: Thread,
    time: Clock,
) -> Draft:
    """The message as it shall be kept."""
    return Draft(
        Kind.EMAIL,
        {**values, "external_id": letter.message_id},
        defaults={"occurred_at": time.now, "subject": NO_SUBJECT, "thread_id": thread.id},
        records=tuple(UUID(each) for each in request.record_ids),
        party=party,
        joining=True,
        expected_version=expected_version(request),
    )


async def answer(
    call: Call, saved: Saved, party: Party, flagged: Flagged, thread: Thread, warnings: list[Warning]
) -> pb.LogEmailEngagementResponse:
    """What became of the message."""
    email = await email_message(call, saved.id)
    return pb.LogEmailEngagementResponse(
        summary=told(saved.outcome, "e-mail", email.subject, email.records, saved.changed)
        + f" Its thread has {email.thread_size} message{'s' * (email.thread_size != 1)}."
        + left_out_sentence(email.left_out),
        outcome=saved.outcome,
        email=email,
        changed=list(saved.changed),
        warnings=warnings if email.records else [*warnings, not_linked()],
        unknown_participants=party.unknown(),
        threads_joined=thread.joined,
        flagged_contact_ids=[str(each) for each in flagged.contacts],
        created_contacts=await party.made_refs(call),
    )


def unknown_address(key: str) -> Warning:
    """Tells that nobody has an address that was to be marked."""
    return Warning(code="address_unknown", message=f"No contact has the address {key!r}; nothing was marked.")
