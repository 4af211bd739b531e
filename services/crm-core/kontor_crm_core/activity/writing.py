"""Writes activities of any kind: new ones, and what an edit says of those there are."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any
from uuid import UUID

from kontor_protos.kontor.platform.v1.errors_pb import Reason
from sqlalchemy import RowMapping, Select, select

from kontor_crm_core.activity.guests import Guest, Party, all_of
from kontor_crm_core.activity.keeping import differ, keep_guests, kept_guests, told_guests
from kontor_crm_core.activity.linking import REPEATED, link, records_of, recount, shift, touch, unlink_guests
from kontor_crm_core.activity.models import ACTIVITIES, ActivityRow
from kontor_crm_core.activity.rules import SORTS, UNTOLD, Kind
from kontor_crm_core.record.lookups import hold_keys
from kontor_crm_core.record.objects import write
from kontor_crm_core.record.writer import check_version, created, locked
from kontor_platform.contract.problem import JSON, Conflict, NotFound
from kontor_platform.data.ids import new_id
from kontor_platform.data.records.planned import Planned
from kontor_platform.runtime.call import Call, Change


class InBin(Conflict):
    """What has this id in the other system was deleted here; restore it, or leave it out."""

    reason = Reason.RECORD_DELETED


@dataclass(frozen=True, slots=True)
class Draft:
    """An activity as a request wants it.

    `values` are the columns it says something about and `defaults` those a new one begins with besides. `party` is None
    where nothing is said of who takes part; `joining` adds to those there are instead of taking their place.
    """

    kind: Kind
    values: Mapping[str, Any]
    defaults: Mapping[str, Any] = field(default_factory=dict)
    records: tuple[UUID, ...] = ()
    party: Party | None = None
    joining: bool = False
    expected_version: int | None = None
    attends: bool = True


@dataclass(frozen=True, slots=True)
class Saved:
    """What became of an activity, and the fields that changed."""

    id: UUID
    outcome: str
    changed: Sequence[str]


async def known(call: Call, kind: Kind, id: str = "", external_id: str = "") -> RowMapping | None:
    """The activity that an edit means, held to the end of the transaction: by id, else by the other system's id.

    Raises NotFound or Gone for the id, InBin for an id of another system whose activity was deleted.
    """
    if id:
        row = await locked(call, SORTS[kind].record_type, UUID(id))
        if row["kind"] != kind:
            raise NotFound()
        return row
    if not external_id:
        return None
    await hold_keys(call, [f"{kind}:{external_id}"])
    held = of_system(call.actor.tenant, kind, external_id).with_for_update(key_share=True)
    found: RowMapping | None = (await call.session.execute(held)).mappings().one_or_none()
    if found and found["deleted_at"]:
        raise InBin(ids=[str(found["id"])], next_tool="crm_restore_record")
    return found


def of_system(tenant: UUID, kind: Kind, external_id: str) -> Select[Any]:
    """The activity that has an id of another system, deleted or not."""
    columns = ACTIVITIES.c
    mine = (columns.tenant_id == tenant, columns.kind == kind, columns.external_id == external_id)
    return select(ACTIVITIES).where(*mine)


async def save(call: Call, draft: Draft, present: RowMapping | None) -> Saved:
    """Makes the activity of a draft, or brings the one there is to it; raises VersionConflict."""
    return await (create(call, draft) if present is None else edit(call, present, draft))


async def create(call: Call, draft: Draft) -> Saved:
    """Writes a new activity with its people and links."""
    party, sort = draft.party or Party(), SORTS[draft.kind]
    row = new_row(call, draft, party)
    values = {**draft.defaults, **draft.values}
    fields = {sort.told(name): in_json(value) for name, value in values.items() if name not in UNTOLD}
    fields |= {"participants": told_guests(party.guests), "record_ids": [str(each) for each in draft.records]}
    await created(call, sort.record_type, row, fields)
    await keep_guests(call, row.id, party.guests)
    repeated = {name: getattr(row, name) for name in ("id", *REPEATED)}
    linked = await link(call, repeated, draft.records, party.contacts)
    if draft.attends:
        await touch(call, dict.fromkeys(linked, row.occurred_at))
    return Saved(row.id, "created", [name for name, value in fields.items() if value not in (None, "", [])])


def new_row(call: Call, draft: Draft, party: Party) -> ActivityRow:
    """The row of a new activity, made by the caller."""
    return ActivityRow(
        tenant_id=call.actor.tenant,
        id=new_id(),
        kind=draft.kind,
        actor_kind=call.author,
        actor_id=call.actor.actor,
        on_behalf_of=call.actor.on_behalf_of,
        left_out=party.left_out,
        created_at=call.now,
        updated_at=call.now,
        **{**draft.defaults, **draft.values},
    )


async def edit(call: Call, present: RowMapping, draft: Draft) -> Saved:
    """Stores what differs from an activity that is held, with its people and further links."""
    before = await kept_guests(call, present["id"]) if draft.party else []
    guests = wanted_guests(draft, before)
    values = {name: value for name, value in draft.values.items() if present[name] != value} | left_out(draft, present)
    changes = differences(draft.kind, present, values)
    if guests is not None and told_guests(before) != told_guests(guests):
        changes.append(Change("participants", told_guests(before), told_guests(guests)))
    check_version(draft.expected_version, present["version"], changes)
    if changes:
        record_type = SORTS[draft.kind].record_type
        await write(call, Planned(record_type, present["id"], present["version"], values, changes))
    linked = await relink(call, {**present, **values}, draft, before, guests)
    if draft.attends and (changes or linked):
        await attend(call, present, values)
    changed = [each.field for each in changes] + (["record_ids"] if linked else [])
    return Saved(present["id"], "updated" if changed else "unchanged", changed)


def differences(kind: Kind, present: RowMapping, values: Mapping[str, Any]) -> list[Change]:
    """What an edit changes, as callers name it."""
    told = [name for name in values if name not in UNTOLD]
    return [Change(SORTS[kind].told(name), in_json(present[name]), in_json(values[name])) for name in told]


async def attend(call: Call, present: RowMapping, values: Mapping[str, Any]) -> None:
    """Puts an edited activity in its place on the timelines of its records and notes when these were attended to."""
    if "occurred_at" in values:
        await shift(call, present["id"], values["occurred_at"])
        await recount(call, activities=[present["id"]])
    else:
        await touch(call, dict.fromkeys(await records_of(call, present["id"]), present["occurred_at"]))


def wanted_guests(draft: Draft, before: Sequence[Guest]) -> list[Guest] | None:
    """Who shall take part, None where nothing is said of it."""
    if draft.party is None:
        return None
    return all_of(before, draft.party.guests) if draft.joining else list(draft.party.guests)


def left_out(draft: Draft, present: RowMapping) -> dict[str, int]:
    """How many people are left out by now, where that differs."""
    if draft.party is None:
        return {}
    number = max(draft.party.left_out, present["left_out"]) if draft.joining else draft.party.left_out
    return {"left_out": number} if number != present["left_out"] else {}


async def relink(
    call: Call, row: Mapping[str, Any], draft: Draft, before: Sequence[Guest], guests: Sequence[Guest] | None
) -> list[UUID]:
    """Keeps who takes part and links the activity anew; answers the records it was not linked to before."""
    contacts: list[UUID] = []
    if guests is not None:
        contacts = Party(guests).contacts
        if differ(before, guests):
            await keep_guests(call, row["id"], guests)
        await unlink_guests(call, row["id"], contacts)
    return await link(call, row, draft.records, contacts)


def in_json(value: object) -> JSON:
    """A value as the change log tells it."""
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, UUID):
        return str(value)
    return value  # type: ignore[return-value]
