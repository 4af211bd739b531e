"""Statements of lookup and search."""

from kontor_crm_core.record.queries import COUNTS
from kontor_crm_core.record.views import COMPANY, CONTACT

IDENTIFY = """
WITH found AS (
    SELECT 'id' AS key, r.object_type AS type, r.id FROM record r
    WHERE r.tenant_id = %(tenant)s AND r.id = %(id)s::uuid AND r.deleted_at IS NULL
    UNION ALL
    SELECT 'email', 'contact', e.contact_id FROM contact_email e
    WHERE e.tenant_id = %(tenant)s AND e.email_key = %(email)s AND e.live
    UNION ALL
    SELECT 'phone', s.object_type, s.record_id FROM search_term s
    WHERE s.tenant_id = %(tenant)s AND s.object_type IN ('contact', 'company') AND s.term = ANY(%(phones)s)
        AND s.fields & %(phone_field)s <> 0
    UNION ALL
    SELECT 'domain', 'company', d.company_id FROM company_domain d
    WHERE d.tenant_id = %(tenant)s AND d.domain = %(domain)s AND d.live
    UNION ALL
    SELECT 'external_id', x.object_type, x.record_id FROM external_id x
    WHERE x.tenant_id = %(tenant)s AND x.value = %(query)s AND x.live
    UNION ALL
    SELECT 'name', 'contact', c.id FROM contact c
    WHERE c.tenant_id = %(tenant)s AND c.name_key = %(name)s AND c.deleted_at IS NULL
    UNION ALL
    SELECT 'name', 'company', o.id FROM company o
    WHERE o.tenant_id = %(tenant)s AND o.name_key = %(name)s AND o.deleted_at IS NULL
)
SELECT f.id, f.type, array_agg(DISTINCT f.key) AS keys, coalesce(c.name, o.name) AS name
FROM (SELECT * FROM found WHERE type IN ('contact', 'company') LIMIT 200) f
LEFT JOIN contact c ON c.tenant_id = %(tenant)s AND c.id = f.id
LEFT JOIN company o ON o.tenant_id = %(tenant)s AND o.id = f.id
GROUP BY f.id, f.type, c.name, o.name
ORDER BY f.id
LIMIT %(limit)s
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
PICTURE = """
WITH {subject},
deals AS (
    SELECT a.from_id AS id FROM association a
    WHERE a.tenant_id = %(tenant)s AND a.to_id = %(id)s AND a.type_key IN ('deal_contact', 'deal_company')
),
open_deals AS (
    SELECT deal.*, stage.label FROM deals
    JOIN deal ON deal.tenant_id = %(tenant)s AND deal.id = deals.id
    JOIN stage ON stage.tenant_id = %(tenant)s AND stage.id = deal.stage_id
    WHERE deal.stage_kind = 'open' AND deal.deleted_at IS NULL
    ORDER BY deal.close_date NULLS LAST, deal.id LIMIT 5
),
last_activities AS (
    SELECT v.* FROM activity_link l JOIN activity v ON v.tenant_id = l.tenant_id AND v.id = l.activity_id
    WHERE l.tenant_id = %(tenant)s AND l.record_id = %(id)s AND l.live AND l.kind <> 'task'
    ORDER BY l.occurred_at DESC, l.activity_id DESC LIMIT 5
),
tasks AS (
    SELECT v.* FROM activity_link l JOIN activity v ON v.tenant_id = l.tenant_id AND v.id = l.activity_id
    WHERE l.tenant_id = %(tenant)s AND l.record_id = %(id)s AND l.live AND l.kind = 'task' AND v.status = 'open'
    ORDER BY v.due_key, v.id LIMIT 5
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
        'priority', priority, 'owner_id', owner_id) ORDER BY due_key, id) FROM tasks),
    'counts', ({counts}))::text AS picture
FROM subject
"""
PICTURES = {
    kind: PICTURE.format(
        subject=SUBJECT.format(kind=kind, view=view),
        records=records,
        counts=COUNTS.format(tenant="%(tenant)s", id="%(id)s"),
    )
    for kind, view, records in (
        ("contact", CONTACT, f"'contact', subject.record, 'company', {EMPLOYER}"),
        ("company", COMPANY, "'company', subject.record"),
    )
}
WORD_COUNTS = """
SELECT w.at, (SELECT count(*) FROM (
    SELECT FROM search_term s WHERE s.tenant_id = %(tenant)s AND s.object_type = ANY(%(types)s)
        AND s.term >= w.low AND s.term < w.high LIMIT %(most)s) AS counted) AS records
