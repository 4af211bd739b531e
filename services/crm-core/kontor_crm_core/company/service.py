"""The rpc service of companies."""

from kontor_protos.kontor.crm.v1 import companies_pb as pb

from kontor_crm_core.company.queries import found
from kontor_crm_core.company.reading import companies, refreshed, staff
from kontor_crm_core.company.upsert import change, create
from kontor_crm_core.company.wanted import wanted_company
from kontor_crm_core.contact import reading
from kontor_crm_core.record.lookups import the_one
from kontor_crm_core.record.wishes import expected_version
from kontor_platform.runtime.call import Call


class Companies:
    """Upserts companies."""

    implements = "kontor.crm.v1.Companies"

    async def upsert_company(self, request: pb.UpsertCompanyRequest, call: Call) -> pb.UpsertCompanyResponse:
        """Creates a company or updates the one its keys belong to."""
        wanted = wanted_company(request, call.actor.settings)
        match = await the_one(call, "company", wanted.locks, lambda: found(call, wanted))
        if match:
            written = await change(call, match.record, wanted.found_by(match.key), expected_version(request))
        else:
            written = await create(call, wanted)
        read = companies if written.outcome == "unchanged" else refreshed
        company = (await read(call, [written.record]))[written.record]
        if match and "name" in written.changed:
            await reading.refreshed(call, await staff(call, written.record))
        return pb.UpsertCompanyResponse(
            summary=written.sentence("company", company.name),
            outcome=written.outcome,
            matched_by=match.key if match else "",
            company=company,
            changed=list(written.changed),
            warnings=wanted.notes.warnings,
        )
