"""The change log of people and keys: who gave whom what, with the values before and after."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import insert
from sqlalchemy.ext.asyncio import AsyncSession

from kontor_crm_governance.models import RecordChange
from kontor_platform.data.outbox import Event
from kontor_platform.runtime.call import Call


@dataclass(frozen=True, slots=True)
class Author:
    """Who makes changes, in which tenant, by which operation and when."""

    tenant: UUID
    kind: str
    actor: UUID
    on_behalf_of: UUID | None
    operation: UUID
    at: datetime


async def announce(call: Call, event: Event) -> None:
    """Logs a change and tells it as an event."""
    actor = call.actor
    author = Author(actor.tenant, actor.kind, actor.actor, actor.on_behalf_of, call.call_id, call.now)
    await log(call.session, author, [event])
    call.emit(event)


async def log(session: AsyncSession, author: Author, events: Sequence[Event]) -> None:
    """Appends changes to the log."""
    await session.execute(insert(RecordChange), [row(author, event) for event in events])


def row(author: Author, event: Event) -> dict[str, object]:
    """A change as a row."""
    return {
        "tenant_id": author.tenant,
        "record_id": event.record_id,
        "version": event.version,
        "record_type": event.record_type,
        "changes": [{"field": each.field, "before": each.before, "after": each.after} for each in event.changes],
        "actor_kind": author.kind,
        "actor_id": author.actor,
        "on_behalf_of": author.on_behalf_of,
        "operation_id": author.operation,
        "at": author.at,
    }
