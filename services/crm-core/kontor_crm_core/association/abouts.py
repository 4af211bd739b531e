"""Links of activities to what they are about, as the link operation makes and removes them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import RowMapping, delete, select, tuple_

from kontor_crm_core.activity.linking import link, recount, touch
from kontor_crm_core.activity.models import ACTIVITIES, LINKS
from kontor_crm_core.association.log import unlinked, write
from kontor_crm_core.association.rules import Edge
from kontor_crm_core.association.types.rules import ABOUT
from kontor_platform.runtime.call import Call, Change, Event


@dataclass(frozen=True, slots=True)
class Related:
    """The links made or removed, and those that were as asked for already."""

    done: Sequence[Edge]
    unchanged: Sequence[Edge]


async def relate(call: Call, edges: Sequence[Edge]) -> Related:
    """Makes activities be about records."""
    rows = await activities(call, {each.from_id for each in edges})
    done: list[Edge] = []
    for activity, row in rows.items():
        records = [each.to_id for each in edges if each.from_id == activity]
        new = set(await link(call, dict(row), records, ()))
        done += [Edge(ABOUT.key, activity, record) for record in dict.fromkeys(records) if record in new]
        if row["kind"] != "task" or row["completed_at"]:
            await touch(call, dict.fromkeys(new, row["occurred_at"]))
    announce(call, "association.added", done, rows)
    return Related(done, [each for each in once(edges) if each not in done])


async def separate(call: Call, edges: Sequence[Edge]) -> Related:
    """Makes activities be about records no longer."""
    rows = await activities(call, {each.from_id for each in edges})
    columns = LINKS.c
    gone = tuple_(columns.activity_id, columns.record_id).in_([(each.from_id, each.to_id) for each in edges])
    removing = delete(LINKS).where(columns.tenant_id == call.actor.tenant, gone)
    found = await call.session.execute(removing.returning(columns.activity_id, columns.record_id))
    done = [Edge(ABOUT.key, row.activity_id, row.record_id) for row in found]
    await write(call, [row for each in done for row in unlinked(call, each.from_id, each.to_id)])
    await recount(call, [each.to_id for each in done])
    announce(call, "association.removed", done, rows)
    return Related(done, [each for each in once(edges) if each not in done])


async def activities(call: Call, ids: Iterable[UUID]) -> dict[UUID, RowMapping]:
    """The activities, by id."""
    mine = (ACTIVITIES.c.tenant_id == call.actor.tenant, ACTIVITIES.c.id.in_(set(ids)))
    rows = await call.session.execute(select(ACTIVITIES).where(*mine).order_by(ACTIVITIES.c.id))
    return {row["id"]: row for row in rows.mappings()}


def once(edges: Iterable[Edge]) -> list[Edge]:
    """The links, each once."""
    return list({each.key: each for each in edges}.values())


def announce(call: Call, event: str, edges: Iterable[Edge], rows: dict[UUID, RowMapping]) -> None:
    """Tells of links made or taken away."""
    for each in edges:
        ends = (str(each.to_id), None) if event == "association.removed" else (None, str(each.to_id))
        kind = "task" if rows[each.from_id]["kind"] == "task" else "activity"
        call.emit(Event(event, kind, each.from_id, 0, (Change(ABOUT.key, *ends),)))
