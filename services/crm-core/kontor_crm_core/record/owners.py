"""Whom the owners are that wishes name, and what else a plan needs to know of the tenant."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from uuid import UUID

from kontor_crm_core.owner.directory import User, owners_or_why
from kontor_crm_core.record.plans import Options
from kontor_crm_core.record.wishes import Wish
from kontor_platform.contract.problem import Refusal
from kontor_platform.data.records.definitions import Definitions, definitions
from kontor_platform.runtime.call import Call


async def options_for(call: Call, wishes: Iterable[Wish]) -> Options:
    """What plans of these wishes need apart from properties; asked before any record is held, for it asks elsewhere."""
    named = {wish.owner for wish in wishes if wish.owner}
    owners = await owners_named(call, named) if named else {}
    return Options(call.actor.settings.region, owner=call.actor.owner, owners=owners)


async def with_properties(call: Call, object_type: str, options: Options) -> Options:
    """The same with the properties of a type, for plans of records that are new, have some or are to get some."""
    known = await definitions(call, object_type)
    searched = Definitions(object_type, [each for each in known.all if each.searchable])
    return replace(options, definitions=known, searched=searched)


async def owners_named(call: Call, texts: Iterable[str]) -> Mapping[str, UUID | Refusal]:
    """The users of these ids and addresses, or why one cannot own records."""
    found = await owners_or_why(call, texts)
    return {text: each.id if isinstance(each, User) else each for text, each in found.items()}
