"""Notes and tasks as callers see them, built by the database in one statement."""

from uuid import UUID

from kontor_protos.kontor.crm.v1 import notes_pb, tasks_pb
from sqlalchemy import text

from kontor_platform.data.records.answers import properties_json
from kontor_platform.runtime.call import Call

RECORDS = """(
    SELECT json_agg(json_build_object(
        'id', r.id, 'type', r.object_type, 'name', coalesce(c.name, o.name, d.name, t.subject, ''))
        ORDER BY r.object_type, r.id)
    FROM activity_link l
    JOIN record r ON r.tenant_id = l.tenant_id AND r.id = l.record_id
    LEFT JOIN contact c ON c.tenant_id = r.tenant_id AND c.id = r.id
    LEFT JOIN company o ON o.tenant_id = r.tenant_id AND o.id = r.id
    LEFT JOIN deal d ON d.tenant_id = r.tenant_id AND d.id = r.id
    LEFT JOIN activity t ON t.tenant_id = r.tenant_id AND t.id = r.id
    WHERE l.tenant_id = activity.tenant_id AND l.activity_id = activity.id AND r.deleted_at IS NULL)
"""
# The JSON of the message of one row of the table `activity` that is a note.
NOTE = f"""
json_build_object(
    'id', activity.id, 'version', activity.version, 'subject', activity.subject, 'body', coalesce(activity.body, ''),
    'occurred_at', activity.occurred_at, 'records', {RECORDS}, 'external_id', activity.external_id,
    'author_id', activity.actor_id, 'created_at', activity.created_at, 'updated_at', activity.updated_at,
    'properties', {properties_json("activity")})
"""


def task_view(body: str = "activity.body", truncated: str = "false") -> str:
    """The JSON of the message of one row of the table `activity` that is a task; the body may be another expression."""
    return f"""
json_build_object(
    'id', activity.id, 'version', activity.version, 'title', activity.subject, 'status', activity.status,
    'due_date', activity.due_on, 'due_at', activity.due_at,
    'overdue', activity.status = 'open' AND activity.due_key < now(), 'priority', activity.priority,
    'owner_id', activity.owner_id, 'records', {RECORDS}, 'body', {body}, 'truncated', {truncated},
    'completed_at', activity.completed_at, 'completed_by', activity.completed_by, 'external_id', activity.external_id,
    'created_at', activity.created_at, 'updated_at', activity.updated_at, 'properties', {properties_json("activity")})
"""


TASK = task_view()
ONE_NOTE = text(f"SELECT ({NOTE})::text FROM activity WHERE tenant_id = :tenant AND id = :id")
ONE_TASK = text(f"SELECT ({TASK})::text FROM activity WHERE tenant_id = :tenant AND id = :id")


async def note_message(call: Call, note_id: UUID) -> notes_pb.Note:
    """A stored note."""
    found = await call.session.execute(ONE_NOTE, {"tenant": call.actor.tenant, "id": note_id})
    return notes_pb.Note.from_json(found.scalar_one())


async def task_message(call: Call, task_id: UUID) -> tasks_pb.Task:
    """A stored task."""
    found = await call.session.execute(ONE_TASK, {"tenant": call.actor.tenant, "id": task_id})
    return tasks_pb.Task.from_json(found.scalar_one())
