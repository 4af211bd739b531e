"""Statements of lookup and search."""

from kontor_crm_core.record.views import COMPANY, CONTACT

IDENTIFY = """
WITH found AS (
    SELECT 'id' AS key, r.object_type AS type, r.id, NULL::uuid AS merged FROM record r
    WHERE r.tenant_id = %(tenant)s AND r.id = %(id)s::uuid AND r.deleted_at IS NULL
    UNION ALL
    SELECT 'id', r.object_type, r.id, d.old_id FROM redirect d
    JOIN record r ON r.tenant_id = d.tenant_id AND r.id = d.present_id AND r.deleted_at IS NULL
    WHERE d.tenant_id = %(tenant)s AND d.old_id = %(id)s::uuid
    UNION ALL
    SELECT 'email', 'contact', e.contact_id, NULL FROM contact_email e
    WHERE e.tenant_id = %(tenant)s AND e.email_key = %(email)s AND e.live
    UNION ALL
    (SELECT 'phone', s.object_type, s.record_id, NULL FROM search_term s
    WHERE s.tenant_id = %(tenant)s AND s.object_type IN ('contact', 'company') AND s.term = ANY(%(phones)s)
        AND s.fields & %(phone_field)s <> 0 LIMIT %(limit)s)
    UNION ALL
    SELECT 'domain', 'company', d.company_id, NULL FROM company_domain d
    WHERE d.tenant_id = %(tenant)s AND d.domain = %(domain)s AND d.live
    UNION ALL
    (SELECT 'external_id', x.object_type, x.record_id, NULL FROM external_id x
    WHERE x.tenant_id = %(tenant)s AND x.value = %(query)s AND x.live AND x.object_type IN ('contact', 'company')
    LIMIT %(limit)s)
    UNION ALL
    (SELECT 'name', 'contact', c.id, NULL FROM contact c
    WHERE c.tenant_id = %(tenant)s AND c.name_key = %(name)s AND c.deleted_at IS NULL ORDER BY c.id LIMIT %(limit)s)
    UNION ALL
    (SELECT 'name', 'company', o.id, NULL FROM company o
    WHERE o.tenant_id = %(tenant)s AND o.name_key = %(name)s AND o.deleted_at IS NULL ORDER BY o.id LIMIT %(limit)s)
)
SELECT f.id, f.type, f.keys, f.merged, coalesce(c.name, o.name) AS name
FROM (
    SELECT id, type, array_agg(DISTINCT key) AS keys, (array_agg(merged))[1] AS merged FROM found
    WHERE type IN ('contact', 'company') GROUP BY id, type ORDER BY id LIMIT %(limit)s
) f
LEFT JOIN contact c ON c.tenant_id = %(tenant)s AND c.id = f.id
LEFT JOIN company o ON o.tenant_id = %(tenant)s AND o.id = f.id
ORDER BY f.id
"""
SUBJECT = """
subject AS (
    SELECT '{kind}' AS type, {kind}.id, {kind}.owner_id, {view} AS record FROM {kind}
    WHERE {kind}.tenant_id = %(tenant)s AND {kind}.id = %(id)s
)
"""
EMPLOYER = f"""
(SELECT {COMPANY} FROM company
    WHERE company.tenant_id = %(tenant)s AND company.id = (subject.record -> 'company' ->> 'id')::uuid)
"""
# Both directions of a link; each is read up to a bound, so that a company of many people is answered as fast.
# OFFSET 0 has the far ends read by their keys, one by one: a join might read their table whole.
LINKED = """
(SELECT count(*) FROM (
    SELECT FROM (
        (SELECT a.to_id AS id FROM association a
        WHERE a.tenant_id = %(tenant)s AND a.from_id = %(id)s AND a.to_type = '{0}' LIMIT %(most)s)
        UNION
        (SELECT a.from_id FROM association a
        WHERE a.tenant_id = %(tenant)s AND a.to_id = %(id)s AND a.from_type = '{0}' LIMIT %(most)s)
    ) far
    CROSS JOIN LATERAL (SELECT FROM record r
        WHERE r.tenant_id = %(tenant)s AND r.id = far.id AND r.deleted_at IS NULL OFFSET 0) AS live
    LIMIT %(most)s
) AS counted)
"""
PICTURE = """
WITH RECURSIVE {subject},
hidden AS (
    SELECT s.id FROM segment s WHERE s.tenant_id = %(tenant)s AND EXISTS (SELECT FROM property_definition d
        WHERE d.tenant_id = s.tenant_id AND d.id = ANY(s.property_ids) AND d.personal = 'restricted')
    UNION
    SELECT s.id FROM segment s JOIN hidden h ON h.id = ANY(s.segment_ids) WHERE s.tenant_id = %(tenant)s
),
held AS MATERIALIZED (
    SELECT s.id, s.key, s.name FROM segment_member m
    JOIN segment s ON s.tenant_id = m.tenant_id AND s.id = m.segment_id AND s.deleted_at IS NULL
    WHERE m.tenant_id = %(tenant)s AND m.record_id = %(id)s
        AND (%(restricted)s OR s.id NOT IN (SELECT id FROM hidden))
),
deals AS MATERIALIZED (
    SELECT deal.id, deal.name, deal.stage_id, deal.stage_kind, deal.stage_entered_at, deal.amount, deal.currency,
        deal.probability, deal.close_date
    FROM (
        (SELECT a.from_id AS id FROM association a
        WHERE a.tenant_id = %(tenant)s AND a.to_id = %(id)s AND a.from_type = 'deal' LIMIT %(most)s)
        UNION
        (SELECT a.to_id FROM association a
        WHERE a.tenant_id = %(tenant)s AND a.from_id = %(id)s AND a.to_type = 'deal' LIMIT %(most)s)
    ) AS mine
    CROSS JOIN LATERAL (SELECT * FROM deal d
        WHERE d.tenant_id = %(tenant)s AND d.id = mine.id AND d.deleted_at IS NULL OFFSET 0) AS deal
    LIMIT %(most)s
),
open_deals AS (
    SELECT deals.*, stage.label FROM deals
    JOIN stage ON stage.tenant_id = %(tenant)s AND stage.id = deals.stage_id
    WHERE deals.stage_kind = 'open' ORDER BY deals.close_date NULLS LAST, deals.id LIMIT 5
),
last_activities AS (
    SELECT v.* FROM (SELECT l.activity_id FROM activity_link l WHERE l.tenant_id = %(tenant)s AND l.record_id = %(id)s
        AND l.live AND l.kind <> 'task' ORDER BY l.occurred_at DESC, l.activity_id DESC LIMIT 5) AS l
    JOIN activity v ON v.tenant_id = %(tenant)s AND v.id = l.activity_id
),
tasks AS MATERIALIZED (
    SELECT v.id, v.subject, v.due_on, v.due_key, v.priority, v.owner_id
    FROM (SELECT l.activity_id FROM activity_link l WHERE l.tenant_id = %(tenant)s AND l.record_id = %(id)s AND l.live
        AND l.kind = 'task' ORDER BY l.activity_id DESC LIMIT %(most)s) AS l
    CROSS JOIN LATERAL (SELECT * FROM activity t
        WHERE t.tenant_id = %(tenant)s AND t.id = l.activity_id AND t.status = 'open' OFFSET 0) AS v
)
SELECT json_build_object(
    'type', subject.type, {records},
    'owner', CASE WHEN subject.owner_id IS NOT NULL THEN json_build_object('id', subject.owner_id) END,
    'open_deals', (SELECT json_agg(json_build_object('id', id, 'name', name, 'stage', label, 'days_in_stage',
        greatest(floor(extract(epoch FROM clock_timestamp() - stage_entered_at) / 86400), 0)::int,
        'amount', amount::text, 'currency', currency, 'probability', probability, 'close_date', close_date)
        ORDER BY close_date NULLS LAST, id) FROM open_deals),
    'last_activities', (SELECT json_agg(json_build_object('id', id, 'kind', kind, 'occurred_at', occurred_at,
        'line', left(coalesce(nullif(subject, ''), body), 200)) ORDER BY occurred_at DESC, id DESC)
        FROM last_activities),
    'open_tasks', (SELECT json_agg(json_build_object('id', id, 'title', left(subject, 200), 'due_date', due_on,
        'priority', priority, 'owner_id', owner_id) ORDER BY due_key, id)
        FROM (SELECT * FROM tasks ORDER BY due_key, id LIMIT 5) AS urgent),
    'segments', (SELECT json_agg(json_build_object('id', id, 'key', key, 'name', name) ORDER BY key)
        FROM (SELECT * FROM held ORDER BY key LIMIT 5) AS first),
    'segment_count', (SELECT count(*) FROM held),
    'counts', json_build_object(
        'contacts', {contacts}, 'companies', {companies},
        'deals', (SELECT count(*) FROM deals),
        'open_deals', (SELECT count(*) FROM deals WHERE stage_kind = 'open'),
        'activities', (SELECT count(*) FROM (SELECT FROM activity_link l WHERE l.tenant_id = %(tenant)s
            AND l.record_id = %(id)s AND l.live AND l.kind <> 'task'
            ORDER BY l.occurred_at DESC, l.activity_id DESC LIMIT %(most)s) AS counted),
        'open_tasks', (SELECT count(*) FROM tasks)))::text AS picture,
    (SELECT k.secret FROM blocklist_key k WHERE k.tenant_id = %(tenant)s) AS secret
FROM subject
"""
PICTURES = {
    kind: PICTURE.format(
        subject=SUBJECT.format(kind=kind, view=view),
        records=records,
        contacts=LINKED.format("contact"),
        companies=LINKED.format("company"),
    )
    for kind, view, records in (
        ("contact", CONTACT, f"'contact', subject.record, 'company', {EMPLOYER}"),
        ("company", COMPANY, "'company', subject.record"),
    )
}
SHOWN = """
coalesce(c.name, o.name) AS name, coalesce(c.title, o.industry) AS title, coalesce(c.city, o.city) AS city,
coalesce(c.owner_id, o.owner_id) AS owner_id,
(SELECT e.raw FROM contact_email e WHERE e.tenant_id = %(tenant)s AND e.contact_id = page.record_id AND e.live
    ORDER BY e.position LIMIT 1) AS email,
coalesce(o.phone, (SELECT coalesce(p.e164, p.raw) FROM contact_phone p
    WHERE p.tenant_id = %(tenant)s AND p.contact_id = page.record_id AND p.live ORDER BY p.position LIMIT 1)) AS phone,
(SELECT d.domain FROM company_domain d WHERE d.tenant_id = %(tenant)s AND d.company_id = page.record_id AND d.live
    ORDER BY d.position LIMIT 1) AS domain,
(SELECT w.name FROM association a JOIN company w ON w.tenant_id = a.tenant_id AND w.id = a.to_id
    WHERE a.tenant_id = %(tenant)s AND a.from_id = page.record_id AND a.type_key = 'contact_company' AND a.is_primary
        AND w.deleted_at IS NULL LIMIT 1) AS company
"""
OF_HIT = """
LEFT JOIN contact c ON c.tenant_id = %(tenant)s AND c.id = page.record_id
LEFT JOIN company o ON o.tenant_id = %(tenant)s AND o.id = page.record_id
"""
OWNED = """
SELECT c.id FROM contact c WHERE c.tenant_id = %(tenant)s AND c.owner_id = %(owner)s::uuid AND c.deleted_at IS NULL
UNION ALL
SELECT o.id FROM company o WHERE o.tenant_id = %(tenant)s AND o.owner_id = %(owner)s::uuid AND o.deleted_at IS NULL
"""
IS_OWNED = """
(EXISTS (SELECT FROM contact c
    WHERE c.tenant_id = %(tenant)s AND c.id = {0} AND c.owner_id = %(owner)s::uuid AND c.deleted_at IS NULL)
OR EXISTS (SELECT FROM company o
    WHERE o.tenant_id = %(tenant)s AND o.id = {0} AND o.owner_id = %(owner)s::uuid AND o.deleted_at IS NULL))
"""
MEMBERS = """
SELECT m.record_id AS id FROM segment_member m WHERE m.tenant_id = %(tenant)s AND m.segment_id = %(segment)s::uuid
"""
IS_MEMBER = """
EXISTS (SELECT FROM segment_member m
    WHERE m.tenant_id = %(tenant)s AND m.segment_id = %(segment)s::uuid AND m.record_id = {0})
"""
