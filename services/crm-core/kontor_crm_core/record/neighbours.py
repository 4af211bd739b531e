"""What else tells of a record and so changes when it is deleted or restored."""

from uuid import UUID

from kontor_crm_core.activity.linking import set_live
from kontor_crm_core.company.plan import retold
from kontor_crm_core.company.reading import states
from kontor_crm_core.company.renaming import follow_names
from kontor_crm_core.contact.reindexing import reindex
from kontor_crm_core.record.owners import options_for, with_properties
from kontor_platform.data.records.write import write_terms
from kontor_platform.runtime.call import Call


async def leave(call: Call, kind: str, record: UUID) -> None:
    """Follows a record's deletion: an activity leaves the timelines, a company's people are not found by its name."""
    if kind in ("task", "activity"):
        await set_live(call, [record], live=False)
    if kind == "company":
        await follow_names(call, [record])


async def come_back(call: Call, kind: str, record: UUID) -> None:
    """Follows a record's return: it is found again by what it holds now."""
    if kind in ("task", "activity"):
        await set_live(call, [record], live=True)
    if kind == "contact":
        await reindex(call, [record])
    if kind == "company":
        options = await with_properties(call, "company", await options_for(call, ()))
        await write_terms(call, [retold(each, options) for each in (await states(call, [record])).values()])
        await follow_names(call, [record])
