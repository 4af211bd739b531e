"""The rpc method of long work."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from kontor_protos.kontor.crm.v1 import operations_pb as pb
from sqlalchemy import Select, func, select, tuple_

from kontor_crm_core.operation.models import OPERATIONS, LongWork
from kontor_crm_core.operation.store import read
from kontor_crm_core.operation.views import status_message, summary
from kontor_crm_core.paging import fitting, scope, size
from kontor_platform.contract.problem import JSON
from kontor_platform.runtime.call import Call


class Operations:
    """Tells of long work."""

    implements = "kontor.crm.v1.Operations"

    async def import_status(self, request: pb.ImportStatusRequest, call: Call) -> pb.ImportStatusResponse:
        """Tells how far one operation has come, or lists the recent ones."""
        if request.operation_id:
            row = await read(call, UUID(request.operation_id))
            return pb.ImportStatusResponse(summary=summary(row), operation=status_message(row))
        return await listed(request, call)


async def listed(request: pb.ImportStatusRequest, call: Call) -> pb.ImportStatusResponse:
    """A page of recent operations, the newest first."""
    bound = scope(call, request)
    wanted = conditions(request, call)
    total = (await call.session.execute(select(func.count()).select_from(wanted.subquery()))).scalar_one()
    after = call.cursors.decode(request.cursor, bound) if request.cursor else None
    found = (await call.session.execute(page(wanted, after, size(request) + 1))).mappings().all()
    rows = [LongWork(**row) for row in found]
    shown = fitting([status_message(row) for row in rows[: size(request)]])
    last = rows[len(shown) - 1] if len(shown) < len(rows) else None
    return pb.ImportStatusResponse(
        summary=f"{total} operation{'s' * (total != 1)} found.",
        operations=list(shown),
        total=total,
        next_cursor=call.cursors.encode([last.created_at.isoformat(), str(last.id)], bound) if last else "",
    )


def conditions(request: pb.ImportStatusRequest, call: Call) -> Select[tuple[object, ...]]:
    """The operations the request asks for."""
    columns = OPERATIONS.c
    wanted = select(*columns).where(columns.tenant_id == call.actor.tenant)
    if request.kind:
        wanted = wanted.where(columns.kind == request.kind)
    if request.states:
        wanted = wanted.where(columns.state.in_(list(request.states)))
    return wanted


def page(wanted: Select[tuple[object, ...]], after: Sequence[JSON] | None, rows: int) -> Select[tuple[object, ...]]:
    """So many of them, the newest first, behind a place in the list."""
    columns = OPERATIONS.c
    if after is not None:
        at, id = datetime.fromisoformat(str(after[0])), UUID(str(after[1]))
        wanted = wanted.where(tuple_(columns.created_at, columns.id) < tuple_(at, id))
    return wanted.order_by(columns.created_at.desc(), columns.id.desc()).limit(rows)
