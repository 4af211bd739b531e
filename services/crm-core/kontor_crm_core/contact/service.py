"""The rpc service of contacts."""

from kontor_protos.kontor.crm.v1 import contacts_pb as pb

from kontor_crm_core.contact.company import link_company
from kontor_crm_core.contact.queries import found
from kontor_crm_core.contact.reading import contacts, refreshed
from kontor_crm_core.contact.upsert import change, create
from kontor_crm_core.contact.wanted import wanted_contact
from kontor_crm_core.record.lookups import the_one
from kontor_crm_core.record.wishes import expected_version
from kontor_platform.runtime.call import Call


class Contacts:
    """Upserts contacts."""

    implements = "kontor.crm.v1.Contacts"

    async def upsert_contact(self, request: pb.UpsertContactRequest, call: Call) -> pb.UpsertContactResponse:
        """Creates a contact or updates the one its keys belong to."""
        wanted = wanted_contact(request, call.actor.settings)
        match = await the_one(call, "contact", wanted.locks, lambda: found(call, wanted))
        version = expected_version(request)
        written = await (change(call, match.record, wanted, version) if match else create(call, wanted))
        call.concerns(written.record)
        written = written.also(await link_company(call, request, written.record, wanted))
        read = contacts if written.outcome == "unchanged" else refreshed
        contact = (await read(call, [written.record]))[written.record]
        return pb.UpsertContactResponse(
            summary=written.sentence("contact", contact.name),
            outcome=written.outcome,
            matched_by=match.key if match else "",
            contact=contact,
            changed=list(written.changed),
            warnings=wanted.notes.warnings,
        )
