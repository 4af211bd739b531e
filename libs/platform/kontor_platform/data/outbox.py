"""Events and audit rows, written in the transaction whose change they tell of."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from kontor_platform.contract.problem import JSON
from kontor_platform.data.arrays import array

INSERT_AUDIT = text(
    """
    INSERT INTO outbox (tenant_id, kind, type, operation_id, subjects, data)
    VALUES (:tenant, 'audit', :type, :operation, CAST(:subjects AS uuid[]), CAST(:data AS jsonb))
    """
)
INSERT_EVENTS = text(
    """
    INSERT INTO outbox (tenant_id, kind, type, record_type, record_id, version, operation_id, subjects, data)
    SELECT :tenant, 'event', told.type, told.record_type, told.record_id, told.version, CAST(:operation AS uuid),
        CAST(:subjects AS uuid[]), CAST(told.data AS jsonb)
    FROM unnest(CAST(:types AS text[]), CAST(:record_types AS text[]), CAST(:records AS uuid[]),
        CAST(:versions AS int[]), CAST(:data AS text[])) WITH ORDINALITY
        AS told(type, record_type, record_id, version, data, place)
    ORDER BY told.place
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
    if not events:
        return
    values = {
        "tenant": tenant,
        "operation": operation_id,
        "subjects": list(subjects),
        "types": array(each.type for each in events),
        "record_types": array(each.record_type for each in events),
        "records": array(each.record_id for each in events),
        "versions": array(each.version for each in events),
        "data": array(json.dumps({"fields": [change.field for change in each.changes]}) for each in events),
    }
    await session.execute(INSERT_EVENTS, values)


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
        "tenant": tenant,
        "type": type,
        "operation": operation_id,
        "subjects": list(subjects),
        "data": json.dumps(data),
    }
    await session.execute(INSERT_AUDIT, row)
