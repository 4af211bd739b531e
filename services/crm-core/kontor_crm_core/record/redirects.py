"""Ids of contacts that became part of another lead on to the one that is there now."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TypeVar
from uuid import UUID

from protobuf import Message
from sqlalchemy import text

from kontor_platform.data.arrays import array
from kontor_platform.runtime.call import Call

M = TypeVar("M", bound=Message)
PRESENT = text(
    "SELECT old_id, present_id FROM redirect WHERE tenant_id = :tenant AND old_id = ANY(CAST(:ids AS uuid[]))"
)
# The record that an id means, within a statement that has it as the parameter `id`. It is a subquery of its own because
# PostgreSQL takes coalesce for leaky: under row security it would be no range of an index.
LED_ON = """
(SELECT coalesce((SELECT d.present_id FROM redirect d
    WHERE d.tenant_id = %(tenant)s AND d.old_id = %(id)s::uuid), %(id)s::uuid))
"""


async def present(call: Call, ids: Iterable[UUID]) -> dict[UUID, UUID]:
    """The record that each id means, in their order: its own, or the one that this became part of."""
    wanted = list(dict.fromkeys(ids))
    if not wanted:
        return {}
    found = await call.session.execute(PRESENT, {"tenant": call.actor.tenant, "ids": array(wanted)})
    leads = {row.old_id: row.present_id for row in found}
    return {each: leads.get(each, each) for each in wanted}


async def led_on(call: Call, request: M, *paths: str) -> M:
    """The request with the ids of present records in the fields named, as in `record_ids` or `pairs.from_id`.

    The request itself stays as it was asked: it is what was approved and what the audit shows.
    """
    given = [id for path in paths for id in ids_at(request, path)]
    leads = {str(old): str(now) for old, now in (await present(call, map(UUID, given))).items() if old != now}
    if not leads:
        return request
    copy = type(request).from_binary(request.to_binary())
    for path in paths:
        replace(copy, path, leads)
    return copy


def ids_at(request: Message, path: str) -> Iterator[str]:
    """The ids in a field."""
    for holder, name in holders(request, path):
        value = getattr(holder, name)
        yield from ([value] if value else []) if isinstance(value, str) else value


def replace(request: Message, path: str, leads: Mapping[str, str]) -> None:
    """Puts other ids in a field; in a list each stands once."""
    for holder, name in holders(request, path):
        value = getattr(holder, name)
        if isinstance(value, str):
            setattr(holder, name, led(value, leads))
        else:
            setattr(holder, name, list(dict.fromkeys(led(each, leads) for each in value)))


def led(id: str, leads: Mapping[str, str]) -> str:
    """Where an id leads."""
    return leads.get(str(UUID(id)), id) if id else id


def holders(message: Message, path: str) -> Iterator[tuple[Message, str]]:
    """The messages that have the field at the end of a path, with its name."""
    name, _, rest = path.partition(".")
    if not rest:
        yield message, name
        return
    held = getattr(message, name)
    for each in held if isinstance(held, Sequence) else [held] if held else []:
        yield from holders(each, rest)


def redirected_from(asked: str, record: str | UUID) -> str:
    """The id asked for, where it led on to another record; empty otherwise."""
    return asked if UUID(asked) != UUID(str(record)) else ""
