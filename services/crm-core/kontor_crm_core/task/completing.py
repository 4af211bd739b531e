"""Completes tasks."""

from datetime import datetime
from uuid import UUID

from kontor_protos.kontor.crm.v1 import tasks_pb as pb
from sqlalchemy import RowMapping

from kontor_crm_core.activity.writing import Draft, records_of, shift_links, store, touch
from kontor_crm_core.moments import past_moment
from kontor_crm_core.record.wishes import expected_version
from kontor_crm_core.record.writer import check_version, locked, updated
from kontor_crm_core.task.rules import Status
from kontor_platform.contract.problem import NotFound
from kontor_platform.data.records.fold import clean
from kontor_platform.runtime.call import Call, Change

LONGEST_SUBJECT = 200


async def complete(call: Call, request: pb.CompleteTaskRequest) -> tuple[list[str], UUID | None]:
    """Completes the task and answers what changed, nothing if it was done, and the note of its outcome."""
    task_id = UUID(request.task_id)
    row = await locked(call, "task", task_id)
    if row["kind"] != "task":
        raise NotFound()
    if row["status"] == Status.DONE:
        check_version(expected_version(request), row["version"], [])
        return [], None
    at = past_moment(request.completed_at, "completed_at", call.now)
    changes = [
        Change("status", row["status"], Status.DONE),
        Change("completed_at", None, at.isoformat()),
        Change("completed_by", None, str(call.actor.actor)),
    ]
    values = {"status": Status.DONE, "completed_at": at, "completed_by": call.actor.actor, "occurred_at": at}
    await updated(call, "task", task_id, expected_version(request), changes, values, "task.completed")
    note = await settle(call, row, at, clean(request.outcome_note))
    return [change.field for change in changes], note


async def settle(call: Call, row: RowMapping, at: datetime, outcome: str) -> UUID | None:
    """Puts the completed task in its place on the timelines of its records, with a note of its outcome if given."""
    records = await records_of(call, row["id"])
    call.concerns(*records)
    await shift_links(call, row["id"], at)
    await touch(call, records, at)
    return await store(call, outcome_note(row, at, outcome, (*records, row["id"]))) if outcome else None


def outcome_note(row: RowMapping, at: datetime, outcome: str, records: tuple[UUID, ...]) -> Draft:
    """The note that keeps the outcome of a task, on its records and on the task itself."""
    subject = f"Outcome: {row['subject']}"[:LONGEST_SUBJECT]
    fields = {"subject": subject, "body": outcome, "occurred_at": at.isoformat()}
    return Draft(kind="note", subject=subject, body=outcome, occurred_at=at, records=records, fields=fields)
