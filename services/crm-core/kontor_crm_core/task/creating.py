"""Creates tasks and edits them."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from kontor_protos.kontor.crm.v1 import tasks_pb as pb
from sqlalchemy import RowMapping

from kontor_crm_core.activity.rules import Kind
from kontor_crm_core.activity.writing import Draft, Saved, known, save
from kontor_crm_core.owner.directory import owner_named
from kontor_crm_core.record.redirects import led_on
from kontor_crm_core.record.wishes import expected_version
from kontor_crm_core.recurrence.rules import BadRule, Rule, read_rule
from kontor_crm_core.refs import SUBJECTS, live_refs
from kontor_crm_core.task.rules import Due, Origin, Status, due_of, kept_origin, origin_of
from kontor_crm_core.when.reading import Clock
from kontor_crm_core.when.rules import Reading
from kontor_platform.contract.problem import InvalidField
from kontor_platform.data.records.fold import clean
from kontor_platform.runtime.call import Call

DEFAULT_PRIORITY = "normal"
NOT_DUE: dict[str, Any] = {"due_on": None, "due_at": None, "due_key": Due().key}


@dataclass(frozen=True, slots=True)
class Asked:
    """What a request says of a task, read."""

    title: str
    due: Reading | None
    rule: Rule | None
    external_id: str
    clear: frozenset[str]


async def create(call: Call, request: pb.CreateTaskRequest, time: Clock) -> Saved:
    """Makes a task, or changes the one meant by its id or external id."""
    request = await led_on(call, request, "record_ids")
    asked, owner = read(request, time), await owner_named(call, request.owner_id)
    await live_refs(call, [UUID(each) for each in request.record_ids], SUBJECTS)
    present = await known(call, Kind.TASK, request.id, asked.external_id)
    if present is None and not asked.title:
        raise InvalidField("A new task needs a title.", field="title")
    values = columns(request, asked, time, owner) | recurring(asked, present, time)
    draft = Draft(
        Kind.TASK,
        values,
        defaults=defaults(call),
        records=tuple(dict.fromkeys(UUID(each) for each in request.record_ids)),
        expected_version=expected_version(request),
        attends=False,
    )
    return await save(call, draft, present)


def read(request: pb.CreateTaskRequest, time: Clock) -> Asked:
    """The request, read; raises InvalidField."""
    title, clear = clean(request.title), frozenset(request.clear)
    if request.title and not title:
        raise InvalidField("A task needs a title.", field="title")
    for name in clear:
        if getattr(request, name):
            raise InvalidField(f"{name} is both given and cleared; leave one of them out.", field="clear")
    due = time.read(request.due, "due")
    return Asked(title, due, rule_of(request.recurrence, time), clean(request.external_id), clear)


def rule_of(text: str, time: Clock) -> Rule | None:
    """The recurrence given, None if none; raises InvalidField."""
    if not clean(text):
        return None
    try:
        return read_rule(clean(text), time.zone)
    except BadRule as bad:
        raise InvalidField(str(bad), field="recurrence", allowed=bad.allowed) from bad


def columns(request: pb.CreateTaskRequest, asked: Asked, time: Clock, owner: UUID | None) -> dict[str, Any]:
    """The columns that the request says something about, recurrence aside."""
    texts = {"subject": asked.title, "body": clean(request.body), "priority": request.priority}
    values: dict[str, Any] = {name: text for name, text in texts.items() if text}
    values |= {"owner_id": owner} if owner else {}
    values |= {"external_id": asked.external_id} if asked.external_id else {}
    values |= due_columns(due_of(asked.due, time.zone)) if asked.due else {}
    values |= {name: None for name in ("body", "owner_id") if name in asked.clear}
    return values | (NOT_DUE if "due" in asked.clear else {})


def due_columns(due: Due) -> dict[str, Any]:
    """The columns of a due day or time."""
    return {"due_on": due.on, "due_at": due.at, "due_key": due.key}


def recurring(asked: Asked, present: RowMapping | None, time: Clock) -> dict[str, Any]:
    """The columns of the recurrence; raises InvalidField for one that the due day does not fit."""
    ends = "recurrence" in asked.clear or "due" in asked.clear
    if asked.rule is None:
        return {"recurrence": None, "recurs_from": None} if ends else {}
    origin = begins(asked, present, time)
    if origin is None or "due" in asked.clear:
        raise InvalidField("A task that recurs needs a due day.", field="due")
    if not asked.rule.allows(origin.day):
        raise InvalidField(f"{origin.day.isoformat()} is no day of {asked.rule}.", field="recurrence")
    return {"recurrence": str(asked.rule), "recurs_from": str(origin)}


def begins(asked: Asked, present: RowMapping | None, time: Clock) -> Origin | None:
    """Where the series begins: at the due day given, else at the present one; a repeat leaves it where it began."""
    if present and present["recurrence"] == str(asked.rule) and not moved(asked, present, time):
        return kept_origin(present["recurs_from"])
    if asked.due:
        return origin_of(due_of(asked.due, time.zone), time.zone, asked.due.local)
    return origin_of(Due(present["due_on"], present["due_at"]), time.zone) if present else None


def moved(asked: Asked, present: RowMapping, time: Clock) -> bool:
    """Whether the request gives another due day or time than the present one."""
    due = due_of(asked.due, time.zone)
    return asked.due is not None and (due.on, due.at) != (present["due_on"], present["due_at"])


def defaults(call: Call) -> dict[str, Any]:
    """What a new task begins with."""
    return {
        "status": Status.OPEN,
        "priority": DEFAULT_PRIORITY,
        "owner_id": call.actor.owner,
        "occurred_at": call.now,
        **NOT_DUE,
    }
