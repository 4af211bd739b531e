"""Writes activities and the records they are about."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import RowMapping, func, select, update
from sqlalchemy.dialects.postgresql import insert

from kontor_crm_core.activity.models import ACTIVITIES, LINKS, STATS, ActivityRow
from kontor_crm_core.record.lookups import hold_keys
from kontor_crm_core.record.writer import created, updated
from kontor_platform.contract.problem import JSON
from kontor_platform.data.ids import new_id
from kontor_platform.runtime.call import Call, Change

RECORD_TYPES = {"note": "activity", "task": "task"}


@dataclass(frozen=True, slots=True)
class Draft:
    """An activity to be; `values` are further columns and `fields` all its fields as callers name them."""

    kind: str
    subject: str
    body: str | None
    occurred_at: datetime
    records: tuple[UUID, ...]
    external_id: str | None = None
    values: Mapping[str, Any] = field(default_factory=dict)
    fields: Mapping[str, JSON] = field(default_factory=dict)


async def known(call: Call, kind: str, external_id: str) -> RowMapping | None:
    """The live activity that has the id of another system; holds the id to the end of the transaction."""
    if not external_id:
        return None
    await hold_keys(call, [f"{kind}:{external_id}"])
    columns = ACTIVITIES.c
    mine = (columns.tenant_id == call.actor.tenant, columns.kind == kind, columns.external_id == external_id)
    found = await call.session.execute(select(ACTIVITIES).where(*mine, columns.deleted_at.is_(None)).with_for_update())
    return found.mappings().one_or_none()


async def store(call: Call, draft: Draft) -> UUID:
    """Writes a new activity with its links and answers its id."""
    row = ActivityRow(
        tenant_id=call.actor.tenant,
        id=new_id(),
        kind=draft.kind,
        occurred_at=draft.occurred_at,
        subject=draft.subject,
        body=draft.body,
        external_id=draft.external_id,
        actor_kind=call.author,
        actor_id=call.actor.actor,
        on_behalf_of=call.actor.on_behalf_of,
        created_at=call.now,
        updated_at=call.now,
        **draft.values,
    )
    told = {**draft.fields, "record_ids": [str(each) for each in draft.records]}
    await created(call, RECORD_TYPES[draft.kind], row, told)
    await add_links(call, row.id, draft.kind, draft.occurred_at, draft.records)
    return row.id


async def change(
    call: Call, present: RowMapping, changes: Sequence[Change], values: Mapping[str, object], records: Sequence[UUID]
) -> list[str]:
    """Stores changed fields and further links of a held activity, and names what changed."""
    await updated(call, RECORD_TYPES[present["kind"]], present["id"], None, changes, values)
    at: Any = values.get("occurred_at", present["occurred_at"])
    added = await add_links(call, present["id"], present["kind"], at, records)
    if at != present["occurred_at"]:
        await shift_links(call, present["id"], at)
    return [each.field for each in changes] + (["record_ids"] if added else [])


async def add_links(call: Call, activity_id: UUID, kind: str, at: datetime, records: Sequence[UUID]) -> list[UUID]:
    """Links an activity to records and answers those it was not linked to before."""
    if not records:
        return []
    call.concerns(*records)
    key = {"tenant_id": call.actor.tenant, "activity_id": activity_id, "occurred_at": at, "kind": kind}
    rows = [key | {"record_id": record} for record in sorted(records)]
    done = await call.session.execute(insert(LINKS).values(rows).on_conflict_do_nothing().returning(LINKS.c.record_id))
    return list(done.scalars())


async def shift_links(call: Call, activity_id: UUID, at: datetime) -> None:
    """Moves an activity to another place on the timelines of its records."""
    mine = (LINKS.c.tenant_id == call.actor.tenant, LINKS.c.activity_id == activity_id)
    await call.session.execute(update(LINKS).where(*mine).values(occurred_at=at))


async def records_of(call: Call, activity_id: UUID) -> tuple[UUID, ...]:
    """The records an activity is about."""
    mine = (LINKS.c.tenant_id == call.actor.tenant, LINKS.c.activity_id == activity_id)
    return tuple(
        (await call.session.execute(select(LINKS.c.record_id).where(*mine).order_by(LINKS.c.record_id))).scalars()
    )


async def touch(call: Call, records: Sequence[UUID], at: datetime) -> None:
    """Notes when records were last attended to, which leaves their version."""
    if not records:
        return
    rows = [{"tenant_id": call.actor.tenant, "record_id": record, "last_activity_at": at} for record in sorted(records)]
    wanted = insert(STATS).values(rows)
    latest = func.greatest(STATS.c.last_activity_at, wanted.excluded.last_activity_at)
    key = [STATS.c.tenant_id, STATS.c.record_id]
    await call.session.execute(wanted.on_conflict_do_update(index_elements=key, set_={"last_activity_at": latest}))
