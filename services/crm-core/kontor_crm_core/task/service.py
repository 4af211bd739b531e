"""The rpc methods of tasks."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID
from zoneinfo import ZoneInfo

from kontor_protos.kontor.crm.v1 import common_pb
from kontor_protos.kontor.crm.v1 import tasks_pb as pb

from kontor_crm_core.activity.views import task_message
from kontor_crm_core.paging import fitting, scope, size
from kontor_crm_core.task.completing import complete
from kontor_crm_core.task.creating import create, due_of
from kontor_crm_core.task.queries import Wanted, count, page
from kontor_crm_core.task.rules import Due, Status, bucket_range
from kontor_platform.runtime.call import Call

STATUSES = {"": (Status.OPEN,), "open": (Status.OPEN,), "done": (Status.DONE,), "all": (Status.OPEN, Status.DONE)}


class Tasks:
    """Creates, completes and lists tasks."""

    implements = "kontor.crm.v1.Tasks"

    async def create_task(self, request: pb.CreateTaskRequest, call: Call) -> pb.CreateTaskResponse:
        """Creates a task, or changes the one that has the same external id."""
        due = due_of(request.due, call)
        made = await create(call, request, due)
        task = await task_message(call, made.id)
        return pb.CreateTaskResponse(
            summary=f"{made.outcome.capitalize()}: {task.title}, {due_words(due, call)}.",
            outcome=made.outcome,
            task=task,
            changed=made.changed,
            warnings=[skipped_warning(due, call)] if due.shifted else [],
        )

    async def complete_task(self, request: pb.CompleteTaskRequest, call: Call) -> pb.CompleteTaskResponse:
        """Completes a task once."""
        changed, note = await complete(call, request)
        task = await task_message(call, UUID(request.task_id))
        return pb.CompleteTaskResponse(
            summary=f"{task.title} is done." if changed else f"{task.title} was done already.",
            outcome="updated" if changed else "unchanged",
            task=task,
            changed=changed,
            warnings=[unkept_warning()] if request.outcome_note and not changed else [],
            note_id=str(note) if note else None,
        )

    async def list_tasks(self, request: pb.ListTasksRequest, call: Call) -> pb.ListTasksResponse:
        """Lists a page of tasks, the soonest due first."""
        tenant, wanted, bound = call.actor.tenant, wanted_tasks(request, call), scope(call, request)
        after = position(call.cursors.decode(request.cursor, bound)) if request.cursor else None
        rows = (await call.session.execute(page(tenant, wanted, after, size(request) + 1))).all()
        total: int = (await call.session.execute(count(tenant, wanted))).scalar_one()
        tasks = [pb.Task.from_json(row.told) for row in rows[: size(request)]]
        shown = fitting(tasks)
        last = rows[len(shown) - 1] if len(shown) < len(rows) else None
        return pb.ListTasksResponse(
            summary=f"{total} task{'s' * (total != 1)} found.",
            tasks=list(shown),
            total=total,
            next_cursor=call.cursors.encode([last.due_key.isoformat(), str(last.id)], bound) if last else "",
            time_zone=call.actor.settings.time_zone,
            truncated=len(shown) < len(tasks) or any(task.truncated for task in shown),
        )


def wanted_tasks(request: pb.ListTasksRequest, call: Call) -> Wanted:
    """The conditions of the request, days meant in the tenant's time zone."""
    zone = ZoneInfo(call.actor.settings.time_zone)
    me = call.actor.owner or call.actor.actor
    return Wanted(
        owner=me if request.owner_id == "me" else UUID(request.owner_id) if request.owner_id else None,
        statuses=STATUSES[request.status],
        due=bucket_range(request.due, call.now, zone) if request.due else None,
        record=UUID(request.record_id) if request.record_id else None,
    )


def position(values: Sequence[object]) -> tuple[datetime, UUID]:
    """The place in the list that a cursor holds."""
    due, task = values
    return datetime.fromisoformat(str(due)), UUID(str(task))


def due_words(due: Due, call: Call) -> str:
    """When the task is due, as it was read."""
    if due.at:
        zone = call.actor.settings.time_zone
        return f"due {due.at.astimezone(ZoneInfo(zone)).isoformat()} ({zone})"
    return f"due on {due.on.isoformat()}" if due.on else "no due day"


def skipped_warning(due: Due, call: Call) -> common_pb.Warning:
    """Tells that the time given does not exist."""
    return common_pb.Warning(
        code="time_skipped",
        message=f"The clock change skips that time; it was read as {due_words(due, call)}.",
        field="due",
    )


def unkept_warning() -> common_pb.Warning:
    """Tells that the outcome of a task that was done already was not kept."""
    message = "The task was done already, so its outcome was left as it is; write a note with crm_create_note."
    return common_pb.Warning(code="outcome_ignored", message=message, field="outcome_note")
