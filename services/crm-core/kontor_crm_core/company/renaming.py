"""Contacts are found by the name of the company they work for, also after it changes."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import text

from kontor_crm_core.contact.reindexing import reindex
from kontor_platform.runtime.call import Call

AT_ONCE = 1000
STAFF = text(
    """
    SELECT a.from_id AS contact FROM association a
    WHERE a.tenant_id = :tenant AND a.to_id = ANY(CAST(:companies AS uuid[])) AND a.type_key = 'contact_company'
        AND a.is_primary AND a.from_id > :after
    ORDER BY a.from_id LIMIT :limit
    """
)
FIRST = UUID(int=0)


async def follow_names(call: Call, companies: Sequence[UUID]) -> None:
    """Makes the people of companies found by their present names."""
    if companies:
        await reindex(call, await staff(call, companies, FIRST, AT_ONCE))


async def staff(call: Call, companies: Sequence[UUID], after: UUID, limit: int) -> list[UUID]:
    """People who mainly work for the companies, in the order of their ids, behind one of them."""
    values = {"tenant": call.actor.tenant, "companies": list(companies), "after": after, "limit": limit}
    return list((await call.session.execute(STAFF, values)).scalars())
