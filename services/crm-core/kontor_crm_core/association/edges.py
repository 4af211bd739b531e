"""Writes links: for the link operation and for whatever makes links on the way."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from uuid import UUID

from kontor_protos.kontor.platform.v1.errors_pb import Reason
from sqlalchemy import delete, insert, select, tuple_, update
from sqlalchemy.dialects.postgresql import insert as upsert

from kontor_crm_core.association.models import ASSOCIATION_TYPES, ASSOCIATIONS
from kontor_crm_core.association.rules import (
    STANDARD,
    Edge,
    Occupied,
    Plan,
    Unlinkable,
    directed,
    link_type,
    plan_links,
    plan_unlinks,
)
from kontor_crm_core.record.models import RECORDS
from kontor_platform.contract.problem import Conflict, Gone, InvalidField, NotFound
from kontor_platform.runtime.call import Call, Change, Event

Pair = tuple[UUID, UUID]


class LinkExists(Conflict):
    """The record has another link of this type and can have one only; replace: true puts this one in its place."""

    reason = Reason.LINK_EXISTS


async def link(
    call: Call,
    pairs: Sequence[Pair],
    wanted_type: str = "",
    *,
    labels: Sequence[str] = (),
    is_primary: bool = False,
    replacing: bool = False,
) -> Plan:
    """Links records in pairs and answers what was written.

    Raises NotFound or Gone for a record, InvalidField for a pair that cannot be linked so, LinkExists.
    """
    wishes = await wished(call, pairs, wanted_type, labels, is_primary=is_primary)
    try:
        plan = plan_links(wishes, await standing(call, wishes), replacing=replacing)
    except Occupied as occupied:
        present = occupied.present
        raise LinkExists(ids=[str(present.from_id), str(present.to_id)], next_tool="crm_link_entities") from occupied
    await write(call, plan)
    return plan


async def unlink(call: Call, pairs: Sequence[Pair], wanted_type: str = "") -> Plan:
    """Takes links away and answers which there were; raises as `link` does."""
    wishes = await wished(call, pairs, wanted_type, ())
    plan = plan_unlinks(wishes, await standing(call, wishes))
    await write(call, plan)
    return plan


async def wished(
    call: Call, pairs: Sequence[Pair], wanted_type: str, labels: Sequence[str], *, is_primary: bool = False
) -> list[Edge]:
    """The links asked for, in their types' own order; holds the records to the end of the transaction."""
    types = await held(call, {record for pair in pairs for record in pair})
    call.concerns(*(record for record, kind in types.items() if kind == "contact"))
    return [edge(pair, types, wanted_type, labels, is_primary=is_primary) for pair in pairs]


def edge(pair: Pair, types: Mapping[UUID, str], wanted_type: str, labels: Sequence[str], *, is_primary: bool) -> Edge:
    """One link asked for; raises InvalidField."""
    from_type, to_type = types[pair[0]], types[pair[1]]
    if pair[0] == pair[1]:
        raise InvalidField("A record cannot be linked to itself.", field="pairs")
    try:
        kind = link_type(wanted_type, from_type, to_type)
    except Unlinkable as refused:
        raise InvalidField(str(refused), field="type", allowed=refused.allowed) from refused
    return Edge(kind.key, *directed(kind, pair, from_type), labels=tuple(labels), is_primary=is_primary)


async def held(call: Call, ids: Iterable[UUID]) -> dict[UUID, str]:
    """What the records are, locked in the order of their ids; raises NotFound or Gone."""
    wanted = sorted(set(ids))
    rows = await call.session.execute(
        select(RECORDS.c.id, RECORDS.c.object_type, RECORDS.c.deleted_at)
        .where(RECORDS.c.tenant_id == call.actor.tenant, RECORDS.c.id.in_(wanted))
        .order_by(RECORDS.c.id)
        .with_for_update(key_share=True)
    )
    found = {row.id: row for row in rows}
    if len(found) < len(wanted):
        raise NotFound()
    deleted = [str(each) for each in wanted if found[each].deleted_at]
    if deleted:
        raise Gone(ids=deleted)
    return {each: found[each].object_type for each in wanted}


async def standing(call: Call, wishes: Iterable[Edge]) -> list[Edge]:
    """All links of the wishes' types that their first records have; those with deleted records leave their place."""
    starts = {(wish.type_key, wish.from_id) for wish in wishes}
    columns = ASSOCIATIONS.c
    rows = await call.session.execute(
        select(columns.type_key, columns.from_id, columns.to_id, columns.labels, columns.is_primary)
        .join(RECORDS, (RECORDS.c.tenant_id == columns.tenant_id) & (RECORDS.c.id == columns.to_id))
        .where(columns.tenant_id == call.actor.tenant, tuple_(columns.type_key, columns.from_id).in_(starts))
        .where(RECORDS.c.deleted_at.is_(None))
        .order_by(columns.created_at, columns.to_id)
    )
    return [Edge(row.type_key, row.from_id, row.to_id, tuple(row.labels), row.is_primary) for row in rows]


async def write(call: Call, plan: Plan) -> None:
    """Stores a plan and announces it."""
    columns = ASSOCIATIONS.c
    if plan.deletes:
        gone = tuple_(columns.type_key, columns.from_id, columns.to_id).in_([each.key for each in plan.deletes])
        await call.session.execute(delete(ASSOCIATIONS).where(columns.tenant_id == call.actor.tenant, gone))
    for each in plan.updates:
        at = tuple_(columns.type_key, columns.from_id, columns.to_id) == each.key
        values = {"labels": list(each.labels), "is_primary": each.is_primary, "version": columns.version + 1}
        await call.session.execute(
            update(ASSOCIATIONS).where(columns.tenant_id == call.actor.tenant, at).values(values)
        )
    if plan.inserts:
        await know_types(call, {each.type_key for each in plan.inserts})
        await call.session.execute(insert(ASSOCIATIONS), [row(call, each) for each in plan.inserts])
    announce(call, plan)


async def know_types(call: Call, keys: Iterable[str]) -> None:
    """Gives the tenant the standard types it uses for the first time."""
    rows = [
        {"tenant_id": call.actor.tenant, "type_key": key}
        | {name: value for name, value in asdict(STANDARD[key]).items() if name not in ("key", "keeps_primary")}
        for key in sorted(keys)
    ]
    await call.session.execute(upsert(ASSOCIATION_TYPES).values(rows).on_conflict_do_nothing())


def row(call: Call, made: Edge) -> dict[str, object]:
    """The row of a new link."""
    kind = STANDARD[made.type_key]
    return {
        "tenant_id": call.actor.tenant,
        "type_key": made.type_key,
        "from_id": made.from_id,
        "to_id": made.to_id,
        "from_type": kind.from_type,
        "to_type": kind.to_type,
        "labels": list(made.labels),
        "is_primary": made.is_primary,
        "version": 1,
        "created_at": call.now,
        "created_by": call.actor.actor,
        "created_by_kind": call.actor.kind,
        "on_behalf_of": call.actor.on_behalf_of,
    }


def announce(call: Call, plan: Plan) -> None:
    """Tells of links made and taken away; they leave the version of their records."""
    for event, edges in (("association.removed", plan.deletes), ("association.added", plan.inserts)):
        for each in edges:
            ends = str(each.to_id), None
            before, after = ends if event == "association.removed" else ends[::-1]
            change = Change(each.type_key, before, after)
            call.emit(Event(event, STANDARD[each.type_key].from_type, each.from_id, 0, (change,)))
