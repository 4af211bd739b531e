"""The rpc service of companies."""

from kontor_protos.kontor.crm.v1 import companies_pb as pb

from kontor_crm_core.company.reading import companies
from kontor_crm_core.company.upserting import upsert_company
from kontor_crm_core.company.wanted import wanted_company
from kontor_crm_core.property.wishes import properties_given
from kontor_platform.runtime.call import Call


class Companies:
    """Upserts companies."""

    implements = "kontor.crm.v1.Companies"

    async def upsert_company(self, request: pb.UpsertCompanyRequest, call: Call) -> pb.UpsertCompanyResponse:
        """Creates a company or updates the one its keys belong to."""
        given = await properties_given(call, "company", request.properties, request.clear_properties)
        wanted = wanted_company(request, call.actor.settings, given)
        done = await upsert_company(call, wanted)
        company = (await companies(call, [done.after.id]))[done.after.id]
        return pb.UpsertCompanyResponse(
            summary=done.sentence("company", company.name),
            outcome=done.outcome,
            matched_by=done.matched_by,
            redirected_from=done.redirected_from,
            company=company,
            changed=list(done.changed),
            warnings=[*wanted.wish.notes.warnings, *done.warnings],
        )
