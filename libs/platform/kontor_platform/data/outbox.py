"""Events and audit rows, written in the transaction whose change they tell of."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from kontor_platform.contract.problem import JSON

INSERT = text(
    """
    INSERT INTO outbox (tenant_id, kind, type, record_type, record_id, version, operation_id, subjects, data)
    VALUES (
        :tenant_id, :kind, :type, :record_type, :record_id, :version, :operation_id, :subjects, CAST(:data AS jsonb)
    )
    """
)


@dataclass(frozen=True, slots=True)
class Change:
    """One field before and after."""

    field: str
    before: JSON
    after: JSON


@dataclass(frozen=True, slots=True)
class Event:
    """What happened to a record; the type is one of the closed vocabulary, as in `deal.stage.changed`."""

    type: str
    record_type: str
    record_id: UUID
    version: int
    changes: Sequence[Change] = ()

    def to_json(self) -> dict[str, JSON]:
        """The event as a preview shows it."""
        return {
            "type": self.type,
            "record_type": self.record_type,
            "record_id": str(self.record_id),
            "version": self.version,
            "changes": [{"field": each.field, "before": each.before, "after": each.after} for each in self.changes],
        }


async def write_events(
    session: AsyncSession, tenant: UUID, operation_id: UUID, events: Sequence[Event], subjects: Sequence[UUID]
) -> None:
    """Appends events in their order; whose fields changed is named, the values lie in the change log."""
    if events:
        await session.execute(INSERT, [event_row(tenant, operation_id, event, subjects) for event in events])


def event_row(tenant: UUID, operation_id: UUID, event: Event, subjects: Sequence[UUID]) -> dict[str, object]:
    """The outbox row of an event."""
    return {
        "tenant_id": tenant,
        "kind": "event",
        "type": event.type,
        "record_type": event.record_type,
        "record_id": event.record_id,
        "version": event.version,
        "operation_id": operation_id,
        "subjects": list(subjects),
        "data": json.dumps({"fields": [change.field for change in event.changes]}),
    }


async def write_audit(
    session: AsyncSession,
    tenant: UUID,
    operation_id: UUID,
    type: str,
    data: Mapping[str, JSON],
    subjects: Sequence[UUID] = (),
) -> None:
    """Appends one audit row."""
    row = {
        "tenant_id": tenant,
        "kind": "audit",
        "type": type,
        "record_type": "",
        "record_id": None,
        "version": None,
        "operation_id": operation_id,
        "subjects": list(subjects),
        "data": json.dumps(data),
    }
    await session.execute(INSERT, row)
