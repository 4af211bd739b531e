"""Creates tasks."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from kontor_protos.kontor.crm.v1 import tasks_pb as pb

from kontor_crm_core.activity.writing import Draft, change, known, store
from kontor_crm_core.owner.directory import owner_named
from kontor_crm_core.refs import live_refs
from kontor_crm_core.task.rules import Due, DueUnreadable, Status, read_due
from kontor_platform.contract.problem import JSON, InvalidField
from kontor_platform.data.records.fold import clean
from kontor_platform.runtime.call import Call, Change

SUBJECTS = ("contact", "company", "deal")
FIELDS = {"subject": "title", "due_on": "due_date", "due_at": "due_at"}
DEFAULT_PRIORITY = "normal"


@dataclass(frozen=True, slots=True)
class Made:
    """What became of a task, and what changed."""

    id: UUID
    outcome: str
    changed: list[str]


async def create(call: Call, request: pb.CreateTaskRequest, due: Due) -> Made:
    """Creates a task, or changes what differs in the one that has the same external id."""
    draft = await read_task(request, call, due)
    await live_refs(call, draft.records, SUBJECTS)
    present = await known(call, "task", draft.external_id or "")
    if present is None:
        return Made(await store(call, draft), "created", [*draft.fields, *(["record_ids"] if draft.records else [])])
    wanted = given(request, draft)
    changes = [
        Change(FIELDS.get(field, field), in_json(present[field]), in_json(value))
        for field, value in wanted.items()
        if present[field] != value and field != "due_key"
    ]
    changed = await change(call, present, changes, wanted, draft.records)
    return Made(present["id"], "updated" if changed else "unchanged", changed)


def due_of(text: str, call: Call) -> Due:
    """When the task is due in the tenant's time zone; raises InvalidField."""
    try:
        return read_due(clean(text), ZoneInfo(call.actor.settings.time_zone))
    except DueUnreadable as error:
        raise InvalidField(DueUnreadable.__doc__ or "", field="due") from error


async def read_task(request: pb.CreateTaskRequest, call: Call, due: Due) -> Draft:
    """The task as it shall be; raises InvalidField for a blank title, and as `owner_named` does."""
    title = clean(request.title)
    if not title:
        raise InvalidField("A task needs a title.", field="title")
    draft = Draft(
        kind="task",
        subject=title,
        body=clean(request.body) or None,
        occurred_at=call.now,
        records=tuple(dict.fromkeys(UUID(each) for each in request.record_ids)),
        external_id=clean(request.external_id) or None,
        values={
            "status": Status.OPEN,
            "priority": request.priority or DEFAULT_PRIORITY,
            "owner_id": await owner_named(call, request.owner_id) or call.actor.owner,
            "due_on": due.on,
            "due_at": due.at,
            "due_key": due.key,
        },
    )
    return replace(draft, fields=fields(draft))


def fields(draft: Draft) -> Mapping[str, JSON]:
    """The task's fields as callers name them, those without a value left out."""
    every: dict[str, Any] = {
        "title": draft.subject,
        "body": draft.body,
        "external_id": draft.external_id,
        **draft.values,
    }
    named = {FIELDS.get(field, field): in_json(value) for field, value in every.items() if field != "due_key"}
    return {field: value for field, value in named.items() if value is not None}


def given(request: pb.CreateTaskRequest, draft: Draft) -> dict[str, object]:
    """The columns that the request says something about."""
    wanted: dict[str, object] = {"subject": draft.subject}
    wanted |= {"body": draft.body} if draft.body else {}
    for field in ("priority", "owner_id"):
        wanted |= {field: draft.values[field]} if getattr(request, field) else {}
    if request.due:
        wanted |= {field: draft.values[field] for field in ("due_on", "due_at", "due_key")}
    return wanted


def in_json(value: object) -> JSON:
    """A value as the change log tells it."""
    if isinstance(value, datetime | date):
        return value.isoformat()
    return None if value is None else str(value)