FROM unnest(%(lows)s::text[], %(highs)s::text[]) WITH ORDINALITY AS w(low, high, at)
ORDER BY records, w.at
"""
SEARCH = """
WITH driving AS MATERIALIZED (
    SELECT s.* FROM unnest(%(lows)s::text[], %(highs)s::text[]) AS w(low, high),
        unnest(%(types)s::text[]) AS t(kind),
        LATERAL (SELECT s.object_type, s.record_id, s.fields, s.term, s.term = w.low AS whole FROM search_term s
            WHERE s.tenant_id = %(tenant)s AND s.object_type = t.kind AND s.term >= w.low AND s.term < w.high
            ORDER BY s.term, s.record_id LIMIT %(candidates)s) s
),
candidate AS (
    SELECT object_type, record_id, bit_or(fields) AS fields,
        min(CASE WHEN whole AND fields & %(identifiers)s <> 0 THEN 1 WHEN whole THEN 2 ELSE 3 END) AS class,
        (array_agg(term ORDER BY NOT whole, term))[1] AS term,
        (array_agg(fields ORDER BY NOT whole, term))[1] AS term_fields
    FROM driving GROUP BY object_type, record_id
),
matching AS (
    SELECT candidate.*, greatest(candidate.class, other.class) AS worst
    FROM candidate
    JOIN record r ON r.tenant_id = %(tenant)s AND r.id = candidate.record_id AND r.deleted_at IS NULL
    CROSS JOIN LATERAL (
        SELECT max(CASE WHEN o.low = ANY(r.terms) THEN 2
            WHEN EXISTS (SELECT FROM unnest(r.terms) AS t(term)
                WHERE t.term COLLATE "C" >= o.low AND t.term COLLATE "C" < o.high) THEN 3
            ELSE 9 END) AS class
        FROM unnest(%(other_lows)s::text[], %(other_highs)s::text[]) AS o(low, high)
    ) other
    WHERE coalesce(other.class, 0) < 9
),
hit AS (
    SELECT m.*, c.name, c.title, c.city, c.owner_id, NULL::text AS phone FROM matching m
    JOIN contact c ON c.tenant_id = %(tenant)s AND c.id = m.record_id WHERE m.object_type = 'contact'
    UNION ALL
    SELECT m.*, o.name, o.industry, o.city, o.owner_id, o.phone FROM matching m
    JOIN company o ON o.tenant_id = %(tenant)s AND o.id = m.record_id WHERE m.object_type = 'company'
),
ranked AS (
    SELECT hit.*, -bit_count(fields::int::bit(32)) AS fewer,
        -coalesce((extract(epoch FROM s.last_activity_at) * 1000)::bigint, 0) AS older
    FROM hit LEFT JOIN record_stat s ON s.tenant_id = %(tenant)s AND s.record_id = hit.record_id
    WHERE %(owner)s::uuid IS NULL OR owner_id = %(owner)s::uuid
)
SELECT r.worst, r.fewer, r.older, r.record_id, r.term_fields, r.term, r.object_type, r.name, r.title, r.city,
    r.owner_id,
    (SELECT count(*) FROM ranked) AS total,
    (SELECT count(*) FROM driving) >= %(candidates)s AS capped,
    (SELECT e.raw FROM contact_email e WHERE e.tenant_id = %(tenant)s AND e.contact_id = r.record_id AND e.live
        ORDER BY e.position LIMIT 1) AS email,
    coalesce(r.phone, (SELECT coalesce(p.e164, p.raw) FROM contact_phone p
        WHERE p.tenant_id = %(tenant)s AND p.contact_id = r.record_id AND p.live ORDER BY p.position LIMIT 1)) AS phone,
    (SELECT d.domain FROM company_domain d WHERE d.tenant_id = %(tenant)s AND d.company_id = r.record_id AND d.live
        ORDER BY d.position LIMIT 1) AS domain,
    (SELECT o.name FROM association a JOIN company o ON o.tenant_id = a.tenant_id AND o.id = a.to_id
        WHERE a.tenant_id = %(tenant)s AND a.from_id = r.record_id AND a.type_key = 'contact_company' AND a.is_primary
            AND o.deleted_at IS NULL) AS company
FROM ranked r
WHERE (r.worst, r.fewer, r.older, r.record_id) > (%(worst)s, %(fewer)s, %(older)s, %(record)s::uuid)
ORDER BY r.worst, r.fewer, r.older, r.record_id
LIMIT %(limit)s
"""
NEAR = """
SELECT DISTINCT s.term FROM unnest(%(lows)s::text[], %(highs)s::text[]) AS w(low, high),
    LATERAL (SELECT s.term FROM search_term s WHERE s.tenant_id = %(tenant)s AND s.object_type = ANY(%(types)s)
        AND s.term >= w.low AND s.term < w.high LIMIT 500) s
"""
