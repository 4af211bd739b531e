"""Activities as callers see them, built by the database: an expression gives the message of one row of `activity`."""

from typing import TypeVar
from uuid import UUID

from kontor_protos.kontor.crm.v1 import calls_pb, emails_pb, meetings_pb, notes_pb, tasks_pb
from protobuf import Message
from sqlalchemy import text

from kontor_platform.data.records.answers import properties_json
from kontor_platform.runtime.call import Call

M = TypeVar("M", bound=Message)

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
PEOPLE = """(
    SELECT json_agg(json_build_object(
        'role', p.role, 'name', p.name, 'email', p.email, 'phone', p.phone,
        'contact', CASE WHEN c.id IS NOT NULL THEN json_build_object('id', c.id, 'type', 'contact', 'name', c.name) END)
        ORDER BY p.position)
    FROM activity_participant p
    LEFT JOIN contact c ON c.tenant_id = p.tenant_id AND c.id = p.contact_id AND c.deleted_at IS NULL
    WHERE p.tenant_id = activity.tenant_id AND p.activity_id = activity.id)
"""
COMMON = f"""
    'id', activity.id, 'version', activity.version, 'subject', activity.subject, 'body', coalesce(activity.body, ''),
    'records', {RECORDS}, 'author_id', activity.actor_id, 'created_at', activity.created_at,
    'updated_at', activity.updated_at, 'properties', {properties_json("activity")}
"""
NOTE = f"""
json_build_object({COMMON}, 'occurred_at', activity.occurred_at, 'external_id', activity.external_id)
"""
CALL = f"""
json_build_object({COMMON}, 'occurred_at', activity.occurred_at, 'external_id', activity.external_id,
    'direction', activity.direction, 'outcome', activity.outcome, 'duration_s', activity.duration_s,
    'participants', {PEOPLE}, 'left_out', activity.left_out)
"""
MEETING = f"""
json_build_object({COMMON}, 'starts_at', activity.occurred_at, 'ends_at', activity.ended_at,
    'external_id', activity.external_id, 'location', activity.location, 'outcome', activity.outcome,
    'attendees', {PEOPLE}, 'left_out', activity.left_out)
"""
EMAIL = f"""
json_build_object({COMMON}, 'sent_at', activity.occurred_at, 'message_id', activity.external_id,
    'thread_id', activity.thread_id, 'direction', activity.direction, 'participants', {PEOPLE},
    'left_out', activity.left_out,
    'thread_size', (SELECT count(*) FROM activity m WHERE m.tenant_id = activity.tenant_id
        AND m.thread_id = activity.thread_id AND m.deleted_at IS NULL))
"""


def task_view(body: str = "activity.body", truncated: str = "false") -> str:
    """The message of a task; its body may be another expression."""
    return f"""
json_build_object(
    'id', activity.id, 'version', activity.version, 'title', activity.subject, 'status', activity.status,
    'due_date', activity.due_on, 'due_at', activity.due_at,
    'overdue', activity.status = 'open' AND activity.due_key < clock_timestamp(), 'priority', activity.priority,
    'owner_id', activity.owner_id, 'records', {RECORDS}, 'body', {body}, 'truncated', {truncated},
    'completed_at', activity.completed_at, 'completed_by', activity.completed_by, 'external_id', activity.external_id,
    'recurrence', activity.recurrence, 'follows_id', activity.follows,
    'created_at', activity.created_at, 'updated_at', activity.updated_at, 'properties', {properties_json("activity")})
"""


TASK = task_view()
VIEWS = {"note": NOTE, "call": CALL, "meeting": MEETING, "email": EMAIL, "task": TASK}
# The message of an activity of any kind.
ANY = "CASE activity.kind " + " ".join(f"WHEN '{kind}' THEN {view}" for kind, view in VIEWS.items()) + " END"
ONE = {
    kind: text(f"SELECT ({view})::text FROM activity WHERE tenant_id = :tenant AND id = :id")
    for kind, view in VIEWS.items()
}


async def note_message(call: Call, note: UUID) -> notes_pb.Note:
    """A stored note."""
    return await message(call, "note", note, notes_pb.Note)


async def call_message(call: Call, phone_call: UUID) -> calls_pb.PhoneCall:
    """A stored call."""
    return await message(call, "call", phone_call, calls_pb.PhoneCall)


async def meeting_message(call: Call, meeting: UUID) -> meetings_pb.Meeting:
    """A stored meeting."""
    return await message(call, "meeting", meeting, meetings_pb.Meeting)


async def email_message(call: Call, email: UUID) -> emails_pb.Email:
    """A stored e-mail."""
    return await message(call, "email", email, emails_pb.Email)


async def task_message(call: Call, task: UUID) -> tasks_pb.Task:
    """A stored task."""
    return await message(call, "task", task, tasks_pb.Task)


async def message(call: Call, kind: str, activity: UUID, told: type[M]) -> M:
    """A stored activity of a kind."""
    found = await call.session.execute(ONE[kind], {"tenant": call.actor.tenant, "id": activity})
    return told.from_json(found.scalar_one())
