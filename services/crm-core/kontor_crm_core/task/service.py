"""The rpc methods of tasks."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID
from zoneinfo import ZoneInfo

from kontor_protos.kontor.crm.v1 import common_pb
from kontor_protos.kontor.crm.v1 import tasks_pb as pb

from kontor_crm_core.activity.views import task_message
from kontor_crm_core.paging import fitting, scope, size
from kontor_crm_core.record.redirects import led_on
from kontor_crm_core.task.completing import Completed, complete
from kontor_crm_core.task.creating import create
from kontor_crm_core.task.queries import Wanted, count, page
from kontor_crm_core.task.rules import Status, bucket_range
from kontor_crm_core.when.reading import Clock, clock
from kontor_platform.runtime.call import Call

STATUSES = {"": (Status.OPEN,), "open": (Status.OPEN,), "done": (Status.DONE,), "all": (Status.OPEN, Status.DONE)}


class Tasks:
    """Creates, completes and lists tasks."""

    implements = "kontor.crm.v1.Tasks"

    async def create_task(self, request: pb.CreateTaskRequest, call: Call) -> pb.CreateTaskResponse:
        """Makes a task, or changes the one meant by its id or external id."""
        time = clock(call)
        made = await create(call, request, time)
        task = await task_message(call, made.id)
        return pb.CreateTaskResponse(
            summary=f"{made.outcome.capitalize()}: {task.title}, {due_words(task, time)}.",
            outcome=made.outcome,
            task=task,
            changed=list(made.changed),
            warnings=time.warnings,
        )

    async def complete_task(self, request: pb.CompleteTaskRequest, call: Call) -> pb.CompleteTaskResponse:
        """Completes a task once, and makes the one that follows."""
        time = clock(call)
        done = await complete(call, request, time)
        task = await task_message(call, UUID(request.task_id))
        following = await task_message(call, done.next) if done.next else None
        unkept = (request.outcome_note or request.next) and not done.changed
        return pb.CompleteTaskResponse(
            summary=finished(task, following, done, time),
            outcome="updated" if done.changed else "unchanged",
            task=task,
            changed=done.changed,
            warnings=[*time.warnings, unkept_warning()] if unkept else time.warnings,
            note_id=str(done.note) if done.note else None,
            next=following,
        )

    async def list_tasks(self, request: pb.ListTasksRequest, call: Call) -> pb.ListTasksResponse:
        """Lists a page of tasks, the soonest due first."""
        tenant, bound = call.actor.tenant, scope(call, request)
        wanted = wanted_tasks(await led_on(call, request, "record_id"), call)
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


def due_words(task: pb.Task, time: Clock) -> str:
    """When the task is due, as it was read, and how it recurs."""
    recurs = f", {task.recurrence}" if task.recurrence else ""
    if task.due_at:
        return f"due {time.words(task.due_at.to_datetime())}{recurs}"
    return f"due on {task.due_date}{recurs}" if task.due_date else "no due day"


def finished(task: pb.Task, following: pb.Task | None, done: Completed, time: Clock) -> str:
    """What happened, in one sentence or two."""
    told = f"{task.title} is done." if done.changed else f"{task.title} was done already."
    if following:
        return f"{told} It is followed by {following.title}, {due_words(following, time)}."
    return f"{told} It was the last of its series." if done.series_over else told


def unkept_warning() -> common_pb.Warning:
    """Tells that what was given for a task that was done already was not kept."""
    message = (
        "The task was done already, so its outcome and what follows were left as they are; "
        "write a note with crm_create_note or a task with crm_create_task."
    )
    return common_pb.Warning(code="outcome_ignored", message=message, field="outcome_note")
