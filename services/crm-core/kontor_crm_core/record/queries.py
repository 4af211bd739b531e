"""Statements that read one record and what hangs on it, each in one round trip."""

from kontor_crm_core.activity.views import ANY, TASK
from kontor_crm_core.record.redirects import LED_ON
from kontor_crm_core.record.views import COMPANY, CONTACT, DEAL, STAGED
from kontor_platform.data.records.answers import SEEN, changes_json

VIEWS = {
    "contact": ("contact", "contact", CONTACT),
    "company": ("company", "company", COMPANY),
    "deal": ("deal", STAGED, DEAL),
    "task": ("activity", "activity", TASK),
    "activity": ("activity", "activity", ANY),
}
BY_TYPE = "\n".join(
    f"WHEN '{kind}' THEN (SELECT ({view})::text FROM {source} "
    f"WHERE {table}.tenant_id = record.tenant_id AND {table}.id = record.id)"
    for kind, (table, source, view) in VIEWS.items()
)
RECORD = f"""
SELECT record.id, record.object_type AS type, record.deleted_at,
    CASE WHEN record.object_type = 'activity' THEN (SELECT activity.kind FROM activity
        WHERE activity.tenant_id = record.tenant_id AND activity.id = record.id) END AS kind,
    CASE record.object_type {BY_TYPE} END AS record
FROM record WHERE record.tenant_id = %(tenant)s AND record.id = {LED_ON}
"""
PROPERTY_NAMES = f"""
SELECT p.name FROM property_definition p
WHERE p.tenant_id = %(tenant)s AND p.object_type = %(object_type)s AND p.archived_at IS NULL AND {SEEN}
ORDER BY p.name
"""
# The changes of a record and of those that became part of it, each read from its newest back.
HISTORY = f"""
SELECT json_build_object('version', version, 'changes', {changes_json()},
    'actor_kind', actor_kind, 'actor_id', actor_id, 'on_behalf_of', on_behalf_of, 'operation_id', operation_id,
    'at', at, 'record_id', nullif(record_id, %(id)s::uuid))::text AS change
FROM (
    SELECT record_change.* FROM (
        SELECT %(id)s::uuid AS id
        UNION ALL
        SELECT d.old_id FROM redirect d WHERE d.tenant_id = %(tenant)s AND d.present_id = %(id)s::uuid
    ) AS mine
    CROSS JOIN LATERAL (SELECT * FROM record_change c WHERE c.tenant_id = %(tenant)s AND c.record_id = mine.id
        ORDER BY c.version DESC LIMIT %(limit)s) AS record_change
) AS record_change
ORDER BY at DESC, version DESC LIMIT %(limit)s
"""
COUNTS = """
SELECT json_build_object(
    'contacts', count(*) FILTER (WHERE far.type = 'contact'),
    'companies', count(*) FILTER (WHERE far.type = 'company'),
    'deals', count(*) FILTER (WHERE far.type = 'deal'),
    'open_deals', count(*) FILTER (WHERE deal.stage_kind = 'open'),
    'activities', (SELECT count(*) FROM activity_link l
        WHERE l.tenant_id = {tenant} AND l.record_id = {id} AND l.live AND l.kind <> 'task'),
    'open_tasks', (SELECT count(*) FROM activity_link l
        JOIN activity t ON t.tenant_id = l.tenant_id AND t.id = l.activity_id
        WHERE l.tenant_id = {tenant} AND l.record_id = {id} AND l.live AND l.kind = 'task' AND t.status = 'open'))
FROM (
    SELECT a.to_type AS type, a.to_id AS id FROM association a
    WHERE a.tenant_id = {tenant} AND a.from_id = {id}
    UNION
    SELECT a.from_type, a.from_id FROM association a WHERE a.tenant_id = {tenant} AND a.to_id = {id}
) far
JOIN record r ON r.tenant_id = {tenant} AND r.id = far.id AND r.deleted_at IS NULL
LEFT JOIN deal ON far.type = 'deal' AND deal.tenant_id = {tenant} AND deal.id = far.id
"""
COUNTS_OF_ONE = f"SELECT ({COUNTS.format(tenant='%(tenant)s', id='%(id)s')})::text AS counts"
