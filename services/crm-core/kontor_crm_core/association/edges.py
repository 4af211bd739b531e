"""Writes links: for the link operation and for whatever makes links on the way."""

import json
from collections.abc import Iterable, Mapping, Sequence
from uuid import UUID

from kontor_protos.kontor.platform.v1.errors_pb import Reason
from sqlalchemy import RowMapping, delete, or_, select, text, tuple_
from sqlalchemy.dialects.postgresql import insert as upsert

from kontor_crm_core.association.log import log
from kontor_crm_core.association.models import ASSOCIATION_TYPES, ASSOCIATIONS
from kontor_crm_core.association.rules import Edge, LinkWish, Occupied, Plan, plan_links, plan_unlinks
from kontor_crm_core.association.types.rules import STANDARD, Unlinkable, directed, link_type
from kontor_crm_core.record.models import RECORDS
from kontor_platform.contract.problem import Conflict, Gone, InvalidField, NotFound
from kontor_platform.data.arrays import array
from kontor_platform.runtime.call import Call, Change, Event

Pair = tuple[UUID, UUID]
NEAR, FAR = RECORDS.alias("near"), RECORDS.alias("far")
UPDATE = text(
    """
    UPDATE association a SET version = a.version + 1, is_primary = told.is_primary,
        props = coalesce(told.props, a.props),
        labels = CASE WHEN told.labels IS NULL THEN a.labels
            ELSE ARRAY(SELECT jsonb_array_elements_text(told.labels)) END
    FROM jsonb_to_recordset(CAST(:rows AS jsonb))
        AS told(type_key text, from_id uuid, to_id uuid, is_primary boolean, labels jsonb, props jsonb)
    WHERE a.tenant_id = :tenant AND a.type_key = told.type_key AND a.from_id = told.from_id AND a.to_id = told.to_id
    """
)

INSERT = text(
    """
    INSERT INTO association (
        tenant_id, type_key, from_id, to_id, from_type, to_type, labels, is_primary, props, version, created_at,
        created_by, created_by_kind, on_behalf_of
    )
    SELECT :tenant, told.type_key, told.from_id, told.to_id, told.from_type, told.to_type,
        ARRAY(SELECT json_array_elements_text(CAST(told.labels AS json))), told.is_primary, CAST(told.props AS jsonb),
        1, :at, :actor, :actor_kind, :on_behalf_of
    FROM unnest(
        CAST(:keys AS text[]), CAST(:starts AS uuid[]), CAST(:ends AS uuid[]), CAST(:start_types AS text[]),
        CAST(:end_types AS text[]), CAST(:labels AS text[]), CAST(:primaries AS boolean[]), CAST(:props AS text[])
    ) AS told(type_key, from_id, to_id, from_type, to_type, labels, is_primary, props)
    """
)


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
    types = await held(call, {record for pair in pairs for record in pair})
    wishes = [LinkWish(*edge(pair, types, wanted_type).key, tuple(labels), is_primary) for pair in pairs]
    return await link_wishes(call, wishes, replacing=replacing)


async def unlink(call: Call, pairs: Sequence[Pair], wanted_type: str = "") -> Plan:
    """Takes links between records away and answers which there were; raises as `link` does."""
    types = await held(call, {record for pair in pairs for record in pair})
    return await unlink_wishes(call, [LinkWish(*edge(pair, types, wanted_type).key) for pair in pairs])


async def link_wishes(call: Call, wishes: Sequence[LinkWish], *, replacing: bool = False) -> Plan:
    """Links as wished, any number at once; the records are held already. Raises LinkExists."""
    try:
        plan = plan_links(wishes, await standing(call, wishes), replacing=replacing)
    except Occupied as occupied:
        present = occupied.present
        raise LinkExists(ids=[str(present.from_id), str(present.to_id)], next_tool="crm_link_entities") from occupied
    await write(call, plan)
    return plan


async def unlink_wishes(call: Call, wishes: Sequence[LinkWish]) -> Plan:
    """Takes links away and answers which there were; the records are held already."""
    plan = plan_unlinks(wishes, await standing(call, wishes))
    await write(call, plan)
    return plan


def edge(pair: Pair, types: Mapping[UUID, str], wanted_type: str) -> Edge:
    """One link asked for, in its type's own order; raises InvalidField."""
    from_type, to_type = types[pair[0]], types[pair[1]]
    if pair[0] == pair[1]:
        raise InvalidField("A record cannot be linked to itself.", field="pairs")
    try:
        kind = link_type(wanted_type, from_type, to_type)
    except Unlinkable as refused:
        raise InvalidField(str(refused), field="type", allowed=refused.allowed) from refused
    return Edge(kind.key, *directed(kind, pair, from_type, to_type))


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
    call.concerns(*(each for each in wanted if found[each].object_type == "contact"))
    return {each: found[each].object_type for each in wanted}


