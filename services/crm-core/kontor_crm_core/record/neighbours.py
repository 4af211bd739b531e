"""What else tells of a record and so changes when it is deleted or restored."""

from uuid import UUID

from sqlalchemy import update

from kontor_crm_core.activity.models import LINKS
from kontor_crm_core.company.reading import refreshed as companies_refreshed
from kontor_crm_core.company.reading import staff
from kontor_crm_core.contact.reading import refreshed as contacts_refreshed
from kontor_platform.runtime.call import Call


async def leave(call: Call, kind: str, record: UUID) -> None:
    """Follows a record's deletion: an activity leaves the timelines, a company's people are not found by its name."""
    if kind in ("task", "activity"):
        await set_live(call, record, live=False)
    if kind == "company":
        await contacts_refreshed(call, await staff(call, record))


async def come_back(call: Call, kind: str, record: UUID) -> None:
    """Follows a record's return."""
    if kind in ("task", "activity"):
        await set_live(call, record, live=True)
    if kind == "contact":
        await contacts_refreshed(call, [record])
    if kind == "company":
        await companies_refreshed(call, [record])
        await contacts_refreshed(call, await staff(call, record))


async def set_live(call: Call, activity: UUID, *, live: bool) -> None:
    """Takes an activity off the timelines of its records, or puts it back."""
    mine = (LINKS.c.tenant_id == call.actor.tenant, LINKS.c.activity_id == activity)
    await call.session.execute(update(LINKS).where(*mine).values(live=live))
