"""Links contacts to the companies they work for, any number at once."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import text

from kontor_crm_core.association.edges import write
from kontor_crm_core.association.rules import Edge, LinkWish, Plan, plan_links
from kontor_platform.runtime.call import Call

WORKS_AT = "contact_company"
STANDING = text(
    """
    SELECT a.from_id, a.to_id, a.labels, a.is_primary, a.props FROM association a
    WHERE a.tenant_id = :tenant AND a.from_id = ANY(CAST(:contacts AS uuid[])) AND a.type_key = 'contact_company'
    ORDER BY a.from_id, a.created_at, a.to_id
    """
)


@dataclass(frozen=True, slots=True)
class CompanyLink:
    """A contact and a company it works for; the main one if `is_primary`, and if it is the first anyhow."""

    contact: UUID
    company: UUID
    is_primary: bool = True


async def link_companies(call: Call, links: Sequence[CompanyLink], *, of_new: bool = False) -> None:
    """Links contacts that the call holds to companies that are there; `of_new` says that no contact has a link yet.

    Terms are the caller's: a contact is planned with the company it works for afterwards.
    """
    if not links:
        return
    present = {} if of_new else await standing(call, {each.contact for each in links})
    wished: dict[UUID, list[LinkWish]] = {}
    for each in links:
        wish = LinkWish(WORKS_AT, each.contact, each.company, is_primary=each.is_primary)
        wished.setdefault(each.contact, []).append(wish)
    plans = [plan_links(wishes, present.get(contact, ()), replacing=False) for contact, wishes in wished.items()]
    await write(call, joined(plans))


async def standing(call: Call, contacts: set[UUID]) -> dict[UUID, list[Edge]]:
    """The companies that contacts work for."""
    found: dict[UUID, list[Edge]] = {}
    rows = await call.session.execute(STANDING, {"tenant": call.actor.tenant, "contacts": sorted(contacts)})
    for row in rows:
        found.setdefault(row.from_id, []).append(
            Edge(WORKS_AT, row.from_id, row.to_id, tuple(row.labels), row.is_primary, row.props)
        )
    return found


def joined(plans: Sequence[Plan]) -> Plan:
    """What several plans come to."""
    return Plan(
        inserts=[edge for plan in plans for edge in plan.inserts],
        updates=[edge for plan in plans for edge in plan.updates],
        deletes=[edge for plan in plans for edge in plan.deletes],
        unchanged=[edge for plan in plans for edge in plan.unchanged],
    )
