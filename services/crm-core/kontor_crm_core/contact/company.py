"""Which company a contact works for."""

from uuid import UUID

from kontor_protos.kontor.crm.v1 import contacts_pb as pb
from sqlalchemy import exists, select

from kontor_crm_core.association.edges import link
from kontor_crm_core.association.models import ASSOCIATIONS
from kontor_crm_core.company.models import COMPANIES, COMPANY_DOMAINS
from kontor_crm_core.contact.wanted import WantedContact
from kontor_platform.data.records.fold import clean, fold
from kontor_platform.runtime.call import Call

WORKS_AT = "contact_company"
MOST_NAMESAKES = 5


async def link_company(call: Call, request: pb.UpsertContactRequest, contact: UUID, wanted: WantedContact) -> list[str]:
    """Links the contact to its company and names what changed by it; raises NotFound or Gone for the company."""
    named = await company_named(call, request, wanted)
    company = named or await company_of_address(call, contact, wanted)
    if company is None:
        return []
    plan = await link(call, [(contact, company)], WORKS_AT, is_primary=named is not None)
    return ["company"] if plan.inserts or plan.updates else []


async def company_named(call: Call, request: pb.UpsertContactRequest, wanted: WantedContact) -> UUID | None:
    """The company the call names by id or by a name that one company has; other names are warned of."""
    if request.company_id:
        return UUID(request.company_id)
    name = clean(request.company)
    if not name:
        return None
    found = await namesakes(call, name)
    if len(found) == 1:
        return found[0]
    if found:
        told = f"Several companies are called {name!r}; pass company_id: {', '.join(map(str, found))}."
        wanted.notes.warn("company_ambiguous", told, "company")
    else:
        told = f"No company is called {name!r}; make it with crm_upsert_company and pass its company_id."
        wanted.notes.warn("company_not_found", told, "company")
    return None


async def namesakes(call: Call, name: str) -> list[UUID]:
    """Live companies of exactly that name, without regard to case and accents; at most five."""
    columns = COMPANIES.c
    found = await call.session.execute(
        select(columns.id)
        .where(columns.tenant_id == call.actor.tenant, columns.name_key == fold(name), columns.deleted_at.is_(None))
        .limit(MOST_NAMESAKES)
    )
    return list(found.scalars())


async def company_of_address(call: Call, contact: UUID, wanted: WantedContact) -> UUID | None:
    """The company whose domain the contact's addresses have, for a contact that has no company yet."""
    domains = [email.company_domain for email in wanted.emails if email.company_domain]
    if not domains:
        return None
    tenant, links, held = call.actor.tenant, ASSOCIATIONS.c, COMPANY_DOMAINS.c
    has_one = exists().where(links.tenant_id == tenant, links.from_id == contact, links.type_key == WORKS_AT)
    found = await call.session.execute(
        select(held.company_id).where(held.tenant_id == tenant, held.domain.in_(domains), held.live, ~has_one).limit(1)
    )
    return found.scalar_one_or_none()
