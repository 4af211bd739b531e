"""Long work as callers see it."""

import json
from collections.abc import Mapping
from datetime import datetime

from kontor_protos.kontor.crm.v1 import operations_pb as pb
from protobuf.wkt import Struct, Timestamp

from kontor_crm_core.operation.models import LongWork
from kontor_crm_core.operation.rules import CODE, ENDED, share, undo_tool


def status_message(row: LongWork) -> pb.OperationStatus:
    """One piece of long work."""
    return pb.OperationStatus(
        operation_id=str(row.id),
        kind=row.kind,
        state=row.state,
        ended=row.state in ENDED,
        position=row.position,
        total=row.total,
        percent=share(row.position, row.total),
        counters=counts({name: count for name, count in row.counters.items() if not name.startswith(CODE)}),
        codes=counts({name[len(CODE) :]: count for name, count in row.counters.items() if name.startswith(CODE)}),
        report=Struct.from_json(json.dumps(row.report)),
        error=row.error or "",
        file_id=str(row.result_file) if row.result_file else None,
        error_file_id=str(row.error_file) if row.error_file else None,
        undo_tool=undo_tool(row.kind, row.state, row.position),
        cancel_requested=row.cancel_requested,
        reverts=str(row.reverts) if row.reverts else None,
        reverted_by=str(row.reverted_by) if row.reverted_by else None,
        tool=row.tool,
        actor_id=str(row.actor["sub"]),
        created_at=Timestamp.from_datetime(row.created_at),
        started_at=told(row.started_at),
        finished_at=told(row.finished_at),
    )


def summary(row: LongWork) -> str:
    """How it stands, in a sentence."""
    way = f"{row.position} of {row.total} ({share(row.position, row.total)} %)" if row.total else f"{row.position}"
    reason = f": {row.error}" if row.error else ""
    return f"{row.kind.capitalize().replace('_', ' ')} is {row.state}, {way}{reason}"


def counts(numbers: Mapping[str, int]) -> list[pb.OperationCount]:
    """Numbers by name, sorted."""
    return [pb.OperationCount(name=name, count=count) for name, count in sorted(numbers.items())]


def told(at: datetime | None) -> Timestamp | None:
    """A time, if there is one."""
    return Timestamp.from_datetime(at) if at else None
