"""The rpc service of contacts."""

from kontor_protos.kontor.crm.v1 import contacts_pb as pb

from kontor_crm_core.contact.reading import contacts
from kontor_crm_core.contact.upserting import upsert_contact
from kontor_crm_core.contact.wanted import wanted_contact
from kontor_crm_core.property.wishes import properties_given
from kontor_platform.runtime.call import Call


class Contacts:
    """Upserts contacts."""

    implements = "kontor.crm.v1.Contacts"

    async def upsert_contact(self, request: pb.UpsertContactRequest, call: Call) -> pb.UpsertContactResponse:
        """Creates a contact or updates the one its keys belong to."""
        given = await properties_given(call, "contact", request.properties, request.clear_properties)
        wanted = wanted_contact(request, call.actor.settings, given)
        done = await upsert_contact(call, wanted)
        contact = (await contacts(call, [done.after.id]))[done.after.id]
        return pb.UpsertContactResponse(
            summary=done.sentence("contact", contact.name),
            outcome=done.outcome,
            matched_by=done.matched_by,
            redirected_from=done.redirected_from,
            contact=contact,
            changed=list(done.changed),
            warnings=[*wanted.wish.notes.warnings, *done.warnings],
        )