async def standing(call: Call, wishes: Iterable[LinkWish]) -> list[Edge]:
    """All links of the wishes' types that their records have at an end where that matters.

    Those with deleted records leave their place.
    """
    starts = {(wish.type_key, wish.from_id) for wish in wishes}
    columns = ASSOCIATIONS.c
    near = [tuple_(columns.type_key, columns.from_id).in_(starts)]
    ends = {(w.type_key, w.to_id) for w in wishes if STANDARD[w.type_key].reverse_cardinality == "one"}
    if ends:
        near.append(tuple_(columns.type_key, columns.to_id).in_(ends))
    rows = await call.session.execute(
        select(columns.type_key, columns.from_id, columns.to_id, columns.labels, columns.is_primary, columns.props)
        .join(FAR, (FAR.c.tenant_id == columns.tenant_id) & (FAR.c.id == columns.to_id))
        .join(NEAR, (NEAR.c.tenant_id == columns.tenant_id) & (NEAR.c.id == columns.from_id))
        .where(columns.tenant_id == call.actor.tenant, or_(*near))
        .where(FAR.c.deleted_at.is_(None), NEAR.c.deleted_at.is_(None))
        .order_by(columns.created_at, columns.to_id)
    )
    return [Edge(row.type_key, row.from_id, row.to_id, tuple(row.labels), row.is_primary, row.props) for row in rows]


async def write(call: Call, plan: Plan) -> None:
    """Stores a plan, keeps what the timelines need of it and announces it; a statement a table."""
    removed = await remove(call, plan.deletes)
    if plan.updates:
        rows = json.dumps([changed_row(*each) for each in plan.updates])
        await call.session.execute(UPDATE, {"tenant": call.actor.tenant, "rows": rows})
    if plan.inserts:
        await know_types(call, {each.type_key for each in plan.inserts})
        await call.session.execute(INSERT, made_by(call) | rows_of(plan.inserts))
    await log(call, plan, removed)
    announce(call, plan)


async def remove(call: Call, edges: Sequence[Edge]) -> list[RowMapping]:
    """Deletes links and answers their rows."""
    if not edges:
        return []
    columns = ASSOCIATIONS.c
    gone = tuple_(columns.type_key, columns.from_id, columns.to_id).in_([each.key for each in edges])
    done = delete(ASSOCIATIONS).where(columns.tenant_id == call.actor.tenant, gone).returning(*columns)
    return list((await call.session.execute(done)).mappings())


async def know_types(call: Call, keys: Iterable[str]) -> None:
    """Gives the tenant the standard types it uses for the first time."""
    rows = [
        {
            "tenant_id": call.actor.tenant,
            "type_key": key,
            "from_type": STANDARD[key].from_type,
            "to_type": STANDARD[key].to_type,
            "label": STANDARD[key].label,
            "reverse_label": STANDARD[key].reverse_label,
            "cardinality": STANDARD[key].cardinality,
            "reverse_cardinality": STANDARD[key].reverse_cardinality,
            "properties": [dict(each.told()) for each in STANDARD[key].properties],
        }
        for key in sorted(keys)
    ]
    await call.session.execute(upsert(ASSOCIATION_TYPES).values(rows).on_conflict_do_nothing())


def changed_row(before: Edge, after: Edge) -> dict[str, object]:
    """A changed link as the statement takes it; labels and properties that stay are left out."""
    return {
        "type_key": after.type_key,
        "from_id": str(after.from_id),
        "to_id": str(after.to_id),
        "is_primary": after.is_primary,
        **({"labels": list(after.labels)} if after.labels != before.labels else {}),
        **({"props": dict(after.props)} if after.props != before.props else {}),
    }


def made_by(call: Call) -> dict[str, object]:
    """Who makes links now."""
    return {
        "tenant": call.actor.tenant,
        "at": call.now,
        "actor": call.actor.actor,
        "actor_kind": call.author,
        "on_behalf_of": call.actor.on_behalf_of,
    }


def rows_of(edges: Sequence[Edge]) -> dict[str, object]:
    """New links as the arrays of a statement."""
    kinds = [STANDARD[each.type_key] for each in edges]
    return {
        "keys": array(each.type_key for each in edges),
        "starts": array(each.from_id for each in edges),
        "ends": array(each.to_id for each in edges),
        "start_types": array(each.from_type for each in kinds),
        "end_types": array(each.to_type for each in kinds),
        "labels": array(json.dumps(list(each.labels)) for each in edges),
        "primaries": array(each.is_primary for each in edges),
        "props": array(json.dumps(dict(each.props)) for each in edges),
    }


def announce(call: Call, plan: Plan) -> None:
    """Tells of links made, changed and taken away; they leave the version of their records."""
    for event, edges in (("association.removed", plan.deletes), ("association.added", [*plan.inserts, *plan.updated])):
        for each in edges:
            ends = str(each.to_id), None
            before, after = ends if event == "association.removed" else ends[::-1]
            change = Change(each.type_key, before, after)
            call.emit(Event(event, STANDARD[each.type_key].from_type, each.from_id, 0, (change,)))
