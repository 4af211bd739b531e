"""Reads of tasks."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, exists, func, literal_column, select, tuple_

from kontor_crm_core.activity.models import ACTIVITIES, LINKS
from kontor_crm_core.activity.views import task_view

LONGEST_BODY = 500
CUT, IS_CUT = f"left(activity.body, {LONGEST_BODY})", f"coalesce(length(activity.body) > {LONGEST_BODY}, false)"
SHORT: ColumnElement[str] = literal_column(f"({task_view(CUT, IS_CUT)})::text")


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which tasks are asked for; None leaves a condition out."""

    owner: UUID | None
    statuses: tuple[str, ...]
    due: tuple[datetime, datetime] | None
    record: UUID | None


def matching(tenant: UUID, wanted: Wanted) -> Select[Any]:
    """Keys of the tasks asked for."""
    task = ACTIVITIES.c
    found = select(task.due_key, task.id).where(
        task.tenant_id == tenant, task.kind == "task", task.deleted_at.is_(None), task.status.in_(wanted.statuses)
    )
    if wanted.owner:
        found = found.where(task.owner_id == wanted.owner)
    if wanted.due:
        found = found.where(task.due_key >= wanted.due[0], task.due_key < wanted.due[1])
    if wanted.record:
        link = (LINKS.c.tenant_id == tenant, LINKS.c.record_id == wanted.record, LINKS.c.activity_id == task.id)
        found = found.where(exists().where(*link))
    return found


def page(tenant: UUID, wanted: Wanted, after: tuple[datetime, UUID] | None, rows: int) -> Select[Any]:
    """A page of tasks, the soonest due first: key and message of each."""
    keys = matching(tenant, wanted)
    if after:
        keys = keys.where(tuple_(ACTIVITIES.c.due_key, ACTIVITIES.c.id) > tuple_(*after))
    chosen = keys.order_by(ACTIVITIES.c.due_key, ACTIVITIES.c.id).limit(rows).cte("chosen")
    return (
        select(ACTIVITIES.c.due_key, ACTIVITIES.c.id, SHORT.label("told"))
        .join(chosen, ACTIVITIES.c.id == chosen.c.id)
        .where(ACTIVITIES.c.tenant_id == tenant)
        .order_by(ACTIVITIES.c.due_key, ACTIVITIES.c.id)
    )


def count(tenant: UUID, wanted: Wanted) -> Select[Any]:
    """How many tasks are asked for."""
    return select(func.count()).select_from(matching(tenant, wanted).subquery())
