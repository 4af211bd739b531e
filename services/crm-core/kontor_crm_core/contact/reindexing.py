"""Makes contacts found by what they hold now, where something beside them changed."""

from collections.abc import Iterable
from uuid import UUID

from kontor_crm_core.contact.plan import retold
from kontor_crm_core.contact.reading import states
from kontor_crm_core.record.owners import options_for, with_properties
from kontor_platform.data.records.write import write_terms
from kontor_platform.runtime.call import Call


async def reindex(call: Call, ids: Iterable[UUID]) -> None:
    """Writes the terms of live contacts anew, as after their company changed; their versions stay."""
    found = await states(call, ids, lock=True)
    options = await options_for(call, ())
    if any(each.props for each in found.values()):
        options = await with_properties(call, "contact", options)
    await write_terms(call, [retold(each, options) for each in found.values() if not each.deleted])
