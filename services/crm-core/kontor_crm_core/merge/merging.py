"""Merges contacts into one."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from kontor_protos.kontor.platform.v1.errors_pb import FieldProblem
from sqlalchemy import insert, select, text

from kontor_crm_core.blocklist.checking import refuse_blocked
from kontor_crm_core.contact.models import CONTACTS
from kontor_crm_core.contact.plan import columns, retold
from kontor_crm_core.contact.reading import states
from kontor_crm_core.contact.state import ContactState
from kontor_crm_core.merge.belongings import Belongings, joined, kept, with_belongings
from kontor_crm_core.merge.models import MERGES
from kontor_crm_core.merge.moving import counts, move
from kontor_crm_core.merge.rules import Chosen, merged
from kontor_crm_core.merge.values import FIELDS, fields_of, is_field, property_plan, with_fields
from kontor_crm_core.record.objects import write
from kontor_crm_core.record.owners import options_for
from kontor_crm_core.record.plans import Options
from kontor_crm_core.record.redirects import present
from kontor_crm_core.record.writer import check_version
from kontor_platform.contract.names import nearest
from kontor_platform.contract.problem import Conflict, Gone, InvalidField, NotFound
from kontor_platform.data.arrays import array
from kontor_platform.data.outbox import Change
from kontor_platform.data.records.definitions import Definitions, definitions
from kontor_platform.data.records.planned import Life, Planned
from kontor_platform.runtime.call import Call

REDIRECT = (
    text(
        """
        UPDATE redirect SET present_id = :winner
        WHERE tenant_id = :tenant AND present_id = ANY(CAST(:losers AS uuid[]))
        """
    ),
    text(
        """
        INSERT INTO redirect (tenant_id, old_id, present_id)
        SELECT :tenant, told.id, CAST(:winner AS uuid) FROM unnest(CAST(:losers AS uuid[])) AS told(id)
        """
    ),
)


class AlreadyMerged(Conflict):
    """The contact became part of another one; name that one."""


@dataclass(frozen=True, slots=True)
class Wish:
    """Which contacts to merge, whose value a field shall have, and the versions the caller saw."""

    winner: UUID
    losers: Sequence[UUID]
    choices: Mapping[str, UUID]
    versions: Mapping[UUID, int]


@dataclass(frozen=True, slots=True)
class Merged:
    """What a merge came to: its fields, and how much there was before, after and twice."""

    fields: Sequence[Chosen]
    before: Mapping[str, int]
    after: Mapping[str, int]
    known: Definitions


@dataclass(frozen=True, slots=True)
class Planning:
    """What a plan needs besides the contacts."""

    options: Options
    known: Definitions
    created_at: datetime


async def merge(call: Call, wish: Wish) -> Merged:
    """Merges the losers into the winner.

    Raises NotFound, Gone, AlreadyMerged, VersionConflict, Blocklisted or InvalidField.
    """
    everyone = [wish.winner, *wish.losers]
    held = await states(call, everyone, lock=True)
    await require_apart(call, everyone)
    require(wish, held)
    known = await definitions(call, "contact", hold=True, restricted=True)
    choices = choices_of(wish, held, known)
    before, created, rows = await counts(call, everyone), await created_at(call, everyone), await kept(call, everyone)
    for loser in wish.losers:
        await move(call, loser, wish.winner)
    gained = joined(rows[wish.winner], [rows[each] for each in wish.losers])
    fields = merged(wish.winner, wish.losers, {each: fields_of(held[each]) for each in everyone}, choices)
    moved = (await states(call, [wish.winner]))[wish.winner]
    after = with_belongings(with_fields(moved, {each.field: each.value for each in fields}), gained.rows)
    await refuse_blocked(call, {each.key for each in after.emails})
    options = Planning(await options_for(call, []), known, min(created.values()))
    winner = planned_winner(held[wish.winner], after, gained, wish.losers, options)
    losers = [planned_loser(held[each], wish.winner) for each in wish.losers]
    call.author_kind = "merge"
    await write(call, *losers, winner)
    await remember(call, wish, choices, winner, created)
    call.concerns(*everyone)
    return Merged(fields, before, await counts(call, [wish.winner]), known)


async def require_apart(call: Call, contacts: Sequence[UUID]) -> None:
    """Refuses contacts that are part of another one already; raises AlreadyMerged with that one."""
    leads = {each: now for each, now in (await present(call, contacts)).items() if each != now}
    if leads:
        told = ", ".join(f"{each} is part of {now}" for each, now in leads.items())
        raise AlreadyMerged(f"{told} already; name that one.", ids=[str(now) for now in leads.values()])


def require(wish: Wish, held: Mapping[UUID, ContactState]) -> None:
    """Raises for contacts that are not there, are deleted, or are others than the caller saw."""
    everyone = [wish.winner, *wish.losers]
    if wish.winner in wish.losers:
        raise InvalidField("A contact cannot be merged into itself.", field="loser_ids")
    if any(each not in held for each in everyone):
        raise NotFound()
    gone = [str(each) for each in everyone if held[each].deleted]
    if gone:
        raise Gone("A deleted contact cannot be merged.", ids=gone, next_tool="crm_restore_record")
    for each, version in wish.versions.items():
        check_version(version, held[each].version, [])


def choices_of(wish: Wish, held: Mapping[UUID, ContactState], known: Definitions) -> dict[str, UUID]:
    """The choices by the names that the change log has; raises InvalidField."""
    names = {name: name for name in FIELDS} | {each.name: each.log_name for each in known.all}
    problems = [
        FieldProblem(
            field=f"fields[{at}].field", message=f"There is no field {name!r}.", did_you_mean=nearest(name, names)
        )
        for at, name in enumerate(wish.choices)
        if name not in names
    ] + [
        FieldProblem(field=f"fields[{at}].contact_id", message="is neither the winner nor one of the losers")
        for at, source in enumerate(wish.choices.values())
        if source not in held
    ]
    if problems:
        raise InvalidField(problems[0].message, fields=problems, allowed=sorted(names)[:20])
    return {names[name]: source for name, source in wish.choices.items()}


def planned_winner(
    before: ContactState, after: ContactState, gained: Belongings, losers: Sequence[UUID], options: Planning
) -> Planned:
    """What is to be written for the contact that stays."""
    return Planned(
        "contact",
        after.id,
        before.version,
        values=columns(after) | {"created_at": options.created_at},
        changes=[*changes(before, after), Change("merged", None, [str(each) for each in losers])],
        shelves=gained.changes,
        properties=property_plan(before.props, after.props, options.known.by_id),
        terms=retold(after, options.options).terms,
    )


def planned_loser(loser: ContactState, winner: UUID) -> Planned:
    """What is to be written for a contact that becomes part of another."""
    return Planned(
        "contact",
        loser.id,
        loser.version,
        values={"merged_into": winner},
        changes=[Change("merged_into", None, str(winner))],
        life=Life.ENDS,
        event="contact.merged",
    )


def changes(before: ContactState, after: ContactState) -> list[Change]:
    """What differs between two states of a contact, custom properties by their ids."""
    told = [state.told() | fields_of(state) for state in (before, after)]
    names = list(dict.fromkeys((*told[0], *told[1])))
    return [
        Change(name, told[0].get(name), told[1].get(name)) for name in names if told[0].get(name) != told[1].get(name)
    ]


async def created_at(call: Call, ids: Sequence[UUID]) -> dict[UUID, datetime]:
    """When contacts were made."""
    mine = (CONTACTS.c.tenant_id == call.actor.tenant, CONTACTS.c.id.in_(ids))
    rows = await call.session.execute(select(CONTACTS.c.id, CONTACTS.c.created_at).where(*mine))
    return {row.id: row.created_at for row in rows}


async def remember(
    call: Call, wish: Wish, choices: Mapping[str, UUID], planned: Planned, created: Mapping[UUID, datetime]
) -> None:
    """Has the ids of the losers lead to the winner, and keeps what the merge did."""
    values = {"tenant": call.actor.tenant, "winner": wish.winner, "losers": array(wish.losers)}
    for statement in REDIRECT:
        await call.session.execute(statement, values)
    wrote = {each.field: each.after for each in planned.changes if is_field(each.field)}
    rows: list[dict[str, Any]] = [
        {
            "tenant_id": call.actor.tenant,
            "operation_id": call.call_id,
            "loser_id": loser,
            "winner_id": wish.winner,
            "place": at,
            "choices": {name: str(source) for name, source in choices.items()},
            "wrote": wrote,
            "created": {str(each): created[each].isoformat() for each in (wish.winner, loser)},
            "at": call.now,
            "actor_id": call.actor.actor,
            "actor_kind": call.author,
            "on_behalf_of": call.actor.on_behalf_of,
        }
        for at, loser in enumerate(wish.losers)
    ]
    await call.session.execute(insert(MERGES), rows)
