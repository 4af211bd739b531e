"""The rpc method of timelines."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from kontor_protos.kontor.crm.v1 import timeline_pb as pb

from kontor_crm_core.paging import fitting, scope, size
from kontor_crm_core.record.redirects import redirected_from
from kontor_crm_core.refs import live_refs
from kontor_crm_core.timeline.queries import MEANT, Wanted, counts, page, page_values
from kontor_crm_core.timeline.rules import KINDS
from kontor_crm_core.timeline.telling import titled
from kontor_crm_core.when.reading import clock
from kontor_platform.runtime.call import Call

RECORD_TYPES = ("contact", "company", "deal", "task", "activity")


class Timeline:
    """Tells what happened to a record."""

    implements = "kontor.crm.v1.Timeline"

    async def get_timeline(self, request: pb.GetTimelineRequest, call: Call) -> pb.GetTimelineResponse:
        """Lists a page of what happened to a record, newest first."""
        bound, wanted = scope(call, request), await wanted_entries(request, call)
        call.concerns(wanted.record)
        record = (await live_refs(call, [wanted.record], RECORD_TYPES))[wanted.record]
        values = wanted.values(call.actor.tenant)
        place = position(call.cursors.decode(request.cursor, bound)) if request.cursor else {}
        paged = values | page_values(wanted, size(request) + 1) | place
        rows = (await call.session.execute(page(wanted, continued=bool(place)), paged)).all()
        found = {row.kind: row.entries for row in await call.session.execute(counts(wanted), values)}
        total = sum(found.get(kind, 0) for kind in wanted.kinds)
        entries = [titled(pb.TimelineEntry.from_json(row.told)) for row in rows[: size(request)]]
        shown = fitting(entries)
        last = rows[len(shown) - 1] if len(shown) < len(rows) else None
        return pb.GetTimelineResponse(
            summary=f"{total} entr{'y' if total == 1 else 'ies'} on the timeline of {record.name}.",
            entries=list(shown),
            total=total,
            next_cursor=call.cursors.encode([last.at.isoformat(), str(last.id), last.tie], bound) if last else "",
            counts=[pb.KindCount(kind=kind, count=found.get(kind, 0)) for kind in KINDS],
            truncated=len(shown) < len(entries) or any(entry.truncated for entry in shown),
            record=record.to_message(),
            redirected_from=redirected_from(request.record_id, record.id),
        )


async def wanted_entries(request: pb.GetTimelineRequest, call: Call) -> Wanted:
    """The conditions of the request, days meant in the tenant's time zone; raises InvalidField."""
    time, asked = clock(call), {"tenant": call.actor.tenant, "record": UUID(request.record_id)}
    since, until = time.read(request.since, "since"), time.read(request.until, "until")
    meant = (await call.session.execute(MEANT, asked)).one()
    return Wanted(
        record=meant.id,
        kinds=tuple(request.kinds) or KINDS,
        actor_id=UUID(request.actor_id) if request.actor_id else None,
        actor_kind=request.actor_kind or None,
        since=since.begins(time.zone) if since else None,
        until=until.ends(time.zone) if until else None,
        merged=tuple(meant.merged),
    )


def position(values: Sequence[object]) -> dict[str, object]:
    """The place on the timeline that a cursor holds."""
    at, entry, tie = values
    return {"at": datetime.fromisoformat(str(at)), "id": UUID(str(entry)), "tie": str(tie)}
