"""Statements that read what is linked to a record."""

from kontor_crm_core.record.redirects import LED_ON

EDGES = """
SELECT a.type_key, a.labels, a.is_primary, a.props, a.created_at, true AS forward, a.from_id AS near, a.to_id AS far
FROM association a WHERE a.tenant_id = %(tenant)s AND a.from_id = {near}
UNION ALL
SELECT a.type_key, a.labels, a.is_primary, a.props, a.created_at, false, a.to_id, a.from_id
FROM association a WHERE a.tenant_id = %(tenant)s AND a.to_id = {near}
"""
ABOUTS = """
SELECT 'about', '{}'::text[], false, '{}'::jsonb, NULL::timestamptz, true, l.activity_id, l.record_id
FROM activity_link l WHERE l.tenant_id = %(tenant)s AND l.activity_id = %(record)s
UNION ALL
SELECT 'about', '{}'::text[], false, '{}'::jsonb, NULL::timestamptz, false, l.record_id, l.activity_id
FROM activity_link l WHERE l.tenant_id = %(tenant)s AND l.record_id = %(record)s AND %(activities)s
"""
NAME = "coalesce(c.name, o.name, d.name, v.subject, '')"
NAMED = """
    LEFT JOIN contact c ON c.tenant_id = %(tenant)s AND c.id = {id}
    LEFT JOIN company o ON o.tenant_id = %(tenant)s AND o.id = {id}
    LEFT JOIN deal d ON d.tenant_id = %(tenant)s AND d.id = {id}
    LEFT JOIN activity v ON v.tenant_id = %(tenant)s AND v.id = {id}
"""
REACHED = f"""
WITH direct AS ({EDGES.format(near="%(record)s")} UNION ALL {ABOUTS}),
second AS (
    SELECT DISTINCT ON (e.far) e.*
    FROM (
        SELECT DISTINCT d.far FROM direct d
        JOIN record r ON r.tenant_id = %(tenant)s AND r.id = d.far AND r.deleted_at IS NULL
    ) first, LATERAL ({EDGES.format(near="first.far")}) e
    WHERE %(depth)s = 2 AND e.far <> %(record)s AND e.far NOT IN (SELECT far FROM direct)
    ORDER BY e.far, e.near, e.type_key
),
reached AS (
    SELECT 1 AS depth, NULL::uuid AS via, direct.* FROM direct
    UNION ALL
    SELECT 2, second.near, second.* FROM second
),
wanted AS (
    SELECT reached.*, r.object_type,
        CASE WHEN forward THEN coalesce(t.label, 'is about')
            ELSE coalesce(t.reverse_label, 'is subject of') END AS label
    FROM reached
    JOIN record r ON r.tenant_id = %(tenant)s AND r.id = reached.far AND r.deleted_at IS NULL
    LEFT JOIN association_type t ON t.tenant_id = %(tenant)s AND t.type_key = reached.type_key
    WHERE (%(type)s = '' OR reached.type_key = %(type)s) AND (%(record_type)s = '' OR r.object_type = %(record_type)s)
        AND (%(label)s = '' OR %(label)s = ANY(labels)
            OR %(label)s = CASE WHEN forward THEN coalesce(t.label, 'is about')
                ELSE coalesce(t.reverse_label, 'is subject of') END)
),
page AS (
    SELECT * FROM wanted
    WHERE (depth, far, type_key, forward) > (%(after_depth)s, %(after_far)s, %(after_type)s, %(after_forward)s)
    ORDER BY depth, far, type_key, forward LIMIT %(limit)s
)
SELECT page.depth, page.far, page.type_key, page.forward,
    (SELECT count(*) FROM (SELECT FROM wanted LIMIT %(most)s) AS counted) AS total,
    json_build_object(
        'record', json_build_object('id', page.far, 'type', page.object_type, 'name', {NAME}), 'type', page.type_key,
        'label', page.label, 'labels', page.labels, 'is_primary', page.is_primary, 'depth', page.depth,
        'linked_at', page.created_at,
        'properties', (SELECT json_agg(json_build_object('name', p.key, 'value', p.value) ORDER BY p.key)
            FROM jsonb_each(page.props) p),
        'via', CASE WHEN page.via IS NOT NULL THEN (
            SELECT json_build_object('id', r.id, 'type', r.object_type, 'name', {NAME})
            FROM record r {NAMED.format(id="r.id")}
            WHERE r.tenant_id = %(tenant)s AND r.id = page.via) END)::text AS linked
FROM page {NAMED.format(id="page.far")}
ORDER BY page.depth, page.far, page.type_key, page.forward
"""
KNOWN = f"SELECT id, object_type, deleted_at FROM record WHERE tenant_id = %(tenant)s AND id = {LED_ON}"
