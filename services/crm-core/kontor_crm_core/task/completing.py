"""Completes tasks, and makes those that follow."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from kontor_protos.kontor.crm.v1 import tasks_pb as pb
from sqlalchemy import RowMapping, select

from kontor_crm_core.activity.linking import records_of, shift, touch
from kontor_crm_core.activity.models import ACTIVITIES
from kontor_crm_core.activity.rules import Kind
from kontor_crm_core.activity.writing import Draft, create, known
from kontor_crm_core.moments import past_moment
from kontor_crm_core.owner.directory import owner_named
from kontor_crm_core.record.objects import write
from kontor_crm_core.record.wishes import expected_version
from kontor_crm_core.record.writer import check_version
from kontor_crm_core.recurrence.days import next_day
from kontor_crm_core.recurrence.rules import read_rule
from kontor_crm_core.task.creating import due_columns
from kontor_crm_core.task.rules import Due, Status, due_of, kept_origin, later_of
from kontor_crm_core.when.reading import Clock
from kontor_platform.contract.problem import InvalidField, NotFound
from kontor_platform.data.records.fold import clean
from kontor_platform.data.records.planned import Planned
from kontor_platform.runtime.call import Call, Change

LONGEST_SUBJECT = 200
INHERITED = ("subject", "body", "priority", "owner_id")


@dataclass(frozen=True, slots=True)
class Completed:
    """What became of a task: the fields that changed, none if it was done, the note of its outcome, what follows."""

    changed: list[str]
    note: UUID | None = None
    next: UUID | None = None
    series_over: bool = False


async def complete(call: Call, request: pb.CompleteTaskRequest, time: Clock) -> Completed:
    """Completes the task with all that follows from it, once; raises as `owner_named` does for the next one's owner."""
    owner = await owner_named(call, request.next.owner_id, "next.owner_id") if request.next else None
    row = await known(call, Kind.TASK, request.task_id)
    if row is None:
        raise NotFound()
    if row["status"] == Status.DONE:
        check_version(expected_version(request), row["version"], [])
        return Completed([], next=await successor(call, row["id"]))
    following = follow(request, row, time, owner)
    at = past_moment(request.completed_at, "completed_at", call.now)
    changes = await close(call, request, row, at)
    records = await records_of(call, row["id"])
    call.concerns(*records)
    await shift(call, row["id"], at)
    await touch(call, dict.fromkeys(records, at))
    outcome = clean(request.outcome_note)
    note = (await create(call, outcome_note(row, at, outcome, (*records, row["id"])))).id if outcome else None
    made = (await create(call, following_task(call, following, records))).id if following else None
    return Completed(changes, note, made, series_over=bool(row["recurrence"]) and not (made or request.end_recurrence))


async def close(call: Call, request: pb.CompleteTaskRequest, row: RowMapping, at: datetime) -> list[str]:
    """Stores that the task is done and names what changed; raises VersionConflict."""
    changes = [
        Change("status", row["status"], Status.DONE),
        Change("completed_at", None, at.isoformat()),
        Change("completed_by", None, str(call.actor.actor)),
    ]
    values = {"status": Status.DONE, "completed_at": at, "completed_by": call.actor.actor, "occurred_at": at}
    check_version(expected_version(request), row["version"], changes)
    await write(call, Planned("task", row["id"], row["version"], values, changes, event="task.completed"))
    return [change.field for change in changes]


def outcome_note(row: RowMapping, at: datetime, outcome: str, records: tuple[UUID, ...]) -> Draft:
    """The note that keeps the outcome of a task, on its records and on the task itself."""
    subject = f"Outcome: {row['subject']}"[:LONGEST_SUBJECT]
    return Draft(Kind.NOTE, {"subject": subject, "body": outcome, "occurred_at": at}, records=records)


def follow(request: pb.CompleteTaskRequest, row: RowMapping, time: Clock, owner: UUID | None) -> dict[str, Any] | None:
    """The columns of the task that follows, None if none does; raises InvalidField."""
    recurs = bool(row["recurrence"]) and not request.end_recurrence
    series = next_of_series(row, time) if recurs else None
    asked = request.next
    if asked is None:
        return {**inherited(row), **series, "follows": row["id"]} if series else None
    title = clean(asked.title)
    if asked.title and not title:
        raise InvalidField("A task needs a title.", field="next.title")
    given: dict[str, Any] = {"subject": title, "body": clean(asked.body), "priority": asked.priority}
    given["owner_id"] = owner
    reading = time.read(asked.due, "next.due")
    given |= due_columns(due_of(reading, time.zone)) if reading else {}
    told = {name: value for name, value in given.items() if value or name.startswith("due_")}
    return {**inherited(row), **due_columns(Due()), **(series or {}), **told, "follows": row["id"]}


def inherited(row: RowMapping) -> dict[str, Any]:
    """What a following task has of the one before."""
    return {name: row[name] for name in INHERITED}


def next_of_series(row: RowMapping, time: Clock) -> dict[str, Any] | None:
    """The next task of a series: its first day after the due day and after today, at the series' local time."""
    rule, origin = read_rule(row["recurrence"], time.zone), kept_origin(row["recurs_from"])
    day = next_day(rule, origin.day, later_of(Due(row["due_on"], row["due_at"]), time.now, time.zone))
    if day is None:
        return None
    kept = {"recurrence": row["recurrence"], "recurs_from": row["recurs_from"]}
    return {**due_columns(origin.on(day, time.zone)), **kept}


def following_task(call: Call, values: dict[str, Any], records: tuple[UUID, ...]) -> Draft:
    """The task that follows, about the same records."""
    defaults = {"status": Status.OPEN, "occurred_at": call.now}
    return Draft(Kind.TASK, values, defaults=defaults, records=records, attends=False)


async def successor(call: Call, task: UUID) -> UUID | None:
    """The live task that follows another."""
    columns = ACTIVITIES.c
    mine = (columns.tenant_id == call.actor.tenant, columns.follows == task, columns.deleted_at.is_(None))
    return (await call.session.execute(select(columns.id).where(*mine))).scalar_one_or_none()
