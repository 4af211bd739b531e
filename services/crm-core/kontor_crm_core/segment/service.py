"""The rpc service of segments."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from kontor_protos.kontor.crm.v1 import segments_pb as pb
from sqlalchemy import text

from kontor_crm_core import paging
from kontor_crm_core.advanced.rows import NAMES
from kontor_crm_core.record.kinds import KINDS
from kontor_crm_core.record.redirects import led_on
from kontor_crm_core.segment.answers import answer, answers
from kontor_crm_core.segment.changing import Done, change
from kontor_crm_core.segment.filters import as_id, stored
from kontor_crm_core.segment.listing import Members, membership
from kontor_crm_core.segment.reading import rows
from kontor_platform.contract.names import nearest
from kontor_platform.contract.problem import NotFound
from kontor_platform.data.records.filters.ordering import orders
from kontor_platform.data.records.filters.search import Page, searching
from kontor_platform.runtime.call import Call

SAMPLES = 10
HOLDING = text("SELECT segment_id FROM segment_member WHERE tenant_id = :tenant AND record_id = :record")


class Segments:
    """Makes, lists and explains segments."""

    implements = "kontor.crm.v1.Segments"

    async def create_segment(self, request: pb.CreateSegmentRequest, call: Call) -> pb.CreateSegmentResponse:
        """Makes or changes a segment."""
        done = await change(call, request)
        page = await first(call, done.row)
        return pb.CreateSegmentResponse(
            summary=said(done, page),
            outcome=done.outcome,
            segment=await answer(call, done.row),
            changed=list(done.changed),
            count=page.total,
            count_is_estimate=page.is_estimate,
            samples=await named(call, done.row["object_type"], page.ids),
            added=done.added,
            removed=done.removed,
        )

    async def list_segments(self, request: pb.ListSegmentsRequest, call: Call) -> pb.ListSegmentsResponse:
        """Lists segments by key."""
        found = [row for row in await rows(call, deleted=request.deleted) if wanted(row, request)]
        if request.record_id:
            asked = await led_on(call, request, "record_id")
            held = await holding(call, UUID(asked.record_id))
            found = [row for row in found if row["id"] in held]
        scope = paging.scope(call, request)
        start = tuple(map(str, call.cursors.decode(request.cursor, scope))) if request.cursor else ("", "")
        behind = [row for row in found if (row["key"], str(row["id"])) > start]
        shown = behind[: paging.size(request)]
        fitting = paging.fitting(await answers(call, shown, sizes=request.include_sizes))
        last = shown[len(fitting) - 1] if len(fitting) < len(behind) else None
        return pb.ListSegmentsResponse(
            summary=f"{len(found)} segments, {len(fitting)} of them here.",
            segments=list(fitting),
            total=len(found),
            next_cursor=call.cursors.encode([last["key"], str(last["id"])], scope) if last else "",
        )

    async def segment_members(self, request: pb.SegmentMembersRequest, call: Call) -> pb.SegmentMembersResponse:
        """Lists members, or tells why a record is one."""
        row = await meant(call, request.segment)
        filter = await stored(call, row)
        segment = await answer(call, row)
        if request.record_id:
            told = await membership(call, row, filter, UUID(request.record_id))
            return pb.SegmentMembersResponse(summary=told.reason, segment=segment, membership=told)
        scope = paging.scope(call, request)
        start = call.cursors.decode(request.cursor, scope) if request.cursor else None
        page = await Members(call, row, filter).page(paging.size(request), start)
        fitting = paging.fitting(page.members)
        more = len(fitting) < len(page.members) or page.more
        return pb.SegmentMembersResponse(
            summary=f"{page.total:,} members, {len(fitting)} of them here.",
            segment=segment,
            members=list(fitting),
            total=page.total,
            next_cursor=call.cursors.encode(page.positions[len(fitting) - 1], scope) if more and fitting else "",
        )


async def meant(call: Call, name: str) -> Mapping[Any, Any]:
    """The segment of a key or id; raises NotFound with the nearest key."""
    known, id = await rows(call), as_id(name)
    for row in known:
        if row["key"] == name or row["id"] == id:
            return row
    near = nearest(name, [row["key"] for row in known])
    hint = f"Did you mean {near}?" if near else "crm_list_segments lists them."
    raise NotFound(f"There is no segment {name!r}. {hint}", field="segment", did_you_mean=near)


def wanted(row: Mapping[Any, Any], request: pb.ListSegmentsRequest) -> bool:
    """Whether a segment is asked for."""
    in_use = row["deleted_at"] is None
    kept = request.type in ("", row["object_type"]) and request.kind in ("", row["kind"])
    return kept and in_use is not request.deleted


async def holding(call: Call, record: UUID) -> set[UUID]:
    """The segments that hold a record."""
    found = await call.session.execute(HOLDING, {"tenant": call.actor.tenant, "record": record})
    return set(found.scalars())


async def first(call: Call, row: Mapping[Any, Any]) -> Page:
    """How many records a segment holds, and the first of them."""
    filter = await stored(call, row)
    search = searching(call, filter.checked, filter.knowledge)
    page = await search.page(orders((), filter.checked.object_type, filter.knowledge), SAMPLES, None)
    await search.statements.leave()
    return page


async def named(call: Call, object_type: str, ids: Sequence[UUID]) -> list[pb.SegmentMember]:
    """Records by name, in their order."""
    name = NAMES.get(object_type, "name")
    statement = text(
        f"SELECT t.id, t.{name} FROM {KINDS[object_type].table} t WHERE t.tenant_id = :tenant AND t.id = ANY(:ids)"
    )
    found = await call.session.execute(statement, {"tenant": call.actor.tenant, "ids": list(ids)})
    names: dict[UUID, str] = {row[0]: row[1] for row in found}
    return [pb.SegmentMember(id=str(each), name=names.get(each, "")) for each in ids]


def said(done: Done, page: Page) -> str:
    """One sentence."""
    about = "about " if page.is_estimate else ""
    state = "; its members are being gathered" if done.row["state"] == "building" else ""
    return f"The segment {done.row['name']} was {done.outcome}; it holds {about}{page.total:,} records{state}."
