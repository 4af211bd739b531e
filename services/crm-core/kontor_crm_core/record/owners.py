"""Whom the owners are that wishes name, and what else a plan needs to know of the tenant."""

from collections.abc import Iterable, Mapping
from uuid import UUID

from kontor_crm_core.record.plans import Options
from kontor_crm_core.record.wishes import Wish
from kontor_platform.contract.problem import InvalidField, Refusal
from kontor_platform.runtime.call import Call


async def options_for(call: Call, wishes: Iterable[Wish]) -> Options:
    """What plans of these wishes need."""
    named = {wish.owner for wish in wishes if wish.owner}
    owners = await owners_named(call, named) if named else {}
    return Options(call.actor.settings.region, owner=call.actor.owner, owners=owners)


async def owners_named(call: Call, texts: Iterable[str]) -> Mapping[str, UUID | Refusal]:
    """The users of these ids and addresses, or why one cannot own records."""
    return {text: owner_of(text) for text in texts}


def owner_of(text: str) -> UUID | Refusal:
    """The user of an id."""
    try:
        return UUID(text)
    except ValueError:
        return InvalidField(f"{text!r} is not the id of a user.", field="owner_id")
